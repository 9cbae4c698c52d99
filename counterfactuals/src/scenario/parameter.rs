//! Numbers of a scenario that may be uncertain, and draws from their joint distribution.
//!
//! In a file a number is written in one of these ways; going from one to another changes one line:
//!
//! ```toml
//! sigma = 0.2                                              # known
//! sigma = { value = 0.2, sd = 0.05 }                       # normal
//! sigma = { value = 0.2, normal = [0.1, 0.3] }             # normal, this the range of 95 percent
//! sigma = { value = 0.2, lognormal = [0.1, 0.4] }          # log-normal with this median, the range of 95 percent
//! sigma = { value = 0.2, uniform = [0.05, 0.9], source = "assumption" }
//! sigma = "my-estimates"                                   # the item `sigma` of estimates that the caller has, with their
//!                                                          # joint covariance; "my-estimates:item" takes another item;
//!                                                          # estimates with items `sigma.SECTOR` give each sector its own
//! ```
//!
//! A draw depends on the seed, its number and the *name* of the parameter (or of the estimates), on nothing else: scenarios that
//! share a parameter share its draws (common random numbers), whatever else they hold, and threads never show. A draw outside a
//! parameter's range is drawn again, a whole vector of estimates at once, so distributions are truncated to the range.

use linalg::{LinalgError, SymmetricEigen};
use ndarray::{Array1, Array2};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::DeValue;

use super::ScenarioError;
use super::reader::{self, Reader};

/// A normal distribution has 95 percent within so many standard deviations.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// Times that a value out of range is drawn again before the draw counts as failed.
const ATTEMPTS: usize = 1000;

/// A number of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, such as `sigma`, `sigma.Machinery`, `theta.Chemicals`, `lambda` or `quota.1.volume.2011`.
    pub name: String,
    /// Its central value.
    pub value: f64,
    /// How it is distributed about it.
    pub spread: Spread,
    /// Where it comes from, in the file's words.
    pub source: String,
    /// What it may be.
    pub range: Range,
}

/// A distribution about a central value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Spread {
    /// Known.
    Exact,
    /// Normal about the value.
    Normal {
        /// Standard deviation.
        sd: f64,
    },
    /// Log-normal with the value as its median.
    LogNormal {
        /// Standard deviation of the logarithm.
        sd: f64,
    },
    /// Uniform; the value lies within.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Jointly normal with the other items of these estimates.
    Estimated {
        /// Position among the scenario's estimates.
        estimates: usize,
        /// Position among their items.
        item: usize,
    },
}

/// In words, for tables.
impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Spread::Exact => write!(f, "exact"),
            Spread::Normal { sd } => write!(f, "normal, s.d. {sd}"),
            Spread::LogNormal { sd } => write!(f, "log-normal, s.d. of the logarithm {sd:.4}"),
            Spread::Uniform { low, high } => write!(f, "uniform, {low} to {high}"),
            Spread::Estimated { .. } => write!(f, "jointly normal, as estimated"),
        }
    }
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Range {
    /// Above zero.
    Positive,
    /// Zero or more.
    NotNegative,
    /// From zero to one.
    Share,
    /// From zero to below one.
    BelowOne,
    /// One or more.
    AtLeastOne,
    /// Anything; what uses it checks it.
    Any,
}

impl Range {
    /// Whether it holds this number; none holds what is not finite.
    pub fn holds(self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Range::Positive => value > 0.0,
                Range::NotNegative => value >= 0.0,
                Range::Share => (0.0..=1.0).contains(&value),
                Range::BelowOne => (0.0..1.0).contains(&value),
                Range::AtLeastOne => value >= 1.0,
                Range::Any => true,
            }
    }

    /// The range in words.
    pub fn words(self) -> &'static str {
        match self {
            Range::Positive => "positive and finite",
            Range::NotNegative => "finite and not negative",
            Range::Share => "from 0 to 1; write 5 percent as 0.05",
            Range::BelowOne => "from 0 to below 1; write 5 percent as 0.05",
            Range::Any => "finite",
            Range::AtLeastOne => "finite and 1 or more: 1.2 is a fee of 20 percent on the producer's price",
        }
    }
}

/// Estimated numbers with their joint covariance, under a name that scenarios use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// Name.
    pub name: String,
    /// Where they come from, in words.
    pub provenance: String,
    /// Names of the numbers.
    items: Vec<String>,
    /// Estimates.
    value: Array1<f64>,
    /// Symmetric square root of their covariance.
    root: Array2<f64>,
}

