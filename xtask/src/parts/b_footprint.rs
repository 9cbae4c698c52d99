//! B2: the rare-earth footprint of industries and countries, in the world table and in the US detail table.

use calibration::footprint::panels::{FootprintPanels, UsPanel, YearFootprint};
use calibration::footprint::{CountryExposure, SectorRequirement};
use calibration::rare_earths::economy::{aggregation_gap, misplaced};
use calibration::rare_earths::facts::PolicyMeasure;
use calibration::rare_earths::{Choices, RareEarthData};
use calibration::world_2009;

use super::{Inputs, Made};
use crate::error::Error;
use crate::report::figure::{Bars, Chart, Figure, Series};
use crate::report::map::Map;
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};
use crate::workspace::RawData;

/// The last year before the restrictions.
const YEAR: i32 = 2009;
/// The year for which shares of countries in China's exports were published.
const PARTNERS_YEAR: i32 = 2011;
/// The economies whose exposure is followed over time.
const FOLLOWED: [&str; 6] = ["CHN", "JPN", "KOR", "TWN", "DEU", "USA"];
/// The unit of requirements.
const PER_MILLION: &str = "USD per million USD";

/// B2: requirements by industry under every mapping, exposure by country, the same over time, US detail. Computed where the
/// raw tables are at hand, from the shipped panels otherwise.
pub(super) fn footprints(inputs: &Inputs) -> Result<Made, Error> {
    let (panels, notes) = match raw_folder(inputs.raw) {
        Some(raw) => {
            let panels = FootprintPanels::compute(raw).map_err(Error::library("the footprints"))?;
            (panels, vec![aggregation_note(raw)?])
        }
        None => {
            let panels = FootprintPanels::shipped().map_err(Error::library("the shipped footprints"))?;
            let note = "From the shipped panels (data/footprints, six significant digits), which the project computed from \
                        the tables named below; with these at hand (`--data`) they are computed again.";
            (panels, vec![note.to_owned()])
        }
    };
    let base =
        panels.year(YEAR).ok_or_else(|| defect("the footprints have no year before the restrictions"))?;
    let (mut industries, industries_figure) = industries(&panels);
    let map = map(&base.exposure);
    let (mut exposure, exposure_figure) = exposure(&base.exposure);
    exposure.note(partners_note(&panels)?);
    let (over_time, over_time_figure) = over_time(&panels.years)?;
    notes.into_iter().for_each(|note| industries.note(note));
    let mut tables = vec![industries, exposure, over_time];
    tables.extend(panels.us.iter().map(us_table));
    let figures = vec![industries_figure, map, exposure_figure, over_time_figure];
    Ok(Made { tables, figures, checks: Vec::new() })
}

/// How the flows of the year with published partners differ from what was published, and what drives it.
fn partners_note(panels: &FootprintPanels) -> Result<String, Error> {
    let data = RareEarthData::embedded().map_err(Error::library("the shipped rare-earth facts"))?;
    let facts = &data.facts;
    let flows =
        panels.year(PARTNERS_YEAR).ok_or_else(|| defect("the footprints have no year with partners"))?;
    let abroad: Vec<&CountryExposure> = flows.exposure.iter().filter(|c| c.country != "CHN").collect();
    let exports: f64 = abroad.iter().map(|c| c.use_tonnes * c.china_share).sum();
    let used: f64 = abroad.iter().map(|c| c.use_tonnes).sum();
    let mut partners = Vec::new();
    let mut japan = f64::NAN;
    for country in abroad {
        if country.country == "JPN" {
            japan = 100.0 * country.use_tonnes / used;
        }
        let published = facts.consumption.iter().find(|row| {
            (row.place.as_str(), row.item.as_str(), row.year)
                == (country.country.as_str(), "share_of_chinese_exports", PARTNERS_YEAR)
        });
        if let Some(published) = published {
            let ours = 100.0 * country.use_tonnes * country.china_share / exports;
            partners.push(format!("{} {ours:.0}% ({:.0}% published)", country.country, published.value));
        }
    }
    let recorded =
        facts.policy_volume(PolicyMeasure::Exports, PARTNERS_YEAR).map_or(f64::NAN, |row| row.value);
    Ok(format!(
        "Of China's exports in {PARTNERS_YEAR}, in tonnes, these flows give {}. The margins drive the difference, not the \
         balancing: by the consumption that is stated for Japan, the United States and Europe (of 2006-07) and assumed for \
         other places, Japan uses {japan:.0}% of what is used outside China. The published shares are of the {recorded:.0} t \
         of product that customs recorded; consumption implies exports of {exports:.0} t, which hold what was smuggled or \
         came out of stocks. No source at hand splits these by destination; nothing was adjusted.",
        partners.join(", ")
    ))
}

