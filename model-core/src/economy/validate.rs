//! The checks behind the door of [`Economy`](super::Economy).

use ndarray::{Array1, Array2, Array3, ArrayViewD, Axis, Dimension, Zip};

use super::{EconomyError, EconomyParts};
use crate::labels::{Dims, Labels};

/// How far shares may sum from one. Shares read from text with seven or more digits pass; they are then divided by
/// their sum.
pub const SHARE_TOLERANCE: f64 = 1e-6;

/// How far an account may be from closing, relative to its size.
pub const BALANCE_TOLERANCE: f64 = 1e-9;

/// What the axes of a flow are called.
const FLOW: [&str; 3] = ["importer", "exporter", "sector"];

/// Shape checks: name, axes, found, expected.
pub(super) fn check_shapes(
    arrays: &[(&'static str, &'static str, &[usize], &[usize])],
) -> Result<(), EconomyError> {
    for &(array, axes, found, expected) in arrays {
        if found != expected {
            return Err(EconomyError::Shape { array, axes, expected: expected.into(), found: found.into() });
        }
    }
    Ok(())
}

/// The labels of one entry, such as ``importer `JPN`, exporter `CHN`, sector `Goods` ``.
pub(crate) fn place(labels: &Labels, kinds: &[&str], index: &[usize]) -> String {
    let name = |kind: &str, at: usize| match kind {
        "factor" => &labels.factors()[at],
        "sector" | "using sector" | "input" => &labels.sectors()[at],
        _ => &labels.countries()[at],
    };
    let parts: Vec<String> =
        kinds.iter().zip(index).map(|(kind, &at)| format!("{kind} `{}`", name(kind, at))).collect();
    parts.join(", ")
}

/// The lowest entry, or zero if that is lower, if all are finite: eight at a time, without stopping at the first that is not.
fn lowest(values: &ArrayViewD<f64>) -> Option<f64> {
    const LANES: usize = 8;
    let lower = |least: f64, v: f64| if v < least { v } else { least };
    let Some(all) = values.as_slice_memory_order() else {
        let (least, nothing) =
            values.iter().fold((0.0, 0.0), |(least, nothing), v| (lower(least, *v), nothing + 0.0 * v));
        return (nothing == 0.0).then_some(least);
    };
    let (lanes, rest) = all.as_chunks::<LANES>();
    let mut least = [0.0; LANES];
    // Zero times what is not finite is no number.
    let mut nothing = [0.0; LANES];
    for values in lanes {
        for lane in 0..LANES {
            least[lane] = lower(least[lane], values[lane]);
            nothing[lane] += 0.0 * values[lane];
        }
    }
    let finite = nothing.iter().all(|sum| *sum == 0.0) && rest.iter().all(|v| v.is_finite());
    finite.then(|| least.iter().chain(rest).fold(0.0, |least, v| lower(least, *v)))
}

