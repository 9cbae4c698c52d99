//! Multi-region input-output tables.
//!
//! A [`WorldTable`] is the common form into which every raw table is read (WIOD, OECD ICIO, a user's own) and from
//! which model economies are made. With `N` countries, `S` sectors, `G` final-demand categories and `F` rows of value
//! added, in one currency unit:
//!
//! | part | shape | meaning |
//! |---|---|---|
//! | `intermediate` | `[N*S, N*S]` | row sells, column buys; the index of (country, sector) is `country * S + sector` |
//! | `final_demand` | `[N*S, N*G]` | row sells, column is `country * G + category`; inventories may be negative |
//! | `factor_payments` | `[F, N*S]` | value added by row, paid by the column's industry |
//!
//! Output is the row sum of the first two. The table *balances*: for every industry, output equals what it pays for
//! inputs and factors. No `WorldTable` exists that does not; [`WorldTable::new`] is the only door.

mod aggregate;
mod flows;
mod repair;

pub use aggregate::{Mapping, MappingError};
pub use repair::{Inventories, RepairReport, RepairStep};

use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};
use std::collections::HashSet;

/// How far, relative to output, a table's row sum and column sum may differ (see [`WorldTable::new`]).
pub const BALANCE_TOLERANCE: f64 = 1e-9;

/// The parts of a [`WorldTable`], before validation. Shapes and index order are those of the [module](self).
#[derive(Debug, Clone, PartialEq)]
pub struct TableParts {
    /// Country codes, `N` of them.
    pub countries: Vec<String>,
    /// Sector codes, `S` of them.
    pub sectors: Vec<String>,
    /// Calendar year.
    pub year: i32,
    /// Unit of every flow, for example `"million current USD"`.
    pub unit: String,
    /// Rows of value added, `F` of them, for example `["value added"]` or `["capital", "labour_high", ..]`.
    pub factors: Vec<String>,
    /// Categories of final demand, `G` of them.
    pub final_categories: Vec<String>,
    /// Sales of row industry to column industry, `[N*S, N*S]`.
    pub intermediate: Array2<f64>,
    /// Sales of row industry to final use `country * G + category`, `[N*S, N*G]`.
    pub final_demand: Array2<f64>,
    /// Payments of column industry to each factor, `[F, N*S]`.
    pub factor_payments: Array2<f64>,
}

/// Why numbers do not form a multi-region table.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A list of labels is empty.
    #[error("the table has no {kind}; give at least one")]
    NoLabels {
        /// Which list: countries, sectors, factors or final-demand categories.
        kind: &'static str,
    },
    /// A label occurs twice in its list.
    #[error("the {kind} `{label}` occurs twice; labels must be unique")]
    DuplicateLabel {
        /// Which list.
        kind: &'static str,
        /// The repeated label.
        label: String,
    },
    /// An array does not have the shape its labels imply.
    #[error("`{array}` is {found_rows} x {found_columns}, but the labels imply {rows} x {columns}")]
    Shape {
        /// Name of the array.
        array: &'static str,
        /// Rows found.
        found_rows: usize,
        /// Columns found.
        found_columns: usize,
        /// Rows implied by the labels.
        rows: usize,
        /// Columns implied by the labels.
        columns: usize,
    },
    /// A cell is NaN or infinite.
    #[error("`{array}` has the value {value} in row {row}, column {column}; every flow must be finite")]
    NotFinite {
        /// Name of the array.
        array: &'static str,
        /// Label of the row, `country.sector` or factor.
        row: String,
        /// Label of the column, `country.sector` or `country.category`.
        column: String,
        /// The offending value.
        value: f64,
    },
    /// An intermediate sale is negative.
    #[error(
        "the intermediate sale of {seller} to {buyer} is {value}; sales between industries cannot be negative"
    )]
    NegativeSale {
        /// The selling industry, `country.sector`.
        seller: String,
        /// The buying industry, `country.sector`.
        buyer: String,
        /// The offending value.
        value: f64,
    },
    /// An industry sells less than nothing.
    #[error(
        "{industry} has output {output}: its final sales are so negative that they outweigh all others; \
             treat inventories first (`Inventories::Produced`)"
    )]
    NegativeOutput {
        /// The industry, `country.sector`.
        industry: String,
        /// Its row sum.
        output: f64,
    },
    /// An industry's costs and its output differ.
    #[error(
        "{industry} sells {output} but pays {cost} for inputs and factors; a table must balance to a relative \
             {BALANCE_TOLERANCE:e} (build value added as the residual to balance it)"
    )]
    Unbalanced {
        /// The industry, `country.sector`.
        industry: String,
        /// Row sum.
        output: f64,
        /// Column sum.
        cost: f64,
    },
    /// Two tables that should share labels do not, or a factor split has the wrong shape.
    #[error("{what} has {found} entries, but the table has {expected}")]
    Length {
        /// What was given.
        what: &'static str,
        /// Entries found.
        found: usize,
        /// Entries needed.
        expected: usize,
    },
    /// Factor shares of an industry do not add up to one.
    #[error("the factor shares of {industry} sum to {sum}, not to one")]
    FactorShares {
        /// The industry, `country.sector`.
        industry: String,
        /// Their sum.
        sum: f64,
    },
    /// Output cannot be recomputed because the inputs an industry needs exceed its output.
    #[error(
        "output did not settle when inventories were produced away: after {sweeps} rounds of inputs the largest \
             relative change is {change:e}; some group of industries uses more than it makes"
    )]
    NotProductive {
        /// Rounds of inputs tried.
        sweeps: usize,
        /// Last relative change.
        change: f64,
    },
}

