//! `data check`: the files of raw sets held against what is known of them, and read by their loaders.

use std::path::Path;

use crate::console;
use crate::data::inspect::inspect;
use crate::data::record::Record;
use crate::data::sets::{self, RawSet};
use crate::error::Error;
use crate::hash;
use crate::workspace::DataArgument;

/// Check raw data sets: their files, and what the loaders find in them
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
        return Err(Error::NoData);
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
        let (files, problems) = problems(set, &folder)?;
        console::result(format!("{:<14} {}", set.name, state(files, &problems)));
        problems.iter().for_each(|problem| console::result(format!("    {problem}")));
        let sound = match inspect(&set.name, &folder) {
            Ok(lines) => {
                lines.iter().for_each(|line| console::result(format!("    {line}")));
                true
            }
            Err(error) => {
                error.explain().lines().for_each(|line| console::result(format!("    {line}")));
                false
            }
        };
        if !sound || !problems.is_empty() {
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

/// The state of so many files in words.
fn state(files: usize, problems: &[String]) -> String {
    match problems.len() {
        0 => format!("{files} files as expected"),
        count => format!("{count} of {files} files not as expected"),
    }
}

/// How many files of a set were held against what is known of them, and what is wrong with them, one line each. A file is as
/// expected when it is the one that the project's tables were made from, or the one that `data fetch` made.
fn problems(set: &RawSet, folder: &Path) -> Result<(usize, Vec<String>), Error> {
    let made = Record::load(folder)?.made;
    let mut problems = Vec::new();
    for (name, expected) in &made {
        let path = folder.join(name);
        if !path.is_file() {
            problems.push(format!("{name}: missing"));
        } else if hash::of_file(&path)? != *expected {
            problems.push(format!("{name}: another content than `data fetch` made (SHA-256 differs)"));
        }
    }
    // Where a set was fetched, what it has instead of the catalogue's files is known.
    for file in set.files.iter().filter(|_| made.is_empty()) {
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
    Ok((if made.is_empty() { set.files.len() } else { made.len() }, problems))
}
