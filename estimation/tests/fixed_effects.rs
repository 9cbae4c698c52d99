//! Absorbed effects against dummies, weights against copies, threads against each other, and variances in their
//! limits.
#![allow(clippy::expect_used, clippy::panic)]

use estimation::vcov::SpatialKernel;
use estimation::{
    Categories, Estimates, EstimationError, Formula, Regression, SmallSample, Table, Vcov, VcovFormula,
    WeightColumn, Weights,
};
use ndarray::{Array1, Array2, Axis, concatenate};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

struct Panel {
    y: Array1<f64>,
    count: Array1<f64>,
    x: Array2<f64>,
    unit: Categories,
    period: Categories,
}

fn panel(seed: u64, units: usize, periods: usize) -> Panel {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let n = units * periods;
    let a: Vec<f64> = (0..units).map(|_| normal()).collect();
    let x = Array2::from_shape_fn((n, 2), |(i, j)| normal() + if j == 0 { a[i / periods] } else { 0.0 });
    let eta = Array1::from_shape_fn(n, |i| {
        0.3 * x[[i, 0]] - 0.2 * x[[i, 1]] + 0.4 * a[i / periods] + 0.1 * (i % periods) as f64
    });
    let y = eta.mapv(|e| e + normal());
    let count = eta.mapv(|e| Poisson::new(e.exp()).expect("mean").sample(&mut rng));
    let unit = Categories::new("unit", (0..n).map(|i| i / periods));
    let period = Categories::new("period", (0..n).map(|i| i % periods));
    Panel { y, count, x, unit, period }
}

fn dummies(of: &Categories, skip: usize) -> Array2<f64> {
    Array2::from_shape_fn((of.len(), of.count() - skip), |(i, j)| {
        f64::from(u8::from(of.codes()[i] as usize == j + skip))
    })
}

/// The first coefficients agree.
fn agree(a: &Estimates, b: &Estimates, tolerance: f64) {
    for name in ["x1", "x2"] {
        let (a, b) = (a.coefficient(name).expect("named"), b.coefficient(name).expect("named"));
        assert!((a.estimate - b.estimate).abs() < tolerance, "{a:?} {b:?}");
        assert!((a.std_error / b.std_error - 1.0).abs() < tolerance, "{a:?} {b:?}");
    }
}

#[test]
fn absorbing_is_including_dummies() {
    let p = panel(1, 12, 7);
    let x = concatenate(Axis(1), &[p.x.view(), dummies(&p.unit, 0).view(), dummies(&p.period, 1).view()])
        .expect("fits");
    let absorb =
        |y: &Array1<f64>| Regression::new(y.clone(), p.x.clone()).absorb([p.unit.clone(), p.period.clone()]);
    let include = |y: &Array1<f64>| Regression::new(y.clone(), x.clone()).without_constant();
    for vcov in [Vcov::Classical, Vcov::Hc1] {
        let (a, b) = (absorb(&p.y).ols(&vcov).expect("ols"), include(&p.y).ols(&vcov).expect("ols"));
        agree(a.estimates(), b.estimates(), 1e-8);
        assert!(
            (a.r_squared() - {
                let mean = p.y.mean().expect("rows");
                1.0 - b.residual_sum_of_squares() / p.y.mapv(|y| (y - mean).powi(2)).sum()
            })
            .abs()
                < 1e-10
        );
        let (a, b) =
            (absorb(&p.count).poisson(&vcov).expect("ppml"), include(&p.count).poisson(&vcov).expect("ppml"));
        agree(a.estimates(), b.estimates(), 1e-6);
        assert!((a.deviance() / b.deviance() - 1.0).abs() < 1e-10);
    }
}

