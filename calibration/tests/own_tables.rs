//! A user's own table: long CSV, and the OECD's wide layout.
#![allow(clippy::expect_used)]

mod common;

use calibration::table::WorldTable;
use calibration::{icio, table_csv};
use common::{random_table, relative};
use proptest::prelude::*;
use std::fmt::Write;
use std::path::Path;

fn long(text: &str) -> Result<WorldTable, calibration::LoadError> {
    table_csv::from_reader(Path::new("mine.csv"), text.as_bytes(), 2015, "EUR")
}

const SMALL: &str = "from_country,from,to_country,to,value\nA,x,A,y,4\nA,x,B,use,6\nA,y,A,use,9\nB,x,A,x,2\nB,x,B,use,3\nB,y,B,use,1\n";

#[test]
fn value_added_is_the_residual_without_factors() {
    let table = long(SMALL).unwrap();
    assert_eq!(
        (table.countries(), table.sectors()),
        (&["A".to_owned(), "B".into()][..], &["x".to_owned(), "y".into()][..])
    );
    assert_eq!(table.factors(), ["value added"]);
    assert_eq!(table.value_added().to_vec(), [8.0, 5.0, 5.0, 1.0]);
    assert_eq!(table.unit(), "EUR");
}

#[test]
fn what_is_wrong_in_a_long_file_is_named() {
    let message = |from: &str, to: &str| long(&SMALL.replacen(from, to, 1)).expect_err("refused").to_string();
    assert!(message(",value", ",amount").contains("no column `value`"));
    assert!(message("A,x,A,y,4", "A,x,A,y,four").contains("line 2: column `value` holds `four`"));
    assert!(message("B,y,B,use,1", "A,x,A,y,1").contains("line 7: a second row for A, x, A, y"));
    assert!(message("A,x,A,y,4", "A,x,A,y,-4").contains("sale of A.x to A.y is -4"));
    assert!(message("A,x,A,y,4", "A,x,A,y,inf").contains("a finite number"));
    assert!(message("A,x,A,y,4", "A,x,,y,4").contains("`to_country`"));
    let unbalanced = format!("{SMALL},labour,A,x,7\n,labour,A,y,5\n,labour,B,x,5\n,labour,B,y,1\n");
    assert!(long(&unbalanced).expect_err("refused").to_string().contains("A.x sells 10 but pays 9"));
}

/// A table in the OECD's layout, China in two parts.
fn wide() -> String {
    let labels =
        ["AUS_A01_02", "AUS_C24", "CN1_A01_02", "CN1_C24", "CN2_A01_02", "CN2_C24", "CHN_A01_02", "CHN_C24"];
    let finals = ["AUS_HFCE", "AUS_INVNT", "CHN_HFCE", "CHN_INVNT"];
    let sale =
        |i: usize, j: usize| if i < 6 && j < 6 { 1.0 + ((3 * i + 5 * j) % 7) as f64 / 4.0 } else { 0.0 };
    let last = |i: usize, f: usize| {
        if i < 6 { 20.0 + ((i + 2 * f) % 5) as f64 - if f % 2 == 1 { 21.0 } else { 0.0 } } else { 0.0 }
    };
    let mut text = format!("V1,{},{},OUT\n", labels.join(","), finals.join(","));
    let output = |i: usize| (0..8).map(|j| sale(i, j)).sum::<f64>() + (0..4).map(|f| last(i, f)).sum::<f64>();
    for (i, label) in labels.iter().enumerate() {
        let cells: Vec<String> =
            (0..8).map(|j| sale(i, j)).chain((0..4).map(|f| last(i, f))).map(|v| format!("{v:.4}")).collect();
        let _ = writeln!(text, "{label},{},{:.4}", cells.join(","), output(i));
    }
    let inputs = |j: usize| (0..8).map(|i| sale(i, j)).sum::<f64>();
    let row = |name: &str, value: &dyn Fn(usize) -> f64| {
        let cells: Vec<String> = (0..8).map(|j| format!("{:.4}", value(j))).collect();
        format!("{name},{},0.5,0,0.5,0,0\n", cells.join(","))
    };
    text += &row("TLS", &|j| if j < 6 { 0.25 } else { 0.0 });
    text += &row("VA", &|j| if j < 6 { output(j) - inputs(j) - 0.25 } else { 0.0 });
    text += &row("OUT", &output);
    text
}

#[test]
fn the_oecd_layout_is_read() {
    let table = icio::from_reader(Path::new("icio.csv"), wide().as_bytes(), 2018).unwrap();
    assert_eq!(table.countries(), ["AUS", "CHN"]);
    assert_eq!(table.sectors(), ["A01_02", "C24"]);
    assert_eq!(table.final_categories(), ["HFCE", "INVNT"]);
    assert_eq!(table.factors(), ["taxes less subsidies", "value added"]);
    assert!((table.factor_payments().row(0).sum() - 1.5).abs() < 1e-9);
    // World value added and final demand agree, taxes on final uses apart.
    assert!(relative(table.value_added().sum(), table.final_demand().sum()) < 1e-9);
}

#[test]
fn what_is_wrong_in_the_oecd_layout_is_named() {
    let message = |from: &str, to: &str| {
        let text = wide();
        assert!(text.contains(from));
        icio::from_reader(Path::new("icio.csv"), text.replacen(from, to, 1).as_bytes(), 2018)
            .expect_err("refused")
            .to_string()
    };
    assert!(message("\nVA,", "\nsomething,").contains("COUNTRY_INDUSTRY, TLS, VA or OUT"));
    assert!(message("AUS_HFCE", "XXX_HFCE").contains("`XXX_HFCE`"));
    assert!(message("\nAUS_C24,", "\nAUS_C24,9").contains("AUS_A01_02 sells"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_table_written_is_read_back(seed in any::<u64>(), n in 1..4_usize, s in 1..4_usize) {
        let table = random_table(n, s, seed);
        let text = table_csv::write(&table);
        let back = table_csv::from_reader(Path::new("mine.csv"), text.as_bytes(), table.year(), table.unit()).unwrap();
        prop_assert_eq!(back, table);
    }
}
