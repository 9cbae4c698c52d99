//! Trade elasticities by sector, from Caliendo and Parro's (2015) sample, for sectors made of NACE revision 1 industries.
//!
//! The rule: the elasticity of a sector is the mean of the full-sample estimates (their table 1) of the industries in it,
//! weighted with world imports of 1993. An industry without a usable estimate, and every sector outside goods, takes
//! [`NOT_ESTIMATED`]; as in the paper's experiment, the estimates of `Auto` and `Other transport` are not usable. Which
//! industries make up a NACE industry is in `data/theta/nace.csv`.

use crate::caliendo_parro::{ElasticityData, NaftaData};
use crate::source::{CsvFile, LoadError};
use estimation::Vcov;
use ndarray::{Array1, Array2};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

/// The elasticity of sectors that are not traded and of those whose estimate is not usable, in Caliendo and Parro.
pub const NOT_ESTIMATED: f64 = 8.22;

/// The pooled estimate of their full sample, for robustness.
pub const POOLED: f64 = 4.55;

/// Name of the file of estimates in the crate's `data`.
pub(crate) const ESTIMATES_CSV: &str = "theta/caliendo_parro.csv";

const ESTIMATES: &str = include_str!("../data/theta/caliendo_parro.csv");
const NACE: &str = include_str!("../data/theta/nace.csv");

/// One industry of Caliendo and Parro's table 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Their name of the industry.
    pub industry: String,
    /// Trade elasticity, full sample.
    pub theta: f64,
    /// Heteroskedasticity-robust standard error (HC1).
    pub std_error: f64,
    /// Triples of countries.
    pub observations: usize,
    /// World imports of 1993, million USD: the weight in means over industries.
    pub imports: f64,
    /// Whether the paper's experiment uses an estimate for this industry.
    pub usable: bool,
}

/// Elasticities by industry, and which industries make up a NACE industry.
#[derive(Debug, Clone, PartialEq)]
pub struct Elasticities {
    estimates: Vec<Estimate>,
    /// NACE code to positions in `estimates`.
    nace: HashMap<String, Vec<usize>>,
}

impl Elasticities {
    /// The estimates that this crate ships.
    ///
    /// # Errors
    /// [`LoadError`] if the shipped files are damaged.
    pub fn shipped() -> Result<Self, LoadError> {
        let file = CsvFile::from_reader(Path::new(ESTIMATES_CSV), ESTIMATES.as_bytes())?;
        let [industry, theta, error, observations, imports, usable] = file.columns([
            "industry",
            "theta",
            "std_error",
            "observations",
            "imports_1993_million_usd",
            "usable",
        ])?;
        let estimates = file
            .rows()
            .map(|row| {
                Ok(Estimate {
                    industry: row.text(industry).to_owned(),
                    theta: row.number(theta)?,
                    std_error: row.number(error)?,
                    observations: usize::try_from(row.integer(observations)?)
                        .map_err(|_| row.bad(observations, "a count"))?,
                    imports: row.non_negative(imports)?,
                    usable: match row.text(usable) {
                        "yes" => true,
                        "no" => false,
                        _ => return Err(row.bad(usable, "yes or no")),
                    },
                })
            })
            .collect::<Result<Vec<_>, LoadError>>()?;
        Self::new(estimates)
    }

    /// Estimates them from the folder of Caliendo and Parro's data (see [`crate::caliendo_parro`]).
    ///
    /// # Errors
    /// [`LoadError`] if the data cannot be read or an elasticity not be estimated.
    pub fn estimate(folder: &Path) -> Result<Self, LoadError> {
        let sample = ElasticityData::load(folder)?;
        let nafta = NaftaData::load(folder)?;
        let mut estimates = Vec::new();
        for (position, industry) in sample.sectors().iter().enumerate() {
            let inconsistent = |message: String| LoadError::Inconsistent {
                path: folder.to_owned(),
                message: format!("the elasticity of {industry} cannot be estimated: {message}"),
            };
            let triples = sample.triples(position);
            let fit = triples.theta(&Vcov::Hc1).map_err(|error| inconsistent(error.to_string()))?;
            let theta =
                fit.estimates().coefficient("theta").map_err(|error| inconsistent(error.to_string()))?;
            let sector = nafta
                .labels()
                .sector(industry)
                .ok_or_else(|| inconsistent("the NAFTA data have no such sector".to_owned()))?;
            estimates.push(Estimate {
                industry: industry.clone(),
                theta: theta.estimate,
                std_error: theta.std_error,
                observations: triples.y.len(),
                imports: nafta.imports().index_axis(ndarray::Axis(2), sector).sum() / 1e6,
                usable: nafta.theta()[sector] != NOT_ESTIMATED,
            });
        }
        Self::new(estimates)
    }

