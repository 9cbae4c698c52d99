//! Part C, the long run: what the restriction does (C1), and through what (C3).

use counterfactuals::scenario::Spread;
use counterfactuals::{Draws, Outcome, draws};
use model_core::SolverSettings;
use model_core::welfare::{Decomposition, DecompositionSettings, decompose};
use ndarray::{Array1, Array2, Axis};

use super::quota::{COVERAGE, Case, World, in_words, interval_cells, long_run, with_interval};
use super::{Inputs, Made};
use crate::error::Error;
use crate::report::figure::{Bars, Chart, Figure, Labelled};
use crate::report::map::Map;
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};

pub(super) const SCENARIO: &str = include_str!("../../../scenarios/quota-2010.toml");

/// Draws for the intervals; a scenario run by itself takes as many as its file says.
const DRAWS: usize = 400;

/// The numbers of C1 in their order: three by country, those of the market, then output by place and sector.
fn numbers(world: &World, outcome: &Outcome) -> Vec<f64> {
    let Some(e) = outcome.last() else { return Vec::new() };
    let percent = |hat: f64| 100.0 * (hat - 1.0);
    let mut all: Vec<f64> = e.real_income_hat.iter().map(|w| percent(*w)).collect();
    all.extend(world.intensive_exports(e).into_iter().map(percent));
    all.extend(world.intensive_output(e).into_iter().map(percent));
    let wedge = e.restrictions.first().map_or(1.0, |outcome| outcome.wedge);
    all.extend([
        world.price_outside(e),
        e.price_hat[[world.china, world.r]],
        wedge,
        e.quota_rent[world.china],
        percent(
            e.output[[world.china, world.r]]
                / e.cost_hat[[world.china, world.r]]
                / world.economy.output()[[world.china, world.r]],
        ),
    ]);
    for (_, countries) in places(world) {
        all.extend(world.users().into_iter().map(|j| percent(world.real_output(e, &countries, &[j]))));
    }
    all
}

