//! `patents`: from the text of patents to counts by what they do to the use of rare earths.

mod classify;
mod labels;
mod retrieve;
mod synthesise;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use calibration::patent_text::Patent;
use calibration::patent_text::terms::Terms;

use crate::error::Error;

/// Find, classify and count patents on rare earths from their text
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Retrieve(retrieve::Arguments),
    Train(classify::TrainArguments),
    Classify(classify::Arguments),
    ExportPrompts(labels::ExportArguments),
    ImportLabels(labels::ImportArguments),
    Synthesise(synthesise::Arguments),
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    match arguments.command {
        Command::Retrieve(arguments) => retrieve::run(&arguments),
        Command::Train(arguments) => classify::train(&arguments),
        Command::Classify(arguments) => classify::run(&arguments),
        Command::ExportPrompts(arguments) => labels::export(&arguments),
        Command::ImportLabels(arguments) => labels::import(&arguments),
        Command::Synthesise(arguments) => synthesise::run(&arguments),
    }
}

/// The user's terms, or the shipped ones.
fn terms(path: Option<&Path>) -> Result<Terms, Error> {
    Ok(path.map_or_else(Terms::shipped, Terms::load)?)
}

/// The candidates of a file, one by one.
fn candidates(path: &Path) -> Result<impl Iterator<Item = Result<Patent, Error>> + use<>, Error> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let path = path.to_owned();
    Ok(BufReader::new(file).lines().enumerate().map(move |(line, text)| {
        let text = text.map_err(Error::io("read", &path))?;
        serde_json::from_str(&text).map_err(Error::bad_input(format!(
            "{} line {} is no candidate",
            path.display(),
            line + 1
        )))
    }))
}
