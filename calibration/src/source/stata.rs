//! Stata data files (`.dta`) of the formats 108 to 115, which Stata 6 to 12 wrote: a header, a table of variables, fields of
//! Stata's own, and observations of one length each (Stata's `help dta_113` and its neighbours).
//!
//! Nothing is set aside for what a file merely promises: everything is a piece of the bytes that are there, and a file that
//! promises more observations than it has room for is refused.

use super::LoadError;
use std::path::{Path, PathBuf};

/// Lengths of the label of the data, its time stamp, and of each variable's label.
const LABEL: usize = 81;
const TIME: usize = 18;

/// From this size on, 2^127 and 2^1023, a number stands for a missing value.
const MISSING_FLOAT: f32 = f32::from_bits(0x7f00_0000);
const MISSING_DOUBLE: f64 = f64::from_bits(0x7fe0_0000_0000_0000);

/// A Stata data file in memory.
#[derive(Debug)]
pub(crate) struct StataFile<'a> {
    path: PathBuf,
    variables: Vec<Variable>,
    layout: Layout,
    /// Bytes of one observation.
    width: usize,
    observations: &'a [u8],
}

#[derive(Debug)]
struct Variable {
    name: String,
    storage: Storage,
}

/// How Stata stores a variable.
#[derive(Debug, Clone, Copy)]
enum Storage {
    Byte,
    Int,
    Long,
    Float,
    Double,
    Text(usize),
}

/// What differs between formats and machines.
#[derive(Debug, Clone, Copy)]
struct Layout {
    format: u8,
    big_endian: bool,
}

impl<'a> StataFile<'a> {
    /// Reads a file's header and finds its observations; `path` is for error messages.
    pub(crate) fn from_bytes(path: &Path, bytes: &'a [u8]) -> Result<Self, LoadError> {
        Self::parse(path, bytes).map_err(|message| LoadError::Format {
            path: path.to_owned(),
            kind: "Stata data file",
            message,
        })
    }

    fn parse(path: &Path, bytes: &'a [u8]) -> Result<Self, String> {
        if bytes.starts_with(b"<stata_dta>") {
            return Err("Stata 13 or a later one wrote it; have Stata write it for an earlier one (`saveold`, version 12)"
                .to_owned());
        }
        let mut rest = Rest(bytes);
        let head = rest.take(4, "header")?;
        let layout = Layout::of(head)?;
        let count = usize::from(u16::from_le_bytes(layout.array(rest.take(2, "header")?)?));
        let observations = u32::from_le_bytes(layout.array(rest.take(4, "header")?)?);
        rest.take(LABEL + TIME, "header")?;

        let types = rest.take(count, "types of variables")?;
        let name = layout.name_length();
        let names = rest.take(count * name, "names of variables")?;
        let variables: Vec<Variable> = types
            .iter()
            .zip(names.chunks_exact(name))
            .map(|(code, name)| Ok(Variable { name: variable_name(name)?, storage: layout.storage(*code)? }))
            .collect::<Result<_, String>>()?;
        // the order of sorting, formats, names of value labels, labels
        rest.take(2 * (count + 1) + count * (layout.format_length() + name + LABEL), "table of variables")?;
        loop {
            let kind = rest.take(1, "fields of Stata's own")?;
            let length = layout.field_length(&mut rest)?;
            if kind == [0] && length == 0 {
                break;
            }
            rest.take(length, "fields of Stata's own")?;
        }

        let width: usize = variables.iter().map(|variable| variable.storage.width()).sum();
        if width == 0 || observations == 0 {
            return Err("it has no observations".to_owned());
        }
        let size = (observations as usize).saturating_mul(width);
        let observations = rest.take(size, "observations")?;
        Ok(Self { path: path.to_owned(), variables, layout, width, observations })
    }

    /// Names of the variables.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|variable| variable.name.as_str())
    }

    /// The observations as text, each number in the fewest digits that are the same number, nothing where a value is missing.
    pub(crate) fn records(&self) -> impl Iterator<Item = Result<Vec<String>, LoadError>> + '_ {
        self.observations.chunks_exact(self.width).zip(1..).map(|(bytes, number)| {
            let mut rest = Rest(bytes);
            self.variables
                .iter()
                .map(|variable| {
                    let bad = |value: String| LoadError::Cell {
                        path: self.path.clone(),
                        line: number,
                        column: variable.name.clone(),
                        value,
                        expected: "a number",
                    };
                    let bytes = rest.take(variable.storage.width(), "observations").map_err(bad)?;
                    self.layout.text(variable.storage, bytes).map_err(bad)
                })
                .collect()
        })
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize, within: &str) -> Result<&'a [u8], String> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| format!("its {within} need {length} bytes where {} are left", self.0.len()))?;
        self.0 = rest;
        Ok(taken)
    }
}

