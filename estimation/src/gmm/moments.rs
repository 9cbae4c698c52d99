use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut2, Axis};
use num_dual::{Dual64, DualNum};

/// Moment conditions `E[m_i(theta)] = 0`, given by their contributions.
///
/// Write NaN where `theta` is outside the moments' domain: a search steps back from there.
pub trait Moments: Sync {
    /// Number of observations `n`.
    fn observations(&self) -> usize;
    /// Number of moments `q`.
    fn moments(&self) -> usize;
    /// Number of parameters `p`.
    fn parameters(&self) -> usize;
    /// Writes `m_i(theta)` into row `i` of `out`, `[n, q]`.
    fn contributions(&self, theta: ArrayView1<'_, f64>, out: ArrayViewMut2<'_, f64>);
    /// Their mean, `g(theta)`. Moments whose rows are many and mostly zero may have it without them.
    fn mean(&self, theta: ArrayView1<'_, f64>) -> Array1<f64> {
        let mut rows = Array2::zeros((self.observations(), self.moments()));
        self.contributions(theta, rows.view_mut());
        rows.sum_axis(Axis(0)) / rows.nrows() as f64
    }
    /// Names of the parameters, in order.
    fn parameter_names(&self) -> Vec<String> {
        (1..=self.parameters()).map(|k| format!("theta{k}")).collect()
    }
    /// Names of the moments, in order.
    fn moment_names(&self) -> Vec<String> {
        (1..=self.moments()).map(|k| format!("moment{k}")).collect()
    }
}

/// Moments that know their derivatives: written by hand, or through [`Automatic`] or [`CentralDifferences`].
pub trait Differentiable: Moments {
    /// Writes `d m_i / d theta_k` into row `i` of `out`, `[n, q]`.
    fn derivative(&self, theta: ArrayView1<'_, f64>, k: usize, out: ArrayViewMut2<'_, f64>);

    /// The mean Jacobian `G = (1/n) sum_i d m_i / d theta'`, `[q, p]`.
    fn mean_jacobian(&self, theta: ArrayView1<'_, f64>) -> Array2<f64> {
        let (n, q, p) = (self.observations(), self.moments(), self.parameters());
        let mut jacobian = Array2::zeros((q, p));
        let mut buffer = Array2::zeros((n, q));
        for k in 0..p {
            self.derivative(theta, k, buffer.view_mut());
            jacobian.column_mut(k).assign(&(buffer.sum_axis(Axis(0)) / n as f64));
        }
        jacobian
    }

    /// `M' left`, `[q]`, and `M right`, `[n]`, with `M` the derivatives `d m_i / d theta_k` of all rows. Moments whose rows are
    /// mostly zero may have them without `M`.
    fn derivative_products(
        &self,
        theta: ArrayView1<'_, f64>,
        k: usize,
        left: ArrayView1<'_, f64>,
        right: ArrayView1<'_, f64>,
    ) -> (Array1<f64>, Array1<f64>) {
        let mut rows = Array2::zeros((self.observations(), self.moments()));
        self.derivative(theta, k, rows.view_mut());
        (columns_dot(&rows, left), rows.dot(&right))
    }

    /// The minimiser of `g' W g` where it has a closed form, as in linear models. `None` starts the search.
    fn closed_form(&self, _weight: &Array2<f64>) -> Option<Array1<f64>> {
        None
    }
}

/// `M'v`, row by row as the memory lies.
pub(super) fn columns_dot(m: &Array2<f64>, v: ArrayView1<'_, f64>) -> Array1<f64> {
    let mut out = Array1::zeros(m.ncols());
    for (row, v) in m.rows().into_iter().zip(v).filter(|(_, v)| **v != 0.0) {
        out.scaled_add(*v, &row);
    }
    out
}

/// Moment conditions written once for every number type, so that derivatives come out exactly.
///
/// ```
/// use estimation::gmm::{Automatic, Differentiable, DualMoments, DualNum};
/// use ndarray::array;
///
/// /// `E[z (y - exp(theta x))] = 0`.
/// struct Exponential { y: Vec<f64>, x: Vec<f64> }
/// impl DualMoments for Exponential {
///     fn observations(&self) -> usize { self.y.len() }
///     fn moments(&self) -> usize { 1 }
///     fn parameters(&self) -> usize { 1 }
///     fn contribution<D: DualNum<Primitive = f64> + Copy>(&self, i: usize, theta: &[D], out: &mut [D]) {
///         out[0] = -((theta[0] * self.x[i]).exp() - self.y[i]) * self.x[i];
///     }
/// }
/// let moments = Automatic(Exponential { y: vec![1.0, 2.0], x: vec![0.5, 1.0] });
/// let jacobian = moments.mean_jacobian(array![0.0].view());
/// assert!((jacobian[[0, 0]] + (0.25 + 1.0) / 2.0).abs() < 1e-15);
/// ```
pub trait DualMoments: Sync {
    /// Number of observations `n`.
    fn observations(&self) -> usize;
    /// Number of moments `q`.
    fn moments(&self) -> usize;
    /// Number of parameters `p`.
    fn parameters(&self) -> usize;
    /// Writes the `q` moments of observation `i` into `out`.
    fn contribution<D: DualNum<Primitive = f64> + Copy>(&self, i: usize, theta: &[D], out: &mut [D]);
    /// Names of the parameters, in order.
    fn parameter_names(&self) -> Vec<String> {
        (1..=self.parameters()).map(|k| format!("theta{k}")).collect()
    }
    /// Names of the moments, in order.
    fn moment_names(&self) -> Vec<String> {
        (1..=self.moments()).map(|k| format!("moment{k}")).collect()
    }
}

