//! `verify`: makes again every table that claims a published number, and fails when a claim does not hold.

use crate::console;
use crate::error::Error;
use crate::parts;
use crate::report::checks::{self, Check, Published, Verdict};
use crate::report::manifest::Outcome;
use crate::reproduce;
use crate::workspace::DataArgument;

/// Hold the reproduced numbers against the published ones
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only these tables (comma-separated)
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    data: DataArgument,
    /// Print every comparison, not only those that do not match
    #[arg(long)]
    all: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    let published = Published::load()?;
    let mut parts = parts::choose(&arguments.only)?;
    parts.retain(|part| published.of_table(part.id).next().is_some());
    let raw = arguments.data.raw();
    let bar = console::bar(parts.len());
    let mut checks: Vec<Check> = Vec::new();
    for part in &parts {
        bar.set_message(format!("{} {}", part.id, part.title));
        let record = reproduce::make_one(part, &raw, &published, None)?;
        match &record.outcome {
            Outcome::Made => {}
            Outcome::Skipped(reason) => {
                bar.suspend(|| console::notice(format!("{}: skipped, {reason}", part.id)))
            }
            Outcome::Failed(reason) => bar.suspend(|| console::notice(format!("{}: {reason}", part.id))),
        }
        checks.extend(record.checks);
        bar.inc(1);
    }
    bar.finish_and_clear();

    for check in &checks {
        if arguments.all || !matches!(check.verdict, Verdict::Match | Verdict::Skipped) {
            console::result(line(check));
        }
    }
    console::result(checks::tally(&checks));
    match checks.iter().filter(|check| check.is_broken_claim()).count() {
        0 => Ok(()),
        broken => Err(Error::Partly {
            what: format!("{broken} claimed matches with published numbers failed"),
            remedy: "`cargo xtask verify --all` shows every comparison".to_owned(),
        }),
    }
}

fn line(check: &Check) -> String {
    let reproduced = check.reproduced.map_or_else(|| "–".to_owned(), |x| format!("{x:.6}"));
    format!(
        "{:<3} {:<28} published {:>9}   reproduced {reproduced:>14}   {}",
        check.table,
        check.item,
        check.published,
        check.verdict.word()
    )
}
