//! Channels of welfare: they add to the exact change, each cause has its own, and Caliendo and Parro's terms are where they begin.

use model_core::synthetic::Recipe;
use model_core::welfare::{Decomposition, DecompositionError, DecompositionSettings, decompose, first_order};
use model_core::{Deficits, Economy, Restriction, Shock};
use ndarray::{Array1, Array2, Axis};
use tests::Uniform;
use tests::critical::solve;
use tests::questions::everything;

/// By channel, with few halvings: what does not add up is not waited for.
fn channels(economy: &Economy, shock: &Shock) -> Decomposition {
    let settings = DecompositionSettings { max_halvings: 6, ..DecompositionSettings::default() };
    decompose(economy, shock, &settings).unwrap_or_else(|error| panic!("{error}"))
}

/// The channels, whose sum is what a solve finds.
fn adds_up(economy: &Economy, shock: &Shock) -> Decomposition {
    let parts = channels(economy, shock);
    let exact = solve(economy, shock).real_income_hat;
    for ((sum, total), exact) in parts.sum.iter().zip(&parts.total).zip(&exact) {
        assert!((sum - total).abs() <= 1e-7 * total.abs().max(1e-3), "{sum} {total}");
        assert!((total - exact.ln()).abs() <= 1e-9, "{total} {exact}");
    }
    parts
}

#[test]
fn channels_of_everything_at_once_add_to_the_exact_change() {
    for seed in 0..16 {
        let (economy, mut shock) = everything(seed);
        if matches!(shock.deficits, Deficits::Fixed) {
            shock.deficits = Deficits::Levels(economy.deficit().mapv(|d| -0.5 * d));
        }
        if seed % 2 == 0 {
            shock.research_cost_hat = Some(Array1::from_elem(economy.dims().countries, 0.9));
        }
        adds_up(&economy, &shock);
    }
    for (seed, kappa) in [(0, 0.4), (1, 2.5), (2, 1.0)] {
        let mut uniform = Uniform::new(seed);
        let mut parts = uniform.economy(&Recipe { deficit: 0.05, ..Recipe::new(3, 3, 1) }).into_parts();
        parts.kappa = kappa;
        let economy = Economy::from_parts(parts).unwrap();
        assert_eq!(economy.kappa(), kappa);
        let restrictions = vec![
            Restriction { rent_share: 0.3, ..Restriction::export_quota(0, 1, 0.7) },
            Restriction { rent_share: 0.6, ..Restriction::pair_quota(0, 1, 2, 0.5) },
        ];
        adds_up(&economy, &Shock { restrictions, ..uniform.shock(&economy, 0.1) });
    }
}

#[test]
fn channels_are_the_same_however_finely_the_path_is_walked() {
    let recipe = Recipe { zero_flow: 0.0, non_traded: 0.0, ..Recipe::new(3, 3, 1) };
    for seed in 0..4 {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.economy(&recipe);
        let quota = Restriction { rent_share: 0.4, ..Restriction::export_quota(0, 1, 0.6) };
        let shock = Shock { restrictions: vec![quota], ..uniform.shock(&economy, 0.05) };
        let within = |tolerance| {
            let settings = DecompositionSettings { tolerance, ..DecompositionSettings::default() };
            decompose(&economy, &shock, &settings).unwrap()
        };
        let (coarse, fine) = (within(1e-3), within(1e-8));
        let largest = |all: &Array2<f64>| all.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        assert!(largest(&fine.quota_rents) > 1e-4, "{}", fine.quota_rents);
        for (coarse, fine) in
            [(&coarse.quota_rents, &fine.quota_rents), (&coarse.terms_of_trade, &fine.terms_of_trade)]
        {
            assert!(largest(&(coarse - fine)) < 1e-2 * largest(fine), "{coarse} {fine}");
        }
    }
}

