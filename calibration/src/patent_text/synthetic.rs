//! A corpus of patents of any size, simulated, written as it is drawn: for trials of speed, memory and measurement error.
//!
//! Most texts are sentences of technical words in which rare earths do not occur. A share holds one of the labelled texts
//! ([`super::labelled`]), so that the true class is known; years run from 1998 to 2020. Whatever comes from here is simulated
//! and every file says so in its numbers: they begin with `SIM`.

use super::labelled::Labelled;
use super::{Class, Patent};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::io::Write;

/// What to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Corpus {
    /// Seed.
    pub seed: u64,
    /// Share of patents with a labelled text.
    pub share: f64,
    /// Share of rows that are damaged on purpose.
    pub malformed: f64,
    /// Words of filler in each abstract.
    pub words: usize,
}

impl Default for Corpus {
    fn default() -> Self {
        Self { seed: 1, share: 0.02, malformed: 1e-4, words: 120 }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Rows.
    pub rows: u64,
    /// Rows damaged on purpose.
    pub malformed: u64,
    /// Rows with a labelled text that is not [`Class::Irrelevant`] and not damaged.
    pub relevant: u64,
    /// Bytes.
    pub bytes: u64,
}

const WORDS: [&str; 64] = [
    "apparatus",
    "device",
    "method",
    "housing",
    "valve",
    "signal",
    "layer",
    "substrate",
    "controller",
    "circuit",
    "fluid",
    "shaft",
    "bearing",
    "polymer",
    "resin",
    "sensor",
    "image",
    "frame",
    "memory",
    "network",
    "user",
    "pressure",
    "chamber",
    "nozzle",
    "container",
    "surface",
    "plate",
    "spring",
    "member",
    "portion",
    "wherein",
    "comprising",
    "connected",
    "arranged",
    "between",
    "first",
    "second",
    "plurality",
    "formed",
    "configured",
    "the",
    "a",
    "of",
    "to",
    "and",
    "with",
    "for",
    "in",
    "by",
    "from",
    "that",
    "is",
    "are",
    "at",
    "having",
    "heat",
    "steel",
    "water",
    "gas",
    "vehicle",
    "engine",
    "battery",
    "antenna",
    "data",
];

const SYMBOLS: [&str; 12] = [
    "G06F3/01",
    "H04L12/24",
    "B60K6/20",
    "A61B5/00",
    "F16K31/06",
    "C08L23/04",
    "H01L21/02",
    "G01N21/64",
    "B65D81/32",
    "E21B43/26",
    "H02K1/27",
    "C22C38/00",
];

const COUNTRIES: [&str; 6] = ["CN", "DE", "JP", "KR", "TW", "US"];

/// Draws patents one by one: without end, take as many as wanted.
pub fn patents<'a>(
    corpus: &Corpus,
    texts: &'a [Labelled],
) -> impl Iterator<Item = (Patent, Class)> + use<'a> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(corpus.seed);
    let (share, words) = (corpus.share, corpus.words);
    (0_u64..).map(move |number| {
        let mut summary = String::with_capacity(words * 8);
        for word in 0..words {
            if word > 0 {
                summary.push_str(if word % 17 == 0 { ". " } else { " " });
            }
            summary.push_str(WORDS[rng.random_range(0..WORDS.len())]);
        }
        let mut patent = Patent {
            id: format!("SIM{number:09}"),
            year: 1998 + rng.random_range(0..23),
            country: COUNTRIES[rng.random_range(0..COUNTRIES.len())].to_owned(),
            title: format!("A {} {}", WORDS[rng.random_range(0..30)], WORDS[rng.random_range(0..30)]),
            codes: vec![SYMBOLS[rng.random_range(0..SYMBOLS.len())].to_owned()],
            ..Patent::default()
        };
        let mut class = Class::Irrelevant;
        if !texts.is_empty() && rng.random::<f64>() < share {
            let text = &texts[rng.random_range(0..texts.len())];
            class = text.class;
            patent.title.clone_from(&text.title);
            summary = format!("{} {summary}", text.summary);
        }
        patent.summary = summary;
        (patent, class)
    })
}

/// Writes a CSV file for [`super::retrieval::Source::Csv`] of at least so many bytes.
///
/// # Errors
/// What the writer says.
pub fn write_csv(
    corpus: &Corpus,
    texts: &[Labelled],
    bytes: u64,
    mut out: impl Write,
) -> std::io::Result<Written> {
    let mut damage = Xoshiro256PlusPlus::seed_from_u64(corpus.seed ^ 0x5eed);
    let mut written = Written::default();
    let mut line = Vec::new();
    write_row(&mut line, ["id", "year", "country", "title", "abstract", "cpc"])?;
    for (patent, class) in patents(corpus, texts) {
        out.write_all(&line)?;
        written.bytes += line.len() as u64;
        if written.bytes >= bytes {
            break;
        }
        line.clear();
        written.rows += 1;
        let year = patent.year.to_string();
        let codes = patent.codes.join("; ");
        let cells =
            [&patent.id, &year, &patent.country, &patent.title, &patent.summary, &codes].map(String::as_str);
        if damage.random::<f64>() < corpus.malformed {
            written.malformed += 1;
            match damage.random_range(0..3) {
                0 => write_row(&mut line, [&cells[..], &["one more"]].concat())?,
                1 => write_row(&mut line, [cells[0], "no year", cells[2], cells[3], cells[4], cells[5]])?,
                _ => line.extend_from_slice(b"SIM,2001,US,\xff\xfe,text,G06F3/01\n"),
            }
        } else {
            written.relevant += u64::from(class != Class::Irrelevant);
            write_row(&mut line, cells)?;
        }
    }
    out.flush()?;
    Ok(written)
}

fn write_row<'a>(line: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a str>) -> std::io::Result<()> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(line);
    writer.write_record(cells)?;
    writer.flush()
}
