//! From a shock to the new equilibrium.
//!
//! [`Economy::solve`] is the door: a pure function of the economy, the shock and the settings. Inside, a map takes a guess
//! of log prices, expenditures and factor prices to the next (`system`); Anderson acceleration makes it converge in a few
//! dozen sweeps (`anderson`, `solve`). Where it stalls, Newton's method takes over: on factor prices alone (`newton`), or with
//! critical inputs and restrictions on the whole state (`krylov`).

mod anderson;
mod block;
mod constants;
mod jet;
mod krylov;
mod limit;
mod market;
mod nest;
mod newton;
mod observer;
mod scalar;
mod solve;
mod sweep;
mod system;
mod tangent;
mod users;

use ndarray::{Array1, Array2, Array3};
use serde::{Deserialize, Serialize};

pub use observer::{
    Iterate, Iteration, MarketResidual, Observer, Phase, SolveError, SolverSettings, Unobserved,
};

use crate::economy::{Economy, EconomyError, EconomyParts};
use crate::labels::{Dims, Labels, third_axis};
use crate::restriction::RestrictionOutcome;
use crate::shock::{Deficits, Shock};
use crate::technology::{Augmentation, Technology};
use crate::trade::border_flows;
use constants::Constants;
pub(crate) use constants::Prepared;
use scalar::Scalar;
use sweep::Work;
use system::{Plain, System};
use tangent::Seeded;

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
    /// Rents of restrictions that each country receives.
    pub quota_rent: Array1<f64>,
    /// What of these rents came from abroad, less what of the rents on its own exports went abroad. Sums to zero.
    pub rent_transfer: Array1<f64>,
    /// Income by country, which is final spending.
    pub income: Array1<f64>,
    /// `alpha'[n,j]`, final shares.
    pub final_share: Array2<f64>,
    /// Tariff rates `[n,i,j]` of this equilibrium.
    pub tariff: Array3<f64>,
    /// Export-tax rates `[n,i,j]` of this equilibrium, the wedges of restrictions included: what buyers pay at the border over
    /// what the producer gets, less one.
    pub export_tax: Array3<f64>,
    /// What became of each restriction of the shock, in its order.
    pub restrictions: Vec<RestrictionOutcome>,
    /// What became of the critical inputs, if the economy has any.
    pub critical: Option<CriticalOutcome>,
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

/// The critical inputs in a new equilibrium. Arrays are `[country, using sector]`; where a sector does not use them shares
/// are zero and hats one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriticalOutcome {
    /// `s'`: share of the bundle in cost.
    pub share: Array2<f64>,
    /// `mu'[i,j,e]`: share of each element in the bundle.
    pub element_share: Array3<f64>,
    /// `pR^`: price of the bundle.
    pub price_hat: Array2<f64>,
    /// `A_R^` and `A_X^`.
    pub augmentation: Augmentation,
    /// `nu_R^` and `nu_X^`: innovations; one everywhere with exogenous technology.
    pub innovation: Augmentation,
}

impl Economy {
    /// The equilibrium after a shock.
    ///
    /// # Errors
    /// [`SolveError::Shock`] for a shock that does not fit, [`SolveError::Setting`] for a setting outside its range,
    /// [`SolveError::Insolvent`] where a country owes more than it earns; [`SolveError::NotConverged`] with the history where no
    /// equilibrium is found, or [`SolveError::IncreasingReturns`] if research pays for itself so that there may be several.
    pub fn solve(&self, shock: &Shock, settings: &SolverSettings) -> Result<Equilibrium, SolveError> {
        solve(self.parts(), self.constants(), self.income(), shock, settings, None, &mut Unobserved)
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
        solve(self.parts(), self.constants(), self.income(), shock, settings, Some(start), &mut Unobserved)
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
        solve(self.parts(), self.constants(), self.income(), shock, settings, None, observer)
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
        if matches!(deficits, Deficits::Fixed | Deficits::ShareOfIncome) {
            crate::economy::deficits_cancel(self)?;
        }
        let mut parts = self.clone();
        crate::economy::normalise_shares(&mut parts);
        let shock = Shock { deficits: deficits.clone(), ..Shock::default() };
        let proceeds = parts.proceeds();
        let income = parts.income_with(&proceeds);
        let fixed = Constants::new(&parts, proceeds.output);
        let equilibrium = solve(&parts, &fixed, &income, &shock, settings, None, &mut Unobserved)?;
        let economy = equilibrium.settle(parts)?;
        Ok((economy, equilibrium))
    }
}

