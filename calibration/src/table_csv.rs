//! A multi-region input-output table as one CSV file in long form: how a user brings a table of their own.
//!
//! # Columns
//! `from_country,from,to_country,to,value`, one row for each flow; flows that are zero need no row; further columns are
//! ignored.
//!
//! | row | `from_country` | `from` | `to_country` | `to` |
//! |---|---|---|---|---|
//! | an industry sells to an industry | seller's country | seller's sector | buyer's country | buyer's sector |
//! | an industry sells to a final user | seller's country | seller's sector | buyer's country | final-demand category |
//! | a factor is paid | empty | factor | industry's country | industry's sector |
//!
//! Sectors are the names in `from` of rows with a `from_country`; any other name in `to` is a final-demand category. Labels come
//! in the order in which they first occur. Without any factor row, value added is the residual of every industry and the
//! one factor is `value added`; with them, the table must balance as it is.
//!
//! ```csv
//! from_country,from,to_country,to,value
//! CHN,Mining,CHN,Metals,12.5
//! CHN,Metals,JPN,Machinery,3
//! JPN,Machinery,JPN,consumption,40
//! ,labour,JPN,Machinery,37
//! ```

use crate::source::{CsvFile, LoadError, positions};
use crate::table::{TableParts, WorldTable};
use ndarray::{Array2, Axis};
use std::collections::HashSet;
use std::fmt::Write;
use std::io::Read;
use std::path::Path;

/// The name of value added when the file has no factors.
pub const VALUE_ADDED: &str = "value added";

/// A table of this many industries would not fit into memory twice; more are a sign of a wrong column.
pub(crate) const MAX_INDUSTRIES: usize = 20_000;

/// Loads a table; `.gz` is unpacked. Year and unit are not in the file.
///
/// # Errors
/// [`LoadError`] naming line and column, or the industry that does not balance.
pub fn load(path: &Path, year: i32, unit: &str) -> Result<WorldTable, LoadError> {
    from_file(&CsvFile::open(path)?, year, unit)
}

/// As [`load`], from CSV text; `path` is for error messages.
///
/// # Errors
/// As [`load`].
pub fn from_reader(path: &Path, reader: impl Read, year: i32, unit: &str) -> Result<WorldTable, LoadError> {
    from_file(&CsvFile::from_reader(path, reader)?, year, unit)
}

fn from_file(file: &CsvFile, year: i32, unit: &str) -> Result<WorldTable, LoadError> {
    let [seller_country, seller, buyer_country, buyer, value] =
        file.columns(["from_country", "from", "to_country", "to", "value"])?;
    let distinct = |values: &mut dyn Iterator<Item = &str>| {
        let mut seen = HashSet::new();
        values.filter(|label| seen.insert(*label)).map(str::to_owned).collect::<Vec<String>>()
    };
    let sale = |row: &crate::source::Row<'_>| !row.text(seller_country).is_empty();
    let countries = distinct(&mut file.rows().flat_map(|row| {
        [row.text(seller_country), row.text(buyer_country)].into_iter().filter(|label| !label.is_empty())
    }));
    let sectors = distinct(&mut file.rows().filter(sale).map(|row| row.text(seller)));
    let mut factors = distinct(&mut file.rows().filter(|row| !sale(row)).map(|row| row.text(seller)));
    let known: HashSet<&str> = sectors.iter().map(String::as_str).collect();
    let categories =
        distinct(&mut file.rows().filter(sale).map(|row| row.text(buyer)).filter(|to| !known.contains(to)));
    let size = countries.len() * sectors.len();
    if size > MAX_INDUSTRIES {
        return Err(file.inconsistent(format!("{size} industries; check the columns from_country and from")));
    }

    let country_at = positions(&countries);
    let (sector_at, category_at, factor_at) =
        (positions(&sectors), positions(&categories), positions(&factors));
    let mut intermediate = Array2::zeros((size, size));
    let mut final_demand = Array2::zeros((size, countries.len() * categories.len()));
    let mut payments = Array2::zeros((factors.len().max(1), size));
    let mut seen = HashSet::new();
    for row in file.rows() {
        let key = [seller_country, seller, buyer_country, buyer].map(|column| row.text(column));
        for (label, column) in key.iter().zip([seller_country, seller, buyer_country, buyer]) {
            if label.is_empty() && column != seller_country {
                return Err(row.bad(column, "a label"));
            }
        }
        if !seen.insert(key) {
            return Err(row.duplicate(key.join(", ")));
        }
        let amount = row.number(value)?;
        let to_country = row.label(buyer_country, "country", &country_at)?;
        if !sale(&row) {
            let column = to_country * sectors.len() + row.label(buyer, "sector", &sector_at)?;
            payments[[row.label(seller, "factor", &factor_at)?, column]] = amount;
            continue;
        }
        let from = row.label(seller_country, "country", &country_at)? * sectors.len()
            + row.label(seller, "sector", &sector_at)?;
        match sector_at.get(row.text(buyer)) {
            Some(sector) => intermediate[[from, to_country * sectors.len() + sector]] = amount,
            None => {
                let category = row.label(buyer, "final-demand category", &category_at)?;
                final_demand[[from, to_country * categories.len() + category]] = amount;
            }
        }
    }
    if factors.is_empty() {
        factors.push(VALUE_ADDED.to_owned());
        let output = intermediate.sum_axis(Axis(1)) + final_demand.sum_axis(Axis(1));
        payments.row_mut(0).assign(&(output - intermediate.sum_axis(Axis(0))));
    }
    let path = file.path();
    WorldTable::new(TableParts {
        countries,
        sectors,
        year,
        unit: unit.to_owned(),
        factors,
        final_categories: categories,
        intermediate,
        final_demand,
        factor_payments: payments,
    })
    .map_err(LoadError::table(path))
}

/// The text of a table, factors included; [`from_reader`] reads it back exactly.
pub fn write(table: &WorldTable) -> String {
    let mut text = String::from("from_country,from,to_country,to,value\n");
    let (n, s, g) = (table.n_countries(), table.n_sectors(), table.final_categories().len());
    let mut line = |from_country: &str, from: &str, to_country: usize, to: &str, value: f64| {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{value}",
            quoted(from_country),
            quoted(from),
            quoted(&table.countries()[to_country]),
            quoted(to)
        );
    };
    // Every label occurs in order, even that of an industry that sells nothing.
    for row in 0..n * s {
        let (country, sector) = (&table.countries()[row / s], &table.sectors()[row % s]);
        for column in 0..n * s {
            let value = table.intermediate()[[row, column]];
            if value != 0.0 || row == column {
                line(country, sector, column / s, &table.sectors()[column % s], value);
            }
        }
        for column in 0..n * g {
            let value = table.final_demand()[[row, column]];
            if value != 0.0 || row == 0 {
                line(country, sector, column / g, &table.final_categories()[column % g], value);
            }
        }
    }
    for ((factor, column), &value) in table.factor_payments().indexed_iter() {
        if value != 0.0 || column == 0 {
            line("", &table.factors()[factor], column / s, &table.sectors()[column % s], value);
        }
    }
    text
}

/// A label as CSV writes it.
pub(crate) fn quoted(label: &str) -> String {
    if label.contains([',', '"', '\n', '\r', '#']) || label.trim() != label {
        format!("\"{}\"", label.replace('"', "\"\""))
    } else {
        label.to_owned()
    }
}
