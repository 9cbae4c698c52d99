//! The shipped panels: they read, they join, and they hold what is known.

#![allow(clippy::unwrap_used)]

mod common;

use calibration::panels::{self, Panel};
use common::relative;
use std::collections::HashSet;
use std::path::Path;

fn column(panel: &Panel, name: &str) -> HashSet<String> {
    let at = panel.key(name).unwrap();
    panel.keys.iter().map(|key| key[at].clone()).collect()
}

#[test]
fn panels_join_on_sector_and_country() {
    let exports = panels::exports().unwrap();
    let (sectors, countries) = (column(&exports, "sector"), column(&exports, "country"));
    assert_eq!((sectors.len(), countries.len(), exports.years.len()), (35, 41, 17));
    let patents = panels::patents().unwrap();
    for sector in column(&patents, "sector") {
        assert!(sectors.contains(&sector) || sector == panels::OTHER, "{sector}");
    }
    assert!(column(&patents, "country").intersection(&countries).count() >= 20);
    for sector in column(&panels::productivity().unwrap(), "sector") {
        assert!(sectors.contains(&sector), "{sector}");
    }
    let us = panels::us_productivity().unwrap();
    for sector in column(&us, "sector") {
        assert!(sectors.contains(&sector) || sector.is_empty(), "{sector}");
    }
    assert_eq!(us.years.first().zip(us.years.last()), Some((&1987, &2023)));
}

#[test]
fn panels_hold_known_totals() {
    let sum = |panel: &Panel, wanted: &[(&str, &str)], year: i32| -> f64 {
        let t = panel.years.iter().position(|y| *y == year).unwrap();
        let holds =
            |key: &Vec<String>| wanted.iter().all(|(name, value)| key[panel.key(name).unwrap()] == *value);
        panel.keys.iter().zip(panel.values.rows()).filter(|(key, _)| holds(key)).map(|(_, row)| row[t]).sum()
    };
    // China's exports in 1995 and 2010, from the database's documentation.
    let exports = panels::exports().unwrap();
    assert_eq!(sum(&exports, &[("country", "CHN")], 1995), 166_658.0);
    assert_eq!(sum(&exports, &[("country", "CHN")], 2010), 1_742_116.0);
    let patents = panels::patents().unwrap();
    let japan = sum(&patents, &[("kind", "uspto_utility"), ("country", "JPN")], 2010);
    let world = sum(&patents, &[("kind", "uspto_utility")], 2010);
    assert!((0.15..0.25).contains(&(japan / world)), "{japan} of {world}");
    let productivity = panels::productivity().unwrap();
    assert!(productivity.values.column(0).iter().all(|v| v.is_nan() || relative(*v, 1.0) < 1e-12));
}

#[test]
fn a_panel_written_is_read_back_and_damage_is_named() {
    let text = "country,1999,2000\n\"a, b\",1,\nc,-0.5,2.25\n";
    let panel = Panel::from_csv(Path::new("p.csv"), text).unwrap();
    assert_eq!(panel.to_csv(2), text);
    assert_eq!(panel.cells().count(), 3);
    let error = |text: &str| Panel::from_csv(Path::new("p.csv"), text).unwrap_err().to_string();
    assert!(error("country,2000,1999\na,1,2\n").contains("ascending"));
    assert!(error("country,1999\na,1\na,2\n").contains("line 3: a second row for a"));
    assert!(error("country,1999\na,x\n").contains("`x`"));
}
