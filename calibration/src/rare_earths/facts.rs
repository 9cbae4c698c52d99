//! The rare-earth facts: tonnes, prices, quotas, duties, end uses, each with its status and source.
//!
//! The files are in `data/rare_earths`; they are compiled in ([`Files::embedded`]) and any of them can be replaced by a
//! user's own ([`Files::read_dir`]). Every source id is resolved in `sources.csv`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::schema::{read, unique};
use super::{Element, Market, RareEarthError, Status, element::words};

/// The texts of all rare-earth files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files(BTreeMap<&'static str, String>);

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../data/rare_earths/", $name)))),+]
    };
}

/// Every file, by name.
const EMBEDDED: [(&str, &str); 14] = embedded![
    "sources.csv",
    "production.csv",
    "china_policy.csv",
    "export_duties.csv",
    "prices.csv",
    "price_companions.csv",
    "end_uses.csv",
    "consumption.csv",
    "substitutability.csv",
    "industries.csv",
    "origins.csv",
    "regions.csv",
    "restriction_risk.csv",
    "ore_composition.csv",
];

impl Files {
    /// The files that come with the crate.
    #[must_use]
    pub fn embedded() -> Self {
        Self(EMBEDDED.iter().map(|(name, text)| (*name, (*text).to_owned())).collect())
    }

    /// The files that come with the crate, each replaced by the file of the same name in `dir` where there is one.
    ///
    /// # Errors
    /// [`RareEarthError::Io`] if a file exists but cannot be read.
    pub fn read_dir(dir: &Path) -> Result<Self, RareEarthError> {
        let mut files = Self::embedded();
        for (name, text) in &mut files.0 {
            let path = dir.join(name);
            if path.exists() {
                *text = std::fs::read_to_string(&path)
                    .map_err(|source| RareEarthError::Io { file: path.display().to_string(), source })?;
            }
        }
        Ok(files)
    }

    /// The same files with one replaced; a name that is not a rare-earth file is ignored and reported as `false`.
    pub fn replace(&mut self, name: &str, text: &str) -> bool {
        self.0.get_mut(name).map(|old| text.clone_into(old)).is_some()
    }

    /// Text of a file, empty if there is no such file.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Names of all files, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.keys().copied()
    }
}

words! {
    /// What a volume of Chinese policy or trade measures.
    PolicyMeasure {
        /// Export quota, product tonnes.
        ExportQuota = "export_quota",
        /// Exports by customs, product tonnes.
        Exports = "exports",
        /// Their value, million current USD.
        ExportValue = "export_value",
        /// Mining quota, tonnes of rare-earth oxide.
        MiningQuota = "mining_quota",
    }
}

words! {
    /// Who holds a quota.
    Holder {
        /// Domestic companies.
        Domestic = "domestic",
        /// Joint ventures with foreign partners.
        JointVenture = "joint_venture",
        /// All together.
        Total = "total",
    }
}

words! {
    /// The stage of processing that a duty applies to.
    Stage {
        /// Ores and concentrates.
        Ore = "ore",
        /// Separated oxides and salts.
        Oxide = "oxide",
        /// Metals.
        Metal = "metal",
        /// Alloys with iron.
        Alloy = "alloy",
    }
}

words! {
    /// How a price was averaged over time.
    QuoteKind {
        /// Mean of a year.
        Annual = "annual",
        /// At the end of December.
        YearEnd = "year_end",
        /// Mean of a quarter.
        Quarter = "quarter",
        /// Mean of a month.
        Month = "month",
        /// On a day.
        Spot = "spot",
    }
}

/// Mine output of a place in a year.
#[derive(Debug, Clone, PartialEq)]
pub struct Production {
    /// The series: `BGS` (British Geological Survey, the default, complete 1992-2023), `USGS`, others.
    pub series: String,
    /// ISO 3166 alpha-3 code; `WLD` the world, `OTH` all places without a row, where a source states them.
    pub place: String,
    /// Year.
    pub year: i32,
    /// Tonnes of rare-earth oxide.
    pub tonnes: f64,
    /// Where it comes from.
    pub status: Status,
    /// Id in the sources table.
    pub source: String,
}

