//! The score bootstrap and the wild bootstrap for instrumental variables: against their definitions, in size, and as a
//! variance estimator by name.
#![allow(clippy::expect_used)]

use estimation::resample::{ResampleError, ScoreBootstrap, ScoreModel, WildInstruments, WildWeights};
use estimation::{
    Categories, Formula, KClass, Regression, SmallSample, Table, Vcov, VcovFormula, WeightColumn,
};
use ndarray::{Array1, Array2, Axis, concatenate};
use rand::SeedableRng;
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

const GROUPS: usize = 4;

struct Sample {
    y: Array1<f64>,
    endogenous: Array1<f64>,
    x: Array2<f64>,
    z: Array2<f64>,
    groups: Vec<usize>,
}

fn sample(seed: u64, n: usize, groups: usize, strength: f64) -> Sample {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut normal = |n: usize| -> Vec<f64> { (0..n).map(|_| StandardNormal.sample(&mut rng)).collect() };
    let (a, b, c, u, v) = (normal(n), normal(n), normal(n), normal(n), normal(n));
    let common = normal(groups);
    let groups: Vec<usize> = (0..n).map(|i| i % groups).collect();
    let x = Array2::from_shape_fn((n, 2), |(i, j)| if j == 0 { 1.0 } else { a[i] });
    let z = Array2::from_shape_fn((n, 2), |(i, j)| if j == 0 { b[i] } else { c[i] + 0.3 * a[i] });
    let endogenous = Array1::from_shape_fn(n, |i| {
        strength * (b[i] + 0.5 * z[[i, 1]]) + 0.2 * a[i] + v[i] + 0.3 * common[groups[i]]
    });
    let y = Array1::from_shape_fn(n, |i| 1.0 + 0.5 * a[i] + 0.6 * v[i] + u[i] + 0.3 * common[groups[i]]);
    Sample { y, endogenous, x, z, groups }
}

/// Every draw of the wild bootstrap, made by hand: residuals of both equations, new data, two-stage least squares again.
#[test]
fn wild_instruments_are_reestimation_on_rebuilt_data() {
    let s = sample(1, 60, GROUPS, 0.8);
    let value = 0.1;
    let wild = WildInstruments { weights: WildWeights::Rademacher, draws: 16, seed: 3 };
    let test = wild
        .test(s.y.view(), s.endogenous.view(), s.x.view(), s.z.view(), &s.groups, value)
        .expect("well posed");
    assert!(test.enumerated && test.t_star.len() == 16);

    let ols = |y: &Array1<f64>, x: &Array2<f64>| {
        Regression::new(y.clone(), x.clone()).without_constant().ols(&Vcov::Hc0).expect("ols")
    };
    let fitted = |y: &Array1<f64>, x: &Array2<f64>| Array1::from_vec(ols(y, x).fitted().to_vec());
    let net = &s.y - &(&s.endogenous * value);
    let mean_y = fitted(&net, &s.x);
    let u = &net - &mean_y;
    let reduced =
        concatenate(Axis(1), &[s.x.view(), s.z.view(), u.view().insert_axis(Axis(1))]).expect("fits");
    let b = ols(&s.endogenous, &reduced).estimates().coefficients().to_owned();
    let mean_endogenous = Array1::from_shape_fn(60, |i| (0..4).map(|j| reduced[[i, j]] * b[j]).sum());
    let e = &s.endogenous - &mean_endogenous;
    let clusters = Categories::new("g", s.groups.iter().copied());
    let t = |y: Array1<f64>, endogenous: Array1<f64>| {
        let fit = Regression::new(y, s.x.clone())
            .without_constant()
            .endogenous(["p"], endogenous.insert_axis(Axis(1)))
            .instruments(["z1", "z2"], s.z.clone())
            .iv(KClass::TwoStage, &Vcov::cluster([clusters.clone()], SmallSample::Fixest))
            .expect("2sls");
        let row = fit.estimates().coefficient("p").expect("named");
        (row.estimate - value) / row.std_error
    };
    assert!((test.t - t(s.y.clone(), s.endogenous.clone())).abs() < 1e-8);
    for (draw, t_star) in test.t_star.iter().enumerate() {
        let v = Array1::from_shape_fn(60, |i| if draw >> s.groups[i] & 1 == 1 { 1.0 } else { -1.0 });
        let endogenous = &mean_endogenous + &(&v * &e);
        let y = &endogenous * value + &mean_y + &(&v * &u);
        let by_hand = t(y, endogenous);
        assert!((t_star - by_hand).abs() < 1e-7, "{draw}: {t_star} {by_hand}");
    }
}

