//! Results under either backend of linear algebra are those on file, `backends.json`, which `faer` made: each crate that factors a
//! matrix has some. `cargo test -p tests --features lapack` runs them on the other.
//!
//! `LODESTONE_WRITE=1 cargo test -p tests --test backends` writes the file again, after a change that is meant.

use std::collections::BTreeMap;
use std::path::Path;

use estimation::gmm::{FirstWeight, Gmm, LinearIv, MomentCovariance, Steps};
use estimation::{Categories, Fit, KClass, Regression, SmallSample, Vcov};
use model_core::welfare::{GainsModel, gains_from_trade};
use model_core::{Deficits, Shock, SolverSettings};
use ndarray::{Array1, Array2, Axis, concatenate};
use tests::Uniform;
use tests::critical::{solve, tight};
use tests::questions::everything;

type Results = BTreeMap<String, Vec<f64>>;

fn equilibria(results: &mut Results) {
    for seed in [3, 4, 8] {
        let (economy, shock) = everything(seed);
        let found = solve(&economy, &shock);
        results.insert(format!("real income, economy {seed}"), found.real_income_hat.to_vec());
        results.insert(format!("prices, economy {seed}"), found.price_hat.iter().copied().collect());
    }
    let mut uniform = Uniform::new(11);
    let economy = uniform.small_economy_without_wedges();
    let shock = Shock { deficits: Deficits::Zero, ..uniform.shock(&economy, 0.3) };
    let newton = SolverSettings { max_sweeps: 0, tolerance: 1e-11, ..tight() };
    let found = economy.solve(&shock, &newton).unwrap();
    results.insert("real income by Newton's method".into(), found.real_income_hat.to_vec());
    let gains = gains_from_trade(&economy, GainsModel::MultiSectorInputs).unwrap();
    results.insert("gains from trade".into(), gains.to_vec());
}

fn estimates(results: &mut Results) {
    const ROWS: usize = 400;
    let mut uniform = Uniform::new(5);
    let mut column = |scale: f64| Array1::from_shape_fn(ROWS, |_| scale * uniform.between(-1.0, 1.0));
    let (z1, z2, x1, v, e) = (column(1.0), column(1.0), column(2.0), column(1.0), column(1.0));
    let endogenous = &z1 + &(&z2 * 0.5) + &v;
    let outcome = &x1 * 0.4 + &endogenous * 0.7 + &v * 0.8 + &e;
    let trade = (&x1 * 0.3 + &e * 0.4).mapv(f64::exp);
    let one = |a: &Array1<f64>| a.clone().insert_axis(Axis(1));
    let instruments = concatenate(Axis(1), &[one(&z1).view(), one(&z2).view()]).unwrap();
    let x = concatenate(Axis(1), &[one(&x1).view(), one(&endogenous).view()]).unwrap();
    let by = |period: usize| Categories::new(format!("group {period}"), (0..ROWS).map(|i| i % period));
    let two_way = Vcov::cluster([by(17), by(23)], SmallSample::Fixest);
    let mut keep = |name: &str, fit: &Fit| {
        results.insert(format!("{name}, coefficients"), fit.estimates().coefficients().to_vec());
        results.insert(format!("{name}, variances"), fit.estimates().vcov().iter().copied().collect());
    };
    let plain = Regression::new(outcome.clone(), x.clone());
    keep("least squares", &plain.ols(&two_way).unwrap());
    keep("least squares with effects", &plain.clone().absorb([by(17), by(5)]).ols(&two_way).unwrap());
    keep("Poisson", &Regression::new(trade, x.clone()).absorb([by(17)]).poisson(&two_way).unwrap());
    let equation = Regression::new(outcome.clone(), one(&x1))
        .endogenous(["endogenous"], one(&endogenous))
        .instruments(["z1", "z2"], instruments.clone());
    let one_way = Vcov::cluster([by(17)], SmallSample::Fixest);
    keep("LIML", &equation.iv(KClass::Liml, &one_way).unwrap());
    let stages = equation.iv(KClass::TwoStage, &one_way).unwrap();
    keep("two-stage least squares", &stages);
    let tests = stages.instrument_tests().unwrap();
    let j = tests.over_identification.unwrap().statistic;
    let statistics =
        vec![tests.first_stage_f, tests.effective_f.unwrap(), tests.underidentification.statistic, j];
    results.insert("tests of instruments".into(), statistics);

    let constant = Array2::ones((ROWS, 1));
    let (all_x, all_z) = (
        concatenate(Axis(1), &[constant.view(), x.view()]).unwrap(),
        concatenate(Axis(1), &[constant.view(), one(&x1).view(), instruments.view()]).unwrap(),
    );
    let moments = LinearIv::new(outcome.view(), all_x.view(), all_z.view()).unwrap();
    let weight = FirstWeight::Given(moments.two_stage_weight().unwrap());
    for (name, steps) in
        [("two-step GMM", Steps::Two), ("continuously updated GMM", Steps::ContinuouslyUpdated)]
    {
        let gmm = Gmm::new(MomentCovariance::heteroskedastic(), weight.clone(), steps);
        let fit = gmm.fit(&moments, Array1::zeros(3).view()).unwrap();
        results.insert(format!("{name}, coefficients"), fit.theta.to_vec());
        results.insert(format!("{name}, variances"), fit.covariance.iter().copied().collect());
        results.insert(format!("{name}, J"), vec![fit.hansen().unwrap().unwrap().statistic]);
    }
}

#[test]
fn results_are_those_on_file() {
    let mut results = Results::new();
    equilibria(&mut results);
    estimates(&mut results);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backends.json");
    if std::env::var_os("LODESTONE_WRITE").is_some() {
        std::fs::write(&file, serde_json::to_string_pretty(&results).unwrap() + "\n").unwrap();
    }
    let expected: Results = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert!(results.keys().eq(expected.keys()));
    for (name, numbers) in &expected {
        let found = &results[name];
        assert_eq!(found.len(), numbers.len(), "{name}");
        // Relative to the largest of the numbers: a covariance that is next to zero has no digits of its own.
        let size = numbers.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        for (a, b) in found.iter().zip(numbers) {
            assert!((a - b).abs() <= 1e-8 * size, "{name}: {a} where {b} is on file");
        }
    }
}
