//! A path and its derivative, chained year by year: the equilibrium's own derivative, then the stocks of knowledge.

use counterfactuals::scenario::Question;
use counterfactuals::{Path, PathYear};
use model_core::{Economy, Innovation, Parameter, Sensitivity, SolveError, SolverSettings};
use ndarray::Array2;

/// Which way the parameters move.
#[derive(Debug, Clone, Default)]
pub(super) struct Direction {
    pub(super) sigma: f64,
    pub(super) lambda: f64,
    pub(super) phi: f64,
    pub(super) xi: f64,
    pub(super) delta: f64,
    /// What else moves in each year's equilibrium; nothing in years that it does not reach.
    pub(super) others: Vec<Vec<(Parameter, f64)>>,
}

impl Direction {
    /// One of the first five parameters alone.
    pub(super) fn of(k: usize) -> Self {
        let on = |at: usize| f64::from(u8::from(at == k));
        Self { sigma: on(0), lambda: on(1), phi: on(2), xi: on(3), delta: on(4), others: Vec::new() }
    }
}

/// A year's derivative.
pub(super) struct YearTangent {
    pub(super) sensitivity: Sensitivity,
    /// `d ln K_R` at the start of the year.
    pub(super) ln_stock: Array2<f64>,
    /// `d ln A_R` and `d ln A_X`.
    pub(super) ln_augmentation: (Array2<f64>, Array2<f64>),
}

/// The derivatives of a path of free entry with national knowledge, `[direction][year]`: research on everything else does not
/// move.
pub(super) fn tangents(
    question: &Question,
    path: &Path,
    directions: &[Direction],
    settings: &SolverSettings,
) -> Result<Vec<Vec<YearTangent>>, SolveError> {
    let economy = &question.economy;
    let dims = economy.dims();
    let mut ln_stock = vec![Array2::<f64>::zeros((dims.countries, dims.sectors)); directions.len()];
    let mut all: Vec<Vec<YearTangent>> = directions.iter().map(|_| Vec::new()).collect();
    let Some((dynamics, innovation)) =
        question.dynamics.as_ref().and_then(|d| d.technology.innovation().map(|i| (d, i)))
    else {
        return Ok(all);
    };
    for (t, year) in path.years.iter().enumerate() {
        let along = directions.iter().zip(&ln_stock);
        let moved: Vec<Moved> =
            along.map(|(d, stock)| Moved::new(year, innovation, d, d.others.get(t), stock)).collect();
        let moves: Vec<&[(Parameter, f64)]> = moved.iter().map(|m| m.parameters.as_slice()).collect();
        let found = economy.sensitivities(&year.shock, &year.equilibrium, &moves, settings)?;
        let (stock, flow) = (&year.stocks.critical, &year.innovations.critical);
        let next =
            (stock * (1.0 - dynamics.delta) + flow * (dynamics.delta + dynamics.g)) / (1.0 + dynamics.g);
        for (k, (sensitivity, moved)) in found.into_iter().zip(moved).enumerate() {
            let direction = &directions[k];
            let ln_flow = innovations(economy, year, &sensitivity, innovation.lambda, direction.lambda);
            let change = (stock * &ln_stock[k] * (1.0 - dynamics.delta) - stock * direction.delta
                + flow * &ln_flow * (dynamics.delta + dynamics.g)
                + flow * direction.delta)
                / (1.0 + dynamics.g);
            let before = std::mem::replace(&mut ln_stock[k], change / &next);
            let ln_augmentation = (moved.critical, moved.other);
            all[k].push(YearTangent { sensitivity, ln_stock: before, ln_augmentation });
        }
    }
    Ok(all)
}

/// What moves in a year's equilibrium.
struct Moved {
    /// `d ln A_R` and `d ln A_X`.
    critical: Array2<f64>,
    other: Array2<f64>,
    parameters: Vec<(Parameter, f64)>,
}

impl Moved {
    fn new(
        year: &PathYear,
        innovation: &Innovation,
        direction: &Direction,
        others: Option<&Vec<(Parameter, f64)>>,
        ln_stock: &Array2<f64>,
    ) -> Self {
        let ln_k = year.stocks.critical.mapv(f64::ln);
        let critical = &ln_k * direction.phi + ln_stock * innovation.phi;
        let other = &ln_k * direction.xi + ln_stock * innovation.xi;
        let mut moves = others.cloned().unwrap_or_default();
        if direction.sigma != 0.0 {
            let sectors = 0..critical.ncols();
            moves.extend(sectors.map(|sector| (Parameter::Sigma { sector }, direction.sigma)));
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
        Self { critical, other, parameters: moves }
    }
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
