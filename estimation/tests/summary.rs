//! Tables of regressions: what stands side by side, and what other programs read back.

#![allow(clippy::unwrap_used)]

use estimation::{
    Categories, Column, KClass, Regression, RegressionTable, SmallSample, Table, Vcov, Weights,
};
use ndarray::{Array1, Array2, Axis};

fn noise(n: usize, seed: usize) -> Array1<f64> {
    Array1::from_shape_fn(n, |i| (((i + 3) * (i + 7) * (seed + 5)) % 23) as f64 - 11.0)
}

fn table() -> (RegressionTable, Vec<estimation::Estimates>) {
    let x: Array2<f64> = noise(24, 2).insert_axis(Axis(1));
    let plain = Regression::new(noise(24, 1), x.clone()).names(["tariff, %"]).outcome("ln_price|fob");
    let ols = plain.ols(&Vcov::Hc1).unwrap();
    let iv = Regression::new(noise(24, 1), x.clone())
        .names(["tariff, %"])
        .endogenous(["quota"], noise(24, 4).insert_axis(Axis(1)))
        .instruments(["z1", "z2"], ndarray::stack![Axis(1), noise(24, 3), noise(24, 6)])
        .iv(KClass::TwoStage, &Vcov::Hc1)
        .unwrap();
    let unit = Categories::new("unit", (0..24).map(|i| i / 6));
    let counts = Regression::new(noise(24, 1).mapv(|v| v + 12.0), x).names(["tariff, %"]).absorb([unit]);
    let poisson = counts.poisson(&Vcov::Hc1).unwrap();
    let estimates = vec![ols.estimates().clone(), iv.estimates().clone(), poisson.estimates().clone()];
    (RegressionTable::new([ols.summary(), iv.summary(), poisson.summary()], 3), estimates)
}

#[test]
fn csv_gives_every_coefficient_back_in_full() {
    let (table, estimates) = table();
    let text = table.csv();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut rows = reader.records().map(Result::unwrap);
    for (model, of) in estimates.iter().enumerate() {
        for row in of.table() {
            let found = rows.next().unwrap();
            assert_eq!((&found[0], &found[3]), ((model + 1).to_string().as_str(), row.name.as_str()));
            let numbers = [row.estimate, row.std_error, row.statistic, row.p_value];
            for (cell, number) in found.iter().skip(4).zip(numbers) {
                assert_eq!(cell.parse::<f64>().unwrap(), number);
            }
        }
    }
    assert!(rows.next().is_none());
}

#[test]
fn a_printed_table_leaves_blank_what_a_model_does_not_have_and_keeps_its_columns() {
    let (table, estimates) = table();
    let markdown = table.markdown();
    // Bars that do not part cells are escaped.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count() - 1;
    assert!(markdown.lines().all(|line| cells(line) == 4), "{markdown}");
    let line = |head: &str| {
        let found = markdown.lines().find(|line| line.starts_with(&format!("| {head} |")));
        found.unwrap().trim_matches('|').split('|').skip(1).map(|c| c.trim().to_owned()).collect::<Vec<_>>()
    };
    let quota = estimates[1].coefficient("quota").unwrap();
    assert_eq!(line("quota"), ["".to_owned(), format!("{:.3}", quota.estimate), "".to_owned()]);
    assert_eq!(line("effect: unit"), ["", "", "yes"]);
    assert_eq!(line("observations"), ["24", "24", "24"]);
    assert!(line("first-stage F")[0].is_empty() && !line("first-stage F")[1].is_empty());
    assert_eq!(line("estimator")[2], "Poisson PML");

    let latex = table.latex();
    assert!(latex.contains("ln\\_price|fob") && latex.contains("tariff, \\%"), "{latex}");
    let body = latex.lines().filter(|line| line.ends_with("\\\\"));
    assert!(body.clone().count() > 8 && body.into_iter().all(|line| line.matches(" & ").count() == 3));
    assert_eq!(latex.matches("\\midrule").count(), 2);
}

#[test]
fn latex_escapes_what_it_would_take_for_commands_and_rules_off_its_parts() {
    let names = ["a_b & 1%", "{$#}^~\\"];
    let x = ndarray::stack![Axis(1), noise(24, 2), noise(24, 3)];
    let fit =
        |names: [&str; 2]| Regression::new(noise(24, 1), x.clone()).names(names).ols(&Vcov::Hc1).unwrap();
    let latex = RegressionTable::new([fit(names).summary(), fit(["observations", "x"]).summary()], 2).latex();
    let heads: Vec<&str> = latex.lines().map(|line| line.split(" & ").next().unwrap()).collect();
    let expected = [
        "\\begin{tabular}{lrr}",
        "\\toprule",
        "",
        "\\midrule",
        "constant",
        "",
        "a\\_b \\& 1\\%",
        "",
        "\\{\\$\\#\\}\\textasciicircum{}\\textasciitilde{}\\textbackslash{}",
    ];
    assert_eq!(heads[..9], expected, "{latex}");
    // A regressor may have the name of a line.
    let end =
        ["", "observations", "", "x", "", "\\midrule", "observations", "R2", "estimator", "standard errors"];
    assert_eq!(heads[9..19], end, "{latex}");
}

