//! The system's OpenBLAS through `ndarray-linalg`.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, OwnedRepr, Slice};
use ndarray_linalg::error::LinalgError as LapackError;
use ndarray_linalg::{Cholesky, Eigh, FactorizeInto, LUFactorized, QR, SVD, Solve, UPLO};

use super::SvdParts;
use crate::LinalgError;

/// Position reported by a computational failure, counted from 1.
fn failure(error: &LapackError) -> Option<usize> {
    match error {
        LapackError::Lapack(lax::error::Error::LapackComputationalFailure { return_code }) => {
            usize::try_from(*return_code).ok()
        }
        _ => None,
    }
}

/// `P A = L U` with partial pivoting.
#[derive(Clone)]
pub(crate) struct LuFactors {
    /// None for the matrix without rows, which the library does not take.
    factors: Option<LUFactorized<OwnedRepr<f64>>>,
}

impl std::fmt::Debug for LuFactors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LuFactors").finish_non_exhaustive()
    }
}

impl LuFactors {
    pub(crate) fn new(a: ArrayView2<'_, f64>) -> Result<Self, LinalgError> {
        if a.is_empty() {
            return Ok(Self { factors: None });
        }
        match a.as_standard_layout().into_owned().factorize_into() {
            Ok(lu) => Ok(Self { factors: Some(lu) }),
            Err(e) => Err(LinalgError::Singular { pivot: failure(&e).map_or(0, |code| code - 1) }),
        }
    }

    pub(crate) fn refactor(&mut self, a: ArrayView2<'_, f64>) -> Result<(), LinalgError> {
        *self = Self::new(a)?;
        Ok(())
    }

    pub(crate) fn solve_in_own_room(&mut self, b: &mut [f64]) {
        self.solve_in_place(b);
    }

    pub(crate) fn solve_in_place(&self, b: &mut [f64]) {
        self.solve(ArrayViewMut1::from(b), |lu, b| lu.solve(&b));
    }

    pub(crate) fn solve_transpose_in_place(&self, b: &mut [f64]) {
        self.solve(ArrayViewMut1::from(b), |lu, b| lu.solve_t(&b));
    }

    pub(crate) fn solve_many(&self, b: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut out = b.to_owned();
        for column in out.axis_iter_mut(Axis(1)) {
            self.solve(column, |lu, b| lu.solve(&b));
        }
        out
    }

    /// What the library refuses to solve is no number.
    fn solve(
        &self,
        mut b: ArrayViewMut1<'_, f64>,
        by: impl Fn(&LUFactorized<OwnedRepr<f64>>, ArrayView1<'_, f64>) -> Result<Array1<f64>, LapackError>,
    ) {
        let Some(lu) = &self.factors else { return };
        match by(lu, b.view()) {
            Ok(x) => b.assign(&x),
            Err(_) => b.fill(f64::NAN),
        }
    }
}

pub(crate) fn cholesky(a: ArrayView2<'_, f64>) -> Result<Array2<f64>, LinalgError> {
    a.to_owned()
        .cholesky(UPLO::Lower)
        .map_err(|e| LinalgError::NotPositiveDefinite { minor: failure(&e).unwrap_or(0) })
}

pub(crate) fn qr(a: ArrayView2<'_, f64>) -> Result<(Array2<f64>, Array2<f64>), LinalgError> {
    a.to_owned().qr().map_err(|_| LinalgError::NoConvergence { what: "the QR decomposition" })
}

pub(crate) fn svd(a: ArrayView2<'_, f64>) -> Result<SvdParts, LinalgError> {
    let k = a.nrows().min(a.ncols());
    match a.to_owned().svd(true, true) {
        Ok((Some(u), values, Some(vt))) => {
            let u = u.slice_axis(Axis(1), Slice::from(..k)).to_owned();
            Ok((u, values, vt.slice_axis(Axis(0), Slice::from(..k)).to_owned()))
        }
        _ => Err(LinalgError::NoConvergence { what: "the SVD" }),
    }
}

pub(crate) fn symmetric_eigen(a: ArrayView2<'_, f64>) -> Result<(Array1<f64>, Array2<f64>), LinalgError> {
    a.to_owned()
        .eigh(UPLO::Lower)
        .map_err(|_| LinalgError::NoConvergence { what: "the symmetric eigendecomposition" })
}

pub(crate) fn matmul(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    a.dot(&b)
}
