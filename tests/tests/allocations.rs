//! A sweep asks for no memory.

use allocation_counter::measure;
use model_core::synthetic::{CriticalRecipe, Recipe};
use model_core::{Economy, Equilibrium, Phase, Restriction, Shock, SolverSettings};
use tests::critical::any_technology;
use tests::{Uniform, questions};

/// The equilibrium, how often memory was asked for on the way, and how much.
fn solved(economy: &Economy, shock: &Shock, tolerance: f64) -> (Equilibrium, u64, u64) {
    let mut equilibrium = None;
    let settings = SolverSettings { tolerance, ..SolverSettings::default() };
    let asked = measure(|| equilibrium = economy.solve(shock, &settings).ok());
    (equilibrium.expect("an ordinary question"), asked.count_total, asked.bytes_total)
}

/// Holds that of two solutions the one with more sweeps asks for no more but for its history.
fn only_the_history_grows(economy: &Economy, shock: &Shock) {
    // What is worked out once for the economy comes first.
    solved(economy, shock, 1e-4);
    let (short, times, bytes) = solved(economy, shock, 1e-4);
    let (long, more_times, more_bytes) = solved(economy, shock, 1e-12);
    let sweeps = long.iterations() - short.iterations();
    assert!(short.iterations() > SolverSettings::default().depth && sweeps >= 10, "{sweeps} sweeps more");
    assert!(long.history.iter().all(|iteration| iteration.phase == Phase::FixedPoint));
    // It doubles when it is full, and is handed over once.
    let doublings = long.iterations().ilog2() as u64 + 1;
    assert!(more_times <= times + doublings, "{times} and {more_times} times for {sweeps} sweeps more");
    let iteration = size_of::<model_core::Iteration>() as u64;
    let history = 4 * iteration * long.iterations() as u64;
    assert!(more_bytes <= bytes + history, "{bytes} and {more_bytes} bytes");
}

#[test]
fn sweeps_of_trade_ask_for_no_memory() {
    let economy = Uniform::new(1).economy(&Recipe::new(9, 7, 2));
    only_the_history_grows(&economy, &questions::tariffs_up(&economy));
}

/// With `faer`: LAPACK's own factorisations cannot be given room.
#[cfg(not(feature = "lapack"))]
#[test]
fn nor_do_those_of_critical_and_restricted_goods() {
    for (elements, joint_products) in [(1, false), (3, false), (3, true)] {
        let mut uniform = Uniform::new(7);
        let recipe = Recipe::new(8, 5, 2).with_critical(CriticalRecipe {
            elements,
            joint_products,
            ..CriticalRecipe::default()
        });
        let economy = uniform.economy(&recipe);
        let mut shock = questions::tariffs_up(&economy);
        shock.technology = any_technology(&mut uniform);
        let critical = economy.critical().expect("it has some").sectors[0];
        shock.restrictions =
            vec![Restriction::export_quota(critical, 0, 0.7), Restriction::export_quota(1, 2, 0.8)];
        only_the_history_grows(&economy, &shock);
    }
}
