//! Published workbooks, written here in the layout of their publishers, become what the loaders read.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use calibration::bea::{self, UseMake};
use calibration::sea::Sea;
use calibration::table::Inventories;
use calibration::{LoadError, official, us_klems, wiod};
use rust_xlsxwriter::{Workbook, Worksheet};
use tempfile::TempDir;

mod common;
use common::Random;

const COUNTRIES: [&str; 2] = ["AUS", "ROU"];
const INDUSTRIES: [(&str, &str); 3] = [("AtB", "Agriculture"), ("20", "Wood"), ("J", "Finance")];
const FINALS: [&str; 5] = ["c37", "c38", "c39", "c41", "c42"];

/// A flow from industry `row` to column `column`, with decimals, some zero.
fn flow(row: usize, column: usize) -> f64 {
    if (row + column).is_multiple_of(5) { 0.0 } else { (row * 17 + column * 3 + 1) as f64 + 0.25 }
}

/// A world input-output table as its publisher lays it out: titles in A1 to A4 beside the heads, industry codes stored as
/// numbers where they look like numbers, totals below and to the right, Romania under its old code.
fn write_wiot(sheet: &mut Worksheet) {
    let country = |n: usize| if COUNTRIES[n] == "ROU" { "ROM" } else { COUNTRIES[n] };
    let code = |sheet: &mut Worksheet, row: u32, column: u16, text: &str| {
        match text.parse::<f64>() {
            Ok(number) => sheet.write_number(row, column, number).unwrap(),
            Err(_) => sheet.write_string(row, column, text).unwrap(),
        };
    };
    for (row, title) in
        ["Intercountry Input-Output Table, 1995", "", "(industry-by-industry)", "(millions of US$)"]
            .into_iter()
            .enumerate()
    {
        sheet.write_string(row as u32, 0, title).unwrap();
    }
    let (n, s, g) = (COUNTRIES.len(), INDUSTRIES.len(), FINALS.len());
    for k in 0..n * (s + g) {
        let column = 4 + k as u16;
        if k < n * s {
            code(sheet, 2, column, INDUSTRIES[k % s].0);
            sheet.write_string(3, column, INDUSTRIES[k % s].1).unwrap();
            sheet.write_string(4, column, country(k / s)).unwrap();
            sheet.write_string(5, column, format!("c{}", k % s + 1)).unwrap();
        } else {
            let f = k - n * s;
            sheet.write_string(3, column, format!("use {}", FINALS[f % g])).unwrap();
            sheet.write_string(4, column, country(f / g)).unwrap();
            sheet.write_string(5, column, FINALS[f % g]).unwrap();
        }
    }
    let last = 4 + (n * (s + g)) as u16;
    sheet.write_string(3, last, "Total output").unwrap();
    for k in 0..n * s {
        let row = 6 + k as u32;
        code(sheet, row, 0, INDUSTRIES[k % s].0);
        sheet.write_string(row, 1, INDUSTRIES[k % s].1).unwrap();
        sheet.write_string(row, 2, country(k / s)).unwrap();
        sheet.write_string(row, 3, format!("c{}", k % s + 1)).unwrap();
        let mut total = 0.0;
        for j in 0..n * (s + g) {
            sheet.write_number(row, 4 + j as u16, flow(k, j)).unwrap();
            total += flow(k, j);
        }
        sheet.write_number(row, last, total).unwrap();
    }
    for (k, number) in ["r60", "r64", "r69"].into_iter().enumerate() {
        let row = (6 + n * s + k) as u32;
        sheet.write_string(row, 1, "Value added and totals").unwrap();
        sheet.write_string(row, 2, "TOT").unwrap();
        sheet.write_string(row, 3, number).unwrap();
        sheet.write_number(row, 4, 1.0).unwrap();
    }
}

