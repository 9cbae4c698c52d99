//! Resampling and shift-share inference: against other programs, against what theory says must hold exactly, and
//! against itself on other numbers of threads.

#![allow(clippy::unwrap_used, clippy::panic)]

use estimation::gmm::MomentCovariance;
use estimation::resample::{
    Assignment, Bootstrap, Randomisation, ResampleError, WildCluster, WildWeights, romano_wolf, stream,
};
use estimation::shift_share::{NullImposed, ShiftShare, ShiftShareError};
use ndarray::{Array1, Array2, Axis, array, stack};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;

fn reference() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/parity/resample_reference.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn vector(value: &Value) -> Array1<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{found} against {expected}");
}

fn rademacher(draws: usize, impose_null: bool) -> WildCluster {
    WildCluster { weights: WildWeights::Rademacher, draws, seed: 5, impose_null }
}

#[test]
fn enumerated_wild_bootstrap_agrees_with_wildboottest() {
    let reference = &reference()["wild"];
    let column = |name: &str| vector(&reference["data"][name]);
    let (y, w, g) = (column("y"), column("w"), column("g"));
    let x = stack![Axis(1), Array1::ones(y.len()), column("x"), w];
    let clusters: Vec<i64> = g.iter().map(|v| *v as i64).collect();
    let c = array![0.0, 1.0, 0.0];
    for (name, null) in [("wcr", true), ("wcu", false)] {
        let test = rademacher(999, null).test(y.view(), x.view(), &clusters, c.view(), 0.0).unwrap();
        let expected = &reference[name];
        assert!(test.enumerated && test.t_star.len() == 512);
        close(test.t, expected["t"].as_f64().unwrap(), 1e-10);
        close(test.p_value, expected["p"].as_f64().unwrap(), 1e-12);
        let mut draws = test.t_star.clone();
        draws.sort_by(f64::total_cmp);
        for (found, expected) in draws.iter().zip(vector(&expected["draws"])) {
            close(*found, expected, 1e-8);
        }
    }
}

#[test]
fn sums_by_cluster_give_the_statistics_of_refitted_samples() {
    // y* = X b_restricted + v u_restricted, refitted from the rows, against the sums by cluster.
    let mut rng = stream(8, 0);
    let (n, groups) = (30, 5);
    let ids: Vec<usize> = (0..n).map(|i| i % groups).collect();
    let x =
        Array2::from_shape_fn((n, 2), |(_, k)| if k == 0 { 1.0 } else { StandardNormal.sample(&mut rng) });
    let y: Array1<f64> = Array1::from_shape_fn(n, |i| x[[i, 1]] + rng.random::<f64>());
    let c = array![0.0, 1.0];
    let test = rademacher(999, true).test(y.view(), x.view(), &ids, c.view(), 0.8).unwrap();
    let fit = |y: &Array1<f64>| -> (f64, f64) {
        let a = linalg::inverse(x.t().dot(&x).view()).unwrap();
        let b = a.dot(&x.t().dot(y));
        let e = y - &x.dot(&b);
        let load = x.dot(&a.dot(&c));
        let mut sums = vec![0.0; groups];
        (0..n).for_each(|i| sums[ids[i]] += load[i] * e[i]);
        let factor = 5.0 / 4.0 * 29.0 / 28.0;
        (b[1], (factor * sums.iter().map(|s| s * s).sum::<f64>()).sqrt())
    };
    let restricted = {
        let gap: Array1<f64> = &y - &(&x.column(1) * 0.8);
        gap.sum() / n as f64
    };
    let fitted = x.column(1).mapv(|v| restricted + 0.8 * v);
    for draw in 0..32_usize {
        let star = Array1::from_shape_fn(n, |i| {
            let v = if draw >> ids[i] & 1 == 1 { 1.0 } else { -1.0 };
            fitted[i] + v * (y[i] - fitted[i])
        });
        let (b, se) = fit(&star);
        close(test.t_star[draw], (b - 0.8) / se, 1e-9);
    }
}

