//! B3, B4 and B5: exports, patents and productivity of industries by their rare-earth intensity.

use std::collections::HashMap;
use std::path::Path;

use calibration::footprint::intensity::{Intensity, WORLD, intensity};
use calibration::panels::{self, OTHER, Panel};
use calibration::patents::{Kind as PatentKind, Patents};
use calibration::sea::{Sea, TOTAL};
use calibration::table::Inventories;
use calibration::us_klems::Accounts;
use calibration::wiod;
use estimation::Table as Data;
use estimation::event_study::EventPath;
use estimation::resample::ScoreModel;

use super::study::{self, Observation, REFERENCE, Specification, averages, by_year, defect, robustness};
use super::{Inputs, Made};
use crate::error::Error;
use crate::report::table::{Footer, Table};

/// The first year of the event studies: six years before the restrictions.
const FIRST: i32 = 2003;
/// Industries that make or mine goods.
const GOODS: [&str; 16] = [
    "AtB", "C", "15t16", "17t18", "19", "20", "21t22", "23", "24", "25", "26", "27t28", "29", "30t33",
    "34t35", "36t37",
];
const OUTSIDE: &str = "elsewhere";
const CLUSTERS: &str = "clustered by sector, t with the clusters less one (least squares) or normal (Poisson), fixest's \
                        small-sample convention; beside it a score wild bootstrap by sector, Webb weights, 9,999 draws";
const FEW: &str = "Intensity: rare earths used in the whole chain of a unit of final output in 2009, world mean of the \
                   industry, in standard deviations across the industries of the panel. It varies by industry alone, so \
                   there are as few clusters as industries: read the bootstrap's p-values.";

/// A measure of intensity by sector, in standard deviations over the sectors given.
struct Measure {
    label: &'static str,
    values: HashMap<String, f64>,
}

