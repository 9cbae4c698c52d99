//! The weighted normal equations, with collinear regressors set aside.

use linalg::{Cholesky, LinalgError, Qr, independent_columns};
use ndarray::{Array1, Array2, ArrayView2, Axis, ShapeBuilder};

use crate::EstimationError;
use crate::columns::{combine, cross_vector, gram, gram_transformed};
use crate::error::Context;

/// A regressor is collinear when the ones before it (with the constant and the fixed effects) leave less than
/// this share of its variation.
pub(crate) const COLLINEARITY_TOLERANCE: f64 = 1e-10;

/// A regressor is constant when its variation is below this share of its sum of squares: rounding.
const CONSTANT_TOLERANCE: f64 = 1e-13;

/// The regressors that stay, and the names of those that do not.
pub(crate) struct Kept {
    pub(crate) index: Vec<usize>,
    pub(crate) dropped: Vec<String>,
}

impl Kept {
    pub(crate) fn among(
        x: ArrayView2<'_, f64>,
        names: &[String],
        weights: Option<&[f64]>,
        scale: &[f64],
        constant: bool,
    ) -> Result<Self, EstimationError> {
        let kept = keep_independent(x, weights, scale, constant, COLLINEARITY_TOLERANCE)?;
        let (index, out): (Vec<usize>, Vec<usize>) = (0..kept.len()).partition(|&j| kept[j]);
        Ok(Self { index, dropped: out.into_iter().map(|j| names[j].clone()).collect() })
    }
}

/// Sums of squares about zero of each row.
pub(crate) fn sums_of_squares(x: ArrayView2<'_, f64>, weights: Option<&[f64]>) -> Vec<f64> {
    x.axis_iter(Axis(0))
        .map(|c| c.iter().enumerate().map(|(i, v)| weights.map_or(1.0, |w| w[i]) * v * v).sum())
        .collect()
}

/// Sums of squares about the mean of each row when fixed effects will be taken out: their level is no variation.
pub(crate) fn variation(x: ArrayView2<'_, f64>, weights: Option<&[f64]>, about_mean: bool) -> Vec<f64> {
    let raw = sums_of_squares(x, weights);
    if !about_mean {
        return raw;
    }
    let total: f64 = weights.map_or(x.ncols() as f64, |w| w.iter().sum());
    x.axis_iter(Axis(0))
        .zip(&raw)
        .map(|(c, raw)| {
            let sum: f64 = c.iter().enumerate().map(|(i, v)| weights.map_or(1.0, |w| w[i]) * v).sum();
            // A constant regressor has no variation but rounding; measured against its level it is dropped.
            let centred = raw - sum * sum / total;
            if centred <= 1e-12 * raw { *raw } else { centred }
        })
        .collect()
}

/// A solved least-squares problem.
pub(crate) struct Solution {
    /// One per regressor given.
    pub(crate) coefficients: Array1<f64>,
    /// `(X'WX)^-1`.
    pub(crate) bread: Array2<f64>,
    pub(crate) residuals: Vec<f64>,
    /// The condition number of the regressors, each scaled to length one.
    pub(crate) condition: f64,
}

/// Which of the regressors `[k, n]` to keep. `scale` holds the sums of squares that count as full size: those
/// before the fixed effects were taken out. With `constant` the first row is the constant. `tolerance` is
/// [`COLLINEARITY_TOLERANCE`], or more to see which regressors come near it.
pub(crate) fn keep_independent(
    x: ArrayView2<'_, f64>,
    weights: Option<&[f64]>,
    scale: &[f64],
    constant: bool,
    tolerance: f64,
) -> Result<Vec<bool>, EstimationError> {
    let mut g = gram(x, weights);
    if constant {
        let means = g.row(0).to_owned();
        let total = g[[0, 0]];
        for ((i, j), v) in g.indexed_iter_mut() {
            if i > 0 && j > 0 {
                *v -= means[i] * means[j] / total;
            } else if i != j {
                *v = 0.0;
            }
        }
    }
    let alive: Vec<bool> = (0..scale.len())
        .map(|j| g[[j, j]] > if constant { CONSTANT_TOLERANCE } else { tolerance } * scale[j])
        .collect();
    let unit =
        Array1::from_iter((0..scale.len()).map(|j| if alive[j] { 1.0 / g[[j, j]].sqrt() } else { 0.0 }));
    let scaled = &g * &unit.view().insert_axis(Axis(0)) * unit.view().insert_axis(Axis(1));
    independent_columns(scaled.view(), tolerance).context("collinearity check")
}

