//! From a panel to what the moments are made of: log relative prices, stocks of knowledge, instruments.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::{Panel, ShockSeries, SubstitutionError};

/// How stocks of knowledge are built from patents: perpetual inventory, `K[t+1] = (1-delta) K[t] + nu[t]`, from
/// `K[0] = nu / (delta + g)` with `nu` the mean flow of the first years.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stocks {
    /// Rate at which knowledge goes out of use.
    pub delta: f64,
    /// Growth of patenting before the first year.
    pub growth: f64,
    /// First years of a unit, which give its first stock and its weight and are not themselves in the sample.
    pub presample: usize,
}

impl Default for Stocks {
    /// `delta = 0.15`, `g = 0.03`, the usual values, and eight years.
    fn default() -> Self {
        Self { delta: 0.15, growth: 0.03, presample: 8 }
    }
}

impl Stocks {
    /// Stocks at the start of each year, `[year]`, of a flow.
    pub fn build(&self, flow: ArrayView1<'_, f64>) -> Array1<f64> {
        let first = flow.iter().take(self.presample.max(1));
        let mean = first.clone().sum::<f64>() / first.count().max(1) as f64;
        let mut stock = mean / (self.delta + self.growth);
        flow.iter()
            .map(|nu| {
                let now = stock;
                stock = (1.0 - self.delta) * stock + nu;
                now
            })
            .collect()
    }
}

/// One unit's years in the sample; arrays are over these.
pub(super) struct Series {
    /// Row of the unit in the panel.
    pub(super) row: usize,
    /// Positions of the years in the panel.
    pub(super) years: Vec<usize>,
    /// `ln(pR/x)`.
    pub(super) price: Array1<f64>,
    /// `ln(K_R/K_X)`.
    pub(super) stock: Array1<f64>,
    /// `nu_R / nu_X`, over its mean.
    pub(super) rate: Array1<f64>,
    /// `nu_R` and `nu_X`, each over its mean.
    pub(super) counts: (Array1<f64>, Array1<f64>),
    /// Mean patents on the critical input in the presample.
    pub(super) scale: f64,
    /// `ln(E_R/E_X)` in deviation from its mean.
    pub(super) spending: Option<Array1<f64>>,
    /// Instruments in deviation from their means, `[year, instrument]`.
    pub(super) instruments: Array2<f64>,
    /// The same for all series that share their instruments.
    pub(super) cell: usize,
}

/// Sector, market and years: what a unit's instruments depend on.
type Sharing = (usize, usize, Vec<usize>);

/// Years that a unit needs in the sample: one goes to its effect.
const LEAST: usize = 3;

/// The sample.
pub(super) struct Sample {
    pub(super) series: Vec<Series>,
    /// Row of the first year of each series among all unit-years.
    pub(super) first: Vec<usize>,
    /// Unit-years.
    pub(super) observations: usize,
    pub(super) instruments: Vec<String>,
    /// Units left out because they have no patent on the critical input in the presample or in the sample, or too few years.
    pub(super) dropped: usize,
}

