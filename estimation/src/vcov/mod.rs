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
//! | [`Wild`](Vcov::Wild) | as `Cluster`, p-values by wild bootstrap | |
//! | [`NeweyWest`](Vcov::NeweyWest) | `sum_l (1 - l/(L+1)) sum_t (s_t s_{t-l}' + s_{t-l} s_t')` within units | [`SmallSample`] |
//! | [`DriscollKraay`](Vcov::DriscollKraay) | the same for the scores of a period added up | [`SmallSample`] |
//! | [`Conley`](Vcov::Conley) | `sum_ij k(d_ij) s_i s_j'` | `n / (n - K)` |
//!
//! `K` counts the regressors and the absorbed effects: the levels of every effect, less one for each effect
//! after the first. Slopes that vary by level count their levels, unless these are nested in the clusters.

mod hac;
mod sandwich;
mod spatial;
mod wild;

pub(crate) use sandwich::{Ingredients, covariance, group_totals};
pub(crate) use wild::{Instrumented, wild_p_values, with_last_p_value};

use crate::resample::ScoreBootstrap;
use crate::{Categories, EstimationError};

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
    /// For few clusters: standard errors as [`Cluster`](Self::Cluster) with fixest's convention, p-values from a wild
    /// bootstrap by cluster. Least squares and Poisson take the [`ScoreBootstrap`], under the null for each
    /// coefficient but the constant, which keeps the p-value of its t-ratio; instrumental variables with one endogenous
    /// regressor take [`WildInstruments`] for that, and t for the others.
    ///
    /// [`WildInstruments`]: crate::resample::WildInstruments
    Wild {
        /// The clusters.
        by: Categories,
        /// Weights, draws and seed.
        bootstrap: ScoreBootstrap,
    },
    /// Newey and West (1987), Bartlett kernel, for a time series or within the units of a panel. Lags are
    /// counted in periods, so gaps in time are gaps.
    NeweyWest {
        /// The period of each row.
        time: Vec<i64>,
        /// The units of a panel; absent for one series.
        unit: Option<Categories>,
        /// Lags with weight: the bandwidth less one.
        lags: usize,
        /// [`SmallSample::Fixest`]: `T/(T-1) (n-1)/(n-K)` and t with `T - 1`. [`SmallSample::Stata`], as
        /// `newey`: `n/(n-K)` and t with `n - K`.
        small_sample: SmallSample,
    },
    /// Driscoll and Kraay (1998): robust to dependence across units and over `lags` periods.
    DriscollKraay {
        /// The period of each row.
        time: Vec<i64>,
        /// Lags with weight.
        lags: usize,
        /// As for [`NeweyWest`](Self::NeweyWest), but without a convention of Stata's.
        small_sample: SmallSample,
    },
    /// Conley (1999): robust to dependence up to a great-circle distance. Negative eigenvalues of the variance, which either
    /// kernel may give on a sphere, are set to zero.
    Conley {
        /// Degrees north.
        latitude: Vec<f64>,
        /// Degrees east.
        longitude: Vec<f64>,
        /// Distance at which the weight reaches zero, in km.
        cutoff_km: f64,
        /// How weight falls with distance.
        kernel: SpatialKernel,
    },
}

/// How the weight of a pair of rows falls with their distance in [`Vcov::Conley`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpatialKernel {
    /// One up to the cutoff.
    Uniform,
    /// Falling linearly to zero at the cutoff.
    Bartlett,
}

impl Vcov {
    /// A clustered variance, one- or multi-way.
    pub fn cluster(by: impl IntoIterator<Item = Categories>, small_sample: SmallSample) -> Self {
        Self::Cluster { by: by.into_iter().collect(), small_sample }
    }

