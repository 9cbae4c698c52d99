//! From flows to the welfare effects of a tariff: two countries, two sectors, one factor. The numbers are made up.
//!
//! `cargo run -p model-core --example tariff`
#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;

use model_core::{Economy, Flows, Labels, Metadata, Shock, SolverSettings};
use ndarray::{Array1, Array3, Axis, array};

fn main() -> Result<(), Box<dyn Error>> {
    let labels = Labels::new(["Home", "Abroad"], ["Goods", "Services"], ["labour"])?;
    // Value of trade, [importer, exporter, sector]; what a country buys of itself stands on the diagonal.
    let trade: Array3<f64> = array![[[60.0, 90.0], [20.0, 5.0]], [[15.0, 5.0], [180.0, 220.0]]];
    let sold = trade.sum_axis(Axis(0));
    let flows = Flows {
        labels,
        metadata: Metadata { name: "example".to_owned(), unit: "USD".to_owned(), ..Metadata::default() },
        // No inputs: everything is bought by households and everything is paid to labour.
        intermediate: Array3::zeros((2, 2, 2)),
        final_demand: trade.sum_axis(Axis(1)),
        factor_payments: sold.insert_axis(Axis(2)),
        tariff: Array3::zeros((2, 2, 2)),
        export_tax: Array3::zeros((2, 2, 2)),
        theta: Array1::from_elem(2, 5.0),
        kappa: 1.0,
        trade,
    };
    let economy = Economy::from_flows(flows)?;

    let mut tariff = economy.tariff().clone();
    tariff[[0, 1, 0]] = 0.10; // Home taxes goods from Abroad
    let shock = Shock { tariff: Some(tariff), ..Shock::default() };
    let after = economy.solve(&shock, &SolverSettings::default())?;
    for (country, hat) in economy.labels().countries().iter().zip(&after.real_income_hat) {
        println!("{country:<7} real income {:+.3}%", 100.0 * (hat - 1.0));
    }
    println!("largest residual of any market: {:.1e}", after.residual.max());
    Ok(())
}
