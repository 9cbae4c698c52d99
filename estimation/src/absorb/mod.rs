//! Taking fixed effects out of variables: `v - D (D'WD)^- D'W v`.
//!
//! One effect is a matter of group means. Several are solved by conjugate gradients on all but the largest
//! ([`schur`]), up to four variables in one pass; that is all that well-connected data need. Where it stalls (few movers
//! between firms) a factorisation of the graph that movers make takes the place of its diagonal preconditioner
//! ([`graph`]). What is left, and designs with slopes that vary by level or more effects than a pass carries, go to the `within` crate
//! ([`schwarz`]), whose passes cost several times as much. All stop when the normal equations of the effects hold to a
//! share of the variable's length, so a variable that is nearly free of the effects already costs few iterations: that
//! is what iterated reweighting feeds on. The number of threads never shows in the result.

mod graph;
mod lanes;
mod layout;
mod schur;
mod schwarz;

use within::Solver;

use crate::effects::Effects;
use crate::{Categories, EstimationError};
use graph::Graph;
use layout::{Balance, Layout};
use schur::Preconditioner;

/// Iterations allowed with the diagonal preconditioner, and with the graphs. Well-connected panels need 5-30; a
/// worker-firm panel with few movers would need thousands without the graphs, and needs 10-40 with them.
const PATIENCE: (usize, usize) = (60, 300);

/// Iterations that show that the graphs are of other weights than the present ones.
const STALE: usize = 25;

/// The fixed effects of a regression, ready to be taken out of variables under any weights.
pub(crate) struct Absorber<'a> {
    effects: &'a Effects,
    layout: Option<Layout>,
    /// Made when the diagonal was seen to stall; serves later weights until they have moved too far.
    graph: Option<Graph>,
    /// Columns handled at a time.
    columns: usize,
    /// Made when the graphs were seen to stall; serves all later weights.
    general: Option<schwarz::General<'a>>,
}

/// Effects and weights together.
pub(crate) struct Weighted<'w, 'a> {
    absorber: &'w mut Absorber<'a>,
    weights: Option<&'w [f64]>,
    balance: Option<Balance<'w>>,
    solver: Option<Solver<'a>>,
}

impl<'a> Absorber<'a> {
    /// Prepares the effects, for up to `columns` variables at a time.
    pub(crate) fn new(effects: &'a Effects, columns: usize) -> Self {
        let layout = if effects.slopes.is_empty() { Layout::new(&effects.levels) } else { None };
        Self { effects, layout, graph: None, columns, general: None }
    }

    /// Fixes the weights; absent means ones.
    pub(crate) fn weighted<'w>(&'w mut self, weights: Option<&'w [f64]>) -> Weighted<'w, 'a> {
        let balance = match (&self.layout, &self.general) {
            (Some(layout), None) => Some(layout.balance(weights)),
            _ => None,
        };
        Weighted { absorber: self, weights, balance, solver: None }
    }
}