/// [`DualMoments`] with derivatives by forward-mode automatic differentiation (dual numbers, exact to rounding).
#[derive(Clone, Debug)]
pub struct Automatic<M>(pub M);

impl<M: DualMoments> Moments for Automatic<M> {
    fn observations(&self) -> usize {
        self.0.observations()
    }
    fn moments(&self) -> usize {
        self.0.moments()
    }
    fn parameters(&self) -> usize {
        self.0.parameters()
    }
    fn contributions(&self, theta: ArrayView1<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        let theta = theta.to_vec();
        let mut buffer = vec![0.0; self.moments()];
        for (i, mut row) in out.outer_iter_mut().enumerate() {
            self.0.contribution(i, &theta, &mut buffer);
            row.iter_mut().zip(&buffer).for_each(|(o, b)| *o = *b);
        }
    }
    fn parameter_names(&self) -> Vec<String> {
        self.0.parameter_names()
    }
    fn moment_names(&self) -> Vec<String> {
        self.0.moment_names()
    }
}

impl<M: DualMoments> Differentiable for Automatic<M> {
    fn derivative(&self, theta: ArrayView1<'_, f64>, k: usize, mut out: ArrayViewMut2<'_, f64>) {
        let theta: Vec<Dual64> =
            theta.iter().enumerate().map(|(j, v)| Dual64::new(*v, f64::from(u8::from(j == k)))).collect();
        let mut buffer = vec![Dual64::new(0.0, 0.0); self.moments()];
        for (i, mut row) in out.outer_iter_mut().enumerate() {
            self.0.contribution(i, &theta, &mut buffer);
            row.iter_mut().zip(&buffer).for_each(|(o, b)| *o = b.eps);
        }
    }
}

/// Moments with derivatives by central differences, step `eps^(1/3) max(|theta_k|, typical)`.
///
/// An explicit choice: derivatives carry an error near `1e-10` of their size.
#[derive(Clone, Debug)]
pub struct CentralDifferences<M> {
    /// The moments.
    pub moments: M,
    /// The typical size of a parameter, below which the step no longer shrinks with it; 1 is usual.
    pub typical: f64,
}

impl<M: Moments> Moments for CentralDifferences<M> {
    fn observations(&self) -> usize {
        self.moments.observations()
    }
    fn moments(&self) -> usize {
        self.moments.moments()
    }
    fn parameters(&self) -> usize {
        self.moments.parameters()
    }
    fn contributions(&self, theta: ArrayView1<'_, f64>, out: ArrayViewMut2<'_, f64>) {
        self.moments.contributions(theta, out);
    }
    fn parameter_names(&self) -> Vec<String> {
        self.moments.parameter_names()
    }
    fn moment_names(&self) -> Vec<String> {
        self.moments.moment_names()
    }
}

impl<M: Moments> Differentiable for CentralDifferences<M> {
    fn derivative(&self, theta: ArrayView1<'_, f64>, k: usize, mut out: ArrayViewMut2<'_, f64>) {
        let step = f64::EPSILON.cbrt() * theta[k].abs().max(self.typical);
        let mut point = theta.to_owned();
        let mut lower = Array2::zeros(out.dim());
        point[k] = theta[k] - step;
        let low = point[k];
        self.moments.contributions(point.view(), lower.view_mut());
        point[k] = theta[k] + step;
        let width = point[k] - low;
        self.moments.contributions(point.view(), out.view_mut());
        out.zip_mut_with(&lower, |upper, lower| *upper = (*upper - lower) / width);
    }
}

/// Moments under linear restrictions `theta = a + R phi`: the parameters become `phi`.
///
/// The restricted problem of a distance test ([`distance_test`](super::distance_test)).
#[derive(Debug)]
pub struct Restricted<'a, M> {
    inner: &'a M,
    constant: Array1<f64>,
    basis: Array2<f64>,
    names: Vec<String>,
}

impl<'a, M: Moments> Restricted<'a, M> {
    /// Imposes `theta = constant + basis phi`, `basis` `[p, p - r]`; `names` are those of `phi`.
    ///
    /// # Errors
    /// [`GmmError::Shape`](super::GmmError::Shape) when the sizes do not fit.
    pub fn new(
        inner: &'a M,
        constant: Array1<f64>,
        basis: Array2<f64>,
        names: Vec<String>,
    ) -> Result<Self, super::GmmError> {
        super::error::require("restriction constant", inner.parameters(), constant.len())?;
        super::error::require("restriction rows", inner.parameters(), basis.nrows())?;
        super::error::require("names of restricted parameters", basis.ncols(), names.len())?;
        Ok(Self { inner, constant, basis, names })
    }

