//! The market of a critical or restricted good, solved at once within a sweep.
//!
//! Prices of resources without another use and wedges of restrictions answer each other and demand that hardly gives way:
//! moved one at a time they overshoot. With everything else as the sweep found it, a handful of unknowns is left for each such
//! good (one resource price for each country, one wedge for each restriction), and Newton's method in logs finds them. A joint
//! product's price over the cost of its process is like the price of a resource that is all of its cost and whose quantity is
//! the process's. The answer is the sweep's proposal for these unknowns; its residuals do not depend on it.

use linalg::Lu;
use ndarray::{Array1, Array2};

use super::limit::{Controls, Overlay};
use super::market::{Market, Pairs};
use super::scalar::Scalar;
use super::sweep::{Work, ln_worthless, product_gap};
use super::system::{Blocks, Layout, System};
use super::users::Close;
use crate::economy::EconomyParts;

/// One good whose market is solved at once.
pub(super) struct Block {
    pub(super) sector: usize,
    /// Its place among the elements of the nest, if it is one.
    pub(super) element: Option<usize>,
    /// For each country that has one, what its supply hangs on.
    resources: Vec<(usize, Own)>,
    /// The restrictions on it.
    limits: Vec<usize>,
}

/// What the supply of a good by a country hangs on, which answers nothing but its price.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    /// A factor that no other sector uses.
    Factor(usize),
    /// The process that it is a joint product of: its place among products.
    Product(usize),
}

impl Block {
    /// Sector, country and factor of each resource.
    pub(super) fn own(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.resources.iter().filter_map(|(i, own)| match own {
            Own::Factor(f) => Some((self.sector, *i, *f)),
            Own::Product(_) => None,
        })
    }
}

/// Newton steps on one market in a sweep, the share of the first gap at which they end, and the largest step.
const MAX_STEPS: usize = 12;
const ENOUGH: f64 = 1e-3;
const MAX_STEP: f64 = 2.0;

/// A log gap that is rounding.
const SETTLED: f64 = 1e-12;

/// The share of a step below which it is taken whatever comes.
const LEAST_STEP: f64 = 1e-2;

/// Log gaps beyond which a market is treated as this far from clearing.
const MAX_GAP: f64 = 300.0;

/// Share of a factor's income that must come from one sector for it to count as its resource.
pub(super) const NO_OTHER_USE: f64 = 0.9999;

/// The goods of an economy that are solved at once: critical inputs and what restrictions act on.
pub(super) fn blocks<T: Scalar>(
    parts: &EconomyParts,
    output: &Array2<f64>,
    limits: &[super::limit::Limit<T>],
) -> Vec<Block> {
    let critical = parts.critical.as_ref().map_or(&[][..], |critical| &critical.sectors);
    let joint = critical.len() > 1 && parts.critical.as_ref().is_some_and(|critical| critical.joint_products);
    let dims = parts.dims();
    (0..dims.sectors)
        .filter_map(|sector| {
            let element = critical.iter().position(|s| *s == sector);
            let own: Vec<usize> =
                (0..limits.len()).filter(|&l| limits[l].sector == sector && limits[l].acts()).collect();
            if element.is_none() && own.is_empty() {
                return None;
            }
            let mut resources = Vec::new();
            for i in 0..dims.countries {
                if let (Some(e), true) = (element, joint) {
                    if output[[i, sector]] > 0.0 {
                        resources.push((i, Own::Product(i * critical.len() + e)));
                    }
                    continue;
                }
                let specific = (0..dims.factors).find(|&f| {
                    let paid = parts.factor_share[[i, sector, f]] * output[[i, sector]];
                    paid > 0.0 && paid > NO_OTHER_USE * parts.factor_income[[i, f]]
                });
                resources.extend(specific.map(|f| (i, Own::Factor(f))));
            }
            Some(Block { sector, element, resources, limits: own })
        })
        .collect()
}

/// The market at a guess of its unknowns.
struct At<T> {
    ln_price: Vec<T>,
    spending: Vec<T>,
    /// `d ln spending / d ln P`.
    elasticity: Vec<f64>,
    /// By equation: resources, then restrictions.
    gap: Vec<T>,
    /// By equation: whether supply and restrictions bind, or a product is worthless and a limit leaves room.
    active: Vec<bool>,
    /// Sales of each resource's country.
    sales: Vec<T>,
    /// `pi[n,i]` and what producers get, `[n][i]`.
    share: Vec<f64>,
    flow: Vec<f64>,
}

