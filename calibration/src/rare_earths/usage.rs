//! Tonnes by end use, element, country and industry.
//!
//! The world's structure of use in 2008 (end use by element) is scaled to the tonnes of the year. An end use's tonnes are
//! split over industries by the mapping's weights, and each industry's tonnes over countries in proportion to what the
//! industry there buys of the commodities that contain rare earths; then the countries of a region are brought to the
//! region's use by entropy balancing ([`crate::balance`]), which keeps both the industries' world tonnes and the regions'
//! totals. Within a region an industry thus uses the same tonnes per unit of purchases everywhere.

use ndarray::{Array1, Array2, Array3};

use super::{
    Element, Facts, IndustryMapping, Market, Origins, PriceTable, RareEarthError, Region, Regions, Volumes,
};
use crate::balance::{BalanceSettings, balance};
use crate::table::WorldTable;

/// Who uses how much of what.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// Country codes.
    pub countries: Vec<String>,
    /// Sector codes.
    pub sectors: Vec<String>,
    /// Ids of the end uses.
    pub end_uses: Vec<String>,
    /// Year.
    pub year: i32,
    /// Tonnes of oxide, `[end use, country, sector]`.
    pub tonnes: Array3<f64>,
    /// Share of each element in an end use's tonnes, `[end use, element]`; rows sum to one.
    pub element_share: Array2<f64>,
    /// Price that a country's users pay, million USD per tonne, `[country, element]`: the domestic price in China, free on
    /// board elsewhere.
    pub price: Array2<f64>,
    /// The country whose exports carry a wedge between the price at home and free on board, and its domestic price,
    /// million USD per tonne, `[element]`.
    pub restricted: Option<(usize, Vec<f64>)>,
}

/// Million USD per tonne for one USD per kilogram.
const MUSD_PER_TONNE: f64 = 1e-3;
/// Relative difference of two sums of the same prices that is rounding.
const ROUNDING: f64 = 1e-12;

impl Use {
    /// Spreads the volumes of a year over the countries and industries of a table.
    ///
    /// # Errors
    /// [`RareEarthError::Missing`] if the mapping or the origins name a sector that the table lacks or a region has use
    /// but no country; [`RareEarthError::Balance`] if a region cannot absorb its use; price errors.
    pub fn new(
        table: &WorldTable,
        facts: &Facts,
        volumes: &Volumes,
        prices: &PriceTable,
        mapping: &IndustryMapping,
        origins: &Origins,
        regions: &Regions,
    ) -> Result<Self, RareEarthError> {
        let region_of: Vec<Region> =
            table.countries().iter().map(|c| regions.of(c)).collect::<Result<_, _>>()?;
        let used = |region: &&Region| volumes.use_by_region[region.index()] > 0.0;
        if let Some(region) = Region::ALL.iter().filter(used).find(|r| !region_of.contains(r)) {
            return Err(RareEarthError::Missing {
                what: format!("country of region {region} in the table, where rare earths are used"),
                hint: "give a country this region in regions.csv".to_owned(),
            });
        }
        let purchases = purchases_of_origins(table, origins)?;
        let uses = industry_uses(table, facts, mapping, volumes.world)?;

        // seed: world tonnes of (end use, industry) over regions by purchases
        let mut seed = Array2::zeros((uses.len(), Region::ALL.len()));
        for (row, line) in uses.iter().enumerate() {
            let column = purchases.column(line.sector);
            let world: f64 = column.sum();
            for (&bought, region) in column.iter().zip(&region_of) {
                seed[[row, region.index()]] += if world > 0.0 { line.tonnes * bought / world } else { 0.0 };
            }
        }
        let rows: Array1<f64> = uses.iter().map(|u| u.tonnes).collect();
        let columns = Array1::from(volumes.use_by_region.to_vec());
        let balanced = balance(seed.view(), rows.view(), columns.view(), &BalanceSettings::default())
            .map_err(|source| RareEarthError::Balance { what: "use by industry and region", source })?;

        let mut regional = Array2::<f64>::zeros((Region::ALL.len(), table.n_sectors()));
        for (bought, region) in purchases.outer_iter().zip(&region_of) {
            let mut row = regional.row_mut(region.index());
            row += &bought;
        }
        let mut tonnes = Array3::zeros((facts.end_uses.len(), table.n_countries(), table.n_sectors()));
        for (row, line) in uses.iter().enumerate() {
            for (country, region) in region_of.iter().enumerate() {
                let r = region.index();
                let all = regional[[r, line.sector]];
                if all > 0.0 {
                    tonnes[[line.end_use, country, line.sector]] +=
                        balanced.matrix[[row, r]] * purchases[[country, line.sector]] / all;
                }
            }
        }
        Ok(Self {
            countries: table.countries().to_vec(),
            sectors: table.sectors().to_vec(),
            end_uses: facts.end_uses.iter().map(|e| e.id.clone()).collect(),
            year: volumes.year,
            tonnes,
            element_share: element_shares(facts),
            price: country_prices(&region_of, prices, volumes.year)?,
            restricted: restricted(&region_of, prices, volumes.year)?,
        })
    }