/// The folder of raw data, if it has both sets.
fn raw_folder(raw: &RawData) -> Option<&std::path::Path> {
    raw.folder().filter(|_| raw.set("wiod2013").is_some() && raw.set("bea_io").is_some())
}

/// What the shipped economy would have lost, had its aggregate been carved instead of the full table.
fn aggregation_note(raw: &std::path::Path) -> Result<String, Error> {
    let data = RareEarthData::embedded().map_err(Error::library("the shipped rare-earth facts"))?;
    let table = &world_2009::full_table(raw).map_err(Error::library("the world table"))?;
    let (data, choices) = (&data, &Choices::default());
    let mapping = world_2009::mapping().map_err(Error::library("the mapping of the shipped economy"))?;
    let gap = aggregation_gap(data, table, choices, &mapping, "Mining", "ROW")
        .map_err(Error::library("carving the aggregate"))?;
    Ok(format!(
        "The shipped economy is this table, carved and then aggregated. Carving its aggregate instead would put {:.1e} of \
         rare-earth use, {:.1e} of trade in rare earths and {:.1e} of all sales between industries elsewhere.",
        misplaced(&gap.used),
        misplaced(&gap.traded),
        misplaced(&gap.sales)
    ))
}

/// Requirements by industry, means over countries, with the total under every mapping side by side.
fn industries(panels: &FootprintPanels) -> (Table, Figure) {
    let number = |key: String, heading: String, unit: &str, digits| {
        Column::number(key, heading, unit, Format::Fixed(digits), Provenance::Derived)
    };
    let mut columns = vec![
        Column::label("nace", "NACE"),
        Column::label("industry", "Industry"),
        number("use_share_pct".into(), "Share of use".into(), "%", 1),
        number("direct_usd_per_million".into(), "Direct".into(), PER_MILLION, 1),
        number("total_usd_per_million".into(), "Total".into(), PER_MILLION, 1),
        number("direct_kg_per_million".into(), "Direct".into(), "kg per million USD", 2),
        number("total_kg_per_million".into(), "Total".into(), "kg per million USD", 2),
    ];
    for (name, _) in panels.sectors.iter().skip(1) {
        let key = format!("total_usd_per_million_{name}");
        columns.push(number(key, format!("Total, {name} mapping"), PER_MILLION, 1));
    }
    let requirements: Vec<&[SectorRequirement]> = panels.sectors.iter().map(|(_, r)| r.as_slice()).collect();
    let mut rows: Vec<usize> = (0..panels.industries.len()).collect();
    if let Some(base) = requirements.first() {
        rows.sort_by(|a, b| base[*b].total_value.total_cmp(&base[*a].total_value));
    }
    let title = format!("Rare-earth requirements of industries, world table {YEAR}");
    let mut table = Table::new("B2", title, Kind::ReEstimated, columns, footer("wiod2013"));
    for &j in &rows {
        let Some((base, others)) = requirements.split_first() else { continue };
        let sector = &base[j];
        let mut row: Vec<Cell> = vec![
            sector.sector.as_str().into(),
            panels.industries[j].as_str().into(),
            (100.0 * sector.use_share).into(),
            (1e6 * sector.direct_value).into(),
            (1e6 * sector.total_value).into(),
            sector.direct_kg.into(),
            sector.total_kg.into(),
        ];
        row.extend(others.iter().map(|other| Cell::from(1e6 * other[j].total_value)));
        table.row(row);
    }
    table.note(
        "Means over countries, weighted with output. Direct: what the industry itself uses per unit of its output. Total: \
         what the whole chain uses per unit of final output (Leontief). The first mapping of end uses to industries is the \
         base; the last columns show what the others make of it: where a use is counted is the largest uncertainty.",
    );
    let top: Vec<usize> = rows.into_iter().take(15).collect();
    let bars = |(name, world): &(String, Vec<SectorRequirement>)| Bars {
        name: format!("{name} mapping"),
        values: top.iter().map(|&j| Some(1e6 * world[j].total_value)).collect(),
    };
    let figure = Figure {
        id: "B2".to_owned(),
        title: format!("Total rare-earth requirements of industries, {YEAR}"),
        description: "Bars by industry, the fifteen largest: value of rare earths used in the whole chain per million USD \
                      of final output, under each mapping of end uses to industries."
            .to_owned(),
        chart: Chart::Bar {
            value: PER_MILLION.to_owned(),
            categories: top.iter().map(|&j| panels.industries[j].clone()).collect(),
            series: panels.sectors.iter().map(bars).collect(),
        },
    };
    (table, figure)
}

