//! Mutated files: no parser and nothing built on what it accepts may panic.

use std::collections::BTreeSet;

use super::{
    Choices, Element, Facts, Files, IndustryMapping, Market, OreComposition, Origins, PriceTable, Regions,
    RestrictionRisk, VolumeSettings, Volumes,
};

/// Inputs per file.
const CASES: usize = 10_000;

/// SplitMix64, so that a failure names its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }
}

const TOKENS: [&str; 20] = [
    "",
    ",",
    "\n",
    "\"",
    "-1",
    "1e308",
    "NaN",
    "inf",
    "-inf",
    "0",
    "99999999999999999999",
    "é",
    "\u{0}",
    "#",
    "*",
    "read",
    "2009",
    "1900",
    "2100",
    ",,,,,,,,",
];

/// A few random edits of a text: bytes changed, cut, doubled, lines swapped, odd tokens put in, the end cut off.
fn mutate(text: &str, random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(7) {
            0 if !bytes.is_empty() => bytes[at] = (random.next() & 0x7f) as u8,
            1 if !bytes.is_empty() => drop(bytes.drain(at..(at + 1 + random.below(12)).min(bytes.len()))),
            2 => bytes.truncate(at),
            3 => {
                let piece = bytes[at..(at + random.below(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                let mut lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
                let (a, b) = (random.below(lines.len()), random.below(lines.len()));
                lines.swap(a, b);
                bytes = lines.join(&b'\n');
            }
            5 => {
                // a whole field
                let end = bytes[at..]
                    .iter()
                    .position(|b| *b == b',' || *b == b'\n')
                    .map_or(bytes.len(), |n| at + n);
                bytes.splice(at..end, TOKENS[random.below(TOKENS.len())].bytes());
            }
            _ => drop(bytes.splice(at..at, TOKENS[random.below(TOKENS.len())].bytes())),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The header and some lines of a file, so that a case is quick.
fn sample(text: &str, random: &mut Random) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let head = lines.iter().position(|l| !l.starts_with('#')).unwrap_or(0);
    let from = head + 1 + random.below(lines.len().saturating_sub(head + 12));
    let mut out = vec![lines[head]];
    out.extend(lines.iter().skip(from).take(10));
    out.join("\n")
}

/// Runs `parse` on mutated samples of a file; returns how many were accepted.
fn fuzz(name: &str, mut parse: impl FnMut(&str, &mut Random) -> bool) -> usize {
    let files = Files::embedded();
    let mut random = Random(0x5EED ^ name.len() as u64);
    (0..CASES)
        .filter(|_| {
            let text = sample(files.text(name), &mut random);
            let text = mutate(&text, &mut random);
            parse(&text, &mut random)
        })
        .count()
}

fn check(name: &str, accepted: usize) {
    // mutations are mild enough that some pass and strong enough that many do not
    assert!(accepted > CASES / 100 && accepted < CASES * 99 / 100, "{name}: {accepted} of {CASES} accepted");
}

fn facts() -> Facts {
    Facts::embedded().expect("embedded facts")
}

#[test]
fn fact_files() {
    let ids: BTreeSet<String> = facts().sources.into_keys().collect();
    use super::facts as f;
    check("sources.csv", fuzz("sources.csv", |t, _| f::parse_sources(t).is_ok()));
    check("china_policy.csv", fuzz("china_policy.csv", |t, _| f::parse_policy(t, &ids).is_ok()));
    check(
        "substitutability.csv",
        fuzz("substitutability.csv", |t, _| f::parse_substitutability(t, &ids).is_ok()),
    );
    let base = facts();
    let exercise = |facts: &Facts, random: &mut Random| {
        // what is accepted is also used, now and then
        if random.below(20) == 0 {
            if let Ok(prices) = PriceTable::new(facts, 2005..=2012) {
                let _ = prices.composite(Market::Domestic, 2010);
            }
            let _ = Volumes::new(facts, 2009, &VolumeSettings::default());
            let _ = facts.oxide_duty(Element::Dy, 2009);
        }
    };
    let mut facts = base.clone();
    macro_rules! field {
        ($name:literal, $field:ident, $parse:path) => {
            let accepted = fuzz($name, |text, random| {
                let Ok(rows) = $parse(text, &ids) else { return false };
                facts.$field = rows;
                exercise(&facts, random);
                true
            });
            facts.$field = base.$field.clone();
            check($name, accepted);
        };
    }
    field!("production.csv", production, f::parse_production);
    field!("export_duties.csv", duties, f::parse_duties);
    field!("prices.csv", quotes, f::parse_prices);
    field!("price_companions.csv", companions, f::parse_companions);
    field!("end_uses.csv", end_uses, f::parse_end_uses);
    field!("consumption.csv", consumption, f::parse_consumption);
}

#[test]
fn assignment_files() {
    let facts = facts();
    let choices = Choices::default();
    let mut files = Files::embedded();
    let mut with = |name: &str, parse: &dyn Fn(&Files) -> bool| {
        let accepted = fuzz(name, |text, _| {
            files.replace(name, text);
            parse(&files)
        });
        files = Files::embedded();
        accepted
    };
    // a sample of lines has no complete mapping, so that no case can be accepted: not panicking is the test
    with("industries.csv", &|f| IndustryMapping::parse(f, &facts, &choices.classification, "base").is_ok());
    let names = with("industries.csv", &|f| IndustryMapping::alternatives(f, &facts, "wiod2013").is_ok());
    check("industries.csv", names);
    let origins = with("origins.csv", &|f| Origins::parse(f, &facts, "wiod2013", "chemicals").is_ok());
    check("origins.csv", origins);
    check("regions.csv", with("regions.csv", &|f| Regions::parse(f).is_ok()));
    with("ore_composition.csv", &|f| OreComposition::parse(f, &facts).is_ok());
    check(
        "restriction_risk.csv",
        with("restriction_risk.csv", &|f| RestrictionRisk::parse(f, &facts).is_ok()),
    );
}
