//! The generalised method of moments, Hansen (1982).
//!
//! `theta = argmin g(theta)' W g(theta)`, `g` the mean of the moment contributions `m_i(theta)`.
//!
//! # Where to start
//!
//! | task | item |
//! |---|---|
//! | write moments once, derivatives by dual numbers | [`DualMoments`] in [`Automatic`] |
//! | write moments and derivatives | [`Moments`], [`Differentiable`] |
//! | moments that only can be evaluated | [`CentralDifferences`] |
//! | linear instrumental variables | [`LinearIv`] |
//! | minimum distance, simulated moments | one row of moments and [`MomentCovariance::known`] |
//! | estimate | [`Gmm::fit`] with a [`MomentCovariance`], a [`FirstWeight`] and [`Steps`] |
//! | test all moments, some moments, restrictions | [`GmmFit::hansen`], [`exogeneity_test`], [`distance_test`], [`wald_test`] |
//! | functions of the estimates | [`delta_method`], [`delta_method_numeric`] |
//!
//! The consumption Euler equation of Hansen and Singleton (1982), `E[z (delta R c^(alpha - 1) - 1)] = 0`:
//!
//! ```
//! use estimation::gmm::{Automatic, DualMoments, DualNum, FirstWeight, Gmm, MomentCovariance, Steps};
//! use ndarray::array;
//!
//! struct Euler { growth: Vec<f64>, gross_return: Vec<f64>, instruments: Vec<[f64; 3]> }
//!
//! impl DualMoments for Euler {
//!     fn observations(&self) -> usize { self.growth.len() }
//!     fn moments(&self) -> usize { 3 }
//!     fn parameters(&self) -> usize { 2 }
//!     fn contribution<D: DualNum<Primitive = f64> + Copy>(&self, i: usize, theta: &[D], out: &mut [D]) {
//!         let marginal = ((theta[0] - 1.0) * self.growth[i].ln()).exp();
//!         let error = theta[1] * marginal * self.gross_return[i] - 1.0;
//!         for (o, z) in out.iter_mut().zip(self.instruments[i]) {
//!             *o = error * z;
//!         }
//!     }
//! }
//!
//! // Simulated: log growth has two states, returns offset it at alpha = 0.5, delta = 0.99 up to noise.
//! let states = [0.98, 1.0, 1.03, 1.01, 0.99, 1.02, 1.04, 0.97];
//! let noise = [0.004, -0.006, 0.001, 0.003, -0.002, -0.003, 0.005, -0.001];
//! let growth: Vec<f64> = states.to_vec();
//! let gross_return = states.iter().zip(noise).map(|(c, e): (&f64, f64)| c.powf(0.5) * (1.0 + e) / 0.99).collect();
//! let instruments = states.iter().zip(noise).map(|(c, e)| [1.0, *c, c * c + e]).collect();
//! let moments = Automatic(Euler { growth, gross_return, instruments });
//!
//! let gmm = Gmm::new(MomentCovariance::heteroskedastic(), FirstWeight::Identity, Steps::Two);
//! let fit = gmm.fit(&moments, array![0.0, 0.9].view())?;
//! assert!((fit.theta[0] - 0.5).abs() < 0.3 && (fit.theta[1] - 0.99).abs() < 0.01);
//! assert!(fit.report.residual() < 1e-6);
//! # Ok::<(), estimation::gmm::GmmError>(())
//! ```
//!
//! # Convergence
//!
//! A search has converged when the next Gauss-Newton step, the residual of the first-order conditions
//! `G'W g = 0`, is at most `1e-6` standard errors for every parameter. [`ConvergenceReport`] keeps every
//! start and every iterate; anything else is [`GmmError::NotConverged`], which carries the same report.
//!
//! # References
//!
//! Hansen (1982), Econometrica 50; Hansen, Heaton and Yaron (1996), JBES 14; Newey and West (1987), IER 28;
//! Windmeijer (2005), Journal of Econometrics 126; Hall (2005), *Generalized Method of Moments*.

mod covariance;
mod criterion;
mod error;
mod estimator;
mod fit;
mod hypothesis;
mod linear;
mod moments;
mod search;

pub use covariance::MomentCovariance;
pub(crate) use covariance::codes;
pub use error::GmmError;
pub(crate) use error::{require, require_finite};
pub(crate) use estimator::invert;
pub use estimator::{CovarianceOfEstimates, FirstWeight, Gmm, Restarts, Steps};
pub use fit::{ConvergenceReport, GmmFit, Stage, StageReport};
pub use hypothesis::{
    Transformed, delta_method, delta_method_numeric, distance_test, exogeneity_test, wald_test,
};
pub use linear::LinearIv;
pub use moments::{Automatic, CentralDifferences, Differentiable, DualMoments, Moments, Restricted, Subset};
pub use num_dual::DualNum;
pub use search::{Iterate, Optimiser, StartReport};
