//! The best export tax, and what importers can do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{economy, names};
use counterfactuals::policy::{
    Measure, MenuSettings, OptimalTaxSettings, PolicyError, optimal_export_tax, policy_menu,
};
use model_core::{
    Buyers, CriticalInputs, Diffusion, Economy, Innovation, Limit, ResearchCost, Restriction, Shock,
    SolverSettings, Technology,
};

fn critical(sigma: f64) -> (Economy, usize) {
    let economy = economy();
    let sectors = economy.labels().sectors().len();
    let input = sectors - 1;
    assert_eq!(names(&economy).0, economy.labels().sectors()[input]);
    (economy.with_critical(Some(CriticalInputs::composite(input, sigma, sectors))).unwrap(), input)
}

fn free_entry() -> Technology {
    Technology::FreeEntry(Innovation {
        lambda: 0.5,
        phi: 0.5,
        xi: 0.0,
        diffusion: Diffusion::National,
        paid_in: ResearchCost::FinalGood,
    })
}

fn income(economy: &Economy, input: usize, wedge: f64, technology: &Technology) -> f64 {
    let restriction = Restriction {
        sector: input,
        exporter: 0,
        buyers: Buyers::Abroad,
        limit: Limit::Wedge(wedge),
        rent_share: 0.0,
    };
    let shock = Shock { restrictions: vec![restriction], technology: technology.clone(), ..Shock::default() };
    let settings = SolverSettings { tolerance: 1e-13, ..SolverSettings::default() };
    economy.solve(&shock, &settings).unwrap().real_income_hat[0]
}

#[test]
fn nothing_beside_the_best_tax_is_better_and_its_first_order_condition_holds() {
    let (economy, input) = critical(0.4);
    for technology in [Technology::Exogenous, free_entry()] {
        let shock = Shock { technology: technology.clone(), ..Shock::default() };
        let best = optimal_export_tax(&economy, &shock, 0, input, &OptimalTaxSettings::default()).unwrap();
        assert!(best.interior, "{best:?}");
        let scale = best.equilibrium.quota_rent[0] / economy.income()[0];
        assert!(best.gradient.abs() < 1e-6 * scale, "d ln W = {} beside a rent of {scale}", best.gradient);
        let at = income(&economy, input, best.wedge, &technology);
        for other in [0.9, 0.97, 1.03, 1.1] {
            let wedge = (best.wedge * other).max(1.0);
            assert!(income(&economy, input, wedge, &technology) < at, "{wedge} beats {}", best.wedge);
        }
        assert!(at > 1.0 && best.volume_hat < 1.0);
        assert!(best.grid.iter().all(|(_, income)| *income <= at + 1e-12));
    }
}

#[test]
fn a_tax_beyond_the_highest_allowed_is_reported_as_such() {
    let (economy, input) = critical(0.2);
    let settings = OptimalTaxSettings { highest: 1.01, grid: 5, ..OptimalTaxSettings::default() };
    let best = optimal_export_tax(&economy, &Shock::default(), 0, input, &settings).unwrap();
    assert!(!best.interior && best.gradient > 0.0);
    assert!((best.wedge - 1.01).abs() < 1e-12);
    // However the grid's steps round.
    for (highest, grid) in [(1.02, 20), (1.03, 7), (1.04, 6)] {
        let settings = OptimalTaxSettings { highest, grid, ..settings.clone() };
        let best = optimal_export_tax(&economy, &Shock::default(), 0, input, &settings).unwrap();
        assert!(
            !best.interior && best.gradient > 0.0,
            "{highest} by {grid}: {} {}",
            best.wedge,
            best.gradient
        );
    }
    let error = optimal_export_tax(&economy, &Shock::default(), 9, input, &settings).unwrap_err();
    assert!(matches!(error, PolicyError::Position { position: 9, .. }), "{error}");
}

