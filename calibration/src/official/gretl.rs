//! Data files of gretl (`.gdt`): XML, mostly compressed, with the variables' names and one element for each observation.

use super::{Write, csv_text, has_extension, not_found};
use crate::source::LoadError;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

/// No data file of a source comes near this size.
const MAX_BYTES: u64 = 1 << 26;

/// How a compressed file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Hall's data: `hall.gdt` becomes `hall.csv`, the observations' labels blank as they are in gretl's own export.
pub(super) fn convert<E: From<LoadError>>(files: &[PathBuf], write: &mut Write<'_, E>) -> Result<(), E> {
    let path = files
        .iter()
        .find(|path| has_extension(path, "gdt"))
        .ok_or_else(|| not_found(files, "a file hall.gdt"))?;
    write("hall.csv", &csv_text(path, records(path)?)?)
}

/// The header and the observations.
fn records(path: &Path) -> Result<Vec<Vec<String>>, LoadError> {
    let defect = |message: String| LoadError::Inconsistent { path: path.to_owned(), message };
    let text = String::from_utf8(text(path)?).map_err(|e| defect(format!("it is not text: {e}")))?;
    let mut reader = Reader::from_str(&text);
    let mut header = vec!["obs".to_owned()];
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut observation: Option<String> = None;
    let mut ended = false;
    loop {
        let event = reader.read_event().map_err(|e| defect(format!("it is not XML: {e}")))?;
        match event {
            Event::Start(start) | Event::Empty(start) if start.name().as_ref() == "variable" => {
                header.push(name(&start).ok_or_else(|| defect("a variable without a name".to_owned()))?);
            }
            Event::Start(start) if start.name().as_ref() == "obs" => observation = Some(String::new()),
            Event::Text(words) => {
                if let Some(observation) = &mut observation {
                    observation.push_str(&words);
                }
            }
            Event::End(end) if end.name().as_ref() == "obs" => {
                let row: Vec<String> =
                    observation.take().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
                let number = rows.len() + 1;
                if row.len() + 1 != header.len() {
                    return Err(defect(format!(
                        "observation {number} has {} values for {} variables",
                        row.len(),
                        header.len() - 1
                    )));
                }
                if let Some(bad) = row.iter().find(|value| value.parse::<f64>().is_err()) {
                    return Err(defect(format!(
                        "observation {number} holds `{bad}`, where a number is needed"
                    )));
                }
                rows.push(std::iter::once(String::new()).chain(row).collect());
            }
            Event::End(end) if end.name().as_ref() == "gretldata" => ended = true,
            Event::Eof => break,
            _ => {}
        }
    }
    if !ended || rows.is_empty() {
        return Err(defect("it is not a whole data file of gretl".to_owned()));
    }
    rows.insert(0, header);
    Ok(rows)
}

fn name(start: &BytesStart) -> Option<String> {
    let found = start.attributes().flatten().find(|attribute| attribute.key.as_ref() == "name")?;
    Some(found.value.into_owned())
}

/// The text, whether compressed or not.
fn text(path: &Path) -> Result<Vec<u8>, LoadError> {
    let raw = std::fs::read(path).map_err(LoadError::io(path))?;
    if !raw.starts_with(&GZIP) {
        return Ok(raw);
    }
    let mut text = Vec::new();
    let decoder = flate2::read::GzDecoder::new(Cursor::new(raw));
    decoder.take(MAX_BYTES).read_to_end(&mut text).map_err(LoadError::io(path))?;
    Ok(text)
}
