//! Facts of directed technology: elasticities, the envelope, diffusion, and where the long run is not unique.

use model_core::synthetic::{CriticalRecipe, Recipe};
use model_core::{
    Augmentation, Deficits, Diffusion, Economy, Innovation, Parameter, ResearchCost, Restriction, Shock,
    ShockError, SolveError, SolverSettings, Technology,
};
use ndarray::{Array2, Axis};
use tests::critical::{element, innovation, solve, tight, with_sigma};
use tests::{Uniform, relative_gap};

/// A closed economy in which one sector, and hardly any cost, is the critical input's.
fn tiny_user(sigma: f64) -> (Economy, usize) {
    let recipe = Recipe { tariff: (0.0, 0.0), export_tax: (0.0, 0.0), deficit: 0.0, ..Recipe::new(1, 1, 1) };
    let critical = CriticalRecipe { share: (1e-9, 1e-9 + 1e-20), ..CriticalRecipe::default() };
    let economy = with_sigma(&Uniform::new(7).economy(&recipe.with_critical(critical)), sigma);
    let r = element(&economy);
    (economy, r)
}

/// Derivatives of `ln A_R`, `ln s'/(1-s')`, `ln pR` with respect to the input's productivity.
fn responses(economy: &Economy, r: usize, technology: Technology) -> (f64, f64, f64) {
    let shock = Shock { technology, ..Shock::default() };
    let e = solve(economy, &shock);
    let direction = [(Parameter::LnProductivity { country: 0, sector: r }, -1.0)];
    let d = economy.sensitivity(&shock, &e, &direction, &tight()).unwrap();
    let share = economy.critical_share()[[0, 0]];
    let (a_r, _) = d.ln_augmentation.unwrap();
    (a_r[[0, 0]], d.critical_share.unwrap()[[0, 0]] / (share * (1.0 - share)), d.ln_price[[0, r]])
}

#[test]
fn free_entry_offsets_a_price_rise_in_part() {
    // d ln A_R / d ln pR = lambda phi (1 - sigma) / (1 + lambda phi (1 - sigma)): positive for complements, zero at one,
    // negative for substitutes. The share is 1e-9, so the price of research and output stay.
    for sigma in [0.0, 0.2, 0.5, 1.0, 1.5, 3.0] {
        for (lambda, phi) in [(0.5, 0.5), (0.3, 1.0), (0.7, 0.2)] {
            let (economy, r) = tiny_user(sigma);
            let (a_r, _, price) = responses(&economy, r, Technology::FreeEntry(innovation(lambda, phi, 0.0)));
            let theory = lambda * phi * (1.0 - sigma) / (1.0 + lambda * phi * (1.0 - sigma));
            assert!((a_r / price - theory).abs() < 1e-6, "sigma {sigma}: {} {theory}", a_r / price);
        }
    }
}

#[test]
fn fixed_researchers_move_with_the_relative_price() {
    // d ln(ZR/ZX) / d ln(pR/x) = (1 - sigma) / (1 + lambda phi (1 - sigma)); researchers are divided as expenditure is.
    for sigma in [0.0, 0.2, 0.5, 1.0, 1.5, 3.0] {
        let (economy, r) = tiny_user(sigma);
        let (lambda, phi) = (0.5, 0.5);
        let (_, ratio, price) =
            responses(&economy, r, Technology::FixedResearchers(innovation(lambda, phi, 0.0)));
        let theory = (1.0 - sigma) / (1.0 + lambda * phi * (1.0 - sigma));
        assert!((ratio / price - theory).abs() < 1e-6, "sigma {sigma}: {} {theory}", ratio / price);
    }
}

