//! `help`: explains the commands and the files by example.

use crate::console;
use crate::error::Error;

/// Explain a command or a file format, with examples
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to explain; nothing for an overview
    topic: Option<String>,
}

/// The topics and their texts.
const TOPICS: [(&str, &str); 15] = [
    ("overview", include_str!("help/overview.txt")),
    ("reproduce", include_str!("help/reproduce.txt")),
    ("verify", include_str!("help/verify.txt")),
    ("data", include_str!("help/data.txt")),
    ("solve", include_str!("help/solve.txt")),
    ("compare", include_str!("help/compare.txt")),
    ("explore", include_str!("help/explore.txt")),
    ("estimate", include_str!("help/estimate.txt")),
    ("bench", include_str!("help/bench.txt")),
    ("elasticities", include_str!("help/elasticities.txt")),
    ("patents", include_str!("help/patents.txt")),
    ("scenarios", include_str!("help/scenarios.txt")),
    ("new-scenario", include_str!("help/new-scenario.txt")),
    ("explain", include_str!("help/explain.txt")),
    ("release", include_str!("help/release.txt")),
];

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    let topic = arguments.topic.as_deref().unwrap_or("overview");
    match TOPICS.iter().find(|(name, _)| *name == topic) {
        Some((_, text)) => {
            console::result(text.trim_end());
            Ok(())
        }
        None => {
            let known = TOPICS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            Err(Error::UnknownTopic { given: topic.to_owned(), known })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_fits_a_terminal_and_the_overview_names_the_others() {
        for (name, text) in TOPICS {
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{name}: `{line}` is too wide");
            }
            assert!(TOPICS[0].1.contains(name), "the overview does not name {name}");
        }
        let line = <crate::CommandLine as clap::CommandFactory>::command();
        for command in line.get_subcommands().map(clap::Command::get_name).filter(|name| *name != "help") {
            assert!(TOPICS.iter().any(|(name, _)| *name == command), "no topic explains `{command}`");
        }
    }
}
