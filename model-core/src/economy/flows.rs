//! From values, as an input-output table has them, to shares.

use ndarray::{Array1, Array2, Array3, Axis};
use serde::{Deserialize, Serialize};

use super::validate::{BALANCE_TOLERANCE, check_rates, check_shapes, check_values};
use super::{EconomyError, EconomyParts, Metadata};
use crate::labels::{Dims, Labels};
use crate::trade::{border_value, producer_value};

/// An economy in values: what an input-output table with bilateral trade holds. All values in one unit.
///
/// Two accounts must close for every country and sector, to [`BALANCE_TOLERANCE`]: what is bought (`trade` summed over
/// exporters) is used (`intermediate` summed over using sectors, plus `final_demand`), and what producers get is what
/// their inputs and factors cost. Deficits follow: final spending less factor income and tax revenue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flows {
    /// Names of the axes.
    pub labels: Labels,
    /// Name, year, unit, provenance.
    pub metadata: Metadata,
    /// Value at purchaser prices, tariff and export tax included, `[n,i,j]`; `n = i` is domestic.
    pub trade: Array3<f64>,
    /// Intermediate use at purchaser prices, `[n,j,k]`: using sector `j`, input `k`.
    pub intermediate: Array3<f64>,
    /// Payments to factors, `[n,j,f]`.
    pub factor_payments: Array3<f64>,
    /// Final demand at purchaser prices, `[n,k]`.
    pub final_demand: Array2<f64>,
    /// Ad-valorem tariff rates, `[n,i,j]`.
    pub tariff: Array3<f64>,
    /// Ad-valorem export-tax rates, `[n,i,j]`.
    pub export_tax: Array3<f64>,
    /// Trade elasticities, `[j]`.
    pub theta: Array1<f64>,
    /// Elasticity of substitution between sectors in final demand; 1 is Cobb-Douglas.
    pub kappa: f64,
}

impl Flows {
    /// Shares and totals. Where the accounts close to rounding only, trade and what producers get for it count: expenditure is
    /// what is bought, and inputs and factors are shares of output.
    ///
    /// # Errors
    /// [`EconomyError::Shape`], [`EconomyError::NotFinite`], [`EconomyError::Negative`], [`EconomyError::Rate`],
    /// [`EconomyError::NoFinalDemand`], [`EconomyError::Unbalanced`].
    pub fn into_parts(self) -> Result<EconomyParts, EconomyError> {
        let Dims { countries, sectors, factors } = self.labels.dims();
        check_shapes(&[
            ("trade", "importer, exporter, sector", self.trade.shape(), &[countries, countries, sectors]),
            (
                "intermediate",
                "country, using sector, input",
                self.intermediate.shape(),
                &[countries, sectors, sectors],
            ),
            (
                "factor_payments",
                "country, sector, factor",
                self.factor_payments.shape(),
                &[countries, sectors, factors],
            ),
            ("final_demand", "country, sector", self.final_demand.shape(), &[countries, sectors]),
            ("tariff", "importer, exporter, sector", self.tariff.shape(), &[countries, countries, sectors]),
            (
                "export_tax",
                "importer, exporter, sector",
                self.export_tax.shape(),
                &[countries, countries, sectors],
            ),
            ("theta", "sector", self.theta.shape(), &[sectors]),
        ])?;
        check_values(
            &self.labels,
            &[
                ("trade", self.trade.view().into_dyn(), &["importer", "exporter", "sector"]),
                ("intermediate", self.intermediate.view().into_dyn(), &["country", "using sector", "input"]),
                ("factor_payments", self.factor_payments.view().into_dyn(), &["country", "sector", "factor"]),
                ("final_demand", self.final_demand.view().into_dyn(), &["country", "sector"]),
            ],
        )?;
        check_rates(&self.labels, &[("tariff", &self.tariff), ("export_tax", &self.export_tax)])?;
        let final_total = self.final_demand.sum_axis(Axis(1));
        if let Some((country, _)) =
            self.labels.countries().iter().zip(&final_total).find(|(_, total)| **total == 0.0)
        {
            return Err(EconomyError::NoFinalDemand { country: country.clone() });
        }

        let expenditure = self.trade.sum_axis(Axis(1));
        let used = self.intermediate.sum_axis(Axis(1)) + &self.final_demand;
        let mut output = Array2::<f64>::zeros((countries, sectors));
        for ((n, i, j), value) in self.trade.indexed_iter() {
            let border = border_value(*value, self.tariff[[n, i, j]]);
            output[[i, j]] += producer_value(border, self.export_tax[[n, i, j]]);
        }
        let inputs = self.intermediate.sum_axis(Axis(2));
        let cost = &inputs + &self.factor_payments.sum_axis(Axis(2));
        self.compare("expenditure", "bought", &expenditure, "used", &used)?;
        self.compare("output", "sold", &output, "paid for inputs and factors", &cost)?;

        let mut trade_share = self.trade;
        for ((n, _, j), share) in trade_share.indexed_iter_mut() {
            *share = if expenditure[[n, j]] > 0.0 { *share / expenditure[[n, j]] } else { 0.0 };
        }
        let mut input_share = self.intermediate;
        for ((i, j, _), share) in input_share.indexed_iter_mut() {
            *share = if cost[[i, j]] > 0.0 { *share / cost[[i, j]] } else { 0.0 };
        }
        let mut factor_share = self.factor_payments;
        for ((i, j, _), share) in factor_share.indexed_iter_mut() {
            *share = if cost[[i, j]] > 0.0 { *share / cost[[i, j]] } else { 0.0 };
        }
        let mut factor_income = Array2::<f64>::zeros((countries, factors));
        for ((i, j, f), share) in factor_share.indexed_iter() {
            factor_income[[i, f]] += share * output[[i, j]];
        }
        let mut final_share = self.final_demand;
        for ((n, _), share) in final_share.indexed_iter_mut() {
            *share /= final_total[n];
        }
        let mut parts = EconomyParts {
            labels: self.labels,
            metadata: self.metadata,
            trade_share,
            expenditure,
            factor_share,
            input_share,
            final_share,
            tariff: self.tariff,
            export_tax: self.export_tax,
            deficit: Array1::zeros(countries),
            factor_income,
            theta: self.theta,
            kappa: self.kappa,
            critical: None,
        };
        parts.deficit = final_total - parts.income();
        Ok(parts)
    }

    fn compare(
        &self,
        account: &'static str,
        left_name: &'static str,
        left: &Array2<f64>,
        right_name: &'static str,
        right: &Array2<f64>,
    ) -> Result<(), EconomyError> {
        for ((n, j), &l) in left.indexed_iter() {
            let r = right[[n, j]];
            let difference = (l - r).abs() / l.abs().max(r.abs()).max(f64::MIN_POSITIVE);
            if difference > BALANCE_TOLERANCE {
                return Err(EconomyError::Unbalanced {
                    account,
                    place: format!("{} `{}`", self.labels.countries()[n], self.labels.sectors()[j]),
                    left_name,
                    left: l,
                    right_name,
                    right: r,
                    difference,
                    tolerance: BALANCE_TOLERANCE,
                });
            }
        }
        Ok(())
    }
}
