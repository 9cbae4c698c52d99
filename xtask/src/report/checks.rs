//! Comparisons of reproduced numbers with published ones. Nothing is claimed that is not on file as printed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::report::delimited;
use crate::report::table::Kind;

/// The files of published values that the driver carries: name and content.
const FILES: [(&str, &str); 2] = [
    ("caliendo_parro_2015.csv", include_str!("../../published/caliendo_parro_2015.csv")),
    ("estimators.csv", include_str!("../../published/estimators.csv")),
];

/// A number as it was printed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PublishedValue {
    /// The table of this project that reproduces it.
    pub(crate) table: String,
    /// What the number is.
    pub(crate) item: String,
    /// The digits as printed.
    pub(crate) printed: String,
    /// Where it was printed.
    pub(crate) source: String,
}

impl PublishedValue {
    /// The printed number.
    fn value(&self) -> Result<f64, Error> {
        self.printed.parse().map_err(|_| Error::Published {
            file: self.source.clone(),
            problem: format!("`{}` of {} is not a number", self.printed, self.item),
        })
    }

    /// Half a unit of the last printed digit, and a hair for values that lie on the edge.
    fn half_unit(&self) -> f64 {
        let decimals = self.printed.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        0.5 * 10f64.powi(-(decimals as i32)) * (1.0 + 1e-9)
    }

    /// What a number that differs from the printed one by `difference` comes to.
    fn judge(&self, difference: f64) -> Verdict {
        let half_unit = self.half_unit();
        // Rounded to one digit more the number is a tie, half a unit from the printed one: half of a tenth more.
        let is_tie_in_one_more_digit = difference.abs() <= half_unit * 1.1;
        match self.printed.contains('.') {
            _ if difference.abs() <= half_unit => Verdict::Match,
            true if is_tie_in_one_more_digit => Verdict::MatchRoundedTwice,
            _ => Verdict::Miss,
        }
    }
}

/// All published values, by table and item.
#[derive(Debug)]
pub(crate) struct Published(BTreeMap<(String, String), PublishedValue>);

impl Published {
    /// Reads the values that the driver carries.
    pub(crate) fn load() -> Result<Self, Error> {
        let mut values = BTreeMap::new();
        for (file, content) in FILES {
            for row in csv::Reader::from_reader(content.as_bytes()).deserialize() {
                let row: PublishedValue =
                    row.map_err(|e| Error::Published { file: file.to_owned(), problem: e.to_string() })?;
                row.value()?;
                let key = (row.table.clone(), row.item.clone());
                if let Some(twice) = values.insert(key, row) {
                    let problem = format!("{} is given twice for {}", twice.item, twice.table);
                    return Err(Error::Published { file: file.to_owned(), problem });
                }
            }
        }
        Ok(Self(values))
    }

    /// The values that a table claims to reproduce.
    pub(crate) fn of_table(&self, table: &str) -> impl Iterator<Item = &PublishedValue> {
        self.0.values().filter(move |value| value.table == table)
    }

    /// A published number, for tables that build on it.
    pub(crate) fn number(&self, table: &str, item: &str) -> Result<f64, Error> {
        self.find(table, item)?.value()
    }

    fn find(&self, table: &str, item: &str) -> Result<&PublishedValue, Error> {
        let key = (table.to_owned(), item.to_owned());
        let missing = || Error::NoPublishedValue { table: key.0.clone(), item: key.1.clone() };
        self.0.get(&key).ok_or_else(missing)
    }

    /// Holds a reproduced number against its printed value: a match when it lies within half a unit of the
    /// last printed digit, that is, when it prints the same. A number that is a tie in one digit more than is printed
    /// matches too, and is marked: rounded first to that digit (as programs show it) and then to the printed one, it
    /// prints the same.
    pub(crate) fn check(&self, table: &str, item: &str, reproduced: f64) -> Result<Check, Error> {
        let key = (table.to_owned(), item.to_owned());
        let published = self
            .0
            .get(&key)
            .ok_or_else(|| Error::NoPublishedValue { table: table.to_owned(), item: item.to_owned() })?;
        let tolerance = published.half_unit();
        let difference = reproduced - published.value()?;
        let verdict = published.judge(difference);
        Ok(Check {
            table: table.to_owned(),
            item: item.to_owned(),
            published: published.printed.clone(),
            reproduced: Some(reproduced),
            difference: Some(difference),
            tolerance,
            verdict,
            kind: Kind::Replicated,
        })
    }

    /// The comparisons of a table that was not made.
    pub(crate) fn not_made(&self, table: &str, verdict: Verdict) -> Vec<Check> {
        self.of_table(table)
            .map(|published| Check {
                table: table.to_owned(),
                item: published.item.clone(),
                published: published.printed.clone(),
                reproduced: None,
                difference: None,
                tolerance: published.half_unit(),
                verdict,
                kind: Kind::Replicated,
            })
            .collect()
    }
}

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// The reproduced number prints as the published one.
    Match,
    /// It does when it is rounded first to one digit more, which makes it a tie, and then to the printed digit.
    MatchRoundedTwice,
    /// It does not.
    Miss,
    /// The table was not made because its inputs are not there.
    Skipped,
    /// The table could not be made.
    Failed,
}

