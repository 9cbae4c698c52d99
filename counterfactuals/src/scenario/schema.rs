//! The JSON schema of scenario files, for editors that check while one types.

/// JSON Schema (draft 2020-12) of a scenario file. TOML editors take it by a first line
/// `#:schema scenario.schema.json`.
pub const SCHEMA: &str = include_str!("scenario.schema.json");
