//! The report, opened from its file.

use std::process::Command;

use serde_json::json;

use crate::devtools::Page;
use crate::{LOOKS, check, check_picture};

#[test]
fn the_report_opens_from_its_file_on_any_screen() {
    let Some(mut page) = Page::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["reproduce", "--only", "A1,B1,B2,B3,C1,D1", "--out"])
        .arg(folder.path())
        .env_remove("LODESTONE_DATA")
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let figures = std::fs::read_dir(folder.path().join("figures")).unwrap().count();
    let tables = std::fs::read_dir(folder.path().join("tables")).unwrap().flatten();
    let tables = tables.filter(|entry| entry.path().extension().is_some_and(|e| e == "csv")).count();
    let address = format!("file://{}", folder.path().join("report.html").display());
    for (size, dark) in LOOKS {
        let name = format!("report-{}-{}", size.0, if dark { "dark" } else { "light" });
        page.looks(size, dark);
        page.go(&address);
        check(&mut page, &name);
        let outside: Vec<String> =
            page.requests().into_iter().filter(|r| *r != address && !r.starts_with("data:")).collect();
        assert!(outside.is_empty(), "{name} asks for {outside:?}");
        let drawn = page.value(
            "[...document.querySelectorAll('figure svg[role=img]')].filter((svg) => { \
               const box = svg.getBoundingClientRect(); \
               const named = svg.getAttribute('aria-labelledby').split(' ').every((id) => document.getElementById(id)?.textContent); \
               return box.width > 100 && box.height > 100 && named; }).length",
        );
        assert_eq!(drawn, json!(figures), "{name}: figures drawn and described");
        let found = page.value("document.querySelectorAll('section.result table').length");
        assert_eq!(found, json!(tables), "{name}: tables");
        let unscoped = page.value("document.querySelectorAll('th:not([scope])').length");
        assert_eq!(unscoped, json!(0), "{name}: headers without scope");
        let lost = page.value(
            "[...document.querySelectorAll('a[href^=\"#\"]')].filter((a) => !document.getElementById(a.hash.slice(1))).length",
        );
        assert_eq!(lost, json!(0), "{name}: links to nowhere");
        assert_eq!(page.value("document.querySelectorAll('main, nav, header, footer').length"), json!(4));
        let text = page.value("document.body.innerText");
        let text = text.as_str().unwrap();
        assert!(text.contains("cp2015") && text.contains("skipped"), "{name} names what was skipped");
        check_picture(&mut page, &name);
        for map in ["B2-map", "C1-map"] {
            page.value(&format!("document.getElementById('{map}-title').closest('figure').scrollIntoView({{ behavior: 'instant' }})"));
            let name = format!("{name}-{map}");
            check_picture(&mut page, &name);
        }
    }
}
