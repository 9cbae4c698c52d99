//! Simulated panels: the model's own sectors, with known parameters, for tests and until a panel of one's own is at hand.
//!
//! Nothing here is observed patenting. Prices come from a path of the shipped rare-earth economy
//! (`calibration::rare_earths::rare_earth_world_2009`) whose exports are limited to China's of 2006-2018, by customs and an
//! assumed leakage past them, with technology directed by fixed researchers. A quota in tonnes adds the same rent to a kilogram of every element, so cheap elements rise by
//! more: with `m` the wedge of the equilibrium, `p_e` the price of an element and `p` that of the bundle in 2005, an element costs
//! `(1 + (m-1) p/p_e)(1 + duty_e)` times what it costs inside. Each sector's bundle enters its nest at that price.
//!
//! Given these prices every draw goes through each sector year by year: noise in prices, spending from the nest, patents as
//! Poisson counts whose mean follows the model's innovations, stocks of knowledge from the counts ([`Backdrop::draw`]). Without
//! noise and with means in place of counts this is the path of the model itself, which a test holds.

use counterfactuals::scenario::{Dynamics, Period, Question};
use counterfactuals::{Outcome, Path};
use estimation::resample::stream;
use model_core::{
    Augmentation, CriticalInputs, Diffusion, Economy, Innovation, ResearchCost, Restriction, Shock,
    SolverSettings, Technology,
};
use ndarray::{Array1, Array2, Array3, Axis};
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Panel, ShockSeries, SubstitutionError, Unit};
use crate::rare_earths::facts::PolicyMeasure;
use crate::rare_earths::{Element, Market, RareEarthData, economy::element_use_2009, rare_earth_world_2009};

/// The seed of the shipped panel: the year and day of the quota of 2010.
pub const SEED: u64 = 20_100_708;

/// First year of simulated panels.
const FIRST: i32 = 1998;
/// Policy starts in this year.
const POLICY: i32 = 2006;
/// Last year.
const LAST: i32 = 2018;
/// Patents on everything else for each on the critical input, before policy: an assumption.
const OTHERS: f64 = 1000.0;
/// Exports past customs over those of the first year of policy: an assumption. Without them the wedge of 2011 would be near 80.
const LEAKAGE: f64 = 0.2;
/// Where elements have prices of their own: outside and inside China.
const MARKETS: [&str; 2] = ["outside", "inside"];
/// Position of the duty among the shocks.
const DUTY: usize = 1;

/// The parameters that a simulated panel is drawn with. Assumptions, not estimates.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// `sigma_j` by sector of the rare-earth economy; sectors without one do not use the input.
    pub sigma: Vec<(String, f64)>,
    /// Elasticity of innovations to research.
    pub lambda: f64,
    /// Elasticity of productivity to the stock of knowledge.
    pub phi: f64,
    /// Rate at which knowledge goes out of use.
    pub delta: f64,
    /// Growth of patenting.
    pub growth: f64,
}

impl Default for Truth {
    /// Elasticities from 0.1 (electrical machinery, magnets) to 0.8 (glass and ceramics), `lambda = phi = 0.5`.
    fn default() -> Self {
        let sigma = [
            ("Refining", 0.7),
            ("Chemicals", 0.6),
            ("Minerals", 0.8),
            ("Metals", 0.5),
            ("Machinery", 0.3),
            ("Electrical", 0.1),
            ("Transport equipment", 0.2),
            ("Other manufacturing", 0.4),
        ];
        let sigma = sigma.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { sigma, lambda: 0.5, phi: 0.5, delta: 0.15, growth: 0.03 }
    }
}

/// What varies between draws, and how much. Standard deviations are of logarithms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Patents on the critical input in all years together.
    pub patents: f64,
    /// Prices of elements by market and year.
    pub element_price: f64,
    /// Prices that a unit pays, beside those of the elements.
    pub price: f64,
    /// Errors of the patents equation.
    pub patents_error: f64,
    /// Errors of the spending equation.
    pub spending_error: f64,
    /// Correlation of both errors with the price that a unit pays: prices answer to demand.
    pub endogeneity: f64,
    /// Errors of both equations that come with elements, by market and year, and reach units by their weights.
    pub element_error: f64,
    /// Direct effect of a duty on patents: breaks the exclusion of instruments, for the power of tests.
    pub duty_on_patents: f64,
    /// How much of the policy there is: 1 all, 0 none.
    pub policy: f64,
    /// Shocks of policy to single elements, independent by market and year; where there are any they are the panel's only
    /// instrument.
    pub element_policy: f64,
}

