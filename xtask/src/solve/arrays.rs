//! The arrays of an equilibrium as one NumPy archive.

use std::io::Cursor;

use ndarray::{Array, Dimension};
use ndarray_npy::NpzWriter;

use super::Answer;
use crate::error::Error;

type Writer = NpzWriter<Cursor<Vec<u8>>>;

/// Indices as everywhere: `[importer, exporter, sector]`, `[country, sector]`, `[country, factor]`, `[country]`.
pub(super) fn archive(answer: &Answer) -> Result<Vec<u8>, Error> {
    let after = &answer.equilibrium;
    let mut npz: Writer = NpzWriter::new_compressed(Cursor::new(Vec::new()));
    add(&mut npz, "price_hat", &after.price_hat)?;
    add(&mut npz, "cost_hat", &after.cost_hat)?;
    add(&mut npz, "factor_price_hat", &after.factor_price_hat)?;
    add(&mut npz, "trade_share", &after.trade_share)?;
    add(&mut npz, "expenditure", &after.expenditure)?;
    add(&mut npz, "output", &after.output)?;
    add(&mut npz, "factor_income", &after.factor_income)?;
    add(&mut npz, "final_share", &after.final_share)?;
    add(&mut npz, "tariff", &after.tariff)?;
    add(&mut npz, "export_tax", &after.export_tax)?;
    add(&mut npz, "tariff_revenue", &after.tariff_revenue)?;
    add(&mut npz, "export_tax_revenue", &after.export_tax_revenue)?;
    add(&mut npz, "deficit", &after.deficit)?;
    add(&mut npz, "income", &after.income)?;
    add(&mut npz, "consumption_price_hat", &after.consumption_price_hat)?;
    add(&mut npz, "real_income_hat", &after.real_income_hat)?;
    Ok(npz.finish().map_err(defect)?.into_inner())
}

fn add<D: Dimension>(npz: &mut Writer, name: &str, array: &Array<f64, D>) -> Result<(), Error> {
    // Axes in C order, whatever the layout in memory.
    npz.add_array(name, &array.as_standard_layout()).map_err(defect)
}

fn defect(problem: ndarray_npy::WriteNpzError) -> Error {
    Error::Report { table: "equilibrium.npz".to_owned(), problem: problem.to_string() }
}
