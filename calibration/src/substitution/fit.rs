use std::collections::{BTreeMap, BTreeSet};

use counterfactuals::scenario::{Estimates, EstimatesError};
use estimation::distribution::Reference;
use estimation::gmm::{CovarianceOfEstimates, FirstWeight, Gmm, GmmFit, MomentCovariance, Moments, Steps};
use estimation::statistic::TestStatistic;
use ndarray::{Array1, Array2};

use super::exposure::ByShock;
use super::moments::{Equation, Slot, System, patents_weight};
use super::sample::{Sample, Series, Stocks};
use super::totals::Totals;
use super::{Panel, SubstitutionError};

/// A search ends where a further step would be shorter than a ten-millionth of a standard error.
const SUFFICIENT: f64 = 1e-14;

/// Which equations identify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Equations {
    /// The direction of patenting.
    Patents,
    /// The direction of spending.
    Spending,
    /// Both, with `sigma_j` and `phi` in common.
    Joint,
}

/// Which sectors share an elasticity.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Groups {
    /// All.
    Pooled,
    /// None.
    BySector,
    /// Those with the same name here, by sector; every sector needs one.
    Named(BTreeMap<String, String>),
}

/// The elasticity of innovations to research.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Lambda {
    /// Known from elsewhere; patents alone do not tell it from `1 - sigma`.
    Known(f64),
    /// Estimated, which takes both equations.
    Estimated,
}

/// How an error of the patents equation is formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Residual {
    /// `nu_R / (nu_X exp(.)) - 1`, Mullahy (1997): prices may answer to the error.
    Multiplicative,
    /// `nu_R - nu_X exp(.)`, Poisson pseudo-likelihood: they may not.
    Additive,
}

/// How errors depend on one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inference {
    /// Not at all.
    Robust,
    /// Within units, over the years.
    Unit,
    /// Within a country and year, across sectors.
    CountryYear,
    /// Along the elements that units share, Adao, Kolesar and Morales (2019).
    Exposure,
}

/// An estimator.
#[derive(Debug, Clone, PartialEq)]
pub struct Specification {
    /// Which equations.
    pub equations: Equations,
    /// Which sectors share `sigma`.
    pub groups: Groups,
    /// `lambda`.
    pub lambda: Lambda,
    /// `phi` where it is known; estimated otherwise.
    pub phi: Option<f64>,
    /// How an error of the patents equation is formed.
    pub residual: Residual,
    /// How errors depend on one another.
    pub inference: Inference,
    /// How stocks of knowledge are built.
    pub stocks: Stocks,
    /// Whether each equation has effects of years beside those of units: what is common to all sectors and countries in a year
    /// then identifies nothing.
    pub year_effects: bool,
    /// Variance of the patents equation's error beside Poisson's, which the weights of units hold.
    pub overdispersion: f64,
    /// Steps of the GMM estimator.
    pub steps: Steps,
}

impl Default for Specification {
    /// Both equations, each sector its own `sigma`, `lambda` and `phi` estimated, two steps, robust.
    fn default() -> Self {
        Self {
            equations: Equations::Joint,
            groups: Groups::BySector,
            lambda: Lambda::Estimated,
            phi: None,
            residual: Residual::Multiplicative,
            inference: Inference::Robust,
            stocks: Stocks::default(),
            year_effects: false,
            overdispersion: 0.1,
            steps: Steps::Two,
        }
    }
}

impl Specification {
    /// The patents equation alone at a known `lambda`.
    pub fn patents(lambda: f64) -> Self {
        Self { equations: Equations::Patents, lambda: Lambda::Known(lambda), ..Self::default() }
    }

    /// The spending equation alone.
    pub fn spending() -> Self {
        Self { equations: Equations::Spending, lambda: Lambda::Known(1.0), ..Self::default() }
    }

    /// The same with one elasticity for all sectors.
    #[must_use]
    pub fn pooled(self) -> Self {
        Self { groups: Groups::Pooled, ..self }
    }

    /// Estimates on a panel.
    ///
    /// # Errors
    /// A [`SubstitutionError`] for a panel or setting that is not usable; not converging is in its source, with the history.
    pub fn estimate(&self, panel: &Panel) -> Result<Fit, SubstitutionError> {
        self.estimate_on(panel, &Sample::new(panel, &self.stocks)?)
    }

