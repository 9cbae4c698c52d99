//! Time of an equilibrium under China's export quota on rare earths, `sigma` 0.1 and exports at 60 percent: the shipped
//! economy of 17 countries and 21 sectors, and the full one of 41 and 36, which needs the raw data and says so without them.
//!
//! `LODESTONE_DATA=DIR cargo bench -p tests --bench quota`

use std::path::PathBuf;

use calibration::rare_earths::{economy, rare_earth_world_2009};
use criterion::{Criterion, criterion_group, criterion_main};
use model_core::{Economy, Parameter, SolverSettings, Technology};
use tests::critical::innovation;
use tests::questions;

fn quota(criterion: &mut Criterion) {
    let shipped = rare_earth_world_2009().expect("the shipped economy");
    bench(criterion, "17 x 21", shipped);
    let root =
        std::env::var_os("LODESTONE_DATA").map_or_else(|| PathBuf::from("../../shared/data"), PathBuf::from);
    match economy::full_flows(&root, &Default::default()) {
        Ok(flows) => bench(criterion, "41 x 36", Economy::from_flows(flows).expect("the full economy")),
        Err(error) => eprintln!("quota/41 x 36: skipped, {error}"),
    }
}

fn bench(criterion: &mut Criterion, size: &str, economy: Economy) {
    let settings = SolverSettings::default();
    let mut group = criterion.benchmark_group(format!("quota/{size}"));
    for (name, technology) in [
        ("exogenous", Technology::Exogenous),
        ("free entry", Technology::FreeEntry(innovation(0.5, 0.5, 0.0))),
    ] {
        let (economy, shock) = questions::quota(&economy, technology);
        let equilibrium = economy.solve(&shock, &settings).expect("an equilibrium");
        let (iterations, residual) = (equilibrium.iterations(), equilibrium.residual.max());
        println!("quota/{size}/{name}: {iterations} sweeps, residual {residual:.1e}");
        group.bench_function(name, |b| b.iter(|| economy.solve(&shock, &settings)));
        let direction = [(Parameter::LnLimit { restriction: 0 }, 1.0)];
        group.bench_function(format!("{name}, derivative"), |b| {
            b.iter(|| economy.sensitivity(&shock, &equilibrium, &direction, &settings))
        });
    }
    group.finish();
}

criterion_group!(benches, quota);
criterion_main!(benches);
