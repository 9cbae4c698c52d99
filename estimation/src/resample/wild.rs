use std::hash::Hash;

use linalg::{Cholesky, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand::RngExt;
use rayon::prelude::*;

use super::error::{require, require_finite, require_probability, require_value, share_as_large};
use super::{ResampleError, stream};
use crate::gmm::codes;

/// The distribution of the weight that multiplies a cluster's residuals: mean zero, variance one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WildWeights {
    /// -1 or 1. All `2^G` combinations are used, each once, when there are no more of them than draws.
    Rademacher,
    /// Webb's (2023) six points, `+-sqrt(1/2), +-1, +-sqrt(3/2)`: for fewer than about 12 clusters.
    Webb,
    /// Mammen's (1993) two points, which match a third moment of one.
    Mammen,
}

impl WildWeights {
    /// Its name in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rademacher => "Rademacher",
            Self::Webb => "Webb",
            Self::Mammen => "Mammen",
        }
    }

    /// How many draws to make for so many clusters when `wanted` are asked for, and whether they are all there are.
    pub(super) fn plan(self, groups: usize, wanted: usize) -> (u64, bool) {
        let all = self == Self::Rademacher && groups < 63 && (1_u64 << groups) <= wanted as u64;
        (if all { 1 << groups } else { wanted as u64 }, all)
    }

    /// The weights of one draw.
    pub(super) fn draw(self, seed: u64, groups: usize, draw: u64, enumerated: bool) -> Vec<f64> {
        if enumerated {
            return (0..groups).map(|g| if draw >> g & 1 == 1 { 1.0 } else { -1.0 }).collect();
        }
        let mut rng = stream(seed, draw);
        (0..groups)
            .map(|_| match self {
                Self::Rademacher => {
                    if rng.random::<bool>() {
                        1.0
                    } else {
                        -1.0
                    }
                }
                Self::Webb => {
                    let six: [f64; 6] = [-1.5, -1.0, -0.5, 0.5, 1.0, 1.5];
                    let v = six[rng.random_range(0..6)];
                    v.signum() * v.abs().sqrt()
                }
                Self::Mammen => {
                    let root = 5.0_f64.sqrt();
                    let p = (root + 1.0) / (2.0 * root);
                    if rng.random::<f64>() < p { (1.0 - root) / 2.0 } else { (1.0 + root) / 2.0 }
                }
            })
            .collect()
    }
}

/// The wild cluster bootstrap of Cameron, Gelbach and Miller (2008) for a linear model, computed from sums by
/// cluster as in Roodman, MacKinnon, Nielsen and Webb (2019): a draw costs `G p` operations whatever `n`.
///
/// Fixed effects may be partialled out of `y` and `x` beforehand when each lies within one cluster (the draw's
/// weight is then constant over the effect); others are to be columns of `x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WildCluster {
    /// Distribution of the weights.
    pub weights: WildWeights,
    /// Draws. `alpha (draws + 1)` should be an integer: 999 or 9,999.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
    /// Whether residuals come from the model estimated under the null ("WCR", recommended) or not ("WCU").
    pub impose_null: bool,
}

/// The result of a wild cluster bootstrap test.
#[derive(Debug, Clone, PartialEq)]
pub struct WildTest {
    /// The t statistic of the sample with the cluster-robust variance, `G/(G-1) (n-1)/(n-p)`.
    pub t: f64,
    /// Share of draws with `|t*| >= |t|`; draws without a standard error count, here and below on both sides.
    pub p_value: f64,
    /// Twice the smaller share of `t* < t` and `t* > t`.
    pub p_value_equal_tail: f64,
    /// The bootstrap t statistics, in the order of the draws.
    pub t_star: Vec<f64>,
    /// Whether all combinations of Rademacher weights were used.
    pub enumerated: bool,
}

/// A confidence interval of all values that the bootstrap test does not reject.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WildInterval {
    /// Lower end; minus infinity when the test never rejects that way.
    pub lower: f64,
    /// Upper end; infinity when the test never rejects that way.
    pub upper: f64,
    /// The confidence level.
    pub level: f64,
}

impl WildCluster {
    /// Tests `c'beta = value`.
    ///
    /// # Errors
    /// See [`ResampleError`].
    pub fn test<T: Hash + Eq>(
        &self,
        y: ArrayView1<'_, f64>,
        x: ArrayView2<'_, f64>,
        clusters: &[T],
        c: ArrayView1<'_, f64>,
        value: f64,
    ) -> Result<WildTest, ResampleError> {
        require_value(value)?;
        let model = Model::new(y, x, clusters, c)?;
        self.check()?;
        model.test(self, value)
    }

