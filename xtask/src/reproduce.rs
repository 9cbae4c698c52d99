//! `reproduce`: makes every table and figure that the inputs at hand allow.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Instant;

use crate::console;
use crate::error::Error;
use crate::output::OutputFolder;
use crate::parts::{self, Inputs, Made, Part};
use crate::report::checks::{self, Published, Verdict};
use crate::report::manifest::{self, Manifest, Outcome, PartRecord, Surroundings, TableRecord};
use crate::report::{delimited, latex, markdown};
use crate::workspace::{self, DataArgument, RawData};

/// Make the tables and figures
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Make only these (comma-separated, for example `A1,D2`)
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    data: DataArgument,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    let parts = parts::choose(&arguments.only)?;
    let published = Published::load()?;
    let raw = arguments.data.raw();
    let out = OutputFolder::open(&arguments.out.unwrap_or_else(workspace::default_out))?;
    let mut manifest = Manifest::read(out.path());
    manifest.run = Surroundings::here();

    let bar = console::bar(parts.len());
    let mut failed = Vec::new();
    for part in &parts {
        bar.set_message(format!("{} {}", part.id, part.title));
        let record = make_one(part, &raw, &published, Some(&out));
        bar.suspend(|| console::result(summary_line(part, &record)));
        if matches!(record.outcome, Outcome::Failed(_)) {
            failed.push(part.id);
        }
        manifest.parts.insert(part.id.to_owned(), record);
        bar.inc(1);
    }
    bar.finish_and_clear();

    let checks = manifest.checks();
    out.write("verification.csv", &checks::render(&checks)?)?;
    out.write(manifest::FILE, &manifest.render()?)?;
    console::result(format!("{}; see {}", checks::tally(&checks), out.path().display()));

    let broken = checks.iter().filter(|check| check.is_broken_claim()).count();
    if failed.is_empty() && broken == 0 {
        return Ok(());
    }
    let mut what = Vec::new();
    if !failed.is_empty() {
        what.push(format!("could not make {}", failed.join(", ")));
    }
    if broken > 0 {
        what.push(format!("{broken} claimed matches with published numbers failed"));
    }
    Err(Error::Partly {
        what: what.join("; "),
        remedy: "the reasons stand above and in manifest.json; everything else was made".to_owned(),
    })
}

/// Makes one part; whatever happens to it stays in its record. Files are written when a folder is given.
pub(crate) fn make_one(
    part: &Part,
    raw: &RawData,
    published: &Published,
    out: Option<&OutputFolder>,
) -> PartRecord {
    let mut record = PartRecord {
        title: part.title.to_owned(),
        outcome: Outcome::Made,
        inputs: Default::default(),
        seconds: 0.0,
        peak_memory: None,
        tables: Vec::new(),
        figures: Vec::new(),
        checks: Vec::new(),
    };
    let missing: Vec<&str> = part.needs.iter().copied().filter(|set| raw.set(set).is_none()).collect();
    if !missing.is_empty() {
        let sets = missing.join(", ");
        let reason = format!(
            "needs the raw data {sets}: {}; `cargo xtask data list` says where to get it",
            raw.place()
        );
        record.outcome = Outcome::Skipped(reason);
        record.checks = published.not_made(part.id, Verdict::Skipped);
        return record;
    }

    manifest::reset_peak_memory();
    let start = Instant::now();
    let inputs = Inputs { raw, published };
    let made = catch_unwind(AssertUnwindSafe(|| (part.make)(&inputs)))
        .unwrap_or_else(|panic| {
            Err(Error::Panicked { table: part.id.to_owned(), message: panic_message(panic.as_ref()) })
        })
        .and_then(|made| {
            if let Some(out) = out {
                write(out, &made)?;
            }
            record.inputs = parts::input_hashes(raw, part.needs)?;
            record.inputs.extend(parts::input_hashes(raw, part.uses)?);
            Ok(made)
        });
    record.seconds = start.elapsed().as_secs_f64();
    record.peak_memory = manifest::peak_memory();
    match made {
        Ok(made) => {
            record.tables = made.tables.iter().map(TableRecord::from).collect();
            record.figures = made.figures.iter().map(|figure| format!("figures/{}.svg", figure.id)).collect();
            record.checks = made.checks;
        }
        Err(error) => {
            record.outcome = Outcome::Failed(error.explain());
            record.checks = published.not_made(part.id, Verdict::Failed);
        }
    }
    record
}

