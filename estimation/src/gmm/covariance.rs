use std::collections::HashMap;
use std::hash::Hash;

use linalg::matmul;
use ndarray::{Array2, ArrayView2, Axis};

use super::GmmError;
use super::error::require;

/// How observations depend on one another.
#[derive(Debug, Clone, PartialEq)]
enum Dependence {
    Independent,
    /// One entry per way: cluster codes `0..count` for each observation.
    Clusters(Vec<(Vec<usize>, usize)>),
    /// Rows in time order within each series.
    Bartlett {
        lags: usize,
        series: Option<Vec<usize>>,
    },
    /// `S` itself, from elsewhere.
    Known(Array2<f64>),
}

/// The covariance `S` of `sqrt(n) g(theta)`, chosen by the caller: `S = M' K M / n`, `M` the `[n, q]`
/// contributions and `K` the dependence between observations.
///
/// No small-sample factor is applied. [`centred`](Self::centred) takes contributions in deviation from their
/// means, which keeps the weight consistent when the moments do not hold (Hall 2005, section 4.3).
#[derive(Debug, Clone, PartialEq)]
pub struct MomentCovariance {
    dependence: Dependence,
    centred: bool,
}

impl MomentCovariance {
    /// Independent, not identically distributed observations: `K = I`.
    pub fn heteroskedastic() -> Self {
        Self { dependence: Dependence::Independent, centred: false }
    }

    /// Observations that depend on one another only within clusters: `K_ij = 1` in the same cluster, else 0.
    pub fn clustered<T: Hash + Eq>(labels: &[T]) -> Self {
        Self { dependence: Dependence::Clusters(vec![codes(labels)]), centred: false }
    }

    /// Two-way clusters (Cameron, Gelbach and Miller 2011): `K = K_1 + K_2 - K_12`. The result may fail to be
    /// positive definite, which a weight matrix reports as an error.
    ///
    /// # Errors
    /// [`GmmError::Shape`] when the two label vectors differ in length.
    pub fn two_way<A: Hash + Eq, B: Hash + Eq>(first: &[A], second: &[B]) -> Result<Self, GmmError> {
        require("second cluster labels", first.len(), second.len())?;
        let pairs: Vec<(&A, &B)> = first.iter().zip(second).collect();
        let ways = vec![codes(first), codes(second), codes(&pairs)];
        Ok(Self { dependence: Dependence::Clusters(ways), centred: false })
    }

    /// One time series in row order with Bartlett weights `1 - l/(lags + 1)` (Newey and West 1987).
    pub fn newey_west(lags: usize) -> Self {
        Self { dependence: Dependence::Bartlett { lags, series: None }, centred: false }
    }

    /// Several series, independent of one another, each in time order and stored in consecutive rows, with
    /// Bartlett weights within each.
    pub fn panel_newey_west<T: Hash + Eq>(series: &[T], lags: usize) -> Self {
        Self { dependence: Dependence::Bartlett { lags, series: Some(codes(series).0) }, centred: false }
    }

    /// A covariance of `sqrt(n) g` known from elsewhere: minimum distance and simulated moments, where the
    /// problem is one row (`n = 1`) of published-less-model moments and `s` is the covariance of the published ones.
    pub fn known(s: Array2<f64>) -> Self {
        Self { dependence: Dependence::Known(s), centred: false }
    }

    /// The same with contributions in deviation from their means.
    #[must_use]
    pub fn centred(mut self) -> Self {
        self.centred = true;
        self
    }

    /// What to call this choice in a table.
    pub fn describe(&self) -> String {
        let name = match &self.dependence {
            Dependence::Independent => "heteroskedasticity-robust".to_string(),
            Dependence::Clusters(ways) => match ways.as_slice() {
                [(_, count)] => format!("clustered ({count} clusters)"),
                _ => {
                    let counts: Vec<String> =
                        ways.iter().take(2).map(|(_, count)| count.to_string()).collect();
                    format!("two-way clustered ({} clusters)", counts.join(" and "))
                }
            },
            Dependence::Bartlett { lags, .. } => format!("Newey-West ({lags} lags)"),
            Dependence::Known(_) => "known".to_string(),
        };
        if self.centred { format!("{name}, centred") } else { name }
    }

    /// The number of clusters of the smallest way, if clustered.
    pub fn clusters(&self) -> Option<usize> {
        match &self.dependence {
            Dependence::Clusters(ways) => ways.iter().take(2).map(|(_, count)| *count).min(),
            _ => None,
        }
    }

