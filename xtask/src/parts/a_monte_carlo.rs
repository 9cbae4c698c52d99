//! A4: the structural estimators where the truth is known.

use calibration::substitution::monte_carlo::{Candidate, Experiment, Results, Size, binomial_error};
use calibration::substitution::simulate::{Backdrop, Noise, Truth};
use calibration::substitution::{Inference, Residual, Specification};
use calibration::trade_elasticity::feenstra::{Base, Estimator, performance};
use calibration::trade_elasticity::unit_values::Design;

use super::{Inputs, Made};
use crate::error::Error;
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};

const SEED: u64 = 20_100_708;

/// Replications of most experiments; of those that take longest or are clear with fewer; of those that take least, at the shipped
/// panel's size.
const REPLICATIONS: usize = 400;
const FEW: usize = 120;
const MANY: usize = 1_600;

/// The elasticity of all sectors where one is estimated for all.
const COMMON: f64 = 0.3;

/// Estimators on the panels of one design.
struct Trial<'a> {
    design: &'static str,
    /// The estimators in words.
    names: Vec<String>,
    count: usize,
    /// Whether the test should reject: its column is then power.
    broken: bool,
    experiment: Experiment<'a>,
}

/// One estimator of a trial.
struct Row<'a> {
    design: &'static str,
    estimator: &'a str,
    broken: bool,
}

/// A4: bias, error, coverage, size and power by estimator, design and size of the panel.
pub(super) fn monte_carlo(_inputs: &Inputs) -> Result<Made, Error> {
    let solve = |truth| Backdrop::solve(truth).map_err(Error::library("the model behind simulated panels"));
    let apart = solve(Truth::default())?;
    let mut common = Truth::default();
    common.sigma.iter_mut().for_each(|(_, sigma)| *sigma = COMMON);
    let common = solve(common)?;
    let trials = trials(&apart, &common);

    let columns = vec![
        Column::label("design", "Design"),
        Column::label("estimator", "Estimator"),
        Column::number("observations", "Unit-years", "", Format::Integer, Provenance::Simulated),
        Column::number("replications", "Replications", "", Format::Integer, Provenance::Assumed),
        Column::label("parameter", "Parameter"),
        Column::number("truth", "Truth", "", Format::Fixed(2), Provenance::Assumed),
        Column::number("bias_pct", "Bias", "% of truth", Format::Fixed(1), Provenance::Simulated),
        Column::number("rmse", "RMSE", "", Format::Fixed(3), Provenance::Simulated),
        Column::number("error_ratio", "s.e. over s.d.", "", Format::Fixed(2), Provenance::Simulated),
        Column::number("coverage_pct", "Coverage", "%", Format::Fixed(1), Provenance::Simulated),
        Column::number("coverage_se_pct", "MC s.e.", "", Format::StandardError(1), Provenance::Simulated),
        Column::number("j_size_pct", "J: size", "%", Format::Fixed(1), Provenance::Simulated),
        Column::number("j_size_se_pct", "MC s.e.", "", Format::StandardError(1), Provenance::Simulated),
        Column::number("j_power_pct", "J: power", "%", Format::Fixed(1), Provenance::Simulated),
        Column::number("failed", "Failed", "", Format::Integer, Provenance::Simulated),
    ];
    let footer = Footer {
        data: "panels simulated from the model (no observed patents): 8 sectors, 17 economies, 2006-2018 after a presample of 8 \
               years, about 30,000 patents"
            .to_owned(),
        estimator: "two-step GMM on the patents and spending equations with concentrated unit effects".to_owned(),
        variance: "heteroskedasticity-robust with Windmeijer's correction unless the row says otherwise".to_owned(),
        seed: Some(SEED),
        inputs: "simulated".to_owned(),
    };
    let title = "Monte Carlo of the structural estimators";
    let mut table = Table::new("A4", title, Kind::Simulated, columns, footer);
    let mut shares = Vec::new();
    let mut last = "";
    let (mut off, mut biased) = (Vec::new(), Vec::new());
    for trial in &trials {
        let Trial { design, broken, .. } = *trial;
        let results =
            trial.experiment.run(trial.count, SEED).map_err(Error::library(format!("A4, {design}")))?;
        if design != last && !last.is_empty() {
            table.rule();
        }
        last = design;
        for (estimator, results) in trial.names.iter().zip(&results) {
            let row = Row { design, estimator, broken };
            add(&mut table, &row, results);
            off.extend(off_nominal(&row, results));
            biased.extend(bias(&row, results));
            if let (Some(recovered), Some(rank)) = (results.recovered, results.rank_correlation) {
                shares.push(format!(
                    "{} ({:.0} unit-years): rank correlation {rank:.3}, all sectors inside and ordered in {:.0}%",
                    estimator,
                    results.observations,
                    100.0 * recovered
                ));
            }
        }
    }
    table.note(
        "By sector: means over the eight sectors (bias: mean of absolute values), the elasticities from 0.1 to 0.8; the CSV file has \
         every sector. J at 5 percent; – : not this kind of design. MC s.e.: what a finite number of replications leaves uncertain.",
    );
    table.note(format!(
        "Coverage of 95 or size of 5 percent missed by more than two of its Monte Carlo standard errors: {}. Shrunken estimates are \
         biased towards the mean of sectors by construction, which is what lowers their mean square error. Rows of one design share \
         their panels, so that a chance departure shows in several rows.",
        if off.is_empty() { "nowhere".to_owned() } else { off.join("; ") }
    ));
    table.note(format!(
        "Bias of more than 5 percent of the truth, at the shipped size: {}. Patents alone say much less of a sector than spending does (RMSE), \
         and the less is known, the further an estimate is drawn to the mean of sectors.",
        if biased.is_empty() { "nowhere".to_owned() } else { biased.join("; ") }
    ));
    table.note(format!("Elasticities by sector: {}.", shares.join("; ")));
    table.note(
        "Small: six countries and China. Double: all countries twice. Weak: a twentieth of the policy, so that intervals are wide \
         and normal approximations poor. Element errors: both equations' errors reach units by their weights of elements, and \
         policy is independent across elements and years; phi known. Broken: duties raise patents directly.",
    );
    Ok(Made { tables: vec![table, unit_values()], figures: Vec::new(), checks: Vec::new() })
}

