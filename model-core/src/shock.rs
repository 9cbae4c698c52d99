//! What changes: new policies and new fundamentals.

use ndarray::{Array1, Array2, Array3, ArrayView, Dimension, Zip};
use serde::{Deserialize, Serialize};

use crate::economy::{Economy, EconomyParts};
use crate::labels::Dims;
use crate::restriction::{Buyers, Limit, Restriction};
use crate::technology::{Augmentation, Technology};

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
    /// Limits on quantities.
    #[serde(default)]
    pub restrictions: Vec<Restriction>,
    /// Productivity of the critical inputs and of everything else; hats, positive.
    #[serde(default)]
    pub augmentation: Option<Augmentation>,
    /// How technology answers.
    #[serde(default)]
    pub technology: Technology,
    /// Hats `[n]` of the price of research on the critical input, beside that of what it is paid in; positive: a subsidy of a
    /// third is 2/3. Nothing changes where technology does not move.
    #[serde(default)]
    pub research_cost_hat: Option<Array1<f64>>,
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
    /// A restriction that makes no sense here.
    #[error("restriction {} ({what}): {problem}; {remedy}", number + 1)]
    Restriction {
        /// Position in the list, from 0.
        number: usize,
        /// The flow that it restricts.
        what: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A parameter of technology out of range.
    #[error("technology: `{parameter}` is {value}; {remedy}")]
    Technology {
        /// Its name.
        parameter: &'static str,
        /// What stands there.
        value: f64,
        /// What it may be.
        remedy: &'static str,
    },
    /// Research that feeds on itself.
    #[error(
        "technology: lambda phi (sigma - 1) is {product} in `{sector}`: at 1 or more a cheaper input draws research that makes it cheaper still, without end, and there is no stable long run; lower lambda, phi or the sector's sigma, or follow a path of years"
    )]
    Unstable {
        /// The using sector.
        sector: String,
        /// `lambda phi (sigma - 1)`.
        product: f64,
    },
    /// Technology that works on an input that the economy does not have.
    #[error(
        "the shock moves technology, but the economy has no critical input for it to work on: give it one (`Economy::with_critical`)"
    )]
    NoCriticalInput,
    /// Blocs or a diffusion matrix of another size.
    #[error(
        "diffusion is given for {found} countries, but the economy has {expected}: give each country its row"
    )]
    Diffusion {
        /// Countries found.
        found: usize,
        /// Countries in the economy.
        expected: usize,
    },
    /// A row of the diffusion matrix that is no average.
    #[error(
        "diffusion weights of {country} sum to {sum}: they must not be negative and sum to one, as the average over the countries whose knowledge it uses"
    )]
    DiffusionRow {
        /// The country.
        country: String,
        /// Sum of its row.
        sum: f64,
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

    /// This shock as far as `t` on the straight line that leads to it from nothing at 0: in the logarithms of price wedges,
    /// fundamentals and limits that bind, in the levels of deficits. What stops a flow stops it at once.
    pub(crate) fn part(&self, parts: &EconomyParts, t: f64) -> Self {
        let rates = |new: &Option<Array3<f64>>, old: &Array3<f64>| {
            new.as_ref().map(|new| {
                Zip::from(new).and(old).map_collect(|&new, &old| {
                    if new == old { old } else { ((1.0 - t) * old.ln_1p() + t * new.ln_1p()).exp_m1() }
                })
            })
        };
        let deficits = match &self.deficits {
            Deficits::Zero => Deficits::Levels(parts.deficit.mapv(|d| (1.0 - t) * d)),
            Deficits::Levels(new) => Deficits::Levels(&parts.deficit * (1.0 - t) + new * t),
            rule => rule.clone(),
        };
        let mut restrictions = self.restrictions.clone();
        for restriction in &mut restrictions {
            match &mut restriction.limit {
                Limit::Wedge(wedge) => *wedge = wedge.powf(t).max(1.0),
                Limit::Volume(limit) if *limit > 0.0 && *limit < 1.0 => *limit = limit.powf(t),
                Limit::Volume(_) => {}
            }
        }
        let hat3 = |a: &Option<Array3<f64>>| a.as_ref().map(|a| a.mapv(|v| v.powf(t)));
        let hat2 = |a: &Option<Array2<f64>>| a.as_ref().map(|a| a.mapv(|v| v.powf(t)));
        Self {
            tariff: rates(&self.tariff, &parts.tariff),
            export_tax: rates(&self.export_tax, &parts.export_tax),
            iceberg_hat: hat3(&self.iceberg_hat),
            productivity_hat: hat2(&self.productivity_hat),
            endowment_hat: hat2(&self.endowment_hat),
            preference_hat: hat2(&self.preference_hat),
            deficits,
            restrictions,
            augmentation: self.augmentation.as_ref().map(|a| Augmentation {
                critical: a.critical.mapv(|v| v.powf(t)),
                other: a.other.mapv(|v| v.powf(t)),
            }),
            technology: self.technology.clone(),
            research_cost_hat: self.research_cost_hat.as_ref().map(|a| a.mapv(|v| v.powf(t))),
        }
    }

    /// Checks the shock against an economy.
    ///
    /// # Errors
    /// A [`ShockError`] that names the first place where something is wrong.
    pub fn validate(&self, economy: &Economy) -> Result<(), ShockError> {
        self.check(economy.parts())
    }

    /// The same against parts whose structure is known to be sound.
    pub(crate) fn check(&self, parts: &EconomyParts) -> Result<(), ShockError> {
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
        check(parts, "research_cost_hat", &self.research_cost_hat, &[n], &["country"], hat, positive)?;
        for (number, restriction) in self.restrictions.iter().enumerate() {
            check_restriction(parts, number, restriction)?;
        }
        if let Some(Augmentation { critical, other }) = &self.augmentation {
            let (cells, kinds) = ([n, j], ["country", "sector"]);
            for (array, values) in [("augmentation.critical", critical), ("augmentation.other", other)] {
                check_view(parts, array, values.view().into_dyn(), &cells, &kinds, hat, positive)?;
            }
        }
        check_technology(parts, &self.technology)?;
        if parts.critical.is_none()
            && (self.augmentation.is_some() || self.technology != Technology::Exogenous)
        {
            return Err(ShockError::NoCriticalInput);
        }
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
    values.as_ref().map_or(Ok(()), |values| {
        check_view(parts, array, values.view().into_dyn(), expected, kinds, range, allowed)
    })
}

fn check_view(
    parts: &EconomyParts,
    array: &'static str,
    values: ArrayView<f64, ndarray::IxDyn>,
    expected: &[usize],
    kinds: &[&str],
    range: &'static str,
    allowed: impl Fn(f64) -> bool,
) -> Result<(), ShockError> {
    if values.shape() != expected {
        return Err(ShockError::Shape { array, expected: expected.into(), found: values.shape().into() });
    }
    // The common case first: looking for the place is slow.
    if values.iter().all(|v| allowed(*v)) {
        return Ok(());
    }
    match values.indexed_iter().find(|(_, v)| !allowed(**v)) {
        None => Ok(()),
        Some((index, &value)) => Err(ShockError::Value {
            array,
            place: crate::economy::place(&parts.labels, kinds, index.slice()),
            value,
            range,
        }),
    }
}

fn check_restriction(
    parts: &EconomyParts,
    number: usize,
    restriction: &Restriction,
) -> Result<(), ShockError> {
    let (countries, sectors) = (parts.labels.countries(), parts.labels.sectors());
    let name = |names: &[String], at: usize| names.get(at).cloned().unwrap_or_else(|| format!("number {at}"));
    let what =
        format!("`{}` from {}", name(sectors, restriction.sector), name(countries, restriction.exporter));
    let fail = |problem: String, remedy| {
        Err(ShockError::Restriction { number, what: what.clone(), problem, remedy })
    };
    let buyers = match &restriction.buyers {
        Buyers::Only(list) => list.as_slice(),
        _ => &[],
    };
    let foreign = restriction.exporter >= countries.len() || buyers.iter().any(|n| *n >= countries.len());
    if foreign || restriction.sector >= sectors.len() {
        return fail(
            "it names a position that the economy does not have".into(),
            "take positions from its labels",
        );
    }
    if buyers.is_empty() && matches!(restriction.buyers, Buyers::Only(_)) {
        return fail("it names no buyer".into(), "name at least one, or cover all abroad");
    }
    match restriction.limit {
        Limit::Volume(limit) if !(limit >= 0.0 && limit.is_finite()) => {
            return fail(
                format!("its volume is {limit}"),
                "give the volume allowed over that of the baseline: 0.6 for 60 percent, 0 for none",
            );
        }
        Limit::Wedge(wedge) if !(wedge >= 1.0 && wedge.is_finite()) => {
            return fail(
                format!("its wedge is {wedge}"),
                "give 1 plus the fee as a share of the producer price",
            );
        }
        _ => {}
    }
    if !(0.0..=1.0).contains(&restriction.rent_share) {
        return fail(
            format!("its rent share is {}", restriction.rent_share),
            "give the part that buyers keep, from 0 to 1",
        );
    }
    Ok(())
}

fn check_technology(parts: &EconomyParts, technology: &Technology) -> Result<(), ShockError> {
    let Some(innovation) = technology.innovation() else { return Ok(()) };
    innovation.check(parts.dims(), parts.labels.countries())?;
    let share = parts.critical_share();
    for (sector, sigma) in parts.critical.iter().flat_map(|critical| critical.sigma.iter()).enumerate() {
        let product = innovation.lambda * innovation.phi * (sigma - 1.0);
        if product >= 1.0 && share.column(sector).iter().any(|share| *share > 0.0) {
            return Err(ShockError::Unstable { sector: parts.labels.sectors()[sector].clone(), product });
        }
    }
    Ok(())
}
