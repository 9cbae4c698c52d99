use linalg::{Cholesky, Svd, matmul};
use ndarray::{Array1, Array2};

use super::{FirstStage, block, products, standardise};
use crate::gmm::{GmmError, MomentCovariance};
use crate::statistic::TestStatistic;

/// Statistics for independent, identically distributed errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CraggDonald {
    /// Anderson's (1951) canonical-correlation test that the instruments identify too little, `n r^2`, `r` the
    /// smallest canonical correlation.
    pub anderson_lm: TestStatistic,
    /// The Wald form `n r^2 / (1 - r^2)`.
    pub wald: TestStatistic,
    /// Cragg and Donald's (1993) F, `(n - m - l)/l r^2 / (1 - r^2)`: the first-stage F when `k = 1`.
    pub f: f64,
}

/// Statistics for errors of the dependence that the caller named, Kleibergen and Paap (2006).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KleibergenPaap {
    /// Test that the first-stage matrix has rank `k - 1`, with the covariance under the null in the direction
    /// tested.
    pub lm: TestStatistic,
    /// The same from the unrestricted first stage.
    pub wald: TestStatistic,
    /// `wald / l` with the small-sample factor of the first-stage regression: its robust F when `k = 1`.
    pub f: f64,
}

impl FirstStage {
    /// Identification statistics for homoskedastic, independent errors.
    ///
    /// # Errors
    /// [`GmmError::Linalg`] when a decomposition fails.
    pub fn cragg_donald(&self) -> Result<CraggDonald, GmmError> {
        let n = self.observations() as f64;
        let z = self.standardised_instruments()?;
        let x = standardise(&self.x)?;
        let theta = matmul(z.t(), x.view())? / n;
        let (l, k) = (self.instruments(), self.endogenous());
        let smallest = Svd::new(theta.view())?.values.last().copied().unwrap_or(0.0);
        let r2 = (smallest * smallest).min(1.0);
        let odds = r2 / (1.0 - r2);
        let df = l - k + 1;
        Ok(CraggDonald {
            anderson_lm: TestStatistic::chi_squared(n * r2, df),
            wald: TestStatistic::chi_squared(n * odds, df),
            f: odds * (n - (self.exogenous + l) as f64) / l as f64,
        })
    }

    /// The rk statistics.
    ///
    /// With `Theta` the first-stage matrix in units where instruments and first-stage residuals (for the LM form:
    /// endogenous variables) have unit variance, and `U_2`, `V_2` its singular vectors beyond rank `k - 1`,
    /// `rk = n lambda' Omega^-1 lambda`, `lambda = vec(U_2' Theta V_2)`, `Omega` the covariance of
    /// `sqrt(n) lambda`. Chi-squared with `l - k + 1` degrees of freedom when the rank is `k - 1`.
    ///
    /// # Errors
    /// [`GmmError::SingularMomentCovariance`] when `Omega` cannot be inverted (fewer clusters than
    /// `l - k + 1`), [`GmmError::Linalg`] otherwise.
    pub fn kleibergen_paap(&self, covariance: &MomentCovariance) -> Result<KleibergenPaap, GmmError> {
        let lm = self.rk(covariance, &standardise(&self.x)?, &self.x)?;
        let residuals = self.residuals()?;
        let wald = self.rk(covariance, &standardise(&residuals)?, &residuals)?;
        let df = self.instruments() - self.endogenous() + 1;
        Ok(KleibergenPaap {
            lm: TestStatistic::chi_squared(lm, df),
            wald: TestStatistic::chi_squared(wald, df),
            f: wald * self.small_sample(covariance) / self.instruments() as f64,
        })
    }

