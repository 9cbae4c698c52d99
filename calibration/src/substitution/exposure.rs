//! The same moments with shocks as rows: inference that holds when errors share what instruments share.
//!
//! An instrument `z_it = sum_k s_itk g_k` makes the sum of moments over unit-years one over shocks,
//! `sum_it z_it e_it = sum_k g_k sum_it s_itk e_it` (Borusyak, Hull and Jaravel 2022). With shocks as rows the covariance of the
//! moments is that of Adao, Kolesar and Morales (2019): units with similar weights of elements may have similar errors. A shock
//! is an element in a market in a year.

use estimation::gmm::{Differentiable, Moments};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayViewMut2, Axis, Slice};

use super::moments::{Columns, System};
use super::sample::{centred, past};
use super::{Panel, Stocks};

/// Moments of a [`System`] by shock.
pub(super) struct ByShock<'a> {
    system: &'a System<'a>,
    panel: &'a Panel,
    /// Shocks in deviation from each element's mean, by kind: `[market, element, year]`.
    shocks: Vec<Array3<f64>>,
    /// `keep^(t-1-s)` for `t > s`: what the inventory of year `t` holds of a shock of year `s`, `[s, t]`; in deviation from its
    /// mean over the sample.
    memory: Array2<f64>,
}

impl<'a> ByShock<'a> {
    pub(super) fn new(system: &'a System<'a>, panel: &'a Panel, stocks: &Stocks) -> Self {
        let (markets, elements, total) = (panel.markets.len(), panel.elements.len(), panel.years.len());
        let shocks = panel.shocks.iter().map(|series| {
            let mut all = Array3::zeros((markets, elements, total));
            for m in 0..markets {
                all.index_axis_mut(Axis(0), m).assign(&centred(series, m));
            }
            all
        });
        let mut memory = Array2::zeros((total, total));
        for s in 0..total {
            let mut impulse = Array1::zeros(total);
            impulse[s] = 1.0;
            memory.row_mut(s).assign(&past(impulse.view(), stocks));
        }
        Self { system, panel, shocks: shocks.collect(), memory }
    }

    fn shape(&self) -> (usize, usize, usize) {
        (self.panel.markets.len(), self.panel.elements.len(), self.panel.years.len())
    }

    /// Unit-years over shocks: how a mean over the ones becomes one over the others.
    fn rows_by_shock(&self) -> f64 {
        self.system.observations() as f64 / self.observations() as f64
    }

    /// Adds what a unit's weighted errors put on the shocks it is exposed to.
    fn add(&self, out: &mut ArrayViewMut2<'_, f64>, at: usize, columns: Columns, weight: f64, error: &[f64]) {
        let (_, elements, total) = self.shape();
        let series = &self.system.sample.series[at];
        let unit = &self.panel.units[series.row];
        let mut now: Array1<f64> = Array1::zeros(total);
        for (t, e) in series.years.iter().zip(error) {
            now[*t] = weight * e;
        }
        let later = self.memory.dot(&now);
        let kinds = self.shocks.len();
        for (e, mu) in self.panel.exposure.row(unit.sector).iter().enumerate().filter(|(_, mu)| **mu > 0.0) {
            let first = (unit.market * elements + e) * total;
            let mut rows = out.slice_axis_mut(Axis(0), Slice::from(first..first + total));
            for (year, mut row) in rows.outer_iter_mut().enumerate() {
                for (kind, shocks) in self.shocks.iter().enumerate() {
                    let g = mu * shocks[[unit.market, e, year]];
                    row[columns.instruments + kind] += g * now[year];
                    row[columns.instruments + kinds + kind] += g * later[year];
                }
            }
        }
    }
}

impl Moments for ByShock<'_> {
    fn observations(&self) -> usize {
        let (markets, elements, years) = self.shape();
        markets * elements * years
    }

    fn moments(&self) -> usize {
        self.system.moments()
    }

    fn parameters(&self) -> usize {
        self.system.parameters()
    }

    fn contributions(&self, theta: ArrayView1<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        out.fill(0.0);
        self.system
            .each_error(theta, |at, columns, weight, error| self.add(&mut out, at, columns, weight, error));
    }

    /// Those of the system: errors are deviations from their unit's mean, so that it does not matter that the system's instruments
    /// are and shocks are not.
    fn mean(&self, theta: ArrayView1<'_, f64>) -> Array1<f64> {
        self.system.mean(theta) * self.rows_by_shock()
    }

    fn parameter_names(&self) -> Vec<String> {
        self.system.parameter_names()
    }

    fn moment_names(&self) -> Vec<String> {
        self.system.moment_names()
    }
}

impl Differentiable for ByShock<'_> {
    fn derivative(&self, theta: ArrayView1<'_, f64>, k: usize, mut out: ArrayViewMut2<'_, f64>) {
        out.fill(0.0);
        self.system.each_derivative(theta, k..k + 1, |at, columns, _, weight, moved| {
            self.add(&mut out, at, columns, weight, moved);
        });
    }

    fn mean_jacobian(&self, theta: ArrayView1<'_, f64>) -> Array2<f64> {
        self.system.mean_jacobian(theta) * self.rows_by_shock()
    }
}
