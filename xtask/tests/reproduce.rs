//! `reproduce`, `verify`, `data` and `help` from outside, without any raw data.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::Path;
use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).env_remove("LODESTONE_DATA").output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn without_raw_data_the_shipped_economy_is_enough_and_the_rest_is_skipped_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_string_lossy().into_owned();
    let output = xtask(&["reproduce", "--out", &out]);
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("A1   skipped") && text.contains("cp2015"), "{text}");
    // B2 from the shipped panels, whole
    for id in ["B2", "B2-exposure", "B2-trend", "B2-us-2012", "B2-us-2017"] {
        let csv = read(&folder.path().join(format!("tables/{id}.csv")));
        assert!(csv.lines().count() > 17, "{id}: {csv}");
    }
    let exposure = read(&folder.path().join("tables/B2-exposure.md"));
    assert!(exposure.contains("JPN 40% (56% published)"), "{exposure}");
    for id in ["B3", "B4", "B5"] {
        for file in
            [format!("tables/{id}.csv"), format!("tables/{id}-years.csv"), format!("figures/{id}-years.svg")]
        {
            assert!(folder.path().join(&file).is_file(), "{file}");
        }
    }
    for id in ["C1", "C2", "C3", "C4", "C5", "C6", "D1", "D2"] {
        for extension in ["csv", "md", "tex"] {
            assert!(folder.path().join(format!("tables/{id}.{extension}")).is_file());
        }
        assert!(folder.path().join(format!("figures/{id}.svg")).is_file());
    }
    for id in ["B6", "B6-counts"] {
        let markdown = read(&folder.path().join(format!("tables/{id}.md")));
        assert!(markdown.contains("simulated"), "{markdown}");
    }
    let verification = read(&folder.path().join("verification.csv"));
    assert!(verification.starts_with("table,item,published,reproduced,difference,tolerance,verdict,kind\n"));
    assert!(verification.contains(",skipped,replicated"));
    let manifest: serde_json::Value =
        serde_json::from_str(&read(&folder.path().join("manifest.json"))).unwrap();
    assert_eq!(manifest["parts"]["A1"]["outcome"]["state"], "skipped");
    assert_eq!(manifest["parts"]["D1"]["outcome"]["state"], "made");
    assert_eq!(manifest["parts"]["D1"]["tables"][0]["columns"][1]["provenance"], "simulated");
}

#[test]
fn two_runs_write_the_same_bytes() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&first, &second] {
        let output = xtask(&["reproduce", "--only", "d1,D2", "--out", &folder.path().to_string_lossy()]);
        assert!(output.status.success(), "{}", said(&output));
    }
    for name in ["tables/D1.csv", "tables/D1.md", "tables/D2.tex", "figures/D1.svg", "verification.csv"] {
        assert_eq!(read(&first.path().join(name)), read(&second.path().join(name)), "{name}");
    }
}

#[test]
fn a_run_with_only_keeps_what_was_made_before() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_string_lossy().into_owned();
    for id in ["D1", "D2"] {
        assert!(xtask(&["reproduce", "--only", id, "--out", &out]).status.success());
    }
    let manifest: serde_json::Value =
        serde_json::from_str(&read(&folder.path().join("manifest.json"))).unwrap();
    assert_eq!(manifest["parts"].as_object().unwrap().len(), 2);
}

#[test]
fn what_does_not_exist_is_refused_with_what_does() {
    let cases: [(&[&str], &str); 5] = [
        (&["reproduce", "--only", "Z9"], "the tables are A1"),
        (&["verify", "--only", "Z9"], "the tables are A1"),
        (&["help", "everything"], "the topics are overview"),
        (&["data", "fetch", "moon", "--data", "."], "the data sets are"),
        (&["data", "check"], "LODESTONE_DATA"),
    ];
    for (arguments, expected) in cases {
        let output = xtask(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(expected), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn verify_without_data_claims_nothing_and_is_no_failure() {
    let output = xtask(&["verify"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("skipped"));
}

#[test]
fn data_list_names_every_set_and_what_it_is_needed_for() {
    let output = xtask(&["data", "list"]);
    let text = said(&output);
    for expected in ["cp2015", "wiod2013", "read for: A1, A2", "data/world_2009"] {
        assert!(text.contains(expected), "no `{expected}` in\n{text}");
    }
}

#[test]
fn a_raw_folder_that_is_not_as_expected_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("gmm")).unwrap();
    std::fs::write(folder.path().join("gmm/hall.csv"), "not Hall's data").unwrap();
    let output = xtask(&["data", "check", "gmm", "--data", &folder.path().to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("hall.csv: 15 bytes, expected 19168"), "{}", said(&output));
}

#[test]
fn every_example_shock_file_solves_on_the_shipped_economy() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shocks");
    let mut count = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let shock = entry.unwrap().path();
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("result");
        let output = xtask(&[
            "solve",
            "--economy",
            "world-2009",
            "--shock",
            &shock.to_string_lossy(),
            "--out",
            &out.to_string_lossy(),
        ]);
        assert!(output.status.success(), "{}: {}", shock.display(), said(&output));
        assert!(out.join("countries.csv").is_file());
        count += 1;
    }
    assert!(count >= 6);
}
