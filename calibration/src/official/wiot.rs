//! World input-output tables of the 2013 release: one workbook per year, `wiotYY_row_*.xlsx`.

use super::{Published, WORKBOOK, Write, csv_text, not_found};
use crate::source::{LoadError, Sheet, label};
use ndarray::{Array1, Array2};
use ndarray_npy::NpzWriter;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Columns A to D of a row: code of NACE revision 1, name, country, number of the industry.
const NACE: u32 = 0;
const NAME: u32 = 1;
const COUNTRY: u32 = 2;
const NUMBER: u32 = 3;
/// Column E, where numbers begin.
const FIRST: u32 = 4;
/// The first industry, by which header rows are recognised.
const FIRST_INDUSTRY: &str = "c1";

pub(super) fn convert<E: From<LoadError>>(files: &[PathBuf], write: &mut Write<'_, E>) -> Result<(), E> {
    // Of two versions of a year, the later in the alphabet (sep12 after apr12).
    let years: BTreeMap<i32, Published> = Published::find(files, WORKBOOK)?
        .into_iter()
        .filter_map(|p| year(&p.name).map(|year| (year, p)))
        .collect();
    let mut labels: Option<Labels> = None;
    for (year, published) in &years {
        let mut workbook = published.open()?;
        let name = workbook.sheet_names().into_iter().next();
        let name = name.ok_or_else(|| not_found(std::slice::from_ref(&published.path), "a sheet"))?;
        let sheet = workbook.sheet(&name)?;
        let table = Wiot::read(&sheet, &published.path)?;
        match &labels {
            None => {
                for (name, content) in table.labels.files(&published.path)? {
                    write(name, &content)?;
                }
            }
            Some(first) if *first != table.labels => {
                let message = "its countries or industries are not those of the other years";
                return Err(sheet.inconsistent(message).into());
            }
            Some(_) => {}
        }
        write(&format!("wiod2013_{year}.npz"), &table.npz(&published.path)?)?;
        labels = Some(table.labels);
    }
    if years.is_empty() { Err(not_found(files, "a workbook named wiotYY_row_*.xlsx").into()) } else { Ok(()) }
}

/// The year in `wiot95_row_apr12.xlsx`.
fn year(name: &str) -> Option<i32> {
    let digits = name.strip_prefix("wiot")?.get(..2)?;
    let two: i32 = digits.parse().ok()?;
    Some(if two >= 50 { 1900 + two } else { 2000 + two })
}

#[derive(Debug, Clone, PartialEq)]
struct Labels {
    countries: Vec<String>,
    /// Number, code and name of each industry.
    industries: Vec<[String; 3]>,
    /// Number and name of each final use.
    finals: Vec<[String; 2]>,
}

impl Labels {
    fn files(&self, path: &Path) -> Result<[(&'static str, Vec<u8>); 3], LoadError> {
        fn records<'a>(head: &[&str], rows: impl Iterator<Item = &'a [String]>) -> Vec<Vec<String>> {
            let mut records = vec![head.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>()];
            records.extend(rows.enumerate().map(|(k, row)| {
                std::iter::once(k.to_string()).chain(row.iter().cloned()).collect::<Vec<_>>()
            }));
            records
        }
        let countries = records(&["index", "code"], self.countries.chunks(1));
        let industries = ["index", "code", "nace_rev1", "description"];
        let industries = records(&industries, self.industries.iter().map(|i| i.as_slice()));
        let finals = records(&["index", "code", "description"], self.finals.iter().map(|f| f.as_slice()));
        Ok([
            ("countries.csv", csv_text(path, countries)?),
            ("industries.csv", csv_text(path, industries)?),
            ("final_demand.csv", csv_text(path, finals)?),
        ])
    }
}

#[derive(Debug)]
struct Wiot {
    labels: Labels,
    inter: Array2<f64>,
    finals: Array2<f64>,
    output: Array1<f64>,
}

