//! The elements apart: the rare-earth economy of 2009 with a sector for each, and what ores hold.
//!
//! [`rare_earth_world_2009`](super::rare_earth_world_2009) has one composite. Here its purchases are divided as the use of each
//! element says ([`element_use_2009`]), and its trade by balancing, for each importer,
//!
//! ```text
//! F[n,i,e]  close to  F[n,i] comp[i,e] price[e],   sum_e F[n,i,e] = F[n,i],   sum_i F[n,i,e] = use[n,e]
//! ```
//!
//! so that the elements add up to the composite flow by flow. All have its cost shares, its taxes and its trade elasticity: they are
//! joint products of one ore (`model_core::CriticalInputs::joint_products`), and restricting some of them is another experiment
//! than restricting all.

use std::collections::BTreeMap;

use model_core::{Economy, Flows, Labels};
use ndarray::{Array1, Array2, Array3, Axis};

use super::economy::flows;
use super::schema::{read, unique};
use super::{Element, Facts, Files, RareEarthError, element_use_2009};
use crate::balance::{BalanceSettings, balance};
use crate::world_2009::WorldError;

/// The composite in the shipped economy.
const COMPOSITE: &str = "Rare earths";

const FILE: &str = "ore_composition.csv";

/// How far the percentages of an ore may be from a hundred: they are rounded, and traces are left out.
const ROUNDING: f64 = 3.0;

/// Percentages as shares that sum to one.
fn to_one(key: &str, percent: &mut [f64; Element::COUNT]) -> Result<(), RareEarthError> {
    let sum: f64 = percent.iter().sum();
    if (sum - 100.0).abs() > ROUNDING {
        return Err(RareEarthError::Weights { file: FILE.to_owned(), key: key.to_owned(), sum: sum / 100.0 });
    }
    percent.iter_mut().for_each(|share| *share /= sum);
    Ok(())
}

/// What the ores of a country hold (`ore_composition.csv`).
#[derive(Debug, Clone, PartialEq)]
pub struct OreComposition(BTreeMap<String, [f64; Element::COUNT]>);

impl OreComposition {
    /// Reads `ore_composition.csv`: each country's deposits, weighted by their output.
    ///
    /// # Errors
    /// [`RareEarthError`] naming file, line and column, or the deposit whose elements or the country whose deposits do not add up.
    pub fn parse(files: &Files, facts: &Facts) -> Result<Self, RareEarthError> {
        let sources = facts.sources.keys().cloned().collect();
        let header = ["deposit", "country", "item", "percent", "status", "source"];
        let rows = read(FILE, files.text(FILE), &header, |r| {
            r.source(5, &sources)?;
            let _: super::Status = r.parse(4, super::facts::STATUS)?;
            let percent = r.amount(3)?;
            if percent > 100.0 {
                return Err(r.wrong(3, "a percentage"));
            }
            let item = r.word(2)?;
            let element = Element::ALL.into_iter().position(|e| e.symbol() == item);
            if element.is_none() && item != "output" {
                return Err(r.wrong(2, "`output` or the symbol of an element"));
            }
            Ok(((r.word(1)?, r.word(0)?), element, percent))
        })?;
        unique(FILE, &rows, |r| (r.0.clone(), r.1))?;
        let mut deposits: BTreeMap<(String, String), (f64, [f64; Element::COUNT])> = BTreeMap::new();
        for (key, element, percent) in rows {
            let deposit = deposits.entry(key).or_insert((0.0, [0.0; Element::COUNT]));
            match element {
                None => deposit.0 = percent,
                Some(e) => deposit.1[e] = percent,
            }
        }
        let mut countries: BTreeMap<String, (f64, [f64; Element::COUNT])> = BTreeMap::new();
        for ((country, name), (output, mut elements)) in deposits {
            to_one(&name, &mut elements)?;
            let all = countries.entry(country).or_insert((0.0, [0.0; Element::COUNT]));
            all.0 += output;
            all.1.iter_mut().zip(elements).for_each(|(sum, share)| *sum += output * share);
        }
        let mut made = BTreeMap::new();
        for (country, (output, elements)) in countries {
            if (output - 100.0).abs() > ROUNDING {
                return Err(RareEarthError::Weights {
                    file: FILE.to_owned(),
                    key: country,
                    sum: output / 100.0,
                });
            }
            made.insert(country, elements.map(|sum| sum / output));
        }
        Ok(Self(made))
    }

