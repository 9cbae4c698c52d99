//! Simulated economies of any size, for tests, benchmarks and teaching. Nothing in them is data.

use ndarray::{Array1, Array2, Array3};

use crate::economy::{CriticalInputs, Economy, EconomyError, EconomyParts, Metadata};
use crate::labels::{Labels, third_axis};

/// What a simulated economy is like. Each range is drawn from uniformly.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Number of countries.
    pub countries: usize,
    /// Number of sectors.
    pub sectors: usize,
    /// Number of mobile factors.
    pub factors: usize,
    /// Trade elasticity of a sector.
    pub theta: (f64, f64),
    /// Share of inputs in cost; with zero there are none.
    pub inputs: (f64, f64),
    /// Share of spending that stays at home.
    pub home: (f64, f64),
    /// Baseline tariffs between countries.
    pub tariff: (f64, f64),
    /// Baseline export taxes between countries.
    pub export_tax: (f64, f64),
    /// Largest absolute deficit, as a share of income.
    pub deficit: f64,
    /// Probability that a flow between two countries is zero.
    pub zero_flow: f64,
    /// Probability that a sector is not traded.
    pub non_traded: f64,
    /// Probability that a country does not produce a traded sector, and imports all of it.
    pub no_output: f64,
    /// Elasticity of substitution in final demand.
    pub kappa: f64,
    /// Critical inputs beside the sectors, if there are to be any.
    pub critical: Option<CriticalRecipe>,
}

/// What simulated critical inputs are like: sectors after the ordinary ones, each with a resource of its own, a factor after
/// the ordinary ones. Every sector uses every element, but for joint products themselves; nobody consumes them.
#[derive(Clone, Debug, PartialEq)]
pub struct CriticalRecipe {
    /// Number of elements.
    pub elements: usize,
    /// Share of the bundle in a sector's cost, drawn in logs.
    pub share: (f64, f64),
    /// Elasticity of substitution between the bundle and everything else in a sector.
    pub sigma: (f64, f64),
    /// Elasticity of substitution between elements.
    pub element_sigma: f64,
    /// Trade elasticity of an element.
    pub theta: (f64, f64),
    /// Share of the resource in the cost of an element.
    pub resource: (f64, f64),
    /// Whether the elements are joint products: then they have the cost shares and the resource of the first.
    pub joint_products: bool,
}

impl Default for CriticalRecipe {
    /// One input of a hundredth of a percent to one percent of cost, a gross complement.
    fn default() -> Self {
        Self {
            elements: 1,
            share: (1e-4, 1e-2),
            sigma: (0.05, 0.9),
            element_sigma: 0.5,
            theta: (4.0, 20.0),
            resource: (0.3, 0.8),
            joint_products: false,
        }
    }
}

impl Recipe {
    /// An ordinary economy of the given size: thetas from 2 to 10, tariffs to 20%, some zeros, deficits to 5%.
    pub fn new(countries: usize, sectors: usize, factors: usize) -> Self {
        Self {
            countries,
            sectors,
            factors,
            theta: (2.0, 10.0),
            inputs: (0.2, 0.7),
            home: (0.5, 0.95),
            tariff: (0.0, 0.2),
            export_tax: (0.0, 0.05),
            deficit: 0.05,
            zero_flow: 0.1,
            non_traded: 0.15,
            no_output: 0.05,
            kappa: 1.0,
            critical: None,
        }
    }

    /// The same with critical inputs.
    pub fn with_critical(self, critical: CriticalRecipe) -> Self {
        Self { critical: Some(critical), ..self }
    }

