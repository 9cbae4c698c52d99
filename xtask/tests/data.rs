//! `data` from outside: fetching from given files, checking, and what is said where nothing can be fetched.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rust_xlsxwriter::Workbook;

fn data(root: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("data").args(arguments).env("LODESTONE_DATA", root).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A small workbook in the layout of the Socio-Economic Accounts.
fn accounts(path: &Path) {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name("DATA").unwrap();
    for (column, heading) in ["Country", "Variable", "Description", "Code", "_1995"].into_iter().enumerate() {
        sheet.write_string(0, column as u16, heading).unwrap();
    }
    for (row, (variable, value)) in [("GO", 10.0), ("II", 6.0), ("VA", 4.0)].into_iter().enumerate() {
        let row = row as u32 + 1;
        for (column, text) in ["AUS", variable, "", "TOT"].into_iter().enumerate() {
            sheet.write_string(row, column as u16, text).unwrap();
        }
        sheet.write_number(row, 4, value).unwrap();
    }
    workbook.save(path).unwrap();
}

#[test]
fn given_files_are_converted_loaded_recorded_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let book = folder.path().join("Socio_Economic_Accounts_July14.xlsx");
    accounts(&book);
    let root = folder.path().join("raw");
    let output = data(&root, &["fetch", "wiod_sea2013", "--from", &book.to_string_lossy()]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("1 countries, 1 industries with their total, 1995-1995"),
        "{}",
        said(&output)
    );

    let output = data(&root, &["check", "wiod_sea2013"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("1 files as expected"), "{}", said(&output));
    let made = root.join("wiod_sea2013/wiod_sea_2013.csv.gz");
    fs::write(&made, b"not gzip").unwrap();
    let output = data(&root, &["check"]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(text.contains("another content than `data fetch` made"), "{text}");
    assert!(text.contains("wiod_sea_2013.csv.gz is not valid CSV"), "{text}");
    assert!(text.contains("absent; get it from"), "{text}");
}

#[test]
fn a_file_that_is_no_workbook_leaves_nothing_that_looks_made() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("Socio_Economic_Accounts_July14.xlsx");
    fs::write(&page, "<html>Checking your browser</html>").unwrap();
    let root = folder.path().join("raw");
    let output = data(&root, &["fetch", "wiod_sea2013", "--from", &page.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("is not a readable workbook"), "{}", said(&output));
    assert!(!root.join("wiod_sea2013/wiod_sea_2013.csv.gz").exists());
    assert!(!root.join("wiod_sea2013/fetched.json").exists());
}

#[test]
fn a_set_that_cannot_be_fetched_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (set, words) in [("patents", "nace2_wipo35_concordance.csv"), ("cp2015", "trade_tariffs.csv")] {
        let output = data(folder.path(), &["fetch", set]);
        assert_eq!(output.status.code(), Some(2));
        let text = said(&output);
        assert!(text.contains("cannot be fetched") && text.contains(words), "{text}");
    }
    let listed = said(&data(folder.path(), &["list"]));
    assert!(
        listed.contains("`cargo xtask data fetch wiod2013` downloads and converts WIOTS_in_EXCEL.zip"),
        "{listed}"
    );
    assert!(listed.contains("by hand:"), "{listed}");
}

#[test]
fn one_of_two_files_that_are_published_apart_is_converted_and_the_other_named() {
    let folder = tempfile::tempdir().unwrap();
    let published =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../calibration/tests/gravity/Log of Gravity.dta");
    let output = data(folder.path(), &["fetch", "gravity", "--from", &published.to_string_lossy()]);
    assert!(output.status.success(), "{}", said(&output));
    for words in [
        "log_of_gravity.csv.gz: 3 rows, 17 columns",
        "agtpa_applications.csv.gz is not there yet: it is made of agtpa_applications.rda",
    ] {
        assert!(said(&output).contains(words), "{}", said(&output));
    }
    let output = data(folder.path(), &["check", "gravity"]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_damaged_raw_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("gmm")).unwrap();
    fs::write(folder.path().join("gmm/hall.csv"), "obs,consrat,ewr,vwr\n1,1,1,1\n2,1,1\n").unwrap();
    let output = data(folder.path(), &["check", "gmm"]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(text.contains("hall.csv") && text.contains("line: 3"), "{text}");
    assert!(text.contains("expected 19168"), "{text}");
}
