//! Downloading a file so that it is whole and right, or not there.
//!
//! What arrives goes to a neighbour with the ending `.part`, which a later attempt continues (HTTP range). Which version of the
//! file it is of, as far as the server says, stands beside it in `.part.version`, and only that version is continued. The file
//! gets its name only when it is complete and is what was expected.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::ProgressBar;
use ureq::http::StatusCode;
use ureq::{Agent, Body, http::Response};

use crate::error::Error;
use crate::hash;

/// How patient a download is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// How long to wait for the next bytes.
    pub(crate) stall: Duration,
    /// How many attempts in a row may fail without bringing anything new.
    pub(crate) attempts: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self { stall: Duration::from_secs(30), attempts: 3 }
    }
}

/// What is known of a file before it arrives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    /// Its SHA-256.
    pub(crate) sha256: Option<String>,
    /// Its SHA-1.
    pub(crate) sha1: Option<String>,
    /// Its size.
    pub(crate) bytes: Option<u64>,
}

impl Expected {
    /// Holds a file against what is known of it, as the file that is to be at `target`; its SHA-256.
    pub(crate) fn check(&self, path: &Path, target: &Path) -> Result<String, Error> {
        let sha256 = hash::of_file(path)?;
        let mut facts = vec![("SHA-256", sha256.clone(), self.sha256.clone())];
        if self.sha1.is_some() {
            facts.push(("SHA-1", hash::sha1_of_file(path)?, self.sha1.clone()));
        }
        facts.push(("size in bytes", length(path).to_string(), self.bytes.map(|bytes| bytes.to_string())));
        for (what, found, expected) in facts {
            if let Some(expected) = expected.filter(|expected| !found.eq_ignore_ascii_case(expected)) {
                return Err(Error::WrongHash { path: target.to_owned(), what, found, expected });
            }
        }
        Ok(sha256)
    }
}

/// Downloads `url` to `target`, which must be what is expected; returns its SHA-256.
pub(crate) fn download(
    url: &str,
    target: &Path,
    expected: &Expected,
    patience: Patience,
    bar: &ProgressBar,
) -> Result<String, Error> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
    let part = part_of(target);
    let agent = agent(patience);

    let mut fruitless = 0;
    loop {
        let before = length(&part);
        match attempt(&agent, url, &part, before, bar) {
            Ok(()) => break,
            Err(Trouble::Final(error)) => return Err(error),
            Err(Trouble::Passing(problem)) => {
                fruitless = if length(&part) > before { 0 } else { fruitless + 1 };
                if fruitless >= patience.attempts {
                    let kept = length(&part);
                    let problem = format!("{problem}; {kept} bytes have arrived and are kept");
                    return Err(Error::Download { url: url.to_owned(), problem });
                }
            }
        }
    }

    remove(&version_of(&part))?;
    match expected.check(&part, target) {
        Ok(sha256) => {
            fs::rename(&part, target).map_err(Error::io("write", target))?;
            Ok(sha256)
        }
        Err(error) => {
            fs::remove_file(&part).map_err(Error::io("remove", &part))?;
            Err(error)
        }
    }
}

/// The text that an address answers with.
pub(crate) fn text(url: &str, patience: Patience) -> Result<String, Error> {
    let failed = |problem: String| Error::Download { url: url.to_owned(), problem };
    let mut response = agent(patience).get(url).call().map_err(|e| failed(e.to_string()))?;
    if is_page(&response) {
        return Err(Error::Page { url: url.to_owned() });
    }
    if !response.status().is_success() {
        return Err(failed(format!("the server answered {}", response.status())));
    }
    response.body_mut().read_to_string().map_err(|e| failed(e.to_string()))
}

