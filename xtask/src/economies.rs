//! The economies that a command line can name, and what tables read from them.

use std::path::Path;
use std::sync::OnceLock;

use calibration::rare_earths::Element;
use calibration::substitution::{Specification, simulate};
use calibration::world_2009::SectorElasticities;
use counterfactuals::scenario::Estimates;
use model_core::{Economy, Equilibrium};

use crate::error::Error;

/// The name of the economy that is shipped.
pub(crate) const SHIPPED: &str = "world-2009";

/// The name of the shipped economy with a rare-earth sector.
pub(crate) const RARE_EARTHS: &str = "rare-earth-world-2009";

/// The name of the same with a sector for each element.
pub(crate) const ELEMENTS: &str = "element-world-2009";

/// The name of the elasticities from Caliendo and Parro's (2015) sample, with their covariance.
const CALIENDO_PARRO: &str = "caliendo-parro-2015";

/// The name of elasticities of substitution by sector, `phi` and `lambda`, estimated on the simulated panel.
pub(crate) const SUBSTITUTION: &str = "patents-simulated";

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

/// The estimates that a scenario may name, for the sectors of the shipped economies.
pub(crate) fn estimates() -> Result<Vec<Estimates>, Error> {
    let elasticities = calibration::world_2009::elasticities();
    Ok(vec![
        trade(elasticities.map_err(Error::library("the shipped elasticities do not load"))?)?,
        substitution()?,
    ])
}

/// The same for the sectors of the full table of 2009.
pub(crate) fn full_estimates() -> Result<Vec<Estimates>, Error> {
    let elasticities = calibration::rare_earths::economy::full_elasticities();
    Ok(vec![
        trade(elasticities.map_err(Error::library("the shipped elasticities do not load"))?)?,
        substitution()?,
    ])
}

fn trade((sectors, theta, covariance): SectorElasticities) -> Result<Estimates, Error> {
    let provenance = "estimated on the sample of Caliendo and Parro (2015), industries independent";
    let theta = Estimates::new(CALIENDO_PARRO, provenance, sectors, theta, &covariance);
    theta.map_err(Error::library("the covariance of the shipped elasticities"))
}

/// Estimated once in a run, whoever asks first.
fn substitution() -> Result<Estimates, Error> {
    static MADE: OnceLock<Estimates> = OnceLock::new();
    if let Some(made) = MADE.get() {
        return Ok(made.clone());
    }
    let fit = simulate::shipped().and_then(|panel| Specification::default().estimate(&panel));
    let fit = fit.map_err(Error::library("the elasticities of substitution"))?;
    let estimates = fit.as_estimates(SUBSTITUTION);
    let estimates = estimates.map_err(Error::library("the covariance of elasticities of substitution"))?;
    Ok(MADE.get_or_init(|| estimates).clone())
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