#[test]
fn with_fixed_researchers_the_induced_change_costs_nothing_at_first_order() {
    let economy = Uniform::new(3).economy(&Recipe::new(3, 3, 1).with_critical(CriticalRecipe::default()));
    let r = element(&economy);
    let direction = [(Parameter::LnProductivity { country: 0, sector: r }, -1.0)];
    let gap = |technology: Technology| {
        let shock = Shock { technology, ..Shock::default() };
        let e = solve(&economy, &shock);
        let d = economy.sensitivity(&shock, &e, &direction, &tight()).unwrap();
        let mut gaps = Array2::<f64>::zeros(economy.output().dim());
        for ((i, s), gap) in gaps.indexed_iter_mut().filter(|((_, s), _)| *s != r) {
            let inputs = economy.input_share().index_axis(Axis(0), i).row(s).dot(&d.ln_price.row(i));
            let factors = economy.factor_share().index_axis(Axis(0), i).row(s).dot(&d.ln_factor_price.row(i));
            *gap = d.ln_cost[[i, s]] - inputs - factors;
        }
        (gaps, d)
    };
    let (gaps, d) = gap(Technology::FixedResearchers(innovation(0.5, 0.5, 0.0)));
    assert!(gaps.iter().all(|gap| gap.abs() < 1e-11), "{gaps}");
    assert!(d.ln_augmentation.unwrap().0.iter().any(|a| a.abs() > 1e-3), "technology did move");
    // With free entry research is paid for by others, and the cost falls by the share times the gain.
    let (gaps, d) = gap(Technology::FreeEntry(innovation(0.5, 0.5, 0.0)));
    let expected = -&economy.critical_share() * &d.ln_augmentation.unwrap().0;
    for (at, gap) in gaps.indexed_iter().filter(|((_, s), _)| *s != r) {
        assert!((gap - expected[at]).abs() < 1e-11, "{gap} {}", expected[at]);
    }
}

#[test]
fn in_the_long_run_stocks_are_the_flow_of_innovations() {
    for seed in 0..6 {
        let mut uniform = Uniform::new(seed);
        let recipe = Recipe::new(3, 3, 2).with_critical(CriticalRecipe::default());
        let economy = uniform.economy(&recipe);
        let (r, n) = (element(&economy), economy.dims().countries);
        let parameters = Innovation {
            diffusion: Diffusion::Blocs(vec![0, 1, 0]),
            paid_in: if seed % 2 == 0 { ResearchCost::FinalGood } else { ResearchCost::Factor(1) },
            ..innovation(0.6, 0.4, 0.02)
        };
        for technology in [
            Technology::FreeEntry(parameters.clone()),
            Technology::FixedResearchers(Innovation { xi: 0.0, ..parameters.clone() }),
        ] {
            let shock = Shock {
                research_cost_hat: Some((0..n).map(|_| uniform.between(0.7, 1.3)).collect()),
                restrictions: vec![Restriction::export_quota(r, 0, 0.6)],
                technology: technology.clone(),
                ..Shock::default()
            };
            let found = solve(&economy, &shock);
            let outcome = found.critical.as_ref().unwrap();
            let flows = technology.innovations(&economy, &shock, &found).unwrap();
            assert!(relative_gap(&flows.critical, &outcome.innovation.critical) < 1e-9);
            assert!(relative_gap(&flows.other, &outcome.innovation.other) < 1e-9);
            let spending = &economy.critical_share() * economy.output();
            let stocks = technology
                .innovation()
                .unwrap()
                .augmentation(&flows.critical, &flows.other, &spending)
                .unwrap();
            assert!(relative_gap(&stocks.critical, &outcome.augmentation.critical) < 1e-9);
            for (at, other) in stocks.other.indexed_iter().filter(|(at, _)| spending[*at] > 0.0) {
                assert!((other / outcome.augmentation.other[at] - 1.0).abs() < 1e-9);
            }
            assert_eq!(
                Technology::Exogenous.innovations(&economy, &shock, &found).unwrap().critical,
                Array2::ones((n, 4))
            );
        }
    }
}

