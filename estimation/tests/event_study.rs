//! Event studies: the terms, the tests, and intervals that survive trends which are not parallel.

#![allow(clippy::unwrap_used, clippy::panic)]

use estimation::event_study::{EventPath, EventStudyError, EventTerms};
use estimation::{Regression, Vcov};
use linalg::Cholesky;
use ndarray::{Array1, Array2, Axis, array, concatenate};
use proptest::prelude::*;
use rand_distr::{Distribution, StandardNormal};

fn path(before: usize, after: usize, effects: &Array1<f64>, covariance: &Array2<f64>) -> EventPath {
    let periods: Vec<i64> = (-(before as i64)..0).chain(1..=after as i64).collect();
    EventPath::new(&periods, 0, effects.view(), covariance.view()).unwrap()
}

/// A covariance with the common reference period's correlation of one half.
fn covariance(count: usize, se: f64) -> Array2<f64> {
    Array2::from_shape_fn((count, count), |(i, j)| se * se * if i == j { 1.0 } else { 0.5 })
}

#[test]
fn terms_hold_the_intensity_in_their_period_and_bin_the_ends() {
    let period = [Some(2007), Some(2009), Some(2010), Some(2012), None];
    let intensity = [0.5, 0.6, 0.7, 0.8, 0.9];
    let terms = EventTerms::new("ree", &period, &intensity, 2009, Some((2008, 2011))).unwrap();
    assert_eq!(terms.periods, [2008, 2010, 2011]);
    assert_eq!(terms.names, ["ree::2008", "ree::2010", "ree::2011"]);
    let expected =
        array![[0.5, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 0.8], [0.0, 0.0, 0.0]];
    assert_eq!(terms.columns, expected);
    let absent = EventTerms::new("ree", &period, &intensity, 1999, None);
    assert_eq!(absent, Err(EventStudyError::ReferenceAbsent(1999)));
}

#[test]
fn points_contain_the_reference_and_the_band_is_wider_than_the_pointwise_interval() {
    let effects = array![0.1, 0.0, 0.3, 0.4];
    let points = path(2, 2, &effects, &covariance(4, 0.1)).points(0.95, 20_000, 1).unwrap();
    let periods: Vec<i64> = points.iter().map(|p| p.period).collect();
    assert_eq!(periods, [-2, -1, 0, 1, 2]);
    assert!(points[2].is_reference && points[2].effect == 0.0);
    assert!((points[0].pointwise.1 - 0.1 - 0.1959964).abs() < 1e-6);
    // Four equicorrelated statistics: scipy's multivariate normal puts 0.95 within 2.4418.
    let band = (points[0].simultaneous.1 - points[0].effect) / 0.1;
    assert!((band - 2.4418).abs() < 0.03, "{band}");
}

#[test]
fn parallel_trends_give_back_the_usual_interval() {
    let effects = array![0.02, -0.03, 0.3, 0.5];
    let v = covariance(4, 0.1);
    let path = path(2, 2, &effects, &v);
    let interval = path.relative_magnitudes(path.mean_effect().view(), 0.0, 0.95).unwrap();
    let half = 1.959963984540054 * 0.0075_f64.sqrt();
    assert!((interval.lower - (0.4 - half)).abs() < 1e-12 && (interval.upper - (0.4 + half)).abs() < 1e-12);
}

