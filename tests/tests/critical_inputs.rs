//! Critical inputs, restrictions and directed technology: special cases that must come out exactly, facts of the model, and
//! extremes that must converge.

use model_core::synthetic::{CriticalRecipe, Recipe};
use model_core::welfare::{self, DecompositionSettings};
use model_core::{
    Augmentation, Buyers, CriticalInputs, Diffusion, Economy, Equilibrium, Innovation, Limit, Parameter,
    ResearchCost, Restriction, Shock, SolverSettings, Technology,
};
use ndarray::{Array2, Array3, Axis};
use proptest::prelude::*;
use tests::critical::{any_technology, element, innovation, overlapping, solve, tight, with_sigma};
use tests::{Uniform, relative_gap};

fn small(uniform: &mut Uniform, critical: CriticalRecipe) -> Economy {
    let recipe = Recipe::new(uniform.whole(2, 5), uniform.whole(1, 4), uniform.whole(1, 2));
    uniform.economy(&recipe.with_critical(critical))
}

/// With one or two elements.
fn elements(uniform: &mut Uniform) -> Economy {
    let elements = uniform.whole(1, 2);
    small(uniform, CriticalRecipe { elements, ..CriticalRecipe::default() })
}

/// What the first country sells of the first element to others.
fn exports(economy: &Economy) -> f64 {
    let r = element(economy);
    (1..economy.dims().countries).map(|n| economy.border_flows()[[n, 0, r]]).sum()
}

/// Ad-valorem rates with this addition on all exports of `exporter` in `sector`.
fn taxed(economy: &Economy, sector: usize, exporter: usize, wedge: f64) -> Array3<f64> {
    let mut tax = economy.export_tax().clone();
    for ((n, i, j), rate) in tax.indexed_iter_mut() {
        if i == exporter && n != exporter && j == sector {
            *rate = (1.0 + *rate) * wedge - 1.0;
        }
    }
    tax
}

/// Restrictions and technology of a moderate size, whatever the economy.
fn moderate(uniform: &mut Uniform, economy: &Economy, technology: Technology) -> Shock {
    let quota = Restriction {
        rent_share: uniform.between(0.0, 1.0),
        ..Restriction::export_quota(element(economy), 0, uniform.between(0.4, 0.9))
    };
    Shock { restrictions: vec![quota], technology, ..Shock::default() }
}

/// An economy with one element, the same with that element made two with the same shares, elasticities and resources, and what
/// restricts the element and both: they move together, whatever their substitutability `eta`.
struct Twins {
    one: (Economy, Shock),
    two: (Economy, Shock),
}

fn twins(uniform: &mut Uniform, joint: bool, eta: f64) -> Twins {
    let one = small(uniform, CriticalRecipe { joint_products: joint, ..CriticalRecipe::default() });
    let r = element(&one);
    let mut parts = one.parts().clone();
    let (j, f) = (one.dims().sectors, one.dims().factors);
    let sectors = [parts.labels.sectors(), &["Twin".to_owned()]].concat();
    let own: &[String] = if joint { &[] } else { &["Twin's resource".to_owned()] };
    let factors = [parts.labels.factors(), own].concat();
    parts.labels = model_core::Labels::new(parts.labels.countries().to_vec(), sectors, factors).unwrap();
    let sector_order: Vec<usize> = (0..j).chain([r]).collect();
    let factor_order: Vec<usize> = if joint { (0..f).collect() } else { (0..f).chain([f - 1]).collect() };
    for flows in [&mut parts.trade_share, &mut parts.tariff, &mut parts.export_tax] {
        *flows = flows.select(Axis(2), &sector_order);
    }
    parts.expenditure = parts.expenditure.select(Axis(1), &sector_order);
    parts.final_share = parts.final_share.select(Axis(1), &sector_order);
    parts.theta = parts.theta.select(Axis(0), &sector_order);
    parts.input_share = parts.input_share.select(Axis(1), &sector_order).select(Axis(2), &sector_order);
    parts.factor_share = parts.factor_share.select(Axis(1), &sector_order).select(Axis(2), &factor_order);
    parts.factor_income = parts.factor_income.select(Axis(1), &factor_order);
    for s in [r, j] {
        parts.expenditure.column_mut(s).mapv_inplace(|v| v / 2.0);
        for i in 0..one.dims().countries {
            (0..=j).for_each(|user| parts.input_share[[i, user, s]] /= 2.0);
        }
    }
    for (s, resource) in [(r, f), (j, f - 1)] {
        for i in (0..one.dims().countries).filter(|_| !joint) {
            parts.factor_share[[i, s, resource]] = 0.0;
            for g in [f - 1, f] {
                parts.factor_income[[i, g]] = one.factor_income()[[i, f - 1]] / 2.0;
            }
        }
    }
    parts.critical = Some(CriticalInputs {
        sectors: vec![r, j],
        sigma: one.critical().unwrap().sigma.select(Axis(0), &sector_order),
        element_sigma: eta,
        joint_products: joint,
    });
    let two = Economy::from_parts(parts).unwrap();
    let limit = uniform.between(0.4, 0.9);
    let technology = any_technology(uniform);
    let quota = |sectors: &[usize]| Shock {
        restrictions: sectors.iter().map(|&s| Restriction::export_quota(s, 0, limit)).collect(),
        technology: technology.clone(),
        ..Shock::default()
    };
    let (of_one, of_two) = (quota(&[r]), quota(&[r, j]));
    Twins { one: (one, of_one), two: (two, of_two) }
}