/// What the market takes as given.
struct Given<'s, T> {
    block: &'s Block,
    /// By country.
    close: Vec<Close<T>>,
    g: &'s Pairs<'s, T>,
    border: Option<&'s Pairs<'s, T>>,
    producer: Option<&'s Pairs<'s, T>>,
    controls: Option<&'s Controls>,
    /// Unit costs and resource prices of the state, and the share of the resource in cost.
    ln_cost: Vec<T>,
    resource: Vec<T>,
    resource_share: Vec<T>,
    /// Spending on other grounds than the nest.
    fixed_spending: Vec<T>,
    /// What other sectors pay for the resources.
    other_use: Vec<T>,
    /// Logs of resource endowments at baseline prices.
    ln_endowment: Vec<T>,
    wedge: Vec<T>,
}

impl<T: Scalar> System<'_, T> {
    /// Proposes resource prices, wedges, prices and spending of every good that is solved at once.
    pub(super) fn solve_blocks(
        &self,
        old: &Blocks<&[T]>,
        new: &mut Blocks<&mut [T]>,
        to_numeraire: T,
        work: &mut Work<T>,
    ) {
        let Layout { n, j, f, .. } = self.at;
        self.fill_product_sales(work);
        for block in &self.blocks {
            let s = block.sector;
            let Market::Traded { g, border, producer, .. } = &self.markets[s] else { continue };
            let controls = work.controls[s].take();
            let mut over = std::mem::replace(&mut work.over, Overlay::new());
            let cell = |i: usize| i * j + s;
            let keep = |i: usize| if self.nest.is_some() { work.nest.keep[cell(i)] } else { T::from(1.0) };
            let of_each = |value: &dyn Fn(usize, Own) -> T| -> Vec<T> {
                block.resources.iter().map(|(i, own)| value(*i, *own)).collect()
            };
            let given = Given {
                block,
                close: (0..n).map(|m| self.close(block, m, work)).collect(),
                g,
                border: border.as_ref(),
                producer: producer.as_ref(),
                controls: controls.as_ref(),
                ln_cost: (0..n).map(|i| work.ln_cost[cell(i)]).collect(),
                resource: of_each(&|i, own| match own {
                    Own::Factor(r) => old.factor[i * f + r],
                    Own::Product(k) => old.product[k],
                }),
                resource_share: of_each(&|i, own| match own {
                    Own::Factor(r) => keep(i) * self.factor_share(i, s, r),
                    Own::Product(_) => T::from(1.0),
                }),
                other_use: of_each(&|i, own| match own {
                    Own::Factor(r) => {
                        let own = keep(i) * work.y[cell(i)] * self.factor_share(i, s, r);
                        let other = work.factor_demand[i * f + r] - own;
                        if other.re() > 0.0 { other } else { T::from(0.0) }
                    }
                    Own::Product(_) => T::from(0.0),
                }),
                fixed_spending: (0..n).map(|m| self.fixed_spending(block, m, work)).collect(),
                ln_endowment: of_each(&|i, own| match own {
                    Own::Factor(r) => self.endowment_value[i * f + r].ln(),
                    Own::Product(k) => self.process_sales(i, work).ln() + self.fixed.product_output[k].ln(),
                }),
                wedge: old.wedge.to_vec(),
            };
            if let Some((unknown, at)) = self.clear(&given, old.price, work, &mut over) {
                let (resources, wedges) = unknown.split_at(block.resources.len());
                for (&(i, own), value) in block.resources.iter().zip(resources) {
                    match own {
                        Own::Factor(r) => new.factor[i * f + r] = *value - to_numeraire,
                        Own::Product(k) => new.product[k] = *value,
                    }
                }
                for (&(_, own), sales) in block.resources.iter().zip(&at.sales) {
                    if let Own::Product(k) = own {
                        work.product_sales[k] = *sales;
                    }
                }
                for (&l, value) in block.limits.iter().zip(wedges) {
                    new.wedge[l] = *value;
                }
                for m in (0..n).filter(|m| self.shift[cell(*m)] > f64::NEG_INFINITY) {
                    let step = at.ln_price[m] - old.price[cell(m)];
                    new.price[cell(m)] = at.ln_price[m];
                    new.expenditure[cell(m)] = at.spending[m] * self.fixed.expenditure_scale[cell(m)];
                    self.follow((block, m), &given.close[m], step, new.research, work);
                }
            }
            work.controls[s] = controls;
            work.over = over;
        }
        self.settle_processes(old, new, to_numeraire, work);
    }

    /// The markets of joint products were solved at the quantity and the cost of their process. Where that leaves revenue above or
    /// below cost, by `m` in logs, its resource price and quantity answer together: with `g` the log excess demand for the
    /// resource, `beta` its share and `eps` the elasticity of sales at the baseline,
    ///
    /// ```text
    /// d ln w (1 - beta + eps beta) = g + eps m
    /// ```
    fn settle_processes(
        &self,
        old: &Blocks<&[T]>,
        new: &mut Blocks<&mut [T]>,
        to_numeraire: T,
        work: &Work<T>,
    ) {
        let Some(nest) = self.nest.as_ref().filter(|_| !self.fixed.product_output.is_empty()) else { return };
        for (i, process) in self.fixed.processes.iter().enumerate() {
            let own = i * nest.elements()..(i + 1) * nest.elements();
            let output = &self.fixed.product_output[own.clone()];
            let total: f64 = output.iter().sum();
            let Some(process) = process.filter(|_| total > 0.0) else { continue };
            let sales = work.product_sales[own.clone()].iter().fold(T::from(0.0), |sum, sales| sum + *sales);
            let surplus = (sales / total).ln() - self.process_sales(i, work).ln();
            for (ln_lambda, _) in new.product[own].iter_mut().zip(output).filter(|(_, y)| **y > 0.0) {
                let scaled = *ln_lambda - surplus;
                *ln_lambda = if scaled.re() < ln_worthless() { T::from(ln_worthless()) } else { scaled };
            }
            let cell = i * self.at.f + process.factor;
            let excess = (work.factor_demand[cell] / work.factor_income[cell]).ln();
            let eps = process.elasticity;
            let step = (excess + surplus * eps) / (1.0 - process.share + eps * process.share);
            if step.re().is_finite() {
                let limited = T::from(step.re().clamp(-MAX_STEP, MAX_STEP) - step.re()) + step;
                new.factor[cell] = old.factor[cell] + limited - to_numeraire;
            }
        }
    }

    /// Newton's method from the state. Nothing if the linear system has no solution: then the sweep's own proposal stands.
    fn clear(
        &self,
        given: &Given<T>,
        ln_p: &[T],
        work: &Work<T>,
        over: &mut Overlay<T>,
    ) -> Option<(Vec<T>, At<T>)> {
        let block = given.block;
        let mut unknown: Vec<T> = given.resource.clone();
        unknown.extend(block.limits.iter().map(|&l| given.wedge[l]));
        let mut at = self.market_at(given, &unknown, ln_p, work, over);
        let size = |gap: &[T]| gap.iter().map(|v| v.re().abs()).fold(0.0, f64::max);
        let enough = SETTLED.max(ENOUGH * size(&at.gap));
        for step in 0..MAX_STEPS {
            // A derivative settles in the step that settles the value.
            if unknown.is_empty() || (step > 0 && size(&at.gap) <= enough) {
                break;
            }
            let factored = Lu::factor(self.jacobian(given, &at).view()).ok()?;
            let value: Array1<f64> = at.gap.iter().map(|v| -v.re()).collect();
            let mut moves: Vec<T> = factored.solve(value.view()).ok()?.iter().map(|v| T::from(*v)).collect();
            for k in 0..T::DIRECTIONS {
                let tangent: Array1<f64> = at.gap.iter().map(|v| -v.tangents()[k]).collect();
                let tangent = factored.solve(tangent.view()).ok()?;
                moves.iter_mut().zip(&tangent).for_each(|(m, d)| m.tangents_mut()[k] = *d);
            }
            let largest = size(&moves);
            if !largest.is_finite() {
                return None;
            }
            let mut scale = if largest > MAX_STEP { MAX_STEP / largest } else { 1.0 };
            loop {
                let trial: Vec<T> = (0..unknown.len())
                    .map(|k| {
                        let moved = unknown[k] + moves[k] * scale;
                        let least = match block.resources.get(k) {
                            None => 0.0,
                            Some((_, Own::Product(_))) => ln_worthless(),
                            Some((_, Own::Factor(_))) => f64::NEG_INFINITY,
                        };
                        if moved.re() < least { T::from(least) } else { moved }
                    })
                    .collect();
                let there = self.market_at(given, &trial, ln_p, work, over);
                // Trade shares turn from inelastic to elastic within a step: a step that makes things worse is halved.
                if size(&there.gap) < size(&at.gap).max(SETTLED) || scale < LEAST_STEP {
                    (unknown, at) = (trial, there);
                    break;
                }
                scale *= 0.5;
            }
        }
        at.ln_price.iter().chain(&at.spending).all(|v| v.re().is_finite()).then_some((unknown, at))
    }

    fn market_at(
        &self,
        given: &Given<T>,
        unknown: &[T],
        ln_p: &[T],
        work: &Work<T>,
        over: &mut Overlay<T>,
    ) -> At<T> {
        let Layout { n, j, .. } = self.at;
        let block = given.block;
        let s = block.sector;
        let theta = self.theta[s];
        let (resource, limits) = unknown.split_at(block.resources.len());
        let mut ln_cost = given.ln_cost.clone();
        for (k, (i, _)) in block.resources.iter().enumerate() {
            ln_cost[*i] += given.resource_share[k] * (resource[k] - given.resource[k]);
        }
        let least = ln_cost.iter().map(|c| c.re()).fold(f64::INFINITY, f64::min);
        let e: Vec<T> = ln_cost.iter().map(|c| (theta * (-*c + least)).exp()).collect();
        let (g, producer) = match given.controls {
            None => (given.g, given.producer.or(given.border).unwrap_or(given.g)),
            Some(controls) => {
                let mut wedge = given.wedge.clone();
                block.limits.iter().zip(limits).for_each(|(&l, z)| wedge[l] = *z);
                controls.overlay((given.g, given.border, given.producer), theta, &wedge, over);
                (&over.g, &over.producer)
            }
        };
        let mut at = At {
            ln_price: vec![T::from(0.0); n],
            spending: vec![T::from(0.0); n],
            elasticity: vec![0.0; n],
            gap: Vec::with_capacity(unknown.len()),
            active: Vec::with_capacity(unknown.len()),
            sales: Vec::with_capacity(block.resources.len()),
            share: vec![0.0; n * n],
            flow: vec![0.0; n * n],
        };
        let mut flows = vec![T::from(0.0); n * n];
        for m in (0..n).filter(|m| self.shift[m * j + s] > f64::NEG_INFINITY) {
            let sum = g.row_sum(m, &e);
            let sum = if sum.re() < f64::MIN_POSITIVE { T::from(f64::MIN_POSITIVE) } else { sum };
            at.ln_price[m] = -(sum.ln() + self.shift[m * j + s]) / theta + least;
            let step = at.ln_price[m] - ln_p[m * j + s];
            let (nested, elasticity) =
                given.close[m].after(step).unwrap_or_else(|| self.nest_spending(block, m, step, work));
            at.spending[m] = nested + given.fixed_spending[m];
            at.elasticity[m] =
                if nested.re() > 0.0 { elasticity * nested.re() / at.spending[m].re() } else { 0.0 };
            let per_share = at.spending[m] / sum;
            for (pair, e) in (m * n..).zip(&e) {
                at.share[pair] = g.at(pair).re() * e.re() / sum.re();
                flows[pair] = per_share * producer.at(pair) * *e;
                at.flow[pair] = flows[pair].re();
            }
        }
        let limited = |gap: T| match gap.re() {
            high if high > MAX_GAP => T::from(MAX_GAP),
            low if low >= -MAX_GAP => gap,
            _ => T::from(-MAX_GAP),
        };
        for (k, &(i, own)) in block.resources.iter().enumerate() {
            let output = (0..n).fold(T::from(0.0), |sum, m| sum + flows[m * n + i]);
            let demand = output * given.resource_share[k] + given.other_use[k];
            let excess = limited(demand.ln() - resource[k] - given.ln_endowment[k]);
            let (gap, active) = match own {
                Own::Factor(_) => (excess, true),
                Own::Product(_) => product_gap(resource[k], excess, 1.0 + theta.re()),
            };
            at.gap.push(gap);
            at.active.push(active);
            at.sales.push(output);
        }
        for (&l, wedge) in block.limits.iter().zip(limits) {
            let limit = &self.limits[l];
            let x = limit.exporter;
            let value = limit.covered.iter().fold(T::from(0.0), |sum, m| sum + flows[m * n + x]);
            let (gap, active) = limit.gap(*wedge, value * (-ln_cost[x]).exp(), 1.0 + theta.re());
            at.gap.push(limited(gap));
            at.active.push(active);
        }
        at
    }

    /// Derivatives of the gaps: see the module's equations. With `d ln P[n] = sum_i pi[n,i] d ln(c mu)[n,i]` a flow moves by
    /// `(elasticity + theta) d ln P - theta d ln c - (1 + theta) d ln mu`.
    fn jacobian(&self, given: &Given<T>, at: &At<T>) -> Array2<f64> {
        let n = self.at.n;
        let block = given.block;
        let theta = self.theta[block.sector].re();
        let resources = block.resources.len();
        let size = at.gap.len();
        let cost: Vec<f64> = given.resource_share.iter().map(|v| v.re()).collect();
        // d ln P[n] / d unknown.
        let mut price = Array2::<f64>::zeros((n, size));
        for m in 0..n {
            for (k, &(i, _)) in block.resources.iter().enumerate() {
                price[[m, k]] = at.share[m * n + i] * cost[k];
            }
        }
        for (k, &l) in block.limits.iter().enumerate() {
            let limit = &self.limits[l];
            for &m in &limit.covered {
                price[[m, resources + k]] = at.share[m * n + limit.exporter];
            }
        }
        for m in 0..n {
            let response = at.elasticity[m] + theta;
            price.row_mut(m).mapv_inplace(|v| v * response);
        }
        let mut jacobian = Array2::<f64>::zeros((size, size));
        // A sum of flows of one exporter: its derivative into a row.
        let mut sum = |row: usize, i: usize, importers: &mut dyn Iterator<Item = usize>| {
            let importers: Vec<usize> = importers.collect();
            let total: f64 = importers.iter().map(|m| at.flow[m * n + i]).sum();
            if total <= 0.0 {
                return;
            }
            let own = block.resources.iter().position(|(country, _)| *country == i);
            let mut out = jacobian.row_mut(row);
            for m in importers {
                let weight = at.flow[m * n + i] / total;
                out.scaled_add(weight, &price.row(m));
                for (k, &l) in block.limits.iter().enumerate() {
                    if self.limits[l].exporter == i && self.limits[l].covered.contains(&m) {
                        out[resources + k] -= weight * (1.0 + theta);
                    }
                }
            }
            if let Some(own) = own {
                out[own] -= theta * cost[own];
            }
        };
        for (k, &(i, _)) in block.resources.iter().enumerate() {
            sum(k, i, &mut (0..n));
        }
        for (k, &l) in block.limits.iter().enumerate() {
            sum(resources + k, self.limits[l].exporter, &mut self.limits[l].covered.iter().copied());
        }
        for k in 0..resources {
            if at.active[k] {
                jacobian[[k, k]] -= 1.0;
            } else {
                jacobian.row_mut(k).fill(0.0);
                jacobian[[k, k]] = 1.0;
            }
        }
        for (k, &l) in block.limits.iter().enumerate() {
            let row = resources + k;
            let limit = &self.limits[l];
            if at.active[row] {
                let own = block.resources.iter().position(|(country, _)| *country == limit.exporter);
                if let Some(own) = own {
                    jacobian[[row, own]] -= cost[own];
                }
            } else {
                jacobian.row_mut(row).fill(0.0);
                jacobian[[row, row]] = 1.0;
            }
        }
        jacobian
    }
}
