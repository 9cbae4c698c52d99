//! The tables that `solve` writes.

use model_core::welfare::Decomposition;
use ndarray::Array1;

use super::Answer;
use super::years::over_partners;
use crate::economies::Trade;
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};

/// Results by country: welfare, its channels, income, factor prices, trade.
pub(super) fn countries(answer: &Answer) -> Table {
    let (economy, after) = (&answer.question.economy, &answer.last);
    let percent =
        |key: &str, heading: &str| Column::number(key, heading, "%", Format::Fixed(4), Provenance::Simulated);
    let mut columns = vec![Column::label("country", "Country"), percent("welfare_pct", "Welfare")];
    let channels = answer.decomposition().ok().map(channels);
    // A channel that is nothing anywhere is left out.
    let channels: Vec<_> = channels
        .into_iter()
        .flatten()
        .filter(|(_, _, values)| values.iter().any(|value| value.abs() > 1e-12))
        .collect();
    for (key, heading, _) in &channels {
        columns.push(Column::number(
            format!("channel_{key}_log_points"),
            *heading,
            "log points ×100",
            Format::Fixed(4),
            Provenance::Simulated,
        ));
    }
    columns.push(percent("consumption_price_pct", "Consumption price"));
    for factor in economy.labels().factors() {
        columns.push(percent(&format!("real_{factor}_price_pct"), &format!("Real {factor} price")));
    }
    columns.push(percent("exports_pct", "Exports"));
    columns.push(percent("imports_pct", "Imports"));

    let real_factor_price = after.real_factor_price_hat();
    let (trade_before, trade_after) = (Trade::of_baseline(economy), Trade::of_equilibrium(after));
    let mut table = Table::new("countries", title(answer), Kind::Simulated, columns, footer(answer));
    for (n, country) in economy.labels().countries().iter().enumerate() {
        let change = |hat: f64| Cell::from(100.0 * (hat - 1.0));
        let mut row = vec![country.as_str().into(), change(after.real_income_hat[n])];
        row.extend(channels.iter().map(|(_, _, values)| Cell::from(100.0 * values[n])));
        row.push(change(after.consumption_price_hat[n]));
        row.extend(real_factor_price.row(n).iter().map(|hat| change(*hat)));
        for (before, after) in
            [(&trade_before.exports, &trade_after.exports), (&trade_before.imports, &trade_after.imports)]
        {
            row.push((before[n] > 0.0).then(|| 100.0 * (after[n] / before[n] - 1.0)).into());
        }
        table.row(row);
    }
    table.note(
        "Welfare is exact: real income, final spending over the price of consumption. Its channels are integrated \
         along the path of the shock and add up to its logarithm. Trade at border prices, without a country's trade \
         with itself. Values are measured in world factor income.",
    );
    if let Err(reason) = answer.decomposition() {
        table.note(format!("No welfare by channel: {reason}."));
    }
    table
}

/// Channels of welfare by country: key, heading, logs.
pub(super) fn channels(parts: &Decomposition) -> Vec<(&'static str, &'static str, Array1<f64>)> {
    vec![
        ("terms_of_trade", "terms of trade", over_partners(&parts.terms_of_trade)),
        (
            "critical_terms_of_trade",
            "terms of trade, critical inputs",
            over_partners(&parts.critical_terms_of_trade),
        ),
        ("quota_rents", "rents of restrictions", over_partners(&parts.quota_rents)),
        ("technology", "technology", parts.technology.clone()),
        ("tariff_volume", "tariff volume", over_partners(&parts.tariff_volume)),
        ("export_tax_volume", "export-tax volume", over_partners(&parts.export_tax_volume)),
        ("productivity", "productivity", parts.productivity.clone()),
        ("trade_costs", "trade costs", parts.trade_costs.clone()),
        ("endowments", "endowments", parts.endowments.clone()),
        ("transfers", "transfers", parts.transfers.clone()),
        ("tastes", "tastes", parts.tastes.clone()),
    ]
}

