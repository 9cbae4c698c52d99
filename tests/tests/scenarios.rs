//! The shipped scenarios on the shipped economy: what the mechanism implies, and that every one of them has an answer.

use std::path::Path;

use calibration::rare_earths::{element_world_2009, rare_earth_world_2009};
use counterfactuals::scenario::{Closure, Estimates};
use counterfactuals::{Outcome, Scenario};
use model_core::{Economy, SolverSettings};

fn economy() -> Economy {
    rare_earth_world_2009().unwrap()
}

fn estimates() -> Vec<Estimates> {
    let (sectors, theta, covariance) =
        calibration::world_2009::elasticities(calibration::theta::Method::Triples).unwrap();
    vec![Estimates::new("caliendo-parro-2015", "estimated", sectors, theta, &covariance).unwrap()]
}

fn shipped(name: &str, economy: &Economy) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    Scenario::parse(&text, economy, &estimates()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn answer(scenario: &Scenario, economy: &Economy) -> Outcome {
    let question = scenario.resolve(economy, &scenario.central()).unwrap();
    question.answer(&SolverSettings::default()).unwrap()
}

#[test]
fn the_shipped_elasticities_are_those_of_the_shipped_economy() {
    let economy = economy();
    let estimates = &estimates()[0];
    for (sector, theta) in estimates.items().iter().zip(estimates.values()) {
        let j = economy.labels().sector(sector).unwrap();
        assert!((theta - economy.theta()[j]).abs() < 1e-6, "{sector}");
    }
}

#[test]
fn every_shipped_scenario_has_an_answer_whose_markets_clear() {
    let (composite, elements) = (economy(), element_world_2009().unwrap());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".toml") {
            continue;
        }
        let heavy = name == "heavy-2025.toml";
        let economy = if heavy { &elements } else { &composite };
        let scenario = shipped(&name, economy);
        let expected = if heavy { "element-world-2009" } else { "rare-earth-world-2009" };
        assert_eq!(scenario.economy.as_deref(), Some(expected), "{name}");
        for equilibrium in answer(&scenario, economy).equilibria() {
            assert!(equilibrium.residual.max() <= 1e-10, "{name}: {:e}", equilibrium.residual.max());
        }
        count += 1;
    }
    assert!(count >= 9, "{count} scenarios");
}

#[test]
fn the_restriction_of_2010_has_the_signs_that_its_mechanism_implies() {
    let economy = economy();
    let labels = economy.labels();
    let at = |country: &str| labels.country(country).unwrap();
    let r = labels.sector("Rare earths").unwrap();
    let losers = ["JPN", "KOR", "DEU", "USA"].map(at);
    let exogenous = answer(&shipped("quota-2010-exogenous.toml", &economy), &economy);
    let directed = answer(&shipped("quota-2010-directed.toml", &economy), &economy);
    let (plain, moved) = (exogenous.last().unwrap(), directed.last().unwrap());
    assert!(plain.price_hat[[at("JPN"), r]] > 1.5, "dearer outside: {}", plain.price_hat[[at("JPN"), r]]);
    assert!(plain.price_hat[[at("CHN"), r]] < 1.0, "cheaper inside: {}", plain.price_hat[[at("CHN"), r]]);
    assert!(plain.real_income_hat[at("CHN")] > 1.0);
    for n in losers {
        let (loss, less) = (1.0 - plain.real_income_hat[n], 1.0 - moved.real_income_hat[n]);
        assert!(loss > 0.0 && less < loss, "{}: {loss:e}, directed {less:e}", labels.countries()[n]);
    }
    assert!(plain.restrictions[0].binds() && (plain.restrictions[0].volume_hat - 0.6).abs() < 1e-9);
}

#[test]
fn closures_of_one_scenario_are_the_shipped_ones() {
    let economy = economy();
    let one = shipped("quota-2010-directed.toml", &economy).with_closure(Closure::Exogenous);
    let other = shipped("quota-2010-exogenous.toml", &economy);
    let (a, b) = (answer(&one, &economy), answer(&other, &economy));
    assert_eq!(a.last().unwrap().real_income_hat, b.last().unwrap().real_income_hat);
}

#[test]
fn lifting_leaves_productivity_behind_that_wears_off() {
    let economy = economy();
    let labels = economy.labels();
    let outcome = answer(&shipped("lifting.toml", &economy), &economy);
    let path = outcome.path().unwrap();
    let (japan, electrical) = (labels.country("JPN").unwrap(), labels.sector("Electrical").unwrap());
    let stock: Vec<f64> = path.years.iter().map(|y| y.stocks.critical[[japan, electrical]]).collect();
    assert_eq!(path.years[5].year, 2015);
    assert!(stock[5] > 1.0 && stock[5] > stock[10] && stock[10] > stock[24] && stock[24] > 1.0, "{stock:?}");
}

#[test]
fn all_elements_restricted_together_are_the_composite() {
    // The composite is an approximation only where users differ in the elements that they use.
    let (composite, elements) = (economy(), element_world_2009().unwrap());
    let one = answer(&shipped("quota-2010-exogenous.toml", &composite), &composite);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/heavy-2025.toml");
    let mut text = std::fs::read_to_string(path).unwrap();
    text.truncate(text.find("[[quota]]").unwrap());
    for element in &elements.labels().sectors()[composite.dims().sectors - 1..] {
        text += &format!("[[quota]]\nexporter = \"CHN\"\nsector = \"{element}\"\nvolume = 0.6\n");
    }
    let scenario = Scenario::parse(&text, &elements, &estimates()).unwrap().with_closure(Closure::Exogenous);
    let all = answer(&scenario, &elements);
    let (one, all) = (one.last().unwrap(), all.last().unwrap());
    for (n, country) in composite.labels().countries().iter().enumerate() {
        let (a, b) = (one.real_income_hat[n] - 1.0, all.real_income_hat[n] - 1.0);
        assert!((a - b).abs() < 0.05 * a.abs() + 1e-6, "{country}: {a:e} {b:e}");
    }
}
