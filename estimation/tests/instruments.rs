//! Instruments: members of the k-class against their formulas, controls that others span, shares of no exposure.
#![allow(clippy::unwrap_used, clippy::panic)]

use estimation::gmm::MomentCovariance;
use estimation::identification::FirstStage;
use estimation::resample::stream;
use estimation::shift_share::{NullImposed, ShiftShare};
use estimation::{Categories, KClass, LinearFit, Regression, Vcov};
use ndarray::{Array1, Array2, Axis, concatenate, stack};
use rand_distr::{Distribution, StandardNormal};

fn normals(seed: u64, n: usize) -> Array1<f64> {
    let mut rng = stream(91, seed);
    Array1::from_shape_fn(n, |_| StandardNormal.sample(&mut rng))
}

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1e-3), "{found} against {expected}");
}

struct Data {
    y: Array1<f64>,
    endogenous: Array1<f64>,
    control: Array1<f64>,
    z: Array2<f64>,
    unit: Categories,
}

fn data() -> Data {
    let n = 120;
    let (w, u, v) = (normals(1, n), normals(2, n), normals(3, n));
    let z = stack![Axis(1), normals(4, n) + &w * 0.4, normals(5, n), normals(6, n)];
    let unit = Categories::new("unit", (0..n).map(|i| i / 10));
    let own = normals(7, 12);
    let endogenous = &z.sum_axis(Axis(1)) * 0.3 + &v + &w + Array1::from_shape_fn(n, |i| own[i / 10]);
    let y = &endogenous * 0.5 + &v * 0.7 + &u * (1.0 + z.column(0).mapv(f64::abs)) + &w + &z.column(2) * 0.4;
    Data { y, endogenous, control: w, z, unit }
}

impl Data {
    fn equation(&self, x: Array2<f64>) -> Regression {
        Regression::new(self.y.clone(), x)
            .endogenous(["p"], self.endogenous.clone().insert_axis(Axis(1)))
            .instruments(["z1", "z2", "z3"], self.z.clone())
    }

    fn fit(&self, class: KClass, vcov: &Vcov) -> LinearFit {
        self.equation(self.control.clone().insert_axis(Axis(1))).iv(class, vcov).unwrap()
    }
}

/// `b = A^-1 X'(I - k M_Z) y`, so that the scores are of `X - k M_Z X`, whatever `k`.
#[test]
fn a_given_k_has_the_variance_of_its_own_scores() {
    let d = data();
    let n = d.y.len();
    let x = stack![Axis(1), Array1::ones(n), d.control, d.endogenous];
    let z = concatenate![Axis(1), stack![Axis(1), Array1::ones(n), d.control], d.z];
    let inside = z.dot(&linalg::inverse(z.t().dot(&z).view()).unwrap()).dot(&z.t().dot(&x));
    for k in [0.0, 1e-3, 0.4, 0.9, 1.0] {
        let fit = d.fit(KClass::Fixed(k), &Vcov::Hc0);
        let scores = &x - &((&x - &inside) * k);
        let bread = linalg::inverse(scores.t().dot(&x).view()).unwrap();
        let b = bread.dot(&scores.t().dot(&d.y));
        let u = &d.y - &x.dot(&b);
        let weighted = &scores * &u.insert_axis(Axis(1));
        let v = bread.dot(&weighted.t().dot(&weighted)).dot(&bread.t());
        for (row, (b, v)) in fit.estimates().table().iter().zip(b.iter().zip(v.diag())) {
            close(row.estimate, *b, 1e-8);
            close(row.std_error, v.sqrt(), 1e-8);
        }
    }
    // The ends are the estimators that have names.
    for (k, named) in [(0.0, KClass::Ols), (1.0, KClass::TwoStage)] {
        let (a, b) = (d.fit(KClass::Fixed(k), &Vcov::Hc1), d.fit(named, &Vcov::Hc1));
        assert_eq!(a.estimates().table(), b.estimates().table());
    }
}

/// Residuals that ignore the endogeneity are no weight for a test that allows for it.
#[test]
fn hansens_test_does_not_depend_on_a_k_that_is_given() {
    let d = data();
    let j = |class| d.fit(class, &Vcov::Hc1).instrument_tests().unwrap().over_identification.unwrap();
    let two_stage = j(KClass::TwoStage);
    for class in [KClass::Ols, KClass::Fixed(0.3), KClass::Fixed(1.0)] {
        assert_eq!(j(class), two_stage, "{class:?}");
    }
    assert!((j(KClass::Liml).statistic / two_stage.statistic - 1.0).abs() < 0.2);
}