    /// The same where the sample of the panel at these stocks is known.
    pub(super) fn estimate_on(&self, panel: &Panel, sample: &Sample) -> Result<Fit, SubstitutionError> {
        let (system, group_names) = self.system(panel, sample)?;
        let start = self.start(&system);
        let failed = |source| SubstitutionError::Gmm { what: self.words(), source };
        let gmm = |covariance| {
            let mut gmm = Gmm::new(covariance, FirstWeight::AtStart, self.steps);
            gmm.sufficient = SUFFICIENT;
            let windmeijer = self.steps == Steps::Two;
            if windmeijer { gmm.covariance(CovarianceOfEstimates::Windmeijer) } else { gmm }
        };
        let mut fit = if self.inference == Inference::Exposure {
            let rows = ByShock::new(&system, panel, &self.stocks);
            require_rows(rows.observations(), system.moments())?;
            gmm(MomentCovariance::heteroskedastic()).fit(&rows, start.view()).map_err(failed)?
        } else {
            let series: Vec<&Series> = sample.series.iter().collect();
            let covariance = self.covariance_of(panel, &series);
            let independent = covariance.clusters().unwrap_or(system.observations()) / system.groups;
            require_rows(independent, system.moments() / system.groups)?;
            gmm(covariance).fit(&system, start.view()).map_err(failed)?
        };
        let within = sample.within();
        fit.covariance *= within;
        let test_factor = 1.0 / within;
        let sector_group = self.sector_groups(panel)?.0;
        Ok(Fit {
            simulated: panel.simulated,
            specification: self.clone(),
            sectors: panel.sectors.clone(),
            sector_group,
            groups: group_names,
            units: sample.series.len(),
            dropped: sample.dropped,
            observations: sample.observations,
            provenance: panel.provenance.clone(),
            test_factor,
            gmm: fit,
        })
    }

    /// What it is, in words.
    pub fn words(&self) -> String {
        let equations = match self.equations {
            Equations::Patents => "patents equation",
            Equations::Spending => "spending equation",
            Equations::Joint => "joint system",
        };
        let groups = match self.groups {
            Groups::Pooled => "pooled",
            Groups::BySector => "by sector",
            Groups::Named(_) => "by group",
        };
        let years = if self.year_effects { ", year effects" } else { "" };
        format!("{equations}, {groups}{years}")
    }

    /// How the rows of these series depend on one another.
    pub(super) fn covariance_of(&self, panel: &Panel, series: &[&Series]) -> MomentCovariance {
        let rows = || series.iter().flat_map(|series| series.years.iter().map(move |t| (series.row, *t)));
        match self.inference {
            Inference::Robust | Inference::Exposure => MomentCovariance::heteroskedastic(),
            Inference::Unit => MomentCovariance::clustered(&rows().map(|(row, _)| row).collect::<Vec<_>>()),
            Inference::CountryYear => {
                let labels: Vec<_> = rows().map(|(row, t)| (panel.units[row].country.as_str(), t)).collect();
                MomentCovariance::clustered(&labels)
            }
        }
    }

    /// Group of each sector, and the groups' names.
    fn sector_groups(&self, panel: &Panel) -> Result<(Vec<usize>, Vec<String>), SubstitutionError> {
        let names: Vec<String> = match &self.groups {
            Groups::Pooled => vec!["all".to_owned(); panel.sectors.len()],
            Groups::BySector => panel.sectors.clone(),
            Groups::Named(map) => {
                let of = |sector: &String| {
                    map.get(sector).cloned().ok_or_else(|| SubstitutionError::Setting {
                        setting: "groups",
                        problem: format!("sector `{sector}` is in no group: name one for it"),
                    })
                };
                panel.sectors.iter().map(of).collect::<Result<_, _>>()?
            }
        };
        let mut groups: Vec<String> = Vec::new();
        let at = names.into_iter().map(|name| {
            groups.iter().position(|known| *known == name).unwrap_or_else(|| {
                groups.push(name);
                groups.len() - 1
            })
        });
        let at = at.collect();
        Ok((at, groups))
    }

