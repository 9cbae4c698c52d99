//! Element prices by year and market, with a stated rule for what is missing.
//!
//! Each cell is filled by the first rule that applies, and says which one it was ([`Fill`]):
//!
//! 1. the mean of the year, as quoted;
//! 2. the mean of the quotes at the two year-ends that bracket it;
//! 3. the mean of the quotes within it (quarters, months, days, its year-end), without value-added tax;
//! 4. the other market's price and the wedge between the two (see [`PriceTable::wedge`]);
//! 5. free on board: the companion element's price, at the ratio of the nearest year in which both are known by rules 1
//!    to 4;
//! 6. free on board: the nearest year's price, held.
//!
//! Domestic prices that no quote gives thus always come from rule 4. Before 2007 nothing is quoted, so every price there is
//! that of 2007: values before 2007 are at constant prices.
//!
//! `other` (Ho to Lu and unspecified) is priced at the mean of the named elements, weighted by tonnes used in 2008.

use std::ops::RangeInclusive;

use super::facts::QuoteKind;
use super::{Element, Facts, Market, RareEarthError, Status, element::words};

words! {
    /// Which rule filled a price; see the [module](self).
    Fill {
        /// A quoted annual mean.
        Annual = "annual mean",
        /// Mean of the two bracketing year-ends.
        YearEnds = "mean of year-ends",
        /// Mean of quotes within the year.
        Within = "mean of quotes within the year",
        /// The other market's price times or over the wedge.
        Wedge = "other market and wedge",
        /// The companion's movement.
        Companion = "companion element",
        /// The nearest year's price.
        Held = "nearest year",
        /// Mean over the named elements.
        Basket = "mean of named elements",
    }
}

/// One price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Current USD per kilogram of oxide, without value-added tax.
    pub usd_per_kg: f64,
    /// How it was filled.
    pub fill: Fill,
    /// Weakest status among its inputs, at least `derived` when filled.
    pub status: Status,
}

/// Last year in which exports were free of a binding quota before the restrictions: exports (43,895 t) were below quota
/// (50,145 t) in 2009, so the wedge between the markets was the export duty.
const UNBOUND_UNTIL: i32 = 2009;
/// First full year without quota and duty.
const UNBOUND_AGAIN: i32 = 2016;

/// Prices by year, market and element.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceTable {
    first: i32,
    /// `[year][market][element]`.
    cells: Vec<[[Price; Element::COUNT]; 2]>,
    /// `[year][element]`.
    wedges: Vec<[f64; Element::COUNT]>,
    tonnes: [f64; Element::COUNT],
}

/// Position of the market free on board in a row of the grid.
const FOB: usize = Market::Fob as usize;

type Cell = Option<Price>;
type Grid = Vec<[[Cell; Element::COUNT]; 2]>;

impl PriceTable {
    /// Fills the table for the given years.
    ///
    /// # Errors
    /// [`RareEarthError::Missing`] if an element in use has no quote in any year, market or companion.
    pub fn new(facts: &Facts, years: RangeInclusive<i32>) -> Result<Self, RareEarthError> {
        let (asked_first, asked_last) = (*years.start(), *years.end());
        if asked_first > asked_last {
            return Err(RareEarthError::Missing {
                what: format!("years in {asked_first}..={asked_last}"),
                hint: "give the first year first".to_owned(),
            });
        }
        // Quotes outside the years asked for still fill those inside.
        let quoted = facts.quotes.iter().map(|q| q.year);
        let first = quoted.clone().min().map_or(asked_first, |y| y.min(asked_first));
        let last = quoted.max().map_or(asked_last, |y| y.max(asked_last));
        let mut grid: Grid = (first..=last).map(|year| direct_year(facts, year)).collect();
        let wedges = fill_wedges(facts, &grid, first);
        fill_other_market(&mut grid, &wedges);
        fill_companions(facts, &mut grid);
        hold_nearest(&mut grid);
        fill_other_market(&mut grid, &wedges);
        let mut tonnes = [0.0; Element::COUNT];
        for end_use in &facts.end_uses {
            for (sum, t) in tonnes.iter_mut().zip(end_use.tonnes) {
                *sum += t;
            }
        }
        fill_other(&mut grid, &tonnes)?;
        let cells: Option<Vec<_>> = grid.iter().map(complete).collect();
        let cells = cells.ok_or_else(|| RareEarthError::Missing {
            what: "quote for some element in any year".to_owned(),
            hint: "add a row to prices.csv or a companion to price_companions.csv".to_owned(),
        })?;
        let skip = usize::try_from(asked_first - first).unwrap_or(0);
        let keep = usize::try_from(asked_last - asked_first + 1).unwrap_or(0);
        Ok(Self {
            first: asked_first,
            cells: cells.into_iter().skip(skip).take(keep).collect(),
            wedges: wedges.into_iter().skip(skip).take(keep).collect(),
            tonnes,
        })
    }

    /// Years covered.
    #[must_use]
    pub fn years(&self) -> RangeInclusive<i32> {
        self.first..=self.first + i32::try_from(self.cells.len()).unwrap_or(0) - 1
    }

