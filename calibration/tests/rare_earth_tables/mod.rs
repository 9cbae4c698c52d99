//! Small random tables that can hold the world's rare earths, and carve-outs of them.
#![allow(dead_code, clippy::expect_used)]

use calibration::rare_earths::{
    CarveOut, CarveSettings, Choices, Files, IndustryMapping, Origins, RareEarthData, RareEarthError,
};
use calibration::table::WorldTable;

/// Sectors of the small tables and where the mapping's NACE codes go.
const SECTORS: [&str; 6] = ["C", "23", "24", "27t28", "30t33", "34t35"];
const TO: [(&str, &str); 8] = [
    ("23", "23"),
    ("24", "24"),
    ("26", "27t28"),
    ("27t28", "27t28"),
    ("29", "34t35"),
    ("30t33", "30t33"),
    ("34t35", "34t35"),
    ("36t37", "34t35"),
];

pub(crate) fn data() -> RareEarthData {
    RareEarthData::embedded().expect("the embedded data are valid")
}

/// A table of five countries and six sectors, large enough to contain the world's rare earths.
pub(crate) fn large_table(seed: u64) -> WorldTable {
    let mut parts = super::common::random_table(5, 6, seed).into_parts();
    parts.countries = ["CHN", "JPN", "USA", "DEU", "RoW"].map(str::to_owned).to_vec();
    parts.sectors = SECTORS.map(str::to_owned).to_vec();
    parts.intermediate *= 1e5;
    parts.final_demand *= 1e5;
    parts.factor_payments *= 1e5;
    WorldTable::new(parts).expect("balances")
}

/// The base mapping with the sectors that the small table lacks sent to those it has.
pub(crate) fn small_mapping(data: &RareEarthData) -> IndustryMapping {
    let base = data.mapping(&Choices::default()).expect("mapping");
    base.aggregate(&TO.map(|(a, b)| (a.to_owned(), b.to_owned())).into()).expect("aggregate")
}

pub(crate) fn try_carve(table: &WorldTable, year: i32, beta_r: f64) -> Result<CarveOut, RareEarthError> {
    let data = data();
    let mut parts = table.clone().into_parts();
    parts.year = year;
    let table = WorldTable::new(parts)?;
    let choices =
        Choices { carve: CarveSettings { beta_r, ..CarveSettings::default() }, ..Choices::default() };
    let origins = Origins::parse(&Files::embedded(), &data.facts, "wiod2013", "base")?;
    data.carve_out_with(&table, &choices, &small_mapping(&data), &origins)
}

pub(crate) fn carve(table: &WorldTable, year: i32, beta_r: f64) -> CarveOut {
    try_carve(table, year, beta_r).expect("carve")
}
