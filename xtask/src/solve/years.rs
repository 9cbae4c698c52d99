//! Tables by year, where a scenario has years, and of what is particular to critical inputs.

use model_core::Equilibrium;
use ndarray::Axis;

use super::Answer;
use super::tables::{channels, footer, title};
use crate::report::table::{Cell, Column, Format, Kind, Provenance, Table};

fn number(key: &str, heading: &str, unit: &str) -> Column {
    Column::number(key, heading, unit, Format::Fixed(4), Provenance::Simulated)
}

fn new(id: &str, answer: &Answer, columns: Vec<Column>) -> Table {
    let year = answer.outcome.path().map(|_| Column::label("year", "Year"));
    let columns = year.into_iter().chain(columns).collect();
    Table::new(id, title(answer), Kind::Simulated, columns, footer(answer))
}

/// The year of each equilibrium as a first cell; none in the long run.
fn equilibria(answer: &Answer) -> Vec<(Vec<Cell>, &Equilibrium)> {
    match answer.outcome.path() {
        Some(path) => {
            path.years.iter().map(|y| (vec![y.year.to_string().as_str().into()], &y.equilibrium)).collect()
        }
        None => answer.outcome.equilibria().into_iter().map(|e| (Vec::new(), e)).collect(),
    }
}

fn percent(hat: f64) -> Cell {
    Cell::from(100.0 * (hat - 1.0))
}

/// Prices of the critical inputs by country: what users pay, and what makers get.
pub(super) fn prices(answer: &Answer) -> Option<Table> {
    let critical = answer.question.economy.critical()?;
    let columns = vec![
        Column::label("country", "Country"),
        Column::label("sector", "Critical input"),
        number("price_hat", "Price to users", "new over old"),
        number("cost_hat", "Price at the mine", "new over old"),
        number("real_price_hat", "Price to users over consumption's", "new over old"),
    ];
    let mut table = new("prices", answer, columns);
    let labels = answer.question.economy.labels();
    for (year, after) in equilibria(answer) {
        for (n, country) in labels.countries().iter().enumerate() {
            for &j in &critical.sectors {
                let makes = answer.question.economy.output()[[n, j]] > 0.0;
                let mut row = year.clone();
                row.extend([
                    Cell::from(country.as_str()),
                    labels.sectors()[j].as_str().into(),
                    after.price_hat[[n, j]].into(),
                    makes.then(|| after.cost_hat[[n, j]]).into(),
                    (after.price_hat[[n, j]] / after.consumption_price_hat[n]).into(),
                ]);
                table.row(row);
            }
        }
    }
    Some(table)
}

/// What became of each restriction.
pub(super) fn restrictions(answer: &Answer) -> Option<Table> {
    let columns = vec![
        Column::label("restriction", "Restriction"),
        Column::label("binds", "Binds"),
        number("wedge", "Wedge", "price abroad over price at the mine"),
        number("volume_hat", "Volume", "new over old"),
        number("rent", "Rent", answer.question.economy.metadata().unit.as_str()),
    ];
    let mut table = new("restrictions", answer, columns);
    let labels = answer.question.economy.labels();
    let mut any = false;
    for ((year, after), period) in equilibria(answer).into_iter().zip(&answer.question.periods) {
        for (restriction, outcome) in period.shock.restrictions.iter().zip(&after.restrictions) {
            let (sector, exporter) =
                (&labels.sectors()[restriction.sector], &labels.countries()[restriction.exporter]);
            let finite = |value: f64| value.is_finite().then_some(value);
            let mut row = year.clone();
            row.extend([
                Cell::from(format!("{sector} of {exporter}").as_str()),
                if outcome.binds() { "yes" } else { "no" }.into(),
                finite(outcome.wedge).into(),
                outcome.volume_hat.into(),
                outcome.rent.into(),
            ]);
            table.row(row);
            any = true;
        }
    }
    table.note("A wedge that is missing is that of a flow that stops.");
    any.then_some(table)
}

