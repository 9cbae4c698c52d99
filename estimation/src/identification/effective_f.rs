use linalg::{SymmetricEigen, matmul};
use ndarray::{Array2, ArrayView1};

use super::{FirstStage, block, noncentral, products};
use crate::gmm::{GmmError, MomentCovariance};

/// The effective F statistic of Montiel Olea and Pflueger (2013), for one endogenous variable.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectiveF {
    /// `x'P_z x / tr(W_2)`, `W_2` the covariance of the first-stage scores in units where `Z'Z/n = I`, with the
    /// small-sample factor of the first-stage regression.
    pub f: f64,
    w2: Array2<f64>,
    /// Covariance of reduced-form and first-stage scores, `[2l, 2l]`.
    joint: Option<Array2<f64>>,
}

/// A critical value for [`EffectiveF`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CriticalValue {
    /// Reject weak instruments when the effective F is above it.
    pub value: f64,
    /// The effective degrees of freedom.
    pub effective_df: f64,
}

impl FirstStage {
    /// The effective F statistic. With the outcome `y`, critical values can also be had for two-stage least
    /// squares' own worst-case bias rather than the bound that holds for any errors.
    ///
    /// # Errors
    /// [`GmmError::Setting`] with several endogenous variables, or whatever is wrong with the input.
    pub fn effective_f(
        &self,
        covariance: &MomentCovariance,
        y: Option<ArrayView1<'_, f64>>,
    ) -> Result<EffectiveF, GmmError> {
        if self.endogenous() != 1 {
            return Err(GmmError::Setting {
                setting: "endogenous variables",
                problem: "the effective F is defined for one; with several use the Kleibergen-Paap F".into(),
            });
        }
        let n = self.observations() as f64;
        let z = self.standardised_instruments()?;
        let projected = z.t().dot(&self.x.column(0)) / n;
        let v = self.residuals()?;
        let scale = 1.0 / self.small_sample(covariance);
        let w2 = covariance.estimate(products(&z, &v).view())? * scale;
        let joint = match y {
            Some(y) => {
                let y = self.partial(y)?;
                let slope = z.t().dot(&y) / n;
                let w = &y - &z.dot(&slope);
                let mut errors = Array2::zeros((y.len(), 2));
                errors.column_mut(0).assign(&w);
                errors.column_mut(1).assign(&v.column(0));
                Some(covariance.estimate(products(&z, &errors).view())? * scale)
            }
            None => None,
        };
        Ok(EffectiveF { f: n * projected.dot(&projected) / w2.diag().sum(), w2, joint })
    }
}

impl EffectiveF {
    /// The critical value of the simplified test: at level `alpha`, the worst-case (Nagar) bias exceeds the share
    /// `tau` of the benchmark. It holds for two-stage least squares and LIML whatever the errors, and is
    /// conservative.
    ///
    /// # Errors
    /// [`GmmError::Linalg`] when a decomposition fails, [`GmmError::Setting`] when a share is not in (0, 1).
    pub fn critical_value(&self, tau: f64, alpha: f64) -> Result<CriticalValue, GmmError> {
        self.at_bias(1.0, tau, alpha)
    }

    /// The critical value for two-stage least squares: the worst-case bias is searched over coefficients and
    /// first-stage directions at the estimated covariance of the scores. `None` if the outcome was not given.
    ///
    /// # Errors
    /// As [`critical_value`](Self::critical_value).
    pub fn critical_value_two_stage(&self, tau: f64, alpha: f64) -> Result<Option<CriticalValue>, GmmError> {
        match &self.joint {
            Some(joint) => self.at_bias(worst_two_stage_bias(joint)?, tau, alpha).map(Some),
            None => Ok(None),
        }
    }

    /// Montiel Olea and Pflueger (2013), Theorem 1 and equation (13) in Patnaik's approximation:
    /// `x = B/tau`, `K_eff = tr(W_2)^2 (1 + 2x) / (tr(W_2'W_2) + 2x tr(W_2) maxeval(W_2))`,
    /// critical value `chi2_(1 - alpha)(K_eff, x K_eff) / K_eff`.
    fn at_bias(&self, bias: f64, tau: f64, alpha: f64) -> Result<CriticalValue, GmmError> {
        for (setting, share) in [("tau", tau), ("alpha", alpha)] {
            if !(share > 0.0 && share < 1.0) {
                return Err(GmmError::Setting { setting, problem: format!("{share} is not in (0, 1)") });
            }
        }
        let x = bias / tau;
        let trace = self.w2.diag().sum();
        let squared = matmul(self.w2.t(), self.w2.view())?.diag().sum();
        let largest = SymmetricEigen::new(self.w2.view())?.values.last().copied().unwrap_or(0.0);
        let df = trace * trace * (1.0 + 2.0 * x) / (squared + 2.0 * x * trace * largest);
        Ok(CriticalValue { value: noncentral::quantile(1.0 - alpha, df, x * df) / df, effective_df: df })
    }
}

/// `sup_beta sup_c |tr(S_12) - 2 c' S_12 c| / sqrt(tr(W_2) tr(S_1))`, `c` a unit vector,
/// `S_1 = W_1 - beta (W_12 + W_12') + beta^2 W_2`, `S_12 = W_12 - beta W_2`: two-stage least squares' Nagar bias
/// relative to the benchmark. The supremum over `c` is at an eigenvector; the one over `beta` is searched on
/// the projective line.
fn worst_two_stage_bias(joint: &Array2<f64>) -> Result<f64, GmmError> {
    let l = joint.nrows() / 2;
    let w1 = block(joint, 0..l, 0..l);
    let w12 = block(joint, 0..l, l..2 * l);
    let w2 = block(joint, l..2 * l, l..2 * l);
    let unit = (w1.diag().sum() / w2.diag().sum()).sqrt();
    // (cos, sin) covers beta = unit tan(angle), infinity included.
    let bias = |angle: f64| -> Result<f64, GmmError> {
        let (sin, cos) = angle.sin_cos();
        let (a, b) = (cos, unit * sin);
        let s12 = &w12 * a - &w2 * b;
        let symmetric = (&s12 + &s12.t()) / 2.0;
        let s1 = &w1 * (a * a) - &((&w12 + &w12.t()) * (a * b)) + &(&w2 * (b * b));
        let values = SymmetricEigen::new(symmetric.view())?.values;
        let trace = symmetric.diag().sum();
        let ends = [values.first(), values.last()];
        let widest = ends.into_iter().flatten().map(|e| (trace - 2.0 * e).abs()).fold(0.0, f64::max);
        let benchmark = (w2.diag().sum() * s1.diag().sum().max(0.0)).sqrt();
        Ok(if benchmark > 0.0 { widest / benchmark } else { 0.0 })
    };
    let steps = 720;
    let width = std::f64::consts::PI / f64::from(steps);
    let mut best = (0.0, 0.0);
    for step in 0..steps {
        let angle = f64::from(step) * width;
        let value = bias(angle)?;
        if value > best.0 {
            best = (value, angle);
        }
    }
    // Golden section around the best grid point.
    let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut low, mut high) = (best.1 - width, best.1 + width);
    for _ in 0..60 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if bias(left)? > bias(right)? { high = right } else { low = left }
    }
    Ok(best.0.max(bias(0.5 * (low + high))?))
}
