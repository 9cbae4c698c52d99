//! Trade in one sector under a shock: `G[n,i] = pi tau^(-theta)`, formed once for a solve.

use std::borrow::Cow;

use ndarray::{Array3, Axis};

use super::constants::{Constants, contiguous};
use super::scalar::{Scalar, add_rows, dot, row_sums};
use super::sweep::Work;
use super::system::{Inputs, Layout, Plain, System};
use crate::ces::Number;
use crate::economy::EconomyParts;
use crate::labels::Dims;
use crate::restriction::Restriction;
use crate::sensitivity::Parameter;
use crate::shock::{Shock, ShockError};

/// Trade in one sector.
#[derive(Debug)]
pub(super) enum Market<'a, T> {
    /// Nobody imports: the price is the domestic cost times the domestic price factor.
    Domestic { ln_tau: Vec<T>, keep_border: Vec<T>, keep_producer: Vec<T>, buys: Vec<bool>, taxed: bool },
    /// `g[n,i]`, divided by the largest entry of its row, of which `shift[n]` is the log: minus infinity where nothing is bought;
    /// with tariffs and export taxes taken off where there are any. `place` is where the sector stands among the traded ones.
    Traded {
        place: usize,
        g: Pairs<'a, T>,
        shift: Cow<'a, [f64]>,
        border: Option<Pairs<'a, T>>,
        producer: Option<Pairs<'a, T>>,
    },
}

/// A number for each importer and exporter, row by row: without derivatives where no parameter of trade moves, and the baseline's
/// own where the shock leaves trade costs alone.
#[derive(Debug)]
pub(super) enum Pairs<'a, T> {
    Still(Cow<'a, [f64]>),
    Moving(Vec<T>),
}

impl<T: Scalar> Pairs<'_, T> {
    #[inline(always)]
    pub(super) fn at(&self, pair: usize) -> T {
        match self {
            Self::Still(all) => T::from(all[pair]),
            Self::Moving(all) => all[pair],
        }
    }

    /// `sum_i m[n,i] e[i]` for one `n`, `e` being as long as a row.
    #[inline(always)]
    pub(super) fn row_sum(&self, n: usize, e: &[T]) -> T {
        let row = n * e.len()..(n + 1) * e.len();
        match self {
            Self::Still(all) => dot(&all[row], e),
            Self::Moving(all) => dot(&all[row], e),
        }
    }

    /// `sums[n] = sum_i m[n,i] e[i]`.
    #[inline(always)]
    pub(super) fn imports(&self, e: &[T], sums: &mut [T]) {
        match self {
            Self::Still(all) => row_sums(all, e, sums),
            Self::Moving(all) => row_sums(all, e, sums),
        }
    }

    /// `column[i] = sum_n q[n] m[n,i]`.
    #[inline(always)]
    pub(super) fn exports(&self, q: &[T], column: &mut [T]) {
        column.fill(T::from(0.0));
        match self {
            Self::Still(all) => add_rows(q, all, column),
            Self::Moving(all) => add_rows(q, all, column),
        }
    }

    /// Becomes a copy that can move.
    pub(super) fn copy_from(&mut self, from: &Pairs<'_, T>) -> &mut [T] {
        if let Self::Still(_) = self {
            *self = Self::Moving(Vec::new());
        }
        let Self::Moving(to) = self else { return &mut [] };
        to.clear();
        match from {
            Pairs::Still(all) => to.extend(all.iter().map(|v| T::from(*v))),
            Pairs::Moving(all) => to.extend_from_slice(all),
        }
        to
    }
}

impl<'a> Pairs<'a, f64> {
    fn still(self) -> Cow<'a, [f64]> {
        match self {
            Self::Still(all) => all,
            Self::Moving(all) => Cow::Owned(all),
        }
    }

    fn lent(&self) -> Pairs<'_, f64> {
        match self {
            Self::Still(all) => Pairs::Still(Cow::Borrowed(all)),
            Self::Moving(all) => Pairs::Still(Cow::Borrowed(all)),
        }
    }
}

