//! Footprints of a critical input: how much of it is in a unit of output, and who depends on whom for it.
//!
//! With `A` the input coefficients of a table and `d` the direct use per unit of output, the total requirement per unit of
//! final output is `d (I - A)^-1` (Leontief): direct use, use by suppliers, by their suppliers, and so on.
//!
//! - [`requirements`]: direct and total, in value and in kilograms of each element, for the carved world table;
//! - [`us`]: the same for a table of one country in fine detail;
//! - [`exposure`]: country exposure: use, supplier concentration and risk, value added and exports that stand behind;
//! - [`by_alternative`]: everything under each alternative mapping, to show its leverage;
//! - [`trend`]: everything year by year;
//! - [`intensity()`]: the requirements of 2009 that ship with the crate;
//! - [`FootprintPanels`]: what table B2 shows, computed or as it ships.

pub mod exposure;
pub mod intensity;
pub mod panels;
pub mod us;

use linalg::{LinalgError, Lu};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};

use crate::rare_earths::{CarveOut, Choices, Element, RareEarthData, RareEarthError};
use crate::table::WorldTable;

pub use exposure::{CountryExposure, country_exposure};
pub use intensity::{Intensity, intensity};
pub use panels::FootprintPanels;
pub use us::{DetailRequirements, us_requirements};

/// Kilograms in a tonne.
const KG_PER_TONNE: f64 = 1e3;