/// A balanced multi-region input-output table. See the [module](self) for its layout.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldTable {
    parts: TableParts,
    output: Array1<f64>,
}

impl WorldTable {
    /// Validates `parts`.
    ///
    /// # Errors
    /// [`TableError`] if labels repeat or are missing, a shape does not follow from the labels, a flow is not finite,
    /// an intermediate sale or an output is negative, or an industry's row and column sums differ by more than
    /// [`BALANCE_TOLERANCE`] relative to the larger.
    pub fn new(parts: TableParts) -> Result<Self, TableError> {
        check_labels("countries", &parts.countries)?;
        check_labels("sectors", &parts.sectors)?;
        check_labels("factors", &parts.factors)?;
        check_labels("final-demand categories", &parts.final_categories)?;
        let industries = parts.countries.len() * parts.sectors.len();
        let finals = parts.countries.len() * parts.final_categories.len();
        check_shape("intermediate", &parts.intermediate, industries, industries)?;
        check_shape("final_demand", &parts.final_demand, industries, finals)?;
        check_shape("factor_payments", &parts.factor_payments, parts.factors.len(), industries)?;
        check_cells(&parts)?;

        let output = parts.intermediate.sum_axis(Axis(1)) + parts.final_demand.sum_axis(Axis(1));
        let cost = parts.intermediate.sum_axis(Axis(0)) + parts.factor_payments.sum_axis(Axis(0));
        for (index, (&output, &cost)) in output.iter().zip(&cost).enumerate() {
            // A row whose entries cancel may end a rounding error below zero.
            let scale = parts.final_demand.row(index).iter().fold(output.abs(), |m, v| m.max(v.abs()));
            if output < -BALANCE_TOLERANCE * scale {
                return Err(TableError::NegativeOutput { industry: industry_label(&parts, index), output });
            }
            if (output - cost).abs() > BALANCE_TOLERANCE * scale.max(cost.abs()) {
                return Err(TableError::Unbalanced { industry: industry_label(&parts, index), output, cost });
            }
        }
        Ok(Self { parts, output })
    }

    /// The parts, by reference.
    pub fn parts(&self) -> &TableParts {
        &self.parts
    }

    /// The parts, to be changed and validated again.
    pub fn into_parts(self) -> TableParts {
        self.parts
    }

    /// Country codes.
    pub fn countries(&self) -> &[String] {
        &self.parts.countries
    }

    /// Sector codes.
    pub fn sectors(&self) -> &[String] {
        &self.parts.sectors
    }

    /// Rows of value added.
    pub fn factors(&self) -> &[String] {
        &self.parts.factors
    }

