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
    /// The value under the null is NaN or infinite.
    #[error("the value tested is {0}; it must be finite")]
    Value(f64),
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

/// The value that a coefficient has under the null.
pub(crate) fn require_value(value: f64) -> Result<(), ResampleError> {
    if value.is_finite() { Ok(()) } else { Err(ResampleError::Value(value)) }
}

/// Share of the draws that are as extreme as the sample's statistic, up to rounding. A draw that is not a number, for want of
/// variation, counts as one: it speaks for no rejection.
pub(crate) fn share_as_large(draws: &[f64], statistic: f64) -> f64 {
    // A draw of equal signs gives the sample's own statistic: it counts.
    let edge = statistic.abs() * (1.0 - 1e-10);
    draws.iter().filter(|t| t.is_nan() || t.abs() >= edge).count() as f64 / draws.len() as f64
}

pub(crate) fn require_probability(what: &'static str, value: f64) -> Result<(), ResampleError> {
    if value > 0.0 && value < 1.0 { Ok(()) } else { Err(ResampleError::Probability { what, value }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_that_are_no_number_count_as_extreme() {
        assert_eq!(share_as_large(&[f64::NAN, 3.0, -1.0, -2.0 * (1.0 - 1e-12)], 2.0), 0.75);
        assert_eq!(share_as_large(&[1.0, -1.0, f64::INFINITY, 0.0], -1.5), 0.25);
    }
}