#[test]
fn predictions_on_the_sample_are_its_fitted_values() {
    let p = panel(2, 10, 6);
    let effects = [p.unit.clone(), p.period.clone()];
    let linear =
        Regression::new(p.y.clone(), p.x.clone()).absorb(effects.clone()).ols(&Vcov::Hc1).expect("ols");
    for (a, b) in linear.predict(p.x.view(), &effects).expect("known levels").iter().zip(linear.fitted()) {
        assert!((a - b).abs() < 1e-7);
    }
    let values = linear.fixed_effects().expect("recovered");
    let mean: f64 = values.values("period").iter().map(|v| v.1).sum::<f64>() / 6.0;
    assert!(mean.abs() < 1e-9);
    // Effects after the first have mean zero over the rows, where rows differ by weight and levels by size, too.
    let rows: Vec<usize> = (0..p.y.len()).filter(|i| i % 7 != 3).collect();
    let weights = rows.iter().map(|i| 1.0 + (i % 5) as f64).collect();
    let select = |c: &Categories| {
        Categories::new(c.name(), rows.iter().map(|&i| c.label(i).expect("a row").to_owned()))
    };
    let uneven = Regression::new(p.y.select(Axis(0), &rows), p.x.select(Axis(0), &rows))
        .absorb(effects.each_ref().map(select))
        .weights(Weights::Analytic(weights))
        .ols(&Vcov::Hc1)
        .expect("ols");
    let values = uneven.fixed_effects().expect("recovered");
    let period = |&i: &usize| values.value("period", p.period.label(i).expect("a row")).expect("a level");
    let (mean, size) = rows.iter().map(period).fold((0.0, 0.0), |s, v| (s.0 + v, s.1 + v.abs()));
    assert!(mean.abs() < 1e-9 * size && size > 1.0, "{mean} {size}");
    let poisson =
        Regression::new(p.count, p.x.clone()).absorb(effects.clone()).poisson(&Vcov::Hc1).expect("ppml");
    let used = poisson.rows();
    for (row, fitted) in used.iter().zip(poisson.fitted()) {
        let one = p.x.select(Axis(0), &[*row]);
        let at = effects.clone().map(|e| Categories::new(e.name(), [e.label(*row).expect("a row")]));
        let predicted = poisson.predict(one.view(), &at).expect("known levels")[0];
        assert!((predicted / fitted - 1.0).abs() < 1e-6, "{predicted} {fitted}");
    }
    let unknown = [Categories::new("unit", ["99"]), Categories::new("period", ["0"])];
    let error = linear.predict(Array2::zeros((1, 2)).view(), &unknown).unwrap_err();
    assert_eq!(error, EstimationError::UnknownLevel { effect: "unit".into(), level: "99".into() });
}

#[test]
fn frequency_weights_are_copies_under_fixed_effects_and_poisson() {
    let p = panel(3, 10, 6);
    let w: Vec<f64> = (0..p.y.len()).map(|i| (1 + i % 3) as f64).collect();
    let copies: Vec<usize> = w.iter().enumerate().flat_map(|(i, &w)| vec![i; w as usize]).collect();
    let copied = |c: &Categories| Categories::new(c.name(), copies.iter().map(|&i| c.codes()[i]));
    for clustered in [false, true] {
        let vcov = |unit: Categories| {
            if clustered { Vcov::cluster([unit], SmallSample::Fixest) } else { Vcov::Hc1 }
        };
        let weighted = Regression::new(p.count.clone(), p.x.clone())
            .absorb([p.unit.clone(), p.period.clone()])
            .weights(Weights::Frequency(w.clone()));
        let expanded = Regression::new(p.count.select(Axis(0), &copies), p.x.select(Axis(0), &copies))
            .absorb([copied(&p.unit), copied(&p.period)]);
        let (a, b) = (vcov(p.unit.clone()), vcov(copied(&p.unit)));
        agree(weighted.ols(&a).expect("ols").estimates(), expanded.ols(&b).expect("ols").estimates(), 1e-8);
        agree(
            weighted.poisson(&a).expect("ppml").estimates(),
            expanded.poisson(&b).expect("ppml").estimates(),
            1e-7,
        );
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let p = panel(4, 2_000, 6);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(9);
    let third = Categories::new("third", (0..p.y.len()).map(|_| rng.random_range(0..300)));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let regression = Regression::new(p.count.clone(), p.x.clone()).absorb([
                p.unit.clone(),
                p.period.clone(),
                third.clone(),
            ]);
            let fit = regression.poisson(&Vcov::Hc1).expect("ppml");
            let ols = regression.ols(&Vcov::Hc1).expect("ols");
            (fit.estimates().clone(), fit.fitted().to_vec(), ols.estimates().clone())
        })
    };
    assert!(run(1) == run(3));
}

/// Workers who hardly move: the graph of workers and firms is a long chain, on which alternating projections
/// need thousands of rounds.
#[test]
fn a_chain_of_firms_converges() {
    let (firms, per_firm, years) = (120, 8, 6);
    let n = firms * per_firm * years;
    let worker = Categories::new("worker", (0..n).map(|i| i / years));
    let firm = Categories::new(
        "firm",
        (0..n).map(|i| {
            let (home, first) = (i / years / per_firm, (i / years) % per_firm == 0);
            if first && i % years >= 3 { (home + 1) % firms } else { home }
        }),
    );
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let x = Array2::from_shape_fn((n, 2), |(i, _)| normal() + firm.codes()[i] as f64 / 40.0);
    let y = Array1::from_shape_fn(n, |i| 0.5 * x[[i, 0]] - x[[i, 1]] + firm.codes()[i] as f64 + normal());
    let absorbed = Regression::new(y.clone(), x.clone())
        .absorb([worker.clone(), firm.clone()])
        .ols(&Vcov::Hc1)
        .expect("ols");
    // The same with firms as dummies: one effect is absorbed exactly.
    let wide = concatenate(Axis(1), &[x.view(), dummies(&firm, 1).view()]).expect("fits");
    let exact = Regression::new(y, wide).absorb([worker]).ols(&Vcov::Hc1).expect("ols");
    agree(absorbed.estimates(), exact.estimates(), 1e-7);
}

