use linalg::{Cholesky, Lu, SymmetricEigen};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use serde::{Deserialize, Serialize};

use crate::absorb::Absorber;
use crate::columns::{combine, cross, cross_vector, gram};
use crate::effects::{Absorbed, FixedEffects};
use crate::error::Context;
use crate::sample::{Dropped, Purpose, Sample};
use crate::solve::{COLLINEARITY_TOLERANCE, Solution, keep_independent, least_squares};
use crate::vcov::{Ingredients, covariance};
use crate::{Categories, Estimates, EstimationError, Regression, Vcov};

/// The tolerance to which fixed effects are taken out of variables. Errors enter coefficients squared.
const DEMEAN_TOLERANCE: f64 = 1e-8;

/// A residual sum of squares below this share of the outcome's is rounding.
const PERFECT_FIT_TOLERANCE: f64 = 1e-24;

/// Members of the k-class `b = (X'(I - k M_Z) X)^-1 X'(I - k M_Z) y`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum KClass {
    /// `k = 0`: ignores the endogeneity; for comparison.
    Ols,
    /// `k = 1`: two-stage least squares.
    TwoStage,
    /// Limited-information maximum likelihood: `k` is the smallest root of
    /// `|Y'M_exogenous Y - k Y'M_Z Y| = 0`, `Y` holding outcome and endogenous regressors.
    Liml,
    /// LIML's `k` less `a / (n - instruments)` (Fuller 1977); `a = 1` is nearly unbiased.
    Fuller(f64),
    /// Any `k`.
    Fixed(f64),
}

/// A fitted linear regression.
#[derive(Debug, Clone)]
pub struct LinearFit {
    estimates: Estimates,
    outcome: String,
    observations: f64,
    rows: Vec<usize>,
    dropped: Dropped,
    residuals: Vec<f64>,
    fitted: Vec<f64>,
    residual_ss: f64,
    total_ss: f64,
    kappa: f64,
    class: Option<KClass>,
    absorbed: Absorbed,
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

    /// Names of the absorbed effects.
    pub fn effects(&self) -> Vec<String> {
        self.absorbed.names()
    }

    /// Coefficients, standard errors, tests.
    pub fn estimates(&self) -> &Estimates {
        &self.estimates
    }

    /// The name of the outcome.
    pub fn outcome(&self) -> &str {
        &self.outcome
    }

    /// Observations: rows used, or the sum of their frequency weights.
    pub fn observations(&self) -> f64 {
        self.observations
    }

    /// The rows of the caller's data that were used, counted from 0.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// What was left out, and why.
    pub fn dropped(&self) -> &Dropped {
        &self.dropped
    }

    /// Outcome less fitted value, one per row used.
    pub fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    /// Fitted values, fixed effects included, one per row used.
    pub fn fitted(&self) -> &[f64] {
        &self.fitted
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

    /// The values of the absorbed effects.
    ///
    /// # Errors
    /// [`EstimationError::Absorption`] when they cannot be told apart to the tolerance.
    pub fn fixed_effects(&self) -> Result<FixedEffects, EstimationError> {
        self.absorbed.recover()
    }

    /// Predictions for new rows: `x` is `[m, k]` in the order of the coefficients, the constant left out; one
    /// entry of `effects` per absorbed effect, in their order.
    ///
    /// # Errors
    /// Shapes that do not fit, or a level that was not estimated.
    pub fn predict(
        &self,
        x: ArrayView2<'_, f64>,
        effects: &[Categories],
    ) -> Result<Vec<f64>, EstimationError> {
        self.absorbed.linear_predictor(&self.estimates, x, effects)
    }
}

impl std::fmt::Display for LinearFit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "outcome: {} ({})", self.outcome, self.estimator())?;
        writeln!(f, "{}", self.estimates)?;
        write!(f, "observations: {}, R2: {:.4}", self.observations, self.r_squared())?;
        self.absorbed.describe(f)?;
        self.dropped.describe(f)
    }
}

/// The regressors that stay, and the names of those that do not.
pub(crate) struct Kept {
    pub(crate) index: Vec<usize>,
    pub(crate) dropped: Vec<String>,
}

