//! Limits on quantities and what other producers do about them: the sections `quota`, `cap`, `licence`, `capacity` and
//! `prospect`.

use model_core::{Buyers, Economy, EconomyParts, Limit, Restriction};
use serde::{Deserialize, Serialize};

use super::ScenarioError;
use super::parameter::{Collector, Range};
use super::reader::{Entry, Selection};
use super::years::{Schedule, Years};

/// A restriction with its years.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedRestriction {
    /// The sector.
    pub sector: usize,
    /// The country that makes it.
    pub exporter: usize,
    /// To whom.
    pub buyers: Buyers,
    /// Volume over that of the baseline, or the wedge, by year.
    pub limit: Schedule,
    /// Whether `limit` is a wedge.
    pub wedge: bool,
    /// Share of the rent that buyers' countries keep, a [`super::Parameter`].
    pub rent_share: usize,
    /// The line where it stands in the file.
    pub line: usize,
}

/// New capacity of a producer, which arrives with a lag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// The country.
    pub country: usize,
    /// The sector.
    pub sector: usize,
    /// Its resource, a factor.
    pub factor: usize,
    /// How much.
    pub size: Size,
    /// Year in which it is decided, and the [`super::Parameter`] of how many years it takes; none when it is there from the start.
    pub decided: Option<(i32, usize)>,
}

/// The size of new capacity. Numbers are [`super::Parameter`]s by year.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Size {
    /// The resource, new over baseline.
    Hat(Schedule),
    /// Additional output at the baseline's prices and demand, as a share of the baseline's world output of the sector.
    ShareOfWorld(Schedule),
}

/// A producer that the baseline does not have, opened on a very small scale, so that capacity can grow from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prospect {
    /// The country.
    pub country: usize,
    /// The sector.
    pub sector: usize,
    /// The producer whose technology it has.
    pub like: usize,
    /// Its share of every country's purchases, a [`super::Parameter`].
    pub share: usize,
}

impl PlannedRestriction {
    /// Reads an entry of [[quota]], [[cap]] or [[licence]].
    pub(super) fn read(
        entry: &Entry,
        number: usize,
        years: &Years,
        numbers: &mut Collector,
    ) -> Result<(Self, String), ScenarioError> {
        let section = entry.section;
        let (key, example) =
            if section == "licence" { ("wedge", "wedge = 1.2") } else { ("volume", "volume = 0.6") };
        let exporter_key = if section == "cap" { "country" } else { "exporter" };
        let mut keys = vec![exporter_key, "sector", key, "rent_share", "from", "until", "above_baseline"];
        if section != "cap" {
            keys.push("importer");
        }
        entry.allow(&keys)?;
        let exporter = entry.countries(exporter_key)?;
        let exporter_at = single(entry, exporter_key, &exporter)?;
        let sector = entry.sectors("sector")?;
        let sector_at = single(entry, "sector", &sector)?;
        let importer = entry.get("importer").map(|_| entry.countries("importer")).transpose()?;
        let (buyers, to) = match importer {
            _ if section == "cap" => (Buyers::Everyone, "everyone".to_owned()),
            None => (Buyers::Abroad, "all abroad".to_owned()),
            Some(importer) if importer.named && importer.indices.contains(&exporter_at) => {
                let country = entry.country_name(exporter_at);
                return Err(ScenarioError::OwnTrade { line: entry.line, country });
            }
            Some(mut importer) => {
                importer.indices.retain(|n| *n != exporter_at);
                (Buyers::Only(importer.indices), importer.words)
            }
        };
        let name = format!("{section}.{number}");
        let range = if section == "licence" { Range::AtLeastOne } else { Range::NotNegative };
        let limit = years.schedule(entry, key, example, &format!("{name}.{key}"), range, numbers)?;
        let above = match entry.get("above_baseline") {
            None => false,
            Some(value) => value
                .get_ref()
                .as_bool()
                .ok_or_else(|| entry.reader().wrong_type(value, "above_baseline", "true or false"))?,
        };
        if section != "licence" && !above {
            let over = limit.parameters().into_iter().map(|p| numbers.parameters[p].value).find(|v| *v > 1.0);
            if let Some(value) = over {
                return Err(ScenarioError::QuotaAboveBaseline {
                    line: entry.line_of_value(key, value),
                    value,
                });
            }
        }
        let rent_share = match entry.get("rent_share") {
            None => numbers.exact(
                format!("{name}.rent_share"),
                0.0,
                Range::Share,
                "assumption: rents stay with the exporter",
            ),
            Some(value) => numbers.read(
                entry.reader(),
                value,
                "rent_share",
                format!("{name}.rent_share"),
                Range::Share,
            )?,
        };
        let amount = match &limit {
            Schedule::Constant(parameter, window) => {
                window.describe(&format!("{key} {}", numbers.parameters[*parameter].value))
            }
            Schedule::ByYear(list) => format!(
                "{key} by year, {} to {}",
                list.first().map_or(0, |y| y.0),
                list.last().map_or(0, |y| y.0)
            ),
        };
        let words = format!("{section}: {} of {} to {to}: {amount}", sector.words, exporter.words);
        let restriction = Self {
            sector: sector_at,
            exporter: exporter_at,
            buyers,
            limit,
            wedge: section == "licence",
            rent_share,
            line: entry.line,
        };
        Ok((restriction, words))
    }

