//! Slopes that vary by level, multinomial shares, and panels that hang together by threads.
#![allow(clippy::expect_used)]

use std::slice::from_ref;

use estimation::gmm::{FirstWeight, Gmm, LinearIv, MomentCovariance, Steps};
use estimation::identification::FirstStage;
use estimation::{
    Categories, EstimationError, Formula, KClass, PoissonSettings, Regression, SmallSample, Table, Vcov,
    VcovFormula, WeightColumn,
};
use ndarray::{Array1, Array2, Axis, concatenate};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

fn normals(rng: &mut Xoshiro256PlusPlus, n: usize) -> Vec<f64> {
    (0..n).map(|_| StandardNormal.sample(rng)).collect()
}

/// 12 units over 15 periods with slopes in `t` of their own.
struct Trends {
    y: Array1<f64>,
    count: Array1<f64>,
    x: Array2<f64>,
    trend: Array1<f64>,
    unit: Categories,
}

fn trends() -> Trends {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let n = 12 * 15;
    let (level, slope) = (normals(&mut rng, 12), normals(&mut rng, 12));
    let (a, e) = (normals(&mut rng, n), normals(&mut rng, n));
    let trend = Array1::from_shape_fn(n, |i| (i % 15) as f64 / 15.0);
    let x = Array2::from_shape_fn((n, 1), |(i, _)| a[i] + slope[i / 15] * trend[i]);
    let eta = Array1::from_shape_fn(n, |i| {
        1.0 + 0.3 * x[[i, 0]] + 0.4 * (level[i / 15] + slope[i / 15] * trend[i])
    });
    let count = eta.mapv(|e: f64| Poisson::new(e.exp()).expect("mean").sample(&mut rng));
    let y = Array1::from_shape_fn(n, |i| eta[i] + 0.5 * e[i]);
    Trends { y, count, x, trend, unit: Categories::new("unit", (0..n).map(|i| i / 15)) }
}

fn dummies(of: &Categories, times: Option<&Array1<f64>>) -> Array2<f64> {
    Array2::from_shape_fn((of.len(), of.count()), |(i, j)| {
        if of.codes()[i] as usize == j { times.map_or(1.0, |t| t[i]) } else { 0.0 }
    })
}

#[test]
fn varying_slopes_are_interactions_with_dummies() {
    let p = trends();
    let (levels, slopes) = (dummies(&p.unit, None), dummies(&p.unit, Some(&p.trend)));
    let with = concatenate(Axis(1), &[p.x.view(), levels.view(), slopes.view()]).expect("fits");
    let alone = concatenate(Axis(1), &[p.x.view(), slopes.view()]).expect("fits");
    for poisson in [false, true] {
        let y = if poisson { &p.count } else { &p.y };
        let absorbed = Regression::new(y.clone(), p.x.clone()).absorb([p.unit.clone()]).absorb_slopes(
            p.unit.clone(),
            "t",
            p.trend.clone(),
        );
        let slope_only =
            Regression::new(y.clone(), p.x.clone()).absorb_slopes(p.unit.clone(), "t", p.trend.clone());
        let pairs = [
            (absorbed, Regression::new(y.clone(), with.clone()).without_constant()),
            (slope_only, Regression::new(y.clone(), alone.clone())),
        ];
        for (a, b) in &pairs {
            for vcov in [Vcov::Classical, Vcov::Hc1] {
                let estimate = |r: &Regression| {
                    let of = |e: &estimation::Estimates| e.coefficient("x1").expect("named");
                    if poisson {
                        of(r.poisson(&vcov).expect("ppml").estimates())
                    } else {
                        of(r.ols(&vcov).expect("ols").estimates())
                    }
                };
                let (a, b) = (estimate(a), estimate(b));
                assert!((a.estimate - b.estimate).abs() < 1e-7, "{a:?} {b:?}");
                assert!((a.std_error / b.std_error - 1.0).abs() < 1e-6, "{a:?} {b:?}");
            }
        }
    }
}

