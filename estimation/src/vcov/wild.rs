//! P-values by wild bootstrap for [`Vcov::Wild`].

use ndarray::{ArrayView1, ArrayView2, Axis, Slice};

use super::Vcov;
use crate::resample::{ScoreBootstrap, ScoreModel, WildInstruments};
use crate::sample::Sample;
use crate::{Categories, Estimates, EstimationError, Regression};

fn failure(error: impl std::fmt::Display) -> EstimationError {
    EstimationError::VcovUnavailable { vcov: "the wild bootstrap".into(), reason: error.to_string() }
}

/// The estimates with p-values by score bootstrap, when `vcov` asks for them. The constant keeps its own; regressors that the
/// estimator set aside stay aside.
pub(crate) fn wild_p_values(
    regression: &Regression,
    model: ScoreModel,
    vcov: &Vcov,
    estimates: Estimates,
) -> Result<Estimates, EstimationError> {
    let Vcov::Wild { by, bootstrap } = vcov else { return Ok(estimates) };
    let kept = regression.keeping(estimates.names());
    let constant = usize::from(regression.has_constant());
    let p_values = estimates
        .table()
        .iter()
        .enumerate()
        .map(|(k, row)| {
            if k < constant {
                return Ok(row.p_value);
            }
            bootstrap.test(&kept, model, &row.name, 0.0, by).map(|test| test.p_value)
        })
        .collect::<Result<Vec<f64>, EstimationError>>()?;
    estimates.with_p_values(p_values, vcov.label())
}

/// A model with one endogenous regressor, the last row of `x`; `z` holds the exogenous rows and then the instruments.
/// All are net of the fixed effects.
pub(crate) struct Instrumented<'a> {
    pub(crate) y: &'a [f64],
    pub(crate) x: ArrayView2<'a, f64>,
    pub(crate) z: ArrayView2<'a, f64>,
    pub(crate) exogenous: usize,
}

impl Instrumented<'_> {
    /// The bootstrap p-value of the endogenous regressor; `plain` says that there is one of them, estimated by two-stage
    /// least squares without weights.
    pub(crate) fn p_value(
        &self,
        by: &Categories,
        bootstrap: &ScoreBootstrap,
        sample: &Sample,
        plain: bool,
    ) -> Result<f64, EstimationError> {
        let clusters = by.select(&sample.rows());
        if !plain || sample.effects.categories().any(|e| !e.nested_in(&clusters)) {
            return Err(failure(
                "with instruments it is for two-stage least squares with one endogenous regressor, without weights, any \
                 fixed effects within the clusters",
            ));
        }
        let head = self.x.slice_axis(Axis(0), Slice::from(..self.exogenous));
        let instruments = self.z.slice_axis(Axis(0), Slice::from(self.exogenous..));
        let ScoreBootstrap { weights, draws, seed } = *bootstrap;
        WildInstruments { weights, draws, seed }
            .test(
                ArrayView1::from(self.y),
                self.x.row(self.exogenous),
                head.t(),
                instruments.t(),
                clusters.codes(),
                0.0,
            )
            .map(|test| test.p_value)
            .map_err(failure)
    }
}

/// The estimates with another p-value for the last coefficient.
pub(crate) fn with_last_p_value(
    estimates: Estimates,
    p_value: f64,
    vcov: &Vcov,
) -> Result<Estimates, EstimationError> {
    let mut p_values: Vec<f64> = estimates.table().iter().map(|row| row.p_value).collect();
    if let Some(last) = p_values.last_mut() {
        *last = p_value;
    }
    let others = p_values.len() > 1;
    let label = if others { format!("{}; exogenous regressors by t", vcov.label()) } else { vcov.label() };
    estimates.with_p_values(p_values, label)
}
