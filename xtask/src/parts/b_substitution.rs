//! B7: elasticities of substitution by sector.

use calibration::substitution::simulate::{self, Truth};
use calibration::substitution::{Fit, Inference, Panel, Specification, SubstitutionError, robustness};
use counterfactuals::draws;
use model_core::SolverSettings;

use super::quota::World;
use super::{Inputs, Made};
use crate::error::Error;
use crate::report::figure::{Chart, Estimated, Figure};
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};
use crate::sources::{PANEL, PATENTS, SIMULATED_PATENTS};

/// Values of lambda where patents alone are used: the range of the R&D literature.
const LAMBDAS: [f64; 5] = [0.3, 0.4, 0.5, 0.6, 0.7];

/// What each scenario of the last table is drawn with.
const DRAWS: usize = 200;

const SCENARIO: &str = include_str!("../../../scenarios/quota-2010.toml");

fn failed(what: &str) -> impl FnOnce(SubstitutionError) -> Error {
    let what = format!("B7, {what}");
    move |error| Error::library(what)(error)
}

/// B7: the equations apart and together, first stages, robustness, and what the estimates do to a scenario.
pub(super) fn elasticities(inputs: &Inputs) -> Result<Made, Error> {
    let panel = match inputs.raw.set(PANEL) {
        Some(folder) => Panel::read(&folder).map_err(failed("the panel of one's own"))?,
        None => simulate::shipped().map_err(failed("the simulated panel"))?,
    };
    let fits = [
        ("patents", Specification::patents(0.5)),
        ("spending", Specification::spending()),
        ("joint", Specification::default()),
    ];
    let mut by_sector = Vec::new();
    for (key, specification) in fits {
        // Patents alone serve a panel without spending.
        if key == "patents" || panel.spending.is_some() {
            by_sector.push((key, specification.estimate(&panel).map_err(failed(key))?));
        }
    }
    let tables = vec![
        sectors(&panel, &by_sector)?,
        first_stages(&panel)?,
        robust(&panel)?,
        scenarios(inputs, panel.spending.is_some())?,
    ];
    let figure = figure(&panel, &by_sector);
    Ok(Made { tables, figures: vec![figure], checks: Vec::new() })
}

fn kind(panel: &Panel) -> Kind {
    if panel.simulated { Kind::Simulated } else { Kind::ReEstimated }
}

fn footer(panel: &Panel, method: &str) -> Footer {
    let years =
        panel.years.first().zip(panel.years.last()).map_or(String::new(), |(a, b)| format!("{a}-{b}"));
    Footer {
        data: format!("{}; {} units, {years}", panel.provenance, panel.units.len()),
        estimator: method.to_owned(),
        variance: "heteroskedasticity-robust, Windmeijer's correction, unit effects concentrated out"
            .to_owned(),
        seed: panel.simulated.then_some(simulate::SEED),
        inputs: if panel.simulated { "simulated".to_owned() } else { "read".to_owned() },
    }
}

