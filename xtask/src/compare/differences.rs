//! Which cells of two tables differ. Rows are matched by their labels, columns by their names.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::read::Sheet;

/// A number, or a word, that is not the same in both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// The labels of the row: column and value.
    pub(super) row: Vec<(String, String)>,
    /// The column.
    pub(super) column: String,
    /// What the first has.
    pub(super) a: String,
    /// What the second has.
    pub(super) b: String,
    /// Both as numbers, where both are.
    pub(super) numbers: Option<(f64, f64)>,
}

impl Difference {
    /// The labels of the row, in words.
    pub(super) fn place(&self) -> String {
        let labels: Vec<&str> = self.row.iter().map(|(_, value)| value.as_str()).collect();
        labels.join(", ")
    }

    /// Second less first.
    pub(super) fn change(&self) -> Option<f64> {
        self.numbers.map(|(a, b)| b - a)
    }

    /// The change over the first, percent; none where the first is nothing.
    pub(super) fn percent(&self) -> Option<f64> {
        self.numbers.filter(|(a, _)| *a != 0.0).map(|(a, b)| 100.0 * (b - a) / a.abs())
    }

    /// The change over the larger of both, by which differences are ranked; words that differ come first.
    pub(super) fn size(&self) -> f64 {
        self.numbers.map_or(f64::INFINITY, |(a, b)| relative(a, b))
    }
}

/// What the comparison of two tables of the same name gave.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Pairs of cells that were compared.
    pub(super) compared: usize,
    /// Those that differ.
    pub(super) differences: Vec<Difference>,
    /// Rows and columns that one has and the other has not.
    pub(super) unmatched: Vec<String>,
}

