//! Least squares against certified values and against itself.
#![allow(clippy::expect_used)]

use estimation::statistic::TestStatistic;
use estimation::{Categories, EstimationError, Regression, SmallSample, Vcov, Weights};
use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;

const LONGLEY: [[f64; 7]; 16] = [
    [60323.0, 83.0, 234289.0, 2356.0, 1590.0, 107608.0, 1947.0],
    [61122.0, 88.5, 259426.0, 2325.0, 1456.0, 108632.0, 1948.0],
    [60171.0, 88.2, 258054.0, 3682.0, 1616.0, 109773.0, 1949.0],
    [61187.0, 89.5, 284599.0, 3351.0, 1650.0, 110929.0, 1950.0],
    [63221.0, 96.2, 328975.0, 2099.0, 3099.0, 112075.0, 1951.0],
    [63639.0, 98.1, 346999.0, 1932.0, 3594.0, 113270.0, 1952.0],
    [64989.0, 99.0, 365385.0, 1870.0, 3547.0, 115094.0, 1953.0],
    [63761.0, 100.0, 363112.0, 3578.0, 3350.0, 116219.0, 1954.0],
    [66019.0, 101.2, 397469.0, 2904.0, 3048.0, 117388.0, 1955.0],
    [67857.0, 104.6, 419180.0, 2822.0, 2857.0, 118734.0, 1956.0],
    [68169.0, 108.4, 442769.0, 2936.0, 2798.0, 120445.0, 1957.0],
    [66513.0, 110.8, 444546.0, 4681.0, 2637.0, 121950.0, 1958.0],
    [68655.0, 112.6, 482704.0, 3813.0, 2552.0, 123366.0, 1959.0],
    [69564.0, 114.2, 502601.0, 3931.0, 2514.0, 125368.0, 1960.0],
    [69331.0, 115.7, 518173.0, 4806.0, 2572.0, 127852.0, 1961.0],
    [70551.0, 116.9, 554894.0, 4007.0, 2827.0, 130081.0, 1962.0],
];

/// Longley (1967) is the standard test of least-squares accuracy; the values are those certified by the US
/// National Institute of Standards and Technology (Statistical Reference Datasets).
#[test]
fn longley_to_ten_digits() {
    let y = Array1::from_iter(LONGLEY.iter().map(|r| r[0]));
    let x = Array2::from_shape_fn((16, 6), |(i, j)| LONGLEY[i][j + 1]);
    let fit = Regression::new(y, x).ols(&Vcov::Classical).expect("well posed");
    let certified = [
        (-3482258.63459582, 890420.383607373),
        (15.0618722713733, 84.9149257747669),
        (-0.358191792925910E-01, 0.334910077722432E-01),
        (-2.02022980381683, 0.488399681651699),
        (-1.03322686717359, 0.214274163161675),
        (-0.511041056535807E-01, 0.226073200069370),
        (1829.15146461355, 455.478499142212),
    ];
    for (found, (estimate, std_error)) in fit.estimates().table().iter().zip(certified) {
        assert!((found.estimate / estimate - 1.0).abs() < 1e-10, "{found:?} {estimate}");
        assert!((found.std_error / std_error - 1.0).abs() < 1e-10, "{found:?} {std_error}");
    }
    assert!((fit.r_squared() - 0.995479004577296).abs() < 1e-12);
}

fn data() -> impl Strategy<Value = (Array1<f64>, Array2<f64>, Vec<f64>)> {
    (12..40_usize).prop_flat_map(|n| {
        (
            prop::collection::vec(-1.0..1.0_f64, n),
            prop::collection::vec(-1.0..1.0_f64, n * 2),
            prop::collection::vec(1..4_u8, n),
        )
            .prop_map(move |(y, x, w)| {
                let x = Array2::from_shape_vec((n, 2), x).expect("the length fits");
                (Array1::from_vec(y), x, w.into_iter().map(f64::from).collect())
            })
    })
}

fn variances() -> [Vcov; 5] {
    [Vcov::Classical, Vcov::Hc0, Vcov::Hc1, Vcov::Hc2, Vcov::Hc3]
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs())
}

