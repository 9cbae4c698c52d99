//! B8: the parameters that printed and observed facts choose, and which facts the model meets.

use calibration::simulated_moments::{
    Calibrated, Calibration, CalibrationError, Kind as Fact, PARAMETERS, ProfilePoint, RANGES,
};

use super::{Inputs, Made};
use crate::error::Error;
use crate::report::figure::{Chart, Figure, Series};
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};
use crate::sources::{CALIBRATED, with_calibration};

/// Random starts, and the seed that draws them.
const STARTS: usize = 50;
const SEED: u64 = 20_100_710;

/// Points of each profile, and how many standard errors it reaches to either side.
const POINTS: usize = 5;
const WIDTH: f64 = 2.0;

/// What each parameter is, in the order of [`PARAMETERS`].
const MEANING: [&str; 6] = [
    "elasticity of substitution between rare earths and everything else, all sectors",
    "elasticity of innovations to research",
    "elasticity of productivity to the stock of knowledge",
    "spillover of rare-earth knowledge to a sector's whole productivity",
    "rate at which knowledge goes out of use",
    "resource's share of mining cost (supply elasticity (1 - beta)/beta)",
];

fn failed(error: CalibrationError) -> Error {
    Error::library("B8, the calibration")(error)
}

/// B8: parameters, moments, what identifies them, and printed facts that were not aimed at.
pub(super) fn calibration(_inputs: &Inputs) -> Result<Made, Error> {
    with_calibration(|problem| {
        let found = problem.fit(STARTS, SEED).map_err(failed)?;
        let all: Vec<usize> = (0..PARAMETERS.len()).collect();
        let profile = problem.profile(&found, &all, POINTS, WIDTH).map_err(failed)?;
        let tables = vec![
            parameters(&found),
            moments(&found),
            sensitivity(&found),
            profiles(&found, &profile),
            untargeted(problem, &found)?,
        ];
        Ok(Made { tables, figures: vec![figure(&found, &profile)], checks: Vec::new() })
    })
}

fn footer() -> Footer {
    Footer {
        data: "printed facts of Alfaro, Fadinger, Schymik and Virananda (2025) from the authors' summaries and the press; observed \
               prices and mine output (table B1); the project's rare-earth world economy of 2009"
            .to_owned(),
        estimator: "minimum distance between facts and a path of the model, 2010-2018, with China's exports by customs as quotas and \
                    technology directed by free entry; derivatives of the equilibrium chained along the path"
            .to_owned(),
        variance: "standard errors of the facts as given, facts independent; those of printed facts are assumed, as none are printed"
            .to_owned(),
        seed: Some(SEED),
        inputs: "read, derived (facts), assumed (their standard errors, outside information)".to_owned(),
    }
}

fn number(key: &str, heading: &str, format: Format, provenance: Provenance) -> Column {
    Column::number(key, heading, "", format, provenance)
}

fn parameters(found: &Calibrated) -> Table {
    let columns = vec![
        Column::label("parameter", "Parameter"),
        Column::label("meaning", "Meaning"),
        number("value", "Calibrated", Format::Fixed(3), Provenance::Estimated),
        number("std_error", "s.e.", Format::StandardError(3), Provenance::Estimated),
        number("outside", "Outside information", Format::Fixed(3), Provenance::Assumed),
        number("outside_se", "s.e.", Format::StandardError(3), Provenance::Assumed),
        number("range_low", "Searched from", Format::Fixed(2), Provenance::Assumed),
        number("range_high", "to", Format::Fixed(2), Provenance::Assumed),
    ];
    let title = "Parameters calibrated to printed and observed facts";
    let mut table = Table::new("B8", title, Kind::ReEstimated, columns, footer());
    let errors = found.standard_errors();
    for (k, name) in PARAMETERS.iter().enumerate() {
        let outside = found.targets.iter().find(|(target, _)| target.kind == Fact::Outside(k));
        table.row(vec![
            (*name).into(),
            MEANING[k].into(),
            found.values[k].into(),
            errors[k].into(),
            outside.map(|(target, _)| target.value).into(),
            outside.map(|(target, _)| target.std_error).into(),
            RANGES[k].0.into(),
            RANGES[k].1.into(),
        ]);
    }
    let test = found.test.as_ref().map_or_else(
        || "as many facts as parameters, so that nothing can be tested".to_owned(),
        |test| {
            let verdict =
                if test.p_value < 0.05 { "the facts do not agree with the model" } else { "not rejected" };
            format!("J = {:.1}, p = {:.4}: {verdict} at these standard errors", test.statistic, test.p_value)
        },
    );
    table.note(format!(
        "Criterion at the optimum {:.2} with {} facts and {} parameters; test of over-identification: {test}.",
        found.criterion,
        found.targets.len(),
        PARAMETERS.len()
    ));
    let elsewhere: Vec<String> =
        found.elsewhere().map(|run| format!("{:.2} ({})", run.criterion, run.status)).collect();
    table.note(format!(
        "{} of {} searches from points drawn uniformly over the middle four fifths of the ranges end within a hundredth of a standard \
         error of this optimum in every parameter{}. – : no outside information.",
        found.agreeing,
        found.starts,
        if elsewhere.is_empty() {
            String::new()
        } else {
            format!("; the others end at a criterion of {}", elsewhere.join(", "))
        }
    ));
    table.note(format!(
        "A scenario takes these with their joint covariance by one line for each, `sigma = \"{CALIBRATED}\"`; beta_r belongs to the \
         economy, which has 0.80."
    ));
    table
}

