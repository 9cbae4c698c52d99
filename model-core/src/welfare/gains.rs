//! Gains from trade against autarky, in closed form.

use linalg::{LinalgError, Lu};
use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::economy::Economy;
use crate::labels::Dims;

/// Which model's formula.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum GainsModel {
    /// One sector, no inputs: `W^ = pi_nn^(1/theta)` on the domestic share of all spending.
    OneSector {
        /// The one trade elasticity, positive.
        theta: f64,
    },
    /// Many sectors, no inputs: `W^ = prod_j pi_nn,j^(e_j / theta_j)`, `e` shares of sectors in all spending.
    MultiSector,
    /// Many sectors with inputs: `W^ = prod_j prod_k pi_nn,k^(alpha_j b_jk / theta_k)`, `b` the Leontief inverse of the
    /// cost shares.
    MultiSectorInputs,
}

/// Share of real income that each country would lose by going to autarky, `1 - W^`, from Arkolakis, Costinot and
/// Rodriguez-Clare (2012) and Costinot and Rodriguez-Clare (2014).
///
/// The formulas are exact in the model that they belong to without tariffs and deficits: demand and production are Cobb-Douglas
/// across sectors, so that neither `kappa` nor the elasticities of critical inputs enter. A country without a domestic supplier of
/// something that it needs loses everything: 1.
///
/// # Errors
/// [`LinalgError`] if a country's input shares have no Leontief inverse, as when some sectors use no factors.
pub fn gains_from_trade(economy: &Economy, model: GainsModel) -> Result<Array1<f64>, LinalgError> {
    let Dims { countries, sectors, .. } = economy.dims();
    let spending = economy.expenditure().sum_axis(Axis(1));
    let mut gains = Array1::zeros(countries);
    for n in 0..countries {
        let domestic = |j: usize| economy.trade_share()[[n, n, j]];
        let ln_welfare = match model {
            GainsModel::OneSector { theta } => {
                let at_home: f64 = (0..sectors).map(|j| economy.expenditure()[[n, j]] * domestic(j)).sum();
                (at_home / spending[n]).ln() / theta
            }
            GainsModel::MultiSector => {
                weighted(economy, domestic, |j| economy.expenditure()[[n, j]] / spending[n])
            }
            GainsModel::MultiSectorInputs => {
                let mut matrix = Array2::eye(sectors);
                for ((j, k), value) in matrix.indexed_iter_mut() {
                    *value -= economy.input_share()[[n, j, k]];
                }
                // Row vector alpha (I - gM)^-1: what a unit of final spending takes of every sector.
                let weight =
                    Lu::well_conditioned(matrix.view())?.solve_transpose(economy.final_share().row(n))?;
                weighted(economy, domestic, |k| weight[k])
            }
        };
        gains[n] = -f64::exp_m1(ln_welfare);
    }
    Ok(gains)
}

/// `sum_j weight_j / theta_j ln pi_nn,j` over the sectors with weight.
fn weighted(economy: &Economy, domestic: impl Fn(usize) -> f64, weight: impl Fn(usize) -> f64) -> f64 {
    (0..economy.dims().sectors)
        .filter(|&j| weight(j) != 0.0)
        .map(|j| weight(j) / economy.theta()[j] * domestic(j).ln())
        .sum()
}