/// Technology by country and using sector, in the long run or the last year.
pub(super) fn technology(answer: &Answer) -> Option<Table> {
    let critical = answer.last.critical.as_ref()?;
    let baseline = answer.question.economy.critical_share();
    let columns = vec![
        Column::label("country", "Country"),
        Column::label("sector", "Sector"),
        number("share_before", "Share of the input in cost before", "%"),
        number("share_after", "after", "%"),
        number("critical_productivity_hat", "Productivity of the input", "new over old"),
        number("other_productivity_hat", "Productivity of everything else", "new over old"),
        number("output_pct", "Output", "%"),
    ];
    let mut table = Table::new("technology", title(answer), Kind::Simulated, columns, footer(answer));
    let (labels, output) = (answer.question.economy.labels(), answer.question.economy.output());
    for ((n, j), &share) in baseline.indexed_iter().filter(|(_, share)| **share > 0.0) {
        table.row(vec![
            labels.countries()[n].as_str().into(),
            labels.sectors()[j].as_str().into(),
            (100.0 * share).into(),
            (100.0 * critical.share[[n, j]]).into(),
            critical.augmentation.critical[[n, j]].into(),
            critical.augmentation.other[[n, j]].into(),
            (output[[n, j]] > 0.0)
                .then(|| 100.0 * (answer.last.output[[n, j]] / output[[n, j]] - 1.0))
                .into(),
        ]);
    }
    Some(table)
}

/// Real income along a path, and what it is worth.
pub(super) fn path(answer: &Answer) -> Option<Table> {
    let path = answer.outcome.path()?;
    let labels = answer.question.economy.labels();
    let mut columns = vec![Column::label("country", "Country")];
    columns.extend(
        path.years.iter().map(|y| number(&format!("welfare_{}_pct", y.year), &y.year.to_string(), "%")),
    );
    columns.push(number("welfare_discounted_pct", "Discounted", "%"));
    let mut table = Table::new("path", title(answer), Kind::Simulated, columns, footer(answer));
    let discounted = path.discounted_real_income_hat();
    for (n, country) in labels.countries().iter().enumerate() {
        let mut row = vec![Cell::from(country.as_str())];
        row.extend(path.years.iter().map(|y| percent(y.equilibrium.real_income_hat[n])));
        row.push(percent(discounted[n]));
        table.row(row);
    }
    table.note(format!(
        "Welfare over the baseline's, exact, and the constant change that is worth as much with logarithmic utility, later \
         years discounted at {} a year.",
        path.discount
    ));
    Some(table)
}

/// Welfare by channel, by year where there are years.
pub(super) fn decomposition(answer: &Answer) -> Option<Table> {
    let list = answer.decompositions.as_ref().ok().filter(|list| !list.is_empty())?;
    let all: Vec<_> = list.iter().map(|(_, parts)| channels(parts)).collect();
    let used: Vec<usize> = (0..all[0].len())
        .filter(|k| all.iter().any(|year| year[*k].2.iter().any(|value| value.abs() > 1e-12)))
        .collect();
    let mut columns = vec![Column::label("country", "Country")];
    columns.extend(
        used.iter().map(|k| number(&format!("{}_log_points", all[0][*k].0), all[0][*k].1, "log points ×100")),
    );
    columns.push(number("total_log_points", "Exact total", "log points ×100"));
    let mut table = new("decomposition", answer, columns);
    for ((year, parts), channels) in list.iter().zip(&all) {
        for (n, country) in answer.question.economy.labels().countries().iter().enumerate() {
            let mut row: Vec<Cell> = year.iter().map(|year| year.to_string().as_str().into()).collect();
            row.push(country.as_str().into());
            row.extend(used.iter().map(|k| Cell::from(100.0 * channels[*k].2[n])));
            row.push((100.0 * parts.total[n]).into());
            table.row(row);
        }
    }
    let largest =
        list.iter().flat_map(|(_, p)| (&p.sum - &p.total).into_iter()).fold(0.0, |a: f64, b| a.max(b.abs()));
    table.note(format!("The parts miss the total by at most {largest:.0e} in logs."));
    Some(table)
}

/// The scenario's numbers.
pub(super) fn parameters(answer: &Answer) -> Option<Table> {
    let columns = vec![
        Column::label("parameter", "Parameter"),
        Column::number("value", "Value", "", Format::Fixed(4), Provenance::Assumed),
        Column::label("uncertainty", "Uncertainty"),
        Column::label("source", "Source"),
    ];
    let mut table = Table::new("parameters", title(answer), Kind::Simulated, columns, footer(answer));
    for parameter in &answer.scenario.parameters {
        table.row(vec![
            parameter.name.as_str().into(),
            parameter.value.into(),
            parameter.spread.to_string().into(),
            parameter.source.as_str().into(),
        ]);
    }
    (!answer.scenario.parameters.is_empty()).then_some(table)
}

/// A channel that has partners, over all of them.
pub(super) fn over_partners(part: &ndarray::Array2<f64>) -> ndarray::Array1<f64> {
    part.sum_axis(Axis(1))
}
