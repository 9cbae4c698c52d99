//! The page of `explore`: what it shows is what `solve` finds for the file that it offers.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::devtools::Page;
use crate::{LOOKS, check, check_picture};

/// A server that ends with the value.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["explore", "--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Moves a control as a reader does.
fn set(page: &mut Page, name: &str, value: &str) {
    page.value(&format!(
        "(() => {{ const form = document.getElementById('controls'); form.elements['{name}'].value = '{value}'; \
         form.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
    ));
}

fn settle(page: &mut Page) {
    page.until("an answer", "document.body.dataset.state === 'ready'");
    assert_eq!(page.value("document.getElementById('problem').hidden"), json!(true));
}

/// What the page shows by economy and what `solve` writes for the page's file are the same bits.
fn compare_with_solve(page: &mut Page) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml");
    let text = page
        .value("decodeURIComponent(document.getElementById('download').href.split(',').slice(1).join(','))");
    std::fs::write(&file, text.as_str().unwrap()).unwrap();
    let result = folder.path().join("result");
    let solved = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("solve")
        .arg("--scenario")
        .arg(&file)
        .arg("--out")
        .arg(&result)
        .output()
        .unwrap();
    assert!(solved.status.success(), "{}", String::from_utf8_lossy(&solved.stderr));
    for (table, csv, key) in [
        ("countries", "countries.csv", "welfare_pct"),
        ("channels", "decomposition.csv", "quota_rents_log_points"),
        ("channels", "decomposition.csv", "total_log_points"),
    ] {
        let shown = page.value(&format!(
            "[...document.querySelectorAll('#{table} td[data-key=\"{key}\"]')].map((cell) => cell.dataset.value)"
        ));
        let shown: Vec<f64> =
            shown.as_array().unwrap().iter().map(|x| x.as_str().unwrap().parse().unwrap()).collect();
        let mut reader = csv::Reader::from_path(result.join(csv)).unwrap();
        let at = reader.headers().unwrap().iter().position(|header| header == key).unwrap();
        let written: Vec<f64> = reader.records().map(|record| record.unwrap()[at].parse().unwrap()).collect();
        // Of a path the page shows the channels of the last year.
        assert!(!shown.is_empty() && written.len() >= shown.len(), "{table} {key}");
        assert_eq!(shown, written[written.len() - shown.len()..], "{table} {key}");
    }
}

#[test]
fn a_moved_slider_shows_what_solve_finds_for_the_offered_file() {
    let Some(mut page) = Page::open() else { return };
    let server = Server::start();
    for (size, dark) in LOOKS {
        let name = format!("explore-{}-{}", size.0, if dark { "dark" } else { "light" });
        page.looks(size, dark);
        page.go(&server.address);
        settle(&mut page);
        let before = page.value("document.querySelector('#countries td').dataset.value");
        set(&mut page, "volume", "0.42");
        set(&mut page, "technology", "spillover");
        settle(&mut page);
        assert_ne!(page.value("document.querySelector('#countries td').dataset.value"), before);
        check(&mut page, &name);
        check_picture(&mut page, &name);
    }
    compare_with_solve(&mut page);

    // The address holds the question.
    let (address, title) =
        (page.value("location.href"), page.value("document.getElementById('status').textContent"));
    page.go(address.as_str().unwrap());
    settle(&mut page);
    let again = page.value("document.getElementById('status').textContent");
    let question =
        |status: &serde_json::Value| status.as_str().unwrap().split(". Solved").next().unwrap().to_owned();
    assert_eq!(question(&again), question(&title));
    assert!(question(&again).contains("0.42") && question(&again).contains("spillover"), "{again}");

    // Year by year.
    set(&mut page, "time", "years");
    set(&mut page, "last", "2016");
    settle(&mut page);
    assert_eq!(page.value("document.querySelectorAll('#path polyline').length"), json!(2));
    assert_eq!(page.value("document.querySelectorAll('#years thead th').length"), json!(9));
    assert_eq!(
        page.value("document.getElementById('shown').value"),
        json!("2014"),
        "the last year of the restriction"
    );
    let price = "Number(document.querySelector('#headline dd').dataset.value)";
    let restricted = page.value(price).as_f64().unwrap();
    page.value("(() => { const shown = document.getElementById('shown'); shown.value = 2016; shown.dispatchEvent(new Event('input')); })()");
    let lifted = page.value(price).as_f64().unwrap();
    assert!(restricted > 2.0 && lifted < 1.0, "{restricted} {lifted}");
    check(&mut page, "explore, year by year");
    page.value("document.getElementById('path').scrollIntoView()");
    check_picture(&mut page, "explore-years");
    compare_with_solve(&mut page);
}
