//! What a run says of itself: a line per part as soon as those before it are done, and totals at the end.

use std::collections::BTreeMap;

use crate::console;
use crate::parts::Part;
use crate::report::manifest::{Manifest, Outcome, PartRecord};
use crate::report::table::Kind;

/// What became of a part in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It was made.
    Made,
    /// It was there and up to date.
    Cached,
    /// An input is not there.
    Skipped,
    /// It could not be made.
    Failed,
}

impl How {
    /// That of a part that was not found up to date.
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Made => Self::Made,
            Outcome::Skipped(_) => Self::Skipped,
            Outcome::Failed(_) => Self::Failed,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Cached => "cached",
            Self::Skipped => "skipped",
            Self::Failed => "FAILED",
        }
    }
}

/// The lines of the parts, told in the order of the parts whatever the order in which they are done.
pub(super) struct Lines<'a> {
    parts: &'a [Part],
    told: usize,
}

impl<'a> Lines<'a> {
    /// Nothing has been told yet.
    pub(super) fn new(parts: &'a [Part]) -> Self {
        Self { parts, told: 0 }
    }

    /// Tells of the next parts that are done.
    pub(super) fn tell(&mut self, how: &BTreeMap<usize, How>, manifest: &Manifest) {
        while let Some((part, how)) = self.parts.get(self.told).zip(how.get(&self.told)) {
            if let Some(record) = manifest.parts.get(part.id) {
                console::result(line(part, *how, record));
            }
            self.told += 1;
        }
    }
}

fn line(part: &Part, how: How, record: &PartRecord) -> String {
    let start = format!("{:<4} {:<8} {}", part.id, how.word(), part.title);
    match &record.outcome {
        Outcome::Made => {
            let kinds: Vec<&str> = record.tables.iter().map(|table| table.kind.word()).collect();
            let kind = kinds.first().copied().unwrap_or("figures");
            let (tables, figures) = (record.tables.len(), record.figures.len());
            format!("{start} ({kind}; tables: {tables}, figures: {figures}; {:.1} s)", record.seconds)
        }
        Outcome::Skipped(reason) | Outcome::Failed(reason) => format!("{start}: {reason}"),
    }
}

/// How many parts were made, taken from the cache, skipped and failed; how many tables of each kind they hold.
pub(super) fn totals(how: &BTreeMap<usize, How>, manifest: &Manifest, seconds: f64) {
    let parts = |wanted: How| how.values().filter(|how| **how == wanted).count();
    console::result(format!(
        "{} parts in {seconds:.1} s: {} made, {} cached, {} skipped, {} failed",
        how.len(),
        parts(How::Made),
        parts(How::Cached),
        parts(How::Skipped),
        parts(How::Failed)
    ));
    let tables = |wanted: Kind| {
        manifest.parts.values().flat_map(|record| &record.tables).filter(|table| table.kind == wanted).count()
    };
    console::result(format!(
        "tables in the folder: {} replicated, {} re-estimated, {} simulated; figures: {}",
        tables(Kind::Replicated),
        tables(Kind::ReEstimated),
        tables(Kind::Simulated),
        manifest.parts.values().map(|record| record.figures.len()).sum::<usize>()
    ));
}
