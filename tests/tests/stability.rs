//! Equilibria with critical inputs, quotas and technology do not depend on the order in which countries and sectors are named, nor
//! on the unit of account. `trade_properties` holds the model without them to the same.

use model_core::Equilibrium;
use ndarray::{Array2, Axis};
use proptest::prelude::*;
use tests::critical::solve;
use tests::order::{countries_reordered, in_unit, order, sectors_reordered};
use tests::questions::everything;
use tests::{Uniform, largest, relative_gap};

const STABLE: f64 = 1e-8;

/// The largest relative difference of prices, outputs, factor prices, real incomes and wedges, `b`'s axes being selected in the
/// given orders of countries and sectors first.
fn gap(a: &Equilibrium, b: &Equilibrium, countries: &[usize], sectors: &[usize], unit: f64) -> f64 {
    let cells = |m: &Array2<f64>| m.select(Axis(0), countries).select(Axis(1), sectors);
    let incomes = a.real_income_hat.select(Axis(0), countries);
    let wedges = |e: &Equilibrium| e.restrictions.iter().map(|outcome| outcome.wedge).collect::<Vec<_>>();
    assert_eq!(a.restrictions.len(), b.restrictions.len());
    let of_wedges = if a.restrictions.is_empty() { 0.0 } else { relative_gap(&wedges(a), &wedges(b)) };
    largest([
        relative_gap(&cells(&a.price_hat), &b.price_hat),
        relative_gap(&(cells(&a.output) * unit), &b.output),
        relative_gap(&a.factor_price_hat.select(Axis(0), countries), &b.factor_price_hat),
        relative_gap(&incomes, &b.real_income_hat),
        of_wedges,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_countries_and_sectors_does_not_matter(seed: u64) {
        let (economy, shock) = everything(seed);
        let dims = economy.dims();
        let (own_n, own_j): (Vec<usize>, Vec<usize>) = ((0..dims.countries).collect(), (0..dims.sectors).collect());
        let mut uniform = Uniform::new(seed);
        let (by_country, by_sector) = (order(&mut uniform, dims.countries), order(&mut uniform, dims.sectors));
        let before = solve(&economy, &shock);

        let (other, its) = countries_reordered(&economy, &shock, &by_country);
        let after = solve(&other, &its);
        let found = gap(&before, &after, &by_country, &own_j, 1.0);
        prop_assert!(found < STABLE, "countries {:?}: {:e}", by_country, found);

        let (other, its) = sectors_reordered(&economy, &shock, &by_sector);
        let after = solve(&other, &its);
        let found = gap(&before, &after, &own_n, &by_sector, 1.0);
        prop_assert!(found < STABLE, "sectors {:?}: {:e}", by_sector, found);
    }

    #[test]
    fn a_unit_a_million_times_as_large_or_small_changes_no_hat(seed: u64, large: bool) {
        let (economy, shock) = everything(seed);
        let unit = if large { 1e6 } else { 1e-6 };
        let dims = economy.dims();
        let (countries, sectors): (Vec<usize>, Vec<usize>) =
            ((0..dims.countries).collect(), (0..dims.sectors).collect());
        let (before, after) = (solve(&economy, &shock), solve(&in_unit(&economy, unit), &shock));
        let found = gap(&before, &after, &countries, &sectors, unit);
        prop_assert!(found < STABLE, "{:e}", found);
    }

    #[test]
    fn the_error_of_an_equilibrium_is_of_the_size_of_its_residual(seed: u64) {
        let (economy, shock) = everything(seed);
        let exact = solve(&economy, &shock);
        for tolerance in [1e-6, 1e-8, 1e-10] {
            let settings = model_core::SolverSettings { tolerance, ..Default::default() };
            let rough = economy.solve(&shock, &settings).unwrap_or_else(|error| panic!("{error}"));
            let error = relative_gap(&rough.real_income_hat, &exact.real_income_hat);
            prop_assert!(error < 100.0 * tolerance, "{:e} at a tolerance of {:e}", error, tolerance);
        }
    }
}