#[test]
fn knowledge_from_elsewhere_adds_to_what_research_finds() {
    // With an elasticity of one expenditure shares stay, and so do researchers: all that moves is what is given.
    let recipe = Recipe::new(3, 2, 1).with_critical(CriticalRecipe::default());
    let economy = with_sigma(&Uniform::new(2).economy(&recipe), 1.0);
    let mut given = Augmentation::none(3, 3);
    given.critical.iter_mut().enumerate().for_each(|(k, a)| *a += 0.1 * (k + 1) as f64);
    given.other.iter_mut().enumerate().for_each(|(k, a)| *a -= 0.02 * (k + 1) as f64);
    let shock = Shock {
        augmentation: Some(given.clone()),
        technology: Technology::FixedResearchers(innovation(0.5, 0.4, 0.01)),
        ..Shock::default()
    };
    let found = solve(&economy, &shock).critical.unwrap().augmentation;
    for (at, _) in economy.critical_share().indexed_iter().filter(|(_, share)| **share > 0.0) {
        assert!((found.critical[at] / given.critical[at] - 1.0).abs() < 1e-12);
        assert!((found.other[at] / given.other[at] - 1.0).abs() < 1e-12);
    }
}

#[test]
fn diffusion_shares_knowledge() {
    let economy = Uniform::new(11).economy(&Recipe::new(4, 2, 1).with_critical(CriticalRecipe::default()));
    let with = |diffusion| {
        let technology = Technology::FreeEntry(Innovation { diffusion, ..innovation(0.5, 0.5, 0.01) });
        let shock = Shock {
            restrictions: vec![Restriction::export_quota(element(&economy), 0, 0.5)],
            technology,
            ..Shock::default()
        };
        solve(&economy, &shock).critical.unwrap().augmentation.critical
    };
    let global = with(Diffusion::Global);
    for row in global.rows() {
        assert!(relative_gap(row, global.row(0)) < 1e-9, "all use the same knowledge");
    }
    let blocs = with(Diffusion::Blocs(vec![0, 1, 1, 1]));
    assert!(
        relative_gap(blocs.row(1), blocs.row(2)) < 1e-9 && relative_gap(blocs.row(0), blocs.row(1)) > 1e-3
    );
    let own = with(Diffusion::Matrix(Array2::eye(4)));
    assert!(relative_gap(&own, &with(Diffusion::National)) < 1e-9);
}

#[test]
fn closed_economy_leontief_share() {
    // sigma = 0 in a closed economy with one user and no other inputs: the user's cost is its Leontief cost.
    let recipe = Recipe {
        tariff: (0.0, 0.0),
        export_tax: (0.0, 0.0),
        deficit: 0.0,
        inputs: (0.0, 0.0),
        ..Recipe::new(1, 1, 1)
    };
    let share = (0.1, 0.1 + 1e-12);
    let economy = with_sigma(
        &Uniform::new(5)
            .economy(&recipe.with_critical(CriticalRecipe { share, ..CriticalRecipe::default() })),
        0.0,
    );
    let r = element(&economy);
    let mut hat = Array2::ones((1, 2));
    hat[[0, r]] = 0.5;
    let e = solve(&economy, &Shock { productivity_hat: Some(hat), ..Shock::default() });
    let wage = economy.factor_share()[[0, 0, 0]] / (1.0 - economy.critical_share()[[0, 0]])
        * e.factor_price_hat[[0, 0]].ln();
    let s = economy.critical_share()[[0, 0]];
    let cost = s * e.price_hat[[0, r]] + (1.0 - s) * wage.exp();
    assert!((e.cost_hat[[0, 0]] / cost - 1.0).abs() < 1e-10, "{} {cost}", e.cost_hat[[0, 0]]);
}

