//! Part B: rare earths in facts.

use calibration::rare_earths::{Datum, Element, EpisodeYear, Price, RareEarthData, Status, episode};

use super::{Inputs, Made};
use crate::error::Error;
use crate::report::figure::{Chart, Figure, Series};
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};

/// B1: the episode in facts, 2005-2018.
pub(super) fn the_episode(_inputs: &Inputs) -> Result<Made, Error> {
    let data = RareEarthData::embedded().map_err(Error::library("the shipped rare-earth facts"))?;
    let years = episode(&data, 2005..=2018).map_err(Error::library("the rare-earth episode"))?;
    let tables = vec![volumes(&years), prices(&years)];
    Ok(Made { tables, figures: vec![volumes_figure(&years), prices_figure(&years)], checks: Vec::new() })
}

fn volumes(years: &[EpisodeYear]) -> Table {
    let tonnes = |key: &str, heading: &str, unit: &str| {
        Column::number(key, heading, unit, Format::Integer, Provenance::Read)
    };
    let number = |key: &str, heading: &str, unit: &str, digits| {
        Column::number(key, heading, unit, Format::Fixed(digits), Provenance::Derived)
    };
    let columns = vec![
        Column::number("year", "Year", "", Format::Plain, Provenance::Read),
        tonnes("china_mine_t_reo", "Mine output, China", "t oxide"),
        tonnes("world_mine_t_reo", "Mine output, world", "t oxide"),
        number("china_share_pct", "China's share", "%", 1),
        tonnes("mining_quota_t_reo", "Mining quota", "t oxide"),
        tonnes("export_quota_t", "Export quota", "t product"),
        tonnes("exports_t", "Exports", "t product"),
        number("quota_use_pct", "Quota used", "%", 1),
        number("export_value_musd", "Export value", "million USD", 0),
        number("duty_light_pct", "Duty, light", "%", 1),
        number("duty_heavy_pct", "Duty, heavy", "%", 1),
        number("fob_usd_per_kg", "Price outside China", "USD/kg", 2),
        number("domestic_usd_per_kg", "Price inside China", "USD/kg", 2),
        number("wedge", "Outside over inside", "ratio", 2),
    ];
    let title = "The rare-earth episode: output, quotas, exports, duties and prices";
    let mut table = Table::new("B1", title, Kind::ReEstimated, columns, footer());
    for year in years {
        table.row(vec![
            year.year.into(),
            optional(year.china_mine, 1.0),
            optional(year.world_mine, 1.0),
            optional(year.china_share, 100.0),
            optional(year.mining_quota, 1.0),
            optional(year.export_quota, 1.0),
            optional(year.exports, 1.0),
            optional(year.quota_use, 100.0),
            optional(year.export_value, 1.0),
            cell(year.duty_light, 100.0),
            cell(year.duty_heavy, 100.0),
            cell(year.fob, 1.0),
            cell(year.domestic, 1.0),
            cell(year.wedge, 1.0),
        ]);
    }
    table.note(
        "Mine output: British Geological Survey. Export quota: domestic companies and joint ventures; abolished in 2015. \
         Duties: means over oxides with the tonnes used in 2008 as weights. Prices: the bundle that the world used in 2008, \
         per kilogram of oxide, without value-added tax. – : no figure on file.",
    );
    table.note(
        "Each cell's status (read, derived, recalled, assumed) is in the CSV file; that of a computed number is the weakest \
         among its inputs. Legal exports understate what left China.",
    );
    table
}

