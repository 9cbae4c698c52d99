use linalg::LinalgError;
use thiserror::Error;

/// What stops inference by resampling.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ResampleError {
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
    /// There is too little to resample.
    #[error("{what}: at least {needed} are needed, found {found}")]
    TooFew {
        /// What was counted.
        what: &'static str,
        /// The least number that works.
        needed: usize,
        /// The number found.
        found: usize,
    },
    /// An input is NaN or infinite.
    #[error("{what}: entry {index} is not finite; drop the row or repair the value")]
    NotFinite {
        /// The input.
        what: &'static str,
        /// Position of the first offending entry.
        index: usize,
    },
    /// The treatment varies within a cluster that was said to be assigned as one.
    #[error(
        "the treatment of row {row} differs from that of its cluster's first row; clusters are assigned as one"
    )]
    VariesWithinCluster {
        /// The first row that differs.
        row: usize,
    },
    /// The statistic could not be computed for too many draws.
    #[error("the statistic failed in {failed} of {draws} draws; more than the share {allowed} allowed")]
    Failed {
        /// Draws without a finite statistic.
        failed: usize,
        /// Draws in all.
        draws: usize,
        /// Share allowed to fail.
        allowed: f64,
    },
    /// The statistic of the sample itself could not be computed.
    #[error("the statistic of the original sample is not finite")]
    OriginalFailed,
    /// The null value leaves no variation: the standard error of the coefficient is zero.
    #[error("the standard error of the tested combination is zero; nothing can be tested")]
    NoVariation,
    /// A probability is outside its domain.
    #[error("{what} is {value}; it must lie strictly between 0 and 1")]
    Probability {
        /// The setting.
        what: &'static str,
        /// The value given.
        value: f64,
    },
    /// A matrix operation failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

pub(crate) fn require(what: &'static str, expected: usize, found: usize) -> Result<(), ResampleError> {
    if expected == found { Ok(()) } else { Err(ResampleError::Shape { what, expected, found }) }
}

pub(crate) fn require_finite<'a>(
    what: &'static str,
    values: impl IntoIterator<Item = &'a f64>,
) -> Result<(), ResampleError> {
    match values.into_iter().position(|v| !v.is_finite()) {
        Some(index) => Err(ResampleError::NotFinite { what, index }),
        None => Ok(()),
    }
}

pub(crate) fn require_probability(what: &'static str, value: f64) -> Result<(), ResampleError> {
    if value > 0.0 && value < 1.0 { Ok(()) } else { Err(ResampleError::Probability { what, value }) }
}
