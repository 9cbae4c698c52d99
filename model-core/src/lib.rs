//! Quantitative trade models in exact hat algebra: economies with input-output links, any number of factors, tariffs,
//! export taxes and deficits, critical inputs, restrictions of their trade and technology that answers them, and a solver that is
//! fast enough to be called in a loop.
//!
//! # Where to start
//! [`Economy`] is the baseline, [`Shock`] what changes, [`Economy::solve`] the door, [`Equilibrium`] what came out.
//!
//! | task | item |
//! |---|---|
//! | a baseline from an input-output table, or from shares | [`Economy::from_flows`], [`Economy::from_parts`] |
//! | the baseline that shares and incomes imply | [`EconomyParts::equilibrate`] |
//! | an input with an elasticity of substitution of its own | [`CriticalInputs`], [`Economy::with_critical`] |
//! | export quotas, production caps, licences | [`Restriction`] |
//! | research that follows expenditure, and who may use it | [`Technology`], [`Innovation`], [`Diffusion`] |
//! | derivatives of an equilibrium in anything | [`Economy::sensitivity`], [`Parameter`] |
//! | welfare by channel, to first order, against autarky | [`welfare`] |
//! | economies drawn at random | [`synthetic`] |
//!
//! ```
//! use model_core::{Shock, SolverSettings, synthetic::Recipe};
//! # let mut state = 7_u64;
//! # let mut uniform = || { state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); (state >> 11) as f64 / (1_u64 << 53) as f64 };
//! let economy = Recipe::new(5, 4, 1).draw(&mut uniform)?; // or `Economy::from_flows`, `Economy::from_parts`
//! let mut tariff = economy.tariff().clone();
//! tariff[[0, 1, 0]] += 0.25;
//! let shock = Shock { tariff: Some(tariff), ..Shock::default() };
//! let equilibrium = economy.solve(&shock, &SolverSettings::default())?;
//! assert!(equilibrium.residual.max() <= 1e-10);
//! println!("welfare: {}", equilibrium.real_income_hat);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Conventions
//! Arrays are `[importer, exporter, sector]`, `[country, sector]`, `[country, using sector, input]`,
//! `[country, sector, factor]`. A hat is new over baseline. The numeraire is world factor income, in the baseline's unit.

pub mod ces;
mod economy;
mod equilibrium;
mod labels;
mod restriction;
mod sensitivity;
mod shock;
pub mod synthetic;
mod technology;
pub mod trade;
pub mod welfare;

pub use economy::{
    BALANCE_TOLERANCE, CriticalInputs, Economy, EconomyError, EconomyParts, Flows, Metadata, SHARE_TOLERANCE,
};
pub use equilibrium::{
    Equilibrium, Iterate, Iteration, MarketResidual, Observer, Phase, SolveError, SolverSettings, Unobserved,
};
pub use labels::{Dims, Labels};
pub use restriction::{Buyers, Limit, Restriction, RestrictionOutcome};
pub use sensitivity::{Parameter, Sensitivity};
pub use shock::{Deficits, Shock, ShockError};
pub use technology::{Augmentation, Diffusion, Innovation, ResearchCost, Technology};
