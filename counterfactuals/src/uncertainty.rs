//! Intervals on whatever a scenario leads to, from draws of its parameters' joint distribution.
//!
//! Every draw is a function of the seed and its number, and every solve starts from the one at the central values, so results are
//! the same bits whatever the number of threads. Scenarios share the draws of the parameters that they share (by name), so
//! differences between scenarios are differences of draws ([`Draws::combine`]). A draw that fails is counted and kept with its
//! parameters.

use model_core::{Economy, SolverSettings};
use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::path::{Outcome, OutcomeError};
use crate::scenario::{Question, ResolveError, Scenario};

/// Numbers of a scenario at its central values and in each draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draws {
    /// At the central values.
    pub central: Vec<f64>,
    /// Which draw each row of `values` is, in order.
    pub numbers: Vec<u64>,
    /// `[draw, number]`: the draws that succeeded.
    pub values: Array2<f64>,
    /// The draws that did not.
    pub failures: Vec<FailedDraw>,
    /// Values or vectors drawn again because they fell outside a parameter's range.
    pub redrawn: usize,
}

/// A draw without an equilibrium.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedDraw {
    /// Its number.
    pub number: u64,
    /// Its parameters by name; those that do not vary are left out.
    pub parameters: Vec<(String, f64)>,
    /// Why, with causes.
    pub reason: String,
}

/// Why there are no draws at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrawsError {
    /// The scenario cannot be put to the economy.
    #[error("the scenario does not fit the economy at its central values")]
    Resolve(#[from] ResolveError),
    /// No equilibrium at the central values.
    #[error("there is no outcome at the central values")]
    Central(#[from] OutcomeError),
    /// What is to be reported cannot be had at the central values.
    #[error("there is nothing to report at the central values")]
    Report(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Numbers that change their count from draw to draw.
    #[error(
        "a draw has {found} numbers where the central outcome has {expected}: report the same ones for every outcome"
    )]
    Count {
        /// Numbers at the central values.
        expected: usize,
        /// Numbers in a draw.
        found: usize,
    },
}

/// Numbers and values drawn again; or the values of the parameters and why they lead nowhere.
type OneDraw = Result<(Vec<f64>, usize), (Vec<f64>, String)>;

/// Solves `scenario` at its central values and in `count` draws, and reports `numbers` of each outcome.
///
/// # Errors
/// A [`DrawsError`] if there is nothing at the central values; failures of single draws are part of the result.
pub fn draws(
    scenario: &Scenario,
    economy: &Economy,
    count: usize,
    seed: u64,
    settings: &SolverSettings,
    numbers: impl Fn(&Question, &Outcome) -> Vec<f64> + Sync,
) -> Result<Draws, DrawsError> {
    let question = scenario.resolve(economy, &scenario.central())?;
    let outcome = question.answer(settings)?;
    let central = numbers(&question, &outcome);
    let starts = outcome.starts();
    collect(scenario, economy, count, seed, central, |question| {
        let outcome = question.answer_from(settings, &starts)?;
        Ok::<_, OutcomeError>(numbers(question, &outcome))
    })
}

/// The same for numbers that one outcome does not hold, such as an optimal policy: `report` makes them from the question.
///
/// # Errors
/// As [`draws`].
pub fn draws_of<E: std::error::Error + Send + Sync + 'static>(
    scenario: &Scenario,
    economy: &Economy,
    count: usize,
    seed: u64,
    report: impl Fn(&Question) -> Result<Vec<f64>, E> + Sync,
) -> Result<Draws, DrawsError> {
    let question = scenario.resolve(economy, &scenario.central())?;
    let central = report(&question).map_err(|error| DrawsError::Report(Box::new(error)))?;
    collect(scenario, economy, count, seed, central, report)
}

