//! What the equilibrium conditions take from the baseline alone, whatever the shock: worked out once for an economy.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use ndarray::{Array2, Array3, ArrayViewMut1, Zip};

use super::block::NO_OTHER_USE;
use super::market::{Market, baseline};
use super::scalar::{row_sums, transpose};
use crate::economy::{Economy, EconomyParts};
use crate::labels::Dims;

/// A factor that only a country's joint products use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) factor: usize,
    /// Its share in the cost.
    pub(super) share: f64,
    /// How the sales of all products fall with the cost of the process at the baseline.
    pub(super) elasticity: f64,
}

/// What is taken from the baseline alone.
#[derive(Debug)]
pub(crate) struct Constants {
    /// `Y[i,j]`.
    pub(super) output: Array2<f64>,
    /// Cost shares of inputs, `[i][j][k]`, where they are not the economy's own: without the critical inputs of a nest.
    input_share: Option<Vec<f64>>,
    /// Cost shares of factors, `[i][f][j]`.
    pub(super) by_factor: Vec<f64>,
    /// Baseline output of joint products, `[i][e]`; empty without any.
    pub(super) product_output: Vec<f64>,
    /// What limits the process of joint products of each country, where something does.
    pub(super) processes: Vec<Option<Process>>,
    pub(super) world_income: f64,
    /// Baseline expenditure, `[n][j]`, and one over it; one where that is zero.
    pub(super) expenditure_level: Vec<f64>,
    pub(super) expenditure_scale: Vec<f64>,
    /// How prices of a country follow its own factor prices once its domestic input-output loop has worked them out, at
    /// baseline shares, `[n][f][j]`.
    pub(super) price_follows: Vec<f64>,
    /// How a sector's sales fall with its own cost at the baseline, `[i][j]`.
    pub(super) sales_elasticity: Vec<f64>,
    /// Trade at baseline costs, once a shock has asked for it.
    markets: OnceLock<Option<Vec<Market<'static, f64>>>>,
    /// Step of each factor price, `[n][f]`: one over the elasticity of its excess demand.
    pub(super) wage_step: Vec<f64>,
}

impl Constants {
    /// Those of parts that make this output, `[i][j]`.
    pub(super) fn new(parts: &EconomyParts, output: Array2<f64>) -> Self {
        let Dims { countries: n, sectors: j, factors: f } = parts.dims();
        let mut input_share = contiguous(&parts.input_share);
        for k in parts.critical.iter().flat_map(|critical| &critical.sectors) {
            // What the nest buys is not bought beside it.
            input_share.to_mut().iter_mut().skip(*k).step_by(j).for_each(|share| *share = 0.0);
        }
        let (sales_elasticity, sales) = sales_elasticity(parts);
        let product_output = joint_products(parts, &output);
        let level = parts.expenditure.iter().map(|&x| if x > 0.0 { x } else { 1.0 });
        Self {
            input_share: match input_share {
                Cow::Owned(own) => Some(own),
                Cow::Borrowed(_) => None,
            },
            by_factor: by_country(&contiguous(&parts.factor_share), n, f),
            processes: processes(parts, &product_output, &sales_elasticity),
            product_output,
            world_income: parts.factor_income.sum(),
            expenditure_scale: level.clone().map(f64::recip).collect(),
            expenditure_level: level.collect(),
            price_follows: pulp::Arch::new().dispatch(PriceFollows(parts)),
            markets: OnceLock::new(),
            wage_step: wage_step(parts, &sales_elasticity, &sales),
            sales_elasticity,
            output,
        }
    }

    /// Cost shares of inputs, `[i][j][k]`, without the critical inputs where there is a nest; `parts` are those that these constants
    /// were made from.
    pub(super) fn input_share<'a>(&'a self, parts: &'a EconomyParts) -> &'a [f64] {
        self.input_share.as_deref().or(parts.input_share.as_slice()).unwrap_or_default()
    }

    /// Trade at baseline costs, for shocks that leave them alone.
    pub(super) fn markets(&self, parts: &EconomyParts) -> Option<&[Market<'static, f64>]> {
        self.markets.get_or_init(|| baseline(parts)).as_deref()
    }

    /// Where the prices of joint products stand that follow the factor of their process, among [`Constants::price_follows`].
    pub(super) fn process_cells<'a>(&'a self, parts: &'a EconomyParts) -> impl Iterator<Item = usize> + 'a {
        let Dims { sectors: j, factors: f, .. } = parts.dims();
        let of_country = move |(i, process): (usize, &'a Option<Process>)| {
            let sectors = parts.critical.iter().flat_map(|critical| &critical.sectors);
            process.iter().flat_map(move |p| sectors.clone().map(move |e| (i * f + p.factor) * j + e))
        };
        self.processes.iter().enumerate().flat_map(of_country)
    }
}

/// An economy's [`Constants`], made when they are first asked for. Copies of an economy share them; whatever changes the economy
/// must begin anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prepared(Arc<OnceLock<Constants>>);

impl Prepared {
    fn of(&self, economy: &Economy) -> &Constants {
        self.0.get_or_init(|| Constants::new(economy.parts(), economy.output().clone()))
    }
}

impl Economy {
    pub(super) fn constants(&self) -> &Constants {
        self.prepared().of(self)
    }
}

