//! Variance estimators in words.

use super::parse::Parser;
use super::{FormulaError, Variable};
use crate::SmallSample;
use crate::resample::{ScoreBootstrap, WildWeights};

/// A variance estimator written out, its variables being columns of the data.
///
/// | text | variance |
/// |---|---|
/// | `classical` (or `iid`) | [`Vcov::Classical`](crate::Vcov::Classical) |
/// | `HC0`, `HC1` (or `hetero`, `robust`), `HC2`, `HC3` | White's family |
/// | `cluster(a)`, `cluster(a + b^c, ssc=stata)` | clustered, one- or multi-way |
/// | `NW(time=t, lags=2)`, `NW(time=t, unit=i, lags=2)` | Newey-West; without `unit` one series |
/// | `DK(time=t, lags=2)` | Driscoll-Kraay |
/// | `wild(a, draws=9999, weights=webb, seed=1)` | clustered, p-values by wild bootstrap |
/// | `conley(lat=a, lon=b, cutoff=500, kernel=uniform)` | Conley, cutoff in km |
///
/// What may be left out: `ssc` of `cluster`, `NW` and `DK`, which is `fixest` then (or `stata`, `none`); `draws`, `weights` and `seed`
/// of `wild`, 9,999, `webb` (or `rademacher`, `mammen`) and 1; `kernel` of `conley`, `uniform` (or `bartlett`). What an estimator
/// has no use for is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct VcovFormula {
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Plain(crate::Vcov),
    Cluster { by: Vec<Vec<Variable>>, small_sample: SmallSample },
    Wild { by: Vec<Variable>, bootstrap: ScoreBootstrap },
    NeweyWest { time: Variable, unit: Option<Variable>, lags: usize, small_sample: SmallSample },
    DriscollKraay { time: Variable, lags: usize, small_sample: SmallSample },
    Conley { latitude: Variable, longitude: Variable, cutoff_km: f64, kernel: crate::vcov::SpatialKernel },
}

const KNOWN: &str = "classical, HC0, HC1, HC2, HC3, cluster(), wild(), NW(), DK() and conley()";

/// What each estimator takes, `by` standing for clustering variables, and how a refusal says so.
const TAKEN: [(&[&str], &[&str], &str); 6] = [
    (
        &["classical", "iid", "hc0", "hc1", "hetero", "robust", "hc2", "hc3"],
        &[],
        "this variance takes no options; leave it out",
    ),
    (&["cluster"], &["by", "ssc"], "cluster() takes clustering variables and ssc"),
    (
        &["wild"],
        &["by", "draws", "weights", "seed"],
        "wild() takes a clustering variable, draws, weights and seed",
    ),
    (&["nw"], &["time", "unit", "lags", "ssc"], "NW() takes time, unit, lags and ssc"),
    (&["dk"], &["time", "lags", "ssc"], "DK() takes time, lags and ssc"),
    (&["conley"], &["lat", "lon", "cutoff", "kernel"], "conley() takes lat, lon, cutoff and kernel"),
];

/// The options inside the parentheses.
#[derive(Default)]
struct Options {
    /// What was given, and where.
    given: Vec<(&'static str, usize)>,
    by: Vec<Vec<Variable>>,
    time: Option<Variable>,
    unit: Option<Variable>,
    latitude: Option<Variable>,
    longitude: Option<Variable>,
    lags: Option<usize>,
    cutoff: Option<f64>,
    kernel: Option<crate::vcov::SpatialKernel>,
    small_sample: Option<SmallSample>,
    weights: Option<WildWeights>,
    draws: Option<usize>,
    seed: Option<u64>,
}

impl VcovFormula {
    /// Reads a variance estimator.
    ///
    /// # Errors
    /// [`FormulaError`], with the position.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        let mut parser = Parser::new(text)?;
        let head = parser.name("a variance estimator")?;
        let options = options(&mut parser)?;
        parser.end()?;
        let missing = |what: &'static str| FormulaError::Syntax {
            position: text.chars().count() + 1,
            found: "the end".into(),
            expected: what,
        };
        let small_sample = options.small_sample.unwrap_or(SmallSample::Fixest);
        let name = head.name.to_ascii_lowercase();
        if let Some((_, taken, instead)) = TAKEN.iter().find(|t| t.0.contains(&name.as_str()))
            && let Some((_, position)) = options.given.iter().find(|(option, _)| !taken.contains(option))
        {
            return Err(FormulaError::Unsupported { position: *position, what: "this option", instead });
        }
        let kind = match name.as_str() {
            "classical" | "iid" => Kind::Plain(crate::Vcov::Classical),
            "hc0" => Kind::Plain(crate::Vcov::Hc0),
            "hc1" | "hetero" | "robust" => Kind::Plain(crate::Vcov::Hc1),
            "hc2" => Kind::Plain(crate::Vcov::Hc2),
            "hc3" => Kind::Plain(crate::Vcov::Hc3),
            "cluster" if !options.by.is_empty() => Kind::Cluster { by: options.by, small_sample },
            "cluster" => return Err(missing("a clustering variable, as in cluster(id),")),
            "wild" => {
                let mut by = options.by;
                if by.len() > 1 {
                    return Err(FormulaError::Unsupported {
                        position: head.position,
                        what: "a wild bootstrap by several ways of clusters",
                        instead: "use one, or a^b for their combinations",
                    });
                }
                Kind::Wild {
                    by: by.pop().ok_or_else(|| missing("a clustering variable, as in wild(id),"))?,
                    bootstrap: ScoreBootstrap {
                        weights: options.weights.unwrap_or(WildWeights::Webb),
                        draws: options.draws.unwrap_or(9_999),
                        seed: options.seed.unwrap_or(1),
                    },
                }
            }
            "nw" => Kind::NeweyWest {
                time: options.time.ok_or_else(|| missing("time="))?,
                unit: options.unit,
                lags: options.lags.ok_or_else(|| missing("lags="))?,
                small_sample,
            },
            "dk" => Kind::DriscollKraay {
                time: options.time.ok_or_else(|| missing("time="))?,
                lags: options.lags.ok_or_else(|| missing("lags="))?,
                small_sample,
            },
            "conley" => Kind::Conley {
                latitude: options.latitude.ok_or_else(|| missing("lat="))?,
                longitude: options.longitude.ok_or_else(|| missing("lon="))?,
                cutoff_km: options.cutoff.ok_or_else(|| missing("cutoff="))?,
                kernel: options.kernel.unwrap_or(crate::vcov::SpatialKernel::Uniform),
            },
            _ => {
                return Err(FormulaError::UnknownFunction {
                    position: head.position,
                    name: head.name,
                    known: KNOWN,
                });
            }
        };
        Ok(Self { kind })
    }
}

