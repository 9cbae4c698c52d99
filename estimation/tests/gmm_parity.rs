//! The GMM engine and the identification statistics against linearmodels, pyfixest and the formulas in numpy.
//! `estimation/parity/gmm.py` made the reference values and records the versions.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::HashMap;

use estimation::gmm::{FirstWeight, Gmm, LinearIv, MomentCovariance, Optimiser, Steps};
use estimation::identification::FirstStage;
use ndarray::{Array1, Array2, Axis, stack};
use serde_json::Value;

struct Data {
    columns: HashMap<String, Array1<f64>>,
    cluster: Vec<i64>,
    reference: Value,
}

impl Data {
    fn read() -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/parity");
        let mut reader = csv::Reader::from_path(format!("{folder}/gmm_data.csv")).unwrap();
        let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_string).collect();
        let mut values = vec![Vec::new(); names.len()];
        for record in reader.records() {
            for (column, field) in values.iter_mut().zip(record.unwrap().iter()) {
                column.push(field.parse::<f64>().unwrap());
            }
        }
        let columns: HashMap<_, _> =
            names.into_iter().zip(values.into_iter().map(Array1::from_vec)).collect();
        let cluster = columns["cluster"].iter().map(|c| *c as i64).collect();
        let text = std::fs::read_to_string(format!("{folder}/gmm_reference.json")).unwrap();
        Self { columns, cluster, reference: serde_json::from_str(&text).unwrap() }
    }

    fn matrix(&self, names: &[&str]) -> Array2<f64> {
        let one = Array1::ones(self.cluster.len());
        let views: Vec<_> =
            names.iter().map(|n| if *n == "1" { one.view() } else { self.columns[*n].view() }).collect();
        stack(Axis(1), &views).unwrap()
    }

    fn covariance(&self, kind: &str) -> MomentCovariance {
        match kind {
            "heteroskedastic" => MomentCovariance::heteroskedastic(),
            "centred" => MomentCovariance::heteroskedastic().centred(),
            "cluster" => MomentCovariance::clustered(&self.cluster),
            "newey_west" => MomentCovariance::newey_west(3),
            _ => panic!("{kind}"),
        }
    }

    fn regressors(&self, width: &str) -> Array2<f64> {
        self.matrix(if width == "one" { &["1", "w", "x1"] } else { &["1", "w", "x1", "x2"] })
    }

    fn first_stage(&self, width: &str) -> FirstStage {
        let x = self.matrix(if width == "one" { &["x1"] } else { &["x1", "x2"] });
        let z = self.matrix(&["z1", "z2", "z3", "z4"]);
        FirstStage::new(x.view(), z.view(), Some(self.matrix(&["1", "w"]).view()), 0).unwrap()
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn close(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1.0),
        "{what}: {found} against {expected}"
    );
}

#[test]
fn linear_gmm_agrees_with_linearmodels() {
    let data = Data::read();
    let z = data.matrix(&["1", "w", "z1", "z2", "z3", "z4"]);
    let mut designs = 0;
    for (name, expected) in data.reference["gmm"].as_object().unwrap() {
        let parts: Vec<&str> = name.split(' ').collect();
        let x = data.regressors(parts[0]);
        let y = &data.columns[&format!("y_{}", parts[0])];
        let iv = LinearIv::new(y.view(), x.view(), z.view()).unwrap();
        let first = FirstWeight::Given(iv.two_stage_weight().unwrap());
        let (kind, steps) = match parts[1..] {
            ["2sls"] => ("heteroskedastic", Steps::One),
            [kind, "two"] => (kind, Steps::Two),
            [kind, "iterated"] => (kind, Steps::iterated()),
            [kind, "cue"] => (kind, Steps::ContinuouslyUpdated),
            _ => panic!("{name}"),
        };
        let gmm = Gmm::new(data.covariance(kind), first, steps);
        let fit = gmm.fit(&iv, Array1::zeros(x.ncols()).view()).unwrap();
        // A search by criterion values alone fixes the continuously updated optimum to about 1e-7.
        let (tight, loose) = match steps {
            Steps::One | Steps::Two => (1e-10, 1e-9),
            Steps::Iterated { .. } => (1e-8, 1e-8),
            _ => (1e-6, 1e-6),
        };
        let errors = fit.standard_errors();
        for (k, (theta, se)) in numbers(&expected["theta"]).iter().zip(numbers(&expected["se"])).enumerate() {
            // linearmodels orders exogenous before endogenous, as here.
            close(&format!("{name} theta {k}"), fit.theta[k], *theta, tight);
            // linearmodels estimates the covariance of the estimates uncentred whatever the weight.
            if kind != "centred" {
                close(&format!("{name} se {k}"), errors[k], se, loose);
            }
        }
        if let Some(j) = expected.get("j").and_then(Value::as_f64) {
            close(&format!("{name} J"), fit.hansen().unwrap().unwrap().statistic, j, loose);
        }
        if let Some(sargan) = expected.get("sargan").and_then(Value::as_f64) {
            close(name, iv.sargan(fit.theta.view()).unwrap().unwrap().statistic, sargan, 1e-9);
        }
        designs += 1;
    }
    assert!(designs >= 24, "{designs} designs");
}

#[test]
fn identification_statistics_agree() {
    let data = Data::read();
    for (name, expected) in data.reference["identification"].as_object().unwrap() {
        let (width, kind) = name.split_once(' ').unwrap();
        let stage = data.first_stage(width);
        let rk = stage.kleibergen_paap(&data.covariance(kind)).unwrap();
        close(&format!("{name} LM"), rk.lm.statistic, expected["lm"].as_f64().unwrap(), 1e-9);
        close(&format!("{name} Wald"), rk.wald.statistic, expected["wald"].as_f64().unwrap(), 1e-9);
        if let Some(f) = expected.get("effective_f").and_then(Value::as_f64) {
            let effective = stage.effective_f(&data.covariance(kind), None).unwrap();
            println!("{name}: effective F {} against {f}", effective.f);
            close(&format!("{name} effective F"), effective.f, f, 1e-8);
        }
    }
}

#[test]
fn closed_form_and_search_agree() {
    let data = Data::read();
    let (x, z) = (data.regressors("two"), data.matrix(&["1", "w", "z1", "z2", "z3", "z4"]));
    let y = &data.columns["y_two"];
    let iv = LinearIv::new(y.view(), x.view(), z.view()).unwrap();
    let first = FirstWeight::Given(iv.two_stage_weight().unwrap());
    let gmm = Gmm::new(data.covariance("cluster"), first, Steps::Two);
    let closed = gmm.fit(&iv, Array1::zeros(4).view()).unwrap();
    // Restricting nothing hides the closed form.
    let open = estimation::gmm::Restricted::fixing(&iv, &[]).unwrap();
    for optimiser in [Optimiser::GaussNewton, Optimiser::Bfgs, Optimiser::NelderMead] {
        let fit = gmm.clone().optimiser(optimiser).fit(&open, Array1::zeros(4).view()).unwrap();
        for k in 0..4 {
            close("theta", fit.theta[k], closed.theta[k], 1e-10);
            close("se", fit.standard_errors()[k], closed.standard_errors()[k], 1e-10);
        }
    }
}
