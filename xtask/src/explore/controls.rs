//! What can be moved on the page, and the scenario file that it comes to.

use std::fmt::Write;

use serde::Deserialize;

/// The settings of the page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Controls {
    /// What restricts.
    pub(super) restriction: Restriction,
    /// How much: the volume over the baseline's for a quota, the rate for a tax; nothing for an embargo.
    pub(super) size: f64,
    /// Who restricts.
    pub(super) exporter: String,
    /// What is restricted: a critical input.
    pub(super) sector: String,
    /// Long run, or year by year.
    pub(super) years: Option<Years>,
    /// Elasticity of substitution between the input and everything else.
    pub(super) sigma: f64,
    /// Trade elasticity of the input.
    pub(super) theta: f64,
    /// What technology does.
    pub(super) technology: Technology,
    /// Elasticity of innovation to research.
    pub(super) lambda: f64,
    /// Elasticity of productivity to knowledge.
    pub(super) phi: f64,
    /// Spillover to a sector's whole productivity.
    pub(super) xi: f64,
}

/// A kind of restriction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Restriction {
    /// A limit on the volume of exports.
    Quota,
    /// A tax on exports.
    ExportTax,
    /// No exports.
    Embargo,
}

/// A path: its first and last year, and the last in which the restriction holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Years {
    first: i32,
    until: i32,
    last: i32,
}

/// What technology does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Technology {
    /// Nothing.
    Exogenous,
    /// Research follows spending.
    Directed,
    /// The same, and it spills over.
    Spillover,
}

impl Controls {
    /// The scenario as a file that `solve` reads, put to the economy called `economy`. Nothing is checked here: what is wrong
    /// with a number, the parser of scenarios says. Where the input is one of `elements`, all of them are critical inputs and
    /// joint products.
    pub(super) fn scenario(&self, economy: &str, elements: &[String]) -> String {
        let (exporter, sector) = (quoted(&self.exporter), quoted(&self.sector));
        let mut text = String::from(
            "# Written by `cargo xtask explore`; `cargo xtask help scenarios` explains the format.\n",
        );
        let mut line = |words: String| {
            let _ = writeln!(text, "{words}");
        };
        line(format!("title = {}", quoted(&self.title())));
        line(format!("economy = {}", quoted(economy)));
        if let Some(years) = self.years {
            line("mode = \"dynamic\"".to_owned());
            line(format!("years = [{}, {}]", years.first, years.last));
            line("discount = 0.04".to_owned());
        }
        let together =
            if elements.contains(&self.sector) { elements } else { std::slice::from_ref(&self.sector) };
        let inputs: Vec<String> = together.iter().map(|name| quoted(name)).collect();
        line(format!("\n[critical]\nsectors = [{}]\nsigma = {}", inputs.join(", "), number(self.sigma)));
        if inputs.len() > 1 {
            line("element_sigma = 0.5\njoint_products = true".to_owned());
        }
        line("\n[theta]".to_owned());
        inputs.iter().for_each(|input| line(format!("{input} = {}", number(self.theta))));
        let (closure, xi) = match self.technology {
            Technology::Exogenous => ("exogenous", 0.0),
            Technology::Directed => ("free-entry", 0.0),
            Technology::Spillover => ("free-entry", self.xi),
        };
        line(format!(
            "\n[technology]\nclosure = \"{closure}\"\nlambda = {}\nphi = {}\nxi = {}\ndelta = 0.15\ng = 0.03\n\
             diffusion = \"national\"",
            number(self.lambda),
            number(self.phi),
            number(xi)
        ));
        match self.restriction {
            Restriction::Quota | Restriction::Embargo => {
                let volume = if self.restriction == Restriction::Quota { self.size } else { 0.0 };
                line(format!(
                    "\n[[quota]]\nexporter = {exporter}\nsector = {sector}\nvolume = {}",
                    number(volume)
                ));
                line("rent_share = 0".to_owned());
            }
            Restriction::ExportTax => line(format!(
                "\n[[export_tax]]\nimporter = \"all\"\nexporter = {exporter}\nsector = {sector}\nadd = {}",
                number(self.size)
            )),
        }
        if let Some(years) = self.years {
            line(format!("until = {}", years.until));
        }
        text
    }

    fn title(&self) -> String {
        let what = match self.restriction {
            Restriction::Quota => format!("exports held at {} of their volume", self.size),
            Restriction::ExportTax => format!("an export tax of {}", self.size),
            Restriction::Embargo => "no exports".to_owned(),
        };
        let when = match self.years {
            Some(years) => format!("{} to {}, until {}", years.first, years.last, years.until),
            None => "long run".to_owned(),
        };
        let technology = match self.technology {
            Technology::Exogenous => "exogenous technology",
            Technology::Directed => "directed technology",
            Technology::Spillover => "directed technology with spillover",
        };
        format!("{}, {}: {what}; {technology}; {when}", self.exporter, self.sector)
    }
}

