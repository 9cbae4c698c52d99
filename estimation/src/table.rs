use thiserror::Error;

use crate::Categories;

/// Named columns of equal length: the data that a [`Formula`](crate::Formula) speaks of.
///
/// Missing values are NaN in a numeric column and the empty label in a categorical one. Reading files is the
/// caller's business.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    columns: Vec<(String, Column)>,
    rows: usize,
}

/// One variable of a [`Table`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Column {
    /// Numbers.
    Numeric(Vec<f64>),
    /// Labels.
    Categorical(Categories),
}

/// What is wrong with a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TableError {
    /// A column has another length than the ones before it.
    #[error("column {name} has {found} rows where the table has {expected}")]
    Length {
        /// The column.
        name: String,
        /// Rows of the table.
        expected: usize,
        /// Rows found.
        found: usize,
    },
    /// A name occurs twice.
    #[error("column {name} occurs twice; rename one")]
    Duplicate {
        /// The name.
        name: String,
    },
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Numeric(v) => v.len(),
            Self::Categorical(c) => c.len(),
        }
    }
}

impl Table {
    /// A table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a numeric column.
    ///
    /// # Errors
    /// [`TableError`] on a wrong length or a name that is taken.
    pub fn numeric(self, name: impl Into<String>, values: Vec<f64>) -> Result<Self, TableError> {
        self.with(name.into(), Column::Numeric(values))
    }

    /// Adds a categorical column.
    ///
    /// # Errors
    /// [`TableError`] on a wrong length or a name that is taken.
    pub fn categorical<T: Eq + std::hash::Hash + ToString>(
        self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = T>,
    ) -> Result<Self, TableError> {
        let name = name.into();
        let column = Column::Categorical(Categories::new(name.clone(), values));
        self.with(name, column)
    }

    /// Adds a column of text: numeric when every cell is a number or missing (empty, `NA`, `NaN`, `.`),
    /// categorical otherwise. What readers of text files need.
    ///
    /// # Errors
    /// [`TableError`] on a wrong length or a name that is taken.
    pub fn text(self, name: impl Into<String>, cells: &[String]) -> Result<Self, TableError> {
        let numbers: Option<Vec<f64>> = cells.iter().map(|c| Self::cell_number(c)).collect();
        match numbers {
            Some(numbers) => self.numeric(name, numbers),
            None => self.categorical(name, cells.iter().map(|c| Self::cell_label(c))),
        }
    }

    /// The number that a cell of text holds, NaN when it is missing (empty, `NA`, `NaN`, `.`); nothing when it is a word.
    pub fn cell_number(cell: &str) -> Option<f64> {
        let cell = cell.trim();
        if missing(cell) { Some(f64::NAN) } else { cell.parse().ok() }
    }

    /// The label that a cell of text holds, empty when it is missing.
    pub fn cell_label(cell: &str) -> &str {
        if missing(cell.trim()) { "" } else { cell }
    }

    fn with(mut self, name: String, column: Column) -> Result<Self, TableError> {
        if self.columns.is_empty() {
            self.rows = column.len();
        }
        if column.len() != self.rows {
            return Err(TableError::Length { name, expected: self.rows, found: column.len() });
        }
        if self.column(&name).is_some() {
            return Err(TableError::Duplicate { name });
        }
        self.columns.push((name, column));
        Ok(self)
    }

    /// The rows given, counted from 0, in that order; numbers beyond the last row are left out.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let rows: Vec<usize> = rows.iter().copied().filter(|&r| r < self.rows).collect();
        let columns = self.columns.iter().map(|(name, column)| {
            let column = match column {
                Column::Numeric(v) => Column::Numeric(rows.iter().map(|&r| v[r]).collect()),
                Column::Categorical(c) => Column::Categorical(c.select(&rows)),
            };
            (name.clone(), column)
        });
        Self { columns: columns.collect(), rows: rows.len() }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The numbers of a numeric column.
    pub fn numbers(&self, name: &str) -> Option<&[f64]> {
        match self.column(name)? {
            Column::Numeric(values) => Some(values),
            Column::Categorical(_) => None,
        }
    }

    /// The labels of a categorical column.
    pub fn labels(&self, name: &str) -> Option<&Categories> {
        match self.column(name)? {
            Column::Categorical(categories) => Some(categories),
            Column::Numeric(_) => None,
        }
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|(n, _)| n == name).map(|(_, c)| c)
    }

    /// The names, in the order of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(n, _)| n.as_str())
    }
}

fn missing(cell: &str) -> bool {
    matches!(cell, "" | "NA" | "NaN" | "nan" | ".")
}
