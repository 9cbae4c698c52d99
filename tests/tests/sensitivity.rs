//! Derivatives in several directions at once, and of what restrictions do.

use model_core::synthetic::Recipe;
use model_core::{Economy, Equilibrium, Parameter, Restriction, Shock, SolveError, SolverSettings};
use ndarray::Array2;
use tests::critical::{solve, tight};
use tests::questions::everything;
use tests::{Uniform, relative_gap};

#[test]
fn several_directions_at_once_are_each_by_itself() {
    for seed in 0..4 {
        let (economy, shock) = everything(seed);
        let after = solve(&economy, &shock);
        let directions: Vec<Vec<(Parameter, f64)>> = (0..9)
            .map(|k| match k % 3 {
                0 => vec![(Parameter::LnProductivity { country: 0, sector: 0 }, 1.0 + k as f64)],
                1 => vec![(Parameter::Kappa, 1.0), (Parameter::Theta { sector: 0 }, -0.1 * k as f64)],
                _ => vec![(Parameter::Tariff { importer: 0, exporter: 1, sector: 0 }, 0.5 * k as f64)],
            })
            .collect();
        for count in [1, 2, 9] {
            let some: Vec<&[(Parameter, f64)]> = directions[..count].iter().map(Vec::as_slice).collect();
            let all = economy.sensitivities(&shock, &after, &some, &tight()).unwrap();
            assert_eq!(all.len(), count);
            for (together, direction) in all.iter().zip(&some) {
                let alone = economy.sensitivity(&shock, &after, direction, &tight()).unwrap();
                let gap = &together.ln_real_income - &alone.ln_real_income;
                assert!(gap.iter().all(|v| v.abs() < 1e-9), "{gap}");
                let gap = &together.ln_price - &alone.ln_price;
                assert!(gap.iter().all(|v| v.abs() < 1e-9), "{gap}");
            }
        }
    }
}

#[test]
fn a_limit_that_binds_moves_its_volume_and_one_with_room_moves_nothing() {
    let recipe = Recipe { zero_flow: 0.0, non_traded: 0.0, ..Recipe::new(3, 2, 1) };
    let economy = Uniform::new(4).economy(&recipe);
    let with = |binding: f64| Shock {
        restrictions: vec![Restriction::export_quota(0, 0, binding), Restriction::export_quota(1, 1, 2.0)],
        ..Shock::default()
    };
    let after = solve(&economy, &with(0.7));
    let of = |restriction| {
        let direction = [(Parameter::LnLimit { restriction }, 1.0)];
        economy.sensitivity(&with(0.7), &after, &direction, &tight()).unwrap()
    };
    let (binding, slack) = (of(0), of(1));
    assert!(
        (binding.ln_volume[0] - 1.0).abs() < 1e-9 && binding.ln_wedge[0] < 0.0 && binding.ln_wedge[1] == 0.0
    );
    assert!(slack.ln_volume.iter().chain(&slack.ln_real_income).all(|v| v.abs() < 1e-12));
    // What the first does to the volume of the second.
    let step = 1e-4_f64;
    let volume = |by: f64| solve(&economy, &with(0.7 * by.exp())).restrictions[1].volume_hat.ln();
    let difference = (volume(step) - volume(-step)) / (2.0 * step);
    assert!(difference.abs() > 1e-3 && (binding.ln_volume[1] - difference).abs() < 1e-6, "{difference}");
    let rent = |by: f64| solve(&economy, &with(0.7 * by.exp())).quota_rent;
    let difference = (rent(step) - rent(-step)) / (2.0 * step);
    assert!(relative_gap(&[difference[0]], &[binding.quota_rent[0]]) < 1e-5, "{difference}");
}

#[test]
fn of_two_limits_on_the_same_flows_both_volumes_move() {
    let recipe = Recipe { zero_flow: 0.0, non_traded: 0.0, ..Recipe::new(3, 2, 1) };
    let economy = Uniform::new(4).economy(&recipe);
    for (first, second, tight_one) in [(0.5, 0.7, 0), (0.7, 0.5, 1)] {
        let restrictions =
            vec![Restriction::export_quota(0, 0, first), Restriction::export_quota(0, 0, second)];
        let shock = Shock { restrictions, ..Shock::default() };
        let after = solve(&economy, &shock);
        let direction = [(Parameter::LnLimit { restriction: tight_one }, 1.0)];
        let found = economy.sensitivity(&shock, &after, &direction, &tight()).unwrap();
        assert!(found.ln_volume.iter().all(|v| (v - 1.0).abs() < 1e-9), "{}", found.ln_volume);
    }
}

