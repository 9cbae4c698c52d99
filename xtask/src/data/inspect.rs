//! What the loaders find in a raw data set: each set read and validated, and summed up in a line or a few.

use std::collections::BTreeMap;
use std::path::Path;

use calibration::bea::UseMake;
use calibration::caliendo_parro::{ElasticityData, NaftaData};
use calibration::patents::{Kind, Patents};
use calibration::sea::Sea;
use calibration::table::{Inventories, WorldTable};
use calibration::us_klems::Accounts;
use calibration::{LoadError, wiod};

use crate::error::Error;
use crate::workspace;

/// Runs the loaders of the set on `folder`; what they found, in lines.
///
/// # Errors
/// Those of the loaders, which name file, line and column.
pub(crate) fn inspect(set: &str, folder: &Path) -> Result<Vec<String>, Error> {
    match set {
        "wiod2013" => world_tables(folder),
        "wiod_sea2013" => Ok(vec![accounts(&Sea::load(folder)?)]),
        "bea_io" => us_tables(folder),
        "us_klems" => Ok(vec![productivity(&Accounts::load(folder)?)]),
        "patents" => Ok(vec![patents(&Patents::load(folder)?)]),
        "cp2015" => nafta(folder),
        _ => columns(folder),
    }
}

/// The years of the files `PREFIXyear*`, ascending.
fn years(folder: &Path, prefix: &str) -> Result<Vec<i32>, Error> {
    let mut years = Vec::new();
    for path in workspace::files_below(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        years.extend(
            name.strip_prefix(prefix).and_then(|rest| rest.get(..4)).and_then(|y| y.parse::<i32>().ok()),
        );
    }
    years.sort_unstable();
    years.dedup();
    if years.is_empty() {
        let key = format!("a file {prefix}YEAR");
        return Err(LoadError::Missing { path: folder.to_owned(), key }.into());
    }
    Ok(years)
}

/// Trillion from million USD.
fn trillion(million: f64) -> f64 {
    million / 1e6
}

fn value_added_of(table: &WorldTable, country: &str) -> f64 {
    let row = table.country(country).map(|n| table.value_added_by_country().row(n).sum());
    row.unwrap_or(f64::NAN)
}

fn world_tables(folder: &Path) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    for year in years(folder, "wiod2013_")? {
        let wiod = wiod::load(folder, year, Inventories::Keep)?;
        let table = &wiod.table;
        let published = wiod.published_output.sum() - table.intermediate().sum();
        lines.push(format!(
            "{year}: {} economies x {} industries; value added {:.2} tn USD as published, {:.2} as the sum of flows (USA \
             {:.2}, CHN {:.2})",
            table.n_countries(),
            table.n_sectors(),
            trillion(published),
            trillion(table.value_added().sum()),
            trillion(value_added_of(table, "USA")),
            trillion(value_added_of(table, "CHN"))
        ));
    }
    Ok(lines)
}

fn accounts(sea: &Sea) -> String {
    let pairs = sea.industries();
    let mut countries: Vec<&str> = pairs.iter().map(|(country, _)| country.as_str()).collect();
    countries.dedup();
    let industries =
        pairs.iter().filter(|(country, _)| Some(country.as_str()) == countries.first().copied()).count();
    let span =
        sea.years().first().zip(sea.years().last()).map_or_else(String::new, |(a, b)| format!("{a}-{b}"));
    // GO = II + VA is the accounts' own identity
    let mut gap = 0.0_f64;
    for (country, industry) in &pairs {
        for &year in sea.years() {
            let value = |variable| sea.value(country, variable, industry, year);
            if let (Some(go), Some(ii), Some(va)) = (value("GO"), value("II"), value("VA")) {
                gap = gap.max((go - ii - va).abs() / go.abs().max(1.0));
            }
        }
    }
    format!(
        "{} countries, {industries} industries with their total, {span}; output is inputs and value added to {gap:.1e}",
        countries.len()
    )
}

