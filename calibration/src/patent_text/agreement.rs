//! How far labellers agree, beyond chance.
//!
//! - Cohen's kappa (Cohen 1960): two labellers, `(p_o - p_e) / (1 - p_e)`, `p_e` from each one's own shares of classes.
//! - Fleiss' kappa (Fleiss 1971): any number of labellers, as many for every text, `p_e` from the shares of all labels.
//! - Krippendorff's alpha for classes without order (Krippendorff 2004): any number of labellers, labels may be missing,
//!   `1 - D_o / D_e`.
//!
//! Standard errors are the jackknife's over texts.

use super::{Class, PatentError};
use std::collections::BTreeMap;

/// A measure of agreement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// The coefficient: one for full agreement, zero for what chance gives.
    pub value: f64,
    /// Its jackknife standard error.
    pub std_error: f64,
    /// Texts that it rests on.
    pub texts: usize,
}

/// Labels by labeller and text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    labellers: Vec<String>,
    /// By text: one label, or none, for each labeller.
    texts: BTreeMap<String, Vec<Option<Class>>>,
}

impl Labels {
    /// No labels.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a label; one that is there already for the text and labeller is replaced and returned.
    pub fn insert(&mut self, text: &str, labeller: &str, class: Class) -> Option<Class> {
        let position = self.labellers.iter().position(|known| known == labeller).unwrap_or_else(|| {
            self.labellers.push(labeller.to_owned());
            self.labellers.len() - 1
        });
        let labels = self.texts.entry(text.to_owned()).or_default();
        labels.resize(labels.len().max(position + 1), None);
        labels.get_mut(position).and_then(|label| label.replace(class))
    }

    /// Names of the labellers, in the order in which they were first seen.
    pub fn labellers(&self) -> &[String] {
        &self.labellers
    }

    /// Texts with at least one label.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// The label of a text by a labeller, by position.
    pub fn label(&self, text: &str, labeller: usize) -> Option<Class> {
        self.texts.get(text)?.get(labeller).copied().flatten()
    }

    /// The label that most labellers gave a text; `None` where two lead.
    pub fn majority(&self, text: &str) -> Option<Class> {
        let labels = self.texts.get(text)?;
        let votes = |class: Class| labels.iter().filter(|l| **l == Some(class)).count();
        let most = Class::ALL.into_iter().map(votes).max()?;
        let mut leading = Class::ALL.into_iter().filter(|class| votes(*class) == most);
        match (leading.next(), leading.next()) {
            (Some(class), None) if most > 0 => Some(class),
            _ => None,
        }
    }

    /// Cohen's kappa of two labellers, by position, over the texts that both labelled.
    ///
    /// # Errors
    /// [`PatentError::Agreement`] with fewer than two such texts, or where both gave one class alone, the same.
    pub fn cohen(&self, first: usize, second: usize) -> Result<Agreement, PatentError> {
        let pairs: Vec<[usize; 2]> = self
            .texts
            .keys()
            .filter_map(|text| Some([self.label(text, first)?.index(), self.label(text, second)?.index()]))
            .collect();
        jackknife("Cohen's kappa", &pairs, |pairs| {
            let n = pairs.len() as f64;
            let (mut agree, mut shares) = (0.0, [[0.0; 2]; Class::ALL.len()]);
            for pair in pairs {
                agree += f64::from(u8::from(pair[0] == pair[1]));
                shares[pair[0]][0] += 1.0 / n;
                shares[pair[1]][1] += 1.0 / n;
            }
            beyond(agree / n, shares.iter().map(|s| s[0] * s[1]).sum())
        })
    }