impl Measure {
    fn new(
        label: &'static str,
        all: &[Intensity],
        alternative: &str,
        of: fn(&Intensity) -> f64,
        sectors: &[&str],
    ) -> Result<Self, Error> {
        let raw: Vec<(String, f64)> = all
            .iter()
            .filter(|i| {
                i.alternative == alternative && i.country == WORLD && sectors.contains(&i.sector.as_str())
            })
            .map(|i| (i.sector.clone(), of(i)))
            .collect();
        let n = raw.len() as f64;
        let mean = raw.iter().map(|r| r.1).sum::<f64>() / n;
        let sd = (raw.iter().map(|r| (r.1 - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        if sd.is_nan() || sd <= 0.0 {
            return Err(defect("B3", &format!("the intensity `{label}` does not vary over the industries")));
        }
        Ok(Self { label, values: raw.into_iter().map(|(sector, v)| (sector, (v - mean) / sd)).collect() })
    }

    /// The total requirement under every mapping, and the direct one.
    fn all(sectors: &[&str]) -> Result<Vec<Self>, Error> {
        let all = intensity().map_err(Error::library("the shipped rare-earth intensities"))?;
        let total: fn(&Intensity) -> f64 = |i| i.total_value;
        [
            ("base", "base", total),
            ("mapping: dominant use", "dominant", total),
            ("mapping: upstream", "upstream", total),
            ("mapping: downstream", "downstream", total),
            ("direct use alone", "base", |i: &Intensity| i.direct_value),
            ("kilograms, not value", "base", |i: &Intensity| i.total_kg),
        ]
        .into_iter()
        .map(|(label, alternative, of)| Self::new(label, &all, alternative, of, sectors))
        .collect()
    }
}

/// Rows of a shipped panel from the first year on.
fn observations(
    panel: &Panel,
    series: impl Fn(&[String]) -> Option<(String, String, String)>,
    years: std::ops::RangeInclusive<i32>,
    measure: &Measure,
    outcome: impl Fn(f64) -> f64,
) -> Vec<Observation> {
    panel
        .cells()
        .filter_map(|(s, t, value)| {
            let year = panel.years[t];
            let (place, sector, unit) = series(&panel.keys[s])?;
            let intensity = *measure.values.get(&sector)?;
            let partner = String::new();
            years.contains(&year).then(|| Observation {
                outcome: outcome(value),
                place,
                partner,
                sector,
                unit,
                year,
                intensity,
            })
        })
        .collect()
}

fn footer(data: &str, estimator: &str) -> Footer {
    Footer {
        data: format!(
            "{data}; rare-earth intensity from the World Input-Output Table of 2009 and the project's end-use mapping"
        ),
        estimator: estimator.to_owned(),
        variance: CLUSTERS.to_owned(),
        seed: None,
        inputs: "derived".to_owned(),
    }
}

/// The rows of all measures for one specification, each with its own data.
fn across_measures(
    table: &mut Table,
    measures: &[Measure],
    sample: impl Fn(&Measure) -> Result<Data, Error>,
    specification: Specification<'_>,
    label: &str,
) -> Result<(), Error> {
    for measure in measures {
        let data = sample(measure)?;
        let label = if measure.label == "base" { label.to_owned() } else { measure.label.to_owned() };
        Specification { data: &data, label: &label, ..specification }.rows(table)?;
    }
    Ok(())
}

fn named(paths: Vec<(&'static str, EventPath)>) -> Vec<(String, EventPath)> {
    let place = |name: &str| if name == "intensity" { OUTSIDE.to_owned() } else { name.to_owned() };
    paths.into_iter().map(|(name, path)| (place(name), path)).collect()
}

/// B3: exports, Poisson PML.
pub(super) fn exports(inputs: &Inputs) -> Result<Made, Error> {
    let panel = panels::exports().map_err(Error::library("the shipped panel of exports"))?;
    let measures = Measure::all(&GOODS)?;
    // Changes of inventories make a few flows negative; they count as none.
    let negative = panel.cells().filter(|(_, t, v)| *v < 0.0 && panel.years[*t] >= FIRST).count();
    let key = |k: &[String]| Some((k[0].clone(), k[1].clone(), k[1].clone()));
    let sample = |m: &Measure| study::data(&observations(&panel, key, FIRST..=2011, m, |v| v.max(0.0)));
    let base = sample(&measures[0])?;
    let both = Specification {
        label: "exports, country-year and pair effects",
        data: &base,
        model: ScoreModel::Poisson,
        terms: &["after_intensity", "after_china"],
        effects: "place^year + place^unit",
    };
    let foot = || {
        footer(
            "World Input-Output Database, release 2013: exports by country and industry, 2003-2011",
            "Poisson PML, fixed effects absorbed",
        )
    };
    let title = "Exports and rare-earth intensity, inside and outside China";
    let mut table = averages("B3", title, foot());
    both.rows(&mut table)?;
    let within = Specification {
        label: "and sector-year effects",
        terms: &["after_china"],
        effects: "place^year + place^unit + sector^year",
        ..both
    };
    within.rows(&mut table)?;
    table.rule();
    across_measures(&mut table, &measures[1..], sample, both, "")?;
    if let Some(folder) = inputs.raw.set("wiod2013") {
        table.rule();
        let flows = study::data(&flows(&folder, &measures[0])?)?;
        Specification {
            label: "bilateral flows: exporter-year, importer-year, pair-sector effects",
            data: &flows,
            effects: "place^year + partner^year + place^partner^unit",
            ..both
        }
        .rows(&mut table)?;
        Specification {
            label: "bilateral flows: importer-sector-year effects instead",
            data: &flows,
            effects: "place^year + partner^unit^year + place^partner^unit",
            ..within
        }
        .rows(&mut table)?;
    }
    table.note(FEW);
    table.note(format!(
        "Coefficients are log points of exports per standard deviation. China less elsewhere: the difference between China's \
         exports and those of the others. Pair: country and industry. {negative} negative flows (changes of inventories) count \
         as zero. Two years after the restrictions are in the data.",
    ));
    let years = Specification { terms: &["intensity", "china"], ..both };
    let paths = named(years.paths(REFERENCE)?);
    let (by_year, figure) = by_year("B3-years", "Exports and rare-earth intensity by year", foot(), &paths)?;
    let robust = robustness("B3-robustness", "Exports: departures from parallel trends", foot(), &paths)?;
    Ok(Made { tables: vec![table, by_year, robust], figures: vec![figure], checks: Vec::new() })
}

/// Bilateral flows of goods, all uses.
fn flows(folder: &Path, measure: &Measure) -> Result<Vec<Observation>, Error> {
    let mut rows = Vec::new();
    for year in FIRST..=2011 {
        let table = wiod::load(folder, year, Inventories::Keep)
            .map_err(Error::library(format!("the world table of {year}")))?
            .table;
        let purchases = table.purchases();
        for ((buyer, industry), value) in purchases.indexed_iter() {
            let (seller, sector) = (industry / table.n_sectors(), industry % table.n_sectors());
            let sector = &table.sectors()[sector];
            let Some(&intensity) = measure.values.get(sector).filter(|_| buyer != seller) else { continue };
            rows.push(Observation {
                outcome: value.max(0.0),
                place: table.countries()[seller].clone(),
                partner: table.countries()[buyer].clone(),
                sector: sector.clone(),
                unit: sector.clone(),
                year,
                intensity,
            });
        }
    }
    Ok(rows)
}

/// B4: patents, Poisson PML.
pub(super) fn patents(inputs: &Inputs) -> Result<Made, Error> {
    let panel = panels::patents().map_err(Error::library("the shipped panel of patents"))?;
    let sectors: Vec<&str> = GOODS[2..].to_vec();
    let measures = Measure::all(&sectors)?;
    let sample = |kind: &'static str| {
        let panel = &panel;
        move |m: &Measure| {
            let key = |k: &[String]| {
                (k[0] == kind && k[2] != OTHER).then(|| (k[1].clone(), k[2].clone(), k[2].clone()))
            };
            study::data(&observations(panel, key, FIRST..=2020, m, |v| v))
        }
    };
    let (families, grants) = (sample("ipf"), sample("uspto_utility"));
    let base = families(&measures[0])?;
    let both = Specification {
        label: "international families, country-year and pair effects",
        data: &base,
        model: ScoreModel::Poisson,
        terms: &["after_intensity", "after_china"],
        effects: "place^year + place^unit",
    };
    let foot = || {
        footer(
            "NSF/NCSES Science and Engineering Indicators: patents by field, spread over industries by Neuhaeusler, Frietsch \
             and Kroll's (2019) probabilities, 2003-2020",
            "Poisson PML, fixed effects absorbed",
        )
    };
    let mut table = averages("B4", "Patents and rare-earth intensity", foot());
    both.rows(&mut table)?;
    Specification {
        label: "and sector-year effects",
        terms: &["after_china"],
        effects: "place^year + place^unit + sector^year",
        ..both
    }
    .rows(&mut table)?;
    let granted = grants(&measures[0])?;
    Specification { label: "US utility grants", data: &granted, ..both }.rows(&mut table)?;
    table.rule();
    across_measures(&mut table, &measures[1..], families, both, "")?;
    if let Some(folder) = inputs.raw.set("patents") {
        table.rule();
        let divisions = study::data(&divisions(&folder, &measures[0])?)?;
        Specification { label: "raw counts by division of NACE revision 2", data: &divisions, ..both }
            .rows(&mut table)?;
    }
    table.note(FEW);
    table.note(
        "All patents of the industry's fields, in log points per standard deviation: the data do not say which concern rare \
         earths. Counts are fractional, which Poisson PML allows. Effects are of the restrictions and of whatever else moved \
         with intensity after 2009.",
    );
    let paths = named(Specification { terms: &["intensity", "china"], ..both }.paths(REFERENCE)?);
    let (by_year, figure) = by_year("B4-years", "Patents and rare-earth intensity by year", foot(), &paths)?;
    let robust = robustness("B4-robustness", "Patents: departures from parallel trends", foot(), &paths)?;
    Ok(Made { tables: vec![table, by_year, robust], figures: vec![figure], checks: Vec::new() })
}

/// International patent families by division of NACE revision 2.
fn divisions(folder: &Path, measure: &Measure) -> Result<Vec<Observation>, Error> {
    let patents = Patents::load(folder).map_err(Error::library("the raw counts of patents"))?;
    let of = panels::industries_of_divisions().map_err(Error::library("industries of divisions"))?;
    let Some(kind) = PatentKind::ALL.into_iter().find(|k| k.code() == "ipf") else { return Ok(Vec::new()) };
    let Some(counts) = patents.by_industry(kind) else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for ((division, place, year), &outcome) in counts.indexed_iter() {
        let division = &patents.divisions()[division];
        let year = patents.years()[year];
        let Some(sector) = of.get(division).filter(|_| year >= FIRST) else { continue };
        let Some(&intensity) = measure.values.get(sector) else { continue };
        let place = &patents.places()[place];
        rows.push(Observation {
            outcome,
            place: calibration::patents::iso3(place).unwrap_or(place).to_owned(),
            partner: String::new(),
            sector: sector.clone(),
            unit: division.clone(),
            year,
            intensity,
        });
    }
    Ok(rows)
}

/// B5: productivity, least squares in logs; US industries to 2018, countries to 2009.
pub(super) fn productivity(inputs: &Inputs) -> Result<Made, Error> {
    let measures = Measure::all(&GOODS)?;
    let us = panels::us_productivity().map_err(Error::library("the shipped panel of US productivity"))?;
    let world = panels::productivity().map_err(Error::library("the shipped panel of productivity"))?;
    let us_key = |k: &[String]| {
        (k[0] == "TFPGO" && !k[2].is_empty()).then(|| ("USA".to_owned(), k[2].clone(), k[1].clone()))
    };
    let us_sample = |m: &Measure| study::data(&observations(&us, us_key, FIRST..=2018, m, f64::ln));
    let base = us_sample(&measures[0])?;
    let in_us = Specification {
        label: "US industries, industry and year effects",
        data: &base,
        model: ScoreModel::LeastSquares,
        terms: &["after_intensity"],
        effects: "unit + year",
    };
    let foot = || {
        footer(
            "US production accounts (Elbadri and Vizcaino 2025), gross-output productivity of industries that make or mine \
             goods, 2003-2018; WIOD Socio-Economic Accounts, productivity in value added, 2003-2009",
            "OLS of log productivity, fixed effects absorbed",
        )
    };
    let mut table = averages("B5", "Productivity and rare-earth intensity", foot());
    in_us.rows(&mut table)?;
    table.rule();
    across_measures(&mut table, &measures[1..], us_sample, in_us, "")?;
    let world_key = |k: &[String]| Some((k[0].clone(), k[1].clone(), k[1].clone()));
    let before = study::data(&observations(&world, world_key, FIRST..=2009, &measures[0], f64::ln))?;
    if let (Some(accounts), Some(sea)) = (inputs.raw.set("us_klems"), inputs.raw.set("wiod_sea2013")) {
        table.rule();
        let raw = study::data(&us_accounts(&accounts, &us, &measures[0])?)?;
        Specification { label: "US industries, raw accounts to 2023", data: &raw, ..in_us }
            .rows(&mut table)?;
        let raw = study::data(&world_accounts(&sea, &measures[0])?)?;
        let rows = before.rows();
        if raw.rows() != rows {
            let problem =
                format!("the raw accounts have {} rows where the shipped panel has {rows}", raw.rows());
            return Err(defect("B5", &problem));
        }
    }
    table.note(FEW);
    table.note(
        "Log points of productivity per standard deviation. A single country leaves no comparison with China, and other \
         industry shocks of the decade (the crisis, semiconductors) load on the same industries.",
    );
    let mut paths = vec![];
    let us_paths = Specification { terms: &["intensity"], ..in_us }.paths(REFERENCE)?;
    paths.extend(us_paths.into_iter().map(|(_, path)| ("US industries".to_owned(), path)));
    let robust =
        robustness("B5-robustness", "Productivity: departures from parallel trends", foot(), &paths)?;
    let countries = Specification {
        label: "countries, before the restrictions",
        data: &before,
        terms: &["intensity", "china"],
        effects: "place^year + place^unit",
        ..in_us
    };
    let placebo = named(countries.paths(REFERENCE)?);
    paths.extend(placebo.into_iter().map(|(name, path)| (format!("countries to 2009, {name}"), path)));
    let (mut by_year, figure) =
        by_year("B5-years", "Productivity and rare-earth intensity by year", foot(), &paths)?;
    by_year.note(
        "Countries: country-year and country-industry effects; the accounts end in 2009, so these are trends before the \
         restrictions alone.",
    );
    Ok(Made { tables: vec![table, by_year, robust], figures: vec![figure], checks: Vec::new() })
}

/// Productivity of US industries from the raw accounts; industries as in the shipped panel.
fn us_accounts(folder: &Path, shipped: &Panel, measure: &Measure) -> Result<Vec<Observation>, Error> {
    let accounts = Accounts::load(folder).map_err(Error::library("the raw US accounts"))?;
    let sector: HashMap<&str, &str> = shipped.keys.iter().map(|k| (k[1].as_str(), k[2].as_str())).collect();
    let Some(productivity) = accounts.variable("TFPGO") else {
        return Err(defect("B5", "the raw US accounts have no variable TFPGO"));
    };
    let mut rows = Vec::new();
    for (position, (id, _)) in accounts.industries().iter().enumerate() {
        let unit = id.to_string();
        let Some(sector) = sector.get(unit.as_str()).copied() else { continue };
        let Some(&intensity) = measure.values.get(sector) else { continue };
        for (value, &year) in productivity.row(position).iter().zip(accounts.years()) {
            if year >= FIRST && *value > 0.0 {
                rows.push(Observation {
                    outcome: value.ln(),
                    place: "USA".to_owned(),
                    partner: String::new(),
                    sector: sector.to_owned(),
                    unit: unit.clone(),
                    year,
                    intensity,
                });
            }
        }
    }
    Ok(rows)
}

/// Productivity by country and industry from the raw accounts.
fn world_accounts(folder: &Path, measure: &Measure) -> Result<Vec<Observation>, Error> {
    let sea = Sea::load(folder).map_err(Error::library("the raw Socio-Economic Accounts"))?;
    let all: Vec<i32> = sea.years().iter().copied().filter(|year| *year <= 2009).collect();
    let mut rows = Vec::new();
    for (country, sector) in sea.industries() {
        let Some(&intensity) = measure.values.get(&sector).filter(|_| sector != TOTAL) else { continue };
        for (value, &year) in sea.productivity(&country, &sector, &all).iter().zip(&all) {
            if year >= FIRST && value.is_finite() {
                rows.push(Observation {
                    outcome: value.ln(),
                    place: country.clone(),
                    partner: String::new(),
                    sector: sector.clone(),
                    unit: sector.clone(),
                    year,
                    intensity,
                });
            }
        }
    }
    Ok(rows)
}
