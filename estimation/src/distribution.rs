//! Tail probabilities and quantiles of the reference distributions. What is not defined is NaN.

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
    /// The two-sided p-value of a statistic; NaN for a statistic, or degrees of freedom, that are none.
    pub fn p_value(self, statistic: f64) -> f64 {
        match self {
            _ if statistic.is_nan() => f64::NAN,
            Self::Normal => erfc(statistic.abs() / std::f64::consts::SQRT_2),
            Self::StudentT(df) => {
                StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |d| 2.0 * d.sf(statistic.abs()))
            }
        }
    }

    /// The quantile at probability `p`; NaN for what is no probability, or no degrees of freedom.
    pub fn quantile(self, p: f64) -> f64 {
        match self {
            _ if !(0.0..=1.0).contains(&p) => f64::NAN,
            Self::Normal | Self::StudentT(f64::INFINITY) => Normal::standard().inverse_cdf(p),
            Self::StudentT(df) => StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |d| d.inverse_cdf(p)),
        }
    }
}

/// The upper tail of the chi-squared distribution with `df` degrees of freedom.
pub(crate) fn chi_squared_tail(statistic: f64, df: f64) -> f64 {
    if statistic.is_nan() {
        return f64::NAN;
    }
    ChiSquared::new(df).map_or(f64::NAN, |d| d.sf(statistic))
}

/// The upper tail of the F distribution with `df1` and `df2` degrees of freedom.
pub(crate) fn f_tail(statistic: f64, df1: f64, df2: f64) -> f64 {
    // Beyond this the product with the degrees of freedom overflows.
    let statistic = if statistic > f64::MAX / df1 { f64::INFINITY } else { statistic };
    if statistic.is_nan() {
        return f64::NAN;
    }
    FisherSnedecor::new(df1, df2).map_or(f64::NAN, |d| d.sf(statistic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_defined_is_nan() {
        let t = Reference::StudentT(7.0);
        for nan in [
            Reference::Normal.p_value(f64::NAN),
            t.p_value(f64::NAN),
            Reference::StudentT(0.0).p_value(1.0),
            Reference::StudentT(f64::NAN).quantile(0.5),
            Reference::Normal.quantile(48.0),
            t.quantile(48.0),
            t.quantile(-0.1),
            t.quantile(f64::NAN),
            chi_squared_tail(f64::NAN, 2.0),
            chi_squared_tail(1.0, f64::NAN),
            f_tail(f64::NAN, 2.0, 9.0),
            f_tail(1.0, 2.0, f64::NAN),
        ] {
            assert!(nan.is_nan());
        }
    }

    #[test]
    fn the_ends_of_the_line_have_their_probabilities() {
        let t = Reference::StudentT(7.0);
        assert_eq!([Reference::Normal.p_value(f64::INFINITY), t.p_value(f64::NEG_INFINITY)], [0.0, 0.0]);
        assert_eq!([t.quantile(0.0), t.quantile(1.0)], [f64::NEG_INFINITY, f64::INFINITY]);
        assert_eq!(Reference::StudentT(f64::INFINITY).quantile(0.975), Reference::Normal.quantile(0.975));
        assert_eq!([f_tail(f64::MAX, 3.0, 9.0), f_tail(f64::INFINITY, 3.0, 9.0)], [0.0, 0.0]);
        assert_eq!(chi_squared_tail(f64::INFINITY, 3.0), 0.0);
    }
}