impl Default for Noise {
    /// About thirty thousand patents, as many as Alfaro et al. (2025) analyse; prices that answer to demand.
    fn default() -> Self {
        Self {
            patents: 30_000.0,
            element_price: 0.2,
            price: 0.15,
            patents_error: 0.2,
            spending_error: 0.2,
            endogeneity: 0.5,
            element_error: 0.0,
            duty_on_patents: 0.0,
            policy: 1.0,
            element_policy: 0.0,
        }
    }
}

/// What is the same in every draw: the units, the prices of the model's path, weights of elements, policy.
#[derive(Debug, Clone)]
pub struct Backdrop {
    /// The parameters.
    pub truth: Truth,
    /// The path that prices come from, years from 2006.
    pub path: Path,
    units: Vec<Unit>,
    sectors: Vec<String>,
    elements: Vec<String>,
    years: Vec<i32>,
    /// Country and sector of each unit in the economy.
    places: Vec<(usize, usize)>,
    /// `sigma` of each unit.
    sigma: Vec<f64>,
    /// Cost share of the critical input in the baseline, and spending on both in million USD.
    share: Vec<f64>,
    spending: Vec<(f64, f64)>,
    /// Log price of the bundle, and over that of other inputs, `[unit, year]`.
    price: Array2<f64>,
    relative: Array2<f64>,
    exposure: Array2<f64>,
    shocks: Vec<ShockSeries>,
}

/// The shipped panel: [`Truth::default`], [`Noise::default`], [`SEED`]. Simulated.
///
/// # Errors
/// [`SubstitutionError::Model`] if the model's path cannot be solved.
pub fn shipped() -> Result<Panel, SubstitutionError> {
    Ok(Backdrop::solve(Truth::default())?.draw(&Noise::default(), SEED, 0))
}

fn model(error: impl std::error::Error) -> SubstitutionError {
    let mut problem = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        problem = format!("{problem}: {cause}");
        source = cause.source();
    }
    SubstitutionError::Model { problem }
}

fn missing(what: &str) -> SubstitutionError {
    SubstitutionError::Model { problem: format!("the rare-earth economy has no `{what}`") }
}

/// Prices and weights of elements, duties and the volume of exports over that of the first year of policy.
struct Policy {
    /// `p / p_e` in 2005, `[element]`.
    cheapness: Vec<f64>,
    /// `[element, year]`.
    duty: Array2<f64>,
    /// `[year]`, from [`POLICY`].
    volume: Vec<f64>,
    /// `[sector of the economy, element]`, zero where there is no use.
    exposure: Array2<f64>,
}

impl Policy {
    fn load(sectors: &[String]) -> Result<Self, SubstitutionError> {
        let data = RareEarthData::embedded().map_err(model)?;
        let price = data.prices.prices(Market::Domestic, POLICY - 1).map_err(model)?;
        let mut tonnes = Array2::<f64>::zeros((sectors.len(), Element::COUNT));
        for usage in element_use_2009().map_err(model)? {
            let j = sectors.iter().position(|s| *s == usage.sector).ok_or_else(|| missing(&usage.sector))?;
            tonnes[[j, usage.element.index()]] += usage.tonnes;
        }
        let mut exposure = &tonnes * &Array1::from(price.to_vec());
        for mut row in exposure.outer_iter_mut() {
            let sum = row.sum();
            row.mapv_inplace(|v| if sum > 0.0 { v / sum } else { 0.0 });
        }
        let world = tonnes.sum_axis(Axis(0));
        let bundle = world.iter().zip(price).map(|(q, p)| q * p).sum::<f64>() / world.sum();
        let exports = |year| {
            let volume = data.facts.policy_volume(PolicyMeasure::Exports, year);
            volume.map(|v| v.value).ok_or_else(|| missing(&format!("exports of {year}")))
        };
        let base = exports(POLICY)?;
        let volume = (POLICY..=LAST)
            .map(|year| Ok((exports(year)? / base + LEAKAGE).min(1.0)))
            .collect::<Result<_, SubstitutionError>>()?;
        let years = (LAST - FIRST + 1) as usize;
        let duty = Array2::from_shape_fn((Element::COUNT, years), |(e, t)| {
            data.facts.oxide_duty(Element::ALL[e], FIRST + t as i32).0
        });
        Ok(Self { cheapness: price.iter().map(|p| bundle / p).collect(), duty, volume, exposure })
    }