fn write_sea(sheet: &mut Worksheet) {
    for (column, heading) in
        ["Country", "Variable", "Description", "Code", "_1995", "_1996"].into_iter().enumerate()
    {
        sheet.write_string(0, column as u16, heading).unwrap();
    }
    for (row, code) in ["TOT", "AtB", "20"].into_iter().enumerate() {
        let row = row as u32 + 1;
        for (column, text) in ["AUS", "GO", "Gross output"].into_iter().enumerate() {
            sheet.write_string(row, column as u16, text).unwrap();
        }
        match code.parse::<f64>() {
            Ok(number) => sheet.write_number(row, 3, number).unwrap(),
            Err(_) => sheet.write_string(row, 3, code).unwrap(),
        };
        sheet.write_number(row, 4, 100.5 * f64::from(row)).unwrap();
        if row == 2 {
            sheet.write_string(row, 5, "NA").unwrap();
        } else {
            sheet.write_number(row, 5, 7.0).unwrap();
        }
    }
}

/// Rows and columns of codes with names, a title above and a note below.
fn write_bea(sheet: &mut Worksheet, columns: &[&str], rows: &[(&str, &[f64])]) {
    sheet.write_string(0, 0, "The Use of Commodities by Industries").unwrap();
    sheet.write_string(4, 1, "Name").unwrap();
    sheet.write_string(5, 0, "Code").unwrap();
    sheet.write_string(5, 1, "Commodity Description").unwrap();
    for (k, code) in columns.iter().enumerate() {
        sheet.write_string(4, 2 + k as u16, format!("name of {code}")).unwrap();
        sheet.write_string(5, 2 + k as u16, *code).unwrap();
    }
    for (k, (code, values)) in rows.iter().enumerate() {
        let row = 6 + k as u32;
        sheet.write_string(row, 0, *code).unwrap();
        sheet.write_string(row, 1, format!("name of {code}")).unwrap();
        for (j, value) in values.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            sheet.write_number(row, 2 + j as u16, *value).unwrap();
        }
    }
    sheet
        .write_string(8 + rows.len() as u32, 0, "Note. Detail may not add to total due to rounding.")
        .unwrap();
}

type Sheet<'a> = (&'a str, &'a dyn Fn(&mut Worksheet));

fn workbook(sheets: &[Sheet<'_>]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    for (name, fill) in sheets {
        let sheet = workbook.add_worksheet();
        sheet.set_name(*name).unwrap();
        fill(sheet);
    }
    workbook.save_to_buffer().unwrap()
}

