//! Paths: their limit, what a restriction leaves behind, and their accounts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{economy, names, scenario};
use counterfactuals::{Outcome, Path, by_source};
use model_core::welfare::DecompositionSettings;
use model_core::{Economy, SolverSettings};

fn settings() -> SolverSettings {
    SolverSettings { tolerance: 1e-12, ..SolverSettings::default() }
}

fn path(economy: &Economy, scenario: &counterfactuals::Scenario) -> (Economy, Path) {
    let question = scenario.resolve(economy, &scenario.central()).unwrap();
    match question.answer(&settings()).unwrap() {
        Outcome::Path(path) => (question.economy, path),
        Outcome::LongRun(_) => panic!("a path was asked for"),
    }
}

#[test]
fn a_constant_shock_leads_to_the_static_long_run() {
    let economy = economy();
    for closure in ["free-entry", "fixed-researchers"] {
        let lasting = scenario(
            &economy,
            "mode = \"dynamic\"\nyears = [0, 120]",
            "0.2",
            closure,
            "0.02",
            "volume = 0.6",
        );
        let (_, path) = path(&economy, &lasting);
        let static_ = scenario(&economy, "", "0.2", closure, "0.02", "volume = 0.6");
        let question = static_.resolve(&economy, &static_.central()).unwrap();
        let long_run = question.economy.solve(&question.periods[0].shock, &settings()).unwrap();
        let last = &path.years.last().unwrap().equilibrium;
        let gap = |a: &ndarray::Array2<f64>, b: &ndarray::Array2<f64>| {
            a.iter().zip(b).map(|(a, b)| (a / b).ln().abs()).fold(0.0, f64::max)
        };
        // Stocks close a share (delta + g)/(1 + g) of what is left each year, and more where research answers: e^-20.
        assert!(gap(&last.price_hat, &long_run.price_hat) < 1e-7, "{closure}");
        let (a, b) = (last.critical.as_ref().unwrap(), long_run.critical.as_ref().unwrap());
        assert!(gap(&a.augmentation.critical, &b.augmentation.critical) < 1e-7, "{closure}");
        assert!(gap(&a.augmentation.other, &b.augmentation.other) < 1e-7, "{closure}");
        // The flow that the path takes from an equilibrium is the one that the long run holds inside.
        let flows = question.periods[0]
            .shock
            .technology
            .innovations(&question.economy, &question.periods[0].shock, &long_run)
            .unwrap();
        assert!(gap(&flows.critical, &b.innovation.critical) < 1e-9, "{closure}");
        assert!(gap(&flows.other, &b.innovation.other) < 1e-9, "{closure}");
    }
}

#[test]
fn a_path_without_a_binding_limit_stays_at_the_baseline() {
    let economy = economy();
    let idle =
        scenario(&economy, "mode = \"dynamic\"\nyears = [1, 4]", "0.2", "free-entry", "0.01", "volume = 1");
    let (_, path) = path(&economy, &idle);
    for year in &path.years {
        assert!(year.equilibrium.real_income_hat.iter().all(|w| (w - 1.0).abs() < 1e-9));
        assert!(year.stocks.critical.iter().all(|k| (k - 1.0).abs() < 1e-8));
    }
    assert!(path.discounted_real_income_hat().iter().all(|w| (w - 1.0).abs() < 1e-9));
}