/// Every entry finite and not negative.
pub(super) fn check_values(
    labels: &Labels,
    arrays: &[(&'static str, ArrayViewD<f64>, &[&str])],
) -> Result<(), EconomyError> {
    for (array, values, kinds) in arrays {
        // The common case first: looking for the place is slow.
        if lowest(values).is_some_and(|least| least >= 0.0) {
            continue;
        }
        check_finite(labels, array, values, kinds)?;
        if let Some((index, &value)) = values.indexed_iter().find(|(_, v)| **v < 0.0) {
            return Err(EconomyError::Negative { array, place: place(labels, kinds, index.slice()), value });
        }
    }
    Ok(())
}

/// Every rate finite and above -1.
pub(super) fn check_rates(
    labels: &Labels,
    arrays: &[(&'static str, &Array3<f64>)],
) -> Result<(), EconomyError> {
    let kinds = FLOW.as_slice();
    for &(array, rates) in arrays {
        if lowest(&rates.view().into_dyn()).is_some_and(|least| least > -1.0) {
            continue;
        }
        check_finite(labels, array, &rates.view().into_dyn(), kinds)?;
        if let Some(((n, i, j), &value)) = rates.indexed_iter().find(|(_, r)| **r <= -1.0) {
            return Err(EconomyError::Rate { array, place: place(labels, kinds, &[n, i, j]), value });
        }
    }
    Ok(())
}

fn check_finite(
    labels: &Labels,
    array: &'static str,
    values: &ArrayViewD<f64>,
    kinds: &[&str],
) -> Result<(), EconomyError> {
    match values.indexed_iter().find(|(_, v)| !v.is_finite()) {
        None => Ok(()),
        Some((index, &value)) => {
            Err(EconomyError::NotFinite { array, place: place(labels, kinds, index.slice()), value })
        }
    }
}

/// Everything that does not need accounts to close: shapes, signs, shares, rates, elasticities.
pub(crate) fn structure(parts: &EconomyParts) -> Result<(), EconomyError> {
    let labels = &parts.labels;
    let Dims { countries, sectors, factors } = labels.dims();
    check_shapes(&[
        (
            "trade_share",
            "importer, exporter, sector",
            parts.trade_share.shape(),
            &[countries, countries, sectors],
        ),
        ("expenditure", "country, sector", parts.expenditure.shape(), &[countries, sectors]),
        (
            "factor_share",
            "country, sector, factor",
            parts.factor_share.shape(),
            &[countries, sectors, factors],
        ),
        (
            "input_share",
            "country, using sector, input",
            parts.input_share.shape(),
            &[countries, sectors, sectors],
        ),
        ("final_share", "country, sector", parts.final_share.shape(), &[countries, sectors]),
        ("tariff", "importer, exporter, sector", parts.tariff.shape(), &[countries, countries, sectors]),
        (
            "export_tax",
            "importer, exporter, sector",
            parts.export_tax.shape(),
            &[countries, countries, sectors],
        ),
        ("deficit", "country", parts.deficit.shape(), &[countries]),
        ("factor_income", "country, factor", parts.factor_income.shape(), &[countries, factors]),
    ])?;
    let flow = FLOW.as_slice();
    check_values(
        labels,
        &[
            ("trade_share", parts.trade_share.view().into_dyn(), flow),
            ("expenditure", parts.expenditure.view().into_dyn(), &["country", "sector"]),
            ("factor_share", parts.factor_share.view().into_dyn(), &["country", "sector", "factor"]),
            ("input_share", parts.input_share.view().into_dyn(), &["country", "using sector", "input"]),
            ("final_share", parts.final_share.view().into_dyn(), &["country", "sector"]),
            ("factor_income", parts.factor_income.view().into_dyn(), &["country", "factor"]),
        ],
    )?;
    check_rates(labels, &[("tariff", &parts.tariff), ("export_tax", &parts.export_tax)])?;
    check_finite(labels, "deficit", &parts.deficit.view().into_dyn(), &["country"])?;
    elasticities(parts)?;
    share_sums(parts)
}

/// Trade elasticities, demand, critical inputs.
pub(super) fn elasticities(parts: &EconomyParts) -> Result<(), EconomyError> {
    let labels = &parts.labels;
    check_shapes(&[("theta", "sector", parts.theta.shape(), &[labels.sectors().len()])])?;
    for (j, &value) in parts.theta.iter().enumerate() {
        if !(value > 0.0 && value.is_finite()) {
            return Err(EconomyError::Theta { sector: labels.sectors()[j].clone(), value });
        }
    }
    if !(parts.kappa >= 0.0 && parts.kappa.is_finite()) {
        return Err(EconomyError::Kappa { value: parts.kappa });
    }
    parts.critical.as_ref().map_or(Ok(()), |critical| critical.check(parts))
}

fn off(sum: f64) -> bool {
    (sum - 1.0).abs() > SHARE_TOLERANCE
}

fn share_sums(parts: &EconomyParts) -> Result<(), EconomyError> {
    let labels = &parts.labels;
    let at = |n: usize, j: usize| (labels.countries()[n].clone(), labels.sectors()[j].clone());
    for ((n, j), &sum) in parts.trade_share.sum_axis(Axis(1)).indexed_iter() {
        let expenditure = parts.expenditure[[n, j]];
        if sum == 0.0 && expenditure > 0.0 {
            let (country, sector) = at(n, j);
            return Err(EconomyError::NoSupplier { country, sector, expenditure });
        }
        if sum != 0.0 && off(sum) {
            let (country, sector) = at(n, j);
            return Err(EconomyError::Shares {
                array: "trade_share",
                place: format!("importer `{country}`, sector `{sector}`"),
                sum,
                tolerance: SHARE_TOLERANCE,
                remedy: "divide each exporter's value by the total, domestic sales included",
            });
        }
    }
    let mut output = None;
    let cost = parts.factor_share.sum_axis(Axis(2)) + parts.input_share.sum_axis(Axis(2));
    for ((i, j), &sum) in cost.indexed_iter() {
        if sum == 0.0 {
            let output = output.get_or_insert_with(|| parts.proceeds().output)[[i, j]];
            if output > 0.0 {
                let (country, sector) = at(i, j);
                return Err(EconomyError::NoInputs { country, sector, output });
            }
        }
        if sum != 0.0 && off(sum) {
            let (country, sector) = at(i, j);
            return Err(EconomyError::Shares {
                array: "factor_share + input_share",
                place: format!("country `{country}`, sector `{sector}`"),
                sum,
                tolerance: SHARE_TOLERANCE,
                remedy: "factors and inputs together are the whole cost; divide each by their total",
            });
        }
    }
    for (n, &sum) in parts.final_share.sum_axis(Axis(1)).indexed_iter() {
        if off(sum) {
            return Err(EconomyError::Shares {
                array: "final_share",
                place: format!("country `{}`", labels.countries()[n]),
                sum,
                tolerance: SHARE_TOLERANCE,
                remedy: "divide each sector's final demand by the country's total",
            });
        }
    }
    Ok(())
}

/// Divides shares that sum to one within tolerance by their sum, so that they do so to rounding.
pub(crate) fn normalise_shares(parts: &mut EconomyParts) {
    fn divide<'a>(values: impl Iterator<Item = &'a mut f64>, sum: f64) {
        if sum > 0.0 && sum != 1.0 {
            values.for_each(|v| *v /= sum);
        }
    }
    for mut importer in parts.trade_share.outer_iter_mut() {
        let sums = importer.sum_axis(Axis(0));
        for mut exporter in importer.outer_iter_mut() {
            Zip::from(&mut exporter).and(&sums).for_each(|share, &sum| divide(std::iter::once(share), sum));
        }
    }
    let factors = parts.factor_share.lanes_mut(Axis(2)).into_iter();
    for (mut factors, mut inputs) in factors.zip(parts.input_share.lanes_mut(Axis(2))) {
        let sum = factors.sum() + inputs.sum();
        divide(factors.iter_mut().chain(inputs.iter_mut()), sum);
    }
    for mut row in parts.final_share.rows_mut() {
        let sum = row.sum();
        divide(row.iter_mut(), sum);
    }
}

/// That what some countries spend beyond their income others do not spend.
pub(crate) fn deficits_cancel(parts: &EconomyParts) -> Result<(), EconomyError> {
    let world = parts.factor_income.sum();
    let sum = parts.deficit.sum();
    if sum.abs() > BALANCE_TOLERANCE * world.abs() {
        return Err(EconomyError::Deficits { sum, relative: sum / world, tolerance: BALANCE_TOLERANCE });
    }
    Ok(())
}

/// Markets and accounts: deficits cancel, incomes are positive, factors earn what sectors pay, spending has its sources.
pub(super) fn accounts(
    parts: &EconomyParts,
    output: &Array2<f64>,
    income: &Array1<f64>,
) -> Result<(), EconomyError> {
    let labels = &parts.labels;
    deficits_cancel(parts)?;
    let factor_total = parts.factor_income.sum_axis(Axis(1));
    for (n, country) in labels.countries().iter().enumerate() {
        for (what, value) in [("factor income", factor_total[n]), ("income", income[n])] {
            if value <= 0.0 {
                return Err(EconomyError::NoIncome { country: country.clone(), what, value });
            }
        }
    }
    let balance =
        |account, (kinds, index): (&[&str], [usize; 2]), left_name, left: f64, right_name, right: f64| {
            let difference = (left - right).abs() / left.abs().max(right.abs()).max(f64::MIN_POSITIVE);
            if difference <= BALANCE_TOLERANCE {
                return Ok(());
            }
            Err(EconomyError::Unbalanced {
                account,
                place: place(labels, kinds, &index),
                left_name,
                left,
                right_name,
                right,
                difference,
                tolerance: BALANCE_TOLERANCE,
            })
        };
    let paid = bought_by_sectors(&parts.factor_share, output);
    let used = bought_by_sectors(&parts.input_share, output);
    for ((n, f), &earned) in parts.factor_income.indexed_iter() {
        let at = (["country", "factor"].as_slice(), [n, f]);
        balance("factor income", at, "earned", earned, "paid by sectors", paid[[n, f]])?;
    }
    for ((n, k), &spent) in parts.expenditure.indexed_iter() {
        let demanded = parts.final_share[[n, k]] * income[n] + used[[n, k]];
        balance("expenditure", (&["country", "sector"], [n, k]), "spent", spent, "demanded", demanded)?;
    }
    Ok(())
}

/// `sum_j share[i,j,.] Y[i,j]`: what the sectors of each country spend on each factor or input.
pub(super) fn bought_by_sectors(share: &Array3<f64>, output: &Array2<f64>) -> Array2<f64> {
    let mut bought = Array2::zeros((share.dim().0, share.dim().2));
    for ((mut bought, share), output) in
        bought.rows_mut().into_iter().zip(share.outer_iter()).zip(output.rows())
    {
        bought += &output.dot(&share);
    }
    bought
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ArrayView1};

    use super::*;

    #[test]
    fn one_odd_entry_is_found_wherever_it_stands() {
        for count in 1..40 {
            let mut values: Vec<f64> = (0..count).map(|k| k as f64).collect();
            assert_eq!(lowest(&ArrayView1::from(&values).into_dyn()), Some(0.0), "{count}");
            for at in 0..count {
                for odd in [-1e-300, -2.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                    let good = std::mem::replace(&mut values[at], odd);
                    let found = lowest(&ArrayView1::from(&values).into_dyn());
                    assert_eq!(found, odd.is_finite().then_some(odd), "{odd} at {at} of {count}");
                    values[at] = good;
                }
            }
        }
        // Every second column lies nowhere in one piece.
        let mut spread = Array2::from_elem((4, 20), 1.0);
        for odd in [1.0, -1.0, f64::NAN, f64::INFINITY] {
            spread[[2, 4]] = odd;
            let every_second = spread.slice_each_axis(|axis| ndarray::Slice {
                start: 0,
                end: None,
                step: if axis.axis.index() == 1 { 2 } else { 1 },
            });
            assert_eq!(lowest(&every_second.into_dyn()), odd.is_finite().then_some(odd.min(0.0)));
        }
    }
}
