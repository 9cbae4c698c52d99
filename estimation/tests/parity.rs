//! Every design of `parity/reference.json` again, held to pyfixest and linearmodels.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use estimation::{Estimates, Formula, KClass, Table, VcovFormula, WeightColumn};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    versions: BTreeMap<String, String>,
    designs: Vec<Design>,
}

#[derive(Deserialize)]
struct Design {
    package: String,
    method: String,
    formula: String,
    vcov: String,
    weights: Option<(String, String)>,
    observations: f64,
    coefficients: BTreeMap<String, f64>,
    std_errors: BTreeMap<String, f64>,
}

fn estimate(table: &Table, design: &Design) -> (Estimates, f64) {
    let formula = Formula::parse(&design.formula).expect("formula");
    let vcov = VcovFormula::parse(&design.vcov).expect("variance");
    let weights = match &design.weights {
        None => WeightColumn::None,
        Some((kind, column)) if kind == "frequency" => WeightColumn::Frequency(column),
        Some((_, column)) => WeightColumn::Analytic(column),
    };
    let model = formula.model(table, &vcov, weights).expect("columns");
    let linear = |class| model.regression.iv(class, &model.vcov).expect("well posed");
    let fit = match design.method.as_str() {
        "ppml" => {
            let fit = model.regression.poisson(&model.vcov).expect("well posed");
            return (fit.estimates().clone(), fit.observations());
        }
        "ols" => model.regression.ols(&model.vcov).expect("well posed"),
        "iv" | "2sls" => linear(KClass::TwoStage),
        "liml" => linear(KClass::Liml),
        "fuller" => linear(KClass::Fuller(1.0)),
        other => panic!("unknown method {other}"),
    };
    (fit.estimates().clone(), fit.observations())
}

#[test]
fn designs_agree_with_other_packages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("parity");
    let text = std::fs::read_to_string(folder.join("reference.json")).expect("reference.json");
    let reference: Reference = serde_json::from_str(&text).expect("reference.json");
    let table = common::read(&folder.join("data.csv"))
        .into_iter()
        .try_fold(Table::new(), |table, (name, cells)| table.text(name, &cells))
        .expect("data.csv");
    assert!(reference.designs.len() >= 30);
    let (mut worst_estimate, mut worst_error, mut failures) = (0.0_f64, 0.0_f64, Vec::new());
    for design in &reference.designs {
        let what = format!("{} {} {} {:?}", design.method, design.formula, design.vcov, design.weights);
        let (estimates, observations) = estimate(&table, design);
        assert_eq!(observations, design.observations, "{what}");
        for (name, &value) in &design.coefficients {
            let found = estimates.coefficient(name).expect("the same coefficients");
            let gap = (found.estimate - value).abs() / value.abs().max(1e-3);
            let error_gap = (found.std_error / design.std_errors[name] - 1.0).abs();
            worst_estimate = worst_estimate.max(gap);
            worst_error = worst_error.max(error_gap);
            if gap > 1e-8 || error_gap > 1e-6 {
                failures.push(format!("{} {what} {name}: {gap:.1e} {error_gap:.1e}", design.package));
            }
        }
    }
    println!(
        "{} designs, versions {:?}: coefficients within {worst_estimate:.1e}, standard errors within {worst_error:.1e}",
        reference.designs.len(),
        reference.versions
    );
    assert!(failures.is_empty(), "{} of them:\n{}", failures.len(), failures.join("\n"));
}
