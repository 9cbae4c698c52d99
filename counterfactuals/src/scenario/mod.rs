//! Scenarios: a question to a model economy, written by hand in TOML and read against the economy's labels.
//!
//! ```toml
//! title = "China's export restriction of 2010"
//! economy = "rare-earth-world-2009"   # a name for whoever opens economies
//! mode = "long-run"                   # or "dynamic", with `years = [2010, 2018]` and `discount = 0.04`
//! deficits = "fixed"                  # or "zero", "share-of-income", or a table { USA = 1.0, CHN = -1.0 } of new levels
//! draws = 1000                        # draws of the uncertain numbers, and their `seed`
//! seed = 2010
//! outputs = ["countries", "prices"]   # tables wanted; all by default
//!
//! [critical]                          # inputs with an elasticity of substitution of their own
//! sectors = "Rare earths"
//! sigma = { value = 0.2, uniform = [0.05, 0.9], source = "assumption" }   # or by sector: { Machinery = 0.1, other = 0.2 }
//! element_sigma = 0.5                 # between the elements, where there are several
//! joint_products = true               # they come out of one ore together; otherwise each is mined by itself
//!
//! [theta]                             # trade elasticities: the economy's, unless given here
//! estimates = "caliendo-parro-2015"   # a name that the caller knows, by sector, with a joint covariance
//! "Rare earths" = { value = 8, lognormal = [4, 20] }
//! other = 8.22                        # sectors that have no number here and no estimate
//!                                     # `theta = "caliendo-parro-2015"` at the top is short for the estimates alone
//!
//! [technology]
//! closure = "free-entry"              # "exogenous", "free-entry", "fixed-researchers"
//! lambda = 0.5
//! phi = 0.5
//! xi = 0.01
//! delta = 0.15                        # of a path
//! g = 0.03                            # of a path
//! diffusion = "national"              # "global", { blocs = [["CHN"], ["JPN", "KOR"]] }, { matrix = [[...]] }
//! paid_in = "final-good"              # or a factor
//!
//! [[quota]]                           # on the volume of exports, over that of the baseline
//! exporter = "CHN"
//! sector = "Rare earths"
//! volume = 0.6                        # in a path also by year, { 2010 = 0.91, 2011 = 0.38 }; free in other years
//! rent_share = 0                      # part of the rent that buyers' countries keep
//! importer = "JPN"                    # one destination, or several together; all abroad if left out
//!
//! [[cap]]                             # on production: country, sector, volume
//! [[licence]]                         # a fee on exports: exporter, sector, wedge = 1.2
//!
//! [[prospect]]                        # a mine that does not produce in the baseline: country, sector, like = "CHN"
//! [[capacity]]                        # country, sector, share_of_world = 0.02 or hat = 2; decided = 2010, lag = 3
//!
//! [[tariff]]                          # also [[export_tax]]: a new `rate`, or `add` to the old one, or `times` the old one
//! importer = "USA"                    # a label, a list of labels, "all", or { all-but = ["USA"] }
//! exporter = "CHN"
//! sector = "all"
//! add = 0.10
//!
//! [[iceberg]]                         # trade costs: importer, exporter, sector, hat; `inf` stops the flow
//! [[productivity]]                    # country, sector, hat
//! [[endowment]]                       # country, factor, hat
//! [[preference]]                      # country, sector, hat (final shares; made to sum to one again)
//! [[research_subsidy]]                # country, share of the price of research on the critical input that is paid
//! [[recycling]]                       # country, share of the use of the critical input that comes back, or out of stock
//! ```
//!
//! Every number of `critical`, `theta`, `technology`, restrictions and capacity may be uncertain ([`Parameter`] says how it is
//! written). In a path every entry may say `from` and `until`. Entries act in the order of the sections above and in which they
//! stand, each on what the earlier ones left. Trade of a country with itself is never touched: "all" leaves it out, but for a
//! cap. Rates are fractions (5 percent is 0.05); hats are new over baseline.
//!
//! ```
//! use counterfactuals::Scenario;
//! use model_core::{SolverSettings, synthetic::Recipe};
//!
//! let mut state = 1_u64; // any generator of uniform numbers does
//! let mut uniform = || {
//!     state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
//!     (state >> 11) as f64 / (1_u64 << 53) as f64
//! };
//! let economy = Recipe::new(3, 2, 1).draw(&mut uniform)?;
//! let (home, abroad) = (&economy.labels().countries()[0], &economy.labels().countries()[1]);
//! let text = format!("[[tariff]]\nimporter = \"{home}\"\nexporter = \"{abroad}\"\nsector = \"all\"\nadd = 0.1");
//! let scenario = Scenario::parse(&text, &economy, &[])?;
//! let question = scenario.resolve(&economy, &scenario.central())?;
//! let shock = &question.periods[0].shock;
//! let tariff = shock.tariff.as_ref().expect("the scenario changes tariffs");
//! assert!((tariff[[0, 1, 0]] - economy.tariff()[[0, 1, 0]] - 0.1).abs() < 1e-15);
//! let equilibrium = question.economy.solve(shock, &SolverSettings::default())?;
//! # assert!(equilibrium.residual.max() < 1e-9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod change;
mod error;
mod parameter;
mod parse;
mod reader;
mod resolve;
mod restrictions;
mod schema;
mod technology;
mod years;