impl Verdict {
    /// The word that appears in files.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Verdict::Match => "match",
            Verdict::MatchRoundedTwice => "match-rounded-twice",
            Verdict::Miss => "miss",
            Verdict::Skipped => "skipped",
            Verdict::Failed => "failed",
        }
    }
}

/// One line of the verification table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Check {
    /// The table.
    pub(crate) table: String,
    /// What the number is.
    pub(crate) item: String,
    /// The digits as printed.
    pub(crate) published: String,
    /// The number made here, exact.
    pub(crate) reproduced: Option<f64>,
    /// Reproduced less published.
    pub(crate) difference: Option<f64>,
    /// The largest difference that is a match.
    pub(crate) tolerance: f64,
    /// What it came to.
    pub(crate) verdict: Verdict,
    /// What kind of result it is.
    pub(crate) kind: Kind,
}

impl Check {
    /// Whether a claimed match failed: missed, or not made although its inputs are there.
    pub(crate) fn is_broken_claim(&self) -> bool {
        self.kind == Kind::Replicated && matches!(self.verdict, Verdict::Miss | Verdict::Failed)
    }
}

/// The verification table as CSV.
pub(crate) fn render(checks: &[Check]) -> Result<Vec<u8>, Error> {
    let header = ["table", "item", "published", "reproduced", "difference", "tolerance", "verdict", "kind"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    let number = |x: Option<f64>| x.map(delimited::exact).unwrap_or_default();
    for check in checks {
        lines.push(vec![
            check.table.clone(),
            check.item.clone(),
            check.published.clone(),
            number(check.reproduced),
            number(check.difference),
            delimited::exact(check.tolerance),
            check.verdict.word().to_owned(),
            check.kind.word().to_owned(),
        ]);
    }
    delimited::write("verification", &lines)
}

/// How many comparisons match, miss, were skipped, failed: in words.
pub(crate) fn tally(checks: &[Check]) -> String {
    let count = |verdict| checks.iter().filter(|c| c.verdict == verdict).count();
    format!(
        "{} of {} published numbers match to the printed digit, {} more when rounded twice, {} miss, {} skipped, \
         {} failed",
        count(Verdict::Match),
        checks.len(),
        count(Verdict::MatchRoundedTwice),
        count(Verdict::Miss),
        count(Verdict::Skipped),
        count(Verdict::Failed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_files_parse_and_name_their_source() {
        let published = Published::load().unwrap();
        assert_eq!(published.of_table("A1").count(), 63);
        assert_eq!(published.of_table("A2").count(), 12);
        for value in published.0.values() {
            assert!(!value.source.is_empty(), "{value:?}");
        }
    }

    #[test]
    fn a_match_is_a_number_that_prints_the_same() {
        let published = Published::load().unwrap();
        let cases = [
            ("theta, Agriculture", 8.1149, Verdict::Match),
            ("theta, Agriculture", 8.1051, Verdict::Match),
            ("theta, Agriculture", 8.1151, Verdict::MatchRoundedTwice),
            ("theta, Agriculture", 8.1156, Verdict::Miss),
            ("theta, Agriculture", 8.1049, Verdict::MatchRoundedTwice),
            ("theta, Agriculture", 8.1044, Verdict::Miss),
            ("N, Agriculture", 496.0, Verdict::Match),
            ("N, Agriculture", 496.52, Verdict::Miss),
            ("N, Agriculture", 497.0, Verdict::Miss),
        ];
        for (item, reproduced, verdict) in cases {
            let check = published.check("A1", item, reproduced).unwrap();
            assert_eq!(check.verdict, verdict, "{item} = {reproduced}");
            assert_eq!(check.is_broken_claim(), verdict == Verdict::Miss);
        }
        let error = published.check("A1", "theta, Sorcery", 1.0).unwrap_err();
        assert!(error.to_string().contains("theta, Sorcery"));
    }

    #[test]
    fn the_verification_table_has_the_promised_columns() {
        let published = Published::load().unwrap();
        let checks = [
            published.check("A2", "welfare, MEX", 1.3149).unwrap(),
            published.not_made("A2", Verdict::Skipped).remove(0),
        ];
        let text = String::from_utf8(render(&checks).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "table,item,published,reproduced,difference,tolerance,verdict,kind");
        assert!(lines[1].starts_with("A2,\"welfare, MEX\",1.31,1.3149,0.00489"), "{}", lines[1]);
        assert!(lines[1].ends_with(",match,replicated"));
        assert!(lines[2].ends_with(",skipped,replicated"));
    }
}