#[test]
fn wild_instruments_count_their_draws_and_refuse_too_few_of_anything() {
    let s = sample(3, 60, GROUPS, 0.8);
    let run = |wild: WildInstruments, rows: usize, value: f64| {
        let at = |a: &Array2<f64>| a.select(Axis(0), &(0..rows).collect::<Vec<_>>());
        let (y, p) = (s.y.select(Axis(0), &(0..rows).collect::<Vec<_>>()), s.endogenous.clone());
        let p = p.select(Axis(0), &(0..rows).collect::<Vec<_>>());
        wild.test(y.view(), p.view(), at(&s.x).view(), at(&s.z).view(), &s.groups[..rows], value)
    };
    for weights in [WildWeights::Rademacher, WildWeights::Webb, WildWeights::Mammen] {
        for value in [0.2, 0.0, -0.4] {
            let test = run(WildInstruments { weights, draws: 99, seed: 3 }, 60, value).expect("well posed");
            assert!((test.t - (test.estimate - value) / test.std_error).abs() < 1e-12);
            let larger = test.t_star.iter().filter(|t| t.abs() >= test.t.abs() * (1.0 - 1e-9)).count();
            assert_eq!(test.p_value, larger as f64 / test.t_star.len() as f64);
        }
    }
    let wild = WildInstruments { weights: WildWeights::Rademacher, draws: 16, seed: 3 };
    // Two regressors, the endogenous one and two instruments take six rows.
    assert!(matches!(run(wild, 5, 0.0), Err(ResampleError::TooFew { what: "rows", needed: 6, found: 5 })));
    assert!(!matches!(run(wild, 6, 0.0), Err(ResampleError::TooFew { .. })));
    let (first, third) = (s.z.select(Axis(1), &[0]), s.z.select(Axis(1), &[0, 1, 1]));
    for (z, needed) in [(first, 5), (third, 7)] {
        let few = wild.test(
            s.y.slice_axis(Axis(0), (..4).into()),
            s.endogenous.slice_axis(Axis(0), (..4).into()),
            s.x.slice_axis(Axis(0), (..4).into()),
            z.slice_axis(Axis(0), (..4).into()),
            &[0, 1, 2, 3],
            0.0,
        );
        assert_eq!(few.unwrap_err(), ResampleError::TooFew { what: "rows", needed, found: 4 });
    }
    let none = WildInstruments { draws: 0, ..wild };
    assert!(matches!(run(none, 60, 0.0), Err(ResampleError::TooFew { what: "draws", needed: 1, found: 0 })));
    let one = wild.test(s.y.view(), s.endogenous.view(), s.x.view(), s.z.view(), &[7; 60], 0.0);
    assert!(matches!(one, Err(ResampleError::TooFew { what: "clusters", needed: 2, found: 1 })));
}

/// Draws by Mammen's two points: every statistic is one of the sixteen that re-estimation can give.
#[test]
fn wild_instruments_multiply_residuals_by_the_weight_drawn() {
    let s = sample(4, 48, GROUPS, 0.9);
    let one = s.z.select(Axis(1), &[0]);
    let wild = WildInstruments { weights: WildWeights::Mammen, draws: 60, seed: 9 };
    let test = wild
        .test(s.y.view(), s.endogenous.view(), s.x.view(), one.view(), &s.groups, 0.0)
        .expect("well posed");
    let inverse = linalg::inverse(s.x.t().dot(&s.x).view()).expect("regular");
    let net = |v: &Array1<f64>| v - &s.x.dot(&inverse.dot(&s.x.t().dot(v)));
    // Just identified, under a null of zero: u and the instrument explain the endogenous regressor.
    let (u, p, z) = (net(&s.y), net(&s.endogenous), net(&one.column(0).to_owned()));
    let both = ndarray::stack![Axis(1), z, u];
    let first = linalg::inverse(both.t().dot(&both).view()).expect("regular").dot(&both.t().dot(&p));
    let fit = &z * first[0];
    let e = &p - &fit;
    let golden = (1.0 + 5.0_f64.sqrt()) / 2.0;
    let possible: Vec<f64> = (0..16_usize)
        .map(|k| {
            let v =
                Array1::from_shape_fn(48, |i| if k >> s.groups[i] & 1 == 1 { golden } else { 1.0 - golden });
            let (y, p) = (net(&(&v * &u)), net(&(&fit + &(&v * &e))));
            let estimate = z.dot(&y) / z.dot(&p);
            let residual = &y - &(&p * estimate);
            let mut sums = [0.0; GROUPS];
            (0..48).for_each(|i| sums[s.groups[i]] += z[i] * residual[i]);
            let factor = 4.0 / 3.0 * 47.0 / 45.0;
            estimate * z.dot(&p).abs() / (factor * sums.iter().map(|v| v * v).sum::<f64>()).sqrt()
        })
        .collect();
    for t in &test.t_star {
        assert!(possible.iter().any(|p| (p - t).abs() < 1e-7 * (1.0 + t.abs())), "{t} {possible:?}");
    }
}