#[test]
fn varying_slopes_are_written_with_brackets_recovered_and_predicted_with() {
    let p = trends();
    let table = Table::new()
        .numeric("y", p.y.to_vec())
        .and_then(|t| t.numeric("x", p.x.column(0).to_vec()))
        .and_then(|t| t.numeric("t", p.trend.to_vec()))
        .and_then(|t| t.categorical("unit", p.unit.codes()))
        .expect("one length");
    let vcov = VcovFormula::parse("HC1").expect("known");
    let model = |text: &str| {
        Formula::parse(text)
            .expect("grammatical")
            .model(&table, &vcov, WeightColumn::None)
            .expect("known variables")
            .regression
            .ols(&Vcov::Hc1)
            .expect("ols")
    };
    let fit = model("y ~ x | unit[t]");
    assert_eq!(fit.effects(), ["unit", "unit[t]"]);
    let same = Regression::new(p.y.clone(), p.x.clone())
        .absorb([p.unit.clone()])
        .absorb_slopes(p.unit.clone(), "t", p.trend.clone())
        .ols(&Vcov::Hc1)
        .expect("ols");
    assert_eq!(fit.estimates().coefficients(), same.estimates().coefficients());
    let units = [p.unit.clone(), p.unit.clone()];
    let slopes = p.trend.clone().insert_axis(Axis(1));
    let predicted = fit.linear_predictor(p.x.view(), &units, slopes.view()).expect("known levels");
    assert!(predicted.iter().zip(fit.fitted()).all(|(a, b)| (a - b).abs() < 1e-6));
    assert!(matches!(fit.predict(p.x.view(), &units), Err(EstimationError::Names { .. })));
    assert_eq!(model("y ~ x | unit[[t]]").effects(), ["unit[t]"]);
    assert!(Formula::parse("y ~ x | unit[t").unwrap_err().to_string().contains("']'"));
}

/// Gravity of 8 sources and 10 destinations.
fn gravity() -> (Array1<f64>, Array2<f64>, Categories, Categories) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
    let (sources, destinations) = (8, 10);
    let n = sources * destinations;
    let (distance, friction, size) = (normals(&mut rng, n), normals(&mut rng, n), normals(&mut rng, sources));
    let x = Array2::from_shape_fn((n, 1), |(i, _)| distance[i]);
    let y = Array1::from_shape_fn(n, |i| {
        let draw: f64 = rng.random();
        if draw < 0.1 { 0.0 } else { (3.0 - 0.8 * x[[i, 0]] + size[i % sources] + 0.5 * friction[i]).exp() }
    });
    let source = Categories::new("source", (0..n).map(|i| i % sources));
    let destination = Categories::new("destination", (0..n).map(|i| i / sources));
    (y, x, source, destination)
}

/// The score of the multinomial pseudo-likelihood, from its definition.
#[test]
fn multinomial_shares_solve_their_own_first_order_conditions() {
    let (y, x, source, destination) = gravity();
    let vcov = Vcov::cluster([destination.clone()], SmallSample::Fixest);
    let fit = Regression::new(y.clone(), x.clone())
        .absorb([source.clone()])
        .multinomial(&destination, &vcov)
        .expect("well posed");
    let b = fit.estimates().coefficient("x1").expect("named").estimate;
    let values = fit.fixed_effects().expect("recovered");
    let effect = |i: usize| values.value("source", source.label(i).expect("a row")).expect("estimated");
    let (mut score_b, mut score_effects, mut likelihood) = (0.0, vec![0.0; source.count()], 0.0);
    for g in 0..destination.count() {
        let rows: Vec<usize> = (0..y.len()).filter(|&i| destination.codes()[i] as usize == g).collect();
        let total: f64 = rows.iter().map(|&i| y[i]).sum();
        let weight: Vec<f64> = rows.iter().map(|&i| (b * x[[i, 0]] + effect(i)).exp()).collect();
        let sum: f64 = weight.iter().sum();
        for (&i, w) in rows.iter().zip(&weight) {
            let (share, fitted) = (y[i] / total, w / sum);
            assert!((fit.fitted()[i] - fitted).abs() < 1e-7, "{i}");
            score_b += (share - fitted) * x[[i, 0]];
            score_effects[source.codes()[i] as usize] += share - fitted;
            if share > 0.0 {
                likelihood += share * fitted.ln();
            }
        }
    }
    assert!(score_b.abs() < 1e-6 && score_effects.iter().all(|s| s.abs() < 1e-6));
    assert!((likelihood - fit.pseudo_likelihood()).abs() < 1e-8);
    let shares = fit.shares(x.view(), from_ref(&source), &destination).expect("known levels");
    assert!(shares.iter().zip(fit.fitted()).all(|(a, b)| (a - b).abs() < 1e-7));
    // However far a regressor is, as long as it is for all alike.
    let far = fit.shares((&x + 1e3).view(), from_ref(&source), &destination).expect("known levels");
    assert!(shares.iter().zip(&far).all(|(a, b)| (a - b).abs() < 1e-9));
    let short = Categories::new("destination", 0..3);
    let error = fit.shares(x.view(), from_ref(&source), &short).unwrap_err();
    assert_eq!(error, EstimationError::Length { what: "destination".into(), expected: 80, found: 3 });
}

