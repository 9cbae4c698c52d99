//! How good labels are: confusion, precision, recall.

use super::Class;

/// Counts of texts by true class (row) and label (column), in the order of [`Class::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Confusion {
    counts: [[usize; Class::ALL.len()]; Class::ALL.len()],
}

/// Precision and recall of one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Texts of the class.
    pub texts: usize,
    /// Texts with its label.
    pub labelled: usize,
    /// Share of the labelled that are of the class; `None` when none is labelled.
    pub precision: Option<f64>,
    /// Share of the class that is labelled; `None` when there is none.
    pub recall: Option<f64>,
    /// Harmonic mean of the two: `2 hits / (texts + labelled)`; `None` when both are zero.
    pub f1: Option<f64>,
}

impl Confusion {
    /// Counts pairs of true class and label.
    pub fn new(pairs: impl IntoIterator<Item = (Class, Class)>) -> Self {
        let mut confusion = Self::default();
        for (truth, label) in pairs {
            confusion.counts[truth.index()][label.index()] += 1;
        }
        confusion
    }

    /// Texts of class `truth` labelled `label`.
    pub fn count(&self, truth: Class, label: Class) -> usize {
        self.counts[truth.index()][label.index()]
    }

    /// All texts.
    pub fn total(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// Share of texts with the right label; `None` without texts.
    pub fn accuracy(&self) -> Option<f64> {
        let right: usize = Class::ALL.iter().map(|c| self.count(*c, *c)).sum();
        ratio(right, self.total())
    }

    /// Precision and recall of a class.
    pub fn score(&self, class: Class) -> Score {
        let hits = self.count(class, class);
        let texts = Class::ALL.iter().map(|label| self.count(class, *label)).sum();
        let labelled = Class::ALL.iter().map(|truth| self.count(*truth, class)).sum();
        Score {
            texts,
            labelled,
            precision: ratio(hits, labelled),
            recall: ratio(hits, texts),
            f1: ratio(2 * hits, texts + labelled),
        }
    }

    /// Mean of F1 over the classes that occur; `None` without texts.
    pub fn macro_f1(&self) -> Option<f64> {
        let scores: Vec<f64> =
            Class::ALL.iter().map(|c| self.score(*c)).filter(|s| s.texts > 0).filter_map(|s| s.f1).collect();
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// The sum with another.
    pub fn plus(mut self, other: &Self) -> Self {
        for (row, of_other) in self.counts.iter_mut().zip(&other.counts) {
            row.iter_mut().zip(of_other).for_each(|(a, b)| *a += b);
        }
        self
    }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_and_recall_by_hand() {
        use Class::{Mining, Recycling, Use};
        let pairs =
            [(Recycling, Recycling), (Recycling, Mining), (Mining, Mining), (Use, Mining), (Use, Use)];
        let confusion = Confusion::new(pairs);
        let mining = confusion.score(Mining);
        assert_eq!((mining.texts, mining.labelled), (1, 3));
        assert_eq!((mining.precision, mining.recall, mining.f1), (Some(1.0 / 3.0), Some(1.0), Some(0.5)));
        assert_eq!(confusion.accuracy(), Some(0.6));
        assert_eq!(confusion.score(Class::Efficiency).precision, None);
        assert_eq!(Confusion::default().accuracy(), None);
    }
}
