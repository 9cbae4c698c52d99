//! Who gains, by how much, and through what.
//!
//! - The exact change of real income is part of every [`crate::Equilibrium`].
//! - [`first_order`]: Caliendo and Parro's (2015) terms of trade and volume of trade, to first order at the baseline.
//! - [`decompose`]: every channel integrated along the path of the shock, so that the parts add to the exact change.
//! - [`gains_from_trade`]: against autarky, in closed form (Arkolakis, Costinot and Rodriguez-Clare 2012).

mod first_order;
mod gains;
mod path;

pub use first_order::{FirstOrder, first_order};
pub use gains::{GainsModel, gains_from_trade};
pub use path::{Decomposition, DecompositionError, DecompositionSettings, decompose};
