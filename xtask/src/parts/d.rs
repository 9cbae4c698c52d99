//! Part D: the shipped world economy, which needs no raw data. Gains from trade, and a tariff experiment.

use counterfactuals::Scenario;
use model_core::welfare::{DecompositionSettings, GainsModel, decompose, first_order, gains_from_trade};
use model_core::{
    Deficits, Economy, EconomyParts, Equilibrium, Labels, Shock, ShockError, SolveError, SolverSettings,
};
use ndarray::{Array1, Array3, Axis};

use super::{Inputs, Made};
use crate::economies::{self, Trade};
use crate::error::Error;
use crate::report::figure::{Bars, Chart, Figure};
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};

/// D1: what every economy would lose without trade, by the formulas and by solving for autarky.
pub(super) fn gains(inputs: &Inputs) -> Result<Made, Error> {
    let economy = economies::open(economies::SHIPPED)?;
    let pooled = inputs.published.number("A1", "theta, Aggregate")?;
    let formula = |economy: &Economy, model| {
        gains_from_trade(economy, model).map_err(Error::library("gains from trade by formula"))
    };
    let one_sector = formula(&economy, GainsModel::OneSector { theta: pooled })?;
    let many_sectors = formula(&economy, GainsModel::MultiSector)?;
    let with_inputs = formula(&economy, GainsModel::MultiSectorInputs)?;
    let one_factor = balanced(&single_factor(economy.parts())?)?;
    let balanced_formula = formula(&one_factor, GainsModel::MultiSectorInputs)?;
    let solved = autarky(&one_factor)?;
    let factors = economy.labels().factors();
    let many_factors = if factors.len() > 1 { Some(autarky(&balanced(economy.parts())?)?) } else { None };

    let percent = |key: &str, heading: &str| {
        Column::number(key, heading, "% of income", Format::Fixed(2), Provenance::Simulated)
    };
    let mut columns = vec![
        Column::label("country", "Economy"),
        percent("one_sector_pct", "One sector"),
        percent("many_sectors_pct", "Many sectors"),
        percent("with_inputs_pct", "With inputs"),
        percent("balanced_with_inputs_pct", "With inputs, balanced trade"),
        percent("solved_autarky_pct", "Solved autarky"),
    ];
    if many_factors.is_some() {
        columns.push(percent("solved_autarky_all_factors_pct", "Solved autarky, all factors"));
    }
    let title = format!("Gains from trade against autarky, {}", name_of(&economy));
    let mut table = Table::new(
        "D1",
        title,
        Kind::ReEstimated,
        columns,
        footer(
            &economy,
            "closed forms of Arkolakis, Costinot and Rodriguez-Clare (2012) and Costinot and Rodriguez-Clare (2014); autarky solved in exact hat algebra",
        ),
    );
    let mut gap: f64 = 0.0;
    for (n, country) in economy.labels().countries().iter().enumerate() {
        if let Some(solved) = solved[n] {
            gap = gap.max((solved - balanced_formula[n]).abs());
        }
        let mut row: Vec<Cell> = vec![country.as_str().into()];
        for gains in [&one_sector, &many_sectors, &with_inputs, &balanced_formula] {
            row.push((100.0 * gains[n]).into());
        }
        row.push(solved[n].map(|gain| 100.0 * gain).into());
        if let Some(many) = &many_factors {
            row.push(many[n].map(|gain| 100.0 * gain).into());
        }
        table.row(row);
    }
    table.note(format!(
        "The share of real income that an economy would lose by going to autarky. One sector: all goods together, with \
         the pooled trade elasticity {pooled} of Caliendo and Parro (2015). Many sectors: elasticities by sector. With \
         inputs: the input-output links as well. Balanced trade: the same after aggregate deficits have been closed."
    ));
    table.note(format!(
        "Solved autarky cuts one economy off at a time and solves for its equilibrium, with all factors taken as one, as \
         the formula assumes; it differs from the formula by at most {gap:.1e} of income."
    ));
    if many_factors.is_some() {
        let factors = factors.join(", ");
        table.note(format!("All factors: {factors} kept apart, so that relative factor prices move."));
    }
    if solved.iter().any(Option::is_none) {
        table.note(
            "– : the economy has no domestic supplier of something that it needs; autarky is not defined.",
        );
    }
    let series = |name: &str, gains: &Array1<f64>| Bars {
        name: name.to_owned(),
        values: gains.iter().map(|gain| Some(100.0 * gain)).collect(),
    };
    let figure = Figure {
        id: "D1".to_owned(),
        title: format!("Gains from trade, {}", name_of(&economy)),
        description:
            "Bars by economy: the share of real income that it would lose in autarky, in a model of one \
                      sector, of many sectors, and of many sectors with input-output links."
                .to_owned(),
        chart: Chart::Bar {
            value: "% of real income".to_owned(),
            categories: economy.labels().countries().to_vec(),
            series: vec![
                series("one sector", &one_sector),
                series("many sectors", &many_sectors),
                series("with inputs", &with_inputs),
            ],
        },
    };
    Ok(Made { tables: vec![table], figures: vec![figure], checks: Vec::new() })
}

