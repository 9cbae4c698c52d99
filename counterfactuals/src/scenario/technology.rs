//! The sections `critical` and `technology`.

use model_core::{CriticalInputs, Diffusion, Economy, Innovation, ResearchCost, Technology};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::ScenarioError;
use super::parameter::{Collector, Range};
use super::reader::{self, Entry};

/// The critical inputs; numbers are [`super::Parameter`]s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Critical {
    /// The sectors that make them.
    pub sectors: Vec<usize>,
    /// `sigma` of each using sector.
    pub sigma: Vec<usize>,
    /// `eta` between the elements.
    pub element_sigma: usize,
    /// Whether the elements are joint products.
    #[serde(default)]
    pub joint_products: bool,
}

/// What technology does; numbers are [`super::Parameter`]s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Research {
    /// Which closure.
    pub closure: Closure,
    /// Elasticity of innovations to research.
    pub lambda: usize,
    /// Elasticity of productivity to the stock of knowledge.
    pub phi: usize,
    /// Spillover.
    pub xi: usize,
    /// Rate at which knowledge goes out of use, in a path.
    pub delta: usize,
    /// Growth of the balanced path, in a path.
    pub g: usize,
    /// Who uses whose knowledge.
    pub diffusion: Diffusion,
    /// What research is paid in.
    pub paid_in: ResearchCost,
}

/// The closures by which technology moves or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closure {
    /// It does not move.
    Exogenous,
    /// Research follows the market.
    FreeEntry,
    /// A sector's researchers are divided anew.
    FixedResearchers,
}

impl Closure {
    /// All of them, as files write them.
    pub const NAMES: [(&'static str, Closure); 3] = [
        ("exogenous", Closure::Exogenous),
        ("free-entry", Closure::FreeEntry),
        ("fixed-researchers", Closure::FixedResearchers),
    ];
}

impl Critical {
    pub(super) fn read(
        entry: &Entry,
        economy: &Economy,
        numbers: &mut Collector,
    ) -> Result<(Self, String), ScenarioError> {
        entry.allow(&["sectors", "sigma", "element_sigma", "joint_products"])?;
        let selection = entry.sectors("sectors")?;
        let reader = entry.reader();
        let sectors = economy.labels().sectors();
        let value = entry.required("sigma", "sigma = 0.2")?;
        let by_sector = value.get_ref().as_table().filter(|table| !table.contains_key("value"));
        let uses = |j: usize| {
            let all = economy.input_share();
            (0..all.dim().0).any(|i| selection.indices.iter().any(|&e| all[[i, j, e]] > 0.0))
        };
        let sigma = if let Some(table) = by_sector {
            for key in table.keys() {
                if key.get_ref() != "other" {
                    reader.find("sector", sectors, key.get_ref(), &key.span())?;
                }
            }
            let other = table.get("other");
            let shared =
                other.map(|v| numbers.read(reader, v, "sigma", "sigma".to_owned(), Range::NotNegative));
            let shared = shared.transpose()?;
            let mut sigma = Vec::with_capacity(sectors.len());
            for (j, sector) in sectors.iter().enumerate() {
                sigma.push(match (table.get(sector.as_str()), shared) {
                    (Some(v), _) => {
                        let name = format!("sigma.{sector}");
                        let item = if takes_item(numbers, reader, v, &name)? { &name } else { "sigma" };
                        numbers.read(reader, v, item, name.clone(), Range::NotNegative)?
                    }
                    (None, Some(shared)) => shared,
                    // A sector that does not use the input needs none.
                    (None, None) if !uses(j) => {
                        numbers.exact(format!("sigma.{sector}"), 1.0, Range::NotNegative, "not used")
                    }
                    (None, None) => {
                        let (line, key) = (reader.line(&value.span()), "sigma".to_owned());
                        return Err(ScenarioError::MissingElement { line, key, missing: sector.clone() });
                    }
                });
            }
            sigma
        } else if let Some(estimates) = sectoral(numbers, reader, value)? {
            let line = reader.line(&value.span());
            let mut sigma = Vec::with_capacity(sectors.len());
            for (j, sector) in sectors.iter().enumerate() {
                let name = format!("sigma.{sector}");
                sigma.push(if uses(j) {
                    numbers.estimated(estimates, &name, name.clone(), Range::NotNegative, line)?
                } else {
                    numbers.exact(name, 1.0, Range::NotNegative, "not used")
                });
            }
            sigma
        } else {
            vec![numbers.read(reader, value, "sigma", "sigma".to_owned(), Range::NotNegative)?; sectors.len()]
        };
        let (key, name) = ("element_sigma", "element_sigma".to_owned());
        let element_sigma = if selection.indices.len() == 1 && entry.get(key).is_none() {
            numbers.exact(name, 1.0, Range::NotNegative, "of no matter with one element")
        } else {
            let value = entry.required(key, "element_sigma = 0.5")?;
            numbers.read(reader, value, key, name, Range::NotNegative)?
        };
        let joint_products = match entry.get("joint_products") {
            None => false,
            Some(value) => value
                .get_ref()
                .as_bool()
                .ok_or_else(|| entry.reader().wrong_type(value, "joint_products", "true or false"))?,
        };
        let how = if joint_products { ", joint products" } else { "" };
        let words = format!("critical inputs: {}{how}", selection.words);
        Ok((Self { sectors: selection.indices, sigma, element_sigma, joint_products }, words))
    }

