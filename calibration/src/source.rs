//! Reading files: what every loader shares.
//!
//! Loaders take a path for people and a reader for tests; either way an error names the file, and the line or array.

mod csv_file;
mod npz;
mod r_data;
mod stata;
mod workbook;

pub(crate) use csv_file::{CsvFile, Row, positions};
pub(crate) use npz::NpzFile;
pub(crate) use r_data::DataFrame;
pub(crate) use stata::StataFile;
pub(crate) use workbook::{Sheet, Workbook, label};

use crate::table::TableError;
use std::path::{Path, PathBuf};

/// Why a file of data cannot be used. Every variant names the file and the place in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not CSV.
    #[error("{} is not valid CSV: {source}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the parser said, with the line.
        source: csv::Error,
    },
    /// A column is not there.
    #[error("{} has no column `{column}`; its columns are: {found}", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column that is needed.
        column: String,
        /// The columns there are.
        found: String,
    },
    /// A cell does not hold what its column holds.
    #[error("{} line {line}: column `{column}` holds `{value}`, where {expected} is needed", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Line of the file, from one.
        line: u64,
        /// Column.
        column: String,
        /// What was found.
        value: String,
        /// What is needed.
        expected: &'static str,
    },
    /// A label is not one of those the file may use.
    #[error("{} line {line}: unknown {kind} `{label}`", path.display())]
    UnknownLabel {
        /// The file.
        path: PathBuf,
        /// Line of the file, from one.
        line: u64,
        /// What it should be: country, sector, ...
        kind: &'static str,
        /// The label.
        label: String,
    },
    /// Two rows say the same thing.
    #[error("{} line {line}: a second row for {key}", path.display())]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// Line of the second row.
        line: u64,
        /// What the row is about.
        key: String,
    },
    /// A row or value that must be there is not.
    #[error("{} has nothing for {key}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What is missing.
        key: String,
    },
    /// The archive is not a NumPy `.npz` file, or an array in it not a `.npy` array.
    #[error("{} is not a readable NumPy archive: {message}", path.display())]
    Npz {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The file is not an Excel workbook that can be read.
    #[error("{} is not a readable workbook: {message}", path.display())]
    Workbook {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The file is not what it has to be, or damaged.
    #[error("{} is not a readable {kind}: {message}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it has to be.
        kind: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The archive has no such array.
    #[error("{} has no array `{array}`; it has: {found}", path.display())]
    MissingArray {
        /// The file.
        path: PathBuf,
        /// The array that is needed.
        array: String,
        /// The arrays there are.
        found: String,
    },
    /// An array has the wrong type of number.
    #[error("{}: array `{array}` has the NumPy type {found}, where {expected} is needed", path.display())]
    ArrayType {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// Its type.
        found: String,
        /// The type needed.
        expected: &'static str,
    },
    /// An array has the wrong shape.
    #[error("{}: array `{array}` has shape {found:?}, where {expected:?} is needed", path.display())]
    ArrayShape {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape needed.
        expected: Vec<usize>,
    },
    /// The numbers were read but contradict one another.
    #[error("{}: {message}", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        message: String,
    },
    /// The numbers were read but are no balanced table.
    #[error("{}: {source}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TableError,
    },
}

impl LoadError {
    pub(crate) fn table(path: &Path) -> impl FnOnce(TableError) -> Self + '_ {
        move |source| Self::Table { path: path.to_owned(), source }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
