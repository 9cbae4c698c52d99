//! Formulas of models and of variances, damaged ten thousand times each: an error that says where, or a result, never a panic; and
//! what is understood is understood on a table, too.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use estimation::{Formula, Table, VcovFormula, WeightColumn};
use proptest::prelude::*;

const FORMULAS: [&str; 6] = [
    "trade ~ rta + log(dist) | exporter^year + importer^year + pair",
    "log(y) ~ x1 + i(year, x1, ref=2) - 1",
    "y ~ x1 | firm[t] + year[[x2]] | p ~ z1 + z2",
    "y ~ x1^2 * x2 + x1:x2 + abs(z1)",
    "exp(y / 1e3) ~ I((x1 + x2)^2) | firm + year",
    "y ~ 1 | firm",
];

const VARIANCES: [&str; 8] = [
    "HC1",
    "classical",
    "cluster(exporter + importer, ssc=fixest)",
    "wild(firm, draws=99, seed=3)",
    "NW(time=t, lags=2)",
    "DK(time=t, lags=1, ssc=stata)",
    "conley(lat=lat, lon=lon, cutoff=100, kernel=bartlett)",
    "cluster(firm^year)",
];

const TOKENS: [&str; 28] = [
    "~",
    "|",
    "+",
    "-",
    "*",
    ":",
    "^",
    "(",
    ")",
    "[",
    "]",
    ",",
    "=",
    "log",
    "i(",
    "x1",
    "y",
    "firm",
    "1e308",
    "NaN",
    "-1",
    "0",
    "",
    " ",
    "\u{0}",
    "\u{1f4a5}",
    "99999999999999999999",
    "ssc",
];

/// One to four pieces of a text replaced by what parsers stumble over.
fn damaged(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    let edits = prop::collection::vec(
        (any::<prop::sample::Index>(), 0..6_usize, prop::sample::select(&TOKENS[..])),
        1..5,
    );
    (prop::sample::select(texts), edits).prop_map(|(text, edits)| {
        let mut letters: Vec<char> = text.chars().collect();
        for (at, length, token) in edits {
            let at = at.index(letters.len() + 1);
            let end = (at + length).min(letters.len());
            letters.splice(at..end, token.chars());
        }
        letters.into_iter().collect()
    })
}

fn table() -> Table {
    let numbers = |k: usize| (0..24).map(move |i| ((i * k + 3) % 11) as f64 + 1.0).collect::<Vec<f64>>();
    let mut table = Table::new();
    for (k, name) in
        ["y", "trade", "x1", "x2", "dist", "rta", "t", "p", "z1", "z2", "lat", "lon"].iter().enumerate()
    {
        table = table.numeric(*name, numbers(k + 2)).unwrap();
    }
    for (k, name) in ["firm", "year", "exporter", "importer", "pair"].iter().enumerate() {
        table = table.categorical(*name, (0..24).map(|i| format!("{}", (i * (k + 1)) % (k + 3)))).unwrap();
    }
    table
}

#[test]
fn what_is_not_damaged_is_understood() {
    let hc1 = VcovFormula::parse("HC1").unwrap();
    for text in FORMULAS {
        let model = Formula::parse(text).and_then(|f| f.model(&table(), &hc1, WeightColumn::None));
        assert!(model.is_ok(), "{text}: {model:?}");
    }
    let formula = Formula::parse("y ~ x1").unwrap();
    for text in VARIANCES {
        let model = VcovFormula::parse(text).and_then(|v| formula.model(&table(), &v, WeightColumn::None));
        assert!(model.is_ok(), "{text}: {model:?}");
    }
}

/// Long expressions are refused before they are deep enough to overflow the stack; long sums of terms are none.
#[test]
fn what_is_long_is_refused_or_understood() {
    for (before, again, after) in [
        ("", "(", ""),
        ("y ~ ", "-", "x1"),
        ("", "-", "y ~ x1"),
        ("", "y^", "y ~ x1"),
        ("y ~ ", "x1^", "x1"),
        ("y ~ ", "log(", "x1"),
        ("y ~ ", "I(", "x1"),
        ("", "y + ", "y ~ x1"),
        ("y ~ I(", "x1 * ", "x1)"),
        ("y ~ I(", "(x1) - -", "x1)"),
    ] {
        let long = format!("{before}{}{after}", again.repeat(100_000));
        let error = Formula::parse(&long).unwrap_err().to_string();
        assert!(
            error.contains("250 parts") || error.contains("taking a term out"),
            "{before}{again}: {error}"
        );
        // Short enough, they are what they are.
        let _ = Formula::parse(&format!("{before}{}{after}", again.repeat(100)));
    }
    let hc1 = VcovFormula::parse("HC1").unwrap();
    for again in ["x1 + ", "x1:", "i(firm) + "] {
        let long = format!("y ~ {}x2", again.repeat(300));
        Formula::parse(&long).and_then(|f| f.model(&table(), &hc1, WeightColumn::None)).unwrap();
    }
    let most = format!("y ~ I({}x2)", "x1 + ".repeat(248));
    Formula::parse(&most).and_then(|f| f.model(&table(), &hc1, WeightColumn::None)).unwrap();
    let brackets = "(".repeat(100_000);
    for text in [format!("cluster{brackets}"), format!("cluster(firm{}", "^firm".repeat(100_000))] {
        assert!(VcovFormula::parse(&text).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_formulas_are_refused_or_understood(text in damaged(&FORMULAS)) {
        match Formula::parse(&text) {
            Ok(formula) => {
                let _ = formula.model(&table(), &VcovFormula::parse("HC1").unwrap(), WeightColumn::None);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn damaged_variances_are_refused_or_understood(text in damaged(&VARIANCES)) {
        match VcovFormula::parse(&text) {
            Ok(vcov) => {
                let formula = Formula::parse("y ~ x1").unwrap();
                let _ = formula.model(&table(), &vcov, WeightColumn::None);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_text_is_refused_or_understood(text in "\\PC{0,40}") {
        let _ = (Formula::parse(&text), VcovFormula::parse(&text));
    }
}
