//! World maps: a number for each economy, drawn over the countries that belong to it.

use std::collections::HashMap;
use std::fmt::Write;

use calibration::world_2009;
use serde_json::json;

use crate::error::Error;
use crate::report::figure::{FONT, WIDTH, escape};
use crate::report::table::{Format, print_number};

/// Outlines by ISO code; the file says where they are from.
const COUNTRIES: &str = include_str!("world/countries.csv");
/// The sheet of the outlines.
const SHEET: (f64, f64) = (1500.0, 650.0);
/// Where the map begins below the title, and the legend below the map.
const TOP: f64 = 36.0;
const LEGEND: f64 = TOP + SHEET.1 * SCALE + 14.0;
const SCALE: f64 = (WIDTH as f64 - 24.0) / SHEET.0;
/// Classes on each side of zero, from small to large.
const CLASSES: usize = 4;
const GAINS: [&str; CLASSES] = ["#BDD7E7", "#6BAED6", "#3182BD", "#08519C"];
const LOSSES: [&str; CLASSES] = ["#FDD0A2", "#FDAE6B", "#E6550D", "#A63603"];
const AMOUNTS: [&str; CLASSES] = ["#CCECE6", "#66C2A4", "#238B45", "#00441B"];
/// Countries that no economy stands for.
const NOTHING: &str = "#D9D9D9";

/// A number for each economy.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    /// What the number is, with its unit, above the legend.
    pub(crate) value: String,
    /// Whether numbers are changes, coloured by sign, rather than amounts.
    pub(crate) signed: bool,
    /// How a number is printed where the pointer rests on a country.
    pub(crate) format: Format,
    /// Label of an economy and its number.
    pub(crate) values: Vec<(String, f64)>,
}

/// A country of the map.
pub(crate) struct Country {
    /// ISO 3166 code of three letters.
    pub(crate) code: &'static str,
    /// What it is called.
    pub(crate) name: &'static str,
    /// Its outline as an SVG path on the sheet.
    pub(crate) path: &'static str,
}

/// All countries of the map, by code.
pub(crate) fn countries() -> impl Iterator<Item = Country> {
    COUNTRIES.lines().filter(|line| !line.starts_with('#')).skip(1).filter_map(|line| {
        let (code, rest) = line.split_once(",\"")?;
        let (name, path) = rest.split_once("\",")?;
        Some(Country { code, name, path })
    })
}

/// Which of the labels stands for each country: the country's own, else that of the group that the shipped economy puts it in
/// (`EUR`, the rest of the European Union), else the rest of the world. By country code; countries without one are left out.
pub(crate) fn membership(labels: &[String]) -> Result<HashMap<&'static str, usize>, Error> {
    let mapping = world_2009::mapping().map_err(Error::library("the mapping of the shipped economy"))?;
    let position = |wanted: &str| labels.iter().position(|label| label == wanted);
    let rest = position("ROW").or_else(|| position("RoW"));
    let of = |code: &str| {
        // The database's code for Romania is older than the standard's.
        let listed = if code == "ROU" { "ROM" } else { code };
        let group = mapping.country(listed).and_then(position);
        position(code).or_else(|| position(listed)).or(group).or(rest)
    };
    Ok(countries().filter_map(|country| Some((country.code, of(country.code)?))).collect())
}

impl Map {
    /// The height of the drawing.
    pub(crate) fn height(&self) -> u32 {
        (LEGEND + 48.0).ceil() as u32
    }

    /// All its numbers.
    pub(crate) fn numbers(&self) -> Vec<f64> {
        self.values.iter().map(|(_, value)| *value).collect()
    }

