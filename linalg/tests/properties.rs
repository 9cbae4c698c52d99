//! Defining equations of every factorisation, on random matrices.
#![allow(clippy::expect_used)]

use linalg::{
    Cholesky, LEAST_RECIPROCAL_CONDITION, LinalgError, Lu, PivotedCholesky, Qr, Svd, SymmetricEigen,
    independent_columns, inverse, least_squares, matmul,
};
use ndarray::{Array1, Array2, Axis, Slice, array};
use proptest::prelude::*;

fn matrix(
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
) -> impl Strategy<Value = Array2<f64>> {
    (rows, columns).prop_flat_map(|(m, n)| {
        prop::collection::vec(-1.0..1.0_f64, m * n)
            .prop_map(move |v| Array2::from_shape_vec((m, n), v).expect("the length fits"))
    })
}

fn square() -> impl Strategy<Value = Array2<f64>> {
    (1..24_usize).prop_flat_map(|n| matrix(n..n + 1, n..n + 1))
}

/// The largest sum of a column.
fn norm(m: &Array2<f64>) -> f64 {
    m.columns().into_iter().map(|c| c.iter().map(|v| v.abs()).sum::<f64>()).fold(0.0, f64::max)
}

/// Rows, then columns, scaled to a largest entry of one.
fn equilibrated(a: &Array2<f64>) -> Array2<f64> {
    let mut a = a.clone();
    for axis in [Axis(0), Axis(1)] {
        for mut lane in a.axis_iter_mut(axis) {
            let largest = lane.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            lane /= if largest > 0.0 { largest } else { 1.0 };
        }
    }
    a
}

