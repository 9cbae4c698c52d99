//! The estimates that a scenario may name as the source of a parameter: `sigma = "patents"`.
//!
//! Going from one source to another changes one line of the scenario, and the source's covariance goes into its draws. What is
//! costly to make is made only for a scenario that names it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use calibration::simulated_moments::{Calibrated, Calibration, DEFAULTS, PARAMETERS, Target};
use calibration::substitution::{Equations, Groups, Panel, Specification, SubstitutionError, simulate};
use calibration::theta::Method;
use calibration::trade_elasticity::feenstra::{self, Base, Estimator};
use calibration::trade_elasticity::sectors::SectorTable;
use calibration::trade_elasticity::tariffs;
use calibration::trade_elasticity::unit_values::{self, Markets};
use calibration::world_2009::SectorElasticities;
use counterfactuals::Scenario;
use counterfactuals::scenario::Estimates;
use model_core::Economy;

use crate::error::Error;
use crate::workspace::RawData;

/// The name of elasticities of substitution by sector, `phi` and `lambda`, estimated on the simulated panel.
pub(crate) const SIMULATED_PATENTS: &str = "patents-simulated";

/// The name of the same on a panel of the user's own.
pub(crate) const PATENTS: &str = "patents";

/// The folder below that of raw data in which that panel is looked for.
pub(crate) const PANEL: &str = "substitution_panel";

/// The name of trade elasticities by Poisson gravity on a panel of trade and tariffs of the user's own.
pub(crate) const GRAVITY: &str = "gravity";

/// The folder below that of raw data in which that panel is looked for, and its files: flows, and which of their sectors make up
/// the economy's.
pub(crate) const TRADE_PANEL: &str = "trade_panel";
const FLOWS: [&str; 2] = ["flows.csv", "flows.csv.gz"];
const SECTORS: &str = "sectors.csv";

/// The name of trade elasticities from unit values, simulated, and on a panel of the user's own.
pub(crate) const SIMULATED_UNIT_VALUES: &str = "unit-values-simulated";
pub(crate) const UNIT_VALUES: &str = "unit-values";

/// The folder below that of raw data in which that panel is looked for, and its file; its sectors are as in [`TRADE_PANEL`].
pub(crate) const UNIT_VALUE_PANEL: &str = "unit_values";
const SALES: [&str; 2] = ["sales.csv", "sales.csv.gz"];

/// The folders of a user's own that a scenario may need.
pub(crate) const OWN: &[&str] = &[PANEL, TRADE_PANEL, UNIT_VALUE_PANEL];

/// The name of the parameters calibrated to printed and observed facts (table B8).
pub(crate) const CALIBRATED: &str = "calibrated";

/// The scenario whose path is calibrated.
const PATH: &str = include_str!("../../scenarios/quota-2010-2018.toml");

/// Where estimates come from, for the sectors of an economy.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    raw: RawData,
    /// Whether the sectors are those of the full table of 2009.
    full: bool,
}

impl Sources {
    /// For the sectors of the shipped economies.
    pub(crate) fn shipped(raw: &RawData) -> Self {
        Self { raw: raw.clone(), full: false }
    }

    /// For those of the full table of 2009.
    pub(crate) fn full(raw: &RawData) -> Self {
        Self { raw: raw.clone(), full: true }
    }

    /// The estimates for a scenario: those that are shipped, and of the others those that its text names.
    pub(crate) fn named_in(&self, text: &str) -> Result<Vec<Estimates>, Error> {
        let mut all = Method::ALL.iter().map(|m| self.trade(*m)).collect::<Result<Vec<_>, _>>()?;
        all.push(simulated_patents()?);
        let named = names(text);
        for (name, set, estimate) in OWN_SOURCES {
            if named.iter().any(|known| known == name) {
                let folder = self.raw.set(set);
                let missing = || Error::MissingSet { set: set.to_owned(), place: self.raw.place() };
                all.push(once(name, &folder.ok_or_else(missing)?, estimate)?);
            }
        }
        if named.iter().any(|name| name == SIMULATED_UNIT_VALUES) {
            all.push(simulated_unit_values()?);
        }
        if named.iter().any(|name| name == CALIBRATED) {
            all.push(calibrated()?);
        }
        Ok(all)
    }

    /// Trade elasticities from Caliendo and Parro's (2015) sample.
    fn trade(&self, method: Method) -> Result<Estimates, Error> {
        let shipped: Result<SectorElasticities, _> = if self.full {
            calibration::rare_earths::economy::full_elasticities(method)
        } else {
            calibration::world_2009::elasticities(method)
        };
        let (sectors, theta, covariance) =
            shipped.map_err(Error::library("the shipped elasticities do not load"))?;
        let estimates = Estimates::new(method.name(), method.in_words(), sectors, theta, &covariance);
        estimates.map_err(Error::library("the covariance of the shipped elasticities"))
    }
}

