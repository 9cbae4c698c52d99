//! Classification by rules: patterns of words with weights, in a file that a user reads and edits.
//!
//! The score of a class is the sum of the weights of its rules that are found in title or abstract, each once; a text that
//! names a rare earth starts with one for [`Class::Use`], one that names none with one for [`Class::Irrelevant`]. The highest
//! score is the label; where two are equal, the first of recycling, mining, substitution, efficiency, irrelevant, use.
//!
//! A text that names no rare earth is still scored: a patent may replace rare-earth magnets without saying so. It takes a score
//! of [`WITHOUT_NAME`] or more to be labelled other than irrelevant.

use super::Class;
use super::terms::Terms;
use super::tokens::{RARE_EARTH, STOP, tokens};
use crate::source::{CsvFile, LoadError};
use std::io::Read;
use std::path::Path;

const SHIPPED: &str = include_str!("../../data/patents/rules.csv");

/// What a class must score in a text that names no rare earth.
pub const WITHOUT_NAME: f64 = 6.0;

/// Which class wins when scores are equal.
const PRECEDENCE: [Class; 6] =
    [Class::Recycling, Class::Mining, Class::Substitution, Class::Efficiency, Class::Irrelevant, Class::Use];

/// One piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// One of these words, `true` for words that begin so.
    Word(Vec<(String, bool)>),
    /// Up to so many words within the sentence.
    Gap(usize),
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The class it speaks for.
    pub class: Class,
    /// How strongly.
    pub weight: f64,
    /// The pattern as written.
    pub pattern: String,
    pieces: Vec<Piece>,
}

/// What the rules say about a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The label.
    pub class: Class,
    /// Score by class, in the order of [`Class::ALL`].
    pub scores: [f64; Class::ALL.len()],
    /// Positions of the rules that were found.
    pub found: Vec<usize>,
}

/// The rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// The rules that this crate ships.
    ///
    /// # Errors
    /// [`LoadError`] if the shipped file is damaged.
    pub fn shipped() -> Result<Self, LoadError> {
        Self::from_reader(Path::new("patents/rules.csv"), SHIPPED.as_bytes())
    }

    /// Rules of a user's file.
    ///
    /// # Errors
    /// [`LoadError`] naming line and column.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Self::from_file(&CsvFile::open(path)?)
    }

    /// Rules from CSV text (`class,weight,pattern`); the path is for error messages.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn from_reader(path: &Path, reader: impl Read) -> Result<Self, LoadError> {
        Self::from_file(&CsvFile::from_reader(path, reader)?)
    }

    fn from_file(file: &CsvFile) -> Result<Self, LoadError> {
        let [class, weight, pattern] = file.columns(["class", "weight", "pattern"])?;
        let rules = file
            .rows()
            .map(|row| {
                Ok(Rule {
                    class: Class::parse(row.text(class)).ok_or_else(|| {
                        row.bad(class, "efficiency, substitution, recycling, use, mining or irrelevant")
                    })?,
                    weight: row.number(weight)?,
                    pattern: row.text(pattern).to_owned(),
                    pieces: pieces(row.text(pattern)).ok_or_else(|| {
                        row.bad(pattern, "words and gaps (`~3`), beginning and ending with a word")
                    })?,
                })
            })
            .collect::<Result<Vec<_>, LoadError>>()?;
        if rules.is_empty() {
            return Err(file.missing("a single rule"));
        }
        Ok(Self { rules })
    }

    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Applies the rules to a text.
    pub fn classify(&self, text: &str, terms: &Terms) -> Verdict {
        let words = tokens(text, terms);
        let named = words.iter().any(|word| word == RARE_EARTH);
        let mut scores = [0.0; Class::ALL.len()];
        scores[if named { Class::Use } else { Class::Irrelevant }.index()] = 1.0;
        let mut found = Vec::new();
        for (position, rule) in self.rules.iter().enumerate() {
            if (0..words.len()).any(|at| matches(&rule.pieces, &words[at..])) {
                scores[rule.class.index()] += rule.weight;
                found.push(position);
            }
        }
        let mut best = Class::Irrelevant;
        let mut highest = f64::NEG_INFINITY;
        for class in PRECEDENCE {
            let score = scores[class.index()];
            let allowed = named || class == Class::Irrelevant || score >= WITHOUT_NAME;
            if allowed && score > highest {
                (best, highest) = (class, score);
            }
        }
        Verdict { class: best, scores, found }
    }
}

