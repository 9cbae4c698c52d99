//! Event studies of rare-earth intensity: the form that tables B3, B4 and B5 share.

use estimation::event_study::{EventPath, MomentTest};
use estimation::resample::{ScoreBootstrap, ScoreModel, WildWeights};
use estimation::{Categories, Estimates, Formula, Model, Table as Data, VcovFormula, WeightColumn};

use crate::error::Error;
use crate::report::figure::{Chart, Estimated, Figure};
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};

/// The last year before the restrictions.
pub(super) const REFERENCE: i64 = 2009;
const LEVEL: f64 = 0.95;
const SEED: u64 = 20_100_709;
const DRAWS: usize = 9_999;
/// Bounds on departures from parallel trends, as multiples of the largest before the restrictions.
const MBAR: [f64; 4] = [0.0, 0.5, 1.0, 2.0];

/// A row of data: an outcome of an industry in a place and a year.
pub(super) struct Observation {
    pub(super) outcome: f64,
    pub(super) place: String,
    /// The other side of a flow; empty where there is none.
    pub(super) partner: String,
    /// What the intensity belongs to, and what is clustered by.
    pub(super) sector: String,
    /// The unit whose own level is taken out; the sector itself in most panels.
    pub(super) unit: String,
    pub(super) year: i32,
    /// In standard deviations.
    pub(super) intensity: f64,
}

/// The columns that formulas speak of: `y`, `place`, `partner`, `sector`, `unit`, `year`, `intensity` and `china`
/// (intensity in China, zero elsewhere), both also `after_` (zero up to the reference year).
pub(super) fn data(rows: &[Observation]) -> Result<Data, Error> {
    let inside = |r: &Observation| if r.place == "CHN" { r.intensity } else { 0.0 };
    let after = |r: &Observation| f64::from(u8::from(i64::from(r.year) > REFERENCE));
    let numbers = |of: &dyn Fn(&Observation) -> f64| rows.iter().map(of).collect::<Vec<f64>>();
    Data::new()
        .numeric("y", numbers(&|r| r.outcome))
        .and_then(|d| d.categorical("place", rows.iter().map(|r| r.place.as_str())))
        .and_then(|d| d.categorical("partner", rows.iter().map(|r| r.partner.as_str())))
        .and_then(|d| d.categorical("sector", rows.iter().map(|r| r.sector.as_str())))
        .and_then(|d| d.categorical("unit", rows.iter().map(|r| r.unit.as_str())))
        .and_then(|d| d.numeric("year", numbers(&|r| f64::from(r.year))))
        .and_then(|d| d.numeric("intensity", numbers(&|r| r.intensity)))
        .and_then(|d| d.numeric("china", numbers(&inside)))
        .and_then(|d| d.numeric("after_intensity", numbers(&|r| after(r) * r.intensity)))
        .and_then(|d| d.numeric("after_china", numbers(&|r| after(r) * inside(r))))
        .map_err(Error::library("the panel of an event study"))
}

/// What a regressor is called in print.
fn printed_name(term: &str) -> &'static str {
    match term {
        "after_china" | "china" => "China less elsewhere",
        _ => "intensity",
    }
}

/// A regression of a study.
#[derive(Clone, Copy)]
pub(super) struct Specification<'a> {
    pub(super) label: &'a str,
    pub(super) data: &'a Data,
    pub(super) model: ScoreModel,
    /// Regressors.
    pub(super) terms: &'a [&'a str],
    /// Fixed effects, as in a formula.
    pub(super) effects: &'a str,
}

