//! What inference cannot do it refuses, with a message that names what is wrong and what is needed.

#![allow(clippy::unwrap_used)]

use estimation::event_study::{EventPath, EventTerms};
use estimation::gmm::{FirstWeight, Gmm, LinearIv, MomentCovariance, Steps};
use estimation::identification::FirstStage;
use estimation::resample::{
    Assignment, Bootstrap, Randomisation, ScoreBootstrap, ScoreModel, WildCluster, WildInstruments,
    WildWeights, romano_wolf,
};
use estimation::shift_share::ShiftShare;
use estimation::{Categories, KClass, Regression, SmallSample, Table, Vcov};
use ndarray::{Array1, Array2, Axis, array, stack};
use std::fmt::{Debug, Display};

#[track_caller]
fn refused<T: Debug, E: Display + Debug>(result: Result<T, E>, message: &str) {
    assert_eq!(result.unwrap_err().to_string(), message);
}

/// Numbers without a pattern.
fn noise(n: usize, seed: usize) -> Array1<f64> {
    Array1::from_shape_fn(n, |i| (((i + 3) * (i + 7) * (seed + 5)) % 23) as f64 - 11.0)
}

fn with_constant(x: &Array1<f64>) -> Array2<f64> {
    stack![Axis(1), Array1::ones(x.len()), *x]
}

#[test]
fn the_wild_bootstrap_needs_draws_clusters_rows_and_something_to_test() {
    let wild = WildCluster { weights: WildWeights::Webb, draws: 99, seed: 1, impose_null: true };
    let (y, x) = (noise(12, 1), with_constant(&noise(12, 2)));
    let ids: Vec<usize> = (0..12).map(|i| i / 3).collect();
    let c = array![0.0, 1.0];
    let test =
        |wild: WildCluster, y: &Array1<f64>, ids: &[usize]| wild.test(y.view(), x.view(), ids, c.view(), 0.0);
    test(wild, &y, &ids).unwrap();
    refused(test(WildCluster { draws: 0, ..wild }, &y, &ids), "draws: at least 1 are needed, found 0");
    refused(test(wild, &y, &[5; 12]), "clusters: at least 2 are needed, found 1");
    refused(test(wild, &y, &ids[..11]), "cluster labels: expected 12, found 11");
    let mut bad = y.clone();
    bad[4] = f64::NAN;
    refused(test(wild, &bad, &ids), "outcome: entry 4 is not finite; drop the row or repair the value");
    let nothing = wild.test(y.view(), x.view(), &ids, array![0.0, 0.0].view(), 0.0);
    refused(nothing, "the standard error of the tested combination is zero; nothing can be tested");
    let two = wild.test(array![1.0, 2.0].view(), Array2::eye(2).view(), &[0, 1], c.view(), 0.0);
    refused(two, "rows: at least 3 are needed, found 2");
    let level = wild.interval(y.view(), x.view(), &ids, c.view(), 95.0);
    refused(level, "level is 95; it must lie strictly between 0 and 1");
}

#[test]
fn the_wild_bootstrap_with_instruments_needs_the_same_and_an_instrument() {
    let wild = WildInstruments { weights: WildWeights::Webb, draws: 99, seed: 1 };
    let (y, endogenous, z) = (noise(12, 1), noise(12, 2), noise(12, 3).insert_axis(Axis(1)));
    let one = Array2::ones((12, 1));
    let ids: Vec<usize> = (0..12).map(|i| i / 3).collect();
    let test = |wild: WildInstruments, z: &Array2<f64>, ids: &[usize]| {
        wild.test(y.view(), endogenous.view(), one.view(), z.view(), ids, 0.0)
    };
    test(wild, &z, &ids).unwrap();
    refused(test(wild, &Array2::zeros((12, 0)), &ids), "instruments: at least 1 are needed, found 0");
    refused(test(wild, &z, &[5; 12]), "clusters: at least 2 are needed, found 1");
    let mut bad = z.clone();
    bad[[2, 0]] = f64::INFINITY;
    refused(test(wild, &bad, &ids), "instruments: entry 2 is not finite; drop the row or repair the value");
}