#[test]
fn degenerate_shares_are_errors() {
    let (y, x, source, destination) = gravity();
    let run = |y: Array1<f64>, x: Array2<f64>| {
        Regression::new(y, x).absorb([source.clone()]).multinomial(&destination, &Vcov::Hc1).map(|_| ())
    };
    let with = |row: usize, value: f64| {
        let mut y = y.clone();
        y[row] = value;
        run(y, x.clone())
    };
    assert!(matches!(with(3, -1.0), Err(EstimationError::NegativeOutcome { row: 3, .. })));
    assert!(matches!(with(4, f64::NAN), Err(EstimationError::NotFinite { row: 4, .. })));
    assert!(matches!(run(Array1::zeros(y.len()), x.clone()), Err(EstimationError::NoRows { .. })));
    assert!(matches!(run(y.clone(), Array2::ones(x.dim())), Err(EstimationError::NothingIdentified { .. })));
    let short = Categories::new("destination", 0..3);
    let error = Regression::new(y.clone(), x.clone()).multinomial(&short, &Vcov::Hc1).unwrap_err();
    assert!(matches!(error, EstimationError::Length { expected: 80, found: 3, .. }));
}

/// Rows of weight zero are as if they were not there, in the totals of their groups, too.
#[test]
fn shares_are_of_what_counts() {
    let (y, x, source, destination) = gravity();
    let kept: Vec<usize> = (0..y.len()).filter(|i| i % 7 != 3).collect();
    let weights = (0..y.len()).map(|i| f64::from(u8::from(i % 7 != 3))).collect();
    let weighted = Regression::new(y.clone(), x.clone())
        .absorb([source.clone()])
        .weights(estimation::Weights::Analytic(weights))
        .multinomial(&destination, &Vcov::Hc1)
        .expect("well posed");
    let pick = |c: &Categories| Categories::new(c.name(), kept.iter().map(|&i| c.codes()[i]));
    let fewer = Regression::new(y.select(Axis(0), &kept), x.select(Axis(0), &kept))
        .absorb([pick(&source)])
        .multinomial(&pick(&destination), &Vcov::Hc1)
        .expect("well posed");
    assert!((weighted.pseudo_likelihood() / fewer.pseudo_likelihood() - 1.0).abs() < 1e-8);
    assert!(weighted.fitted().iter().zip(fewer.fitted()).all(|(a, b)| (a - b).abs() < 1e-8));
}

/// Groups weighted by their totals are Poisson PML of the levels.
#[test]
fn multinomial_by_size_is_poisson_with_group_effects() {
    let (y, x, source, destination) = gravity();
    let mut totals = vec![0.0; destination.count()];
    y.iter().zip(destination.codes()).for_each(|(y, &g)| totals[g as usize] += y);
    let weights = destination.codes().iter().map(|&g| totals[g as usize]).collect();
    let weighted = Regression::new(y.clone(), x.clone())
        .absorb([source.clone()])
        .weights(estimation::Weights::Analytic(weights))
        .multinomial(&destination, &Vcov::Hc1)
        .expect("well posed");
    let levels = Regression::new(y, x).absorb([source, destination]).poisson(&Vcov::Hc1).expect("well posed");
    let gap = &weighted.estimates().coefficients() - &levels.estimates().coefficients();
    assert!(gap.iter().all(|g| g.abs() < 1e-7), "{gap}");
    for (a, b) in weighted.estimates().std_errors().iter().zip(levels.estimates().std_errors()) {
        assert!((a / b - 1.0).abs() < 1e-5, "{a} {b}");
    }
}

