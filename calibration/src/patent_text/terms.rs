//! What names a rare earth: elements, formulae, compounds, minerals, and symbols of the patent classification.
//!
//! The terms are a file (`data/patents/terms.csv`; a user may give another). Search is in two steps. [`Terms::may_name`] is one
//! pass of an automaton over raw text that misses nothing and errs on the other side; [`Terms::mentions`] decides, for the few
//! texts that pass, with word boundaries and by reading formulae.

use super::formula::{self, RARE_EARTHS};
use crate::source::{CsvFile, LoadError};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

const SHIPPED: &str = include_str!("../../data/patents/terms.csv");

/// A place in a text that names a rare earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// The terms, ready for search.
#[derive(Debug)]
pub struct Terms {
    /// Terms and pieces of formulae, any of which makes a text worth a closer look.
    screen: AhoCorasick,
    /// Whole words in any case.
    words: AhoCorasick,
    /// Whole words as written, compounds such as `YAG` among them.
    exact: AhoCorasick,
    compounds: HashSet<String>,
    codes: Vec<String>,
    not: Vec<String>,
    fingerprint: u64,
}

impl Terms {
    /// The terms that this crate ships.
    ///
    /// # Errors
    /// [`LoadError`] if the shipped file is damaged.
    pub fn shipped() -> Result<Self, LoadError> {
        Self::from_reader(Path::new("patents/terms.csv"), SHIPPED.as_bytes())
    }

    /// Terms of a user's file.
    ///
    /// # Errors
    /// [`LoadError`] naming line and column.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Self::from_file(&CsvFile::open(path)?)
    }

    /// Terms from CSV text (`kind,term,of`); the path is for error messages.
    ///
    /// # Errors
    /// As [`Terms::load`].
    pub fn from_reader(path: &Path, reader: impl Read) -> Result<Self, LoadError> {
        Self::from_file(&CsvFile::from_reader(path, reader)?)
    }

    fn from_file(file: &CsvFile) -> Result<Self, LoadError> {
        let [kind, term, of] = file.columns(["kind", "term", "of"])?;
        let (mut words, mut exact, mut codes, mut not) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut compounds = HashSet::new();
        let mut fingerprint = Vec::new();
        for row in file.rows() {
            let text = row.text(term);
            if text.len() < 2 || !text.is_ascii() {
                return Err(row.bad(term, "a term of two or more ASCII characters"));
            }
            if !row.text(of).is_empty() && !RARE_EARTHS.contains(&row.text(of)) {
                return Err(row.bad(of, "the symbol of a rare earth, or nothing"));
            }
            fingerprint.extend_from_slice(format!("{},{text}\n", row.text(kind)).as_bytes());
            match row.text(kind) {
                "element" | "word" | "compound" | "mineral" => {
                    let spellings = match text.contains(' ') {
                        true => vec![text.to_owned(), text.replace(' ', "-")],
                        false => vec![text.to_owned()],
                    };
                    if text.bytes().any(|b| b.is_ascii_uppercase()) {
                        compounds.insert(text.to_owned());
                        exact.extend(spellings);
                    } else {
                        words.extend(spellings);
                    }
                }
                "code" => codes.push(text.replace(' ', "").to_ascii_uppercase()),
                "not" => not.push(text.to_owned()),
                _ => return Err(row.bad(kind, "element, word, compound, mineral, code or not")),
            }
        }
        if words.is_empty() {
            return Err(file.missing("a single term that is a word"));
        }
        let automaton = |patterns: &[String], any_case: bool| {
            AhoCorasick::builder()
                .match_kind(if any_case { MatchKind::LeftmostLongest } else { MatchKind::Standard })
                .ascii_case_insensitive(any_case)
                .kind(Some(AhoCorasickKind::DFA))
                .build(patterns)
                .map_err(|error| file.inconsistent(format!("the terms make no automaton: {error}")))
        };
        let mut screen: Vec<String> =
            words.iter().flat_map(|w| cases(w)).chain(exact.iter().cloned()).collect();
        screen.extend(formula_pieces());
        let exact_automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&exact)
            .map_err(|error| file.inconsistent(format!("the terms make no automaton: {error}")))?;
        Ok(Self {
            screen: automaton(&screen, false)?,
            words: automaton(&words, true)?,
            exact: exact_automaton,
            compounds,
            codes,
            not,
            fingerprint: super::labelled::hash(&fingerprint),
        })
    }

    /// A number that differs when the terms differ.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether a closer look is worth while. Never false for a text in which [`Terms::mentions`] finds something, unless a name
    /// is spelt in a mixture of cases such as `CeRiUm`.
    pub fn may_name(&self, text: &[u8]) -> bool {
        self.screen.is_match(text)
    }

    /// The places that name a rare earth, in order, without overlap.
    pub fn mentions(&self, text: &str) -> Vec<Mention> {
        if !self.may_name(text.as_bytes()) {
            return Vec::new();
        }
        let mut found: Vec<Mention> = Vec::new();
        for automaton in [&self.words, &self.exact] {
            found.extend(
                automaton
                    .find_iter(text)
                    .map(|m| Mention { start: m.start(), end: m.end() })
                    .filter(|m| whole_word(text, *m)),
            );
        }
        for (start, token) in runs(text) {
            let end = start + token.len();
            let excluded = self.not.iter().any(|n| match n.strip_suffix('*') {
                Some(beginning) => token.starts_with(beginning),
                None => token == n,
            });
            if !excluded && formula::names_rare_earth(token, |part| self.compounds.contains(part)) {
                found.push(Mention { start, end });
            }
        }
        found.sort_by_key(|m| (m.start, std::cmp::Reverse(m.end)));
        let mut end = 0;
        found.retain(|m| {
            let keep = m.start >= end;
            if keep {
                end = m.end;
            }
            keep
        });
        found
    }

    /// Whether a CPC or IPC symbol, without spaces, is one of rare earths.
    pub fn is_rare_earth_code(&self, symbol: &str) -> bool {
        self.codes.iter().any(|code| symbol.starts_with(code.as_str()))
    }
}

