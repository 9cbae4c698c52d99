//! Where things are: the workspace, the raw data, the default output folder.

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_root.parent().unwrap_or(crate_root)
}

/// Where `reproduce` writes when it is not told.
pub(crate) fn default_out() -> PathBuf {
    root().join("out")
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