#[test]
fn singletons_are_dropped_in_turn() {
    // Row 0 is alone in its unit; without it, row 1 is alone in its period.
    let mut unit: Vec<usize> = (0..30).map(|i| i / 3).collect();
    let mut period: Vec<usize> = (0..30).map(|i| i % 3).collect();
    unit[0] = 99;
    period[0] = 77;
    period[1] = 77;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
    let x = Array2::from_shape_fn((30, 2), |_| StandardNormal.sample(&mut rng));
    let y = Array1::from_shape_fn(30, |_| StandardNormal.sample(&mut rng));
    let regression =
        Regression::new(y, x).absorb([Categories::new("unit", unit), Categories::new("period", period)]);
    let fit = regression.ols(&Vcov::Hc1).expect("ols");
    assert_eq!(fit.dropped().singletons, [0, 1, 2]);
    let kept = regression.keep_singletons().ols(&Vcov::Hc1).expect("ols");
    assert!(kept.dropped().singletons.is_empty());
    for (a, b) in fit.estimates().coefficients().iter().zip(kept.estimates().coefficients()) {
        assert!((a - b).abs() < 1e-9);
    }
}

#[test]
fn a_row_that_stands_for_several_is_no_singleton() {
    let n = 13;
    let unit = Categories::new("unit", (0..n).map(|i| i / 4));
    let x = Array2::from_shape_fn((n, 1), |(i, _)| (i * i % 7) as f64);
    let y = Array1::from_shape_fn(n, |i| (i * i % 11) as f64);
    for (copies, rows, alone) in [(1.0, 12, vec![12]), (2.0, 13, vec![]), (7.0, 13, vec![])] {
        let mut weights = vec![1.0; n];
        weights[12] = copies;
        let weighted = |w: Weights| {
            Regression::new(y.clone(), x.clone())
                .absorb([unit.clone()])
                .weights(w)
                .ols(&Vcov::Hc1)
                .expect("ols")
        };
        let fit = weighted(Weights::Frequency(weights.clone()));
        assert_eq!((fit.rows().len(), &fit.dropped().singletons), (rows, &alone), "{copies}");
        assert_eq!(weighted(Weights::Analytic(weights)).dropped().singletons, [12]);
    }
}

#[test]
fn variances_meet_in_their_limits() {
    let p = panel(7, 20, 8);
    let n = p.y.len();
    let run =
        |vcov: &Vcov| Regression::new(p.y.clone(), p.x.clone()).ols(vcov).expect("ols").estimates().clone();
    let time: Vec<i64> = (0..n).map(|i| (i % 8) as i64).collect();
    let none = SmallSample::Uncorrected;
    // No lags: independent rows, and clusters of periods.
    agree(
        &run(&Vcov::NeweyWest {
            time: time.clone(),
            unit: Some(p.unit.clone()),
            lags: 0,
            small_sample: none,
        }),
        &run(&Vcov::Hc0),
        1e-10,
    );
    agree(
        &run(&Vcov::DriscollKraay { time: time.clone(), lags: 0, small_sample: none }),
        &run(&Vcov::cluster([p.period.clone()], none)),
        1e-10,
    );
    // Points too far apart to matter, and points in one place per unit.
    let place = |i: usize| (p.unit.codes()[i] as f64 * 4.0 - 40.0, p.unit.codes()[i] as f64 * 15.0 - 150.0);
    let conley = |latitude: Vec<f64>, longitude: Vec<f64>| Vcov::Conley {
        latitude,
        longitude,
        cutoff_km: 50.0,
        kernel: SpatialKernel::Uniform,
    };
    let spread = |i: usize| (-80.0 + i as f64, (i * 37 % 360) as f64 - 180.0);
    agree(
        &run(&conley((0..n).map(|i| spread(i).0).collect(), (0..n).map(|i| spread(i).1).collect())),
        &run(&Vcov::Hc1),
        1e-10,
    );
    let by_unit = run(&conley((0..n).map(|i| place(i).0).collect(), (0..n).map(|i| place(i).1).collect()));
    let clustered = run(&Vcov::cluster([p.unit.clone()], none));
    let scale = (n as f64 / (n as f64 - 3.0)).sqrt();
    for (a, b) in by_unit.table().iter().zip(clustered.table()) {
        assert!((a.std_error / (b.std_error * scale) - 1.0).abs() < 1e-10);
    }
    // Two periods of one unit that coincide have no order.
    let twice = Vcov::NeweyWest { time, unit: None, lags: 1, small_sample: none };
    assert!(matches!(
        Regression::new(p.y.clone(), p.x.clone()).ols(&twice).unwrap_err(),
        EstimationError::VcovUnavailable { .. }
    ));
}

