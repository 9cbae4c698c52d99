//! A question in TOML put to a simulated economy: an export quota on a critical input, with intervals.
//!
//! `cargo run -p counterfactuals --example quota`
#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;

use counterfactuals::{Scenario, draws};
use model_core::SolverSettings;
use model_core::synthetic::{CriticalRecipe, Recipe};

const QUESTION: &str = r#"
title = "Country C1 exports six tenths of what it did"

[critical]
sectors = "Element 1"
sigma = { value = 0.2, uniform = [0.1, 0.5] }

[technology]
closure = "free-entry"
lambda = 0.5
phi = { value = 0.5, uniform = [0.2, 1.0] }

[[quota]]
exporter = "C1"
sector = "Element 1"
volume = 0.6
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let mut state = 3_u64; // any generator of uniform numbers does
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let economy = Recipe::new(4, 3, 1).with_critical(CriticalRecipe::default()).draw(&mut uniform)?;
    let scenario = Scenario::parse(QUESTION, &economy, &[])?;
    println!("{}", scenario.title);

    let settings = SolverSettings::default();
    let result = draws(&scenario, &economy, 50, 1, &settings, |_, outcome| {
        outcome
            .last()
            .map(|after| after.real_income_hat.mapv(|hat| 100.0 * (hat - 1.0)).to_vec())
            .unwrap_or_default()
    })?;
    let interval = result.interval(0.9);
    for ((country, central), (low, high)) in
        economy.labels().countries().iter().zip(&result.central).zip(interval)
    {
        println!("{country}  real income {central:+.4}%  (90% of the draws: {low:+.4} to {high:+.4})");
    }
    println!("{} draws of 50 have an equilibrium", result.numbers.len());
    Ok(())
}
