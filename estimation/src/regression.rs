use std::borrow::Cow;

use ndarray::{Array1, Array2, Axis};

use crate::effects::{Effects, VaryingSlope};
use crate::poisson::{self, MultinomialFit, PoissonFit, PoissonSettings};
use crate::{Categories, EstimationError, KClass, LinearFit, Vcov, Weights, linear};

/// A regression to be run: outcome, regressors, and what else the model holds.
///
/// Build it from arrays, then name the
/// estimator and the variance:
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
/// Rows are observations. A constant is included unless [`without_constant`](Self::without_constant) or
/// [`absorb`](Self::absorb) is called.
#[derive(Debug, Clone)]
pub struct Regression {
    pub(crate) outcome: String,
    pub(crate) y: Vec<f64>,
    /// `[k, n]`.
    pub(crate) x: Array2<f64>,
    pub(crate) names: Vec<String>,
    pub(crate) endogenous: Array2<f64>,
    pub(crate) endogenous_names: Vec<String>,
    pub(crate) instruments: Array2<f64>,
    pub(crate) instrument_names: Vec<String>,
    pub(crate) constant: bool,
    pub(crate) effects: Effects,
    pub(crate) drop_singletons: bool,
    pub(crate) weights: Weights,
    pub(crate) offset: Option<Vec<f64>>,
}

/// `[n, k]` to `[k, n]` with contiguous rows; free for a column-major input.
fn by_column(x: Array2<f64>) -> Array2<f64> {
    let x = x.reversed_axes();
    if x.is_standard_layout() { x } else { x.as_standard_layout().into_owned() }
}

fn strings<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Vec<String> {
    names.into_iter().map(Into::into).collect()
}

impl Regression {
    /// Starts from the outcome, `[n]`, and the regressors, `[n, k]`, named `x1`, `x2`, ... until
    /// [`names`](Self::names) says otherwise. A column-major `x` is taken over without a copy.
    pub fn new(y: impl Into<Array1<f64>>, x: impl Into<Array2<f64>>) -> Self {
        let x = by_column(x.into());
        let n = x.ncols();
        Self {
            outcome: "y".into(),
            y: y.into().to_vec(),
            names: (1..=x.nrows()).map(|i| format!("x{i}")).collect(),
            x,
            endogenous: Array2::zeros((0, n)),
            endogenous_names: Vec::new(),
            instruments: Array2::zeros((0, n)),
            instrument_names: Vec::new(),
            constant: true,
            effects: Effects::default(),
            drop_singletons: true,
            weights: Weights::None,
            offset: None,
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
        self.names = strings(names);
        self
    }

    /// Leaves the constant out.
    #[must_use]
    pub fn without_constant(mut self) -> Self {
        self.constant = false;
        self
    }

    /// Absorbs fixed effects, one coefficient per level of each. They take the place of the constant.
    ///
    /// Rows alone in a level are dropped, repeatedly, and listed in [`Dropped::singletons`](crate::Dropped):
    /// they are fitted exactly, add nothing to the coefficients and bias clustered variances.
    #[must_use]
    pub fn absorb(mut self, effects: impl IntoIterator<Item = Categories>) -> Self {
        self.effects.levels.extend(effects);
        self
    }

    /// Absorbs a slope of `variable` for each level of `by`: `by[variable]` in a formula. The levels themselves are
    /// absorbed by [`absorb`](Self::absorb); without that the slopes stand alone, `by[[variable]]`.
    #[must_use]
    pub fn absorb_slopes(
        mut self,
        by: Categories,
        variable: impl Into<String>,
        values: impl Into<Array1<f64>>,
    ) -> Self {
        let (variable, values) = (variable.into(), values.into().to_vec());
        self.effects.slopes.push(VaryingSlope { by, variable, values });
        self
    }

    /// Keeps rows that are alone in a level of a fixed effect.
    #[must_use]
    pub fn keep_singletons(mut self) -> Self {
        self.drop_singletons = false;
        self
    }

    /// Adds endogenous regressors, `[n, m]`, with their names.
    #[must_use]
    pub fn endogenous<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
        values: impl Into<Array2<f64>>,
    ) -> Self {
        self.endogenous_names = strings(names);
        self.endogenous = by_column(values.into());
        self
    }

