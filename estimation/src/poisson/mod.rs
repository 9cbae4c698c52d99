//! Poisson pseudo-maximum likelihood with any number of fixed effects.
//!
//! Iterated reweighted least squares (Guimaraes 2014; Correia, Guimaraes and Zylkin 2020): with
//! `mu = exp(eta)`, weights `W = w mu` and working outcome `z = eta - offset + (y - mu) / mu`, regress `z` on the
//! regressors, both net of the effects under `W`, until the deviance settles. Each step starts from where the
//! last one arrived and is solved no more exactly than the progress so far deserves; regressors are demeaned
//! anew only while the weights move.
//!
//! An observation is *separated* when some combination of regressors and effects is positive for it, zero or
//! positive for all other zero outcomes, and zero for all positive outcomes: the likelihood then rises without
//! bound along it. Such rows are found by the iterative rectifier of Correia, Guimaraes and Zylkin (2021),
//! dropped and reported; the remaining sample has finite estimates, equal to the limit of the full one's.

mod irls;
pub(crate) mod multinomial;
mod separation;

use ndarray::ArrayView2;

use crate::absorb::Absorber;
use crate::fit::Fit;
use crate::resample::ScoreModel;
use crate::sample::{Purpose, Sample};
use crate::solve::{residual, without_row};
use crate::vcov::{Ingredients, covariance, wild_p_values};
use crate::{Categories, Estimates, EstimationError, Regression, Vcov, accuracy};

pub use multinomial::MultinomialFit;

/// How closely fixed effects are taken out of a tested regressor.
const NULL_TOLERANCE: f64 = 1e-8;

/// How a Poisson model is solved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoissonSettings {
    /// Relative change of the deviance, and Newton decrement (the length of the step still to go, in standard
    /// errors), at which to stop.
    pub tolerance: f64,
    /// Iterations after which to give up.
    pub max_iterations: usize,
    /// Whether to look for separated observations when the fit suggests that there may be some.
    pub detect_separation: bool,
}

impl Default for PoissonSettings {
    fn default() -> Self {
        Self { tolerance: 1e-9, max_iterations: 200, detect_separation: true }
    }
}

/// A fitted Poisson model; what it shares with other fits is in [`Fit`].
#[derive(Debug, Clone)]
pub struct PoissonFit {
    fit: Fit,
    y: Vec<f64>,
    deviance: f64,
    null_deviance: f64,
    history: Vec<f64>,
    newton_decrement: f64,
}

impl std::ops::Deref for PoissonFit {
    type Target = Fit;

    fn deref(&self) -> &Fit {
        &self.fit
    }
}

impl PoissonFit {
    /// `y - mu`, one per row used.
    pub fn residuals(&self) -> Vec<f64> {
        self.y.iter().zip(self.fitted()).map(|(y, mu)| y - mu).collect()
    }

    /// `2 sum w (y ln(y / mu) - y + mu)`.
    pub fn deviance(&self) -> f64 {
        self.deviance
    }

    /// `1 - deviance / deviance of a constant mean`.
    pub fn deviance_r_squared(&self) -> f64 {
        1.0 - self.deviance / self.null_deviance
    }

    /// Relative change of the deviance, one per iteration.
    pub fn history(&self) -> &[f64] {
        &self.history
    }

    /// `sqrt(U' B U)` for scores `U` and bread `B` at the solution: the step still to go, in standard errors.
    pub fn newton_decrement(&self) -> f64 {
        self.newton_decrement
    }

    /// Predicted means for new rows (offset zero): see [`LinearFit::predict`](crate::LinearFit::predict).
    ///
    /// # Errors
    /// Shapes that do not fit, or a level that was not estimated.
    pub fn predict(
        &self,
        x: ArrayView2<'_, f64>,
        effects: &[Categories],
    ) -> Result<Vec<f64>, EstimationError> {
        Ok(self.plain_predictor(x, effects)?.into_iter().map(f64::exp).collect())
    }
}

impl std::fmt::Display for PoissonFit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "outcome: {} (Poisson PML)", self.outcome())?;
        writeln!(f, "{}", self.estimates())?;
        write!(
            f,
            "observations: {}, deviance: {:.6}, deviance R2: {:.4}, iterations: {}",
            self.observations(),
            self.deviance,
            self.deviance_r_squared(),
            self.history.len()
        )?;
        self.describe(f)
    }
}

/// Scores of a coefficient in the model with its value imposed, on the rows used.
pub(crate) struct Null {
    pub(crate) scores: Vec<f64>,
    pub(crate) rows: Vec<usize>,
    pub(crate) all_rows: usize,
}

