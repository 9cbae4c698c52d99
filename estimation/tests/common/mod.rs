//! Reading data sets in tests.
#![allow(dead_code, clippy::expect_used, clippy::print_stdout)]

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The folder of raw data sets: `LODESTONE_DATA`, else `../shared/data` beside the workspace, if it is there.
pub(crate) fn raw_data() -> Option<PathBuf> {
    if let Ok(folder) = std::env::var("LODESTONE_DATA") {
        return Some(PathBuf::from(folder));
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let beside = workspace.parent()?.join("shared/data");
    beside.is_dir().then_some(beside)
}

/// The folder, or a line that says why the test does nothing.
pub(crate) fn raw_data_or_skip(test: &str) -> Option<PathBuf> {
    let found = raw_data();
    if found.is_none() {
        println!("{test}: skipped, raw data sets are not at hand (set LODESTONE_DATA)");
    }
    found
}

/// A CSV file, gzipped or not, as columns of text.
pub(crate) fn read(path: &Path) -> HashMap<String, Vec<String>> {
    let bytes = std::fs::read(path).expect("readable file");
    let text: Box<dyn Read> = if path.extension().is_some_and(|e| e == "gz") {
        Box::new(flate2::read::GzDecoder::new(std::io::Cursor::new(bytes)))
    } else {
        Box::new(std::io::Cursor::new(bytes))
    };
    let mut reader = csv::Reader::from_reader(text);
    let header = reader.headers().expect("header").clone();
    let mut columns: HashMap<String, Vec<String>> =
        header.iter().map(|h| (h.to_owned(), Vec::new())).collect();
    for record in reader.records() {
        for (name, value) in header.iter().zip(record.expect("row").iter()) {
            columns.get_mut(name).expect("known column").push(value.to_owned());
        }
    }
    columns
}

/// Text to numbers; an empty or unreadable cell is NaN.
pub(crate) fn numbers(column: &[String]) -> Vec<f64> {
    column.iter().map(|v| v.parse().unwrap_or(f64::NAN)).collect()
}
