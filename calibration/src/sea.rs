//! WIOD's Socio-Economic Accounts, 2013 release: 40 countries, 35 industries and their total, 1995-2011, local currency.
//!
//! One file, `wiod_sea_2013.csv` or `.csv.gz`: `country,variable,industry` and one column for each year, empty where
//! missing. Variables used here: `GO`, `II`, `VA` (gross output, intermediate inputs, value added, million local currency),
//! `LAB` and `CAP` (compensation of labour and capital, `LAB + CAP = VA`), `LABHS`, `LABMS`, `LABLS` (shares of high-, medium- and
//! low-skilled labour in `LAB`), `VA_QI` (volume index of value added), `H_EMP` (hours) and `K_GFCF` (real fixed capital stock).
//! Most of these end in 2009.

use crate::source::{CsvFile, LoadError};
use crate::table::{TableError, WorldTable};
use ndarray::{Array1, Array2};
use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::Path;

/// The factors of [`Sea::factor_shares`].
pub const FACTORS: [&str; 4] = ["capital", "labour_high", "labour_medium", "labour_low"];

/// Code of the sum over industries.
pub const TOTAL: &str = "TOT";

/// The accounts.
#[derive(Debug, Clone)]
pub struct Sea {
    years: Vec<i32>,
    /// `(country, variable, industry)` to values by year, NaN where missing.
    series: HashMap<(String, String, String), Vec<f64>>,
}

/// Local currency per USD of a country, from gross output over the output of an input-output table in USD.
#[derive(Debug, Clone, PartialEq)]
pub struct ExchangeRate {
    /// Country code.
    pub country: String,
    /// Local currency units per USD.
    pub rate: f64,
    /// Largest relative deviation of an industry's own ratio from `rate`, over industries above 1,000 million USD (smaller
    /// ones are dominated by the truncation of the table).
    pub dispersion: f64,
}

/// Shares of factors in value added, fitted to a table.
#[derive(Debug, Clone, PartialEq)]
pub struct FactorShares {
    /// Shares `[factor, industry]`, in the order of [`FACTORS`] and of the table's industries; columns sum to one.
    pub shares: Array2<f64>,
    /// Industries, as `country.sector`, whose shares are of an earlier year, the last that has them.
    pub earlier: Vec<String>,
    /// Industries, as `country.sector`, that the accounts do not cover: they have the mean shares of their sector over the
    /// other countries, weighted with value added.
    pub filled: Vec<String>,
    /// Industries whose labour costs exceed value added: they have no capital.
    pub without_capital: Vec<String>,
}

