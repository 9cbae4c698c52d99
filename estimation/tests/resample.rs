//! Resampling and shift-share inference: against other programs, against what theory says must hold exactly, and
//! against itself on other numbers of threads.

#![allow(clippy::unwrap_used, clippy::panic)]

use estimation::gmm::MomentCovariance;
use estimation::resample::{
    Assignment, Bootstrap, BootstrapDraws, Randomisation, ResampleError, WildCluster, WildWeights,
    romano_wolf, stream,
};
use estimation::shift_share::{NullImposed, ShiftShare, ShiftShareError};
use ndarray::{Array1, Array2, Axis, array, concatenate, stack};
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
    let as_large = test.draws.iter().filter(|d| **d >= 7.0).count();
    assert_eq!(test.p_value, (1 + as_large) as f64 / 8_001.0);
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
    let level = design.shock_level(None, &MomentCovariance::heteroskedastic()).unwrap();
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
    let level = design.shock_level(None, &MomentCovariance::heteroskedastic()).unwrap();
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

/// Dense shares that sum to one, clusters of shocks, weights and a control; `strength` of the instrument.
struct Shares {
    y: Array1<f64>,
    x: Array1<f64>,
    shares: Array2<f64>,
    shocks: Array1<f64>,
    controls: Array2<f64>,
    weights: Array1<f64>,
}

fn shares(seed: u64, strength: f64, direct: f64) -> Shares {
    let mut rng = stream(78, seed);
    let (n, k) = (40, 8);
    let mut shares = Array2::from_shape_fn((n, k), |_| rng.random::<f64>().powi(3));
    let totals = shares.sum_axis(Axis(1)).insert_axis(Axis(1));
    shares /= &totals;
    let mut draw =
        |n: usize| -> Array1<f64> { Array1::from_shape_fn(n, |_| StandardNormal.sample(&mut rng)) };
    let (shocks, w, u, v) = (draw(k) * 3.0, draw(n), draw(n), draw(n));
    let z = shares.dot(&shocks);
    let x = &z * strength + &v + &w * 0.3;
    let y = &x * 0.5 + &u + &v * 0.4 + &z * direct - &w;
    let weights = Array1::from_shape_fn(n, |i| 1.0 + (i % 3) as f64);
    Shares { y, x, shares, shocks, controls: stack![Axis(1), Array1::ones(n), w], weights }
}

impl Shares {
    fn design(&self, rows: &[usize], weights: Option<&Array1<f64>>) -> ShiftShare {
        let pick = |a: &Array2<f64>| a.select(Axis(0), rows);
        let (y, x) = (self.y.select(Axis(0), rows), self.x.select(Axis(0), rows));
        let weights = weights.map(|w| w.view());
        let shares = pick(&self.shares);
        let shocks = self.shocks.view();
        ShiftShare::new(y.view(), x.view(), shares.view(), shocks, pick(&self.controls).view(), weights)
            .unwrap()
    }

    /// A variable net of the controls, weighted.
    fn net(&self, v: &Array1<f64>) -> Array1<f64> {
        let weighted = &self.controls * &self.weights.view().insert_axis(Axis(1));
        let inverse = linalg::inverse(weighted.t().dot(&self.controls).view()).unwrap();
        v - &self.controls.dot(&inverse.dot(&weighted.t().dot(v)))
    }
}

