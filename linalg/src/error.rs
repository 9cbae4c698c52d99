use ndarray::ArrayView2;
use thiserror::Error;

/// What can be wrong with a matrix, or go wrong while factoring it.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum LinalgError {
    /// A square matrix was needed.
    #[error("the matrix is {rows} x {columns}; this needs a square one")]
    NotSquare {
        /// Rows found.
        rows: usize,
        /// Columns found.
        columns: usize,
    },
    /// Two operands do not fit together.
    #[error("{what}: expected length {expected}, found {found}")]
    Shape {
        /// The operation.
        what: &'static str,
        /// The length the first operand calls for.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// The matrix is singular to working precision.
    #[error(
        "the matrix is singular or its factors overflow: pivot {pivot} is zero or not finite; column {pivot} depends on those before it"
    )]
    Singular {
        /// Position of the first vanishing pivot, counted from 0.
        pivot: usize,
    },
    /// A Cholesky factor was asked of a matrix that is not positive definite.
    #[error("the matrix is not positive definite: leading minor {minor} is not positive")]
    NotPositiveDefinite {
        /// Order of the first leading minor that is not positive, counted from 1; 0 when unknown.
        minor: usize,
    },
    /// The matrix is so close to a singular one that rounding may leave no correct digit in its solutions.
    #[error(
        "the matrix is nearly singular: its reciprocal condition number is {reciprocal_condition:.1e}, so that rounding may leave \
         few correct digits or none; look for rows or columns that all but repeat one another"
    )]
    IllConditioned {
        /// The reciprocal condition number of the scaled matrix.
        reciprocal_condition: f64,
    },
    /// An iterative decomposition did not converge.
    #[error("{what} did not converge")]
    NoConvergence {
        /// The decomposition.
        what: &'static str,
    },
    /// An entry is NaN or infinite.
    #[error("entry ({row}, {column}) is {value}; every entry must be finite")]
    NotFinite {
        /// Row of the entry, counted from 0.
        row: usize,
        /// Column of the entry, counted from 0.
        column: usize,
        /// The offending value.
        value: f64,
    },
}

pub(crate) fn require_finite(a: ArrayView2<'_, f64>) -> Result<(), LinalgError> {
    match a.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), &value)) => Err(LinalgError::NotFinite { row, column, value }),
        None => Ok(()),
    }
}

pub(crate) fn require_square(a: ArrayView2<'_, f64>) -> Result<(), LinalgError> {
    if a.nrows() == a.ncols() {
        Ok(())
    } else {
        Err(LinalgError::NotSquare { rows: a.nrows(), columns: a.ncols() })
    }
}

pub(crate) fn require_len(what: &'static str, expected: usize, found: usize) -> Result<(), LinalgError> {
    if expected == found { Ok(()) } else { Err(LinalgError::Shape { what, expected, found }) }
}