    /// Price of a sector's bundle outside over that of the world's, `[sector]`, at a wedge.
    fn relative(&self, wedge: f64, t: usize) -> Array1<f64> {
        let factor: Array1<f64> = self
            .cheapness
            .iter()
            .zip(self.duty.column(t))
            .map(|(cheap, duty)| (1.0 + (wedge - 1.0) * cheap) * (1.0 + duty) / wedge)
            .collect();
        let weighted = self.exposure.dot(&factor);
        weighted.mapv(|v| if v > 0.0 { v } else { 1.0 })
    }

    /// The instruments: what the volume would do to each element's price if the wedge were its inverse, and the duty; both only
    /// outside.
    fn shocks(&self) -> Vec<ShockSeries> {
        let (elements, years) = self.duty.dim();
        let before = (POLICY - FIRST) as usize;
        let mut quota = Array3::zeros((2, elements, years));
        let mut duty = quota.clone();
        for ((e, t), rate) in self.duty.indexed_iter() {
            duty[[0, e, t]] = (1.0 + rate).ln();
            if t >= before {
                quota[[0, e, t]] = (1.0 + (1.0 / self.volume[t - before] - 1.0) * self.cheapness[e]).ln();
            }
        }
        vec![
            ShockSeries { name: "quota".to_owned(), values: quota },
            ShockSeries { name: "duty".to_owned(), values: duty },
        ]
    }
}

impl Backdrop {
    /// Solves the path that prices come from.
    ///
    /// # Errors
    /// [`SubstitutionError::Model`] if there is none.
    pub fn solve(truth: Truth) -> Result<Self, SubstitutionError> {
        let economy = rare_earth_world_2009().map_err(model)?;
        let labels = economy.labels().clone();
        let r = labels.sector("Rare earths").ok_or_else(|| missing("Rare earths"))?;
        let china = labels.country("CHN").ok_or_else(|| missing("CHN"))?;
        let policy = Policy::load(labels.sectors())?;
        let mut sigma = Array1::from_elem(labels.sectors().len(), 1.0);
        for (name, value) in &truth.sigma {
            sigma[labels.sector(name).ok_or_else(|| missing(name))?] = *value;
        }
        let critical =
            CriticalInputs { sigma: sigma.clone(), ..CriticalInputs::composite(r, 1.0, sigma.len()) };
        let economy = economy.with_critical(Some(critical)).map_err(model)?;
        let shares = economy.critical_share();
        let used = |n: usize, j: usize| shares[[n, j]] > 0.0 && economy.output()[[n, j]] > 0.0;
        let none = vec![1.0; policy.volume.len()];
        let first = solve(&economy, &truth, &policy, &none, r, china)?;
        let wedges: Vec<f64> = first
            .years
            .iter()
            .map(|year| year.equilibrium.restrictions.first().map_or(1.0, |outcome| outcome.wedge))
            .collect();
        let path = solve(&economy, &truth, &policy, &wedges, r, china)?;

        let names: Vec<String> = truth.sigma.iter().map(|(name, _)| name.clone()).collect();
        let mut units = Vec::new();
        let mut places = Vec::new();
        for (s, name) in names.iter().enumerate() {
            let j = labels.sector(name).ok_or_else(|| missing(name))?;
            for (n, country) in labels.countries().iter().enumerate().filter(|(n, _)| used(*n, j)) {
                units.push(Unit { country: country.clone(), sector: s, market: usize::from(n == china) });
                places.push((n, j));
            }
        }
        let years: Vec<i32> = (FIRST..=LAST).collect();
        let before = (POLICY - FIRST) as usize;
        let mut price = Array2::zeros((units.len(), years.len()));
        let mut relative = price.clone();
        for (t, year) in path.years.iter().enumerate() {
            let outcome = year.equilibrium.critical.as_ref().ok_or_else(|| missing("critical input"))?;
            let learned = year.shock.augmentation.as_ref().ok_or_else(|| missing("augmentation"))?;
            let bundles = policy.relative(wedges[t], before + t);
            for (row, &(n, j)) in places.iter().enumerate() {
                let bundle = if n == china { 1.0 } else { bundles[j] };
                let odds = |s: f64| s / (1.0 - s);
                let moved = (odds(outcome.share[[n, j]]) / odds(shares[[n, j]])).ln();
                // `A_R` of the shock holds the bundle's price beside knowledge, which the relative price does not.
                let knowledge = (learned.critical[[n, j]] * bundle / learned.other[[n, j]]).ln();
                price[[row, before + t]] = (outcome.price_hat[[n, j]] * bundle).ln();
                relative[[row, before + t]] = moved / (1.0 - sigma[j]) + knowledge;
            }
        }
        let exposure = Array2::from_shape_fn((names.len(), Element::COUNT), |(s, e)| {
            labels.sector(&names[s]).map_or(0.0, |j| policy.exposure[[j, e]])
        });
        let value = |(n, j): (usize, usize)| {
            let (share, output) = (shares[[n, j]], economy.output()[[n, j]]);
            (share * output, (1.0 - share) * output)
        };
        Ok(Self {
            sigma: places.iter().map(|&(_, j)| sigma[j]).collect(),
            share: places.iter().map(|&at| shares[at]).collect(),
            spending: places.iter().map(|&at| value(at)).collect(),
            shocks: policy.shocks(),
            elements: Element::ALL.iter().map(|e| e.symbol().to_owned()).collect(),
            sectors: names,
            truth,
            path,
            units,
            places,
            years,
            price,
            relative,
            exposure,
        })
    }

