//! What can be wrong with rare-earth facts, mappings and carve-outs.

use crate::balance::BalanceError;
use crate::table::TableError;

/// Why a rare-earth computation stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RareEarthError {
    /// A file could not be read.
    #[error("cannot read {file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not the comma-separated table it should be.
    #[error("{file}, line {line}: {message}")]
    Csv {
        /// The file.
        file: String,
        /// Line number, 1 the first.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// A field holds something that it cannot.
    #[error("{file}, line {line}, column `{column}`: `{value}` is not {expected}")]
    Field {
        /// The file.
        file: String,
        /// Line number, 1 the first.
        line: u64,
        /// Column name.
        column: String,
        /// What stands there.
        value: String,
        /// What should.
        expected: String,
    },
    /// Two rows state the same fact.
    #[error("{file}: {key} is given twice; keep one row")]
    Duplicate {
        /// The file.
        file: String,
        /// The repeated key.
        key: String,
    },
    /// Weights that must sum to one do not.
    #[error("{file}: weights of {key} sum to {sum}, not to 1")]
    Weights {
        /// The file.
        file: String,
        /// Whose weights.
        key: String,
        /// Their sum.
        sum: f64,
    },
    /// A fact that a computation needs is not in the files.
    #[error("no {what}; {hint}")]
    Missing {
        /// The fact.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A setting is outside its range.
    #[error("{name} is {value}, must be {range}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The range.
        range: &'static str,
    },
    /// A country-sector is too small to contain the rare earths carved out of it.
    #[error(
        "{country}, {sector}: {needed} to be carved out of {available} ({what}); check origins.csv, the mapping or beta_r"
    )]
    Capacity {
        /// The country.
        country: String,
        /// The sector.
        sector: String,
        /// What is carved out of.
        what: &'static str,
        /// Value to be carved out.
        needed: f64,
        /// Value there.
        available: f64,
    },
    /// Margins that cannot be met.
    #[error("{what}: {source}")]
    Balance {
        /// What was balanced.
        what: &'static str,
        /// Why it failed.
        source: BalanceError,
    },
    /// The table itself is wrong.
    #[error(transparent)]
    Table(#[from] TableError),
}
