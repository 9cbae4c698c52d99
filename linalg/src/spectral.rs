use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::error::{require_finite, require_square};
use crate::{LinalgError, backend};

/// The thin singular value decomposition `A = U diag(s) V'`.
#[derive(Clone, Debug)]
pub struct Svd {
    /// Left singular vectors, `[m, min(m, n)]`.
    pub u: Array2<f64>,
    /// Singular values in decreasing order.
    pub values: Array1<f64>,
    /// Right singular vectors as rows, `[min(m, n), n]`.
    pub vt: Array2<f64>,
}

impl Svd {
    /// Decomposes a matrix of any shape.
    ///
    /// # Errors
    /// [`LinalgError::NotFinite`] or [`LinalgError::NoConvergence`].
    pub fn new(a: ArrayView2<'_, f64>) -> Result<Self, LinalgError> {
        require_finite(a)?;
        if a.is_empty() {
            let (m, n) = a.dim();
            return Ok(Self {
                u: Array2::zeros((m, 0)),
                values: Array1::zeros(0),
                vt: Array2::zeros((0, n)),
            });
        }
        let (u, values, vt) = backend::svd(a)?;
        Ok(Self { u, values, vt })
    }

    /// The number of singular values above `tolerance` times the largest.
    pub fn rank(&self, tolerance: f64) -> usize {
        let largest = self.values.first().copied().unwrap_or(0.0);
        self.values.iter().filter(|v| **v > tolerance * largest).count()
    }

    /// The Moore-Penrose inverse, treating singular values up to `tolerance` times the largest as zero.
    pub fn pseudo_inverse(&self, tolerance: f64) -> Array2<f64> {
        let largest = self.values.first().copied().unwrap_or(0.0);
        let weights = self.values.mapv(|v| if v > tolerance * largest { 1.0 / v } else { 0.0 });
        let scaled = &self.vt.t() * &weights.view().insert_axis(Axis(0));
        backend::matmul(scaled.view(), self.u.t())
    }
}

/// The decomposition `A = U diag(l) U'` of a symmetric matrix. Only the lower triangle is read.
#[derive(Clone, Debug)]
pub struct SymmetricEigen {
    /// Eigenvalues in increasing order.
    pub values: Array1<f64>,
    /// Eigenvectors as columns.
    pub vectors: Array2<f64>,
}

impl SymmetricEigen {
    /// Decomposes a symmetric matrix.
    ///
    /// # Errors
    /// [`LinalgError::NotSquare`], [`LinalgError::NotFinite`] or [`LinalgError::NoConvergence`].
    pub fn new(a: ArrayView2<'_, f64>) -> Result<Self, LinalgError> {
        require_square(a)?;
        require_finite(a)?;
        if a.is_empty() {
            return Ok(Self { values: Array1::zeros(0), vectors: Array2::zeros((0, 0)) });
        }
        let (values, vectors) = backend::symmetric_eigen(a)?;
        Ok(Self { values, vectors })
    }

    /// `U diag(f(l)) U'`: a function of the matrix, such as its inverse square root.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Array2<f64> {
        let scaled = &self.vectors * &self.values.mapv(f).insert_axis(Axis(0));
        backend::matmul(scaled.view(), self.vectors.t())
    }
}