    /// Adds the instruments that are excluded from the equation, `[n, l]`, with their names.
    #[must_use]
    pub fn instruments<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
        values: impl Into<Array2<f64>>,
    ) -> Self {
        self.instrument_names = strings(names);
        self.instruments = by_column(values.into());
        self
    }

    /// Weights the rows.
    #[must_use]
    pub fn weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self
    }

    /// Adds a term with coefficient one to the linear predictor of a Poisson model (log exposure).
    #[must_use]
    pub fn offset(mut self, offset: impl Into<Array1<f64>>) -> Self {
        self.offset = Some(offset.into().to_vec());
        self
    }

    /// Whether the model has a constant: effects take its place.
    pub(crate) fn has_constant(&self) -> bool {
        self.constant && self.effects.levels.is_empty()
    }

    /// The same with those exogenous regressors only that are named.
    pub(crate) fn keeping(&self, names: &[String]) -> Cow<'_, Self> {
        let kept: Vec<usize> = (0..self.names.len()).filter(|&j| names.contains(&self.names[j])).collect();
        if kept.len() == self.names.len() {
            return Cow::Borrowed(self);
        }
        let mut fewer = self.clone();
        fewer.x = self.x.select(Axis(0), &kept);
        fewer.names = kept.iter().map(|&j| self.names[j].clone()).collect();
        Cow::Owned(fewer)
    }

    /// Where a regressor stands among the exogenous ones.
    pub(crate) fn position(&self, name: &str) -> Result<usize, EstimationError> {
        self.names.iter().position(|n| n == name).ok_or_else(|| EstimationError::UnknownCoefficient {
            name: name.into(),
            available: self.names.join(", "),
        })
    }

    /// Ordinary (with weights: weighted) least squares.
    ///
    /// Collinear regressors are dropped and named in [`Fit::dropped`](crate::Fit::dropped).
    ///
    /// # Errors
    /// Inputs that do not fit together or are not finite, nothing identified, no degrees of freedom, a perfect
    /// fit, a variance that does not apply, or endogenous regressors: see [`EstimationError`].
    pub fn ols(&self, vcov: &Vcov) -> Result<LinearFit, EstimationError> {
        if !self.endogenous_names.is_empty() {
            return Err(EstimationError::Instruments {
                reason: format!("{} is endogenous; call iv", self.endogenous_names.join(", ")),
            });
        }
        linear::fit(self, KClass::Ols, vcov)
    }

    /// Instrumental variables: two-stage least squares, LIML, or another member of the k-class.
    ///
    /// # Errors
    /// As for [`ols`](Self::ols), fewer instruments (after dropping collinear ones) than endogenous regressors, no endogenous
    /// regressor that others do not span, or a `k` for which the coefficients have no variance.
    pub fn iv(&self, class: KClass, vcov: &Vcov) -> Result<LinearFit, EstimationError> {
        if self.endogenous_names.is_empty() {
            return Err(EstimationError::Instruments {
                reason: "no endogenous regressor is named; call ols".into(),
            });
        }
        linear::fit(self, class, vcov)
    }

    /// Poisson pseudo-maximum likelihood (Santos Silva and Tenreyro 2006): `E(y) = exp(x'b + effects)`, for any
    /// outcome of zero or more, whole or not.
    ///
    /// # Errors
    /// As for [`ols`](Self::ols); a negative outcome; no convergence.
    pub fn poisson(&self, vcov: &Vcov) -> Result<PoissonFit, EstimationError> {
        self.poisson_with(&PoissonSettings::default(), vcov)
    }

    /// [`poisson`](Self::poisson) with other than the default settings.
    ///
    /// # Errors
    /// Those of [`poisson`](Self::poisson).
    pub fn poisson_with(
        &self,
        settings: &PoissonSettings,
        vcov: &Vcov,
    ) -> Result<PoissonFit, EstimationError> {
        if !self.endogenous_names.is_empty() {
            return Err(EstimationError::Instruments {
                reason: "Poisson PML takes no endogenous regressors; use the GMM module".into(),
            });
        }
        poisson::fit(self, settings, vcov)
    }

    /// Multinomial pseudo-maximum likelihood: shares of the outcome in its group's total, as structural gravity has them.
    /// See [`MultinomialFit`].
    ///
    /// # Errors
    /// As for [`poisson`](Self::poisson).
    pub fn multinomial(&self, group: &Categories, vcov: &Vcov) -> Result<MultinomialFit, EstimationError> {
        if !self.endogenous_names.is_empty() {
            return Err(EstimationError::Instruments {
                reason: "multinomial PML takes no endogenous regressors".into(),
            });
        }
        poisson::multinomial::fit(self, group, &PoissonSettings::default(), vcov)
    }
}
