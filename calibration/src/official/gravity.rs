//! Samples of the gravity literature: Santos Silva and Tenreyro's as a data file of Stata, the Advanced Guide's as an R data
//! frame. Each becomes a table of the same variables; a published file gives what it holds, so that one may come without the
//! other.

use super::{Published, Write, csv_text, gzip, has_extension, not_found};
use crate::source::{DataFrame, LoadError, StataFile};
use std::path::{Path, PathBuf};

/// The variables of Santos Silva and Tenreyro's tables, as their own program for Stata names them.
const LOG_OF_GRAVITY: [&str; 17] = [
    "trade",
    "lypex",
    "lypim",
    "lyex",
    "lyim",
    "ldist",
    "border",
    "comlang",
    "colony",
    "landl_ex",
    "landl_im",
    "lremot_ex",
    "lremot_im",
    "comfrt_wto",
    "open_wto",
    "ex_feenstra",
    "im_feenstra",
];

/// The Advanced Guide's variables, and the data frame that has them.
const ADVANCED_GUIDE: [&str; 10] =
    ["exporter", "importer", "pair_id", "year", "trade", "dist", "cntg", "lang", "clny", "rta"];
const FRAME: &str = "agtpa_applications";

pub(super) fn convert<E: From<LoadError>>(files: &[PathBuf], write: &mut Write<'_, E>) -> Result<(), E> {
    let (r, stata): (Vec<PathBuf>, Vec<PathBuf>) =
        files.iter().cloned().partition(|path| ["rda", "rdata"].iter().any(|e| has_extension(path, e)));
    let stata = Published::find(&stata, ".dta")?;
    if r.is_empty() && stata.is_empty() {
        let what = "Log of Gravity.dta (or the archive that has it) or agtpa_applications.rda";
        return Err(not_found(files, what).into());
    }
    for published in stata {
        let bytes = published.bytes()?;
        let data = StataFile::from_bytes(&published.path, &bytes)?;
        let table = table(&published.path, data.names(), &LOG_OF_GRAVITY, data.records())?;
        write("log_of_gravity.csv.gz", &table)?;
    }
    for published in Published::find(&r, ".rda")? {
        let bytes = published.bytes()?;
        let frame = DataFrame::from_bytes(&published.path, &bytes, FRAME)?;
        let records = frame.records(&published.path);
        let table = table(&published.path, frame.names(), &ADVANCED_GUIDE, records)?;
        write(&format!("{FRAME}.csv.gz"), &table)?;
    }
    Ok(())
}

/// All variables under their names, among which those that are `needed` must be.
fn table<'a>(
    path: &Path,
    names: impl Iterator<Item = &'a str>,
    needed: &[&str],
    records: impl Iterator<Item = Result<Vec<String>, LoadError>>,
) -> Result<Vec<u8>, LoadError> {
    let names: Vec<String> = names.map(str::to_owned).collect();
    if let Some(column) = needed.iter().find(|name| !names.iter().any(|found| found == *name)) {
        return Err(LoadError::MissingColumn {
            path: path.to_owned(),
            column: (*column).to_owned(),
            found: names.join(", "),
        });
    }
    let records = records.collect::<Result<Vec<_>, _>>()?;
    gzip(path, &csv_text(path, std::iter::once(names).chain(records))?)
}
