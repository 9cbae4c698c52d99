//! Tonnes by year: who mines, who uses, what China exports.
//!
//! The accounts of a year close: world use equals world mine output. Known consumption fills them from China outwards:
//!
//! - China: apparent consumption where a source states it (2000, 2005, 2007-2009), linear between those years; outside
//!   them the share of world use of the nearest such year.
//! - Japan, United States, Europe: apparent consumption where stated, linear between, the nearest level outside; other
//!   places take [`VolumeSettings::other_share`] of world use. These foreign levels are relative: they are scaled by one
//!   factor ([`Volumes::foreign_scale`]) to what the world uses outside China.
//! - China's exports are then mine output less consumption. Customs record part of it ([`Exports::recorded`]); the rest
//!   ([`Exports::unrecorded`]) is smuggling, losses and stock building. [`ChinaExports::Recorded`] takes the customs figure
//!   (with a mark-up for smuggling) instead, and leaves the remainder of mine output to users in China.

use super::facts::{PolicyMeasure, Production};
use super::prices::interpolate;
use super::{Facts, RareEarthError, Region, Status};

/// What China's exports are.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ChinaExports {
    /// Mine output less China's consumption, so that reported consumption is respected.
    Consumption,
    /// Customs exports times one plus `unrecorded`, so that recorded exports are respected. Press reports put smuggling at
    /// up to 1.2 times legal exports in 2011 (recalled).
    Recorded {
        /// Smuggled tonnes per recorded tonne.
        unrecorded: f64,
    },
}

/// Choices for the volumes of a year.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeSettings {
    /// Series of mine output.
    pub series: String,
    /// What China's exports are.
    pub china_exports: ChinaExports,
    /// Share of world use of places without consumption data (Korea, Taiwan, Russia, India and others): an assumption;
    /// Kingsnorth's split for 2008 gives 9 percent to all places but China, north-east Asia and the United States.
    pub other_share: f64,
    /// Tonnes of oxide in a tonne of exported product (customs count metals, oxides and salts alike): an assumption.
    pub oxide_per_product: f64,
}

impl Default for VolumeSettings {
    fn default() -> Self {
        Self {
            series: "BGS".to_owned(),
            china_exports: ChinaExports::Consumption,
            other_share: 0.08,
            oxide_per_product: 1.0,
        }
    }
}

/// China's exports, tonnes of oxide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exports {
    /// Implied by the accounts.
    pub total: f64,
    /// By customs, if known.
    pub recorded: Option<f64>,
    /// `total - recorded`, if known; negative when customs record more than the accounts leave.
    pub unrecorded: Option<f64>,
}

/// The volumes of a year, tonnes of rare-earth oxide.
#[derive(Debug, Clone, PartialEq)]
pub struct Volumes {
    /// Year.
    pub year: i32,
    /// Mine output by place (ISO code), places with output only.
    pub mines: Vec<(String, f64)>,
    /// World mine output, the sum of `mines`, equal to world use.
    pub world: f64,
    /// Use by region, in the order of [`Region::ALL`]; sums to `world`.
    pub use_by_region: [f64; 5],
    /// Weakest status behind each region's use.
    pub use_status: [Status; 5],
    /// Factor by which stated foreign consumption was scaled; 1 when the sources agree with mine output.
    pub foreign_scale: f64,
    /// China's exports.
    pub exports: Exports,
    /// Weakest status of mine output.
    pub mine_status: Status,
}