fn sectors(panel: &Panel, fits: &[(&str, Fit)]) -> Result<Table, Error> {
    let estimated = if panel.simulated { Provenance::Simulated } else { Provenance::Estimated };
    let number = |key: String, heading: &str, format| Column::number(key, heading, "", format, estimated);
    let mut columns = vec![Column::label("parameter", "Parameter")];
    if panel.simulated {
        columns.push(Column::number("truth", "Truth", "", Format::Fixed(2), Provenance::Assumed));
    }
    for (key, _) in fits {
        columns.push(number((*key).to_owned(), key, Format::Fixed(3)));
        columns.push(number(format!("{key}_se"), "s.e.", Format::StandardError(3)));
    }
    columns.push(number("shrunken".to_owned(), "Patents, shrunken", Format::Fixed(3)));
    columns.push(number("shrunken_se".to_owned(), "s.e.", Format::StandardError(3)));
    let label = if panel.simulated { " (simulated patents)" } else { "" };
    let title = format!("Elasticities of substitution of rare earths by sector{label}");
    let method =
        "two-step GMM: patents equation (Poisson, multiplicative moments), spending equation, joint system";
    let mut table = Table::new("B7", title, kind(panel), columns, footer(panel, method));
    let shrunken = fits[0].1.shrink().ok();
    let truth = Truth::default();
    let true_value = |name: &str| match name {
        "phi" => Some(truth.phi),
        "lambda" => Some(truth.lambda),
        _ => {
            truth.sigma.iter().find(|(sector, _)| name == format!("sigma.{sector}")).map(|(_, value)| *value)
        }
    };
    let names: Vec<String> = panel.sectors.iter().map(|s| format!("sigma.{s}")).collect();
    let others = ["phi", "lambda"].map(str::to_owned);
    for (k, name) in names.iter().chain(&others).enumerate() {
        if k == names.len() {
            table.rule();
        }
        let mut row: Vec<Cell> = vec![name.replacen("sigma.", "sigma, ", 1).into()];
        if panel.simulated {
            row.push(true_value(name).into());
        }
        for (_, fit) in fits {
            let found = fit.parameter(name);
            row.extend([Cell::from(found.map(|f| f.0)), found.map(|f| f.1).into()]);
        }
        let drawn = shrunken.as_ref().filter(|_| k < names.len());
        let drawn = drawn.map(|s| (s.sigma[k], s.covariance[[k, k]].max(0.0).sqrt()));
        row.extend([Cell::from(drawn.map(|d| d.0)), drawn.map(|d| d.1).into()]);
        table.row(row);
    }
    let mut tests = Vec::new();
    for (key, fit) in fits {
        if let Some(test) = fit.hansen().map_err(failed("Hansen's test"))? {
            tests.push(format!("{key}: J = {:.1}, p = {:.3}", test.statistic, test.p_value));
        }
    }
    table.note(format!(
        "Hansen's test: {}. Unit-years: {}; units left out without patents: {}. – : not estimated; patents alone do not tell lambda \
         from 1 - sigma and take it as 0.5.",
        tests.join("; "),
        fits[0].1.observations,
        fits[0].1.dropped
    ));
    if let Some(shrunken) = &shrunken {
        table.note(format!(
            "Shrunken: empirical Bayes on the patents equation, mean {:.3} ({:.3}), standard deviation of the true elasticities \
             {:.3}.",
            shrunken.mean, shrunken.mean_error, shrunken.tau
        ));
    }
    if panel.simulated {
        table.note(format!(
            "The patents are simulated: the elasticities are those that were put in, not findings about rare earths. Put a panel of \
             your own into the folder `{PANEL}` of raw data (its three files: documentation of `calibration::substitution::Panel::read`)."
        ));
    }
    Ok(table)
}

fn first_stages(panel: &Panel) -> Result<Table, Error> {
    let number =
        |key: &str, heading: &str, format| Column::number(key, heading, "", format, Provenance::Estimated);
    let columns = vec![
        Column::label("sector", "Sector"),
        number("observations", "Unit-years", Format::Integer),
        number("effective_f", "Effective F", Format::Fixed(1)),
        number("critical_value", "Critical value, 10% bias", Format::Fixed(1)),
        number("kleibergen_paap_f", "Kleibergen-Paap F", Format::Fixed(1)),
        number("underidentification_p", "p of no identification", Format::Fixed(3)),
    ];
    let title = "First stages of the elasticities of substitution";
    let method = "price and stock of knowledge on shift-share instruments: quota and duty, each now and its past inventory";
    let mut table = Table::new("B7-first-stage", title, kind(panel), columns, footer(panel, method));
    for stage in Specification::default().first_stage(panel, 0.5).map_err(failed("first stages"))? {
        table.row(vec![
            stage.group.into(),
            stage.observations.into(),
            stage.effective_f.into(),
            stage.critical_value.into(),
            stage.kleibergen_paap_f.into(),
            stage.underidentification_p.into(),
        ]);
    }
    table.note(
        "Effective F (Montiel Olea and Pflueger 2013) for the price net of half the stock; Kleibergen-Paap for both apart. Where the \
         second is small phi rests on other sectors.",
    );
    Ok(table)
}