/// Why a footprint could not be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FootprintError {
    /// The carve-out failed.
    #[error(transparent)]
    RareEarth(#[from] RareEarthError),
    /// `I - A` could not be solved.
    #[error("the Leontief system of the table has no solution: {0}")]
    Leontief(#[from] LinalgError),
    /// Labels of a mapping and of a table do not fit.
    #[error("{what} is not in the table; {hint}")]
    Unknown {
        /// The label.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// A year's table could not be had.
    #[error("table of {year}: {message}")]
    Table {
        /// Year.
        year: i32,
        /// Why.
        message: String,
    },
}

/// Direct and total requirements of every industry of the world table (the critical sector itself left out).
#[derive(Debug, Clone, PartialEq)]
pub struct Requirements {
    /// Country codes.
    pub countries: Vec<String>,
    /// Sector codes without the critical one.
    pub sectors: Vec<String>,
    /// Year.
    pub year: i32,
    /// Gross output, million current USD, `[country, sector]`.
    pub output: Array2<f64>,
    /// Use per unit of output, USD per USD, `[country, sector]`.
    pub direct_value: Array2<f64>,
    /// Use in the whole chain per unit of final output, USD per USD, `[country, sector]`.
    pub total_value: Array2<f64>,
    /// Kilograms of oxide per million USD of output, `[country, sector, element]`.
    pub direct_kg: Array3<f64>,
    /// Kilograms of oxide in the whole chain per million USD of final output, `[country, sector, element]`.
    pub total_kg: Array3<f64>,
}

/// Requirements of one sector over the world, weighted with output.
#[derive(Debug, Clone, PartialEq)]
pub struct SectorRequirement {
    /// Sector code.
    pub sector: String,
    /// Use per unit of output, USD per USD.
    pub direct_value: f64,
    /// Use in the whole chain per unit of output, USD per USD.
    pub total_value: f64,
    /// Kilograms per million USD, direct.
    pub direct_kg: f64,
    /// Kilograms per million USD, whole chain.
    pub total_kg: f64,
    /// Share of the world's use, by value.
    pub use_share: f64,
}

/// Solves `x (I - A) = d` for every row `d` of `direct`: total requirements from direct ones.
///
/// `coefficients[r, c]` is what column `c` buys of row `r` per unit of its output; `direct` has one column per industry.
///
/// # Errors
/// [`FootprintError::Leontief`] if the shapes disagree or `I - A` is singular.
pub fn total_requirements(
    coefficients: ArrayView2<'_, f64>,
    direct: ArrayView2<'_, f64>,
) -> Result<Array2<f64>, FootprintError> {
    let mut system = coefficients.t().mapv(|a| -a);
    system.diag_mut().mapv_inplace(|a| 1.0 + a);
    let solved = Lu::well_conditioned(system.view())?.solve_many(direct.t())?;
    Ok(solved.reversed_axes())
}

/// Requirements of the critical input in a carved table.
///
/// # Errors
/// [`FootprintError::Leontief`] if the table's Leontief system cannot be solved.
pub fn requirements(carved: &CarveOut) -> Result<Requirements, FootprintError> {
    let table = &carved.table;
    let (n, all) = (table.n_countries(), table.n_sectors());
    let old = carved.sector();
    let (value, tonnes) = (carved.usage.value(), carved.usage.tonnes_by_element());
    let mut direct = Array2::<f64>::zeros((1 + Element::COUNT, n * all));
    for country in 0..n {
        for sector in 0..old {
            let at = table.index(country, sector);
            let output = table.output()[at];
            if output > 0.0 {
                direct[[0, at]] = value[[country, sector]] / output;
                for e in 0..Element::COUNT {
                    direct[[1 + e, at]] = KG_PER_TONNE * tonnes[[country, sector, e]] / output;
                }
            }
        }
    }
    let total = total_requirements(table.input_coefficients().view(), direct.view())?;
    let value_of =
        |rows: &Array2<f64>| Array2::from_shape_fn((n, old), |(c, j)| rows[[0, table.index(c, j)]]);
    let kg_of = |rows: &Array2<f64>| {
        Array3::from_shape_fn((n, old, Element::COUNT), |(c, j, e)| rows[[1 + e, table.index(c, j)]])
    };
    Ok(Requirements {
        countries: table.countries().to_vec(),
        sectors: table.sectors().iter().take(old).cloned().collect(),
        year: table.year(),
        output: Array2::from_shape_fn((n, old), |(c, j)| table.output()[table.index(c, j)]),
        direct_value: value_of(&direct),
        total_value: value_of(&total),
        direct_kg: kg_of(&direct),
        total_kg: kg_of(&total),
    })
}

impl Requirements {
    /// World requirements by sector: means over countries, weighted with output.
    #[must_use]
    pub fn world(&self) -> Vec<SectorRequirement> {
        let use_value = (&self.direct_value * &self.output).sum();
        self.sectors
            .iter()
            .enumerate()
            .map(|(j, sector)| {
                let output = self.output.column(j);
                let mean = |rates: ArrayView1<'_, f64>| {
                    let total = output.sum();
                    if total > 0.0 { rates.dot(&output) / total } else { 0.0 }
                };
                let direct_kg = self.direct_kg.index_axis(Axis(1), j).sum_axis(Axis(1));
                let total_kg = self.total_kg.index_axis(Axis(1), j).sum_axis(Axis(1));
                SectorRequirement {
                    sector: sector.clone(),
                    direct_value: mean(self.direct_value.column(j)),
                    total_value: mean(self.total_value.column(j)),
                    direct_kg: mean(direct_kg.view()),
                    total_kg: mean(total_kg.view()),
                    use_share: self.direct_value.column(j).dot(&output) / use_value,
                }
            })
            .collect()
    }

    /// Mean total requirement of the world's output, USD per USD: the threshold above which a sector is called intensive.
    #[must_use]
    pub fn world_mean(&self) -> f64 {
        (&self.total_value * &self.output).sum() / self.output.sum()
    }
}

/// Footprints of one table under one set of choices.
#[derive(Debug, Clone)]
pub struct Footprint {
    /// Name: the alternative, or the year.
    pub name: String,
    /// Requirements by industry and country.
    pub requirements: Requirements,
    /// Exposure by country.
    pub exposure: Vec<CountryExposure>,
}

/// Requirements and exposure of one table.
///
/// # Errors
/// As [`requirements`] and [`country_exposure`].
pub fn footprint(
    data: &RareEarthData,
    table: &WorldTable,
    choices: &Choices,
) -> Result<Footprint, FootprintError> {
    let carved = data.carve_out(table, choices)?;
    let requirements = requirements(&carved)?;
    let exposure = country_exposure(&carved, &requirements, &data.risk)?;
    Ok(Footprint { name: choices.mapping.clone(), requirements, exposure })
}

/// Footprints under every alternative mapping of the classification, in the order of the file: table B2 side by side.
///
/// # Errors
/// As [`footprint`].
pub fn by_alternative(
    data: &RareEarthData,
    table: &WorldTable,
    choices: &Choices,
) -> Result<Vec<Footprint>, FootprintError> {
    let names = data.alternatives(&choices.classification)?;
    names.into_iter().map(|mapping| footprint(data, table, &Choices { mapping, ..choices.clone() })).collect()
}

/// Footprints by year. `load` gives the table of a year, for example from [`crate::wiod`].
///
/// Before 2007 prices are those of 2007 ([`crate::rare_earths::prices`]): values there are at constant prices, kilograms
/// are not affected.
///
/// # Errors
/// As [`footprint`]; [`FootprintError::Table`] if `load` fails.
pub fn trend<E: std::fmt::Display>(
    data: &RareEarthData,
    choices: &Choices,
    years: impl IntoIterator<Item = i32>,
    mut load: impl FnMut(i32) -> Result<WorldTable, E>,
) -> Result<Vec<Footprint>, FootprintError> {
    let year = |year| {
        let table = load(year).map_err(|e| FootprintError::Table { year, message: e.to_string() })?;
        Ok(Footprint { name: year.to_string(), ..footprint(data, &table, choices)? })
    };
    years.into_iter().map(year).collect()
}

/// Sums over sectors, `[country]`.
fn by_country(values: &Array2<f64>) -> Array1<f64> {
    values.sum_axis(Axis(1))
}
