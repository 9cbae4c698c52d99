//! Recovery, ranking and variance on simulated markets.

use super::*;

#[test]
fn parameters_and_coefficients_are_each_others_inverse() {
    for sigma in [1.2, 2.0, 3.7, 9.0] {
        for share in [0.05, 0.3, 0.5, 0.9] {
            let rho = share * (sigma - 1.0) / sigma;
            let (s, r) = parameters(coefficients(sigma, rho)).unwrap();
            assert!((s - sigma).abs() < 1e-7 && (r - rho).abs() < 1e-7, "{sigma} {rho}: {s} {r}");
            let slopes = jacobian(sigma, rho);
            let h = 1e-6;
            for k in 0..2 {
                let step = |d: f64| match k {
                    0 => coefficients(sigma + d, rho),
                    _ => coefficients(sigma, rho + d),
                };
                for row in 0..2 {
                    let numeric = (step(h)[row] - step(-h)[row]) / (2.0 * h);
                    let exact = slopes[[row, k]];
                    assert!(
                        (numeric - exact).abs() < 1e-5 * exact.abs().max(1.0),
                        "{sigma} {rho}: {numeric} {exact}"
                    );
                }
            }
        }
    }
    assert_eq!(parameters([-0.1, 0.2]), None);
}

#[test]
fn known_elasticities_are_recovered_in_long_panels() {
    for (sigma, omega) in [(2.0, 0.3), (3.0, 0.5), (5.0, 0.2)] {
        let design = Design { sigma, omega, varieties: 20, years: 400, ..Design::default() };
        for estimator in Estimator::ALL {
            let found = performance(&design, estimator, 100, 11);
            assert!(found.constrained < 0.05, "{} {sigma}: {found:?}", estimator.name());
            assert!(found.median_bias.abs() < 0.05, "{} {sigma}: {found:?}", estimator.name());
        }
    }
}

#[test]
fn the_textbook_ranking_of_biases() {
    // Soderbery (2015): with the few years that trade panels have, two-stage least squares is biased upwards by a third and
    // more, limited information hardly at all.
    for (varieties, years) in [(30, 15), (60, 10), (100, 40)] {
        let design = Design { varieties, years, ..Design::default() };
        let of = |estimator| performance(&design, estimator, 200, 5);
        let (least_squares, limited) = (of(Estimator::Feenstra), of(Estimator::Soderbery));
        assert!(least_squares.median_bias > 0.1, "{least_squares:?}");
        assert!(limited.median_bias.abs() < 0.08, "{limited:?}");
        assert!(limited.median_bias.abs() < 0.5 * least_squares.median_bias, "{limited:?} {least_squares:?}");
        assert!(limited.coverage > least_squares.coverage && limited.coverage > 0.85, "{limited:?}");
    }
}

#[test]
fn units_of_value_and_quantity_and_names_do_not_matter() {
    let market = simulate(&Design::default(), 4);
    let mut scaled = Market::default();
    for (name, sales) in &market.varieties {
        let sales =
            sales.iter().map(|(y, s)| (*y, Sale { value: 7.0 * s.value, quantity: 0.01 * s.quantity }));
        scaled.varieties.insert(format!("new {name}"), sales.collect());
    }
    for estimator in [Estimator::Feenstra, Estimator::Soderbery] {
        let (a, b) = (
            estimate_market("m", &market, estimator).unwrap(),
            estimate_market("m", &scaled, estimator).unwrap(),
        );
        assert!((a.sigma / b.sigma - 1.0).abs() < 1e-8, "{a:?} {b:?}");
    }
}

#[test]
fn the_joint_covariance_has_the_variances_and_links_markets_by_exporter() {
    let markets: Markets = (0..3)
        .map(|m| (format!("USA {m}"), simulate(&Design { varieties: 60, years: 60, ..Design::default() }, m)))
        .collect();
    let (estimates, failed) = estimate(&markets, Estimator::Soderbery);
    assert!(failed.is_empty());
    let joint = joint(&estimates).unwrap();
    for (position, estimate) in estimates.iter().enumerate() {
        assert_eq!(joint.names()[position], estimate.market);
        let error = estimate.std_error().unwrap();
        assert!((joint.std_errors()[position] / error - 1.0).abs() < 1e-12);
    }
    assert!(joint.vcov()[[0, 1]] != 0.0, "the same exporters sell in every market");
}

#[test]
fn too_little_is_refused_and_the_edge_has_no_variance() {
    let few = simulate(&Design { varieties: 3, ..Design::default() }, 1);
    let error = estimate_market("USA 7", &few, Estimator::Feenstra).unwrap_err().to_string();
    assert!(error.contains("USA 7") && error.contains("three"), "{error}");
    let design = Design { varieties: 20, years: 5, ..Design::default() };
    let edge = (0..200)
        .filter_map(|seed| estimate_market("m", &simulate(&design, seed), Estimator::Soderbery).ok())
        .find(|e| e.constrained)
        .unwrap();
    assert!(edge.sigma > 1.0 && edge.rho >= 0.0 && edge.rho < (edge.sigma - 1.0) / edge.sigma);
    assert_eq!(edge.std_error(), None);
    assert!(matches!(joint(&[edge]), Err(ElasticityError::NoCovariance)));
}
