use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::condition::{self, require_condition};
use crate::error::{require_finite, require_len, require_square};
use crate::{LinalgError, backend};

/// The factorisation `A = L L'` of a symmetric positive definite matrix. Only the lower triangle is read.
#[derive(Clone, Debug)]
pub struct Cholesky {
    lower: Array2<f64>,
}

impl Cholesky {
    /// Factors a symmetric positive definite matrix.
    ///
    /// # Errors
    /// [`LinalgError::NotSquare`], [`LinalgError::NotFinite`] or [`LinalgError::NotPositiveDefinite`].
    pub fn factor(a: ArrayView2<'_, f64>) -> Result<Self, LinalgError> {
        require_square(a)?;
        require_finite(a)?;
        if a.is_empty() {
            return Ok(Self { lower: Array2::zeros((0, 0)) });
        }
        Ok(Self { lower: backend::cholesky(a)? })
    }

    /// Factors a matrix on whose solutions a result rests: refuses one that would leave them without correct digits.
    ///
    /// # Errors
    /// Those of [`factor`](Self::factor), and [`LinalgError::IllConditioned`] where
    /// [`reciprocal_condition`](Self::reciprocal_condition) is below
    /// [`LEAST_RECIPROCAL_CONDITION`](crate::LEAST_RECIPROCAL_CONDITION).
    pub fn well_conditioned(a: ArrayView2<'_, f64>) -> Result<Self, LinalgError> {
        let factored = Self::factor(a)?;
        require_condition(factored.reciprocal_condition())?;
        Ok(factored)
    }

    /// An estimate of `1 / (|C|_1 |C^-1|_1)`, `C` being the matrix scaled to ones on the diagonal, as a covariance is to a
    /// correlation. On it the error of a solution depends, not on units (Demmel 1989, LAPACK Working Note 14).
    pub fn reciprocal_condition(&self) -> f64 {
        let l = &self.lower;
        let n = l.nrows();
        // The diagonal of A = L L' is the sum of squares of the rows of L.
        let scale: Vec<f64> = l.rows().into_iter().map(|row| row.dot(&row).sqrt()).collect();
        let correlation = |i: usize, j: usize| l.row(i).dot(&l.row(j)) / (scale[i] * scale[j]);
        let norm = (0..n).map(|j| (0..n).map(|i| correlation(i, j).abs()).sum::<f64>()).fold(0.0, f64::max);
        let solve = |x: &mut [f64]| {
            x.iter_mut().zip(&scale).for_each(|(x, s)| *x *= s);
            self.solve_in_place(x);
            x.iter_mut().zip(&scale).for_each(|(x, s)| *x *= s);
        };
        condition::reciprocal(n, norm, solve, solve)
    }

    /// The lower triangular factor `L`.
    pub fn lower(&self) -> ArrayView2<'_, f64> {
        self.lower.view()
    }

    /// Solves `A x = b`.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] when `b` has another length than the matrix has rows.
    pub fn solve(&self, b: ArrayView1<'_, f64>) -> Result<Array1<f64>, LinalgError> {
        require_len("right-hand side", self.lower.nrows(), b.len())?;
        let mut x = b.to_vec();
        self.solve_in_place(&mut x);
        Ok(Array1::from_vec(x))
    }

    fn solve_in_place(&self, x: &mut [f64]) {
        self.solve_lower_in_place(x);
        let l = &self.lower;
        for i in (0..x.len()).rev() {
            let mut s = x[i];
            for k in i + 1..x.len() {
                s -= l[[k, i]] * x[k];
            }
            x[i] = s / l[[i, i]];
        }
    }

    fn solve_lower_in_place(&self, x: &mut [f64]) {
        let l = &self.lower;
        for i in 0..x.len() {
            let mut s = x[i];
            for k in 0..i {
                s -= l[[i, k]] * x[k];
            }
            x[i] = s / l[[i, i]];
        }
    }

    /// Solves `L x = b`: whitens `b` when `A` is its variance.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] when `b` has another length than the matrix has rows.
    pub fn solve_lower(&self, b: ArrayView1<'_, f64>) -> Result<Array1<f64>, LinalgError> {
        require_len("right-hand side", self.lower.nrows(), b.len())?;
        let mut x = b.to_vec();
        self.solve_lower_in_place(&mut x);
        Ok(Array1::from_vec(x))
    }

    /// Solves `A X = B` for all columns of `B`.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] when `B` has another number of rows than the matrix.
    pub fn solve_many(&self, b: ArrayView2<'_, f64>) -> Result<Array2<f64>, LinalgError> {
        require_len("right-hand side", self.lower.nrows(), b.nrows())?;
        let mut out = b.to_owned();
        for (mut target, column) in out.columns_mut().into_iter().zip(b.columns()) {
            target.assign(&self.solve(column)?);
        }
        Ok(out)
    }

    /// The inverse of `A`, symmetric to the bit.
    ///
    /// # Errors
    /// None in practice; the signature follows [`solve_many`](Self::solve_many).
    pub fn inverse(&self) -> Result<Array2<f64>, LinalgError> {
        let x = self.solve_many(Array2::eye(self.lower.nrows()).view())?;
        Ok((&x + &x.t()) * 0.5)
    }

    /// The logarithm of the determinant of `A`.
    pub fn ln_determinant(&self) -> f64 {
        self.lower.diag().iter().map(|v| 2.0 * v.ln()).sum()
    }
}

