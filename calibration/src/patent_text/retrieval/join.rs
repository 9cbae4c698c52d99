//! Puts together what was collected, part by part.

use super::blocks::{self, Blocks};
use super::stage::{Fragment, MALFORMED, first_row, malformed_rows, part_name};
use super::work::Work;
use super::{PARTS, Settings, Source, Summary, patentsview_table};
use crate::patent_text::terms::Terms;
use crate::patent_text::{Patent, PatentError};
use crate::source::LoadError;
use isocountry::CountryCode;
use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

/// The candidates.
pub(super) const CANDIDATES: &str = "candidates.jsonl";

/// Writes candidates, in the order of parts and of numbers within them.
pub(super) fn join(
    source: &Source,
    terms: &Terms,
    settings: &Settings,
    work: &mut Work,
) -> Result<Summary, PatentError> {
    let mut summary = Summary::default();
    let mut rejected = Vec::new();
    let countries = match source {
        Source::Csv(_) => HashMap::new(),
        Source::PatentsView(folder) => places(folder, settings, &mut rejected)?,
    };
    // What an earlier, killed run may have left of this step does not count; the list of rejected rows was cut on opening.
    let mut candidates = std::fs::File::create(work.path(CANDIDATES))
        .map(std::io::BufWriter::new)
        .map_err(super::write_error(&work.path(CANDIDATES)))?;
    for part in 0..PARTS {
        let mut patents: BTreeMap<String, Gathered> = BTreeMap::new();
        for line in work.read(&part_name(part))?.lines() {
            let path = work.path(&part_name(part));
            let line = line.map_err(|source| LoadError::Io { path: path.clone(), source })?;
            let fragment: Fragment = serde_json::from_str(&line)
                .map_err(|e| PatentError::Checkpoint { path, message: e.to_string() })?;
            let gathered = patents.entry(fragment.id().to_owned()).or_default();
            if let Some((file, line)) = gathered.add(fragment) {
                summary.duplicates += 1;
                rejected.push((file, line, "the patent was described by an earlier row".to_owned()));
            }
        }
        for (id, gathered) in patents {
            let Some(mut patent) = gathered.patent(&countries) else {
                summary.without_patent += 1;
                rejected.push(("g_patent".to_owned(), 0, format!("there is no row for patent {id}")));
                continue;
            };
            let text = patent.text();
            patent.mentions = terms.mentions(&text).iter().map(|m| text[m.start..m.end].to_owned()).collect();
            patent.mentions.sort();
            patent.mentions.dedup();
            if patent.mentions.is_empty() && !patent.codes.iter().any(|code| terms.is_rare_earth_code(code)) {
                continue;
            }
            summary.candidates += 1;
            summary.naming += u64::from(!patent.mentions.is_empty());
            let path = work.path(CANDIDATES);
            serde_json::to_writer(&mut candidates, &patent)
                .map_err(std::io::Error::from)
                .and_then(|()| std::io::Write::write_all(&mut candidates, b"\n"))
                .map_err(super::write_error(&path))?;
        }
    }
    std::io::Write::flush(&mut candidates).map_err(super::write_error(&work.path(CANDIDATES)))?;
    let rows = rejected.iter().map(|(file, line, problem)| (file.as_str(), *line, problem.as_str()));
    work.append(MALFORMED, &malformed_rows(rows))?;
    Ok(summary)
}

/// What is known of one patent.
#[derive(Default)]
struct Gathered {
    patent: Option<Patent>,
    summary: Option<String>,
    codes: Vec<String>,
    place: Option<(u32, String)>,
}

impl Gathered {
    /// Adds a fragment; returns file and line of a row that says again what another said.
    fn add(&mut self, fragment: Fragment) -> Option<(String, u64)> {
        match fragment {
            Fragment::Whole(patent, file, line) => match self.patent {
                Some(_) => return Some((file, line)),
                None => self.patent = Some(patent),
            },
            Fragment::Title { id, year, title, line } => match self.patent {
                Some(_) => return Some(("g_patent".to_owned(), line)),
                None => self.patent = Some(Patent { id, year, title, ..Patent::default() }),
            },
            Fragment::Abstract { text, .. } => self.summary = self.summary.take().or(Some(text)),
            Fragment::Symbol { symbol, .. } => {
                if !self.codes.contains(&symbol) {
                    self.codes.push(symbol);
                }
            }
            Fragment::Place { sequence, location, .. } => {
                if self.place.as_ref().is_none_or(|(first, _)| sequence < *first) {
                    self.place = Some((sequence, location));
                }
            }
        }
        None
    }

    fn patent(self, countries: &HashMap<String, String>) -> Option<Patent> {
        let mut patent = self.patent?;
        if let Some(summary) = self.summary {
            patent.summary = summary;
        }
        patent.codes.extend(self.codes);
        patent.codes.sort();
        if let Some(country) = self.place.and_then(|(_, location)| countries.get(&location).cloned()) {
            patent.country = country;
        }
        patent.country = alpha3(&patent.country);
        Some(patent)
    }
}

/// The alpha-3 code of an alpha-2 code; anything else as it is.
fn alpha3(country: &str) -> String {
    match CountryCode::for_alpha2_caseless(country) {
        Ok(code) => code.alpha3().to_owned(),
        Err(_) => country.to_owned(),
    }
}

/// Countries of PatentsView's places: as many as there are towns with assignees, however long the tables.
fn places(
    folder: &std::path::Path,
    settings: &Settings,
    rejected: &mut Vec<(String, u64, String)>,
) -> Result<HashMap<String, String>, PatentError> {
    let path = patentsview_table(folder, "g_location_disambiguated")?;
    let names = first_row(&path, b'\t')?;
    let column = |name: &str| {
        names.iter().position(|n| n == name).ok_or_else(|| LoadError::MissingColumn {
            path: path.clone(),
            column: name.to_owned(),
            found: names.join(", "),
        })
    };
    let (id, country) = (column("location_id")?, column("disambig_country")?);
    let mut places = HashMap::new();
    let mut reject =
        |line, problem: String| rejected.push(("g_location_disambiguated".to_owned(), line, problem));
    let mut blocks = Blocks::new(blocks::open(&path, 0)?, b'\t', settings.block_bytes.max(1), (0, 1));
    let failed = |source| LoadError::Io { path: path.clone(), source };
    while let Some(block) = blocks.next().map_err(failed)? {
        block.broken.iter().for_each(|(line, problem)| reject(*line, (*problem).to_owned()));
        for piece in &block.pieces {
            piece.records(&block.bytes, b'\t', |line, record| {
                let text = |at: usize| match record.get(at) {
                    Some(cell) if record.len() == names.len() => {
                        std::str::from_utf8(cell).map_err(|_| format!("{} is not UTF-8", names[at]))
                    }
                    _ => Err(format!("it has {} fields, the heading {}", record.len(), names.len())),
                };
                match text(id).and_then(|id| Ok((id, text(country)?))) {
                    _ if line == 1 => {}
                    Ok((id, country)) => {
                        places.insert(id.to_owned(), country.to_owned());
                    }
                    Err(problem) => reject(line, problem),
                }
            });
        }
    }
    Ok(places)
}
