//! Sums of the moments and of their derivatives over all unit-years, for the search: units that share their instruments are
//! added up before they meet them, and what the spending equation needs, which is linear in prices and stocks, is added up
//! once. Only where no year has an effect.

use std::collections::BTreeMap;

use estimation::gmm::Moments;
use linalg::elementary::exp_each;
use ndarray::{Array1, Array2};

use super::fit::Residual;
use super::moments::{Equation, Point, Slot, System};
use super::sample::{Sample, Series};

/// Units of a group with the same instruments.
struct Cell {
    group: usize,
    /// Instruments, `[year, instrument]`.
    z: Array2<f64>,
    /// Weights of the units.
    weight: Vec<f64>,
    /// Unit by unit: `ln(pR/x)`, `ln(K_R/K_X)`, and what is multiplied by the exponential.
    price: Vec<f64>,
    stock: Vec<f64>,
    base: Vec<f64>,
    /// What the weighted shares of the units are compared with, by year.
    target: Array1<f64>,
}

/// Sums over units of the spending equation's parts, times instruments: spending, prices, stocks.
struct Linear {
    spending: Array1<f64>,
    price: Array1<f64>,
    stock: Array1<f64>,
}

/// What the sums of moments are made from.
pub(super) struct Totals {
    cells: Vec<Cell>,
    /// By group.
    linear: Vec<Linear>,
    residual: Residual,
    instruments: usize,
}

/// Sums of one equation and group, each `[instrument]`: of errors, and of how errors move when the index of its exponent does by
/// `ln(pR/x) - phi ln(K_R/K_X)` and by `ln(K_R/K_X)`.
struct Sums {
    error: Array1<f64>,
    by_index: Array1<f64>,
    by_stock: Array1<f64>,
}

impl Totals {
    /// Of a sample whose series have these groups and, in the patents equation, weights.
    pub(super) fn new(
        sample: &Sample,
        group: &[usize],
        groups: usize,
        residual: Residual,
        weight: impl Fn(&Series) -> f64,
    ) -> Self {
        let instruments = sample.instruments.len();
        let none = || Array1::zeros(instruments);
        let mut linear: Vec<Linear> =
            (0..groups).map(|_| Linear { spending: none(), price: none(), stock: none() }).collect();
        let mut cells: BTreeMap<usize, Cell> = BTreeMap::new();
        for (series, &group) in sample.series.iter().zip(group) {
            let z = &series.instruments;
            let cell = cells.entry(series.cell).or_insert_with(|| Cell {
                group,
                z: z.clone(),
                weight: Vec::new(),
                price: Vec::new(),
                stock: Vec::new(),
                base: Vec::new(),
                target: Array1::zeros(z.nrows()),
            });
            let weight = weight(series);
            cell.weight.push(weight);
            cell.price.extend(&series.price);
            cell.stock.extend(&series.stock);
            match residual {
                Residual::Multiplicative => {
                    cell.base.extend(&series.rate);
                    cell.target += weight;
                }
                Residual::Additive => {
                    cell.base.extend(&series.counts.1);
                    cell.target.scaled_add(weight, &series.counts.0);
                }
            }
            // Instruments are in deviation from their means, so that the rest need not be.
            let own = &mut linear[group];
            for (sum, values) in [(&mut own.price, &series.price), (&mut own.stock, &series.stock)] {
                *sum += &z.t().dot(values);
            }
            if let Some(spending) = &series.spending {
                own.spending += &z.t().dot(spending);
            }
        }
        Self { cells: cells.into_values().collect(), linear, residual, instruments }
    }

    /// Sums of the spending equation, by group.
    fn spending(&self, slope: impl Fn(usize) -> f64, phi: f64) -> Vec<Sums> {
        let each = self.linear.iter().enumerate().map(|(group, linear)| {
            let by_index = &linear.price - &(&linear.stock * phi);
            Sums {
                error: &linear.spending - &(&by_index * slope(group)),
                by_index,
                by_stock: linear.stock.clone(),
            }
        });
        each.collect()
    }

