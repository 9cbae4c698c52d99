//! Questions put to model economies: scenarios, paths, uncertainty, policies.
//!
//! [`Scenario`] reads a question from a file that a person writes; put to an economy it becomes a [`Question`], whose
//! [`answer`](Question::answer) is an [`Outcome`]: the long run, or a path. [`draws`] repeats it over the distribution of its
//! parameters. [`policy`] searches. The model itself, its solver and its welfare measures live in `model_core`.

mod path;
pub mod policy;
pub mod scenario;
mod uncertainty;

pub use path::{Outcome, OutcomeError, Path, PathYear, by_source};
pub use scenario::{Question, Scenario, ScenarioError};
pub use uncertainty::{Draws, DrawsError, FailedDraw, draws, draws_of};
