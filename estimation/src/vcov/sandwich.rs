//! Meat, bread and scale.

use linalg::SymmetricEigen;
use ndarray::{Array2, ArrayView2, Axis};

use super::{SmallSample, Vcov, hac, spatial};
use crate::columns::{cross, gram};
use crate::distribution::Reference;
use crate::effects::Effects;
use crate::error::Context;
use crate::{Categories, EstimationError};

/// What a variance is made of, whatever the estimator.
pub(crate) struct Ingredients<'a> {
    /// Regressors net of the fixed effects (projected on the instruments for IV), `[k, n]`.
    pub(crate) regressors: ArrayView2<'a, f64>,
    /// Residuals such that the score of row `i` is `x_i w_i u_i`.
    pub(crate) residuals: &'a [f64],
    /// Working weights, absent for ones.
    pub(crate) weights: Option<&'a [f64]>,
    /// Frequency weights, when a row stands for several observations.
    pub(crate) frequency: Option<&'a [f64]>,
    /// `(X'WX)^-1`.
    pub(crate) bread: ArrayView2<'a, f64>,
    /// Observations: rows, or the sum of frequency weights.
    pub(crate) observations: f64,
    /// The absorbed effects on the rows used.
    pub(crate) effects: &'a Effects,
    /// Numbers of the used rows in the caller's data.
    pub(crate) rows: &'a [usize],
    /// A likelihood whose classical variance is the bread itself.
    pub(crate) likelihood: bool,
    /// Whether the regressors were projected on instruments.
    pub(crate) projected: bool,
}

/// A covariance matrix with the distribution its t-ratios are held to.
pub(crate) struct Covariance {
    pub(crate) matrix: Array2<f64>,
    pub(crate) reference: Reference,
}

impl Ingredients<'_> {
    /// Regressors and absorbed effects, those nested in a clustering variable left out.
    fn parameters(&self, clusters: &[Categories]) -> f64 {
        (self.regressors.nrows() + self.effects.parameters(clusters)) as f64
    }

    /// Values of the caller's rows on those that were used.
    pub(super) fn pick<T: Copy>(&self, values: &[T]) -> Vec<T> {
        self.rows.iter().map(|&r| values[r]).collect()
    }

    /// `w_i u_i`: what turns a row of regressors into the score of all the observations it stands for.
    pub(crate) fn score_factors(&self) -> Vec<f64> {
        (0..self.residuals.len()).map(|row| self.score_factor(row)).collect()
    }

    /// `w_i u_i` of one row.
    fn score_factor(&self, row: usize) -> f64 {
        self.residuals[row] * self.weights.map_or(1.0, |w| w[row])
    }

    /// `sum_i s_i s_i' f(i)` for scores of single observations.
    fn robust_meat(&self, factor: Option<&[f64]>) -> Array2<f64> {
        let weights: Vec<f64> = (0..self.residuals.len())
            .map(|i| {
                let w = self.weights.map_or(1.0, |w| w[i]);
                let frequency = self.frequency.map_or(1.0, |f| f[i]);
                (w * self.residuals[i]).powi(2) / frequency * factor.map_or(1.0, |f| f[i])
            })
            .collect();
        gram(self.regressors, Some(&weights))
    }

    /// `1 - h_i`, the share of an observation's own outcome that its fitted value leaves alone.
    fn one_minus_leverage(&self, vcov: &'static str) -> Result<Vec<f64>, EstimationError> {
        if !self.effects.is_empty() || self.projected || self.likelihood {
            return Err(EstimationError::VcovUnavailable {
                vcov: vcov.into(),
                reason:
                    "leverage is defined for least squares without absorbed effects or instruments; use HC1"
                        .into(),
            });
        }
        let k = self.regressors.nrows();
        let half = self.bread.dot(&self.regressors);
        let mut left = vec![1.0; self.residuals.len()];
        for j in 0..k {
            for (i, s) in left.iter_mut().enumerate() {
                let w = self.weights.map_or(1.0, |w| w[i]);
                let frequency = self.frequency.map_or(1.0, |f| f[i]);
                *s -= self.regressors[[j, i]] * half[[j, i]] * w / frequency;
            }
        }
        match left.iter().position(|s| *s < 1e-10) {
            Some(row) => Err(EstimationError::FullLeverage { row: self.rows[row], vcov }),
            None => Ok(left),
        }
    }

    pub(super) fn sandwich(&self, meat: &Array2<f64>) -> Array2<f64> {
        let full = self.bread.dot(meat).dot(&self.bread);
        (&full + &full.t()) * 0.5
    }
}

