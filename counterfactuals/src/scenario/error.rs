//! What can be wrong with a scenario file. Every message names the line, says what is wrong and what to write instead.

/// Why a scenario is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
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
    #[error("line {line}: {section} has no key `{found}`; {remedy}")]
    UnknownKey {
        /// The line.
        line: usize,
        /// The section.
        section: String,
        /// What stands there.
        found: String,
        /// What to write.
        remedy: String,
    },
    /// A key that is missing.
    #[error("line {line}: this {section} lacks `{key}`: add a line such as `{example}`")]
    MissingKey {
        /// The line where the entry starts.
        line: usize,
        /// The section.
        section: String,
        /// The key.
        key: &'static str,
        /// What to write.
        example: &'static str,
    },
    /// None or several of `rate`, `add` and `times`.
    #[error(
        "line {line}: this {section} gives {given} of `rate`, `add` and `times`: give exactly one (a new rate, an \
         addition to the old rate, or a factor on it)"
    )]
    OneChange {
        /// The line where the entry starts.
        line: usize,
        /// The section.
        section: String,
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
    /// Something else where a table must stand.
    #[error("line {line}: `{section}` must be one table: write [{section}] with single brackets")]
    NotATable {
        /// The line.
        line: usize,
        /// The section.
        section: &'static str,
    },
    /// A word that is not one of those allowed.
    #[error("line {line}: `{key}` is `{found}`; {remedy}")]
    UnknownWord {
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// What stands there.
        found: String,
        /// What to write.
        remedy: String,
    },
    /// A number outside its range.
    #[error("line {line}: `{key}` is {value}, but must be {range}")]
    OutOfRange {
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// What stands there.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// An uncertain number that contradicts itself.
    #[error("line {line}: the uncertainty of `{key}` {problem}; {remedy}")]
    Spread {
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
        /// What to write.
        remedy: &'static str,
    },
    /// Estimates that nobody gave.
    #[error("line {line}: there are no estimates `{found}`; {remedy}")]
    UnknownEstimates {
        /// The line.
        line: usize,
        /// What stands there.
        found: String,
        /// What there is.
        remedy: String,
    },
    /// Estimates without the item that is asked for.
    #[error("line {line}: the estimates `{estimates}` have no `{item}`; {remedy}")]
    UnknownItem {
        /// The line.
        line: usize,
        /// The estimates.
        estimates: String,
        /// What was looked for.
        item: String,
        /// What there is.
        remedy: String,
    },
    /// A quota that allows more than the baseline.
    #[error(
        "line {line}: a volume of {value} lets exports grow to {} percent of the baseline: a cut to 60 percent is 0.6; if room to \
         grow is meant, add `above_baseline = true`", 100.0 * value
    )]
    QuotaAboveBaseline {
        /// The line.
        line: usize,
        /// The volume.
        value: f64,
    },
    /// A list by element or sector with a gap.
    #[error("line {line}: `{key}` lacks `{missing}`: give it, or `other` for all that are not named")]
    MissingElement {
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// What has no value.
        missing: String,
    },
    /// Years without a value between years with one.
    #[error(
        "line {line}: `{key}` has no value for {missing}, between years that have one: give each year, or write two entries"
    )]
    MissingYears {
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// The years.
        missing: String,
    },
    /// Two restrictions on the same flow in the same year.
    #[error(
        "line {line}: {flow} is restricted in {year} by the entry in line {other} already: end one before the other starts \
         (`from`, `until`), or merge them"
    )]
    Overlap {
        /// The line where the later entry starts.
        line: usize,
        /// The flow.
        flow: String,
        /// The first year with both, or "the long run".
        year: String,
        /// The line where the earlier entry starts.
        other: usize,
    },
    /// Years in a scenario of the long run.
    #[error("line {line}: `{key}` speaks of years, but the mode is `long-run`: {remedy}")]
    YearsInLongRun {
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A path without years.
    #[error(
        "line {line}: `mode = \"dynamic\"` needs its years: add a line such as `years = [2010, 2018]`, first and last"
    )]
    NoYears {
        /// The line.
        line: usize,
    },
    /// A year outside the scenario's.
    #[error(
        "line {line}: {year} is not among the scenario's years {first} to {last}: correct it, or widen `years`"
    )]
    YearOutside {
        /// The line.
        line: usize,
        /// The year.
        year: i64,
        /// First year of the scenario.
        first: i32,
        /// Last year.
        last: i32,
    },
    /// First after last.
    #[error(
        "line {line}: `{key}` runs from {first} to {last}: the first year comes first, and at most 200 follow"
    )]
    YearOrder {
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// First year.
        first: i64,
        /// Last year.
        last: i64,
    },
    /// Something that needs critical inputs.
    #[error(
        "line {line}: {what} needs a critical input to work on: add a section [critical] with `sectors` and `sigma`"
    )]
    NoCriticalInput {
        /// The line.
        line: usize,
        /// What needs it.
        what: &'static str,
    },
    /// More capacity of nothing.
    #[error(
        "line {line}: {country} makes no `{sector}` in the baseline, so there is nothing to multiply: open a mine first with \
         [[prospect]]"
    )]
    NoCapacity {
        /// The line.
        line: usize,
        /// The country.
        country: String,
        /// The sector.
        sector: String,
    },
    /// A mine where there is one.
    #[error(
        "line {line}: {country} makes `{sector}` in the baseline already: drop this entry, [[capacity]] can build on it"
    )]
    NotAProspect {
        /// The line.
        line: usize,
        /// The country.
        country: String,
        /// The sector.
        sector: String,
    },
    /// A factor that has no fixed share.
    #[error(
        "line {line}: `{sector}` of {country} has no factor of its own to expand: name a sector with a resource"
    )]
    NoResource {
        /// The line.
        line: usize,
        /// The country.
        country: String,
        /// The sector.
        sector: String,
    },
    /// Blocs that leave someone out or name someone twice.
    #[error("line {line}: {problem}; {remedy}")]
    Diffusion {
        /// The line.
        line: usize,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A sector that the trade elasticities named lack.
    #[error(
        "line {line}: the estimates `{estimates}` have no trade elasticity of `{sector}`; {has}: write a section [theta] with \
         `estimates = \"{estimates}\"`, and in it a number for \"{sector}\", or `other = 8` for every sector that they lack"
    )]
    NoElasticity {
        /// The line.
        line: usize,
        /// Name of the estimates.
        estimates: String,
        /// The sector.
        sector: String,
        /// The nearest item, or all of them.
        has: String,
    },
    /// A file without a change.
    #[error(
        "the file changes nothing: add at least one section, such as [[quota]] or [[tariff]], or `deficits = \"zero\"`"
    )]
    Nothing,
}
