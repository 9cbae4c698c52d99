//! Elasticities by industry with their joint covariance, by one estimator or another.

use super::Estimate;
use crate::caliendo_parro::ElasticityData;
use crate::footprint::intensity::significant;
use crate::source::{CsvFile, LoadError, positions};
use crate::trade_elasticity::tariffs;
use linalg::SymmetricEigen;
use ndarray::{Array1, Array2};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

/// Names of the files in the crate's `data`: estimates, and their covariances.
pub(crate) const FILES: [&str; 2] = ["theta/methods.csv", "theta/covariances.csv"];

const TEXTS: [&str; 2] =
    [include_str!("../../data/theta/methods.csv"), include_str!("../../data/theta/covariances.csv")];

/// How elasticities by industry are estimated from Caliendo and Parro's (2015) sample of imports and tariffs of 1993.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Their triple differences; heteroskedasticity-robust, industries independent.
    Triples,
    /// The same estimates; robust to the pairs of countries that triples share, in all industries ([`tariffs::triples`]).
    Pairs,
    /// One elasticity for all industries by efficient GMM on their triple differences ([`tariffs::pooled`]).
    Pooled,
    /// Log imports with exporter, importer and symmetric pair effects; clustered by pair over industries
    /// ([`tariffs::effects`]).
    Gravity,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Triples, Self::Pairs, Self::Pooled, Self::Gravity];

    /// Those whose estimates stand in [`FILES`].
    const JOINT: [Self; 3] = [Self::Pairs, Self::Pooled, Self::Gravity];

    /// The name that a scenario calls it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Triples => "caliendo-parro-2015",
            Self::Pairs => "caliendo-parro-pairs",
            Self::Pooled => "caliendo-parro-pooled",
            Self::Gravity => "gravity-1993",
        }
    }

    /// What its estimates rest on, in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Triples => "estimated on the sample of Caliendo and Parro (2015), industries independent",
            Self::Pairs => {
                "estimated on the sample of Caliendo and Parro (2015), covariance robust to pairs of countries that triples share"
            }
            Self::Pooled => {
                "estimated on the sample of Caliendo and Parro (2015), one elasticity for all industries by GMM"
            }
            Self::Gravity => {
                "estimated on the sample of Caliendo and Parro (2015), exporter, importer and pair effects, clustered by pair"
            }
        }
    }
}

/// Estimates by industry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ByIndustry {
    pub(super) theta: Array1<f64>,
    pub(super) covariance: Array2<f64>,
}

impl ByIndustry {
    /// Of [`Method::Triples`].
    pub(super) fn independent(estimates: &[Estimate]) -> Self {
        let variance: Array1<f64> = estimates.iter().map(|e| e.std_error.powi(2)).collect();
        Self { theta: estimates.iter().map(|e| e.theta).collect(), covariance: Array2::from_diag(&variance) }
    }
}

/// Every method on the sample, industries in its order.
pub(super) fn estimate(
    sample: &ElasticityData,
    independent: ByIndustry,
    folder: &Path,
) -> Result<BTreeMap<Method, ByIndustry>, LoadError> {
    let failed = |method: Method, error: &dyn Error| LoadError::Inconsistent {
        path: folder.to_owned(),
        message: format!("the elasticities `{}` cannot be estimated: {error}", method.name()),
    };
    let joint = |estimates: estimation::Estimates| ByIndustry {
        theta: estimates.coefficients().to_owned(),
        covariance: estimates.vcov().to_owned(),
    };
    let pairs = tariffs::triples(sample).map_err(|e| failed(Method::Pairs, &e))?;
    let gravity = tariffs::effects(sample).map_err(|e| failed(Method::Gravity, &e))?;
    let pooled = tariffs::pooled(sample).map_err(|e| failed(Method::Pooled, &e))?;
    let count = sample.sectors().len();
    let pooled = ByIndustry {
        theta: Array1::from_elem(count, pooled.theta[0]),
        covariance: Array2::from_elem((count, count), pooled.covariance[[0, 0]]),
    };
    Ok([
        (Method::Triples, independent),
        (Method::Pairs, joint(pairs)),
        (Method::Pooled, pooled),
        (Method::Gravity, joint(gravity)),
    ]
    .into())
}

/// What the crate ships.
pub(super) fn shipped(estimates: &[Estimate]) -> Result<BTreeMap<Method, ByIndustry>, LoadError> {
    let industries: Vec<String> = estimates.iter().map(|e| e.industry.clone()).collect();
    let (at, count) = (positions(&industries), industries.len());
    let empty = || ByIndustry {
        theta: Array1::from_elem(count, f64::NAN),
        covariance: Array2::from_elem((count, count), f64::NAN),
    };
    let mut all: BTreeMap<Method, ByIndustry> = Method::JOINT.map(|method| (method, empty())).into();
    let names = Method::JOINT.map(|method| method.name().to_owned());
    let known = positions(&names);

    let [values, covariances] =
        [0, 1].map(|k| CsvFile::from_reader(Path::new(FILES[k]), TEXTS[k].as_bytes()));
    let (values, covariances) = (values?, covariances?);
    let [method, industry, theta] = values.columns(["method", "industry", "theta"])?;
    for row in values.rows() {
        let method = Method::JOINT[row.label(method, "method", &known)?];
        let i = row.label(industry, "industry", &at)?;
        if let Some(of) = all.get_mut(&method) {
            of.theta[i] = row.number(theta)?;
        }
    }
    let [method, industry, with, covariance] =
        covariances.columns(["method", "industry", "with", "covariance"])?;
    for row in covariances.rows() {
        let method = Method::JOINT[row.label(method, "method", &known)?];
        let (i, j) = (row.label(industry, "industry", &at)?, row.label(with, "industry", &at)?);
        if let Some(of) = all.get_mut(&method) {
            of.covariance[[i, j]] = row.number(covariance)?;
            of.covariance[[j, i]] = of.covariance[[i, j]];
        }
    }
    for (method, of) in &mut all {
        let complete = of.theta.iter().chain(&of.covariance).all(|value| value.is_finite());
        let whole = SymmetricEigen::new(of.covariance.view()).ok().filter(|_| complete);
        let Some(eigen) = whole else {
            return Err(covariances.missing(format!("every pair of industries of `{}`", method.name())));
        };
        // The digits kept leave eigenvalues below zero by as much.
        of.covariance = eigen.map(|l| l.max(0.0));
    }
    all.insert(Method::Triples, ByIndustry::independent(estimates));
    Ok(all)
}

/// The texts of [`FILES`], six digits.
pub(super) fn to_csv(estimates: &[Estimate], all: &BTreeMap<Method, ByIndustry>) -> [String; 2] {
    let mut texts =
        [String::from("method,industry,theta\n"), String::from("method,industry,with,covariance\n")];
    for (method, of) in all.iter().filter(|(method, _)| Method::JOINT.contains(method)) {
        let name = method.name();
        // Writing to a string does not fail.
        for (i, a) in estimates.iter().enumerate() {
            let _ = writeln!(texts[0], "{name},{},{}", a.industry, significant(of.theta[i]));
            for (j, b) in estimates.iter().enumerate().take(i + 1) {
                let covariance = significant(of.covariance[[i, j]]);
                let _ = writeln!(texts[1], "{name},{},{},{covariance}", a.industry, b.industry);
            }
        }
    }
    texts
}