fn collect<E: std::error::Error>(
    scenario: &Scenario,
    economy: &Economy,
    count: usize,
    seed: u64,
    central: Vec<f64>,
    report: impl Fn(&Question) -> Result<Vec<f64>, E> + Sync,
) -> Result<Draws, DrawsError> {
    let one = |number: u64| {
        let draw = scenario.draw(seed, number).map_err(|error| (Vec::new(), explain(&error)))?;
        let failed = |reason| (draw.values.clone(), reason);
        let question = scenario.resolve(economy, &draw.values).map_err(|e| failed(explain(&e)))?;
        let numbers = report(&question).map_err(|e| failed(explain(&e)))?;
        Ok((numbers, draw.redrawn))
    };
    let all: Vec<(u64, OneDraw)> =
        (0..count as u64).into_par_iter().map(|number| (number, one(number))).collect();

    let mut draws = Draws {
        values: Array2::zeros((0, central.len())),
        central,
        numbers: Vec::new(),
        failures: Vec::new(),
        redrawn: 0,
    };
    let mut flat = Vec::new();
    for (number, result) in all {
        match result {
            Ok((row, redrawn)) => {
                if row.len() != draws.central.len() {
                    return Err(DrawsError::Count { expected: draws.central.len(), found: row.len() });
                }
                flat.extend(row);
                draws.numbers.push(number);
                draws.redrawn += redrawn;
            }
            Err((values, reason)) => {
                let uncertain = scenario.parameters.iter().zip(values);
                let parameters = uncertain
                    .filter(|(parameter, value)| *value != parameter.value)
                    .map(|(parameter, value)| (parameter.name.clone(), value))
                    .collect();
                draws.failures.push(FailedDraw { number, parameters, reason });
            }
        }
    }
    let expected = draws.central.len();
    draws.values = Array2::from_shape_vec((draws.numbers.len(), expected), flat)
        .map_err(|_| DrawsError::Count { expected, found: 0 })?;
    Ok(draws)
}

/// An error with its causes.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

impl Draws {
    /// The quantile `p` of every number, by linear interpolation between order statistics (R's type 7); NaN without draws.
    pub fn quantile(&self, p: f64) -> Vec<f64> {
        self.values.axis_iter(Axis(1)).map(|column| quantile(column, p)).collect()
    }

    /// The central interval of this coverage, such as 0.9, for every number.
    pub fn interval(&self, coverage: f64) -> Vec<(f64, f64)> {
        let tail = 0.5 * (1.0 - coverage);
        self.quantile(tail).into_iter().zip(self.quantile(1.0 - tail)).collect()
    }

    /// Standard deviation of every number over the draws; NaN with fewer than two.
    pub fn std_deviation(&self) -> Vec<f64> {
        let enough = self.values.nrows() > 1;
        let columns = self.values.axis_iter(Axis(1));
        columns.map(|column| if enough { column.std(1.0) } else { f64::NAN }).collect()
    }

    /// What `of` makes of these numbers and those of another scenario, draw by draw, over the draws that both have: with common
    /// random numbers the interval of a difference or a ratio, not the difference of intervals. `None` if they report different
    /// numbers.
    pub fn combine(&self, other: &Draws, of: impl Fn(f64, f64) -> f64) -> Option<Draws> {
        if self.central.len() != other.central.len() {
            return None;
        }
        let mut rows = Vec::new();
        let mut numbers = Vec::new();
        for (row, number) in self.values.rows().into_iter().zip(&self.numbers) {
            if let Ok(position) = other.numbers.binary_search(number) {
                rows.extend(row.iter().zip(other.values.row(position)).map(|(a, b)| of(*a, *b)));
                numbers.push(*number);
            }
        }
        let failures = [self.failures.clone(), other.failures.clone()].concat();
        Some(Draws {
            central: self.central.iter().zip(&other.central).map(|(a, b)| of(*a, *b)).collect(),
            values: Array2::from_shape_vec((numbers.len(), self.central.len()), rows).ok()?,
            numbers,
            failures,
            redrawn: self.redrawn + other.redrawn,
        })
    }
}

fn quantile(column: ArrayView1<f64>, p: f64) -> f64 {
    let mut sorted = column.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(last), true) = (sorted.len().checked_sub(1), (0.0..=1.0).contains(&p)) else { return f64::NAN };
    let at = p * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
}