impl Kept {
    pub(crate) fn among(
        x: ArrayView2<'_, f64>,
        names: &[String],
        weights: Option<&[f64]>,
        scale: &[f64],
        constant: bool,
    ) -> Result<Self, EstimationError> {
        let kept = keep_independent(x, weights, scale, constant, COLLINEARITY_TOLERANCE)?;
        let (index, out): (Vec<usize>, Vec<usize>) = (0..kept.len()).partition(|&j| kept[j]);
        Ok(Self { index, dropped: out.into_iter().map(|j| names[j].clone()).collect() })
    }
}

/// Sums of squares about zero of each row.
pub(crate) fn sums_of_squares(x: ArrayView2<'_, f64>, weights: Option<&[f64]>) -> Vec<f64> {
    x.axis_iter(Axis(0))
        .map(|c| c.iter().enumerate().map(|(i, v)| weights.map_or(1.0, |w| w[i]) * v * v).sum())
        .collect()
}

/// Sums of squares about the mean of each row when fixed effects will be taken out: their level is no variation.
pub(crate) fn variation(x: ArrayView2<'_, f64>, weights: Option<&[f64]>, about_mean: bool) -> Vec<f64> {
    let raw = sums_of_squares(x, weights);
    if !about_mean {
        return raw;
    }
    let total: f64 = weights.map_or(x.ncols() as f64, |w| w.iter().sum());
    x.axis_iter(Axis(0))
        .zip(&raw)
        .map(|(c, raw)| {
            let sum: f64 = c.iter().enumerate().map(|(i, v)| weights.map_or(1.0, |w| w[i]) * v).sum();
            // A constant regressor has no variation but rounding; measured against its level it is dropped.
            let centred = raw - sum * sum / total;
            if centred <= 1e-12 * raw { *raw } else { centred }
        })
        .collect()
}

/// The rows as slices; the matrix is brought to row-major order first if it is not.
pub(crate) fn rows_mut(x: &mut Array2<f64>) -> Vec<&mut [f64]> {
    if !x.is_standard_layout() {
        *x = x.as_standard_layout().into_owned();
    }
    x.axis_iter_mut(Axis(0)).filter_map(|r| r.into_slice()).collect()
}

pub(crate) fn fit(regression: &Regression, class: KClass, vcov: &Vcov) -> Result<LinearFit, EstimationError> {
    let mut sample = Sample::new(regression, Purpose::Linear)?;
    let n = sample.observations();
    let weights = sample.weights.values();
    let absorbing = !sample.effects.is_empty();
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
    if kept.index.len() as f64 >= n {
        return Err(EstimationError::NoDegreesOfFreedom { parameters: kept.index.len(), rows: n as usize });
    }
    let first_endogenous = sample.names.len() - sample.endogenous;
    let endogenous = kept.index.iter().filter(|&&j| j >= first_endogenous).count();
    let x = if kept.dropped.is_empty() {
        std::mem::take(&mut sample.x)
    } else {
        sample.x.select(Axis(0), &kept.index)
    };
    sample.dropped.regressors.extend(kept.dropped.iter().cloned());

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
        k_class(class, x.view(), &y, z.view(), exogenous, weights, n)?
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
            rows: &sample.rows,
            all_rows: sample.all_rows,
            likelihood: false,
            projected: regressors.is_some(),
        },
    )?;
    let names: Vec<String> = kept.index.iter().map(|&j| sample.names[j].clone()).collect();
    let estimates =
        Estimates::new(names, solution.coefficients, covariance.matrix, vcov.label(), covariance.reference)?;
    let fitted: Vec<f64> =
        sample.rows.iter().zip(&solution.residuals).map(|(&row, u)| regression.y[row] - u).collect();
    let weights = weights.map(<[f64]>::to_vec);
    let absorbed = Absorbed::new(regression, &sample.rows, sample.effects, weights, &estimates, &fitted);
    Ok(LinearFit {
        estimates,
        outcome: sample.outcome,
        observations: n,
        rows: sample.rows,
        dropped: sample.dropped,
        residuals: solution.residuals,
        fitted,
        residual_ss,
        total_ss,
        kappa,
        class: (sample.endogenous > 0).then_some(class),
        absorbed,
    })
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

struct Solved {
    solution: Solution,
    /// What residuals multiply in the scores when it is not `X`: for the k-class `P_Z X`, as other packages
    /// have it.
    regressors: Option<Array2<f64>>,
    kappa: f64,
}

