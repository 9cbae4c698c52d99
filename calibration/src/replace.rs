//! A folder that is replaced whole or not at all, by one process at a time, and that outlives a kill at any moment.
//!
//! What is new is written to a hidden folder beside it, `.writing-NAME`, and takes its place by two renames: the old folder moves
//! aside, the new one in. A process that is killed between the two leaves the old one in the hidden folder; whoever begins next
//! puts it back first. The hidden folder goes when the replacement ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Why a folder cannot be replaced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// Another process replaces it.
    #[error("another run is writing to {}: wait for it to end, or name another folder", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or folder cannot be made, moved or removed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The new folder could not take its place, nor the old one come back.
    #[error("cannot write {}: {source}; what was there is in {}", folder.display(), kept.display())]
    Aside {
        /// The folder.
        folder: PathBuf,
        /// Where what was there is now.
        kept: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ReplaceError {
    let path = path.to_owned();
    move |source| ReplaceError::Io { action, path, source }
}

/// A folder in the making, which takes the place of another when it is done, and goes when it is dropped before.
#[derive(Debug)]
pub struct Replacement {
    folder: PathBuf,
    hidden: PathBuf,
    _lock: File,
}

impl Replacement {
    /// Begins to replace `folder`, which need not be there; its parent is made if need be. What a process that was killed has
    /// left is tidied up first.
    ///
    /// # Errors
    /// [`ReplaceError::Locked`] while another process replaces it; [`ReplaceError::Io`].
    pub fn begin(folder: &Path) -> Result<Self, ReplaceError> {
        let parent = match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut name = std::ffi::OsString::from(".writing-");
        name.push(folder.file_name().unwrap_or_default());
        let hidden = parent.join(name);
        let lock = lock(folder, &hidden)?;
        let replacement = Self { folder: folder.to_owned(), hidden, _lock: lock };
        replacement.restore();
        let fresh = replacement.fresh();
        for left in [&fresh, &replacement.old()] {
            match fs::remove_dir_all(left) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("remove", left)(error));
                }
                _ => {}
            }
        }
        fs::create_dir(&fresh).map_err(failed("make the folder", &fresh))?;
        Ok(replacement)
    }

    /// Where the new folder's files go.
    pub fn fresh(&self) -> PathBuf {
        self.hidden.join("new")
    }

    fn old(&self) -> PathBuf {
        self.hidden.join("old")
    }

    /// Puts the new folder in its place, and removes the old one.
    ///
    /// # Errors
    /// [`ReplaceError::Io`] with the old folder where it was; [`ReplaceError::Aside`] where even that fails.
    pub fn finish(self) -> Result<(), ReplaceError> {
        let (folder, old) = (&self.folder, self.old());
        if folder.exists() {
            fs::rename(folder, &old).map_err(failed("replace", folder))?;
        }
        fs::rename(self.fresh(), folder).map_err(|source| {
            self.restore();
            match old.exists() {
                true => ReplaceError::Aside { folder: folder.clone(), kept: old, source },
                false => failed("write", folder)(source),
            }
        })
    }

    /// Puts the old folder back where nothing has taken its place.
    fn restore(&self) {
        if self.old().exists() && !self.folder.exists() {
            // Where this fails the old folder stays in the hidden one.
            let _ = fs::rename(self.old(), &self.folder);
        }
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        self.restore();
        if self.folder.exists() || !self.old().exists() {
            // What is left does no harm, and goes when somebody replaces the folder again.
            let _ = fs::remove_dir_all(&self.hidden);
        }
    }
}

/// Locks a file in the hidden folder, which is made for it.
fn lock(folder: &Path, hidden: &Path) -> Result<File, ReplaceError> {
    let path = hidden.join("lock");
    // Who had the lock removes the hidden folder: the file may be gone, or another, once it is locked.
    for _ in 0..100 {
        fs::create_dir_all(hidden).map_err(failed("make the folder", hidden))?;
        let file = match File::create(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed("write", &path)(error)),
        };
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => return Ok(file),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
    }
    Err(ReplaceError::Locked { folder: folder.to_owned() })
}

/// Whether an open file is the one at a path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |about: io::Result<fs::Metadata>| about.ok().map(|about| (about.dev(), about.ino()));
    let open = of(file.metadata());
    open.is_some() && open == of(fs::metadata(path))
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, text: &str) {
        let replacement = Replacement::begin(folder).unwrap();
        fs::write(replacement.fresh().join("a"), text).unwrap();
        replacement.finish().unwrap();
    }

    #[test]
    fn a_kill_at_any_moment_leaves_one_whole_folder_for_the_next() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("result");
        let hidden = parent.path().join(".writing-result");
        put(&folder, "one");
        // What a kill leaves: while files are written, between the two renames, after both.
        for state in 0..3 {
            fs::create_dir_all(hidden.join("new")).unwrap();
            fs::write(hidden.join("new/a"), "two").unwrap();
            fs::write(hidden.join("lock"), "").unwrap();
            if state > 0 {
                fs::rename(&folder, hidden.join("old")).unwrap();
            }
            if state > 1 {
                fs::rename(hidden.join("new"), &folder).unwrap();
            }
            let expected = if state > 1 { "two" } else { "one" };
            // The next begins and fails.
            let next = Replacement::begin(&folder).unwrap();
            assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), expected, "{state}");
            assert_eq!(fs::read_dir(next.fresh()).unwrap().count(), 0);
            drop(next);
            assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), expected, "{state}");
            assert!(!hidden.exists());
        }
        put(&folder, "three");
        assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "three");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_two_who_replace_a_folder_the_second_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("result");
        let first = Replacement::begin(&folder).unwrap();
        fs::write(first.fresh().join("a"), "first").unwrap();
        assert!(matches!(Replacement::begin(&folder), Err(ReplaceError::Locked { .. })));
        // Another folder beside it is another matter.
        put(&parent.path().join("other"), "other");
        first.finish().unwrap();
        assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "first");
        put(&folder, "second");
    }

    #[test]
    fn what_cannot_take_its_place_leaves_the_old_folder() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("result");
        put(&folder, "one");
        let replacement = Replacement::begin(&folder).unwrap();
        fs::remove_dir(replacement.fresh()).unwrap();
        assert!(matches!(replacement.finish(), Err(ReplaceError::Io { action: "write", .. })));
        assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "one");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