fn trials<'a>(apart: &'a Backdrop, common: &'a Backdrop) -> Vec<Trial<'a>> {
    let joint = Specification::default;
    let plain = |specification: Specification| (specification.words(), specification.into());
    let named = |specification: Specification, what: &str| {
        (format!("{}, {what}", specification.words()), specification.into())
    };
    let shrunken = |specification: Specification| {
        let words = format!("{}, shrunken", specification.words());
        (words, Candidate { specification, shrunken: true })
    };
    let additive = Specification { residual: Residual::Additive, ..Specification::patents(0.5).pooled() };
    let by = |inference| Specification { inference, phi: Some(0.5), ..joint().pooled() };
    let trial = |design, (backdrop, noise, size), count, estimators: Vec<(String, Candidate)>| {
        let (names, candidates) = estimators.into_iter().unzip();
        let experiment = Experiment { backdrop, noise, size, candidates };
        Trial { design, names, count, broken: design == "broken", experiment }
    };
    let noise = Noise::default();
    let weak = Noise { policy: 0.05, ..noise };
    let leak = Noise { duty_on_patents: 0.5, ..noise };
    let elements = Noise { element_policy: 0.5, element_error: 0.2, ..noise };
    let by_sector = vec![
        plain(Specification::patents(0.5)),
        shrunken(Specification::patents(0.5)),
        plain(Specification::spending()),
        plain(joint()),
        shrunken(joint()),
    ];
    let pooled = vec![
        plain(Specification::patents(0.5).pooled()),
        named(additive, "additive"),
        plain(Specification::spending().pooled()),
        plain(joint().pooled()),
    ];
    let one = |estimator| vec![estimator];
    vec![
        trial("shipped", (apart, noise, Size::Shipped), REPLICATIONS, by_sector),
        trial("shipped", (common, noise, Size::Shipped), MANY, pooled),
        trial("small", (apart, noise, Size::Countries(6)), REPLICATIONS, one(plain(joint()))),
        trial("small", (common, noise, Size::Countries(6)), REPLICATIONS, one(plain(joint().pooled()))),
        trial("double", (apart, noise, Size::Double), FEW, one(plain(joint()))),
        trial("weak", (common, weak, Size::Shipped), REPLICATIONS, one(plain(joint().pooled()))),
        trial(
            "element errors",
            (common, elements, Size::Shipped),
            REPLICATIONS,
            vec![
                named(by(Inference::Unit), "clustered by unit"),
                named(by(Inference::Exposure), "exposure-robust"),
            ],
        ),
        trial("broken", (common, leak, Size::Shipped), FEW, one(plain(joint().pooled()))),
        trial("broken", (apart, leak, Size::Shipped), FEW, one(named(joint().pooled(), "sectors differ"))),
    ]
}