fn moments(found: &Calibrated) -> Table {
    let columns = vec![
        Column::label("fact", "Fact"),
        Column::label("kind", "Kind"),
        number("value", "Printed or observed", Format::Fixed(3), Provenance::Read),
        number("std_error", "s.e.", Format::StandardError(3), Provenance::Assumed),
        number("model", "Model", Format::Fixed(3), Provenance::Simulated),
        number("gap", "Gap over s.e.", Format::Fixed(2), Provenance::Simulated),
        number("t", "t of the gap", Format::Fixed(2), Provenance::Simulated),
        number("share_pct", "Part of the criterion, %", Format::Fixed(1), Provenance::Simulated),
    ];
    let title = "Facts of the calibration: printed or observed, and in the model";
    let mut table = Table::new("B8-moments", title, Kind::ReEstimated, columns, footer());
    let kinds: Vec<&str> = found.targets.iter().map(|(target, _)| kind(target.kind).0).collect();
    let mut missed = Vec::new();
    for (row, (target, made)) in found.targets.iter().enumerate() {
        if row > 0 && kinds[row] != kinds[row - 1] {
            table.rule();
        }
        let gap = (made - target.value) / target.std_error;
        let t = (made - target.value) / found.gap_error[row];
        if gap.abs() > 2.0 {
            missed.push(target.name.as_str());
        }
        table.row(vec![
            target.name.as_str().into(),
            kinds[row].into(),
            Cell::from(target.value).with_provenance(kind(target.kind).1),
            target.std_error.into(),
            (*made).into(),
            gap.into(),
            t.into(),
            (100.0 * gap * gap / found.criterion).into(),
        ]);
    }
    table.note(if missed.is_empty() {
        "No gap is beyond two standard errors of its fact.".to_owned()
    } else {
        format!("Missed by more than two standard errors: {}.", missed.join("; "))
    });
    table.note(
        "t of the gap: over the gap's own standard deviation, which is less than the fact's standard error because the parameters \
         follow the facts; its square is about what the criterion falls by without the fact.",
    );
    let sources: Vec<String> = found
        .targets
        .iter()
        .filter(|(target, _)| kind(target.kind).0 == "printed")
        .map(|(target, _)| format!("{}: {}", target.name, target.source))
        .collect();
    table.note(format!("Sources. {}. Observed: table B1.", sources.join(". ")));
    table
}

/// What a fact is, in a word, and where its number comes from.
fn kind(kind: Fact) -> (&'static str, Provenance) {
    match kind {
        Fact::Outside(_) => ("outside information", Provenance::Assumed),
        Fact::PriceOutside(_) | Fact::ChinaOutput(_) => ("observed", Provenance::Derived),
        _ => ("printed", Provenance::Read),
    }
}

fn sensitivity(found: &Calibrated) -> Table {
    let mut columns = vec![Column::label("fact", "Fact")];
    columns.extend(PARAMETERS.map(|name| number(name, name, Format::Fixed(2), Provenance::Simulated)));
    let title = "What the facts say about the parameters: scaled derivatives at the optimum";
    let mut table = Table::new("B8-jacobian", title, Kind::Simulated, columns, footer());
    for (row, (target, _)) in found.targets.iter().enumerate() {
        let mut cells: Vec<Cell> = vec![target.name.as_str().into()];
        cells.extend(found.jacobian.row(row).iter().map(|d| Cell::from(*d)));
        table.row(cells);
    }
    let list = |values: &[f64]| values.iter().map(|v| format!("{v:.2}")).collect::<Vec<_>>().join(", ");
    let (all, facts) = &found.singular_values;
    table.note(
        "Standard errors of the fact by which the model moves when a parameter moves over its whole range, at the slope of the optimum.",
    );
    table.note(format!(
        "Singular values: {} with all facts; {} without outside information. A value below one (there are {}) is a direction in which \
         the parameters may cross their ranges without the facts' noticing.",
        list(all),
        list(facts),
        facts.iter().filter(|v| **v < 1.0).count()
    ));
    table
}

