//! The driver of lodestone: `cargo xtask <command>`, one file per command. It holds no economics.
//!
//! Start at [`reproduce`] for how tables come about, at [`parts`] for the tables themselves, and at [`report`]
//! for how a table or figure becomes files.

mod bench;
mod compare;
mod console;
mod data;
mod economies;
mod elasticities;
mod error;
mod estimate;
mod explain;
mod explore;
mod hash;
mod help;
mod new_scenario;
mod output;
mod parts;
mod patents;
mod release;
mod report;
mod reproduce;
mod solve;
mod sources;
mod verify;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Arrays of a megabyte come and go in every replication and every solve: an allocator that keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rare earths and other critical inputs in the world economy: tables, data, experiments
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, disable_help_subcommand = true)]
#[command(
    after_help = "`cargo xtask help` explains with examples; `cargo xtask <COMMAND> --help` lists options."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Reproduce(reproduce::Arguments),
    Verify(verify::Arguments),
    Data(data::Arguments),
    Solve(solve::Arguments),
    Compare(compare::Arguments),
    Estimate(estimate::Arguments),
    Elasticities(elasticities::Arguments),
    Patents(patents::Arguments),
    Explain(explain::Arguments),
    Explore(explore::Arguments),
    Bench(bench::Arguments),
    Release(release::Arguments),
    NewScenario(new_scenario::Arguments),
    Help(help::Arguments),
}

fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    if !matches!(command, Command::Explore(_)) {
        // A page that is served ends by itself.
        console::tell_when_interrupted();
    }
    let outcome = match command {
        Command::Reproduce(arguments) => reproduce::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Data(arguments) => data::run(arguments),
        Command::Solve(arguments) => solve::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Estimate(arguments) => estimate::run(arguments),
        Command::Elasticities(arguments) => elasticities::run(arguments),
        Command::Patents(arguments) => patents::run(arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Explore(arguments) => explore::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Release(arguments) => release::run(&arguments),
        Command::NewScenario(arguments) => new_scenario::run(&arguments),
        Command::Help(arguments) => help::run(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::notice(error.explain());
            error.exit_code()
        }
    }
}
