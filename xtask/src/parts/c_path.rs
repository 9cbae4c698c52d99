//! C2: the restriction year by year, with the volumes that China did export as the constraint.

use calibration::rare_earths::{EpisodeYear, RareEarthData, episode};
use counterfactuals::{Draws, Path, PathYear, draws};
use model_core::SolverSettings;

use super::c_long_run::COVERAGE;
use super::quota::{Case, World};
use super::{Inputs, Made};
use crate::error::Error;
use crate::report::figure::{Chart, Figure, Series};
use crate::report::table::{Cell, Column, Format, Kind, Provenance, Table};

const SCENARIO: &str = include_str!("../../../scenarios/quota-2010-2018.toml");
const BASE: i32 = 2009;

/// Draws for the intervals, each a path of years.
const DRAWS: usize = 60;

/// The economies whose paths are shown.
const SHOWN: [&str; 5] = ["CHN", "JPN", "KOR", "DEU", "USA"];

/// C2: prices and real income by year, the model's prices beside those observed.
pub(super) fn years(_inputs: &Inputs) -> Result<Made, Error> {
    let world = World::open()?;
    let cases = world.cases(SCENARIO)?;
    let paths: Vec<Path> = cases.iter().map(|case| path(case, &world)).collect::<Result<_, _>>()?;
    let (first, last) = match (paths[0].years.first(), paths[0].years.last()) {
        (Some(first), Some(last)) => (first.year, last.year),
        _ => {
            return Err(Error::Report {
                table: "C2".to_owned(),
                problem: "the path has no years".to_owned(),
            });
        }
    };
    let data = RareEarthData::embedded().map_err(Error::library("the shipped rare-earth facts"))?;
    let observed =
        episode(&data, BASE..=last).map_err(Error::library("the observed prices of the episode"))?;
    let method = "yearly temporary equilibria with stocks of knowledge between them; export volumes as complementarity \
                  conditions; mines that opened abroad as capacity";
    let drawn: Vec<Draws> = cases
        .iter()
        .map(|case| {
            let (scenario, settings) = (&case.scenario, SolverSettings::default());
            draws(scenario, &world.economy, DRAWS, scenario.seed, &settings, |_, outcome| {
                outcome.path().map_or_else(Vec::new, |path| numbers(&world, path))
            })
            .map_err(Error::library("draws of C2"))
        })
        .collect::<Result<_, _>>()?;
    let intervals: Vec<Vec<(f64, f64)>> = drawn.iter().map(|draws| draws.interval(COVERAGE)).collect();
    let failed: usize = drawn.iter().map(|draws| draws.failures.len()).sum();
    let mut prices = prices(&world, &cases, &paths, &observed, &intervals, method);
    prices.note(format!(
        "Intervals hold 90 percent of {DRAWS} draws of the parameters for each technology; draws without an equilibrium: {failed} \
         of {}.",
        3 * DRAWS
    ));
    let welfare = welfare(&world, &cases, &paths, &intervals, method);
    let line = |name: &str, points: Vec<(f64, f64)>| Series { name: name.to_owned(), points };
    let mut series: Vec<Series> = cases
        .iter()
        .zip(&paths)
        .map(|(case, path)| {
            let points = path.years.iter().map(|y| (f64::from(y.year), world.price_outside(&y.equilibrium)));
            line(&format!("model, {}", case.name), points.collect())
        })
        .collect();
    let base = &observed[0];
    let index = |of: fn(&EpisodeYear) -> f64| -> Vec<(f64, f64)> {
        observed.iter().skip(1).map(|y| (f64::from(y.year), of(y) / of(base))).collect()
    };
    series.push(line("observed", index(|y| y.fob.value)));
    let figure = Figure {
        id: "C2".to_owned(),
        title: "Price of rare earths outside China, model and observed".to_owned(),
        description: format!(
            "Lines by year, {first} to {last}, over the price of {BASE}, logarithmic axis: the model's price outside China with \
             exogenous technology, with directed technology and with a spillover, and the observed price free on board."
        ),
        chart: Chart::Line { x: "Year".to_owned(), y: format!("over {BASE}"), log_y: true, series },
    };
    let income = Figure {
        id: "C2-income".to_owned(),
        title: "Real income of Japan by year".to_owned(),
        description: "Lines by year: Japan's real income with exogenous technology, with directed technology and with a spillover."
            .to_owned(),
        chart: Chart::Line {
            x: "Year".to_owned(),
            y: "% of real income".to_owned(),
            log_y: false,
            series: cases
                .iter()
                .zip(&paths)
                .filter_map(|(case, path)| {
                    let japan = world.economy.labels().country("JPN")?;
                    let points = path.years.iter().map(|y| {
                        (f64::from(y.year), 100.0 * (y.equilibrium.real_income_hat[japan] - 1.0))
                    });
                    Some(line(case.name, points.collect()))
                })
                .collect(),
        },
    };
    Ok(Made { tables: vec![prices, welfare], figures: vec![figure, income], checks: Vec::new() })
}

