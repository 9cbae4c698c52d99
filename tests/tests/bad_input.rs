//! Every malformed economy and shock has an error of its own that names the place and the remedy.

use model_core::synthetic::{CriticalRecipe, Recipe};
use model_core::welfare::{DecompositionSettings, decompose, first_order};
use model_core::{
    Deficits, Economy, EconomyError, EconomyParts, Flows, Labels, Metadata, Restriction, Shock, ShockError,
    SolveError, SolverSettings, Technology,
};
use ndarray::{Array1, Array2, Array3, Axis};
use tests::Uniform;

fn base() -> EconomyParts {
    Uniform::new(1).economy(&Recipe { zero_flow: 0.0, non_traded: 0.0, ..Recipe::new(3, 2, 1) }).into_parts()
}

/// The change must make the economy fail with this message, all of it.
#[track_caller]
fn refused(change: impl FnOnce(&mut EconomyParts), expected: &str) {
    let mut parts = base();
    change(&mut parts);
    let error = Economy::from_parts(parts).expect_err("it was accepted").to_string();
    matches_pattern(&error, expected);
}

#[track_caller]
fn shock_refused(shock: Shock, expected: &str) {
    let economy = Economy::from_parts(base()).unwrap();
    match economy.solve(&shock, &SolverSettings::default()) {
        Err(SolveError::Shock(error)) => matches_pattern(&error.to_string(), expected),
        other => panic!("{other:?}"),
    }
}

/// `*` stands for any text (numbers that depend on the draw).
#[track_caller]
fn matches_pattern(text: &str, pattern: &str) {
    let mut rest = text;
    for (k, piece) in pattern.split('*').enumerate() {
        match rest.find(piece) {
            Some(at) if k > 0 || at == 0 => rest = &rest[at + piece.len()..],
            _ => panic!("\nmessage:  {text}\nexpected: {pattern}"),
        }
    }
    assert!(pattern.ends_with('*') || rest.is_empty(), "\nmessage:  {text}\nexpected: {pattern}");
}

#[test]
fn labels() {
    let message = |l: Result<Labels, EconomyError>| l.unwrap_err().to_string();
    assert_eq!(message(Labels::new([""; 0], ["S"], ["L"])), "there is no country: name at least one");
    assert_eq!(
        message(Labels::new(["A"], ["S", " "], ["L"])),
        "sector number 2 has an empty name: give it one"
    );
    assert_eq!(
        message(Labels::new(["A", "B", "A"], ["S"], ["L"])),
        "country `A` stands at positions 1 and 3: names must be unique, merge or rename one"
    );
}

#[test]
fn shapes_and_numbers() {
    refused(
        |p| p.trade_share = Array3::zeros((3, 2, 3)),
        "array `trade_share` has shape [3, 2, 3], but the labels ask for [3, 3, 2] (importer, exporter, sector): check the order of its axes and the labels",
    );
    refused(
        |p| p.theta = Array1::ones(3),
        "array `theta` has shape [3], but the labels ask for [2] (sector): check the order of its axes and the labels",
    );
    refused(
        |p| p.expenditure[[1, 0]] = f64::NAN,
        "`expenditure` is NaN at country `C2`, sector `S1`: every entry must be a finite number; fill or drop it",
    );
    refused(
        |p| p.deficit[2] = f64::INFINITY,
        "`deficit` is inf at country `C3`: every entry must be a finite number; fill or drop it",
    );
    refused(
        |p| p.trade_share[[0, 1, 1]] = -0.1,
        "`trade_share` is -0.1 at importer `C1`, exporter `C2`, sector `S2`: it cannot be negative; repair it in the data (inventories and re-exports are the usual causes)",
    );
    refused(
        |p| p.factor_share[[2, 1, 0]] = -0.2,
        "`factor_share` is -0.2 at country `C3`, sector `S2`, factor `F1`: it cannot be negative; *",
    );
    refused(
        |p| p.input_share[[2, 1, 0]] = -0.2,
        "`input_share` is -0.2 at country `C3`, using sector `S2`, input `S1`: it cannot be negative; *",
    );
}

