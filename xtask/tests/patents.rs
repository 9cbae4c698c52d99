//! `patents` from outside: a run that is killed goes on, memory does not grow with the file, the chain from text to panel.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments).env_remove("LODESTONE_DATA");
    command
}

fn xtask(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn corpus(path: &Path, megabytes: u32) {
    let file = path.to_string_lossy();
    let size = megabytes.to_string();
    let output =
        xtask(&["patents", "synthesise", "--out", &file, "--megabytes", &size, "--malformed", "0.001"]);
    assert!(output.status.success(), "{}", said(&output));
}

fn retrieve(file: &Path, out: &Path) -> Command {
    command(&[
        "patents",
        "retrieve",
        "--csv",
        &file.to_string_lossy(),
        "--out",
        &out.to_string_lossy(),
        "--block",
        "1",
    ])
}

#[test]
fn a_killed_run_goes_on_and_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("corpus.csv");
    corpus(&file, 160);
    let whole = folder.path().join("whole");
    let output = retrieve(&file, &whole).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));

    let out = folder.path().join("out");
    let checkpoint = out.join(".unfinished").join("checkpoint.json");
    let mut child = retrieve(&file, &out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !checkpoint.exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(!status.success() && checkpoint.exists(), "it was killed at work");
    assert!(!out.join("candidates.jsonl").exists(), "results appear when all is done");

    let output = retrieve(&file, &out).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    for name in ["candidates.jsonl", "malformed.csv", "summary.json"] {
        assert!(std::fs::read(out.join(name)).unwrap() == std::fs::read(whole.join(name)).unwrap(), "{name}");
    }
    assert!(!out.join(".unfinished").exists());
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let peak = |megabytes: u32| -> Option<f64> {
        let file = folder.path().join(format!("{megabytes}.csv"));
        corpus(&file, megabytes);
        let output = retrieve(&file, &folder.path().join(format!("out{megabytes}"))).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let text = said(&output);
        let after = text.split("peak memory ").nth(1)?;
        after.split(' ').next()?.parse().ok()
    };
    let (Some(small), Some(large)) = (peak(16), peak(128)) else {
        eprintln!("skipped: this system does not tell a process's peak memory");
        return;
    };
    assert!(large < 200.0, "{large} MB");
    assert!(large - small < 32.0, "eight times the file: {small} MB, then {large} MB");
}

#[test]
fn from_text_to_panel_prompts_and_agreement() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    corpus(&folder.path().join("corpus.csv"), 4);
    let output = retrieve(&folder.path().join("corpus.csv"), &folder.path().join("found")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let candidates = at("found/candidates.jsonl");

    let output = xtask(&["patents", "train", "--out", &at("model.json")]);
    assert!(output.status.success() && said(&output).contains("accuracy"), "{}", said(&output));
    let output = xtask(&[
        "patents",
        "classify",
        "--candidates",
        &candidates,
        "--model",
        &at("model.json"),
        "--by",
        "rules",
        "--out",
        &at("counted"),
    ]);
    assert!(output.status.success(), "{}", said(&output));
    let panel = std::fs::read_to_string(at("counted/panel.csv")).unwrap();
    assert!(panel.starts_with("class,country,sector,19"), "{panel}");
    let total: f64 = panel
        .lines()
        .skip(1)
        .flat_map(|line| line.split(',').skip(3))
        .map(|cell| cell.parse::<f64>().unwrap_or(0.0))
        .sum();
    let found = std::fs::read_to_string(&candidates).unwrap().lines().count();
    assert!((total - found as f64).abs() < 0.5, "{total} in the panel, {found} candidates");

    let output =
        xtask(&["patents", "export-prompts", "--candidates", &candidates, "--out", &at("prompts.jsonl")]);
    assert!(output.status.success(), "{}", said(&output));
    // Two labellers that read the rules' labels, one of them with every fifth label changed.
    let labels = std::fs::read_to_string(at("counted/labels.csv")).unwrap();
    let mut answers = String::from("this is no answer\n");
    for (row, line) in labels.lines().skip(1).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let other = if row % 5 == 0 { "mining" } else { cells[3] };
        for (labeller, class) in [("one", cells[3]), ("two", other)] {
            answers.push_str(&format!(
                "{{\"id\":\"{}\",\"labeller\":\"{labeller}\",\"class\":\"{class}\"}}\n",
                cells[0]
            ));
        }
    }
    std::fs::write(at("answers.jsonl"), answers).unwrap();
    let output = xtask(&[
        "patents",
        "import-labels",
        "--candidates",
        &candidates,
        "--answers",
        &at("answers.jsonl"),
        "--out",
        &at("mine.csv"),
    ]);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 lines rejected") && text.contains("line 1"), "{text}");
    assert!(text.contains("Krippendorff's alpha: 0."), "{text}");
    let output = xtask(&["patents", "train", "--labelled", &at("mine.csv"), "--out", &at("own.json")]);
    assert!(output.status.success(), "{}", said(&output));
}