use model_core::{Deficits, Economy, Labels};
use serde::{Deserialize, Serialize};

pub use change::{Change, Rate, What};
pub use error::ScenarioError;
pub use parameter::{Draw, DrawError, Estimates, EstimatesError, Parameter, Range, Spread};
pub use resolve::{Dynamics, Period, Question, ResolveError};
pub use restrictions::{Capacity, PlannedRestriction, Prospect, Size};
pub use schema::SCHEMA;
pub use technology::{Closure, Critical, Research};
pub use years::{Mode, Schedule, Window};

/// A scenario, read against the labels of an economy: everything in it is a position in these labels or among its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// What the file calls itself; empty when it does not.
    pub title: String,
    /// The labels that it was read against.
    pub labels: Labels,
    /// Name of the economy that it asks; `None` when the file leaves it open.
    pub economy: Option<String>,
    /// The static long run, or a path.
    pub mode: Mode,
    /// What becomes of deficits.
    pub deficits: Deficits,
    /// Inputs with an elasticity of substitution of their own.
    pub critical: Option<Critical>,
    /// Trade elasticities that are not the economy's: sector and parameter.
    pub theta: Vec<(usize, usize)>,
    /// What technology does; `None` is exogenous.
    pub research: Option<Research>,
    /// Changes of policies and fundamentals, in the order in which they act.
    pub changes: Vec<Change>,
    /// Limits on quantities.
    pub restrictions: Vec<PlannedRestriction>,
    /// Mines that open.
    pub prospects: Vec<Prospect>,
    /// New capacity of producers.
    pub capacity: Vec<Capacity>,
    /// Tables wanted.
    pub outputs: Vec<String>,
    /// Draws wanted of the uncertain parameters.
    pub draws: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// All numbers.
    pub parameters: Vec<Parameter>,
    /// Estimates that some of them come from.
    pub estimates: Vec<Estimates>,
    /// What each entry came to, in words.
    pub words: Vec<String>,
}

impl Scenario {
    /// The name of the economy that a file asks, before it is read against one.
    ///
    /// # Errors
    /// A [`ScenarioError`] for text that is not TOML or a name that is not text.
    pub fn economy_of(text: &str) -> Result<Option<String>, ScenarioError> {
        parse::economy_of(text)
    }

    /// Reads a scenario against the labels and the baseline of an economy. `estimates` are those that the file may name.
    ///
    /// # Errors
    /// A [`ScenarioError`] that names the line and says what to write instead.
    pub fn parse(text: &str, economy: &Economy, estimates: &[Estimates]) -> Result<Self, ScenarioError> {
        parse::parse(text, economy, estimates)
    }

    /// The central values of its parameters.
    pub fn central(&self) -> Vec<f64> {
        self.parameters.iter().map(|parameter| parameter.value).collect()
    }

    /// A draw of its parameters: a function of the seed, the number and each parameter's name.
    ///
    /// # Errors
    /// A [`DrawError`] for a parameter that does not fall into its range.
    pub fn draw(&self, seed: u64, number: u64) -> Result<Draw, DrawError> {
        parameter::draw(&self.parameters, &self.estimates, seed, number)
    }

    /// The position of a parameter by its name.
    pub fn parameter(&self, name: &str) -> Option<usize> {
        self.parameters.iter().position(|parameter| parameter.name == name)
    }

    /// Whether a table is wanted.
    pub fn wants(&self, output: &str) -> bool {
        self.outputs.is_empty() || self.outputs.iter().any(|wanted| wanted == output)
    }

    /// The same scenario with another closure of technology.
    ///
    /// Without a section `technology` there are no parameters to move it by, and nothing changes.
    pub fn with_closure(mut self, closure: Closure) -> Self {
        if let Some(research) = &mut self.research {
            research.closure = closure;
        }
        self
    }
}

#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;
