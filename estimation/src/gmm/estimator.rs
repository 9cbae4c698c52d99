use linalg::{Cholesky, LinalgError, SymmetricEigen, matmul};
use ndarray::{Array1, Array2, ArrayView1};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::criterion::{ContinuouslyUpdated, Criterion, FixedWeight, contributions, mean, require_defined};
use super::error::{require, require_finite};
use super::fit::{ConvergenceReport, GmmFit, Stage, StageReport};
use super::moments::columns_dot;
use super::search::{Optimiser, StartReport, search};
use super::{Differentiable, GmmError, MomentCovariance};
use crate::resample::stream;

/// The weight of the first step.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FirstWeight {
    /// `W = I`: depends on the moments' units.
    Identity,
    /// A given positive definite weight, such as [`LinearIv::two_stage_weight`](super::LinearIv::two_stage_weight).
    Given(Array2<f64>),
    /// `W = S(theta_start)^-1`.
    AtStart,
}

/// How often the weight is brought up to date.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Steps {
    /// The first weight is the last.
    One,
    /// Once, at the first step's estimates: efficient.
    Two,
    /// Until the estimates move by less than `tolerance` standard errors.
    Iterated {
        /// Largest number of rounds; running out is an error.
        max_rounds: usize,
        /// Largest change of a parameter, in its standard errors.
        tolerance: f64,
    },
    /// With every evaluation: `min g' S(theta)^-1 g`. Starts also from the two-step estimates.
    ContinuouslyUpdated,
}

impl Steps {
    /// Iterated with at most 200 rounds, to `1e-8` standard errors.
    pub fn iterated() -> Self {
        Self::Iterated { max_rounds: 200, tolerance: 1e-8 }
    }
}

/// How the covariance of the estimates is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CovarianceOfEstimates {
    /// `(G'WG)^-1 G'W S W G (G'WG)^-1 / n`, with `S` at the final estimates: right for any weight.
    Sandwich,
    /// Two-step with the finite-sample correction of Windmeijer (2005) for the estimated weight. The second
    /// derivatives of the moments are taken as zero, which is exact for linear moments.
    Windmeijer,
}

/// Extra starting values, drawn around the given ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Restarts {
    /// How many.
    pub count: usize,
    /// Standard deviation of the normal draw relative to `max(|start|, 1)`.
    pub spread: f64,
    /// Seed; the k-th restart depends on nothing else.
    pub seed: u64,
}

/// A GMM estimator: `theta = argmin g(theta)' W g(theta)`, Hansen (1982).
///
/// The dependence between observations, the weight, the number of steps and the covariance of the estimates
/// are the caller's to spell out.
#[derive(Debug, Clone)]
pub struct Gmm {
    /// Covariance of the moments, for efficient weights and for inference.
    pub moment_covariance: MomentCovariance,
    /// Weight of the first step.
    pub first_weight: FirstWeight,
    /// How often the weight is brought up to date.
    pub steps: Steps,
    /// Covariance of the estimates.
    pub covariance: CovarianceOfEstimates,
    /// The search.
    pub optimiser: Optimiser,
    /// Extra starting values.
    pub restarts: Option<Restarts>,
    /// Iterations of one search.
    pub max_iterations: u64,
    /// Longest Gauss-Newton step, in standard errors, at which the first-order conditions count as met.
    pub tolerance: f64,
    /// What a further Gauss-Newton step would have to take off `n Q` for the search to go on: with an efficient weight the
    /// square of the step in standard errors. Zero, the default, searches to rounding; where an evaluation is a model's
    /// equilibrium something like `1e-9` saves most of them. `tolerance` must allow for what is left, about its square root.
    pub sufficient: f64,
}

impl Gmm {
    /// An estimator with the sandwich covariance, Gauss-Newton search and no restarts.
    pub fn new(moment_covariance: MomentCovariance, first_weight: FirstWeight, steps: Steps) -> Self {
        Self {
            moment_covariance,
            first_weight,
            steps,
            covariance: CovarianceOfEstimates::Sandwich,
            optimiser: Optimiser::default(),
            restarts: None,
            max_iterations: 500,
            tolerance: 1e-6,
            sufficient: 0.0,
        }
    }

    /// Chooses the covariance of the estimates.
    #[must_use]
    pub fn covariance(mut self, covariance: CovarianceOfEstimates) -> Self {
        self.covariance = covariance;
        self
    }

