//! The analysis panels that this crate ships, aggregated from raw data, in wide form: one row for each series, one column for
//! each year. They share the sector codes of the World Input-Output Database (NACE revision 1), so that they join on sector
//! and country with each other and with measures of rare-earth intensity.
//!
//! | panel | keys | years | values |
//! |---|---|---|---|
//! | [`exports`] | country, sector | 1995-2011 | exports to other countries for all uses, million current USD |
//! | [`patents`] | kind, country, sector | 1998-2020 | patents, fractional: fields spread over industries by their probabilities |
//! | [`productivity`] | country, sector | 1995-2009 | total factor productivity in value added, 1995 = 1 |
//! | [`us_productivity`] | variable, industry_id, sector, industry | 1987-2023 | `TFPGO` (gross output, 1963 = 1), `GO` and `VA` (million USD) |

use crate::patents::{Kind, Patents, REST};
use crate::sea::Sea;
use crate::shipped::ShippedFile;
use crate::source::{CsvFile, LoadError};
use crate::table::Inventories;
use crate::table_csv::quoted;
use crate::us_klems::Accounts;
use crate::wiod;
use ndarray::Array2;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const EXPORTS: &str = include_str!("../data/panels/exports.csv");
const PATENTS: &str = include_str!("../data/panels/patents.csv");
const PRODUCTIVITY: &str = include_str!("../data/panels/productivity.csv");
const US_PRODUCTIVITY: &str = include_str!("../data/panels/us_productivity.csv");
const NACE2: &str = include_str!("../data/panels/nace2.csv");
const US_INDUSTRIES: &str = include_str!("../data/panels/us_industries.csv");

/// Sector of patents outside manufacturing.
pub const OTHER: &str = "other";

/// Series by year, in wide form.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Names of the key columns.
    pub key_names: Vec<String>,
    /// The keys of every series, in the order of `key_names`.
    pub keys: Vec<Vec<String>>,
    /// Years, ascending.
    pub years: Vec<i32>,
    /// Values, `[series, year]`, NaN where missing.
    pub values: Array2<f64>,
}

impl Panel {
    /// Reads a panel: columns named by a whole number are years, the others keys; an empty cell is missing.
    ///
    /// # Errors
    /// [`LoadError`] naming line and column, or the series that occurs twice.
    pub fn from_csv(path: &Path, text: &str) -> Result<Self, LoadError> {
        let file = CsvFile::from_reader(path, text.as_bytes())?;
        let (mut keys, mut years) = (Vec::new(), Vec::new());
        for (column, header) in file.headers().iter().enumerate() {
            match header.parse::<i32>() {
                Ok(year) => years.push((column, year)),
                Err(_) => keys.push((column, header.clone())),
            }
        }
        let mut panel = Self {
            key_names: keys.iter().map(|(_, name)| name.clone()).collect(),
            keys: Vec::with_capacity(file.rows().len()),
            years: years.iter().map(|(_, year)| *year).collect(),
            values: Array2::from_elem((file.rows().len(), years.len()), f64::NAN),
        };
        if !panel.years.is_sorted_by(|a, b| a < b) || panel.years.is_empty() {
            return Err(file.inconsistent("the columns of years must be there, once each and ascending"));
        }
        let mut seen = std::collections::HashSet::new();
        for (series, row) in file.rows().enumerate() {
            let key: Vec<String> = keys.iter().map(|(column, _)| row.text(*column).to_owned()).collect();
            if !seen.insert(key.clone()) {
                return Err(row.duplicate(key.join(", ")));
            }
            panel.keys.push(key);
            for (year, (column, _)) in years.iter().enumerate() {
                if let Some(value) = row.optional(*column)? {
                    panel.values[[series, year]] = value;
                }
            }
        }
        Ok(panel)
    }

    /// The panel as CSV, values with at most so many decimals, missing ones empty.
    pub fn to_csv(&self, decimals: usize) -> String {
        let years: Vec<String> = self.years.iter().map(i32::to_string).collect();
        let mut text = format!("{},{}\n", self.key_names.join(","), years.join(","));
        for (key, values) in self.keys.iter().zip(self.values.rows()) {
            let mut cells: Vec<String> = key.iter().map(|label| quoted(label)).collect();
            cells.extend(values.iter().map(|value| number(*value, decimals)));
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        text
    }

    /// The position of a key column.
    pub fn key(&self, name: &str) -> Option<usize> {
        self.key_names.iter().position(|key| key == name)
    }

    /// All values that are there, one after another: series, position of the year, value.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        self.values.indexed_iter().filter(|(_, value)| !value.is_nan()).map(|((s, t), value)| (s, t, *value))
    }
}