fn us_tables(folder: &Path) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    for year in years(folder, "Detail_Use_")? {
        let (table, _) = UseMake::load(folder, year)?.industry_table()?;
        let uses = UseMake::load(folder, year)?;
        lines.push(format!(
            "{year}: {} industries, {} commodities; value added {:.3} tn USD; output {:.3} tn",
            table.n_sectors(),
            uses.commodities.len(),
            trillion(uses.value_added.sum()),
            trillion(table.output().sum())
        ));
    }
    Ok(lines)
}

fn productivity(accounts: &Accounts) -> String {
    let years = accounts.years();
    let last = accounts.variable("VA").map(|va| va.column(va.ncols().saturating_sub(1)).sum());
    format!(
        "{} industries, {}-{}; value added {:.3} tn USD in the last year",
        accounts.industries().len(),
        years.first().copied().unwrap_or_default(),
        years.last().copied().unwrap_or_default(),
        trillion(last.unwrap_or(f64::NAN))
    )
}

fn patents(patents: &Patents) -> String {
    let total = |kind| patents.by_field(kind).map_or(f64::NAN, |counts| counts.sum());
    format!(
        "{} fields, {} places, {}-{}; {:.0} USPTO grants, {:.0} international families",
        patents.fields().len(),
        patents.places().len(),
        patents.years().first().copied().unwrap_or_default(),
        patents.years().last().copied().unwrap_or_default(),
        total(Kind::UsptoUtility),
        total(Kind::InternationalFamilies)
    )
}

fn nafta(folder: &Path) -> Result<Vec<String>, Error> {
    let data = NaftaData::load(folder)?;
    let sample = ElasticityData::load(folder)?;
    let dims = data.labels().dims();
    let imports: f64 =
        data.imports().indexed_iter().filter(|((n, i, _), _)| n != i).map(|(_, value)| *value).sum();
    Ok(vec![
        format!(
            "{} countries, {} sectors; imports {:.3} tn USD in 1993",
            dims.countries,
            dims.sectors,
            imports / 1e12
        ),
        format!(
            "Table 1: {} countries, {} sectors, {} triples pooled",
            sample.countries().len(),
            sample.sectors().len(),
            sample.pooled().y.len()
        ),
    ])
}

/// Sets that are read as tables of columns: rows and columns of each file, and the rows by status where they have one.
fn columns(folder: &Path) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    for path in workspace::files_below(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".csv") && !name.ends_with(".csv.gz") {
            continue;
        }
        let file = std::fs::File::open(&path).map_err(Error::io("read", &path))?;
        let reader: Box<dyn std::io::Read> = if name.ends_with(".gz") {
            Box::new(flate2::read::MultiGzDecoder::new(file))
        } else {
            Box::new(file)
        };
        lines.push(format!("{name}: {}", shape(&path, reader)?));
    }
    if lines.is_empty() {
        return Err(LoadError::Missing { path: folder.to_owned(), key: "a CSV file".to_owned() }.into());
    }
    Ok(lines)
}

fn shape(path: &Path, reader: impl std::io::Read) -> Result<String, Error> {
    let wrap = |source| Error::from(LoadError::Csv { path: path.to_owned(), source });
    let mut reader = csv::Reader::from_reader(reader);
    let headers = reader.headers().map_err(wrap)?.clone();
    let status = headers.iter().position(|header| header == "status");
    let (mut rows, mut by_status) = (0, BTreeMap::new());
    for record in reader.records() {
        let record = record.map_err(wrap)?;
        rows += 1;
        if let Some(word) = status.and_then(|column| record.get(column)) {
            *by_status.entry(word.to_owned()).or_insert(0) += 1;
        }
    }
    let words: Vec<String> = by_status.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let words = if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
    Ok(format!("{rows} rows{words}, {} columns", headers.len()))
}
