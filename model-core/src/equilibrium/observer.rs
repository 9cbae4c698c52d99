//! Settings, progress and failure of a solve.

use serde::{Deserialize, Serialize};

use crate::economy::EconomyError;
use crate::sensitivity::Parameter;
use crate::shock::ShockError;

/// How a solve goes about it. The defaults suit every economy that the project has met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SolverSettings {
    /// Largest relative residual of any equilibrium condition at which the solve ends.
    pub tolerance: f64,
    /// Sweeps of the accelerated fixed point before Newton's method takes over.
    pub max_sweeps: usize,
    /// Newton steps before the shock is cut in parts.
    pub max_newton_steps: usize,
    /// Solves of parts of the shock, one from the other, that are tried where it is too much at once.
    pub max_parts: usize,
    /// Differences that Anderson acceleration remembers.
    pub depth: usize,
}

impl Default for SolverSettings {
    fn default() -> Self {
        Self { tolerance: 1e-10, max_sweeps: 400, max_newton_steps: 100, max_parts: 40, depth: 8 }
    }
}

/// Which method an iteration belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Phase {
    /// The accelerated fixed point in prices, expenditure and factor prices together.
    FixedPoint,
    /// Newton's method: on factor prices, with prices and expenditure solved for at each of them; with critical inputs or
    /// restrictions on everything together.
    Newton,
}

/// Largest relative residual in each kind of equilibrium condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MarketResidual {
    /// Zero profits: unit costs and price indices, log differences.
    pub prices: f64,
    /// Goods markets: expenditure against its sources, relative differences.
    pub goods: f64,
    /// Factor markets: demand against endowment, log differences. By Walras's law the last one is implied by the others;
    /// it is checked all the same.
    pub factors: f64,
    /// Restrictions: `min(ln mu, ln(limit / volume))`.
    #[serde(default)]
    pub restrictions: f64,
    /// Research effort against what it should be, log differences.
    #[serde(default)]
    pub technology: f64,
    /// Quantities of joint products against that of the process, log differences.
    #[serde(default)]
    pub products: f64,
}

impl MarketResidual {
    /// The largest of them; NaN if any is.
    pub fn max(&self) -> f64 {
        [self.prices, self.goods, self.factors, self.restrictions, self.technology, self.products]
            .into_iter()
            .fold(0.0, larger)
    }

    /// The larger of each.
    pub(super) fn or_larger(&self, other: &Self) -> Self {
        Self {
            prices: larger(self.prices, other.prices),
            goods: larger(self.goods, other.goods),
            factors: larger(self.factors, other.factors),
            restrictions: larger(self.restrictions, other.restrictions),
            technology: larger(self.technology, other.technology),
            products: larger(self.products, other.products),
        }
    }
}

/// A residual grows to a miss that is larger; NaN is larger than anything, and stays.
#[inline(always)]
pub(super) fn worst(slot: &mut f64, value: f64) {
    let size = value.abs();
    if size > *slot || size.is_nan() {
        *slot = size;
    }
}

/// [`worst`] of many: those that are finite side by side, which takes less time.
#[inline(always)]
pub(super) fn worst_of(slot: &mut f64, gaps: &[f64]) {
    const LANES: usize = 8;
    let (lanes, rest) = gaps.as_chunks::<LANES>();
    let mut largest = [0.0_f64; LANES];
    // Zero times what is not finite is no number.
    let mut nothing = [0.0_f64; LANES];
    for gaps in lanes {
        for lane in 0..LANES {
            let size = gaps[lane].abs();
            largest[lane] = if size > largest[lane] { size } else { largest[lane] };
            nothing[lane] += 0.0 * size;
        }
    }
    let finite = !nothing.iter().any(|nothing| nothing.is_nan());
    for gap in if finite { largest.iter().chain(rest) } else { gaps.iter().chain(&[]) } {
        worst(slot, *gap);
    }
}

/// NaN counts as larger than anything.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a >= b { a } else { b }
}

/// One iteration, as observers see it and histories keep it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Iteration {
    /// From 1, over both phases. While a shock that was too much at once is solved in parts, observers see each part from 1; a
    /// history counts on.
    pub number: usize,
    /// The method.
    pub phase: Phase,
    /// Residuals at its start.
    pub residual: MarketResidual,
}

/// Who watches a solve. Any `FnMut(&Iteration)` does.
pub trait Observer {
    /// Called once an iteration.
    fn observe(&mut self, iteration: &Iteration);
}

impl<F: FnMut(&Iteration)> Observer for F {
    fn observe(&mut self, iteration: &Iteration) {
        self(iteration);
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&mut self, _: &Iteration) {}
}

