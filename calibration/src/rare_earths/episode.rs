//! The episode in facts: Chinese and world mine output, quotas, exports, duties and prices by year (table B1).

use std::ops::RangeInclusive;

use super::facts::PolicyMeasure;
use super::{Element, Market, Price, RareEarthData, RareEarthError, Status};

/// A number and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Datum {
    /// The number.
    pub value: f64,
    /// Weakest status among what it is made of.
    pub status: Status,
}

/// A year of the episode. Volumes in tonnes: mine output and mining quota of oxide, export quota and exports of product.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeYear {
    /// Year.
    pub year: i32,
    /// Chinese mine output (British Geological Survey).
    pub china_mine: Option<Datum>,
    /// World mine output (British Geological Survey, sum of countries).
    pub world_mine: Option<Datum>,
    /// Chinese share of world mine output, 0 to 1.
    pub china_share: Option<Datum>,
    /// Chinese mining quota.
    pub mining_quota: Option<Datum>,
    /// Chinese export quota, domestic companies and joint ventures; none from 2015, when it was abolished.
    pub export_quota: Option<Datum>,
    /// Chinese exports by customs.
    pub exports: Option<Datum>,
    /// Exports over quota.
    pub quota_use: Option<Datum>,
    /// Value of exports, million current USD.
    pub export_value: Option<Datum>,
    /// Mean duty on light oxides (La, Ce, Pr, Nd, Sm), rate, weighted by tonnes of 2008 and days.
    pub duty_light: Datum,
    /// Mean duty on heavy oxides (Eu, Gd, Tb, Dy, Y).
    pub duty_heavy: Datum,
    /// Price outside China of the world's bundle of 2008, current USD per kilogram of oxide.
    pub fob: Datum,
    /// Price of the same bundle inside China, without value-added tax.
    pub domestic: Datum,
    /// `fob / domestic`: duty and quota rent.
    pub wedge: Datum,
    /// Price of each element outside China, in the order of [`Element::ALL`].
    pub fob_by_element: [Price; Element::COUNT],
    /// Price of each element inside China.
    pub domestic_by_element: [Price; Element::COUNT],
}

/// The rows of table B1 (years 2005-2018 there).
///
/// # Errors
/// [`RareEarthError::Missing`] outside the years of the price table, [`super::YEARS`].
pub fn episode(data: &RareEarthData, years: RangeInclusive<i32>) -> Result<Vec<EpisodeYear>, RareEarthError> {
    years.map(|year| episode_year(data, year)).collect()
}

fn episode_year(data: &RareEarthData, year: i32) -> Result<EpisodeYear, RareEarthError> {
    let facts = &data.facts;
    let mine =
        |place| facts.mine_output("BGS", place, year).map(|p| Datum { value: p.tonnes, status: p.status });
    let policy =
        |measure| facts.policy_volume(measure, year).map(|p| Datum { value: p.value, status: p.status });
    let world_mine = facts.world_output("BGS", year).map(|(value, status)| Datum { value, status });
    let (exports, export_quota) = (policy(PolicyMeasure::Exports), policy(PolicyMeasure::ExportQuota));
    let duty = |heavy| {
        let elements = Element::ALL.into_iter().filter(|e| *e != Element::Other && e.is_heavy() == heavy);
        let (mut sum, mut weight, mut status) = (0.0, 0.0, Status::Derived);
        for element in elements {
            let tonnes: f64 = facts.end_uses.iter().map(|u| u.tonnes[element.index()]).sum();
            let (rate, from) = facts.oxide_duty(element, year);
            sum += tonnes * rate;
            weight += tonnes;
            status = status.max(from);
        }
        Datum { value: if weight > 0.0 { sum / weight } else { 0.0 }, status }
    };
    let price = |market| {
        Ok::<_, RareEarthError>(Datum {
            value: data.prices.composite(market, year)?,
            status: data.prices.status(market, year)?,
        })
    };
    let (fob, domestic) = (price(Market::Fob)?, price(Market::Domestic)?);
    Ok(EpisodeYear {
        year,
        china_mine: mine("CHN"),
        world_mine,
        china_share: mine("CHN").zip(world_mine).map(|(c, w)| ratio(c, w)),
        mining_quota: policy(PolicyMeasure::MiningQuota),
        export_quota,
        exports,
        quota_use: exports.zip(export_quota).map(|(e, q)| ratio(e, q)),
        export_value: policy(PolicyMeasure::ExportValue),
        duty_light: duty(false),
        duty_heavy: duty(true),
        fob,
        domestic,
        wedge: ratio(fob, domestic),
        fob_by_element: *data.prices.row_of(Market::Fob, year)?,
        domestic_by_element: *data.prices.row_of(Market::Domestic, year)?,
    })
}

fn ratio(a: Datum, b: Datum) -> Datum {
    Datum { value: a.value / b.value, status: Status::Derived.max(a.status).max(b.status) }
}
