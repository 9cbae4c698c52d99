//! The search for an equilibrium.

use super::anderson::Anderson;
use super::newton;
use super::observer::{Iterate, Iteration, MarketResidual, Observer, Phase, SolveError, SolverSettings};
use super::system::{SweepResidual, System, Work};

/// What the search ends with: a state whose sweep, kept in `work`, meets the tolerance.
pub(super) struct Found {
    pub(super) state: Vec<f64>,
    pub(super) residual: MarketResidual,
    pub(super) history: Vec<Iteration>,
}

impl From<SweepResidual> for MarketResidual {
    fn from(r: SweepResidual) -> Self {
        MarketResidual { prices: r.prices, goods: r.goods, factors: r.factors }
    }
}

/// Keeps the history and the best iterate, and tells the observer.
pub(super) struct Record<'o> {
    pub(super) observer: &'o mut dyn Observer,
    pub(super) history: Vec<Iteration>,
    pub(super) best: Vec<f64>,
    pub(super) best_residual: MarketResidual,
}

impl Record<'_> {
    pub(super) fn add(&mut self, phase: Phase, state: &[f64], residual: MarketResidual) {
        let iteration = Iteration { number: self.history.len() + 1, phase, residual };
        self.observer.observe(&iteration);
        if self.history.is_empty() || residual.max() < self.best_residual.max() {
            self.best.copy_from_slice(state);
            self.best_residual = residual;
        }
        self.history.push(iteration);
    }
}

fn check(settings: &SolverSettings) -> Result<(), SolveError> {
    if !(settings.tolerance > 0.0 && settings.tolerance < 1.0) {
        let remedy = "give a relative residual between 0 and 1, such as 1e-10";
        return Err(SolveError::Setting { name: "tolerance", value: settings.tolerance, remedy });
    }
    if settings.depth == 0 {
        return Err(SolveError::Setting {
            name: "depth",
            value: 0.0,
            remedy: "remember at least one difference",
        });
    }
    Ok(())
}

/// Solves from `start`, or from the baseline.
pub(super) fn solve(
    system: &System,
    start: Option<&Iterate>,
    settings: &SolverSettings,
    observer: &mut dyn Observer,
    work: &mut Work,
) -> Result<Found, SolveError> {
    check(settings)?;
    let mut state = match start {
        None => system.baseline(),
        Some(start) => {
            let state = [&start.ln_price[..], &start.expenditure_hat, &start.ln_factor_price].concat();
            if state.len() != system.at.len() {
                return Err(SolveError::Start { found: state.len(), expected: system.at.len() });
            }
            state
        }
    };
    let mut record = Record {
        observer,
        history: Vec::new(),
        best: state.clone(),
        best_residual: MarketResidual { prices: f64::INFINITY, goods: f64::INFINITY, factors: f64::INFINITY },
    };
    let found = fixed_point(system, &mut state, settings, &mut record, work)
        || newton::newton(system, &mut state, settings, &mut record, work);
    if found {
        return Ok(Found { state, residual: record.best_residual, history: record.history });
    }
    let mut image = vec![0.0; record.best.len()];
    system.sweep(&record.best, &mut image, work);
    if let Some(n) = work.income.iter().position(|income| *income <= 0.0) {
        return Err(SolveError::Insolvent {
            country: system.parts.labels.countries()[n].clone(),
            transfer: -work.deficit[n],
            income: work.income[n] - work.deficit[n],
        });
    }
    let (p, x, w) = system.at.split(&record.best);
    let best = Box::new(Iterate { ln_price: p.into(), expenditure_hat: x.into(), ln_factor_price: w.into() });
    Err(SolveError::NotConverged {
        iterations: record.history.len(),
        residual: record.best_residual,
        tolerance: settings.tolerance,
        best,
        history: record.history,
    })
}

/// A factor price counts in the least-squares problem as much as a country's prices together.
fn weights(system: &System) -> Vec<f64> {
    let mut weight = vec![1.0; system.at.len()];
    let (_, _, w) = system.at.split_mut(&mut weight);
    w.fill((system.at.j as f64).sqrt());
    weight
}

/// The largest move of a log factor price in one step, accelerated or Newton's.
pub(super) const MAX_MOVE: f64 = 1.5;

/// The least that extrapolation leaves of expenditure, relative to the map's image.
const LEAST_KEPT: f64 = 0.1;

/// Sweeps without a new lowest residual, and restarts from the best state, after which the fixed point gives up.
const PATIENCE: usize = 60;
const MAX_RESTARTS: usize = 2;

/// The accelerated fixed point. Returns whether it converged; `state` and `work` then belong together.
fn fixed_point(
    system: &System,
    state: &mut [f64],
    settings: &SolverSettings,
    record: &mut Record,
    work: &mut Work,
) -> bool {
    let weight = weights(system);
    let mut anderson = Anderson::new(settings.depth, state.len());
    let mut image = vec![0.0; state.len()];
    let mut previous = vec![0.0; state.len()];
    let mut lowest = f64::INFINITY;
    let mut since_lowest = 0;
    let mut restarts = 0;
    for _ in 0..settings.max_sweeps {
        let residual = system.sweep(state, &mut image, work);
        let size = residual.max();
        record.add(Phase::FixedPoint, state, residual.into());
        if size <= settings.tolerance {
            return true;
        }
        if !size.is_finite() || size > 1e3 * lowest {
            // The extrapolation went wild: back to the best, and forget.
            restarts += 1;
            if restarts > MAX_RESTARTS || !record.best_residual.max().is_finite() {
                return false;
            }
            state.copy_from_slice(&record.best);
            system.sweep(state, &mut image, work);
            anderson.restart();
            state.copy_from_slice(&image);
            lowest = f64::INFINITY;
            since_lowest = 0;
        } else {
            if size < lowest {
                (lowest, since_lowest) = (size, 0);
            } else {
                since_lowest += 1;
            }
            previous.copy_from_slice(state);
            anderson.step(state, &image, &weight);
            limit(system, state, &previous, &image);
        }
        if since_lowest > PATIENCE {
            return false;
        }
    }
    false
}

/// Shortens a step that moves some factor price by more than [`MAX_MOVE`], and keeps expenditure positive: extrapolated, it
/// may be no less than [`LEAST_KEPT`] of what the map says.
fn limit(system: &System, state: &mut [f64], previous: &[f64], image: &[f64]) {
    let (_, _, new) = system.at.split(state);
    let (_, _, old) = system.at.split(previous);
    let largest = new.iter().zip(old).map(|(new, old)| (new - old).abs()).fold(0.0, f64::max);
    if largest > MAX_MOVE {
        let keep = MAX_MOVE / largest;
        state.iter_mut().zip(previous).for_each(|(new, old)| *new = old + keep * (*new - old));
    }
    let (_, x, _) = system.at.split_mut(state);
    let (_, mapped, _) = system.at.split(image);
    x.iter_mut().zip(mapped).for_each(|(x, mapped)| *x = x.max(LEAST_KEPT * mapped));
}
