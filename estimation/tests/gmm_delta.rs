//! Functions and tests of GMM estimates, and derivatives by differences.

#![allow(clippy::unwrap_used)]

use estimation::gmm::{
    Automatic, CentralDifferences, Differentiable, DualMoments, DualNum, Moments, delta_method,
    delta_method_numeric, wald_test,
};
use ndarray::array;

#[test]
fn wald_tests_measure_the_gap_from_the_value_and_scale_like_t_ratios() {
    let (theta, v) = (array![1.0, 3.0], array![[0.5, 0.1], [0.1, 0.4]]);
    let one = wald_test(theta.view(), v.view(), array![[0.0, 1.0]].view(), array![2.5].view()).unwrap();
    assert!((one.statistic - 0.25 / 0.4).abs() < 1e-12);
    let difference =
        wald_test(theta.view(), v.view(), array![[-1.0, 1.0]].view(), array![0.5].view()).unwrap();
    assert!((difference.statistic - 1.5 * 1.5 / (0.5 + 0.4 - 0.2)).abs() < 1e-12);
    let log =
        delta_method(theta.mapv(f64::ln), array![[1.0, 0.0], [0.0, 1.0 / 3.0]].view(), v.view()).unwrap();
    let errors = log.standard_errors();
    assert!((errors[0] - 0.5_f64.sqrt()).abs() < 1e-12 && (errors[1] - 0.4_f64.sqrt() / 3.0).abs() < 1e-12);
}

#[test]
fn central_differences_take_steps_by_the_size_of_a_parameter() {
    /// `E(exp(theta / 100) - x) = 0`.
    struct Slow;
    impl DualMoments for Slow {
        fn observations(&self) -> usize {
            1
        }
        fn moments(&self) -> usize {
            1
        }
        fn parameters(&self) -> usize {
            1
        }
        fn contribution<D: DualNum<Primitive = f64> + Copy>(&self, _: usize, theta: &[D], out: &mut [D]) {
            out[0] = (theta[0] / 100.0).exp() - 1.0;
        }
    }
    let exact = Automatic(Slow);
    assert_eq!(
        (exact.parameter_names(), exact.moment_names()),
        (vec!["theta1".into()], vec!["moment1".into()])
    );
    let numeric = CentralDifferences { moments: Automatic(Slow), typical: 1.0 };
    for theta in [array![0.5], array![500.0]] {
        let (a, b) = (exact.mean_jacobian(theta.view()), numeric.mean_jacobian(theta.view()));
        assert!((b[[0, 0]] / a[[0, 0]] - 1.0).abs() < 3e-9, "{a} {b}");
    }
    // The same of the delta method, where the estimate is large and exact.
    let log = delta_method_numeric(array![1e6].view(), array![[1e-8]].view(), |t| t.mapv(f64::ln)).unwrap();
    assert!((log.standard_errors()[0] / 1e-10 - 1.0).abs() < 1e-8, "{}", log.standard_errors());
}
