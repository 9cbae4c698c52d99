//! The same economy with its countries or sectors in another order.

use model_core::{Buyers, Economy, EconomyParts, Labels, Shock};
use ndarray::{Array, Array2, Array3, Axis, Dimension};

use crate::Uniform;

/// Rows `order` of every axis in `axes`.
pub fn reordered<D: Dimension + ndarray::RemoveAxis>(
    array: &Array<f64, D>,
    axes: &[usize],
    order: &[usize],
) -> Array<f64, D> {
    axes.iter().fold(array.clone(), |array, &axis| array.select(Axis(axis), order))
}

/// A random order.
pub fn order(uniform: &mut Uniform, length: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    for k in (1..length).rev() {
        order.swap(k, uniform.whole(0, k));
    }
    order
}

/// The shock of an economy whose countries or sectors stand in another order: `flow` and `other` are the axes that they have in
/// arrays with two countries and with one.
pub fn reorder_shock(
    shock: &Shock,
    flow: &[usize],
    other: &[usize],
    order: &[usize],
    factors_too: bool,
) -> Shock {
    let three = |a: &Option<Array3<f64>>| a.as_ref().map(|a| reordered(a, flow, order));
    let two = |a: &Option<Array2<f64>>| a.as_ref().map(|a| reordered(a, other, order));
    Shock {
        tariff: three(&shock.tariff),
        export_tax: three(&shock.export_tax),
        iceberg_hat: three(&shock.iceberg_hat),
        productivity_hat: two(&shock.productivity_hat),
        endowment_hat: if factors_too { two(&shock.endowment_hat) } else { shock.endowment_hat.clone() },
        preference_hat: two(&shock.preference_hat),
        ..shock.clone()
    }
}

/// Where each of the old positions went.
fn places(order: &[usize]) -> Vec<usize> {
    let mut places = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        places[*old] = new;
    }
    places
}

fn rebuilt(parts: EconomyParts) -> Economy {
    Economy::from_parts(parts).unwrap_or_else(|error| panic!("{error}"))
}

/// An economy and its shock, restrictions included, with the countries in another order.
///
/// # Panics
/// If the economy is not one in that order.
pub fn countries_reordered(economy: &Economy, shock: &Shock, order: &[usize]) -> (Economy, Shock) {
    let mut parts = economy.parts().clone();
    for array in [&mut parts.trade_share, &mut parts.tariff, &mut parts.export_tax] {
        *array = reordered(array, &[0, 1], order);
    }
    for array in [&mut parts.factor_share, &mut parts.input_share] {
        *array = reordered(array, &[0], order);
    }
    for array in [&mut parts.expenditure, &mut parts.final_share, &mut parts.factor_income] {
        *array = reordered(array, &[0], order);
    }
    parts.deficit = reordered(&parts.deficit, &[0], order);
    let names: Vec<&str> = order.iter().map(|&n| economy.labels().countries()[n].as_str()).collect();
    parts.labels = labels(&names, economy.labels().sectors(), economy.labels().factors());
    let mut shock = reorder_shock(shock, &[0, 1], &[0], order, true);
    let places = places(order);
    for restriction in &mut shock.restrictions {
        restriction.exporter = places[restriction.exporter];
        if let Buyers::Only(list) = &mut restriction.buyers {
            list.iter_mut().for_each(|n| *n = places[*n]);
        }
    }
    (rebuilt(parts), shock)
}

/// An economy and its shock, restrictions included, with the sectors in another order.
///
/// # Panics
/// If the economy is not one in that order.
pub fn sectors_reordered(economy: &Economy, shock: &Shock, order: &[usize]) -> (Economy, Shock) {
    let mut parts = economy.parts().clone();
    for array in [&mut parts.trade_share, &mut parts.tariff, &mut parts.export_tax] {
        *array = reordered(array, &[2], order);
    }
    parts.factor_share = reordered(&parts.factor_share, &[1], order);
    parts.input_share = reordered(&parts.input_share, &[1, 2], order);
    for array in [&mut parts.expenditure, &mut parts.final_share] {
        *array = reordered(array, &[1], order);
    }
    parts.theta = reordered(&parts.theta, &[0], order);
    let places = places(order);
    if let Some(critical) = &mut parts.critical {
        critical.sectors.iter_mut().for_each(|k| *k = places[*k]);
        critical.sigma = reordered(&critical.sigma, &[0], order);
    }
    let names: Vec<&str> = order.iter().map(|&k| economy.labels().sectors()[k].as_str()).collect();
    parts.labels = labels(economy.labels().countries(), &names, economy.labels().factors());
    let mut shock = reorder_shock(shock, &[2], &[1], order, false);
    for restriction in &mut shock.restrictions {
        restriction.sector = places[restriction.sector];
    }
    (rebuilt(parts), shock)
}

/// An economy whose values are in another unit.
///
/// # Panics
/// If it is none in that unit.
pub fn in_unit(economy: &Economy, unit: f64) -> Economy {
    let mut parts = economy.parts().clone();
    parts.expenditure *= unit;
    parts.factor_income *= unit;
    parts.deficit *= unit;
    rebuilt(parts)
}

fn labels<A: AsRef<str>, B: AsRef<str>, C: AsRef<str>>(a: &[A], b: &[B], c: &[C]) -> Labels {
    fn list<S: AsRef<str>>(names: &[S]) -> Vec<String> {
        names.iter().map(|name| name.as_ref().to_owned()).collect()
    }
    Labels::new(list(a), list(b), list(c)).unwrap_or_else(|error| panic!("{error}"))
}
