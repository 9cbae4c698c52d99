//! A small supervised model of texts: multinomial logit on tf-idf of words and pairs of words.
//!
//! A text is the vector of its words and pairs of neighbouring words, each `(1 + ln count) idf`, of length one;
//! `idf = 1 + ln((1 + n) / (1 + texts with it))` over the `n` training texts, words that occur in one training text alone left
//! out. The probability of class `c` is `exp(a_c + b_c'x) / sum_k exp(a_k + b_k'x)`; `a, b` minimise the mean of
//! `-ln P(class)` plus `penalty / 2 |b|^2`, convex, by L-BFGS to a gradient below [`TOLERANCE`].
//!
//! [`TextModel::train`] chooses the penalty by cross-validation within the texts that it is given, and reports the precision
//! and recall of that cross-validation: every text labelled by a model that has not seen it.

use super::evaluation::Confusion;
use super::labelled::{Labelled, hash};
use super::terms::Terms;
use super::tokens::{STOP, tokens};
use super::{Class, PatentError};
use argmin::core::{CostFunction, Error as SolverError, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Largest component of the gradient at the optimum.
pub const TOLERANCE: f64 = 1e-6;
/// Penalties that cross-validation chooses from.
pub const PENALTIES: [f64; 5] = [3e-5, 1e-4, 3e-4, 1e-3, 3e-3];
/// Folds of cross-validation.
pub const FOLDS: u64 = 5;

const K: usize = Class::ALL.len();

/// A trained model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct TextModel {
    /// Words and pairs, ascending, with their idf.
    words: BTreeMap<String, (usize, f64)>,
    /// Coefficients: `K` for each word, then the constants.
    coefficients: Vec<f64>,
    /// Penalty.
    pub penalty: f64,
    /// Largest component of the gradient at the estimates.
    pub gradient: f64,
}

/// A model as a file has it.
#[derive(Deserialize)]
struct Unchecked {
    words: BTreeMap<String, (usize, f64)>,
    coefficients: Vec<f64>,
    penalty: f64,
    gradient: f64,
}

/// Why a file holds no [`TextModel`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Coefficients that do not go with the words.
    #[error("`coefficients` has {found} numbers, {words} words need {expected}: train the model again")]
    Coefficients {
        /// Numbers that there are.
        found: usize,
        /// Words that there are.
        words: usize,
        /// Numbers that they need, those of the constants included.
        expected: usize,
    },
    /// A word without coefficients of its own.
    #[error(
        "the word `{word}` has position {position}; each word has one of 0 to {words} less one to itself: train the model again"
    )]
    Position {
        /// The word.
        word: String,
        /// Its position.
        position: usize,
        /// Words that there are.
        words: usize,
    },
    /// A number that is not finite, or an idf or penalty that is not above zero.
    #[error("{what} is {value}, no number that training gives: train the model again")]
    Number {
        /// Which.
        what: String,
        /// Its value.
        value: f64,
    },
}

impl TryFrom<Unchecked> for TextModel {
    type Error = ModelError;

    fn try_from(model: Unchecked) -> Result<Self, ModelError> {
        let Unchecked { words, coefficients, penalty, gradient } = model;
        let (found, expected) = (coefficients.len(), K * (words.len() + 1));
        if found != expected {
            return Err(ModelError::Coefficients { found, words: words.len(), expected });
        }
        let mut taken = vec![false; words.len()];
        for (word, (position, idf)) in &words {
            match taken.get_mut(*position) {
                Some(taken) if !*taken => *taken = true,
                _ => {
                    let (word, position) = (word.clone(), *position);
                    return Err(ModelError::Position { word, position, words: words.len() });
                }
            }
            if !(idf.is_finite() && *idf > 0.0) {
                return Err(ModelError::Number { what: format!("the idf of `{word}`"), value: *idf });
            }
        }
        let coefficient = coefficients.iter().copied().find(|b| !b.is_finite());
        let others = [
            ("a coefficient", coefficient),
            ("`penalty`", Some(penalty).filter(|p| !(p.is_finite() && *p > 0.0))),
            ("`gradient`", Some(gradient).filter(|g| !(g.is_finite() && *g >= 0.0))),
        ];
        match others.into_iter().find_map(|(what, bad)| bad.map(|value| (what, value))) {
            Some((what, value)) => Err(ModelError::Number { what: what.to_owned(), value }),
            None => Ok(Self { words, coefficients, penalty, gradient }),
        }
    }
}

