//! The iteration.

use std::borrow::Cow;

use linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::{PoissonSettings, separation};
use crate::absorb::Absorber;
use crate::columns::{add_combination, cross_vector, gram, rows_mut};
use crate::error::Context;
use crate::sample::Sample;
use crate::solve::{Kept, keep_independent, sums_of_squares, variation};
use crate::{EstimationError, accuracy};

/// Where the demeaning tolerance starts, and where it ends.
const INNER_TOLERANCE: (f64, f64) = (1e-3, 1e-8);

/// Tolerance of the first demeaning. The collinearity check that follows can trust shares well above its square.
const ROUGH: f64 = 1e-4;

/// Relative change of the deviance below which the working weights have settled.
const SETTLED: f64 = 1e-3;

/// The Newton decrement allowed, as a multiple of the tolerance of the deviance.
const DECREMENT: f64 = 1e2;

/// Deviance over the sum of outcomes below which a fit counts as exact: the deviance is a difference of sums of that size, and what
/// moves there is rounding.
const EXACT: f64 = 1e-4;

/// Iterations without convergence after which separation is suspected.
const PATIENCE: usize = 15;

pub(super) struct Solved {
    pub(super) names: Vec<String>,
    /// Which regressors of the sample stay.
    pub(super) kept: Vec<usize>,
    pub(super) collinear: Vec<String>,
    pub(super) coefficients: Array1<f64>,
    pub(super) bread: Array2<f64>,
    pub(super) condition: f64,
    /// How much longer a regressor was before effects were taken out, at most.
    pub(super) cancellation: f64,
    /// Regressors net of the effects.
    pub(super) x: Array2<f64>,
    pub(super) eta: Vec<f64>,
    pub(super) mu: Vec<f64>,
    pub(super) deviance: f64,
    pub(super) null_deviance: f64,
    pub(super) history: Vec<f64>,
    pub(super) newton_decrement: f64,
}

pub(super) enum Outcome {
    Solved(Box<Solved>),
    /// Positions in the sample.
    Separated(Vec<usize>),
}

/// `2 sum w (y ln(y / mu) - y + mu)`, its part without `mu` computed once.
struct Deviance<'a> {
    y: &'a [f64],
    user: Option<&'a [f64]>,
    saturated: f64,
    total: f64,
}

impl<'a> Deviance<'a> {
    fn new(y: &'a [f64], user: Option<&'a [f64]>) -> Self {
        let weight = |i: usize| user.map_or(1.0, |w| w[i]);
        let saturated =
            y.iter().enumerate().filter(|(_, y)| **y > 0.0).map(|(i, y)| weight(i) * (y * y.ln() - y)).sum();
        let total = y.iter().enumerate().map(|(i, y)| weight(i) * y).sum();
        Self { y, user, saturated, total }
    }

    fn at(&self, eta: &[f64], mu: &[f64]) -> f64 {
        let term = |i: usize| self.user.map_or(1.0, |w| w[i]) * (self.y[i] * eta[i] - mu[i]);
        2.0 * (self.saturated - (0..mu.len()).map(term).sum::<f64>())
    }

    /// The deviance of a constant mean.
    fn null(&self) -> f64 {
        let weight: f64 = self.user.map_or(self.y.len() as f64, |w| w.iter().sum());
        let mean = self.total / weight;
        2.0 * (self.saturated - self.total * mean.ln() + self.total)
    }
}

