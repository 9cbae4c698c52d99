//! Shock files: what changes, written by hand in TOML, read against the labels of an economy.
//!
//! ```toml
//! title = "The USA adds ten points to its tariff on Chinese goods"
//! deficits = "fixed"        # or "zero", "share-of-income", or a table { USA = 1.0, CHN = -1.0 } of new levels
//!
//! [[tariff]]                # also [[export_tax]]: a new `rate`, or `add` to the old one, or `times` the old one
//! importer = "USA"          # a label, a list of labels, "all", or { all-but = ["USA"] }
//! exporter = "CHN"
//! sector = "all"
//! add = 0.10
//!
//! [[iceberg]]               # trade costs, new over old; `inf` stops the flow
//! importer = "all"
//! exporter = "CHN"
//! sector = "all"
//! hat = 1.2
//!
//! [[productivity]]          # country, sector, hat
//! [[endowment]]             # country, factor, hat
//! [[preference]]            # country, sector, hat (final shares; made to sum to one again)
//! ```
//!
//! Entries act in the order in which they stand, each on what the earlier ones left. Trade of a country with itself is
//! never touched: "all" leaves it out. Rates are fractions (5 percent is 0.05); hats are new over baseline.
//!
//! ```
//! use counterfactuals::ShockFile;
//! use model_core::synthetic::Recipe;
//!
//! let mut state = 1_u64; // any generator of uniform numbers does
//! let mut uniform = || {
//!     state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
//!     (state >> 11) as f64 / (1_u64 << 53) as f64
//! };
//! let economy = Recipe::new(3, 2, 1).draw(&mut uniform)?;
//! let (home, abroad) = (&economy.labels().countries()[0], &economy.labels().countries()[1]);
//! let text = format!("[[tariff]]\nimporter = \"{home}\"\nexporter = \"{abroad}\"\nsector = \"all\"\nadd = 0.1");
//! let file = ShockFile::parse(&text, &economy)?;
//! let tariff = file.shock.tariff.expect("the file changes tariffs");
//! assert!((tariff[[0, 1, 0]] - economy.tariff()[[0, 1, 0]] - 0.1).abs() < 1e-15);
//! assert_eq!(tariff[[1, 0, 0]], economy.tariff()[[1, 0, 0]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod reader;

use model_core::{Deficits, Economy, Shock};
use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};

pub use error::ShockFileError;
use reader::{Entry, Reader, Selection};

/// The sections and keys that a file may have at its top.
const TOP: [&str; 8] =
    ["title", "deficits", "tariff", "export_tax", "iceberg", "productivity", "endowment", "preference"];

/// A shock file, read and resolved against an economy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShockFile {
    /// What the file calls itself; empty when it does not.
    pub title: String,
    /// The shock.
    pub shock: Shock,
    /// What each entry came to, in words, in the order in which they were applied.
    pub changes: Vec<String>,
}

impl ShockFile {
    /// Reads a shock file against the labels and the baseline rates of an economy.
    ///
    /// # Errors
    /// A [`ShockFileError`] that names the line and says what to write instead.
    pub fn parse(text: &str, economy: &Economy) -> Result<Self, ShockFileError> {
        let reader = Reader::new(text, economy.labels());
        let document = DeTable::parse(text).map_err(|e| reader.syntax(&e))?;
        let document = document.get_ref();
        if let Some((key, _)) = document.iter().find(|(key, _)| !TOP.contains(&key.get_ref().as_ref())) {
            return Err(ShockFileError::UnknownSection {
                line: reader.line(&key.span()),
                found: key.get_ref().to_string(),
                remedy: reader::nearest(key.get_ref(), &TOP, "known are"),
            });
        }
        let title = match document.get("title") {
            None => String::new(),
            Some(value) => reader.text(value, "title")?,
        };
        let mut resolver = Resolver { economy, shock: Shock::default(), changes: Vec::new() };
        resolver.deficits(&reader, document)?;
        for entry in reader.entries(document, "tariff")? {
            resolver.rate(&entry)?;
        }
        for entry in reader.entries(document, "export_tax")? {
            resolver.rate(&entry)?;
        }
        for entry in reader.entries(document, "iceberg")? {
            resolver.iceberg(&entry)?;
        }
        for section in ["productivity", "endowment", "preference"] {
            for entry in reader.entries(document, section)? {
                resolver.hat(&entry)?;
            }
        }
        if resolver.changes.is_empty() {
            return Err(ShockFileError::Nothing);
        }
        Ok(Self { title, shock: resolver.shock, changes: resolver.changes })
    }
}

