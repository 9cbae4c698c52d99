use std::hash::Hash;

use linalg::{Cholesky, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate};
use rayon::prelude::*;

use super::error::{require, require_finite, require_value, share_as_large};
use super::{ResampleError, WildWeights};
use crate::gmm::codes;

/// The wild restricted efficient residual bootstrap of Davidson and MacKinnon (2010), by clusters as in Roodman,
/// MacKinnon, Nielsen and Webb (2019), for the coefficient of one endogenous regressor under two-stage least squares.
///
/// A draw keeps the null, `y* = theta0 Y* + X g + v u` and `Y* = Z p + X d + v e`, each cluster's residuals of both
/// equations multiplied by one weight `v`. `u` comes from the structural equation under the null, `p` and `d` from the
/// reduced form with `u` beside the instruments, which makes them efficient: that is what keeps the test near its size
/// when instruments are weak. It is computed from sums by cluster.
///
/// Fixed effects may be partialled out of all variables beforehand when each lies within one cluster; others are to be
/// columns of `x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WildInstruments {
    /// Distribution of the weights.
    pub weights: WildWeights,
    /// Draws. `alpha (draws + 1)` should be an integer: 999 or 9,999.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
}

/// The result of a wild bootstrap test with instruments.
#[derive(Debug, Clone, PartialEq)]
pub struct WildIvTest {
    /// The two-stage least-squares estimate.
    pub estimate: f64,
    /// Its standard error, clustered, with `G/(G-1) (n-1)/(n-p)`.
    pub std_error: f64,
    /// `(estimate - value) / standard error`.
    pub t: f64,
    /// Share of draws with `|t*| >= |t|`; draws without a standard error count.
    pub p_value: f64,
    /// The bootstrap t statistics, in the order of the draws.
    pub t_star: Vec<f64>,
    /// Whether all combinations of Rademacher weights were used.
    pub enumerated: bool,
}

impl WildInstruments {
    /// Tests that the coefficient of `endogenous` is `value`: outcome and endogenous regressor `[n]`, exogenous
    /// regressors `x` `[n, k]` (a constant among them if the model has one; `k` may be 0), excluded instruments `z`
    /// `[n, l]`.
    ///
    /// # Errors
    /// See [`ResampleError`].
    pub fn test<T: Hash + Eq>(
        &self,
        y: ArrayView1<'_, f64>,
        endogenous: ArrayView1<'_, f64>,
        x: ArrayView2<'_, f64>,
        z: ArrayView2<'_, f64>,
        clusters: &[T],
        value: f64,
    ) -> Result<WildIvTest, ResampleError> {
        let (n, k, l) = (y.len(), x.ncols(), z.ncols());
        require_value(value)?;
        require("rows of the endogenous regressor", n, endogenous.len())?;
        require("rows of the regressors", n, x.nrows())?;
        require("rows of the instruments", n, z.nrows())?;
        require("cluster labels", n, clusters.len())?;
        require_finite("outcome", y)?;
        require_finite("endogenous regressor", endogenous)?;
        require_finite("regressors", x)?;
        require_finite("instruments", z)?;
        let (ids, groups) = codes(clusters);
        let counts = [
            ("instruments", 1, l),
            ("draws", 1, self.draws),
            ("clusters", 2, groups),
            ("rows", k + l + 2, n),
        ];
        for (what, needed, found) in counts {
            if found < needed {
                return Err(ResampleError::TooFew { what, needed, found });
            }
        }
        let model = Model::new(y, endogenous, x, z, &ids, groups, value)?;
        let (t, estimate, std_error) = model.sample()?;
        let (draws, enumerated) = self.weights.plan(groups, self.draws);
        let t_star: Vec<f64> = (0..draws)
            .into_par_iter()
            .map(|draw| model.draw(&self.weights.draw(self.seed, groups, draw, enumerated)))
            .collect();
        let p_value = share_as_large(&t_star, t);
        Ok(WildIvTest { estimate, std_error, t, p_value, t_star, enumerated })
    }
}

/// Sums by cluster of everything net of the exogenous regressors.
struct Model {
    value: f64,
    small_sample: f64,
    /// `(Z'Z)^-1`, instruments net of the exogenous regressors.
    inverse: Array2<f64>,
    /// `Z_g'Z_g p` for the restricted first stage, `[G, l]`.
    fitted: Array2<f64>,
    /// `Z_g'u_g` and `Z_g'e_g`, `[G, l]`.
    structural: Array2<f64>,
    reduced: Array2<f64>,
    /// `X_g'u_g` and `X_g'e_g`, `[G, k]`.
    structural_x: Array2<f64>,
    reduced_x: Array2<f64>,
    /// `Z_g'X_g (X'X)^-1`, `[G, l k]`.
    leak: Vec<Array2<f64>>,
    /// `Z_g'y_g` and `Z_g'Y_g` of the sample, `[G, l]`.
    outcome: Array2<f64>,
    endogenous: Array2<f64>,
}

