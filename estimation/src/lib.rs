//! Econometrics for applied trade research.
//!
//! Start at [`Regression`]: give it arrays, name an estimator and a [`Vcov`], and read the [`Estimates`]; or put
//! named columns in a [`Table`] and write the model as a [`Formula`]. The variance estimator is always the
//! caller's choice, and every table names it. Moment conditions of any form go to [`gmm`], the strength of
//! instruments is judged in [`identification`], draws instead of formulas are in [`resample`], common shocks with
//! unequal exposure in [`shift_share`], effects by period in [`event_study`].
//!
//! ```
//! use estimation::{Formula, Table, VcovFormula, WeightColumn};
//!
//! let table = Table::new()
//!     .numeric("trade", vec![3.0, 0.0, 5.0, 2.0, 8.0, 1.0, 4.0, 2.5])?
//!     .numeric("dist", vec![100.0, 900.0, 80.0, 300.0, 50.0, 700.0, 120.0, 400.0])?
//!     .categorical("exporter", ["CHN", "CHN", "JPN", "JPN", "USA", "USA", "DEU", "DEU"])?;
//! let formula = Formula::parse("trade ~ log(dist) | exporter")?;
//! let model = formula.model(&table, &VcovFormula::parse("HC1")?, WeightColumn::None)?;
//! let fit = model.regression.poisson(&model.vcov)?;
//! assert!(fit.estimates().coefficient("log(dist)")?.estimate < 0.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crate knows no files. Equal input gives equal bits, whatever the number of threads.

mod absorb;
mod accuracy;
mod categories;
mod columns;
pub mod distribution;
mod effects;
mod error;
mod estimates;
pub mod event_study;
mod fit;
pub mod formula;
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
mod summary;
mod table;
pub mod vcov;
mod weights;

pub use accuracy::Accuracy;
pub use categories::Categories;
pub use effects::FixedEffects;
pub use error::EstimationError;
pub use estimates::{Coefficient, Estimates};
pub use fit::Fit;
pub use formula::{Formula, FormulaError, Model, VcovFormula, WeightColumn};
pub use linear::{InstrumentTests, KClass, LinearFit};
pub use poisson::{MultinomialFit, PoissonFit, PoissonSettings};
pub use regression::Regression;
pub use sample::Dropped;
pub use summary::{RegressionTable, Summary};
pub use table::{Column, Table, TableError};
pub use vcov::{SmallSample, Vcov};
pub use weights::Weights;