fn options(parser: &mut Parser) -> Result<Options, FormulaError> {
    let mut found = Options::default();
    if !parser.take('(') {
        return Ok(found);
    }
    loop {
        let position = parser.position();
        let option = parser.option();
        let name = option.as_ref().map_or("by", |option| match option.name.as_str() {
            "lag" => "lags",
            other => other,
        });
        let known = TAKEN.iter().flat_map(|t| t.1).find(|known| **known == name);
        found.given.extend(known.map(|known| (*known, position)));
        match option {
            Some(option) => match option.name.as_str() {
                "time" => found.time = Some(parser.name("a variable")?),
                "unit" => found.unit = Some(parser.name("a variable")?),
                "lat" => found.latitude = Some(parser.name("a variable")?),
                "lon" => found.longitude = Some(parser.name("a variable")?),
                "lags" | "lag" => found.lags = Some(number(parser, "a whole number of lags")?),
                "cutoff" => found.cutoff = Some(number(parser, "a distance in km")?),
                "draws" => found.draws = Some(number(parser, "a whole number of draws")?),
                "seed" => found.seed = Some(number(parser, "a whole number")?),
                "weights" => {
                    found.weights = Some(choice(
                        parser,
                        &[
                            ("webb", WildWeights::Webb),
                            ("rademacher", WildWeights::Rademacher),
                            ("mammen", WildWeights::Mammen),
                        ],
                    )?);
                }
                "kernel" => {
                    found.kernel = Some(choice(
                        parser,
                        &[
                            ("uniform", crate::vcov::SpatialKernel::Uniform),
                            ("bartlett", crate::vcov::SpatialKernel::Bartlett),
                        ],
                    )?);
                }
                "ssc" => {
                    found.small_sample = Some(choice(
                        parser,
                        &[
                            ("fixest", SmallSample::Fixest),
                            ("stata", SmallSample::Stata),
                            ("none", SmallSample::Uncorrected),
                        ],
                    )?);
                }
                _ => {
                    return Err(FormulaError::Unsupported {
                        position: option.position,
                        what: "this option",
                        instead: "there are time, unit, lat, lon, lags, cutoff, kernel, ssc, draws, seed and weights",
                    });
                }
            },
            None => found.by.push(parser.combination()?),
        }
        if !(parser.take(',') || parser.take('+')) {
            break;
        }
    }
    parser.expect(')', "')'")?;
    Ok(found)
}

fn number<T: std::str::FromStr>(parser: &mut Parser, expected: &'static str) -> Result<T, FormulaError> {
    parser.value(expected, |text| text.parse().ok())
}

fn choice<T: Copy>(parser: &mut Parser, choices: &[(&str, T)]) -> Result<T, FormulaError> {
    let of = |text: &str| choices.iter().find(|c| text.eq_ignore_ascii_case(c.0)).map(|c| c.1);
    parser.value(
        "one of the named choices (ssc: fixest, stata, none; kernel: uniform, bartlett; weights: webb, rademacher, mammen)",
        of,
    )
}
