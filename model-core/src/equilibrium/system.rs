//! The equilibrium conditions as a map from a guess of prices, expenditure and factor prices to the next.
//!
//! Within a solve the delivered-price factors and baseline shares never change, so `G[n,i,j] = pi tau^(-theta)` is formed
//! once. A sweep then costs one power for each country and sector, one `N x N` matrix-vector product for each traded
//! sector and equation, and one `J x J` product for each country and equation.

use std::borrow::Cow;

use ndarray::{Array1, Array2, Array3};

use super::market::{Market, markets};
use crate::ces;
use crate::economy::EconomyParts;
use crate::labels::Dims;
use crate::shock::{Deficits, Shock, ShockError};

/// Position of the three blocks in a state vector: `ln P^[n,j]`, `X^[n,j]`, `ln w^[n,f]`, each country by country. Expenditure
/// is in levels over its baseline, in which its conditions are linear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) n: usize,
    pub(super) j: usize,
    pub(super) f: usize,
}

impl Layout {
    pub(super) fn cells(&self) -> usize {
        self.n * self.j
    }
    pub(super) fn len(&self) -> usize {
        2 * self.cells() + self.n * self.f
    }
    pub(super) fn split<'a>(&self, u: &'a [f64]) -> (&'a [f64], &'a [f64], &'a [f64]) {
        let (p, rest) = u.split_at(self.cells());
        let (x, w) = rest.split_at(self.cells());
        (p, x, w)
    }
    pub(super) fn split_mut<'a>(&self, u: &'a mut [f64]) -> (&'a mut [f64], &'a mut [f64], &'a mut [f64]) {
        let (p, rest) = u.split_at_mut(self.cells());
        let (x, w) = rest.split_at_mut(self.cells());
        (p, x, w)
    }
}

/// Log excess demand beyond which factor prices move no faster.
const MAX_EXCESS: f64 = 10.0;

/// The equilibrium conditions of one economy under one shock.
pub(super) struct System<'a> {
    pub(super) parts: &'a EconomyParts,
    pub(super) at: Layout,
    pub(super) markets: Vec<Market>,
    /// `[i][j][f]` and `[i][j][k]`.
    pub(super) factor_share: Cow<'a, [f64]>,
    pub(super) input_share: Cow<'a, [f64]>,
    /// `[n][j]`, tastes applied.
    pub(super) final_share: Vec<f64>,
    ln_productivity: Option<Vec<f64>>,
    /// Baseline factor prices times new endowments, `[n][f]`.
    pub(super) endowment_value: Vec<f64>,
    pub(super) world_income: f64,
    /// One over baseline expenditure, `[n][j]`; one where that is zero.
    pub(super) expenditure_scale: Vec<f64>,
    deficit: DeficitRule,
    /// How prices of a country follow its own factor prices once its domestic input-output loop has worked them out, at
    /// baseline shares, `[n][j][f]`.
    price_follows: Vec<f64>,
    /// Step of each factor price, `[n][f]`: one over the elasticity of its excess demand.
    pub(super) wage_step: Vec<f64>,
}

enum DeficitRule {
    Levels(Vec<f64>),
    ShareOfIncome(Vec<f64>),
}

/// Undamped residuals of a sweep: largest absolute log difference in each block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SweepResidual {
    pub(super) prices: f64,
    pub(super) goods: f64,
    pub(super) factors: f64,
}

impl SweepResidual {
    pub(super) fn max(&self) -> f64 {
        // `f64::max` would hide a NaN.
        [self.prices, self.goods, self.factors]
            .into_iter()
            .fold(0.0, |a, b| if b > a || b.is_nan() { b } else { a })
    }
}

/// Room for the intermediate results of a sweep; after one, everything in it belongs to the state that was swept.
pub(super) struct Work {
    /// `ln c[i,j]`, country by country.
    pub(super) ln_cost: Vec<f64>,
    /// New `ln P[n,j]`, country by country.
    pub(super) ln_price: Vec<f64>,
    /// Expenditure of the state and of the sweep, output, `[n][j]`.
    pub(super) x: Vec<f64>,
    pub(super) x_new: Vec<f64>,
    /// Log price gaps, and expenditure with the domestic loop worked out.
    pub(super) y: Vec<f64>,
    /// By country.
    pub(super) tariff_revenue: Vec<f64>,
    pub(super) export_tax_revenue: Vec<f64>,
    pub(super) deficit: Vec<f64>,
    pub(super) income: Vec<f64>,
    /// `[n][f]`.
    pub(super) factor_demand: Vec<f64>,
    pub(super) factor_income: Vec<f64>,
    /// One sector at a time: `exp(-theta ln c)`, `sum_i g e`, `X / sum`.
    e: Vec<f64>,
    q: Vec<f64>,
    column: Vec<f64>,
    shares: Vec<f64>,
}

