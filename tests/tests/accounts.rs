//! What economies and equilibria report of themselves adds up, with tariffs, export taxes, deficits, quotas and technology that
//! moves.

use model_core::{Buyers, Deficits, Economy, Limit, Restriction, Shock, SolverSettings, synthetic::Recipe};
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

/// Whether anyone buys a sector's good abroad.
fn traded(economy: &Economy, s: usize) -> bool {
    let mut shares = economy.trade_share().indexed_iter();
    shares.any(|((m, i, sector), share)| sector == s && m != i && *share > 0.0)
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
        let (output, tariffs, taxes) =
            from_border(&economy.border_flows(), economy.tariff(), economy.export_tax());
        assert!(relative_gap(&output, economy.output()) < 1e-10);
        close(&economy.tariff_revenue(), &tariffs, world);
        close(&economy.export_tax_revenue(), &taxes, world);

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
        let economy = uniform.economy(&Recipe { zero_flow: 0.0, non_traded: 0.0, ..Recipe::new(3, 2, 1) });
        let limit = uniform.between(0.6, 1.4);
        let shock = Shock {
            restrictions: vec![Restriction::export_quota(0, 1, limit)],
            ..uniform.shock(&economy, 0.1)
        };
        let found = solve(&economy, &shock);
        let outcome = found.restrictions[0];
        // Its volume is that of the flows that are published.
        let made = |border: Array3<f64>, tax: &Array3<f64>| {
            border[[0, 1, 0]] / (1.0 + tax[[0, 1, 0]]) + border[[2, 1, 0]] / (1.0 + tax[[2, 1, 0]])
        };
        let before = made(economy.border_flows(), economy.export_tax());
        let now = made(found.border_flows(), &found.export_tax) / found.cost_hat[[1, 0]];
        assert!((outcome.volume_hat / (now / before) - 1.0).abs() < 1e-9, "{outcome:?}");
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
fn of_three_limits_two_have_no_price_and_a_limit_on_nothing_has_none() {
    let recipe = Recipe { zero_flow: 0.0, non_traded: 0.0, ..Recipe::new(3, 2, 1) };
    let economy = Uniform::new(3).economy(&recipe);
    let with = |limits: &[f64]| {
        let restrictions = limits.iter().map(|limit| Restriction::export_quota(1, 2, *limit)).collect();
        solve(&economy, &Shock { restrictions, ..Shock::default() }).restrictions
    };
    let alone = with(&[0.5])[0];
    for limits in [[0.5, 0.7, 0.9], [0.9, 0.7, 0.5], [0.7, 0.5, 0.9], [0.7, 0.9, 0.5]] {
        for (limit, outcome) in limits.iter().zip(with(&limits)) {
            let wedge = if *limit == 0.5 { alone.wedge } else { 1.0 };
            assert!((outcome.wedge - wedge).abs() < 1e-9 && (outcome.volume_hat - 0.5).abs() < 1e-9);
        }
    }
    // Nobody buys a good abroad that is not traded.
    let economy = Uniform::new(9).economy(&Recipe { non_traded: 0.6, ..Recipe::new(3, 4, 1) });
    let s = (0..4).find(|s| !traded(&economy, *s)).unwrap();
    let restrictions = vec![Restriction::export_quota(s, 0, 0.5), Restriction::export_quota(s, 1, 0.0)];
    let found = solve(&economy, &Shock { restrictions, ..Shock::default() });
    assert_eq!((found.restrictions[0].wedge, found.restrictions[0].volume_hat), (1.0, 1.0));
    assert!(found.real_income_hat.iter().all(|hat| (hat - 1.0).abs() < 1e-10));
}

#[test]
fn a_trade_cost_at_home_is_lost_productivity_where_nothing_is_traded() {
    let economy = Uniform::new(9).economy(&Recipe { non_traded: 0.6, ..Recipe::new(3, 4, 1) });
    let mut iceberg = Array3::ones(economy.trade_share().dim());
    let mut productivity = Array2::ones(economy.output().dim());
    for s in (0..4).filter(|s| !traded(&economy, *s)) {
        for n in 0..3 {
            iceberg[[n, n, s]] = 1.1 + 0.1 * n as f64;
            productivity[[n, s]] = 1.0 / iceberg[[n, n, s]];
        }
    }
    assert!(productivity.iter().any(|a| *a < 1.0), "all is traded");
    let costs = solve(&economy, &Shock { iceberg_hat: Some(iceberg), ..Shock::default() });
    let lost = solve(&economy, &Shock { productivity_hat: Some(productivity), ..Shock::default() });
    assert!(relative_gap(&costs.real_income_hat, &lost.real_income_hat) < 1e-10);
}

#[test]
fn without_a_shock_the_critical_inputs_are_the_baselines() {
    for (economy, _) in (0..20).map(everything).filter(|(economy, _)| economy.critical().is_some()) {
        let found = solve(&economy, &Shock::default()).critical.unwrap();
        let share = economy.critical_share();
        assert!(relative_gap(&found.share, &share) < 1e-9);
        for ((i, j, e), within) in
            found.element_share.indexed_iter().filter(|((i, j, _), _)| share[[*i, *j]] > 0.0)
        {
            let sector = economy.critical().unwrap().sectors[e];
            assert!((within - economy.input_share()[[i, j, sector]] / share[[i, j]]).abs() < 1e-9);
        }
    }
}

#[test]
fn nobody_lends_in_autarky() {
    let recipe = Recipe { deficit: 0.1, no_output: 0.0, ..Recipe::new(3, 2, 1) };
    let economy = Uniform::new(2).economy(&recipe);
    assert!(economy.deficit().iter().any(|d| d.abs() > 0.0));
    let found = solve(&economy, &Shock::autarky(economy.dims()));
    assert!(found.deficit.iter().all(|d| *d == 0.0));
    assert!(found.trade_share.indexed_iter().all(|((m, i, _), share)| m == i || *share == 0.0));
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
