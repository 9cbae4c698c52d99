//! From a carved table to a model economy: aggregation, export taxes, and the rare-earth economy that this crate ships.
//!
//! Factors are capital and labour of three skills (WIOD's Socio-Economic Accounts), mobile between a country's sectors, and
//! the resource. In the economy the critical sector is an ordinary sector with a factor of its own, its resource, which no other sector
//! uses; countries that mine nothing have none of it. China's export duty (with quota rent, in years when the quota binds)
//! is an export tax: the value of a flow is what the buyer pays, and the producer gets it less the tax.

use std::collections::BTreeMap;
use std::path::Path;

use model_core::{Economy, EconomyError, Flows, Metadata};
use ndarray::{Array1, Array2, Array3, Axis};

use super::{CarveOut, CarveSettings, Choices, Element, RareEarthData, RareEarthError};
use crate::flows_csv;
use crate::footprint::intensity::significant;
use crate::sea::{self, Sea};
use crate::source::CsvFile;
use crate::table::{Mapping, MappingError, WorldTable};
use crate::table_csv::quoted;
use crate::theta::{Elasticities, Method};
use crate::world_2009::{self, WorldError};

/// Folder of the shipped files in the crate's `data`.
pub(crate) const FOLDER: &str = "rare_earth_world_2009";

/// The file of use by element in the crate's `data`.
pub(crate) const ELEMENTS_CSV: &str = "rare_earths_2009/use_by_element.csv";

const ELEMENTS: &str = include_str!("../../data/rare_earths_2009/use_by_element.csv");

/// Trade elasticity of rare earths, `theta_r`: a nearly homogeneous good; 4 to 20 plausible. An assumption.
pub const THETA_R: f64 = 8.0;

/// Decimals of a million USD that are kept.
const DECIMALS: u32 = 6;

const TEXTS: [&str; 6] = [
    include_str!("../../data/rare_earth_world_2009/economy.json"),
    include_str!("../../data/rare_earth_world_2009/trade.csv"),
    include_str!("../../data/rare_earth_world_2009/inputs.csv"),
    include_str!("../../data/rare_earth_world_2009/factors.csv"),
    include_str!("../../data/rare_earth_world_2009/final.csv"),
    include_str!("../../data/rare_earth_world_2009/sectors.csv"),
];

/// A carved table, whole or aggregated, with what a model economy needs beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct CarvedTable {
    /// The table.
    pub table: WorldTable,
    /// Position of the critical sector.
    pub critical: usize,
    /// Position of its resource among the factors.
    pub resource: usize,
    /// Export-tax rates in the flows of the critical sector, `[importer, exporter]`.
    pub export_tax: Array2<f64>,
}

impl From<&CarveOut> for CarvedTable {
    fn from(carved: &CarveOut) -> Self {
        Self {
            critical: carved.sector(),
            resource: carved.table.factors().len() - 1,
            table: carved.table.clone(),
            export_tax: carved.export_tax.clone(),
        }
    }
}

