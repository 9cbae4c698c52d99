//! Test statistics with their reference distribution.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::distribution::{chi_squared_tail, f_tail};

/// The distribution a statistic has under the null.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum NullDistribution {
    /// Chi-squared.
    ChiSquared {
        /// Degrees of freedom.
        df: f64,
    },
    /// F.
    F {
        /// Numerator degrees of freedom.
        df1: f64,
        /// Denominator degrees of freedom.
        df2: f64,
    },
}

/// A statistic, its distribution under the null and its p-value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TestStatistic {
    /// The value.
    pub statistic: f64,
    /// The distribution under the null.
    pub null: NullDistribution,
    /// Probability of a larger value under the null; 1 without degrees of freedom, NaN for a value that is.
    pub p_value: f64,
}

impl TestStatistic {
    /// A statistic that is chi-squared under the null.
    pub fn chi_squared(statistic: f64, df: usize) -> Self {
        let df = df as f64;
        let p_value = if df > 0.0 { chi_squared_tail(not_negative(statistic), df) } else { 1.0 };
        Self { statistic, null: NullDistribution::ChiSquared { df }, p_value }
    }

    /// A statistic that is F under the null. `df2` may be infinite.
    pub fn f(statistic: f64, df1: usize, df2: f64) -> Self {
        let df1 = df1 as f64;
        let p_value = if df2.is_infinite() {
            chi_squared_tail(df1 * not_negative(statistic), df1)
        } else {
            f_tail(not_negative(statistic), df1, df2)
        };
        Self { statistic, null: NullDistribution::F { df1, df2 }, p_value }
    }
}

/// Rounding below zero taken off; NaN stays, which `max` would turn into zero.
fn not_negative(statistic: f64) -> f64 {
    if statistic < 0.0 { 0.0 } else { statistic }
}

impl fmt::Display for TestStatistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.null {
            NullDistribution::ChiSquared { df } => write!(f, "chi2({df})")?,
            NullDistribution::F { df1, df2 } => write!(f, "F({df1}, {df2})")?,
        }
        write!(f, " = {:.4} (p = {:.4})", self.statistic, self.p_value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statistic_that_is_none_rejects_nothing_and_accepts_nothing() {
        assert!(TestStatistic::chi_squared(f64::NAN, 2).p_value.is_nan());
        assert!(TestStatistic::f(f64::NAN, 2, 9.0).p_value.is_nan());
        assert!(TestStatistic::f(f64::NAN, 2, f64::INFINITY).p_value.is_nan());
        assert_eq!(TestStatistic::chi_squared(-1e-12, 2).p_value, 1.0);
        assert_eq!(TestStatistic::f(-1e-12, 2, 9.0).p_value, 1.0);
    }
}
