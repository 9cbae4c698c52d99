use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::backend::LuFactors;
use crate::error::{require_finite, require_len, require_square};
use crate::{LinalgError, backend};

/// The factorisation `P A = L U` of a square matrix, with partial pivoting; factor once, solve many times.
#[derive(Clone, Debug)]
pub struct Lu {
    factors: LuFactors,
    order: usize,
    norm: f64,
}

impl Lu {
    /// Factors a square matrix.
    ///
    /// # Errors
    /// [`LinalgError::NotSquare`], [`LinalgError::NotFinite`], or [`LinalgError::Singular`] when a pivot is
    /// exactly zero. A nearly singular matrix factors: look at [`reciprocal_condition`](Self::reciprocal_condition).
    pub fn factor(a: ArrayView2<'_, f64>) -> Result<Self, LinalgError> {
        require_square(a)?;
        require_finite(a)?;
        let norm = a.columns().into_iter().map(|c| c.iter().map(|v| v.abs()).sum()).fold(0.0, f64::max);
        Ok(Self { factors: backend::LuFactors::new(a)?, order: a.nrows(), norm })
    }

    /// The number of rows of the matrix.
    pub fn order(&self) -> usize {
        self.order
    }

    /// Solves `A x = b`.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] when `b` has another length than the matrix has rows.
    pub fn solve(&self, b: ArrayView1<'_, f64>) -> Result<Array1<f64>, LinalgError> {
        require_len("right-hand side", self.order, b.len())?;
        let mut x = b.to_vec();
        self.factors.solve_in_place(&mut x);
        Ok(Array1::from_vec(x))
    }

    /// Solves `A X = B` for all columns of `B`.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] when `B` has another number of rows than the matrix.
    pub fn solve_many(&self, b: ArrayView2<'_, f64>) -> Result<Array2<f64>, LinalgError> {
        require_len("right-hand side", self.order, b.nrows())?;
        Ok(self.factors.solve_many(b))
    }

    /// Solves `A' x = b`.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] when `b` has another length than the matrix has columns.
    pub fn solve_transpose(&self, b: ArrayView1<'_, f64>) -> Result<Array1<f64>, LinalgError> {
        require_len("right-hand side", self.order, b.len())?;
        let mut x = b.to_vec();
        self.factors.solve_transpose_in_place(&mut x);
        Ok(Array1::from_vec(x))
    }

    /// An estimate of `1 / (|A|_1 |A^-1|_1)`, by Hager's method as refined by Higham (1988, ACM TOMS 14).
    ///
    /// Near the machine's precision (about 1e-16) the solution has no correct digit left. Costs a handful of
    /// solves.
    pub fn reciprocal_condition(&self) -> f64 {
        let n = self.order;
        if n == 0 || self.norm == 0.0 {
            return 0.0;
        }
        let mut x = vec![1.0 / n as f64; n];
        let mut estimate = 0.0_f64;
        for _ in 0..5 {
            let mut y = x.clone();
            self.factors.solve_in_place(&mut y);
            let norm: f64 = y.iter().map(|v| v.abs()).sum();
            if norm <= estimate {
                break;
            }
            estimate = norm;
            let mut z: Vec<f64> = y.iter().map(|v| if *v < 0.0 { -1.0 } else { 1.0 }).collect();
            self.factors.solve_transpose_in_place(&mut z);
            let aligned: f64 = z.iter().zip(&x).map(|(a, b)| a * b).sum();
            let (best, size) = z
                .iter()
                .enumerate()
                .fold((0, 0.0), |(i, m), (j, v)| if v.abs() > m { (j, v.abs()) } else { (i, m) });
            if size <= aligned {
                break;
            }
            x = vec![0.0; n];
            x[best] = 1.0;
        }
        // Higham's alternating vector guards against the matrices on which the search is fooled.
        let step = (n.max(2) - 1) as f64;
        let mut v: Vec<f64> =
            (0..n).map(|i| (1.0 + i as f64 / step) * if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        self.factors.solve_in_place(&mut v);
        let alternative = 2.0 * v.iter().map(|x| x.abs()).sum::<f64>() / (3.0 * n as f64);
        let inverse_norm = estimate.max(alternative);
        if inverse_norm.is_finite() { 1.0 / (self.norm * inverse_norm) } else { 0.0 }
    }
}

/// The inverse of a square matrix. Prefer [`Lu::solve`] or [`Cholesky`](crate::Cholesky) where a product with
/// the inverse is all that is needed.
///
/// # Errors
/// Those of [`Lu::factor`].
pub fn inverse(a: ArrayView2<'_, f64>) -> Result<Array2<f64>, LinalgError> {
    let lu = Lu::factor(a)?;
    lu.solve_many(Array2::eye(a.nrows()).view())
}
