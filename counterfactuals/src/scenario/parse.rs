//! From the text of a scenario to a [`Scenario`].

use std::collections::BTreeSet;

use model_core::{Deficits, Economy, Labels, Shock};
use toml::de::{DeTable, DeValue};

use super::change::{self, Change};
use super::parameter::{Collector, Estimates, Range};
use super::reader::{self, Reader};
use super::restrictions::{Capacity, PlannedRestriction, Prospect};
use super::technology::{Closure, Critical, Research};
use super::years::Years;
use super::{Scenario, ScenarioError};

/// The sections and keys that a file may have at its top.
pub(super) const TOP: [&str; 25] = [
    "title",
    "economy",
    "mode",
    "years",
    "discount",
    "deficits",
    "outputs",
    "draws",
    "seed",
    "critical",
    "theta",
    "technology",
    "quota",
    "cap",
    "licence",
    "prospect",
    "capacity",
    "tariff",
    "export_tax",
    "iceberg",
    "productivity",
    "endowment",
    "preference",
    "research_subsidy",
    "recycling",
];

/// Tables that a scenario may ask for.
pub(super) const OUTPUTS: [&str; 9] = [
    "countries",
    "sectors",
    "trade",
    "prices",
    "restrictions",
    "technology",
    "path",
    "decomposition",
    "parameters",
];

pub(super) fn economy_of(text: &str) -> Result<Option<String>, ScenarioError> {
    // No label is looked up for this.
    let labels = Labels::new(["-"], ["-"], ["-"]).map_err(|_| ScenarioError::Nothing)?;
    let reader = Reader::new(text, &labels);
    let document = DeTable::parse(text).map_err(|e| reader.syntax(&e))?;
    document.get_ref().get("economy").map(|value| reader.text(value, "economy")).transpose()
}

