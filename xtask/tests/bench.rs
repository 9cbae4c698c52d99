//! `bench`: what it writes, and what in it does not depend on the machine.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::Path;
use std::process::Command;

/// A table that was written, as one map from heading to cell for each row.
fn rows(path: &Path) -> Vec<std::collections::HashMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(|row| row.unwrap()).collect()
}

#[test]
fn a_quick_look_has_every_question_solved_like_the_textbook() {
    let out = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["bench", "--quick", "--out"])
        .arg(out.path())
        .env_remove("LODESTONE_DATA")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let number = |text: &String| text.parse::<f64>().unwrap();
    let solver = rows(&out.path().join("benchmarks-solver.csv"));
    assert_eq!(solver.len(), 3);
    for row in &solver {
        assert!(number(&row["ln10_residual"]) <= -10.0, "{row:?}");
        assert!(number(&row["milliseconds"]) > 0.0 && number(&row["sweeps"]) >= 2.0, "{row:?}");
    }
    for row in solver.iter().filter(|row| !row["question"].contains("quota")) {
        assert!(number(&row["ln10_difference"]) <= -8.0, "{row:?}");
        assert!(number(&row["textbook_rounds"]) > number(&row["sweeps"]), "{row:?}");
    }

    let estimators = rows(&out.path().join("benchmarks-estimators.csv"));
    let expected =
        [("Least squares", 0.4), ("Two-stage least squares", 0.4), ("Poisson pseudo-likelihood", 0.12)];
    assert_eq!(estimators.len(), expected.len());
    for (row, (name, truth)) in estimators.iter().zip(expected) {
        assert_eq!(row["estimator"], name);
        assert!((number(&row["estimate"]) - truth).abs() < 0.1 * truth, "{row:?}");
        if cfg!(target_os = "linux") {
            // Less than a few times the data, and more than nothing.
            let extra = number(&row["extra_megabytes"]) / number(&row["data_megabytes"]);
            assert!(extra > 0.1 && extra < 20.0, "{row:?}");
        }
        assert!(number(&row["rows"]) == 10_240.0 && number(&row["seconds"]) > 0.0, "{row:?}");
    }

    let page = std::fs::read_to_string(out.path().join("benchmarks.md")).unwrap();
    for word in ["Machine:", "Compiler: rustc", "opt-level", "Simulated trade", "pyfixest"] {
        assert!(page.contains(word), "{word} is not in\n{page}");
    }
}
