use std::fmt;

use linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};

use crate::gmm::MomentCovariance;
use crate::identification::FirstStage;
use crate::statistic::TestStatistic;
use crate::{Categories, EstimationError, Vcov};

/// What the instruments of a fit are worth, under the dependence that its variance estimator stands for; with
/// [`Vcov::Classical`] under heteroskedasticity, which costs little and claims less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InstrumentTests {
    /// Kleibergen and Paap's (2006) LM test that the coefficients are not identified.
    pub underidentification: TestStatistic,
    /// Their F: the robust first-stage F when one regressor is endogenous.
    pub first_stage_f: f64,
    /// Montiel Olea and Pflueger's (2013) effective F, for one endogenous regressor. Above 23.1 the worst-case bias of
    /// two-stage least squares is below a tenth of its benchmark whatever the errors; for exact critical values see
    /// [`FirstStage::effective_f`].
    pub effective_f: Option<f64>,
    /// Hansen's (1982) J of the efficient two-step estimate, when there are more instruments than endogenous regressors. Its
    /// weight comes from the residuals of the fit; for [`KClass::Ols`](crate::KClass::Ols) and
    /// [`KClass::Fixed`](crate::KClass::Fixed), which need not be consistent, from those of two-stage least squares.
    pub over_identification: Option<TestStatistic>,
}

impl fmt::Display for InstrumentTests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\nunderidentification (Kleibergen-Paap LM): {}", self.underidentification)?;
        write!(f, "\nfirst-stage F (Kleibergen-Paap): {:.3}", self.first_stage_f)?;
        if let Some(effective) = self.effective_f {
            write!(f, ", effective F (Montiel Olea-Pflueger): {effective:.3}")?;
        }
        match self.over_identification {
            Some(hansen) => write!(f, "\nover-identification (Hansen J): {hansen}"),
            None => Ok(()),
        }
    }
}

/// The equation, all variables net of the fixed effects: `x` holds `exogenous` rows and then the endogenous ones, `z`
/// the same exogenous rows and then the instruments.
pub(super) struct Equation<'a> {
    pub(super) y: &'a [f64],
    pub(super) x: ArrayView2<'a, f64>,
    pub(super) z: ArrayView2<'a, f64>,
    pub(super) exogenous: usize,
    /// Parameters that the effects use up.
    pub(super) absorbed: usize,
}

impl Equation<'_> {
    /// Nothing when the variance is of a kind without such tests here (leverage, time, space), with frequency weights,
    /// or when the moments' covariance is singular. `clusters` are those of the variance on the rows used.
    pub(super) fn tests(
        &self,
        vcov: &Vcov,
        clusters: &[Categories],
        weights: Option<&[f64]>,
        residuals: &[f64],
    ) -> Result<Option<InstrumentTests>, EstimationError> {
        let covariance = match (vcov, clusters) {
            (Vcov::Classical | Vcov::Hc0 | Vcov::Hc1, _) => MomentCovariance::heteroskedastic(),
            (_, [one]) => MomentCovariance::clustered(one.codes()),
            (_, [a, b]) => match MomentCovariance::two_way(a.codes(), b.codes()) {
                Ok(covariance) => covariance,
                Err(_) => return Ok(None),
            },
            _ => return Ok(None),
        };
        let root: Option<Vec<f64>> = weights.map(|w| w.iter().map(|w| w.sqrt()).collect());
        let columns = |a: ArrayView2<'_, f64>, from: usize, to: usize| {
            let rows = a.slice_axis(Axis(0), Slice::from(from..to));
            let mut out = rows.t().to_owned();
            if let Some(root) = &root {
                out.rows_mut().into_iter().zip(root).for_each(|(mut row, r)| row *= *r);
            }
            out
        };
        let x = columns(self.x, self.exogenous, self.x.nrows());
        let z = columns(self.z, self.exogenous, self.z.nrows());
        let exogenous = columns(self.x, 0, self.exogenous);
        let Ok(stage) = FirstStage::new(x.view(), z.view(), Some(exogenous.view()), self.absorbed) else {
            return Ok(None);
        };
        let Ok(rank) = stage.kleibergen_paap(&covariance) else { return Ok(None) };
        let effective_f = match stage.endogenous() {
            1 => stage.effective_f(&covariance, None).ok().map(|e| e.f),
            _ => None,
        };
        let scaled = |v: &[f64]| -> Array1<f64> {
            v.iter().enumerate().map(|(i, v)| v * root.as_ref().map_or(1.0, |r| r[i])).collect()
        };
        let over_identification = if z.ncols() > x.ncols() {
            let all = columns(self.z, 0, self.z.nrows());
            let regressors = columns(self.x, 0, self.x.nrows());
            hansen(&scaled(self.y), &regressors, &all, &scaled(residuals), &covariance)
        } else {
            None
        };
        Ok(Some(InstrumentTests {
            underidentification: rank.lm,
            first_stage_f: rank.f,
            effective_f,
            over_identification,
        }))
    }
}

/// `n g'S^-1 g` at the two-step estimate, `S` from the residuals of the first.
fn hansen(
    y: &Array1<f64>,
    x: &Array2<f64>,
    z: &Array2<f64>,
    residuals: &Array1<f64>,
    covariance: &MomentCovariance,
) -> Option<TestStatistic> {
    let n = y.len() as f64;
    let scores = z * &residuals.view().insert_axis(Axis(1));
    let s = Cholesky::well_conditioned(covariance.estimate(scores.view()).ok()?.view()).ok()?;
    let (zx, zy) = (z.t().dot(x) / n, z.t().dot(y) / n);
    let weighted = s.solve_many(zx.view()).ok()?;
    let step = Cholesky::well_conditioned(zx.t().dot(&weighted).view()).ok()?;
    let beta = step.solve(weighted.t().dot(&zy).view()).ok()?;
    let g = &zy - &zx.dot(&beta);
    let statistic = n * g.dot(&s.solve(g.view()).ok()?);
    Some(TestStatistic::chi_squared(statistic, z.ncols() - x.ncols()))
}
