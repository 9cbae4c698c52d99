//! The carve-out: a multi-region table with one more sector, the critical input.
//!
//! # Method
//!
//! Let `u[n,j]` be the value of rare earths that industry `j` of country `n` uses ([`Use`]), `b[n,i]` the share of
//! country `n`'s use that comes from `i` (tonnes, by entropy balancing of mine output and use, with the trade in the origin
//! industries' goods as seed). The new row of the table is `R[i, (n,j)] = b[n,i] u[n,j]`.
//!
//! **Rows.** The value is taken out of sales of the origin industries `o` (chemicals, metals, mining), flow by flow between
//! the same two countries: out of `Z[(i,o),(n,j)]` in the origins' shares as far as that flow goes (at most
//! [`CAPACITY`] of it), and beyond it out of what the other industries of `n` buy from the origins in `i`. In the latter
//! case (a refinery whose catalyst was made at home from imported oxides) the refinery buys so much less from all origin
//! industries, wherever they are, and the industries that gave up the import buy so much more of the same goods. Every row
//! sum but the origins' in `i`, every column sum, and every total between two countries stays as it was.
//!
//! **Columns.** The new sector of country `i` sells `Y = sum R[i,.]`. It pays the share `beta_r` of it to its resource (the
//! ore body, a factor of its own), and the rest in the cost proportions of the country's mining industry for inputs, labour and capital.
//! What foreign buyers pay above the producer's price (China's export duty, and quota rent in the years when the quota binds) is
//! part of the resource's payment in the table; [`CarveOut::export_tax`] holds the rates, and `beta_r` is a share of what
//! producers get. The inputs leave the columns of the origin industries in proportion to what these buy of each; their value added falls
//! by the rest. So every row sum, and value added by factor except that the resource's share leaves capital (the factor
//! named in [`CarveSettings::rent_factor`]), stays as it was.
//!
//! World and country totals of output, value added, final demand and trade are conserved, every industry balances, and
//! [`CarveOut::restore`] returns the table that was carved.

mod columns;
mod rows;

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Slice};

use super::{Origins, RareEarthError, Use, Volumes};
use crate::balance::{BalanceSettings, balance};
use crate::table::{TableParts, WorldTable};

/// Largest part of a flow that is taken to consist of rare earths.
pub const CAPACITY: f64 = 0.9;

/// Choices of a carve-out.
#[derive(Debug, Clone, PartialEq)]
pub struct CarveSettings {
    /// Code of the new sector.
    pub sector: String,
    /// Name of the new factor.
    pub resource: String,
    /// Share of the resource in cost, `beta_r`: 0.8 by assumption, 0.5 to 0.9 plausible. The supply elasticity is
    /// `(1 - beta_r) / beta_r`.
    pub beta_r: f64,
    /// The factor that the resource's income was counted in, by name; all value added when the table has no such factor.
    pub rent_factor: String,
    /// Code of the industry whose cost proportions the new sector has outside the resource.
    pub mining: String,
    /// Country that stands for every producing place that the table does not have.
    pub rest_of_world: String,
}

impl Default for CarveSettings {
    fn default() -> Self {
        Self {
            sector: "Rare earths".to_owned(),
            resource: "rare-earth resource".to_owned(),
            beta_r: 0.8,
            rent_factor: "capital".to_owned(),
            mining: "C".to_owned(),
            rest_of_world: "RoW".to_owned(),
        }
    }
}

