//! The page itself.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Chapter;
use super::table::{badge, table, words};
use crate::report::checks::{self, Check, Verdict};
use crate::report::delimited::exact;
use crate::report::manifest::{Manifest, Outcome};
use crate::report::table::Kind;

const STYLE: &str = include_str!("style.css");
const CITATION: &str = include_str!("../../../../CITATION.cff");
/// The table that lists what the scenarios of part C assume.
const PARAMETERS: &str = "C1-parameters";

/// The groups of parts: letter, heading, and what a reader finds there.
const GROUPS: [(&str, &str, &str); 4] = [
    (
        "A",
        "The engines, checked on published tables",
        "Before anything is said about rare earths, the models and estimators make printed numbers again, from the data that \
         these were made from.",
    ),
    (
        "B",
        "Rare earths",
        "What happened between 2005 and 2018, where rare earths are used, and how exports, patents and productivity moved with \
         the intensity of their use.",
    ),
    (
        "C",
        "Counterfactuals",
        "What China's export restriction does to prices, production and real income, in the long run and year by year, with and \
         without technology that answers; what follows for policy.",
    ),
    (
        "D",
        "The shipped economy at large",
        "Questions that are not about rare earths, put to the same engine: gains from trade and a tariff.",
    ),
];

/// The whole page.
pub(super) fn page(chapters: &[Chapter], checks: &[Check], manifest: &Manifest) -> Markup {
    let run = &manifest.run;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(format!("lodestone {}", run.version));
                link rel="icon" href="data:,";
                title { "lodestone: restrictions on rare earths in the world economy" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the results" }
                header {
                    h1 { "Restrictions on rare earths in the world economy" }
                    p {
                        "Tables and figures made by lodestone " (run.version)
                        @if let Some(commit) = &run.commit { " from commit " code { (short(commit)) } }
                        ". Every table says what kind of result it is and what it rests on."
                    }
                }
                (contents(chapters))
                main id="main" {
                    (summary(chapters, checks))
                    @for (letter, heading, sentence) in GROUPS {
                        section.group id=(format!("part-{letter}")) {
                            h2 { "Part " (letter) ". " (heading) }
                            p.lead { (sentence) }
                            @for chapter in chapters.iter().filter(|c| c.part.id.starts_with(letter)) {
                                (self::chapter(chapter))
                            }
                        }
                    }
                    (parameters(chapters))
                    (verification(checks))
                    (absent(chapters))
                    (provenance(chapters, manifest))
                    (citation())
                }
                footer { p { "Made by " code { "cargo xtask reproduce" } ". The files of each table and figure lie beside this page." } }
            }
        }
    }
}

fn short(commit: &str) -> String {
    let mark = if commit.ends_with('+') { " with uncommitted changes" } else { "" };
    format!("{}{mark}", commit.chars().take(10).collect::<String>())
}

fn contents(chapters: &[Chapter]) -> Markup {
    html! {
        nav aria-label="Contents" {
            details open {
                summary { "Contents" }
                ul {
                    li { a href="#summary" { "Summary" } }
                    @for (letter, heading, _) in GROUPS {
                        li {
                            a href=(format!("#part-{letter}")) { (letter) ". " (heading) }
                            ul {
                                @for chapter in chapters.iter().filter(|c| c.part.id.starts_with(letter)) {
                                    li {
                                        a href=(format!("#{}", chapter.part.id)) {
                                            (chapter.part.id) " " (chapter.part.title)
                                        }
                                        @if !is_made(chapter) { " " span.badge { (state(chapter)) } }
                                    }
                                }
                            }
                        }
                    }
                    @for (id, words) in [
                        ("parameters", "Parameters"),
                        ("verification", "Verification"),
                        ("absent", "What is not here"),
                        ("provenance", "The run and its inputs"),
                        ("citation", "How to cite"),
                    ] {
                        li { a href=(format!("#{id}")) { (words) } }
                    }
                }
            }
        }
    }
}

fn is_made(chapter: &Chapter) -> bool {
    chapter.record.is_some_and(|record| record.outcome == Outcome::Made)
}