#[test]
fn the_null_imposed_set_holds_the_values_its_own_statistic_does_not_reject() {
    let clusters = ["a", "b", "c", "a", "d", "e", "b", "e"];
    let mut shapes = [0, 0, 0];
    for (seed, strength, direct, level) in [(0, 1.0, 0.0, 0.9), (1, 0.05, 1.0, 0.8), (2, 0.01, 0.01, 0.99)] {
        let d = shares(seed, strength, direct);
        let rows: Vec<usize> = (0..d.y.len()).collect();
        let design = d.design(&rows, Some(&d.weights));
        let (y, x, z) = (d.net(&d.y), d.net(&d.x), d.net(&d.shares.dot(&d.shocks)));
        let weighted = &d.shares * &d.weights.view().insert_axis(Axis(1));
        let gram = linalg::inverse(weighted.t().dot(&d.shares).view()).unwrap();
        let residual_shocks = gram.dot(&weighted.t().dot(&z));
        let zx = (&z * &x * &d.weights).sum();
        let estimate = (&z * &y * &d.weights).sum() / zx;
        // The standard error with the coefficient imposed, by clusters of shocks or without.
        let error = |b: f64, clustered: bool| {
            let exposed = weighted.t().dot(&(&y - &(&x * b)));
            let mut sums = std::collections::BTreeMap::new();
            for k in 0..8 {
                let own = k.to_string();
                *sums.entry(if clustered { clusters[k] } else { &own }.to_string()).or_insert(0.0) +=
                    residual_shocks[k] * exposed[k];
            }
            sums.values().map(|s| s * s).sum::<f64>().sqrt() / zx.abs()
        };
        let quantile = [1.6448536269514722, 1.2815515655446004, 2.5758293035489004][seed as usize];
        for clustered in [false, true] {
            let akm = design.akm(clustered.then_some(clusters.as_slice()), level).unwrap();
            close(akm.estimate, estimate, 1e-9);
            close(akm.standard_error, error(estimate, clustered), 1e-9);
            close(akm.interval.0, estimate - quantile * akm.standard_error, 1e-9);
            close(akm.interval.1, estimate + quantile * akm.standard_error, 1e-9);
            let holds = |b: f64| match akm.null_imposed {
                NullImposed::Interval(low, high) => low <= b && b <= high,
                NullImposed::Rays(low, high) => b <= low || b >= high,
                NullImposed::Line => true,
            };
            let mut tried: Vec<f64> =
                (-400..=400).map(|k| estimate + f64::from(k) * akm.standard_error / 20.0).collect();
            match akm.null_imposed {
                NullImposed::Interval(low, high) | NullImposed::Rays(low, high) => {
                    shapes[usize::from(matches!(akm.null_imposed, NullImposed::Rays(..)))] += 1;
                    assert!(low < high, "{akm:?}");
                    let small = 1e-6 * (high - low);
                    tried.extend([low - small, low + small, high - small, high + small]);
                }
                NullImposed::Line => shapes[2] += 1,
            }
            for b in tried {
                assert_eq!((estimate - b).abs() <= quantile * error(b, clustered), holds(b), "{b} {akm:?}");
            }
        }
    }
    assert_eq!(shapes, [2, 2, 2]);
}

#[test]
fn weights_of_a_shift_share_design_are_repeated_rows() {
    let d = shares(3, 1.0, 0.0);
    let rows: Vec<usize> = (0..d.y.len()).collect();
    let repeated: Vec<usize> = rows.iter().flat_map(|&i| vec![i; d.weights[i] as usize]).collect();
    let (weighted, copied) = (d.design(&rows, Some(&d.weights)), d.design(&repeated, None));
    let fits = [&weighted, &copied].map(|design| design.akm::<u8>(None, 0.95).unwrap());
    close(fits[0].estimate, fits[1].estimate, 1e-10);
    close(fits[0].standard_error, fits[1].standard_error, 1e-10);
    let covariance = MomentCovariance::heteroskedastic();
    let controls = Array2::from_shape_fn((8, 1), |(k, _)| (k % 3) as f64);
    let levels =
        [&weighted, &copied].map(|design| design.shock_level(Some(controls.view()), &covariance).unwrap());
    close(levels[0].estimate, levels[1].estimate, 1e-10);
    close(levels[0].standard_error, levels[1].standard_error, 1e-10);
    // The regression over shocks by hand: weighted least squares of its own columns.
    let level = &levels[0];
    let exposure = d.shares.t().dot(&d.weights);
    let (total, y, x) = (exposure.sum(), d.net(&d.y), d.net(&d.x));
    let design = stack![Axis(1), Array1::ones(8), controls.column(0)];
    let by = &design * &level.weights.view().insert_axis(Axis(1));
    let inverse = linalg::inverse(by.t().dot(&design).view()).unwrap();
    let g = &d.shocks - &design.dot(&inverse.dot(&by.t().dot(&d.shocks)));
    for k in 0..8 {
        let mean =
            |v: &Array1<f64>| (0..v.len()).map(|i| d.weights[i] * d.shares[[i, k]] * v[i]).sum::<f64>();
        close(level.weights[k], exposure[k] / total, 1e-12);
        close(level.outcome[k], mean(&y) / exposure[k], 1e-9);
        close(level.treatment[k], mean(&x) / exposure[k], 1e-9);
    }
    let strength = (&g * &level.treatment * &level.weights).sum();
    close(level.estimate, (&g * &level.outcome * &level.weights).sum() / strength, 1e-9);
    let e = &level.outcome - &(&level.treatment * level.estimate);
    let e = &e - &design.dot(&inverse.dot(&by.t().dot(&e)));
    let meat: f64 = (0..8).map(|k| (level.weights[k] * g[k] * e[k]).powi(2)).sum();
    close(level.standard_error, meat.sqrt() / strength.abs(), 1e-9);
    close(level.effective_shocks, total * total / exposure.dot(&exposure), 1e-9);
}

