//! NumPy archives. A thin guard around `ndarray-npy`: an array is read only after its header and its size in the
//! archive agree, so that no file can ask for more memory than it holds.

use super::LoadError;
use ndarray::{Array, Dimension};
use ndarray_npy::npy::header::Header;
use ndarray_npy::{ReadNpyExt, ReadableElement};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// No array of this project comes near this many bytes; an archive that says more is not believed.
const MAX_ARRAY_BYTES: u64 = 1 << 31;

/// A `.npz` file.
pub(crate) struct NpzFile<R: Read + Seek> {
    path: PathBuf,
    zip: ZipArchive<R>,
}

/// A number type that can be read, and its name in NumPy.
pub(crate) trait Element: ReadableElement + Clone {
    /// Name of the type in NumPy, for messages.
    const NAME: &'static str;
    /// Descriptors of the type in a header, without the byte order.
    const CODE: &'static str;
}

impl Element for f64 {
    const NAME: &'static str = "float64";
    const CODE: &'static str = "f8";
}

impl Element for i32 {
    const NAME: &'static str = "int32";
    const CODE: &'static str = "i4";
}

impl<R: Read + Seek> NpzFile<R> {
    /// Reads an archive from a reader; `path` is for error messages.
    pub(crate) fn from_reader(path: &Path, reader: R) -> Result<Self, LoadError> {
        let zip = ZipArchive::new(reader)
            .map_err(|error| LoadError::Npz { path: path.to_owned(), message: error.to_string() })?;
        Ok(Self { path: path.to_owned(), zip })
    }

    /// Reads the array `name`, which must have the type `A` and the shape `shape`.
    pub(crate) fn array<A: Element, D: Dimension>(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<Array<A, D>, LoadError> {
        let bytes = self.entry(name)?;
        let broken = |message: String| LoadError::Npz {
            path: self.path.clone(),
            message: format!("array `{name}`: {message}"),
        };
        // The length of a header is in its first twelve bytes; the parser would trust it.
        let declared = match bytes.as_slice() {
            [_, _, _, _, _, _, 1, _, a, b, ..] => u64::from(u16::from_le_bytes([*a, *b])),
            [_, _, _, _, _, _, _, _, a, b, c, d, ..] => u64::from(u32::from_le_bytes([*a, *b, *c, *d])),
            _ => return Err(broken("it ends within its header".to_owned())),
        };
        if declared > bytes.len() as u64 {
            return Err(broken("its header is longer than the array".to_owned()));
        }
        let header = Header::from_reader(&mut bytes.as_slice()).map_err(|error| broken(error.to_string()))?;
        let found =
            header.type_descriptor.as_string().cloned().unwrap_or_else(|| header.type_descriptor.to_string());
        if found.trim_start_matches(['<', '>', '=', '|']) != A::CODE {
            return Err(LoadError::ArrayType {
                path: self.path.clone(),
                array: name.to_owned(),
                found,
                expected: A::NAME,
            });
        }
        if header.shape != shape {
            return Err(LoadError::ArrayShape {
                path: self.path.clone(),
                array: name.to_owned(),
                found: header.shape,
                expected: shape.to_vec(),
            });
        }
        let array = Array::<A, D>::read_npy(bytes.as_slice()).map_err(|error| broken(error.to_string()))?;
        Ok(array.as_standard_layout().into_owned())
    }

    /// Reads the array `name` of integers (int32) or floating-point numbers (float64) as numbers.
    pub(crate) fn numbers<D: Dimension>(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<Array<f64, D>, LoadError> {
        match self.array::<i32, D>(name, shape) {
            Ok(integers) => Ok(integers.mapv(f64::from)),
            Err(LoadError::ArrayType { .. }) => self.array::<f64, D>(name, shape),
            Err(error) => Err(error),
        }
    }

    /// Names of the arrays.
    pub(crate) fn names(&self) -> Vec<String> {
        self.zip.file_names().map(|name| name.strip_suffix(".npy").unwrap_or(name).to_owned()).collect()
    }

    fn entry(&mut self, name: &str) -> Result<Vec<u8>, LoadError> {
        let Some(index) = self.zip.index_for_name(&format!("{name}.npy")) else {
            let mut found = self.names();
            found.sort();
            let (path, array) = (self.path.clone(), name.to_owned());
            return Err(LoadError::MissingArray { path, array, found: found.join(", ") });
        };
        let entry = self
            .zip
            .by_index(index)
            .map_err(|error| LoadError::Npz { path: self.path.clone(), message: error.to_string() })?;
        let mut bytes = Vec::new();
        entry.take(MAX_ARRAY_BYTES).read_to_end(&mut bytes).map_err(|error| LoadError::Npz {
            path: self.path.clone(),
            message: format!("array `{name}`: {error}"),
        })?;
        Ok(bytes)
    }
}
