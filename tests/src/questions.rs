//! Questions that several ask: tests, the benches here and `cargo xtask bench`.

use model_core::synthetic::{CriticalRecipe, Recipe};
use model_core::{CriticalInputs, Deficits, Economy, Limit, Restriction, Shock, Technology};

use crate::Uniform;
use crate::critical::any_technology;

/// Every tariff between two countries up by ten points.
pub fn tariffs_up(economy: &Economy) -> Shock {
    let mut tariff = economy.tariff().clone();
    tariff.indexed_iter_mut().filter(|((n, i, _), _)| n != i).for_each(|(_, t)| *t += 0.1);
    Shock { tariff: Some(tariff), ..Shock::default() }
}

/// China's exports of rare earths at 60 percent of the baseline, with an elasticity of substitution of 0.1 everywhere.
///
/// # Panics
/// If the economy has no rare earths or no China.
pub fn quota(economy: &Economy, technology: Technology) -> (Economy, Shock) {
    let labels = economy.labels();
    let critical = labels.sectors().iter().position(|name| name == "Rare earths");
    let (Some(r), Some(china)) = (critical, labels.country("CHN")) else {
        panic!("no rare earths or no China")
    };
    let inputs = CriticalInputs::composite(r, 0.1, labels.sectors().len());
    let economy = match economy.clone().with_critical(Some(inputs)) {
        Ok(economy) => economy,
        Err(error) => panic!("{error}"),
    };
    let restrictions = vec![Restriction::export_quota(r, china, 0.6)];
    (economy, Shock { restrictions, technology, ..Shock::default() })
}

/// An economy and a shock of everything at once. One in two has a critical input, with quotas and technology that moves; of those
/// with several elements one in two makes them jointly.
pub fn everything(seed: u64) -> (Economy, Shock) {
    let mut uniform = Uniform::new(seed);
    let mut recipe = Recipe::new(uniform.whole(2, 4), uniform.whole(1, 3), uniform.whole(1, 2));
    recipe.theta = (2.0, 8.0);
    let critical = uniform.whole(0, 1) == 1;
    if critical {
        recipe = recipe.with_critical(CriticalRecipe {
            elements: uniform.whole(1, 3),
            sigma: (0.2, 1.5),
            theta: (3.0, 8.0),
            element_sigma: uniform.between(0.4, 1.5),
            joint_products: uniform.whole(0, 1) == 1,
            ..CriticalRecipe::default()
        });
    }
    let economy = uniform.economy(&recipe);
    let mut shock = uniform.shock(&economy, 0.15);
    shock.deficits = match uniform.whole(0, 2) {
        0 => Deficits::Fixed,
        1 => Deficits::Zero,
        _ => Deficits::ShareOfIncome,
    };
    if let Some(critical) = economy.critical().filter(|_| critical) {
        shock.technology = any_technology(&mut uniform);
        let quota = Restriction {
            rent_share: uniform.between(0.0, 1.0),
            ..Restriction::export_quota(critical.sectors[0], 0, uniform.between(0.6, 1.1))
        };
        let fee = Restriction {
            limit: Limit::Wedge(uniform.between(1.0, 1.5)),
            ..Restriction::export_quota(critical.sectors[0], 1, 1.0)
        };
        shock.restrictions = vec![quota, fee];
    }
    (economy, shock)
}
