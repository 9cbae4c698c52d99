//! Figures as values, drawn as SVG in one style. Same figure, same bytes.

use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::Error;
use crate::report::map::Map;

/// The width of every figure.
pub(crate) const WIDTH: u32 = 760;
/// The fonts of every figure.
pub(crate) const FONT: &str = "Helvetica, Arial, 'DejaVu Sans', sans-serif";
/// Okabe and Ito's colours, which remain distinct to colour-blind readers.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(70, 70, 70),
];
const GRID: RGBColor = RGBColor(225, 225, 225);
const INK: RGBColor = RGBColor(40, 40, 40);

/// A named list of points.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// What the legend calls it.
    pub(crate) name: String,
    /// The points; a line is drawn through them in this order.
    pub(crate) points: Vec<(f64, f64)>,
}

/// A named list of values, one for each category of a bar chart.
#[derive(Debug, Clone)]
pub(crate) struct Bars {
    /// What the legend calls it.
    pub(crate) name: String,
    /// The values; `None` leaves a gap.
    pub(crate) values: Vec<Option<f64>>,
}

/// A named list of points with a label each; a label may be empty.
#[derive(Debug, Clone)]
pub(crate) struct Labelled {
    /// What the legend calls them.
    pub(crate) name: String,
    /// The points and their labels.
    pub(crate) points: Vec<(f64, f64, String)>,
}

/// Estimates with intervals: where each stands, its value, and the ends of its interval.
#[derive(Debug, Clone)]
pub(crate) struct Estimated {
    /// What the legend calls them.
    pub(crate) name: String,
    /// Position, value, lower end, upper end.
    pub(crate) points: Vec<(f64, f64, f64, f64)>,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub(crate) enum Chart {
    /// Lines over a numeric axis; years are printed without separators.
    Line { x: String, y: String, log_y: bool, series: Vec<Series> },
    /// Estimates with vertical intervals and a line at zero, as event studies are shown; years as for `Line`.
    Intervals { x: String, y: String, series: Vec<Estimated> },
    /// Horizontal bars, grouped by category, from the top down.
    Bar { value: String, categories: Vec<String>, series: Vec<Bars> },
    /// Points with labels. `diagonal` draws the line of equality.
    Scatter { x: String, y: String, log_x: bool, series: Vec<Labelled>, diagonal: bool },
    /// A number for each economy, over its countries.
    World(Map),
}

/// A figure: identifier (its file name), title, description for readers who do not see it, and the chart.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// Its identifier, also its file name.
    pub(crate) id: String,
    /// Its title, drawn above the chart.
    pub(crate) title: String,
    /// What it shows, in a sentence or two.
    pub(crate) description: String,
    /// What is drawn.
    pub(crate) chart: Chart,
}

