//! The moments of both equations, with their derivatives by hand: the inner loop of every estimate.

use estimation::gmm::{Differentiable, Moments};
use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut2};

use super::fit::Residual;
use super::sample::{Sample, Series};

/// One of the two equations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Equation {
    Patents,
    Spending,
}

/// A parameter that is known or at a place of the vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Slot {
    Known(f64),
    At(usize),
}

impl Slot {
    fn value(self, theta: ArrayView1<'_, f64>) -> f64 {
        match self {
            Slot::Known(value) => value,
            Slot::At(k) => theta[k],
        }
    }
}

/// Moments `[equation, group, instrument]` of the sample; parameters are `sigma` of each group, then `phi` and `lambda` where
/// they are not known. Rows are unit-years.
pub(super) struct System<'a> {
    pub(super) sample: &'a Sample,
    /// Group of each series.
    pub(super) group: Vec<usize>,
    pub(super) groups: usize,
    pub(super) equations: Vec<Equation>,
    pub(super) phi: Slot,
    pub(super) lambda: Slot,
    pub(super) residual: Residual,
    pub(super) overdispersion: f64,
    pub(super) names: Vec<String>,
    pub(super) moment_names: Vec<String>,
}

/// A parameter vector by what it is.
#[derive(Clone, Copy)]
struct Point<'t> {
    theta: ArrayView1<'t, f64>,
    phi: f64,
    lambda: f64,
}

/// Room for one unit's years.
struct Years {
    /// `ln(pR/x) - phi ln(K_R/K_X)`.
    index: Vec<f64>,
    /// `rho / mean(rho)` of the patents equation, or expected patents over their mean.
    share: Vec<f64>,
    product: Vec<f64>,
    /// The error or its derivative.
    out: Vec<f64>,
}

impl Years {
    fn new(count: usize) -> Self {
        let zeros = || vec![0.0; count];
        Self { index: zeros(), share: zeros(), product: zeros(), out: zeros() }
    }
}

fn mean_of(values: &[f64]) -> f64 {
    ArrayView1::from(values).mean().unwrap_or(f64::NAN)
}