#[test]
fn the_score_bootstrap_needs_clusters_that_fit_and_scores_that_vary() {
    let score = ScoreBootstrap { weights: WildWeights::Webb, draws: 99, seed: 1 };
    let regression = Regression::new(noise(12, 1), noise(12, 2).insert_axis(Axis(1))).names(["x"]);
    let test = |name: &str, clusters: &Categories| {
        score.test(&regression, ScoreModel::LeastSquares, name, 0.0, clusters)
    };
    let by = Categories::new("country", (0..12).map(|i| i / 3));
    test("x", &by).unwrap();
    refused(test("z", &by), "there is no coefficient z; the model has x");
    refused(
        test("x", &Categories::new("country", [0, 1])),
        "country has 2 rows where the outcome has 12; give one value per row",
    );
    refused(
        test("x", &Categories::new("country", [0; 12])),
        "country has 1 cluster(s); a clustered variance needs at least 2",
    );
    let still = score.of_scores(&[0.0, 0.0, 0.0]);
    refused(still, "the standard error of the tested combination is zero; nothing can be tested");
    refused(
        ScoreBootstrap { draws: 0, ..score }.test(&regression, ScoreModel::LeastSquares, "x", 0.0, &by),
        "the hypothesis cannot be tested: the score of x cannot be bootstrapped: draws: at least 1 are needed, found 0",
    );
}

#[test]
fn the_bootstrap_and_randomisation_need_a_statistic_that_can_be_computed() {
    let bootstrap = Bootstrap { draws: 99, seed: 1, allowed_failures: 0.1 };
    let mean = |r: &estimation::resample::Resample| {
        Some(array![r.rows.iter().sum::<usize>() as f64 / r.rows.len() as f64])
    };
    let draws = bootstrap.pairs(9, mean).unwrap();
    refused(draws.percentile(1.0), "level is 1; it must lie strictly between 0 and 1");
    refused(draws.normal(-0.1), "level is -0.1; it must lie strictly between 0 and 1");
    refused(bootstrap.pairs(1, mean), "rows or clusters: at least 2 are needed, found 1");
    refused(bootstrap.clusters(&["a"; 9], mean), "rows or clusters: at least 2 are needed, found 1");
    assert_eq!(Bootstrap { draws: 2, ..bootstrap }.pairs(9, mean).unwrap().draws.nrows(), 2);
    let once = Bootstrap { draws: 1, ..bootstrap };
    refused(once.pairs(9, mean), "draws: at least 2 are needed, found 1");
    refused(
        bootstrap.pairs(9, |_| Some(array![f64::NAN])),
        "the statistic of the original sample is not finite",
    );

    let lottery = Randomisation { draws: 8, seed: 1 };
    let (treatment, assignment) = ([1.0, 0.0, 0.0], Assignment::complete(3));
    let sum = |t: &[f64]| t.iter().sum::<f64>();
    refused(
        Randomisation { draws: 0, ..lottery }.test(&treatment, &assignment, sum),
        "draws: at least 1 are needed, found 0",
    );
    refused(lottery.test(&treatment[..2], &assignment, sum), "rows of the assignment: expected 2, found 3");
    refused(
        lottery.test(&treatment, &assignment, |_| f64::INFINITY),
        "the statistic of the original sample is not finite",
    );
    refused(
        lottery.test_drawn(&treatment, |_| vec![0.0; 3], |t| 1.0 / sum(t)),
        "the statistic failed in 8 of 8 draws; more than the share 0 allowed",
    );
    let none = Array2::<f64>::zeros((0, 2));
    refused(romano_wolf(array![1.0, 2.0].view(), none.view()), "draws: at least 1 are needed, found 0");
    let wide = Array2::<f64>::zeros((9, 3));
    refused(
        romano_wolf(array![1.0, 2.0].view(), wide.view()),
        "columns of the bootstrap statistics: expected 2, found 3",
    );
}