/// What training gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// The model, trained on all texts that were given.
    pub model: TextModel,
    /// Labels in cross-validation at the chosen penalty.
    pub cross_validation: Confusion,
    /// Mean F1 in cross-validation by penalty, in the order of [`PENALTIES`].
    pub by_penalty: Vec<(f64, f64)>,
}

/// A text as positions of words and their weights.
type Sparse = Vec<(usize, f64)>;

impl TextModel {
    /// Trains on labelled texts.
    ///
    /// # Errors
    /// [`PatentError::Training`] with a class of fewer than two texts among those that occur, with fewer than two classes, and
    /// when the optimum is not reached.
    pub fn train(texts: &[Labelled], terms: &Terms) -> Result<Training, PatentError> {
        let words: Vec<Vec<String>> = texts.iter().map(|t| features(&t.text(), terms)).collect();
        let classes: Vec<Class> = texts.iter().map(|t| t.class).collect();
        let occurring = Class::ALL.iter().filter(|c| classes.contains(c)).count();
        if occurring < 2 {
            return Err(refuse(texts.len(), "they are of one class".to_owned()));
        }
        // Folds by a hash of the identifier, not that of the hold-out: the same whatever the order of the file.
        let fold: Vec<u64> =
            texts.iter().map(|t| hash(format!("fold {}", t.id).as_bytes()) % FOLDS).collect();
        let mut best: Option<(f64, f64, Confusion)> = None;
        let mut by_penalty = Vec::new();
        for penalty in PENALTIES {
            let mut confusion = Confusion::default();
            for held in 0..FOLDS {
                let (test, train): (Vec<usize>, Vec<usize>) =
                    (0..texts.len()).partition(|&i| fold[i] == held);
                if train.is_empty() || test.is_empty() {
                    continue;
                }
                let model = Self::fit(&train, &words, &classes, penalty)?;
                confusion = confusion
                    .plus(&Confusion::new(test.iter().map(|&i| (classes[i], model.label(&words[i])))));
            }
            let score = confusion.macro_f1().unwrap_or(0.0);
            by_penalty.push((penalty, score));
            if best.as_ref().is_none_or(|(_, highest, _)| score > *highest) {
                best = Some((penalty, score, confusion));
            }
        }
        let (penalty, _, cross_validation) =
            best.ok_or_else(|| refuse(texts.len(), "cross-validation had no fold".to_owned()))?;
        let all: Vec<usize> = (0..texts.len()).collect();
        Ok(Training { model: Self::fit(&all, &words, &classes, penalty)?, cross_validation, by_penalty })
    }

