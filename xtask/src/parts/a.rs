//! Part A: the engines, held against published tables.

use calibration::caliendo_parro::{ElasticityData, NaftaData, TripleSample};
use calibration::trade_elasticity::tariffs;
use estimation::Vcov;
use model_core::welfare::{DecompositionSettings, decompose, first_order};
use model_core::{Deficits, SolverSettings};
use ndarray::Axis;

use super::{Inputs, Made, a_gravity};
use crate::error::Error;
use crate::report::figure::{Chart, Figure, Labelled};
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};

pub(super) const CALIENDO_PARRO: &str =
    "Caliendo and Parro (2015), Review of Economic Studies 82(1), replication data";
/// How closely the exact channels of welfare add up, relative to their size. NAFTA leaves third countries with changes of
/// a few parts in a million, where rounding ends what finer steps gain.
const CHANNELS_ADD_TO: f64 = 1e-6;

/// A1: trade elasticities by triple differences.
pub(super) fn elasticities(inputs: &Inputs) -> Result<Made, Error> {
    let data = ElasticityData::load(&inputs.set("cp2015")?)
        .map_err(Error::library("Caliendo and Parro's sample"))?;
    let vcov = Vcov::Hc1;
    let estimate = |name: &str, sample: TripleSample| -> Result<(f64, f64, usize), Error> {
        let fit = sample.theta(&vcov).map_err(Error::library(format!("the trade elasticity of {name}")))?;
        Ok((fit.estimates().coefficients()[0], fit.estimates().std_errors()[0], sample.y.len()))
    };

    let columns = vec![
        Column::label("sector", "Sector"),
        Column::number("theta", "θ", "", Format::Fixed(2), Provenance::Estimated),
        Column::number("std_error", "s.e.", "", Format::StandardError(2), Provenance::Estimated),
        Column::number("n", "N", "", Format::Integer, Provenance::Derived),
        Column::number(
            "std_error_pairs",
            "s.e., shared pairs",
            "",
            Format::StandardError(2),
            Provenance::Estimated,
        ),
        Column::number(
            "theta_effects",
            "θ, country and pair effects",
            "",
            Format::Fixed(2),
            Provenance::Estimated,
        ),
        Column::number("std_error_effects", "s.e.", "", Format::StandardError(2), Provenance::Estimated),
    ];
    let footer = Footer {
        data: format!("{CALIENDO_PARRO}: 16 countries, imports 1993, tariffs 1989-1995"),
        estimator: "OLS without a constant on triple differences, y = -θ x + e; beside it OLS of log imports with exporter, \
                    importer and symmetric pair effects; last line efficient GMM on the sectors' moments"
            .to_owned(),
        variance: "heteroskedasticity-robust, n/(n-1) (HC1); s.e., shared pairs, and of GMM: robust to \
                   the pairs of countries that triples share, in all sectors; with effects: clustered by pair of countries over all sectors"
            .to_owned(),
        seed: None,
        inputs: "read".to_owned(),
    };
    let mut table = Table::new("A1", "Trade elasticities by sector", Kind::Replicated, columns, footer);
    let mut checks = Vec::new();
    let triples = tariffs::triples(&data).map_err(Error::library("all sectors' triple differences"))?;
    let effects = tariffs::effects(&data).map_err(Error::library("log imports with effects"))?;
    let mut add = |name: &str, sample: TripleSample, table: &mut Table| -> Result<(), Error> {
        let (theta, std_error, n) = estimate(name, sample)?;
        let (triple, effect) = (triples.coefficient(name).ok(), effects.coefficient(name).ok());
        table.row(vec![
            name.into(),
            theta.into(),
            std_error.into(),
            n.into(),
            triple.map(|c| c.std_error).into(),
            effect.as_ref().map(|c| c.estimate).into(),
            effect.map(|c| c.std_error).into(),
        ]);
        checks.push(inputs.published.check("A1", &format!("theta, {name}"), theta)?);
        checks.push(inputs.published.check("A1", &format!("s.e., {name}"), std_error)?);
        checks.push(inputs.published.check("A1", &format!("N, {name}"), n as f64)?);
        Ok(())
    };
    for (sector, sample) in data.by_sector() {
        add(sector, sample, &mut table)?;
    }
    table.rule();
    add("Aggregate", data.pooled(), &mut table)?;
    let gmm = tariffs::pooled(&data).map_err(Error::library("one elasticity for all sectors by GMM"))?;
    table.row(vec![
        "All sectors, GMM".into(),
        gmm.theta[0].into(),
        gmm.standard_errors()[0].into(),
        gmm.observations.into(),
        Cell::absent(),
        Cell::absent(),
        Cell::absent(),
    ]);
    if let Some(test) = gmm.hansen().map_err(Error::library("Hansen's test"))? {
        table.note(format!(
            "All sectors, GMM: one θ that meets the moments of {} sectors as nearly as may be; Hansen's J of the hypothesis that \
             θ is the same in all: {:.1}, p = {:.4}. – : does not apply.",
            data.sectors().len(),
            test.statistic,
            test.p_value
        ));
    }
    table.note(
        "For each unordered triple of countries, imports over reverse imports around the triangle, in logs, on the same \
         of gross tariffs; triples with a zero or missing flow or tariff are left out. Aggregate: all sectors pooled.",
    );
    let gravity = a_gravity::table(&data, &triples, &effects, &gmm)?;
    Ok(Made { tables: vec![table, gravity], figures: Vec::new(), checks })
}

