//! The estimators where the truth is known.

use super::{Base, Estimator, MarketEstimate, Prepared};
use crate::trade_elasticity::unit_values::{Design, MarketName, simulate};
use rayon::prelude::*;
use std::cell::OnceCell;

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

/// Simulates a market again and again and estimates it in several ways; replication `r` depends on the seed and `r` alone.
pub fn performance(
    design: &Design,
    ways: &[(Estimator, Base)],
    replications: usize,
    seed: u64,
) -> Vec<Performance> {
    let name = MarketName { importer: "simulated".to_owned(), good: "good".to_owned() };
    let one = |r: u64| -> Vec<Option<MarketEstimate>> {
        let market = simulate(design, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(r));
        let prepared = Base::ALL.map(|base| (base, OnceCell::new()));
        let estimate = |(estimator, base): &(Estimator, Base)| {
            let (_, market_less) = prepared.iter().find(|(known, _)| known == base)?;
            market_less.get_or_init(|| Prepared::new(&market, *base)).estimate(&name, *estimator).ok()
        };
        ways.iter().map(estimate).collect()
    };
    let all: Vec<Vec<Option<MarketEstimate>>> = (0..replications as u64).into_par_iter().map(one).collect();
    let of = |way: usize| all.iter().filter_map(move |found| found[way].as_ref()).collect::<Vec<_>>();
    (0..ways.len()).map(|way| Performance::of(&of(way), design.sigma)).collect()
}

impl Performance {
    fn of(estimates: &[&MarketEstimate], truth: f64) -> Self {
        let n = estimates.len() as f64;
        let mut relative: Vec<f64> = estimates.iter().map(|e| e.sigma / truth - 1.0).collect();
        relative.sort_by(f64::total_cmp);
        let middle = relative.len() / 2;
        let squares = estimates.iter().map(|e| (e.sigma - truth).powi(2));
        let intervals: Vec<(f64, f64)> = estimates.iter().filter_map(|e| e.interval(0.95)).collect();
        let hold = intervals.iter().filter(|(low, high)| (*low..=*high).contains(&truth));
        Self {
            replications: estimates.len(),
            median_bias: relative.get(middle).copied().unwrap_or(f64::NAN),
            mean_bias: relative.iter().sum::<f64>() / n,
            rmse: (squares.sum::<f64>() / n).sqrt(),
            constrained: estimates.iter().filter(|e| e.constrained).count() as f64 / n,
            coverage: hold.count() as f64 / intervals.len() as f64,
        }
    }
}
