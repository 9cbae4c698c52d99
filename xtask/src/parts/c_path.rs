//! C2: the restriction year by year, with the volumes that China did export as the constraint.

use calibration::rare_earths::{EpisodeYear, RareEarthData, episode};
use counterfactuals::{Draws, Path, PathYear, draws};
use model_core::SolverSettings;

use super::quota::{COVERAGE, Case, World, in_words, interval_cells, with_interval};
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
pub(super) fn years(inputs: &Inputs) -> Result<Made, Error> {
    let world = World::open(inputs.raw)?;
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
                outcome.path().map_or_else(Vec::new, |path| numbers(&world, path, &observed))
            })
            .map_err(Error::library("draws of C2"))
        })
        .collect::<Result<_, _>>()?;
    let intervals: Vec<Vec<(f64, f64)>> = drawn.iter().map(|draws| draws.interval(COVERAGE)).collect();
    let failed: usize = drawn.iter().map(|draws| draws.failures.len()).sum();
    let mut prices = prices(&world, &cases, &paths, &observed, &drawn, &intervals, method);
    prices.note(format!(
        "Intervals hold 90 percent of {DRAWS} draws of the parameters for each technology; draws without an equilibrium: {failed} \
         of {}.",
        3 * DRAWS
    ));
    let welfare = welfare(&world, &cases, &paths, &drawn, &intervals, method);
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

/// By year: the prices outside and inside China, real income of the economies shown, productivity in the use of rare earths of the
/// most intensive sector of Japan. Then of the whole path: what its real income is worth every year, and how far both prices are
/// off those observed.
fn numbers(world: &World, path: &Path, observed: &[EpisodeYear]) -> Vec<f64> {
    let labels = world.economy.labels();
    let shown: Vec<usize> = SHOWN.iter().filter_map(|c| labels.country(c)).collect();
    let of_year = |year: &PathYear| {
        let e = &year.equilibrium;
        let mut row = vec![world.price_outside(e), e.price_hat[[world.china, world.r]]];
        row.extend(shown.iter().map(|n| 100.0 * (e.real_income_hat[*n] - 1.0)));
        let at = labels.country("JPN").zip(world.intensive.first().copied());
        let productivity = e.critical.as_ref().zip(at).map(|(c, (n, j))| c.augmentation.critical[[n, j]]);
        row.push(productivity.unwrap_or(f64::NAN));
        row
    };
    let mut all: Vec<f64> = path.years.iter().flat_map(of_year).collect();
    let discounted = path.discounted_real_income_hat();
    let misses = [0, 1].map(|which| {
        let years = all.chunks_exact(A_YEAR).zip(observed.iter().skip(1));
        let squares: Vec<f64> =
            years.map(|(row, facts)| (row[which] / seen(facts, &observed[0])[which]).ln().powi(2)).collect();
        (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
    });
    all.extend(shown.iter().map(|n| 100.0 * (discounted[*n] - 1.0)));
    all.extend(misses);
    all
}

/// The prices outside and inside China that were observed, over those of the base year.
fn seen(facts: &EpisodeYear, base: &EpisodeYear) -> [f64; 2] {
    [facts.fob.value / base.fob.value, facts.domestic.value / base.domestic.value]
}

/// Numbers of a year in [`numbers`], and of the whole path after the years.
const A_YEAR: usize = 2 + SHOWN.len() + 1;
const WHOLE: usize = SHOWN.len() + 2;

/// The numbers of the whole path with their intervals.
fn whole(draws: &Draws, interval: &[(f64, f64)]) -> Vec<(f64, (f64, f64))> {
    let all = draws.central.iter().copied().zip(interval.iter().copied());
    all.skip(draws.central.len() - WHOLE).collect()
}

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
    drawn: &[Draws],
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
    let unit = format!("over {BASE}");
    let modelled = |place: &str, heading: &str| -> Vec<Column> {
        let of = |case: &Case| {
            let (key, heading) = (format!("{place}_{}", case.key), format!("{heading}, {}", case.name));
            with_interval((&key, ""), &heading, &unit, Format::Fixed(2))
        };
        cases.iter().flat_map(of).collect()
    };
    columns.extend(modelled("outside", "Outside"));
    columns.push(ratio("observed_inside", "Inside, observed", Provenance::Derived));
    columns.extend(modelled("inside", "Inside"));
    let title = "Year by year with China's actual exports: prices of rare earths, model and observed";
    let mut table = Table::new("C2", title, Kind::Simulated, columns, world.footer(method, None));
    let base = &observed[0];
    for (k, facts) in observed.iter().skip(1).enumerate() {
        let exports = match (facts.exports, base.exports) {
            (Some(now), Some(then)) => Cell::from(now.value / then.value),
            _ => Cell::absent(),
        };
        let [outside, inside] = seen(facts, base);
        let mut row: Vec<Cell> = vec![facts.year.into(), exports, outside.into()];
        let years = || paths.iter().filter_map(|path| path.years.get(k));
        for (year, interval) in years().zip(intervals) {
            row.extend(interval_cells(world.price_outside(&year.equilibrium), interval[k * A_YEAR]));
        }
        row.push(inside.into());
        for (year, interval) in years().zip(intervals) {
            let price = year.equilibrium.price_hat[[world.china, world.r]];
            row.extend(interval_cells(price, interval[k * A_YEAR + 1]));
        }
        table.row(row);
    }
    let words: Vec<String> = cases
        .iter()
        .zip(drawn.iter().zip(intervals))
        .map(|(case, (draws, interval))| {
            let [outside, inside] = [0, 1].map(|which| {
                let (value, ends) = whole(draws, interval)[SHOWN.len() + which];
                in_words(value, ends, 2)
            });
            format!("{} {outside} outside and {inside} inside", case.name)
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
    drawn: &[Draws],
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
        let key = format!("welfare_{}", country.to_lowercase());
        columns.extend(with_interval((&key, "_pct"), country, "%", Format::Fixed(3)));
    }
    columns.extend(with_interval(("a_r_jpn_electrical", ""), "A_R, JPN electrical", "hat", Format::Fixed(3)));
    let title = "Year by year with China's actual exports: real income";
    let mut table = Table::new("C2-welfare", title, Kind::Simulated, columns, world.footer(method, None));
    for (((case, path), draws), interval) in cases.iter().zip(paths).zip(drawn).zip(intervals) {
        if case.key != cases[0].key {
            table.rule();
        }
        for (k, year) in path.years.iter().enumerate() {
            let mut row: Vec<Cell> = vec![case.name.into(), year.year.into()];
            let of_year = k * A_YEAR + 2..(k + 1) * A_YEAR;
            let numbers = draws.central[of_year.clone()].iter().zip(&interval[of_year]);
            row.extend(numbers.flat_map(|(value, ends)| interval_cells(*value, *ends)));
            table.row(row);
        }
        let discounted = shown.iter().zip(whole(draws, interval));
        let words: Vec<String> =
            discounted.map(|((c, _), (value, ends))| format!("{c} {}", in_words(value, ends, 3))).collect();
        table.note(format!(
            "Worth the same every year as the whole path, {} (%): {}.",
            case.name,
            words.join(", ")
        ));
    }
    table
}