/// A quota, or Chinese exports.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyVolume {
    /// What is measured.
    pub measure: PolicyMeasure,
    /// Year.
    pub year: i32,
    /// Whose quota.
    pub holder: Holder,
    /// Value in `unit`.
    pub value: f64,
    /// `t_product`, `t_reo` or `musd`.
    pub unit: String,
    /// Where it comes from.
    pub status: Status,
    /// Id in the sources table.
    pub source: String,
}

/// An ad-valorem export duty, in force from a date until the next for the same element and stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Duty {
    /// Year, month and day from which it holds.
    pub from: (i32, u32, u32),
    /// Element.
    pub element: Element,
    /// Stage of processing.
    pub stage: Stage,
    /// Rate, 0.15 is 15 percent.
    pub rate: f64,
    /// Where it comes from.
    pub status: Status,
    /// Id in the sources table.
    pub source: String,
}

/// A price, or a mean of prices.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// An element's symbol, or a product (`Er`, `PrNd`, `MtWeld basket`) that no price table uses.
    pub item: String,
    /// Where it holds.
    pub market: Market,
    /// Year, with quarter, month or day as written in the source.
    pub period: String,
    /// Year.
    pub year: i32,
    /// How it was averaged.
    pub kind: QuoteKind,
    /// Chinese value-added tax (17 percent) included.
    pub vat_included: bool,
    /// Current USD per kilogram of oxide, as quoted.
    pub usd_per_kg: f64,
    /// Where it comes from.
    pub status: Status,
    /// Id in the sources table.
    pub source: String,
}

/// Chinese value-added tax on rare earths before May 2018.
pub const CHINA_VAT: f64 = 0.17;

impl Quote {
    /// The price without value-added tax, USD per kilogram.
    #[must_use]
    pub fn net(&self) -> f64 {
        if self.vat_included { self.usd_per_kg / (1.0 + CHINA_VAT) } else { self.usd_per_kg }
    }
}

/// The element whose price a missing one follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Companion {
    /// The element.
    pub element: Element,
    /// The one it follows.
    pub companion: Element,
}

/// World tonnes of each element in one end use in 2008.
#[derive(Debug, Clone, PartialEq)]
pub struct EndUse {
    /// Id used by the mapping.
    pub id: String,
    /// Name to show.
    pub label: String,
    /// Tonnes of oxide by element.
    pub tonnes: [f64; Element::COUNT],
    /// Where it comes from.
    pub status: Status,
    /// Id in the sources table.
    pub source: String,
}

impl EndUse {
    /// Tonnes of all elements.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.tonnes.iter().sum()
    }
}

/// Something known about where rare earths are used.
#[derive(Debug, Clone, PartialEq)]
pub struct Consumption {
    /// `CHN`, `JPN`, `USA`, `FRA`, `EUR`, `OTH`, `WLD` or a union written with `+`.
    pub place: String,
    /// What: `use` is apparent consumption; other items are named in the file.
    pub item: String,
    /// Year.
    pub year: i32,
    /// Value in `unit`.
    pub value: f64,
    /// `t_reo` or `percent`.
    pub unit: String,
    /// Where it comes from.
    pub status: Status,
    /// Id in the sources table.
    pub source: String,
    /// How it was derived, if it was.
    pub note: String,
}

/// A measure of how hard an element is to replace.
#[derive(Debug, Clone, PartialEq)]
pub struct Substitutability {
    /// Element, or a group (`all`, `light`, `heavy`, or an element without a price here).
    pub item: String,
    /// Measure.
    pub measure: String,
    /// Value; scales differ by measure.
    pub value: f64,
    /// Where it comes from.
    pub status: Status,
    /// Id in the sources table.
    pub source: String,
}