/// Without trailing zeros, so that files stay small.
fn number(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return String::new();
    }
    let text = format!("{value:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Exports by country and sector, from the World Input-Output Database.
///
/// # Errors
/// [`LoadError`] if the shipped file is damaged; so for all panels.
pub fn exports() -> Result<Panel, LoadError> {
    Panel::from_csv(Path::new("panels/exports.csv"), EXPORTS)
}

/// Patents by kind, country and sector, from the National Science Foundation's counts by field.
///
/// # Errors
/// As [`exports`].
pub fn patents() -> Result<Panel, LoadError> {
    Panel::from_csv(Path::new("panels/patents.csv"), PATENTS)
}

/// Total factor productivity by country and sector, from the Socio-Economic Accounts ([`Sea::productivity`]).
///
/// # Errors
/// As [`exports`].
pub fn productivity() -> Result<Panel, LoadError> {
    Panel::from_csv(Path::new("panels/productivity.csv"), PRODUCTIVITY)
}

/// Productivity, output and value added of US industries, from their production accounts.
///
/// # Errors
/// As [`exports`].
pub fn us_productivity() -> Result<Panel, LoadError> {
    Panel::from_csv(Path::new("panels/us_productivity.csv"), US_PRODUCTIVITY)
}

/// The industry of NACE revision 1 of every division of revision 2 in manufacturing.
///
/// # Errors
/// As [`exports`].
pub fn industries_of_divisions() -> Result<HashMap<String, String>, LoadError> {
    Ok(two_columns("panels/nace2.csv", NACE2)?.into_iter().collect())
}

/// Makes the shipped panels from the folder of raw data sets.
///
/// # Errors
/// [`LoadError`] naming the raw file.
pub(crate) fn build(raw: &Path) -> Result<Vec<ShippedFile>, LoadError> {
    let file = |name: &str, text: String, source: &'static str, transformation: &'static str| ShippedFile {
        path: format!("panels/{name}"),
        text,
        sources: vec![source],
        transformation,
    };
    Ok(vec![
        ShippedFile {
            path: "patents/sectors_by_field.csv".to_owned(),
            text: build_sectors_by_field(&raw.join("patents"))?,
            sources: vec!["patents"],
            transformation: "probabilities of NACE revision 2 divisions by field, added up to NACE revision 1 industries by \
                             panels/nace2.csv, six decimals",
        },
        file(
            "exports.csv",
            build_exports(&raw.join("wiod2013"))?.to_csv(0),
            "wiod2013",
            "exports of each industry to other countries for all uses, flows as published",
        ),
        file(
            "patents.csv",
            build_patents(&raw.join("patents"))?.to_csv(2),
            "patents",
            "counts by field spread over NACE revision 2 divisions by their probabilities, added up to NACE revision 1 \
             industries by panels/nace2.csv; the rest of the world is the world less the countries",
        ),
        file(
            "productivity.csv",
            build_productivity(&raw.join("wiod_sea2013"))?.to_csv(5),
            "wiod_sea2013",
            "Tornqvist index of value added less hours and capital, 1995 = 1",
        ),
        file(
            "us_productivity.csv",
            build_us_productivity(&raw.join("us_klems"))?.to_csv(4),
            "us_klems",
            "TFPGO, GO and VA of every industry from 1987, with its NACE revision 1 counterpart by panels/us_industries.csv",
        ),
    ])
}

fn build_exports(folder: &Path) -> Result<Panel, LoadError> {
    let years: Vec<i32> = (1995..=2011).collect();
    let mut keys = Vec::new();
    let mut values = Array2::zeros((0, 0));
    for (t, &year) in years.iter().enumerate() {
        let table = wiod::load(folder, year, Inventories::Keep)?.table;
        if t == 0 {
            for country in table.countries() {
                keys.extend(table.sectors().iter().map(|sector| vec![country.clone(), sector.clone()]));
            }
            values = Array2::zeros((keys.len(), years.len()));
        }
        for (series, value) in table.exports().iter().enumerate() {
            values[[series, t]] = *value;
        }
    }
    Ok(Panel { key_names: vec!["country".into(), "sector".into()], keys, years, values })
}

/// Sectors of patents, and the position among them of each division of NACE revision 2.
fn sectors_of_patents(patents: &Patents) -> Result<(Vec<String>, Vec<usize>), LoadError> {
    let nace = two_columns("panels/nace2.csv", NACE2)?;
    let mut sectors: Vec<String> = Vec::new();
    for (_, sector) in &nace {
        if !sectors.contains(sector) {
            sectors.push(sector.clone());
        }
    }
    sectors.push(OTHER.to_owned());
    let of: HashMap<&str, &str> = nace.iter().map(|(d, s)| (d.as_str(), s.as_str())).collect();
    let position = |division: &String| {
        let sector = of.get(division.as_str()).copied().unwrap_or(OTHER);
        sectors.iter().position(|s| s == sector).unwrap_or(sectors.len() - 1)
    };
    let positions = patents.divisions().iter().map(position).collect();
    Ok((sectors, positions))
}

/// Shares of sectors by field, as CSV.
fn build_sectors_by_field(folder: &Path) -> Result<String, LoadError> {
    let patents = Patents::load(folder)?;
    let (sectors, position) = sectors_of_patents(&patents)?;
    let mut text = format!("field,{}\n", sectors.join(","));
    for (field, probabilities) in patents.concordance().columns().into_iter().enumerate() {
        let mut shares = vec![0.0; sectors.len()];
        probabilities.iter().zip(&position).for_each(|(p, &sector)| shares[sector] += p);
        let cells: Vec<String> = shares.iter().map(|share| number(*share, 6)).collect();
        text.push_str(&format!("{},{}\n", patents.codes()[field], cells.join(",")));
    }
    Ok(text)
}

fn build_patents(folder: &Path) -> Result<Panel, LoadError> {
    let patents = Patents::load(folder)?;
    let (sectors, position) = sectors_of_patents(&patents)?;
    let mut rows: BTreeMap<(Kind, usize, usize), Vec<f64>> = BTreeMap::new();
    for kind in Kind::ALL {
        let Some(counts) = patents.by_industry(kind) else { continue };
        for ((division, place, year), &count) in counts.indexed_iter() {
            let at = position[division];
            rows.entry((kind, place, at)).or_insert_with(|| vec![0.0; patents.years().len()])[year] += count;
        }
    }
    let mut keys = Vec::new();
    let mut values = Vec::new();
    for ((kind, place, sector), series) in rows {
        let place = &patents.places()[place];
        let code = if place == REST { "ROW" } else { crate::patents::iso3(place).unwrap_or(place) };
        keys.push(vec![kind.code().to_owned(), code.to_owned(), sectors[sector].clone()]);
        values.extend(series);
    }
    let years = patents.years().to_vec();
    let values = Array2::from_shape_vec((keys.len(), years.len()), values)
        .map_err(|error| LoadError::Inconsistent { path: folder.to_owned(), message: error.to_string() })?;
    Ok(Panel { key_names: vec!["kind".into(), "country".into(), "sector".into()], keys, years, values })
}

fn build_productivity(folder: &Path) -> Result<Panel, LoadError> {
    let sea = Sea::load(folder)?;
    let years: Vec<i32> = sea.years().iter().copied().filter(|year| *year <= 2009).collect();
    let mut keys = Vec::new();
    let mut values = Vec::new();
    for (country, industry) in sea.industries() {
        let series = sea.productivity(&country, &industry, &years);
        if industry != crate::sea::TOTAL && series.iter().any(|value| !value.is_nan()) {
            keys.push(vec![country, industry]);
            values.extend(series);
        }
    }
    let values = Array2::from_shape_vec((keys.len(), years.len()), values)
        .map_err(|error| LoadError::Inconsistent { path: folder.to_owned(), message: error.to_string() })?;
    Ok(Panel { key_names: vec!["country".into(), "sector".into()], keys, years, values })
}

fn build_us_productivity(folder: &Path) -> Result<Panel, LoadError> {
    let accounts = Accounts::load(folder)?;
    let nace: HashMap<String, String> =
        two_columns("panels/us_industries.csv", US_INDUSTRIES)?.into_iter().collect();
    let first = accounts.years().iter().position(|year| *year == 1987).unwrap_or(0);
    let years = accounts.years()[first..].to_vec();
    let mut keys = Vec::new();
    let mut values = Vec::new();
    for variable in ["TFPGO", "GO", "VA"] {
        let array = accounts.variable(variable).ok_or_else(|| LoadError::Missing {
            path: folder.to_owned(),
            key: format!("the variable {variable}"),
        })?;
        for (position, (id, name)) in accounts.industries().iter().enumerate() {
            let sector = nace.get(&id.to_string()).cloned().unwrap_or_default();
            keys.push(vec![variable.to_owned(), id.to_string(), sector, name.clone()]);
            values.extend(array.row(position).iter().skip(first));
        }
    }
    let values = Array2::from_shape_vec((keys.len(), years.len()), values)
        .map_err(|error| LoadError::Inconsistent { path: folder.to_owned(), message: error.to_string() })?;
    let key_names = ["variable", "industry_id", "sector", "industry"].map(str::to_owned).to_vec();
    Ok(Panel { key_names, keys, years, values })
}

/// A written file of pairs.
fn two_columns(name: &str, text: &str) -> Result<Vec<(String, String)>, LoadError> {
    let file = CsvFile::from_reader(Path::new(name), text.as_bytes())?;
    Ok(file.rows().map(|row| (row.text(0).to_owned(), row.text(1).to_owned())).collect())
}