fn bea_books() -> [(&'static str, Vec<u8>); 2] {
    let uses = |sheet: &mut Worksheet| {
        write_bea(
            sheet,
            &["1111A0", "325180", "T001", "F01000", "F03000", "T007"],
            &[
                ("1111A0", &[5.0, 10.0, 15.0, 80.0, 0.0, 95.0]),
                ("325180", &[20.0, 0.0, 20.0, 30.0, 5.0, 55.0]),
                ("T005", &[25.0, 10.0, 35.0, 0.0, 0.0, 0.0]),
                ("V00100", &[40.0, 20.0, 60.0, 0.0, 0.0, 0.0]),
                ("V00200", &[10.0, 5.0, 15.0, 0.0, 0.0, 0.0]),
                ("V00300", &[20.0, 20.0, 40.0, 0.0, 0.0, 0.0]),
                ("T008", &[95.0, 55.0, 150.0, 0.0, 0.0, 0.0]),
            ],
        );
    };
    let make = |sheet: &mut Worksheet| {
        write_bea(
            sheet,
            &["1111A0", "325180", "T008"],
            &[("1111A0", &[95.0, 0.0, 95.0]), ("325180", &[0.0, 55.0, 55.0]), ("T007", &[95.0, 55.0, 150.0])],
        );
    };
    let codes = |sheet: &mut Worksheet| drop(sheet.write_string(0, 0, "NAICS Codes"));
    [
        (
            "IOUse_Before_Redefinitions_PRO_2017_Detail.xlsx",
            workbook(&[("NAICS Codes", &codes), ("2017", &uses)]),
        ),
        (
            "IOMake_Before_Redefinitions_2017_Detail.xlsx",
            workbook(&[("NAICS Codes", &codes), ("2017", &make)]),
        ),
    ]
}

fn archive(folder: &Path, name: &str, members: &[(&str, Vec<u8>)]) -> PathBuf {
    let path = folder.join(name);
    let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
    for (name, content) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    path
}

fn convert(set: &str, files: &[PathBuf], into: &Path) -> Result<Vec<String>, LoadError> {
    let mut names = Vec::new();
    official::convert::<LoadError>(set, files, &mut |name, content| {
        names.push(name.to_owned());
        fs::write(into.join(name), content).unwrap();
        Ok(())
    })?;
    Ok(names)
}

#[test]
fn world_tables_keep_every_flow() {
    let folder = TempDir::new().unwrap();
    let book = workbook(&[("WIOT_1995", &write_wiot)]);
    let members = [
        ("WIOTS/wiot95_row_apr12.xlsx", book.clone()),
        ("WIOTS/WIOT08_ROW_Sep12.xlsx", book),
        ("readme.txt", b"not a workbook".to_vec()),
    ];
    let zip = archive(folder.path(), "WIOTS_in_EXCEL.zip", &members);
    let names = convert("wiod2013", &[zip], folder.path()).unwrap();
    assert_eq!(
        names,
        ["countries.csv", "industries.csv", "final_demand.csv", "wiod2013_1995.npz", "wiod2013_2008.npz"]
    );
    let wiod = wiod::load(folder.path(), 2008, Inventories::Keep).unwrap();
    assert_eq!(wiod.table.countries(), COUNTRIES);
    assert_eq!(wiod.table.sectors(), INDUSTRIES.map(|(code, _)| code));
    assert_eq!(wiod.table.final_categories(), FINALS);
    for ((row, column), value) in wiod.table.intermediate().indexed_iter() {
        assert_eq!(*value, flow(row, column));
    }
    for ((row, column), value) in wiod.table.final_demand().indexed_iter() {
        assert_eq!(*value, flow(row, 6 + column));
    }
    let gap = (&wiod.published_output - wiod.table.output()).mapv(f64::abs).sum();
    assert!(gap < 1e-9, "published output is the row sum: {gap}");
}

#[test]
fn accounts_keep_values_and_gaps() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("Socio_Economic_Accounts_July14.xlsx");
    fs::write(&path, workbook(&[("Notes", &|_| ()), ("DATA", &write_sea)])).unwrap();
    assert_eq!(convert("wiod_sea2013", &[path], folder.path()).unwrap(), ["wiod_sea_2013.csv.gz"]);
    let sea = Sea::load(folder.path()).unwrap();
    assert_eq!(sea.years(), [1995, 1996]);
    assert_eq!(sea.value("AUS", "GO", "20", 1995), Some(301.5));
    assert_eq!(sea.value("AUS", "GO", "AtB", 1996), None);
    assert_eq!(sea.value("AUS", "GO", "TOT", 1996), Some(7.0));
}

/// Two lists of industries side by side, of which the second is that of the accounts.
fn write_klems_info(sheet: &mut Worksheet) {
    let lists: [(u16, &[(f64, &str)]); 2] = [
        (4, &[(1.0, "Farms"), (2936.0, "Transportation")]),
        (8, &[(1.0, "Farms"), (2.0, "Forestry, fishing")]),
    ];
    sheet.write_string(0, 0, "Variable").unwrap();
    for (column, list) in lists {
        sheet.write_string(0, column, "industry_id").unwrap();
        sheet.write_string(0, column + 1, "Industry Description").unwrap();
        for (row, (id, name)) in (1..).zip(list) {
            sheet.write_number(row, column, *id).unwrap();
            sheet.write_string(row, column + 1, *name).unwrap();
        }
    }
}

fn write_klems(sheet: &mut Worksheet) {
    for (column, heading) in (0..).zip(["industry_id", "year", "GO", "TFPGO"]) {
        sheet.write_string(0, column, heading).unwrap();
    }
    let rows = [
        [1.0, 1963.0, 40.57, 1.0],
        [1.0, 1964.0, 38.5, 0.9951],
        [2.0, 1963.0, 7.0, 1.0],
        [2.0, 1964.0, 8.0, 1.01],
    ];
    for (row, values) in (1..).zip(rows) {
        for (column, value) in (0..).zip(values) {
            sheet.write_number(row, column, value).unwrap();
        }
    }
}

