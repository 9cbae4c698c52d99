//! The footprints as panels: what table B2 shows, computed from raw data or as it ships with the crate.
//!
//! Three files in `data/footprints`, six significant digits: `sectors.csv` (requirements of 2009 by industry, means over
//! countries, under each alternative mapping), `exposure.csv` (exposure by country and year, 1995-2011; rows of
//! [`WORLD`] hold the world's use and mean total requirement) and `us.csv` (requirements of US detail industries in 2012 and
//! 2017, the total under each alternative mapping in columns of its own).

use std::fmt::Write;
use std::path::Path;

use ndarray::Axis;

use super::intensity::{WORLD, significant};
use super::{CountryExposure, Footprint, SectorRequirement, by_alternative, trend, us_requirements};
use crate::bea::{self, UseMake};
use crate::rare_earths::{Choices, RareEarthData};
use crate::source::{CsvFile, LoadError};
use crate::table::Inventories;
use crate::table_csv::quoted;
use crate::wiod::{self, WiodLabels};
use crate::world_2009::{self, WorldError};

/// The files in the crate's `data`.
pub(crate) const FILES: [&str; 3] =
    ["footprints/sectors.csv", "footprints/exposure.csv", "footprints/us.csv"];

const TEXTS: [&str; 3] = [
    include_str!("../../data/footprints/sectors.csv"),
    include_str!("../../data/footprints/exposure.csv"),
    include_str!("../../data/footprints/us.csv"),
];

/// Years of the world tables.
const YEARS: std::ops::RangeInclusive<i32> = 1995..=2011;

/// Years of the US detail tables.
const US_YEARS: [i32; 2] = [2012, 2017];

/// Beginning of the columns of `us.csv` that hold the total under another mapping.
const TOTAL_UNDER: &str = "total_value under ";

/// Everything that table B2 shows.
#[derive(Debug, Clone, PartialEq)]
pub struct FootprintPanels {
    /// Description of each industry, in the order of the requirements.
    pub industries: Vec<String>,
    /// World requirements by industry, 2009, under each alternative mapping, the base first.
    pub sectors: Vec<(String, Vec<SectorRequirement>)>,
    /// Exposure year by year, base mapping.
    pub years: Vec<YearFootprint>,
    /// US detail industries.
    pub us: Vec<UsPanel>,
}

/// The footprints of a year.
#[derive(Debug, Clone, PartialEq)]
pub struct YearFootprint {
    /// Year.
    pub year: i32,
    /// Tonnes of oxide that the world used.
    pub use_tonnes: f64,
    /// Mean total requirement of the world's output, kilograms per million USD.
    pub total_kg: f64,
    /// Exposure by country.
    pub exposure: Vec<CountryExposure>,
}

/// Requirements of the US detail industries of a year.
#[derive(Debug, Clone, PartialEq)]
pub struct UsPanel {
    /// Year.
    pub year: i32,
    /// Names of the mappings beside the base.
    pub alternatives: Vec<String>,
    /// The industries.
    pub industries: Vec<UsIndustry>,
}

/// A US detail industry. Values in USD per USD, kilograms per million USD.
#[derive(Debug, Clone, PartialEq)]
pub struct UsIndustry {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Use per unit of output.
    pub direct_value: f64,
    /// Use in the whole chain per unit of final output.
    pub total_value: f64,
    /// Kilograms in the whole chain.
    pub total_kg: f64,
    /// Use in the whole chain under the other mappings, in their order.
    pub total_value_under: Vec<f64>,
}

impl From<&Footprint> for YearFootprint {
    fn from(footprint: &Footprint) -> Self {
        let requirements = &footprint.requirements;
        let kg = requirements.total_kg.sum_axis(Axis(2));
        Self {
            year: requirements.year,
            use_tonnes: footprint.exposure.iter().map(|country| country.use_tonnes).sum(),
            total_kg: (&kg * &requirements.output).sum() / requirements.output.sum(),
            exposure: footprint.exposure.clone(),
        }
    }
}

