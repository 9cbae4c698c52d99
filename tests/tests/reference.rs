//! The solver against the textbook algorithm, an independent code path (`tests::naive`).

use model_core::synthetic::{CriticalRecipe, Recipe};
use model_core::{Deficits, Economy, Limit, Restriction, Shock};
use tests::critical::{any_technology, solve};
use tests::{Uniform, naive};

/// An economy and a shock of everything at once. One in two has a critical input, with quotas and technology that moves; of those
/// with several elements one in two makes them jointly.
fn draw(seed: u64) -> (Economy, Shock) {
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

/// Whether the two agree to a hundred-millionth.
fn compare(seed: u64) -> Result<(), String> {
    let (economy, shock) = draw(seed);
    let fast = solve(&economy, &shock);
    let Some(slow) = naive::solve(&economy, &shock, 1e-11, 400_000) else {
        return Err(format!("{seed}: the reference does not converge"));
    };
    let gap = |what: &str, a: f64, b: f64| {
        let gap = (a - b).abs() / a.abs().max(b.abs()).max(1e-300);
        if gap <= 1e-8 { Ok(()) } else { Err(format!("{seed}: {what} {a} against {b}")) }
    };
    for n in 0..economy.dims().countries {
        gap("real income", fast.real_income_hat[n], slow.real_income[n])?;
        for j in (0..economy.dims().sectors).filter(|j| economy.expenditure()[[n, *j]] > 0.0) {
            gap("price", fast.price_hat[[n, j]], slow.price[n][j])?;
        }
        for j in (0..economy.dims().sectors).filter(|j| economy.output()[[n, *j]] > 0.0) {
            gap("output", fast.output[[n, j]], slow.output[n][j])?;
            if let Some(critical) = fast.critical.as_ref().filter(|_| economy.critical_share()[[n, j]] > 0.0)
            {
                gap("A_R", critical.augmentation.critical[[n, j]], slow.augmentation[n][j])?;
            }
        }
        for f in (0..economy.dims().factors).filter(|f| economy.factor_income()[[n, *f]] > 0.0) {
            gap("factor price", fast.factor_price_hat[[n, f]], slow.factor_price[n][f])?;
        }
    }
    for (restriction, (outcome, wedge)) in
        shock.restrictions.iter().zip(fast.restrictions.iter().zip(&slow.wedge))
    {
        let (i, k) = (restriction.exporter, restriction.sector);
        // Without flows to act on there is no wedge.
        if (0..economy.dims().countries).any(|n| n != i && economy.trade_share()[[n, i, k]] > 0.0) {
            gap("wedge", outcome.wedge, *wedge)?;
        }
    }
    Ok(())
}

#[test]
fn five_hundred_random_economies_agree() {
    let all: Vec<Result<(), String>> = std::thread::scope(|scope| {
        let part = |first: u64| scope.spawn(move || (first..500).step_by(4).map(compare).collect::<Vec<_>>());
        let parts: Vec<_> = (0..4).map(part).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    let misses: Vec<&String> = all.iter().filter_map(|one| one.as_ref().err()).collect();
    assert!(misses.is_empty(), "{} of 500: {:#?}", misses.len(), &misses[..misses.len().min(12)]);
}