proptest! {
    #[test]
    fn a_frequency_weight_is_that_many_rows((y, x, w) in data()) {
        let copies: Vec<usize> = w.iter().enumerate().flat_map(|(i, &w)| vec![i; w as usize]).collect();
        for vcov in variances() {
            let weighted = Regression::new(y.clone(), x.clone()).weights(Weights::Frequency(w.clone())).ols(&vcov);
            let copied = Regression::new(y.select(Axis(0), &copies), x.select(Axis(0), &copies)).ols(&vcov);
            let (weighted, copied) = (weighted.expect("well posed"), copied.expect("well posed"));
            for (a, b) in weighted.estimates().table().iter().zip(copied.estimates().table()) {
                prop_assert!(close(a.estimate, b.estimate) && close(a.std_error, b.std_error));
                prop_assert!(close(a.p_value, b.p_value));
            }
        }
    }

    #[test]
    fn the_scale_of_analytic_weights_does_not_matter((y, x, w) in data(), scale in 0.1..10.0_f64) {
        let scaled: Vec<f64> = w.iter().map(|w| w * scale).collect();
        for vcov in variances() {
            let run = |w: &Vec<f64>| {
                Regression::new(y.clone(), x.clone()).weights(Weights::Analytic(w.clone())).ols(&vcov).expect("well posed")
            };
            for (a, b) in run(&w).estimates().table().iter().zip(run(&scaled).estimates().table()) {
                prop_assert!(close(a.estimate, b.estimate) && close(a.std_error, b.std_error));
            }
        }
    }

    #[test]
    fn clusters_of_one_row_are_white((y, x, _) in data()) {
        let own = Categories::new("row", 0..y.len());
        let white = Regression::new(y.clone(), x.clone()).ols(&Vcov::Hc0).expect("well posed");
        let clustered = Regression::new(y, x).ols(&Vcov::cluster([own], SmallSample::Uncorrected)).expect("well posed");
        for (a, b) in white.estimates().table().iter().zip(clustered.estimates().table()) {
            prop_assert!(close(a.std_error, b.std_error));
        }
    }

    #[test]
    fn units_of_a_regressor_move_only_its_own_row((y, x, _) in data(), factor in 1e-6..1e6_f64) {
        let mut scaled = x.clone();
        scaled.column_mut(1).mapv_inplace(|v| v * factor);
        for vcov in variances() {
            let a = Regression::new(y.clone(), x.clone()).ols(&vcov).expect("well posed").estimates().table();
            let b = Regression::new(y.clone(), scaled.clone()).ols(&vcov).expect("well posed").estimates().table();
            prop_assert!(close(a[1].estimate, b[1].estimate) && close(a[1].std_error, b[1].std_error));
            prop_assert!(close(a[2].estimate, b[2].estimate * factor) && close(a[2].statistic, b[2].statistic));
        }
    }
}

/// With one regressor, no constant and HC1, the variance is `n/(n-1) sum x^2 u^2 / (sum x^2)^2`.
#[test]
fn one_regressor_without_constant_by_hand() {
    let (x, y) = ([1.0, 2.0, 3.0, 5.0], [1.5, 1.0, 4.0, 4.5]);
    let fit = Regression::new(Array1::from_vec(y.to_vec()), Array2::from_shape_fn((4, 1), |(i, _)| x[i]))
        .names(["x"])
        .without_constant()
        .ols(&Vcov::Hc1)
        .expect("well posed");
    let sxx: f64 = x.iter().map(|x| x * x).sum();
    let beta = x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>() / sxx;
    let meat: f64 = x.iter().zip(y).map(|(x, y)| (x * (y - beta * x)).powi(2)).sum();
    let b = fit.estimates().coefficient("x").expect("named");
    assert!((b.estimate - beta).abs() < 1e-14);
    assert!((b.std_error - (4.0 / 3.0 * meat).sqrt() / sxx).abs() < 1e-14);
    // Rounding of four rows, by the lengths of what is added up.
    let (length, left) = (y.map(|y| y * y).iter().sum::<f64>(), fit.residual_sum_of_squares());
    let error = 2.0 * f64::EPSILON * (length.sqrt() + left.sqrt()) / sxx.sqrt();
    assert!((fit.accuracy().error[0] / error - 1.0).abs() < 1e-9, "{:?} {error}", fit.accuracy());
}