#[test]
fn what_is_not_there_has_no_derivative() {
    let (economy, shock) = everything(2);
    let after = solve(&economy, &shock);
    let of = |shock: &Shock, parameter: Parameter, settings: &SolverSettings| {
        economy.sensitivity(shock, &after, &[(parameter, 1.0)], settings).map(|found| found.ln_real_income)
    };
    of(&shock, Parameter::Kappa, &tight()).unwrap();
    let dims = economy.dims();
    for parameter in [
        Parameter::Theta { sector: dims.sectors },
        Parameter::Sigma { sector: dims.sectors },
        Parameter::LnLimit { restriction: shock.restrictions.len() },
        Parameter::RentShare { restriction: shock.restrictions.len() },
        Parameter::Deficit { country: dims.countries },
        Parameter::Tariff { importer: 0, exporter: dims.countries, sector: 0 },
        Parameter::ExportTax { importer: dims.countries, exporter: 0, sector: 0 },
        Parameter::LnIceberg { importer: 0, exporter: 0, sector: dims.sectors },
        Parameter::LnProductivity { country: dims.countries, sector: 0 },
        Parameter::LnPreference { country: 0, sector: dims.sectors },
        Parameter::LnCriticalAugmentation { country: dims.countries, sector: 0 },
        Parameter::LnOtherAugmentation { country: 0, sector: dims.sectors },
        Parameter::LnEndowment { country: 0, factor: dims.factors },
        Parameter::LnEndowment { country: dims.countries, factor: 0 },
        Parameter::FactorShare { country: dims.countries, sector: 0, factor: 0 },
        Parameter::FactorShare { country: 0, sector: dims.sectors, factor: 0 },
        Parameter::FactorShare { country: 0, sector: 0, factor: dims.factors },
    ] {
        match of(&shock, parameter, &tight()) {
            Err(SolveError::Parameter { parameter: named }) => assert_eq!(named, parameter),
            other => panic!("{parameter:?}: {other:?}"),
        }
    }
    let settings = SolverSettings { tolerance: 0.0, ..tight() };
    assert!(matches!(of(&shock, Parameter::Kappa, &settings), Err(SolveError::Setting { .. })));
    // Another question than the one that led to the equilibrium.
    let other = Shock { tariff: Some(economy.tariff() + 0.1), ..shock.clone() };
    assert!(matches!(of(&other, Parameter::Kappa, &tight()), Err(SolveError::NoEquilibrium { .. })));
}

#[test]
fn tastes_and_shares_of_factors_in_the_last_country_move_what_differences_do() {
    let recipe = Recipe { zero_flow: 0.0, non_traded: 0.0, ..Recipe::new(3, 4, 3) };
    let economy = Uniform::new(7).economy(&recipe);
    let (i, s, [to, from]) = (2, 3, [1, 2]);
    let mut productivity = Array2::ones((3, 4));
    productivity[[i, s]] = 1.4;
    productivity[[1, 0]] = 0.7;
    let shock = Shock { productivity_hat: Some(productivity), ..Shock::default() };
    let after = solve(&economy, &shock);
    let step = 1e-5;
    let differences = |ends: [Equilibrium; 2]| {
        let [low, high] = ends.map(|e| e.real_income_hat.mapv(f64::ln));
        (high - low) / (2.0 * step)
    };

    let taste = [(Parameter::LnPreference { country: i, sector: s }, 1.0)];
    let found = economy.sensitivity(&shock, &after, &taste, &tight()).unwrap().ln_real_income;
    let expected = differences([-step, step].map(|by| {
        let mut preference = Array2::ones((3, 4));
        preference[[i, s]] = by.exp();
        solve(&economy, &Shock { preference_hat: Some(preference), ..shock.clone() })
    }));
    assert!(expected[i].abs() > 1e-3, "{expected}");
    assert!((&found - &expected).iter().all(|gap| gap.abs() < 1e-7), "{found} {expected}");

    let part = |factor, by| (Parameter::FactorShare { country: i, sector: s, factor }, by);
    let found = economy.sensitivity(&shock, &after, &[part(to, 1.0), part(from, -1.0)], &tight()).unwrap();
    let expected = differences([-step, step].map(|by| {
        let mut parts = economy.parts().clone();
        for (factor, by) in [(to, by), (from, -by)] {
            parts.factor_share[[i, s, factor]] += by;
            parts.factor_income[[i, factor]] += by * economy.output()[[i, s]];
        }
        solve(&Economy::from_parts(parts).unwrap(), &shock)
    }));
    let found = found.ln_real_income;
    assert!(expected[i].abs() > 1e-3, "{expected}");
    assert!((&found - &expected).iter().all(|gap| gap.abs() < 1e-7), "{found} {expected}");
}