/// The rest of the world and China: names and countries.
fn places(world: &World) -> [(&'static str, Vec<usize>); 2] {
    let abroad = (0..world.countries().len()).filter(|i| *i != world.china).collect();
    [("outside China", abroad), ("China", vec![world.china])]
}

const MARKET: [(&str, &str); 5] = [
    ("Rare-earth price outside China", "over baseline"),
    ("Rare-earth price in China", "over baseline"),
    ("Price outside China over producers' price", "ratio"),
    ("Quota rent", "million USD"),
    ("China's mine output", "%"),
];

/// C1: the restriction in the long run, under three technologies.
pub(super) fn restriction(inputs: &Inputs) -> Result<Made, Error> {
    let world = World::open(inputs.raw)?;
    let cases = world.cases(SCENARIO)?;
    let settings = SolverSettings::default();
    let all: Vec<Draws> = cases
        .iter()
        .map(|case| {
            let scenario = &case.scenario;
            draws(scenario, &world.economy, DRAWS, scenario.seed, &settings, |_, outcome| {
                numbers(&world, outcome)
            })
            .map_err(Error::library("draws of C1"))
        })
        .collect::<Result<_, _>>()?;
    let n = world.countries().len();
    let method = format!(
        "exact hat algebra with the export quota as a complementarity condition; long run; {DRAWS} draws, common to the columns"
    );
    let seed = Some(cases[0].scenario.seed);
    let incomes = ByCountry {
        id: "C1",
        title: "Export restriction of rare earths, long run: real income",
        blocks: &[("welfare", "Real income", 0)],
    };
    let mut countries = by_country(&world, &cases, &all, &incomes, world.footer(&method, seed));
    let failed: usize = all.iter().map(|draws| draws.failures.len()).sum();
    countries.note(format!(
        "China's exports of rare earths are held at 60 percent of the volume of 2009. Spillover: xi = {}. Share of the loss with \
         exogenous technology that directed technology, without spillover, takes away (%): {}. Draws without an equilibrium: \
         {failed} of {}.",
        super::quota::central(&cases[2].scenario, "xi"),
        offsets(&world, &all),
        3 * DRAWS
    ));
    let intensive = ByCountry {
        id: "C1-sectors",
        title: "Export restriction of rare earths, long run: rare-earth-intensive sectors",
        blocks: &[("exports", "Exports", n), ("output", "Output", 2 * n)],
    };
    let mut sectors = by_country(&world, &cases, &all, &intensive, world.footer(&method, seed));
    sectors.note(format!(
        "The five sectors with the largest cost share of rare earths world-wide: {}. Exports in value, output in volume.",
        world.intensive_names()
    ));
    let market = market(&world, &cases, &all, 3 * n, &method, seed);
    let (by_intensity, scatter) = intensities(&world, &cases, &all, 3 * n + MARKET.len(), &method, seed);
    let bars = |name: &str, values: &[f64]| Bars {
        name: name.to_owned(),
        values: values.iter().copied().map(Some).collect(),
    };
    let figure = Figure {
        id: "C1".to_owned(),
        title: "Export restriction of rare earths: real income in the long run".to_owned(),
        description: "Bars by economy: the change of real income when China holds its exports of rare earths at 60 percent of \
                      their volume, with exogenous technology, with directed technology, and with a spillover."
            .to_owned(),
        chart: Chart::Bar {
            value: "% of real income".to_owned(),
            categories: world.countries().to_vec(),
            series: cases.iter().zip(&all).map(|(case, draws)| bars(case.name, &draws.central[..n])).collect(),
        },
    };
    let exports = Figure {
        id: "C1-exports".to_owned(),
        title: "Export restriction of rare earths: exports of intensive sectors".to_owned(),
        description: "Bars by economy: the change of exports of the five most rare-earth-intensive sectors under the three \
                      technologies."
            .to_owned(),
        chart: Chart::Bar {
            value: "% of exports".to_owned(),
            categories: world.countries().to_vec(),
            series: cases.iter().zip(&all).map(|(case, draws)| bars(case.name, &draws.central[n..2 * n])).collect(),
        },
    };
    let tables = vec![countries, sectors, by_intensity, market, parameters(&world, &cases[2])];
    let figures = vec![map(&world, cases[1].name, &all[1].central[..n]), figure, exports, scatter];
    Ok(Made { tables, figures, checks: Vec::new() })
}

/// Every sector's rare-earth intensity against the change of its output, in the rest of the world and in China: the table, and the
/// figure of the rest of the world.
fn intensities(
    world: &World,
    cases: &[Case; 3],
    all: &[Draws],
    offset: usize,
    method: &str,
    seed: Option<u64>,
) -> (Table, Figure) {
    let (intensity, percent) = (Format::Fixed(4), Format::Fixed(3));
    let mut columns = vec![Column::label("place", "Place"), Column::label("sector", "Sector")];
    columns.push(Column::number(
        "intensity",
        "Rare earths in output",
        "USD per 1,000",
        intensity,
        Provenance::Derived,
    ));
    for case in cases {
        let (key, heading) = (format!("output_{}", case.key), format!("Output: {}", case.name));
        columns.extend(with_interval((&key, "_pct"), &heading, "%", percent));
    }
    let title = "Export restriction of rare earths, long run: output by sector and rare-earth intensity";
    let mut table = Table::new("C1-intensity", title, Kind::Simulated, columns, world.footer(method, seed));
    let intervals: Vec<Vec<(f64, f64)>> = all.iter().map(|draws| draws.interval(COVERAGE)).collect();
    let names = world.economy.labels().sectors();
    let mut series: Vec<Labelled> =
        cases.iter().map(|case| Labelled { name: case.name.to_owned(), points: Vec::new() }).collect();
    let mut at = offset;
    for (place, countries) in places(world) {
        if at > offset {
            table.rule();
        }
        for j in world.users() {
            let spent = 1e3 * world.intensity(&countries, j);
            let mut row: Vec<Cell> = vec![place.into(), names[j].as_str().into(), spent.into()];
            for (draws, interval) in all.iter().zip(&intervals) {
                row.extend(interval_cells(draws.central[at], interval[at]));
            }
            table.row(row);
            // On a logarithmic axis a sector that uses none has no place.
            if at < offset + world.users().len() && spent > 0.0 {
                for (k, group) in series.iter_mut().enumerate() {
                    // Where they lie furthest apart.
                    let named = k + 1 == cases.len() && world.intensive.contains(&j);
                    let label = if named { names[j].clone() } else { String::new() };
                    group.points.push((spent, all[k].central[at], label));
                }
            }
            at += 1;
        }
    }
    table.note("Output in volume, at prices of the baseline. Intensity: spending on rare earths over output in the baseline.");
    let figure = Figure {
        id: "C1-intensity".to_owned(),
        title: "Rare-earth intensity and the change of output outside China, by sector".to_owned(),
        description: "Points by sector and technology: spending on rare earths per thousand dollars of output, on a logarithmic \
                      axis, against the change of the sector's output outside China when China holds its exports of rare earths \
                      at 60 percent of their volume. The five most intensive sectors are named."
            .to_owned(),
        chart: Chart::Scatter {
            x: "rare earths, USD per 1,000 of output, logarithmic".to_owned(),
            y: "% of output (simulated)".to_owned(),
            log_x: true,
            series,
            diagonal: false,
        },
    };
    (table, figure)
}

/// Real income over the world with one technology.
fn map(world: &World, technology: &str, real_income: &[f64]) -> Figure {
    Figure {
        id: "C1-map".to_owned(),
        title: format!("Export restriction of rare earths: real income in the long run, {technology} technology"),
        description: "World map of simulated changes: real income by economy when China holds its exports of rare earths at 60 \
                      percent of their volume, with directed technology. Table C1 has the numbers."
            .to_owned(),
        chart: Chart::World(Map {
            value: "change of real income, % (simulated)".to_owned(),
            signed: true,
            format: Format::Fixed(4),
            values: world.countries().iter().cloned().zip(real_income.iter().copied()).collect(),
        }),
    }
}

/// The numbers of the scenario: what they are, how uncertain, and where from.
fn parameters(world: &World, case: &Case) -> Table {
    let columns = vec![
        Column::label("parameter", "Parameter"),
        Column::number("value", "Value", "", Format::Fixed(4), Provenance::Assumed),
        Column::label("range", "Draws"),
        Column::label("source", "Source"),
    ];
    let title = "Export restriction of rare earths: parameters";
    let footer = world.footer("as the scenario file says", None);
    let mut table = Table::new("C1-parameters", title, Kind::Simulated, columns, footer);
    for parameter in &case.scenario.parameters {
        let provenance = match parameter.spread {
            Spread::Estimated { .. } => Provenance::Estimated,
            _ => Provenance::Assumed,
        };
        table.row(vec![
            parameter.name.as_str().into(),
            Cell::from(parameter.value).with_provenance(provenance),
            parameter.spread.to_string().into(),
            parameter.source.as_str().into(),
        ]);
    }
    table.note(
        "With directed technology xi is zero; with exogenous technology lambda, phi and xi play no part.",
    );
    table
}

/// A table by country of some of the numbers: key and heading of each, and where it begins.
struct ByCountry<'a> {
    id: &'a str,
    title: &'a str,
    blocks: &'a [(&'a str, &'a str, usize)],
}