fn prices(years: &[EpisodeYear]) -> Table {
    let mut columns = vec![
        Column::number("year", "Year", "", Format::Plain, Provenance::Read),
        Column::label("market", "Market"),
    ];
    columns.extend(Element::ALL.iter().map(|element| {
        let key = format!("{}_usd_per_kg", element.symbol().to_lowercase());
        Column::number(key, element.symbol(), "USD/kg", Format::Fixed(1), Provenance::Derived)
    }));
    let title = "Oxide prices by element, outside and inside China";
    let mut table = Table::new("B1-prices", title, Kind::ReEstimated, columns, footer());
    let price = |price: &Price| Cell::from(price.usd_per_kg).with_provenance(provenance(price.status));
    for (market, of) in [
        ("outside China", (|year| &year.fob_by_element) as fn(&EpisodeYear) -> &[Price; Element::COUNT]),
        ("inside China", |year| &year.domestic_by_element),
    ] {
        if market == "inside China" {
            table.rule();
        }
        for year in years {
            let mut row: Vec<Cell> = vec![year.year.into(), market.into()];
            row.extend(of(year).iter().map(price));
            table.row(row);
        }
    }
    table.note(
        "Current USD per kilogram of oxide, without value-added tax; outside: free on board a Chinese port. Years without a \
         quote are filled by a stated rule from the other market, from a companion element or from the nearest year, and \
         are never firmer than derived (status in the CSV file).",
    );
    table
}

fn volumes_figure(years: &[EpisodeYear]) -> Figure {
    let series = |name: &str, of: fn(&EpisodeYear) -> Option<Datum>| Series {
        name: name.to_owned(),
        points: years.iter().filter_map(|y| of(y).map(|d| (f64::from(y.year), d.value / 1e3))).collect(),
    };
    Figure {
        id: "B1-volumes".to_owned(),
        title: "Chinese mine output, export quota and exports of rare earths".to_owned(),
        description: "Lines by year, 2005 to 2018: Chinese mine output in tonnes of oxide, export quota and exports in \
                      tonnes of product. The quota falls by 40 percent in 2010; exports fall below it in 2011."
            .to_owned(),
        chart: Chart::Line {
            x: "year".to_owned(),
            y: "thousand tonnes".to_owned(),
            log_y: false,
            series: vec![
                series("mine output, China", |year| year.china_mine),
                series("export quota", |year| year.export_quota),
                series("exports", |year| year.exports),
            ],
        },
    }
}

fn prices_figure(years: &[EpisodeYear]) -> Figure {
    let series = |name: &str, of: fn(&EpisodeYear) -> Datum| Series {
        name: name.to_owned(),
        points: years.iter().map(|year| (f64::from(year.year), of(year).value)).collect(),
    };
    Figure {
        id: "B1-prices".to_owned(),
        title: "Rare-earth prices outside and inside China".to_owned(),
        description: "Lines by year, 2005 to 2018, on a logarithmic axis: price of the world's bundle of 2008 outside and \
                      inside China. Both peak in 2011; the gap between them is export duty and quota rent."
            .to_owned(),
        chart: Chart::Line {
            x: "year".to_owned(),
            y: "USD per kg of oxide, log scale".to_owned(),
            log_y: true,
            series: vec![series("outside China", |year| year.fob), series("inside China", |year| year.domestic)],
        },
    }
}

fn cell(datum: Datum, scale: f64) -> Cell {
    Cell::from(scale * datum.value).with_provenance(provenance(datum.status))
}

fn optional(datum: Option<Datum>, scale: f64) -> Cell {
    datum.map_or_else(Cell::absent, |datum| cell(datum, scale))
}

fn provenance(status: Status) -> Provenance {
    match status {
        Status::Read => Provenance::Read,
        Status::Derived => Provenance::Derived,
        Status::Recalled => Provenance::Recalled,
        Status::Assumption => Provenance::Assumed,
    }
}

fn footer() -> Footer {
    Footer {
        data: "rare-earth facts of data/rare_earths, each with its source: geological surveys, Chinese ministries and \
               customs, trade press"
            .to_owned(),
        estimator: "none; missing prices filled by a stated rule".to_owned(),
        variance: "none".to_owned(),
        seed: None,
        inputs: "read, derived and recalled, cell by cell".to_owned(),
    }
}
