//! `solve`: a scenario put to an economy, asked from the command line.

mod arrays;
mod intervals;
mod tables;
mod years;

use std::path::PathBuf;
use std::time::Instant;

use counterfactuals::scenario::{SCHEMA, ScenarioError};
use counterfactuals::{Outcome, Question, Scenario};
use model_core::welfare::{Decomposition, DecompositionError, DecompositionSettings, decompose};
use model_core::{Economy, Equilibrium, SolverSettings};
use serde_json::json;

use crate::console;
use crate::economies;
use crate::error::Error;
use crate::hash;
use crate::output;
use crate::report::table::Table;
use crate::report::{delimited, markdown, values};
use crate::sources::Sources;
use crate::workspace::DataArgument;

/// The file by which a folder of results is known.
const SUMMARY: &str = "summary.json";
/// The file of all tables with exact values.
const VALUES: &str = "tables.json";

/// Solve a scenario
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What is asked (`cargo xtask help scenarios`)
    #[arg(long, alias = "shock", value_name = "FILE.toml", required_unless_present = "schema")]
    scenario: Option<PathBuf>,
    /// `world-2009`, `rare-earth-world-2009` or `element-world-2009`, which are shipped, or the folder of a saved economy; by
    /// default the one that the scenario names
    #[arg(long, value_name = "ECONOMY")]
    economy: Option<String>,
    /// Folder to write the results to
    #[arg(long, value_name = "DIR", required_unless_present = "schema")]
    out: Option<PathBuf>,
    /// Draws of the uncertain numbers, for intervals; without N as many as the scenario's `draws`. By default none
    #[arg(long, value_name = "N", num_args = 0..=1)]
    draws: Option<Option<usize>>,
    /// Seed of the draws; by default the scenario's
    #[arg(long)]
    seed: Option<u64>,
    /// Largest relative residual of any market at which a solve ends
    #[arg(long, value_name = "RESIDUAL")]
    tolerance: Option<f64>,
    #[command(flatten)]
    data: DataArgument,
    /// Print the JSON schema of scenario files and stop
    #[arg(long)]
    schema: bool,
}

/// What was asked and what came out, for the writers of results.
pub(crate) struct Answer {
    pub(crate) question: Question,
    pub(crate) scenario: Scenario,
    pub(crate) outcome: Outcome,
    /// The long run, or the last year, which the tables by country and sector show.
    pub(crate) last: Equilibrium,
    /// Welfare by channel, by year where there are years.
    decompositions: Result<Vec<(Option<i32>, Decomposition)>, DecompositionError>,
}

/// Makes a table of an answer, where there is something to say.
type Make = fn(&Answer) -> Option<Table>;

/// What is written of an answer.
const TABLES: [(&str, Make); 9] = [
    ("countries", |answer| Some(tables::countries(answer))),
    ("sectors", |answer| Some(tables::sectors(answer))),
    ("trade", |answer| Some(tables::trade(answer))),
    ("prices", years::prices),
    ("restrictions", years::restrictions),
    ("technology", years::technology),
    ("path", years::path),
    ("decomposition", years::decomposition),
    ("parameters", years::parameters),
];

impl Answer {
    /// Solves a scenario, called `name`, at its central values; welfare is not decomposed yet.
    pub(crate) fn find(
        scenario: Scenario,
        economy: &Economy,
        settings: &SolverSettings,
        name: &str,
    ) -> Result<Self, Error> {
        let question = scenario
            .resolve(economy, &scenario.central())
            .map_err(Error::bad_input(format!("the scenario {name}")))?;
        let outcome = question.answer(settings).map_err(Error::bad_input(format!("no answer to {name}")))?;
        let last = outcome.last().cloned().ok_or_else(|| Error::Report {
            table: SUMMARY.to_owned(),
            problem: "an outcome without an equilibrium".to_owned(),
        })?;
        Ok(Self { question, scenario, outcome, last, decompositions: Ok(Vec::new()) })
    }

    /// Decomposes welfare by channel.
    pub(crate) fn decompose(&mut self) {
        self.decompositions = by_channel(&self.question, &self.outcome);
    }

    /// The largest residual of any market in any equilibrium.
    pub(crate) fn worst_residual(&self) -> f64 {
        worst(&self.outcome.equilibria())
    }

    /// The tables among [`TABLES`] that are wanted and that there is something to say in.
    pub(crate) fn tables(&self, wanted: impl Fn(&str) -> bool) -> Vec<Table> {
        TABLES.iter().filter(|(name, _)| wanted(name)).filter_map(|(_, make)| make(self)).collect()
    }

