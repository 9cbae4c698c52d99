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

impl System<'_> {
    /// Every error with its unit's weight: `report(series, first column of its moments, weight, error)`.
    pub(super) fn each_error(
        &self,
        theta: ArrayView1<'_, f64>,
        mut report: impl FnMut(usize, usize, f64, &Array1<f64>),
    ) {
        for (at, series) in self.sample.series.iter().enumerate() {
            for (number, equation) in self.equations.iter().enumerate() {
                let error = self.error(series, self.group[at], *equation, theta);
                report(at, self.column(number, self.group[at]), self.weight(series, *equation), &error);
            }
        }
    }

    /// The same for derivatives with respect to parameter `k`, where they are not zero.
    pub(super) fn each_derivative(
        &self,
        theta: ArrayView1<'_, f64>,
        k: usize,
        mut report: impl FnMut(usize, usize, f64, &Array1<f64>),
    ) {
        for (at, series) in self.sample.series.iter().enumerate() {
            for (number, equation) in self.equations.iter().enumerate() {
                if let Some(derivative) = self.derivative_of(series, self.group[at], *equation, theta, k) {
                    report(
                        at,
                        self.column(number, self.group[at]),
                        self.weight(series, *equation),
                        &derivative,
                    );
                }
            }
        }
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

    /// `ln(pR/x) - phi ln(K_R/K_X)`.
    fn index(&self, series: &Series, theta: ArrayView1<'_, f64>) -> Array1<f64> {
        let phi = self.phi.value(theta);
        &series.price - &(&series.stock * phi)
    }

    fn slope(&self, group: usize, equation: Equation, theta: ArrayView1<'_, f64>) -> f64 {
        let lambda = match equation {
            Equation::Patents => self.lambda.value(theta),
            Equation::Spending => 1.0,
        };
        lambda * (1.0 - theta[group])
    }

    fn error(
        &self,
        series: &Series,
        group: usize,
        equation: Equation,
        theta: ArrayView1<'_, f64>,
    ) -> Array1<f64> {
        let eta = self.index(series, theta) * self.slope(group, equation, theta);
        match (equation, self.residual, &series.spending) {
            (Equation::Spending, _, Some(spending)) => deviation(spending - &eta),
            (Equation::Spending, _, None) => Array1::from_elem(eta.len(), f64::NAN),
            (Equation::Patents, Residual::Multiplicative, _) => {
                let rho = &series.rate * &eta.mapv(|e| (-e).exp());
                let mean = rho.mean().unwrap_or(f64::NAN);
                rho / mean - 1.0
            }
            (Equation::Patents, Residual::Additive, _) => {
                let (critical, other) = &series.counts;
                let expected = other * &eta.mapv(f64::exp);
                let mean = expected.mean().unwrap_or(f64::NAN);
                critical - &(expected / mean)
            }
        }
    }

    fn derivative_of(
        &self,
        series: &Series,
        group: usize,
        equation: Equation,
        theta: ArrayView1<'_, f64>,
        k: usize,
    ) -> Option<Array1<f64>> {
        let index = self.index(series, theta);
        let slope = self.slope(group, equation, theta);
        let lambda = match equation {
            Equation::Patents => self.lambda.value(theta),
            Equation::Spending => 1.0,
        };
        let moved = if k == group {
            &index * -lambda
        } else if self.phi == Slot::At(k) {
            &series.stock * -slope
        } else if self.lambda == Slot::At(k) && equation == Equation::Patents {
            &index * (1.0 - theta[group])
        } else {
            return None;
        };
        Some(match (equation, self.residual) {
            (Equation::Spending, _) => deviation(-moved),
            (Equation::Patents, Residual::Multiplicative) => {
                let rho = &series.rate * &(&index * -slope).mapv(f64::exp);
                relative(&rho, &-moved)
            }
            (Equation::Patents, Residual::Additive) => {
                let expected = &series.counts.1 * &(&index * slope).mapv(f64::exp);
                -relative(&expected, &moved)
            }
        })
    }
}

/// The derivative of `rho / mean(rho)` when `ln rho` moves.
fn relative(rho: &Array1<f64>, moved: &Array1<f64>) -> Array1<f64> {
    let mean = rho.mean().unwrap_or(f64::NAN);
    let share = rho / mean;
    let shift = (&share * moved).mean().unwrap_or(f64::NAN);
    &share * &moved.mapv(|m| m - shift)
}

fn deviation(values: Array1<f64>) -> Array1<f64> {
    let mean = values.mean().unwrap_or(f64::NAN);
    values - mean
}

/// Writes weighted instruments times an error into the rows of a unit.
fn write(
    out: &mut ArrayViewMut2<'_, f64>,
    first: usize,
    column: usize,
    z: &Array2<f64>,
    weight: f64,
    e: &Array1<f64>,
) {
    for ((t, l), instrument) in z.indexed_iter() {
        out[[first + t, column + l]] = weight * instrument * e[t];
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
        self.each_derivative(theta, k, |at, column, weight, moved| {
            write(&mut out, at * years, column, &series[at].instruments, weight, moved);
        });
    }

    fn mean_jacobian(&self, theta: ArrayView1<'_, f64>) -> Array2<f64> {
        let n = self.observations() as f64;
        let mut jacobian = Array2::zeros((self.moments(), self.parameters()));
        for k in 0..self.parameters() {
            self.each_derivative(theta, k, |at, column, weight, moved| {
                let sums = self.sample.series[at].instruments.t().dot(moved);
                for (l, sum) in sums.iter().enumerate() {
                    jacobian[[column + l, k]] += weight * sum / n;
                }
            });
        }
        jacobian
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
