//! What the trade model must do whatever the economy, on economies drawn at random.

use linalg::Lu;
use model_core::welfare::{self, DecompositionSettings, GainsModel};
use model_core::{
    Deficits, Economy, EconomyParts, Labels, Parameter, Phase, Shock, SolveError, SolverSettings,
    synthetic::Recipe,
};
use ndarray::{Array1, Array2, Array3, Axis, Zip};
use proptest::prelude::*;
use tests::critical::{solve, tight};
use tests::order::{order, reorder_shock, reordered};
use tests::{Uniform, relative_gap};

fn changed(economy: &Economy, change: impl FnOnce(&mut EconomyParts)) -> Economy {
    let mut parts = economy.parts().clone();
    change(&mut parts);
    Economy::from_parts(parts).unwrap_or_else(|error| panic!("{error}"))
}

/// Without tariffs, export taxes and deficits.
fn frictionless(countries: usize, sectors: usize, factors: usize) -> Recipe {
    Recipe {
        tariff: (0.0, 0.0),
        export_tax: (0.0, 0.0),
        deficit: 0.0,
        ..Recipe::new(countries, sectors, factors)
    }
}

/// Country 0 is untouched; all others get new productivity and trade costs.
fn foreign_shock(uniform: &mut Uniform, economy: &Economy) -> Shock {
    let shock = uniform.shock(economy, 0.5);
    let mut productivity = shock.productivity_hat.unwrap_or_default();
    productivity.row_mut(0).fill(1.0);
    Shock { iceberg_hat: shock.iceberg_hat, productivity_hat: Some(productivity), ..Shock::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_shock_changes_nothing(seed: u64, kappa in 0.0_f64..3.0) {
        let mut uniform = Uniform::new(seed);
        let economy = changed(&uniform.small_economy(), |parts| parts.kappa = kappa);
        let same = Shock {
            tariff: Some(economy.tariff().clone()),
            iceberg_hat: Some(Array3::ones(economy.tariff().dim())),
            productivity_hat: Some(Array2::ones(economy.output().dim())),
            preference_hat: Some(Array2::ones(economy.output().dim())),
            ..Shock::default()
        };
        for shock in [Shock::default(), same, Shock { deficits: Deficits::ShareOfIncome, ..Shock::default() }] {
            let e = solve(&economy, &shock);
            for hats in [&e.price_hat, &e.cost_hat, &e.factor_price_hat] {
                prop_assert!(hats.iter().all(|h| (h - 1.0).abs() < 1e-10), "{hats}");
            }
            prop_assert!(e.real_income_hat.iter().all(|h| (h - 1.0).abs() < 1e-10));
            prop_assert!(relative_gap(&e.output, economy.output()) < 1e-10);
            prop_assert!(relative_gap(&e.trade_share, economy.trade_share()) < 1e-10);
        }
    }

    #[test]
    fn the_unit_of_account_does_not_matter(seed: u64, ln_scale in -14.0_f64..14.0) {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.small_economy();
        let shock = uniform.shock(&economy, 0.5);
        let scale = ln_scale.exp();
        let scaled = changed(&economy, |parts| {
            parts.expenditure *= scale;
            parts.factor_income *= scale;
            parts.deficit *= scale;
        });
        let (a, b) = (solve(&economy, &shock), solve(&scaled, &shock));
        prop_assert!(relative_gap(&a.price_hat, &b.price_hat) < 1e-9);
        prop_assert!(relative_gap(&a.factor_price_hat, &b.factor_price_hat) < 1e-9);
        prop_assert!(relative_gap(&(&a.output * scale), &b.output) < 1e-8);
        prop_assert!((a.factor_income.sum() / economy.factor_income().sum() - 1.0).abs() < 1e-10);
    }

    #[test]
    fn permuting_countries_permutes_the_answer(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.small_economy();
        let shock = uniform.shock(&economy, 0.5);
        let order = order(&mut uniform, economy.dims().countries);
        let permuted = changed(&economy, |p| {
            p.trade_share = reordered(&p.trade_share, &[0, 1], &order);
            p.tariff = reordered(&p.tariff, &[0, 1], &order);
            p.export_tax = reordered(&p.export_tax, &[0, 1], &order);
            p.expenditure = reordered(&p.expenditure, &[0], &order);
            p.factor_share = reordered(&p.factor_share, &[0], &order);
            p.input_share = reordered(&p.input_share, &[0], &order);
            p.final_share = reordered(&p.final_share, &[0], &order);
            p.factor_income = reordered(&p.factor_income, &[0], &order);
            p.deficit = p.deficit.select(Axis(0), &order);
        });
        let a = solve(&economy, &shock);
        let b = solve(&permuted, &reorder_shock(&shock, &[0, 1], &[0], &order, true));
        prop_assert!(relative_gap(&a.real_income_hat.select(Axis(0), &order), &b.real_income_hat) < 1e-9);
        prop_assert!(relative_gap(&reordered(&a.price_hat, &[0], &order), &b.price_hat) < 1e-9);
        prop_assert!(relative_gap(&reordered(&a.factor_price_hat, &[0], &order), &b.factor_price_hat) < 1e-9);
    }

    #[test]
    fn permuting_sectors_permutes_the_answer(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.small_economy();
        let shock = uniform.shock(&economy, 0.5);
        let order = order(&mut uniform, economy.dims().sectors);
        let permuted = changed(&economy, |p| {
            p.trade_share = reordered(&p.trade_share, &[2], &order);
            p.tariff = reordered(&p.tariff, &[2], &order);
            p.export_tax = reordered(&p.export_tax, &[2], &order);
            p.expenditure = reordered(&p.expenditure, &[1], &order);
            p.factor_share = reordered(&p.factor_share, &[1], &order);
            p.input_share = reordered(&p.input_share, &[1, 2], &order);
            p.final_share = reordered(&p.final_share, &[1], &order);
            p.theta = p.theta.select(Axis(0), &order);
        });
        let a = solve(&economy, &shock);
        let b = solve(&permuted, &reorder_shock(&shock, &[2], &[1], &order, false));
        prop_assert!(relative_gap(&a.real_income_hat, &b.real_income_hat) < 1e-9);
        prop_assert!(relative_gap(&reordered(&a.price_hat, &[1], &order), &b.price_hat) < 1e-9);
    }

    #[test]
    fn splitting_a_country_in_identical_halves_changes_no_welfare(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.small_economy();
        let mut shock = uniform.shock(&economy, 0.4);
        let n = economy.dims().countries;
        let split = uniform.whole(0, n - 1);
        // The halves are the split country and a new last one.
        let order: Vec<usize> = (0..n).chain([split]).collect();
        let halved = |i: usize| i == split || i == n;
        let p = economy.parts();
        let two = |a: &Array2<f64>, by: f64| {
            let mut a = reordered(a, &[0], &order);
            for row in [split, n] { a.row_mut(row).mapv_inplace(|v| v * by); }
            a
        };
        let mut trade_share = reordered(&p.trade_share, &[0, 1], &order);
        trade_share.indexed_iter_mut().filter(|((_, i, _), _)| halved(*i)).for_each(|(_, share)| *share *= 0.5);
        let names: Vec<String> = p.labels.countries().iter().cloned().chain(["half".to_string()]).collect();
        let labels = Labels::new(names, p.labels.sectors().to_vec(), p.labels.factors().to_vec()).unwrap();
        let mut deficit = p.deficit.select(Axis(0), &order);
        for row in [split, n] { deficit[row] *= 0.5; }
        let halves = Economy::from_parts(EconomyParts {
            labels,
            metadata: p.metadata.clone(),
            trade_share,
            expenditure: two(&p.expenditure, 0.5),
            factor_share: reordered(&p.factor_share, &[0], &order),
            input_share: reordered(&p.input_share, &[0], &order),
            final_share: two(&p.final_share, 1.0),
            tariff: reordered(&p.tariff, &[0, 1], &order),
            export_tax: reordered(&p.export_tax, &[0, 1], &order),
            deficit,
            factor_income: two(&p.factor_income, 0.5),
            theta: p.theta.clone(),
            kappa: p.kappa,
            critical: p.critical.clone(),
        }).unwrap();
        let a = solve(&economy, &shock);
        shock = reorder_shock(&shock, &[0, 1], &[0], &order, true);
        let b = solve(&halves, &shock);
        prop_assert!(relative_gap(&a.real_income_hat.select(Axis(0), &order), &b.real_income_hat) < 1e-9);
        prop_assert!((b.output.sum() / a.output.sum() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn one_sector_welfare_is_the_domestic_share(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let countries = uniform.whole(2, 8);
        let economy = uniform.economy(&Recipe { inputs: (0.0, 0.0), ..frictionless(countries, 1, 1) });
        let e = solve(&economy, &foreign_shock(&mut uniform, &economy));
        let hat = e.trade_share[[0, 0, 0]] / economy.trade_share()[[0, 0, 0]];
        let formula = hat.powf(-1.0 / economy.theta()[0]);
        prop_assert!((e.real_income_hat[0] / formula - 1.0).abs() < 1e-9);
    }

    #[test]
    fn many_sector_welfare_is_domestic_shares_through_the_leontief_inverse(seed: u64, with_inputs: bool) {
        let mut uniform = Uniform::new(seed);
        let (countries, sectors) = (uniform.whole(2, 6), uniform.whole(2, 6));
        let inputs = if with_inputs { (0.2, 0.7) } else { (0.0, 0.0) };
        let economy = uniform.economy(&Recipe { inputs, no_output: 0.0, ..frictionless(countries, sectors, 1) });
        let e = solve(&economy, &foreign_shock(&mut uniform, &economy));
        let mut leontief = Array2::eye(sectors);
        leontief.indexed_iter_mut().for_each(|((j, k), v)| *v -= economy.input_share()[[0, j, k]]);
        let weight = Lu::factor(leontief.view()).unwrap().solve_transpose(economy.final_share().row(0)).unwrap();
        let ln_welfare: f64 = (0..sectors)
            .map(|k| {
                let hat = e.trade_share[[0, 0, k]] / economy.trade_share()[[0, 0, k]];
                -weight[k] / economy.theta()[k] * hat.ln()
            })
            .sum();
        prop_assert!((e.real_income_hat[0].ln() - ln_welfare).abs() < 1e-9);
    }

    #[test]
    fn autarky_by_formula_and_by_solver(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let (countries, sectors) = (uniform.whole(2, 6), uniform.whole(1, 6));
        let economy = uniform.economy(&Recipe { no_output: 0.0, ..frictionless(countries, sectors, 1) });
        let gains = welfare::gains_from_trade(&economy, GainsModel::MultiSectorInputs).unwrap();
        let closed = solve(&economy, &Shock::autarky(economy.dims()));
        prop_assert!(relative_gap(&gains, &closed.real_income_hat.mapv(|w| 1.0 - w)) < 1e-7);
        // Without inputs, and then with one sector, the other formulas are the same one.
        let simple = uniform.economy(&Recipe { no_output: 0.0, inputs: (0.0, 0.0), ..frictionless(countries, 1, 1) });
        let theta = simple.theta()[0];
        let all = [GainsModel::OneSector { theta }, GainsModel::MultiSector, GainsModel::MultiSectorInputs]
            .map(|model| welfare::gains_from_trade(&simple, model).unwrap());
        prop_assert!(relative_gap(&all[0], &all[1]) < 1e-12 && relative_gap(&all[0], &all[2]) < 1e-12);
    }

    #[test]
    fn every_market_clears(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.small_economy();
        let deficits = [Deficits::Fixed, Deficits::Zero, Deficits::ShareOfIncome][uniform.whole(0, 2)].clone();
        let shock = Shock { deficits, ..uniform.shock(&economy, 0.6) };
        let e = solve(&economy, &shock);
        // From the published quantities alone.
        let (n, j, f) = { let d = economy.dims(); (d.countries, d.sectors, d.factors) };
        let mut output = Array2::<f64>::zeros((n, j));
        let mut revenue = Array1::<f64>::zeros(n);
        for ((m, i, s), share) in e.trade_share.indexed_iter() {
            let border = e.expenditure[[m, s]] * share / (1.0 + e.tariff[[m, i, s]]);
            let producer = border / (1.0 + e.export_tax[[m, i, s]]);
            output[[i, s]] += producer;
            revenue[m] += e.expenditure[[m, s]] * share - border;
            revenue[i] += border - producer;
        }
        prop_assert!(relative_gap(&output, &e.output) < 1e-10);
        let endowment = shock.endowment_hat.as_ref().unwrap();
        for i in 0..n {
            for g in 0..f {
                let demand: f64 = (0..j).map(|s| economy.factor_share()[[i, s, g]] * output[[i, s]]).sum();
                let supply = economy.factor_income()[[i, g]] * endowment[[i, g]] * e.factor_price_hat[[i, g]];
                prop_assert!((demand / supply - 1.0).abs() < 1e-10);
            }
            let income = e.factor_income.row(i).sum() + revenue[i] + e.deficit[i];
            prop_assert!((income / e.income[i] - 1.0).abs() < 1e-10);
            for k in 0..j {
                let demand = e.final_share[[i, k]] * income
                    + (0..j).map(|s| economy.input_share()[[i, s, k]] * output[[i, s]]).sum::<f64>();
                let size = demand.max(e.expenditure[[i, k]]).max(1e-300);
                prop_assert!((demand - e.expenditure[[i, k]]).abs() / size < 1e-10);
            }
        }
        prop_assert!(e.deficit.sum().abs() < 1e-10 * e.factor_income.sum());
    }

    #[test]
    fn hulten_to_first_order(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.small_economy_without_wedges();
        let (i, j) = (uniform.whole(0, economy.dims().countries - 1), uniform.whole(0, economy.dims().sectors - 1));
        let world = economy.income().sum();
        let domar = economy.output()[[i, j]] / world;
        // The derivative of income-weighted real income with respect to log productivity.
        let shock = Shock::default();
        let e = solve(&economy, &shock);
        let direction = [(Parameter::LnProductivity { country: i, sector: j }, 1.0)];
        let d = economy.sensitivity(&shock, &e, &direction, &tight()).unwrap();
        let slope = (economy.income() * &d.ln_real_income).sum() / world;
        prop_assert!((slope - domar).abs() < 1e-9 * (domar + 1e-3), "{slope} {domar}");
    }

    #[test]
    fn reversing_a_shock_returns_to_the_baseline(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.small_economy();
        let shock = uniform.shock(&economy, 0.5);
        let there = solve(&economy, &shock);
        let after = there.rebase(&economy).unwrap();
        let inverse2 = |a: &Option<Array2<f64>>| a.as_ref().map(|a| a.mapv(|v| 1.0 / v));
        // Tastes: hats on shares that were made to sum to one.
        let back = Shock {
            tariff: Some(economy.tariff().clone()),
            export_tax: Some(economy.export_tax().clone()),
            iceberg_hat: shock.iceberg_hat.as_ref().map(|a| a.mapv(|v| 1.0 / v)),
            productivity_hat: inverse2(&shock.productivity_hat),
            endowment_hat: inverse2(&shock.endowment_hat),
            preference_hat: inverse2(&shock.preference_hat),
            ..Shock::default()
        };
        let back = solve(&after, &back);
        prop_assert!(relative_gap(&back.output, economy.output()) < 1e-8);
        prop_assert!(relative_gap(&back.expenditure, economy.expenditure()) < 1e-8);
        let round_trip = Zip::from(&back.factor_price_hat).and(&there.factor_price_hat).map_collect(|a, b| a * b);
        prop_assert!(round_trip.iter().all(|r| (r - 1.0).abs() < 1e-8));
    }

    #[test]
    fn twice_the_factors_everywhere_is_twice_the_real_income(seed: u64, scale in 0.2_f64..5.0) {
        let economy = Uniform::new(seed).small_economy();
        let endowment_hat = Some(Array2::from_elem(economy.factor_income().dim(), scale));
        let e = solve(&economy, &Shock { endowment_hat, ..Shock::default() });
        prop_assert!(e.real_income_hat.iter().all(|w| (w / scale - 1.0).abs() < 1e-9));
    }

    #[test]
    fn channels_add_to_the_exact_change(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let kappa = uniform.between(0.3, 2.0);
        let economy = changed(&uniform.small_economy(), |p| p.kappa = kappa);
        let deficits = [Deficits::Fixed, Deficits::Zero, Deficits::ShareOfIncome][uniform.whole(0, 2)].clone();
        let shock = Shock { deficits, ..uniform.shock(&economy, 0.3) };
        let parts = welfare::decompose(&economy, &shock, &DecompositionSettings::default())
            .unwrap_or_else(|error| panic!("{error}"));
        for (sum, total) in parts.sum.iter().zip(&parts.total) {
            prop_assert!((sum - total).abs() < 1e-6 * total.abs().max(1e-3), "{sum} {total}");
        }
        // Every price that one country gains another pays: in values, terms of trade cancel to first order.
        let small = Shock { productivity_hat: shock.productivity_hat.map(|a| a.mapv(|v| v.powf(1e-4))), ..Shock::default() };
        let parts = welfare::decompose(&economy, &small, &DecompositionSettings::default())
            .unwrap_or_else(|error| panic!("{error}"));
        let world: f64 = (economy.income() * &parts.terms_of_trade.sum_axis(Axis(1))).sum();
        prop_assert!(world.abs() < 1e-6 * economy.income().sum() * 1e-2);
    }

    #[test]
    fn newton_finds_the_same_equilibrium(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let kappa = uniform.between(0.3, 2.0);
        let economy = changed(&uniform.small_economy(), |p| p.kappa = kappa);
        let deficits = [Deficits::Fixed, Deficits::Zero, Deficits::ShareOfIncome][uniform.whole(0, 2)].clone();
        let shock = Shock { deficits, ..uniform.shock(&economy, 0.5) };
        let a = solve(&economy, &shock);
        let b = economy.solve(&shock, &SolverSettings { max_sweeps: 0, tolerance: 1e-11, ..tight() }).unwrap();
        prop_assert!(b.history.iter().all(|h| h.phase == Phase::Newton));
        prop_assert!(b.iterations() <= 40, "{} Newton steps", b.iterations());
        prop_assert!(relative_gap(&a.factor_price_hat, &b.factor_price_hat) < 1e-8);
        prop_assert!(relative_gap(&a.price_hat, &b.price_hat) < 1e-8);
    }

    #[test]
    fn the_start_does_not_change_the_answer(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.small_economy();
        let elsewhere = solve(&economy, &uniform.shock(&economy, 0.5));
        let shock = uniform.shock(&economy, 0.5);
        let cold = solve(&economy, &shock);
        prop_assert_eq!(&cold, &solve(&economy, &shock), "same input, other bits");
        let warm = economy.solve_from(&shock, &tight(), &elsewhere.iterate).unwrap();
        prop_assert!(relative_gap(&cold.price_hat, &warm.price_hat) < 1e-9);
        let again = economy.solve_from(&shock, &tight(), &cold.iterate).unwrap();
        prop_assert_eq!(again.iterations(), 1);
    }

    #[test]
    fn equilibrate_keeps_an_economy_at_rest_and_clears_one_that_is_not(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.small_economy();
        let (same, _) = economy.parts().equilibrate(&Deficits::Fixed, &tight()).unwrap();
        prop_assert!(relative_gap(same.expenditure(), economy.expenditure()) < 1e-9);
        let mut parts = economy.parts().clone();
        parts.final_share.mapv_inplace(|s| s * uniform.between(0.5, 1.5));
        for mut row in parts.final_share.rows_mut() {
            let sum = row.sum();
            row /= sum;
        }
        let unbalanced = economy.dims().sectors > 1;
        prop_assert_eq!(Economy::from_parts(parts.clone()).is_err(), unbalanced);
        let (cleared, _) = parts.equilibrate(&Deficits::Zero, &tight()).unwrap();
        prop_assert!(cleared.deficit().iter().all(|d| *d == 0.0));
        prop_assert!(relative_gap(cleared.final_share(), &parts.final_share) < 1e-12);
    }

    #[test]
    fn demand_is_smooth_through_cobb_douglas(seed: u64, exponent in -12.0_f64..-4.0, below: bool) {
        let mut uniform = Uniform::new(seed);
        let economy = uniform.small_economy();
        let shock = uniform.shock(&economy, 0.5);
        let gap = if below { -(10f64.powf(exponent)) } else { 10f64.powf(exponent) };
        let near = changed(&economy, |p| p.kappa = 1.0 + gap);
        let (a, b) = (solve(&economy, &shock), solve(&near, &shock));
        prop_assert!(relative_gap(&a.real_income_hat, &b.real_income_hat) < 5.0 * gap.abs() + 1e-10);
    }
}

/// Large shocks to two thousand economies with trade elasticities from 0.4 to 60: all converge.
#[test]
fn two_thousand_economies_with_large_shocks() {
    let mut newton = 0;
    for seed in 0..2000 {
        let mut uniform = Uniform::new(seed);
        let (n, j, f) = (uniform.whole(2, 10), uniform.whole(1, 8), uniform.whole(1, 3));
        let top = 0.5 * 120_f64.powf(uniform.between(0.0, 1.0));
        let deficit = uniform.between(0.0, 0.1);
        let economy = uniform.economy(&Recipe { theta: (0.4, top), deficit, ..Recipe::new(n, j, f) });
        let mut shock = uniform.shock(&economy, 1.0);
        shock.tariff =
            Some(Array3::from_shape_fn(
                (n, n, j),
                |(m, i, _)| {
                    if m == i { 0.0 } else { uniform.between(0.0, 3.0) }
                },
            ));
        shock.productivity_hat = Some(Array2::from_shape_fn((n, j), |_| uniform.between(-2.0, 2.0).exp()));
        // A transfer fixed in world units can exceed what a ruined country earns, and then there is no equilibrium.
        shock.deficits = [Deficits::Zero, Deficits::ShareOfIncome][uniform.whole(0, 1)].clone();
        match economy.solve(&shock, &SolverSettings::default()) {
            Ok(e) => {
                assert!(e.residual.max() <= 1e-10);
                newton += usize::from(e.history.iter().any(|h| h.phase == Phase::Newton));
            }
            Err(error) => panic!("seed {seed} ({n} x {j} x {f}, theta to {top}): {error}"),
        }
    }
    // The sweep must reach what the fixed point alone cannot do, or it is too easy.
    assert!(newton > 0);
}

/// A country that owes more than it can earn has no equilibrium, and the error says so rather than that time ran out.
#[test]
fn a_transfer_that_cannot_be_paid_is_named() {
    let mut uniform = Uniform::new(3);
    let economy = uniform.economy(&Recipe { deficit: 0.0, ..Recipe::new(3, 2, 1) });
    let mut levels = economy.deficit().clone();
    levels[1] -= 5.0 * economy.income()[1];
    levels[0] += 5.0 * economy.income()[1];
    let owed = -levels[1];
    let shock = Shock { deficits: Deficits::Levels(levels), ..Shock::default() };
    match economy.solve(&shock, &SolverSettings::default()) {
        Err(SolveError::Insolvent { country, transfer, income }) => {
            assert_eq!(country, "C2");
            assert!((transfer / owed - 1.0).abs() < 1e-12 && transfer > income);
            // What it earns when all is lost is still of the size of what it earned.
            assert!((0.1..5.0).contains(&(income / economy.income()[1])), "{income}");
        }
        other => panic!("{other:?}"),
    }
}