    /// Draws an economy; `uniform` gives numbers in `[0, 1)`.
    ///
    /// Shares, rates and transfers are drawn, and values are the stationary distribution of money that they imply, so
    /// that all markets clear without the equilibrium solver having been asked.
    ///
    /// # Errors
    /// [`EconomyError::Unbalanced`] if money circulates so slowly between the countries drawn that it has not settled;
    /// [`EconomyError::NoLabels`], [`EconomyError::NoCriticalSector`] and others if the recipe's numbers make no economy.
    pub fn draw(&self, uniform: &mut dyn FnMut() -> f64) -> Result<Economy, EconomyError> {
        if self.critical.as_ref().is_some_and(|critical| critical.elements == 0) {
            return Err(EconomyError::NoCriticalSector);
        }
        let elements = self.critical.as_ref().map_or(0, |critical| critical.elements);
        let (n, j, f) = (self.countries, self.sectors + elements, self.factors);
        let name = |prefix: &str, count: usize| -> Vec<String> {
            (1..=count).map(|i| format!("{prefix}{i}")).collect()
        };
        let sectors = [name("S", self.sectors), name("Element ", elements)].concat();
        let factors = [name("F", f), name("Resource ", elements)].concat();
        let labels = Labels::new(name("C", n), sectors, factors)?;
        let mut between = |range: (f64, f64)| range.0 + (range.1 - range.0) * uniform();

        let size: Vec<f64> = (0..n).map(|_| between((-2.0, 2.0)).exp()).collect();
        let mut trade_share = Array3::zeros((n, n, j));
        for s in 0..j {
            // The first sector is made and traded by all, so that money reaches everyone; the first country makes
            // everything, so that every sector has a supplier.
            let everywhere = s == 0;
            let non_traded = between((0.0, 1.0)) < self.non_traded && !everywhere;
            let produces: Vec<bool> = (0..n)
                .map(|i| between((0.0, 1.0)) >= self.no_output || non_traded || everywhere || i == 0)
                .collect();
            for m in 0..n {
                let mut foreign = vec![0.0; n];
                for i in (0..n).filter(|&i| i != m) {
                    let weight = size[i] * between((-2.0, 2.0)).exp();
                    if !non_traded && produces[i] && (between((0.0, 1.0)) >= self.zero_flow || everywhere) {
                        foreign[i] = weight;
                    }
                }
                let mut total: f64 = foreign.iter().sum();
                if total == 0.0 && !produces[m] {
                    (foreign[0], total) = (1.0, 1.0);
                }
                let home = match (produces[m], total > 0.0) {
                    (true, true) => between(self.home),
                    (true, false) => 1.0,
                    (false, _) => 0.0,
                };
                for i in 0..n {
                    let abroad = if total > 0.0 { (1.0 - home) * foreign[i] / total } else { 0.0 };
                    trade_share[[m, i, s]] = if i == m { home } else { abroad };
                }
            }
        }
        let mut rates = |range: (f64, f64)| {
            Array3::from_shape_fn((n, n, j), |(m, i, s)| {
                let rate = between(range);
                if m == i || trade_share[[m, i, s]] == 0.0 { 0.0 } else { rate }
            })
        };
        let (tariff, export_tax) = (rates(self.tariff), rates(self.export_tax));
        let mut input_share = Array3::zeros((n, j, j));
        let mut factor_share = Array3::zeros((n, j, f + elements));
        for i in 0..n {
            for s in 0..j {
                let inputs = between(self.inputs);
                let weight: Vec<f64> = (0..j).map(|_| between((-3.0, 1.0)).exp()).collect();
                let total: f64 = weight.iter().sum();
                (0..j).for_each(|k| input_share[[i, s, k]] = inputs * weight[k] / total);
                let weight: Vec<f64> = (0..f).map(|_| between((0.2, 1.0))).collect();
                let total: f64 = weight.iter().sum();
                (0..f).for_each(|k| factor_share[[i, s, k]] = (1.0 - inputs) * weight[k] / total);
            }
        }
        let mut final_share = Array2::from_shape_fn((n, j), |_| between((-2.0, 1.0)).exp());
        for mut row in final_share.rows_mut() {
            let total = row.sum();
            row /= total;
        }
        let mut theta = Array1::from_shape_fn(j, |_| between(self.theta));
        let critical = self.critical.as_ref().map(|recipe| {
            let own: Vec<usize> = (self.sectors..j).collect();
            for (e, &sector) in own.iter().enumerate() {
                theta[sector] = between(recipe.theta);
                for i in 0..n {
                    let resource = between(recipe.resource);
                    factor_share
                        .slice_each_axis_mut(|axis| third_axis(&axis, i, sector))
                        .mapv_inplace(|v| v * (1.0 - resource));
                    input_share
                        .slice_each_axis_mut(|axis| third_axis(&axis, i, sector))
                        .mapv_inplace(|v| v * (1.0 - resource));
                    factor_share[[i, sector, f + e]] = resource;
                }
            }
            for i in 0..n {
                for s in 0..j {
                    let share = between((recipe.share.0.ln(), recipe.share.1.ln())).exp();
                    let weight: Vec<f64> = own.iter().map(|_| between((0.2, 1.0))).collect();
                    let total: f64 = weight.iter().sum();
                    let before: f64 = own.iter().map(|&e| input_share[[i, s, e]]).sum();
                    let scale = (1.0 - share) / (1.0 - before);
                    factor_share
                        .slice_each_axis_mut(|axis| third_axis(&axis, i, s))
                        .mapv_inplace(|v| v * scale);
                    input_share
                        .slice_each_axis_mut(|axis| third_axis(&axis, i, s))
                        .mapv_inplace(|v| v * scale);
                    own.iter().zip(&weight).for_each(|(&e, w)| input_share[[i, s, e]] = share * w / total);
                }
                own.iter().for_each(|&e| final_share[[i, e]] = 0.0);
            }
            if recipe.joint_products {
                for i in 0..n {
                    let used: f64 = own.iter().map(|&e| input_share[[i, own[0], e]]).sum();
                    for k in 0..j {
                        let of_first = input_share[[i, own[0], k]] / (1.0 - used);
                        let share = if own.contains(&k) { 0.0 } else { of_first };
                        own.iter().for_each(|&e| input_share[[i, e, k]] = share);
                    }
                    for f in 0..f + elements {
                        let of_first = factor_share[[i, own[0], f]] / (1.0 - used);
                        own.iter().for_each(|&e| factor_share[[i, e, f]] = of_first);
                    }
                }
            }
            for mut row in final_share.rows_mut() {
                let total = row.sum();
                row /= total;
            }
            let sigma = Array1::from_shape_fn(j, |_| between(recipe.sigma));
            CriticalInputs {
                sectors: own,
                sigma,
                element_sigma: recipe.element_sigma,
                joint_products: recipe.joint_products,
            }
        });
        let transfer: Vec<f64> = (0..n).map(|_| between((-self.deficit, self.deficit))).collect();

        let mut parts = EconomyParts {
            labels,
            metadata: Metadata {
                name: "simulated".into(),
                unit: "simulated".into(),
                provenance: vec!["simulated: drawn at random, no data".into()],
                ..Metadata::default()
            },
            trade_share,
            expenditure: Array2::from_shape_fn((n, j), |(m, s)| 1e3 * size[m] * final_share[[m, s]]),
            factor_share,
            input_share,
            final_share,
            tariff,
            export_tax,
            deficit: Array1::zeros(n),
            factor_income: Array2::zeros((n, f + elements)),
            theta,
            kappa: self.kappa,
            critical,
        };
        settle(&mut parts, &transfer);
        Economy::from_parts(parts)
    }
}