impl System<'_> {
    /// Every error with its unit's weight: `report(series, first column of its moments, weight, error)`.
    pub(super) fn each_error(
        &self,
        theta: ArrayView1<'_, f64>,
        mut report: impl FnMut(usize, usize, f64, &[f64]),
    ) {
        let point = self.point(theta);
        let mut years = Years::new(self.sample.years);
        for (at, series) in self.sample.series.iter().enumerate() {
            for (number, equation) in self.equations.iter().enumerate() {
                self.prepare(series, self.group[at], *equation, point, &mut years);
                self.error(series, self.group[at], *equation, point, &mut years);
                let column = self.column(number, self.group[at]);
                report(at, column, self.weight(series, *equation), &years.out);
            }
        }
    }

    /// The same for derivatives with respect to parameters, where they are not zero: `report(series, first column, parameter,
    /// weight, derivative)`.
    pub(super) fn each_derivative(
        &self,
        theta: ArrayView1<'_, f64>,
        parameters: std::ops::Range<usize>,
        mut report: impl FnMut(usize, usize, usize, f64, &[f64]),
    ) {
        let point = self.point(theta);
        let mut years = Years::new(self.sample.years);
        for (at, series) in self.sample.series.iter().enumerate() {
            let group = self.group[at];
            for (number, equation) in self.equations.iter().enumerate() {
                self.prepare(series, group, *equation, point, &mut years);
                let (column, weight) = (self.column(number, group), self.weight(series, *equation));
                for k in parameters.clone() {
                    if self.derivative_of(series, group, *equation, point, k, &mut years) {
                        report(at, column, k, weight, &years.out);
                    }
                }
            }
        }
    }

    fn point<'t>(&self, theta: ArrayView1<'t, f64>) -> Point<'t> {
        Point { theta, phi: self.phi.value(theta), lambda: self.lambda.value(theta) }
    }

    fn column(&self, equation: usize, group: usize) -> usize {
        (equation * self.groups + group) * self.sample.instruments.len()
    }

    /// Patents of a unit with mean `m` have variance `1/m + overdispersion` about their expectation of one.
    fn weight(&self, series: &Series, equation: Equation) -> f64 {
        match equation {
            Equation::Patents => series.scale / (1.0 + self.overdispersion * series.scale),
            Equation::Spending => 1.0,
        }
    }

    fn slope(&self, group: usize, equation: Equation, point: Point<'_>) -> f64 {
        let lambda = match equation {
            Equation::Patents => point.lambda,
            Equation::Spending => 1.0,
        };
        lambda * (1.0 - point.theta[group])
    }

    /// What errors and derivatives of a unit are made of.
    fn prepare(
        &self,
        series: &Series,
        group: usize,
        equation: Equation,
        point: Point<'_>,
        years: &mut Years,
    ) {
        for ((index, price), stock) in years.index.iter_mut().zip(&series.price).zip(&series.stock) {
            *index = price - stock * point.phi;
        }
        if equation == Equation::Spending {
            return;
        }
        let slope = self.slope(group, equation, point);
        let (base, sign) = match self.residual {
            Residual::Multiplicative => (&series.rate, -slope),
            Residual::Additive => (&series.counts.1, slope),
        };
        for ((share, base), index) in years.share.iter_mut().zip(base).zip(&years.index) {
            *share = base * (index * sign).exp();
        }
        let mean = mean_of(&years.share);
        years.share.iter_mut().for_each(|share| *share /= mean);
    }

    fn error(&self, series: &Series, group: usize, equation: Equation, point: Point<'_>, years: &mut Years) {
        let out = years.out.iter_mut();
        match (equation, self.residual, &series.spending) {
            (Equation::Spending, _, Some(spending)) => {
                let slope = self.slope(group, equation, point);
                out.zip(spending).zip(&years.index).for_each(|((o, s), index)| *o = s - index * slope);
                centre(&mut years.out);
            }
            (Equation::Spending, _, None) => years.out.fill(f64::NAN),
            (Equation::Patents, Residual::Multiplicative, _) => {
                out.zip(&years.share).for_each(|(o, share)| *o = share - 1.0);
            }
            (Equation::Patents, Residual::Additive, _) => {
                let critical = &series.counts.0;
                out.zip(critical).zip(&years.share).for_each(|((o, critical), share)| *o = critical - share);
            }
        }
    }

    /// The derivative of the error with respect to parameter `k`, unless it is zero.
    fn derivative_of(
        &self,
        series: &Series,
        group: usize,
        equation: Equation,
        point: Point<'_>,
        k: usize,
        years: &mut Years,
    ) -> bool {
        let lambda = match equation {
            Equation::Patents => point.lambda,
            Equation::Spending => 1.0,
        };
        let Years { index, share, product, out } = years;
        let scaled = |out: &mut [f64], from: &mut dyn Iterator<Item = &f64>, by: f64| {
            out.iter_mut().zip(from).for_each(|(o, v)| *o = v * by);
        };
        if k == group {
            scaled(out, &mut index.iter(), -lambda);
        } else if self.phi == Slot::At(k) {
            scaled(out, &mut series.stock.iter(), -self.slope(group, equation, point));
        } else if self.lambda == Slot::At(k) && equation == Equation::Patents {
            scaled(out, &mut index.iter(), 1.0 - point.theta[group]);
        } else {
            return false;
        }
        // `out` is how the logarithm moves that errors are made of.
        match (equation, self.residual) {
            (Equation::Spending, _) => {
                out.iter_mut().for_each(|o| *o = -*o);
                centre(out);
            }
            (Equation::Patents, Residual::Multiplicative) => {
                out.iter_mut().for_each(|o| *o = -*o);
                relative(share, out, product);
            }
            (Equation::Patents, Residual::Additive) => {
                relative(share, out, product);
                out.iter_mut().for_each(|o| *o = -*o);
            }
        }
        true
    }
}

/// The derivative of `rho / mean(rho)`, which is `share`, when `ln rho` moves by `out`, in place.
fn relative(share: &[f64], out: &mut [f64], product: &mut [f64]) {
    for ((product, share), moved) in product.iter_mut().zip(share).zip(&*out) {
        *product = share * moved;
    }
    let shift = mean_of(product);
    out.iter_mut().zip(share).for_each(|(o, share)| *o = share * (*o - shift));
}

fn centre(values: &mut [f64]) {
    let mean = mean_of(values);
    values.iter_mut().for_each(|v| *v -= mean);
}

/// Writes weighted instruments times an error into the rows of a unit.
fn write(
    out: &mut ArrayViewMut2<'_, f64>,
    first: usize,
    column: usize,
    z: &Array2<f64>,
    weight: f64,
    error: &[f64],
) {
    for ((t, z), error) in z.outer_iter().enumerate().zip(error) {
        let mut row = out.row_mut(first + t);
        row.iter_mut().skip(column).zip(z).for_each(|(o, instrument)| *o = weight * instrument * error);
    }
}

/// Adds a unit's instruments times an error, summed over its years, to `sums`.
fn add(sums: &mut [f64], z: &Array2<f64>, weight: f64, error: &[f64]) {
    let mut instruments = z.iter();
    for error in error {
        let weighted = weight * error;
        sums.iter_mut().zip(instruments.by_ref()).for_each(|(sum, instrument)| *sum += weighted * instrument);
    }
}