#[test]
fn us_production_accounts_keep_numbers_and_names() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("EV_production_accounts_1947to2023.xlsx");
    let accounts: Sheet<'_> = ("Data_63Ind_1963to2023", &write_klems);
    fs::write(&path, workbook(&[("Info", &write_klems_info), accounts])).unwrap();
    assert_eq!(
        convert("us_klems", std::slice::from_ref(&path), folder.path()).unwrap(),
        ["production_accounts_63_1963_2023.csv", "industries_63.csv"]
    );
    let made = us_klems::Accounts::load(folder.path()).unwrap();
    assert_eq!(made.industries(), [(1, "Farms".to_owned()), (2, "Forestry, fishing".to_owned())]);
    let names = fs::read_to_string(folder.path().join("industries_63.csv")).unwrap();
    assert_eq!(names, "industry_id,industry\n1,Farms\n2,\"Forestry, fishing\"\n");
    let numbers = fs::read_to_string(folder.path().join("production_accounts_63_1963_2023.csv")).unwrap();
    assert_eq!(numbers.lines().nth(2), Some("1,1964,38.5,0.9951"));
    // Without the list that names its industries it is refused.
    fs::write(&path, workbook(&[("Info", &|_| ()), accounts])).unwrap();
    let error = convert("us_klems", &[path], folder.path()).unwrap_err().to_string();
    assert!(error.contains("Info"), "{error}");
}

#[test]
fn us_tables_keep_codes_names_and_totals() {
    let folder = TempDir::new().unwrap();
    let zip = archive(folder.path(), "AllTablesIO.zip", &bea_books());
    let names = convert("bea_io", &[zip], folder.path()).unwrap();
    assert_eq!(
        names,
        [
            "Detail_Use_2017_PRO_BeforeRedef.csv.gz",
            "Detail_Make_2017_BeforeRedef.csv.gz",
            "Detail_IndustryCodeName_2017.csv.gz"
        ]
    );
    let tables = UseMake::load(folder.path(), 2017).unwrap();
    assert_eq!(tables.industries, ["1111A0", "325180"]);
    assert_eq!(tables.final_uses, ["F01000", "F03000"]);
    assert_eq!(tables.industry_output().to_vec(), [95.0, 55.0]);
    assert_eq!(tables.value_added.sum(), 115.0);
    assert_eq!(tables.uses[[0, 1]], 10.0);
    assert_eq!(bea::industry_names(folder.path(), 2017).unwrap()["325180"], "name of 325180");
}

#[test]
fn the_same_file_is_converted_to_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let zip = archive(folder.path(), "AllTablesIO.zip", &bea_books());
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let first: Vec<_> = convert("bea_io", std::slice::from_ref(&zip), folder.path())
        .unwrap()
        .iter()
        .map(|n| read(n))
        .collect();
    let second: Vec<_> = convert("bea_io", &[zip], folder.path()).unwrap().iter().map(|n| read(n)).collect();
    assert_eq!(first, second);
}