fn solve(
    parts: &EconomyParts,
    fixed: &Constants,
    income: &Array1<f64>,
    shock: &Shock,
    settings: &SolverSettings,
    start: Option<&Iterate>,
    observer: &mut dyn Observer,
) -> Result<Equilibrium, SolveError> {
    shock.check(parts)?;
    let once = |shock: &Shock, start: Option<&Iterate>, observer: &mut dyn Observer| {
        let system = System::new(parts, fixed, income, shock, &Plain)?;
        let mut work = Work::new(&system);
        let dual = || System::new(parts, fixed, income, shock, &Seeded::new(&[&[]]));
        let found = solve::solve(&system, start, settings, observer, &mut work, &dual)?;
        Ok(Equilibrium::assemble(&system, income, shock, found, &work))
    };
    match once(shock, start, observer) {
        Err(SolveError::NotConverged { iterations, residual, best, history, tolerance }) => {
            if let Some((sector, returns)) = increasing_returns(parts, shock) {
                return Err(SolveError::IncreasingReturns {
                    sector,
                    returns,
                    iterations,
                    residual,
                    best,
                    history,
                });
            }
            if settings.max_parts == 0 {
                return Err(SolveError::NotConverged { iterations, residual, best, history, tolerance });
            }
            in_steps(parts, shock, settings, (residual, best, history), observer, once)
        }
        other => other,
    }
}

/// The sector where research pays for itself by `lambda xi theta >= 1`, and that product: what it does for the sector's whole
/// productivity lowers its cost, which raises sales by `theta`, which draws research. These are the external economies of
/// scale of Kucheryavyy, Lyn and Rodriguez-Clare (2024), whose equilibrium is unique where the product stays below one.
fn increasing_returns(parts: &EconomyParts, shock: &Shock) -> Option<(String, f64)> {
    let (Technology::FreeEntry(innovation), Some(_)) = (&shock.technology, &parts.critical) else {
        return None;
    };
    let share = parts.critical_share();
    let uses = |sector: usize| share.column(sector).iter().any(|share| *share > 0.0);
    (0..parts.dims().sectors)
        .filter(|sector| uses(*sector))
        .map(|sector| (sector, innovation.lambda * innovation.xi * parts.theta[sector]))
        .filter(|(_, returns)| *returns >= 1.0)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(sector, returns)| (parts.labels.sectors()[sector].clone(), returns))
}

