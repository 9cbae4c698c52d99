//! What can be wrong with a shock file. Every message names the line, says what is wrong and what to write instead.

/// Why a shock file is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ShockFileError {
    /// The file is not TOML.
    #[error("line {line}: this is not TOML: {problem}")]
    Syntax {
        /// The line.
        line: usize,
        /// What the parser says.
        problem: String,
    },
    /// A section that does not exist.
    #[error("line {line}: there is no section or key `{found}` here; {remedy}")]
    UnknownSection {
        /// The line.
        line: usize,
        /// What stands there.
        found: String,
        /// What to write.
        remedy: String,
    },
    /// A section with single brackets, or something else that is not a list of entries.
    #[error("line {line}: `{section}` must be a list of entries: write [[{section}]] with double brackets")]
    NotAList {
        /// The line.
        line: usize,
        /// The section.
        section: &'static str,
    },
    /// A key that an entry does not have.
    #[error("line {line}: an entry of [[{section}]] has no key `{found}`; {remedy}")]
    UnknownKey {
        /// The line.
        line: usize,
        /// The section.
        section: &'static str,
        /// What stands there.
        found: String,
        /// What to write.
        remedy: String,
    },
    /// A key that is missing.
    #[error("line {line}: this entry of [[{section}]] lacks `{key}`: add a line such as `{example}`")]
    MissingKey {
        /// The line where the entry starts.
        line: usize,
        /// The section.
        section: &'static str,
        /// The key.
        key: &'static str,
        /// What to write.
        example: &'static str,
    },
    /// None or several of `rate`, `add` and `times`.
    #[error(
        "line {line}: this entry of [[{section}]] gives {given} of `rate`, `add` and `times`: give exactly one (a new rate, an \
         addition to the old rate, or a factor on it)"
    )]
    OneChange {
        /// The line where the entry starts.
        line: usize,
        /// The section.
        section: &'static str,
        /// How many are given.
        given: usize,
    },
    /// A value of another type.
    #[error("line {line}: `{key}` is of type {found}, but must be {expected}")]
    WrongType {
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// What stands there.
        found: &'static str,
        /// What must.
        expected: &'static str,
    },
    /// A name that the economy does not have.
    #[error("line {line}: the economy has no {kind} `{found}`; {remedy}")]
    UnknownLabel {
        /// The line.
        line: usize,
        /// Country, sector or factor.
        kind: &'static str,
        /// What stands there.
        found: String,
        /// The nearest name, or all of them.
        remedy: String,
    },
    /// A selection of nothing.
    #[error("line {line}: `{key}` selects nothing: name at least one, or write \"all\"")]
    EmptySelection {
        /// The line.
        line: usize,
        /// The key.
        key: String,
    },
    /// A country's trade with itself.
    #[error(
        "line {line}: {country}'s purchases from itself bear no tariff, export tax or trade cost: name another country, or \
         \"all\", which leaves them out"
    )]
    OwnTrade {
        /// The line where the entry starts.
        line: usize,
        /// The country.
        country: String,
    },
    /// A rate outside its range.
    #[error(
        "line {line}: the rate from {exporter} to {importer} in `{sector}` would be {value}: it must be finite and above -1; \
         write 5 percent as 0.05"
    )]
    Rate {
        /// The line.
        line: usize,
        /// The importer.
        importer: String,
        /// The exporter.
        exporter: String,
        /// The sector.
        sector: String,
        /// The value.
        value: f64,
    },
    /// A rate that looks like percent.
    #[error("line {line}: {value} means {} percent: if that is wanted, write it as `times`, otherwise divide by 100", value * 100.0)]
    Percent {
        /// The line.
        line: usize,
        /// The value.
        value: f64,
    },
    /// A hat outside its range.
    #[error(
        "line {line}: `hat` is {value}, but must be {range}: it is the new value over the old, 1 is no change"
    )]
    Hat {
        /// The line.
        line: usize,
        /// The value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// A deficit rule that does not exist.
    #[error("line {line}: there is no deficit rule `{found}`; {remedy}")]
    UnknownRule {
        /// The line.
        line: usize,
        /// What stands there.
        found: String,
        /// What to write.
        remedy: String,
    },
    /// New deficits that do not cancel.
    #[error(
        "line {line}: with these levels deficits sum to {sum:.6} {unit}, not to zero: give the other countries' too \
         (those not named keep their baseline deficit)"
    )]
    DeficitSum {
        /// The line.
        line: usize,
        /// Their sum.
        sum: f64,
        /// The unit of values.
        unit: String,
    },
    /// A file without a change.
    #[error(
        "the file changes nothing: add at least one section, such as [[tariff]], or `deficits = \"zero\"`"
    )]
    Nothing,
}
