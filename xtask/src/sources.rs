//! The estimates that a scenario may name as the source of a parameter: `sigma = "patents"`.
//!
//! Going from one source to another changes one line of the scenario, and the source's covariance goes into its draws. What is
//! costly to make is made only for a scenario that names it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use calibration::simulated_moments::{Calibrated, Calibration, Target};
use calibration::substitution::{Equations, Groups, Panel, Specification, SubstitutionError, simulate};
use calibration::world_2009::SectorElasticities;
use counterfactuals::Scenario;
use counterfactuals::scenario::Estimates;
use model_core::Economy;

use crate::error::Error;
use crate::workspace::RawData;

/// The name of the elasticities from Caliendo and Parro's (2015) sample, with their covariance.
const CALIENDO_PARRO: &str = "caliendo-parro-2015";

/// The name of elasticities of substitution by sector, `phi` and `lambda`, estimated on the simulated panel.
pub(crate) const SIMULATED_PATENTS: &str = "patents-simulated";

/// The name of the same on a panel of the user's own.
pub(crate) const PATENTS: &str = "patents";

/// The folder below that of raw data in which that panel is looked for.
pub(crate) const PANEL: &str = "substitution_panel";

/// The name of the parameters calibrated to printed and observed facts (table B8).
pub(crate) const CALIBRATED: &str = "calibrated";

/// The scenario whose path is calibrated.
const PATH: &str = include_str!("../../scenarios/quota-2010-2018.toml");

/// Parameters that the calibration chooses, each with a value to start from.
const CHOSEN: [(&str, f64); 5] =
    [("sigma", 0.25), ("lambda", 0.5), ("phi", 0.5), ("xi", 0.01), ("delta", 0.15)];

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
        let mut all = vec![self.trade()?, simulated_patents()?];
        let named = names(text);
        if named.iter().any(|name| name == PATENTS) {
            let folder = self
                .raw
                .set(PANEL)
                .ok_or_else(|| Error::MissingSet { set: PANEL.to_owned(), place: self.raw.place() })?;
            all.push(own_patents(&folder)?);
        }
        if named.iter().any(|name| name == CALIBRATED) {
            all.push(calibrated()?);
        }
        Ok(all)
    }

    fn trade(&self) -> Result<Estimates, Error> {
        let shipped: Result<SectorElasticities, Error> = if self.full {
            calibration::rare_earths::economy::full_elasticities()
                .map_err(Error::library("the shipped elasticities do not load"))
        } else {
            calibration::world_2009::elasticities()
                .map_err(Error::library("the shipped elasticities do not load"))
        };
        let (sectors, theta, covariance) = shipped?;
        let provenance = "estimated on the sample of Caliendo and Parro (2015), industries independent";
        let theta = Estimates::new(CALIENDO_PARRO, provenance, sectors, theta, &covariance);
        theta.map_err(Error::library("the covariance of the shipped elasticities"))
    }
}

/// Every estimate that a scenario's text may name: `x = "name"`, `x = "name:item"`. A text that is no TOML names none; whoever
/// reads it says so.
fn names(text: &str) -> Vec<String> {
    fn collect(value: &toml::Value, names: &mut Vec<String>) {
        match value {
            toml::Value::String(text) => names.push(text.split(':').next().unwrap_or(text).to_owned()),
            toml::Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
            toml::Value::Table(table) => table.iter().for_each(|(_, value)| collect(value, names)),
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

/// The same on the panel in a folder.
fn own_patents(folder: &Path) -> Result<Estimates, Error> {
    static MADE: Mutex<BTreeMap<PathBuf, Estimates>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = made.get(folder) {
        return Ok(known.clone());
    }
    let panel = Panel::read(folder)
        .map_err(Error::bad_input(format!("the panel in {} does not load", folder.display())))?;
    let estimates = substitution(PATENTS, Ok(panel))?;
    made.insert(folder.to_owned(), estimates.clone());
    Ok(estimates)
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
        let chosen = CHOSEN.iter().find(|(key, _)| line.starts_with(&format!("{key} = ")));
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
        // What only looks like it is not: a title, a comment.
        assert!(!names("title = \"about patents\" # sigma = \"patents\"").contains(&PATENTS.to_owned()));
    }

    #[test]
    fn a_source_without_its_panel_says_where_it_was_looked_for() {
        let error =
            Sources::shipped(&RawData::new(None)).named_in("sigma = \"patents\"").unwrap_err().explain();
        assert!(error.contains(PANEL) && error.contains("--data"), "{error}");
    }
}