#[test]
fn each_cause_has_its_channel() {
    let economy = Uniform::new(6).economy(&Recipe { deficit: 0.05, ..Recipe::new(3, 3, 2) });
    let all = Uniform::new(7).shock(&economy, 0.2);
    let causes = [
        Shock { productivity_hat: all.productivity_hat.clone(), ..Shock::default() },
        Shock { iceberg_hat: all.iceberg_hat.clone(), ..Shock::default() },
        Shock { endowment_hat: all.endowment_hat.clone(), ..Shock::default() },
        Shock { preference_hat: all.preference_hat.clone(), ..Shock::default() },
        Shock { deficits: Deficits::Zero, ..Shock::default() },
    ];
    for (cause, shock) in causes.iter().enumerate() {
        let parts = adds_up(&economy, shock);
        let own = [parts.productivity, parts.trade_costs, parts.endowments, parts.tastes, parts.transfers];
        for (channel, values) in own.iter().enumerate() {
            let moved = values.iter().any(|v| v.abs() > 1e-6);
            assert_eq!(moved, cause == channel, "cause {cause}, channel {channel}: {values}");
        }
        let absent = parts.critical_terms_of_trade.iter().chain(&parts.quota_rents).chain(&parts.technology);
        assert!(absent.into_iter().all(|v| *v == 0.0));
    }
}

#[test]
fn what_stops_at_once_has_no_path() {
    let economy = Uniform::new(1).economy(&Recipe { zero_flow: 0.0, ..Recipe::new(3, 2, 1) });
    let mut taste = Array2::ones((3, 2));
    taste[[1, 0]] = 0.0;
    for (array, shock) in [
        ("iceberg_hat", Shock::autarky(economy.dims())),
        ("preference_hat", Shock { preference_hat: Some(taste), ..Shock::default() }),
        (
            "restrictions",
            Shock { restrictions: vec![Restriction::export_quota(0, 0, 0.0)], ..Shock::default() },
        ),
    ] {
        match decompose(&economy, &shock, &DecompositionSettings::default()) {
            Err(DecompositionError::NoPath { array: named, .. }) => assert_eq!(named, array),
            other => panic!("{array}: {other:?}"),
        }
    }
}

#[test]
fn caliendo_and_parros_terms_are_the_channels_of_a_small_change() {
    let step = 1e-5;
    for seed in 0..6 {
        let recipe = Recipe { export_tax: (0.0, 0.0), ..Recipe::new(4, 3, 1) };
        let economy = Uniform::new(seed).economy(&recipe);
        let mut tariff = economy.tariff().clone();
        let mut uniform = Uniform::new(seed + 50);
        tariff
            .indexed_iter_mut()
            .filter(|((n, i, _), _)| n != i)
            .for_each(|(_, t)| *t += step * uniform.between(0.0, 1.0));
        let shock = Shock { tariff: Some(tariff), ..Shock::default() };
        let (parts, after) = (channels(&economy, &shock), solve(&economy, &shock));
        let terms = first_order(&economy, &after).unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-3 * step, "{a} {b}");
        for ((n, i), terms_of_trade) in terms.terms_of_trade_by.sum_axis(Axis(2)).indexed_iter() {
            close(*terms_of_trade, parts.terms_of_trade[[n, i]]);
            close(terms.volume_of_trade_by.sum_axis(Axis(2))[[n, i]], parts.tariff_volume[[n, i]]);
        }
        for n in 0..4 {
            close(terms.terms_of_trade[n], parts.terms_of_trade.row(n).sum());
            close(terms.volume_of_trade[n], parts.tariff_volume.row(n).sum());
            close(terms.welfare[n], parts.total[n]);
            let ln_price = economy.final_share().row(n).dot(&after.price_hat.row(n).mapv(f64::ln));
            close(terms.real_factor_price[[n, 0]], (after.factor_price_hat[[n, 0]].ln() - ln_price).exp_m1());
        }
        assert!(terms.welfare.iter().any(|v| v.abs() > 0.01 * step), "nothing moved");
    }
}
