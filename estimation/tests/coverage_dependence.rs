//! Bias, coverage and size over 2,000 draws per design where errors depend on each other in several ways.
//!
//! `cargo test -p estimation --test coverage_dependence -- --nocapture` prints them.
#![allow(clippy::expect_used)]

#[path = "common/simulation.rs"]
mod simulation;

use estimation::vcov::SpatialKernel;
use estimation::{Categories, Estimates, Regression, SmallSample, Vcov};
use ndarray::Array1;
use rand_distr::{Distribution, Poisson};
use rand_xoshiro::Xoshiro256PlusPlus;
use simulation::{column, normal, normals, promised, simulate};

fn ols(y: Vec<f64>, x: &[f64], vcov: &Vcov) -> Estimates {
    let fit = Regression::new(Array1::from_vec(y), column(x)).names(["x"]).ols(vcov).expect("well posed");
    fit.estimates().clone()
}

/// Regressor and error both hold a shock of the row's exporter and one of its importer.
fn two_way(rng: &mut Xoshiro256PlusPlus, side: usize, vcov: &dyn Fn([Categories; 2]) -> Vcov) -> Estimates {
    let n = side * side;
    let shocks: Vec<Vec<f64>> = (0..4).map(|_| normals(rng, side)).collect();
    let x: Vec<f64> = (0..n).map(|i| shocks[0][i / side] + shocks[1][i % side] + normal(rng)).collect();
    let y = (0..n)
        .map(|i| 1.0 + 0.5 * x[i] + 0.7 * shocks[2][i / side] + 0.7 * shocks[3][i % side] + normal(rng))
        .collect();
    let exporter = Categories::new("exporter", (0..n).map(|i| i / side));
    let importer = Categories::new("importer", (0..n).map(|i| i % side));
    ols(y, &x, &vcov([exporter, importer]))
}

#[test]
fn clusters_of_two_ways() {
    for (name, convention) in [("fixest's", SmallSample::Fixest), ("Stata's", SmallSample::Stata)] {
        promised(&format!("OLS, two-way clusters, {name} convention, 60 by 60"), 0.5, 0.08, |rng| {
            two_way(rng, 60, &|by| Vcov::cluster(by, convention))
        });
    }
    let one = simulate("OLS, clustered one way of two, 60 by 60 (not promised)", 0.5, |rng| {
        two_way(rng, 60, &|[exporter, _]| Vcov::cluster([exporter], SmallSample::Fixest))
    });
    // The wild bootstrap repairs few clusters of one way: tests/wild.rs and tests/monte_carlo_gmm.rs.
    let few = simulate("OLS, two-way clusters, 8 by 8 (not promised)", 0.5, |rng| {
        two_way(rng, 8, &|by| Vcov::cluster(by, SmallSample::Fixest))
    });
    assert!(one.coverage < 0.9 && few.coverage < 0.95);
}

/// Tests of Poisson are held to the normal, which needs more clusters than t does.
#[test]
fn counts_with_clusters_of_two_ways() {
    promised("Poisson, two-way clusters, 80 by 80", 0.2, 0.15, |rng| counts(rng, 80));
    let fewer = simulate("Poisson, two-way clusters, 50 by 50 (asymptotic)", 0.2, |rng| counts(rng, 50));
    assert!((0.92..0.95).contains(&fewer.coverage));
}

fn counts(rng: &mut Xoshiro256PlusPlus, side: usize) -> Estimates {
    let n = side * side;
    let shocks: Vec<Vec<f64>> = (0..4).map(|_| normals(rng, side)).collect();
    let x: Vec<f64> =
        (0..n).map(|i| 0.5 * (shocks[0][i / side] + shocks[1][i % side] + normal(rng))).collect();
    let y = (0..n)
        .map(|i| {
            let eta = 0.5 + 0.2 * x[i] + 0.15 * (shocks[2][i / side] + shocks[3][i % side]);
            Poisson::new(eta.exp()).expect("mean").sample(rng)
        })
        .collect();
    let by = [
        Categories::new("exporter", (0..n).map(|i| i / side)),
        Categories::new("importer", (0..n).map(|i| i % side)),
    ];
    let fit = Regression::new(Array1::from_vec(y), column(&x))
        .names(["x"])
        .poisson(&Vcov::cluster(by, SmallSample::Fixest))
        .expect("solved");
    fit.estimates().clone()
}

