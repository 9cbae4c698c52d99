//! Biproportional balancing: margins, signs, uniqueness, and typed failure.
#![allow(clippy::expect_used, clippy::panic)]

use calibration::balance::{BalanceError, BalanceSettings, balance};
use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;

fn margins(matrix: &Array2<f64>) -> (Array1<f64>, Array1<f64>) {
    (matrix.sum_axis(Axis(1)), matrix.sum_axis(Axis(0)))
}

fn largest(a: &Array1<f64>) -> f64 {
    a.iter().fold(0.0, |m, x| m.max(x.abs()))
}

/// Pairs of matrices of one shape, positive where not zero at the same places.
fn pair() -> impl Strategy<Value = (Array2<f64>, Array2<f64>)> {
    (2_usize..7, 2_usize..7).prop_flat_map(|(m, n)| {
        let cells = m * n;
        (
            prop::collection::vec(0.01_f64..10.0, cells),
            prop::collection::vec(0.01_f64..10.0, cells),
            prop::collection::vec(prop::bool::weighted(0.2), cells),
        )
            .prop_map(move |(a, b, zero)| {
                let make = |v: Vec<f64>| {
                    let mut v = v;
                    for (x, z) in v.iter_mut().zip(&zero) {
                        if *z {
                            *x = 0.0;
                        }
                    }
                    Array2::from_shape_vec((m, n), v).expect("shape")
                };
                (make(a), make(b))
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Margins of a matrix with the seed's zeros can be met, and are; zeros stay, the rest stays positive.
    #[test]
    fn margins_are_met_and_zeros_kept((seed, other) in pair()) {
        let (rows, columns) = margins(&other);
        let out = balance(seed.view(), rows.view(), columns.view(), &BalanceSettings::default()).expect("feasible");
        let (r, c) = margins(&out.matrix);
        let scale = largest(&rows).max(largest(&columns));
        prop_assert!(largest(&(&r - &rows)) <= 1e-11 * scale);
        prop_assert!(largest(&(&c - &columns)) <= 1e-11 * scale);
        for (x, s) in out.matrix.iter().zip(&seed) {
            prop_assert_eq!(*x > 0.0, *s > 0.0);
        }
    }

    /// The result has the form r_i a_ij s_j, so scaling rows and columns of the seed changes nothing.
    #[test]
    fn only_cross_ratios_of_the_seed_matter((seed, other) in pair(), scales in prop::collection::vec(0.1_f64..10.0, 14)) {
        let (rows, columns) = margins(&other);
        let settings = BalanceSettings::default();
        let mut scaled = seed.clone();
        for ((i, j), x) in scaled.indexed_iter_mut() {
            *x *= scales[i] * scales[7 + j];
        }
        let a = balance(seed.view(), rows.view(), columns.view(), &settings).expect("feasible");
        let b = balance(scaled.view(), rows.view(), columns.view(), &settings).expect("feasible");
        for (x, y) in a.matrix.iter().zip(&b.matrix) {
            prop_assert!((x - y).abs() <= 1e-8 * largest(&rows).max(1.0));
        }
    }

    /// A matrix that has the margins already is its own answer.
    #[test]
    fn a_balanced_seed_stays((seed, _) in pair()) {
        let (rows, columns) = margins(&seed);
        let out = balance(seed.view(), rows.view(), columns.view(), &BalanceSettings::default()).expect("feasible");
        for (x, y) in out.matrix.iter().zip(&seed) {
            prop_assert!((x - y).abs() <= 1e-11 * largest(&rows).max(1.0));
        }
        prop_assert_eq!(out.history.len(), 1);
    }

    /// Negative entries stay negative and margins are met (GRAS).
    #[test]
    fn signs_are_kept((seed, other) in pair(), flips in prop::collection::vec(prop::bool::weighted(0.25), 49)) {
        let flip = |m: &Array2<f64>| {
            let mut m = m.clone();
            for ((i, j), x) in m.indexed_iter_mut() {
                if flips[7 * i + j] {
                    *x = -*x;
                }
            }
            m
        };
        let (seed, other) = (flip(&seed), flip(&other));
        let (rows, columns) = margins(&other);
        let out = balance(seed.view(), rows.view(), columns.view(), &BalanceSettings { tolerance: 1e-10, max_iterations: 200_000 })
            .expect("feasible: another matrix with these signs has the margins");
        let (r, c) = margins(&out.matrix);
        let scale = largest(&rows).max(largest(&columns));
        prop_assert!(largest(&(&r - &rows)) <= 1e-8 * scale);
        prop_assert!(largest(&(&c - &columns)) <= 1e-8 * scale);
        for (x, s) in out.matrix.iter().zip(&seed) {
            prop_assert_eq!(x.signum() * f64::from(u8::from(*x != 0.0)), s.signum() * f64::from(u8::from(*s != 0.0)));
        }
    }
}

#[test]
fn different_totals_are_an_error() {
    let seed = array![[1.0, 1.0], [1.0, 1.0]];
    let error =
        balance(seed.view(), array![1.0, 1.0].view(), array![1.0, 2.0].view(), &BalanceSettings::default());
    assert!(matches!(error, Err(BalanceError::Totals { .. })), "{error:?}");
}

#[test]
fn a_margin_without_seed_is_named() {
    let seed = array![[0.0, 0.0], [1.0, 1.0]];
    let error =
        balance(seed.view(), array![1.0, 1.0].view(), array![1.0, 1.0].view(), &BalanceSettings::default());
    assert!(matches!(error, Err(BalanceError::Unreachable { side: "row", index: 0, .. })), "{error:?}");
}

#[test]
fn contradicting_zeros_do_not_converge_and_say_how_far_they_got() {
    // the first row can only be in the first column, whose margin is smaller
    let seed = array![[1.0, 0.0], [1.0, 1.0]];
    let error = balance(
        seed.view(),
        array![2.0, 1.0].view(),
        array![1.0, 2.0].view(),
        &BalanceSettings { max_iterations: 500, ..BalanceSettings::default() },
    );
    match error {
        Err(BalanceError::NotConverged { history, iterations, .. }) => {
            assert_eq!(history.len(), iterations);
            assert!(iterations > 1);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_that_are_not_numbers_are_an_error() {
    let seed = array![[1.0, f64::NAN], [1.0, 1.0]];
    let error =
        balance(seed.view(), array![1.0, 1.0].view(), array![1.0, 1.0].view(), &BalanceSettings::default());
    assert!(matches!(error, Err(BalanceError::NotFinite { what: "seed row", index: 0 })), "{error:?}");
    let shape =
        balance(seed.view(), array![1.0].view(), array![1.0, 1.0].view(), &BalanceSettings::default());
    assert!(matches!(shape, Err(BalanceError::Shape { .. })), "{shape:?}");
}