#[test]
fn an_event_study_needs_periods_on_both_sides_and_no_gap() {
    let path = |periods: &[i64], reference: i64| {
        let k = periods.len();
        EventPath::new(periods, reference, Array1::ones(k).view(), Array2::eye(k).view())
    };
    refused(
        path(&[2008, 2011, 2008], 2009),
        "period 2008 occurs twice among the estimates, or is the reference period",
    );
    refused(
        path(&[2008, 2009], 2009),
        "period 2009 occurs twice among the estimates, or is the reference period",
    );
    refused(
        EventPath::new(&[1, 2], 0, array![1.0].view(), Array2::eye(2).view()),
        "effects: expected 2, found 1",
    );
    refused(
        EventPath::new(&[1], 0, array![f64::NAN].view(), Array2::eye(1).view()),
        "effects: entry 0 is not finite",
    );
    let late = path(&[2010, 2011], 2009).unwrap();
    refused(
        late.pre_trend_test(),
        "there are no periods before the reference period 2009; there is nothing to test",
    );
    let both = array![0.5, 0.5];
    refused(
        late.relative_magnitudes(both.view(), 1.0, 0.95),
        "there are no periods before the reference period 2009; bounds compare trends before and after",
    );
    let early = path(&[2007, 2008], 2009).unwrap();
    refused(
        early.effect_test(),
        "there are no periods after the reference period 2009; there is nothing to test",
    );
    let gap = path(&[2007, 2008, 2010, 2012], 2009).unwrap();
    refused(
        gap.smoothness(both.view(), 0.1, 0.95),
        "period 2011 is missing between the first and the last; bounds need consecutive periods",
    );
    let whole = path(&[2007, 2008, 2010, 2011], 2009).unwrap();
    whole.relative_magnitudes(both.view(), 1.0, 0.95).unwrap();
    refused(
        whole.relative_magnitudes(both.view(), -1.0, 0.95),
        "bound is -1; it must be zero or positive, and finite",
    );
    refused(whole.smoothness(both.view(), 0.1, 95.0), "level is 95; it must lie strictly between 0 and 1");
    refused(whole.smoothness(array![1.0].view(), 0.1, 0.95), "weights of the effects: expected 2, found 1");
    refused(whole.points(0.95, 0, 1), "draws is 0; use 10,000 or more");
}

#[test]
fn an_event_study_says_which_coefficient_a_regression_lost() {
    let period: Vec<Option<i64>> = (0..24).map(|i| Some(2008 + i % 3)).collect();
    // Nobody is exposed in 2010, so that its term is zero.
    let intensity: Vec<f64> =
        (0..24).map(|i| if i % 3 == 2 { 0.0 } else { 1.0 + (i * i % 7) as f64 }).collect();
    let terms = EventTerms::new("ree", &period, &intensity, 2009, None).unwrap();
    let regression = Regression::new(noise(24, 1), terms.columns.clone()).names(terms.names.clone());
    let fit = regression.ols(&Vcov::Hc1).unwrap();
    refused(
        EventPath::from_estimates(fit.estimates(), &terms),
        "the estimates hold no coefficient `ree::2010`; was it dropped as collinear?",
    );
    refused(
        EventTerms::new("ree", &period, &intensity[1..], 2009, None),
        "rows of the intensity: expected 24, found 23",
    );
}