/// What became of a part, in a word.
fn state(chapter: &Chapter) -> &'static str {
    match chapter.record.map(|record| &record.outcome) {
        Some(Outcome::Made) => "made",
        Some(Outcome::Skipped(_)) => "skipped",
        Some(Outcome::Failed(_)) => "failed",
        None => "not run",
    }
}

fn summary(chapters: &[Chapter], checks: &[Check]) -> Markup {
    let count = |word| chapters.iter().filter(|chapter| state(chapter) == word).count();
    let tables = || chapters.iter().flat_map(|chapter| &chapter.tables);
    let kinds = [
        (Kind::Replicated, "a printed number, made again from the paper's own data"),
        (Kind::ReEstimated, "the paper's question, on the data at hand"),
        (Kind::Simulated, "generated by the model; no observation"),
    ];
    html! {
        section id="summary" {
            h2 { "Summary" }
            p {
                (count("made")) " of " (chapters.len()) " parts are made, " (count("skipped")) " skipped for want of data, "
                (count("failed")) " failed, " (count("not run")) " not run. " (checks::tally(checks)) "."
            }
            ul.kinds {
                @for (kind, meaning) in kinds {
                    li { (badge(kind)) " " (tables().filter(|t| t.kind == kind).count()) " tables: " (meaning) "." }
                }
            }
        }
    }
}

fn chapter(chapter: &Chapter) -> Markup {
    let part = chapter.part;
    let (file, function) = part.source();
    html! {
        section.chapter id=(part.id) aria-labelledby=(format!("{}-heading", part.id)) {
            h3 id=(format!("{}-heading", part.id)) { span.id { (part.id) } " " (part.title) }
            @match chapter.record.map(|record| &record.outcome) {
                Some(Outcome::Made) => {}
                Some(Outcome::Skipped(reason)) => { p.missing { "Skipped: it " (words(reason)) "." } }
                Some(Outcome::Failed(reason)) => { pre.missing { "Failed: " (reason) } }
                None => { p.missing { "Not run in this folder: " code { "cargo xtask reproduce --only " (part.id) } "." } }
            }
            @if !chapter.gone.is_empty() {
                p.missing {
                    "Missing or damaged: " (chapter.gone.join(", ")) ". "
                    code { "cargo xtask reproduce --only " (part.id) } " makes them again."
                }
            }
            @for (id, figure) in &chapter.figures {
                figure { div.box tabindex="0" role="region" aria-labelledby=(format!("{id}-title")) { (figure) } }
            }
            @for printed in &chapter.tables { (table(printed)) }
            @if is_made(chapter) {
                p.source { "Made by " code { (function) } " in " code { (file) } "; " code { "cargo xtask reproduce --only " (part.id) } "." }
            }
        }
    }
}

fn parameters(chapters: &[Chapter]) -> Markup {
    let there = chapters.iter().flat_map(|chapter| &chapter.tables).any(|table| table.id == PARAMETERS);
    html! {
        section id="parameters" {
            h2 { "Parameters" }
            @if there {
                p {
                    "The elasticities and other numbers that part C assumes, with their ranges and sources, stand in "
                    a href=(format!("#table-{PARAMETERS}")) { "table " (PARAMETERS) }
                    "; each scenario is a file in " code { "scenarios/" } "."
                }
            } @else {
                p { "Part C1, which lists the parameters, is not in this folder." }
            }
        }
    }
}

fn verification(checks: &[Check]) -> Markup {
    html! {
        section id="verification" {
            h2 { "Verification" }
            p {
                "Published numbers against those made here. A match prints the same digits; the tolerance is half a unit of the "
                "last printed one. A number that matches only when it is rounded twice is marked."
            }
            div.box.tall tabindex="0" role="region" aria-label="Verification" {
                table {
                    thead { tr {
                        th.words scope="col" { "Table" } th.words scope="col" { "Number" } th scope="col" { "Published" }
                        th scope="col" { "Reproduced" } th scope="col" { "Difference" } th.words scope="col" { "Verdict" }
                    } }
                    tbody { @for check in checks { tr {
                        th scope="row" { (check.table) }
                        td.words { (check.item) }
                        td { (check.published) }
                        td { @if let Some(x) = check.reproduced { (format!("{x:.6}")) } @else { "–" } }
                        td { @if let Some(x) = check.difference { (difference(x)) } @else { "–" } }
                        td.words { span.badge.(verdict_class(check.verdict)) { (check.verdict.word()) } }
                    } } }
                }
            }
        }
    }
}

