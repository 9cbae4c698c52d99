//! `data list`.

use crate::console;
use crate::data::sets;
use crate::error::Error;
use crate::parts;
use crate::workspace::{self, RawData};

/// Runs the command.
pub(crate) fn run(raw: &RawData) -> Result<(), Error> {
    console::result("Shipped with the project (made by `cargo xtask data build`):");
    let shipped = workspace::shipped_data();
    for path in workspace::files_below(&shipped)? {
        let bytes = std::fs::metadata(&path).map_err(Error::io("read", &path))?.len();
        let name = path.strip_prefix(&shipped).unwrap_or(&path).display().to_string();
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
        let name = set.name.as_str();
        let used: Vec<&str> = parts
            .iter()
            .filter(|part| part.needs.contains(&name) || part.uses.contains(&name))
            .map(|part| part.id)
            .collect();
        console::result(format!("\n  {}  ({state})", set.name));
        console::result(format!("    {}", set.title));
        console::result(format!("    {} files, {:.1} MB", set.files.len(), bytes as f64 / 1e6));
        console::result(format!("    cite:    {}", set.cite));
        console::result(format!("    rights:  {}", set.rights));
        console::result(format!("    get it:  {}", set.home));
        console::result(format!("    layout:  {}", set.layout));
        if !set.official.is_empty() {
            let files: Vec<&str> = set.official.iter().map(|official| official.file.as_str()).collect();
            let command = format!("cargo xtask data fetch {}", set.name);
            console::result(format!("    fetch:   `{command}` downloads and converts {}", files.join(", ")));
        }
        console::result(format!("    by hand: {}", set.by_hand));
        if !used.is_empty() {
            console::result(format!("    read for: {}", used.join(", ")));
        }
    }
    console::result("\nSets of your own (optional; a folder each in the same place):");
    for (name, what) in parts::OWN_SETS {
        let state = if raw.set(name).is_some() { "present" } else { "absent" };
        let used: Vec<&str> =
            parts.iter().filter(|part| part.uses.contains(&name)).map(|part| part.id).collect();
        console::result(format!("\n  {name}  ({state})\n    {what}\n    read for: {}", used.join(", ")));
    }
    Ok(())
}
