//! Changes of policies and fundamentals: the sections `tariff`, `export_tax`, `iceberg`, `productivity`, `endowment`,
//! `preference`, `research_subsidy` and `recycling`. Each entry becomes a [`Change`], which acts on a shock.

use model_core::{Augmentation, Economy, Shock};
use ndarray::{Array1, Array2, Array3};
use serde::{Deserialize, Serialize};

use super::ScenarioError;
use super::parameter::{Collector, Range};
use super::reader::{Entry, Selection};
use super::years::{Window, Years};

/// One entry of a section, by positions in the labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When it acts.
    pub window: Window,
    /// What it does.
    pub what: What,
    /// The same in words.
    pub words: String,
}

/// What an entry changes. Numbers behind a position are [`super::Parameter`]s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum What {
    /// Tariffs of flows `(importer, exporter, sector)`.
    Tariff(Vec<(usize, usize, usize)>, Rate, usize),
    /// Export taxes.
    ExportTax(Vec<(usize, usize, usize)>, Rate, usize),
    /// Iceberg costs times a hat.
    Iceberg(Vec<(usize, usize, usize)>, f64),
    /// Productivity `(country, sector)` times a hat.
    Productivity(Vec<(usize, usize)>, usize),
    /// Endowments `(country, factor)` times a hat.
    Endowment(Vec<(usize, usize)>, usize),
    /// Tastes `(country, sector)` times a hat.
    Preference(Vec<(usize, usize)>, usize),
    /// The government pays this share of the price of research on the critical input.
    ResearchSubsidy(Vec<usize>, usize),
    /// This share of what is used of the critical input comes back, or out of stock: `A_R^` over one less the share.
    Recycling(Vec<usize>, usize),
}

/// How a rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rate {
    /// The new rate.
    New,
    /// An addition to the old one.
    Add,
    /// A factor on the old one.
    Times,
}

/// Sections read here, in the order in which they act.
pub(super) const SECTIONS: [&str; 8] = [
    "tariff",
    "export_tax",
    "iceberg",
    "productivity",
    "endowment",
    "preference",
    "research_subsidy",
    "recycling",
];

/// A rate that a change makes impossible.
pub(super) struct BadRate {
    pub(super) at: (usize, usize, usize),
    pub(super) value: f64,
}

impl Change {
    /// Reads an entry; `number` is its place in its section, from 1.
    pub(super) fn read(
        entry: &Entry,
        number: usize,
        years: &Years,
        numbers: &mut Collector,
    ) -> Result<Self, ScenarioError> {
        let section = entry.section;
        let window = years.window(entry)?;
        let name = |key: &str| format!("{section}.{number}.{key}");
        let (what, words) = match section {
            "tariff" | "export_tax" => {
                entry.allow(&["importer", "exporter", "sector", "rate", "add", "times", "from", "until"])?;
                let (importer, exporter) = pair(entry)?;
                let sector = entry.sectors("sector")?;
                let (change, value) = entry.one_of(&["rate", "add", "times"])?;
                if change != "times" && value.is_finite() && value.abs() > 10.0 {
                    return Err(ScenarioError::Percent { line: entry.line_of(change), value });
                }
                let flows = flows(&importer, &exporter, &sector);
                let (how, verb) = match change {
                    "rate" => (Rate::New, "set to"),
                    "add" => (Rate::Add, "raised by"),
                    _ => (Rate::Times, "multiplied by"),
                };
                let words = format!(
                    "{section}: {} from {}, {}: {} rates {verb} {value}",
                    importer.words,
                    exporter.words,
                    sector.words,
                    flows.len()
                );
                let parameter = numbers.exact(name(change), value, Range::Any, "");
                match section {
                    "tariff" => (What::Tariff(flows, how, parameter), words),
                    _ => (What::ExportTax(flows, how, parameter), words),
                }
            }
            "iceberg" => {
                entry.allow(&["importer", "exporter", "sector", "hat", "from", "until"])?;
                let (importer, exporter) = pair(entry)?;
                let sector = entry.sectors("sector")?;
                let hat = entry.hat("positive (`inf` stops the flow)", |hat| hat > 0.0)?;
                let words = format!("{} from {}, {}", importer.words, exporter.words, sector.words);
                let flows = flows(&importer, &exporter, &sector);
                (What::Iceberg(flows, hat), format!("iceberg: {words}: trade costs times {hat}"))
            }
            "research_subsidy" | "recycling" => {
                entry.allow(&["country", "share", "from", "until"])?;
                let country = entry.countries("country")?;
                let value = entry.required("share", "share = 0.1")?;
                let share = numbers.read(entry.reader(), value, "share", name("share"), Range::BelowOne)?;
                let amount = numbers.parameters[share].value;
                let words = format!("{section}: {}: a share of {amount}", country.words);
                match section {
                    "recycling" => (What::Recycling(country.indices, share), words),
                    _ => (What::ResearchSubsidy(country.indices, share), words),
                }
            }
            _ => {
                let other = if section == "endowment" { "factor" } else { "sector" };
                entry.allow(&["country", other, "hat", "from", "until"])?;
                let countries = entry.countries("country")?;
                let others = if other == "factor" { entry.factors(other)? } else { entry.sectors(other)? };
                let value = entry.required("hat", "hat = 1.1")?;
                let plain = entry.reader().number(value, "hat").is_ok();
                let range = if section == "preference" { Range::NotNegative } else { Range::Positive };
                if plain {
                    entry.hat(range.words(), |hat| range.holds(hat))?;
                }
                let hat = numbers.read(entry.reader(), value, "hat", name("hat"), range)?;
                let cells = countries.indices.iter();
                let cells = cells.flat_map(|&n| others.indices.iter().map(move |&k| (n, k))).collect();
                let amount = numbers.parameters[hat].value;
                let words = format!("{section}: {}, {}: times {amount}", countries.words, others.words);
                match section {
                    "productivity" => (What::Productivity(cells, hat), words),
                    "endowment" => (What::Endowment(cells, hat), words),
                    _ => (What::Preference(cells, hat), words),
                }
            }
        };
        Ok(Self { words: window.describe(&words), window, what })
    }