/// Why estimates are not usable.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EstimatesError {
    /// Sizes that do not agree.
    #[error(
        "estimates `{name}` have {items} names, {values} values and a covariance of {rows} x {columns}: give all the same size"
    )]
    Shape {
        /// Name of the estimates.
        name: String,
        /// Number of names.
        items: usize,
        /// Number of values.
        values: usize,
        /// Rows of the covariance.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// A matrix that is no covariance.
    #[error(
        "the covariance of estimates `{name}` has an eigenvalue of {eigenvalue:e}: a covariance has none below zero; check its signs and units"
    )]
    NotACovariance {
        /// Name of the estimates.
        name: String,
        /// The smallest eigenvalue.
        eigenvalue: f64,
    },
    /// A matrix that is not finite.
    #[error("the covariance of estimates `{name}` is not usable")]
    Linalg {
        /// Name of the estimates.
        name: String,
        /// Why.
        source: LinalgError,
    },
}

impl Estimates {
    /// Keeps estimates with the square root of their covariance. Zero variances are allowed: such a number is known.
    ///
    /// # Errors
    /// [`EstimatesError`] for sizes that do not agree and a matrix that is no covariance.
    pub fn new(
        name: impl Into<String>,
        provenance: impl Into<String>,
        items: Vec<String>,
        value: Array1<f64>,
        covariance: &Array2<f64>,
    ) -> Result<Self, EstimatesError> {
        let name = name.into();
        let (rows, columns) = covariance.dim();
        if [value.len(), rows, columns].iter().any(|size| *size != items.len()) {
            return Err(EstimatesError::Shape {
                name,
                items: items.len(),
                values: value.len(),
                rows,
                columns,
            });
        }
        let eigen = SymmetricEigen::new(covariance.view())
            .map_err(|source| EstimatesError::Linalg { name: name.clone(), source })?;
        let largest = eigen.values.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        if let Some(&eigenvalue) = eigen.values.first().filter(|least| **least < -1e-9 * largest) {
            return Err(EstimatesError::NotACovariance { name, eigenvalue });
        }
        let root = eigen.map(|l| l.max(0.0).sqrt());
        Ok(Self { name, provenance: provenance.into(), items, value, root })
    }

    /// Names of the numbers.
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// The estimates.
    pub fn values(&self) -> &Array1<f64> {
        &self.value
    }

    pub(super) fn position(&self, item: &str) -> Option<usize> {
        self.items.iter().position(|known| known == item)
    }
}

/// A parameter that could not be drawn within its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`{parameter}` fell outside its range in {ATTEMPTS} attempts: narrow its uncertainty")]
pub struct DrawError {
    /// Its name, or that of the estimates.
    pub parameter: String,
}

/// One draw of all parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// Values in the order of the parameters.
    pub values: Vec<f64>,
    /// How many values or vectors were drawn again because they fell outside their range.
    pub redrawn: usize,
}

/// The stream of one parameter in one draw.
fn stream(seed: u64, draw: u64, name: &str) -> Xoshiro256PlusPlus {
    // FNV-1a of the name; seeding spreads the bits.
    let named = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ named.rotate_left(31);
    Xoshiro256PlusPlus::seed_from_u64(seed ^ draw.wrapping_mul(0xD134_2543_DE82_EF95))
}

/// Draws all parameters.
pub(super) fn draw(
    parameters: &[Parameter],
    estimates: &[Estimates],
    seed: u64,
    number: u64,
) -> Result<Draw, DrawError> {
    let mut redrawn = 0;
    let mut values = Vec::with_capacity(parameters.len());
    let joint = estimates
        .iter()
        .enumerate()
        .map(|(position, estimates)| joint(parameters, position, estimates, seed, number, &mut redrawn))
        .collect::<Result<Vec<_>, _>>()?;
    for parameter in parameters {
        if let Spread::Exact = parameter.spread {
            values.push(parameter.value);
            continue;
        }
        if let Spread::Estimated { estimates, item } = parameter.spread {
            values.push(joint.get(estimates).map_or(parameter.value, |vector| vector[item]));
            continue;
        }
        let mut stream = stream(seed, number, &parameter.name);
        let mut once = || match parameter.spread {
            Spread::Normal { sd } => parameter.value + sd * normal(&mut stream),
            Spread::LogNormal { sd } => parameter.value * (sd * normal(&mut stream)).exp(),
            Spread::Uniform { low, high } => low + (high - low) * stream.random::<f64>(),
            _ => parameter.value,
        };
        let mut value = once();
        let mut attempts = 1;
        while !parameter.range.holds(value) {
            if attempts == ATTEMPTS {
                return Err(DrawError { parameter: parameter.name.clone() });
            }
            (value, attempts, redrawn) = (once(), attempts + 1, redrawn + 1);
        }
        values.push(value);
    }
    Ok(Draw { values, redrawn })
}

