//! Trade elasticities from trade data.
//!
//! | data | estimator | module |
//! |---|---|---|
//! | unit values and shares of varieties of a good over time | Feenstra (1994), Broda and Weinstein (2006), Soderbery (2015) | [`feenstra`], on panels of [`unit_values`] |
//! | imports and tariffs of one year | triple differences by sector, jointly; one elasticity for all by GMM; exporter, importer and symmetric pair effects | [`tariffs`] |
//! | imports and tariffs over years | Poisson gravity with exporter-year, importer-year and pair effects | [`tariffs::gravity`] |
//!
//! Each returns [`estimation::Estimates`]: names, values and their *joint* covariance, the form that scenarios draw from;
//! [`sectors`] takes them to the sectors of an economy.

pub mod feenstra;
pub mod sectors;
pub mod tariffs;
pub mod unit_values;