/// Firms in a chain, joined by one mover each: against dummies.
#[test]
fn panels_that_hang_together_by_threads_are_absorbed() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let (workers, firms, years) = (600, 60, 6);
    let n = workers * years;
    let worker = |i: usize| i / years;
    let firm = |i: usize| {
        let home = worker(i) % firms;
        if worker(i) < firms && i % years >= 3 { (home + 1) % firms } else { home }
    };
    let (a, f, e) = (normals(&mut rng, workers), normals(&mut rng, firms), normals(&mut rng, n));
    let noise = normals(&mut rng, n);
    let x = Array2::from_shape_fn((n, 1), |(i, _)| noise[i] + a[worker(i)] + (firm(i) as f64 / 10.0).sin());
    let eta = Array1::from_shape_fn(n, |i| {
        0.2 * x[[i, 0]] + 0.3 * (a[worker(i)] + f[firm(i)]) + 0.05 * (i % years) as f64
    });
    let y = Array1::from_shape_fn(n, |i| eta[i] + e[i]);
    let count = eta.mapv(|e: f64| Poisson::new(e.exp()).expect("mean").sample(&mut rng));
    let effects = [
        Categories::new("worker", (0..n).map(worker)),
        Categories::new("firm", (0..n).map(firm)),
        Categories::new("year", (0..n).map(|i| i % years)),
    ];
    // The same rows in another order, so that workers are not together.
    let shuffled: Vec<usize> = (0..n).map(|i| i * 1_009 % n).collect();
    let at = |c: &Categories| Categories::new(c.name(), shuffled.iter().map(|&i| c.codes()[i]));
    for (outcome, poisson) in [(&y, false), (&count, true)] {
        let estimate = |r: &Regression| {
            let of = |e: &estimation::Estimates| e.coefficient("x1").expect("named");
            if poisson {
                of(r.poisson(&Vcov::Hc0).expect("ppml").estimates())
            } else {
                of(r.ols(&Vcov::Hc0).expect("ols").estimates())
            }
        };
        let absorbed = estimate(&Regression::new(outcome.clone(), x.clone()).absorb(effects.clone()));
        let reordered = estimate(
            &Regression::new(outcome.select(Axis(0), &shuffled), x.select(Axis(0), &shuffled))
                .absorb(effects.iter().map(at)),
        );
        let (firms, years) = (dummies(&effects[1], None), dummies(&effects[2], None));
        // Those that the workers' effects span are dropped.
        let wide = concatenate(Axis(1), &[x.view(), firms.view(), years.view()]).expect("fits");
        let included = estimate(&Regression::new(outcome.clone(), wide).absorb([effects[0].clone()]));
        for other in [reordered, included] {
            assert!((absorbed.estimate - other.estimate).abs() < 1e-7, "{absorbed:?} {other:?}");
            assert!((absorbed.std_error / other.std_error - 1.0).abs() < 1e-5, "{absorbed:?} {other:?}");
        }
    }
}

/// With a dummy the fitted means are those of the two groups.
#[test]
fn a_poisson_model_of_groups_has_a_closed_form() {
    let y = [0.0, 3.0, 1.0, 7.0, 2.0, 12.0, 5.0, 0.0, 9.0];
    let w = [1.0, 2.0, 1.0, 3.0, 1.0, 1.0, 2.0, 2.0, 1.0];
    let group: Vec<usize> = (0..9).map(|i| i % 2).collect();
    let x = Array2::from_shape_fn((9, 1), |(i, _)| group[i] as f64);
    let mean = |of: &dyn Fn(usize) -> bool| {
        let sums = (0..9).filter(|i| of(*i)).fold((0.0, 0.0), |s, i| (s.0 + w[i] * y[i], s.1 + w[i]));
        sums.0 / sums.1
    };
    let (means, overall) = ([0, 1].map(|g| mean(&|i| group[i] == g)), mean(&|_| true));
    let term = |i: usize, mu: f64| if y[i] > 0.0 { y[i] * (y[i] / mu).ln() - y[i] + mu } else { mu };
    let deviance: f64 = (0..9).map(|i| 2.0 * w[i] * term(i, means[group[i]])).sum();
    let null: f64 = (0..9).map(|i| 2.0 * w[i] * term(i, overall)).sum();
    let fit = Regression::new(Array1::from_iter(y), x.clone())
        .weights(estimation::Weights::Analytic(w.to_vec()))
        .poisson(&Vcov::Hc1)
        .expect("ppml");
    let b = fit.estimates().coefficients();
    assert!((b[0] - means[0].ln()).abs() < 1e-8 && (b[1] - (means[1] / means[0]).ln()).abs() < 1e-8);
    assert!((fit.deviance() / deviance - 1.0).abs() < 1e-9, "{} {deviance}", fit.deviance());
    assert!((fit.deviance_r_squared() - (1.0 - deviance / null)).abs() < 1e-9);
    assert_eq!(fit.residuals().len(), 9);
    for (i, residual) in fit.residuals().into_iter().enumerate() {
        assert!((residual - (y[i] - means[group[i]])).abs() < 1e-7, "{i}: {residual}");
    }
    // The deviance settles, and no step of any size is left.
    let history = fit.history();
    assert!(history.len() > 2 && history[history.len() - 1].abs() < 1e-6, "{history:?}");
    assert!((0.0..1e-4).contains(&fit.newton_decrement()), "{}", fit.newton_decrement());
    // Without weights every row counts once.
    let plain = Regression::new(Array1::from_iter(y), x).poisson(&Vcov::Hc1).expect("ppml");
    let (mut deviance, mut null) = (0.0, 0.0);
    let average = |of: &dyn Fn(usize) -> bool| {
        let own: Vec<f64> = (0..9).filter(|i| of(*i)).map(|i| y[i]).collect();
        own.iter().sum::<f64>() / own.len() as f64
    };
    for i in 0..9 {
        deviance += 2.0 * term(i, average(&|j| group[j] == group[i]));
        null += 2.0 * term(i, average(&|_| true));
    }
    assert!((plain.deviance_r_squared() - (1.0 - deviance / null)).abs() < 1e-9);
}

