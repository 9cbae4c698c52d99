use linalg::{Cholesky, LinalgError, matmul};
use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::estimator::invert_covariance;
use super::{Differentiable, GmmError, MomentCovariance};

/// A quadratic expansion of a criterion `Q(theta)`: the curvature is Gauss-Newton's, `2 G' W G`.
pub(super) struct Expansion {
    pub(super) value: f64,
    pub(super) gradient: Array1<f64>,
    pub(super) curvature: Array2<f64>,
}

impl Expansion {
    /// The Gauss-Newton step `-H^-1 grad`.
    pub(super) fn step(&self) -> Result<Array1<f64>, LinalgError> {
        Ok(-Cholesky::factor(self.curvature.view())?.solve(self.gradient.view())?)
    }
}

/// What a search minimises.
pub(super) trait Criterion: Sync {
    /// `Q(theta)`, infinite outside its domain, and the mean of the moments where an expansion can use it again.
    fn evaluate(&self, theta: ArrayView1<'_, f64>) -> (f64, Option<Array1<f64>>);
    /// The expansion at `theta`, where the moments have this mean if it is known; `None` outside the domain.
    fn expand_with(&self, theta: ArrayView1<'_, f64>, mean: Option<Array1<f64>>) -> Option<Expansion>;
    /// `Q(theta)`, infinite outside its domain.
    fn value(&self, theta: ArrayView1<'_, f64>) -> f64 {
        self.evaluate(theta).0
    }
    /// The expansion at `theta`, `None` outside the domain.
    fn expand(&self, theta: ArrayView1<'_, f64>) -> Option<Expansion> {
        self.expand_with(theta, None)
    }
    /// The same where the moments' mean and Jacobian at `theta` are known.
    fn expand_known(
        &self,
        theta: ArrayView1<'_, f64>,
        _mean: &Array1<f64>,
        _jacobian: &Array2<f64>,
    ) -> Option<Expansion> {
        self.expand(theta)
    }
}

/// The contributions `[n, q]` at `theta`.
pub(super) fn contributions<M: Differentiable>(moments: &M, theta: ArrayView1<'_, f64>) -> Array2<f64> {
    let mut out = Array2::zeros((moments.observations(), moments.moments()));
    moments.contributions(theta, out.view_mut());
    out
}

pub(super) fn mean(contributions: &Array2<f64>) -> Array1<f64> {
    contributions.sum_axis(Axis(0)) / contributions.nrows() as f64
}

/// `Q = g' W g` at a given `W`.
pub(super) struct FixedWeight<'a, M> {
    pub(super) moments: &'a M,
    pub(super) weight: &'a Array2<f64>,
}

impl<M: Differentiable> Criterion for FixedWeight<'_, M> {
    fn evaluate(&self, theta: ArrayView1<'_, f64>) -> (f64, Option<Array1<f64>>) {
        let g = self.moments.mean(theta);
        (finite_or_infinite(g.dot(&self.weight.dot(&g))), Some(g))
    }

    fn expand_with(&self, theta: ArrayView1<'_, f64>, mean: Option<Array1<f64>>) -> Option<Expansion> {
        let g = mean.unwrap_or_else(|| self.moments.mean(theta));
        let jacobian = self.moments.mean_jacobian(theta);
        expansion(&g, &jacobian, self.weight)
    }

    fn expand_known(
        &self,
        _theta: ArrayView1<'_, f64>,
        mean: &Array1<f64>,
        jacobian: &Array2<f64>,
    ) -> Option<Expansion> {
        expansion(mean, jacobian, self.weight)
    }
}

/// `Q = g' S(theta)^-1 g`, Hansen, Heaton and Yaron (1996); not defined where `S` is singular to rounding.
pub(super) struct ContinuouslyUpdated<'a, M> {
    pub(super) moments: &'a M,
    pub(super) covariance: &'a MomentCovariance,
}

