//! `elasticities`: trade elasticities from a panel of unit values or of trade and tariffs.

use std::path::PathBuf;

use calibration::trade_elasticity::feenstra::{self, Base, MarketEstimate};
use calibration::trade_elasticity::{tariffs, unit_values};

use crate::console;
use crate::error::Error;

/// Estimate trade elasticities from unit values or tariffs
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// From unit values of the varieties of a good: Feenstra (1994) and what came after
    UnitValues {
        /// The panel, `importer,good,exporter,year,value,quantity`, plain or gzipped; the shipped one, simulated, if left out
        #[arg(long, value_name = "FILE")]
        sales: Option<PathBuf>,
        /// The estimator
        #[arg(long, value_enum, default_value = "soderbery")]
        estimator: Estimator,
        /// What changes are taken less of
        #[arg(long, value_enum, default_value = "mean")]
        base: Less,
        /// Print full-precision JSON with the covariance instead of a table
        #[arg(long)]
        json: bool,
    },
    /// From trade and tariffs over years: Poisson with exporter-year, importer-year and pair effects
    Gravity {
        /// The panel, `importer,exporter,year,sector,trade,gross_tariff`, plain or gzipped
        #[arg(long, value_name = "FILE")]
        flows: PathBuf,
        /// Print full-precision JSON with the covariance instead of a table
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Estimator {
    /// Two-stage least squares
    Feenstra,
    /// Weighted by years and quantities
    BrodaWeinstein,
    /// Limited-information maximum likelihood
    Soderbery,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Less {
    /// The mean of the varieties that sell in both years
    Mean,
    /// The variety with most years, as in the papers
    Variety,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    match arguments.from {
        From::UnitValues { sales, estimator, base, json } => {
            let markets = match &sales {
                Some(path) => unit_values::load(path)
                    .map_err(Error::bad_input(format!("the unit values in {}", path.display())))?,
                None => {
                    console::notice("simulated: the shipped panel, whose elasticities were put in");
                    unit_values::shipped().map_err(Error::library("the shipped unit values do not load"))?.0
                }
            };
            let estimator = match estimator {
                Estimator::Feenstra => feenstra::Estimator::Feenstra,
                Estimator::BrodaWeinstein => feenstra::Estimator::BrodaWeinstein,
                Estimator::Soderbery => feenstra::Estimator::Soderbery,
            };
            let base = match base {
                Less::Mean => Base::Mean,
                Less::Variety => Base::Variety,
            };
            let (estimates, failed) = feenstra::estimate(&markets, estimator, base);
            failed.iter().for_each(|error| console::notice(format!("left out: {error}")));
            if estimates.is_empty() {
                let none = feenstra::ElasticityError::NoCovariance;
                return Err(Error::bad_input("the elasticities from unit values")(none));
            }
            if json {
                return json_of_markets(&estimates);
            }
            table_of_markets(&estimates, estimator, base);
            Ok(())
        }
        From::Gravity { flows, json } => {
            let refused = || format!("the trade panel in {}", flows.display());
            let panel = tariffs::load_flows(&flows).map_err(Error::bad_input(refused()))?;
            let fit = tariffs::gravity(&panel).map_err(Error::bad_input(refused()))?;
            if json {
                return json_of(&fit);
            }
            console::result(fit.to_string());
            Ok(())
        }
    }
}

fn table_of_markets(estimates: &[MarketEstimate], estimator: feenstra::Estimator, base: Base) {
    let width = estimates.iter().map(|e| e.market.to_string().chars().count()).max().unwrap_or(0).max(6);
    console::result(format!(
        "{:<width$} {:>8} {:>8} {:>8} {:>8} {:>8} {:>10} {:>12}",
        "market", "sigma", "s.e.", "low 95", "high 95", "omega", "varieties", "observations"
    ));
    for e in estimates {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
        let interval = e.interval(0.95);
        console::result(format!(
            "{:<width$} {:>8.3} {:>8} {:>8} {:>8} {:>8.3} {:>10} {:>12}",
            e.market.to_string(),
            e.sigma,
            number(e.std_error()),
            number(interval.map(|i| i.0)),
            number(interval.map(|i| i.1)),
            e.omega(),
            e.varieties,
            e.observations
        ));
    }
    console::result(format!(
        "{}, changes less those of the {}; jackknife over exporters, Student's t. -: no elasticity above one without constraint.",
        estimator.name(),
        base.name()
    ));
}

fn json_of_markets(estimates: &[MarketEstimate]) -> Result<(), Error> {
    let markets: Vec<_> = estimates
        .iter()
        .map(|e| {
            serde_json::json!({
                "importer": e.market.importer,
                "good": e.market.good,
                "sigma": e.sigma,
                "std_error": e.std_error(),
                "interval_95": e.interval(0.95),
                "omega": e.omega(),
                "constrained": e.constrained,
                "varieties": e.varieties,
                "observations": e.observations,
            })
        })
        .collect();
    let joint = feenstra::joint(estimates).ok();
    let all = serde_json::json!({ "markets": markets, "joint": joint });
    console::result(serde_json::to_string_pretty(&all).map_err(Error::library("writing JSON"))?);
    Ok(())
}

fn json_of(fit: &estimation::Estimates) -> Result<(), Error> {
    console::result(serde_json::to_string_pretty(fit).map_err(Error::library("writing JSON"))?);
    Ok(())
}