/// Exposure by country under the base mapping.
fn exposure(countries: &[CountryExposure]) -> (Table, Figure) {
    let number = |key: &str, heading: &str, unit: &str, digits| {
        Column::number(key, heading, unit, Format::Fixed(digits), Provenance::Derived)
    };
    let columns = vec![
        Column::label("country", "Country"),
        number("use_t", "Use", "t oxide", 0),
        number("use_musd", "Use", "million USD", 1),
        number("use_per_million_gdp", "Use over GDP", PER_MILLION, 1),
        number("embodied_exports_t", "In exports", "t oxide", 0),
        number("embodied_final_demand_t", "In final demand", "t oxide", 0),
        number("home_pct", "From home", "%", 1),
        number("china_pct", "From China", "%", 1),
        number("hhi", "HHI of suppliers", "", 3),
        number("risk_hhi", "HHI, risk-weighted", "", 3),
        number("value_added_behind_pct", "Value added behind", "%", 2),
        number("exports_behind_pct", "Exports behind", "%", 2),
        number("exports_intensive_pct", "Exports of intensive industries", "%", 1),
        number("value_added_index", "Exposure, value added", "×100", 2),
        number("exports_index", "Exposure, exports", "×100", 2),
    ];
    let title = format!("Exposure of countries to restrictions of rare earths, {YEAR}");
    let mut table = Table::new("B2-exposure", title, Kind::ReEstimated, columns, footer("wiod2013"));
    let mut sorted: Vec<&CountryExposure> = countries.iter().collect();
    sorted.sort_by(|a, b| b.exports_index.total_cmp(&a.exports_index));
    for country in &sorted {
        table.row(vec![
            country.country.as_str().into(),
            country.use_tonnes.into(),
            country.use_value.into(),
            (1e6 * country.use_over_gdp).into(),
            country.embodied_in_exports_tonnes.into(),
            country.embodied_in_final_demand_tonnes.into(),
            (100.0 * country.home_share).into(),
            (100.0 * country.china_share).into(),
            country.hhi.into(),
            country.risk_hhi.into(),
            (100.0 * country.value_added_behind).into(),
            (100.0 * country.exports_behind).into(),
            (100.0 * country.exports_intensive).into(),
            (100.0 * country.value_added_index).into(),
            (100.0 * country.exports_index).into(),
        ]);
    }
    table.note(
        "Value added (exports) behind: the share in the country's value added (exports) of the industries that use rare \
         earths, weighted by their share in its use. Risk-weighted HHI: squared supplier shares times the supplier's \
         restriction risk, supplies from home without risk. Exposure is their product. Intensive: total requirement above \
         the world's mean.",
    );
    let top: Vec<&CountryExposure> = sorted.into_iter().take(20).collect();
    let bars = |name: &str, of: fn(&CountryExposure) -> f64| Bars {
        name: name.to_owned(),
        values: top.iter().map(|country| Some(100.0 * of(country))).collect(),
    };
    let figure = Figure {
        id: "B2-exposure".to_owned(),
        title: format!("Exposure to restrictions of rare earths, {YEAR}"),
        description:
            "Bars by country, the twenty most exposed by exports: exports and value added behind rare earths \
                      times the risk-weighted concentration of suppliers."
                .to_owned(),
        chart: Chart::Bar {
            value: "exposure index ×100".to_owned(),
            categories: top.iter().map(|country| country.country.clone()).collect(),
            series: vec![
                bars("exports", |country| country.exports_index),
                bars("value added", |country| country.value_added_index),
            ],
        },
    };
    (table, figure)
}

/// The exposure of exports over the world.
fn map(countries: &[CountryExposure]) -> Figure {
    Figure {
        id: "B2-map".to_owned(),
        title: format!("Exposure of exports to restrictions of rare earths, {YEAR}"),
        description: "World map: exports behind rare earths times the risk-weighted concentration of suppliers, by economy; \
                      countries that the table does not list are in the rest of the world. Table B2-exposure has the numbers."
            .to_owned(),
        chart: Chart::World(Map {
            value: "exposure index ×100".to_owned(),
            signed: false,
            format: Format::Fixed(2),
            values: countries.iter().map(|c| (c.country.clone(), 100.0 * c.exports_index)).collect(),
        }),
    }
}

