//! Detail supply-use tables of the US Bureau of Economic Analysis: 2012 (405 industries) and 2017 (402), million USD,
//! producers' prices, before redefinitions.
//!
//! # Files
//! `Detail_Use_YEAR_PRO_BeforeRedef_*.csv[.gz]` (commodities and value added by industries and final uses) and
//! `Detail_Make_YEAR_BeforeRedef_*.csv[.gz]` (industries by commodities); the first column holds the row's code. Codes that begin
//! with `T0`, and columns without a name (`NA`), are totals and are dropped.
//!
//! # Industry by industry
//! [`UseMake::industry_table`] uses the *fixed product sales structure* (Eurostat's model D, the assumption behind the Bureau's own
//! industry-by-industry requirements): whoever buys a commodity buys it from the industries that make it, in their market
//! shares `D = V q^-1`. Then `Z = D U` and `F = D E`, which are never negative where use is not. Imports are bought like
//! domestic goods and leave through the negative final use `F05000`, so the coefficients include imported inputs.

use crate::source::{CsvFile, LoadError};
use crate::table::{RepairReport, RepairStep, TableParts, WorldTable};
use ndarray::{Array1, Array2, Axis};
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Value added: compensation of employees, taxes less subsidies, gross operating surplus.
pub const VALUE_ADDED: [&str; 3] = ["V00100", "V00200", "V00300"];

/// Name of the factor that holds inputs which no US industry makes: noncomparable imports and used goods.
pub const NOT_PRODUCED: &str = "not produced";

/// Code of the change in private inventories among the final uses.
const INVENTORIES: &str = "F03000";

/// A year's use and make tables.
#[derive(Debug, Clone, PartialEq)]
pub struct UseMake {
    /// Year.
    pub year: i32,
    /// Industry codes, `I`.
    pub industries: Vec<String>,
    /// Commodity codes, `C`.
    pub commodities: Vec<String>,
    /// Final uses, `G`, codes that begin with `F`.
    pub final_uses: Vec<String>,
    /// Use of commodities by industries, `[C, I]`.
    pub uses: Array2<f64>,
    /// Final use of commodities, `[C, G]`.
    pub final_use: Array2<f64>,
    /// Value added by industry, `[3, I]`, rows as [`VALUE_ADDED`].
    pub value_added: Array2<f64>,
    /// Make of commodities by industries, `[I, C]`.
    pub make: Array2<f64>,
}

/// Names of industries or commodities by code.
pub type Names = HashMap<String, String>;

impl UseMake {
    /// Loads a year from `folder`.
    ///
    /// # Errors
    /// [`LoadError`] naming the file and the line, or the code that one table has and the other lacks.
    pub fn load(folder: &Path, year: i32) -> Result<Self, LoadError> {
        let use_path = find(folder, &format!("Detail_Use_{year}_PRO_BeforeRedef"))?;
        let make_path = find(folder, &format!("Detail_Make_{year}_BeforeRedef"))?;
        Self::from_files(year, &CsvFile::open(&use_path)?, &CsvFile::open(&make_path)?)
    }

    /// Reads the two tables from CSV text; the path is for error messages.
    ///
    /// # Errors
    /// As [`UseMake::load`].
    pub fn from_readers(path: &Path, year: i32, uses: impl Read, make: impl Read) -> Result<Self, LoadError> {
        Self::from_files(year, &CsvFile::from_reader(path, uses)?, &CsvFile::from_reader(path, make)?)
    }