    pub(super) fn system<'a>(
        &self,
        panel: &Panel,
        sample: &'a Sample,
    ) -> Result<(System<'a>, Vec<String>), SubstitutionError> {
        let setting =
            |setting, problem: &str| SubstitutionError::Setting { setting, problem: problem.to_owned() };
        let equations = match self.equations {
            Equations::Patents => vec![Equation::Patents],
            Equations::Spending => vec![Equation::Spending],
            Equations::Joint => vec![Equation::Patents, Equation::Spending],
        };
        if equations.contains(&Equation::Spending) && panel.spending.is_none() {
            return Err(setting("equations", "the panel has no spending: use the patents equation alone"));
        }
        if self.lambda == Lambda::Estimated && self.equations != Equations::Joint {
            return Err(setting(
                "lambda",
                "one equation alone does not tell it from 1 - sigma: give a value or estimate both equations",
            ));
        }
        if !(self.overdispersion >= 0.0 && self.overdispersion.is_finite()) {
            return Err(setting("overdispersion", "it must be zero or more"));
        }
        if self.year_effects && self.inference == Inference::Exposure {
            return Err(setting(
                "year_effects",
                "effects of years are no shocks to elements: take another inference, or do without them",
            ));
        }
        let (sector_group, names) = self.sector_groups(panel)?;
        let group: Vec<usize> =
            sample.series.iter().map(|s| sector_group[panel.units[s.row].sector]).collect();
        let mut found = vec![0; names.len()];
        group.iter().for_each(|g| found[*g] += 1);
        if let Some(g) = found.iter().position(|units| *units < 2) {
            return Err(SubstitutionError::TooFewUnits {
                group: names[g].clone(),
                units: found[g],
                needed: 2,
            });
        }
        let mut parameters: Vec<String> = match self.groups {
            Groups::Pooled => vec!["sigma".to_owned()],
            _ => names.iter().map(|name| format!("sigma.{name}")).collect(),
        };
        let phi = self.phi.map_or_else(
            || {
                parameters.push("phi".to_owned());
                Slot::At(parameters.len() - 1)
            },
            Slot::Known,
        );
        let lambda = match self.lambda {
            Lambda::Known(value) => Slot::Known(value),
            Lambda::Estimated => {
                parameters.push("lambda".to_owned());
                Slot::At(parameters.len() - 1)
            }
        };
        let effects: Vec<usize> = if self.year_effects {
            let years: BTreeSet<usize> = sample.series.iter().flat_map(|s| s.years.iter().copied()).collect();
            years.into_iter().skip(1).collect()
        } else {
            Vec::new()
        };
        let of_years = |equation: &Equation| -> Vec<String> {
            let name = equation.name();
            effects.iter().map(|t| format!("{YEAR_EFFECT} {}, {name}", panel.years[*t])).collect()
        };
        parameters.extend(equations.iter().flat_map(of_years));
        let mut moment_names = Vec::new();
        for equation in &equations {
            let equation = equation.name();
            for name in &names {
                moment_names.extend(sample.instruments.iter().map(|z| format!("{equation}, {name}: {z}")));
            }
        }
        moment_names.extend(equations.iter().flat_map(of_years));
        let totals = effects.is_empty().then(|| {
            let weight = |series: &Series| patents_weight(series, self.overdispersion);
            Totals::new(sample, &group, names.len(), self.residual, weight)
        });
        let system = System {
            sample,
            totals,
            group,
            groups: names.len(),
            equations,
            phi,
            lambda,
            effects,
            residual: self.residual,
            overdispersion: self.overdispersion,
            names: parameters,
            moment_names,
        };
        Ok((system, names))
    }

    fn start(&self, system: &System<'_>) -> Array1<f64> {
        let mut start = Array1::from_elem(system.parameters(), 0.5);
        if let Slot::At(k) = system.phi {
            start[k] = 0.4;
        }
        let effects = system.equations.len() * system.effects.len();
        start.iter_mut().rev().take(effects).for_each(|effect| *effect = 0.0);
        start
    }
}

/// What names of effects of years start with.
const YEAR_EFFECT: &str = "year";

fn require_rows(rows: usize, moments: usize) -> Result<(), SubstitutionError> {
    if rows > 2 * moments {
        return Ok(());
    }
    Err(SubstitutionError::Setting {
        setting: "inference",
        problem: format!(
            "{rows} independent clusters or shocks for {moments} moments: pool sectors or use robust errors"
        ),
    })
}