#[test]
fn shares() {
    refused(
        |p| p.trade_share[[0, 1, 1]] += 0.1,
        "`trade_share` of importer `C1`, sector `S2` sums to 1.1*, not to 1 (tolerance 1e-6): divide each exporter's value by the total, domestic sales included",
    );
    refused(
        |p| p.factor_share[[2, 0, 0]] += 0.5,
        "`factor_share + input_share` of country `C3`, sector `S1` sums to 1.5*, not to 1 (tolerance 1e-6): factors and inputs together are the whole cost; divide each by their total",
    );
    refused(
        |p| p.final_share[[1, 0]] += 0.5,
        "`final_share` of country `C2` sums to 1.5*, not to 1 (tolerance 1e-6): divide each sector's final demand by the country's total",
    );
    refused(
        |p| (0..3).for_each(|i| p.trade_share[[1, i, 0]] = 0.0),
        "C2 spends * on `S1` but has no supplier: its trade shares are all zero; give it one or move the spending",
    );
    refused(
        |p| {
            p.factor_share[[0, 1, 0]] = 0.0;
            (0..2).for_each(|k| p.input_share[[0, 1, k]] = 0.0);
        },
        "C1 sells * of `S2` but its cost shares are all zero: say what it is made from",
    );
}

#[test]
fn elasticities_and_rates() {
    refused(
        |p| p.theta[1] = 0.0,
        "theta of sector `S2` is 0: a trade elasticity must be positive (4 to 8 is usual)",
    );
    refused(
        |p| p.kappa = -0.5,
        "kappa is -0.5: the elasticity of substitution between sectors in final demand must be at least 0; 1 is Cobb-Douglas",
    );
    refused(
        |p| p.tariff[[0, 1, 0]] = -1.0,
        "`tariff` is -1 at importer `C1`, exporter `C2`, sector `S1`: an ad-valorem rate must exceed -1; write 5 percent as 0.05",
    );
    refused(
        |p| p.export_tax[[0, 1, 0]] = -2.0,
        "`export_tax` is -2 at importer `C1`, exporter `C2`, sector `S1`: an ad-valorem rate must exceed -1; write 5 percent as 0.05",
    );
}

#[test]
fn accounts() {
    refused(
        |p| p.expenditure[[0, 0]] *= 1.01,
        "factor income of country `C1`, factor `F1` does not balance: earned * against paid by sectors *, a relative difference of * (tolerance 1e-9); balance the data first, or solve for the nearest equilibrium with `EconomyParts::equilibrate`",
    );
    refused(
        |p| {
            let shift = 0.01 * p.final_share[[0, 0]].min(p.final_share[[0, 1]]);
            p.final_share[[0, 0]] += shift;
            p.final_share[[0, 1]] -= shift;
        },
        "expenditure of country `C1`, sector `S1` does not balance: spent * against demanded *, a relative difference of * (tolerance 1e-9); *",
    );
    refused(
        |p| p.deficit[0] += 1.0,
        "deficits sum to * over the world, * of world income (tolerance 1e-9): one country's deficit is others' surplus; spread the difference",
    );
    refused(
        |p| p.factor_income[[1, 0]] = 0.0,
        "country `C2` has factor income 0: it must be positive; merge the country with another",
    );
    refused(
        |p| {
            let income = Economy::from_parts(base()).unwrap().income()[1];
            p.deficit[1] -= 2.0 * income;
            p.deficit[0] += 2.0 * income;
        },
        "country `C2` has income *: it must be positive; merge the country with another",
    );
}

