//! The simulated panel of unit values that the crate ships, and the truth behind it.

use super::{Design, Markets, from_reader, simulate};
use crate::footprint::intensity::significant;
use crate::source::LoadError;
use crate::trade_elasticity::sectors::SectorTable;
use std::fmt::Write;
use std::path::Path;

/// The importer of all goods: nobody.
const IMPORTER: &str = "simulated";

const SEED: u64 = 1994;

/// Elasticities of substitution and inverse elasticities of supply by good; goods are the sectors of the shipped economies that
/// trade most. Assumed, not estimated.
const TRUTH: [(&str, f64, f64); 14] = [
    ("Agriculture", 4.0, 0.4),
    ("Mining", 6.0, 0.3),
    ("Food", 3.0, 0.5),
    ("Textiles", 4.5, 0.4),
    ("Wood and paper", 5.0, 0.3),
    ("Refining", 7.0, 0.3),
    ("Chemicals", 4.0, 0.5),
    ("Rubber and plastics", 3.5, 0.4),
    ("Minerals", 3.0, 0.4),
    ("Metals", 5.5, 0.3),
    ("Machinery", 3.5, 0.5),
    ("Electrical", 5.0, 0.4),
    ("Transport equipment", 4.5, 0.5),
    ("Other manufacturing", 4.0, 0.4),
];

const SALES: &str = include_str!("../../../data/unit_values/sales.csv");
const SECTORS: &str = include_str!("../../../data/unit_values/sectors.csv");

/// A good of the shipped panel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Good {
    /// Its name, a sector of the shipped economies.
    pub name: &'static str,
    /// What it was simulated with.
    pub design: Design,
}

/// What the shipped panel was simulated with.
pub fn truth() -> impl Iterator<Item = Good> {
    TRUTH.into_iter().map(|(name, sigma, omega)| Good {
        name,
        design: Design { sigma, omega, varieties: 40, years: 15, turnover: 0.05, ..Design::default() },
    })
}

/// The shipped panel, simulated, and which of its goods make up the sectors of the shipped economies.
///
/// # Errors
/// [`LoadError`] if the shipped files are damaged.
pub fn shipped() -> Result<(Markets, SectorTable), LoadError> {
    let sales = from_reader(Path::new("unit_values/sales.csv"), SALES.as_bytes())?;
    let sectors = SectorTable::from_reader(Path::new("unit_values/sectors.csv"), SECTORS.as_bytes())?;
    Ok((sales, sectors))
}

/// The files of the shipped panel that are made: path in the crate's `data`, and text.
pub(crate) fn build() -> [(&'static str, String); 2] {
    let mut sales = String::from(
        "# SIMULATED: made by the model, nobody's trade. What it was simulated with is in truth.csv.\n\
         importer,good,exporter,year,value,quantity\n",
    );
    let mut truth_text = String::from("# What sales.csv was simulated with.\ngood,sigma,omega\n");
    for (number, Good { name, design }) in truth().enumerate() {
        // Writing to a string does not fail.
        let _ = writeln!(truth_text, "{name},{},{}", design.sigma, design.omega);
        for (exporter, years) in simulate(&design, SEED + number as u64).varieties {
            for (year, sale) in years {
                let (value, quantity) = (significant(sale.value), significant(sale.quantity));
                let _ = writeln!(sales, "{IMPORTER},{name},{exporter},{year},{value},{quantity}");
            }
        }
    }
    [("unit_values/sales.csv", sales), ("unit_values/truth.csv", truth_text)]
}
