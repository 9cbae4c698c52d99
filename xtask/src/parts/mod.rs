//! The parts of the output: one file per part, one function per table.

mod a;
mod b;
mod b_footprint;
mod d;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::Error;
use crate::hash;
use crate::report::checks::{Check, Published};
use crate::report::figure::Figure;
use crate::report::table::Table;
use crate::workspace::RawData;

/// A unit of the output that is made, skipped or fails as a whole.
pub(crate) struct Part {
    /// Its identifier, as `--only` takes it.
    pub(crate) id: &'static str,
    /// What it is called.
    pub(crate) title: &'static str,
    /// The raw data sets without which it cannot be made.
    pub(crate) needs: &'static [&'static str],
    /// The raw data sets that it reads when they are there.
    pub(crate) uses: &'static [&'static str],
    /// Makes it.
    pub(crate) make: fn(&Inputs) -> Result<Made, Error>,
}

/// What a part may use.
pub(crate) struct Inputs<'a> {
    /// The raw data.
    pub(crate) raw: &'a RawData,
    /// The published values.
    pub(crate) published: &'a Published,
}

impl Inputs<'_> {
    /// The folder of a raw data set.
    pub(crate) fn set(&self, name: &str) -> Result<PathBuf, Error> {
        self.raw.set(name).ok_or_else(|| Error::MissingSet { set: name.to_owned(), place: self.raw.place() })
    }
}

/// What a part makes.
#[derive(Default)]
pub(crate) struct Made {
    /// Its tables.
    pub(crate) tables: Vec<Table>,
    /// Its figures.
    pub(crate) figures: Vec<Figure>,
    /// Its comparisons with published numbers.
    pub(crate) checks: Vec<Check>,
}

/// All parts, in the order of the report.
pub(crate) fn all() -> Vec<Part> {
    vec![
        Part { id: "A1", title: "Trade elasticities", needs: &["cp2015"], uses: &[], make: a::elasticities },
        Part { id: "A2", title: "Welfare effects of NAFTA", needs: &["cp2015"], uses: &[], make: a::nafta },
        Part { id: "B1", title: "The rare-earth episode", needs: &[], uses: &[], make: b::the_episode },
        Part {
            id: "B2",
            title: "The rare-earth footprint",
            needs: &[],
            uses: &["wiod2013", "bea_io"],
            make: b_footprint::footprints,
        },
        Part { id: "D1", title: "Gains from trade against autarky", needs: &[], uses: &[], make: d::gains },
        Part { id: "D2", title: "A tariff of the USA on China", needs: &[], uses: &[], make: d::tariff },
    ]
}

/// The parts that a list of identifiers names; all of them when the list is empty.
pub(crate) fn choose(only: &[String]) -> Result<Vec<Part>, Error> {
    let mut parts = all();
    if let Some(unknown) = only.iter().find(|id| !parts.iter().any(|p| p.id.eq_ignore_ascii_case(id))) {
        let known = parts.iter().map(|p| p.id).collect::<Vec<_>>().join(", ");
        return Err(Error::UnknownTable { given: unknown.clone(), known });
    }
    parts.retain(|p| only.is_empty() || only.iter().any(|id| p.id.eq_ignore_ascii_case(id)));
    Ok(parts)
}

/// The SHA-256 of every file of the raw data sets that a part reads, by path below the data folder.
pub(crate) fn input_hashes(raw: &RawData, sets: &[&str]) -> Result<BTreeMap<String, String>, Error> {
    let mut hashes = BTreeMap::new();
    for set in sets {
        let Some(folder) = raw.set(set) else { continue };
        let entries = std::fs::read_dir(&folder).map_err(Error::io("read", &folder))?;
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') || name.ends_with(".part") {
                continue;
            }
            hashes.insert(format!("{set}/{name}"), hash::of_file(&path)?);
        }
    }
    Ok(hashes)
}
