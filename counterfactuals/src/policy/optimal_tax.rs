//! The export tax that maximises a supplier's own real income.
//!
//! The tax is one ad-valorem wedge `mu` on the producer price of all its exports of a good, whose proceeds it keeps, on top of the
//! taxes and restrictions that a shock already holds; what it does to technology abroad is part of the equilibrium. Real income is
//! looked at on a grid of `ln mu` first, because it need not have a single peak, and the first-order condition
//! `d ln W / d ln mu = 0`, an analytic derivative of the equilibrium, is then solved by Brent's method beside the best point.

use std::cell::RefCell;

use argmin::core::{CostFunction, Executor, State};
use argmin::solver::brent::BrentRoot;
use model_core::{
    Buyers, Economy, Equilibrium, Iterate, Limit, Parameter, Restriction, Shock, SolveError, SolverSettings,
};

use super::{PolicyError, solving};
use crate::path;

/// Where the tax is looked for, and how closely.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimalTaxSettings {
    /// Largest wedge; 20 is a tax of 1900 percent.
    pub highest: f64,
    /// Points of the grid in `ln mu`, both ends included.
    pub grid: usize,
    /// Accuracy of `ln mu`.
    pub tolerance: f64,
    /// Settings of every solve.
    pub solver: SolverSettings,
}

impl Default for OptimalTaxSettings {
    fn default() -> Self {
        let solver = SolverSettings { tolerance: 1e-12, ..SolverSettings::default() };
        Self { highest: 50.0, grid: 25, tolerance: 1e-8, solver }
    }
}

/// The best tax.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimalTax {
    /// Its wedge: one plus the rate.
    pub wedge: f64,
    /// `d ln W / d ln mu` there: zero inside, negative where no tax is best, positive where the best is the highest allowed.
    pub gradient: f64,
    /// Whether the first-order condition holds, between no tax and the highest.
    pub interior: bool,
    /// The equilibrium there.
    pub equilibrium: Equilibrium,
    /// Volume of exports over that without the tax in the baseline.
    pub volume_hat: f64,
    /// The grid: wedge and own real income.
    pub grid: Vec<(f64, f64)>,
    /// Equilibria solved.
    pub solves: usize,
}

struct Search<'a> {
    economy: &'a Economy,
    shock: &'a Shock,
    exporter: usize,
    sector: usize,
    settings: &'a SolverSettings,
    /// The last state, to start from, and how many solves there were.
    last: RefCell<(Option<Iterate>, usize)>,
}

impl Search<'_> {
    fn shock(&self, ln_wedge: f64) -> Shock {
        let mut shock = self.shock.clone();
        shock.restrictions.push(Restriction {
            sector: self.sector,
            exporter: self.exporter,
            buyers: Buyers::Abroad,
            limit: Limit::Wedge(ln_wedge.exp().max(1.0)),
            rent_share: 0.0,
        });
        shock
    }

    fn solve(&self, ln_wedge: f64) -> Result<Equilibrium, SolveError> {
        let mut last = self.last.borrow_mut();
        let equilibrium = path::solve(self.economy, &self.shock(ln_wedge), self.settings, last.0.as_ref())?;
        *last = (Some(equilibrium.iterate.clone()), last.1 + 1);
        Ok(equilibrium)
    }

    fn gradient(&self, ln_wedge: f64, equilibrium: &Equilibrium) -> Result<f64, SolveError> {
        let shock = self.shock(ln_wedge);
        let moved = Parameter::LnLimit { restriction: shock.restrictions.len() - 1 };
        // The linear equation is relative to the derivative's own size; it cannot be closer than the equilibrium is.
        let settings = SolverSettings { tolerance: 1e2 * self.settings.tolerance, ..self.settings.clone() };
        let sensitivity = self.economy.sensitivity(&shock, equilibrium, &[(moved, 1.0)], &settings)?;
        Ok(sensitivity.ln_real_income[self.exporter])
    }
}

