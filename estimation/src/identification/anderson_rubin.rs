use linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView1};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::{FirstStage, block, products};
use crate::gmm::{GmmError, MomentCovariance};
use crate::statistic::TestStatistic;

/// An interval of the real line; ends may be infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Interval {
    /// Whether the value lies in it, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }
}

/// The coefficients that the Anderson-Rubin test does not reject. With weak instruments it can be unbounded or
/// two rays; when the over-identifying restrictions fail it can be empty.
#[derive(Debug, Clone, PartialEq)]
pub struct AndersonRubinSet {
    /// Disjoint intervals in increasing order.
    pub intervals: Vec<Interval>,
    /// The confidence level.
    pub level: f64,
}

impl AndersonRubinSet {
    /// Whether a coefficient is in the set.
    pub fn contains(&self, value: f64) -> bool {
        self.intervals.iter().any(|interval| interval.contains(value))
    }

    /// Whether the set is bounded.
    pub fn is_bounded(&self) -> bool {
        self.intervals.iter().all(|i| i.lower.is_finite() && i.upper.is_finite())
    }
}

impl FirstStage {
    /// The test of `beta = beta0` (all endogenous variables' coefficients), `n g' S^-1 g` with
    /// `g = Z'(y - X beta0)/n`: chi-squared with `l` degrees of freedom however weak the instruments.
    ///
    /// # Errors
    /// Whatever is wrong with the input, or [`GmmError::SingularMomentCovariance`].
    pub fn anderson_rubin(
        &self,
        y: ArrayView1<'_, f64>,
        beta0: ArrayView1<'_, f64>,
        covariance: &MomentCovariance,
    ) -> Result<TestStatistic, GmmError> {
        crate::gmm::require("coefficients under the null", self.endogenous(), beta0.len())?;
        let residual = (self.partial(y)? - self.x.dot(&beta0)).insert_axis(ndarray::Axis(1));
        let contributions = products(&self.standardised_instruments()?, &residual);
        let n = self.observations() as f64;
        let g = contributions.sum_axis(ndarray::Axis(0)) / n;
        let s = covariance.estimate(contributions.view())?;
        Ok(TestStatistic::chi_squared(n * quadratic(&s, &g)?, self.instruments()))
    }

    /// The set of coefficients of one endogenous variable that the Anderson-Rubin test at `1 - level` does not
    /// reject.
    ///
    /// The statistic is followed over the whole line on 4,001 points that are dense (in units of its standard
    /// error) around the two-stage least squares estimate; ends are bisected to rounding. A sliver of the set
    /// narrower than the points' distance, 0.0008 standard errors there, can be missed.
    ///
    /// # Errors
    /// [`GmmError::Setting`] with several endogenous variables or a level outside (0, 1), otherwise as
    /// [`anderson_rubin`](Self::anderson_rubin).
    pub fn anderson_rubin_set(
        &self,
        y: ArrayView1<'_, f64>,
        covariance: &MomentCovariance,
        level: f64,
    ) -> Result<AndersonRubinSet, GmmError> {
        if self.endogenous() != 1 {
            return Err(GmmError::Setting {
                setting: "endogenous variables",
                problem: "the set is one-dimensional; test points with anderson_rubin".into(),
            });
        }
        if !(level > 0.0 && level < 1.0) {
            return Err(GmmError::Setting { setting: "level", problem: format!("{level} is not in (0, 1)") });
        }
        let path = Path::new(self, &self.partial(y)?, covariance)?;
        let l = self.instruments();
        let critical = ChiSquared::new(l as f64)
            .map_err(|error| GmmError::Setting { setting: "level", problem: error.to_string() })?
            .inverse_cdf(level);
        let inside = |angle: f64| -> Result<bool, GmmError> { Ok(path.statistic(angle)? <= critical) };

        let points = 4_001_usize;
        let half = std::f64::consts::FRAC_PI_2;
        // Angles from -pi/2 to pi/2, both of which are the point at infinity.
        let angle = |k: usize| half * (2.0 * k as f64 / (points - 1) as f64 - 1.0);
        let mut intervals = Vec::new();
        let mut open = if inside(-half)? { Some(f64::NEG_INFINITY) } else { None };
        let mut before = open.is_some();
        for k in 1..points {
            let now = inside(angle(k))?;
            if now != before {
                let (mut low, mut high) = (angle(k - 1), angle(k));
                for _ in 0..60 {
                    let middle = 0.5 * (low + high);
                    if inside(middle)? == before { low = middle } else { high = middle }
                }
                let end = path.beta(if now { high } else { low });
                match open.take() {
                    Some(lower) => intervals.push(Interval { lower, upper: end }),
                    None => open = Some(end),
                }
            }
            before = now;
        }
        if let Some(lower) = open {
            intervals.push(Interval { lower, upper: f64::INFINITY });
        }
        Ok(AndersonRubinSet { intervals, level })
    }
}