    /// Tonnes by element, `[country, sector, element]`.
    #[must_use]
    pub fn tonnes_by_element(&self) -> Array3<f64> {
        let (_, n, s) = self.tonnes.dim();
        let mut out = Array3::zeros((n, s, Element::COUNT));
        for ((u, country, sector), &tonnes) in self.tonnes.indexed_iter() {
            if tonnes > 0.0 {
                for e in 0..Element::COUNT {
                    out[[country, sector, e]] += tonnes * self.element_share[[u, e]];
                }
            }
        }
        out
    }

    /// Value by element at what users pay, million USD, `[country, sector, element]`.
    #[must_use]
    pub fn value_by_element(&self) -> Array3<f64> {
        let mut out = self.tonnes_by_element();
        for ((country, _, e), value) in out.indexed_iter_mut() {
            *value *= self.price[[country, e]];
        }
        out
    }

    /// Value at what users pay, million USD, `[country, sector]`.
    #[must_use]
    pub fn value(&self) -> Array2<f64> {
        self.value_by_element().sum_axis(ndarray::Axis(2))
    }

    /// Tonnes, `[country, sector]`.
    #[must_use]
    pub fn total_tonnes(&self) -> Array2<f64> {
        self.tonnes.sum_axis(ndarray::Axis(0))
    }

    /// Export-tax rates in what foreign users pay the restricting country, `[importer, exporter]`: the value of the
    /// importer's bundle free on board over its value at the exporter's domestic prices, less one.
    #[must_use]
    pub fn export_tax(&self) -> Array2<f64> {
        let n = self.countries.len();
        let mut tax = Array2::zeros((n, n));
        let Some((exporter, domestic)) = &self.restricted else { return tax };
        let bundles = self.tonnes_by_element().sum_axis(ndarray::Axis(1));
        for importer in (0..n).filter(|i| i != exporter) {
            let bundle = bundles.row(importer);
            let paid = bundle.dot(&self.price.row(importer));
            let home: f64 = bundle.iter().zip(domestic).map(|(q, p)| q * p).sum();
            if home > 0.0 {
                let rate = paid / home - 1.0;
                // equal prices differ by the rounding of two sums
                tax[[importer, *exporter]] = if rate > ROUNDING { rate } else { 0.0 };
            }
        }
        tax
    }
}

/// One end use in one industry, the world's tonnes.
struct IndustryUse {
    end_use: usize,
    sector: usize,
    tonnes: f64,
}

fn sector_of(table: &WorldTable, code: &str, file: &str) -> Result<usize, RareEarthError> {
    table.sector(code).ok_or_else(|| RareEarthError::Missing {
        what: format!("sector {code} in the table"),
        hint: format!(
            "{file} names it; aggregate the mapping with the table, or choose another classification"
        ),
    })
}

fn industry_uses(
    table: &WorldTable,
    facts: &Facts,
    mapping: &IndustryMapping,
    world: f64,
) -> Result<Vec<IndustryUse>, RareEarthError> {
    let base: f64 = facts.end_uses.iter().map(super::facts::EndUse::total).sum();
    let mut uses = Vec::new();
    for (end_use, (fact, weights)) in facts.end_uses.iter().zip(&mapping.end_uses).enumerate() {
        for weight in weights {
            let tonnes = fact.total() * world / base * weight.weight;
            if tonnes > 0.0 {
                uses.push(IndustryUse {
                    end_use,
                    sector: sector_of(table, &weight.code, "industries.csv")?,
                    tonnes,
                });
            }
        }
    }
    Ok(uses)
}

/// What each industry buys of the origin industries' output from everywhere, weighted by their shares, `[country, sector]`.
fn purchases_of_origins(table: &WorldTable, origins: &Origins) -> Result<Array2<f64>, RareEarthError> {
    let mut out = Array2::zeros((table.n_countries(), table.n_sectors()));
    for origin in &origins.industries {
        let sector = sector_of(table, &origin.code, "origins.csv")?;
        for seller in 0..table.n_countries() {
            let row = table.intermediate().row(table.index(seller, sector));
            for (sum, bought) in out.iter_mut().zip(row) {
                *sum += origin.weight * bought;
            }
        }
    }
    Ok(out)
}

fn element_shares(facts: &Facts) -> Array2<f64> {
    let mut shares = Array2::zeros((facts.end_uses.len(), Element::COUNT));
    for (mut row, end_use) in shares.outer_iter_mut().zip(&facts.end_uses) {
        let total = end_use.total();
        for (share, tonnes) in row.iter_mut().zip(end_use.tonnes) {
            *share = if total > 0.0 { tonnes / total } else { 0.0 };
        }
    }
    shares
}

fn country_prices(regions: &[Region], prices: &PriceTable, year: i32) -> Result<Array2<f64>, RareEarthError> {
    let fob = prices.prices(Market::Fob, year)?;
    let domestic = prices.prices(Market::Domestic, year)?;
    Ok(Array2::from_shape_fn((regions.len(), Element::COUNT), |(country, e)| {
        MUSD_PER_TONNE * if regions[country] == Region::China { domestic[e] } else { fob[e] }
    }))
}

fn restricted(
    regions: &[Region],
    prices: &PriceTable,
    year: i32,
) -> Result<Option<(usize, Vec<f64>)>, RareEarthError> {
    let domestic = prices.prices(Market::Domestic, year)?;
    let china = regions.iter().position(|r| *r == Region::China);
    Ok(china.map(|country| (country, domestic.iter().map(|p| p * MUSD_PER_TONNE).collect())))
}