#[test]
fn relative_magnitudes_unite_the_normal_intervals_of_every_change_before() {
    let v = Array2::from_shape_fn((6, 6), |(i, j)| {
        0.01 * (1.0 + 0.2 * i as f64).sqrt() * (1.0 + 0.2 * j as f64).sqrt() * if i == j { 1.0 } else { 0.3 }
    });
    // The largest change before is in the middle, and into the reference period.
    for effects in [array![0.3, -0.1, 0.25, 0.5, 0.9, 0.4], array![0.0, 0.05, 0.6, 0.5, 0.9, 0.4]] {
        let path = path(3, 3, &effects, &v);
        assert!((path.mean_after() - 0.6).abs() < 1e-15);
        assert_eq!(path.mean_effect(), array![1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]);
        let z = 1.6448536269514722;
        for (weights, exposure) in [
            // The changes at 1, 2 and 3 enter with the sums of the weights from there on.
            (array![0.2, 0.3, 0.5], 1.0 + 0.8 + 0.5),
            (array![-1.0, 0.0, 1.0], 0.0 + 1.0 + 1.0),
            (array![1.0, 0.0, 0.0], 1.0),
        ] {
            for mbar in [0.4, 1.7] {
                let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
                // The period from which and the one to which the trend changes; the last is the reference period.
                for (from, to) in [(0, Some(1)), (1, Some(2)), (2, None)] {
                    for sign in [-1.0, 1.0] {
                        let mut c = Array1::<f64>::zeros(6);
                        (0..3).for_each(|k| c[3 + k] = weights[k]);
                        c[from] += sign * mbar * exposure;
                        if let Some(to) = to {
                            c[to] -= sign * mbar * exposure;
                        }
                        let (centre, se) = (c.dot(&effects), c.dot(&v.dot(&c)).sqrt());
                        (low, high) = (low.min(centre - z * se), high.max(centre + z * se));
                    }
                }
                let found = path.relative_magnitudes(weights.view(), mbar, 0.9).unwrap();
                assert!(
                    (found.lower - low).abs() < 1e-9 && (found.upper - high).abs() < 1e-9,
                    "{found:?} {low} {high}"
                );
            }
        }
    }
}

#[test]
fn bands_of_a_plot_are_symmetric_and_effects_without_error_have_none() {
    let effects = array![0.1, -0.2, 0.3];
    let mut v = covariance(3, 0.1);
    v.row_mut(1).fill(0.0);
    v.column_mut(1).fill(0.0);
    let points = path(1, 2, &effects, &v).points(0.9, 4_000, 3).unwrap();
    for (point, (effect, se)) in
        points.iter().filter(|p| !p.is_reference).zip([(0.1, 0.1), (-0.2, 0.0), (0.3, 0.1)])
    {
        assert_eq!((point.effect, point.standard_error), (effect, se));
        let half = 1.6448536269514722 * se;
        assert!(
            (point.pointwise.0 - (effect - half)).abs() < 1e-9
                && (point.pointwise.1 - (effect + half)).abs() < 1e-9
        );
        let (below, above) = (effect - point.simultaneous.0, point.simultaneous.1 - effect);
        assert!((below - above).abs() < 1e-12 && below >= half - 1e-12, "{point:?}");
    }
    for level in [0.0, 1.0, -0.1, f64::NAN] {
        let refused = path(1, 2, &effects, &v).points(level, 100, 3);
        assert!(matches!(refused, Err(EventStudyError::Domain { what: "level", .. })), "{level}");
    }
}

#[test]
fn what_bounds_cannot_be_had_for_is_named() {
    let (effects, v) = (array![0.1, 0.2, 0.3], covariance(3, 0.1));
    let weights = array![1.0];
    let two = path(2, 1, &effects, &v);
    for bound in [-0.1, f64::NAN, f64::INFINITY] {
        let refused = two.relative_magnitudes(weights.view(), bound, 0.95);
        assert!(matches!(refused, Err(EventStudyError::Domain { what: "bound", .. })), "{bound}");
    }
    assert!(matches!(two.smoothness(array![1.0, 1.0].view(), 0.1, 0.95), Err(EventStudyError::Shape { .. })));
    let unknown = two.smoothness(array![f64::NAN].view(), 0.1, 0.95);
    assert!(matches!(unknown, Err(EventStudyError::NotFinite { what: "weights of the effects", index: 0 })));
    let short = EventPath::new(&[-2, -1], 0, effects.view(), v.view());
    assert!(
        matches!(short, Err(EventStudyError::Shape { what: "effects", expected: 2, found: 3 })),
        "{short:?}"
    );
    let none = path(0, 3, &effects, &v).smoothness(array![0.0, 0.0, 1.0].view(), 0.1, 0.95);
    assert!(matches!(none, Err(EventStudyError::NoPeriods { side: "before", .. })));
    let gap = EventPath::new(&[-3, -1, 1], 0, effects.view(), v.view()).unwrap();
    let refused = gap.relative_magnitudes(weights.view(), 1.0, 0.95);
    assert!(matches!(refused, Err(EventStudyError::Gap { missing: -2 })), "{refused:?}");
    // A path that does not exclude zero even under parallel trends breaks down at once, one without error never does.
    let noisy = path(2, 1, &array![0.0, 0.0, 0.1], &covariance(3, 0.1));
    assert_eq!(noisy.breakdown_relative_magnitudes(weights.view(), 0.95).unwrap(), 0.0);
    let flat = path(2, 1, &array![0.0, 0.0, 0.1], &Array2::zeros((3, 3)));
    assert_eq!(flat.breakdown_relative_magnitudes(weights.view(), 0.95).unwrap(), f64::INFINITY);
}