    /// Where each unit stands in the economy: country and sector.
    pub fn places(&self) -> &[(usize, usize)] {
        &self.places
    }

    /// Years.
    pub fn years(&self) -> &[i32] {
        &self.years
    }

    /// Panel number `number` of a seed: a function of these two and the noise alone.
    pub fn draw(&self, noise: &Noise, seed: u64, number: u64) -> Panel {
        self.panel(noise, Chance(Some(stream(seed, number))))
    }

    /// The panel without noise, with expected patents in place of counts.
    pub fn expected(&self) -> Panel {
        self.panel(&Noise::default(), Chance(None))
    }

    fn panel(&self, noise: &Noise, mut chance: Chance) -> Panel {
        let shape = (self.units.len(), self.years.len());
        let (elements, total) = (self.elements.len(), self.years.len());
        let element_price = chance.by_element(noise.element_price, 0.7, elements, total);
        let element_policy = chance.by_element(noise.element_policy, 0.0, elements, total);
        let element_error = chance.by_element(noise.element_error, 0.0, elements, total);
        let Truth { lambda, phi, delta, growth, .. } = self.truth;
        // Flows of the first year: in proportion to spending to the power of lambda.
        let weight = |row: usize| self.spending[row].0.powf(lambda);
        let sum: f64 = (0..shape.0).map(weight).sum();
        let trend: Vec<f64> = (0..total).map(|t| (1.0 + growth).powi(t as i32)).collect();
        let grown: f64 = trend.iter().sum();
        let mut panel = Panel {
            provenance: format!("simulated from the model with known sigma, lambda = {lambda}, phi = {phi}"),
            simulated: true,
            sectors: self.sectors.clone(),
            markets: MARKETS.map(str::to_owned).to_vec(),
            elements: self.elements.clone(),
            years: self.years.clone(),
            units: self.units.clone(),
            patents_critical: Array2::zeros(shape),
            patents_other: Array2::zeros(shape),
            price_critical: Array2::zeros(shape),
            price_other: Array2::zeros(shape),
            spending: None,
            exposure: self.exposure.clone(),
            shocks: self.shocks.iter().map(|series| series.scaled(noise.policy)).collect(),
        };
        let mut spending = (Array2::zeros(shape), Array2::zeros(shape));
        for (row, unit) in self.units.iter().enumerate() {
            let mu = self.exposure.row(unit.sector);
            let of = |all: &Array3<f64>, t: usize| -> f64 {
                (0..elements).map(|e| mu[e] * all[[unit.market, e, t]]).sum()
            };
            let flow = noise.patents * weight(row) / sum / grown;
            let flows = [flow, OTHERS * flow];
            let first = flows.map(|f| f / (delta + growth));
            let mut stocks = first;
            for (t, trend) in trend.iter().enumerate() {
                let own = chance.normal(1.0);
                let extra = of(&element_price, t) + of(&element_policy, t) + noise.price * own;
                let price = noise.policy * self.relative[[row, t]] + extra;
                let shared = of(&element_error, t);
                let rest = (1.0 - noise.endogeneity * noise.endogeneity).sqrt();
                let u = noise.patents_error * (noise.endogeneity * own + rest * chance.normal(1.0)) + shared;
                let v = noise.spending_error * (noise.endogeneity * own + rest * chance.normal(1.0)) + shared;
                let knowledge = ((stocks[0] / first[0]) / (stocks[1] / first[1])).ln();
                let odds = (1.0 - self.sigma[row]) * (price - phi * knowledge);
                // Duties reach patents directly only where the exclusion is to be broken.
                let leak = noise.duty_on_patents * of(&panel.shocks[DUTY].values, t);
                let effort = 1.0 + self.share[row] * (odds.exp() - 1.0);
                let means = [
                    flows[0] * trend * (lambda * odds + u + leak).exp() * effort.powf(-lambda),
                    flows[1] * trend * effort.powf(-lambda),
                ];
                let counts = means.map(|mean| chance.count(mean));
                panel.patents_critical[[row, t]] = counts[0];
                panel.patents_other[[row, t]] = counts[1];
                for (stock, count) in stocks.iter_mut().zip(counts) {
                    *stock = (1.0 - delta) * *stock + count;
                }
                let critical = noise.policy * self.price[[row, t]] + extra;
                panel.price_critical[[row, t]] = critical.exp();
                panel.price_other[[row, t]] = (critical - price).exp();
                let (critical, other) = self.spending[row];
                spending.0[[row, t]] = critical * (odds + v).exp();
                spending.1[[row, t]] = other;
            }
        }
        panel.spending = Some(spending);
        if noise.element_policy > 0.0 {
            panel.shocks = vec![ShockSeries { name: "element policy".to_owned(), values: element_policy }];
        }
        panel
    }
}

