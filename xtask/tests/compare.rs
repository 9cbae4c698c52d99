//! `compare` from outside: results of `solve`, files that it writes, exit codes.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::Path;
use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn solve(scenario: &str, out: &Path) {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios").join(scenario);
    let output =
        xtask(&["solve", "--scenario", &scenario.to_string_lossy(), "--out", &out.to_string_lossy()]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn two_scenarios_differ_where_they_should_and_one_is_equal_to_itself() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name).to_string_lossy().into_owned();
    solve("quota-2010.toml", &root.path().join("a"));
    solve("quota-2010-exogenous.toml", &root.path().join("b"));

    let same = xtask(&["compare", &path("a"), &path("a"), "--equal"]);
    assert!(same.status.success() && said(&same).contains(" 0 of "), "{}", said(&same));

    let output = xtask(&["compare", &path("a"), &path("b"), "--out", &path("d"), "--equal"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("exogenous technology (simulated; economy rare-earth-world-2009)"), "{text}");
    assert!(text.contains("only the first has the column `technology_log_points`"), "{text}");

    // Each line of the file agrees with both results.
    let read = |name: &str| csv::Reader::from_path(root.path().join(name)).unwrap();
    let welfare = |folder: &str| -> Vec<(String, String)> {
        let records = read(&format!("{folder}/countries.csv")).into_records();
        records.map(|record| record.unwrap()).map(|r| (r[0].to_owned(), r[1].to_owned())).collect()
    };
    let (a, b) = (welfare("a"), welfare("b"));
    let mut found = 0;
    for record in read("d/differences.csv").records().map(Result::unwrap) {
        if &record[0] != "countries.csv" || &record[2] != "welfare_pct" {
            continue;
        }
        let country = record[1].strip_prefix("country=").unwrap();
        let of = |list: &[(String, String)]| list.iter().find(|(name, _)| name == country).unwrap().1.clone();
        assert_eq!((record[3].to_owned(), record[4].to_owned()), (of(&a), of(&b)));
        let [x, y, difference, percent] = [3, 4, 5, 6].map(|c| record[c].parse::<f64>().unwrap());
        assert_eq!(difference, y - x);
        assert!((percent - 100.0 * (y - x) / x.abs()).abs() <= 1e-9 * percent.abs());
        found += 1;
    }
    assert_eq!(found, a.len(), "technology moves the welfare of every country");
    let markdown = std::fs::read_to_string(root.path().join("d/differences.md")).unwrap();
    assert!(markdown.contains("| countries.csv |") && markdown.contains("## In one only"), "{markdown}");
}

#[test]
fn a_tolerance_forgives_and_a_folder_without_results_is_refused() {
    let root = tempfile::tempdir().unwrap();
    for (folder, number) in [("a", "1.000000001"), ("b", "1")] {
        std::fs::create_dir(root.path().join(folder)).unwrap();
        std::fs::write(root.path().join(folder).join("x.csv"), format!("id,value\nx,{number}\n")).unwrap();
    }
    std::fs::create_dir(root.path().join("empty")).unwrap();
    let path = |name: &str| root.path().join(name).to_string_lossy().into_owned();
    let code = |arguments: &[&str]| xtask(arguments).status.code();
    assert_eq!(code(&["compare", &path("a"), &path("b")]), Some(0));
    assert_eq!(code(&["compare", &path("a"), &path("b"), "--equal"]), Some(1));
    assert_eq!(code(&["compare", &path("a"), &path("b"), "--equal", "--tolerance", "1e-8"]), Some(0));
    let refused = xtask(&["compare", &path("a"), &path("empty")]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("holds no results"), "{}", said(&refused));
}
