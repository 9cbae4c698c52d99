//! Price indices of each industry's bundle of rare earths, `pR[j,t]`.
//!
//! An industry's bundle is fixed by what its end uses contain: `q[j,e] = sum_u w[u,j] q[u,e]`, with the mapping's weights `w`
//! and the world's tonnes of 2008 by end use and element. With value shares `mu[j,e]` in the base year, the index is
//!
//! ```text
//! fixed bundle (Laspeyres)     pR[j,t] = sum_e mu[j,e] p[e,t] / p[e,0]
//! geometric (Cobb-Douglas)     pR[j,t] = prod_e (p[e,t] / p[e,0])^mu[j,e]
//! ```
//!
//! The first says that elements cannot replace each other within an industry, the second that they can at unit elasticity.

use ndarray::Array2;

use super::element::words;
use super::{Element, IndustryMapping, Market, RareEarthData, RareEarthError};

words! {
    /// How elements are put together; see the [module](self).
    IndexForm {
        /// Fixed bundle.
        Laspeyres = "fixed bundle",
        /// Constant value shares.
        Geometric = "geometric",
    }
}

/// Price indices by industry and year.
#[derive(Debug, Clone, PartialEq)]
pub struct SectorPrices {
    /// Industry codes with any use, in the order in which the mapping first names them.
    pub sectors: Vec<String>,
    /// Years.
    pub years: Vec<i32>,
    /// Base year, in which every index is 1.
    pub base: i32,
    /// Where the prices hold.
    pub market: Market,
    /// Share of each element in the bundle's tonnes, `[sector, element]`.
    pub tonnes_share: Array2<f64>,
    /// Share of each element in the bundle's value in the base year, `mu[j,e]`, `[sector, element]`.
    pub value_share: Array2<f64>,
    /// Index, `pR[j,t]`, `[sector, year]`.
    pub index: Array2<f64>,
    /// Price of the fixed bundle, USD per kilogram of oxide, `[sector, year]`.
    pub level: Array2<f64>,
}

impl SectorPrices {
    /// Indices for every industry of a mapping.
    ///
    /// # Errors
    /// [`RareEarthError::Missing`] if `base` or a year is outside the price table, or an end use has no tonnes.
    pub fn new(
        data: &RareEarthData,
        mapping: &IndustryMapping,
        market: Market,
        years: &[i32],
        base: i32,
        form: IndexForm,
    ) -> Result<Self, RareEarthError> {
        let (sectors, tonnes) = bundles(data, mapping);
        let at_base = data.prices.prices(market, base)?;
        let shares = |weight: &dyn Fn(usize, usize) -> f64| {
            let mut out = Array2::from_shape_fn((sectors.len(), Element::COUNT), |(j, e)| weight(j, e));
            for mut row in out.outer_iter_mut() {
                let sum = row.sum();
                row /= sum;
            }
            out
        };
        let tonnes_share = shares(&|j, e| tonnes[[j, e]]);
        let value_share = shares(&|j, e| tonnes[[j, e]] * at_base[e]);
        let mut index = Array2::zeros((sectors.len(), years.len()));
        let mut level = index.clone();
        for (t, &year) in years.iter().enumerate() {
            let prices = data.prices.prices(market, year)?;
            for j in 0..sectors.len() {
                level[[j, t]] = tonnes_share.row(j).iter().zip(prices).map(|(q, p)| q * p).sum();
                let terms = value_share.row(j);
                let relatives =
                    terms.iter().zip(prices.iter().zip(at_base)).map(|(mu, (p, p0))| (mu, p / p0));
                index[[j, t]] = match form {
                    IndexForm::Laspeyres => relatives.map(|(mu, r)| mu * r).sum(),
                    IndexForm::Geometric => relatives.map(|(mu, r)| mu * r.ln()).sum::<f64>().exp(),
                };
            }
        }
        Ok(Self { sectors, years: years.to_vec(), base, market, tonnes_share, value_share, index, level })
    }

    /// Index of an industry in a year.
    #[must_use]
    pub fn get(&self, sector: &str, year: i32) -> Option<f64> {
        let j = self.sectors.iter().position(|s| s == sector)?;
        let t = self.years.iter().position(|y| *y == year)?;
        Some(self.index[[j, t]])
    }
}

/// World tonnes of 2008 by industry and element, industries with any use.
fn bundles(data: &RareEarthData, mapping: &IndustryMapping) -> (Vec<String>, Array2<f64>) {
    let used = |weight: &&super::Weight| weight.weight > 0.0;
    let pairs = || data.facts.end_uses.iter().zip(&mapping.end_uses).filter(|(fact, _)| fact.total() > 0.0);
    let mut sectors: Vec<String> = Vec::new();
    for weight in pairs().flat_map(|(_, weights)| weights).filter(used) {
        if !sectors.contains(&weight.code) {
            sectors.push(weight.code.clone());
        }
    }
    let mut tonnes = Array2::zeros((sectors.len(), Element::COUNT));
    for (fact, weights) in pairs() {
        for weight in weights {
            if let Some(j) = sectors.iter().position(|s| *s == weight.code) {
                for (e, fact) in fact.tonnes.iter().enumerate() {
                    tonnes[[j, e]] += weight.weight * fact;
                }
            }
        }
    }
    (sectors, tonnes)
}