#[test]
fn the_wild_interval_is_the_set_of_values_not_rejected() {
    let mut rng = stream(9, 0);
    let n = 80;
    let ids: Vec<usize> = (0..n).map(|i| i % 16).collect();
    let x =
        Array2::from_shape_fn((n, 2), |(_, k)| if k == 0 { 1.0 } else { StandardNormal.sample(&mut rng) });
    let y = Array1::from_shape_fn(n, |i| {
        x[[i, 1]] + {
            let e: f64 = StandardNormal.sample(&mut rng);
            e
        }
    });
    let c = array![0.0, 1.0];
    let wild = WildCluster { weights: WildWeights::Webb, draws: 399, seed: 3, impose_null: true };
    let interval = wild.interval(y.view(), x.view(), &ids, c.view(), 0.95).unwrap();
    let p = |value: f64| wild.test(y.view(), x.view(), &ids, c.view(), value).unwrap().p_value;
    let width = interval.upper - interval.lower;
    assert!(p(interval.lower - 0.01 * width) <= 0.05 && p(interval.lower + 0.01 * width) > 0.05);
    assert!(p(interval.upper + 0.01 * width) <= 0.05 && p(interval.upper - 0.01 * width) > 0.05);
}

#[test]
fn draws_do_not_depend_on_the_number_of_threads() {
    let y = Array1::from_shape_fn(40, |i| ((i * 7) % 11) as f64);
    let x = Array2::from_shape_fn((40, 2), |(i, k)| if k == 0 { 1.0 } else { ((i * 5) % 13) as f64 });
    let ids: Vec<usize> = (0..40).map(|i| i / 2).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let wild =
                rademacher(199, true).test(y.view(), x.view(), &ids, array![0.0, 1.0].view(), 0.0).unwrap();
            let bootstrap = Bootstrap { draws: 99, seed: 4, allowed_failures: 0.0 };
            let mean = |r: &estimation::resample::Resample| {
                Some(array![r.rows.iter().map(|row| y[*row]).sum::<f64>() / r.rows.len() as f64])
            };
            let clusters = bootstrap.clusters(&ids, mean).unwrap();
            (wild.t_star, clusters.draws)
        })
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(7));
}

#[test]
fn the_bootstrap_of_a_mean_has_the_known_variance() {
    let y = Array1::from_shape_fn(200, |i| ((i * 37) % 101) as f64);
    let n = y.len() as f64;
    let mean = y.sum() / n;
    let variance = y.mapv(|v| (v - mean).powi(2)).sum() / n / n;
    let bootstrap = Bootstrap { draws: 20_000, seed: 1, allowed_failures: 0.0 };
    let draws = bootstrap
        .pairs(y.len(), |r| Some(array![r.rows.iter().map(|row| y[*row]).sum::<f64>() / n]))
        .unwrap();
    // The variance of a bootstrap variance over B draws is 2 v^2 / B: 4 deviations are 4%.
    close(draws.covariance()[[0, 0]] / variance, 1.0, 0.04);
    let (percentile, normal) = (draws.percentile(0.95).unwrap(), draws.normal(0.95).unwrap());
    assert!((percentile[[0, 0]] - normal[[0, 0]]).abs() < 0.1 * variance.sqrt());
    let failing = bootstrap.pairs(20, |r| (r.rows[0] == 0).then(|| array![1.0]));
    assert!(matches!(failing, Err(ResampleError::Failed { .. })));
}

#[test]
fn the_bootstrap_finds_the_bias_of_the_plug_in_variance_and_basic_intervals_reflect() {
    // E*[mean of squares about the resample's mean] = (1 - 1/n) v: the bias is -v/n.
    let y = Array1::from_shape_fn(20, |i| ((i * 37) % 23) as f64);
    let n = y.len() as f64;
    let plug_in = |rows: &[usize]| {
        let mean = rows.iter().map(|row| y[*row]).sum::<f64>() / n;
        rows.iter().map(|row| (y[*row] - mean).powi(2)).sum::<f64>() / n
    };
    let bootstrap = Bootstrap { draws: 40_000, seed: 6, allowed_failures: 0.0 };
    let draws = bootstrap.pairs(y.len(), |r| Some(array![plug_in(&r.rows)])).unwrap();
    let (v, noise) = (draws.estimate[0], draws.standard_errors()[0] / 200.0);
    assert!((draws.bias()[0] + v / n).abs() < 4.0 * noise, "{} against {}", draws.bias()[0], -v / n);
    let (basic, percentile) = (draws.basic(0.9).unwrap(), draws.percentile(0.9).unwrap());
    close(basic[[0, 0]] + percentile[[0, 1]], 2.0 * v, 1e-12);
    close(basic[[0, 1]] + percentile[[0, 0]], 2.0 * v, 1e-12);
}

