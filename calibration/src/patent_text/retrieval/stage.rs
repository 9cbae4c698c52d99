//! One pass over one file.

use super::blocks::{self, Block, Blocks, Piece};
use super::work::{Checkpoint, Work};
use super::{FileCount, PARTS, Settings};
use crate::patent_text::labelled::hash;
use crate::patent_text::terms::Terms;
use crate::patent_text::{Patent, PatentError, YEARS};
use crate::source::LoadError;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

/// The list of rows that were not taken.
pub(super) const MALFORMED: &str = "malformed.csv";
/// Hashes of marked patents.
const MARKS: &str = "marks.bin";
/// Bits of the table of marks: 16 MB.
const TABLE_BITS: u64 = 1 << 27;

/// What a row says about a patent, as it is collected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Fragment {
    /// A patent of a CSV file, with its file and line.
    Whole(Patent, String, u64),
    /// A patent without its text.
    Title { id: String, year: i32, title: String, line: u64 },
    /// An abstract.
    Abstract { id: String, text: String },
    /// A symbol.
    Symbol { id: String, symbol: String },
    /// The place of an assignee.
    Place { id: String, sequence: u32, location: String },
}

impl Fragment {
    /// The patent's number.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Whole(patent, ..) => &patent.id,
            Self::Title { id, .. }
            | Self::Abstract { id, .. }
            | Self::Symbol { id, .. }
            | Self::Place { id, .. } => id,
        }
    }
}

/// What a pass does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Csv,
    MarkTitle,
    MarkAbstract,
    MarkSymbol,
    Title,
    Abstract,
    Symbol,
    Place,
}

impl Kind {
    /// The columns it needs; those of a CSV file's symbols are optional, one of the two must be there.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Csv => &["id", "year", "country", "title", "abstract", "cpc", "ipc"],
            Self::MarkTitle | Self::Title => &["patent_id", "patent_date", "patent_title"],
            Self::MarkAbstract | Self::Abstract => &["patent_id", "patent_abstract"],
            Self::MarkSymbol | Self::Symbol => &["patent_id", "cpc_group"],
            Self::Place => &["patent_id", "assignee_sequence", "location_id"],
        }
    }

    fn collects(self) -> bool {
        matches!(self, Self::Title | Self::Abstract | Self::Symbol | Self::Place)
    }
}

/// A pass over a file.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    kind: Kind,
    path: PathBuf,
}

/// What the workers found in a piece.
#[derive(Debug, Default)]
struct Found {
    rows: u64,
    marks: Vec<u8>,
    parts: BTreeMap<u64, Vec<u8>>,
    malformed: Vec<(u64, String)>,
}

/// The columns of a file, in the order of [`Kind::columns`].
struct Heading {
    width: usize,
    at: Vec<Option<usize>>,
}