fn add(table: &mut Table, row: &Row<'_>, results: &Results) {
    let test = results.rejections.map(|share| 100.0 * share);
    let test_error = results.rejections.map(|share| 100.0 * binomial_error(share, results.replications));
    let size_error = test_error.filter(|_| !row.broken);
    let (size, power) = if row.broken { (None, test) } else { (test, None) };
    let mut line = |parameter: String,
                    truth: Cell,
                    bias: f64,
                    rmse: f64,
                    ratio: f64,
                    coverage: (f64, f64),
                    first: bool| {
        table.row(vec![
            row.design.into(),
            row.estimator.into(),
            results.observations.round().into(),
            results.replications.into(),
            parameter.into(),
            truth,
            (100.0 * bias).into(),
            rmse.into(),
            ratio.into(),
            (100.0 * coverage.0).into(),
            (100.0 * coverage.1).into(),
            size.filter(|_| first).into(),
            size_error.filter(|_| first).into(),
            power.filter(|_| first).into(),
            results.failed.into(),
        ]);
    };
    let sectors: Vec<_> = results.performance.iter().filter(|p| p.parameter.starts_with("sigma.")).collect();
    if !sectors.is_empty() {
        let mean = |of: &dyn Fn(usize) -> f64| (0..sectors.len()).map(of).sum::<f64>() / sectors.len() as f64;
        let truth = mean(&|k| sectors[k].truth);
        line(
            "sigma, mean of sectors".to_owned(),
            truth.into(),
            mean(&|k| (sectors[k].bias / sectors[k].truth).abs()),
            mean(&|k| sectors[k].rmse),
            mean(&|k| sectors[k].error_ratio),
            (mean(&|k| sectors[k].coverage), results.mean_coverage_error.unwrap_or(f64::NAN)),
            true,
        );
    }
    for (k, p) in results.performance.iter().enumerate() {
        let first = k == 0 && sectors.is_empty();
        let coverage = (p.coverage, p.coverage_error);
        line(p.parameter.clone(), p.truth.into(), p.bias / p.truth, p.rmse, p.error_ratio, coverage, first);
    }
}

/// What of a row is off its nominal value by more than two Monte Carlo standard errors, in words. Where the test should reject
/// there is no nominal value.
fn off_nominal(row: &Row<'_>, results: &Results) -> Vec<String> {
    let name =
        |what: &str, value: f64| format!("{}, {}: {what} {:.1}", row.design, row.estimator, 100.0 * value);
    let far = |value: f64, nominal: f64, error: f64| (value - nominal).abs() > 2.0 * error;
    let sectors = results.mean_coverage_error.map(|error| (results.sigma()[3], error));
    let mut all = Vec::new();
    if let Some((coverage, error)) = sectors
        && far(coverage, 0.95, error)
    {
        all.push(name("coverage of sigma", coverage));
    }
    for p in results.performance.iter().filter(|p| sectors.is_none() || !p.parameter.starts_with("sigma.")) {
        if far(p.coverage, 0.95, binomial_error(0.95, results.replications)) {
            all.push(name(&format!("coverage of {}", p.parameter), p.coverage));
        }
    }
    if let Some(size) = results.rejections.filter(|_| !row.broken)
        && far(size, 0.05, binomial_error(0.05, results.replications))
    {
        all.push(name("size", size));
    }
    all
}