fn pieces(pattern: &str) -> Option<Vec<Piece>> {
    let pieces: Vec<Piece> = pattern
        .split_whitespace()
        .map(|piece| match piece.strip_prefix('~') {
            Some(number) => number.parse().ok().filter(|n| *n > 0).map(Piece::Gap),
            None => {
                let words: Vec<(String, bool)> = piece
                    .split('|')
                    .map(|word| match word.strip_suffix('*') {
                        Some(beginning) => (beginning.to_lowercase(), true),
                        None => (word.to_lowercase(), false),
                    })
                    .collect();
                words.iter().all(|(word, _)| !word.is_empty()).then_some(Piece::Word(words))
            }
        })
        .collect::<Option<_>>()?;
    let word = |piece: Option<&Piece>| matches!(piece, Some(Piece::Word(_)));
    (word(pieces.first()) && word(pieces.last())).then_some(pieces)
}

/// Whether the pattern is found at the beginning of `words`.
fn matches(pieces: &[Piece], words: &[String]) -> bool {
    match (pieces.split_first(), words.split_first()) {
        (None, _) => true,
        (Some((Piece::Word(options), pieces)), Some((word, words))) => {
            let fits = |(option, beginning): &(String, bool)| {
                if *beginning { word.starts_with(option.as_str()) } else { word == option }
            };
            options.iter().any(fits) && matches(pieces, words)
        }
        (Some((Piece::Gap(up_to), pieces)), _) => {
            let sentence = words.iter().take(*up_to).take_while(|word| *word != STOP).count();
            (0..=sentence).any(|skip| matches(pieces, &words[skip..]))
        }
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Rules {
        Rules::from_reader(Path::new("r.csv"), format!("class,weight,pattern\n{text}").as_bytes()).unwrap()
    }

    #[test]
    fn patterns_find_words_beginnings_alternatives_and_gaps() {
        let terms = Terms::shipped().unwrap();
        let rules = rules("efficiency,3,reduc* ~4 amount|content ~2 {re}\n");
        let verdict = |text| rules.classify(text, &terms).class;
        assert_eq!(verdict("Reducing the total content of dysprosium."), Class::Efficiency);
        assert_eq!(
            verdict("Reduce it. The content of dysprosium is high."),
            Class::Use,
            "not across sentences"
        );
        assert_eq!(verdict("The amount of dysprosium is reduced."), Class::Use);
        assert_eq!(verdict("Reducing the content of salt."), Class::Irrelevant);
    }

    #[test]
    fn a_verdict_says_which_rules_it_rests_on() {
        let terms = Terms::shipped().unwrap();
        let rules = rules("recycling,2,scrap\nmining,2,ore\nmining,1,leach*\n");
        let verdict = rules.classify("Leaching neodymium from scrap", &terms);
        assert_eq!((verdict.class, verdict.found), (Class::Recycling, vec![0, 2]));
        assert_eq!(verdict.scores[Class::Mining.index()], 1.0);
    }

    #[test]
    fn patterns_that_mean_nothing_are_refused() {
        for pattern in ["~3 scrap", "scrap ~", "scrap ~0 ore", "a||b", ""] {
            let text = format!("class,weight,pattern\nuse,1,{pattern}\n");
            let error = Rules::from_reader(Path::new("r.csv"), text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("line 2"), "{pattern}: {error}");
        }
    }
}