/// Estimates of elasticities of substitution.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Fit {
    /// Whether the panel was simulated.
    pub simulated: bool,
    /// Where the panel comes from.
    pub provenance: String,
    /// The estimator.
    pub specification: Specification,
    /// Sectors of the panel.
    pub sectors: Vec<String>,
    /// Group of each sector.
    pub sector_group: Vec<usize>,
    /// Names of the groups; the first parameters are their `sigma`.
    pub groups: Vec<String>,
    /// Units in the sample.
    pub units: usize,
    /// Units left out: no patent on the critical input in the years before the sample, or in it, or fewer than three years.
    pub dropped: usize,
    /// Unit-years.
    pub observations: usize,
    /// What Hansen's statistic is multiplied by; see [`Fit::hansen`].
    pub test_factor: f64,
    /// The GMM estimate: parameters `sigma` by group, `phi`, `lambda`. Its covariance has Windmeijer's (2005) correction after
    /// two steps and the factor `T/(T-1)` for the unit effects that were taken out.
    pub gmm: GmmFit,
}

impl Fit {
    /// `sigma` of each group.
    pub fn sigma(&self) -> Array1<f64> {
        self.gmm.theta.iter().take(self.groups.len()).copied().collect()
    }

    /// Covariance of `sigma`.
    pub fn sigma_covariance(&self) -> Array2<f64> {
        let g = self.groups.len();
        Array2::from_shape_fn((g, g), |(a, b)| self.gmm.covariance[[a, b]])
    }

    /// Estimate and standard error of a parameter: `sigma` (pooled), `sigma.GROUP`, `phi`, `lambda`.
    pub fn parameter(&self, name: &str) -> Option<(f64, f64)> {
        let k = self.gmm.names.iter().position(|known| known == name)?;
        Some((self.gmm.theta[k], self.gmm.covariance[[k, k]].max(0.0).sqrt()))
    }

    /// The interval of a parameter at a confidence level.
    pub fn interval(&self, name: &str, level: f64) -> Option<(f64, f64)> {
        let z = Reference::Normal.quantile(0.5 + level / 2.0);
        self.parameter(name).map(|(estimate, error)| (estimate - z * error, estimate + z * error))
    }

    /// Hansen's test that all moments hold; `None` when just identified. The statistic is
    /// multiplied by `(T-1)/T`: errors are deviations from their unit's mean, so that their squares understate the variance of the
    /// moments. Hotelling's correction for an estimated covariance has no place beside it. The weight is the inverse of
    /// uncentred second moments, with which the statistic of `q` moments from `n` normal rows is `n` times a beta variable of mean
    /// `q/n`: right on average as it is, and with a variance that is lower by `(n-q)/(n+2)`, so that the test rejects a little too
    /// rarely in small panels.
    ///
    /// # Errors
    /// [`SubstitutionError::Gmm`] when a decomposition fails.
    pub fn hansen(&self) -> Result<Option<TestStatistic>, SubstitutionError> {
        let what = self.specification.words();
        let test = self.gmm.hansen().map_err(|source| SubstitutionError::Gmm { what, source })?;
        let df = self.gmm.overidentification();
        Ok(test.map(|test| TestStatistic::chi_squared(test.statistic * self.test_factor, df)))
    }

    /// The estimates with their joint covariance in the form that scenarios read: items `sigma` (pooled) or `sigma.SECTOR`,
    /// `phi` and `lambda`; those that were not estimated are left out.
    ///
    /// # Errors
    /// An [`EstimatesError`] when the covariance is none.
    pub fn as_estimates(&self, name: &str) -> Result<Estimates, EstimatesError> {
        let pooled = self.specification.groups == Groups::Pooled;
        let count = self.groups.len();
        // Every sector of a group gets an item; they move together.
        let mut items = Vec::new();
        let mut from = Vec::new();
        if pooled {
            items.push("sigma".to_owned());
            from.push(0);
        } else {
            for (sector, group) in self.sectors.iter().zip(&self.sector_group) {
                items.push(format!("sigma.{sector}"));
                from.push(*group);
            }
        }
        let effect = |name: &String| name.starts_with(YEAR_EFFECT);
        for (k, parameter) in self.gmm.names.iter().enumerate().skip(count).filter(|(_, name)| !effect(name))
        {
            items.push(parameter.clone());
            from.push(k);
        }
        let value = from.iter().map(|k| self.gmm.theta[*k]).collect();
        let covariance =
            Array2::from_shape_fn((from.len(), from.len()), |(a, b)| self.gmm.covariance[[from[a], from[b]]]);
        Estimates::new(name, self.in_words(), items, value, &covariance)
    }

    /// What the estimates rest on, in words.
    pub fn in_words(&self) -> String {
        let label = if self.simulated { "estimated on a simulated panel" } else { "estimated" };
        format!("{label}: {}, {}", self.specification.words(), self.provenance)
    }
}
