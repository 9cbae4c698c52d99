//! Estimators on simulated trade, from ten thousand rows on: time and memory.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use estimation::{Categories, Estimates, EstimationError, KClass, Regression, SmallSample, Vcov};
use ndarray::{Array1, Array2, ShapeBuilder};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::fastest;
use crate::console;
use crate::error::Error;
use crate::report::manifest::{peak_memory, reset_peak_memory};
use crate::report::table::{Column, Footer, Format, Kind, Provenance, Table};

const SEED: u64 = 1;
/// What the simulation puts in and the estimators are to find again.
const EFFECT: f64 = 0.4;
/// Years of each pair of countries.
const YEARS: usize = 10;
/// How many countries the samples have.
const COUNTRIES: [usize; 4] = [32, 100, 316, 1000];
/// How long an estimator is timed on one sample.
const PATIENCE: Duration = Duration::from_secs(2);

/// Trade between all pairs of countries over ten years: what a gravity equation is estimated on.
struct Sample {
    regression: Regression,
    endogenous: Regression,
    levels: Regression,
    pair: Categories,
}

/// Which estimator, with what effects.
#[derive(Debug, Clone, Copy)]
enum Model {
    LeastSquares,
    Instruments,
    Poisson,
}

impl Model {
    const ALL: [Self; 3] = [Self::LeastSquares, Self::Instruments, Self::Poisson];

    fn name(self) -> &'static str {
        match self {
            Self::LeastSquares => "Least squares",
            Self::Instruments => "Two-stage least squares",
            Self::Poisson => "Poisson pseudo-likelihood",
        }
    }

    fn of(self, sample: &Sample) -> &Regression {
        match self {
            Self::LeastSquares => &sample.regression,
            Self::Instruments => &sample.endogenous,
            Self::Poisson => &sample.levels,
        }
    }

    fn estimate(self, sample: &Sample, vcov: &Vcov) -> Result<Estimates, EstimationError> {
        let regression = self.of(sample);
        Ok(match self {
            Self::LeastSquares => regression.ols(vcov)?.estimates().clone(),
            Self::Instruments => regression.iv(KClass::TwoStage, vcov)?.estimates().clone(),
            Self::Poisson => regression.poisson(vcov)?.estimates().clone(),
        })
    }
}

/// Columns of 64-bit numbers that a model works on: outcome, regressors, instruments, three effects.
fn columns(model: Model) -> usize {
    match model {
        Model::LeastSquares | Model::Poisson => 6,
        Model::Instruments => 7,
    }
}

fn sample(countries: usize) -> Sample {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let mut normals = |n: usize| -> Vec<f64> { (0..n).map(|_| StandardNormal.sample(&mut rng)).collect() };
    let rows = countries * countries * YEARS;
    let exporter = |row: usize| row / (countries * YEARS);
    let importer = |row: usize| row / YEARS % countries;
    let year = |row: usize| row % YEARS;
    let (size, taste, tie) =
        (normals(countries * YEARS), normals(countries * YEARS), normals(countries * countries));
    let (cost, pull, shift, noise) = (normals(rows), normals(rows), normals(rows), normals(rows));
    let part = |row: usize| {
        size[exporter(row) * YEARS + year(row)] + taste[importer(row) * YEARS + year(row)] + tie[row / YEARS]
    };
    // The first regressor goes with the effects. The second is moved by what moves the outcome, and by the instrument.
    let first: Vec<f64> = (0..rows).map(|r| cost[r] + 0.5 * part(r)).collect();
    let second: Vec<f64> = (0..rows).map(|r| pull[r] + shift[r]).collect();
    let index = |r: usize| EFFECT * first[r] + 0.3 * part(r);
    let two = Array2::from_shape_fn((rows, 2).f(), |(r, j)| if j == 0 { first[r] } else { second[r] });
    let one = Array2::from_shape_fn((rows, 1).f(), |(r, _)| first[r]);
    let outcome = Array1::from_shape_fn(rows, |r| index(r) - 0.2 * second[r] + 0.5 * noise[r]);
    let moved = Array1::from_shape_fn(rows, |r| index(r) - 0.2 * second[r] + pull[r] + 0.5 * noise[r]);
    // Noise with mean one, so that the mean of trade is right whatever its variance.
    let trade =
        Array1::from_shape_fn(rows, |r| (0.3 * (index(r) - 0.2 * second[r]) + 0.5 * noise[r] - 0.125).exp());
    let effects = || {
        [
            Categories::new("exporter-year", (0..rows).map(|r| exporter(r) * YEARS + year(r))),
            Categories::new("importer-year", (0..rows).map(|r| importer(r) * YEARS + year(r))),
            Categories::new("pair", (0..rows).map(|r| r / YEARS)),
        ]
    };
    let pair = Categories::new("pair", (0..rows).map(|r| r / YEARS));
    let regression = Regression::new(outcome, two.clone()).absorb(effects());
    let endogenous = Regression::new(moved, one)
        .absorb(effects())
        .endogenous(["second"], Array2::from_shape_fn((rows, 1).f(), |(r, _)| second[r]))
        .instruments(["shift"], Array2::from_shape_fn((rows, 1).f(), |(r, _)| shift[r]));
    let levels = Regression::new(trade, two).absorb(effects());
    Sample { regression, endogenous, levels, pair }
}

