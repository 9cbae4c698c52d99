//! Limits on quantities: export quotas and production caps.
//!
//! A restriction puts a wedge `mu >= 1` on the producer price of the flows that it covers, and with the volume `V` of these
//! flows (`V = flow / c`, producer value over the hat of unit cost) against its baseline `V0`
//!
//! ```text
//! mu >= 1,    V <= limit V0,    one of the two with equality
//! ```
//!
//! is solved together with the equilibrium. The rent `(mu - 1) c v` goes to the exporter's income, but for the importers'
//! part `rent_share`. Where several restrictions cover a flow their wedges multiply, and the rent is shared in proportion to
//! their logarithms.

use serde::{Deserialize, Serialize};

/// One limit on a volume. Positions refer to the economy's labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restriction {
    /// The sector whose good is limited.
    pub sector: usize,
    /// The country that makes it.
    pub exporter: usize,
    /// To whom.
    pub buyers: Buyers,
    /// What it sets.
    pub limit: Limit,
    /// Share of the rent that the buyers' countries keep, from 0 to 1.
    pub rent_share: f64,
}

/// What a restriction sets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Limit {
    /// The largest volume, over that of the baseline: 0.6 allows 60 percent; 0 stops the flows; above one it leaves room to
    /// grow. The wedge is found.
    Volume(f64),
    /// The wedge `mu` itself, 1 or more: a fee of `mu - 1` for each unit of producer value. The volume is found.
    Wedge(f64),
}

/// Whose purchases a restriction covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Buyers {
    /// Every country but the exporter: an export quota.
    Abroad,
    /// Every country, the exporter too: a cap on production.
    Everyone,
    /// These countries.
    Only(Vec<usize>),
}

impl Restriction {
    /// An export quota by origin whose rents stay with the exporter.
    pub fn export_quota(sector: usize, exporter: usize, limit: f64) -> Self {
        Self { sector, exporter, buyers: Buyers::Abroad, limit: Limit::Volume(limit), rent_share: 0.0 }
    }

    /// An export quota to one destination whose rents stay with the exporter.
    pub fn pair_quota(sector: usize, exporter: usize, importer: usize, limit: f64) -> Self {
        let buyers = Buyers::Only(vec![importer]);
        Self { sector, exporter, buyers, limit: Limit::Volume(limit), rent_share: 0.0 }
    }

    /// A cap on what a country produces.
    pub fn production_cap(sector: usize, exporter: usize, limit: f64) -> Self {
        Self { sector, exporter, buyers: Buyers::Everyone, limit: Limit::Volume(limit), rent_share: 0.0 }
    }

    /// Whether it stops its flows altogether.
    pub fn stops(&self) -> bool {
        self.limit == Limit::Volume(0.0)
    }

    /// Whether it covers what `importer` buys.
    pub fn covers(&self, importer: usize) -> bool {
        match &self.buyers {
            Buyers::Abroad => importer != self.exporter,
            Buyers::Everyone => true,
            Buyers::Only(list) => list.contains(&importer),
        }
    }
}

/// What became of a restriction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestrictionOutcome {
    /// The wedge `mu`: the price of the right to ship, plus one, relative to the producer price. One where it is slack.
    pub wedge: f64,
    /// Volume over that of the baseline.
    pub volume_hat: f64,
    /// Rent, in the baseline's unit.
    pub rent: f64,
}

impl RestrictionOutcome {
    /// Whether the limit binds.
    pub fn binds(&self) -> bool {
        self.wedge > 1.0
    }
}