/// What is no number is larger than any.
fn largest(a: &Array2<f64>) -> f64 {
    a.iter().fold(0.0, |m, v| if v.abs() > m || v.is_nan() { v.abs() } else { m })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn lu_solves_its_system_and_the_transposed_one(a in square()) {
        let n = a.nrows();
        let a = a + Array2::<f64>::eye(n) * 2.0 * n as f64;
        let b = Array1::from_shape_fn(n, |i| (i as f64).sin());
        let lu = Lu::factor(a.view()).expect("diagonally dominant");
        let residual = a.dot(&lu.solve(b.view()).expect("fits")) - &b;
        prop_assert!(residual.iter().all(|v| v.abs() < 1e-12));
        let residual = a.t().dot(&lu.solve_transpose(b.view()).expect("fits")) - &b;
        prop_assert!(residual.iter().all(|v| v.abs() < 1e-12));
        let identity = matmul(a.view(), inverse(a.view()).expect("regular").view()).expect("fits");
        prop_assert!(largest(&(identity - Array2::<f64>::eye(n))) < 1e-12);
    }

    #[test]
    fn a_factorisation_in_the_room_of_others_is_the_same(all in prop::collection::vec(square(), 2..5)) {
        let mut reused: Option<Lu> = None;
        for a in all {
            let n = a.nrows();
            let a = a + Array2::<f64>::eye(n) * 2.0 * n as f64;
            let fresh = Lu::factor(a.view()).expect("diagonally dominant");
            let lu = match &mut reused {
                Some(lu) => {
                    lu.refactor(a.view()).expect("diagonally dominant");
                    lu
                }
                none => none.insert(fresh.clone()),
            };
            prop_assert_eq!(lu.order(), n);
            let b = Array1::from_shape_fn(n, |i| (i as f64).sin());
            let mut x = b.to_vec();
            lu.solve_in_place(&mut x).expect("fits");
            prop_assert_eq!(&x, &fresh.solve(b.view()).expect("fits").to_vec());
            prop_assert_eq!(&x, &lu.solve(b.view()).expect("fits").to_vec());
            prop_assert_eq!(
                lu.solve_transpose(b.view()).expect("fits"),
                fresh.solve_transpose(b.view()).expect("fits")
            );
        }
    }

    #[test]
    fn the_condition_estimate_is_close_to_the_truth_and_never_below_it(a in square()) {
        let n = a.nrows();
        let Ok(lu) = Lu::factor(a.view()) else { return Ok(()) };
        let scaled = equilibrated(&a);
        let Ok(inv) = inverse(scaled.view()) else { return Ok(()) };
        let truth = 1.0 / (norm(&scaled) * norm(&inv));
        let estimate = lu.reciprocal_condition(a.view()).expect("its own matrix");
        prop_assert!(estimate >= truth * (1.0 - 1e-8), "estimate {} truth {} n {}", estimate, truth, n);
        prop_assert!(estimate <= truth * 10.0 + 1e-15, "estimate {} truth {} n {}", estimate, truth, n);
    }

    #[test]
    fn the_condition_of_a_covariance_is_that_of_its_correlations(a in square()) {
        let n = a.nrows();
        let spd = a.dot(&a.t()) + Array2::<f64>::eye(n) * 0.1;
        let unit = spd.diag().mapv(|v| 1.0 / v.sqrt());
        let correlation = &spd * &unit.view().insert_axis(Axis(0)) * unit.view().insert_axis(Axis(1));
        let truth = 1.0 / (norm(&correlation) * norm(&inverse(correlation.view()).expect("regular")));
        let estimate = Cholesky::factor(spd.view()).expect("positive definite").reciprocal_condition();
        prop_assert!(estimate >= truth * (1.0 - 1e-8) && estimate <= truth * 10.0, "{} {}", estimate, truth);
    }

    #[test]
    fn units_change_no_condition_number(a in square(), powers in prop::collection::vec(-6..7_i32, 48)) {
        // The condition number is the same; estimates of it may differ as much as each does from the truth.
        let alike = |x: f64, y: f64| x <= 4.0 * y + 1e-14 && y <= 4.0 * x + 1e-14;
        let n = a.nrows();
        let unit = |k: usize| 10.0_f64.powi(powers[k]);
        let Ok(lu) = Lu::factor(a.view()) else { return Ok(()) };
        let rows = Array2::from_shape_fn((n, n), |(i, j)| a[[i, j]] * unit(i));
        let other = Lu::factor(rows.view()).expect("as regular").reciprocal_condition(rows.view()).expect("its own");
        let own = lu.reciprocal_condition(a.view()).expect("its own");
        prop_assert!(alike(own, other), "{} {}", own, other);

        let spd = a.dot(&a.t()) + Array2::<f64>::eye(n);
        let both = Array2::from_shape_fn((n, n), |(i, j)| spd[[i, j]] * unit(i) * unit(j));
        let own = Cholesky::factor(spd.view()).expect("positive definite").reciprocal_condition();
        let other = Cholesky::factor(both.view()).expect("positive definite").reciprocal_condition();
        prop_assert!(alike(own, other), "{} {}", own, other);
    }

    #[test]
    fn the_error_of_a_solution_is_what_its_condition_allows(a in square(), closeness in 0..14_i32) {
        // Two rows are made to differ by little.
        let n = a.nrows();
        prop_assume!(n > 1);
        let mut a = a + Array2::<f64>::eye(n);
        for j in 0..n {
            a[[1, j]] = a[[0, j]] + 10.0_f64.powi(-closeness) * a[[1, j]];
        }
        let truth = Array1::from_shape_fn(n, |i| 1.0 + (i as f64).cos());
        let Ok(lu) = Lu::factor(a.view()) else { return Ok(()) };
        let condition = lu.reciprocal_condition(a.view()).expect("its own matrix");
        let x = lu.solve(a.dot(&truth).view()).expect("fits");
        let error = (&x - &truth).iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        prop_assert!(error <= 100.0 * n as f64 * f64::EPSILON / condition, "{} at {}", error, condition);
        let checked = Lu::well_conditioned(a.view());
        prop_assert_eq!(checked.is_ok(), condition >= LEAST_RECIPROCAL_CONDITION);
    }

    #[test]
    fn cholesky_reconstructs_and_solves(a in square()) {
        let n = a.nrows();
        let spd = a.dot(&a.t()) + Array2::<f64>::eye(n);
        let c = Cholesky::factor(spd.view()).expect("positive definite");
        prop_assert!(largest(&(c.lower().dot(&c.lower().t()) - &spd)) < 1e-12 * n as f64);
        let b = Array1::from_shape_fn(n, |i| 1.0 + i as f64);
        let residual = spd.dot(&c.solve(b.view()).expect("fits")) - &b;
        prop_assert!(residual.iter().all(|v| v.abs() < 1e-9));
        prop_assert!(largest(&(c.inverse().expect("fits").dot(&spd) - Array2::<f64>::eye(n))) < 1e-9);
    }

    #[test]
    fn qr_is_orthogonal_triangular_and_minimises(a in matrix(8..30, 1..8)) {
        let qr = Qr::factor(a.view()).expect("tall");
        let k = a.ncols();
        prop_assert!(largest(&(qr.q().t().dot(&qr.q()) - Array2::<f64>::eye(k))) < 1e-13);
        prop_assert!(largest(&(qr.q().dot(&qr.r()) - &a)) < 1e-13);
        prop_assert!((0..k).all(|i| (0..i).all(|j| qr.r()[[i, j]] == 0.0)));
        let b = Array1::from_shape_fn(a.nrows(), |i| (i as f64).cos());
        if let Ok(x) = least_squares(a.view(), b.view()) {
            let normal = a.t().dot(&(a.dot(&x) - &b));
            prop_assert!(normal.iter().all(|v| v.abs() < 1e-9 * (1.0 + x.iter().fold(0.0_f64, |m, v| m.max(v.abs())))));
        }
    }

    #[test]
    fn svd_and_eigen_reconstruct(a in matrix(1..20, 1..20)) {
        let svd = Svd::new(a.view()).expect("converges");
        prop_assert!(largest(&((&svd.u * &svd.values).dot(&svd.vt) - &a)) < 1e-12);
        prop_assert!(svd.values.windows(2).into_iter().all(|w| w[0] >= w[1]));
        let p = svd.pseudo_inverse(1e-12);
        prop_assert!(largest(&(a.dot(&p).dot(&a) - &a)) < 1e-9);
        let s = a.dot(&a.t());
        let eigen = SymmetricEigen::new(s.view()).expect("converges");
        prop_assert!(largest(&(eigen.map(|l| l) - &s)) < 1e-11);
        prop_assert!(eigen.values.windows(2).into_iter().all(|w| w[0] <= w[1]));
    }

    #[test]
    fn a_copied_column_is_found_wherever_it_stands(a in matrix(12..20, 2..6), shift in 0..6_usize) {
        let k = a.ncols();
        let source = shift % k;
        let mut x = Array2::zeros((a.nrows(), k + 1));
        x.slice_axis_mut(Axis(1), Slice::from(..k)).assign(&a);
        x.column_mut(k).assign(&(&a.column(source) * 3.0));
        let gram = x.t().dot(&x);
        let kept = independent_columns(gram.view(), 1e-9).expect("finite");
        prop_assert!(!kept[k]);
        prop_assert_eq!(kept.iter().filter(|v| **v).count(), k);
        prop_assert_eq!(PivotedCholesky::factor(gram.view(), 1e-9).expect("finite").rank(), k);
    }
}

