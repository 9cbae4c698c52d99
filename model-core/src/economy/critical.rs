//! Inputs that enter production with an elasticity of substitution of their own.

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use super::{EconomyError, EconomyParts, SHARE_TOLERANCE};
use crate::labels::Dims;

/// The critical inputs of an economy: sectors whose goods form one bundle that is combined with everything else,
///
/// ```text
/// c[i,j]  = ( s (pR[i,j]/A_R[i,j])^(1-sigma_j) + (1-s) (x[i,j]/A_X[i,j])^(1-sigma_j) )^(1/(1-sigma_j))
/// pR[i,j] = ( sum_e mu[i,j,e] P[i,e]^(1-eta) )^(1/(1-eta))
/// x[i,j]  = prod_f w[i,f]^gF prod_k P[i,k]^gM                  over all other inputs, shares within them
/// ```
///
/// in hats, with baseline shares `s[i,j] = sum_e gM[i,j,e]` and `mu = gM[i,j,e] / s`, read from the economy's input shares.
/// With `sigma = eta = 1` it is the Cobb-Douglas economy without it. Our specification, after Acemoglu (2002).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriticalInputs {
    /// The sectors that make them, as positions in the labels: one composite, or the elements of one.
    pub sectors: Vec<usize>,
    /// `sigma[j]`: elasticity of substitution between the bundle and everything else in each using sector; below one they are
    /// gross complements.
    pub sigma: Array1<f64>,
    /// `eta`: elasticity of substitution between the elements of the bundle; of no matter with one element.
    pub element_sigma: f64,
    /// Whether a country's elements are joint products of one process, as those of an ore are: their quantities move together,
    /// and their prices share out its revenue,
    ///
    /// ```text
    /// p[i,e] = c[i] lambda[i,e],   Q^[i,e] = Q^[i] for every e,   sum_e Y'[i,e] = c[i] Q^[i] sum_e Y[i,e]
    /// ```
    ///
    /// with `c[i]` the unit cost of the process, whose cost shares all elements have and which uses none of them itself.
    /// What would sell for less than [`WORTHLESS`](Self::WORTHLESS) of its baseline price, relative to that cost, is not sold:
    /// then `lambda` stays there and `Q^[i,e] < Q^[i]`. Without `joint_products` each element is made by itself at its own cost. Of
    /// no matter with one element. Our specification.
    #[serde(default)]
    pub joint_products: bool,
}

impl CriticalInputs {
    /// The least `lambda` of a joint product: what would be worth less stays in the tailings. Without it there may be no
    /// equilibrium, since gross complements are bought in limited amounts however cheap they are.
    pub const WORTHLESS: f64 = 0.01;

    /// One composite input with the same elasticity in every using sector.
    pub fn composite(sector: usize, sigma: f64, sectors: usize) -> Self {
        Self {
            sectors: vec![sector],
            sigma: Array1::from_elem(sectors, sigma),
            element_sigma: 1.0,
            joint_products: false,
        }
    }

    pub(crate) fn check(&self, parts: &EconomyParts) -> Result<(), EconomyError> {
        let labels = &parts.labels;
        let count = labels.sectors().len();
        if self.sigma.len() != count {
            return Err(EconomyError::Shape {
                array: "sigma",
                axes: "sector",
                expected: vec![count],
                found: vec![self.sigma.len()],
            });
        }
        if self.sectors.is_empty() {
            return Err(EconomyError::NoCriticalSector);
        }
        for (k, &sector) in self.sectors.iter().enumerate() {
            if sector >= count || self.sectors[..k].contains(&sector) {
                return Err(EconomyError::CriticalSector { position: sector, sectors: count });
            }
        }
        for (j, &value) in self.sigma.iter().enumerate() {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(EconomyError::Sigma { sector: labels.sectors()[j].clone(), value });
            }
        }
        if !(self.element_sigma >= 0.0 && self.element_sigma.is_finite()) {
            return Err(EconomyError::Sigma {
                sector: "the elements of the bundle".into(),
                value: self.element_sigma,
            });
        }
        if self.joint_products { self.one_process(parts) } else { Ok(()) }
    }

    /// Joint products have the same cost shares wherever they are made.
    fn one_process(&self, parts: &EconomyParts) -> Result<(), EconomyError> {
        let Dims { countries, sectors, factors } = parts.dims();
        for i in 0..countries {
            let made = |e: usize| (0..countries).any(|n| parts.trade_share[[n, i, e]] > 0.0);
            let mut elements = self.sectors.iter().copied().filter(|e| made(*e));
            if self.sectors.len() == 1 {
                return Ok(());
            }
            let name = |s: usize| parts.labels.sectors()[s].clone();
            let country = || parts.labels.countries()[i].clone();
            let uses = |s: usize| self.sectors.iter().any(|e| parts.input_share[[i, s, *e]] > 0.0);
            if let Some(sector) = self.sectors.iter().copied().find(|s| uses(*s)) {
                return Err(EconomyError::ProcessUsesProducts { country: country(), sector: name(sector) });
            }
            let Some(first) = elements.next() else { continue };
            for other in elements {
                let inputs = (0..sectors)
                    .map(|k| (parts.input_share[[i, first, k]] - parts.input_share[[i, other, k]]).abs());
                let factors = (0..factors)
                    .map(|f| (parts.factor_share[[i, first, f]] - parts.factor_share[[i, other, f]]).abs());
                let difference = inputs.chain(factors).fold(0.0, f64::max);
                if difference > SHARE_TOLERANCE {
                    return Err(EconomyError::JointProducts {
                        country: country(),
                        sector: name(other),
                        like: name(first),
                        difference,
                        tolerance: SHARE_TOLERANCE,
                    });
                }
            }
        }
        Ok(())
    }
}