    /// The restriction of a year, if there is one then.
    pub(super) fn at(&self, year: Option<i32>, values: &[f64]) -> Option<Restriction> {
        let value = values[self.limit.at(year)?];
        let limit = if self.wedge { Limit::Wedge(value) } else { Limit::Volume(value) };
        Some(Restriction {
            sector: self.sector,
            exporter: self.exporter,
            buyers: self.buyers.clone(),
            limit,
            rent_share: values[self.rent_share],
        })
    }

    /// Whether it repeats an earlier one: the same kind of limit on one flow in one year.
    pub(super) fn overlaps(&self, earlier: &Self, years: &Years, economy: &Economy) -> Option<ScenarioError> {
        let same = (self.sector, self.exporter, self.wedge, self.buyers == Buyers::Everyone)
            == (earlier.sector, earlier.exporter, earlier.wedge, earlier.buyers == Buyers::Everyone);
        // A quota to one destination within one to all is a rule of its own.
        let nested = (self.buyers == Buyers::Abroad) != (earlier.buyers == Buyers::Abroad);
        if !same || nested {
            return None;
        }
        let common = match (&self.buyers, &earlier.buyers) {
            (Buyers::Only(ours), Buyers::Only(theirs)) => Some(ours.iter().find(|n| theirs.contains(n))?),
            _ => None,
        };
        let both = |year: &Option<i32>| self.limit.at(*year).is_some() && earlier.limit.at(*year).is_some();
        let year = years.periods().into_iter().find(both)?;
        let labels = economy.labels();
        let to = common.map_or(String::new(), |n| format!(" to {}", labels.countries()[*n]));
        Some(ScenarioError::Overlap {
            line: self.line,
            flow: format!(
                "`{}` from {}{to}",
                labels.sectors()[self.sector],
                labels.countries()[self.exporter]
            ),
            year: year.map_or("the long run".to_owned(), |year| year.to_string()),
            other: earlier.line,
        })
    }
}

/// The one member of a selection.
fn single(entry: &Entry, key: &'static str, selection: &Selection) -> Result<usize, ScenarioError> {
    match selection.indices.as_slice() {
        [only] => Ok(*only),
        several => Err(ScenarioError::UnknownWord {
            line: entry.line_of(key),
            key: key.to_owned(),
            found: format!("{} ({} labels)", selection.words, several.len()),
            remedy: "name one, and write an entry for each".to_owned(),
        }),
    }
}

impl Prospect {
    pub(super) fn read(
        entry: &Entry,
        number: usize,
        economy: &Economy,
        numbers: &mut Collector,
    ) -> Result<(Self, String), ScenarioError> {
        entry.allow(&["country", "sector", "like", "share"])?;
        let country = entry.countries("country")?;
        let sector = entry.sectors("sector")?;
        let (n, j) = (single(entry, "country", &country)?, single(entry, "sector", &sector)?);
        let like = entry.countries("like")?;
        let like_at = single(entry, "like", &like)?;
        let makes = |n: usize| economy.output()[[n, j]] > 0.0;
        if makes(n) {
            let (country, sector) = (country.words, sector.words);
            return Err(ScenarioError::NotAProspect { line: entry.line, country, sector });
        }
        if !makes(like_at) {
            let (country, sector) = (like.words, sector.words);
            return Err(ScenarioError::NoCapacity { line: entry.line_of("like"), country, sector });
        }
        let name = format!("prospect.{number}.share");
        let share = match entry.get("share") {
            None => numbers.exact(name, 1e-3, Range::BelowOne, "assumption"),
            Some(value) => numbers.read(entry.reader(), value, "share", name, Range::BelowOne)?,
        };
        let words = format!("prospect: {} of {} opens as in {}", sector.words, country.words, like.words);
        Ok((Self { country: n, sector: j, like: like_at, share }, words))
    }

