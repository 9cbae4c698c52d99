use linalg::LinalgError;
use thiserror::Error;

use super::ConvergenceReport;

/// What can be wrong with a GMM problem, or go wrong while it is solved.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum GmmError {
    /// Two inputs do not fit together.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// What was measured.
        what: &'static str,
        /// The size the rest of the problem calls for.
        expected: usize,
        /// The size found.
        found: usize,
    },
    /// There are fewer moments than parameters.
    #[error("{moments} moments cannot identify {parameters} parameters; add moments or fix parameters")]
    Underidentified {
        /// Number of moments.
        moments: usize,
        /// Number of parameters.
        parameters: usize,
    },
    /// There are not enough observations, series or clusters.
    #[error("{what}: at least {needed} are needed, found {found}")]
    TooFew {
        /// What was counted.
        what: &'static str,
        /// The least number that works.
        needed: usize,
        /// The number found.
        found: usize,
    },
    /// A moment is NaN or infinite where the search starts.
    #[error(
        "moment `{moment}` of observation {row} is {value} at the starting value {theta:?}; \
         start inside the moments' domain or drop the observation"
    )]
    NotFinite {
        /// Name of the moment.
        moment: String,
        /// Row of the observation, counted from 0.
        row: usize,
        /// The offending value.
        value: f64,
        /// The parameter values tried.
        theta: Vec<f64>,
    },
    /// An input array holds a NaN or an infinite value.
    #[error("{what}: entry {index} is not finite")]
    InvalidInput {
        /// The input.
        what: &'static str,
        /// Position of the first offending entry.
        index: usize,
    },
    /// A setting is outside its domain.
    #[error("{setting}: {problem}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The covariance of the moments is singular, so it cannot be inverted into a weight.
    #[error(
        "the covariance of the {moments} moments is singular: some moment is a combination of the others, or \
         there are fewer clusters than moments; drop redundant moments"
    )]
    SingularMomentCovariance {
        /// Number of moments.
        moments: usize,
    },
    /// Columns are linear combinations of one another.
    #[error("the {what} are collinear (after the exogenous variables are out); drop the redundant ones")]
    Collinear {
        /// The columns.
        what: &'static str,
    },
    /// The Jacobian of the moments loses rank at the solution.
    #[error(
        "the parameters are not identified where the search ended: the moments do not move with {direction}"
    )]
    NotIdentified {
        /// The combination of parameters that the moments do not see, largest weights first.
        direction: String,
    },
    /// The search ended before the first-order conditions held.
    #[error(
        "the search did not converge: the next Gauss-Newton step is {residual:.3e} standard errors long, the \
         tolerance is {tolerance:.1e}; try other starting values, restarts, or scale the parameters"
    )]
    NotConverged {
        /// The residual of the first-order conditions in standard errors.
        residual: f64,
        /// The tolerance it was held against.
        tolerance: f64,
        /// Every stage and start with its history.
        report: Box<ConvergenceReport>,
    },
    /// Iterating on the weight matrix did not settle.
    #[error(
        "the iterated weight did not settle in {iterations} rounds: the last change was {change:.3e} standard \
         errors; allow more rounds or use the two-step or continuously updated estimator"
    )]
    WeightNotConverged {
        /// Rounds done.
        iterations: usize,
        /// Largest parameter change of the last round, in standard errors.
        change: f64,
        /// Every round with its history.
        report: Box<ConvergenceReport>,
    },
    /// A matrix operation failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

pub(crate) fn require(what: &'static str, expected: usize, found: usize) -> Result<(), GmmError> {
    if expected == found { Ok(()) } else { Err(GmmError::Shape { what, expected, found }) }
}

pub(crate) fn require_finite<'a>(
    what: &'static str,
    values: impl IntoIterator<Item = &'a f64>,
) -> Result<(), GmmError> {
    match values.into_iter().position(|v| !v.is_finite()) {
        Some(index) => Err(GmmError::InvalidInput { what, index }),
        None => Ok(()),
    }
}