/// A number as TOML reads it back to the same bits.
fn number(x: f64) -> String {
    toml::Value::Float(x).to_string()
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use counterfactuals::Scenario;

    use super::*;
    use crate::economies;

    pub(crate) fn controls() -> Controls {
        serde_json::from_str(
            r#"{ "restriction": "quota", "size": 0.6, "exporter": "CHN", "sector": "Rare earths", "years": null,
                 "sigma": 0.2, "theta": 8, "technology": "spillover", "lambda": 0.5, "phi": 0.5, "xi": 0.01 }"#,
        )
        .unwrap()
    }

    #[test]
    fn every_position_of_the_page_is_a_scenario() {
        let economy = economies::open(economies::RARE_EARTHS).unwrap();
        for restriction in [Restriction::Quota, Restriction::ExportTax, Restriction::Embargo] {
            for technology in [Technology::Exogenous, Technology::Directed, Technology::Spillover] {
                for years in [None, Some(Years { first: 2010, until: 2014, last: 2018 })] {
                    let controls = Controls { restriction, technology, years, ..controls() };
                    let text = controls.scenario(economies::RARE_EARTHS, &[]);
                    let scenario =
                        Scenario::parse(&text, &economy, &[]).unwrap_or_else(|e| panic!("{e}\n{text}"));
                    let xi = scenario.parameters[scenario.parameter("xi").unwrap()].value;
                    assert_eq!(xi, if technology == Technology::Spillover { 0.01 } else { 0.0 });
                    scenario.resolve(&economy, &scenario.central()).unwrap();
                }
            }
        }
    }

    #[test]
    fn an_element_is_asked_with_the_others_of_its_ore() {
        let economy = economies::open(economies::ELEMENTS).unwrap();
        let elements = economies::elements(&economy);
        let text =
            Controls { sector: "Dy".to_owned(), ..controls() }.scenario(economies::ELEMENTS, &elements);
        let scenario = Scenario::parse(&text, &economy, &[]).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let critical = scenario.critical.as_ref().unwrap();
        assert!(critical.joint_products && critical.sectors.len() == elements.len() && elements.len() > 2);
        let question = scenario.resolve(&economy, &scenario.central()).unwrap();
        let after = question.answer(&Default::default()).unwrap().last().unwrap().clone();
        let (dy, japan) = (economy.labels().sector("Dy").unwrap(), economy.labels().country("JPN").unwrap());
        assert!(after.price_hat[[japan, dy]] > 1.5, "{}", after.price_hat[[japan, dy]]);
        let composite = economies::open(economies::RARE_EARTHS).unwrap();
        assert!(economies::elements(&composite).is_empty());
    }

    #[test]
    fn the_page_asks_what_the_shipped_scenario_asks() {
        let economy = economies::open(economies::RARE_EARTHS).unwrap();
        let shipped = include_str!("../../../scenarios/quota-2010.toml");
        let sources = crate::sources::Sources::shipped(&crate::workspace::RawData::new(None));
        let shipped = Scenario::parse(shipped, &economy, &sources.named_in(shipped).unwrap()).unwrap();
        let asked =
            Scenario::parse(&controls().scenario(economies::RARE_EARTHS, &[]), &economy, &[]).unwrap();
        let solve = |scenario: &Scenario| {
            let question = scenario.resolve(&economy, &scenario.central()).unwrap();
            question.answer(&Default::default()).unwrap().last().unwrap().real_income_hat.clone()
        };
        for (a, b) in solve(&shipped).iter().zip(&solve(&asked)) {
            assert!((a - b).abs() < 1e-9, "{a} {b}");
        }
    }

    #[test]
    fn a_label_cannot_break_out_of_its_string_and_a_bad_number_gets_the_parsers_words() {
        let economy = economies::open(economies::RARE_EARTHS).unwrap();
        let hostile = Controls { exporter: "CHN\"\n[[quota]]\n#".to_owned(), ..controls() };
        let error = Scenario::parse(&hostile.scenario("x", &[]), &economy, &[]).unwrap_err().to_string();
        assert!(error.contains("CHN"), "{error}");
        let negative = Controls { sigma: -1.0, ..controls() };
        let error = Scenario::parse(&negative.scenario("x", &[]), &economy, &[]).unwrap_err().to_string();
        assert!(error.contains("sigma"), "{error}");
    }
}