/// `x` holds `exogenous` rows and then the endogenous ones; `z` the exogenous rows and then the instruments.
fn k_class(
    class: KClass,
    x: ArrayView2<'_, f64>,
    y: &[f64],
    z: ArrayView2<'_, f64>,
    exogenous: usize,
    weights: Option<&[f64]>,
    n: f64,
) -> Result<Solved, EstimationError> {
    const WHERE: &str = "k-class normal equations";
    let m = x.nrows() - exogenous;
    let kappa = match class {
        KClass::Ols => 0.0,
        KClass::TwoStage => 1.0,
        KClass::Fixed(k) => k,
        KClass::Liml => liml_root(x, y, z, exogenous, weights)?,
        KClass::Fuller(a) => liml_root(x, y, z, exogenous, weights)? - a / (n - z.nrows() as f64),
    };
    let mut regressors = x.to_owned();
    let mut projected = x.to_owned();
    for j in exogenous..exogenous + m {
        let column = x.row(j).to_vec();
        let first_stage = least_squares(z, &column, weights)?;
        regressors.row_mut(j).iter_mut().zip(&first_stage.residuals).for_each(|(r, v)| *r -= kappa * v);
        projected.row_mut(j).iter_mut().zip(&first_stage.residuals).for_each(|(r, v)| *r -= v);
    }
    if kappa == 0.0 {
        projected.assign(&x);
    }
    let a = cross(regressors.view(), x, weights);
    let a = (&a + &a.t()) * 0.5;
    let lu = Lu::factor(a.view()).context(WHERE)?;
    let mut coefficients = lu.solve(cross_vector(regressors.view(), y, weights).view()).context(WHERE)?;
    let residual_of = |b: &Array1<f64>| -> Vec<f64> {
        combine(x, b.view()).into_iter().zip(y).map(|(f, y)| y - f).collect()
    };
    let left = residual_of(&coefficients);
    coefficients += &lu.solve(cross_vector(regressors.view(), &left, weights).view()).context(WHERE)?;
    let bread = lu.solve_many(Array2::eye(x.nrows()).view()).context(WHERE)?;
    let bread = (&bread + &bread.t()) * 0.5;
    let residuals = residual_of(&coefficients);
    Ok(Solved { solution: Solution { coefficients, bread, residuals }, regressors: Some(projected), kappa })
}

/// The smallest root of `|S1 - k S2| = 0`, `S1` and `S2` being the cross-products of outcome and endogenous
/// regressors net of the exogenous ones and net of all instruments.
fn liml_root(
    x: ArrayView2<'_, f64>,
    y: &[f64],
    z: ArrayView2<'_, f64>,
    exogenous: usize,
    weights: Option<&[f64]>,
) -> Result<f64, EstimationError> {
    let net = |basis: ArrayView2<'_, f64>| -> Result<Array2<f64>, EstimationError> {
        let mut rows = Array2::zeros((1 + x.nrows() - exogenous, y.len()));
        for (j, mut target) in rows.axis_iter_mut(Axis(0)).enumerate() {
            let column = if j == 0 { y.to_vec() } else { x.row(exogenous + j - 1).to_vec() };
            let left =
                if basis.nrows() == 0 { column } else { least_squares(basis, &column, weights)?.residuals };
            target.assign(&Array1::from_vec(left));
        }
        Ok(gram(rows.view(), weights))
    };
    let s1 = net(x.slice_axis(Axis(0), ndarray::Slice::from(..exogenous)))?;
    let s2 = net(z)?;
    let factor = Cholesky::factor(s2.view()).context("LIML")?;
    let mut half = Array2::zeros(s1.raw_dim());
    for (mut target, column) in half.columns_mut().into_iter().zip(s1.columns()) {
        target.assign(&factor.solve_lower(column).context("LIML")?);
    }
    let mut whitened = Array2::zeros(s1.raw_dim());
    for (mut target, column) in whitened.columns_mut().into_iter().zip(half.rows()) {
        target.assign(&factor.solve_lower(column).context("LIML")?);
    }
    let eigen = SymmetricEigen::new(whitened.view()).context("LIML")?;
    Ok(eigen.values[0])
}
