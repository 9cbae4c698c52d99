//! A path and its derivative, chained year by year: the equilibrium's own derivative, then the stocks of knowledge.

use counterfactuals::scenario::Question;
use counterfactuals::{Path, PathYear};
use model_core::{Economy, Parameter, Sensitivity, SolveError, SolverSettings};
use ndarray::Array2;

/// Which way the parameters move.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Direction {
    pub(super) sigma: f64,
    pub(super) lambda: f64,
    pub(super) phi: f64,
    pub(super) xi: f64,
    pub(super) delta: f64,
}

/// A year's derivative.
pub(super) struct YearTangent {
    pub(super) sensitivity: Sensitivity,
    /// `d ln K_R` at the start of the year.
    pub(super) ln_stock: Array2<f64>,
    /// `d ln A_R` and `d ln A_X`.
    pub(super) ln_augmentation: (Array2<f64>, Array2<f64>),
}

/// The derivative of a path of free entry with national knowledge: research on everything else does not move.
pub(super) fn tangent(
    question: &Question,
    path: &Path,
    direction: Direction,
    settings: &SolverSettings,
) -> Result<Vec<YearTangent>, SolveError> {
    let economy = &question.economy;
    let dims = economy.dims();
    let mut ln_stock = Array2::<f64>::zeros((dims.countries, dims.sectors));
    let mut all = Vec::with_capacity(path.years.len());
    let Some((dynamics, innovation)) =
        question.dynamics.as_ref().and_then(|d| d.technology.innovation().map(|i| (d, i)))
    else {
        return Ok(all);
    };
    for year in &path.years {
        let ln_k = year.stocks.critical.mapv(f64::ln);
        let critical = &ln_k * direction.phi + &ln_stock * innovation.phi;
        let other = &ln_k * direction.xi + &ln_stock * innovation.xi;
        let mut moves = Vec::new();
        if direction.sigma != 0.0 {
            moves.extend((0..dims.sectors).map(|sector| (Parameter::Sigma { sector }, direction.sigma)));
        }
        for ((country, sector), by) in critical.indexed_iter().filter(|(_, by)| **by != 0.0) {
            moves.push((Parameter::LnCriticalAugmentation { country, sector }, *by));
            moves.push((Parameter::LnOtherAugmentation { country, sector }, other[[country, sector]]));
        }
        for ((country, sector), by) in other.indexed_iter() {
            if *by != 0.0 && critical[[country, sector]] == 0.0 {
                moves.push((Parameter::LnOtherAugmentation { country, sector }, *by));
            }
        }
        let sensitivity = economy.sensitivity(&year.shock, &year.equilibrium, &moves, settings)?;
        let ln_flow = innovations(economy, year, &sensitivity, innovation.lambda, direction.lambda);
        let (stock, flow) = (&year.stocks.critical, &year.innovations.critical);
        let next =
            (stock * (1.0 - dynamics.delta) + flow * (dynamics.delta + dynamics.g)) / (1.0 + dynamics.g);
        let moved = (stock * &ln_stock * (1.0 - dynamics.delta) - stock * direction.delta
            + flow * &ln_flow * (dynamics.delta + dynamics.g)
            + flow * direction.delta)
            / (1.0 + dynamics.g);
        let before = std::mem::replace(&mut ln_stock, moved / next);
        all.push(YearTangent { sensitivity, ln_stock: before, ln_augmentation: (critical, other) });
    }
    Ok(all)
}

/// `d ln nu_R` with `nu_R = (E_R / P_Z)^lambda`, paid in the final good.
fn innovations(
    economy: &Economy,
    year: &PathYear,
    sensitivity: &Sensitivity,
    lambda: f64,
    by: f64,
) -> Array2<f64> {
    let equilibrium = &year.equilibrium;
    let shares = economy.critical_share();
    let (Some(outcome), Some(share)) = (&equilibrium.critical, &sensitivity.critical_share) else {
        return Array2::zeros(shares.dim());
    };
    Array2::from_shape_fn(shares.dim(), |(n, j)| {
        if shares[[n, j]] <= 0.0 || economy.output()[[n, j]] <= 0.0 {
            return 0.0;
        }
        let price = sensitivity.income[n] / equilibrium.income[n] - sensitivity.ln_real_income[n];
        let effort = share[[n, j]] / outcome.share[[n, j]]
            + sensitivity.output[[n, j]] / equilibrium.output[[n, j]]
            - price;
        let ln_effort = if lambda > 0.0 { year.innovations.critical[[n, j]].ln() / lambda } else { 0.0 };
        lambda * effort + by * ln_effort
    })
}
