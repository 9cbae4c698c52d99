//! The solver on economies of growing size, beside the textbook algorithm.

use std::time::Duration;

use calibration::caliendo_parro::NaftaData;
use calibration::rare_earths::{economy, rare_earth_world_2009};
use model_core::synthetic::Recipe;
use model_core::{Deficits, Economy, EconomyParts, Shock, SolveError, SolverSettings, Technology};
use tests::naive;
use tests::{Uniform, questions};

use super::fastest;
use crate::console;
use crate::error::Error;
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};
use crate::workspace::RawData;

/// The seed of the economies that are drawn.
const SEED: u64 = 1;
/// How far the two may be apart, relative.
const AGREEMENT: f64 = 1e-8;
/// How long the solver is timed on one question.
const PATIENCE: Duration = Duration::from_secs(3);
/// Rounds after which the textbook algorithm is given up.
const MOST_ROUNDS: usize = 1_000_000;
/// To what it is solved where it is held to the solver: tighter than the two may differ.
const TIGHT: f64 = 1e-11;

/// A question to be timed.
struct Case {
    name: String,
    economy: Economy,
    shock: Shock,
    /// Whether the textbook algorithm is asked too; on large economies it takes minutes.
    textbook: bool,
    /// What the baseline is solved from, where it is an equilibrium to be found as well.
    baseline: Option<EconomyParts>,
}

/// The solver's table.
pub(super) fn table(raw: &RawData, quick: bool) -> Result<Table, Error> {
    let number = |key: &str, heading: &str, unit: &str, digits| {
        Column::number(key, heading, unit, Format::Fixed(digits), Provenance::Derived)
    };
    let columns = vec![
        Column::label("question", "Question"),
        Column::number("flows", "Flows N N J", "", Format::Integer, Provenance::Derived),
        number("milliseconds", "Time", "ms", 3),
        number("nanoseconds_per_flow", "per flow", "ns", 1),
        Column::number("sweeps", "Sweeps", "", Format::Integer, Provenance::Derived),
        number("ln10_residual", "Residual", "log10", 1),
        Column::number("textbook_rounds", "Textbook rounds", "", Format::Integer, Provenance::Derived),
        number("textbook_ratio", "Textbook time", "times", 0),
        number("ln10_difference", "Difference", "log10", 1),
    ];
    let footer = Footer {
        data: "Random economies of the recipe in model_core::synthetic (simulated); Caliendo and Parro's (2015) replication data; the \
               shipped rare-earth economy of 2009 and the full one"
            .to_owned(),
        estimator: format!(
            "model_core::Economy::solve to a residual of {:e}, one thread; the textbook algorithm of tests::naive: plain loops, damped \
             iteration, no code shared with the solver, to the same residual",
            SolverSettings::default().tolerance
        ),
        variance: "none".to_owned(),
        seed: Some(SEED),
        inputs: "simulated, read and derived".to_owned(),
    };
    let mut table = Table::new("benchmarks-solver", "Time to equilibrium", Kind::Simulated, columns, footer);
    let mut sizes = Vec::new();
    for case in cases(raw, quick, &mut table)? {
        console::notice(format!("bench: {}", case.name));
        let (row, per_flow) = measure(&case)?;
        sizes.push((case.name, per_flow));
        table.row(row);
    }
    let of = |name: &str| sizes.iter().find(|(n, _)| n.starts_with(name)).map(|(_, per_flow)| *per_flow);
    for (large, small) in [("80 x 50", "20 x 50"), ("80 x 50", "20 x 20")] {
        if let (Some(a), Some(b)) = (of(large), of(small)) {
            table.note(format!(
                "Growth: the time per flow at {large} is {:.2} times that at {small}; 1 is growth with the flows.",
                a / b
            ));
        }
    }
    table.note(
        "Difference: the largest relative difference of real income between the two, the textbook algorithm solved tighter for it; \
         `cargo test` holds 500 random economies to 1e-8 in everything. Where it stands empty the textbook algorithm was not asked: it \
         takes minutes.",
    );
    Ok(table)
}

