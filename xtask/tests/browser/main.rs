//! The pages in a browser, where there is one: the report, and the page of `explore`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking and say what they skip"
)]

mod devtools;
mod explore;
mod report;

use devtools::Page;

/// Widths that a page must serve, with what the reader prefers.
const LOOKS: [((u32, u32), bool); 3] = [((1280, 900), false), ((1280, 900), true), ((390, 844), true)];

/// Texts that can hardly be told from what is behind them: less than the contrast of 4.5 that WCAG 2.1 asks, with their ratio.
const FAINT: &str = "(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll('p, th, td, li, a, h1, h2, h3, h4, dt, dd, code, label, button, legend, output, .badge, svg text')) {
    if (!element.textContent.trim() || element.getClientRects().length === 0) continue;
    const style = getComputedStyle(element);
    const colour = parse(element instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(colour.slice(0, 3)), light(behind(element).slice(0, 3))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${element.tagName}.${element.className} ${element.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(faint)].slice(0, 10);
})()";

/// Fails for a page that complains, is wider than its window, repeats an id, or has text that cannot be read.
fn check(page: &mut Page, what: &str) {
    assert!(page.problems().is_empty(), "{what}: {:?}", page.problems());
    let widths = page.value("[document.documentElement.scrollWidth, document.documentElement.clientWidth]");
    assert!(widths[0].as_f64() <= widths[1].as_f64(), "{what} is wider than its window: {widths}");
    let twice = page.value(
        "(() => { const ids = [...document.querySelectorAll('[id]')].map((e) => e.id); \
         return ids.filter((id, k) => ids.indexOf(id) !== k); })()",
    );
    assert_eq!(twice, serde_json::json!([]), "{what} has ids twice");
    let faint = page.value(FAINT);
    assert_eq!(faint, serde_json::json!([]), "{what} has text that can hardly be read");
}

/// Fails for a page that looks blank: hardly more than one colour.
fn check_picture(page: &mut Page, name: &str) {
    let (colours, commonest) = page.picture(name);
    assert!(colours > 30 && commonest < 0.97, "{name} has {colours} colours, {commonest:.3} of it in one");
}
