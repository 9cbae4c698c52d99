//! From the files that statistical offices and archives publish to the files that the loaders read.
//!
//! The loaders of this crate read small, plain files ([`crate::wiod`], [`crate::sea`], [`crate::bea`]); their publishers offer
//! workbooks, archives of workbooks and files of other programs. [`convert`] turns the one into the other, values unchanged.
//!
//! | set | published | content | becomes |
//! |---|---|---|---|
//! | `wiod2013` | `WIOTS_in_EXCEL.zip`, or single `wiotYY_row_*.xlsx` | the first sheet: codes in rows 3-6 and columns A-D, numbers from E7, the last column is output | `wiod2013_YEAR.npz` and the code lists |
//! | `wiod_sea2013` | `Socio_Economic_Accounts_July14.xlsx` | `DATA`: `Country`, `Variable`, `Description`, `Code`, `_1995` to `_2011`, `NA` where missing | `wiod_sea_2013.csv.gz` |
//! | `bea_io` | an archive with `IOUse_Before_Redefinitions_PRO_*Detail.xlsx` and `IOMake_Before_Redefinitions_*Detail.xlsx`, or these | one sheet per year, named by it: names in the row above the codes, codes in column A, numbers from C, blank for zero | `Detail_Use_*`, `Detail_Make_*`, `Detail_IndustryCodeName_*` |
//! | `us_klems` | `EV_production_accounts_1947to2023.xlsx` | `Data_63Ind_1963to2023`: a row of names, a row for each industry and year; `Info`: industries | `production_accounts_63_1963_2023.csv`, `industries_63.csv` |
//! | `gravity` | `regressors.zip`, or the `Log of Gravity.dta` in it; `agtpa_applications.rda`; both or one of them | a data file of Stata 6 to 12; an R data frame `agtpa_applications` | `log_of_gravity.csv.gz`; `agtpa_applications.csv.gz` |
//! | `gmm` | `hall.gdt` | a data file of gretl, compressed XML | `hall.csv` |
//!
//! Rows and columns are found by their codes, not by their position.

mod bea;
mod gravity;
mod gretl;
mod klems;
mod sea;
mod wiot;

use crate::source::{LoadError, Workbook};
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use zip::ZipArchive;
use zip::result::ZipError;

/// The sets whose published files [`convert`] reads.
pub const SETS: [&str; 6] = ["wiod2013", "wiod_sea2013", "bea_io", "us_klems", "gravity", "gmm"];

/// No published file comes near this size.
const MAX_BYTES: u64 = 1 << 29;

/// How the name of a workbook ends.
const WORKBOOK: &str = ".xlsx";

/// Takes a file that resulted, by name and content.
pub type Write<'a, E> = dyn FnMut(&str, &[u8]) -> Result<(), E> + 'a;

/// Converts published files (archives or what is in them) of the set, handing each file that results to `write`, by name and
/// content, in a fixed order. Nothing is promised about what was written when an error ends it.
///
/// # Errors
/// [`LoadError`] naming file, row and column, or that the set is not one of [`SETS`]; and whatever `write` returns.
pub fn convert<E: From<LoadError>>(set: &str, files: &[PathBuf], write: &mut Write<'_, E>) -> Result<(), E> {
    match set {
        "wiod2013" => wiot::convert(files, write),
        "wiod_sea2013" => sea::convert(files, write),
        "bea_io" => bea::convert(files, write),
        "us_klems" => klems::convert(files, write),
        "gravity" => gravity::convert(files, write),
        "gmm" => gretl::convert(files, write),
        other => {
            let path = files.first().cloned().unwrap_or_default();
            let message = format!("published files of `{other}` are not converted; only those of {SETS:?}");
            Err(LoadError::Inconsistent { path, message }.into())
        }
    }
}

/// A file as it is published, by itself or in an archive.
struct Published {
    /// Its file, or `archive.zip/name`, for messages.
    path: PathBuf,
    /// The last part of its name, in lower case.
    name: String,
    content: Content,
}

enum Content {
    File,
    Archived { archive: PathBuf, index: usize },
}

trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

impl Published {
    /// The files whose names end in `ending`, archives looked into, by name. A file that is no archive counts whatever its name.
    fn find(files: &[PathBuf], ending: &str) -> Result<Vec<Self>, LoadError> {
        let mut found = Vec::new();
        for file in files {
            if has_extension(file, "zip") {
                let archive = open_archive(file)?;
                for index in 0..archive.len() {
                    let Some(inner) = archive.name_for_index(index) else { continue };
                    let name = inner.rsplit(['/', '\\']).next().unwrap_or(inner).to_lowercase();
                    // what Excel and the Mac leave beside a file is none
                    if name.ends_with(ending) && !name.starts_with("~$") && !name.starts_with("._") {
                        let content = Content::Archived { archive: file.clone(), index };
                        found.push(Self { path: file.join(inner), name, content });
                    }
                }
            } else {
                let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
                found.push(Self { path: file.clone(), name, content: Content::File });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The file as a workbook.
    fn open(&self) -> Result<Workbook<Box<dyn ReadSeek>>, LoadError> {
        let reader: Box<dyn ReadSeek> = match &self.content {
            Content::File => {
                Box::new(BufReader::new(File::open(&self.path).map_err(LoadError::io(&self.path))?))
            }
            Content::Archived { .. } => Box::new(Cursor::new(self.bytes()?)),
        };
        Workbook::from_reader(&self.path, reader)
    }

    /// The file's bytes.
    fn bytes(&self) -> Result<Vec<u8>, LoadError> {
        let mut bytes = Vec::new();
        match &self.content {
            Content::File => {
                let file = File::open(&self.path).map_err(LoadError::io(&self.path))?;
                file.take(MAX_BYTES).read_to_end(&mut bytes)
            }
            Content::Archived { archive, index } => {
                let mut zip = open_archive(archive)?;
                let entry = zip.by_index(*index).map_err(not_an_archive(archive))?;
                entry.take(MAX_BYTES).read_to_end(&mut bytes)
            }
        }
        .map_err(LoadError::io(&self.path))?;
        Ok(bytes)
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension))
}

fn open_archive(path: &Path) -> Result<ZipArchive<BufReader<File>>, LoadError> {
    let file = File::open(path).map_err(LoadError::io(path))?;
    ZipArchive::new(BufReader::new(file)).map_err(not_an_archive(path))
}

fn not_an_archive(path: &Path) -> impl FnOnce(ZipError) -> LoadError + '_ {
    |error| LoadError::Format { path: path.to_owned(), kind: "archive", message: error.to_string() }
}

/// What was looked for in `files` and is not there.
fn not_found(files: &[PathBuf], what: &str) -> LoadError {
    LoadError::Missing { path: files.first().cloned().unwrap_or_default(), key: what.to_owned() }
}

/// CSV text, compressed without a time stamp, so that the same numbers are the same bytes.
fn gzip(path: &Path, text: &[u8]) -> Result<Vec<u8>, LoadError> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).map_err(LoadError::io(path))?;
    encoder.finish().map_err(LoadError::io(path))
}

/// Writes records as CSV.
fn csv_text(path: &Path, records: impl IntoIterator<Item = Vec<String>>) -> Result<Vec<u8>, LoadError> {
    let wrap = |source| LoadError::Csv { path: path.to_owned(), source };
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.write_record(&record).map_err(wrap)?;
    }
    writer.into_inner().map_err(|error| LoadError::Io { path: path.to_owned(), source: error.into_error() })
}
