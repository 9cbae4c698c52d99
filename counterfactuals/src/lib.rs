//! Questions put to model economies: a shock file becomes a shock, a shock an equilibrium.
//!
//! Start at [`ShockFile`], which reads what changes from a file that a person writes. The model itself, its solver and
//! its welfare measures live in `model_core`; no equation stands here.

mod shock_file;

pub use shock_file::{ShockFile, ShockFileError};