    /// Chooses the search.
    #[must_use]
    pub fn optimiser(mut self, optimiser: Optimiser) -> Self {
        self.optimiser = optimiser;
        self
    }

    /// Adds starting values drawn around the given ones.
    #[must_use]
    pub fn restarts(mut self, restarts: Restarts) -> Self {
        self.restarts = Some(restarts);
        self
    }

    /// Estimates from one starting value (and the restarts around it).
    ///
    /// # Errors
    /// See [`GmmError`]. Not converging is [`GmmError::NotConverged`] with the whole history.
    pub fn fit<M: Differentiable>(
        &self,
        moments: &M,
        start: ArrayView1<'_, f64>,
    ) -> Result<GmmFit, GmmError> {
        self.fit_from(moments, &[start.to_owned()])
    }

    /// Estimates from several starting values (and the restarts around each).
    ///
    /// # Errors
    /// See [`GmmError`].
    pub fn fit_from<M: Differentiable>(
        &self,
        moments: &M,
        starts: &[Array1<f64>],
    ) -> Result<GmmFit, GmmError> {
        self.check(moments, starts)?;
        let first =
            starts.first().ok_or(GmmError::TooFew { what: "starting values", needed: 1, found: 0 })?;
        let starts = self.with_restarts(starts);
        let mut report = ConvergenceReport { stages: Vec::new() };

        let weight = match &self.first_weight {
            FirstWeight::Identity => Array2::eye(moments.moments()),
            FirstWeight::Given(weight) => weight.clone(),
            FirstWeight::AtStart => self.efficient_weight(moments, first.view())?,
        };
        let mut point = self.stage(moments, Some(&weight), &starts, Stage::First, &mut report)?;
        let mut weight = weight;
        let first_step = point.clone();
        match self.steps {
            Steps::One => {}
            Steps::Two => {
                weight = invert_covariance(&point.moment_covariance)?;
                let from = [point.theta.clone()];
                point = self.stage(moments, Some(&weight), &from, Stage::Second, &mut report)?;
            }
            Steps::Iterated { max_rounds, tolerance } => {
                let mut change = f64::INFINITY;
                for round in 1..=max_rounds {
                    weight = invert_covariance(&point.moment_covariance)?;
                    let from = [point.theta.clone()];
                    let next =
                        self.stage(moments, Some(&weight), &from, Stage::Iteration(round), &mut report)?;
                    change = largest_ratio(&(&next.theta - &point.theta), &next.standard_errors());
                    point = next;
                    if change <= tolerance {
                        break;
                    }
                }
                if change.is_nan() || change > tolerance {
                    return Err(GmmError::WeightNotConverged {
                        iterations: max_rounds,
                        change,
                        report: Box::new(report),
                    });
                }
            }
            Steps::ContinuouslyUpdated => {
                weight = invert_covariance(&point.moment_covariance)?;
                let from = [point.theta.clone()];
                point = self.stage(moments, Some(&weight), &from, Stage::Second, &mut report)?;
                let mut starts = starts.clone();
                starts.insert(0, point.theta.clone());
                point = self.stage(moments, None, &starts, Stage::ContinuouslyUpdated, &mut report)?;
                weight = invert_covariance(&point.moment_covariance)?;
            }
        }
        let covariance = match self.covariance {
            CovarianceOfEstimates::Sandwich => point.covariance.clone(),
            CovarianceOfEstimates::Windmeijer => self.windmeijer(moments, &weight, &first_step, &point)?,
        };
        Ok(GmmFit::assemble(self, moments, point, weight, covariance, report))
    }

