//! Unfinished work on disk: appended files, and a checkpoint that says how much of them counts.

use super::{FileCount, Summary};
use crate::patent_text::PatentError;
use crate::source::LoadError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

const CHECKPOINT: &str = "checkpoint.json";

/// Where the work stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// What is worked on: files with size and time of change, and the terms.
    pub(super) task: Vec<String>,
    /// The stage.
    pub(super) stage: usize,
    /// Byte of its unpacked file, and line.
    pub(super) place: (u64, u64),
    /// Length of each appended file.
    lengths: BTreeMap<String, u64>,
    /// Counts by stage.
    pub(super) counts: Vec<FileCount>,
    /// What was found, once all results are on disk and only need to be moved: nothing else of the work counts any more.
    #[serde(default)]
    pub(super) found: Option<Summary>,
}

/// A folder of unfinished work.
#[derive(Debug)]
pub(super) struct Work {
    folder: PathBuf,
    files: BTreeMap<String, (File, u64)>,
}

impl Work {
    /// Opens the folder: a new one, or what was left of the same task.
    pub(super) fn open(folder: &Path, task: Vec<String>) -> Result<(Self, Checkpoint), PatentError> {
        std::fs::create_dir_all(folder).map_err(write_error(folder))?;
        let mut work = Self { folder: folder.to_owned(), files: BTreeMap::new() };
        let path = folder.join(CHECKPOINT);
        let fresh = Checkpoint {
            task,
            stage: 0,
            place: (0, 1),
            lengths: BTreeMap::new(),
            counts: Vec::new(),
            found: None,
        };
        if !path.exists() {
            work.keep_only(&BTreeMap::new())?;
            return Ok((work, fresh));
        }
        let text =
            std::fs::read_to_string(&path).map_err(|source| LoadError::Io { path: path.clone(), source })?;
        let found: Checkpoint = serde_json::from_str(&text)
            .map_err(|e| PatentError::Checkpoint { path: path.clone(), message: e.to_string() })?;
        if found.task != fresh.task {
            let differs = found
                .task
                .iter()
                .chain(&fresh.task)
                .find(|t| !(found.task.contains(t) && fresh.task.contains(t)));
            let what = differs.cloned().unwrap_or_else(|| "the order of the files".to_owned());
            return Err(PatentError::OtherWork { folder: folder.to_owned(), what });
        }
        if found.found.is_some() {
            return Ok((work, found));
        }
        work.keep_only(&found.lengths)?;
        for (name, length) in &found.lengths {
            let file = work.append_to(name)?;
            if file.1 < *length {
                return Err(PatentError::Checkpoint {
                    path,
                    message: format!("{name} is shorter than it says"),
                });
            }
            file.0.set_len(*length).map_err(write_error(folder))?;
            file.1 = *length;
        }
        Ok((work, found))
    }

    /// Removes files that were begun after the last checkpoint: they do not count.
    fn keep_only(&self, lengths: &BTreeMap<String, u64>) -> Result<(), PatentError> {
        for entry in std::fs::read_dir(&self.folder).map_err(write_error(&self.folder))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != CHECKPOINT && !lengths.contains_key(&name) {
                std::fs::remove_file(entry.path()).map_err(write_error(&entry.path()))?;
            }
        }
        Ok(())
    }

    /// Where a file of the work is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn append_to(&mut self, name: &str) -> Result<&mut (File, u64), PatentError> {
        let path = self.folder.join(name);
        match self.files.entry(name.to_owned()) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let mut file =
                    OpenOptions::new().create(true).append(true).open(&path).map_err(write_error(&path))?;
                let length = file.seek(std::io::SeekFrom::End(0)).map_err(write_error(&path))?;
                Ok(entry.insert((file, length)))
            }
        }
    }

    /// Appends to a file; it counts from the next checkpoint on.
    pub(super) fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), PatentError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let path = self.path(name);
        let file = self.append_to(name)?;
        file.0.write_all(bytes).map_err(write_error(&path))?;
        file.1 += bytes.len() as u64;
        Ok(())
    }

    /// A file of the work, to be read; empty if nothing was appended.
    pub(super) fn read(&self, name: &str) -> Result<BufReader<Box<dyn Read>>, PatentError> {
        let path = self.path(name);
        let reader: Box<dyn Read> = match File::open(&path) {
            Ok(file) => Box::new(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Box::new(std::io::empty()),
            Err(source) => return Err(LoadError::Io { path, source }.into()),
        };
        Ok(BufReader::new(reader))
    }

    /// Writes down where the work stands, after everything before it is on disk.
    pub(super) fn save(&mut self, checkpoint: &mut Checkpoint) -> Result<(), PatentError> {
        for (name, (file, length)) in &self.files {
            if checkpoint.lengths.get(name) != Some(length) {
                file.sync_data().map_err(write_error(&self.folder.join(name)))?;
                checkpoint.lengths.insert(name.clone(), *length);
            }
        }
        let path = self.path(CHECKPOINT);
        let text = serde_json::to_vec(checkpoint)
            .map_err(|e| PatentError::Checkpoint { path: path.clone(), message: e.to_string() })?;
        write_whole(&path, &text)
    }

    /// Writes down what was found, once these results are on disk; one that was never written becomes an empty file.
    pub(super) fn seal(
        &mut self,
        results: &[&str],
        found: Summary,
        checkpoint: &mut Checkpoint,
    ) -> Result<(), PatentError> {
        for name in results {
            let path = self.path(name);
            let file = OpenOptions::new().create(true).append(true).open(&path);
            file.and_then(|file| file.sync_all()).map_err(write_error(&path))?;
        }
        checkpoint.found = Some(found);
        self.save(checkpoint)
    }

    /// Moves sealed results to where they go, then `last`, then removes the rest, the checkpoint at the end: a run that is
    /// killed meanwhile does again what is left of it.
    pub(super) fn finish(
        self,
        results: &[(&str, PathBuf)],
        last: impl FnOnce() -> Result<(), PatentError>,
    ) -> Result<(), PatentError> {
        for (name, to) in results {
            match std::fs::rename(self.path(name), to) {
                // It is there already.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && to.is_file() => {}
                other => other.map_err(write_error(to))?,
            }
        }
        last()?;
        self.keep_only(&BTreeMap::new())?;
        std::fs::remove_dir_all(&self.folder).map_err(write_error(&self.folder))
    }
}

/// Writes a file whole or not at all.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> Result<(), PatentError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(write_error(folder))?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(write_error(path))?;
    file.persist(path).map_err(|e| PatentError::Write { path: path.to_owned(), source: e.error })?;
    Ok(())
}

pub(super) fn write_error(path: &Path) -> impl Fn(std::io::Error) -> PatentError + '_ {
    move |source| PatentError::Write { path: path.to_owned(), source }
}
