//! Labelled texts, and which of them are held out.

use super::{Class, Patent};
use crate::source::{CsvFile, LoadError};
use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

const SHIPPED: &str = include_str!("../../data/patents/labelled.csv");

/// A text with its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// Identifier.
    pub id: String,
    /// Class.
    pub class: Class,
    /// Title.
    pub title: String,
    /// Abstract.
    pub summary: String,
}

impl Labelled {
    /// Title and abstract.
    pub fn text(&self) -> String {
        format!("{}. {}", self.title, self.summary)
    }

    /// Whether the text is in the third that nothing is trained or tuned on: decided by a hash of its identifier alone.
    pub fn held_out(&self) -> bool {
        hash(self.id.as_bytes()).is_multiple_of(3)
    }

    /// The same text as a patent without year, country and codes.
    pub fn patent(&self) -> Patent {
        Patent {
            id: self.id.clone(),
            title: self.title.clone(),
            summary: self.summary.clone(),
            ..Patent::default()
        }
    }
}

/// The sample that this crate ships: texts written and labelled for the project, not taken from patents.
///
/// # Errors
/// [`LoadError`] if the shipped file is damaged.
pub fn shipped() -> Result<Vec<Labelled>, LoadError> {
    from_reader(Path::new("patents/labelled.csv"), SHIPPED.as_bytes())
}

/// Labelled texts of a file: `id,class,title,abstract`.
///
/// # Errors
/// [`LoadError`] naming line and column, an unknown class, an identifier that occurs twice.
pub fn load(path: &Path) -> Result<Vec<Labelled>, LoadError> {
    from_file(&CsvFile::open(path)?)
}

/// Labelled texts from CSV text; the path is for error messages.
///
/// # Errors
/// As [`load`].
pub fn from_reader(path: &Path, reader: impl Read) -> Result<Vec<Labelled>, LoadError> {
    from_file(&CsvFile::from_reader(path, reader)?)
}

fn from_file(file: &CsvFile) -> Result<Vec<Labelled>, LoadError> {
    let [id, class, title, summary] = file.columns(["id", "class", "title", "abstract"])?;
    let mut seen = HashSet::new();
    file.rows()
        .map(|row| {
            if row.text(id).is_empty() {
                return Err(row.bad(id, "an identifier"));
            }
            if !seen.insert(row.text(id)) {
                return Err(row.duplicate(format!("text {}", row.text(id))));
            }
            Ok(Labelled {
                id: row.text(id).to_owned(),
                class: Class::parse(row.text(class)).ok_or_else(|| {
                    row.bad(class, "efficiency, substitution, recycling, use, mining or irrelevant")
                })?,
                title: row.text(title).to_owned(),
                summary: row.text(summary).to_owned(),
            })
        })
        .collect()
}

/// FNV-1a with a final mix: the same on every machine and in every version, which a split that is fixed for good needs.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        state = (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    state ^= state >> 32;
    state = state.wrapping_mul(0xd6e8_feb8_6659_fd93);
    state ^ (state >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_sample_has_every_class_in_both_parts() {
        let sample = shipped().unwrap();
        assert!(sample.len() >= 300, "{}", sample.len());
        for class in Class::ALL {
            let of_class = sample.iter().filter(|t| t.class == class);
            let (held_out, rest): (Vec<_>, Vec<_>) = of_class.partition(|t| t.held_out());
            assert!(
                held_out.len() >= 10 && rest.len() >= 25,
                "{class}: {} and {}",
                held_out.len(),
                rest.len()
            );
        }
        let texts: HashSet<String> = sample.iter().map(Labelled::text).collect();
        assert_eq!(texts.len(), sample.len(), "no text twice");
    }

    #[test]
    fn the_hash_is_the_one_it_has_always_been() {
        // The split is fixed for good: these numbers may not change.
        assert_eq!(
            [hash(b""), hash(b"w001"), hash(b"w329")],
            [18_284_041_282_127_212_159, 12_859_648_973_213_779_133, 1_264_853_447_912_509_125]
        );
    }

    #[test]
    fn an_unknown_class_is_named() {
        let error =
            from_reader(Path::new("l.csv"), "id,class,title,abstract\na,magic,t,s\n".as_bytes()).unwrap_err();
        assert!(error.to_string().contains("line 2") && error.to_string().contains("magic"), "{error}");
    }
}
