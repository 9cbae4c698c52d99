//! How the estimators do where the truth is known: bias, root mean square error, coverage, size and power of Hansen's test.
//!
//! Replication `k` of a seed is the same panel for every estimator, whatever the number of threads.

use estimation::distribution::Reference;
use rayon::prelude::*;

use super::sample::Sample;
use super::simulate::{Backdrop, Noise};
use super::{Fit, Groups, Panel, Specification, Stocks, SubstitutionError};

/// An experiment: panels of some size, and estimators.
#[derive(Debug, Clone)]
pub struct Experiment<'a> {
    /// Where panels come from.
    pub backdrop: &'a Backdrop,
    /// How noisy they are.
    pub noise: Noise,
    /// How many countries.
    pub size: Size,
    /// The estimators: every one is used on every panel.
    pub candidates: Vec<Candidate>,
}

/// An estimator that is tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What is estimated, and how.
    pub specification: Specification,
    /// Whether estimates by sector are shrunken to their mean.
    pub shrunken: bool,
}

impl From<Specification> for Candidate {
    fn from(specification: Specification) -> Self {
        Self { specification, shrunken: false }
    }
}

/// How many units a panel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The first countries of the economy, fewer than all, and the country that restricts.
    Countries(usize),
    /// All countries, as in the shipped panel.
    Shipped,
    /// All countries twice, each with draws of its own.
    Double,
}

/// What came out for one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Performance {
    /// The parameter.
    pub parameter: String,
    /// Its true value.
    pub truth: f64,
    /// Mean estimate less the truth.
    pub bias: f64,
    /// Root mean square error.
    pub rmse: f64,
    /// Mean standard error over the standard deviation of the estimates.
    pub error_ratio: f64,
    /// Share of 95 percent intervals that hold the truth.
    pub coverage: f64,
    /// Monte Carlo standard error of that share.
    pub coverage_error: f64,
}

/// What came out of an experiment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Results {
    /// Replications that have estimates.
    pub replications: usize,
    /// Replications that have none.
    pub failed: usize,
    /// Mean number of unit-years.
    pub observations: f64,
    /// By parameter, in the order of the estimator.
    pub performance: Vec<Performance>,
    /// Share of replications in which Hansen's test rejects at 5 percent; `None` when just identified.
    pub rejections: Option<f64>,
    /// Monte Carlo standard error of the mean coverage over the `sigma` of sectors; `None` when there is one.
    pub mean_coverage_error: Option<f64>,
    /// Mean rank correlation of estimated and true `sigma` across sectors, where there are several.
    pub rank_correlation: Option<f64>,
    /// Share of replications in which nine tenths of the sectors lie in their intervals and the rank correlation is above 0.9.
    pub recovered: Option<f64>,
}

impl Results {
    /// Mean over the `sigma` of all groups: relative bias (of mean absolute size), relative root mean square error, ratio of
    /// errors, coverage.
    pub fn sigma(&self) -> [f64; 4] {
        let all: Vec<&Performance> =
            self.performance.iter().filter(|p| p.parameter.starts_with("sigma")).collect();
        let mean = |of: &dyn Fn(&Performance) -> f64| {
            all.iter().map(|p| of(p)).sum::<f64>() / all.len().max(1) as f64
        };
        [
            mean(&|p| (p.bias / p.truth).abs()),
            mean(&|p| p.rmse / p.truth),
            mean(&|p| p.error_ratio),
            mean(&|p| p.coverage),
        ]
    }

    /// One parameter.
    pub fn of(&self, parameter: &str) -> Option<&Performance> {
        self.performance.iter().find(|p| p.parameter == parameter)
    }
}

/// One replication: estimates and standard errors, p-value of Hansen's test, unit-years.
struct Replication {
    estimates: Vec<(f64, f64)>,
    p_value: Option<f64>,
    observations: usize,
}