/// The shock in parts, each solved from the last, where it is too much at once. If they do not lead there either, what is told is
/// how near the whole shock came.
fn in_steps(
    parts: &EconomyParts,
    shock: &Shock,
    settings: &SolverSettings,
    (mut residual, mut best, mut history): (MarketResidual, Box<Iterate>, Vec<Iteration>),
    observer: &mut dyn Observer,
    once: impl Fn(&Shock, Option<&Iterate>, &mut dyn Observer) -> Result<Equilibrium, SolveError>,
) -> Result<Equilibrium, SolveError> {
    let (mut reached, mut step) = (0.0, 0.25);
    let mut start: Option<Iterate> = None;
    let renumber = |history: &mut Vec<Iteration>| {
        history.iter_mut().enumerate().for_each(|(k, iteration)| iteration.number = k + 1);
    };
    let mut tries = 0;
    loop {
        tries += 1;
        let to = f64::min(reached + step, 1.0);
        let part = if to < 1.0 { &shock.part(parts, to) } else { shock };
        match once(part, start.as_ref(), observer) {
            Ok(mut equilibrium) => {
                history.append(&mut equilibrium.history);
                if to == 1.0 {
                    renumber(&mut history);
                    return Ok(Equilibrium { history, ..equilibrium });
                }
                (reached, step) = (to, 2.0 * step);
                start = Some(equilibrium.iterate);
            }
            Err(SolveError::NotConverged {
                residual: missed,
                best: nearest,
                history: mut tried,
                tolerance,
                ..
            }) => {
                history.append(&mut tried);
                if to == 1.0 && missed.max() < residual.max() {
                    (residual, best) = (missed, nearest);
                }
                step *= 0.25;
                if tries >= settings.max_parts {
                    renumber(&mut history);
                    let iterations = history.len();
                    return Err(SolveError::NotConverged { iterations, residual, tolerance, best, history });
                }
            }
            Err(other) => return Err(other),
        }
    }
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
        let blocks = system.at.split(&found.state);
        let iterate = Iterate::of(system, &found.state);
        let cells = |values: &[f64]| Array2::from_shape_fn((n, j), |(a, b)| values[a * j + b]);
        let factors = |values: &[f64]| Array2::from_shape_fn((n, f), |(a, b)| values[a * f + b]);
        let hats = |logs: &[f64]| {
            let mut hats = logs.to_vec();
            f64::exp_each(&mut hats);
            hats
        };
        let mut final_share = Array2::zeros((n, j));
        let mut consumption_price_hat = Array1::zeros(n);
        let mut shares = vec![0.0; j];
        for i in 0..n {
            let price = system.final_shares(i, &blocks.price[i * j..(i + 1) * j], &mut shares);
            consumption_price_hat[i] = price.exp();
            shares.iter().enumerate().for_each(|(s, share)| final_share[[i, s]] = *share);
        }
        let income = Array1::from(work.income.clone());
        let real_income_hat = &income / baseline_income / &consumption_price_hat;
        let sold = |i: usize, s: usize| (0..n).any(|m| parts.trade_share[[m, i, s]] > 0.0);
        let cost_hat = hats(&work.ln_cost);
        let cost_hat =
            Array2::from_shape_fn((n, j), |(i, s)| if sold(i, s) { cost_hat[i * j + s] } else { 1.0 });
        Self {
            labels: parts.labels.clone(),
            price_hat: cells(&hats(blocks.price)),
            cost_hat,
            factor_price_hat: factors(&hats(blocks.factor)),
            trade_share: system.new_shares(&found.state, work),
            expenditure: cells(&work.x),
            output: cells(&work.y),
            factor_income: factors(&work.factor_income),
            tariff_revenue: Array1::from(work.tariff_revenue.clone()),
            export_tax_revenue: Array1::from(work.export_tax_revenue.clone()),
            deficit: Array1::from(work.deficit.clone()),
            quota_rent: Array1::from(work.quota_rent.clone()),
            rent_transfer: work
                .quota_rent
                .iter()
                .zip(&work.quota_rent_made)
                .map(|(got, made)| got - made)
                .collect(),
            income,
            final_share,
            tariff: shock.tariff.as_ref().unwrap_or(&parts.tariff).clone(),
            export_tax: export_tax(system, shock, blocks.wedge),
            restrictions: outcomes(system, shock, blocks.wedge, work),
            critical: CriticalOutcome::assemble(system, work),
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
        border_flows(&self.trade_share, &self.expenditure, &self.tariff)
    }

    /// Iterations that the solve took.
    pub fn iterations(&self) -> usize {
        self.history.len()
    }

    /// This equilibrium as a new baseline; `baseline` is the economy that was shocked.
    ///
    /// # Errors
    /// [`EconomyError::OtherEconomy`]; another [`EconomyError`] if the equilibrium was solved so loosely that its accounts do not
    /// close.
    pub fn rebase(&self, baseline: &Economy) -> Result<Economy, EconomyError> {
        self.is_of(baseline)?;
        self.settle(baseline.parts().clone())
    }

    /// That it has the countries, sectors, factors and critical inputs of an economy.
    pub(crate) fn is_of(&self, economy: &Economy) -> Result<(), EconomyError> {
        let elements = self.critical.as_ref().map(|critical| critical.element_share.dim().2);
        let own = economy.critical().map(|critical| critical.sectors.len());
        if &self.labels == economy.labels() && elements == own {
            return Ok(());
        }
        Err(EconomyError::OtherEconomy { economy: economy.metadata().name.clone() })
    }

    /// `parts` are those of the economy that was shocked.
    fn settle(&self, mut parts: EconomyParts) -> Result<Economy, EconomyError> {
        let old = parts.critical_share();
        if let (Some(outcome), Some(critical)) = (&self.critical, &parts.critical) {
            let (factor_share, input_share) = (&mut parts.factor_share, &mut parts.input_share);
            for ((i, j), &share) in outcome.share.indexed_iter().filter(|(at, _)| old[*at] > 0.0) {
                let left = 1.0 - old[[i, j]];
                let keep = if left > f64::EPSILON { (1.0 - share) / left } else { 0.0 };
                factor_share.slice_each_axis_mut(|axis| third_axis(&axis, i, j)).mapv_inplace(|v| v * keep);
                input_share.slice_each_axis_mut(|axis| third_axis(&axis, i, j)).mapv_inplace(|v| v * keep);
                for (e, &sector) in critical.sectors.iter().enumerate() {
                    input_share[[i, j, sector]] = share * outcome.element_share[[i, j, e]];
                }
            }
        }
        // Into the room that is there: new pages take longer to get than to fill.
        parts.trade_share.assign(&self.trade_share);
        parts.expenditure.assign(&self.expenditure);
        parts.final_share.assign(&self.final_share);
        parts.tariff.assign(&self.tariff);
        parts.export_tax.assign(&self.export_tax);
        parts.factor_income.assign(&self.factor_income);
        // A rent that goes abroad is a transfer beside an export tax that stays.
        parts.deficit = &self.deficit + &self.rent_transfer;
        Economy::settled(parts, self.output.clone(), self.income.clone())
    }
}

