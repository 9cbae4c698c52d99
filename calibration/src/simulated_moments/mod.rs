//! Calibration of the model by its moments: minimum distance between a path of the model and published or observed facts.
//!
//! Six parameters are chosen: the elasticity `sigma` of all sectors together, `lambda`, `phi`, `xi`, `delta` and the resource's share
//! `beta_r` of mining cost. The facts ([`Target`]) are printed moments of Alfaro, Fadinger, Schymik and Virananda (2025), observed
//! prices and mine output, and outside information on parameters that the facts hardly see. Each has a standard error that is
//! its weight; those of printed moments are assumptions, since none are printed, so that standard errors and the test of
//! over-identification say how the facts agree *if* each is known that well.
//!
//! [`Calibration::fit`] runs the search of `estimation::gmm` from many starts. Derivatives are the model's own, chained along the
//! path (`model_core::Sensitivity`); only that of `beta_r`, which changes the baseline, is a central difference.

mod path;
mod targets;

use counterfactuals::scenario::{Question, Scenario};
use counterfactuals::{Outcome, Path};
use estimation::gmm::{
    Differentiable, FirstWeight, Gmm, GmmError, MomentCovariance, Moments, Restricted, Steps, delta_method,
};
use estimation::resample::stream;
use estimation::statistic::TestStatistic;
use linalg::Svd;
use model_core::{Economy, Iterate, SolverSettings};
use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut2};
use rand_distr::{Distribution, StandardUniform};
use rayon::prelude::*;

use path::Direction;
pub use targets::{Kind, Target};
use targets::{Places, derivative, model};

/// Names of the parameters, in order.
pub const PARAMETERS: [&str; 6] = ["sigma", "lambda", "phi", "xi", "delta", "beta_r"];

/// The range of each parameter; searches stay inside.
const RANGES: [(f64, f64); 6] =
    [(0.02, 0.95), (0.05, 0.95), (0.05, 1.5), (0.0, 0.2), (0.03, 0.5), (0.3, 0.86)];

/// `beta_r` of the shipped economy.
const BETA: f64 = 0.8;

/// Residual of the linear equations behind derivatives, relative to their size: enough for six digits.
const TANGENT: f64 = 1e-7;

/// Half of the central difference in `beta_r`.
const STEP: f64 = 1e-4;

/// Why a calibration fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// The scenario or the economy lacks something.
    #[error("the calibration needs {0}")]
    Missing(String),
    /// There is no path at the starting values.
    #[error("the model has no path at the starting values: {0}")]
    Path(String),
    /// The search failed.
    #[error("the search failed")]
    Search(#[from] GmmError),
}

/// The problem: a scenario that is a path of free entry with national knowledge, on an economy with its resource.
pub struct Calibration<'a> {
    scenario: &'a Scenario,
    economy: &'a Economy,
    places: Places,
    targets: Vec<Target>,
    /// Where the parameters but `beta_r` stand in the scenario.
    positions: [usize; 5],
    settings: SolverSettings,
    starts: Vec<Iterate>,
}

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
    /// Test that all targets agree, at their standard errors.
    pub test: Option<TestStatistic>,
    /// Derivatives of the model's moments over the targets' standard errors with respect to parameters over the width of
    /// their ranges, `[target, parameter]`.
    pub jacobian: Array2<f64>,
    /// Its singular values, largest first, and those of the rows that are facts, without outside information.
    pub singular_values: (Vec<f64>, Vec<f64>),
    /// Starts, and how many of them ended at the optimum.
    pub starts: usize,
    /// How many ended within a hundredth of a standard error of it.
    pub agreeing: usize,
    /// The criterion there.
    pub criterion: f64,
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

impl<'a> Calibration<'a> {
    /// Sets the problem up: `scenario` gives the path, `targets` its facts.
    ///
    /// # Errors
    /// A [`CalibrationError`] for labels, parameters or a path that are missing.
    pub fn new(
        scenario: &'a Scenario,
        economy: &'a Economy,
        targets: Vec<Target>,
    ) -> Result<Self, CalibrationError> {
        let missing = |what: &str| CalibrationError::Missing(what.to_owned());
        let mut positions = [0; 5];
        for (position, name) in positions.iter_mut().zip(PARAMETERS) {
            *position = scenario.parameter(name).ok_or_else(|| missing(&format!("a parameter `{name}`")))?;
        }
        let mut problem = Self {
            scenario,
            economy,
            places: Places::new(economy)?,
            targets,
            positions,
            settings: SolverSettings { tolerance: 1e-10, ..SolverSettings::default() },
            starts: Vec::new(),
        };
        let first = problem.values_of(problem.start().view());
        let (_, path) = problem.solve(&first).map_err(CalibrationError::Path)?;
        problem.starts = path.years.iter().map(|year| year.equilibrium.iterate.clone()).collect();
        Ok(problem)
    }