#[test]
fn increasing_returns_are_named_where_no_equilibrium_is_found() {
    let mut named = 0;
    for seed in 0..40 {
        let recipe = Recipe { theta: (150.0, 200.0), ..Recipe::new(4, 3, 1) };
        let economy = Uniform::new(seed).economy(&recipe.with_critical(CriticalRecipe::default()));
        let shock = Shock {
            restrictions: vec![Restriction::export_quota(element(&economy), 0, 0.6)],
            technology: Technology::FreeEntry(innovation(0.7, 0.3, 0.03)),
            ..Shock::default()
        };
        match economy.solve(&shock, &SolverSettings::default()) {
            Ok(e) => assert!(e.residual.max() <= 1e-10),
            Err(SolveError::IncreasingReturns { sector, returns, .. }) => {
                named += 1;
                // The sector of the largest product among those that use the input.
                let share = economy.critical_share();
                let users = (0..economy.dims().sectors).filter(|&s| share.column(s).sum() > 0.0);
                let largest =
                    users.max_by(|a, b| economy.theta()[*a].total_cmp(&economy.theta()[*b])).unwrap();
                assert_eq!(sector, economy.labels().sectors()[largest]);
                assert!((returns / (economy.theta()[largest] * 0.7 * 0.03) - 1.0).abs() < 1e-12, "{returns}");
            }
            Err(error) => panic!("{seed}: {error}"),
        }
    }
    println!("{named} of 40");
    assert!(named > 0, "all were solved: nothing here is tested");
}

#[test]
fn a_matrix_of_knowledge_that_is_off_by_rounding_moves_nothing() {
    let recipe = Recipe::new(3, 2, 1).with_critical(CriticalRecipe::default());
    let economy = Uniform::new(3).economy(&recipe);
    let mut omega = Array2::from_elem((3, 3), 1.0 / 3.0);
    omega *= 1.0 + 5e-7;
    let technology = Technology::FreeEntry(Innovation {
        diffusion: Diffusion::Matrix(omega),
        ..innovation(0.5, 0.4, 0.01)
    });
    let found = solve(&economy, &Shock { technology, ..Shock::default() }).critical.unwrap().augmentation;
    assert!(found.critical.iter().chain(&found.other).all(|a| (a - 1.0).abs() < 1e-12), "{}", found.critical);
}

#[test]
fn a_sector_that_uses_no_critical_input_cannot_be_unstable() {
    let recipe = Recipe::new(3, 3, 1).with_critical(CriticalRecipe::default());
    let mut parts = Uniform::new(3).economy(&recipe).into_parts();
    let r = parts.critical.as_ref().unwrap().sectors[0];
    // The first sector gives what it spent on the critical input to its first factor.
    for i in 0..3 {
        parts.factor_share[[i, 0, 0]] += parts.input_share[[i, 0, r]];
        parts.input_share[[i, 0, r]] = 0.0;
    }
    parts.critical.as_mut().unwrap().sigma[0] = 9.0;
    let (economy, _) = parts.equilibrate(&Deficits::Zero, &tight()).unwrap();
    let with = |lambda| Shock {
        technology: Technology::FreeEntry(innovation(lambda, 0.5, 0.0)),
        ..Shock::default()
    };
    solve(&economy, &with(0.5));
    let mut critical = economy.critical().unwrap().clone();
    critical.sigma[1] = 9.0;
    let economy = economy.with_critical(Some(critical)).unwrap();
    let refused = economy.solve(&with(0.5), &tight()).unwrap_err().to_string();
    assert!(refused.contains("lambda phi (sigma - 1) is 2 in `S2`"), "{refused}");
}

#[test]
fn a_technology_that_does_not_fit_is_refused_along_a_path_too() {
    let recipe = Recipe::new(3, 2, 1).with_critical(CriticalRecipe::default());
    let economy = Uniform::new(3).economy(&recipe);
    let shock = Shock::default();
    let after = solve(&economy, &shock);
    let paid = Innovation { paid_in: ResearchCost::Factor(9), ..innovation(0.5, 0.4, 0.01) };
    let blocs = Innovation { diffusion: Diffusion::Blocs(vec![0]), ..innovation(0.5, 0.4, 0.01) };
    for wrong in [paid, blocs.clone()] {
        let refused = Technology::FreeEntry(wrong).innovations(&economy, &shock, &after);
        assert!(matches!(refused, Err(SolveError::Shock(_))), "{refused:?}");
    }
    let stock = Array2::ones((3, 3));
    assert!(matches!(
        blocs.augmentation(&stock, &stock, &stock),
        Err(ShockError::Diffusion { found: 1, expected: 3 })
    ));
    let short = Array2::ones((2, 3));
    assert!(innovation(0.5, 0.4, 0.01).augmentation(&stock, &short, &stock).is_err());
}
