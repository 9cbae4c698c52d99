//! The baseline: a world economy in shares and values, at rest.
//!
//! [`Economy`] is what every experiment starts from. It can be made from values ([`Flows`], [`Economy::from_flows`]) or
//! from shares ([`EconomyParts`], [`Economy::from_parts`]); both check everything, so any `Economy` that exists has
//! shares that sum to one and markets that clear. Data whose markets do not clear, as when negative final demands were set
//! to zero, become the equilibrium that their shares imply by `EconomyParts::equilibrate`.

mod critical;
mod error;
mod flows;
mod validate;

use ndarray::{Array1, Array2, Array3, Zip};
use serde::{Deserialize, Serialize};

pub use critical::CriticalInputs;
pub use error::EconomyError;
pub use flows::Flows;
pub use validate::{BALANCE_TOLERANCE, SHARE_TOLERANCE};
pub(crate) use validate::{deficits_cancel, normalise_shares, place, structure};

use crate::equilibrium::Prepared;
use crate::labels::{Dims, Labels};
use crate::trade::{border_flows, border_value, producer_value};

/// Where an economy comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Short name, such as `world-2009`.
    pub name: String,
    /// Year of the data.
    pub year: Option<i32>,
    /// Unit of every value, such as `million current USD`.
    pub unit: String,
    /// Sources and what was done to them, one statement an entry.
    pub provenance: Vec<String>,
}

/// The numbers of an economy, open to read and to change; [`Economy`] is the checked form.
///
/// Indices: importer `n`, exporter `i`, sectors `j` and `k` (of an input), factor `f`. Values are in the unit of the
/// metadata, shares and rates dimensionless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EconomyParts {
    /// Names of the axes.
    pub labels: Labels,
    /// Name, year, unit, provenance.
    pub metadata: Metadata,
    /// `pi[n,i,j]`: share of exporter `i` in what `n` spends on `j` at purchaser prices. Sums to one over `i` wherever
    /// `n` buys `j`.
    pub trade_share: Array3<f64>,
    /// `X[n,j]`: expenditure at purchaser prices, final and intermediate.
    pub expenditure: Array2<f64>,
    /// `gF[i,j,f]`: share of factor `f` in the cost of sector `j`.
    pub factor_share: Array3<f64>,
    /// `gM[i,j,k]`: share of input `k` in the cost of sector `j`. With `factor_share` it sums to one wherever `i`
    /// produces `j`.
    pub input_share: Array3<f64>,
    /// `alpha[n,j]`: share of sector `j` in final spending.
    pub final_share: Array2<f64>,
    /// Ad-valorem import tariff `[n,i,j]`, paid to `n` on the value at its border.
    pub tariff: Array3<f64>,
    /// Ad-valorem export tax `[n,i,j]`, paid to `i` on what its producer gets.
    pub export_tax: Array3<f64>,
    /// `D[n]`: what `n` spends beyond its income. Sums to zero.
    pub deficit: Array1<f64>,
    /// `w[n,f] F[n,f]`: income of each factor.
    pub factor_income: Array2<f64>,
    /// `theta[j]`: trade elasticity.
    pub theta: Array1<f64>,
    /// Elasticity of substitution between sectors in final demand; 1 is Cobb-Douglas.
    pub kappa: f64,
    /// Inputs with an elasticity of substitution of their own, if there are any.
    #[serde(default)]
    pub critical: Option<CriticalInputs>,
}

impl EconomyParts {
    /// Numbers of countries, sectors and factors.
    pub fn dims(&self) -> Dims {
        self.labels.dims()
    }

    /// Income of each country: factors, tariffs, export taxes, deficit. What it spends on final goods.
    pub(crate) fn income(&self) -> Array1<f64> {
        self.income_with(&self.proceeds())
    }

    pub(crate) fn income_with(&self, proceeds: &Proceeds) -> Array1<f64> {
        self.factor_income.sum_axis(ndarray::Axis(1))
            + &proceeds.tariff_revenue
            + &proceeds.export_tax_revenue
            + &self.deficit
    }

    /// `s[i,j]`: share of the critical inputs in the cost of each sector; zero without any, one where there is nothing else but
    /// rounding.
    pub(crate) fn critical_share(&self) -> Array2<f64> {
        let Dims { countries, sectors, .. } = self.dims();
        let elements = self.critical.as_ref().map_or(&[][..], |critical| &critical.sectors);
        Array2::from_shape_fn((countries, sectors), |(i, j)| {
            let share = elements.iter().fold(0.0, |sum, &e| sum + self.input_share[[i, j, e]]);
            if (1.0 - share).abs() <= f64::EPSILON { 1.0 } else { share }
        })
    }