impl<M: Differentiable> Criterion for ContinuouslyUpdated<'_, M> {
    fn evaluate(&self, theta: ArrayView1<'_, f64>) -> (f64, Option<Array1<f64>>) {
        let m = contributions(self.moments, theta);
        let g = mean(&m);
        let weight = self
            .covariance
            .form(self.covariance.prepare(m).view())
            .ok()
            .and_then(|s| invert_covariance(&s).ok());
        (weight.map_or(f64::INFINITY, |weight| finite_or_infinite(g.dot(&weight.dot(&g)))), None)
    }

    /// The gradient is `2 (G_k - C_k)' lambda` with `lambda = S^-1 g` and
    /// `C_k = M' K (dM_k lambda) / n`: what re-weighting takes out of the Jacobian.
    fn expand_with(&self, theta: ArrayView1<'_, f64>, _: Option<Array1<f64>>) -> Option<Expansion> {
        let m = contributions(self.moments, theta);
        let n = m.nrows() as f64;
        let g = mean(&m);
        let prepared = self.covariance.prepare(m);
        let s = self.covariance.form(prepared.view()).ok()?;
        let weight = invert_covariance(&s).ok()?;
        let lambda = weight.dot(&g);
        let spread = self.covariance.spread(prepared.view());
        let (q, p) = (self.moments.moments(), self.moments.parameters());
        let mut jacobian = Array2::zeros((q, p));
        let mut buffer = Array2::zeros(spread.dim());
        for k in 0..p {
            self.moments.derivative(theta, k, buffer.view_mut());
            let raw = mean(&buffer);
            let moved = self.covariance.prepare(buffer.clone()).dot(&lambda);
            jacobian.column_mut(k).assign(&(raw - spread.t().dot(&moved) / n));
        }
        expansion(&g, &jacobian, &weight)
    }
}

fn expansion(g: &Array1<f64>, jacobian: &Array2<f64>, weight: &Array2<f64>) -> Option<Expansion> {
    let weighted = matmul(weight.view(), jacobian.view()).ok()?;
    let curvature = matmul(jacobian.t(), weighted.view()).ok()? * 2.0;
    let gradient = weighted.t().dot(g) * 2.0;
    let value = g.dot(&weight.dot(g));
    let finite = value.is_finite() && gradient.iter().chain(&curvature).all(|v| v.is_finite());
    finite.then_some(Expansion { value, gradient, curvature })
}

fn finite_or_infinite(value: f64) -> f64 {
    if value.is_nan() { f64::INFINITY } else { value }
}