    pub(crate) fn check(&self, observations: usize, moments: usize) -> Result<(), GmmError> {
        match &self.dependence {
            Dependence::Independent => Ok(()),
            Dependence::Known(s) => {
                require("known moment covariance", moments, s.nrows())?;
                require("known moment covariance", moments, s.ncols())
            }
            Dependence::Clusters(ways) => {
                for (ids, count) in ways {
                    require("cluster labels", observations, ids.len())?;
                    if *count < 2 {
                        return Err(GmmError::TooFew { what: "clusters", needed: 2, found: *count });
                    }
                }
                Ok(())
            }
            Dependence::Bartlett { lags, series } => {
                if let Some(series) = series {
                    require("series labels", observations, series.len())?;
                    let breaks = series.windows(2).filter(|pair| pair[0] != pair[1]).count() + 1;
                    let distinct = series.iter().max().map_or(0, |m| m + 1);
                    if breaks != distinct {
                        return Err(GmmError::Setting {
                            setting: "series",
                            problem: "the rows of a series are not consecutive; sort by series, then time"
                                .into(),
                        });
                    }
                }
                if *lags >= observations {
                    return Err(GmmError::Setting {
                        setting: "lags",
                        problem: format!("{lags} lags with {observations} observations; use fewer"),
                    });
                }
                Ok(())
            }
        }
    }

    pub(crate) fn is_centred(&self) -> bool {
        self.centred
    }

    /// Contributions as the covariance takes them: centred or not.
    pub(crate) fn prepare(&self, mut contributions: Array2<f64>) -> Array2<f64> {
        if self.centred && contributions.nrows() > 1 {
            let mean = contributions.sum_axis(Axis(0)) / contributions.nrows() as f64;
            contributions -= &mean;
        }
        contributions
    }

    /// `K M`, `[n, q]`, of prepared contributions; zero where `S` does not move with them.
    pub(crate) fn spread(&self, m: ArrayView2<'_, f64>) -> Array2<f64> {
        match &self.dependence {
            Dependence::Independent => m.to_owned(),
            Dependence::Known(_) => Array2::zeros(m.dim()),
            Dependence::Clusters(ways) => {
                let mut out = Array2::zeros(m.dim());
                for (way, (ids, count)) in ways.iter().enumerate() {
                    let sums = cluster_sums(m, ids, *count);
                    let sign = if way == 2 { -1.0 } else { 1.0 };
                    for (mut row, id) in out.outer_iter_mut().zip(ids) {
                        row.scaled_add(sign, &sums.row(*id));
                    }
                }
                out
            }
            Dependence::Bartlett { lags, series } => {
                let mut out = m.to_owned();
                for lag in 1..=*lags {
                    let weight = 1.0 - lag as f64 / (*lags as f64 + 1.0);
                    for i in lag..m.nrows() {
                        if series.as_ref().is_some_and(|s| s[i] != s[i - lag]) {
                            continue;
                        }
                        out.row_mut(i).scaled_add(weight, &m.row(i - lag));
                        out.row_mut(i - lag).scaled_add(weight, &m.row(i));
                    }
                }
                out
            }
        }
    }

    /// `S = M' K M / n` of the `[n, q]` contributions.
    ///
    /// # Errors
    /// [`GmmError::Shape`], [`GmmError::TooFew`] or [`GmmError::Setting`] when the choice does not fit the rows.
    pub fn estimate(&self, contributions: ArrayView2<'_, f64>) -> Result<Array2<f64>, GmmError> {
        self.check(contributions.nrows(), contributions.ncols())?;
        let m = self.prepare(contributions.to_owned());
        self.form(m.view())
    }

    /// `M' K M / n` of prepared contributions.
    pub(crate) fn form(&self, m: ArrayView2<'_, f64>) -> Result<Array2<f64>, GmmError> {
        let n = m.nrows() as f64;
        let s = match &self.dependence {
            Dependence::Independent => matmul(m.t(), m)?,
            Dependence::Known(s) => return Ok(s.clone()),
            Dependence::Clusters(ways) => {
                let mut total = Array2::zeros((m.ncols(), m.ncols()));
                for (way, (ids, count)) in ways.iter().enumerate() {
                    let sums = cluster_sums(m, ids, *count);
                    let part = matmul(sums.t(), sums.view())?;
                    if way == 2 { total -= &part } else { total += &part }
                }
                total
            }
            Dependence::Bartlett { .. } => matmul(m.t(), self.spread(m).view())?,
        };
        Ok((&s + &s.t()) / (2.0 * n))
    }
}

fn cluster_sums(m: ArrayView2<'_, f64>, ids: &[usize], count: usize) -> Array2<f64> {
    let mut sums = Array2::zeros((count, m.ncols()));
    for (row, id) in m.outer_iter().zip(ids) {
        let mut sum = sums.row_mut(*id);
        sum += &row;
    }
    sums
}

/// Codes `0..count` in order of first appearance.
pub(crate) fn codes<T: Hash + Eq>(labels: &[T]) -> (Vec<usize>, usize) {
    let mut seen: HashMap<&T, usize> = HashMap::new();
    let ids = labels
        .iter()
        .map(|label| {
            let next = seen.len();
            *seen.entry(label).or_insert(next)
        })
        .collect();
    (ids, seen.len())
}