impl Stage {
    pub(super) fn new(kind: Kind, path: PathBuf) -> Self {
        Self { kind, path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether its counts and malformed rows are told: of two passes over a file only the first.
    pub(super) fn reports(&self) -> bool {
        !matches!(self.kind, Kind::Title | Kind::Abstract | Kind::Symbol)
    }

    fn delimiter(&self) -> u8 {
        if self.kind == Kind::Csv { b',' } else { b'\t' }
    }

    /// Makes the pass, from where it was left.
    pub(super) fn run(
        &self,
        terms: &Terms,
        settings: &Settings,
        work: &mut Work,
        state: &mut Checkpoint,
        mut observe: impl FnMut(u64),
    ) -> Result<(), PatentError> {
        let heading = self.heading()?;
        if state.counts.len() <= state.stage {
            state.counts.push(FileCount { file: self.name(), ..FileCount::default() });
            if state.stage == 0 {
                work.append(MALFORMED, b"file,line,problem\n")?;
            }
        }
        let table = if self.kind.collects() { marks(work)? } else { Vec::new() };
        let reader = blocks::open(&self.path, state.place.0)?;
        let mut blocks = Blocks::new(reader, self.delimiter(), settings.block_bytes.max(1), state.place);
        std::thread::scope(|scope| {
            // Reading and unpacking go on while workers search the block before.
            let (sender, receiver) = mpsc::sync_channel::<std::io::Result<Block>>(1);
            scope.spawn(move || {
                while let Some(block) = blocks.next().transpose() {
                    let failed = block.is_err();
                    if sender.send(block).is_err() || failed {
                        break;
                    }
                }
            });
            for (number, block) in receiver.iter().enumerate() {
                let block = block.map_err(|source| LoadError::Io { path: self.path.clone(), source })?;
                self.take(&block, &heading, terms, &table, work, state)?;
                state.place = block.next;
                observe(state.place.0);
                if (number + 1) % settings.blocks_per_checkpoint.max(1) == 0 {
                    work.save(state)?;
                }
            }
            Ok::<(), PatentError>(())
        })?;
        state.stage += 1;
        state.place = (0, 1);
        work.save(state)
    }

    /// Searches a block and appends what is found.
    fn take(
        &self,
        block: &Block,
        heading: &Heading,
        terms: &Terms,
        table: &[u64],
        work: &mut Work,
        state: &mut Checkpoint,
    ) -> Result<(), PatentError> {
        let found: Vec<Found> = block
            .pieces
            .par_iter()
            .map(|piece| self.search(&block.bytes, *piece, heading, terms, table))
            .collect();
        let mut malformed: Vec<(u64, String)> =
            block.broken.iter().map(|(line, problem)| (*line, (*problem).to_owned())).collect();
        let mut parts: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        let mut rows = malformed.len() as u64;
        for piece in found {
            rows += piece.rows;
            work.append(MARKS, &piece.marks)?;
            piece.parts.into_iter().for_each(|(part, bytes)| parts.entry(part).or_default().extend(bytes));
            malformed.extend(piece.malformed);
        }
        for (part, bytes) in parts {
            work.append(&part_name(part), &bytes)?;
        }
        malformed.sort();
        if let Some(count) = state.counts.last_mut() {
            count.rows += rows;
            count.malformed += malformed.len() as u64;
            count.bytes = block.next.0;
        }
        if self.reports() {
            let name = self.name();
            work.append(
                MALFORMED,
                &malformed_rows(malformed.iter().map(|(l, p)| (name.as_str(), *l, p.as_str()))),
            )?;
        }
        Ok(())
    }

    /// Searches the records of a piece.
    fn search(&self, bytes: &[u8], piece: Piece, heading: &Heading, terms: &Terms, table: &[u64]) -> Found {
        let mut found = Found::default();
        piece.records(bytes, self.delimiter(), |line, record| {
            if line > 1 {
                found.rows += 1;
                if let Err(problem) = self.row(record, line, heading, terms, table, &mut found) {
                    found.malformed.push((line, problem));
                }
            }
        });
        found
    }

    /// Takes a row, or says why not.
    fn row(
        &self,
        record: &csv::ByteRecord,
        line: u64,
        heading: &Heading,
        terms: &Terms,
        table: &[u64],
        found: &mut Found,
    ) -> Result<(), String> {
        if record.len() != heading.width {
            return Err(format!("it has {} fields, the heading {}", record.len(), heading.width));
        }
        let column = |which: usize| self.kind.columns()[which];
        let bytes = |which: usize| heading.at[which].and_then(|at| record.get(at)).unwrap_or_default();
        let text = |which: usize| {
            std::str::from_utf8(bytes(which)).map_err(|_| format!("{} is not UTF-8", column(which)))
        };
        let id = text(0)?.trim();
        if id.is_empty() {
            return Err(format!("{} is empty", column(0)));
        }
        let owned = || id.to_owned();
        let key = hash(id.as_bytes());
        let marked = || {
            let bit = key % TABLE_BITS;
            table.get((bit / 64) as usize).is_some_and(|word| word >> (bit % 64) & 1 == 1)
        };
        let mut collect = |fragment: Fragment| -> Result<(), String> {
            let part = found.parts.entry(key % PARTS).or_default();
            serde_json::to_writer(&mut *part, &fragment).map_err(|e| e.to_string())?;
            part.push(b'\n');
            Ok(())
        };
        match self.kind {
            Kind::Csv => {
                let year = year(text(1)?)
                    .ok_or_else(|| format!("year is `{}`", shown(text(1).unwrap_or_default())))?;
                let (title, summary) = (text(3)?, text(4)?);
                let mut symbols = text(5)?.to_owned();
                symbols.push(';');
                symbols.push_str(text(6)?);
                let codes = symbols_of(&symbols);
                let naming = (terms.may_name(title.as_bytes()) || terms.may_name(summary.as_bytes()))
                    && !terms.mentions(&format!("{title}. {summary}")).is_empty();
                if naming || codes.iter().any(|code| terms.is_rare_earth_code(code)) {
                    let patent = Patent {
                        id: owned(),
                        year,
                        country: text(2)?.trim().to_owned(),
                        title: title.to_owned(),
                        summary: summary.to_owned(),
                        codes,
                        mentions: Vec::new(),
                    };
                    collect(Fragment::Whole(patent, self.name(), line))?;
                }
            }
            Kind::MarkTitle => {
                year(text(1)?)
                    .ok_or_else(|| format!("patent_date is `{}`", shown(text(1).unwrap_or_default())))?;
                if terms.may_name(text(2)?.as_bytes()) {
                    found.marks.extend(key.to_le_bytes());
                }
            }
            Kind::MarkAbstract => {
                if terms.may_name(text(1)?.as_bytes()) {
                    found.marks.extend(key.to_le_bytes());
                }
            }
            Kind::MarkSymbol => {
                if terms.is_rare_earth_code(text(1)?) {
                    found.marks.extend(key.to_le_bytes());
                }
            }
            Kind::Title if marked() => {
                if let Some(year) = year(text(1)?) {
                    collect(Fragment::Title { id: owned(), year, title: text(2)?.to_owned(), line })?;
                }
            }
            Kind::Abstract if marked() => {
                collect(Fragment::Abstract { id: owned(), text: text(1)?.to_owned() })?
            }
            Kind::Symbol if marked() => {
                collect(Fragment::Symbol { id: owned(), symbol: text(1)?.replace(' ', "") })?
            }
            Kind::Place => {
                let sequence = text(1)?;
                let sequence = sequence
                    .trim()
                    .parse()
                    .map_err(|_| format!("assignee_sequence is `{}`", shown(sequence)))?;
                if marked() {
                    collect(Fragment::Place { id: owned(), sequence, location: text(2)?.to_owned() })?;
                }
            }
            Kind::Title | Kind::Abstract | Kind::Symbol => {}
        }
        Ok(())
    }

    /// Reads the first row and finds the columns.
    fn heading(&self) -> Result<Heading, PatentError> {
        let names = first_row(&self.path, self.delimiter())?;
        let at: Vec<Option<usize>> =
            self.kind.columns().iter().map(|column| names.iter().position(|name| name == column)).collect();
        let needed = if self.kind == Kind::Csv { 5 } else { at.len() };
        let missing = at.iter().take(needed).position(Option::is_none);
        let missing = missing.or_else(|| at.iter().skip(needed).all(Option::is_none).then_some(needed));
        match missing.filter(|m| *m < at.len()) {
            Some(column) => Err(LoadError::MissingColumn {
                path: self.path.clone(),
                column: self.kind.columns()[column].to_owned(),
                found: names.join(", "),
            }
            .into()),
            None => Ok(Heading { width: names.len(), at }),
        }
    }
}

/// The cells of the first row of a file.
pub(super) fn first_row(path: &Path, delimiter: u8) -> Result<Vec<String>, PatentError> {
    let reader = blocks::open(path, 0)?.take(blocks::MAX_RECORD as u64);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(reader);
    let headers = reader.headers().map_err(|source| LoadError::Csv { path: path.to_owned(), source })?;
    Ok(headers.iter().map(|h| h.trim().trim_start_matches('\u{feff}').trim_matches('"').to_owned()).collect())
}

/// The name of a part.
pub(super) fn part_name(part: u64) -> String {
    format!("part-{part:03}.jsonl")
}

/// Rows of the list of what was not taken.
pub(super) fn malformed_rows<'a>(rows: impl Iterator<Item = (&'a str, u64, &'a str)>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (file, line, problem) in rows {
        // Writing to memory does not fail.
        let _ = writer.write_record([file, &line.to_string(), problem]);
    }
    writer.into_inner().unwrap_or_default()
}

