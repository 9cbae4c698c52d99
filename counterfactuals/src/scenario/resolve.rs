//! From a scenario and values of its parameters to an economy and its shocks.

use model_core::{
    Deficits, Economy, EconomyError, Shock, ShockError, SolveError, SolverSettings, Technology,
};
use ndarray::Array2;

use super::{Mode, Scenario};

/// An economy with a scenario's parameters, and what changes in it, by year.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The economy: its critical inputs, elasticities and prospects are the scenario's.
    pub economy: Economy,
    /// One period in the long run, one for each year of a path.
    pub periods: Vec<Period>,
    /// What moves between the years of a path.
    pub dynamics: Option<Dynamics>,
}

/// What changes in a year, or in the long run.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// The year; `None` in the long run.
    pub year: Option<i32>,
    /// The shock. In the long run it holds the technology; in a path the stocks of knowledge do ([`Dynamics`]).
    pub shock: Shock,
}

/// How stocks of knowledge move from year to year.
#[derive(Debug, Clone, PartialEq)]
pub struct Dynamics {
    /// The technology behind the flow of innovations.
    pub technology: Technology,
    /// Rate at which knowledge goes out of use.
    pub delta: f64,
    /// Growth of the balanced path.
    pub g: f64,
    /// Rate at which later years are discounted.
    pub discount: f64,
}

/// Why a scenario cannot be put to an economy.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// It was read against other labels.
    #[error(
        "the scenario was read against an economy with other labels: read it again against this one (`Scenario::parse`)"
    )]
    OtherEconomy,
    /// Values of other parameters.
    #[error(
        "the scenario has {expected} parameters, but {found} values were given: take them from `central` or `draw`"
    )]
    Values {
        /// Parameters.
        expected: usize,
        /// Values.
        found: usize,
    },
    /// A parameter that the economy refuses.
    #[error(transparent)]
    Economy(#[from] EconomyError),
    /// A change that makes a rate impossible.
    #[error("{change}: with these values a rate would be {value}: it must be above -1")]
    Rate {
        /// The change in words.
        change: String,
        /// The rate.
        value: f64,
    },
    /// The economy with the prospects has no equilibrium.
    #[error("the baseline with the prospects opened has no equilibrium: lower their `share`")]
    Prospects(#[source] Box<SolveError>),
    /// A shock that the economy refuses.
    #[error(transparent)]
    Shock(#[from] ShockError),
}

impl Scenario {
    /// The economy with these values of the parameters, and the shock of every period.
    ///
    /// # Errors
    /// A [`ResolveError`].
    pub fn resolve(&self, economy: &Economy, values: &[f64]) -> Result<Question, ResolveError> {
        self.check_values(values)?;
        let economy = self.economy_with(economy, values)?;
        let (periods, dynamics) = match &self.mode {
            Mode::LongRun => {
                let mut shock = self.shock(&economy, values, None)?;
                if let Some(research) = &self.research {
                    shock.technology = research.technology(values);
                }
                (vec![Period { year: None, shock }], None)
            }
            Mode::Dynamic { first, last, discount } => {
                let period = |year| {
                    Ok::<_, ResolveError>(Period {
                        year: Some(year),
                        shock: self.shock(&economy, values, Some(year))?,
                    })
                };
                let periods = (*first..=*last).map(period).collect::<Result<_, _>>()?;
                let dynamics = match &self.research {
                    None => Dynamics {
                        technology: Technology::Exogenous,
                        delta: 1.0,
                        g: 0.0,
                        discount: values[*discount],
                    },
                    Some(research) => Dynamics {
                        technology: research.technology(values),
                        delta: values[research.delta],
                        g: values[research.g],
                        discount: values[*discount],
                    },
                };
                (periods, Some(dynamics))
            }
        };
        for period in &periods {
            period.shock.validate(&economy)?;
        }
        Ok(Question { economy, periods, dynamics })
    }

    /// The baseline with the prospects opened, and the scenario that is left of it on that baseline. What is asked for many
    /// values of parameters that do not move the opening need not open them each time.
    ///
    /// # Errors
    /// As [`Scenario::resolve`].
    pub fn opened(mut self, economy: &Economy, values: &[f64]) -> Result<(Self, Economy), ResolveError> {
        let economy = self.resolve(economy, values)?.economy;
        self.prospects.clear();
        Ok((self, economy))
    }

    /// How the logs of endowments' hats in a year move with the log of the share of the resource in its sector's cost, on
    /// which new capacity that is given as output depends, `[country, factor]`.
    ///
    /// # Errors
    /// [`ResolveError::OtherEconomy`] and [`ResolveError::Values`].
    pub fn capacity_by_resource_share(
        &self,
        economy: &Economy,
        values: &[f64],
        year: Option<i32>,
    ) -> Result<Array2<f64>, ResolveError> {
        if *economy.labels() != self.labels {
            return Err(ResolveError::OtherEconomy);
        }
        self.check_values(values)?;
        let dims = economy.dims();
        let mut slopes = Array2::zeros((dims.countries, dims.factors));
        for capacity in &self.capacity {
            slopes[[capacity.country, capacity.factor]] += capacity.ln_hat_by_ln_share(year, economy, values);
        }
        Ok(slopes)
    }

    fn check_values(&self, values: &[f64]) -> Result<(), ResolveError> {
        let (expected, found) = (self.parameters.len(), values.len());
        if expected == found { Ok(()) } else { Err(ResolveError::Values { expected, found }) }
    }

    fn economy_with(&self, economy: &Economy, values: &[f64]) -> Result<Economy, ResolveError> {
        if *economy.labels() != self.labels {
            return Err(ResolveError::OtherEconomy);
        }
        let mut economy = economy.clone();
        if !self.theta.is_empty() {
            let mut theta = economy.theta().clone();
            for &(sector, parameter) in &self.theta {
                theta[sector] = values[parameter];
            }
            economy = economy.with_theta(theta)?;
        }
        if !self.prospects.is_empty() {
            let output = economy.output().clone();
            let mut parts = economy.into_parts();
            // Opening a mine is no shock: it moves shares, not prices that inputs answer to.
            parts.critical = None;
            self.prospects.iter().for_each(|prospect| prospect.open(&mut parts, &output, values));
            let settings = SolverSettings { tolerance: 1e-12, ..SolverSettings::default() };
            let opened = parts.equilibrate(&Deficits::Fixed, &settings);
            economy = opened.map_err(|e| ResolveError::Prospects(Box::new(e)))?.0;
        }
        if let Some(critical) = &self.critical {
            economy = economy.with_critical(Some(critical.with(values)))?;
        }
        Ok(economy)
    }

    fn shock(&self, economy: &Economy, values: &[f64], year: Option<i32>) -> Result<Shock, ResolveError> {
        let mut shock = Shock { deficits: self.deficits.clone(), ..Shock::default() };
        for change in self.changes.iter().filter(|change| change.window.holds(year)) {
            change
                .apply(economy, values, &mut shock)
                .map_err(|bad| ResolveError::Rate { change: change.words.clone(), value: bad.value })?;
        }
        for capacity in &self.capacity {
            let dims = economy.dims();
            let hats =
                shock.endowment_hat.get_or_insert_with(|| Array2::ones((dims.countries, dims.factors)));
            hats[[capacity.country, capacity.factor]] *= capacity.hat(year, economy, values);
        }
        shock.restrictions = self.restrictions.iter().filter_map(|r| r.at(year, values)).collect();
        Ok(shock)
    }
}
