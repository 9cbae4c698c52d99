//! Hansen and Singleton's (1982) consumption Euler equation on Hall's monthly data, as printed in the GMM chapter
//! of the gretl guide: iterated GMM, alpha -0.344 (2.215), delta 0.99157 (0.0042), J 11.810.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::PathBuf;

use estimation::gmm::{
    Automatic, CentralDifferences, DualMoments, DualNum, FirstWeight, Gmm, MomentCovariance, Optimiser,
    Restarts, Steps,
};
use ndarray::array;

struct Euler {
    growth: Vec<f64>,
    gross_return: Vec<f64>,
}

impl DualMoments for Euler {
    fn observations(&self) -> usize {
        self.growth.len() - 2
    }
    fn moments(&self) -> usize {
        5
    }
    fn parameters(&self) -> usize {
        2
    }
    fn contribution<D: DualNum<Primitive = f64> + Copy>(&self, i: usize, theta: &[D], out: &mut [D]) {
        let t = i + 2;
        let (c, r) = (&self.growth, &self.gross_return);
        let error = theta[1] * ((theta[0] - 1.0) * c[t].ln()).exp() * r[t] - 1.0;
        let instruments = [1.0, c[t - 1], c[t - 2], r[t - 1], r[t - 2]];
        for (o, z) in out.iter_mut().zip(instruments) {
            *o = error * z;
        }
    }
}

/// Hall's data, or `None` (with a word on why) when the raw data are not at hand.
fn hall() -> Option<Euler> {
    let root = std::env::var_os("LODESTONE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let path = root.join("gmm/hall.csv");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there; set LODESTONE_DATA to the raw data", path.display());
        return None;
    };
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).unwrap();
    let (c, r) = (column("consrat"), column("ewr"));
    let mut data = Euler { growth: Vec::new(), gross_return: Vec::new() };
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        data.growth.push(fields[c].parse().unwrap());
        data.gross_return.push(fields[r].parse().unwrap());
    }
    Some(data)
}

fn iterated() -> Gmm {
    Gmm::new(MomentCovariance::heteroskedastic(), FirstWeight::Identity, Steps::iterated())
}

/// Holds a number to the digits it was printed with.
fn printed(value: f64, text: &str) {
    let decimals = text.split('.').nth(1).map_or(0, str::len);
    assert_eq!(format!("{value:.decimals$}"), text);
}

#[test]
fn the_printed_estimates_come_out() {
    let Some(data) = hall() else { return };
    let fit = iterated().fit(&Automatic(data), array![0.5, 0.5].view()).unwrap();
    let errors = fit.standard_errors();
    let hansen = fit.hansen().unwrap().unwrap();
    printed(fit.theta[0], "-0.344");
    printed(errors[0], "2.215");
    printed(fit.theta[1], "0.99157");
    printed(errors[1], "0.0042");
    printed(hansen.statistic, "11.810");
    assert_eq!(fit.observations, 465);
    assert!(fit.report.residual() < 1e-6, "{}", fit.report.residual());
}

#[test]
fn every_search_and_start_ends_at_the_same_estimates() {
    let Some(data) = hall() else { return };
    let moments = Automatic(data);
    let reference = iterated().fit(&moments, array![0.5, 0.99].view()).unwrap();
    for optimiser in [Optimiser::GaussNewton, Optimiser::Bfgs, Optimiser::NelderMead] {
        let restarts = Restarts { count: 10, spread: 2.0, seed: 20 };
        let gmm = iterated().optimiser(optimiser).restarts(restarts);
        let fit = gmm.fit(&moments, array![0.5, 0.5].view()).unwrap();
        for k in 0..2 {
            let gap = (fit.theta[k] - reference.theta[k]).abs() / reference.standard_errors()[k];
            assert!(gap < 1e-6, "{optimiser:?}: {} against {}", fit.theta, reference.theta);
        }
        let first = &fit.report.stages[0];
        assert!(
            first.agreeing >= 9,
            "{optimiser:?}: {} of {} starts agree",
            first.agreeing,
            first.starts.len()
        );
    }
}

#[test]
fn central_differences_give_the_same_digits() {
    let Some(data) = hall() else { return };
    let numeric = CentralDifferences { moments: Automatic(data), typical: 1.0 };
    let fit = iterated().fit(&numeric, array![0.5, 0.5].view()).unwrap();
    printed(fit.theta[0], "-0.344");
    printed(fit.standard_errors()[0], "2.215");
    printed(fit.hansen().unwrap().unwrap().statistic, "11.810");
}

#[test]
fn continuous_updating_finds_the_interior_minimum_and_owns_up_to_lower_values_far_off() {
    let Some(data) = hall() else { return };
    let moments = Automatic(data);
    let cue = Gmm { steps: Steps::ContinuouslyUpdated, ..iterated() };
    let fit = cue.fit(&moments, array![0.5, 0.5].view()).unwrap();
    let reference = iterated().fit(&moments, array![0.5, 0.5].view()).unwrap();
    // At a fixed point of the iteration S is S(theta), so its criterion is the continuously updated one there.
    assert!(fit.criterion() < reference.criterion());
    assert!((fit.theta[0] - 0.51527).abs() < 1e-5, "{}", fit.theta);
    // From (0.5, 0.5) the search runs off to alpha in the thousands, where the contributions explode together.
    let last = fit.report.stages.last().unwrap();
    assert!(last.lower_elsewhere.is_some_and(|value| value < fit.criterion()));
}
