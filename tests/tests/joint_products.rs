//! Elements that come out of one ore: their quantities move together, and their prices share out the revenue.

use model_core::synthetic::{CriticalRecipe, Recipe};
use model_core::welfare::{DecompositionSettings, decompose};
use model_core::{
    CriticalInputs, Economy, EconomyError, Equilibrium, Limit, Parameter, Phase, Restriction, Shock,
    SolverSettings, Technology,
};
use tests::Uniform;
use tests::critical::any_technology;
use tests::questions::everything;

/// From two to six joint products.
fn ores(uniform: &mut Uniform) -> Economy {
    let critical = CriticalRecipe {
        elements: uniform.whole(2, 6),
        joint_products: true,
        element_sigma: uniform.between(0.3, 2.0),
        ..CriticalRecipe::default()
    };
    let recipe = Recipe::new(uniform.whole(2, 6), uniform.whole(1, 4), uniform.whole(1, 2));
    uniform.economy(&recipe.with_critical(critical))
}

/// A quota on the first country's exports of some of the elements, and any technology.
fn some_restricted(uniform: &mut Uniform, economy: &Economy, least: f64) -> Shock {
    let elements = &economy.critical().unwrap().sectors;
    let (count, limit) = (uniform.whole(1, elements.len()), uniform.between(least, 0.95));
    let quotas = elements[..count].iter().map(|&e| Restriction::export_quota(e, 0, limit));
    Shock { restrictions: quotas.collect(), technology: any_technology(uniform), ..Shock::default() }
}