impl Work {
    pub(super) fn new(at: Layout) -> Self {
        let zeros = |len| vec![0.0; len];
        Self {
            ln_cost: zeros(at.cells()),
            ln_price: zeros(at.cells()),
            x: zeros(at.cells()),
            x_new: zeros(at.cells()),
            y: zeros(at.cells()),
            tariff_revenue: zeros(at.n),
            export_tax_revenue: zeros(at.n),
            deficit: zeros(at.n),
            income: zeros(at.n),
            factor_demand: zeros(at.n * at.f),
            factor_income: zeros(at.n * at.f),
            e: zeros(at.n),
            q: zeros(at.n),
            column: zeros(at.n),
            shares: zeros(at.j),
        }
    }
}

impl<'a> System<'a> {
    /// Applies the shock to the baseline, whose incomes are given. Fails where it cuts off all suppliers of something that is needed.
    pub(super) fn new(
        parts: &'a EconomyParts,
        income: &Array1<f64>,
        shock: &Shock,
    ) -> Result<Self, ShockError> {
        let Dims { countries: n, sectors: j, factors: f } = parts.dims();
        let at = Layout { n, j, f };
        let mut endowment_value: Vec<f64> = parts.factor_income.iter().copied().collect();
        if let Some(hat) = &shock.endowment_hat {
            endowment_value.iter_mut().zip(hat).for_each(|(v, h)| *v *= h);
        }
        let deficit = match &shock.deficits {
            Deficits::Fixed => DeficitRule::Levels(parts.deficit.to_vec()),
            Deficits::Zero => DeficitRule::Levels(vec![0.0; n]),
            Deficits::Levels(levels) => DeficitRule::Levels(levels.to_vec()),
            Deficits::ShareOfIncome => {
                let own = income - &parts.deficit;
                DeficitRule::ShareOfIncome(parts.deficit.iter().zip(&own).map(|(d, r)| d / r).collect())
            }
        };
        Ok(Self {
            parts,
            at,
            markets: markets(parts, shock)?,
            factor_share: contiguous(&parts.factor_share),
            input_share: contiguous(&parts.input_share),
            final_share: tastes(parts, shock)?,
            ln_productivity: shock.productivity_hat.as_ref().map(|a| a.iter().map(|v| v.ln()).collect()),
            endowment_value,
            world_income: parts.factor_income.sum(),
            expenditure_scale: parts
                .expenditure
                .iter()
                .map(|&x| if x > 0.0 { 1.0 / x } else { 1.0 })
                .collect(),
            deficit,
            price_follows: price_follows(parts),
            wage_step: wage_step(parts),
        })
    }

    /// The baseline as a state.
    pub(super) fn baseline(&self) -> Vec<f64> {
        let mut u = vec![0.0; self.at.len()];
        let (_, x, _) = self.at.split_mut(&mut u);
        for (x, &value) in x.iter_mut().zip(&self.parts.expenditure) {
            *x = if value > 0.0 { 1.0 } else { 0.0 };
        }
        u
    }

    /// `ln c[i,j]` of a state.
    #[inline(always)]
    pub(super) fn costs(&self, ln_p: &[f64], ln_w: &[f64], ln_cost: &mut [f64]) {
        let Layout { n, j, f } = self.at;
        for i in 0..n {
            let p = &ln_p[i * j..(i + 1) * j];
            let w = &ln_w[i * f..(i + 1) * f];
            for s in 0..j {
                let cell = i * j + s;
                ln_cost[cell] = dot(&self.input_share[cell * j..(cell + 1) * j], p)
                    + dot(&self.factor_share[cell * f..(cell + 1) * f], w);
            }
        }
        if let Some(a) = &self.ln_productivity {
            ln_cost.iter_mut().zip(a).for_each(|(c, a)| *c -= a);
        }
    }