/// A table with the critical sector, and what was moved to make it.
#[derive(Debug, Clone, PartialEq)]
pub struct CarveOut {
    /// The table; the new sector is the last of each country, the new factor the last.
    pub table: WorldTable,
    /// The use it was made from.
    pub usage: Use,
    /// Share of each supplier in a country's use, `[importer, exporter]`; rows sum to one.
    pub supplier_share: Array2<f64>,
    /// Output of the new sector by country at what users pay, million USD.
    pub output: Array1<f64>,
    /// Export-tax rates that the flows of the new sector contain, `[importer, exporter]`: duty and quota rent.
    pub export_tax: Array2<f64>,
    /// What exporting countries collect by them, million USD, `[exporter]`.
    pub export_revenue: Array1<f64>,
    /// Value that was linked directly to its user although the table shows no such flow, million USD: the part that went
    /// through another industry of the same country.
    pub rerouted: f64,
    /// Positions of the origin sectors.
    origins: Vec<usize>,
    /// Added to the origins' sales, `[country * origins + origin, column of the old table]`.
    sales_change: Array2<f64>,
    /// Added to the origins' purchases, `[row of the old table, country * origins + origin]`.
    purchase_change: Array2<f64>,
    /// Added to the origins' factor payments, `[factor, country * origins + origin]`.
    factor_change: Array2<f64>,
}

impl CarveOut {
    /// Carves the sector out of `table`.
    ///
    /// # Errors
    /// [`RareEarthError::Setting`] if `beta_r` is not between 0 and 1; [`RareEarthError::Missing`] for sectors or places
    /// that the table lacks; [`RareEarthError::Capacity`] if an industry is too small for what is carved out of it;
    /// [`RareEarthError::Balance`] if mine output and use cannot be joined; [`RareEarthError::Table`] otherwise.
    pub fn new(
        table: &WorldTable,
        usage: Use,
        volumes: &Volumes,
        origins: &Origins,
        settings: &CarveSettings,
    ) -> Result<Self, RareEarthError> {
        if !(settings.beta_r > 0.0 && settings.beta_r < 1.0) {
            return Err(RareEarthError::Setting {
                name: "beta_r",
                value: settings.beta_r,
                range: "above 0 and below 1",
            });
        }
        let plan = Plan::new(table, origins, settings)?;
        let supplier_share = supplier_shares(table, &usage, volumes, &plan, settings)?;
        let value = usage.value();
        let rows = rows::carve(table, &plan, &supplier_share, &value)?;
        let export_tax = usage.export_tax();
        let export_revenue = revenue(&supplier_share, &value, &export_tax);
        let columns = columns::carve(table, &plan, &rows, &export_revenue, settings)?;
        let carved = assemble(table, &plan, &rows, &columns, settings)?;
        Ok(Self {
            table: carved,
            usage,
            supplier_share,
            output: rows.output,
            export_tax,
            export_revenue,
            rerouted: rows.rerouted,
            origins: plan.origins.iter().map(|o| o.0).collect(),
            sales_change: rows.change,
            purchase_change: columns.purchases,
            factor_change: columns.factors,
        })
    }

    /// The table before the carve-out, put together again from the carved one and the record of what was moved.
    ///
    /// # Errors
    /// [`RareEarthError::Table`] if `table` was changed since so that it no longer balances without the sector.
    pub fn restore(&self) -> Result<WorldTable, RareEarthError> {
        let old = self.table.n_sectors() - 1;
        let keep: Vec<usize> =
            (0..self.table.n_countries() * (old + 1)).filter(|k| k % (old + 1) != old).collect();
        let parts = self.table.parts();
        let mut intermediate = parts.intermediate.select(Axis(0), &keep).select(Axis(1), &keep);
        let mut factor_payments = parts.factor_payments.select(Axis(1), &keep);
        factor_payments.remove_index(Axis(0), parts.factors.len() - 1);
        let places = |country: usize| {
            let kinds = self.origins.len();
            self.origins
                .iter()
                .enumerate()
                .map(move |(o, origin)| (country * old + origin, country * kinds + o))
        };
        // in the reverse of the order in which they were made: columns, then rows
        for (at, moved) in (0..self.table.n_countries()).flat_map(places) {
            take_back(intermediate.column_mut(at), self.purchase_change.column(moved));
            take_back(factor_payments.column_mut(at), self.factor_change.column(moved));
        }
        for (at, moved) in (0..self.table.n_countries()).flat_map(places) {
            take_back(intermediate.row_mut(at), self.sales_change.row(moved));
        }
        Ok(WorldTable::new(TableParts {
            sectors: parts.sectors[..old].to_vec(),
            factors: parts.factors[..parts.factors.len() - 1].to_vec(),
            final_demand: parts.final_demand.select(Axis(0), &keep),
            intermediate,
            factor_payments,
            ..parts.clone()
        })?)
    }