#[test]
fn markdown_has_its_rule_below_the_heading() {
    let (table, _) = table();
    let markdown = table.markdown();
    let lines: Vec<&str> = markdown.lines().collect();
    assert_eq!(lines[0], "|  | ln_price\\|fob | y | y |");
    assert_eq!(lines[1], "|---|---:|---:|---:|");
    let heads: Vec<&str> = lines[2..].iter().map(|line| line.split(" | ").next().unwrap()).collect();
    let expected = [
        "| constant",
        "| ",
        "| tariff, %",
        "| ",
        "| quota",
        "| ",
        "| effect: unit",
        "| observations",
        "| R2",
    ];
    assert_eq!(heads[..9], expected);
    assert_eq!(heads[heads.len() - 2..], ["| estimator", "| standard errors"]);
}

#[test]
fn a_printed_fit_says_what_it_holds_and_what_it_left_out() {
    let n = 24;
    let x = ndarray::stack![Axis(1), noise(n, 2), noise(n, 2) * 2.0];
    let unit = Categories::new("unit", (0..n).map(|i| if i == 23 { 9 } else { i / 8 }));
    let mut counts = noise(n, 1).mapv(|v| v + 12.0);
    (8..16).for_each(|i| counts[i] = 0.0);
    let weights = (0..n).map(|i| f64::from(u8::from(i > 1))).collect();
    let regression =
        Regression::new(counts, x).names(["x", "twice"]).outcome("patents").absorb([unit.clone()]);
    let weighted = regression.clone().weights(Weights::Analytic(weights));
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let ols = weighted.ols(&Vcov::cluster([unit], SmallSample::Stata)).unwrap();
    let printed = lines(ols.to_string());
    assert_eq!(printed[0], "outcome: patents (least squares)");
    assert!(
        printed[1].starts_with("coefficient     estimate") && printed[2].starts_with("x  "),
        "{printed:?}"
    );
    assert_eq!(printed[3], format!("standard errors: {}", ols.estimates().vcov_label()));
    assert!(printed[3].contains("Stata"), "{}", printed[3]);
    let end = [
        "fixed effects (levels): unit (3)",
        "dropped as collinear: twice",
        "dropped: 2 rows of weight zero",
        "dropped: 1 singleton rows",
    ];
    assert_eq!(printed[printed.len() - 4..], end);
    let poisson = weighted.poisson(&Vcov::Hc1).unwrap();
    let printed = lines(poisson.to_string());
    assert_eq!(printed[0], "outcome: patents (Poisson PML)");
    assert_eq!(printed.last().unwrap(), "dropped: 8 separated rows");
    assert_eq!(poisson.summary().dropped_rows, [2, 1, 8]);
    assert_eq!((poisson.outcome(), poisson.rows().len()), ("patents", 13));
    assert_eq!(ols.rows(), (2..23).collect::<Vec<_>>());
    let group = Categories::new("year", (0..n).map(|i| i % 4));
    let shares = regression.multinomial(&group, &Vcov::Hc1).unwrap();
    let printed = lines(shares.to_string());
    assert_eq!(printed[0], "outcome: share of patents in year (multinomial PML)");
    let summary = shares.summary();
    assert_eq!(summary.estimator, "multinomial PML");
    assert_eq!(summary.fit, [("pseudo-likelihood".to_owned(), shares.pseudo_likelihood())]);
    let plain = Regression::new(noise(n, 1), noise(n, 2).insert_axis(Axis(1))).ols(&Vcov::Hc1).unwrap();
    assert!(!plain.to_string().contains("dropped") && !plain.to_string().contains("fixed effects"));
}

#[test]
fn a_table_gives_columns_by_name_and_rows_in_any_order() {
    let cells = |text: &[&str]| text.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    let table = Table::new()
        .text("price", &cells(&["1.5", " NA", "", "-2e3"]))
        .and_then(|t| t.text("place", &cells(&["Bayan Obo", ".", "Mount Weld", "7"])))
        .unwrap();
    let prices = table.numbers("price").unwrap();
    assert!(prices[0] == 1.5 && prices[1].is_nan() && prices[2].is_nan() && prices[3] == -2000.0);
    let labels = |t: &Table| {
        let places = t.labels("place").unwrap();
        (0..t.rows()).map(|row| places.label(row).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(labels(&table), ["Bayan Obo", "", "Mount Weld", "7"]);
    assert!(
        table.numbers("place").is_none() && table.labels("price").is_none() && table.labels("no").is_none()
    );
    assert_eq!((Table::cell_number(" . ").map(f64::is_nan), Table::cell_number("Ce")), (Some(true), None));
    assert_eq!((Table::cell_label("NaN"), Table::cell_label(" Ce")), ("", " Ce"));
    for (rows, expected) in [
        (vec![3, 2, 1, 0], ["7", "Mount Weld", "", "Bayan Obo"].as_slice()),
        (vec![0, 0, 2, 3], &["Bayan Obo", "Bayan Obo", "Mount Weld", "7"]),
        (vec![3, 3, 3, 3], &["7"; 4]),
        (vec![2, 4, 0, 9], &["Mount Weld", "Bayan Obo"]),
    ] {
        let selected = table.select(&rows);
        assert_eq!(labels(&selected), expected);
        assert_eq!(
            (selected.rows(), selected.numbers("price").unwrap().len()),
            (expected.len(), expected.len())
        );
    }
    assert_eq!(table.select(&[3]).column("price"), Some(&Column::Numeric(vec![-2000.0])));
    let none: [u8; 0] = [];
    assert!(Categories::new("c", none).is_empty() && !Categories::new("c", [1]).is_empty());
}
