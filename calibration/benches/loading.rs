//! Cost of loading: a full year of the World Input-Output Database, as published and repaired, its aggregation, and the shipped
//! economy. The raw benches need `LODESTONE_DATA` or `../shared/data` beside the workspace.
#![allow(missing_docs, clippy::expect_used)]

use calibration::table::Inventories;
use calibration::{wiod, world_2009};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::PathBuf;

fn loading(c: &mut Criterion) {
    c.bench_function("world_2009, shipped", |b| b.iter(|| world_2009().expect("the shipped economy")));
    let root = std::env::var_os("LODESTONE_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let folder = root.join("wiod2013");
    if !folder.is_dir() {
        return;
    }
    let mut group = c.benchmark_group("wiod 2009, 41 x 35");
    group.sample_size(10);
    group.bench_function("load, as published", |b| {
        b.iter(|| wiod::load(black_box(&folder), 2009, Inventories::Keep).expect("a year"));
    });
    group.bench_function("load, inventories produced", |b| {
        b.iter(|| wiod::load(black_box(&folder), 2009, Inventories::Produced).expect("a year"));
    });
    let table = wiod::load(&folder, 2009, Inventories::Produced).expect("a year").table;
    let mapping = world_2009::mapping().expect("the shipped mapping");
    group.bench_function("aggregate to 17 x 20", |b| {
        b.iter(|| table.aggregate(black_box(&mapping)).expect("fits"))
    });
    group.finish();
}

criterion_group!(benches, loading);
criterion_main!(benches);