fn solve(economy: &Economy, shock: &Shock) -> Equilibrium {
    economy.solve(shock, &SolverSettings::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Log hats of price and quantity of a country's elements, those that it makes.
fn elements_of(economy: &Economy, after: &Equilibrium, i: usize) -> Vec<(f64, f64)> {
    let elements = economy.critical().unwrap().sectors.iter().copied();
    elements
        .filter(|&e| economy.output()[[i, e]] > 0.0)
        .map(|e| {
            let price = after.cost_hat[[i, e]];
            (price.ln(), (after.output[[i, e]] / economy.output()[[i, e]] / price).ln())
        })
        .collect()
}

/// Economies with several elements under one quota.
fn of_many(least: f64, mut check: impl FnMut(&Economy, &Shock, &Equilibrium)) {
    for seed in 0..256 {
        let mut uniform = Uniform::new(seed);
        let economy = ores(&mut uniform);
        let shock = some_restricted(&mut uniform, &economy, least);
        match economy.solve(&shock, &SolverSettings::default()) {
            Ok(after) => check(&economy, &shock, &after),
            Err(error) => panic!("{seed}: {error}"),
        }
    }
}

#[test]
fn quantities_move_together_and_revenue_is_the_cost_of_the_process() {
    of_many(0.4, |economy, _, after| {
        for i in 0..economy.dims().countries {
            let moved = elements_of(economy, after, i);
            let process = moved.iter().map(|(_, q)| *q).fold(f64::NEG_INFINITY, f64::max);
            if moved.is_empty() {
                continue;
            }
            let elements = &economy.critical().unwrap().sectors;
            let made = elements.iter().copied().find(|&e| economy.output()[[i, e]] > 0.0).unwrap();
            let inputs = (0..economy.dims().sectors)
                .map(|k| economy.input_share()[[i, made, k]] * after.price_hat[[i, k]].ln());
            let factors = (0..economy.dims().factors)
                .map(|f| economy.factor_share()[[i, made, f]] * after.factor_price_hat[[i, f]].ln());
            let ln_cost: f64 = inputs.chain(factors).sum();
            let before: f64 = elements.iter().map(|&e| economy.output()[[i, e]]).sum();
            let now: f64 = elements.iter().map(|&e| after.output[[i, e]]).sum();
            assert!(((now / before).ln() - process - ln_cost).abs() < 1e-8);
            for (price, quantity) in moved {
                let worthless = (price - ln_cost - CriticalInputs::WORTHLESS.ln()).abs() < 1e-8;
                assert!((quantity - process).abs() < 1e-9 || worthless, "{price} {quantity} {process}");
            }
        }
    });
}

#[test]
fn nothing_changes_without_a_shock_and_a_solved_equilibrium_is_a_baseline() {
    of_many(0.5, |economy, shock, after| {
        let still = solve(economy, &Shock::default());
        assert!(still.real_income_hat.iter().chain(&still.cost_hat).all(|hat| (hat - 1.0).abs() < 1e-9));
        if shock.technology == Technology::Exogenous {
            let again = solve(&after.rebase(economy).unwrap(), &Shock::default());
            assert!(again.real_income_hat.iter().all(|hat| (hat - 1.0).abs() < 1e-8));
        }
    });
}

#[test]
fn channels_add_to_the_exact_change() {
    of_many(0.6, |economy, shock, _| match decompose(economy, shock, &DecompositionSettings::default()) {
        Ok(parts) => {
            for (sum, total) in parts.sum.iter().zip(&parts.total) {
                assert!((sum - total).abs() <= 1e-6 * total.abs().max(1e-3));
            }
        }
        Err(error) => panic!("{error}"),
    });
}

#[test]
fn derivatives_are_those_of_differences() {
    let mut compared = 0;
    of_many(0.5, |economy, shock, after| {
        let step = 1e-4;
        let moved = |by: f64| {
            let mut shock = shock.clone();
            let Limit::Volume(limit) = &mut shock.restrictions[0].limit else { unreachable!() };
            *limit *= by.exp();
            economy.solve(&shock, &SolverSettings::default())
        };
        let settings = SolverSettings { tolerance: 1e-9, ..SolverSettings::default() };
        let direction = [(Parameter::LnLimit { restriction: 0 }, 1.0)];
        let (Ok(up), Ok(down), Ok(exact)) =
            (moved(step), moved(-step), economy.sensitivity(shock, after, &direction, &settings))
        else {
            return;
        };
        // Only where the same limits bind on both sides.
        let binding =
            |e: &Equilibrium| e.restrictions.iter().map(|r| r.wedge > 1.0 + 1e-3).collect::<Vec<_>>();
        if binding(&up) != binding(&down) {
            return;
        }
        compared += 1;
        for n in 0..economy.dims().countries {
            let difference = (up.real_income_hat[n].ln() - down.real_income_hat[n].ln()) / (2.0 * step);
            let gap = (difference - exact.ln_real_income[n]).abs();
            assert!(
                gap < 1e-4 * exact.ln_real_income[n].abs() + 2e-6,
                "{difference} {}",
                exact.ln_real_income[n]
            );
        }
    });
    assert!(compared >= 200, "{compared}");
}

#[test]
fn three_hundred_ores_with_deep_quotas() {
    let mut failures = Vec::new();
    for seed in 0..300_u64 {
        let mut uniform = Uniform::new(seed);
        let economy = ores(&mut uniform);
        let shock = some_restricted(&mut uniform, &economy, 0.05);
        match economy.solve(&shock, &SolverSettings::default()) {
            Ok(after) if after.residual.max() <= 1e-10 => {}
            Ok(after) => failures.push(format!("{seed}: {:?}", after.residual)),
            Err(error) => failures.push(format!("{seed}: {error}")),
        }
    }
    assert!(
        failures.is_empty(),
        "{} of 300 failed: {:#?}",
        failures.len(),
        &failures[..failures.len().min(12)]
    );
}

#[test]
fn a_glut_of_what_cannot_be_sold() {
    // Restricting one element makes the others dearer and that one cheaper at home: the ore must pay for itself.
    let mut uniform = Uniform::new(7);
    let economy = ores(&mut uniform);
    let elements = economy.critical().unwrap().sectors.clone();
    let shock =
        Shock { restrictions: vec![Restriction::export_quota(elements[0], 0, 0.3)], ..Shock::default() };
    let together = solve(&economy, &shock);
    let mut parts = economy.parts().clone();
    parts.critical.as_mut().unwrap().joint_products = false;
    let apart = solve(&Economy::from_parts(parts).unwrap(), &shock);
    assert!(together.cost_hat[[0, elements[0]]] < apart.cost_hat[[0, elements[0]]]);
    assert!(together.cost_hat[[0, elements[1]]] > apart.cost_hat[[0, elements[1]]]);
}

#[test]
fn products_of_different_processes_are_refused() {
    let mut uniform = Uniform::new(3);
    let economy = ores(&mut uniform);
    let elements = economy.critical().unwrap().sectors.clone();
    let i = (0..economy.dims().countries).find(|&i| economy.output()[[i, elements[1]]] > 0.0).unwrap();
    let mut parts = economy.parts().clone();
    let (f, k) =
        ((0..parts.dims().factors).find(|&f| parts.factor_share[[i, elements[1], f]] > 0.01).unwrap(), 0);
    parts.factor_share[[i, elements[1], f]] -= 0.01;
    parts.input_share[[i, elements[1], k]] += 0.01;
    let error = Economy::from_parts(parts).unwrap_err();
    assert!(matches!(error, EconomyError::JointProducts { .. }), "{error}");
    assert!(error.to_string().contains("come out of one process"), "{error}");

    let mut parts = economy.parts().clone();
    parts.factor_share[[i, elements[1], f]] -= 0.01;
    parts.input_share[[i, elements[1], elements[0]]] += 0.01;
    let error = Economy::from_parts(parts).unwrap_err();
    assert!(matches!(error, EconomyError::ProcessUsesProducts { .. }), "{error}");
}

/// Economies of everything at once, of which one in ten thousand has a fixed point that leads away from the equilibrium: Newton's
/// method on the whole state finds it, without cutting the shock in parts.
#[test]
fn where_the_fixed_point_leads_away_newton_finds_the_equilibrium() {
    let whole = SolverSettings { tolerance: 1e-12, max_parts: 0, ..SolverSettings::default() };
    let mut by_newton = 0;
    for seed in
        [16_018_377_047_403_464_755, 32_881, 38_379, 73_159, 84_291, 95_781, 319_896, 345_439, 360_755]
    {
        let (economy, shock) = everything(seed);
        let after = economy.solve(&shock, &whole).unwrap_or_else(|error| panic!("{seed}: {error}"));
        if after.history.iter().any(|iteration| iteration.phase == Phase::Newton) {
            by_newton += 1;
            let sweeps_alone = SolverSettings { max_newton_steps: 0, ..whole };
            assert!(economy.solve(&shock, &sweeps_alone).is_err(), "{seed}");
        }
    }
    assert!(by_newton >= 3, "too easy: {by_newton}");
}
