//! What the estimators minimise, and the parameters behind its minimum.

use super::Estimator;
use super::moments::Moments;
use linalg::{LinalgError, SymmetricEigen, inverse};
use ndarray::{Array2, array};

type Matrix = [[f64; 3]; 3];

/// `between` and `within` hold `sum w (y, x1, x2)(y, x1, x2)'`, between varieties net of the constant (or its substitute), and
/// within them; `a = (1, -theta1, -theta2)`. The criterion is `a'between a`, for LIML over `a'within a`.
pub(super) struct Criterion {
    estimator: Estimator,
    between: Matrix,
    within: Matrix,
}

impl Criterion {
    pub(super) fn new(varieties: &[Moments], estimator: Estimator) -> Self {
        let means: Vec<(f64, f64, [f64; 3])> = varieties
            .iter()
            .map(|variety| {
                let t = variety.years as f64;
                let (weight, one) = match estimator {
                    Estimator::BrodaWeinstein => {
                        (t.powi(3) / variety.inverse_quantity, variety.inverse_quantity)
                    }
                    _ => (t, 1.0),
                };
                (weight, one, variety.sum.map(|sum| sum / t))
            })
            .collect();
        // Take the constant, or what stands for it, out of the means.
        let norm: f64 = means.iter().map(|(w, c, _)| w * c * c).sum();
        let slope: [f64; 3] =
            std::array::from_fn(|k| means.iter().map(|(w, c, mean)| w * c * mean[k]).sum::<f64>() / norm);
        let (mut between, mut within) = (Matrix::default(), Matrix::default());
        for ((w, c, mean), variety) in means.iter().zip(varieties) {
            let net: [f64; 3] = std::array::from_fn(|k| mean[k] - c * slope[k]);
            for i in 0..3 {
                for j in 0..3 {
                    between[i][j] += w * net[i] * net[j];
                    within[i][j] += variety.squares[i][j] - variety.sum[i] * mean[j];
                }
            }
        }
        Self { estimator, between, within }
    }

    /// The unconstrained minimum.
    pub(super) fn minimise(&self) -> Result<[f64; 2], LinalgError> {
        let lambda = match self.estimator {
            Estimator::Soderbery => {
                let dense = |m: &Matrix| Array2::from_shape_fn((3, 3), |(i, j)| m[i][j]);
                let root = SymmetricEigen::new(dense(&self.within).view())?
                    .map(|l| 1.0 / l.max(f64::MIN_POSITIVE).sqrt());
                let ratio = root.dot(&dense(&self.between)).dot(&root);
                SymmetricEigen::new(ratio.view())?.values.first().copied().unwrap_or(0.0).max(0.0)
            }
            _ => 0.0,
        };
        let at = |i: usize, j: usize| self.between[i][j] - lambda * self.within[i][j];
        let block = array![[at(1, 1), at(1, 2)], [at(2, 1), at(2, 2)]];
        let theta = inverse(block.view())?.dot(&array![at(1, 0), at(2, 0)]);
        Ok([theta[0], theta[1]])
    }

    fn value(&self, sigma: f64, rho: f64) -> f64 {
        let theta = coefficients(sigma, rho);
        let a = [1.0, -theta[0], -theta[1]];
        let form = |m: &Matrix| -> f64 {
            (0..3).map(|i| a[i] * (m[i][0] * a[0] + m[i][1] * a[1] + m[i][2] * a[2])).sum()
        };
        match self.estimator {
            Estimator::Soderbery => form(&self.between) / form(&self.within),
            _ => form(&self.between),
        }
    }

    /// The minimum over `1 < sigma <= 131`, `0 <= rho < (sigma-1)/sigma`, by grids that close in on it.
    pub(super) fn minimise_in_range(&self) -> (f64, f64) {
        const POINTS: usize = 60;
        let bounds = ((0.05_f64).ln(), (130.0_f64).ln());
        let (mut low, mut high) = ([bounds.0, 0.0], [bounds.1, 0.999]);
        let mut best = (f64::INFINITY, [0.0; 2]);
        for _ in 0..6 {
            for i in 0..=POINTS {
                for j in 0..=POINTS {
                    let at = |k: usize, n: usize| low[k] + (high[k] - low[k]) * n as f64 / POINTS as f64;
                    let point = [at(0, i), at(1, j)];
                    let sigma = 1.0 + point[0].exp();
                    let value = self.value(sigma, point[1] * (sigma - 1.0) / sigma);
                    if value < best.0 {
                        best = (value, point);
                    }
                }
            }
            for k in 0..2 {
                let reach = 2.0 * (high[k] - low[k]) / POINTS as f64;
                let limits = if k == 0 { bounds } else { (0.0, 0.999) };
                (low[k], high[k]) = ((best.1[k] - reach).max(limits.0), (best.1[k] + reach).min(limits.1));
            }
        }
        let sigma = 1.0 + best.1[0].exp();
        (sigma, best.1[1] * (sigma - 1.0) / sigma)
    }
}

/// `theta` from `sigma` and `rho`.
pub(super) fn coefficients(sigma: f64, rho: f64) -> [f64; 2] {
    [rho / ((sigma - 1.0).powi(2) * (1.0 - rho)), (2.0 * rho - 1.0) / ((sigma - 1.0) * (1.0 - rho))]
}

/// `sigma` and `rho` from `theta` (Feenstra 1994, proposition 2); `None` where they are out of range.
pub(super) fn parameters([theta1, theta2]: [f64; 2]) -> Option<(f64, f64)> {
    if theta1 <= 0.0 || !theta1.is_finite() || !theta2.is_finite() {
        return None;
    }
    let root = (0.25 - 1.0 / (4.0 + theta2 * theta2 / theta1)).max(0.0).sqrt();
    let rho = if theta2 > 0.0 { 0.5 + root } else { 0.5 - root };
    // `(2 rho - 1)/theta2` has no value at `theta2 = 0`; from `theta1` the same number comes without division by it.
    let sigma = 1.0 + (rho / (theta1 * (1.0 - rho))).sqrt();
    (sigma.is_finite() && sigma > 1.0 && rho > 0.0 && rho < (sigma - 1.0) / sigma).then_some((sigma, rho))
}

/// `d(theta1, theta2) / d(sigma, rho)`.
pub(super) fn jacobian(sigma: f64, rho: f64) -> Array2<f64> {
    let (b, c) = (sigma - 1.0, 1.0 - rho);
    array![
        [-2.0 * rho / (b.powi(3) * c), 1.0 / (b * b * c * c)],
        [-(2.0 * rho - 1.0) / (b * b * c), 1.0 / (b * c * c)]
    ]
}
