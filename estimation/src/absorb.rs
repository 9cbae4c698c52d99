//! Taking fixed effects out of variables: `v - D (D'WD)^- D'W v`.
//!
//! One effect is a matter of group means. Several are solved by the `within` crate, whose LSMR stops at
//! `|A'r| <= tol |A| |r|` for `A = W^(1/2) D`; a variable that is nearly free of the effects already therefore
//! costs few iterations, which is what iterated reweighting feeds on. Every variable is handled on one thread,
//! so the number of threads never shows in the result.

use std::sync::Mutex;

use rayon::ThreadPool;
use within::config::{LocalSolverConfig, ReductionStrategy};
use within::{
    Channel, CoefficientAddress, Design, Effect, LsmrOptions, Preconditioner, PreconditionerConfig, Solver,
};

use crate::{Categories, EstimationError};

/// Iterations with the diagonal preconditioner before the Schwarz one is built. Well-connected panels need
/// 10-30; a worker-firm panel with few movers would need thousands.
const DIAGONAL_ITERATIONS: usize = 40;

/// Iterations after which a variable is declared not to converge.
const MAX_ITERATIONS: usize = 5_000;

/// The fixed effects of a regression, ready to be taken out of variables under any weights.
pub(crate) struct Absorber<'a> {
    effects: &'a [Categories],
    design: Option<Design<'a>>,
    pools: Vec<ThreadPool>,
    /// Built when the diagonal preconditioner was seen to stall; serves all later weights.
    schwarz: Option<Preconditioner>,
}

/// Effects and weights together.
pub(crate) struct Weighted<'w, 'a> {
    absorber: &'w mut Absorber<'a>,
    weights: Option<&'w [f64]>,
    solver: Option<Solver<'a>>,
}

fn failure(error: impl std::fmt::Display) -> EstimationError {
    EstimationError::Absorption { reason: error.to_string() }
}

impl<'a> Absorber<'a> {
    /// Prepares the effects, for up to `columns` variables at a time.
    pub(crate) fn new(effects: &'a [Categories], columns: usize) -> Result<Self, EstimationError> {
        if effects.len() < 2 {
            return Ok(Self { effects, design: None, pools: Vec::new(), schwarz: None });
        }
        let terms = effects
            .iter()
            .map(|e| Effect::new(e.codes(), true, []))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failure)?;
        let threads = columns.min(rayon::current_num_threads()).max(1);
        let pools = (0..threads)
            .map(|_| rayon::ThreadPoolBuilder::new().num_threads(1).build())
            .collect::<Result<_, _>>()
            .map_err(failure)?;
        Ok(Self { effects, design: Some(Design::new(terms).map_err(failure)?), pools, schwarz: None })
    }

    /// Fixes the weights; absent means ones.
    pub(crate) fn weighted<'w>(
        &'w mut self,
        weights: Option<&'w [f64]>,
    ) -> Result<Weighted<'w, 'a>, EstimationError> {
        let solver = match (&self.design, &self.schwarz) {
            (None, _) => None,
            (Some(design), Some(schwarz)) => {
                Some(Solver::new(design.clone(), weights, schwarz).map_err(failure)?)
            }
            (Some(design), None) => {
                Some(Solver::new(design.clone(), weights, PreconditionerConfig::Diagonal).map_err(failure)?)
            }
        };
        Ok(Weighted { absorber: self, weights, solver })
    }
}

impl Weighted<'_, '_> {
    /// Takes the effects out of every variable, in place.
    pub(crate) fn demean(
        &mut self,
        variables: &mut [&mut [f64]],
        tolerance: f64,
    ) -> Result<(), EstimationError> {
        if self.absorber.effects.is_empty() {
            return Ok(());
        }
        let Some(solver) = &self.solver else {
            for variable in variables.iter_mut() {
                subtract_means(&self.absorber.effects[0], self.weights, variable);
            }
            return Ok(());
        };
        let escalated = self.absorber.schwarz.is_some();
        let limit = if escalated { MAX_ITERATIONS } else { DIAGONAL_ITERATIONS };
        let mut stalled = run(&self.absorber.pools, solver, variables, tolerance, limit)?;
        if stalled.contains(&true) && !escalated {
            let design = self.absorber.design.as_ref();
            let schwarz = match (design, self.absorber.pools.first()) {
                (Some(design), Some(pool)) => pool.install(|| {
                    let config = PreconditionerConfig::Additive {
                        local_solver: LocalSolverConfig::default(),
                        reduction: ReductionStrategy::default(),
                    };
                    Solver::new(design.clone(), self.weights, config).map_err(failure)
                })?,
                _ => return Ok(()),
            };
            self.absorber.schwarz = schwarz.preconditioner().cloned();
            let mut rest: Vec<&mut [f64]> =
                variables.iter_mut().zip(&stalled).filter(|(_, s)| **s).map(|(v, _)| &mut **v).collect();
            stalled = run(&self.absorber.pools, &schwarz, &mut rest, tolerance, MAX_ITERATIONS)?;
            self.solver = Some(schwarz);
        }
        if stalled.contains(&true) {
            return Err(EstimationError::Absorption {
                reason: format!(
                    "{MAX_ITERATIONS} iterations did not bring the normal equations to {tolerance:e}"
                ),
            });
        }
        Ok(())
    }