#[test]
fn errors_name_the_place() {
    let folder = TempDir::new().unwrap();
    let refused = |set: &str, name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        convert(set, &[path], folder.path()).unwrap_err().to_string()
    };
    let wiot = |change: &dyn Fn(&mut Worksheet)| {
        workbook(&[("WIOT", &|sheet: &mut Worksheet| {
            write_wiot(sheet);
            change(sheet);
        })])
    };
    let cases: [(&str, &str, Vec<u8>, &str); 19] = [
        (
            "wiod2013",
            "wiot95.xlsx",
            b"<html>Checking your browser</html>".to_vec(),
            "not a readable workbook",
        ),
        ("wiod2013", "table95.xlsx", wiot(&|_| ()), "wiotYY_row"),
        (
            "wiod2013",
            "wiot95.xlsx",
            wiot(&|sheet| drop(sheet.write_string(7, 5, "n.a."))),
            "line 8: column `F` holds `n.a.`",
        ),
        ("wiod2013", "wiot95.xlsx", wiot(&|sheet| drop(sheet.write_string(7, 3, "c9"))), "same order"),
        ("wiod2013", "wiot95.xlsx", wiot(&|sheet| drop(sheet.write_string(5, 4, "x"))), "c1 in column E"),
        ("wiod_sea2013", "sea.xlsx", wiot(&|_| ()), "a sheet DATA"),
        ("bea_io", "IOUse_Before_Redefinitions_PRO_Detail.xlsx", wiot(&|_| ()), "sheet named by a year"),
        ("cp2015", "x.xlsx", wiot(&|_| ()), "published files of `cp2015` are not converted"),
        ("gravity", "regressors.zip", b"<html>Gone</html>".to_vec(), "is not a readable archive"),
        ("gravity", "Log of Gravity.dta", b"<html>Gone</html>".to_vec(), "is not a readable Stata data file"),
        (
            "gravity",
            "agtpa_applications.rda",
            b"<html>Gone</html>".to_vec(),
            "is not a readable file of R objects",
        ),
        ("gravity", "other.dta", include_bytes!("gravity/stata12.dta").to_vec(), "has no column `trade`"),
        (
            "gravity",
            "empty.zip",
            fs::read(archive(folder.path(), "x.zip", &[])).unwrap(),
            "Log of Gravity.dta",
        ),
        ("gmm", "hall.csv", GRETL.into(), "a file hall.gdt"),
        ("gmm", "hall.gdt", b"<html>Not found</html>".to_vec(), "not a whole data file of gretl"),
        ("gmm", "hall.gdt", GRETL.replace("</gretldata>", "").into(), "not a whole data file of gretl"),
        ("gmm", "hall.gdt", GRETL.replace("0.25", "").into(), "observation 2 has 1 values for 2 variables"),
        ("gmm", "hall.gdt", GRETL.replace("0.25", "NA").into(), "observation 2 holds `NA`"),
        ("gmm", "hall.gdt", GRETL.replace("<obs>1.5", "<obs>1.5</o").into(), "it is not XML"),
    ];
    for (set, name, content, message) in cases {
        let error = refused(set, name, &content);
        assert!(error.contains(message), "{error}");
    }
    let error = convert("bea_io", &[folder.path().join("absent.zip")], folder.path()).unwrap_err();
    assert!(error.to_string().contains("absent.zip"), "{error}");
}

/// A data file as gretl writes it, before compression.
const GRETL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE gretldata SYSTEM "gretldata.dtd">
<gretldata name="hall" frequency="12" startobs="1959:02" endobs="1959:03" type="time-series">
<description>Written for this test.</description>
<variables count="2">
<variable name="consrat"
 label="consumption &amp; growth"
/>
<variable name="ewr"/>
</variables>
<observations count="2" labels="false">
<obs>1.5 0.75 </obs>
<obs>1.0033195726 0.25 </obs>
</observations>
</gretldata>
"#;

#[test]
fn a_data_file_of_gretl_keeps_its_digits_compressed_or_not() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hall.gdt");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(GRETL.as_bytes()).unwrap();
    for content in [GRETL.as_bytes().to_vec(), encoder.finish().unwrap()] {
        fs::write(&path, content).unwrap();
        assert_eq!(convert("gmm", std::slice::from_ref(&path), folder.path()).unwrap(), ["hall.csv"]);
        let made = fs::read_to_string(folder.path().join("hall.csv")).unwrap();
        assert_eq!(made, "obs,consrat,ewr\n,1.5,0.75\n,1.0033195726,0.25\n");
    }
}

const STATA: &[u8] = include_bytes!("gravity/Log of Gravity.dta");
const R: &[u8] = include_bytes!("gravity/bzip2.rda");