/// The parameters of a row at the shipped size whose bias is above a twentieth of their true value, in words.
fn bias(row: &Row<'_>, results: &Results) -> Option<String> {
    let large =
        results.performance.iter().filter(|p| row.design == "shipped" && p.bias.abs() > 0.05 * p.truth);
    let all: Vec<String> =
        large.map(|p| format!("{} {:+.1}", p.parameter, 100.0 * p.bias / p.truth)).collect();
    (!all.is_empty()).then(|| format!("{}: {}", row.estimator, all.join(", ")))
}

/// A4-trade: the elasticities of substitution between varieties from unit values, where the truth is known.
fn unit_values() -> Table {
    let number = |key: &str, heading: &str, unit: &str, format| {
        Column::number(key, heading, unit, format, Provenance::Simulated)
    };
    let columns = vec![
        Column::label("estimator", "Estimator"),
        Column::label("base", "Changes less those of the"),
        Column::number("varieties", "Varieties", "", Format::Integer, Provenance::Assumed),
        Column::number("years", "Years", "", Format::Integer, Provenance::Assumed),
        Column::number("turnover_pct", "Turnover", "%", Format::Integer, Provenance::Assumed),
        Column::number("truth", "sigma", "", Format::Fixed(1), Provenance::Assumed),
        number("replications", "Replications", "", Format::Integer),
        number("median_bias_pct", "Median bias", "% of truth", Format::Fixed(1)),
        number("rmse", "RMSE", "", Format::Fixed(2)),
        number("constrained_pct", "Constrained", "%", Format::Fixed(1)),
        number("coverage_pct", "Coverage", "%", Format::Fixed(1)),
        number("coverage_se_pct", "MC s.e.", "", Format::StandardError(1)),
    ];
    let footer = Footer {
        data: "unit values simulated from demand and supply with independent shocks".to_owned(),
        estimator:
            "second moments of prices and shares: two-stage least squares, weighted, limited information"
                .to_owned(),
        variance: "jackknife over exporters, Student's t with G - 3 degrees of freedom".to_owned(),
        seed: Some(SEED),
        inputs: "simulated".to_owned(),
    };
    let title = "Monte Carlo of trade elasticities from unit values";
    let mut table = Table::new("A4-trade", title, Kind::Simulated, columns, footer);
    for (varieties, years, turnover) in [(30, 15, 0.0), (60, 10, 0.0), (100, 40, 0.0), (60, 15, 0.1)] {
        if table.printed_rows() > 0 {
            table.rule();
        }
        let design = Design { varieties, years, turnover, ..Design::default() };
        let ways = Base::ALL.map(|base| Estimator::ALL.map(|estimator| (estimator, base))).concat();
        let all = performance(&design, &ways, REPLICATIONS, SEED);
        for ((estimator, base), found) in ways.iter().zip(all) {
            let free = (found.replications as f64 * (1.0 - found.constrained)).round() as usize;
            table.row(vec![
                estimator.name().into(),
                base.name().into(),
                varieties.into(),
                years.into(),
                (100.0 * turnover).into(),
                design.sigma.into(),
                found.replications.into(),
                (100.0 * found.median_bias).into(),
                found.rmse.into(),
                (100.0 * found.constrained).into(),
                (100.0 * found.coverage).into(),
                (100.0 * binomial_error(found.coverage, free)).into(),
            ]);
        }
    }
    table.note(
        "Constrained: no elasticity above one without constraint; these have no standard error and no part in the coverage. Least \
         squares is biased upwards in short panels, as Soderbery (2015) finds, and its intervals are centred on the bias.",
    );
    table.note(
        "Less those of a variety, as in the papers: its shocks are in every other's error, a part of them common to all in a year, \
         and no variance over varieties knows that part. Where all sell in every year a constant takes it out; Broda and Weinstein's \
         weighted means have none. Less those of the mean there is next to no such part, and estimates are several times as precise: \
         where the estimator is not biased, intervals hold the truth about as often as they say; those of weighted means, which rest \
         on few varieties, a little less often. Turnover: probability in a year that an exporter stops selling, or starts again.",
    );
    table
}
