//! `data fetch`: published files, and from them the files that the loaders read.

use std::path::{Path, PathBuf};

use calibration::official;

use crate::console;
use crate::data::download::{self, Expected, Patience, download};
use crate::data::inspect::inspect;
use crate::data::record::{Origin, Record};
use crate::data::sets::{self, Dataverse, OfficialFile, RawSet};
use crate::error::Error;
use crate::hash;
use crate::output::OutputFolder;
use crate::workspace::DataArgument;

/// Folder of published files in the folder of a set.
const OFFICIAL: &str = "official";

/// Download a raw data set from its publisher and lay it out for the loaders
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The set
    set: String,
    #[command(flatten)]
    data: DataArgument,
    /// Take the publisher's files from here instead of downloading them
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["file", "url"])]
    from: Vec<PathBuf>,
    /// A single file of the set, as the loaders read it, to download from --url
    #[arg(long, requires = "url")]
    file: Option<String>,
    /// An address that serves this file
    #[arg(long, requires = "file")]
    url: Option<String>,
    /// The SHA-256 that the file at --url must have; by default the catalogue's
    #[arg(long, value_name = "HEX", requires = "url")]
    sha256: Option<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let set = sets::find(&arguments.set)?;
    let raw = arguments.data.raw();
    let Some(root) = raw.folder() else {
        return Err(Error::MissingSet { set: set.name.clone(), place: raw.place() });
    };
    let single = arguments.file.as_ref().zip(arguments.url.as_ref());
    if single.is_none() && set.official.is_empty() {
        return Err(no_address(&set));
    }
    let folder = OutputFolder::open(&root.join(&set.name))?;
    if let Some((file, url)) = single {
        return fetch_single(&set, &folder, file, url, arguments.sha256.clone());
    }
    let mut record = Record::load(folder.path())?;
    let (published, trouble) = if arguments.from.is_empty() {
        fetch_each(&set, folder.path(), &mut record, Patience::default())
    } else {
        (given(&arguments.from, &mut record)?, None)
    };
    if !published.is_empty() {
        convert(&set, &published, &folder, &mut record)?;
        for line in inspect(&set.name, folder.path())?.into_iter().chain(absent(&set, folder.path())) {
            console::result(format!("    {line}"));
        }
    }
    match trouble {
        Some(error) => Err(Error::ByHand { error: Box::new(error), by_hand: set.by_hand }),
        None => Ok(()),
    }
}