#[test]
fn one_period_each_side_is_the_extrapolated_line() {
    // With one period before and one after, v is fixed at 1 by the slope: tau_1 + beta_(-1), bias m.
    let v = array![[0.04, 0.01], [0.01, 0.09]];
    let path = path(1, 1, &array![-0.2, 1.0], &v);
    let se = (0.04_f64 + 0.09 + 0.02).sqrt();
    let linear = path.smoothness(array![1.0].view(), 0.0, 0.95).unwrap();
    assert!((linear.lower - (0.8 - 1.959963984540054 * se)).abs() < 1e-6, "{linear:?}");
    // At a bias of one standard error the quantile of |N(1, 1)| is 2.646146 (scipy.stats.foldnorm).
    let bent = path.smoothness(array![1.0].view(), se, 0.95).unwrap();
    assert!(((bent.upper - bent.lower) / 2.0 / se - 2.646146).abs() < 1e-4, "{bent:?}");
}

#[test]
fn a_linear_difference_in_trends_does_no_harm_to_the_smoothness_interval() {
    // Effects of 1 on a slope of 0.5 per period, tiny noise: parallel trends mislead, M = 0 does not.
    let effects = array![-2.0, -1.5, -1.0, -0.5, 1.5, 2.0, 2.5];
    let v = covariance(7, 1e-3);
    let path = path(4, 3, &effects, &v);
    for (k, weights) in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].into_iter().enumerate() {
        let interval = path.smoothness(Array1::from_vec(weights.to_vec()).view(), 0.0, 0.95).unwrap();
        assert!(interval.lower < 1.0 && 1.0 < interval.upper, "period {k}: {interval:?}");
        assert!(interval.upper - interval.lower < 0.03, "period {k}: {interval:?}");
    }
    let naive = path.relative_magnitudes(array![1.0, 0.0, 0.0].view(), 0.0, 0.95).unwrap();
    assert!(naive.lower > 1.0);
}

#[test]
fn the_optimal_interval_is_no_longer_than_other_combinations_that_cancel_a_slope() {
    let effects = array![0.1, -0.1, 0.05, 0.6, 0.8];
    let v = Array2::from_shape_fn((5, 5), |(i, j)| 0.01 * 0.6_f64.powi((i as i32 - j as i32).abs()));
    let path = path(3, 2, &effects, &v);
    let (m, weights) = (0.03, array![0.0, 1.0]);
    let best = path.smoothness(weights.view(), m, 0.95).unwrap();
    let half = (best.upper - best.lower) / 2.0;
    // All v with v_1 + 2 v_2 + 3 v_3 = 2, on a grid; order of `v`: periods -3, -2, -1.
    let quantile = |b: f64| {
        let z = |c: f64| 0.5 * statrs::function::erf::erfc(c / std::f64::consts::SQRT_2);
        let (mut low, mut high) = (b, b + 3.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if z(middle - b) + z(middle + b) > 0.05 { low = middle } else { high = middle }
        }
        high
    };
    let mut shortest = f64::INFINITY;
    for i in -40..=40 {
        for j in -40..=40 {
            let (v2, v3) = (f64::from(i) * 0.05, f64::from(j) * 0.05);
            let v1 = 2.0 - 2.0 * v2 - 3.0 * v3;
            let c = array![v3, v2, v1, 0.0, 1.0];
            let se = c.dot(&v.dot(&c)).sqrt();
            // Weights on second differences at 0, -1, -2 and, from l, at 1.
            let bias = (v1 + 2.0 * v2 + 3.0 * v3).abs() + (v2 + 2.0 * v3).abs() + v3.abs() + 1.0;
            shortest = f64::min(shortest, se * quantile(m * bias / se));
        }
    }
    assert!(half <= shortest * (1.0 + 1e-5), "{half} against {shortest}");
    assert!(half >= shortest * 0.99, "{half} against {shortest}");
}

