//! Labels from people and from language models, of any make, by files of JSON lines.
//!
//! Out: one prompt for each patent, [`write_prompts`]:
//!
//! ```json
//! {"id":"US123","prompt":"...","answer":"{\"id\":\"US123\",\"labeller\":\"NAME\",\"class\":\"...\"}"}
//! ```
//!
//! In: one answer for each line, [`read_labels`]. `class` is one of the six; other fields are kept by whoever wrote them and not
//! read here:
//!
//! ```json
//! {"id":"US123","labeller":"model-a","class":"recycling"}
//! {"id":"US123","labeller":"anna","class":"mining","why":"from ore"}
//! ```
//!
//! The prompt holds the codebook ([`CODEBOOK`]), the text and nothing that gives a label away, so that people and models
//! answer the same question. What this crate does not do is call a model: how prompts are sent is the user's choice.

use super::agreement::Labels;
use super::{CODEBOOK, Class, Patent};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};

/// A line that is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Line of the file, from one.
    pub line: u64,
    /// What is wrong with it.
    pub problem: String,
}

/// What a file of answers held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// The labels.
    pub labels: Labels,
    /// Answers taken.
    pub taken: usize,
    /// Lines that were not taken, each with its problem.
    pub rejected: Vec<Rejected>,
}

#[derive(Serialize)]
struct Prompt<'a> {
    id: &'a str,
    prompt: String,
    answer: String,
}

#[derive(Deserialize)]
struct Answer {
    id: String,
    labeller: String,
    class: String,
}

/// The prompt for one patent.
pub fn prompt(patent: &Patent) -> String {
    format!(
        "You classify patents by what the invention does to the use of rare earths.\n\n{CODEBOOK}\nAnswer with one line of \
         JSON and nothing else: {{\"id\": \"{}\", \"labeller\": \"<your name>\", \"class\": \"<one of the six>\"}}\n\n\
         Title: {}\nAbstract: {}\nCPC: {}\n",
        patent.id,
        patent.title,
        patent.summary,
        patent.codes.join(", ")
    )
}

/// Writes one prompt for each patent.
///
/// # Errors
/// What the writer says.
pub fn write_prompts<'a>(
    patents: impl IntoIterator<Item = &'a Patent>,
    mut out: impl Write,
) -> std::io::Result<usize> {
    let mut written = 0;
    for patent in patents {
        let answer = serde_json::json!({"id": patent.id, "labeller": "NAME", "class": "..."}).to_string();
        let line = Prompt { id: &patent.id, prompt: prompt(patent), answer };
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
        written += 1;
    }
    Ok(written)
}

/// Reads answers. Blank lines are passed over; every other line is taken or rejected with its number, so that the counts add
/// up. An answer for a patent that `known` does not hold is rejected, and so is a second one by the same labeller.
///
/// # Errors
/// What the reader says.
pub fn read_labels(reader: impl BufRead, known: impl Fn(&str) -> bool) -> std::io::Result<Answers> {
    let mut answers = Answers::default();
    for (position, line) in reader.split(b'\n').enumerate() {
        let line = line?;
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        match answer(text.trim(), &known, &answers.labels) {
            Ok((id, labeller, class)) => {
                answers.labels.insert(&id, &labeller, class);
                answers.taken += 1;
            }
            Err(problem) => answers.rejected.push(Rejected { line: position as u64 + 1, problem }),
        }
    }
    Ok(answers)
}

fn answer(
    text: &str,
    known: &impl Fn(&str) -> bool,
    labels: &Labels,
) -> Result<(String, String, Class), String> {
    let answer: Answer = serde_json::from_str(text).map_err(|error| format!("no answer in JSON: {error}"))?;
    let class = Class::parse(&answer.class)
        .ok_or_else(|| format!("`{}` is none of {}", answer.class, Class::ALL.map(Class::name).join(", ")))?;
    if answer.labeller.trim().is_empty() {
        return Err("the labeller has no name".to_owned());
    }
    if !known(&answer.id) {
        return Err(format!("there is no patent `{}` to be labelled", answer.id));
    }
    let labeller = labels.labellers().iter().position(|name| *name == answer.labeller);
    if let Some(earlier) = labeller.and_then(|l| labels.label(&answer.id, l)) {
        return Err(format!("{} has labelled `{}` already, as {earlier}", answer.labeller, answer.id));
    }
    Ok((answer.id, answer.labeller, class))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patent_text::labelled;

    #[test]
    fn prompts_are_lines_of_json_that_give_nothing_away() {
        let texts = labelled::shipped().unwrap();
        let patents: Vec<Patent> = texts.iter().map(labelled::Labelled::patent).collect();
        let mut out = Vec::new();
        assert_eq!(write_prompts(&patents, &mut out).unwrap(), patents.len());
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), patents.len());
        let mut without_text = std::collections::HashSet::new();
        for (line, patent) in text.lines().zip(&patents) {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["id"], patent.id.as_str());
            let prompt = value["prompt"].as_str().unwrap();
            without_text.insert(
                prompt.replace(&patent.id, "").replace(&patent.title, "").replace(&patent.summary, ""),
            );
        }
        assert_eq!(without_text.len(), 1, "prompts differ in the patent's own words alone");
    }

    #[test]
    fn every_line_is_taken_or_rejected_with_its_number() {
        let text = "{\"id\":\"a\",\"labeller\":\"m\",\"class\":\"Mining\"}\n\n{\"id\":\"a\",\"labeller\":\"m\",\"class\":\"use\"}\n\
                    I think it is recycling\n{\"id\":\"b\",\"labeller\":\"m\",\"class\":\"reuse\"}\n\
                    {\"id\":\"x\",\"labeller\":\"m\",\"class\":\"use\"}\n{\"id\":\"b\",\"labeller\":\" \",\"class\":\"use\"}\n";
        let answers = read_labels(text.as_bytes(), |id| ["a", "b"].contains(&id)).unwrap();
        assert_eq!(answers.taken, 1);
        assert_eq!(answers.labels.label("a", 0), Some(Class::Mining));
        let lines: Vec<u64> = answers.rejected.iter().map(|r| r.line).collect();
        assert_eq!(lines, [3, 4, 5, 6, 7]);
        assert!(answers.rejected[0].problem.contains("already"), "{:?}", answers.rejected);
    }
}