    fn fit(
        rows: &[usize],
        words: &[Vec<String>],
        classes: &[Class],
        penalty: f64,
    ) -> Result<Self, PatentError> {
        let mut texts_with: BTreeMap<&str, usize> = BTreeMap::new();
        for &row in rows {
            let mut distinct: Vec<&str> = words[row].iter().map(String::as_str).collect();
            distinct.sort_unstable();
            distinct.dedup();
            distinct.into_iter().for_each(|word| *texts_with.entry(word).or_default() += 1);
        }
        let n = rows.len() as f64;
        let vocabulary: BTreeMap<String, (usize, f64)> = texts_with
            .into_iter()
            .filter(|(_, count)| *count >= 2)
            .enumerate()
            .map(|(i, (word, count))| (word.to_owned(), (i, 1.0 + ((1.0 + n) / (1.0 + count as f64)).ln())))
            .collect();
        if vocabulary.is_empty() {
            return Err(refuse(rows.len(), "no word occurs in two of them".to_owned()));
        }
        let size = K * (vocabulary.len() + 1);
        let mut model =
            Self { words: vocabulary, coefficients: vec![0.0; size], penalty, gradient: f64::NAN };
        let problem = Likelihood {
            x: rows.iter().map(|&row| model.sparse(&words[row])).collect(),
            y: rows.iter().map(|&row| classes[row].index()).collect(),
            penalty,
        };
        let failed = |error: SolverError| refuse(rows.len(), format!("the search failed: {error}"));
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), 10)
            .with_tolerance_grad(TOLERANCE * 0.1)
            .and_then(|solver| solver.with_tolerance_cost(0.0))
            .map_err(failed)?;
        let outcome = Executor::new(&problem, solver)
            .configure(|state| state.param(vec![0.0; size]).max_iters(2000))
            .run()
            .map_err(failed)?;
        if let Some(best) = outcome.state().get_best_param() {
            model.coefficients.clone_from(best);
        }
        model.gradient =
            problem.value_and_gradient(&model.coefficients).1.iter().fold(0.0, |m, g| f64::max(m, g.abs()));
        if model.gradient > TOLERANCE {
            return Err(refuse(
                rows.len(),
                format!("the gradient is {:e} after {} steps", model.gradient, outcome.state().get_iter()),
            ));
        }
        Ok(model)
    }

    /// Probabilities of the classes, in the order of [`Class::ALL`].
    pub fn probabilities(&self, text: &str, terms: &Terms) -> [f64; K] {
        self.of_words(&features(text, terms))
    }

    /// The most probable class.
    pub fn classify(&self, text: &str, terms: &Terms) -> Class {
        self.label(&features(text, terms))
    }

    /// The words and pairs that speak most for a class against the mean of the others, strongest first.
    pub fn telling(&self, class: Class, number: usize) -> Vec<(&str, f64)> {
        let mut words: Vec<(&str, f64)> = self
            .words
            .iter()
            .map(|(word, (i, _))| {
                let b = &self.coefficients[K * i..K * (i + 1)];
                let own = b[class.index()];
                (word.as_str(), own - (b.iter().sum::<f64>() - own) / (K as f64 - 1.0))
            })
            .collect();
        words.sort_by(|a, b| b.1.total_cmp(&a.1));
        words.truncate(number);
        words
    }

    fn label(&self, words: &[String]) -> Class {
        let p = self.of_words(words);
        let best = (0..K).max_by(|a, b| p[*a].total_cmp(&p[*b]).then(b.cmp(a))).unwrap_or(0);
        Class::ALL[best]
    }

    fn of_words(&self, words: &[String]) -> [f64; K] {
        probabilities(&self.sparse(words), &self.coefficients)
    }

    fn sparse(&self, words: &[String]) -> Sparse {
        let mut counts: HashMap<usize, (f64, f64)> = HashMap::new();
        for word in words {
            if let Some((i, idf)) = self.words.get(word) {
                counts.entry(*i).or_insert((0.0, *idf)).0 += 1.0;
            }
        }
        let mut x: Sparse =
            counts.into_iter().map(|(i, (count, idf))| (i, (1.0 + count.ln()) * idf)).collect();
        x.sort_unstable_by_key(|(i, _)| *i);
        let length = x.iter().map(|(_, v)| v * v).sum::<f64>().sqrt();
        if length > 0.0 {
            x.iter_mut().for_each(|(_, v)| *v /= length);
        }
        x
    }
}

/// Words and pairs of neighbours within sentences.
fn features(text: &str, terms: &Terms) -> Vec<String> {
    let words = tokens(text, terms);
    let pairs =
        words.windows(2).filter(|w| w[0] != STOP && w[1] != STOP).map(|w| format!("{} {}", w[0], w[1]));
    let mut features: Vec<String> = words.iter().filter(|w| *w != STOP).cloned().collect();
    features.extend(pairs);
    features
}

fn refuse(texts: usize, reason: String) -> PatentError {
    PatentError::Training { texts, reason }
}

fn probabilities(x: &Sparse, coefficients: &[f64]) -> [f64; K] {
    let mut index = [0.0; K];
    index.copy_from_slice(&coefficients[coefficients.len() - K..]);
    for (i, value) in x {
        let b = &coefficients[K * i..K * (i + 1)];
        index.iter_mut().zip(b).for_each(|(index, b)| *index += b * value);
    }
    let highest = index.iter().fold(f64::NEG_INFINITY, |m, v| m.max(*v));
    index.iter_mut().for_each(|v| *v = (*v - highest).exp());
    let sum: f64 = index.iter().sum();
    index.map(|v| v / sum)
}

/// The penalised mean of minus the log-likelihood.
struct Likelihood {
    x: Vec<Sparse>,
    y: Vec<usize>,
    penalty: f64,
}

impl Likelihood {
    fn value_and_gradient(&self, b: &[f64]) -> (f64, Vec<f64>) {
        let n = self.x.len() as f64;
        let constants = b.len() - K;
        let mut gradient: Vec<f64> = b.iter().map(|v| self.penalty * v).collect();
        gradient[constants..].fill(0.0);
        let mut value = 0.5 * self.penalty * b[..constants].iter().map(|v| v * v).sum::<f64>();
        for (x, &y) in self.x.iter().zip(&self.y) {
            let mut p = probabilities(x, b);
            value -= p[y].max(f64::MIN_POSITIVE).ln() / n;
            p[y] -= 1.0;
            for (i, v) in x {
                for (g, p) in gradient[K * i..K * (i + 1)].iter_mut().zip(&p) {
                    *g += p * v / n;
                }
            }
            gradient[constants..].iter_mut().zip(&p).for_each(|(g, p)| *g += p / n);
        }
        (value, gradient)
    }
}

