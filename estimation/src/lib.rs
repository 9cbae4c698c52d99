//! Econometrics for applied trade research.
//!
//! Start at [`Regression`]: give it arrays, name an estimator and a [`Vcov`], and read the [`Estimates`]. The
//! variance estimator is always the caller's choice, and every table names it. Moment conditions of any form go to
//! [`gmm`], the strength of instruments is judged in [`identification`], draws instead of formulas are in [`resample`],
//! common shocks with unequal exposure in [`shift_share`].
//!
//! The crate knows no files and starts no threads of its own accord; equal input gives equal bits.

mod absorb;
mod categories;
mod columns;
pub mod distribution;
mod effects;
mod error;
mod estimates;
pub mod gmm;
pub mod identification;
mod linear;
pub mod poisson;
mod regression;
pub mod resample;
mod sample;
pub mod shift_share;
mod solve;
pub mod statistic;
pub mod vcov;
mod weights;

pub use categories::Categories;
pub use effects::FixedEffects;
pub use error::EstimationError;
pub use estimates::{Coefficient, Estimates, WaldTest};
pub use linear::{KClass, LinearFit};
pub use poisson::{PoissonFit, PoissonSettings};
pub use regression::Regression;
pub use sample::Dropped;
pub use vcov::{SmallSample, Vcov};
pub use weights::Weights;