/// Residuals and the `k` of each estimator of one equation with as many instruments as endogenous regressors and with more.
#[test]
fn residuals_and_kappa_are_those_of_the_named_estimator() {
    let p = trends();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
    let n = p.y.len();
    let z = Array2::from_shape_vec((n, 2), normals(&mut rng, 2 * n)).expect("the length fits");
    let noise = Array1::from_vec(normals(&mut rng, n));
    let endogenous = &z.column(0) + &(&z.column(1) * 0.5) + &p.y * 0.3 + noise;
    let equation = |columns: &[usize]| {
        let names = ["z1", "z2"];
        Regression::new(p.y.clone(), p.x.clone())
            .endogenous(["p"], endogenous.clone().insert_axis(Axis(1)))
            .instruments(columns.iter().map(|c| names[*c]), z.select(Axis(1), columns))
    };
    let run = |columns: &[usize], class: KClass| equation(columns).iv(class, &Vcov::Hc1).expect("well posed");
    let ols = Regression::new(p.y.clone(), p.x.clone()).ols(&Vcov::Hc1).expect("ols");
    assert_eq!((ols.kappa(), ols.estimator()), (0.0, "least squares"));
    assert_eq!(run(&[0, 1], KClass::Ols).kappa(), 0.0);
    let two = run(&[0, 1], KClass::TwoStage);
    assert_eq!((two.kappa(), two.estimator()), (1.0, "two-stage least squares"));
    assert!(two.accuracy().condition > 1.0 && two.accuracy().condition < 1e6, "{:?}", two.accuracy());
    let liml = run(&[0, 1], KClass::Liml);
    assert!(liml.kappa() > 1.0 && liml.kappa() < 1.2 && liml.estimator() == "LIML", "{}", liml.kappa());
    // Fuller's takes a / (n - instruments and exogenous regressors) off LIML's.
    let fuller = run(&[0, 1], KClass::Fuller(1.0));
    assert!(
        (liml.kappa() - fuller.kappa() - 1.0 / (n as f64 - 4.0)).abs() < 1e-10
            && fuller.estimator() == "Fuller"
    );
    assert!((run(&[0, 1], KClass::Fixed(0.4)).kappa() - 0.4).abs() < 1e-15);
    // Just identified, LIML is two-stage least squares.
    assert!((run(&[0], KClass::Liml).kappa() - 1.0).abs() < 1e-8);
    for fit in [&ols, &two, &liml] {
        assert_eq!(fit.residuals().len(), n);
        let sum: f64 = fit.residuals().iter().map(|u| u * u).sum();
        assert!((fit.residual_sum_of_squares() / sum - 1.0).abs() < 1e-12);
        for (i, u) in fit.residuals().iter().enumerate() {
            assert!((u - (p.y[i] - fit.fitted()[i])).abs() < 1e-9);
        }
    }
}

