//! A sweep asks for no memory.

use allocation_counter::measure;
use model_core::synthetic::Recipe;
use model_core::{Economy, Equilibrium, Shock, SolverSettings};
use tests::{Uniform, questions};

/// The equilibrium, how often memory was asked for on the way, and how much.
fn solved(economy: &Economy, shock: &Shock, tolerance: f64) -> (Equilibrium, u64, u64) {
    let mut equilibrium = None;
    let settings = SolverSettings { tolerance, ..SolverSettings::default() };
    let asked = measure(|| equilibrium = economy.solve(shock, &settings).ok());
    (equilibrium.expect("an ordinary question"), asked.count_total, asked.bytes_total)
}

#[test]
fn the_history_is_all_that_grows_with_the_sweeps() {
    let economy = Uniform::new(1).economy(&Recipe::new(9, 7, 2));
    let shock = questions::tariffs_up(&economy);
    // What is worked out once for the economy comes first.
    solved(&economy, &shock, 1e-4);
    let (short, times, bytes) = solved(&economy, &shock, 1e-4);
    let (long, more_times, more_bytes) = solved(&economy, &shock, 1e-12);
    let sweeps = long.iterations() - short.iterations();
    assert!(short.iterations() > SolverSettings::default().depth && sweeps >= 10, "{sweeps} sweeps more");
    // It doubles when it is full, and is handed over once.
    let doublings = long.iterations().ilog2() as u64 + 1;
    assert!(more_times <= times + doublings, "{times} and {more_times} times for {sweeps} sweeps more");
    let iteration = size_of::<model_core::Iteration>() as u64;
    let history = 4 * iteration * long.iterations() as u64;
    assert!(more_bytes <= bytes + history, "{bytes} and {more_bytes} bytes");
}