/// A sector that is small everywhere has small shares, which are no more collinear for it.
#[test]
fn the_unit_of_a_share_does_not_matter() {
    let s = shares(3, 0.8, 0.0);
    let (mut small, mut large) = (s.shares.clone(), s.shocks.clone());
    small.column_mut(0).mapv_inplace(|v| v * 1e-7);
    large[0] *= 1e7;
    let totals = small.sum_axis(Axis(1)).insert_axis(Axis(1));
    let controls = concatenate![Axis(1), s.controls, totals];
    let run = |shares: &Array2<f64>, shocks: &Array1<f64>| {
        ShiftShare::new(s.y.view(), s.x.view(), shares.view(), shocks.view(), controls.view(), None)
            .and_then(|design| design.akm::<usize>(None, 0.95))
            .unwrap()
    };
    let (a, b) = (run(&s.shares, &s.shocks), run(&small, &large));
    close(b.estimate, a.estimate, 1e-7);
    close(b.standard_error, a.standard_error, 1e-7);
}

#[test]
fn what_is_wrong_with_a_shift_share_design_is_named() {
    let d = shares(4, 1.0, 0.0);
    let rows: Vec<usize> = (0..d.y.len()).collect();
    let design = d.design(&rows, None);
    for level in [0.0, 1.0, f64::NAN] {
        assert!(matches!(design.akm::<u8>(None, level), Err(ShiftShareError::Level(_))), "{level}");
    }
    assert!(matches!(
        design.akm(Some(&[1, 2, 3]), 0.95),
        Err(ShiftShareError::Shape { what: "clusters of shocks", expected: 8, found: 3 })
    ));
    let few = Array2::<f64>::ones((7, 1));
    assert!(matches!(
        design.shock_level(Some(few.view()), &MomentCovariance::heteroskedastic()),
        Err(ShiftShareError::Shape { expected: 8, found: 7, .. })
    ));
    // Fewer rows than shocks leave the shares collinear, and so do two shocks with the same shares.
    let some = d.design(&rows[..7], None);
    assert!(matches!(
        some.akm::<u8>(None, 0.95),
        Err(ShiftShareError::CollinearShares { shocks: 8, rows: 7 })
    ));
    let mut y = d.y.clone();
    y[5] = f64::NAN;
    let bad =
        ShiftShare::new(y.view(), d.x.view(), d.shares.view(), d.shocks.view(), d.controls.view(), None);
    assert!(matches!(bad, Err(ShiftShareError::Invalid { what: "outcome", index: 5, .. })));
}

#[test]
fn bootstrap_summaries_are_those_of_the_list_of_draws() {
    // Nine draws cut the line in ten: the tenth at either end lies at the first and the last.
    let first = [4.0, 9.0, 1.0, 6.0, 2.0, 8.0, 3.0, 7.0, 5.0];
    let draws = Array2::from_shape_fn((9, 2), |(b, k)| if k == 0 { first[b] } else { first[b] * first[b] });
    let draws = BootstrapDraws { estimate: array![4.5, 20.0], draws, failed: 0 };
    let (mean, mean_square) = (5.0, 285.0 / 9.0);
    close(draws.bias()[0], mean - 4.5, 1e-12);
    close(draws.bias()[1], mean_square - 20.0, 1e-12);
    let covariance = draws.covariance();
    let moment = |f: &dyn Fn(f64) -> f64| first.iter().map(|v| f(*v)).sum::<f64>() / 8.0;
    close(covariance[[0, 0]], 7.5, 1e-12);
    close(covariance[[0, 1]], moment(&|v| (v - mean) * (v * v - mean_square)), 1e-12);
    close(draws.standard_errors()[0], 7.5_f64.sqrt(), 1e-12);
    for (level, ends) in [(0.8, (1.0, 9.0)), (0.7, (1.5, 8.5)), (0.5, (2.5, 7.5)), (0.99, (1.0, 9.0))] {
        let (percentile, basic) = (draws.percentile(level).unwrap(), draws.basic(level).unwrap());
        close(percentile[[0, 0]], ends.0, 1e-12);
        close(percentile[[0, 1]], ends.1, 1e-12);
        close(basic[[0, 0]], 9.0 - ends.1, 1e-12);
        close(basic[[0, 1]], 9.0 - ends.0, 1e-12);
    }
    // Between the first and the second square, 1 and 4.
    close(draws.percentile(0.7).unwrap()[[1, 0]], 2.5, 1e-12);
    close(draws.percentile(0.76).unwrap()[[1, 0]], 1.0 + 0.2 * 3.0, 1e-9);
    let normal = draws.normal(0.9).unwrap();
    close(normal[[0, 0]], 4.5 - 1.6448536269514722 * 7.5_f64.sqrt(), 1e-9);
    close(normal[[0, 1]], 4.5 + 1.6448536269514722 * 7.5_f64.sqrt(), 1e-9);
    for level in [0.0, 1.0] {
        assert!(
            draws.normal(level).is_err() && draws.basic(level).is_err() && draws.percentile(level).is_err()
        );
    }
}