/// Rates of export taxes with the wedges of restrictions.
fn export_tax(system: &System, shock: &Shock, ln_wedge: &[f64]) -> Array3<f64> {
    let mut rates = shock.export_tax.as_ref().unwrap_or(&system.parts.export_tax).clone();
    for (limit, ln_mu) in system.limits.iter().zip(ln_wedge).filter(|(_, ln_mu)| **ln_mu > 0.0) {
        for &m in &limit.covered {
            let rate = &mut rates[[m, limit.exporter, limit.sector]];
            *rate = (1.0 + *rate) * ln_mu.exp() - 1.0;
        }
    }
    rates
}

fn outcomes(system: &System, shock: &Shock, ln_wedge: &[f64], work: &Work) -> Vec<RestrictionOutcome> {
    let of = |l: usize| {
        let limit = &system.limits[l];
        if shock.restrictions[l].stops() {
            return RestrictionOutcome { wedge: f64::INFINITY, volume_hat: 0.0, rent: 0.0 };
        }
        let volume = system.volume(l, work);
        let volume_hat = if limit.volume > 0.0 { volume / limit.volume } else { 1.0 };
        RestrictionOutcome { wedge: ln_wedge[l].exp(), volume_hat, rent: work.rent[l] }
    };
    (0..system.limits.len()).map(of).collect()
}

impl CriticalOutcome {
    fn assemble(system: &System, work: &Work) -> Option<Self> {
        let nest = system.nest.as_ref()?;
        let Dims { countries: n, sectors: j, .. } = system.parts.dims();
        let uses = |cell: usize| nest.share[cell] > 0.0;
        let cells = |values: &[f64], otherwise: f64| {
            Array2::from_shape_fn(
                (n, j),
                |(a, b)| if uses(a * j + b) { values[a * j + b] } else { otherwise },
            )
        };
        let hats = |values: &[f64]| cells(values, 0.0).mapv(f64::exp);
        let elements = nest.elements();
        Some(Self {
            share: cells(&work.nest.share, 0.0),
            element_share: Array3::from_shape_fn((n, j, elements), |(a, b, e)| {
                if uses(a * j + b) { work.nest.element_share[(a * j + b) * elements + e] } else { 0.0 }
            }),
            price_hat: hats(&work.nest.ln_bundle),
            augmentation: Augmentation {
                critical: hats(&work.nest.ln_a_critical),
                other: hats(&work.nest.ln_a_other),
            },
            innovation: Augmentation {
                critical: hats(&work.nest.ln_critical),
                other: hats(&work.nest.ln_other),
            },
        })
    }
}
