//! Bias, coverage and size over 2,000 draws per design: independent rows, clusters, instruments, counts.
//!
//! `cargo test -p estimation --test coverage -- --nocapture` prints them.
#![allow(clippy::expect_used)]

#[path = "common/simulation.rs"]
mod simulation;

use estimation::{Categories, Estimates, KClass, Regression, SmallSample, Vcov};
use ndarray::{Array1, Array2};
use rand::RngExt;
use rand_distr::{Distribution, Gamma, Poisson};
use rand_xoshiro::Xoshiro256PlusPlus;
use simulation::{column, normal, promised, simulate};

/// With a second regressor of no effect, so that joint tests are tested too.
fn least_squares(rng: &mut Xoshiro256PlusPlus, n: usize, spread: fn(f64) -> f64, vcov: &Vcov) -> Estimates {
    let x: Vec<f64> = (0..n).map(|_| normal(rng)).collect();
    let both = Array2::from_shape_fn((n, 2), |(i, j)| if j == 0 { x[i] } else { 0.5 * x[i] + normal(rng) });
    let y: Vec<f64> = x.iter().map(|x| 1.0 + 0.5 * x + spread(*x) * normal(rng)).collect();
    let fit = Regression::new(Array1::from_vec(y), both).names(["x", "other"]).ols(vcov).expect("well posed");
    fit.estimates().clone()
}

#[test]
fn equal_variances() {
    for (name, vcov) in [
        ("classical", Vcov::Classical),
        ("HC0", Vcov::Hc0),
        ("HC1", Vcov::Hc1),
        ("HC2", Vcov::Hc2),
        ("HC3", Vcov::Hc3),
    ] {
        promised(&format!("OLS, {name}, equal variances, n = 200"), 0.5, 0.08, |rng| {
            least_squares(rng, 200, |_| 1.0, &vcov)
        });
    }
}

#[test]
fn unequal_variances() {
    let spread = |x: f64| (0.25 + x * x).sqrt();
    for (name, vcov) in [("HC0", Vcov::Hc0), ("HC1", Vcov::Hc1), ("HC2", Vcov::Hc2), ("HC3", Vcov::Hc3)] {
        promised(&format!("OLS, {name}, unequal variances, n = 500"), 0.5, 0.08, |rng| {
            least_squares(rng, 500, spread, &vcov)
        });
    }
    let coverage = simulate("OLS, classical, unequal variances (not promised)", 0.5, |rng| {
        least_squares(rng, 500, spread, &Vcov::Classical)
    });
    assert!(coverage.coverage < 0.9);
}

fn clustered(rng: &mut Xoshiro256PlusPlus, clusters: usize, vcov: &dyn Fn(Categories) -> Vcov) -> Estimates {
    let size = 10;
    let (mut x, mut y, mut g) = (Vec::new(), Vec::new(), Vec::new());
    for cluster in 0..clusters {
        let (a, b) = (normal(rng), normal(rng));
        for _ in 0..size {
            let value = 0.7 * a + 0.7 * normal(rng);
            x.push(value);
            y.push(1.0 + 0.5 * value + 0.7 * b + 0.7 * normal(rng));
            g.push(cluster);
        }
    }
    let g = Categories::new("g", g);
    Regression::new(Array1::from_vec(y), column(&x))
        .names(["x"])
        .ols(&vcov(g))
        .expect("well posed")
        .estimates()
        .clone()
}

#[test]
fn clusters() {
    let fixest = |g| Vcov::cluster([g], SmallSample::Fixest);
    promised("OLS, clustered, 100 clusters of 10", 0.5, 0.08, |rng| clustered(rng, 100, &fixest));
    for (name, convention) in [("Stata's", SmallSample::Stata), ("no", SmallSample::Uncorrected)] {
        promised(&format!("OLS, clustered, {name} convention, 200 clusters of 10"), 0.5, 0.08, |rng| {
            clustered(rng, 200, &|g| Vcov::cluster([g], convention))
        });
    }
    let ignored =
        simulate("OLS, HC1, clusters ignored (not promised)", 0.5, |rng| clustered(rng, 100, &|_| Vcov::Hc1));
    assert!(ignored.coverage < 0.9);
    let few = simulate("OLS, clustered, 6 clusters (not promised)", 0.5, |rng| clustered(rng, 6, &fixest));
    assert!(few.coverage < 0.95);
}

