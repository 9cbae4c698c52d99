//! Finds the patents that name rare earths in files of any size.
//!
//! Two kinds of source:
//!
//! - CSV files, plain, `.gz` or `.zip`, with the columns `id,year,country,title,abstract` and `cpc` or `ipc` or both (symbols
//!   separated by `;`, `|` or `,`; `year` may be a date);
//! - a folder of PatentsView's bulk tables, tab-separated, plain, `.gz` or `.zip`: `g_patent` (`patent_id, patent_date,
//!   patent_title`), `g_patent_abstract` (`patent_id, patent_abstract`), `g_cpc_current` (`patent_id, cpc_group`),
//!   `g_assignee_disambiguated` (`patent_id, assignee_sequence, location_id`) and `g_location_disambiguated` (`location_id,
//!   disambig_country`). Other columns are passed over. The year is that of the grant.
//!
//! A candidate names a rare earth in title or abstract, or has a symbol of rare earths ([`Terms`]).
//!
//! # How it works
//!
//! Files are read in blocks of whole records; the pieces of a block are searched in parallel. PatentsView's tables are read
//! twice: first to mark patents, in a table of fixed size (a few unmarked ones may pass and are dropped later), then to collect
//! what is said of the marked. What is collected goes to [`PARTS`] files by a hash of the patent's number, and each of these
//! is put together on its own. So memory depends on the size of a block and the number of *candidates* over [`PARTS`], not on
//! the size of a file.
//!
//! Every row is either taken or counted and listed in `malformed.csv` (`file,line,problem`): nothing is dropped in silence.
//! After every [`Settings::blocks_per_checkpoint`] blocks the state is written down; a run that was killed goes on from there
//! when it is started again with the same inputs, and its results are the same bytes. Results appear when all is done:
//! `candidates.jsonl` ([`Patent`](super::Patent) by line), `malformed.csv`, `summary.json`.

mod blocks;
mod join;
mod stage;
mod work;

use super::PatentError;
use super::terms::Terms;
use crate::source::LoadError;
use serde::{Deserialize, Serialize};
use stage::{Kind, Stage};
use std::path::{Path, PathBuf};
use work::{Work, write_error, write_whole};

/// Files among which collected patents are spread.
pub const PARTS: u64 = 64;

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// CSV files.
    Csv(Vec<PathBuf>),
    /// A folder of PatentsView's tables.
    PatentsView(PathBuf),
}

/// How it is read. Neither changes a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bytes read at once.
    pub block_bytes: usize,
    /// Blocks between two checkpoints.
    pub blocks_per_checkpoint: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { block_bytes: 8 << 20, blocks_per_checkpoint: 16 }
    }
}

/// What a file held.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileCount {
    /// The file.
    pub file: String,
    /// Records, the heading not among them.
    pub rows: u64,
    /// Records that could not be taken.
    pub malformed: u64,
    /// Bytes, unpacked.
    pub bytes: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// By file, in the order in which they were read; PatentsView's tables are read twice and counted once.
    pub files: Vec<FileCount>,
    /// Candidates.
    pub candidates: u64,
    /// Candidates that name a rare earth; the others have a symbol alone.
    pub naming: u64,
    /// Rows of patents that another row had described already.
    pub duplicates: u64,
    /// Marked patents without a row in `g_patent`.
    pub without_patent: u64,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The file.
    pub file: String,
    /// Pass, from one, and how many there are.
    pub pass: (usize, usize),
    /// Bytes of it that are done, unpacked.
    pub bytes: u64,
}

/// Finds candidates and writes them to `out`, a folder.
///
/// # Errors
/// [`PatentError`]: a file that cannot be read or has not the columns it needs, a folder that cannot be written, unfinished work
/// on other inputs.
pub fn retrieve(
    source: &Source,
    terms: &Terms,
    out: &Path,
    settings: &Settings,
    mut observe: impl FnMut(&Progress),
) -> Result<Summary, PatentError> {
    let (work, found) = find(source, terms, out, settings, &mut observe)?;
    let summary = out.join("summary.json");
    let text = serde_json::to_vec_pretty(&found)
        .map_err(|e| PatentError::Checkpoint { path: summary.clone(), message: e.to_string() })?;
    let results = RESULTS.map(|name| (name, out.join(name)));
    work.finish(&results, || write_whole(&summary, &text))?;
    Ok(found)
}

/// The results that are moved when all is done.
const RESULTS: [&str; 2] = [join::CANDIDATES, stage::MALFORMED];