#[test]
fn statistics_of_weak_instruments_need_enough_of_everything() {
    let (x, z) = (noise(12, 2).insert_axis(Axis(1)), noise(12, 3).insert_axis(Axis(1)));
    let two = stack![Axis(1), noise(12, 3), noise(12, 4)];
    let robust = MomentCovariance::heteroskedastic();
    refused(
        FirstStage::new(two.view(), z.view(), None, 0),
        "1 moments cannot identify 2 parameters; add moments or fix parameters",
    );
    refused(FirstStage::new(x.view(), z.view(), None, 11), "observations: at least 13 are needed, found 12");
    let pair = FirstStage::new(two.view(), two.view(), None, 0);
    let pair = pair.unwrap();
    refused(
        pair.effective_f(&robust, None),
        "endogenous variables: the effective F is defined for one; with several use the Kleibergen-Paap F",
    );
    let y = noise(12, 1);
    refused(
        pair.anderson_rubin_set(y.view(), &robust, 0.95),
        "endogenous variables: the set is one-dimensional; test points with anderson_rubin",
    );
    let one = FirstStage::new(x.view(), z.view(), None, 0).unwrap();
    refused(one.anderson_rubin_set(y.view(), &robust, 95.0), "level: 95 is not in (0, 1)");
    refused(one.effective_f(&robust, None).unwrap().critical_value(0.1, 5.0), "alpha: 5 is not in (0, 1)");
    assert!(one.effective_f(&robust, None).unwrap().critical_value_two_stage(0.1, 0.05).unwrap().is_none());
    refused(
        one.anderson_rubin(y.view(), array![0.0, 0.0].view(), &robust),
        "coefficients under the null: expected 1, found 2",
    );
}

#[test]
fn a_shift_share_design_needs_shocks_that_move_the_regressor() {
    let n = 20;
    let shares = Array2::from_shape_fn((n, 4), |(i, k)| if i % 4 == k { 0.7 } else { 0.1 });
    let (y, shocks) = (noise(n, 1), array![1.0, -2.0, 0.5, 3.0]);
    let x = shares.dot(&shocks) + noise(n, 2) * 0.05;
    let one = Array2::ones((n, 1));
    let design = |x: &Array1<f64>, shares: &Array2<f64>, shocks: &Array1<f64>, w: Option<Array1<f64>>| {
        ShiftShare::new(
            y.view(),
            x.view(),
            shares.view(),
            shocks.view(),
            one.view(),
            w.as_ref().map(|w| w.view()),
        )
    };
    let good = design(&x, &shares, &shocks, None).unwrap();
    refused(good.akm::<u8>(None, 0.0), "the level is 0; it must lie strictly between 0 and 1");
    refused(good.akm(Some(&[1, 2]), 0.95), "clusters of shocks: expected 4, found 2");
    refused(
        good.shock_level(Some(Array2::ones((3, 1)).view()), &MomentCovariance::heteroskedastic()),
        "rows of the shock-level controls: expected 4, found 3",
    );
    refused(design(&x, &shares, &array![1.0, 2.0], None), "shocks: expected 4, found 2");
    let mut weights = Array1::ones(n);
    weights[3] = -1.0;
    refused(
        design(&x, &shares, &shocks, Some(weights)),
        "weights: entry 3 is -1; it must be finite, and weights not negative",
    );
    let same = Array1::from_elem(4, 2.0);
    let still = "the instrument is constant or unrelated to the regressor, net of the controls";
    refused(design(&x, &shares, &same, None), still);
    // Or only as controls over shocks do.
    let robust = MomentCovariance::heteroskedastic();
    let spanned = shocks.mapv(|g| 3.0 * g - 1.0).insert_axis(Axis(1));
    refused(good.shock_level(Some(spanned.view()), &robust), still);
    good.shock_level(None, &robust).unwrap();
    // Two shocks that hit every row alike.
    let twins = stack![Axis(1), shares.column(0), shares.column(0)];
    let rest = (1.0 - twins.sum_axis(Axis(1))).insert_axis(Axis(1));
    let merged = ndarray::concatenate![Axis(1), twins, rest];
    refused(
        design(&x, &merged, &array![1.0, -2.0, 0.5], None).unwrap().akm::<u8>(None, 0.95),
        "the shares of the 3 shocks are collinear over the 20 rows; merge shocks that hit the same rows",
    );
}

