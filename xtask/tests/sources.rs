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

/// The scenario with another line of trade elasticities, which is all that is uncertain.
fn with_theta(line: &str) -> String {
    let text = scenario().replace("[theta]\n", &format!("[theta]\n{line}\n"));
    let known = |line: &str| match line.split_once(" = { value = ") {
        Some((key, rest)) => format!("{key} = {}\n", rest.split(',').next().unwrap()),
        None => format!("{line}\n"),
    };
    text.lines().map(known).collect()
}

#[test]
fn trade_elasticities_have_sources_too() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let own = data.join("unit_values");
    std::fs::create_dir_all(&own).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../calibration/data/unit_values");
    for file in ["sales.csv", "sectors.csv"] {
        std::fs::copy(shipped.join(file), own.join(file)).unwrap();
    }
    let sources = [
        "caliendo-parro-2015",
        "caliendo-parro-pairs",
        "caliendo-parro-pooled",
        "gravity-1993",
        "unit-values-simulated",
        "unit-values",
    ];
    let mut found = Vec::new();
    for source in sources {
        let text = with_theta(&format!("estimates = \"{source}\""));
        let output = solve(root.path(), &text, Some(&data), source);
        assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
        let (value, sd, _) = answer(&root.path().join(source));
        assert!(sd > 0.0, "{source}: the covariance goes into the interval");
        found.push((value, sd));
    }
    let [independent, pairs, pooled, gravity, simulated, own] = found[..] else { panic!() };
    // The same estimates to the digits that are shipped, with another covariance.
    let alike = (independent.0 / pairs.0 - 1.0).abs() < 1e-5;
    assert!(alike && independent.1 != pairs.1, "{independent:?} {pairs:?}");
    assert!(independent.0 != pooled.0 && independent.0 != gravity.0 && gravity.0 != simulated.0, "{found:?}");
    // Draws follow the name, so that only the central values are the same.
    assert_eq!(simulated.0, own.0, "the same panel in a folder of one's own");
}

#[test]
fn gravity_on_a_panel_of_ones_own_reaches_sectors_by_its_table_and_names_what_it_lacks() {
    let root = tempfile::tempdir().unwrap();
    let panel = root.path().join("data/trade_panel");
    std::fs::create_dir_all(&panel).unwrap();
    let mut flows = String::from("importer,exporter,year,sector,trade,gross_tariff\n");
    let mut state = 7_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for (sector, theta) in [("light", 4.0), ("heavy", 7.0)] {
        for importer in 0..8 {
            for exporter in (0..8).filter(|e| *e != importer) {
                for year in 2001..2006 {
                    let tariff: f64 = 1.0 + 0.3 * uniform();
                    let trade = 100.0 * tariff.powf(-theta) * (0.5 + uniform());
                    flows += &format!("C{importer},C{exporter},{year},{sector},{trade},{tariff}\n");
                }
            }
        }
    }
    std::fs::write(panel.join("flows.csv"), flows).unwrap();
    let economy = calibration::rare_earths::rare_earth_world_2009().unwrap();
    let goods = ["Food", "Textiles", "Chemicals"];
    let mut table = String::from("sector,item,weight\n");
    for sector in economy.labels().sectors().iter().filter(|s| *s != "Rare earths" && *s != "Machinery") {
        let item = if goods.contains(&sector.as_str()) { "light" } else { "none" };
        table += &format!("{sector},{item},1\n");
    }
    std::fs::write(panel.join("sectors.csv"), &table).unwrap();
    let data = root.path().join("data");
    let text = with_theta("estimates = \"gravity\"");
    let refused = solve(root.path(), &text, Some(&data), "refused");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("`gravity`") && said.contains("`Machinery`") && said.contains("`other = 8`"),
        "{said}"
    );

    std::fs::write(panel.join("sectors.csv"), table + "Machinery,heavy,1\n").unwrap();
    let output = solve(root.path(), &text, Some(&data), "out");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut parameters = csv::Reader::from_path(root.path().join("out/parameters.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = parameters.records().map(Result::unwrap).collect();
    let of = |name: &str| rows.iter().find(|row| &row[0] == name).unwrap().clone();
    for (name, truth) in [("theta.Food", 4.0), ("theta.Machinery", 7.0)] {
        let row = of(name);
        let value: f64 = row[1].parse().unwrap();
        assert!((value - truth).abs() < 1.5 && row[3].contains("Poisson gravity"), "{row:?}");
    }
    assert_eq!(of("theta.Construction")[1].parse::<f64>().unwrap(), 8.22);
}
