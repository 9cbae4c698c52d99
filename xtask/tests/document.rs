//! What `reproduce` writes about the run as a whole: the README of the package, the LaTeX document.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![allow(clippy::print_stderr, reason = "a test that cannot run here says why")]

use std::path::Path;
use std::process::{Command, Stdio};

/// Parts with every kind of chart, maps among them, long and wide tables, one that is skipped.
const PARTS: &str = "A1,B1,B2,B5,D1,D2";

fn reproduce(out: &Path, only: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["reproduce", "--only", only, "--out", &out.to_string_lossy()])
        .env_remove("LODESTONE_DATA")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_readme_names_every_exhibit_its_program_and_what_was_not_made() {
    let folder = tempfile::tempdir().unwrap();
    reproduce(folder.path(), PARTS);
    let readme = read(&folder.path().join("README.md"));
    for file in std::fs::read_dir(folder.path().join("tables")).unwrap() {
        let name = file.unwrap().file_name().to_string_lossy().into_owned();
        if let Some(id) = name.strip_suffix(".csv") {
            assert!(readme.contains(&format!("| Table {id} |")), "{id}\n{readme}");
        }
    }
    for expected in [
        "`xtask/src/parts/d.rs`, `gains`",
        "| A1 | Trade elasticities | not made: needs the raw data cp2015",
        "Raw data sets that were read for this folder: none",
        "Creative Commons Attribution 4.0",
    ] {
        assert!(readme.contains(expected), "no `{expected}` in\n{readme}");
    }

    // But for time, memory and seconds the text is that of any other run.
    let again = tempfile::tempdir().unwrap();
    reproduce(again.path(), PARTS);
    let timeless = |text: &str| -> Vec<String> {
        let measured = |word: &str| word.parse::<f64>().is_ok() || word.trim_end_matches('*').ends_with("MB");
        let lines = text.lines().filter(|line| !line.starts_with("Measured on"));
        lines
            .map(|line| line.split(' ').filter(|word| !measured(word)).collect::<Vec<_>>().join(" "))
            .collect()
    };
    assert_eq!(timeless(&readme), timeless(&read(&again.path().join("README.md"))));
}

#[test]
fn the_document_holds_every_table_and_figure_and_pdflatex_sets_it() {
    let folder = tempfile::tempdir().unwrap();
    reproduce(folder.path(), PARTS);
    let latex = folder.path().join("latex");
    let main = read(&latex.join("main.tex"));
    for (sub_folder, extension) in [("tables", "csv"), ("figures", "svg")] {
        for file in std::fs::read_dir(folder.path().join(sub_folder)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|e| e == extension) {
                let id = path.file_stem().unwrap().to_string_lossy().into_owned();
                assert!(main.contains(&format!("\\input{{{sub_folder}/{id}}}")), "{id}\n{main}");
            }
        }
    }
    if !Command::new("pdflatex").arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success()) {
        eprintln!("not tested: pdflatex is not on this machine");
        return;
    }
    let output = Command::new("pdflatex")
        .args(["-interaction=nonstopmode", "-halt-on-error", "main.tex"])
        .current_dir(&latex)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{log}");
    assert!(!log.contains("Missing character"), "{log}");
    let pdf = std::fs::read(latex.join("main.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF") && pdf.len() > 50_000, "{} bytes", pdf.len());
}

#[test]
fn files_that_somebody_removed_are_left_out_until_their_part_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    reproduce(folder.path(), "B1,D1");
    let main = || read(&folder.path().join("latex/main.tex"));
    assert!(main().contains("\\input{figures/B1-prices}") && main().contains("\\input{tables/B1}"));
    for name in ["figures/B1-prices.svg", "tables/B1.tex"] {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
    reproduce(folder.path(), "D1");
    assert!(!main().contains("figures/B1-prices}") && !main().contains("\\input{tables/B1}"), "{}", main());
    reproduce(folder.path(), "B1");
    assert!(main().contains("\\input{figures/B1-prices}") && main().contains("\\input{tables/B1}"));
}
