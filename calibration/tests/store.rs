//! Saving and loading an economy, and every way in which a folder can be wrong.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod common;

use calibration::store::{self, ARRAYS_NPZ, ECONOMY_JSON, StoreError};
use common::Random;
use model_core::{Economy, synthetic::Recipe};
use ndarray::{Array, Array1, Array2, Array3};
use ndarray_npy::NpzWriter;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

fn economy() -> Economy {
    let mut random = Random(11);
    Recipe::new(3, 4, 2).draw(&mut || random.uniform()).expect("a random economy")
}

/// Writes the arrays of `economy` with one of them changed by hand.
fn rewrite(economy: &Economy, folder: &Path, skip: &str, add: impl FnOnce(&mut NpzWriter<File>)) {
    let parts = economy.parts();
    let mut npz = NpzWriter::new(File::create(folder.join(ARRAYS_NPZ)).unwrap());
    for (name, array) in [
        ("trade_share", parts.trade_share.clone().into_dyn()),
        ("expenditure", parts.expenditure.clone().into_dyn()),
        ("factor_share", parts.factor_share.clone().into_dyn()),
        ("input_share", parts.input_share.clone().into_dyn()),
        ("final_share", parts.final_share.clone().into_dyn()),
        ("tariff", parts.tariff.clone().into_dyn()),
        ("export_tax", parts.export_tax.clone().into_dyn()),
        ("deficit", parts.deficit.clone().into_dyn()),
        ("factor_income", parts.factor_income.clone().into_dyn()),
        ("theta", parts.theta.clone().into_dyn()),
    ] {
        if name != skip {
            npz.add_array(name, &array).unwrap();
        }
    }
    add(&mut npz);
    npz.finish().unwrap();
}

/// Saves an economy, spoils the folder, and returns the message of the error.
fn spoiled(change: impl FnOnce(&Economy, &Path)) -> String {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("saved");
    let economy = economy();
    store::save(&economy, &folder).unwrap();
    change(&economy, &folder);
    store::load(&folder).expect_err("the folder is spoiled").to_string()
}

fn edit(folder: &Path, from: &str, to: &str) {
    let path = folder.join(ECONOMY_JSON);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn what_is_saved_is_loaded() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("a/b/saved");
    let economy = economy();
    store::save(&economy, &folder).unwrap();
    let back = store::load(&folder).unwrap();
    assert_eq!(back.labels(), economy.labels());
    assert_eq!(back.metadata(), economy.metadata());
    for (a, b) in back.trade_share().iter().zip(economy.trade_share()) {
        assert!((a - b).abs() <= f64::EPSILON, "{a} {b}");
    }
    assert_eq!(back.parts().theta, economy.parts().theta);
    // Again over itself, with the same bytes, and nothing left beside it.
    let bytes = fs::read(folder.join(ARRAYS_NPZ)).unwrap();
    store::save(&economy, &folder).unwrap();
    assert_eq!(fs::read(folder.join(ARRAYS_NPZ)).unwrap(), bytes);
    assert_eq!(fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_folder_with_other_things_is_not_replaced() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("thesis.tex"), "mine").unwrap();
    let error = store::save(&economy(), home.path()).unwrap_err().to_string();
    assert!(error.contains("thesis.tex"), "{error}");
    assert_eq!(fs::read(home.path().join("thesis.tex")).unwrap(), b"mine");
}

