//! What governments might do: the export tax that suits a dominant supplier best ([`optimal_export_tax`]), and what importers
//! can do against a restriction, with what it costs and what loss it avoids ([`policy_menu`]).

mod menu;
mod optimal_tax;

pub use menu::{Measure, Menu, MenuRow, MenuSettings, policy_menu};
pub use optimal_tax::{OptimalTax, OptimalTaxSettings, optimal_export_tax};

use model_core::SolveError;

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// An equilibrium was not found.
    #[error("no equilibrium {at}")]
    Solve {
        /// Where, in words.
        at: String,
        /// Why.
        source: Box<SolveError>,
    },
    /// A search that did not end.
    #[error("the search for the optimal tax did not end: {problem}; widen or narrow `highest`")]
    Search {
        /// What the optimiser says.
        problem: String,
    },
    /// A setting out of range.
    #[error("`{name}` is {value}: {remedy}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        remedy: &'static str,
    },
    /// A position that the economy does not have.
    #[error("{what} is number {position}, which the economy does not have: take positions from its labels")]
    Position {
        /// What.
        what: &'static str,
        /// The position.
        position: usize,
    },
    /// No critical input for the measures to work on.
    #[error("the economy has no critical input: give it one (`Economy::with_critical`)")]
    NoCriticalInput,
}

fn solving(at: impl Into<String>) -> impl FnOnce(SolveError) -> PolicyError {
    let at = at.into();
    move |error| PolicyError::Solve { at, source: Box::new(error) }
}