    /// Who gets what of all spending, in one pass.
    pub(crate) fn proceeds(&self) -> Proceeds {
        let Dims { countries, sectors, .. } = self.dims();
        let mut proceeds = Proceeds {
            output: Array2::zeros((countries, sectors)),
            tariff_revenue: Array1::zeros(countries),
            export_tax_revenue: Array1::zeros(countries),
        };
        let importers = self.trade_share.outer_iter().zip(self.expenditure.rows());
        let rates = self.tariff.outer_iter().zip(self.export_tax.outer_iter());
        for (n, ((shares, spent), (tariffs, taxes))) in importers.zip(rates).enumerate() {
            let exporters = shares.outer_iter().zip(tariffs.outer_iter().zip(taxes.outer_iter()));
            for (i, (shares, (tariffs, taxes))) in exporters.enumerate() {
                let (mut tariff_revenue, mut export_tax_revenue) = (0.0, 0.0);
                let cells = Zip::from(proceeds.output.row_mut(i)).and(&shares).and(&spent);
                cells.and(&tariffs).and(&taxes).for_each(|output, share, spent, &tariff, &tax| {
                    let purchaser = spent * share;
                    if purchaser == 0.0 || (tariff == 0.0 && tax == 0.0) {
                        *output += purchaser;
                        return;
                    }
                    let border = border_value(purchaser, tariff);
                    let producer = producer_value(border, tax);
                    *output += producer;
                    tariff_revenue += purchaser - border;
                    export_tax_revenue += border - producer;
                });
                proceeds.tariff_revenue[n] += tariff_revenue;
                proceeds.export_tax_revenue[i] += export_tax_revenue;
            }
        }
        proceeds
    }
}

/// What spending becomes: output of producers, revenue of governments.
pub(crate) struct Proceeds {
    pub(crate) output: Array2<f64>,
    pub(crate) tariff_revenue: Array1<f64>,
    pub(crate) export_tax_revenue: Array1<f64>,
}

/// A checked baseline economy.
///
/// Construction is the only door: shares sum to one to [`SHARE_TOLERANCE`], every market and account closes to
/// [`BALANCE_TOLERANCE`] of its size. Sectors without output, zero flows and sectors that are not traded are ordinary
/// cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "EconomyParts", into = "EconomyParts")]
pub struct Economy {
    parts: EconomyParts,
    output: Array2<f64>,
    income: Array1<f64>,
    prepared: Prepared,
}

impl Economy {
    /// Checks shares and values and makes them an economy. Shares within tolerance of one are divided by their sum.
    ///
    /// # Errors
    /// An [`EconomyError`] that names the first place where something is wrong.
    pub fn from_parts(mut parts: EconomyParts) -> Result<Self, EconomyError> {
        validate::structure(&parts)?;
        validate::normalise_shares(&mut parts);
        let proceeds = parts.proceeds();
        let income = parts.income_with(&proceeds);
        Self::settled(parts, proceeds.output, income)
    }

    /// An economy from parts whose structure is known to be sound, as of an equilibrium of one that was checked.
    pub(crate) fn settled(
        parts: EconomyParts,
        output: Array2<f64>,
        income: Array1<f64>,
    ) -> Result<Self, EconomyError> {
        validate::accounts(&parts, &output, &income)?;
        Ok(Self { parts, output, income, prepared: Prepared::default() })
    }

    /// Makes an economy from values. See [`Flows`].
    ///
    /// # Errors
    /// An [`EconomyError`] that names the first place where something is wrong.
    pub fn from_flows(flows: Flows) -> Result<Self, EconomyError> {
        Self::from_parts(flows.into_parts()?)
    }

    /// All the numbers.
    pub fn parts(&self) -> &EconomyParts {
        &self.parts
    }

    /// All the numbers, to be changed and checked again.
    pub fn into_parts(self) -> EconomyParts {
        self.parts
    }

    /// The same economy with these critical inputs: the baseline is unchanged, what it does after a shock is not.
    ///
    /// # Errors
    /// An [`EconomyError`] for a sector that does not exist or an elasticity out of range.
    pub fn with_critical(mut self, critical: Option<CriticalInputs>) -> Result<Self, EconomyError> {
        if let Some(critical) = &critical {
            critical.check(&self.parts)?;
        }
        self.parts.critical = critical;
        self.prepared = Prepared::default();
        Ok(self)
    }

