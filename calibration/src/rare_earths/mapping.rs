//! Who uses rare earths for what, and out of what they are carved: the files a user edits.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::STATUS;
use super::schema::{read, unique};
use super::{Facts, Files, RareEarthError, Region, Status};

/// How far weights may sum from one before it is an error; smaller differences are scaled away.
pub const WEIGHT_TOLERANCE: f64 = 1e-9;

/// A weight on an industry.
#[derive(Debug, Clone, PartialEq)]
pub struct Weight {
    /// Industry code of the classification.
    pub code: String,
    /// Share, summing to one within its group.
    pub weight: f64,
    /// Where it comes from.
    pub status: Status,
    /// Id in the sources table.
    pub source: String,
}

/// End use to industry, one alternative of one classification (`industries.csv`).
#[derive(Debug, Clone, PartialEq)]
pub struct IndustryMapping {
    /// `wiod2013`, `bea` or a user's own.
    pub classification: String,
    /// Name of the alternative.
    pub alternative: String,
    /// Industries of each end use, in the order of [`Facts::end_uses`].
    pub end_uses: Vec<Vec<Weight>>,
}

/// Industries whose output contained the critical input (`origins.csv`), one alternative.
#[derive(Debug, Clone, PartialEq)]
pub struct Origins {
    /// Name of the alternative.
    pub alternative: String,
    /// Shares of the carved-out value.
    pub industries: Vec<Weight>,
}

/// Region of each country code, `*` for those without a row (`regions.csv`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions(BTreeMap<String, Region>);

/// Risk of an export restriction by supplier, `*` for those without a row (`restriction_risk.csv`).
#[derive(Debug, Clone, PartialEq)]
pub struct RestrictionRisk(BTreeMap<String, (f64, Status)>);

fn ids(facts: &Facts) -> BTreeSet<String> {
    facts.sources.keys().cloned().collect()
}

fn absent(what: String, file: &str) -> RareEarthError {
    RareEarthError::Missing { what, hint: format!("add rows to {file}") }
}

/// Scales weights to sum to one exactly, or says that they do not.
fn normalise(file: &str, key: &str, weights: &mut [Weight]) -> Result<(), RareEarthError> {
    let sum: f64 = weights.iter().map(|w| w.weight).sum();
    if (sum - 1.0).abs() > WEIGHT_TOLERANCE {
        return Err(RareEarthError::Weights { file: file.to_owned(), key: key.to_owned(), sum });
    }
    for weight in weights {
        weight.weight /= sum;
    }
    Ok(())
}

impl IndustryMapping {
    /// The names of the alternatives that `industries.csv` has for a classification, in the order of the file.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn alternatives(
        files: &Files,
        facts: &Facts,
        classification: &str,
    ) -> Result<Vec<String>, RareEarthError> {
        let mut names: Vec<String> = Vec::new();
        for row in rows(files, facts)?.iter().filter(|r| r.classification == classification) {
            if !names.contains(&row.alternative) {
                names.push(row.alternative.clone());
            }
        }
        Ok(names)
    }

    /// Reads one alternative. Every end use must have weights that sum to one.
    ///
    /// # Errors
    /// [`RareEarthError`] naming file, line and column, the end use without weights, or the alternative that is missing.
    pub fn parse(
        files: &Files,
        facts: &Facts,
        classification: &str,
        alternative: &str,
    ) -> Result<Self, RareEarthError> {
        let all = rows(files, facts)?;
        let end_uses = facts.end_uses.iter().map(|end_use| {
            let mut weights: Vec<Weight> = all
                .iter()
                .filter(|r| {
                    r.classification == classification
                        && r.alternative == alternative
                        && r.end_use == end_use.id
                })
                .map(|r| r.weight.clone())
                .collect();
            let key = format!("{classification}, {alternative}, {}", end_use.id);
            if weights.is_empty() {
                return Err(absent(format!("industry for {key}"), INDUSTRIES));
            }
            normalise(INDUSTRIES, &key, &mut weights)?;
            Ok(weights)
        });
        Ok(Self {
            classification: classification.to_owned(),
            alternative: alternative.to_owned(),
            end_uses: end_uses.collect::<Result<_, _>>()?,
        })
    }

    /// The same mapping for aggregated industries: `to` gives the new code of each old one.
    ///
    /// # Errors
    /// [`RareEarthError::Missing`] if an industry with weight has no new code.
    pub fn aggregate(&self, to: &BTreeMap<String, String>) -> Result<Self, RareEarthError> {
        let end_uses =
            self.end_uses.iter().map(|weights| aggregate(weights, to)).collect::<Result<_, _>>()?;
        Ok(Self { end_uses, ..self.clone() })
    }
}

/// Adds up weights that go to the same code.
fn aggregate(weights: &[Weight], to: &BTreeMap<String, String>) -> Result<Vec<Weight>, RareEarthError> {
    let mut out: Vec<Weight> = Vec::new();
    for weight in weights {
        let code = to.get(&weight.code).ok_or_else(|| {
            absent(format!("aggregate for industry {}", weight.code), "the aggregation mapping")
        })?;
        match out.iter_mut().find(|w| w.code == *code) {
            Some(same) => {
                same.weight += weight.weight;
                same.status = same.status.max(weight.status);
            }
            None => out.push(Weight { code: code.clone(), ..weight.clone() }),
        }
    }
    Ok(out)
}

