//! The moments of both equations, with their derivatives by hand: the inner loop of every estimate.

use estimation::gmm::{Differentiable, Moments};
use linalg::elementary::exp_each;
use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut2, Axis, Slice};

use super::fit::Residual;
use super::sample::{Sample, Series};
use super::totals::Totals;

/// One of the two equations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Equation {
    Patents,
    Spending,
}

impl Equation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Equation::Patents => "patents",
            Equation::Spending => "spending",
        }
    }
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

/// Moments `[equation, group, instrument]` of the sample, then `[equation, year]` for effects of years; parameters are `sigma` of
/// each group, then `phi` and `lambda` where they are not known, then effects `[equation, year]`. Rows are unit-years.
pub(super) struct System<'a> {
    pub(super) sample: &'a Sample,
    /// Group of each series.
    pub(super) group: Vec<usize>,
    pub(super) groups: usize,
    pub(super) equations: Vec<Equation>,
    pub(super) phi: Slot,
    pub(super) lambda: Slot,
    /// Years that have effects, by position in the panel: those of the sample but the first. None without such effects.
    pub(super) effects: Vec<usize>,
    pub(super) residual: Residual,
    pub(super) overdispersion: f64,
    /// Sums for the search, unless years have effects.
    pub(super) totals: Option<Totals>,
    pub(super) names: Vec<String>,
    pub(super) moment_names: Vec<String>,
}

/// Patents of a unit with mean `m` have variance `1/m + overdispersion` about their expectation of one: one over it.
pub(super) fn patents_weight(series: &Series, overdispersion: f64) -> f64 {
    series.scale / (1.0 + overdispersion * series.scale)
}

/// A parameter vector by what it is.
#[derive(Clone, Copy)]
pub(super) struct Point<'t> {
    pub(super) theta: ArrayView1<'t, f64>,
    pub(super) phi: f64,
    pub(super) lambda: f64,
}

/// Room for one unit's years.
struct Years {
    /// `ln(pR/x) - phi ln(K_R/K_X)`.
    index: Vec<f64>,
    /// `rho / mean(rho)` of the patents equation, or expected patents over their mean.
    share: Vec<f64>,
    product: Vec<f64>,
    /// Effects of the years.
    common: Vec<f64>,
    /// The error or its derivative.
    out: Vec<f64>,
}

/// Where the moments of a unit's equation start: those of its instruments, and those of effects of years.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    pub(super) instruments: usize,
    years: usize,
}

impl Years {
    fn new() -> Self {
        let empty = Vec::new;
        Self { index: empty(), share: empty(), product: empty(), common: empty(), out: empty() }
    }

    /// Makes room for so many years, and no more.
    fn resize(&mut self, count: usize) {
        for values in [&mut self.index, &mut self.share, &mut self.product, &mut self.common, &mut self.out] {
            values.resize(count, 0.0);
        }
    }
}

fn mean_of(values: &[f64]) -> f64 {
    ArrayView1::from(values).mean().unwrap_or(f64::NAN)
}

