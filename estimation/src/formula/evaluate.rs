//! From a formula and a table to a regression.

use std::collections::{HashMap, HashSet};

use ndarray::{Array1, Array2, ShapeBuilder};

use super::vcov::Kind;
use super::{Expression, Formula, FormulaError, Function, Named, Operator, Term, Variable, VcovFormula};
use crate::table::{Column, Table};
use crate::{Categories, Regression, Vcov, Weights};

/// A formula brought to data: ready to estimate.
#[derive(Debug, Clone)]
pub struct Model {
    /// The regression.
    pub regression: Regression,
    /// The variance estimator, on the same rows.
    pub vcov: Vcov,
    /// The rows of the table that the regression starts from: those without a missing or infinite value in any
    /// variable of formula, weights and variance.
    pub rows: Vec<usize>,
    /// The number of rows left out because of one.
    pub missing: usize,
}

/// A column of weights, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightColumn<'a> {
    /// No weights.
    None,
    /// See [`Weights::Analytic`].
    Analytic(&'a str),
    /// See [`Weights::Frequency`].
    Frequency(&'a str),
}

impl Formula {
    /// Brings the formula to data.
    ///
    /// # Errors
    /// [`FormulaError`] for variables that the table does not have, or that do not suit their place.
    pub fn model(
        &self,
        table: &Table,
        vcov: &VcovFormula,
        weights: WeightColumn<'_>,
    ) -> Result<Model, FormulaError> {
        let mut data = Data { table, usable: vec![true; table.rows()] };
        let y = data.number(&self.outcome.expression)?;
        let x = data.columns(&self.terms)?;
        let endogenous = data.columns(&self.endogenous)?;
        let instruments = data.columns(&self.instruments)?;
        let mut effects = Vec::new();
        for term in &self.effects {
            let by = data.categories(&term.by)?;
            let slopes = term
                .slopes
                .iter()
                .map(|v| Ok((v.name.clone(), data.number(&Expression::Variable(v.clone()))?)))
                .collect::<Result<Vec<_>, FormulaError>>()?;
            effects.push((by, term.intercept, slopes));
        }
        let weight = |name: &str| Variable { name: name.into(), position: 0 };
        let weight_values = match weights {
            WeightColumn::None => None,
            WeightColumn::Analytic(name) | WeightColumn::Frequency(name) => {
                Some(data.number(&Expression::Variable(weight(name)))?)
            }
        };
        let vcov = data.vcov(vcov)?;
        let usable = &data.usable;
        let rows: Vec<usize> = (0..table.rows()).filter(|&i| usable[i]).collect();
        let pick = |v: &[f64]| -> Vec<f64> { rows.iter().map(|&r| v[r]).collect() };
        let matrix = |columns: &[(String, Vec<f64>)]| {
            Array2::from_shape_fn((rows.len(), columns.len()).f(), |(i, j)| columns[j].1[rows[i]])
        };
        let names = |columns: &[(String, Vec<f64>)]| columns.iter().map(|c| c.0.clone()).collect::<Vec<_>>();
        let mut regression = Regression::new(Array1::from_vec(pick(&y)), matrix(&x))
            .outcome(self.outcome.name.clone())
            .names(names(&x));
        let mut absorbed = HashSet::new();
        for (by, intercept, slopes) in effects {
            let by = by.select(&rows);
            // `f[x] + f[z]` names the effect of `f` twice.
            for (variable, values) in slopes {
                if absorbed.insert((by.name().to_owned(), Some(variable.clone()))) {
                    regression =
                        regression.absorb_slopes(by.clone(), variable, Array1::from_vec(pick(&values)));
                }
            }
            if intercept && absorbed.insert((by.name().to_owned(), None)) {
                regression = regression.absorb([by]);
            }
        }
        if !self.constant {
            regression = regression.without_constant();
        }
        if !endogenous.is_empty() {
            regression = regression
                .endogenous(names(&endogenous), matrix(&endogenous))
                .instruments(names(&instruments), matrix(&instruments));
        }
        if let Some(values) = weight_values {
            regression = regression.weights(match weights {
                WeightColumn::Frequency(_) => Weights::Frequency(pick(&values)),
                _ => Weights::Analytic(pick(&values)),
            });
        }
        Ok(Model { regression, vcov: vcov.on_rows(&rows), missing: table.rows() - rows.len(), rows })
    }
}

struct Data<'t> {
    table: &'t Table,
    usable: Vec<bool>,
}