/// The statistic from scores written out: of least squares with weights, and of a Poisson model whose null has an offset.
#[test]
fn score_statistics_are_those_of_scores_by_hand() {
    let s = sample(2, 80, 10, 0.8);
    let n = s.y.len();
    let (x, w) = (s.endogenous.clone(), Array1::from_shape_fn(n, |i| 1.0 + (i % 3) as f64));
    let clusters = Categories::new("g", s.groups.iter().copied());
    let bootstrap = ScoreBootstrap { weights: WildWeights::Webb, draws: 99, seed: 1 };
    let statistic = |scores: &Array1<f64>| {
        let mut sums = [0.0; 10];
        (0..n).for_each(|i| sums[s.groups[i]] += scores[i]);
        let mean = sums.iter().sum::<f64>() / 10.0;
        10.0 * mean / sums.iter().map(|v| (v - mean).powi(2)).sum::<f64>().sqrt()
    };
    // Nothing but the tested regressor: its score is the product with the outcome.
    let alone = Regression::new(s.y.clone(), x.clone().insert_axis(Axis(1))).names(["x"]).without_constant();
    let test = bootstrap.test(&alone, ScoreModel::LeastSquares, "x", 0.2, &clusters).expect("well posed");
    assert!((test.statistic - statistic(&(&x * &(&s.y - &(&x * 0.2))))).abs() < 1e-9);
    let together = Categories::new("one", vec![1; n]);
    let refused = bootstrap.test(&alone, ScoreModel::LeastSquares, "x", 0.2, &together);
    assert!(matches!(refused, Err(estimation::EstimationError::TooFewClusters { count: 1, .. })));
    let halves = Categories::new("two", (0..n).map(|i| i % 2));
    assert!(bootstrap.test(&alone, ScoreModel::LeastSquares, "x", 0.2, &halves).is_ok());
    let names = ["x", "control"];
    let both = concatenate(Axis(1), &[x.view().insert_axis(Axis(1)), s.x.select(Axis(1), &[1]).view()])
        .expect("fits");
    let weighted = estimation::Weights::Analytic(w.to_vec());
    let net = |v: &Array1<f64>, by: &Array1<f64>| {
        let scaled = &s.x * &by.view().insert_axis(Axis(1));
        let inverse = linalg::inverse(scaled.t().dot(&s.x).view()).expect("invertible");
        v - &s.x.dot(&inverse.dot(&scaled.t().dot(v)))
    };
    for value in [0.0, 0.3, -0.2] {
        let linear = Regression::new(s.y.clone(), both.clone()).names(names).weights(weighted.clone());
        let test =
            bootstrap.test(&linear, ScoreModel::LeastSquares, "x", value, &clusters).expect("well posed");
        let by_hand = statistic(&(&w * &net(&x, &w) * &net(&(&s.y - &(&x * value)), &w)));
        assert!((test.statistic - by_hand).abs() < 1e-8, "{value}: {} {by_hand}", test.statistic);

        // Poisson with the control's coefficient absorbed in the offset, so that the null has a closed form.
        let count = s.y.mapv(|y| y.abs().floor());
        let offset = s.x.column(1).mapv(|c| 0.2 * c);
        let poisson = Regression::new(count.clone(), x.clone().insert_axis(Axis(1)))
            .names(["x"])
            .weights(weighted.clone())
            .offset(offset.clone());
        let test = bootstrap.test(&poisson, ScoreModel::Poisson, "x", value, &clusters).expect("well posed");
        let shape = (&offset + &(&x * value)).mapv(f64::exp);
        let mu = &shape * ((&w * &count).sum() / (&w * &shape).sum());
        let wm = &w * &mu;
        let own = &x - (&wm * &x).sum() / wm.sum();
        let by_hand = statistic(&(&w * &own * &(&count - &mu)));
        assert!((test.statistic - by_hand).abs() < 1e-6, "{value}: {} {by_hand}", test.statistic);
    }
}