    /// The drawing, with its title.
    pub(crate) fn svg(&self, title: &str) -> Result<String, Error> {
        let labels: Vec<String> = self.values.iter().map(|(label, _)| label.clone()).collect();
        let members = membership(&labels)?;
        let breaks = self.breaks();
        let height = self.height();
        let mut svg = format!(
            "<svg width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" xmlns=\"http://www.w3.org/2000/svg\">\n\
             <rect x=\"0\" y=\"0\" width=\"{WIDTH}\" height=\"{height}\" opacity=\"1\" fill=\"#FFFFFF\" stroke=\"none\"/>\n"
        );
        text(&mut svg, (12.0, 23.0), 14, title);
        let _ = writeln!(
            svg,
            "<g transform=\"translate(12 {TOP}) scale({SCALE:.4})\" stroke=\"#FFFFFF\" stroke-width=\"1\" \
             stroke-linejoin=\"round\">"
        );
        for country in countries() {
            let found = members.get(country.code).and_then(|at| self.values.get(*at));
            let (fill, words) = match found {
                Some((label, value)) => {
                    let printed = print_number(*value, self.format);
                    let through = if label == country.code { String::new() } else { format!(" ({label})") };
                    (self.colour(*value, &breaks), format!("{}{through}: {printed}", country.name))
                }
                None => (NOTHING, format!("{}: no number", country.name)),
            };
            let (path, words) = (country.path, escape(&words));
            let _ = writeln!(svg, "<path fill=\"{fill}\" d=\"{path}\"><title>{words}</title></path>");
        }
        svg.push_str("</g>\n");
        self.legend(&mut svg, &breaks);
        svg.push_str("</svg>\n");
        Ok(svg)
    }

    fn colour(&self, value: f64, breaks: &[f64; CLASSES]) -> &'static str {
        let class = breaks.iter().position(|end| value.abs() <= *end).unwrap_or(CLASSES - 1);
        match (self.signed, value < 0.0) {
            (false, _) => AMOUNTS[class],
            (true, false) => GAINS[class],
            (true, true) => LOSSES[class],
        }
    }

    /// Draws the classes in a row.
    fn legend(&self, svg: &mut String, breaks: &[f64; CLASSES]) {
        text(svg, (12.0, LEGEND + 10.0), 11, &self.value);
        let classes = self.classes(breaks);
        let step = (f64::from(WIDTH) - 24.0) / classes.len().max(5) as f64;
        for (k, (colour, words)) in classes.iter().enumerate() {
            let (x, y) = (12.0 + step * k as f64, LEGEND + 22.0);
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"14\" height=\"12\" fill=\"{colour}\" stroke=\"none\"/>"
            );
            text(svg, (x + 19.0, y + 10.0), 11, words);
        }
    }

    /// Colours and ranges from the largest loss to the largest gain; only those that some economy is in.
    fn classes(&self, breaks: &[f64; CLASSES]) -> Vec<(&'static str, String)> {
        let mut classes: Vec<(&str, String)> = Vec::new();
        let end = |k: usize| decimal(breaks[k]);
        let start = |k: usize| k.checked_sub(1).map_or_else(|| "0".to_owned(), end);
        if self.signed {
            for k in (0..CLASSES).rev() {
                let words = match k {
                    0 => format!("−{} to 0", end(0)),
                    _ => format!("−{} to −{}", end(k), start(k)),
                };
                classes.push((LOSSES[k], words));
            }
        }
        let upper = if self.signed { GAINS } else { AMOUNTS };
        for (k, colour) in upper.into_iter().enumerate() {
            classes.push((colour, format!("{} to {}", start(k), end(k))));
        }
        classes.retain(|(colour, _)| self.values.iter().any(|(_, v)| self.colour(*v, breaks) == *colour));
        classes
    }

    /// What another drawing of the same map needs: classes, and by label the colour and the number as printed.
    pub(crate) fn as_json(&self) -> serde_json::Value {
        let breaks = self.breaks();
        let classes = self
            .classes(&breaks)
            .into_iter()
            .map(|(colour, words)| json!({ "colour": colour, "words": words }));
        let of = self.values.iter().map(|(label, value)| {
            let printed = print_number(*value, self.format);
            (label.clone(), json!({ "colour": self.colour(*value, &breaks), "printed": printed }))
        });
        json!({ "classes": classes.collect::<Vec<_>>(), "of": of.collect::<serde_json::Map<_, _>>() })
    }

    fn breaks(&self) -> [f64; CLASSES] {
        breaks(self.values.iter().map(|(_, value)| value.abs()).fold(0.0, f64::max))
    }
}

