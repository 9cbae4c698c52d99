//! `patents synthesise`: a simulated corpus, for trials.

use std::path::PathBuf;

use calibration::patent_text::labelled;
use calibration::patent_text::synthetic::{Corpus, write_csv};

use crate::console;
use crate::error::Error;

/// Write a simulated corpus of any size, for trials
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Its size
    #[arg(long, value_name = "N", default_value_t = 100)]
    megabytes: u64,
    /// The seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Share of patents on rare earths
    #[arg(long, default_value_t = 0.02)]
    share: f64,
    /// Share of rows that are damaged on purpose
    #[arg(long, default_value_t = 1e-4)]
    malformed: f64,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let corpus = Corpus {
        seed: arguments.seed,
        share: arguments.share,
        malformed: arguments.malformed,
        ..Corpus::default()
    };
    let folder = match arguments.out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => std::path::Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(Error::io("write into", folder))?;
    let texts = labelled::shipped()?;
    let out = std::io::BufWriter::with_capacity(1 << 20, file.as_file_mut());
    let written = write_csv(&corpus, &texts, arguments.megabytes << 20, out)
        .map_err(Error::io("write", &arguments.out))?;
    file.persist(&arguments.out).map_err(|e| Error::Io {
        action: "write",
        path: arguments.out.clone(),
        source: e.error,
    })?;
    console::result(format!(
        "{} simulated patents, {} of them on rare earths, and {} damaged rows in {} MB",
        written.rows - written.malformed,
        written.relevant,
        written.malformed,
        written.bytes >> 20
    ));
    Ok(())
}