/// Downloads every published file of the set: those that are here, and the first error. What is published apart does not wait for
/// one another.
fn fetch_each(
    set: &RawSet,
    folder: &Path,
    record: &mut Record,
    patience: Patience,
) -> (Vec<PathBuf>, Option<Error>) {
    let mut published = Vec::new();
    let mut trouble = None;
    for official in &set.official {
        match fetch_official(set, official, folder, record, patience) {
            Ok(path) => published.push(path),
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    (published, trouble)
}

/// What a set of files that are published apart still lacks, in lines.
fn absent(set: &RawSet, folder: &Path) -> Vec<String> {
    let made =
        set.official.iter().flat_map(|official| official.makes.iter().map(move |name| (name, official)));
    made.filter(|(name, _)| !folder.join(name).is_file())
        .map(|(name, official)| format!("{name} is not there yet: it is made of {}", official.file))
        .collect()
}

fn no_address(set: &RawSet) -> Error {
    Error::NoAddress { set: set.name.clone(), home: set.home.clone(), by_hand: set.by_hand.clone() }
}

/// Downloads one file as the loaders read it.
fn fetch_single(
    set: &RawSet,
    folder: &OutputFolder,
    file: &str,
    url: &str,
    sha256: Option<String>,
) -> Result<(), Error> {
    let known = set.files.iter().find(|known| known.name == file).map(|known| known.sha256.clone());
    let sha256 = sha256.or(known).ok_or_else(|| no_address(set))?;
    let target = folder.path().join(file);
    if target.is_file() && hash::of_file(&target)?.eq_ignore_ascii_case(&sha256) {
        console::result(format!("{}/{file}: already there", set.name));
        return Ok(());
    }
    let expected = Expected { sha256: Some(sha256), ..Expected::default() };
    fetch_to(url, &target, &expected, Patience::default())?;
    console::result(format!("{}/{file}: downloaded", set.name));
    Ok(())
}

fn fetch_to(url: &str, target: &Path, expected: &Expected, patience: Patience) -> Result<String, Error> {
    let bar = console::bytes_bar(expected.bytes);
    bar.set_message(target.file_name().unwrap_or_default().to_string_lossy().into_owned());
    let outcome = download(url, target, expected, patience, &bar);
    bar.finish_and_clear();
    outcome
}

/// Downloads a published file unless it is there, and writes its hash down when it is seen first.
fn fetch_official(
    set: &RawSet,
    official: &OfficialFile,
    folder: &Path,
    record: &mut Record,
    patience: Patience,
) -> Result<PathBuf, Error> {
    let target = folder.join(OFFICIAL).join(&official.file);
    let mut expected = Expected {
        sha256: record.official.get(&official.file).map(|origin| origin.sha256.clone()),
        sha1: official.sha1.clone(),
        bytes: official.bytes,
    };
    if target.is_file() && expected.sha256.is_some() {
        expected.check(&target, &target)?;
        console::result(format!("{}: {} is already there", set.name, official.file));
        return Ok(target);
    }
    let url = match (&official.url, &official.dataverse) {
        (Some(url), _) => url.clone(),
        (None, Some(archive)) => {
            let (url, recorded) = find_in_dataverse(archive, &official.file, patience)?;
            expected.sha1 = expected.sha1.or(recorded.sha1);
            expected.bytes = expected.bytes.or(recorded.bytes);
            url
        }
        (None, None) => return Err(no_address(set)),
    };
    let first = expected.sha256.is_none();
    let sha256 = fetch_to(&url, &target, &expected, patience)?;
    let checked = match (first, expected.sha1.is_some()) {
        (true, true) => "the publisher's SHA-1 checked, SHA-256 written down",
        (true, false) => "no published hash to check; SHA-256 written down on this first use",
        (false, _) => "SHA-256 as on first use",
    };
    console::result(format!("{}: {} downloaded ({checked}: {sha256})", set.name, official.file));
    record.official.insert(official.file.clone(), Origin { from: url, sha256 });
    record.save(folder)?;
    Ok(target)
}

/// Address, size and SHA-1 of a file, as the record of a Dataverse archive gives them (its native API, `datasets`).
fn find_in_dataverse(
    archive: &Dataverse,
    file: &str,
    patience: Patience,
) -> Result<(String, Expected), Error> {
    let Dataverse { host, doi } = archive;
    let url = format!("{host}/api/datasets/:persistentId/?persistentId=doi:{doi}");
    let wrong = |problem: String| Error::Download { url: url.clone(), problem };
    let text = download::text(&url, patience)?;
    let answer: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| wrong(format!("the answer is no record: {error}")))?;
    let files = answer["data"]["latestVersion"]["files"].as_array();
    let files = files.ok_or_else(|| wrong("the answer is no record: it lists no files".to_owned()))?;
    let named = |entry: &&serde_json::Value| {
        entry["dataFile"]["filename"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(file))
    };
    let entry = files.iter().find(named).map(|entry| &entry["dataFile"]);
    let entry = entry.ok_or_else(|| wrong(format!("the record doi:{doi} has no file {file}")))?;
    let id = entry["id"].as_u64().ok_or_else(|| wrong(format!("the record gives no number for {file}")))?;
    let checksum = &entry["checksum"];
    let sha1 = checksum["value"].as_str().filter(|_| checksum["type"] == "SHA-1").map(str::to_owned);
    let expected = Expected { sha256: None, sha1, bytes: entry["filesize"].as_u64() };
    Ok((format!("{host}/api/access/datafile/{id}"), expected))
}

/// Files that the user has downloaded: they are where they are; their hashes are written down.
fn given(files: &[PathBuf], record: &mut Record) -> Result<Vec<PathBuf>, Error> {
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let from = "given with --from".to_owned();
        record.official.insert(name, Origin { from, sha256: hash::of_file(file)? });
    }
    Ok(files.to_vec())
}