impl CostFunction for &Likelihood {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, b: &Vec<f64>) -> Result<f64, SolverError> {
        Ok(self.value_and_gradient(b).0)
    }
}

impl Gradient for &Likelihood {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, b: &Vec<f64>) -> Result<Vec<f64>, SolverError> {
        Ok(self.value_and_gradient(b).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patent_text::labelled;

    #[test]
    fn the_gradient_is_that_of_the_value() {
        let problem = Likelihood {
            x: vec![vec![(0, 0.6), (1, 0.8)], vec![(1, 1.0)], vec![(0, 1.0)]],
            y: vec![0, 3, 5],
            penalty: 0.1,
        };
        let b: Vec<f64> = (0..3 * K).map(|i| ((i * 7) % 11) as f64 / 10.0 - 0.5).collect();
        let (_, gradient) = problem.value_and_gradient(&b);
        for i in 0..b.len() {
            let step = |h: f64| {
                let mut b = b.clone();
                b[i] += h;
                problem.value_and_gradient(&b).0
            };
            let numeric = (step(1e-5) - step(-1e-5)) / 2e-5;
            assert!((numeric - gradient[i]).abs() < 1e-8, "{i}: {numeric} {}", gradient[i]);
        }
    }

    #[test]
    fn training_does_not_depend_on_the_order_of_texts_and_beats_guessing_by_far() {
        let terms = Terms::shipped().unwrap();
        let mut texts: Vec<_> = labelled::shipped().unwrap().into_iter().filter(|t| !t.held_out()).collect();
        let first = TextModel::train(&texts, &terms).unwrap();
        assert!(first.cross_validation.accuracy().unwrap() > 0.5, "guessing gives a sixth");
        assert_eq!(first.cross_validation.total(), texts.len(), "every text is held out once");
        texts.reverse();
        let second = TextModel::train(&texts, &terms).unwrap();
        assert_eq!(first.model.penalty, second.model.penalty);
        for text in &texts {
            let (a, b) = (
                first.model.probabilities(&text.text(), &terms),
                second.model.probabilities(&text.text(), &terms),
            );
            for (a, b) in a.iter().zip(&b) {
                assert!((a - b).abs() < 1e-3, "{a} {b}");
            }
        }
        let json = serde_json::to_string(&first.model).unwrap();
        assert_eq!(serde_json::from_str::<TextModel>(&json).unwrap(), first.model);
    }

    #[test]
    fn a_file_that_is_no_model_is_refused_with_what_is_wrong() {
        let word = |position: usize, idf: &str| format!("\"cerium\":[{position},{idf}]");
        let file = |words: &str, numbers: usize, penalty: &str| {
            let coefficients = vec!["0.5"; numbers].join(",");
            format!(
                "{{\"words\":{{{words}}},\"coefficients\":[{coefficients}],\"penalty\":{penalty},\"gradient\":0}}"
            )
        };
        let read = |text: &str| serde_json::from_str::<TextModel>(text);
        let terms = Terms::shipped().unwrap();
        let model = read(&file(&word(0, "1.5"), 2 * K, "0.001")).unwrap();
        assert_eq!(model.probabilities("cerium", &terms), [1.0 / K as f64; K]);
        for (text, said) in [
            (file(&word(0, "1.5"), 2 * K - 1, "0.001"), "`coefficients` has 11 numbers, 1 words need 12"),
            (file("", 0, "0.001"), "`coefficients` has 0 numbers"),
            (file(&word(1, "1.5"), 2 * K, "0.001"), "`cerium` has position 1"),
            (file(&format!("{},\"ceria\":[0,1]", word(0, "1.5")), 3 * K, "0.001"), "`cerium` has position 0"),
            (file(&word(0, "-1"), 2 * K, "0.001"), "the idf of `cerium` is -1"),
            (file(&word(0, "1.5"), 2 * K, "0"), "`penalty` is 0"),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(said), "`{said}` is not in: {error}");
        }
    }

    #[test]
    fn texts_of_one_class_are_refused() {
        let terms = Terms::shipped().unwrap();
        let texts: Vec<_> =
            labelled::shipped().unwrap().into_iter().filter(|t| t.class == Class::Mining).collect();
        let error = TextModel::train(&texts, &terms).unwrap_err();
        assert!(error.to_string().contains("one class"), "{error}");
    }
}
