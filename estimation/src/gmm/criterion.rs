use linalg::{Cholesky, LinalgError, matmul};
use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::estimator::invert_covariance;
use super::{Differentiable, GmmError, MomentCovariance};

/// A quadratic expansion of a criterion `Q(theta)`: the curvature is Gauss-Newton's, `2 G' W G`.
pub(super) struct Expansion {
    pub(super) value: f64,
    pub(super) gradient: Array1<f64>,
    pub(super) curvature: Array2<f64>,
}

impl Expansion {
    /// The Gauss-Newton step `-H^-1 grad`.
    pub(super) fn step(&self) -> Result<Array1<f64>, LinalgError> {
        Ok(-Cholesky::factor(self.curvature.view())?.solve(self.gradient.view())?)
    }
}

/// What a search minimises.
pub(super) trait Criterion: Sync {
    /// `Q(theta)`, infinite outside its domain.
    fn value(&self, theta: ArrayView1<'_, f64>) -> f64;
    /// The expansion at `theta`, `None` outside the domain.
    fn expand(&self, theta: ArrayView1<'_, f64>) -> Option<Expansion>;
}

/// The contributions `[n, q]` at `theta`.
pub(super) fn contributions<M: Differentiable>(moments: &M, theta: ArrayView1<'_, f64>) -> Array2<f64> {
    let mut out = Array2::zeros((moments.observations(), moments.moments()));
    moments.contributions(theta, out.view_mut());
    out
}

pub(super) fn mean(contributions: &Array2<f64>) -> Array1<f64> {
    contributions.sum_axis(Axis(0)) / contributions.nrows() as f64
}

/// `Q = g' W g` at a given `W`.
pub(super) struct FixedWeight<'a, M> {
    pub(super) moments: &'a M,
    pub(super) weight: &'a Array2<f64>,
}

impl<M: Differentiable> Criterion for FixedWeight<'_, M> {
    fn value(&self, theta: ArrayView1<'_, f64>) -> f64 {
        let g = self.moments.mean(theta);
        finite_or_infinite(g.dot(&self.weight.dot(&g)))
    }

    fn expand(&self, theta: ArrayView1<'_, f64>) -> Option<Expansion> {
        let g = self.moments.mean(theta);
        let jacobian = self.moments.mean_jacobian(theta);
        expansion(&g, &jacobian, self.weight)
    }
}

/// `Q = g' S(theta)^-1 g`, Hansen, Heaton and Yaron (1996); not defined where `S` is singular to rounding.
pub(super) struct ContinuouslyUpdated<'a, M> {
    pub(super) moments: &'a M,
    pub(super) covariance: &'a MomentCovariance,
}

impl<M: Differentiable> Criterion for ContinuouslyUpdated<'_, M> {
    fn value(&self, theta: ArrayView1<'_, f64>) -> f64 {
        let m = contributions(self.moments, theta);
        let g = mean(&m);
        let weight = self
            .covariance
            .form(self.covariance.prepare(m).view())
            .ok()
            .and_then(|s| invert_covariance(&s).ok());
        weight.map_or(f64::INFINITY, |weight| finite_or_infinite(g.dot(&weight.dot(&g))))
    }

    /// The gradient is `2 (G_k - C_k)' lambda` with `lambda = S^-1 g` and
    /// `C_k = M' K (dM_k lambda) / n`: what re-weighting takes out of the Jacobian.
    fn expand(&self, theta: ArrayView1<'_, f64>) -> Option<Expansion> {
        let m = contributions(self.moments, theta);
        let n = m.nrows() as f64;
        let g = mean(&m);
        let prepared = self.covariance.prepare(m);
        let s = self.covariance.form(prepared.view()).ok()?;
        let weight = invert_covariance(&s).ok()?;
        let lambda = weight.dot(&g);
        let spread = self.covariance.spread(prepared.view());
        let (q, p) = (self.moments.moments(), self.moments.parameters());
        let mut jacobian = Array2::zeros((q, p));
        let mut buffer = Array2::zeros(spread.dim());
        for k in 0..p {
            self.moments.derivative(theta, k, buffer.view_mut());
            let raw = mean(&buffer);
            let moved = self.covariance.prepare(buffer.clone()).dot(&lambda);
            jacobian.column_mut(k).assign(&(raw - spread.t().dot(&moved) / n));
        }
        expansion(&g, &jacobian, &weight)
    }
}

fn expansion(g: &Array1<f64>, jacobian: &Array2<f64>, weight: &Array2<f64>) -> Option<Expansion> {
    let weighted = matmul(weight.view(), jacobian.view()).ok()?;
    let curvature = matmul(jacobian.t(), weighted.view()).ok()? * 2.0;
    let gradient = weighted.t().dot(g) * 2.0;
    let value = g.dot(&weight.dot(g));
    let finite = value.is_finite() && gradient.iter().chain(&curvature).all(|v| v.is_finite());
    finite.then_some(Expansion { value, gradient, curvature })
}

fn finite_or_infinite(value: f64) -> f64 {
    if value.is_nan() { f64::INFINITY } else { value }
}

/// Names the first moment that is not finite at `theta`.
pub(super) fn require_defined<M: Differentiable>(
    moments: &M,
    theta: ArrayView1<'_, f64>,
) -> Result<(), GmmError> {
    let m = contributions(moments, theta);
    match m.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((row, column), value)) => Err(GmmError::NotFinite {
            moment: moments.moment_names().get(column).cloned().unwrap_or_else(|| format!("{}", column + 1)),
            row,
            value: *value,
            theta: theta.to_vec(),
        }),
    }
}
