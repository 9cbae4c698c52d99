//! The equilibrium conditions of one economy under one shock: everything that does not change within a solve.
//!
//! Delivered-price factors and baseline shares never change, so `G[n,i,j] = pi tau^(-theta)` is formed once (`market`). What
//! is done with it is in `sweep`.

use std::borrow::Cow;

use ndarray::Array1;

use super::block::{Block, blocks};
use super::constants::Constants;
use super::limit::{Limit, limits};
use super::market::{Market, markets};
use super::nest::Nest;
use super::scalar::Scalar;
use super::sweep::Work;
use crate::ces::Number;
use crate::economy::EconomyParts;
use crate::labels::Dims;
use crate::sensitivity::Parameter;
use crate::shock::{Deficits, Shock, ShockError};

/// Sizes of the blocks of a state vector: `ln P^[n,j]`, `X^[n,j]`, `ln w^[n,f]`, each country by country, `ln mu` of each
/// restriction, where technology moves the research effort of each country and sector, and `ln lambda[i,e]` of joint products.
/// Expenditure is in levels over its baseline, in which its conditions are linear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) n: usize,
    pub(super) j: usize,
    pub(super) f: usize,
    pub(super) limits: usize,
    pub(super) research: usize,
    pub(super) products: usize,
}

/// A state vector by its blocks.
pub(super) struct Blocks<P> {
    pub(super) price: P,
    pub(super) expenditure: P,
    pub(super) factor: P,
    pub(super) wedge: P,
    pub(super) research: P,
    pub(super) product: P,
}

impl Layout {
    pub(super) fn cells(&self) -> usize {
        self.n * self.j
    }
    pub(super) fn len(&self) -> usize {
        2 * self.cells() + self.n * self.f + self.limits + self.research + self.products
    }
    pub(super) fn split<'u, T>(&self, u: &'u [T]) -> Blocks<&'u [T]> {
        let (price, rest) = u.split_at(self.cells());
        let (expenditure, rest) = rest.split_at(self.cells());
        let (factor, rest) = rest.split_at(self.n * self.f);
        let (wedge, rest) = rest.split_at(self.limits);
        let (research, product) = rest.split_at(self.research);
        Blocks { price, expenditure, factor, wedge, research, product }
    }
    pub(super) fn split_mut<'u, T>(&self, u: &'u mut [T]) -> Blocks<&'u mut [T]> {
        let (price, rest) = u.split_at_mut(self.cells());
        let (expenditure, rest) = rest.split_at_mut(self.cells());
        let (factor, rest) = rest.split_at_mut(self.n * self.f);
        let (wedge, rest) = rest.split_at_mut(self.limits);
        let (research, product) = rest.split_at_mut(self.research);
        Blocks { price, expenditure, factor, wedge, research, product }
    }
}

/// Gives the economy's and the shock's numbers to the equations, with or without a derivative.
pub(super) trait Inputs {
    /// What the equations are evaluated in.
    type Number: Scalar;
    /// Whether some number of this kind moves, so that even those that stay at their baseline must be passed through; only
    /// the kind of `kind` counts.
    fn moves(&self, kind: Parameter) -> bool;
    fn of(&self, parameter: Parameter, value: f64) -> Self::Number;
}

/// Numbers alone.
pub(super) struct Plain;

impl Inputs for Plain {
    type Number = f64;
    #[inline(always)]
    fn moves(&self, _: Parameter) -> bool {
        false
    }
    #[inline(always)]
    fn of(&self, _: Parameter, value: f64) -> f64 {
        value
    }
}

/// A share of a factor in the cost of a sector that moves: zero and a derivative.
#[derive(Clone, Copy)]
pub(super) struct MovedShare<T> {
    pub(super) country: usize,
    pub(super) sector: usize,
    pub(super) factor: usize,
    pub(super) by: T,
}