/// Eight clusters: clustered t-ratios against the normal reject too often for Poisson; the bootstrap does not.
#[test]
fn the_score_bootstrap_repairs_few_clusters() {
    let rejections: Vec<(bool, bool)> = (0..2_000_u64)
        .into_par_iter()
        .map(|draw| {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(1_000 + draw);
            let mut normal =
                |n: usize| -> Vec<f64> { (0..n).map(|_| StandardNormal.sample(&mut rng)).collect() };
            let (groups, n) = (8, 160);
            let (shock, level, own) = (normal(groups), normal(groups), normal(n));
            let x = Array2::from_shape_fn((n, 1), |(i, _)| level[i % groups] + 0.3 * own[i]);
            let y = Array1::from_shape_fn(n, |i| {
                Poisson::new((1.0 + 0.4 * shock[i % groups]).exp()).expect("mean").sample(&mut rng)
            });
            let clusters = Categories::new("g", (0..n).map(|i| i % groups));
            let regression = Regression::new(y, x);
            let fit =
                regression.poisson(&Vcov::cluster([clusters.clone()], SmallSample::Stata)).expect("ppml");
            let bootstrap = ScoreBootstrap { weights: WildWeights::Webb, draws: 399, seed: draw };
            let test =
                bootstrap.test(&regression, ScoreModel::Poisson, "x1", 0.0, &clusters).expect("well posed");
            (fit.estimates().coefficient("x1").expect("named").p_value < 0.05, test.p_value <= 0.05)
        })
        .collect();
    let share = |of: fn(&(bool, bool)) -> bool| rejections.iter().filter(|r| of(r)).count() as f64 / 2_000.0;
    let (normal, bootstrap) = (share(|r| r.0), share(|r| r.1));
    println!("size at 5%, 8 clusters, Poisson: clustered normal {normal}, score bootstrap {bootstrap}");
    assert!(normal > 0.10, "{normal}");
    assert!((0.03..0.07).contains(&bootstrap), "{bootstrap}");
}

/// Weak instruments: the t-test over-rejects, the restricted efficient bootstrap much less.
#[test]
fn the_wild_bootstrap_with_instruments_keeps_nearer_its_size_when_they_are_weak() {
    let rejections: Vec<(bool, bool)> = (0..2_000_u64)
        .into_par_iter()
        .map(|draw| {
            let s = sample(10_000 + draw, 100, 25, 0.12);
            let wild = WildInstruments { weights: WildWeights::Rademacher, draws: 399, seed: draw };
            let test = wild
                .test(s.y.view(), s.endogenous.view(), s.x.view(), s.z.view(), &s.groups, 0.0)
                .expect("well posed");
            (estimation::distribution::Reference::StudentT(24.0).p_value(test.t) < 0.05, test.p_value <= 0.05)
        })
        .collect();
    let share = |of: fn(&(bool, bool)) -> bool| rejections.iter().filter(|r| of(r)).count() as f64 / 2_000.0;
    let (t, bootstrap) = (share(|r| r.0), share(|r| r.1));
    println!("size at 5%, weak instruments: t {t}, wild restricted efficient {bootstrap}");
    assert!(t > 0.08 && bootstrap < 0.75 * t, "{t} {bootstrap}");
}