/// D2: the example shock file, solved: welfare, its channels and trade.
pub(super) fn tariff(_inputs: &Inputs) -> Result<Made, Error> {
    let economy = economies::open(economies::SHIPPED)?;
    let text = include_str!("../../../examples/shocks/usa-china-tariff.toml");
    let name = "examples/shocks/usa-china-tariff.toml";
    let scenario = Scenario::parse(text, &economy, &[]).map_err(Error::library(name))?;
    let question = scenario.resolve(&economy, &scenario.central()).map_err(Error::library(name))?;
    let shock = &question.periods[0].shock;
    let parts = decompose(&economy, shock, &DecompositionSettings::default())
        .map_err(Error::library("the tariff experiment"))?;
    let after = &parts.equilibrium;
    let approximate =
        first_order(&economy, after).map_err(Error::library("the tariff experiment to first order"))?;
    let terms_of_trade = parts.terms_of_trade.sum_axis(Axis(1));
    let volume = parts.tariff_volume.sum_axis(Axis(1)) + parts.export_tax_volume.sum_axis(Axis(1));
    let (before_trade, after_trade) = (Trade::of_baseline(&economy), Trade::of_equilibrium(after));

    let number = |key: &str, heading: &str, unit: &str| {
        Column::number(key, heading, unit, Format::Fixed(4), Provenance::Simulated)
    };
    let columns = vec![
        Column::label("country", "Economy"),
        number("welfare_pct", "Welfare", "%"),
        number("terms_of_trade_log_points", "Terms of trade", "log ×100"),
        number("volume_of_trade_log_points", "Volume of trade", "log ×100"),
        number("first_order_pct", "First order", "%"),
        number("exports_pct", "Exports", "%"),
        number("imports_pct", "Imports", "%"),
    ];
    let method = format!(
        "exact hat algebra, deficits fixed in world factor income; channels integrated along the path ({} equilibria); \
         largest relative market residual {:.1e}",
        parts.solves,
        after.residual.max()
    );
    let mut table =
        Table::new("D2", scenario.title.clone(), Kind::ReEstimated, columns, footer(&economy, &method));
    let growth = |before: f64, after: f64| Cell::from(100.0 * (after / before - 1.0));
    for (n, country) in economy.labels().countries().iter().enumerate() {
        table.row(vec![
            country.as_str().into(),
            (100.0 * (after.real_income_hat[n] - 1.0)).into(),
            (100.0 * terms_of_trade[n]).into(),
            (100.0 * volume[n]).into(),
            (100.0 * approximate.welfare[n]).into(),
            growth(before_trade.exports[n], after_trade.exports[n]),
            growth(before_trade.imports[n], after_trade.imports[n]),
        ]);
    }
    table.note(
        "Welfare is the exact change of real income; its logarithm is the sum of the two channels (deficits keep their value, so transfers add nothing). First order: \
         Caliendo and Parro's (2015) terms at the baseline, for comparison. Trade at border prices.",
    );
    table.note(format!("The change: {}.", scenario.words.join("; ")));

    let bars = |name: &str, values: &Array1<f64>| Bars {
        name: name.to_owned(),
        values: values.iter().map(|value| Some(100.0 * value)).collect(),
    };
    let figure = Figure {
        id: "D2".to_owned(),
        title: scenario.title.clone(),
        description:
            "Bars by economy: the exact change of real income and its parts from the terms of trade and from \
                      the volume of trade."
                .to_owned(),
        chart: Chart::Bar {
            value: "log points ×100".to_owned(),
            categories: economy.labels().countries().to_vec(),
            series: vec![
                bars("real income", &parts.total),
                bars("terms of trade", &terms_of_trade),
                bars("volume of trade", &volume),
            ],
        },
    };
    let (sources, sources_figure) = sources(&economy, after, &method)?;
    Ok(Made { tables: vec![table, sources], figures: vec![figure, sources_figure], checks: Vec::new() })
}