    /// The interval of values of `c'beta` with a bootstrap p-value above `1 - level`, by bisection of the p-value
    /// with the same draws at every value.
    ///
    /// # Errors
    /// See [`ResampleError`].
    pub fn interval<T: Hash + Eq>(
        &self,
        y: ArrayView1<'_, f64>,
        x: ArrayView2<'_, f64>,
        clusters: &[T],
        c: ArrayView1<'_, f64>,
        level: f64,
    ) -> Result<WildInterval, ResampleError> {
        require_probability("level", level)?;
        let model = Model::new(y, x, clusters, c)?;
        self.check()?;
        let alpha = 1.0 - level;
        let keeps =
            |value: f64| -> Result<bool, ResampleError> { Ok(model.test(self, value)?.p_value > alpha) };
        let mut ends = [f64::NEG_INFINITY, f64::INFINITY];
        for (end, sign) in ends.iter_mut().zip([-1.0, 1.0]) {
            let mut inner = model.estimate;
            let mut width = 2.0 * model.se;
            let mut outer = None;
            for _ in 0..20 {
                let candidate = model.estimate + sign * width;
                if keeps(candidate)? {
                    inner = candidate;
                    width *= 2.0;
                } else {
                    outer = Some(candidate);
                    break;
                }
            }
            let Some(mut outer) = outer else { continue };
            while (outer - inner).abs() > 1e-7 * model.se {
                let middle = 0.5 * (inner + outer);
                if middle == inner || middle == outer {
                    break;
                }
                if keeps(middle)? { inner = middle } else { outer = middle }
            }
            *end = 0.5 * (inner + outer);
        }
        Ok(WildInterval { lower: ends[0], upper: ends[1], level })
    }

    fn check(&self) -> Result<(), ResampleError> {
        match self.draws {
            0 => Err(ResampleError::TooFew { what: "draws", needed: 1, found: 0 }),
            _ => Ok(()),
        }
    }
}

/// What a draw needs, summed by cluster.
struct Model {
    groups: usize,
    estimate: f64,
    se: f64,
    /// `c'(X'X)^-1 c`.
    leverage: f64,
    small_sample: f64,
    /// `X_g' u_g` of the unrestricted residuals, `[G, p]`.
    scores: Array2<f64>,
    /// `X_g'X_g (X'X)^-1 c`, `[G, p]`.
    loads: Array2<f64>,
    inverse: Array2<f64>,
    direction: Array1<f64>,
}

impl Model {
    fn new<T: Hash + Eq>(
        y: ArrayView1<'_, f64>,
        x: ArrayView2<'_, f64>,
        clusters: &[T],
        c: ArrayView1<'_, f64>,
    ) -> Result<Self, ResampleError> {
        let (n, p) = x.dim();
        require("rows of the outcome", n, y.len())?;
        require("cluster labels", n, clusters.len())?;
        require("weights of the tested combination", p, c.len())?;
        require_finite("outcome", y)?;
        require_finite("regressors", x)?;
        if n <= p {
            return Err(ResampleError::TooFew { what: "rows", needed: p + 1, found: n });
        }
        let (ids, groups) = codes(clusters);
        if groups < 2 {
            return Err(ResampleError::TooFew { what: "clusters", needed: 2, found: groups });
        }
        let inverse = Cholesky::well_conditioned(matmul(x.t(), x)?.view())?.inverse()?;
        let beta = inverse.dot(&x.t().dot(&y));
        let residuals = &y - &x.dot(&beta);
        let direction = inverse.dot(&c);
        let loaded = x.dot(&direction);
        let mut scores = Array2::zeros((groups, p));
        let mut loads = Array2::zeros((groups, p));
        for (i, id) in ids.iter().enumerate() {
            scores.row_mut(*id).scaled_add(residuals[i], &x.row(i));
            loads.row_mut(*id).scaled_add(loaded[i], &x.row(i));
        }
        let (g, n, p) = (groups as f64, n as f64, p as f64);
        let small_sample = g / (g - 1.0) * (n - 1.0) / (n - p);
        let se = scores.dot(&direction).mapv(|s| s * s).sum().sqrt() * small_sample.sqrt();
        if !(se > 0.0 && se.is_finite()) {
            return Err(ResampleError::NoVariation);
        }
        Ok(Self {
            groups,
            estimate: c.dot(&beta),
            se,
            leverage: c.dot(&direction),
            small_sample,
            scores,
            loads,
            inverse,
            direction,
        })
    }

