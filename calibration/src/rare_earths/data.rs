//! Everything that the rare-earth computations read, loaded once.

use std::ops::RangeInclusive;

use super::{
    CarveOut, CarveSettings, Facts, Files, IndustryMapping, Origins, PriceTable, RareEarthError, Regions,
    RestrictionRisk, Use, VolumeSettings, Volumes,
};
use crate::table::WorldTable;

/// Years for which prices are filled: WIOD's first to the last with quotes.
pub const YEARS: RangeInclusive<i32> = 1995..=2018;

/// Facts, prices and the files that assign them to countries.
#[derive(Debug, Clone)]
pub struct RareEarthData {
    /// The texts.
    pub files: Files,
    /// The facts.
    pub facts: Facts,
    /// Prices of [`YEARS`].
    pub prices: PriceTable,
    /// Consumption regions.
    pub regions: Regions,
    /// Restriction risk of suppliers.
    pub risk: RestrictionRisk,
}

/// The choices behind a carve-out.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    /// Classification of the table's industries in `industries.csv` and `origins.csv`.
    pub classification: String,
    /// Alternative of the end-use mapping.
    pub mapping: String,
    /// Alternative of the origins.
    pub origins: String,
    /// Volumes.
    pub volumes: VolumeSettings,
    /// The carve-out itself.
    pub carve: CarveSettings,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            classification: "wiod2013".to_owned(),
            mapping: "base".to_owned(),
            origins: "base".to_owned(),
            volumes: VolumeSettings::default(),
            carve: CarveSettings::default(),
        }
    }
}

impl RareEarthData {
    /// The data that come with the crate.
    ///
    /// # Errors
    /// None in a released crate: a test loads them.
    pub fn embedded() -> Result<Self, RareEarthError> {
        Self::new(Files::embedded())
    }

    /// Data from files, see [`Files::read_dir`].
    ///
    /// # Errors
    /// [`RareEarthError`] naming file, line and column, or the price that is missing.
    pub fn new(files: Files) -> Result<Self, RareEarthError> {
        let facts = Facts::parse(&files)?;
        Ok(Self {
            prices: PriceTable::new(&facts, YEARS)?,
            regions: Regions::parse(&files)?,
            risk: RestrictionRisk::parse(&files, &facts)?,
            facts,
            files,
        })
    }

    /// Names of the mapping's alternatives for a classification.
    ///
    /// # Errors
    /// As [`IndustryMapping::parse`].
    pub fn alternatives(&self, classification: &str) -> Result<Vec<String>, RareEarthError> {
        IndustryMapping::alternatives(&self.files, &self.facts, classification)
    }

    /// The mapping that the choices name.
    ///
    /// # Errors
    /// As [`IndustryMapping::parse`].
    pub fn mapping(&self, choices: &Choices) -> Result<IndustryMapping, RareEarthError> {
        IndustryMapping::parse(&self.files, &self.facts, &choices.classification, &choices.mapping)
    }

    /// The origins that the choices name.
    ///
    /// # Errors
    /// As [`Origins::parse`].
    pub fn origins(&self, choices: &Choices) -> Result<Origins, RareEarthError> {
        Origins::parse(&self.files, &self.facts, &choices.classification, &choices.origins)
    }

    /// Volumes of a year.
    ///
    /// # Errors
    /// As [`Volumes::new`].
    pub fn volumes(&self, year: i32, settings: &VolumeSettings) -> Result<Volumes, RareEarthError> {
        Volumes::new(&self.facts, year, settings)
    }

    /// Carves rare earths out of a table, with the volumes and prices of the table's year.
    ///
    /// # Errors
    /// As [`Use::new`] and [`CarveOut::new`].
    pub fn carve_out(&self, table: &WorldTable, choices: &Choices) -> Result<CarveOut, RareEarthError> {
        self.carve_out_with(table, choices, &self.mapping(choices)?, &self.origins(choices)?)
    }

    /// The same with a mapping and origins given: for a table whose industries are not those of the files, see
    /// [`IndustryMapping::aggregate`].
    ///
    /// # Errors
    /// As [`carve_out`](Self::carve_out).
    pub fn carve_out_with(
        &self,
        table: &WorldTable,
        choices: &Choices,
        mapping: &IndustryMapping,
        origins: &Origins,
    ) -> Result<CarveOut, RareEarthError> {
        let volumes = self.volumes(table.year(), &choices.volumes)?;
        let usage = Use::new(table, &self.facts, &volumes, &self.prices, mapping, origins, &self.regions)?;
        CarveOut::new(table, usage, &volumes, origins, &choices.carve)
    }
}
