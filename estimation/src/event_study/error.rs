use linalg::LinalgError;
use thiserror::Error;

/// What stops an event study.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum EventStudyError {
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
    /// The reference period does not occur.
    #[error("no row is at the reference period {0}; choose a period in the data")]
    ReferenceAbsent(i64),
    /// There are no periods of the kind needed.
    #[error("there are no periods {side} the reference period {reference}; {needed}")]
    NoPeriods {
        /// "before" or "after".
        side: &'static str,
        /// The reference period.
        reference: i64,
        /// What they are needed for.
        needed: &'static str,
    },
    /// Periods are not consecutive, which bounds on changes between neighbours need.
    #[error("period {missing} is missing between the first and the last; bounds need consecutive periods")]
    Gap {
        /// The first missing period.
        missing: i64,
    },
    /// A period occurs twice, or is the reference period.
    #[error("period {0} occurs twice among the estimates, or is the reference period")]
    Duplicate(i64),
    /// An input is NaN or infinite.
    #[error("{what}: entry {index} is not finite")]
    NotFinite {
        /// The input.
        what: &'static str,
        /// Position of the first offending entry.
        index: usize,
    },
    /// A number is outside its domain.
    #[error("{what} is {value}; {rule}")]
    Domain {
        /// The setting.
        what: &'static str,
        /// The value given.
        value: f64,
        /// What it must be.
        rule: &'static str,
    },
    /// The programme behind an interval was not solved.
    #[error("the programme behind the interval was not solved: {0}")]
    Programme(String),
    /// The estimates do not hold the terms.
    #[error("the estimates hold no coefficient `{0}`; was it dropped as collinear?")]
    CoefficientAbsent(String),
    /// A matrix operation failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

pub(super) fn require(what: &'static str, expected: usize, found: usize) -> Result<(), EventStudyError> {
    if expected == found { Ok(()) } else { Err(EventStudyError::Shape { what, expected, found }) }
}

pub(super) fn require_finite<'a>(
    what: &'static str,
    values: impl IntoIterator<Item = &'a f64>,
) -> Result<(), EventStudyError> {
    match values.into_iter().position(|v| !v.is_finite()) {
        Some(index) => Err(EventStudyError::NotFinite { what, index }),
        None => Ok(()),
    }
}
