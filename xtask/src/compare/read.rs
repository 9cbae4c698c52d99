//! What is compared: the CSV files of a folder, and what the folder says of itself.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Error;
use crate::report::manifest::{self, Manifest};
use crate::workspace;

/// A CSV file: header and rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Sheet {
    /// The names of the columns.
    pub(super) header: Vec<String>,
    /// The rows, each as long as the header.
    pub(super) rows: Vec<Vec<String>>,
}

/// A folder of results.
#[derive(Debug)]
pub(super) struct Results {
    /// What it holds, in a line.
    pub(super) what: String,
    /// Its CSV files, by path below the folder.
    pub(super) sheets: BTreeMap<String, Sheet>,
    /// Titles of those that are tables on record.
    pub(super) titles: BTreeMap<String, String>,
}

impl Results {
    /// Reads a folder of `solve`, of `reproduce`, or any other with CSV files.
    pub(super) fn open(folder: &Path) -> Result<Self, Error> {
        let mut sheets = BTreeMap::new();
        for path in workspace::files_below(folder)? {
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let hidden = name.split('/').any(|part| part.starts_with('.'));
            if !hidden && path.extension().is_some_and(|extension| extension == "csv") {
                sheets.insert(name, read(&path)?);
            }
        }
        if sheets.is_empty() {
            return Err(Error::NothingToCompare { folder: folder.to_owned() });
        }
        let (what, titles) = describe(folder);
        Ok(Self { what, sheets, titles })
    }
}

fn read(path: &Path) -> Result<Sheet, Error> {
    let refused = || Error::bad_input::<csv::Error>(format!("{} is not a table", path.display()));
    let mut reader = csv::Reader::from_path(path).map_err(refused())?;
    let owned = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
    let header = owned(reader.headers().map_err(refused())?);
    let rows = reader.records().map(|record| record.map(|r| owned(&r)).map_err(refused()));
    Ok(Sheet { header, rows: rows.collect::<Result<_, _>>()? })
}

/// What the folder's own record says: the question of a `solve`, or the run of a `reproduce`, with the titles of its tables.
fn describe(folder: &Path) -> (String, BTreeMap<String, String>) {
    let json = |name: &str| -> Option<serde_json::Value> {
        serde_json::from_slice(&std::fs::read(folder.join(name)).ok()?).ok()
    };
    if let Some(summary) = json("summary.json") {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("?").to_owned();
        let what = format!(
            "{} ({}; economy {})",
            text(&summary["title"]),
            text(&summary["kind"]),
            text(&summary["economy"]["given"])
        );
        return (what, BTreeMap::new());
    }
    if folder.join(manifest::FILE).is_file()
        && let Ok(manifest) = Manifest::read(folder)
    {
        let tables = manifest.parts.values().flat_map(|record| &record.tables);
        let titles = tables.map(|table| {
            (format!("tables/{}.csv", table.id), format!("{} ({})", table.title, table.kind.word()))
        });
        let commit = manifest.run.commit.as_deref().unwrap_or("not under version control");
        return (format!("tables of version {} ({commit})", manifest.run.version), titles.collect());
    }
    ("CSV files".to_owned(), BTreeMap::new())
}
