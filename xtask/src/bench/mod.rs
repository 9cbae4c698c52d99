//! `bench`: measures the solver and the estimators and writes what it found to `docs/benchmarks.md`, with CSV beside it.
//!
//! Times are told, never judged: nothing fails because it is slow. What is judged is what does not depend on the machine: that the
//! solver agrees with the textbook algorithm.

mod estimators;
mod solver;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::console;
use crate::error::Error;
use crate::output;
use crate::report::manifest::Surroundings;
use crate::report::table::Table;
use crate::report::{delimited, markdown};
use crate::workspace::{self, DataArgument};

/// The page that is written.
const PAGE: &str = "benchmarks.md";

/// Measure the solver and the estimators
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    data: DataArgument,
    /// Folder to write to
    #[arg(long, value_name = "DIR", default_value_os_t = workspace::root().join("docs"))]
    out: PathBuf,
    /// The largest number of rows of a regression
    #[arg(long, value_name = "ROWS", default_value_t = 10_000_000)]
    rows: usize,
    /// Only what takes seconds: small economies, and no more than 10,000 rows
    #[arg(long)]
    quick: bool,
    /// A Python with pyfixest: measures against it again (estimation/parity/speed.py)
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Print the memory that one fit adds, by the place of its estimator, on `--rows` rows; how the command measures it
    #[arg(long, value_name = "N", hide = true)]
    memory_of: Option<usize>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    if let Some(model) = arguments.memory_of {
        return estimators::tell_memory(model, arguments.rows);
    }
    let busy = load();
    let raw = arguments.data.raw();
    let rows = if arguments.quick { arguments.rows.min(10_000) } else { arguments.rows };
    let tables = [solver::table(&raw, arguments.quick)?, estimators::table(rows)?];
    if let Some(python) = &arguments.python {
        compare_with_peer(python)?;
    }
    for table in &tables {
        table.check()?;
        output::write_whole(&arguments.out.join(format!("{}.csv", table.id)), &delimited::render(table)?)?;
    }
    output::write_whole(&arguments.out.join(PAGE), page(&tables, busy.as_deref())?.as_bytes())?;
    console::result(format!("written: {}", arguments.out.join(PAGE).display()));
    Ok(())
}

/// The page: what was measured on what, the tables, and what the comparison with a peer printed.
fn page(tables: &[Table], busy: Option<&str>) -> Result<String, Error> {
    let here = Surroundings::here("", 1);
    let processor = processor().unwrap_or_else(|| here.platform.clone());
    let commit = here.commit.as_deref().unwrap_or("unknown");
    let mut text = format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench`; do not edit. The times are of one machine on one day: compare ratios, not\n\
         seconds.\n\n\
         - Machine: {processor}, {} cores, {}.\n\
         - Compiler: {}, profile {} (3 for model-core and dependencies).\n\
         - Version {}, commit {commit}.\n",
        here.processors,
        here.platform,
        here.compiler,
        env!("LODESTONE_PROFILE"),
        here.version,
    );
    if let Some(busy) = busy {
        text.push_str(&format!(
            "- Load when it started: {busy} processes on average over the minute before; other work may have shared the cores throughout.\n"
        ));
    }
    text.push_str("- Of several runs the fastest is told: other work on the machine only adds.\n");
    for table in tables {
        text.push('\n');
        let rendered = markdown::render(table);
        text.push_str(&rendered.replacen(&format!("# {}. ", table.id), "## ", 1));
        text.push_str(&format!("- Exact values: [{0}.csv]({0}.csv).\n", table.id));
    }
    let speed = speed_file();
    let printed = std::fs::read_to_string(&speed).map_err(Error::io("read", &speed))?;
    text.push_str(&format!(
        "\n## Against pyfixest\n\nWhat [speed.py](../estimation/parity/speed.py) printed when it last ran, on the machine that it names.\n\n\
         ```text\n{}\n```\n",
        printed.trim_end()
    ));
    Ok(text)
}

fn speed_file() -> PathBuf {
    workspace::root().join("estimation/parity/speed.txt")
}

/// Runs the comparison of three-way regressions with pyfixest, and keeps what it prints.
fn compare_with_peer(python: &Path) -> Result<(), Error> {
    let script = workspace::root().join("estimation/parity/speed.py");
    let output = Command::new(python).arg(&script).output().map_err(Error::io("run", python))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
        return Err(Error::Program { command: format!("{} {}", python.display(), script.display()), reason });
    }
    output::write_whole(&speed_file(), &output.stdout)
}

/// The fastest of several runs, as many as fit into `patience` but at least one, in seconds; and what the last returned.
fn fastest<T>(patience: Duration, mut run: impl FnMut() -> T) -> (f64, T) {
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    loop {
        let start = Instant::now();
        let value = run();
        best = best.min(start.elapsed().as_secs_f64());
        if begin.elapsed() >= patience {
            return (best, value);
        }
    }
}

/// The processor's name, where the system tells.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

/// How many processes ran or wanted to, averaged over the last minute, where the system tells.
fn load() -> Option<String> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next().map(str::to_owned)
}
