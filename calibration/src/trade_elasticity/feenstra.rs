//! The elasticity of substitution between varieties of a good from the second moments of prices and shares.
//!
//! With `Dk` the change over a year less that of a reference variety `k`, demand is `Dk ln s = -(sigma - 1) Dk ln p + e` and
//! supply `Dk ln p = omega/(1+omega) Dk ln s + d`. If `e` and `d` are independent (Feenstra 1994, equation 11),
//!
//! `(Dk ln p)^2 = theta1 (Dk ln s)^2 + theta2 (Dk ln p)(Dk ln s) + u`,
//! `theta1 = rho / ((sigma-1)^2 (1-rho))`, `theta2 = (2 rho - 1) / ((sigma-1)(1-rho))`, `0 <= rho < (sigma-1)/sigma`,
//!
//! and varieties whose shocks have different relative variances identify it: indicators of varieties are the instruments.
//!
//! - [`Estimator::Feenstra`]: two-stage least squares with a constant, that is, least squares on means over time.
//! - [`Estimator::BrodaWeinstein`]: means over time weighted by `T^(3/2) / (1/q_t + 1/q_t-1)^(1/2)`, with a term in
//!   `1/q_t + 1/q_t-1` for errors of measurement in place of the constant.
//! - [`Estimator::Soderbery`]: limited-information maximum likelihood, for which many instruments and few years are less of a
//!   bias.
//!
//! Where the estimates have no `sigma > 1` and `rho` in its range, the same criterion is minimised over the range, as Broda and
//! Weinstein do by a grid and Soderbery by constrained LIML; such a market is [`MarketEstimate::constrained`] and has no
//! variance. Otherwise the variance is clustered by exporter, over all markets at once, by the delta method.
//!
//! The sampling variance treats the shocks of the reference variety as given.

use super::unit_values::{Design, Market, Markets, Sale, simulate};
use estimation::Estimates;
use estimation::distribution::Reference;
use linalg::{LinalgError, SymmetricEigen, inverse};
use ndarray::{Array1, Array2, array};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Which estimator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Estimator {
    /// Feenstra (1994).
    Feenstra,
    /// Broda and Weinstein (2006).
    BrodaWeinstein,
    /// Soderbery (2015).
    Soderbery,
}

impl Estimator {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Feenstra, Self::BrodaWeinstein, Self::Soderbery];

    /// How tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feenstra => "Feenstra (2SLS)",
            Self::BrodaWeinstein => "Broda-Weinstein",
            Self::Soderbery => "Soderbery (LIML)",
        }
    }
}

/// Why a market has no estimate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ElasticityError {
    /// Too few varieties with two years in a row.
    #[error(
        "market {market}: {varieties} varieties have sales in two years in a row beside the reference; three are needed"
    )]
    Varieties {
        /// The market.
        market: String,
        /// How many there are.
        varieties: usize,
    },
    /// The moments do not tell the parameters apart.
    #[error("market {market}: the variances of prices and shares do not differ enough by variety")]
    Unidentified {
        /// The market.
        market: String,
        /// What the linear algebra said.
        source: LinalgError,
    },
    /// No market has an estimate with a variance.
    #[error("no market has an estimate inside the range of the parameters, so there is no covariance")]
    NoCovariance,
    /// The estimation crate refused.
    #[error(transparent)]
    Estimation(#[from] estimation::EstimationError),
}

/// The estimate of one market.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketEstimate {
    /// The market.
    pub market: String,
    /// Elasticity of substitution.
    pub sigma: f64,
    /// `omega (sigma - 1) / (1 + omega sigma)`.
    pub rho: f64,
    /// Whether the criterion had to be minimised over the range of the parameters.
    pub constrained: bool,
    /// Varieties, the reference not among them.
    pub varieties: usize,
    /// Varieties times years.
    pub observations: usize,
    /// Influence of each exporter on `sigma`; empty when constrained.
    influence: BTreeMap<String, f64>,
}

impl MarketEstimate {
    /// Inverse elasticity of supply, `rho / (sigma - 1 - sigma rho)`.
    pub fn omega(&self) -> f64 {
        self.rho / (self.sigma - 1.0 - self.sigma * self.rho)
    }