#[test]
fn collinear_and_constant_regressors_are_dropped_and_named() {
    let y = array![1.0, 2.0, 2.5, 4.2, 5.0, 7.0];
    let x = array![
        [1.0, 7.0, 2.0, 0.3],
        [2.0, 7.0, 4.0, 0.1],
        [3.0, 7.0, 6.0, 0.2],
        [4.0, 7.0, 8.0, 0.5],
        [5.0, 7.0, 10.0, 0.1],
        [6.0, 7.0, 12.0, 0.9]
    ];
    let fit =
        Regression::new(y, x).names(["a", "seven", "twice_a", "b"]).ols(&Vcov::Hc1).expect("well posed");
    assert_eq!(fit.dropped().regressors, ["seven", "twice_a"]);
    assert_eq!(fit.estimates().names(), ["constant", "a", "b"]);
}

#[test]
fn degenerate_input_is_an_error_that_names_it() {
    let y = array![1.0, 2.0, 4.0, 3.0];
    let x = array![[1.0], [2.0], [3.0], [4.0]];
    let run =
        |y: &Array1<f64>, x: &Array2<f64>| Regression::new(y.clone(), x.clone()).names(["x"]).ols(&Vcov::Hc1);
    let mut bad = x.clone();
    bad[[2, 0]] = f64::NAN;
    assert!(run(&y, &bad).unwrap_err().to_string().starts_with("x, row 2, is NaN"));
    let mut bad = y.clone();
    bad[1] = f64::INFINITY;
    assert!(run(&bad, &x).unwrap_err().to_string().starts_with("y, row 1, is inf"));
    assert!(matches!(run(&x.column(0).to_owned(), &x).unwrap_err(), EstimationError::PerfectFit { .. }));
    assert!(matches!(run(&Array1::zeros(4), &x).unwrap_err(), EstimationError::PerfectFit { .. }));
    assert!(matches!(run(&array![1.0, 2.0], &x).unwrap_err(), EstimationError::Length { .. }));
    let wide = Array2::from_shape_fn((4, 5), |(i, j)| ((i * 7 + j * j * 3) % 11) as f64);
    assert!(matches!(
        Regression::new(y.clone(), wide).ols(&Vcov::Hc1).unwrap_err(),
        EstimationError::NoDegreesOfFreedom { .. }
    ));
    let weighted = |w: Weights| Regression::new(y.clone(), x.clone()).weights(w).ols(&Vcov::Hc1).unwrap_err();
    assert!(matches!(
        weighted(Weights::Analytic(vec![1.0, f64::INFINITY, 1.0, 1.0])),
        EstimationError::Weight { row: 1, .. }
    ));
    assert!(matches!(
        weighted(Weights::Frequency(vec![1.0, 1.5, 1.0, 1.0])),
        EstimationError::Weight { row: 1, .. }
    ));
    assert_eq!(
        weighted(Weights::Analytic(vec![0.0; 4])).to_string(),
        "no rows are left to estimate from: of 4, 4 have weight zero, 0 are singletons and 0 are separated"
    );
    assert_eq!(
        run(&Array1::zeros(0), &Array2::zeros((0, 1))).unwrap_err().to_string(),
        "no rows are left to estimate from"
    );
    // Rounding is all that is left, in any unit.
    let roots = Array2::from_shape_fn((9, 2), |(i, j)| ((i + 2) as f64).powf(1.0 / (j + 2) as f64));
    let y_of_roots = &roots.column(0) * (1e6 / 3.0) + &roots.column(1) * 1e5 + 0.1;
    let weights = Weights::Analytic((0..9).map(|i| 1e6 * f64::from(1 + i % 3)).collect());
    let exact = Regression::new(y_of_roots, roots).weights(weights).ols(&Vcov::Hc1);
    assert!(matches!(exact.unwrap_err(), EstimationError::PerfectFit { .. }));
    // A large constant, of which rounding leaves something or nothing where effects take it out.
    for k in 1..20 {
        let level = Array2::from_shape_fn((7, 1), |_| 1e6 + 0.1 * f64::from(k));
        let constant = Regression::new(Array1::from_shape_fn(7, |i| (i * i % 5) as f64), level)
            .absorb([Categories::new("half", (0..7).map(|i| i / 4))])
            .ols(&Vcov::Hc1);
        assert!(matches!(constant.unwrap_err(), EstimationError::NothingIdentified { .. }), "{k}");
    }
    let one = Vcov::cluster([Categories::new("all", [0; 4])], SmallSample::Fixest);
    assert!(matches!(
        Regression::new(y.clone(), x.clone()).ols(&one).unwrap_err(),
        EstimationError::TooFewClusters { count: 1, .. }
    ));
    let dummy = array![[0.0], [0.0], [0.0], [1.0]];
    assert!(matches!(
        Regression::new(y.clone(), dummy).ols(&Vcov::Hc3).unwrap_err(),
        EstimationError::FullLeverage { row: 3, .. }
    ));
    let only = Array2::<f64>::zeros((4, 1));
    assert!(matches!(
        Regression::new(y, only).without_constant().ols(&Vcov::Hc1).unwrap_err(),
        EstimationError::NothingIdentified { .. }
    ));
}