/// Ends of classes above zero: the first of the ladder 1, 2, 5, 10, ... that is not below the largest number, and those below it.
fn breaks(largest: f64) -> [f64; CLASSES] {
    let largest = if largest > 0.0 { largest } else { 1.0 };
    let mut rung = 3 * (largest.log10().floor() as i32) - 1;
    let value = |rung: i32| [1.0, 2.0, 5.0][rung.rem_euclid(3) as usize] * 10f64.powi(rung.div_euclid(3));
    while value(rung) < largest {
        rung += 1;
    }
    let mut ends = [0.0; CLASSES];
    for (k, end) in ends.iter_mut().rev().enumerate() {
        *end = value(rung - k as i32);
    }
    ends
}

/// A rung of the ladder without the noise of its last bits.
fn decimal(x: f64) -> String {
    let digits = (-x.log10().floor()).max(0.0) as usize;
    format!("{x:.digits$}")
}

fn text(svg: &mut String, (x, y): (f64, f64), size: u32, words: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-family=\"{FONT}\" font-size=\"{size}\" opacity=\"1\" fill=\"#282828\">{}</text>",
        escape(words)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outlines_are_whole_and_every_path_is_closed() {
        let all: Vec<Country> = countries().collect();
        assert_eq!(all.len(), COUNTRIES.lines().filter(|line| !line.starts_with('#')).count() - 1);
        for country in all {
            assert_eq!(country.code.len(), 3, "{}", country.name);
            assert!(country.path.starts_with('M') && country.path.ends_with('z'), "{}", country.code);
            assert!(country.path.chars().all(|c| "Mlz- 0123456789".contains(c)), "{}", country.code);
        }
    }

    #[test]
    fn groups_colour_their_members() {
        let labels: Vec<String> = ["CHN", "DEU", "EUR", "ROW"].map(str::to_owned).to_vec();
        let members = membership(&labels).unwrap();
        for (code, label) in
            [("CHN", "CHN"), ("DEU", "DEU"), ("ROU", "EUR"), ("SWE", "EUR"), ("NOR", "ROW"), ("USA", "ROW")]
        {
            assert_eq!(labels[members[code]], label, "{code}");
        }
        assert_eq!(members.len(), countries().count());
        let detailed = membership(&["ROM".to_owned(), "SWE".to_owned()]).unwrap();
        assert_eq!((detailed["ROU"], detailed["SWE"], detailed.len()), (0, 1, 2));
    }

    #[test]
    fn classes_end_at_round_numbers_and_cover_every_value() {
        for (largest, ends) in [
            (0.034, [0.005, 0.01, 0.02, 0.05]),
            (1.0, [0.1, 0.2, 0.5, 1.0]),
            (5.0, [0.5, 1.0, 2.0, 5.0]),
            (0.0, [0.1, 0.2, 0.5, 1.0]),
        ] {
            for (end, expected) in breaks(largest).iter().zip(ends) {
                assert!((end - expected).abs() < 1e-12 * expected, "{largest}: {end}");
            }
        }
        let map = Map {
            value: "real income, %".to_owned(),
            signed: true,
            format: Format::Fixed(2),
            values: vec![("CHN".to_owned(), 0.03), ("USA".to_owned(), -0.001), ("EUR".to_owned(), -0.04)],
        };
        let svg = map.svg("A <map>").unwrap();
        assert!(svg.contains("A &lt;map&gt;"));
        assert!(svg.contains("<title>Sweden (EUR): −0.04</title>") && svg.contains("Norway: no number"));
        assert!(svg.contains(GAINS[3]) && svg.contains(LOSSES[0]) && svg.contains("−0.05 to −0.02"));
        assert!(svg.contains(">−0.005 to 0<"), "{svg}");
    }
}
