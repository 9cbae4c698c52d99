//! `patents export-prompts` and `patents import-labels`: the exchange with people and language models.

use std::collections::{BTreeMap, HashMap};
use std::io::BufReader;
use std::path::PathBuf;

use calibration::patent_text::agreement::{Agreement, Labels};
use calibration::patent_text::exchange::{read_labels, write_prompts};
use calibration::patent_text::{Patent, PatentError};

use super::classify::tell_rejected;
use crate::console;
use crate::error::Error;
use crate::output::write_whole;

/// Write one prompt for each candidate, as JSON lines
#[derive(Debug, clap::Args)]
pub(super) struct ExportArguments {
    /// candidates.jsonl of `patents retrieve`
    #[arg(long, value_name = "FILE")]
    candidates: PathBuf,
    /// Every so manieth candidate only
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,
    /// Where prompts are written
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Read answers of labellers, say how far they agree, and write the majority as labelled texts
#[derive(Debug, clap::Args)]
pub(super) struct ImportArguments {
    /// candidates.jsonl that the prompts were made from
    #[arg(long, value_name = "FILE")]
    candidates: PathBuf,
    /// Answers: JSON lines with id, labeller and class
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    answers: Vec<PathBuf>,
    /// Where the majority's labels are written: id,class,title,abstract, as `patents train` takes them
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs `patents export-prompts`.
pub(super) fn export(arguments: &ExportArguments) -> Result<(), Error> {
    let patents: Vec<Patent> = super::candidates(&arguments.candidates)?
        .step_by(arguments.every.max(1))
        .collect::<Result<_, _>>()?;
    let mut text = Vec::new();
    let written = write_prompts(&patents, &mut text).map_err(Error::io("write", &arguments.out))?;
    write_whole(&arguments.out, &text)?;
    console::result(format!("{written} prompts in {}", arguments.out.display()));
    Ok(())
}

/// Runs `patents import-labels`.
pub(super) fn import(arguments: &ImportArguments) -> Result<(), Error> {
    let mut patents: BTreeMap<String, Patent> = BTreeMap::new();
    for patent in super::candidates(&arguments.candidates)? {
        let patent = patent?;
        patents.insert(patent.id.clone(), patent);
    }
    let mut labels = Labels::new();
    let (mut taken, mut rejected) = (0, 0);
    for path in &arguments.answers {
        let file = std::fs::File::open(path).map_err(Error::io("read", path))?;
        let answers = read_labels(BufReader::new(file), |id| patents.contains_key(id))
            .map_err(Error::io("read", path))?;
        let lines: HashMap<u64, &str> =
            answers.rejected.iter().map(|r| (r.line, r.problem.as_str())).collect();
        tell_rejected(path, &lines);
        rejected += answers.rejected.len();
        for (position, labeller) in answers.labels.labellers().iter().enumerate() {
            for text in answers.labels.texts() {
                let Some(class) = answers.labels.label(text, position) else { continue };
                taken += 1;
                if let Some(earlier) = labels.insert(text, labeller, class)
                    && earlier != class
                {
                    console::notice(format!(
                        "{}: {labeller} labels {text} as {class}, in an earlier file as {earlier}; the later counts",
                        path.display()
                    ));
                }
            }
        }
    }
    console::result(format!(
        "{taken} answers by {} labellers; {rejected} lines rejected",
        labels.labellers().len()
    ));
    let names = labels.labellers();
    for a in 0..names.len() {
        for b in a + 1..names.len() {
            told(&format!("Cohen's kappa, {} and {}", names[a], names[b]), labels.cohen(a, b));
        }
    }
    told("Fleiss' kappa", labels.fleiss());
    told("Krippendorff's alpha", labels.krippendorff());

    let mut table = csv::Writer::from_writer(Vec::new());
    let unwritten = || Error::library("the labelled texts");
    table.write_record(["id", "class", "title", "abstract"]).map_err(unwritten())?;
    let (mut written, mut tied) = (0, 0);
    for (id, patent) in &patents {
        match labels.majority(id) {
            Some(class) => {
                written += 1;
                table.write_record([id, class.name(), &patent.title, &patent.summary]).map_err(unwritten())?;
            }
            None => tied += usize::from(labels.texts().any(|text| text == id)),
        }
    }
    let table = table.into_inner().map_err(|e| Error::library("the labelled texts")(e.into_error()))?;
    write_whole(&arguments.out, &table)?;
    console::result(format!(
        "{written} labelled texts in {}; {tied} without a majority",
        arguments.out.display()
    ));
    Ok(())
}

fn told(name: &str, agreement: Result<Agreement, PatentError>) {
    console::result(match agreement {
        Ok(a) => format!("{name}: {:.3} ({:.3}), {} texts", a.value, a.std_error, a.texts),
        Err(error) => error.to_string(),
    });
}