#[test]
fn outcomes_that_the_model_fits_almost_exactly_converge_in_any_unit() {
    let p = panel(12, 60, 9);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(13);
    let errors: Vec<f64> = (0..p.y.len()).map(|_| StandardNormal.sample(&mut rng)).collect();
    for unit in [1.0, 1e6, 1e-6] {
        for noise in [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10, 0.0] {
            let y = Array1::from_shape_fn(p.y.len(), |i| {
                let eta = 0.7 * p.x[[i, 0]] - 0.4 * p.x[[i, 1]] + 0.2 * (i % 9) as f64;
                unit * (eta + noise * errors[i]).exp()
            });
            let fit = Regression::new(y, p.x.clone())
                .absorb([p.unit.clone(), p.period.clone()])
                .poisson(&Vcov::Hc1)
                .unwrap_or_else(|error| panic!("unit {unit}, noise {noise}: {error}"));
            for (found, truth) in fit.estimates().coefficients().iter().zip([0.7, -0.4]) {
                let off = (found - truth).abs();
                assert!(off <= noise + 1e-9, "unit {unit}, noise {noise}: off by {off}");
            }
        }
    }
}

/// A few values of the regressor are far from all others, so that full steps overshoot.
fn far(seed: u64, n: usize, power: f64) -> (Array1<f64>, Array1<f64>) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let x = Array1::from_shape_fn(n, |_| {
        let v = normal();
        v.signum() * v.abs().powf(power)
    });
    let y = Array1::from_shape_fn(n, |i| {
        let v = normal();
        if v < -1.0 { 0.0 } else { (power * v + 0.1 * x[i].clamp(-30.0, 30.0)).exp() }
    });
    (y, x)
}

/// At the end the scores of the coefficients, not only of fitted values, are zero.
#[test]
fn steps_that_overshoot_are_halved() {
    let fit = |y: &Array1<f64>, x: &Array1<f64>| {
        Regression::new(y.clone(), x.clone().insert_axis(Axis(1))).poisson(&Vcov::Hc1)
    };
    for (seed, n, power) in
        [(474, 30, 6.0), (1_224, 30, 7.0), (1_567, 13, 7.0), (1_728, 24, 7.0), (3_079, 25, 7.0)]
    {
        let (y, x) = far(seed, n, power);
        let b = fit(&y, &x).expect("ppml").estimates().coefficients().to_owned();
        let mu = x.mapv(|x| (b[0] + b[1] * x).exp());
        for of in [|_: f64| 1.0, |x: f64| x] {
            let terms = || x.iter().zip(&y).zip(&mu).map(|((x, y), mu)| (of(*x) * y, of(*x) * mu));
            let (score, size) =
                terms().fold((0.0, 0.0), |s, (y, mu)| (s.0 + y - mu, s.1 + y.abs() + mu.abs()));
            assert!(score.abs() < 1e-9 * size, "{seed}: {score} of {size}");
        }
    }
    // Fitted values that no number holds, 1e-900 and less.
    let (y, x) = far(341, 17, 6.0);
    assert!(matches!(fit(&y, &x), Err(EstimationError::NotConverged { .. })));
}

#[test]
fn degenerate_poisson_input_is_an_error() {
    let x = Array2::from_shape_fn((6, 1), |(i, _)| i as f64);
    let run = |y: Vec<f64>| Regression::new(Array1::from_vec(y), x.clone()).poisson(&Vcov::Hc1).unwrap_err();
    assert!(matches!(run(vec![0.0; 6]), EstimationError::NoRows { .. }));
    assert!(matches!(
        run(vec![1.0, -2.0, 0.0, 1.0, 3.0, 1.0]),
        EstimationError::NegativeOutcome { row: 1, .. }
    ));
    assert!(matches!(
        run(vec![1.0, f64::NAN, 0.0, 1.0, 3.0, 1.0]),
        EstimationError::NotFinite { row: 1, .. }
    ));
    let own = Categories::new("row", 0..6);
    let all_singletons = Regression::new(Array1::from_vec(vec![1.0; 6]), x.clone()).absorb([own]);
    assert!(matches!(all_singletons.ols(&Vcov::Hc1).unwrap_err(), EstimationError::NoRows { .. }));
    let spanned = Categories::new("pair", (0..6).map(|i| i / 2));
    let level = Array2::from_shape_fn((6, 1), |(i, _)| (i / 2) as f64);
    assert!(matches!(
        Regression::new(Array1::from_vec(vec![1.0, 2.0, 4.0, 1.0, 2.0, 2.0]), level)
            .absorb([spanned])
            .poisson(&Vcov::Hc1)
            .unwrap_err(),
        EstimationError::NothingIdentified { .. }
    ));
}