/// The Cholesky factorisation with diagonal pivoting of a positive semidefinite matrix: reveals the rank.
#[derive(Clone, Debug)]
pub struct PivotedCholesky {
    order: Vec<usize>,
    rank: usize,
}

impl PivotedCholesky {
    /// Pivots on the largest remaining diagonal until it falls to `tolerance` times the largest of `A`.
    ///
    /// # Errors
    /// [`LinalgError::NotSquare`] or [`LinalgError::NotFinite`].
    pub fn factor(a: ArrayView2<'_, f64>, tolerance: f64) -> Result<Self, LinalgError> {
        require_square(a)?;
        require_finite(a)?;
        let n = a.nrows();
        let mut work = a.to_owned();
        let mut order: Vec<usize> = (0..n).collect();
        let threshold = tolerance * a.diag().iter().copied().fold(0.0, f64::max);
        for step in 0..n {
            let (best, value) = (step..n)
                .map(|i| (i, work[[order[i], order[i]]]))
                .fold((step, f64::NEG_INFINITY), |m, c| if c.1 > m.1 { c } else { m });
            if value <= threshold {
                return Ok(Self { order, rank: step });
            }
            order.swap(step, best);
            let p = order[step];
            let pivot = work.column(p).to_owned();
            for &i in &order[step + 1..] {
                for &j in &order[step + 1..] {
                    work[[i, j]] -= pivot[i] * pivot[j] / value;
                }
            }
        }
        Ok(Self { order, rank: n })
    }

    /// The numerical rank.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Row and column numbers in pivot order; the first [`rank`](Self::rank) are independent.
    pub fn order(&self) -> &[usize] {
        &self.order
    }
}

/// Which columns of `X` are linearly independent of the columns to their left, judged from `X'X`.
///
/// Column `j` is kept when the part of its sum of squares that the kept columns before it do not explain
/// exceeds `tolerance` times that sum of squares. The first of a set of collinear columns stays, which is what
/// a reader of a regression table expects; [`PivotedCholesky`] keeps the best conditioned set instead.
///
/// # Errors
/// [`LinalgError::NotSquare`] or [`LinalgError::NotFinite`].
pub fn independent_columns(gram: ArrayView2<'_, f64>, tolerance: f64) -> Result<Vec<bool>, LinalgError> {
    require_square(gram)?;
    require_finite(gram)?;
    let n = gram.nrows();
    let mut lower = Array2::<f64>::zeros((n, n));
    let mut kept = vec![false; n];
    for j in 0..n {
        for k in 0..j {
            if kept[k] {
                let explained: f64 = (0..k).filter(|&m| kept[m]).map(|m| lower[[j, m]] * lower[[k, m]]).sum();
                lower[[j, k]] = (gram[[j, k]] - explained) / lower[[k, k]];
            }
        }
        let explained: f64 = (0..j).map(|k| lower[[j, k]].powi(2)).sum();
        let remaining = gram[[j, j]] - explained;
        if gram[[j, j]] > 0.0 && remaining > tolerance * gram[[j, j]] {
            kept[j] = true;
            lower[[j, j]] = remaining.sqrt();
        }
    }
    Ok(kept)
}
