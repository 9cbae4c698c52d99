use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::error::{require_finite, require_len};
use crate::{LinalgError, backend};

/// The thin factorisation `A = Q R` of an `[m, n]` matrix with `m >= n`: `Q` has orthonormal columns, `R` is
/// upper triangular.
#[derive(Clone, Debug)]
pub struct Qr {
    q: Array2<f64>,
    r: Array2<f64>,
}

impl Qr {
    /// Factors a matrix with at least as many rows as columns.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] when there are fewer rows than columns, or [`LinalgError::NotFinite`].
    pub fn factor(a: ArrayView2<'_, f64>) -> Result<Self, LinalgError> {
        require_finite(a)?;
        if a.nrows() < a.ncols() {
            return Err(LinalgError::Shape { what: "rows of a QR", expected: a.ncols(), found: a.nrows() });
        }
        if a.is_empty() {
            return Ok(Self { q: Array2::zeros(a.raw_dim()), r: Array2::zeros((0, 0)) });
        }
        let (q, r) = backend::qr(a)?;
        Ok(Self { q, r })
    }

    /// `Q`, `[m, n]`.
    pub fn q(&self) -> ArrayView2<'_, f64> {
        self.q.view()
    }

    /// `R`, `[n, n]`.
    pub fn r(&self) -> ArrayView2<'_, f64> {
        self.r.view()
    }

    /// The least-squares solution of `A x = b`.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] on a wrong length; [`LinalgError::Singular`] when a column of `A` depends on
    /// those before it (its diagonal of `R` is below `1e-13` of the largest).
    pub fn solve(&self, b: ArrayView1<'_, f64>) -> Result<Array1<f64>, LinalgError> {
        require_len("right-hand side", self.q.nrows(), b.len())?;
        let largest = self.r.diag().iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        if let Some(pivot) = self.r.diag().iter().position(|v| v.abs() <= RANK_TOLERANCE * largest) {
            return Err(LinalgError::Singular { pivot });
        }
        let mut x = self.q.t().dot(&b);
        for i in (0..x.len()).rev() {
            let mut s = x[i];
            for k in i + 1..x.len() {
                s -= self.r[[i, k]] * x[k];
            }
            x[i] = s / self.r[[i, i]];
        }
        Ok(x)
    }
}

/// A diagonal of `R` below this share of the largest means a dependent column.
const RANK_TOLERANCE: f64 = 1e-13;

/// The `x` that minimises `|A x - b|`, by QR.
///
/// # Errors
/// Those of [`Qr::factor`] and [`Qr::solve`].
pub fn least_squares(a: ArrayView2<'_, f64>, b: ArrayView1<'_, f64>) -> Result<Array1<f64>, LinalgError> {
    Qr::factor(a)?.solve(b)
}