impl Figure {
    /// Draws the figure.
    pub(crate) fn svg(&self) -> Result<String, Error> {
        let defect = |problem: String| Error::Figure { figure: self.id.clone(), problem };
        self.check().map_err(defect)?;
        if let Chart::World(map) = &self.chart {
            return Ok(self.make_accessible(&map.svg(&self.title)?));
        }
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (WIDTH, self.height())).into_drawing_area();
            self.draw(&area).map_err(|e| defect(e.to_string()))?;
            area.present().map_err(|e| defect(e.to_string()))?;
        }
        Ok(self.make_accessible(&svg))
    }

    fn height(&self) -> u32 {
        match &self.chart {
            Chart::Bar { categories, series, .. } => {
                let per_category = 10 + 9 * series.len().max(1);
                (110 + per_category * categories.len() + legend_height(series.len()) as usize) as u32
            }
            Chart::World(map) => map.height(),
            _ => 440,
        }
    }

    fn check(&self) -> Result<(), String> {
        let all: Vec<f64> = match &self.chart {
            Chart::Line { series, .. } => {
                series.iter().flat_map(|s| s.points.iter().flat_map(|p| [p.0, p.1])).collect()
            }
            Chart::Intervals { series, .. } => {
                series.iter().flat_map(|s| s.points.iter().flat_map(|p| [p.0, p.1, p.2, p.3])).collect()
            }
            Chart::Bar { categories, series, .. } => {
                if let Some(bars) = series.iter().find(|bars| bars.values.len() != categories.len()) {
                    return Err(format!(
                        "`{}` has {} values for {} categories",
                        bars.name,
                        bars.values.len(),
                        categories.len()
                    ));
                }
                series.iter().flat_map(|bars| bars.values.iter().flatten().copied()).collect()
            }
            Chart::Scatter { series, .. } => {
                series.iter().flat_map(|s| s.points.iter().flat_map(|p| [p.0, p.1])).collect()
            }
            Chart::World(map) => map.numbers(),
        };
        if all.is_empty() {
            return Err("it has nothing to draw".to_owned());
        }
        if let Some(bad) = all.iter().find(|x| !x.is_finite()) {
            return Err(format!("it holds the value {bad}"));
        }
        let on_logarithmic_axis: Vec<f64> = match &self.chart {
            Chart::Line { log_y: true, series, .. } => {
                series.iter().flat_map(|s| s.points.iter().map(|p| p.1)).collect()
            }
            Chart::Scatter { log_x: true, series, .. } => {
                series.iter().flat_map(|s| s.points.iter().map(|p| p.0)).collect()
            }
            _ => Vec::new(),
        };
        if on_logarithmic_axis.iter().any(|x| *x <= 0.0) {
            return Err("a value that is not positive on a logarithmic axis".to_owned());
        }
        Ok(())
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, plotters::coord::Shift>) -> Drawn<DB> {
        area.fill(&WHITE)?;
        let (head, body) = area.split_vertically(34);
        head.draw(&Text::new(self.title.clone(), (12, 10), (FONT, 17).into_font().color(&INK)))?;
        match &self.chart {
            Chart::Line { x, y, log_y, series } => draw_lines(&body, x, y, *log_y, series),
            Chart::Intervals { x, y, series } => draw_intervals(&body, x, y, series),
            Chart::Bar { value, categories, series } => draw_bars(&body, value, categories, series),
            Chart::Scatter { x, y, log_x, series, diagonal } => {
                draw_points(&body, (x, y), *log_x, series, *diagonal)
            }
            Chart::World(_) => Ok(()),
        }
    }

    /// Gives the drawing a role, a title and a description, and lets it scale.
    fn make_accessible(&self, svg: &str) -> String {
        let Some((head, rest)) = svg.split_once('>') else { return svg.to_owned() };
        let label = format!("{}-title {}-desc", self.id, self.id);
        format!(
            "{head} role=\"img\" aria-labelledby=\"{label}\" style=\"max-width:100%;height:auto\">\n\
             <title id=\"{id}-title\">{title}</title>\n<desc id=\"{id}-desc\">{desc}</desc>{rest}",
            id = self.id,
            title = escape(&self.title),
            desc = escape(&self.description),
        )
    }
}

type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Escapes text for SVG.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn colour(index: usize) -> RGBColor {
    COLOURS[index % COLOURS.len()]
}

fn legend_height(series: usize) -> u32 {
    if series > 1 { 22 * series.div_ceil(3) as u32 } else { 0 }
}

/// A legend in rows of three above the chart; nothing for a single series.
fn draw_legend<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    names: &[&str],
) -> Drawn<DB> {
    if names.len() < 2 {
        return Ok(());
    }
    for (k, name) in names.iter().enumerate() {
        let (x, y) = (14 + 245 * (k % 3) as i32, 4 + 22 * (k / 3) as i32);
        area.draw(&Rectangle::new([(x, y + 2), (x + 14, y + 12)], colour(k).filled()))?;
        area.draw(&Text::new((*name).to_owned(), (x + 20, y + 1), (FONT, 13).into_font().color(&INK)))?;
    }
    Ok(())
}

fn padded(values: impl Iterator<Item = f64>, include_zero: bool) -> (f64, f64) {
    let start = if include_zero { (0.0, 0.0) } else { (f64::INFINITY, f64::NEG_INFINITY) };
    let (low, high) = values.fold(start, |(low, high), v| (f64::min(low, v), f64::max(high, v)));
    let width = if high > low { high - low } else { low.abs().max(1.0) };
    let pad = 0.05 * width;
    let below = if include_zero && low >= 0.0 { 0.0 } else { low - pad };
    let above = if include_zero && high <= 0.0 { 0.0 } else { high + pad };
    (below, above)
}

/// Axis labels: no more digits than needed, no separators (years read as years).
fn tick(x: &f64) -> String {
    let rounded = (x * 1e6).round() / 1e6;
    if rounded == 0.0 { "0".to_owned() } else { format!("{rounded}").replace('-', "−") }
}

