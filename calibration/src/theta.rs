//! Trade elasticities by sector, from Caliendo and Parro's (2015) sample, for sectors made of NACE revision 1 industries.
//!
//! The rule: the elasticity of a sector is the mean of the full-sample estimates (their table 1) of the industries in it,
//! weighted with world imports of 1993. An industry without a usable estimate, and every sector outside goods, takes
//! [`NOT_ESTIMATED`]; as in the paper's experiment, the estimates of `Auto` and `Other transport` are not usable. Which
//! industries make up a NACE industry is in `data/theta/nace.csv`. The same rule takes the estimates of any [`Method`] to
//! sectors; one elasticity for all industries is usable in all of them. Poisson gravity on this sample is no method: it has the
//! wrong sign in half of the industries (table A1-gravity).

mod method;

use crate::caliendo_parro::{ElasticityData, NaftaData};
use crate::source::{CsvFile, LoadError};
use estimation::Vcov;
use ndarray::{Array1, Array2};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::Path;

use method::ByIndustry;
pub(crate) use method::FILES as METHODS_CSV;
pub use method::Method;

/// The elasticity of sectors that are not traded and of those whose estimate is not usable, in Caliendo and Parro.
pub const NOT_ESTIMATED: f64 = 8.22;

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
    /// Industries as in `estimates`.
    methods: BTreeMap<Method, ByIndustry>,
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
        let methods = method::shipped(&estimates)?;
        Self::new(estimates, methods)
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
        let methods = method::estimate(&sample, ByIndustry::independent(&estimates), folder)?;
        Self::new(estimates, methods)
    }

    fn new(estimates: Vec<Estimate>, methods: BTreeMap<Method, ByIndustry>) -> Result<Self, LoadError> {
        let file = CsvFile::from_reader(Path::new("theta/nace.csv"), NACE.as_bytes())?;
        let [code, industry] = file.columns(["nace", "caliendo_parro"])?;
        let at: HashMap<String, usize> =
            estimates.iter().enumerate().map(|(i, e)| (e.industry.clone(), i)).collect();
        let mut nace: HashMap<String, Vec<usize>> = HashMap::new();
        for row in file.rows() {
            let position = row.label(industry, "industry of Caliendo and Parro", &at)?;
            nace.entry(row.text(code).to_owned()).or_default().push(position);
        }
        Ok(Self { estimates, nace, methods })
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

    /// The elasticity of a sector that is made of these NACE industries, by the rule of the [module](self) from
    /// [`Method::Triples`].
    pub fn of(&self, nace: &[&str]) -> f64 {
        let codes: Vec<String> = nace.iter().map(|code| (*code).to_owned()).collect();
        self.of_groups(Method::Triples, &codes, &vec![0; codes.len()], 1).0[0]
    }

    /// Elasticities of `n` sectors, given where each NACE industry goes ([`crate::table::Mapping::sectors`]), and the
    /// covariance of their sampling errors. Sectors covary as their industries do, and as far as they share some;
    /// [`NOT_ESTIMATED`] has no error.
    pub fn of_groups(
        &self,
        method: Method,
        nace: &[String],
        to: &[usize],
        n: usize,
    ) -> (Array1<f64>, Array2<f64>) {
        let usable = |i: usize| method == Method::Pooled || self.estimates[i].usable;
        let by_industry = &self.methods[&method];
        let count = self.estimates.len();
        let mut weights = Array2::<f64>::zeros((n, count));
        let mut theta = Array1::zeros(n);
        for (sector, members) in groups(nace, to, n).iter().enumerate() {
            let own = self.weights(members);
            if own.is_empty() {
                theta[sector] = NOT_ESTIMATED;
            }
            for (i, weight) in own {
                if usable(i) {
                    weights[[sector, i]] = weight;
                    theta[sector] += weight * by_industry.theta[i];
                } else {
                    theta[sector] += weight * NOT_ESTIMATED;
                }
            }
        }
        let covariance = weights.dot(&by_industry.covariance).dot(&weights.t());
        // A product of matrices need not be symmetric to the last bit.
        let covariance = Array2::from_shape_fn((n, n), |(a, b)| covariance[[a.max(b), a.min(b)]]);
        (theta, covariance)
    }

    /// The estimates of the other methods and their covariances as the CSV files that this crate ships, six digits.
    pub(crate) fn methods_to_csv(&self) -> [String; 2] {
        method::to_csv(&self.estimates, &self.methods)
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
