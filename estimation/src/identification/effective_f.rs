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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::stream;
    use ndarray::{Array1, Axis, stack};
    use rand_distr::{Distribution, StandardNormal};

    struct Data {
        y: Array1<f64>,
        x: Array1<f64>,
        /// Constant and one exogenous variable.
        exogenous: Array2<f64>,
        z: Array2<f64>,
        clusters: Vec<usize>,
    }

    fn data(instruments: usize) -> Data {
        let (n, groups) = (90, 15);
        let mut rng = stream(41, 0);
        let mut normal =
            |n: usize| -> Array1<f64> { Array1::from_shape_fn(n, |_| StandardNormal.sample(&mut rng)) };
        let (w, u, v, common) = (normal(n), normal(n), normal(n), normal(groups));
        let noise: Vec<Array1<f64>> = (0..instruments).map(|_| normal(n)).collect();
        let z = Array2::from_shape_fn((n, instruments), |(i, k)| {
            2.0 + noise[k][i] * (k as f64 + 1.0) + 0.5 * noise[0][i] + 0.3 * w[i]
        });
        let clusters: Vec<usize> = (0..n).map(|i| i % groups).collect();
        let x = Array1::from_shape_fn(n, |i| {
            0.4 * z.row(i).sum() + v[i] * (1.0 + 0.3 * z[[i, 0]].abs()) + common[clusters[i]]
        });
        let y = Array1::from_shape_fn(n, |i| 0.7 * x[i] + w[i] + u[i] + 0.5 * v[i] * z[[i, 0]]);
        Data { y, x, exogenous: stack![Axis(1), Array1::ones(n), w], z, clusters }
    }

    fn residuals(y: &Array1<f64>, x: &Array2<f64>) -> Array1<f64> {
        let beta = linalg::inverse(x.t().dot(x).view()).unwrap().dot(&x.t().dot(y));
        y - &x.dot(&beta)
    }

    #[test]
    fn the_statistic_and_its_simple_critical_value_are_the_printed_formulas() {
        let d = data(2);
        let n = d.y.len() as f64;
        let mut z = d.z.clone();
        for k in 0..2 {
            z.column_mut(k).assign(&residuals(&d.z.column(k).to_owned(), &d.exogenous));
        }
        let x = residuals(&d.x, &d.exogenous);
        let v = residuals(&x, &z);
        let second = linalg::inverse((z.t().dot(&z) / n).view()).unwrap();
        let zx = z.t().dot(&x) / n;
        let signal = n * zx.dot(&second.dot(&zx));
        let (c, free) = (15.0, n - 2.0 - 2.0);
        for clustered in [false, true] {
            let mut s = Array2::<f64>::zeros((2, 2));
            for i in 0..d.y.len() {
                for j in 0..d.y.len() {
                    if i == j || clustered && d.clusters[i] == d.clusters[j] {
                        for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                            s[[a, b]] += z[[i, a]] * v[i] * z[[j, b]] * v[j] / n;
                        }
                    }
                }
            }
            let factor = if clustered { (n - 1.0) / free * c / (c - 1.0) } else { n / free };
            // Similar to W_2 in units where Z'Z/n = I.
            let w2 = second.dot(&s) * factor;
            let trace = w2[[0, 0]] + w2[[1, 1]];
            let squared = w2.dot(&w2).diag().sum();
            let determinant = w2[[0, 0]] * w2[[1, 1]] - w2[[0, 1]] * w2[[1, 0]];
            let largest = trace / 2.0 + (trace * trace / 4.0 - determinant).sqrt();

            let covariance = if clustered {
                MomentCovariance::clustered(&d.clusters)
            } else {
                MomentCovariance::heteroskedastic()
            };
            let endogenous = d.x.view().insert_axis(Axis(1));
            let stage = FirstStage::new(endogenous, d.z.view(), Some(d.exogenous.view()), 0).unwrap();
            let effective = stage.effective_f(&covariance, Some(d.y.view())).unwrap();
            assert!((effective.f / (signal / trace) - 1.0).abs() < 1e-10, "{effective:?}");
            for (tau, alpha) in [(0.05, 0.05), (0.3, 0.1)] {
                let x = 1.0 / tau;
                let df = trace * trace * (1.0 + 2.0 * x) / (squared + 2.0 * x * trace * largest);
                let found = effective.critical_value(tau, alpha).unwrap();
                assert!((found.effective_df / df - 1.0).abs() < 1e-9, "{found:?} {df}");
                assert!((noncentral::cdf(found.value * df, df, x * df) - (1.0 - alpha)).abs() < 1e-9);
            }
            // Critical values do not depend on the outcome's unit, nor on a multiple of the regressor in it.
            let own = effective.critical_value_two_stage(0.1, 0.05).unwrap().unwrap();
            let other = (&d.y + &(&d.x * 3.0)) * 50.0;
            let moved = stage.effective_f(&covariance, Some(other.view())).unwrap();
            let moved = moved.critical_value_two_stage(0.1, 0.05).unwrap().unwrap();
            assert!((own.value / moved.value - 1.0).abs() < 1e-6, "{own:?} {moved:?}");
        }
    }

    /// One instrument has one effective degree of freedom, where the critical value is the square of a normal quantile
    /// (23.1 at a tenth of the bias) and, as the worst relative bias is one, the same for two-stage least squares.
    #[test]
    fn with_one_instrument_critical_values_are_squares_of_normal_quantiles() {
        let d = data(1);
        let endogenous = d.x.view().insert_axis(Axis(1));
        let stage = FirstStage::new(endogenous, d.z.view(), Some(d.exogenous.view()), 0).unwrap();
        let effective = stage.effective_f(&MomentCovariance::heteroskedastic(), Some(d.y.view())).unwrap();
        for tau in [0.05_f64, 0.1, 0.2, 0.3] {
            // The other tail of the noncentral normal weighs less than 1e-7.
            let expected = (1.6448536269514722 + (1.0 / tau).sqrt()).powi(2);
            let simple = effective.critical_value(tau, 0.05).unwrap();
            assert!((simple.value - expected).abs() < 1e-5, "{simple:?} {expected}");
            assert!((simple.effective_df - 1.0).abs() < 1e-12);
            let own = effective.critical_value_two_stage(tau, 0.05).unwrap().unwrap();
            assert!((own.value / simple.value - 1.0).abs() < 1e-9, "{own:?} {simple:?}");
        }
        for wrong in [0.0, 1.0, f64::NAN] {
            assert!(matches!(
                effective.critical_value(wrong, 0.05),
                Err(GmmError::Setting { setting: "tau", .. })
            ));
            assert!(effective.critical_value(0.1, wrong).is_err());
        }
    }

    #[test]
    fn the_worst_bias_is_what_a_search_over_coefficients_and_directions_finds() {
        for seed in 0..4 {
            let mut rng = stream(42, seed);
            let root = Array2::from_shape_fn((9, 4), |(_, k)| {
                let z: f64 = StandardNormal.sample(&mut rng);
                z * [3.0, 1.0, 0.5, 0.8][k]
            });
            let mut joint = root.t().dot(&root);
            // A lean that makes one coefficient the worst.
            joint[[0, 3]] += 0.2;
            joint[[3, 0]] += 0.2;
            let w = |i: usize, j: usize| joint[[i, j]];
            let relative = |beta: f64, direction: f64| {
                let s12 = |i: usize, j: usize| w(i, 2 + j) - beta * w(2 + i, 2 + j);
                let s1 = |i: usize| w(i, i) - 2.0 * beta * w(i, 2 + i) + beta * beta * w(2 + i, 2 + i);
                let (c, s) = (direction.cos(), direction.sin());
                let along = c * c * s12(0, 0) + c * s * (s12(0, 1) + s12(1, 0)) + s * s * s12(1, 1);
                let trace = s12(0, 0) + s12(1, 1);
                (trace - 2.0 * along).abs() / ((w(2, 2) + w(3, 3)) * (s1(0) + s1(1))).sqrt()
            };
            // A grid of angles of both, then ever finer ones around the best point.
            let at = |angle: f64, direction: f64| relative(3.0 * angle.tan(), direction);
            let pi = std::f64::consts::PI;
            let (mut centre, mut width, mut best) = ((0.0, 0.0), (0.5 * pi, 0.5 * pi), 0.0);
            for (points, shrink) in std::iter::once((300, 0.02)).chain((0..14).map(|_| (8, 0.4))) {
                let from = centre;
                for (i, j) in (-points..=points).flat_map(|i| (-points..=points).map(move |j| (i, j))) {
                    let step = |k: i32| f64::from(k) / (f64::from(points) + 0.5);
                    let tried = (from.0 + width.0 * step(i), from.1 + width.1 * step(j));
                    let value = at(tried.0, tried.1);
                    if value > best {
                        (best, centre) = (value, tried);
                    }
                }
                width = (width.0 * shrink, width.1 * shrink);
            }
            let found = worst_two_stage_bias(&joint).unwrap();
            assert!((found - best).abs() < 1e-8, "{seed}: {found} {best}");
        }
    }

    /// With homoskedastic errors all blocks are multiples of the identity and the worst bias is `|l - 2| / l`.
    #[test]
    fn homoskedastic_errors_have_the_bias_of_nagar() {
        for l in 1..=5 {
            let joint = Array2::from_shape_fn((2 * l, 2 * l), |(i, j)| match (i / l, j / l) {
                _ if i % l != j % l => 0.0,
                (0, 0) => 2.0,
                (1, 1) => 0.5,
                _ => 0.7,
            });
            let expected = (l as f64 - 2.0).abs() / l as f64;
            let found = worst_two_stage_bias(&joint).unwrap();
            assert!((found - expected).abs() < 1e-9, "{l}: {found} {expected}");
        }
    }
}
