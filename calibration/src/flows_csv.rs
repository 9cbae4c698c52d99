//! The flows of an economy as text: a folder of small CSV files in long form, for data that people read and compare.
//!
//! | file | columns | meaning |
//! |---|---|---|
//! | `economy.json` | | labels, name, year, unit, provenance, `kappa` |
//! | `trade.csv` | `importer,exporter,sector,value` and, where there are any, `tariff,export_tax` | purchases of all users at purchaser prices; the diagonal is domestic; ad-valorem rates, 0.05 is 5% |
//! | `inputs.csv` | `country,sector,input,value` | what `sector` pays for `input`, purchaser prices |
//! | `factors.csv` | `country,sector,factor,value` | what `sector` pays to `factor` |
//! | `final.csv` | `country,sector,value` | final demand, purchaser prices |
//! | `sectors.csv` | `sector,theta` | trade elasticities |
//!
//! Flows that are zero need no row. Values are in the unit that `economy.json` names. The accounts must close as
//! [`Flows`] says.

use crate::source::{CsvFile, LoadError, positions};
use crate::table_csv::quoted;
use model_core::{Flows, Labels, Metadata};
use ndarray::{Array, Array1, Array2, Array3, Dimension, IntoDimension};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::path::Path;

/// The files of the folder, by name.
pub const FILES: [&str; 6] =
    ["economy.json", "trade.csv", "inputs.csv", "factors.csv", "final.csv", "sectors.csv"];

/// `economy.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    metadata: Metadata,
    labels: Labels,
    kappa: f64,
}

/// Reads a folder.
///
/// # Errors
/// [`LoadError`] naming file, line and label.
pub fn load(folder: &Path) -> Result<Flows, LoadError> {
    let texts = FILES
        .iter()
        .map(|name| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).map_err(LoadError::io(&path))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    match texts.as_slice() {
        &[a, b, c, d, e, f] => read(folder, [a, b, c, d, e, f]),
        _ => Err(LoadError::Missing { path: folder.to_owned(), key: FILES.join(", ") }),
    }
}

/// Reads the texts of the files, in the order of [`FILES`]; `folder` is for error messages.
///
/// # Errors
/// As [`load`].
pub fn read(folder: &Path, texts: [&str; 6]) -> Result<Flows, LoadError> {
    let [description, trade, inputs, factors, finals, elasticities] = texts;
    let path = folder.join(FILES[0]);
    let description: Description = serde_json::from_str(description)
        .map_err(|error| LoadError::Inconsistent { path: path.clone(), message: error.to_string() })?;
    let labels = description.labels;
    let open = |file: usize, text: &str| CsvFile::from_reader(&folder.join(FILES[file]), text.as_bytes());
    let at = At {
        country: positions(labels.countries()),
        sector: positions(labels.sectors()),
        factor: positions(labels.factors()),
    };
    let (n, j, f) = (labels.countries().len(), labels.sectors().len(), labels.factors().len());
    let (trade, tariff, export_tax) = {
        let file = open(1, trade)?;
        let cells = Cells::new(
            &file,
            [("importer", &at.country), ("exporter", &at.country), ("sector", &at.sector)],
        )?;
        let shape = [n, n, j];
        let rates = |column: &str| match file.column(column) {
            Ok(column) => cells.read(column, shape),
            Err(_) => Ok(Array3::zeros(shape)),
        };
        (cells.read(file.column("value")?, shape)?, rates("tariff")?, rates("export_tax")?)
    };
    let file = open(2, inputs)?;
    let intermediate =
        Cells::new(&file, [("country", &at.country), ("sector", &at.sector), ("input", &at.sector)])?
            .read(file.column("value")?, [n, j, j])?;
    let file = open(3, factors)?;
    let factor_payments =
        Cells::new(&file, [("country", &at.country), ("sector", &at.sector), ("factor", &at.factor)])?
            .read(file.column("value")?, [n, j, f])?;
    let file = open(4, finals)?;
    let final_demand: Array2<f64> = Cells::new(&file, [("country", &at.country), ("sector", &at.sector)])?
        .read(file.column("value")?, [n, j])?;
    let file = open(5, elasticities)?;
    let cells = Cells::new(&file, [("sector", &at.sector)])?;
    let theta: Array1<f64> = cells.read(file.column("theta")?, [j])?;
    if let Some(sector) = theta.iter().position(|theta| *theta == 0.0) {
        return Err(file.missing(format!("sector {}", labels.sectors()[sector])));
    }
    Ok(Flows {
        metadata: description.metadata,
        kappa: description.kappa,
        labels,
        trade,
        intermediate,
        factor_payments,
        final_demand,
        tariff,
        export_tax,
        theta,
    })
}

