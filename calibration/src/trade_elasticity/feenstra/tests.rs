//! Recovery, ranking and variance on simulated markets.

use super::criterion::coefficients;
use super::*;
use crate::trade_elasticity::unit_values::{self, Design, Sale, simulate};

/// How one way of estimating does.
fn does(design: &Design, estimator: Estimator, base: Base, replications: usize, seed: u64) -> Performance {
    performance(design, &[(estimator, base)], replications, seed)[0]
}

fn name(good: &str) -> MarketName {
    MarketName { importer: "USA".to_owned(), good: good.to_owned() }
}

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
            for base in Base::ALL {
                let found = does(&design, estimator, base, 60, 11);
                assert!(found.constrained < 0.05, "{} {sigma}: {found:?}", estimator.name());
                assert!(found.median_bias.abs() < 0.05, "{} {sigma}: {found:?}", estimator.name());
            }
        }
    }
}

#[test]
fn the_textbook_ranking_of_biases() {
    // Soderbery (2015): with the few years that trade panels have, two-stage least squares is biased upwards by a third and
    // more, limited information hardly at all.
    for (varieties, years) in [(30, 15), (60, 10), (100, 40)] {
        let design = Design { varieties, years, ..Design::default() };
        let of = |estimator| does(&design, estimator, Base::Variety, 200, 5);
        let (least_squares, limited) = (of(Estimator::Feenstra), of(Estimator::Soderbery));
        assert!(least_squares.median_bias > 0.1, "{least_squares:?}");
        assert!(limited.median_bias.abs() < 0.08, "{limited:?}");
        assert!(limited.median_bias.abs() < 0.5 * least_squares.median_bias, "{limited:?} {least_squares:?}");
        // The base's own shocks are not in the variance, but limited information hardly needs them.
        assert!((0.88..0.985).contains(&limited.coverage), "{limited:?}");
    }
}

#[test]
fn less_the_mean_intervals_hold_the_truth_as_often_as_they_say() {
    for (varieties, years, turnover) in [(30, 15, 0.0), (60, 10, 0.0), (60, 15, 0.1)] {
        let design = Design { varieties, years, turnover, ..Design::default() };
        for estimator in [Estimator::BrodaWeinstein, Estimator::Soderbery] {
            // Weighted means rest on few varieties; where these come and go their intervals stay a few points short.
            if estimator == Estimator::BrodaWeinstein && turnover > 0.0 {
                continue;
            }
            let found = does(&design, estimator, Base::Mean, 400, 31);
            // Monte Carlo error of 400 replications: 1.1 points.
            assert!((0.915..0.985).contains(&found.coverage), "{} {varieties}: {found:?}", estimator.name());
            assert!(
                found.median_bias.abs() < 0.06 && found.constrained < 0.02,
                "{} {varieties}: {found:?}",
                estimator.name()
            );
        }
    }
}

#[test]
fn shocks_of_a_base_variety_make_weighted_intervals_too_short_and_estimates_imprecise() {
    let design = Design { varieties: 60, years: 10, ..Design::default() };
    let of = |estimator, base| does(&design, estimator, base, 200, 31);
    let (variety, mean) =
        (of(Estimator::BrodaWeinstein, Base::Variety), of(Estimator::BrodaWeinstein, Base::Mean));
    assert!(variety.coverage < mean.coverage - 0.05, "{variety:?} {mean:?}");
    assert!(mean.rmse < 0.6 * variety.rmse, "{variety:?} {mean:?}");
    let (variety, mean) = (of(Estimator::Soderbery, Base::Variety), of(Estimator::Soderbery, Base::Mean));
    assert!(variety.constrained > 0.15 && mean.constrained < 0.02, "{variety:?} {mean:?}");
}

#[test]
fn the_variance_is_that_of_leaving_exporters_out() {
    let market = simulate(&Design { varieties: 60, years: 60, turnover: 0.05, ..Design::default() }, 3);
    for estimator in Estimator::ALL {
        let whole = estimate_market(&name("7"), &market, estimator, Base::Mean).unwrap();
        let count = market.varieties.len() as f64;
        let without = |exporter: &String| {
            let mut less = market.clone();
            less.varieties.remove(exporter);
            estimate_market(&name("7"), &less, estimator, Base::Mean).unwrap().sigma
        };
        let squares: f64 = market.varieties.keys().map(|e| (without(e) - whole.sigma).powi(2)).sum();
        let jackknife = ((count - 1.0) / count * squares).sqrt();
        // The same but for the curvature of sigma in the coefficients.
        assert!(
            (whole.std_error().unwrap() / jackknife - 1.0).abs() < 0.1,
            "{} {jackknife} {whole:?}",
            estimator.name()
        );
    }
}

