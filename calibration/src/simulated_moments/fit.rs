//! The search, what it finds, and how sure that is.

use counterfactuals::scenario::{Estimates, EstimatesError};
use estimation::gmm::{
    FirstWeight, Gmm, GmmError, MomentCovariance, Restricted, StartReport, Steps, delta_method,
};
use estimation::resample::stream;
use estimation::statistic::TestStatistic;
use linalg::Svd;
use ndarray::{Array1, Array2, Axis};
use rand_distr::{Distribution, StandardUniform};
use rayon::prelude::*;

use super::targets::{Kind, Target};
use super::{Calibration, CalibrationError, PARAMETERS, RANGES, inward, slope};

/// A search ends where a further step would be shorter than the square root of this in standard errors, about: that of the
/// optimum, and those from random starts, of which only [`AGREES`] is asked.
const SUFFICIENT: f64 = 1e-7;
const NEARLY: f64 = 1e-5;

/// A start agrees that ends within this many standard errors of the optimum in every parameter.
const AGREES: f64 = 0.01;

/// The calibrated parameters.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Calibrated {
    /// Values, in the order of [`PARAMETERS`].
    pub values: Array1<f64>,
    /// Their covariance under the targets' standard errors.
    pub covariance: Array2<f64>,
    /// The targets, and what the model makes of each.
    pub targets: Vec<(Target, f64)>,
    /// Standard deviation of each target's gap after the fit, `(V - G (G'V^-1 G)^-1 G')^(1/2)`: the parameters follow the facts,
    /// so that a gap varies by less than its fact.
    pub gap_error: Vec<f64>,
    /// Test that all targets agree, at their standard errors.
    pub test: Option<TestStatistic>,
    /// Derivatives of the model's moments over the targets' standard errors with respect to parameters over the width of
    /// their ranges, `[target, parameter]`.
    pub jacobian: Array2<f64>,
    /// Its singular values, largest first, and those of the rows that are facts, without outside information.
    pub singular_values: (Vec<f64>, Vec<f64>),
    /// Random starts.
    pub starts: usize,
    /// How many of them ended within a hundredth of a standard error of the optimum.
    pub agreeing: usize,
    /// What came of each random start, in order; parameters are in the search's coordinates.
    pub runs: Vec<StartReport>,
    /// Whether each ended there.
    near: Vec<bool>,
    /// The criterion at the optimum.
    pub criterion: f64,
}

impl Calibrated {
    /// Standard errors, in the order of [`PARAMETERS`].
    pub fn standard_errors(&self) -> Array1<f64> {
        self.covariance.diag().mapv(|v| v.max(0.0).sqrt())
    }

    /// The random starts that ended elsewhere.
    pub fn elsewhere(&self) -> impl Iterator<Item = &StartReport> {
        self.runs.iter().zip(&self.near).filter(|(_, near)| !**near).map(|(run, _)| run)
    }

    /// Values and joint covariance of those parameters that a scenario has, in the form that it reads: `sigma`, `lambda`, `phi`,
    /// `xi` and `delta`. What is not known about `beta_r`, which belongs to the economy, is in their covariance.
    ///
    /// # Errors
    /// An [`EstimatesError`] when the covariance is none.
    pub fn as_estimates(&self, name: &str) -> Result<Estimates, EstimatesError> {
        let items: Vec<String> = PARAMETERS[..5].iter().map(|p| (*p).to_owned()).collect();
        let values = self.values.iter().take(5).copied().collect();
        let covariance = Array2::from_shape_fn((5, 5), |(a, b)| self.covariance[[a, b]]);
        let provenance = "calibrated to printed and observed facts by minimum distance (table B8)";
        Estimates::new(name, provenance, items, values, &covariance)
    }
}

/// The criterion with one parameter held, the others chosen anew.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfilePoint {
    /// The parameter.
    pub parameter: &'static str,
    /// Its value.
    pub value: f64,
    /// The least criterion; `None` where the search found none.
    pub criterion: Option<f64>,
}

impl Calibration {
    fn gmm(&self) -> Gmm {
        let mut gmm = Gmm::new(MomentCovariance::known(self.variance()), FirstWeight::AtStart, Steps::One);
        gmm.max_iterations = 60;
        gmm.tolerance = 1e-3;
        gmm.sufficient = SUFFICIENT;
        gmm
    }

    /// Squared standard errors of the targets on a diagonal.
    fn variance(&self) -> Array2<f64> {
        Array2::from_diag(&self.targets.iter().map(|t| t.std_error.powi(2)).collect::<Array1<_>>())
    }