fn robust(panel: &Panel) -> Result<Table, Error> {
    let number =
        |key: &str, heading: &str, format| Column::number(key, heading, "", format, Provenance::Estimated);
    let columns = vec![
        Column::label("what", "What"),
        Column::label("variant", "Variant"),
        number("sigma", "sigma", Format::Fixed(3)),
        number("sigma_se", "s.e.", Format::StandardError(3)),
        number("phi", "phi", Format::Fixed(3)),
        number("phi_se", "s.e.", Format::StandardError(3)),
        number("lambda", "lambda", Format::Fixed(3)),
        number("lambda_se", "s.e.", Format::StandardError(3)),
        number("j_p", "J: p", Format::Fixed(3)),
    ];
    let title =
        "Elasticities of substitution: pooled, and what single elements, sectors and lambda do to them";
    let method = "two-step GMM, one sigma for all sectors";
    let mut table = Table::new("B7-robustness", title, kind(panel), columns, footer(panel, method));
    let patents = Specification::patents(0.5).pooled();
    let main = if panel.spending.is_some() { Specification::default().pooled() } else { patents.clone() };
    let mut missing = Vec::new();
    let mut add = |what: &str, variant: &str, fit: Result<Fit, SubstitutionError>| match fit {
        Ok(fit) => {
            let mut row: Vec<Cell> = vec![what.into(), variant.into()];
            for name in ["sigma", "phi", "lambda"] {
                let found = fit.parameter(name);
                row.extend([Cell::from(found.map(|f| f.0)), found.map(|f| f.1).into()]);
            }
            row.push(fit.hansen().ok().flatten().map(|test| test.p_value).into());
            table.row(row);
        }
        Err(error) => missing.push(format!("{what} {variant}: {error}")),
    };
    for (inference, variant) in [
        (Inference::Robust, "robust"),
        (Inference::Unit, "clustered by unit"),
        (Inference::CountryYear, "clustered by country and year"),
    ] {
        add("pooled", variant, Specification { inference, ..main.clone() }.estimate(panel));
    }
    for variant in robustness::leave_one_element_out(&main, panel) {
        add("without the shocks of", &variant.name, variant.fit);
    }
    for variant in robustness::leave_one_sector_out(&main, panel).map_err(failed("sectors left out"))? {
        add("without", &variant.name, variant.fit);
    }
    for variant in robustness::lambda_sensitivity(&patents, panel, &LAMBDAS) {
        add("patents alone", &variant.name, variant.fit);
    }
    if !missing.is_empty() {
        table.note(format!("Without estimates: {}.", missing.join("; ")));
    }
    table.note(
        "Where sectors differ, one sigma is a mean whose weights move with the sample, and Hansen's test rejects it; B7 has them \
         apart.",
    );
    Ok(table)
}