fn normal(stream: &mut Xoshiro256PlusPlus) -> f64 {
    StandardNormal.sample(stream)
}

/// One vector of estimates, such that every parameter that uses it is within its range.
fn joint(
    parameters: &[Parameter],
    position: usize,
    estimates: &Estimates,
    seed: u64,
    number: u64,
    redrawn: &mut usize,
) -> Result<Array1<f64>, DrawError> {
    let mut stream = stream(seed, number, &estimates.name);
    for _ in 0..ATTEMPTS {
        let z: Array1<f64> = (0..estimates.items.len()).map(|_| normal(&mut stream)).collect();
        let vector = &estimates.value + &estimates.root.dot(&z);
        let fits = |p: &Parameter| match p.spread {
            Spread::Estimated { estimates, item } if estimates == position => p.range.holds(vector[item]),
            _ => true,
        };
        if parameters.iter().all(fits) {
            return Ok(vector);
        }
        *redrawn += 1;
    }
    Err(DrawError { parameter: estimates.name.clone() })
}

/// Collects the parameters of a file while it is read.
pub(super) struct Collector<'a> {
    pub(super) parameters: Vec<Parameter>,
    /// Estimates used so far.
    pub(super) used: Vec<Estimates>,
    known: &'a [Estimates],
}

impl<'a> Collector<'a> {
    pub(super) fn new(known: &'a [Estimates]) -> Self {
        Self { parameters: Vec::new(), used: Vec::new(), known }
    }

    /// Adds a known number.
    pub(super) fn exact(&mut self, name: String, value: f64, range: Range, source: &str) -> usize {
        self.add(Parameter { name, value, spread: Spread::Exact, source: source.to_owned(), range })
    }

    pub(super) fn add(&mut self, parameter: Parameter) -> usize {
        self.parameters.push(parameter);
        self.parameters.len() - 1
    }

    /// The estimates of this name, and where they stand among those used.
    pub(super) fn estimates(&mut self, name: &str, line: usize) -> Result<usize, ScenarioError> {
        if let Some(position) = self.used.iter().position(|used| used.name == name) {
            return Ok(position);
        }
        let found = self.known.iter().find(|known| known.name == name);
        let found = found.ok_or_else(|| {
            let names: Vec<&str> = self.known.iter().map(|known| known.name.as_str()).collect();
            let remedy = if names.is_empty() {
                "none were given: write a number".to_owned()
            } else {
                reader::nearest(name, &names, "there are")
            };
            ScenarioError::UnknownEstimates { line, found: name.to_owned(), remedy }
        })?;
        self.used.push(found.clone());
        Ok(self.used.len() - 1)
    }

    /// Whether estimates hold an item by sector, `ITEM.SECTOR`, and none for all.
    pub(super) fn has_only_sectoral(&self, estimates: usize, item: &str) -> bool {
        let items = &self.used[estimates].items;
        let prefix = format!("{item}.");
        items.iter().any(|known| known.starts_with(&prefix)) && !items.iter().any(|known| known == item)
    }

    /// Whether estimates hold an item.
    pub(super) fn has(&self, estimates: usize, item: &str) -> bool {
        self.used[estimates].position(item).is_some()
    }

    /// The error for a sector whose trade elasticity estimates do not hold.
    pub(super) fn no_elasticity(&self, estimates: usize, sector: &str, line: usize) -> ScenarioError {
        let from = &self.used[estimates];
        let items: Vec<&str> = from.items.iter().map(String::as_str).collect();
        ScenarioError::NoElasticity {
            line,
            estimates: from.name.clone(),
            sector: sector.to_owned(),
            has: reader::nearest(sector, &items, "they have"),
        }
    }

    /// An item of estimates as a parameter.
    pub(super) fn estimated(
        &mut self,
        estimates: usize,
        item: &str,
        name: String,
        range: Range,
        line: usize,
    ) -> Result<usize, ScenarioError> {
        let from = &self.used[estimates];
        let position = from.position(item).ok_or_else(|| {
            let items: Vec<&str> = from.items.iter().map(String::as_str).collect();
            ScenarioError::UnknownItem {
                line,
                estimates: from.name.clone(),
                item: item.to_owned(),
                remedy: reader::nearest(item, &items, "they have"),
            }
        })?;
        let (value, source) = (from.value[position], from.provenance.clone());
        if !range.holds(value) {
            return Err(ScenarioError::OutOfRange { line, key: name, value, range: range.words() });
        }
        let spread = Spread::Estimated { estimates, item: position };
        Ok(self.add(Parameter { name, value, spread, source, range }))
    }