/// The error is the importer without a supplier.
type Unsupplied = usize;

/// Those of the baseline.
pub(super) fn baseline(parts: &EconomyParts) -> Option<Vec<Market<'static, f64>>> {
    let theta = parts.theta.to_vec();
    formed(parts, &Shock::default(), &theta, &Plain).ok()
}

/// Those of the economy that `fixed` belongs to, under a shock. Fails where the shock cuts off all suppliers of something that is
/// needed.
pub(super) fn markets<'a, I: Inputs>(
    parts: &EconomyParts,
    fixed: &'a Constants,
    shock: &Shock,
    theta: &[I::Number],
    inputs: &I,
) -> Result<Vec<Market<'a, I::Number>>, ShockError> {
    let of_trade = [Parameter::Theta { sector: 0 }, tariff([0; 3]), export_tax([0; 3]), iceberg([0; 3])];
    if of_trade.into_iter().any(|parameter| inputs.moves(parameter)) {
        return formed(parts, shock, theta, inputs);
    }
    if shock.tariff.is_none() && shock.export_tax.is_none() && shock.iceberg_hat.is_none() {
        let baseline = fixed.markets(parts).filter(|known| serve(known, &shock.restrictions));
        if let Some(markets) = baseline {
            return Ok(markets.iter().map(|market| market.lent().unmoved()).collect());
        }
    }
    let still: Vec<f64> = theta.iter().map(Number::re).collect();
    Ok(formed(parts, shock, &still, &Plain)?.into_iter().map(Market::unmoved).collect())
}

/// Whether markets of the baseline stay what they are under restrictions: none opens or closes one.
fn serve(markets: &[Market<f64>], restrictions: &[Restriction]) -> bool {
    let changes = |r: &Restriction| r.stops() || matches!(markets[r.sector], Market::Domestic { .. });
    !restrictions.iter().any(changes)
}

impl<'a> Market<'a, f64> {
    /// The same among numbers that move.
    fn unmoved<T: Scalar>(self) -> Market<'a, T> {
        let each = |all: Vec<f64>| all.into_iter().map(T::from).collect();
        let pairs = |all: Pairs<'a, f64>| Pairs::Still(all.still());
        match self {
            Self::Domestic { ln_tau, keep_border, keep_producer, buys, taxed } => Market::Domestic {
                ln_tau: each(ln_tau),
                keep_border: each(keep_border),
                keep_producer: each(keep_producer),
                buys,
                taxed,
            },
            Self::Traded { place, g, shift, border, producer } => Market::Traded {
                place,
                g: pairs(g),
                shift,
                border: border.map(pairs),
                producer: producer.map(pairs),
            },
        }
    }

    /// The same without a copy of what is large.
    fn lent(&self) -> Market<'_, f64> {
        match self {
            Self::Domestic { ln_tau, keep_border, keep_producer, buys, taxed } => Market::Domestic {
                ln_tau: ln_tau.clone(),
                keep_border: keep_border.clone(),
                keep_producer: keep_producer.clone(),
                buys: buys.clone(),
                taxed: *taxed,
            },
            Self::Traded { place, g, shift, border, producer } => Market::Traded {
                place: *place,
                g: g.lent(),
                shift: Cow::Borrowed(shift),
                border: border.as_ref().map(Pairs::lent),
                producer: producer.as_ref().map(Pairs::lent),
            },
        }
    }
}

