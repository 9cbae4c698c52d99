//! `faer`, on the calling thread.

use ::faer::linalg::matmul::matmul as faer_matmul;
use ::faer::linalg::solvers::{Llt, PartialPivLu, Qr, SelfAdjointEigen, Solve, Svd};
use ::faer::{Accum, Mat, MatMut, MatRef, Par, Side};
use ndarray::{Array1, Array2, ArrayView2};

use super::SvdParts;
use crate::LinalgError;

fn mat(a: ArrayView2<'_, f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]])
}

fn array(m: MatRef<'_, f64>) -> Array2<f64> {
    Array2::from_shape_fn((m.nrows(), m.ncols()), |(i, j)| m[(i, j)])
}

/// `P A = L U` with partial pivoting.
#[derive(Clone, Debug)]
pub(crate) struct LuFactors(PartialPivLu<f64>);

impl LuFactors {
    pub(crate) fn new(a: ArrayView2<'_, f64>) -> Result<Self, LinalgError> {
        let lu = PartialPivLu::new(mat(a).as_ref());
        let u = lu.U();
        match (0..a.nrows()).find(|&i| u[(i, i)] == 0.0 || !u[(i, i)].is_finite()) {
            Some(pivot) => Err(LinalgError::Singular { pivot }),
            None => Ok(Self(lu)),
        }
    }

    /// Solves in place for one right-hand side.
    pub(crate) fn solve_in_place(&self, b: &mut [f64]) {
        let n = b.len();
        self.0.solve_in_place(MatMut::from_column_major_slice_mut(b, n, 1));
    }

    /// Solves the transposed system in place for one right-hand side.
    pub(crate) fn solve_transpose_in_place(&self, b: &mut [f64]) {
        let n = b.len();
        self.0.solve_transpose_in_place(MatMut::from_column_major_slice_mut(b, n, 1));
    }

    pub(crate) fn solve_many(&self, b: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut x = mat(b);
        self.0.solve_in_place(x.as_mut());
        array(x.as_ref())
    }
}

/// The lower factor `L` of `A = L L'`.
pub(crate) fn cholesky(a: ArrayView2<'_, f64>) -> Result<Array2<f64>, LinalgError> {
    match Llt::new(mat(a).as_ref(), Side::Lower) {
        Ok(llt) => Ok(array(llt.L())),
        Err(::faer::linalg::solvers::LltError::NonPositivePivot { index }) => {
            Err(LinalgError::NotPositiveDefinite { minor: index + 1 })
        }
    }
}

/// Thin `Q` and `R`.
pub(crate) fn qr(a: ArrayView2<'_, f64>) -> Result<(Array2<f64>, Array2<f64>), LinalgError> {
    let qr = Qr::new(mat(a).as_ref());
    Ok((array(qr.compute_thin_Q().as_ref()), array(qr.thin_R())))
}

/// Thin `U`, singular values in decreasing order, `V'`.
pub(crate) fn svd(a: ArrayView2<'_, f64>) -> Result<SvdParts, LinalgError> {
    let svd = Svd::new_thin(mat(a).as_ref()).map_err(|_| LinalgError::NoConvergence { what: "the SVD" })?;
    let s = svd.S().column_vector();
    let values = Array1::from_shape_fn(s.nrows(), |i| s[i]);
    Ok((array(svd.U()), values, array(svd.V().transpose())))
}

/// Eigenvalues in increasing order and the eigenvectors as columns.
pub(crate) fn symmetric_eigen(a: ArrayView2<'_, f64>) -> Result<(Array1<f64>, Array2<f64>), LinalgError> {
    let evd = SelfAdjointEigen::new(mat(a).as_ref(), Side::Lower)
        .map_err(|_| LinalgError::NoConvergence { what: "the symmetric eigendecomposition" })?;
    let s = evd.S().column_vector();
    Ok((Array1::from_shape_fn(s.nrows(), |i| s[i]), array(evd.U())))
}

/// `A B`; shapes were checked.
pub(crate) fn matmul(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    let a = a.as_standard_layout();
    let b = b.as_standard_layout();
    let mut out = Array2::zeros((a.nrows(), b.ncols()));
    let (m, k, n) = (a.nrows(), a.ncols(), b.ncols());
    if let (Some(lhs), Some(rhs), Some(dst)) = (a.as_slice(), b.as_slice(), out.as_slice_mut()) {
        let dst = MatMut::from_row_major_slice_mut(dst, m, n);
        let lhs = MatRef::from_row_major_slice(lhs, m, k);
        let rhs = MatRef::from_row_major_slice(rhs, k, n);
        faer_matmul(dst, Accum::Replace, lhs, rhs, 1.0, Par::Seq);
    }
    out
}