    /// Standard error of `sigma`; `None` when constrained.
    pub fn std_error(&self) -> Option<f64> {
        let sum: f64 = self.influence.values().map(|i| i * i).sum();
        (!self.constrained).then(|| sum.sqrt())
    }
}

/// Moments of one variety.
struct Variety {
    exporter: String,
    /// `[year][y, x1, x2]`.
    rows: Vec<[f64; 3]>,
    /// Mean of `1/q_t + 1/q_t-1`.
    inverse_quantity: f64,
}

impl Variety {
    fn mean(&self) -> [f64; 3] {
        let n = self.rows.len() as f64;
        std::array::from_fn(|k| self.rows.iter().map(|row| row[k]).sum::<f64>() / n)
    }
}

/// Estimates every market; those that cannot be are returned with the reason.
pub fn estimate(markets: &Markets, estimator: Estimator) -> (Vec<MarketEstimate>, Vec<ElasticityError>) {
    let mut estimates = Vec::new();
    let mut failed = Vec::new();
    for (name, market) in markets {
        match estimate_market(name, market, estimator) {
            Ok(estimate) => estimates.push(estimate),
            Err(error) => failed.push(error),
        }
    }
    (estimates, failed)
}

/// The elasticities with their joint covariance, clustered by exporter: shocks to an exporter reach all its markets. Markets at
/// the edge of the range are left out.
///
/// # Errors
/// [`ElasticityError::NoCovariance`] when none is left.
pub fn joint(estimates: &[MarketEstimate]) -> Result<Estimates, ElasticityError> {
    let inside: Vec<&MarketEstimate> = estimates.iter().filter(|e| !e.constrained).collect();
    if inside.is_empty() {
        return Err(ElasticityError::NoCovariance);
    }
    let mut by_exporter: BTreeMap<&str, Array1<f64>> = BTreeMap::new();
    for (position, estimate) in inside.iter().enumerate() {
        for (exporter, influence) in &estimate.influence {
            by_exporter.entry(exporter).or_insert_with(|| Array1::zeros(inside.len()))[position] += influence;
        }
    }
    let mut covariance = Array2::zeros((inside.len(), inside.len()));
    for influence in by_exporter.values() {
        for ((a, b), cell) in covariance.indexed_iter_mut() {
            *cell += influence[a] * influence[b];
        }
    }
    let names = inside.iter().map(|e| e.market.clone()).collect();
    let values = inside.iter().map(|e| e.sigma).collect();
    let label = format!("clustered by exporter ({}), over markets", by_exporter.len());
    Ok(Estimates::new(names, values, covariance, label, Reference::Normal)?)
}

/// Estimates one market.
///
/// # Errors
/// [`ElasticityError`] naming the market.
pub fn estimate_market(
    name: &str,
    market: &Market,
    estimator: Estimator,
) -> Result<MarketEstimate, ElasticityError> {
    let varieties = differences(market);
    if varieties.len() < 3 {
        return Err(ElasticityError::Varieties { market: name.to_owned(), varieties: varieties.len() });
    }
    let unidentified = |source| ElasticityError::Unidentified { market: name.to_owned(), source };
    let criterion = Criterion::new(&varieties, estimator);
    let (theta, lambda) = criterion.minimise().map_err(unidentified)?;
    let free = parameters(theta);
    let (sigma, rho) = free.unwrap_or_else(|| criterion.minimise_in_range());
    let mut influence = BTreeMap::new();
    if free.is_some() {
        let scores = criterion.influence(&varieties, theta, lambda).map_err(unidentified)?;
        let slopes = inverse(jacobian(sigma, rho).view()).map_err(unidentified)?;
        for (variety, of_theta) in varieties.iter().zip(scores) {
            influence.insert(variety.exporter.clone(), slopes.row(0).dot(&of_theta));
        }
    }
    Ok(MarketEstimate {
        market: name.to_owned(),
        sigma,
        rho,
        constrained: free.is_none(),
        varieties: varieties.len(),
        observations: varieties.iter().map(|v| v.rows.len()).sum(),
        influence,
    })
}

