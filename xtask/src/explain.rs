//! `explain`: what a table is, where its inputs come from and which code makes it.

use crate::console;
use crate::data::sets;
use crate::error::Error;
use crate::parts;
use crate::report::checks::Published;
use crate::workspace::DataArgument;

/// Say what a table is, where its inputs come from and which code makes it
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The tables, such as A1 or C5
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    data: DataArgument,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let raw = arguments.data.raw();
    let published = Published::load()?;
    for (number, part) in parts::choose(&arguments.ids)?.iter().enumerate() {
        if number > 0 {
            console::result("");
        }
        let (file, function) = part.source();
        console::result(format!("{}  {}", part.id, part.title));
        console::result(format!("  make it:    cargo xtask reproduce --only {}", part.id));
        console::result(format!("  code:       {file}, fn {function}"));
        if part.needs.is_empty() {
            console::result("  data:       what is shipped (data/PROVENANCE.md says where that comes from)");
        }
        let named = [
            ("needs", "without it the table is skipped", part.needs),
            ("also reads", "where it is there", part.uses),
        ];
        for (verb, when, list) in named {
            for name in list {
                let state = if raw.set(name).is_some() { "present" } else { "absent" };
                console::result(format!("  {:<12}{name} ({state}; {when})", format!("{verb}:")));
                let what = match parts::OWN_SETS.iter().find(|(own, _)| own == name) {
                    Some((_, what)) => format!("of your own: {what}"),
                    None => sets::find(name).map(|set| format!("{}; {}", set.title, set.home))?,
                };
                console::result(format!("              {what}"));
            }
        }
        match published.of_table(part.id).count() {
            0 => console::result("  published:  no printed number is held against it"),
            count => console::result(format!(
                "  published:  {count} printed numbers; cargo xtask verify --only {} --all shows each",
                part.id
            )),
        }
    }
    Ok(())
}