/// The markets from numbers of one kind.
fn formed<I: Inputs>(
    parts: &EconomyParts,
    shock: &Shock,
    theta: &[I::Number],
    inputs: &I,
) -> Result<Vec<Market<'static, I::Number>>, ShockError> {
    let Dims { countries: n, sectors: j, .. } = parts.dims();
    let traded = traded_sectors(parts, shock);
    let shares = by_sector(&parts.trade_share, &traded, |_, v| I::Number::from(v));
    let mut change = ln_price_factor(parts, &traded, shock, inputs);
    let mut keep_border = kept(shock.tariff.as_ref().unwrap_or(&parts.tariff), &traded, inputs, tariff);
    let mut keep_producer =
        kept(shock.export_tax.as_ref().unwrap_or(&parts.export_tax), &traded, inputs, export_tax);
    let closed = |s: usize, m: usize, i: usize| {
        shock.restrictions.iter().any(|r| r.stops() && r.sector == s && r.exporter == i && r.covers(m))
    };
    let cells = n * n;
    let mut all = Vec::with_capacity(j);
    for (s, shares) in shares.into_iter().enumerate() {
        let of_sector =
            |all: &mut Option<Vec<Vec<I::Number>>>| all.as_mut().map(|all| std::mem::take(&mut all[s]));
        let mut change = of_sector(&mut change);
        if shock.restrictions.iter().any(|r| r.stops() && r.sector == s) {
            let change = change.get_or_insert_with(|| vec![I::Number::from(0.0); cells]);
            for at in (0..cells).filter(|at| closed(s, at / n, at % n)) {
                change[at] = I::Number::from(f64::INFINITY);
            }
        }
        let (border, producer) = (of_sector(&mut keep_border), of_sector(&mut keep_producer));
        let market = if traded[s] {
            let at = (n, traded[..s].iter().filter(|traded| **traded).count());
            self::traded(at, shares, change.as_deref(), theta[s], border, producer)
        } else {
            domestic(&shares, change.as_deref(), border.as_deref(), producer.as_deref())
        };
        all.push(market.map_err(|importer| ShockError::NoSupplier {
            country: parts.labels.countries()[importer].clone(),
            sector: parts.labels.sectors()[s].clone(),
        })?);
    }
    Ok(all)
}

fn tariff([importer, exporter, sector]: [usize; 3]) -> Parameter {
    Parameter::Tariff { importer, exporter, sector }
}

fn export_tax([importer, exporter, sector]: [usize; 3]) -> Parameter {
    Parameter::ExportTax { importer, exporter, sector }
}

fn iceberg([importer, exporter, sector]: [usize; 3]) -> Parameter {
    Parameter::LnIceberg { importer, exporter, sector }
}

/// Which sectors somebody imports, or would but for a restriction.
fn traded_sectors(parts: &EconomyParts, shock: &Shock) -> Vec<bool> {
    let Dims { countries: n, sectors: j, .. } = parts.dims();
    let mut traded = vec![false; j];
    for r in &shock.restrictions {
        traded[r.sector] = true;
    }
    let mut open: Vec<usize> = (0..j).filter(|s| !traded[*s]).collect();
    for (pair, shares) in parts.trade_share.lanes(Axis(2)).into_iter().enumerate() {
        if pair / n != pair % n {
            open.retain(|s| {
                traded[*s] = shares[*s] > 0.0;
                !traded[*s]
            });
        }
    }
    traded
}

/// `[n,i,j]` as `[j][n][i]`, each sector by itself, but those that are not traded as `[j][n]`, from each country's own entry.
fn by_sector<T: Scalar>(
    array: &Array3<f64>,
    traded: &[bool],
    value: impl Fn([usize; 3], f64) -> T,
) -> Vec<Vec<T>> {
    let (n, _, j) = array.dim();
    let array = contiguous(array);
    let of_sector = |s: usize| {
        let mut of_sector = Vec::with_capacity(if traded[s] { n * n } else { n });
        for m in 0..n {
            let exporters = if traded[s] { 0..n } else { m..m + 1 };
            of_sector.extend(exporters.map(|i| value([m, i, s], array[(m * n + i) * j + s])));
        }
        of_sector
    };
    (0..j).map(of_sector).collect()
}

