//! Dense linear algebra for lodestone: `ndarray` in, `ndarray` out.
//!
//! Every factorisation the project needs has one door here, so the library underneath is one decision. By
//! default that is [`faer`](https://docs.rs/faer) run on the calling thread alone: the same input gives the
//! same bits whatever the machine's core count. With the feature `lapack` it is the system's OpenBLAS through
//! `ndarray-linalg`. The test suite holds the two to each other.
//!
//! # Where to start
//!
//! | task | item |
//! |---|---|
//! | solve `A x = b`, `A` square | [`Lu`] |
//! | solve `A x = b`, `A` symmetric positive definite | [`Cholesky`] |
//! | the same where a result rests on it: refuse what rounding would spoil | [`Lu::well_conditioned`], [`Cholesky::well_conditioned`] |
//! | find redundant regressors from `X'X` | [`PivotedCholesky`], [`independent_columns`] |
//! | least squares, orthogonal bases | [`Qr`], [`least_squares`] |
//! | rank, pseudo-inverse, principal components | [`Svd`], [`SymmetricEigen`] |
//! | large products | [`matmul`] |
//! | exponentials and logarithms of many numbers | [`elementary`] |
//!
//! ```
//! use linalg::Lu;
//! use ndarray::array;
//!
//! let a = array![[4.0, 1.0], [2.0, 3.0]];
//! let lu = Lu::factor(a.view())?;
//! let x = lu.solve(array![1.0, 2.0].view())?;
//! assert!((a.dot(&x) - array![1.0, 2.0]).iter().all(|e: &f64| e.abs() < 1e-15));
//! # Ok::<(), linalg::LinalgError>(())
//! ```
//!
//! Every function checks shapes, and every factorisation that all entries are finite, and returns a [`LinalgError`]; none panics.

mod backend;
mod cholesky;
mod condition;
pub mod elementary;
mod error;
mod lu;
mod orthogonal;
mod spectral;

pub use cholesky::{Cholesky, PivotedCholesky, independent_columns};
pub use condition::LEAST_RECIPROCAL_CONDITION;
pub use error::LinalgError;
pub use lu::{Lu, inverse};
pub use orthogonal::{Qr, least_squares};
pub use spectral::{Svd, SymmetricEigen};

use ndarray::{Array2, ArrayView2};

/// The matrix product `A B`, `[m, k] x [k, n] -> [m, n]`, blocked for large matrices.
///
/// # Errors
/// [`LinalgError::Shape`] when the inner dimensions differ.
pub fn matmul(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Result<Array2<f64>, LinalgError> {
    if a.ncols() != b.nrows() {
        return Err(LinalgError::Shape { what: "matmul", expected: a.ncols(), found: b.nrows() });
    }
    Ok(backend::matmul(a, b))
}
