//! Inputs that enter production with an elasticity of substitution of their own.

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use super::{EconomyError, EconomyParts};

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
}

impl CriticalInputs {
    /// One composite input with the same elasticity in every using sector.
    pub fn composite(sector: usize, sigma: f64, sectors: usize) -> Self {
        Self { sectors: vec![sector], sigma: Array1::from_elem(sectors, sigma), element_sigma: 1.0 }
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
        Ok(())
    }
}
