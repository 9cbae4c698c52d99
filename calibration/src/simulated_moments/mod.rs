//! Calibration of the model by its moments: minimum distance between a path of the model and published or observed facts.
//!
//! Six parameters are chosen: the elasticity `sigma` of all sectors together, `lambda`, `phi`, `xi`, `delta` and the resource's share
//! `beta_r` of mining cost. The facts ([`Target`]) are printed moments of Alfaro, Fadinger, Schymik and Virananda (2025), observed
//! prices and mine output, and outside information on parameters that the facts hardly see. Each has a standard error that is
//! its weight; those of printed moments are assumptions, since none are printed, so that standard errors and the test of
//! over-identification say how the facts agree *if* each is known that well.
//!
//! [`Calibration::fit`] runs the search of `estimation::gmm` from many starts. Derivatives are the model's own, chained along
//! the path (`model_core::Sensitivity`). Searches stay within ranges that have support: at `sigma` below 0.05 the price of 2011
//! would be beyond three hundred times that of 2009, where some thirteen times were observed. Every solve starts from the
//! equilibria at the default values, so that what is found does not depend on the order of the searches.

mod fit;
mod path;
mod targets;
mod untargeted;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use counterfactuals::scenario::{Question, Scenario};
use counterfactuals::{Outcome, Path};
use estimation::gmm::{Differentiable, GmmError, Moments};
use model_core::{Economy, Iterate, Parameter, SolverSettings};
use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut2};

pub use fit::{Calibrated, ProfilePoint};
use path::Direction;
pub use targets::{Kind, Target};
use targets::{Places, derivative, model};
pub use untargeted::Untargeted;

/// Names of the parameters, in order.
pub const PARAMETERS: [&str; 6] = ["sigma", "lambda", "phi", "xi", "delta", "beta_r"];

/// The range of each parameter, in order; searches stay inside.
pub const RANGES: [(f64, f64); 6] =
    [(0.05, 0.95), (0.05, 0.95), (0.05, 1.5), (0.0, 0.2), (0.03, 0.5), (0.3, 0.86)];

/// Values that the first search starts from, in order.
pub const DEFAULTS: [f64; 6] = [0.25, 0.5, 0.5, 0.01, 0.15, BETA];

/// `beta_r` of the shipped economy.
const BETA: f64 = 0.8;

/// Residual of the linear equations behind derivatives, relative to their size: enough for four digits, where a search needs two.
const TANGENT: f64 = 1e-5;

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
    /// Values that are not one for each parameter.
    #[error("{found} values were given: give one for each of {}, in this order", PARAMETERS.join(", "))]
    Values {
        /// How many there are.
        found: usize,
    },
    /// A position that no parameter has.
    #[error("there is no parameter number {position}: they are 0 to {}, {}", PARAMETERS.len() - 1, PARAMETERS.join(", "))]
    Parameter {
        /// The position.
        position: usize,
    },
    /// The search failed.
    #[error("the search failed")]
    Search(#[from] GmmError),
}

/// The problem: a scenario that is a path of free entry with national knowledge, on an economy with its resource.
pub struct Calibration {
    scenario: Scenario,
    /// With the scenario's prospects opened.
    economy: Economy,
    places: Places,
    targets: Vec<Target>,
    /// Where the parameters but `beta_r` stand in the scenario.
    positions: [usize; 5],
    settings: SolverSettings,
    starts: Vec<Iterate>,
    /// The last paths that were solved, with their parameters: a search asks for the moments of a point, then again with
    /// their derivatives.
    solved: Mutex<Vec<(Array1<f64>, Arc<Solved>)>>,
}

/// A path that was solved, and the derivatives of its moments once they were asked for.
struct Solved {
    question: Question,
    path: Path,
    derivatives: OnceLock<Array2<f64>>,
}

/// Paths that are kept: a few for each thread.
const KEPT: usize = 32;

