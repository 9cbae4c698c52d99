use estimation::gmm::GmmError;

use crate::LoadError;

/// Why elasticities of substitution cannot be estimated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubstitutionError {
    /// A file of the panel cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The panel contradicts itself.
    #[error("the panel is not usable: {problem}")]
    Panel {
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A setting is outside its domain.
    #[error("{setting}: {problem}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A group of sectors has too little data.
    #[error(
        "group `{group}` has {units} usable units, and {needed} are needed: merge it with another or drop its sectors"
    )]
    TooFewUnits {
        /// The group.
        group: String,
        /// Units with patents and spending.
        units: usize,
        /// The least number.
        needed: usize,
    },
    /// The estimator failed.
    #[error("the estimation of {what} failed")]
    Gmm {
        /// Which.
        what: String,
        /// Why.
        #[source]
        source: GmmError,
    },
    /// The model that the panel is simulated from has no equilibrium.
    #[error("the model behind the simulated panel cannot be solved: {problem}")]
    Model {
        /// Why, with causes.
        problem: String,
    },
}
