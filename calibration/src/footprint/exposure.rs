//! Country exposure: how much a country uses, how concentrated and how risky its suppliers are, and what stands behind.
//!
//! For country `n` with suppliers' shares `b[n,i]`, restriction risks `r[i]` and use `u[n,j]`:
//!
//! - concentration `HHI = sum_i b^2`; risk-weighted `HHI_r = sum_{i != n} b^2 r`: supplies from home carry no risk;
//! - *value added behind* `sum_j (u[n,j] / u[n]) VA[n,j] / VA[n]`: the share in value added of the sectors that use it,
//!   weighted by their share in use: "economic importance" in the European Commission's criticality method (2017);
//!   the same for exports;
//! - *intensive* value added and exports: those of sectors whose total requirement is above the world's mean;
//! - *embodied*: what is in exports and in final demand, by total requirements.
//!
//! Each exposure index is a measure of use times `HHI_r`.

use ndarray::{Array1, Array2, Axis};

use super::{FootprintError, KG_PER_TONNE, Requirements, by_country};
use crate::rare_earths::{CarveOut, RestrictionRisk};

/// Exposure of one country. Values in million current USD, tonnes of oxide.
#[derive(Debug, Clone, PartialEq)]
pub struct CountryExposure {
    /// Country code.
    pub country: String,
    /// Tonnes used.
    pub use_tonnes: f64,
    /// Value used.
    pub use_value: f64,
    /// Value used over gross domestic product (value added).
    pub use_over_gdp: f64,
    /// Tonnes in exports, by total requirements.
    pub embodied_in_exports_tonnes: f64,
    /// Tonnes in the country's final demand, by total requirements of the goods it buys wherever they were made.
    pub embodied_in_final_demand_tonnes: f64,
    /// Share of value added behind (use-weighted), see the [module](self).
    pub value_added_behind: f64,
    /// Share of exports behind.
    pub exports_behind: f64,
    /// Share of value added in intensive sectors.
    pub value_added_intensive: f64,
    /// Share of exports in intensive sectors.
    pub exports_intensive: f64,
    /// Share of use that comes from home.
    pub home_share: f64,
    /// Share of use that comes from China.
    pub china_share: f64,
    /// Supplier concentration, 0 to 1.
    pub hhi: f64,
    /// Supplier concentration weighted by restriction risk, home without risk, 0 to 1.
    pub risk_hhi: f64,
    /// `use_over_gdp * risk_hhi`.
    pub use_index: f64,
    /// `value_added_behind * risk_hhi`.
    pub value_added_index: f64,
    /// `exports_behind * risk_hhi`.
    pub exports_index: f64,
}

/// Exposure of every country, in the order of the table.
///
/// # Errors
/// [`FootprintError::RareEarth`] if a country has no restriction risk.
pub fn country_exposure(
    carved: &CarveOut,
    requirements: &Requirements,
    risk: &RestrictionRisk,
) -> Result<Vec<CountryExposure>, FootprintError> {
    let table = &carved.table;
    let risks: Vec<f64> = table.countries().iter().map(|c| risk.of(c)).collect::<Result<_, _>>()?;
    let china = table.country("CHN");
    let (value, tonnes) = (carved.usage.value(), carved.usage.total_tonnes());
    // the critical sector itself is not counted: what stands behind it is elsewhere
    let without = |sectors: Array2<f64>| {
        let mut sectors = sectors;
        sectors.remove_index(Axis(1), carved.sector());
        sectors
    };
    let gdp = by_country(&table.value_added_by_country());
    let (added, exports) = (without(table.value_added_by_country()), without(table.exports()));
    let threshold = requirements.world_mean();
    let total_kg = requirements.total_kg.sum_axis(Axis(2));
    let consumed = embodied_in_final_demand(carved, &total_kg);

    let mut out = Vec::with_capacity(table.n_countries());
    for (n, country) in table.countries().iter().enumerate() {
        let shares = carved.supplier_share.row(n);
        let hhi = shares.iter().map(|b| b * b).sum();
        let foreign = shares.iter().zip(&risks).enumerate().filter(|(i, _)| *i != n);
        let risk_hhi: f64 = foreign.map(|(_, (b, r))| b * b * r).sum();
        let used = value.row(n).sum();
        let share = |of: &Array2<f64>, weight: &dyn Fn(usize) -> f64| {
            let total = of.row(n).sum();
            let sum: f64 = of.row(n).iter().enumerate().map(|(j, v)| weight(j) * v).sum();
            if total > 0.0 { sum / total } else { 0.0 }
        };
        let by_use = |j: usize| if used > 0.0 { value[[n, j]] / used } else { 0.0 };
        let intensive = |j: usize| f64::from(u8::from(requirements.total_value[[n, j]] > threshold));
        let (value_added_behind, exports_behind) = (share(&added, &by_use), share(&exports, &by_use));
        let use_over_gdp = if gdp[n] > 0.0 { used / gdp[n] } else { 0.0 };
        out.push(CountryExposure {
            country: country.clone(),
            use_tonnes: tonnes.row(n).sum(),
            use_value: used,
            use_over_gdp,
            embodied_in_exports_tonnes: total_kg.row(n).dot(&exports.row(n)) / KG_PER_TONNE,
            embodied_in_final_demand_tonnes: consumed[n],
            value_added_behind,
            exports_behind,
            value_added_intensive: share(&added, &intensive),
            exports_intensive: share(&exports, &intensive),
            home_share: shares[n],
            china_share: china.map_or(0.0, |c| shares[c]),
            hhi,
            risk_hhi,
            use_index: use_over_gdp * risk_hhi,
            value_added_index: value_added_behind * risk_hhi,
            exports_index: exports_behind * risk_hhi,
        });
    }
    Ok(out)
}

/// Tonnes in final demand by consuming country; sums to the world's use (Leontief).
fn embodied_in_final_demand(carved: &CarveOut, total_kg: &Array2<f64>) -> Array1<f64> {
    let table = &carved.table;
    (0..table.n_countries())
        .map(|buyer| {
            let bought = table.sales_to_final(buyer).sum_axis(Axis(1));
            let kg: f64 = total_kg.indexed_iter().map(|((i, j), kg)| kg * bought[table.index(i, j)]).sum();
            kg / KG_PER_TONNE
        })
        .collect()
}
