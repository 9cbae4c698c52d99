//! `patents retrieve`: the patents that name rare earths, out of files of any size.

use std::path::PathBuf;
use std::time::Instant;

use calibration::patent_text::retrieval::{Settings, Source, retrieve};

use crate::console;
use crate::error::Error;
use crate::output::OutputFolder;
use crate::report::manifest;

/// Find the patents that name rare earths, in files of any size
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// CSV files: id,year,country,title,abstract and cpc or ipc; plain, .gz or .zip
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "patentsview", conflicts_with = "patentsview")]
    csv: Vec<PathBuf>,
    /// Folder of PatentsView's bulk tables (g_patent.tsv and so on; plain, .gz or .zip)
    #[arg(long, value_name = "DIR")]
    patentsview: Option<PathBuf>,
    /// A file of terms of your own
    #[arg(long, value_name = "FILE")]
    terms: Option<PathBuf>,
    /// Folder to write to; work that was broken off goes on there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Megabytes read at once
    #[arg(long, value_name = "N", default_value_t = 8)]
    block: usize,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let source = match &arguments.patentsview {
        Some(folder) => Source::PatentsView(folder.clone()),
        None => Source::Csv(arguments.csv.clone()),
    };
    let terms = super::terms(arguments.terms.as_deref())?;
    let out = OutputFolder::open(&arguments.out)?;
    let settings = Settings { block_bytes: arguments.block.clamp(1, 512) << 20, ..Settings::default() };
    manifest::reset_peak_memory();
    let start = Instant::now();
    let bar = console::bytes_bar(None);
    let summary = retrieve(&source, &terms, out.path(), &settings, |progress| {
        bar.set_message(format!("{} (pass {} of {})", progress.file, progress.pass.0, progress.pass.1));
        bar.set_position(progress.bytes);
    })
    .map_err(Error::bad_input("the patents could not be searched"))?;
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    for file in &summary.files {
        console::result(format!("{}: {} rows, {} malformed", file.file, file.rows, file.malformed));
    }
    console::result(format!(
        "{} candidates, {} of which name a rare earth; {} duplicates; see {}",
        summary.candidates,
        summary.naming,
        summary.duplicates,
        out.path().display()
    ));
    let bytes: u64 = summary.files.iter().map(|file| file.bytes).sum();
    let memory =
        manifest::peak_memory().map_or_else(String::new, |m| format!(", peak memory {} MB", m >> 20));
    console::notice(format!("{} MB in {seconds:.1} s{memory}", bytes >> 20));
    Ok(())
}