#[test]
fn a_regression_says_what_its_instruments_and_its_variance_lack() {
    let (y, x, z) = (noise(24, 1), noise(24, 2).insert_axis(Axis(1)), noise(24, 3).insert_axis(Axis(1)));
    let plain = || Regression::new(y.clone(), x.clone()).names(["x"]);
    let iv = || plain().endogenous(["p"], noise(24, 4).insert_axis(Axis(1)));
    refused(
        plain().iv(KClass::TwoStage, &Vcov::Hc1),
        "instruments: no endogenous regressor is named; call ols",
    );
    refused(
        iv().instruments(["z"], x.clone()).iv(KClass::TwoStage, &Vcov::Hc1),
        "instruments: 1 endogenous regressors need as many instruments; 0 are of use",
    );
    let counts = Regression::new(y.mapv(f64::abs), x.clone()).names(["x"]);
    let counts = counts.endogenous(["p"], noise(24, 4).insert_axis(Axis(1))).instruments(["z"], z.clone());
    refused(
        counts.poisson(&Vcov::Hc1),
        "instruments: Poisson PML takes no endogenous regressors; use the GMM module",
    );
    refused(
        counts.multinomial(&Categories::new("g", (0..24).map(|i| i / 6)), &Vcov::Hc1),
        "instruments: multinomial PML takes no endogenous regressors",
    );
    refused(
        iv().instruments(["z"], z).iv(KClass::TwoStage, &Vcov::Hc3),
        "HC3 is not available here: leverage is defined for least squares without absorbed effects or instruments; use HC1",
    );
    refused(
        plain().absorb([Categories::new("g", (0..24).map(|i| i / 6))]).ols(&Vcov::Hc2),
        "HC2 is not available here: leverage is defined for least squares without absorbed effects or instruments; use HC1",
    );
    refused(
        Regression::new(y.mapv(f64::abs), x.clone()).poisson(&Vcov::Hc2),
        "HC2 is not available here: leverage is defined for least squares without absorbed effects or instruments; use HC1",
    );
    refused(
        Regression::new(y.clone(), x.slice_axis(Axis(0), (..23).into()).to_owned()).ols(&Vcov::Hc1),
        "the regressor matrix has 23 rows where the outcome has 24; give one value per row",
    );
    // Two endogenous regressors and instruments, of which one is a regressor.
    let mixed = stack![Axis(1), noise(24, 3), noise(24, 2)];
    let both = plain().endogenous(["p", "q"], stack![Axis(1), noise(24, 4), noise(24, 6)]);
    refused(
        both.instruments(["z", "again"], mixed).iv(KClass::TwoStage, &Vcov::Hc1),
        "instruments: 2 endogenous regressors need as many instruments; 1 are of use",
    );
    let ways = |count: usize| {
        (0..count).map(|k| Categories::new(format!("way {k}"), (0..24).map(move |i| i * (k + 1) % 11)))
    };
    refused(
        plain().ols(&Vcov::cluster(ways(9), SmallSample::Fixest)),
        "a clustered variance is not available here: 9 clustering variables were given; 1 to 8 are possible",
    );
    plain().ols(&Vcov::cluster(ways(8), SmallSample::Fixest)).unwrap();
    refused(
        plain().ols(&Vcov::cluster([], SmallSample::Fixest)),
        "a clustered variance is not available here: 0 clustering variables were given; 1 to 8 are possible",
    );
    refused(
        plain().ols(&Vcov::cluster([Categories::new("country", 0..23)], SmallSample::Fixest)),
        "country has 23 rows where the outcome has 24; give one value per row",
    );
    // Tests of instruments ask for the clusters, too.
    refused(
        iv().instruments(["z"], noise(24, 3).insert_axis(Axis(1)))
            .iv(KClass::TwoStage, &Vcov::cluster([Categories::new("country", 0..23)], SmallSample::Fixest)),
        "country has 23 rows where the outcome has 24; give one value per row",
    );
    refused(
        Regression::new(y.mapv(f64::abs), x.clone())
            .poisson(&Vcov::cluster([Categories::new("country", 0..23)], SmallSample::Fixest)),
        "country has 23 rows where the outcome has 24; give one value per row",
    );
    let days = Vcov::NeweyWest { time: vec![1; 23], unit: None, lags: 1, small_sample: SmallSample::Fixest };
    refused(plain().ols(&days), "the period has 23 rows where the outcome has 24; give one value per row");
    let unit = Some(Categories::new("unit", (0..24).map(|i| format!("u{}", i / 12))));
    let time: Vec<i64> = (0..24).map(|i| if i == 13 { 0 } else { i % 12 }).collect();
    refused(
        plain().ols(&Vcov::NeweyWest { time, unit, lags: 1, small_sample: SmallSample::Fixest }),
        "Newey-West is not available here: period 0 occurs twice for u1; keep one row",
    );
    let fit = plain().ols(&Vcov::Hc1).unwrap();
    refused(
        fit.estimates().wald(array![[1.0]].view(), array![0.0].view()),
        "the hypothesis cannot be tested: R is 1 x 1 and r has 1 entries for 2 coefficients",
    );
}