#[test]
fn instrument_tests_are_those_of_two_step_gmm_and_weights_scale_rows() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let n = 150;
    let w = Array1::from_shape_fn(n, |i| 0.5 + (i % 4) as f64);
    let z = Array2::from_shape_vec((n, 3), normals(&mut rng, 3 * n)).expect("the length fits");
    let (v, u) = (Array1::from_vec(normals(&mut rng, n)), Array1::from_vec(normals(&mut rng, n)));
    let control = Array1::from_vec(normals(&mut rng, n)).insert_axis(Axis(1));
    let endogenous = (&z.sum_axis(Axis(1)) * 0.4 + &v + &control.column(0) * 0.3).insert_axis(Axis(1));
    let y = &endogenous.column(0) * 0.5 + &u * (1.0 + z.column(0).mapv(f64::abs)) + &v + &z.column(2) * 0.3;
    let clusters = Categories::new("g", (0..n).map(|i| i / 5));
    let other = Categories::new("h", (0..n).map(|i| i % 25));
    let constant = Array2::<f64>::ones((n, 1));
    let scale = w.mapv(f64::sqrt).insert_axis(Axis(1));
    let run = |y: &Array1<f64>,
               x: &Array2<f64>,
               p: &Array2<f64>,
               z: &Array2<f64>,
               w: Option<&Array1<f64>>,
               vcov: &Vcov| {
        let equation = Regression::new(y.clone(), x.clone()).without_constant();
        let equation = match w {
            Some(w) => equation.weights(estimation::Weights::Analytic(w.to_vec())),
            None => equation,
        };
        let equation = equation.endogenous(["p"], p.clone()).instruments(["z1", "z2", "z3"], z.clone());
        equation.iv(KClass::TwoStage, vcov).expect("well posed").instrument_tests().copied()
    };
    let x = concatenate(Axis(1), &[constant.view(), control.view()]).expect("fits");
    let (scaled_y, scaled_x) = (&y * &scale.column(0), &x * &scale);
    let (scaled_p, scaled_z) = (&endogenous * &scale, &z * &scale);
    let all = concatenate(Axis(1), &[x.view(), z.view()]).expect("fits");
    let regressors = concatenate(Axis(1), &[x.view(), endogenous.view()]).expect("fits");
    for (vcov, covariance) in [
        (Vcov::Hc1, MomentCovariance::heteroskedastic()),
        (Vcov::Classical, MomentCovariance::heteroskedastic()),
        (
            Vcov::cluster([clusters.clone()], SmallSample::Stata),
            MomentCovariance::clustered(clusters.codes()),
        ),
        (
            Vcov::cluster([clusters.clone(), other.clone()], SmallSample::Stata),
            MomentCovariance::two_way(clusters.codes(), other.codes()).expect("same length"),
        ),
    ] {
        let tests = run(&y, &x, &endogenous, &z, None, &vcov).expect("available");
        let iv = LinearIv::new(y.view(), regressors.view(), all.view()).expect("fits");
        let first = FirstWeight::Given(iv.two_stage_weight().expect("full rank"));
        let gmm = Gmm::new(covariance.clone(), first, Steps::Two);
        let fit = gmm.fit(&iv, Array1::zeros(3).view()).expect("linear");
        let j = tests.over_identification.expect("two too many");
        assert!((j.statistic / fit.criterion() - 1.0).abs() < 1e-7, "{j} {}", fit.criterion());
        assert_eq!(j.p_value, estimation::statistic::TestStatistic::chi_squared(j.statistic, 2).p_value);
        let stage = FirstStage::new(endogenous.view(), z.view(), Some(x.view()), 0).expect("full rank");
        let rank = stage.kleibergen_paap(&covariance).expect("regular");
        assert!((tests.first_stage_f / rank.f - 1.0).abs() < 1e-8);
        assert!((tests.underidentification.statistic / rank.lm.statistic - 1.0).abs() < 1e-8);
        // Analytic weights are rows times their root.
        let weighted = run(&y, &x, &endogenous, &z, Some(&w), &vcov).expect("available");
        let scaled = run(&scaled_y, &scaled_x, &scaled_p, &scaled_z, None, &vcov).expect("available");
        let numbers = |t: &estimation::InstrumentTests| {
            let j = t.over_identification.expect("two too many");
            [t.first_stage_f, t.effective_f.expect("one"), t.underidentification.statistic, j.statistic]
        };
        for (a, b) in numbers(&weighted).iter().zip(numbers(&scaled)) {
            assert!((a / b - 1.0).abs() < 1e-8, "{a} {b}");
        }
        assert!((numbers(&weighted)[0] / numbers(&tests)[0] - 1.0).abs() > 1e-3);
    }
    let third = Categories::new("k", (0..n).map(|i| i % 7));
    let three = Vcov::cluster([clusters, other, third], SmallSample::Stata);
    assert!(run(&y, &x, &endogenous, &z, None, &three).is_none());
}