impl Calibration {
    /// Sets the problem up: `scenario` gives the path, `targets` its facts.
    ///
    /// # Errors
    /// A [`CalibrationError`] for labels, parameters or a path that are missing.
    pub fn new(
        scenario: &Scenario,
        economy: &Economy,
        targets: Vec<Target>,
    ) -> Result<Self, CalibrationError> {
        let missing = |what: &str| CalibrationError::Missing(what.to_owned());
        let mut positions = [0; 5];
        for (position, name) in positions.iter_mut().zip(PARAMETERS) {
            *position = scenario.parameter(name).ok_or_else(|| missing(&format!("a parameter `{name}`")))?;
        }
        let (scenario, economy) = scenario
            .clone()
            .opened(economy, &scenario.central())
            .map_err(|e| CalibrationError::Path(e.to_string()))?;
        let mut problem = Self {
            places: Places::new(&economy)?,
            scenario,
            economy,
            targets,
            positions,
            settings: SolverSettings { tolerance: 1e-10, ..SolverSettings::default() },
            starts: Vec::new(),
            solved: Mutex::new(Vec::new()),
        };
        let first = problem.values_of(problem.start().view());
        let first = problem.solve_anew(&first, &[]).map_err(CalibrationError::Path)?;
        problem.starts = first.path.years.iter().map(|year| year.equilibrium.iterate.clone()).collect();
        Ok(problem)
    }

    /// [`DEFAULTS`] in the search's coordinates.
    fn start(&self) -> Array1<f64> {
        DEFAULTS.iter().enumerate().map(|(k, value)| inward(k, *value)).collect()
    }

    fn values_of(&self, theta: ArrayView1<'_, f64>) -> Array1<f64> {
        theta.iter().enumerate().map(|(k, t)| outward(k, *t)).collect()
    }

    fn parameters(&self, values: &Array1<f64>) -> Vec<f64> {
        let mut parameters = self.scenario.central();
        for (position, value) in self.positions.iter().zip(values) {
            parameters[*position] = *value;
        }
        parameters
    }

    fn economy_at(&self, values: &Array1<f64>) -> Result<Economy, String> {
        with_resource_share(&self.economy, values[5])
    }

    fn solve(&self, values: &Array1<f64>) -> Result<Arc<Solved>, CalibrationError> {
        if values.len() != PARAMETERS.len() {
            return Err(CalibrationError::Values { found: values.len() });
        }
        let known = {
            let kept = self.solved.lock().unwrap_or_else(PoisonError::into_inner);
            kept.iter().find(|(at, _)| at == values).map(|(_, solved)| Arc::clone(solved))
        };
        if let Some(solved) = known {
            return Ok(solved);
        }
        let solved = Arc::new(self.solve_anew(values, &self.starts).map_err(CalibrationError::Path)?);
        let mut kept = self.solved.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((values.clone(), Arc::clone(&solved)));
        Ok(solved)
    }

    fn solve_anew(&self, values: &Array1<f64>, starts: &[Iterate]) -> Result<Solved, String> {
        let economy = self.economy_at(values)?;
        let parameters = self.parameters(values);
        let question = self.scenario.resolve(&economy, &parameters).map_err(|e| e.to_string())?;
        match question.answer_from(&self.settings, starts).map_err(|e| e.to_string())? {
            Outcome::Path(path) => Ok(Solved { question, path, derivatives: OnceLock::new() }),
            Outcome::LongRun(_) => Err("the scenario is a long run, not a path".to_owned()),
        }
    }

    /// The model's moments at values of the parameters, in the order of [`PARAMETERS`].
    ///
    /// # Errors
    /// [`CalibrationError::Values`] for another number of values; [`CalibrationError::Path`] where there is no equilibrium.
    pub fn moments_at(&self, values: &Array1<f64>) -> Result<Vec<f64>, CalibrationError> {
        let solved = self.solve(values)?;
        Ok(self.moments_of(&solved, values))
    }

