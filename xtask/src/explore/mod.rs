//! `explore`: a page on this machine on which a restriction is chosen and the solver answers while a slider moves.

mod answer;
mod controls;
mod server;

use std::net::Ipv4Addr;

use crate::console;
use crate::economies;
use crate::error::Error;

use answer::Asked;

/// Explore restrictions in the browser
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// `rare-earth-world-2009`, `element-world-2009` or `world-2009`, which are shipped, or the folder of a saved economy
    #[arg(long, value_name = "ECONOMY", default_value = economies::RARE_EARTHS)]
    economy: String,
    /// Port of 127.0.0.1 to listen on; 0 takes a free one
    #[arg(long, value_name = "P", default_value_t = 8710)]
    port: u16,
}

/// Runs the command until it is interrupted.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let economy = economies::open(&arguments.economy)?;
    let name = match arguments.economy.as_str() {
        shipped @ (economies::SHIPPED | economies::RARE_EARTHS | economies::ELEMENTS) => shipped.to_owned(),
        // The scenario that the page offers must find it from any folder.
        folder => std::fs::canonicalize(folder)
            .map_err(Error::io("read", folder.as_ref()))?
            .to_string_lossy()
            .into_owned(),
    };
    server::serve(Asked::new(name, economy), (Ipv4Addr::LOCALHOST, arguments.port), |address| {
        console::result(format!("http://{address}/"));
        console::notice("open this address in a browser; Ctrl-C ends");
    })
}