/// Sums of squares under weights are those of repeated rows, and effects count against the degrees of freedom of the first
/// stage as their dummies do.
#[test]
fn weights_and_absorbed_effects_enter_summaries_as_rows_and_dummies() {
    let p = trends();
    let n = p.y.len();
    let w: Vec<f64> = (0..n).map(|i| 1.0 + (i % 3) as f64).collect();
    let copies: Vec<usize> = (0..n).flat_map(|i| vec![i; 1 + i % 3]).collect();
    let weighted = Regression::new(p.y.clone(), p.x.clone())
        .weights(estimation::Weights::Frequency(w))
        .ols(&Vcov::Hc1)
        .expect("well posed");
    let copied = Regression::new(p.y.select(Axis(0), &copies), p.x.select(Axis(0), &copies))
        .ols(&Vcov::Hc1)
        .expect("well posed");
    assert!((weighted.residual_sum_of_squares() / copied.residual_sum_of_squares() - 1.0).abs() < 1e-10);
    assert!((weighted.r_squared() - copied.r_squared()).abs() < 1e-12);
    let mean = p.y.sum() / n as f64;
    let total: f64 = p.y.iter().map(|y| (y - mean).powi(2)).sum();
    let plain = Regression::new(p.y.clone(), p.x.clone()).ols(&Vcov::Hc1).expect("well posed");
    assert!((plain.r_squared() - (1.0 - plain.residual_sum_of_squares() / total)).abs() < 1e-12);

    let mut rng = Xoshiro256PlusPlus::seed_from_u64(8);
    let z = Array2::from_shape_vec((n, 2), normals(&mut rng, 2 * n)).expect("the length fits");
    let noise = Array1::from_vec(normals(&mut rng, n));
    let endogenous = (&z.sum_axis(Axis(1)) + &noise + &p.y).insert_axis(Axis(1));
    let time = Categories::new("time", (0..n).map(|i| i % 15));
    let (units, times) = (dummies(&p.unit, None), dummies(&time, None));
    let others: Vec<usize> = (1..15).collect();
    let with = concatenate(Axis(1), &[p.x.view(), units.view(), times.select(Axis(1), &others).view()])
        .expect("fits");
    let run = |regression: Regression, vcov: &Vcov| {
        let equation = regression.endogenous(["p"], endogenous.clone()).instruments(["z1", "z2"], z.clone());
        *equation.iv(KClass::TwoStage, vcov).expect("well posed").instrument_tests().expect("available")
    };
    let absorbed = run(Regression::new(p.y.clone(), p.x.clone()).absorb([p.unit.clone(), time]), &Vcov::Hc1);
    let explicit = run(Regression::new(p.y.clone(), with).without_constant(), &Vcov::Hc1);
    assert!(
        (absorbed.first_stage_f / explicit.first_stage_f - 1.0).abs() < 1e-6,
        "{absorbed:?} {explicit:?}"
    );
    let effective = |t: &estimation::InstrumentTests| t.effective_f.expect("one regressor");
    assert!((effective(&absorbed) / effective(&explicit) - 1.0).abs() < 1e-6, "{absorbed:?} {explicit:?}");

    // So do slopes. Of effects within clusters one level counts, as in the standard errors.
    let slopes = Regression::new(p.y.clone(), p.x.clone()).absorb([p.unit.clone()]).absorb_slopes(
        p.unit.clone(),
        "t",
        p.trend.clone(),
    );
    let with = concatenate(Axis(1), &[p.x.view(), units.view(), dummies(&p.unit, Some(&p.trend)).view()])
        .expect("fits");
    let explicit = Regression::new(p.y.clone(), with.clone()).without_constant();
    let (a, b) = (run(slopes.clone(), &Vcov::Hc1), run(explicit.clone(), &Vcov::Hc1));
    assert!((a.first_stage_f / b.first_stage_f - 1.0).abs() < 1e-6, "{a:?} {b:?}");
    assert!((effective(&a) / effective(&b) - 1.0).abs() < 1e-6, "{a:?} {b:?}");
    let by_unit = Vcov::cluster([p.unit.clone()], SmallSample::Fixest);
    let (a, b) = (run(slopes, &by_unit), run(explicit, &by_unit));
    let free = |exogenous: usize| (n - exogenous - 2) as f64;
    let expected = free(p.x.ncols() + 1) / free(with.ncols());
    assert!((a.first_stage_f / b.first_stage_f / expected - 1.0).abs() < 1e-6, "{a:?} {b:?} {expected}");
    assert!((effective(&a) / effective(&b) / expected - 1.0).abs() < 1e-6, "{a:?} {b:?} {expected}");
}

