//! What can go wrong in the driver, what to do about it, and the exit code that says so.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The exit codes of every command.
pub(crate) mod code {
    /// A table could not be made, or a claimed match with a published number failed.
    pub(crate) const FAILED: u8 = 1;
    /// The command line or an input file is wrong.
    pub(crate) const BAD_INPUT: u8 = 2;
    /// The surroundings: disk, network, a folder in use.
    pub(crate) const ENVIRONMENT: u8 = 3;
}

/// An error of the driver. Its message says what is wrong; [`Error::remedy`] says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// A file or folder could not be read or written.
    #[error("could not {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    /// Another process writes to the same folder.
    #[error("another run is writing to {}", folder.display())]
    Locked { folder: PathBuf },
    /// The output folder holds something that this command did not write.
    #[error("{} is not empty and was not made by this command", folder.display())]
    NotOurs { folder: PathBuf },
    /// `--only` names a table that does not exist.
    #[error("there is no table `{given}`")]
    UnknownTable { given: String, known: String },
    /// A raw data set that does not exist was named.
    #[error("there is no data set `{given}`")]
    UnknownSet { given: String, known: String },
    /// A help topic that does not exist was named.
    #[error("there is no help topic `{given}`")]
    UnknownTopic { given: String, known: String },
    /// A shipped scenario that does not exist was named.
    #[error("there is no scenario `{given}` to start from")]
    UnknownScenario { given: String, known: String },
    /// A file that would be overwritten.
    #[error("{} is there already", path.display())]
    Exists { path: PathBuf },
    /// A folder without results was given to `compare`.
    #[error("{} holds no results: there is no CSV file in it", folder.display())]
    NothingToCompare { folder: PathBuf },
    /// Two results that were to be equal are not.
    #[error("the results differ")]
    NotEqual,
    /// An economy that does not exist was named.
    #[error("there is no economy `{given}`")]
    NoEconomy { given: String },
    /// Draws that give no intervals.
    #[error("there are no intervals: {problem}")]
    Intervals { problem: String },
    /// A raw data set is needed and is not there.
    #[error("the data set `{set}` is missing: {place}")]
    MissingSet { set: String, place: String },
    /// Raw data are needed, and no folder of them was given.
    #[error("no folder of raw data was given")]
    NoData,
    /// A table of published values that the driver carries does not parse.
    #[error("published values, {file}: {problem}")]
    Published { file: String, problem: String },
    /// A published value was asked for and is not on file.
    #[error("no published value on file for table {table}, item `{item}`")]
    NoPublishedValue { table: String, item: String },
    /// A table whose rows do not fit its columns, or another defect of a report.
    #[error("table {table}: {problem}")]
    Report { table: String, problem: String },
    /// A chart could not be drawn.
    #[error("figure {figure}: {problem}")]
    Figure { figure: String, problem: String },
    /// A library of the project refused or failed.
    #[error("{action}")]
    Library { action: String, bad_input: bool, source: Box<dyn StdError + Send + Sync> },
    /// Another program failed.
    #[error("`{command}` failed: {reason}")]
    Program { command: String, reason: String },
    /// The system refused a thread.
    #[error("no thread could be started")]
    Thread { source: std::io::Error },
    /// Code of a table panicked: a defect of the project.
    #[error("the code of {table} panicked: {message}")]
    Panicked { table: String, message: String },
    /// A download failed.
    #[error("{url}: {problem}")]
    Download { url: String, problem: String },
    /// A downloaded or present file is not the expected one.
    #[error("{}: {what} is {found}, expected {expected}", path.display())]
    WrongHash { path: PathBuf, what: &'static str, found: String, expected: String },
    /// A server answered with a page where a file was asked for.
    #[error("{url}: the server sent a web page instead of the file")]
    Page { url: String },
    /// The catalogue knows no address for a data set.
    #[error(
        "the data set `{set}` cannot be fetched: no address serves it in a layout that the project can convert"
    )]
    NoAddress { set: String, home: String, by_hand: String },
    /// The address of the page is not free.
    #[error("could not listen on {host}:{port}")]
    Listen { host: std::net::Ipv4Addr, port: u16, source: std::io::Error },
    /// Something failed, and there is a way by hand.
    #[error("{error}")]
    ByHand { error: Box<Error>, by_hand: String },
    /// Something was made, but part of it failed; the parts have been reported.
    #[error("{what}")]
    Partly { what: String, remedy: String },
}

impl From<calibration::LoadError> for Error {
    fn from(error: calibration::LoadError) -> Self {
        Self::bad_input("the file could not be read")(error)
    }
}