#[test]
fn measures_avoid_losses_and_their_costs_follow_their_definitions() {
    let (economy, input) = critical(0.2);
    let shock = Shock {
        restrictions: vec![Restriction::export_quota(input, 0, 0.5)],
        technology: free_entry(),
        ..Shock::default()
    };
    let resource = economy.dims().factors - 1;
    let measures = [
        Measure::Stockpile { share: 0.1 },
        Measure::Recycling { share: 0.1 },
        Measure::NewMines { country: 1, factor: resource, hat: 1.5 },
        Measure::ResearchSubsidy { share: 0.3 },
        Measure::FriendShoring { tariff: 0.2 },
    ];
    // Others that mine gain from the restriction; those who lose act.
    let alone = economy.solve(&shock, &SolverSettings::default()).unwrap();
    let losers: Vec<usize> = (1..4).filter(|n| alone.real_income_hat[*n] < 1.0).collect();
    assert!(!losers.is_empty(), "{}", alone.real_income_hat);
    let settings = MenuSettings::new(losers, 0);
    let menu = policy_menu(&economy, &shock, &measures, &settings).unwrap();
    assert!(menu.loss > 0.0, "the restriction costs the importers {}", menu.loss);
    for row in &menu.rows {
        assert!((menu.loss - row.loss - row.avoided).abs() < 1e-12 * menu.loss.abs().max(1.0));
    }
    let [stock, recycling, mines, subsidy, friends] = menu.rows.as_slice() else { panic!("five rows") };
    // Mines of another may cost those who mine themselves more than they save; the rest helps.
    for row in [stock, recycling, subsidy] {
        assert!(row.avoided > 0.0 && row.cost > 0.0, "{row:?}");
        assert!(row.cost_per_unit().is_finite());
    }
    // The same act on the market: they differ in cost by the settings alone.
    assert_eq!(stock.avoided, recycling.avoided);
    assert!(
        (recycling.cost / stock.cost - settings.recycling_cost / (1.0 + settings.carrying)).abs() < 1e-12
    );
    let rent = economy.factor_income()[[1, resource]];
    assert!((mines.cost - 0.5 * rent * settings.mine_cost).abs() < 1e-9 * rent);
    assert_eq!(friends.cost, -friends.normal_times);

    let bad = policy_menu(&economy, &shock, &[Measure::Recycling { share: 1.0 }], &settings).unwrap_err();
    assert!(bad.to_string().contains("below 1"), "{bad}");
    let plain = economy.clone().with_critical(None).unwrap();
    let missing = policy_menu(&plain, &Shock::default(), &measures, &settings).unwrap_err();
    assert!(matches!(missing, PolicyError::NoCriticalInput), "{missing}");
}

#[test]
fn settings_and_positions_that_make_no_sense_are_named() {
    let (economy, input) = critical(0.2);
    let tax = |settings: OptimalTaxSettings, sector: usize| {
        optimal_export_tax(&economy, &Shock::default(), 0, sector, &settings).unwrap_err().to_string()
    };
    let defaults = OptimalTaxSettings::default;
    assert_eq!(
        tax(OptimalTaxSettings { highest: 1.0, ..defaults() }, input),
        "`highest` is 1: give a wedge above 1, such as 50"
    );
    assert_eq!(
        tax(OptimalTaxSettings { grid: 2, ..defaults() }, input),
        "`grid` is 2: give at least 3 points"
    );
    assert_eq!(
        tax(defaults(), input + 1),
        format!(
            "the sector is number {}, which the economy does not have: take positions from its labels",
            input + 1
        )
    );
    let few =
        SolverSettings { max_sweeps: 1, max_newton_steps: 0, max_parts: 0, ..SolverSettings::default() };
    let error = optimal_export_tax(
        &economy,
        &Shock::default(),
        0,
        input,
        &OptimalTaxSettings { solver: few, highest: 16.0, grid: 5, ..defaults() },
    )
    .unwrap_err();
    // The grid is 1, 2, 4, ...: the first that needs more than one sweep is named.
    assert_eq!(error.to_string(), "no equilibrium with a wedge of 2.0000");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("no equilibrium after 1 iterations"), "{cause}");

    let menu = |measure: Measure, importers: Vec<usize>| {
        let settings = MenuSettings::new(importers, 0);
        policy_menu(&economy, &Shock::default(), &[measure], &settings).unwrap_err().to_string()
    };
    let position = |what: &str, number: usize| {
        format!("{what} is number {number}, which the economy does not have: take positions from its labels")
    };
    let mines = |country, factor| Measure::NewMines { country, factor, hat: 1.5 };
    let stock = Measure::Stockpile { share: 0.1 };
    assert_eq!(menu(stock, vec![1, 7]), position("a country", 7));
    assert_eq!(menu(mines(9, 0), vec![1]), position("the country of new mines", 9));
    assert_eq!(menu(mines(1, 9), vec![1]), position("the resource of new mines", 9));
    assert_eq!(
        menu(Measure::FriendShoring { tariff: -1.0 }, vec![1]),
        "`tariff` is -1: give a rate above -1; 5 percent is 0.05"
    );
}

#[test]
fn a_measure_that_avoids_no_loss_costs_without_end_per_unit() {
    let (economy, _) = critical(0.2);
    let settings = MenuSettings::new(vec![1, 2], 0);
    let shock = Shock { restrictions: vec![Restriction::export_quota(3, 0, 0.5)], ..Shock::default() };
    // A tariff that prices the supplier out on top of its restriction adds to the loss.
    let tariff = [Measure::FriendShoring { tariff: 5.0 }];
    let row = policy_menu(&economy, &shock, &tariff, &settings).unwrap().rows.remove(0);
    assert!(row.avoided < 0.0 && row.cost > 0.0, "{row:?}");
    assert_eq!(row.cost_per_unit(), f64::INFINITY);
}
