//! Walking the TOML of a scenario with the line of everything at hand.

use std::ops::Range;

use model_core::Labels;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ScenarioError;

/// Reads values of one file against one set of labels.
pub(super) struct Reader<'a> {
    text: &'a str,
    labels: &'a Labels,
}

/// A set of countries, sectors or factors that an entry speaks of.
pub(super) struct Selection {
    /// Their indices, in the order of the economy, each once.
    pub(super) indices: Vec<usize>,
    /// The set in words.
    pub(super) words: String,
    /// Whether its members were named one by one.
    pub(super) named: bool,
}

/// An entry of a section.
pub(super) struct Entry<'a> {
    reader: &'a Reader<'a>,
    table: &'a DeTable<'a>,
    /// The section that it stands in.
    pub(super) section: &'static str,
    /// Whether it is one of a list.
    listed: bool,
    /// The line where it starts.
    pub(super) line: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, labels: &'a Labels) -> Self {
        Self { text, labels }
    }

    /// The line, from 1, where a span starts.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    }

    pub(super) fn syntax(&self, error: &toml::de::Error) -> ScenarioError {
        let line = error.span().map_or(1, |span| self.line(&span));
        ScenarioError::Syntax { line, problem: error.message().to_owned() }
    }

    pub(super) fn text(&self, value: &Spanned<DeValue>, key: &str) -> Result<String, ScenarioError> {
        let text = value.get_ref().as_str();
        text.map(str::to_owned).ok_or_else(|| self.wrong_type(value, key, "text in quotes"))
    }

    pub(super) fn number(&self, value: &Spanned<DeValue>, key: &str) -> Result<f64, ScenarioError> {
        let digits = match value.get_ref() {
            DeValue::Float(float) => float.as_str(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            _ => return Err(self.wrong_type(value, key, "a number")),
        };
        digits.parse().map_err(|_| self.wrong_type(value, key, "a number"))
    }

    pub(super) fn wrong_type(
        &self,
        value: &Spanned<DeValue>,
        key: &str,
        expected: &'static str,
    ) -> ScenarioError {
        let found = value.get_ref().type_str();
        ScenarioError::WrongType { line: self.line(&value.span()), key: key.to_owned(), found, expected }
    }

    /// The entries of a section; none when the file does not have it.
    pub(super) fn entries(
        &'a self,
        document: &'a DeTable<'a>,
        section: &'static str,
    ) -> Result<Vec<Entry<'a>>, ScenarioError> {
        let Some(value) = document.get(section) else { return Ok(Vec::new()) };
        let not_a_list = |span: &Range<usize>| ScenarioError::NotAList { line: self.line(span), section };
        let list = value.get_ref().as_array().ok_or_else(|| not_a_list(&value.span()))?;
        let entry = |item: &'a Spanned<DeValue<'a>>| {
            let table = item.get_ref().as_table().ok_or_else(|| not_a_list(&item.span()))?;
            let line = self.line(&item.span());
            Ok(Entry { reader: self, table, section, listed: true, line })
        };
        list.iter().map(entry).collect()
    }

    /// A section with single brackets; none when the file does not have it.
    pub(super) fn table(
        &'a self,
        document: &'a DeTable<'a>,
        section: &'static str,
    ) -> Result<Option<Entry<'a>>, ScenarioError> {
        let Some(value) = document.get(section) else { return Ok(None) };
        let line = self.line(&value.span());
        let table = value.get_ref().as_table().ok_or(ScenarioError::NotATable { line, section })?;
        Ok(Some(Entry { reader: self, table, section, listed: false, line }))
    }

    /// A whole number.
    pub(super) fn whole(&self, value: &Spanned<DeValue>, key: &str) -> Result<i64, ScenarioError> {
        let integer = value.get_ref().as_integer().filter(|integer| integer.radix() == 10);
        let digits = integer.and_then(|integer| integer.as_str().parse().ok());
        digits.ok_or_else(|| self.wrong_type(value, key, "a whole number"))
    }

    /// A word out of those known.
    pub(super) fn word<'w>(
        &self,
        value: &Spanned<DeValue>,
        key: &str,
        known: &[&'w str],
    ) -> Result<&'w str, ScenarioError> {
        let found = self.text(value, key)?;
        known.iter().find(|word| **word == found).copied().ok_or_else(|| ScenarioError::UnknownWord {
            line: self.line(&value.span()),
            key: key.to_owned(),
            remedy: nearest(&found, known, "known are"),
            found,
        })
    }

    pub(super) fn country(&self, name: &str, span: &Range<usize>) -> Result<usize, ScenarioError> {
        self.find("country", self.labels.countries(), name, span)
    }

    pub(super) fn find(
        &self,
        kind: &'static str,
        names: &[String],
        name: &str,
        span: &Range<usize>,
    ) -> Result<usize, ScenarioError> {
        names.iter().position(|known| known == name).ok_or_else(|| {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            ScenarioError::UnknownLabel {
                line: self.line(span),
                kind,
                found: name.to_owned(),
                remedy: nearest(name, &known, "it has"),
            }
        })
    }
}

