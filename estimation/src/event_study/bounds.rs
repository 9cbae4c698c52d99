use ndarray::{Array1, ArrayView1};
use serde::Serialize;

use super::error::{require, require_finite};
use super::optimal::Frontier;
use super::path::require_level;
use super::{EventPath, EventStudyError};
use crate::distribution::Reference;

/// A confidence interval for an effect when trends need not be parallel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RobustInterval {
    /// How far trends may differ: `Mbar` of relative magnitudes, `M` of smoothness.
    pub bound: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// The confidence level.
    pub level: f64,
}

impl RobustInterval {
    fn excludes_zero(&self) -> bool {
        self.lower > 0.0 || self.upper < 0.0
    }
}

impl EventPath {
    /// The mean effect after the reference period; zero without such periods.
    pub fn mean_after(&self) -> f64 {
        let after = self.after();
        after.iter().map(|k| self.effects[*k]).sum::<f64>() / after.len().max(1) as f64
    }

    /// The weights of the mean effect after the reference period.
    pub fn mean_effect(&self) -> Array1<f64> {
        let count = self.after().len();
        Array1::from_elem(count, 1.0 / count as f64)
    }

    /// An interval for `l'tau`, `tau` the effects after the reference period, when the change in the difference in
    /// trends between neighbouring periods is at most `mbar` times its largest change before the reference
    /// period: the restriction `Delta^RM` of Rambachan and Roth (2023).
    ///
    /// The bound on the bias is `mbar sum_t |L_t| max_s |delta_(s+1) - delta_s|`, `L_t = sum_(u >= t) l_u`, so each
    /// end of the identified set is the largest of finitely many linear functions of the effects. The interval
    /// unites normal intervals for them. It covers with at least the stated probability, and is quick; shorter intervals,
    /// theirs, come from [`relative_magnitudes_by`](Self::relative_magnitudes_by).
    ///
    /// # Errors
    /// [`EventStudyError::NoPeriods`] without a period before the reference, whose change to it is the one to go by, or without
    /// one after; [`EventStudyError::Gap`], [`EventStudyError::Shape`], [`EventStudyError::Domain`].
    pub fn relative_magnitudes(
        &self,
        weights: ArrayView1<'_, f64>,
        mbar: f64,
        level: f64,
    ) -> Result<RobustInterval, EventStudyError> {
        self.check(weights, mbar, level)?;
        let (before, after) = (self.before(), self.after());
        let z = Reference::Normal.quantile(0.5 + level / 2.0);
        let mut target = Array1::zeros(self.periods.len());
        for (k, weight) in after.iter().zip(weights) {
            target[*k] = *weight;
        }
        // How often each change after the reference period enters l'delta, worst signs.
        let mut sum = 0.0;
        let exposure: f64 = weights
            .iter()
            .rev()
            .map(|weight| {
                sum += weight;
                f64::abs(sum)
            })
            .sum();
        let mut ends = (f64::INFINITY, f64::NEG_INFINITY);
        for (position, k) in before.iter().enumerate() {
            for sign in [-1.0, 1.0] {
                // delta_(s+1) - delta_s; the last one runs to the reference period, where delta is zero.
                let mut combination = target.clone();
                combination[*k] -= sign * mbar * exposure;
                if let Some(next) = before.get(position + 1) {
                    combination[*next] += sign * mbar * exposure;
                }
                let centre = combination.dot(&self.effects);
                let half = z * combination.dot(&self.covariance.dot(&combination)).max(0.0).sqrt();
                ends = (f64::min(ends.0, centre - half), f64::max(ends.1, centre + half));
            }
        }
        Ok(RobustInterval { bound: mbar, lower: ends.0, upper: ends.1, level })
    }