    fn from_files(year: i32, uses: &CsvFile, make: &CsvFile) -> Result<Self, LoadError> {
        let made = Matrix::read(make)?;
        let uses_of = Matrix::read(uses)?;
        let industries = made.rows.clone();
        let commodities = made.columns.clone();
        let final_uses: Vec<String> =
            uses_of.columns.iter().filter(|code| code.starts_with('F')).cloned().collect();
        if industries.is_empty() || commodities.is_empty() || final_uses.is_empty() {
            return Err(uses.missing("industries, commodities and final uses"));
        }
        let added: Vec<String> = VALUE_ADDED.map(str::to_owned).to_vec();
        let table = Self {
            year,
            uses: uses_of.select(uses, &commodities, &industries)?,
            final_use: uses_of.select(uses, &commodities, &final_uses)?,
            value_added: uses_of.select(uses, &added, &industries)?,
            make: made.values,
            industries,
            commodities,
            final_uses,
        };
        if let Some(((i, c), value)) = table.make.indexed_iter().find(|(_, value)| **value < 0.0) {
            let (industry, commodity) = (&table.industries[i], &table.commodities[c]);
            return Err(make.inconsistent(format!(
                "{industry} makes {value} of {commodity}; output cannot be negative"
            )));
        }
        Ok(table)
    }

    /// Output of every industry, `[I]`.
    pub fn industry_output(&self) -> Array1<f64> {
        self.make.sum_axis(Axis(1))
    }

    /// Output of every commodity, `[C]`.
    pub fn commodity_output(&self) -> Array1<f64> {
        self.make.sum_axis(Axis(0))
    }

    /// The industry-by-industry table under the fixed product sales structure (see the [module](self)), as a table of one
    /// country, `USA`, with four factors: [`VALUE_ADDED`] and [`NOT_PRODUCED`].
    ///
    /// Negative use of a commodity by an industry (sales of scrap and used goods: 14 cells in 2012) is moved to inventories.
    /// The published tables balance to rounding; here output is the row sum and gross operating surplus the residual. The
    /// report says how much both change.
    ///
    /// # Errors
    /// [`LoadError::Table`] if the result does not balance.
    pub fn industry_table(&self) -> Result<(WorldTable, RepairReport), LoadError> {
        let (mut uses, mut finals) = (self.uses.clone(), self.final_use.clone());
        let inventories = self.final_uses.iter().position(|code| code == INVENTORIES).unwrap_or(0);
        let mut negative = RepairStep::new("negative intermediate use moved to inventories");
        for ((commodity, industry), value) in uses.indexed_iter_mut() {
            if *value < 0.0 {
                negative.record(*value, || {
                    format!("{} by {}", self.commodities[commodity], self.industries[industry])
                });
                finals[[commodity, inventories]] += *value;
                *value = 0.0;
            }
        }
        let output = self.commodity_output();
        let market_share = &self.make / &output.mapv(|q| if q > 0.0 { q } else { 1.0 });
        let product = |a: &Array2<f64>, b: &Array2<f64>| -> Result<Array2<f64>, LoadError> {
            linalg::matmul(a.view(), b.view()).map_err(|error| LoadError::Inconsistent {
                path: PathBuf::from("bea_io"),
                message: error.to_string(),
            })
        };
        let intermediate = product(&market_share, &uses)?;
        let final_demand = product(&market_share, &finals)?;
        let row_sum = intermediate.sum_axis(Axis(1)) + final_demand.sum_axis(Axis(1));

        let mut payments = Array2::zeros((4, self.industries.len()));
        for (commodity, made) in output.iter().enumerate() {
            if *made <= 0.0 {
                let mut row = payments.row_mut(3);
                row += &uses.row(commodity);
            }
        }
        for row in 0..2 {
            payments.row_mut(row).assign(&self.value_added.row(row));
        }
        let spent = intermediate.sum_axis(Axis(0)) + payments.sum_axis(Axis(0));
        payments.row_mut(2).assign(&(&row_sum - &spent));

        let mut outputs = RepairStep::new("output set to the row sum of the industry-by-industry table");
        let mut surplus = RepairStep::new("gross operating surplus set to the residual");
        for (industry, code) in self.industries.iter().enumerate() {
            outputs.record(row_sum[industry] - self.industry_output()[industry], || code.clone());
            surplus.record(payments[[2, industry]] - self.value_added[[2, industry]], || code.clone());
        }
        let factors = VALUE_ADDED.iter().copied().chain([NOT_PRODUCED]).map(str::to_owned).collect();
        let table = WorldTable::new(TableParts {
            countries: vec!["USA".to_owned()],
            sectors: self.industries.clone(),
            year: self.year,
            unit: "million current USD".to_owned(),
            factors,
            final_categories: self.final_uses.clone(),
            intermediate,
            final_demand,
            factor_payments: payments,
        })
        .map_err(LoadError::table(Path::new("bea_io")))?;
        Ok((table, RepairReport { steps: vec![negative, outputs, surplus] }))
    }
}

