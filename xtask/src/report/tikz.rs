//! The project's figures for LaTeX: each SVG drawn again in TikZ, so that plain pdflatex sets it, in the document's own fonts.
//!
//! Understood is what the project's figures are made of: lines, polylines, polygons, rectangles, circles, straight paths, text, and
//! groups that move or scale. Anything else is an error and not left out in silence.

use std::collections::HashMap;
use std::fmt::Write;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use crate::error::Error;
use crate::report::latex::escape;

/// Points of print for a unit of a figure: its 760 units are then as wide as a page of text.
const POINTS: f64 = 0.6;

/// A figure in TikZ.
#[derive(Debug)]
pub(crate) struct Drawing {
    /// The figure's title.
    pub(crate) title: String,
    /// What it shows, for readers who do not see it.
    pub(crate) description: String,
    /// A `tikzpicture`.
    pub(crate) picture: String,
}

/// An element's attributes, with those it has from the groups around it.
type Attributes = HashMap<String, String>;

/// Draws the figure called `id`.
pub(crate) fn from_svg(id: &str, svg: &str) -> Result<Drawing, Error> {
    let defect = |problem: String| Error::Figure { figure: id.to_owned(), problem };
    let mut reader = quick_xml::Reader::from_str(svg);
    let mut drawing = Drawing { title: String::new(), description: String::new(), picture: String::new() };
    let mut open: Vec<(String, Attributes)> = Vec::new();
    let mut text = String::new();
    loop {
        match reader.read_event().map_err(|e| defect(e.to_string()))? {
            Event::Start(start) => {
                let element = element(&start, open.last()).map_err(defect)?;
                begin(&mut drawing.picture, &element).map_err(defect)?;
                text.clear();
                open.push(element);
            }
            Event::Empty(start) => {
                let element = element(&start, open.last()).map_err(defect)?;
                begin(&mut drawing.picture, &element).map_err(defect)?;
            }
            Event::Text(words) => text.push_str(&words.xml_content(XmlVersion::Implicit1_0)),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|e| defect(e.to_string()))?;
                match character {
                    Some(c) => text.push(c),
                    None => {
                        text.push_str(quick_xml::escape::resolve_predefined_entity(&reference).unwrap_or("?"))
                    }
                }
            }
            Event::End(_) => {
                let Some((name, attributes)) = open.pop() else { break };
                match (name.as_str(), open.len()) {
                    ("title", 1) => drawing.title = text.trim().to_owned(),
                    ("desc", 1) => drawing.description = text.trim().to_owned(),
                    ("text", _) => words(&mut drawing.picture, &attributes, text.trim()).map_err(defect)?,
                    ("g", _) => drawing.picture.push_str("\\end{scope}\n"),
                    ("svg", _) => drawing.picture.push_str("\\end{tikzpicture}\n"),
                    _ => {}
                }
                text.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if drawing.picture.is_empty() || !open.is_empty() {
        return Err(defect("it is not a whole SVG file".to_owned()));
    }
    Ok(drawing)
}

/// Name and attributes of an element; what a group says of strokes and fills holds for what is in it.
fn element(
    start: &BytesStart,
    around: Option<&(String, Attributes)>,
) -> Result<(String, Attributes), String> {
    let name = start.name().as_ref().to_owned();
    let mut attributes = Attributes::new();
    if let Some((_, inherited)) = around {
        for key in ["stroke", "stroke-width", "fill", "scale"] {
            if let Some(value) = inherited.get(key) {
                attributes.insert(key.to_owned(), value.clone());
            }
        }
    }
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| e.to_string())?;
        attributes.insert(attribute.key.as_ref().to_owned(), value.into_owned());
    }
    if name == "g" {
        // Strokes are scaled with a group in SVG and are not in TikZ.
        let (_, scale) = transform(&attributes)?;
        let outer: f64 = attributes.get("scale").and_then(|s| s.parse().ok()).unwrap_or(1.0);
        attributes.insert("scale".to_owned(), (outer * scale).to_string());
    }
    Ok((name, attributes))
}

