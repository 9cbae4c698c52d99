//! The guide in `docs` stays true: links lead somewhere, commands and examples that it names are there.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The pages of the guide, with their text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("docs/src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    pages.sort();
    pages.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The lines of the blocks of shell commands, remarks left out.
fn commands() -> Vec<String> {
    let mut commands = Vec::new();
    for (_, text) in pages() {
        let mut inside = false;
        for line in text.lines() {
            if line.starts_with("```") {
                inside = line == "```sh";
            } else if inside {
                commands.push(line.split(" #").next().unwrap().trim().to_owned());
            }
        }
    }
    commands
}

#[test]
fn the_contents_name_every_page_and_every_link_leads_somewhere() {
    let contents = std::fs::read_to_string(root().join("docs/src/SUMMARY.md")).unwrap();
    for (path, text) in pages() {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(
            name == "SUMMARY.md" || contents.contains(&format!("({name})")),
            "{name} is not in the contents"
        );
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.starts_with("http") {
                let target = path.parent().unwrap().join(link);
                assert!(target.exists(), "{name}: {link}");
            }
        }
    }
}

#[test]
fn every_file_that_the_guide_names_in_the_sources_is_there() {
    for (path, text) in pages() {
        let code = text.split('`').skip(1).step_by(2);
        for name in code.filter(|name| name.ends_with(".rs") && name.contains('/')) {
            let there = ["", "model-core/src", "xtask/src", "calibration/src"]
                .iter()
                .any(|folder| root().join(folder).join(name).is_file());
            assert!(there, "{}: {name}", path.display());
        }
    }
}

#[test]
fn every_command_of_the_guide_is_understood() {
    let all = commands();
    assert!(all.len() >= 15, "{all:?}");
    for line in &all {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["cargo", "xtask", command, rest @ ..] => {
                // `--help` checks the command; the names of options are looked up in what it prints.
                let mut arguments = vec![*command];
                if ["patents", "data", "elasticities"].contains(command) {
                    arguments.extend(rest.first());
                }
                let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
                    .args(&arguments)
                    .arg("--help")
                    .output()
                    .unwrap();
                let help = String::from_utf8_lossy(&output.stdout);
                assert!(output.status.success(), "{line}");
                for option in rest.iter().filter(|word| word.starts_with("--")) {
                    assert!(help.contains(option), "`{option}` in `{line}` is not an option");
                }
            }
            ["cargo", "run", "-p", package, "--example", example, ..] => {
                let source = root().join(package).join("examples").join(format!("{example}.rs"));
                assert!(source.is_file(), "{line}");
            }
            ["mkdir", ..] => {}
            _ => assert!(line.is_empty(), "`{line}` is no command that this test knows"),
        }
        for scenario in
            words.iter().filter(|word| word.starts_with("scenarios/") || word.starts_with("examples/"))
        {
            assert!(root().join(scenario).is_file(), "{line}");
        }
    }
}