    /// The effects' values for a variable: one list per effect, in the order of its levels, summing by rows to
    /// the variable's projection on the effects.
    pub(crate) fn effects_of(
        &self,
        variable: &[f64],
        tolerance: f64,
    ) -> Result<Vec<Vec<f64>>, EstimationError> {
        let effects = self.absorber.effects;
        let Some(solver) = &self.solver else {
            return Ok(effects.iter().take(1).map(|e| means(e, self.weights, variable)).collect());
        };
        let options = LsmrOptions { tol: tolerance, maxiter: MAX_ITERATIONS, local_size: None };
        let solve = || solver.solve(variable, &options).map_err(failure);
        let solved = match self.absorber.pools.first() {
            Some(pool) => pool.install(solve)?,
            None => solve()?,
        };
        if !solved.converged {
            return Err(failure("the fixed effects could not be recovered to the tolerance"));
        }
        let value = |term: usize, level: usize| {
            let address = CoefficientAddress { channel: Channel { term, column: 0 }, level: level as u32 };
            solved.layout.index(address).and_then(|i| solved.x.get(i)).copied().unwrap_or(0.0)
        };
        Ok(effects.iter().enumerate().map(|(t, e)| (0..e.count()).map(|l| value(t, l)).collect()).collect())
    }
}

/// Demeans the variables over the pools, each on one thread; says which have not converged yet.
fn run(
    pools: &[ThreadPool],
    solver: &Solver<'_>,
    variables: &mut [&mut [f64]],
    tolerance: f64,
    limit: usize,
) -> Result<Vec<bool>, EstimationError> {
    let options = LsmrOptions { tol: tolerance, maxiter: limit, local_size: None };
    let stalled = vec![false; variables.len()];
    let outcome = Mutex::new((stalled, None));
    let work = |pool: &ThreadPool, share: Vec<(usize, &mut [f64])>| {
        pool.install(|| {
            for (index, variable) in share {
                let solved = solver.solve(variable, &options);
                let mut outcome = outcome.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                match solved {
                    Ok(solved) => {
                        variable.copy_from_slice(&solved.demeaned);
                        outcome.0[index] = !solved.converged;
                    }
                    Err(error) => outcome.1 = Some(failure(error)),
                }
            }
        });
    };
    let threads = pools.len();
    let mut shares: Vec<Vec<(usize, &mut [f64])>> = (0..threads).map(|_| Vec::new()).collect();
    for (index, variable) in variables.iter_mut().enumerate() {
        shares[index % threads].push((index, variable));
    }
    std::thread::scope(|scope| {
        let work = &work;
        let mut pairs = pools.iter().zip(shares);
        let first = pairs.next();
        for (pool, share) in pairs {
            scope.spawn(move || work(pool, share));
        }
        if let Some((pool, share)) = first {
            work(pool, share);
        }
    });
    let (stalled, error) = outcome.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    error.map_or(Ok(stalled), Err)
}

fn means(effect: &Categories, weights: Option<&[f64]>, variable: &[f64]) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); effect.count()];
    for (i, (&code, value)) in effect.codes().iter().zip(variable).enumerate() {
        let w = weights.map_or(1.0, |w| w[i]);
        let (sum, weight) = &mut sums[code as usize];
        *sum += w * value;
        *weight += w;
    }
    sums.into_iter().map(|(sum, weight)| if weight > 0.0 { sum / weight } else { 0.0 }).collect()
}

fn subtract_means(effect: &Categories, weights: Option<&[f64]>, variable: &mut [f64]) {
    let means = means(effect, weights, variable);
    for (value, &code) in variable.iter_mut().zip(effect.codes()) {
        *value -= means[code as usize];
    }
}
