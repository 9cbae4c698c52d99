//! From data to model economies.
//!
//! The only crate of the workspace that reads raw data formats. Every table of flows is read into one form, the
//! multi-region input-output table [`table::WorldTable`]; from it come model economies.
//!
//! Start at [`table`] for the common form of every input-output table, and at the loader of the data at hand ([`wiod`]).

mod source;
pub mod table;
pub mod wiod;

pub use source::LoadError;
