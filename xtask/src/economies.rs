//! The economies that a command line can name, and what tables read from them.

use std::path::Path;

use model_core::{Economy, Equilibrium};

use crate::error::Error;

/// The name of the economy that is shipped.
pub(crate) const SHIPPED: &str = "world-2009";

/// The shipped economy, or one saved in a folder.
pub(crate) fn open(name: &str) -> Result<Economy, Error> {
    if name == SHIPPED {
        return calibration::world_2009().map_err(Error::library("the shipped economy does not load"));
    }
    let folder = Path::new(name);
    if !folder.is_dir() {
        return Err(Error::NoEconomy { given: name.to_owned() });
    }
    calibration::store::load(folder)
        .map_err(Error::bad_input(format!("could not load the economy in {}", folder.display())))
}

/// Exports and imports by country at border prices, without domestic sales.
pub(crate) struct Trade {
    /// By exporter.
    pub(crate) exports: Vec<f64>,
    /// By importer.
    pub(crate) imports: Vec<f64>,
}

impl Trade {
    /// Of the baseline.
    pub(crate) fn of_baseline(economy: &Economy) -> Self {
        Self::of_flows(&economy.border_flows())
    }

    /// Of an equilibrium.
    pub(crate) fn of_equilibrium(equilibrium: &Equilibrium) -> Self {
        Self::of_flows(&equilibrium.border_flows())
    }

    fn of_flows(flows: &ndarray::Array3<f64>) -> Self {
        let n = flows.dim().0;
        let mut trade = Self { exports: vec![0.0; n], imports: vec![0.0; n] };
        for ((importer, exporter, _), flow) in flows.indexed_iter().filter(|((n, i, _), _)| n != i) {
            trade.exports[exporter] += flow;
            trade.imports[importer] += flow;
        }
        trade
    }
}