/// The number columns of `exposure.csv`, in their order.
fn numbers(e: &CountryExposure) -> [(&'static str, f64); 16] {
    [
        ("use_tonnes", e.use_tonnes),
        ("use_value", e.use_value),
        ("use_over_gdp", e.use_over_gdp),
        ("embodied_in_exports_tonnes", e.embodied_in_exports_tonnes),
        ("embodied_in_final_demand_tonnes", e.embodied_in_final_demand_tonnes),
        ("value_added_behind", e.value_added_behind),
        ("exports_behind", e.exports_behind),
        ("value_added_intensive", e.value_added_intensive),
        ("exports_intensive", e.exports_intensive),
        ("home_share", e.home_share),
        ("china_share", e.china_share),
        ("hhi", e.hhi),
        ("risk_hhi", e.risk_hhi),
        ("use_index", e.use_index),
        ("value_added_index", e.value_added_index),
        ("exports_index", e.exports_index),
    ]
}

/// A row of `exposure.csv` from its numbers, in the order of [`numbers`].
fn exposure(country: String, v: [f64; 16]) -> CountryExposure {
    CountryExposure {
        country,
        use_tonnes: v[0],
        use_value: v[1],
        use_over_gdp: v[2],
        embodied_in_exports_tonnes: v[3],
        embodied_in_final_demand_tonnes: v[4],
        value_added_behind: v[5],
        exports_behind: v[6],
        value_added_intensive: v[7],
        exports_intensive: v[8],
        home_share: v[9],
        china_share: v[10],
        hhi: v[11],
        risk_hhi: v[12],
        use_index: v[13],
        value_added_index: v[14],
        exports_index: v[15],
    }
}

impl FootprintPanels {
    /// The panels that ship with the crate.
    ///
    /// # Errors
    /// [`LoadError`] naming file and line, if a shipped file is damaged.
    pub fn shipped() -> Result<Self, LoadError> {
        Self::from_texts(TEXTS)
    }

    /// Computes the panels from the raw sets `wiod2013` and `bea_io` below `raw`. Of the US detail tables one year is enough:
    /// the Bureau's current release has no table of 2012 in the codes of that year.
    ///
    /// # Errors
    /// [`WorldError`] naming the raw file that is missing or wrong.
    pub fn compute(raw: &Path) -> Result<Self, WorldError> {
        let data = RareEarthData::embedded()?;
        let choices = Choices::default();
        let folder = raw.join("wiod2013");
        let world = by_alternative(&data, &world_2009::full_table(raw)?, &choices)?;
        let years = trend(&data, &choices, YEARS, |year| {
            wiod::load(&folder, year, Inventories::Produced).map(|wiod| wiod.table)
        })?;
        let folder_us = raw.join("bea_io");
        let mut us_years: Vec<i32> =
            US_YEARS.into_iter().filter(|year| bea::has_year(&folder_us, *year)).collect();
        if us_years.is_empty() {
            us_years.extend(US_YEARS);
        }
        let us = us_years.into_iter().map(|year| us_panel(&data, &folder_us, year));
        Ok(Self {
            industries: WiodLabels::load(&folder)?.descriptions,
            sectors: world.iter().map(|f| (f.name.clone(), f.requirements.world())).collect(),
            years: years.iter().map(YearFootprint::from).collect(),
            us: us.collect::<Result<_, _>>()?,
        })
    }

    /// The exposure of a year, if there is one.
    #[must_use]
    pub fn year(&self, year: i32) -> Option<&YearFootprint> {
        self.years.iter().find(|footprint| footprint.year == year)
    }

    /// The texts of the three files.
    #[must_use]
    pub fn to_texts(&self) -> [String; 3] {
        // Writing to a string does not fail.
        let mut sectors = String::from(
            "alternative,sector,industry,use_share,direct_value,total_value,direct_kg,total_kg\n",
        );
        for (alternative, requirements) in &self.sectors {
            for (r, industry) in requirements.iter().zip(&self.industries) {
                let numbers = [r.use_share, r.direct_value, r.total_value, r.direct_kg, r.total_kg];
                let line = numbers.map(significant).join(",");
                let _ = writeln!(sectors, "{alternative},{},{},{line}", r.sector, quoted(industry));
            }
        }
        let mut exposure = String::from("year,country");
        if let Some(country) = self.years.first().and_then(|year| year.exposure.first()) {
            numbers(country).iter().for_each(|(name, _)| exposure.extend([",", name]));
        }
        exposure.push_str(",total_kg\n");
        for year in &self.years {
            let blanks = ",".repeat(15);
            let (tonnes, kg) = (significant(year.use_tonnes), significant(year.total_kg));
            let _ = writeln!(exposure, "{},{WORLD},{tonnes}{blanks},{kg}", year.year);
            for country in &year.exposure {
                let line = numbers(country).map(|(_, value)| significant(value)).join(",");
                let _ = writeln!(exposure, "{},{},{line},", year.year, country.country);
            }
        }
        let mut us = String::from("year,industry,name,direct_value,total_value,total_kg");
        if let Some(panel) = self.us.first() {
            panel.alternatives.iter().for_each(|name| us.extend([",", TOTAL_UNDER, name]));
        }
        us.push('\n');
        for panel in &self.us {
            for i in &panel.industries {
                let _ = write!(us, "{},{},{}", panel.year, i.code, quoted(&i.name));
                let numbers = [i.direct_value, i.total_value, i.total_kg];
                for value in numbers.iter().chain(&i.total_value_under) {
                    us.extend([",", &significant(*value)]);
                }
                us.push('\n');
            }
        }
        [sectors, exposure, us]
    }

    /// Reads the texts of the three files.
    ///
    /// # Errors
    /// [`LoadError`] naming file and line.
    pub fn from_texts([sectors, exposure, us]: [&str; 3]) -> Result<Self, LoadError> {
        let (industries, sectors) = read_sectors(sectors)?;
        Ok(Self { industries, sectors, years: read_exposure(exposure)?, us: read_us(us)? })
    }
}

fn us_panel(data: &RareEarthData, folder: &Path, year: i32) -> Result<UsPanel, WorldError> {
    let (table, _) = UseMake::load(folder, year)?.industry_table()?;
    let names = bea::industry_names(folder, year)?;
    let mut alternatives = data.alternatives("bea")?;
    let requirements = alternatives
        .iter()
        .map(|alternative| us_requirements(data, &table, "bea", alternative))
        .collect::<Result<Vec<_>, _>>()?;
    let (base, others) = requirements.split_first().ok_or_else(|| LoadError::Missing {
        path: "industries.csv".into(),
        key: "a mapping to US industries".to_owned(),
    })?;
    let industry = |(j, code): (usize, &String)| UsIndustry {
        code: code.clone(),
        name: names.get(code).cloned().unwrap_or_default(),
        direct_value: base.direct_value[j],
        total_value: base.total_value[j],
        total_kg: base.total_kg.row(j).sum(),
        total_value_under: others.iter().map(|other| other.total_value[j]).collect(),
    };
    let industries = base.industries.iter().enumerate().map(industry).collect();
    alternatives.remove(0);
    Ok(UsPanel { year, alternatives, industries })
}

/// Descriptions of the industries, and requirements by alternative.
type Sectors = (Vec<String>, Vec<(String, Vec<SectorRequirement>)>);

fn read_sectors(text: &str) -> Result<Sectors, LoadError> {
    let file = CsvFile::from_reader(Path::new(FILES[0]), text.as_bytes())?;
    let [alternative, sector, industry] = file.columns(["alternative", "sector", "industry"])?;
    let numbers = file.columns(["use_share", "direct_value", "total_value", "direct_kg", "total_kg"])?;
    let mut sectors: Vec<(String, Vec<SectorRequirement>)> = Vec::new();
    let mut industries = Vec::new();
    for row in file.rows() {
        let mut values = [0.0; 5];
        for (value, column) in values.iter_mut().zip(numbers) {
            *value = row.non_negative(column)?;
        }
        let [use_share, direct_value, total_value, direct_kg, total_kg] = values;
        if sectors.last().is_none_or(|(name, _)| name != row.text(alternative)) {
            sectors.push((row.text(alternative).to_owned(), Vec::new()));
        }
        if sectors.len() == 1 {
            industries.push(row.text(industry).to_owned());
        }
        if let Some((_, requirements)) = sectors.last_mut() {
            let sector = row.text(sector).to_owned();
            requirements.push(SectorRequirement {
                sector,
                direct_value,
                total_value,
                direct_kg,
                total_kg,
                use_share,
            });
        }
    }
    if let Some((name, _)) = sectors.iter().find(|(_, requirements)| requirements.len() != industries.len()) {
        return Err(file.inconsistent(format!("`{name}` has not the industries of the first alternative")));
    }
    Ok((industries, sectors))
}

fn read_exposure(text: &str) -> Result<Vec<YearFootprint>, LoadError> {
    let file = CsvFile::from_reader(Path::new(FILES[1]), text.as_bytes())?;
    let [year, country, total_kg] = file.columns(["year", "country", "total_kg"])?;
    let names = numbers(&exposure(String::new(), [0.0; 16])).map(|(name, _)| name);
    let columns = file.columns(names)?;
    let mut years: Vec<YearFootprint> = Vec::new();
    for row in file.rows() {
        let this = row.year(year)?;
        if row.text(country) == WORLD {
            let (use_tonnes, total_kg) = (row.non_negative(columns[0])?, row.non_negative(total_kg)?);
            years.push(YearFootprint { year: this, use_tonnes, total_kg, exposure: Vec::new() });
            continue;
        }
        let mut values = [0.0; 16];
        for (value, column) in values.iter_mut().zip(columns) {
            *value = row.number(column)?;
        }
        match years.last_mut().filter(|last| last.year == this) {
            Some(last) => last.exposure.push(exposure(row.text(country).to_owned(), values)),
            None => return Err(row.bad(year, "the year of the world's row above")),
        }
    }
    Ok(years)
}

fn read_us(text: &str) -> Result<Vec<UsPanel>, LoadError> {
    let file = CsvFile::from_reader(Path::new(FILES[2]), text.as_bytes())?;
    let [year, code, name] = file.columns(["year", "industry", "name"])?;
    let [direct_value, total_value, total_kg] = file.columns(["direct_value", "total_value", "total_kg"])?;
    let others: Vec<(usize, String)> = file
        .headers()
        .iter()
        .enumerate()
        .filter_map(|(column, header)| Some((column, header.strip_prefix(TOTAL_UNDER)?.to_owned())))
        .collect();
    let mut panels: Vec<UsPanel> = Vec::new();
    for row in file.rows() {
        let this = row.year(year)?;
        if panels.last().is_none_or(|panel| panel.year != this) {
            let alternatives = others.iter().map(|(_, name)| name.clone()).collect();
            panels.push(UsPanel { year: this, alternatives, industries: Vec::new() });
        }
        let industry = UsIndustry {
            code: row.text(code).to_owned(),
            name: row.text(name).to_owned(),
            direct_value: row.non_negative(direct_value)?,
            total_value: row.non_negative(total_value)?,
            total_kg: row.non_negative(total_kg)?,
            total_value_under: others
                .iter()
                .map(|(column, _)| row.non_negative(*column))
                .collect::<Result<_, _>>()?,
        };
        if let Some(panel) = panels.last_mut() {
            panel.industries.push(industry);
        }
    }
    Ok(panels)
}
