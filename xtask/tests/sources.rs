//! Sources of a scenario's numbers from outside: another source is another word on one line, and intervals follow it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use calibration::substitution::simulate::{Backdrop, Noise, Truth};

const DRAWS: &str = "24";

fn scenario() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/quota-2010.toml");
    let text = std::fs::read_to_string(path).unwrap();
    // Everything else is known, so that what moves is the source's.
    text.lines()
        .map(|line| match line.split_once(" = { value = ") {
            Some((key, rest)) if !line.starts_with("sigma") => {
                format!("{key} = {}\n", rest.split(',').next().unwrap())
            }
            _ => format!("{line}\n"),
        })
        .map(|line| line.replace("estimates = \"caliendo-parro-2015\"\n", ""))
        .collect()
}

fn solve(root: &Path, text: &str, data: Option<&Path>, out: &str) -> Output {
    let file = root.join(format!("{out}.toml"));
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["solve", "--draws", DRAWS]).arg("--scenario").arg(file).arg("--out").arg(root.join(out));
    command.env_remove("LODESTONE_DATA");
    if let Some(folder) = data {
        command.arg("--data").arg(folder);
    }
    command.output().unwrap()
}

/// The central value and the standard deviation of Japan's welfare, and the source of `sigma`.
fn answer(folder: &Path) -> (f64, f64, String) {
    let rows = |name: &str| -> Vec<csv::StringRecord> {
        csv::Reader::from_path(folder.join(name)).unwrap().records().map(Result::unwrap).collect()
    };
    let intervals = rows("intervals.csv");
    let japan = intervals.iter().find(|row| &row[0] == "welfare" && &row[1] == "JPN").unwrap();
    let parameters = rows("parameters.csv");
    let known = ["sigma", "sigma.Machinery"];
    let sigma = parameters.iter().find(|row| known.contains(&&row[0])).unwrap();
    (japan[2].parse().unwrap(), japan[6].parse().unwrap(), sigma[3].to_owned())
}

#[test]
fn another_source_is_another_word_on_one_line_and_intervals_follow_it() {
    let root = tempfile::tempdir().unwrap();
    let panel = root.path().join("data/substitution_panel");
    std::fs::create_dir_all(&panel).unwrap();
    // A tenth of the patents of the shipped one, so that its estimates are less sure.
    let noise = Noise { patents: 3_000.0, ..Noise::default() };
    let own = Backdrop::solve(Truth::default()).unwrap().draw(&noise, 7, 3);
    for (name, text) in own.to_csv() {
        std::fs::write(panel.join(name), text).unwrap();
    }
    let base = scenario();
    let line = base.lines().find(|line| line.starts_with("sigma = ")).unwrap().to_owned();
    let data = root.path().join("data");
    let mut found = Vec::new();
    for source in ["patents-simulated", "patents", "calibrated"] {
        let text = base.replace(&line, &format!("sigma = \"{source}\""));
        assert_eq!(text.lines().zip(base.lines()).filter(|(a, b)| a != b).count(), 1);
        let output = solve(root.path(), &text, Some(&data), source);
        assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
        found.push(answer(&root.path().join(source)));
    }
    let [(simulated, narrow, from), (own, wide, _), (calibrated, _, fitted)] = &found[..] else { panic!() };
    assert!(from.contains("simulated panel") && fitted.contains("table B8"), "{from}; {fitted}");
    assert!(simulated != own && own != calibrated, "{simulated} {own} {calibrated}");
    assert!(*narrow > 0.0 && wide > narrow, "{narrow} {wide}");
}

#[test]
fn a_source_that_is_not_there_is_named_with_where_it_was_looked_for() {
    let root = tempfile::tempdir().unwrap();
    let base = scenario();
    let line = base.lines().find(|line| line.starts_with("sigma = ")).unwrap().to_owned();
    let text = base.replace(&line, "sigma = \"patents\"");
    let output = solve(root.path(), &text, None, "out");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("substitution_panel") && said.contains("--data"), "{said}");
    assert!(!root.path().join("out").exists());
}