/// Renders everything first, so that a part that cannot be rendered writes nothing.
fn write(out: &OutputFolder, made: &Made) -> Result<(), Error> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for table in &made.tables {
        table.check()?;
        files.push((format!("tables/{}.csv", table.id), delimited::render(table)?));
        files.push((format!("tables/{}.md", table.id), markdown::render(table).into_bytes()));
        files.push((format!("tables/{}.tex", table.id), latex::render(table).into_bytes()));
    }
    for figure in &made.figures {
        files.push((format!("figures/{}.svg", figure.id), figure.svg()?.into_bytes()));
    }
    files.iter().try_for_each(|(name, content)| out.write(name, content))
}

fn summary_line(part: &Part, record: &PartRecord) -> String {
    match &record.outcome {
        Outcome::Made => {
            let kinds: Vec<&str> = record.tables.iter().map(|table| table.kind.word()).collect();
            let kind = kinds.first().copied().unwrap_or("figures");
            let tables = record.tables.len();
            let figures = record.figures.len();
            format!(
                "{:<4} made     {} ({kind}; tables: {tables}, figures: {figures}; {:.1} s)",
                part.id, part.title, record.seconds
            )
        }
        Outcome::Skipped(reason) => format!("{:<4} skipped  {}: {reason}", part.id, part.title),
        Outcome::Failed(reason) => format!("{:<4} FAILED   {}: {reason}", part.id, part.title),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::tests::sample;

    fn part(id: &'static str, make: fn(&Inputs) -> Result<Made, Error>) -> Part {
        Part { id, title: "a part", needs: &[], uses: &[], code: "", make: Box::new(make) }
    }

    fn record(part: &Part) -> (PartRecord, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(folder.path()).unwrap();
        let published = Published::load().unwrap();
        (make_one(part, &RawData::new(None), &published, Some(&out)), folder)
    }

    #[test]
    fn a_part_that_is_made_leaves_its_files() {
        let made = part("T1", |_| Ok(Made { tables: vec![sample()], ..Made::default() }));
        let (record, folder) = record(&made);
        assert_eq!(record.outcome, Outcome::Made);
        for extension in ["csv", "md", "tex"] {
            assert!(folder.path().join(format!("tables/T1.{extension}")).is_file());
        }
    }

    #[test]
    fn a_part_that_panics_or_fails_is_recorded_and_writes_nothing() {
        let cases: [(Part, &str); 3] = [
            (part("A2", |_| panic!("out of luck")), "out of luck"),
            (part("A2", |inputs| inputs.set("cp2015").map(|_| Made::default())), "cp2015"),
            (
                part("A2", |_| {
                    let mut defective = sample();
                    defective.row(vec![]);
                    Ok(Made { tables: vec![sample(), defective], ..Made::default() })
                }),
                "0 cells for 4 columns",
            ),
        ];
        for (part, expected) in cases {
            let (record, folder) = record(&part);
            let Outcome::Failed(reason) = &record.outcome else { panic!("{:?}", record.outcome) };
            assert!(reason.contains(expected), "{reason}");
            assert!(record.checks.iter().all(|check| check.is_broken_claim()));
            assert_eq!(record.checks.len(), 12);
            assert!(!folder.path().join("tables").exists());
        }
    }

    #[test]
    fn a_part_without_its_data_is_skipped_and_claims_nothing() {
        let mut skipped = part("A1", |_| panic!("must not run"));
        skipped.needs = &["cp2015"];
        let (record, _folder) = record(&skipped);
        let Outcome::Skipped(reason) = &record.outcome else { panic!("{:?}", record.outcome) };
        assert!(reason.contains("cp2015") && reason.contains("cargo xtask data list"), "{reason}");
        assert!(!record.checks.is_empty());
        assert!(
            record.checks.iter().all(|check| check.verdict == Verdict::Skipped && !check.is_broken_claim())
        );
    }
}