#[test]
fn a_lottery_is_drawn_again_by_its_own_rules() {
    // Three coins: all heads is one of eight outcomes, and no other sums to as much.
    let lottery = Randomisation { draws: 8_000, seed: 4 };
    let coins = |rng: &mut rand_xoshiro::Xoshiro256PlusPlus| -> Vec<f64> {
        (0..3).map(|_| f64::from(u8::from(rng.random::<bool>()))).collect()
    };
    let weighted = |t: &[f64]| t[0] + 2.0 * t[1] + 4.0 * t[2];
    let test = lottery.test_drawn(&[1.0; 3], coins, weighted).unwrap();
    assert_eq!(test.statistic, 7.0);
    assert!((test.p_value - 0.125).abs() < 4.0 * (0.125_f64 * 0.875 / 8_000.0).sqrt(), "{}", test.p_value);
}

#[test]
fn randomisation_keeps_blocks_and_clusters_together() {
    let treatment = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
    let blocks = ["a", "a", "b", "b", "c", "c"];
    let test = Randomisation { draws: 500, seed: 2 };
    let balanced = |t: &[f64]| {
        assert!(t.chunks(2).all(|pair| pair[0] + pair[1] == 1.0), "{t:?}");
        t.iter().zip([3.0, 1.0, 2.0, 4.0, 5.0, 0.0]).map(|(t, y)| t * y).sum::<f64>() - 7.5
    };
    let result = test.test(&treatment, &Assignment::blocked(&blocks), balanced).unwrap();
    // The actual assignment picks the largest of each block: with its mirror image 2 of 8 are as extreme.
    assert!((result.p_value - 0.25).abs() < 0.07, "{}", result.p_value);
    let uneven = test.test(&treatment, &Assignment::clustered(&blocks), |_| 1.0);
    assert_eq!(uneven, Err(ResampleError::VariesWithinCluster { row: 1 }));
    let clustered = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    test.test(&clustered, &Assignment::clustered(&blocks), |t| {
        assert!(t.chunks(2).all(|pair| pair[0] == pair[1]));
        t.iter().sum()
    })
    .unwrap();
}

#[test]
fn romano_wolf_lies_between_one_test_and_bonferroni() {
    let mut rng = stream(12, 0);
    let t_star = Array2::from_shape_fn((999, 4), |_| {
        let z: f64 = StandardNormal.sample(&mut rng);
        z
    });
    let t = array![3.2, -2.4, 1.0, 0.1];
    let adjusted = romano_wolf(t.view(), t_star.view()).unwrap();
    for (h, value) in t.iter().enumerate() {
        let alone = (1 + t_star.column(h).iter().filter(|s| s.abs() >= value.abs()).count()) as f64 / 1000.0;
        assert!(adjusted[h] >= alone - 1e-12 && adjusted[h] <= (4.0 * alone + 0.02).min(1.0), "{adjusted}");
    }
    assert!(adjusted[0] <= adjusted[1] && adjusted[1] <= adjusted[2] && adjusted[2] <= adjusted[3]);
    // Identical statistics are one hypothesis: nothing to adjust.
    let same = Array2::from_shape_fn((999, 3), |(b, _)| t_star[[b, 0]]);
    let p = romano_wolf(array![2.0, 2.0, 2.0].view(), same.view()).unwrap();
    let alone = (1 + same.column(0).iter().filter(|s| s.abs() >= 2.0).count()) as f64 / 1000.0;
    assert!(p.iter().all(|v| (v - alone).abs() < 1e-12));
}

