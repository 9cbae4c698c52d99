//! `reproduce`: makes every table and figure that the inputs at hand allow, and only what is not there already.

mod cache;
mod make;
mod queue;
mod summary;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use crate::console;
use crate::error::Error;
use crate::output::OutputFolder;
use crate::parts::{self, Part};
use crate::report::checks::{self, Published};
use crate::report::manifest::{self, Manifest, Outcome, PartRecord, Surroundings};
use crate::report::{document, html, readme};
use crate::workspace::{self, DataArgument, RawData};

pub(crate) use make::make_one;
use summary::How;

/// Make the tables and figures
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Make only these (comma-separated, for example `A1,D2`)
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    data: DataArgument,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Parts made at once; each uses all processors where its work can be shared out, and leaves them to others where not
    #[arg(long, value_name = "N", default_value = "2")]
    jobs: NonZeroUsize,
    /// Make everything again, also what is there and up to date
    #[arg(long)]
    force: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    let start = Instant::now();
    let parts = parts::choose(&arguments.only)?;
    let published = Published::load()?;
    let raw = arguments.data.raw();
    let out = OutputFolder::open(&arguments.out.unwrap_or_else(workspace::default_out))?;
    let mut manifest = Manifest::read(out.path()).unwrap_or_else(|problem| {
        console::notice(format!("{}: {problem}; everything is made again", manifest::FILE));
        Manifest::default()
    });
    cache::drop_unknown(&mut manifest, out.path())?;
    let run = Run { raw: &raw, published: &published, out: &out, jobs: arguments.jobs.get() };
    let how = run.make(&parts, &mut manifest, arguments.force)?;
    finish(&out, &manifest)?;

    for name in cache::unexplained(&manifest, out.path())? {
        console::notice(format!("{name}: no part has made it as it is; it is left alone"));
    }
    summary::totals(&how, &manifest, start.elapsed().as_secs_f64());
    let checks = manifest.checks();
    let held = if checks.is_empty() {
        "no published number is held against these".to_owned()
    } else {
        checks::tally(&checks)
    };
    console::result(format!("{held}; see {}", out.path().display()));
    verdict(&parts, &manifest)
}

/// Writes what is made from all parts together.
fn finish(out: &OutputFolder, manifest: &Manifest) -> Result<(), Error> {
    let all = parts::all();
    out.write("verification.csv", &checks::render(&manifest.checks())?)?;
    document::write(out, manifest, &all)?;
    out.write(readme::FILE, &readme::render(manifest, &all)?)?;
    out.write(html::FILE, &html::render(out.path(), manifest, &all))
}

/// What a run works with.
struct Run<'a> {
    raw: &'a RawData,
    published: &'a Published,
    out: &'a OutputFolder,
    jobs: usize,
}

impl Run<'_> {
    /// Makes the parts that are not up to date; after each the manifest is written, so that a run that is interrupted goes on
    /// where it was. What became of each part, in the order of `parts`.
    fn make(
        &self,
        parts: &[Part],
        manifest: &mut Manifest,
        force: bool,
    ) -> Result<BTreeMap<usize, How>, Error> {
        let mut keys = cache::Keys::new(self.raw)?;
        manifest.run = Surroundings::here(keys.program(), self.jobs);
        let mut how = BTreeMap::new();
        let mut tasks = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let key = keys.of(part)?;
            if !force && cache::is_up_to_date(manifest.parts.get(part.id), &key, self.out.path()) {
                how.insert(index, How::Cached);
            } else {
                tasks.push((index, part, key));
            }
        }

        let bar = console::bar(tasks.len());
        let mut lines = summary::Lines::new(parts);
        bar.suspend(|| lines.tell(&how, manifest));
        let shared = self.jobs > 1;
        let (commit, program) = (manifest.run.commit.clone(), keys.program().to_owned());
        manifest::reset_peak_memory();
        let work = |(_, part, key): &(usize, &Part, cache::Key)| {
            if !shared {
                manifest::reset_peak_memory();
            }
            bar.set_message(format!("{} {}", part.id, part.title));
            let record = make_one(part, self.raw, self.published, Some(self.out))?;
            Ok(PartRecord {
                key: Some(key.hash.clone()),
                inputs: key.inputs.clone(),
                commit: commit.clone(),
                program: program.clone(),
                peak_memory_shared: shared,
                ..record
            })
        };
        let done = queue::run(&tasks, self.jobs, work, |(index, part, _), record| {
            how.insert(*index, How::of(&record.outcome));
            cache::replace(manifest, part.id, record, self.out.path())?;
            self.out.write(manifest::FILE, &manifest.render()?)?;
            bar.suspend(|| lines.tell(&how, manifest));
            bar.inc(1);
            Ok(())
        });
        bar.finish_and_clear();
        done?;
        self.out.write(manifest::FILE, &manifest.render()?)?;
        Ok(how)
    }
}

/// An error when a part of this run failed, or a claimed match of the folder does not hold.
fn verdict(parts: &[Part], manifest: &Manifest) -> Result<(), Error> {
    let outcome = |part: &Part| manifest.parts.get(part.id).map(|record| &record.outcome);
    let failed: Vec<&str> = parts
        .iter()
        .filter(|part| matches!(outcome(part), Some(Outcome::Failed(_))))
        .map(|part| part.id)
        .collect();
    let broken = manifest.checks().iter().filter(|check| check.is_broken_claim()).count();
    if failed.is_empty() && broken == 0 {
        return Ok(());
    }
    let mut what = Vec::new();
    if !failed.is_empty() {
        what.push(format!("could not make {}", failed.join(", ")));
    }
    if broken > 0 {
        what.push(format!("{broken} claimed matches with published numbers failed"));
    }
    Err(Error::Partly {
        what: what.join("; "),
        remedy: "the reasons stand above and in manifest.json; everything else was made".to_owned(),
    })
}
