use linalg::{Cholesky, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};

use super::error::{require, require_finite};
use super::estimator::invert;
use super::{Differentiable, GmmError, Moments};
use crate::statistic::TestStatistic;

/// Linear instrumental variables as moments, `E[z (y - x' beta)] = 0`: each step has a closed form.
///
/// `z` holds every exogenous variable, included and excluded. Fixed effects are to be partialled out of all
/// three first.
#[derive(Debug, Clone)]
pub struct LinearIv<'a> {
    y: ArrayView1<'a, f64>,
    x: ArrayView2<'a, f64>,
    z: ArrayView2<'a, f64>,
    zx: Array2<f64>,
    zy: Array1<f64>,
    names: Vec<String>,
}

impl<'a> LinearIv<'a> {
    /// Takes the outcome `[n]`, regressors `[n, p]` and instruments `[n, q]`.
    ///
    /// # Errors
    /// [`GmmError::Shape`], [`GmmError::InvalidInput`] or [`GmmError::Underidentified`].
    pub fn new(
        y: ArrayView1<'a, f64>,
        x: ArrayView2<'a, f64>,
        z: ArrayView2<'a, f64>,
    ) -> Result<Self, GmmError> {
        require("rows of the regressors", y.len(), x.nrows())?;
        require("rows of the instruments", y.len(), z.nrows())?;
        require_finite("outcome", y)?;
        require_finite("regressors", x)?;
        require_finite("instruments", z)?;
        if z.ncols() < x.ncols() {
            return Err(GmmError::Underidentified { moments: z.ncols(), parameters: x.ncols() });
        }
        let n = y.len() as f64;
        let zx = matmul(z.t(), x)? / n;
        let zy = z.t().dot(&y) / n;
        let names = (1..=x.ncols()).map(|k| format!("x{k}")).collect();
        Ok(Self { y, x, z, zx, zy, names })
    }

    /// Names the regressors.
    ///
    /// # Errors
    /// [`GmmError::Shape`] when there are not as many names as regressors.
    pub fn with_names(mut self, names: Vec<String>) -> Result<Self, GmmError> {
        require("names", self.x.ncols(), names.len())?;
        self.names = names;
        Ok(self)
    }

    /// The weight `(Z'Z/n)^-1`, which makes the first step two-stage least squares.
    ///
    /// # Errors
    /// [`GmmError::Collinear`] when the instruments are collinear.
    pub fn two_stage_weight(&self) -> Result<Array2<f64>, GmmError> {
        let n = self.y.len() as f64;
        invert(&(matmul(self.z.t(), self.z)? / n))?.ok_or(GmmError::Collinear { what: "instruments" })
    }

    /// Sargan's (1958) test of the over-identifying restrictions for homoskedastic, independent errors,
    /// `n e'P_z e / e'e` at the two-stage least squares estimates; `None` when just identified. Its robust
    /// counterparts are [`GmmFit::hansen`](super::GmmFit::hansen) after one step or two.
    ///
    /// # Errors
    /// [`GmmError::Collinear`] when the instruments are collinear.
    pub fn sargan(&self, beta: ArrayView1<'_, f64>) -> Result<Option<TestStatistic>, GmmError> {
        let df = self.z.ncols() - self.x.ncols();
        if df == 0 {
            return Ok(None);
        }
        let n = self.y.len() as f64;
        let e = self.residuals(beta);
        let g = self.z.t().dot(&e) / n;
        let statistic = n * n * g.dot(&self.two_stage_weight()?.dot(&g)) / e.dot(&e);
        Ok(Some(TestStatistic::chi_squared(statistic, df)))
    }

    /// Residuals `y - x' beta`.
    pub fn residuals(&self, beta: ArrayView1<'_, f64>) -> Array1<f64> {
        &self.y - &self.x.dot(&beta)
    }
}

impl Moments for LinearIv<'_> {
    fn observations(&self) -> usize {
        self.y.len()
    }
    fn moments(&self) -> usize {
        self.z.ncols()
    }
    fn parameters(&self) -> usize {
        self.x.ncols()
    }
    fn contributions(&self, theta: ArrayView1<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        out.assign(&self.z);
        out *= &self.residuals(theta).insert_axis(Axis(1));
    }
    fn parameter_names(&self) -> Vec<String> {
        self.names.clone()
    }
}

impl Differentiable for LinearIv<'_> {
    fn derivative(&self, _theta: ArrayView1<'_, f64>, k: usize, mut out: ArrayViewMut2<'_, f64>) {
        out.assign(&self.z);
        out *= &self.x.column(k).mapv(|v| -v).insert_axis(Axis(1));
    }

    fn mean_jacobian(&self, _theta: ArrayView1<'_, f64>) -> Array2<f64> {
        -&self.zx
    }

    /// `(X'Z W Z'X)^-1 X'Z W Z'y`.
    fn closed_form(&self, weight: &Array2<f64>) -> Option<Array1<f64>> {
        let xw = matmul(self.zx.t(), weight.view()).ok()?;
        let information = matmul(xw.view(), self.zx.view()).ok()?;
        Cholesky::well_conditioned(information.view()).ok()?.solve(xw.dot(&self.zy).view()).ok()
    }
}
