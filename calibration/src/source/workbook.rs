//! Excel workbooks (`.xlsx`): a guard around `calamine` that keeps cells by row and names them in errors.

use super::LoadError;
use calamine::{DataRef, Reader, Xlsx};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// No sheet of a source comes near this many cells; a workbook that has more is not read further.
const MAX_CELLS: usize = 1 << 23;

/// A cell that is not empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// A number.
    Number(f64),
    /// Anything else, as text, trimmed.
    Text(String),
}

/// One sheet. Rows and columns count from zero.
#[derive(Debug)]
pub(crate) struct Sheet {
    path: PathBuf,
    rows: Rows,
}

/// Cells by row and column.
type Rows = BTreeMap<u32, BTreeMap<u32, Cell>>;

/// A workbook of which sheets are read one at a time.
pub(crate) struct Workbook<R: Read + Seek> {
    path: PathBuf,
    inner: Xlsx<R>,
}

impl<R: Read + Seek> Workbook<R> {
    /// Opens a workbook; `path` is for error messages.
    pub(crate) fn from_reader(path: &Path, mut reader: R) -> Result<Self, LoadError> {
        let broken = |message: String| LoadError::Workbook { path: path.to_owned(), message };
        check_shared_strings(&mut reader).map_err(broken)?;
        let inner = contained(|| Xlsx::new(reader)).map_err(broken)?;
        Ok(Self { path: path.to_owned(), inner })
    }

    /// Names of the sheets, in their order.
    pub(crate) fn sheet_names(&self) -> Vec<String> {
        self.inner.sheet_names()
    }

    /// Reads a sheet; a second cell at one place replaces the first.
    pub(crate) fn sheet(&mut self, name: &str) -> Result<Sheet, LoadError> {
        let broken = |message| LoadError::Workbook {
            path: self.path.clone(),
            message: format!("sheet `{name}`: {message}"),
        };
        let rows = contained(|| read_cells(&mut self.inner, name)).map_err(broken)?;
        Ok(Sheet { path: self.path.clone(), rows })
    }
}

/// Runs a piece of `calamine` (0.38), which panics on some damaged workbooks (overflowing cell references), and makes that an
/// error like any other.
fn contained<T, E: Display>(read: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err("it is damaged beyond what its reader understands".to_owned()),
    }
}

fn read_cells<R: Read + Seek>(inner: &mut Xlsx<R>, name: &str) -> Result<Rows, String> {
    let mut cells = inner.worksheet_cells_reader(name).map_err(|error| error.to_string())?;
    let mut rows = Rows::new();
    let mut count = 0;
    while let Some(cell) = cells.next_cell().map_err(|error| error.to_string())? {
        let value = match cell.get_value() {
            DataRef::Int(number) => Cell::Number(*number as f64),
            DataRef::Float(number) => Cell::Number(*number),
            DataRef::String(text) => Cell::Text(text.trim().to_owned()),
            DataRef::SharedString(text) => Cell::Text(text.trim().to_owned()),
            DataRef::Bool(truth) => Cell::Text(truth.to_string()),
            DataRef::Error(error) => Cell::Text(error.to_string()),
            DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::Text(text.clone()),
            DataRef::DateTime(time) => Cell::Number(time.as_f64()),
            DataRef::Empty => continue,
        };
        if matches!(&value, Cell::Text(text) if text.is_empty()) {
            continue;
        }
        count += 1;
        if count > MAX_CELLS {
            return Err(format!("it has more than {MAX_CELLS} cells"));
        }
        let (row, column) = cell.get_position();
        rows.entry(row).or_default().insert(column, value);
    }
    Ok(rows)
}

impl Sheet {
    /// Numbers of the rows that hold anything, ascending.
    pub(crate) fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        self.rows.keys().copied()
    }

    /// Columns and cells of a row, ascending.
    pub(crate) fn row(&self, row: u32) -> impl Iterator<Item = (u32, &Cell)> + '_ {
        self.rows.get(&row).into_iter().flatten().map(|(column, cell)| (*column, cell))
    }

    /// A cell as a label: text as it is, a whole number as its digits (a code such as `20` may be stored as a number).
    pub(crate) fn label(&self, row: u32, column: u32) -> Option<String> {
        self.rows.get(&row)?.get(&column).map(label)
    }

    /// A cell as a number; `None` where there is none or one of `missing` stands for it.
    pub(crate) fn number(&self, row: u32, column: u32, missing: &[&str]) -> Result<Option<f64>, LoadError> {
        let Some(cell) = self.rows.get(&row).and_then(|cells| cells.get(&column)) else { return Ok(None) };
        let text = match cell {
            Cell::Number(number) if number.is_finite() => return Ok(Some(*number)),
            Cell::Number(number) => number.to_string(),
            Cell::Text(text) if missing.contains(&text.as_str()) => return Ok(None),
            Cell::Text(text) => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => return Ok(Some(number)),
                _ => text.clone(),
            },
        };
        Err(LoadError::Cell {
            path: self.path.clone(),
            line: u64::from(row) + 1,
            column: column_name(column),
            value: text,
            expected: "a number",
        })
    }

    /// [`LoadError::Missing`] for this sheet.
    pub(crate) fn missing(&self, key: impl Into<String>) -> LoadError {
        LoadError::Missing { path: self.path.clone(), key: key.into() }
    }

    /// [`LoadError::Inconsistent`] for this sheet.
    pub(crate) fn inconsistent(&self, message: impl Into<String>) -> LoadError {
        LoadError::Inconsistent { path: self.path.clone(), message: message.into() }
    }
}

/// The reader of cells sets aside room for as many texts as a workbook says it has; one that says more than its bytes could
/// hold is refused here.
fn check_shared_strings(reader: &mut (impl Read + Seek)) -> Result<(), String> {
    const COUNT: &[u8] = b"uniqueCount";
    let mut zip = ZipArchive::new(&mut *reader).map_err(|error| error.to_string())?;
    for index in 0..zip.len() {
        let entry = zip.by_index(index).map_err(|error| error.to_string())?;
        if !entry.name().to_lowercase().ends_with("sharedstrings.xml") {
            continue;
        }
        let mut bytes = Vec::new();
        entry.take(MAX_CELLS as u64 * 16).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        for at in (0..bytes.len()).filter(|at| bytes[*at..].starts_with(COUNT)) {
            let digits = bytes[at + COUNT.len()..].iter().skip_while(|byte| !byte.is_ascii_digit());
            let digits = digits.take_while(|byte| byte.is_ascii_digit());
            let count =
                digits.fold(0_u64, |n, digit| n.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
            if count > bytes.len() as u64 {
                return Err(format!("it says that it holds {count} texts, more than its size allows"));
            }
        }
    }
    drop(zip);
    reader.rewind().map_err(|error| error.to_string())
}

/// A cell as a label, see [`Sheet::label`].
pub(crate) fn label(cell: &Cell) -> String {
    match cell {
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    }
}

/// The letters by which Excel names a column.
pub(crate) fn column_name(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = u64::from(column) + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + (rest % 26) as u8));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::column_name;

    #[test]
    fn columns_have_excels_names() {
        let names = [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (1644, "BKG")];
        for (column, name) in names {
            assert_eq!(column_name(column), name);
        }
    }
}