/// The statistic along `beta = centre + unit tan(angle)`, from the joint covariance of `z y` and `z x`.
struct Path {
    n: f64,
    gy: Array1<f64>,
    gx: Array1<f64>,
    joint: Array2<f64>,
    centre: f64,
    unit: f64,
}

impl Path {
    fn new(stage: &FirstStage, y: &Array1<f64>, covariance: &MomentCovariance) -> Result<Self, GmmError> {
        let n = y.len() as f64;
        let z = stage.standardised_instruments()?;
        let x = stage.x.column(0);
        let (gy, gx) = (z.t().dot(y) / n, z.t().dot(&x) / n);
        let centre = gx.dot(&gy) / gx.dot(&gx);
        // Measured from the centre: y - (centre + d) x = e - d x.
        let e = y - &(&x * centre);
        let mut errors = Array2::zeros((y.len(), 2));
        errors.column_mut(0).assign(&e);
        errors.column_mut(1).assign(&x);
        let joint = covariance.estimate(products(&z, &errors).view())?;
        let ge = &gy - &(&gx * centre);
        let variance = gx.dot(&block(&joint, 0..gx.len(), 0..gx.len()).dot(&gx)) / gx.dot(&gx).powi(2) / n;
        let unit = variance.sqrt();
        Ok(Self { n, gy: ge, gx, joint, centre, unit })
    }

    fn beta(&self, angle: f64) -> f64 {
        self.centre + self.unit * angle.tan()
    }

    /// Homogeneous in (cos, sin), so the point at infinity is a point like any other.
    fn statistic(&self, angle: f64) -> Result<f64, GmmError> {
        let l = self.gx.len();
        let (sin, cos) = angle.sin_cos();
        let (a, b) = (cos, self.unit * sin);
        let g = &self.gy * a - &(&self.gx * b);
        let ee = block(&self.joint, 0..l, 0..l);
        let ex = block(&self.joint, 0..l, l..2 * l);
        let xx = block(&self.joint, l..2 * l, l..2 * l);
        let s = &ee * (a * a) - &((&ex + &ex.t()) * (a * b)) + &(&xx * (b * b));
        Ok(self.n * quadratic(&s, &g)?)
    }
}