impl CarvedTable {
    /// Adds up countries and sectors. The critical sector keeps its name and stays apart (the mapping must not name it);
    /// a country's export-tax rate becomes the one that collects the same revenue.
    ///
    /// # Errors
    /// [`MappingError`] if the mapping does not fit the table.
    pub fn aggregate(&self, mapping: &Mapping) -> Result<Self, MappingError> {
        let name = self.table.sectors()[self.critical].clone();
        let ordinary: Vec<String> = self.table.sectors().iter().filter(|s| **s != name).cloned().collect();
        let (labels, to) = mapping.sectors(&ordinary)?;
        let (countries, country_to) = mapping.countries(self.table.countries())?;
        let mut sectors: Vec<(String, String)> = Vec::new();
        for (code, group) in ordinary.iter().zip(&to) {
            sectors.push((code.clone(), labels[*group].clone()));
        }
        // in the order in which the mapping first names the groups
        sectors.sort_by_key(|pair| labels.iter().position(|l| *l == pair.1));
        sectors.push((name.clone(), name));
        let pairs = self.table.countries().iter().zip(&country_to);
        let mut countries: Vec<(String, String)> =
            pairs.map(|(c, to)| (c.clone(), countries[*to].clone())).collect();
        let order = mapping.countries(self.table.countries())?.0;
        countries.sort_by_key(|pair| order.iter().position(|l| *l == pair.1));
        let table = self.table.aggregate(&Mapping::new(countries, sectors)?)?;

        let flows = self.critical_trade();
        let n = table.n_countries();
        let (mut paid, mut tax) = (Array2::<f64>::zeros((n, n)), Array2::<f64>::zeros((n, n)));
        for ((importer, exporter), &flow) in flows.indexed_iter() {
            let at = [country_to[importer], country_to[exporter]];
            paid[at] += flow;
            tax[at] += revenue(flow, self.export_tax[[importer, exporter]]);
        }
        let export_tax =
            Array2::from_shape_fn(
                (n, n),
                |at| if tax[at] > 0.0 { tax[at] / (paid[at] - tax[at]) } else { 0.0 },
            );
        Ok(Self { critical: table.n_sectors() - 1, resource: self.resource, table, export_tax })
    }

    /// Flows of the critical sector, `[importer, exporter]`.
    fn critical_trade(&self) -> Array2<f64> {
        let purchases = self.table.purchases();
        let n = self.table.n_countries();
        Array2::from_shape_fn((n, n), |(importer, exporter)| {
            purchases[[importer, self.table.index(exporter, self.critical)]]
        })
    }

    /// The flows of a model economy. `theta` holds the elasticities of all sectors, the critical one last.
    ///
    /// # Errors
    /// [`EconomyError`] if a label is blank.
    pub fn to_flows(&self, theta: Array1<f64>, metadata: Metadata) -> Result<Flows, EconomyError> {
        Ok(self.taxed(self.table.to_flows(theta, metadata)?))
    }

    /// The same with every flow rounded to `decimals` and accounts closed again.
    ///
    /// # Errors
    /// As [`to_flows`](Self::to_flows).
    pub fn to_rounded_flows(
        &self,
        theta: Array1<f64>,
        metadata: Metadata,
        decimals: u32,
    ) -> Result<Flows, EconomyError> {
        let mut flows = self.table.to_flows(theta, metadata)?;
        self.round_critical(&mut flows, decimals);
        Ok(self.taxed(flows_csv::rounded(flows, decimals)))
    }

    /// Takes export taxes out of what the producers of the critical sector get: the resource gets less.
    fn taxed(&self, mut flows: Flows) -> Flows {
        for ((n, i), &rate) in self.export_tax.indexed_iter().filter(|(_, rate)| **rate > 0.0) {
            flows.export_tax[[n, i, self.critical]] = rate;
            let tax = revenue(flows.trade[[n, i, self.critical]], rate);
            flows.factor_payments[[i, self.critical, self.resource]] -= tax;
        }
        flows
    }

    /// Rounds the critical sector's flows so that each country buys exactly what its industries use: what rounding adds or
    /// takes is bought from the largest supplier, so that no country without mines comes to sell any.
    fn round_critical(&self, flows: &mut Flows, decimals: u32) {
        let scale = 10_f64.powi(i32::try_from(decimals.min(15)).unwrap_or(15));
        let units = |value: f64| (value * scale).round();
        for mut input in flows.intermediate.index_axis_mut(Axis(2), self.critical).outer_iter_mut() {
            input.mapv_inplace(|value| units(value) / scale);
        }
        let used: Vec<f64> = flows
            .intermediate
            .index_axis(Axis(2), self.critical)
            .outer_iter()
            .map(|inputs| inputs.iter().map(|v| units(*v)).sum())
            .collect();
        let mut trade = flows.trade.index_axis_mut(Axis(2), self.critical);
        for (mut bought, used) in trade.outer_iter_mut().zip(used) {
            bought.mapv_inplace(units);
            let largest = (0..bought.len()).max_by(|a, b| bought[*a].total_cmp(&bought[*b])).unwrap_or(0);
            let others = bought.sum() - bought[largest];
            bought[largest] = (used - others).max(0.0);
            bought.mapv_inplace(|value| value / scale);
        }
    }
}