/// Shocks that all units share, moving averages over time, in regressor and error.
fn common_shocks(rng: &mut Xoshiro256PlusPlus, periods: usize, vcov: &dyn Fn(Vec<i64>) -> Vcov) -> Estimates {
    let units = 4;
    let n = units * periods;
    let mut shared = || {
        let e = normals(rng, periods + 1);
        (0..periods).map(|t| e[t + 1] + 0.5 * e[t]).collect::<Vec<f64>>()
    };
    let (f, g) = (shared(), shared());
    let x: Vec<f64> = (0..n).map(|i| f[i / units] + normal(rng)).collect();
    let y = (0..n).map(|i| 1.0 + 0.5 * x[i] + 0.8 * g[i / units] + normal(rng)).collect();
    ols(y, &x, &vcov((0..n).map(|i| (i / units) as i64).collect()))
}

#[test]
fn shocks_common_to_a_period() {
    promised("OLS, Driscoll-Kraay, 500 periods of 4 units, 5 lags", 0.5, 0.08, |rng| {
        common_shocks(rng, 500, &|time| Vcov::DriscollKraay {
            time,
            lags: 5,
            small_sample: SmallSample::Fixest,
        })
    });
    let robust = simulate("OLS, HC1, common shocks ignored (not promised)", 0.5, |rng| {
        common_shocks(rng, 500, &|_| Vcov::Hc1)
    });
    let short = simulate("OLS, Driscoll-Kraay, 20 periods of 4 units, 5 lags (not promised)", 0.5, |rng| {
        common_shocks(rng, 20, &|time| Vcov::DriscollKraay {
            time,
            lags: 5,
            small_sample: SmallSample::Fixest,
        })
    });
    assert!(robust.coverage < 0.85 && short.coverage < 0.93);
}

#[test]
fn series_of_units() {
    promised("OLS, Newey-West within 50 units of 30 periods, 4 lags", 0.5, 0.08, |rng| {
        let (units, periods) = (50, 30);
        let n = units * periods;
        let mut moving = || {
            let mut out = Vec::with_capacity(n);
            for _ in 0..units {
                let e = normals(rng, periods + 1);
                out.extend((0..periods).map(|t| e[t + 1] + 0.5 * e[t]));
            }
            out
        };
        let (x, u) = (moving(), moving());
        let y = x.iter().zip(&u).map(|(x, u)| 1.0 + 0.5 * x + u).collect();
        let vcov = Vcov::NeweyWest {
            time: (0..n).map(|i| (i % periods) as i64).collect(),
            unit: Some(Categories::new("unit", (0..n).map(|i| i / periods))),
            lags: 4,
            small_sample: SmallSample::Stata,
        };
        ols(y, &x, &vcov)
    });
}

/// Places one degree apart near the equator; regressor and error are means over a place and its eight neighbours.
fn places(rng: &mut Xoshiro256PlusPlus, side: usize, vcov: &dyn Fn(Vec<f64>, Vec<f64>) -> Vcov) -> Estimates {
    let mut smooth = || {
        let wide = side + 2;
        let e = normals(rng, wide * wide);
        (0..side * side)
            .map(|i| {
                let (row, column) = (i / side, i % side);
                (0..9).map(|k| e[(row + k / 3) * wide + column + k % 3]).sum::<f64>() / 3.0
            })
            .collect::<Vec<f64>>()
    };
    let (x, u) = (smooth(), smooth());
    let y = x.iter().zip(&u).map(|(x, u)| 1.0 + 0.5 * x + u).collect();
    let degrees = |of: fn(usize, usize) -> usize| {
        (0..side * side).map(|i| of(i, side) as f64 - side as f64 / 2.0).collect::<Vec<f64>>()
    };
    ols(y, &x, &vcov(degrees(|i, s| i / s), degrees(|i, s| i % s)))
}

#[test]
fn dependence_over_space() {
    // Neighbours up to two steps apart on either axis share shocks: 2.83 degrees are 315 km.
    let conley = |cutoff_km: f64, kernel| {
        move |latitude, longitude| Vcov::Conley { latitude, longitude, cutoff_km, kernel }
    };
    promised("OLS, Conley, uniform kernel to 320 km, 50 by 50 places", 0.5, 0.08, |rng| {
        places(rng, 50, &conley(320.0, SpatialKernel::Uniform))
    });
    // With fewer places it falls short (32 by 32 cover .931), and with a kernel that weighs down what is there.
    let fewer = simulate("OLS, Conley, uniform kernel to 320 km, 24 by 24 places (asymptotic)", 0.5, |rng| {
        places(rng, 24, &conley(320.0, SpatialKernel::Uniform))
    });
    let weighed =
        simulate("OLS, Conley, Bartlett kernel to 500 km, 24 by 24 places (asymptotic)", 0.5, |rng| {
            places(rng, 24, &conley(500.0, SpatialKernel::Bartlett))
        });
    assert!(fewer.coverage > 0.88 && weighed.coverage > 0.86);
    let ignored =
        simulate("OLS, HC1, space ignored (not promised)", 0.5, |rng| places(rng, 24, &|_, _| Vcov::Hc1));
    assert!(ignored.coverage < 0.85);
}
