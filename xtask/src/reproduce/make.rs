//! One part of the output: made, its files written, whatever happens recorded.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::error::Error;
use crate::hash;
use crate::output::OutputFolder;
use crate::parts::{Inputs, Made, Part};
use crate::report::checks::{Published, Verdict};
use crate::report::manifest::{self, Outcome, PartRecord, TableRecord};
use crate::report::{delimited, latex, markdown, printed};
use crate::workspace::RawData;

/// The files of a part: names in the output folder, and contents.
type Files = Vec<(String, Vec<u8>)>;

/// Makes one part; whatever happens to it stays in its record. Files are written when a folder is given.
///
/// # Errors
///
/// Only where a file cannot be written: the next part could not write its own either.
pub(crate) fn make_one(
    part: &Part,
    raw: &RawData,
    published: &Published,
    out: Option<&OutputFolder>,
) -> Result<PartRecord, Error> {
    if let Some(record) = skipped(part, raw, published) {
        return Ok(record);
    }
    let mut record = PartRecord::of(part);
    let start = Instant::now();
    let inputs = Inputs { raw, published };
    let made = catch_unwind(AssertUnwindSafe(|| (part.make)(&inputs)))
        .unwrap_or_else(|panic| {
            Err(Error::Panicked { table: part.id.to_owned(), message: panic_message(panic.as_ref()) })
        })
        .and_then(|made| Ok((render(&made)?, made)));
    match made {
        Ok((files, made)) => {
            record.tables = made.tables.iter().map(TableRecord::from).collect();
            record.figures = made.figures.iter().map(|figure| manifest::figure_file(&figure.id)).collect();
            record.checks = made.checks;
            if let Some(out) = out {
                files.iter().try_for_each(|(name, content)| out.write(name, content))?;
            }
            record.files = hashes(&files);
        }
        Err(error) => {
            record.outcome = Outcome::Failed(error.explain());
            record.checks = published.not_made(part.id, Verdict::Failed);
        }
    }
    record.seconds = start.elapsed().as_secs_f64();
    record.peak_memory = manifest::peak_memory();
    Ok(record)
}

/// The record of a part whose inputs are not there.
fn skipped(part: &Part, raw: &RawData, published: &Published) -> Option<PartRecord> {
    let missing: Vec<&str> = part.needs.iter().copied().filter(|set| raw.set(set).is_none()).collect();
    if missing.is_empty() {
        return None;
    }
    let mut record = PartRecord::of(part);
    record.outcome = Outcome::Skipped(format!(
        "needs the raw data {}: {}; `cargo xtask data list` says where to get it",
        missing.join(", "),
        raw.place()
    ));
    record.checks = published.not_made(part.id, Verdict::Skipped);
    Some(record)
}

/// Renders everything before anything is written, so that a part that cannot be rendered writes nothing.
fn render(made: &Made) -> Result<Files, Error> {
    let mut files = Files::new();
    for table in &made.tables {
        table.check()?;
        files.push((format!("tables/{}.csv", table.id), delimited::render(table)?));
        files.push((format!("tables/{}.md", table.id), markdown::render(table).into_bytes()));
        files.push((format!("tables/{}.json", table.id), printed::render(table)?));
        files.push((format!("tables/{}.tex", table.id), latex::render(table).into_bytes()));
    }
    for figure in &made.figures {
        files.push((manifest::figure_file(&figure.id), figure.svg()?.into_bytes()));
    }
    Ok(files)
}

fn hashes(files: &Files) -> BTreeMap<String, String> {
    files.iter().map(|(name, content)| (name.clone(), hash::of_bytes(content))).collect()
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::table::tests::sample;

    /// A part for tests.
    pub(crate) fn part(
        id: &'static str,
        make: impl Fn(&Inputs) -> Result<Made, Error> + Send + Sync + 'static,
    ) -> Part {
        Part { id, title: "a part", needs: &[], uses: &[], code: "", make: Box::new(make) }
    }

    fn record(part: &Part) -> (PartRecord, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(folder.path()).unwrap();
        let published = Published::load().unwrap();
        (make_one(part, &RawData::new(None), &published, Some(&out)).unwrap(), folder)
    }

    #[test]
    fn a_part_that_is_made_leaves_its_files_and_their_hashes() {
        let made = part("T1", |_| Ok(Made { tables: vec![sample()], ..Made::default() }));
        let (record, folder) = record(&made);
        assert_eq!(record.outcome, Outcome::Made);
        for extension in ["csv", "json", "md", "tex"] {
            let name = format!("tables/T1.{extension}");
            assert_eq!(record.files[&name], hash::of_file(&folder.path().join(&name)).unwrap());
        }
        assert_eq!(record.files.len(), 4);
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
