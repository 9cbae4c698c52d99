//! Words of a text, as rules and model see them.

use super::terms::Terms;

/// A word: `{re}` for whatever names a rare earth.
pub(super) const RARE_EARTH: &str = "{re}";
/// A number.
pub(super) const NUMBER: &str = "{num}";
/// The end of a sentence.
pub(super) const STOP: &str = ".";

/// Words of a text in lower case; mentions of rare earths, numbers and ends of sentences are words of their own.
pub(super) fn tokens(text: &str, terms: &Terms) -> Vec<String> {
    let mentions = terms.mentions(text);
    let mut words = Vec::with_capacity(text.len() / 5);
    let mut at = 0;
    for mention in mentions {
        if mention.start < at {
            continue;
        }
        plain(&text[at..mention.start], &mut words);
        words.push(RARE_EARTH.to_owned());
        at = mention.end;
    }
    plain(&text[at..], &mut words);
    words
}

/// Words of a stretch without mentions.
fn plain(text: &str, words: &mut Vec<String>) {
    let mut word = String::new();
    let mut characters = text.chars().peekable();
    let flush = |word: &mut String, words: &mut Vec<String>| {
        let trimmed = word.trim_end_matches(['-', '.']);
        if !trimmed.is_empty() {
            let number = trimmed.starts_with(|c: char| c.is_ascii_digit())
                && trimmed.chars().all(|c| c.is_ascii_digit() || c == '.');
            words.push(if number { NUMBER.to_owned() } else { trimmed.to_owned() });
        }
        word.clear();
    };
    while let Some(c) = characters.next() {
        let inside = characters.peek().is_some_and(|next| next.is_alphanumeric());
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        } else if (c == '-' || (c == '.' && word.ends_with(|w: char| w.is_ascii_digit())))
            && inside
            && !word.is_empty()
        {
            word.push(c);
        } else {
            flush(&mut word, words);
            if matches!(c, '.' | ';' | '!' | '?') {
                words.push(STOP.to_owned());
            }
        }
    }
    flush(&mut word, words);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_numbers_and_sentences_become_words() {
        let terms = Terms::shipped().unwrap();
        let words =
            tokens("Nd2Fe14B magnets with 1.5 percent dysprosium. End-of-life rare-earth scrap!", &terms);
        assert_eq!(
            words,
            ["{re}", "magnets", "with", "{num}", "percent", "{re}", ".", "end-of-life", "{re}", "scrap", "."]
        );
    }
}
