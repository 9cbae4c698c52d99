//! Shift-share designs: `z_i = sum_k s_ik g_k`, exposure shares `s` and common shocks `g`.
//!
//! Units with similar shares have similar errors, so errors clustered by place are too small. Two remedies:
//!
//! - [`ShiftShare::akm`]: the variance of Adao, Kolesar and Morales (2019), and their interval that imposes
//!   the null;
//! - [`ShiftShare::shock_level`]: the equivalent regression across shocks of Borusyak, Hull and Jaravel (2022),
//!   with any variance over shocks. Its coefficient is the unit-level one, exactly.
//!
//! Shares that do not sum to one need their sum among the controls; anything else is an error, since the sum
//! itself would then be part of the instrument.
//!
//! # References
//!
//! Adao, Kolesar and Morales (2019), QJE 134; Borusyak, Hull and Jaravel (2022), REStud 89.

use std::hash::Hash;

use linalg::{Cholesky, LinalgError, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use thiserror::Error;

use crate::distribution::Reference;
use crate::gmm::{GmmError, MomentCovariance, codes};
use crate::solve::basis;

/// What can be wrong with a shift-share design.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ShiftShareError {
    /// Two inputs do not fit together.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// What was measured.
        what: &'static str,
        /// The size the rest of the problem calls for.
        expected: usize,
        /// The size found.
        found: usize,
    },
    /// An input is NaN or infinite, or a weight is negative.
    #[error("{what}: entry {index} is {value}; it must be finite, and weights not negative")]
    Invalid {
        /// The input.
        what: &'static str,
        /// Position of the first offending entry.
        index: usize,
        /// The value.
        value: f64,
    },
    /// Shares do not sum to one and their sum is not among the controls.
    #[error(
        "the shares of row {row} sum to {sum}, those of others to other values, and the controls do not span the \
         sum of shares; add it (interacted with period effects, in a panel) to the controls"
    )]
    IncompleteShares {
        /// The row whose sum is furthest from what the controls explain.
        row: usize,
        /// Its sum of shares.
        sum: f64,
    },
    /// There are more shocks than rows, or shocks with collinear exposure.
    #[error(
        "the shares of the {shocks} shocks are collinear over the {rows} rows; merge shocks that hit the same rows"
    )]
    CollinearShares {
        /// Shocks.
        shocks: usize,
        /// Rows.
        rows: usize,
    },
    /// The instrument does not move the regressor once the controls are out.
    #[error("the instrument is constant or unrelated to the regressor, net of the controls")]
    NoVariation,
    /// The confidence level is outside (0, 1).
    #[error("the level is {0}; it must lie strictly between 0 and 1")]
    Level(f64),
    /// The variance over shocks cannot be computed.
    #[error(transparent)]
    Variance(#[from] GmmError),
    /// A matrix operation failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// A shift-share regression of `y` on `x` with the instrument `z = S g`, net of controls.
///
/// For the reduced form give the instrument itself as `x`.
#[derive(Debug, Clone)]
pub struct ShiftShare {
    /// Outcome, regressor and instrument net of controls, each times the square root of the weight.
    y: Array1<f64>,
    x: Array1<f64>,
    z: Array1<f64>,
    /// Shares times the square root of the weight, `[n, K]`.
    shares: Array2<f64>,
    root_weights: Array1<f64>,
    shocks: Array1<f64>,
}

/// Estimates with the Adao-Kolesar-Morales variance.
#[derive(Debug, Clone, PartialEq)]
pub struct AkmFit {
    /// The coefficient.
    pub estimate: f64,
    /// The standard error.
    pub standard_error: f64,
    /// The interval of normal quantiles around the estimate.
    pub interval: (f64, f64),
    /// The set of coefficients not rejected with the null imposed (AKM0).
    pub null_imposed: NullImposed,
    /// The confidence level.
    pub level: f64,
}

/// The AKM0 confidence set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NullImposed {
    /// An interval.
    Interval(f64, f64),
    /// Everything up to the first and from the second number: the instrument is weak.
    Rays(f64, f64),
    /// Everything: the instrument is very weak.
    Line,
}

/// The shock-level regression, ready for any software.
#[derive(Debug, Clone, PartialEq)]
pub struct ShockLevel {
    /// Exposure-weighted mean outcome of each shock, net of the unit-level controls, `[K]`.
    pub outcome: Array1<f64>,
    /// The same of the regressor.
    pub treatment: Array1<f64>,
    /// The shocks, the instrument.
    pub shocks: Array1<f64>,
    /// Total exposure to each shock, the regression weights; they sum to one.
    pub weights: Array1<f64>,
    /// The coefficient, equal to the unit-level one.
    pub estimate: f64,
    /// Its standard error under the named variance over shocks.
    pub standard_error: f64,
    /// The variance, in words.
    pub inference: String,
    /// `1 / sum_k weights_k^2`: how many equally large shocks the design is worth.
    pub effective_shocks: f64,
}

