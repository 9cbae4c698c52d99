//! What was fetched and what was made of it: `fetched.json` beside the files of a set.
//!
//! No publisher of these sets gives a SHA-256. The first download is trusted and its hash written down; a later one must
//! have the same.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::output::write_whole;

/// Its name in the folder of a set.
pub(crate) const FILE: &str = "fetched.json";

/// The record of a set.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// Published files by name.
    pub(crate) official: BTreeMap<String, Origin>,
    /// SHA-256 of the files that were made from them, by name.
    pub(crate) made: BTreeMap<String, String>,
}

/// Where a published file came from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origin {
    /// The address, or that a user gave the file.
    pub(crate) from: String,
    /// Its SHA-256 when it was first seen.
    pub(crate) sha256: String,
}

impl Record {
    /// The record in the folder of a set; an empty one where there is none.
    pub(crate) fn load(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(Error::bad_input(format!("{}", path.display())))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Writes the record.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), Error> {
        let mut text =
            serde_json::to_vec_pretty(self).map_err(Error::library("the record could not be written"))?;
        text.push(b'\n');
        write_whole(&folder.join(FILE), &text)
    }
}
