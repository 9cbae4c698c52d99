//! The years of a scenario: windows in which an entry acts, and numbers by year.

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ScenarioError;
use super::parameter::{Collector, Range};
use super::reader::{Entry, Reader};

/// Longest path.
const MOST_YEARS: i64 = 200;

/// Whether a scenario is one equilibrium or a path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Mode {
    /// The static long run: technology is part of one equilibrium.
    LongRun,
    /// A sequence of yearly equilibria with stocks of knowledge between them.
    Dynamic {
        /// First year.
        first: i32,
        /// Last year.
        last: i32,
        /// Rate at which later years are discounted, a [`super::Parameter`].
        discount: usize,
    },
}

/// The years in which something acts; open at either end where `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First year.
    pub from: Option<i32>,
    /// Last year.
    pub until: Option<i32>,
}

impl Window {
    /// Whether it holds a year; the long run, `None`, is in every window.
    pub fn holds(&self, year: Option<i32>) -> bool {
        year.is_none_or(|year| {
            self.from.is_none_or(|from| from <= year) && self.until.is_none_or(|until| year <= until)
        })
    }

    pub(super) fn describe(&self, words: &str) -> String {
        match (self.from, self.until) {
            (None, None) => words.to_owned(),
            (Some(from), None) => format!("{words}, from {from}"),
            (None, Some(until)) => format!("{words}, until {until}"),
            (Some(from), Some(until)) => format!("{words}, {from} to {until}"),
        }
    }
}

/// A number for all years or by year.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Schedule {
    /// The same while its window lasts, a [`super::Parameter`].
    Constant(usize, Window),
    /// By year, in order and without gaps; nothing before the first and after the last.
    ByYear(Vec<(i32, usize)>),
}

impl Schedule {
    /// The parameter of a year, if it has one then.
    pub fn at(&self, year: Option<i32>) -> Option<usize> {
        match self {
            Schedule::Constant(parameter, window) => window.holds(year).then_some(*parameter),
            Schedule::ByYear(list) => {
                list.iter().find(|(y, _)| Some(*y) == year).map(|(_, parameter)| *parameter)
            }
        }
    }

    /// The parameters that it speaks of.
    pub(super) fn parameters(&self) -> Vec<usize> {
        match self {
            Schedule::Constant(parameter, _) => vec![*parameter],
            Schedule::ByYear(list) => list.iter().map(|(_, parameter)| *parameter).collect(),
        }
    }
}

/// The years that a file speaks of.
pub(super) struct Years {
    /// First and last; none in the long run.
    pub(super) span: Option<(i32, i32)>,
}

impl Years {
    /// Reads `mode`, `years` and `discount` at the top of a file.
    pub(super) fn read(
        reader: &Reader,
        document: &DeTable,
        numbers: &mut Collector,
    ) -> Result<(Self, Mode), ScenarioError> {
        let mode = document
            .get("mode")
            .map_or(Ok("long-run"), |v| reader.word(v, "mode", &["long-run", "dynamic"]))?;
        if mode == "long-run" {
            for key in ["years", "discount"] {
                if let Some(value) = document.get(key) {
                    let (line, key) = (reader.line(&value.span()), key.to_owned());
                    let remedy = "write `mode = \"dynamic\"`, or drop it";
                    return Err(ScenarioError::YearsInLongRun { line, key, remedy });
                }
            }
            return Ok((Self { span: None }, Mode::LongRun));
        }
        let line = document.get("mode").map_or(1, |value| reader.line(&value.span()));
        let value = document.get("years").ok_or(ScenarioError::NoYears { line })?;
        let ends = value.get_ref().as_array().filter(|list| list.len() == 2);
        let ends = ends.ok_or_else(|| reader.wrong_type(value, "years", "a list [first, last]"))?;
        let (first, last) = (reader.whole(&ends[0], "years")?, reader.whole(&ends[1], "years")?);
        let line = reader.line(&value.span());
        let order = || ScenarioError::YearOrder { line, key: "years".to_owned(), first, last };
        if !last.checked_sub(first).is_some_and(|span| (0..MOST_YEARS).contains(&span)) {
            return Err(order());
        }
        let year = |year: i64| i32::try_from(year).map_err(|_| order());
        let (first, last) = (year(first)?, year(last)?);
        let discount = match document.get("discount") {
            None => numbers.exact("discount".to_owned(), 0.04, Range::NotNegative, "assumption"),
            Some(value) => {
                numbers.read(reader, value, "discount", "discount".to_owned(), Range::NotNegative)?
            }
        };
        Ok((Self { span: Some((first, last)) }, Mode::Dynamic { first, last, discount }))
    }