impl Data<'_> {
    fn column(&self, variable: &Variable) -> Result<&Column, FormulaError> {
        self.table.column(&variable.name).ok_or_else(|| FormulaError::UnknownVariable {
            position: variable.position,
            name: variable.name.clone(),
            available: self.table.names().collect::<Vec<_>>().join(", "),
        })
    }

    fn evaluate(&self, expression: &Expression) -> Result<Vec<f64>, FormulaError> {
        Ok(match expression {
            Expression::Number(n) => vec![*n; self.table.rows()],
            Expression::Variable(v) => match self.column(v)? {
                Column::Numeric(values) => values.clone(),
                Column::Categorical(_) => {
                    return Err(FormulaError::Variable {
                        position: v.position,
                        name: v.name.clone(),
                        problem: "is categorical; a number is needed here (i() makes dummies)".into(),
                    });
                }
            },
            Expression::Negate(inner) => self.evaluate(inner)?.into_iter().map(|v| -v).collect(),
            Expression::Call(function, inner) => {
                let apply: fn(f64) -> f64 = match function {
                    Function::Log => f64::ln,
                    Function::Exp => f64::exp,
                    Function::Sqrt => f64::sqrt,
                    Function::Abs => f64::abs,
                };
                self.evaluate(inner)?.into_iter().map(apply).collect()
            }
            Expression::Binary(operator, left, right) => {
                let apply: fn(f64, f64) -> f64 = match operator {
                    Operator::Add => |a, b| a + b,
                    Operator::Subtract => |a, b| a - b,
                    Operator::Multiply => |a, b| a * b,
                    Operator::Divide => |a, b| a / b,
                    Operator::Power => f64::powf,
                };
                let right = self.evaluate(right)?;
                self.evaluate(left)?.into_iter().zip(right).map(|(a, b)| apply(a, b)).collect()
            }
        })
    }

    fn number(&mut self, expression: &Expression) -> Result<Vec<f64>, FormulaError> {
        let values = self.evaluate(expression)?;
        self.usable.iter_mut().zip(&values).for_each(|(u, v)| *u &= v.is_finite());
        Ok(values)
    }

    /// The levels of a variable; rows where it is missing are not usable.
    fn factor(&mut self, variable: &Variable) -> Result<Categories, FormulaError> {
        let (categories, present) = match self.column(variable)? {
            Column::Categorical(c) => {
                let empty = c.levels().position(|l| l.is_empty());
                let present: Vec<bool> = c.codes().iter().map(|&code| Some(code as usize) != empty).collect();
                (c.clone(), present)
            }
            Column::Numeric(v) => {
                (Categories::from_numbers(&variable.name, v), v.iter().map(|v| v.is_finite()).collect())
            }
        };
        self.usable.iter_mut().zip(present).for_each(|(u, p)| *u &= p);
        Ok(categories)
    }

    fn categories(&mut self, variables: &[Variable]) -> Result<Categories, FormulaError> {
        let mut combined: Option<Categories> = None;
        for variable in variables {
            let next = self.factor(variable)?;
            combined = Some(match combined {
                Some(so_far) => so_far.interact(&next),
                None => next,
            });
        }
        Ok(combined.unwrap_or_else(|| Categories::new("", std::iter::empty::<String>())))
    }

    /// The columns of the terms. What is written twice, such as `a` in `a*b + a*c`, is there once.
    fn columns(&mut self, terms: &[Term]) -> Result<Vec<(String, Vec<f64>)>, FormulaError> {
        let mut out: Vec<(String, Vec<f64>)> = Vec::new();
        for term in terms {
            match term {
                Term::Product(factors) => self.product(factors, &mut out)?,
                Term::Levels { factor, with, reference } => {
                    self.levels(factor, with.as_ref(), reference.as_deref(), false, &mut out)?;
                }
            }
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut twice = Vec::new();
        for (k, (name, values)) in out.iter().enumerate() {
            let first = *seen.entry(name.clone()).or_insert(k);
            // Of the same name, but other values: a column of the table may be called like a term.
            twice.push(
                first < k && out[first].1.iter().map(|v| v.to_bits()).eq(values.iter().map(|v| v.to_bits())),
            );
        }
        let mut twice = twice.into_iter();
        out.retain(|_| !twice.next().unwrap_or(false));
        Ok(out)
    }

    fn product(&mut self, factors: &[Named], out: &mut Vec<(String, Vec<f64>)>) -> Result<(), FormulaError> {
        if let [Named { expression: Expression::Variable(v), .. }] = factors
            && matches!(self.column(v)?, Column::Categorical(_))
        {
            return self.levels(v, None, None, true, out);
        }
        let mut values = vec![1.0; self.table.rows()];
        for factor in factors {
            let next = self.number(&factor.expression)?;
            values.iter_mut().zip(next).for_each(|(v, n)| *v *= n);
        }
        let names: Vec<&str> = factors.iter().map(|f| f.name.as_str()).collect();
        out.push((names.join(":"), values));
        Ok(())
    }

    fn levels(
        &mut self,
        factor: &Variable,
        with: Option<&Variable>,
        reference: Option<&str>,
        skip_first: bool,
        out: &mut Vec<(String, Vec<f64>)>,
    ) -> Result<(), FormulaError> {
        let values = match with {
            Some(variable) => self.number(&Expression::Variable(variable.clone()))?,
            None => vec![1.0; self.table.rows()],
        };
        let categories = self.factor(factor)?;
        let mut order: Vec<usize> =
            (0..categories.count()).filter(|&l| !categories.level(l).is_empty()).collect();
        let number = |l: usize| categories.level(l).parse::<f64>();
        if order.iter().all(|&l| number(l).is_ok()) {
            order.retain(|&l| number(l).is_ok_and(f64::is_finite));
            order.sort_by(|&a, &b| number(a).unwrap_or(f64::NAN).total_cmp(&number(b).unwrap_or(f64::NAN)));
        } else {
            order.sort_by(|&a, &b| categories.level(a).cmp(categories.level(b)));
        }
        if let Some(reference) = reference {
            let before = order.len();
            order.retain(|&l| categories.level(l) != reference);
            if order.len() == before {
                return Err(FormulaError::Variable {
                    position: factor.position,
                    name: factor.name.clone(),
                    problem: format!("has no level {reference} to serve as reference"),
                });
            }
        } else if skip_first && !order.is_empty() {
            order.remove(0);
        }
        for level in order {
            let suffix = with.map_or(String::new(), |w| format!(":{}", w.name));
            let name = format!("{}::{}{suffix}", factor.name, categories.level(level));
            let column = categories
                .codes()
                .iter()
                .zip(&values)
                .map(|(&code, &value)| if code as usize == level { value } else { 0.0 })
                .collect();
            out.push((name, column));
        }
        Ok(())
    }

    fn time(&mut self, variable: &Variable) -> Result<Vec<i64>, FormulaError> {
        let values = self.number(&Expression::Variable(variable.clone()))?;
        if let Some(value) = values.iter().find(|v| v.is_finite() && (v.fract() != 0.0 || v.abs() > 9e15)) {
            return Err(FormulaError::Variable {
                position: variable.position,
                name: variable.name.clone(),
                problem: format!("holds {value}; periods must be whole numbers, one apart"),
            });
        }
        Ok(values.into_iter().map(|v| if v.is_finite() { v as i64 } else { 0 }).collect())
    }

    fn vcov(&mut self, formula: &VcovFormula) -> Result<Vcov, FormulaError> {
        Ok(match &formula.kind {
            Kind::Plain(vcov) => vcov.clone(),
            Kind::Cluster { by, small_sample } => {
                let by = by.iter().map(|v| self.categories(v)).collect::<Result<Vec<_>, _>>()?;
                Vcov::Cluster { by, small_sample: *small_sample }
            }
            Kind::Wild { by, bootstrap } => Vcov::Wild { by: self.categories(by)?, bootstrap: *bootstrap },
            Kind::NeweyWest { time, unit, lags, small_sample } => Vcov::NeweyWest {
                time: self.time(time)?,
                unit: unit.as_ref().map(|u| self.factor(u)).transpose()?,
                lags: *lags,
                small_sample: *small_sample,
            },
            Kind::DriscollKraay { time, lags, small_sample } => {
                Vcov::DriscollKraay { time: self.time(time)?, lags: *lags, small_sample: *small_sample }
            }
            Kind::Conley { latitude, longitude, cutoff_km, kernel } => Vcov::Conley {
                latitude: self.number(&Expression::Variable(latitude.clone()))?,
                longitude: self.number(&Expression::Variable(longitude.clone()))?,
                cutoff_km: *cutoff_km,
                kernel: *kernel,
            },
        })
    }
}