impl Error {
    /// An [`Error::Io`] for use with `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { action, path, source }
    }

    /// Wraps an error of a library crate, saying what was being done.
    pub(crate) fn library<E>(action: impl Into<String>) -> impl FnOnce(E) -> Error
    where
        E: StdError + Send + Sync + 'static,
    {
        let action = action.into();
        move |source| Error::Library { action, bad_input: false, source: Box::new(source) }
    }

    /// Wraps a library's refusal of what the user gave.
    pub(crate) fn bad_input<E>(action: impl Into<String>) -> impl FnOnce(E) -> Error
    where
        E: StdError + Send + Sync + 'static,
    {
        let action = action.into();
        move |source| Error::Library { action, bad_input: true, source: Box::new(source) }
    }

    /// What the user can do about it, when the message and its causes do not already say so.
    pub(crate) fn remedy(&self) -> Option<String> {
        Some(match self {
            Error::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                "check the permissions, or choose another folder with `--out`".to_owned()
            }
            Error::Io { .. } => "check that the path exists and that the disk has room".to_owned(),
            Error::Program { .. } => "run it by itself to see more".to_owned(),
            Error::Thread { .. } => "make fewer parts at once, with `--jobs 1`".to_owned(),
            Error::Locked { .. } => "wait for it to end, or choose another folder with `--out`".to_owned(),
            Error::NotOurs { .. } => "choose another folder with `--out`, or empty this one".to_owned(),
            Error::UnknownTable { known, .. } => format!("the tables are {known}"),
            Error::UnknownSet { known, .. } => format!("the data sets are {known}"),
            Error::UnknownScenario { known, .. } => format!("they are {known}"),
            Error::Exists { .. } => "name another file, or move this one away".to_owned(),
            Error::UnknownTopic { known, .. } => format!("the topics are {known}"),
            Error::NothingToCompare { .. } => {
                "give two folders that `cargo xtask solve` or `cargo xtask reproduce` has written".to_owned()
            }
            Error::NotEqual => "`--tolerance` says what counts as equal; `--out` writes every difference".to_owned(),
            Error::NoEconomy { .. } => {
                "name `world-2009`, `rare-earth-world-2009`, `element-world-2009`, or a folder with economy.json and arrays.npz".to_owned()
            }
            Error::Intervals { .. } => {
                "ask for more draws with `--draws N`, for none with `--draws 0`, or narrow what is uncertain".to_owned()
            }
            Error::MissingSet { set, .. } => format!(
                "give the folder of raw data with `--data DIR` or LODESTONE_DATA; `cargo xtask data list` \
                 says where to get `{set}`"
            ),
            Error::NoData => {
                "give it with `--data DIR` or LODESTONE_DATA; `cargo xtask data list` says what may be in it".to_owned()
            }
            Error::Download { .. } => {
                "run the same command again: what has arrived is kept and the download resumes".to_owned()
            }
            Error::WrongHash { .. } => "the file is damaged or its publisher has changed it: compare with the official \
                                        page (`cargo xtask data list`); if the change is meant, remove the file's entry \
                                        from fetched.json"
                .to_owned(),
            Error::Page { .. } => {
                "some archives serve files to browsers only: download it there and give it with `--from FILE`".to_owned()
            }
            Error::NoAddress { home, set, by_hand } => {
                format!("see {home}; into the folder `{set}`: {by_hand}")
            }
            Error::ByHand { error, by_hand } => match error.remedy() {
                Some(remedy) => format!("{remedy}; or: {by_hand}"),
                None => by_hand.clone(),
            },
            Error::Listen { .. } => {
                "end what uses the port, or choose another: `--port 0` takes a free one".to_owned()
            }
            Error::Partly { remedy, .. } => remedy.clone(),
            Error::Published { .. }
            | Error::NoPublishedValue { .. }
            | Error::Report { .. }
            | Error::Figure { .. }
            | Error::Panicked { .. } => {
                "this is a defect of the project: please report it with the command you ran".to_owned()
            }
            Error::Library { .. } => return None,
        })
    }

    /// The exit code that this error ends the program with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Error::UnknownTable { .. }
            | Error::UnknownSet { .. }
            | Error::UnknownTopic { .. }
            | Error::UnknownScenario { .. }
            | Error::Exists { .. }
            | Error::NoEconomy { .. }
            | Error::Intervals { .. }
            | Error::NothingToCompare { .. }
            | Error::MissingSet { .. }
            | Error::NoData
            | Error::NotOurs { .. }
            | Error::NoAddress { .. }
            | Error::Library { bad_input: true, .. } => code::BAD_INPUT,
            Error::ByHand { error, .. } => return error.exit_code(),
            Error::Io { .. }
            | Error::Locked { .. }
            | Error::Thread { .. }
            | Error::Listen { .. }
            | Error::Download { .. }
            | Error::Page { .. }
            | Error::WrongHash { .. } => code::ENVIRONMENT,
            _ => code::FAILED,
        })
    }

    /// The message with its causes and the remedy, one per line.
    pub(crate) fn explain(&self) -> String {
        let mut text = format!("error: {self}");
        let mut cause = self.source();
        while let Some(inner) = cause {
            text.push_str(&format!("\n  because: {inner}"));
            cause = inner.source();
        }
        if let Some(remedy) = self.remedy() {
            text.push_str(&format!("\n  what to do: {remedy}"));
        }
        text
    }
}