impl Specification<'_> {
    fn estimate(&self, terms: &str) -> Result<(Model, Estimates, f64), Error> {
        let failed = || format!("the study `{}`", self.label);
        let vcov = VcovFormula::parse("cluster(sector)").map_err(Error::library(failed()))?;
        let model = Formula::parse(&format!("y ~ {terms} | {}", self.effects))
            .and_then(|formula| formula.model(self.data, &vcov, WeightColumn::None))
            .map_err(Error::library(failed()))?;
        let fit = match self.model {
            ScoreModel::Poisson => {
                model.regression.poisson(&model.vcov).map(|f| (f.estimates().clone(), f.observations()))
            }
            _ => model.regression.ols(&model.vcov).map(|f| (f.estimates().clone(), f.observations())),
        };
        let (estimates, n) = fit.map_err(Error::library(failed()))?;
        Ok((model, estimates, n))
    }

    /// One row for each regressor: estimate, clustered standard error, bootstrap p-value, clusters, N.
    pub(super) fn rows(&self, table: &mut Table) -> Result<(), Error> {
        let failed = || format!("the study `{}`", self.label);
        let (model, estimates, n) = self.estimate(&self.terms.join(" + "))?;
        let clusters = self.clusters(&model)?;
        let bootstrap = ScoreBootstrap { weights: WildWeights::Webb, draws: DRAWS, seed: SEED };
        for term in self.terms {
            let found = estimates.coefficient(term).map_err(Error::library(failed()))?;
            let test = bootstrap
                .test(&model.regression, self.model, term, 0.0, &clusters)
                .map_err(Error::library(failed()))?;
            table.row(vec![
                self.label.into(),
                printed_name(term).into(),
                found.estimate.into(),
                found.std_error.into(),
                found.p_value.into(),
                test.p_value.into(),
                test.clusters.into(),
                n.into(),
            ]);
        }
        Ok(())
    }

    fn clusters(&self, model: &Model) -> Result<Categories, Error> {
        let sectors = self.data.select(&model.rows);
        sectors.labels("sector").cloned().ok_or_else(|| defect(self.label, "its panel has no sectors"))
    }

    /// The effects of each regressor year by year.
    pub(super) fn paths(&self, reference: i64) -> Result<Vec<(&'static str, EventPath)>, Error> {
        let failed = || format!("the study `{}` year by year", self.label);
        let terms: Vec<String> =
            self.terms.iter().map(|term| format!("i(year, {term}, ref={reference})")).collect();
        let (_, estimates, _) = self.estimate(&terms.join(" + "))?;
        self.terms
            .iter()
            .map(|term| {
                let suffix = format!(":{term}");
                let mut periods = Vec::new();
                let mut at = Vec::new();
                for (k, name) in estimates.names().iter().enumerate() {
                    let year = name.strip_prefix("year::").and_then(|n| n.strip_suffix(&suffix));
                    if let Some(year) = year.and_then(|y| y.parse().ok()) {
                        periods.push(year);
                        at.push(k);
                    }
                }
                let effects = at.iter().map(|&k| estimates.coefficients()[k]).collect::<Vec<f64>>();
                let covariance = ndarray::Array2::from_shape_fn((at.len(), at.len()), |(i, j)| {
                    estimates.vcov()[[at[i], at[j]]]
                });
                let effects = ndarray::Array1::from_vec(effects);
                EventPath::new(&periods, reference, effects.view(), covariance.view())
                    .map(|path| (printed_name(term), path))
                    .map_err(Error::library(failed()))
            })
            .collect()
    }
}

/// The table of average effects, still without rows.
pub(super) fn averages(id: &str, title: &str, footer: Footer) -> Table {
    let estimated =
        |key: &str, heading: &str, format| Column::number(key, heading, "", format, Provenance::Estimated);
    let columns = vec![
        Column::label("specification", "Specification"),
        Column::label("regressor", "After 2009 ×"),
        estimated("estimate", "Estimate", Format::Fixed(4)),
        estimated("std_error", "s.e.", Format::StandardError(4)),
        estimated("p_value", "p", Format::Fixed(3)),
        estimated("p_value_bootstrap", "p, wild bootstrap", Format::Fixed(3)),
        Column::number("clusters", "Clusters", "", Format::Integer, Provenance::Derived),
        Column::number("n", "N", "", Format::Integer, Provenance::Derived),
    ];
    Table::new(id, title, Kind::ReEstimated, columns, Footer { seed: Some(SEED), ..footer })
}

