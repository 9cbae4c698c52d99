//! The users of a good that is solved at once: what they spend on it when its price moves, and the research that goes with it.
//!
//! Near the state two derivatives tell; further off every user's answer is found by an iteration, because technology is where the
//! new spending draws it.

use super::block::Block;
use super::nest::Innovations;
use super::scalar::Scalar;
use super::sweep::Work;
use super::system::{Layout, System};
use crate::ces;

/// How far, in logs, the price of a bundle or the technology in use may move for its users' answer to be taken from the first two
/// derivatives at the state: off by a millionth or so, where the exact answer takes an iteration for every user.
const CLOSE: f64 = 0.01;

/// What a country's users spend on the good for small moves of its log price: `sum v e^(elasticity step)` to second order.
#[derive(Clone, Copy)]
pub(super) struct Close<T> {
    spending: T,
    slope: T,
    curvature: T,
    /// Whether all of them are near enough to where research draws them.
    holds: bool,
}

impl<T: Scalar> Close<T> {
    /// Spending after a step and its elasticity; nothing if the step is too long.
    pub(super) fn after(&self, step: T) -> Option<(T, f64)> {
        if !self.holds || step.re().abs() > CLOSE {
            return None;
        }
        let slope = self.slope + self.curvature * step;
        let spending = self.spending + (self.slope + self.curvature * step * 0.5) * step;
        Some((spending, if spending.re() > 0.0 { slope.re() / spending.re() } else { 0.0 }))
    }
}

/// A sector that uses the bundle: what it spends on it, the elasticity of that with respect to the bundle's price, and the
/// research effort that goes with it.
struct User<T> {
    spending: T,
    elasticity: f64,
    effort: Option<T>,
}

