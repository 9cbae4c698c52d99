//! Tests that cross crates live in this package's `tests/` folder. The library holds what several of them share.

pub mod critical;
pub mod naive;
pub mod order;
pub mod questions;

use model_core::{Economy, Shock, synthetic::Recipe};
use ndarray::{Array2, Array3};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A seeded source of uniform numbers.
pub struct Uniform(Xoshiro256PlusPlus);

impl Uniform {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A number in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// A whole number in `low..=high`.
    pub fn whole(&mut self, low: usize, high: usize) -> usize {
        self.0.random_range(low..=high)
    }

    /// An economy.
    ///
    /// # Panics
    /// If the recipe cannot be drawn, which is a failure of the recipe.
    pub fn economy(&mut self, recipe: &Recipe) -> Economy {
        match recipe.draw(&mut || self.0.random::<f64>()) {
            Ok(economy) => economy,
            Err(error) => panic!("{error}"),
        }
    }

    /// An economy of random size, with 1 to 3 factors.
    pub fn small_economy(&mut self) -> Economy {
        let recipe = Recipe::new(self.whole(2, 6), self.whole(1, 5), self.whole(1, 3));
        self.economy(&recipe)
    }

    /// The same without tariffs, export taxes and deficits.
    pub fn small_economy_without_wedges(&mut self) -> Economy {
        let recipe = Recipe::new(self.whole(2, 6), self.whole(1, 5), self.whole(1, 3));
        self.economy(&Recipe { tariff: (0.0, 0.0), export_tax: (0.0, 0.0), deficit: 0.0, ..recipe })
    }

    /// Random new tariffs and export taxes, trade costs, productivity, endowments and tastes, of the given size in logs.
    pub fn shock(&mut self, economy: &Economy, size: f64) -> Shock {
        let dims = economy.dims();
        let (n, j, f) = (dims.countries, dims.sectors, dims.factors);
        let mut rates = |old: &Array3<f64>, top: f64| {
            Array3::from_shape_fn(
                old.dim(),
                |(m, i, s)| {
                    if m == i { old[[m, i, s]] } else { self.between(0.0, top) }
                },
            )
        };
        let tariff = rates(economy.tariff(), size);
        let export_tax = rates(economy.export_tax(), 0.5 * size);
        let iceberg_hat =
            Array3::from_shape_fn(
                (n, n, j),
                |(m, i, _)| {
                    if m == i { 1.0 } else { self.between(-size, size).exp() }
                },
            );
        let mut hats = |shape| Array2::from_shape_fn(shape, |_| self.between(-size, size).exp());
        Shock {
            tariff: Some(tariff),
            export_tax: Some(export_tax),
            iceberg_hat: Some(iceberg_hat),
            productivity_hat: Some(hats((n, j))),
            endowment_hat: Some(hats((n, f))),
            preference_hat: Some(hats((n, j))),
            ..Shock::default()
        }
    }
}

/// The largest size; what is no number is larger than any.
pub fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    let larger = |worst: f64, v: f64| if v > worst || v.is_nan() { v } else { worst };
    values.into_iter().map(f64::abs).fold(0.0, larger)
}

/// The largest relative difference of two arrays of the same shape.
///
/// # Panics
/// If one is longer than the other, or both are empty.
pub fn relative_gap<'a>(a: impl IntoIterator<Item = &'a f64>, b: impl IntoIterator<Item = &'a f64>) -> f64 {
    let (mut a, mut b) = (a.into_iter(), b.into_iter());
    let mut gaps = Vec::new();
    loop {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) => gaps.push(if a == b { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) }),
            (None, None) => break,
            _ => panic!("arrays of different length are compared"),
        }
    }
    assert!(!gaps.is_empty(), "nothing is compared with nothing");
    largest(gaps)
}

/// The library example of the README, held to compile and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