/// Squares and products of changes less those of the reference: the variety with most years, of these the largest.
fn differences(market: &Market) -> Vec<Variety> {
    let size = |sales: &BTreeMap<i32, Sale>| sales.values().map(|s| s.value).sum::<f64>();
    let mut totals: BTreeMap<i32, f64> = BTreeMap::new();
    for sales in market.varieties.values() {
        sales.iter().for_each(|(year, sale)| *totals.entry(*year).or_default() += sale.value);
    }
    let reference = market
        .varieties
        .iter()
        .max_by(|(_, a), (_, b)| a.len().cmp(&b.len()).then(size(a).total_cmp(&size(b))));
    let Some((reference, base)) = reference else { return Vec::new() };
    // Changes of log price and log share between a year and the one before.
    let change = |sales: &BTreeMap<i32, Sale>, year: i32| -> Option<(f64, f64)> {
        let (now, before) = (sales.get(&year)?, sales.get(&(year - 1))?);
        let price = |s: &Sale| (s.value / s.quantity).ln();
        let share = |s: &Sale, year: i32| (s.value / totals.get(&year).copied().unwrap_or(s.value)).ln();
        Some((price(now) - price(before), share(now, year) - share(before, year - 1)))
    };
    let mut varieties = Vec::new();
    for (exporter, sales) in market.varieties.iter().filter(|(name, _)| *name != reference) {
        let mut variety = Variety { exporter: exporter.clone(), rows: Vec::new(), inverse_quantity: 0.0 };
        for &year in sales.keys() {
            if let (Some((p, q)), Some((pk, qk))) = (change(sales, year), change(base, year)) {
                let (price, share) = (p - pk, q - qk);
                variety.rows.push([price * price, share * share, price * share]);
                let inverse = |year: i32| sales.get(&year).map_or(0.0, |s| 1.0 / s.quantity);
                variety.inverse_quantity += inverse(year) + inverse(year - 1);
            }
        }
        if !variety.rows.is_empty() {
            variety.inverse_quantity /= variety.rows.len() as f64;
            varieties.push(variety);
        }
    }
    varieties
}

/// `between` and `within` hold `sum w (y, x1, x2)(y, x1, x2)'`, between varieties net of the constant (or its substitute), and
/// within them; `a = (1, -theta1, -theta2)`. The criterion is `a'between a`, for LIML over `a'within a`.
struct Criterion {
    estimator: Estimator,
    between: Array2<f64>,
    within: Array2<f64>,
    /// By variety: weight and means net of the constant.
    means: Vec<(f64, Array1<f64>)>,
}

impl Criterion {
    fn new(varieties: &[Variety], estimator: Estimator) -> Self {
        let mut means: Vec<(f64, Array1<f64>)> = Vec::with_capacity(varieties.len());
        let mut constant = Vec::with_capacity(varieties.len());
        for variety in varieties {
            let t = variety.rows.len() as f64;
            let (weight, one) = match estimator {
                Estimator::BrodaWeinstein => (t.powi(3) / variety.inverse_quantity, variety.inverse_quantity),
                _ => (t, 1.0),
            };
            means.push((weight, Array1::from(variety.mean().to_vec())));
            constant.push(one);
        }
        // Take the constant, or what stands for it, out of the means.
        let norm: f64 = means.iter().zip(&constant).map(|((w, _), c)| w * c * c).sum();
        let mut slope = Array1::<f64>::zeros(3);
        for ((w, mean), c) in means.iter().zip(&constant) {
            slope.scaled_add(w * c / norm, mean);
        }
        for ((_, mean), c) in means.iter_mut().zip(&constant) {
            mean.scaled_add(-c, &slope);
        }
        let mut between = Array2::zeros((3, 3));
        means.iter().for_each(|(w, m)| add_square(&mut between, *w, m));
        let mut within = Array2::zeros((3, 3));
        for variety in varieties {
            let mean = Array1::from(variety.mean().to_vec());
            for row in &variety.rows {
                add_square(&mut within, 1.0, &(Array1::from(row.to_vec()) - &mean));
            }
        }
        Self { estimator, between, within, means }
    }