#[test]
fn flows() {
    let flows = || Flows {
        labels: Labels::new(["A", "B"], ["S"], ["L"]).unwrap(),
        metadata: Metadata::default(),
        trade: Array3::from_elem((2, 2, 1), 10.0),
        intermediate: Array3::from_elem((2, 1, 1), 5.0),
        factor_payments: Array3::from_elem((2, 1, 1), 15.0),
        final_demand: Array2::from_elem((2, 1), 15.0),
        tariff: Array3::zeros((2, 2, 1)),
        export_tax: Array3::zeros((2, 2, 1)),
        theta: Array1::from_elem(1, 4.0),
        kappa: 1.0,
    };
    Economy::from_flows(flows()).unwrap();
    let refused = |change: &dyn Fn(&mut Flows), expected: &str| {
        let mut changed = flows();
        change(&mut changed);
        matches_pattern(&Economy::from_flows(changed).unwrap_err().to_string(), expected);
    };
    refused(
        &|f| f.final_demand[[1, 0]] = 16.0,
        "expenditure of B `S` does not balance: bought 20 against used 21, a relative difference of 4.76190476190476*e-2 (tolerance 1e-9); *",
    );
    refused(
        &|f| f.factor_payments[[0, 0, 0]] = 14.0,
        "output of A `S` does not balance: sold 20 against paid for inputs and factors 19, *",
    );
    refused(
        &|f| f.trade[[0, 1, 0]] = -1.0,
        "`trade` is -1 at importer `A`, exporter `B`, sector `S`: it cannot be negative; *",
    );
    refused(
        &|f| f.intermediate = Array3::zeros((2, 1, 2)),
        "array `intermediate` has shape [2, 1, 2], but the labels ask for [2, 1, 1] (country, using sector, input): *",
    );
    refused(&|f| f.final_demand[[0, 0]] = f64::NAN, "`final_demand` is NaN at country `A`, sector `S`: *");
    refused(
        &|f| f.tariff[[0, 1, 0]] = -1.0,
        "`tariff` is -1 at importer `A`, exporter `B`, sector `S`: an ad-valorem rate must exceed -1; *",
    );
    refused(
        &|f| f.export_tax[[1, 0, 0]] = f64::NAN,
        "`export_tax` is NaN at importer `B`, exporter `A`, sector `S`: every entry must be a finite number; *",
    );
    refused(
        &|f| {
            f.final_demand[[1, 0]] = 0.0;
            f.intermediate[[1, 0, 0]] = 20.0;
            f.factor_payments[[1, 0, 0]] = 0.0;
        },
        "`final_demand` of country `B` is zero in every sector: a country consumes something; *",
    );
}

