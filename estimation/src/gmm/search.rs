use std::sync::{Arc, Mutex, PoisonError};

use argmin::core::observers::{Observe, ObserverMode};
use argmin::core::{
    CostFunction, Error, Executor, Gradient, IterState, KV, Problem, Solver, State, TerminationReason,
    TerminationStatus,
};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::neldermead::NelderMead;
use argmin::solver::quasinewton::BFGS;
use linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView1};
use serde::Serialize;

use super::Gmm;
use super::criterion::{Criterion, Expansion};

/// How a criterion is minimised. Whatever the choice, Gauss-Newton steps finish the search, so that the
/// first-order conditions are met as closely as rounding allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub enum Optimiser {
    /// Levenberg-Marquardt: Gauss-Newton's curvature `G' W G`, damped. The right choice for smooth moments.
    #[default]
    GaussNewton,
    /// BFGS with More-Thuente line search first, for problems with far from linear moments.
    Bfgs,
    /// Nelder-Mead first, for moments that are rough or fail in parts of the parameter space.
    NelderMead,
}

/// One accepted iterate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Iterate {
    /// `n Q(theta)`.
    pub criterion: f64,
    /// The parameters.
    pub theta: Vec<f64>,
}

/// What came of one starting value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StartReport {
    /// The starting value.
    pub start: Vec<f64>,
    /// Where the search ended.
    pub theta: Vec<f64>,
    /// `n Q` there; infinite if the start was outside the domain.
    pub criterion: f64,
    /// Residual of the first-order conditions there, in standard errors.
    pub residual: f64,
    /// Why the search ended.
    pub status: String,
    /// Accepted iterates, in order.
    pub history: Vec<Iterate>,
}

impl StartReport {
    pub(super) fn closed_form(criterion: f64, theta: &Array1<f64>) -> Self {
        Self {
            start: theta.to_vec(),
            theta: theta.to_vec(),
            criterion,
            residual: f64::INFINITY,
            status: "closed form".into(),
            history: Vec::new(),
        }
    }
}

type SearchState = IterState<Vec<f64>, Vec<f64>, (), Vec<Vec<f64>>, (), f64>;

/// The criterion in units `theta = origin + scale u`.
struct Scaled<'a> {
    criterion: &'a dyn Criterion,
    origin: Array1<f64>,
    scale: Array1<f64>,
    n: f64,
}

impl Scaled<'_> {
    fn theta(&self, u: &[f64]) -> Array1<f64> {
        &self.origin + &(&self.scale * &ArrayView1::from(u))
    }
}

impl CostFunction for Scaled<'_> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, u: &Vec<f64>) -> Result<f64, Error> {
        Ok(self.n * self.criterion.value(self.theta(u).view()))
    }
}

impl Gradient for Scaled<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, u: &Vec<f64>) -> Result<Vec<f64>, Error> {
        match self.criterion.expand(self.theta(u).view()) {
            Some(expansion) => Ok((expansion.gradient * &self.scale * self.n).to_vec()),
            None => Err(Error::msg("the criterion is not defined here")),
        }
    }
}

/// Keeps the iterates, in the scaled units, whatever becomes of the solver afterwards.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Visited>>);

/// Criterion and point, in order.
type Visited = Vec<(f64, Vec<f64>)>;

impl Recorder {
    fn push(&self, criterion: f64, u: &[f64]) {
        let mut path = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if path.last().is_none_or(|(_, last)| last != u) {
            path.push((criterion, u.to_vec()));
        }
    }
}

impl<I: State<Param = Vec<f64>, Float = f64>> Observe<I> for Recorder {
    fn observe_iter(&mut self, state: &I, _kv: &KV) -> Result<(), Error> {
        if let Some(best) = state.get_best_param() {
            self.push(state.get_best_cost(), best);
        }
        Ok(())
    }
}

