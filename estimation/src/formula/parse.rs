//! Recursive descent.

use super::token::{Kind, Token, tokens};
use super::{EffectTerm, Expression, Formula, FormulaError, Function, Named, Operator, Term, Variable};

const FUNCTIONS: &str = "log, exp, sqrt, abs, I and i";

/// Operands, and signs before them, of one expression: what reads and evaluates it recurses no deeper.
const MAX_PARTS: usize = 250;

pub(super) struct Parser {
    text: Vec<char>,
    tokens: Vec<Token>,
    at: usize,
    /// Parts of the expression so far.
    parts: usize,
}

impl Parser {
    pub(super) fn new(text: &str) -> Result<Self, FormulaError> {
        Ok(Self { text: text.chars().collect(), tokens: tokens(text)?, at: 0, parts: 0 })
    }

    fn peek(&self) -> &Token {
        // The last token is the end, and `next` never passes it.
        &self.tokens[self.at]
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// Where the next token stands.
    pub(super) fn position(&self) -> usize {
        self.peek().position
    }

    pub(super) fn take(&mut self, symbol: char) -> bool {
        let found = self.peek().kind == Kind::Symbol(symbol);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn unexpected<T>(&self, expected: &'static str) -> Result<T, FormulaError> {
        let token = self.peek();
        Err(FormulaError::Syntax { position: token.position, found: token.kind.to_string(), expected })
    }

    pub(super) fn expect(&mut self, symbol: char, expected: &'static str) -> Result<(), FormulaError> {
        if self.take(symbol) { Ok(()) } else { self.unexpected(expected) }
    }

    pub(super) fn end(&self) -> Result<(), FormulaError> {
        if self.peek().kind == Kind::End {
            Ok(())
        } else {
            self.unexpected("the end, or an operator before it,")
        }
    }

    pub(super) fn name(&mut self, expected: &'static str) -> Result<Variable, FormulaError> {
        let token = self.peek().clone();
        match token.kind {
            Kind::Name(name) => {
                self.next();
                Ok(Variable { name, position: token.position })
            }
            _ => self.unexpected(expected),
        }
    }

    /// A number or text as written, such as the value of an option.
    pub(super) fn literal(&mut self) -> Result<String, FormulaError> {
        let sign = if self.take('-') { "-" } else { "" };
        let text = match self.peek().kind.clone() {
            Kind::Number(n) => format!("{sign}{n}"),
            Kind::Name(t) | Kind::Text(t) if sign.is_empty() => t,
            _ => return self.unexpected("a value"),
        };
        self.next();
        Ok(text)
    }

    /// A literal that `read` understands.
    pub(super) fn value<T>(
        &mut self,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, FormulaError> {
        let start = self.at;
        let text = self.literal()?;
        match read(&text) {
            Some(value) => Ok(value),
            None => {
                self.at = start;
                self.unexpected(expected)
            }
        }
    }

    /// `name =`, if that is what comes next.
    pub(super) fn option(&mut self) -> Option<Variable> {
        let is_option = self.tokens.get(self.at + 1).is_some_and(|t| t.kind == Kind::Symbol('='));
        match (self.peek().kind.clone(), is_option) {
            (Kind::Name(name), true) => {
                let position = self.peek().position;
                self.next();
                self.next();
                Some(Variable { name, position })
            }
            _ => None,
        }
    }

    fn source(&self, from: usize, to: usize) -> String {
        self.text[from - 1..to - 1].iter().filter(|c| !c.is_whitespace()).collect()
    }

    fn named(
        &mut self,
        parse: impl Fn(&mut Self) -> Result<Expression, FormulaError>,
    ) -> Result<Named, FormulaError> {
        let from = self.peek().position;
        self.parts = 0;
        let expression = parse(self)?;
        let to = self.tokens[self.at.saturating_sub(1)].end;
        let name = match &expression {
            Expression::Variable(v) => v.name.clone(),
            _ => self.source(from, to),
        };
        Ok(Named { name, expression })
    }

    fn sum(&mut self) -> Result<Expression, FormulaError> {
        let mut left = self.product()?;
        loop {
            let operator = if self.take('+') {
                Operator::Add
            } else if self.take('-') {
                Operator::Subtract
            } else {
                return Ok(left);
            };
            left = Expression::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expression, FormulaError> {
        let mut left = self.power()?;
        loop {
            let operator = if self.take('*') {
                Operator::Multiply
            } else if self.take('/') {
                Operator::Divide
            } else {
                return Ok(left);
            };
            left = Expression::Binary(operator, Box::new(left), Box::new(self.power()?));
        }
    }

    fn power(&mut self) -> Result<Expression, FormulaError> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return self.unexpected("the end of an expression that has 250 parts, the most there may be,");
        }
        if self.take('-') {
            return Ok(Expression::Negate(Box::new(self.power()?)));
        }
        let base = self.atom()?;
        if self.take('^') {
            return Ok(Expression::Binary(Operator::Power, Box::new(base), Box::new(self.power()?)));
        }
        Ok(base)
    }

    fn atom(&mut self) -> Result<Expression, FormulaError> {
        let token = self.peek().clone();
        match token.kind {
            Kind::Number(n) => {
                self.next();
                Ok(Expression::Number(n))
            }
            Kind::Symbol('(') => {
                self.next();
                let inner = self.sum()?;
                self.expect(')', "')'")?;
                Ok(inner)
            }
            Kind::Name(name) => {
                self.next();
                if !self.take('(') {
                    return Ok(Expression::Variable(Variable { name, position: token.position }));
                }
                let function = match name.as_str() {
                    "log" | "ln" => Some(Function::Log),
                    "exp" => Some(Function::Exp),
                    "sqrt" => Some(Function::Sqrt),
                    "abs" => Some(Function::Abs),
                    "I" => None,
                    _ => {
                        let position = token.position;
                        return Err(FormulaError::UnknownFunction { position, name, known: FUNCTIONS });
                    }
                };
                let inner = self.sum()?;
                self.expect(')', "')'")?;
                Ok(match function {
                    Some(function) => Expression::Call(function, Box::new(inner)),
                    None => inner,
                })
            }
            _ => self.unexpected("a variable, a number or a function"),
        }
    }

    fn levels(&mut self) -> Result<Option<Term>, FormulaError> {
        let opens = self.tokens.get(self.at + 1).is_some_and(|t| t.kind == Kind::Symbol('('));
        if self.peek().kind != Kind::Name("i".into()) || !opens {
            return Ok(None);
        }
        self.next();
        self.next();
        let factor = self.name("a variable whose levels to take")?;
        let (mut with, mut reference) = (None, None);
        while self.take(',') {
            match self.option() {
                Some(option) if option.name == "ref" => reference = Some(self.literal()?),
                Some(option) => {
                    return Err(FormulaError::Unsupported {
                        position: option.position,
                        what: "this option of i()",
                        instead: "use ref= alone",
                    });
                }
                None => with = Some(self.name("a variable to interact with, or ref=")?),
            }
        }
        self.expect(')', "')'")?;
        Ok(Some(Term::Levels { factor, with, reference }))
    }

    /// A term; `a * b` gives three.
    fn term(&mut self) -> Result<Vec<Term>, FormulaError> {
        if let Some(levels) = self.levels()? {
            return Ok(vec![levels]);
        }
        let mut factors = vec![self.named(Self::power)?];
        let mut crossed = false;
        loop {
            if self.take('*') {
                crossed = true;
            } else if !self.take(':') {
                break;
            }
            factors.push(self.named(Self::power)?);
        }
        if !crossed {
            return Ok(vec![Term::Product(factors)]);
        }
        if factors.len() > 2 {
            return Err(FormulaError::Unsupported {
                position: self.peek().position,
                what: "a product of three with '*'",
                instead: "write the terms out with ':'",
            });
        }
        let mut terms: Vec<Term> = factors.iter().map(|f| Term::Product(vec![f.clone()])).collect();
        terms.push(Term::Product(factors));
        Ok(terms)
    }

    /// A sum of terms; whether it holds a constant.
    fn terms(&mut self) -> Result<(Vec<Term>, bool), FormulaError> {
        let mut terms = Vec::new();
        let mut constant = true;
        let mut minus = self.take('-');
        loop {
            let position = self.peek().position;
            match (self.peek().kind.clone(), minus) {
                (Kind::Number(n), _) if n == 0.0 || n == 1.0 => {
                    self.next();
                    constant = (n == 1.0) != minus;
                }
                (_, true) => {
                    return Err(FormulaError::Unsupported {
                        position,
                        what: "taking a term out",
                        instead: "leave it out; only '- 1' removes the constant",
                    });
                }
                _ => terms.extend(self.term()?),
            }
            minus = if self.take('+') {
                false
            } else if self.take('-') {
                true
            } else {
                return Ok((terms, constant));
            };
        }
    }

    /// Variables to combine, `a^b^c`.
    pub(super) fn combination(&mut self) -> Result<Vec<Variable>, FormulaError> {
        let mut parts = vec![self.name("a variable")?];
        while self.take('^') {
            parts.push(self.name("a variable")?);
        }
        Ok(parts)
    }

    /// A fixed effect, `a^b`, `a[x1, x2]` or `a[[x]]`.
    fn effect(&mut self) -> Result<EffectTerm, FormulaError> {
        let by = self.combination()?;
        if !self.take('[') {
            return Ok(EffectTerm { by, intercept: true, slopes: Vec::new() });
        }
        let intercept = !self.take('[');
        let mut slopes = vec![self.name("a variable whose slope varies")?];
        while self.take(',') {
            slopes.push(self.name("a variable whose slope varies")?);
        }
        self.expect(']', "']'")?;
        if !intercept {
            self.expect(']', "a second ']'")?;
        }
        Ok(EffectTerm { by, intercept, slopes })
    }
}

pub(super) fn formula(text: &str) -> Result<Formula, FormulaError> {
    let mut parser = Parser::new(text)?;
    let outcome = parser.named(Parser::sum)?;
    parser.expect('~', "'~'")?;
    let (terms, constant) = parser.terms()?;
    let mut effects = Vec::new();
    let (mut endogenous, mut instruments) = (Vec::new(), Vec::new());
    for part in 0..2 {
        if !parser.take('|') {
            break;
        }
        let start = parser.at;
        if part == 0 && matches!(parser.peek().kind, Kind::Number(n) if n == 0.0 || n == 1.0) {
            parser.next();
            continue;
        }
        // Either fixed effects or, with a tilde, the instrumented part.
        let tilde = parser.tokens[start..]
            .iter()
            .take_while(|t| t.kind != Kind::Symbol('|'))
            .any(|t| t.kind == Kind::Symbol('~'));
        if tilde {
            endogenous = parser.terms()?.0;
            parser.expect('~', "'~' and the instruments")?;
            instruments = parser.terms()?.0;
            break;
        }
        if part == 1 {
            parser.terms()?;
            return parser.unexpected("'~' and the instruments");
        }
        effects.push(parser.effect()?);
        while parser.take('+') {
            effects.push(parser.effect()?);
        }
    }
    parser.end()?;
    Ok(Formula { text: text.trim().into(), outcome, terms, constant, effects, endogenous, instruments })
}
