//! The rules of ARCHITECTURE.md that can be read off the sources.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The dependencies of a crate, without those of its tests.
fn dependencies(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    manifest.get("dependencies").and_then(|d| d.as_table()).unwrap().keys().cloned().collect()
}

/// The sources of a crate: path and the text before its unit tests, without comments.
fn sources(name: &str) -> Vec<(PathBuf, String)> {
    let mut sources = Vec::new();
    let mut folders = vec![root().join(name).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && path.file_stem().unwrap() != "tests" {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                sources.push((path, lines.collect::<Vec<_>>().join("\n")));
            }
        }
    }
    sources
}

#[test]
fn crates_use_only_what_lies_below_them() {
    let ours = ["linalg", "model-core", "estimation", "calibration", "counterfactuals", "xtask", "tests"];
    let allowed: [(&str, &[&str]); 5] = [
        ("linalg", &[]),
        ("model-core", &["linalg"]),
        ("estimation", &["linalg"]),
        ("counterfactuals", &["linalg", "model-core"]),
        ("calibration", &["linalg", "model-core", "estimation", "counterfactuals"]),
    ];
    for (name, below) in allowed {
        for dependency in dependencies(name).iter().filter(|d| ours.contains(&d.as_str())) {
            assert!(below.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn libraries_have_no_dependency_of_the_driver() {
    for name in ["linalg", "model-core", "estimation", "calibration", "counterfactuals"] {
        for dependency in dependencies(name) {
            let of_the_driver = ["clap", "indicatif", "plotters", "ureq"].contains(&dependency.as_str());
            assert!(!of_the_driver, "{name} depends on {dependency}");
        }
    }
}

#[test]
fn libraries_bring_no_dependency_of_the_driver_along() {
    for package in ["lodestone-linalg", "model-core", "estimation", "calibration", "counterfactuals"] {
        let output = std::process::Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
            .args(["--package", package])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout).unwrap();
        assert!(tree.contains("ndarray v"), "{package}: {tree}");
        for line in tree.lines() {
            let name = line.split(' ').next().unwrap();
            let of_the_driver = ["clap", "indicatif", "plotters", "ureq", "axum", "tokio", "maud", "xtask"];
            assert!(!of_the_driver.contains(&name), "{package} brings {line}");
        }
    }
}

#[test]
fn the_engines_know_no_file_no_clock_and_no_rare_earth() {
    for name in ["model-core", "estimation", "linalg"] {
        for (path, code) in sources(name) {
            let lower = code.to_lowercase();
            for word in ["std::fs", "std::time", "std::env", "rare earth", "rare_earth"] {
                assert!(!lower.contains(word), "{} has `{word}`", path.display());
            }
        }
    }
}

/// Where a matrix may be factored whatever its condition: files, how often, and why nothing rests on it.
const STEPS: [(&str, usize, &str); 7] = [
    (
        "model-core/src/equilibrium/block.rs",
        2,
        "Newton steps; the residual of the market is what is held to the tolerance",
    ),
    (
        "model-core/src/equilibrium/newton.rs",
        4,
        "Newton steps; the residual of all markets is what is held to the tolerance",
    ),
    ("estimation/src/gmm/search.rs", 1, "steps of a search that goes on until the gradient vanishes"),
    ("estimation/src/gmm/criterion.rs", 1, "steps of a search that goes on until the gradient vanishes"),
    (
        "estimation/src/solve.rs",
        2,
        "the condition is reported (Fit::accuracy), and collinear regressors are gone",
    ),
    (
        "estimation/src/linear/k_class.rs",
        1,
        "says only whether a matrix is positive definite; coefficients come from `well_conditioned`",
    ),
    (
        "estimation/src/poisson/irls.rs",
        1,
        "the condition is reported (Fit::accuracy), and collinear regressors are gone",
    ),
];

/// `gmm::estimator` looks at the spectrum itself, to name the direction that is not identified.
const OWN_CHECK: (&str, usize) = ("estimation/src/gmm/estimator.rs", 2);

#[test]
fn no_result_rests_on_a_matrix_of_any_condition() {
    for name in ["model-core", "estimation", "calibration", "counterfactuals", "xtask"] {
        for (path, code) in sources(name) {
            let found: usize = ["Lu::factor(", ".refactor(", "Cholesky::factor("]
                .into_iter()
                .map(|call| code.matches(call).count())
                .sum();
            let allowed = STEPS.iter().map(|(file, count, _)| (*file, *count)).chain([OWN_CHECK]);
            let allowed = allowed.filter(|(file, _)| path.ends_with(file)).map(|(_, count)| count).sum();
            assert_eq!(
                found,
                allowed,
                "{}: results come from `well_conditioned`, which refuses what rounding would spoil",
                path.display()
            );
        }
    }
}

#[test]
fn the_trade_model_starts_no_thread() {
    for (path, code) in sources("model-core").into_iter().chain(sources("linalg")) {
        for word in ["std::thread", "rayon"] {
            assert!(!code.contains(word), "{} has `{word}`", path.display());
        }
    }
}

#[test]
fn only_the_console_talks_to_the_terminal() {
    for (path, code) in sources("xtask") {
        if path.ends_with("console.rs") {
            continue;
        }
        for word in ["println!", "print!(", "io::stdout", "io::stderr", "process::exit"] {
            assert!(!code.contains(word), "{} has `{word}`", path.display());
        }
    }
}

#[test]
fn no_module_is_too_long_to_read() {
    for name in ["linalg", "model-core", "estimation", "calibration", "counterfactuals", "xtask"] {
        for (path, _) in sources(name) {
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 600, "{} has {lines} lines", path.display());
        }
    }
}