#[test]
fn a_restriction_that_is_lifted_leaves_productivity_and_lower_costs_behind() {
    let economy = economy();
    let top = "mode = \"dynamic\"\nyears = [2010, 2020]";
    let lifted = |xi: &str| {
        scenario(
            &economy,
            top,
            "0.1",
            "free-entry",
            xi,
            "volume = { 2010 = 0.5, 2011 = 0.5, 2012 = 0.5, 2013 = 0.5, 2014 = 0.5 }",
        )
    };
    let (question, spilled) = path(&economy, &lifted("0.03"));
    let share = question.critical_share();
    let maker = 0;
    let after = &spilled.years[5];
    assert_eq!(after.year, 2015);
    assert!(after.shock.restrictions.is_empty());
    let critical = after.equilibrium.critical.as_ref().unwrap();
    let input = economy.labels().sectors().len() - 1;
    for ((n, j), _) in share.indexed_iter().filter(|((n, j), s)| **s > 0.0 && *n != maker && *j != input) {
        let a = critical.augmentation.critical[[n, j]];
        assert!(a > 1.0, "A_R is {a} in country {n}, sector {j}");
        // Relative to what everything costs there: the numeraire has moved too.
        let cost = after.equilibrium.cost_hat[[n, j]] / after.equilibrium.factor_price_hat[[n, 0]];
        assert!(cost < 1.0, "costs are {cost} of the baseline's in country {n}, sector {j}");
    }
    let abroad = (0..economy.labels().countries().len()).filter(|n| *n != maker);
    for n in abroad {
        assert!(after.equilibrium.real_income_hat[n] > 1.0, "what was learned is worth something");
    }
    // It wears off: year by year closer to the baseline.
    let stock = |t: usize| spilled.years[t].stocks.critical[[1, 0]];
    assert!(stock(5) > stock(7) && stock(7) > stock(10) && stock(10) > 1.0);
    // Without technology nothing is left behind.
    let (_, plain) = path(&economy, &lifted("0").with_closure(counterfactuals::scenario::Closure::Exogenous));
    assert!(plain.years[5].equilibrium.real_income_hat.iter().all(|w| (w - 1.0).abs() < 1e-9));
}

#[test]
fn decompositions_of_every_year_add_up_by_channel_and_by_source() {
    let economy = economy();
    let restricted = scenario(
        &economy,
        "mode = \"dynamic\"\nyears = [2010, 2012]",
        "0.2",
        "free-entry",
        "0.02",
        "volume = { 2010 = 0.7, 2011 = 0.5 }\nrent_share = 0.3",
    );
    let (question, path) = path(&economy, &restricted);
    let years = path.decompose(&question, &DecompositionSettings::default()).unwrap();
    assert_eq!(years.iter().map(|(year, _)| *year).collect::<Vec<_>>(), [2010, 2011, 2012]);
    for ((_, parts), year) in years.iter().zip(&path.years) {
        let source = by_source(parts).sum_axis(ndarray::Axis(1));
        for n in 0..source.len() {
            let total = year.equilibrium.real_income_hat[n].ln();
            assert!((parts.total[n] - total).abs() < 1e-9);
            assert!((source[n] - total).abs() < 1e-6 * total.abs().max(1e-3), "{} {total}", source[n]);
        }
    }
    assert!(
        years[0].1.technology.iter().all(|t| t.abs() < 1e-12),
        "nothing has been learned in the first year"
    );
    assert!(years[2].1.quota_rents.iter().all(|r| r.abs() < 1e-12), "the quota is lifted in the last");
    assert!(years[2].1.technology.iter().any(|t| *t > 0.0));
}

#[test]
fn a_research_subsidy_raises_research_by_its_elasticity() {
    let economy = economy();
    let (input, maker) = names(&economy);
    let text = format!(
        "[critical]\nsectors = \"{input}\"\nsigma = 1\n[technology]\nclosure = \"free-entry\"\nlambda = 0.5\nphi = 0.5\n\
         [[research_subsidy]]\ncountry = \"{maker}\"\nshare = 0.36\n"
    );
    let subsidy = counterfactuals::Scenario::parse(&text, &economy, &[]).unwrap();
    let question = subsidy.resolve(&economy, &subsidy.central()).unwrap();
    let after = question.economy.solve(&question.periods[0].shock, &settings()).unwrap();
    let critical = after.critical.unwrap();
    for j in 0..3 {
        // With sigma = 1 shares stay: nu = (spending / price / 0.64)^0.5 and A_R = nu^0.5.
        let spending = after.output[[0, j]] / economy.output()[[0, j]] / after.consumption_price_hat[0];
        let nu = critical.innovation.critical[[0, j]];
        assert!((nu - (spending / 0.64).sqrt()).abs() < 1e-9, "{nu}");
        assert!((critical.augmentation.critical[[0, j]] - nu.sqrt()).abs() < 1e-9);
        assert!((critical.innovation.critical[[1, j]] - 1.0).abs() < 0.05, "abroad only the market moves");
    }
}