    fn row(&self, year: i32) -> Result<usize, RareEarthError> {
        usize::try_from(year - self.first).ok().filter(|row| *row < self.cells.len()).ok_or_else(|| {
            RareEarthError::Missing {
                what: format!("prices for {year}"),
                hint: format!("this price table covers {:?}", self.years()),
            }
        })
    }

    /// A price and how it was filled.
    ///
    /// # Errors
    /// [`RareEarthError::Missing`] outside the years covered; so for every method that takes a year.
    pub fn price(&self, market: Market, year: i32, element: Element) -> Result<Price, RareEarthError> {
        Ok(self.row_of(market, year)?[element.index()])
    }

    /// Prices of all elements, USD per kilogram.
    ///
    /// # Errors
    /// As [`price`](Self::price).
    pub fn prices(&self, market: Market, year: i32) -> Result<[f64; Element::COUNT], RareEarthError> {
        Ok(self.row_of(market, year)?.map(|p| p.usd_per_kg))
    }

    /// All prices of a year and market, in the order of [`Element::ALL`].
    ///
    /// # Errors
    /// As [`price`](Self::price).
    pub fn row_of(&self, market: Market, year: i32) -> Result<&[Price; Element::COUNT], RareEarthError> {
        Ok(&self.cells[self.row(year)?][market as usize])
    }

    /// Mean price of a bundle, `sum_e q_e p_e / sum_e q_e`, USD per kilogram.
    ///
    /// # Errors
    /// As [`price`](Self::price).
    pub fn bundle(
        &self,
        market: Market,
        year: i32,
        tonnes: &[f64; Element::COUNT],
    ) -> Result<f64, RareEarthError> {
        let prices = self.prices(market, year)?;
        let total: f64 = tonnes.iter().sum();
        Ok(tonnes.iter().zip(prices).map(|(q, p)| q * p).sum::<f64>() / total)
    }

    /// The composite price: the bundle of the world's use in 2008.
    ///
    /// # Errors
    /// As [`price`](Self::price).
    pub fn composite(&self, market: Market, year: i32) -> Result<f64, RareEarthError> {
        self.bundle(market, year, &self.tonnes)
    }

    /// Weakest status among the prices of a year.
    ///
    /// # Errors
    /// As [`price`](Self::price).
    pub fn status(&self, market: Market, year: i32) -> Result<Status, RareEarthError> {
        Ok(self.row_of(market, year)?.iter().map(|p| p.status).max().unwrap_or(Status::Assumption))
    }

    /// Price outside China over price inside: duty and quota rent, 1 without either.
    ///
    /// Where both markets are quoted it is their ratio. Until 2009 the quota did not bind and it is one plus the duty;
    /// from 2016 there is neither; between, it is log-linear between the years in which it is known.
    ///
    /// # Errors
    /// As [`price`](Self::price).
    pub fn wedge(&self, year: i32, element: Element) -> Result<f64, RareEarthError> {
        Ok(self.wedges[self.row(year)?][element.index()])
    }
}

fn direct_year(facts: &Facts, year: i32) -> [[Cell; Element::COUNT]; 2] {
    [Market::Fob, Market::Domestic]
        .map(|market| Element::ALL.map(|element| direct(facts, market, year, element)))
}

/// Rules 1 to 3.
fn direct(facts: &Facts, market: Market, year: i32, element: Element) -> Cell {
    let quotes = || facts.quotes.iter().filter(|q| q.market == market && q.item == element.symbol());
    if let Some(q) = quotes().find(|q| q.kind == QuoteKind::Annual && q.year == year) {
        return Some(Price { usd_per_kg: q.net(), fill: Fill::Annual, status: q.status });
    }
    let end = |y| quotes().find(move |q| q.kind == QuoteKind::YearEnd && q.year == y);
    if let (Some(a), Some(b)) = (end(year - 1), end(year)) {
        return Some(Price {
            usd_per_kg: 0.5 * (a.net() + b.net()),
            fill: Fill::YearEnds,
            status: Status::Derived.max(a.status).max(b.status),
        });
    }
    let within: Vec<_> = quotes().filter(|q| q.year == year).collect();
    let status = within.iter().map(|q| q.status).max()?;
    let mean = within.iter().map(|q| q.net()).sum::<f64>() / within.len() as f64;
    Some(Price { usd_per_kg: mean, fill: Fill::Within, status: Status::Derived.max(status) })
}

fn fill_wedges(facts: &Facts, grid: &Grid, first: i32) -> Vec<[f64; Element::COUNT]> {
    let mut wedges = vec![[1.0; Element::COUNT]; grid.len()];
    for element in Element::ALL {
        let e = element.index();
        let known: Vec<Option<f64>> = (first..)
            .zip(grid)
            .map(|(year, cells)| match (cells[0][e], cells[1][e]) {
                (Some(fob), Some(domestic)) => Some((fob.usd_per_kg / domestic.usd_per_kg).ln()),
                _ if year <= UNBOUND_UNTIL => Some(facts.oxide_duty(element, year).0.ln_1p()),
                _ if year >= UNBOUND_AGAIN => Some(0.0),
                _ => None,
            })
            .collect();
        for (t, row) in wedges.iter_mut().enumerate() {
            row[e] = interpolate(&known, t).exp();
        }
    }
    wedges
}