/// Where the tariff's importer buys instead: its imports from every source, before and after.
fn sources(economy: &Economy, after: &Equilibrium, method: &str) -> Result<(Table, Figure), Error> {
    let labels = economy.labels();
    let importer = labels.country("USA").ok_or_else(|| Error::Report {
        table: "D2-sources".to_owned(),
        problem: "the shipped economy has no `USA`".to_owned(),
    })?;
    let (flows_before, flows_after) = (economy.border_flows(), after.border_flows());
    let unit = economy.metadata().unit.as_str();
    let columns = vec![
        Column::label("source", "Source"),
        Column::number("imports_before", "Before", unit, Format::Integer, Provenance::Derived),
        Column::number("imports_after", "After", unit, Format::Integer, Provenance::Simulated),
        Column::number("change_pct", "Change", "%", Format::Fixed(2), Provenance::Simulated),
    ];
    let title = "Imports of the USA by source, before and after the tariff";
    let mut table = Table::new("D2-sources", title, Kind::ReEstimated, columns, footer(economy, method));
    let mut bars = Vec::new();
    let mut categories = Vec::new();
    for (i, source) in labels.countries().iter().enumerate().filter(|(i, _)| *i != importer) {
        let of = |flows: &Array3<f64>| flows.index_axis(Axis(0), importer).index_axis(Axis(0), i).sum();
        let (before, after): (f64, f64) = (of(&flows_before), of(&flows_after));
        let change = 100.0 * (after / before - 1.0);
        table.row(vec![source.as_str().into(), before.into(), after.into(), change.into()]);
        categories.push(source.clone());
        bars.push(Some(change));
    }
    table.note("Values at the border, before the tariff.");
    let figure = Figure {
        id: "D2-sources".to_owned(),
        title: "Imports of the USA by source after the tariff".to_owned(),
        description: "Bars by source: the change of the value of what the USA imports from it.".to_owned(),
        chart: Chart::Bar {
            value: "% change of import value".to_owned(),
            categories,
            series: vec![Bars { name: "imports".to_owned(), values: bars }],
        },
    };
    Ok((table, figure))
}

/// The share of income that each country loses when it alone is cut off; `None` where autarky is not defined.
fn autarky(economy: &Economy) -> Result<Vec<Option<f64>>, Error> {
    let dims = economy.dims();
    (0..dims.countries)
        .map(|alone| {
            let cut = |(n, i, _): (usize, usize, usize)| (n == alone) != (i == alone);
            let iceberg =
                Array3::from_shape_fn(
                    economy.tariff().raw_dim(),
                    |at| {
                        if cut(at) { f64::INFINITY } else { 1.0 }
                    },
                );
            let shock = Shock { iceberg_hat: Some(iceberg), ..Shock::default() };
            match economy.solve(&shock, &SolverSettings::default()) {
                Ok(equilibrium) => Ok(Some(1.0 - equilibrium.real_income_hat[alone])),
                Err(SolveError::Shock(ShockError::NoSupplier { .. })) => Ok(None),
                Err(error) => Err(Error::library("autarky")(error)),
            }
        })
        .collect()
}

/// The economy that the same shares imply when no country runs a deficit.
fn balanced(parts: &EconomyParts) -> Result<Economy, Error> {
    parts
        .equilibrate(&Deficits::Zero, &SolverSettings::default())
        .map(|(economy, _)| economy)
        .map_err(Error::library("the baseline without deficits"))
}

/// The same economy with all factors taken as one.
fn single_factor(parts: &EconomyParts) -> Result<EconomyParts, Error> {
    let (countries, sectors) = (parts.labels.countries().to_vec(), parts.labels.sectors().to_vec());
    let labels = Labels::new(countries, sectors, ["all factors"]).map_err(Error::library("labels"))?;
    let factor_share = parts.factor_share.sum_axis(Axis(2)).insert_axis(Axis(2));
    let factor_income = parts.factor_income.sum_axis(Axis(1)).insert_axis(Axis(1));
    Ok(EconomyParts { labels, factor_share, factor_income, ..parts.clone() })
}

fn name_of(economy: &Economy) -> String {
    let metadata = economy.metadata();
    metadata.year.map_or_else(|| metadata.name.clone(), |year| format!("world economy {year}"))
}

fn footer(economy: &Economy, method: &str) -> Footer {
    let metadata = economy.metadata();
    Footer {
        data: format!("{}, shipped: {}", metadata.name, metadata.provenance.join("; ")),
        estimator: method.to_owned(),
        variance: "none (no sampling)".to_owned(),
        seed: None,
        inputs: "the baseline is derived from data that were read; elasticities as the economy's provenance states; \
                 the change is assumed"
            .to_owned(),
    }
}