/// The texts of the files, in the order of [`FILES`]. Numbers are written so that they are read back exactly; zeros are
/// left out.
///
/// # Errors
/// [`LoadError::Inconsistent`] if the labels cannot be written as JSON.
pub fn write(flows: &Flows) -> Result<[String; 6], LoadError> {
    let labels = &flows.labels;
    let description =
        Description { metadata: flows.metadata.clone(), labels: labels.clone(), kappa: flows.kappa };
    let mut json = serde_json::to_string_pretty(&description)
        .map_err(|error| LoadError::Inconsistent { path: FILES[0].into(), message: error.to_string() })?;
    json.push('\n');
    let (countries, sectors) = (labels.countries(), labels.sectors());

    let taxed = flows.tariff.iter().chain(&flows.export_tax).any(|rate| *rate != 0.0);
    let mut trade = String::from(if taxed {
        "importer,exporter,sector,value,tariff,export_tax\n"
    } else {
        "importer,exporter,sector,value\n"
    });
    for ((n, i, j), value) in flows.trade.indexed_iter() {
        let (tariff, tax) = (flows.tariff[[n, i, j]], flows.export_tax[[n, i, j]]);
        if *value == 0.0 && tariff == 0.0 && tax == 0.0 {
            continue;
        }
        let mut row =
            vec![quoted(&countries[n]), quoted(&countries[i]), quoted(&sectors[j]), value.to_string()];
        if taxed {
            row.extend([tariff.to_string(), tax.to_string()]);
        }
        trade.push_str(&row.join(","));
        trade.push('\n');
    }
    let three = |header: &str, array: &Array3<f64>, last: &[String]| {
        let mut text = format!("country,sector,{header},value\n");
        for ((n, j, k), value) in array.indexed_iter().filter(|(_, value)| **value != 0.0) {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "{},{},{},{value}",
                quoted(&countries[n]),
                quoted(&sectors[j]),
                quoted(&last[k])
            );
        }
        text
    };
    let mut finals = String::from("country,sector,value\n");
    for ((n, j), value) in flows.final_demand.indexed_iter().filter(|(_, value)| **value != 0.0) {
        let _ = writeln!(finals, "{},{},{value}", quoted(&countries[n]), quoted(&sectors[j]));
    }
    let mut elasticities = String::from("sector,theta\n");
    for (sector, theta) in sectors.iter().zip(&flows.theta) {
        let _ = writeln!(elasticities, "{},{theta}", quoted(sector));
    }
    let inputs = three("input", &flows.intermediate, sectors);
    let factors = three("factor", &flows.factor_payments, labels.factors());
    Ok([json, trade, inputs, factors, finals, elasticities])
}

/// Rounds every flow to so many decimals, at most 15, and closes the accounts again:
/// final demand is what trade leaves after intermediate use, and in every sector the largest factor takes what is left of
/// output. Producer and purchaser prices must be the same, that is, tariffs and export taxes zero.
pub(crate) fn rounded(mut flows: Flows, decimals: u32) -> Flows {
    let scale = 10_f64.powi(decimals.min(15) as i32);
    let round = |value: f64| (value * scale).round() / scale;
    flows.trade.mapv_inplace(round);
    flows.intermediate.mapv_inplace(round);
    flows.factor_payments.mapv_inplace(round);
    let (n, j) = flows.final_demand.dim();
    for country in 0..n {
        for sector in 0..j {
            let bought: f64 = (0..n).map(|seller| flows.trade[[country, seller, sector]]).sum();
            let used: f64 = (0..j).map(|user| flows.intermediate[[country, user, sector]]).sum();
            let rest = round(bought - used);
            // What rounding left short is bought at home.
            flows.trade[[country, country, sector]] =
                round(flows.trade[[country, country, sector]] + (-rest).max(0.0));
            flows.final_demand[[country, sector]] = rest.max(0.0);
        }
    }
    for country in 0..n {
        for sector in 0..j {
            let output: f64 = (0..n).map(|buyer| flows.trade[[buyer, country, sector]]).sum();
            let used: f64 = (0..j).map(|input| flows.intermediate[[country, sector, input]]).sum();
            let mut payments: Vec<f64> = (0..flows.factor_payments.dim().2)
                .map(|f| flows.factor_payments[[country, sector, f]])
                .collect();
            let largest =
                (0..payments.len()).max_by(|a, b| payments[*a].total_cmp(&payments[*b])).unwrap_or(0);
            let others: f64 =
                payments.iter().enumerate().filter(|(f, _)| *f != largest).map(|(_, p)| p).sum();
            payments[largest] = round(output - used - others);
            for (f, payment) in payments.into_iter().enumerate() {
                flows.factor_payments[[country, sector, f]] = payment;
            }
        }
    }
    flows
}

struct At {
    country: HashMap<String, usize>,
    sector: HashMap<String, usize>,
    factor: HashMap<String, usize>,
}

/// The rows of a long file as cells of an array of `K` axes.
struct Cells<'a, const K: usize> {
    file: &'a CsvFile,
    cells: Vec<[usize; K]>,
}

impl<'a, const K: usize> Cells<'a, K> {
    fn new(file: &'a CsvFile, axes: [(&'static str, &HashMap<String, usize>); K]) -> Result<Self, LoadError> {
        let columns = file.columns(axes.map(|(name, _)| name))?;
        let mut seen = HashSet::new();
        let mut cells = Vec::with_capacity(file.rows().len());
        for row in file.rows() {
            let mut cell = [0; K];
            for (axis, (kind, labels)) in axes.iter().enumerate() {
                cell[axis] = row.label(columns[axis], kind, labels)?;
            }
            if !seen.insert(cell) {
                return Err(row.duplicate(columns.map(|column| row.text(column)).join(", ")));
            }
            cells.push(cell);
        }
        Ok(Self { file, cells })
    }

    fn read<D: Dimension>(&self, column: usize, shape: [usize; K]) -> Result<Array<f64, D>, LoadError>
    where
        [usize; K]: IntoDimension<Dim = D> + ndarray::NdIndex<D>,
    {
        let mut array = Array::zeros(shape);
        for (row, &cell) in self.file.rows().zip(&self.cells) {
            array[cell] = row.number(column)?;
        }
        Ok(array)
    }
}
