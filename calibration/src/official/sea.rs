//! The Socio-Economic Accounts of the World Input-Output Database, sheet `DATA`.

use super::{Published, WORKBOOK, Write, csv_text, gzip, not_found};
use crate::source::{LoadError, label};
use std::path::PathBuf;

/// Where the accounts have no value.
const MISSING: [&str; 2] = ["NA", "."];

pub(super) fn convert<E: From<LoadError>>(files: &[PathBuf], write: &mut Write<'_, E>) -> Result<(), E> {
    for published in Published::find(files, WORKBOOK)? {
        let mut workbook = published.open()?;
        let Some(name) = workbook.sheet_names().into_iter().find(|n| n.eq_ignore_ascii_case("DATA")) else {
            continue;
        };
        let sheet = workbook.sheet(&name)?;
        let Some(header) = sheet.rows().next() else { return Err(sheet.missing("a row of headings").into()) };
        let headings: Vec<(u32, String)> = sheet
            .row(header)
            .map(|(column, cell)| (column, label(cell).trim_start_matches('_').to_lowercase()))
            .collect();
        let column = |name: &str| {
            let found = headings.iter().find(|(_, heading)| heading == name).map(|(column, _)| *column);
            found.ok_or_else(|| LoadError::MissingColumn {
                path: published.path.clone(),
                column: name.to_owned(),
                found: headings.iter().map(|(_, h)| h.as_str()).collect::<Vec<_>>().join(", "),
            })
        };
        let keys = [column("country")?, column("variable")?, column("code")?];
        let years: Vec<(u32, i32)> =
            headings.iter().filter_map(|(c, heading)| heading.parse().ok().map(|year| (*c, year))).collect();
        if years.is_empty() {
            return Err(sheet.missing("any year (headings such as _1995)").into());
        }
        let mut records = vec![["country", "variable", "industry"].map(str::to_owned).to_vec()];
        records[0].extend(years.iter().map(|(_, year)| year.to_string()));
        for row in sheet.rows().filter(|row| *row > header) {
            let mut record = Vec::with_capacity(keys.len() + years.len());
            for key in keys {
                let text = sheet.label(row, key);
                record.push(
                    text.ok_or_else(|| {
                        sheet.missing(format!("country, variable or code in row {}", row + 1))
                    })?,
                );
            }
            for (column, _) in &years {
                let value = sheet.number(row, *column, &MISSING)?;
                record.push(value.map_or_else(String::new, |value| value.to_string()));
            }
            records.push(record);
        }
        let text = csv_text(&published.path, records)?;
        return write("wiod_sea_2013.csv.gz", &gzip(&published.path, &text)?);
    }
    Err(not_found(files, "a workbook with a sheet DATA").into())
}
