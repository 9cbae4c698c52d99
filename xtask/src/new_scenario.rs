//! `new-scenario`: a commented file to start a question of one's own from.

use std::path::PathBuf;

use crate::console;
use crate::error::Error;
use crate::output;

/// Write a commented scenario file to start from
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file to write; one that exists is left alone
    #[arg(value_name = "FILE.toml", required_unless_present = "list")]
    file: Option<PathBuf>,
    /// A shipped scenario to start from instead (`--list` names them)
    #[arg(long, value_name = "NAME", default_value = TEMPLATE)]
    from: String,
    /// Name the scenarios that are shipped and stop
    #[arg(long)]
    list: bool,
}

const TEMPLATE: &str = "template";

/// What one can start from: name and text.
const SHIPPED: [(&str, &str); 11] = [
    (TEMPLATE, include_str!("new_scenario/template.toml")),
    ("quota-2010", include_str!("../../scenarios/quota-2010.toml")),
    ("quota-2010-directed", include_str!("../../scenarios/quota-2010-directed.toml")),
    ("quota-2010-exogenous", include_str!("../../scenarios/quota-2010-exogenous.toml")),
    ("quota-2010-2018", include_str!("../../scenarios/quota-2010-2018.toml")),
    ("lifting", include_str!("../../scenarios/lifting.toml")),
    ("embargo", include_str!("../../scenarios/embargo.toml")),
    ("export-tax", include_str!("../../scenarios/export-tax.toml")),
    ("importers", include_str!("../../scenarios/importers.toml")),
    ("robustness", include_str!("../../scenarios/robustness.toml")),
    ("heavy-2025", include_str!("../../scenarios/heavy-2025.toml")),
];

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let (Some(file), false) = (&arguments.file, arguments.list) else {
        for (name, text) in SHIPPED {
            let first = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
            console::result(format!("  {name:<22}{first}"));
        }
        return Ok(());
    };
    let Some((_, text)) = SHIPPED.iter().find(|(name, _)| *name == arguments.from) else {
        let known = SHIPPED.map(|(name, _)| name).join(", ");
        return Err(Error::UnknownScenario { given: arguments.from.clone(), known });
    };
    if file.exists() {
        return Err(Error::Exists { path: file.clone() });
    }
    // The address of the schema is that of a file in `scenarios/`.
    let text: String =
        text.lines().filter(|line| !line.starts_with("#:schema")).map(|line| format!("{line}\n")).collect();
    output::write_whole(file, text.as_bytes())?;
    console::result(format!("{} is yours: change it, then", file.display()));
    console::result(format!("  cargo xtask solve --scenario {} --out result", file.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_to_start_from_is_understood_and_nothing_shipped_is_missing() {
        let sources = crate::sources::Sources::shipped(&crate::workspace::RawData::new(None));
        for (name, text) in SHIPPED {
            let economy = counterfactuals::Scenario::economy_of(text).unwrap().expect(name);
            let economy = crate::economies::open(&economy).unwrap();
            let estimates = sources.named_in(text).unwrap();
            let scenario = counterfactuals::Scenario::parse(text, &economy, &estimates);
            let scenario = scenario.unwrap_or_else(|error| panic!("{name}: {error}"));
            scenario.resolve(&economy, &scenario.central()).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let folder = crate::workspace::root().join("scenarios");
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(SHIPPED.iter().any(|(known, _)| *known == name), "{name} is not offered");
        }
    }

    #[test]
    fn what_is_commented_out_in_the_template_is_understood_too() {
        // Every line `#key = ...` or `#[[section]]` is an example; a remark starts with `# `.
        let text: String = SHIPPED[0]
            .1
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(example) if !example.starts_with(' ') && !example.is_empty() => format!("{example}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let economy = crate::economies::open("rare-earth-world-2009").unwrap();
        let sources = crate::sources::Sources::shipped(&crate::workspace::RawData::new(None));
        let scenario = counterfactuals::Scenario::parse(&text, &economy, &sources.named_in(&text).unwrap());
        scenario.unwrap_or_else(|error| panic!("{error}"));
    }
}
