//! `data fetch`.

use crate::console;
use crate::data::download::{Patience, download};
use crate::data::sets::{self, RawFile, RawSet};
use crate::error::Error;
use crate::hash;
use crate::output::OutputFolder;
use crate::workspace::DataArgument;

/// Download a raw data set
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The set
    set: String,
    #[command(flatten)]
    data: DataArgument,
    /// The file of the set to download, with --url
    #[arg(long, requires = "url")]
    file: Option<String>,
    /// An address that serves the file, where the catalogue has none
    #[arg(long, requires = "file")]
    url: Option<String>,
    /// The SHA-256 that the file at --url must have; by default the catalogue's
    #[arg(long, value_name = "HEX", requires = "url")]
    sha256: Option<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let set = sets::find(&arguments.set)?;
    let raw = arguments.data.raw();
    let Some(root) = raw.folder() else {
        return Err(Error::MissingSet { set: set.name.clone(), place: raw.place() });
    };
    let wanted = wanted(&set, arguments)?;
    let folder = OutputFolder::open(&root.join(&set.name))?;
    for (name, url, sha256) in &wanted {
        let target = folder.path().join(name);
        if target.is_file() && hash::of_file(&target)?.eq_ignore_ascii_case(sha256) {
            console::result(format!("{}/{name}: already there", set.name));
            continue;
        }
        let bar = console::bytes_bar(None);
        bar.set_message(name.clone());
        let outcome = download(url, &target, sha256, Patience::default(), &bar);
        bar.finish_and_clear();
        outcome?;
        console::result(format!("{}/{name}: downloaded", set.name));
    }
    Ok(())
}

/// What to download: file name, address, SHA-256.
fn wanted(set: &RawSet, arguments: &Arguments) -> Result<Vec<(String, String, String)>, Error> {
    let no_address = || Error::NoAddress { set: set.name.clone(), home: set.home.clone() };
    if let (Some(file), Some(url)) = (&arguments.file, &arguments.url) {
        let known = set.files.iter().find(|known| known.name == *file).map(|known| known.sha256.clone());
        let sha256 = arguments.sha256.clone().or(known).ok_or_else(no_address)?;
        return Ok(vec![(file.clone(), url.clone(), sha256)]);
    }
    let with_address =
        |file: &RawFile| file.url.clone().map(|url| (file.name.clone(), url, file.sha256.clone()));
    let files: Vec<_> = set.files.iter().filter_map(with_address).collect();
    if files.is_empty() { Err(no_address()) } else { Ok(files) }
}