    /// One sweep: from `u` to `next`. Prices come first and everything after uses them.
    ///
    /// It is compiled once for each vector width and takes the widest that the processor has. The order of every sum is
    /// fixed, so the bits are the same on all.
    pub(super) fn sweep(&self, u: &[f64], next: &mut [f64], work: &mut Work) -> SweepResidual {
        pulp::Arch::new().dispatch(Sweep { system: self, u, next, work })
    }

    #[inline(always)]
    fn sweep_any_width(&self, u: &[f64], next: &mut [f64], work: &mut Work) -> SweepResidual {
        let Layout { n, j, f } = self.at;
        let (ln_p, x_hat, ln_w) = self.at.split(u);
        let (p_new, x_out, w_out) = self.at.split_mut(next);
        let mut residual = SweepResidual::default();
        let worst = |slot: &mut f64, value: f64| {
            let size = value.abs();
            if size > *slot || size.is_nan() {
                *slot = size;
            }
        };

        self.costs(ln_p, ln_w, &mut work.ln_cost);
        work.x
            .iter_mut()
            .zip(x_hat)
            .zip(&self.expenditure_scale)
            .for_each(|((x, hat), scale)| *x = hat / scale);
        work.tariff_revenue.fill(0.0);
        work.export_tax_revenue.fill(0.0);
        for s in 0..j {
            self.sector(s, p_new, work);
        }
        work.ln_price.copy_from_slice(p_new);
        for (new, old) in p_new.iter().zip(ln_p) {
            worst(&mut residual.prices, new - old);
        }

        // Factor markets.
        work.factor_demand.fill(0.0);
        for i in 0..n {
            let demand = &mut work.factor_demand[i * f..(i + 1) * f];
            for s in 0..j {
                let cell = i * j + s;
                axpy(work.y[cell], &self.factor_share[cell * f..(cell + 1) * f], demand);
            }
        }
        let mut world = 0.0;
        for ((income, value), w) in work.factor_income.iter_mut().zip(&self.endowment_value).zip(ln_w) {
            *income = value * w.exp();
            world += *income;
        }
        let to_numeraire = (self.world_income / world).ln();
        for (cell, (out, &old)) in w_out.iter_mut().zip(ln_w).enumerate() {
            *out = 0.0;
            if self.endowment_value[cell] > 0.0 {
                let excess = (work.factor_demand[cell] / work.factor_income[cell]).ln();
                worst(&mut residual.factors, excess);
                *out = old + self.wage_step[cell] * excess.clamp(-MAX_EXCESS, MAX_EXCESS) + to_numeraire;
            }
        }
        worst(&mut residual.factors, to_numeraire);

        // Income and goods markets.
        for i in 0..n {
            work.income[i] = work.factor_income[i * f..(i + 1) * f].iter().sum::<f64>()
                + work.tariff_revenue[i]
                + work.export_tax_revenue[i];
        }
        self.deficits(work);
        work.income.iter_mut().zip(&work.deficit).for_each(|(i, d)| *i += d);
        for i in 0..n {
            let cells = i * j..(i + 1) * j;
            self.final_shares(i, &p_new[cells.clone()], &mut work.shares);
            let x_new = &mut work.x_new[cells.clone()];
            for (x, share) in x_new.iter_mut().zip(&work.shares) {
                *x = share * work.income[i];
            }
            for cell in cells {
                axpy(work.y[cell], &self.input_share[cell * j..(cell + 1) * j], x_new);
            }
        }
        let scale = self.expenditure_scale.iter();
        for (((x_out, &x), x_new), scale) in x_out.iter_mut().zip(&work.x).zip(&work.x_new).zip(scale) {
            *x_out = x_new * scale;
            if *x_new != x {
                worst(&mut residual.goods, x_new / x - 1.0);
            }
        }
        // Prices follow factor prices at once, or the next sweep would see the move half done.
        for i in 0..n {
            let (new, old) = (&w_out[i * f..(i + 1) * f], &ln_w[i * f..(i + 1) * f]);
            let prices = p_new[i * j..(i + 1) * j].iter_mut();
            for (price, follows) in prices.zip(self.price_follows[i * j * f..(i + 1) * j * f].chunks_exact(f))
            {
                *price += follows
                    .iter()
                    .zip(new.iter().zip(old))
                    .map(|(k, (new, old))| k * (new - old))
                    .sum::<f64>();
            }
        }
        residual
    }