    fn check<M: Differentiable>(&self, moments: &M, starts: &[Array1<f64>]) -> Result<(), GmmError> {
        let (n, q, p) = (moments.observations(), moments.moments(), moments.parameters());
        if n == 0 || p == 0 {
            return Err(GmmError::TooFew { what: "observations and parameters", needed: 1, found: 0 });
        }
        if q < p {
            return Err(GmmError::Underidentified { moments: q, parameters: p });
        }
        self.moment_covariance.check(n, q)?;
        let mut tolerances = vec![("tolerance", self.tolerance)];
        if let Steps::Iterated { tolerance, .. } = self.steps {
            tolerances.push(("tolerance of the iterated weight", tolerance));
        }
        if let Some((setting, value)) = tolerances.into_iter().find(|(_, t)| t.is_nan() || *t <= 0.0) {
            let problem = format!("it is {value}: give a positive number of standard errors, such as 1e-6");
            return Err(GmmError::Setting { setting, problem });
        }
        if self.sufficient.is_nan() || self.sufficient < 0.0 {
            return Err(GmmError::Setting {
                setting: "sufficient",
                problem: format!("it is {}: give zero or a small decrease of the criterion", self.sufficient),
            });
        }
        for start in starts {
            require("starting value", p, start.len())?;
            require_finite("starting value", start)?;
        }
        if let FirstWeight::Given(weight) = &self.first_weight {
            require("rows of the first weight", q, weight.nrows())?;
            require("columns of the first weight", q, weight.ncols())?;
            Cholesky::factor(weight.view())?;
        }
        if self.covariance == CovarianceOfEstimates::Windmeijer && self.steps != Steps::Two {
            return Err(GmmError::Setting {
                setting: "covariance",
                problem: "Windmeijer's correction is for the two-step estimator; use Steps::Two".into(),
            });
        }
        match starts.first() {
            Some(start) => require_defined(moments, start.view()),
            None => Ok(()),
        }
    }

    fn with_restarts(&self, starts: &[Array1<f64>]) -> Vec<Array1<f64>> {
        let mut all = starts.to_vec();
        if let Some(restarts) = self.restarts {
            for k in 0..restarts.count {
                let mut rng = stream(restarts.seed, k as u64);
                let draw = |rng: &mut _| -> f64 { StandardNormal.sample(rng) };
                let around = &starts[k % starts.len()];
                all.push(around.mapv(|v| v + restarts.spread * v.abs().max(1.0) * draw(&mut rng)));
            }
        }
        all
    }

    /// `S(theta)^-1`.
    pub(super) fn efficient_weight<M: Differentiable>(
        &self,
        moments: &M,
        theta: ArrayView1<'_, f64>,
    ) -> Result<Array2<f64>, GmmError> {
        let prepared = self.moment_covariance.prepare(contributions(moments, theta));
        invert_covariance(&self.moment_covariance.form(prepared.view())?)
    }

    /// One minimisation; `weight` is `None` for the continuously updated criterion.
    fn stage<M: Differentiable>(
        &self,
        moments: &M,
        weight: Option<&Array2<f64>>,
        starts: &[Array1<f64>],
        stage: Stage,
        report: &mut ConvergenceReport,
    ) -> Result<Point, GmmError> {
        let n = moments.observations() as f64;
        let fixed = weight.map(|weight| FixedWeight { moments, weight });
        let updated = ContinuouslyUpdated { moments, covariance: &self.moment_covariance };
        let criterion: &dyn Criterion = match &fixed {
            Some(fixed) => fixed,
            None => &updated,
        };
        let run = |start: &Array1<f64>| {
            let mut run = match weight.and_then(|weight| moments.closed_form(weight)) {
                Some(theta) => StartReport::closed_form(n * criterion.value(theta.view()), &theta),
                None => search(criterion, start.view(), n, self),
            };
            let end = self.judge(moments, weight, criterion, &run);
            run.residual = end.as_ref().map_or(f64::INFINITY, |(_, residual)| *residual);
            (run, end.map(|(point, _)| point))
        };
        let (runs, ends): (Vec<StartReport>, Vec<Result<Point, GmmError>>) =
            starts.par_iter().map(run).unzip();
        // Only a start that meets the first-order conditions can win, however low the criterion elsewhere.
        let missed = |residual: f64| residual.is_nan() || residual > self.tolerance;
        let rank = |run: &StartReport| (missed(run.residual), run.criterion, run.residual);
        let best = (0..runs.len()).min_by(|a, b| {
            let ((fa, ca, ra), (fb, cb, rb)) = (rank(&runs[*a]), rank(&runs[*b]));
            fa.cmp(&fb).then(ca.total_cmp(&cb)).then(ra.total_cmp(&rb))
        });
        let Some((best, end)) = best.and_then(|k| ends.into_iter().nth(k).map(|end| (k, end))) else {
            return Err(GmmError::TooFew { what: "starting values", needed: 1, found: 0 });
        };
        let errors = end.as_ref().ok().map(Point::standard_errors);
        let summary = StageReport::new(stage, best, runs, errors.as_ref());
        let residual = summary.residual;
        report.stages.push(summary);
        let point = end?;
        if missed(residual) {
            return Err(GmmError::NotConverged {
                residual,
                tolerance: self.tolerance,
                report: Box::new(report.clone()),
            });
        }
        Ok(point)
    }

