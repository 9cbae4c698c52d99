//! The formula language: what it builds, and what it says when it cannot.
#![allow(clippy::expect_used)]

use estimation::{Formula, Table, VcovFormula, WeightColumn};

fn table() -> Table {
    let n = 24;
    let cycle = |k: usize| (0..n).map(move |i| ((i * 7 + k * 5) % 11) as f64 + 1.0).collect::<Vec<_>>();
    Table::new()
        .numeric("y", cycle(1))
        .and_then(|t| t.numeric("x", cycle(2)))
        .and_then(|t| t.numeric("z", cycle(3).iter().map(|v| v * v).collect()))
        .and_then(|t| t.numeric("w", cycle(4)))
        .and_then(|t| t.numeric("year", (0..n).map(|i| 2008.0 + (i % 4) as f64).collect()))
        .and_then(|t| t.categorical("country", (0..n).map(|i| ["CHN", "JPN", "USA"][i % 3])))
        .expect("well formed")
}

fn names(formula: &str) -> Vec<String> {
    let model = Formula::parse(formula)
        .and_then(|f| f.model(&table(), &VcovFormula::parse("HC1")?, WeightColumn::None))
        .expect("valid");
    model.regression.ols(&model.vcov).expect("well posed").estimates().names().to_vec()
}

#[test]
fn terms_become_named_regressors() {
    assert_eq!(names("y ~ x + log(z)"), ["constant", "x", "log(z)"]);
    assert_eq!(names("y ~ x - 1"), ["x"]);
    assert_eq!(names("y ~ 0 + x"), ["x"]);
    assert_eq!(names("log( y ) ~ x : z + I(x / z + 1)"), ["constant", "x:z", "I(x/z+1)"]);
    assert_eq!(names("y ~ x*z"), ["constant", "x", "z", "x:z"]);
    assert_eq!(names("y ~ x^2"), ["constant", "x^2"]);
    assert_eq!(names("y ~ i(year, ref=2009)"), ["constant", "year::2008", "year::2010", "year::2011"]);
    assert_eq!(
        names("y ~ i(year, x, ref = 2009) | country"),
        ["year::2008:x", "year::2010:x", "year::2011:x"]
    );
    assert_eq!(names("y ~ country"), ["constant", "country::JPN", "country::USA"]);
    assert_eq!(names("y ~ i(country, ref=JPN)"), ["constant", "country::CHN", "country::USA"]);
    assert_eq!(names("y ~ x | country + year"), ["x"]);
    assert_eq!(names("y ~ x | country^year"), ["x"]);
}

#[test]
fn instruments_follow_the_effects() {
    for text in ["y ~ w | x ~ z", "y ~ w | country | x ~ z", "y ~ w | 0 | x ~ z + log(z)"] {
        let formula = Formula::parse(text).expect("valid");
        let model = formula
            .model(&table(), &VcovFormula::parse("iid").expect("valid"), WeightColumn::None)
            .expect("columns");
        let fit = model.regression.iv(estimation::KClass::TwoStage, &model.vcov).expect("well posed");
        assert_eq!(fit.estimates().names().last().map(String::as_str), Some("x"), "{text}");
        assert!(model.regression.ols(&model.vcov).unwrap_err().to_string().contains("call iv"));
    }
}

#[test]
fn missing_rows_are_left_out_wherever_they_are_missing() {
    let mut y = vec![1.0, 2.0, f64::NAN, 4.0, 5.0, 7.0, 6.0, 9.0];
    y.extend([3.0, 4.0]);
    let table = Table::new()
        .numeric("y", y)
        .and_then(|t| t.numeric("x", vec![1.0, 0.0, 3.0, 2.0, 5.0, 4.0, 7.0, 6.0, 1.0, 2.0]))
        .and_then(|t| t.categorical("c", ["a", "a", "b", "b", "c", "", "d", "d", "c", "a"]))
        .expect("well formed");
    let model = Formula::parse("y ~ log(x)")
        .and_then(|f| f.model(&table, &VcovFormula::parse("cluster(c)")?, WeightColumn::None))
        .expect("valid");
    assert_eq!(model.rows, [0, 3, 4, 6, 7, 8, 9]);
    assert_eq!(model.missing, 3);
    assert_eq!(model.regression.ols(&model.vcov).expect("well posed").observations(), 7.0);
}

#[test]
fn errors_name_the_place() {
    let cases = [
        ("", "at character 1: found the end"),
        ("y", "at character 2: found the end where '~'"),
        ("y ~", "at character 4: found the end"),
        ("y ~ x +", "at character 8: found the end"),
        ("y ~ log(x", "at character 10: found the end where ')'"),
        ("y ~ x | a b", "at character 11: found b"),
        ("y ~ cube(x)", "at character 5: unknown function cube"),
        ("y ~ x - z", "at character 9: taking a term out"),
        ("y ~ x | f[t", "at character 12: found the end where ']'"),
        ("y ~ x | f[[t]", "at character 14: found the end where a second ']'"),
        ("y ~ i(year, keep=3)", "at character 13: this option of i()"),
        ("y ~ x | a | b", "at character 14: found the end where '~' and the instruments"),
        ("y ~ 'x", "at character 7: found the end where a closing quotation"),
        ("y ~ x*z*w", "at character 10: a product of three"),
    ];
    for (text, message) in cases {
        let error = Formula::parse(text).expect_err(text).to_string();
        assert!(error.starts_with(message), "{text}: {error}");
    }
    let at_data = [
        ("y ~ nothing", "at character 5: the data have no column nothing; they have y, x, z"),
        ("y ~ log(country)", "at character 9: country is categorical"),
        ("y ~ i(year, ref=1999)", "at character 7: year has no level 1999"),
        ("country ~ x", "at character 1: country is categorical"),
    ];
    for (text, message) in at_data {
        let formula = Formula::parse(text).expect(text);
        let vcov = VcovFormula::parse("HC1").expect("valid");
        let error = formula.model(&table(), &vcov, WeightColumn::None).expect_err(text).to_string();
        assert!(error.starts_with(message), "{text}: {error}");
    }
    for (text, message) in [
        ("HC9", "at character 1: unknown function HC9"),
        ("cluster", "at character 8: found the end where a clustering variable"),
        ("cluster(a, ssc=spss)", "at character 20: found ')' where one of the named choices"),
        ("NW(time=t)", "at character 11: found the end where lags="),
        ("DK(lags=2)", "at character 11: found the end where time="),
        ("conley(lat=a, lon=b)", "at character 21: found the end where cutoff="),
    ] {
        let error = VcovFormula::parse(text).expect_err(text).to_string();
        assert!(error.starts_with(message), "{text}: {error}");
    }
}