impl Storage {
    fn width(self) -> usize {
        match self {
            Self::Byte => 1,
            Self::Int => 2,
            Self::Long | Self::Float => 4,
            Self::Double => 8,
            Self::Text(length) => length,
        }
    }
}

impl Layout {
    fn of(head: &[u8]) -> Result<Self, String> {
        let (format, order) = match head {
            [format, order, 1, _] => (*format, *order),
            _ => return Err("it does not begin as one".to_owned()),
        };
        match (format, order) {
            (108..=115, 1 | 2) => Ok(Self { format, big_endian: order == 1 }),
            _ => Err(format!(
                "its format is {format} with byte order {order}, where 108 to 115 with 1 or 2 can be read"
            )),
        }
    }

    /// Bytes in little-endian order.
    fn array<const N: usize>(self, bytes: &[u8]) -> Result<[u8; N], String> {
        let mut array: [u8; N] = bytes.try_into().map_err(|_| format!("{N} bytes are needed"))?;
        if self.big_endian {
            array.reverse();
        }
        Ok(array)
    }

    fn name_length(self) -> usize {
        if self.format < 110 { 9 } else { 33 }
    }

    fn format_length(self) -> usize {
        if self.format < 114 { 12 } else { 49 }
    }

    fn field_length(self, rest: &mut Rest<'_>) -> Result<usize, String> {
        let within = "fields of Stata's own";
        Ok(if self.format < 110 {
            usize::from(u16::from_le_bytes(self.array(rest.take(2, within)?)?))
        } else {
            u32::from_le_bytes(self.array(rest.take(4, within)?)?) as usize
        })
    }

    fn storage(self, code: u8) -> Result<Storage, String> {
        let storage = match (self.format, code) {
            (..111, b'b') | (111.., 251) => Storage::Byte,
            (..111, b'i') | (111.., 252) => Storage::Int,
            (..111, b'l') | (111.., 253) => Storage::Long,
            (..111, b'f') | (111.., 254) => Storage::Float,
            (..111, b'd') | (111.., 255) => Storage::Double,
            (..111, 128..) => Storage::Text(usize::from(code - 127)),
            (111.., 1..=244) => Storage::Text(usize::from(code)),
            _ => return Err(format!("{code} is no type of variable")),
        };
        Ok(storage)
    }

    /// A value as text, empty where it is missing: there are 27 codes for that since format 113, one before.
    fn text(self, storage: Storage, bytes: &[u8]) -> Result<String, String> {
        let codes = if self.format < 113 { 1 } else { 27 };
        let whole = |value: i32, most: i32| {
            if value > most - codes { String::new() } else { value.to_string() }
        };
        Ok(match storage {
            Storage::Byte => whole(i8::from_le_bytes(self.array(bytes)?).into(), i8::MAX.into()),
            Storage::Int => whole(i16::from_le_bytes(self.array(bytes)?).into(), i16::MAX.into()),
            Storage::Long => whole(i32::from_le_bytes(self.array(bytes)?), i32::MAX),
            Storage::Float => match f32::from_le_bytes(self.array(bytes)?) {
                value if !value.is_finite() => return Err(value.to_string()),
                MISSING_FLOAT.. => String::new(),
                value => value.to_string(),
            },
            Storage::Double => match f64::from_le_bytes(self.array(bytes)?) {
                value if !value.is_finite() => return Err(value.to_string()),
                MISSING_DOUBLE.. => String::new(),
                value => value.to_string(),
            },
            Storage::Text(_) => latin(bytes),
        })
    }
}

/// Text up to its end, in the letters of Western Europe.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}

fn variable_name(bytes: &[u8]) -> Result<String, String> {
    let name = latin(bytes);
    let fits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fits { Ok(name) } else { Err(format!("`{}` is no name of a variable", name.escape_default())) }
}

#[cfg(test)]
mod tests;
