//! What goes wrong around the program: Ctrl-C, two runs on one folder, files that are cut off, folders that may not be written. A
//! clear message each time, and nothing half. `resume` has kills at any moment, full disks and disks that cannot be written.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]
#![allow(clippy::print_stderr, reason = "a test that cannot run here says why")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use model_core::synthetic::Recipe;

const PROGRAM: &str = env!("CARGO_BIN_EXE_xtask");

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn reproduce(out: &Path, parts: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["reproduce", "--only", parts, "--out"]).arg(out).env_remove("LODESTONE_DATA");
    command
}

/// Starts a run and waits until it has something of its own in the folder.
fn started(out: &Path, parts: &str) -> Child {
    let child = reproduce(out, parts).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while !out.join(".lock").exists() {
        assert!(since.elapsed() < Duration::from_secs(60), "the run does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// Files below a folder, the lock left out.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.file_name().unwrap() != ".lock" {
            found.push(path);
        }
    }
    found
}

#[test]
fn ctrl_c_ends_a_run_with_a_message_and_the_next_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let child = started(&out, "B1,C1,D1,D2");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("stopped: what was written is whole"), "{}", said(&output));

    let output = reproduce(&out, "D1").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        files(&out).iter().all(|path| !path.to_string_lossy().contains(".writing-")),
        "{:?}",
        files(&out)
    );
}

#[test]
fn of_two_runs_on_one_folder_the_second_is_refused_at_once_and_the_first_is_not_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    // The first is long enough to be still at work.
    let first = started(&out, "B1,C1,D1,D2");
    let second = reproduce(&out, "D1").output().unwrap();
    assert_eq!(second.status.code(), Some(3), "{}", said(&second));
    assert!(said(&second).contains("another run is writing to"), "{}", said(&second));
    assert!(said(&second).contains("wait for it to end"), "{}", said(&second));
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success(), "{}", said(&first));
    assert!(said(&first).contains("4 made"), "{}", said(&first));
}

#[test]
fn an_economy_whose_arrays_are_cut_off_is_refused_wherever_they_are_cut() {
    let root = tempfile::tempdir().unwrap();
    let mut state = 3_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let economy = Recipe::new(3, 2, 2).draw(&mut uniform).unwrap();
    let saved = root.path().join("economy");
    calibration::store::save(&economy, &saved).unwrap();
    let question = root.path().join("question.toml");
    let country = &economy.labels().countries()[0];
    fs::write(
        &question,
        format!("title = \"x\"\n[[productivity]]\ncountry = \"{country}\"\nsector = \"all\"\nhat = 1.1\n"),
    )
    .unwrap();
    let result = root.path().join("result");
    let solve = || {
        let mut command = Command::new(PROGRAM);
        command.args(["solve", "--economy"]).arg(&saved).arg("--scenario").arg(&question);
        command.arg("--out").arg(&result).output().unwrap()
    };
    let arrays = saved.join("arrays.npz");
    let whole = fs::read(&arrays).unwrap();
    for eighth in 0..8 {
        fs::write(&arrays, &whole[..whole.len() * eighth / 8]).unwrap();
        let output = solve();
        assert_eq!(output.status.code(), Some(2), "{eighth}: {}", said(&output));
        assert!(said(&output).contains("arrays.npz"), "{eighth}: {}", said(&output));
        assert!(!result.exists(), "{eighth}: something was written");
    }
    fs::write(&arrays, &whole).unwrap();
    let output = solve();
    assert!(output.status.success(), "{}", said(&output));
}

/// Runs the program as somebody who is not the system's administrator, to whom no folder is closed; `None` if that cannot be.
fn as_nobody(arguments: &[&str]) -> Option<Output> {
    let administrator = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    if !administrator {
        return Some(Command::new(PROGRAM).args(arguments).env_remove("LODESTONE_DATA").output().unwrap());
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM]).args(arguments);
    match command.env_remove("LODESTONE_DATA").output() {
        // A program in a folder that is closed to others cannot be tried.
        Ok(output) if !said(&output).contains("failed to execute") => Some(output),
        _ => None,
    }
}

#[test]
fn what_may_not_be_read_or_written_is_named_with_the_remedy() {
    let root = tempfile::tempdir().unwrap();
    let open = |mode: u32, path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    open(0o755, root.path());
    let closed = root.path().join("closed");
    fs::create_dir(&closed).unwrap();
    open(0o555, &closed);
    let text = |path: &Path| path.to_string_lossy().into_owned();

    let Some(output) = as_nobody(&["reproduce", "--only", "D1", "--out", &text(&closed.join("out"))]) else {
        eprintln!("not tested: the program cannot be run as another user");
        return;
    };
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("could not make the folder"), "{}", said(&output));
    assert!(said(&output).contains("check the permissions"), "{}", said(&output));

    let secret = root.path().join("secret.toml");
    fs::write(&secret, "title = \"x\"\n").unwrap();
    open(0o000, &secret);
    let result = root.path().join("result");
    let output = as_nobody(&["solve", "--scenario", &text(&secret), "--out", &text(&result)]).unwrap();
    assert_ne!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("secret.toml"), "{}", said(&output));
    assert!(said(&output).contains("ermission"), "{}", said(&output));
    assert!(!result.exists());
    open(0o755, &closed);
}
