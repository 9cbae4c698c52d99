//! Caliendo and Parro's first-order welfare terms.

use ndarray::{Array1, Array2, Array3, Axis};

use crate::economy::{Economy, EconomyError};
use crate::equilibrium::Equilibrium;

/// Welfare effects of a tariff change to first order at the baseline (Caliendo and Parro 2015, equation 15 and Table 2).
///
/// With exports `E` and imports `M` at the border (net of tariffs), baseline tariff `t`, hats relative to the baseline:
///
/// ```text
/// ToT[n] = 1/I[n] sum_{i,j} ( E[n->i,j] (c^[n,j] - 1) - M[n,i,j] (c^[i,j] - 1) )
/// VoT[n] = 1/I[n] sum_{i,j} t[n,i,j] ( M'[n,i,j] - M[n,i,j] c^[i,j] )
/// ```
///
/// They add to the exact change only for small shocks; `Equilibrium::real_income_hat` is exact. Export taxes and changes
/// other than of tariffs are not in them: see [`super::decompose`].
#[derive(Clone, Debug, PartialEq)]
pub struct FirstOrder {
    /// Terms of trade of `n` with partner `i` in sector `j`, as a fraction of `I[n]`.
    pub terms_of_trade_by: Array3<f64>,
    /// Volume of trade of `n` with source `i` in sector `j`, as a fraction of `I[n]`.
    pub volume_of_trade_by: Array3<f64>,
    /// Terms of trade by country.
    pub terms_of_trade: Array1<f64>,
    /// Volume of trade by country.
    pub volume_of_trade: Array1<f64>,
    /// Their sum by country.
    pub welfare: Array1<f64>,
    /// `w^[n,f] / P^[n] - 1` with the consumption price index `P`, exact; with one factor the real wage.
    pub real_factor_price: Array2<f64>,
}

/// The first-order terms of `equilibrium`, which is the solution of a shock to `economy`.
///
/// # Errors
/// [`EconomyError::OtherEconomy`].
///
/// ```
/// # use model_core::{Shock, SolverSettings, synthetic::Recipe, welfare::first_order};
/// # let mut state = 7_u64;
/// # let mut uniform = || { state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); (state >> 11) as f64 / (1_u64 << 53) as f64 };
/// # let economy = Recipe { export_tax: (0.0, 0.0), ..Recipe::new(4, 3, 1) }.draw(&mut uniform)?;
/// let mut tariff = economy.tariff().clone();
/// tariff.mapv_inplace(|t| t * 1.001);
/// let shock = Shock { tariff: Some(tariff), ..Shock::default() };
/// let equilibrium = economy.solve(&shock, &SolverSettings::default())?;
/// let terms = first_order(&economy, &equilibrium)?;
/// for (exact, approximate) in equilibrium.real_income_hat.iter().zip(&terms.welfare) {
///     assert!((exact - 1.0 - approximate).abs() < 1e-6);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn first_order(economy: &Economy, equilibrium: &Equilibrium) -> Result<FirstOrder, EconomyError> {
    equilibrium.is_of(economy)?;
    let before = economy.border_flows();
    let after = equilibrium.border_flows();
    let cost = &equilibrium.cost_hat;
    let income = economy.income();
    let mut terms_of_trade_by = Array3::zeros(before.dim());
    let mut volume_of_trade_by = Array3::zeros(before.dim());
    for ((n, i, j), &imports) in before.indexed_iter() {
        let exports = before[[i, n, j]];
        terms_of_trade_by[[n, i, j]] =
            (exports * (cost[[n, j]] - 1.0) - imports * (cost[[i, j]] - 1.0)) / income[n];
        let change = after[[n, i, j]] - imports * cost[[i, j]];
        volume_of_trade_by[[n, i, j]] = economy.tariff()[[n, i, j]] * change / income[n];
    }
    let total = |by: &Array3<f64>| by.sum_axis(Axis(2)).sum_axis(Axis(1));
    let (terms_of_trade, volume_of_trade) = (total(&terms_of_trade_by), total(&volume_of_trade_by));
    Ok(FirstOrder {
        welfare: &terms_of_trade + &volume_of_trade,
        terms_of_trade,
        volume_of_trade,
        terms_of_trade_by,
        volume_of_trade_by,
        real_factor_price: equilibrium.real_factor_price_hat() - 1.0,
    })
}
