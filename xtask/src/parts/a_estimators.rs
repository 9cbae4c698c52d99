//! A3: the estimators, held against printed estimates on the data that these were printed for.

use std::path::Path;

use estimation::gmm::{Automatic, DualMoments, DualNum, FirstWeight, Gmm, MomentCovariance, Steps};
use estimation::{Estimates, Formula, Table as Data, VcovFormula, WeightColumn};
use ndarray::array;

use super::{Inputs, Made};
use crate::error::Error;
use crate::estimate::read;
use crate::report::checks::Check;
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};

/// The regressors of Silva and Tenreyro's table 3.
const GRAVITY: &str = "lypex + lypim + lyex + lyim + ldist + border + comlang + colony + landl_ex + landl_im \
                       + lremot_ex + lremot_im + comfrt_wto + open_wto";

/// One printed regression.
struct Regression {
    name: &'static str,
    formula: String,
    poisson: bool,
    vcov: &'static str,
    /// Names in the formula and in print.
    parameters: &'static [(&'static str, &'static str)],
    /// Whether the number of observations is printed.
    counted: bool,
}

/// A3: every printed estimate, its standard error and the number of observations.
pub(super) fn benchmarks(inputs: &Inputs) -> Result<Made, Error> {
    let gravity = inputs.set("gravity")?;
    let columns = vec![
        Column::label("specification", "Specification"),
        Column::label("parameter", "Parameter"),
        Column::number("estimate", "Estimate", "", Format::Fixed(3), Provenance::Estimated),
        Column::number("std_error", "s.e.", "", Format::StandardError(3), Provenance::Estimated),
        Column::number("n", "N", "", Format::Integer, Provenance::Derived),
    ];
    let footer = Footer {
        data: "Silva and Tenreyro (2006), Log of Gravity sample; Yotov, Piermartini, Monteiro and Larch (2016), Advanced \
               Guide sample, 1986, 1990, ..., 2006; Hall's monthly data 1959:2-1997:12 as distributed with gretl"
            .to_owned(),
        estimator: "OLS; Poisson PML with fixed effects absorbed; iterated GMM".to_owned(),
        variance: "Log of Gravity: HC1; Advanced Guide: clustered by pair, G/(G-1) (Stata's convention for Poisson); Euler \
                   equation: heteroskedasticity-robust"
            .to_owned(),
        seed: None,
        inputs: "read".to_owned(),
    };
    let mut table = Table::new("A3", "Estimator benchmarks", Kind::Replicated, columns, footer);
    let mut checks = Vec::new();
    let samples = [log_of_gravity(&gravity)?, advanced_guide(&gravity)?];
    for (position, (data, regression)) in samples.iter().flatten().enumerate() {
        if position == 3 {
            table.rule();
        }
        let (estimates, n) = estimate(data, regression)?;
        report(inputs, regression, &estimates, n, &mut table, &mut checks)?;
    }
    table.rule();
    euler(inputs, &mut table, &mut checks)?;
    table.note(
        "OLS and PPML of trade on incomes, incomes per head, distance, contiguity, language, colonial ties, landlockedness, \
         remoteness, agreement and openness (Silva and Tenreyro, Table 3). Gravity: ln distance, contiguity, common language, \
         colony, exporter-year and importer-year effects, without domestic trade. RTA: exporter-year, importer-year and pair \
         effects, with domestic trade.",
    );
    table.note(
        "Euler equation: δ R C^(α-1) - 1, instruments a constant and two lags of consumption growth and of the return. The \
         row of Hansen's J holds the statistic. – : not a parameter.",
    );
    Ok(Made { tables: vec![table], figures: Vec::new(), checks })
}

fn log_of_gravity(folder: &Path) -> Result<Vec<(Data, Regression)>, Error> {
    let all = read(&folder.join("log_of_gravity.csv.gz"))?;
    let trade = numbers(&all, "trade")?;
    let traded: Vec<usize> = (0..trade.len()).filter(|&i| trade[i] > 0.0).collect();
    let positive = all.select(&traded);
    let regression = |name, outcome: &str, poisson| Regression {
        name,
        formula: format!("{outcome} ~ {GRAVITY}"),
        poisson,
        vcov: "HC1",
        parameters: &[("ldist", "ln distance")],
        counted: true,
    };
    Ok(vec![
        (positive.clone(), regression("OLS, trade>0", "log(trade)", false)),
        (positive, regression("PPML, trade>0", "trade", true)),
        (all, regression("PPML, all pairs", "trade", true)),
    ])
}

