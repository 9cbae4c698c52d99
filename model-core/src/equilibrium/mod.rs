//! From a shock to the new equilibrium.
//!
//! [`Economy::solve`] is the door: a pure function of the economy, the shock and the settings. Inside, a map takes a guess
//! of log prices, expenditures and factor prices to the next (`system`); Anderson acceleration makes it converge in a few
//! dozen sweeps (`anderson`, `solve`); where it stalls, Newton's method on factor prices takes over (`newton`).

mod anderson;
mod market;
mod newton;
mod observer;
mod solve;
mod system;

use ndarray::{Array1, Array2, Array3};
use serde::{Deserialize, Serialize};

pub use observer::{
    Iterate, Iteration, MarketResidual, Observer, Phase, SolveError, SolverSettings, Unobserved,
};

use crate::economy::{Economy, EconomyError, EconomyParts};
use crate::labels::{Dims, Labels};
use crate::shock::{Deficits, Shock};
use system::{System, Work};

/// A new equilibrium: everything a user reads, against the baseline that was shocked.
///
/// Hats are new over baseline, values in the baseline's unit with world factor income as numeraire. Where a country does
/// not buy (or make) a sector's good, its price (or cost) hat is one by convention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Equilibrium {
    /// Names of the axes.
    pub labels: Labels,
    /// `P^[n,j]`, price indices of sector composites.
    pub price_hat: Array2<f64>,
    /// `c^[i,j]`, unit costs.
    pub cost_hat: Array2<f64>,
    /// `w^[n,f]`, factor prices.
    pub factor_price_hat: Array2<f64>,
    /// `pi'[n,i,j]`, trade shares.
    pub trade_share: Array3<f64>,
    /// `X'[n,j]`, expenditure at purchaser prices.
    pub expenditure: Array2<f64>,
    /// `Y'[i,j]`, output at producer prices.
    pub output: Array2<f64>,
    /// `w F [n,f]`, factor incomes.
    pub factor_income: Array2<f64>,
    /// Tariff revenue by country.
    pub tariff_revenue: Array1<f64>,
    /// Export-tax revenue by country.
    pub export_tax_revenue: Array1<f64>,
    /// Deficit by country.
    pub deficit: Array1<f64>,
    /// Income by country, which is final spending.
    pub income: Array1<f64>,
    /// `alpha'[n,j]`, final shares.
    pub final_share: Array2<f64>,
    /// Tariff rates `[n,i,j]` of this equilibrium.
    pub tariff: Array3<f64>,
    /// Export-tax rates `[n,i,j]` of this equilibrium.
    pub export_tax: Array3<f64>,
    /// Price of a country's final consumption, hat.
    pub consumption_price_hat: Array1<f64>,
    /// Welfare: real income `I^ / P^`, hat.
    pub real_income_hat: Array1<f64>,
    /// How well the markets clear.
    pub residual: MarketResidual,
    /// Iterations of the solve, with their residuals.
    pub history: Vec<Iteration>,
    /// The state, to start another solve from.
    pub iterate: Iterate,
}

impl Economy {
    /// The equilibrium after a shock.
    ///
    /// # Errors
    /// [`SolveError::Shock`] for a shock that does not fit, [`SolveError::NotConverged`] with the history otherwise.
    pub fn solve(&self, shock: &Shock, settings: &SolverSettings) -> Result<Equilibrium, SolveError> {
        solve(self.parts(), self.income(), shock, settings, None, &mut Unobserved)
    }

    /// [`Economy::solve`] starting from the state of another equilibrium of this economy.
    ///
    /// # Errors
    /// As [`Economy::solve`], and [`SolveError::Start`].
    pub fn solve_from(
        &self,
        shock: &Shock,
        settings: &SolverSettings,
        start: &Iterate,
    ) -> Result<Equilibrium, SolveError> {
        solve(self.parts(), self.income(), shock, settings, Some(start), &mut Unobserved)
    }

    /// [`Economy::solve`] with someone watching.
    ///
    /// # Errors
    /// As [`Economy::solve`].
    pub fn solve_observed(
        &self,
        shock: &Shock,
        settings: &SolverSettings,
        observer: &mut dyn Observer,
    ) -> Result<Equilibrium, SolveError> {
        solve(self.parts(), self.income(), shock, settings, None, observer)
    }
}

impl EconomyParts {
    /// The economy that these shares, factor incomes, rates and elasticities imply, whether or not the other values clear
    /// markets, and how far from the data it is. Expenditure is only where the search starts; factor incomes are the
    /// endowments. Caliendo and Parro's (2015) baseline without deficits is made like this.
    ///
    /// # Errors
    /// [`SolveError::Economy`] if shapes, shares or rates are wrong, otherwise as [`Economy::solve`].
    pub fn equilibrate(
        &self,
        deficits: &Deficits,
        settings: &SolverSettings,
    ) -> Result<(Economy, Equilibrium), SolveError> {
        crate::economy::structure(self)?;
        let mut parts = self.clone();
        crate::economy::normalise_shares(&mut parts);
        let shock = Shock { deficits: deficits.clone(), ..Shock::default() };
        let equilibrium = solve(&parts, &parts.income(), &shock, settings, None, &mut Unobserved)?;
        let economy = Economy::settled(equilibrium.rebase_parts(&parts))?;
        Ok((economy, equilibrium))
    }
}

