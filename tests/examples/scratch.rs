//! x
use model_core::synthetic::*;
use model_core::*;
use tests::Uniform;
fn main() {
    let seed: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut uniform = Uniform::new(seed);
    let low = uniform.between(0.0, 3.0);
    let critical = CriticalRecipe {
        elements: uniform.whole(1, 2),
        sigma: if uniform.whole(0, 3) == 0 { (0.0, 1e-12) } else { (low.min(0.5), low.max(0.5)) },
        theta: (1.0, 50.0),
        resource: (0.2, 0.9),
        element_sigma: uniform.between(0.0, 2.0),
        ..CriticalRecipe::default()
    };
    let recipe = Recipe::new(uniform.whole(2, 8), uniform.whole(1, 6), uniform.whole(1, 3));
    let economy = uniform.economy(&recipe.with_critical(critical));
    let r = economy.critical().unwrap().sectors[0];
    let limit = if uniform.whole(0, 9) == 0 { 0.0 } else { uniform.between(0.05, 1.1) };
    let mut restrictions =
        vec![Restriction { rent_share: uniform.between(0.0, 1.0), ..Restriction::export_quota(r, 0, limit) }];
    if uniform.whole(0, 2) == 0 {
        restrictions.push(Restriction::production_cap(r, 1, uniform.between(0.3, 1.2)));
    }
    if uniform.whole(0, 2) == 0 {
        restrictions.push(Restriction {
            buyers: Buyers::Only(vec![1]),
            ..Restriction::export_quota(r, 0, uniform.between(0.1, 1.2))
        });
    }
    let technology = {
        let innovation = Innovation {
            xi: 0.0,
            lambda: 0.0,
            phi: 0.0,
            paid_in: ResearchCost::FinalGood,
            diffusion: if uniform.whole(0, 1) == 0 { Diffusion::National } else { Diffusion::Global },
        };
        let innovation = Innovation {
            lambda: uniform.between(0.3, 0.7),
            phi: uniform.between(0.2, 1.0),
            xi: uniform.between(0.0, 0.03),
            ..innovation
        };
        match uniform.whole(0, 2) {
            0 => Technology::Exogenous,
            1 => Technology::FreeEntry(innovation),
            _ => Technology::FixedResearchers(innovation),
        }
    };
    println!("TECH {technology:?}");
    println!("{:?}\n{:?} {:?} theta {:?}", restrictions, economy.dims(), economy.critical(), economy.theta());
    for &s in &economy.critical().unwrap().sectors {
        println!("trade {:?}", economy.trade_share().index_axis(ndarray::Axis(2), s));
        println!("factor share {:?}", economy.factor_share().index_axis(ndarray::Axis(1), s));
    }
    println!("crit share {:?}", economy.critical_share());
    let shock = Shock { restrictions, technology, ..Shock::default() };
    let mut watch = |i: &Iteration| {
        println!(
            "{} {:?} p {:.2e} g {:.2e} f {:.2e} r {:.2e} t {:.2e}",
            i.number,
            i.phase,
            i.residual.prices,
            i.residual.goods,
            i.residual.factors,
            i.residual.restrictions,
            i.residual.technology
        )
    };
    match economy.solve_observed(&shock, &SolverSettings::default(), &mut watch) {
        Ok(e) => println!("{:?}", e.restrictions),
        Err(SolveError::NotConverged { best, .. }) => println!("{:?}", best),
        Err(e) => println!("{e}"),
    }
}
