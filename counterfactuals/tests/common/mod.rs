//! A simulated economy with a critical input, and scenarios about it.

#![allow(dead_code, clippy::unwrap_used, reason = "shared by several tests, whose helpers fail by panicking")]

use counterfactuals::Scenario;
use model_core::Economy;
use model_core::synthetic::{CriticalRecipe, Recipe};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Four countries, three sectors and one critical input, without tariffs, taxes and deficits.
pub(crate) fn economy() -> Economy {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(11);
    let recipe = Recipe {
        tariff: (0.0, 0.0),
        export_tax: (0.0, 0.0),
        deficit: 0.0,
        zero_flow: 0.0,
        non_traded: 0.0,
        ..Recipe::new(4, 3, 2)
    };
    recipe.with_critical(CriticalRecipe::default()).draw(&mut || rng.random::<f64>()).unwrap()
}

/// The input's name in that economy, and the first country's, which restricts it.
pub(crate) fn names(economy: &Economy) -> (String, String) {
    let labels = economy.labels();
    (labels.sectors().last().unwrap().clone(), labels.countries()[0].clone())
}

/// `top` lines, then the input with an elasticity `sigma`, technology that is `closure` with a spillover `xi`, and a quota with
/// `limit` lines.
pub(crate) fn scenario(
    economy: &Economy,
    top: &str,
    sigma: &str,
    closure: &str,
    xi: &str,
    limit: &str,
) -> Scenario {
    let (input, maker) = names(economy);
    let text = format!(
        "{top}\n[critical]\nsectors = \"{input}\"\nsigma = {sigma}\n\
         [technology]\nclosure = \"{closure}\"\nlambda = 0.5\nphi = 0.5\nxi = {xi}\n\
         [[quota]]\nexporter = \"{maker}\"\nsector = \"{input}\"\n{limit}\n"
    );
    Scenario::parse(&text, economy, &[]).unwrap_or_else(|e| panic!("{e}\n{text}"))
}
