//! What tests of critical inputs share.

use model_core::{
    Diffusion, Economy, Equilibrium, Innovation, ResearchCost, Restriction, Shock, SolverSettings, Technology,
};

use crate::Uniform;

/// Settings that leave only rounding.
pub fn tight() -> SolverSettings {
    SolverSettings { tolerance: 1e-12, ..SolverSettings::default() }
}

/// The equilibrium at [`tight`] settings.
///
/// # Panics
/// If there is none.
pub fn solve(economy: &Economy, shock: &Shock) -> Equilibrium {
    economy.solve(shock, &tight()).unwrap_or_else(|error| panic!("{error}"))
}

/// The first critical sector.
pub fn element(economy: &Economy) -> usize {
    economy.critical().map_or(0, |critical| critical.sectors[0])
}

/// Overlapping limits: by origin, by pair, on production, on an ordinary good; some leave room.
pub fn overlapping(uniform: &mut Uniform, economy: &Economy) -> Vec<Restriction> {
    let (n, r) = (economy.dims().countries, element(economy));
    vec![
        Restriction::export_quota(r, 0, uniform.between(0.3, 1.3)),
        Restriction::pair_quota(r, 0, n - 1, uniform.between(0.3, 1.3)),
        Restriction::production_cap(r, 0, uniform.between(0.5, 1.3)),
        Restriction { rent_share: 0.5, ..Restriction::export_quota(0, n - 1, uniform.between(0.5, 1.3)) },
    ]
}

/// The economy with one elasticity of substitution everywhere.
///
/// # Panics
/// If it has no critical inputs.
pub fn with_sigma(economy: &Economy, sigma: f64) -> Economy {
    let mut critical = economy.critical().unwrap().clone();
    critical.sigma.fill(sigma);
    economy.clone().with_critical(Some(critical)).unwrap()
}

/// Innovation that stays at home and is paid for in the final good.
pub fn innovation(lambda: f64, phi: f64, xi: f64) -> Innovation {
    Innovation { lambda, phi, xi, diffusion: Diffusion::National, paid_in: ResearchCost::FinalGood }
}

/// One of the closures, whose long run is stable for `sigma` up to 3.
pub fn any_technology(uniform: &mut Uniform) -> Technology {
    let innovation = Innovation {
        diffusion: if uniform.whole(0, 1) == 0 { Diffusion::National } else { Diffusion::Global },
        // With sigma up to 3 a product of lambda and phi above a half would have no stable long run.
        ..innovation(uniform.between(0.3, 0.7), uniform.between(0.2, 0.6), uniform.between(0.0, 0.03))
    };
    match uniform.whole(0, 2) {
        0 => Technology::Exogenous,
        1 => Technology::FreeEntry(innovation),
        _ => Technology::FixedResearchers(innovation),
    }
}