    /// Whether its variables have a value for each of so many rows.
    pub(crate) fn check(&self, rows: usize) -> Result<(), EstimationError> {
        let length = |what: &str, found: usize| match found == rows {
            true => Ok(()),
            false => Err(EstimationError::Length { what: what.into(), expected: rows, found }),
        };
        match self {
            Self::Cluster { by, .. } => by.iter().try_for_each(|c| length(c.name(), c.len())),
            Self::Wild { by, .. } => length(by.name(), by.len()),
            Self::NeweyWest { time, unit, .. } => {
                length("the period", time.len())?;
                unit.as_ref().map_or(Ok(()), |u| length(u.name(), u.len()))
            }
            Self::DriscollKraay { time, .. } => length("the period", time.len()),
            Self::Conley { latitude, longitude, .. } => {
                length("the latitude", latitude.len())?;
                length("the longitude", longitude.len())
            }
            Self::Classical | Self::Hc0 | Self::Hc1 | Self::Hc2 | Self::Hc3 => Ok(()),
        }
    }

    /// Its clustering variables on the rows given; none for a variance without.
    pub(crate) fn clusters(&self, rows: &[usize]) -> Vec<Categories> {
        match self {
            Self::Cluster { by, .. } => by.iter().map(|c| c.select(rows)).collect(),
            Self::Wild { by, .. } => vec![by.select(rows)],
            _ => Vec::new(),
        }
    }

    /// The same variance on a selection of rows.
    pub(crate) fn on_rows(&self, rows: &[usize]) -> Self {
        fn pick<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().map(|&r| values[r]).collect()
        }
        match self {
            Self::Cluster { by, small_sample } => {
                Self::Cluster { by: by.iter().map(|c| c.select(rows)).collect(), small_sample: *small_sample }
            }
            Self::Wild { by, bootstrap } => Self::Wild { by: by.select(rows), bootstrap: *bootstrap },
            Self::NeweyWest { time, unit, lags, small_sample } => Self::NeweyWest {
                time: pick(time, rows),
                unit: unit.as_ref().map(|u| u.select(rows)),
                lags: *lags,
                small_sample: *small_sample,
            },
            Self::DriscollKraay { time, lags, small_sample } => {
                Self::DriscollKraay { time: pick(time, rows), lags: *lags, small_sample: *small_sample }
            }
            Self::Conley { latitude, longitude, cutoff_km, kernel } => Self::Conley {
                latitude: pick(latitude, rows),
                longitude: pick(longitude, rows),
                cutoff_km: *cutoff_km,
                kernel: *kernel,
            },
            plain => plain.clone(),
        }
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
            Self::Wild { by, bootstrap } => format!(
                "clustered by {} (fixest small-sample convention), p-values by wild bootstrap ({} weights, {} draws, seed {})",
                by.name(),
                bootstrap.weights.name(),
                bootstrap.draws,
                bootstrap.seed
            ),
            Self::NeweyWest { unit, lags, small_sample, .. } => {
                let within = unit.as_ref().map_or(String::new(), |u| format!(" within {}", u.name()));
                format!("Newey-West{within}, {lags} lags ({} small-sample convention)", small_sample.label())
            }
            Self::DriscollKraay { lags, small_sample, .. } => {
                format!("Driscoll-Kraay, {lags} lags ({} small-sample convention)", small_sample.label())
            }
            Self::Conley { cutoff_km, kernel, .. } => {
                let kernel = match kernel {
                    SpatialKernel::Uniform => "uniform",
                    SpatialKernel::Bartlett => "Bartlett",
                };
                format!("Conley, {kernel} kernel to {cutoff_km} km")
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
    /// Stata's `regress`, `areg` and `reghdfe` for linear models with one way, which is as [`Fixest`](Self::Fixest); of several
    /// ways each part is scaled by its own `G/(G-1)`, as Cameron, Gelbach and Miller (2011) do it and fixest with
    /// `cluster.df = "conventional"` (`reghdfe` takes the smallest `G` for all parts, as [`Fixest`](Self::Fixest)). For Poisson,
    /// Stata's `G/(G-1)` alone with a normal reference.
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