/// The exposure of some economies year by year.
fn over_time(trend: &[YearFootprint]) -> Result<(Table, Figure), Error> {
    let number = |key: String, heading: String, unit: &str, digits| {
        Column::number(key, heading, unit, Format::Fixed(digits), Provenance::Derived)
    };
    let mut columns = vec![
        Column::number("year", "Year", "", Format::Plain, Provenance::Read),
        number("world_use_t".into(), "World use".into(), "t oxide", 0),
        number("total_kg_per_million".into(), "Total requirement".into(), "kg per million USD", 2),
    ];
    columns.extend(FOLLOWED.iter().map(|country| {
        let key = format!("exports_index_{}", country.to_lowercase());
        number(key, format!("Exposure, {country}"), "×100", 2)
    }));
    let title = "Rare-earth requirements and exposure of exports over time";
    let mut table = Table::new("B2-trend", title, Kind::ReEstimated, columns, footer("wiod2013"));
    let mut series: Vec<Series> =
        FOLLOWED.iter().map(|country| Series { name: (*country).to_owned(), points: Vec::new() }).collect();
    for footprint in trend {
        let mut row: Vec<Cell> =
            vec![footprint.year.into(), footprint.use_tonnes.into(), footprint.total_kg.into()];
        for (country, series) in FOLLOWED.iter().zip(&mut series) {
            let found = footprint.exposure.iter().find(|exposure| exposure.country == *country);
            let found = found.ok_or_else(|| defect(&format!("the world table has no `{country}`")))?;
            row.push((100.0 * found.exports_index).into());
            series.points.push((f64::from(footprint.year), 100.0 * found.exports_index));
        }
        table.row(row);
    }
    table.note(
        "Total requirement: mean over all industries of the world, kilograms of oxide in the whole chain per million \
         current USD of output. Base mapping; end uses in the world's proportions of 2008. Prices before 2007 are those of \
         2007; tonnes do not depend on them.",
    );
    let figure = Figure {
        id: "B2-trend".to_owned(),
        title: "Exposure of exports to restrictions of rare earths".to_owned(),
        description: "Lines by year, 1995 to 2011: exports behind rare earths times the risk-weighted concentration of \
                      suppliers, for six economies. China supplies itself and bears almost no risk."
            .to_owned(),
        chart: Chart::Line {
            x: "year".to_owned(),
            y: "exposure index ×100".to_owned(),
            log_y: false,
            series,
        },
    };
    Ok((table, figure))
}

/// Requirements of the industries of the US detail table, with the total under every mapping side by side.
fn us_table(panel: &UsPanel) -> Table {
    let year = panel.year;
    let number = |key: String, heading: String, unit: &str, digits| {
        Column::number(key, heading, unit, Format::Fixed(digits), Provenance::Derived)
    };
    let mut columns = vec![
        Column::label("industry", "Code"),
        Column::label("name", "Industry"),
        number("direct_usd_per_million".into(), "Direct".into(), PER_MILLION, 1),
        number("total_usd_per_million".into(), "Total".into(), PER_MILLION, 1),
        number("total_kg_per_million".into(), "Total".into(), "kg per million USD", 2),
    ];
    for name in &panel.alternatives {
        let key = format!("total_usd_per_million_{name}");
        columns.push(number(key, format!("Total, {name} mapping"), PER_MILLION, 1));
    }
    let mut rows: Vec<_> = panel.industries.iter().collect();
    rows.sort_by(|a, b| b.total_value.total_cmp(&a.total_value));
    let title = format!("Rare-earth requirements of US industries, {year}");
    let id = format!("B2-us-{year}");
    let mut table = Table::new(id, title, Kind::ReEstimated, columns, footer("bea_io"));
    for industry in rows {
        let mut row: Vec<Cell> = vec![
            industry.code.as_str().into(),
            industry.name.as_str().into(),
            (1e6 * industry.direct_value).into(),
            (1e6 * industry.total_value).into(),
            industry.total_kg.into(),
        ];
        row.extend(industry.total_value_under.iter().map(|value| Cell::from(1e6 * value)));
        table.row(row);
    }
    table.print_first(40);
    table.note(
        "Apparent consumption of the United States in the year (US Geological Survey), split over end uses in the world's \
         proportions of 2008. All inputs, home-made and imported, are taken to need what home-made ones need.",
    );
    table
}

fn footer(set: &str) -> Footer {
    let source = match set {
        "bea_io" => "US Bureau of Economic Analysis, detail make and use tables",
        _ => "World Input-Output Database, 2013 release (Timmer et al. 2015), repaired",
    };
    Footer {
        data: format!("{source}; rare-earth facts of data/rare_earths"),
        estimator: "rare earths carved out of the table by end use, then Leontief requirements; our method".to_owned(),
        variance: "none; the alternatives of the mapping stand side by side".to_owned(),
        seed: None,
        inputs: "tables read; end uses of 2008 recalled; prices read, derived and recalled; weights of the mapping and \
                 restriction risks assumed"
            .to_owned(),
    }
}

fn defect(problem: &str) -> Error {
    Error::Report { table: "B2".to_owned(), problem: problem.to_owned() }
}