#[test]
fn a_year_without_the_base_and_gaps_are_no_obstacle() {
    let mut market = simulate(&Design { varieties: 30, years: 60, ..Design::default() }, 8);
    let full = estimate_market(&name("7"), &market, Estimator::Soderbery, Base::Mean).unwrap();
    // Every exporter misses some years; a change over a gap is no yearly change.
    for (k, sales) in market.varieties.values_mut().enumerate() {
        sales.retain(|year, _| !(*year as usize + k).is_multiple_of(10));
    }
    let gaps = estimate_market(&name("7"), &market, Estimator::Soderbery, Base::Mean).unwrap();
    assert!(
        gaps.observations < full.observations * 85 / 100 && gaps.observations > full.observations * 75 / 100
    );
    assert!((gaps.sigma - full.sigma).abs() < 3.0 * gaps.std_error().unwrap(), "{gaps:?} {full:?}");
    // An exporter that never sells two years in a row has no changes and changes nothing.
    let sale = Sale { value: 1e6, quantity: 2.0 };
    market.varieties.insert("rare".to_owned(), (2000..2060).step_by(2).map(|year| (year, sale)).collect());
    let again = estimate_market(&name("7"), &market, Estimator::Soderbery, Base::Mean).unwrap();
    assert!((again.sigma / gaps.sigma - 1.0).abs() < 1e-9 && again.varieties == 30, "{again:?}");
}

#[test]
fn the_shipped_panel_gives_back_what_it_was_simulated_with() {
    let (markets, table) = unit_values::shipped().unwrap();
    let (estimates, failed) = estimate(&markets, Estimator::Soderbery, Base::Mean);
    assert!(failed.is_empty() && estimates.iter().all(|e| !e.constrained), "{failed:?}");
    let truth: BTreeMap<&str, f64> =
        unit_values::truth().map(|good| (good.name, good.design.sigma)).collect();
    let holds = estimates.iter().filter(|e| {
        let (low, high) = e.interval(0.95).unwrap();
        (low..=high).contains(&truth[e.market.good.as_str()])
    });
    assert!(holds.count() >= 12, "of 14 at 95 percent");
    let theta = trade_elasticities(&estimates).unwrap();
    assert_eq!(theta.names().len(), 14);
    for (good, value) in theta.names().iter().zip(theta.coefficients()) {
        let one = estimates.iter().find(|e| e.market.good == *good).unwrap();
        assert!((value + 1.0 - one.sigma).abs() < 1e-12);
    }
    // Every sector of both shipped economies has an elasticity.
    let (sectors, values, _) = table.apply(&theta).unwrap();
    let mapping = crate::world_2009::mapping().unwrap();
    let codes = mapping.sector_codes();
    for sector in codes.iter().chain(&mapping.sectors(&codes).unwrap().0) {
        let at = sectors.iter().position(|known| known == sector);
        assert!(at.is_some_and(|k| values[k] > 0.0), "{sector}");
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
            estimate_market(&name("m"), &market, estimator, Base::Mean).unwrap(),
            estimate_market(&name("m"), &scaled, estimator, Base::Mean).unwrap(),
        );
        assert!((a.sigma / b.sigma - 1.0).abs() < 1e-8, "{a:?} {b:?}");
    }
}

#[test]
fn the_joint_covariance_has_the_variances_and_links_markets_by_exporter() {
    let markets: Markets = (0..3)
        .map(|m| {
            (name(&m.to_string()), simulate(&Design { varieties: 60, years: 60, ..Design::default() }, m))
        })
        .collect();
    let (estimates, failed) = estimate(&markets, Estimator::Soderbery, Base::Mean);
    assert!(failed.is_empty());
    let joint = joint(&estimates).unwrap();
    for (position, estimate) in estimates.iter().enumerate() {
        assert_eq!(joint.names()[position], estimate.market.to_string());
        let error = estimate.std_error().unwrap();
        assert!((joint.std_errors()[position] / error - 1.0).abs() < 1e-12);
    }
    assert!(joint.vcov()[[0, 1]] != 0.0, "the same exporters sell in every market");
}

#[test]
fn too_little_is_refused_and_the_edge_has_no_variance() {
    let few = simulate(&Design { varieties: 4, ..Design::default() }, 1);
    let error =
        estimate_market(&name("7"), &few, Estimator::Feenstra, Base::Variety).unwrap_err().to_string();
    assert!(error.contains("USA 7") && error.contains("4 are needed"), "{error}");
    assert!(estimate_market(&name("7"), &few, Estimator::Feenstra, Base::Mean).is_ok());
    let design = Design { varieties: 20, years: 5, ..Design::default() };
    let edge = (0..200)
        .filter_map(|seed| {
            estimate_market(&name("m"), &simulate(&design, seed), Estimator::Soderbery, Base::Variety).ok()
        })
        .find(|e| e.constrained)
        .unwrap();
    assert!(edge.sigma > 1.0 && edge.rho >= 0.0 && edge.rho < (edge.sigma - 1.0) / edge.sigma);
    assert_eq!(edge.std_error(), None);
    assert!(matches!(joint(&[edge]), Err(ElasticityError::NoCovariance)));
}