/// A term as written in running text, in titles and in capitals.
fn cases(term: &str) -> Vec<String> {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    let mut every = String::new();
    let mut start = true;
    for letter in term.chars() {
        every.push(if start { letter.to_ascii_uppercase() } else { letter });
        start = !letter.is_alphanumeric();
    }
    let mut cases = vec![term.to_owned(), capital(term), every, term.to_ascii_uppercase()];
    cases.sort_unstable();
    cases.dedup();
    cases
}

/// A symbol and the character after it, or before it, as they occur in formulae: whatever may stand beside a symbol at the
/// beginning, and at the end, of what [`formula::names_rare_earth`] takes.
fn formula_pieces() -> Vec<String> {
    // Subscripts, what stands for them, brackets, and what joins symbols: `Y2O3`, `NdxFeyB`, `Ce(IV)`, `Nd:YAG`, `Fe-Nd`.
    let beside = || ('0'..='9').chain("xyz()[]:,-–/".chars());
    let mut pieces = Vec::new();
    for symbol in RARE_EARTHS {
        // The next element: `NdFeB`, `YMnO3`; no symbol begins with J or Q.
        let next = beside().chain(('A'..='Z').filter(|c| !"JQ".contains(*c)));
        pieces.extend(next.map(|next| format!("{symbol}{next}")));
        // The element before: `FeNd`, `NiCoCrAlY`, `Mg2CCe`.
        let last = beside().chain('a'..='z').chain("BCFHIKNOPSUVWY".chars());
        pieces.extend(last.map(|last| format!("{last}{symbol}")));
    }
    pieces.sort_unstable();
    pieces.dedup();
    pieces
}

fn whole_word(text: &str, mention: Mention) -> bool {
    let before = text[..mention.start].chars().next_back();
    let after = text[mention.end..].chars().next();
    !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphabetic)
}

