//! What single elements, single sectors and the value of lambda do to the estimates.

use rayon::prelude::*;

use super::{Equations, Fit, Lambda, Panel, Specification, SubstitutionError};

/// Estimates with one thing left out, or at one value.
#[derive(Debug)]
pub struct Variant {
    /// What was left out or set.
    pub name: String,
    /// The estimates, or why there are none.
    pub fit: Result<Fit, SubstitutionError>,
}

/// Leaves the shocks of one element after another out of the instruments: estimates that hang on one of them move.
/// Elements that no sector contains, or without shocks, are passed over.
pub fn leave_one_element_out(specification: &Specification, panel: &Panel) -> Vec<Variant> {
    let moves = |e: &usize| {
        panel.exposure.column(*e).iter().any(|mu| *mu > 0.0)
            && panel
                .shocks
                .iter()
                .any(|s| s.values.index_axis(ndarray::Axis(1), *e).iter().any(|g| *g != 0.0))
    };
    let elements: Vec<usize> = (0..panel.elements.len()).filter(moves).collect();
    let one = |e: usize| Variant {
        name: panel.elements[e].clone(),
        fit: specification.estimate(&panel.without_shocks_of(e)),
    };
    elements.into_par_iter().map(one).collect()
}

/// Leaves one sector after another out of a pooled or grouped estimate.
///
/// # Errors
/// [`SubstitutionError::Setting`] for estimates by sector, which share only `phi` and `lambda`: pool or group them.
pub fn leave_one_sector_out(
    specification: &Specification,
    panel: &Panel,
) -> Result<Vec<Variant>, SubstitutionError> {
    if specification.groups == super::Groups::BySector {
        return Err(SubstitutionError::Setting {
            setting: "groups",
            problem: "estimates by sector do not share sigma: pool or group them to leave sectors out"
                .to_owned(),
        });
    }
    let one = |j: usize| Variant {
        name: panel.sectors[j].clone(),
        fit: specification.estimate(&panel.select(|unit| unit.sector != j)),
    };
    Ok((0..panel.sectors.len()).into_par_iter().map(one).collect())
}

/// The patents equation at several values of `lambda`, which it cannot tell from `1 - sigma`.
pub fn lambda_sensitivity(specification: &Specification, panel: &Panel, values: &[f64]) -> Vec<Variant> {
    let one = |&lambda: &f64| Variant {
        name: format!("lambda = {lambda}"),
        fit: Specification {
            equations: Equations::Patents,
            lambda: Lambda::Known(lambda),
            ..specification.clone()
        }
        .estimate(panel),
    };
    values.par_iter().map(one).collect()
}