    /// The decomposition that belongs to `last`.
    fn decomposition(&self) -> Result<&Decomposition, String> {
        match &self.decompositions {
            Ok(list) => list.last().map(|(_, parts)| parts).ok_or_else(|| "it was not asked for".to_owned()),
            Err(reason) => Err(reason.to_string()),
        }
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let (Some(path), Some(out), false) = (&arguments.scenario, &arguments.out, arguments.schema) else {
        console::result(SCHEMA.trim_end());
        return Ok(());
    };
    // A wrong economy is told before anything is read.
    let open = |name: &String| Ok::<_, Error>((name.clone(), economies::open(name)?));
    let given = arguments.economy.as_ref().map(open).transpose()?;
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let name = path.display();
    let refused = || Error::bad_input::<ScenarioError>(format!("the scenario {name}"));
    let (economy_name, economy) = match given {
        Some(given) => given,
        None => {
            let none = "(neither --economy nor the scenario names one)";
            let asked = Scenario::economy_of(&text).map_err(refused())?;
            let asked = asked.ok_or_else(|| Error::NoEconomy { given: none.to_owned() })?;
            let economy = economies::open(&asked)?;
            (asked, economy)
        }
    };
    let estimates = Sources::shipped(&arguments.data.raw()).named_in(&text)?;
    let scenario = Scenario::parse(&text, &economy, &estimates).map_err(refused())?;

    let draws = intervals::count(arguments.draws, &scenario)?;
    let mut settings = SolverSettings::default();
    settings.tolerance = arguments.tolerance.unwrap_or(settings.tolerance);
    let start = Instant::now();
    let bar = console::bar(3);
    bar.set_message("equilibria");
    let mut answer = Answer::find(scenario, &economy, &settings, &name.to_string())?;
    bar.inc(1);
    bar.set_message("welfare by channel");
    if answer.scenario.wants("decomposition") || answer.scenario.wants("countries") {
        answer.decompose();
    }
    bar.inc(1);
    bar.set_message("draws");
    let seed = arguments.seed.unwrap_or(answer.scenario.seed);
    let drawn = (draws > 0)
        .then(|| intervals::draw(&answer.scenario, &economy, draws, seed, &settings))
        .transpose()?;
    bar.finish_and_clear();

    let mut tables = answer.tables(|name| name == "countries" || answer.scenario.wants(name));
    let printed = tables.first().map(markdown::render).unwrap_or_default();
    if let Some(drawn) = &drawn {
        tables.push(intervals::table(&answer, drawn, seed));
    }
    let mut files = Vec::new();
    for table in &tables {
        table.check()?;
        files.push((format!("{}.csv", table.id), delimited::render(table)?));
    }
    files.push((VALUES.to_owned(), values::render(VALUES, &tables)?));
    files.push(("equilibrium.npz".to_owned(), arrays::archive(&answer)?));
    let summary = summary(&answer, &economy_name, path, &settings, drawn.as_ref().map(|d| (d, seed)))?;
    files.push((SUMMARY.to_owned(), summary));
    output::write_folder(out, SUMMARY, &files)?;

    console::result(printed.trim_end());
    let equilibria = answer.outcome.equilibria();
    console::notice(format!(
        "solved in {:.2} s, {} equilibria, largest residual {:.1e}; results in {}",
        start.elapsed().as_secs_f64(),
        equilibria.len(),
        worst(&equilibria),
        out.display()
    ));
    if let Some(failed) = drawn.map(|d| d.failures.len()).filter(|failed| *failed > 0) {
        console::notice(format!("{failed} of {draws} draws have no equilibrium: {SUMMARY} names them"));
    }
    Ok(())
}

fn by_channel(
    question: &Question,
    outcome: &Outcome,
) -> Result<Vec<(Option<i32>, Decomposition)>, DecompositionError> {
    let settings = DecompositionSettings::default();
    match outcome.path() {
        Some(path) => {
            let years = path.decompose(&question.economy, &settings)?;
            Ok(years.into_iter().map(|(year, parts)| (Some(year), parts)).collect())
        }
        None => question
            .periods
            .iter()
            .map(|period| Ok((period.year, decompose(&question.economy, &period.shock, &settings)?)))
            .collect(),
    }
}

fn worst(equilibria: &[&Equilibrium]) -> f64 {
    equilibria.iter().map(|e| e.residual.max()).fold(0.0, f64::max)
}

/// What was solved and how well, as JSON.
fn summary(
    answer: &Answer,
    economy_name: &str,
    path: &std::path::Path,
    settings: &SolverSettings,
    drawn: Option<(&counterfactuals::Draws, u64)>,
) -> Result<Vec<u8>, Error> {
    let equilibrium = &answer.last;
    let residual = &equilibrium.residual;
    let metadata = answer.question.economy.metadata();
    let decomposition = match answer.decomposition() {
        Ok(parts) => json!({ "equilibria_on_the_path": parts.solves }),
        Err(reason) => json!({ "absent_because": reason }),
    };
    let equilibria = answer.outcome.equilibria();
    let summary = json!({
        "title": answer.scenario.title,
        "kind": "simulated",
        "economy": {
            "given": economy_name,
            "name": metadata.name,
            "year": metadata.year,
            "unit": metadata.unit,
            "provenance": metadata.provenance,
        },
        "scenario": {
            "name": path.file_name().map(|name| name.to_string_lossy()),
            "sha256": hash::of_file(path)?,
            "parameters": answer.scenario.parameters,
        },
        "changes": answer.scenario.words,
        "numeraire": "world factor income",
        "tolerance": settings.tolerance,
        "residual": {
            "prices": residual.prices,
            "goods": residual.goods,
            "factors": residual.factors,
            "restrictions": residual.restrictions,
            "technology": residual.technology,
            "largest": worst(&equilibria),
        },
        "equilibria": equilibria.len(),
        "iterations": equilibria.iter().map(|e| e.iterations()).collect::<Vec<_>>(),
        "history": equilibrium.history.iter().map(|i| i.residual.max()).collect::<Vec<_>>(),
        "welfare_by_channel": decomposition,
        "draws": drawn.map(|(draws, seed)| json!({
            "seed": seed,
            "succeeded": draws.numbers.len(),
            "redrawn_out_of_range": draws.redrawn,
            "failed": draws.failures,
        })),
        "version": env!("CARGO_PKG_VERSION"),
    });
    let mut bytes = serde_json::to_vec_pretty(&summary)
        .map_err(|e| Error::Report { table: SUMMARY.to_owned(), problem: e.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}
