//! Least squares and the k-class of instrumental-variable estimators.

mod k_class;
mod strength;

use ndarray::{ArrayView2, Axis, concatenate};

pub use k_class::KClass;
use k_class::{Solved, k_class};
pub use strength::InstrumentTests;

use crate::absorb::Absorber;
use crate::columns::rows_mut;
use crate::fit::Fit;
use crate::resample::ScoreModel;
use crate::sample::{Purpose, Sample};
use crate::solve::{Kept, least_squares, sums_of_squares, variation};
use crate::vcov::{Ingredients, Instrumented, covariance, wild_p_values, with_last_p_value};
use crate::{Categories, Estimates, EstimationError, Regression, Vcov, accuracy};

/// The tolerance to which fixed effects are taken out of variables. Errors enter coefficients squared.
const DEMEAN_TOLERANCE: f64 = 1e-8;

/// A residual sum of squares below this share of the outcome's is rounding.
const PERFECT_FIT_TOLERANCE: f64 = 1e-24;

/// A fitted linear regression; what it shares with other fits is in [`Fit`].
#[derive(Debug, Clone)]
pub struct LinearFit {
    fit: Fit,
    residuals: Vec<f64>,
    residual_ss: f64,
    total_ss: f64,
    kappa: f64,
    class: Option<KClass>,
    instruments: Option<InstrumentTests>,
}

impl std::ops::Deref for LinearFit {
    type Target = Fit;

    fn deref(&self) -> &Fit {
        &self.fit
    }
}

impl LinearFit {
    /// What the estimator is called.
    pub fn estimator(&self) -> &'static str {
        match self.class {
            None => "least squares",
            Some(KClass::Ols) => "least squares, endogeneity ignored",
            Some(KClass::TwoStage) => "two-stage least squares",
            Some(KClass::Liml) => "LIML",
            Some(KClass::Fuller(_)) => "Fuller",
            Some(KClass::Fixed(_)) => "k-class",
        }
    }

    /// Outcome less fitted value, one per row used.
    pub fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    /// The weighted residual sum of squares.
    pub fn residual_sum_of_squares(&self) -> f64 {
        self.residual_ss
    }

    /// The share of the (weighted) variation that is explained: about the mean when there is a constant or a
    /// fixed effect, about zero when there is neither.
    pub fn r_squared(&self) -> f64 {
        1.0 - self.residual_ss / self.total_ss
    }

    /// The `k` of the k-class: 0 for OLS, 1 for two-stage least squares, estimated for LIML.
    pub fn kappa(&self) -> f64 {
        self.kappa
    }

    /// Tests of the instruments, robust to the dependence that the variance estimator allows for; absent without
    /// endogenous regressors, with frequency weights, and for variances over time, over space and with leverages. Beside
    /// [`Vcov::Classical`] they are robust to heteroskedasticity.
    pub fn instrument_tests(&self) -> Option<&InstrumentTests> {
        self.instruments.as_ref()
    }

    /// Predictions for new rows: `x` is `[m, k]` in the order of the coefficients, the constant left out; one
    /// entry of `effects` per absorbed effect, in their order. Models with slopes that vary by level predict with
    /// [`linear_predictor`](Fit::linear_predictor).
    ///
    /// # Errors
    /// Shapes that do not fit, or a level that was not estimated.
    pub fn predict(
        &self,
        x: ArrayView2<'_, f64>,
        effects: &[Categories],
    ) -> Result<Vec<f64>, EstimationError> {
        self.plain_predictor(x, effects)
    }
}

impl std::fmt::Display for LinearFit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "outcome: {} ({})", self.outcome(), self.estimator())?;
        writeln!(f, "{}", self.estimates())?;
        write!(f, "observations: {}, R2: {:.4}", self.observations(), self.r_squared())?;
        if let Some(tests) = &self.instruments {
            write!(f, "{tests}")?;
        }
        self.describe(f)
    }
}

