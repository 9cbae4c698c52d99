use ndarray::Axis;
use rayon::prelude::*;

use super::error::share_as_large;
use super::{ResampleError, WildWeights};
use crate::absorb::Absorber;
use crate::columns::rows_mut;
use crate::poisson::{Null, PoissonSettings, null_model};
use crate::sample::{Purpose, Sample};
use crate::solve::{Kept, least_squares, residual, variation};
use crate::vcov::group_totals;
use crate::{Categories, EstimationError, Regression};

/// How closely fixed effects are taken out of scores.
const DEMEAN_TOLERANCE: f64 = 1e-8;

/// The score bootstrap of Kline and Santos (2012): the wild bootstrap for estimators that need not be run again in
/// every draw, Poisson with fixed effects among them.
///
/// The model is estimated once, under the null. The score of the tested coefficient, net of the other regressors and
/// the fixed effects, is added up by cluster, `s_g`; under the null its sum is noise. The statistic is
/// `T = sum s_g / sqrt(sum (s_g - mean)^2)`, and a draw multiplies each `s_g` by a weight of mean zero and variance
/// one. A draw costs `G` operations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreBootstrap {
    /// Distribution of the weights.
    pub weights: WildWeights,
    /// Draws. `alpha (draws + 1)` should be an integer: 999 or 9,999.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
}

/// Which estimator's scores to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScoreModel {
    /// [`Regression::ols`].
    LeastSquares,
    /// [`Regression::poisson`].
    Poisson,
}

/// The result of a score bootstrap test.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreTest {
    /// The statistic of the sample.
    pub statistic: f64,
    /// Share of draws at least as large in absolute value.
    pub p_value: f64,
    /// The number of clusters.
    pub clusters: usize,
    /// The statistics of the draws, in their order.
    pub draws: Vec<f64>,
    /// Whether all combinations of Rademacher weights were used.
    pub enumerated: bool,
}

impl ScoreBootstrap {
    /// Tests that the coefficient `name` has the value `value`, clustering by `clusters`. Collinear regressors are set aside.
    ///
    /// # Errors
    /// Those of the estimator, [`EstimationError::Instruments`] with endogenous regressors,
    /// [`EstimationError::UnknownCoefficient`], [`EstimationError::Hypothesis`] for a value that is not finite,
    /// [`EstimationError::TooFewClusters`], and [`EstimationError::NothingIdentified`] when other regressors span the tested one
    /// (for least squares: those before it).
    pub fn test(
        &self,
        regression: &Regression,
        model: ScoreModel,
        name: &str,
        value: f64,
        clusters: &Categories,
    ) -> Result<ScoreTest, EstimationError> {
        if !regression.endogenous_names.is_empty() {
            let names = regression.endogenous_names.join(", ");
            let reason =
                format!("{names} is endogenous, and the score bootstrap takes none; use WildInstruments");
            return Err(EstimationError::Instruments { reason });
        }
        if !value.is_finite() {
            let reason = format!("the value of {name} is {value}; it must be finite");
            return Err(EstimationError::Hypothesis { reason });
        }
        let null = match model {
            ScoreModel::LeastSquares => linear_null(regression, name, value)?,
            ScoreModel::Poisson => null_model(regression, &PoissonSettings::default(), name, value)?,
        };
        if clusters.len() != null.all_rows {
            let (expected, found) = (null.all_rows, clusters.len());
            return Err(EstimationError::Length { what: clusters.name().into(), expected, found });
        }
        let groups = clusters.select(&null.rows);
        if groups.count() < 2 {
            return Err(EstimationError::TooFewClusters {
                variable: groups.name().into(),
                count: groups.count(),
            });
        }
        self.of_scores(&group_totals(&null.scores, &groups)).map_err(|error| EstimationError::Hypothesis {
            reason: format!("the score of {name} cannot be bootstrapped: {error}"),
        })
    }

    /// Tests that scores by cluster add up to zero but for noise.
    ///
    /// # Errors
    /// [`ResampleError::TooFew`] clusters or draws; [`ResampleError::NoVariation`].
    pub fn of_scores(&self, scores: &[f64]) -> Result<ScoreTest, ResampleError> {
        let clusters = scores.len();
        for (what, needed, found) in [("clusters", 2, clusters), ("draws", 1, self.draws)] {
            if found < needed {
                return Err(ResampleError::TooFew { what, needed, found });
            }
        }
        let statistic = studentised(scores.iter().copied(), clusters);
        if !statistic.is_finite() {
            return Err(ResampleError::NoVariation);
        }
        let (draws, enumerated) = self.weights.plan(clusters, self.draws);
        let draws: Vec<f64> = (0..draws)
            .into_par_iter()
            .map(|draw| {
                let v = self.weights.draw(self.seed, clusters, draw, enumerated);
                studentised(scores.iter().zip(&v).map(|(s, v)| s * v), clusters)
            })
            .collect();
        let p_value = share_as_large(&draws, statistic);
        Ok(ScoreTest { statistic, p_value, clusters, draws, enumerated })
    }
}

fn studentised(scores: impl Iterator<Item = f64>, clusters: usize) -> f64 {
    let (sum, squares) = scores.fold((0.0, 0.0), |(sum, squares), s| (sum + s, squares + s * s));
    sum / (squares - sum * sum / clusters as f64).max(0.0).sqrt()
}

/// Scores of the tested coefficient in the linear model with its value imposed.
fn linear_null(regression: &Regression, name: &str, value: f64) -> Result<Null, EstimationError> {
    let tested = regression.position(name)?;
    let mut sample = Sample::new(regression, Purpose::Linear)?;
    let weights = sample.weights.values();
    let tested = tested + usize::from(sample.constant);
    let scale = variation(sample.x.view(), weights, !sample.effects.levels.is_empty());
    sample.y.iter_mut().zip(sample.x.row(tested)).for_each(|(y, x)| *y -= value * x);
    let mut absorber = Absorber::new(&sample.effects, 1 + sample.x.nrows());
    let mut variables = rows_mut(&mut sample.x);
    variables.push(&mut sample.y);
    absorber.weighted(weights).demean(&mut variables, DEMEAN_TOLERANCE)?;
    let kept = Kept::among(sample.x.view(), &sample.names, weights, &scale, sample.constant)?;
    if !kept.index.contains(&tested) {
        return Err(EstimationError::NothingIdentified { dropped: name.into() });
    }
    let rest: Vec<usize> = kept.index.into_iter().filter(|&j| j != tested).collect();
    let others = sample.x.select(Axis(0), &rest);
    let own = residual(others.view(), sample.x.row(tested).to_vec(), weights, name)?;
    let (rows, all_rows) = (sample.rows(), sample.all_rows());
    let left = match others.nrows() {
        0 => sample.y,
        _ => least_squares(others.view(), &sample.y, weights)?.residuals,
    };
    let scores =
        own.iter().zip(&left).enumerate().map(|(i, (x, u))| weights.map_or(1.0, |w| w[i]) * x * u).collect();
    Ok(Null { scores, rows, all_rows })
}