/// Results by country and sector.
pub(super) fn sectors(answer: &Answer) -> Table {
    let (economy, after) = (&answer.question.economy, &answer.last);
    let unit = &economy.metadata().unit;
    let hat = |key: &str, heading: &str| {
        Column::number(key, heading, "new over old", Format::Fixed(4), Provenance::Simulated)
    };
    let value = |key: &str, heading: &str, provenance| {
        Column::number(key, heading, unit.as_str(), Format::Fixed(1), provenance)
    };
    let columns = vec![
        Column::label("country", "Country"),
        Column::label("sector", "Sector"),
        hat("price_hat", "Price"),
        hat("cost_hat", "Cost"),
        value("output_before", "Output before", Provenance::Derived),
        value("output_after", "Output after", Provenance::Simulated),
        value("expenditure_before", "Expenditure before", Provenance::Derived),
        value("expenditure_after", "Expenditure after", Provenance::Simulated),
    ];
    let mut table = Table::new("sectors", title(answer), Kind::Simulated, columns, footer(answer));
    for (n, country) in economy.labels().countries().iter().enumerate() {
        for (j, sector) in economy.labels().sectors().iter().enumerate() {
            table.row(vec![
                country.as_str().into(),
                sector.as_str().into(),
                after.price_hat[[n, j]].into(),
                after.cost_hat[[n, j]].into(),
                economy.output()[[n, j]].into(),
                after.output[[n, j]].into(),
                economy.expenditure()[[n, j]].into(),
                after.expenditure[[n, j]].into(),
            ]);
        }
    }
    table
}

/// Every flow that is there before or after, trade of a country with itself included.
pub(super) fn trade(answer: &Answer) -> Table {
    let (economy, after) = (&answer.question.economy, &answer.last);
    let unit = &economy.metadata().unit;
    let value = |key: &str, heading: &str, provenance| {
        Column::number(key, heading, unit.as_str(), Format::Fixed(1), provenance)
    };
    let rate = |key: &str, heading: &str, provenance| {
        Column::number(key, heading, "fraction", Format::Fixed(4), provenance)
    };
    let columns = vec![
        Column::label("importer", "Importer"),
        Column::label("exporter", "Exporter"),
        Column::label("sector", "Sector"),
        value("flow_before", "Flow before, at the border", Provenance::Derived),
        value("flow_after", "Flow after, at the border", Provenance::Simulated),
        rate("tariff_before", "Tariff before", Provenance::Derived),
        rate("tariff_after", "Tariff after", Provenance::Simulated),
        rate("export_tax_before", "Export tax before", Provenance::Derived),
        rate("export_tax_after", "Export tax after", Provenance::Simulated),
    ];
    let mut table = Table::new("trade", title(answer), Kind::Simulated, columns, footer(answer));
    let (flows_before, flows_after) = (economy.border_flows(), after.border_flows());
    let labels = economy.labels();
    for ((n, i, j), &before) in flows_before.indexed_iter() {
        let now = flows_after[[n, i, j]];
        if before == 0.0 && now == 0.0 {
            continue;
        }
        table.row(vec![
            labels.countries()[n].as_str().into(),
            labels.countries()[i].as_str().into(),
            labels.sectors()[j].as_str().into(),
            before.into(),
            now.into(),
            economy.tariff()[[n, i, j]].into(),
            after.tariff[[n, i, j]].into(),
            economy.export_tax()[[n, i, j]].into(),
            after.export_tax[[n, i, j]].into(),
        ]);
    }
    table
}

pub(super) fn title(answer: &Answer) -> String {
    if answer.scenario.title.is_empty() {
        "A counterfactual".to_owned()
    } else {
        answer.scenario.title.clone()
    }
}

pub(super) fn footer(answer: &Answer) -> Footer {
    let metadata = answer.question.economy.metadata();
    let name = if metadata.name.is_empty() { "an unnamed economy" } else { &metadata.name };
    Footer {
        data: match metadata.year {
            Some(year) => format!("{name}, {year}"),
            None => name.to_owned(),
        },
        estimator: format!(
            "exact hat algebra, largest relative market residual {:.1e}",
            answer.last.residual.max()
        ),
        variance: "none (no sampling)".to_owned(),
        seed: None,
        inputs: "the baseline is derived from data, as economy.json states; the change is assumed".to_owned(),
    }
}