pub(crate) fn fit(regression: &Regression, class: KClass, vcov: &Vcov) -> Result<LinearFit, EstimationError> {
    let mut sample = Sample::new(regression, Purpose::Linear)?;
    vcov.check(sample.all_rows())?;
    let n = sample.observations();
    let weights = sample.weights.values();
    let absorbing = !sample.effects.levels.is_empty();
    let before = sums_of_squares(sample.x.view(), weights);
    let scale = variation(sample.x.view(), weights, absorbing);
    let instrument_scale = variation(sample.instruments.view(), weights, absorbing);
    let raw_ss = total_sum_of_squares(&sample.y, weights, false);
    let total_ss = total_sum_of_squares(&sample.y, weights, sample.constant || absorbing);

    let mut y = std::mem::take(&mut sample.y);
    let mut absorber = Absorber::new(&sample.effects, 1 + sample.x.nrows() + sample.instruments.nrows());
    let mut variables = rows_mut(&mut sample.x);
    variables.extend(rows_mut(&mut sample.instruments));
    variables.push(&mut y);
    absorber.weighted(weights).demean(&mut variables, DEMEAN_TOLERANCE)?;

    let kept = Kept::among(sample.x.view(), &sample.names, weights, &scale, sample.constant)?;
    if kept.index.is_empty() {
        return Err(EstimationError::NothingIdentified { dropped: kept.dropped.join(", ") });
    }
    let effects = sample.effects.parameters(&[]);
    if kept.index.len() as f64 >= n {
        let parameters = kept.index.len() + effects;
        return Err(EstimationError::NoDegreesOfFreedom { parameters, rows: n as usize });
    }
    let first_endogenous = sample.names.len() - sample.endogenous;
    let endogenous = kept.index.iter().filter(|&&j| j >= first_endogenous).count();
    if endogenous == 0 && sample.endogenous > 0 {
        let names = regression.endogenous_names.join(", ");
        let reason =
            format!("exogenous regressors and effects span {names}; nothing is endogenous, call ols");
        return Err(EstimationError::Instruments { reason });
    }
    let x = if kept.dropped.is_empty() {
        std::mem::take(&mut sample.x)
    } else {
        sample.x.select(Axis(0), &kept.index)
    };
    sample.dropped.regressors.extend(kept.dropped.iter().cloned());

    let mut wild = None;
    let mut instruments = None;
    let solved = if endogenous == 0 {
        Solved { solution: least_squares(x.view(), &y, weights)?, regressors: None, kappa: 0.0 }
    } else {
        let exogenous = x.nrows() - endogenous;
        let all = concatenate(
            Axis(0),
            &[x.slice_axis(Axis(0), ndarray::Slice::from(..exogenous)), sample.instruments.view()],
        )
        .map_err(|e| EstimationError::Instruments { reason: e.to_string() })?;
        let names: Vec<String> = kept.index[..exogenous]
            .iter()
            .map(|&j| sample.names[j].clone())
            .chain(sample.instrument_names.iter().cloned())
            .collect();
        let scales: Vec<f64> =
            kept.index[..exogenous].iter().map(|&j| scale[j]).chain(instrument_scale).collect();
        let useful = Kept::among(all.view(), &names, weights, &scales, sample.constant)?;
        sample.dropped.regressors.extend(useful.dropped.iter().cloned());
        let excluded = useful.index.len() - exogenous;
        if excluded < endogenous {
            return Err(EstimationError::Instruments {
                reason: format!(
                    "{endogenous} endogenous regressors need as many instruments; {excluded} are of use"
                ),
            });
        }
        let z = all.select(Axis(0), &useful.index);
        let solve = |class: KClass| k_class(class, x.view(), &y, z.view(), exogenous, weights, (n, effects));
        let solved = solve(class)?;
        if sample.frequency().is_none() {
            let clusters = vcov.clusters(&sample.rows());
            let absorbed = sample.effects.parameters(&clusters);
            let equation = strength::Equation { y: &y, x: x.view(), z: z.view(), exogenous, absorbed };
            // Hansen's weight needs consistent residuals, which only some of the class give.
            let two_stage;
            let consistent = match class {
                KClass::TwoStage | KClass::Liml | KClass::Fuller(_) => Some(&solved),
                KClass::Ols | KClass::Fixed(_) => {
                    two_stage = solve(KClass::TwoStage).ok();
                    two_stage.as_ref()
                }
            };
            if let Some(Solved { solution, .. }) = consistent {
                instruments = equation.tests(vcov, &clusters, weights, &solution.residuals)?;
            }
        }
        if let Vcov::Wild { by, bootstrap } = vcov {
            let plain = class == KClass::TwoStage && weights.is_none() && endogenous == 1;
            let equation = Instrumented { y: &y, x: x.view(), z: z.view(), exogenous };
            wild = Some(equation.p_value(by, bootstrap, &sample, plain)?);
        }
        solved
    };
    drop(y);
    let Solved { solution, regressors, kappa } = solved;
    let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
    let residual_ss: f64 = solution.residuals.iter().enumerate().map(|(i, u)| weight(i) * u * u).sum();
    if residual_ss <= PERFECT_FIT_TOLERANCE * raw_ss {
        return Err(EstimationError::PerfectFit { outcome: sample.outcome });
    }
    let covariance = covariance(
        vcov,
        &Ingredients {
            regressors: regressors.as_ref().unwrap_or(&x).view(),
            residuals: &solution.residuals,
            weights,
            frequency: sample.frequency(),
            bread: solution.bread.view(),
            observations: n,
            effects: &sample.effects,
            rows: &sample.rows(),
            likelihood: false,
            projected: regressors.is_some(),
        },
    )?;
    let accuracy = accuracy::Solved {
        bread: solution.bread.view(),
        condition: solution.condition,
        rows: solution.residuals.len(),
        cancellation: accuracy::cancellation(
            kept.index.iter().map(|&j| before[j]),
            sums_of_squares(x.view(), weights),
        ),
        outcome: raw_ss.sqrt(),
        residuals: residual_ss.sqrt(),
        remaining: 0.0,
    }
    .accuracy();
    let names: Vec<String> = kept.index.iter().map(|&j| sample.names[j].clone()).collect();
    let estimates =
        Estimates::new(names, solution.coefficients, covariance.matrix, vcov.label(), covariance.reference)?;
    let estimates = match wild {
        Some(p_value) => with_last_p_value(estimates, p_value, vcov)?,
        None => wild_p_values(regression, ScoreModel::LeastSquares, vcov, estimates)?,
    };
    let fitted: Vec<f64> =
        sample.rows().iter().zip(&solution.residuals).map(|(&row, u)| regression.y[row] - u).collect();
    let weights = weights.map(<[f64]>::to_vec);
    let class = (sample.endogenous > 0).then_some(class);
    let fit =
        Fit::new(regression, sample, estimates, &kept.index, accuracy, fitted, weights, <[f64]>::to_vec);
    Ok(LinearFit { fit, residuals: solution.residuals, residual_ss, total_ss, kappa, class, instruments })
}

fn total_sum_of_squares(y: &[f64], weights: Option<&[f64]>, about_mean: bool) -> f64 {
    let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
    let mean = if about_mean {
        let total: f64 = (0..y.len()).map(weight).sum();
        y.iter().enumerate().map(|(i, y)| weight(i) * y).sum::<f64>() / total
    } else {
        0.0
    };
    y.iter().enumerate().map(|(i, y)| weight(i) * (y - mean).powi(2)).sum()
}
