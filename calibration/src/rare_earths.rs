//! The rare-earth sector: facts, prices, volumes, and the carve-out that adds it to a multi-region table.
//!
//! No statistical office publishes an input-output table with a row for rare earths. This module builds one, in steps
//! that can each be looked at and changed:
//!
//! 1. [`Facts`]: tonnes, prices, quotas, duties and end uses with a status and a source per row (`data/rare_earths`);
//! 2. [`PriceTable`]: a price for every element, year and market, missing ones filled by a stated rule and flagged;
//!    [`SectorPrices`] are the indices of each industry's bundle;
//! 3. [`Volumes`]: mine output and use by region of a year, closed so that the world uses what it mines;
//! 4. [`IndustryMapping`], [`Origins`], [`Regions`]: the files that say which industry uses what and out of which
//!    industries' output the rare earths are taken;
//! 5. [`Use`]: tonnes by end use, element, country and industry;
//! 6. [`CarveOut`]: the table with the sector `Rare earths`, and the way back;
//! 7. [`economy`]: from there to a model economy, and the aggregated one that comes with the crate
//!    ([`rare_earth_world_2009`]), with the use of every element by its industries ([`element_use_2009`]).
//!
//! Start at [`RareEarthData::carve_out`] for all of it with the default [`Choices`], at [`episode()`] for the facts of the
//! restrictions.

pub mod carve;
mod data;
pub mod economy;
mod element;
pub mod elements;
mod episode;
mod error;
pub mod facts;
#[cfg(test)]
mod fuzz;
pub mod mapping;
pub mod prices;
mod schema;
pub mod sector_prices;
pub mod usage;
pub mod volumes;

pub use carve::{CAPACITY, CarveOut, CarveSettings};
pub use data::{Choices, RareEarthData, YEARS};
pub use economy::{CarvedTable, ElementUse, THETA_R, element_use_2009, rare_earth_world_2009};
pub use element::{Element, Market, Region, Status, UnknownWord};
pub use elements::{OreComposition, element_world_2009};
pub use episode::{Datum, EpisodeYear, episode};
pub use error::RareEarthError;
pub use facts::{Facts, Files};
pub use mapping::{IndustryMapping, Origins, Regions, RestrictionRisk, WEIGHT_TOLERANCE, Weight};
pub use prices::{Fill, Price, PriceTable};
pub use sector_prices::{IndexForm, SectorPrices};
pub use usage::Use;
pub use volumes::{ChinaExports, Exports, VolumeSettings, Volumes};