/// Everything but moving the results to where they go.
fn find(
    source: &Source,
    terms: &Terms,
    out: &Path,
    settings: &Settings,
    observe: &mut impl FnMut(&Progress),
) -> Result<(Work, Summary), PatentError> {
    let stages = stages(source)?;
    std::fs::create_dir_all(out).map_err(write_error(out))?;
    let task = task(&stages, terms)?;
    let (mut work, mut state) = Work::open(&out.join(".unfinished"), task)?;
    if let Some(found) = state.found {
        return Ok((work, found));
    }
    while let Some(stage) = stages.get(state.stage) {
        let pass = (state.stage + 1, stages.len());
        stage.run(terms, settings, &mut work, &mut state, |bytes| {
            observe(&Progress { file: stage.name(), pass, bytes });
        })?;
    }
    let mut found = join::join(source, terms, settings, &mut work)?;
    found.files =
        stages.iter().zip(&state.counts).filter(|(s, _)| s.reports()).map(|(_, c)| c.clone()).collect();
    work.seal(&RESULTS, found.clone(), &mut state)?;
    Ok((work, found))
}

/// The passes over files, in order.
fn stages(source: &Source) -> Result<Vec<Stage>, PatentError> {
    match source {
        Source::Csv(files) => Ok(files.iter().map(|path| Stage::new(Kind::Csv, path.clone())).collect()),
        Source::PatentsView(folder) => [
            (Kind::MarkTitle, "g_patent"),
            (Kind::MarkAbstract, "g_patent_abstract"),
            (Kind::MarkSymbol, "g_cpc_current"),
            (Kind::Title, "g_patent"),
            (Kind::Abstract, "g_patent_abstract"),
            (Kind::Symbol, "g_cpc_current"),
            (Kind::Place, "g_assignee_disambiguated"),
        ]
        .into_iter()
        .map(|(kind, table)| Ok(Stage::new(kind, patentsview_table(folder, table)?)))
        .collect(),
    }
}

/// Where a table of PatentsView is.
fn patentsview_table(folder: &Path, table: &str) -> Result<PathBuf, PatentError> {
    ["tsv", "tsv.zip", "tsv.gz"]
        .iter()
        .map(|extension| folder.join(format!("{table}.{extension}")))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            let key = format!("the table {table}.tsv (or .tsv.zip, .tsv.gz)");
            LoadError::Missing { path: folder.to_owned(), key }.into()
        })
}

/// What identifies a task: files with size and time of change, and the terms.
fn task(stages: &[Stage], terms: &Terms) -> Result<Vec<String>, PatentError> {
    let mut task = vec![format!("terms {:016x}", terms.fingerprint())];
    for stage in stages {
        let path = stage.path();
        let about =
            std::fs::metadata(path).map_err(|source| LoadError::Io { path: path.to_owned(), source })?;
        let changed = about
            .modified()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .map_or(0, |age| age.as_nanos());
        task.push(format!("{} of {} bytes, changed {changed}", path.display(), about.len()));
    }
    Ok(task)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patent_text::labelled;
    use crate::patent_text::synthetic::{Corpus, write_csv};
    use std::fs;

    #[test]
    fn a_run_that_is_killed_while_it_moves_its_results_ends_with_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (file, terms) = (folder.path().join("corpus.csv"), Terms::shipped().unwrap());
        let corpus = Corpus { seed: 3, share: 0.05, malformed: 0.01, words: 40 };
        write_csv(&corpus, &labelled::shipped().unwrap(), 200_000, fs::File::create(&file).unwrap()).unwrap();
        let source = Source::Csv(vec![file]);
        let run = |out: &Path| retrieve(&source, &terms, out, &Settings::default(), |_| {}).unwrap();
        let whole = folder.path().join("whole");
        let expected = run(&whole);

        // What is done before the kill, beyond what the moment before had done.
        let moved = |name: &'static str| {
            move |out: &Path| fs::rename(out.join(".unfinished").join(name), out.join(name))
        };
        let summary = |out: &Path| fs::copy(whole.join("summary.json"), out.join("summary.json")).map(drop);
        let first_part = |out: &Path| {
            let files = fs::read_dir(out.join(".unfinished"))?.flatten().map(|entry| entry.path());
            files
                .filter(|path| path.to_string_lossy().contains("part-"))
                .take(1)
                .try_for_each(fs::remove_file)
        };
        type Step<'a> = &'a dyn Fn(&Path) -> std::io::Result<()>;
        let steps: [Step<'_>; 5] =
            [&|_| Ok(()), &moved(RESULTS[0]), &moved(RESULTS[1]), &summary, &first_part];
        for last in 0..steps.len() {
            let out = folder.path().join(format!("killed {last}"));
            drop(find(&source, &terms, &out, &Settings::default(), &mut |_| {}).unwrap());
            steps[..=last].iter().for_each(|step| step(&out).unwrap());
            assert_eq!(run(&out), expected);
            for name in ["candidates.jsonl", "malformed.csv", "summary.json"] {
                assert!(
                    fs::read(out.join(name)).unwrap() == fs::read(whole.join(name)).unwrap(),
                    "{last}: {name}"
                );
            }
            assert!(!out.join(".unfinished").exists());
        }
    }
}
