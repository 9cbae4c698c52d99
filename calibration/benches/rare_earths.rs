//! Loading and carving a full year of the World Input-Output Database, and its footprints.
//!
//! Needs the raw data in `LODESTONE_DATA` (or `../shared/data` beside the workspace); says so when there are none.
#![allow(missing_docs, clippy::expect_used, clippy::print_stdout)]

use calibration::footprint::requirements;
use calibration::rare_earths::{Choices, RareEarthData};
use calibration::table::Inventories;
use calibration::wiod;
use criterion::{Criterion, criterion_group, criterion_main};
use std::path::PathBuf;

fn carve_out(c: &mut Criterion) {
    let root = std::env::var_os("LODESTONE_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let folder = root.join("wiod2013");
    if !folder.is_dir() {
        println!("skipped: no raw data at {} (set LODESTONE_DATA)", folder.display());
        return;
    }
    let data = RareEarthData::embedded().expect("embedded data");
    let choices = Choices::default();
    let load = || wiod::load(&folder, 2009, Inventories::Produced).expect("WIOD").table;
    // before anything else runs, so that the peak is that of one load and one carve-out
    drop(data.carve_out(&load(), &choices).expect("carve-out"));
    if let Some(peak) = peak_memory() {
        println!("peak memory of the process after loading and carving once: {peak}");
    }
    let mut group = c.benchmark_group("wiod 2009");
    group.sample_size(10);
    group
        .bench_function("facts and prices", |b| b.iter(|| RareEarthData::embedded().expect("embedded data")));
    group.bench_function("load", |b| b.iter(load));
    group.bench_function("load and carve", |b| {
        b.iter(|| data.carve_out(&load(), &choices).expect("carve-out"))
    });
    let table = load();
    group.bench_function("carve", |b| b.iter(|| data.carve_out(&table, &choices).expect("carve-out")));
    let carved = data.carve_out(&table, &choices).expect("carve-out");
    group.bench_function("restore", |b| b.iter(|| carved.restore().expect("table")));
    group.bench_function("requirements", |b| b.iter(|| requirements(&carved).expect("footprint")));
    group.finish();
}

/// The largest resident size of this process so far, where the system tells.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| Some(line.strip_prefix("VmHWM:")?.trim().to_owned()))
}

criterion_group!(benches, carve_out);
criterion_main!(benches);