/// Makes estimates of a name from the files in a folder.
type FromFolder = fn(&str, &Path) -> Result<Estimates, Error>;

/// Names of estimates on a user's own files, the folders that these are in, and how they are made.
const OWN_SOURCES: [(&str, &str, FromFolder); 3] = [
    (PATENTS, PANEL, own_patents),
    (GRAVITY, TRADE_PANEL, own_gravity),
    (UNIT_VALUES, UNIT_VALUE_PANEL, own_unit_values),
];

/// Keys of a scenario whose words are no estimates, whatever they say: free text, labels of an economy, rules and tables.
const WORDS: [&str; 16] = [
    "title",
    "source",
    "economy",
    "mode",
    "deficits",
    "outputs",
    "closure",
    "diffusion",
    "paid_in",
    "importer",
    "exporter",
    "country",
    "sector",
    "sectors",
    "factor",
    "like",
];

/// Every estimate that a scenario's text may name: `x = "name"`, `x = "name:item"`. A text that is no TOML names none; whoever
/// reads it says so.
fn names(text: &str) -> Vec<String> {
    fn collect(value: &toml::Value, names: &mut Vec<String>) {
        match value {
            toml::Value::String(text) => names.push(text.split(':').next().unwrap_or(text).to_owned()),
            toml::Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
            toml::Value::Table(table) => table
                .iter()
                .filter(|(key, _)| !WORDS.contains(&key.as_str()))
                .for_each(|(_, value)| collect(value, names)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        collect(&toml::Value::Table(table), &mut found);
    }
    found
}

/// Estimated once in a run, whoever asks first.
fn simulated_patents() -> Result<Estimates, Error> {
    static MADE: OnceLock<Estimates> = OnceLock::new();
    if let Some(made) = MADE.get() {
        return Ok(made.clone());
    }
    let estimates = substitution(SIMULATED_PATENTS, simulate::shipped())?;
    Ok(MADE.get_or_init(|| estimates).clone())
}

/// What `estimate` makes of a folder, made once in a run.
fn once(name: &'static str, folder: &Path, estimate: FromFolder) -> Result<Estimates, Error> {
    static MADE: Mutex<BTreeMap<(&str, PathBuf), Estimates>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = made.get(&(name, folder.to_owned())) {
        return Ok(known.clone());
    }
    let estimates = estimate(name, folder)?;
    made.insert((name, folder.to_owned()), estimates.clone());
    Ok(estimates)
}

/// As [`simulated_patents`], on the panel in a folder.
fn own_patents(name: &str, folder: &Path) -> Result<Estimates, Error> {
    let panel = Panel::read(folder)
        .map_err(Error::bad_input(format!("the panel in {} does not load", folder.display())))?;
    substitution(name, Ok(panel))
}

/// The file of one of these names in a folder; the first where there is none, for the message.
fn one_of(folder: &Path, files: [&str; 2]) -> PathBuf {
    let found = files.map(|file| folder.join(file)).into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| folder.join(files[0]))
}

/// Which items make up sectors, as the folder says; items are sectors where it does not.
fn sector_table(folder: &Path) -> Result<SectorTable, Error> {
    let path = folder.join(SECTORS);
    let table = if path.is_file() { SectorTable::load(&path) } else { Ok(SectorTable::none()) };
    table.map_err(Error::bad_input("the table of sectors"))
}

/// Poisson gravity on the flows in a folder, by the sectors of its table.
fn own_gravity(name: &str, folder: &Path) -> Result<Estimates, Error> {
    let refused = || format!("the trade panel in {}", folder.display());
    let flows = tariffs::load_flows(&one_of(folder, FLOWS)).map_err(Error::bad_input(refused()))?;
    let fit = tariffs::gravity(&flows).map_err(Error::bad_input(refused()))?;
    let how = "estimated: Poisson gravity with exporter-year, importer-year and pair effects";
    by_sector(name, how, &fit, &sector_table(folder)?)
}

/// As [`simulated_unit_values`], on the sales in a folder, by the sectors of its table.
fn own_unit_values(name: &str, folder: &Path) -> Result<Estimates, Error> {
    let markets = unit_values::load(&one_of(folder, SALES))
        .map_err(Error::bad_input(format!("the unit values in {}", folder.display())))?;
    from_unit_values(name, "estimated", &markets, &sector_table(folder)?)
}

/// Trade elasticities from the shipped unit values, which are simulated.
fn simulated_unit_values() -> Result<Estimates, Error> {
    let (markets, table) =
        unit_values::shipped().map_err(Error::library("the shipped unit values do not load"))?;
    from_unit_values(SIMULATED_UNIT_VALUES, "estimated on simulated unit values", &markets, &table)
}

fn from_unit_values(
    name: &str,
    label: &str,
    markets: &Markets,
    table: &SectorTable,
) -> Result<Estimates, Error> {
    let (estimates, _) = feenstra::estimate(markets, Estimator::Soderbery, Base::Mean);
    let fit = feenstra::trade_elasticities(&estimates)
        .map_err(Error::bad_input(format!("the elasticities `{name}`")))?;
    by_sector(name, &format!("{label}: unit values, {}", Estimator::Soderbery.name()), &fit, table)
}

/// Estimates by item as estimates by the sectors that a table makes of items.
fn by_sector(
    name: &str,
    how: &str,
    fit: &estimation::Estimates,
    table: &SectorTable,
) -> Result<Estimates, Error> {
    let (sectors, theta, covariance) =
        table.apply(fit).map_err(Error::bad_input(format!("the sectors of `{name}`")))?;
    let estimates = Estimates::new(name, format!("{how}, {}", fit.vcov_label()), sectors, theta, &covariance);
    estimates.map_err(Error::library(format!("the covariance of `{name}`")))
}

/// The joint system by sector; patents alone, at the usual `lambda`, where a panel has no spending.
fn substitution(name: &str, panel: Result<Panel, SubstitutionError>) -> Result<Estimates, Error> {
    let fit = panel.and_then(|panel| {
        let equations = if panel.spending.is_some() { Equations::Joint } else { Equations::Patents };
        let by_sector = match equations {
            Equations::Patents => Specification::patents(0.5),
            _ => Specification::default(),
        };
        Specification { groups: Groups::BySector, ..by_sector }.estimate(&panel)
    });
    let fit = fit.map_err(Error::library("the elasticities of substitution"))?;
    fit.as_estimates(name).map_err(Error::library("the covariance of elasticities of substitution"))
}

/// The calibrated parameters with their joint covariance, from one start (table B8 shows that others end there too).
fn calibrated() -> Result<Estimates, Error> {
    static MADE: OnceLock<Estimates> = OnceLock::new();
    if let Some(made) = MADE.get() {
        return Ok(made.clone());
    }
    let found = with_calibration(|problem| {
        problem.fit(0, 0).map_err(Error::library("the calibration to printed and observed facts"))
    })?;
    let estimates = Calibrated::as_estimates(&found, CALIBRATED)
        .map_err(Error::library("the covariance of the calibrated parameters"))?;
    Ok(MADE.get_or_init(|| estimates).clone())
}

/// Sets the calibration up: the path of the shipped scenario, whatever sources that names for what is to be chosen.
pub(crate) fn with_calibration<R>(run: impl FnOnce(&Calibration) -> Result<R, Error>) -> Result<R, Error> {
    let economy: Economy = calibration::rare_earths::rare_earth_world_2009()
        .map_err(Error::library("the rare-earth economy of 2009"))?;
    let free = |line: &str| {
        let chosen = PARAMETERS.iter().zip(DEFAULTS).find(|(key, _)| line.starts_with(&format!("{key} = ")));
        chosen.map_or_else(|| line.to_owned(), |(key, value)| format!("{key} = {value}"))
    };
    let text: String = PATH.lines().map(|line| free(line) + "\n").collect();
    let estimates = Sources::shipped(&RawData::new(None)).named_in(&text)?;
    let scenario = Scenario::parse(&text, &economy, &estimates)
        .map_err(Error::library("the scenario of the calibration"))?;
    let targets = Target::defaults().map_err(Error::library("the facts of the calibration"))?;
    let problem = Calibration::new(&scenario, &economy, targets)
        .map_err(Error::library("the calibration to printed and observed facts"))?;
    run(&problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_scenario_names_is_found_wherever_it_stands() {
        let text = "sigma = \"patents\"\n[a]\nb = [\"calibrated:phi\", { c = \"x\" }]\n";
        assert_eq!(
            names(text).iter().filter(|n| ["patents", "calibrated", "x"].contains(&n.as_str())).count(),
            3
        );
        assert!(names("sigma = ").is_empty());
        // What only looks like it is not: a title, a comment, where a number is from, a label.
        for text in [
            "title = \"patents: a test\" # sigma = \"patents\"",
            "title = \"patents\"",
            "sigma = { value = 0.2, source = \"patents\" }",
            "[[productivity]]\ncountry = \"all\"\nsector = { all-but = [\"patents\"] }\nhat = 1.1",
        ] {
            assert!(!names(text).contains(&PATENTS.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_source_without_its_panel_says_where_it_was_looked_for() {
        let error =
            Sources::shipped(&RawData::new(None)).named_in("sigma = \"patents\"").unwrap_err().explain();
        assert!(error.contains(PANEL) && error.contains("--data"), "{error}");
    }
}
