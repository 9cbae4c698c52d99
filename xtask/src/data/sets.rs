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
    /// The files.
    pub(crate) files: Vec<RawFile>,
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
    /// An address that serves exactly this file.
    #[serde(default)]
    pub(crate) url: Option<String>,
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
            for (what, text) in
                [("title", &set.title), ("cite", &set.cite), ("rights", &set.rights), ("home", &set.home)]
            {
                assert!(!text.is_empty(), "{} has no {what}", set.name);
            }
            assert!(!set.files.is_empty(), "{} has no files", set.name);
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