/// Tax in a flow at purchaser value.
fn revenue(flow: f64, rate: f64) -> f64 {
    flow * rate / (1.0 + rate)
}

/// The rare-earth economy that this crate ships: 2009, the economies and sectors of [`crate::world_2009()`], and rare earths.
///
/// # Errors
/// [`WorldError`] if the shipped files are damaged.
pub fn rare_earth_world_2009() -> Result<Economy, WorldError> {
    Ok(Economy::from_flows(flows()?).map_err(Box::new)?)
}

/// The shipped rare-earth economy in values.
///
/// # Errors
/// As [`rare_earth_world_2009`].
pub fn flows() -> Result<Flows, WorldError> {
    Ok(flows_csv::read(Path::new(FOLDER), TEXTS)?)
}

/// Use of one element by one industry of the shipped economy in 2009.
#[derive(Debug, Clone, PartialEq)]
pub struct ElementUse {
    /// Country code.
    pub country: String,
    /// Sector.
    pub sector: String,
    /// Element.
    pub element: Element,
    /// Tonnes of oxide.
    pub tonnes: f64,
    /// Value at what users pay, million USD.
    pub value: f64,
}

/// Use of every element by the industries of [`rare_earth_world_2009`], each element apart: what markets of single elements,
/// and restrictions of some of them only, start from. Industries that use none have no row; values add up to what the
/// economy's industries buy of rare earths, up to rounding to six digits.
///
/// # Errors
/// [`WorldError`] naming the line, if the shipped file is damaged.
pub fn element_use_2009() -> Result<Vec<ElementUse>, WorldError> {
    let file = CsvFile::from_reader(Path::new(ELEMENTS_CSV), ELEMENTS.as_bytes())?;
    let [country, sector, element, tonnes, value] =
        file.columns(["country", "sector", "element", "tonnes_reo", "value_musd"])?;
    let mut uses = Vec::with_capacity(file.rows().len());
    for row in file.rows() {
        let symbol = row.text(element);
        let known = Element::ALL.into_iter().find(|e| e.symbol() == symbol);
        uses.push(ElementUse {
            country: row.text(country).to_owned(),
            sector: row.text(sector).to_owned(),
            element: known.ok_or_else(|| row.bad(element, "a symbol of a rare-earth element"))?,
            tonnes: row.non_negative(tonnes)?,
            value: row.non_negative(value)?,
        });
    }
    Ok(uses)
}

/// The text of the shipped file of use by element, from the folder of raw data sets.
///
/// # Errors
/// [`WorldError`] naming the raw file.
pub(crate) fn build_elements(raw: &Path) -> Result<String, WorldError> {
    let table = world_2009::full_table(raw)?;
    let mapping = world_2009::mapping()?;
    let usage = RareEarthData::embedded()?.carve_out(&table, &Choices::default())?.usage;
    let (countries, country_to) = mapping.countries(table.countries())?;
    let (sectors, sector_to) = mapping.sectors(table.sectors())?;
    let shape = (countries.len(), sectors.len(), Element::COUNT);
    let (mut tonnes, mut value) = (Array3::<f64>::zeros(shape), Array3::<f64>::zeros(shape));
    for (full, small) in [(usage.tonnes_by_element(), &mut tonnes), (usage.value_by_element(), &mut value)] {
        for ((n, j, e), amount) in full.indexed_iter() {
            small[[country_to[n], sector_to[j], e]] += amount;
        }
    }
    let mut text = String::from("country,sector,element,tonnes_reo,value_musd\n");
    for ((n, j, e), &t) in tonnes.indexed_iter().filter(|(_, t)| **t > 0.0) {
        let (t, v) = (significant(t), significant(value[[n, j, e]]));
        text += &format!("{},{},{},{t},{v}\n", countries[n], quoted(&sectors[j]), Element::ALL[e].symbol());
    }
    Ok(text)
}

