//! Second moments of yearly changes of prices and shares, by variety.

use super::Base;
use crate::trade_elasticity::unit_values::{Market, Sale};
use std::collections::BTreeMap;

/// A change over a year.
#[derive(Debug, Clone, Copy)]
struct Change {
    /// The year, counted from the first of the market.
    year: usize,
    /// Of the log price.
    price: f64,
    /// Of the log share.
    share: f64,
    /// `1/q_t + 1/q_t-1`.
    inverse_quantity: f64,
}

/// Sums of the changes in a year, and how many there are.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    price: f64,
    share: f64,
    count: f64,
}

impl Sums {
    fn add(&mut self, change: &Change, sign: f64) {
        self.price += sign * change.price;
        self.share += sign * change.share;
        self.count += sign;
    }
}

/// The changes of the varieties of a market, and what they are taken less of.
pub(super) struct Changes {
    base: Base,
    /// By variety with any, in the order of their names: exporter and changes.
    varieties: Vec<(String, Vec<Change>)>,
    /// By year, of all varieties or of the base variety alone.
    of_base: Vec<Sums>,
}

/// Moments of one variety: sums over its years of `r = (y, x1, x2)` and of `r r'`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    pub(super) years: usize,
    pub(super) sum: [f64; 3],
    pub(super) squares: [[f64; 3]; 3],
    /// Mean of `1/q_t + 1/q_t-1`.
    pub(super) inverse_quantity: f64,
}

impl Changes {
    /// The changes of a market. As a base a variety is the one with most years, of these the largest.
    pub(super) fn new(market: &Market, base: Base) -> Self {
        let mut totals: BTreeMap<i32, f64> = BTreeMap::new();
        for sales in market.varieties.values() {
            sales.iter().for_each(|(year, sale)| *totals.entry(*year).or_default() += sale.value);
        }
        let years = |(first, last): (&i32, &i32)| (*first, last.abs_diff(*first) as usize + 1);
        let span = totals.keys().next().zip(totals.keys().next_back());
        let (start, count) = span.map_or((0, 0), years);
        let price = |s: &Sale| (s.value / s.quantity).ln();
        let share = |s: &Sale, year: i32| (s.value / totals.get(&year).copied().unwrap_or(s.value)).ln();
        let changes = |sales: &BTreeMap<i32, Sale>| -> Vec<Change> {
            let pairs = sales.iter().filter_map(|(year, now)| Some((*year, now, sales.get(&(year - 1))?)));
            let change = |(year, now, before): (i32, &Sale, &Sale)| Change {
                year: year.abs_diff(start) as usize,
                price: price(now) - price(before),
                share: share(now, year) - share(before, year - 1),
                inverse_quantity: 1.0 / now.quantity + 1.0 / before.quantity,
            };
            pairs.map(change).collect()
        };
        let size = |sales: &BTreeMap<i32, Sale>| sales.values().map(|s| s.value).sum::<f64>();
        let largest = market
            .varieties
            .iter()
            .max_by(|(_, a), (_, b)| a.len().cmp(&b.len()).then(size(a).total_cmp(&size(b))))
            .map(|(exporter, _)| exporter);
        let mut varieties = Vec::with_capacity(market.varieties.len());
        let mut of_base = vec![Sums::default(); count];
        for (exporter, sales) in &market.varieties {
            let own = changes(sales);
            let is_base = base == Base::Mean || Some(exporter) == largest;
            own.iter().filter(|_| is_base).for_each(|change| of_base[change.year].add(change, 1.0));
            if base == Base::Mean || !is_base {
                varieties.push((exporter.clone(), own));
            }
        }
        let mut all = Self { base, varieties, of_base };
        let less = all.less_of(None);
        all.varieties.retain(|(_, own)| moments(own, &less).years > 0);
        all
    }

    /// Names of the varieties that have moments.
    pub(super) fn exporters(&self) -> impl Iterator<Item = &str> {
        self.varieties.iter().map(|(exporter, _)| exporter.as_str())
    }

    /// The moments of every variety.
    pub(super) fn moments(&self) -> Vec<Moments> {
        let less = self.less_of(None);
        self.varieties.iter().map(|(_, own)| moments(own, &less)).collect()
    }

    /// The moments of all but one variety, which is then not part of a mean either, given those of all.
    pub(super) fn without(&self, k: usize, all: &[Moments]) -> Vec<Moments> {
        if self.base == Base::Variety {
            return [&all[..k], &all[k + 1..]].concat();
        }
        let less = self.less_of(Some(k));
        let others = self.varieties.iter().enumerate().filter(|(other, _)| *other != k);
        others.map(|(_, (_, own))| moments(own, &less)).filter(|m| m.years > 0).collect()
    }

    /// By year, the changes of price and share that others are taken less of, without one variety's; none where there are none.
    fn less_of(&self, without: Option<usize>) -> Vec<Option<(f64, f64)>> {
        let mut sums = self.of_base.clone();
        if let Some(k) = without {
            self.varieties[k].1.iter().for_each(|change| sums[change.year].add(change, -1.0));
        }
        // A mean of one is the variety itself.
        let least = if self.base == Base::Mean { 2.0 } else { 1.0 };
        let mean = |s: &Sums| (s.count >= least).then(|| (s.price / s.count, s.share / s.count));
        sums.iter().map(mean).collect()
    }
}

fn moments(own: &[Change], less: &[Option<(f64, f64)>]) -> Moments {
    let mut moments = Moments::default();
    for change in own {
        let Some((price, share)) = less[change.year] else { continue };
        let (p, s) = (change.price - price, change.share - share);
        let row = [p * p, s * s, p * s];
        for (i, a) in row.iter().enumerate() {
            moments.sum[i] += a;
            row.iter().zip(&mut moments.squares[i]).for_each(|(b, cell)| *cell += a * b);
        }
        moments.years += 1;
        moments.inverse_quantity += change.inverse_quantity;
    }
    if moments.years > 0 {
        moments.inverse_quantity /= moments.years as f64;
    }
    moments
}