/// All facts.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Citation of each source id.
    pub sources: BTreeMap<String, String>,
    /// Mine output.
    pub production: Vec<Production>,
    /// Chinese quotas and exports.
    pub policy: Vec<PolicyVolume>,
    /// Chinese export duties.
    pub duties: Vec<Duty>,
    /// Prices.
    pub quotes: Vec<Quote>,
    /// Which element each element's price follows.
    pub companions: Vec<Companion>,
    /// End uses by element, 2008.
    pub end_uses: Vec<EndUse>,
    /// Consumption by region.
    pub consumption: Vec<Consumption>,
    /// Substitutability.
    pub substitutability: Vec<Substitutability>,
}

impl Facts {
    /// The facts that come with the crate.
    ///
    /// # Errors
    /// None in a released crate: a test parses them.
    pub fn embedded() -> Result<Self, RareEarthError> {
        Self::parse(&Files::embedded())
    }

    /// Parses and checks every fact file.
    ///
    /// # Errors
    /// [`RareEarthError`] naming file, line and column.
    pub fn parse(files: &Files) -> Result<Self, RareEarthError> {
        let sources = parse_sources(files.text("sources.csv"))?;
        let ids: BTreeSet<String> = sources.keys().cloned().collect();
        let facts = Self {
            production: parse_production(files.text("production.csv"), &ids)?,
            policy: parse_policy(files.text("china_policy.csv"), &ids)?,
            duties: parse_duties(files.text("export_duties.csv"), &ids)?,
            quotes: parse_prices(files.text("prices.csv"), &ids)?,
            companions: parse_companions(files.text("price_companions.csv"), &ids)?,
            end_uses: parse_end_uses(files.text("end_uses.csv"), &ids)?,
            consumption: parse_consumption(files.text("consumption.csv"), &ids)?,
            substitutability: parse_substitutability(files.text("substitutability.csv"), &ids)?,
            sources,
        };
        if facts.end_uses.iter().map(EndUse::total).sum::<f64>() <= 0.0 {
            return Err(RareEarthError::Missing {
                what: "tonnes in end_uses.csv".to_owned(),
                hint: "give at least one end use".to_owned(),
            });
        }
        Ok(facts)
    }

    /// Mine output of a place in a series, tonnes; `None` if the series has no row.
    #[must_use]
    pub fn mine_output(&self, series: &str, place: &str, year: i32) -> Option<&Production> {
        self.production.iter().find(|p| p.series == series && p.place == place && p.year == year)
    }

    /// World mine output of a series: its world row, or else the sum of its places. Tonnes and status; `None` without rows.
    #[must_use]
    pub fn world_output(&self, series: &str, year: i32) -> Option<(f64, Status)> {
        if let Some(world) = self.mine_output(series, "WLD", year) {
            return Some((world.tonnes, world.status));
        }
        let rows = self.production.iter().filter(|p| p.series == series && p.year == year);
        rows.fold(None, |sum, row| match sum {
            None => Some((row.tonnes, Status::Derived.max(row.status))),
            Some((tonnes, status)) => Some((tonnes + row.tonnes, status.max(row.status))),
        })
    }

    /// A policy volume of all holders.
    #[must_use]
    pub fn policy_volume(&self, measure: PolicyMeasure, year: i32) -> Option<&PolicyVolume> {
        self.policy.iter().find(|p| p.measure == measure && p.year == year && p.holder == Holder::Total)
    }

    /// The duty on an element's oxide averaged over the days of a year (a year of 365 days), and its status.
    ///
    /// No duty is on file before November 2006: the rate is then zero, read.
    #[must_use]
    pub fn oxide_duty(&self, element: Element, year: i32) -> (f64, Status) {
        let mut changes: Vec<&Duty> =
            self.duties.iter().filter(|d| d.element == element && d.stage == Stage::Oxide).collect();
        changes.sort_by_key(|d| d.from);
        let (mut rate, mut status) = (0.0, Status::Read);
        let (mut sum, mut day) = (0.0, 0.0);
        for duty in changes {
            if duty.from.0 > year {
                break;
            }
            if duty.from.0 == year {
                let from = day_of_year(duty.from.1, duty.from.2);
                sum += rate * (from - day);
                day = from;
                status = status.max(duty.status);
            } else {
                status = duty.status;
            }
            rate = duty.rate;
        }
        ((sum + rate * (365.0 - day)) / 365.0, status)
    }
}