/// Compares two tables. Numbers whose distance is at most `tolerance` times the larger of both are the same.
pub(super) fn compare(a: &Sheet, b: &Sheet, tolerance: f64) -> Comparison {
    let mut result = Comparison::default();
    let in_b: HashMap<&str, usize> =
        b.header.iter().enumerate().map(|(c, name)| (name.as_str(), c)).collect();
    let mut columns = Vec::new();
    for (c, name) in a.header.iter().enumerate() {
        match in_b.get(name.as_str()) {
            Some(&d) => columns.push((c, d)),
            None => result.unmatched.push(format!("only the first has the column `{name}`")),
        }
    }
    for name in b.header.iter().filter(|name| !a.header.contains(name)) {
        result.unmatched.push(format!("only the second has the column `{name}`"));
    }

    let labels = labels(a, b, &columns);
    let of_a = keys(a, &labels.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let of_b = keys(b, &labels.iter().map(|pair| pair.1).collect::<Vec<_>>());
    let names: Vec<String> = labels.iter().filter_map(|pair| a.header.get(pair.0).cloned()).collect();
    let mut rows_of_b: BTreeMap<Vec<String>, usize> =
        of_b.into_iter().enumerate().map(|(row, key)| (key, row)).collect();
    for (row, labelled) in of_a.into_iter().enumerate() {
        let Some(other) = rows_of_b.remove(&labelled) else {
            result.unmatched.push(format!("only the first has the row {}", labelled.join(", ")));
            continue;
        };
        for &(c, d) in columns.iter().filter(|pair| !labels.contains(pair)) {
            result.compared += 1;
            let (x, y) = (cell(a, row, c), cell(b, other, d));
            let numbers = number(x).zip(number(y));
            let same = x == y || numbers.is_some_and(|(x, y)| relative(x, y) <= tolerance);
            if !same {
                let names = names.iter().cloned().chain(std::iter::repeat("row".to_owned()));
                result.differences.push(Difference {
                    row: names.zip(labelled.iter().cloned()).collect(),
                    column: a.header.get(c).cloned().unwrap_or_default(),
                    a: x.to_owned(),
                    b: y.to_owned(),
                    numbers,
                });
            }
        }
    }
    let mut left: Vec<(usize, Vec<String>)> = rows_of_b.into_iter().map(|(key, row)| (row, key)).collect();
    left.sort();
    for (_, labelled) in left {
        result.unmatched.push(format!("only the second has the row {}", labelled.join(", ")));
    }
    result
}

/// The columns that label rows: the fewest, from the first column on, that tell all rows apart in both tables, while they hold
/// words or whole numbers (years, codes). Where none do, the words that lead the rows.
fn labels(a: &Sheet, b: &Sheet, columns: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let all = |pair: &(usize, usize), test: fn(&str) -> bool| {
        (0..a.rows.len()).all(|row| test(cell(a, row, pair.0)))
            && (0..b.rows.len()).all(|row| test(cell(b, row, pair.1)))
    };
    let unique = |sheet: &Sheet, chosen: Vec<usize>| {
        let mut seen = HashSet::new();
        (0..sheet.rows.len())
            .all(|row| seen.insert(chosen.iter().map(|&c| cell(sheet, row, c)).collect::<Vec<_>>()))
    };
    let lead = |test: fn(&str) -> bool| -> Vec<(usize, usize)> {
        columns.iter().take_while(|pair| all(pair, test)).copied().collect()
    };
    let candidates = lead(|text| number(text).is_none_or(|x| x.fract() == 0.0));
    (1..=candidates.len())
        .filter_map(|length| candidates.get(..length))
        .find(|prefix| {
            unique(a, prefix.iter().map(|pair| pair.0).collect())
                && unique(b, prefix.iter().map(|pair| pair.1).collect())
        })
        .map_or_else(|| lead(|text| number(text).is_none()), <[_]>::to_vec)
}

/// What a row is known by: its labels, and its number among the rows with these labels where there are several.
fn keys(sheet: &Sheet, labels: &[usize]) -> Vec<Vec<String>> {
    let mut seen: HashMap<Vec<String>, usize> = HashMap::new();
    (0..sheet.rows.len())
        .map(|row| {
            let mut key: Vec<String> = labels.iter().map(|&c| cell(sheet, row, c).to_owned()).collect();
            let times = seen.entry(key.clone()).or_default();
            *times += 1;
            if *times > 1 || labels.is_empty() {
                key.push(format!("row {times}"));
            }
            key
        })
        .collect()
}

fn cell(sheet: &Sheet, row: usize, column: usize) -> &str {
    sheet.rows.get(row).and_then(|cells| cells.get(column)).map_or("", String::as_str)
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

fn relative(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { (b - a).abs() / a.abs().max(b.abs()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(text: &str) -> Sheet {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let owned = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let header = owned(reader.headers().unwrap());
        Sheet { header, rows: reader.records().map(|record| owned(&record.unwrap())).collect() }
    }

    #[test]
    fn rows_are_matched_by_labels_in_any_order() {
        let a = sheet("year,country,welfare,price\n2010,CHN,1.0,2\n2010,USA,-0.5,2\n2011,CHN,0,2\n");
        let b = sheet("year,country,price,welfare\n2011,CHN,2,0\n2010,USA,2,-0.6\n2010,CHN,2,1\n");
        let result = compare(&a, &b, 0.0);
        assert_eq!(result.compared, 6);
        assert!(result.unmatched.is_empty(), "{:?}", result.unmatched);
        // 1.0 and 1 are the same number in other words
        let [difference] = result.differences.as_slice() else { panic!("{:?}", result.differences) };
        assert_eq!((difference.place().as_str(), difference.column.as_str()), ("2010, USA", "welfare"));
        assert!((difference.change().unwrap() + 0.1).abs() < 1e-12);
        assert!((difference.percent().unwrap() + 20.0).abs() < 1e-9);
        assert!((difference.size() - 1.0 / 6.0).abs() < 1e-12);
        assert!(compare(&a, &b, 0.17).differences.is_empty());
    }

    #[test]
    fn words_that_differ_count_and_labels_are_as_few_as_tell_rows_apart() {
        let a = sheet("restriction,binds,rent\nquota,yes,3\ncap,no,0\n");
        let b = sheet("restriction,binds,rent\nquota,no,0\ncap,no,0\n");
        let result = compare(&a, &b, 0.0);
        let found: Vec<_> = result.differences.iter().map(|d| (d.column.as_str(), d.size())).collect();
        assert_eq!(found, [("binds", f64::INFINITY), ("rent", 1.0)]);
        assert_eq!(result.differences[1].percent(), Some(-100.0));
    }

    #[test]
    fn what_one_has_and_the_other_has_not_is_named() {
        let a = sheet("country,welfare,old\nCHN,1,1\nUSA,2,1\n");
        let b = sheet("country,welfare,new\nCHN,1,1\nJPN,2,1\n");
        let result = compare(&a, &b, 0.0);
        assert_eq!(
            result.unmatched,
            [
                "only the first has the column `old`",
                "only the second has the column `new`",
                "only the first has the row USA",
                "only the second has the row JPN",
            ]
        );
        assert_eq!(result.compared, 1);
    }

    #[test]
    fn rows_that_nothing_tells_apart_go_by_their_number_and_an_absent_number_is_no_zero() {
        let a = sheet("x,y\n1,1\n1,1\n");
        let b = sheet("x,y\n1,1\n1,\n");
        let result = compare(&a, &b, 0.0);
        let [difference] = result.differences.as_slice() else { panic!("{:?}", result.differences) };
        assert_eq!((difference.place().as_str(), difference.numbers), ("row 2", None));
    }
}
