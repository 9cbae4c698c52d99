//! Time of scenarios on the shipped economy: a path of nine years, and draws of the restriction of 2010 under its three
//! technologies. A draw is one set of parameters, solved under all three.
//!
//! `cargo bench -p tests --bench scenarios`

use std::hint::black_box;
use std::path::Path;

use calibration::rare_earths::rare_earth_world_2009;
use counterfactuals::scenario::Estimates;
use counterfactuals::{Scenario, draws};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model_core::{Economy, SolverSettings};

fn shipped(name: &str, economy: &Economy) -> Scenario {
    let (sectors, theta, covariance) =
        calibration::world_2009::elasticities(calibration::theta::Method::Triples).expect("elasticities");
    let theta =
        Estimates::new("caliendo-parro-2015", "estimated", sectors, theta, &covariance).expect("estimates");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios").join(name);
    let text = std::fs::read_to_string(path).expect("a scenario");
    Scenario::parse(&text, economy, &[theta]).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn scenarios(criterion: &mut Criterion) {
    let economy = rare_earth_world_2009().expect("the shipped economy");
    let settings = SolverSettings::default();
    let mut group = criterion.benchmark_group("scenarios");
    group.sample_size(10);

    let path = shipped("quota-2010-2018.toml", &economy);
    let question = path.resolve(&economy, &path.central()).expect("a question");
    group.bench_function("path of nine years", |b| b.iter(|| question.answer(&settings)));

    let three = ["quota-2010-exogenous.toml", "quota-2010-directed.toml", "quota-2010.toml"]
        .map(|name| shipped(name, &economy));
    let count = 100;
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function("draws of three technologies", |b| {
        b.iter(|| {
            for scenario in &three {
                let drawn = draws(scenario, &economy, count, 1, &settings, |_, outcome| {
                    outcome.last().map(|e| e.real_income_hat.to_vec()).unwrap_or_default()
                });
                let _ = black_box(drawn);
            }
        })
    });
    group.finish();
}

criterion_group!(benches, scenarios);
criterion_main!(benches);