/// Applies entries one after the other.
struct Resolver<'a> {
    economy: &'a Economy,
    shock: Shock,
    changes: Vec<String>,
}

impl Resolver<'_> {
    fn deficits(&mut self, reader: &Reader, document: &DeTable) -> Result<(), ShockFileError> {
        const RULES: [&str; 3] = ["fixed", "zero", "share-of-income"];
        let Some(value) = document.get("deficits") else { return Ok(()) };
        let line = reader.line(&value.span());
        self.shock.deficits = match value.get_ref() {
            DeValue::String(rule) => match rule.as_ref() {
                "fixed" => return Ok(()),
                "zero" => Deficits::Zero,
                "share-of-income" => Deficits::ShareOfIncome,
                found => {
                    let remedy = reader::nearest(found, &RULES, "the rules are");
                    return Err(ShockFileError::UnknownRule { line, found: found.to_owned(), remedy });
                }
            },
            DeValue::Table(table) => {
                let mut levels = self.economy.deficit().clone();
                for (country, level) in table {
                    let n = reader.country(country.get_ref(), &country.span())?;
                    levels[n] = reader.number(level, country.get_ref())?;
                }
                let sum = levels.sum();
                if sum.abs() > 1e-9 * self.economy.factor_income().sum() {
                    let unit = self.economy.metadata().unit.clone();
                    return Err(ShockFileError::DeficitSum { line, sum, unit });
                }
                Deficits::Levels(levels)
            }
            other => {
                return Err(ShockFileError::WrongType {
                    line,
                    key: "deficits".to_owned(),
                    found: other.type_str(),
                    expected: "a rule in quotes or a table of new levels",
                });
            }
        };
        let rule = match &self.shock.deficits {
            Deficits::Zero => "all are closed to zero",
            Deficits::ShareOfIncome => "each stays a share of its country's income",
            _ => "new levels",
        };
        self.changes.push(format!("deficits: {rule}"));
        Ok(())
    }

    /// A tariff or an export tax.
    fn rate(&mut self, entry: &Entry) -> Result<(), ShockFileError> {
        entry.allow(&["importer", "exporter", "sector", "rate", "add", "times"])?;
        let (importer, exporter) = pair(entry)?;
        let sector = entry.sectors("sector")?;
        let (change, value) = entry.one_of(&["rate", "add", "times"])?;
        if change != "times" && value.is_finite() && value.abs() > 10.0 {
            return Err(ShockFileError::Percent { line: entry.line_of(change), value });
        }
        let baseline = match entry.section {
            "tariff" => self.economy.tariff(),
            _ => self.economy.export_tax(),
        };
        let slot = match entry.section {
            "tariff" => &mut self.shock.tariff,
            _ => &mut self.shock.export_tax,
        };
        let rates = slot.get_or_insert_with(|| baseline.clone());
        let mut count = 0;
        for (n, i, j) in flows(&importer, &exporter, &sector) {
            let rate = &mut rates[[n, i, j]];
            *rate = match change {
                "rate" => value,
                "add" => *rate + value,
                _ => *rate * value,
            };
            if !(rate.is_finite() && *rate > -1.0) {
                let labels = self.economy.labels();
                return Err(ShockFileError::Rate {
                    line: entry.line_of(change),
                    importer: labels.countries()[n].clone(),
                    exporter: labels.countries()[i].clone(),
                    sector: labels.sectors()[j].clone(),
                    value: *rate,
                });
            }
            count += 1;
        }
        let verb = match change {
            "rate" => "set to",
            "add" => "raised by",
            _ => "multiplied by",
        };
        self.changes.push(format!(
            "{}: {} from {}, {}: {count} rates {verb} {value}",
            entry.section, importer.words, exporter.words, sector.words
        ));
        Ok(())
    }

    fn iceberg(&mut self, entry: &Entry) -> Result<(), ShockFileError> {
        entry.allow(&["importer", "exporter", "sector", "hat"])?;
        let (importer, exporter) = pair(entry)?;
        let sector = entry.sectors("sector")?;
        let hat = entry.hat("positive (`inf` stops the flow)", |hat| hat > 0.0)?;
        let shape = self.economy.tariff().raw_dim();
        let hats = self.shock.iceberg_hat.get_or_insert_with(|| Array3::ones(shape));
        for (n, i, j) in flows(&importer, &exporter, &sector) {
            hats[[n, i, j]] *= hat;
        }
        let words = format!("{} from {}, {}", importer.words, exporter.words, sector.words);
        self.changes.push(format!("iceberg: {words}: trade costs times {hat}"));
        Ok(())
    }

    /// Productivity, endowments, tastes: a hat by country and something else.
    fn hat(&mut self, entry: &Entry) -> Result<(), ShockFileError> {
        let other = if entry.section == "endowment" { "factor" } else { "sector" };
        entry.allow(&["country", other, "hat"])?;
        let countries = entry.countries("country")?;
        let others = if other == "factor" { entry.factors(other)? } else { entry.sectors(other)? };
        let hat = if entry.section == "preference" {
            entry.hat("finite and not negative", |hat| hat >= 0.0 && hat.is_finite())?
        } else {
            entry.hat("positive and finite", |hat| hat > 0.0 && hat.is_finite())?
        };
        let dims = self.economy.dims();
        let (slot, columns) = match entry.section {
            "productivity" => (&mut self.shock.productivity_hat, dims.sectors),
            "endowment" => (&mut self.shock.endowment_hat, dims.factors),
            _ => (&mut self.shock.preference_hat, dims.sectors),
        };
        let hats = slot.get_or_insert_with(|| Array2::ones((dims.countries, columns)));
        for &n in &countries.indices {
            for &k in &others.indices {
                hats[[n, k]] *= hat;
            }
        }
        let words = format!("{}, {}", countries.words, others.words);
        self.changes.push(format!("{}: {words}: times {hat}", entry.section));
        Ok(())
    }
}

/// Importer and exporter of an entry; refuses a pair that is only a country and itself.
fn pair(entry: &Entry) -> Result<(Selection, Selection), ShockFileError> {
    let (importer, exporter) = (entry.countries("importer")?, entry.countries("exporter")?);
    let named_twice = |n: &&usize| importer.named && exporter.named && exporter.indices.contains(n);
    let alone = importer.indices.len() == 1 && importer.indices == exporter.indices;
    if let Some(&n) = importer.indices.iter().find(|n| alone || named_twice(n)) {
        return Err(ShockFileError::OwnTrade { line: entry.line, country: entry.country_name(n) });
    }
    Ok((importer, exporter))
}

fn flows<'a>(
    importer: &'a Selection,
    exporter: &'a Selection,
    sector: &'a Selection,
) -> impl Iterator<Item = (usize, usize, usize)> + 'a {
    let pairs = importer.indices.iter().flat_map(|&n| exporter.indices.iter().map(move |&i| (n, i)));
    let abroad = pairs.filter(|(n, i)| n != i);
    abroad.flat_map(|(n, i)| sector.indices.iter().map(move |&j| (n, i, j)))
}

#[cfg(test)]
mod tests;
