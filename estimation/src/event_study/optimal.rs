use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT, ZeroConeT,
};
use ndarray::{Array1, Array2, ArrayView1};

use super::bounds::RobustInterval;
use super::{EventPath, EventStudyError};
use crate::distribution::Reference;

/// Linear combinations `l'beta_post + v'beta_pre` that cancel linear differences in trends, by worst-case bias.
///
/// Count periods from the reference one: `delta_k`, `k > 0` after, `delta_(-j)`, `j > 0` before. With slope
/// `s = delta_1` and second differences `d_u`,
/// `delta_k = k s + sum_(0 < u < k) (k - u) d_u` and
/// `delta_(-j) = -j (s - d_0) + sum_(0 < u < j) (j - u) d_(-u)`.
/// The bias is bounded when the weight on `s` is zero; its worst case is `m` times the sum of absolute weights
/// on the `d_u`.
pub(super) struct Frontier {
    /// Effects and covariance with nearest periods first: `j = 1..T` before, then `k = 1..P` after.
    effects: Array1<f64>,
    covariance: Array2<f64>,
    before: usize,
    weights: Array1<f64>,
    /// Bias at `m = 1` from second differences after the reference period, which no choice of `v` changes.
    fixed_bias: f64,
    /// The combination of least bias and the one of least variance, with their biases from `d_u`, `u <= 0`.
    least_bias: f64,
    most_bias: f64,
}

impl Frontier {
    pub(super) fn new(path: &EventPath, weights: ArrayView1<'_, f64>) -> Result<Self, EventStudyError> {
        let mut order = path.before();
        order.reverse();
        let before = order.len();
        order.extend(path.after());
        let weights = weights.to_owned();
        let periods = weights.len();
        let fixed_bias = (1..periods)
            .map(|u| {
                let weight: f64 = (u + 1..=periods).map(|k| (k - u) as f64 * weights[k - 1]).sum();
                weight.abs()
            })
            .sum();
        let mut frontier = Self {
            effects: order.iter().map(|k| path.effects[*k]).collect(),
            covariance: Array2::from_shape_fn((order.len(), order.len()), |(i, j)| {
                path.covariance[[order[i], order[j]]]
            }),
            before,
            weights,
            fixed_bias,
            least_bias: 0.0,
            most_bias: 0.0,
        };
        let least = frontier.solve(Objective::Bias)?;
        frontier.least_bias = frontier.bias(&least);
        let calm = frontier.solve(Objective::Variance { bias_at_most: None })?;
        frontier.most_bias = frontier.bias(&calm).max(frontier.least_bias);
        Ok(frontier)
    }

    /// The shortest fixed-length interval at bound `m`.
    pub(super) fn interval(&self, m: f64, level: f64) -> Result<RobustInterval, EventStudyError> {
        let at = |bias: f64| -> Result<(f64, f64), EventStudyError> {
            let v = self.solve(Objective::Variance { bias_at_most: Some(bias) })?;
            let combination: Array1<f64> = v.iter().chain(&self.weights).copied().collect();
            let se = combination.dot(&self.covariance.dot(&combination)).max(0.0).sqrt();
            let worst = m * (self.fixed_bias + self.bias(&v));
            let half = if se > 0.0 { se * folded_quantile(worst / se, level) } else { worst };
            Ok((half, combination.dot(&self.effects)))
        };
        let (mut low, mut high) = (self.least_bias, self.most_bias);
        let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
        if m == 0.0 {
            low = high;
        }
        let mut left = high - golden * (high - low);
        let mut right = low + golden * (high - low);
        let (mut at_left, mut at_right) = (at(left)?, at(right)?);
        while high - low > 1e-6 * self.most_bias {
            if at_left.0 <= at_right.0 {
                (high, right, at_right) = (right, left, at_left);
                left = high - golden * (high - low);
                at_left = at(left)?;
            } else {
                (low, left, at_left) = (left, right, at_right);
                right = low + golden * (high - low);
                at_right = at(right)?;
            }
        }
        let (half, centre) = if at_left.0 <= at_right.0 { at_left } else { at_right };
        Ok(RobustInterval { bound: m, lower: centre - half, upper: centre + half, level })
    }

    /// Weight of `v_j` on `d_(-u)`, `j` from 1, `u` from 0.
    fn weight(j: usize, u: usize) -> f64 {
        j.saturating_sub(u) as f64
    }

    /// `sum_u |weight on d_u|`, `u <= 0`.
    fn bias(&self, v: &Array1<f64>) -> f64 {
        (0..self.before)
            .map(|u| {
                let weight: f64 = v.iter().enumerate().map(|(i, v)| Self::weight(i + 1, u) * v).sum();
                weight.abs()
            })
            .sum()
    }