/// Minimises from one start.
pub(super) fn search(
    criterion: &dyn Criterion,
    start: ArrayView1<'_, f64>,
    n: f64,
    settings: &Gmm,
) -> StartReport {
    let &Gmm { optimiser, max_iterations, sufficient, .. } = settings;
    let mut report = StartReport {
        start: start.to_vec(),
        theta: start.to_vec(),
        criterion: f64::INFINITY,
        residual: f64::INFINITY,
        status: "the criterion is not defined at the start".into(),
        history: Vec::new(),
    };
    let value = n * criterion.value(start);
    if !value.is_finite() {
        return report;
    }
    report.criterion = value;
    report.history.push(Iterate { criterion: value, theta: start.to_vec() });
    if optimiser != Optimiser::GaussNewton {
        globally(criterion, n, optimiser, max_iterations, &mut report);
    }
    let p = start.len();
    let problem = Scaled { criterion, origin: Array1::zeros(p), scale: Array1::ones(p), n };
    let recorder = Recorder::default();
    let begin = report.theta.clone();
    let run = Executor::new(problem, LevenbergMarquardt::new(n, sufficient, recorder.clone()))
        .configure(|state: SearchState| state.param(begin).max_iters(max_iterations))
        .timer(false)
        .ctrlc(false)
        .run();
    report.status = match &run {
        Ok(result) => format!("{}", result.state().get_termination_status()),
        Err(error) => format!("{error}"),
    };
    absorb(&mut report, &recorder, |u| u.to_vec());
    report
}

/// BFGS or Nelder-Mead, in units of the curvature at the start.
fn globally(
    criterion: &dyn Criterion,
    n: f64,
    optimiser: Optimiser,
    max_iterations: u64,
    report: &mut StartReport,
) {
    let origin = Array1::from_vec(report.theta.clone());
    let scale = match criterion.expand(origin.view()) {
        Some(expansion) => Array1::from_shape_fn(origin.len(), |k| {
            let curvature = n * expansion.curvature[[k, k]];
            if curvature > 0.0 { (2.0 / curvature).sqrt() } else { 0.1 * origin[k].abs().max(1.0) }
        }),
        None => origin.mapv(|v| 0.1 * v.abs().max(1.0)),
    };
    let p = origin.len();
    let problem = Scaled { criterion, origin: origin.clone(), scale: scale.clone(), n };
    let recorder = Recorder::default();
    let outcome = match optimiser {
        Optimiser::NelderMead => {
            // A simplex an eighth of the parameters' size wide, at least one standard error.
            let corner = |k: usize| {
                let mut u = vec![0.0; p];
                if let (Some(entry), Some(k)) = (u.get_mut(k.wrapping_sub(1)), k.checked_sub(1)) {
                    *entry = (0.125 * origin[k].abs() / scale[k]).max(1.0);
                }
                u
            };
            NelderMead::new((0..=p).map(corner).collect()).with_sd_tolerance(1e-10).and_then(|solver| {
                Executor::new(problem, solver)
                    .configure(|state| state.max_iters(max_iterations * 20))
                    .add_observer(recorder.clone(), ObserverMode::Always)
                    .timer(false)
                    .ctrlc(false)
                    .run()
                    .map(|_| ())
            })
        }
        _ => {
            let identity = (0..p).map(|j| (0..p).map(|k| f64::from(u8::from(j == k))).collect()).collect();
            let solver = BFGS::new(MoreThuenteLineSearch::new());
            Executor::new(problem, solver)
                .configure(|state: SearchState| {
                    state.param(vec![0.0; p]).inv_hessian(identity).max_iters(max_iterations)
                })
                .add_observer(recorder.clone(), ObserverMode::Always)
                .timer(false)
                .ctrlc(false)
                .run()
                .map(|_| ())
        }
    };
    if let Err(error) = outcome {
        report.status = format!("{error}");
    }
    absorb(report, &recorder, |u| (&origin + &(&scale * &ArrayView1::from(u))).to_vec());
}

/// Appends what a solver visited and moves to its best point.
fn absorb(report: &mut StartReport, recorder: &Recorder, theta: impl Fn(&[f64]) -> Vec<f64>) {
    let path = recorder.0.lock().unwrap_or_else(PoisonError::into_inner);
    for (criterion, u) in path.iter().filter(|(criterion, _)| criterion.is_finite()) {
        report.history.push(Iterate { criterion: *criterion, theta: theta(u) });
    }
    if let Some(last) = report.history.last() {
        report.theta.clone_from(&last.theta);
        report.criterion = last.criterion;
    }
}

/// Levenberg (1944) and Marquardt (1963) with the damping rule of Nielsen (1999), as an argmin solver.
///
/// Far from the solution a step must lower `Q`. Where the predicted decrease drowns in the rounding of `Q`, a
/// step must shorten the next Gauss-Newton step instead; that is what takes the first-order conditions to zero.
struct LevenbergMarquardt {
    n: f64,
    /// The decrease of `n Q` below which the search ends.
    sufficient: f64,
    damping: f64,
    growth: f64,
    expansion: Option<Expansion>,
    finished: Option<&'static str>,
    accepted: Recorder,
}

