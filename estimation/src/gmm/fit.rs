use linalg::{SymmetricEigen, matmul};
use ndarray::{Array1, Array2};
use serde::Serialize;

use super::estimator::Point;
use super::search::StartReport;
use super::{CovarianceOfEstimates, Differentiable, Gmm, GmmError, Steps};
use crate::statistic::TestStatistic;

/// Which minimisation of an estimation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Stage {
    /// With the first weight.
    First,
    /// With the weight of the first step's estimates.
    Second,
    /// A round of the iterated estimator.
    Iteration(usize),
    /// The continuously updated criterion.
    ContinuouslyUpdated,
}

/// How one minimisation went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageReport {
    /// Which minimisation.
    pub stage: Stage,
    /// `n Q` at the chosen point: the lowest among the starts that meet the first-order conditions.
    pub criterion: f64,
    /// Residual of the first-order conditions there: the largest entry of the next Gauss-Newton step in
    /// standard errors.
    pub residual: f64,
    /// Every starting value with its history.
    pub starts: Vec<StartReport>,
    /// How many starts ended within a hundredth of a standard error of the chosen point.
    pub agreeing: usize,
    /// The lowest `n Q` that some start reached below the chosen one without meeting the first-order
    /// conditions: the criterion may fall towards the edge of the parameter space, as the continuously updated
    /// one is known to (Hansen, Heaton and Yaron 1996, section 4).
    pub lower_elsewhere: Option<f64>,
}

impl StageReport {
    /// `errors` are the standard errors at the chosen start's end, if they exist.
    pub(super) fn new(
        stage: Stage,
        chosen: usize,
        starts: Vec<StartReport>,
        errors: Option<&Array1<f64>>,
    ) -> Self {
        let (criterion, residual) =
            starts.get(chosen).map_or((f64::INFINITY, f64::INFINITY), |run| (run.criterion, run.residual));
        let near = |run: &&StartReport| {
            let close = |((t, b), e): ((&f64, &f64), &f64)| (t - b).abs() <= 0.01 * e + 1e-9 * b.abs();
            errors.is_some_and(|e| run.theta.iter().zip(&starts[chosen].theta).zip(e).all(close))
        };
        let agreeing = starts.iter().filter(near).count();
        let lowest = starts.iter().map(|run| run.criterion).fold(f64::INFINITY, f64::min);
        let lower_elsewhere = (lowest < criterion - 1e-6 * criterion.abs()).then_some(lowest);
        Self { stage, criterion, residual, starts, agreeing, lower_elsewhere }
    }
}

/// How an estimation went: every minimisation, in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConvergenceReport {
    /// The minimisations.
    pub stages: Vec<StageReport>,
}

impl ConvergenceReport {
    /// The residual of the last stage's first-order conditions, in standard errors.
    pub fn residual(&self) -> f64 {
        self.stages.last().map_or(f64::INFINITY, |stage| stage.residual)
    }
}

/// A GMM estimate.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GmmFit {
    /// The estimates, `[p]`.
    pub theta: Array1<f64>,
    /// Their covariance, `[p, p]`.
    pub covariance: Array2<f64>,
    /// Names of the parameters.
    pub names: Vec<String>,
    /// Names of the moments.
    pub moment_names: Vec<String>,
    /// Mean moments `g` at the estimates, `[q]`.
    pub moments: Array1<f64>,
    /// Mean Jacobian `G` at the estimates, `[q, p]`.
    pub jacobian: Array2<f64>,
    /// Covariance `S` of `sqrt(n) g` at the estimates, `[q, q]`.
    pub moment_covariance: Array2<f64>,
    /// The weight `W` that gave the estimates, `[q, q]`.
    pub weight: Array2<f64>,
    /// Number of observations.
    pub observations: usize,
    /// The estimator's steps.
    pub steps: Steps,
    /// What the dependence between observations and the covariance were, in words.
    pub inference: String,
    /// How the searches went.
    pub report: ConvergenceReport,
}

impl GmmFit {
    pub(super) fn assemble<M: Differentiable>(
        gmm: &Gmm,
        moments: &M,
        point: Point,
        weight: Array2<f64>,
        covariance: Array2<f64>,
        report: ConvergenceReport,
    ) -> Self {
        let correction = match gmm.covariance {
            CovarianceOfEstimates::Sandwich => "sandwich",
            CovarianceOfEstimates::Windmeijer => "Windmeijer-corrected",
        };
        Self {
            theta: point.theta,
            covariance,
            names: moments.parameter_names(),
            moment_names: moments.moment_names(),
            moments: point.mean,
            jacobian: point.jacobian,
            moment_covariance: point.moment_covariance,
            weight,
            observations: moments.observations(),
            steps: gmm.steps,
            inference: format!("{}, {correction}", gmm.moment_covariance.describe()),
            report,
        }
    }

    /// Standard errors, `[p]`.
    pub fn standard_errors(&self) -> Array1<f64> {
        self.covariance.diag().mapv(|v| v.max(0.0).sqrt())
    }

    /// `n g' W g`.
    pub fn criterion(&self) -> f64 {
        self.observations as f64 * self.moments.dot(&self.weight.dot(&self.moments))
    }

    /// Degree of over-identification, `q - p`.
    pub fn overidentification(&self) -> usize {
        self.moments.len() - self.theta.len()
    }

    /// Hansen's (1982) test that all moments hold; `None` when just identified.
    ///
    /// With an efficient weight this is `J = n g' W g`. After a single step it is
    /// `n g' (M S M')^+ g`, `M = I - G (G'WG)^-1 G'W` (Newey 1985): both are chi-squared with `q - p` degrees of
    /// freedom.
    ///
    /// # Errors
    /// [`GmmError::Linalg`] when a decomposition fails.
    pub fn hansen(&self) -> Result<Option<TestStatistic>, GmmError> {
        let df = self.overidentification();
        if df == 0 {
            return Ok(None);
        }
        if self.steps != Steps::One {
            return Ok(Some(TestStatistic::chi_squared(self.criterion(), df)));
        }
        let n = self.observations as f64;
        let gw = matmul(self.jacobian.t(), self.weight.view())?;
        let bread = linalg::Cholesky::well_conditioned(matmul(gw.view(), self.jacobian.view())?.view())?;
        let projection = matmul(self.jacobian.view(), bread.solve_many(gw.view())?.view())?;
        let maker = Array2::<f64>::eye(self.moments.len()) - projection;
        let v = matmul(matmul(maker.view(), self.moment_covariance.view())?.view(), maker.t())?;
        // The rank is known, so the inverse runs over the q - p largest eigenvalues, whatever their size.
        let spectrum = SymmetricEigen::new(v.view())?;
        let statistic: f64 = (self.theta.len()..self.moments.len())
            .map(|k| spectrum.vectors.column(k).dot(&self.moments).powi(2) / spectrum.values[k])
            .sum();
        Ok(Some(TestStatistic::chi_squared(n * statistic, df)))
    }
}
