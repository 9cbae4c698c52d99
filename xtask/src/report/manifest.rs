//! The manifest: what a run was made from and what it made. One file, merged over runs into the same folder.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::parts::Part;
use crate::report::checks::Check;
use crate::report::table::{Kind, Provenance, Table};

/// The file's name in the output folder.
pub(crate) const FILE: &str = "manifest.json";

/// What the output folder holds and how it came about.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The last run's surroundings.
    pub(crate) run: Surroundings,
    /// One record per part of the output, by identifier.
    pub(crate) parts: BTreeMap<String, PartRecord>,
}

/// What a run ran on.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Surroundings {
    /// The project's version.
    pub(crate) version: String,
    /// The commit of the working tree, when it is a repository; `+` marks uncommitted changes.
    pub(crate) commit: Option<String>,
    /// The compiler that built the driver.
    pub(crate) compiler: String,
    /// Operating system and processor.
    pub(crate) platform: String,
    /// Processors available.
    pub(crate) processors: usize,
    /// SHA-256 of the program that ran.
    #[serde(default)]
    pub(crate) program: String,
    /// How many parts were made at once.
    #[serde(default)]
    pub(crate) jobs: usize,
}

impl Surroundings {
    /// The surroundings of this process, which runs `program` (a SHA-256) and makes `jobs` parts at once.
    pub(crate) fn here(program: &str, jobs: usize) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit(),
            compiler: env!("LODESTONE_RUSTC").to_owned(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            program: program.to_owned(),
            jobs,
        }
    }
}

/// How a part of the output came about.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct PartRecord {
    /// What the part is called.
    pub(crate) title: String,
    /// Made, skipped (and why) or failed (and why).
    pub(crate) outcome: Outcome,
    /// Hash of all that can change its numbers: its identifier, the program with the shipped data, its inputs.
    #[serde(default)]
    pub(crate) key: Option<String>,
    /// The commit of the run that made it, as [`Surroundings::commit`].
    #[serde(default)]
    pub(crate) commit: Option<String>,
    /// SHA-256 of the program that made it.
    #[serde(default)]
    pub(crate) program: String,
    /// The raw data files it read, with their SHA-256.
    pub(crate) inputs: BTreeMap<String, String>,
    /// Wall time, seconds.
    pub(crate) seconds: f64,
    /// The largest resident memory of the process while it was made, bytes; where the system tells.
    pub(crate) peak_memory: Option<u64>,
    /// Whether other parts were made at the same time: time and memory are then not its own alone.
    #[serde(default)]
    pub(crate) peak_memory_shared: bool,
    /// Its files, with their SHA-256.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    /// Its tables.
    pub(crate) tables: Vec<TableRecord>,
    /// Its figures, by file.
    pub(crate) figures: Vec<String>,
    /// Its comparisons with published numbers.
    pub(crate) checks: Vec<Check>,
}

impl PartRecord {
    /// The record of a part that is about to be made.
    pub(crate) fn of(part: &Part) -> Self {
        Self { title: part.title.to_owned(), ..Self::default() }
    }
}

/// Where a figure lies in the output folder.
pub(crate) fn figure_file(id: &str) -> String {
    format!("figures/{id}.svg")
}

/// The identifier of the figure in a file.
pub(crate) fn figure_id(file: &str) -> &str {
    file.trim_start_matches("figures/").trim_end_matches(".svg")
}

/// What became of a part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub(crate) enum Outcome {
    /// Made.
    #[default]
    Made,
    /// Not made, because an input is not there.
    Skipped(String),
    /// Could not be made.
    Failed(String),
}

/// What the manifest says of a table.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TableRecord {
    /// Its identifier.
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// The kind of result.
    pub(crate) kind: Kind,
    /// The data.
    pub(crate) data: String,
    /// The estimator or method.
    pub(crate) estimator: String,
    /// The variance estimator.
    pub(crate) variance: String,
    /// The seed.
    pub(crate) seed: Option<u64>,
    /// The status of the inputs.
    pub(crate) inputs: String,
    /// Its columns of numbers.
    pub(crate) columns: Vec<ColumnRecord>,
}

/// What the manifest says of a column.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ColumnRecord {
    /// The name in the CSV header.
    pub(crate) key: String,
    /// The unit.
    pub(crate) unit: String,
    /// Where its numbers come from.
    pub(crate) provenance: Option<Provenance>,
}

impl From<&Table> for TableRecord {
    fn from(table: &Table) -> Self {
        Self {
            id: table.id.clone(),
            title: table.title.clone(),
            kind: table.kind,
            data: table.footer.data.clone(),
            estimator: table.footer.estimator.clone(),
            variance: table.footer.variance.clone(),
            seed: table.footer.seed,
            inputs: table.footer.inputs.clone(),
            columns: table
                .columns
                .iter()
                .map(|c| ColumnRecord { key: c.key.clone(), unit: c.unit.clone(), provenance: c.provenance })
                .collect(),
        }
    }
}

impl Manifest {
    /// Reads the manifest of an output folder; a folder without one starts afresh. Where there is one that does not read (it
    /// was damaged, or another version of the project wrote it), says so.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        match std::fs::read(folder.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| format!("it does not read ({e})")),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("it does not open ({error})")),
        }
    }

    /// The manifest as JSON.
    pub(crate) fn render(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::Report { table: FILE.to_owned(), problem: e.to_string() })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The parts that a run at another commit, or of another program, than the last has made: identifier, and by which.
    pub(crate) fn made_elsewhere(&self) -> Vec<(&str, String)> {
        let made = self.parts.iter().filter(|(_, record)| record.outcome == Outcome::Made);
        let elsewhere = made.filter(|(_, r)| r.commit != self.run.commit || r.program != self.run.program);
        let by = |record: &PartRecord| {
            let commit = record.commit.as_deref().unwrap_or("unknown");
            let program = if record.program.is_empty() { "unknown" } else { &record.program };
            format!("commit {commit}, program {program}")
        };
        elsewhere.map(|(id, record)| (id.as_str(), by(record))).collect()
    }

    /// All comparisons, in the order of the parts.
    pub(crate) fn checks(&self) -> Vec<Check> {
        self.parts.values().flat_map(|part| part.checks.iter().cloned()).collect()
    }
}

fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let head = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain"]).is_some_and(|text| !text.is_empty());
    Some(if changed { format!("{head}+") } else { head })
}

/// The peak of the process's resident memory since [`reset_peak_memory`]; Linux tells, others do not.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Starts the measurement of [`peak_memory`] afresh, where the system allows it.
pub(crate) fn reset_peak_memory() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