    /// Fleiss' kappa over the texts that every labeller labelled.
    ///
    /// # Errors
    /// [`PatentError::Agreement`] with fewer than two labellers or texts, or where all labels are the same.
    pub fn fleiss(&self) -> Result<Agreement, PatentError> {
        let raters = self.labellers.len();
        let counts: Vec<Counts> =
            self.counts().into_iter().filter(|c| raters >= 2 && c.iter().sum::<usize>() == raters).collect();
        jackknife("Fleiss' kappa", &counts, |counts| {
            let (n, r) = (counts.len() as f64, raters as f64);
            let mut shares = [0.0; Class::ALL.len()];
            let mut agree = 0.0;
            for text in counts {
                let pairs: f64 = text.iter().map(|&c| c as f64 * (c as f64 - 1.0)).sum();
                agree += pairs / (r * (r - 1.0)) / n;
                shares.iter_mut().zip(text).for_each(|(s, &c)| *s += c as f64 / (n * r));
            }
            beyond(agree, shares.iter().map(|s| s * s).sum())
        })
    }

    /// Krippendorff's alpha for classes without order, over the texts with two or more labels.
    ///
    /// # Errors
    /// [`PatentError::Agreement`] with fewer than two such texts, or where all labels are the same.
    pub fn krippendorff(&self) -> Result<Agreement, PatentError> {
        let counts: Vec<Counts> =
            self.counts().into_iter().filter(|c| c.iter().sum::<usize>() >= 2).collect();
        jackknife("Krippendorff's alpha", &counts, |counts| {
            let mut totals = [0.0; Class::ALL.len()];
            let (mut all, mut disagree) = (0.0, 0.0);
            for text in counts {
                let m = text.iter().sum::<usize>() as f64;
                all += m;
                for &c in text {
                    disagree += c as f64 * (m - c as f64) / (m - 1.0);
                }
                totals.iter_mut().zip(text).for_each(|(t, &c)| *t += c as f64);
            }
            let expected: f64 = totals.iter().map(|t| t * (all - t)).sum::<f64>() / (all - 1.0);
            (expected > 0.0).then(|| 1.0 - disagree / expected)
        })
    }

    /// Labels of every text by class.
    fn counts(&self) -> Vec<Counts> {
        let of = |labels: &Vec<Option<Class>>| {
            let mut counts = [0; Class::ALL.len()];
            labels.iter().flatten().for_each(|class| counts[class.index()] += 1);
            counts
        };
        self.texts.values().map(of).collect()
    }
}

type Counts = [usize; Class::ALL.len()];

/// `(observed - expected) / (1 - expected)`; `None` where chance alone gives full agreement.
fn beyond(observed: f64, expected: f64) -> Option<f64> {
    (expected < 1.0 - 1e-12).then(|| (observed - expected) / (1.0 - expected))
}