impl Experiment<'_> {
    /// The panel of a replication.
    pub fn panel(&self, seed: u64, number: u64) -> Panel {
        let all = self.backdrop.draw(&self.noise, seed, 2 * number);
        match self.size {
            Size::Shipped => all,
            Size::Countries(count) => {
                let mut countries: Vec<&str> = Vec::new();
                for unit in &all.units {
                    if !countries.contains(&unit.country.as_str()) {
                        countries.push(&unit.country);
                    }
                }
                let chosen: Vec<String> = countries.iter().take(count).map(|c| (*c).to_owned()).collect();
                all.select(|unit| unit.market > 0 || chosen.contains(&unit.country))
            }
            Size::Double => all.beside(&self.backdrop.draw(&self.noise, seed, 2 * number + 1)),
        }
    }

    fn truth(&self, names: &[String]) -> Vec<f64> {
        let truth = &self.backdrop.truth;
        let of = |name: &String| match name.as_str() {
            "phi" => truth.phi,
            "lambda" => truth.lambda,
            "sigma" => truth.sigma.first().map_or(f64::NAN, |(_, value)| *value),
            other => {
                let sector = other.strip_prefix("sigma.").unwrap_or(other);
                truth.sigma.iter().find(|(known, _)| known == sector).map_or(f64::NAN, |(_, value)| *value)
            }
        };
        names.iter().map(of).collect()
    }

    /// What the estimators make of a panel; those that differ by shrinking alone share their fit.
    fn replicate(
        &self,
        seed: u64,
        number: u64,
    ) -> Vec<Result<(Vec<String>, Replication), SubstitutionError>> {
        let panel = self.panel(seed, number);
        let mut last: Option<(&Specification, Fit)> = None;
        let mut sample: Option<(Stocks, Sample)> = None;
        let mut all = Vec::new();
        for Candidate { specification, shrunken } in &self.candidates {
            let fit = match last.take() {
                Some((known, fit)) if known == specification => Ok(fit),
                _ => {
                    let known = sample.take().filter(|(stocks, _)| *stocks == specification.stocks);
                    let on = known.map_or_else(|| Sample::new(&panel, &specification.stocks), |(_, s)| Ok(s));
                    on.and_then(|on| {
                        let fit = specification.estimate_on(&panel, &on);
                        sample = Some((specification.stocks, on));
                        fit
                    })
                }
            };
            all.push(fit.and_then(|fit| {
                let made = replication(&fit, *shrunken);
                last = Some((specification, fit));
                made
            }));
        }
        all
    }

    /// Runs replications `0..count`; results by candidate.
    ///
    /// # Errors
    /// The first replication's error if none has estimates; otherwise failures are counted.
    pub fn run(&self, count: usize, seed: u64) -> Result<Vec<Results>, SubstitutionError> {
        let mut all: Vec<_> = (0..count as u64).into_par_iter().map(|k| self.replicate(seed, k)).collect();
        let mut by_candidate = Vec::new();
        for candidate in self.candidates.iter().rev() {
            let own = all.iter_mut().filter_map(Vec::pop).collect();
            by_candidate.push(self.summarise(candidate, own)?);
        }
        by_candidate.reverse();
        Ok(by_candidate)
    }

    fn summarise(
        &self,
        candidate: &Candidate,
        all: Vec<Result<(Vec<String>, Replication), SubstitutionError>>,
    ) -> Result<Results, SubstitutionError> {
        let count = all.len();
        let mut first_error = None;
        let mut names = Vec::new();
        let mut done = Vec::new();
        for result in all {
            match result {
                Ok((named, replication)) => {
                    names = named;
                    done.push(replication);
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        if let (true, Some(error)) = (done.is_empty(), first_error) {
            return Err(error);
        }
        let truth = self.truth(&names);
        let n = done.len().max(1) as f64;
        let z = Reference::Normal.quantile(0.975);
        let mean = |of: &dyn Fn(&Replication) -> f64| done.iter().map(of).sum::<f64>() / n;
        let inside = |(estimate, error): (f64, f64), truth: f64| {
            f64::from(u8::from((estimate - truth).abs() <= z * error))
        };
        let performance = names.iter().zip(&truth).enumerate().map(|(k, (name, &truth))| {
            let average = mean(&|r| r.estimates[k].0);
            let variance = mean(&|r| (r.estimates[k].0 - average).powi(2)) * n / (n - 1.0).max(1.0);
            let coverage = mean(&|r| inside(r.estimates[k], truth));
            Performance {
                parameter: name.clone(),
                truth,
                bias: average - truth,
                rmse: mean(&|r| (r.estimates[k].0 - truth).powi(2)).sqrt(),
                error_ratio: mean(&|r| r.estimates[k].1) / variance.sqrt(),
                coverage,
                coverage_error: binomial_error(coverage, done.len()),
            }
        });
        let performance: Vec<Performance> = performance.collect();
        let tested: Vec<f64> = done.iter().filter_map(|r| r.p_value).collect();
        let rejected = tested.iter().filter(|p| **p < 0.05).count() as f64;
        let sectors = names.iter().filter(|name| name.starts_with("sigma.")).count();
        let by_sector = candidate.specification.groups == Groups::BySector && sectors > 2;
        let ranks = |r: &Replication| {
            let estimates: Vec<f64> =
                r.estimates.iter().take(sectors).map(|(estimate, _)| *estimate).collect();
            rank_correlation(&estimates, &truth[..sectors])
        };
        let recovered = |r: &Replication| {
            let held = r.estimates.iter().zip(&truth).take(sectors);
            let held = held.filter(|((e, s), t)| (e - *t).abs() <= z * s).count();
            f64::from(u8::from(held as f64 >= 0.9 * sectors as f64 && ranks(r) > 0.9))
        };
        Ok(Results {
            replications: done.len(),
            failed: count - done.len(),
            observations: mean(&|r| r.observations as f64),
            performance,
            mean_coverage_error: by_sector.then(|| {
                let share = |r: &Replication| {
                    let all = r.estimates.iter().zip(&truth).take(sectors);
                    all.map(|(estimate, truth)| inside(*estimate, *truth)).sum::<f64>() / sectors as f64
                };
                let average = mean(&share);
                (mean(&|r| (share(r) - average).powi(2)) / n).sqrt()
            }),
            rejections: (!tested.is_empty()).then(|| rejected / tested.len() as f64),
            rank_correlation: by_sector.then(|| mean(&ranks)),
            recovered: by_sector.then(|| mean(&recovered)),
        })
    }
}

/// Estimates and standard errors of a fit by name, and its test.
fn replication(fit: &Fit, shrunken: bool) -> Result<(Vec<String>, Replication), SubstitutionError> {
    let errors = fit.gmm.standard_errors();
    let mut estimates: Vec<(f64, f64)> = fit.gmm.theta.iter().copied().zip(errors).collect();
    let mut names = fit.gmm.names.clone();
    if shrunken {
        let shrunken = fit.shrink()?;
        let errors = shrunken.covariance.diag().mapv(|v| v.max(0.0).sqrt());
        estimates = shrunken.sigma.iter().copied().zip(errors).collect();
        names.truncate(estimates.len());
    }
    let p_value = fit.hansen()?.map(|test| test.p_value);
    Ok((names, Replication { estimates, p_value, observations: fit.observations }))
}

/// Standard error of a share of so many replications.
pub fn binomial_error(share: f64, replications: usize) -> f64 {
    (share * (1.0 - share) / replications.max(1) as f64).sqrt()
}

/// Spearman's rank correlation; ties in order of appearance.
pub fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    let ranks = |values: &[f64]| {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|x, y| values[*x].total_cmp(&values[*y]));
        let mut rank = vec![0.0; values.len()];
        order.iter().enumerate().for_each(|(position, at)| rank[*at] = position as f64);
        rank
    };
    let n = a.len() as f64;
    let gaps: f64 = ranks(a).iter().zip(ranks(b)).map(|(x, y)| (x - y).powi(2)).sum();
    1.0 - 6.0 * gaps / (n * (n * n - 1.0))
}