    /// Restricting `c'beta` to `value` changes `beta` by `-(X'X)^-1 c gap / leverage` and so the score of cluster
    /// `g` by `X_g'X_g (X'X)^-1 c gap / leverage`.
    fn test(&self, wild: &WildCluster, value: f64) -> Result<WildTest, ResampleError> {
        let gap = self.estimate - value;
        let t = gap / self.se;
        let scores = if wild.impose_null {
            &self.scores + &(&self.loads * (gap / self.leverage))
        } else {
            self.scores.clone()
        };
        let own = scores.dot(&self.direction);
        let moved = matmul(scores.view(), self.inverse.view())?;
        let (draws, enumerated) = wild.weights.plan(self.groups, wild.draws);
        let t_star: Vec<f64> = (0..draws)
            .into_par_iter()
            .map(|draw| {
                let v = Array1::from_vec(wild.weights.draw(wild.seed, self.groups, draw, enumerated));
                let shift = v.dot(&own);
                // beta* less its centre; a cluster's bootstrap score is v_g s_g - X_g'X_g (beta* - centre).
                let change = moved.t().dot(&v);
                let fitted = self.loads.dot(&change);
                let meat: f64 =
                    v.iter().zip(&own).zip(&fitted).map(|((v, s), f)| (v * s - f) * (v * s - f)).sum();
                shift / (meat * self.small_sample).sqrt()
            })
            .collect();
        let p_value = share_as_large(&t_star, t);
        let total = t_star.len() as f64;
        let share = |f: &dyn Fn(&f64) -> bool| t_star.iter().filter(|s| f(s)).count() as f64 / total;
        let tie = 1e-10 * t.abs();
        let (below, above) = (share(&|s| s.is_nan() || *s < t - tie), share(&|s| s.is_nan() || *s > t + tie));
        let p_value_equal_tail = (2.0 * below.min(above)).min(1.0);
        Ok(WildTest { t, p_value, p_value_equal_tail, t_star, enumerated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_the_points_and_the_moments_of_their_distribution() {
        let golden = (1.0 + 5.0_f64.sqrt()) / 2.0;
        let six = [0.5_f64, 1.0, 1.5].map(f64::sqrt);
        let webb = [-six[2], -six[1], -six[0], six[0], six[1], six[2]];
        let n = 60_000;
        for (weights, points, shares, third) in [
            (WildWeights::Rademacher, vec![-1.0, 1.0], vec![0.5, 0.5], 0.0),
            (WildWeights::Webb, webb.to_vec(), vec![1.0 / 6.0; 6], 0.0),
            (
                WildWeights::Mammen,
                vec![1.0 - golden, golden],
                vec![golden / 5.0_f64.sqrt(), 1.0 - golden / 5.0_f64.sqrt()],
                1.0,
            ),
        ] {
            let v = weights.draw(17, n, 3, false);
            let mut counts = vec![0.0; points.len()];
            for v in &v {
                let at = points.iter().position(|p| (p - v).abs() < 1e-12).unwrap();
                counts[at] += 1.0 / n as f64;
            }
            for (count, share) in counts.iter().zip(&shares) {
                assert!((count - share).abs() < 0.01, "{weights:?}: {counts:?}");
            }
            // The distribution itself, not only the draws, has mean zero, variance one and the third moment named.
            let moment = |k: i32| points.iter().zip(&shares).map(|(p, s)| s * p.powi(k)).sum::<f64>();
            assert!(
                moment(1).abs() < 1e-12
                    && (moment(2) - 1.0).abs() < 1e-12
                    && (moment(3) - third).abs() < 1e-12
            );
            assert_ne!(v, weights.draw(17, n, 4, false));
        }
    }

    #[test]
    fn all_signs_are_used_once_when_there_are_no_more_of_them_than_draws() {
        assert_eq!(WildWeights::Rademacher.plan(9, 512), (512, true));
        assert_eq!(WildWeights::Rademacher.plan(9, 999), (512, true));
        assert_eq!(WildWeights::Rademacher.plan(9, 511), (511, false));
        assert_eq!(WildWeights::Rademacher.plan(62, usize::MAX), (1 << 62, true));
        assert_eq!(WildWeights::Rademacher.plan(63, usize::MAX), (usize::MAX as u64, false));
        assert_eq!(WildWeights::Rademacher.plan(64, 999), (999, false));
        assert_eq!(WildWeights::Webb.plan(2, 999), (999, false));
        assert_eq!(WildWeights::Mammen.plan(2, 999), (999, false));
        let mut all: Vec<Vec<i8>> = (0..16)
            .map(|draw| WildWeights::Rademacher.draw(1, 4, draw, true).into_iter().map(|v| v as i8).collect())
            .collect();
        all.sort();
        all.dedup();
        assert!(all.len() == 16 && all.iter().flatten().all(|v| v.abs() == 1));
    }
}
