//! `compare`: which numbers of two results differ, and by how much.

mod differences;
mod read;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::console;
use crate::error::Error;
use crate::output;
use crate::report::delimited;
use differences::{Comparison, Difference, compare};
use read::Results;

/// The file by which a folder of differences is known.
const DIFFERENCES: &str = "differences.csv";

/// Say which numbers of two results differ, and by how much
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A folder of `solve` or `reproduce`
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Another
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Folder to write every difference to
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How far apart numbers may be that count as equal, relative to the larger of both
    #[arg(long, value_name = "R", default_value = "0")]
    tolerance: f64,
    /// How many of the largest differences to print
    #[arg(long, value_name = "N", default_value = "20")]
    top: usize,
    /// End with exit code 1 where anything differs
    #[arg(long)]
    equal: bool,
}

/// A table that both results have.
struct Pair {
    /// Its file.
    name: String,
    /// What it is, where that is on record.
    title: Option<String>,
    comparison: Comparison,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let (a, b) = (Results::open(&arguments.a)?, Results::open(&arguments.b)?);
    let names: BTreeSet<&String> = a.sheets.keys().chain(b.sheets.keys()).collect();
    let mut pairs = Vec::new();
    let mut alone = Vec::new();
    for name in names {
        match (a.sheets.get(name), b.sheets.get(name)) {
            (Some(one), Some(two)) => pairs.push(Pair {
                name: name.clone(),
                title: a.titles.get(name).or_else(|| b.titles.get(name)).cloned(),
                comparison: compare(one, two, arguments.tolerance),
            }),
            (Some(_), None) => alone.push(format!("only the first has {name}")),
            _ => alone.push(format!("only the second has {name}")),
        }
    }
    let heads = [("A", &arguments.a, &a.what), ("B", &arguments.b, &b.what)]
        .map(|(letter, folder, what)| format!("{letter}: {}: {what}", folder.display()));

    if let Some(out) = &arguments.out {
        let files = [
            (DIFFERENCES.to_owned(), csv(&pairs)?),
            ("differences.md".to_owned(), markdown(&heads, &pairs, &alone, arguments).into_bytes()),
        ];
        output::write_folder(out, DIFFERENCES, &files)?;
    }
    tell(&heads, &pairs, &alone, arguments.top);
    let differs = !alone.is_empty()
        || pairs.iter().any(|p| !p.comparison.differences.is_empty() || !p.comparison.unmatched.is_empty());
    if arguments.equal && differs { Err(Error::NotEqual) } else { Ok(()) }
}

/// All differences, the largest first; equal ones in the order of tables and rows.
fn ranked(pairs: &[Pair]) -> Vec<(&str, &Difference)> {
    let mut all: Vec<(&str, &Difference)> = pairs
        .iter()
        .flat_map(|pair| pair.comparison.differences.iter().map(|d| (pair.name.as_str(), d)))
        .collect();
    all.sort_by(|x, y| y.1.size().total_cmp(&x.1.size()));
    all
}

fn counts(pair: &Pair) -> String {
    let Comparison { compared, differences, unmatched } = &pair.comparison;
    let mut text = if differences.is_empty() {
        format!("{compared} cells, all equal")
    } else {
        format!("{} of {compared} cells differ", differences.len())
    };
    if !unmatched.is_empty() {
        text.push_str(&format!("; {} rows or columns in one only", unmatched.len()));
    }
    text
}

fn total(pairs: &[Pair]) -> String {
    let compared: usize = pairs.iter().map(|pair| pair.comparison.compared).sum();
    let differ: usize = pairs.iter().map(|pair| pair.comparison.differences.len()).sum();
    format!("{} tables: {differ} of {compared} cells differ", pairs.len())
}

