use linalg::{Cholesky, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::error::require;
use super::estimator::invert_covariance;
use super::{Differentiable, FirstWeight, Gmm, GmmError, GmmFit, Moments, Restricted, Steps, Subset};
use crate::statistic::TestStatistic;

/// The distance test of restrictions, `D = n Q(restricted) - n Q(unrestricted)` at the *same* weight
/// (Newey and West 1987): chi-squared with as many degrees of freedom as there are restrictions.
///
/// `fit` is the unrestricted estimate of an efficient estimator; `start` is for the restricted parameters.
/// Returns the test and the restricted estimate.
///
/// # Errors
/// [`GmmError::Setting`] when `fit` is one-step or continuously updated (its weight moves with the
/// restriction), and whatever the restricted estimation returns.
pub fn distance_test<M: Differentiable>(
    gmm: &Gmm,
    fit: &GmmFit,
    restricted: &Restricted<'_, M>,
    start: ArrayView1<'_, f64>,
) -> Result<(TestStatistic, GmmFit), GmmError> {
    if !matches!(fit.steps, Steps::Two | Steps::Iterated { .. }) {
        return Err(GmmError::Setting {
            setting: "steps",
            problem:
                "a distance test needs one efficient weight for both estimates; use two-step or iterated"
                    .into(),
        });
    }
    let restrictions =
        fit.theta.len().checked_sub(restricted.parameters()).filter(|r| *r > 0).ok_or(GmmError::Setting {
            setting: "restricted",
            problem: "it has as many parameters as the unrestricted problem; impose a restriction".into(),
        })?;
    let estimator = Gmm {
        first_weight: FirstWeight::Given(fit.weight.clone()),
        steps: Steps::One,
        covariance: super::CovarianceOfEstimates::Sandwich,
        ..gmm.clone()
    };
    let constrained = estimator.fit(restricted, start)?;
    let statistic = constrained.criterion() - fit.criterion();
    Ok((TestStatistic::chi_squared(statistic, restrictions), constrained))
}

/// The test that `suspect` moments hold, given that the others do: `C = J - J(without them)` with the weight
/// of the kept moments taken from the full `S`, so that `C >= 0` (Eichenbaum, Hansen and Singleton 1988; the
/// difference-in-Hansen statistic).
///
/// # Errors
/// [`GmmError::Underidentified`] when too few moments are left, [`GmmError::Setting`] after a single step, and
/// whatever the estimation on the kept moments returns.
pub fn exogeneity_test<M: Differentiable>(
    gmm: &Gmm,
    fit: &GmmFit,
    moments: &M,
    suspect: &[usize],
) -> Result<TestStatistic, GmmError> {
    if !matches!(fit.steps, Steps::Two | Steps::Iterated { .. }) {
        return Err(GmmError::Setting {
            setting: "steps",
            problem: "the test needs an efficient weight; use two-step or iterated".into(),
        });
    }
    let keep: Vec<usize> = (0..moments.moments()).filter(|k| !suspect.contains(k)).collect();
    let dropped = moments.moments() - keep.len();
    if dropped == 0 || dropped != suspect.len() {
        return Err(GmmError::Setting {
            setting: "suspect",
            problem: "name at least one moment, each once".into(),
        });
    }
    let subset = Subset::new(moments, keep.clone())?;
    // S behind the full weight, not S at the final estimates: the two criteria must share it.
    let s = linalg::inverse(fit.weight.view())?;
    let kept = Array2::from_shape_fn((keep.len(), keep.len()), |(i, j)| s[[keep[i], keep[j]]]);
    let estimator = Gmm {
        first_weight: FirstWeight::Given(invert_covariance(&kept)?),
        steps: Steps::One,
        covariance: super::CovarianceOfEstimates::Sandwich,
        ..gmm.clone()
    };
    let without = estimator.fit(&subset, fit.theta.view())?;
    Ok(TestStatistic::chi_squared(fit.criterion() - without.criterion(), dropped))
}

/// The Wald test of `R theta = r`, `[m, p]` and `[m]`.
///
/// # Errors
/// [`GmmError::Shape`] when sizes do not fit, [`GmmError::Linalg`] when the restrictions are redundant.
pub fn wald_test(
    theta: ArrayView1<'_, f64>,
    covariance: ArrayView2<'_, f64>,
    restrictions: ArrayView2<'_, f64>,
    values: ArrayView1<'_, f64>,
) -> Result<TestStatistic, GmmError> {
    require("columns of the restrictions", theta.len(), restrictions.ncols())?;
    require("restriction values", restrictions.nrows(), values.len())?;
    require("covariance", theta.len(), covariance.nrows())?;
    let gap = restrictions.dot(&theta) - values;
    let v = matmul(matmul(restrictions, covariance)?.view(), restrictions.t())?;
    let statistic = gap.dot(&Cholesky::well_conditioned(v.view())?.solve(gap.view())?);
    Ok(TestStatistic::chi_squared(statistic, gap.len()))
}

/// A function of estimates with its covariance.
#[derive(Debug, Clone, PartialEq)]
pub struct Transformed {
    /// `f(theta)`.
    pub values: Array1<f64>,
    /// `F V F'`.
    pub covariance: Array2<f64>,
}

impl Transformed {
    /// Standard errors.
    pub fn standard_errors(&self) -> Array1<f64> {
        self.covariance.diag().mapv(|v| v.max(0.0).sqrt())
    }
}

/// The delta method with a given Jacobian `F = df/dtheta'`.
///
/// # Errors
/// [`GmmError::Shape`] when sizes do not fit.
pub fn delta_method(
    values: Array1<f64>,
    jacobian: ArrayView2<'_, f64>,
    covariance: ArrayView2<'_, f64>,
) -> Result<Transformed, GmmError> {
    require("rows of the Jacobian", values.len(), jacobian.nrows())?;
    require("columns of the Jacobian", covariance.nrows(), jacobian.ncols())?;
    let covariance = matmul(matmul(jacobian, covariance)?.view(), jacobian.t())?;
    Ok(Transformed { values, covariance })
}

/// The delta method with the Jacobian by central differences, each step a thousandth of a standard error or
/// `eps^(1/3)` of the parameter, whichever is larger.
///
/// # Errors
/// [`GmmError::Shape`] when sizes do not fit, [`GmmError::InvalidInput`] when `f` is not finite at or around
/// the estimates.
pub fn delta_method_numeric(
    theta: ArrayView1<'_, f64>,
    covariance: ArrayView2<'_, f64>,
    f: impl Fn(ArrayView1<'_, f64>) -> Array1<f64>,
) -> Result<Transformed, GmmError> {
    require("covariance", theta.len(), covariance.nrows())?;
    let values = f(theta);
    let mut jacobian = Array2::zeros((values.len(), theta.len()));
    for k in 0..theta.len() {
        let step = (1e-3 * covariance[[k, k]].max(0.0).sqrt())
            .max(f64::EPSILON.cbrt() * theta[k].abs())
            .max(f64::EPSILON);
        let mut point = theta.to_owned();
        point[k] = theta[k] + step;
        let (upper, high) = (f(point.view()), point[k]);
        point[k] = theta[k] - step;
        let lower = f(point.view());
        jacobian.column_mut(k).assign(&((upper - lower) / (high - point[k])));
    }
    super::error::require_finite("transformed estimates", &values)?;
    super::error::require_finite("derivatives of the transformation", &jacobian)?;
    delta_method(values, jacobian.view(), covariance)
}
