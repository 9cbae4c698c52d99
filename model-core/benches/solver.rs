//! Time to equilibrium on simulated economies of growing size: every tariff between countries up by ten points.
//!
//! `cargo bench -p model-core` prints each; the group `per_flow` divides by the number of bilateral flows `N N J`, which the
//! time must not outgrow.

#![allow(clippy::panic, reason = "a benchmark without its economy has nothing to time")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use model_core::{Economy, Shock, SolverSettings, synthetic::Recipe};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

fn economy(countries: usize, sectors: usize) -> Economy {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    match Recipe::new(countries, sectors, 1).draw(&mut || rng.random::<f64>()) {
        Ok(economy) => economy,
        Err(error) => panic!("{error}"),
    }
}

fn solve(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("per_flow");
    group.sample_size(20);
    for (countries, sectors) in [(10, 10), (20, 50), (40, 35), (80, 50)] {
        let economy = economy(countries, sectors);
        let mut tariff = economy.tariff().clone();
        tariff.indexed_iter_mut().filter(|((n, i, _), _)| n != i).for_each(|(_, t)| *t += 0.1);
        let shock = Shock { tariff: Some(tariff), ..Shock::default() };
        group.throughput(Throughput::Elements((countries * countries * sectors) as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{countries}x{sectors}")), |b| {
            b.iter(|| economy.solve(&shock, &SolverSettings::default()))
        });
    }
    group.finish();
}

criterion_group!(benches, solve);
criterion_main!(benches);
