//! The search for an equilibrium.

use super::anderson::Anderson;
use super::jet::Dual;
use super::krylov::newton_krylov;
use super::newton::newton;
use super::observer::{Iterate, Iteration, MarketResidual, Observer, Phase, SolveError, SolverSettings};
use super::scalar::Scalar;
use super::sweep::Work;
use super::system::System;
use crate::shock::ShockError;

/// What the search ends with: a state whose sweep, kept in `work`, meets the tolerance.
pub(super) struct Found {
    pub(super) state: Vec<f64>,
    pub(super) residual: MarketResidual,
    pub(super) history: Vec<Iteration>,
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

/// Settings that a solver can work with.
pub(super) fn check(settings: &SolverSettings) -> Result<(), SolveError> {
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

/// Solves from `start`, or from the baseline. `dual` makes the same system in dual numbers, none of its parameters moving.
pub(super) fn solve<'a>(
    system: &System,
    start: Option<&Iterate>,
    settings: &SolverSettings,
    observer: &mut dyn Observer,
    work: &mut Work,
    dual: &dyn Fn() -> Result<System<'a, Dual>, ShockError>,
) -> Result<Found, SolveError> {
    check(settings)?;
    let mut state = match start {
        None => system.baseline(),
        Some(start) => {
            start.fits(system)?;
            start.state(system)
        }
    };
    let mut record = Record {
        observer,
        history: Vec::new(),
        best: state.clone(),
        best_residual: MarketResidual { prices: f64::INFINITY, ..MarketResidual::default() },
    };
    let mut found = fixed_point(system, &mut state, settings, &mut record, work);
    if !found && settings.max_newton_steps > 0 {
        let sane = record.best_residual.max() < 1.0;
        state.copy_from_slice(&if sane { record.best.clone() } else { system.baseline() });
        found = if system.nest.is_none() && system.limits.is_empty() {
            newton(system, &mut state, settings, &mut record, work)
        } else {
            newton_krylov(system, &dual()?, &mut state, settings, &mut record, work)
        };
    }
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
    let best = Box::new(Iterate::of(system, &record.best));
    Err(SolveError::NotConverged {
        iterations: record.history.len(),
        residual: record.best_residual,
        tolerance: settings.tolerance,
        best,
        history: record.history,
    })
}

/// A factor price counts in the least-squares problem as much as a country's prices together.
pub(super) fn weights<T: Scalar>(system: &System<T>) -> Vec<f64> {
    let mut weight = vec![1.0; system.at.len()];
    let alone = (system.at.j as f64).sqrt();
    let blocks = system.at.split_mut(&mut weight);
    blocks.factor.fill(alone);
    blocks.wedge.fill(alone);
    weight
}

impl Iterate {
    /// A state by its blocks.
    pub(super) fn of<T: Scalar>(system: &System<T>, state: &[f64]) -> Self {
        let blocks = system.at.split(state);
        Self {
            ln_price: blocks.price.into(),
            expenditure_hat: blocks.expenditure.into(),
            ln_factor_price: blocks.factor.into(),
            ln_wedge: blocks.wedge.into(),
            research: blocks.research.into(),
            ln_product: blocks.product.into(),
        }
    }

    /// Whether it belongs to this economy. Wedges, research and products may be missing or be those of other restrictions and of
    /// another technology: then they start anew.
    pub(super) fn fits<T: Scalar>(&self, system: &System<T>) -> Result<(), SolveError> {
        let at = &system.at;
        let expected = 2 * at.cells() + at.n * at.f;
        let found = self.ln_price.len() + self.expenditure_hat.len() + self.ln_factor_price.len();
        let each = self.ln_price.len() == at.cells() && self.expenditure_hat.len() == at.cells();
        if each && found == expected { Ok(()) } else { Err(SolveError::Start { found, expected }) }
    }

    pub(super) fn state<T: Scalar>(&self, system: &System<T>) -> Vec<f64> {
        let mut state = vec![0.0; system.at.len()];
        let blocks = system.at.split_mut(&mut state);
        blocks.price.copy_from_slice(&self.ln_price);
        blocks.expenditure.copy_from_slice(&self.expenditure_hat);
        blocks.factor.copy_from_slice(&self.ln_factor_price);
        for (block, values) in [
            (blocks.wedge, &self.ln_wedge),
            (blocks.research, &self.research),
            (blocks.product, &self.ln_product),
        ] {
            if block.len() == values.len() {
                block.copy_from_slice(values);
            }
        }
        state
    }
}

/// The largest move of a log factor price in one step, accelerated or Newton's.
pub(super) const MAX_MOVE: f64 = 1.5;

/// The least that extrapolation leaves of expenditure, relative to the map's image.
const LEAST_KEPT: f64 = 0.1;

/// Sweeps without a new lowest residual, and restarts from the best state, after which the fixed point gives up.
const PATIENCE: usize = 40;
const MAX_RESTARTS: usize = 4;

/// A residual below which even a large jump is no flight.
const NEAR: f64 = 1e-3;

/// The accelerated fixed point. Returns whether it converged; `state` and `work` then belong together.
fn fixed_point(
    system: &System,
    state: &mut Vec<f64>,
    settings: &SolverSettings,
    record: &mut Record,
    work: &mut Work,
) -> bool {
    let weight = weights(system);
    let mut anderson = Anderson::new(settings.depth, state.len(), 1);
    let mut image = vec![0.0; state.len()];
    let mut previous = vec![0.0; state.len()];
    let mut lowest = f64::INFINITY;
    let mut since_lowest: usize = 0;
    let mut restarts = 0;
    for _ in 0..settings.max_sweeps {
        let residual = system.sweep(state, &mut image, work);
        let size = residual.max();
        record.add(Phase::FixedPoint, state, residual);
        if size <= settings.tolerance {
            return true;
        }
        if !size.is_finite() || size > 1e3 * lowest.max(NEAR) {
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
            std::mem::swap(state, &mut previous);
            anderson.step(&previous, &image, &weight, state);
            limit(system, state, &previous, &image);
        }
        if since_lowest > PATIENCE {
            return false;
        }
    }
    false
}

/// Shortens a step that moves some factor price by more than [`MAX_MOVE`], and keeps expenditure positive: extrapolated, it
/// may be no less than [`LEAST_KEPT`] of what the map says; wedges stay at one or above.
pub(super) fn limit(system: &System, state: &mut [f64], previous: &[f64], image: &[f64]) {
    let (new, old) = (system.at.split(state), system.at.split(previous));
    let pairs = new.factor.iter().zip(old.factor).chain(new.wedge.iter().zip(old.wedge));
    let largest = pairs.map(|(new, old)| (new - old).abs()).fold(0.0, f64::max);
    if largest > MAX_MOVE {
        let keep = MAX_MOVE / largest;
        state.iter_mut().zip(previous).for_each(|(new, old)| *new = old + keep * (*new - old));
    }
    let blocks = system.at.split_mut(state);
    let mapped = system.at.split(image).expenditure;
    for (x, mapped) in blocks.expenditure.iter_mut().zip(mapped) {
        let least = LEAST_KEPT * mapped;
        *x = if (least > *x) | x.is_nan() { least } else { *x };
    }
    blocks.wedge.iter_mut().for_each(|ln_mu| *ln_mu = ln_mu.max(0.0));
}