    /// Final expenditure shares of one country at new prices.
    pub(super) fn final_shares(&self, i: usize, ln_p: &[f64], shares: &mut [f64]) -> f64 {
        let j = self.at.j;
        ces::shares(&self.final_share[i * j..(i + 1) * j], ln_p, self.parts.kappa, shares)
    }

    /// How income responds to income before transfers, `dI[n] / dR[m]`, at the last sweep.
    pub(super) fn income_response(&self, work: &Work) -> Array2<f64> {
        let n = self.at.n;
        match &self.deficit {
            DeficitRule::Levels(_) => Array2::eye(n),
            DeficitRule::ShareOfIncome(share) => {
                let own: Vec<f64> = work.income.iter().zip(&work.deficit).map(|(i, d)| i - d).collect();
                let total: f64 = own.iter().sum();
                let missing = share.iter().zip(&own).map(|(d, r)| d * r).sum::<f64>() / total;
                Array2::from_shape_fn((n, n), |(a, b)| {
                    let own_effect = if a == b { 1.0 + share[a] - missing } else { 0.0 };
                    own_effect - own[a] * (share[b] - missing) / total
                })
            }
        }
    }

    /// New trade shares of each sector, `pi'[n,i]` row by row, at the costs given.
    pub(super) fn new_shares(&self, ln_cost: &[f64]) -> Vec<Vec<f64>> {
        let Layout { n, j, .. } = self.at;
        let mut e = vec![0.0; n];
        let mut all = Vec::with_capacity(j);
        for (s, market) in self.markets.iter().enumerate() {
            let mut shares = vec![0.0; n * n];
            match market {
                Market::Domestic { buys, .. } => {
                    (0..n).filter(|&i| buys[i]).for_each(|i| shares[i * n + i] = 1.0);
                }
                Market::Traded { g, .. } => {
                    self.appeal(s, ln_cost, &mut e);
                    for (share, g) in shares.chunks_mut(n).zip(g.chunks(n)) {
                        let sum = dot(g, &e);
                        if sum > 0.0 {
                            (0..n).for_each(|i| share[i] = g[i] * e[i] / sum);
                        }
                    }
                }
            }
            all.push(shares);
        }
        all
    }

    /// `exp(-theta ln c[i])` of one sector relative to its cheapest producer, whose log cost is returned.
    #[inline(always)]
    fn appeal(&self, s: usize, ln_cost: &[f64], e: &mut [f64]) -> f64 {
        let Layout { n, j, .. } = self.at;
        let theta = self.parts.theta[s];
        let least = (0..n).map(|i| ln_cost[i * j + s]).fold(f64::INFINITY, f64::min);
        for (i, e) in e.iter_mut().enumerate() {
            *e = (-theta * (ln_cost[i * j + s] - least)).exp();
        }
        least
    }

    #[inline(always)]
    fn deficits(&self, work: &mut Work) {
        match &self.deficit {
            DeficitRule::Levels(levels) => work.deficit.copy_from_slice(levels),
            DeficitRule::ShareOfIncome(share) => {
                let total: f64 = work.income.iter().sum();
                let missing = share.iter().zip(&work.income).map(|(d, r)| d * r).sum::<f64>() / total;
                for ((d, s), r) in work.deficit.iter_mut().zip(share).zip(&work.income) {
                    *d = r * (s - missing);
                }
            }
        }
    }

