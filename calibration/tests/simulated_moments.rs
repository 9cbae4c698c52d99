//! Calibration by moments: derivatives along the path, and one optimum from many starts.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use calibration::rare_earths::rare_earth_world_2009;
use calibration::simulated_moments::{Calibration, CalibrationError, PARAMETERS, Target};
use counterfactuals::Scenario;
use ndarray::array;

/// A path with a quota by year and a mine that opens.
const SCENARIO: &str = r#"
economy = "rare-earth-world-2009"
mode = "dynamic"
years = [2010, 2018]
[critical]
sectors = "Rare earths"
sigma = 0.2
[technology]
closure = "free-entry"
lambda = 0.5
phi = 0.5
xi = 0.01
delta = 0.15
g = 0.03
[[quota]]
exporter = "CHN"
sector = "Rare earths"
volume = { 2010 = 0.91, 2011 = 0.60, 2012 = 0.60, 2013 = 0.65, 2014 = 0.7, 2015 = 0.8, 2016 = 1, 2017 = 1, 2018 = 1 }
[[prospect]]
country = "AUS"
sector = "Rare earths"
like = "CHN"
[[capacity]]
country = "AUS"
sector = "Rare earths"
share_of_world = { 2012 = 0.02, 2013 = 0.03, 2014 = 0.03, 2015 = 0.06 }
"#;

#[test]
fn derivatives_along_the_path_are_those_of_its_moments() {
    let economy = rare_earth_world_2009().unwrap();
    let scenario = Scenario::parse(SCENARIO, &economy, &[]).unwrap();
    let problem = Calibration::new(&scenario, &economy, Target::defaults().unwrap()).unwrap();
    let values = array![0.3, 0.45, 0.6, 0.02, 0.2, 0.7];
    let few = array![0.3, 0.45, 0.6, 0.02, 0.2];
    for refused in
        [problem.moments_at(&few).err(), problem.derivatives_at(&few).err(), problem.untargeted(&few).err()]
    {
        assert!(matches!(refused, Some(CalibrationError::Values { found: 5 })), "{refused:?}");
    }
    let exact = problem.derivatives_at(&values).unwrap();
    for (k, name) in PARAMETERS.iter().enumerate() {
        let step = 1e-4 * values[k].max(0.1);
        let (mut up, mut down) = (values.clone(), values.clone());
        up[k] += step;
        down[k] -= step;
        let (up, down) = (problem.moments_at(&up).unwrap(), problem.moments_at(&down).unwrap());
        for (row, (a, b)) in up.iter().zip(&down).enumerate() {
            let numeric = (a - b) / (2.0 * step);
            let gap = (numeric - exact[[row, k]]).abs();
            assert!(
                gap < 1e-4 * numeric.abs().max(1.0),
                "{name}, {row}: {numeric} against {}",
                exact[[row, k]]
            );
        }
    }
}

#[test]
fn the_search_finds_the_parameters_that_made_the_facts_from_many_starts() {
    let economy = rare_earth_world_2009().unwrap();
    let scenario = Scenario::parse(SCENARIO, &economy, &[]).unwrap();
    let mut targets = Target::defaults().unwrap();
    let truth = array![0.35, 0.45, 0.4, 0.02, 0.17, 0.72];
    let made = Calibration::new(&scenario, &economy, targets.clone()).unwrap().moments_at(&truth).unwrap();
    targets.iter_mut().zip(made).for_each(|(target, made)| target.value = made);
    let problem = Calibration::new(&scenario, &economy, targets).unwrap();
    let found = problem.fit(2, 1).unwrap();
    for (k, name) in PARAMETERS.iter().enumerate() {
        let error = found.covariance[[k, k]].sqrt();
        assert!(
            (found.values[k] - truth[k]).abs() < 0.02 * error,
            "{name}: {} against {}",
            found.values[k],
            truth[k]
        );
    }
    assert!(found.criterion < 1e-4 && found.agreeing >= 2, "{} of {}", found.agreeing, found.starts);
}

#[test]
fn what_a_calibration_lacks_is_named() {
    let economy = rare_earth_world_2009().unwrap();
    let (begin, end) = (SCENARIO.find("[technology]").unwrap(), SCENARIO.find("[[quota]]").unwrap());
    let exogenous = format!("{}{}", &SCENARIO[..begin], &SCENARIO[end..]);
    let scenario = Scenario::parse(&exogenous, &economy, &[]).unwrap();
    let refused = Calibration::new(&scenario, &economy, Target::defaults().unwrap()).map(|_| ());
    assert_eq!(refused.unwrap_err().to_string(), "the calibration needs a parameter `lambda`");
}