impl Volumes {
    /// The volumes of a year.
    ///
    /// # Errors
    /// [`RareEarthError::Missing`] if the series has no output in that year, consumption facts are missing, or (with
    /// [`ChinaExports::Recorded`]) there is no customs figure; [`RareEarthError::Setting`] for a setting out of range.
    pub fn new(facts: &Facts, year: i32, settings: &VolumeSettings) -> Result<Self, RareEarthError> {
        check(
            "other_share",
            settings.other_share,
            (0.0..0.5).contains(&settings.other_share),
            "at least 0, below 0.5",
        )?;
        let positive = settings.oxide_per_product > 0.0 && settings.oxide_per_product.is_finite();
        check("oxide_per_product", settings.oxide_per_product, positive, "above zero")?;

        let rows = mined(facts, &settings.series, year);
        let mines: Vec<(String, f64)> = rows.clone().map(|p| (p.place.clone(), p.tonnes)).collect();
        let mine_status = rows.map(|p| p.status).max().unwrap_or(Status::Assumption);
        let world: f64 = mines.iter().map(|m| m.1).sum();
        let china_mines: f64 = mines.iter().filter(|m| m.0 == "CHN").map(|m| m.1).sum();
        if world <= 0.0 || china_mines <= 0.0 {
            return Err(RareEarthError::Missing {
                what: format!("mine output of series {} in {year}", settings.series),
                hint: "add rows to production.csv or choose another series".to_owned(),
            });
        }

        let recorded =
            facts.policy_volume(PolicyMeasure::Exports, year).map(|p| p.value * settings.oxide_per_product);
        let (china, china_status) = match settings.china_exports {
            ChinaExports::Consumption => china_use(facts, year, world, settings)?,
            ChinaExports::Recorded { unrecorded } => {
                check("unrecorded", unrecorded, unrecorded >= 0.0 && unrecorded.is_finite(), "at least 0")?;
                let exports = recorded.ok_or_else(|| RareEarthError::Missing {
                    what: format!("customs exports of China in {year}"),
                    hint: "add a row to china_policy.csv or use ChinaExports::Consumption".to_owned(),
                })?;
                (china_mines - exports * (1.0 + unrecorded), Status::Derived)
            }
        };
        if china <= 0.0 || china >= world {
            return Err(RareEarthError::Missing {
                what: format!(
                    "room for use outside China in {year}: mine output {world}, Chinese use {china}"
                ),
                hint: "check consumption.csv and china_policy.csv".to_owned(),
            });
        }

        let mut use_by_region = [0.0; 5];
        let mut use_status = [Status::Assumption; 5];
        for (region, place) in
            [(Region::Japan, "JPN"), (Region::UnitedStates, "USA"), (Region::Europe, "EUR")]
        {
            let (level, status) = foreign_use(facts, place, year)?;
            use_by_region[region.index()] = level;
            use_status[region.index()] = status;
        }
        use_by_region[Region::Other.index()] = settings.other_share * world;
        let foreign_scale = (world - china) / use_by_region.iter().sum::<f64>();
        use_by_region = use_by_region.map(|u| u * foreign_scale);
        use_by_region[Region::China.index()] = china;
        use_status[Region::China.index()] = china_status;

        let total = china_mines - china;
        Ok(Self {
            year,
            mines,
            world,
            use_by_region,
            use_status,
            foreign_scale,
            exports: Exports { total, recorded, unrecorded: recorded.map(|r| total - r) },
            mine_status,
        })
    }

    /// Mine output of a place, zero without a row.
    #[must_use]
    pub fn mine(&self, place: &str) -> f64 {
        self.mines.iter().filter(|m| m.0 == place).map(|m| m.1).sum()
    }

    /// China's share of world mine output.
    #[must_use]
    pub fn china_share(&self) -> f64 {
        self.mine("CHN") / self.world
    }
}

/// Output of the places that a series names one by one.
fn mined<'a>(facts: &'a Facts, series: &'a str, year: i32) -> impl Iterator<Item = &'a Production> + Clone {
    let named = |p: &&Production| p.place != "WLD" && p.place != "OTH" && p.tonnes > 0.0;
    facts.production.iter().filter(move |p| p.series == series && p.year == year).filter(named)
}

fn check(name: &'static str, value: f64, ok: bool, range: &'static str) -> Result<(), RareEarthError> {
    if ok { Ok(()) } else { Err(RareEarthError::Setting { name, value, range }) }
}

/// Apparent consumption of a place by year, between the first and the last known.
fn known_use(facts: &Facts, place: &str) -> Vec<(i32, f64, Status)> {
    let rows = facts.consumption.iter().filter(|c| c.place == place && c.item == "use" && c.unit == "t_reo");
    let mut known: Vec<_> = rows.map(|c| (c.year, c.value, c.status)).collect();
    known.sort_by_key(|k| k.0);
    known
}

fn no_use(place: &str) -> RareEarthError {
    RareEarthError::Missing {
        what: format!("consumption of {place}"),
        hint: "add a row with item `use` to consumption.csv".to_owned(),
    }
}

/// Known levels, linear between; outside, the nearest (level, its year).
fn level(facts: &Facts, place: &str, year: i32) -> Result<(f64, i32, Status), RareEarthError> {
    let known = known_use(facts, place);
    let (Some(first), Some(last)) = (known.first(), known.last()) else { return Err(no_use(place)) };
    let at = year.clamp(first.0, last.0);
    if let Some(exact) = known.iter().find(|k| k.0 == at) {
        return Ok((exact.1, at, if at == year { exact.2 } else { Status::Assumption }));
    }
    let series: Vec<Option<f64>> =
        (first.0..=last.0).map(|y| known.iter().find(|k| k.0 == y).map(|k| k.1)).collect();
    Ok((interpolate(&series, usize::try_from(at - first.0).unwrap_or(0)), at, Status::Assumption))
}

fn china_use(
    facts: &Facts,
    year: i32,
    world: f64,
    settings: &VolumeSettings,
) -> Result<(f64, Status), RareEarthError> {
    let (tonnes, at, status) = level(facts, "CHN", year)?;
    if at == year {
        return Ok((tonnes, status));
    }
    let then: f64 = mined(facts, &settings.series, at).map(|p| p.tonnes).sum();
    if then <= 0.0 {
        return Err(RareEarthError::Missing {
            what: format!("mine output of series {} in {at}", settings.series),
            hint: "China's consumption outside the years stated is a share of world output".to_owned(),
        });
    }
    Ok((world * tonnes / then, status))
}

fn foreign_use(facts: &Facts, place: &str, year: i32) -> Result<(f64, Status), RareEarthError> {
    level(facts, place, year).map(|(tonnes, _, status)| (tonnes, status))
}
