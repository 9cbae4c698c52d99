//! What can be wrong with an economy's data.

/// Why data do not make an economy. Every message names the place, says what is wrong there and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EconomyError {
    /// An axis without names.
    #[error("there is no {kind}: name at least one")]
    NoLabels {
        /// `country`, `sector` or `factor`.
        kind: &'static str,
    },
    /// A blank name.
    #[error("{kind} number {} has an empty name: give it one", index + 1)]
    EmptyLabel {
        /// `country`, `sector` or `factor`.
        kind: &'static str,
        /// Position, from 0.
        index: usize,
    },
    /// A name used twice.
    #[error("{kind} `{name}` stands at positions {} and {}: names must be unique, merge or rename one", first + 1, second + 1)]
    DuplicateLabel {
        /// `country`, `sector` or `factor`.
        kind: &'static str,
        /// The name.
        name: String,
        /// First position, from 0.
        first: usize,
        /// Second position, from 0.
        second: usize,
    },
    /// An array whose shape does not fit the labels.
    #[error(
        "array `{array}` has shape {found:?}, but the labels ask for {expected:?} ({axes}): check the order of its axes and the labels"
    )]
    Shape {
        /// Name of the array.
        array: &'static str,
        /// What the axes are.
        axes: &'static str,
        /// Shape that the labels ask for.
        expected: Vec<usize>,
        /// Shape found.
        found: Vec<usize>,
    },
    /// NaN or infinity.
    #[error("`{array}` is {value} at {place}: every entry must be a finite number; fill or drop it")]
    NotFinite {
        /// Name of the array.
        array: &'static str,
        /// Where.
        place: String,
        /// What stands there.
        value: f64,
    },
    /// A negative value where none can be.
    #[error(
        "`{array}` is {value} at {place}: it cannot be negative; repair it in the data (inventories and re-exports are the usual causes)"
    )]
    Negative {
        /// Name of the array.
        array: &'static str,
        /// Where.
        place: String,
        /// What stands there.
        value: f64,
    },
    /// Shares that do not add up.
    #[error("`{array}` of {place} sums to {sum}, not to 1 (tolerance {tolerance:e}): {remedy}")]
    Shares {
        /// Name of the array.
        array: &'static str,
        /// Where.
        place: String,
        /// Their sum.
        sum: f64,
        /// What is tolerated.
        tolerance: f64,
        /// What to do.
        remedy: &'static str,
    },
    /// A trade elasticity that is not positive.
    #[error("theta of sector `{sector}` is {value}: a trade elasticity must be positive (4 to 8 is usual)")]
    Theta {
        /// The sector.
        sector: String,
        /// What stands there.
        value: f64,
    },
    /// A negative elasticity of substitution in demand.
    #[error(
        "kappa is {value}: the elasticity of substitution between sectors in final demand must be at least 0; 1 is Cobb-Douglas"
    )]
    Kappa {
        /// What stands there.
        value: f64,
    },
    /// A negative elasticity of substitution in the critical-input nest.
    #[error(
        "sigma is {value} for {sector}: the elasticity of substitution between the critical input and everything else must be finite and at least 0; below 1 they are gross complements, 1 is Cobb-Douglas"
    )]
    Sigma {
        /// The using sector.
        sector: String,
        /// What stands there.
        value: f64,
    },
    /// Critical inputs without a sector.
    #[error("the critical inputs name no sector: name at least one, or leave them out")]
    NoCriticalSector,
    /// A process that uses what it makes.
    #[error(
        "`{sector}` of {country} is to be a joint product but uses the critical inputs itself; give it no input share of theirs, or set `joint_products` to false"
    )]
    ProcessUsesProducts {
        /// The country.
        country: String,
        /// The sector.
        sector: String,
    },
    /// Joint products that are not made alike.
    #[error(
        "`{sector}` and `{like}` of {country} are to be joint products but their cost shares differ by up to {difference:e} (tolerance {tolerance:e}); joint products come out of one process: give them the same factor and input shares, or set `joint_products` to false"
    )]
    JointProducts {
        /// The country.
        country: String,
        /// The sector.
        sector: String,
        /// The first of the joint products.
        like: String,
        /// The largest difference of a cost share.
        difference: f64,
        /// What is allowed.
        tolerance: f64,
    },
    /// A sector that does not exist, or named twice.
    #[error(
        "critical input at sector position {position} is not one of the {sectors} sectors, or stands there twice: name each once"
    )]
    CriticalSector {
        /// Position, from 0.
        position: usize,
        /// Number of sectors.
        sectors: usize,
    },
    /// An equilibrium of another economy.
    #[error(
        "the equilibrium is not one of the economy `{economy}`: their countries, sectors, factors or critical inputs differ; give the economy that was shocked"
    )]
    OtherEconomy {
        /// The name of the economy given.
        economy: String,
    },
    /// A country that consumes nothing.
    #[error(
        "`final_demand` of country `{country}` is zero in every sector: a country consumes something; merge it with another"
    )]
    NoFinalDemand {
        /// The country.
        country: String,
    },
    /// A tax rate at which nothing is left.
    #[error("`{array}` is {value} at {place}: an ad-valorem rate must exceed -1; write 5 percent as 0.05")]
    Rate {
        /// `tariff` or `export_tax`.
        array: &'static str,
        /// Where.
        place: String,
        /// What stands there.
        value: f64,
    },
    /// Producers and their customers disagree on output, or spending and its sources on expenditure.
    #[error(
        "{account} of {place} does not balance: {left_name} {left} against {right_name} {right}, a relative difference of {difference:e} (tolerance {tolerance:e}); balance the data first, or solve for the nearest equilibrium with `EconomyParts::equilibrate`"
    )]
    Unbalanced {
        /// Which account.
        account: &'static str,
        /// Where.
        place: String,
        /// What the left side is.
        left_name: &'static str,
        /// Its value.
        left: f64,
        /// What the right side is.
        right_name: &'static str,
        /// Its value.
        right: f64,
        /// Relative difference.
        difference: f64,
        /// What is tolerated.
        tolerance: f64,
    },
    /// Deficits that do not cancel.
    #[error(
        "deficits sum to {sum} over the world, {relative:e} of world income (tolerance {tolerance:e}): one country's deficit is others' surplus; spread the difference"
    )]
    Deficits {
        /// Their sum.
        sum: f64,
        /// Relative to world factor income.
        relative: f64,
        /// What is tolerated.
        tolerance: f64,
    },
    /// A country that earns nothing.
    #[error("country `{country}` has {what} {value}: it must be positive; merge the country with another")]
    NoIncome {
        /// The country.
        country: String,
        /// `income` or `factor income`.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A sector that is bought but not supplied.
    #[error(
        "{country} spends {expenditure} on `{sector}` but has no supplier: its trade shares are all zero; give it one or move the spending"
    )]
    NoSupplier {
        /// The buying country.
        country: String,
        /// The sector.
        sector: String,
        /// What it spends.
        expenditure: f64,
    },
    /// Output without inputs.
    #[error(
        "{country} sells {output} of `{sector}` but its cost shares are all zero: say what it is made from"
    )]
    NoInputs {
        /// The producing country.
        country: String,
        /// The sector.
        sector: String,
        /// What it sells.
        output: f64,
    },
}