/// A2: welfare effects of NAFTA's tariffs: first order as printed, exact, and the exact change by channel.
pub(super) fn nafta(inputs: &Inputs) -> Result<Made, Error> {
    let data =
        NaftaData::load(&inputs.set("cp2015")?).map_err(Error::library("Caliendo and Parro's data"))?;
    let settings = SolverSettings::default();
    let (baseline, _) = data
        .parts()
        .equilibrate(&Deficits::Zero, &settings)
        .map_err(Error::library("the 1993 baseline without deficits"))?;
    let shock = data.nafta(&baseline);
    let parts = decompose(
        &baseline,
        &shock,
        &DecompositionSettings { tolerance: CHANNELS_ADD_TO, ..DecompositionSettings::default() },
    )
    .map_err(Error::library("NAFTA's tariffs"))?;
    let after = &parts.equilibrium;
    let printed = first_order(&baseline, after).map_err(Error::library("NAFTA's tariffs to first order"))?;
    let terms_of_trade = parts.terms_of_trade.sum_axis(Axis(1));
    let volume = parts.tariff_volume.sum_axis(Axis(1));

    let number = |key: &str, heading: &str, unit: &str, digits| {
        Column::number(key, heading, unit, Format::Fixed(digits), Provenance::Simulated)
    };
    let columns = vec![
        Column::label("country", "Country"),
        number("first_order_welfare_pct", "Welfare", "%", 2),
        number("first_order_terms_of_trade_pct", "Terms of trade", "%", 2),
        number("first_order_volume_of_trade_pct", "Volume of trade", "%", 2),
        number("real_wage_pct", "Real wage", "%", 2),
        number("exact_welfare_pct", "Exact welfare", "%", 4),
        number("exact_terms_of_trade_log_points", "Exact terms of trade", "log ×100", 4),
        number("exact_volume_of_trade_log_points", "Exact volume of trade", "log ×100", 4),
    ];
    let footer = Footer {
        data: format!("{CALIENDO_PARRO}: 31 countries, 40 sectors, 1993; tariffs 1993 and 2005"),
        estimator: format!(
            "exact hat algebra; largest relative market residual {:.1e}; exact terms integrated along the path of the \
             shock, {} equilibria",
            after.residual.max(),
            parts.solves
        ),
        variance: "none (elasticities taken as given)".to_owned(),
        seed: None,
        inputs: "read".to_owned(),
    };
    let title = "Welfare effects of NAFTA's tariff reductions";
    let mut table = Table::new("A2", title, Kind::Replicated, columns, footer);
    let members = ["CAN", "MEX", "USA"];
    let countries = baseline.labels().countries();
    let others = countries.iter().filter(|country| !members.contains(&country.as_str()));
    let mut checks = Vec::new();
    for (position, country) in members.iter().map(|m| (*m).to_owned()).chain(others.cloned()).enumerate() {
        let n = baseline.labels().country(&country).ok_or_else(|| Error::Report {
            table: "A2".to_owned(),
            problem: format!("the data have no country `{country}`"),
        })?;
        if position == members.len() {
            table.rule();
        }
        let shown = [
            ("welfare", 100.0 * printed.welfare[n]),
            ("terms of trade", 100.0 * printed.terms_of_trade[n]),
            ("volume of trade", 100.0 * printed.volume_of_trade[n]),
            ("real wage", 100.0 * printed.real_factor_price[[n, 0]]),
        ];
        let mut row: Vec<Cell> = vec![country.as_str().into()];
        for (item, value) in shown {
            row.push(value.into());
            if members.contains(&country.as_str()) {
                checks.push(inputs.published.check("A2", &format!("{item}, {country}"), value)?);
            }
        }
        row.push((100.0 * (after.real_income_hat[n] - 1.0)).into());
        row.push((100.0 * terms_of_trade[n]).into());
        row.push((100.0 * volume[n]).into());
        table.row(row);
    }
    table.note(
        "The first four columns are as the paper prints them: terms of first order at the baseline, which is first solved \
         again with 1993 tariffs and no deficits. Then tariffs among the three members go to their 2005 levels. Exact \
         welfare is the change of real income in the same experiment; its logarithm is the sum of the last two columns.",
    );
    table.note("The paper prints the three members; all 31 countries are reported here.");

    let points = (0..countries.len())
        .map(|n| {
            let exact = 100.0 * (after.real_income_hat[n] - 1.0);
            let first = 100.0 * printed.welfare[n];
            let far = first.abs().max(exact.abs()) > 0.05;
            (first, exact, if far { countries[n].clone() } else { String::new() })
        })
        .collect();
    let figure = Figure {
        id: "A2".to_owned(),
        title: "NAFTA: welfare to first order and exact".to_owned(),
        description:
            "Points by country: the welfare change of first order, as printed by Caliendo and Parro (2015), \
                      against the exact change. On the line they agree."
                .to_owned(),
        chart: Chart::Scatter {
            x: "first order, %".to_owned(),
            y: "exact, %".to_owned(),
            log_x: false,
            series: vec![Labelled { name: "countries".to_owned(), points }],
            diagonal: true,
        },
    };
    Ok(Made { tables: vec![table], figures: vec![figure], checks })
}