fn by_country(world: &World, cases: &[Case; 3], all: &[Draws], what: &ByCountry, footer: Footer) -> Table {
    let mut columns = vec![Column::label("country", "Economy")];
    for (key, heading, _) in what.blocks {
        for case in cases {
            let (key, heading) = (format!("{key}_{}", case.key), format!("{heading}: {}", case.name));
            columns.extend(with_interval((&key, "_pct"), &heading, "%", Format::Fixed(3)));
        }
    }
    let mut table = Table::new(what.id, what.title, Kind::Simulated, columns, footer);
    let intervals: Vec<Vec<(f64, f64)>> = all.iter().map(|draws| draws.interval(COVERAGE)).collect();
    for (c, country) in world.countries().iter().enumerate() {
        let mut row: Vec<Cell> = vec![country.as_str().into()];
        for (_, _, begin) in what.blocks {
            for (draws, interval) in all.iter().zip(&intervals) {
                row.extend(interval_cells(draws.central[begin + c], interval[begin + c]));
            }
        }
        table.row(row);
    }
    table
}

/// What directed technology takes away of each country's loss, in words, with its interval over the draws of both.
fn offsets(world: &World, all: &[Draws]) -> String {
    let share = |directed: f64, exogenous: f64| 100.0 * (1.0 - directed / exogenous);
    let Some(shares) = all[1].combine(&all[0], share) else { return String::new() };
    let intervals = shares.interval(COVERAGE);
    let losers = world.countries().iter().enumerate().filter(|(c, _)| all[0].central[*c] < 0.0);
    let words =
        losers.map(|(c, country)| format!("{country} {}", in_words(shares.central[c], intervals[c], 0)));
    words.collect::<Vec<_>>().join(", ")
}

