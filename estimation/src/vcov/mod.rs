//! Variance estimators. The caller always names one; nothing is assumed.
//!
//! With scores `s_i = x_i w_i u_i` (for least squares `u` is the residual, for Poisson `w u = y - mu`) and bread
//! `B = (X'WX)^-1`, regressors being net of the fixed effects, each estimator is `B M B` with its own `M`:
//!
//! | variance | `M` | scale |
//! |---|---|---|
//! | [`Classical`](Vcov::Classical) | `s^2 B^-1`, `s^2 = sum w u^2 / (n - K)` (Poisson: 1) | |
//! | [`Hc0`](Vcov::Hc0) | `sum s_i s_i'` | 1 |
//! | [`Hc1`](Vcov::Hc1) | as HC0 | `n / (n - K)` |
//! | [`Hc2`](Vcov::Hc2) | `sum s_i s_i' / (1 - h_i)` | 1 |
//! | [`Hc3`](Vcov::Hc3) | `sum s_i s_i' / (1 - h_i)^2` | 1 |
//! | [`Cluster`](Vcov::Cluster) | `sum_g s_g s_g'`, several ways by inclusion and exclusion | [`SmallSample`] |
//!
//! `K` counts the regressors and the absorbed effects: the levels of every effect, less one for each effect
//! after the first.

mod sandwich;

pub(crate) use sandwich::{Ingredients, covariance};

use crate::Categories;

/// The variance estimator of a regression. There is no default.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Vcov {
    /// Independent errors of equal variance.
    Classical,
    /// White (1980), without a correction.
    Hc0,
    /// White with `n / (n - K)` (MacKinnon and White 1985); what Stata calls `robust` after `regress`.
    Hc1,
    /// Scaled by leverage; unbiased under equal variances.
    Hc2,
    /// Scaled by squared leverage; close to the jackknife.
    Hc3,
    /// Sums of scores within clusters; several variables give the multi-way estimator of Cameron, Gelbach and
    /// Miller (2011), its negative eigenvalues set to zero.
    Cluster {
        /// The clustering variables.
        by: Vec<Categories>,
        /// The finite-sample convention.
        small_sample: SmallSample,
    },
}

impl Vcov {
    /// A clustered variance, one- or multi-way.
    pub fn cluster(by: impl IntoIterator<Item = Categories>, small_sample: SmallSample) -> Self {
        Self::Cluster { by: by.into_iter().collect(), small_sample }
    }

    /// How tables name it.
    pub fn label(&self) -> String {
        match self {
            Self::Classical => "classical".into(),
            Self::Hc0 => "HC0".into(),
            Self::Hc1 => "HC1".into(),
            Self::Hc2 => "HC2".into(),
            Self::Hc3 => "HC3".into(),
            Self::Cluster { by, small_sample } => {
                let names: Vec<&str> = by.iter().map(Categories::name).collect();
                format!(
                    "clustered by {} ({} small-sample convention)",
                    names.join(" and "),
                    small_sample.label()
                )
            }
        }
    }
}

/// How a clustered variance is scaled in finite samples; programs differ, so the choice is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SmallSample {
    /// No correction; normal reference.
    Uncorrected,
    /// fixest and pyfixest: `G/(G-1) (n-1)/(n-K)`, where `K` leaves out effects nested in the clusters (one
    /// level of each kept) and `G` is the smallest number of clusters over the ways; t with `G - 1`.
    Fixest,
    /// Stata's `regress`, `areg` and `reghdfe` for linear models: as [`Fixest`](Self::Fixest) for one way, with
    /// each part of a multi-way variance scaled by its own `G/(G-1)`. For Poisson, Stata's `G/(G-1)` alone with
    /// a normal reference.
    Stata,
}

impl SmallSample {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Uncorrected => "no",
            Self::Fixest => "fixest",
            Self::Stata => "Stata",
        }
    }
}
