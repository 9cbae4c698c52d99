//! B2: the rare-earth footprint of industries and countries, in the world table and in the US detail table.

use std::path::Path;

use calibration::footprint::{self, CountryExposure, DetailRequirements, Footprint};
use calibration::rare_earths::economy::{aggregation_gap, misplaced};
use calibration::rare_earths::{Choices, RareEarthData};
use calibration::table::{Inventories, WorldTable};
use calibration::wiod::{self, WiodLabels};
use calibration::{LoadError, bea, world_2009};
use ndarray::Axis;

use super::{Inputs, Made};
use crate::error::Error;
use crate::report::figure::{Bars, Chart, Figure, Series};
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};

/// The last year before the restrictions.
const YEAR: i32 = 2009;
/// The years of the US detail tables.
const US_YEARS: [i32; 2] = [2012, 2017];
/// The economies whose exposure is followed over time.
const FOLLOWED: [&str; 6] = ["CHN", "JPN", "KOR", "TWN", "DEU", "USA"];
/// The unit of requirements.
const PER_MILLION: &str = "USD per million USD";

/// B2: requirements by industry under every mapping, exposure by country, the same over time, US detail.
pub(super) fn footprints(inputs: &Inputs) -> Result<Made, Error> {
    let data = RareEarthData::embedded().map_err(Error::library("the shipped rare-earth facts"))?;
    let folder = inputs.set("wiod2013")?;
    let labels = WiodLabels::load(&folder).map_err(Error::library("labels of the world table"))?;
    let choices = Choices::default();
    let table = world_table(&folder, YEAR)?;
    let world = footprint::by_alternative(&data, &table, &choices)
        .map_err(Error::library("the footprint of the world table"))?;
    let base = world.first().ok_or_else(|| defect("the mapping has no alternatives"))?;
    let trend = footprint::trend(&data, &choices, 1995..=2011, |year| {
        wiod::load(&folder, year, Inventories::Produced).map(|wiod| wiod.table)
    })
    .map_err(Error::library("the footprint over time"))?;

    let (mut industries, industries_figure) = industries(&world, &labels);
    industries.note(aggregation_note(&data, &table, &choices)?);
    let (exposure, exposure_figure) = exposure(&base.exposure);
    let (over_time, over_time_figure) = over_time(&trend)?;
    let mut tables = vec![industries, exposure, over_time];
    let folder = inputs.set("bea_io")?;
    for year in US_YEARS {
        tables.push(us_table(&data, &folder, year)?);
    }
    let figures = vec![industries_figure, exposure_figure, over_time_figure];
    Ok(Made { tables, figures, checks: Vec::new() })
}

/// What the shipped economy would have lost, had its aggregate been carved instead of the full table.
fn aggregation_note(data: &RareEarthData, table: &WorldTable, choices: &Choices) -> Result<String, Error> {
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

fn world_table(folder: &Path, year: i32) -> Result<WorldTable, Error> {
    let wiod = wiod::load(folder, year, Inventories::Produced);
    wiod.map(|wiod| wiod.table).map_err(Error::library(format!("the world table of {year}")))
}

/// Requirements by industry, means over countries, with the total under every mapping side by side.
fn industries(world: &[Footprint], labels: &WiodLabels) -> (Table, Figure) {
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
    for alternative in world.iter().skip(1) {
        let name = &alternative.name;
        let key = format!("total_usd_per_million_{name}");
        columns.push(number(key, format!("Total, {name} mapping"), PER_MILLION, 1));
    }
    let requirements: Vec<_> = world.iter().map(|footprint| footprint.requirements.world()).collect();
    let mut rows: Vec<usize> = (0..labels.industries.len()).collect();
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
            labels.descriptions[j].as_str().into(),
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
    let bars = |footprint: &Footprint| {
        let world = footprint.requirements.world();
        Bars {
            name: format!("{} mapping", footprint.name),
            values: top.iter().map(|&j| Some(1e6 * world[j].total_value)).collect(),
        }
    };
    let figure = Figure {
        id: "B2".to_owned(),
        title: format!("Total rare-earth requirements of industries, {YEAR}"),
        description: "Bars by industry, the fifteen largest: value of rare earths used in the whole chain per million USD \
                      of final output, under each mapping of end uses to industries."
            .to_owned(),
        chart: Chart::Bar {
            value: PER_MILLION.to_owned(),
            categories: top.iter().map(|&j| labels.descriptions[j].clone()).collect(),
            series: world.iter().map(bars).collect(),
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

/// The exposure of some economies year by year.
fn over_time(trend: &[Footprint]) -> Result<(Table, Figure), Error> {
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
        let requirements = &footprint.requirements;
        let used: f64 = footprint.exposure.iter().map(|country| country.use_tonnes).sum();
        let kg = requirements.total_kg.sum_axis(Axis(2));
        let mean = (&kg * &requirements.output).sum() / requirements.output.sum();
        let mut row: Vec<Cell> = vec![requirements.year.into(), used.into(), mean.into()];
        for (country, series) in FOLLOWED.iter().zip(&mut series) {
            let found = footprint.exposure.iter().find(|exposure| exposure.country == *country);
            let found = found.ok_or_else(|| defect(&format!("the world table has no `{country}`")))?;
            row.push((100.0 * found.exports_index).into());
            series.points.push((f64::from(requirements.year), 100.0 * found.exports_index));
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
fn us_table(data: &RareEarthData, folder: &Path, year: i32) -> Result<Table, Error> {
    let load = |e: LoadError| Error::library(format!("the US detail table of {year}"))(e);
    let accounts = bea::UseMake::load(folder, year).map_err(load)?;
    let names = bea::industry_names(folder, year).map_err(load)?;
    let (detail, _) = accounts.industry_table().map_err(load)?;
    let alternatives = data.alternatives("bea").map_err(Error::library("the mapping to US industries"))?;
    let footprints: Vec<DetailRequirements> = alternatives
        .iter()
        .map(|alternative| footprint::us_requirements(data, &detail, "bea", alternative))
        .collect::<Result<_, _>>()
        .map_err(Error::library(format!("the footprint of the US detail table of {year}")))?;
    let (base, others) = footprints.split_first().ok_or_else(|| defect("no mapping to US industries"))?;

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
    for other in others {
        let name = &other.alternative;
        let key = format!("total_usd_per_million_{name}");
        columns.push(number(key, format!("Total, {name} mapping"), PER_MILLION, 1));
    }
    let mut rows: Vec<usize> = (0..base.industries.len()).collect();
    rows.sort_by(|a, b| base.total_value[*b].total_cmp(&base.total_value[*a]));
    let title = format!("Rare-earth requirements of US industries, {year}");
    let id = format!("B2-us-{year}");
    let mut table = Table::new(id, title, Kind::ReEstimated, columns, footer("bea_io"));
    for j in rows {
        let code = &base.industries[j];
        let name = names.get(code).cloned().unwrap_or_default();
        let mut row: Vec<Cell> = vec![
            code.as_str().into(),
            name.into(),
            (1e6 * base.direct_value[j]).into(),
            (1e6 * base.total_value[j]).into(),
            base.total_kg.row(j).sum().into(),
        ];
        row.extend(others.iter().map(|other| Cell::from(1e6 * other.total_value[j])));
        table.row(row);
    }
    table.print_first(40);
    table.note(format!(
        "The United States used {:.0} tonnes of oxide, {:.1} million USD, split over end uses in the world's proportions of \
         2008. All inputs, home-made and imported, are taken to need what home-made ones need.",
        base.tonnes, base.value
    ));
    Ok(table)
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
