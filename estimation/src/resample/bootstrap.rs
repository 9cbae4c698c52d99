use std::hash::Hash;

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rand::RngExt;
use rayon::prelude::*;

use super::error::require_probability;
use super::{ResampleError, stream};
use crate::distribution::Reference;
use crate::gmm::codes;

/// A resample: which rows, and which cluster each belongs to now (a cluster drawn twice becomes two).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resample {
    /// Rows of the original sample, with repetitions.
    pub rows: Vec<usize>,
    /// New cluster of each of them; with the pairs bootstrap, its own position.
    pub clusters: Vec<usize>,
}

/// The bootstrap of any statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Number of draws.
    pub draws: usize,
    /// Seed; the k-th draw depends on nothing else.
    pub seed: u64,
    /// Share of the draws whose statistic may fail (return `None` or something not finite). Failures are
    /// counted in the result.
    pub allowed_failures: f64,
}

impl Bootstrap {
    /// Resamples rows. `statistic` receives the sample itself first, as the identity resample.
    ///
    /// # Errors
    /// [`ResampleError::TooFew`], [`ResampleError::OriginalFailed`], [`ResampleError::Failed`].
    pub fn pairs(
        &self,
        rows: usize,
        statistic: impl Fn(&Resample) -> Option<Array1<f64>> + Sync,
    ) -> Result<BootstrapDraws, ResampleError> {
        let members: Vec<Vec<usize>> = (0..rows).map(|row| vec![row]).collect();
        self.run(&members, statistic)
    }

    /// Resamples whole clusters.
    ///
    /// # Errors
    /// As [`pairs`](Self::pairs).
    pub fn clusters<T: Hash + Eq>(
        &self,
        labels: &[T],
        statistic: impl Fn(&Resample) -> Option<Array1<f64>> + Sync,
    ) -> Result<BootstrapDraws, ResampleError> {
        let (ids, count) = codes(labels);
        let mut members = vec![Vec::new(); count];
        for (row, id) in ids.iter().enumerate() {
            members[*id].push(row);
        }
        self.run(&members, statistic)
    }

    fn run(
        &self,
        members: &[Vec<usize>],
        statistic: impl Fn(&Resample) -> Option<Array1<f64>> + Sync,
    ) -> Result<BootstrapDraws, ResampleError> {
        let units = members.len();
        if units < 2 {
            return Err(ResampleError::TooFew { what: "rows or clusters", needed: 2, found: units });
        }
        if self.draws < 2 {
            return Err(ResampleError::TooFew { what: "draws", needed: 2, found: self.draws });
        }
        let usable = |value: Option<Array1<f64>>| value.filter(|v| v.iter().all(|x| x.is_finite()));
        let collect = |chosen: &mut dyn Iterator<Item = usize>| {
            let mut resample = Resample { rows: Vec::new(), clusters: Vec::new() };
            for (position, unit) in chosen.enumerate() {
                resample.rows.extend(&members[unit]);
                resample.clusters.extend(std::iter::repeat_n(position, members[unit].len()));
            }
            resample
        };
        let identity = collect(&mut (0..units));
        let estimate = usable(statistic(&identity)).ok_or(ResampleError::OriginalFailed)?;
        let values: Vec<Option<Array1<f64>>> = (0..self.draws as u64)
            .into_par_iter()
            .map(|draw| {
                let mut rng = stream(self.seed, draw);
                let resample = collect(&mut (0..units).map(|_| rng.random_range(0..units)));
                usable(statistic(&resample)).filter(|v| v.len() == estimate.len())
            })
            .collect();
        let good: Vec<&Array1<f64>> = values.iter().flatten().collect();
        let failed = self.draws - good.len();
        if failed as f64 > self.allowed_failures * self.draws as f64 || good.len() < 2 {
            return Err(ResampleError::Failed { failed, draws: self.draws, allowed: self.allowed_failures });
        }
        let mut draws = Array2::zeros((good.len(), estimate.len()));
        for (mut row, value) in draws.outer_iter_mut().zip(good) {
            row.assign(value);
        }
        Ok(BootstrapDraws { estimate, draws, failed })
    }
}

/// The bootstrap distribution of a statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct BootstrapDraws {
    /// The statistic of the sample, `[k]`.
    pub estimate: Array1<f64>,
    /// The statistic of each successful draw, `[draws, k]`.
    pub draws: Array2<f64>,
    /// Draws that failed.
    pub failed: usize,
}

impl BootstrapDraws {
    /// The covariance of the draws, `[k, k]`.
    pub fn covariance(&self) -> Array2<f64> {
        let count = self.draws.nrows() as f64;
        let centred = &self.draws - &(self.draws.sum_axis(Axis(0)) / count);
        centred.t().dot(&centred) / (count - 1.0)
    }

    /// Standard deviations of the draws, `[k]`.
    pub fn standard_errors(&self) -> Array1<f64> {
        self.covariance().diag().mapv(f64::sqrt)
    }

    /// Mean of the draws less the estimate, `[k]`.
    pub fn bias(&self) -> Array1<f64> {
        self.draws.sum_axis(Axis(0)) / self.draws.nrows() as f64 - &self.estimate
    }

    /// Percentile intervals, `[k, 2]`.
    ///
    /// # Errors
    /// [`ResampleError::Probability`].
    pub fn percentile(&self, level: f64) -> Result<Array2<f64>, ResampleError> {
        require_probability("level", level)?;
        let tail = (1.0 - level) / 2.0;
        Ok(self.ends(|column| (quantile(column, tail), quantile(column, 1.0 - tail))))
    }

    /// Basic (reflected) intervals, `2 estimate - quantile`, `[k, 2]`.
    ///
    /// # Errors
    /// [`ResampleError::Probability`].
    pub fn basic(&self, level: f64) -> Result<Array2<f64>, ResampleError> {
        let mut ends = self.percentile(level)?;
        for (mut row, estimate) in ends.outer_iter_mut().zip(&self.estimate) {
            (row[0], row[1]) = (2.0 * estimate - row[1], 2.0 * estimate - row[0]);
        }
        Ok(ends)
    }

    /// Normal intervals with the bootstrap standard errors, `[k, 2]`.
    ///
    /// # Errors
    /// [`ResampleError::Probability`].
    pub fn normal(&self, level: f64) -> Result<Array2<f64>, ResampleError> {
        require_probability("level", level)?;
        let half = self.standard_errors() * Reference::Normal.quantile(0.5 + level / 2.0);
        let mut ends = Array2::zeros((self.estimate.len(), 2));
        ends.column_mut(0).assign(&(&self.estimate - &half));
        ends.column_mut(1).assign(&(&self.estimate + &half));
        Ok(ends)
    }

    fn ends(&self, f: impl Fn(ArrayView1<'_, f64>) -> (f64, f64)) -> Array2<f64> {
        let mut ends = Array2::zeros((self.estimate.len(), 2));
        for (mut row, column) in ends.outer_iter_mut().zip(self.draws.axis_iter(Axis(1))) {
            (row[0], row[1]) = f(column);
        }
        ends
    }
}

/// The quantile at `(B + 1) p`, interpolated, so that `B` draws split the line into `B + 1` equal parts.
pub(crate) fn quantile(values: ArrayView1<'_, f64>, p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = ((sorted.len() as f64 + 1.0) * p - 1.0).clamp(0.0, sorted.len() as f64 - 1.0);
    let (below, above) = (position.floor() as usize, position.ceil() as usize);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}