/// What an element draws when it begins.
fn begin(picture: &mut String, (name, attributes): &(String, Attributes)) -> Result<(), String> {
    let n = |key: &str| number(attributes, key);
    let path = match name.as_str() {
        "svg" => {
            let (width, height) = (n("width")?, n("height")?);
            let _ = writeln!(
                picture,
                "\\begin{{tikzpicture}}[x={POINTS}pt,y=-{POINTS}pt,line join=round]\n\
                 \\path[use as bounding box] (0,0) rectangle ({width},{height});"
            );
            return Ok(());
        }
        "g" => {
            let ((x, y), scale) = transform(attributes)?;
            let _ = writeln!(picture, "\\begin{{scope}}[shift={{({x},{y})}},scale={scale}]");
            return Ok(());
        }
        "title" | "desc" | "text" => return Ok(()),
        "line" => format!("({},{}) -- ({},{})", n("x1")?, n("y1")?, n("x2")?, n("y2")?),
        "rect" => {
            let (x, y) = (n("x")?, n("y")?);
            format!("({x},{y}) rectangle ({},{})", round(x + n("width")?), round(y + n("height")?))
        }
        "circle" => {
            format!("({},{}) circle[radius={}pt]", n("cx")?, n("cy")?, round(n("r")? * POINTS))
        }
        "polyline" => corners(attributes)?,
        "polygon" => format!("{} -- cycle", corners(attributes)?),
        "path" => outline(attributes.get("d").map_or("", String::as_str))?,
        other => return Err(format!("the element `{other}` has no counterpart in TikZ")),
    };
    let style = style(attributes, name != "line" && name != "polyline")?;
    let _ = writeln!(picture, "\\path[{style}] {path};");
    Ok(())
}

fn words(picture: &mut String, attributes: &Attributes, text: &str) -> Result<(), String> {
    let (mut x, mut y) = (number(attributes, "x")?, number(attributes, "y")?);
    let size = number(attributes, "font-size")?;
    let anchor = match attributes.get("text-anchor").map(String::as_str) {
        Some("middle") => "base",
        Some("end") => "base east",
        _ => "base west",
    };
    let down = match attributes.get("dy").map(String::as_str) {
        None => 0.0,
        Some(dy) => match (dy.strip_suffix("em"), dy.strip_suffix("ex")) {
            (Some(em), _) => parse(em)? * size,
            (_, Some(ex)) => parse(ex)? * 0.5 * size,
            _ => parse(dy)?,
        },
    };
    let angle = match attributes.get("transform") {
        None => 0.0,
        Some(transform) => {
            let inner = transform.strip_prefix("rotate(").and_then(|rest| rest.split([',', ' ', ')']).next());
            parse(inner.ok_or_else(|| format!("text with the transform `{transform}`"))?)?
        }
    };
    let (sin, cos) = f64::sin_cos(angle.to_radians());
    x -= sin * down;
    y += cos * down;
    let colour = colour(attributes.get("fill").map_or("#000000", String::as_str))?;
    let bold = if attributes.get("font-weight").is_some_and(|w| w == "bold") { "\\bfseries" } else { "" };
    let points = round(size * POINTS);
    let _ = writeln!(
        picture,
        "\\node[inner sep=0pt,anchor={anchor},rotate={},text={{{colour}}},font=\\sffamily{bold}\\fontsize{{{points}}}{{{points}}}\\selectfont] \
         at ({},{}) {{{}}};",
        round(-angle),
        round(x),
        round(y),
        escape(text)
    );
    Ok(())
}

/// Stroke, fill and opacity. What encloses an area is filled black where SVG says nothing.
fn style(attributes: &Attributes, encloses: bool) -> Result<String, String> {
    let mut options = Vec::new();
    let get = |key: &str| attributes.get(key).map(String::as_str).filter(|value| *value != "none");
    if let Some(stroke) = get("stroke") {
        let width = attributes.get("stroke-width").map_or(Ok(1.0), |width| parse(width))?;
        let scale = attributes.get("scale").map_or(Ok(1.0), |scale| parse(scale))?;
        options.push(format!("draw={{{}}}", colour(stroke)?));
        options.push(format!("line width={}pt", round(width * POINTS * scale)));
    }
    let fill = if attributes.contains_key("fill") { get("fill") } else { encloses.then_some("#000000") };
    if let Some(fill) = fill {
        options.push(format!("fill={{{}}}", colour(fill)?));
    }
    if let Some(opacity) = attributes.get("opacity").map(|o| parse(o)).transpose()?
        && opacity != 1.0
    {
        options.push(format!("opacity={opacity}"));
    }
    Ok(options.join(","))
}