impl ShiftShare {
    /// Partials `controls` `[n, m]` (with the constant, if there is one; those that others span do no harm) out of everything.
    /// `shares` is `[n, K]`, `shocks` `[K]`, `weights` the analytic weights of the rows.
    ///
    /// # Errors
    /// See [`ShiftShareError`].
    pub fn new(
        y: ArrayView1<'_, f64>,
        x: ArrayView1<'_, f64>,
        shares: ArrayView2<'_, f64>,
        shocks: ArrayView1<'_, f64>,
        controls: ArrayView2<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<Self, ShiftShareError> {
        let n = y.len();
        for (what, expected, found) in [
            ("rows of the regressor", n, x.len()),
            ("rows of the shares", n, shares.nrows()),
            ("rows of the controls", n, controls.nrows()),
            ("shocks", shares.ncols(), shocks.len()),
            ("weights", n, weights.map_or(n, |w| w.len())),
        ] {
            if expected != found {
                return Err(ShiftShareError::Shape { what, expected, found });
            }
        }
        finite("outcome", y)?;
        finite("regressor", x)?;
        finite("shares", shares)?;
        finite("shocks", shocks)?;
        finite("controls", controls)?;
        let root = match weights {
            Some(w) => {
                finite("weights", w)?;
                if let Some((index, value)) = w.iter().enumerate().find(|(_, v)| **v < 0.0) {
                    return Err(ShiftShareError::Invalid { what: "weights", index, value: *value });
                }
                w.mapv(f64::sqrt)
            }
            None => Array1::ones(n),
        };
        let column = root.view().insert_axis(Axis(1));
        let q = basis((&controls * &column).view())?;
        let net = |v: ArrayView1<'_, f64>| -> Array1<f64> {
            let v = &v * &root;
            &v - &q.dot(&q.t().dot(&v))
        };
        let sums = shares.sum_axis(Axis(1));
        let unexplained = net(sums.view());
        // Against the largest sum: rows without exposure have nothing of their own to be held against.
        let largest = sums.iter().zip(&root).map(|(s, r)| (s * r).abs()).fold(f64::MIN_POSITIVE, f64::max);
        if let Some((row, gap)) =
            unexplained.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
            && gap.abs() > 1e-8 * largest
        {
            return Err(ShiftShareError::IncompleteShares { row, sum: sums[row] });
        }
        let instrument = shares.dot(&shocks);
        let design = Self {
            y: net(y),
            x: net(x),
            z: net(instrument.view()),
            shares: &shares * &column,
            root_weights: root,
            shocks: shocks.to_owned(),
        };
        if !moves(
            design.z.dot(&design.x),
            &(&instrument * &design.root_weights),
            &(&x * &design.root_weights),
        ) {
            return Err(ShiftShareError::NoVariation);
        }
        Ok(design)
    }

    /// The coefficient `z'y / z'x`.
    pub fn estimate(&self) -> f64 {
        self.z.dot(&self.y) / self.z.dot(&self.x)
    }

    /// The variance of Adao, Kolesar and Morales (2019, equations 39 and 40):
    /// `sum_c (sum_{k in c} X_k R_k)^2 / (z'x)^2`, `R_k = sum_i s_ik e_i`, `X = (S'S)^-1 S'z` the shocks net of
    /// controls. `clusters` groups shocks that move together; `None` takes them as independent.
    ///
    /// # Errors
    /// [`ShiftShareError::CollinearShares`], [`ShiftShareError::Level`] or [`ShiftShareError::Shape`].
    pub fn akm<T: Hash + Eq>(&self, clusters: Option<&[T]>, level: f64) -> Result<AkmFit, ShiftShareError> {
        if !(level > 0.0 && level < 1.0) {
            return Err(ShiftShareError::Level(level));
        }
        let (rows, shocks) = self.shares.dim();
        let (ids, count) = match clusters {
            Some(labels) if labels.len() != shocks => {
                return Err(ShiftShareError::Shape {
                    what: "clusters of shocks",
                    expected: shocks,
                    found: labels.len(),
                });
            }
            Some(labels) => codes(labels),
            None => ((0..shocks).collect(), shocks),
        };
        let factor = Cholesky::well_conditioned(matmul(self.shares.t(), self.shares.view())?.view())
            .map_err(|_| ShiftShareError::CollinearShares { shocks, rows })?;
        let net_shocks = factor.solve(self.shares.t().dot(&self.z).view())?;
        // X_k sum_i s_ik v_i, summed within clusters of shocks.
        let parts = |v: &Array1<f64>| -> Array1<f64> {
            let exposed = self.shares.t().dot(v);
            let mut sums = Array1::zeros(count);
            for (k, id) in ids.iter().enumerate() {
                sums[*id] += net_shocks[k] * exposed[k];
            }
            sums
        };
        let estimate = self.estimate();
        let strength = self.z.dot(&self.x);
        let (error, moved) = (parts(&(&self.y - &(&self.x * estimate))), parts(&self.x));
        let standard_error = error.dot(&error).sqrt() / strength.abs();
        let z = Reference::Normal.quantile(0.5 + level / 2.0);
        // (zx)^2 (b - b0)^2 <= z^2 sum (r_c + (b - b0) m_c)^2, a quadratic in d = b - b0.
        let a = strength * strength - z * z * moved.dot(&moved);
        let b = -z * z * error.dot(&moved);
        let c = -z * z * error.dot(&error);
        let discriminant = b * b - a * c;
        let null_imposed = if a > 0.0 {
            let root = discriminant.max(0.0).sqrt();
            // d lies between the roots; b0 = estimate - d.
            NullImposed::Interval(estimate - (-b + root) / a, estimate - (-b - root) / a)
        } else if discriminant > 0.0 && a < 0.0 {
            let root = discriminant.sqrt();
            let (low, high) = ((-b + root) / a, (-b - root) / a);
            NullImposed::Rays(estimate - high, estimate - low)
        } else {
            NullImposed::Line
        };
        let half = z * standard_error;
        Ok(AkmFit {
            estimate,
            standard_error,
            interval: (estimate - half, estimate + half),
            null_imposed,
            level,
        })
    }