impl Moments for System<'_> {
    fn observations(&self) -> usize {
        self.sample.series.len() * self.sample.years
    }

    fn moments(&self) -> usize {
        self.equations.len() * self.groups * self.sample.instruments.len()
    }

    fn parameters(&self) -> usize {
        self.names.len()
    }

    fn contributions(&self, theta: ArrayView1<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        out.fill(0.0);
        let (series, years) = (&self.sample.series, self.sample.years);
        self.each_error(theta, |at, column, weight, error| {
            write(&mut out, at * years, column, &series[at].instruments, weight, error);
        });
    }

    fn mean(&self, theta: ArrayView1<'_, f64>) -> Array1<f64> {
        let mut sums = vec![0.0; self.moments()];
        let count = self.sample.instruments.len();
        self.each_error(theta, |at, column, weight, error| {
            add(&mut sums[column..column + count], &self.sample.series[at].instruments, weight, error);
        });
        Array1::from(sums) / self.observations() as f64
    }

    fn parameter_names(&self) -> Vec<String> {
        self.names.clone()
    }

    fn moment_names(&self) -> Vec<String> {
        self.moment_names.clone()
    }
}

impl Differentiable for System<'_> {
    fn derivative(&self, theta: ArrayView1<'_, f64>, k: usize, mut out: ArrayViewMut2<'_, f64>) {
        out.fill(0.0);
        let (series, years) = (&self.sample.series, self.sample.years);
        self.each_derivative(theta, k..k + 1, |at, column, _, weight, moved| {
            write(&mut out, at * years, column, &series[at].instruments, weight, moved);
        });
    }

    fn mean_jacobian(&self, theta: ArrayView1<'_, f64>) -> Array2<f64> {
        let (moments, count) = (self.moments(), self.sample.instruments.len());
        // By parameter, so that what a unit adds to lies together.
        let mut sums = vec![0.0; moments * self.parameters()];
        self.each_derivative(theta, 0..self.parameters(), |at, column, k, weight, moved| {
            let first = k * moments + column;
            add(&mut sums[first..first + count], &self.sample.series[at].instruments, weight, moved);
        });
        let n = self.observations() as f64;
        Array2::from_shape_fn((moments, self.parameters()), |(l, k)| sums[k * moments + l] / n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use estimation::gmm::CentralDifferences;

    use super::super::exposure::ByShock;
    use super::super::simulate::shipped;
    use super::super::{Specification, Stocks};
    use super::*;

    /// Largest gap between the mean Jacobian and central differences of the mean moments, over the largest derivative.
    fn gap<M: Differentiable>(moments: &M, theta: &Array1<f64>) -> f64 {
        let mean = |theta: &Array1<f64>| {
            let mut out = Array2::zeros((moments.observations(), moments.moments()));
            moments.contributions(theta.view(), out.view_mut());
            out.mean_axis(ndarray::Axis(0)).unwrap()
        };
        let exact = moments.mean_jacobian(theta.view());
        let largest = exact.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        let mut worst: f64 = 0.0;
        for k in 0..theta.len() {
            let (mut up, mut down) = (theta.clone(), theta.clone());
            up[k] += 1e-5;
            down[k] -= 1e-5;
            let numeric = (mean(&up) - mean(&down)) / 2e-5;
            worst = worst.max((&numeric - &exact.column(k)).iter().fold(0.0, |a, b| a.max(b.abs())));
        }
        worst / largest
    }

    #[test]
    fn derivatives_are_those_of_the_moments_by_unit_and_by_shock() {
        let panel = shipped().unwrap();
        let stocks = Stocks::default();
        let sample = Sample::new(&panel, &stocks).unwrap();
        for residual in [Residual::Multiplicative, Residual::Additive] {
            let specification = Specification { residual, ..Specification::default() };
            let (system, _) = specification.system(&panel, &sample).unwrap();
            let mut theta = Array1::from_elem(system.parameters(), 0.3);
            theta[2] = 0.8;
            assert!(gap(&system, &theta) < 1e-7);
            let rows = ByShock::new(&system, &panel, &stocks);
            assert!(gap(&rows, &theta) < 1e-7);
            // The same sums of moments, and the derivatives of single rows are those of the engine's numeric ones.
            let sums = |m: &dyn Fn(&mut Array2<f64>), n: usize| {
                let mut out = Array2::zeros((n, system.moments()));
                m(&mut out);
                out.sum_axis(ndarray::Axis(0))
            };
            let by_unit =
                sums(&|out| system.contributions(theta.view(), out.view_mut()), system.observations());
            let by_shock = sums(&|out| rows.contributions(theta.view(), out.view_mut()), rows.observations());
            let scale = by_unit.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            for (a, b) in by_unit.iter().zip(&by_shock) {
                assert!((a - b).abs() < 1e-9 * scale, "{a} {b}");
            }
            let numeric = CentralDifferences { moments: system, typical: 1.0 };
            let mut by_rule = Array2::zeros((numeric.observations(), numeric.moments()));
            let mut by_hand = by_rule.clone();
            numeric.derivative(theta.view(), 1, by_rule.view_mut());
            numeric.moments.derivative(theta.view(), 1, by_hand.view_mut());
            let worst = (&by_rule - &by_hand).iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            assert!(worst < 1e-6, "{worst}");
        }
    }
}