#[test]
fn every_malformed_folder_is_named() {
    let checks: Vec<(String, &str)> = vec![
        (spoiled(|_, f| fs::remove_file(f.join(ECONOMY_JSON)).unwrap()), "economy.json"),
        (spoiled(|_, f| fs::remove_file(f.join(ARRAYS_NPZ)).unwrap()), "arrays.npz"),
        (spoiled(|_, f| fs::write(f.join(ECONOMY_JSON), "{").unwrap()), "line 1 column 1"),
        (spoiled(|_, f| edit(f, "\"kappa\"", "\"kapa\"")), "unknown field `kapa`"),
        (spoiled(|_, f| edit(f, "\"version\": 1", "\"version\": 7")), "version 7"),
        (spoiled(|_, f| edit(f, "lodestone-economy", "shopping-list")), "format `shopping-list`"),
        (spoiled(|e, f| edit(f, &format!("{:?}", e.labels().countries()[1]), "\"\"")), "empty name"),
        (spoiled(|_, f| edit(f, "\"kappa\": 1.0", "\"kappa\": -1.0")), "kappa is -1"),
        (
            spoiled(|_, f| fs::write(f.join(ARRAYS_NPZ), "no archive").unwrap()),
            "not a readable NumPy archive",
        ),
        (spoiled(|e, f| rewrite(e, f, "theta", |_| ())), "no array `theta`"),
        (
            spoiled(|e, f| {
                rewrite(e, f, "theta", |npz| npz.add_array("theta", &Array1::<f32>::ones(4)).unwrap())
            }),
            "NumPy type <f4, where float64",
        ),
        (
            spoiled(|e, f| {
                rewrite(e, f, "theta", |npz| npz.add_array("theta", &Array2::<f64>::ones((4, 1))).unwrap())
            }),
            "`theta` has shape [4, 1], where [4]",
        ),
        (
            spoiled(|e, f| {
                let mut bad: Array3<f64> = e.trade_share().clone();
                bad[[1, 2, 3]] = f64::NAN;
                rewrite(e, f, "trade_share", |npz| npz.add_array("trade_share", &bad).unwrap());
            }),
            "`trade_share` is NaN",
        ),
        (
            spoiled(|e, f| {
                let bad = e.final_share() * 1.1;
                rewrite(e, f, "final_share", |npz| npz.add_array("final_share", &bad).unwrap());
            }),
            "sums to 1.1",
        ),
        (
            spoiled(|e, f| {
                let bad = e.expenditure() * 2.0;
                rewrite(e, f, "expenditure", |npz| npz.add_array("expenditure", &bad).unwrap());
            }),
            "does not balance",
        ),
        (
            spoiled(|e, f| {
                let bad = e.theta().mapv(|_| -1.0);
                rewrite(e, f, "theta", |npz| npz.add_array("theta", &bad).unwrap());
            }),
            "theta of sector",
        ),
        (
            spoiled(|_, f| {
                let bytes = fs::read(f.join(ARRAYS_NPZ)).unwrap();
                fs::write(f.join(ARRAYS_NPZ), &bytes[..bytes.len() / 2]).unwrap();
            }),
            "not a readable NumPy archive",
        ),
    ];
    for (message, expected) in checks {
        assert!(message.contains(expected), "`{expected}` is not in: {message}");
    }
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let error = store::load(Path::new("no/such/economy")).unwrap_err();
    assert!(matches!(&error, StoreError::Io { .. }), "{error}");
    assert!(error.to_string().contains("no/such/economy/economy.json"), "{error}");
}

/// What NumPy writes is read, and what is written NumPy reads.
#[test]
fn numpy_round_trip() {
    let script = "import sys, numpy as np\nd = dict(np.load(sys.argv[1]))\nd['tariff'] = np.asfortranarray(d['tariff'])\n\
                  d['extra'] = np.arange(3)\nnp.savez_compressed(sys.argv[1], **d)\n";
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("saved");
    let economy = economy();
    store::save(&economy, &folder).unwrap();
    let python = std::env::var("LODESTONE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let run = Command::new(&python).arg("-c").arg(script).arg(folder.join(ARRAYS_NPZ)).output();
    match run {
        Ok(output) if output.status.success() => {}
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("No module named 'numpy'") => {
            println!("skipped: {python} has no numpy (set LODESTONE_PYTHON)");
            return;
        }
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            println!("skipped: {python}: {error}");
            return;
        }
    }
    let back = store::load(&folder).unwrap();
    let same = |a: Array<f64, ndarray::Ix3>, b: Array<f64, ndarray::Ix3>| {
        a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= f64::EPSILON)
    };
    assert!(same(back.tariff().clone(), economy.tariff().clone()));
    assert!(same(back.trade_share().clone(), economy.trade_share().clone()));
}