fn agent(patience: Patience) -> Agent {
    let config = Agent::config_builder()
        .timeout_connect(Some(patience.stall))
        .timeout_recv_response(Some(patience.stall))
        .timeout_per_read(Some(patience.stall))
        .http_status_as_error(false)
        // A connection that the server has closed meanwhile must not spoil the next attempt.
        .max_idle_connections(0)
        .user_agent(concat!("lodestone/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::new_with_config(config)
}

/// Whether an answer is a page for people: a check for robots, a notice, a login.
fn is_page(response: &Response<Body>) -> bool {
    let kind = response.headers().get("Content-Type").and_then(|kind| kind.to_str().ok());
    response.status().is_success() && kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// Where a download is kept until it is whole.
fn part_of(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    target.with_file_name(name)
}

/// Where the version of what has arrived stands.
fn version_of(part: &Path) -> PathBuf {
    let mut name = part.file_name().unwrap_or_default().to_owned();
    name.push(".version");
    part.with_file_name(name)
}

/// What names the version of an answer's file: its entity tag, unless that is a weak one, or its date.
fn version(response: &Response<Body>) -> Option<String> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    header("ETag").filter(|tag| !tag.starts_with("W/")).or_else(|| header("Last-Modified"))
}

/// Removes a file that need not be there.
fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |about| about.len())
}

/// Why an attempt ended early: for good, or so that another attempt may go on.
enum Trouble {
    Final(Error),
    Passing(String),
}

/// One request: fetches what is still missing and appends it.
fn attempt(agent: &Agent, url: &str, part: &Path, have: u64, bar: &ProgressBar) -> Result<(), Trouble> {
    let mut request = agent.get(url).header("Accept-Encoding", "identity");
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let known = fs::read_to_string(version_of(part)).ok().filter(|_| have > 0);
    if let Some(version) = &known {
        // The range of this version, or else the whole file.
        request = request.header("If-Range", version);
    }
    let mut response = request.call().map_err(|e| Trouble::Passing(e.to_string()))?;
    let refused = |status: StatusCode| {
        Trouble::Final(Error::Download {
            url: url.to_owned(),
            problem: format!("the server answered {status}"),
        })
    };
    if is_page(&response) {
        return Err(Trouble::Final(Error::Page { url: url.to_owned() }));
    }
    let (offset, total) = match response.status() {
        StatusCode::OK => (0, response.body().content_length()),
        StatusCode::PARTIAL_CONTENT if known.is_some() && version(&response) != known => {
            return Err(start_afresh(part, "the file has changed since the download began"));
        }
        StatusCode::PARTIAL_CONTENT => match content_range(&response) {
            Some((start, total)) if start == have => (have, total),
            _ => return Err(start_afresh(part, "the server sent another range than asked for")),
        },
        // What is here is already as long as the file, or longer.
        StatusCode::RANGE_NOT_SATISFIABLE => {
            return match content_range_total(&response) {
                Some(total) if total == have => Ok(()),
                _ => Err(start_afresh(part, "what had arrived does not fit the file")),
            };
        }
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Err(Trouble::Passing(format!("the server answered {status}")));
        }
        status => return Err(refused(status)),
    };

    if let Some(total) = total {
        bar.set_length(total);
    }
    bar.set_position(offset);
    if offset == 0 {
        let path = version_of(part);
        match version(&response) {
            Some(version) => {
                fs::write(&path, version).map_err(|e| Trouble::Final(Error::io("write", &path)(e)))?
            }
            None => remove(&path).map_err(Trouble::Final)?,
        }
    }
    let file = if offset == 0 { File::create(part) } else { OpenOptions::new().append(true).open(part) };
    let mut file = file.map_err(|e| Trouble::Final(Error::io("write", part)(e)))?;
    let mut reader = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut position = offset;
    loop {
        let read = reader.read(&mut buffer).map_err(|e| Trouble::Passing(e.to_string()))?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        file.write_all(bytes).map_err(|e| Trouble::Final(Error::io("write", part)(e)))?;
        position += read as u64;
        bar.set_position(position);
    }
    file.sync_all().map_err(|e| Trouble::Final(Error::io("write", part)(e)))?;
    match total {
        Some(total) if position < total => {
            Err(Trouble::Passing(format!("the connection ended after {position} of {total} bytes")))
        }
        _ => Ok(()),
    }
}