    /// Minimises over `x = (v, b)`, `b_u >= |weight on d_u|`.
    fn solve(&self, objective: Objective) -> Result<Array1<f64>, EventStudyError> {
        let t = self.before;
        let scale = self.covariance.diag().sum().max(f64::MIN_POSITIVE) / self.covariance.nrows() as f64;
        let mut p = vec![vec![0.0; 2 * t]; 2 * t];
        let mut q = vec![0.0; 2 * t];
        let mut bias_at_most = None;
        match objective {
            Objective::Bias => q[t..].fill(1.0),
            Objective::Variance { bias_at_most: limit } => {
                bias_at_most = limit;
                for i in 0..t {
                    for (j, entry) in p[i].iter_mut().enumerate().take(t) {
                        *entry = self.covariance[[i, j]] / scale;
                    }
                    q[i] = (0..self.weights.len())
                        .map(|k| self.covariance[[i, t + k]] * self.weights[k] / scale)
                        .sum();
                }
            }
        }
        // The slope: sum_j j v_j = sum_k k l_k.
        let mut rows =
            vec![(0..2 * t).map(|i| if i < t { (i + 1) as f64 } else { 0.0 }).collect::<Vec<f64>>()];
        let mut b = vec![self.weights.iter().enumerate().map(|(k, l)| (k + 1) as f64 * l).sum::<f64>()];
        for u in 0..t {
            for sign in [1.0, -1.0] {
                let mut row: Vec<f64> =
                    (0..2 * t).map(|i| if i < t { sign * Self::weight(i + 1, u) } else { 0.0 }).collect();
                row[t + u] = -1.0;
                rows.push(row);
                b.push(0.0);
            }
        }
        if let Some(limit) = bias_at_most {
            rows.push((0..2 * t).map(|i| f64::from(u8::from(i >= t))).collect());
            // A hair of slack keeps the feasible set's interior open at the least bias.
            b.push(limit * (1.0 + 1e-7) + 1e-10);
        }
        let inequalities = rows.len() - 1;
        let cones: Vec<SupportedConeT<f64>> = vec![ZeroConeT(1), NonnegativeConeT(inequalities)];
        let settings = DefaultSettings {
            verbose: false,
            tol_gap_abs: 1e-10,
            tol_gap_rel: 1e-10,
            tol_feas: 1e-10,
            ..DefaultSettings::default()
        };
        // The solver reads the upper triangle of the quadratic form.
        for (i, row) in p.iter_mut().enumerate() {
            row[..i].fill(0.0);
        }
        let (p, a) = (CscMatrix::from(&p), CscMatrix::from(&rows));
        let mut solver = DefaultSolver::new(&p, &q, &a, &b, &cones, settings)
            .map_err(|error| EventStudyError::Programme(error.to_string()))?;
        solver.solve();
        match solver.solution.status {
            SolverStatus::Solved | SolverStatus::AlmostSolved => {
                Ok(solver.solution.x.iter().take(t).copied().collect())
            }
            status => Err(EventStudyError::Programme(format!("{status:?}"))),
        }
    }
}

enum Objective {
    Bias,
    Variance { bias_at_most: Option<f64> },
}

/// The quantile of `|N(b, 1)|`.
pub(super) fn folded_quantile(b: f64, level: f64) -> f64 {
    // To rounding; the error function of `statrs` is off by parts in 1e11 here.
    let upper_tail = |x: f64| 0.5 * libm::erfc(x / std::f64::consts::SQRT_2);
    // P(|N(b, 1)| > c) = P(N > c - b) + P(N > c + b).
    let exceeds = |c: f64| upper_tail(c - b) + upper_tail(c + b) > 1.0 - level;
    let z = Reference::Normal.quantile(0.5 + level / 2.0);
    let (mut low, mut high) = (b, b + z + 1.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if exceeds(middle) { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::folded_quantile;

    #[test]
    fn folded_quantiles_run_from_two_sided_to_one_sided() {
        assert!((folded_quantile(0.0, 0.95) - 1.959963984540054).abs() < 1e-12);
        // Armstrong and Kolesar (2020, table 1) print 2.18 at a bias of half a standard error, 2.65 at one.
        assert!((folded_quantile(0.5, 0.95) - 2.18).abs() < 0.005);
        assert!((folded_quantile(1.0, 0.95) - 2.65).abs() < 0.005);
        assert!((folded_quantile(30.0, 0.95) - 30.0 - 1.644853626951472).abs() < 1e-9);
    }
}
