//! Draws: reproducible to the bit, common across scenarios, failures kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{economy, names, scenario};
use counterfactuals::{Outcome, Question, Scenario, draws, draws_of};
use model_core::SolverSettings;

fn welfare(_: &Question, outcome: &Outcome) -> Vec<f64> {
    outcome.last().map(|e| e.real_income_hat.to_vec()).unwrap_or_default()
}

const SIGMA: &str = "{ value = 0.2, uniform = [0.1, 0.5] }";

#[test]
fn the_number_of_threads_changes_no_bit() {
    let economy = economy();
    let settings = SolverSettings::default();
    for top in ["", "mode = \"dynamic\"\nyears = [1, 3]"] {
        let asked = scenario(&economy, top, SIGMA, "free-entry", "0.01", "volume = 0.6");
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| draws(&asked, &economy, 24, 5, &settings, welfare).unwrap())
        };
        let (one, four) = (with(1), with(4));
        assert_eq!(one.numbers, four.numbers);
        assert!(one.values.iter().zip(&four.values).all(|(a, b)| a.to_bits() == b.to_bits()));
        assert_eq!(one.values.nrows(), 24);
        let more = draws(&asked, &economy, 30, 5, &settings, welfare).unwrap();
        assert!(
            one.values.iter().zip(&more.values).all(|(a, b)| a == b),
            "draws do not depend on how many there are"
        );
    }
}

#[test]
fn a_draw_is_the_equilibrium_at_its_parameters() {
    let economy = economy();
    let settings = SolverSettings { tolerance: 1e-12, ..SolverSettings::default() };
    let asked = scenario(&economy, "", SIGMA, "free-entry", "0.01", "volume = 0.6");
    let drawn = draws(&asked, &economy, 8, 1, &settings, welfare).unwrap();
    for (row, number) in drawn.values.rows().into_iter().zip(&drawn.numbers) {
        let values = asked.draw(1, *number).unwrap().values;
        let question = asked.resolve(&economy, &values).unwrap();
        let cold = question.economy.solve(&question.periods[0].shock, &settings).unwrap();
        for (warm, cold) in row.iter().zip(&cold.real_income_hat) {
            assert!((warm - cold).abs() < 1e-10, "where a solve starts does not matter: {warm} {cold}");
        }
    }
}

#[test]
fn differences_of_scenarios_are_differences_of_draws() {
    let economy = economy();
    let settings = SolverSettings::default();
    let directed = scenario(&economy, "", SIGMA, "free-entry", "0", "volume = 0.6");
    let exogenous = directed.clone().with_closure(counterfactuals::scenario::Closure::Exogenous);
    let a = draws(&directed, &economy, 60, 2, &settings, welfare).unwrap();
    let b = draws(&exogenous, &economy, 60, 2, &settings, welfare).unwrap();
    let difference = a.combine(&b, |a, b| a - b).unwrap();
    assert_eq!(difference.values.nrows(), 60);
    // An importer: technology avoids a part of the loss in every draw, while the loss itself varies.
    let importer = 1;
    assert!(difference.values.column(importer).iter().all(|d| *d > 0.0));
    assert_eq!(difference.values, &a.values - &b.values);
    let (low, high) = a.interval(0.9)[importer];
    let median = a.quantile(0.5)[importer];
    assert!(low < median && median < high);
    assert_eq!(
        a.quantile(0.0)[importer],
        a.values.column(importer).iter().copied().fold(f64::INFINITY, f64::min)
    );
}