impl Model {
    fn new(
        y: ArrayView1<'_, f64>,
        endogenous: ArrayView1<'_, f64>,
        x: ArrayView2<'_, f64>,
        z: ArrayView2<'_, f64>,
        ids: &[usize],
        groups: usize,
        value: f64,
    ) -> Result<Self, ResampleError> {
        let (n, k, l) = (y.len(), x.ncols(), z.ncols());
        let xx = if k == 0 {
            Array2::zeros((0, 0))
        } else {
            Cholesky::well_conditioned(matmul(x.t(), x)?.view())?.inverse()?
        };
        let net = |v: ArrayView1<'_, f64>| &v - &x.dot(&xx.dot(&x.t().dot(&v)));
        let (y, endogenous) = (net(y), net(endogenous));
        let mut instruments = z.to_owned();
        for (mut target, column) in instruments.columns_mut().into_iter().zip(z.columns()) {
            target.assign(&net(column));
        }
        let z = instruments;
        let inverse = Cholesky::well_conditioned(matmul(z.t(), z.view())?.view())?.inverse()?;
        let u = &y - &(&endogenous * value);
        let both = concatenate(Axis(1), &[z.view(), u.view().insert_axis(Axis(1))])
            .map_err(|_| ResampleError::NoVariation)?;
        let first = Cholesky::well_conditioned(matmul(both.t(), both.view())?.view())?
            .solve(both.t().dot(&endogenous).view())?;
        let pi: Array1<f64> = first.iter().take(l).copied().collect();
        let fit = z.dot(&pi);
        let e = &endogenous - &fit;
        let by_cluster = |rows: ArrayView2<'_, f64>, v: &Array1<f64>| {
            let mut sums = Array2::zeros((groups, rows.ncols()));
            for (i, &g) in ids.iter().enumerate() {
                sums.row_mut(g).scaled_add(v[i], &rows.row(i));
            }
            sums
        };
        let mut leak = vec![Array2::zeros((l, k)); groups];
        for (i, &g) in ids.iter().enumerate() {
            for a in 0..l {
                leak[g].row_mut(a).scaled_add(z[[i, a]], &x.row(i));
            }
        }
        let leak = leak.into_iter().map(|m| m.dot(&xx)).collect();
        let (g, n, p) = (groups as f64, n as f64, (k + 1) as f64);
        Ok(Self {
            value,
            small_sample: g / (g - 1.0) * (n - 1.0) / (n - p),
            inverse,
            fitted: by_cluster(z.view(), &fit),
            structural: by_cluster(z.view(), &u),
            reduced: by_cluster(z.view(), &e),
            structural_x: by_cluster(x, &u),
            reduced_x: by_cluster(x, &e),
            leak,
            outcome: by_cluster(z.view(), &y),
            endogenous: by_cluster(z.view(), &endogenous),
        })
    }

    /// Estimate and clustered standard error from `Z_g'y_g` and `Z_g'Y_g`.
    fn two_stage(&self, outcome: &Array2<f64>, endogenous: &Array2<f64>) -> (f64, f64) {
        let (zy, ze) = (outcome.sum_axis(Axis(0)), endogenous.sum_axis(Axis(0)));
        let pi = self.inverse.dot(&ze);
        let strength = pi.dot(&ze);
        let estimate = pi.dot(&zy) / strength;
        let scores = (outcome - &(endogenous * estimate)).dot(&pi);
        let meat = scores.mapv(|s| s * s).sum() * self.small_sample;
        (estimate, meat.sqrt() / strength)
    }

    fn sample(&self) -> Result<(f64, f64, f64), ResampleError> {
        let (estimate, std_error) = self.two_stage(&self.outcome, &self.endogenous);
        if !(std_error > 0.0 && std_error.is_finite() && estimate.is_finite()) {
            return Err(ResampleError::NoVariation);
        }
        Ok(((estimate - self.value) / std_error, estimate, std_error))
    }

    /// The t statistic of one draw.
    fn draw(&self, v: &[f64]) -> f64 {
        let v = ArrayView1::from(v);
        // The exogenous regressors take their part of the perturbed residuals again.
        let net = |own: &Array2<f64>, x: &Array2<f64>| {
            let taken = x.t().dot(&v);
            let mut out = own * &v.insert_axis(Axis(1));
            for (mut row, leak) in out.rows_mut().into_iter().zip(&self.leak) {
                row -= &leak.dot(&taken);
            }
            out
        };
        let endogenous = &self.fitted + &net(&self.reduced, &self.reduced_x);
        let outcome = &endogenous * self.value + net(&self.structural, &self.structural_x);
        let (estimate, std_error) = self.two_stage(&outcome, &endogenous);
        (estimate - self.value) / std_error
    }
}