/// Draws, or means in their place.
struct Chance(Option<Xoshiro256PlusPlus>);

impl Chance {
    fn normal(&mut self, sd: f64) -> f64 {
        self.0
            .as_mut()
            .map_or(0.0, |rng| sd * <StandardNormal as Distribution<f64>>::sample(&StandardNormal, rng))
    }

    fn count(&mut self, mean: f64) -> f64 {
        match (&mut self.0, Poisson::new(mean)) {
            (Some(rng), Ok(poisson)) => poisson.sample(rng),
            _ => mean,
        }
    }

    /// First-order autoregressions with standard deviation `sd` by market and element.
    fn by_element(&mut self, sd: f64, memory: f64, elements: usize, years: usize) -> Array3<f64> {
        let mut all = Array3::zeros((MARKETS.len(), elements, years));
        for mut series in all.lanes_mut(Axis(2)) {
            let mut last = self.normal(sd);
            for value in &mut series {
                last = memory * last + self.normal(sd * (1.0 - memory * memory).sqrt());
                *value = last;
            }
        }
        all
    }
}

fn solve(
    economy: &Economy,
    truth: &Truth,
    policy: &Policy,
    wedges: &[f64],
    r: usize,
    china: usize,
) -> Result<Path, SubstitutionError> {
    let innovation = Innovation {
        lambda: truth.lambda,
        phi: truth.phi,
        xi: 0.0,
        diffusion: Diffusion::National,
        paid_in: ResearchCost::FinalGood,
    };
    let dims = economy.dims();
    let before = (POLICY - FIRST) as usize;
    let periods = wedges.iter().zip(&policy.volume).enumerate().map(|(t, (&wedge, &volume))| {
        let bundles = policy.relative(wedge, before + t);
        let mut augmentation = Augmentation::none(dims.countries, dims.sectors);
        for ((n, j), a) in augmentation.critical.indexed_iter_mut() {
            if n != china {
                *a = 1.0 / bundles[j];
            }
        }
        let shock = Shock {
            restrictions: vec![Restriction::export_quota(r, china, volume)],
            augmentation: Some(augmentation),
            ..Shock::default()
        };
        Period { year: Some(POLICY + t as i32), shock }
    });
    let dynamics = Dynamics {
        technology: Technology::FixedResearchers(innovation),
        delta: truth.delta,
        g: truth.growth,
        discount: 0.0,
    };
    let question =
        Question { economy: economy.clone(), periods: periods.collect(), dynamics: Some(dynamics) };
    match question.answer(&SolverSettings::default()).map_err(model)? {
        Outcome::Path(path) => Ok(path),
        Outcome::LongRun(_) => Err(missing("path")),
    }
}