fn draw_lines<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    x: &str,
    y: &str,
    log_y: bool,
    series: &[Series],
) -> Drawn<DB> {
    let (legend, plot) = area.split_vertically(legend_height(series.len()));
    let names: Vec<&str> = series.iter().map(|s| s.name.as_str()).collect();
    draw_legend(&legend, &names)?;
    let (x_low, x_high) = padded(series.iter().flat_map(|s| s.points.iter().map(|p| p.0)), false);
    let ys = series.iter().flat_map(|s| s.points.iter().map(|p| p.1));
    let mut builder = with_margins(&plot);
    if log_y {
        let (low, high) = range(ys);
        let chart = builder.build_cartesian_2d(x_low..x_high, (low / 1.15..high * 1.15).log_scale())?;
        lines_on(chart, (x, y), series)
    } else {
        let zero = ys.clone().all(|v| v >= 0.0) || ys.clone().all(|v| v <= 0.0);
        let (low, high) = padded(ys, zero);
        lines_on(builder.build_cartesian_2d(x_low..x_high, low..high)?, (x, y), series)
    }
}

fn lines_on<DB: DrawingBackend, X: Axis, Y: Axis>(
    mut chart: Plot<'_, DB, X, Y>,
    labels: (&str, &str),
    series: &[Series],
) -> Drawn<DB> {
    draw_axes(&mut chart, labels)?;
    for (k, line) in series.iter().enumerate() {
        let style = colour(k).stroke_width(2);
        chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        if line.points.len() <= 40 {
            let dots = line.points.iter().map(|p| Circle::new(*p, 3, colour(k).filled()));
            chart.draw_series(dots)?;
        }
    }
    Ok(())
}

/// Series stand side by side at each position, so that their intervals do not hide each other.
fn draw_intervals<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    x: &str,
    y: &str,
    series: &[Estimated],
) -> Drawn<DB> {
    let (legend, plot) = area.split_vertically(legend_height(series.len()));
    let names: Vec<&str> = series.iter().map(|s| s.name.as_str()).collect();
    draw_legend(&legend, &names)?;
    let (x_low, x_high) = padded(series.iter().flat_map(|s| s.points.iter().map(|p| p.0)), false);
    let (y_low, y_high) =
        padded(series.iter().flat_map(|s| s.points.iter().flat_map(|p| [p.2, p.3, 0.0])), false);
    let mut chart = with_margins(&plot).build_cartesian_2d(x_low..x_high, y_low..y_high)?;
    draw_axes(&mut chart, (x, y))?;
    chart.draw_series([PathElement::new(vec![(x_low, 0.0), (x_high, 0.0)], INK.mix(0.6))])?;
    for (k, estimated) in series.iter().enumerate() {
        let shift = 0.14 * (k as f64 - 0.5 * (series.len() as f64 - 1.0));
        let style = colour(k).stroke_width(2);
        let bars = estimated.points.iter().map(|p| {
            let at = p.0 + shift;
            PathElement::new(vec![(at, p.2), (at, p.3)], style)
        });
        chart.draw_series(bars)?;
        let dots = estimated.points.iter().map(|p| Circle::new((p.0 + shift, p.1), 3, colour(k).filled()));
        chart.draw_series(dots)?;
    }
    Ok(())
}

fn draw_bars<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    value: &str,
    categories: &[String],
    series: &[Bars],
) -> Drawn<DB> {
    let (legend, plot) = area.split_vertically(legend_height(series.len()));
    let names: Vec<&str> = series.iter().map(|s| s.name.as_str()).collect();
    draw_legend(&legend, &names)?;
    let (low, high) = padded(series.iter().flat_map(|s| s.values.iter().flatten().copied()), true);
    let count = categories.len() as f64;
    let longest = categories.iter().map(|c| c.chars().count()).max().unwrap_or(0).min(34);
    let mut chart = ChartBuilder::on(&plot)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(24 + 7 * longest as u32)
        .build_cartesian_2d(low..high, count..0.0)?;
    chart
        .configure_mesh()
        .x_desc(value)
        .disable_y_mesh()
        .disable_y_axis()
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .axis_style(INK)
        .y_labels(0)
        .label_style((FONT, 13).into_font().color(&INK))
        .axis_desc_style((FONT, 14).into_font().color(&INK))
        .x_label_formatter(&tick)
        .draw()?;
    let thickness = 0.8 / series.len().max(1) as f64;
    for (k, bars) in series.iter().enumerate() {
        let rectangles = bars.values.iter().enumerate().filter_map(|(c, v)| {
            let top = c as f64 + 0.1 + thickness * k as f64;
            v.map(|v| Rectangle::new([(0.0, top), (v, top + 0.92 * thickness)], colour(k).filled()))
        });
        chart.draw_series(rectangles)?;
    }
    chart.draw_series([PathElement::new(vec![(0.0, 0.0), (0.0, count)], INK)])?;
    let anchor = Pos::new(HPos::Right, VPos::Center);
    let style = (FONT, 13).into_font().color(&INK).pos(anchor);
    for (c, category) in categories.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(low, c as f64 + 0.5));
        let (left, top) = plot.get_base_pixel();
        let text: String = category.chars().take(34).collect();
        plot.draw(&Text::new(text, (x - left - 8, y - top), style.clone()))?;
    }
    Ok(())
}

