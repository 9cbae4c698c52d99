//! `reproduce` goes on where it was stopped: killed at any moment, on a full disk, with a damaged manifest; what is there and up
//! to date is not made again; threads show in no byte.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]
#![allow(clippy::print_stderr, reason = "a test that cannot run here says why")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// Parts that take little time and cover tables, figures, draws and solves.
const CHEAP: &str = "B1,D1,D2";

fn command(out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["reproduce", "--out", &out.to_string_lossy()]).args(more).env_remove("LODESTONE_DATA");
    command
}

fn reproduce(out: &Path, more: &[&str]) -> Output {
    command(out, more).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn succeed(out: &Path, more: &[&str]) -> String {
    let output = reproduce(out, more);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

/// Every file below a folder, by name, with its content; the lock left out.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop().filter(|next| next.is_dir()) {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name != ".lock" {
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Files in which the run says how long it took and on what it ran.
fn tells_the_time(name: &str) -> bool {
    ["manifest.json", "README.md", "report.html"].contains(&name)
}

/// The files that must be the same in every run.
fn results(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(folder);
    files.retain(|name, _| !tells_the_time(name));
    files
}

fn manifest(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

#[test]
fn what_is_up_to_date_is_not_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = succeed(folder.path(), &["--only", CHEAP]);
    assert!(first.contains("3 parts") && first.contains("3 made, 0 cached, 0 skipped, 0 failed"), "{first}");
    let before = manifest(folder.path());

    let second = succeed(folder.path(), &["--only", "A1,B1,D1,D2"]);
    assert!(second.contains("D1   cached"), "{second}");
    assert!(second.contains("0 made, 3 cached, 1 skipped, 0 failed"), "{second}");
    assert!(second.contains("0 replicated"), "{second}");
    let after = manifest(folder.path());
    assert_eq!(before["parts"]["D1"], after["parts"]["D1"], "time and memory are those of the making");

    // A file that is not as it was made is made again, and no other part.
    let made = std::fs::read(folder.path().join("tables/D1.csv")).unwrap();
    std::fs::write(folder.path().join("tables/D1.csv"), "country\n").unwrap();
    let third = succeed(folder.path(), &["--only", CHEAP]);
    assert!(third.contains("D1   made") && third.contains("1 made, 2 cached"), "{third}");
    assert_eq!(std::fs::read(folder.path().join("tables/D1.csv")).unwrap(), made);

    let forced = succeed(folder.path(), &["--only", "D1", "--force"]);
    assert!(forced.contains("1 made, 0 cached"), "{forced}");
}

#[test]
fn a_file_that_no_part_has_made_is_left_alone_and_named() {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["--only", "D1"]);
    std::fs::write(folder.path().join("tables/mine.csv"), "1").unwrap();
    let text = succeed(folder.path(), &["--only", "D1"]);
    assert!(text.contains("1 cached"), "{text}");
    assert!(text.contains("tables/mine.csv: no part has made it"), "{text}");
    assert!(folder.path().join("tables/mine.csv").exists());
}

#[test]
fn threads_and_parts_at_once_show_in_no_byte() {
    let runs: Vec<_> = [("1", "1"), ("3", "2"), ("2", "5")]
        .iter()
        .map(|(jobs, threads)| {
            let folder = tempfile::tempdir().unwrap();
            let output = command(folder.path(), &["--only", "B1,B5,C2,D1,D2", "--jobs", jobs])
                .env("RAYON_NUM_THREADS", threads)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", said(&output));
            let order: Vec<usize> = ["B1 ", "B5 ", "C2 ", "D1 ", "D2 "]
                .iter()
                .map(|id| said(&output).find(&format!("{id}  made")).unwrap())
                .collect();
            assert!(order.is_sorted(), "the lines stand in the order of the parts: {}", said(&output));
            results(folder.path())
        })
        .collect();
    assert!(runs[0].len() > 20, "{:?}", runs[0].keys());
    for other in &runs[1..] {
        assert_eq!(runs[0].keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (name, content) in other {
            assert!(runs[0][name] == *content, "{name} differs");
        }
    }
}

/// What must hold of a folder at any moment: no file is half, and the manifest tells nothing that is not so.
fn is_sound(folder: &Path, whole: &BTreeMap<String, Vec<u8>>) {
    let present = files(folder);
    for (name, content) in &present {
        if name.contains(".writing-") {
            assert!(name.starts_with(".writing-"), "{name} lies where the next run does not look for it");
            continue;
        }
        if tells_the_time(name) {
            continue;
        }
        assert!(whole.get(name) == Some(content), "{name} is not what an undisturbed run makes");
    }
    let Some(text) = present.get("manifest.json") else { return };
    let manifest: serde_json::Value = serde_json::from_slice(text).unwrap();
    for (id, part) in manifest["parts"].as_object().unwrap() {
        for (name, hash) in part["files"].as_object().unwrap() {
            let content = present.get(name).unwrap_or_else(|| panic!("{id}: {name} is not there"));
            let found: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hash.as_str(), Some(found.as_str()), "{id}: {name}");
        }
    }
}

/// Asserts that a folder holds what an undisturbed run makes, no less and no more.
fn is_whole(folder: &Path, whole: &BTreeMap<String, Vec<u8>>, said: &str) {
    let found = results(folder);
    let mut names: Vec<_> = whole.keys().chain(found.keys()).collect();
    names.retain(|name| whole.get(*name) != found.get(*name));
    assert!(names.is_empty(), "a run that was resumed differs in {names:?}: {said}");
}

#[test]
fn killed_at_any_moment_it_leaves_whole_files_and_goes_on_to_the_same_result() {
    const MOMENTS: u32 = 20;
    let undisturbed = tempfile::tempdir().unwrap();
    let start = Instant::now();
    succeed(undisturbed.path(), &["--only", CHEAP]);
    let whole_time = start.elapsed();
    let whole = results(undisturbed.path());

    let mut state = 20_100_907_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut folder = tempfile::tempdir().unwrap();
    let (mut killed, mut finished, mut midway) = (0, 0, 0);
    while killed < MOMENTS && finished < 3 * MOMENTS {
        let mut child = command(folder.path(), &["--only", CHEAP, "--jobs", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_secs_f64(uniform() * whole_time.as_secs_f64()));
        let ended = child.try_wait().unwrap();
        // SIGKILL, where there are signals.
        child.kill().unwrap();
        child.wait().unwrap();
        is_sound(folder.path(), &whole);
        let present = results(folder.path()).len();
        if ended.is_none() && (1..whole.len()).contains(&present) {
            midway += 1;
        }
        match ended {
            Some(status) => {
                assert!(status.success());
                finished += 1;
                is_whole(folder.path(), &whole, "");
                folder = tempfile::tempdir().unwrap();
            }
            None => killed += 1,
        }
    }
    assert_eq!(killed, MOMENTS, "the runs ended before they could be killed");
    assert!(midway > 0, "no run was killed while it had written some files and not all");
    let text = succeed(folder.path(), &["--only", CHEAP]);
    is_whole(folder.path(), &whole, &text);
}

#[test]
fn a_damaged_manifest_is_told_and_costs_no_more_than_the_work() {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["--only", "D1"]);
    let before = results(folder.path());
    let path = folder.path().join("manifest.json");
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    let said = succeed(folder.path(), &["--only", "D1"]);
    assert!(said.contains("manifest.json: it does not read") && said.contains("1 made"), "{said}");
    assert!(results(folder.path()) == before);
    assert!(succeed(folder.path(), &["--only", "D1"]).contains("1 cached"));
}

#[test]
fn an_output_folder_that_cannot_be_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = reproduce(&file.path().join("out"), &["--only", "D1"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("could not make the folder"), "{}", said(&output));
}

/// A file system of its own, which only a system's administrator can have.
#[cfg(target_os = "linux")]
struct Disk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl Disk {
    fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        if done.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        eprintln!("not tested: this user may not mount a file system");
        None
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(self.0.path()).status().unwrap().success());
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn on_a_full_disk_it_stops_says_so_and_goes_on_when_there_is_room() {
    let Some(disk) = Disk::mount("size=96k") else { return };
    let out = disk.0.path().join("out");
    let output = reproduce(&out, &["--only", CHEAP]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("the disk has room"), "{}", said(&output));

    disk.remount("size=64m");
    succeed(&out, &["--only", CHEAP]);
    let elsewhere = tempfile::tempdir().unwrap();
    succeed(elsewhere.path(), &["--only", CHEAP]);
    let whole = results(elsewhere.path());
    assert!(results(&out) == whole);
    is_sound(&out, &whole);
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_may_not_be_written_is_refused_and_stays_as_it_is() {
    let Some(disk) = Disk::mount("size=64m") else { return };
    let out = disk.0.path().join("out");
    succeed(&out, &["--only", "D1"]);
    let before = files(&out);
    disk.remount("ro");
    let output = reproduce(&out, &["--only", CHEAP]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("could not write"), "{}", said(&output));
    assert!(files(&out) == before);
}