    /// Sums of the patents equation, by group; what errors move by only if it is asked for.
    fn patents(&self, slope: impl Fn(usize) -> f64, phi: f64, derivatives: bool) -> Vec<Sums> {
        let none = || Array1::zeros(self.instruments);
        let mut all: Vec<Sums> = (0..self.linear.len())
            .map(|_| Sums { error: none(), by_index: none(), by_stock: none() })
            .collect();
        let (mut index, mut share) = (Vec::new(), Vec::new());
        for cell in &self.cells {
            let years = cell.z.nrows();
            index.clear();
            index.extend(cell.price.iter().zip(&cell.stock).map(|(price, stock)| price - stock * phi));
            let (sign, slope) = match self.residual {
                Residual::Multiplicative => (1.0, -slope(cell.group)),
                Residual::Additive => (-1.0, slope(cell.group)),
            };
            share.clear();
            share.extend(index.iter().map(|index| index * slope));
            exp_each(&mut share);
            share.iter_mut().zip(&cell.base).for_each(|(share, base)| *share *= base);
            // By year: sums of weighted shares, and of how they move.
            let mut total = vec![[0.0; 3]; years];
            let units = share.chunks_exact_mut(years).zip(&cell.weight);
            let movers = index.chunks_exact(years).zip(cell.stock.chunks_exact(years));
            for ((share, weight), (index, stock)) in units.zip(movers) {
                let sum: f64 = share.iter().sum();
                let scale = weight * years as f64 / sum;
                if !derivatives {
                    total.iter_mut().zip(&*share).for_each(|(total, share)| total[0] += scale * share);
                    continue;
                }
                let mean = |values: &[f64]| {
                    values.iter().zip(&*share).map(|(value, share)| value * share).sum::<f64>() / sum
                };
                let (middle, level) = (mean(index), mean(stock));
                for ((total, share), (index, stock)) in
                    total.iter_mut().zip(&*share).zip(index.iter().zip(stock))
                {
                    let weighted = scale * share;
                    total[0] += weighted;
                    total[1] += weighted * (index - middle);
                    total[2] += weighted * (stock - level);
                }
            }
            let own = &mut all[cell.group];
            for ((z, total), target) in cell.z.outer_iter().zip(&total).zip(&cell.target) {
                own.error.scaled_add(sign * (total[0] - target), &z);
                if derivatives {
                    own.by_index.scaled_add(total[1], &z);
                    own.by_stock.scaled_add(total[2], &z);
                }
            }
        }
        all
    }
}

impl System<'_> {
    /// Sums over all rows by equation, then group, where they are at hand.
    fn sums(&self, point: Point<'_>, derivatives: bool) -> Option<Vec<Vec<Sums>>> {
        let totals = self.totals.as_ref()?;
        let of = |equation: &Equation| {
            let slope = |group: usize| self.slope(group, *equation, point);
            match equation {
                Equation::Patents => totals.patents(slope, point.phi, derivatives),
                Equation::Spending => totals.spending(slope, point.phi),
            }
        };
        Some(self.equations.iter().map(of).collect())
    }

    /// The mean of the moments from their sums.
    pub(super) fn total_mean(&self, point: Point<'_>) -> Option<Array1<f64>> {
        let all = self.sums(point, false)?;
        let errors = all.iter().flatten().flat_map(|sums| &sums.error);
        Some(errors.map(|sum| sum / self.observations() as f64).collect())
    }

    /// Its derivatives.
    pub(super) fn total_jacobian(&self, point: Point<'_>) -> Option<Array2<f64>> {
        let mut jacobian = Array2::zeros((self.moments(), self.parameters()));
        for (number, (equation, groups)) in self.equations.iter().zip(self.sums(point, true)?).enumerate() {
            for (group, sums) in groups.iter().enumerate() {
                self.fill(&mut jacobian, (number, *equation, group), point, sums);
            }
        }
        Some(jacobian / self.observations() as f64)
    }

    /// Writes the derivatives of the sums of an equation and group.
    fn fill(
        &self,
        jacobian: &mut Array2<f64>,
        (number, equation, group): (usize, Equation, usize),
        point: Point<'_>,
        sums: &Sums,
    ) {
        let slope = self.slope(group, equation, point);
        let lambda = if equation == Equation::Patents { point.lambda } else { 1.0 };
        let from = self.columns(number, group).instruments;
        let mut put = |k: usize, values: &Array1<f64>, by: f64| {
            for (l, value) in values.iter().enumerate() {
                jacobian[[from + l, k]] = by * value;
            }
        };
        put(group, &sums.by_index, lambda);
        if let Slot::At(k) = self.phi {
            put(k, &sums.by_stock, slope);
        }
        if let (Slot::At(k), Equation::Patents) = (self.lambda, equation) {
            put(k, &sums.by_index, point.theta[group] - 1.0);
        }
    }
}
