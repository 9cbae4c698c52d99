//! A1-gravity: trade elasticities from tariffs by Poisson gravity, beside those of other estimators on the same sample.

use calibration::caliendo_parro::ElasticityData;
use calibration::trade_elasticity::tariffs;
use estimation::gmm::GmmFit;
use estimation::{Coefficient, Estimates};

use super::a::CALIENDO_PARRO;
use crate::error::Error;
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};

/// Poisson gravity, log gravity and triple differences by sector, each with a covariance robust to clusters, and the same with
/// one elasticity for all sectors.
pub(super) fn table(
    data: &ElasticityData,
    triples: &Estimates,
    effects: &Estimates,
    gmm: &GmmFit,
) -> Result<Table, Error> {
    let number =
        |key: &str, heading: &str, format| Column::number(key, heading, "", format, Provenance::Estimated);
    let count =
        |key: &str, heading: &str| Column::number(key, heading, "", Format::Integer, Provenance::Derived);
    let columns = vec![
        Column::label("sector", "Sector"),
        number("theta", "θ, Poisson", Format::Fixed(2)),
        number("std_error", "s.e.", Format::StandardError(2)),
        count("n", "N"),
        count("zeros", "Zeros"),
        number("theta_log", "θ, logs", Format::Fixed(2)),
        number("std_error_log", "s.e.", Format::StandardError(2)),
        number("theta_triples", "θ, triples", Format::Fixed(2)),
        number("std_error_triples", "s.e.", Format::StandardError(2)),
    ];
    let footer = Footer {
        data: format!("{CALIENDO_PARRO}: 16 countries, imports 1993, tariffs 1989-1995; flows that are missing are taken for zero"),
        estimator: "Poisson pseudo-maximum likelihood of imports on log gross tariffs with exporter, importer and symmetric pair \
                    effects by sector; OLS of log imports with the same effects; triple differences; last line: Poisson and GMM on \
                    triple differences, one θ for all sectors"
            .to_owned(),
        variance: "clustered by pair of countries over all sectors; triples and GMM: robust to the pairs of countries that triples share, \
                   in all sectors"
            .to_owned(),
        seed: None,
        inputs: "read".to_owned(),
    };
    let title = "Trade elasticities by sector from tariff gravity";
    let mut table = Table::new("A1-gravity", title, Kind::ReEstimated, columns, footer);
    let poisson = tariffs::poisson(data).map_err(Error::library("Poisson gravity by sector"))?;
    let pooled = tariffs::poisson_pooled(data).map_err(Error::library("Poisson gravity, all sectors"))?;
    let pair = |found: Option<&Coefficient>| -> [Cell; 2] {
        [found.map(|c| c.estimate).into(), found.map(|c| c.std_error).into()]
    };
    let (mut rows, mut nothing) = (vec![0; data.sectors().len()], vec![0; data.sectors().len()]);
    for (sector, zero) in tariffs::poisson_rows(data, &poisson) {
        rows[sector] += 1;
        nothing[sector] += usize::from(zero);
    }
    let mut wrong = Vec::new();
    for (j, sector) in data.sectors().iter().enumerate() {
        let found = poisson.estimates().coefficient(sector);
        let found = found.map_err(Error::library("Poisson gravity by sector"))?;
        if found.estimate <= 0.0 {
            wrong.push(sector.as_str());
        }
        let mut row: Vec<Cell> = vec![sector.as_str().into()];
        row.extend(pair(Some(&found)));
        row.extend([rows[j].into(), nothing[j].into()]);
        row.extend(pair(effects.coefficient(sector).ok().as_ref()));
        row.extend(pair(triples.coefficient(sector).ok().as_ref()));
        table.row(row);
    }
    table.rule();
    let one = pooled.estimates().table();
    let mut row: Vec<Cell> = vec!["All sectors".into()];
    row.extend(pair(one.first()));
    row.extend([rows.iter().sum::<usize>().into(), nothing.iter().sum::<usize>().into()]);
    row.extend([Cell::absent(), Cell::absent()]);
    row.extend([gmm.theta[0].into(), gmm.standard_errors()[0].into()]);
    table.row(row);
    table.note(format!(
        "Poisson weighs flows by their size, logs weigh them alike. With pair effects what identifies θ is whether of two partners \
         the one with the lower tariff imports more; in one year that is also every other reason for which trade between two \
         countries is unbalanced, and among the largest pairs such reasons prevail: the sign is wrong in {} of {} sectors ({}). \
         Scenarios are therefore offered the estimates in logs (`gravity-1993`) and by triples, and Poisson gravity on a panel, \
         whose pair effects have a direction.",
        wrong.len(),
        data.sectors().len(),
        wrong.join(", ")
    ));
    table.note("N: flows with a tariff, less those whose importer, exporter or pair trades nothing in the sector. – : does not apply.");
    Ok(table)
}