#[test]
fn failures_are_kept_with_their_parameters() {
    let economy = economy();
    // With `lambda phi = 1/4` research feeds on itself from `sigma = 5` on: there is no long run.
    let wide = "{ value = 0.2, uniform = [0.1, 8] }";
    let asked = scenario(&economy, "", wide, "free-entry", "0", "volume = 0.6");
    let drawn = draws(&asked, &economy, 40, 9, &SolverSettings::default(), welfare).unwrap();
    assert_eq!(drawn.numbers.len() + drawn.failures.len(), 40);
    assert!(!drawn.failures.is_empty() && !drawn.numbers.is_empty(), "{} fail", drawn.failures.len());
    for failure in &drawn.failures {
        assert!(!drawn.numbers.contains(&failure.number));
        let [(name, value)] = &failure.parameters[..] else { panic!("{:?}", failure.parameters) };
        assert!(name == "sigma" && *value >= 5.0, "{name} = {value}: {}", failure.reason);
        assert!(failure.reason.contains("no stable long run"), "{}", failure.reason);
    }
    let (input, maker) = names(&economy);
    let text = format!(
        "[critical]\nsectors = \"{input}\"\nsigma = {{ value = 0.2, uniform = [0.1, 0.5] }}\n\
         [[quota]]\nexporter = \"{maker}\"\nsector = \"{input}\"\nvolume = 0.6\n"
    );
    // A parameter that cannot fall into its range fails its draw, with a reason.
    let text = text.replace("volume = 0.6", "volume = 0.6\nrent_share = { value = 0, sd = 1e300 }");
    let wild = Scenario::parse(&text, &economy, &[]).unwrap();
    let drawn = draws(&wild, &economy, 3, 9, &SolverSettings::default(), welfare).unwrap();
    assert_eq!(drawn.failures.len(), 3);
    assert!(drawn.failures[0].reason.contains("quota.1.rent_share"), "{}", drawn.failures[0].reason);
}

#[test]
fn what_cannot_be_reported_is_said_with_its_cause() {
    let economy = economy();
    let asked = scenario(&economy, "", SIGMA, "free-entry", "0.01", "volume = 0.6");
    let with_causes = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        text
    };
    // Central values without an equilibrium.
    let few =
        SolverSettings { max_sweeps: 1, max_newton_steps: 0, max_parts: 0, ..SolverSettings::default() };
    let error = draws(&asked, &economy, 2, 1, &few, welfare).unwrap_err();
    let text = with_causes(&error);
    let expected =
        "there is no outcome at the central values: no equilibrium in the long run: no equilibrium after 1 ";
    assert!(text.starts_with(expected), "{text}");
    // A report that fails everywhere, at the central values already.
    let nothing = |_: &Question| Err::<Vec<f64>, _>(std::io::Error::other("no tax asked for"));
    let error = draws_of(&asked, &economy, 2, 1, nothing).unwrap_err();
    assert_eq!(with_causes(&error), "there is nothing to report at the central values: no tax asked for");
    // A report that fails in the draws alone is a failure of each.
    let central = asked.central();
    let sigma = |question: &Question| question.economy.critical().unwrap().sigma[0];
    let middle = sigma(&asked.resolve(&economy, &central).unwrap());
    let at_the_middle = |question: &Question| {
        if sigma(question) == middle {
            Ok(vec![1.0])
        } else {
            Err(std::io::Error::other("not in the middle"))
        }
    };
    let drawn = draws_of(&asked, &economy, 3, 1, at_the_middle).unwrap();
    assert_eq!((drawn.central.as_slice(), drawn.values.dim()), (&[1.0][..], (0, 1)));
    assert!(drawn.failures.iter().all(|f| f.reason == "not in the middle"));
    assert!(drawn.interval(0.9)[0].0.is_nan() && drawn.std_deviation()[0].is_nan());
    // Numbers that change their count from draw to draw.
    let changing = |question: &Question| {
        Ok::<_, std::io::Error>(vec![0.0; if sigma(question) == middle { 1 } else { 2 }])
    };
    let error = draws_of(&asked, &economy, 3, 1, changing).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a draw has 2 numbers where the central outcome has 1: report the same ones for every outcome"
    );
    // Differences need the same numbers.
    let two = Ok::<Vec<f64>, std::io::Error>;
    let wide = draws_of(&asked, &economy, 3, 1, |_| two(vec![0.0; 2])).unwrap();
    let narrow = draws_of(&asked, &economy, 3, 1, |_| two(vec![0.0])).unwrap();
    assert!(wide.combine(&narrow, |a, b| a - b).is_none());
}
