//! The World Input-Output Database against its known totals.

mod common;

use calibration::table::{Inventories, Mapping};
use calibration::wiod;
use common::{raw_data, relative};
use ndarray::Axis;

/// Year; world, USA and CHN value added against published output; world final demand (million USD). The difference of
/// the first and the last is what the truncation of the published integers loses.
const TOTALS: [(i32, f64, f64, f64, f64); 3] = [
    (1995, 29_205_077.0, 7_451_249.0, 735_491.0, 29_155_127.0),
    (2010, 62_054_778.0, 14_591_217.0, 5_998_699.0, 61_995_411.0),
    (2011, 69_327_812.0, 15_162_486.0, 7_388_345.0, 69_268_600.0),
];

#[test]
fn known_totals_come_out() {
    let Some(folder) = raw_data("wiod2013") else { return };
    for (year, world, usa, china, world_final) in TOTALS {
        let wiod = wiod::load(&folder, year, Inventories::Keep).unwrap();
        let added = &wiod.published_output - &wiod.table.intermediate().sum_axis(Axis(0));
        let of = |code: &str| {
            let country = wiod.table.country(code).unwrap();
            (0..35).map(|sector| added[wiod.table.index(country, sector)]).sum::<f64>()
        };
        assert_eq!((added.sum(), of("USA"), of("CHN")), (world, usa, china), "{year}");
        // After the repair value added is final demand, and differs by what the report says. A published row sum of
        // minus one is set to zero in the few industries where there is one.
        let repaired = wiod.table.value_added().sum();
        assert!((repaired - world_final).abs() <= wiod.report.steps[1].total, "{year}: {repaired}");
        assert!(
            relative(wiod.report.steps[0].total, world - world_final) < 0.01,
            "{year}: {:?}",
            wiod.report
        );
    }
}

#[test]
fn produced_inventories_give_a_table_every_model_can_hold() {
    let Some(folder) = raw_data("wiod2013") else { return };
    let kept = wiod::load(&folder, 2009, Inventories::Keep).unwrap();
    let produced = wiod::load(&folder, 2009, Inventories::Produced).unwrap();
    assert!(produced.table.final_demand().iter().all(|v| *v >= 0.0));
    assert!(produced.table.value_added().iter().all(|v| *v >= -1e-6));
    let change = produced.table.output().sum() / kept.table.output().sum() - 1.0;
    for step in &produced.report.steps {
        println!("{step:?}");
    }
    assert!((0.0..2e-3).contains(&change), "output changed by {change}");
    // Final purchases of a country from an industry are kept wherever they were not negative.
    let (before, after) = (kept.table.sales_to_final(6).sum(), produced.table.sales_to_final(6).sum());
    assert!(relative(before, after) < 0.01, "{before} {after}");
}

#[test]
fn every_year_can_be_held_by_a_model() {
    let Some(folder) = raw_data("wiod2013") else { return };
    for year in 1995..=2011 {
        let table =
            wiod::load(&folder, year, Inventories::Produced).unwrap_or_else(|e| panic!("{year}: {e}")).table;
        assert!(table.final_demand().iter().all(|v| *v >= 0.0), "{year}");
        assert!(table.factor_payments().iter().all(|v| *v >= -1e-6), "{year}");
    }
}

#[test]
fn aggregating_the_full_table_conserves_country_totals() {
    let Some(folder) = raw_data("wiod2013") else { return };
    let table = wiod::load(&folder, 2009, Inventories::Keep).unwrap().table;
    let text = "kind,from,to\ncountry,CHN,CHN\ncountry,USA,USA\ncountry,*,ROW\nsector,30t33,electrical\nsector,*,other\n";
    let small = table.aggregate(&Mapping::from_csv(text.as_bytes()).unwrap()).unwrap();
    for code in ["CHN", "USA"] {
        let (big, little) = (table.country(code).unwrap(), small.country(code).unwrap());
        let pairs = [
            (table.output_by_country().row(big).sum(), small.output_by_country().row(little).sum()),
            (table.value_added_by_country().row(big).sum(), small.value_added_by_country().row(little).sum()),
            (table.exports().row(big).sum(), small.exports().row(little).sum()),
        ];
        for (before, after) in pairs {
            assert!(relative(before, after) < 1e-9, "{code}: {before} {after}");
        }
    }
}

#[test]
fn a_missing_year_is_named() {
    let Some(folder) = raw_data("wiod2013") else { return };
    let error = wiod::load(&folder, 2012, Inventories::Keep).unwrap_err().to_string();
    assert!(error.contains("wiod2013_2012.npz"), "{error}");
}
