//! The derivative of an equilibrium: the sweep in dual numbers, and the acceleration of the solver. See
//! [`crate::sensitivity`](crate::Sensitivity).

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};

use ndarray::{Array1, Array2};

use super::Equilibrium;
use super::anderson::Anderson;
use super::jet::Jet;
use super::observer::{Iteration, MarketResidual, Phase, SolveError, SolverSettings};
use super::scalar::Scalar;
use super::solve::{check, weights};
use super::sweep::Work;
use super::system::{Inputs, System};
use crate::ces::Number;
use crate::economy::Economy;
use crate::labels::Dims;
use crate::sensitivity::{Parameter, Sensitivity};
use crate::shock::Shock;

/// Directions that are followed at once: with the value they fill a cache line.
const TOGETHER: usize = 7;

/// The residual up to which a state is an equilibrium to take derivatives at.
const LOOSEST: f64 = 1e-6;

/// Numbers that move in some directions: by how much in each, for those that do. Every number of their kinds is looked up once.
pub(super) struct Seeded<const L: usize> {
    /// The value's place is left free.
    moves: HashMap<Parameter, [f64; L]>,
    kinds: Vec<Discriminant<Parameter>>,
}

impl<const L: usize> Seeded<L> {
    /// With up to `L - 1` directions.
    pub(super) fn new(directions: &[&[(Parameter, f64)]]) -> Self {
        let mut moves = HashMap::new();
        let mut kinds: Vec<Discriminant<Parameter>> = Vec::new();
        for (k, direction) in (1..L).zip(directions) {
            for (parameter, by) in *direction {
                moves.entry(*parameter).or_insert([0.0; L])[k] += by;
                let kind = discriminant(parameter);
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
        }
        Self { moves, kinds }
    }
}

impl<const L: usize> Inputs for Seeded<L> {
    type Number = Jet<L>;
    fn moves(&self, kind: Parameter) -> bool {
        self.kinds.contains(&discriminant(&kind))
    }
    fn of(&self, parameter: Parameter, value: f64) -> Jet<L> {
        let known = if self.moves(parameter) { self.moves.get(&parameter) } else { None };
        known.map_or_else(
            || Jet::from(value),
            |lanes| {
                let mut lanes = *lanes;
                lanes[0] = value;
                Jet(lanes)
            },
        )
    }
}

impl Economy {
    /// The derivative of `equilibrium`, which `shock` led to, when the parameters move by the given amounts together:
    /// `&[(parameter, 1.0)]` for a partial derivative.
    ///
    /// # Errors
    /// [`SolveError::Shock`], [`SolveError::Setting`]; [`SolveError::Parameter`] for a position that does not exist;
    /// [`SolveError::Start`] or [`SolveError::NoEquilibrium`] if `equilibrium` is not that of `shock`;
    /// [`SolveError::NotConverged`] if the linear equation does not settle.
    pub fn sensitivity(
        &self,
        shock: &Shock,
        equilibrium: &Equilibrium,
        direction: &[(Parameter, f64)],
        settings: &SolverSettings,
    ) -> Result<Sensitivity, SolveError> {
        Ok(self.sensitivities(shock, equilibrium, &[direction], settings)?.swap_remove(0))
    }

    /// The derivatives in several directions. The linear equations differ by their right-hand sides alone: a sweep serves all
    /// directions at once, and what one has shown of the common matrix serves the others. Cheaper than
    /// [`Economy::sensitivity`] for each.
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
        shock.validate(self)?;
        check(settings)?;
        let (dims, restrictions) = (self.dims(), shock.restrictions.len());
        let mut parameters = directions.iter().copied().flatten().map(|(parameter, _)| *parameter);
        if let Some(parameter) = parameters.find(|parameter| !parameter.exists(dims, restrictions)) {
            return Err(SolveError::Parameter { parameter });
        }
        let mut all = Vec::with_capacity(directions.len());
        for some in directions.chunks(TOGETHER) {
            all.extend(match some.len() {
                1 => self.along::<2>(shock, equilibrium, some, settings)?,
                _ => self.along::<{ TOGETHER + 1 }>(shock, equilibrium, some, settings)?,
            });
        }
        Ok(all)
    }