/// The equilibrium conditions of one economy under one shock.
pub(super) struct System<'a, T = f64> {
    pub(super) parts: &'a EconomyParts,
    pub(super) at: Layout,
    pub(super) markets: Vec<Market<'a, T>>,
    /// The sectors that are traded.
    pub(super) traded: Vec<usize>,
    pub(super) theta: Vec<T>,
    pub(super) kappa: T,
    /// What is taken from the baseline alone.
    pub(super) fixed: &'a Constants,
    /// Cost shares of inputs, `[i][j][k]`, without the critical inputs where there is a nest.
    input_share: &'a [f64],
    /// How shares of factors move, of those that do.
    pub(super) moved_shares: Vec<MovedShare<T>>,
    pub(super) nest: Option<Nest<T>>,
    pub(super) limits: Vec<Limit<T>>,
    pub(super) blocks: Vec<Block>,
    /// `[n][j]`, tastes applied.
    pub(super) final_share: Vec<T>,
    pub(super) ln_productivity: Option<Vec<T>>,
    /// Baseline factor prices times new endowments, `[n][f]`.
    pub(super) endowment_value: Vec<T>,
    pub(super) deficit: DeficitRule<T>,
    /// [`Constants::price_follows`] but for what is already in the solution of a market.
    pub(super) price_follows: Cow<'a, [f64]>,
}

pub(super) enum DeficitRule<T> {
    Levels(Vec<T>),
    ShareOfIncome(Vec<f64>),
}

impl<'a, T: Scalar> System<'a, T> {
    /// Applies the shock to the baseline, whose incomes are given. Fails where it cuts off all suppliers of something that is
    /// needed.
    pub(super) fn new<I: Inputs<Number = T>>(
        parts: &'a EconomyParts,
        fixed: &'a Constants,
        income: &Array1<f64>,
        shock: &Shock,
        inputs: &I,
    ) -> Result<Self, ShockError> {
        let Dims { countries: n, sectors: j, factors: f } = parts.dims();
        let ln_hat = |hat: Option<f64>, parameter| inputs.of(parameter, hat.map_or(0.0, f64::ln));
        let mut endowment_value: Vec<T> = parts.factor_income.iter().map(|v| T::from(*v)).collect();
        let moved_shares = moved_shares(parts, inputs);
        for m in &moved_shares {
            endowment_value[m.country * f + m.factor] += m.by * fixed.output[[m.country, m.sector]];
        }
        if shock.endowment_hat.is_some() || inputs.moves(Parameter::LnEndowment { country: 0, factor: 0 }) {
            for (cell, value) in endowment_value.iter_mut().enumerate() {
                let at = [cell / f, cell % f];
                let hat = shock.endowment_hat.as_ref().map(|hat| hat[at]);
                *value *= ln_hat(hat, Parameter::LnEndowment { country: at[0], factor: at[1] }).exp();
            }
        }
        let levels = |level: &dyn Fn(usize) -> f64| {
            DeficitRule::Levels(
                (0..n).map(|m| inputs.of(Parameter::Deficit { country: m }, level(m))).collect(),
            )
        };
        let deficit = match &shock.deficits {
            Deficits::Fixed => levels(&cancelling(&parts.deficit, parts)),
            Deficits::Zero => levels(&|_| 0.0),
            Deficits::Levels(new) => levels(&cancelling(new, parts)),
            Deficits::ShareOfIncome => {
                let own = income - &parts.deficit;
                DeficitRule::ShareOfIncome(parts.deficit.iter().zip(&own).map(|(d, r)| d / r).collect())
            }
        };
        let ln_productivity = (shock.productivity_hat.is_some()
            || inputs.moves(Parameter::LnProductivity { country: 0, sector: 0 }))
        .then(|| {
            (0..n * j)
                .map(|cell| {
                    let hat = shock.productivity_hat.as_ref().map(|hat| hat[[cell / j, cell % j]]);
                    ln_hat(hat, Parameter::LnProductivity { country: cell / j, sector: cell % j })
                })
                .collect()
        });
        let theta: Vec<T> =
            (0..j).map(|s| inputs.of(Parameter::Theta { sector: s }, parts.theta[s])).collect();
        let nest = Nest::new(parts, &fixed.output, shock, inputs);
        let markets = markets(parts, fixed, shock, &theta, inputs)?;
        let limits = limits(parts, shock, inputs);
        let blocks = blocks(parts, &fixed.output, &limits);
        let mut price_follows = Cow::Borrowed(&fixed.price_follows[..]);
        let solved = blocks.iter().flat_map(|block| block.own()).map(|(s, i, g)| (i * f + g) * j + s);
        for cell in solved.chain(fixed.process_cells(parts)) {
            price_follows.to_mut()[cell] = 0.0;
        }
        let research = if nest.as_ref().is_some_and(|nest| nest.innovation.is_some()) { n * j } else { 0 };
        Ok(Self {
            parts,
            at: Layout { n, j, f, limits: limits.len(), research, products: fixed.product_output.len() },
            fixed,
            input_share: fixed.input_share(parts),
            traded: (0..j).filter(|&s| matches!(markets[s], Market::Traded { .. })).collect(),
            markets,
            theta,
            kappa: inputs.of(Parameter::Kappa, parts.kappa),
            moved_shares,
            nest,
            blocks,
            limits,
            final_share: tastes(parts, shock, inputs)?,
            ln_productivity,
            endowment_value,
            deficit,
            price_follows,
        })
    }