/// Estimates the model with one coefficient's value imposed.
pub(crate) fn null_model(
    regression: &Regression,
    settings: &PoissonSettings,
    name: &str,
    value: f64,
) -> Result<Null, EstimationError> {
    let tested = regression.position(name)?;
    let column = regression.x.row(tested).to_vec();
    let mut null = regression.clone();
    null.x = without_row(&regression.x, tested);
    null.names.remove(tested);
    if value != 0.0 {
        let offset = null.offset.get_or_insert_with(|| vec![0.0; regression.y.len()]);
        offset.iter_mut().zip(&column).for_each(|(o, x)| *o += value * x);
    }
    let (sample, solved) = solve(&null, settings)?;
    let weights = irls::working_weights(sample.weights.values(), &solved.mu);
    let rows = sample.rows();
    let mut own: Vec<f64> = rows.iter().map(|&row| column[row]).collect();
    Absorber::new(&sample.effects, 1).weighted(Some(&weights)).demean(&mut [&mut own], NULL_TOLERANCE)?;
    let own = residual(solved.x.view(), own, Some(&weights), name)?;
    let scores = own
        .iter()
        .enumerate()
        .map(|(i, x)| x * weights[i] * (sample.y[i] - solved.mu[i]) / solved.mu[i])
        .collect();
    Ok(Null { scores, rows, all_rows: sample.all_rows() })
}

fn refuse_negative(regression: &Regression) -> Result<(), EstimationError> {
    match regression.y.iter().position(|y| *y < 0.0) {
        Some(row) => {
            let (outcome, value) = (regression.outcome.clone(), regression.y[row]);
            Err(EstimationError::NegativeOutcome { outcome, row, value })
        }
        None => Ok(()),
    }
}

/// The sample and the solution on it.
fn solve(
    regression: &Regression,
    settings: &PoissonSettings,
) -> Result<(Sample, irls::Solved), EstimationError> {
    refuse_negative(regression)?;
    let mut sample = Sample::new(regression, Purpose::Poisson)?;
    if sample.y.iter().all(|y| *y == 0.0) {
        return Err(EstimationError::NoRows { because: ": every outcome is zero".into() });
    }
    loop {
        match irls::solve(&mut sample, settings)? {
            irls::Outcome::Solved(solved) => return Ok((sample, *solved)),
            irls::Outcome::Separated(rows) => sample = sample.without(regression, &rows)?,
        }
    }
}

pub(crate) fn fit(
    regression: &Regression,
    settings: &PoissonSettings,
    vcov: &Vcov,
) -> Result<PoissonFit, EstimationError> {
    vcov.check(regression.y.len())?;
    let (mut sample, solved) = solve(regression, settings)?;
    let n = sample.observations();
    let user = sample.weights.values();
    let mut working: Vec<f64> = sample.y.iter().zip(&solved.mu).map(|(y, mu)| (y - mu) / mu).collect();
    let covariance = covariance(
        vcov,
        &Ingredients {
            regressors: solved.x.view(),
            residuals: &working,
            weights: Some(&irls::working_weights(user, &solved.mu)),
            frequency: sample.frequency(),
            bread: solved.bread.view(),
            observations: n,
            effects: &sample.effects,
            rows: &sample.rows(),
            likelihood: true,
            projected: false,
        },
    )?;
    let weights = irls::working_weights(user, &solved.mu);
    let length = |values: &[f64]| weights.iter().zip(values).map(|(w, v)| w * v * v).sum::<f64>().sqrt();
    let accuracy = accuracy::Solved {
        bread: solved.bread.view(),
        condition: solved.condition,
        rows: working.len(),
        cancellation: solved.cancellation,
        outcome: length(&solved.eta),
        residuals: length(&working),
        remaining: solved.newton_decrement,
    }
    .accuracy();
    drop(weights);
    drop(solved.x);
    working.copy_from_slice(&irls::working_weights(user, &solved.mu));
    sample.dropped.regressors.extend(solved.collinear);
    let estimates = Estimates::new(
        solved.names,
        solved.coefficients,
        covariance.matrix,
        vcov.label(),
        covariance.reference,
    )?;
    let mut predictor = solved.eta;
    if let Some(offset) = sample.offset.take() {
        predictor.iter_mut().zip(&offset).for_each(|(eta, o)| *eta -= o);
    }
    let y = std::mem::take(&mut sample.y);
    let estimates = wild_p_values(regression, ScoreModel::Poisson, vcov, estimates)?;
    let fit =
        Fit::new(regression, sample, estimates, &solved.kept, accuracy, solved.mu, Some(working), |_| {
            predictor
        });
    Ok(PoissonFit {
        fit,
        y,
        deviance: solved.deviance,
        null_deviance: solved.null_deviance,
        history: solved.history,
        newton_decrement: solved.newton_decrement,
    })
}