/// The covariance matrix that `vcov` asks for; its variables have a value for each of the caller's rows.
pub(crate) fn covariance(vcov: &Vcov, parts: &Ingredients<'_>) -> Result<Covariance, EstimationError> {
    let n = parts.observations;
    let k = parts.parameters(&[]);
    if n <= k {
        return Err(EstimationError::NoDegreesOfFreedom { parameters: k as usize, rows: n as usize });
    }
    let df = n - k;
    let t = if parts.likelihood { Reference::Normal } else { Reference::StudentT(df) };
    let (matrix, reference) = match vcov {
        Vcov::Classical => {
            let scale = if parts.likelihood {
                1.0
            } else {
                let sum: f64 = parts
                    .residuals
                    .iter()
                    .enumerate()
                    .map(|(i, u)| parts.weights.map_or(1.0, |w| w[i]) * u * u)
                    .sum();
                sum / df
            };
            (&parts.bread * scale, t)
        }
        Vcov::Hc0 => (parts.sandwich(&parts.robust_meat(None)), t),
        Vcov::Hc1 => (parts.sandwich(&parts.robust_meat(None)) * (n / df), t),
        Vcov::Hc2 => {
            let factor: Vec<f64> = parts.one_minus_leverage("HC2")?.iter().map(|s| 1.0 / s).collect();
            (parts.sandwich(&parts.robust_meat(Some(&factor))), t)
        }
        Vcov::Hc3 => {
            let factor: Vec<f64> = parts.one_minus_leverage("HC3")?.iter().map(|s| 1.0 / (s * s)).collect();
            (parts.sandwich(&parts.robust_meat(Some(&factor))), t)
        }
        Vcov::Cluster { small_sample, .. } => clustered(parts, &vcov.clusters(parts.rows), *small_sample)?,
        Vcov::Wild { .. } => clustered(parts, &vcov.clusters(parts.rows), SmallSample::Fixest)?,
        Vcov::NeweyWest { time, unit, lags, small_sample } => {
            let meat = hac::newey_west(parts, time, unit.as_ref(), *lags)?;
            hac::scaled(parts, &meat, *small_sample, time, true, df)?
        }
        Vcov::DriscollKraay { time, lags, small_sample } => {
            let meat = hac::driscoll_kraay(parts, time, *lags);
            hac::scaled(parts, &meat, *small_sample, time, false, df)?
        }
        Vcov::Conley { latitude, longitude, cutoff_km, kernel } => {
            let meat = spatial::meat(parts, latitude, longitude, *cutoff_km, *kernel)?;
            (positive_part(parts.sandwich(&meat) * (n / df), "eigenvalues of Conley's variance")?, t)
        }
    };
    Ok(Covariance { matrix, reference })
}

fn clustered(
    parts: &Ingredients<'_>,
    ways: &[Categories],
    small_sample: SmallSample,
) -> Result<(Array2<f64>, Reference), EstimationError> {
    if ways.is_empty() || ways.len() > 8 {
        return Err(EstimationError::VcovUnavailable {
            vcov: "a clustered variance".into(),
            reason: format!("{} clustering variables were given; 1 to 8 are possible", ways.len()),
        });
    }
    if let Some(few) = ways.iter().find(|c| c.count() < 2) {
        return Err(EstimationError::TooFewClusters { variable: few.name().into(), count: few.count() });
    }
    let smallest = ways.iter().map(Categories::count).min().unwrap_or(0) as f64;
    let k = parts.regressors.nrows();
    let n = parts.observations;
    let mut meat = Array2::zeros((k, k));
    for subset in 1_u32..1 << ways.len() {
        let mut members = ways.iter().enumerate().filter(|(i, _)| subset >> i & 1 == 1).map(|(_, c)| c);
        let Some(first) = members.next() else { continue };
        let groups = members.fold(first.clone(), |joined, next| joined.interact(next));
        let sign = if subset.count_ones() % 2 == 1 { 1.0 } else { -1.0 };
        let g = groups.count() as f64;
        let scale = match small_sample {
            SmallSample::Uncorrected => 1.0,
            SmallSample::Fixest => smallest / (smallest - 1.0),
            SmallSample::Stata => g / (g - 1.0),
        };
        meat.scaled_add(sign * scale, &group_meat(parts, &groups));
    }
    let parameters = parts.parameters(ways);
    if n <= parameters {
        return Err(EstimationError::NoDegreesOfFreedom {
            parameters: parameters as usize,
            rows: n as usize,
        });
    }
    let correction = (n - 1.0) / (n - parameters);
    let (scale, reference) = match (small_sample, parts.likelihood) {
        (SmallSample::Uncorrected, _) => (1.0, Reference::Normal),
        (SmallSample::Stata, true) => (1.0, Reference::Normal),
        (SmallSample::Fixest, true) => (correction, Reference::Normal),
        (_, false) => (correction, Reference::StudentT(smallest - 1.0)),
    };
    let mut matrix = parts.sandwich(&meat) * scale;
    if ways.len() > 1 {
        matrix = positive_part(matrix, "eigenvalues of the multi-way variance")?;
    }
    Ok((matrix, reference))
}

/// `sum_g s_g s_g'` for scores `x_i w_i u_i` added up within groups.
fn group_meat(parts: &Ingredients<'_>, groups: &Categories) -> Array2<f64> {
    let sums = group_sums(parts, groups);
    cross(sums.view(), sums.view(), None)
}

/// Scores added up within groups, `[k, G]`.
pub(super) fn group_sums(parts: &Ingredients<'_>, groups: &Categories) -> Array2<f64> {
    let mut sums = Array2::zeros((parts.regressors.nrows(), groups.count()));
    for (mut target, values) in sums.axis_iter_mut(Axis(0)).zip(parts.regressors.axis_iter(Axis(0))) {
        for (row, (&code, value)) in groups.codes().iter().zip(values).enumerate() {
            target[code as usize] += value * parts.score_factor(row);
        }
    }
    sums
}

/// Values added up within groups.
pub(crate) fn group_totals(values: &[f64], groups: &Categories) -> Vec<f64> {
    let mut sums = vec![0.0; groups.count()];
    values.iter().zip(groups.codes()).for_each(|(v, &code)| sums[code as usize] += v);
    sums
}

/// Sets negative eigenvalues to zero (Cameron, Gelbach and Miller 2011, section 2.3).
fn positive_part(matrix: Array2<f64>, context: &'static str) -> Result<Array2<f64>, EstimationError> {
    let eigen = SymmetricEigen::new(matrix.view()).context(context)?;
    if eigen.values.iter().all(|v| *v >= 0.0) {
        return Ok(matrix);
    }
    Ok(eigen.map(|v| v.max(0.0)))
}