#[test]
fn wald_tests_agree_with_t_ratios_and_refuse_nonsense() {
    let y = Array1::from_iter(LONGLEY.iter().map(|r| r[0]));
    let x = Array2::from_shape_fn((16, 2), |(i, j)| LONGLEY[i][j + 3]);
    let fit = Regression::new(y, x).ols(&Vcov::Hc3).expect("well posed");
    let single = fit.estimates().joint_zero(&["x1"]).expect("named");
    let row = fit.estimates().coefficient("x1").expect("named");
    assert!((single.statistic - row.statistic.powi(2)).abs() < 1e-10);
    assert!((single.p_value - row.p_value).abs() < 1e-10);
    assert!(fit.estimates().joint_zero(&["x1", "x1"]).is_err());
    assert!(fit.estimates().joint_zero(&["nothing"]).is_err());
}

/// Two-way clusters by double sums over pairs of rows, with the factors of each convention and their t distribution.
#[test]
fn two_way_clusters_are_double_sums_with_the_factors_of_their_convention() {
    use statrs::distribution::{ContinuousCDF, StudentsT};
    let n = 120_usize;
    let (g, h) = ((0..n).map(|i| i % 12).collect::<Vec<_>>(), (0..n).map(|i| i / 12).collect::<Vec<_>>());
    let wave = |i: usize, a: f64| (a * (i * i + 3 * i) as f64).sin();
    let x = Array2::from_shape_fn((n, 1), |(i, _)| wave(i, 0.7) + wave(g[i], 1.3) + 0.9 * wave(h[i], 2.1));
    let y = Array1::from_shape_fn(n, |i| {
        0.2 * x[[i, 0]] + wave(i, 3.1) + 1.5 * wave(g[i] + 7, 0.9) + 1.5 * wave(h[i] + 3, 1.7)
    });
    let design = ndarray::concatenate(Axis(1), &[Array2::ones((n, 1)).view(), x.view()]).expect("fits");
    let bread = linalg::inverse(design.t().dot(&design).view()).expect("regular");
    let beta = bread.dot(&design.t().dot(&y));
    let e = &y - &design.dot(&beta);
    let meat = |same: &dyn Fn(usize, usize) -> bool| {
        let mut sums = Array2::<f64>::zeros((2, 2));
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| same(*i, *j)) {
            for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                sums[[a, b]] += design[[i, a]] * e[i] * design[[j, b]] * e[j];
            }
        }
        sums
    };
    let parts = [meat(&|i, j| g[i] == g[j]), meat(&|i, j| h[i] == h[j]), meat(&|i, j| i == j)];
    let correction = (n as f64 - 1.0) / (n as f64 - 2.0);
    for (convention, factors) in [
        (SmallSample::Uncorrected, [1.0, 1.0, 1.0]),
        (SmallSample::Stata, [12.0 / 11.0 * correction, 10.0 / 9.0 * correction, 120.0 / 119.0 * correction]),
        (SmallSample::Fixest, [10.0 / 9.0 * correction; 3]),
    ] {
        let total = &parts[0] * factors[0] + &parts[1] * factors[1] - &parts[2] * factors[2];
        let v = bread.dot(&total).dot(&bread);
        let by = [Categories::new("g", g.iter().copied()), Categories::new("h", h.iter().copied())];
        let fit =
            Regression::new(y.clone(), x.clone()).ols(&Vcov::cluster(by, convention)).expect("well posed");
        for (k, row) in fit.estimates().table().iter().enumerate() {
            assert!((row.std_error / v[[k, k]].sqrt() - 1.0).abs() < 1e-8, "{convention:?} {k}: {row:?} {v}");
            if convention != SmallSample::Uncorrected {
                let t = StudentsT::new(0.0, 1.0, 9.0).expect("degrees");
                let p = 2.0 * t.cdf(-(beta[k] / v[[k, k]].sqrt()).abs());
                assert!((row.p_value - p).abs() < 1e-8, "{convention:?}: {row:?} {p}");
            }
        }
    }
}

