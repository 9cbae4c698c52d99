//! The OECD's Inter-Country Input-Output tables, in the wide CSV layout in which they are published.
//!
//! # Layout
//! One file a year. The header's first cell is free; then `COU_INDUSTRY` for every country and industry, `COU_CATEGORY` for every
//! country and final use (`HFCE`, `NPISH`, `GGFC`, `GFCF`, `INVNT`, `DPABR`, ..), and a total (`OUT`, `OUTPUT` or `TOTAL`). Rows are
//! `COU_INDUSTRY`, then taxes less subsidies (`TLS`, or `COU_TAXSUB` in older editions), value added (`VA` or `VALU`) and output (`OUT` or
//! `OUTPUT`). Values are million USD at basic prices.
//!
//! Industries are the codes that occur in rows; other codes of columns are final uses. The split parts of China and Mexico
//! (`CN1`, `CN2`, `MX1`, ..) are added up to `CHN` and `MEX`.
//!
//! Factors are `taxes less subsidies` and `value added`. Taxes on final uses are not part of a table at basic prices and are
//! left out. Published values are rounded: value added takes what is left of output, and a table in which that is more than
//! [`RESIDUAL_TOLERANCE`] of an industry's output is refused.

use crate::source::{CsvFile, LoadError};
use crate::table::{TableParts, WorldTable};
use ndarray::{Array1, Array2, Axis};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// Largest difference between an industry's costs and its output, relative to the latter (industries under one million USD
/// are not held to it).
pub const RESIDUAL_TOLERANCE: f64 = 1e-3;

const UNIT: &str = "million current USD";

/// Loads one year's file; `.gz` is unpacked.
///
/// # Errors
/// [`LoadError`] naming line and column, or the industry that does not balance.
pub fn load(path: &Path, year: i32) -> Result<WorldTable, LoadError> {
    from_file(&CsvFile::open(path)?, year)
}

/// As [`load`], from CSV text; `path` is for error messages.
///
/// # Errors
/// As [`load`].
pub fn from_reader(path: &Path, reader: impl Read, year: i32) -> Result<WorldTable, LoadError> {
    from_file(&CsvFile::from_reader(path, reader)?, year)
}

/// What a row is.
enum Kind {
    Industry(usize, usize),
    Taxes,
    ValueAdded,
    Output,
}

/// Labels in order of appearance.
#[derive(Default)]
struct Labels {
    names: Vec<String>,
    at: HashMap<String, usize>,
}

impl Labels {
    fn position(&mut self, name: &str) -> usize {
        if let Some(&at) = self.at.get(name) {
            return at;
        }
        self.names.push(name.to_owned());
        self.at.insert(name.to_owned(), self.names.len() - 1);
        self.names.len() - 1
    }
}

