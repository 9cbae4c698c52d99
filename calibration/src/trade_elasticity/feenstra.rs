//! The elasticity of substitution between varieties of a good from the second moments of prices and shares.
//!
//! With `Dk` the change over a year less that of a base `k`, demand is `Dk ln s = -(sigma - 1) Dk ln p + e` and supply
//! `Dk ln p = omega/(1+omega) Dk ln s + d`. If `e` and `d` are independent (Feenstra 1994, equation 11),
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
//! The base is [`Base::Variety`] in these papers. [`Base::Mean`] takes the mean of the varieties that sell in both years: the
//! equation holds for it as well, and it has next to no shocks of its own. Those of a variety enter every other's `u`: its
//! `e_k d_k` is common to all in a year, and its products with their shocks make the estimates several times less precise. Years
//! in which the base variety is absent are not lost either.
//!
//! The variance is the jackknife over exporters, over all markets at once, by the delta method, and intervals take Student's t
//! with as many degrees of freedom as there are varieties more than coefficients (the third is the constant): second moments are
//! heavy-tailed, so that few varieties have much leverage, and infinitesimal influences, of which the sandwich is made, are a
//! third to a half too small. With [`Base::Variety`] the base's own shocks are taken as given, and the variance lacks them, which
//! a constant hides only where every variety sells in every year; with [`Base::Mean`] it has all (table A4-trade).
//!
//! Varieties may come and go: a change takes two years in a row, and a variety counts by its changes.
//!
//! Where the estimates have no `sigma > 1` and `rho` in its range, the same criterion is minimised over the range, as Broda and
//! Weinstein do by a grid and Soderbery by constrained LIML; such a market is [`MarketEstimate::constrained`] and has no
//! variance.

mod criterion;
mod moments;
mod performance;

use super::unit_values::{Market, MarketName, Markets};
use criterion::{Criterion, jacobian, parameters};
use estimation::Estimates;
use estimation::distribution::Reference;
use linalg::{LinalgError, inverse};
use moments::{Changes, Moments};
use ndarray::{Array1, Array2};
use std::cell::OnceCell;
use std::collections::BTreeMap;

pub use performance::{Performance, performance};

/// Varieties beside the base that an estimate takes: three coefficients, and one to tell their error.
pub const VARIETIES: usize = 4;

/// The number of coefficients, the constant or what stands for it among them.
const COEFFICIENTS: usize = 3;

/// Which estimator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
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

/// What changes of prices and shares are taken less of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Base {
    /// The mean of the varieties that sell in both years.
    Mean,
    /// The variety with most years, of these the largest.
    Variety,
}

impl Base {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Variety, Self::Mean];

    /// How tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Variety => "variety",
        }
    }
}

/// Why a market has no estimate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ElasticityError {
    /// Too few varieties with two years in a row.
    #[error(
        "market {market}: {varieties} varieties have sales in two years in a row beside the base; {VARIETIES} are needed: leave the \
         market out, or merge goods"
    )]
    Varieties {
        /// The market.
        market: MarketName,
        /// How many there are.
        varieties: usize,
    },
    /// The moments do not tell the parameters apart.
    #[error("market {market}: the variances of prices and shares do not differ enough by variety")]
    Unidentified {
        /// The market.
        market: MarketName,
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
    pub market: MarketName,
    /// Elasticity of substitution.
    pub sigma: f64,
    /// `omega (sigma - 1) / (1 + omega sigma)`.
    pub rho: f64,
    /// Whether the criterion had to be minimised over the range of the parameters.
    pub constrained: bool,
    /// Varieties, a base variety not among them.
    pub varieties: usize,
    /// Varieties times years.
    pub observations: usize,
    /// What the jackknife says of each exporter's influence on `sigma`; empty when constrained.
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

    /// Degrees of freedom of Student's t for intervals.
    pub fn degrees_of_freedom(&self) -> f64 {
        (self.varieties - COEFFICIENTS) as f64
    }

    /// The interval of `sigma` of this coverage, such as 0.95; `None` when constrained.
    pub fn interval(&self, coverage: f64) -> Option<(f64, f64)> {
        let critical = Reference::StudentT(self.degrees_of_freedom()).quantile(0.5 + 0.5 * coverage);
        self.std_error().map(|error| (self.sigma - critical * error, self.sigma + critical * error))
    }
}

/// Estimates every market; those that cannot be are returned with the reason.
pub fn estimate(
    markets: &Markets,
    estimator: Estimator,
    base: Base,
) -> (Vec<MarketEstimate>, Vec<ElasticityError>) {
    let mut estimates = Vec::new();
    let mut failed = Vec::new();
    for (name, market) in markets {
        match estimate_market(name, market, estimator, base) {
            Ok(estimate) => estimates.push(estimate),
            Err(error) => failed.push(error),
        }
    }
    (estimates, failed)
}

