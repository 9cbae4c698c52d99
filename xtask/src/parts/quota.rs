//! What the tables of part C share: the economy, the scenario, its three technologies, and the numbers read off an outcome.

use calibration::rare_earths::economy::most_intensive;
use counterfactuals::scenario::{Closure, Spread};
use counterfactuals::{Outcome, Question, Scenario};
use model_core::{Economy, Equilibrium};

use crate::economies;
use crate::error::Error;
use crate::report::table::{Cell, Column, Footer, Format, Provenance};
use crate::sources::Sources;
use crate::workspace::RawData;

/// How many sectors count as rare-earth-intensive: those with the largest share of rare earths in cost, world-wide.
const INTENSIVE: usize = 5;

/// The carved world economy of 2009, its critical sector and the country that restricts.
pub(super) struct World {
    pub(super) economy: Economy,
    pub(super) r: usize,
    pub(super) china: usize,
    /// Rare-earth-intensive sectors, most intensive first.
    pub(super) intensive: Vec<usize>,
    sources: Sources,
}

/// One of the three technologies.
pub(super) struct Case {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) scenario: Scenario,
}

impl World {
    /// The shipped one; scenarios may name estimates from a folder of raw data.
    pub(super) fn open(raw: &RawData) -> Result<Self, Error> {
        let economy = calibration::rare_earths::rare_earth_world_2009()
            .map_err(Error::library("the rare-earth economy of 2009"))?;
        Self::of(economy, Sources::shipped(raw))
    }

    /// The full table of 41 economies and 36 sectors, from the folder of raw data.
    pub(super) fn full(root: &std::path::Path, raw: &RawData) -> Result<Self, Error> {
        let flows = calibration::rare_earths::economy::full_flows(root, &Default::default())
            .map_err(Error::library("the full rare-earth economy of 2009"))?;
        let economy =
            Economy::from_flows(flows).map_err(Error::library("the full rare-earth economy of 2009"))?;
        Self::of(economy, Sources::full(raw))
    }

    /// Another economy with the same names for what matters here, and sources of estimates for its sectors.
    pub(super) fn of(economy: Economy, sources: Sources) -> Result<Self, Error> {
        let missing = |what: &str| Error::Report {
            table: "part C".to_owned(),
            problem: format!("the rare-earth economy has no `{what}`"),
        };
        let r = economy.labels().sector("Rare earths").ok_or_else(|| missing("Rare earths"))?;
        let china = economy.labels().country("CHN").ok_or_else(|| missing("CHN"))?;
        let mut world = Self { economy, r, china, intensive: Vec::new(), sources };
        world.intensive = most_intensive(&world.economy, world.r, &world.users(), INTENSIVE);
        Ok(world)
    }

    /// Every sector but rare earths.
    pub(super) fn users(&self) -> Vec<usize> {
        (0..self.economy.dims().sectors).filter(|j| *j != self.r).collect()
    }

    /// Rare-earth intensity of sector `j` in the baseline: spending on rare earths over output, in these countries together.
    pub(super) fn intensity(&self, countries: &[usize], j: usize) -> f64 {
        let output = |i: usize| self.economy.output()[[i, j]];
        let spent: f64 =
            countries.iter().map(|&i| self.economy.input_share()[[i, j, self.r]] * output(i)).sum();
        spent / countries.iter().map(|&i| output(i)).sum::<f64>()
    }

    /// Real output over the baseline's, of these sectors in these countries: value over the hat of unit cost, in baseline prices.
    pub(super) fn real_output(&self, e: &Equilibrium, countries: &[usize], sectors: &[usize]) -> f64 {
        let sum = |value: &dyn Fn([usize; 2]) -> f64| -> f64 {
            countries.iter().flat_map(|&i| sectors.iter().map(move |&j| [i, j])).map(value).sum()
        };
        sum(&|at| e.output[at] / e.cost_hat[at]) / sum(&|at| self.economy.output()[at])
    }

    pub(super) fn scenario(&self, text: &str) -> Result<Scenario, Error> {
        let estimates = self.sources.named_in(text)?;
        Scenario::parse(text, &self.economy, &estimates).map_err(Error::library("a scenario of part C"))
    }

    /// Exogenous technology, directed technology, and directed technology with a spillover.
    pub(super) fn cases(&self, text: &str) -> Result<[Case; 3], Error> {
        let spilling = self.scenario(text)?;
        let mut directed = spilling.clone();
        fix(&mut directed, "xi", 0.0);
        Ok([
            Case {
                key: "exogenous",
                name: "exogenous",
                scenario: directed.clone().with_closure(Closure::Exogenous),
            },
            Case { key: "directed", name: "directed", scenario: directed },
            Case { key: "spillover", name: "directed, spillover", scenario: spilling },
        ])
    }