impl System<'_> {
    /// Every error with its unit's weight: `report(series, columns of its moments, weight, error)`.
    pub(super) fn each_error(
        &self,
        theta: ArrayView1<'_, f64>,
        mut report: impl FnMut(usize, Columns, f64, &[f64]),
    ) {
        let point = self.point(theta);
        let mut years = Years::new();
        for (at, series) in self.sample.series.iter().enumerate() {
            for (number, equation) in self.equations.iter().enumerate() {
                self.prepare(series, self.group[at], number, point, &mut years);
                self.error(series, self.group[at], *equation, point, &mut years);
                let columns = self.columns(number, self.group[at]);
                report(at, columns, self.weight(series, *equation), &years.out);
            }
        }
    }

    /// The same for derivatives with respect to parameters, where they are not zero: `report(series, columns, parameter, weight,
    /// derivative)`.
    pub(super) fn each_derivative(
        &self,
        theta: ArrayView1<'_, f64>,
        parameters: std::ops::Range<usize>,
        mut report: impl FnMut(usize, Columns, usize, f64, &[f64]),
    ) {
        let point = self.point(theta);
        let mut years = Years::new();
        for (at, series) in self.sample.series.iter().enumerate() {
            let group = self.group[at];
            for (number, equation) in self.equations.iter().enumerate() {
                self.prepare(series, group, number, point, &mut years);
                let (columns, weight) = (self.columns(number, group), self.weight(series, *equation));
                for k in parameters.clone() {
                    if self.derivative_of(series, group, number, point, k, &mut years) {
                        report(at, columns, k, weight, &years.out);
                    }
                }
            }
        }
    }

    fn point<'t>(&self, theta: ArrayView1<'t, f64>) -> Point<'t> {
        Point { theta, phi: self.phi.value(theta), lambda: self.lambda.value(theta) }
    }

    pub(super) fn columns(&self, equation: usize, group: usize) -> Columns {
        let count = self.sample.instruments.len();
        let own = self.equations.len() * self.groups * count;
        Columns {
            instruments: (equation * self.groups + group) * count,
            years: own + equation * self.effects.len(),
        }
    }

    /// Position of the first effect of a year among the parameters of an equation.
    fn first_effect(&self, equation: usize) -> usize {
        self.names.len() - (self.equations.len() - equation) * self.effects.len()
    }

    /// The effect of a year in an equation; none where there are none, and in the first year.
    fn effect(&self, equation: usize, year: usize, point: Point<'_>) -> f64 {
        let at = self.effects.iter().position(|known| *known == year);
        at.map_or(0.0, |k| point.theta[self.first_effect(equation) + k])
    }

    /// Calls `put(column, value)` for the indicators of years, in deviation from the unit's mean, that a unit has in a year.
    fn each_indicator(&self, series: &Series, year: usize, mut put: impl FnMut(usize, f64)) {
        let count = series.years.len() as f64;
        for (k, effect) in self.effects.iter().enumerate().filter(|(_, e)| series.years.contains(e)) {
            put(k, f64::from(u8::from(*effect == year)) - 1.0 / count);
        }
    }

    fn weight(&self, series: &Series, equation: Equation) -> f64 {
        match equation {
            Equation::Patents => patents_weight(series, self.overdispersion),
            Equation::Spending => 1.0,
        }
    }

    pub(super) fn slope(&self, group: usize, equation: Equation, point: Point<'_>) -> f64 {
        let lambda = match equation {
            Equation::Patents => point.lambda,
            Equation::Spending => 1.0,
        };
        lambda * (1.0 - point.theta[group])
    }

    /// What errors and derivatives of a unit are made of.
    fn prepare(&self, series: &Series, group: usize, number: usize, point: Point<'_>, years: &mut Years) {
        let equation = self.equations[number];
        years.resize(series.years.len());
        if !self.effects.is_empty() {
            for (common, year) in years.common.iter_mut().zip(&series.years) {
                *common = self.effect(number, *year, point);
            }
        }
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
        let by = years.index.iter().zip(&years.common);
        for (share, (index, common)) in years.share.iter_mut().zip(by) {
            *share = index * sign + common * sign.signum();
        }
        exp_each(&mut years.share);
        years.share.iter_mut().zip(base).for_each(|(share, base)| *share *= base);
        let mean = mean_of(&years.share);
        years.share.iter_mut().for_each(|share| *share /= mean);
    }

    fn error(&self, series: &Series, group: usize, equation: Equation, point: Point<'_>, years: &mut Years) {
        let out = years.out.iter_mut();
        match (equation, self.residual, &series.spending) {
            (Equation::Spending, _, Some(spending)) => {
                let slope = self.slope(group, equation, point);
                let by = years.index.iter().zip(&years.common);
                out.zip(spending)
                    .zip(by)
                    .for_each(|((o, s), (index, common))| *o = s - index * slope - common);
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
        number: usize,
        point: Point<'_>,
        k: usize,
        years: &mut Years,
    ) -> bool {
        let equation = self.equations[number];
        let lambda = match equation {
            Equation::Patents => point.lambda,
            Equation::Spending => 1.0,
        };
        let Years { index, share, product, out, .. } = years;
        let effect = k.checked_sub(self.first_effect(number)).and_then(|at| self.effects.get(at));
        let scaled = |out: &mut [f64], from: &mut dyn Iterator<Item = &f64>, by: f64| {
            out.iter_mut().zip(from).for_each(|(o, v)| *o = v * by);
        };
        if k == group {
            scaled(out, &mut index.iter(), -lambda);
        } else if self.phi == Slot::At(k) {
            scaled(out, &mut series.stock.iter(), -self.slope(group, equation, point));
        } else if self.lambda == Slot::At(k) && equation == Equation::Patents {
            scaled(out, &mut index.iter(), 1.0 - point.theta[group]);
        } else if let Some(effect) = effect {
            out.iter_mut().zip(&series.years).for_each(|(o, year)| *o = f64::from(u8::from(year == effect)));
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

/// Adds a unit's instruments times an error, summed over its years, to `sums`.
fn add(sums: &mut [f64], z: &Array2<f64>, weight: f64, error: &[f64]) {
    let by_row = z.as_standard_layout();
    let rows = by_row.as_slice().unwrap_or_default().chunks_exact(sums.len().max(1));
    for (error, row) in error.iter().zip(rows) {
        let weighted = weight * error;
        sums.iter_mut().zip(row).for_each(|(sum, instrument)| *sum += weighted * instrument);
    }
}

impl System<'_> {
    /// Writes weighted instruments times an error into the rows of a unit.
    fn write(
        &self,
        out: &mut ArrayViewMut2<'_, f64>,
        at: usize,
        columns: Columns,
        weight: f64,
        error: &[f64],
    ) {
        let (series, first) = (&self.sample.series[at], self.sample.first[at]);
        for ((t, z), error) in series.instruments.outer_iter().enumerate().zip(error) {
            let mut row = out.row_mut(first + t);
            let own = row.iter_mut().skip(columns.instruments);
            own.zip(z).for_each(|(o, instrument)| *o = weight * instrument * error);
            self.each_indicator(series, series.years[t], |k, z| row[columns.years + k] = weight * z * error);
        }
    }

    /// Adds what a unit's error adds to the sums of all moments.
    fn add(&self, sums: &mut [f64], at: usize, columns: Columns, weight: f64, error: &[f64]) {
        let (series, count) = (&self.sample.series[at], self.sample.instruments.len());
        let own = columns.instruments;
        add(&mut sums[own..own + count], &series.instruments, weight, error);
        if !self.effects.is_empty() {
            for (e, year) in error.iter().zip(&series.years) {
                self.each_indicator(series, *year, |k, z| sums[columns.years + k] += weight * z * e);
            }
        }
    }
}

impl Moments for System<'_> {
    fn observations(&self) -> usize {
        self.sample.observations
    }

    fn moments(&self) -> usize {
        self.equations.len() * (self.groups * self.sample.instruments.len() + self.effects.len())
    }

    fn parameters(&self) -> usize {
        self.names.len()
    }

    fn contributions(&self, theta: ArrayView1<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        out.fill(0.0);
        self.each_error(theta, |at, columns, weight, error| self.write(&mut out, at, columns, weight, error));
    }

    fn mean(&self, theta: ArrayView1<'_, f64>) -> Array1<f64> {
        if let Some(mean) = self.total_mean(self.point(theta)) {
            return mean;
        }
        let mut sums = vec![0.0; self.moments()];
        self.each_error(theta, |at, columns, weight, error| self.add(&mut sums, at, columns, weight, error));
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
        self.each_derivative(theta, k..k + 1, |at, columns, _, weight, moved| {
            self.write(&mut out, at, columns, weight, moved);
        });
    }

    fn derivative_products(
        &self,
        theta: ArrayView1<'_, f64>,
        k: usize,
        left: ArrayView1<'_, f64>,
        right: ArrayView1<'_, f64>,
    ) -> (Array1<f64>, Array1<f64>) {
        let mut by_moment = vec![0.0; self.moments()];
        let mut by_row = Array1::zeros(self.observations());
        let count = self.sample.instruments.len();
        let mut scaled = Vec::new();
        self.each_derivative(theta, k..k + 1, |at, columns, _, weight, moved| {
            let (series, first) = (&self.sample.series[at], self.sample.first[at]);
            let own =
                right.slice_axis(Axis(0), Slice::from(columns.instruments..columns.instruments + count));
            for ((t, z), moved) in series.instruments.outer_iter().enumerate().zip(moved) {
                let mut along = z.dot(&own);
                self.each_indicator(series, series.years[t], |k, z| along += z * right[columns.years + k]);
                by_row[first + t] += weight * moved * along;
            }
            scaled.clear();
            scaled.extend(moved.iter().enumerate().map(|(t, moved)| moved * left[first + t]));
            self.add(&mut by_moment, at, columns, weight, &scaled);
        });
        (Array1::from(by_moment), by_row)
    }

    fn mean_jacobian(&self, theta: ArrayView1<'_, f64>) -> Array2<f64> {
        if let Some(jacobian) = self.total_jacobian(self.point(theta)) {
            return jacobian;
        }
        let n = self.observations() as f64;
        let moments = self.moments();
        // By parameter, so that what a unit adds to lies together.
        let mut sums = vec![0.0; moments * self.parameters()];
        self.each_derivative(theta, 0..self.parameters(), |at, columns, k, weight, moved| {
            self.add(&mut sums[k * moments..(k + 1) * moments], at, columns, weight, moved);
        });
        Array2::from_shape_fn((moments, self.parameters()), |(l, k)| sums[k * moments + l] / n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use estimation::gmm::CentralDifferences;

    use super::super::exposure::ByShock;
    use super::super::simulate::shipped;
    use super::super::{Panel, Specification, Stocks};
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

    /// Whether products with all derivatives are those of the rows written out.
    fn products_agree(system: &System<'_>, theta: &Array1<f64>) -> bool {
        let wave = |count: usize| Array1::from_shape_fn(count, |k| (k as f64).sin());
        let (left, right) = (wave(system.observations()), wave(system.moments()));
        let mut rows = Array2::zeros((left.len(), right.len()));
        (0..theta.len()).all(|k| {
            system.derivative(theta.view(), k, rows.view_mut());
            let (by_moment, by_row) = system.derivative_products(theta.view(), k, left.view(), right.view());
            let scale = rows.iter().fold(1.0, |a: f64, v| a.max(v.abs()));
            let mut gaps = (by_moment - rows.t().dot(&left)).to_vec();
            gaps.extend(by_row - rows.dot(&right));
            gaps.iter().all(|gap| gap.abs() < 1e-10 * scale)
        })
    }

    /// Whether the mean moments are those of the rows written out.
    fn means_agree(system: &System<'_>, theta: &Array1<f64>) -> bool {
        let mut rows = Array2::zeros((system.observations(), system.moments()));
        system.contributions(theta.view(), rows.view_mut());
        (rows.mean_axis(Axis(0)).unwrap() - system.mean(theta.view())).mapv(f64::abs).sum() < 1e-10
    }

    /// The panel with units that come late, go early and miss prices.
    fn with_gaps(panel: &Panel) -> Panel {
        let mut panel = panel.clone();
        for row in 0..panel.units.len() {
            for t in 0..panel.years.len() {
                if t < row % 4 || t + row % 3 >= panel.years.len() {
                    panel.patents_critical[[row, t]] = f64::NAN;
                } else if (t + row).is_multiple_of(7) {
                    panel.price_other[[row, t]] = f64::NAN;
                }
            }
        }
        panel
    }

    #[test]
    fn derivatives_are_those_of_the_moments_by_unit_and_by_shock() {
        let panel = shipped().unwrap();
        let stocks = Stocks::default();
        let sample = Sample::new(&panel, &stocks).unwrap();
        for residual in [Residual::Multiplicative, Residual::Additive] {
            let specification = Specification { residual, ..Specification::default() };
            // With gaps and effects of years.
            let thinned = with_gaps(&panel);
            let gaps = Sample::new(&thinned, &stocks).unwrap();
            let effects = Specification { year_effects: true, ..specification.clone() };
            let (system, _) = effects.system(&thinned, &gaps).unwrap();
            let theta: Array1<f64> = (0..system.parameters()).map(|k| 0.3 + 0.1 * (k as f64).sin()).collect();
            assert!(gap(&system, &theta) < 1e-7 && products_agree(&system, &theta));
            assert!(system.totals.is_none() && means_agree(&system, &theta));
            // The same panel added up at once.
            let (system, _) = specification.system(&thinned, &gaps).unwrap();
            let theta: Array1<f64> = (0..system.parameters()).map(|k| 0.3 + 0.1 * (k as f64).sin()).collect();
            assert!(system.totals.is_some() && means_agree(&system, &theta) && gap(&system, &theta) < 1e-7);

            let (system, _) = specification.system(&panel, &sample).unwrap();
            let mut theta = Array1::from_elem(system.parameters(), 0.3);
            theta[2] = 0.8;
            assert!(gap(&system, &theta) < 1e-7 && means_agree(&system, &theta));
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