fn colour(text: &str) -> Result<String, String> {
    let channel = |at: usize| text.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
    match (text.strip_prefix('#'), channel(1), channel(3), channel(5)) {
        (Some(hex), Some(r), Some(g), Some(b)) if hex.len() == 6 => {
            Ok(format!("rgb,255:red,{r};green,{g};blue,{b}"))
        }
        _ => Err(format!("the colour `{text}`")),
    }
}

/// Where a group is moved and by how much it is scaled.
fn transform(attributes: &Attributes) -> Result<((f64, f64), f64), String> {
    let Some(text) = attributes.get("transform") else { return Ok(((0.0, 0.0), 1.0)) };
    let (mut shift, mut scale) = ((0.0, 0.0), 1.0);
    for step in text.split(')').map(str::trim).filter(|step| !step.is_empty()) {
        let (kind, numbers) = step.split_once('(').ok_or_else(|| format!("the transform `{text}`"))?;
        let numbers: Vec<f64> =
            numbers.split([' ', ',']).filter(|n| !n.is_empty()).map(parse).collect::<Result<_, _>>()?;
        match (kind.trim(), numbers.as_slice()) {
            ("translate", [x, y]) if scale == 1.0 => shift = (shift.0 + x, shift.1 + y),
            ("scale", [factor]) => scale *= factor,
            _ => return Err(format!("the transform `{text}`")),
        }
    }
    Ok((shift, scale))
}

fn corners(attributes: &Attributes) -> Result<String, String> {
    let points: Vec<String> = attributes
        .get("points")
        .map_or("", String::as_str)
        .split_whitespace()
        .map(|pair| {
            Ok(format!(
                "({})",
                pair.split(',')
                    .map(parse)
                    .map(|x| x.map(|x| x.to_string()))
                    .collect::<Result<Vec<_>, String>>()?
                    .join(",")
            ))
        })
        .collect::<Result<_, String>>()?;
    Ok(points.join(" -- "))
}

/// A path of straight lines: `M`, `m`, `L`, `l` with any number of points each, and `z`.
fn outline(path: &str) -> Result<String, String> {
    let mut drawn = String::new();
    let (mut x, mut y) = (0.0, 0.0);
    let mut start = (0.0, 0.0);
    let mut rest = path.trim_start();
    while let Some(command) = rest.chars().next() {
        let after = rest.get(command.len_utf8()..).unwrap_or("");
        let end = after.find(|c: char| c.is_alphabetic() && c != 'e').unwrap_or(after.len());
        let (arguments, next) = after.split_at(end);
        rest = next;
        let numbers = numbers(arguments)?;
        match command {
            'M' | 'm' | 'L' | 'l' if numbers.len().is_multiple_of(2) && !numbers.is_empty() => {
                for (k, pair) in numbers.chunks_exact(2).enumerate() {
                    let [dx, dy] = *pair else { continue };
                    (x, y) = if command.is_lowercase() { (x + dx, y + dy) } else { (dx, dy) };
                    let begins = k == 0 && command.eq_ignore_ascii_case(&'m');
                    if begins {
                        start = (x, y);
                    }
                    let joint = if begins { " " } else { " -- " };
                    let _ = write!(drawn, "{joint}({},{})", round(x), round(y));
                }
            }
            'Z' | 'z' if numbers.is_empty() => {
                drawn.push_str(" -- cycle");
                (x, y) = start;
            }
            _ => return Err(format!("the path command `{command}{arguments}`")),
        }
    }
    Ok(drawn.trim_start().to_owned())
}

/// Numbers that stand apart by spaces, commas or the sign of the next.
fn numbers(text: &str) -> Result<Vec<f64>, String> {
    let apart = text.replace(',', " ").replace('-', " -").replace("e -", "e-");
    apart.split_whitespace().map(parse).collect()
}

fn number(attributes: &Attributes, key: &str) -> Result<f64, String> {
    parse(attributes.get(key).ok_or_else(|| format!("an element without `{key}`"))?)
}

