//! Three-way least squares and Poisson on simulated worker-firm-year panels.
//!
//! `cargo bench -p estimation --bench three_way`; `parity/speed.py` runs the same designs through pyfixest. Rows
//! default to 1,000,000; `LODESTONE_BENCH_ROWS` sets another number.
#![allow(missing_docs, clippy::expect_used)]

use criterion::{Criterion, criterion_group, criterion_main};
use estimation::{Categories, Regression, SmallSample, Vcov};
use ndarray::{Array1, Array2, ShapeBuilder};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// How workers meet firms.
#[derive(Clone, Copy)]
enum Matching {
    /// A firm at random in every year: well connected.
    Random,
    /// Firms in rotation.
    Rotating,
    /// One worker in ten moves once, to a neighbouring firm: the case in which alternating projections crawl.
    FewMovers,
}

struct Panel {
    ln_y: Array1<f64>,
    y: Array1<f64>,
    x: Array2<f64>,
    effects: [Categories; 3],
}

fn panel(rows: usize, matching: Matching) -> Panel {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let workers = (rows / 10).max(1);
    let firms = (workers / 23).max(2);
    let mut normals = |n: usize| -> Vec<f64> { (0..n).map(|_| StandardNormal.sample(&mut rng)).collect() };
    let (a, f, g) = (normals(workers), normals(firms), normals(10));
    let (e1, e2, e3) = (normals(rows), normals(rows), normals(rows));
    let worker = |i: usize| (i / 10).min(workers - 1);
    let firm: Vec<usize> = (0..rows)
        .map(|i| match matching {
            Matching::Random => rng.random_range(0..firms),
            Matching::Rotating => i % firms,
            Matching::FewMovers => {
                let home = worker(i) % firms;
                if (worker(i) / firms).is_multiple_of(10) && i % 10 >= 5 { (home + 1) % firms } else { home }
            }
        })
        .collect();
    let x = Array2::from_shape_fn((rows, 2).f(), |(i, j)| {
        let first = a[worker(i)] + f[firm[i]].powi(2) + e1[i];
        if j == 0 { first } else { e2[i] + 0.5 * first }
    });
    let eta = Array1::from_shape_fn(rows, |i| {
        0.05 * x[[i, 0]] - 0.02 * x[[i, 1]] + 0.3 * (a[worker(i)] + f[firm[i]] + g[i % 10])
    });
    let y = eta.mapv(|e: f64| Poisson::new(e.exp()).expect("positive mean").sample(&mut rng));
    Panel {
        ln_y: Array1::from_shape_fn(rows, |i| eta[i] + 0.5 * e3[i]),
        y,
        x,
        effects: [
            Categories::new("worker", (0..rows).map(worker)),
            Categories::new("firm", firm.iter().copied()),
            Categories::new("year", (0..rows).map(|i| i % 10)),
        ],
    }
}

fn three_way(criterion: &mut Criterion) {
    let rows = std::env::var("LODESTONE_BENCH_ROWS").ok().and_then(|v| v.parse().ok()).unwrap_or(1_000_000);
    let mut group = criterion.benchmark_group("three_way");
    group.sample_size(10);
    for (name, matching) in
        [("random", Matching::Random), ("rotating", Matching::Rotating), ("few_movers", Matching::FewMovers)]
    {
        let panel = panel(rows, matching);
        let vcov = Vcov::cluster([panel.effects[0].clone()], SmallSample::Fixest);
        let least_squares = Regression::new(panel.ln_y, panel.x.clone()).absorb(panel.effects.clone());
        let poisson = Regression::new(panel.y, panel.x).absorb(panel.effects);
        group.bench_function(format!("ols/{name}"), |b| {
            b.iter(|| least_squares.ols(&vcov).expect("well posed"))
        });
        group.bench_function(format!("poisson/{name}"), |b| {
            b.iter(|| poisson.poisson(&vcov).expect("well posed"))
        });
    }
    group.finish();
}

criterion_group!(benches, three_way);
criterion_main!(benches);
