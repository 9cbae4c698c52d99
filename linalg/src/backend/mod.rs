//! The library underneath. Each backend offers the same few functions on checked input.

use ndarray::{Array1, Array2};

/// Thin `U`, singular values, `V'`.
pub(crate) type SvdParts = (Array2<f64>, Array1<f64>, Array2<f64>);

#[cfg(any(test, not(feature = "lapack")))]
pub(crate) mod faer;
#[cfg(feature = "lapack")]
pub(crate) mod lapack;

#[cfg(not(feature = "lapack"))]
pub(crate) use faer::*;
#[cfg(feature = "lapack")]
pub(crate) use lapack::*;

#[cfg(test)]
#[cfg(feature = "lapack")]
mod tests {
    //! The two backends held to each other.
    use ndarray::{Array1, Array2};
    use proptest::prelude::*;

    use super::{faer, lapack};

    fn matrix() -> impl Strategy<Value = Array2<f64>> {
        (1..15_usize, 0..10_usize).prop_flat_map(|(n, extra)| {
            prop::collection::vec(-1.0..1.0_f64, n * (n + extra))
                .prop_map(move |v| Array2::from_shape_vec((n + extra, n), v).expect("the length fits"))
        })
    }

    fn gap(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
        (a - b).iter().fold(0.0, |m, v| if v.abs() > m || v.is_nan() { v.abs() } else { m })
    }

    proptest! {
        #[test]
        fn backends_agree(a in matrix()) {
            let n = a.ncols();
            prop_assert!(gap(&faer::matmul(a.t(), a.view()), &lapack::matmul(a.t(), a.view())) < 1e-12);
            let spd = a.t().dot(&a) + Array2::<f64>::eye(n);
            let (l1, l2) = (faer::cholesky(spd.view()).expect("spd"), lapack::cholesky(spd.view()).expect("spd"));
            prop_assert!(gap(&l1, &l2) < 1e-11);
            let shifted = &spd + &Array2::from_shape_fn((n, n), |(i, j)| if i < j { 0.5 } else { 0.0 });
            let (mut f1, mut f2) = (
                faer::LuFactors::new(shifted.view()).expect("regular"),
                lapack::LuFactors::new(shifted.view()).expect("regular"),
            );
            prop_assert!(gap(&f1.solve_many(spd.view()), &f2.solve_many(spd.view())) < 1e-9);
            let b = Array1::from_shape_fn(n, |i| (i as f64).sin()).to_vec();
            let (mut x1, mut x2) = (b.clone(), b);
            f1.solve_in_place(&mut x1);
            f2.solve_in_place(&mut x2);
            prop_assert!(x1.iter().zip(&x2).all(|(p, q)| (p - q).abs() < 1e-9));
            f1.solve_transpose_in_place(&mut x1);
            f2.solve_transpose_in_place(&mut x2);
            prop_assert!(x1.iter().zip(&x2).all(|(p, q)| (p - q).abs() < 1e-9));
            f1.refactor(spd.view()).expect("regular");
            f2.refactor(spd.view()).expect("regular");
            f1.solve_in_own_room(&mut x1);
            f2.solve_in_own_room(&mut x2);
            prop_assert!(x1.iter().zip(&x2).all(|(p, q)| (p - q).abs() < 1e-9));
            let (s1, s2) = (faer::svd(a.view()).expect("svd").1, lapack::svd(a.view()).expect("svd").1);
            prop_assert!(s1.iter().zip(&s2).all(|(p, q)| (p - q).abs() < 1e-12));
            let (e1, e2) = (
                faer::symmetric_eigen(spd.view()).expect("eigen").0,
                lapack::symmetric_eigen(spd.view()).expect("eigen").0,
            );
            prop_assert!(e1.iter().zip(&e2).all(|(p, q)| (p - q).abs() < 1e-11));
            let (r1, r2) = (faer::qr(a.view()).expect("qr").1, lapack::qr(a.view()).expect("qr").1);
            prop_assert!(gap(&r1.mapv(f64::abs), &r2.mapv(f64::abs)) < 1e-12);
        }
    }
}