fn parse(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| format!("`{text}` where a number should be"))
}

fn round(x: f64) -> f64 {
    (x * 100.0).round() / 100.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(inside: &str) -> Result<Drawing, Error> {
        from_svg("T1", &format!("<svg width=\"760\" height=\"440\"><title>A &amp; B</title>{inside}</svg>"))
    }

    #[test]
    fn each_shape_is_drawn_and_text_is_set_by_latex() {
        let drawing = draw(
            "<desc>What it is.</desc>\
             <line opacity=\"1\" stroke=\"#0072B2\" stroke-width=\"2\" x1=\"1\" y1=\"2\" x2=\"3\" y2=\"4\"/>\
             <rect x=\"1\" y=\"2\" width=\"10\" height=\"20\" opacity=\"0.5\" fill=\"#FFFFFF\" stroke=\"none\"/>\
             <circle cx=\"5\" cy=\"6\" r=\"10\" fill=\"none\" stroke=\"#000000\"/>\
             <polyline fill=\"none\" stroke=\"#000000\" points=\"1,2 3,4 \"/>\
             <polygon fill=\"#000000\" points=\"1,2 3,4 5,6 \"/>\
             <text x=\"10\" y=\"20\" dy=\"0.5em\" text-anchor=\"end\" font-size=\"10\" fill=\"#282828\">50% &lt;of&gt; θ</text>\
             <text x=\"10\" y=\"20\" dy=\"0.5em\" font-size=\"10\" transform=\"rotate(270, 10, 20)\">up</text>",
        )
        .unwrap();
        assert_eq!((drawing.title.as_str(), drawing.description.as_str()), ("A & B", "What it is."));
        for expected in [
            "\\path[draw={rgb,255:red,0;green,114;blue,178},line width=1.2pt] (1,2) -- (3,4);",
            "\\path[fill={rgb,255:red,255;green,255;blue,255},opacity=0.5] (1,2) rectangle (11,22);",
            "(5,6) circle[radius=6pt];",
            "(1,2) -- (3,4) -- (5,6) -- cycle;",
            "anchor=base east,rotate=0",
            "at (10,25) {50\\% \\textless{}of\\textgreater{} $\\theta$};",
            "rotate=-270",
            "at (15,20) {up};",
        ] {
            assert!(drawing.picture.contains(expected), "no `{expected}` in\n{}", drawing.picture);
        }
        assert!(drawing.picture.ends_with("\\end{tikzpicture}\n"));
    }

    #[test]
    fn a_group_moves_scales_and_colours_what_is_in_it() {
        let drawing = draw(
            "<g transform=\"translate(12 36) scale(0.5)\" stroke=\"#FFFFFF\" stroke-width=\"2\">\
             <path fill=\"#BDD7E7\" d=\"M10 20l2 0-3 1zM1 1L2 2 3-1\"><title>Somewhere</title></path></g>",
        )
        .unwrap();
        for expected in [
            "\\begin{scope}[shift={(12,36)},scale=0.5]",
            "line width=0.6pt",
            "(10,20) -- (12,20) -- (9,21) -- cycle (1,1) -- (2,2) -- (3,-1);",
            "\\end{scope}",
        ] {
            assert!(drawing.picture.contains(expected), "no `{expected}` in\n{}", drawing.picture);
        }
        assert_eq!(drawing.title, "A & B");
    }

    #[test]
    fn what_has_no_counterpart_is_an_error() {
        for (inside, expected) in [
            ("<image href=\"x\"/>", "`image` has no counterpart"),
            ("<path d=\"M0 0C1 1 2 2 3 3\"/>", "path command"),
            ("<line x1=\"a\" y1=\"2\" x2=\"3\" y2=\"4\" stroke=\"#000000\"/>", "`a` where a number"),
            ("<rect x=\"1\" y=\"2\" width=\"10\" height=\"20\" fill=\"red\"/>", "colour `red`"),
            ("<g transform=\"skewX(3)\"/>", "transform `skewX(3)`"),
        ] {
            let error = draw(inside).unwrap_err().to_string();
            assert!(error.contains(expected), "{inside}: {error}");
        }
        assert!(from_svg("T1", "<svg width=\"1\" height=\"1\">").is_err());
    }
}