pub(super) fn parse(text: &str, economy: &Economy, known: &[Estimates]) -> Result<Scenario, ScenarioError> {
    let reader = Reader::new(text, economy.labels());
    let document = DeTable::parse(text).map_err(|e| reader.syntax(&e))?;
    let document = document.get_ref();
    if let Some((key, _)) = document.iter().find(|(key, _)| !TOP.contains(&key.get_ref().as_ref())) {
        return Err(ScenarioError::UnknownSection {
            line: reader.line(&key.span()),
            found: key.get_ref().to_string(),
            remedy: reader::nearest(key.get_ref(), &TOP, "known are"),
        });
    }
    let mut numbers = Collector::new(known);
    let mut words = Vec::new();
    let text_of = |key: &str| document.get(key).map(|value| reader.text(value, key)).transpose();
    let (title, economy_name) = (text_of("title")?.unwrap_or_default(), text_of("economy")?);
    let (years, mode) = Years::read(&reader, document, &mut numbers)?;
    let outputs = outputs(&reader, document)?;
    let count = |key: &str| match document.get(key) {
        None => Ok(0),
        Some(value) => {
            let number = reader.whole(value, key)?;
            u64::try_from(number).map_err(|_| ScenarioError::OutOfRange {
                line: reader.line(&value.span()),
                key: key.to_owned(),
                value: number as f64,
                range: "a whole number, zero or more",
            })
        }
    };
    let (draws, seed) = (count("draws")?, count("seed")?);
    let draws = usize::try_from(draws).unwrap_or(usize::MAX);

    let deficits = deficits(&reader, document, economy, &mut words)?;
    let critical = match reader.table(document, "critical")? {
        None => None,
        Some(entry) => {
            let (critical, said) = Critical::read(&entry, economy, &mut numbers)?;
            words.push(said);
            Some(critical)
        }
    };
    let critical_sectors = critical.as_ref().map_or(&[][..], |critical| &critical.sectors);
    let theta = theta(&reader, document, economy, critical_sectors, &mut numbers, &mut words)?;
    let needs = |line: usize, what| match critical {
        Some(_) => Ok(()),
        None => Err(ScenarioError::NoCriticalInput { line, what }),
    };
    let research = match reader.table(document, "technology")? {
        None => None,
        Some(entry) => {
            let (research, said) = Research::read(&entry, economy, &mut numbers)?;
            if research.closure != Closure::Exogenous {
                needs(entry.line, "technology that moves")?;
            }
            words.push(said);
            Some(research)
        }
    };

    let mut restrictions: Vec<PlannedRestriction> = Vec::new();
    for section in ["quota", "cap", "licence"] {
        for (number, entry) in reader.entries(document, section)?.iter().enumerate() {
            let (restriction, said) = PlannedRestriction::read(entry, number + 1, &years, &mut numbers)?;
            let clash =
                restrictions.iter().find_map(|earlier| restriction.overlaps(earlier, &years, economy));
            if let Some(clash) = clash {
                return Err(clash);
            }
            restrictions.push(restriction);
            words.push(said);
        }
    }
    let mut prospects = Vec::new();
    for (number, entry) in reader.entries(document, "prospect")?.iter().enumerate() {
        let (prospect, said) = Prospect::read(entry, number + 1, economy, &mut numbers)?;
        prospects.push(prospect);
        words.push(said);
    }
    let mut capacity = Vec::new();
    for (number, entry) in reader.entries(document, "capacity")?.iter().enumerate() {
        let (new, said) = Capacity::read(entry, number + 1, &years, economy, &prospects, &mut numbers)?;
        capacity.push(new);
        words.push(said);
    }
    let mut changes = Vec::new();
    let mut lines = Vec::new();
    for section in change::SECTIONS {
        for (number, entry) in reader.entries(document, section)?.iter().enumerate() {
            let change = Change::read(entry, number + 1, &years, &mut numbers)?;
            if section == "recycling" || section == "research_subsidy" {
                needs(entry.line, if section == "recycling" { "recycling" } else { "a research subsidy" })?;
            }
            let rate = ["rate", "add", "times"].iter().find(|key| entry.get(key).is_some());
            lines.push(rate.map_or(entry.line, |key| entry.line_of(key)));
            words.push(change.words.clone());
            changes.push(change);
        }
    }
    let values: Vec<f64> = numbers.parameters.iter().map(|p| p.value).collect();
    try_changes(&changes, &lines, &years, economy, &values)?;
    let nothing =
        changes.is_empty() && restrictions.is_empty() && capacity.is_empty() && prospects.is_empty();
    if nothing && deficits == Deficits::Fixed {
        return Err(ScenarioError::Nothing);
    }
    Ok(Scenario {
        title,
        labels: economy.labels().clone(),
        economy: economy_name,
        mode,
        deficits,
        critical,
        theta,
        research,
        changes,
        restrictions,
        prospects,
        capacity,
        outputs,
        draws,
        seed,
        parameters: numbers.parameters,
        estimates: numbers.used,
        words,
    })
}

/// Applies, for every set of changes that act in one year, all of them in turn; `lines` are theirs.
fn try_changes(
    changes: &[Change],
    lines: &[usize],
    years: &Years,
    economy: &Economy,
    values: &[f64],
) -> Result<(), ScenarioError> {
    let acting = |year| changes.iter().map(|change| change.window.holds(year)).collect::<Vec<bool>>();
    let sets: BTreeSet<Vec<bool>> = years.periods().into_iter().map(acting).collect();
    for set in sets {
        let mut shock = Shock::default();
        for ((change, line), _) in changes.iter().zip(lines).zip(&set).filter(|(_, acts)| **acts) {
            change.apply(economy, values, &mut shock).map_err(|bad| {
                let (labels, (n, i, j)) = (economy.labels(), bad.at);
                ScenarioError::Rate {
                    line: *line,
                    importer: labels.countries()[n].clone(),
                    exporter: labels.countries()[i].clone(),
                    sector: labels.sectors()[j].clone(),
                    value: bad.value,
                }
            })?;
        }
    }
    Ok(())
}

fn outputs(reader: &Reader, document: &DeTable) -> Result<Vec<String>, ScenarioError> {
    let Some(value) = document.get("outputs") else { return Ok(Vec::new()) };
    let list = value.get_ref().as_array();
    let list = list.ok_or_else(|| reader.wrong_type(value, "outputs", "a list of tables"))?;
    list.iter().map(|item| reader.word(item, "outputs", &OUTPUTS).map(str::to_owned)).collect()
}

