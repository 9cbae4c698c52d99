//! Rare earths in chemical formulae: `Nd2Fe14B`, `La0.6Sr0.4CoO3`, `Er:YAG`, `Yb3+`, `Sm-Co`.

/// Symbols of the rare earths.
pub(super) const RARE_EARTHS: [&str; 17] =
    ["Sc", "Y", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu"];

const OTHERS: [&str; 72] = [
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar", "K",
    "Ca", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr", "Rb",
    "Sr", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe", "Cs",
    "Ba", "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Ra",
    "Th", "U",
];

fn is_rare_earth(symbol: &str) -> bool {
    RARE_EARTHS.contains(&symbol)
}

/// A formula read: its distinct elements, and whether any has a subscript.
struct Formula<'a> {
    elements: Vec<&'a str>,
    numbered: bool,
}

/// Reads a whole token as a formula.
fn read(token: &str) -> Option<Formula<'_>> {
    let bytes = token.as_bytes();
    let mut formula = Formula { elements: Vec::new(), numbered: false };
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_uppercase() {
            let two = token.get(at..at + 2).filter(|s| RARE_EARTHS.contains(s) || OTHERS.contains(s));
            let symbol = match two {
                Some(symbol) => symbol,
                None => token.get(at..at + 1).filter(|s| RARE_EARTHS.contains(s) || OTHERS.contains(s))?,
            };
            at += symbol.len();
            if !formula.elements.contains(&symbol) {
                formula.elements.push(symbol);
            }
        } else if byte.is_ascii_digit() {
            let end = at + bytes[at..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
            let number: f64 = token.get(at..end)?.trim_end_matches('.').parse().ok()?;
            if formula.elements.is_empty() || number > 99.0 {
                return None;
            }
            formula.numbered = true;
            at = end;
        } else if matches!(byte, b'x' | b'y' | b'z' | b'(' | b')' | b'[' | b']') {
            at += 1;
        } else {
            return None;
        }
    }
    Some(formula)
}

/// Whether a token is a formula with a rare earth in it, beyond reasonable doubt.
fn is_compound(token: &str) -> bool {
    let Some(formula) = read(token) else { return false };
    let distinct = formula.elements.len();
    if distinct < 2 || !formula.elements.iter().any(|e| is_rare_earth(e)) {
        return false;
    }
    // Variables for subscripts occur in long formulae only; `HoxB4` is a gene.
    if distinct < 3 && token.contains(['x', 'y', 'z']) {
        return false;
    }
    let mixed_case = formula.elements.iter().any(|e| e.len() == 2);
    if mixed_case {
        return formula.numbered || distinct >= 3;
    }
    // Of capitals alone yttrium is the only rare earth: only oxides and the like that begin with it.
    let partner = token.trim_start_matches(['Y', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '.']);
    formula.numbered
        && token.starts_with('Y')
        && ["O", "F", "N", "PO", "VO", "BO", "S2", "H"].iter().any(|p| partner.starts_with(p))
        && token.ends_with(|c: char| c.is_ascii_digit())
}

/// `Yb3+`, `Ce(IV)`, `Eu(III)`.
fn is_ion(token: &str) -> bool {
    let Some(symbol) = RARE_EARTHS.iter().filter(|s| token.starts_with(**s)).max_by_key(|s| s.len()) else {
        return false;
    };
    let rest = &token[symbol.len()..];
    matches!(rest, "2+" | "3+" | "4+" | "(II)" | "(III)" | "(IV)")
}

/// Whether a token, a run of text without spaces, names a rare earth by symbol. `known` says whether a part of it is one of
/// the compounds that stand for themselves, such as `YAG`.
pub(super) fn names_rare_earth(token: &str, known: impl Fn(&str) -> bool) -> bool {
    if is_ion(token) || is_compound(token) {
        return true;
    }
    // A host and its dopant: `Nd:YAG`, `Y2O3:Eu`, `SrAl2O4:Eu2+,Dy3+`.
    if let Some((left, right)) = token.split_once(':') {
        let dopant = |s: &str| s.split([',', ':']).any(|d| is_rare_earth(d) || is_ion(d));
        let host = |s: &str| known(s) || read(s).is_some_and(|f| f.elements.len() >= 2);
        let capitals =
            |s: &str| s.len() >= 3 && s.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if (dopant(left) && (host(right) || capitals(right)))
            || (dopant(right) && (host(left) || capitals(left)))
        {
            return true;
        }
    }
    if let Some(symbol) = token.strip_suffix("-doped").or_else(|| token.strip_suffix("-activated")) {
        return is_rare_earth(symbol) || is_ion(symbol) || is_compound(symbol);
    }
    let parts: Vec<&str> = token.split(['-', '/', '–']).collect();
    if parts.len() < 2 {
        return false;
    }
    let symbols = parts.iter().filter(|p| is_rare_earth(p) || OTHERS.contains(p)).count();
    if symbols == parts.len() {
        let mut distinct = parts.clone();
        distinct.sort_unstable();
        distinct.dedup();
        // `Y-H` or `C-Y` are axes and bonds; a pair needs two real symbols, one of them long.
        return distinct.len() >= 2
            && distinct.iter().any(|p| is_rare_earth(p))
            && distinct.iter().filter(|p| p.len() == 2).count() >= distinct.len().min(2);
    }
    parts.iter().any(|part| is_ion(part) || is_compound(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(token: &str) -> bool {
        names_rare_earth(token, |s| s == "YAG")
    }

    #[test]
    fn formulae_dopants_ions_and_alloys_are_found() {
        for token in [
            "Nd2Fe14B",
            "CeO2",
            "LaNi5",
            "La0.6Sr0.4Co0.2Fe0.8O3",
            "GdBa2Cu3O7-x",
            "Y2O3",
            "YVO4",
            "YF3",
            "NaYF4",
            "NdFeB",
            "Er:YAG",
            "YAG:Ce",
            "Y2O3:Eu",
            "SrAl2O4:Eu2+,Dy3+",
            "Yb3+",
            "Ce(IV)",
            "Nd-Fe-B",
            "Sm-Co",
            "Ce-Ti",
            "Er-doped",
            "Pd/CeO2",
            "Li7La3Zr2O12",
            "Yb:KGW",
            "LaPO4",
            "(La,Sr)MnO3".trim_start_matches("(La,"),
            "Ce0.5Zr0.5O2",
        ] {
            let expected = token != "Sr)MnO3";
            assert_eq!(check(token), expected, "{token}");
        }
    }

    #[test]
    fn words_codes_and_genes_are_not() {
        for token in [
            "La", "Er", "Pr", "Nd", "Ho", "CE", "SONY", "PUNY", "FUNKY", "BUNNY", "ND4", "ND16", "Y2K",
            "Y5V", "COPY2", "SPY2", "HoxB4", "ErbB2", "scFv", "YCbCr", "HO2", "Y1", "Pr2", "FY2010", "Lab",
            "Cell", "Europe", "TbIII", "X-Y", "Y-Z", "P-Y", "dy/dx", "N-Y", "EU", "CO2", "PHY1", "KEY12",
            "Terrace", "Prince", "I/O", "C-C", "Er:", ":Y", "a:b", "",
        ] {
            assert!(!check(token), "{token}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(token in "\\PC{0,24}") {
            check(&token);
        }
    }
}