    /// Share of each element in the oxide that a country mines, in the order of [`Element::ALL`]; they sum to one.
    ///
    /// # Errors
    /// [`RareEarthError::Missing`] if neither the country nor `*` has deposits.
    pub fn of(&self, country: &str) -> Result<&[f64; Element::COUNT], RareEarthError> {
        self.0.get(country).or_else(|| self.0.get("*")).ok_or_else(|| RareEarthError::Missing {
            what: format!("deposits of {country}"),
            hint: format!("add them to {FILE}, or `*` for all countries without"),
        })
    }
}

/// [`rare_earth_world_2009`](super::rare_earth_world_2009) with a sector for each element, named by its symbol (`other` for the
/// rest), in the place of the composite. Tell a solve that they are joint products by its critical inputs.
///
/// # Errors
/// [`WorldError`] if the shipped files are damaged or do not balance.
pub fn element_world_2009() -> Result<Economy, WorldError> {
    let composite = flows()?;
    let r = composite.labels.sector(COMPOSITE).ok_or_else(|| RareEarthError::Missing {
        what: format!("sector {COMPOSITE}"),
        hint: "the shipped economy is damaged: make it again with `cargo xtask data build`".to_owned(),
    })?;
    let files = Files::embedded();
    let ores = OreComposition::parse(&files, &Facts::parse(&files)?)?;
    let divided = divide(&composite, r, &ores)?;
    Ok(Economy::from_flows(divided).map_err(Box::new)?)
}

