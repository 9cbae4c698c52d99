//! What the tests of this crate share: random tables and where raw data may be.
#![allow(dead_code, clippy::expect_used, clippy::print_stdout)]

use calibration::table::{TableParts, WorldTable};
use ndarray::{Array2, Axis};
use std::path::PathBuf;

/// `|a - b|` relative to the larger, or absolute below one.
pub(crate) fn relative(a: f64, b: f64) -> f64 {
    (a - b).abs() / a.abs().max(b.abs()).max(1.0)
}

/// A small generator, so that a table depends on its seed alone (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// A balanced table of `n` countries, `s` sectors, two factors and two final-demand categories.
pub(crate) fn random_table(n: usize, s: usize, seed: u64) -> WorldTable {
    let mut random = Random(seed);
    let size = n * s;
    let sales = Array2::from_shape_fn((size, size), |_| 10.0 * random.uniform().powi(3));
    let mut finals = Array2::from_shape_fn((size, 2 * n), |_| 20.0 * random.uniform());
    // Enough final sales that every industry covers its inputs.
    let short = sales.sum_axis(Axis(0)) - sales.sum_axis(Axis(1)) - finals.sum_axis(Axis(1));
    for (row, gap) in short.iter().enumerate() {
        finals[[row, 2 * (row / s)]] += gap.max(0.0) + 20.0;
    }
    let added = sales.sum_axis(Axis(1)) + finals.sum_axis(Axis(1)) - sales.sum_axis(Axis(0));
    let mut payments = Array2::zeros((2, size));
    for (column, value) in added.iter().enumerate() {
        let share = 0.2 + 0.6 * random.uniform();
        payments[[0, column]] = share * value;
        payments[[1, column]] = (1.0 - share) * value;
    }
    WorldTable::new(TableParts {
        countries: (0..n).map(|c| format!("C{c}")).collect(),
        sectors: (0..s).map(|j| format!("S{j}")).collect(),
        year: 2009,
        unit: "million USD".into(),
        factors: vec!["capital".into(), "labour".into()],
        final_categories: vec!["consumption".into(), "inventories".into()],
        intermediate: sales,
        final_demand: finals,
        factor_payments: payments,
    })
    .expect("a random table balances")
}

/// The folder of raw data: `LODESTONE_DATA`, or `../shared/data` beside the workspace. `None`, and a line that says so,
/// when there is none.
pub(crate) fn raw_data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("LODESTONE_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no raw data at {} (set LODESTONE_DATA)", path.display());
    None
}