fn solve(
    parts: &EconomyParts,
    income: &Array1<f64>,
    shock: &Shock,
    settings: &SolverSettings,
    start: Option<&Iterate>,
    observer: &mut dyn Observer,
) -> Result<Equilibrium, SolveError> {
    shock.validate(parts)?;
    let system = System::new(parts, income, shock)?;
    let mut work = Work::new(system.at);
    let found = solve::solve(&system, start, settings, observer, &mut work)?;
    Ok(Equilibrium::assemble(&system, income, shock, found, &work))
}

impl Equilibrium {
    fn assemble(
        system: &System,
        baseline_income: &Array1<f64>,
        shock: &Shock,
        found: solve::Found,
        work: &Work,
    ) -> Self {
        let parts = system.parts;
        let Dims { countries: n, sectors: j, factors: f } = parts.dims();
        let (ln_p, x_hat, ln_w) = system.at.split(&found.state);
        let iterate =
            Iterate { ln_price: ln_p.into(), expenditure_hat: x_hat.into(), ln_factor_price: ln_w.into() };
        let cells = |values: &[f64]| Array2::from_shape_fn((n, j), |(a, b)| values[a * j + b]);
        let factors = |values: &[f64]| Array2::from_shape_fn((n, f), |(a, b)| values[a * f + b]);
        let mut trade_share = Array3::zeros((n, n, j));
        for (s, shares) in system.new_shares(&work.ln_cost).iter().enumerate() {
            let mut sector = trade_share.index_axis_mut(ndarray::Axis(2), s);
            sector.iter_mut().zip(shares).for_each(|(new, share)| *new = *share);
        }
        let mut final_share = Array2::zeros((n, j));
        let mut consumption_price_hat = Array1::zeros(n);
        let mut shares = vec![0.0; j];
        for i in 0..n {
            let price = system.final_shares(i, &ln_p[i * j..(i + 1) * j], &mut shares);
            consumption_price_hat[i] = price.exp();
            shares.iter().enumerate().for_each(|(s, share)| final_share[[i, s]] = *share);
        }
        let income = Array1::from(work.income.clone());
        let real_income_hat = &income / baseline_income / &consumption_price_hat;
        let sold = |i: usize, s: usize| (0..n).any(|m| parts.trade_share[[m, i, s]] > 0.0);
        let cost_hat =
            Array2::from_shape_fn(
                (n, j),
                |(i, s)| {
                    if sold(i, s) { work.ln_cost[i * j + s].exp() } else { 1.0 }
                },
            );
        Self {
            labels: parts.labels.clone(),
            price_hat: cells(ln_p).mapv(f64::exp),
            cost_hat,
            factor_price_hat: factors(ln_w).mapv(f64::exp),
            trade_share,
            expenditure: cells(&work.x),
            output: cells(&work.y),
            factor_income: factors(&work.factor_income),
            tariff_revenue: Array1::from(work.tariff_revenue.clone()),
            export_tax_revenue: Array1::from(work.export_tax_revenue.clone()),
            deficit: Array1::from(work.deficit.clone()),
            income,
            final_share,
            tariff: shock.tariff.as_ref().unwrap_or(&parts.tariff).clone(),
            export_tax: shock.export_tax.as_ref().unwrap_or(&parts.export_tax).clone(),
            consumption_price_hat,
            real_income_hat,
            residual: found.residual,
            history: found.history,
            iterate,
        }
    }

    /// Real factor prices `w^[n,f] / P^[n]`, hats; with one factor, Caliendo and Parro's real wage.
    pub fn real_factor_price_hat(&self) -> Array2<f64> {
        let mut real = self.factor_price_hat.clone();
        for ((n, _), price) in real.indexed_iter_mut() {
            *price /= self.consumption_price_hat[n];
        }
        real
    }

    /// Value of every flow `[n,i,j]` at the importer's border.
    pub fn border_flows(&self) -> Array3<f64> {
        let mut flows = self.trade_share.clone();
        for ((n, i, j), flow) in flows.indexed_iter_mut() {
            *flow = crate::trade::border_value(self.expenditure[[n, j]] * *flow, self.tariff[[n, i, j]]);
        }
        flows
    }

    /// Iterations that the solve took.
    pub fn iterations(&self) -> usize {
        self.history.len()
    }

    /// This equilibrium as a new baseline; `baseline` is the economy that was shocked.
    ///
    /// # Errors
    /// An [`EconomyError`] if the equilibrium was solved so loosely that its accounts do not close.
    pub fn rebase(&self, baseline: &Economy) -> Result<Economy, EconomyError> {
        Economy::settled(self.rebase_parts(baseline.parts()))
    }

    fn rebase_parts(&self, baseline: &EconomyParts) -> EconomyParts {
        EconomyParts {
            labels: baseline.labels.clone(),
            metadata: baseline.metadata.clone(),
            trade_share: self.trade_share.clone(),
            expenditure: self.expenditure.clone(),
            factor_share: baseline.factor_share.clone(),
            input_share: baseline.input_share.clone(),
            final_share: self.final_share.clone(),
            tariff: self.tariff.clone(),
            export_tax: self.export_tax.clone(),
            deficit: self.deficit.clone(),
            factor_income: self.factor_income.clone(),
            theta: baseline.theta.clone(),
            kappa: baseline.kappa,
        }
    }
}
