use linalg::{Cholesky, Lu, SymmetricEigen};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::EstimationError;
use crate::columns::{combine, cross, cross_vector, gram};
use crate::error::Context;
use crate::solve::{Solution, least_squares};

/// Members of the k-class `b = (X'(I - k M_Z) X)^-1 X'(I - k M_Z) y`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum KClass {
    /// `k = 0`: ignores the endogeneity; for comparison.
    Ols,
    /// `k = 1`: two-stage least squares.
    TwoStage,
    /// Limited-information maximum likelihood: `k` is the smallest root of
    /// `|Y'M_exogenous Y - k Y'M_Z Y| = 0`, `Y` holding outcome and endogenous regressors.
    Liml,
    /// LIML's `k` less `a / (n - instruments)` (Fuller 1977), exogenous regressors and absorbed effects among the instruments;
    /// `a = 1` is nearly unbiased.
    Fuller(f64),
    /// Any `k` that leaves `X'(I - k M_Z)X` positive definite: all up to 1, and some beyond.
    Fixed(f64),
}

pub(super) struct Solved {
    pub(super) solution: Solution,
    /// What residuals multiply in the scores when it is not `X`: with an estimated `k`, which tends to 1, `P_Z X`, as other
    /// packages have it; with a given one `(I - k M_Z) X`, of which `b` less the truth is made.
    pub(super) regressors: Option<Array2<f64>>,
    pub(super) kappa: f64,
}

/// `x` holds `exogenous` rows and then the endogenous ones; `z` the exogenous rows and then the instruments. `count` is the number
/// of observations and that of absorbed effects.
pub(super) fn k_class(
    class: KClass,
    x: ArrayView2<'_, f64>,
    y: &[f64],
    z: ArrayView2<'_, f64>,
    exogenous: usize,
    weights: Option<&[f64]>,
    count: (f64, usize),
) -> Result<Solved, EstimationError> {
    const WHERE: &str = "k-class normal equations";
    let m = x.nrows() - exogenous;
    let kappa = match class {
        KClass::Ols => 0.0,
        KClass::TwoStage => 1.0,
        KClass::Fixed(k) => k,
        KClass::Liml => liml_root(x, y, z, exogenous, weights)?,
        KClass::Fuller(a) => {
            let (n, parameters) = (count.0, z.nrows() + count.1);
            if n <= parameters as f64 {
                return Err(EstimationError::NoDegreesOfFreedom { parameters, rows: n as usize });
            }
            liml_root(x, y, z, exogenous, weights)? - a / (n - parameters as f64)
        }
    };
    if !kappa.is_finite() {
        return Err(EstimationError::Instruments { reason: format!("k is {kappa}; it must be finite") });
    }
    let mut regressors = x.to_owned();
    let mut projected = x.to_owned();
    for j in exogenous..exogenous + m {
        let column = x.row(j).to_vec();
        let first_stage = least_squares(z, &column, weights)?;
        regressors.row_mut(j).iter_mut().zip(&first_stage.residuals).for_each(|(r, v)| *r -= kappa * v);
        projected.row_mut(j).iter_mut().zip(&first_stage.residuals).for_each(|(r, v)| *r -= v);
    }
    let a = cross(regressors.view(), x, weights);
    let a = (&a + &a.t()) * 0.5;
    let lu = Lu::well_conditioned(a.view()).context(WHERE)?;
    if Cholesky::factor(a.view()).is_err() {
        let reason = format!(
            "k = {kappa} is too large: X'(I - k M_Z)X is not positive definite, and coefficients have no variance; use a \
             smaller one, such as LIML's"
        );
        return Err(EstimationError::Instruments { reason });
    }
    let mut coefficients = lu.solve(cross_vector(regressors.view(), y, weights).view()).context(WHERE)?;
    let residual_of = |b: &Array1<f64>| -> Vec<f64> {
        combine(x, b.view()).into_iter().zip(y).map(|(f, y)| y - f).collect()
    };
    let left = residual_of(&coefficients);
    coefficients += &lu.solve(cross_vector(regressors.view(), &left, weights).view()).context(WHERE)?;
    let bread = lu.solve_many(Array2::eye(x.nrows()).view()).context(WHERE)?;
    let bread = (&bread + &bread.t()) * 0.5;
    let residuals = residual_of(&coefficients);
    let condition = 1.0 / lu.reciprocal_condition(a.view()).context(WHERE)?;
    let scores = match class {
        KClass::Liml | KClass::Fuller(_) => projected,
        KClass::Ols | KClass::TwoStage | KClass::Fixed(_) => regressors,
    };
    Ok(Solved {
        solution: Solution { coefficients, bread, residuals, condition },
        regressors: Some(scores),
        kappa,
    })
}

/// The smallest root of `|S1 - k S2| = 0`, `S1` and `S2` being the cross-products of outcome and endogenous
/// regressors net of the exogenous ones and net of all instruments.
fn liml_root(
    x: ArrayView2<'_, f64>,
    y: &[f64],
    z: ArrayView2<'_, f64>,
    exogenous: usize,
    weights: Option<&[f64]>,
) -> Result<f64, EstimationError> {
    let net = |basis: ArrayView2<'_, f64>| -> Result<Array2<f64>, EstimationError> {
        let mut rows = Array2::zeros((1 + x.nrows() - exogenous, y.len()));
        for (j, mut target) in rows.axis_iter_mut(Axis(0)).enumerate() {
            let column = if j == 0 { y.to_vec() } else { x.row(exogenous + j - 1).to_vec() };
            let left =
                if basis.nrows() == 0 { column } else { least_squares(basis, &column, weights)?.residuals };
            target.assign(&Array1::from_vec(left));
        }
        Ok(gram(rows.view(), weights))
    };
    let s1 = net(x.slice_axis(Axis(0), ndarray::Slice::from(..exogenous)))?;
    let s2 = net(z)?;
    let factor = Cholesky::well_conditioned(s2.view()).context("LIML")?;
    let mut half = Array2::zeros(s1.raw_dim());
    for (mut target, column) in half.columns_mut().into_iter().zip(s1.columns()) {
        target.assign(&factor.solve_lower(column).context("LIML")?);
    }
    let mut whitened = Array2::zeros(s1.raw_dim());
    for (mut target, column) in whitened.columns_mut().into_iter().zip(half.rows()) {
        target.assign(&factor.solve_lower(column).context("LIML")?);
    }
    let eigen = SymmetricEigen::new(whitened.view()).context("LIML")?;
    Ok(eigen.values[0])
}