    /// Opens it: the cost structure of the model producer, a small share of every purchase, and a resource to match. The rest
    /// follows when the economy is brought to equilibrium.
    pub(super) fn open(&self, parts: &mut EconomyParts, output: &ndarray::Array2<f64>, values: &[f64]) {
        let (n, j, share) = (self.country, self.sector, values[self.share]);
        let buyers = parts.expenditure.nrows();
        let mut sold = 0.0;
        for m in 0..buyers {
            for i in 0..buyers {
                let old = parts.trade_share[[m, i, j]];
                parts.trade_share[[m, i, j]] = if i == n { share } else { old * (1.0 - share) };
            }
            sold += parts.expenditure[[m, j]] * share
                / (1.0 + parts.tariff[[m, n, j]])
                / (1.0 + parts.export_tax[[m, n, j]]);
        }
        for k in 0..parts.input_share.dim().2 {
            parts.input_share[[n, j, k]] = parts.input_share[[self.like, j, k]];
        }
        for f in 0..parts.factor_share.dim().2 {
            let part = parts.factor_share[[self.like, j, f]];
            parts.factor_share[[n, j, f]] = part;
            // Only a factor that the country does not have yet needs an endowment; the others move between sectors.
            if parts.factor_income[[n, f]] == 0.0 || own(parts, output, n, f, j) {
                parts.factor_income[[n, f]] += part * sold;
            }
        }
    }
}

/// Whether a factor works in no other sector of its country.
fn own(
    parts: &EconomyParts,
    output: &ndarray::Array2<f64>,
    country: usize,
    factor: usize,
    sector: usize,
) -> bool {
    (0..output.ncols()).all(|k| {
        k == sector || output[[country, k]] == 0.0 || parts.factor_share[[country, k, factor]] == 0.0
    })
}

impl Capacity {
    pub(super) fn read(
        entry: &Entry,
        number: usize,
        years: &Years,
        economy: &Economy,
        prospects: &[Prospect],
        numbers: &mut Collector,
    ) -> Result<(Self, String), ScenarioError> {
        entry.allow(&["country", "sector", "hat", "share_of_world", "decided", "lag", "from", "until"])?;
        let country = entry.countries("country")?;
        let sector = entry.sectors("sector")?;
        let (n, j) = (single(entry, "country", &country)?, single(entry, "sector", &sector)?);
        let opened = prospects.iter().find(|p| (p.country, p.sector) == (n, j));
        let model = opened.map_or(n, |p| p.like);
        if economy.output()[[model, j]] == 0.0 {
            let (country, sector) = (country.words, sector.words);
            return Err(ScenarioError::NoCapacity { line: entry.line, country, sector });
        }
        let (parts, output) = (economy.parts(), economy.output());
        let uses = |f: &usize| parts.factor_share[[model, j, *f]] > 0.0 && own(parts, output, model, *f, j);
        let factor = (0..economy.dims().factors).find(uses);
        let factor = factor.ok_or_else(|| ScenarioError::NoResource {
            line: entry.line,
            country: country.words.clone(),
            sector: sector.words.clone(),
        })?;
        let name = format!("capacity.{number}");
        let (size, kind) = match (entry.get("hat"), entry.get("share_of_world")) {
            (Some(_), None) => {
                let name = format!("{name}.hat");
                (Size::Hat(years.schedule(entry, "hat", "hat = 2", &name, Range::Positive, numbers)?), "hat")
            }
            (None, Some(_)) => {
                let name = format!("{name}.share_of_world");
                let example = "share_of_world = 0.02";
                let range = Range::NotNegative;
                let share = years.schedule(entry, "share_of_world", example, &name, range, numbers)?;
                (Size::ShareOfWorld(share), "share of world output")
            }
            (hat, _) => {
                let given = if hat.is_some() { "both" } else { "none" };
                return Err(ScenarioError::UnknownWord {
                    line: entry.line,
                    key: "hat or share_of_world".to_owned(),
                    found: given.to_owned(),
                    remedy:
                        "give one of them: the resource over its baseline, or new output over the world's"
                            .to_owned(),
                });
            }
        };
        let decided = entry.get("decided").map(|v| years.year(entry.reader(), v, "decided")).transpose()?;
        let lag = match (decided, entry.get("lag")) {
            (Some(_), Some(v)) => {
                Some(numbers.read(entry.reader(), v, "lag", format!("{name}.lag"), Range::NotNegative)?)
            }
            (Some(_), None) => Some(numbers.exact(format!("{name}.lag"), 0.0, Range::NotNegative, "")),
            (None, None) => None,
            (None, Some(_)) => {
                let (line, section) = (entry.line, "entry of [[capacity]]".to_owned());
                return Err(ScenarioError::MissingKey {
                    line,
                    section,
                    key: "decided",
                    example: "decided = 2010",
                });
            }
        };
        let words = format!("capacity: {} of {}: new {kind}", sector.words, country.words);
        Ok((Self { country: n, sector: j, factor, size, decided: decided.zip(lag) }, words))
    }

