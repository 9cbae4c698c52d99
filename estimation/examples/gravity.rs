//! A gravity equation by Poisson pseudo-likelihood with two-way effects, on simulated trade, under two variance estimators.
//!
//! `cargo run -p estimation --example gravity`
#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;

use estimation::{Formula, RegressionTable, Table, VcovFormula, WeightColumn};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const COUNTRIES: usize = 30;
/// What is to be found again.
const ELASTICITY: f64 = -0.9;

fn main() -> Result<(), Box<dyn Error>> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let size: Vec<f64> = (0..COUNTRIES).map(|_| random.random_range(0.0..3.0)).collect();
    let (mut trade, mut distance) = (Vec::new(), Vec::new());
    let (mut exporter, mut importer) = (Vec::new(), Vec::new());
    for i in 0..COUNTRIES {
        for n in (0..COUNTRIES).filter(|n| *n != i) {
            let apart: f64 = random.random_range(100.0..10_000.0);
            let noise: f64 = random.random_range(0.0..2.0); // mean one: trade may be small, and its mean is right
            trade.push(noise * (10.0 + size[i] + size[n] + ELASTICITY * apart.ln()).exp());
            distance.push(apart);
            exporter.push(format!("C{i}"));
            importer.push(format!("C{n}"));
        }
    }
    let table = Table::new()
        .numeric("trade", trade)?
        .numeric("dist", distance)?
        .categorical("exporter", exporter)?
        .categorical("importer", importer)?;
    let formula = Formula::parse("trade ~ log(dist) | exporter + importer")?;
    // No variance estimator is a default: each is named, and stands in the table.
    let mut fits = Vec::new();
    for vcov in ["HC1", "cluster(exporter, importer)"] {
        let model = formula.model(&table, &VcovFormula::parse(vcov)?, WeightColumn::None)?;
        fits.push(model.regression.poisson(&model.vcov)?.summary());
    }
    println!("simulated with an elasticity of {ELASTICITY}\n\n{}", RegressionTable::new(fits, 3).markdown());
    Ok(())
}