impl Sea {
    /// Loads `wiod_sea_2013.csv.gz` or `wiod_sea_2013.csv` from `folder`.
    ///
    /// # Errors
    /// [`LoadError`] naming line and column.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        let packed = folder.join("wiod_sea_2013.csv.gz");
        let path = if packed.exists() { packed } else { folder.join("wiod_sea_2013.csv") };
        Self::from_file(&CsvFile::open(&path)?)
    }

    /// Reads the accounts from CSV text; `path` is for error messages.
    ///
    /// # Errors
    /// As [`Sea::load`].
    pub fn from_reader(path: &Path, reader: impl Read) -> Result<Self, LoadError> {
        Self::from_file(&CsvFile::from_reader(path, reader)?)
    }

    fn from_file(file: &CsvFile) -> Result<Self, LoadError> {
        let [country, variable, industry] = file.columns(["country", "variable", "industry"])?;
        let mut years: Vec<(i32, usize)> = file
            .headers()
            .iter()
            .enumerate()
            .filter_map(|(column, header)| header.parse().ok().map(|year| (year, column)))
            .collect();
        years.sort_unstable();
        if years.is_empty() {
            return Err(file.missing("any year (columns named by a year)"));
        }
        let mut series = HashMap::with_capacity(file.rows().len());
        for row in file.rows() {
            let key =
                (row.text(country).to_owned(), row.text(variable).to_owned(), row.text(industry).to_owned());
            let values = years
                .iter()
                .map(|(_, column)| Ok(row.optional(*column)?.unwrap_or(f64::NAN)))
                .collect::<Result<Vec<_>, LoadError>>()?;
            if series.contains_key(&key) {
                return Err(row.duplicate(format!("{}, {}, {}", key.0, key.1, key.2)));
            }
            series.insert(key, values);
        }
        Ok(Self { years: years.into_iter().map(|(year, _)| year).collect(), series })
    }

    /// Years of the accounts, ascending.
    pub fn years(&self) -> &[i32] {
        &self.years
    }

    /// One value; `None` where it is missing.
    pub fn value(&self, country: &str, variable: &str, industry: &str, year: i32) -> Option<f64> {
        let at = self.years.binary_search(&year).ok()?;
        let key = (country.to_owned(), variable.to_owned(), industry.to_owned());
        self.series.get(&key).and_then(|values| values.get(at)).copied().filter(|value| value.is_finite())
    }

    /// Every country and industry of the accounts, in alphabetical order, [`TOTAL`] included.
    pub fn industries(&self) -> Vec<(String, String)> {
        let pairs: BTreeSet<(String, String)> =
            self.series.keys().map(|(country, _, industry)| (country.clone(), industry.clone())).collect();
        pairs.into_iter().collect()
    }

    /// Total factor productivity in value added over `years` (ascending), the first with data = 1; NaN from the first gap on.
    ///
    /// A Tornqvist index with hours and the real capital stock:
    /// `d ln A = d ln VA_QI - s d ln H_EMP - (1 - s) d ln K_GFCF`, `s` the mean of labour's shares `LAB / VA` of the two years, at most
    /// one.
    pub fn productivity(&self, country: &str, industry: &str, years: &[i32]) -> Vec<f64> {
        let logs: Vec<Option<[f64; 4]>> = years
            .iter()
            .map(|&year| {
                let value = |variable: &str| {
                    self.value(country, variable, industry, year).filter(|value| *value > 0.0)
                };
                let share = (value("LAB")? / value("VA")?).min(1.0);
                Some([value("VA_QI")?.ln(), value("H_EMP")?.ln(), value("K_GFCF")?.ln(), share])
            })
            .collect();
        let mut index = vec![f64::NAN; years.len()];
        let Some(first) = logs.iter().position(Option::is_some) else { return index };
        let mut level = 0.0;
        for (t, now) in logs.iter().enumerate().skip(first) {
            let Some(now) = now else { break };
            if let Some(Some(before)) = t.checked_sub(1).and_then(|t| logs.get(t)) {
                let share = 0.5 * (now[3] + before[3]);
                level += (now[0] - before[0])
                    - share * (now[1] - before[1])
                    - (1.0 - share) * (now[2] - before[2]);
            }
            index[t] = f64::exp(level);
        }
        index
    }

    /// The exchange rate of every country of `table` that the accounts cover, from output as published (`[N*S]`, million USD,
    /// see [`crate::wiod::Wiod::published_output`]) in the table's year.
    ///
    /// # Errors
    /// [`TableError::Length`] if `output` is not the table's.
    pub fn exchange_rates(
        &self,
        table: &WorldTable,
        output: &Array1<f64>,
    ) -> Result<Vec<ExchangeRate>, TableError> {
        if output.len() != table.output().len() {
            let (found, expected) = (output.len(), table.output().len());
            return Err(TableError::Length { what: "published output", found, expected });
        }
        let mut rates = Vec::new();
        for (position, country) in table.countries().iter().enumerate() {
            let pairs: Vec<(f64, f64)> = table
                .sectors()
                .iter()
                .enumerate()
                .filter_map(|(sector, industry)| {
                    let local = self.value(country, "GO", industry, table.year())?;
                    let dollars = output[table.index(position, sector)];
                    (dollars > 0.0 && local > 0.0).then_some((local, dollars))
                })
                .collect();
            let dollars: f64 = pairs.iter().map(|(_, dollars)| dollars).sum();
            if dollars > 0.0 {
                let rate = pairs.iter().map(|(local, _)| local).sum::<f64>() / dollars;
                let dispersion = pairs
                    .iter()
                    .filter(|(_, dollars)| *dollars > 1_000.0)
                    .map(|(local, dollars)| (local / dollars / rate - 1.0).abs())
                    .fold(0.0, f64::max);
                rates.push(ExchangeRate { country: country.clone(), rate, dispersion });
            }
        }
        Ok(rates)
    }

    /// Shares of capital and of high-, medium- and low-skilled labour in the value added of every industry of `table`.
    ///
    /// Labour's share is `LAB / VA`, at most one (the self-employed are imputed a wage that may exceed what is there); capital
    /// has the rest; labour is split by skill shares. Where the table's year has no labour, the last year before it that has
    /// is taken (skills end in 2009). What the accounts do not cover at all has the mean of its sector.
    /// [`WorldTable::with_factor_shares`] applies them: levels stay the table's.
    ///
    pub fn factor_shares(&self, table: &WorldTable) -> FactorShares {
        let (n, s) = (table.n_countries(), table.n_sectors());
        let mut shares = Array2::from_elem((FACTORS.len(), n * s), f64::NAN);
        let (mut without_capital, mut earlier) = (Vec::new(), Vec::new());
        for (position, country) in table.countries().iter().enumerate() {
            for (sector, industry) in table.sectors().iter().enumerate() {
                let index = table.index(position, sector);
                let years = self.years.iter().rev().copied().filter(|year| *year <= table.year());
                let last =
                    years.filter_map(|year| Some((year, self.shares_of(country, industry, year)?))).next();
                if let Some((year, (own, capped))) = last {
                    shares.column_mut(index).assign(&Array1::from(own.to_vec()));
                    if capped {
                        without_capital.push(table.industry_label(index));
                    }
                    if year < table.year() {
                        earlier.push(table.industry_label(index));
                    }
                }
            }
        }
        let weights = table.value_added().mapv(|value| value.max(0.0));
        let overall = mean(&shares, &weights, 0..n * s);
        let mut filled = Vec::new();
        for sector in 0..s {
            let of_sector = mean(&shares, &weights, (0..n).map(|country| country * s + sector)).or(overall);
            for country in 0..n {
                let index = table.index(country, sector);
                if shares[[0, index]].is_nan() {
                    let fill = of_sector.unwrap_or([1.0, 0.0, 0.0, 0.0]);
                    shares.column_mut(index).assign(&Array1::from(fill.to_vec()));
                    filled.push(table.industry_label(index));
                }
            }
        }
        FactorShares { shares, earlier, filled, without_capital }
    }

    /// Shares in the order of [`FACTORS`], and whether labour was cut to value added.
    fn shares_of(&self, country: &str, industry: &str, year: i32) -> Option<([f64; 4], bool)> {
        let value = |variable: &str| self.value(country, variable, industry, year);
        let (added, labour) = (value("VA")?, value("LAB")?);
        let skills = [value("LABHS")?, value("LABMS")?, value("LABLS")?];
        let sum: f64 = skills.iter().sum();
        if added <= 0.0 || labour < 0.0 || sum <= 0.0 || skills.iter().any(|share| *share < 0.0) {
            return None;
        }
        let share = (labour / added).min(1.0);
        let [high, medium, low] = skills.map(|skill| share * skill / sum);
        Some(([1.0 - share, high, medium, low], labour > added))
    }
}

/// The weighted mean of the columns that are there.
fn mean(
    shares: &Array2<f64>,
    weights: &Array1<f64>,
    columns: impl Iterator<Item = usize>,
) -> Option<[f64; 4]> {
    let (mut sums, mut total) = ([0.0; 4], 0.0);
    for column in columns.filter(|column| !shares[[0, *column]].is_nan()) {
        for (factor, sum) in sums.iter_mut().enumerate() {
            *sum += weights[column] * shares[[factor, column]];
        }
        total += weights[column];
    }
    (total > 0.0).then(|| sums.map(|sum| sum / total))
}