/// The text of a compressed file.
fn unpacked(path: PathBuf) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn samples_of_the_gravity_literature_keep_their_numbers_together_or_alone() {
    let folder = TempDir::new().unwrap();
    let members = [
        ("__MACOSX/._Log of Gravity.dta", b"Mac".to_vec()),
        ("regressors/Log of Gravity.dta", STATA.to_vec()),
    ];
    let zip = archive(folder.path(), "regressors.zip", &members);
    let frame = folder.path().join("agtpa_applications.rda");
    fs::write(&frame, R).unwrap();
    let both = ["log_of_gravity.csv.gz", "agtpa_applications.csv.gz"];
    assert_eq!(convert("gravity", &[frame.clone(), zip.clone()], folder.path()).unwrap(), both);
    let made = unpacked(folder.path().join(both[0]));
    let lines: Vec<&str> = made.lines().collect();
    assert!(lines[0].starts_with("trade,lypex,lypim,lyex,lyim,ldist,border,comlang,"), "{}", lines[0]);
    assert_eq!(
        lines[1],
        "7.163389,26.26919,24.97526,17.81187,10.15436,8.408561,0,0,0,0,1,8.5,8.7,0,1,530560,443640"
    );
    assert!(lines[2].starts_with("0,26.26919,") && lines[3].starts_with(",26.26919,"), "{made}");
    let made = unpacked(folder.path().join(both[1]));
    assert_eq!(made.lines().nth(1), Some("ARG,AUS,1,1986,27.7648739067614,12044.5741337353,0,0,0,1"));
    assert_eq!(convert("gravity", &[zip], folder.path()).unwrap(), both[..1]);
    assert_eq!(convert("gravity", &[frame], folder.path()).unwrap(), both[1..]);
}

/// Ten thousand damaged workbooks of each kind: damage within the parts of the archive, which is where it reaches the reader of cells,
/// and damage to the archive itself.
#[test]
fn damaged_workbooks_are_refused_and_never_panic() {
    let folder = TempDir::new().unwrap();
    let sea = workbook(&[("DATA", &write_sea)]);
    let wiot = workbook(&[("WIOT", &write_wiot)]);
    let [(_, uses), _] = bea_books();
    let klems = workbook(&[("Info", &write_klems_info), ("Data_63Ind_1963to2023", &write_klems)]);
    let sources = [
        ("wiod2013", "wiot95_row_apr12.xlsx", parts(&wiot)),
        ("wiod_sea2013", "sea.xlsx", parts(&sea)),
        ("bea_io", "IOUse_Before_Redefinitions_PRO_Detail.xlsx", parts(&uses)),
        ("us_klems", "accounts.xlsx", parts(&klems)),
    ];
    let mut random = Random(2011);
    let mut accepted = 0;
    let rounds = 10_000 * sources.len();
    for round in 0..rounds {
        let (set, name, parts) = &sources[round % sources.len()];
        let mut parts = parts.clone();
        let hit = random.below(parts.len());
        let bytes = &mut parts[hit].1;
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            let end = (at + random.below(9)).min(bytes.len());
            match random.below(5) {
                0 => bytes[at] = random.next() as u8,
                1 => drop(bytes.drain(at..end)),
                2 => drop(bytes.splice(at..end, b"99999999999".iter().copied())),
                3 => drop(bytes.splice(at..at, b"<c r=\"XFD1048576\"><v>1e999</v></c>".iter().copied())),
                _ => bytes[at] ^= 1 << random.below(8),
            }
            if bytes.is_empty() {
                bytes.push(b' ');
            }
        }
        let mut file = assemble(&parts);
        if random.below(8) == 0 {
            let at = random.below(file.len());
            file[at] ^= 1 << random.below(8);
        }
        let path = folder.path().join(name);
        fs::write(&path, &file).unwrap();
        let mut made = 0;
        let result = official::convert::<LoadError>(set, &[path], &mut |_, _| {
            made += 1;
            Ok(())
        });
        accepted += usize::from(result.is_ok() && made > 0);
    }
    assert!(
        (1..rounds / 10 * 9).contains(&accepted),
        "{accepted} of {rounds} damaged workbooks were accepted"
    );
}

/// The parts of a workbook that hold cells and their labels.
fn parts(workbook: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(workbook)).unwrap();
    let mut parts = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let (name, mut bytes) = (entry.name().to_owned(), Vec::new());
        entry.read_to_end(&mut bytes).unwrap();
        if !name.contains("theme") && !name.contains("docProps") {
            parts.push((name, bytes));
        }
    }
    parts
}

fn assemble(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in parts {
        zip.start_file(name.as_str(), stored).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