fn difference(x: f64) -> String {
    if x == 0.0 { exact(x) } else { format!("{x:.1e}").replace('-', "−") }
}

fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Match | Verdict::MatchRoundedTwice => "good",
        Verdict::Miss | Verdict::Failed => "bad",
        Verdict::Skipped => "none",
    }
}

fn absent(chapters: &[Chapter]) -> Markup {
    let missing: Vec<&Chapter> = chapters.iter().filter(|chapter| !is_made(chapter)).collect();
    html! {
        section id="absent" {
            h2 { "What is not here" }
            @if missing.is_empty() {
                p { "Every part was made." }
            } @else {
                dl {
                    @for chapter in missing {
                        dt { a href=(format!("#{}", chapter.part.id)) { (chapter.part.id) " " (chapter.part.title) } }
                        dd {
                            (state(chapter))
                            @if let Some(Outcome::Skipped(reason) | Outcome::Failed(reason)) = chapter.record.map(|r| &r.outcome) {
                                ": " (words(reason))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn provenance(chapters: &[Chapter], manifest: &Manifest) -> Markup {
    let (run, elsewhere) = (&manifest.run, manifest.made_elsewhere());
    let records = || chapters.iter().filter_map(|chapter| Some((chapter.part.id, chapter.record?)));
    let inputs: BTreeMap<&String, &String> = records().flat_map(|(_, record)| &record.inputs).collect();
    html! {
        section id="provenance" {
            h2 { "The run and its inputs" }
            p { (run.compiler) ", " (run.platform) ", " (run.processors) " processors." }
            @if !elsewhere.is_empty() {
                p { "Parts that another run made before:" }
                ul { @for (id, by) in &elsewhere { li { (id) ": " (by) } } }
            }
            div.box tabindex="0" role="region" aria-label="Time and memory" {
                table {
                    thead { tr {
                        th.words scope="col" { "Part" } th.words scope="col" { "State" }
                        th scope="col" { "Time" span.unit { " s" } } th scope="col" { "Peak memory" span.unit { " MB" } }
                    } }
                    tbody { @for chapter in chapters { @if let Some(record) = chapter.record { tr {
                        th scope="row" { (chapter.part.id) " " (chapter.part.title) }
                        td.words { (state(chapter)) }
                        td { (format!("{:.1}", record.seconds)) @if record.peak_memory_shared { " *" } }
                        td { @if let Some(bytes) = record.peak_memory { (format!("{:.0}", bytes as f64 / 1e6)) } @else { "–" } }
                    } } } }
                }
            }
            @if records().any(|(_, record)| record.peak_memory_shared) {
                p.note { "* made at the same time as other parts: time and memory are not its own alone." }
            }
            @if inputs.is_empty() {
                p { "No raw data were read: everything comes from the data that are shipped, whose origin "
                    code { "data/PROVENANCE.md" } " states." }
            } @else {
                p { "Raw data that were read, by SHA-256; the origin of shipped data stands in " code { "data/PROVENANCE.md" } "." }
                div.box.tall tabindex="0" role="region" aria-label="Raw data" {
                    table {
                        thead { tr { th.words scope="col" { "File" } th.words scope="col" { "SHA-256" } } }
                        tbody { @for (file, hash) in inputs { tr { th scope="row" { (file) } td.words { code { (hash) } } } } }
                    }
                }
            }
        }
    }
}

fn citation() -> Markup {
    html! {
        section id="citation" {
            h2 { "How to cite" }
            p {
                "Please cite the project and the papers whose models and data it implements; the footer of each table cites its "
                "data. In the Citation File Format:"
            }
            div.box tabindex="0" role="region" aria-label="Citation" { pre { code { (CITATION) } } }
            p { "Outlines of the world maps: Natural Earth (public domain) by way of world-atlas (ISC, Michael Bostock)." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts;

    #[test]
    fn every_part_stands_in_one_group() {
        for part in parts::all() {
            let groups = GROUPS.iter().filter(|(letter, _, _)| part.id.starts_with(letter)).count();
            assert_eq!(groups, 1, "{}", part.id);
        }
    }
}
