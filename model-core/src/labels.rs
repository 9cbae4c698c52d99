//! Names of countries, sectors and factors, in the order in which every array of an economy is indexed.

use serde::{Deserialize, Serialize};

use crate::EconomyError;

/// The names behind the axes of an economy's arrays.
///
/// Index order is always importer, exporter, sector; a country keeps one index in both of its roles. Names are unique
/// within a kind and not empty.
///
/// ```
/// use model_core::Labels;
/// let labels = Labels::new(["CHN", "JPN"], ["Goods"], ["Labour"])?;
/// assert_eq!(labels.country("JPN"), Some(1));
/// assert!(Labels::new(["CHN", "CHN"], ["Goods"], ["Labour"]).is_err());
/// # Ok::<(), model_core::EconomyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawLabels")]
pub struct Labels {
    countries: Vec<String>,
    sectors: Vec<String>,
    factors: Vec<String>,
}

/// What a file may hold before it has been checked.
#[derive(Deserialize)]
struct RawLabels {
    countries: Vec<String>,
    sectors: Vec<String>,
    factors: Vec<String>,
}

impl TryFrom<RawLabels> for Labels {
    type Error = EconomyError;
    fn try_from(raw: RawLabels) -> Result<Self, EconomyError> {
        Labels::new(raw.countries, raw.sectors, raw.factors)
    }
}

impl Labels {
    /// Checks and keeps the names.
    ///
    /// # Errors
    /// [`EconomyError::NoLabels`], [`EconomyError::EmptyLabel`] or [`EconomyError::DuplicateLabel`].
    pub fn new<C, S, F>(countries: C, sectors: S, factors: F) -> Result<Self, EconomyError>
    where
        C: IntoIterator<Item: Into<String>>,
        S: IntoIterator<Item: Into<String>>,
        F: IntoIterator<Item: Into<String>>,
    {
        Ok(Self {
            countries: checked("country", countries)?,
            sectors: checked("sector", sectors)?,
            factors: checked("factor", factors)?,
        })
    }

    /// Country names, in index order.
    pub fn countries(&self) -> &[String] {
        &self.countries
    }

    /// Sector names, in index order.
    pub fn sectors(&self) -> &[String] {
        &self.sectors
    }

    /// Names of the mobile factors, in index order.
    pub fn factors(&self) -> &[String] {
        &self.factors
    }

    /// Index of a country.
    pub fn country(&self, name: &str) -> Option<usize> {
        self.countries.iter().position(|c| c == name)
    }

    /// Index of a sector.
    pub fn sector(&self, name: &str) -> Option<usize> {
        self.sectors.iter().position(|s| s == name)
    }

    /// Index of a factor.
    pub fn factor(&self, name: &str) -> Option<usize> {
        self.factors.iter().position(|f| f == name)
    }

    /// Numbers of countries, sectors and factors.
    pub fn dims(&self) -> Dims {
        Dims { countries: self.countries.len(), sectors: self.sectors.len(), factors: self.factors.len() }
    }
}

/// Numbers of countries, sectors and factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dims {
    /// Number of countries, `N`.
    pub countries: usize,
    /// Number of sectors, `J`.
    pub sectors: usize,
    /// Number of mobile factors, `F`.
    pub factors: usize,
}

fn checked(
    kind: &'static str,
    names: impl IntoIterator<Item: Into<String>>,
) -> Result<Vec<String>, EconomyError> {
    let names: Vec<String> = names.into_iter().map(Into::into).collect();
    if names.is_empty() {
        return Err(EconomyError::NoLabels { kind });
    }
    let mut seen = std::collections::HashMap::new();
    for (index, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            return Err(EconomyError::EmptyLabel { kind, index });
        }
        if let Some(first) = seen.insert(name.as_str(), index) {
            return Err(EconomyError::DuplicateLabel { kind, name: name.clone(), first, second: index });
        }
    }
    Ok(names)
}

/// For `slice_each_axis`: the whole third axis at one place of the first two.
pub(crate) fn third_axis(axis: &ndarray::AxisDescription, first: usize, second: usize) -> ndarray::Slice {
    match axis.axis.index() {
        0 => ndarray::Slice::from(first..first + 1),
        1 => ndarray::Slice::from(second..second + 1),
        _ => ndarray::Slice::from(..),
    }
}