#[test]
fn fullers_k_counts_absorbed_effects_as_their_dummies() {
    let d = data();
    let n = d.y.len();
    let dummies = Array2::from_shape_fn((n, 12), |(i, j)| f64::from(u8::from(i / 10 == j)));
    let control = d.control.clone().insert_axis(Axis(1));
    let absorbed = d.equation(control.clone()).absorb([d.unit.clone()]);
    let explicit = d.equation(concatenate![Axis(1), control, dummies]).without_constant();
    for class in [KClass::Fuller(1.0), KClass::Fuller(4.0), KClass::Liml] {
        let [a, b] = [&absorbed, &explicit].map(|equation| equation.iv(class, &Vcov::Hc1).unwrap());
        close(a.kappa() - 1.0, b.kappa() - 1.0, 1e-7);
        let [a, b] = [&a, &b].map(|fit| fit.estimates().coefficient("p").unwrap());
        close(a.estimate, b.estimate, 1e-7);
        close(a.std_error, b.std_error, 1e-7);
    }
}

/// Controls as they are, and with a copy, a sum and nothing among them.
fn with_spanned(controls: &Array2<f64>) -> Array2<f64> {
    let sum = controls.sum_axis(Axis(1)).insert_axis(Axis(1));
    let none = Array2::zeros((controls.nrows(), 1));
    let first = controls.select(Axis(1), &[0]);
    concatenate![Axis(1), first, none, controls.clone(), sum, controls.clone()]
}

#[test]
fn a_duplicated_control_changes_nothing_in_a_first_stage() {
    let d = data();
    let controls = stack![Axis(1), Array1::ones(d.y.len()), d.control];
    let x = d.endogenous.clone().insert_axis(Axis(1));
    let robust = MomentCovariance::heteroskedastic();
    let numbers = |controls: &Array2<f64>| {
        let stage = FirstStage::new(x.view(), d.z.view(), Some(controls.view()), 0).unwrap();
        let rank = stage.kleibergen_paap(&robust).unwrap();
        let effective = stage.effective_f(&robust, Some(d.y.view())).unwrap();
        let test = stage.anderson_rubin(d.y.view(), Array1::from_elem(1, 0.2).view(), &robust).unwrap();
        [rank.lm.statistic, rank.f, effective.f, test.statistic, stage.cragg_donald().unwrap().f]
    };
    for (a, b) in numbers(&with_spanned(&controls)).into_iter().zip(numbers(&controls)) {
        close(a, b, 1e-9);
    }
}

#[test]
fn a_duplicated_control_changes_nothing_in_a_shift_share_design() {
    let (n, k) = (60, 16);
    let raw = normals(20, n * k);
    let shares = Array2::from_shape_fn((n, k), |(i, j)| raw[i * k + j].abs() / 20.0);
    let (shocks, w) = (normals(21, k), normals(22, n));
    let x = shares.dot(&shocks) * 4.0 + normals(23, n) * 0.1 + &w;
    let y = &x * 0.5 + normals(24, n);
    let controls = stack![Axis(1), Array1::ones(n), w, shares.sum_axis(Axis(1))];
    let over_shocks = stack![Axis(1), normals(25, k)];
    let numbers = |controls: &Array2<f64>, over_shocks: &Array2<f64>| {
        let design =
            ShiftShare::new(y.view(), x.view(), shares.view(), shocks.view(), controls.view(), None).unwrap();
        let akm = design.akm::<u8>(None, 0.95).unwrap();
        let level =
            design.shock_level(Some(over_shocks.view()), &MomentCovariance::heteroskedastic()).unwrap();
        let NullImposed::Interval(low, high) = akm.null_imposed else { panic!("{akm:?}") };
        [akm.estimate, akm.standard_error, low, high, level.estimate, level.standard_error]
    };
    let constant = stack![Axis(1), over_shocks.column(0), Array1::ones(k), over_shocks.column(0)];
    let more = numbers(&with_spanned(&controls), &constant);
    for (a, b) in more.into_iter().zip(numbers(&controls, &over_shocks)) {
        close(a, b, 1e-8);
    }
}

#[test]
fn rows_without_exposure_do_not_make_shares_incomplete() {
    let (n, k) = (60, 5);
    for seed in 0..20 {
        let exposed = |i: usize| i.is_multiple_of(4);
        let raw = normals(31 + seed, n * k);
        let mut shares =
            Array2::from_shape_fn((n, k), |(i, j)| if exposed(i) { raw[i * k + j].abs() } else { 0.0 });
        for mut row in shares.rows_mut() {
            let total = row.sum();
            if total > 0.0 {
                row /= total / 0.7;
            }
        }
        let (shocks, w) = (normals(61 + seed, k), normals(91 + seed, n));
        let x = shares.dot(&shocks) + normals(121 + seed, n) * 0.1;
        let controls = stack![Axis(1), Array1::ones(n), w, shares.sum_axis(Axis(1))];
        let y = &x * 0.5 + &w;
        let design = ShiftShare::new(y.view(), x.view(), shares.view(), shocks.view(), controls.view(), None);
        assert!(design.is_ok(), "{seed}: {:?}", design.err());
        let without = controls.select(Axis(1), &[0, 1]);
        let incomplete =
            ShiftShare::new(y.view(), x.view(), shares.view(), shocks.view(), without.view(), None);
        assert!(incomplete.is_err(), "{seed}");
    }
}