fn tell(heads: &[String; 2], pairs: &[Pair], alone: &[String], top: usize) {
    heads.iter().for_each(console::result);
    for pair in pairs {
        console::result(format!("  {:<28} {}", pair.name, counts(pair)));
    }
    for line in pairs.iter().flat_map(unmatched).chain(alone.iter().cloned()).take(top) {
        console::result(format!("  {line}"));
    }
    let ranked = ranked(pairs);
    if !ranked.is_empty() && top > 0 {
        console::result(format!("the largest {} of {}:", top.min(ranked.len()), ranked.len()));
    }
    for (table, d) in ranked.iter().take(top) {
        let change = match (d.change(), d.percent()) {
            (Some(change), Some(percent)) => format!("  {change:+.4e}  {percent:+.3}%"),
            (Some(change), None) => format!("  {change:+.4e}"),
            _ => String::new(),
        };
        console::result(format!(
            "  {table}  [{}]  {}  {} -> {}{change}",
            d.place(),
            d.column,
            short(&d.a),
            short(&d.b)
        ));
    }
    console::result(total(pairs));
}

fn unmatched(pair: &Pair) -> impl Iterator<Item = String> {
    pair.comparison.unmatched.iter().map(|line| format!("{}: {line}", pair.name))
}

/// A number with as many digits as a reader wants; words as they are.
fn short(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(x) if x != 0.0 && x.is_finite() && !(1e-3..1e7).contains(&x.abs()) => format!("{x:.5e}"),
        Ok(x) if x.fract() != 0.0 => format!("{x:.6}"),
        _ if text.is_empty() => "nothing".to_owned(),
        _ => text.to_owned(),
    }
}

fn csv(pairs: &[Pair]) -> Result<Vec<u8>, Error> {
    let header = ["table", "row", "column", "a", "b", "difference", "percent"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    let number = |x: Option<f64>| x.map(delimited::exact).unwrap_or_default();
    for pair in pairs {
        for d in &pair.comparison.differences {
            let row: Vec<String> = d.row.iter().map(|(name, value)| format!("{name}={value}")).collect();
            lines.push(vec![
                pair.name.clone(),
                row.join("; "),
                d.column.clone(),
                d.a.clone(),
                d.b.clone(),
                number(d.change()),
                number(d.percent()),
            ]);
        }
    }
    delimited::write(DIFFERENCES, &lines)
}

fn markdown(heads: &[String; 2], pairs: &[Pair], alone: &[String], arguments: &Arguments) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut text = String::from("# Two results compared\n\n");
    heads.iter().for_each(|head| text.push_str(&format!("- {}\n", cell(head))));
    let what = match arguments.tolerance {
        0.0 => "Equal are only equal numbers".to_owned(),
        tolerance => format!("Equal are numbers no further apart than {tolerance:e} of the larger of both"),
    };
    text.push_str(&format!("\n{what}. {}.\n\n| table | content | result |\n|---|---|---|\n", total(pairs)));
    for pair in pairs {
        let title = pair.title.as_deref().unwrap_or_default();
        text.push_str(&format!("| {} | {} | {} |\n", cell(&pair.name), cell(title), counts(pair)));
    }
    let lines: Vec<String> = pairs.iter().flat_map(unmatched).chain(alone.iter().cloned()).collect();
    if !lines.is_empty() {
        text.push_str("\n## In one only\n\n");
        lines.iter().for_each(|line| text.push_str(&format!("- {line}\n")));
    }
    let ranked = ranked(pairs);
    if !ranked.is_empty() {
        text.push_str(&format!(
            "\n## The largest {} of {} differences\n\nRanked by the change over the larger of both; {DIFFERENCES} has \
             all, with exact numbers.\n\n| table | row | column | A | B | B less A | percent |\n|---|---|---|---:|---:|---:|---:|\n",
            arguments.top.min(ranked.len()),
            ranked.len()
        ));
    }
    for (table, d) in ranked.iter().take(arguments.top) {
        let change = d.change().map(|x| short(&delimited::exact(x))).unwrap_or_default();
        let percent = d.percent().map(|x| format!("{x:.3}")).unwrap_or_default();
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {change} | {percent} |\n",
            cell(table),
            cell(&d.place()),
            cell(&d.column),
            cell(&short(&d.a)),
            cell(&short(&d.b))
        ));
    }
    text
}
