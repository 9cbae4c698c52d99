use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::backend::LuFactors;
use crate::condition::{self, require_condition};
use crate::error::{require_finite, require_len, require_square};
use crate::{LinalgError, backend};

/// The factorisation `P A = L U` of a square matrix, with partial pivoting; factor once, solve many times.
#[derive(Clone, Debug)]
pub struct Lu {
    factors: LuFactors,
    /// Zero where the last matrix could not be factored: then nothing is asked of the factors.
    order: usize,
}

impl Lu {
    /// Factors a square matrix.
    ///
    /// # Errors
    /// [`LinalgError::NotSquare`], [`LinalgError::NotFinite`], or [`LinalgError::Singular`] when a pivot is
    /// exactly zero. A nearly singular matrix factors: a step of a search may use it, a result should come from
    /// [`well_conditioned`](Self::well_conditioned).
    pub fn factor(a: ArrayView2<'_, f64>) -> Result<Self, LinalgError> {
        require_square(a)?;
        require_finite(a)?;
        Ok(Self { factors: backend::LuFactors::new(a)?, order: a.nrows() })
    }

    /// Factors another matrix in the room of this one. Nothing is allocated if it is no larger than any before it and `faer`
    /// does the work.
    ///
    /// # Errors
    /// Those of [`factor`](Self::factor). After one this is the factorisation of a matrix without rows.
    pub fn refactor(&mut self, a: ArrayView2<'_, f64>) -> Result<(), LinalgError> {
        let done = require_square(a).and_then(|()| require_finite(a)).and_then(|()| self.factors.refactor(a));
        self.order = if done.is_ok() { a.nrows() } else { 0 };
        done
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
        if self.order > 0 {
            self.factors.solve_in_place(&mut x);
        }
        Ok(Array1::from_vec(x))
    }

    /// Solves `A x = b` in the room of `b` and of the factorisation.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] when `b` has another length than the matrix has rows.
    pub fn solve_in_place(&mut self, b: &mut [f64]) -> Result<(), LinalgError> {
        require_len("right-hand side", self.order, b.len())?;
        if self.order > 0 {
            self.factors.solve_in_own_room(b);
        }
        Ok(())
    }

    /// Solves `A X = B` for all columns of `B`.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] when `B` has another number of rows than the matrix.
    pub fn solve_many(&self, b: ArrayView2<'_, f64>) -> Result<Array2<f64>, LinalgError> {
        require_len("right-hand side", self.order, b.nrows())?;
        Ok(if self.order > 0 { self.factors.solve_many(b) } else { b.to_owned() })
    }

    /// Solves `A' x = b`.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] when `b` has another length than the matrix has columns.
    pub fn solve_transpose(&self, b: ArrayView1<'_, f64>) -> Result<Array1<f64>, LinalgError> {
        require_len("right-hand side", self.order, b.len())?;
        let mut x = b.to_vec();
        if self.order > 0 {
            self.factors.solve_transpose_in_place(&mut x);
        }
        Ok(Array1::from_vec(x))
    }

    /// Factors a square matrix on whose solutions a result rests: refuses one that would leave them without correct digits.
    ///
    /// # Errors
    /// Those of [`factor`](Self::factor), and [`LinalgError::IllConditioned`] where
    /// [`reciprocal_condition`](Self::reciprocal_condition) is below [`LEAST_RECIPROCAL_CONDITION`](crate::LEAST_RECIPROCAL_CONDITION).
    pub fn well_conditioned(a: ArrayView2<'_, f64>) -> Result<Self, LinalgError> {
        let lu = Self::factor(a)?;
        require_condition(lu.reciprocal_condition(a)?)?;
        Ok(lu)
    }

    /// An estimate of `1 / (|B|_1 |B^-1|_1)`, `B` being the matrix `a` that was factored with rows and columns scaled to a
    /// largest entry of one, so that it does not depend on units.
    ///
    /// The relative error of a solution, in the scaled variables, is about the machine's precision (1e-16) over it. By
    /// Hager's method as refined by Higham (1988, ACM TOMS 14); costs a handful of solves.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] when `a` is not of the order of the matrix that was factored.
    pub fn reciprocal_condition(&self, a: ArrayView2<'_, f64>) -> Result<f64, LinalgError> {
        require_len("the factored matrix", self.order, a.nrows())?;
        require_len("the factored matrix", self.order, a.ncols())?;
        let (row, column) = equilibration(a);
        let sum = |j: usize| (0..self.order).map(|i| (row[i] * a[[i, j]] * column[j]).abs()).sum::<f64>();
        let norm = (0..self.order).map(sum).fold(0.0, f64::max);
        // B = R A C, so that B^-1 b = C^-1 A^-1 (R^-1 b).
        let solve = |x: &mut [f64]| {
            x.iter_mut().zip(&row).for_each(|(x, r)| *x /= r);
            self.factors.solve_in_place(x);
            x.iter_mut().zip(&column).for_each(|(x, c)| *x /= c);
        };
        let solve_transpose = |x: &mut [f64]| {
            x.iter_mut().zip(&column).for_each(|(x, c)| *x /= c);
            self.factors.solve_transpose_in_place(x);
            x.iter_mut().zip(&row).for_each(|(x, r)| *x /= r);
        };
        Ok(condition::reciprocal(self.order, norm, solve, solve_transpose))
    }
}

/// Factors that scale rows, and then columns, to a largest entry of one.
fn equilibration(a: ArrayView2<'_, f64>) -> (Vec<f64>, Vec<f64>) {
    let one_over = |largest: f64| if largest > 0.0 { 1.0 / largest } else { 1.0 };
    let row: Vec<f64> =
        a.rows().into_iter().map(|r| one_over(r.iter().fold(0.0, |m, v| v.abs().max(m)))).collect();
    let column = a
        .columns()
        .into_iter()
        .map(|c| one_over(c.iter().zip(&row).fold(0.0, |m, (v, r)| (v * r).abs().max(m))))
        .collect();
    (row, column)
}

/// The inverse of a square matrix. Prefer [`Lu::solve`] or [`Cholesky`](crate::Cholesky) where a product with
/// the inverse is all that is needed.
///
/// # Errors
/// Those of [`Lu::well_conditioned`].
pub fn inverse(a: ArrayView2<'_, f64>) -> Result<Array2<f64>, LinalgError> {
    Lu::well_conditioned(a)?.solve_many(Array2::eye(a.nrows()).view())
}