    /// The equivalent regression over shocks (Borusyak, Hull and Jaravel 2022, proposition 1): `y_k` on `x_k`
    /// instrumented by `g_k` with weights `s_k`, all net of the constant and of shock-level `controls` `[K, c]`.
    /// `covariance` is over shocks, without a small-sample factor.
    ///
    /// The coefficient equals the unit-level one when the unit-level controls include the exposure-weighted
    /// shock-level ones, `S controls`.
    ///
    /// # Errors
    /// [`ShiftShareError::NoVariation`] when shocks do not vary net of controls, and whatever is wrong with
    /// the controls or the variance.
    pub fn shock_level(
        &self,
        controls: Option<ArrayView2<'_, f64>>,
        covariance: &MomentCovariance,
    ) -> Result<ShockLevel, ShiftShareError> {
        let shocks = self.shocks.len();
        if let Some(found) = controls.map(|c| c.nrows()).filter(|rows| *rows != shocks) {
            return Err(ShiftShareError::Shape {
                what: "rows of the shock-level controls",
                expected: shocks,
                found,
            });
        }
        let exposure = self.shares.t().dot(&self.root_weights);
        if let Some((index, value)) = exposure.iter().enumerate().find(|(_, v)| **v <= 0.0) {
            return Err(ShiftShareError::Invalid { what: "total exposure to a shock", index, value: *value });
        }
        let outcome = self.shares.t().dot(&self.y) / &exposure;
        let treatment = self.shares.t().dot(&self.x) / &exposure;
        let weights = &exposure / exposure.sum();
        let root = weights.mapv(f64::sqrt);
        let width = controls.map_or(0, |c| c.ncols());
        let design = Array2::from_shape_fn((shocks, width + 1), |(k, c)| {
            root[k] * if c == 0 { 1.0 } else { controls.map_or(0.0, |m| m[[k, c - 1]]) }
        });
        let q = basis(design.view())?;
        let net = |v: &Array1<f64>| -> Array1<f64> {
            let v = v * &root;
            &v - &q.dot(&q.t().dot(&v))
        };
        let (y, x, g) = (net(&outcome), net(&treatment), net(&self.shocks));
        let strength = g.dot(&x);
        if !moves(strength, &(&self.shocks * &root), &(&treatment * &root)) {
            return Err(ShiftShareError::NoVariation);
        }
        let estimate = g.dot(&y) / strength;
        let scores = (&g * &(&y - &(&x * estimate))).insert_axis(Axis(1));
        let meat = covariance.estimate(scores.view())?[[0, 0]] * shocks as f64;
        Ok(ShockLevel {
            outcome,
            treatment,
            shocks: self.shocks.clone(),
            effective_shocks: 1.0 / weights.dot(&weights),
            weights,
            estimate,
            standard_error: meat.max(0.0).sqrt() / strength.abs(),
            inference: format!("{} over shocks", covariance.describe()),
        })
    }
}

/// Whether an instrument moves a regressor net of controls, by their product. It is held against their sizes before controls:
/// of an instrument that controls take out only rounding is left, which is as large as itself.
fn moves(strength: f64, instrument: &Array1<f64>, regressor: &Array1<f64>) -> bool {
    strength.abs() > 1e-12 * (instrument.dot(instrument) * regressor.dot(regressor)).sqrt()
}

fn finite<'a>(what: &'static str, values: impl IntoIterator<Item = &'a f64>) -> Result<(), ShiftShareError> {
    match values.into_iter().enumerate().find(|(_, v)| !v.is_finite()) {
        Some((index, value)) => Err(ShiftShareError::Invalid { what, index, value: *value }),
        None => Ok(()),
    }
}