    /// Prices, output and revenue of one sector at the costs and expenditures in `work`.
    #[inline(always)]
    fn sector(&self, s: usize, p_new: &mut [f64], work: &mut Work) {
        let Layout { n, j, .. } = self.at;
        match &self.markets[s] {
            Market::Domestic { ln_tau, keep_border, keep_producer, buys, taxed } => {
                for i in 0..n {
                    let cell = i * j + s;
                    p_new[cell] = if buys[i] { work.ln_cost[cell] + ln_tau[i] } else { 0.0 };
                    work.y[cell] = work.x[cell] * keep_producer[i];
                    if *taxed {
                        let border = work.x[cell] * keep_border[i];
                        work.tariff_revenue[i] += work.x[cell] - border;
                        work.export_tax_revenue[i] += border - work.y[cell];
                    }
                }
            }
            Market::Traded { g, shift, border, producer } => {
                let theta = self.parts.theta[s];
                let least = self.appeal(s, &work.ln_cost, &mut work.e);
                for i in 0..n {
                    let cell = i * j + s;
                    let sum = dot(&g[i * n..(i + 1) * n], &work.e).max(f64::MIN_POSITIVE);
                    let buys = shift[i].is_finite();
                    p_new[cell] = if buys { least - (shift[i] + sum.ln()) / theta } else { 0.0 };
                    work.q[i] = if buys { work.x[cell] / sum } else { 0.0 };
                    if let Some(border) = border {
                        let value = work.q[i] * dot(&border[i * n..(i + 1) * n], &work.e);
                        work.tariff_revenue[i] += work.x[cell] - value;
                    }
                }
                let exports = |flows: &[f64], column: &mut [f64]| {
                    column.fill(0.0);
                    for i in 0..n {
                        if work.q[i] != 0.0 {
                            axpy(work.q[i], &flows[i * n..(i + 1) * n], column);
                        }
                    }
                };
                let at_border = border.as_ref().unwrap_or(g);
                exports(producer.as_ref().unwrap_or(at_border), &mut work.column);
                for i in 0..n {
                    work.y[i * j + s] = work.column[i] * work.e[i];
                }
                if producer.is_some() {
                    exports(at_border, &mut work.column);
                    for i in 0..n {
                        work.export_tax_revenue[i] += work.column[i] * work.e[i] - work.y[i * j + s];
                    }
                }
            }
        }
    }
}

/// A sweep to be compiled for a vector width. It is not a closure because only this is sure to be inlined.
struct Sweep<'s, 'a> {
    system: &'s System<'a>,
    u: &'s [f64],
    next: &'s mut [f64],
    work: &'s mut Work,
}

impl pulp::WithSimd for Sweep<'_, '_> {
    type Output = SweepResidual;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> SweepResidual {
        self.system.sweep_any_width(self.u, self.next, self.work)
    }
}

/// The entries in standard order, borrowed where they lie so.
fn contiguous(array: &Array3<f64>) -> Cow<'_, [f64]> {
    array.as_slice().map_or_else(|| Cow::Owned(array.iter().copied().collect()), Cow::Borrowed)
}

fn tastes(parts: &EconomyParts, shock: &Shock) -> Result<Vec<f64>, ShockError> {
    let mut share: Vec<f64> = parts.final_share.iter().copied().collect();
    if let Some(hat) = &shock.preference_hat {
        share.iter_mut().zip(hat).for_each(|(s, h)| *s *= h);
        for (country, row) in share.chunks_mut(parts.dims().sectors).enumerate() {
            let total: f64 = row.iter().sum();
            if total <= 0.0 {
                return Err(ShockError::NoDemand { country: parts.labels.countries()[country].clone() });
            }
            row.iter_mut().for_each(|s| *s /= total);
        }
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

/// One over `1 + theta_eff`, where `theta_eff` is the value-added-weighted elasticity of a country's sales with respect
/// to its own cost, `theta (1 - share of its sales that compete only with itself)`.
fn wage_step(parts: &EconomyParts) -> Vec<f64> {
    let Dims { countries: n, sectors: j, factors: f } = parts.dims();
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
    let mut steps = Vec::with_capacity(n * f);
    for i in 0..n {
        for factor in 0..f {
            let (mut weight, mut weighted) = (0.0, 0.0);
            for s in 0..j {
                let cell = i * j + s;
                let w = parts.factor_share[[i, s, factor]] * sales[cell];
                if w > 0.0 {
                    weight += w;
                    weighted += w * parts.theta[s] * (1.0 - own[cell] / sales[cell]);
                }
            }
            steps.push(1.0 / (1.0 + if weight > 0.0 { weighted / weight } else { 0.0 }));
        }
    }
    steps
}

/// Inner product with eight running sums, so that it vectorises and its order of summation is fixed.
#[inline(always)]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a8, b8) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for ((sum, x), y) in sums.iter_mut().zip(a8.remainder()).zip(b8.remainder()) {
        *sum = x * y;
    }
    for (x, y) in a8.zip(b8) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
}

/// `y += a x`.
#[inline(always)]
pub(super) fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}