/// Effects by year with their bands.
pub(super) fn by_year(
    id: &str,
    title: &str,
    footer: Footer,
    paths: &[(String, EventPath)],
) -> Result<(Table, Figure), Error> {
    let estimated =
        |key: &str, heading: &str, format| Column::number(key, heading, "", format, Provenance::Estimated);
    let columns = vec![
        Column::label("regressor", "Intensity ×"),
        Column::number("year", "Year", "", Format::Plain, Provenance::Read),
        estimated("effect", "Effect", Format::Fixed(4)),
        estimated("std_error", "s.e.", Format::StandardError(4)),
        estimated("lower", "95% from", Format::Fixed(4)),
        estimated("upper", "to", Format::Fixed(4)),
        estimated("band_lower", "Whole path from", Format::Fixed(4)),
        estimated("band_upper", "to", Format::Fixed(4)),
    ];
    let mut table = Table::new(id, title, Kind::ReEstimated, columns, Footer { seed: Some(SEED), ..footer });
    let mut series = Vec::new();
    for (k, (name, path)) in paths.iter().enumerate() {
        if k > 0 {
            table.rule();
        }
        let points =
            path.points(LEVEL, DRAWS, SEED).map_err(Error::library(format!("the bands of {name}")))?;
        for point in &points {
            table.row(vec![
                name.as_str().into(),
                (point.period as f64).into(),
                point.effect.into(),
                if point.is_reference { Cell::absent() } else { point.standard_error.into() },
                point.pointwise.0.into(),
                point.pointwise.1.into(),
                point.simultaneous.0.into(),
                point.simultaneous.1.into(),
            ]);
        }
        let drawn = points.iter().map(|p| (p.period as f64, p.effect, p.pointwise.0, p.pointwise.1));
        series.push(Estimated { name: name.clone(), points: drawn.collect() });
    }
    table.note(
        "Pointwise 95% intervals, and bands that cover the whole path with 95% probability (Montiel Olea and \
         Plagborg-Moller 2019). – : the reference year, zero by definition.",
    );
    let figure = Figure {
        id: id.to_owned(),
        title: title.to_owned(),
        description: "Effects of one standard deviation of rare-earth intensity by year with pointwise 95% intervals; zero \
                      in the reference year."
            .to_owned(),
        chart: Chart::Intervals { x: "year".to_owned(), y: "effect of one s.d.".to_owned(), series },
    };
    Ok((table, figure))
}

/// Tests before the event, and what is left of the mean effect after it when trends need not be parallel.
pub(super) fn robustness(
    id: &str,
    title: &str,
    footer: Footer,
    paths: &[(String, EventPath)],
) -> Result<Table, Error> {
    let estimated = |key: String, heading: String| {
        Column::number(key, heading, "", Format::Fixed(4), Provenance::Estimated)
    };
    let mut columns = vec![
        Column::label("regressor", "Intensity ×"),
        Column::number("pre_trend_p", "p of no effect before", "", Format::Fixed(3), Provenance::Estimated),
        estimated("mean_effect".into(), "Mean effect after".into()),
    ];
    for mbar in MBAR {
        columns.push(estimated(format!("lower_{mbar}"), format!("M̄ = {mbar}: from")));
        columns.push(estimated(format!("upper_{mbar}"), "to".into()));
    }
    columns.push(estimated("breakdown".into(), "Largest M̄ without zero".into()));
    let mut table = Table::new(id, title, Kind::ReEstimated, columns, footer);
    for (name, path) in paths {
        let failed = || format!("the robustness of {name}");
        let weights = path.mean_effect();
        let before = path.pre_trend_test().map_err(Error::library(failed()))?;
        let mut row: Vec<Cell> = vec![name.as_str().into(), before.p_value.into()];
        let mut cells = Vec::new();
        for mbar in MBAR {
            let interval = if mbar == 0.0 {
                path.relative_magnitudes(weights.view(), mbar, LEVEL)
            } else {
                path.relative_magnitudes_by(MomentTest::Hybrid, weights.view(), mbar, LEVEL)
            }
            .map_err(Error::library(failed()))?;
            if cells.is_empty() {
                row.push(path.mean_after().into());
            }
            cells.extend([interval.lower.into(), interval.upper.into()]);
        }
        row.extend(cells);
        let breakdown =
            path.breakdown_relative_magnitudes(weights.view(), LEVEL).map_err(Error::library(failed()))?;
        row.push(breakdown.into());
        table.row(row);
    }
    table.note(
        "95% intervals for the mean effect after 2009 when the yearly change of the difference in trends is at most M̄ times \
         its largest change before (Rambachan and Roth 2023, relative magnitudes, hybrid test). M̄ = 0, parallel trends after \
         2009, has the normal interval; the last column comes from unions of normal intervals. The test of no effect before is \
         chi-squared and rejects too often with few clusters.",
    );
    Ok(table)
}

pub(super) fn defect(table: &str, problem: &str) -> Error {
    Error::Report { table: table.to_owned(), problem: problem.to_owned() }
}
