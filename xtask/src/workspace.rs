//! Where things are: the workspace, the raw data, the default output folder.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_root.parent().unwrap_or(crate_root)
}

/// Where `reproduce` writes when it is not told.
pub(crate) fn default_out() -> PathBuf {
    root().join("out")
}

/// Where the shipped data are; `data` at the root of the workspace is a link to it.
pub(crate) fn shipped_data() -> PathBuf {
    root().join("calibration").join("data")
}

/// All files below a folder, sorted; none when the folder is not there.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
        for entry in std::fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// A folder of raw data sets, or none.
#[derive(Debug, Clone)]
pub(crate) struct RawData(Option<PathBuf>);

impl RawData {
    /// The folder that the user gave, if any.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// The folder of a set, if it is there.
    pub(crate) fn set(&self, name: &str) -> Option<PathBuf> {
        self.0.as_ref().map(|folder| folder.join(name)).filter(|folder| folder.is_dir())
    }

    /// Where a set was looked for, in words.
    pub(crate) fn place(&self) -> String {
        self.0.as_ref().map_or_else(
            || "no folder of raw data was given".to_owned(),
            |folder| format!("not in {}", folder.display()),
        )
    }
}

/// `--data`, shared by the commands that read raw data.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DataArgument {
    /// Folder of raw data sets (see `cargo xtask data list`)
    #[arg(long = "data", value_name = "DIR", env = "LODESTONE_DATA")]
    folder: Option<PathBuf>,
}

impl DataArgument {
    /// The raw data.
    pub(crate) fn raw(&self) -> RawData {
        RawData::new(self.folder.clone())
    }
}
