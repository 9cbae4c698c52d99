use linalg::LinalgError;
use thiserror::Error;

/// What stops an estimation. Every message names the variable or row and says what to do.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum EstimationError {
    /// Two inputs that describe the same rows have different lengths.
    #[error("{what} has {found} rows where the outcome has {expected}; give one value per row")]
    Length {
        /// The input with the wrong length.
        what: String,
        /// Rows of the outcome.
        expected: usize,
        /// Rows found.
        found: usize,
    },
    /// No rows are left to estimate from.
    #[error("no rows are left to estimate from{because}")]
    NoRows {
        /// What removed them, as a clause, or empty.
        because: String,
    },
    /// A value is NaN or infinite.
    #[error("{variable}, row {row}, is {value}; drop the row or repair the value")]
    NotFinite {
        /// The variable.
        variable: String,
        /// Row, counted from 0.
        row: usize,
        /// The value.
        value: f64,
    },
    /// A weight is negative or not finite, or a frequency weight is not whole.
    #[error("weight in row {row} is {value}; {rule}")]
    Weight {
        /// Row, counted from 0.
        row: usize,
        /// The value.
        value: f64,
        /// What the weights must be.
        rule: &'static str,
    },
    /// The number of names differs from the number of regressors, or that of other things which come one for each: p-values,
    /// rows of a variance matrix, effects and slopes to predict with.
    #[error("{names} names were given for {regressors} regressors")]
    Names {
        /// Names, or whatever else, given.
        names: usize,
        /// Regressors, or whatever else has one each.
        regressors: usize,
    },
    /// Two coefficients, or two absorbed effects, have the same name.
    #[error("{name} names two {what}; leave one out, or rename it")]
    DuplicateName {
        /// What has the name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Every regressor is constant, absorbed, or a combination of others.
    #[error(
        "no regressor is left: {dropped} varied with nothing of its own; remove the fixed effects or constants that span it"
    )]
    NothingIdentified {
        /// The dropped regressors.
        dropped: String,
    },
    /// There are at least as many parameters as rows.
    #[error("{parameters} parameters for {rows} rows; the variance has no degrees of freedom left")]
    NoDegreesOfFreedom {
        /// Estimated parameters, absorbed effects included.
        parameters: usize,
        /// Rows used.
        rows: usize,
    },
    /// The outcome is fitted exactly, so that no variance can be estimated.
    #[error("the regressors fit {outcome} exactly; there is no residual to estimate a variance from")]
    PerfectFit {
        /// The outcome.
        outcome: String,
    },
    /// A clustered variance needs two clusters or more.
    #[error("{variable} has {count} cluster(s); a clustered variance needs at least 2")]
    TooFewClusters {
        /// The clustering variable.
        variable: String,
        /// Clusters found.
        count: usize,
    },
    /// A row has full leverage, so HC2 and HC3 are not defined.
    #[error(
        "row {row} has leverage 1: it alone identifies a coefficient, and {vcov} divides by zero; use HC1 or drop it"
    )]
    FullLeverage {
        /// Row of the caller's data, counted from 0.
        row: usize,
        /// The variance asked for.
        vcov: &'static str,
    },
    /// A variance does not apply to this model or these data.
    #[error("{vcov} is not available here: {reason}")]
    VcovUnavailable {
        /// The variance asked for.
        vcov: String,
        /// Why.
        reason: String,
    },
    /// A coefficient was asked for by a name that the model does not have.
    #[error("there is no coefficient {name}; the model has {available}")]
    UnknownCoefficient {
        /// The name asked for.
        name: String,
        /// The names there are.
        available: String,
    },
    /// A confidence level is outside (0, 1).
    #[error("the level is {0}; it must lie strictly between 0 and 1")]
    Level(f64),
    /// A hypothesis is empty, redundant, of the wrong width, or about a value that is not finite.
    #[error("the hypothesis cannot be tested: {reason}")]
    Hypothesis {
        /// Why.
        reason: String,
    },
    /// The fixed effects could not be taken out.
    #[error("the fixed effects could not be absorbed: {reason}")]
    Absorption {
        /// Why.
        reason: String,
    },
    /// The outcome of a Poisson model is negative.
    #[error("{outcome}, row {row}, is {value}; Poisson PML needs outcomes of 0 or more")]
    NegativeOutcome {
        /// The outcome.
        outcome: String,
        /// Row, counted from 0.
        row: usize,
        /// The value.
        value: f64,
    },
    /// Iterated reweighting did not reach the tolerance.
    #[error("Poisson PML did not converge in {} iterations (last relative change of the deviance {:e}); \
             look for near-separation or badly scaled regressors", history.len(), history.last().copied().unwrap_or(f64::NAN))]
    NotConverged {
        /// Relative change of the deviance, one per iteration.
        history: Vec<f64>,
    },
    /// Predictions were asked for a level of a fixed effect that was not estimated.
    #[error("{effect} has no estimated level {level}; predict only levels that were in the sample used")]
    UnknownLevel {
        /// The fixed effect.
        effect: String,
        /// The level.
        level: String,
    },
    /// The search for separated observations did not come to an end.
    #[error(
        "the search for separated observations did not settle in {iterations} iterations; drop regressors \
             that are nearly perfect predictors of zero outcomes, or switch the search off"
    )]
    Separation {
        /// Iterations done.
        iterations: usize,
    },
    /// Endogenous regressors and instruments do not fit together.
    #[error("instruments: {reason}")]
    Instruments {
        /// Why.
        reason: String,
    },
    /// A matrix could not be factored.
    #[error("{context}: {source}")]
    Algebra {
        /// What was being computed.
        context: &'static str,
        /// The failure.
        source: LinalgError,
    },
}

pub(crate) trait Context<T> {
    fn context(self, context: &'static str) -> Result<T, EstimationError>;
}

impl<T> Context<T> for Result<T, LinalgError> {
    fn context(self, context: &'static str) -> Result<T, EstimationError> {
        self.map_err(|source| EstimationError::Algebra { context, source })
    }
}
