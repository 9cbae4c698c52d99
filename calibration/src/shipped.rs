//! The files that this crate ships in `data/`: how each is made from raw data, and whether what is there is what would be
//! made.
//!
//! Two kinds of file: *derived* ones are made by [`build`] and never edited; *written* ones (mappings, facts retyped in our
//! layout) are edited by hand and only described here.

use crate::flows_csv;
use crate::footprint::FootprintPanels;
use crate::footprint::intensity::{self, INTENSITY_CSV};
use crate::footprint::panels;
use crate::rare_earths::{self, RareEarthData};
use crate::source::LoadError;
use crate::theta::{ESTIMATES_CSV, Elasticities, METHODS_CSV};
use crate::trade_elasticity::unit_values;
use crate::world_2009::{self, WorldError};
use std::path::Path;

/// A derived file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippedFile {
    /// Path in the crate's `data` folder, with `/`.
    pub path: String,
    /// Content.
    pub text: String,
    /// The raw sets it is made from: names of their folders.
    pub sources: Vec<&'static str>,
    /// What was done to them, in a sentence.
    pub transformation: &'static str,
}

/// Makes every derived file from the folder of raw data sets.
///
/// # Errors
/// [`WorldError`] naming the raw file that is missing or wrong.
pub fn build(raw: &Path) -> Result<Vec<ShippedFile>, WorldError> {
    let elasticities = Elasticities::estimate(&raw.join("cp2015"))?;
    let mut files = vec![ShippedFile {
        path: ESTIMATES_CSV.to_owned(),
        text: elasticities.to_csv(),
        sources: vec!["cp2015"],
        transformation: "trade elasticities by industry: triple differences, least squares without a constant, HC1",
    }];
    for (path, text) in METHODS_CSV.iter().zip(elasticities.methods_to_csv()) {
        files.push(ShippedFile {
            path: (*path).to_owned(),
            text,
            sources: vec!["cp2015"],
            transformation: "trade elasticities by industry with their joint covariance: triple differences robust to shared pairs, \
                             one for all by GMM, log imports with exporter, importer and pair effects; six digits",
        });
    }
    for (name, text) in flows_csv::FILES.iter().zip(world_2009::build(raw)?) {
        files.push(ShippedFile {
            path: format!("{}/{name}", world_2009::FOLDER),
            text,
            sources: vec!["wiod2013", "cp2015"],
            transformation: "2009 table repaired, aggregated by world_2009/mapping.csv, rounded to a dollar, closed again",
        });
    }
    for (name, text) in flows_csv::FILES.iter().zip(rare_earths::economy::build(raw)?) {
        files.push(ShippedFile {
            path: format!("{}/{name}", rare_earths::economy::FOLDER),
            text,
            sources: vec!["wiod2013", "wiod_sea2013", "cp2015"],
            transformation: "2009 table repaired, rare earths carved out (facts in rare_earths/), aggregated by \
                             world_2009/mapping.csv, rounded to a dollar, closed again",
        });
    }
    for (path, text) in unit_values::build() {
        files.push(ShippedFile {
            path: path.to_owned(),
            text,
            sources: Vec::new(),
            transformation: "SIMULATED unit values with known elasticities, and these: demand and supply with independent shocks, \
                             exporters that come and go, six digits",
        });
    }
    files.push(ShippedFile {
        path: rare_earths::economy::ELEMENTS_CSV.to_owned(),
        text: rare_earths::economy::build_elements(raw)?,
        sources: vec!["wiod2013"],
        transformation: "use of each element in the carved table of 2009, aggregated by world_2009/mapping.csv, six digits",
    });
    files.extend(crate::panels::build(raw)?);
    files.push(ShippedFile {
        path: INTENSITY_CSV.to_owned(),
        text: intensity::build(&RareEarthData::embedded()?, &world_2009::full_table(raw)?)?,
        sources: vec!["wiod2013"],
        transformation: "direct and total rare-earth requirements of 2009 under each alternative mapping, six digits",
    });
    for (path, text) in panels::FILES.iter().zip(FootprintPanels::compute(raw)?.to_texts()) {
        files.push(ShippedFile {
            path: (*path).to_owned(),
            text,
            sources: vec!["wiod2013", "bea_io"],
            transformation: "rare-earth requirements and exposure from the carved world tables and the US detail tables, six \
                             digits",
        });
    }
    Ok(files)
}

/// What differs between `files` and the `data` folder of this crate's sources: a line for each file, naming the first line
/// that is not the same. Empty when a rebuild equals what is committed.
///
/// # Errors
/// [`LoadError::Io`] for a file that is there and cannot be read.
pub fn differences(files: &[ShippedFile], data: &Path) -> Result<Vec<String>, LoadError> {
    let mut differences = Vec::new();
    for file in files {
        let path = data.join(&file.path);
        if !path.exists() {
            differences.push(format!("{} is not there", file.path));
            continue;
        }
        let committed = std::fs::read_to_string(&path).map_err(LoadError::io(&path))?;
        if committed == file.text {
            continue;
        }
        let (old, new): (Vec<&str>, Vec<&str>) = (committed.lines().collect(), file.text.lines().collect());
        let line = old.iter().zip(&new).position(|(a, b)| a != b).unwrap_or(old.len().min(new.len()));
        let show =
            |lines: &[&str]| lines.get(line).map_or_else(|| "nothing".to_owned(), |l| format!("`{l}`"));
        let (was, is) = (show(&old), show(&new));
        differences.push(format!("{} line {}: {was} would be {is}", file.path, line + 1));
    }
    Ok(differences)
}
