//! Tail probabilities and quantiles of the reference distributions.

use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, Normal, StudentsT};
use statrs::function::erf::erfc;

/// The distribution that a coefficient's `estimate / standard error` is held to.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Reference {
    /// Student's t with the given degrees of freedom.
    StudentT(f64),
    /// The standard normal.
    Normal,
}

impl Reference {
    /// The two-sided p-value of a statistic.
    pub fn p_value(self, statistic: f64) -> f64 {
        match self {
            Self::Normal => erfc(statistic.abs() / std::f64::consts::SQRT_2),
            Self::StudentT(df) => {
                StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |d| 2.0 * d.sf(statistic.abs()))
            }
        }
    }

    /// The quantile at probability `p`.
    pub fn quantile(self, p: f64) -> f64 {
        match self {
            Self::Normal => Normal::standard().inverse_cdf(p),
            Self::StudentT(df) => StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |d| d.inverse_cdf(p)),
        }
    }
}

/// The upper tail of the chi-squared distribution with `df` degrees of freedom.
pub fn chi_squared_tail(statistic: f64, df: f64) -> f64 {
    ChiSquared::new(df).map_or(f64::NAN, |d| d.sf(statistic))
}

/// The upper tail of the F distribution with `df1` and `df2` degrees of freedom.
pub fn f_tail(statistic: f64, df1: f64, df2: f64) -> f64 {
    FisherSnedecor::new(df1, df2).map_or(f64::NAN, |d| d.sf(statistic))
}