fn cases(raw: &RawData, quick: bool, table: &mut Table) -> Result<Vec<Case>, Error> {
    let mut cases = Vec::new();
    let sizes: &[(usize, usize)] =
        if quick { &[(4, 3), (10, 10)] } else { &[(10, 10), (20, 20), (20, 50), (40, 35), (80, 50)] };
    for &(countries, sectors) in sizes {
        let economy = Uniform::new(SEED).economy(&Recipe::new(countries, sectors, 1));
        cases.push(Case {
            name: format!("{countries} x {sectors}, tariffs up ten points"),
            shock: questions::tariffs_up(&economy),
            economy,
            textbook: countries * sectors <= 400,
            baseline: None,
        });
    }
    let shipped = rare_earth_world_2009().map_err(Error::library("the shipped economy could not be made"))?;
    cases.push(with_quota(&shipped, !quick));
    if quick {
        return Ok(cases);
    }
    if raw.set("wiod2013").is_some() {
        let folder = raw.folder().unwrap_or_else(|| std::path::Path::new("."));
        let flows = economy::full_flows(folder, &Default::default())
            .map_err(Error::library("the full economy could not be made"))?;
        let full =
            Economy::from_flows(flows).map_err(Error::library("the full economy could not be made"))?;
        cases.push(with_quota(&full, false));
    } else {
        table.note("The full economy with a quota is not here: it needs the data set wiod2013.");
    }
    match raw.set("cp2015") {
        Some(folder) => {
            let data = NaftaData::load(&folder)?;
            let parts = data.parts();
            let (economy, _) = parts
                .equilibrate(&Deficits::Zero, &SolverSettings::default())
                .map_err(Error::library("the baseline without deficits"))?;
            let shock = data.nafta(&economy);
            cases.push(Case {
                name: "NAFTA, 31 x 40, both equilibria".to_owned(),
                shock: shock.clone(),
                economy: economy.clone(),
                textbook: false,
                baseline: Some(parts),
            });
            cases.push(Case {
                name: "NAFTA, 31 x 40, the tariffs of 2005".to_owned(),
                shock,
                economy,
                textbook: true,
                baseline: None,
            });
        }
        None => table.note("NAFTA is not here: it needs the data set cp2015."),
    }
    Ok(cases)
}

fn with_quota(economy: &Economy, textbook: bool) -> Case {
    let (economy, shock) = questions::quota(economy, Technology::Exogenous);
    let dims = economy.dims();
    Case {
        name: format!("Rare earths, {} x {}, export quota", dims.countries, dims.sectors),
        economy,
        shock,
        textbook,
        baseline: None,
    }
}

/// The row of a question, and its time per flow.
fn measure(case: &Case) -> Result<(Vec<Cell>, f64), Error> {
    let Case { name, economy, shock, textbook, baseline } = case;
    let settings = SolverSettings::default();
    let dims = economy.dims();
    let flows = dims.countries * dims.countries * dims.sectors;
    let (seconds, solved) = fastest(PATIENCE, || match baseline {
        None => economy.solve(shock, &settings).map(|solved| (0, solved)),
        Some(parts) => {
            let (economy, found) = parts.equilibrate(&Deficits::Zero, &settings)?;
            Ok::<_, SolveError>((found.iterations(), economy.solve(shock, &settings)?))
        }
    });
    let (before, solved) = solved.map_err(Error::library(format!("{name} could not be solved")))?;
    let mut beside = [Cell::absent(), Cell::absent(), Cell::absent()];
    if *textbook {
        let (slow, found) =
            fastest(Duration::ZERO, || naive::solve(economy, shock, settings.tolerance, MOST_ROUNDS));
        let rounds = found.map(|found| found.rounds);
        let gap = naive::solve(economy, shock, TIGHT, MOST_ROUNDS).map(|tight| {
            let pairs = tight.real_income.iter().zip(&solved.real_income_hat);
            pairs.map(|(a, b)| (a / b - 1.0).abs()).fold(f64::MIN_POSITIVE, f64::max)
        });
        if let Some(gap) = gap.filter(|gap| *gap > AGREEMENT) {
            return Err(Error::Report {
                table: "benchmarks-solver".to_owned(),
                problem: format!("{name}: the solver and the textbook algorithm differ by {gap:e}"),
            });
        }
        beside = [rounds.into(), rounds.map(|_| slow / seconds).into(), gap.map(f64::log10).into()];
    }
    let per_flow = seconds / flows as f64 * 1e9;
    let mut row: Vec<Cell> = vec![
        name.as_str().into(),
        flows.into(),
        (seconds * 1e3).into(),
        per_flow.into(),
        (before + solved.iterations()).into(),
        solved.residual.max().max(f64::MIN_POSITIVE).log10().into(),
    ];
    row.extend(beside);
    Ok((row, per_flow))
}