    /// Categories of final demand.
    pub fn final_categories(&self) -> &[String] {
        &self.parts.final_categories
    }

    /// Calendar year.
    pub fn year(&self) -> i32 {
        self.parts.year
    }

    /// Unit of every flow.
    pub fn unit(&self) -> &str {
        &self.parts.unit
    }

    /// Number of countries, `N`.
    pub fn n_countries(&self) -> usize {
        self.parts.countries.len()
    }

    /// Number of sectors, `S`.
    pub fn n_sectors(&self) -> usize {
        self.parts.sectors.len()
    }

    /// Row and column of an industry in [`intermediate`](Self::intermediate): `country * S + sector`.
    pub fn index(&self, country: usize, sector: usize) -> usize {
        country * self.n_sectors() + sector
    }

    /// Position of a country code.
    pub fn country(&self, code: &str) -> Option<usize> {
        self.parts.countries.iter().position(|c| c == code)
    }

    /// Position of a sector code.
    pub fn sector(&self, code: &str) -> Option<usize> {
        self.parts.sectors.iter().position(|s| s == code)
    }

    /// `country.sector` of a row.
    pub fn industry_label(&self, index: usize) -> String {
        industry_label(&self.parts, index)
    }

    /// Intermediate sales, `[N*S, N*S]`, row sells.
    pub fn intermediate(&self) -> &Array2<f64> {
        &self.parts.intermediate
    }

    /// Final sales, `[N*S, N*G]`, column `country * G + category`.
    pub fn final_demand(&self) -> &Array2<f64> {
        &self.parts.final_demand
    }

    /// Value added by row, `[F, N*S]`.
    pub fn factor_payments(&self) -> &Array2<f64> {
        &self.parts.factor_payments
    }

    /// Gross output of every industry, `[N*S]`: the row sums.
    pub fn output(&self) -> &Array1<f64> {
        &self.output
    }

    /// Gross output, `[country, sector]`.
    pub fn output_by_country(&self) -> Array2<f64> {
        self.by_country(&self.output)
    }

    /// Value added of every industry, `[N*S]`: factor payments summed over factors.
    pub fn value_added(&self) -> Array1<f64> {
        self.parts.factor_payments.sum_axis(Axis(0))
    }

    /// Value added, `[country, sector]`.
    pub fn value_added_by_country(&self) -> Array2<f64> {
        self.by_country(&self.value_added())
    }

    /// Sales of every industry (rows) to the industries of one buying country, `[N*S, S]`.
    pub fn sales_to_industries(&self, buyer: usize) -> ArrayView2<'_, f64> {
        let size = self.n_sectors();
        self.parts.intermediate.slice_axis(Axis(1), Slice::from(buyer * size..(buyer + 1) * size))
    }

    /// Sales of every industry (rows) to the final uses of one buying country, `[N*S, G]`.
    pub fn sales_to_final(&self, buyer: usize) -> ArrayView2<'_, f64> {
        let size = self.parts.final_categories.len();
        self.parts.final_demand.slice_axis(Axis(1), Slice::from(buyer * size..(buyer + 1) * size))
    }

    /// Everything that country `n` buys from industry `i.j`, summed over uses, `[n, i.j] -> [N, N*S]`.
    pub fn purchases(&self) -> Array2<f64> {
        let mut purchases = Array2::zeros((self.n_countries(), self.output.len()));
        for (buyer, mut row) in purchases.rows_mut().into_iter().enumerate() {
            row += &self.sales_to_industries(buyer).sum_axis(Axis(1));
            row += &self.sales_to_final(buyer).sum_axis(Axis(1));
        }
        purchases
    }

    /// Exports of every industry to other countries, for all uses, `[country, sector]`.
    pub fn exports(&self) -> Array2<f64> {
        let purchases = self.purchases();
        let size = self.n_sectors();
        Array2::from_shape_fn((self.n_countries(), size), |(seller, sector)| {
            let row = seller * size + sector;
            (0..self.n_countries())
                .filter(|&buyer| buyer != seller)
                .map(|buyer| purchases[[buyer, row]])
                .sum()
        })
    }

    /// Input coefficients `a[r, c] = intermediate[r, c] / output[c]`, `[N*S, N*S]`; a column without output is zero.
    pub fn input_coefficients(&self) -> Array2<f64> {
        let inverse = self.output.mapv(|y| if y > 0.0 { 1.0 / y } else { 0.0 });
        &self.parts.intermediate * &inverse
    }

    /// Splits value added into factors by the shares of each industry, `[F, N*S]`, replacing the rows there are.
    ///
    /// # Errors
    /// [`TableError::Length`] or [`TableError::Shape`] if the shares do not fit the table,
    /// [`TableError::FactorShares`] if an industry with value added has shares that do not sum to one within 1e-9.
    pub fn with_factor_shares(self, factors: Vec<String>, shares: &Array2<f64>) -> Result<Self, TableError> {
        check_shape("factor shares", shares, factors.len(), self.output.len())?;
        let value_added = self.value_added();
        let mut parts = self.parts;
        for (index, (column, &total)) in shares.columns().into_iter().zip(&value_added).enumerate() {
            let sum = column.sum();
            if total != 0.0 && (sum - 1.0).abs() > BALANCE_TOLERANCE {
                return Err(TableError::FactorShares { industry: industry_label(&parts, index), sum });
            }
        }
        parts.factor_payments = shares * &value_added;
        parts.factors = factors;
        Self::new(parts)
    }

    fn by_country(&self, flat: &Array1<f64>) -> Array2<f64> {
        let size = self.n_sectors();
        Array2::from_shape_fn((self.n_countries(), size), |(country, sector)| flat[country * size + sector])
    }
}

