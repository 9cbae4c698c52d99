//! `data`: what is shipped, what is raw, and the way from one to the other.

mod build;
mod check;
mod download;
mod fetch;
mod inspect;
mod list;
mod record;
pub(crate) mod sets;

use crate::error::Error;
use crate::workspace::DataArgument;

/// List, check, build and fetch data
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What is shipped, what raw sets exist and where to get them
    List(DataArgument),
    Check(check::Arguments),
    Build(build::Arguments),
    Fetch(fetch::Arguments),
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    match arguments.command {
        Command::List(data) => list::run(&data.raw()),
        Command::Build(arguments) => build::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Fetch(arguments) => fetch::run(&arguments),
    }
}
