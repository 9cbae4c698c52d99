//! `solve` from outside: the files that come out, and the refusals.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use model_core::synthetic::{CriticalRecipe, Recipe};

/// A simulated economy of three countries, two sectors and two factors in `folder`.
fn save_economy(folder: &Path) -> model_core::Economy {
    save(&Recipe::new(3, 2, 2), folder)
}

fn save(recipe: &Recipe, folder: &Path) -> model_core::Economy {
    let mut state = 3_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let economy = recipe.draw(&mut uniform).unwrap();
    calibration::store::save(&economy, folder).unwrap();
    economy
}

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().unwrap()
}

fn solve(root: &Path, shock: &str) -> Output {
    solve_with(root, shock, &[])
}

fn solve_with(root: &Path, shock: &str, more: &[&str]) -> Output {
    std::fs::write(root.join("shock.toml"), shock).unwrap();
    let path = |name: &str| root.join(name).to_string_lossy().into_owned();
    let (economy, shock, result) = (path("economy"), path("shock.toml"), path("result"));
    let asked = ["solve", "--economy", &economy, "--shock", &shock, "--out", &result];
    xtask(&[&asked, more].concat())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Columns of a CSV file by name.
fn column(path: &Path, name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let index = reader.headers().unwrap().iter().position(|header| header == name).unwrap();
    reader.records().map(|record| record.unwrap()[index].to_owned()).collect()
}

#[test]
fn a_shock_leaves_consistent_files_in_three_forms() {
    let root = tempfile::tempdir().unwrap();
    let economy = save_economy(&root.path().join("economy"));
    let labels = economy.labels();
    let shock = format!(
        "title = \"More machines\"\n[[productivity]]\ncountry = \"{}\"\nsector = \"all\"\nhat = 1.1\n",
        labels.countries()[1]
    );
    let output = solve(root.path(), &shock);
    assert!(output.status.success(), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("More machines"));

    let result = root.path().join("result");
    let welfare: Vec<f64> =
        column(&result.join("countries.csv"), "welfare_pct").iter().map(|x| x.parse().unwrap()).collect();
    assert!(welfare[1] > 5.0 && welfare[1] < 40.0, "{welfare:?}");
    let productivity = column(&result.join("countries.csv"), "channel_productivity_log_points");
    assert_eq!(productivity.len(), 3);
    assert_eq!(column(&result.join("sectors.csv"), "price_hat").len(), 6);

    let mut npz =
        ndarray_npy::NpzReader::new(std::fs::File::open(result.join("equilibrium.npz")).unwrap()).unwrap();
    let real_income: ndarray::Array1<f64> = npz.by_name("real_income_hat").unwrap();
    for (csv, hat) in welfare.iter().zip(&real_income) {
        assert_eq!(*csv, 100.0 * (hat - 1.0), "the three forms hold the same bits");
    }
    let trade_share: ndarray::Array3<f64> = npz.by_name("trade_share").unwrap();
    assert_eq!(trade_share.dim(), (3, 3, 2));

    let text = std::fs::read_to_string(result.join("tables.json")).unwrap();
    let tables: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(tables["countries"]["rows"].as_array().unwrap().len(), 3);
    for exact in &welfare {
        // The text, because this reader of JSON may be off by the last bit.
        assert!(text.contains(&format!(",{},", serde_json::to_string(exact).unwrap())), "{exact} in {text}");
    }

    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(result.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["kind"], "simulated");
    assert!(summary["residual"]["largest"].as_f64().unwrap() < 1e-10);
    assert!(summary["changes"][0].as_str().unwrap().contains("productivity"));
}

#[test]
fn an_embargo_is_solved_and_says_why_it_has_no_channels() {
    let root = tempfile::tempdir().unwrap();
    let economy = save_economy(&root.path().join("economy"));
    let names = economy.labels().countries();
    let shock = format!(
        "[[iceberg]]\nimporter = \"{}\"\nexporter = \"{}\"\nsector = \"all\"\nhat = inf\n",
        names[0], names[1]
    );
    let output = solve(root.path(), &shock);
    assert!(output.status.success(), "{}", said(&output));
    let summary = std::fs::read_to_string(root.path().join("result/summary.json")).unwrap();
    assert!(summary.contains("there is no path to it in logarithms"), "{summary}");
}

#[test]
fn refusals_name_the_file_and_the_line_and_write_nothing() {
    let root = tempfile::tempdir().unwrap();
    save_economy(&root.path().join("economy"));
    let output = solve(
        root.path(),
        "[[tariff]]\nimporter = \"nowhere\"\nexporter = \"all\"\nsector = \"all\"\nadd = 0.1\n",
    );
    assert_eq!(output.status.code(), Some(2));
    let text = said(&output);
    assert!(text.contains("shock.toml") && text.contains("line 2") && text.contains("nowhere"), "{text}");
    assert!(!root.path().join("result").exists());

    let output = xtask(&["solve", "--economy", "atlantis", "--shock", "x.toml", "--out", "y"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("there is no economy `atlantis`"), "{}", said(&output));

    std::fs::remove_file(root.path().join("economy/arrays.npz")).unwrap();
    let output = solve(root.path(), "deficits = \"zero\"\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("arrays.npz"), "{}", said(&output));
}

#[test]
fn a_folder_with_other_files_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    save_economy(&root.path().join("economy"));
    std::fs::create_dir(root.path().join("result")).unwrap();
    std::fs::write(root.path().join("result/thesis.tex"), "years of work").unwrap();
    let output = solve(root.path(), "deficits = \"zero\"\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("choose another folder"), "{}", said(&output));
    assert!(root.path().join("result/thesis.tex").exists());
}

#[test]
fn intervals_have_the_price_of_every_critical_input_whether_it_rises_or_falls() {
    let root = tempfile::tempdir().unwrap();
    let recipe = Recipe::new(3, 2, 2).with_critical(CriticalRecipe::default());
    let economy = save(&recipe, &root.path().join("economy"));
    let input = economy.labels().sectors().last().unwrap();
    let asked = |more: &str| {
        format!(
            "[critical]\nsectors = \"{input}\"\nsigma = {{ value = 0.2, uniform = [0.1, 0.5] }}\n\
             [[productivity]]\ncountry = \"all\"\nsector = \"{input}\"\nhat = 2\n{more}"
        )
    };
    let output = solve_with(root.path(), &asked(""), &["--draws", "8"]);
    assert!(output.status.success(), "{}", said(&output));
    let numbers = |file: &str, name: &str| -> Vec<f64> {
        let cells = column(&root.path().join("result").join(file), name);
        cells.iter().map(|cell| cell.parse().unwrap()).collect()
    };
    let hats = numbers("prices.csv", "price_hat");
    let names = column(&root.path().join("result/intervals.csv"), "number");
    let of_input = format!("price of {input}");
    let central = numbers("intervals.csv", "central");
    let prices: Vec<f64> =
        names.iter().zip(central).filter(|(name, _)| **name == of_input).map(|(_, value)| value).collect();
    assert_eq!(prices.len(), 3, "{names:?}");
    for (price, hat) in prices.iter().zip(&hats) {
        assert!(*price < -10.0 && (price - 100.0 * (hat - 1.0)).abs() < 1e-4, "{price} {hat}");
    }
}

#[test]
fn draws_without_a_number_are_as_many_as_the_scenario_says() {
    let root = tempfile::tempdir().unwrap();
    save_economy(&root.path().join("economy"));
    let tariff = "[[endowment]]\ncountry = \"all\"\nfactor = \"all\"\nhat = { value = 1.1, sd = 0.01 }\n";
    let output = solve_with(root.path(), &format!("draws = 3\n{tariff}"), &["--draws"]);
    assert!(output.status.success(), "{}", said(&output));
    let summary = std::fs::read_to_string(root.path().join("result/summary.json")).unwrap();
    assert!(summary.contains("\"succeeded\": 3"), "{summary}");
    // Only when they are asked for.
    let output = solve(root.path(), &format!("draws = 3\n{tariff}"));
    assert!(output.status.success() && !root.path().join("result/intervals.csv").exists());
    let output = solve_with(root.path(), tariff, &["--draws"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("says how many"), "{}", said(&output));
}

#[test]
fn draws_without_a_spread_are_refused_and_say_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    save_economy(&root.path().join("economy"));
    let output = solve_with(root.path(), "deficits = \"zero\"\n", &["--draws", "1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("two draws or more") && said(&output).contains("--draws 0"),
        "{}",
        said(&output)
    );
    // A share that no draw has within its range.
    let recipe = Recipe::new(3, 2, 2).with_critical(CriticalRecipe::default());
    let economy = save(&recipe, &root.path().join("economy"));
    let input = economy.labels().sectors().last().unwrap();
    let wild = format!(
        "[critical]\nsectors = \"{input}\"\nsigma = 0.2\n\
         [[recycling]]\ncountry = \"all\"\nshare = {{ value = 0.1, sd = 1e300 }}\n"
    );
    let output = solve_with(root.path(), &wild, &["--draws", "4"]);
    assert_eq!(output.status.code(), Some(2));
    let text = said(&output);
    assert!(text.contains("0 of 4 have one") && text.contains("recycling.1.share"), "{text}");
    assert!(!root.path().join("result").exists());
}