fn draw_points<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    (x, y): (&str, &str),
    log_x: bool,
    series: &[Labelled],
    diagonal: bool,
) -> Drawn<DB> {
    /// The share of the axis beyond which a label stands to the left of its point.
    const LATE: f64 = 0.75;
    let (legend, plot) = area.split_vertically(legend_height(series.len()));
    let names: Vec<&str> = series.iter().map(|s| s.name.as_str()).collect();
    draw_legend(&legend, &names)?;
    let xs = series.iter().flat_map(|s| s.points.iter().map(|p| p.0));
    let (y_low, y_high) = padded(series.iter().flat_map(|s| s.points.iter().map(|p| p.1)), false);
    let mut builder = with_margins(&plot);
    let line = |low: f64, high: f64| {
        let (low, high) = (low.max(y_low), high.min(y_high));
        (diagonal && low < high).then_some((low, high))
    };
    if log_x {
        let (low, high) = range(xs);
        let (low, high) = (low / 1.15, high * 1.15);
        let chart = builder.build_cartesian_2d((low..high).log_scale(), y_low..y_high)?;
        let late = low * (high / low).powf(LATE);
        points_on(chart, (x, y), series, late, line(low, high))
    } else {
        let (low, high) = padded(xs, false);
        let chart = builder.build_cartesian_2d(low..high, y_low..y_high)?;
        points_on(chart, (x, y), series, low + LATE * (high - low), line(low, high))
    }
}

/// Points with their labels, which stand to the left beyond `late`, and a line of equal coordinates.
fn points_on<DB: DrawingBackend, X: Axis, Y: Axis>(
    mut chart: Plot<'_, DB, X, Y>,
    labels: (&str, &str),
    series: &[Labelled],
    late: f64,
    diagonal: Option<(f64, f64)>,
) -> Drawn<DB> {
    draw_axes(&mut chart, labels)?;
    if let Some((low, high)) = diagonal {
        chart.draw_series([PathElement::new(vec![(low, low), (high, high)], INK.mix(0.5))])?;
    }
    for (k, group) in series.iter().enumerate() {
        for (px, py, label) in &group.points {
            chart.draw_series([Circle::new((*px, *py), 4, colour(k).filled())])?;
            let (at, offset) = if *px > late { (HPos::Right, -7) } else { (HPos::Left, 7) };
            let style = (FONT, 12).into_font().color(&INK).pos(Pos::new(at, VPos::Center));
            let text = EmptyElement::at((*px, *py)) + Text::new(label.clone(), (offset, 0), style);
            chart.draw_series([text])?;
        }
    }
    Ok(())
}

/// An axis of numbers.
trait Axis: Ranged<ValueType = f64> + ValueFormatter<f64> {}
impl<R: Ranged<ValueType = f64> + ValueFormatter<f64>> Axis for R {}

type Plot<'a, DB, X, Y> = ChartContext<'a, DB, Cartesian2d<X, Y>>;

fn with_margins<'a, 'b, DB: DrawingBackend>(
    plot: &'a DrawingArea<DB, plotters::coord::Shift>,
) -> ChartBuilder<'a, 'b, DB> {
    let mut builder = ChartBuilder::on(plot);
    builder.margin(12).margin_right(24).x_label_area_size(44).y_label_area_size(66);
    builder
}

/// Two axes with their labels, and a grid.
fn draw_axes<DB: DrawingBackend, X: Axis, Y: Axis>(
    chart: &mut Plot<'_, DB, X, Y>,
    (x, y): (&str, &str),
) -> Drawn<DB> {
    chart
        .configure_mesh()
        .x_desc(x)
        .y_desc(y)
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style((FONT, 13).into_font().color(&INK))
        .axis_desc_style((FONT, 14).into_font().color(&INK))
        .x_label_formatter(&tick)
        .y_label_formatter(&tick)
        .draw()
}