impl Wiot {
    fn read(sheet: &Sheet, path: &Path) -> Result<Self, LoadError> {
        // the row of industry numbers, with countries and names above it
        let numbers =
            sheet.rows().take(20).find(|row| sheet.label(*row, FIRST).as_deref() == Some(FIRST_INDUSTRY));
        let numbers = numbers.filter(|row| *row >= 3);
        let numbers = numbers.ok_or_else(|| sheet.missing("the row of industry numbers, c1 in column E"))?;
        let (countries_row, names_row) = (numbers - 1, numbers - 2);
        let heads: Vec<(u32, String, String)> = sheet
            .row(numbers)
            .filter(|(column, _)| *column >= FIRST)
            .filter_map(|(c, cell)| {
                sheet.label(countries_row, c).map(|country| (c, country_code(country), label(cell)))
            })
            .collect();
        let rows: Vec<(u32, String, String)> = sheet
            .rows()
            .filter(|row| *row > numbers)
            .filter_map(|row| {
                let (country, number) = (sheet.label(row, COUNTRY)?, sheet.label(row, NUMBER)?);
                number.starts_with('c').then(|| (row, country_code(country), number))
            })
            .collect();
        let mut countries: Vec<String> = Vec::new();
        let mut industries: Vec<[String; 3]> = Vec::new();
        for (row, country, number) in &rows {
            if !countries.contains(country) {
                countries.push(country.clone());
            }
            if countries.len() == 1 {
                let text = |column| sheet.label(*row, column).unwrap_or_default();
                industries.push([number.clone(), text(NACE), text(NAME)]);
            }
        }
        let (n, s) = (countries.len(), industries.len());
        let mut finals: Vec<[String; 2]> = Vec::new();
        for (column, country, number) in heads.iter().skip(n * s) {
            if countries.first() == Some(country) {
                finals.push([number.clone(), sheet.label(names_row, *column).unwrap_or_default()]);
            }
        }
        let g = finals.len();
        // every row and column where its country and number say it is
        let place = |k: usize, per: usize, codes: &dyn Fn(usize) -> Option<String>| {
            (countries.get(k / per.max(1)).cloned(), codes(k % per.max(1)))
        };
        let industry = |k: usize| industries.get(k).map(|i| i[0].clone());
        let final_use = |k: usize| finals.get(k).map(|f| f[0].clone());
        let same = |found: &(u32, String, String), expected: (Option<String>, Option<String>)| {
            expected == (Some(found.1.clone()), Some(found.2.clone()))
        };
        let fits = rows.len() == n * s
            && heads.len() >= n * (s + g)
            && n * s * g > 0
            && rows.iter().enumerate().all(|(k, row)| same(row, place(k, s, &industry)))
            && heads[..n * s].iter().enumerate().all(|(k, head)| same(head, place(k, s, &industry)))
            && heads[n * s..n * (s + g)]
                .iter()
                .enumerate()
                .all(|(k, head)| same(head, place(k, g, &final_use)));
        if !fits {
            return Err(sheet.inconsistent(format!(
                "{} rows and {} columns of industries and final uses are not {n} countries by {s} industries and {g} \
                 final uses in the same order",
                rows.len(),
                heads.len()
            )));
        }
        let total = rows.first().and_then(|(row, _, _)| sheet.row(*row).last().map(|(column, _)| column));
        let total = total.filter(|t| heads.get(n * (s + g) - 1).is_some_and(|head| *t > head.0));
        let total =
            total.ok_or_else(|| sheet.missing("the column of total output, to the right of final uses"))?;

        let mut wiot = Self {
            inter: Array2::zeros((n * s, n * s)),
            finals: Array2::zeros((n * s, n * g)),
            output: Array1::zeros(n * s),
            labels: Labels { countries, industries, finals },
        };
        for (k, (row, _, _)) in rows.iter().enumerate() {
            for (j, (column, _, _)) in heads[..n * (s + g)].iter().enumerate() {
                let value = sheet.number(*row, *column, &[])?.unwrap_or(0.0);
                if j < n * s { wiot.inter[[k, j]] = value } else { wiot.finals[[k, j - n * s]] = value }
            }
            wiot.output[k] = sheet.number(*row, total, &[])?.ok_or_else(|| LoadError::Missing {
                path: path.to_owned(),
                key: format!("output in row {}", row + 1),
            })?;
        }
        Ok(wiot)
    }

    fn npz(&self, path: &Path) -> Result<Vec<u8>, LoadError> {
        let broken = |message: String| LoadError::Npz { path: path.to_owned(), message };
        let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
        npz.add_array("inter", &self.inter).map_err(|e| broken(e.to_string()))?;
        npz.add_array("final", &self.finals).map_err(|e| broken(e.to_string()))?;
        npz.add_array("output", &self.output).map_err(|e| broken(e.to_string()))?;
        npz.finish().map(Cursor::into_inner).map_err(|e| broken(e.to_string()))
    }
}

/// Early years call Romania `ROM`.
fn country_code(code: String) -> String {
    if code == "ROM" { "ROU".to_owned() } else { code }
}
