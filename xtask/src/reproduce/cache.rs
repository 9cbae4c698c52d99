//! What need not be made again, and which files of earlier runs go.
//!
//! A part is made again unless its key and the SHA-256 of each of its files are those that the manifest has on record. The key
//! covers what can change a number: the part's identifier, the running program (and with it every source, the shipped data, the
//! published numbers, the seeds, the dependencies, the compiler and its flags) and the raw data that the part reads, by content.
//! It does not cover what cannot: the time, the number of threads, where the raw data lie. Content is hashed each time: at some
//! hundred megabytes a second that is cheap, and no date of a file is trusted.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Error;
use crate::hash;
use crate::parts::{self, Part};
use crate::report::manifest::{Manifest, Outcome, PartRecord};
use crate::workspace::RawData;

/// What a part's key is the hash of.
#[derive(Serialize)]
struct Ingredients<'a> {
    part: &'a str,
    program: &'a str,
    inputs: &'a BTreeMap<String, String>,
}

/// The keys of parts in this run. Every raw data set is hashed once.
pub(super) struct Keys<'a> {
    raw: &'a RawData,
    program: String,
    sets: HashMap<&'static str, BTreeMap<String, String>>,
}

impl<'a> Keys<'a> {
    /// Hashes the running program.
    pub(super) fn new(raw: &'a RawData) -> Result<Self, Error> {
        Ok(Self { raw, program: hash::of_file(&running_program()?)?, sets: HashMap::new() })
    }

    /// The SHA-256 of the running program.
    pub(super) fn program(&self) -> &str {
        &self.program
    }

    /// What a part reads of the raw data, by content, and its key.
    pub(super) fn of(&mut self, part: &Part) -> Result<Key, Error> {
        let mut inputs = BTreeMap::new();
        for set in part.needs.iter().chain(part.uses) {
            if !self.sets.contains_key(set) {
                self.sets.insert(set, parts::input_hashes(self.raw, &[set])?);
            }
            inputs.extend(self.sets.get(set).cloned().unwrap_or_default());
        }
        let ingredients = Ingredients { part: part.id, program: &self.program, inputs: &inputs };
        let text = serde_json::to_vec(&ingredients).map_err(|e| Error::Report {
            table: part.id.to_owned(),
            problem: format!("its inputs cannot be written down: {e}"),
        })?;
        Ok(Key { hash: hash::of_bytes(&text), inputs })
    }
}

/// A part's key and what it reads of the raw data.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// The key.
    pub(super) hash: String,
    /// SHA-256 of each file, by path below the folder of raw data.
    pub(super) inputs: BTreeMap<String, String>,
}

/// Whether the folder holds what making the part now would give.
pub(super) fn is_up_to_date(record: Option<&PartRecord>, key: &Key, folder: &Path) -> bool {
    record.is_some_and(|record| {
        record.outcome == Outcome::Made
            && record.key.as_deref() == Some(&key.hash)
            && !record.files.is_empty()
            && record.files.iter().all(|(name, hash)| holds(folder, name, hash))
    })
}

