//! The equilibrium conditions of one economy under one shock: everything that does not change within a solve.
//!
//! Delivered-price factors and baseline shares never change, so `G[n,i,j] = pi tau^(-theta)` is formed once (`market`). What
//! is done with it is in `sweep`.

use std::borrow::Cow;

use ndarray::{Array1, Array3};
use num_dual::{DualNum, DualStruct};

use super::block::{Block, NO_OTHER_USE, blocks};
use super::limit::{Limit, limits};
use super::market::{Market, Markets, markets};
use super::nest::Nest;
use super::scalar::{Scalar, dot, transpose};
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

/// A factor that only a country's joint products use.
#[derive(Clone, Copy)]
pub(super) struct Process {
    pub(super) factor: usize,
    /// Its share in the cost.
    pub(super) share: f64,
    /// How the sales of all products fall with the cost of the process at the baseline.
    pub(super) elasticity: f64,
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
    pub(super) markets: Vec<Market<T>>,
    /// Log of the largest entry by which each row of `g` was divided, `[n][j]`.
    pub(super) shift: Vec<f64>,
    pub(super) theta: Vec<T>,
    pub(super) kappa: T,
    /// Cost shares of inputs, `[i][j][k]` and `[i][k][j]`, without the critical inputs where there is a nest.
    pub(super) input_share: Cow<'a, [f64]>,
    pub(super) by_input: Vec<f64>,
    /// Cost shares of factors, `[i][f][j]`.
    pub(super) by_factor: Vec<f64>,
    /// How shares of factors move, of those that do.
    pub(super) moved_shares: Vec<MovedShare<T>>,
    pub(super) nest: Option<Nest<T>>,
    pub(super) limits: Vec<Limit<T>>,
    pub(super) blocks: Vec<Block>,
    /// Baseline output of joint products, `[i][e]`; empty without any.
    pub(super) product_output: Vec<f64>,
    /// What limits the process of joint products of each country, where something does.
    pub(super) processes: Vec<Option<Process>>,
    /// `[n][j]`, tastes applied.
    pub(super) final_share: Vec<T>,
    pub(super) ln_productivity: Option<Vec<T>>,
    /// Baseline factor prices times new endowments, `[n][f]`.
    pub(super) endowment_value: Vec<T>,
    pub(super) world_income: f64,
    /// Baseline expenditure, `[n][j]`, and one over it; one where that is zero.
    pub(super) expenditure_level: Vec<f64>,
    pub(super) expenditure_scale: Vec<f64>,
    pub(super) deficit: DeficitRule<T>,
    /// How prices of a country follow its own factor prices once its domestic input-output loop has worked them out, at
    /// baseline shares, `[n][j][f]`.
    pub(super) price_follows: Vec<f64>,
    /// How a sector's sales fall with its own cost at the baseline, `[i][j]`.
    pub(super) sales_elasticity: Vec<f64>,
    /// Step of each factor price, `[n][f]`: one over the elasticity of its excess demand.
    pub(super) wage_step: Vec<f64>,
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
        income: &Array1<f64>,
        shock: &Shock,
        inputs: &I,
    ) -> Result<Self, ShockError> {
        let Dims { countries: n, sectors: j, factors: f } = parts.dims();
        let ln_hat = |hat: Option<f64>, parameter| inputs.of(parameter, hat.map_or(0.0, f64::ln));
        let mut endowment_value: Vec<T> = parts.factor_income.iter().map(|v| T::from(*v)).collect();
        let moved_shares = moved_shares(parts, inputs);
        if !moved_shares.is_empty() {
            let output = parts.output();
            for m in &moved_shares {
                endowment_value[m.country * f + m.factor] += m.by * output[[m.country, m.sector]];
            }
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
            Deficits::Fixed => levels(&|m| parts.deficit[m]),
            Deficits::Zero => levels(&|_| 0.0),
            Deficits::Levels(new) => levels(&|m| new[m]),
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
        let nest = Nest::new(parts, shock, inputs);
        let mut input_share = contiguous(&parts.input_share);
        if let Some(nest) = &nest {
            // What the nest buys is not bought beside it.
            let own = input_share.to_mut();
            for cell in 0..n * j {
                nest.sectors.iter().for_each(|k| own[cell * j + k] = 0.0);
            }
        }
        let Markets { markets, shift } = markets(parts, shock, &theta, inputs)?;
        let limits = limits(parts, shock, inputs);
        let blocks = blocks(parts, &limits);
        let mut price_follows = price_follows(parts);
        for (block, i, resource) in blocks.iter().flat_map(|block| block.own()) {
            // Already in the solution of its market.
            price_follows[(i * j + block) * f + resource] = 0.0;
        }
        let (sales_elasticity, sales) = sales_elasticity(parts);
        let product_output = joint_products(parts);
        let processes = processes(parts, &product_output, &sales_elasticity);
        for (i, process) in processes.iter().enumerate() {
            let sectors = parts.critical.iter().flat_map(|critical| &critical.sectors);
            if let Some(process) = process {
                sectors.for_each(|e| price_follows[(i * j + e) * f + process.factor] = 0.0);
            }
        }
        let research = if nest.as_ref().is_some_and(|nest| nest.innovation.is_some()) { n * j } else { 0 };
        Ok(Self {
            parts,
            at: Layout { n, j, f, limits: limits.len(), research, products: product_output.len() },
            product_output,
            processes,
            markets,
            shift,
            theta,
            kappa: inputs.of(Parameter::Kappa, parts.kappa),
            by_input: by_country(&input_share, n, j),
            by_factor: by_country(&contiguous(&parts.factor_share), n, f),
            moved_shares,
            input_share,
            nest,
            blocks,
            limits,
            final_share: tastes(parts, shock, inputs)?,
            ln_productivity,
            endowment_value,
            world_income: parts.factor_income.sum(),
            expenditure_level: parts.expenditure.iter().map(|&x| if x > 0.0 { x } else { 1.0 }).collect(),
            expenditure_scale: parts
                .expenditure
                .iter()
                .map(|&x| if x > 0.0 { 1.0 / x } else { 1.0 })
                .collect(),
            deficit,
            price_follows,
            wage_step: wage_step(parts, &sales_elasticity, &sales),
            sales_elasticity,
        })
    }

    /// Shares of a factor in the cost of a country's sectors, `[j]`.
    #[inline(always)]
    pub(super) fn factor_row(&self, i: usize, g: usize) -> &[f64] {
        let Layout { j, f, .. } = self.at;
        &self.by_factor[(i * f + g) * j..(i * f + g + 1) * j]
    }

    /// The share of a factor in the cost of a country's sector.
    pub(super) fn factor_share(&self, i: usize, s: usize, g: usize) -> T {
        let moved = self.moved_shares.iter().filter(|m| (m.country, m.sector, m.factor) == (i, s, g));
        moved.fold(T::from(self.factor_row(i, g)[s]), |share, m| share + m.by)
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

/// The shares of factors that `inputs` moves.
fn moved_shares<I: Inputs>(parts: &EconomyParts, inputs: &I) -> Vec<MovedShare<I::Number>> {
    if !inputs.moves(Parameter::FactorShare { country: 0, sector: 0, factor: 0 }) {
        return Vec::new();
    }
    let moved = |([country, sector, factor], share): ([usize; 3], f64)| {
        let by = inputs.of(Parameter::FactorShare { country, sector, factor }, share) - share;
        (by.tangent() != 0.0).then_some(MovedShare { country, sector, factor, by })
    };
    parts.factor_share.indexed_iter().filter_map(|((i, s, g), share)| moved(([i, s, g], *share))).collect()
}

/// Baseline output of joint products, `[i][e]`.
fn joint_products(parts: &EconomyParts) -> Vec<f64> {
    match &parts.critical {
        Some(critical) if critical.joint_products && critical.sectors.len() > 1 => {
            let output = parts.output();
            output.rows().into_iter().flat_map(|row| critical.sectors.iter().map(move |e| row[*e])).collect()
        }
        _ => Vec::new(),
    }
}

/// The factor that limits the process of each country's joint products, given their baseline output.
fn processes(parts: &EconomyParts, product_output: &[f64], sales_elasticity: &[f64]) -> Vec<Option<Process>> {
    let Dims { countries: n, sectors: j, factors: f } = parts.dims();
    let Some(critical) = parts.critical.as_ref().filter(|_| !product_output.is_empty()) else {
        return vec![None; n];
    };
    let of_country = |(i, output): (usize, &[f64])| {
        let total: f64 = output.iter().sum();
        let first = critical.sectors.iter().zip(output).find(|(_, output)| **output > 0.0)?.0;
        let share = |g: usize| parts.factor_share[[i, *first, g]];
        let factor = (0..f)
            .find(|&g| share(g) > 0.0 && share(g) * total > NO_OTHER_USE * parts.factor_income[[i, g]])?;
        let weighted = critical.sectors.iter().zip(output).map(|(e, y)| y * sales_elasticity[i * j + e]);
        Some(Process { factor, share: share(factor), elasticity: weighted.sum::<f64>() / total })
    };
    product_output.chunks_exact(critical.sectors.len()).enumerate().map(of_country).collect()
}

/// The entries in standard order, borrowed where they lie so.
fn contiguous(array: &Array3<f64>) -> Cow<'_, [f64]> {
    array.as_slice().map_or_else(|| Cow::Owned(array.iter().copied().collect()), Cow::Borrowed)
}

/// Each country's matrix of so many columns transposed.
fn by_country(all: &[f64], countries: usize, columns: usize) -> Vec<f64> {
    let mut turned = vec![0.0; all.len()];
    let size = (all.len() / countries).max(1);
    for (own, to) in all.chunks_exact(size).zip(turned.chunks_exact_mut(size)) {
        transpose(own, columns, to);
    }
    turned
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

/// `phi[j,f] = pi[j] (gF[j,f] + sum_k gM[j,k] phi[k,f])` of each country, by a few rounds: it only has to be near.
fn price_follows(parts: &EconomyParts) -> Vec<f64> {
    const ROUNDS: usize = 4;
    let Dims { countries: n, sectors: j, factors: f } = parts.dims();
    let inputs = contiguous(&parts.input_share);
    let mut all = vec![0.0; n * j * f];
    let (mut follows, mut next) = (vec![0.0; j], vec![0.0; j]);
    for i in 0..n {
        for g in 0..f {
            follows.fill(0.0);
            for _ in 0..ROUNDS {
                for (s, next) in next.iter_mut().enumerate() {
                    let row = &inputs[(i * j + s) * j..(i * j + s + 1) * j];
                    *next =
                        parts.trade_share[[i, i, s]] * (parts.factor_share[[i, s, g]] + dot(row, &follows));
                }
                std::mem::swap(&mut follows, &mut next);
            }
            (0..j).for_each(|s| all[(i * j + s) * f + g] = follows[s]);
        }
    }
    all
}

/// Elasticity of a sector's sales with respect to its own cost, `theta (1 - share of its sales that compete only with
/// itself)`, `[i][j]`, and its sales.
fn sales_elasticity(parts: &EconomyParts) -> (Vec<f64>, Vec<f64>) {
    let Dims { countries: n, sectors: j, .. } = parts.dims();
    let mut sales = vec![0.0; n * j];
    let mut own = vec![0.0; n * j];
    for (shares, spent) in parts.trade_share.outer_iter().zip(parts.expenditure.rows()) {
        let cells = sales.chunks_exact_mut(j).zip(own.chunks_exact_mut(j));
        for (shares, (sales, own)) in shares.outer_iter().zip(cells) {
            for ((share, spent), (sales, own)) in shares.iter().zip(&spent).zip(sales.iter_mut().zip(own)) {
                let flow = spent * share;
                *sales += flow;
                *own += flow * share;
            }
        }
    }
    for (cell, own) in own.iter_mut().enumerate() {
        let alone = if sales[cell] > 0.0 { *own / sales[cell] } else { 1.0 };
        *own = parts.theta[cell % j] * (1.0 - alone);
    }
    (own, sales)
}

/// One over `1 + theta_eff`, where `theta_eff` is the value-added-weighted elasticity of a country's sales with respect
/// to its own cost.
fn wage_step(parts: &EconomyParts, elasticity: &[f64], sales: &[f64]) -> Vec<f64> {
    let Dims { countries: n, sectors: j, factors: f } = parts.dims();
    let mut steps = Vec::with_capacity(n * f);
    for i in 0..n {
        for factor in 0..f {
            let (mut weight, mut weighted) = (0.0, 0.0);
            for s in 0..j {
                let cell = i * j + s;
                let w = parts.factor_share[[i, s, factor]] * sales[cell];
                if w > 0.0 {
                    weight += w;
                    weighted += w * elasticity[cell];
                }
            }
            steps.push(1.0 / (1.0 + if weight > 0.0 { weighted / weight } else { 0.0 }));
        }
    }
    steps
}
