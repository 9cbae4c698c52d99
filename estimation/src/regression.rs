use ndarray::{Array1, Array2};

use crate::{EstimationError, LinearFit, Vcov, Weights, linear};

/// A regression to be run: outcome, regressors, and what else the model holds.
///
/// Build it from arrays, then name the estimator and the variance:
///
/// ```
/// use estimation::{Regression, Vcov};
/// use ndarray::{array, Array1};
///
/// let y: Array1<f64> = array![1.1, 1.9, 3.2, 3.9, 5.1];
/// let x = array![[1.0], [2.0], [3.0], [4.0], [5.0]];
/// let fit = Regression::new(y, x).names(["distance"]).without_constant().ols(&Vcov::Hc1)?;
/// let b = fit.estimates().coefficient("distance")?;
/// assert!((b.estimate - 55.6 / 55.0).abs() < 1e-12);
/// println!("{fit}");
/// # Ok::<(), estimation::EstimationError>(())
/// ```
///
/// Rows are observations. A constant is included unless [`without_constant`](Self::without_constant) is called.
#[derive(Debug, Clone)]
pub struct Regression {
    pub(crate) outcome: String,
    pub(crate) y: Vec<f64>,
    /// `[k, n]`.
    pub(crate) x: Array2<f64>,
    pub(crate) names: Vec<String>,
    pub(crate) constant: bool,
    pub(crate) weights: Weights,
}

impl Regression {
    /// Starts from the outcome, `[n]`, and the regressors, `[n, k]`, named `x1`, `x2`, ... until
    /// [`names`](Self::names) says otherwise. A column-major `x` is taken over without a copy.
    pub fn new(y: impl Into<Array1<f64>>, x: impl Into<Array2<f64>>) -> Self {
        let x = x.into().reversed_axes();
        let x = if x.is_standard_layout() { x } else { x.as_standard_layout().into_owned() };
        Self {
            outcome: "y".into(),
            y: y.into().to_vec(),
            names: (1..=x.nrows()).map(|i| format!("x{i}")).collect(),
            x,
            constant: true,
            weights: Weights::None,
        }
    }

    /// Names the outcome.
    #[must_use]
    pub fn outcome(mut self, name: impl Into<String>) -> Self {
        self.outcome = name.into();
        self
    }

    /// Names the regressors, in the order of the columns.
    #[must_use]
    pub fn names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Leaves the constant out.
    #[must_use]
    pub fn without_constant(mut self) -> Self {
        self.constant = false;
        self
    }

    /// Weights the rows.
    #[must_use]
    pub fn weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self
    }

    /// Ordinary (with weights: weighted) least squares.
    ///
    /// Collinear regressors are dropped and named in [`LinearFit::dropped`].
    ///
    /// # Errors
    /// Inputs that do not fit together or are not finite, nothing identified, no degrees of freedom, a perfect
    /// fit, or a variance that does not apply: see [`EstimationError`].
    pub fn ols(&self, vcov: &Vcov) -> Result<LinearFit, EstimationError> {
        linear::ols(self, vcov)
    }
}
