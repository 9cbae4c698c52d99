//! US production accounts of Elbadri and Vizcaino (2025): a sheet with a row for each industry and year under the variables'
//! names, and the industries' names beside other lists in the sheet `Info`.

use super::{Published, WORKBOOK, Write, csv_text, not_found};
use crate::source::{LoadError, Sheet, label};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The sheet of the accounts that go back to 1963.
const ACCOUNTS: &str = "Data_63Ind_1963to2023";

/// The sheet of the industries' names.
const NAMES: &str = "Info";

/// The headings of a row's place, and of an industry's name beside its identifier.
const PLACE: [&str; 2] = ["industry_id", "year"];
const NAME: &str = "Industry Description";

pub(super) fn convert<E: From<LoadError>>(files: &[PathBuf], write: &mut Write<'_, E>) -> Result<(), E> {
    for published in Published::find(files, WORKBOOK)? {
        let mut workbook = published.open()?;
        if !workbook.sheet_names().iter().any(|name| name == ACCOUNTS) {
            continue;
        }
        let accounts = workbook.sheet(ACCOUNTS)?;
        let (records, industries) = accounts_of(&accounts)?;
        let names = names_of(&workbook.sheet(NAMES)?, &industries)?;
        write("production_accounts_63_1963_2023.csv", &csv_text(&published.path, records)?)?;
        return write("industries_63.csv", &csv_text(&published.path, names)?);
    }
    Err(not_found(files, &format!("a workbook with a sheet {ACCOUNTS}")).into())
}

/// The header and the rows, and the industries in them.
fn accounts_of(sheet: &Sheet) -> Result<(Vec<Vec<String>>, BTreeSet<i64>), LoadError> {
    let mut rows = sheet.rows();
    let Some(top) = rows.next() else {
        return Err(sheet.missing(format!("a row of headings in {ACCOUNTS}")));
    };
    let headings: Vec<(u32, String)> = sheet.row(top).map(|(column, cell)| (column, label(cell))).collect();
    if headings.iter().zip(PLACE).any(|((_, heading), name)| heading != name) || headings.len() <= PLACE.len()
    {
        return Err(sheet.missing(format!("the headings {PLACE:?} and variables beside them")));
    }
    let mut records = vec![headings.iter().map(|(_, heading)| heading.clone()).collect::<Vec<_>>()];
    let mut industries = BTreeSet::new();
    for row in rows {
        let mut record = Vec::with_capacity(headings.len());
        for (k, (column, heading)) in headings.iter().enumerate() {
            let value = sheet.number(row, *column, &[])?;
            let value = value.ok_or_else(|| sheet.missing(format!("{heading} in row {}", row + 1)))?;
            if k == 0 {
                industries.insert(value as i64);
            }
            record.push(value.to_string());
        }
        records.push(record);
    }
    Ok((records, industries))
}

/// The names of exactly these industries: the list of the sheet that has them.
fn names_of(sheet: &Sheet, industries: &BTreeSet<i64>) -> Result<Vec<Vec<String>>, LoadError> {
    let top = sheet.rows().next().unwrap_or_default();
    let lists = sheet.row(top).filter(|(_, cell)| label(cell) == PLACE[0]).map(|(column, _)| column);
    for column in lists.filter(|column| sheet.label(top, column + 1).as_deref() == Some(NAME)) {
        let mut names = BTreeMap::new();
        for row in sheet.rows().filter(|row| *row > top) {
            if let (Some(id), Some(name)) = (sheet.number(row, column, &[])?, sheet.label(row, column + 1)) {
                names.insert(id as i64, name);
            }
        }
        if names.keys().eq(industries) {
            let header = vec![PLACE[0].to_owned(), "industry".to_owned()];
            let rows = names.into_iter().map(|(id, name)| vec![id.to_string(), name]);
            return Ok(std::iter::once(header).chain(rows).collect());
        }
    }
    Err(sheet.missing(format!("a list in `{NAMES}` of the {} industries in `{ACCOUNTS}`", industries.len())))
}