    /// The unconstrained minimum: `theta`, and LIML's smallest root (zero for least squares).
    fn minimise(&self) -> Result<([f64; 2], f64), LinalgError> {
        let lambda = match self.estimator {
            Estimator::Soderbery => {
                let root =
                    SymmetricEigen::new(self.within.view())?.map(|l| 1.0 / l.max(f64::MIN_POSITIVE).sqrt());
                let ratio = root.dot(&self.between).dot(&root);
                SymmetricEigen::new(ratio.view())?.values.first().copied().unwrap_or(0.0).max(0.0)
            }
            _ => 0.0,
        };
        let matrix = &self.between - &(lambda * &self.within);
        let theta = inverse(block(&matrix).view())?.dot(&array![matrix[[1, 0]], matrix[[2, 0]]]);
        Ok(([theta[0], theta[1]], lambda))
    }

    fn value(&self, sigma: f64, rho: f64) -> f64 {
        let theta = coefficients(sigma, rho);
        let a = array![1.0, -theta[0], -theta[1]];
        let between = a.dot(&self.between.dot(&a));
        match self.estimator {
            Estimator::Soderbery => between / a.dot(&self.within.dot(&a)),
            _ => between,
        }
    }

    /// The minimum over `1 < sigma <= 131`, `0 <= rho < (sigma-1)/sigma`, by grids that close in on it.
    fn minimise_in_range(&self) -> (f64, f64) {
        const POINTS: usize = 60;
        let bounds = ((0.05_f64).ln(), (130.0_f64).ln());
        let (mut low, mut high) = ([bounds.0, 0.0], [bounds.1, 0.999]);
        let mut best = (f64::INFINITY, [0.0; 2]);
        for _ in 0..6 {
            for i in 0..=POINTS {
                for j in 0..=POINTS {
                    let at = |k: usize, n: usize| low[k] + (high[k] - low[k]) * n as f64 / POINTS as f64;
                    let point = [at(0, i), at(1, j)];
                    let sigma = 1.0 + point[0].exp();
                    let value = self.value(sigma, point[1] * (sigma - 1.0) / sigma);
                    if value < best.0 {
                        best = (value, point);
                    }
                }
            }
            for k in 0..2 {
                let reach = 2.0 * (high[k] - low[k]) / POINTS as f64;
                let limits = if k == 0 { bounds } else { (0.0, 0.999) };
                (low[k], high[k]) = ((best.1[k] - reach).max(limits.0), (best.1[k] + reach).min(limits.1));
            }
        }
        let sigma = 1.0 + best.1[0].exp();
        (sigma, best.1[1] * (sigma - 1.0) / sigma)
    }

    /// What each variety contributes to the error of `theta`: `H^-1` times its score, times `(G / (G-3))^(1/2)` for the three
    /// coefficients that `G` varieties estimate.
    fn influence(
        &self,
        varieties: &[Variety],
        theta: [f64; 2],
        lambda: f64,
    ) -> Result<Vec<Array1<f64>>, LinalgError> {
        let matrix = &self.between - &(lambda * &self.within);
        let bread = inverse(block(&matrix).view())?;
        let a = array![1.0, -theta[0], -theta[1]];
        let count = varieties.len() as f64;
        let small = (count / (count - 3.0).max(1.0)).sqrt();
        Ok(varieties
            .iter()
            .zip(&self.means)
            .map(|(variety, (weight, mean))| {
                let mut score = *weight * a.dot(mean) * array![mean[1], mean[2]];
                if lambda > 0.0 {
                    let centre = Array1::from(variety.mean().to_vec());
                    for row in &variety.rows {
                        let row = Array1::from(row.to_vec()) - &centre;
                        score.scaled_add(-lambda * a.dot(&row), &array![row[1], row[2]]);
                    }
                }
                bread.dot(&score) * small
            })
            .collect())
    }
}