    /// Minimises the distance from default values and from `starts` points drawn uniformly over the middle four
    /// fifths of the ranges.
    ///
    /// # Errors
    /// [`CalibrationError::Search`] with the history of every start.
    pub fn fit(&self, starts: usize, seed: u64) -> Result<Calibrated, CalibrationError> {
        let draw = |number: u64| -> Array1<f64> {
            let mut rng = stream(seed, number);
            (0..PARAMETERS.len())
                .map(|k| {
                    let share: f64 = StandardUniform.sample(&mut rng);
                    inward(k, RANGES[k].0 + (0.1 + 0.8 * share) * (RANGES[k].1 - RANGES[k].0))
                })
                .collect()
        };
        let mut points = vec![self.start()];
        points.extend((0..starts as u64).map(draw));
        let searches = Gmm { sufficient: NEARLY, tolerance: AGREES, ..self.gmm() }.fit_from(self, &points)?;
        let fit = self.gmm().fit(self, searches.theta.view())?;
        let values = self.values_of(fit.theta.view());
        let slopes = Array2::from_diag(
            &fit.theta.iter().enumerate().map(|(k, t)| slope(k, *t)).collect::<Array1<_>>(),
        );
        let natural = delta_method(values.clone(), slopes.view(), fit.covariance.view())?;
        let made = self.moments_at(&values)?;
        let mut jacobian = self.derivatives_at(&values)?;
        let explained = jacobian.dot(&natural.covariance).dot(&jacobian.t());
        let left = self.variance() - explained;
        for ((row, k), d) in jacobian.indexed_iter_mut() {
            *d *= (RANGES[k].1 - RANGES[k].0) / self.targets[row].std_error;
        }
        let facts: Vec<usize> = (0..self.targets.len())
            .filter(|row| !matches!(self.targets[*row].kind, Kind::Outside(_)))
            .collect();
        let singular = |rows: &Array2<f64>| -> Result<Vec<f64>, CalibrationError> {
            Ok(Svd::new(rows.view()).map_err(GmmError::from)?.values.to_vec())
        };
        let singular_values = (singular(&jacobian)?, singular(&jacobian.select(Axis(0), &facts))?);
        let errors = fit.standard_errors();
        let near = |run: &StartReport| {
            let gaps = run.theta.iter().zip(&fit.theta).zip(&errors);
            gaps.into_iter().all(|((a, b), e)| (a - b).abs() <= AGREES * e)
        };
        // The first start is the default one and does not count.
        let runs: Vec<StartReport> = searches
            .report
            .stages
            .last()
            .map_or_else(Vec::new, |stage| stage.starts.iter().skip(1).cloned().collect());
        let near: Vec<bool> = runs.iter().map(near).collect();
        Ok(Calibrated {
            values,
            covariance: natural.covariance,
            targets: self.targets.iter().cloned().zip(made).collect(),
            gap_error: left.diag().iter().map(|v| v.max(0.0).sqrt()).collect(),
            test: fit.hansen()?,
            jacobian,
            singular_values,
            starts,
            agreeing: near.iter().filter(|near| **near).count(),
            runs,
            near,
            criterion: fit.criterion(),
        })
    }

    /// The criterion along a grid of each parameter named, `width` standard errors to either side of the optimum and `points`
    /// of them, those outside the ranges left out.
    ///
    /// # Errors
    /// [`CalibrationError::Parameter`] for a position that no parameter has.
    pub fn profile(
        &self,
        at: &Calibrated,
        parameters: &[usize],
        points: usize,
        width: f64,
    ) -> Result<Vec<ProfilePoint>, CalibrationError> {
        if let Some(&position) = parameters.iter().find(|k| **k >= PARAMETERS.len()) {
            return Err(CalibrationError::Parameter { position });
        }
        let theta: Array1<f64> = at.values.iter().enumerate().map(|(k, v)| inward(k, *v)).collect();
        let errors = at.standard_errors();
        let mut grid = Vec::new();
        for &k in parameters {
            for p in 0..points {
                let value =
                    at.values[k] + errors[k] * width * (2.0 * p as f64 / (points - 1).max(1) as f64 - 1.0);
                let (low, high) = RANGES[k];
                if value > low && value < high {
                    grid.push((k, value));
                }
            }
        }
        let one = |(k, value): (usize, f64)| {
            let held = Restricted::fixing(self, &[(k, inward(k, value))]);
            let from: Array1<f64> =
                theta.iter().enumerate().filter(|(other, _)| *other != k).map(|(_, t)| *t).collect();
            // A profile is drawn: a thousandth of the criterion is enough.
            let gmm = Gmm { sufficient: NEARLY, tolerance: 0.1, ..self.gmm() };
            let fit = held.and_then(|held| gmm.fit(&held, from.view()));
            ProfilePoint { parameter: PARAMETERS[k], value, criterion: fit.ok().map(|fit| fit.criterion()) }
        };
        Ok(grid.into_par_iter().map(one).collect())
    }
}
