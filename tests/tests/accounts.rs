//! What economies and equilibria report of themselves adds up, with tariffs, export taxes, deficits, quotas and technology that
//! moves.

use model_core::{Buyers, Deficits, Limit, Restriction, Shock, SolverSettings, synthetic::Recipe};
use ndarray::{Array1, Array2, Array3};
use tests::critical::{solve, tight};
use tests::questions::everything;
use tests::{Uniform, relative_gap};

/// Output, tariff revenue and export-tax revenue from the flows at the border and the rates.
fn from_border(
    border: &Array3<f64>,
    tariff: &Array3<f64>,
    export_tax: &Array3<f64>,
) -> (Array2<f64>, Array1<f64>, Array1<f64>) {
    let (n, _, j) = border.dim();
    let mut made = (Array2::zeros((n, j)), Array1::zeros(n), Array1::zeros(n));
    for ((m, i, s), value) in border.indexed_iter() {
        let producer = value / (1.0 + export_tax[[m, i, s]]);
        made.0[[i, s]] += producer;
        made.1[m] += value * tariff[[m, i, s]];
        made.2[i] += producer * export_tax[[m, i, s]];
    }
    made
}

fn close(found: &Array1<f64>, expected: &Array1<f64>, unit: f64) {
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-10 * unit), "{found} {expected}");
}

#[test]
fn what_flows_pay_is_what_countries_get() {
    let taxed_at_home = |seed| {
        let mut uniform = Uniform::new(seed);
        let mut parts = uniform.economy(&Recipe { non_traded: 0.5, ..Recipe::new(3, 3, 1) }).into_parts();
        for n in 0..3 {
            for s in 0..3 {
                parts.tariff[[n, n, s]] = uniform.between(0.0, 0.2);
                parts.export_tax[[n, n, s]] = uniform.between(0.0, 0.2);
            }
        }
        let (economy, _) = parts.equilibrate(&Deficits::Fixed, &tight()).unwrap();
        let shock = uniform.shock(&economy, 0.1);
        (economy, shock)
    };
    for (economy, shock) in (0..40).map(everything).chain((0..10).map(taxed_at_home)) {
        let world = economy.income().sum();
        let parts = economy.parts();
        let (output, tariffs, taxes) =
            from_border(&economy.border_flows(), economy.tariff(), economy.export_tax());
        assert!(relative_gap(&output, economy.output()) < 1e-10);
        close(&parts.tariff_revenue(), &tariffs, world);
        close(&parts.export_tax_revenue(), &taxes, world);

        let found = solve(&economy, &shock);
        let (output, tariffs, rents_and_taxes) =
            from_border(&found.border_flows(), &found.tariff, &found.export_tax);
        assert!(relative_gap(&output, &found.output) < 1e-9);
        let shares = found.trade_share.sum_axis(ndarray::Axis(1));
        for (at, bought) in shares.indexed_iter() {
            assert!((bought - economy.trade_share().sum_axis(ndarray::Axis(1))[at]).abs() < 1e-9);
        }
        close(&found.tariff_revenue, &tariffs, world);
        // What a quota's licences cost is part of the rates; what of it stays in the country is its rent.
        let got = &found.export_tax_revenue + &found.quota_rent - &found.rent_transfer;
        close(&got, &rents_and_taxes, world);
        let income = found.factor_income.sum_axis(ndarray::Axis(1))
            + &found.tariff_revenue
            + &found.export_tax_revenue
            + &found.quota_rent
            + &found.deficit;
        close(&found.income, &income, world);
        for ((n, f), real) in found.real_factor_price_hat().indexed_iter() {
            let expected = found.factor_price_hat[[n, f]] / found.consumption_price_hat[n];
            assert!((real / expected - 1.0).abs() < 1e-14);
        }
    }
}

#[test]
fn a_limit_binds_or_has_no_price() {
    let (mut binding, mut slack) = (0, 0);
    for seed in 0..20 {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.economy(&Recipe::new(3, 2, 1));
        let limit = uniform.between(0.6, 1.4);
        let shock = Shock {
            restrictions: vec![Restriction::export_quota(0, 0, limit)],
            ..uniform.shock(&economy, 0.1)
        };
        let outcome = solve(&economy, &shock).restrictions[0];
        if outcome.binds() {
            binding += 1;
            assert!(
                outcome.wedge > 1.0 && outcome.rent > 0.0 && (outcome.volume_hat / limit - 1.0).abs() < 1e-9
            );
        } else {
            slack += 1;
            assert!(outcome.wedge == 1.0 && outcome.rent == 0.0 && outcome.volume_hat < limit * (1.0 + 1e-9));
        }
    }
    assert!(binding > 0 && slack > 0, "{binding} {slack}");
}