    /// The problem where a run ended, with the residual of its first-order conditions in standard errors.
    fn judge<M: Differentiable>(
        &self,
        moments: &M,
        weight: Option<&Array2<f64>>,
        criterion: &dyn Criterion,
        run: &StartReport,
    ) -> Result<(Point, f64), GmmError> {
        let theta = Array1::from_vec(run.theta.clone());
        if !run.criterion.is_finite() {
            require_defined(moments, theta.view())?;
        }
        let updated;
        let weight = match weight {
            Some(weight) => weight,
            None => {
                updated = self.efficient_weight(moments, theta.view())?;
                &updated
            }
        };
        let point = Point::at(moments, &self.moment_covariance, weight, theta)?;
        let expansion = criterion.expand_known(point.theta.view(), &point.mean, &point.jacobian);
        let residual = match expansion.map(|e| e.step()) {
            Some(Ok(step)) => {
                let scale = Array1::from_shape_fn(step.len(), |k| {
                    let rounding = 1e-9 * point.theta[k].abs();
                    point.covariance[[k, k]].max(0.0).sqrt().max(rounding).max(f64::MIN_POSITIVE)
                });
                largest_ratio(&step, &scale)
            }
            _ => f64::INFINITY,
        };
        Ok((point, residual))
    }

    /// `V2 + D V2 + V2 D' + D V1 D'`, Windmeijer (2005, equation 3.3), with
    /// `D_k = (G'WG)^-1 G'W (dS/dtheta_k) W g`, how the second step moves with the first; `S` and its derivative
    /// are at the first step's estimates.
    fn windmeijer<M: Differentiable>(
        &self,
        moments: &M,
        weight: &Array2<f64>,
        first: &Point,
        second: &Point,
    ) -> Result<Array2<f64>, GmmError> {
        let n = moments.observations() as f64;
        let p = moments.parameters();
        let covariance = &self.moment_covariance;
        let prepared = covariance.prepare(contributions(moments, first.theta.view()));
        let spread = covariance.spread(prepared.view());
        let gw = matmul(second.jacobian.t(), weight.view())?;
        let bread = Cholesky::well_conditioned(matmul(gw.view(), second.jacobian.view())?.view())?;
        let lambda = weight.dot(&second.mean);
        let along = spread.dot(&lambda);
        let mut d = Array2::zeros((p, p));
        for k in 0..p {
            let (mut by_moment, mut by_row) =
                moments.derivative_products(first.theta.view(), k, along.view(), lambda.view());
            if covariance.is_centred() {
                let mean = first.jacobian.column(k);
                by_moment.scaled_add(-along.sum(), &mean);
                by_row -= mean.dot(&lambda);
            }
            let change = (by_moment + columns_dot(&spread, by_row.view())) / n;
            d.column_mut(k).assign(&bread.solve(gw.dot(&change).view())?);
        }
        let v2 = bread.inverse()? / n;
        let dv2 = matmul(d.view(), v2.view())?;
        let dv1d = matmul(matmul(d.view(), first.covariance.view())?.view(), d.t())?;
        Ok(&v2 + &dv2 + dv2.t() + dv1d)
    }
}

/// The problem evaluated at a parameter vector.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) theta: Array1<f64>,
    pub(super) mean: Array1<f64>,
    pub(super) jacobian: Array2<f64>,
    pub(super) moment_covariance: Array2<f64>,
    /// The sandwich covariance of the estimates.
    pub(super) covariance: Array2<f64>,
}

impl Point {
    pub(super) fn at<M: Differentiable>(
        moments: &M,
        covariance: &MomentCovariance,
        weight: &Array2<f64>,
        theta: Array1<f64>,
    ) -> Result<Self, GmmError> {
        let n = moments.observations() as f64;
        let m = contributions(moments, theta.view());
        let g = mean(&m);
        let s = covariance.form(covariance.prepare(m).view())?;
        let jacobian = moments.mean_jacobian(theta.view());
        let gw = matmul(jacobian.t(), weight.view())?;
        let information = matmul(gw.view(), jacobian.view())?;
        let bread = identified(&information, &moments.parameter_names())?;
        let solved = bread.solve_many(gw.view())?;
        let v = matmul(matmul(solved.view(), s.view())?.view(), solved.t())? / n;
        let v = (&v + &v.t()) / 2.0;
        Ok(Self { theta, mean: g, jacobian, moment_covariance: s, covariance: v })
    }