impl<T: Scalar> System<'_, T> {
    /// Research goes where the solution of the market draws it, if that is all that the bundle's price depends on.
    pub(super) fn follow(
        &self,
        (block, m): (&Block, usize),
        close: &Close<T>,
        step: T,
        research: &mut [T],
        work: &Work<T>,
    ) {
        let Some(nest) = &self.nest else { return };
        let Some(innovation) = &nest.innovation else { return };
        if nest.elements() > 1 || block.element.is_none() {
            return;
        }
        let close = close.after(step).is_some();
        for s in 0..self.at.j {
            let cell = m * self.at.j + s;
            if nest.share[cell] <= 0.0 || work.y[cell].re() <= 0.0 {
                continue;
            }
            research[cell] = if close {
                let (slope, offset) = self.drawn(innovation, m, s, work.nest.share[cell].re());
                work.effort[cell] + (work.effort_gap[cell] + step * slope) / offset
            } else {
                self.user(m, s, step, work).effort.unwrap_or(research[cell])
            };
        }
    }

    /// How research effort answers the log price of the bundle at a share of it, and how much of a move of that price is left
    /// when technology has followed.
    fn drawn(&self, innovation: &Innovations<T>, m: usize, s: usize, share: f64) -> (f64, f64) {
        let Some(nest) = &self.nest else { return (0.0, 1.0) };
        let of_share = (1.0 - nest.sigma[s].re()) * (1.0 - share);
        let slope = innovation.effort_slope(of_share, self.fixed.sales_elasticity[m * self.at.j + s], share);
        (slope, 1.0 + (innovation.lambda * innovation.phi).re() * slope)
    }

    /// A country's users near the state.
    pub(super) fn close(&self, block: &Block, m: usize, work: &Work<T>) -> Close<T> {
        let zero = T::from(0.0);
        let mut all = Close { spending: zero, slope: zero, curvature: zero, holds: true };
        let (Some(nest), Some(element)) = (&self.nest, block.element) else { return all };
        let Layout { j, .. } = self.at;
        for s in 0..j {
            let cell = m * j + s;
            if nest.share[cell] <= 0.0 || work.y[cell].re() <= 0.0 {
                continue;
            }
            let share = work.nest.share[cell];
            let lost = self.fixed.sales_elasticity[cell];
            let mut elasticity = (1.0 - nest.sigma[s].re()) * (1.0 - share.re()) - lost * share.re();
            let mut value = work.y[cell] * share;
            if let Some(innovation) = &nest.innovation {
                elasticity /= self.drawn(innovation, m, s, share.re()).1;
                let moves = work.effort_gap[cell] * innovation.lambda * innovation.phi;
                all.holds &= moves.re().abs() <= CLOSE;
                let moved = -moves * elasticity;
                value += value * (moved + moved * moved * 0.5);
            }
            if nest.elements() > 1 {
                let within = work.nest.element_share[cell * nest.elements() + element];
                value *= within;
                elasticity = elasticity * within.re() + (1.0 - nest.element_sigma.re()) * (1.0 - within.re());
            }
            all.spending += value;
            all.slope += value * elasticity;
            all.curvature += value * (elasticity * elasticity);
        }
        all
    }

    /// What a country spends on the good beside what its nests do.
    pub(super) fn fixed_spending(&self, block: &Block, m: usize, work: &Work<T>) -> T {
        let Layout { j, .. } = self.at;
        let mut rest = work.x_new[m * j + block.sector];
        if let (Some(nest), Some(element)) = (&self.nest, block.element) {
            for cell in (m * j..(m + 1) * j).filter(|cell| nest.share[*cell] > 0.0) {
                let within = work.nest.element_share[cell * nest.elements() + element];
                rest -= work.y[cell] * work.nest.share[cell] * within;
            }
        }
        if rest.re() > 0.0 { rest } else { T::from(0.0) }
    }

    /// What the nests of a country spend on the good when its log price moves by `step`, and the elasticity of that.
    pub(super) fn nest_spending(&self, block: &Block, m: usize, step: T, work: &Work<T>) -> (T, f64) {
        let (Some(nest), Some(element)) = (&self.nest, block.element) else { return (T::from(0.0), 0.0) };
        let Layout { j, .. } = self.at;
        let (mut spending, mut slope) = (T::from(0.0), 0.0);
        let grown = if nest.elements() > 1 { nest.grown(step) } else { None };
        for s in 0..j {
            let cell = m * j + s;
            if nest.share[cell] <= 0.0 || work.y[cell].re() <= 0.0 {
                continue;
            }
            let within = work.nest.element_share[cell * nest.elements() + element];
            let (bundle, within_new) =
                if nest.elements() == 1 { (step, T::from(1.0)) } else { nest.element(within, step, grown) };
            let user = self.user(m, s, bundle, work);
            let value = user.spending * within_new;
            spending += value;
            let of_element = (1.0 - nest.element_sigma.re()) * (1.0 - within_new.re());
            slope += value.re() * (user.elasticity * within_new.re() + of_element);
        }
        let elasticity = if spending.re() > 0.0 { slope / spending.re() } else { 0.0 };
        (spending, elasticity)
    }

    /// What a sector spends on the bundle when the bundle's log price moves by `bundle`. Its sales fall as its own cost rises,
    /// and technology, where it moves, is where the new spending draws it.
    fn user(&self, m: usize, s: usize, bundle: T, work: &Work<T>) -> User<T> {
        // Newton's method doubles the digits: after a correction this small, by itself or relative to the whole move, the next
        // one would be rounding. Derivatives settle one round later.
        const ROUNDS: usize = 4;
        const ENOUGH: f64 = 1e-5;
        const NOTHING: f64 = 1e-13;
        let cell = m * self.at.j + s;
        let Some(nest) = &self.nest else {
            return User { spending: T::from(0.0), elasticity: 0.0, effort: None };
        };
        let lost = self.fixed.sales_elasticity[cell];
        let sigma = nest.sigma[s];
        let at = |gap: T| {
            let (ln_cost, share) = ces::two_inputs(nest.share[cell], gap, sigma);
            let sales = work.y[cell] * ((work.nest.ln_relative_cost[cell] - ln_cost) * lost).exp();
            (share, sales)
        };
        let of_share = |share: T| (1.0 - sigma.re()) * (1.0 - share.re());
        let start = work.nest.gap[cell] + bundle;
        let mut gap = start;
        let (mut share, mut sales) = at(gap);
        let (mut effort, mut offset) = (None, 1.0);
        if let Some(innovation) = &nest.innovation {
            let drawn = innovation.lambda * innovation.phi;
            for _ in 0..ROUNDS {
                effort = innovation.effort(cell, nest.share[cell], share, sales, work.ln_research_cost[m]);
                let Some(effort) = effort else { break };
                offset = self.drawn(innovation, m, s, share.re()).1;
                let correction = (gap - start + (effort - work.effort[cell]) * drawn) / offset;
                gap -= correction;
                (share, sales) = at(gap);
                let size = correction.re().abs();
                if T::DIRECTIONS == 0 && size <= (ENOUGH * (gap - start).re().abs()).max(NOTHING) {
                    break;
                }
            }
        }
        let elasticity = (of_share(share) - lost * share.re()) / offset;
        User { spending: sales * share, elasticity, effort }
    }
}