/// Runs of characters that may make up a formula, with the byte at which each begins.
fn runs(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let base = text.as_ptr() as usize;
    text.split(|c: char| c.is_whitespace() || matches!(c, ';' | '"' | '\''))
        .map(|token| token.trim_matches(|c: char| matches!(c, ',' | '.' | ':' | '-' | '/')))
        .map(|token| {
            // Parentheses around a token, but not those of a formula.
            let bare = token.strip_prefix('(').map_or(token, |t| if t.contains('(') { token } else { t });
            if bare.contains('(') { bare } else { bare.trim_end_matches(')') }
        })
        .filter(|token| {
            token.len() >= 3 && token.len() <= 80 && token.bytes().any(|b| b.is_ascii_uppercase())
        })
        .map(move |token| (token.as_ptr() as usize - base, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let terms = Terms::shipped().unwrap();
        terms.mentions(text).iter().map(|m| text[m.start..m.end].to_owned()).collect()
    }

    #[test]
    fn names_in_any_case_compounds_and_formulae() {
        assert_eq!(found("RARE EARTH magnets and Rare-Earth oxides"), ["RARE EARTH", "Rare-Earth"]);
        assert_eq!(
            found("a Nd:YAG rod, CeO2 (Y2O3) and mischmetal."),
            ["Nd:YAG", "CeO2", "Y2O3", "mischmetal"]
        );
        assert_eq!(found("neodymium-iron-boron"), ["neodymium"]);
        assert_eq!(found("La0.6Sr0.4Co0.2Fe0.8O3, ceria"), ["La0.6Sr0.4Co0.2Fe0.8O3", "ceria"]);
    }

    #[test]
    fn look_alikes_are_not_mentions() {
        for text in [
            "earth moving machines; a rare, earthy taste",
            "bacteria in Nigeria; La Plata; the ER nurse; PR agencies; ND8 filters; HO scale",
            "alkaline earth metals and rare gases",
            "YUV420 frames, Y5V capacitors, PrPSc prions, dy/dx, SONY, FY2010",
            "Criteria for the Terbiumlike",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn the_screen_misses_no_mention() {
        let terms = Terms::shipped().unwrap();
        for text in crate::patent_text::labelled::shipped().unwrap() {
            let text = text.text();
            let words = terms
                .words
                .find_iter(&text)
                .any(|m| whole_word(&text, Mention { start: m.start(), end: m.end() }));
            let formulae = runs(&text)
                .any(|(_, token)| formula::names_rare_earth(token, |part| terms.compounds.contains(part)));
            if words || formulae {
                assert!(terms.may_name(text.as_bytes()), "{text}");
            }
        }
    }

    #[test]
    fn the_screen_misses_no_formula() {
        let terms = Terms::shipped().unwrap();
        for formula in
            ["YMnO3", "YTaO4", "YTiO3", "YLiF4", "Mg12Ce", "NiCoCrAlY", "NdxFeyB", "Fe–Nd", "Al(FeCo)2Y"]
        {
            assert_eq!(found(formula), [formula]);
        }
        let parts = [
            "Nd", "Ce", "Sc", "Y", "Y", "Lu", "Fe", "Co", "Mn", "Mg", "Al", "O", "N", "C", "K", "2", "12",
            "0.5", "x", "y", "(", ")", "[", "]", "-", "–", ":", ",", "/", "3+", "(III)", "YAG", "-doped",
        ];
        let mut state = 5_u64;
        let mut below = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        let mut named = 0;
        for _ in 0..200_000 {
            let token: String = (0..2 + below(5)).map(|_| parts[below(parts.len())]).collect();
            for token in runs(&token).map(|(_, token)| token) {
                if formula::names_rare_earth(token, |part| terms.compounds.contains(part)) {
                    named += 1;
                    assert!(terms.may_name(token.as_bytes()), "{token}");
                }
            }
        }
        assert!(named > 10_000, "{named}");
    }

    #[test]
    fn codes_are_matched_by_their_beginning() {
        let terms = Terms::shipped().unwrap();
        assert!(terms.is_rare_earth_code("C22B59/00"));
        assert!(terms.is_rare_earth_code("H01F1/0577"));
        assert!(!terms.is_rare_earth_code("H01F1/10"));
        assert!(!terms.is_rare_earth_code("C22B5/00"));
    }

    #[test]
    fn a_bad_file_is_refused_with_its_line() {
        let error = Terms::from_reader(Path::new("t.csv"), "kind,term,of\nelement,cerium,Xx\n".as_bytes())
            .unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        let error =
            Terms::from_reader(Path::new("t.csv"), "kind,term,of\nmetal,cerium,Ce\n".as_bytes()).unwrap_err();
        assert!(error.to_string().contains("metal"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn mentions_are_ordered_and_on_boundaries(text in "(\\PC|Nd|Ce|O2|Y|-|:| |rare earth|cerium){0,30}") {
            let terms = Terms::shipped().unwrap();
            let mut end = 0;
            for m in terms.mentions(&text) {
                proptest::prop_assert!(m.start >= end && m.end > m.start);
                proptest::prop_assert!(text.get(m.start..m.end).is_some());
                end = m.end;
            }
        }
    }
}