fn jackknife<T: Clone>(
    statistic: &'static str,
    texts: &[T],
    of: impl Fn(&[T]) -> Option<f64>,
) -> Result<Agreement, PatentError> {
    let refuse = |reason: &str| PatentError::Agreement { statistic, reason: reason.to_owned() };
    if texts.len() < 2 {
        return Err(refuse("fewer than two texts have labels by enough labellers"));
    }
    let value = of(texts).ok_or_else(|| refuse("all labels are the same class"))?;
    // A text without which nothing can be computed leaves the value as it is: it then carries no influence.
    let without: Vec<f64> = (0..texts.len())
        .map(|i| {
            let mut rest = texts.to_vec();
            rest.swap_remove(i);
            of(&rest).unwrap_or(value)
        })
        .collect();
    let n = texts.len() as f64;
    let mean = without.iter().sum::<f64>() / n;
    let variance = (n - 1.0) / n * without.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    Ok(Agreement { value, std_error: variance.sqrt(), texts: texts.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Class::{Mining, Recycling, Use};

    fn labels(rows: &[&[Option<Class>]]) -> Labels {
        let mut labels = Labels::new();
        for (text, row) in rows.iter().enumerate() {
            for (labeller, class) in row.iter().enumerate() {
                labels.insert(&format!("t{text:03}"), &format!("l{labeller}"), class.unwrap_or(Use));
                if class.is_none() {
                    labels.texts.get_mut(&format!("t{text:03}")).unwrap()[labeller] = None;
                }
            }
        }
        labels
    }

    #[test]
    fn cohens_kappa_of_the_textbook_table() {
        // 50 texts: both yes 20, both no 15, yes-no 5, no-yes 10: p_o = 0.7, p_e = 0.5, kappa = 0.4.
        let mut rows = Vec::new();
        for (a, b, n) in [(Use, Use, 20), (Mining, Mining, 15), (Use, Mining, 5), (Mining, Use, 10)] {
            rows.extend(std::iter::repeat_n([Some(a), Some(b)], n));
        }
        let rows: Vec<&[Option<Class>]> = rows.iter().map(|r| &r[..]).collect();
        let kappa = labels(&rows).cohen(0, 1).unwrap();
        assert!((kappa.value - 0.4).abs() < 1e-12, "{kappa:?}");
        assert!(kappa.std_error > 0.1 && kappa.std_error < 0.16, "{kappa:?}");
    }

    #[test]
    fn alpha_with_missing_labels_by_hand() {
        // Units {U,U}, {M,M}, {U,M}: coincidences o_UM = o_MU = 1, n = 6, n_U = n_M = 3; alpha = 1 - 5 * 2 / 18.
        let labels = labels(&[
            &[Some(Use), Some(Use), None],
            &[Some(Mining), None, Some(Mining)],
            &[Some(Use), Some(Mining), None],
            &[None, None, Some(Recycling)],
        ]);
        let alpha = labels.krippendorff().unwrap();
        assert!((alpha.value - (1.0 - 10.0 / 18.0)).abs() < 1e-12, "{alpha:?}");
        assert_eq!(alpha.texts, 3);
    }

    #[test]
    fn fleiss_by_hand_and_its_kinship_with_alpha() {
        let rows: [[Option<Class>; 3]; 4] = [
            [Some(Use), Some(Use), Some(Use)],
            [Some(Use), Some(Mining), Some(Mining)],
            [Some(Mining), Some(Mining), Some(Mining)],
            [Some(Use), Some(Use), Some(Mining)],
        ];
        let rows: Vec<&[Option<Class>]> = rows.iter().map(|r| &r[..]).collect();
        let labels = labels(&rows);
        // p_o = (1 + 1/3 + 1 + 1/3) / 4 = 2/3, p_e = 1/2.
        let kappa = labels.fleiss().unwrap().value;
        assert!((kappa - 1.0 / 3.0).abs() < 1e-12);
        // Alpha corrects for the size of the sample: 1 - (1 - kappa) (n - 1) / n with n labels.
        let alpha = labels.krippendorff().unwrap().value;
        assert!((alpha - (1.0 - (1.0 - kappa) * 11.0 / 12.0)).abs() < 1e-12);
        assert_eq!(labels.majority("t001"), Some(Mining));
    }

    #[test]
    fn what_cannot_be_computed_says_why() {
        let one = labels(&[&[Some(Use), Some(Use)], &[Some(Use), Some(Use)]]);
        assert!(one.cohen(0, 1).unwrap_err().to_string().contains("same class"));
        assert!(Labels::new().fleiss().unwrap_err().to_string().contains("fewer than two"));
    }

    proptest::proptest! {
        #[test]
        fn full_agreement_is_one_and_names_do_not_matter(classes in proptest::collection::vec(0_usize..6, 4..30)) {
            proptest::prop_assume!(classes.iter().any(|c| *c != classes[0]));
            let mut labels = Labels::new();
            for (i, class) in classes.iter().enumerate() {
                for labeller in ["a", "b", "c"] {
                    labels.insert(&i.to_string(), labeller, Class::ALL[*class]);
                }
            }
            for agreement in [labels.cohen(0, 2).unwrap(), labels.fleiss().unwrap(), labels.krippendorff().unwrap()] {
                proptest::prop_assert!((agreement.value - 1.0).abs() < 1e-9);
            }
        }
    }
}