/// Solves on the sample; takes its regressors out of it.
///
/// The first step fits the working outcome; the later ones fit `u = (y - mu) / mu`, what is left of it:
/// `eta + (u - M u) + M x d`, with `M` taking the effects out and `d` the regression of `M u` on `M x`. At the
/// solution `u` is orthogonal to effects and regressors whatever the weights under which `x` was last demeaned,
/// so the regressors are demeaned anew only while the weights still move, and once more at the end.
pub(super) fn solve(sample: &mut Sample, settings: &PoissonSettings) -> Result<Outcome, EstimationError> {
    let n = sample.y.len();
    let user = sample.weights.values();
    let offset = sample.offset.as_deref();
    let mut x = std::mem::take(&mut sample.x);
    let deviance_of = Deviance::new(&sample.y, user);
    let mean = deviance_of.total / user.map_or(n as f64, |w| w.iter().sum());
    let mut mu: Vec<f64> = sample.y.iter().map(|y| 0.5 * (y + mean)).collect();
    let mut eta: Vec<f64> = mu.iter().map(|m| m.ln()).collect();
    let mut deviance = f64::INFINITY;
    let mut absorber = Absorber::new(&sample.effects, 1 + x.nrows());
    let mut names = sample.names.clone();
    let (mut stay, mut collinear) = (Vec::new(), Vec::new());
    let mut coefficients = Array1::zeros(0);
    let mut cancellation = 1.0;
    let mut inner = INNER_TOLERANCE.0;
    // What is left of the working outcome, then the next linear predictor.
    let mut net = vec![0.0; n];
    let mut history: Vec<f64> = Vec::new();
    for iteration in 0..settings.max_iterations {
        let weights = working_weights(user, &mu);
        let outcome = |i: usize, eta: &[f64], mu: &[f64]| {
            let left = (sample.y[i] - mu[i]) / mu[i];
            if iteration == 0 { eta[i] - offset.map_or(0.0, |o| o[i]) + left } else { left }
        };
        net.iter_mut().enumerate().for_each(|(i, v)| *v = outcome(i, &eta, &mu));
        if iteration == 0 {
            let before = sums_of_squares(x.view(), Some(&weights));
            let kept = first_demeaning(sample, &mut absorber, &mut x, &mut net, &weights)?;
            if kept.index.is_empty() && !names.is_empty() {
                return Err(EstimationError::NothingIdentified { dropped: kept.dropped.join(", ") });
            }
            if !kept.dropped.is_empty() {
                x = x.select(Axis(0), &kept.index);
                names = kept.index.iter().map(|&j| names[j].clone()).collect();
                collinear = kept.dropped;
            }
            let left = sums_of_squares(x.view(), Some(&weights));
            cancellation = accuracy::cancellation(kept.index.iter().map(|&j| before[j]), left);
            coefficients = Array1::zeros(names.len());
            stay = kept.index;
        } else {
            let moving = history.last().is_none_or(|change| *change > SETTLED);
            let mut variables = if moving { rows_mut(&mut x) } else { Vec::new() };
            variables.push(&mut net);
            absorber.weighted(Some(&weights)).demean(&mut variables, inner)?;
        }
        let Ok(step) = Step::new(x.view(), &net, &weights) else {
            return suspect(sample, x, settings, history);
        };
        drop(weights);
        let next_eta = &mut net;
        for i in 0..n {
            let start = if iteration == 0 { offset.map_or(0.0, |o| o[i]) } else { eta[i] };
            next_eta[i] = start + (outcome(i, &eta, &mu) - next_eta[i]);
        }
        add_combination(next_eta, x.view(), step.coefficients.view());
        exponentiate(&mut mu, next_eta);
        let mut next = deviance_of.at(next_eta, &mu);
        let mut share = 1.0;
        let allowed = deviance + 1e-6 * deviance.max(EXACT * deviance_of.total);
        while (next > allowed || !next.is_finite()) && share > 1e-9 && iteration > 0 {
            share *= 0.5;
            next_eta.iter_mut().zip(&eta).for_each(|(new, old)| *new = 0.5 * (*new + old));
            exponentiate(&mut mu, next_eta);
            next = deviance_of.at(next_eta, &mu);
        }
        if !next.is_finite() {
            return suspect(sample, x, settings, history);
        }
        coefficients.scaled_add(share, &step.coefficients);
        let change =
            if iteration == 0 { 1.0 } else { (deviance - next).abs() / next.max(EXACT * deviance_of.total) };
        history.push(change);
        std::mem::swap(&mut eta, next_eta);
        deviance = next;
        if change < settings.tolerance && inner <= 10.0 * INNER_TOLERANCE.1 && share == 1.0 {
            let weights = working_weights(user, &mu);
            absorber.weighted(Some(&weights)).demean(&mut rows_mut(&mut x), INNER_TOLERANCE.1)?;
            net.iter_mut().enumerate().for_each(|(i, v)| *v = (sample.y[i] - mu[i]) / mu[i]);
            let last = Step::new(x.view(), &net, &weights)?;
            let gradient = cross_vector(x.view(), &net, Some(&weights));
            drop(weights);
            let newton_decrement = gradient.dot(&last.coefficients).max(0.0).sqrt();
            if newton_decrement < DECREMENT * settings.tolerance {
                if settings.detect_separation && suspicious(&sample.y, &mu, deviance.max(deviance_of.total)) {
                    let rows = separation::find(sample, x.view())?;
                    if !rows.is_empty() {
                        return Ok(Outcome::Separated(rows));
                    }
                }
                return Ok(Outcome::Solved(Box::new(Solved {
                    names,
                    kept: stay,
                    collinear,
                    coefficients,
                    bread: last.bread,
                    condition: last.condition,
                    cancellation,
                    x,
                    eta,
                    mu,
                    deviance,
                    null_deviance: deviance_of.null(),
                    history,
                    newton_decrement,
                })));
            }
        }
        inner = inner.min(0.1 * change).max(INNER_TOLERANCE.1);
        if settings.detect_separation && iteration + 1 == PATIENCE {
            let rows = separation::find(sample, x.view())?;
            if !rows.is_empty() {
                return Ok(Outcome::Separated(rows));
            }
        }
    }
    Err(EstimationError::NotConverged { history })
}

