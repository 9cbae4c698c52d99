//! Simulate and recover: bias, coverage of 95% intervals and size of 5% tests over 2,000 draws, seeds fixed.
#![allow(dead_code, clippy::expect_used, clippy::print_stdout)]

use estimation::Estimates;
use ndarray::Array2;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

pub(crate) const DRAWS: u64 = 2_000;

pub(crate) fn normal(rng: &mut Xoshiro256PlusPlus) -> f64 {
    StandardNormal.sample(rng)
}

pub(crate) fn normals(rng: &mut Xoshiro256PlusPlus, n: usize) -> Vec<f64> {
    (0..n).map(|_| normal(rng)).collect()
}

pub(crate) fn column(values: &[f64]) -> Array2<f64> {
    Array2::from_shape_fn((values.len(), 1), |(i, _)| values[i])
}

/// What a design gives.
pub(crate) struct Simulated {
    /// Bias of the coefficient of `x`, in its standard deviations.
    pub(crate) bias: f64,
    /// Coverage of the 95% interval.
    pub(crate) coverage: f64,
    /// Size at 5% of the joint test that every coefficient but the constant has its true value, where there are several.
    pub(crate) joint: Option<f64>,
}

/// Simulates the coefficient `x`; the other coefficients but the constant are zero in truth.
pub(crate) fn simulate(
    name: &str,
    truth: f64,
    draw: impl Fn(&mut Xoshiro256PlusPlus) -> Estimates + Sync,
) -> Simulated {
    let draws: Vec<(f64, bool, Option<bool>)> = (0..DRAWS)
        .into_par_iter()
        .map(|seed| {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let found = draw(&mut rng);
            let position = found.names().iter().position(|n| n == "x").expect("named");
            let (low, high) = found.intervals(0.95).expect("a level")[position];
            let tested: Vec<usize> =
                (0..found.names().len()).filter(|&k| found.names()[k] != "constant").collect();
            let joint = (tested.len() > 1).then(|| {
                let r = Array2::from_shape_fn((tested.len(), found.names().len()), |(i, k)| {
                    f64::from(u8::from(tested[i] == k))
                });
                let value = tested.iter().map(|&k| if k == position { truth } else { 0.0 }).collect();
                found.wald(r.view(), ndarray::Array1::from_vec(value).view()).expect("regular").p_value < 0.05
            });
            (found.coefficients()[position], low <= truth && truth <= high, joint)
        })
        .collect();
    let n = DRAWS as f64;
    let mean = draws.iter().map(|d| d.0).sum::<f64>() / n;
    let sd = (draws.iter().map(|d| (d.0 - mean).powi(2)).sum::<f64>() / n).sqrt();
    let coverage = draws.iter().filter(|d| d.1).count() as f64 / n;
    let joint: Option<Vec<bool>> = draws.iter().map(|d| d.2).collect();
    let joint = joint.map(|j| j.iter().filter(|r| **r).count() as f64 / n);
    let bias = (mean - truth) / sd;
    let size = joint.map_or(String::new(), |j| format!(", size of the joint test {j:.4}"));
    println!(
        "{name}: bias {:+.5} ({bias:+.3} sd), coverage {coverage:.4}, size of the t test {:.4}{size}",
        mean - truth,
        1.0 - coverage
    );
    Simulated { bias, coverage, joint }
}

/// Unbiased within simulation error (or the bias allowed), covering and rejecting as theory promises: 95% and 5%, give
/// or take three standard errors of the simulation.
pub(crate) fn promised(
    name: &str,
    truth: f64,
    allowed_bias: f64,
    draw: impl Fn(&mut Xoshiro256PlusPlus) -> Estimates + Sync,
) {
    let found = simulate(name, truth, draw);
    assert!(found.bias.abs() < allowed_bias, "{name}: bias {} sd", found.bias);
    assert!((0.935..=0.965).contains(&found.coverage), "{name}: coverage {}", found.coverage);
    if let Some(size) = found.joint {
        assert!((0.035..=0.065).contains(&size), "{name}: size of the joint test {size}");
    }
}