#[test]
fn of_limits_on_the_same_flows_the_tightest_counts() {
    for seed in 0..8 {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.economy(&Recipe { zero_flow: 0.0, non_traded: 0.0, ..Recipe::new(3, 2, 1) });
        let solved =
            |restrictions: Vec<Restriction>| solve(&economy, &Shock { restrictions, ..Shock::default() });
        let quota = |limit: f64| Restriction::export_quota(0, 0, limit);
        // The same limit on the same flows by another name, and one on the flows of another country.
        let pairs = |limit: f64| Restriction {
            buyers: Buyers::Only(vec![1, 2]),
            ..Restriction::export_quota(0, 0, limit)
        };
        let other = Restriction::export_quota(0, 1, 0.6);
        let alone = solved(vec![quota(0.5), other.clone()]);
        assert!(alone.restrictions[0].wedge > 1.0 && alone.restrictions[1].wedge > 1.0);
        for (tight, all) in [
            (0, vec![quota(0.5), pairs(0.7), other.clone()]),
            (1, vec![quota(0.7), pairs(0.5), other.clone()]),
            (0, vec![quota(0.5), pairs(0.5), other.clone()]),
        ] {
            let both = solved(all);
            assert!(relative_gap(&both.real_income_hat, &alone.real_income_hat) < 1e-10);
            assert!((both.restrictions[tight].wedge / alone.restrictions[0].wedge - 1.0).abs() < 1e-9);
            assert!((both.restrictions[2].wedge / alone.restrictions[1].wedge - 1.0).abs() < 1e-9);
            let loose = both.restrictions[1 - tight];
            assert!(loose.wedge == 1.0 && (loose.volume_hat - 0.5).abs() < 1e-9, "{loose:?}");
        }
    }
}

#[test]
fn a_limit_of_zero_is_an_endless_cost_of_trade() {
    for seed in 0..8 {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.economy(&Recipe { zero_flow: 0.0, non_traded: 0.0, ..Recipe::new(4, 3, 1) });
        let shock = uniform.shock(&economy, 0.1);
        let stopped = solve(
            &economy,
            &Shock {
                restrictions: vec![
                    Restriction::export_quota(1, 0, 0.0),
                    Restriction::pair_quota(2, 3, 1, 0.0),
                ],
                ..shock.clone()
            },
        );
        let mut costs = shock.iceberg_hat.clone().unwrap();
        for m in 1..4 {
            costs[[m, 0, 1]] = f64::INFINITY;
        }
        costs[[1, 3, 2]] = f64::INFINITY;
        let dear = solve(&economy, &Shock { iceberg_hat: Some(costs), ..shock });
        assert!(relative_gap(&stopped.real_income_hat, &dear.real_income_hat) < 1e-10);
        assert!(relative_gap(&stopped.trade_share, &dear.trade_share) < 1e-9);
        assert!(stopped.restrictions.iter().all(|r| r.wedge == f64::INFINITY && r.volume_hat == 0.0));
    }
}

/// What is too much at once is reached in parts: the same equilibrium, and one history.
#[test]
fn the_way_to_an_equilibrium_does_not_change_it() {
    let mut in_parts = 0;
    for seed in 0..40 {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.economy(&Recipe { theta: (3.0, 12.0), ..Recipe::new(4, 2, 1) });
        let mut shock = uniform.shock(&economy, 0.4);
        shock.deficits =
            [Deficits::Zero, Deficits::Levels(economy.deficit() * 0.5)][uniform.whole(0, 1)].clone();
        shock.restrictions = vec![
            Restriction::export_quota(0, 0, uniform.between(0.5, 0.9)),
            Restriction { limit: Limit::Wedge(1.2), ..Restriction::export_quota(1, 1, 1.0) },
        ];
        let direct = solve(&economy, &shock);
        assert!(direct.history.iter().enumerate().all(|(k, iteration)| iteration.number == k + 1));
        // Too few sweeps for all of it, and no help.
        let few = direct.iterations() * 9 / 10;
        let settings = SolverSettings {
            max_sweeps: few,
            max_newton_steps: 0,
            tolerance: 1e-12,
            ..SolverSettings::default()
        };
        let mut seen = 0;
        let mut watch = |_: &model_core::Iteration| seen += 1;
        let Ok(found) = economy.solve_observed(&shock, &settings, &mut watch) else { continue };
        in_parts += 1;
        assert!(found.iterations() > few && found.iterations() == seen, "{} {seen}", found.iterations());
        assert!(found.history.iter().enumerate().all(|(k, iteration)| iteration.number == k + 1));
        assert!(relative_gap(&found.real_income_hat, &direct.real_income_hat) < 1e-9);
        assert!(found.residual.max() <= 1e-12);
    }
    assert!(in_parts >= 10, "{in_parts} of 40");
}

#[test]
fn names_have_places() {
    let economy = Uniform::new(1).economy(&Recipe::new(2, 2, 2));
    let labels = economy.labels();
    for (k, name) in labels.factors().iter().enumerate() {
        assert_eq!(labels.factor(name), Some(k));
    }
    assert_eq!(
        (labels.factor("no such"), labels.sector("no such"), labels.country("no such")),
        (None, None, None)
    );
}