/// `w mu`: the weights of a step.
pub(super) fn working_weights<'m>(user: Option<&[f64]>, mu: &'m [f64]) -> Cow<'m, [f64]> {
    match user {
        None => Cow::Borrowed(mu),
        Some(user) => mu.iter().zip(user).map(|(mu, w)| mu * w).collect(),
    }
}

fn exponentiate(mu: &mut [f64], eta: &[f64]) {
    mu.par_iter_mut().zip(eta).with_min_len(8_192).for_each(|(m, e)| *m = e.exp());
}

/// Takes the effects out of regressors and working outcome for the first time, roughly unless a regressor turns
/// out to be nearly spanned by them, and says which regressors stay.
fn first_demeaning(
    sample: &Sample,
    absorber: &mut Absorber<'_>,
    x: &mut Array2<f64>,
    net: &mut [f64],
    weights: &[f64],
) -> Result<Kept, EstimationError> {
    let scale = variation(x.view(), Some(weights), !sample.effects.levels.is_empty());
    let mut demean = |x: &mut Array2<f64>, tolerance: f64| {
        let mut variables = rows_mut(x);
        variables.push(&mut *net);
        absorber.weighted(Some(weights)).demean(&mut variables, tolerance)
    };
    demean(x, ROUGH)?;
    let clear = keep_independent(x.view(), Some(weights), &scale, sample.constant, ROUGH)?;
    if clear.contains(&false) {
        demean(x, INNER_TOLERANCE.1)?;
    }
    Kept::among(x.view(), &sample.names, Some(weights), &scale, sample.constant)
}

/// Whether some zero outcome is fitted so well that it may be separated. At convergence the part of the deviance
/// that separated rows still lose per step is below the tolerance.
fn suspicious(y: &[f64], mu: &[f64], scale: f64) -> bool {
    y.iter().zip(mu).any(|(y, mu)| *y == 0.0 && *mu < 1e-8 * scale)
}

/// The iteration broke down: separation, or an error.
fn suspect(
    sample: &Sample,
    x: Array2<f64>,
    settings: &PoissonSettings,
    history: Vec<f64>,
) -> Result<Outcome, EstimationError> {
    if settings.detect_separation {
        let rows = separation::find(sample, x.view())?;
        if !rows.is_empty() {
            return Ok(Outcome::Separated(rows));
        }
    }
    Err(EstimationError::NotConverged { history })
}

/// One weighted least-squares step.
struct Step {
    coefficients: Array1<f64>,
    bread: Array2<f64>,
    /// The condition number of the regressors, each scaled to length one under the step's weights.
    condition: f64,
}

impl Step {
    fn new(x: ArrayView2<'_, f64>, z: &[f64], weights: &[f64]) -> Result<Self, EstimationError> {
        const WHERE: &str = "normal equations of a Poisson step";
        let g = gram(x, Some(weights));
        let unit = g.diag().mapv(|v| 1.0 / v.sqrt());
        let outer = &unit.view().insert_axis(Axis(0)) * &unit.view().insert_axis(Axis(1));
        let factor = Cholesky::factor((&g * &outer).view()).context(WHERE)?;
        let right = cross_vector(x, z, Some(weights)) * &unit;
        let coefficients = factor.solve(right.view()).context(WHERE)? * &unit;
        let condition = factor.reciprocal_condition().sqrt().recip();
        Ok(Self { coefficients, bread: factor.inverse().context(WHERE)? * outer, condition })
    }
}
