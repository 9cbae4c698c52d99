use ndarray::{Array2, ArrayView2};

use crate::effects::{Absorbed, FixedEffects};
use crate::sample::{Dropped, Sample};
use crate::{Accuracy, Categories, Estimates, EstimationError, Regression};

/// What every fitted regression has. [`LinearFit`](crate::LinearFit) and [`PoissonFit`](crate::PoissonFit) give access
/// to it as if it were theirs.
#[derive(Debug, Clone)]
pub struct Fit {
    pub(crate) estimates: Estimates,
    outcome: String,
    observations: f64,
    rows: Vec<usize>,
    dropped: Dropped,
    fitted: Vec<f64>,
    absorbed: Absorbed,
    accuracy: Accuracy,
}

impl Fit {
    /// `kept` says which regressors of the sample the estimates are of; `predictor` gives the linear predictor without any
    /// offset; `weights` those under which effects were taken out.
    pub(crate) fn new(
        regression: &Regression,
        sample: Sample,
        estimates: Estimates,
        kept: &[usize],
        accuracy: Accuracy,
        fitted: Vec<f64>,
        weights: Option<Vec<f64>>,
        predictor: impl FnOnce(&[f64]) -> Vec<f64>,
    ) -> Self {
        let observations = sample.observations();
        let rows = sample.rows();
        let absorbed = Absorbed::new(regression, &rows, sample.effects, weights, &estimates, kept, || {
            predictor(&fitted)
        });
        Self {
            estimates,
            outcome: sample.outcome,
            observations,
            rows,
            dropped: sample.dropped,
            fitted,
            absorbed,
            accuracy,
        }
    }

    /// Coefficients, standard errors, tests.
    pub fn estimates(&self) -> &Estimates {
        &self.estimates
    }

    /// How exact the arithmetic behind the coefficients is.
    pub fn accuracy(&self) -> &Accuracy {
        &self.accuracy
    }

    /// The name of the outcome.
    pub fn outcome(&self) -> &str {
        &self.outcome
    }

    /// Observations: rows used, or the sum of their frequency weights.
    pub fn observations(&self) -> f64 {
        self.observations
    }

    /// The rows of the caller's data that were used, counted from 0.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// What was left out, and why.
    pub fn dropped(&self) -> &Dropped {
        &self.dropped
    }

    /// Fitted values, fixed effects included, one per row used: means for Poisson.
    pub fn fitted(&self) -> &[f64] {
        &self.fitted
    }

    /// Names of the absorbed effects; slopes that vary by level are `by[variable]` and come last.
    pub fn effects(&self) -> Vec<String> {
        self.absorbed.names()
    }

    /// The values of the absorbed effects, on the scale of the linear predictor.
    ///
    /// # Errors
    /// [`EstimationError::Absorption`] when they cannot be told apart to the tolerance, or two levels of one by their labels.
    pub fn fixed_effects(&self) -> Result<FixedEffects, EstimationError> {
        self.absorbed.recover()
    }

    /// The linear predictor of new rows, any offset zero: `x` is `[m, k]` in the order of the coefficients, the constant
    /// left out; one entry of `effects` for each of [`effects`](Self::effects), in their order; `slopes` is `[m, s]`, the
    /// variables of those that are slopes.
    ///
    /// # Errors
    /// Shapes that do not fit, or a level that was not estimated.
    pub fn linear_predictor(
        &self,
        x: ArrayView2<'_, f64>,
        effects: &[Categories],
        slopes: ArrayView2<'_, f64>,
    ) -> Result<Vec<f64>, EstimationError> {
        self.absorbed.linear_predictor(&self.estimates, x, effects, slopes)
    }

    /// [`linear_predictor`](Self::linear_predictor) of a model without slopes that vary by level.
    pub(crate) fn plain_predictor(
        &self,
        x: ArrayView2<'_, f64>,
        effects: &[Categories],
    ) -> Result<Vec<f64>, EstimationError> {
        self.linear_predictor(x, effects, Array2::zeros((x.nrows(), 0)).view())
    }

    /// The lines that end a printed fit.
    pub(crate) fn describe(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.absorbed.describe(f)?;
        self.dropped.describe(f)
    }
}