/// The estimators' table, up to `most` rows.
pub(super) fn table(most: usize) -> Result<Table, Error> {
    let number = |key: &str, heading: &str, unit: &str, digits| {
        Column::number(key, heading, unit, Format::Fixed(digits), Provenance::Derived)
    };
    let columns_of_table = vec![
        Column::label("estimator", "Estimator"),
        Column::number("rows", "Rows", "", Format::Integer, Provenance::Derived),
        number("seconds", "Time", "s", 3),
        number("nanoseconds_per_row", "per row", "ns", 0),
        number("data_megabytes", "Data", "MB", 1),
        number("extra_megabytes", "Memory that the fit adds", "MB", 1),
        number("estimate", "Estimate of the first coefficient", "", 4),
    ];
    let footer = Footer {
        data: "Simulated trade of all pairs of 32 to 1,000 countries over ten years".to_owned(),
        estimator: format!(
            "Two regressors; exporter-year, importer-year and pair effects absorbed; instrument for the second regressor where there is \
             one; all cores. The true first coefficient is {EFFECT}, in the Poisson model {}",
            0.3 * EFFECT
        ),
        variance: "Clustered by pair".to_owned(),
        seed: Some(SEED),
        inputs: "simulated".to_owned(),
    };
    let mut table = Table::new(
        "benchmarks-estimators",
        "Time and memory of estimators as rows grow",
        Kind::Simulated,
        columns_of_table,
        footer,
    );
    let countries: Vec<usize> =
        COUNTRIES.into_iter().filter(|n| n * n * YEARS <= most.saturating_mul(11) / 10).collect();
    for (number, &n) in countries.iter().enumerate() {
        if number > 0 {
            table.rule();
        }
        let rows = n * n * YEARS;
        console::notice(format!("bench: regressions on {rows} rows"));
        let sample = sample(n);
        let vcov = Vcov::cluster([sample.pair.clone()], SmallSample::Fixest);
        for (place, model) in Model::ALL.into_iter().enumerate() {
            let (seconds, fit) = fastest(PATIENCE, || model.estimate(&sample, &vcov));
            let extra = memory(place, rows)?;
            let fit = fit.map_err(Error::library(format!("{} on {rows} rows", model.name())))?;
            let row = vec![
                model.name().into(),
                rows.into(),
                seconds.into(),
                (seconds / rows as f64 * 1e9).into(),
                ((rows * columns(model) * size_of::<f64>()) as f64 / 1e6).into(),
                extra.into(),
                fit.coefficients().first().copied().into(),
            ];
            table.row(row);
        }
    }
    if most < 10_000_000 {
        table.note(format!("No more than {most} rows, as `--rows` or `--quick` said."));
    }
    table.note(
        "Data: the columns that the model works on, outcome, regressors, instrument and effects, at eight bytes a number. Memory that the \
         fit adds: the peak of a process of its own during the fit over what it held before, where the system tells.",
    );
    Ok(table)
}

/// The memory that a fit adds, in megabytes, measured in a process of its own in which what is freed goes back to the system at
/// once: otherwise a fit would find room that making the sample has left.
fn memory(place: usize, rows: usize) -> Result<Option<f64>, Error> {
    let program = std::env::current_exe().map_err(Error::io("find", Path::new("this program")))?;
    let output = Command::new(&program)
        .args(["bench", "--memory-of", &place.to_string(), "--rows", &rows.to_string()])
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .output()
        .map_err(Error::io("run", &program))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}

/// Prints the memory that the fit of an estimator adds.
pub(super) fn tell_memory(place: usize, rows: usize) -> Result<(), Error> {
    let Some(model) = Model::ALL.into_iter().nth(place) else { return Ok(()) };
    let sample = sample(COUNTRIES.into_iter().find(|n| n * n * YEARS >= rows).unwrap_or(COUNTRIES[0]));
    let vcov = Vcov::cluster([sample.pair.clone()], SmallSample::Fixest);
    reset_peak_memory();
    let before = peak_memory();
    model.estimate(&sample, &vcov).map_err(Error::library(model.name()))?;
    if let Some((after, before)) = peak_memory().zip(before) {
        console::result(format!("{}", after.saturating_sub(before) as f64 / 1e6));
    }
    Ok(())
}