    /// Cost shares of inputs of a country, `[j][k]`.
    #[inline(always)]
    pub(super) fn inputs_of(&self, i: usize) -> &[f64] {
        let Layout { j, .. } = self.at;
        &self.input_share[i * j * j..(i + 1) * j * j]
    }

    /// Shares of a factor in the cost of a country's sectors, `[j]`.
    #[inline(always)]
    pub(super) fn factor_row(&self, i: usize, g: usize) -> &[f64] {
        let Layout { j, f, .. } = self.at;
        &self.fixed.by_factor[(i * f + g) * j..(i * f + g + 1) * j]
    }

    /// The share of a factor in the cost of a country's sector.
    pub(super) fn factor_share(&self, i: usize, s: usize, g: usize) -> T {
        let moved = self.moved_shares.iter().filter(|m| (m.country, m.sector, m.factor) == (i, s, g));
        moved.fold(T::from(self.factor_row(i, g)[s]), |share, m| share + m.by)
    }

    /// The volume that a restriction limits; that of flows which another limits more is on file there.
    pub(super) fn volume(&self, limit: usize, work: &Work<T>) -> T {
        work.volume[self.limits[limit].tighter.unwrap_or(limit)]
    }

    /// The baseline as a state.
    pub(super) fn baseline(&self) -> Vec<T> {
        let mut u = vec![T::from(0.0); self.at.len()];
        let expenditure = self.at.split_mut(&mut u).expenditure;
        for (x, &value) in expenditure.iter_mut().zip(&self.parts.expenditure) {
            *x = T::from(if value > 0.0 { 1.0 } else { 0.0 });
        }
        u
    }
}

/// Deficits that cancel over the world, by country: what validation lets pass as rounding but no equilibrium has is spread over factor
/// incomes.
fn cancelling<'a>(levels: &'a Array1<f64>, parts: &'a EconomyParts) -> impl Fn(usize) -> f64 + 'a {
    /// Of world income; less is rounding to a solver too.
    const ROUNDING: f64 = 1e-13;
    let off = levels.sum() / parts.factor_income.sum();
    let off = if off.abs() > ROUNDING { off } else { 0.0 };
    move |m| levels[m] - off * parts.factor_income.row(m).sum()
}

/// The shares of factors that `inputs` moves.
fn moved_shares<I: Inputs>(parts: &EconomyParts, inputs: &I) -> Vec<MovedShare<I::Number>> {
    if !inputs.moves(Parameter::FactorShare { country: 0, sector: 0, factor: 0 }) {
        return Vec::new();
    }
    let moved = |([country, sector, factor], share): ([usize; 3], f64)| {
        let by = inputs.of(Parameter::FactorShare { country, sector, factor }, share) - share;
        by.tangents().iter().any(|d| *d != 0.0).then_some(MovedShare { country, sector, factor, by })
    };
    parts.factor_share.indexed_iter().filter_map(|((i, s, g), share)| moved(([i, s, g], *share))).collect()
}

fn tastes<I: Inputs>(parts: &EconomyParts, shock: &Shock, inputs: &I) -> Result<Vec<I::Number>, ShockError> {
    let mut share: Vec<I::Number> = parts.final_share.iter().map(|v| I::Number::from(*v)).collect();
    let moves = inputs.moves(Parameter::LnPreference { country: 0, sector: 0 });
    if shock.preference_hat.is_none() && !moves {
        return Ok(share);
    }
    let j = parts.dims().sectors;
    for (country, row) in share.chunks_mut(j).enumerate() {
        let mut total = I::Number::from(0.0);
        for (sector, share) in row.iter_mut().enumerate() {
            let hat = shock.preference_hat.as_ref().map_or(1.0, |hat| hat[[country, sector]]);
            *share *= hat;
            if moves {
                *share *= inputs.of(Parameter::LnPreference { country, sector }, 0.0).exp();
            }
            total += *share;
        }
        if total.re() <= 0.0 {
            return Err(ShockError::NoDemand { country: parts.labels.countries()[country].clone() });
        }
        row.iter_mut().for_each(|s| *s /= total);
    }
    Ok(share)
}