/// Below this share of `Q`, a predicted decrease is not visible in `Q` itself.
const ROUNDING: f64 = 1e-9;
/// Damping below which a step is as good as Gauss-Newton's.
const LIGHT: f64 = 0.01;
/// A step this small relative to its parameter is rounding.
const STEP_ROUNDING: f64 = 1e-13;

impl LevenbergMarquardt {
    fn new(n: f64, sufficient: f64, accepted: Recorder) -> Self {
        Self { n, sufficient, damping: 0.0, growth: 2.0, expansion: None, finished: None, accepted }
    }

    fn damped_step(&self, expansion: &Expansion) -> Option<Array1<f64>> {
        let mut curvature: Array2<f64> = expansion.curvature.clone();
        for k in 0..curvature.nrows() {
            curvature[[k, k]] += self.damping * expansion.curvature[[k, k]].max(f64::MIN_POSITIVE);
        }
        let step = Cholesky::factor(curvature.view()).ok()?.solve(expansion.gradient.view()).ok()?;
        step.iter().all(|v| v.is_finite()).then(|| -step)
    }

    fn raise(&mut self) {
        self.damping = if self.damping == 0.0 { 1e-3 } else { self.damping * self.growth };
        self.growth *= 2.0;
        if self.damping > 1e20 {
            self.finished = Some("no step lowers the criterion further");
        }
    }
}