#[test]
fn shocks() {
    let flow = || Some(Array3::ones((3, 3, 2)));
    let with = |mut array: Option<Array3<f64>>, value: f64| {
        array.iter_mut().for_each(|a| a[[0, 2, 1]] = value);
        array
    };
    shock_refused(
        Shock { tariff: Some(Array3::zeros((3, 3, 3))), ..Shock::default() },
        "shock array `tariff` has shape [3, 3, 3], but the economy needs [3, 3, 2]: build it from the economy's own dimensions",
    );
    shock_refused(
        Shock { tariff: with(flow(), -1.5), ..Shock::default() },
        "shock `tariff` is -1.5 at importer `C1`, exporter `C3`, sector `S2`: it must be a finite rate above -1; write 5 percent as 0.05",
    );
    shock_refused(
        Shock { export_tax: with(flow(), f64::NAN), ..Shock::default() },
        "shock `export_tax` is NaN at importer `C1`, exporter `C3`, sector `S2`: it must be a finite rate above -1; *",
    );
    shock_refused(
        Shock { export_tax: with(flow(), f64::INFINITY), ..Shock::default() },
        "shock `export_tax` is inf at importer `C1`, exporter `C3`, sector `S2`: it must be a finite rate above -1; *",
    );
    shock_refused(
        Shock { iceberg_hat: with(flow(), 0.0), ..Shock::default() },
        "shock `iceberg_hat` is 0 at importer `C1`, exporter `C3`, sector `S2`: it must be positive; infinite stops the flow",
    );
    let mut hat = Array2::ones((3, 2));
    hat[[1, 1]] = f64::INFINITY;
    shock_refused(
        Shock { productivity_hat: Some(hat), ..Shock::default() },
        "shock `productivity_hat` is inf at country `C2`, sector `S2`: it must be positive and finite; a hat is new over baseline, 1 is no change",
    );
    let mut hat = Array2::ones((3, 1));
    hat[[1, 0]] = -0.5;
    shock_refused(
        Shock { endowment_hat: Some(hat), ..Shock::default() },
        "shock `endowment_hat` is -0.5 at country `C2`, factor `F1`: it must be positive and finite; *",
    );
    let mut hat = Array2::ones((3, 2));
    hat[[0, 0]] = -1.0;
    shock_refused(
        Shock { preference_hat: Some(hat), ..Shock::default() },
        "shock `preference_hat` is -1 at country `C1`, sector `S1`: it must be finite and not negative; *",
    );
    let mut hat = Array2::ones((3, 2));
    hat.row_mut(2).fill(0.0);
    shock_refused(
        Shock { preference_hat: Some(hat), ..Shock::default() },
        "the taste shock leaves C3 with no final demand at all: keep one positive hat on a sector that it buys",
    );
    let mut hat = Array2::ones((3, 2));
    hat[[0, 0]] = f64::INFINITY;
    shock_refused(
        Shock { preference_hat: Some(hat), ..Shock::default() },
        "shock `preference_hat` is inf at country `C1`, sector `S1`: it must be finite and not negative; *",
    );
    shock_refused(
        Shock { deficits: Deficits::Levels(Array1::ones(3)), ..Shock::default() },
        "new deficits sum to 3, not to zero: one country's deficit is others' surplus; spread the difference",
    );
    shock_refused(
        Shock { iceberg_hat: Some(Array3::from_elem((3, 3, 2), f64::INFINITY)), ..Shock::default() },
        "the shock leaves C1 without a supplier of `S1`, which it needs: leave it one, or lower the cut from infinite to finite",
    );
}