/// Days before a date in a year of 365 days.
fn day_of_year(month: u32, day: u32) -> f64 {
    const BEFORE: [u32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let month = BEFORE.get(month.saturating_sub(1) as usize).copied().unwrap_or(0);
    f64::from((month + day.saturating_sub(1)).min(365))
}

pub(super) fn parse_sources(text: &str) -> Result<BTreeMap<String, String>, RareEarthError> {
    let file = "sources.csv";
    let rows = read(file, text, &["id", "citation"], |r| Ok((r.word(0)?, r.word(1)?)))?;
    unique(file, &rows, |r| r.0.clone())?;
    Ok(rows.into_iter().collect())
}

pub(super) fn parse_production(
    text: &str,
    ids: &BTreeSet<String>,
) -> Result<Vec<Production>, RareEarthError> {
    let file = "production.csv";
    let rows = read(file, text, &["series", "place", "year", "t_reo", "status", "source"], |r| {
        Ok(Production {
            series: r.word(0)?,
            place: r.word(1)?,
            year: r.year(2)?,
            tonnes: r.amount(3)?,
            status: r.parse(4, STATUS)?,
            source: r.source(5, ids)?,
        })
    })?;
    unique(file, &rows, |p| (p.series.clone(), p.place.clone(), p.year))?;
    Ok(rows)
}

pub(super) fn parse_policy(text: &str, ids: &BTreeSet<String>) -> Result<Vec<PolicyVolume>, RareEarthError> {
    let file = "china_policy.csv";
    let rows = read(file, text, &["measure", "year", "holder", "value", "unit", "status", "source"], |r| {
        Ok(PolicyVolume {
            measure: r.parse(0, "export_quota, exports, export_value or mining_quota")?,
            year: r.year(1)?,
            holder: r.parse(2, "domestic, joint_venture or total")?,
            value: r.amount(3)?,
            unit: match r.text(4) {
                unit @ ("t_product" | "t_reo" | "musd") => unit.to_owned(),
                _ => return Err(r.wrong(4, "t_product, t_reo or musd")),
            },
            status: r.parse(5, STATUS)?,
            source: r.source(6, ids)?,
        })
    })?;
    unique(file, &rows, |p| (p.measure, p.year, p.holder))?;
    Ok(rows)
}

pub(super) fn parse_duties(text: &str, ids: &BTreeSet<String>) -> Result<Vec<Duty>, RareEarthError> {
    let file = "export_duties.csv";
    let rows = read(file, text, &["from", "element", "stage", "rate", "status", "source"], |r| {
        let date: Vec<Option<u32>> = r.text(0).split('-').map(|part| part.parse().ok()).collect();
        let from = match date[..] {
            [Some(y @ 1900..=2100), Some(m @ 1..=12), Some(d @ 1..=31)] => (y as i32, m, d),
            _ => return Err(r.wrong(0, "a date YYYY-MM-DD")),
        };
        Ok(Duty {
            from,
            element: r.parse(1, ELEMENT)?,
            stage: r.parse(2, "ore, oxide, metal or alloy")?,
            rate: r.share(3)?,
            status: r.parse(4, STATUS)?,
            source: r.source(5, ids)?,
        })
    })?;
    unique(file, &rows, |d| (d.from, d.element, d.stage))?;
    Ok(rows)
}

pub(super) fn parse_prices(text: &str, ids: &BTreeSet<String>) -> Result<Vec<Quote>, RareEarthError> {
    let file = "prices.csv";
    let header = ["item", "market", "period", "kind", "vat", "usd_per_kg", "status", "source"];
    let rows = read(file, text, &header, |r| {
        let period = r.word(2)?;
        let year: Option<i32> = period.get(..4).and_then(|y| y.parse().ok());
        Ok(Quote {
            item: r.word(0)?,
            market: r.parse(1, "fob or domestic")?,
            year: year
                .filter(|y| (1900..=2100).contains(y))
                .ok_or_else(|| r.wrong(2, "a period that starts with a year"))?,
            period,
            kind: r.parse(3, "annual, year_end, quarter, month or spot")?,
            vat_included: match r.text(4) {
                "yes" => true,
                "no" => false,
                _ => return Err(r.wrong(4, "yes or no")),
            },
            usd_per_kg: match r.amount(5)? {
                0.0 => return Err(r.wrong(5, "a price above zero")),
                price => price,
            },
            status: r.parse(6, STATUS)?,
            source: r.source(7, ids)?,
        })
    })?;
    unique(file, &rows, |q| (q.item.clone(), q.market, q.period.clone(), q.kind))?;
    Ok(rows)
}

pub(super) fn parse_companions(text: &str, ids: &BTreeSet<String>) -> Result<Vec<Companion>, RareEarthError> {
    let file = "price_companions.csv";
    let rows = read(file, text, &["element", "companion", "status", "source"], |r| {
        let pair = Companion { element: r.parse(0, ELEMENT)?, companion: r.parse(1, ELEMENT)? };
        let _: Status = r.parse(2, STATUS)?;
        r.source(3, ids)?;
        if pair.element == pair.companion || pair.companion == Element::Other {
            return Err(r.wrong(1, "another named element"));
        }
        Ok(pair)
    })?;
    unique(file, &rows, |c| c.element)?;
    Ok(rows)
}

pub(super) fn parse_end_uses(text: &str, ids: &BTreeSet<String>) -> Result<Vec<EndUse>, RareEarthError> {
    let file = "end_uses.csv";
    let mut header = vec!["end_use", "label"];
    header.extend(Element::ALL.map(Element::symbol));
    header.extend(["status", "source"]);
    let rows = read(file, text, &header, |r| {
        let mut tonnes = [0.0; Element::COUNT];
        for (column, tonnes) in (2..).zip(&mut tonnes) {
            *tonnes = r.amount(column)?;
        }
        Ok(EndUse {
            id: r.word(0)?,
            label: r.word(1)?,
            tonnes,
            status: r.parse(2 + Element::COUNT, STATUS)?,
            source: r.source(3 + Element::COUNT, ids)?,
        })
    })?;
    unique(file, &rows, |e| e.id.clone())?;
    Ok(rows)
}

pub(super) fn parse_consumption(
    text: &str,
    ids: &BTreeSet<String>,
) -> Result<Vec<Consumption>, RareEarthError> {
    let file = "consumption.csv";
    let header = ["place", "item", "year", "value", "unit", "status", "source", "note"];
    let rows = read(file, text, &header, |r| {
        Ok(Consumption {
            place: r.word(0)?,
            item: r.word(1)?,
            year: r.year(2)?,
            value: r.amount(3)?,
            unit: match r.text(4) {
                unit @ ("t_reo" | "percent") => unit.to_owned(),
                _ => return Err(r.wrong(4, "t_reo or percent")),
            },
            status: r.parse(5, STATUS)?,
            source: r.source(6, ids)?,
            note: r.text(7).to_owned(),
        })
    })?;
    unique(file, &rows, |c| (c.place.clone(), c.item.clone(), c.year))?;
    Ok(rows)
}

pub(super) fn parse_substitutability(
    text: &str,
    ids: &BTreeSet<String>,
) -> Result<Vec<Substitutability>, RareEarthError> {
    let file = "substitutability.csv";
    let rows = read(file, text, &["item", "measure", "value", "status", "source"], |r| {
        Ok(Substitutability {
            item: r.word(0)?,
            measure: r.word(1)?,
            value: r.amount(2)?,
            status: r.parse(3, STATUS)?,
            source: r.source(4, ids)?,
        })
    })?;
    unique(file, &rows, |s| (s.item.clone(), s.measure.clone()))?;
    Ok(rows)
}

/// What a status column may hold.
pub(super) const STATUS: &str = "read, derived, recalled or assumption";
/// What an element column may hold.
const ELEMENT: &str = "La, Ce, Pr, Nd, Sm, Eu, Gd, Tb, Dy, Y or other";
