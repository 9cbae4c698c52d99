//! CSV files, plain or gzipped, read whole, with cells by column name.

use super::LoadError;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// A CSV file in memory: header and rows.
#[derive(Debug)]
pub(crate) struct CsvFile {
    path: PathBuf,
    headers: Vec<String>,
    positions: HashMap<String, usize>,
    rows: Vec<csv::StringRecord>,
}

/// One row of a [`CsvFile`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    file: &'a CsvFile,
    record: &'a csv::StringRecord,
}

impl CsvFile {
    /// Reads a file; one whose name ends in `.gz` is unpacked.
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let file = BufReader::new(File::open(path).map_err(LoadError::io(path))?);
        if path.extension().is_some_and(|e| e == "gz") {
            Self::from_reader(path, flate2::read::MultiGzDecoder::new(file))
        } else {
            Self::from_reader(path, file)
        }
    }

    /// Reads CSV from a reader; `path` is for error messages. Lines that begin with `#` are comments.
    pub(crate) fn from_reader(path: &Path, reader: impl Read) -> Result<Self, LoadError> {
        let wrap = |source| LoadError::Csv { path: path.to_owned(), source };
        let mut reader = csv::ReaderBuilder::new()
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(BufReader::new(reader));
        let headers: Vec<String> = reader
            .headers()
            .map_err(wrap)?
            .iter()
            .map(|h| h.trim_start_matches('\u{feff}').to_owned())
            .collect();
        let rows = reader.records().collect::<Result<Vec<_>, _>>().map_err(wrap)?;
        let mut seen = HashSet::new();
        if let Some(twice) = headers.iter().find(|header| !header.is_empty() && !seen.insert(header.as_str()))
        {
            let message = format!("it has two columns `{twice}`: remove or rename one");
            return Err(LoadError::Inconsistent { path: path.to_owned(), message });
        }
        let positions = headers.iter().enumerate().map(|(i, h)| (h.clone(), i)).collect();
        Ok(Self { path: path.to_owned(), headers, positions, rows })
    }

    /// The file, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the columns.
    pub(crate) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// The rows.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|record| Row { file: self, record })
    }

    /// Position of a column.
    pub(crate) fn column(&self, name: &str) -> Result<usize, LoadError> {
        self.positions.get(name).copied().ok_or_else(|| LoadError::MissingColumn {
            path: self.path.clone(),
            column: name.to_owned(),
            found: self.headers.join(", "),
        })
    }

    /// Positions of several columns.
    pub(crate) fn columns<const K: usize>(&self, names: [&str; K]) -> Result<[usize; K], LoadError> {
        let mut positions = [0; K];
        for (position, name) in positions.iter_mut().zip(names) {
            *position = self.column(name)?;
        }
        Ok(positions)
    }

    /// The error for something the file does not say.
    pub(crate) fn missing(&self, key: impl Into<String>) -> LoadError {
        LoadError::Missing { path: self.path.clone(), key: key.into() }
    }

    /// The error for numbers that contradict one another.
    pub(crate) fn inconsistent(&self, message: impl Into<String>) -> LoadError {
        LoadError::Inconsistent { path: self.path.clone(), message: message.into() }
    }
}

impl<'a> Row<'a> {
    /// Line of the file, from one.
    pub(crate) fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    /// The cell as text; empty if the row is short.
    pub(crate) fn text(&self, column: usize) -> &'a str {
        self.record.get(column).unwrap_or("")
    }

    /// The cell as a finite number.
    pub(crate) fn number(&self, column: usize) -> Result<f64, LoadError> {
        self.optional(column)?.ok_or_else(|| self.bad(column, "a number"))
    }

    /// The cell as a finite number, `None` where it is empty or `NA`.
    pub(crate) fn optional(&self, column: usize) -> Result<Option<f64>, LoadError> {
        let text = self.text(column);
        if text.is_empty() || text == "NA" {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(value)),
            _ => Err(self.bad(column, "a finite number")),
        }
    }

    /// The cell as a number that is not negative.
    pub(crate) fn non_negative(&self, column: usize) -> Result<f64, LoadError> {
        match self.number(column)? {
            value if value >= 0.0 => Ok(value),
            _ => Err(self.bad(column, "a number that is not negative")),
        }
    }

    /// The cell as an integer.
    pub(crate) fn integer(&self, column: usize) -> Result<i32, LoadError> {
        self.text(column).parse().map_err(|_| self.bad(column, "a whole number"))
    }

    /// The cell as a year between 1900 and 2100: whoever makes room for every year between two must not believe any number.
    pub(crate) fn year(&self, column: usize) -> Result<i32, LoadError> {
        let year = self.integer(column).ok().filter(|year| (1900..=2100).contains(year));
        year.ok_or_else(|| self.bad(column, "a year, a whole number between 1900 and 2100"))
    }

    /// The position of the cell's label among `labels`.
    pub(crate) fn label(
        &self,
        column: usize,
        kind: &'static str,
        labels: &HashMap<String, usize>,
    ) -> Result<usize, LoadError> {
        let label = self.text(column);
        labels.get(label).copied().ok_or_else(|| LoadError::UnknownLabel {
            path: self.file.path.clone(),
            line: self.line(),
            kind,
            label: label.to_owned(),
        })
    }

    /// The error for a cell that does not hold what it should.
    pub(crate) fn bad(&self, column: usize, expected: &'static str) -> LoadError {
        LoadError::Cell {
            path: self.file.path.clone(),
            line: self.line(),
            column: self.file.headers.get(column).cloned().unwrap_or_else(|| column.to_string()),
            value: self.text(column).to_owned(),
            expected,
        }
    }

    /// The error for a row that says again what an earlier one said.
    pub(crate) fn duplicate(&self, key: impl Into<String>) -> LoadError {
        LoadError::Duplicate { path: self.file.path.clone(), line: self.line(), key: key.into() }
    }
}

/// Positions of labels, for [`Row::label`].
pub(crate) fn positions(labels: &[String]) -> HashMap<String, usize> {
    labels.iter().enumerate().map(|(i, l)| (l.clone(), i)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_there_twice_is_refused() {
        let read = |text: &str| CsvFile::from_reader(Path::new("t.csv"), text.as_bytes());
        read("a,,\n1,2,3\n").unwrap();
        let error = read("a,b, a\n1,2,3\n").unwrap_err().to_string();
        assert!(error.contains("t.csv") && error.contains("two columns `a`"), "{error}");
    }

    #[test]
    fn years_are_years() {
        let file = CsvFile::from_reader(Path::new("t.csv"), "year\n1995\n2000000000\n".as_bytes()).unwrap();
        let years: Vec<_> = file.rows().map(|row| row.year(0)).collect();
        assert_eq!(*years[0].as_ref().unwrap(), 1995);
        assert!(years[1].as_ref().unwrap_err().to_string().contains("line 3"));
    }
}