    fn new(estimates: Vec<Estimate>) -> Result<Self, LoadError> {
        let file = CsvFile::from_reader(Path::new("theta/nace.csv"), NACE.as_bytes())?;
        let [code, industry] = file.columns(["nace", "caliendo_parro"])?;
        let at: HashMap<String, usize> =
            estimates.iter().enumerate().map(|(i, e)| (e.industry.clone(), i)).collect();
        let mut nace: HashMap<String, Vec<usize>> = HashMap::new();
        for row in file.rows() {
            let position = row.label(industry, "industry of Caliendo and Parro", &at)?;
            nace.entry(row.text(code).to_owned()).or_default().push(position);
        }
        Ok(Self { estimates, nace })
    }

    /// The estimates by industry.
    pub fn estimates(&self) -> &[Estimate] {
        &self.estimates
    }

    /// Industries of a sector that is made of these NACE industries, and their weights in its mean; none for a sector without.
    fn weights(&self, nace: &[&str]) -> Vec<(usize, f64)> {
        let mut industries: Vec<usize> =
            nace.iter().filter_map(|code| self.nace.get(*code)).flatten().copied().collect();
        let mut seen = std::collections::HashSet::new();
        industries.retain(|industry| seen.insert(*industry));
        let total: f64 = industries.iter().map(|i| self.estimates[*i].imports).sum();
        let weight = |i: usize| (i, self.estimates[i].imports / total);
        if total > 0.0 { industries.into_iter().map(weight).collect() } else { Vec::new() }
    }

    /// The elasticity of a sector that is made of these NACE industries, by the rule of the [module](self).
    pub fn of(&self, nace: &[&str]) -> f64 {
        let weights = self.weights(nace);
        if weights.is_empty() {
            return NOT_ESTIMATED;
        }
        let theta = |i: usize| {
            let estimate = &self.estimates[i];
            if estimate.usable { estimate.theta } else { NOT_ESTIMATED }
        };
        weights.into_iter().map(|(i, weight)| weight * theta(i)).sum()
    }

    /// Covariance of the sampling errors of [`Elasticities::of_groups`]: industries are estimated on samples of their own, so
    /// sectors covary as far as they share industries; [`NOT_ESTIMATED`] has no error.
    pub fn covariance_of_groups(&self, nace: &[String], to: &[usize], n: usize) -> Array2<f64> {
        let weights: Vec<_> = groups(nace, to, n).iter().map(|members| self.weights(members)).collect();
        let variance = |i: usize| {
            let estimate = &self.estimates[i];
            if estimate.usable { estimate.std_error.powi(2) } else { 0.0 }
        };
        Array2::from_shape_fn((n, n), |(a, b)| {
            let shared = weights[a].iter().flat_map(|(i, w)| {
                weights[b].iter().filter(move |(k, _)| k == i).map(move |(_, v)| w * v * variance(*i))
            });
            shared.sum()
        })
    }

    /// Elasticities of `n` sectors, given where each NACE industry goes ([`crate::table::Mapping::sectors`]).
    pub fn of_groups(&self, nace: &[String], to: &[usize], n: usize) -> Array1<f64> {
        groups(nace, to, n).iter().map(|members| self.of(members)).collect()
    }

    /// The estimates as the CSV that this crate ships, six decimals.
    pub(crate) fn to_csv(&self) -> String {
        let mut text =
            String::from("industry,theta,std_error,observations,imports_1993_million_usd,usable\n");
        for e in &self.estimates {
            let usable = if e.usable { "yes" } else { "no" };
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "{},{:.6},{:.6},{},{:.3},{usable}",
                e.industry, e.theta, e.std_error, e.observations, e.imports
            );
        }
        text
    }
}

/// The members of each group.
fn groups<'a>(nace: &'a [String], to: &[usize], n: usize) -> Vec<Vec<&'a str>> {
    let members =
        |group| nace.iter().zip(to).filter(move |(_, to)| **to == group).map(|(code, _)| code.as_str());
    (0..n).map(|group| members(group).collect()).collect()
}