/// Names the first moment that is not finite at `theta`.
pub(super) fn require_defined<M: Differentiable>(
    moments: &M,
    theta: ArrayView1<'_, f64>,
) -> Result<(), GmmError> {
    if moments.mean(theta).iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    let m = contributions(moments, theta);
    match m.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((row, column), value)) => Err(GmmError::NotFinite {
            moment: moments.moment_names().get(column).cloned().unwrap_or_else(|| format!("{}", column + 1)),
            row,
            value: *value,
            theta: theta.to_vec(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{array, concatenate};

    use super::*;
    use crate::gmm::{Automatic, CentralDifferences, DualMoments, DualNum, LinearIv, Restricted, Subset};

    const ROWS: usize = 40;

    /// Outcome, two regressors and four instruments without chance: what is tested holds for any numbers.
    fn data() -> (Array1<f64>, Array2<f64>, Array2<f64>) {
        let wave = |i: usize, k: usize| ((i * (2 * k + 3) + 5 * k) as f64).sin();
        let z = Array2::from_shape_fn((ROWS, 4), |(i, k)| if k == 0 { 1.0 } else { wave(i, k) });
        let x = Array2::from_shape_fn((ROWS, 2), |(i, k)| z[[i, k]] + 0.5 * z[[i, 3]] + 0.3 * wave(i, 7));
        let y = Array1::from_shape_fn(ROWS, |i| 0.5 * x[[i, 0]] - x[[i, 1]] + wave(i, 9));
        (y, x, z)
    }

    /// Slopes of a function of two parameters by central differences.
    fn slopes(f: impl Fn(ArrayView1<'_, f64>) -> f64, theta: &Array1<f64>) -> Array1<f64> {
        let h = 1e-5;
        (0..theta.len())
            .map(|k| {
                let at = |by: f64| {
                    let mut point = theta.clone();
                    point[k] += by;
                    f(point.view())
                };
                (at(h) - at(-h)) / (2.0 * h)
            })
            .collect()
    }

    fn near(exact: &Array1<f64>, numeric: &Array1<f64>) {
        let size = exact.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        for (e, n) in exact.iter().zip(numeric) {
            assert!((e - n).abs() < 1e-7 * size, "{exact} against {numeric}");
        }
    }

    #[test]
    fn gradients_are_those_of_the_criterion_under_every_dependence() {
        let (y, x, z) = data();
        let moments = LinearIv::new(y.view(), x.view(), z.view()).unwrap();
        let theta = array![0.3, -0.6];
        let weight = moments.two_stage_weight().unwrap();
        let fixed = FixedWeight { moments: &moments, weight: &weight };
        near(&fixed.expand(theta.view()).unwrap().gradient, &slopes(|t| fixed.value(t), &theta));

        let (groups, series): (Vec<usize>, Vec<usize>) =
            ((0..ROWS).map(|i| i % 13).collect(), (0..ROWS).map(|i| i / 10).collect());
        for covariance in [
            MomentCovariance::heteroskedastic(),
            MomentCovariance::heteroskedastic().centred(),
            MomentCovariance::clustered(&groups),
            MomentCovariance::clustered(&groups).centred(),
            MomentCovariance::newey_west(2),
            MomentCovariance::panel_newey_west(&series, 1).centred(),
        ] {
            let updated = ContinuouslyUpdated { moments: &moments, covariance: &covariance };
            near(&updated.expand(theta.view()).unwrap().gradient, &slopes(|t| updated.value(t), &theta));
        }
    }

    fn by_differences<M>(moments: M) -> CentralDifferences<M> {
        CentralDifferences { moments, typical: 1.0 }
    }

    /// Holds the derivatives by row, and their mean, to central differences.
    fn as_by_differences<M: Differentiable + Clone>(moments: &M, theta: &Array1<f64>) {
        let numeric = by_differences(moments.clone());
        let shape = (moments.observations(), moments.moments());
        let (mut exact, mut other) = (Array2::zeros(shape), Array2::zeros(shape));
        for k in 0..moments.parameters() {
            moments.derivative(theta.view(), k, exact.view_mut());
            numeric.derivative(theta.view(), k, other.view_mut());
            assert!((&exact - &other).iter().all(|gap| gap.abs() < 1e-8), "parameter {k}");
            let mean = moments.mean_jacobian(theta.view());
            near(&mean.column(k).to_owned(), &mean_of(&other));
        }
    }

    fn mean_of(rows: &Array2<f64>) -> Array1<f64> {
        rows.sum_axis(Axis(0)) / rows.nrows() as f64
    }

    #[test]
    fn derivatives_of_linear_moments_restricted_ones_and_subsets() {
        let (y, x, z) = data();
        let moments = LinearIv::new(y.view(), x.view(), z.view()).unwrap();
        as_by_differences(&moments, &array![0.3, -0.6]);
        // The two coefficients in a ratio of two to minus one, and a constant.
        let basis = concatenate(Axis(0), &[array![[2.0]].view(), array![[-1.0]].view()]).unwrap();
        let restricted =
            || Restricted::new(&moments, array![0.1, 0.2], basis.clone(), vec!["phi".into()]).unwrap();
        let phi = array![0.4];
        let mut rows = Array2::zeros((ROWS, 4));
        restricted().derivative(phi.view(), 0, rows.view_mut());
        let mut numeric = Array2::zeros((ROWS, 4));
        by_differences(restricted()).derivative(phi.view(), 0, numeric.view_mut());
        assert!((&rows - &numeric).iter().all(|gap| gap.abs() < 1e-8));
        near(&restricted().mean_jacobian(phi.view()).column(0).to_owned(), &mean_of(&numeric));
        let subset = || Subset::new(&moments, vec![3, 1]).unwrap();
        let mut rows = Array2::zeros((ROWS, 2));
        subset().derivative(array![0.3, -0.6].view(), 1, rows.view_mut());
        let mut numeric = Array2::zeros((ROWS, 2));
        by_differences(subset()).derivative(array![0.3, -0.6].view(), 1, numeric.view_mut());
        assert!((&rows - &numeric).iter().all(|gap| gap.abs() < 1e-8));
    }

    /// `E(x sqrt(theta) - y) = 0`, whose derivative is infinite at zero.
    struct Root;

    impl DualMoments for Root {
        fn observations(&self) -> usize {
            1
        }
        fn moments(&self) -> usize {
            1
        }
        fn parameters(&self) -> usize {
            1
        }
        fn contribution<D: DualNum<Primitive = f64> + Copy>(&self, _: usize, theta: &[D], out: &mut [D]) {
            out[0] = theta[0].sqrt() - 2.0;
        }
    }

    #[test]
    fn a_step_ends_at_the_minimum_of_a_quadratic_and_needs_finite_derivatives() {
        let (y, x, z) = data();
        let moments = LinearIv::new(y.view(), x.view(), z.view()).unwrap();
        let weight = moments.two_stage_weight().unwrap();
        let fixed = FixedWeight { moments: &moments, weight: &weight };
        let theta = array![0.3, -0.6];
        let end = &theta + &fixed.expand(theta.view()).unwrap().step().unwrap();
        assert!(fixed.expand(end.view()).unwrap().gradient.iter().all(|g| g.abs() < 1e-12));
        let (root, weight) = (Automatic(Root), Array2::eye(1));
        let fixed = FixedWeight { moments: &root, weight: &weight };
        assert!(fixed.value(array![0.0].view()) == 4.0 && fixed.expand(array![0.0].view()).is_none());
        // Of one row nothing would be left.
        let centred = MomentCovariance::heteroskedastic().centred();
        assert_eq!(centred.prepare(array![[2.0]]), array![[2.0]]);
    }
}
