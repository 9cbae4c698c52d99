//! `data list`.

use crate::console;
use crate::data::sets;
use crate::error::Error;
use crate::parts;
use crate::workspace::{self, RawData};

/// Runs the command.
pub(crate) fn run(raw: &RawData) -> Result<(), Error> {
    console::result("Shipped with the project (made by `cargo xtask data build`):");
    let shipped = shipped_files()?;
    if shipped.is_empty() {
        console::result("  nothing yet");
    }
    for (name, bytes) in shipped {
        console::result(format!("  data/{name:<40} {:>9.1} kB", bytes as f64 / 1e3));
    }

    let parts = parts::all();
    console::result("\nRaw data sets (not shipped; one folder each below --data or LODESTONE_DATA):");
    for set in sets::all()? {
        let state = match raw.folder() {
            None => "no folder of raw data given".to_owned(),
            Some(_) => match raw.set(&set.name) {
                Some(folder) => format!("present: {}", folder.display()),
                None => "absent".to_owned(),
            },
        };
        let bytes: u64 = set.files.iter().map(|file| file.bytes).sum();
        let used: Vec<&str> =
            parts.iter().filter(|part| part.needs.contains(&set.name.as_str())).map(|part| part.id).collect();
        console::result(format!("\n  {}  ({state})", set.name));
        console::result(format!("    {}", set.title));
        console::result(format!("    {} files, {:.1} MB", set.files.len(), bytes as f64 / 1e6));
        console::result(format!("    cite:    {}", set.cite));
        console::result(format!("    rights:  {}", set.rights));
        console::result(format!("    get it:  {}", set.home));
        console::result(format!("    layout:  {}", set.layout));
        if !used.is_empty() {
            console::result(format!("    needed for: {}", used.join(", ")));
        }
    }
    Ok(())
}

/// The files of the shipped data, by path below `data/`, with their sizes.
fn shipped_files() -> Result<Vec<(String, u64)>, Error> {
    let root = workspace::root().join("data");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&folder).map_err(Error::io("read", &folder))?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let (Ok(name), Ok(about)) = (path.strip_prefix(&root), entry.metadata()) {
                files.push((name.to_string_lossy().into_owned(), about.len()));
            }
        }
    }
    files.sort();
    Ok(files)
}