const INDUSTRIES: &str = "industries.csv";
const ORIGINS: &str = "origins.csv";

struct IndustryRow {
    classification: String,
    alternative: String,
    end_use: String,
    weight: Weight,
}

fn rows(files: &Files, facts: &Facts) -> Result<Vec<IndustryRow>, RareEarthError> {
    let ids = ids(facts);
    let header = ["classification", "alternative", "end_use", "code", "weight", "status", "source", "note"];
    let rows = read(INDUSTRIES, files.text(INDUSTRIES), &header, |r| {
        let end_use = r.word(2)?;
        if !facts.end_uses.iter().any(|e| e.id == end_use) {
            return Err(r.wrong(2, "an end use of end_uses.csv"));
        }
        Ok(IndustryRow {
            classification: r.word(0)?,
            alternative: r.word(1)?,
            end_use,
            weight: Weight {
                code: r.word(3)?,
                weight: r.share(4)?,
                status: r.parse(5, STATUS)?,
                source: r.source(6, &ids)?,
            },
        })
    })?;
    unique(INDUSTRIES, &rows, |r| {
        (r.classification.clone(), r.alternative.clone(), r.end_use.clone(), r.weight.code.clone())
    })?;
    Ok(rows)
}

impl Origins {
    /// Reads one alternative of one classification.
    ///
    /// # Errors
    /// [`RareEarthError`] naming file, line and column, or the alternative that is missing.
    pub fn parse(
        files: &Files,
        facts: &Facts,
        classification: &str,
        alternative: &str,
    ) -> Result<Self, RareEarthError> {
        let ids = ids(facts);
        let header = ["classification", "alternative", "code", "weight", "status", "source"];
        let rows = read(ORIGINS, files.text(ORIGINS), &header, |r| {
            let weight = Weight {
                code: r.word(2)?,
                weight: r.share(3)?,
                status: r.parse(4, STATUS)?,
                source: r.source(5, &ids)?,
            };
            Ok((r.word(0)?, r.word(1)?, weight))
        })?;
        unique(ORIGINS, &rows, |r| (r.0.clone(), r.1.clone(), r.2.code.clone()))?;
        let mut industries: Vec<Weight> =
            rows.into_iter().filter(|r| r.0 == classification && r.1 == alternative).map(|r| r.2).collect();
        let key = format!("{classification}, {alternative}");
        if industries.is_empty() {
            return Err(absent(format!("origin for {key}"), ORIGINS));
        }
        normalise(ORIGINS, &key, &mut industries)?;
        Ok(Self { alternative: alternative.to_owned(), industries })
    }

    /// The same origins for aggregated industries.
    ///
    /// # Errors
    /// [`RareEarthError::Missing`] if an industry with weight has no new code.
    pub fn aggregate(&self, to: &BTreeMap<String, String>) -> Result<Self, RareEarthError> {
        Ok(Self { alternative: self.alternative.clone(), industries: aggregate(&self.industries, to)? })
    }
}

impl Regions {
    /// Reads `regions.csv`.
    ///
    /// # Errors
    /// [`RareEarthError`] naming file, line and column.
    pub fn parse(files: &Files) -> Result<Self, RareEarthError> {
        let file = "regions.csv";
        let rows = read(file, files.text(file), &["place", "region"], |r| {
            Ok((r.word(0)?, r.parse(1, "china, japan, united_states, europe or other")?))
        })?;
        unique(file, &rows, |r| r.0.clone())?;
        Ok(Self(rows.into_iter().collect()))
    }

    /// Region of a country code.
    ///
    /// # Errors
    /// [`RareEarthError::Missing`] if neither the code nor `*` has a row.
    pub fn of(&self, code: &str) -> Result<Region, RareEarthError> {
        let region = self.0.get(code).or_else(|| self.0.get("*"));
        region.copied().ok_or_else(|| absent(format!("region of {code}"), "regions.csv"))
    }
}

impl RestrictionRisk {
    /// Reads `restriction_risk.csv`.
    ///
    /// # Errors
    /// [`RareEarthError`] naming file, line and column.
    pub fn parse(files: &Files, facts: &Facts) -> Result<Self, RareEarthError> {
        let file = "restriction_risk.csv";
        let ids = ids(facts);
        let rows = read(file, files.text(file), &["place", "risk", "status", "source", "note"], |r| {
            r.source(3, &ids)?;
            Ok((r.word(0)?, (r.share(1)?, r.parse(2, STATUS)?)))
        })?;
        unique(file, &rows, |r| r.0.clone())?;
        Ok(Self(rows.into_iter().collect()))
    }

    /// Risk of a supplier, between 0 and 1.
    ///
    /// # Errors
    /// [`RareEarthError::Missing`] if neither the code nor `*` has a row.
    pub fn of(&self, code: &str) -> Result<f64, RareEarthError> {
        let risk = self.0.get(code).or_else(|| self.0.get("*"));
        risk.map(|r| r.0).ok_or_else(|| absent(format!("restriction risk of {code}"), "restriction_risk.csv"))
    }
}