    /// Position of the new sector.
    #[must_use]
    pub fn sector(&self) -> usize {
        self.table.n_sectors() - 1
    }

    /// Flows of the new sector at what users pay, million USD, `[importer, exporter]`.
    #[must_use]
    pub fn trade(&self) -> Array2<f64> {
        let used = self.usage.value().sum_axis(Axis(1));
        &self.supplier_share * &used.insert_axis(Axis(1))
    }

    /// Flows of the new sector, tonnes of oxide, `[importer, exporter]`.
    #[must_use]
    pub fn trade_tonnes(&self) -> Array2<f64> {
        let used = self.usage.total_tonnes().sum_axis(Axis(1));
        &self.supplier_share * &used.insert_axis(Axis(1))
    }
}

/// Subtracts what was added; what is left of a cell that was empty is rounding.
fn take_back(cells: ArrayViewMut1<'_, f64>, change: ArrayView1<'_, f64>) {
    for (cell, change) in cells.into_iter().zip(change) {
        let old = *cell - change;
        *cell = if old.abs() <= 1e-12 * change.abs() { 0.0 } else { old };
    }
}

/// Tax in flows at purchaser value, `sum_n flow e / (1 + e)`, by exporter.
fn revenue(supplier_share: &Array2<f64>, value: &Array2<f64>, export_tax: &Array2<f64>) -> Array1<f64> {
    let used = value.sum_axis(Axis(1)).insert_axis(Axis(1));
    (supplier_share * &used * &export_tax.mapv(|e| e / (1.0 + e))).sum_axis(Axis(0))
}

/// Positions in the table.
struct Plan {
    /// Origin sectors and their shares.
    origins: Vec<(usize, f64)>,
    mining: usize,
}

impl Plan {
    fn new(table: &WorldTable, origins: &Origins, settings: &CarveSettings) -> Result<Self, RareEarthError> {
        let find = |code: &str| {
            table.sector(code).ok_or_else(|| RareEarthError::Missing {
                what: format!("sector {code} in the table"),
                hint: "check origins.csv and CarveSettings::mining".to_owned(),
            })
        };
        let positions = origins.industries.iter().map(|w| Ok((find(&w.code)?, w.weight)));
        Ok(Self {
            origins: positions.collect::<Result<_, RareEarthError>>()?,
            mining: find(&settings.mining)?,
        })
    }
}

/// Entropy balancing of mine output by country and use by country, tonnes, seeded with the trade in origin goods.
fn supplier_shares(
    table: &WorldTable,
    usage: &Use,
    volumes: &Volumes,
    plan: &Plan,
    settings: &CarveSettings,
) -> Result<Array2<f64>, RareEarthError> {
    let n = table.n_countries();
    let mut supply = Array1::<f64>::zeros(n);
    for (place, tonnes) in &volumes.mines {
        let country = table.country(place).or_else(|| table.country(&settings.rest_of_world));
        let country = country.ok_or_else(|| RareEarthError::Missing {
            what: format!("country for the mines of {place} in the table"),
            hint: "set CarveSettings::rest_of_world to a country of the table".to_owned(),
        })?;
        supply[country] += tonnes;
    }
    let used = usage.total_tonnes().sum_axis(Axis(1));
    let mut seed = Array2::<f64>::zeros((n, n));
    for importer in 0..n {
        let bought = table.sales_to_industries(importer);
        for exporter in (0..n).filter(|i| supply[*i] > 0.0) {
            for &(origin, share) in &plan.origins {
                seed[[importer, exporter]] += share * bought.row(table.index(exporter, origin)).sum();
            }
        }
    }
    let balanced = balance(seed.view(), used.view(), supply.view(), &BalanceSettings::default())
        .map_err(|source| RareEarthError::Balance { what: "use and mine output by country", source })?;
    let mut shares = balanced.matrix;
    for (mut row, used) in shares.outer_iter_mut().zip(&used) {
        if *used > 0.0 {
            let sum = row.sum();
            row /= sum;
        }
    }
    Ok(shares)
}