/// The elasticities with their joint covariance, clustered by exporter: shocks to an exporter reach all its markets. Markets at
/// the edge of the range are left out. Student's t has the degrees of freedom of the market with fewest.
///
/// # Errors
/// [`ElasticityError::NoCovariance`] when none is left.
pub fn joint(estimates: &[MarketEstimate]) -> Result<Estimates, ElasticityError> {
    let inside: Vec<&MarketEstimate> = estimates.iter().filter(|e| !e.constrained).collect();
    let fewest = inside.iter().map(|e| e.degrees_of_freedom()).min_by(f64::total_cmp);
    let Some(degrees_of_freedom) = fewest else { return Err(ElasticityError::NoCovariance) };
    let mut by_exporter: BTreeMap<&str, Array1<f64>> = BTreeMap::new();
    for (position, estimate) in inside.iter().enumerate() {
        for (exporter, influence) in &estimate.influence {
            by_exporter.entry(exporter).or_insert_with(|| Array1::zeros(inside.len()))[position] += influence;
        }
    }
    let mut covariance = Array2::zeros((inside.len(), inside.len()));
    for influence in by_exporter.values() {
        add_square(&mut covariance, 1.0, influence);
    }
    let names = inside.iter().map(|e| e.market.to_string()).collect();
    let values = inside.iter().map(|e| e.sigma).collect();
    let label = format!("jackknife over exporters ({}), over markets", by_exporter.len());
    Ok(Estimates::new(names, values, covariance, label, Reference::StudentT(degrees_of_freedom))?)
}

/// Trade elasticities `sigma - 1` by good, the mean over a good's importers, with their joint covariance.
///
/// # Errors
/// As [`joint`].
pub fn trade_elasticities(estimates: &[MarketEstimate]) -> Result<Estimates, ElasticityError> {
    let markets = joint(estimates)?;
    let mut goods: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, estimate) in estimates.iter().filter(|e| !e.constrained).enumerate() {
        goods.entry(&estimate.market.good).or_default().push(position);
    }
    let mut weights = Array2::<f64>::zeros((goods.len(), markets.names().len()));
    for (row, positions) in goods.values().enumerate() {
        positions.iter().for_each(|k| weights[[row, *k]] = 1.0 / positions.len() as f64);
    }
    let values = weights.dot(&markets.coefficients()) - 1.0;
    let covariance = weights.dot(&markets.vcov()).dot(&weights.t());
    let names = goods.keys().map(|good| (*good).to_owned()).collect();
    Ok(Estimates::new(names, values, covariance, markets.vcov_label(), markets.reference())?)
}

/// Estimates one market.
///
/// # Errors
/// [`ElasticityError`] naming the market.
pub fn estimate_market(
    name: &MarketName,
    market: &Market,
    estimator: Estimator,
    base: Base,
) -> Result<MarketEstimate, ElasticityError> {
    Prepared::new(market, base).estimate(name, estimator)
}

/// What all estimators of a market share.
struct Prepared {
    changes: Changes,
    all: Vec<Moments>,
    /// The same without each variety in turn, made for the first that asks.
    without: OnceCell<Vec<Vec<Moments>>>,
}

impl Prepared {
    fn new(market: &Market, base: Base) -> Self {
        let changes = Changes::new(market, base);
        Self { all: changes.moments(), changes, without: OnceCell::new() }
    }

    fn estimate(&self, name: &MarketName, estimator: Estimator) -> Result<MarketEstimate, ElasticityError> {
        let count = self.all.len();
        if count < VARIETIES {
            return Err(ElasticityError::Varieties { market: name.clone(), varieties: count });
        }
        let unidentified = |source| ElasticityError::Unidentified { market: name.clone(), source };
        let criterion = Criterion::new(&self.all, estimator);
        let theta = criterion.minimise().map_err(unidentified)?;
        let free = parameters(theta);
        let (sigma, rho) = free.unwrap_or_else(|| criterion.minimise_in_range());
        let mut influence = BTreeMap::new();
        if free.is_some() {
            let slopes = inverse(jacobian(sigma, rho).view()).map_err(unidentified)?;
            let scale = ((count - 1) as f64 / count as f64).sqrt();
            let without =
                self.without.get_or_init(|| (0..count).map(|k| self.changes.without(k, &self.all)).collect());
            for (exporter, without) in self.changes.exporters().zip(without) {
                let [one, two] = Criterion::new(without, estimator).minimise().map_err(unidentified)?;
                let moved = slopes[[0, 0]] * (one - theta[0]) + slopes[[0, 1]] * (two - theta[1]);
                influence.insert(exporter.to_owned(), scale * moved);
            }
        }
        Ok(MarketEstimate {
            market: name.clone(),
            sigma,
            rho,
            constrained: free.is_none(),
            varieties: count,
            observations: self.all.iter().map(|v| v.years).sum(),
            influence,
        })
    }
}

/// Adds `weight v v'`.
pub(super) fn add_square(matrix: &mut Array2<f64>, weight: f64, v: &Array1<f64>) {
    for ((i, j), cell) in matrix.indexed_iter_mut() {
        *cell += weight * v[i] * v[j];
    }
}

#[cfg(test)]
mod tests;
