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