impl<'a> Weighted<'_, 'a> {
    /// Takes the effects out of every variable, in place.
    pub(crate) fn demean(
        &mut self,
        variables: &mut [&mut [f64]],
        tolerance: f64,
    ) -> Result<(), EstimationError> {
        match (self.absorber.effects.levels.as_slice(), self.absorber.effects.slopes.as_slice()) {
            ([], []) => return Ok(()),
            ([only], []) => {
                variables.iter_mut().for_each(|v| subtract_means(only, self.weights, v));
                return Ok(());
            }
            _ => {}
        }
        let mut open: Vec<&mut [f64]> = variables.iter_mut().map(|v| &mut **v).collect();
        let Absorber { layout, graph, .. } = &mut *self.absorber;
        if let (Some(layout), Some(balance)) = (layout, &self.balance) {
            if graph.is_none() {
                let progress =
                    layout.demean(balance, &Preconditioner::Diagonal, &mut open, tolerance, PATIENCE.0);
                keep(&mut open, &progress.stalled);
            }
            if !open.is_empty() {
                if graph.is_none() {
                    *graph = Graph::new(layout, balance);
                }
                if let Some(made) = graph {
                    let progress = layout.demean(
                        balance,
                        &Preconditioner::Graph(made),
                        &mut open,
                        tolerance,
                        PATIENCE.1,
                    );
                    keep(&mut open, &progress.stalled);
                    if progress.iterations > STALE {
                        // The old one goes first, or both would be held at once.
                        *graph = None;
                        *graph = Graph::new(layout, balance);
                    }
                }
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        self.balance = None;
        let (general, solver) = self.general()?;
        general.demean(solver, &mut open, tolerance)
    }

    /// The general solver under these weights, made now if it is not there yet.
    fn general(&mut self) -> Result<(&schwarz::General<'a>, &Solver<'a>), EstimationError> {
        let Absorber { effects, columns, general, .. } = &mut *self.absorber;
        let general = match general {
            Some(general) => general,
            None => general.insert(schwarz::General::new(effects, *columns)?),
        };
        let solver = match self.solver.take() {
            Some(solver) => solver,
            None => general.solver(self.weights)?,
        };
        Ok((general, self.solver.insert(solver)))
    }

    /// The effects' values for a variable: one list per effect, in the order of its levels, summing by rows to
    /// the variable's projection on the effects.
    pub(crate) fn effects_of(
        &mut self,
        variable: &[f64],
        tolerance: f64,
    ) -> Result<Vec<Vec<f64>>, EstimationError> {
        match (self.absorber.effects.levels.as_slice(), self.absorber.effects.slopes.as_slice()) {
            ([], []) => return Ok(Vec::new()),
            ([only], []) => return Ok(vec![means(only, self.weights, variable)]),
            _ => {}
        }
        let Absorber { layout, graph, .. } = &mut *self.absorber;
        if let (Some(layout), Some(balance)) = (layout, &self.balance) {
            let diagonal = Preconditioner::Diagonal;
            if let Some(values) = layout.effects_of(balance, &diagonal, variable, tolerance, PATIENCE.0) {
                return Ok(values);
            }
            if graph.is_none() {
                *graph = Graph::new(layout, balance);
            }
            if let Some(graph) = graph
                && let Some(values) =
                    layout.effects_of(balance, &Preconditioner::Graph(graph), variable, tolerance, PATIENCE.1)
            {
                return Ok(values);
            }
        }
        let (general, solver) = self.general()?;
        general.effects_of(solver, variable, tolerance)
    }
}

/// Keeps the variables that have not converged.
fn keep(open: &mut Vec<&mut [f64]>, stalled: &[bool]) {
    let mut stalled = stalled.iter();
    open.retain(|_| stalled.next().copied().unwrap_or(false));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(n: usize, code: impl Fn(usize) -> usize) -> Categories {
        Categories::new("effect", (0..n).map(code))
    }

    fn start(n: usize) -> Vec<f64> {
        (0..n).map(|i| ((i * i + 3 * i) as f64 * 0.7).sin()).collect()
    }

    /// Whether graphs and the general solver were made for a demeaning, and for the effects' values.
    fn made(levels: Vec<Categories>, tolerance: f64) -> [(bool, bool); 2] {
        let n = levels[0].len();
        let effects = Effects { levels, slopes: Vec::new() };
        let mut absorbers = [Absorber::new(&effects, 1), Absorber::new(&effects, 1)];
        let mut net = start(n);
        absorbers[0].weighted(None).demean(&mut [&mut net], tolerance).unwrap();
        let values = absorbers[1].weighted(None).effects_of(&start(n), tolerance).unwrap();
        for (i, (net, before)) in net.iter().zip(start(n)).enumerate() {
            let taken: f64 = effects.levels.iter().zip(&values).map(|(e, v)| v[e.codes()[i] as usize]).sum();
            assert!((before - taken - net).abs() < 1e-5, "{before} {taken} {net}");
        }
        absorbers.map(|a| (a.graph.is_some(), a.general.is_some()))
    }

    #[test]
    fn a_costlier_solver_is_made_only_where_a_cheaper_one_stalls() {
        let n = 1_200;
        assert_eq!(made(vec![of(n, |i| i % 7)], 1e-8), [(false, false); 2]);
        let mixed = vec![of(n, |i| i % 100), of(n, |i| i * i % 31), of(n, |i| i / 5 % 20)];
        assert_eq!(made(mixed, 1e-8), [(false, false); 2]);
        // A chain of groups of two rows, in neighbouring levels, and one of another order.
        let chain =
            || vec![of(n, |i| i / 2 % 300 + i % 2), of(n, |i| i / 2), of(n, |i| (i / 2 * 7 % 200) + i % 2)];
        assert_eq!(made(chain(), 1e-8), [(true, false); 2]);
    }

    #[test]
    fn means_weigh_rows_and_are_zero_where_nothing_weighs() {
        let effect = of(5, |i| [0, 1, 1, 2, 0][i]);
        assert_eq!(
            means(&effect, Some(&[1.0, 1.0, 3.0, 0.0, 0.0]), &[2.0, 5.0, 1.0, 9.0, 7.0]),
            [2.0, 2.0, 0.0]
        );
    }
}
