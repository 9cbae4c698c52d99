use linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand_distr::{Distribution, StandardNormal};
use serde::Serialize;

use super::error::{require, require_finite};
use super::{EventStudyError, EventTerms};
use crate::Estimates;
use crate::distribution::Reference;
use crate::resample::{quantile, stream};
use crate::statistic::TestStatistic;

/// Effects by period with their joint covariance.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPath {
    /// Periods, ascending, without the reference one.
    pub(super) periods: Vec<i64>,
    pub(super) reference: i64,
    pub(super) effects: Array1<f64>,
    pub(super) covariance: Array2<f64>,
}

/// One point of an event-study plot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EventPoint {
    /// The period.
    pub period: i64,
    /// The effect; zero in the reference period.
    pub effect: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Pointwise interval.
    pub pointwise: (f64, f64),
    /// Simultaneous (sup-t) band: covers the whole path with the given probability.
    pub simultaneous: (f64, f64),
    /// Whether this is the reference period.
    pub is_reference: bool,
}

impl EventPath {
    /// Effects `[p]` of the given periods (any order, without the reference one) and their covariance.
    ///
    /// # Errors
    /// [`EventStudyError::Shape`], [`EventStudyError::Duplicate`], [`EventStudyError::NotFinite`].
    pub fn new(
        periods: &[i64],
        reference: i64,
        effects: ArrayView1<'_, f64>,
        covariance: ArrayView2<'_, f64>,
    ) -> Result<Self, EventStudyError> {
        require("effects", periods.len(), effects.len())?;
        require("rows of the covariance", periods.len(), covariance.nrows())?;
        require("columns of the covariance", periods.len(), covariance.ncols())?;
        require_finite("effects", effects)?;
        require_finite("covariance", covariance)?;
        let mut order: Vec<usize> = (0..periods.len()).collect();
        order.sort_by_key(|k| periods[*k]);
        let sorted: Vec<i64> = order.iter().map(|k| periods[*k]).collect();
        let twice = sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        if let Some(period) = twice.or_else(|| sorted.iter().copied().find(|t| *t == reference)) {
            return Err(EventStudyError::Duplicate(period));
        }
        Ok(Self {
            periods: sorted,
            reference,
            effects: order.iter().map(|k| effects[*k]).collect(),
            covariance: Array2::from_shape_fn((order.len(), order.len()), |(i, j)| {
                covariance[[order[i], order[j]]]
            }),
        })
    }

    /// The path of a regression's [`EventTerms`]. Tests, bands and bounds of a path are normal and chi-squared, as the bounds of
    /// Rambachan and Roth (2023) are, even where the regression holds its t-ratios to Student's t
    /// ([`Estimates::reference`]): with few clusters they reject more often than its own table.
    ///
    /// # Errors
    /// [`EventStudyError::CoefficientAbsent`] when a term was dropped from the regression.
    pub fn from_estimates(estimates: &Estimates, terms: &EventTerms) -> Result<Self, EventStudyError> {
        let find = |name: &String| {
            let position = estimates.names().iter().position(|n| n == name);
            position.ok_or_else(|| EventStudyError::CoefficientAbsent(name.clone()))
        };
        let at: Vec<usize> = terms.names.iter().map(find).collect::<Result<_, _>>()?;
        let (b, v) = (estimates.coefficients(), estimates.vcov());
        let effects: Array1<f64> = at.iter().map(|k| b[*k]).collect();
        let covariance = Array2::from_shape_fn((at.len(), at.len()), |(i, j)| v[[at[i], at[j]]]);
        Self::new(&terms.periods, terms.reference, effects.view(), covariance.view())
    }

    /// Positions of the periods before the reference one.
    pub(super) fn before(&self) -> Vec<usize> {
        (0..self.periods.len()).filter(|k| self.periods[*k] < self.reference).collect()
    }

    /// Positions of the periods after the reference one.
    pub(super) fn after(&self) -> Vec<usize> {
        (0..self.periods.len()).filter(|k| self.periods[*k] > self.reference).collect()
    }