#[test]
fn rounding_is_no_error_in_any_unit() {
    let settings = SolverSettings::default();
    for unit in [1e-6, 1.0, 1e6] {
        let mut parts = base();
        parts.expenditure *= unit;
        parts.factor_income *= unit;
        parts.deficit *= unit;
        let world = parts.factor_income.sum();
        let economy = Economy::from_parts(parts.clone()).unwrap();
        let with = |off: f64| {
            let mut levels = economy.deficit().clone();
            levels[0] += off * world;
            economy.solve(&Shock { deficits: Deficits::Levels(levels), ..Shock::default() }, &settings)
        };
        let solved = with(0.5e-9).unwrap();
        assert!(solved.deficit.sum().abs() < 1e-12 * world);
        let mut off = parts.clone();
        off.deficit[0] += 0.5e-9 * world;
        Economy::from_parts(off).unwrap().solve(&Shock::default(), &settings).unwrap();
        assert!(matches!(with(2e-9), Err(SolveError::Shock(_))));
        parts.deficit[0] += 1e-3 * world;
        match Economy::from_parts(parts) {
            Err(EconomyError::Deficits { sum, relative, .. }) => {
                assert!((relative - 1e-3).abs() < 1e-9 && (sum / world - 1e-3).abs() < 1e-9);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn shares_within_tolerance_are_made_exact() {
    let mut parts = base();
    parts.trade_share *= 1.0 + 5e-7;
    parts.factor_share *= 1.0 + 5e-7;
    parts.final_share *= 1.0 - 5e-7;
    let (economy, _) = parts.equilibrate(&Deficits::Fixed, &SolverSettings::default()).unwrap();
    let cost = economy.factor_share().sum_axis(Axis(2)) + economy.input_share().sum_axis(Axis(2));
    let bought = economy.trade_share().sum_axis(Axis(1));
    for sum in cost.iter().chain(&bought).chain(&economy.final_share().sum_axis(Axis(1))) {
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
    assert_eq!(economy.metadata(), &parts.metadata);
}

#[test]
fn deficits_that_do_not_cancel_are_not_solved_with() {
    let mut parts = base();
    parts.deficit[0] += 0.1 * parts.factor_income.sum();
    for deficits in [Deficits::Fixed, Deficits::ShareOfIncome] {
        match parts.equilibrate(&deficits, &SolverSettings::default()) {
            Err(SolveError::Economy(EconomyError::Deficits { relative, .. })) => {
                assert!((relative - 0.1).abs() < 1e-6);
            }
            other => panic!("{other:?}"),
        }
    }
    let (economy, _) = parts.equilibrate(&Deficits::Zero, &SolverSettings::default()).unwrap();
    assert!(economy.deficit().iter().all(|deficit| *deficit == 0.0), "{}", economy.deficit());
}

#[test]
fn a_stop_of_the_only_supplier_is_named() {
    let mut parts = base();
    for i in 0..3 {
        parts.trade_share[[0, i, 1]] = f64::from(u8::from(i == 1));
    }
    let (economy, _) = parts.equilibrate(&Deficits::Zero, &SolverSettings::default()).unwrap();
    let shock = Shock { restrictions: vec![Restriction::export_quota(1, 1, 0.0)], ..Shock::default() };
    match economy.solve(&shock, &SolverSettings::default()) {
        Err(SolveError::Shock(error @ ShockError::NoSupplier { .. })) => {
            let error = error.to_string();
            assert!(error.contains("C1") && error.contains("S2"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_equilibrium_of_another_economy() {
    let economy = Economy::from_parts(base()).unwrap();
    let critical = Recipe::new(3, 1, 1).with_critical(CriticalRecipe::default());
    for recipe in [Recipe::new(2, 2, 1), Recipe::new(3, 2, 2), critical] {
        let other = Uniform::new(1).economy(&recipe);
        let after = other.solve(&Shock::default(), &SolverSettings::default()).unwrap();
        let expected = EconomyError::OtherEconomy { economy: "simulated".into() };
        assert_eq!(after.rebase(&economy).unwrap_err(), expected);
        assert_eq!(first_order(&economy, &after).unwrap_err(), expected);
        let flows = Technology::Exogenous.innovations(&economy, &Shock::default(), &after);
        assert_eq!(flows.unwrap_err().to_string(), expected.to_string());
    }
}

#[test]
fn recipes() {
    for joint_products in [false, true] {
        let critical = CriticalRecipe { elements: 0, joint_products, ..CriticalRecipe::default() };
        let drawn = Recipe::new(3, 2, 1).with_critical(critical).draw(&mut || 0.5);
        assert_eq!(drawn.unwrap_err(), EconomyError::NoCriticalSector);
    }
}

#[test]
fn settings_and_starts() {
    let economy = Economy::from_parts(base()).unwrap();
    let solve =
        |settings: SolverSettings| economy.solve(&Shock::default(), &settings).unwrap_err().to_string();
    assert_eq!(
        solve(SolverSettings { tolerance: 0.0, ..SolverSettings::default() }),
        "solver setting `tolerance` is 0: give a relative residual between 0 and 1, such as 1e-10"
    );
    assert_eq!(
        solve(SolverSettings { depth: 0, ..SolverSettings::default() }),
        "solver setting `depth` is 0: remember at least one difference"
    );
    let mut iterate = economy.solve(&Shock::default(), &SolverSettings::default()).unwrap().iterate;
    iterate.ln_price.pop();
    let error = economy.solve_from(&Shock::default(), &SolverSettings::default(), &iterate).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the start has 14 entries but the economy needs 15: start from an equilibrium of the same economy"
    );
    // As many entries as are needed, but not where they belong.
    let fitting = economy.solve(&Shock::default(), &SolverSettings::default()).unwrap().iterate;
    let mut prices = fitting.clone();
    prices.ln_factor_price.push(prices.ln_price.pop().unwrap());
    let mut spending = fitting.clone();
    spending.ln_factor_price.push(spending.expenditure_hat.pop().unwrap());
    let mut more = fitting;
    more.ln_factor_price.push(0.0);
    for start in [prices, spending, more] {
        let error = economy.solve_from(&Shock::default(), &SolverSettings::default(), &start).unwrap_err();
        assert!(matches!(error, SolveError::Start { expected: 15, .. }), "{error}");
    }
}

#[test]
fn decompositions() {
    let economy = Economy::from_parts(base()).unwrap();
    let settings = DecompositionSettings::default();
    let refused = |shock: &Shock, settings: &DecompositionSettings, expected: &str| {
        matches_pattern(&decompose(&economy, shock, settings).unwrap_err().to_string(), expected);
    };
    let mut iceberg = Array3::ones((3, 3, 2));
    iceberg[[0, 2, 1]] = f64::INFINITY;
    refused(
        &Shock { iceberg_hat: Some(iceberg.clone()), ..Shock::default() },
        &settings,
        "`iceberg_hat` holds a hat of inf: there is no path to it in logarithms; use a large finite hat, or one close to 0",
    );
    let mut taste = Array2::ones((3, 2));
    taste[[1, 0]] = 0.0;
    refused(
        &Shock { preference_hat: Some(taste), ..Shock::default() },
        &settings,
        "`preference_hat` holds a hat of 0: *",
    );
    refused(
        &Shock { restrictions: vec![Restriction::export_quota(0, 1, 0.0)], ..Shock::default() },
        &settings,
        "`restrictions` holds a hat of 0: *",
    );
    // A trapezoid of one step is not the integral.
    iceberg[[0, 2, 1]] = 3.0;
    let shock = Shock { iceberg_hat: Some(iceberg), ..Shock::default() };
    let coarse = DecompositionSettings { max_halvings: 0, ..DecompositionSettings::default() };
    refused(
        &shock,
        &coarse,
        "after 0 halvings the parts of C1 miss the exact change by * of its size (tolerance 1e-7); allow more halvings, or cut the shock in two",
    );
    decompose(&economy, &shock, &settings).unwrap();
}

/// A failed solve hands back its history and the best state, from which another can go on.
#[test]
fn a_failed_solve_returns_its_history() {
    let mut uniform = Uniform::new(5);
    let economy = uniform.economy(&Recipe::new(4, 3, 1));
    let shock = uniform.shock(&economy, 0.8);
    let few =
        SolverSettings { max_sweeps: 4, max_newton_steps: 0, max_parts: 0, ..SolverSettings::default() };
    let mut seen = 0;
    match economy.solve_observed(&shock, &few, &mut |_: &model_core::Iteration| seen += 1) {
        Err(error @ SolveError::NotConverged { .. }) => {
            matches_pattern(
                &error.to_string(),
                "no equilibrium after 4 iterations: the largest relative market-clearing residual is *, the tolerance 1e-10; approach the shock in steps, each starting from the last, or allow more iterations",
            );
            let SolveError::NotConverged { history, best, residual, .. } = error else { unreachable!() };
            assert_eq!((history.len(), seen), (4, 4));
            assert!(history.iter().all(|h| residual.max() <= h.residual.max()));
            let rest = economy.solve_from(&shock, &SolverSettings::default(), &best).unwrap();
            assert!(rest.residual.max() <= 1e-10);
        }
        other => panic!("{other:?}"),
    }
    // In parts that lead nowhere either: all that was tried, and how near the whole shock came.
    let settings = SolverSettings { max_parts: 3, max_sweeps: 2, ..few };
    match economy.solve(&shock, &settings) {
        Err(SolveError::NotConverged { history, best, residual, iterations, .. }) => {
            assert!(iterations == history.len() && iterations > 2);
            assert!(history.iter().enumerate().all(|(k, iteration)| iteration.number == k + 1));
            let whole =
                history[..2].iter().map(|iteration| iteration.residual.max()).fold(f64::INFINITY, f64::min);
            assert_eq!(residual.max(), whole);
            assert!(economy.solve_from(&shock, &SolverSettings::default(), &best).is_ok());
        }
        other => panic!("{other:?}"),
    }
}
