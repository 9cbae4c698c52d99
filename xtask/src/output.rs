//! Writing results: whole or not at all, and one run at a time in a folder.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use calibration::replace::{ReplaceError, Replacement};

use crate::error::Error;

/// The file that a run holds locked while it writes to a folder.
const LOCK_FILE: &str = ".lock";
/// What the name of a file that is being written begins with.
const UNFINISHED: &str = ".writing-";

/// A folder that this process alone writes to, for as long as the value lives.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    path: PathBuf,
    _lock: File,
}

impl OutputFolder {
    /// Makes the folder if need be, takes its lock and removes what a run that was killed had not finished writing.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(Error::io("make the folder", path))?;
        let lock_path = path.join(LOCK_FILE);
        let lock = File::create(&lock_path).map_err(Error::io("write", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {
                remove_unfinished(path)?;
                Ok(Self { path: path.to_owned(), _lock: lock })
            }
            Err(TryLockError::WouldBlock) => Err(Error::Locked { folder: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(Error::Io { action: "lock", path: lock_path, source }),
        }
    }

    /// Where the folder is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `name` (which may hold sub-folders) whole or not at all: at the top of the folder first, where the next run finds
    /// what one that was killed left, then renamed into place.
    pub(crate) fn write(&self, name: impl AsRef<Path>, content: &[u8]) -> Result<(), Error> {
        write_by_way_of(&self.path, &self.path.join(name), content)
    }
}

/// Writes a file whole or not at all: to a temporary neighbour first, then renamed into place.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<(), Error> {
    write_by_way_of(folder_of(path), path, content)
}

fn write_by_way_of(staging: &Path, path: &Path, content: &[u8]) -> Result<(), Error> {
    for folder in [staging, folder_of(path)] {
        fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
    }
    let file = unfinished(staging, content).map_err(Error::io("write", path))?;
    file.persist(path).map_err(|e| Error::Io { action: "write", path: path.to_owned(), source: e.error })?;
    Ok(())
}

/// The content on disk, under a name that says that it is not in its place.
fn unfinished(staging: &Path, content: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(staging)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    set_ordinary_permissions(file.path())?;
    Ok(file)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Writes a folder of files whole or not at all. A folder that is there already is replaced when it is empty or holds
/// `mark`, the file by which this command knows its own results, and refused otherwise.
pub(crate) fn write_folder(folder: &Path, mark: &str, files: &[(String, Vec<u8>)]) -> Result<(), Error> {
    let replaced = |error: ReplaceError| match error {
        ReplaceError::Locked { folder } => Error::Locked { folder },
        ReplaceError::Io { action, path, source } => Error::Io { action, path, source },
        other => Error::library("the folder could not be replaced")(other),
    };
    let replacement = Replacement::begin(folder).map_err(replaced)?;
    if folder.exists() {
        let mut entries = fs::read_dir(folder).map_err(Error::io("read", folder))?;
        if entries.next().is_some() && !folder.join(mark).is_file() {
            return Err(Error::NotOurs { folder: folder.to_owned() });
        }
    }
    for (name, content) in files {
        write_whole(&replacement.fresh().join(name), content)?;
    }
    replacement.finish().map_err(replaced)
}

/// Removes unfinished files at the top of the folder, where all are written.
fn remove_unfinished(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && name.starts_with(UNFINISHED) {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Temporary files are private to their owner; results are ordinary files.
#[cfg(unix)]
fn set_ordinary_permissions(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_ordinary_permissions(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_in_the_same_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = OutputFolder::open(folder.path()).unwrap();
        let refused = OutputFolder::open(folder.path()).unwrap_err();
        assert!(refused.explain().contains("another run is writing"), "{}", refused.explain());
        drop(first);
        OutputFolder::open(folder.path()).unwrap();
    }

    #[test]
    fn what_a_killed_run_left_unfinished_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(folder.path()).unwrap();
        for name in ["tables/a.csv", "latex/figures/b.tex", "deeper/than/.writing-mine"] {
            out.write(name, b"whole").unwrap();
            // Killed between writing and renaming.
            unfinished(out.path(), b"half").unwrap().keep().unwrap();
        }
        drop(out);
        OutputFolder::open(folder.path()).unwrap();
        let left = crate::workspace::files_below(folder.path()).unwrap();
        let left: Vec<_> = left.iter().map(|path| path.strip_prefix(folder.path()).unwrap()).collect();
        let expected = [".lock", "deeper/than/.writing-mine", "latex/figures/b.tex", "tables/a.csv"];
        assert_eq!(left, expected.map(Path::new));
    }

    #[test]
    fn a_file_is_replaced_whole_and_leaves_no_temporary_behind() {
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(folder.path()).unwrap();
        out.write("tables/a.csv", b"one").unwrap();
        out.write("tables/a.csv", b"two").unwrap();
        let names: Vec<_> = fs::read_dir(folder.path().join("tables")).unwrap().flatten().collect();
        assert_eq!(names.len(), 1);
        assert_eq!(fs::read(names[0].path()).unwrap(), b"two");
    }

    #[test]
    fn a_folder_of_results_replaces_only_its_own_kind() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("result");
        let files = |text: &str| [("mark.json".to_owned(), text.into()), ("a.csv".to_owned(), text.into())];
        write_folder(&folder, "mark.json", &files("one")).unwrap();
        fs::write(folder.join("note.txt"), "mine").unwrap();
        write_folder(&folder, "mark.json", &files("two")).unwrap();
        assert_eq!(fs::read_to_string(folder.join("a.csv")).unwrap(), "two");
        assert!(!folder.join("note.txt").exists(), "results of one run are not mixed with those of another");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);

        let other = parent.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("thesis.tex"), "years of work").unwrap();
        let error = write_folder(&other, "mark.json", &files("three")).unwrap_err();
        assert!(error.explain().contains("choose another folder"), "{}", error.explain());
        assert!(other.join("thesis.tex").exists());
    }

    #[test]
    fn a_folder_that_another_run_replaces_is_left_to_it() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("result");
        let other = Replacement::begin(&folder).unwrap();
        let refused = write_folder(&folder, "mark.json", &[]).unwrap_err();
        assert!(refused.explain().contains("another run is writing"), "{}", refused.explain());
        drop(other);
        write_folder(&folder, "mark.json", &[]).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(folder.path()).unwrap();
        fs::create_dir(folder.path().join("taken")).unwrap();
        assert!(out.write("taken", b"x").is_err());
        assert!(folder.path().join("taken").is_dir());
    }
}