#[test]
fn breakdown_values_are_where_zero_enters() {
    let effects = array![0.05, -0.02, 0.03, 0.6, 0.8];
    let v = covariance(5, 0.05);
    let path = path(3, 2, &effects, &v);
    let weights = path.mean_effect();
    let mbar = path.breakdown_relative_magnitudes(weights.view(), 0.95).unwrap();
    let m = path.breakdown_smoothness(weights.view(), 0.95).unwrap();
    assert!(mbar > 0.0 && m > 0.0);
    let rm = |x: f64| path.relative_magnitudes(weights.view(), x, 0.95).unwrap().lower > 0.0;
    let sd = |x: f64| path.smoothness(weights.view(), x, 0.95).unwrap().lower > 0.0;
    assert!(rm(0.999 * mbar) && !rm(1.001 * mbar));
    let mirrored = self::path(3, 2, &-&effects, &v);
    let other = mirrored.breakdown_relative_magnitudes(weights.view(), 0.95).unwrap();
    assert!((other / mbar - 1.0).abs() < 1e-5, "{other} {mbar}");
    assert!(sd(0.999 * m) && !sd(1.001 * m));
}

#[test]
fn without_departures_before_no_bound_on_them_lets_zero_in() {
    // Effects before are exactly zero: any multiple of their largest change is zero.
    let mut v = Array2::zeros((4, 4));
    (v[[2, 2]], v[[3, 3]]) = (0.01, 0.01);
    let path = path(2, 2, &array![0.0, 0.0, 0.5, 0.7], &v);
    let weights = path.mean_effect();
    assert!((path.mean_after() - 0.6).abs() < 1e-12);
    assert_eq!(path.breakdown_relative_magnitudes(weights.view(), 0.95).unwrap(), f64::INFINITY);
    // And an effect that is not told from zero has nothing to break down.
    let none = array![0.0, 0.0, 0.05, -0.05];
    let path = EventPath::new(&[-2, -1, 1, 2], 0, none.view(), v.view()).unwrap();
    assert_eq!(path.breakdown_relative_magnitudes(weights.view(), 0.95).unwrap(), 0.0);
}

#[test]
fn joint_tests_take_the_periods_of_their_own_side() {
    let v = Array2::from_diag(&array![0.01, 0.04, 0.09, 0.16]);
    let path = path(2, 2, &array![0.1, -0.2, 0.6, 1.2], &v);
    let (before, after) = (path.pre_trend_test().unwrap(), path.effect_test().unwrap());
    // Independent effects: sums of squared t-ratios, 1 + 1 and 4 + 9, chi-squared with 2 degrees: exp(-s/2).
    assert!((before.statistic - 2.0).abs() < 1e-12 && (after.statistic - 13.0).abs() < 1e-12);
    assert!((before.p_value - (-1.0_f64).exp()).abs() < 1e-12, "{before}");
    assert!((after.p_value - (-6.5_f64).exp()).abs() < 1e-12, "{after}");
}