fn advanced_guide(folder: &Path) -> Result<Vec<(Data, Regression)>, Error> {
    let all = read(&folder.join("agtpa_applications.csv.gz"))?;
    let year = numbers(&all, "year")?;
    let fourth: Vec<usize> = (0..year.len()).filter(|&i| (year[i] - 1986.0) % 4.0 == 0.0).collect();
    let fourth = all.select(&fourth);
    let label = |name: &str| {
        fourth.labels(name).ok_or_else(|| defect(format!("the sample has no column of labels `{name}`")))
    };
    let (exporter, importer) = (label("exporter")?, label("importer")?);
    let abroad: Vec<usize> = (0..fourth.rows()).filter(|&i| exporter.label(i) != importer.label(i)).collect();
    let vcov = "cluster(pair_id, ssc=stata)";
    let gravity = Regression {
        name: "PPML, gravity",
        formula: "trade ~ log(dist) + cntg + lang + clny | exporter^year + importer^year".to_owned(),
        poisson: true,
        vcov,
        parameters: &[
            ("log(dist)", "ln distance"),
            ("cntg", "contiguity"),
            ("lang", "common language"),
            ("clny", "colony"),
        ],
        counted: false,
    };
    let agreements = Regression {
        name: "PPML, RTA",
        formula: "trade ~ rta | exporter^year + importer^year + pair_id".to_owned(),
        poisson: true,
        vcov,
        parameters: &[("rta", "RTA")],
        counted: false,
    };
    Ok(vec![(fourth.select(&abroad), gravity), (fourth, agreements)])
}

fn estimate(data: &Data, regression: &Regression) -> Result<(Estimates, f64), Error> {
    let failed = |name: &str| format!("the benchmark `{name}`");
    let vcov = VcovFormula::parse(regression.vcov).map_err(Error::library(failed(regression.name)))?;
    let model = Formula::parse(&regression.formula)
        .and_then(|formula| formula.model(data, &vcov, WeightColumn::None))
        .map_err(Error::library(failed(regression.name)))?;
    let fit = if regression.poisson {
        model.regression.poisson(&model.vcov).map(|f| (f.estimates().clone(), f.observations()))
    } else {
        model.regression.ols(&model.vcov).map(|f| (f.estimates().clone(), f.observations()))
    };
    fit.map_err(Error::library(failed(regression.name)))
}

fn report(
    inputs: &Inputs,
    regression: &Regression,
    estimates: &Estimates,
    n: f64,
    table: &mut Table,
    checks: &mut Vec<Check>,
) -> Result<(), Error> {
    let name = regression.name;
    for (coefficient, parameter) in regression.parameters {
        let found =
            estimates.coefficient(coefficient).map_err(Error::library(format!("the benchmark `{name}`")))?;
        table.row(vec![
            name.into(),
            (*parameter).into(),
            found.estimate.into(),
            found.std_error.into(),
            n.into(),
        ]);
        checks.push(inputs.published.check("A3", &format!("{name}: {parameter}"), found.estimate)?);
        checks.push(inputs.published.check(
            "A3",
            &format!("{name}: s.e. of {parameter}"),
            found.std_error,
        )?);
    }
    if regression.counted {
        checks.push(inputs.published.check("A3", &format!("{name}: N"), n)?);
    }
    Ok(())
}

/// Hansen and Singleton's consumption Euler equation.
struct Euler {
    growth: Vec<f64>,
    gross_return: Vec<f64>,
}

impl DualMoments for Euler {
    fn observations(&self) -> usize {
        self.growth.len().saturating_sub(2)
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
        out.iter_mut().zip(instruments).for_each(|(o, z)| *o = error * z);
    }
}

fn euler(inputs: &Inputs, table: &mut Table, checks: &mut Vec<Check>) -> Result<(), Error> {
    const NAME: &str = "GMM, Euler equation";
    let data = read(&inputs.set("gmm")?.join("hall.csv"))?;
    let moments =
        Euler { growth: numbers(&data, "consrat")?.to_vec(), gross_return: numbers(&data, "ewr")?.to_vec() };
    let gmm = Gmm::new(MomentCovariance::heteroskedastic(), FirstWeight::Identity, Steps::iterated());
    let fit = gmm.fit(&Automatic(moments), array![0.5, 0.5].view()).map_err(Error::library(NAME))?;
    let errors = fit.standard_errors();
    let hansen = fit.hansen().map_err(Error::library(NAME))?;
    let hansen =
        hansen.ok_or_else(|| defect("the Euler equation has no test of over-identification".into()))?;
    let n = fit.observations;
    for (k, (symbol, parameter)) in [("α", "alpha"), ("δ", "delta")].into_iter().enumerate() {
        table.row(vec![NAME.into(), symbol.into(), fit.theta[k].into(), errors[k].into(), n.into()]);
        checks.push(inputs.published.check("A3", &format!("{NAME}: {parameter}"), fit.theta[k])?);
        checks.push(inputs.published.check("A3", &format!("{NAME}: s.e. of {parameter}"), errors[k])?);
    }
    table.row(vec![NAME.into(), "Hansen's J".into(), hansen.statistic.into(), Cell::absent(), n.into()]);
    checks.push(inputs.published.check("A3", &format!("{NAME}: Hansen J"), hansen.statistic)?);
    Ok(())
}

fn numbers<'d>(data: &'d Data, name: &str) -> Result<&'d [f64], Error> {
    data.numbers(name).ok_or_else(|| defect(format!("the sample has no column of numbers `{name}`")))
}

fn defect(problem: String) -> Error {
    Error::Report { table: "A3".to_owned(), problem }
}
