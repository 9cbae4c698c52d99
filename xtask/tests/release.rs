//! `release`: hashes that hold, and a bill of materials that names what is used and nothing else.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

use sha2::{Digest, Sha256};

#[test]
fn a_release_has_sources_materials_and_hashes_that_hold() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("release");
    for _ in 0..2 {
        // The second replaces the first.
        let output =
            Command::new(env!("CARGO_BIN_EXE_xtask")).args(["release", "--out"]).arg(&out).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let sums = std::fs::read_to_string(out.join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 2);
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let bytes = std::fs::read(out.join(name)).unwrap();
        let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum, found, "{name}");
        assert!(!bytes.is_empty(), "{name}");
    }

    let bill: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("sbom.cdx.json")).unwrap()).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let components = bill["components"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let named: BTreeSet<String> = components.iter().map(|c| text(&c["name"])).collect();
    for name in ["ndarray", "faer", "serde", "model-core", "xtask"] {
        assert!(named.contains(name), "{name} is missing");
    }
    for name in ["criterion", "proptest", "rust_xlsxwriter"] {
        assert!(!named.contains(name), "only tests use {name}");
    }
    let own =
        ["lodestone-linalg", "model-core", "estimation", "calibration", "counterfactuals", "xtask", "tests"];
    for component in components {
        assert!(!text(&component["licenses"][0]["expression"]).is_empty(), "{component}");
        let hash = component["hashes"][0]["content"].as_str();
        let ours = own.contains(&component["name"].as_str().unwrap());
        assert_eq!(hash.is_some_and(|hash| hash.len() == 64), !ours, "{component}");
    }
    let references: BTreeSet<String> = components.iter().map(|c| text(&c["bom-ref"])).collect();
    for dependency in bill["dependencies"].as_array().unwrap() {
        assert!(references.contains(&text(&dependency["ref"])));
        for on in dependency["dependsOn"].as_array().unwrap() {
            assert!(references.contains(&text(on)), "{on} is no component");
        }
    }
}