/// The rows and columns of the regressors.
fn block(matrix: &Array2<f64>) -> Array2<f64> {
    array![[matrix[[1, 1]], matrix[[1, 2]]], [matrix[[2, 1]], matrix[[2, 2]]]]
}

/// Adds `weight v v'`.
pub(super) fn add_square(matrix: &mut Array2<f64>, weight: f64, v: &Array1<f64>) {
    for ((i, j), cell) in matrix.indexed_iter_mut() {
        *cell += weight * v[i] * v[j];
    }
}

/// `theta` from `sigma` and `rho`.
fn coefficients(sigma: f64, rho: f64) -> [f64; 2] {
    [rho / ((sigma - 1.0).powi(2) * (1.0 - rho)), (2.0 * rho - 1.0) / ((sigma - 1.0) * (1.0 - rho))]
}

/// `sigma` and `rho` from `theta` (Feenstra 1994, proposition 2); `None` where they are out of range.
fn parameters([theta1, theta2]: [f64; 2]) -> Option<(f64, f64)> {
    if theta1 <= 0.0 || !theta1.is_finite() || !theta2.is_finite() {
        return None;
    }
    let root = (0.25 - 1.0 / (4.0 + theta2 * theta2 / theta1)).max(0.0).sqrt();
    let rho = if theta2 > 0.0 { 0.5 + root } else { 0.5 - root };
    // `(2 rho - 1)/theta2` has no value at `theta2 = 0`; from `theta1` the same number comes without division by it.
    let sigma = 1.0 + (rho / (theta1 * (1.0 - rho))).sqrt();
    (sigma.is_finite() && sigma > 1.0 && rho > 0.0 && rho < (sigma - 1.0) / sigma).then_some((sigma, rho))
}

/// `d(theta1, theta2) / d(sigma, rho)`.
fn jacobian(sigma: f64, rho: f64) -> Array2<f64> {
    let (b, c) = (sigma - 1.0, 1.0 - rho);
    array![
        [-2.0 * rho / (b.powi(3) * c), 1.0 / (b * b * c * c)],
        [-(2.0 * rho - 1.0) / (b * b * c), 1.0 / (b * c * c)]
    ]
}

/// What replications say about an estimator of `sigma`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Performance {
    /// Replications with an estimate.
    pub replications: usize,
    /// Median of the estimates less the truth, relative to the truth.
    pub median_bias: f64,
    /// Mean of the estimates less the truth, relative; estimates at the edge of the range can dominate it.
    pub mean_bias: f64,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Share of estimates that had to be constrained.
    pub constrained: f64,
    /// Share of intervals of 95 percent that hold the truth, among estimates with a variance.
    pub coverage: f64,
}

/// Simulates a market again and again and estimates it; replication `r` depends on the seed and `r` alone.
pub fn performance(design: &Design, estimator: Estimator, replications: usize, seed: u64) -> Performance {
    let estimates: Vec<MarketEstimate> = (0..replications as u64)
        .into_par_iter()
        .filter_map(|r| {
            let market = simulate(design, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(r));
            estimate_market("simulated", &market, estimator).ok()
        })
        .collect();
    let n = estimates.len() as f64;
    let mut relative: Vec<f64> = estimates.iter().map(|e| e.sigma / design.sigma - 1.0).collect();
    relative.sort_by(f64::total_cmp);
    let middle = relative.len() / 2;
    let errors: Vec<f64> = estimates.iter().map(|e| e.sigma - design.sigma).collect();
    let with_variance: Vec<bool> = estimates
        .iter()
        .filter_map(|e| Some((e.sigma - design.sigma).abs() <= 1.959_964 * e.std_error()?))
        .collect();
    Performance {
        replications: estimates.len(),
        median_bias: relative.get(middle).copied().unwrap_or(f64::NAN),
        mean_bias: relative.iter().sum::<f64>() / n,
        rmse: (errors.iter().map(|e| e * e).sum::<f64>() / n).sqrt(),
        constrained: estimates.iter().filter(|e| e.constrained).count() as f64 / n,
        coverage: with_variance.iter().filter(|c| **c).count() as f64 / with_variance.len() as f64,
    }
}

#[cfg(test)]
mod tests;