    pub(super) fn with(&self, values: &[f64]) -> CriticalInputs {
        CriticalInputs {
            sectors: self.sectors.clone(),
            sigma: self.sigma.iter().map(|p| values[*p]).collect::<Array1<f64>>(),
            element_sigma: values[self.element_sigma],
            joint_products: self.joint_products,
        }
    }
}

/// Estimates named without an item that have no `sigma` for all sectors, but `sigma.SECTOR` for each.
fn sectoral(
    numbers: &mut Collector,
    reader: &reader::Reader,
    value: &toml::Spanned<DeValue>,
) -> Result<Option<usize>, ScenarioError> {
    let DeValue::String(text) = value.get_ref() else { return Ok(None) };
    if text.contains(':') {
        return Ok(None);
    }
    let estimates = numbers.estimates(text, reader.line(&value.span()))?;
    Ok(numbers.has_only_sectoral(estimates, "sigma").then_some(estimates))
}

/// Whether what is given for a sector's `sigma` is to be looked up, and spoken of, by this item, `sigma.SECTOR`: estimates that
/// lack it have their one `sigma`.
fn takes_item(
    numbers: &mut Collector,
    reader: &reader::Reader,
    value: &toml::Spanned<DeValue>,
    item: &str,
) -> Result<bool, ScenarioError> {
    let DeValue::String(text) = value.get_ref() else { return Ok(true) };
    if text.contains(':') {
        return Ok(true);
    }
    let estimates = numbers.estimates(text, reader.line(&value.span()))?;
    Ok(numbers.has(estimates, item) || !numbers.has(estimates, "sigma"))
}

impl Research {
    pub(super) fn read(
        entry: &Entry,
        economy: &Economy,
        numbers: &mut Collector,
    ) -> Result<(Self, String), ScenarioError> {
        entry.allow(&["closure", "lambda", "phi", "xi", "delta", "g", "diffusion", "paid_in"])?;
        let reader = entry.reader();
        let names = Closure::NAMES.map(|(name, _)| name);
        let given = entry.required("closure", "closure = \"free-entry\"")?;
        let name = reader.word(given, "closure", &names)?;
        let closure =
            Closure::NAMES.iter().find(|(known, _)| *known == name).map_or(Closure::Exogenous, |c| c.1);
        let mut number = |key: &str, default: f64, range| match entry.get(key) {
            Some(value) => numbers.read(reader, value, key, key.to_owned(), range),
            None => Ok(numbers.exact(key.to_owned(), default, range, "default")),
        };
        let research = Self {
            closure,
            lambda: number("lambda", 0.5, Range::NotNegative)?,
            phi: number("phi", 0.5, Range::NotNegative)?,
            xi: number("xi", 0.0, Range::NotNegative)?,
            delta: number("delta", 0.15, Range::Share)?,
            g: number("g", 0.03, Range::NotNegative)?,
            diffusion: diffusion(entry, economy)?,
            paid_in: match entry.get("paid_in") {
                None => ResearchCost::FinalGood,
                Some(value) => match reader.text(value, "paid_in")?.as_str() {
                    "final-good" => ResearchCost::FinalGood,
                    factor => {
                        let factors = economy.labels().factors();
                        ResearchCost::Factor(reader.find("factor", factors, factor, &value.span())?)
                    }
                },
            },
        };
        Ok((research, format!("technology: {name}")))
    }

