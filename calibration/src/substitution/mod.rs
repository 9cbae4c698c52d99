//! Elasticities of substitution between a critical input and everything else, from the direction of patenting and of spending.
//!
//! For sector `j` in country `c` and year `t`, with the price of the sector's bundle of the critical input over that of its
//! other inputs, `pR/x`, and the stocks of knowledge on both, `K_R` and `K_X`,
//!
//! ```text
//! patents      nu_R/nu_X = exp(a_jc + lambda (1-sigma_j) [ln(pR/x) - phi ln(K_R/K_X)]) u,       E[u | z] = 1
//! spending  ln(E_R/E_X)  =     b_jc +        (1-sigma_j) [ln(pR/x) - phi ln(K_R/K_X)] + v,      E[v | z] = 0
//! ```
//!
//! This is our specification: what the model's directed technology says about a sector (`model_core::Technology`, closure
//! `FixedResearchers`, no spillover). Alfaro, Fadinger, Schymik and Virananda (2025) say that they identify elasticities of
//! substitution from the direction of patenting and relative prices; their equations are not at hand.
//!
//! # Where to start
//!
//! | to | see |
//! |---|---|
//! | have a panel with known parameters (simulated) | [`simulate::shipped`], [`simulate::Truth`] |
//! | read a panel of your own | [`Panel::read`], which documents its three files |
//! | estimate | [`Specification`] and [`Specification::estimate`] |
//! | shrink sector-specific estimates to their mean | [`Fit::shrink`] |
//! | errors that hold when sectors share shocks by element | [`Inference::Exposure`] |
//! | know how strong the instruments are | [`Specification::first_stage`] |
//! | see what an element or a sector does to the estimates | [`robustness`] |
//! | know bias, coverage and size of the test | [`monte_carlo`] |
//! | carry the joint covariance into a scenario | [`Fit::as_estimates`] |
//!
//! # Moments
//!
//! Patents are counts with many zeros, so nothing is taken in logs. Where prices may answer to `u` the moment is the
//! multiplicative one, `E[z (nu_R / (nu_X exp(.)) - 1)] = 0` (Mullahy 1997), which instruments make valid; the additive one,
//! `E[z (nu_R - nu_X exp(.))] = 0`, is that of Poisson pseudo-likelihood and needs prices that do not answer to `u`. Effects of
//! units (`a_jc`) are concentrated out by their own moment: residuals are relative to the unit's mean. Instruments enter in
//! deviation from the unit's mean, so they must be strictly exogenous, which policy is; stocks of knowledge, made of past
//! patents, are not, and are instrumented by the perpetual inventory of past instruments.
//!
//! Panels need not be balanced ([`Panel`]): each unit counts by its own years. Effects of years, `tau_t` in each equation beside the
//! unit's, take out whatever is common to all units in a year; what then identifies are differences between markets and mixes
//! of elements. They are parameters with moments of their own, and no part of what scenarios draw.
//!
//! Instruments are shift-shares: `z[j,t] = sum_e mu[j,e] g[e,t]`, predetermined weights of the elements in the sector's bundle
//! and shocks to the elements (quotas, duties) that differ by market.
//!
//! [`Inference::Exposure`] needs many shocks that are independent across elements and years. The quota of 2010 was one shock to
//! all elements: with the actual path of policy such intervals cover a third of what they should in simulation, and clusters of
//! units are the better choice where units' errors are their own.

mod diagnostics;
mod error;
mod exposure;
mod fit;
mod moments;
pub mod monte_carlo;
mod panel;
mod read;
pub mod robustness;
mod sample;
mod shrink;
pub mod simulate;
mod totals;

pub use diagnostics::FirstStageStrength;
pub use error::SubstitutionError;
pub use fit::{Equations, Fit, Groups, Inference, Lambda, Residual, Specification};
pub use panel::{Panel, ShockSeries, Unit};
pub use sample::Stocks;
pub use shrink::Shrunken;