    pub(super) fn countries(&self) -> &[String] {
        self.economy.labels().countries()
    }

    /// Price of rare earths outside China over the baseline's: mean over the other countries, weighted by what they spend.
    pub(super) fn price_outside(&self, e: &Equilibrium) -> f64 {
        economies::price_abroad(&self.economy, e, self.china, self.r)
    }

    /// Exports of the intensive sectors over the baseline's, by country.
    pub(super) fn intensive_exports(&self, e: &Equilibrium) -> Vec<f64> {
        let sum = |flows: &ndarray::Array3<f64>, i: usize| -> f64 {
            let importers = (0..flows.dim().0).filter(|n| *n != i);
            importers
                .flat_map(|n| self.intensive.iter().map(move |&j| (n, j)))
                .map(|(n, j)| flows[[n, i, j]])
                .sum()
        };
        let (before, after) = (self.economy.border_flows(), e.border_flows());
        (0..self.countries().len()).map(|i| sum(&after, i) / sum(&before, i)).collect()
    }

    /// Real output of the intensive sectors over the baseline's, by country.
    pub(super) fn intensive_output(&self, e: &Equilibrium) -> Vec<f64> {
        (0..self.countries().len()).map(|i| self.real_output(e, &[i], &self.intensive)).collect()
    }

    pub(super) fn intensive_names(&self) -> String {
        let names = self.intensive.iter().map(|&j| self.economy.labels().sectors()[j].to_lowercase());
        names.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn footer(&self, method: &str, seed: Option<u64>) -> Footer {
        Footer {
            data: "the project's rare-earth world economy of 2009 (World Input-Output Database, 2013 release, with rare earths \
                   carved out), 17 economies and 21 sectors"
                .to_owned(),
            estimator: method.to_owned(),
            variance: if seed.is_some() {
                "draws of the scenario's parameters; intervals hold 90 percent of them".to_owned()
            } else {
                "none".to_owned()
            },
            seed,
            inputs: "derived (economy), assumed (elasticities of part C), estimated (trade elasticities)".to_owned(),
        }
    }
}

/// Coverage of the intervals of part C.
pub(super) const COVERAGE: f64 = 0.9;

/// The columns of a number and of its interval: `key` and `suffix` with nothing, `_low` and `_high` between them.
pub(super) fn with_interval(
    (key, suffix): (&str, &str),
    heading: &str,
    unit: &str,
    format: Format,
) -> [Column; 3] {
    [("", heading), ("_low", "5%"), ("_high", "95%")].map(|(end, heading)| {
        Column::number(format!("{key}{end}{suffix}"), heading, unit, format, Provenance::Simulated)
    })
}

/// The cells of a number and of its interval.
pub(super) fn interval_cells(value: f64, (low, high): (f64, f64)) -> [Cell; 3] {
    [value, low, high].map(|v| if v.is_finite() { v.into() } else { Cell::absent() })
}

/// A number and its interval in words.
pub(super) fn in_words(value: f64, (low, high): (f64, f64), digits: usize) -> String {
    format!("{value:.digits$} [{low:.digits$}; {high:.digits$}]")
}

/// Sets a parameter of a scenario to a known value.
pub(super) fn fix(scenario: &mut Scenario, name: &str, value: f64) {
    for parameter in
        scenario.parameters.iter_mut().filter(|p| p.name == name || p.name.starts_with(&format!("{name}.")))
    {
        parameter.value = value;
        parameter.spread = Spread::Exact;
    }
}

/// The central value of a parameter; NaN if the scenario does not have it.
pub(super) fn central(scenario: &Scenario, name: &str) -> f64 {
    scenario.parameter(name).map_or(f64::NAN, |at| scenario.parameters[at].value)
}

/// The long run at the central values.
pub(super) fn long_run(case: &Case, world: &World) -> Result<(Question, Equilibrium), Error> {
    let question = case
        .scenario
        .resolve(&world.economy, &case.scenario.central())
        .map_err(Error::library("a scenario of part C"))?;
    let outcome = question
        .answer(&model_core::SolverSettings::default())
        .map_err(Error::library("an equilibrium of part C"))?;
    match outcome {
        Outcome::LongRun(equilibrium) => Ok((question, *equilibrium)),
        Outcome::Path(_) => Err(Error::Report {
            table: "part C".to_owned(),
            problem: "a long run was expected, but the scenario is a path".to_owned(),
        }),
    }
}
