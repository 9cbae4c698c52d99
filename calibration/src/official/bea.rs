//! Detail use and make tables of the US Bureau of Economic Analysis, before redefinitions, producers' prices.

use super::{Published, WORKBOOK, Write, csv_text, gzip, not_found};
use crate::source::{LoadError, Sheet, label};
use std::path::{Path, PathBuf};

/// Beginnings of the workbooks' names, and of the files that they become.
const USE: (&str, &str) = ("iouse_before_redefinitions_pro", "Detail_Use");
const MAKE: (&str, &str) = ("iomake_before_redefinitions", "Detail_Make");

pub(super) fn convert<E: From<LoadError>>(files: &[PathBuf], write: &mut Write<'_, E>) -> Result<(), E> {
    let published = Published::find(files, WORKBOOK)?;
    for (beginning, kind) in [USE, MAKE] {
        let of_kind = |p: &&Published| p.name.starts_with(beginning) && p.name.ends_with("detail.xlsx");
        let mut found = false;
        for workbook in published.iter().filter(of_kind) {
            let mut sheets = workbook.open()?;
            for name in sheets.sheet_names() {
                let Ok(year) = name.trim().parse::<u16>() else { continue };
                let table = Table::read(&sheets.sheet(&name)?)?;
                let price = if kind == USE.1 { "PRO_" } else { "" };
                write(&format!("{kind}_{year}_{price}BeforeRedef.csv.gz"), &table.matrix(&workbook.path)?)?;
                if kind == MAKE.1 {
                    write(
                        &format!("Detail_IndustryCodeName_{year}.csv.gz"),
                        &table.names(&workbook.path, year)?,
                    )?;
                }
                found = true;
            }
        }
        if !found {
            return Err(not_found(
                files,
                &format!("a workbook {beginning}*Detail.xlsx with a sheet named by a year"),
            )
            .into());
        }
    }
    Ok(())
}

/// A table by codes.
struct Table {
    columns: Vec<String>,
    /// Code, name, values.
    rows: Vec<(String, String, Vec<f64>)>,
}

impl Table {
    /// The row of codes is the one that begins with `Code`; names stand in column B, values from C.
    fn read(sheet: &Sheet) -> Result<Self, LoadError> {
        let head = sheet
            .rows()
            .take(20)
            .find(|row| sheet.label(*row, 0).is_some_and(|l| l.eq_ignore_ascii_case("Code")));
        let head = head.ok_or_else(|| sheet.missing("the row of codes, `Code` in column A"))?;
        let columns: Vec<(u32, String)> = sheet
            .row(head)
            .filter(|(column, _)| *column >= 2)
            .map(|(column, cell)| (column, label(cell)))
            .collect();
        let mut rows = Vec::new();
        for row in sheet.rows().filter(|row| *row > head) {
            // totals and notes at the end have no code or no name
            let (Some(code), Some(name)) = (sheet.label(row, 0), sheet.label(row, 1)) else { continue };
            let values = columns
                .iter()
                .map(|(column, _)| Ok(sheet.number(row, *column, &["..."])?.unwrap_or(0.0)))
                .collect::<Result<Vec<_>, LoadError>>()?;
            rows.push((code, name, values));
        }
        if columns.is_empty() || rows.is_empty() {
            return Err(sheet.missing("industries and commodities"));
        }
        Ok(Self { columns: columns.into_iter().map(|(_, code)| code).collect(), rows })
    }

    fn matrix(&self, path: &Path) -> Result<Vec<u8>, LoadError> {
        let head = std::iter::once(String::new()).chain(self.columns.iter().cloned()).collect();
        let rows = self.rows.iter().map(|(code, _, values)| {
            std::iter::once(code.clone()).chain(values.iter().map(f64::to_string)).collect()
        });
        gzip(path, &csv_text(path, std::iter::once(head).chain(rows))?)
    }

    /// Names of the industries, which are the rows of a make table.
    fn names(&self, path: &Path, year: u16) -> Result<Vec<u8>, LoadError> {
        let head = ["", "Code", "Name"].map(|column| match column {
            "" => String::new(),
            column => format!("BEA_{year}_Detail_Industry_{column}"),
        });
        let rows = self.rows.iter().filter(|(code, _, _)| !code.starts_with("T0")).enumerate();
        let rows = rows.map(|(k, (code, name, _))| vec![(k + 1).to_string(), code.clone(), name.clone()]);
        gzip(path, &csv_text(path, std::iter::once(head.to_vec()).chain(rows))?)
    }
}