fn assemble(
    table: &WorldTable,
    plan: &Plan,
    rows: &rows::Rows,
    columns: &columns::Columns,
    settings: &CarveSettings,
) -> Result<WorldTable, RareEarthError> {
    let (n, size, kinds) = (table.n_countries(), table.n_sectors(), plan.origins.len());
    let mut old = table.intermediate().clone();
    let mut payments = table.factor_payments().clone();
    for country in 0..n {
        for (o, origin) in plan.origins.iter().enumerate() {
            let (at, moved) = (table.index(country, origin.0), country * kinds + o);
            let mut row = old.row_mut(at);
            row += &rows.change.row(moved);
            let mut column = old.column_mut(at);
            column += &columns.purchases.column(moved);
            let mut paid = payments.column_mut(at);
            paid += &columns.factors.column(moved);
        }
    }
    let new = size + 1;
    let factors = table.factors().len();
    let mut intermediate = Array2::zeros((n * new, n * new));
    let mut final_demand = Array2::zeros((n * new, table.final_demand().ncols()));
    let mut factor_payments = Array2::zeros((factors + 1, n * new));
    let whole = 0..table.final_demand().ncols();
    let old_block = |c: usize| c * size..(c + 1) * size;
    let new_block = |c: usize| c * new..c * new + size;
    for i in 0..n {
        let critical = i * new + size;
        block_mut(&mut final_demand, new_block(i), whole.clone()).assign(&block(
            table.final_demand(),
            old_block(i),
            whole.clone(),
        ));
        block_mut(&mut factor_payments, 0..factors, new_block(i)).assign(&block(
            &payments,
            0..factors,
            old_block(i),
        ));
        block_mut(&mut factor_payments, 0..factors, critical..critical + 1).assign(&block(
            &columns.payments,
            0..factors,
            i..i + 1,
        ));
        factor_payments[[factors, critical]] = columns.resource[i];
        for n in 0..n {
            block_mut(&mut intermediate, new_block(i), new_block(n)).assign(&block(
                &old,
                old_block(i),
                old_block(n),
            ));
            block_mut(&mut intermediate, critical..critical + 1, new_block(n)).assign(&block(
                &rows.sales,
                i..i + 1,
                old_block(n),
            ));
            block_mut(&mut intermediate, new_block(n), critical..critical + 1).assign(&block(
                &columns.inputs,
                old_block(n),
                i..i + 1,
            ));
        }
    }
    let mut sectors = table.sectors().to_vec();
    sectors.push(settings.sector.clone());
    let mut names = table.factors().to_vec();
    names.push(settings.resource.clone());
    Ok(WorldTable::new(TableParts {
        sectors,
        factors: names,
        intermediate,
        final_demand,
        factor_payments,
        countries: table.countries().to_vec(),
        year: table.year(),
        unit: table.unit().to_owned(),
        final_categories: table.final_categories().to_vec(),
    })?)
}

fn capacity(
    table: &WorldTable,
    country: usize,
    sector: usize,
    what: &'static str,
    needed: f64,
    available: f64,
) -> RareEarthError {
    let label = |labels: &[String], at: usize| labels.get(at).cloned().unwrap_or_default();
    RareEarthError::Capacity {
        country: label(table.countries(), country),
        sector: label(table.sectors(), sector),
        what,
        needed,
        available,
    }
}

fn block(array: &Array2<f64>, rows: Range<usize>, columns: Range<usize>) -> ArrayView2<'_, f64> {
    let mut view = array.view();
    view.slice_axis_inplace(Axis(0), Slice::from(rows));
    view.slice_axis_inplace(Axis(1), Slice::from(columns));
    view
}

fn block_mut(array: &mut Array2<f64>, rows: Range<usize>, columns: Range<usize>) -> ArrayViewMut2<'_, f64> {
    let mut view = array.view_mut();
    view.slice_axis_inplace(Axis(0), Slice::from(rows));
    view.slice_axis_inplace(Axis(1), Slice::from(columns));
    view
}