/// Lets money circulate until it is at rest: expenditure becomes output, output becomes income and inputs, these become
/// expenditure.
fn settle(parts: &mut EconomyParts, transfer: &[f64]) {
    for _ in 0..200_000 {
        let output = circulate_income(parts, transfer);
        let income = parts.income();
        let mut next = Array2::<f64>::zeros(parts.expenditure.dim());
        for ((n, k), x) in next.indexed_iter_mut() {
            *x = parts.final_share[[n, k]] * income[n];
        }
        for ((n, j, k), share) in parts.input_share.indexed_iter() {
            next[[n, k]] += share * output[[n, j]];
        }
        let change =
            next.iter().zip(&parts.expenditure).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max);
        parts.expenditure = next;
        if change < 1e-13 {
            break;
        }
    }
    circulate_income(parts, transfer);
}

fn circulate_income(parts: &mut EconomyParts, transfer: &[f64]) -> Array2<f64> {
    let output = parts.proceeds().output;
    parts.factor_income.fill(0.0);
    for ((i, j, f), share) in parts.factor_share.indexed_iter() {
        parts.factor_income[[i, f]] += share * output[[i, j]];
    }
    parts.deficit.fill(0.0);
    let own = parts.income();
    let missing = own.iter().zip(transfer).map(|(r, d)| r * d).sum::<f64>() / own.sum();
    for ((d, r), t) in parts.deficit.iter_mut().zip(&own).zip(transfer) {
        *d = r * (t - missing);
    }
    output
}