fn industry_label(parts: &TableParts, index: usize) -> String {
    let size = parts.sectors.len().max(1);
    match (parts.countries.get(index / size), parts.sectors.get(index % size)) {
        (Some(country), Some(sector)) => format!("{country}.{sector}"),
        _ => format!("industry {index}"),
    }
}

fn final_label(parts: &TableParts, index: usize) -> String {
    let size = parts.final_categories.len().max(1);
    match (parts.countries.get(index / size), parts.final_categories.get(index % size)) {
        (Some(country), Some(category)) => format!("{country}.{category}"),
        _ => format!("final use {index}"),
    }
}

fn check_labels(kind: &'static str, labels: &[String]) -> Result<(), TableError> {
    if labels.is_empty() {
        return Err(TableError::NoLabels { kind });
    }
    let mut seen = HashSet::new();
    match labels.iter().find(|label| !seen.insert(label.as_str())) {
        Some(label) => Err(TableError::DuplicateLabel { kind, label: label.clone() }),
        None => Ok(()),
    }
}

fn check_shape(
    array: &'static str,
    found: &Array2<f64>,
    rows: usize,
    columns: usize,
) -> Result<(), TableError> {
    let (found_rows, found_columns) = found.dim();
    if (found_rows, found_columns) == (rows, columns) {
        return Ok(());
    }
    Err(TableError::Shape { array, found_rows, found_columns, rows, columns })
}

fn check_cells(parts: &TableParts) -> Result<(), TableError> {
    for ((row, column), &value) in parts.intermediate.indexed_iter() {
        if value.is_finite() && value >= 0.0 {
            continue;
        }
        let (row, column) = (industry_label(parts, row), industry_label(parts, column));
        if value.is_finite() {
            return Err(TableError::NegativeSale { seller: row, buyer: column, value });
        }
        return Err(TableError::NotFinite { array: "intermediate", row, column, value });
    }
    for ((row, column), &value) in parts.final_demand.indexed_iter() {
        if !value.is_finite() {
            let (row, column) = (industry_label(parts, row), final_label(parts, column));
            return Err(TableError::NotFinite { array: "final_demand", row, column, value });
        }
    }
    for ((row, column), &value) in parts.factor_payments.indexed_iter() {
        if !value.is_finite() {
            let (row, column) = (parts.factors[row].clone(), industry_label(parts, column));
            return Err(TableError::NotFinite { array: "factor_payments", row, column, value });
        }
    }
    Ok(())
}
