//! Derivatives of an equilibrium with respect to anything that it was given.
//!
//! An equilibrium is a fixed point `u = F(u, p)` of the solver's sweep. Its derivative solves the linear equation
//! `du = F_u du + F_p dp` (implicit function theorem). `F_u du` and `F_p dp` are exact: the sweep itself is evaluated in dual
//! numbers, so there is no second set of formulas that could disagree with the first. The linear equation is solved by the same
//! acceleration as the equilibrium, to the same tolerance.
//!
//! Where a restriction binds its wedge moves and its volume does not; where it is slack the reverse. On the edge between the two
//! the derivative is that of the regime that the equilibrium was found in.

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::equilibrium::MarketResidual;
use crate::labels::Dims;

/// A number that an equilibrium depends on, by positions in the labels. Hats and limits are varied in logarithms, rates,
/// elasticities and deficits in levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields say what they are")]
pub enum Parameter {
    /// Trade elasticity `theta_j`.
    Theta { sector: usize },
    /// Elasticity of substitution between sectors in final demand.
    Kappa,
    /// Elasticity of substitution `sigma_j` between the critical inputs and everything else.
    Sigma { sector: usize },
    /// Elasticity of substitution `eta` between the elements of the critical bundle.
    ElementSigma,
    /// Share of a factor in the cost of a sector, in the baseline: the factor's income there moves with it, everything else of
    /// the baseline stays. Shares of a sector sum to one, so that a direction takes from another factor what it gives to this
    /// one, and joint products have the same, so that theirs move together.
    FactorShare { country: usize, sector: usize, factor: usize },
    /// New tariff rate.
    Tariff { importer: usize, exporter: usize, sector: usize },
    /// New export-tax rate.
    ExportTax { importer: usize, exporter: usize, sector: usize },
    /// Log hat of iceberg costs.
    LnIceberg { importer: usize, exporter: usize, sector: usize },
    /// Log hat of productivity.
    LnProductivity { country: usize, sector: usize },
    /// Log hat of an endowment.
    LnEndowment { country: usize, factor: usize },
    /// Log hat of a taste.
    LnPreference { country: usize, sector: usize },
    /// New deficit, where deficits are levels.
    Deficit { country: usize },
    /// Log of a restriction's limit, volume or wedge, by its place in the shock.
    LnLimit { restriction: usize },
    /// A restriction's rent share.
    RentShare { restriction: usize },
    /// `lambda`.
    Lambda,
    /// `phi`.
    Phi,
    /// `xi`.
    Xi,
    /// Given `ln A_R`.
    LnCriticalAugmentation { country: usize, sector: usize },
    /// Given `ln A_X`.
    LnOtherAugmentation { country: usize, sector: usize },
}

impl Parameter {
    /// Whether an economy of this size and a shock with so many restrictions have it.
    pub(crate) fn exists(&self, dims: Dims, restrictions: usize) -> bool {
        let Dims { countries, sectors, factors } = dims;
        let flow = |n: usize, i: usize, j: usize| n < countries && i < countries && j < sectors;
        match *self {
            Self::Kappa | Self::ElementSigma | Self::Lambda | Self::Phi | Self::Xi => true,
            Self::Theta { sector } | Self::Sigma { sector } => sector < sectors,
            Self::FactorShare { country, sector, factor } => {
                country < countries && sector < sectors && factor < factors
            }
            Self::Tariff { importer, exporter, sector }
            | Self::ExportTax { importer, exporter, sector }
            | Self::LnIceberg { importer, exporter, sector } => flow(importer, exporter, sector),
            Self::LnProductivity { country, sector }
            | Self::LnPreference { country, sector }
            | Self::LnCriticalAugmentation { country, sector }
            | Self::LnOtherAugmentation { country, sector } => country < countries && sector < sectors,
            Self::LnEndowment { country, factor } => country < countries && factor < factors,
            Self::Deficit { country } => country < countries,
            Self::LnLimit { restriction } | Self::RentShare { restriction } => restriction < restrictions,
        }
    }
}

/// Derivatives of an equilibrium in one direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// `d ln W[n]`: welfare.
    pub ln_real_income: Array1<f64>,
    /// `d ln P[n,j]`.
    pub ln_price: Array2<f64>,
    /// `d ln c[i,j]`.
    pub ln_cost: Array2<f64>,
    /// `d ln w[n,f]`.
    pub ln_factor_price: Array2<f64>,
    /// `d X[n,j]`, in the baseline's unit.
    pub expenditure: Array2<f64>,
    /// `d Y[i,j]`.
    pub output: Array2<f64>,
    /// `d I[n]`.
    pub income: Array1<f64>,
    /// `d ln A_R[i,j]` and `d ln A_X[i,j]`, where there are critical inputs.
    pub ln_augmentation: Option<(Array2<f64>, Array2<f64>)>,
    /// `d s'[i,j]`, where there are critical inputs.
    pub critical_share: Option<Array2<f64>>,
    /// `d ln mu` of each restriction.
    pub ln_wedge: Array1<f64>,
    /// `d ln V` of each restriction's volume.
    pub ln_volume: Array1<f64>,
    /// Rents that each country receives, `d`.
    pub quota_rent: Array1<f64>,
    /// How well the linear equation holds, by kind of condition, relative to the size of the derivative.
    pub residual: MarketResidual,
    /// Sweeps that it took, together with the directions that were asked for beside it.
    pub iterations: usize,
}