/// Whether `folder` has a use table of a year.
#[must_use]
pub fn has_year(folder: &Path, year: i32) -> bool {
    find(folder, &format!("Detail_Use_{year}_PRO_BeforeRedef")).is_ok()
}

/// Names of the industries of a year, from `Detail_IndustryCodeName_YEAR.csv[.gz]` in `folder`.
///
/// # Errors
/// [`LoadError`] naming the file.
pub fn industry_names(folder: &Path, year: i32) -> Result<Names, LoadError> {
    let file = CsvFile::open(&find(folder, &format!("Detail_IndustryCodeName_{year}"))?)?;
    let [code, name] = file.columns([
        &*format!("BEA_{year}_Detail_Industry_Code"),
        &*format!("BEA_{year}_Detail_Industry_Name"),
    ])?;
    Ok(file.rows().map(|row| (row.text(code).to_owned(), row.text(name).to_owned())).collect())
}

/// The file of `folder` whose name begins so.
fn find(folder: &Path, prefix: &str) -> Result<PathBuf, LoadError> {
    let entries = std::fs::read_dir(folder).map_err(LoadError::io(folder))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found.into_iter().next().ok_or_else(|| LoadError::Missing {
        path: folder.to_owned(),
        key: format!("a file named {prefix}*.csv or .csv.gz"),
    })
}

/// A matrix with codes, totals dropped.
struct Matrix {
    rows: Vec<String>,
    columns: Vec<String>,
    values: Array2<f64>,
}

impl Matrix {
    fn read(file: &CsvFile) -> Result<Self, LoadError> {
        let kept: Vec<(usize, String)> = file
            .headers()
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(_, code)| !code.starts_with("T0") && !code.starts_with("NA") && !code.is_empty())
            .map(|(column, code)| (column, code.clone()))
            .collect();
        let mut rows = Vec::new();
        let mut values = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for row in file.rows() {
            let code = row.text(0);
            if code.starts_with("T0") {
                continue;
            }
            if !seen.insert(code) {
                return Err(row.duplicate(format!("code {code}")));
            }
            rows.push(code.to_owned());
            for (column, _) in &kept {
                values.push(row.number(*column)?);
            }
        }
        let columns: Vec<String> = kept.into_iter().map(|(_, code)| code).collect();
        let values = Array2::from_shape_vec((rows.len(), columns.len()), values)
            .map_err(|error| file.inconsistent(error.to_string()))?;
        Ok(Self { rows, columns, values })
    }

    /// The rows and columns of these codes.
    fn select(&self, file: &CsvFile, rows: &[String], columns: &[String]) -> Result<Array2<f64>, LoadError> {
        let at = |codes: &[String], wanted: &[String], kind: &str| {
            let positions: HashMap<&str, usize> =
                codes.iter().enumerate().map(|(i, c)| (c.as_str(), i)).collect();
            wanted
                .iter()
                .map(|code| {
                    positions
                        .get(code.as_str())
                        .copied()
                        .ok_or_else(|| file.missing(format!("the {kind} {code}")))
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let (rows, columns) = (at(&self.rows, rows, "row")?, at(&self.columns, columns, "column")?);
        Ok(Array2::from_shape_fn((rows.len(), columns.len()), |(i, j)| self.values[[rows[i], columns[j]]]))
    }
}
