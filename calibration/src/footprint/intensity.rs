//! Rare-earth intensity of every industry in 2009, under each alternative mapping: the measure that panels of exports,
//! patents and productivity are joined with ([`crate::panels`]).
//!
//! `data/panels/rare_earth_intensity.csv` holds, for every alternative of the end-use mapping, country and sector (NACE
//! revision 1 as in the World Input-Output Database), direct and total requirements per unit of output; `WLD` is the world,
//! weighted with output. The year is the last before the restrictions, so the measure is predetermined.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use ndarray::Axis;

use super::{FootprintError, by_alternative};
use crate::rare_earths::{Choices, RareEarthData};
use crate::source::{CsvFile, LoadError};
use crate::table::WorldTable;

/// Name of the file in the crate's `data`.
pub(crate) const INTENSITY_CSV: &str = "panels/rare_earth_intensity.csv";

/// Code of the world.
pub const WORLD: &str = "WLD";

const TEXT: &str = include_str!("../../data/panels/rare_earth_intensity.csv");

/// Intensity of one industry.
#[derive(Debug, Clone, PartialEq)]
pub struct Intensity {
    /// Alternative of the end-use mapping.
    pub alternative: String,
    /// Country code, [`WORLD`] for the world.
    pub country: String,
    /// Sector code.
    pub sector: String,
    /// Use per unit of output, USD per USD.
    pub direct_value: f64,
    /// Use in the whole chain per unit of final output, USD per USD.
    pub total_value: f64,
    /// Kilograms of oxide per million USD of output.
    pub direct_kg: f64,
    /// Kilograms of oxide in the whole chain per million USD of final output.
    pub total_kg: f64,
}

/// The shipped intensities; industries without output have no row.
///
/// # Errors
/// [`LoadError`] naming the line, if the shipped file is damaged or has a row twice.
pub fn intensity() -> Result<Vec<Intensity>, LoadError> {
    let file = CsvFile::from_reader(Path::new(INTENSITY_CSV), TEXT.as_bytes())?;
    let [alternative, country, sector, direct_value, total_value, direct_kg, total_kg] = file.columns([
        "alternative",
        "country",
        "sector",
        "direct_value",
        "total_value",
        "direct_kg",
        "total_kg",
    ])?;
    let mut seen = BTreeSet::new();
    file.rows()
        .map(|row| {
            let key = (row.text(alternative), row.text(country), row.text(sector));
            if !seen.insert((key.0.to_owned(), key.1.to_owned(), key.2.to_owned())) {
                return Err(row.bad(sector, "a sector that the alternative and country have not had yet"));
            }
            Ok(Intensity {
                alternative: key.0.to_owned(),
                country: key.1.to_owned(),
                sector: key.2.to_owned(),
                direct_value: row.non_negative(direct_value)?,
                total_value: row.non_negative(total_value)?,
                direct_kg: row.non_negative(direct_kg)?,
                total_kg: row.non_negative(total_kg)?,
            })
        })
        .collect()
}

/// The text of the shipped file, from the table of 2009. Six significant digits.
///
/// # Errors
/// As [`by_alternative`].
pub(crate) fn build(data: &RareEarthData, table: &WorldTable) -> Result<String, FootprintError> {
    let mut text = String::from("alternative,country,sector,direct_value,total_value,direct_kg,total_kg\n");
    for footprint in by_alternative(data, table, &Choices::default())? {
        let r = &footprint.requirements;
        let mut line = |country: &str, sector: &str, numbers: [f64; 4]| {
            let [a, b, c, d] = numbers.map(significant);
            // Writing to a string does not fail.
            let _ = writeln!(text, "{},{country},{sector},{a},{b},{c},{d}", footprint.name);
        };
        for s in r.world() {
            line(WORLD, &s.sector, [s.direct_value, s.total_value, s.direct_kg, s.total_kg]);
        }
        let (direct_kg, total_kg) = (r.direct_kg.sum_axis(Axis(2)), r.total_kg.sum_axis(Axis(2)));
        for (n, country) in r.countries.iter().enumerate() {
            for (j, sector) in r.sectors.iter().enumerate().filter(|(j, _)| r.output[[n, *j]] > 0.0) {
                let at = [n, j];
                line(country, sector, [r.direct_value[at], r.total_value[at], direct_kg[at], total_kg[at]]);
            }
        }
    }
    Ok(text)
}

/// A number rounded to six significant digits, as short as it can be written.
pub(crate) fn significant(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    if rounded != 0.0 && rounded.abs() < 1e-4 { format!("{rounded:e}") } else { rounded.to_string() }
}
