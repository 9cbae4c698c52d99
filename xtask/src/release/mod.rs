//! `release`: what a release consists of, in one folder: the sources, a bill of materials, and hashes of both.

mod materials;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::console;
use crate::error::Error;
use crate::{hash, output, workspace};

/// The file of hashes, by which a folder is known to be a release.
const SUMS: &str = "SHA256SUMS";
/// The bill of materials.
const MATERIALS: &str = "sbom.cdx.json";

/// Put a release together: the sources of the last commit, a bill of materials, hashes
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Folder to write to; a release that is there is replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let root = workspace::root();
    let name = format!("lodestone-{}", env!("CARGO_PKG_VERSION"));
    if !said(root, "git", &["status", "--porcelain"])?.is_empty() {
        console::notice("release: there are uncommitted changes; the sources are those of the last commit");
    }
    let prefix = format!("--prefix={name}/");
    let sources = said(root, "git", &["archive", "--format=tar.gz", &prefix, "HEAD"])?;
    let metadata = said(root, env!("CARGO"), &["metadata", "--format-version", "1", "--locked"])?;
    let lock = root.join("Cargo.lock");
    let lock = std::fs::read_to_string(&lock).map_err(Error::io("read", &lock))?;
    let mut files =
        vec![(format!("{name}.tar.gz"), sources), (MATERIALS.to_owned(), materials::bill(&metadata, &lock)?)];
    let sums: String =
        files.iter().map(|(name, bytes)| format!("{}  {name}\n", hash::of_bytes(bytes))).collect();
    files.push((SUMS.to_owned(), sums.into_bytes()));
    output::write_folder(&arguments.out, SUMS, &files)?;
    console::result(format!("written: {}", arguments.out.display()));
    Ok(())
}

/// What a program that must succeed prints.
fn said(folder: &Path, program: &str, arguments: &[&str]) -> Result<Vec<u8>, Error> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .map_err(Error::io("run", Path::new(program)))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let reason = text.lines().last().unwrap_or("it says nothing").to_owned();
    Err(Error::Program { command: format!("{program} {}", arguments.join(" ")), reason })
}