/// Newey-West by a double sum over periods, with each convention's factor and reference distribution.
#[test]
fn newey_west_is_a_double_sum_with_the_factor_of_its_convention() {
    use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
    let n = 40_usize;
    let wave = |i: usize, a: f64| (a * (i * i + 5 * i) as f64).sin();
    let x = Array2::from_shape_fn((n, 1), |(i, _)| wave(i, 0.31) + (i as f64 / 9.0).cos());
    let y = Array1::from_shape_fn(n, |i| 0.1 * x[[i, 0]] + wave(i, 1.1) + (i as f64 / 7.0).sin());
    let design = ndarray::concatenate(Axis(1), &[Array2::ones((n, 1)).view(), x.view()]).expect("fits");
    let bread = linalg::inverse(design.t().dot(&design).view()).expect("regular");
    let beta = bread.dot(&design.t().dot(&y));
    let e = &y - &design.dot(&beta);
    // Rows in another order than time's.
    let order: Vec<usize> = (0..n).map(|i| i * 7 % n).collect();
    let time: Vec<i64> = order.iter().map(|i| *i as i64 + 1990).collect();
    let (moved_x, moved_y) = (x.select(Axis(0), &order), y.select(Axis(0), &order));
    for lags in [0, 1, 4] {
        let mut sums = Array2::<f64>::zeros((2, 2));
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let weight = 1.0 - i.abs_diff(j) as f64 / (lags as f64 + 1.0);
            for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                sums[[a, b]] += weight.max(0.0) * design[[i, a]] * e[i] * design[[j, b]] * e[j];
            }
        }
        let v = bread.dot(&sums).dot(&bread);
        let (n, normal) = (n as f64, Normal::new(0.0, 1.0).expect("standard"));
        let student = |df: f64| StudentsT::new(0.0, 1.0, df).expect("degrees");
        for small_sample in [SmallSample::Uncorrected, SmallSample::Stata, SmallSample::Fixest] {
            let factor = match small_sample {
                SmallSample::Uncorrected => 1.0,
                SmallSample::Stata => n / (n - 2.0),
                _ => n / (n - 1.0) * (n - 1.0) / (n - 2.0),
            };
            let vcov = Vcov::NeweyWest { time: time.clone(), unit: None, lags, small_sample };
            let fit = Regression::new(moved_y.clone(), moved_x.clone()).ols(&vcov).expect("well posed");
            for (k, row) in fit.estimates().table().iter().enumerate() {
                let se = (v[[k, k]] * factor).sqrt();
                assert!((row.std_error / se - 1.0).abs() < 1e-8, "{small_sample:?} {lags}: {row:?} {se}");
                let t = -(beta[k] / se).abs();
                let p = match small_sample {
                    SmallSample::Uncorrected => 2.0 * normal.cdf(t),
                    SmallSample::Stata => 2.0 * student(n - 2.0).cdf(t),
                    _ => 2.0 * student(n - 1.0).cdf(t),
                };
                assert!((row.p_value - p).abs() < 1e-8, "{small_sample:?} {lags}: {row:?} {p}");
            }
        }
    }
    let unknown = Vcov::DriscollKraay { time, lags: 1, small_sample: SmallSample::Stata };
    let refused = Regression::new(moved_y, moved_x).ols(&unknown);
    assert!(matches!(refused, Err(EstimationError::VcovUnavailable { .. })));
}