/// The least and the greatest of positive numbers.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(low, high), value| (low.min(value), high.max(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Vec<Figure> {
        let figure = |id: &str, chart| Figure {
            id: id.to_owned(),
            title: "Welfare & trade".to_owned(),
            description: "Made-up numbers.".to_owned(),
            chart,
        };
        let series = |name: &str, slope: f64| Series {
            name: name.to_owned(),
            points: (2005..=2018).map(|t| (f64::from(t), 1.0 + slope * f64::from(t - 2004))).collect(),
        };
        let labelled = |name: &str, sign: f64| Labelled {
            name: name.to_owned(),
            points: vec![(0.1, sign * 0.12, "USA".to_owned()), (13.0, sign * 1.6, "MEX".to_owned())],
        };
        vec![
            figure(
                "line",
                Chart::Line {
                    x: "year".to_owned(),
                    y: "index".to_owned(),
                    log_y: false,
                    series: vec![series("inside China", 0.5), series("outside China", 2.0)],
                },
            ),
            figure(
                "log",
                Chart::Line {
                    x: "year".to_owned(),
                    y: "USD per kg".to_owned(),
                    log_y: true,
                    series: vec![series("price", 30.0)],
                },
            ),
            figure(
                "bar",
                Chart::Bar {
                    value: "percent".to_owned(),
                    categories: ["USA", "CHN", "Rest of the world"].map(str::to_owned).to_vec(),
                    series: vec![
                        Bars { name: "one sector".to_owned(), values: vec![Some(1.0), Some(-2.0), None] },
                        Bars {
                            name: "many sectors".to_owned(),
                            values: vec![Some(3.0), Some(4.0), Some(0.5)],
                        },
                    ],
                },
            ),
            figure(
                "intervals",
                Chart::Intervals {
                    x: "year".to_owned(),
                    y: "effect".to_owned(),
                    series: vec![Estimated {
                        name: "outside China".to_owned(),
                        points: (2005..=2011).map(|t| (f64::from(t), 0.1, -0.2, 0.4)).collect(),
                    }],
                },
            ),
            figure(
                "scatter",
                Chart::Scatter {
                    x: "first order".to_owned(),
                    y: "exact".to_owned(),
                    log_x: false,
                    series: vec![labelled("welfare", 1.0)],
                    diagonal: true,
                },
            ),
            figure(
                "scatter-log",
                Chart::Scatter {
                    x: "intensity".to_owned(),
                    y: "output".to_owned(),
                    log_x: true,
                    series: vec![labelled("exogenous", -1.0), labelled("directed", 1.0)],
                    diagonal: false,
                },
            ),
        ]
    }

    #[test]
    fn every_chart_is_drawn_with_accessible_text_and_the_same_bytes_each_time() {
        for figure in figures() {
            let svg = figure.svg().unwrap();
            assert_eq!(svg, figure.svg().unwrap(), "{} is not deterministic", figure.id);
            assert!(svg.contains("role=\"img\""));
            assert!(svg.contains("<title id=\"") && svg.contains("Welfare &amp; trade</title>"));
            assert!(svg.contains("Made-up numbers.</desc>"));
            if let Ok(folder) = std::env::var("LODESTONE_LOOK_AT_FIGURES") {
                std::fs::write(std::path::Path::new(&folder).join(format!("{}.svg", figure.id)), svg)
                    .unwrap();
            }
        }
    }

    #[test]
    fn figures_that_cannot_be_drawn_are_refused() {
        let mut figure = figures().remove(0);
        figure.chart = Chart::Line {
            x: String::new(),
            y: String::new(),
            log_y: true,
            series: vec![Series { name: String::new(), points: vec![(1.0, 0.0)] }],
        };
        assert!(figure.svg().unwrap_err().to_string().contains("logarithmic"));
        let scatter = |x: f64, log_x: bool| Chart::Scatter {
            x: String::new(),
            y: String::new(),
            log_x,
            series: vec![Labelled { name: String::new(), points: vec![(x, 0.0, String::new())] }],
            diagonal: false,
        };
        figure.chart = scatter(f64::NAN, false);
        assert!(figure.svg().unwrap_err().to_string().contains("NaN"));
        figure.chart = scatter(0.0, true);
        assert!(figure.svg().unwrap_err().to_string().contains("logarithmic"));
        figure.chart = Chart::Bar { value: String::new(), categories: vec![], series: vec![] };
        assert!(figure.svg().unwrap_err().to_string().contains("nothing to draw"));
        let bars = Bars { name: "b".to_owned(), values: vec![Some(1.0)] };
        figure.chart = Chart::Bar { value: String::new(), categories: vec![], series: vec![bars] };
        assert!(figure.svg().unwrap_err().to_string().contains("1 values for 0 categories"));
    }
}
