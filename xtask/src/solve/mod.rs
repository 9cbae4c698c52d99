//! `solve`: a counterfactual on an economy, asked from the command line.

mod arrays;
mod tables;

use std::path::PathBuf;
use std::time::Instant;

use counterfactuals::ShockFile;
use model_core::welfare::{Decomposition, DecompositionError, DecompositionSettings, decompose};
use model_core::{Economy, Equilibrium, Iteration, Phase, SolverSettings};
use serde_json::json;

use crate::console;
use crate::economies;
use crate::error::Error;
use crate::hash;
use crate::output;
use crate::report::{delimited, markdown};

/// The file by which a folder of results is known.
const SUMMARY: &str = "summary.json";

/// Solve a counterfactual
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// `world-2009`, which is shipped, or the folder of a saved economy
    #[arg(long, value_name = "ECONOMY")]
    economy: String,
    /// What changes (`cargo xtask help shocks`)
    #[arg(long, value_name = "FILE.toml")]
    shock: PathBuf,
    /// Folder to write the results to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Largest relative residual of any market at which the solve ends
    #[arg(long, value_name = "RESIDUAL")]
    tolerance: Option<f64>,
}

/// What was asked and what came out, for the writers of results.
struct Answer {
    economy: Economy,
    file: ShockFile,
    equilibrium: Equilibrium,
    decomposition: Result<Decomposition, DecompositionError>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let economy = economies::open(&arguments.economy)?;
    let text = std::fs::read_to_string(&arguments.shock).map_err(Error::io("read", &arguments.shock))?;
    let name = arguments.shock.display();
    let file =
        ShockFile::parse(&text, &economy).map_err(Error::bad_input(format!("the shock file {name}")))?;

    let mut settings = SolverSettings::default();
    settings.tolerance = arguments.tolerance.unwrap_or(settings.tolerance);
    let start = Instant::now();
    let bar = console::bar(settings.max_sweeps);
    let mut watch = |iteration: &Iteration| {
        let method = match iteration.phase {
            Phase::Newton => "Newton",
            _ => "fixed point",
        };
        bar.set_message(format!("{method}, residual {:.1e}", iteration.residual.max()));
        bar.inc(1);
    };
    let equilibrium = economy
        .solve_observed(&file.shock, &settings, &mut watch)
        .map_err(Error::bad_input(format!("no equilibrium for {name}")))?;
    bar.set_message("welfare by channel");
    let decomposition = decompose(&economy, &file.shock, &DecompositionSettings::default());
    bar.finish_and_clear();

    let answer = Answer { economy, file, equilibrium, decomposition };
    let countries = tables::countries(&answer);
    let mut files = Vec::new();
    for table in [&countries, &tables::sectors(&answer), &tables::trade(&answer)] {
        table.check()?;
        files.push((format!("{}.csv", table.id), delimited::render(table)?));
    }
    files.push(("equilibrium.npz".to_owned(), arrays::archive(&answer)?));
    let summary = summary(&answer, arguments, &settings)?;
    files.push((SUMMARY.to_owned(), summary));
    output::write_folder(&arguments.out, SUMMARY, &files)?;

    console::result(markdown::render(&countries).trim_end());
    console::notice(format!(
        "solved in {:.2} s, {} iterations, largest residual {:.1e}; results in {}",
        start.elapsed().as_secs_f64(),
        answer.equilibrium.iterations(),
        answer.equilibrium.residual.max(),
        arguments.out.display()
    ));
    Ok(())
}

/// What was solved and how well, as JSON.
fn summary(answer: &Answer, arguments: &Arguments, settings: &SolverSettings) -> Result<Vec<u8>, Error> {
    let equilibrium = &answer.equilibrium;
    let residual = &equilibrium.residual;
    let metadata = answer.economy.metadata();
    let decomposition = match &answer.decomposition {
        Ok(parts) => json!({ "equilibria_on_the_path": parts.solves }),
        Err(reason) => json!({ "absent_because": reason.to_string() }),
    };
    let summary = json!({
        "title": answer.file.title,
        "kind": "simulated",
        "economy": {
            "given": arguments.economy,
            "name": metadata.name,
            "year": metadata.year,
            "unit": metadata.unit,
            "provenance": metadata.provenance,
        },
        "shock_file": {
            "name": arguments.shock.file_name().map(|name| name.to_string_lossy()),
            "sha256": hash::of_file(&arguments.shock)?,
        },
        "changes": answer.file.changes,
        "numeraire": "world factor income",
        "tolerance": settings.tolerance,
        "residual": {
            "prices": residual.prices,
            "goods": residual.goods,
            "factors": residual.factors,
            "largest": residual.max(),
        },
        "iterations": equilibrium.iterations(),
        "history": equilibrium.history.iter().map(|i| i.residual.max()).collect::<Vec<_>>(),
        "welfare_by_channel": decomposition,
        "version": env!("CARGO_PKG_VERSION"),
    });
    let mut bytes = serde_json::to_vec_pretty(&summary)
        .map_err(|e| Error::Report { table: SUMMARY.to_owned(), problem: e.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}