    /// A year of the scenario.
    pub(super) fn year(
        &self,
        reader: &Reader,
        value: &Spanned<DeValue>,
        key: &str,
    ) -> Result<i32, ScenarioError> {
        let year = reader.whole(value, key)?;
        self.check(year, reader.line(&value.span()), key)
    }

    fn check(&self, year: i64, line: usize, key: &str) -> Result<i32, ScenarioError> {
        let Some((first, last)) = self.span else {
            let remedy = "write `mode = \"dynamic\"` and `years`, or give one number for the long run";
            return Err(ScenarioError::YearsInLongRun { line, key: key.to_owned(), remedy });
        };
        let fits = i32::try_from(year).ok().filter(|y| (first..=last).contains(y));
        fits.ok_or(ScenarioError::YearOutside { line, year, first, last })
    }

    /// The `from` and `until` of an entry.
    pub(super) fn window(&self, entry: &Entry) -> Result<Window, ScenarioError> {
        let year = |key| entry.get(key).map(|value| self.year(entry.reader(), value, key)).transpose();
        let window = Window { from: year("from")?, until: year("until")? };
        if let (Some(from), Some(until)) = (window.from, window.until)
            && from > until
        {
            let (key, line) = ("from".to_owned(), entry.line_of("from"));
            return Err(ScenarioError::YearOrder { line, key, first: from.into(), last: until.into() });
        }
        Ok(window)
    }

    /// A number, or a table of numbers by year, under `key` of an entry.
    pub(super) fn schedule(
        &self,
        entry: &Entry,
        key: &'static str,
        example: &'static str,
        name: &str,
        range: Range,
        numbers: &mut Collector,
    ) -> Result<Schedule, ScenarioError> {
        let (reader, value) = (entry.reader(), entry.required(key, example)?);
        let window = self.window(entry)?;
        let digits = |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let table =
            value.get_ref().as_table().filter(|t| t.keys().any(|k| digits(k.get_ref())) || t.is_empty());
        let Some(table) = table else {
            let parameter = numbers.read(reader, value, key, name.to_owned(), range)?;
            return Ok(Schedule::Constant(parameter, window));
        };
        let line = reader.line(&value.span());
        if let Some(end) = ["from", "until"].iter().find(|end| entry.get(end).is_some()) {
            let remedy = format!("`{key}` is given by year already: drop `{end}`");
            let found = (*end).to_owned();
            return Err(ScenarioError::UnknownWord {
                line: entry.line_of(end),
                key: found.clone(),
                found,
                remedy,
            });
        }
        let mut list = Vec::new();
        for (year, number) in table {
            let year_line = reader.line(&year.span());
            let parsed = year.get_ref().parse::<i64>().map_err(|_| ScenarioError::UnknownKey {
                line: year_line,
                section: format!("table of `{key}` by year"),
                found: year.get_ref().to_string(),
                remedy: "its keys are years, such as 2010".to_owned(),
            })?;
            let year = self.check(parsed, year_line, key)?;
            list.push((year, numbers.read(reader, number, key, format!("{name}.{year}"), range)?));
        }
        list.sort_unstable_by_key(|(year, _)| *year);
        let gap = |w: &[(i32, usize)]| (w[0].0 + 1..w[1].0).collect::<Vec<_>>();
        let missing: Vec<String> = list.windows(2).flat_map(gap).map(|y| y.to_string()).collect();
        if list.is_empty() {
            return Err(ScenarioError::EmptySelection { line, key: key.to_owned() });
        }
        if !missing.is_empty() {
            let (key, missing) = (key.to_owned(), missing.join(", "));
            return Err(ScenarioError::MissingYears { line, key, missing });
        }
        Ok(Schedule::ByYear(list))
    }

    /// The years, or the long run.
    pub(super) fn periods(&self) -> Vec<Option<i32>> {
        match self.span {
            None => vec![None],
            Some((first, last)) => (first..=last).map(Some).collect(),
        }
    }
}