fn from_file(file: &CsvFile, year: i32) -> Result<WorldTable, LoadError> {
    let (mut countries, mut sectors) = (Labels::default(), Labels::default());
    let mut kinds = Vec::with_capacity(file.rows().len());
    for row in file.rows() {
        let label = row.text(0);
        kinds.push(match label {
            "OUT" | "OUTPUT" => Kind::Output,
            "VA" | "VALU" => Kind::ValueAdded,
            "TLS" => Kind::Taxes,
            _ => match split(label) {
                Some((_, "TAXSUB")) => Kind::Taxes,
                Some((country, sector)) => {
                    Kind::Industry(countries.position(country), sectors.position(sector))
                }
                None => return Err(row.bad(0, "COUNTRY_INDUSTRY, TLS, VA or OUT")),
            },
        });
    }
    if sectors.names.is_empty() {
        return Err(file.missing("any industry (rows named COUNTRY_INDUSTRY)"));
    }
    if !kinds.iter().any(|kind| matches!(kind, Kind::ValueAdded)) {
        return Err(file.missing("the row of value added (VA or VALU)"));
    }

    // Where every column goes: an industry, a final use, or nowhere (totals).
    let mut categories = Labels::default();
    let mut industry_columns = Vec::new();
    let mut final_columns = Vec::new();
    for (column, header) in file.headers().iter().enumerate().skip(1) {
        if matches!(header.as_str(), "OUT" | "OUTPUT" | "TOTAL") {
            continue;
        }
        let unknown =
            || file.inconsistent(format!("column `{header}` is no COUNTRY_INDUSTRY or COUNTRY_CATEGORY"));
        let (country, code) = split(header).ok_or_else(unknown)?;
        let country = countries.at.get(country).copied().ok_or_else(unknown)?;
        match sectors.at.get(code) {
            Some(&sector) => industry_columns.push((column, country * sectors.names.len() + sector)),
            None => final_columns.push((column, country, categories.position(code))),
        }
    }
    let (s, g) = (sectors.names.len(), categories.names.len());
    let size = countries.names.len() * s;
    if size > crate::table_csv::MAX_INDUSTRIES {
        return Err(file.inconsistent(format!("{size} industries; check the labels of rows")));
    }
    let mut intermediate = Array2::<f64>::zeros((size, size));
    let mut final_demand = Array2::<f64>::zeros((size, countries.names.len() * g));
    let mut payments = Array2::<f64>::zeros((2, size));
    let mut published = Array1::from_elem(size, f64::NAN);
    for (row, kind) in file.rows().zip(&kinds) {
        match kind {
            Kind::Industry(country, sector) => {
                let at = country * s + sector;
                for &(column, to) in &industry_columns {
                    intermediate[[at, to]] += row.number(column)?;
                }
                for &(column, buyer, category) in &final_columns {
                    final_demand[[at, buyer * g + category]] += row.number(column)?;
                }
            }
            Kind::Taxes | Kind::ValueAdded => {
                let factor = usize::from(matches!(kind, Kind::ValueAdded));
                for &(column, to) in &industry_columns {
                    payments[[factor, to]] += row.number(column)?;
                }
            }
            Kind::Output => {
                published.fill(0.0);
                for &(column, to) in &industry_columns {
                    published[to] += row.number(column)?;
                }
            }
        }
    }

    let output = intermediate.sum_axis(Axis(1)) + final_demand.sum_axis(Axis(1));
    let cost = intermediate.sum_axis(Axis(0)) + payments.sum_axis(Axis(0));
    let name = |at: usize| format!("{}_{}", countries.names[at / s], sectors.names[at % s]);
    for at in 0..size {
        let allowed = RESIDUAL_TOLERANCE * output[at].abs().max(1.0);
        for (other, what) in [(cost[at], "its costs are"), (published[at], "the published output is")] {
            if (other - output[at]).abs() > allowed {
                return Err(file.inconsistent(format!(
                    "{} sells {}, but {what} {other}",
                    name(at),
                    output[at]
                )));
            }
        }
        payments[[1, at]] += output[at] - cost[at];
    }
    let path = file.path();
    WorldTable::new(TableParts {
        countries: countries.names,
        sectors: sectors.names,
        year,
        unit: UNIT.to_owned(),
        factors: vec!["taxes less subsidies".to_owned(), "value added".to_owned()],
        final_categories: categories.names,
        intermediate,
        final_demand,
        factor_payments: payments,
    })
    .map_err(LoadError::table(path))
}

/// Country and code of a label, the parts of China and Mexico under their country.
fn split(label: &str) -> Option<(&str, &str)> {
    let (country, code) = label.split_once('_')?;
    let part_of = |prefix: &str| country.strip_prefix(prefix).is_some_and(|rest| rest.parse::<u8>().is_ok());
    let country = match country {
        _ if part_of("CN") => "CHN",
        _ if part_of("MX") => "MEX",
        _ => country,
    };
    (!country.is_empty() && !code.is_empty()).then_some((country, code))
}