#[test]
fn products_of_any_layout_agree_with_ndarray() {
    let a = Array2::from_shape_fn((37, 21), |(i, j)| ((i * 7 + j * 3) % 11) as f64);
    let b = Array2::from_shape_fn((37, 5), |(i, j)| ((i + j * 5) % 7) as f64);
    assert_eq!(matmul(a.t(), b.view()).expect("fits"), a.t().dot(&b));
}

#[test]
fn each_misuse_has_its_error() {
    let rect = Array2::<f64>::zeros((2, 3));
    assert_eq!(Lu::factor(rect.view()).unwrap_err(), LinalgError::NotSquare { rows: 2, columns: 3 });
    let singular = array![[1.0, 2.0], [0.0, 0.0]];
    assert_eq!(Lu::factor(singular.view()).unwrap_err(), LinalgError::Singular { pivot: 1 });
    let near = array![[1.0, 1.0], [1.0, 1.0 + 1e-14]];
    assert!(matches!(Lu::well_conditioned(near.view()), Err(LinalgError::IllConditioned { .. })));
    assert!(matches!(Cholesky::well_conditioned(near.view()), Err(LinalgError::IllConditioned { .. })));
    assert!(Lu::factor(near.view()).is_ok() && Cholesky::factor(near.view()).is_ok());
    let nan = array![[1.0, f64::NAN], [0.0, 1.0]];
    assert!(matches!(Lu::factor(nan.view()).unwrap_err(), LinalgError::NotFinite { row: 0, column: 1, .. }));
    assert!(matches!(Svd::new(nan.view()).unwrap_err(), LinalgError::NotFinite { .. }));
    let indefinite = array![[1.0, 2.0], [2.0, 1.0]];
    assert_eq!(
        Cholesky::factor(indefinite.view()).unwrap_err(),
        LinalgError::NotPositiveDefinite { minor: 2 }
    );
    let lu = Lu::factor(Array2::eye(3).view()).expect("regular");
    assert!(matches!(
        lu.solve(array![1.0].view()).unwrap_err(),
        LinalgError::Shape { expected: 3, found: 1, .. }
    ));
    let mut lu = lu;
    let short = LinalgError::Shape { what: "right-hand side", expected: 3, found: 1 };
    assert_eq!(lu.solve_in_place(&mut [1.0]).unwrap_err(), short);
    // What could not be factored leaves nothing to solve with.
    for (matrix, refused) in [
        (&singular, LinalgError::Singular { pivot: 1 }),
        (&rect, LinalgError::NotSquare { rows: 2, columns: 3 }),
    ] {
        assert_eq!(lu.refactor(matrix.view()).unwrap_err(), refused);
        assert_eq!(lu.order(), 0);
        assert!(matches!(lu.solve_in_place(&mut [1.0; 2]), Err(LinalgError::Shape { expected: 0, .. })));
        let none = Array1::<f64>::zeros(0);
        assert_eq!(lu.solve_in_place(&mut []), Ok(()));
        assert_eq!(lu.solve(none.view()), Ok(none.clone()));
        assert_eq!(lu.solve_transpose(none.view()), Ok(none));
        assert_eq!(lu.solve_many(Array2::zeros((0, 2)).view()), Ok(Array2::zeros((0, 2))));
    }
    lu.refactor(Array2::eye(2).view()).expect("regular");
    let mut x = [3.0, 4.0];
    lu.solve_in_place(&mut x).expect("fits");
    assert_eq!(x, [3.0, 4.0]);
    assert!(matches!(matmul(rect.view(), rect.view()).unwrap_err(), LinalgError::Shape { .. }));
    assert!(matches!(Qr::factor(rect.view()).unwrap_err(), LinalgError::Shape { .. }));
    let collinear = array![[1.0, 2.0], [1.0, 2.0], [2.0, 4.0]];
    assert_eq!(
        least_squares(collinear.view(), array![1.0, 2.0, 3.0].view()).unwrap_err(),
        LinalgError::Singular { pivot: 1 }
    );
}