impl CostFunction for &Search<'_> {
    type Param = f64;
    type Output = f64;

    fn cost(&self, ln_wedge: &f64) -> Result<f64, argmin::core::Error> {
        let equilibrium = self.solve(*ln_wedge)?;
        Ok(self.gradient(*ln_wedge, &equilibrium)?)
    }
}

/// The wedge on `exporter`'s exports of `sector` that maximises its own real income, given `shock` (whose technology says how
/// innovation answers).
///
/// # Errors
/// A [`PolicyError`].
pub fn optimal_export_tax(
    economy: &Economy,
    shock: &Shock,
    exporter: usize,
    sector: usize,
    settings: &OptimalTaxSettings,
) -> Result<OptimalTax, PolicyError> {
    let dims = economy.dims();
    for (what, position, size) in
        [("the exporter", exporter, dims.countries), ("the sector", sector, dims.sectors)]
    {
        if position >= size {
            return Err(PolicyError::Position { what, position });
        }
    }
    if !(settings.highest > 1.0 && settings.highest.is_finite()) {
        let remedy = "give a wedge above 1, such as 50";
        return Err(PolicyError::Setting { name: "highest", value: settings.highest, remedy });
    }
    if settings.grid < 3 {
        let remedy = "give at least 3 points";
        return Err(PolicyError::Setting { name: "grid", value: settings.grid as f64, remedy });
    }
    let search = Search {
        economy,
        shock,
        exporter,
        sector,
        settings: &settings.solver,
        last: RefCell::new((None, 0)),
    };
    let at = |ln_wedge: f64| solving(format!("with a wedge of {:.4}", ln_wedge.exp()));
    let mut grid = Vec::with_capacity(settings.grid);
    let (last, highest) = (settings.grid - 1, settings.highest.ln());
    let step = highest / last as f64;
    for point in 0..=last {
        let ln_wedge = if point == last { highest } else { step * point as f64 };
        let equilibrium = search.solve(ln_wedge).map_err(at(ln_wedge))?;
        grid.push((ln_wedge, equilibrium.real_income_hat[exporter]));
    }
    let best = (0..grid.len()).max_by(|a, b| grid[*a].1.total_cmp(&grid[*b].1)).unwrap_or(0);
    let slope = |ln_wedge: f64| {
        let equilibrium = search.solve(ln_wedge).map_err(at(ln_wedge))?;
        search.gradient(ln_wedge, &equilibrium).map_err(at(ln_wedge))
    };
    let (mut low, mut high) = (grid[best.saturating_sub(1)].0, grid[(best + 1).min(grid.len() - 1)].0);
    // The peak lies on the side to which income rises from the best point.
    let mut at_best = slope(grid[best].0)?;
    if at_best > 0.0 {
        low = grid[best].0
    } else {
        high = grid[best].0
    }
    let mut ln_wedge = grid[best].0;
    if low < high && at_best != 0.0 {
        let solver = BrentRoot::new(low, high, settings.tolerance);
        let run = Executor::new(&search, solver).configure(|state| state.max_iters(100)).run();
        let run = run.map_err(|error| PolicyError::Search { problem: error.to_string() })?;
        ln_wedge = *run
            .state()
            .get_best_param()
            .ok_or_else(|| PolicyError::Search { problem: "it has no best point".to_owned() })?;
        at_best = slope(ln_wedge)?;
    }
    let equilibrium = search.solve(ln_wedge).map_err(at(ln_wedge))?;
    let volume_hat = equilibrium.restrictions.last().map_or(1.0, |outcome| outcome.volume_hat);
    let solves = search.last.borrow().1;
    Ok(OptimalTax {
        wedge: ln_wedge.exp(),
        gradient: at_best,
        interior: ln_wedge > 0.0 && ln_wedge < highest,
        equilibrium,
        volume_hat,
        grid: grid.into_iter().map(|(ln, income)| (ln.exp(), income)).collect(),
        solves,
    })
}