    pub(super) fn standard_errors(&self) -> Array1<f64> {
        self.covariance.diag().mapv(|v| v.max(0.0).sqrt())
    }
}

/// Factors `G'WG`, or names the direction it does not see.
fn identified(information: &Array2<f64>, names: &[String]) -> Result<Cholesky, GmmError> {
    let scale = information.diag().mapv(|v| if v > 0.0 { v.sqrt().recip() } else { 0.0 });
    let scaled = Array2::from_shape_fn(information.dim(), |(j, k)| information[[j, k]] * scale[j] * scale[k]);
    let spectrum = SymmetricEigen::new(scaled.view())?;
    let smallest = spectrum.values.first().copied().unwrap_or(0.0);
    if scale.iter().all(|s| *s > 0.0) && smallest > 1e-13 {
        return Ok(Cholesky::factor(information.view())?);
    }
    let direction = match scale.iter().position(|s| *s == 0.0) {
        Some(k) => names.get(k).cloned().unwrap_or_default(),
        None => {
            let vector = spectrum.vectors.column(0);
            let mut order: Vec<usize> = (0..vector.len()).filter(|k| vector[*k].abs() > 0.05).collect();
            order.sort_by(|a, b| vector[*b].abs().total_cmp(&vector[*a].abs()));
            let terms: Vec<String> = order
                .iter()
                .take(5)
                .map(|k| format!("{:+.2} {}", vector[*k], names.get(*k).map_or("", String::as_str)))
                .collect();
            terms.join(" ")
        }
    };
    Err(GmmError::NotIdentified { direction })
}

/// Inverts a moment covariance, refusing one that is singular to rounding.
pub(super) fn invert_covariance(s: &Array2<f64>) -> Result<Array2<f64>, GmmError> {
    invert(s)?.ok_or(GmmError::SingularMomentCovariance { moments: s.nrows() })
}

/// The inverse of a positive definite matrix, `None` if that is singular to rounding.
pub(crate) fn invert(s: &Array2<f64>) -> Result<Option<Array2<f64>>, LinalgError> {
    match Cholesky::well_conditioned(s.view()) {
        Ok(factor) => Ok(Some(factor.inverse()?)),
        Err(LinalgError::NotPositiveDefinite { .. } | LinalgError::IllConditioned { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// NaN when one of the ratios is.
fn largest_ratio(change: &Array1<f64>, scale: &Array1<f64>) -> f64 {
    let ratios = change.iter().zip(scale).map(|(c, s)| if *c == 0.0 { 0.0 } else { c.abs() / s });
    ratios.fold(0.0, |largest, ratio| if ratio.is_nan() || ratio > largest { ratio } else { largest })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn what_moments_do_not_see_is_a_direction_whatever_the_units() {
        let names = ["a", "b", "c"].map(String::from);
        let in_units = |correlation: f64| {
            let scale = array![1e4, 1.0, 1e-5];
            let core = array![[1.0, 0.0, correlation], [0.0, 1.0, 0.0], [correlation, 0.0, 1.0]];
            Array2::from_shape_fn((3, 3), |(j, k)| core[[j, k]] * scale[j] * scale[k])
        };
        assert!(identified(&in_units(0.5), &names).is_ok());
        assert!(identified(&in_units(1.0 - 1e-10), &names).is_ok());
        let Err(GmmError::NotIdentified { direction }) = identified(&in_units(1.0 - 1e-15), &names) else {
            panic!("identified")
        };
        assert!(
            ["+0.71 a -0.71 c", "-0.71 a +0.71 c", "+0.71 c -0.71 a", "-0.71 c +0.71 a"]
                .contains(&direction.as_str()),
            "{direction}"
        );
    }

    #[test]
    fn a_change_is_measured_by_its_largest_share() {
        assert_eq!(largest_ratio(&array![3.0, -8.0, 0.0], &array![2.0, 4.0, 0.0]), 2.0);
        assert_eq!(largest_ratio(&array![0.5], &array![2.0]), 0.25);
        assert!(largest_ratio(&array![0.5, f64::NAN, 1.0], &array![2.0, 1.0, 1.0]).is_nan());
    }
}
