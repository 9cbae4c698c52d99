//! Paths: yearly temporary equilibria with stocks of knowledge between them, and the static long run as their limit.
//!
//! ```text
//! A_R, A_X of year t    from the stocks K_R[t], K_X[t]  (`Innovation::augmentation`)
//! equilibrium of t      with that productivity and the shock of t
//! nu_R, nu_X of t       from that equilibrium           (`Technology::innovations`)
//! K[t+1] = ((1 - delta) K[t] + (delta + g) nu[t]) / (1 + g)
//! ```
//!
//! Stocks start on their balanced path, `K = 1`. Agents do not look ahead, as in Acemoglu, Aghion, Bursztyn and Hemous (2012).
//! Where nothing changes any more stocks go to `K = nu`, which is the long run that [`model_core::Technology`] puts into one
//! equilibrium.

use model_core::welfare::{Decomposition, DecompositionError, DecompositionSettings, decompose};
use model_core::{Augmentation, Economy, Equilibrium, Iterate, Shock, SolveError, SolverSettings};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::scenario::{Dynamics, Period, Question};

/// A year of a path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathYear {
    /// The year.
    pub year: i32,
    /// What the equilibrium was solved with: the year's shock and the productivity that its stocks give.
    pub shock: Shock,
    /// Stocks `K_R[i,j]` and `K_X[i,j]` at its start, relative to their balanced path.
    pub stocks: Augmentation,
    /// Innovations `nu_R^` and `nu_X^` made in it.
    pub innovations: Augmentation,
    /// The equilibrium.
    pub equilibrium: Equilibrium,
}

/// A path of yearly equilibria.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// The years, in order.
    pub years: Vec<PathYear>,
    /// Stocks at the end of the last year.
    pub end: Augmentation,
    /// Rate at which later years are discounted.
    pub discount: f64,
}

/// What came out of a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The static long run.
    LongRun(Box<Equilibrium>),
    /// A path.
    Path(Path),
}

/// Why there is no outcome.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", year.map_or("no equilibrium in the long run".to_owned(), |year| format!("no equilibrium in {year}")))]
pub struct OutcomeError {
    /// The year; `None` in the long run.
    pub year: Option<i32>,
    /// Why.
    pub source: Box<SolveError>,
}

impl Outcome {
    /// The equilibria, by year where there are years.
    pub fn equilibria(&self) -> Vec<&Equilibrium> {
        match self {
            Outcome::LongRun(equilibrium) => vec![equilibrium],
            Outcome::Path(path) => path.years.iter().map(|year| &year.equilibrium).collect(),
        }
    }

    /// The long run, or the last year.
    pub fn last(&self) -> Option<&Equilibrium> {
        self.equilibria().last().copied()
    }

    /// The path, where there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Outcome::LongRun(_) => None,
            Outcome::Path(path) => Some(path),
        }
    }

    /// The state of every solve, to start others from.
    pub fn starts(&self) -> Vec<Iterate> {
        self.equilibria().into_iter().map(|equilibrium| equilibrium.iterate.clone()).collect()
    }
}

impl Question {
    /// The long run, or the path: whichever the scenario asks for.
    ///
    /// # Errors
    /// An [`OutcomeError`] that names the year.
    pub fn answer(&self, settings: &SolverSettings) -> Result<Outcome, OutcomeError> {
        self.answer_from(settings, &[])
    }

    /// The same with each solve started from one of another answer ([`Outcome::starts`]), as of other values of the parameters.
    ///
    /// # Errors
    /// As [`Question::answer`].
    pub fn answer_from(
        &self,
        settings: &SolverSettings,
        starts: &[Iterate],
    ) -> Result<Outcome, OutcomeError> {
        match (&self.dynamics, self.periods.as_slice()) {
            (Some(dynamics), periods) => {
                path(&self.economy, periods, dynamics, settings, starts).map(Outcome::Path)
            }
            (None, [Period { year, shock }, ..]) => {
                let found = solve(&self.economy, shock, settings, starts.first());
                found.map(|e| Outcome::LongRun(Box::new(e))).map_err(failed(*year))
            }
            (None, []) => {
                let found = self.economy.solve(&Shock::default(), settings);
                found.map(|e| Outcome::LongRun(Box::new(e))).map_err(failed(None))
            }
        }
    }
}

fn failed(year: Option<i32>) -> impl FnOnce(SolveError) -> OutcomeError {
    move |error| OutcomeError { year, source: Box::new(error) }
}