/// What is written twice is there once, in regressors as in effects.
#[test]
fn effects_are_right_whatever_a_formula_writes_twice() {
    let p = panel(21, 8, 6);
    let (a, b) = (p.x.column(0), p.x.column(1));
    let c = Array1::from_shape_fn(a.len(), |i| ((i * i) % 7) as f64);
    let table = Table::new()
        .numeric("y", (&p.y + &a * 3.0).to_vec())
        .and_then(|t| t.numeric("a", a.to_vec()))
        .and_then(|t| t.numeric("b", b.to_vec()))
        .and_then(|t| t.numeric("c", c.to_vec()))
        .and_then(|t| t.numeric("constant", b.to_vec()))
        .and_then(|t| t.categorical("f", p.unit.codes().iter().map(u32::to_string)))
        .expect("well formed");
    let model = |formula: &str| {
        let vcov = VcovFormula::parse("HC1").expect("valid");
        Formula::parse(formula)
            .and_then(|f| f.model(&table, &vcov, WeightColumn::None))
            .expect(formula)
            .regression
            .ols(&Vcov::Hc1)
            .expect(formula)
    };
    let products = model("y ~ a*b + a*c | f");
    assert_eq!(products.estimates().names(), ["a", "b", "a:b", "c", "a:c"]);
    assert!(products.dropped().regressors.is_empty());
    let x = concatenate(Axis(1), &[p.x.view(), (&a * &b).insert_axis(Axis(1)).view()])
        .and_then(|x| concatenate(Axis(1), &[x.view(), c.view().insert_axis(Axis(1))]))
        .and_then(|x| concatenate(Axis(1), &[x.view(), (&a * &c).insert_axis(Axis(1)).view()]))
        .expect("fits");
    let unit = Categories::new("f", p.unit.codes().iter().map(u32::to_string));
    let predicted = products.predict(x.view(), std::slice::from_ref(&unit)).expect("known levels");
    for (predicted, fitted) in predicted.iter().zip(products.fitted()) {
        assert!((predicted - fitted).abs() < 1e-8, "{predicted} {fitted}");
    }
    // A regressor may be called like the constant where there is none.
    let constant = model("y ~ constant | f");
    let predicted =
        constant.predict(b.insert_axis(Axis(1)), std::slice::from_ref(&unit)).expect("known levels");
    for (predicted, fitted) in predicted.iter().zip(constant.fitted()) {
        assert!((predicted - fitted).abs() < 1e-8, "{predicted} {fitted}");
    }
    let slopes = model("y ~ c | f[a] + f[b] + f");
    assert_eq!(slopes.effects(), ["f", "f[a]", "f[b]"]);
}

/// Levels of a combination that would read the same are told apart, in effects and predictions.
#[test]
fn combinations_of_levels_keep_their_own_values() {
    let n = 36;
    let a = Categories::new("a", (0..n).map(|i| ["x_y", "x", "w"][i % 3]));
    let b = Categories::new("b", (0..n).map(|i| ["z", "y_z"][usize::from(i % 3 == 1)]));
    let both = a.interact(&b);
    let x = Array2::from_shape_fn((n, 1), |(i, _)| ((i * i) % 11) as f64);
    let y = Array1::from_shape_fn(n, |i| x[[i, 0]] + [10.0, -20.0, 5.0][i % 3] + 0.01 * ((i * 7) % 5) as f64);
    let fit = Regression::new(y, x.clone()).absorb([both.clone()]).ols(&Vcov::Hc1).expect("ols");
    let predicted = fit.predict(x.view(), &[both]).expect("known levels");
    for (predicted, fitted) in predicted.iter().zip(fit.fitted()) {
        assert!((predicted - fitted).abs() < 1e-8, "{predicted} {fitted}");
    }
    assert_eq!(fit.fixed_effects().expect("recovered").values("a^b").len(), 3);
}