fn market(
    world: &World,
    cases: &[Case; 3],
    all: &[Draws],
    offset: usize,
    method: &str,
    seed: Option<u64>,
) -> Table {
    let mut columns = vec![Column::label("item", ""), Column::label("unit", "Unit")];
    for case in cases {
        columns.extend(with_interval((case.key, ""), case.name, "", Format::Fixed(2)));
    }
    let title = "Export restriction of rare earths, long run: the market";
    let mut table = Table::new("C1-market", title, Kind::Simulated, columns, world.footer(method, seed));
    let intervals: Vec<Vec<(f64, f64)>> = all.iter().map(|draws| draws.interval(COVERAGE)).collect();
    for (k, (item, unit)) in MARKET.into_iter().enumerate() {
        let mut row: Vec<Cell> = vec![item.into(), unit.into()];
        for (draws, interval) in all.iter().zip(&intervals) {
            row.extend(interval_cells(draws.central[offset + k], interval[offset + k]));
        }
        table.row(row);
    }
    table.note(
        "Nominal values in units of unchanged world factor income. The price outside is that of purchasers, weighted by what each \
         economy spends in the baseline.",
    );
    table
}

/// Draws for the intervals of C3, each of which takes a dozen equilibria and more.
const CHANNEL_DRAWS: usize = 40;

/// The columns of C3.
const CHANNELS: [(&str, &str); 6] = [
    ("total", "Real income"),
    ("terms_of_trade", "Terms of trade"),
    ("critical_terms_of_trade", "of rare earths"),
    ("volume_of_trade", "Volume of trade"),
    ("quota_rents", "Quota rents"),
    ("technology_channel", "Technology in use"),
];

/// The numbers of [`CHANNELS`] by country, then those by country and source; logarithms times 100.
fn flat(parts: &Decomposition) -> Vec<f64> {
    let sum = |a: &Array2<f64>| a.sum_axis(Axis(1));
    let columns = [
        parts.total.clone(),
        sum(&parts.terms_of_trade),
        sum(&parts.critical_terms_of_trade),
        sum(&parts.tariff_volume) + sum(&parts.export_tax_volume),
        sum(&parts.quota_rents),
        parts.technology.clone(),
    ];
    columns.into_iter().flatten().chain(counterfactuals::by_source(parts)).map(|v| 100.0 * v).collect()
}

/// Intervals over the draws that have numbers.
fn interval(draws: &Draws) -> Vec<(f64, f64)> {
    let complete: Vec<usize> =
        (0..draws.values.nrows()).filter(|row| draws.values[[*row, 0]].is_finite()).collect();
    Draws { values: draws.values.select(Axis(0), &complete), ..draws.clone() }.interval(COVERAGE)
}