#[test]
fn instruments() {
    for (name, class) in [("2SLS", KClass::TwoStage), ("LIML", KClass::Liml), ("Fuller", KClass::Fuller(1.0))]
    {
        promised(&format!("{name}, HC1, strong instruments, n = 500"), 0.5, 0.1, |rng| {
            let n = 500;
            let z = Array2::from_shape_fn((n, 2), |_| normal(rng));
            let v: Vec<f64> = (0..n).map(|_| normal(rng)).collect();
            let x: Vec<f64> = (0..n).map(|i| z[[i, 0]] + 0.5 * z[[i, 1]] + v[i]).collect();
            let y: Vec<f64> = (0..n)
                .map(|i| 1.0 + 0.5 * x[i] + (0.5 * v[i] + normal(rng)) * (0.5 + 0.5 * z[[i, 0]].abs()))
                .collect();
            Regression::new(Array1::from_vec(y), Array2::zeros((n, 0)))
                .endogenous(["x"], column(&x))
                .instruments(["z1", "z2"], z)
                .iv(class, &Vcov::Hc1)
                .expect("well posed")
                .estimates()
                .clone()
        });
    }
}

#[test]
fn poisson() {
    // Overdispersed by a gamma, so that the classical variance is wrong and the robust one is needed.
    let sample = |rng: &mut Xoshiro256PlusPlus, vcov: &Vcov| {
        let gamma = Gamma::new(2.0, 0.5).expect("shape");
        let x: Vec<f64> = (0..400).map(|_| normal(rng)).collect();
        let y: Vec<f64> = x
            .iter()
            .map(|x| {
                let mean = (0.5 + 0.5 * x).exp() * gamma.sample(rng);
                Poisson::new(mean.max(1e-12)).expect("mean").sample(rng)
            })
            .collect();
        let fit =
            Regression::new(Array1::from_vec(y), column(&x)).names(["x"]).poisson(vcov).expect("solved");
        fit.estimates().clone()
    };
    promised("Poisson, HC1, overdispersed, n = 400", 0.5, 0.15, |rng| sample(rng, &Vcov::Hc1));
    let classical = simulate("Poisson, classical, overdispersed (not promised)", 0.5, |rng| {
        sample(rng, &Vcov::Classical)
    });
    assert!(classical.coverage < 0.9);
}

#[test]
fn poisson_with_two_way_effects_and_clusters() {
    promised("Poisson, two-way effects, clustered by unit, 100 units of 6", 0.5, 0.15, |rng| {
        let (units, periods) = (100, 6);
        let (mut x, mut y, mut unit, mut period) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for u in 0..units {
            let a = 0.5 * normal(rng);
            let shared: f64 = rng.random_range(0.6..1.4);
            for t in 0..periods {
                let value = 0.5 * a + normal(rng);
                let mean = (0.5 * value + a + 0.1 * t as f64).exp() * shared;
                x.push(value);
                y.push(Poisson::new(mean).expect("mean").sample(rng));
                unit.push(u);
                period.push(t);
            }
        }
        let unit = Categories::new("unit", unit);
        let fit = Regression::new(Array1::from_vec(y), column(&x))
            .names(["x"])
            .absorb([unit.clone(), Categories::new("period", period)])
            .poisson(&Vcov::cluster([unit], SmallSample::Fixest))
            .expect("solved");
        fit.estimates().clone()
    });
}

#[test]
fn dependence_over_time() {
    promised("OLS, Newey-West, moving-average errors, T = 800, 6 lags", 0.5, 0.08, |rng| {
        let n = 800;
        let mut moving = || {
            let e: Vec<f64> = (0..n + 1).map(|_| normal(rng)).collect();
            (0..n).map(|t| e[t + 1] + 0.5 * e[t]).collect::<Vec<f64>>()
        };
        let (x, u) = (moving(), moving());
        let y = x.iter().zip(&u).map(|(x, u)| 1.0 + 0.5 * x + u).collect();
        let vcov = Vcov::NeweyWest {
            time: (0..n as i64).collect(),
            unit: None,
            lags: 6,
            small_sample: SmallSample::Stata,
        };
        let fit =
            Regression::new(Array1::from_vec(y), column(&x)).names(["x"]).ols(&vcov).expect("well posed");
        fit.estimates().clone()
    });
}
