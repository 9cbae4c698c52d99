//! Critical inputs, restrictions and technology at their extremes.

use model_core::synthetic::{CriticalRecipe, Recipe};
use model_core::{Buyers, Restriction, Shock, SolveError, SolverSettings};
use tests::Uniform;
use tests::critical::{any_technology, element, overlapping};

/// Extremes: sigma from 0 to 3, trade elasticities of the input to 50, exports cut by up to 95 percent or stopped, resources
/// of nine tenths of cost, every closure of technology.
#[test]
fn two_thousand_economies_with_random_quotas() {
    let mut failures = Vec::new();
    for seed in 0..2_000_u64 {
        let mut uniform = Uniform::new(seed);
        let low = uniform.between(0.0, 3.0);
        let critical = CriticalRecipe {
            elements: uniform.whole(1, 2),
            sigma: if uniform.whole(0, 3) == 0 { (0.0, 1e-12) } else { (low.min(0.5), low.max(0.5)) },
            theta: (1.0, 50.0),
            resource: (0.2, 0.9),
            element_sigma: uniform.between(0.0, 2.0),
            ..CriticalRecipe::default()
        };
        let recipe = Recipe::new(uniform.whole(2, 8), uniform.whole(1, 6), uniform.whole(1, 3));
        let economy = uniform.economy(&recipe.with_critical(critical));
        let r = element(&economy);
        let limit = if uniform.whole(0, 9) == 0 { 0.0 } else { uniform.between(0.05, 1.1) };
        let mut restrictions = vec![Restriction {
            rent_share: uniform.between(0.0, 1.0),
            ..Restriction::export_quota(r, 0, limit)
        }];
        if uniform.whole(0, 2) == 0 {
            restrictions.push(Restriction::production_cap(r, 1, uniform.between(0.3, 1.2)));
        }
        if uniform.whole(0, 2) == 0 {
            restrictions.push(Restriction {
                buyers: Buyers::Only(vec![1]),
                ..Restriction::export_quota(r, 0, uniform.between(0.1, 1.2))
            });
        }
        let shock = Shock { restrictions, technology: any_technology(&mut uniform), ..Shock::default() };
        match economy.solve(&shock, &SolverSettings::default()) {
            Ok(e) if e.residual.max() <= 1e-10 => {}
            Ok(e) => failures.push(format!("{seed}: {:?}", e.residual)),
            Err(model_core::SolveError::Shock(model_core::ShockError::NoSupplier { .. })) if limit == 0.0 => {
            }
            Err(error) => failures.push(format!("{seed}: {error}")),
        }
    }
    assert!(
        failures.is_empty(),
        "{} of 2000 failed: {:#?}",
        failures.len(),
        &failures[..failures.len().min(12)]
    );
}

/// A cap on a good that its maker sells only at home, overlapping with quotas on exports that there are not, under a shock of
/// everything else: the limits may share one wedge in any proportion, and one in ten thousand draws of this kind is not solved.
/// This one is kept until it is.
#[test]
fn what_is_not_solved_says_so_and_gives_its_history() {
    let mut uniform = Uniform::new(2_103_289_242_703_721_662);
    let elements = uniform.whole(1, 2);
    let recipe = Recipe::new(uniform.whole(2, 5), uniform.whole(1, 4), uniform.whole(1, 2));
    let critical = CriticalRecipe { elements, ..CriticalRecipe::default() };
    let economy = uniform.economy(&recipe.with_critical(critical));
    let restrictions = overlapping(&mut uniform, &economy);
    let technology = any_technology(&mut uniform);
    let shock = Shock { restrictions, technology, ..uniform.shock(&economy, 0.1) };
    match economy.solve(&shock, &SolverSettings::default()) {
        Err(SolveError::NotConverged { residual, history, best, .. }) => {
            // How near the whole shock came; its parts came nearer.
            assert!(residual.max() < 0.03 && !best.ln_price.is_empty());
            assert!(history.iter().any(|iteration| iteration.residual == residual));
            assert!(history.iter().any(|iteration| iteration.residual.max() < 1e-6));
        }
        Ok(after) => assert!(after.residual.max() <= 1e-10, "solved at last, but not to the tolerance"),
        Err(error) => panic!("{error}"),
    }
}