#[test]
fn a_wild_bootstrap_is_a_variance_by_name() {
    let s = sample(2, 80, 8, 0.8);
    let table = Table::new()
        .numeric("y", s.y.to_vec())
        .and_then(|t| t.numeric("p", s.endogenous.to_vec()))
        .and_then(|t| t.numeric("x", s.x.column(1).to_vec()))
        .and_then(|t| t.numeric("z1", s.z.column(0).to_vec()))
        .and_then(|t| t.numeric("z2", s.z.column(1).to_vec()))
        .and_then(|t| t.categorical("g", &s.groups))
        .expect("one length");
    let vcov = VcovFormula::parse("wild(g, draws=999, weights=webb, seed=4)").expect("known");
    let model = |text: &str| {
        Formula::parse(text).expect("grammatical").model(&table, &vcov, WeightColumn::None).expect("known")
    };
    let ols = model("y ~ p + x");
    let fit = ols.regression.ols(&ols.vcov).expect("ols");
    let bootstrap = ScoreBootstrap { weights: WildWeights::Webb, draws: 999, seed: 4 };
    let groups = Categories::new("g", s.groups.iter().copied());
    let test =
        bootstrap.test(&ols.regression, ScoreModel::LeastSquares, "p", 0.0, &groups).expect("well posed");
    let row = fit.estimates().coefficient("p").expect("named");
    assert_eq!(row.p_value, test.p_value);
    let clustered = ols.regression.ols(&Vcov::cluster([groups], SmallSample::Fixest)).expect("ols");
    assert_eq!(row.std_error, clustered.estimates().coefficient("p").expect("named").std_error);
    assert!(fit.estimates().vcov_label().contains("wild bootstrap (Webb weights, 999 draws, seed 4)"));

    let iv = model("y ~ x | p ~ z1 + z2");
    let fit = iv.regression.iv(KClass::TwoStage, &iv.vcov).expect("2sls");
    let wild = WildInstruments { weights: WildWeights::Webb, draws: 999, seed: 4 };
    let test = wild
        .test(s.y.view(), s.endogenous.view(), s.x.view(), s.z.view(), &s.groups, 0.0)
        .expect("well posed");
    assert_eq!(fit.estimates().coefficient("p").expect("named").p_value, test.p_value);
    let tests = fit.instrument_tests().expect("instruments");
    assert!(tests.first_stage_f > 10.0 && tests.effective_f.expect("one regressor") > 10.0);
    assert!(fit.to_string().contains("over-identification (Hansen J): chi2(1)"));
    let label = iv.vcov.label();
    assert_eq!(fit.estimates().vcov_label(), format!("{label}; exogenous regressors by t"));
    let alone = model("y ~ 0 | p ~ z1 + z2").regression.iv(KClass::TwoStage, &iv.vcov).expect("2sls");
    assert_eq!((alone.estimates().names().len(), alone.estimates().vcov_label()), (1, label.as_str()));
    assert!(iv.regression.iv(KClass::Liml, &iv.vcov).is_err());
    // Effects within clusters are taken out first; others would join clusters.
    let nested = model("y ~ x | g | p ~ z1 + z2").regression.iv(KClass::TwoStage, &iv.vcov);
    assert!(nested.expect("2sls").estimates().coefficient("p").is_ok());
    let crossed = Categories::new("crossed", (0..80).map(|i| i / 16));
    assert!(iv.regression.clone().absorb([crossed]).iv(KClass::TwoStage, &iv.vcov).is_err());
    assert!(VcovFormula::parse("wild(g + y)").is_err());
}

