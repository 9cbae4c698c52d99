//! The World Input-Output Database, 2013 release (Timmer, Dietzenbacher, Los, Stehrer and de Vries 2015): 41 economies,
//! 35 industries (NACE revision 1), 1995-2011, million current USD.
//!
//! # Files
//! A folder with `countries.csv` (`index,code`), `industries.csv` (`index,code,nace_rev1,description`),
//! `final_demand.csv` (`index,code,description`) and, for each year, `wiod2013_YEAR.npz`: int32 or float64 arrays `inter`
//! (1435 x 1435, row sells, column buys, index = country * 35 + industry), `final` (1435 x 205, column = country * 5 +
//! category) and `output` (1435). Sectors are named by their NACE code (`30t33`), as in the Socio-Economic Accounts.
//!
//! # Repair
//! Where flows were truncated to integers rows fall short of output; in the published workbooks ([`crate::official`]) they do
//! so by rounding alone. Output becomes the row sum and value added the
//! residual of the column, which leaves every flow as published; only where a drawn-down stock outweighs everything an
//! industry sells (one million USD in one industry of 2009) is the draw-down reduced to what makes output zero. Value
//! added so defined holds product taxes and transport margins. [`Wiod::report`] says what changed.

use crate::source::{CsvFile, LoadError, NpzFile};
use crate::table::{Inventories, RepairReport, RepairStep, TableParts, WorldTable};
use ndarray::{Array1, Array2, Axis};
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

/// Unit of every flow.
pub const UNIT: &str = "million current USD";

/// Code of gross fixed capital formation among the final-demand categories.
const CAPITAL_FORMATION: &str = "c41";

/// One year of the database.
#[derive(Debug, Clone)]
pub struct Wiod {
    /// The balanced table. One factor, `value added`.
    pub table: WorldTable,
    /// Gross output as published, `[N*S]`, before the repair.
    pub published_output: Array1<f64>,
    /// What the repair changed.
    pub report: RepairReport,
}

/// Labels of the database, the same for all years.
#[derive(Debug, Clone)]
pub struct WiodLabels {
    /// Country codes (ISO 3166-1 alpha-3, and `RoW`).
    pub countries: Vec<String>,
    /// Industries, NACE revision 1.
    pub industries: Vec<String>,
    /// Description of each industry.
    pub descriptions: Vec<String>,
    /// Final-demand categories: `c37` households, `c38` non-profit, `c39` government, `c41` fixed capital, `c42`
    /// inventories.
    pub final_categories: Vec<String>,
}

impl WiodLabels {
    /// Reads the three label files of `folder`.
    ///
    /// # Errors
    /// [`LoadError`] naming the file and line.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        Ok(Self {
            countries: indexed(&folder.join("countries.csv"), "code")?,
            industries: indexed(&folder.join("industries.csv"), "nace_rev1")?,
            descriptions: indexed(&folder.join("industries.csv"), "description")?,
            final_categories: indexed(&folder.join("final_demand.csv"), "code")?,
        })
    }
}

/// Loads one year from `folder` (see the [module](self) for its files).
///
/// With [`Inventories::Keep`] flows are as published: inventories are negative where stocks were drawn down, and in two
/// or three very small industries a year value added is too. [`Inventories::Produced`] removes both, by
/// [`WorldTable::clear_negative_value_added`] (into fixed capital formation) and [`WorldTable::produce_inventories`].
///
/// # Errors
/// [`LoadError`] naming the file and the array, line, country or industry.
pub fn load(folder: &Path, year: i32, inventories: Inventories) -> Result<Wiod, LoadError> {
    let labels = WiodLabels::load(folder)?;
    let path = folder.join(format!("wiod2013_{year}.npz"));
    let file = File::open(&path).map_err(LoadError::io(&path))?;
    from_reader(&path, BufReader::new(file), &labels, year, inventories)
}

/// As [`load`], from the bytes of a year's archive; `path` is for error messages.
///
/// # Errors
/// As [`load`].
pub fn from_reader(
    path: &Path,
    reader: impl Read + Seek,
    labels: &WiodLabels,
    year: i32,
    inventories: Inventories,
) -> Result<Wiod, LoadError> {
    let industries = labels.countries.len() * labels.industries.len();
    let finals = labels.countries.len() * labels.final_categories.len();
    let mut npz = NpzFile::from_reader(path, reader)?;
    let intermediate: Array2<f64> = npz.numbers("inter", &[industries, industries])?;
    let mut final_demand: Array2<f64> = npz.numbers("final", &[industries, finals])?;
    let published_output: Array1<f64> = npz.numbers("output", &[industries])?;

    let label = |index: usize| {
        format!(
            "{}.{}",
            labels.countries[index / labels.industries.len()],
            labels.industries[index % labels.industries.len()]
        )
    };
    let mut shortfall =
        RepairStep::new("draw-down of stocks reduced where it outweighs all sales of an industry");
    for (index, (mut uses, sales)) in final_demand.rows_mut().into_iter().zip(intermediate.rows()).enumerate()
    {
        let output = uses.sum() + sales.sum();
        if output < 0.0 {
            shortfall.record(output, || label(index));
            let negative: f64 = uses.iter().filter(|v| **v < 0.0).sum();
            uses.mapv_inplace(|v| if v < 0.0 { v * (1.0 - output / negative) } else { v });
        }
    }
    let output = intermediate.sum_axis(Axis(1)) + final_demand.sum_axis(Axis(1));
    let value_added = &output - &intermediate.sum_axis(Axis(0));
    let table = WorldTable::new(TableParts {
        countries: labels.countries.clone(),
        sectors: labels.industries.clone(),
        year,
        unit: UNIT.to_owned(),
        factors: vec!["value added".to_owned()],
        final_categories: labels.final_categories.clone(),
        factor_payments: value_added.insert_axis(Axis(0)),
        intermediate,
        final_demand,
    })
    .map_err(LoadError::table(path))?;

    let mut truncation = RepairStep::new("output set to the row sum of the truncated flows");
    for (index, (&published, &sum)) in published_output.iter().zip(table.output()).enumerate() {
        truncation.record(published - sum, || label(index));
    }
    let mut wiod =
        Wiod { table, published_output, report: RepairReport { steps: vec![truncation, shortfall] } };
    if inventories == Inventories::Produced {
        let category = labels.final_categories.iter().position(|code| code == CAPITAL_FORMATION);
        let category = category.ok_or_else(|| LoadError::Missing {
            path: path.to_owned(),
            key: format!("the final-demand category {CAPITAL_FORMATION}"),
        })?;
        let (table, cleared) =
            wiod.table.clear_negative_value_added(category).map_err(LoadError::table(path))?;
        let (table, produced) = table.produce_inventories().map_err(LoadError::table(path))?;
        wiod.table = table;
        wiod.report.steps.extend(cleared.steps);
        wiod.report.steps.extend(produced.steps);
    }
    Ok(wiod)
}

/// A column of a file whose rows are numbered from zero by `index`.
fn indexed(path: &Path, column: &str) -> Result<Vec<String>, LoadError> {
    let file = CsvFile::open(path)?;
    let [index, value] = file.columns(["index", column])?;
    let mut labels = Vec::with_capacity(file.rows().len());
    for row in file.rows() {
        if usize::try_from(row.integer(index)?).ok() != Some(labels.len()) {
            return Err(row.bad(index, "the row's number, from zero"));
        }
        labels.push(row.text(value).to_owned());
    }
    Ok(labels)
}
