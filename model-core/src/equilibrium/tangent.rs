//! The derivative of an equilibrium: the sweep in dual numbers, and the acceleration of the solver. See
//! [`crate::sensitivity`](crate::Sensitivity).

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};

use ndarray::{Array1, Array2};
use num_dual::Dual64;

use super::anderson::Anderson;
use super::observer::{Iteration, MarketResidual, Phase, SolveError, SolverSettings};
use super::solve::weights;
use super::sweep::Work;
use super::system::{Inputs, System};
use super::{Equilibrium, Iterate};
use crate::economy::Economy;
use crate::labels::Dims;
use crate::sensitivity::{Parameter, Sensitivity};
use crate::shock::Shock;

/// Numbers that move in a direction: by how much, for those that do. Every number of their kinds is looked up once.
pub(super) struct Seeded {
    moves: HashMap<Parameter, f64>,
    kinds: Vec<Discriminant<Parameter>>,
}

impl Seeded {
    pub(super) fn new(direction: &[(Parameter, f64)]) -> Self {
        let mut moves = HashMap::with_capacity(direction.len());
        for (parameter, by) in direction {
            *moves.entry(*parameter).or_insert(0.0) += by;
        }
        let mut kinds: Vec<Discriminant<Parameter>> = Vec::new();
        for (parameter, _) in direction {
            let kind = discriminant(parameter);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Self { moves, kinds }
    }
}

impl Inputs for Seeded {
    type Number = Dual64;
    fn moves(&self, kind: Parameter) -> bool {
        self.kinds.contains(&discriminant(&kind))
    }
    fn of(&self, parameter: Parameter, value: f64) -> Dual64 {
        let by = if self.moves(parameter) { self.moves.get(&parameter).copied() } else { None };
        Dual64::new(value, by.unwrap_or(0.0))
    }
}

impl Economy {
    /// The derivative of `equilibrium`, which `shock` led to, when the parameters move by the given amounts together:
    /// `&[(parameter, 1.0)]` for a partial derivative.
    ///
    /// # Errors
    /// As [`Economy::solve`]; [`SolveError::NotConverged`] if the linear equation does not settle, as at an equilibrium that was
    /// solved loosely.
    pub fn sensitivity(
        &self,
        shock: &Shock,
        equilibrium: &Equilibrium,
        direction: &[(Parameter, f64)],
        settings: &SolverSettings,
    ) -> Result<Sensitivity, SolveError> {
        shock.validate(self.parts())?;
        self.along(shock, equilibrium, direction, settings, &mut None, settings.depth.max(2))
    }

    /// The derivatives in several directions. The linear equations differ by their right-hand sides alone, so that what the
    /// search for one has learned about the common matrix serves the next: cheaper than [`Economy::sensitivity`] for each.
    ///
    /// # Errors
    /// As [`Economy::sensitivity`].
    pub fn sensitivities(
        &self,
        shock: &Shock,
        equilibrium: &Equilibrium,
        directions: &[&[(Parameter, f64)]],
        settings: &SolverSettings,
    ) -> Result<Vec<Sensitivity>, SolveError> {
        shock.validate(self.parts())?;
        let depth = settings.depth.max(2) * directions.len();
        let mut learned = None;
        let along = |direction: &&[(Parameter, f64)]| {
            self.along(shock, equilibrium, direction, settings, &mut learned, depth)
        };
        directions.iter().map(along).collect()
    }

