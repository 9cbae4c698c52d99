//! What changes: new policies and new fundamentals.

use ndarray::{Array1, Array2, Array3, ArrayView, Dimension};
use serde::{Deserialize, Serialize};

use crate::economy::EconomyParts;
use crate::labels::Dims;

/// A change from the baseline. What is `None` stays as it is; [`Shock::default`] changes nothing.
///
/// Policies are given as new *levels* (rates), fundamentals as *hats* (new over baseline).
///
/// ```
/// use model_core::{Deficits, Shock};
/// let shock = Shock { deficits: Deficits::Zero, ..Shock::default() };
/// assert!(shock.tariff.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shock {
    /// New ad-valorem import tariff rates `[n,i,j]`.
    pub tariff: Option<Array3<f64>>,
    /// New ad-valorem export tax rates `[n,i,j]`.
    pub export_tax: Option<Array3<f64>>,
    /// Iceberg trade cost hats `[n,i,j]`; positive, and infinite for a flow that stops.
    pub iceberg_hat: Option<Array3<f64>>,
    /// Productivity hats `[i,j]`; positive. Unit cost falls in proportion.
    pub productivity_hat: Option<Array2<f64>>,
    /// Factor endowment hats `[n,f]`; positive.
    pub endowment_hat: Option<Array2<f64>>,
    /// Taste hats `[n,j]` on final shares, which are then made to sum to one; not negative.
    pub preference_hat: Option<Array2<f64>>,
    /// What becomes of aggregate deficits.
    pub deficits: Deficits,
}

/// How aggregate trade deficits close. The numeraire is world factor income, whose value never changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Deficits {
    /// Fixed in units of world factor income.
    #[default]
    Fixed,
    /// Closed to zero, as Caliendo and Parro (2015) do before their experiment.
    Zero,
    /// A fixed share of own income before transfers, `D'[n] = d[n] R'[n]`; what these miss to sum to zero is spread in
    /// proportion to income: `D'[n] = R'[n] (d[n] - sum_m d[m] R'[m] / sum_m R'[m])`.
    ShareOfIncome,
    /// New deficits, in the unit of the baseline's values at unchanged world factor income; they sum to zero.
    Levels(Array1<f64>),
}

/// Why a shock cannot be applied. Every message names the place, says what is wrong there and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ShockError {
    /// An array whose shape is not the economy's.
    #[error(
        "shock array `{array}` has shape {found:?}, but the economy needs {expected:?}: build it from the economy's own dimensions"
    )]
    Shape {
        /// Name of the array.
        array: &'static str,
        /// Shape that the economy asks for.
        expected: Vec<usize>,
        /// Shape found.
        found: Vec<usize>,
    },
    /// A value outside its range.
    #[error("shock `{array}` is {value} at {place}: it must be {range}")]
    Value {
        /// Name of the array.
        array: &'static str,
        /// Where.
        place: String,
        /// What stands there.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// Deficits that do not cancel.
    #[error(
        "new deficits sum to {sum}, not to zero: one country's deficit is others' surplus; spread the difference"
    )]
    Deficits {
        /// Their sum.
        sum: f64,
    },
    /// All suppliers of a sector cut off.
    #[error(
        "the shock leaves {country} without a supplier of `{sector}`, which it needs: leave it one, or lower the cut from infinite to finite"
    )]
    NoSupplier {
        /// The buying country.
        country: String,
        /// The sector.
        sector: String,
    },
    /// No final demand left.
    #[error(
        "the taste shock leaves {country} with no final demand at all: keep one positive hat on a sector that it buys"
    )]
    NoDemand {
        /// The country.
        country: String,
    },
}

impl Shock {
    /// Autarky: no flow between countries, no deficits.
    pub fn autarky(dims: Dims) -> Self {
        let n = dims.countries;
        let closed =
            Array3::from_shape_fn((n, n, dims.sectors), |(m, i, _)| if m == i { 1.0 } else { f64::INFINITY });
        Self { iceberg_hat: Some(closed), deficits: Deficits::Zero, ..Self::default() }
    }

    /// Checks the shock against an economy.
    ///
    /// # Errors
    /// A [`ShockError`] that names the first place where something is wrong.
    pub fn validate(&self, parts: &EconomyParts) -> Result<(), ShockError> {
        let Dims { countries: n, sectors: j, factors: f } = parts.dims();
        let flow = ["importer", "exporter", "sector"].as_slice();
        let rate = "a finite rate above -1; write 5 percent as 0.05";
        let hat = "positive and finite; a hat is new over baseline, 1 is no change";
        check(parts, "tariff", &self.tariff, &[n, n, j], flow, rate, |v| v > -1.0 && v.is_finite())?;
        check(parts, "export_tax", &self.export_tax, &[n, n, j], flow, rate, |v| v > -1.0 && v.is_finite())?;
        let iceberg = "positive; infinite stops the flow";
        check(parts, "iceberg_hat", &self.iceberg_hat, &[n, n, j], flow, iceberg, |v| v > 0.0)?;
        let positive = |v: f64| v > 0.0 && v.is_finite();
        check(
            parts,
            "productivity_hat",
            &self.productivity_hat,
            &[n, j],
            &["country", "sector"],
            hat,
            positive,
        )?;
        check(parts, "endowment_hat", &self.endowment_hat, &[n, f], &["country", "factor"], hat, positive)?;
        let taste = "finite and not negative; a hat is new over baseline, 1 is no change";
        let not_negative = |v: f64| v >= 0.0 && v.is_finite();
        check(
            parts,
            "preference_hat",
            &self.preference_hat,
            &[n, j],
            &["country", "sector"],
            taste,
            not_negative,
        )?;
        if let Deficits::Levels(levels) = &self.deficits {
            let levels = Some(levels.clone());
            check(parts, "deficits", &levels, &[n], &["country"], "finite", f64::is_finite)?;
            let sum = levels.iter().flatten().sum::<f64>();
            if sum.abs() > crate::economy::BALANCE_TOLERANCE * parts.factor_income.sum() {
                return Err(ShockError::Deficits { sum });
            }
        }
        Ok(())
    }
}

fn check<D: Dimension>(
    parts: &EconomyParts,
    array: &'static str,
    values: &Option<ndarray::Array<f64, D>>,
    expected: &[usize],
    kinds: &[&str],
    range: &'static str,
    allowed: impl Fn(f64) -> bool,
) -> Result<(), ShockError> {
    let Some(values) = values else { return Ok(()) };
    if values.shape() != expected {
        return Err(ShockError::Shape { array, expected: expected.into(), found: values.shape().into() });
    }
    // The common case first: looking for the place is slow.
    if values.iter().all(|v| allowed(*v)) {
        return Ok(());
    }
    let view: ArrayView<f64, ndarray::IxDyn> = values.view().into_dyn();
    match view.indexed_iter().find(|(_, v)| !allowed(**v)) {
        None => Ok(()),
        Some((index, &value)) => Err(ShockError::Value {
            array,
            place: crate::economy::place(&parts.labels, kinds, index.slice()),
            value,
            range,
        }),
    }
}