impl<'a> Entry<'a> {
    /// The value of a key, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// All its keys and values.
    pub(super) fn pairs(
        &self,
    ) -> impl Iterator<Item = (&'a Spanned<std::borrow::Cow<'a, str>>, &'a Spanned<DeValue<'a>>)> {
        self.table.iter()
    }

    /// The file that it stands in.
    pub(super) fn reader(&self) -> &'a Reader<'a> {
        self.reader
    }

    /// Its section as the file writes it.
    fn heading(&self) -> String {
        if self.listed {
            format!("entry of [[{}]]", self.section)
        } else {
            format!("section [{}]", self.section)
        }
    }

    /// Refuses keys other than these.
    pub(super) fn allow(&self, keys: &[&str]) -> Result<(), ScenarioError> {
        match self.table.keys().find(|key| !keys.contains(&key.get_ref().as_ref())) {
            None => Ok(()),
            Some(key) => Err(ScenarioError::UnknownKey {
                line: self.reader.line(&key.span()),
                section: self.heading(),
                found: key.get_ref().to_string(),
                remedy: nearest(key.get_ref(), keys, "its keys are"),
            }),
        }
    }

    /// The line of a key's value; that of the entry when it lacks the key.
    pub(super) fn line_of(&self, key: &str) -> usize {
        self.table.get(key).map_or(self.line, |value| self.reader.line(&value.span()))
    }

    /// The line of a number under a key, which may be a table by year.
    pub(super) fn line_of_value(&self, key: &str, number: f64) -> usize {
        let table = self.table.get(key).and_then(|value| value.get_ref().as_table());
        let found = table.and_then(|t| t.values().find(|v| self.reader.number(v, key) == Ok(number)));
        found.map_or_else(|| self.line_of(key), |value| self.reader.line(&value.span()))
    }