/// Predictions have an offset of zero: times the offset's factor they are the fitted means.
#[test]
fn fixed_effects_of_a_poisson_model_leave_its_offset_out() {
    let p = trends();
    let n = p.y.len();
    let offset = Array1::from_shape_fn(n, |i| 0.3 * ((i % 11) as f64 - 5.0) / 5.0);
    let fit = Regression::new(p.count.clone(), p.x.clone())
        .absorb([p.unit.clone()])
        .offset(offset.clone())
        .poisson(&Vcov::Hc1)
        .expect("ppml");
    assert_eq!(fit.observations(), n as f64);
    let predicted = fit.predict(p.x.view(), std::slice::from_ref(&p.unit)).expect("known levels");
    for i in 0..n {
        let mean = fit.fitted()[i];
        assert!((predicted[i] * offset[i].exp() / mean - 1.0).abs() < 1e-6, "{i}: {} {mean}", predicted[i]);
    }
}

/// With one regressor and no constant, by lengths under the working weights.
#[test]
fn a_poisson_fit_says_what_rounding_leaves_it() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(12);
    let n = 200;
    let (x, noise) = (normals(&mut rng, n), normals(&mut rng, n));
    let y = Array1::from_shape_fn(n, |i| (0.5 * x[i] + noise[i]).exp());
    let weights: Vec<f64> = (0..n).map(|i| 1.0 + (i % 3) as f64).collect();
    let fit = Regression::new(y.clone(), Array2::from_shape_fn((n, 1), |(i, _)| x[i]))
        .without_constant()
        .weights(estimation::Weights::Analytic(weights.clone()))
        .poisson(&Vcov::Hc1)
        .expect("ppml");
    let b = fit.estimates().coefficients()[0];
    let length = |v: &dyn Fn(usize) -> f64| {
        (0..n).map(|i| weights[i] * (b * x[i]).exp() * v(i).powi(2)).sum::<f64>().sqrt()
    };
    let rounding = f64::EPSILON * (n as f64).sqrt();
    let lengths = length(&|i| b * x[i]) + length(&|i| y[i] / (b * x[i]).exp() - 1.0);
    let error = (rounding * lengths + fit.newton_decrement()) / length(&|i| x[i]);
    assert!((fit.accuracy().error[0] / error - 1.0).abs() < 1e-6, "{:?} {error}", fit.accuracy());
}

/// The coefficient of a dummy for zeros falls by one a step, for ever: the step still to go, in standard errors, is the root of
/// their fitted sum.
#[test]
fn the_newton_decrement_is_the_step_still_to_go() {
    let n = 25;
    let y = Array1::from_shape_fn(n, |i| if i < 5 { 0.0 } else { (1 + i % 4) as f64 });
    let x = Array2::from_shape_fn((n, 1), |(i, _)| f64::from(u8::from(i < 5)));
    let fit = |tolerance: f64| {
        let settings = PoissonSettings { tolerance, detect_separation: false, ..PoissonSettings::default() };
        Regression::new(y.clone(), x.clone()).poisson_with(&settings, &Vcov::Hc1).expect("ppml")
    };
    for tolerance in [1e-3, 1e-8] {
        let fit = fit(tolerance);
        let step = fit.fitted()[..5].iter().sum::<f64>().sqrt();
        assert!((fit.newton_decrement() / step - 1.0).abs() < 1e-4, "{} {step}", fit.newton_decrement());
        assert!(step < 100.0 * tolerance && step > 1e-8);
        assert_eq!(fit.rows().len(), n);
    }
}