/// Two-way variances need not be positive: then their negative part is left out, as by eigenvalues here.
#[test]
fn a_two_way_variance_that_is_not_positive_loses_what_is_negative() {
    let n = 24_usize;
    let wave = |i: usize, a: f64| ((i * i + 3 * i) as f64 * a).sin();
    let (x, y) =
        (Array2::from_shape_fn((n, 1), |(i, _)| wave(i, 2.0)), Array1::from_shape_fn(n, |i| wave(i, 1.0)));
    let ways = [Categories::new("g", (0..n).map(|i| i % 3)), Categories::new("h", (0..n).map(|i| i / 3))];
    let variance = |vcov: Vcov| {
        Regression::new(y.clone(), x.clone()).ols(&vcov).expect("well posed").estimates().vcov().to_owned()
    };
    let one_way = |way: &Categories| variance(Vcov::cluster([way.clone()], SmallSample::Uncorrected));
    let v = one_way(&ways[0]) + one_way(&ways[1]) - variance(Vcov::Hc0);
    let eigen = linalg::SymmetricEigen::new(v.view()).expect("symmetric");
    assert!(eigen.values[0] < -0.01 && eigen.values[1] > 0.004, "{}", eigen.values);
    let largest = eigen.vectors.column(1);
    let expected = Array2::from_shape_fn((2, 2), |(i, j)| eigen.values[1] * largest[i] * largest[j]);
    let found = variance(Vcov::cluster(ways, SmallSample::Uncorrected));
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found} {expected}");
}

#[test]
fn two_clusters_and_two_periods_are_enough() {
    let n = 12_usize;
    let (y, x) = (
        Array1::from_shape_fn(n, |i| (i * i % 7) as f64),
        Array2::from_shape_fn((n, 1), |(i, _)| (i * i % 5) as f64),
    );
    let time: Vec<i64> = (0..n).map(|i| (i % 2) as i64).collect();
    let run = |vcov: Vcov| Regression::new(y.clone(), x.clone()).ols(&vcov);
    let half = Categories::new("half", (0..n).map(|i| i / 6));
    assert!(run(Vcov::cluster([half], SmallSample::Fixest)).is_ok());
    assert!(run(Vcov::DriscollKraay { time, lags: 0, small_sample: SmallSample::Fixest }).is_ok());
    // A likelihood's t-ratios are held to the normal distribution.
    let counts = Regression::new(y.clone(), x.clone());
    let vcov = Vcov::DriscollKraay {
        time: (0..n as i64).map(|i| i % 4).collect(),
        lags: 1,
        small_sample: SmallSample::Fixest,
    };
    for row in counts.poisson(&vcov).expect("ppml").estimates().table() {
        let p = statrs::function::erf::erfc(row.statistic.abs() / std::f64::consts::SQRT_2);
        assert!((row.p_value - p).abs() < 1e-9 && p > 1e-6, "{row:?} {p}");
    }
    let still = run(Vcov::DriscollKraay { time: vec![4; n], lags: 0, small_sample: SmallSample::Fixest });
    assert_eq!(
        still.unwrap_err(),
        EstimationError::TooFewClusters { variable: "the period".into(), count: 1 }
    );
}

#[test]
fn an_f_test_without_end_of_degrees_is_a_chi_squared_one() {
    let (f, chi) = (TestStatistic::f(2.5, 3, f64::INFINITY), TestStatistic::chi_squared(7.5, 3));
    assert!(f.p_value == chi.p_value && (chi.p_value - 0.0575584).abs() < 1e-6, "{chi}");
    assert!((TestStatistic::f(2.5, 3, 1e9).p_value - f.p_value).abs() < 1e-6);
}