    /// The innovation parameters.
    pub(super) fn innovation(&self, values: &[f64]) -> Innovation {
        Innovation {
            lambda: values[self.lambda],
            phi: values[self.phi],
            xi: values[self.xi],
            diffusion: self.diffusion.clone(),
            paid_in: self.paid_in,
        }
    }

    pub(super) fn technology(&self, values: &[f64]) -> Technology {
        match self.closure {
            Closure::Exogenous => Technology::Exogenous,
            Closure::FreeEntry => Technology::FreeEntry(self.innovation(values)),
            Closure::FixedResearchers => Technology::FixedResearchers(self.innovation(values)),
        }
    }
}

const DIFFUSION: &str = "\"national\", \"global\", { blocs = [[\"CHN\"], ...] } or { matrix = [[...], ...] }";

fn diffusion(entry: &Entry, economy: &Economy) -> Result<Diffusion, ScenarioError> {
    let (reader, countries) = (entry.reader(), economy.labels().countries());
    let Some(value) = entry.get("diffusion") else { return Ok(Diffusion::National) };
    let line = reader.line(&value.span());
    let fail = |problem: String, remedy| Err(ScenarioError::Diffusion { line, problem, remedy });
    let table = match value.get_ref() {
        DeValue::String(_) => {
            return Ok(match reader.word(value, "diffusion", &["national", "global"])? {
                "global" => Diffusion::Global,
                _ => Diffusion::National,
            });
        }
        DeValue::Table(table) if table.len() == 1 => table,
        _ => return Err(reader.wrong_type(value, "diffusion", DIFFUSION)),
    };
    let rows = |key: &str| table.get(key).and_then(|v| v.get_ref().as_array());
    if let Some(list) = rows("blocs") {
        // Countries that no list names form a bloc of their own together.
        let mut bloc = vec![list.len(); countries.len()];
        for (number, members) in list.iter().enumerate() {
            let members = members.get_ref().as_array();
            let members =
                members.ok_or_else(|| reader.wrong_type(value, "blocs", "a list of lists of countries"))?;
            for member in members {
                let name = reader.text(member, "blocs")?;
                let n = reader.country(&name, &member.span())?;
                if bloc[n] != list.len() {
                    return fail(format!("{name} is in two blocs"), "put it into one");
                }
                bloc[n] = number;
            }
        }
        return Ok(Diffusion::Blocs(bloc));
    }
    let Some(list) = rows("matrix") else {
        let known = ["blocs", "matrix"];
        let key = table.keys().next().map_or("", |k| k.get_ref());
        let (section, found) = ("diffusion".to_owned(), key.to_owned());
        let remedy = reader::nearest(key, &known, "its keys are");
        return Err(ScenarioError::UnknownKey { line, section, found, remedy });
    };
    let n = countries.len();
    let mut omega = Array2::zeros((n, n));
    let square =
        "give each country a row with a weight for each country, in the order of the economy's labels";
    if list.len() != n {
        return fail(format!("the diffusion matrix has {} rows for {n} countries", list.len()), square);
    }
    for (m, row) in list.iter().enumerate() {
        let Some(row) = row.get_ref().as_array().filter(|row| row.len() == n) else {
            return fail(format!("row {} of the diffusion matrix has not {n} weights", m + 1), square);
        };
        for (i, weight) in row.iter().enumerate() {
            omega[[m, i]] = reader.number(weight, "matrix")?;
        }
        let sum = omega.row(m).sum();
        if !((sum - 1.0).abs() < 1e-9 && omega.row(m).iter().all(|w| *w >= 0.0)) {
            let country = &countries[m];
            return fail(
                format!("diffusion weights of {country} sum to {sum}"),
                "give weights that are not negative and sum to 1",
            );
        }
    }
    Ok(Diffusion::Matrix(omega))
}