/// It follows from the rest of an economy.
impl PartialEq for Prepared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Baseline output of joint products, `[i][e]`.
fn joint_products(parts: &EconomyParts, output: &Array2<f64>) -> Vec<f64> {
    match &parts.critical {
        Some(critical) if critical.joint_products && critical.sectors.len() > 1 => {
            output.rows().into_iter().flat_map(|row| critical.sectors.iter().map(move |e| row[*e])).collect()
        }
        _ => Vec::new(),
    }
}

/// The factor that limits the process of each country's joint products, given their baseline output.
fn processes(parts: &EconomyParts, product_output: &[f64], sales_elasticity: &[f64]) -> Vec<Option<Process>> {
    let Dims { countries: n, sectors: j, factors: f } = parts.dims();
    let Some(critical) = parts.critical.as_ref().filter(|_| !product_output.is_empty()) else {
        return vec![None; n];
    };
    let of_country = |(i, output): (usize, &[f64])| {
        let total: f64 = output.iter().sum();
        let first = critical.sectors.iter().zip(output).find(|(_, output)| **output > 0.0)?.0;
        let share = |g: usize| parts.factor_share[[i, *first, g]];
        let factor = (0..f)
            .find(|&g| share(g) > 0.0 && share(g) * total > NO_OTHER_USE * parts.factor_income[[i, g]])?;
        let weighted = critical.sectors.iter().zip(output).map(|(e, y)| y * sales_elasticity[i * j + e]);
        Some(Process { factor, share: share(factor), elasticity: weighted.sum::<f64>() / total })
    };
    product_output.chunks_exact(critical.sectors.len()).enumerate().map(of_country).collect()
}

/// The entries in standard order, borrowed where they lie so.
pub(super) fn contiguous(array: &Array3<f64>) -> Cow<'_, [f64]> {
    array.as_slice().map_or_else(|| Cow::Owned(array.iter().copied().collect()), Cow::Borrowed)
}

/// Each country's matrix of so many columns transposed.
fn by_country(all: &[f64], countries: usize, columns: usize) -> Vec<f64> {
    let mut turned = vec![0.0; all.len()];
    let size = (all.len() / countries).max(1);
    for (own, to) in all.chunks_exact(size).zip(turned.chunks_exact_mut(size)) {
        transpose(own, columns, to);
    }
    turned
}

/// `phi[j,f] = pi[j] (gF[j,f] + sum_k gM[j,k] phi[k,f])` of each country, by a few rounds: it only has to be near.
#[inline(always)]
fn price_follows(parts: &EconomyParts) -> Vec<f64> {
    const ROUNDS: usize = 4;
    let Dims { countries: n, sectors: j, factors: f } = parts.dims();
    let inputs = contiguous(&parts.input_share);
    let mut all = vec![0.0; n * f * j];
    let mut of_inputs = vec![0.0; j];
    for (own, follows) in all.chunks_exact_mut(j).enumerate() {
        let (i, g) = (own / f, own % f);
        for _ in 0..ROUNDS {
            row_sums(&inputs[i * j * j..(i + 1) * j * j], follows, &mut of_inputs);
            for (s, (follows, of_inputs)) in follows.iter_mut().zip(&of_inputs).enumerate() {
                *follows = parts.trade_share[[i, i, s]] * (parts.factor_share[[i, s, g]] + of_inputs);
            }
        }
    }
    all
}

/// [`price_follows`] to be compiled for a vector width.
struct PriceFollows<'p>(&'p EconomyParts);

impl pulp::WithSimd for PriceFollows<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<f64> {
        price_follows(self.0)
    }
}

/// Elasticity of a sector's sales with respect to its own cost, `theta (1 - share of its sales that compete only with
/// itself)`, `[i][j]`, and its sales.
fn sales_elasticity(parts: &EconomyParts) -> (Vec<f64>, Vec<f64>) {
    let Dims { countries: n, sectors: j, .. } = parts.dims();
    let mut sales = vec![0.0; n * j];
    let mut own = vec![0.0; n * j];
    for (shares, spent) in parts.trade_share.outer_iter().zip(parts.expenditure.rows()) {
        let cells = sales.chunks_exact_mut(j).zip(own.chunks_exact_mut(j));
        for (shares, (sales, own)) in shares.outer_iter().zip(cells) {
            let (sales, own) = (ArrayViewMut1::from(sales), ArrayViewMut1::from(own));
            Zip::from(sales).and(own).and(&shares).and(&spent).for_each(|sales, own, share, spent| {
                let flow = spent * share;
                *sales += flow;
                *own += flow * share;
            });
        }
    }
    for (cell, own) in own.iter_mut().enumerate() {
        let alone = if sales[cell] > 0.0 { *own / sales[cell] } else { 1.0 };
        *own = parts.theta[cell % j] * (1.0 - alone);
    }
    (own, sales)
}

/// One over `1 + theta_eff`, where `theta_eff` is the value-added-weighted elasticity of a country's sales with respect
/// to its own cost.
fn wage_step(parts: &EconomyParts, elasticity: &[f64], sales: &[f64]) -> Vec<f64> {
    let Dims { countries: n, sectors: j, factors: f } = parts.dims();
    let mut steps = Vec::with_capacity(n * f);
    for i in 0..n {
        for factor in 0..f {
            let (mut weight, mut weighted) = (0.0, 0.0);
            for s in 0..j {
                let cell = i * j + s;
                let w = parts.factor_share[[i, s, factor]] * sales[cell];
                if w > 0.0 {
                    weight += w;
                    weighted += w * elasticity[cell];
                }
            }
            steps.push(1.0 / (1.0 + if weight > 0.0 { weighted / weight } else { 0.0 }));
        }
    }
    steps
}