/// The state of a solve: what it starts from and what a failed one had reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Iterate {
    /// `ln P^[n,j]`, country by country.
    pub ln_price: Vec<f64>,
    /// `X^[n,j]`, country by country.
    pub expenditure_hat: Vec<f64>,
    /// `ln w^[n,f]`, country by country.
    pub ln_factor_price: Vec<f64>,
    /// `ln mu` of each restriction.
    #[serde(default)]
    pub ln_wedge: Vec<f64>,
    /// Research effort `[i,j]` where technology moves: `ln R_R`, with fixed researchers `ln(R_R / R_X)`.
    #[serde(default)]
    pub research: Vec<f64>,
    /// `ln lambda[i,e]` of joint products, country by country: the price of each over the unit cost of the process.
    #[serde(default)]
    pub ln_product: Vec<f64>,
}

/// Why there is no equilibrium to return.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// The shock does not fit the economy.
    #[error(transparent)]
    Shock(#[from] ShockError),
    /// The economy's numbers are not usable.
    #[error(transparent)]
    Economy(#[from] EconomyError),
    /// A setting outside its range.
    #[error("solver setting `{name}` is {value}: {remedy}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What stands there.
        value: f64,
        /// What to do.
        remedy: &'static str,
    },
    /// A parameter at a position that the economy or the shock does not have.
    #[error(
        "no derivative in {parameter:?}: take positions from the economy's labels, and restrictions from the shock"
    )]
    Parameter {
        /// The parameter.
        parameter: Parameter,
    },
    /// A derivative was asked for at what is no equilibrium of this economy and shock.
    #[error("no derivative: the equilibrium given is not one of this economy and shock, whose conditions it misses by {:e}; give the shock that led to it, and solve it to 1e-6 or closer", residual.max())]
    NoEquilibrium {
        /// How far the conditions are missed.
        residual: MarketResidual,
    },
    /// A start that belongs to another economy.
    #[error(
        "the start has {found} entries but the economy needs {expected}: start from an equilibrium of the same economy"
    )]
    Start {
        /// Entries found.
        found: usize,
        /// Entries needed.
        expected: usize,
    },
    /// A country owes more than it earns.
    #[error(
        "no equilibrium: {country} owes a transfer of {transfer} but earns only {income}; close deficits (`Deficits::Zero`) or let them move with income (`Deficits::ShareOfIncome`)"
    )]
    Insolvent {
        /// The country.
        country: String,
        /// What it owes: its deficit, with the sign turned.
        transfer: f64,
        /// Its income before the transfer, at the best iterate.
        income: f64,
    },
    /// The residual did not fall to the tolerance, where there may be several equilibria or none inside.
    #[error(
        "no equilibrium found in {iterations} iterations, and there may be several: `{sector}` has increasing returns, lambda xi theta = {returns}; below 1 the equilibrium is unique: lower xi, lambda or the sector's theta"
    )]
    IncreasingReturns {
        /// The sector whose returns are largest.
        sector: String,
        /// `lambda xi theta`.
        returns: f64,
        /// Iterations made.
        iterations: usize,
        /// Residual of the best iterate.
        residual: MarketResidual,
        /// The best iterate.
        best: Box<Iterate>,
        /// Every iteration.
        history: Vec<Iteration>,
    },
    /// The residual did not fall to the tolerance.
    #[error("no equilibrium after {iterations} iterations: the largest relative market-clearing residual is {:e}, the tolerance {tolerance:e}; approach the shock in steps, each starting from the last, or allow more iterations", residual.max())]
    NotConverged {
        /// Iterations made.
        iterations: usize,
        /// Residual of the best iterate.
        residual: MarketResidual,
        /// What was asked for.
        tolerance: f64,
        /// The best iterate.
        best: Box<Iterate>,
        /// Every iteration.
        history: Vec<Iteration>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_many_is_the_worst_of_each() {
        for count in 0..40_usize {
            let ordinary: Vec<f64> = (0..count).map(|k| ((k * 7) % 11) as f64 - 5.0).collect();
            for at in 0..count {
                for odd in [0.5, -6.0, f64::NEG_INFINITY, f64::NAN] {
                    let mut gaps = ordinary.clone();
                    gaps[at] = odd;
                    let (mut of_each, mut of_all) = (5.5, 5.5);
                    gaps.iter().for_each(|gap| worst(&mut of_each, *gap));
                    worst_of(&mut of_all, &gaps);
                    assert_eq!(of_all.to_bits(), of_each.to_bits(), "{odd} at {at} of {count}");
                    assert_eq!(of_all.is_nan(), odd.is_nan());
                    assert_eq!(of_all >= 6.0, odd.abs() >= 6.0);
                }
            }
        }
    }
}