/// Share of the price before these rates in the price after them, as [`by_sector`] has it, if there are any rates.
fn kept<I: Inputs>(
    rates: &Array3<f64>,
    traded: &[bool],
    inputs: &I,
    parameter: impl Fn([usize; 3]) -> Parameter,
) -> Option<Vec<Vec<I::Number>>> {
    (inputs.moves(parameter([0; 3])) || rates.iter().any(|r| *r != 0.0))
        .then(|| by_sector(rates, traded, |at, r| (inputs.of(parameter(at), r) + 1.0).recip()))
}

/// Log hat of one and a rate, as [`by_sector`] has it, if there are new rates or the rates move.
fn ln_gross<I: Inputs>(
    new: Option<&Array3<f64>>,
    old: &Array3<f64>,
    traded: &[bool],
    inputs: &I,
    parameter: impl Fn([usize; 3]) -> Parameter,
) -> Option<Vec<Vec<I::Number>>> {
    let new = new.or(inputs.moves(parameter([0; 3])).then_some(old))?;
    let (old, (_, n, j)) = (contiguous(old), old.dim());
    Some(by_sector(new, traded, |at, new| {
        let old = old[(at[0] * n + at[1]) * j + at[2]];
        if inputs.moves(parameter(at)) {
            return ((inputs.of(parameter(at), new) + 1.0) / (1.0 + old)).ln();
        }
        // Equal rates give exactly nothing.
        I::Number::from(if new == old { 0.0 } else { ((1.0 + new) / (1.0 + old)).ln() })
    }))
}

/// Log hat of the delivered-price factor, as [`by_sector`] has it, if the shock moves any.
fn ln_price_factor<I: Inputs>(
    parts: &EconomyParts,
    traded: &[bool],
    shock: &Shock,
    inputs: &I,
) -> Option<Vec<Vec<I::Number>>> {
    let costs = match &shock.iceberg_hat {
        Some(hat) => Some(by_sector(hat, traded, |at, hat| inputs.of(iceberg(at), hat.ln()))),
        None => inputs
            .moves(iceberg([0; 3]))
            .then(|| by_sector(&parts.tariff, traded, |at, _| inputs.of(iceberg(at), 0.0))),
    };
    let all = [
        ln_gross(shock.tariff.as_ref(), &parts.tariff, traded, inputs, tariff),
        ln_gross(shock.export_tax.as_ref(), &parts.export_tax, traded, inputs, export_tax),
        costs,
    ];
    all.into_iter().flatten().reduce(|mut sum, more| {
        let pairs = sum.iter_mut().flatten().zip(more.iter().flatten());
        pairs.for_each(|(sum, more)| *sum += *more);
        sum
    })
}

/// Of a sector that nobody imports, by country.
fn domestic<T: Scalar>(
    shares: &[T],
    change: Option<&[T]>,
    border: Option<&[T]>,
    producer: Option<&[T]>,
) -> Result<Market<'static, T>, Unsupplied> {
    let n = shares.len();
    let own =
        |all: Option<&[T]>, otherwise: f64| all.map_or_else(|| vec![T::from(otherwise); n], <[T]>::to_vec);
    let buys: Vec<bool> = shares.iter().map(|share| share.re() > 0.0).collect();
    let ln_tau = own(change, 0.0);
    if let Some(i) = (0..n).find(|&i| buys[i] && ln_tau[i].re() == f64::INFINITY) {
        return Err(i);
    }
    let keep_border = own(border, 1.0);
    let mut keep_producer = own(producer, 1.0);
    keep_producer.iter_mut().zip(&keep_border).for_each(|(producer, border)| *producer *= *border);
    let taxed = T::DIRECTIONS > 0 || keep_border.iter().chain(&keep_producer).any(|k| k.re() != 1.0);
    Ok(Market::Domestic { ln_tau, keep_border, keep_producer, buys, taxed })
}