/// Puts `record` in the place of what the manifest has for the part, and removes the files of the old record that the new one
/// does not have: a part that made more before, or that is skipped or fails now. A file that is not as it was made is somebody's
/// work and stays.
pub(super) fn replace(
    manifest: &mut Manifest,
    id: &str,
    record: PartRecord,
    folder: &Path,
) -> Result<(), Error> {
    let old = manifest.parts.insert(id.to_owned(), record);
    let Some(old) = old else { return Ok(()) };
    let kept: Vec<&String> = manifest.parts.values().flat_map(|record| record.files.keys()).collect();
    let gone = old.files.iter().filter(|(name, _)| !kept.contains(name));
    for (name, hash) in gone {
        if holds(folder, name, hash) {
            let path = folder.join(name);
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Drops the records of parts that no longer exist, with their files.
pub(super) fn drop_unknown(manifest: &mut Manifest, folder: &Path) -> Result<(), Error> {
    let known: Vec<&str> = parts::all().iter().map(|part| part.id).collect();
    let unknown: Vec<String> =
        manifest.parts.keys().filter(|id| !known.contains(&id.as_str())).cloned().collect();
    for id in unknown {
        let empty = PartRecord::default();
        replace(manifest, &id, empty, folder)?;
        manifest.parts.remove(&id);
    }
    Ok(())
}

/// Files among the tables and figures that no part on record has made, by name.
pub(super) fn unexplained(manifest: &Manifest, folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for sub_folder in ["tables", "figures"] {
        let path = folder.join(sub_folder);
        if !path.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&path).map_err(Error::io("read", &path))? {
            let entry = entry.map_err(Error::io("read", &path))?;
            names.push(format!("{sub_folder}/{}", entry.file_name().to_string_lossy()));
        }
    }
    names.retain(|name| !manifest.parts.values().any(|record| record.files.contains_key(name)));
    names.sort();
    Ok(names)
}

/// Whether the file is there and as it was written.
fn holds(folder: &Path, name: &str, hash: &str) -> bool {
    hash::of_file(&folder.join(name)).is_ok_and(|found| found == hash)
}

/// The running program. Linux opens it even when a build has put another one in its place since.
fn running_program() -> Result<PathBuf, Error> {
    let linux = Path::new("/proc/self/exe");
    if linux.exists() {
        return Ok(linux.to_owned());
    }
    std::env::current_exe().map_err(Error::io("find", Path::new("the running program")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::OutputFolder;
    use crate::parts::Made;
    use crate::report::checks::Published;
    use crate::report::table::tests::sample;
    use crate::reproduce::make::make_one;
    use crate::reproduce::make::tests::part;

    /// A folder of raw data with one file of set `toy`.
    fn toy(content: &str) -> (RawData, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("toy")).unwrap();
        std::fs::write(folder.path().join("toy/a.csv"), content).unwrap();
        (RawData::new(Some(folder.path().to_owned())), folder)
    }

    fn reader(id: &'static str) -> Part {
        let mut part = part(id, |_| Ok(Made { tables: vec![sample()], ..Made::default() }));
        part.uses = &["toy"];
        part
    }

    fn key(part: &Part, raw: &RawData) -> Key {
        Keys::new(raw).unwrap().of(part).unwrap()
    }

    #[test]
    fn a_key_changes_with_what_can_change_a_number_and_with_nothing_else() {
        let (raw, _one) = toy("1");
        let (same_elsewhere, _two) = toy("1");
        let (other, three) = toy("2");
        let absent = RawData::new(None);
        let of = |raw: &RawData| key(&reader("T1"), raw).hash;
        assert_eq!(of(&raw), of(&same_elsewhere));
        assert_ne!(of(&raw), of(&other));
        assert_ne!(of(&raw), of(&absent));
        assert_ne!(of(&raw), key(&reader("T2"), &raw).hash);
        // A file renamed is another input; another set is none.
        std::fs::create_dir(three.path().join("unused")).unwrap();
        std::fs::write(three.path().join("unused/b.csv"), "3").unwrap();
        assert_eq!(of(&other), key(&reader("T1"), &other).hash);
        std::fs::rename(three.path().join("toy/a.csv"), three.path().join("toy/b.csv")).unwrap();
        assert_ne!(of(&other), of(&toy("2").0));
        let mut keys = Keys::new(&raw).unwrap();
        keys.program = "another".to_owned();
        assert_ne!(keys.of(&reader("T1")).unwrap().hash, of(&raw));
    }

    fn made(part: &Part, raw: &RawData, out: &OutputFolder) -> PartRecord {
        let mut record = make_one(part, raw, &Published::load().unwrap(), Some(out)).unwrap();
        record.key = Some(key(part, raw).hash);
        record
    }

    #[test]
    fn a_part_is_up_to_date_only_while_key_and_files_are_those_on_record() {
        let (raw, _data) = toy("1");
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(folder.path()).unwrap();
        let part = reader("T1");
        let mut record = made(&part, &raw, &out);
        let key = key(&part, &raw);
        let fresh = |record: &PartRecord, key: &Key| is_up_to_date(Some(record), key, folder.path());
        assert!(fresh(&record, &key));
        assert!(!is_up_to_date(None, &key, folder.path()));
        assert!(!fresh(&record, &Key { hash: "another".to_owned(), ..key.clone() }));
        for outcome in [Outcome::Failed(String::new()), Outcome::Skipped(String::new())] {
            record.outcome = outcome;
            assert!(!fresh(&record, &key));
        }
        record.outcome = Outcome::Made;
        std::fs::write(folder.path().join("tables/T1.md"), "edited").unwrap();
        assert!(!fresh(&record, &key));
        std::fs::remove_file(folder.path().join("tables/T1.md")).unwrap();
        assert!(!fresh(&record, &key));
    }

    #[test]
    fn files_that_a_part_no_longer_makes_go_and_edited_ones_stay_and_are_named() {
        let (raw, _data) = toy("1");
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(folder.path()).unwrap();
        let mut manifest = Manifest::default();
        replace(&mut manifest, "T1", made(&reader("T1"), &raw, &out), folder.path()).unwrap();
        out.write("tables/mine.csv", b"1").unwrap();
        assert_eq!(unexplained(&manifest, folder.path()).unwrap(), ["tables/mine.csv"]);
        out.write("tables/T1.md", b"with remarks of my own").unwrap();

        let skipped = PartRecord { outcome: Outcome::Skipped("no data".to_owned()), ..PartRecord::default() };
        replace(&mut manifest, "T1", skipped, folder.path()).unwrap();
        assert!(!folder.path().join("tables/T1.csv").exists());
        assert_eq!(unexplained(&manifest, folder.path()).unwrap(), ["tables/T1.md", "tables/mine.csv"]);
    }

    #[test]
    fn a_part_that_no_longer_exists_takes_its_files_along() {
        let (raw, _data) = toy("1");
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(folder.path()).unwrap();
        let mut manifest = Manifest::default();
        manifest.parts.insert("T1".to_owned(), made(&reader("T1"), &raw, &out));
        manifest.parts.insert("B1".to_owned(), PartRecord::default());
        drop_unknown(&mut manifest, folder.path()).unwrap();
        assert_eq!(manifest.parts.keys().collect::<Vec<_>>(), ["B1"]);
        assert!(!folder.path().join("tables/T1.csv").exists());
    }
}