/// By year: the prices outside and inside China, and real income of the economies shown.
fn numbers(world: &World, path: &Path) -> Vec<f64> {
    let labels = world.economy.labels();
    let shown: Vec<usize> = SHOWN.iter().filter_map(|c| labels.country(c)).collect();
    let of_year = |year: &PathYear| {
        let e = &year.equilibrium;
        let mut row = vec![world.price_outside(e), e.price_hat[[world.china, world.r]]];
        row.extend(shown.iter().map(|n| 100.0 * (e.real_income_hat[*n] - 1.0)));
        row
    };
    path.years.iter().flat_map(of_year).collect()
}

/// Numbers of a year in [`numbers`].
const A_YEAR: usize = 2 + SHOWN.len();

fn path(case: &Case, world: &World) -> Result<Path, Error> {
    let question = case
        .scenario
        .resolve(&world.economy, &case.scenario.central())
        .map_err(Error::library("the scenario of C2"))?;
    let outcome =
        question.answer(&SolverSettings::default()).map_err(Error::library("an equilibrium of C2"))?;
    outcome.path().cloned().ok_or_else(|| Error::Report {
        table: "C2".to_owned(),
        problem: "a path was expected, but the scenario is a long run".to_owned(),
    })
}

fn prices(
    world: &World,
    cases: &[Case; 3],
    paths: &[Path],
    observed: &[EpisodeYear],
    intervals: &[Vec<(f64, f64)>],
    method: &str,
) -> Table {
    let ratio = |key: &str, heading: &str, provenance| {
        Column::number(key, heading, format!("over {BASE}"), Format::Fixed(2), provenance)
    };
    let mut columns = vec![
        Column::number("year", "Year", "", Format::Plain, Provenance::Read),
        ratio("exports", "China's exports", Provenance::Derived),
        ratio("observed_outside", "Outside, observed", Provenance::Derived),
    ];
    for case in cases {
        columns.push(ratio(
            &format!("outside_{}", case.key),
            &format!("Outside, {}", case.name),
            Provenance::Simulated,
        ));
        columns.push(ratio(&format!("outside_{}_low", case.key), "5%", Provenance::Simulated));
        columns.push(ratio(&format!("outside_{}_high", case.key), "95%", Provenance::Simulated));
    }
    columns.push(ratio("observed_inside", "Inside, observed", Provenance::Derived));
    for case in cases {
        columns.push(ratio(
            &format!("inside_{}", case.key),
            &format!("Inside, {}", case.name),
            Provenance::Simulated,
        ));
        columns.push(ratio(&format!("inside_{}_low", case.key), "5%", Provenance::Simulated));
        columns.push(ratio(&format!("inside_{}_high", case.key), "95%", Provenance::Simulated));
    }
    let title = "Year by year with China's actual exports: prices of rare earths, model and observed";
    let mut table = Table::new("C2", title, Kind::Simulated, columns, world.footer(method, None));
    let base = &observed[0];
    let mut misses = vec![(0.0, 0.0); cases.len()];
    for (k, facts) in observed.iter().skip(1).enumerate() {
        let exports = match (facts.exports, base.exports) {
            (Some(now), Some(then)) => Cell::from(now.value / then.value),
            _ => Cell::absent(),
        };
        let (outside, inside) =
            (facts.fob.value / base.fob.value, facts.domestic.value / base.domestic.value);
        let mut row: Vec<Cell> = vec![facts.year.into(), exports, outside.into()];
        let years = || paths.iter().filter_map(|path| path.years.get(k));
        for ((year, miss), interval) in years().zip(&mut misses).zip(intervals) {
            let price = world.price_outside(&year.equilibrium);
            miss.0 += (price / outside).ln().powi(2);
            let (low, high) = interval[k * A_YEAR];
            row.extend([price.into(), low.into(), high.into()]);
        }
        row.push(inside.into());
        for ((year, miss), interval) in years().zip(&mut misses).zip(intervals) {
            let price = year.equilibrium.price_hat[[world.china, world.r]];
            miss.1 += (price / inside).ln().powi(2);
            let (low, high) = interval[k * A_YEAR + 1];
            row.extend([price.into(), low.into(), high.into()]);
        }
        table.row(row);
    }
    let count = (observed.len() - 1) as f64;
    let words: Vec<String> = cases
        .iter()
        .zip(&misses)
        .map(|(case, (outside, inside))| {
            format!(
                "{} {:.2} outside and {:.2} inside",
                case.name,
                (outside / count).sqrt(),
                (inside / count).sqrt()
            )
        })
        .collect();
    table.note(format!(
        "How far off: root mean square of the log difference between model and observation over the years: {}. Nothing was fitted \
         to these prices. Observed: the bundle of 2008 in current USD, which moves with stockpiling, speculation and leakage past \
         customs that the model does not have.",
        words.join("; ")
    ));
    table.note(
        "The model's year is an equilibrium with the export volume of that year as its limit (years above the volume of 2009 \
         bind only where demand has grown), mines in Australia and the United States as they opened, and productivity from the \
         stocks of knowledge. Model prices in units of unchanged world factor income.",
    );
    table
}

