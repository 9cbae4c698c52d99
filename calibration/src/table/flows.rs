//! From a table to the flows of a model economy.

use super::WorldTable;
use model_core::{EconomyError, Flows, Labels, Metadata};
use ndarray::{Array1, Array2, Array3};

impl WorldTable {
    /// The flows of a model economy: `trade[n,i,j]` sums the purchases of all users in country `n`, `intermediate` and
    /// `final_demand` sum over origins, and final-demand categories are added up. Tariffs and export taxes are zero, so
    /// the value of a flow is what its producer gets; demand is Cobb-Douglas (`kappa = 1`).
    ///
    /// `theta` holds the trade elasticity of every sector. Provenance is for the caller to give in `metadata`; its year
    /// and unit are the table's.
    ///
    /// # Errors
    /// [`EconomyError`] if a label is blank. Negative flows are refused later, by [`model_core::Economy::from_flows`]: treat
    /// inventories first ([`WorldTable::produce_inventories`]).
    pub fn to_flows(&self, theta: Array1<f64>, metadata: Metadata) -> Result<Flows, EconomyError> {
        let (n, s, f) = (self.n_countries(), self.n_sectors(), self.factors().len());
        let categories = self.final_categories().len();
        let labels =
            Labels::new(self.countries().to_vec(), self.sectors().to_vec(), self.factors().to_vec())?;
        let purchases = self.purchases();
        let trade = Array3::from_shape_fn((n, n, s), |(buyer, seller, sector)| {
            purchases[[buyer, seller * s + sector]]
        });
        let mut intermediate = Array3::zeros((n, s, s));
        for ((row, column), &sale) in self.intermediate().indexed_iter() {
            intermediate[[column / s, column % s, row % s]] += sale;
        }
        let mut final_demand = Array2::zeros((n, s));
        for ((row, column), &sale) in self.final_demand().indexed_iter() {
            final_demand[[column / categories, row % s]] += sale;
        }
        let factor_payments =
            Array3::from_shape_fn((n, s, f), |(i, j, factor)| self.factor_payments()[[factor, i * s + j]]);
        Ok(Flows {
            labels,
            metadata: Metadata { year: Some(self.year()), unit: self.unit().to_owned(), ..metadata },
            trade,
            intermediate,
            factor_payments,
            final_demand,
            tariff: Array3::zeros((n, n, s)),
            export_tax: Array3::zeros((n, n, s)),
            theta,
            kappa: 1.0,
        })
    }
}
