//! The world economy that this crate ships: 2009, 17 economies, 20 sectors, no download needed.
//!
//! Made from the World Input-Output Database by `data build`: the full table of 41 economies and 35 industries is repaired
//! ([`crate::wiod`], [`Inventories::Produced`]), aggregated by `data/world_2009/mapping.csv` (every manufacturing industry that
//! buys rare earths stays apart), and given trade elasticities ([`crate::theta`]). Tariffs are zero: flows are at basic
//! prices. The files are text ([`crate::flows_csv`]), in million current USD, rounded to a dollar with accounts closed again.

use crate::flows_csv;
use crate::footprint::FootprintError;
use crate::rare_earths::RareEarthError;
use crate::source::LoadError;
use crate::table::{Inventories, Mapping, MappingError, WorldTable};
use crate::theta::{Elasticities, Method};
use crate::wiod::{self, Wiod};
use model_core::{Economy, EconomyError, Flows, Metadata};
use ndarray::{Array1, Array2};
use std::path::Path;

/// Folder of the files in the crate's `data`.
pub(crate) const FOLDER: &str = "world_2009";

/// Decimals of a million USD that are kept.
const DECIMALS: u32 = 6;

const MAPPING: &str = include_str!("../data/world_2009/mapping.csv");

/// The texts of the shipped files, in the order of [`flows_csv::FILES`].
const TEXTS: [&str; 6] = [
    include_str!("../data/world_2009/economy.json"),
    include_str!("../data/world_2009/trade.csv"),
    include_str!("../data/world_2009/inputs.csv"),
    include_str!("../data/world_2009/factors.csv"),
    include_str!("../data/world_2009/final.csv"),
    include_str!("../data/world_2009/sectors.csv"),
];

/// Why the shipped economy cannot be read or made again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// A file cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The mapping does not fit the raw table.
    #[error("data/world_2009/mapping.csv: {0}")]
    Mapping(#[from] MappingError),
    /// The flows are no economy.
    #[error(transparent)]
    Economy(#[from] Box<EconomyError>),
    /// Rare earths cannot be carved out.
    #[error(transparent)]
    RareEarth(#[from] RareEarthError),
    /// Rare-earth intensities cannot be computed.
    #[error(transparent)]
    Footprint(#[from] FootprintError),
}

/// The shipped economy.
///
/// ```
/// let world = calibration::world_2009()?;
/// assert_eq!(world.labels().countries().len(), 17);
/// assert!(world.labels().sector("Electrical").is_some());
/// # Ok::<(), calibration::world_2009::WorldError>(())
/// ```
///
/// # Errors
/// [`WorldError`] if the shipped files are damaged.
pub fn world_2009() -> Result<Economy, WorldError> {
    Ok(Economy::from_flows(flows()?).map_err(Box::new)?)
}

/// The shipped economy in values.
///
/// # Errors
/// As [`world_2009`].
pub fn flows() -> Result<Flows, WorldError> {
    Ok(flows_csv::read(Path::new(FOLDER), TEXTS)?)
}

/// The mapping from the database's labels to the shipped economy's.
///
/// # Errors
/// [`WorldError::Mapping`] if the shipped file is damaged.
pub fn mapping() -> Result<Mapping, WorldError> {
    Ok(Mapping::from_csv(MAPPING.as_bytes())?)
}

/// Labels of sectors, their trade elasticities, and the covariance of the sampling errors of these.
pub type SectorElasticities = (Vec<String>, Array1<f64>, Array2<f64>);

/// Trade elasticities of the shipped economy's sectors by a method, with the covariance of their sampling errors: labels,
/// estimates, covariance. See [`crate::theta`] for the rule.
///
/// # Errors
/// [`WorldError`] if the shipped files are damaged.
pub fn elasticities(method: Method) -> Result<SectorElasticities, WorldError> {
    let mapping = mapping()?;
    let codes = mapping.sector_codes();
    let (sectors, to) = mapping.sectors(&codes)?;
    let estimates = Elasticities::shipped()?;
    let (theta, covariance) = estimates.of_groups(method, &codes, &to, sectors.len());
    Ok((sectors, theta, covariance))
}

/// The full 2009 table that the shipped economy is the aggregate of, from the folder of raw data sets.
///
/// # Errors
/// [`WorldError::Load`].
pub fn full_table(raw: &Path) -> Result<WorldTable, WorldError> {
    Ok(load(raw)?.table)
}

fn load(raw: &Path) -> Result<Wiod, LoadError> {
    wiod::load(&raw.join("wiod2013"), 2009, Inventories::Produced)
}

/// Makes the shipped files again from the folder of raw data sets: name and text of each, in the order of
/// [`flows_csv::FILES`].
///
/// # Errors
/// [`WorldError`], naming the raw file.
pub fn build(raw: &Path) -> Result<[String; 6], WorldError> {
    let Wiod { table, report, .. } = load(raw)?;
    let elasticities = Elasticities::estimate(&raw.join("cp2015"))?;
    let mapping = mapping()?;
    let (sectors, to) = mapping.sectors(table.sectors())?;
    let (theta, _) = elasticities.of_groups(Method::Triples, table.sectors(), &to, sectors.len());
    let theta = theta.mapv(|t| (t * 1e6).round() / 1e6);
    let small = table.aggregate(&mapping)?;
    let mut provenance = vec![
        "derived: flows from the World Input-Output Database, 2013 release (Timmer, Dietzenbacher, Los, Stehrer and de \
         Vries 2015), 41 economies x 35 industries, repaired and aggregated"
            .to_owned(),
        "estimated: trade elasticities from the sample of Caliendo and Parro (2015), triple differences, full sample; 8.22 \
         where there is no usable estimate"
            .to_owned(),
    ];
    let changed = report.steps.iter().filter(|step| step.changed > 0);
    provenance.extend(changed.map(|step| format!("repaired, in {}: {step}", table.unit())));
    let metadata = Metadata { name: "world-2009".to_owned(), provenance, ..Metadata::default() };
    let flows = small.to_flows(theta, metadata).map_err(Box::new)?;
    Ok(flows_csv::write(&flows_csv::rounded(flows, DECIMALS))?)
}