/// Turns published files into those of the set, and writes down what was made. The files come into place one by one, each
/// whole.
fn convert(
    set: &RawSet,
    published: &[PathBuf],
    folder: &OutputFolder,
    record: &mut Record,
) -> Result<(), Error> {
    let bar = console::bar(set.files.len());
    let made = &mut record.made;
    official::convert(&set.name, published, &mut |name, content| {
        bar.set_message(name.to_owned());
        folder.write(name, content)?;
        made.insert(name.to_owned(), hash::of_bytes(content));
        bar.inc(1);
        Ok::<(), Error>(())
    })?;
    bar.finish_and_clear();
    console::result(format!("{}: {} files made for the loaders", set.name, record.made.len()));
    record.save(folder.path())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    /// A server on the loopback that answers each path with a kind of content and a content.
    fn serve(answers: HashMap<&'static str, (&'static str, Vec<u8>)>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let request = lines.next().unwrap().unwrap();
                for line in lines {
                    if line.unwrap().is_empty() {
                        break;
                    }
                }
                let path = request.split(' ').nth(1).unwrap_or_default();
                let (status, (kind, body)) = match answers.get(path) {
                    Some(answer) => ("200 OK", answer.clone()),
                    None => ("404 Not Found", ("text/plain", Vec::new())),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(&body);
            }
        });
        host
    }

    const RECORD: &str = "/api/datasets/:persistentId/?persistentId=doi:10.1/ABC";
    const FILE: &str = "/api/access/datafile/17";

    /// A record as a Dataverse archive gives it, of one file whose content is `abc`.
    fn record_of_abc() -> Vec<u8> {
        br#"{"status": "OK", "data": {"latestVersion": {"files": [
            {"label": "readme.txt", "dataFile": {"id": 16, "filename": "readme.txt", "filesize": 1}},
            {"label": "T.zip", "dataFile": {"id": 17, "filename": "T.zip", "filesize": 3,
              "checksum": {"type": "SHA-1", "value": "a9993e364706816aba3e25717850c26c9cd0d89d"}}}]}}}"#
            .to_vec()
    }

    fn fetch(host: &str, file: &str, folder: &Path) -> Result<PathBuf, Error> {
        let official = OfficialFile {
            file: file.to_owned(),
            url: None,
            dataverse: Some(Dataverse { host: host.to_owned(), doi: "10.1/ABC".to_owned() }),
            bytes: None,
            sha1: None,
            makes: Vec::new(),
        };
        let set = sets::find("wiod2013").unwrap();
        let patience = Patience { stall: Duration::from_millis(500), attempts: 2 };
        let mut record = Record::load(folder)?;
        fetch_official(&set, &official, folder, &mut record, patience)
    }

    #[test]
    fn a_record_gives_address_size_and_checksum_and_the_first_hash_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let json = ("application/json", record_of_abc());
        let good =
            serve(HashMap::from([(RECORD, json.clone()), (FILE, ("application/zip", b"abc".to_vec()))]));
        let path = fetch(&good, "T.zip", folder.path()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
        let origin = &Record::load(folder.path()).unwrap().official["T.zip"];
        assert_eq!(origin.from, format!("{good}{FILE}"));
        assert_eq!(origin.sha256, hash::of_bytes(b"abc"));
        // a second time nothing is asked for: a server that knows nothing is enough
        let nothing = serve(HashMap::new());
        assert_eq!(fetch(&nothing, "T.zip", folder.path()).unwrap(), path);
        // what is here must still be what was written down
        std::fs::write(&path, b"abd").unwrap();
        let error = fetch(&nothing, "T.zip", folder.path()).unwrap_err();
        assert!(matches!(error, Error::WrongHash { .. }), "{error:?}");
        assert!(error.explain().contains("fetched.json"), "{}", error.explain());
    }

    #[test]
    fn another_content_than_the_first_is_refused_even_where_the_record_agrees() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::default();
        let origin = Origin { from: "elsewhere".to_owned(), sha256: hash::of_bytes(b"first") };
        record.official.insert("T.zip".to_owned(), origin);
        record.save(folder.path()).unwrap();
        let json = ("application/json", record_of_abc());
        let host = serve(HashMap::from([(RECORD, json), (FILE, ("application/zip", b"abc".to_vec()))]));
        let error = fetch(&host, "T.zip", folder.path()).unwrap_err();
        assert!(matches!(error, Error::WrongHash { what: "SHA-256", .. }), "{error:?}");
        assert!(!folder.path().join("official/T.zip").exists());
    }

    #[test]
    fn wrong_bytes_a_page_and_a_record_without_the_file_are_errors() {
        let zip = |content: &[u8]| ("application/zip", content.to_vec());
        let json = ("application/json", record_of_abc());
        let page = ("text/html", b"<html>Are you a robot?</html>".to_vec());
        let cases = [
            (HashMap::from([(RECORD, json.clone()), (FILE, zip(b"abX"))]), "T.zip", "SHA-1"),
            (HashMap::from([(RECORD, json.clone()), (FILE, page.clone())]), "T.zip", "a web page instead"),
            (HashMap::from([(RECORD, page)]), "T.zip", "a web page instead"),
            (HashMap::from([(RECORD, json)]), "U.zip", "has no file U.zip"),
            (HashMap::from([(RECORD, ("application/json", b"{}".to_vec()))]), "T.zip", "lists no files"),
            (HashMap::new(), "T.zip", "404"),
        ];
        for (answers, file, message) in cases {
            let folder = tempfile::tempdir().unwrap();
            let error = fetch(&serve(answers), file, folder.path()).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
            assert!(!folder.path().join("official").join(file).exists());
            assert!(Record::load(folder.path()).unwrap().official.is_empty());
        }
    }

    /// The set `gravity` as a server on the loopback serves it.
    fn gravity(host: &str) -> RawSet {
        let mut set = sets::find("gravity").unwrap();
        for official in &mut set.official {
            official.url = Some(format!("{host}/{}", official.file));
        }
        set
    }

    const SAMPLE: &[u8] = include_bytes!("../../../calibration/tests/gravity/Log of Gravity.dta");
    const FRAME: &[u8] = include_bytes!("../../../calibration/tests/gravity/xz.rda");

    #[test]
    fn files_that_are_published_apart_do_not_wait_for_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let patience = Patience { stall: Duration::from_millis(500), attempts: 2 };
        let frame = ("/agtpa_applications.rda", ("application/octet-stream", FRAME.to_vec()));
        let set = gravity(&serve(HashMap::from([frame.clone()])));
        let mut record = Record::default();
        let (published, trouble) = fetch_each(&set, folder.path(), &mut record, patience);
        assert_eq!(published, [folder.path().join("official/agtpa_applications.rda")]);
        assert!(trouble.unwrap().to_string().contains("404"));
        let output = OutputFolder::open(folder.path()).unwrap();
        convert(&set, &published, &output, &mut record).unwrap();
        let lacking = ["log_of_gravity.csv.gz is not there yet: it is made of regressors.zip"];
        assert_eq!(absent(&set, folder.path()), lacking);

        // Later, the other is there, too.
        let archive = ("/regressors.zip", ("application/zip", archived("Log of Gravity.dta", SAMPLE)));
        let set = gravity(&serve(HashMap::from([frame, archive])));
        let (published, trouble) = fetch_each(&set, folder.path(), &mut record, patience);
        assert!(published.len() == 2 && trouble.is_none(), "{trouble:?}");
        convert(&set, &published, &output, &mut record).unwrap();
        assert!(absent(&set, folder.path()).is_empty());
        let made: Vec<&str> = record.made.keys().map(String::as_str).collect();
        assert_eq!(made, ["agtpa_applications.csv.gz", "log_of_gravity.csv.gz"]);
        assert_eq!(
            inspect("gravity", folder.path()).unwrap(),
            ["agtpa_applications.csv.gz: 3 rows, 10 columns", "log_of_gravity.csv.gz: 3 rows, 17 columns"]
        );
    }

    /// An archive of one file, as it is.
    fn archived(name: &str, content: &[u8]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
        zip.finish().unwrap().into_inner()
    }
}