/// C3: the same change of real income by channel, exact.
pub(super) fn channels(inputs: &Inputs) -> Result<Made, Error> {
    let world = World::open(inputs.raw)?;
    let cases = world.cases(SCENARIO)?;
    let parts: Vec<Decomposition> = cases
        .iter()
        .map(|case| {
            let (question, _) = long_run(case, &world)?;
            decompose(&question.economy, &question.periods[0].shock, &DecompositionSettings::default())
                .map_err(Error::library("the decomposition of C3"))
        })
        .collect::<Result<_, _>>()?;
    // A draw whose decomposition fails has no numbers; it is counted and left out of the intervals.
    let n = world.countries().len();
    let blank = vec![f64::NAN; CHANNELS.len() * n + n * n];
    let drawn: Vec<Draws> = cases
        .iter()
        .map(|case| {
            let scenario = &case.scenario;
            let settings = SolverSettings::default();
            draws(scenario, &world.economy, CHANNEL_DRAWS, scenario.seed, &settings, |question, _| {
                let shock = &question.periods[0].shock;
                let parts = decompose(&question.economy, shock, &DecompositionSettings::default());
                parts.map_or_else(|_| blank.clone(), |parts| flat(&parts))
            })
            .map_err(Error::library("draws of C3"))
        })
        .collect::<Result<_, _>>()?;
    let intervals: Vec<Vec<(f64, f64)>> = drawn.iter().map(interval).collect();
    let mut columns = vec![Column::label("technology", "Technology"), Column::label("country", "Economy")];
    for (key, heading) in CHANNELS {
        columns.extend(with_interval((key, ""), heading, "log ×100", Format::Fixed(4)));
    }
    columns.push(Column::number("gap", "Not explained", "log ×100", Format::Fixed(4), Provenance::Simulated));
    let method = format!(
        "every channel integrated along the path of the restriction ({} equilibria); the sum of the parts differs from the exact \
         change by less than 1e-6 of it",
        parts.iter().map(|p| p.solves).sum::<usize>()
    );
    let title = "Export restriction of rare earths, long run: real income by channel";
    let mut table = Table::new(
        "C3",
        title,
        Kind::Simulated,
        columns,
        world.footer(&method, Some(cases[0].scenario.seed)),
    );
    let sum = |a: &Array2<f64>| a.sum_axis(Axis(1));
    for ((case, parts), interval) in cases.iter().zip(&parts).zip(&intervals) {
        if case.key != cases[0].key {
            table.rule();
        }
        let central = flat(parts);
        for (c, country) in world.countries().iter().enumerate() {
            let mut row: Vec<Cell> = vec![case.name.into(), country.as_str().into()];
            for k in 0..CHANNELS.len() {
                row.extend(interval_cells(central[k * n + c], interval[k * n + c]));
            }
            row.push((100.0 * (parts.total[c] - parts.sum[c])).into());
            table.row(row);
        }
    }
    let complete = drawn.iter().map(|d| d.values.rows().into_iter().filter(|row| row[0].is_finite()).count());
    table.note(format!(
        "Intervals from {CHANNEL_DRAWS} draws of the parameters for each technology; of {} draws {} could be decomposed.",
        3 * CHANNEL_DRAWS,
        complete.sum::<usize>()
    ));
    table.note(
        "Terms of trade: prices at the border, rare earths apart, where the rents of the resource show. Quota rents: what the \
         right to export earns its owner and costs buyers. Volume of trade: flows that carry tariffs or export taxes. Technology \
         in use: what productivity moved by research saves. Logarithms, times 100.",
    );
    let ends = &intervals[1][CHANNELS.len() * n..];
    let [sources, by_pair] = sources(&world, &parts[1], ends, &method, cases[1].scenario.seed);
    let bars = |name: &str, values: Array1<f64>| Bars {
        name: name.to_owned(),
        values: values.iter().map(|v| Some(100.0 * v)).collect(),
    };
    let directed = &parts[1];
    let figure = Figure {
        id: "C3".to_owned(),
        title: "Real income by channel, directed technology".to_owned(),
        description: "Bars by economy: the log change of real income from the terms of trade, from quota rents and from technology."
            .to_owned(),
        chart: Chart::Bar {
            value: "log points ×100".to_owned(),
            categories: world.countries().to_vec(),
            series: vec![
                bars("real income", directed.total.clone()),
                bars("terms of trade", sum(&directed.terms_of_trade) + sum(&directed.critical_terms_of_trade)),
                bars("quota rents", sum(&directed.quota_rents)),
                bars("technology", directed.technology.clone()),
            ],
        },
    };
    Ok(Made { tables: vec![table, sources, by_pair], figures: vec![figure], checks: Vec::new() })
}

/// By source country, with directed technology: as a matrix to read, and pair by pair with intervals.
fn sources(world: &World, parts: &Decomposition, ends: &[(f64, f64)], method: &str, seed: u64) -> [Table; 2] {
    let by_source = counterfactuals::by_source(parts);
    let mut columns = vec![Column::label("country", "Economy")];
    for source in world.countries() {
        let key = format!("from_{}", source.to_lowercase());
        columns.push(Column::number(
            key,
            source.clone(),
            "log ×100",
            Format::Fixed(4),
            Provenance::Simulated,
        ));
    }
    let title = "Real income by source country, directed technology";
    let mut table = Table::new("C3-sources", title, Kind::Simulated, columns, world.footer(method, None));
    for (country, row) in world.countries().iter().zip(by_source.rows()) {
        let mut cells: Vec<Cell> = vec![country.as_str().into()];
        cells.extend(row.iter().map(|v| Cell::from(100.0 * v)));
        table.row(cells);
    }
    table.note(
        "What comes through trade with and rents of a partner stands in the partner's column, what happens at home on the diagonal. \
         Rows sum to the log change of real income. Table C3-pairs has the intervals.",
    );
    let mut columns = vec![Column::label("country", "Economy"), Column::label("source", "Source")];
    columns.extend(with_interval(("contribution", ""), "Contribution", "log ×100", Format::Fixed(4)));
    let title = "Real income by source country, directed technology, with intervals";
    let mut pairs = Table::new("C3-pairs", title, Kind::Simulated, columns, world.footer(method, Some(seed)));
    for (((c, s), value), ends) in by_source.indexed_iter().zip(ends) {
        if c > 0 && s == 0 {
            pairs.rule();
        }
        let mut cells: Vec<Cell> =
            vec![world.countries()[c].as_str().into(), world.countries()[s].as_str().into()];
        cells.extend(interval_cells(100.0 * value, *ends));
        pairs.row(cells);
    }
    pairs.note(format!("Intervals from {CHANNEL_DRAWS} draws of the parameters."));
    [table, pairs]
}