    fn along(
        &self,
        shock: &Shock,
        equilibrium: &Equilibrium,
        direction: &[(Parameter, f64)],
        settings: &SolverSettings,
        learned: &mut Option<Anderson>,
        depth: usize,
    ) -> Result<Sensitivity, SolveError> {
        let system =
            System::new(self.parts(), self.constants(), self.income(), shock, &Seeded::new(direction))?;
        equilibrium.iterate.fits(&system)?;
        let anderson = learned.get_or_insert_with(|| Anderson::new(depth, system.at.len()));
        anderson.pause();
        tangent(&system, &equilibrium.iterate, settings, anderson)
    }
}

/// The derivative in one direction; `anderson` may remember differences of another.
fn tangent(
    system: &System<Dual64>,
    iterate: &Iterate,
    settings: &SolverSettings,
    anderson: &mut Anderson,
) -> Result<Sensitivity, SolveError> {
    let mut work = Work::new(system);
    let at: Vec<f64> = iterate.state(system);
    let mut tangent = vec![0.0; at.len()];
    let mut state: Vec<Dual64> = at.iter().map(|v| Dual64::from(*v)).collect();
    let mut next = state.clone();
    let mut image = tangent.clone();
    let weight = weights(system);
    let mut history = Vec::new();
    for number in 1..=settings.max_sweeps {
        state.iter_mut().zip(&tangent).for_each(|(s, d)| s.eps = *d);
        system.sweep(&state, &mut next, &mut work);
        image.iter_mut().zip(&next).for_each(|(d, s)| *d = s.eps);
        let residual = gaps(system, &tangent, &image);
        history.push(Iteration { number, phase: Phase::FixedPoint, residual });
        if residual.max() <= settings.tolerance {
            return Ok(assemble(system, &work, &next, residual, number));
        }
        anderson.step(&mut tangent, &image, &weight);
    }
    let residual = history.last().map(|last| last.residual).unwrap_or_default();
    Err(SolveError::NotConverged {
        iterations: history.len(),
        residual,
        tolerance: settings.tolerance,
        best: Box::new(Iterate::of(system, &tangent)),
        history,
    })
}

/// Largest gap in each block, over the largest entry of the derivative or one.
fn gaps(system: &System<Dual64>, old: &[f64], new: &[f64]) -> MarketResidual {
    let scale = new.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
    let (old, new) = (system.at.split(old), system.at.split(new));
    let gap = |a: &[f64], b: &[f64]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).abs() / scale)
            .fold(0.0, |x: f64, y| if y > x || y.is_nan() { y } else { x })
    };
    MarketResidual {
        prices: gap(old.price, new.price),
        goods: gap(old.expenditure, new.expenditure),
        factors: gap(old.factor, new.factor),
        restrictions: gap(old.wedge, new.wedge),
        technology: gap(old.research, new.research),
        products: gap(old.product, new.product),
    }
}

fn assemble(
    system: &System<Dual64>,
    work: &Work<Dual64>,
    state: &[Dual64],
    residual: MarketResidual,
    iterations: usize,
) -> Sensitivity {
    let Dims { countries: n, sectors: j, factors: f } = system.parts.dims();
    let blocks = system.at.split(state);
    let rows = |values: &[Dual64], columns: usize| {
        Array2::from_shape_fn((n, columns), |(a, b)| values[a * columns + b].eps)
    };
    let own = |values: &[Dual64]| values.iter().map(|v| v.eps).collect::<Array1<f64>>();
    let real_income = work
        .income
        .iter()
        .zip(&work.ln_consumption)
        .map(|(income, price)| income.eps / income.re - price.eps);
    let nested = |values: &[Dual64]| system.nest.as_ref().map(|_| rows(values, j));
    Sensitivity {
        ln_real_income: real_income.collect(),
        ln_price: rows(&work.ln_price, j),
        ln_cost: rows(&work.ln_cost, j),
        ln_factor_price: rows(blocks.factor, f),
        expenditure: rows(&work.x_new, j),
        output: rows(&work.y, j),
        income: own(&work.income),
        ln_augmentation: nested(&work.nest.ln_a_critical).zip(nested(&work.nest.ln_a_other)),
        critical_share: nested(&work.nest.share),
        ln_wedge: own(blocks.wedge),
        ln_volume: work.volume.iter().map(|v| if v.re > 0.0 { v.eps / v.re } else { 0.0 }).collect(),
        quota_rent: own(&work.quota_rent),
        residual,
        iterations,
    }
}
