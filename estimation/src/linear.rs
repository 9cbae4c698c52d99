use ndarray::Axis;

use crate::sample::Sample;
use crate::solve::{keep_independent, least_squares};
use crate::vcov::{Ingredients, covariance};
use crate::{Estimates, EstimationError, Regression, Vcov};

/// A fitted linear regression.
#[derive(Debug, Clone)]
pub struct LinearFit {
    pub(crate) estimates: Estimates,
    pub(crate) outcome: String,
    pub(crate) observations: f64,
    pub(crate) rows: Vec<usize>,
    pub(crate) dropped: Vec<String>,
    pub(crate) residuals: Vec<f64>,
    pub(crate) fitted: Vec<f64>,
    pub(crate) residual_ss: f64,
    pub(crate) total_ss: f64,
}

impl LinearFit {
    /// Coefficients, standard errors, tests.
    pub fn estimates(&self) -> &Estimates {
        &self.estimates
    }

    /// Observations: rows used, or the sum of their frequency weights.
    pub fn observations(&self) -> f64 {
        self.observations
    }

    /// The rows of the caller's data that were used, counted from 0.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Regressors left out because others (or the fixed effects) span them.
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }

    /// Outcome less fitted value, one per row used.
    pub fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    /// Fitted values, one per row used.
    pub fn fitted(&self) -> &[f64] {
        &self.fitted
    }

    /// The weighted residual sum of squares.
    pub fn residual_sum_of_squares(&self) -> f64 {
        self.residual_ss
    }

    /// The share of the (weighted) variation that is explained: about the mean when there is a constant, about
    /// zero when there is none.
    pub fn r_squared(&self) -> f64 {
        1.0 - self.residual_ss / self.total_ss
    }
}

impl std::fmt::Display for LinearFit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "outcome: {}", self.outcome)?;
        writeln!(f, "{}", self.estimates)?;
        write!(f, "observations: {}, R2: {:.4}", self.observations, self.r_squared())?;
        if !self.dropped.is_empty() {
            write!(f, "\ndropped as collinear: {}", self.dropped.join(", "))?;
        }
        Ok(())
    }
}

pub(crate) fn ols(regression: &Regression, vcov: &Vcov) -> Result<LinearFit, EstimationError> {
    let sample = Sample::new(regression)?;
    let weights = sample.weights.values();
    let scale: Vec<f64> = sample
        .x
        .axis_iter(Axis(0))
        .map(|c| c.iter().enumerate().map(|(i, v)| weights.map_or(1.0, |w| w[i]) * v * v).sum())
        .collect();
    let kept = keep_independent(sample.x.view(), weights, &scale, regression.constant)?;
    let keep: Vec<usize> = (0..kept.len()).filter(|&j| kept[j]).collect();
    let dropped: Vec<String> =
        (0..kept.len()).filter(|&j| !kept[j]).map(|j| sample.names[j].clone()).collect();
    if keep.is_empty() {
        return Err(EstimationError::NothingIdentified { dropped: dropped.join(", ") });
    }
    let x = if dropped.is_empty() { sample.x.clone() } else { sample.x.select(Axis(0), &keep) };
    let n = sample.observations();
    if keep.len() as f64 >= n {
        return Err(EstimationError::NoDegreesOfFreedom { parameters: keep.len(), rows: n as usize });
    }
    let solution = least_squares(x.view(), &sample.y, weights)?;
    let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
    let sum = |f: &dyn Fn(usize) -> f64| (0..sample.y.len()).map(|i| weight(i) * f(i)).sum::<f64>();
    let raw_ss = sum(&|i| sample.y[i].powi(2));
    let residual_ss = sum(&|i| solution.residuals[i].powi(2));
    if residual_ss <= PERFECT_FIT_TOLERANCE * raw_ss {
        return Err(EstimationError::PerfectFit { outcome: regression.outcome.clone() });
    }
    let centre = if regression.constant { sum(&|i| sample.y[i]) / sum(&|_| 1.0) } else { 0.0 };
    let total_ss = sum(&|i| (sample.y[i] - centre).powi(2));
    let parts = Ingredients {
        regressors: x.view(),
        residuals: &solution.residuals,
        weights,
        frequency: sample.frequency(),
        bread: solution.bread.view(),
        observations: n,
        effects: &[],
        rows: &sample.rows,
        all_rows: sample.all_rows,
        likelihood: false,
        projected: false,
    };
    let covariance = covariance(vcov, &parts)?;
    let names = keep.iter().map(|&j| sample.names[j].clone()).collect();
    let estimates =
        Estimates::new(names, solution.coefficients, covariance.matrix, vcov.label(), covariance.reference)?;
    let fitted = sample.y.iter().zip(&solution.residuals).map(|(y, u)| y - u).collect();
    Ok(LinearFit {
        estimates,
        outcome: regression.outcome.clone(),
        observations: n,
        rows: sample.rows,
        dropped,
        residuals: solution.residuals,
        fitted,
        residual_ss,
        total_ss,
    })
}

/// A residual sum of squares below this share of the outcome's is rounding.
const PERFECT_FIT_TOLERANCE: f64 = 1e-24;
