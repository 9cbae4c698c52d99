//! The iteration.

use linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::{PoissonSettings, separation};
use crate::EstimationError;
use crate::absorb::Absorber;
use crate::columns::{combine, cross_vector, gram};
use crate::error::Context;
use crate::linear::{Kept, rows_mut, variation};
use crate::sample::Sample;

/// Where the demeaning tolerance starts, and where it ends.
const INNER_TOLERANCE: (f64, f64) = (1e-3, 1e-8);

/// Iterations without convergence after which separation is suspected.
const PATIENCE: usize = 15;

pub(super) struct Solved {
    pub(super) names: Vec<String>,
    pub(super) collinear: Vec<String>,
    pub(super) coefficients: Array1<f64>,
    pub(super) bread: Array2<f64>,
    /// Regressors net of the effects.
    pub(super) x: Array2<f64>,
    /// Working weights `w mu` under which they are.
    pub(super) weights: Vec<f64>,
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
pub(super) fn solve(sample: &mut Sample, settings: &PoissonSettings) -> Result<Outcome, EstimationError> {
    let n = sample.y.len();
    let user = sample.weights.values();
    let offset = sample.offset.as_deref();
    let mut x = std::mem::take(&mut sample.x);
    let deviance_of = Deviance::new(&sample.y, user);
    let mean = deviance_of.total / user.map_or(n as f64, |w| w.iter().sum());
    let mut mu: Vec<f64> = sample.y.iter().map(|y| 0.5 * (y + mean)).collect();
    let mut eta: Vec<f64> = mu.iter().map(|m| m.ln()).collect();
    let mut deviance = deviance_of.at(&eta, &mu);
    let mut absorber = Absorber::new(&sample.effects, 1 + x.nrows())?;
    let mut names = sample.names.clone();
    let mut collinear = Vec::new();
    let mut inner = if sample.effects.len() < 2 { INNER_TOLERANCE.1 } else { INNER_TOLERANCE.0 };
    let mut weights = vec![0.0; n];
    let mut z = vec![0.0; n];
    let mut z_net = vec![0.0; n];
    let mut history = Vec::new();
    let mut next_eta = vec![0.0; n];
    for iteration in 0..settings.max_iterations {
        for i in 0..n {
            weights[i] = user.map_or(1.0, |w| w[i]) * mu[i];
            let updated = eta[i] - offset.map_or(0.0, |o| o[i]) + (sample.y[i] - mu[i]) / mu[i];
            z_net[i] += updated - z[i];
            z[i] = updated;
        }
        let scale = if iteration == 0 {
            variation(x.view(), Some(&weights), !sample.effects.is_empty())
        } else {
            Vec::new()
        };
        let mut variables = rows_mut(&mut x);
        variables.push(&mut z_net);
        // Collinearity with the effects shows only once they are really out.
        let tolerance = if iteration == 0 { inner.min(1e-6) } else { inner };
        absorber.weighted(Some(&weights))?.demean(&mut variables, tolerance)?;
        if iteration == 0 {
            let kept = Kept::among(x.view(), &names, Some(&weights), &scale, sample.constant)?;
            if kept.index.is_empty() && !names.is_empty() {
                return Err(EstimationError::NothingIdentified { dropped: kept.dropped.join(", ") });
            }
            if !kept.dropped.is_empty() {
                x = x.select(Axis(0), &kept.index);
                names = kept.index.iter().map(|&j| names[j].clone()).collect();
                collinear = kept.dropped;
            }
        }
        let step = Step::new(x.view(), &z_net, &weights);
        let Ok(step) = step else {
            return suspect(sample, x, settings, history);
        };
        let fitted = combine(x.view(), step.coefficients.view());
        for i in 0..n {
            next_eta[i] = z[i] - (z_net[i] - fitted[i]) + offset.map_or(0.0, |o| o[i]);
        }
        let mut next_mu: Vec<f64> = next_eta.iter().map(|e| e.exp()).collect();
        let mut next = deviance_of.at(&next_eta, &next_mu);
        let mut halvings = 0;
        while iteration > 0 && (next > deviance * (1.0 + 1e-6) || !next.is_finite()) && halvings < 30 {
            next_eta.iter_mut().zip(&eta).for_each(|(new, old)| *new = 0.5 * (*new + old));
            next_mu.iter_mut().zip(&next_eta).for_each(|(m, e)| *m = e.exp());
            next = deviance_of.at(&next_eta, &next_mu);
            halvings += 1;
        }
        if !next.is_finite() {
            return suspect(sample, x, settings, history);
        }
        let change = (deviance - next).abs() / next.max(1e-6 * deviance_of.total);
        history.push(change);
        std::mem::swap(&mut eta, &mut next_eta);
        mu = next_mu;
        deviance = next;
        if change < settings.tolerance && inner <= 10.0 * INNER_TOLERANCE.1 && halvings == 0 {
            let scores = score(&sample.y, &mu, user);
            let gradient = cross_vector(x.view(), &scores, None);
            let newton_decrement = gradient.dot(&step.bread.dot(&gradient)).max(0.0).sqrt();
            if newton_decrement < settings.tolerance.max(1e-12) * 1e3 {
                let suspicious = settings.detect_separation
                    && sample
                        .y
                        .iter()
                        .zip(&mu)
                        .any(|(y, mu)| *y == 0.0 && *mu < 1e-8 * deviance.max(deviance_of.total));
                if suspicious {
                    let rows = separation::find(sample, x.view())?;
                    if !rows.is_empty() {
                        return Ok(Outcome::Separated(rows));
                    }
                }
                weights.iter_mut().enumerate().for_each(|(i, w)| *w = user.map_or(1.0, |w| w[i]) * mu[i]);
                return Ok(Outcome::Solved(Box::new(Solved {
                    names,
                    collinear,
                    coefficients: step.coefficients,
                    bread: step.bread,
                    x,
                    weights,
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

fn score(y: &[f64], mu: &[f64], user: Option<&[f64]>) -> Vec<f64> {
    y.iter().zip(mu).enumerate().map(|(i, (y, mu))| user.map_or(1.0, |w| w[i]) * (y - mu)).collect()
}

/// One weighted least-squares step.
struct Step {
    coefficients: Array1<f64>,
    bread: Array2<f64>,
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
        Ok(Self { coefficients, bread: factor.inverse().context(WHERE)? * outer })
    }
}