    /// The middle of the ranges, in the search's coordinates.
    fn start(&self) -> Array1<f64> {
        let defaults = [0.25, 0.5, 0.5, 0.01, 0.15, BETA];
        PARAMETERS.iter().enumerate().map(|(k, _)| inward(k, defaults[k])).collect()
    }

    fn values_of(&self, theta: ArrayView1<'_, f64>) -> Array1<f64> {
        theta.iter().enumerate().map(|(k, t)| outward(k, *t)).collect()
    }

    fn solve(&self, values: &Array1<f64>) -> Result<(Question, Path), String> {
        let economy = with_resource_share(self.economy, values[5])?;
        let mut parameters = self.scenario.central();
        for (position, value) in self.positions.iter().zip(values) {
            parameters[*position] = *value;
        }
        let question = self.scenario.resolve(&economy, &parameters).map_err(|e| e.to_string())?;
        match question.answer_from(&self.settings, &self.starts).map_err(|e| e.to_string())? {
            Outcome::Path(path) => Ok((question, path)),
            Outcome::LongRun(_) => Err("the scenario is a long run, not a path".to_owned()),
        }
    }

    /// The model's moments at values of the parameters, in the order of [`PARAMETERS`].
    ///
    /// # Errors
    /// [`CalibrationError::Path`] where there is no equilibrium.
    pub fn moments_at(&self, values: &Array1<f64>) -> Result<Vec<f64>, CalibrationError> {
        let (question, path) = self.solve(values).map_err(CalibrationError::Path)?;
        Ok(self.targets.iter().map(|t| model(&self.places, &question, &path, values, t.kind)).collect())
    }

    /// Derivatives of the model's moments with respect to the parameters, `[target, parameter]`.
    ///
    /// # Errors
    /// [`CalibrationError::Path`] where there is no equilibrium.
    pub fn derivatives_at(&self, values: &Array1<f64>) -> Result<Array2<f64>, CalibrationError> {
        let (question, path) = self.solve(values).map_err(CalibrationError::Path)?;
        let mut all = Array2::zeros((self.targets.len(), PARAMETERS.len()));
        for k in 0..5 {
            let on = |at: usize| f64::from(u8::from(at == k));
            let direction = Direction { sigma: on(0), lambda: on(1), phi: on(2), xi: on(3), delta: on(4) };
            let settings = SolverSettings { tolerance: TANGENT, ..self.settings };
            let years = path::tangent(&question, &path, direction, &settings)
                .map_err(|e| CalibrationError::Path(e.to_string()))?;
            for (row, target) in self.targets.iter().enumerate() {
                all[[row, k]] = derivative(&self.places, &question, &path, &years, k, target.kind);
            }
        }
        let (mut up, mut down) = (values.clone(), values.clone());
        up[5] += STEP;
        down[5] -= STEP;
        let (up, down) = (self.moments_at(&up)?, self.moments_at(&down)?);
        for (row, (a, b)) in up.iter().zip(&down).enumerate() {
            all[[row, 5]] = (a - b) / (2.0 * STEP);
        }
        Ok(all)
    }

    fn gmm(&self) -> Gmm {
        let variance =
            Array2::from_diag(&self.targets.iter().map(|t| t.std_error.powi(2)).collect::<Array1<_>>());
        let mut gmm = Gmm::new(MomentCovariance::known(variance), FirstWeight::AtStart, Steps::One);
        gmm.max_iterations = 60;
        gmm.tolerance = 1e-4;
        gmm
    }

    /// Minimises the distance from `starts` points drawn uniformly over the ranges.
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
        let fit = self.gmm().fit_from(self, &points)?;
        let values = self.values_of(fit.theta.view());
        let slopes = Array2::from_diag(
            &fit.theta.iter().enumerate().map(|(k, t)| slope(k, *t)).collect::<Array1<_>>(),
        );
        let natural = delta_method(values.clone(), slopes.view(), fit.covariance.view())?;
        let made = self.moments_at(&values)?;
        let mut jacobian = self.derivatives_at(&values)?;
        for ((row, k), d) in jacobian.indexed_iter_mut() {
            *d *= (RANGES[k].1 - RANGES[k].0) / self.targets[row].std_error;
        }
        let facts: Vec<usize> = (0..self.targets.len())
            .filter(|row| !matches!(self.targets[*row].kind, Kind::Outside(_)))
            .collect();
        let singular = |rows: &Array2<f64>| -> Result<Vec<f64>, CalibrationError> {
            Ok(Svd::new(rows.view()).map_err(GmmError::from)?.values.to_vec())
        };
        let singular_values = (singular(&jacobian)?, singular(&jacobian.select(ndarray::Axis(0), &facts))?);
        // The first start is the default one and does not count.
        let stage = fit.report.stages.last();
        let errors = fit.standard_errors();
        let near = |theta: &[f64]| {
            theta.iter().zip(&fit.theta).zip(&errors).all(|((a, b), e)| (a - b).abs() <= 0.01 * e)
        };
        let agreeing = stage.map_or(0, |s| s.starts.iter().skip(1).filter(|run| near(&run.theta)).count());
        Ok(Calibrated {
            values,
            covariance: natural.covariance,
            targets: self.targets.iter().cloned().zip(made).collect(),
            test: fit.hansen()?,
            jacobian,
            singular_values,
            starts,
            agreeing,
            criterion: fit.criterion(),
        })
    }

    /// The criterion along a grid of each parameter named, `width` standard errors to either side of the optimum and `points`
    /// of them.
    pub fn profile(
        &self,
        at: &Calibrated,
        parameters: &[usize],
        points: usize,
        width: f64,
    ) -> Vec<ProfilePoint> {
        let theta: Array1<f64> = at.values.iter().enumerate().map(|(k, v)| inward(k, *v)).collect();
        let mut grid = Vec::new();
        for &k in parameters {
            let error = at.covariance[[k, k]].max(0.0).sqrt();
            for p in 0..points {
                let value =
                    at.values[k] + error * width * (2.0 * p as f64 / (points - 1).max(1) as f64 - 1.0);
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
            let fit = held.and_then(|held| self.gmm().fit(&held, from.view()));
            ProfilePoint { parameter: PARAMETERS[k], value, criterion: fit.ok().map(|fit| fit.criterion()) }
        };
        grid.into_par_iter().map(one).collect()
    }
}