/// `theta`: a name of estimates for all sectors, or a section of estimates, numbers for some sectors and for all `other`. A
/// critical input that nothing gives keeps the economy's: it is a good that tables, and so estimates, rarely have.
fn theta(
    reader: &Reader,
    document: &DeTable,
    economy: &Economy,
    critical: &[usize],
    numbers: &mut Collector,
    words: &mut Vec<String>,
) -> Result<Vec<(usize, usize)>, ScenarioError> {
    let Some(given) = document.get("theta") else { return Ok(Vec::new()) };
    let sectors = economy.labels().sectors();
    let mut all: Vec<Option<usize>> = vec![None; sectors.len()];
    let (mut named, mut other) = (None, None);
    if let DeValue::String(_) = given.get_ref() {
        named = Some(given);
    } else if let Some(entry) = reader.table(document, "theta")? {
        for (key, value) in entry.pairs().filter(|(key, _)| key.get_ref() != "estimates") {
            let name = key.get_ref();
            let slot = match name.as_ref() {
                "other" => &mut other,
                _ => &mut all[reader.find("sector", sectors, name, &key.span())?],
            };
            *slot = Some(numbers.read(reader, value, name, format!("theta.{name}"), Range::Positive)?);
        }
        named = entry.get("estimates");
    }
    let mut estimates = None;
    if let Some(value) = named {
        let (line, name) = (reader.line(&value.span()), reader.text(value, "estimates")?);
        estimates = Some((numbers.estimates(&name, line)?, line));
        words.push(format!("theta: the estimates `{name}`"));
    }
    for (j, (slot, sector)) in all.iter_mut().zip(sectors).enumerate() {
        let name = format!("theta.{sector}");
        *slot = match (*slot, estimates, other) {
            (Some(own), ..) => Some(own),
            (None, Some((estimates, line)), _) if numbers.has(estimates, sector) => {
                Some(numbers.estimated(estimates, sector, name, Range::Positive, line)?)
            }
            (None, _, Some(other)) => Some(other),
            (None, Some(_), None) if critical.contains(&j) => {
                Some(numbers.exact(name, economy.theta()[j], Range::Positive, "the economy's"))
            }
            (None, Some((estimates, line)), None) => {
                return Err(numbers.no_elasticity(estimates, sector, line));
            }
            (None, None, None) => None,
        };
    }
    Ok(all.into_iter().enumerate().filter_map(|(j, p)| p.map(|p| (j, p))).collect())
}

fn deficits(
    reader: &Reader,
    document: &DeTable,
    economy: &Economy,
    words: &mut Vec<String>,
) -> Result<Deficits, ScenarioError> {
    const RULES: [&str; 3] = ["fixed", "zero", "share-of-income"];
    let Some(value) = document.get("deficits") else { return Ok(Deficits::Fixed) };
    let line = reader.line(&value.span());
    let deficits = match value.get_ref() {
        DeValue::String(rule) => match rule.as_ref() {
            "fixed" => return Ok(Deficits::Fixed),
            "zero" => Deficits::Zero,
            "share-of-income" => Deficits::ShareOfIncome,
            found => {
                let remedy = reader::nearest(found, &RULES, "the rules are");
                return Err(ScenarioError::UnknownRule { line, found: found.to_owned(), remedy });
            }
        },
        DeValue::Table(table) => {
            let mut levels = economy.deficit().clone();
            for (country, level) in table {
                let n = reader.country(country.get_ref(), &country.span())?;
                let value = reader.number(level, country.get_ref())?;
                if !value.is_finite() {
                    return Err(ScenarioError::OutOfRange {
                        line: reader.line(&level.span()),
                        key: format!("deficits.{}", country.get_ref()),
                        value,
                        range: "a finite number",
                    });
                }
                levels[n] = value;
            }
            let sum = levels.sum();
            if sum.abs() > 1e-9 * economy.factor_income().sum() {
                let unit = economy.metadata().unit.clone();
                return Err(ScenarioError::DeficitSum { line, sum, unit });
            }
            Deficits::Levels(levels)
        }
        other => {
            return Err(ScenarioError::WrongType {
                line,
                key: "deficits".to_owned(),
                found: other.type_str(),
                expected: "a rule in quotes or a table of new levels",
            });
        }
    };
    let rule = match &deficits {
        Deficits::Zero => "all are closed to zero",
        Deficits::ShareOfIncome => "each stays a share of its country's income",
        _ => "new levels",
    };
    words.push(format!("deficits: {rule}"));
    Ok(deficits)
}