    /// `v` are the standardised errors and `raw` the same before standardising.
    fn rk(&self, covariance: &MomentCovariance, v: &Array2<f64>, raw: &Array2<f64>) -> Result<f64, GmmError> {
        let n = self.observations() as f64;
        let (l, k) = (self.instruments(), self.endogenous());
        let z = self.standardised_instruments()?;
        // Theta' = L_v^-1 X'Z/n, and L_v is the Cholesky factor of the errors' second moments.
        let lower = Cholesky::well_conditioned((matmul(raw.t(), raw.view())? / n).view())?.lower().to_owned();
        let cross = matmul(self.x.t(), z.view())? / n;
        let theta = matmul(linalg::inverse(lower.view())?.view(), cross.view())?.t().to_owned();
        // A square matrix [Theta 0] gives the left null vectors that a thin decomposition leaves out.
        let square = Array2::from_shape_fn((l, l), |(i, j)| if j < k { theta[[i, j]] } else { 0.0 });
        let u = Svd::new(square.view())?.u;
        let vt = Svd::new(theta.view())?.vt;
        let left = block(&u, 0..l, k - 1..l);
        let right = vt.row(k - 1);
        let lambda: Array1<f64> = left.t().dot(&theta.dot(&right));
        let weak = v.dot(&right).insert_axis(ndarray::Axis(1));
        let omega = covariance.estimate(products(&matmul(z.view(), left)?, &weak).view())?;
        let factor = Cholesky::well_conditioned(omega.view())
            .map_err(|_| GmmError::SingularMomentCovariance { moments: lambda.len() })?;
        Ok(n * lambda.dot(&factor.solve(lambda.view())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::stream;
    use ndarray::{Axis, array, stack};
    use rand_distr::{Distribution, StandardNormal};

    /// Three instruments, two endogenous variables, a constant and one exogenous variable, 16 clusters.
    fn data() -> (Array2<f64>, Array2<f64>, Array2<f64>, Vec<usize>) {
        let n = 96;
        let mut rng = stream(44, 0);
        let mut normal =
            |n: usize| -> Array1<f64> { Array1::from_shape_fn(n, |_| StandardNormal.sample(&mut rng)) };
        let (w, u, v) = (normal(n), normal(n), normal(n));
        let z = stack![Axis(1), normal(n) + &w * 0.5, normal(n), normal(n) * 3.0];
        let first = &z.column(0) * 0.5 + &z.column(1) * 0.2 + &u * (1.0 + z.column(1).mapv(f64::abs));
        let second = &z.column(0) * 0.3 - &z.column(1) * 0.3 + &v + &u * 0.5 + &w;
        let groups = (0..n).map(|i| i / 6).collect();
        (stack![Axis(1), first, second], z, stack![Axis(1), Array1::ones(n), w], groups)
    }

    fn inverse(a: &Array2<f64>) -> Array2<f64> {
        linalg::inverse(a.view()).unwrap()
    }

    fn net(a: &Array2<f64>, of: &Array2<f64>) -> Array2<f64> {
        a - &of.dot(&inverse(&of.t().dot(of)).dot(&of.t().dot(a)))
    }

    #[test]
    fn with_one_endogenous_variable_all_are_tests_of_the_first_stage() {
        let (x, z, w, groups) = data();
        let n = x.nrows() as f64;
        let x = x.select(Axis(1), &[0]);
        let stage = FirstStage::new(x.view(), z.view(), Some(w.view()), 0).unwrap();
        let (x, z) = (net(&x, &w), net(&z, &w));
        let v = net(&x, &z).column(0).to_owned();
        let (total, left) = (x.column(0).dot(&x.column(0)), v.dot(&v));
        let found = stage.cragg_donald().unwrap();
        let free = n - 2.0 - 3.0;
        let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
        close(found.f, (total - left) / 3.0 / (left / free));
        close(found.wald.statistic, n * (total - left) / left);
        close(found.anderson_lm.statistic, n * (1.0 - left / total));
        assert_eq!(found.wald.p_value, TestStatistic::chi_squared(found.wald.statistic, 3).p_value);
        // The robust forms: the Wald and the score test of the first-stage coefficients.
        let bread = inverse(&z.t().dot(&z));
        let pi = bread.dot(&z.t().dot(&x.column(0)));
        for clustered in [false, true] {
            let meat = |e: &Array1<f64>| {
                let rows = &z * &e.view().insert_axis(Axis(1));
                let mut sums = Array2::<f64>::zeros((if clustered { 16 } else { x.nrows() }, 3));
                for (i, row) in rows.outer_iter().enumerate() {
                    sums.row_mut(if clustered { groups[i] } else { i }).scaled_add(1.0, &row);
                }
                sums.t().dot(&sums)
            };
            let covariance = if clustered {
                MomentCovariance::clustered(&groups)
            } else {
                MomentCovariance::heteroskedastic()
            };
            let found = stage.kleibergen_paap(&covariance).unwrap();
            let wald = pi.dot(&inverse(&bread.dot(&meat(&v)).dot(&bread)).dot(&pi));
            close(found.wald.statistic, wald);
            let factor = if clustered { (n - 1.0) / free * 16.0 / 15.0 } else { n / free };
            close(found.f, wald / factor / 3.0);
            let score = z.t().dot(&x.column(0));
            close(found.lm.statistic, score.dot(&inverse(&meat(&x.column(0).to_owned())).dot(&score)));
            for test in [found.lm, found.wald] {
                assert_eq!(test.p_value, TestStatistic::chi_squared(test.statistic, 3).p_value);
            }
        }
    }

    #[test]
    fn with_two_the_smallest_canonical_correlation_counts_and_their_basis_does_not() {
        let (x, z, w, groups) = data();
        let n = x.nrows() as f64;
        let (own, instruments) = (net(&x, &w), net(&z, &w));
        let explained = &own - &net(&own, &instruments);
        let a = inverse(&own.t().dot(&own)).dot(&own.t().dot(&explained));
        let (trace, determinant) = (a[[0, 0]] + a[[1, 1]], a[[0, 0]] * a[[1, 1]] - a[[0, 1]] * a[[1, 0]]);
        let r2 = trace / 2.0 - (trace * trace / 4.0 - determinant).sqrt();
        let stage = FirstStage::new(x.view(), z.view(), Some(w.view()), 0).unwrap();
        let found = stage.cragg_donald().unwrap();
        let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-8, "{a} {b}");
        close(found.anderson_lm.statistic, n * r2);
        close(found.wald.statistic, n * r2 / (1.0 - r2));
        close(found.f, (n - 5.0) / 3.0 * r2 / (1.0 - r2));
        // Three instruments for two variables: two degrees of freedom.
        assert_eq!(found.wald.p_value, TestStatistic::chi_squared(found.wald.statistic, 2).p_value);
        let turned = x.dot(&array![[1.0, 2.0], [-0.5, 3.0]]);
        let mixed = z.dot(&array![[1.0, 0.2, 0.0], [0.3, -2.0, 0.1], [0.0, 1.0, 5.0]]);
        let other = FirstStage::new(turned.view(), mixed.view(), Some(w.view()), 0).unwrap();
        close(other.cragg_donald().unwrap().f, found.f);
        for covariance in [MomentCovariance::heteroskedastic(), MomentCovariance::clustered(&groups)] {
            let (a, b) =
                (stage.kleibergen_paap(&covariance).unwrap(), other.kleibergen_paap(&covariance).unwrap());
            for (a, b) in [(a.lm, b.lm), (a.wald, b.wald)] {
                close(a.statistic, b.statistic);
                assert_eq!(a.p_value, TestStatistic::chi_squared(a.statistic, 2).p_value);
            }
            close(a.f, b.f);
        }
    }
}
