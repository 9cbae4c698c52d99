//! Panels of unit values: what each exporter sold of a good in a market, by year. A CSV file has the columns
//!
//! ```text
//! importer,good,exporter,year,value,quantity
//! ```
//!
//! `value` and `quantity` are positive, in any units that are the same within an importer and good. A variety is an exporter; a
//! market is an importer and good. Exporters may come and go: a year without sales has no row. Whatever [`simulate`] makes is
//! simulated, the panel that the crate ships among it ([`shipped`], `data/unit_values`).

mod panel;

use crate::source::{CsvFile, LoadError};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::path::Path;

pub(crate) use panel::build;
pub use panel::{Good, shipped, truth};

/// What an exporter sold in a year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sale {
    /// Value.
    pub value: f64,
    /// Quantity.
    pub quantity: f64,
}

/// A market: sales by exporter and year.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Market {
    /// Sales by exporter, then year.
    pub varieties: BTreeMap<String, BTreeMap<i32, Sale>>,
}

/// What a market is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarketName {
    /// Who buys.
    pub importer: String,
    /// What.
    pub good: String,
}

impl std::fmt::Display for MarketName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.importer, self.good)
    }
}

/// Markets by name.
pub type Markets = BTreeMap<MarketName, Market>;

/// Loads a panel; `.gz` is unpacked.
///
/// # Errors
/// [`LoadError`] naming line and column, a value or quantity that is not positive, a row that occurs twice.
pub fn load(path: &Path) -> Result<Markets, LoadError> {
    from_file(&CsvFile::open(path)?)
}

/// Reads a panel from CSV text; the path is for error messages.
///
/// # Errors
/// As [`load`].
pub fn from_reader(path: &Path, reader: impl Read) -> Result<Markets, LoadError> {
    from_file(&CsvFile::from_reader(path, reader)?)
}

fn from_file(file: &CsvFile) -> Result<Markets, LoadError> {
    let [importer, good, exporter, year, value, quantity] =
        file.columns(["importer", "good", "exporter", "year", "value", "quantity"])?;
    let mut markets = Markets::new();
    let mut seen = HashSet::new();
    for row in file.rows() {
        let sale = Sale { value: row.number(value)?, quantity: row.number(quantity)? };
        if sale.value <= 0.0 {
            return Err(row.bad(value, "a positive number"));
        }
        if sale.quantity <= 0.0 {
            return Err(row.bad(quantity, "a positive number"));
        }
        let market = MarketName { importer: row.text(importer).to_owned(), good: row.text(good).to_owned() };
        let key = (market.clone(), row.text(exporter), row.year(year)?);
        if !seen.insert(key) {
            return Err(row.duplicate([importer, good, exporter, year].map(|c| row.text(c)).join(", ")));
        }
        let variety = markets.entry(market).or_default().varieties.entry(row.text(exporter).to_owned());
        variety.or_default().insert(row.year(year)?, sale);
    }
    Ok(markets)
}

/// A market to simulate: demand `ln s = -(sigma - 1) ln p + d`, supply `ln p = omega / (1 + omega) ln s + z`, with random walks
/// `d` and `z` whose yearly changes have standard deviations that differ by variety, uniform over the ranges given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    /// Elasticity of substitution.
    pub sigma: f64,
    /// Inverse elasticity of supply.
    pub omega: f64,
    /// Exporters.
    pub varieties: usize,
    /// Years.
    pub years: usize,
    /// Range of the standard deviation of changes in demand.
    pub demand: (f64, f64),
    /// Range of the standard deviation of changes in supply.
    pub supply: (f64, f64),
    /// Probability that an exporter that sells does not in the next year, and that one that does not sell does. All sell in the
    /// first year.
    pub turnover: f64,
}

impl Default for Design {
    fn default() -> Self {
        Self {
            sigma: 3.0,
            omega: 0.5,
            varieties: 30,
            years: 15,
            demand: (0.1, 0.8),
            supply: (0.05, 0.4),
            turnover: 0.0,
        }
    }
}

impl Design {
    /// `rho = omega (sigma - 1) / (1 + omega sigma)`, Feenstra's second parameter.
    pub fn rho(&self) -> f64 {
        self.omega * (self.sigma - 1.0) / (1.0 + self.omega * self.sigma)
    }
}

/// A simulated market.
pub fn simulate(design: &Design, seed: u64) -> Market {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    // A stream of its own, so that shocks are the same whoever sells.
    let mut comings = Xoshiro256PlusPlus::seed_from_u64(!seed);
    let slope = design.omega / (1.0 + design.omega);
    let mut market = Market::default();
    for variety in 0..design.varieties {
        let mut between = |(low, high): (f64, f64)| low + (high - low) * rng.random::<f64>();
        let (of_demand, of_supply) = (between(design.demand), between(design.supply));
        let (mut d, mut z, mut sells) = (0.0, 0.0, true);
        let mut sales = BTreeMap::new();
        for year in 0..design.years {
            let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
            d += of_demand * normal();
            z += of_supply * normal();
            let price = (slope * d + z) / (1.0 + slope * (design.sigma - 1.0));
            let value = (d - (design.sigma - 1.0) * price).exp();
            if year > 0 && comings.random::<f64>() < design.turnover {
                sells = !sells;
            }
            if sells {
                sales.insert(2000 + year as i32, Sale { value, quantity: value / price.exp() });
            }
        }
        market.varieties.insert(format!("S{variety:02}"), sales);
    }
    market
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_checked() {
        let read = |rows: &str| {
            let text = format!("importer,good,exporter,year,value,quantity\n{rows}");
            from_reader(Path::new("u.csv"), text.as_bytes())
        };
        let markets = read("USA,1,CHN,2001,2,4\nUSA,1,CHN,2002,3,4\nUSA,2,DEU,2001,1,1\n").unwrap();
        let names: Vec<String> = markets.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["USA 1", "USA 2"]);
        for (rows, words) in [
            ("USA,1,CHN,2001,0,4\n", "positive"),
            ("USA,1,CHN,2001,2,-1\n", "positive"),
            ("USA,1,CHN,2001,2,4\nUSA,1,CHN,2001,2,5\n", "second row"),
            ("USA,1,CHN,soon,2,4\n", "whole number"),
            ("USA,1,CHN,2000,2,4\nUSA,1,CHN,2000000000,2,4\n", "a year"),
        ] {
            let error = read(rows).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("line"), "{error}");
        }
    }
}
