//! A saved economy: a folder with `economy.json` and `arrays.npz`.
//!
//! Any language that reads JSON and NumPy archives reads and writes it (Python: `numpy.load`; Julia: `NPZ.npzread`; R:
//! `reticulate` or `RcppCNPy` on the unpacked archive; MATLAB: `unzip` and `readNPY`).
//!
//! `economy.json`:
//!
//! ```json
//! {
//!   "format": "lodestone-economy",
//!   "version": 1,
//!   "metadata": { "name": "...", "year": 2009, "unit": "million current USD", "provenance": ["..."] },
//!   "labels": { "countries": ["..."], "sectors": ["..."], "factors": ["..."] },
//!   "kappa": 1.0,
//!   "critical": { "sectors": ["Rare earths"], "sigma": [0.2, 0.2], "element_sigma": 1.0,
//!                 "joint_products": false }
//! }
//! ```
//!
//! `critical` may be left out: the sectors whose goods form the critical bundle, the elasticity of substitution between it and
//! everything else in each using sector, in the order of the labels, that between the elements of the bundle, and whether the
//! elements are joint products of one process in each country (`false` where it is left out).
//!
//! `arrays.npz` holds float64 arrays, with `N` countries, `J` sectors and `F` factors in the order of the labels:
//!
//! | array | shape | meaning |
//! |---|---|---|
//! | `trade_share` | `N, N, J` | `pi[n,i,j]`: share of exporter `i` in what importer `n` spends on `j`, purchaser prices |
//! | `expenditure` | `N, J` | `X[n,j]`: expenditure at purchaser prices, all uses |
//! | `factor_share` | `N, J, F` | share of each factor in the cost of sector `j` |
//! | `input_share` | `N, J, J` | share of input `k` (last axis) in the cost of sector `j` |
//! | `final_share` | `N, J` | `alpha[n,j]`: share of `j` in final spending |
//! | `tariff` | `N, N, J` | ad-valorem import tariff rate `[importer, exporter, sector]` (0.05 is 5%) |
//! | `export_tax` | `N, N, J` | ad-valorem export tax rate, on what the producer gets |
//! | `deficit` | `N` | spending beyond income; sums to zero |
//! | `factor_income` | `N, F` | income of each factor |
//! | `theta` | `J` | trade elasticity |
//!
//! Further arrays are ignored. Loading checks everything that [`Economy::from_parts`] checks.

use crate::replace::{ReplaceError, Replacement};
use crate::source::{LoadError, NpzFile};
use model_core::{CriticalInputs, Dims, Economy, EconomyError, EconomyParts, Labels, Metadata};
use ndarray_npy::{NpzWriter, WriteNpzError};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Name of the description in the folder.
pub const ECONOMY_JSON: &str = "economy.json";
/// Name of the archive of arrays in the folder.
pub const ARRAYS_NPZ: &str = "arrays.npz";

const FORMAT: &str = "lodestone-economy";
const VERSION: u32 = 1;

/// Why an economy cannot be saved or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file cannot be written or read.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The description is not what [the format](self) asks for.
    #[error("{} does not describe an economy: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The description is of something else, or of a version that this build does not read.
    #[error("{} has format `{format}` version {version}; this build reads `{FORMAT}` version {VERSION}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its `format`.
        format: String,
        /// Its `version`.
        version: u32,
    },
    /// The folder cannot be replaced.
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    /// The archive cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Npz {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: WriteNpzError,
    },
    /// The archive cannot be read.
    #[error(transparent)]
    Arrays(#[from] LoadError),
    /// A critical input that is not among the sectors.
    #[error("{}: critical input `{sector}` is not one of the sectors in `labels`: name it as it stands there", path.display())]
    CriticalSector {
        /// The file.
        path: PathBuf,
        /// The name.
        sector: String,
    },
    /// The numbers were read but are no economy.
    #[error("{} holds no valid economy: {source}", folder.display())]
    Economy {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        source: Box<EconomyError>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    format: String,
    version: u32,
    metadata: Metadata,
    labels: Labels,
    kappa: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    critical: Option<Critical>,
}

/// Critical inputs, with sectors by name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    sectors: Vec<String>,
    sigma: Vec<f64>,
    element_sigma: f64,
    #[serde(default)]
    joint_products: bool,
}

impl Critical {
    fn of(economy: &Economy) -> Option<Self> {
        economy.critical().map(|critical| Self {
            sectors: critical.sectors.iter().map(|&s| economy.labels().sectors()[s].clone()).collect(),
            sigma: critical.sigma.to_vec(),
            element_sigma: critical.element_sigma,
            joint_products: critical.joint_products,
        })
    }

    fn resolve(self, labels: &Labels, path: &Path) -> Result<CriticalInputs, StoreError> {
        let position = |name: &String| {
            labels
                .sector(name)
                .ok_or_else(|| StoreError::CriticalSector { path: path.to_owned(), sector: name.clone() })
        };
        Ok(CriticalInputs {
            sectors: self.sectors.iter().map(position).collect::<Result<_, _>>()?,
            sigma: self.sigma.into(),
            element_sigma: self.element_sigma,
            joint_products: self.joint_products,
        })
    }
}