fn profiles(found: &Calibrated, profile: &[ProfilePoint]) -> Table {
    let columns = vec![
        Column::label("parameter", "Parameter"),
        number("value", "Held at", Format::Fixed(3), Provenance::Assumed),
        number("distance", "s.e. from the optimum", Format::Fixed(1), Provenance::Derived),
        number("rise", "Criterion less its minimum", Format::Fixed(2), Provenance::Simulated),
        number("normal", "were it quadratic", Format::Fixed(2), Provenance::Derived),
    ];
    let title = "Profiles of the criterion: one parameter held, the others chosen anew";
    let mut table = Table::new("B8-profiles", title, Kind::Simulated, columns, footer());
    let mut last = "";
    for point in profile {
        if point.parameter != last && !last.is_empty() {
            table.rule();
        }
        last = point.parameter;
        let z = distance(found, point);
        table.row(vec![
            point.parameter.into(),
            point.value.into(),
            z.into(),
            point.criterion.map(|c| (c - found.criterion).max(0.0)).into(),
            (z * z).into(),
        ]);
    }
    table.note("– : no search ended. Points outside the range of a parameter are left out.");
    table
}

/// How many standard errors from the optimum a profile's parameter is held.
fn distance(found: &Calibrated, point: &ProfilePoint) -> f64 {
    let k = PARAMETERS.iter().position(|name| *name == point.parameter).unwrap_or(0);
    (point.value - found.values[k]) / found.standard_errors()[k]
}

fn untargeted(problem: &Calibration, found: &Calibrated) -> Result<Table, Error> {
    let columns = vec![
        Column::label("fact", "Fact"),
        Column::label("printed", "Printed"),
        number("model", "Model", Format::Fixed(4), Provenance::Simulated),
        Column::label("sign", "Sign"),
    ];
    let title = "Printed signs and size classes that the calibration does not aim at";
    let mut table = Table::new("B8-untargeted", title, Kind::Simulated, columns, footer());
    for fact in problem.untargeted(&found.values).map_err(failed)? {
        let sign = match fact.agrees {
            Some(true) => "as printed",
            Some(false) => "not as printed",
            None => "a size class",
        };
        table.row(vec![fact.name.into(), fact.printed.into(), fact.value.into(), sign.into()]);
    }
    table.note(
        "Losses are discounted over the path; without the technological response productivity stays as it was. The printed words are of \
         the authors' summaries and the press; they give no numbers.",
    );
    Ok(table)
}

fn figure(found: &Calibrated, profile: &[ProfilePoint]) -> Figure {
    let mut series: Vec<Series> = PARAMETERS
        .iter()
        .map(|name| {
            let points = profile.iter().filter(|point| point.parameter == *name).filter_map(|point| {
                Some((distance(found, point), (point.criterion? - found.criterion).max(0.0)))
            });
            Series { name: (*name).to_owned(), points: points.collect() }
        })
        .filter(|series| !series.points.is_empty())
        .collect();
    let steps = (0..=16).map(|k| WIDTH * (f64::from(k) / 8.0 - 1.0));
    series.push(Series { name: "quadratic".to_owned(), points: steps.map(|z| (z, z * z)).collect() });
    Figure {
        id: "B8".to_owned(),
        title: "Profiles of the calibration's criterion".to_owned(),
        description: "Lines by parameter: how much the criterion rises when the parameter is held off its optimum and the others are \
                      chosen anew, against its distance in standard errors; a quadratic criterion would follow the last line."
            .to_owned(),
        chart: Chart::Line {
            x: "standard errors from the optimum".to_owned(),
            y: "criterion less its minimum".to_owned(),
            log_y: false,
            series,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    /// The table with few starts and a profile of one parameter: what breaks the search, a fact or a column is seen without the
    /// fifty starts of the output.
    #[test]
    fn the_table_is_made_from_few_starts_that_agree() {
        let (found, tables, again) = with_calibration(|problem| {
            let found = problem.fit(2, SEED).map_err(failed)?;
            let profile = problem.profile(&found, &[0], 2, WIDTH).map_err(failed)?;
            assert!(matches!(
                problem.profile(&found, &[6], 2, WIDTH),
                Err(CalibrationError::Parameter { position: 6 })
            ));
            assert_eq!(profile.len(), 2);
            for point in &profile {
                assert!(point.criterion.is_some_and(|criterion| criterion >= found.criterion), "{point:?}");
            }
            let tables = [
                parameters(&found),
                moments(&found),
                sensitivity(&found),
                profiles(&found, &profile),
                untargeted(problem, &found)?,
            ];
            Ok((found, tables, problem.fit(0, 0).map_err(failed)?))
        })
        .unwrap();
        assert_eq!(found.agreeing, 2, "{:?}", found.runs);
        assert!(found.runs.iter().all(|run| run.criterion >= found.criterion - 1e-6), "{:?}", found.runs);
        for (k, (value, error)) in found.values.iter().zip(found.standard_errors()).enumerate() {
            assert!((RANGES[k].0..RANGES[k].1).contains(value) && error > 0.0, "{}: {value}", PARAMETERS[k]);
            // What scenarios take from one start is what the table shows.
            assert!((again.values[k] - value).abs() <= 0.01 * error, "{}", PARAMETERS[k]);
        }
        let smallest = found.singular_values.0.last().unwrap();
        assert!(*smallest > 0.0, "a parameter is not identified");
        for table in tables {
            table.check().unwrap();
            assert!(table.printed_rows() > 0, "{} has no row", table.id);
        }
    }
}
