use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// How exact the arithmetic behind the coefficients is. Sampling error, which standard errors tell, is something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// The condition number of what was solved: for least squares and Poisson of the regressors, net of absorbed effects, each
    /// scaled to length one (Belsley, Kuh and Welsch 1980); for instrumental variables of the k-class's normal equations.
    pub condition: f64,
    /// What rounding, and for Poisson the end of the iteration, may have moved each coefficient by, in its own unit: an
    /// estimate that errs on the high side.
    pub error: Vec<f64>,
}

/// What the errors of a solved system follow from. Lengths are square roots of weighted sums of squares.
pub(crate) struct Solved<'a> {
    /// `(X'WX)^-1`.
    pub(crate) bread: ArrayView2<'a, f64>,
    pub(crate) condition: f64,
    pub(crate) rows: usize,
    /// How much longer a regressor was before effects were taken out, at most.
    pub(crate) cancellation: f64,
    /// Length of the outcome as it was given.
    pub(crate) outcome: f64,
    /// Length of the residuals.
    pub(crate) residuals: f64,
    /// Length of the step that was still to go.
    pub(crate) remaining: f64,
}

impl Solved<'_> {
    /// The first-order perturbation bound of least squares (Bjorck 1996, section 1.4): relative changes `e` of the data move
    /// coefficient `j` by up to `e sqrt(B_jj) (|y| + condition |u|)`. Rounding in sums over rows makes `e` grow with their
    /// root, and an effect taken out of a much longer variable leaves that variable's rounding behind.
    pub(crate) fn accuracy(&self) -> Accuracy {
        let rounding = f64::EPSILON * (self.rows as f64).sqrt() * self.cancellation.max(1.0);
        let length = rounding * (self.outcome + self.condition * self.residuals) + self.remaining;
        let error = self.bread.diag().iter().map(|b| b.max(0.0).sqrt() * length).collect();
        Accuracy { condition: self.condition, error }
    }
}

/// How much longer variables were than what is left of them, at most, from their sums of squares.
pub(crate) fn cancellation(
    before: impl IntoIterator<Item = f64>,
    after: impl IntoIterator<Item = f64>,
) -> f64 {
    before.into_iter().zip(after).map(|(b, a)| (b / a).sqrt()).fold(1.0, f64::max)
}
