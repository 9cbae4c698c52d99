//! Models written as in fixest.
//!
//! ```text
//! outcome ~ regressors | fixed effects | endogenous ~ instruments
//! ```
//!
//! | syntax | meaning |
//! |---|---|
//! | `y ~ x1 + x2` | regressors with a constant; `- 1` or `+ 0` leaves it out |
//! | `log(x)`, `exp(x)`, `sqrt(x)`, `abs(x)`, `I(x1 / x2 + 1)`, `x^2` | expressions |
//! | `x1:x2`, `x1*x2` | product; both and their product |
//! | `i(f)`, `i(f, ref=2009)` | one dummy per level, but the reference |
//! | `i(f, x, ref=2009)` | `x` in each level, but the reference |
//! | `f` (a categorical column) | dummies, but the first level |
//! | `\| f1 + f2^f3` | fixed effects; `^` combines |
//! | `\| f[x]`, `\| f[[x]]` | a slope of `x` for each level of `f`, with and without the effect of `f` itself |
//! | `\| f1 \| p ~ z1 + z2` | `p` is endogenous, `z1` and `z2` are excluded instruments |
//!
//! A bare `1` or `0` on the right of the outcome stands for no regressors besides the (absent) constant. A regressor or an effect
//! that is written twice, as `a` in `a*b + a*c`, is there once. An expression has at most 250 operands.

mod evaluate;
mod parse;
mod token;
mod vcov;

use thiserror::Error;

pub use evaluate::{Model, WeightColumn};
pub use vcov::VcovFormula;

/// A parsed formula.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    pub(crate) text: String,
    pub(crate) outcome: Named,
    pub(crate) terms: Vec<Term>,
    pub(crate) constant: bool,
    pub(crate) effects: Vec<EffectTerm>,
    pub(crate) endogenous: Vec<Term>,
    pub(crate) instruments: Vec<Term>,
}

/// What is wrong with a formula, and where. Positions count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormulaError {
    /// The text does not follow the grammar.
    #[error("at character {position}: found {found} where {expected} was expected")]
    Syntax {
        /// Where.
        position: usize,
        /// What stands there.
        found: String,
        /// What could stand there.
        expected: &'static str,
    },
    /// A function that is not known.
    #[error("at character {position}: unknown function {name}; there are {known}")]
    UnknownFunction {
        /// Where.
        position: usize,
        /// The name.
        name: String,
        /// The functions there are.
        known: &'static str,
    },
    /// Something of fixest's that is not available.
    #[error("at character {position}: {what} is not available; {instead}")]
    Unsupported {
        /// Where.
        position: usize,
        /// The feature.
        what: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// A variable that the table does not have.
    #[error("at character {position}: the data have no column {name}; they have {available}")]
    UnknownVariable {
        /// Where.
        position: usize,
        /// The name.
        name: String,
        /// The columns there are.
        available: String,
    },
    /// A categorical column where a number is needed, or a level that does not occur.
    #[error("at character {position}: {name} {problem}")]
    Variable {
        /// Where.
        position: usize,
        /// The variable.
        name: String,
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// A variable and where the formula names it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) position: usize,
}

/// An expression with its text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) expression: Expression,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Number(f64),
    Variable(Variable),
    Call(Function, Box<Expression>),
    Negate(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Log,
    Exp,
    Sqrt,
    Abs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    /// A product of expressions; a single categorical variable stands for its dummies.
    Product(Vec<Named>),
    /// `i(factor, with, ref = reference)`.
    Levels { factor: Variable, with: Option<Variable>, reference: Option<String> },
}

/// A fixed effect with the slopes that vary by its levels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EffectTerm {
    /// Variables to combine.
    pub(crate) by: Vec<Variable>,
    /// Whether the levels themselves are absorbed.
    pub(crate) intercept: bool,
    pub(crate) slopes: Vec<Variable>,
}

impl Formula {
    /// Reads a formula.
    ///
    /// ```
    /// use estimation::Formula;
    /// let formula = Formula::parse("trade ~ log(dist) + cntg | exporter^year + importer^year")?;
    /// assert_eq!(formula.to_string(), "trade ~ log(dist) + cntg | exporter^year + importer^year");
    /// let wrong = Formula::parse("trade ~ log(dist +").unwrap_err();
    /// assert!(wrong.to_string().starts_with("at character 19"));
    /// # Ok::<(), estimation::FormulaError>(())
    /// ```
    ///
    /// # Errors
    /// [`FormulaError`], with the position.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        parse::formula(text)
    }
}

impl std::fmt::Display for Formula {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
