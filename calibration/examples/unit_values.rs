//! Trade elasticities from unit values, and what the base that changes are taken less of does to them.
//!
//! `cargo run -p calibration --example unit_values -- SALES.csv`; without a file it uses the shipped panel, which is simulated, and
//! shows the truth beside the estimates. The columns are in the documentation of `calibration::trade_elasticity::unit_values`.
#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;
use std::path::Path;

use calibration::trade_elasticity::feenstra::{Base, Estimator, estimate, trade_elasticities};
use calibration::trade_elasticity::unit_values::{self, load, shipped};

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1);
    let markets = match &file {
        Some(path) => load(Path::new(path))?,
        None => shipped()?.0,
    };
    let truth = |good: &str| {
        let known = unit_values::truth().find(|known| file.is_none() && known.name == good);
        known.map_or_else(|| "?".to_owned(), |known| known.design.sigma.to_string())
    };
    for base in Base::ALL {
        println!("changes less those of the {}", base.name());
        let (estimates, failed) = estimate(&markets, Estimator::Soderbery, base);
        failed.iter().for_each(|error| println!("left out: {error}"));
        for found in &estimates {
            let interval = found.interval(0.95);
            let interval = interval.map_or_else(|| "none".to_owned(), |(a, b)| format!("{a:.2} to {b:.2}"));
            println!(
                "{}: {:.2}, 95%: {interval}; truth {}",
                found.market,
                found.sigma,
                truth(&found.market.good)
            );
        }
        // What a scenario draws from: sigma - 1 by good, with the joint covariance.
        println!("{}", trade_elasticities(&estimates)?);
    }
    Ok(())
}