/// Writes an economy to `folder`, whole or not at all ([`Replacement`]). A folder that is there already is replaced if it is a
/// saved economy or empty, and left alone otherwise.
///
/// # Errors
/// [`StoreError::Io`] or [`StoreError::Npz`], naming the file; [`StoreError::Replace`], also while another process saves there.
pub fn save(economy: &Economy, folder: &Path) -> Result<(), StoreError> {
    let replacement = Replacement::begin(folder)?;
    check_replaceable(folder)?;
    let fresh = replacement.fresh();
    write_description(economy, &fresh.join(ECONOMY_JSON))?;
    write_arrays(economy.parts(), &fresh.join(ARRAYS_NPZ))?;
    Ok(replacement.finish()?)
}

/// Reads an economy from `folder`.
///
/// # Errors
/// [`StoreError`] naming the file, and the array, label or country and sector that is wrong.
pub fn load(folder: &Path) -> Result<Economy, StoreError> {
    let open = |name: &str| {
        let path = folder.join(name);
        File::open(&path).map_err(|source| StoreError::Io { action: "read", path, source })
    };
    from_readers(folder, BufReader::new(open(ECONOMY_JSON)?), BufReader::new(open(ARRAYS_NPZ)?))
}

/// As [`load`], from the contents of `economy.json` and `arrays.npz`; `folder` is for error messages.
///
/// # Errors
/// As [`load`].
pub fn from_readers(
    folder: &Path,
    description: impl Read,
    arrays: impl Read + Seek,
) -> Result<Economy, StoreError> {
    let path = folder.join(ECONOMY_JSON);
    let description: Description = serde_json::from_reader(description)
        .map_err(|source| StoreError::Json { path: path.clone(), source })?;
    if description.format != FORMAT || description.version != VERSION {
        return Err(StoreError::Format { path, format: description.format, version: description.version });
    }
    let critical =
        description.critical.map(|critical| critical.resolve(&description.labels, &path)).transpose()?;
    let mut npz = NpzFile::from_reader(&folder.join(ARRAYS_NPZ), arrays)?;
    let Dims { countries: n, sectors: j, factors: f } = description.labels.dims();
    let parts = EconomyParts {
        trade_share: npz.array("trade_share", &[n, n, j])?,
        expenditure: npz.array("expenditure", &[n, j])?,
        factor_share: npz.array("factor_share", &[n, j, f])?,
        input_share: npz.array("input_share", &[n, j, j])?,
        final_share: npz.array("final_share", &[n, j])?,
        tariff: npz.array("tariff", &[n, n, j])?,
        export_tax: npz.array("export_tax", &[n, n, j])?,
        deficit: npz.array("deficit", &[n])?,
        factor_income: npz.array("factor_income", &[n, f])?,
        theta: npz.array("theta", &[j])?,
        labels: description.labels,
        metadata: description.metadata,
        kappa: description.kappa,
        critical,
    };
    Economy::from_parts(parts)
        .map_err(|source| StoreError::Economy { folder: folder.to_owned(), source: Box::new(source) })
}

/// Refuses to replace a folder that holds something else than a saved economy.
fn check_replaceable(folder: &Path) -> Result<(), StoreError> {
    let refuse = |source| StoreError::Io { action: "replace", path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refuse(error)),
    };
    for entry in entries {
        let name = entry.map_err(refuse)?.file_name();
        if name != ECONOMY_JSON && name != ARRAYS_NPZ {
            let message = format!(
                "it holds {}, which is no part of a saved economy; name another folder",
                name.display()
            );
            return Err(refuse(io::Error::new(io::ErrorKind::AlreadyExists, message)));
        }
    }
    Ok(())
}

fn write_description(economy: &Economy, path: &Path) -> Result<(), StoreError> {
    let description = Description {
        format: FORMAT.to_owned(),
        version: VERSION,
        metadata: economy.metadata().clone(),
        labels: economy.labels().clone(),
        kappa: economy.kappa(),
        critical: Critical::of(economy),
    };
    let mut text = serde_json::to_vec_pretty(&description)
        .map_err(|source| StoreError::Json { path: path.to_owned(), source })?;
    text.push(b'\n');
    fs::write(path, text).map_err(|source| StoreError::Io { action: "write", path: path.to_owned(), source })
}

fn write_arrays(parts: &EconomyParts, path: &Path) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { action: "write", path: path.to_owned(), source };
    let wrap = |source| StoreError::Npz { path: path.to_owned(), source };
    let mut npz = NpzWriter::new_compressed(BufWriter::new(File::create(path).map_err(io)?));
    npz.add_array("trade_share", &parts.trade_share).map_err(wrap)?;
    npz.add_array("expenditure", &parts.expenditure).map_err(wrap)?;
    npz.add_array("factor_share", &parts.factor_share).map_err(wrap)?;
    npz.add_array("input_share", &parts.input_share).map_err(wrap)?;
    npz.add_array("final_share", &parts.final_share).map_err(wrap)?;
    npz.add_array("tariff", &parts.tariff).map_err(wrap)?;
    npz.add_array("export_tax", &parts.export_tax).map_err(wrap)?;
    npz.add_array("deficit", &parts.deficit).map_err(wrap)?;
    npz.add_array("factor_income", &parts.factor_income).map_err(wrap)?;
    npz.add_array("theta", &parts.theta).map_err(wrap)?;
    let mut file = npz.finish().map_err(wrap)?;
    file.flush().map_err(io)?;
    file.into_inner().map_err(|error| io(error.into_error()))?.sync_all().map_err(io)
}