    /// Holds some parameters at given values.
    ///
    /// # Errors
    /// [`GmmError::Shape`](super::GmmError::Shape) when an index is not a parameter.
    pub fn fixing(inner: &'a M, fixed: &[(usize, f64)]) -> Result<Self, super::GmmError> {
        let p = inner.parameters();
        let mut constant = Array1::zeros(p);
        for (index, value) in fixed {
            if *index >= p {
                return Err(super::GmmError::Shape {
                    what: "index of a fixed parameter, below",
                    expected: p,
                    found: *index,
                });
            }
            constant[*index] = *value;
        }
        let free: Vec<usize> = (0..p).filter(|k| fixed.iter().all(|(index, _)| index != k)).collect();
        let mut basis = Array2::zeros((p, free.len()));
        for (column, k) in free.iter().enumerate() {
            basis[[*k, column]] = 1.0;
        }
        let names = inner.parameter_names();
        let names = free.iter().filter_map(|k| names.get(*k).cloned()).collect();
        Self::new(inner, constant, basis, names)
    }

    /// The full parameter vector `a + R phi`.
    pub fn expand(&self, phi: ArrayView1<'_, f64>) -> Array1<f64> {
        &self.constant + &self.basis.dot(&phi)
    }
}

impl<M: Moments> Moments for Restricted<'_, M> {
    fn observations(&self) -> usize {
        self.inner.observations()
    }
    fn moments(&self) -> usize {
        self.inner.moments()
    }
    fn parameters(&self) -> usize {
        self.basis.ncols()
    }
    fn contributions(&self, theta: ArrayView1<'_, f64>, out: ArrayViewMut2<'_, f64>) {
        self.inner.contributions(self.expand(theta).view(), out);
    }
    fn mean(&self, theta: ArrayView1<'_, f64>) -> Array1<f64> {
        self.inner.mean(self.expand(theta).view())
    }
    fn parameter_names(&self) -> Vec<String> {
        self.names.clone()
    }
    fn moment_names(&self) -> Vec<String> {
        self.inner.moment_names()
    }
}

impl<M: Differentiable> Differentiable for Restricted<'_, M> {
    fn derivative(&self, theta: ArrayView1<'_, f64>, k: usize, mut out: ArrayViewMut2<'_, f64>) {
        let full = self.expand(theta);
        let mut buffer = Array2::zeros(out.dim());
        out.fill(0.0);
        for (j, weight) in self.basis.column(k).iter().enumerate().filter(|(_, w)| **w != 0.0) {
            self.inner.derivative(full.view(), j, buffer.view_mut());
            out.scaled_add(*weight, &buffer);
        }
    }

    fn mean_jacobian(&self, theta: ArrayView1<'_, f64>) -> Array2<f64> {
        self.inner.mean_jacobian(self.expand(theta).view()).dot(&self.basis)
    }
}

/// Some of the moments of a problem, in the order asked for.
#[derive(Debug)]
pub struct Subset<'a, M> {
    inner: &'a M,
    keep: Vec<usize>,
}

impl<'a, M: Moments> Subset<'a, M> {
    /// Keeps the moments at the given positions.
    ///
    /// # Errors
    /// [`GmmError::Shape`](super::GmmError::Shape) when a position is not a moment.
    pub fn new(inner: &'a M, keep: Vec<usize>) -> Result<Self, super::GmmError> {
        match keep.iter().find(|k| **k >= inner.moments()) {
            Some(found) => Err(super::GmmError::Shape {
                what: "index of a kept moment, below",
                expected: inner.moments(),
                found: *found,
            }),
            None => Ok(Self { inner, keep }),
        }
    }

    fn select(&self, all: &Array2<f64>, mut out: ArrayViewMut2<'_, f64>) {
        for (column, k) in self.keep.iter().enumerate() {
            out.column_mut(column).assign(&all.column(*k));
        }
    }
}

impl<M: Moments> Moments for Subset<'_, M> {
    fn observations(&self) -> usize {
        self.inner.observations()
    }
    fn moments(&self) -> usize {
        self.keep.len()
    }
    fn parameters(&self) -> usize {
        self.inner.parameters()
    }
    fn contributions(&self, theta: ArrayView1<'_, f64>, out: ArrayViewMut2<'_, f64>) {
        let mut all = Array2::zeros((self.observations(), self.inner.moments()));
        self.inner.contributions(theta, all.view_mut());
        self.select(&all, out);
    }
    fn parameter_names(&self) -> Vec<String> {
        self.inner.parameter_names()
    }
    fn moment_names(&self) -> Vec<String> {
        let names = self.inner.moment_names();
        self.keep.iter().filter_map(|k| names.get(*k).cloned()).collect()
    }
}

impl<M: Differentiable> Differentiable for Subset<'_, M> {
    fn derivative(&self, theta: ArrayView1<'_, f64>, k: usize, out: ArrayViewMut2<'_, f64>) {
        let mut all = Array2::zeros((self.observations(), self.inner.moments()));
        self.inner.derivative(theta, k, all.view_mut());
        self.select(&all, out);
    }
}