impl Sample {
    pub(super) fn new(panel: &Panel, stocks: &Stocks) -> Result<Self, SubstitutionError> {
        panel.check()?;
        let total = panel.years.len();
        let setting = |problem: String| SubstitutionError::Setting { setting: "stocks", problem };
        if stocks.presample == 0 || stocks.presample + 3 > total {
            return Err(setting(format!(
                "{} of {total} years before the sample: leave at least one before and three in it",
                stocks.presample
            )));
        }
        if !(stocks.delta > 0.0 && stocks.delta <= 1.0 && stocks.growth > -stocks.delta) {
            return Err(setting(format!(
                "delta {} and g {}: delta must be above 0 and at most 1, delta + g above 0",
                stocks.delta, stocks.growth
            )));
        }
        let mut series = Vec::with_capacity(panel.units.len());
        // Units of a sector in a market with the same years share their instruments.
        let mut shared: BTreeMap<Sharing, (usize, Array2<f64>)> = BTreeMap::new();
        for (row, unit) in panel.units.iter().enumerate() {
            let Some((first, last)) = panel.patenting(row) else { continue };
            let flow = |counts: &Array2<f64>| -> Array1<f64> {
                counts.row(row).iter().take(last + 1).skip(first).copied().collect()
            };
            let (critical, other) = (flow(&panel.patents_critical), flow(&panel.patents_other));
            let start = first + stocks.presample;
            let years: Vec<usize> = (start..=last).filter(|t| panel.observed(row, *t)).collect();
            if years.len() < LEAST {
                continue;
            }
            let at = |values: &Array1<f64>| years.iter().map(|t| values[t - first]).collect::<Array1<f64>>();
            let scale = critical.iter().take(stocks.presample).sum::<f64>() / stocks.presample as f64;
            let counts = (at(&critical), at(&other));
            let rate = &counts.0 / &counts.1;
            let mean = rate.mean().unwrap_or(0.0);
            if scale == 0.0 || mean == 0.0 {
                continue;
            }
            let price = |t: &usize| (panel.price_critical[[row, *t]] / panel.price_other[[row, *t]]).ln();
            let known = [stocks.build(critical.view()), stocks.build(other.view())].map(|stock| at(&stock));
            for (what, stock) in ["the critical input", "anything else"].iter().zip(&known) {
                if let Some(k) = stock.iter().position(|stock| *stock <= 0.0) {
                    return Err(SubstitutionError::Panel {
                        problem: format!(
                            "{} has no stock of patents on {what} at the start of {}: drop the unit, leave its prices of that year \
                             empty, or give it earlier years of patents",
                            panel.unit_name(row),
                            panel.years[years[k]]
                        ),
                    });
                }
            }
            let stock = (&known[0] / &known[1]).mapv(f64::ln);
            let spending = panel.spending.as_ref().map(|(critical, other)| {
                let ratio: Array1<f64> =
                    years.iter().map(|t| (critical[[row, *t]] / other[[row, *t]]).ln()).collect();
                let mean = ratio.mean().unwrap_or(0.0);
                ratio - mean
            });
            let number = shared.len();
            let (cell, instruments) = shared
                .entry((unit.sector, unit.market, years.clone()))
                .or_insert_with(|| (number, instruments(panel, stocks, unit.sector, unit.market, &years)));
            series.push(Series {
                row,
                price: years.iter().map(price).collect(),
                stock,
                rate: rate / mean,
                counts: (over_mean(counts.0), over_mean(counts.1)),
                scale,
                spending,
                instruments: instruments.clone(),
                cell: *cell,
                years,
            });
        }
        let dropped = panel.units.len() - series.len();
        let mut observations = 0;
        let mut first = Vec::with_capacity(series.len());
        for one in &series {
            first.push(observations);
            observations += one.years.len();
        }
        Ok(Self { series, first, observations, instruments: names(panel), dropped })
    }

    /// By how much the variance of errors in deviation from their unit's mean is too small: every unit's mean takes one year.
    pub(super) fn within(&self) -> f64 {
        self.observations as f64 / (self.observations - self.series.len()) as f64
    }
}

fn over_mean(values: Array1<f64>) -> Array1<f64> {
    let mean = values.mean().unwrap_or(1.0);
    values / mean
}

/// Names of the instruments: each shock now, then the inventory of its past.
pub(super) fn names(panel: &Panel) -> Vec<String> {
    let now = panel.shocks.iter().map(|s| s.name.clone());
    now.chain(panel.shocks.iter().map(|s| format!("past {}", s.name))).collect()
}

/// The perpetual inventory of a shock's past, `sum_s ((1-delta)/(1+g))^s g[t-1-s]`.
pub(super) fn past(shock: ArrayView1<'_, f64>, stocks: &Stocks) -> Array1<f64> {
    let keep = (1.0 - stocks.delta) / (1.0 + stocks.growth);
    let mut sum = 0.0;
    shock
        .iter()
        .map(|g| {
            let before = sum;
            sum = keep * sum + g;
            before
        })
        .collect()
}

/// `g[element, year]` of a market in deviation from each element's mean.
pub(super) fn centred(series: &ShockSeries, market: usize) -> Array2<f64> {
    let shocks = series.values.index_axis(Axis(0), market);
    match shocks.mean_axis(Axis(1)) {
        Some(mean) => &shocks - &mean.insert_axis(Axis(1)),
        None => shocks.to_owned(),
    }
}

/// Instruments of a sector in a market, for some years, in deviation from their means.
fn instruments(panel: &Panel, stocks: &Stocks, sector: usize, market: usize, years: &[usize]) -> Array2<f64> {
    let mu = panel.exposure.row(sector);
    let count = panel.shocks.len();
    let mut all = Array2::zeros((years.len(), 2 * count));
    for (k, series) in panel.shocks.iter().enumerate() {
        let shock: Array1<f64> = mu.dot(&centred(series, market));
        for (column, values) in [(k, shock.clone()), (count + k, past(shock.view(), stocks))] {
            let chosen: Array1<f64> = years.iter().map(|t| values[*t]).collect();
            let mean = chosen.mean().unwrap_or(0.0);
            all.column_mut(column).assign(&(chosen - mean));
        }
    }
    all
}
