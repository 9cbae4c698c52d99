//! The arrays of an equilibrium as one NumPy archive.

use std::io::Cursor;

use counterfactuals::{Path, PathYear};
use ndarray::{Array, Array1, Axis, Dimension, RemoveAxis};
use ndarray_npy::{NpzWriter, WritableElement};

use super::Answer;
use crate::error::Error;

type Writer = NpzWriter<Cursor<Vec<u8>>>;

/// Indices as everywhere: `[importer, exporter, sector]`, `[country, sector]`, `[country, factor]`, `[country]`; what starts with
/// `path_` has the year before them. The others are those of the long run, or of the last year.
pub(super) fn archive(answer: &Answer) -> Result<Vec<u8>, Error> {
    let after = &answer.last;
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
    add(&mut npz, "quota_rent", &after.quota_rent)?;
    if let Some(critical) = &after.critical {
        add(&mut npz, "critical_share", &critical.share)?;
        add(&mut npz, "critical_price_hat", &critical.price_hat)?;
        add(&mut npz, "critical_productivity_hat", &critical.augmentation.critical)?;
        add(&mut npz, "other_productivity_hat", &critical.augmentation.other)?;
    }
    if let Some(path) = answer.outcome.path() {
        // By year, along the first axis.
        let years: Array1<i64> = path.years.iter().map(|year| i64::from(year.year)).collect();
        add(&mut npz, "years", &years)?;
        add(&mut npz, "path_real_income_hat", &stack(path, |y| y.equilibrium.real_income_hat.clone())?)?;
        add(&mut npz, "path_price_hat", &stack(path, |y| y.equilibrium.price_hat.clone())?)?;
        add(&mut npz, "path_cost_hat", &stack(path, |y| y.equilibrium.cost_hat.clone())?)?;
        add(&mut npz, "path_output", &stack(path, |y| y.equilibrium.output.clone())?)?;
        add(&mut npz, "path_critical_stock", &stack(path, |y| y.stocks.critical.clone())?)?;
    }
    Ok(npz.finish().map_err(defect)?.into_inner())
}

/// One array of every year.
fn stack<D>(path: &Path, of: impl Fn(&PathYear) -> Array<f64, D>) -> Result<Array<f64, D::Larger>, Error>
where
    D: Dimension,
    D::Larger: RemoveAxis,
{
    let all: Vec<Array<f64, D>> = path.years.iter().map(of).collect();
    let views: Vec<_> = all.iter().map(|array| array.view()).collect();
    ndarray::stack(Axis(0), &views)
        .map_err(|e| Error::Report { table: "equilibrium.npz".to_owned(), problem: e.to_string() })
}

fn add<T: WritableElement + Clone, D: Dimension>(
    npz: &mut Writer,
    name: &str,
    array: &Array<T, D>,
) -> Result<(), Error> {
    // Axes in C order, whatever the layout in memory.
    npz.add_array(name, &array.as_standard_layout()).map_err(defect)
}

fn defect(problem: ndarray_npy::WriteNpzError) -> Error {
    Error::Report { table: "equilibrium.npz".to_owned(), problem: problem.to_string() }
}