/// Divides the last sector, `r`, into elements.
fn divide(composite: &Flows, r: usize, ores: &OreComposition) -> Result<Flows, WorldError> {
    let labels = &composite.labels;
    let (n, j, elements) = (labels.countries().len(), labels.sectors().len(), Element::COUNT);
    let kept: Vec<usize> = (0..j).filter(|s| *s != r).collect();
    // Use by country, sector and element, and world prices.
    let mut used = Array3::<f64>::zeros((n, j, elements));
    let (mut tonnes, mut value) = ([0.0; Element::COUNT], [0.0; Element::COUNT]);
    for row in element_use_2009()? {
        let e = Element::ALL.iter().position(|e| *e == row.element).unwrap_or(elements - 1);
        tonnes[e] += row.tonnes;
        value[e] += row.value;
        if let (Some(m), Some(s)) = (labels.country(&row.country), labels.sector(&row.sector)) {
            used[[m, s, e]] += row.value;
        }
    }
    for m in 0..n {
        for s in 0..j {
            let bought = composite.intermediate[[m, s, r]];
            let total: f64 = (0..elements).map(|e| used[[m, s, e]]).sum();
            for e in 0..elements {
                let world = value[e] / value.iter().sum::<f64>();
                used[[m, s, e]] = bought * if total > 0.0 { used[[m, s, e]] / total } else { world };
            }
        }
    }
    // Trade by element, importer by importer.
    let mut trade = Array3::<f64>::zeros((n, n, elements));
    for m in 0..n {
        let rows: Array1<f64> = (0..n).map(|i| composite.trade[[m, i, r]]).collect();
        let columns: Array1<f64> =
            (0..elements).map(|e| used.index_axis(Axis(0), m).column(e).sum()).collect();
        let mut seed = Array2::<f64>::zeros((n, elements));
        for ((i, e), seed) in seed.indexed_iter_mut() {
            let price = if tonnes[e] > 0.0 { value[e] / tonnes[e] } else { 0.0 };
            *seed = rows[i] * ores.of(&labels.countries()[i])?[e] * price;
        }
        let settings = BalanceSettings { tolerance: 1e-14, max_iterations: 10_000 };
        let balanced = balance(seed.view(), rows.view(), columns.view(), &settings)
            .map_err(|source| RareEarthError::Balance { what: "trade in elements", source })?;
        trade.index_axis_mut(Axis(0), m).assign(&balanced.matrix);
    }
    // What producers get, and with it what they pay.
    let mut receipts = Array2::<f64>::zeros((n, elements));
    for ((m, i, e), flow) in trade.indexed_iter() {
        let gross = (1.0 + composite.tariff[[m, i, r]]) * (1.0 + composite.export_tax[[m, i, r]]);
        receipts[[i, e]] += flow / gross;
    }
    let part = |i: usize, e: usize| {
        let total = receipts.row(i).sum();
        if total > 0.0 { receipts[[i, e]] / total } else { 0.0 }
    };

    let count = kept.len() + elements;
    let old = |s: usize| kept.get(s).copied().unwrap_or(r);
    let element = |s: usize| s.checked_sub(kept.len());
    let mut sectors: Vec<String> = kept.iter().map(|s| labels.sectors()[*s].clone()).collect();
    sectors.extend(Element::ALL.iter().map(|e| e.symbol().to_owned()));
    let rates = |from: &Array3<f64>| {
        Array3::from_shape_fn((n, n, count), |(m, i, s)| match element(s) {
            Some(e) if trade[[m, i, e]] == 0.0 => 0.0,
            _ => from[[m, i, old(s)]],
        })
    };
    // A using sector that is an element takes its part of what the composite's producers bought.
    let own = |i: usize, s: usize| element(s).map_or(1.0, |e| part(i, e));
    let mut metadata = composite.metadata.clone();
    metadata.name = "element-world-2009".to_owned();
    metadata.provenance.push(
        "derived: the composite divided into elements by use (Goonan 2011, recalled) and ore composition (US Geological Survey, \
         recalled), balanced by importer"
            .to_owned(),
    );
    Ok(Flows {
        labels: Labels::new(labels.countries().to_vec(), sectors, labels.factors().to_vec())
            .map_err(Box::new)?,
        metadata,
        trade: Array3::from_shape_fn((n, n, count), |(m, i, s)| match element(s) {
            Some(e) => trade[[m, i, e]],
            None => composite.trade[[m, i, old(s)]],
        }),
        intermediate: Array3::from_shape_fn((n, count, count), |(m, s, k)| {
            own(m, s)
                * element(k).map_or(composite.intermediate[[m, old(s), old(k)]], |e| used[[m, old(s), e]])
        }),
        factor_payments: Array3::from_shape_fn((n, count, labels.factors().len()), |(i, s, f)| {
            own(i, s) * composite.factor_payments[[i, old(s), f]]
        }),
        final_demand: Array2::from_shape_fn((n, count), |(m, s)| match element(s) {
            Some(e) => composite.final_demand[[m, r]] * value[e] / value.iter().sum::<f64>(),
            None => composite.final_demand[[m, old(s)]],
        }),
        tariff: rates(&composite.tariff),
        export_tax: rates(&composite.export_tax),
        theta: (0..count).map(|s| composite.theta[old(s)]).collect(),
        kappa: composite.kappa,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_add_up_to_the_composite() {
        let composite = super::super::rare_earth_world_2009().unwrap();
        let elements = element_world_2009().unwrap();
        let first = elements.dims().sectors - Element::COUNT;
        assert_eq!(first, composite.dims().sectors - 1);
        let gap = |a: f64, b: f64| (a - b).abs() / composite.expenditure().column(first).sum();
        let (a, b) = (composite.border_flows(), elements.border_flows());
        for m in 0..composite.dims().countries {
            for i in 0..composite.dims().countries {
                let sum: f64 = (first..elements.dims().sectors).map(|s| b[[m, i, s]]).sum();
                assert!(gap(a[[m, i, first]], sum) < 1e-9, "{m} {i}: {} {sum}", a[[m, i, first]]);
            }
        }
        for i in 0..composite.dims().countries {
            let sum: f64 = (first..elements.dims().sectors).map(|s| elements.output()[[i, s]]).sum();
            assert!(gap(composite.output()[[i, first]], sum) < 1e-9);
            for s in (first..elements.dims().sectors).filter(|s| elements.output()[[i, *s]] > 0.0) {
                for f in 0..composite.dims().factors {
                    let (a, b) =
                        (composite.factor_share()[[i, first, f]], elements.factor_share()[[i, s, f]]);
                    assert!((a - b).abs() < 1e-9, "{a} {b}");
                }
            }
        }
        let income = composite.income() - elements.income();
        assert!(income.iter().all(|gap| gap.abs() < 1e-3), "{income}");
    }

    #[test]
    fn the_clays_hold_the_heavy_elements() {
        let files = Files::embedded();
        let ores = OreComposition::parse(&files, &Facts::parse(&files).unwrap()).unwrap();
        let share = |country: &str, e: Element| {
            ores.of(country).unwrap()[Element::ALL.iter().position(|x| *x == e).unwrap()]
        };
        for element in [Element::Tb, Element::Y] {
            for other in ["IND", "RUS"] {
                assert!(share("CHN", element) > share(other, element), "{element:?}, {other}");
            }
        }
        // The ore of Bayan Obo, most of the output, has a thousandth.
        assert!(share("CHN", Element::Dy) > 4.0 * 0.001, "{}", share("CHN", Element::Dy));
        assert!((ores.of("CHN").unwrap().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