fn are_one_composite(a: &Equilibrium, b: &Equilibrium) -> bool {
    relative_gap(&a.real_income_hat, &b.real_income_hat) < 1e-9
        && (a.restrictions[0].wedge / b.restrictions[1].wedge - 1.0).abs() < 1e-7
}

/// As joint products they are, too: products that answer each other at home and abroad lead the fixed point away, and it is
/// Newton's method that finds some of these.
#[test]
fn identical_products_of_an_ore_are_one_composite() {
    for seed in 0..2000 {
        let mut uniform = Uniform::new(seed);
        let eta = uniform.between(0.0, 3.0);
        let Twins { one, two } = twins(&mut uniform, true, eta);
        assert!(are_one_composite(&solve(&one.0, &one.1), &solve(&two.0, &two.1)), "{seed}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn unit_elasticity_is_the_economy_without_the_nest(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let recipe = CriticalRecipe { elements: uniform.whole(1, 3), element_sigma: 1.0, ..CriticalRecipe::default() };
        let economy = with_sigma(&small(&mut uniform, recipe), 1.0);
        let shock = uniform.shock(&economy, 0.3);
        let plain = solve(&economy.clone().with_critical(None).unwrap(), &shock);
        let nested = solve(&economy, &shock);
        prop_assert!(relative_gap(&plain.real_income_hat, &nested.real_income_hat) < 1e-9);
        prop_assert!(relative_gap(&plain.output, &nested.output) < 1e-8);
        // And it is approached smoothly from both sides.
        for sigma in [1.0 - 1e-7, 1.0 + 1e-7] {
            let near = solve(&with_sigma(&economy, sigma), &shock);
            prop_assert!(relative_gap(&plain.real_income_hat, &near.real_income_hat) < 1e-7);
        }
    }

    #[test]
    fn nothing_changes_without_a_shock(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = small(&mut uniform, CriticalRecipe { elements: 2, ..CriticalRecipe::default() });
        let quota = Restriction::export_quota(element(&economy), 0, 1.0);
        let e = solve(&economy, &Shock { restrictions: vec![quota], technology: any_technology(&mut uniform), ..Shock::default() });
        prop_assert!(e.real_income_hat.iter().chain(&e.price_hat).chain(&e.cost_hat).all(|hat| (hat - 1.0).abs() < 1e-9));
        prop_assert!((e.restrictions[0].wedge - 1.0).abs() < 1e-9);
        let critical = e.critical.unwrap();
        prop_assert!(critical.augmentation.critical.iter().chain(&critical.augmentation.other).all(|a| (a - 1.0).abs() < 1e-9));
        prop_assert!(relative_gap(&critical.share, &economy.critical_share()) < 1e-9);
    }

    #[test]
    fn a_quota_is_the_export_tax_that_makes_it_bind(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = small(&mut uniform, CriticalRecipe::default());
        let shock = Shock {
            restrictions: vec![Restriction::export_quota(element(&economy), 0, uniform.between(0.3, 0.95))],
            technology: any_technology(&mut uniform),
            ..Shock::default()
        };
        let quota = solve(&economy, &shock);
        let outcome = quota.restrictions[0];
        prop_assume!(exports(&economy) > 0.0);
        prop_assert!(outcome.binds());
        let (Limit::Volume(limit) | Limit::Wedge(limit)) = shock.restrictions[0].limit;
        prop_assert!((outcome.volume_hat / limit - 1.0).abs() < 1e-9);
        let tax = solve(&economy, &Shock {
            restrictions: Vec::new(),
            export_tax: Some(taxed(&economy, element(&economy), 0, outcome.wedge)),
            ..shock.clone()
        });
        prop_assert!(relative_gap(&quota.real_income_hat, &tax.real_income_hat) < 1e-8);
        prop_assert!(relative_gap(&quota.income, &tax.income) < 1e-8);
        for (at, share) in economy.trade_share().indexed_iter().filter(|(_, share)| **share > 0.0) {
            let (a, b) = (quota.export_tax[at], tax.export_tax[at]);
            prop_assert!((a - b).abs() < 1e-12 * (1.0 + b), "{a} {b} where the share is {share}");
        }
        // A fee of the same size does the same, whoever gets the rent.
        let rent_share = uniform.between(0.0, 1.0);
        let both = |limit| solve(&economy, &Shock {
            restrictions: vec![Restriction { limit, rent_share, ..shock.restrictions[0].clone() }],
            ..shock.clone()
        });
        let shared = both(shock.restrictions[0].limit);
        let fee = both(Limit::Wedge(shared.restrictions[0].wedge));
        prop_assert!(relative_gap(&shared.real_income_hat, &fee.real_income_hat) < 1e-8);
    }

    #[test]
    fn restrictions_bind_or_leave_room(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = elements(&mut uniform);
        let n = economy.dims().countries;
        let restrictions = overlapping(&mut uniform, &economy);
        let shock = Shock { restrictions, technology: any_technology(&mut uniform), ..uniform.shock(&economy, 0.1) };
        let e = economy.solve(&shock, &SolverSettings::default()).unwrap();
        prop_assert!(e.residual.max() < 1e-10);
        for (restriction, outcome) in shock.restrictions.iter().zip(&e.restrictions) {
            let Limit::Volume(limit) = restriction.limit else { unreachable!() };
            let (i, s) = (restriction.exporter, restriction.sector);
            if (0..n).all(|m| !restriction.covers(m) || economy.trade_share()[[m, i, s]] == 0.0) {
                continue;
            }
            prop_assert!(outcome.wedge >= 1.0 && outcome.volume_hat <= limit * (1.0 + 1e-9));
            prop_assert!(outcome.wedge.ln().min(1.0 - outcome.volume_hat / limit).abs() < 1e-9);
            prop_assert!(outcome.rent >= 0.0 && (outcome.binds() || outcome.rent < 1e-9 * e.income.sum()));
        }
        // All rents are somebody's.
        let rents: f64 = e.restrictions.iter().map(|outcome| outcome.rent).sum();
        prop_assert!((e.quota_rent.sum() - rents).abs() <= 1e-9 * rents.max(1.0));
        prop_assert!(e.rent_transfer.sum().abs() <= 1e-9 * rents.max(1.0));
        let income = e.factor_income.sum_axis(Axis(1)) + &e.tariff_revenue + &e.export_tax_revenue + &e.quota_rent + &e.deficit;
        prop_assert!(relative_gap(&income, &e.income) < 1e-12);
    }

    #[test]
    fn a_restricted_equilibrium_is_a_baseline(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = elements(&mut uniform);
        let technology = any_technology(&mut uniform);
        let shock = moderate(&mut uniform, &economy, technology);
        let after = solve(&economy, &shock).rebase(&economy).unwrap();
        let again = solve(&after, &Shock::default());
        prop_assert!(again.real_income_hat.iter().chain(&again.price_hat).all(|hat| (hat - 1.0).abs() < 1e-8));
    }

    #[test]
    fn relabelling_permutes_the_answer(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = small(&mut uniform, CriticalRecipe::default());
        let technology = any_technology(&mut uniform);
        let shock = moderate(&mut uniform, &economy, technology);
        let n = economy.dims().countries;
        let order: Vec<usize> = (0..n).map(|i| (i + 1) % n).collect();
        let mut parts = economy.parts().clone();
        let names: Vec<String> = order.iter().map(|&i| parts.labels.countries()[i].clone()).collect();
        parts.labels = model_core::Labels::new(names, parts.labels.sectors().to_vec(), parts.labels.factors().to_vec()).unwrap();
        let flows = |a: &Array3<f64>| a.select(Axis(0), &order).select(Axis(1), &order);
        (parts.trade_share, parts.tariff, parts.export_tax) = (flows(&parts.trade_share), flows(&parts.tariff), flows(&parts.export_tax));
        parts.expenditure = parts.expenditure.select(Axis(0), &order);
        parts.factor_share = parts.factor_share.select(Axis(0), &order);
        parts.input_share = parts.input_share.select(Axis(0), &order);
        parts.final_share = parts.final_share.select(Axis(0), &order);
        parts.deficit = parts.deficit.select(Axis(0), &order);
        parts.factor_income = parts.factor_income.select(Axis(0), &order);
        let turned = Economy::from_parts(parts).unwrap();
        let mut moved = shock.clone();
        moved.restrictions[0].exporter = order.iter().position(|&i| i == 0).unwrap();
        let (a, b) = (solve(&economy, &shock), solve(&turned, &moved));
        prop_assert!(relative_gap(&a.real_income_hat.select(Axis(0), &order), &b.real_income_hat) < 1e-9);
    }

    #[test]
    fn identical_elements_are_one_composite(seed: u64, eta in 0.0_f64..3.0) {
        let Twins { one, two } = twins(&mut Uniform::new(seed), false, eta);
        prop_assert!(are_one_composite(&solve(&one.0, &one.1), &solve(&two.0, &two.1)));
    }

    #[test]
    fn derivatives_are_those_of_differences(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = elements(&mut uniform);
        let technology = match uniform.whole(0, 1) {
            0 => Technology::FreeEntry(innovation(0.5, 0.5, 0.01)),
            _ => Technology::FixedResearchers(Innovation { diffusion: Diffusion::Global, ..innovation(0.5, 0.5, 0.01) }),
        };
        let (n, j, f) = (economy.dims().countries, economy.dims().sectors, economy.dims().factors);
        let mut shock = Shock { technology, ..uniform.shock(&economy, 0.1) };
        shock.augmentation = Some(Augmentation::none(n, j));
        shock.restrictions = vec![Restriction { rent_share: 0.3, ..Restriction::export_quota(element(&economy), 0, 0.7) }];
        let (i, s) = (uniform.whole(0, n - 1), uniform.whole(0, j - 1));
        let flow = (uniform.whole(0, n - 1), uniform.whole(0, n - 1));
        let parameters = [
            Parameter::Theta { sector: s },
            Parameter::Kappa,
            Parameter::Sigma { sector: s },
            Parameter::ElementSigma,
            Parameter::Tariff { importer: flow.0, exporter: flow.1, sector: s },
            Parameter::ExportTax { importer: flow.0, exporter: flow.1, sector: s },
            Parameter::LnIceberg { importer: flow.0, exporter: flow.1, sector: s },
            Parameter::LnProductivity { country: i, sector: s },
            Parameter::LnEndowment { country: i, factor: uniform.whole(0, f - 1) },
            Parameter::LnPreference { country: i, sector: s },
            Parameter::LnLimit { restriction: 0 },
            Parameter::RentShare { restriction: 0 },
            Parameter::Lambda,
            Parameter::Phi,
            Parameter::Xi,
            Parameter::LnCriticalAugmentation { country: i, sector: s },
            Parameter::LnOtherAugmentation { country: i, sector: s },
        ];
        let e = solve(&economy, &shock);
        // Four of them in each case.
        for parameter in parameters.into_iter().skip(uniform.whole(0, 4)).step_by(5) {
            let d = economy.sensitivity(&shock, &e, &[(parameter, 1.0)], &tight()).unwrap();
            let h = 1e-5;
            let [low, high] = [-h, h].map(|by| {
                let (economy, shock) = moved(&economy, &shock, parameter, by);
                solve(&economy, &shock)
            });
            let difference = |pick: &dyn Fn(&Equilibrium) -> f64| (pick(&high) - pick(&low)) / (2.0 * h);
            for m in 0..n {
                let slope = difference(&|e| e.real_income_hat[m].ln());
                prop_assert!((slope - d.ln_real_income[m]).abs() < 1e-6 * (1.0 + slope.abs()), "{parameter:?}: {slope} {}", d.ln_real_income[m]);
            }
            let slope = difference(&|e| e.restrictions[0].wedge.ln());
            prop_assert!((slope - d.ln_wedge[0]).abs() < 1e-4 * (1.0 + slope.abs()), "{parameter:?}: wedge {slope} {}", d.ln_wedge[0]);
            let slope = difference(&|e| e.output[[i, s]]);
            prop_assert!((slope - d.output[[i, s]]).abs() <= 1e-4 * (e.output[[i, s]] + slope.abs()), "{parameter:?}: output {slope} {}", d.output[[i, s]]);
        }
    }

    #[test]
    fn derivatives_in_shares_of_factors_are_those_of_an_economy_that_has_them(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = elements(&mut uniform);
        let technology = any_technology(&mut uniform);
        let mut endowment_hat = Array2::ones((economy.dims().countries, economy.dims().factors));
        endowment_hat.mapv_inplace(|_: f64| uniform.between(0.7, 1.3));
        let shock =
            Shock { endowment_hat: Some(endowment_hat), ..moderate(&mut uniform, &economy, technology) };
        let e = solve(&economy, &shock);
        let (n, f) = (economy.dims().countries, economy.dims().factors);
        let r = element(&economy);
        // From the factor that takes most of a miner's cost to the one that takes least, its resource or not.
        let shares = |i: usize| {
            let all = (0..f).map(|g| (economy.factor_share()[[i, r, g]], g)).filter(|(share, _)| *share > 0.0);
            let mut all: Vec<(f64, usize)> = all.collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            all
        };
        let miner = (0..n).find(|i| economy.output()[[*i, r]] > 0.0 && shares(*i).len() > 1);
        prop_assume!(miner.is_some());
        let i = miner.unwrap();
        let (to, from) = (shares(i)[0].1, shares(i).last().unwrap().1);
        let part = |factor| Parameter::FactorShare { country: i, sector: r, factor };
        let d = economy.sensitivity(&shock, &e, &[(part(to), 1.0), (part(from), -1.0)], &tight()).unwrap();
        let h = 1e-6;
        let [low, high] = [-h, h].map(|by| {
            let mut parts = economy.parts().clone();
            for (factor, by) in [(to, by), (from, -by)] {
                parts.factor_share[[i, r, factor]] += by;
                parts.factor_income[[i, factor]] += by * economy.output()[[i, r]];
            }
            solve(&Economy::from_parts(parts).unwrap(), &shock)
        });
        let difference = |pick: &dyn Fn(&Equilibrium) -> f64| (pick(&high) - pick(&low)) / (2.0 * h);
        for m in 0..n {
            let slope = difference(&|e| e.real_income_hat[m].ln());
            prop_assert!((slope - d.ln_real_income[m]).abs() < 1e-5 * (1.0 + slope.abs()), "{slope} {}", d.ln_real_income[m]);
        }
        let slope = difference(&|e| e.restrictions[0].wedge.ln());
        prop_assert!((slope - d.ln_wedge[0]).abs() < 1e-4 * (1.0 + slope.abs()), "wedge {slope} {}", d.ln_wedge[0]);
        let slope = difference(&|e| e.output[[i, r]]);
        prop_assert!((slope - d.output[[i, r]]).abs() <= 1e-4 * (e.output[[i, r]] + slope.abs()), "{slope} {}", d.output[[i, r]]);
    }

    #[test]
    fn channels_add_to_the_exact_change(seed: u64) {
        let mut uniform = Uniform::new(seed);
        let economy = small(&mut uniform, CriticalRecipe::default());
        let technology = any_technology(&mut uniform);
        let shock = moderate(&mut uniform, &economy, technology);
        let parts = welfare::decompose(&economy, &shock, &DecompositionSettings::default()).unwrap();
        for (sum, total) in parts.sum.iter().zip(&parts.total) {
            prop_assert!((sum - total).abs() <= 1e-6 * total.abs().max(1e-3));
        }
        if matches!(shock.technology, Technology::Exogenous) {
            prop_assert!(parts.technology.iter().all(|v| *v == 0.0));
        }
        // Rents that stay at home are the exporter's gain.
        prop_assume!(exports(&economy) > 0.0);
        let at_home = Restriction { rent_share: 0.0, ..shock.restrictions[0].clone() };
        let kept = Shock { restrictions: vec![at_home], ..shock };
        let parts = welfare::decompose(&economy, &kept, &DecompositionSettings::default()).unwrap();
        prop_assert!(parts.quota_rents.row(0).sum() > 0.0, "{}", parts.quota_rents);
    }

    #[test]
    fn small_shocks_follow_hulten_and_the_second_order_baqaee_and_farhi(seed: u64) {
        // A closed economy has no wedges: d ln W / d ln A is the Domar weight, and its derivative the curvature.
        let mut uniform = Uniform::new(seed);
        let recipe = Recipe { tariff: (0.0, 0.0), export_tax: (0.0, 0.0), deficit: 0.0, ..Recipe::new(1, uniform.whole(1, 4), 1) };
        let share = (1e-2, 0.2);
        let economy = uniform.economy(&recipe.with_critical(CriticalRecipe { share, ..CriticalRecipe::default() }));
        let r = element(&economy);
        let parameter = Parameter::LnProductivity { country: 0, sector: r };
        let shock = |by: f64| {
            let mut hat = Array2::ones((1, economy.dims().sectors));
            hat[[0, r]] = by.exp();
            Shock { productivity_hat: Some(hat), ..Shock::default() }
        };
        let at = |by: f64| solve(&economy, &shock(by));
        let base = at(0.0);
        let d = economy.sensitivity(&Shock::default(), &base, &[(parameter, 1.0)], &tight()).unwrap();
        let domar = economy.output()[[0, r]] / economy.income()[0];
        prop_assert!((d.ln_real_income[0] - domar).abs() < 1e-9 * (1.0 + domar));
        let curvature = d.output[[0, r]] / economy.income()[0] - domar * d.income[0] / economy.income()[0];
        let h = 1e-3;
        let second = (at(h).real_income_hat[0].ln() + at(-h).real_income_hat[0].ln()) / (h * h);
        prop_assert!((second - curvature).abs() < 1e-3 * (domar + curvature.abs()), "{second} {curvature}");
    }
}

/// The economy and the shock with one parameter moved.
fn moved(economy: &Economy, shock: &Shock, parameter: Parameter, by: f64) -> (Economy, Shock) {
    let (mut parts, mut shock) = (economy.parts().clone(), shock.clone());
    let innovation = |shock: &mut Shock, change: &dyn Fn(&mut Innovation)| match &mut shock.technology {
        Technology::FreeEntry(i) | Technology::FixedResearchers(i) => change(i),
        Technology::Exogenous => {}
    };
    match parameter {
        Parameter::Theta { sector } => parts.theta[sector] += by,
        Parameter::Kappa => parts.kappa += by,
        Parameter::Sigma { sector } => parts.critical.as_mut().unwrap().sigma[sector] += by,
        Parameter::ElementSigma => parts.critical.as_mut().unwrap().element_sigma += by,
        Parameter::Tariff { importer, exporter, sector } => {
            shock.tariff.as_mut().unwrap()[[importer, exporter, sector]] += by;
        }
        Parameter::ExportTax { importer, exporter, sector } => {
            shock.export_tax.as_mut().unwrap()[[importer, exporter, sector]] += by;
        }
        Parameter::LnIceberg { importer, exporter, sector } => {
            shock.iceberg_hat.as_mut().unwrap()[[importer, exporter, sector]] *= by.exp();
        }
        Parameter::LnProductivity { country, sector } => {
            shock.productivity_hat.as_mut().unwrap()[[country, sector]] *= by.exp();
        }
        Parameter::LnEndowment { country, factor } => {
            shock.endowment_hat.as_mut().unwrap()[[country, factor]] *= by.exp();
        }
        Parameter::LnPreference { country, sector } => {
            shock.preference_hat.as_mut().unwrap()[[country, sector]] *= by.exp();
        }
        Parameter::LnLimit { restriction } => match &mut shock.restrictions[restriction].limit {
            Limit::Volume(v) | Limit::Wedge(v) => *v *= by.exp(),
        },
        Parameter::RentShare { restriction } => shock.restrictions[restriction].rent_share += by,
        Parameter::Lambda => innovation(&mut shock, &|i| i.lambda += by),
        Parameter::Phi => innovation(&mut shock, &|i| i.phi += by),
        Parameter::Xi => innovation(&mut shock, &|i| i.xi += by),
        Parameter::LnCriticalAugmentation { country, sector } => {
            shock.augmentation.as_mut().unwrap().critical[[country, sector]] *= by.exp();
        }
        Parameter::LnOtherAugmentation { country, sector } => {
            shock.augmentation.as_mut().unwrap().other[[country, sector]] *= by.exp();
        }
        other => panic!("{other:?}"),
    }
    (Economy::from_parts(parts).unwrap(), shock)
}

/// The shock is refused with this message.
#[track_caller]
fn refused(economy: &Economy, shock: Shock, expected: &str) {
    let error = economy.solve(&shock, &SolverSettings::default()).expect_err("it was accepted").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place_and_a_remedy() {
    let economy = Uniform::new(2).economy(&Recipe::new(3, 2, 1).with_critical(CriticalRecipe::default()));
    let r = element(&economy);
    let restricted = |restriction: Restriction| Shock { restrictions: vec![restriction], ..Shock::default() };
    let quota = Restriction::export_quota(r, 0, 0.5);
    let with = |change: &dyn Fn(&mut Restriction)| {
        let mut changed = quota.clone();
        change(&mut changed);
        restricted(changed)
    };
    let cases: [(Shock, &str); 6] = [
        (
            with(&|q| q.sector = 9),
            "restriction 1 (`number 9` from C1): it names a position that the economy does not have",
        ),
        (with(&|q| q.buyers = Buyers::Only(vec![])), "it names no buyer; name at least one"),
        (with(&|q| q.buyers = Buyers::Only(vec![7])), "take positions from its labels"),
        (
            with(&|q| q.limit = Limit::Volume(-0.1)),
            "its volume is -0.1; give the volume allowed over that of the baseline",
        ),
        (with(&|q| q.limit = Limit::Wedge(0.9)), "its wedge is 0.9; give 1 plus the fee"),
        (with(&|q| q.rent_share = 1.5), "its rent share is 1.5; give the part that buyers keep, from 0 to 1"),
    ];
    for (shock, expected) in cases {
        refused(&economy, shock, expected);
    }
    let technology =
        |innovation: Innovation| Shock { technology: Technology::FreeEntry(innovation), ..Shock::default() };
    let sound = innovation(0.5, 0.5, 0.0);
    let cases: [(Innovation, &str); 5] = [
        (Innovation { lambda: -1.0, ..sound.clone() }, "technology: `lambda` is -1"),
        (Innovation { xi: f64::NAN, ..sound.clone() }, "technology: `xi` is NaN"),
        (Innovation { paid_in: ResearchCost::Factor(8), ..sound.clone() }, "name a factor of the economy"),
        (
            Innovation { diffusion: Diffusion::Blocs(vec![0]), ..sound.clone() },
            "given for 1 countries, but the economy has 3",
        ),
        (
            Innovation { diffusion: Diffusion::Matrix(Array2::from_elem((3, 3), 0.5)), ..sound.clone() },
            "diffusion weights of C1 sum to 1.5",
        ),
    ];
    for (innovation, expected) in cases {
        refused(&economy, technology(innovation), expected);
    }
    refused(&with_sigma(&economy, 6.0), technology(sound.clone()), "lambda phi (sigma - 1) is 1.25 in `S1`");
    let plain = economy.clone().with_critical(None).unwrap();
    refused(&plain, technology(sound), "the economy has no critical input");
    let augmentation = Some(Augmentation { critical: Array2::zeros((3, 3)), other: Array2::ones((3, 3)) });
    refused(
        &economy,
        Shock { augmentation, ..Shock::default() },
        "`augmentation.critical` is 0 at country `C1`, sector `S1`",
    );
    // And critical inputs themselves.
    let critical = economy.critical().unwrap().clone();
    let refused = |change: &dyn Fn(&mut CriticalInputs)| {
        let mut changed = critical.clone();
        change(&mut changed);
        economy.clone().with_critical(Some(changed)).expect_err("it was accepted").to_string()
    };
    assert!(refused(&|c| c.sigma[0] = -0.1).contains("sigma is -0.1 for S1"));
    assert!(refused(&|c| c.element_sigma = f64::INFINITY).contains("the elements of the bundle"));
    assert!(refused(&|c| c.sectors.clear()).contains("name no sector"));
    assert!(refused(&|c| c.sectors.push(c.sectors[0])).contains("stands there twice"));
    assert!(refused(&|c| c.sigma = ndarray::Array1::zeros(1)).contains("array `sigma` has shape [1]"));
}

#[test]
fn a_saved_economy_keeps_its_critical_inputs() {
    let economy = Uniform::new(4).economy(&Recipe::new(3, 2, 1).with_critical(CriticalRecipe::default()));
    let folder = std::env::temp_dir().join(format!("lodestone-critical-{}", std::process::id()));
    calibration::store::save(&economy, &folder).unwrap();
    let read = calibration::store::load(&folder).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(read.critical(), economy.critical());
}