    /// The one of these keys that the entry has, and its number.
    pub(super) fn one_of(&self, keys: &[&'static str]) -> Result<(&'static str, f64), ScenarioError> {
        let given: Vec<_> =
            keys.iter().filter_map(|key| self.table.get(*key).map(|value| (*key, value))).collect();
        match given.as_slice() {
            [(key, value)] => Ok((key, self.reader.number(value, key)?)),
            _ => {
                Err(ScenarioError::OneChange { line: self.line, section: self.heading(), given: given.len() })
            }
        }
    }

    /// The entry's `hat`.
    pub(super) fn hat(
        &self,
        range: &'static str,
        allowed: impl Fn(f64) -> bool,
    ) -> Result<f64, ScenarioError> {
        let value = self.required("hat", "hat = 1.1")?;
        let hat = self.reader.number(value, "hat")?;
        let line = self.line_of("hat");
        if allowed(hat) { Ok(hat) } else { Err(ScenarioError::Hat { line, value: hat, range }) }
    }

    pub(super) fn countries(&self, key: &'static str) -> Result<Selection, ScenarioError> {
        let example = match key {
            "importer" => "importer = \"all\"",
            "exporter" => "exporter = \"all\"",
            "like" => "like = \"CHN\"",
            _ => "country = \"all\"",
        };
        self.select(key, example, "country", self.reader.labels.countries())
    }

    pub(super) fn sectors(&self, key: &'static str) -> Result<Selection, ScenarioError> {
        self.select(key, "sector = \"all\"", "sector", self.reader.labels.sectors())
    }

    pub(super) fn factors(&self, key: &'static str) -> Result<Selection, ScenarioError> {
        self.select(key, "factor = \"all\"", "factor", self.reader.labels.factors())
    }

    pub(super) fn country_name(&self, index: usize) -> String {
        self.reader.labels.countries().get(index).cloned().unwrap_or_default()
    }

    /// The value of a key that must be there.
    pub(super) fn required(
        &self,
        key: &'static str,
        example: &'static str,
    ) -> Result<&'a Spanned<DeValue<'a>>, ScenarioError> {
        let line = self.line;
        self.table.get(key).ok_or_else(|| ScenarioError::MissingKey {
            line,
            section: self.heading(),
            key,
            example,
        })
    }

    fn select(
        &self,
        key: &'static str,
        example: &'static str,
        kind: &'static str,
        names: &[String],
    ) -> Result<Selection, ScenarioError> {
        let value = self.required(key, example)?;
        let plural = if kind == "country" { "countries".to_owned() } else { format!("{kind}s") };
        let all = || (0..names.len()).collect::<Vec<_>>();
        let mut selection = match value.get_ref() {
            DeValue::String(name) if name == "all" => {
                Selection { indices: all(), words: format!("all {plural}"), named: false }
            }
            DeValue::String(_) | DeValue::Array(_) => {
                let (indices, words) = self.list(value, key, kind, names)?;
                Selection { indices, words, named: true }
            }
            DeValue::Table(table) => {
                let but = table.get("all-but").filter(|_| table.len() == 1);
                let but = but.ok_or_else(|| self.reader.wrong_type(value, key, EXPECTED))?;
                let (left_out, words) = self.list(but, key, kind, names)?;
                let mut indices = all();
                indices.retain(|index| !left_out.contains(index));
                Selection { indices, words: format!("all {plural} but {words}"), named: false }
            }
            _ => return Err(self.reader.wrong_type(value, key, EXPECTED)),
        };
        selection.indices.sort_unstable();
        selection.indices.dedup();
        if selection.indices.is_empty() {
            return Err(ScenarioError::EmptySelection { line: self.line_of(key), key: key.to_owned() });
        }
        Ok(selection)
    }

    /// A label or a list of labels.
    fn list(
        &self,
        value: &Spanned<DeValue>,
        key: &'static str,
        kind: &'static str,
        names: &[String],
    ) -> Result<(Vec<usize>, String), ScenarioError> {
        let one = std::slice::from_ref(value);
        let items: &[Spanned<DeValue>] = value.get_ref().as_array().map_or(one, |list| list);
        let mut indices = Vec::new();
        for item in items {
            let name = item.get_ref().as_str();
            let name = name.ok_or_else(|| self.reader.wrong_type(item, key, EXPECTED))?;
            indices.push(self.reader.find(kind, names, name, &item.span())?);
        }
        let words: Vec<&str> = indices.iter().filter_map(|&k| names.get(k)).map(String::as_str).collect();
        Ok((indices, words.join(" and ")))
    }
}

const EXPECTED: &str = "a label in quotes, a list of labels, \"all\" or { all-but = [...] }";

/// "did you mean `x`?" when a known word is near, the known words otherwise.
pub(super) fn nearest(found: &str, known: &[&str], introduction: &str) -> String {
    let lower = found.to_lowercase();
    let likeness = |word: &str| {
        let word = word.to_lowercase();
        if word.starts_with(&lower) { 0.95 } else { strsim::jaro_winkler(&word, &lower) }
    };
    let best = known.iter().map(|word| (likeness(word), *word)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, word)) if likeness > 0.8 => format!("did you mean `{word}`?"),
        _ => {
            let words = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
            format!("{introduction} {}", words.join(", "))
        }
    }
}