fn start_afresh(part: &Path, why: &str) -> Trouble {
    match remove(part).and_then(|()| remove(&version_of(part))) {
        Ok(()) => Trouble::Passing(why.to_owned()),
        Err(error) => Trouble::Final(error),
    }
}

/// The first byte and the total of `Content-Range: bytes first-last/total`.
fn content_range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let text = response.headers().get("Content-Range")?.to_str().ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let first = range.split_once('-')?.0.trim().parse().ok()?;
    Some((first, total.trim().parse().ok()))
}

/// The total of `Content-Range: bytes */total`.
fn content_range_total(response: &Response<Body>) -> Option<u64> {
    let text = response.headers().get("Content-Range")?.to_str().ok()?;
    text.strip_prefix("bytes */")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What the server does with one request.
    #[derive(Debug, Clone, Copy)]
    enum Act {
        /// Answers as it should, ranges included.
        Serve,
        /// Promises everything and hangs up after so many bytes.
        Truncate(usize),
        /// Promises everything and falls silent after so many bytes.
        Stall(usize),
        /// Ignores the range and sends the whole file.
        IgnoreRange,
        /// Answers with a status and nothing else.
        Status(&'static str),
        /// Sends a page that asks whether a browser is there.
        Page,
        /// Answers with this version of the file, and hangs up after so many bytes.
        Version(&'static str, usize),
        /// The same, but sends the range of whatever version is asked for.
        Careless(&'static str),
    }

    /// A server on the loopback that performs its acts in turn (the last one for ever), and its log of ranges.
    struct Server {
        url: String,
        ranges: Arc<Mutex<Vec<Option<usize>>>>,
    }

    fn serve(content: Vec<u8>, acts: Vec<Act>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&ranges);
        std::thread::spawn(move || {
            for (k, stream) in listener.incoming().enumerate() {
                let act = acts[k.min(acts.len() - 1)];
                let (content, log) = (content.clone(), Arc::clone(&log));
                std::thread::spawn(move || answer(stream.unwrap(), &content, act, &log));
            }
        });
        Server { url, ranges }
    }

    fn answer(mut stream: TcpStream, content: &[u8], act: Act, log: &Mutex<Vec<Option<usize>>>) {
        let (mut from, mut if_range) = (None, None);
        for line in BufReader::new(stream.try_clone().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
                from = Some(range.trim_end_matches('-').parse::<usize>().unwrap());
            }
            if let Some(version) = line.to_ascii_lowercase().strip_prefix("if-range: ") {
                if_range = Some(version.to_owned());
            }
            if line.is_empty() {
                break;
            }
        }
        log.lock().unwrap().push(from);
        let total = content.len();
        let start = match act {
            Act::IgnoreRange => 0,
            Act::Version(version, _) if if_range.is_some_and(|asked| asked != version) => 0,
            _ => from.unwrap_or(0),
        };
        let rest = &content[start.min(total)..];
        let tag = match act {
            Act::Version(version, _) | Act::Careless(version) => format!("ETag: {version}\r\n"),
            _ => String::new(),
        };
        let head = match act {
            Act::Status(status) => {
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            }
            _ if start >= total && start > 0 => {
                format!(
                    "HTTP/1.1 416 No\r\nContent-Range: bytes */{total}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
            }
            _ if start > 0 => format!(
                "HTTP/1.1 206 Part\r\n{tag}Content-Range: bytes {start}-{}/{total}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                total - 1,
                rest.len()
            ),
            Act::Page => format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {total}\r\nConnection: close\r\n\r\n"
            ),
            _ => format!("HTTP/1.1 200 OK\r\n{tag}Content-Length: {total}\r\nConnection: close\r\n\r\n"),
        };
        stream.write_all(head.as_bytes()).unwrap();
        let sent = match act {
            Act::Status(_) => 0,
            Act::Truncate(n) | Act::Stall(n) | Act::Version(_, n) => n.min(rest.len()),
            _ => rest.len(),
        };
        let _ = stream.write_all(&rest[..sent]);
        let _ = stream.flush();
        if let Act::Stall(_) = act {
            std::thread::sleep(Duration::from_secs(20));
        }
    }

    fn content() -> Vec<u8> {
        (0..300_000u32).map(|k| (k.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    fn sha256(content: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, content).unwrap();
        hash::of_file(&path).unwrap()
    }

    fn fetch(server: &Server, folder: &Path, sha256: &str) -> Result<Vec<u8>, Error> {
        let target = folder.join("set/file.csv");
        let patience = Patience { stall: Duration::from_millis(300), attempts: 2 };
        let expected = Expected { sha256: Some(sha256.to_owned()), ..Expected::default() };
        let outcome = download(&server.url, &target, &expected, patience, &ProgressBar::hidden());
        assert_eq!(target.exists(), outcome.is_ok(), "the file has its name when and only when it is whole");
        outcome.map(|found| {
            assert_eq!(found, sha256);
            fs::read(&target).unwrap()
        })
    }

    #[test]
    fn a_whole_file_arrives_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(content(), vec![Act::Serve]);
        assert_eq!(fetch(&server, folder.path(), &sha256(&content())).unwrap(), content());
        assert_eq!(fs::read_dir(folder.path().join("set")).unwrap().count(), 1);
    }

    #[test]
    fn a_truncated_answer_is_resumed_where_it_broke_off() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(content(), vec![Act::Truncate(100_000), Act::Truncate(50_000), Act::Serve]);
        assert_eq!(fetch(&server, folder.path(), &sha256(&content())).unwrap(), content());
        assert_eq!(*server.ranges.lock().unwrap(), [None, Some(100_000), Some(150_000)]);
    }

    #[test]
    fn a_file_that_changes_while_it_is_downloaded_is_downloaded_again() {
        let old: Vec<u8> = content().iter().map(|byte| !byte).collect();
        let whole = usize::MAX;
        for then in [Act::Version("\"two\"", whole), Act::Careless("\"two\"")] {
            let folder = tempfile::tempdir().unwrap();
            // Every attempt of the first run breaks off, so that what has arrived is kept for the second.
            let before =
                serve(old.clone(), vec![Act::Version("\"one\"", 70_000), Act::Version("\"one\"", 0)]);
            fetch(&before, folder.path(), &sha256(&old)).unwrap_err();
            let after = serve(content(), vec![then]);
            // No hash is known: nothing else would tell that two versions were joined.
            let target = folder.path().join("set/file.csv");
            let patience = Patience { stall: Duration::from_millis(300), attempts: 2 };
            download(&after.url, &target, &Expected::default(), patience, &ProgressBar::hidden()).unwrap();
            assert!(fs::read(&target).unwrap() == content(), "{then:?}");
            assert_eq!(fs::read_dir(folder.path().join("set")).unwrap().count(), 1);
        }
        // The same version goes on where it broke off.
        let folder = tempfile::tempdir().unwrap();
        let server = serve(content(), vec![Act::Version("\"one\"", 70_000), Act::Version("\"one\"", whole)]);
        assert_eq!(fetch(&server, folder.path(), &sha256(&content())).unwrap(), content());
        assert_eq!(*server.ranges.lock().unwrap(), [None, Some(70_000)]);
    }

    #[test]
    fn a_stalled_connection_is_dropped_and_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(content(), vec![Act::Stall(70_000), Act::Serve]);
        assert_eq!(fetch(&server, folder.path(), &sha256(&content())).unwrap(), content());
        assert_eq!(*server.ranges.lock().unwrap(), [None, Some(70_000)]);
    }

    #[test]
    fn a_server_that_stays_silent_is_an_error_and_a_later_run_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let silent = serve(content(), vec![Act::Stall(70_000), Act::Stall(0)]);
        let error = fetch(&silent, folder.path(), &sha256(&content())).unwrap_err().explain();
        assert!(error.contains("70000 bytes have arrived and are kept"), "{error}");
        assert!(error.contains("run the same command again"), "{error}");
        let server = serve(content(), vec![Act::Serve]);
        assert_eq!(fetch(&server, folder.path(), &sha256(&content())).unwrap(), content());
        assert_eq!(*server.ranges.lock().unwrap(), [Some(70_000)]);
    }

    #[test]
    fn a_wrong_hash_is_refused_and_nothing_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(content(), vec![Act::Serve]);
        let error = fetch(&server, folder.path(), &sha256(b"another file")).unwrap_err();
        assert!(matches!(error, Error::WrongHash { .. }), "{error:?}");
        assert_eq!(fs::read_dir(folder.path().join("set")).unwrap().count(), 0);
    }

    #[test]
    fn a_page_instead_of_a_file_is_refused_and_nothing_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(content(), vec![Act::Page]);
        let error = fetch(&server, folder.path(), &sha256(&content())).unwrap_err();
        assert!(matches!(error, Error::Page { .. }), "{error:?}");
        assert!(error.explain().contains("--from FILE"), "{}", error.explain());
        assert_eq!(fs::read_dir(folder.path().join("set")).unwrap().count(), 0);
    }

    #[test]
    fn size_and_sha_1_are_held_against_what_arrives() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(b"abc".to_vec(), vec![Act::Serve]);
        let fetch = |expected: &Expected| {
            let target = folder.path().join("file");
            let patience = Patience { stall: Duration::from_millis(300), attempts: 2 };
            download(&server.url, &target, expected, patience, &ProgressBar::hidden())
        };
        let right = "A9993E364706816ABA3E25717850C26C9CD0D89D".to_owned();
        let with =
            |sha1: &str, bytes| Expected { sha1: Some(sha1.to_owned()), bytes: Some(bytes), sha256: None };
        for (expected, what) in [(with("00", 3), "SHA-1"), (with(&right, 4), "size in bytes")] {
            let error = fetch(&expected).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
        assert_eq!(fetch(&with(&right, 3)).unwrap(), sha256(b"abc"));
    }

    #[test]
    fn a_server_without_ranges_sends_everything_again() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(content(), vec![Act::Truncate(100_000), Act::IgnoreRange]);
        assert_eq!(fetch(&server, folder.path(), &sha256(&content())).unwrap(), content());
    }

    #[test]
    fn a_download_that_had_arrived_whole_is_not_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("set")).unwrap();
        fs::write(folder.path().join("set/file.csv.part"), content()).unwrap();
        let server = serve(content(), vec![Act::Serve]);
        assert_eq!(fetch(&server, folder.path(), &sha256(&content())).unwrap(), content());
    }

    #[test]
    fn leftovers_longer_than_the_file_are_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("set")).unwrap();
        fs::write(folder.path().join("set/file.csv.part"), vec![0; 400_000]).unwrap();
        let server = serve(content(), vec![Act::Serve]);
        assert_eq!(fetch(&server, folder.path(), &sha256(&content())).unwrap(), content());
    }

    #[test]
    fn a_refusal_is_final_and_a_server_error_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let missing = serve(content(), vec![Act::Status("404 Not Found")]);
        let error = fetch(&missing, folder.path(), &sha256(&content())).unwrap_err();
        assert!(error.to_string().contains("404"), "{error}");
        assert_eq!(missing.ranges.lock().unwrap().len(), 1);
        let busy = serve(content(), vec![Act::Status("503 Busy"), Act::Serve]);
        assert_eq!(fetch(&busy, folder.path(), &sha256(&content())).unwrap(), content());
    }

    #[test]
    fn no_server_at_all_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server { url: "http://127.0.0.1:9/file".to_owned(), ranges: Default::default() };
        let error = fetch(&server, folder.path(), &sha256(&content())).unwrap_err();
        assert!(matches!(error, Error::Download { .. }), "{error:?}");
    }
}