/// A solve from a start, and from the baseline where that leads nowhere.
pub(crate) fn solve(
    economy: &Economy,
    shock: &Shock,
    settings: &SolverSettings,
    start: Option<&Iterate>,
) -> Result<Equilibrium, SolveError> {
    let warm = start.map(|start| economy.solve_from(shock, settings, start));
    match warm {
        Some(Ok(equilibrium)) => Ok(equilibrium),
        _ => economy.solve(shock, settings),
    }
}

fn path(
    economy: &Economy,
    periods: &[Period],
    dynamics: &Dynamics,
    settings: &SolverSettings,
    starts: &[Iterate],
) -> Result<Path, OutcomeError> {
    let dims = economy.dims();
    let spending = economy.critical_share() * economy.output();
    let mut stocks = Augmentation::none(dims.countries, dims.sectors);
    let mut years: Vec<PathYear> = Vec::with_capacity(periods.len());
    for (number, period) in periods.iter().enumerate() {
        let mut shock = period.shock.clone();
        if let Some(innovation) = dynamics.technology.innovation() {
            let mut learned = innovation
                .augmentation(&stocks.critical, &stocks.other, &spending)
                .map_err(|error| failed(period.year)(error.into()))?;
            if let Some(given) = &shock.augmentation {
                learned.critical *= &given.critical;
                learned.other *= &given.other;
            }
            shock.augmentation = Some(learned);
        }
        let start = starts.get(number).or(years.last().map(|before| &before.equilibrium.iterate));
        let equilibrium = solve(economy, &shock, settings, start).map_err(failed(period.year))?;
        let innovations =
            dynamics.technology.innovations(economy, &shock, &equilibrium).map_err(failed(period.year))?;
        let next = Augmentation {
            critical: dynamics.next(&stocks.critical, &innovations.critical),
            other: dynamics.next(&stocks.other, &innovations.other),
        };
        let stocks = std::mem::replace(&mut stocks, next);
        // Years without a name are numbered.
        let year = period.year.unwrap_or(i32::try_from(number).unwrap_or(i32::MAX));
        years.push(PathYear { year, shock, stocks, innovations, equilibrium });
    }
    Ok(Path { years, end: stocks, discount: dynamics.discount })
}

impl Dynamics {
    /// The stock of the next year.
    fn next(&self, stock: &Array2<f64>, flow: &Array2<f64>) -> Array2<f64> {
        (stock * (1.0 - self.delta) + flow * (self.delta + self.g)) / (1.0 + self.g)
    }
}

impl Path {
    /// Weights of the years: `(1 + discount)^(-t)`, made to sum to one.
    pub fn weights(&self) -> Vec<f64> {
        let raw: Vec<f64> = (0..self.years.len()).map(|t| (1.0 + self.discount).powf(-(t as f64))).collect();
        let sum: f64 = raw.iter().sum();
        raw.into_iter().map(|weight| weight / sum).collect()
    }

    /// Real income over the baseline's, `[n]`, that would be worth as much as the path if it were the same every year:
    /// the discounted mean of logs (logarithmic utility).
    pub fn discounted_real_income_hat(&self) -> Array1<f64> {
        let logs = self.years.iter().map(|year| year.equilibrium.real_income_hat.mapv(f64::ln));
        let sum = logs.zip(self.weights()).map(|(ln, weight)| ln * weight).reduce(|a, b| a + b);
        sum.unwrap_or_default().mapv(f64::exp)
    }

    /// Welfare by channel in every year, exact: productivity is what the stocks of the year give, so that technology is the
    /// channel of what was learned before.
    ///
    /// # Errors
    /// A [`DecompositionError`] of the first year that has one.
    pub fn decompose(
        &self,
        economy: &Economy,
        settings: &DecompositionSettings,
    ) -> Result<Vec<(i32, Decomposition)>, DecompositionError> {
        self.years.iter().map(|year| Ok((year.year, decompose(economy, &year.shock, settings)?))).collect()
    }
}

/// A decomposition by source country, `[n, source]` in logs: what comes through trade with and rents of a partner stands in the
/// partner's column; what happens at home, technology in use there included, on the diagonal. Rows sum to the exact change.
pub fn by_source(parts: &Decomposition) -> Array2<f64> {
    let mut source = &parts.terms_of_trade
        + &parts.critical_terms_of_trade
        + &parts.quota_rents
        + &parts.tariff_volume
        + &parts.export_tax_volume;
    let home = [
        &parts.technology,
        &parts.productivity,
        &parts.trade_costs,
        &parts.endowments,
        &parts.transfers,
        &parts.tastes,
    ];
    for own in home {
        let mut diagonal = source.diag_mut();
        diagonal += own;
    }
    source
}
