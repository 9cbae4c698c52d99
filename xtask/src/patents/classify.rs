//! `patents train` and `patents classify`: labels of candidates, and counts by sector, country and year.

use std::collections::HashMap;
use std::fmt::Write;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use calibration::patent_text::agreement::Labels;
use calibration::patent_text::evaluation::Confusion;
use calibration::patent_text::exchange::read_labels;
use calibration::patent_text::industries::{Concordance, Counts};
use calibration::patent_text::labelled::{self, Labelled};
use calibration::patent_text::model::{TextModel, Training};
use calibration::patent_text::rules::Rules;
use calibration::patent_text::terms::Terms;
use calibration::patent_text::{Class, Patent};

use crate::console;
use crate::error::Error;
use crate::output::{OutputFolder, write_whole};

/// Train the text model on labelled texts
#[derive(Debug, clap::Args)]
pub(super) struct TrainArguments {
    /// Labelled texts: id,class,title,abstract; the shipped sample when not given
    #[arg(long, value_name = "FILE")]
    labelled: Option<PathBuf>,
    /// A file of terms of your own
    #[arg(long, value_name = "FILE")]
    terms: Option<PathBuf>,
    /// Where the model is written, as JSON
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Label candidates and count them by sector, country and year
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// candidates.jsonl of `patents retrieve`
    #[arg(long, value_name = "FILE")]
    candidates: PathBuf,
    /// Whose labels are counted
    #[arg(long, value_enum, default_value = "model")]
    by: By,
    /// A model of `patents train`; when not given one is trained on the shipped sample
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Rules of your own
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// A file of terms of your own
    #[arg(long, value_name = "FILE")]
    terms: Option<PathBuf>,
    /// Answers of labellers (JSON lines), for --by answers: the majority counts
    #[arg(long, value_name = "FILE", required_if_eq("by", "answers"))]
    answers: Option<PathBuf>,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// The rules
    Rules,
    /// The trained model
    Model,
    /// Labellers
    Answers,
}

/// Runs `patents train`.
pub(super) fn train(arguments: &TrainArguments) -> Result<(), Error> {
    let terms = super::terms(arguments.terms.as_deref())?;
    let texts = arguments.labelled.as_deref().map_or_else(labelled::shipped, labelled::load)?;
    let training = fit(&texts, &terms)?;
    console::result(format!(
        "{} texts; cross-validated, penalty {:e}:\n{}",
        texts.len(),
        training.model.penalty,
        scores(&training.cross_validation)
    ));
    for class in Class::ALL {
        let words: Vec<&str> = training.model.telling(class, 8).into_iter().map(|(word, _)| word).collect();
        console::result(format!("{class}: {}", words.join(", ")));
    }
    let text = serde_json::to_vec_pretty(&training.model).map_err(Error::library("the model"))?;
    write_whole(&arguments.out, &text)
}

fn fit(texts: &[Labelled], terms: &Terms) -> Result<Training, Error> {
    TextModel::train(texts, terms).map_err(Error::bad_input("the text model could not be trained"))
}

/// Precision and recall as lines.
pub(super) fn scores(confusion: &Confusion) -> String {
    let mut text = format!("{:<13}{:>7}{:>11}{:>8}\n", "class", "texts", "precision", "recall");
    let share = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    for class in Class::ALL {
        let score = confusion.score(class);
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:<13}{:>7}{:>11}{:>8}",
            class.name(),
            score.texts,
            share(score.precision),
            share(score.recall)
        );
    }
    let _ = write!(text, "accuracy {}", share(confusion.accuracy()));
    text
}

/// Runs `patents classify`.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let terms = super::terms(arguments.terms.as_deref())?;
    let rules = arguments.rules.as_deref().map_or_else(Rules::shipped, Rules::load)?;
    let model = match &arguments.model {
        Some(path) => read_model(path)?,
        None => fit(&labelled::shipped()?, &terms)?.model,
    };
    let answers = match &arguments.answers {
        Some(path) => read_answers(path)?,
        None => Labels::new(),
    };
    let concordance = Concordance::shipped()?;
    let out = OutputFolder::open(&arguments.out)?;
    let mut counts = Counts::default();
    let mut without = 0_usize;
    let mut table = csv::Writer::from_writer(Vec::new());
    let unwritten = || Error::library("the table of labels");
    table
        .write_record(["id", "year", "country", "rules", "model", "probability", "answers", "patterns"])
        .map_err(unwritten())?;
    for patent in super::candidates(&arguments.candidates)? {
        let patent: Patent = patent?;
        let text = patent.text();
        let verdict = rules.classify(&text, &terms);
        let of_model = model.classify(&text, &terms);
        let probability = model.probabilities(&text, &terms)[of_model.index()];
        let of_answers = answers.majority(&patent.id);
        let patterns: Vec<&str> = verdict.found.iter().map(|r| rules.rules()[*r].pattern.as_str()).collect();
        let label = match arguments.by {
            By::Rules => Some(verdict.class),
            By::Model => Some(of_model),
            By::Answers => of_answers,
        };
        match label {
            Some(class) => counts.add(class, &patent.country, patent.year, &patent.codes, &concordance),
            None => without += 1,
        }
        table
            .write_record([
                patent.id.as_str(),
                &patent.year.to_string(),
                &patent.country,
                verdict.class.name(),
                of_model.name(),
                &format!("{probability:.4}"),
                of_answers.map_or("", Class::name),
                &patterns.join("; "),
            ])
            .map_err(unwritten())?;
    }
    let table = table.into_inner().map_err(|e| Error::library("the table of labels")(e.into_error()))?;
    out.write("labels.csv", &table)?;
    out.write("panel.csv", counts.panel().to_csv(4).as_bytes())?;
    for class in Class::ALL {
        let patents: f64 = counts.by_year(class).values().sum();
        console::result(format!("{:<13}{:>10.0}", class.name(), patents));
    }
    if without > 0 {
        console::notice(format!(
            "{without} candidates have no majority among the answers and are not counted"
        ));
    }
    console::result(format!("labels.csv and panel.csv are in {}", out.path().display()));
    Ok(())
}

fn read_model(path: &Path) -> Result<TextModel, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    serde_json::from_str(&text).map_err(Error::bad_input(format!("{} is no text model", path.display())))
}

/// Labels of a file of answers; lines that are no answers are told.
pub(super) fn read_answers(path: &Path) -> Result<Labels, Error> {
    let file = std::fs::File::open(path).map_err(Error::io("read", path))?;
    let answers = read_labels(BufReader::new(file), |_| true).map_err(Error::io("read", path))?;
    tell_rejected(path, &answers.rejected.iter().map(|r| (r.line, r.problem.as_str())).collect());
    Ok(answers.labels)
}

/// Tells which lines were not taken.
pub(super) fn tell_rejected(path: &Path, rejected: &HashMap<u64, &str>) {
    let mut lines: Vec<(&u64, &&str)> = rejected.iter().collect();
    lines.sort();
    for (line, problem) in lines {
        console::notice(format!("{} line {line}: {problem}", path.display()));
    }
}
