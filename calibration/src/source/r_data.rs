//! Files of R objects (`.rda`, `.RData`): a guard around `rd-rds` that unpacks them within bounds and finds a data frame.

use super::LoadError;
use rd_rds::{ByteCursor, Header, Limits, ParseOptions, RObject, RStr, RValue};
use std::io::Read;
use std::path::{Path, PathBuf};

/// No file of a source unpacks to this many bytes.
const MAX_BYTES: u64 = 1 << 28;

/// The most memory that unpacking may use, in kB. R's strongest compression uses a dictionary of 64 MB.
const MAX_DICTIONARY: u32 = 1 << 17;

/// No object of a source is nested this deeply; of attributes, each counts as nested in the one before.
const MAX_DEPTH: u32 = 100;

/// No data frame of a source has this many cells.
const MAX_CELLS: usize = 1 << 23;

/// NULL, followed by attributes.
const NULL_WITH_ATTRIBUTES: [u8; 4] = [0, 0, 2, 254];

/// A data frame: columns of one length.
#[derive(Debug)]
pub(crate) struct DataFrame {
    names: Vec<String>,
    columns: Vec<RObject>,
    rows: usize,
}

impl DataFrame {
    /// Finds the data frame `name` in the bytes of a file; `path` is for error messages.
    pub(crate) fn from_bytes(path: &Path, bytes: &[u8], name: &str) -> Result<Self, LoadError> {
        let broken =
            |message: String| LoadError::Format { path: path.to_owned(), kind: "file of R objects", message };
        let objects = objects(bytes).map_err(broken)?;
        let frame = objects
            .attributes()
            .get(name)
            .ok_or_else(|| LoadError::Missing { path: path.to_owned(), key: format!("an object {name}") })?;
        Self::of(frame).map_err(|message| broken(format!("`{name}`: {message}")))
    }

    fn of(frame: &RObject) -> Result<Self, String> {
        let (RValue::List(columns), Some(names)) = (frame.value(), frame.names()) else {
            return Err("it is no data frame".to_owned());
        };
        let names = names.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let rows = columns.first().map_or(0, length);
        let fits = names.len() == columns.len() && columns.iter().all(|column| length(column) == rows);
        if rows == 0 || !fits {
            return Err("it has no rows, or columns that differ in length".to_owned());
        }
        Ok(Self { names, columns: columns.clone(), rows })
    }

    /// Names of the columns.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The rows as text, each number in the fewest digits that are the same number, nothing where a value is missing.
    pub(crate) fn records(&self, path: &Path) -> impl Iterator<Item = Result<Vec<String>, LoadError>> + '_ {
        let path: PathBuf = path.to_owned();
        (0..self.rows).map(move |row| {
            let cells = self.columns.iter().zip(&self.names);
            cells
                .map(|(column, name)| {
                    cell(column, row).map_err(|value| LoadError::Cell {
                        path: path.clone(),
                        line: row as u64 + 1,
                        column: name.clone(),
                        value,
                        expected: "a number or a label",
                    })
                })
                .collect()
        })
    }
}

/// The objects of a file by name, as the attributes of one object.
fn objects(bytes: &[u8]) -> Result<RObject, String> {
    let bytes = unpack(bytes)?;
    let body = bytes.strip_prefix(b"RDX3\n").or_else(|| bytes.strip_prefix(b"RDX2\n"));
    let body = body.ok_or("it does not begin as one")?;
    let mut cursor = ByteCursor::new(body);
    Header::parse(&mut cursor).map_err(|error| error.to_string())?;
    let (header, objects) = body.split_at(cursor.position());
    // The crate reads single objects. Several by name are laid out as an object's attributes are: NULL is given them.
    let stream = [header, &NULL_WITH_ATTRIBUTES, objects].concat();
    let limits =
        Limits::default().max_depth(MAX_DEPTH).max_vector_len(MAX_CELLS).max_total_elements(MAX_CELLS);
    rd_rds::parse_with_options(&stream, ParseOptions::default().limits(limits))
        .map_err(|error| error.to_string())
}

/// Unpacks what `save` packs: gzip, bzip2, xz, or not at all.
fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let reader: Box<dyn Read + '_> = match bytes {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::read::MultiBzDecoder::new(bytes)),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => {
            Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, false, MAX_DICTIONARY))
        }
        _ => return Ok(bytes.to_vec()),
    };
    let mut unpacked = Vec::new();
    reader.take(MAX_BYTES).read_to_end(&mut unpacked).map_err(|error| error.to_string())?;
    Ok(unpacked)
}

fn length(column: &RObject) -> usize {
    match column.value() {
        RValue::Logical(values) => values.len(),
        RValue::Integer(values) => values.len(),
        RValue::Real(values) => values.len(),
        RValue::Character(values) => values.len(),
        _ => 0,
    }
}

/// A cell as text; what it holds instead where it holds no number and no label.
fn cell(column: &RObject, row: usize) -> Result<String, String> {
    let value = match column.value() {
        RValue::Logical(values) => {
            values.get(row).copied().flatten().map(|value| u8::from(value).to_string())
        }
        RValue::Integer(values) => {
            let value = values.get(row).copied().flatten();
            match column.attributes().get("levels").map(RObject::value) {
                Some(RValue::Character(levels)) => {
                    return value.map_or(Ok(String::new()), |code| level(levels, code));
                }
                _ => value.map(|value| value.to_string()),
            }
        }
        RValue::Real(values) => match values.get(row).copied().flatten() {
            Some(value) if value.is_infinite() => return Err(value.to_string()),
            value => value.filter(|value| !value.is_nan()).map(|value| value.to_string()),
        },
        RValue::Character(values) => return values.get(row).map_or(Ok(String::new()), text),
        _ => None,
    };
    Ok(value.unwrap_or_default())
}

/// The label of a code, which counts from one.
fn level(levels: &[RStr], code: i32) -> Result<String, String> {
    let place = usize::try_from(code).ok().and_then(|code| code.checked_sub(1));
    place.and_then(|place| levels.get(place)).map_or_else(|| Err(code.to_string()), text)
}

/// Text, nothing where it is missing.
fn text(value: &RStr) -> Result<String, String> {
    value.as_str().map_or(Ok(String::new()), |text| match text {
        Ok(text) => Ok(text.into_owned()),
        Err(error) => Err(error.to_string()),
    })
}

#[cfg(test)]
mod tests;
