//! The report: one page that holds everything in an output folder and needs nothing else. It is made from the files there, so
//! that it is the same whichever run made them.

mod page;
mod table;

use std::path::Path;

use maud::PreEscaped;

use crate::parts::Part;
use crate::report::manifest::{Manifest, PartRecord, figure_id};
use crate::report::printed::Printed;

/// The file's name in the output folder.
pub(crate) const FILE: &str = "report.html";

/// What the page says of one part.
struct Chapter<'a> {
    part: &'a Part,
    /// What became of it; `None` when no run has tried it in this folder.
    record: Option<&'a PartRecord>,
    /// Identifier and drawing of each figure.
    figures: Vec<(String, PreEscaped<String>)>,
    tables: Vec<Printed>,
    /// Files that the manifest promises and that are not there or do not read.
    gone: Vec<String>,
}

/// Renders the report of an output folder: every part in its order, made or not. What is missing, the page says.
pub(crate) fn render(folder: &Path, manifest: &Manifest, parts: &[Part]) -> Vec<u8> {
    let chapters: Vec<Chapter> =
        parts.iter().map(|part| Chapter::read(folder, part, manifest.parts.get(part.id))).collect();
    page::page(&chapters, &manifest.checks(), manifest).into_string().into_bytes()
}

impl<'a> Chapter<'a> {
    fn read(folder: &Path, part: &'a Part, record: Option<&'a PartRecord>) -> Self {
        let mut chapter = Self { part, record, figures: Vec::new(), tables: Vec::new(), gone: Vec::new() };
        for name in record.iter().flat_map(|record| &record.figures) {
            match std::fs::read_to_string(folder.join(name)) {
                Ok(svg) => {
                    chapter.figures.push((figure_id(name).to_owned(), PreEscaped(svg)));
                }
                Err(_) => chapter.gone.push(name.clone()),
            }
        }
        for table in record.iter().flat_map(|record| &record.tables) {
            let name = format!("tables/{}.json", table.id);
            let text = std::fs::read(folder.join(&name)).ok();
            match text.and_then(|text| serde_json::from_slice(&text).ok()) {
                Some(printed) => chapter.tables.push(printed),
                None => chapter.gone.push(name),
            }
        }
        chapter
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Made;
    use crate::report::checks::{Published, Verdict};
    use crate::report::manifest::{Outcome, TableRecord};
    use crate::report::printed;
    use crate::report::table::tests::sample;

    fn part(id: &'static str) -> Part {
        let make = Box::new(|_: &crate::parts::Inputs| Ok(Made::default()));
        Part { id, title: "a part & more", needs: &[], uses: &[], code: "xtask::parts::a::made", make }
    }

    fn record(outcome: Outcome) -> PartRecord {
        PartRecord { outcome, seconds: 1.0, ..PartRecord::default() }
    }

    #[test]
    fn the_page_escapes_what_it_is_given_and_says_what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = sample();
        table.note("A <script>alert(1)</script> with `code`.");
        std::fs::create_dir(folder.path().join("tables")).unwrap();
        std::fs::write(folder.path().join("tables/T1.json"), printed::render(&table).unwrap()).unwrap();
        let mut made = record(Outcome::Made);
        made.tables.push(TableRecord::from(&table));
        made.figures.push("figures/gone.svg".to_owned());
        made.checks = Published::load().unwrap().not_made("A2", Verdict::Miss);
        let mut manifest = Manifest::default();
        manifest.parts.insert("A1".to_owned(), made);
        manifest.parts.insert("B1".to_owned(), record(Outcome::Skipped("needs a < b".to_owned())));

        let parts = [part("A1"), part("B1"), part("C1")];
        let page = String::from_utf8(render(folder.path(), &manifest, &parts)).unwrap();
        assert_eq!(page.as_bytes(), render(folder.path(), &manifest, &parts));
        assert!(!page.contains("<script") && page.contains("A &lt;script&gt;alert(1)"));
        for expected in [
            "Food &amp; drink",
            "with <code>code</code>.",
            "<span class=\"badge simulated\">simulated</span>",
            "<li>Seed: 7.</li>",
            "figures/gone.svg",
            "needs a &lt; b",
            "Not run in this folder",
            "<span class=\"badge bad\">miss</span>",
            "cff-version",
        ] {
            assert!(page.contains(expected), "no `{expected}`");
        }
        for outside in ["http://", "src=", "@import", "url("] {
            let allowed = if outside == "http://" { page.matches("http://www.w3.org/").count() } else { 0 };
            assert_eq!(page.matches(outside).count(), allowed, "{outside}");
        }
    }
}