/// The long run of the quota with elasticities from two sources: one line of the scenario differs for each parameter.
fn scenarios(inputs: &Inputs, spending: bool) -> Result<Table, Error> {
    let world = World::open(inputs.raw)?;
    let (source, panel) = match inputs.raw.set(PANEL) {
        Some(_) => (PATENTS, "the panel of one's own"),
        None => (SIMULATED_PATENTS, "the simulated panel"),
    };
    let shown = ["JPN", "DEU", "USA", "CHN"];
    let mut columns = vec![Column::label("source", "Elasticities from")];
    let number = |key: String, heading: &str, unit: &str, digits| {
        Column::number(key, heading, unit, Format::Fixed(digits), Provenance::Simulated)
    };
    columns.push(number("price".to_owned(), "Price outside", "over 2009", 2));
    columns.push(number("price_low".to_owned(), "5%", "", 2));
    columns.push(number("price_high".to_owned(), "95%", "", 2));
    for country in shown {
        let key = country.to_lowercase();
        columns.push(number(format!("{key}_pct"), country, "% of real income", 4));
        columns.push(number(format!("{key}_low_pct"), "5%", "", 4));
        columns.push(number(format!("{key}_high_pct"), "95%", "", 4));
    }
    let title = "The export restriction in the long run with elasticities from different sources";
    let mut table =
        Table::new("B7-scenarios", title, Kind::Simulated, columns, world.footer("long run", Some(2010)));
    let assumed =
        |key: &str| SCENARIO.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap_or_default();
    let named = |text: String, key: &str| text.replace(assumed(key), &format!("{key} = \"{source}\""));
    let base = SCENARIO.to_owned();
    let sigma = named(base.clone(), "sigma");
    // Patents alone do not tell lambda.
    let others: &[&str] = if spending { &["lambda", "phi"] } else { &["phi"] };
    let all = others.iter().fold(sigma.clone(), |text, key| named(text, key));
    let words = format!("estimates for sigma, {}", others.join(" and "));
    let mut refused = Vec::new();
    for (what, text) in [
        ("the scenario's own assumptions", base),
        ("estimates for sigma by sector", sigma),
        (words.as_str(), all),
    ] {
        let scenario = match world.scenario(&text) {
            Ok(scenario) => scenario,
            // A panel of one's own may give what a scenario cannot have: other sectors, a negative elasticity.
            Err(error) if source == PATENTS => {
                refused.push(format!("{what}: {}", error.explain().replace('\n', " ")));
                continue;
            }
            Err(error) => return Err(error),
        };
        let countries: Vec<usize> = shown.iter().filter_map(|c| world.economy.labels().country(c)).collect();
        let settings = SolverSettings::default();
        let drawn = draws(&scenario, &world.economy, DRAWS, scenario.seed, &settings, |_, outcome| {
            outcome.last().map_or_else(Vec::new, |e| {
                let incomes = countries.iter().map(|n| 100.0 * (e.real_income_hat[*n] - 1.0));
                std::iter::once(world.price_outside(e)).chain(incomes).collect()
            })
        })
        .map_err(Error::library("draws of B7"))?;
        let mut row: Vec<Cell> = vec![what.into()];
        for (central, (low, high)) in drawn.central.iter().zip(drawn.interval(0.9)) {
            row.extend([Cell::from(*central), low.into(), high.into()]);
        }
        table.row(row);
    }
    if !refused.is_empty() {
        table.note(format!("Without a solution, {}.", refused.join("; ")));
    }
    let narrow = " Narrow intervals say how precise a panel of this size would be, not how well rare earths are known.";
    table.note(format!(
        "Intervals hold 90 percent of {DRAWS} draws. Estimates: the joint system by sector on {panel} with its joint covariance; \
         their source is one line of the scenario for each parameter, `sigma = \"{source}\"`.{}",
        if source == SIMULATED_PATENTS { narrow } else { "" }
    ));
    Ok(table)
}

fn figure(panel: &Panel, fits: &[(&str, Fit)]) -> Figure {
    let offset = |k: usize| 0.18 * (k as f64 - (fits.len() as f64 - 1.0) / 2.0);
    let mut series: Vec<Estimated> = fits
        .iter()
        .enumerate()
        .map(|(k, (key, fit))| {
            let points = panel.sectors.iter().enumerate().filter_map(|(j, sector)| {
                let name = format!("sigma.{sector}");
                let (low, high) = fit.interval(&name, 0.95)?;
                Some(((j + 1) as f64 + offset(k), fit.parameter(&name)?.0, low, high))
            });
            Estimated { name: (*key).to_owned(), points: points.collect() }
        })
        .collect();
    if panel.simulated {
        let points = Truth::default().sigma.into_iter().enumerate();
        let points = points.map(|(j, (_, value))| ((j + 1) as f64 + offset(fits.len()), value, value, value));
        series.push(Estimated { name: "truth (simulated panel)".to_owned(), points: points.collect() });
    }
    let order: Vec<String> =
        panel.sectors.iter().enumerate().map(|(j, s)| format!("{} {s}", j + 1)).collect();
    let label = if panel.simulated { " (simulated patents)" } else { "" };
    Figure {
        id: "B7".to_owned(),
        title: format!("Elasticities of substitution by sector{label}"),
        description: format!("Estimates with 95% intervals by equation. Sectors: {}.", order.join(", ")),
        chart: Chart::Intervals {
            x: "sector (numbers: see the description)".to_owned(),
            y: "sigma".to_owned(),
            series,
        },
    }
}
