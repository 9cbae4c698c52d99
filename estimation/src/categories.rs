use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// A categorical variable: the levels of a fixed effect, of clusters, of a text column.
///
/// Copies share their codes and levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Categories {
    name: String,
    codes: Arc<[u32]>,
    labels: Arc<Labels>,
}

/// Labels end to end: a hundred thousand short strings of their own would take several times the room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Labels {
    text: String,
    /// Where each one ends.
    ends: Vec<usize>,
}

impl Labels {
    fn push(&mut self, label: impl std::fmt::Display) {
        use std::fmt::Write;
        // Writing to a string does not fail.
        let _ = write!(self.text, "{label}");
        self.ends.push(self.text.len());
    }

    fn get(&self, level: usize) -> &str {
        let start = if level == 0 { 0 } else { self.ends[level - 1] };
        &self.text[start..self.ends[level]]
    }

    fn shrink(mut self) -> Arc<Self> {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        Arc::new(self)
    }
}

impl<D: std::fmt::Display> FromIterator<D> for Labels {
    fn from_iter<I: IntoIterator<Item = D>>(labels: I) -> Self {
        let mut all = Self::default();
        labels.into_iter().for_each(|label| all.push(label));
        all
    }
}

impl Categories {
    /// Codes any values by their order of first appearance.
    ///
    /// ```
    /// use estimation::Categories;
    /// let pair = Categories::new("exporter", ["CHN", "JPN", "CHN"]);
    /// assert_eq!(pair.codes(), [0, 1, 0]);
    /// assert_eq!(pair.levels().collect::<Vec<_>>(), ["CHN", "JPN"]);
    /// ```
    pub fn new<T: Eq + Hash + ToString>(
        name: impl Into<String>,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let mut seen: HashMap<T, u32> = HashMap::new();
        let mut labels = Labels::default();
        let codes = values
            .into_iter()
            .map(|value| match seen.get(&value) {
                Some(&code) => code,
                None => {
                    let code = labels.ends.len() as u32;
                    labels.push(value.to_string());
                    seen.insert(value, code);
                    code
                }
            })
            .collect();
        Self { name: name.into(), codes, labels: labels.shrink() }
    }

    /// The distinct values of a numeric variable as levels; not-a-number is one of them.
    pub fn from_numbers(name: impl Into<String>, values: &[f64]) -> Self {
        let bits = |v: &f64| match *v {
            0.0 => 0,
            v if v.is_nan() => f64::NAN.to_bits(),
            v => v.to_bits(),
        };
        let by_bits = Self::new(name, values.iter().map(bits));
        let mut levels = vec![String::new(); by_bits.count()];
        for (&code, value) in by_bits.codes.iter().zip(values) {
            let label = &mut levels[code as usize];
            if label.is_empty() {
                *label = value.to_string();
            }
        }
        Self { labels: levels.into_iter().collect::<Labels>().shrink(), ..by_bits }
    }

    /// The variable's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One code per row, a position among the [`levels`](Self::levels).
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The labels.
    pub fn levels(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.count()).map(|level| self.labels.get(level))
    }

    /// The label of a row; nothing where there is no such row.
    pub fn label(&self, row: usize) -> Option<&str> {
        self.codes.get(row).map(|code| self.labels.get(*code as usize))
    }

    /// The label of a code.
    pub(crate) fn level(&self, code: usize) -> &str {
        self.labels.get(code)
    }

    /// The number of levels.
    pub fn count(&self) -> usize {
        self.labels.ends.len()
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The combinations of two variables that occur, named `a^b` as in fixest, their levels `a_b`.
    ///
    /// Where two combinations would read the same (`x_y` with `z`, `x` with `y_z`), underscores of the variables' own labels
    /// are written `\_` in both. Rows beyond the shorter of the two are left out.
    pub fn interact(&self, other: &Self) -> Self {
        let mut seen: HashMap<(u32, u32), u32> = HashMap::new();
        let mut pairs = Vec::new();
        let codes = self
            .codes
            .iter()
            .zip(other.codes.iter())
            .map(|(&a, &b)| {
                *seen.entry((a, b)).or_insert_with(|| {
                    pairs.push((a, b));
                    pairs.len() as u32 - 1
                })
            })
            .collect();
        let parts = |&(a, b): &(u32, u32)| (self.level(a as usize), other.level(b as usize));
        let mut twice: HashMap<String, u32> = HashMap::new();
        // Only then can two read the same.
        if self.labels.text.contains('_') && other.labels.text.contains('_') {
            for (a, b) in pairs.iter().map(parts) {
                *twice.entry(format!("{a}_{b}")).or_default() += 1;
            }
            twice.retain(|_, times| *times > 1);
        }
        let escaped = |part: &str| part.replace('\\', "\\\\").replace('_', "\\_");
        let labels: Labels = pairs
            .iter()
            .map(parts)
            .map(|(a, b)| match format!("{a}_{b}") {
                label if twice.contains_key(&label) => format!("{}_{}", escaped(a), escaped(b)),
                label => label,
            })
            .collect();
        Self { name: format!("{}^{}", self.name, other.name), codes, labels: labels.shrink() }
    }

    /// The rows given, with the levels that occur among them, in the old order of levels.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        if rows.len() == self.codes.len() && rows.is_sorted_by(|a, b| a < b) {
            return self.clone();
        }
        let mut present = vec![false; self.count()];
        for &row in rows {
            present[self.codes[row] as usize] = true;
        }
        let mut new_code = vec![u32::MAX; self.count()];
        let mut labels = Labels::default();
        for (old, _) in present.iter().enumerate().filter(|(_, p)| **p) {
            new_code[old] = labels.ends.len() as u32;
            labels.push(self.level(old));
        }
        let codes = rows.iter().map(|&row| new_code[self.codes[row] as usize]).collect();
        Self { name: self.name.clone(), codes, labels: labels.shrink() }
    }

    /// Whether every level of `self` lies in one level of `other`.
    pub(crate) fn nested_in(&self, other: &Self) -> bool {
        let mut home = vec![u32::MAX; self.count()];
        self.codes.iter().zip(other.codes.iter()).all(|(&c, &o)| {
            let slot = &mut home[c as usize];
            if *slot == u32::MAX {
                *slot = o;
            }
            *slot == o
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_that_would_read_the_same_do_not() {
        let a = Categories::new("a", ["x_y", "x", "u_v", "x_y"]);
        let b = Categories::new("b", ["z", "y_z", "w", "z"]);
        let both = a.interact(&b);
        assert_eq!(both.codes(), [0, 1, 2, 0]);
        assert_eq!(both.levels().collect::<Vec<_>>(), ["x\\_y_z", "x_y\\_z", "u_v_w"]);
    }

    #[test]
    fn whatever_is_not_a_number_is_one_level() {
        let values = [f64::NAN, 1.0, -f64::NAN, f64::from_bits(f64::NAN.to_bits() + 1), 0.0, -0.0];
        let c = Categories::from_numbers("v", &values);
        assert_eq!(c.codes(), [0, 1, 0, 0, 2, 2]);
    }
}
