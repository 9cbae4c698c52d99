//! The new column, and what it takes out of the origins' columns. The method is described in [the parent](super).

use ndarray::{Array1, Array2};

use super::rows::Rows;
use super::{CarveSettings, Plan, capacity};
use crate::rare_earths::RareEarthError;
use crate::table::WorldTable;

/// What changes in the origins' columns, and the new sector's column.
pub(super) struct Columns {
    /// `[row of the old table, country * origins + origin]`.
    pub(super) purchases: Array2<f64>,
    /// `[factor, country * origins + origin]`.
    pub(super) factors: Array2<f64>,
    /// Inputs of the new sector, `[row of the old table, country]`.
    pub(super) inputs: Array2<f64>,
    /// Its payments to the factors of the old table, `[factor, country]`.
    pub(super) payments: Array2<f64>,
    /// Its payments to the resource, `[country]`.
    pub(super) resource: Array1<f64>,
}

pub(super) fn carve(
    table: &WorldTable,
    plan: &Plan,
    rows: &Rows,
    export_revenue: &Array1<f64>,
    settings: &CarveSettings,
) -> Result<Columns, RareEarthError> {
    let (n, size, kinds) = (table.n_countries(), table.n_sectors(), plan.origins.len());
    let (length, factors) = (n * size, table.factors().len());
    let rent = table.factors().iter().position(|f| *f == settings.rent_factor);
    let mut out = Columns {
        purchases: Array2::zeros((length, n * kinds)),
        factors: Array2::zeros((factors, n * kinds)),
        inputs: Array2::zeros((length, n)),
        payments: Array2::zeros((factors, n)),
        resource: Array1::zeros(n),
    };
    for country in (0..n).filter(|i| rows.output[*i] > 0.0) {
        let value = rows.output[country];
        let columns: Vec<usize> = plan.origins.iter().map(|o| table.index(country, o.0)).collect();
        let fall: Vec<f64> = (0..kinds).map(|o| -rows.change.row(country * kinds + o).sum()).collect();
        // the origins' purchases after the rows were carved
        let bought = |row: usize, column: usize| {
            let (seller, sector) = (row / size, row % size);
            let moved = plan.origins.iter().position(|o| o.0 == sector);
            table.intermediate()[[row, column]]
                + moved.map_or(0.0, |o| rows.change[[seller * kinds + o, column]])
        };
        let cost = mining_cost(table, plan, country, &bought)?;
        let other = (1.0 - settings.beta_r) * (value - export_revenue[country]);
        out.resource[country] = value - other;
        for factor in 0..factors {
            out.payments[[factor, country]] = other * cost.factors[factor];
        }
        for row in 0..length {
            let input = other * cost.inputs[row];
            if input <= 0.0 {
                continue;
            }
            let stock: Vec<f64> = columns.iter().map(|c| bought(row, *c)).collect();
            let total: f64 = stock.iter().sum();
            if input > total {
                return Err(capacity(
                    table,
                    country,
                    plan.mining,
                    "inputs of the origin industries",
                    input,
                    total,
                ));
            }
            out.inputs[[row, country]] = input;
            for (o, stock) in stock.iter().enumerate() {
                out.purchases[[row, country * kinds + o]] = -input * stock / total;
            }
        }
        // value added takes what is left of each origin's fall in output
        let mut leaves = out.payments.column(country).to_owned();
        match rent {
            Some(rent) => leaves[rent] += out.resource[country],
            None => {
                let sum = leaves.sum();
                let rise = if sum > 0.0 { out.resource[country] / sum } else { 0.0 };
                leaves *= 1.0 + rise;
            }
        }
        let total = leaves.sum();
        for (o, fall) in fall.iter().enumerate() {
            let at = country * kinds + o;
            let value_added = fall + out.purchases.column(at).sum();
            for factor in 0..factors {
                let payment = value_added * leaves[factor] / total;
                let had = table.factor_payments()[[factor, columns[o]]];
                if payment > had && payment > 1e-9 * value {
                    return Err(capacity(table, country, plan.origins[o].0, "factor payments", payment, had));
                }
                out.factors[[factor, at]] = -payment;
            }
        }
    }
    Ok(out)
}

/// Cost of the mining industry of a country per unit of output, without what it buys of the new sector.
struct Cost {
    inputs: Vec<f64>,
    factors: Vec<f64>,
}

fn mining_cost(
    table: &WorldTable,
    plan: &Plan,
    country: usize,
    bought: &impl Fn(usize, usize) -> f64,
) -> Result<Cost, RareEarthError> {
    let column = table.index(country, plan.mining);
    let inputs: Vec<f64> = (0..table.output().len()).map(|row| bought(row, column)).collect();
    let factors: Vec<f64> = table.factor_payments().column(column).iter().map(|v| v.max(0.0)).collect();
    let total = inputs.iter().sum::<f64>() + factors.iter().sum::<f64>();
    if total <= 0.0 {
        return Err(capacity(table, country, plan.mining, "output of mining", 1.0, total));
    }
    Ok(Cost {
        inputs: inputs.iter().map(|v| v / total).collect(),
        factors: factors.iter().map(|v| v / total).collect(),
    })
}