    /// A number as the file writes it: plain, with uncertainty, or by name of estimates.
    pub(super) fn read(
        &mut self,
        reader: &Reader,
        value: &Spanned<DeValue>,
        key: &str,
        name: String,
        range: Range,
    ) -> Result<usize, ScenarioError> {
        let line = reader.line(&value.span());
        match value.get_ref() {
            DeValue::String(text) => {
                let (estimates, item) = text.split_once(':').unwrap_or((text, key));
                let estimates = self.estimates(estimates, line)?;
                self.estimated(estimates, item, name, range, line)
            }
            DeValue::Table(table) => {
                const KEYS: [&str; 6] = ["value", "sd", "normal", "lognormal", "uniform", "source"];
                if let Some(other) = table.keys().find(|k| !KEYS.contains(&k.get_ref().as_ref())) {
                    return Err(ScenarioError::UnknownKey {
                        line: reader.line(&other.span()),
                        section: format!("uncertain `{key}`"),
                        found: other.get_ref().to_string(),
                        remedy: reader::nearest(other.get_ref(), &KEYS, "its keys are"),
                    });
                }
                let Some(central) = table.get("value") else {
                    let (section, key) = (format!("uncertain `{key}`"), "value");
                    return Err(ScenarioError::MissingKey { line, section, key, example: "value = 0.2" });
                };
                let central = in_range(reader, central, key, range)?;
                let mut spreads = Vec::new();
                for kind in ["sd", "normal", "lognormal", "uniform"] {
                    if let Some(given) = table.get(kind) {
                        spreads.push(spread(reader, given, kind, key, central)?);
                    }
                }
                if spreads.len() > 1 {
                    return Err(ScenarioError::Spread {
                        line,
                        key: key.to_owned(),
                        problem: "is given twice".to_owned(),
                        remedy: "give one of `sd`, `normal`, `lognormal` and `uniform`",
                    });
                }
                let source = table.get("source").map_or(Ok(String::new()), |s| reader.text(s, "source"))?;
                let spread = spreads.pop().unwrap_or(Spread::Exact);
                Ok(self.add(Parameter { name, value: central, spread, source, range }))
            }
            _ => {
                let value = in_range(reader, value, key, range)?;
                Ok(self.exact(name, value, range, ""))
            }
        }
    }
}

fn in_range(
    reader: &Reader,
    value: &Spanned<DeValue>,
    key: &str,
    range: Range,
) -> Result<f64, ScenarioError> {
    let number = reader.number(value, key)?;
    if range.holds(number) {
        return Ok(number);
    }
    let line = reader.line(&value.span());
    Err(ScenarioError::OutOfRange { line, key: key.to_owned(), value: number, range: range.words() })
}

fn spread(
    reader: &Reader,
    given: &Spanned<DeValue>,
    kind: &str,
    key: &str,
    central: f64,
) -> Result<Spread, ScenarioError> {
    let line = reader.line(&given.span());
    let fail = |problem: &str, remedy| {
        Err(ScenarioError::Spread { line, key: key.to_owned(), problem: problem.to_owned(), remedy })
    };
    if kind == "sd" {
        let sd = reader.number(given, "sd")?;
        return if sd >= 0.0 && sd.is_finite() {
            Ok(Spread::Normal { sd })
        } else {
            fail("has a standard deviation that is negative or not finite", "give zero or more")
        };
    }
    let ends = given.get_ref().as_array().filter(|list| list.len() == 2);
    let Some(ends) = ends else {
        return Err(reader.wrong_type(given, kind, "a range [low, high]"));
    };
    let (low, high) = (reader.number(&ends[0], kind)?, reader.number(&ends[1], kind)?);
    if !(low <= central && central <= high && low < high && low.is_finite() && high.is_finite()) {
        return fail(
            &format!("runs from {low} to {high}, around a value of {central}"),
            "give a range [low, high] that holds the value",
        );
    }
    match kind {
        "normal" => Ok(Spread::Normal { sd: (high - low) / (2.0 * NORMAL_95) }),
        "lognormal" if low <= 0.0 => fail("is log-normal from zero or below", "start the range above zero"),
        "lognormal" => Ok(Spread::LogNormal { sd: (high / low).ln() / (2.0 * NORMAL_95) }),
        _ => Ok(Spread::Uniform { low, high }),
    }
}