    /// The hat of its resource in a year.
    ///
    /// A share of world output becomes a resource by what the resource costs: with everything else given, output is
    /// proportional to `c^(-theta)` and costs to `w^beta`, so `Y^ = F^^(beta theta / (1 + beta theta))`.
    pub(super) fn hat(&self, year: Option<i32>, economy: &Economy, values: &[f64]) -> f64 {
        match self.growth(year, values) {
            None => 1.0,
            Some(Growth::Resource(hat)) => hat,
            Some(Growth::Output(share)) => {
                let (output, elastic) = self.sales(share, economy);
                output.powf(1.0 + 1.0 / elastic)
            }
        }
    }

    /// How the log of that hat moves with the log of `beta`.
    pub(super) fn ln_hat_by_ln_share(&self, year: Option<i32>, economy: &Economy, values: &[f64]) -> f64 {
        match self.growth(year, values) {
            Some(Growth::Output(share)) => {
                let (output, elastic) = self.sales(share, economy);
                -output.ln() / elastic
            }
            _ => 0.0,
        }
    }

    /// What is added in a year, if anything.
    fn growth(&self, year: Option<i32>, values: &[f64]) -> Option<Growth> {
        let then = match (self.decided, year) {
            (Some((decided, lag)), Some(year)) => {
                // What was decided for a year arrives `lag` years after it.
                let at = f64::from(year) - values[lag].round();
                if at < f64::from(decided) {
                    return None;
                }
                match &self.size {
                    Size::Hat(Schedule::ByYear(_)) | Size::ShareOfWorld(Schedule::ByYear(_)) => {
                        Some(at as i32)
                    }
                    _ => Some(year),
                }
            }
            _ => year,
        };
        let (schedule, growth): (_, fn(f64) -> Growth) = match &self.size {
            Size::Hat(schedule) => (schedule, Growth::Resource),
            Size::ShareOfWorld(schedule) => (schedule, Growth::Output),
        };
        // By year, what has been built stays: the last year's number holds on.
        let latest = match schedule {
            Schedule::ByYear(list) => {
                list.iter().rev().find(|(y, _)| then.is_some_and(|then| *y <= then)).map(|(_, p)| *p)
            }
            constant => constant.at(then),
        };
        latest.map(|p| growth(values[p]))
    }

    /// Output over its baseline when a share of the world's is added, and `beta theta`.
    fn sales(&self, share: f64, economy: &Economy) -> (f64, f64) {
        let own = economy.output()[[self.country, self.sector]];
        let world = economy.output().column(self.sector).sum();
        let beta = economy.factor_share()[[self.country, self.sector, self.factor]];
        (1.0 + share * world / own, beta * economy.theta()[self.sector])
    }
}

/// New capacity: the resource over its baseline, or additional output over the world's.
enum Growth {
    Resource(f64),
    Output(f64),
}