    /// In up to `L - 1` directions.
    fn along<const L: usize>(
        &self,
        shock: &Shock,
        equilibrium: &Equilibrium,
        directions: &[&[(Parameter, f64)]],
        settings: &SolverSettings,
    ) -> Result<Vec<Sensitivity>, SolveError> {
        let inputs = Seeded::<L>::new(directions);
        let system = System::new(self.parts(), self.constants(), self.income(), shock, &inputs)?;
        equilibrium.iterate.fits(&system)?;
        let mut work = Work::new(&system);
        let at: Vec<f64> = equilibrium.iterate.state(&system);
        let mut state: Vec<Jet<L>> = at.iter().map(|v| Jet::from(*v)).collect();
        let mut next = state.clone();
        // Each direction after the other.
        let (count, len) = (directions.len(), at.len());
        let mut tangents = vec![0.0; count * len];
        let (mut images, mut following) = (tangents.clone(), tangents.clone());
        let weight = weights(&system);
        let mut anderson = Anderson::new(count * settings.depth.max(2), len, count);
        let mut history = Vec::new();
        for number in 1..=settings.max_sweeps {
            for (at, state) in state.iter_mut().enumerate() {
                let own = tangents.iter().skip(at).step_by(len);
                state.tangents_mut().iter_mut().zip(own).for_each(|(by, d)| *by = *d);
            }
            let missed = system.sweep(&state, &mut next, &mut work);
            if number == 1 && (missed.max() > LOOSEST || missed.max().is_nan()) {
                return Err(SolveError::NoEquilibrium { residual: missed });
            }
            for (at, next) in next.iter().enumerate() {
                let own = images.iter_mut().skip(at).step_by(len);
                own.zip(next.tangents()).for_each(|(d, by)| *d = *by);
            }
            let pairs = tangents.chunks_exact(len).zip(images.chunks_exact(len));
            let residuals: Vec<MarketResidual> = pairs.map(|(old, new)| gaps(&system, old, new)).collect();
            let worst = residuals.iter().fold(MarketResidual::default(), |a, b| a.or_larger(b));
            history.push(Iteration { number, phase: Phase::FixedPoint, residual: worst });
            if worst.max() <= settings.tolerance {
                let of = |(k, residual)| assemble(&system, &work, &next, k, residual, number);
                return Ok(residuals.into_iter().enumerate().map(of).collect());
            }
            anderson.step(&tangents, &images, &weight, &mut following);
            std::mem::swap(&mut tangents, &mut following);
        }
        let residual = history.last().map(|last| last.residual).unwrap_or_default();
        Err(SolveError::NotConverged {
            iterations: history.len(),
            residual,
            tolerance: settings.tolerance,
            best: Box::new(equilibrium.iterate.clone()),
            history,
        })
    }
}

/// Largest gap in each block, over the largest entry of the derivative or one.
fn gaps<T: Scalar>(system: &System<T>, old: &[f64], new: &[f64]) -> MarketResidual {
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

/// What direction `k` of a sweep comes to.
fn assemble<const L: usize>(
    system: &System<Jet<L>>,
    work: &Work<Jet<L>>,
    state: &[Jet<L>],
    k: usize,
    residual: MarketResidual,
    iterations: usize,
) -> Sensitivity {
    let Dims { countries: n, sectors: j, factors: f } = system.parts.dims();
    let blocks = system.at.split(state);
    let rows = |values: &[Jet<L>], columns: usize| {
        Array2::from_shape_fn((n, columns), |(a, b)| values[a * columns + b].tangents()[k])
    };
    let own = |values: &[Jet<L>]| values.iter().map(|v| v.tangents()[k]).collect::<Array1<f64>>();
    let real_income = work
        .income
        .iter()
        .zip(&work.ln_consumption)
        .map(|(income, price)| income.tangents()[k] / income.re() - price.tangents()[k]);
    let volumes = (0..system.limits.len()).map(|l| system.volume(l, work));
    let nested = |values: &[Jet<L>]| system.nest.as_ref().map(|_| rows(values, j));
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
        ln_volume: volumes.map(|v| if v.re() > 0.0 { v.tangents()[k] / v.re() } else { 0.0 }).collect(),
        quota_rent: own(&work.quota_rent),
        residual,
        iterations,
    }
}