impl Solver<Scaled<'_>, SearchState> for LevenbergMarquardt {
    fn name(&self) -> &str {
        "Levenberg-Marquardt"
    }

    fn init(
        &mut self,
        problem: &mut Problem<Scaled<'_>>,
        mut state: SearchState,
    ) -> Result<(SearchState, Option<KV>), Error> {
        let theta = state.take_param().ok_or_else(|| Error::msg("no starting value"))?;
        let expansion = problem
            .problem("expand_count", |p| Ok(p.criterion.expand(ArrayView1::from(&theta[..]))))?
            .ok_or_else(|| Error::msg("the moments' derivatives are not finite at the start"))?;
        let cost = self.n * expansion.value;
        self.expansion = Some(expansion);
        Ok((state.param(theta).cost(cost), None))
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<Scaled<'_>>,
        mut state: SearchState,
    ) -> Result<(SearchState, Option<KV>), Error> {
        let theta = state.take_param().ok_or_else(|| Error::msg("no iterate"))?;
        let Some(expansion) = self.expansion.take() else {
            return Err(Error::msg("no expansion at the iterate"));
        };
        let here = ArrayView1::from(&theta[..]);
        let Some(step) = self.damped_step(&expansion) else {
            self.raise();
            let cost = self.n * expansion.value;
            self.expansion = Some(expansion);
            return Ok((state.param(theta).cost(cost), None));
        };
        let predicted = -expansion.gradient.dot(&step) - 0.5 * step.dot(&expansion.curvature.dot(&step));
        if self.damping < LIGHT && self.n * predicted < self.sufficient {
            self.finished = Some("converged");
            let cost = self.n * expansion.value;
            self.expansion = Some(expansion);
            return Ok((state.param(theta).cost(cost), None));
        }
        let target = &here + &step;
        let negligible = step.iter().zip(&here).all(|(s, t)| s.abs() <= STEP_ROUNDING * t.abs());
        let trial = problem.problem("expand_count", |p| {
            let (value, mean) = p.criterion.evaluate(target.view());
            let worth = value < expansion.value || predicted <= ROUNDING * expansion.value;
            Ok(if worth { p.criterion.expand_with(target.view(), mean) } else { None })
        })?;
        let accepted = trial.filter(|next| {
            next.value < expansion.value
                || next.step().is_ok_and(|after| {
                    predicted <= ROUNDING * expansion.value
                        && -next.gradient.dot(&after) < -expansion.gradient.dot(&step)
                })
        });
        match accepted {
            Some(next) => {
                let ratio = (expansion.value - next.value) / predicted;
                if ratio < 0.25 && predicted > ROUNDING * expansion.value {
                    self.raise();
                } else {
                    let shrink = (1.0 - (2.0 * ratio - 1.0).powi(3)).max(1.0 / 3.0);
                    self.damping *= if ratio > 0.75 { 0.1 } else { shrink.min(1.0) };
                    self.growth = 2.0;
                    if self.damping < 1e-8 {
                        self.damping = 0.0;
                    }
                }
                if negligible || next.value == 0.0 {
                    self.finished = Some("converged");
                }
                let cost = self.n * next.value;
                self.accepted.push(cost, &target.to_vec());
                self.expansion = Some(next);
                Ok((state.param(target.to_vec()).cost(cost), None))
            }
            None => {
                if negligible || predicted <= ROUNDING * expansion.value && self.damping == 0.0 {
                    self.finished = Some("converged to rounding");
                } else {
                    self.raise();
                }
                let cost = self.n * expansion.value;
                self.expansion = Some(expansion);
                Ok((state.param(theta).cost(cost), None))
            }
        }
    }

    fn terminate(&mut self, _state: &SearchState) -> TerminationStatus {
        match self.finished {
            Some(reason) => TerminationStatus::Terminated(TerminationReason::SolverExit(reason.into())),
            None => TerminationStatus::NotTerminated,
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::gmm::{FirstWeight, MomentCovariance, Steps};

    const N: f64 = 50.0;

    /// Rosenbrock's valley, `(10 (y - x^2))^2 + (1 - x)^2`, or the same without derivatives.
    struct Valley {
        smooth: bool,
    }

    impl Criterion for Valley {
        fn evaluate(&self, theta: ArrayView1<'_, f64>) -> (f64, Option<Array1<f64>>) {
            let (x, y) = (theta[0], theta[1]);
            ((10.0 * (y - x * x)).powi(2) + (1.0 - x).powi(2), None)
        }

        fn expand_with(&self, theta: ArrayView1<'_, f64>, _: Option<Array1<f64>>) -> Option<Expansion> {
            let (x, y) = (theta[0], theta[1]);
            let (gap, jacobian) =
                (array![10.0 * (y - x * x), 1.0 - x], array![[-20.0 * x, 10.0], [-1.0, 0.0]]);
            self.smooth.then(|| Expansion {
                value: gap.dot(&gap),
                gradient: jacobian.t().dot(&gap) * 2.0,
                curvature: jacobian.t().dot(&jacobian) * 2.0,
            })
        }
    }

    fn settings(optimiser: Optimiser, max_iterations: u64) -> Gmm {
        let gmm = Gmm::new(MomentCovariance::heteroskedastic(), FirstWeight::Identity, Steps::One);
        Gmm { optimiser, max_iterations, ..gmm }
    }

    /// Checks that a search went down to the minimum, by iterates that are what they are said to be.
    fn arrived(criterion: &Valley, report: &StartReport, near: f64) {
        for iterate in &report.history {
            let value = N * criterion.value(ArrayView1::from(&iterate.theta));
            assert!((iterate.criterion - value).abs() <= 1e-9 * value.max(1e-12), "{iterate:?} {value}");
        }
        for pair in report.history.windows(2) {
            assert!(pair[1].criterion <= pair[0].criterion + 1e-9, "{pair:?}");
        }
        assert!(report.theta.iter().all(|t| (t - 1.0).abs() < near), "{:?}", report.theta);
        assert_eq!(report.criterion, report.history.last().unwrap().criterion);
    }

    #[test]
    fn every_search_alone_finds_the_bottom_of_a_curved_valley() {
        let smooth = Valley { smooth: true };
        for optimiser in [Optimiser::Bfgs, Optimiser::NelderMead] {
            let start = array![-1.2, 1.0];
            let value = N * smooth.value(start.view());
            let mut report = StartReport::closed_form(value, &start);
            report.history.push(Iterate { criterion: value, theta: start.to_vec() });
            globally(&smooth, N, optimiser, 60, &mut report);
            arrived(&smooth, &report, 1e-3);
            assert!(report.history.len() > 10);
        }
    }

    #[test]
    fn damped_steps_end_at_the_bottom_after_a_few() {
        let smooth = Valley { smooth: true };
        let report = search(&smooth, array![-1.2, 1.0].view(), N, &settings(Optimiser::GaussNewton, 100));
        arrived(&smooth, &report, 1e-12);
        assert!((3..25).contains(&report.history.len()), "{}", report.history.len());
        assert!(report.status.contains("converged"), "{}", report.status);
        let others = search(&smooth, array![-1.2, 1.0].view(), N, &settings(Optimiser::Bfgs, 100));
        arrived(&smooth, &others, 1e-9);
        assert!(others.history.len() != report.history.len());
    }

    #[test]
    fn without_derivatives_only_nelder_mead_moves() {
        let rough = Valley { smooth: false };
        let start = array![-1.2, 1.0];
        let report = search(&rough, start.view(), N, &settings(Optimiser::NelderMead, 60));
        arrived(&rough, &report, 1e-3);
        let report = search(&rough, start.view(), N, &settings(Optimiser::GaussNewton, 60));
        assert_eq!((report.theta.len(), report.history.len()), (2, 1));
        assert!(report.status.contains("not finite at the start"), "{}", report.status);
    }
}