    /// Acts on a shock to `economy`, on what earlier changes left.
    pub(super) fn apply(&self, economy: &Economy, values: &[f64], shock: &mut Shock) -> Result<(), BadRate> {
        let dims = economy.dims();
        match &self.what {
            What::Tariff(flows, how, value) => {
                let rates = shock.tariff.get_or_insert_with(|| economy.tariff().clone());
                set_rates(rates, flows, *how, values[*value])?;
            }
            What::ExportTax(flows, how, value) => {
                let rates = shock.export_tax.get_or_insert_with(|| economy.export_tax().clone());
                set_rates(rates, flows, *how, values[*value])?;
            }
            What::Iceberg(flows, hat) => {
                let shape = economy.tariff().raw_dim();
                let hats = shock.iceberg_hat.get_or_insert_with(|| Array3::ones(shape));
                for &(n, i, j) in flows {
                    hats[[n, i, j]] *= hat;
                }
            }
            What::Productivity(cells, hat) => {
                multiply(&mut shock.productivity_hat, (dims.countries, dims.sectors), cells, values[*hat]);
            }
            What::Endowment(cells, hat) => {
                multiply(&mut shock.endowment_hat, (dims.countries, dims.factors), cells, values[*hat]);
            }
            What::Preference(cells, hat) => {
                multiply(&mut shock.preference_hat, (dims.countries, dims.sectors), cells, values[*hat]);
            }
            What::ResearchSubsidy(countries, share) => {
                let hats = shock.research_cost_hat.get_or_insert_with(|| Array1::ones(dims.countries));
                countries.iter().for_each(|&n| hats[n] *= 1.0 - values[*share]);
            }
            What::Recycling(countries, share) => {
                let given = shock
                    .augmentation
                    .get_or_insert_with(|| Augmentation::none(dims.countries, dims.sectors));
                for &n in countries {
                    given.critical.row_mut(n).mapv_inplace(|a| a / (1.0 - values[*share]));
                }
            }
        }
        Ok(())
    }
}

fn set_rates(
    rates: &mut Array3<f64>,
    flows: &[(usize, usize, usize)],
    how: Rate,
    value: f64,
) -> Result<(), BadRate> {
    for &(n, i, j) in flows {
        let rate = &mut rates[[n, i, j]];
        *rate = match how {
            Rate::New => value,
            Rate::Add => *rate + value,
            Rate::Times => *rate * value,
        };
        if !(rate.is_finite() && *rate > -1.0) {
            return Err(BadRate { at: (n, i, j), value: *rate });
        }
    }
    Ok(())
}

fn multiply(slot: &mut Option<Array2<f64>>, shape: (usize, usize), cells: &[(usize, usize)], hat: f64) {
    let hats = slot.get_or_insert_with(|| Array2::ones(shape));
    cells.iter().for_each(|&(n, k)| hats[[n, k]] *= hat);
}

/// Importer and exporter of an entry; refuses a pair that is only a country and itself.
pub(super) fn pair(entry: &Entry) -> Result<(Selection, Selection), ScenarioError> {
    let (importer, exporter) = (entry.countries("importer")?, entry.countries("exporter")?);
    let named_twice = |n: &&usize| importer.named && exporter.named && exporter.indices.contains(n);
    let alone = importer.indices.len() == 1 && importer.indices == exporter.indices;
    if let Some(&n) = importer.indices.iter().find(|n| alone || named_twice(n)) {
        return Err(ScenarioError::OwnTrade { line: entry.line, country: entry.country_name(n) });
    }
    Ok((importer, exporter))
}

fn flows(importer: &Selection, exporter: &Selection, sector: &Selection) -> Vec<(usize, usize, usize)> {
    let pairs = importer.indices.iter().flat_map(|&n| exporter.indices.iter().map(move |&i| (n, i)));
    let abroad = pairs.filter(|(n, i)| n != i);
    abroad.flat_map(|(n, i)| sector.indices.iter().map(move |&j| (n, i, j))).collect()
}