    /// An interval for `l'tau` when the slope of the difference in trends changes by at most `m` between
    /// neighbouring periods: `Delta^SD(M)` of Rambachan and Roth (2023), `|delta_(t+1) - 2 delta_t +
    /// delta_(t-1)| <= m`. With `m = 0` trends may differ linearly.
    ///
    /// The shortest interval of fixed length around a linear combination of the effects (Armstrong and Kolesar
    /// 2018), which their paper recommends for this restriction. Its half-length is
    /// `se cv(m B / se)`, `B` the combination's worst-case bias at `m = 1`, `cv(b)` the quantile of `|N(b, 1)|`.
    ///
    /// # Errors
    /// As [`relative_magnitudes`](Self::relative_magnitudes), and [`EventStudyError::Programme`].
    pub fn smoothness(
        &self,
        weights: ArrayView1<'_, f64>,
        m: f64,
        level: f64,
    ) -> Result<RobustInterval, EventStudyError> {
        self.check(weights, m, level)?;
        Frontier::new(self, weights)?.interval(m, level)
    }

    /// The largest `Mbar` at which [`relative_magnitudes`](Self::relative_magnitudes) still excludes zero; 0 when
    /// it does not even under parallel trends.
    ///
    /// # Errors
    /// As [`relative_magnitudes`](Self::relative_magnitudes).
    pub fn breakdown_relative_magnitudes(
        &self,
        weights: ArrayView1<'_, f64>,
        level: f64,
    ) -> Result<f64, EventStudyError> {
        breakdown(1.0, |mbar| self.relative_magnitudes(weights, mbar, level))
    }

    /// The largest `M` at which [`smoothness`](Self::smoothness) still excludes zero; 0 when it does not even with
    /// linear differences in trends.
    ///
    /// # Errors
    /// As [`smoothness`](Self::smoothness).
    pub fn breakdown_smoothness(
        &self,
        weights: ArrayView1<'_, f64>,
        level: f64,
    ) -> Result<f64, EventStudyError> {
        self.check(weights, 0.0, level)?;
        let frontier = Frontier::new(self, weights)?;
        let scale = self.covariance.diag().iter().copied().fold(0.0, f64::max).sqrt();
        breakdown(scale.max(f64::MIN_POSITIVE), |m| frontier.interval(m, level))
    }

    fn check(&self, weights: ArrayView1<'_, f64>, bound: f64, level: f64) -> Result<(), EventStudyError> {
        require_level(level)?;
        let rule = "it must be zero or positive, and finite";
        if !(bound >= 0.0 && bound.is_finite()) {
            return Err(EventStudyError::Domain { what: "bound", value: bound, rule });
        }
        require("weights of the effects", self.after().len(), weights.len())?;
        require_finite("weights of the effects", weights)?;
        let reference = self.reference;
        for (side, at) in [("before", self.before()), ("after", self.after())] {
            if at.is_empty() {
                let needed = "bounds compare trends before and after";
                return Err(EventStudyError::NoPeriods { side, reference, needed });
            }
        }
        let mut all = self.periods.clone();
        all.push(reference);
        all.sort_unstable();
        match all.windows(2).find(|pair| pair[1] != pair[0] + 1) {
            Some(pair) => Err(EventStudyError::Gap { missing: pair[0] + 1 }),
            None => Ok(()),
        }
    }
}

/// The largest bound that excludes zero; `unit` is the size of a bound to begin with.
fn breakdown(
    unit: f64,
    interval: impl Fn(f64) -> Result<RobustInterval, EventStudyError>,
) -> Result<f64, EventStudyError> {
    if !interval(0.0)?.excludes_zero() {
        return Ok(0.0);
    }
    let (mut low, mut high) = (0.0, unit);
    while interval(high)?.excludes_zero() {
        low = high;
        high *= 2.0;
        if high > unit * 1e9 {
            return Ok(f64::INFINITY);
        }
    }
    while high - low > 1e-6 * high {
        let middle = 0.5 * (low + high);
        if interval(middle)?.excludes_zero() { low = middle } else { high = middle }
    }
    Ok(low)
}
