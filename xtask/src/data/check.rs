//! `data check`.

use std::path::Path;

use crate::console;
use crate::data::sets::{self, RawSet};
use crate::error::Error;
use crate::hash;
use crate::workspace::DataArgument;

/// Check raw data sets
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The sets to check; nothing for all that are there
    sets: Vec<String>,
    #[command(flatten)]
    data: DataArgument,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let raw = arguments.data.raw();
    if raw.folder().is_none() {
        return Err(Error::MissingSet { set: "any".to_owned(), place: raw.place() });
    }
    let chosen: Vec<RawSet> = if arguments.sets.is_empty() {
        sets::all()?
    } else {
        arguments.sets.iter().map(|name| sets::find(name)).collect::<Result<_, _>>()?
    };
    let mut troubled = Vec::new();
    for set in &chosen {
        let Some(folder) = raw.set(&set.name) else {
            if !arguments.sets.is_empty() {
                return Err(Error::MissingSet { set: set.name.clone(), place: raw.place() });
            }
            console::result(format!("{:<14} absent; get it from {}", set.name, set.home));
            continue;
        };
        let problems = problems(set, &folder)?;
        if problems.is_empty() {
            console::result(format!("{:<14} {} files as expected", set.name, set.files.len()));
        } else {
            console::result(format!("{:<14} {} problems", set.name, problems.len()));
            problems.iter().for_each(|problem| console::result(format!("    {problem}")));
            troubled.push(set.name.as_str());
        }
    }
    if troubled.is_empty() {
        return Ok(());
    }
    Err(Error::Partly {
        what: format!("not as expected: {}", troubled.join(", ")),
        remedy: "get the files again, or keep them if you changed them on purpose: a table made from them \
                 records their hashes"
            .to_owned(),
    })
}

/// What is wrong with the files of a set, one line each.
fn problems(set: &RawSet, folder: &Path) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    for file in &set.files {
        let path = folder.join(&file.name);
        let Ok(about) = std::fs::metadata(&path) else {
            problems.push(format!("{}: missing", file.name));
            continue;
        };
        if about.len() != file.bytes {
            problems.push(format!("{}: {} bytes, expected {}", file.name, about.len(), file.bytes));
        } else if hash::of_file(&path)? != file.sha256 {
            problems.push(format!("{}: another content (SHA-256 differs)", file.name));
        }
    }
    Ok(problems)
}