#[test]
fn shift_share_estimates_agree_with_linearmodels_and_the_printed_formula() {
    let r = &reference()["shift_share"];
    let (y, x, w, shocks) = (vector(&r["y"]), vector(&r["x"]), vector(&r["w"]), vector(&r["shocks"]));
    let rows: Vec<Array1<f64>> = r["shares"].as_array().unwrap().iter().map(vector).collect();
    let views: Vec<_> = rows.iter().map(|row| row.view()).collect();
    let shares = stack(Axis(0), &views).unwrap();
    let total = shares.sum_axis(Axis(1));
    let controls = stack![Axis(1), Array1::ones(y.len()), w, total];
    let design =
        ShiftShare::new(y.view(), x.view(), shares.view(), shocks.view(), controls.view(), None).unwrap();
    let akm = design.akm::<u8>(None, 0.95).unwrap();
    let level = design.exposure_level(None, &MomentCovariance::heteroskedastic()).unwrap();
    close(akm.estimate, r["estimate"].as_f64().unwrap(), 1e-9);
    close(akm.standard_error, r["akm"].as_f64().unwrap(), 1e-9);
    close(level.estimate, r["exposure_estimate"].as_f64().unwrap(), 1e-9);
    close(level.standard_error, r["exposure_se"].as_f64().unwrap(), 1e-9);
    close(level.estimate, akm.estimate, 1e-10);
    let ends = vector(&r["akm0"]["ends"]);
    let (low, high) = match akm.null_imposed {
        NullImposed::Interval(low, high) if r["akm0"]["interval"] == true => (low, high),
        NullImposed::Rays(low, high) if r["akm0"]["interval"] == false => (low, high),
        other => panic!("{other:?} against {}", r["akm0"]),
    };
    close(low, ends[0], 1e-8);
    close(high, ends[1], 1e-8);
    let without = controls.select(Axis(1), &[0, 1]);
    let incomplete = ShiftShare::new(y.view(), x.view(), shares.view(), shocks.view(), without.view(), None);
    assert!(matches!(incomplete, Err(ShiftShareError::IncompleteShares { .. })));
}

#[test]
fn units_exposed_to_one_shock_each_make_both_variances_the_clustered_one() {
    let mut rng = stream(77, 0);
    let (n, k) = (60, 10);
    let ids: Vec<usize> = (0..n).map(|i| i % k).collect();
    let shares = Array2::from_shape_fn((n, k), |(i, j)| f64::from(u8::from(ids[i] == j)));
    let mut draw = |n: usize| {
        Array1::from_shape_fn(n, |_| {
            let z: f64 = StandardNormal.sample(&mut rng);
            z
        })
    };
    let shocks = draw(k);
    let z = shares.dot(&shocks);
    let y = &z * 0.4 + shares.dot(&draw(k)) + draw(n);
    let one = Array2::ones((n, 1));
    let design = ShiftShare::new(y.view(), z.view(), shares.view(), shocks.view(), one.view(), None).unwrap();
    let akm = design.akm::<u8>(None, 0.95).unwrap();
    let level = design.exposure_level(None, &MomentCovariance::heteroskedastic()).unwrap();
    // Clustered by shock, no small-sample factor.
    let zc = &z - z.sum() / n as f64;
    let yc = &y - y.sum() / n as f64;
    let e = &yc - &(&zc * akm.estimate);
    let mut sums = vec![0.0; k];
    (0..n).for_each(|i| sums[ids[i]] += zc[i] * e[i]);
    let clustered = sums.iter().map(|s| s * s).sum::<f64>().sqrt() / zc.dot(&zc);
    close(akm.standard_error, clustered, 1e-10);
    close(level.standard_error, clustered, 1e-10);
    close(level.effective_shocks, k as f64, 1e-10);
    // The ends of the null-imposed set are where the statistic with the null imposed is the quantile.
    let NullImposed::Interval(low, high) = akm.null_imposed else { panic!("{akm:?}") };
    for end in [low, high] {
        let e = &yc - &(&zc * end);
        let mut sums = vec![0.0; k];
        (0..n).for_each(|i| sums[ids[i]] += zc[i] * e[i]);
        let se = sums.iter().map(|s| s * s).sum::<f64>().sqrt() / zc.dot(&zc);
        close(((akm.estimate - end) / se).abs(), 1.959963984540054, 1e-9);
    }
}
