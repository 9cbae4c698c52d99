//! Event studies and differences in differences with treatment intensity.
//!
//! 1. [`EventTerms`] builds `d_i 1[t = tau]`, to be regressors beside unit and period effects.
//! 2. [`EventPath`] takes the estimates: [`pre_trend_test`](EventPath::pre_trend_test), points of a plot with
//!    pointwise and simultaneous bands ([`points`](EventPath::points)).
//! 3. [`relative_magnitudes`](EventPath::relative_magnitudes) and [`smoothness`](EventPath::smoothness) say what is left
//!    when trends need not be parallel ([`relative_magnitudes_by`](EventPath::relative_magnitudes_by) by conditional and
//!    hybrid tests), and from which departure on nothing is
//!    ([`breakdown_smoothness`](EventPath::breakdown_smoothness)).
//!
//! The coefficient of a term is the effect of one unit of intensity. Comparing rows of different intensity reads
//! it as causal only if effects per unit do not vary with who gets how much (strong parallel trends; Callaway,
//! Goodman-Bacon and Sant'Anna 2024).
//!
//! ```
//! use estimation::event_study::EventPath;
//! use ndarray::{Array2, array};
//!
//! let effects = array![0.02, -0.01, 0.30, 0.35];
//! let covariance = Array2::<f64>::eye(4) * 0.04_f64.powi(2);
//! let path = EventPath::new(&[2007, 2008, 2010, 2011], 2009, effects.view(), covariance.view())?;
//! assert!(path.pre_trend_test()?.p_value > 0.5);
//! let mean = path.mean_effect();
//! let robust = path.relative_magnitudes(mean.view(), 0.5, 0.95)?;
//! assert!(robust.lower > 0.0 && robust.upper < 0.7);
//! # Ok::<(), estimation::event_study::EventStudyError>(())
//! ```
//!
//! # References
//!
//! Andrews, Roth and Pakes (2023), REStud 90; Rambachan and Roth (2023), REStud 90; Armstrong and Kolesar (2018), Econometrica 86, and (2020), Quantitative
//! Economics 11; Montiel Olea and Plagborg-Moller (2019), Journal of Applied Econometrics 34.

mod bounds;
mod conditional;
mod error;
mod optimal;
mod path;
mod simplex;
mod terms;

pub use bounds::RobustInterval;
pub use conditional::MomentTest;
pub use error::EventStudyError;
pub use path::{EventPath, EventPoint};
pub use terms::EventTerms;
