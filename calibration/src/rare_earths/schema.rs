//! Reading the project's own fact files: comma-separated, a fixed header, `#` starts a comment line.

use std::collections::BTreeSet;
use std::str::FromStr;

use csv::StringRecord;

use super::RareEarthError;

/// One line of a fact file, with what an error message needs.
pub(super) struct Row<'a> {
    file: &'a str,
    header: &'a [&'a str],
    line: u64,
    record: &'a StringRecord,
}

impl Row<'_> {
    /// Text of a column.
    pub(super) fn text(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    /// Text that may not be empty.
    pub(super) fn word(&self, column: usize) -> Result<String, RareEarthError> {
        let text = self.text(column);
        if text.is_empty() { Err(self.wrong(column, "a name")) } else { Ok(text.to_owned()) }
    }

    /// A column parsed as `T`.
    pub(super) fn parse<T: FromStr>(&self, column: usize, expected: &str) -> Result<T, RareEarthError> {
        self.text(column).parse().map_err(|_| self.wrong(column, expected))
    }

    /// A finite number that is not negative.
    pub(super) fn amount(&self, column: usize) -> Result<f64, RareEarthError> {
        let value: f64 = self.parse(column, "a number")?;
        if value.is_finite() && value >= 0.0 {
            Ok(value)
        } else {
            Err(self.wrong(column, "a finite number >= 0"))
        }
    }

    /// A number between 0 and 1.
    pub(super) fn share(&self, column: usize) -> Result<f64, RareEarthError> {
        let value = self.amount(column)?;
        if value <= 1.0 { Ok(value) } else { Err(self.wrong(column, "a number between 0 and 1")) }
    }

    /// A year between 1900 and 2100.
    pub(super) fn year(&self, column: usize) -> Result<i32, RareEarthError> {
        let year: i32 = self.parse(column, "a year")?;
        if (1900..=2100).contains(&year) {
            Ok(year)
        } else {
            Err(self.wrong(column, "a year between 1900 and 2100"))
        }
    }

    /// A source id that the sources table has.
    pub(super) fn source(&self, column: usize, known: &BTreeSet<String>) -> Result<String, RareEarthError> {
        let id = self.text(column);
        if known.contains(id) { Ok(id.to_owned()) } else { Err(self.wrong(column, "an id in sources.csv")) }
    }

    /// The error that says what a column should hold.
    pub(super) fn wrong(&self, column: usize, expected: &str) -> RareEarthError {
        RareEarthError::Field {
            file: self.file.to_owned(),
            line: self.line,
            column: self.header.get(column).copied().unwrap_or("?").to_owned(),
            value: self.text(column).to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// Reads a whole file; `make` turns a row into a value.
pub(super) fn read<T>(
    file: &str,
    text: &str,
    header: &[&str],
    mut make: impl FnMut(&Row<'_>) -> Result<T, RareEarthError>,
) -> Result<Vec<T>, RareEarthError> {
    let mut reader =
        csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(text.as_bytes());
    let failed = |error: &csv::Error| RareEarthError::Csv {
        file: file.to_owned(),
        line: error.position().map_or(0, csv::Position::line),
        message: error.to_string(),
    };
    let found = reader.headers().map_err(|e| failed(&e))?;
    if !found.iter().eq(header.iter().copied()) {
        return Err(RareEarthError::Csv {
            file: file.to_owned(),
            line: found.position().map_or(1, csv::Position::line),
            message: format!("header must be `{}`", header.join(",")),
        });
    }
    let mut out = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| failed(&e))?;
        let line = record.position().map_or(0, csv::Position::line);
        out.push(make(&Row { file, header, line, record: &record })?);
    }
    Ok(out)
}

/// Fails when two items share a key.
pub(super) fn unique<T, K: Ord + std::fmt::Debug>(
    file: &str,
    items: &[T],
    key: impl Fn(&T) -> K,
) -> Result<(), RareEarthError> {
    let mut seen = BTreeSet::new();
    for item in items {
        let key = key(item);
        if seen.contains(&key) {
            return Err(RareEarthError::Duplicate { file: file.to_owned(), key: format!("{key:?}") });
        }
        seen.insert(key);
    }
    Ok(())
}