fn traded<T: Scalar>(
    (n, place): (usize, usize),
    mut g: Vec<T>,
    change: Option<&[T]>,
    theta: T,
    border: Option<Vec<T>>,
    producer: Option<Vec<T>>,
) -> Result<Market<'static, T>, Unsupplied> {
    let mut shift = vec![0.0; n];
    for (m, row) in g.chunks_exact_mut(n).enumerate() {
        if row.iter().all(|g| g.re() == 0.0) {
            shift[m] = f64::NEG_INFINITY;
            continue;
        }
        // Where nothing moved the baseline shares are kept to the last bit.
        let Some(change) = change.map(|c| &c[m * n..(m + 1) * n]) else { continue };
        if T::DIRECTIONS == 0 && row.iter().zip(change).all(|(g, c)| g.re() == 0.0 || c.re() == 0.0) {
            continue;
        }
        let none = T::from(f64::NEG_INFINITY);
        T::ln_each(row);
        for (g, c) in row.iter_mut().zip(change) {
            let bought = g.re() > f64::NEG_INFINITY && c.re() < f64::INFINITY;
            *g = if bought { *g - theta * *c } else { none };
        }
        shift[m] = row.iter().map(|g| g.re()).fold(f64::NEG_INFINITY, f64::max);
        if shift[m] == f64::NEG_INFINITY {
            return Err(m);
        }
        for g in row.iter_mut() {
            *g = if g.re() == f64::NEG_INFINITY { none } else { *g - shift[m] };
        }
        T::exp_each(row);
    }
    let taken_off = |from: &[T], mut keep: Vec<T>| {
        keep.iter_mut().zip(from).for_each(|(k, g)| *k *= *g);
        keep
    };
    let border = border.map(|keep| taken_off(&g, keep));
    let producer = producer.map(|keep| taken_off(border.as_ref().unwrap_or(&g), keep));
    let (g, border, producer) = (Pairs::Moving(g), border.map(Pairs::Moving), producer.map(Pairs::Moving));
    Ok(Market::Traded { place, g, shift: Cow::Owned(shift), border, producer })
}

/// Trade shares that belong to a sweep.
impl System<'_, f64> {
    /// New trade shares `pi'[n,i,j]` at the last sweep, which was from this state.
    pub(super) fn new_shares(&self, state: &[f64], work: &Work<f64>) -> Array3<f64> {
        let Layout { n, j, .. } = self.at;
        let wedge = self.at.split(state).wedge;
        let mut shares = Array3::zeros((n, n, j));
        let mut one_over_sum: Vec<f64> = work.ln_sum.iter().map(|sum| -*sum).collect();
        f64::exp_each(&mut one_over_sum);
        for (m, mut of_importer) in shares.outer_iter_mut().enumerate() {
            for (s, market) in self.markets.iter().enumerate() {
                let (place, g, shift) = match market {
                    Market::Domestic { buys, .. } => {
                        of_importer[[m, s]] = if buys[m] { 1.0 } else { 0.0 };
                        continue;
                    }
                    Market::Traded { place, g, shift, .. } => (*place, g, shift),
                };
                if shift[m] == f64::NEG_INFINITY {
                    continue;
                }
                let one_over_sum = one_over_sum[place * n + m];
                let appeal = &work.appeal[place * n..(place + 1) * n];
                let mut of_sector = of_importer.column_mut(s);
                let g: &[f64] = match g {
                    Pairs::Still(g) => g,
                    Pairs::Moving(g) => g,
                };
                for ((share, appeal), g) in of_sector.iter_mut().zip(appeal).zip(&g[m * n..(m + 1) * n]) {
                    *share = *appeal * *g * one_over_sum;
                }
                if let Some(controls) = &work.controls[s] {
                    for (i, share) in of_sector.iter_mut().enumerate() {
                        *share *= controls.keep(m * n + i, self.theta[s], wedge);
                    }
                }
            }
        }
        shares
    }
}