/// Least squares of `y` on independent regressors `[k, n]`.
///
/// The Cholesky factor of the scaled normal equations turns the regressors into nearly orthonormal ones, whose
/// own normal equations are then solved, once for the outcome and once for what the first solution left. Both
/// coefficients and `(X'WX)^-1` come out with the accuracy of an orthogonal method, at two passes over the data.
pub(crate) fn least_squares(
    x: ArrayView2<'_, f64>,
    y: &[f64],
    weights: Option<&[f64]>,
) -> Result<Solution, EstimationError> {
    const WHERE: &str = "normal equations";
    let g = gram(x, weights);
    let unit = g.diag().mapv(|v| 1.0 / v.sqrt());
    let outer = &unit.view().insert_axis(Axis(0)) * &unit.view().insert_axis(Axis(1));
    let first = Cholesky::factor((&g * &outer).view()).context(WHERE)?;
    let mut whiten = Array2::zeros(g.raw_dim());
    for (j, mut column) in whiten.columns_mut().into_iter().enumerate() {
        let mut e = Array1::zeros(g.nrows());
        e[j] = unit[j];
        column.assign(&first.solve_lower(e.view()).context(WHERE)?);
    }
    let second = Cholesky::factor(gram_transformed(whiten.view(), x, weights).view()).context(WHERE)?;
    let bread = whiten.t().dot(&second.inverse().context(WHERE)?).dot(&whiten);
    let solve = |r: Array1<f64>| -> Result<Array1<f64>, EstimationError> {
        Ok(whiten.t().dot(&second.solve(whiten.dot(&r).view()).context(WHERE)?))
    };
    let mut coefficients = solve(cross_vector(x, y, weights))?;
    let residual_of = |b: &Array1<f64>| -> Vec<f64> {
        let mut residuals = combine(x, b.view());
        residuals.iter_mut().zip(y).for_each(|(r, y)| *r = y - *r);
        residuals
    };
    let left = residual_of(&coefficients);
    coefficients += &solve(cross_vector(x, &left, weights))?;
    drop(left);
    let residuals = residual_of(&coefficients);
    // The cross-products' condition number is the square of the regressors'.
    let condition = first.reciprocal_condition().sqrt().recip();
    Ok(Solution { coefficients, bread, residuals, condition })
}

/// An orthonormal basis, `[n, r]`, of what the columns of `[n, m]` span. Columns that those before them span add nothing to it.
pub(crate) fn basis(columns: ArrayView2<'_, f64>) -> Result<Array2<f64>, LinalgError> {
    let (n, m) = columns.dim();
    if m <= n {
        let qr = Qr::factor(columns)?;
        let r = qr.r();
        let own = |j: usize| r[[j, j]].powi(2) > CONSTANT_TOLERANCE * r.column(j).dot(&r.column(j));
        if (0..m).all(own) {
            return Ok(qr.q().to_owned());
        }
    }
    // The factorisation gives a dependent column a direction all the same, any one. Gram and Schmidt's leaves it out; the second
    // pass takes out what rounding left of the first.
    let mut found: Vec<Array1<f64>> = Vec::new();
    for column in columns.columns() {
        let mut left = column.to_owned();
        for q in found.iter().chain(&found) {
            let part = q.dot(&left);
            left.scaled_add(-part, q);
        }
        let length = left.dot(&left);
        if length > CONSTANT_TOLERANCE * column.dot(&column) {
            found.push(left / length.sqrt());
        }
    }
    Ok(Array2::from_shape_fn((n, found.len()).f(), |(i, j)| found[j][i]))
}

/// All rows but one.
pub(crate) fn without_row(x: &Array2<f64>, row: usize) -> Array2<f64> {
    let rest: Vec<usize> = (0..x.nrows()).filter(|&j| j != row).collect();
    x.select(Axis(0), &rest)
}

/// What independent regressors `[k, n]` leave of a variable called `name`.
pub(crate) fn residual(
    x: ArrayView2<'_, f64>,
    variable: Vec<f64>,
    weights: Option<&[f64]>,
    name: &str,
) -> Result<Vec<f64>, EstimationError> {
    let square =
        |v: &[f64]| -> f64 { v.iter().enumerate().map(|(i, v)| weights.map_or(1.0, |w| w[i]) * v * v).sum() };
    let whole = square(&variable);
    let left = if x.nrows() == 0 { variable } else { least_squares(x, &variable, weights)?.residuals };
    if square(&left) <= COLLINEARITY_TOLERANCE * whole {
        return Err(EstimationError::NothingIdentified { dropped: name.into() });
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_basis_spans_what_its_columns_span_and_nothing_else() {
        // The third is the sum of the first two, the fourth is nothing, and there are more of them than rows.
        let columns = array![
            [1.0, 0.0, 1.0, 0.0, 2.0, 3.0],
            [1.0, 1.0, 2.0, 0.0, 0.0, 1.0],
            [1.0, 2.0, 3.0, 0.0, 1.0, 4.0],
            [1.0, 4.0, 5.0, 0.0, 0.0, 0.0],
        ];
        for (m, rank) in [(2, 2), (3, 2), (4, 2), (5, 3), (6, 4)] {
            let part = columns.slice_axis(Axis(1), (..m).into());
            let q = basis(part).unwrap();
            assert_eq!(q.dim(), (4, rank), "{m}");
            let unit = &q.t().dot(&q) - &Array2::<f64>::eye(rank);
            let left = &part - &q.dot(&q.t().dot(&part));
            assert!(unit.iter().chain(&left).all(|v| v.abs() < 1e-13), "{m}: {q}");
        }
    }
}
