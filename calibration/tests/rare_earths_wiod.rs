//! The carve-out on the World Input-Output Database itself, every year. Needs the raw data (`LODESTONE_DATA`).
#![allow(clippy::expect_used, clippy::panic)]

mod common;

use calibration::rare_earths::{Choices, RareEarthData};
use calibration::table::{Inventories, WorldTable};
use calibration::wiod;
use common::{raw_data, relative};
use ndarray::{Array2, Axis};

/// Everything that one country buys from another, `[importer, exporter]`.
fn bilateral(table: &WorldTable) -> Array2<f64> {
    let (purchases, s, n) = (table.purchases(), table.n_sectors(), table.n_countries());
    Array2::from_shape_fn((n, n), |(n, i)| (0..s).map(|j| purchases[[n, i * s + j]]).sum::<f64>())
}

#[test]
fn every_year_is_conserved_and_restored() {
    let Some(folder) = raw_data("wiod2013") else { return };
    let data = RareEarthData::embedded().expect("embedded");
    for year in 1995..=2011 {
        let table = wiod::load(&folder, year, Inventories::Keep).expect("WIOD").table;
        let carved = data.carve_out(&table, &Choices::default()).expect("carve");
        let new = &carved.table;

        let cost = new.intermediate().sum_axis(Axis(0)) + new.factor_payments().sum_axis(Axis(0));
        for (at, (output, cost)) in new.output().iter().zip(&cost).enumerate() {
            let scale = output.abs().max(cost.abs());
            assert!(
                (output - cost).abs() <= 1e-10 * scale.max(1.0),
                "{year} {}: {output} {cost}",
                new.industry_label(at)
            );
        }
        let totals = |t: &WorldTable| {
            (t.output_by_country().sum_axis(Axis(1)), t.value_added_by_country().sum_axis(Axis(1)))
        };
        let ((y, v), (new_y, new_v)) = (totals(&table), totals(new));
        for c in 0..41 {
            assert!(relative(y[c], new_y[c]) < 1e-9 && relative(v[c], new_v[c]) < 1e-9, "{year} {c}");
        }
        for (a, b) in bilateral(&table).iter().zip(&bilateral(new)) {
            assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{year}: {a} {b}");
        }
        assert!(relative(carved.output.sum(), carved.usage.value().sum()) < 1e-9);

        let back = carved.restore().expect("restore");
        let pairs = [
            (back.intermediate(), table.intermediate()),
            (back.factor_payments(), table.factor_payments()),
            (back.final_demand(), table.final_demand()),
        ];
        for (a, b) in pairs.iter().flat_map(|(a, b)| a.iter().zip(b.iter())) {
            assert!((a - b).abs() <= 1e-9 * b.abs().max(1e-3), "{year}: {a} {b}");
        }
    }
}