#[test]
fn intervals_cover_under_the_worst_departures_they_allow() {
    // Simulated, 2,000 draws. One period each side and a kink of M: the bias is at its worst case, so the
    // fixed-length interval covers in 95%, within two standard errors of 0.5%.
    let (draws, se) = (2_000_u64, 0.2);
    let (small, large) = (covariance(2, se), covariance(5, se));
    let root = |v: &Array2<f64>| Cholesky::factor(v.view()).unwrap().lower().to_owned();
    let (small_root, large_root) = (root(&small), root(&large));
    let mut covered = [0_u32; 2];
    for draw in 0..draws {
        let mut rng = estimation::resample::stream(99, draw);
        let noise: Array1<f64> = Array1::from_shape_fn(5, |_| StandardNormal.sample(&mut rng));
        let kinked = array![0.0, 1.0 + 0.3] + small_root.dot(&array![noise[0], noise[1]]);
        let smooth = path(1, 1, &kinked, &small).smoothness(array![1.0].view(), 0.3, 0.95).unwrap();
        covered[0] += u32::from(smooth.lower <= 1.0 && 1.0 <= smooth.upper);
        // Changes of 0.3 before and after: Mbar = 1 holds with equality. The union of intervals is conservative.
        let zigzag = array![0.6, 0.3, 0.0, 1.3, 1.6] + large_root.dot(&noise);
        let relative =
            path(3, 2, &zigzag, &large).relative_magnitudes(array![0.5, 0.5].view(), 1.0, 0.95).unwrap();
        covered[1] += u32::from(relative.lower <= 1.0 && 1.0 <= relative.upper);
    }
    let share = covered.map(|count| f64::from(count) / draws as f64);
    assert!((0.935..=0.965).contains(&share[0]), "smoothness: {}", share[0]);
    assert!(share[1] >= 0.935, "relative magnitudes: {}", share[1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Wider bounds never shorten an interval, and rescaling the outcome rescales it.
    #[test]
    fn bounds_are_monotone_and_scale(
        effects in prop::collection::vec(-1.0..1.0_f64, 5),
        m in 0.0..0.5_f64,
        scale in 0.1..10.0_f64,
    ) {
        let (effects, v) = (Array1::from_vec(effects), covariance(5, 0.1));
        let original = path(3, 2, &effects, &v);
        let scaled = path(3, 2, &(&effects * scale), &(&v * scale * scale));
        let weights = original.mean_effect();
        let narrow = original.smoothness(weights.view(), m, 0.95).unwrap();
        let wide = original.smoothness(weights.view(), 1.5 * m + 0.01, 0.95).unwrap();
        prop_assert!(wide.upper - wide.lower >= (narrow.upper - narrow.lower) * (1.0 - 1e-6));
        let rescaled = scaled.smoothness(weights.view(), m * scale, 0.95).unwrap();
        prop_assert!((rescaled.upper - scale * narrow.upper).abs() < 1e-4 * scale);
        let a = original.relative_magnitudes(weights.view(), m, 0.95).unwrap();
        let b = original.relative_magnitudes(weights.view(), m + 0.1, 0.95).unwrap();
        prop_assert!(b.lower <= a.lower && b.upper >= a.upper);
    }
}

#[test]
fn under_wide_bounds_the_interval_extrapolates_from_the_nearest_periods() {
    // With one effect after, the weights on those before add up to one in slopes; of these the least bias, m, is that of the
    // last period alone.
    let effects = array![0.4, -0.3, 0.2, 0.1, 1.0];
    let v = Array2::from_shape_fn((5, 5), |(i, j)| 0.01 * 0.6_f64.powi((i as i32 - j as i32).abs()));
    let path = path(4, 1, &effects, &v);
    let m = 10.0;
    let interval = path.smoothness(array![1.0].view(), m, 0.95).unwrap();
    let se = (v[[3, 3]] + v[[4, 4]] + 2.0 * v[[3, 4]]).sqrt();
    let half = m + 1.6448536269514722 * se;
    assert!(((interval.lower + interval.upper) / 2.0 - 1.1).abs() < 1e-3, "{interval:?}");
    assert!(((interval.upper - interval.lower) / 2.0 / half - 1.0).abs() < 1e-5, "{interval:?} {half}");
}

#[test]
fn a_path_takes_its_terms_from_a_regression_by_name() {
    let n = 60;
    let wave = |i: usize, a: f64| ((i * i + 3 * i) as f64 * a).sin();
    let period: Vec<Option<i64>> = (0..n).map(|i| Some(2008 + (i % 4) as i64)).collect();
    let intensity: Vec<f64> = (0..n).map(|i| wave(i, 0.7)).collect();
    let terms = EventTerms::new("ree", &period, &intensity, 2009, None).unwrap();
    let control = Array1::from_shape_fn(n, |i| wave(i, 1.1)).insert_axis(Axis(1));
    let x = concatenate![Axis(1), control, terms.columns];
    let names: Vec<String> = [vec!["control".to_owned()], terms.names.clone()].concat();
    let fit =
        Regression::new(Array1::from_shape_fn(n, |i| wave(i, 2.3)), x).names(names).ols(&Vcov::Hc1).unwrap();
    let path = EventPath::from_estimates(fit.estimates(), &terms).unwrap();
    let points = path.points(0.95, 10, 1).unwrap();
    for (name, point) in terms.names.iter().zip(points.iter().filter(|p| !p.is_reference)) {
        let of = fit.estimates().coefficient(name).unwrap();
        assert_eq!((of.estimate, of.std_error), (point.effect, point.standard_error), "{name}");
    }
}