fn welfare(
    world: &World,
    cases: &[Case; 3],
    paths: &[Path],
    intervals: &[Vec<(f64, f64)>],
    method: &str,
) -> Table {
    let labels = world.economy.labels();
    let shown: Vec<(&str, usize)> = SHOWN.iter().filter_map(|c| labels.country(c).map(|n| (*c, n))).collect();
    let mut columns = vec![
        Column::label("technology", "Technology"),
        Column::number("year", "Year", "", Format::Plain, Provenance::Read),
    ];
    for (country, _) in &shown {
        let key = format!("welfare_{}_pct", country.to_lowercase());
        let number = |key: String, heading: &str| {
            Column::number(key, heading, "%", Format::Fixed(3), Provenance::Simulated)
        };
        columns.push(number(key, country));
        columns.push(number(format!("welfare_{}_low_pct", country.to_lowercase()), "5%"));
        columns.push(number(format!("welfare_{}_high_pct", country.to_lowercase()), "95%"));
    }
    columns.push(Column::number(
        "a_r_jpn_electrical",
        "A_R, JPN electrical",
        "hat",
        Format::Fixed(3),
        Provenance::Simulated,
    ));
    let title = "Year by year with China's actual exports: real income";
    let mut table = Table::new("C2-welfare", title, Kind::Simulated, columns, world.footer(method, None));
    let at = labels.country("JPN").zip(world.intensive.first().copied());
    for ((case, path), interval) in cases.iter().zip(paths).zip(intervals) {
        if case.key != cases[0].key {
            table.rule();
        }
        for (k, year) in path.years.iter().enumerate() {
            let mut row: Vec<Cell> = vec![case.name.into(), year.year.into()];
            for (at, (_, n)) in shown.iter().enumerate() {
                let (low, high) = interval[k * A_YEAR + 2 + at];
                let income = 100.0 * (year.equilibrium.real_income_hat[*n] - 1.0);
                row.extend([income.into(), low.into(), high.into()]);
            }
            let augmentation = year.equilibrium.critical.as_ref().zip(at);
            row.push(augmentation.map(|(critical, (n, j))| critical.augmentation.critical[[n, j]]).into());
            table.row(row);
        }
        let discounted = path.discounted_real_income_hat();
        let words: Vec<String> =
            shown.iter().map(|(c, n)| format!("{c} {:.3}", 100.0 * (discounted[*n] - 1.0))).collect();
        table.note(format!(
            "Worth the same every year as the whole path, {} (%): {}.",
            case.name,
            words.join(", ")
        ));
    }
    table
}
