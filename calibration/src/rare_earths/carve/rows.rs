//! The new row, and what it takes out of the origins' rows. The method is described in [the parent](super).

use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1, Axis};

use super::{CAPACITY, Plan, block_mut, capacity};
use crate::rare_earths::RareEarthError;
use crate::table::WorldTable;

/// The new row of the table and the changes in the origins' rows.
pub(super) struct Rows {
    /// `[exporter, column]`.
    pub(super) sales: Array2<f64>,
    /// `[country * origins + origin, column]`.
    pub(super) change: Array2<f64>,
    /// `[exporter]`.
    pub(super) output: Array1<f64>,
    /// Value swapped between industries of one country.
    pub(super) rerouted: f64,
}

pub(super) fn carve(
    table: &WorldTable,
    plan: &Plan,
    supplier_share: &Array2<f64>,
    value: &Array2<f64>,
) -> Result<Rows, RareEarthError> {
    let (n, size, kinds) = (table.n_countries(), table.n_sectors(), plan.origins.len());
    let z = table.intermediate();
    let mut sales = Array2::<f64>::zeros((n, n * size));
    let mut change = Array2::<f64>::zeros((n * kinds, n * size));
    let mut rerouted = 0.0;
    for importer in 0..n {
        let first = importer * size;
        let mut debt = Array1::<f64>::zeros(size);
        for exporter in 0..n {
            let flow = value.row(importer).mapv(|u| u * supplier_share[[importer, exporter]]);
            let total = flow.sum();
            if total <= 0.0 {
                continue;
            }
            block_mut(&mut sales, exporter..exporter + 1, first..first + size).row_mut(0).assign(&flow);
            // what each flow can give
            let room = Array2::from_shape_fn((kinds, size), |(o, j)| {
                CAPACITY * z[[table.index(exporter, plan.origins[o].0), first + j]]
            });
            let mut taken = Array2::<f64>::zeros((kinds, size));
            for j in 0..size {
                take(&mut taken.column_mut(j), &room.column(j), flow[j], plan);
            }
            let missing = total - taken.sum();
            if missing > 1e-12 * total {
                let left = &room - &taken;
                let available = left.sum();
                if available < missing {
                    return Err(capacity(
                        table,
                        exporter,
                        plan.origins[0].0,
                        "sales to one country",
                        total,
                        room.sum(),
                    ));
                }
                taken.scaled_add(missing / available, &left);
            }
            let mut moved =
                block_mut(&mut change, exporter * kinds..(exporter + 1) * kinds, first..first + size);
            moved -= &taken;
            debt += &(&flow - &taken.sum_axis(Axis(0)));
        }
        rerouted += reroute(table, plan, importer, &debt, &mut change)?;
    }
    let output = sales.sum_axis(Axis(1));
    Ok(Rows { sales, change, output, rerouted })
}

/// Takes up to `amount` out of the origins' flows, in the origins' shares as far as each goes, then out of what is left.
fn take(taken: &mut ArrayViewMut1<'_, f64>, room: &ArrayView1<'_, f64>, amount: f64, plan: &Plan) {
    if amount <= 0.0 {
        return;
    }
    for ((taken, room), (_, share)) in taken.iter_mut().zip(room).zip(&plan.origins) {
        *taken = (share * amount).min(*room);
    }
    let missing = amount - taken.sum();
    let left: f64 = room.sum() - taken.sum();
    if missing > 0.0 && left > 0.0 {
        let part = (missing / left).min(1.0);
        for (taken, room) in taken.iter_mut().zip(room) {
            *taken += part * (*room - *taken);
        }
    }
}

/// Lets the industries of one country swap purchases of origin goods so that each spends what it did.
///
/// `debt[j] > 0` is what industry `j` got of rare earths beyond what it gave up; it buys so much less of all origin
/// goods, and the industries with `debt < 0` buy the same goods. Returns the value swapped.
fn reroute(
    table: &WorldTable,
    plan: &Plan,
    importer: usize,
    debt: &Array1<f64>,
    change: &mut Array2<f64>,
) -> Result<f64, RareEarthError> {
    let kinds = plan.origins.len();
    let swapped: f64 = debt.iter().filter(|d| **d > 0.0).sum();
    let owed: f64 = -debt.iter().filter(|d| **d < 0.0).sum::<f64>();
    if swapped <= 0.0 || owed <= 0.0 {
        return Ok(0.0);
    }
    let first = importer * table.n_sectors();
    let mut given = Array1::<f64>::zeros(change.nrows());
    for (j, &debt) in debt.iter().enumerate().filter(|(_, d)| **d > 0.0) {
        let column = first + j;
        let bought = Array1::from_shape_fn(change.nrows(), |row| {
            let (country, origin) = (row / kinds, plan.origins[row % kinds].0);
            table.intermediate()[[table.index(country, origin), column]] + change[[row, column]]
        });
        let total = bought.sum();
        if debt > CAPACITY * total {
            return Err(capacity(table, importer, j, "purchases of origin goods", debt, total));
        }
        for (row, bought) in bought.iter().enumerate() {
            let part = bought * debt / total;
            change[[row, column]] -= part;
            given[row] += part;
        }
    }
    for (j, &debt) in debt.iter().enumerate().filter(|(_, d)| **d < 0.0) {
        change.column_mut(first + j).scaled_add(-debt / owed, &given);
    }
    Ok(swapped)
}