    /// The joint test that all effects before the reference period are zero. Failing to reject is weak evidence:
    /// see [`relative_magnitudes`](Self::relative_magnitudes) and [`smoothness`](Self::smoothness).
    ///
    /// # Errors
    /// [`EventStudyError::NoPeriods`], or [`EventStudyError::Linalg`] when the covariance is singular.
    pub fn pre_trend_test(&self) -> Result<TestStatistic, EventStudyError> {
        self.joint_test(&self.before(), "before")
    }

    /// The joint test that all effects after the reference period are zero.
    ///
    /// # Errors
    /// As [`pre_trend_test`](Self::pre_trend_test).
    pub fn effect_test(&self) -> Result<TestStatistic, EventStudyError> {
        self.joint_test(&self.after(), "after")
    }

    fn joint_test(&self, at: &[usize], side: &'static str) -> Result<TestStatistic, EventStudyError> {
        if at.is_empty() {
            let reference = self.reference;
            return Err(EventStudyError::NoPeriods { side, reference, needed: "there is nothing to test" });
        }
        let b: Array1<f64> = at.iter().map(|k| self.effects[*k]).collect();
        let v = Array2::from_shape_fn((at.len(), at.len()), |(i, j)| self.covariance[[at[i], at[j]]]);
        let statistic = b.dot(&Cholesky::well_conditioned(v.view())?.solve(b.view())?);
        Ok(TestStatistic::chi_squared(statistic, at.len()))
    }

    /// The points of a plot, reference period included. The simultaneous band takes its critical value from
    /// `draws` seeded draws of the largest `|t|` under the estimated correlation (Montiel Olea and
    /// Plagborg-Moller 2019).
    ///
    /// # Errors
    /// [`EventStudyError::Domain`] for a level outside (0, 1) or no draws, [`EventStudyError::Linalg`] when the
    /// covariance cannot be decomposed.
    pub fn points(&self, level: f64, draws: usize, seed: u64) -> Result<Vec<EventPoint>, EventStudyError> {
        require_level(level)?;
        if draws == 0 {
            return Err(EventStudyError::Domain { what: "draws", value: 0.0, rule: "use 10,000 or more" });
        }
        let errors = self.covariance.diag().mapv(|v| v.max(0.0).sqrt());
        let root = linalg::SymmetricEigen::new(self.covariance.view())?;
        let half = &root.vectors * &root.values.mapv(|v| v.max(0.0).sqrt());
        let largest: Array1<f64> = (0..draws as u64)
            .map(|draw| {
                let mut rng = stream(seed, draw);
                let normal = Array1::from_shape_fn(errors.len(), |_| StandardNormal.sample(&mut rng));
                let t = half.dot(&normal);
                t.iter()
                    .zip(&errors)
                    .map(|(t, e)| if *e > 0.0 { t.abs() / e } else { 0.0 })
                    .fold(0.0, f64::max)
            })
            .collect();
        let z = Reference::Normal.quantile(0.5 + level / 2.0);
        let band = quantile(largest.view(), level).max(z);
        let mut points: Vec<EventPoint> = (0..self.periods.len())
            .map(|k| {
                let (effect, error) = (self.effects[k], errors[k]);
                EventPoint {
                    period: self.periods[k],
                    effect,
                    standard_error: error,
                    pointwise: (effect - z * error, effect + z * error),
                    simultaneous: (effect - band * error, effect + band * error),
                    is_reference: false,
                }
            })
            .collect();
        let at = self.periods.partition_point(|t| *t < self.reference);
        let reference = EventPoint {
            period: self.reference,
            effect: 0.0,
            standard_error: 0.0,
            pointwise: (0.0, 0.0),
            simultaneous: (0.0, 0.0),
            is_reference: true,
        };
        points.insert(at, reference);
        Ok(points)
    }
}

pub(super) fn require_level(level: f64) -> Result<(), EventStudyError> {
    if level > 0.0 && level < 1.0 {
        Ok(())
    } else {
        Err(EventStudyError::Domain {
            what: "level",
            value: level,
            rule: "it must lie strictly between 0 and 1",
        })
    }
}