#[test]
fn a_bootstrap_counts_failures_and_refuses_too_many() {
    let run = |rows: usize, draws: usize, allowed_failures: f64| {
        // The draws that leave out the first row fail; the sample itself does not.
        let statistic =
            |r: &estimation::resample::Resample| r.rows.contains(&0).then(|| array![r.rows.len() as f64]);
        Bootstrap { draws, seed: 4, allowed_failures }.pairs(rows, statistic)
    };
    let fit = run(4, 40, 1.0).unwrap();
    assert!(fit.failed > 0 && fit.draws.nrows() == 40 - fit.failed);
    let share = fit.failed as f64 / 40.0;
    assert!(run(4, 40, share).is_ok());
    let refused = run(4, 40, share - 0.001);
    assert!(matches!(refused, Err(ResampleError::Failed { failed, draws: 40, .. }) if failed == fit.failed));
    assert!(matches!(
        run(1, 40, 1.0),
        Err(ResampleError::TooFew { what: "rows or clusters", needed: 2, found: 1 })
    ));
    assert!(matches!(run(4, 1, 1.0), Err(ResampleError::TooFew { what: "draws", needed: 2, found: 1 })));
    assert!(
        run(2, 2, 1.0).is_ok() || run(2, 2, 1.0).is_err_and(|e| matches!(e, ResampleError::Failed { .. }))
    );
}

#[test]
fn bootstrap_p_values_are_shares_of_the_list_of_draws() {
    let mut rng = stream(12, 0);
    let n = 36;
    let ids: Vec<usize> = (0..n).map(|i| i % 6).collect();
    let x =
        Array2::from_shape_fn((n, 2), |(_, k)| if k == 0 { 1.0 } else { StandardNormal.sample(&mut rng) });
    let y = Array1::from_shape_fn(n, |i| x[[i, 1]] + rng.random::<f64>().powi(4) * 3.0);
    let c = array![0.0, 1.0];
    for weights in [WildWeights::Rademacher, WildWeights::Webb, WildWeights::Mammen] {
        for value in [0.4, 0.8, 1.1, 1.5] {
            let wild = WildCluster { weights, draws: 199, seed: 5, impose_null: true };
            let test = wild.test(y.view(), x.view(), &ids, c.view(), value).unwrap();
            let share = |f: &dyn Fn(f64) -> bool| {
                test.t_star.iter().filter(|s| f(**s)).count() as f64 / test.t_star.len() as f64
            };
            // Draws of equal signs repeat the sample's statistic: ties, up to rounding.
            let tie = |s: f64| (s - test.t).abs() < 1e-9 * test.t.abs();
            let larger = share(&|s| s.abs() >= test.t.abs() * (1.0 - 1e-9));
            assert_eq!(test.p_value, larger);
            let (below, above) = (share(&|s| s < test.t && !tie(s)), share(&|s| s > test.t && !tie(s)));
            close(test.p_value_equal_tail, (2.0 * below.min(above)).min(1.0), 1e-12);
        }
    }
    let none = WildCluster { weights: WildWeights::Webb, draws: 0, seed: 5, impose_null: true };
    let refused = none.test(y.view(), x.view(), &ids, c.view(), 0.0);
    assert!(matches!(refused, Err(ResampleError::TooFew { what: "draws", needed: 1, found: 0 })));
    let refused = rademacher(9, true).test(y.view(), x.view(), &vec![0; n], c.view(), 0.0);
    assert!(matches!(refused, Err(ResampleError::TooFew { what: "clusters", needed: 2, found: 1 })));
}
