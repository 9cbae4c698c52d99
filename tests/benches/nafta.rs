//! Time of Caliendo and Parro's (2015) two NAFTA equilibria, 31 countries and 40 sectors, from their data: the baseline
//! without deficits and the tariffs of 2005. Needs the replication data; says so and stops without them.
//!
//! `LODESTONE_DATA=DIR cargo bench -p tests --bench nafta`

use std::path::PathBuf;

use calibration::caliendo_parro::NaftaData;
use criterion::{Criterion, criterion_group, criterion_main};
use model_core::{Deficits, SolverSettings};
use tests::naive;

fn nafta(criterion: &mut Criterion) {
    let root =
        std::env::var_os("LODESTONE_DATA").map_or_else(|| PathBuf::from("../../shared/data"), PathBuf::from);
    let data = match NaftaData::load(&root.join("cp2015")) {
        Ok(data) => data,
        Err(error) => {
            eprintln!("nafta: skipped, {error}");
            return;
        }
    };
    let parts = data.parts();
    let settings = SolverSettings::default();
    let (baseline, _) = match parts.equilibrate(&Deficits::Zero, &settings) {
        Ok(both) => both,
        Err(error) => panic!("{error}"),
    };
    let shock = data.nafta(&baseline);
    criterion.bench_function("nafta/two equilibria", |b| {
        b.iter(|| {
            let both = parts.equilibrate(&Deficits::Zero, &settings).map(|(economy, _)| {
                let shocked = economy.solve(&shock, &settings);
                (economy, shocked)
            });
            std::hint::black_box(both)
        })
    });
    criterion.bench_function("nafta/baseline", |b| b.iter(|| parts.equilibrate(&Deficits::Zero, &settings)));
    criterion.bench_function("nafta/shock", |b| b.iter(|| baseline.solve(&shock, &settings)));
    // The baseline to measure against: plain loops and damped iteration to the same residual.
    let mut group = criterion.benchmark_group("nafta");
    group.sample_size(10);
    group.bench_function("shock, textbook algorithm", |b| {
        b.iter(|| naive::solve(&baseline, &shock, settings.tolerance, 1_000_000))
    });
    group.finish();
}

criterion_group!(benches, nafta);
criterion_main!(benches);
