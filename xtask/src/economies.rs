//! The economies that a command line can name, and what tables read from them.

use std::path::Path;

use calibration::rare_earths::Element;
use model_core::{Economy, Equilibrium};

use crate::error::Error;

/// The name of the economy that is shipped.
pub(crate) const SHIPPED: &str = "world-2009";

/// The name of the shipped economy with a rare-earth sector.
pub(crate) const RARE_EARTHS: &str = "rare-earth-world-2009";

/// The name of the same with a sector for each element.
pub(crate) const ELEMENTS: &str = "element-world-2009";

/// A shipped economy, or one saved in a folder.
pub(crate) fn open(name: &str) -> Result<Economy, Error> {
    let shipped = match name {
        SHIPPED => Some(calibration::world_2009()),
        RARE_EARTHS => Some(calibration::rare_earths::rare_earth_world_2009()),
        ELEMENTS => Some(calibration::rare_earths::element_world_2009()),
        _ => None,
    };
    if let Some(economy) = shipped {
        return economy.map_err(Error::library("the shipped economy does not load"));
    }
    let folder = Path::new(name);
    if !folder.is_dir() {
        return Err(Error::NoEconomy { given: name.to_owned() });
    }
    calibration::store::load(folder)
        .map_err(Error::bad_input(format!("could not load the economy in {}", folder.display())))
}

/// The sectors of an economy that are elements of one ore, by their symbols; none unless it has all of them.
pub(crate) fn elements(economy: &Economy) -> Vec<String> {
    let symbols = Element::ALL.map(|element| element.symbol().to_owned());
    let apart = symbols.iter().all(|symbol| economy.labels().sector(symbol).is_some());
    if apart { symbols.to_vec() } else { Vec::new() }
}

/// Price of a good over the baseline's outside a country: mean over the others, weighted by what they spend in the baseline.
pub(crate) fn price_abroad(economy: &Economy, after: &Equilibrium, home: usize, sector: usize) -> f64 {
    let spent = economy.expenditure().column(sector);
    let others = || (0..spent.len()).filter(|n| *n != home);
    let total: f64 = others().map(|n| spent[n]).sum();
    others().map(|n| spent[n] * after.price_hat[[n, sector]]).sum::<f64>() / total
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