/// The table of marks, of fixed size.
fn marks(work: &Work) -> Result<Vec<u64>, PatentError> {
    let mut table = vec![0_u64; (TABLE_BITS / 64) as usize];
    let mut reader = work.read(MARKS)?;
    let mut bytes = [0_u8; 8];
    loop {
        match reader.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(end) if end.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(table),
            Err(source) => return Err(LoadError::Io { path: work.path(MARKS), source }.into()),
        }
        let bit = u64::from_le_bytes(bytes) % TABLE_BITS;
        table[(bit / 64) as usize] |= 1 << (bit % 64);
    }
}

/// The year of a year or a date that begins with it.
fn year(text: &str) -> Option<i32> {
    let text = text.trim();
    let year = text.get(..4)?.parse().ok().filter(|year| YEARS.contains(year))?;
    text.get(4..)?.chars().all(|c| c.is_ascii_digit() || c == '-' || c == '/').then_some(year)
}

/// Symbols without spaces.
fn symbols_of(text: &str) -> Vec<String> {
    let clean = |symbol: &str| -> String {
        symbol.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase()
    };
    let mut symbols: Vec<String> = Vec::new();
    for symbol in text.split([';', '|', ',']).map(clean).filter(|s| !s.is_empty()) {
        if !symbols.contains(&symbol) {
            symbols.push(symbol);
        }
    }
    symbols
}

/// The beginning of a cell, for a message.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}