    fn moments_of(&self, solved: &Solved, values: &Array1<f64>) -> Vec<f64> {
        let Solved { question, path, .. } = solved;
        self.targets.iter().map(|t| model(&self.places, question, path, values, t.kind)).collect()
    }

    /// Derivatives of the model's moments with respect to the parameters, `[target, parameter]`.
    ///
    /// # Errors
    /// [`CalibrationError::Values`] for another number of values; [`CalibrationError::Path`] where there is no equilibrium.
    pub fn derivatives_at(&self, values: &Array1<f64>) -> Result<Array2<f64>, CalibrationError> {
        let solved = self.solve(values)?;
        if let Some(known) = solved.derivatives.get() {
            return Ok(known.clone());
        }
        let Solved { question, path, .. } = &*solved;
        let mut all = Array2::zeros((self.targets.len(), PARAMETERS.len()));
        let mut directions: Vec<Direction> = (0..5).map(Direction::of).collect();
        let others = self.resource_share_moves(question, values).map_err(CalibrationError::Path)?;
        directions.push(Direction { others, ..Direction::default() });
        let settings = SolverSettings { tolerance: TANGENT, ..self.settings };
        let tangents = path::tangents(question, path, &directions, &settings)
            .map_err(|e| CalibrationError::Path(e.to_string()))?;
        for (k, years) in tangents.iter().enumerate() {
            for (row, target) in self.targets.iter().enumerate() {
                all[[row, k]] = derivative(&self.places, question, path, years, k, target.kind);
            }
        }
        Ok(solved.derivatives.get_or_init(|| all).clone())
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

/// Where the mining of rare earths and its factors stand.
struct Mining {
    sector: usize,
    resource: usize,
    capital: usize,
}

impl Mining {
    fn of(economy: &Economy) -> Result<Self, String> {
        let labels = economy.labels();
        let find = |what: &str, at: Option<usize>| at.ok_or_else(|| format!("the economy has no {what}"));
        let factor = |name: &str| labels.factors().iter().position(|f| f == name);
        Ok(Self {
            sector: find("rare earths", labels.sector("Rare earths"))?,
            resource: find("resource", factor("rare-earth resource"))?,
            capital: find("capital", factor("capital"))?,
        })
    }
}

/// The economy with another share of the resource in mining cost, taken from or given to capital.
fn with_resource_share(economy: &Economy, beta: f64) -> Result<Economy, String> {
    let Mining { sector: r, resource, capital } = Mining::of(economy)?;
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

impl Calibration {
    /// What moves with the resource's share, year by year: shares in mining cost, and the resources of new mines, which are given
    /// by their output.
    fn resource_share_moves(
        &self,
        question: &Question,
        values: &Array1<f64>,
    ) -> Result<Vec<Vec<(Parameter, f64)>>, String> {
        let economy = &question.economy;
        let Mining { sector, resource, capital } = Mining::of(economy)?;
        let beta = values[5];
        let mut shares = Vec::new();
        for country in 0..economy.dims().countries {
            let by = economy.factor_share()[[country, sector, resource]] / beta;
            if by > 0.0 {
                let of = |factor, by| (Parameter::FactorShare { country, sector, factor }, by);
                shares.extend([of(resource, by), of(capital, -by)]);
            }
        }
        let parameters = self.parameters(values);
        let of_year = |year: Option<i32>| {
            let slopes = self.scenario.capacity_by_resource_share(economy, &parameters, year);
            let slopes = slopes.map_err(|e| e.to_string())?;
            let grown = slopes
                .indexed_iter()
                .filter(|(_, by)| **by != 0.0)
                .map(|((country, factor), by)| (Parameter::LnEndowment { country, factor }, by / beta));
            Ok(shares.iter().copied().chain(grown).collect())
        };
        question.periods.iter().map(|period| of_year(period.year)).collect()
    }
}

impl Moments for Calibration {
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

impl Differentiable for Calibration {
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
