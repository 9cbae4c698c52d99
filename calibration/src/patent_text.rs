//! From the text of patents to counts by what they do to the use of rare earths: `nu_R[sector, country, year]`.
//!
//! | step | module |
//! |---|---|
//! | read PatentsView's bulk tables or CSV files of any size, find the patents that name rare earths | [`retrieval`] |
//! | what counts as naming them | [`terms`] |
//! | classify by rules that a user edits | [`rules`] |
//! | classify by a model trained on labelled texts | [`model`] |
//! | have texts labelled by people or language models, measure how far labellers agree | [`exchange`], [`agreement`] |
//! | precision and recall | [`evaluation`] |
//! | from CPC symbols to industries, counts by sector, country and year | [`industries`] |
//! | a corpus of any size to try all this on, simulated | [`synthetic`] |
//!
//! What the classes mean is in [`CODEBOOK`]. The labelled sample that is shipped ([`labelled::shipped`]) was written for this
//! project; no text of it is taken from a patent.

pub mod agreement;
pub mod evaluation;
pub mod exchange;
pub mod industries;
pub mod labelled;
pub mod model;
pub mod retrieval;
pub mod rules;
pub mod synthetic;
pub mod terms;

mod formula;
mod tokens;

use crate::source::LoadError;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What the classes mean, for labellers: the text of `data/patents/codebook.md`.
pub const CODEBOOK: &str = include_str!("../data/patents/codebook.md");

/// What a patent does to the use of rare earths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The same service from less of a rare earth.
    Efficiency,
    /// The service without the rare earth.
    Substitution,
    /// Rare earths won back from scrap or used products.
    Recycling,
    /// A rare earth is used, and how much is not the point.
    Use,
    /// Mining, separation and making of metal.
    Mining,
    /// No rare earth, or one named in passing.
    Irrelevant,
}

impl Class {
    /// All classes, in the order of tables.
    pub const ALL: [Self; 6] =
        [Self::Efficiency, Self::Substitution, Self::Recycling, Self::Use, Self::Mining, Self::Irrelevant];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Efficiency => "efficiency",
            Self::Substitution => "substitution",
            Self::Recycling => "recycling",
            Self::Use => "use",
            Self::Mining => "mining",
            Self::Irrelevant => "irrelevant",
        }
    }

    /// The class of this name.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim();
        Self::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(name))
    }

    /// Its position in [`Class::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A patent, as far as the pipeline needs it: one line of `candidates.jsonl`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Patent {
    /// Its number.
    pub id: String,
    /// Year of grant (PatentsView) or whatever year the file gives, from 1000 to 2999.
    #[serde(deserialize_with = "year")]
    pub year: i32,
    /// ISO 3166 alpha-3 code of the first assignee's country where it is known, else as the file says; empty if it says nothing.
    #[serde(default)]
    pub country: String,
    /// Title.
    #[serde(default)]
    pub title: String,
    /// Abstract.
    #[serde(default, rename = "abstract")]
    pub summary: String,
    /// CPC or IPC symbols, without spaces.
    #[serde(default)]
    pub codes: Vec<String>,
    /// The rare earths that it names, as written; empty when its codes alone made it a candidate.
    #[serde(default)]
    pub mentions: Vec<String>,
}

/// Years that a patent may have: panels make room for every one between the first and the last.
const YEARS: std::ops::Range<i32> = 1000..3000;

fn year<'a, D: serde::Deserializer<'a>>(deserializer: D) -> Result<i32, D::Error> {
    let year = i32::deserialize(deserializer)?;
    let expected = "a year from 1000 to 2999";
    let found = serde::de::Unexpected::Signed(year.into());
    Some(year).filter(|y| YEARS.contains(y)).ok_or_else(|| serde::de::Error::invalid_value(found, &expected))
}

impl Patent {
    /// Title and abstract.
    pub fn text(&self) -> String {
        format!("{}. {}", self.title, self.summary)
    }
}

/// Why patents cannot be processed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatentError {
    /// A file cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The archive does not hold what it should.
    #[error("{} is not a zip archive with one table in it: {message}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Work was begun with other inputs or settings.
    #[error("{} holds unfinished work on other inputs or settings: {what}; give another folder, or remove that one to start anew",
        folder.display())]
    OtherWork {
        /// The folder of unfinished work.
        folder: PathBuf,
        /// What differs.
        what: String,
    },
    /// The state of unfinished work is damaged.
    #[error("{} is damaged ({message}); remove its folder to start anew", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A model cannot be trained on what was given.
    #[error("cannot train on {texts} labelled texts: {reason}")]
    Training {
        /// How many texts there are.
        texts: usize,
        /// What is wrong.
        reason: String,
    },
    /// Labels of which no agreement can be computed.
    #[error("no {statistic}: {reason}")]
    Agreement {
        /// The statistic.
        statistic: &'static str,
        /// What is wrong.
        reason: String,
    },
}
