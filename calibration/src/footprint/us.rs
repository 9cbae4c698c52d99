//! Footprints in a detailed table of one country, such as the United States' with about 400 industries.
//!
//! The country's tonnes by end use are split over its industries by the mapping of its own classification (`bea` in
//! `industries.csv`) and priced free on board China; total requirements are `d (I - A)^-1` with all inputs, home-made and
//! imported, taken to need what home-made ones need.

use ndarray::{Array2, Axis};

use super::{FootprintError, KG_PER_TONNE, total_requirements};
use crate::rare_earths::facts::EndUse;
use crate::rare_earths::{Choices, Element, IndustryMapping, Market, RareEarthData, Region};
use crate::table::WorldTable;

/// Requirements of one country's detailed industries.
#[derive(Debug, Clone, PartialEq)]
pub struct DetailRequirements {
    /// Industry codes.
    pub industries: Vec<String>,
    /// Year.
    pub year: i32,
    /// Alternative of the mapping.
    pub alternative: String,
    /// Tonnes of oxide the country uses.
    pub tonnes: f64,
    /// Value of it, million current USD.
    pub value: f64,
    /// USD per USD of output, `[industry]`.
    pub direct_value: Vec<f64>,
    /// USD per USD of final output, whole chain, `[industry]`.
    pub total_value: Vec<f64>,
    /// Kilograms per million USD of output, `[industry, element]`.
    pub direct_kg: Array2<f64>,
    /// Kilograms per million USD of final output, whole chain, `[industry, element]`.
    pub total_kg: Array2<f64>,
}

/// Requirements of the United States' industries in the year of `table`, whose only country they are (see [`crate::bea`]).
/// `classification` names the mapping's codes, `bea`
/// for the Bureau of Economic Analysis.
///
/// The tonnes by end use are the country's apparent consumption of the year (15,000 t in 2012, 9,060 t in 2017: US Geological
/// Survey) in the world's proportions of 2008.
///
/// # Errors
/// [`FootprintError::Unknown`] if the mapping names an industry that the table does not have, or the table has several
/// countries; [`FootprintError::RareEarth`]
/// for facts; [`FootprintError::Leontief`] if the system cannot be solved.
pub fn us_requirements(
    data: &RareEarthData,
    table: &WorldTable,
    classification: &str,
    alternative: &str,
) -> Result<DetailRequirements, FootprintError> {
    if table.n_countries() != 1 {
        return Err(FootprintError::Unknown {
            what: "a single country".to_owned(),
            hint: "use `requirements` for a table of several countries",
        });
    }
    let choices = Choices {
        classification: classification.to_owned(),
        mapping: alternative.to_owned(),
        ..Choices::default()
    };
    let mapping = data.mapping(&choices)?;
    let volumes = data.volumes(table.year(), &choices.volumes)?;
    // what the sources say, not scaled to close the world's accounts
    let used = volumes.use_by_region[Region::UnitedStates.index()] / volumes.foreign_scale;
    let tonnes = detail_tonnes(data, table, &mapping, used)?;
    let prices = data.prices.prices(Market::Fob, table.year())?;

    // rows: value, then kilograms of each element
    let mut direct = Array2::<f64>::zeros((1 + Element::COUNT, table.n_sectors()));
    let mut value = 0.0;
    for (j, &output) in table.output().iter().enumerate() {
        for (e, price) in prices.iter().enumerate() {
            // USD per kilogram times tonnes is thousand USD
            let used = tonnes[[j, e]] * price / KG_PER_TONNE;
            value += used;
            if output > 0.0 {
                direct[[0, j]] += used / output;
                direct[[1 + e, j]] = KG_PER_TONNE * tonnes[[j, e]] / output;
            }
        }
    }
    let total = total_requirements(table.input_coefficients().view(), direct.view())?;
    let kg = |rows: &Array2<f64>| {
        Array2::from_shape_fn((table.n_sectors(), Element::COUNT), |(j, e)| rows[[1 + e, j]])
    };
    Ok(DetailRequirements {
        industries: table.sectors().to_vec(),
        year: table.year(),
        alternative: alternative.to_owned(),
        tonnes: tonnes.sum(),
        value,
        direct_value: direct.index_axis(Axis(0), 0).to_vec(),
        total_value: total.index_axis(Axis(0), 0).to_vec(),
        direct_kg: kg(&direct),
        total_kg: kg(&total),
    })
}

/// Tonnes by industry and element, `[industry, element]`.
fn detail_tonnes(
    data: &RareEarthData,
    table: &WorldTable,
    mapping: &IndustryMapping,
    total: f64,
) -> Result<Array2<f64>, FootprintError> {
    let end_uses = &data.facts.end_uses;
    let world: f64 = end_uses.iter().map(EndUse::total).sum();
    let mut tonnes = Array2::zeros((table.n_sectors(), Element::COUNT));
    for (end_use, weights) in end_uses.iter().zip(&mapping.end_uses) {
        for weight in weights {
            let industry = table.sector(&weight.code);
            let industry = industry.ok_or_else(|| FootprintError::Unknown {
                what: format!("industry {} of the mapping", weight.code),
                hint: "edit industries.csv",
            })?;
            for (e, fact) in end_use.tonnes.iter().enumerate() {
                tonnes[[industry, e]] += fact * total / world * weight.weight;
            }
        }
    }
    Ok(tonnes)
}