#[test]
fn a_k_class_without_a_variance_is_refused() {
    let (y, x, z) = (noise(24, 1), noise(24, 2).insert_axis(Axis(1)), noise(24, 3).insert_axis(Axis(1)));
    let iv = |class: KClass| {
        let equation = Regression::new(y.clone(), x.clone()).names(["x"]);
        equation
            .endogenous(["p"], noise(24, 4).insert_axis(Axis(1)))
            .instruments(["z"], z.clone())
            .iv(class, &Vcov::Classical)
    };
    iv(KClass::Fixed(0.9)).unwrap();
    refused(
        iv(KClass::Fixed(50.0)),
        "instruments: k = 50 is too large: X'(I - k M_Z)X is not positive definite, and coefficients have no variance; use \
         a smaller one, such as LIML's",
    );
    refused(iv(KClass::Fixed(f64::NAN)), "instruments: k is NaN; it must be finite");
    refused(iv(KClass::Fuller(f64::INFINITY)), "instruments: k is -inf; it must be finite");
    // What absorbs the endogenous regressor leaves nothing to instrument.
    let spanned = Regression::new(y.clone(), x.clone()).names(["x"]);
    let spanned = spanned.endogenous(["p"], &x * 2.0 + 1.0).instruments(["z"], z.clone());
    refused(
        spanned.iv(KClass::TwoStage, &Vcov::Hc1),
        "instruments: exogenous regressors and effects span p; nothing is endogenous, call ols",
    );
}

#[test]
fn coefficients_and_effects_have_names_of_their_own() {
    let y = noise(24, 1);
    let two = stack![Axis(1), noise(24, 2), noise(24, 3)];
    let plain = |names: [&str; 2]| Regression::new(y.clone(), two.clone()).names(names);
    let group = |name: &str, k: usize| Categories::new(name, (0..24).map(|i| i / k));
    refused(plain(["x", "x"]).ols(&Vcov::Hc1), "x names two regressors; leave one out, or rename it");
    refused(
        plain(["x", "constant"]).ols(&Vcov::Hc1),
        "constant names two regressors; leave one out, or rename it",
    );
    plain(["x", "constant"]).without_constant().ols(&Vcov::Hc1).unwrap();
    refused(
        plain(["x", "w"]).endogenous(["x"], noise(24, 4).insert_axis(Axis(1))).iv(KClass::Liml, &Vcov::Hc1),
        "x names two regressors; leave one out, or rename it",
    );
    refused(
        plain(["x", "w"]).absorb([group("g", 4), group("g", 6)]).ols(&Vcov::Hc1),
        "g names two fixed effects; leave one out, or rename it",
    );
    refused(
        Regression::new(y.mapv(f64::abs), two.clone())
            .absorb([group("g", 4)])
            .multinomial(&group("g", 6), &Vcov::Hc1),
        "g names two fixed effects; leave one out, or rename it",
    );
}

