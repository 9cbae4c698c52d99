use super::FormulaError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Name(String),
    Number(f64),
    Text(String),
    Symbol(char),
    End,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(n) => write!(f, "{n}"),
            Self::Number(n) => write!(f, "{n}"),
            Self::Text(t) => write!(f, "\"{t}\""),
            Self::Symbol(s) => write!(f, "'{s}'"),
            Self::End => write!(f, "the end"),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Characters from 1.
    pub(super) position: usize,
    /// Characters to one past the last.
    pub(super) end: usize,
}

/// Cuts a formula into tokens; the last is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FormulaError> {
    let characters: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&c) = characters.get(at) {
        let start = at;
        let run = |from: usize, accept: &dyn Fn(char) -> bool| {
            from + characters[from..].iter().take_while(|c| accept(**c)).count()
        };
        let kind = if c.is_whitespace() {
            at += 1;
            continue;
        } else if c.is_alphabetic()
            || c == '_'
            || (c == '.' && !characters.get(at + 1).is_some_and(char::is_ascii_digit))
        {
            at = run(at, &|c| c.is_alphanumeric() || c == '_' || c == '.');
            Kind::Name(characters[start..at].iter().collect())
        } else if c.is_ascii_digit() || c == '.' {
            at = run(at, &|c| c.is_ascii_digit() || c == '.');
            if matches!(characters.get(at), Some('e' | 'E')) {
                let sign = usize::from(matches!(characters.get(at + 1), Some('+' | '-')));
                let digits = run(at + 1 + sign, &|c| c.is_ascii_digit());
                if digits > at + 1 + sign {
                    at = digits;
                }
            }
            let literal: String = characters[start..at].iter().collect();
            Kind::Number(literal.parse().map_err(|_| FormulaError::Syntax {
                position: start + 1,
                found: literal.clone(),
                expected: "a number",
            })?)
        } else if matches!(c, '"' | '\'' | '`') {
            at = run(at + 1, &|d| d != c);
            let content: String = characters[start + 1..at].iter().collect();
            if at == characters.len() {
                return Err(FormulaError::Syntax {
                    position: at + 1,
                    found: "the end".into(),
                    expected: "a closing quotation mark",
                });
            }
            at += 1;
            if c == '`' { Kind::Name(content) } else { Kind::Text(content) }
        } else {
            at += 1;
            Kind::Symbol(c)
        };
        out.push(Token { kind, position: start + 1, end: at + 1 });
    }
    out.push(Token { kind: Kind::End, position: characters.len() + 1, end: characters.len() + 1 });
    Ok(out)
}
