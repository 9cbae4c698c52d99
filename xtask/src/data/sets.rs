//! The catalogue of raw data sets: what they are, whose they are, where they come from, what their files hash to.

use serde::Deserialize;

use crate::error::Error;

/// A raw data set: a folder of files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSet {
    /// Its name, also its folder below the folder of raw data.
    pub(crate) name: String,
    /// What it is.
    pub(crate) title: String,
    /// How to cite it.
    pub(crate) cite: String,
    /// Under what terms it may be used.
    pub(crate) rights: String,
    /// Its official page.
    pub(crate) home: String,
    /// How the files come from what is offered there.
    pub(crate) layout: String,
    /// What the publisher offers, where it can be fetched and converted.
    #[serde(default)]
    pub(crate) official: Vec<OfficialFile>,
    /// What a user can do where it cannot.
    pub(crate) by_hand: String,
    /// The files that the loaders read, as the project's own tables were made from them.
    pub(crate) files: Vec<RawFile>,
}

/// A file as its publisher offers it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfficialFile {
    /// Its name.
    pub(crate) file: String,
    /// Its address.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// The record of an archive that knows its address.
    #[serde(default)]
    pub(crate) dataverse: Option<Dataverse>,
    /// Its size, as the publisher records it.
    #[serde(default)]
    pub(crate) bytes: Option<u64>,
    /// Its SHA-1, as the publisher records it.
    #[serde(default)]
    pub(crate) sha1: Option<String>,
    /// The files made of it alone, in a set of files that are published apart.
    #[serde(default)]
    pub(crate) makes: Vec<String>,
}

/// A record of a Dataverse archive.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dataverse {
    /// The archive.
    pub(crate) host: String,
    /// The record.
    pub(crate) doi: String,
}

/// A file of a raw data set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawFile {
    /// Its name in the set's folder.
    pub(crate) name: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub(crate) sha256: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    set: Vec<RawSet>,
}

/// All raw data sets.
pub(crate) fn all() -> Result<Vec<RawSet>, Error> {
    let catalogue: Catalogue = toml::from_str(include_str!("../../data-sets.toml"))
        .map_err(Error::library("the catalogue of raw data sets does not parse"))?;
    Ok(catalogue.set)
}

/// The raw data set of this name.
pub(crate) fn find(name: &str) -> Result<RawSet, Error> {
    let sets = all()?;
    let known = sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>().join(", ");
    sets.into_iter()
        .find(|set| set.name == name)
        .ok_or_else(|| Error::UnknownSet { given: name.to_owned(), known })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_complete() {
        let sets = all().unwrap();
        assert_eq!(sets.len(), 9);
        for set in &sets {
            for (what, text) in [
                ("title", &set.title),
                ("cite", &set.cite),
                ("rights", &set.rights),
                ("by_hand", &set.by_hand),
            ] {
                assert!(!text.is_empty(), "{} has no {what}", set.name);
            }
            assert!(!set.files.is_empty(), "{} has no files", set.name);
            // what can be fetched can be converted, and the other way round
            let converted = calibration::official::SETS.contains(&set.name.as_str());
            assert_eq!(converted, !set.official.is_empty(), "{}", set.name);
            for official in &set.official {
                assert!(official.url.is_some() != official.dataverse.is_some(), "{}", official.file);
                assert!(official.makes.iter().all(|name| set.files.iter().any(|file| file.name == *name)));
                assert!(set.official.len() == 1 || !official.makes.is_empty(), "{}", official.file);
            }
            for file in &set.files {
                assert_eq!(file.sha256.len(), 64, "{}/{}", set.name, file.name);
                assert!(file.bytes > 0);
            }
        }
        assert!(find("cp2015").is_ok());
        let error = find("cp2051").unwrap_err().explain();
        assert!(error.contains("cp2051") && error.contains("cp2015"), "{error}");
    }
}