#[test]
fn the_score_bootstrap_of_few_scores_is_all_their_signs() {
    let close = |found: f64, expected: f64| {
        assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{found} against {expected}");
    };
    let scores = [0.9, -0.2, 1.4, 0.3, 0.6];
    let bootstrap = ScoreBootstrap { weights: WildWeights::Rademacher, draws: 32, seed: 1 };
    let test = bootstrap.of_scores(&scores).expect("scores that vary");
    let studentised = |s: &[f64]| {
        let mean = s.iter().sum::<f64>() / 5.0;
        5.0 * mean / s.iter().map(|v| (v - mean).powi(2)).sum::<f64>().sqrt()
    };
    close(test.statistic, studentised(&scores));
    assert!(test.enumerated && test.draws.len() == 32 && test.clusters == 5);
    let mut larger = 0;
    for (draw, found) in test.draws.iter().enumerate() {
        let signed: Vec<f64> =
            scores.iter().enumerate().map(|(g, s)| if draw >> g & 1 == 1 { *s } else { -s }).collect();
        close(*found, studentised(&signed));
        larger += usize::from(studentised(&signed).abs() >= test.statistic.abs() * (1.0 - 1e-12));
    }
    close(test.p_value, larger as f64 / 32.0);
    // One sign of each pair, and the sample itself: never below two in 32.
    assert!((2..32).contains(&larger) && larger % 2 == 0);
    // Equal scores have an infinite statistic: there is no noise to hold them against.
    assert!(matches!(bootstrap.of_scores(&[1.0; 4]), Err(ResampleError::NoVariation)));
    let nearly = bootstrap.of_scores(&[1.0, 1.0, 1.0, -1.0]).expect("scores that vary");
    // Of sixteen draws two have no variation, eight have |T| of the sample and six have sums of zero.
    close(nearly.p_value, 10.0 / 16.0);
    // Weights multiply scores, whatever their distribution: of three scores eight products are possible.
    let mammen = ScoreBootstrap { weights: WildWeights::Mammen, draws: 200, seed: 2 };
    let golden = (1.0 + 5.0_f64.sqrt()) / 2.0;
    let of_three = |s: [f64; 3]| {
        let mean = s.iter().sum::<f64>() / 3.0;
        3.0 * mean / s.iter().map(|v| (v - mean).powi(2)).sum::<f64>().sqrt()
    };
    let possible: Vec<f64> = (0..8)
        .map(|k| std::array::from_fn(|g| scores[g] * if k >> g & 1 == 1 { golden } else { 1.0 - golden }))
        .map(of_three)
        .collect();
    let drawn = mammen.of_scores(&scores[..3]).expect("scores that vary");
    assert!(!drawn.enumerated && drawn.draws.len() == 200);
    assert!(drawn.draws.iter().all(|t| possible.iter().any(|p| (p - t).abs() < 1e-9)), "{possible:?}");
    assert!(matches!(bootstrap.of_scores(&[1.0]), Err(ResampleError::TooFew { what: "clusters", .. })));
    let none = ScoreBootstrap { draws: 0, ..bootstrap };
    assert!(matches!(none.of_scores(&scores), Err(ResampleError::TooFew { what: "draws", .. })));
}

/// Regressors that the estimator sets aside are set aside in the bootstrap, too.
#[test]
fn collinear_regressors_do_not_stop_a_wild_bootstrap() {
    let s = sample(8, 120, 10, 0.8);
    let by = Categories::new("group", s.groups.iter().copied());
    let bootstrap = ScoreBootstrap { weights: WildWeights::Webb, draws: 199, seed: 3 };
    let vcov = Vcov::Wild { by: by.clone(), bootstrap };
    let own = concatenate(Axis(1), &[s.x.column(1).insert_axis(Axis(1)), s.z.view()]).expect("fits");
    // One copy, one sum and a column of nothing but the mean.
    let more = ndarray::stack![
        Axis(1),
        own.column(0),
        own.column(0),
        own.column(1),
        &own.column(0) + &own.column(1),
        Array1::from_elem(120, 7.0),
        own.column(2)
    ];
    let names = ["a", "again", "b", "sum", "seven", "c"];
    let count = s.y.mapv(f64::exp);
    let p_values = |fit: &estimation::Fit| -> Vec<f64> {
        fit.estimates().table().iter().map(|row| row.p_value).collect()
    };
    let with = |y: &Array1<f64>| Regression::new(y.clone(), more.clone()).names(names);
    let without = |y: &Array1<f64>| Regression::new(y.clone(), own.clone()).names(["a", "b", "c"]);
    let (a, b) = (with(&s.y).ols(&vcov).expect("ols"), without(&s.y).ols(&vcov).expect("ols"));
    assert_eq!(a.dropped().regressors, ["again", "sum", "seven"]);
    assert_eq!(p_values(&a), p_values(&b));
    let (a, b) = (with(&count).poisson(&vcov).expect("ppml"), without(&count).poisson(&vcov).expect("ppml"));
    assert_eq!(a.estimates().names(), b.estimates().names());
    assert_eq!(p_values(&a), p_values(&b));
    // Asked for directly, the first of a set stands for all.
    let test = |regression: &Regression, name: &str| {
        bootstrap.test(regression, ScoreModel::LeastSquares, name, 0.0, &by).map(|test| test.p_value)
    };
    assert_eq!(test(&with(&s.y), "a").expect("kept"), test(&without(&s.y), "a").expect("kept"));
    let aside = test(&with(&s.y), "again").unwrap_err().to_string();
    assert!(aside.starts_with("no regressor is left: again"), "{aside}");
}