/// Elasticities of a table's NACE sectors grouped as `to` says, and [`THETA_R`] last.
fn theta(elasticities: &Elasticities, nace: &[String], to: &[usize], groups: usize) -> Array1<f64> {
    let mut theta = elasticities.of_groups(Method::Triples, nace, to, groups).0.to_vec();
    theta.push(THETA_R);
    theta.into_iter().map(|t| (t * 1e6).round() / 1e6).collect()
}

fn metadata(name: &str, what: &str, choices: &Choices) -> Metadata {
    Metadata {
        name: name.to_owned(),
        provenance: vec![
            format!(
                "derived: flows from the World Input-Output Database, 2013 release (Timmer, Dietzenbacher, Los, Stehrer \
                 and de Vries 2015), 41 economies x 35 industries, {what}"
            ),
            format!(
                "derived: rare earths carved out by the project's own method from mine output (British Geological Survey, \
                 read), prices (read, recalled and filled), end uses (Goonan 2011, recalled) and consumption by region; \
                 mapping `{}`, origins `{}`, beta_r {} (assumptions)",
                choices.mapping, choices.origins, choices.carve.beta_r
            ),
            "derived: factor shares from WIOD's Socio-Economic Accounts; the resource's rent is taken from capital".to_owned(),
            format!(
                "estimated: trade elasticities from the sample of Caliendo and Parro (2015), triple differences, full \
                 sample, 8.22 where there is no usable estimate; {THETA_R} for rare earths (assumption)"
            ),
        ],
        ..Metadata::default()
    }
}

/// The full table of 2009 with value added split into capital and labour by skill.
fn table_2009(raw: &Path) -> Result<WorldTable, WorldError> {
    let table = world_2009::full_table(raw)?;
    let shares = Sea::load(&raw.join("wiod_sea2013"))?.factor_shares(&table).shares;
    let factors = sea::FACTORS.map(str::to_owned).to_vec();
    Ok(table.with_factor_shares(factors, &shares).map_err(RareEarthError::from)?)
}

/// The flows of the full table of 2009 with rare earths: 41 economies, 36 sectors. `raw` is the folder of raw data sets.
///
/// # Errors
/// [`WorldError`] naming the raw file.
pub fn full_flows(raw: &Path, choices: &Choices) -> Result<Flows, WorldError> {
    let table = table_2009(raw)?;
    let carved = CarvedTable::from(&RareEarthData::embedded()?.carve_out(&table, choices)?);
    let own: Vec<usize> = (0..table.n_sectors()).collect();
    let theta = theta(&Elasticities::shipped()?, table.sectors(), &own, own.len());
    Ok(carved
        .to_flows(theta, metadata("rare-earth-world-2009-full", "not aggregated", choices))
        .map_err(Box::new)?)
}

/// Trade elasticities of the sectors of [`full_flows`] but the critical one by a method, with the covariance of their sampling
/// errors: labels, estimates, covariance. See [`crate::theta`] for the rule.
///
/// # Errors
/// [`WorldError`] if the shipped files are damaged.
pub fn full_elasticities(method: Method) -> Result<world_2009::SectorElasticities, WorldError> {
    let codes = world_2009::mapping()?.sector_codes();
    let own: Vec<usize> = (0..codes.len()).collect();
    let estimates = Elasticities::shipped()?;
    let (theta, covariance) = estimates.of_groups(method, &codes, &own, own.len());
    Ok((codes, theta, covariance))
}

/// Makes the shipped files again from the folder of raw data sets: the full table is carved, then aggregated by
/// `data/world_2009/mapping.csv`. Texts in the order of [`flows_csv::FILES`].
///
/// # Errors
/// [`WorldError`] naming the raw file.
pub fn build(raw: &Path) -> Result<[String; 6], WorldError> {
    let choices = Choices::default();
    let table = table_2009(raw)?;
    let mapping = world_2009::mapping()?;
    let carved = RareEarthData::embedded()?.carve_out(&table, &choices)?;
    let small = CarvedTable::from(&carved).aggregate(&mapping)?;
    let (groups, to) = mapping.sectors(table.sectors())?;
    let theta = theta(&Elasticities::estimate(&raw.join("cp2015"))?, table.sectors(), &to, groups.len());
    let metadata = metadata("rare-earth-world-2009", "aggregated after carving", &choices);
    let flows = small.to_rounded_flows(theta, metadata, DECIMALS).map_err(Box::new)?;
    Ok(flows_csv::write(&flows)?)
}

