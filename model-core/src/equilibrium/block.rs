//! The market of a critical or restricted good, solved at once within a sweep.
//!
//! Prices of resources without another use and wedges of restrictions answer each other and demand that hardly gives way:
//! moved one at a time they overshoot. With everything else as the sweep found it, a handful of unknowns is left for each such
//! good (one resource price for each country, one wedge for each restriction), and Newton's method in logs finds them. A joint
//! product's price over the cost of its process is like the price of a resource that is all of its cost and whose quantity is
//! the process's. The answer is the sweep's proposal for these unknowns; its residuals do not depend on it.

use linalg::Lu;
use ndarray::{Array2, ArrayView2};

use super::limit::{Controls, Overlay};
use super::market::{Market, Pairs};
use super::observer::worst;
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

    /// The place of a country's resource, if it has one.
    fn resource_of(&self, country: usize) -> Option<usize> {
        self.resources.iter().position(|(i, _)| *i == country)
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
#[derive(Default)]
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
    flow: Vec<T>,
}

/// The good and trade in it.
struct Good<'s, T> {
    block: &'s Block,
    g: &'s Pairs<'s, T>,
    shift: &'s [f64],
    border: Option<&'s Pairs<'s, T>>,
    producer: Option<&'s Pairs<'s, T>>,
    controls: Option<&'s Controls>,
}

/// What the market takes as given.
#[derive(Default)]
struct Given<T> {
    /// By country.
    close: Vec<Close<T>>,
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

/// Room for one market after another.
#[derive(Default)]
pub(super) struct Room<T> {
    given: Given<T>,
    /// The market where the search stands and where a step leads.
    unknown: Vec<T>,
    at: At<T>,
    trial: Vec<T>,
    there: At<T>,
    moves: Vec<T>,
    /// Costs, `exp(-theta ln c)` and wedges at a guess.
    ln_cost: Vec<T>,
    e: Vec<T>,
    wedge: Vec<T>,
    over: Overlay<T>,
    /// `d ln P[n] / d unknown`, times what flows answer to it.
    price: Vec<f64>,
    jacobian: Vec<f64>,
    right: Vec<f64>,
    lu: Option<Lu>,
}

impl<T> Room<T> {
    /// The search goes on from where a step has led.
    fn go_there(&mut self) {
        std::mem::swap(&mut self.unknown, &mut self.trial);
        std::mem::swap(&mut self.at, &mut self.there);
    }
}

/// Puts other values in the place of those of a vector.
fn refill<T>(vector: &mut Vec<T>, values: impl Iterator<Item = T>) {
    vector.clear();
    vector.extend(values);
}

/// As many times the same.
fn level<T: Copy>(vector: &mut Vec<T>, length: usize, value: T) {
    vector.clear();
    vector.resize(length, value);
}

/// The largest gap or move; NaN if any is.
fn size<T: Scalar>(values: &[T]) -> f64 {
    let mut largest = 0.0;
    values.iter().for_each(|v| worst(&mut largest, v.re()));
    largest
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
        if self.blocks.is_empty() {
            return;
        }
        let Layout { n, j, f, .. } = self.at;
        self.fill_product_sales(work);
        // Taken out of `work` while it is lent to the markets.
        let mut room = std::mem::take(&mut work.room);
        for block in &self.blocks {
            let s = block.sector;
            let Market::Traded { g, shift, border, producer, .. } = &self.markets[s] else { continue };
            let controls = work.controls[s].take();
            let (border, producer) = (border.as_ref(), producer.as_ref());
            let good = Good { block, g, shift, border, producer, controls: controls.as_ref() };
            self.take_as_given(block, old, work, &mut room.given);
            if self.clear(&good, old.price, work, &mut room) {
                let (resources, wedges) = room.unknown.split_at(block.resources.len());
                for (&(i, own), value) in block.resources.iter().zip(resources) {
                    match own {
                        Own::Factor(r) => new.factor[i * f + r] = *value - to_numeraire,
                        Own::Product(k) => new.product[k] = *value,
                    }
                }
                for (&(_, own), sales) in block.resources.iter().zip(&room.at.sales) {
                    if let Own::Product(k) = own {
                        work.product_sales[k] = *sales;
                    }
                }
                for (&l, value) in block.limits.iter().zip(wedges) {
                    new.wedge[l] = *value;
                }
                for m in (0..n).filter(|m| shift[*m] > f64::NEG_INFINITY) {
                    let cell = m * j + s;
                    let step = room.at.ln_price[m] - old.price[cell];
                    new.price[cell] = room.at.ln_price[m];
                    new.expenditure[cell] = room.at.spending[m] * self.fixed.expenditure_scale[cell];
                    self.follow((block, m), &room.given.close[m], step, new.research, work);
                }
            }
            work.controls[s] = controls;
        }
        work.room = room;
        self.settle_processes(old, new, to_numeraire, work);
    }