fn quadratic(s: &Array2<f64>, g: &Array1<f64>) -> Result<f64, GmmError> {
    let factor = Cholesky::well_conditioned(s.view())
        .map_err(|_| GmmError::SingularMomentCovariance { moments: g.len() })?;
    Ok(g.dot(&factor.solve(g.view())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::stream;
    use ndarray::{Axis, stack};
    use rand_distr::{Distribution, StandardNormal};

    fn normals(seed: u64, n: usize) -> Array1<f64> {
        let mut rng = stream(43, seed);
        Array1::from_shape_fn(n, |_| StandardNormal.sample(&mut rng))
    }

    #[test]
    fn the_test_is_the_quadratic_form_of_the_moments_under_the_null() {
        let n = 60;
        let (w, u, v) = (normals(0, n), normals(1, n), normals(2, n));
        let z = stack![Axis(1), normals(3, n), &normals(4, n) * 2.0 + &w, normals(5, n)];
        let x = stack![Axis(1), &z.column(0) + &v, &z.column(1) * 0.5 - &v + &normals(6, n)];
        let y = &x.column(0) * 0.4 + &w + &u;
        let groups: Vec<usize> = (0..n).map(|i| i % 12).collect();
        let exogenous = stack![Axis(1), Array1::ones(n), w];
        let stage = FirstStage::new(x.view(), z.view(), Some(exogenous.view()), 0).unwrap();
        let covariance = MomentCovariance::clustered(&groups);
        let beta0 = ndarray::array![0.1, -0.3];
        let found = stage.anderson_rubin(y.view(), beta0.view(), &covariance).unwrap();
        // Moments of the raw instruments, sums by cluster: the unit of the instruments does not matter.
        let hat = linalg::inverse(exogenous.t().dot(&exogenous).view()).unwrap();
        let net = |a: &Array1<f64>| a - &exogenous.dot(&hat.dot(&exogenous.t().dot(a)));
        let e = net(&(&y - &x.dot(&beta0)));
        let mut sums = Array2::<f64>::zeros((12, 3));
        for k in 0..3 {
            let column = net(&z.column(k).to_owned());
            (0..n).for_each(|i| sums[[groups[i], k]] += column[i] * e[i]);
        }
        let total = sums.sum_axis(Axis(0));
        let expected = total.dot(&linalg::inverse(sums.t().dot(&sums).view()).unwrap().dot(&total));
        assert!((found.statistic / expected - 1.0).abs() < 1e-9, "{found} {expected}");
        let p = 1.0 - ChiSquared::new(3.0).unwrap().cdf(expected);
        assert!((found.p_value - p).abs() < 1e-9, "{found} {p}");
    }

    /// With one instrument the set is Fieller's: where a quadratic in the coefficient is not positive.
    #[test]
    fn with_one_instrument_the_set_solves_a_quadratic_whatever_its_shape() {
        let n = 50;
        let (z, u, v) = (normals(7, n), normals(8, n), normals(9, n));
        // Strength of the instrument for the regressor, and its effect on the outcome beside.
        let mut shapes = [0, 0, 0];
        for (strength, direct, level) in
            [(1.0, 0.0, 0.95), (0.02, 1.0, 0.9), (0.02, 0.02, 0.95), (0.6, 0.5, 0.5)]
        {
            let x = &z * strength + &v;
            let y = &x * 0.5 + &u + &v * 0.4 + &z * direct;
            let stage =
                FirstStage::new(x.view().insert_axis(Axis(1)), z.view().insert_axis(Axis(1)), None, 0);
            let stage = stage.unwrap();
            let covariance = MomentCovariance::heteroskedastic();
            let set = stage.anderson_rubin_set(y.view(), &covariance, level).unwrap();
            let critical = ChiSquared::new(1.0).unwrap().inverse_cdf(level);
            let sum = |f: &dyn Fn(usize) -> f64| (0..n).map(f).sum::<f64>();
            let (zx, zy) = (sum(&|i| z[i] * x[i]), sum(&|i| z[i] * y[i]));
            let a = zx * zx - critical * sum(&|i| (z[i] * x[i]).powi(2));
            let b = zx * zy - critical * sum(&|i| z[i] * z[i] * x[i] * y[i]);
            let c = zy * zy - critical * sum(&|i| (z[i] * y[i]).powi(2));
            let discriminant = b * b - a * c;
            let close = |found: f64, expected: f64| {
                assert!(
                    (found - expected).abs() < 1e-7 * (1.0 + expected.abs()),
                    "{found} {expected} {set:?}"
                );
            };
            let ends = |i: &Interval| (i.lower, i.upper);
            assert_eq!(set.is_bounded(), a > 0.0);
            if a > 0.0 {
                shapes[0] += 1;
                let [only] = set.intervals.as_slice() else { panic!("{set:?}") };
                let root = discriminant.sqrt();
                close(only.lower, (b - root) / a);
                close(only.upper, (b + root) / a);
                assert!(set.contains(only.lower) && set.contains(only.upper) && set.contains(b / a));
                assert!(!set.contains(only.lower - 1e-6) && !set.contains(only.upper + 1e-6));
            } else if discriminant > 0.0 {
                shapes[1] += 1;
                let [left, right] = set.intervals.as_slice() else { panic!("{set:?}") };
                let root = discriminant.sqrt();
                assert!(left.lower == f64::NEG_INFINITY && right.upper == f64::INFINITY, "{set:?}");
                close(left.upper, (b + root) / a);
                close(right.lower, (b - root) / a);
                assert!(!set.contains(b / a) && set.contains(left.upper - 1.0) && set.contains(right.lower));
            } else {
                shapes[2] += 1;
                let line = [(f64::NEG_INFINITY, f64::INFINITY)];
                assert_eq!(set.intervals.iter().map(ends).collect::<Vec<_>>(), line);
                assert!(set.contains(1e9) && set.contains(-1e9));
            }
        }
        assert_eq!(shapes, [2, 1, 1]);
    }

    #[test]
    fn with_more_instruments_the_ends_are_where_the_test_turns() {
        let n = 70;
        let (u, v) = (normals(10, n), normals(11, n));
        let z = stack![Axis(1), normals(12, n), normals(13, n), normals(14, n)];
        let covariance = MomentCovariance::clustered(&(0..n).map(|i| i / 3).collect::<Vec<_>>());
        for (strength, direct) in [(0.8, 0.0), (0.1, 0.1)] {
            let x = &z.sum_axis(Axis(1)) * strength + &v;
            let y = &x * 0.5 + &u + &v * 0.6 + &z.column(0) * direct;
            let stage = FirstStage::new(x.view().insert_axis(Axis(1)), z.view(), None, 0).unwrap();
            let set = stage.anderson_rubin_set(y.view(), &covariance, 0.9).unwrap();
            let p = |beta: f64| {
                stage.anderson_rubin(y.view(), ndarray::array![beta].view(), &covariance).unwrap().p_value
            };
            let ends: Vec<f64> =
                set.intervals.iter().flat_map(|i| [i.lower, i.upper]).filter(|e| e.is_finite()).collect();
            assert!(!ends.is_empty(), "{set:?}");
            for end in ends {
                assert!((p(end) - 0.1).abs() < 1e-6, "{end} {} {set:?}", p(end));
            }
            for step in -200..=200 {
                let beta = 0.5 + 0.05 * f64::from(step);
                assert_eq!(set.contains(beta), p(beta) >= 0.1, "{beta} {set:?}");
            }
        }
        let stage = FirstStage::new(z.select(Axis(1), &[0]).view(), z.view(), None, 0);
        for level in [0.0, 1.0, f64::NAN] {
            let refused = stage.as_ref().unwrap().anderson_rubin_set(u.view(), &covariance, level);
            assert!(matches!(refused, Err(GmmError::Setting { setting: "level", .. })), "{level}");
        }
    }
}