    /// The same economy with these trade elasticities `[j]`.
    ///
    /// # Errors
    /// An [`EconomyError`] for a wrong number of them or one out of range.
    pub fn with_theta(mut self, theta: Array1<f64>) -> Result<Self, EconomyError> {
        self.parts.theta = theta;
        self.prepared = Prepared::default();
        validate::elasticities(&self.parts)?;
        Ok(self)
    }

    pub(crate) fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// Names of the axes.
    pub fn labels(&self) -> &Labels {
        &self.parts.labels
    }

    /// Name, year, unit, provenance.
    pub fn metadata(&self) -> &Metadata {
        &self.parts.metadata
    }

    /// Numbers of countries, sectors and factors.
    pub fn dims(&self) -> Dims {
        self.parts.dims()
    }

    /// `pi[n,i,j]`, trade shares.
    pub fn trade_share(&self) -> &Array3<f64> {
        &self.parts.trade_share
    }

    /// `X[n,j]`, expenditure at purchaser prices.
    pub fn expenditure(&self) -> &Array2<f64> {
        &self.parts.expenditure
    }

    /// `gF[i,j,f]`, cost shares of factors.
    pub fn factor_share(&self) -> &Array3<f64> {
        &self.parts.factor_share
    }

    /// `gM[i,j,k]`, cost shares of inputs.
    pub fn input_share(&self) -> &Array3<f64> {
        &self.parts.input_share
    }

    /// `alpha[n,j]`, final shares.
    pub fn final_share(&self) -> &Array2<f64> {
        &self.parts.final_share
    }

    /// Import tariff `[n,i,j]`.
    pub fn tariff(&self) -> &Array3<f64> {
        &self.parts.tariff
    }

    /// Export tax `[n,i,j]`.
    pub fn export_tax(&self) -> &Array3<f64> {
        &self.parts.export_tax
    }

    /// `D[n]`, deficits.
    pub fn deficit(&self) -> &Array1<f64> {
        &self.parts.deficit
    }

    /// `w F [n,f]`, factor income.
    pub fn factor_income(&self) -> &Array2<f64> {
        &self.parts.factor_income
    }

    /// `theta[j]`, trade elasticities.
    pub fn theta(&self) -> &Array1<f64> {
        &self.parts.theta
    }

    /// Elasticity of substitution between sectors in final demand.
    pub fn kappa(&self) -> f64 {
        self.parts.kappa
    }

    /// Inputs with an elasticity of substitution of their own.
    pub fn critical(&self) -> Option<&CriticalInputs> {
        self.parts.critical.as_ref()
    }

    /// `s[i,j]`: share of the critical inputs in the cost of each sector; zero without any, one where there is nothing else but
    /// rounding.
    pub fn critical_share(&self) -> Array2<f64> {
        self.parts.critical_share()
    }

    /// `Y[i,j]`, output at producer prices.
    pub fn output(&self) -> &Array2<f64> {
        &self.output
    }

    /// `I[n]`, income, which is final spending.
    pub fn income(&self) -> &Array1<f64> {
        &self.income
    }

    /// Tariff revenue of each country, `[n]`.
    pub fn tariff_revenue(&self) -> Array1<f64> {
        self.parts.proceeds().tariff_revenue
    }

    /// Export-tax revenue of each country, `[n]`.
    pub fn export_tax_revenue(&self) -> Array1<f64> {
        self.parts.proceeds().export_tax_revenue
    }

    /// Value of every flow `[n,i,j]` at the importer's border.
    pub fn border_flows(&self) -> Array3<f64> {
        border_flows(&self.parts.trade_share, &self.parts.expenditure, &self.parts.tariff)
    }
}

impl TryFrom<EconomyParts> for Economy {
    type Error = EconomyError;
    fn try_from(parts: EconomyParts) -> Result<Self, EconomyError> {
        Economy::from_parts(parts)
    }
}

impl From<Economy> for EconomyParts {
    fn from(economy: Economy) -> Self {
        economy.parts
    }
}

#[cfg(test)]
mod tests {
    use crate::synthetic::{CriticalRecipe, Recipe};

    #[test]
    fn nothing_but_the_critical_inputs_is_a_share_of_one_whatever_the_rounding() {
        let critical = CriticalRecipe { elements: 3, ..CriticalRecipe::default() };
        let mut parts = Recipe::new(3, 2, 1).with_critical(critical).draw(&mut || 0.5).unwrap().into_parts();
        // Their floating-point sum is one rounding below one.
        for (element, share) in (2..5).zip([0.7, 0.2, 0.1]) {
            parts.input_share[[0, 0, element]] = share;
        }
        assert_eq!(parts.critical_share()[[0, 0]], 1.0);
    }
}