#[test]
fn a_value_or_level_that_is_none_is_refused() {
    let (y, x) = (noise(12, 1), noise(12, 2).insert_axis(Axis(1)));
    let regression = Regression::new(y.clone(), x.clone()).names(["x"]);
    let fit = regression.ols(&Vcov::Hc1).unwrap();
    for level in [0.0, 1.0, 95.0, f64::NAN] {
        refused(
            fit.estimates().intervals(level),
            &format!("the level is {level}; it must lie strictly between 0 and 1"),
        );
    }
    let by = Categories::new("country", (0..12).map(|i| i / 3));
    let score = ScoreBootstrap { weights: WildWeights::Webb, draws: 99, seed: 1 };
    refused(
        score.test(&regression, ScoreModel::LeastSquares, "x", f64::NAN, &by),
        "the hypothesis cannot be tested: the value of x is NaN; it must be finite",
    );
    refused(
        score.test(
            &regression.clone().endogenous(["p"], noise(12, 3).insert_axis(Axis(1))),
            ScoreModel::LeastSquares,
            "x",
            0.0,
            &by,
        ),
        "instruments: p is endogenous, and the score bootstrap takes none; use WildInstruments",
    );
    let wild = WildCluster { weights: WildWeights::Webb, draws: 99, seed: 1, impose_null: true };
    let none = "the value tested is NaN; it must be finite";
    refused(wild.test(y.view(), x.view(), by.codes(), array![1.0].view(), f64::NAN), none);
    let design = with_constant(&x.column(0).to_owned());
    let moments = LinearIv::new(y.view(), design.view(), design.view()).unwrap();
    let gmm = Gmm::new(MomentCovariance::heteroskedastic(), FirstWeight::Identity, Steps::Two);
    let start = array![0.0, 0.0];
    for tolerance in [f64::NAN, 0.0, -1e-6] {
        let problem = format!("it is {tolerance}: give a positive number of standard errors, such as 1e-6");
        refused(
            Gmm { tolerance, ..gmm.clone() }.fit(&moments, start.view()),
            &format!("tolerance: {problem}"),
        );
        let steps = Steps::Iterated { max_rounds: 9, tolerance };
        refused(
            Gmm { steps, ..gmm.clone() }.fit(&moments, start.view()),
            &format!("tolerance of the iterated weight: {problem}"),
        );
    }
    let instruments = WildInstruments { weights: WildWeights::Webb, draws: 99, seed: 1 };
    let z = noise(12, 3).insert_axis(Axis(1));
    refused(instruments.test(y.view(), x.column(0), z.view(), z.view(), by.codes(), f64::NAN), none);
}

#[test]
fn a_table_says_which_column_does_not_fit() {
    let table = || Table::new().numeric("y", vec![1.0, 2.0]).unwrap();
    refused(table().numeric("x", vec![1.0]), "column x has 1 rows where the table has 2");
    refused(table().categorical("y", ["a", "b"]), "column y occurs twice; rename one");
}

#[test]
fn restrictions_and_p_values_must_fit_the_coefficients() {
    let fit = Regression::new(noise(12, 1), noise(12, 2).insert_axis(Axis(1)))
        .names(["x"])
        .ols(&Vcov::Hc1)
        .unwrap();
    let estimates = fit.estimates();
    for (rows, columns, values) in [(0, 2, 0), (1, 3, 1), (1, 2, 2)] {
        refused(
            estimates.wald(Array2::ones((rows, columns)).view(), Array1::ones(values).view()),
            &format!(
                "the hypothesis cannot be tested: R is {rows} x {columns} and r has {values} entries for 2 coefficients"
            ),
        );
    }
    refused(estimates.joint_zero(&["z"]), "there is no coefficient z; the model has constant, x");
    let own = estimates.clone().with_p_values(vec![0.25, 0.75], "drawn").unwrap();
    assert_eq!((own.vcov_label(), own.table()[1].p_value), ("drawn", 0.75));
}