/// How carving an aggregate differs from aggregating a carved table.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregationGap {
    /// Labels of the aggregate's countries.
    pub countries: Vec<String>,
    /// Labels of the aggregate's sectors.
    pub sectors: Vec<String>,
    /// The same quantity when the full table is carved, then aggregated, and when the aggregate is carved: use by industry,
    /// million USD, `[country, sector]`.
    pub used: [Array2<f64>; 2],
    /// Trade in rare earths, million USD, `[importer, exporter]`.
    pub traded: [Array2<f64>; 2],
    /// Sales between all industries, million USD, the critical sector's included.
    pub sales: [Array2<f64>; 2],
}

/// What sits elsewhere, as a share of the whole: half the sum of absolute differences over the total.
#[must_use]
pub fn misplaced([a, b]: &[Array2<f64>; 2]) -> f64 {
    let moved: f64 = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum();
    0.5 * moved / a.sum()
}

/// Carves `table`, and its aggregate, with the same choices. `mining` and `rest_of_world` are the aggregate's names of what
/// [`CarveSettings`] calls so.
///
/// # Errors
/// [`WorldError`] if either cannot be carved or the mapping does not fit.
pub fn aggregation_gap(
    data: &RareEarthData,
    table: &WorldTable,
    choices: &Choices,
    mapping: &Mapping,
    mining: &str,
    rest_of_world: &str,
) -> Result<AggregationGap, WorldError> {
    let full = data.carve_out(table, choices)?;
    let carved_first = CarvedTable::from(&full).aggregate(mapping)?;
    let (sectors, sector_to) = mapping.sectors(table.sectors())?;
    let (countries, country_to) = mapping.countries(table.countries())?;
    let mut used = Array2::<f64>::zeros((countries.len(), sectors.len()));
    for ((n, j), value) in full.usage.value().indexed_iter() {
        used[[country_to[n], sector_to[j]]] += value;
    }
    let to: BTreeMap<String, String> =
        table.sectors().iter().cloned().zip(sector_to.iter().map(|g| sectors[*g].clone())).collect();
    let carve = CarveSettings {
        mining: mining.to_owned(),
        rest_of_world: rest_of_world.to_owned(),
        ..choices.carve.clone()
    };
    let small = data.carve_out_with(
        &table.aggregate(mapping)?,
        &Choices { carve, ..choices.clone() },
        &data.mapping(choices)?.aggregate(&to)?,
        &data.origins(choices)?.aggregate(&to)?,
    )?;
    Ok(AggregationGap {
        countries,
        sectors,
        used: [used, small.usage.value()],
        traded: [carved_first.critical_trade(), small.trade()],
        sales: [carved_first.table.intermediate().clone(), small.table.intermediate().clone()],
    })
}

/// The sectors of `among` that use most of a sector's goods, `number` of them, the most intensive first: spending on these goods
/// over output, in the world of the baseline.
pub fn most_intensive(economy: &Economy, input: usize, among: &[usize], number: usize) -> Vec<usize> {
    let intensity = |j: usize| -> f64 {
        let output = economy.output().column(j).to_owned();
        let spent: f64 =
            output.iter().enumerate().map(|(n, o)| economy.input_share()[[n, j, input]] * o).sum();
        spent / output.sum()
    };
    let known = among.iter().filter(|j| **j < economy.dims().sectors && input < economy.dims().sectors);
    let mut order: Vec<(usize, f64)> = known.map(|&j| (j, intensity(j))).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.into_iter().take(number).map(|(j, _)| j).collect()
}
