//! Reports as values: a table, a figure or a comparison is data; the renderers turn it into files.

pub(crate) mod checks;
pub(crate) mod delimited;
pub(crate) mod document;
pub(crate) mod figure;
pub(crate) mod html;
pub(crate) mod latex;
pub(crate) mod manifest;
pub(crate) mod map;
pub(crate) mod markdown;
pub(crate) mod printed;
pub(crate) mod readme;
pub(crate) mod table;
pub(crate) mod tikz;
pub(crate) mod values;