    /// What the sweep and the state leave to the market of a good.
    fn take_as_given(&self, block: &Block, old: &Blocks<&[T]>, work: &Work<T>, given: &mut Given<T>) {
        let Layout { n, j, f, .. } = self.at;
        let s = block.sector;
        let cell = |i: usize| i * j + s;
        let share = |i: usize, r: usize| {
            let keep = if self.nest.is_some() { work.nest.keep[cell(i)] } else { T::from(1.0) };
            keep * self.factor_share(i, s, r)
        };
        let resources = || block.resources.iter().copied();
        refill(&mut given.close, (0..n).map(|m| self.close(block, m, work)));
        refill(&mut given.ln_cost, (0..n).map(|i| work.ln_cost[cell(i)]));
        refill(&mut given.fixed_spending, (0..n).map(|m| self.fixed_spending(block, m, work)));
        refill(&mut given.wedge, old.wedge.iter().copied());
        let resource = resources().map(|(i, own)| match own {
            Own::Factor(r) => old.factor[i * f + r],
            Own::Product(k) => old.product[k],
        });
        refill(&mut given.resource, resource);
        let resource_share = resources().map(|(i, own)| match own {
            Own::Factor(r) => share(i, r),
            Own::Product(_) => T::from(1.0),
        });
        refill(&mut given.resource_share, resource_share);
        let other_use = resources().map(|(i, own)| match own {
            Own::Factor(r) => {
                let other = work.factor_demand[i * f + r] - work.y[cell(i)] * share(i, r);
                if other.re() > 0.0 { other } else { T::from(0.0) }
            }
            Own::Product(_) => T::from(0.0),
        });
        refill(&mut given.other_use, other_use);
        let ln_endowment = resources().map(|(i, own)| match own {
            Own::Factor(r) => self.endowment_value[i * f + r].ln(),
            Own::Product(k) => self.process_sales(i, work).ln() + self.fixed.product_output[k].ln(),
        });
        refill(&mut given.ln_endowment, ln_endowment);
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

    /// Newton's method from the state, to `unknown` and `at` in the room. Fails if the linear system has no solution: then the
    /// sweep's own proposal stands.
    fn clear(&self, good: &Good<T>, ln_p: &[T], work: &Work<T>, room: &mut Room<T>) -> bool {
        let block = good.block;
        let given = &room.given;
        let start = given.resource.iter().copied().chain(block.limits.iter().map(|&l| given.wedge[l]));
        refill(&mut room.trial, start);
        self.market_at(good, ln_p, work, room);
        room.go_there();
        let enough = SETTLED.max(ENOUGH * size(&room.at.gap));
        for step in 0..MAX_STEPS {
            // A derivative settles in the step that settles the value.
            if room.unknown.is_empty() || (step > 0 && size(&room.at.gap) <= enough) {
                break;
            }
            if self.find_moves(good, room).is_none() {
                return false;
            }
            let largest = size(&room.moves);
            if !largest.is_finite() {
                return false;
            }
            let mut scale = if largest > MAX_STEP { MAX_STEP / largest } else { 1.0 };
            loop {
                let moved = room.unknown.iter().zip(&room.moves).enumerate().map(|(k, (unknown, step))| {
                    let moved = *unknown + *step * scale;
                    let least = match block.resources.get(k) {
                        None => 0.0,
                        Some((_, Own::Product(_))) => ln_worthless(),
                        Some((_, Own::Factor(_))) => f64::NEG_INFINITY,
                    };
                    if moved.re() < least { T::from(least) } else { moved }
                });
                refill(&mut room.trial, moved);
                self.market_at(good, ln_p, work, room);
                // Trade shares turn from inelastic to elastic within a step: a step that makes things worse is halved.
                if size(&room.there.gap) < size(&room.at.gap).max(SETTLED) || scale < LEAST_STEP {
                    room.go_there();
                    break;
                }
                scale *= 0.5;
            }
        }
        room.at.ln_price.iter().chain(&room.at.spending).all(|v| v.re().is_finite())
    }

    /// The market `there`, at the `trial` of its unknowns.
    fn market_at(&self, good: &Good<T>, ln_p: &[T], work: &Work<T>, room: &mut Room<T>) {
        let Layout { n, j, .. } = self.at;
        let Room { given, trial, there: at, ln_cost, e, wedge, over, .. } = room;
        let block = good.block;
        let s = block.sector;
        let theta = self.theta[s];
        let (resource, limits) = trial.split_at(block.resources.len());
        ln_cost.clone_from(&given.ln_cost);
        for (k, (i, _)) in block.resources.iter().enumerate() {
            ln_cost[*i] += given.resource_share[k] * (resource[k] - given.resource[k]);
        }
        let least = ln_cost.iter().map(|c| c.re()).fold(f64::INFINITY, f64::min);
        refill(e, ln_cost.iter().map(|c| (theta * (-*c + least)).exp()));
        let (g, producer) = match good.controls {
            None => (good.g, good.producer.or(good.border).unwrap_or(good.g)),
            Some(controls) => {
                wedge.clone_from(&given.wedge);
                block.limits.iter().zip(limits).for_each(|(&l, z)| wedge[l] = *z);
                controls.overlay((good.g, good.border, good.producer), theta, wedge, over);
                (&over.g, &over.producer)
            }
        };
        let zero = T::from(0.0);
        level(&mut at.ln_price, n, zero);
        level(&mut at.spending, n, zero);
        level(&mut at.elasticity, n, 0.0);
        level(&mut at.share, n * n, 0.0);
        level(&mut at.flow, n * n, zero);
        at.gap.clear();
        at.active.clear();
        at.sales.clear();
        for m in (0..n).filter(|m| good.shift[*m] > f64::NEG_INFINITY) {
            let sum = g.row_sum(m, e);
            let sum = if sum.re() < f64::MIN_POSITIVE { T::from(f64::MIN_POSITIVE) } else { sum };
            at.ln_price[m] = -(sum.ln() + good.shift[m]) / theta + least;
            let step = at.ln_price[m] - ln_p[m * j + s];
            let (nested, elasticity) =
                given.close[m].after(step).unwrap_or_else(|| self.nest_spending(block, m, step, work));
            at.spending[m] = nested + given.fixed_spending[m];
            at.elasticity[m] =
                if nested.re() > 0.0 { elasticity * nested.re() / at.spending[m].re() } else { 0.0 };
            let per_share = at.spending[m] / sum;
            for (pair, e) in (m * n..).zip(e.iter()) {
                at.share[pair] = g.at(pair).re() * e.re() / sum.re();
                at.flow[pair] = per_share * producer.at(pair) * *e;
            }
        }
        let limited = |gap: T| match gap.re() {
            high if high > MAX_GAP => T::from(MAX_GAP),
            low if low >= -MAX_GAP => gap,
            _ => T::from(-MAX_GAP),
        };
        for (k, &(i, own)) in block.resources.iter().enumerate() {
            let output = (0..n).fold(zero, |sum, m| sum + at.flow[m * n + i]);
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
            let value = limit.covered.iter().fold(zero, |sum, m| sum + at.flow[m * n + x]);
            let (gap, active) = limit.gap(*wedge, value * (-ln_cost[x]).exp(), 1.0 + theta.re());
            at.gap.push(limited(gap));
            at.active.push(active);
        }
    }

    /// Newton's step from where the search stands, to `moves`.
    fn find_moves(&self, good: &Good<T>, room: &mut Room<T>) -> Option<()> {
        self.differentiate(good, room);
        let Room { at, moves, jacobian, right, lu, .. } = room;
        let order = at.gap.len();
        let jacobian = ArrayView2::from_shape((order, order), jacobian).ok()?;
        match lu {
            Some(lu) => lu.refactor(jacobian).ok()?,
            None => *lu = Some(Lu::factor(jacobian).ok()?),
        }
        let lu = lu.as_mut()?;
        refill(right, at.gap.iter().map(|v| -v.re()));
        lu.solve_in_place(right).ok()?;
        refill(moves, right.iter().map(|v| T::from(*v)));
        for k in 0..T::DIRECTIONS {
            refill(right, at.gap.iter().map(|v| -v.tangents()[k]));
            lu.solve_in_place(right).ok()?;
            moves.iter_mut().zip(right.iter()).for_each(|(m, d)| m.tangents_mut()[k] = *d);
        }
        Some(())
    }

    /// Derivatives of the gaps where the search stands. With `d ln P[n] = sum_i pi[n,i] d ln(c mu)[n,i]` a flow moves by
    /// `(elasticity + theta) d ln P - theta d ln c - (1 + theta) d ln mu`.
    fn differentiate(&self, good: &Good<T>, room: &mut Room<T>) {
        let n = self.at.n;
        let Room { given, at, price, jacobian, .. } = room;
        let block = good.block;
        let theta = self.theta[block.sector].re();
        let resources = block.resources.len();
        let order = at.gap.len();
        let cost = |k: usize| given.resource_share[k].re();
        // d ln P[n] / d unknown.
        level(price, n * order, 0.0);
        for (m, price) in price.chunks_exact_mut(order).enumerate() {
            let response = at.elasticity[m] + theta;
            for (k, &(i, _)) in block.resources.iter().enumerate() {
                price[k] = at.share[m * n + i] * cost(k) * response;
            }
        }
        for (k, &l) in block.limits.iter().enumerate() {
            let limit = &self.limits[l];
            for &m in &limit.covered {
                let response = at.elasticity[m] + theta;
                price[m * order + resources + k] = at.share[m * n + limit.exporter] * response;
            }
        }
        level(jacobian, order * order, 0.0);
        // The log of a sum of flows of one exporter, to those covered or to all: its derivative into a row.
        let answer = |row: &mut [f64], i: usize, covered: Option<&[usize]>| {
            let importers =
                covered.map_or(0..n, |some| 0..some.len()).map(|k| covered.map_or(k, |some| some[k]));
            let total: f64 = importers.clone().map(|m| at.flow[m * n + i].re()).sum();
            if total <= 0.0 {
                return;
            }
            for m in importers {
                let weight = at.flow[m * n + i].re() / total;
                let price = &price[m * order..(m + 1) * order];
                row.iter_mut().zip(price).for_each(|(row, price)| *row += weight * price);
                for (k, &l) in block.limits.iter().enumerate() {
                    if self.limits[l].exporter == i && self.limits[l].covered.contains(&m) {
                        row[resources + k] -= weight * (1.0 + theta);
                    }
                }
            }
            if let Some(own) = block.resource_of(i) {
                row[own] -= theta * cost(own);
            }
        };
        for (k, row) in jacobian.chunks_exact_mut(order).enumerate() {
            if !at.active[k] {
                row[k] = 1.0;
            } else if let Some(&(i, _)) = block.resources.get(k) {
                answer(row, i, None);
                row[k] -= 1.0;
            } else {
                let limit = &self.limits[block.limits[k - resources]];
                answer(row, limit.exporter, Some(&limit.covered));
                if let Some(own) = block.resource_of(limit.exporter) {
                    row[own] -= cost(own);
                }
            }
        }
    }
}
