//! The general solver: LSMR with a Schwarz preconditioner over pairs of effects, from the `within` crate.
//!
//! Every variable is handled on one thread, so the number of threads never shows in the result.

use std::sync::Mutex;

use rayon::ThreadPool;
use within::config::{LocalSolverConfig, ReductionStrategy};
use within::{
    Channel, CoefficientAddress, Design, Effect, LsmrOptions, Preconditioner, PreconditionerConfig, Solver,
};

use crate::effects::Effects;
use crate::{Categories, EstimationError};

/// Iterations after which a variable is declared not to converge.
const MAX_ITERATIONS: usize = 5_000;

/// The effects with the preconditioner of the first weights, which serves all later ones.
pub(super) struct General<'a> {
    effects: &'a Effects,
    /// Where the values of each effect, and then of each slope, stand: term and column.
    places: Vec<Channel>,
    design: Design<'a>,
    pools: Vec<ThreadPool>,
    schwarz: Option<Preconditioner>,
}

fn failure(error: impl std::fmt::Display) -> EstimationError {
    EstimationError::Absorption { reason: error.to_string() }
}

impl<'a> General<'a> {
    /// Prepares the effects, for up to `columns` variables at a time. Slopes over the levels of an effect go with it.
    pub(super) fn new(effects: &'a Effects, columns: usize) -> Result<Self, EstimationError> {
        let mut terms: Vec<(&Categories, bool, Vec<usize>)> =
            effects.levels.iter().map(|e| (e, true, Vec::new())).collect();
        for (index, slope) in effects.slopes.iter().enumerate() {
            match terms.iter_mut().find(|(of, ..)| of.codes() == slope.by.codes()) {
                Some((.., slopes)) => slopes.push(index),
                None => terms.push((&slope.by, false, vec![index])),
            }
        }
        let mut places: Vec<Channel> =
            (0..effects.levels.len()).map(|term| Channel { term, column: 0 }).collect();
        for index in 0..effects.slopes.len() {
            for (term, (_, intercept, slopes)) in terms.iter().enumerate() {
                if let Some(at) = slopes.iter().position(|s| *s == index) {
                    places.push(Channel { term, column: at + usize::from(*intercept) });
                }
            }
        }
        let terms = terms
            .iter()
            .map(|(of, intercept, slopes)| {
                Effect::new(
                    of.codes(),
                    *intercept,
                    slopes.iter().map(|&s| effects.slopes[s].values.as_slice()),
                )
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(failure)?;
        let threads = columns.min(rayon::current_num_threads()).max(1);
        let pools = (0..threads)
            .map(|_| rayon::ThreadPoolBuilder::new().num_threads(1).build())
            .collect::<Result<_, _>>()
            .map_err(failure)?;
        Ok(Self { effects, places, design: Design::new(terms).map_err(failure)?, pools, schwarz: None })
    }

    /// A solver for these weights; absent means ones.
    pub(super) fn solver(&mut self, weights: Option<&[f64]>) -> Result<Solver<'a>, EstimationError> {
        if let Some(schwarz) = &self.schwarz {
            return Solver::new(self.design.clone(), weights, schwarz).map_err(failure);
        }
        let config = PreconditionerConfig::Additive {
            local_solver: LocalSolverConfig::default(),
            reduction: ReductionStrategy::default(),
        };
        // Rounding in the weights can keep its certificate from being given; without weights it is exact, and any
        // weights serve a preconditioner.
        let build = || {
            Solver::new(self.design.clone(), weights, &config)
                .or_else(|_| {
                    let plain = Solver::new(self.design.clone(), None, &config)?;
                    match plain.preconditioner() {
                        Some(schwarz) => Solver::new(self.design.clone(), weights, schwarz),
                        None => Solver::new(self.design.clone(), weights, PreconditionerConfig::Diagonal),
                    }
                })
                .map_err(failure)
        };
        let solver = match self.pools.first() {
            Some(pool) => pool.install(build)?,
            None => build()?,
        };
        self.schwarz = solver.preconditioner().cloned();
        Ok(solver)
    }

    /// Takes the effects out of every variable, in place.
    pub(super) fn demean(
        &self,
        solver: &Solver<'a>,
        variables: &mut [&mut [f64]],
        tolerance: f64,
    ) -> Result<(), EstimationError> {
        if run(&self.pools, solver, variables, tolerance)?.contains(&false) {
            return Err(EstimationError::Absorption {
                reason: format!(
                    "{MAX_ITERATIONS} iterations did not bring the normal equations to {tolerance:e}"
                ),
            });
        }
        Ok(())
    }

    /// The effects' values for a variable.
    pub(super) fn effects_of(
        &self,
        solver: &Solver<'a>,
        variable: &[f64],
        tolerance: f64,
    ) -> Result<Vec<Vec<f64>>, EstimationError> {
        let options = LsmrOptions { tol: tolerance, maxiter: MAX_ITERATIONS, local_size: None };
        let solve = || solver.solve(variable, &options).map_err(failure);
        let solved = match self.pools.first() {
            Some(pool) => pool.install(solve)?,
            None => solve()?,
        };
        if !solved.converged {
            return Err(failure("the fixed effects could not be recovered to the tolerance"));
        }
        let value = |channel: Channel, level: usize| {
            let address = CoefficientAddress { channel, level: level as u32 };
            solved.layout.index(address).and_then(|i| solved.x.get(i)).copied().unwrap_or(0.0)
        };
        let of = self.places.iter().zip(self.effects.categories());
        Ok(of.map(|(&place, e)| (0..e.count()).map(|l| value(place, l)).collect()).collect())
    }
}

/// Demeans the variables over the pools, each on one thread; says which have converged.
fn run(
    pools: &[ThreadPool],
    solver: &Solver<'_>,
    variables: &mut [&mut [f64]],
    tolerance: f64,
) -> Result<Vec<bool>, EstimationError> {
    let options = LsmrOptions { tol: tolerance, maxiter: MAX_ITERATIONS, local_size: None };
    let outcome = Mutex::new((vec![true; variables.len()], None));
    let work = |pool: &ThreadPool, share: Vec<(usize, &mut [f64])>| {
        pool.install(|| {
            for (index, variable) in share {
                let solved = solver.solve(variable, &options);
                let mut outcome = outcome.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                match solved {
                    Ok(solved) => {
                        variable.copy_from_slice(&solved.demeaned);
                        outcome.0[index] = solved.converged;
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
    let (converged, error) = outcome.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    error.map_or(Ok(converged), Err)
}