/// From a range to the line and back, with the derivative.
fn inward(k: usize, value: f64) -> f64 {
    let (low, high) = RANGES[k];
    let share = ((value - low) / (high - low)).clamp(1e-9, 1.0 - 1e-9);
    (share / (1.0 - share)).ln()
}

fn outward(k: usize, t: f64) -> f64 {
    let (low, high) = RANGES[k];
    low + (high - low) / (1.0 + (-t).exp())
}

fn slope(k: usize, t: f64) -> f64 {
    let (low, high) = RANGES[k];
    let share = 1.0 / (1.0 + (-t).exp());
    (high - low) * share * (1.0 - share)
}

/// The economy with another share of the resource in mining cost, taken from or given to capital.
fn with_resource_share(economy: &Economy, beta: f64) -> Result<Economy, String> {
    let labels = economy.labels();
    let find = |what: &str, at: Option<usize>| at.ok_or_else(|| format!("the economy has no {what}"));
    let r = find("rare earths", labels.sector("Rare earths"))?;
    let resource = find("resource", labels.factors().iter().position(|f| f == "rare-earth resource"))?;
    let capital = find("capital", labels.factors().iter().position(|f| f == "capital"))?;
    let output = economy.output().column(r).to_owned();
    let mut parts = economy.clone().into_parts();
    for n in 0..output.len() {
        let moved = parts.factor_share[[n, r, resource]] * (beta / BETA - 1.0);
        if moved == 0.0 {
            continue;
        }
        if parts.factor_share[[n, r, capital]] < moved {
            return Err(format!("a resource share of {beta} leaves no capital in mining"));
        }
        parts.factor_share[[n, r, resource]] += moved;
        parts.factor_share[[n, r, capital]] -= moved;
        parts.factor_income[[n, resource]] += moved * output[n];
        parts.factor_income[[n, capital]] -= moved * output[n];
    }
    Economy::from_parts(parts).map_err(|e| e.to_string())
}

impl Moments for Calibration<'_> {
    fn observations(&self) -> usize {
        1
    }

    fn moments(&self) -> usize {
        self.targets.len()
    }

    fn parameters(&self) -> usize {
        PARAMETERS.len()
    }

    fn contributions(&self, theta: ArrayView1<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        match self.moments_at(&self.values_of(theta)) {
            Ok(made) => {
                let gaps = self.targets.iter().zip(made).map(|(target, made)| made - target.value);
                out.row_mut(0).iter_mut().zip(gaps).for_each(|(o, gap)| *o = gap);
            }
            Err(_) => out.fill(f64::NAN),
        }
    }

    fn parameter_names(&self) -> Vec<String> {
        PARAMETERS.map(str::to_owned).to_vec()
    }

    fn moment_names(&self) -> Vec<String> {
        self.targets.iter().map(|t| t.name.clone()).collect()
    }
}

impl Differentiable for Calibration<'_> {
    fn derivative(&self, theta: ArrayView1<'_, f64>, k: usize, mut out: ArrayViewMut2<'_, f64>) {
        out.row_mut(0).assign(&self.mean_jacobian(theta).column(k));
    }

    fn mean_jacobian(&self, theta: ArrayView1<'_, f64>) -> Array2<f64> {
        match self.derivatives_at(&self.values_of(theta)) {
            Ok(mut all) => {
                for (k, mut column) in all.columns_mut().into_iter().enumerate() {
                    column *= slope(k, theta[k]);
                }
                all
            }
            Err(_) => Array2::from_elem((self.targets.len(), PARAMETERS.len()), f64::NAN),
        }
    }
}