/// Linear between the nearest known values, the nearest one outside them, zero when none is known.
pub(super) fn interpolate(known: &[Option<f64>], at: usize) -> f64 {
    let before = (0..=at).rev().find_map(|t| known.get(t).copied().flatten().map(|v| (t, v)));
    let after = (at..known.len()).find_map(|t| known.get(t).copied().flatten().map(|v| (t, v)));
    match (before, after) {
        (Some((a, x)), Some((b, y))) if b > a => x + (y - x) * (at - a) as f64 / (b - a) as f64,
        (Some((_, x)), _) | (None, Some((_, x))) => x,
        (None, None) => 0.0,
    }
}

/// Rule 4.
fn fill_other_market(grid: &mut Grid, wedges: &[[f64; Element::COUNT]]) {
    for (cells, wedge) in grid.iter_mut().zip(wedges) {
        for e in 0..Element::COUNT {
            let filled = |from: Price, factor: f64| {
                Some(Price {
                    usd_per_kg: from.usd_per_kg * factor,
                    fill: Fill::Wedge,
                    status: Status::Derived.max(from.status),
                })
            };
            match (cells[0][e], cells[1][e]) {
                (Some(fob), None) => cells[1][e] = filled(fob, 1.0 / wedge[e]),
                (None, Some(domestic)) => cells[0][e] = filled(domestic, wedge[e]),
                _ => {}
            }
        }
    }
}

/// Rule 5.
fn fill_companions(facts: &Facts, grid: &mut Grid) {
    let known: Vec<[Cell; Element::COUNT]> = grid.iter().map(|cells| cells[FOB]).collect();
    for pair in &facts.companions {
        let (e, c) = (pair.element.index(), pair.companion.index());
        let both = |t: usize| Some((known.get(t)?[e]?, known.get(t)?[c]?));
        for t in 0..known.len() {
            let (None, Some(now)) = (known[t][e], known[t][c]) else { continue };
            let nearest = (0..known.len()).filter(|s| both(*s).is_some()).min_by_key(|s| s.abs_diff(t));
            if let Some((own, companion)) = nearest.and_then(both) {
                grid[t][FOB][e] = Some(Price {
                    usd_per_kg: own.usd_per_kg * now.usd_per_kg / companion.usd_per_kg,
                    fill: Fill::Companion,
                    status: Status::Assumption,
                });
            }
        }
    }
}

/// Rule 6.
fn hold_nearest(grid: &mut Grid) {
    let known: Vec<[Cell; Element::COUNT]> = grid.iter().map(|cells| cells[FOB]).collect();
    for e in 0..Element::COUNT {
        for t in (0..known.len()).filter(|t| known[*t][e].is_none()) {
            let nearest = (0..known.len()).filter(|s| known[*s][e].is_some()).min_by_key(|s| s.abs_diff(t));
            grid[t][FOB][e] = nearest.and_then(|s| known[s][e]).map(|p| Price {
                fill: Fill::Held,
                status: Status::Assumption,
                ..p
            });
        }
    }
}

fn fill_other(grid: &mut Grid, tonnes: &[f64; Element::COUNT]) -> Result<(), RareEarthError> {
    let other = Element::Other.index();
    for cells in grid.iter_mut().flatten() {
        if cells[other].is_some() {
            continue;
        }
        let (mut value, mut weight, mut status) = (0.0, 0.0, Status::Derived);
        for e in (0..Element::COUNT).filter(|e| *e != other) {
            match cells[e] {
                Some(price) => {
                    value += tonnes[e] * price.usd_per_kg;
                    weight += tonnes[e];
                    status = status.max(price.status);
                }
                // an element that nobody uses needs no price
                None if tonnes[e] == 0.0 => {}
                None => {
                    return Err(RareEarthError::Missing {
                        what: format!("quote for {} in any year", Element::ALL[e]),
                        hint: "add a row to prices.csv or a companion to price_companions.csv".to_owned(),
                    });
                }
            }
        }
        if weight <= 0.0 {
            return Err(RareEarthError::Missing {
                what: "tonnes of any named element".to_owned(),
                hint: "see end_uses.csv".to_owned(),
            });
        }
        let basket = Price { usd_per_kg: value / weight, fill: Fill::Basket, status };
        for cell in cells.iter_mut().filter(|c| c.is_none()) {
            *cell = Some(basket);
        }
    }
    Ok(())
}

fn complete(cells: &[[Cell; Element::COUNT]; 2]) -> Option<[[Price; Element::COUNT]; 2]> {
    let all = cells.iter().flatten().all(Option::is_some);
    let price =
        |cell: Cell| cell.unwrap_or(Price { usd_per_kg: 0.0, fill: Fill::Held, status: Status::Assumption });
    all.then(|| cells.map(|market| market.map(price)))
}
