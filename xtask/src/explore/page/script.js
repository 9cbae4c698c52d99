// The page asks the server whenever a control moves and shows what comes back. It computes nothing but positions on the screen.

const SVG = "http://www.w3.org/2000/svg";
const form = document.getElementById("controls");
const at = (id) => document.getElementById(id);
const NUMBERS = ["volume", "rate", "until", "last", "lambda", "phi", "xi", "sigma", "theta"];
const CHOICES = ["restriction", "time", "technology", "exporter", "sector"];
/// How long the controls rest before welfare is decomposed, which takes a dozen equilibria more.
const REST = 250;

let economy;
let answer;
let running = false;
let wanted = null;
let timer = 0;

function make(name, attributes = {}, ...children) {
  const element = name.startsWith("svg:") ? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const value = (name) => form.elements[name].value;
const number = (name) => Number(value(name));

/// What the server is asked.
function controls() {
  const restriction = value("restriction");
  const size = restriction === "quota" ? number("volume") : restriction === "export-tax" ? number("rate") : 0;
  const first = (economy.year ?? 2009) + 1;
  const years = value("time") === "years" ? { first, until: number("until"), last: number("last") } : null;
  const elasticities = Object.fromEntries(["sigma", "theta", "lambda", "phi", "xi"].map((name) => [name, number(name)]));
  return {
    restriction, size, years, exporter: value("exporter"), sector: value("sector"), technology: value("technology"),
    ...elasticities,
  };
}

/// The address holds every control, so that it can be shared.
function toAddress() {
  const pairs = [...CHOICES, ...NUMBERS].map((name) => [name, value(name)]);
  history.replaceState(null, "", `?${new URLSearchParams(pairs)}`);
}

function fromAddress() {
  for (const [name, text] of new URLSearchParams(location.search)) {
    if (![...CHOICES, ...NUMBERS].includes(name)) continue;
    const before = value(name);
    form.elements[name].value = text;
    if (value(name) === "") form.elements[name].value = before;
  }
}

/// Shows the controls that matter, with their numbers.
function labels() {
  if (number("last") < number("until")) form.elements.last.value = value("until");
  const chosen = [value("restriction"), value("time"), value("technology")];
  for (const label of form.querySelectorAll("[data-for]")) {
    label.hidden = !label.dataset.for.split(" ").some((word) => chosen.includes(word));
  }
  for (const input of form.querySelectorAll("input[type=range]")) {
    const percent = "percent" in input.dataset;
    input.parentElement.querySelector("output").textContent = percent ? `${Math.round(100 * input.value)} %` : input.value;
  }
}

function changed() {
  labels();
  toAddress();
  document.body.dataset.state = "solving";
  wanted = { channels: false };
  clearTimeout(timer);
  timer = setTimeout(() => {
    wanted = { channels: true };
    ask();
  }, REST);
  ask();
}

/// One question at a time; of those that come meanwhile the last is asked.
async function ask() {
  if (running || wanted === null) return;
  running = true;
  const { channels } = wanted;
  wanted = null;
  const started = performance.now();
  try {
    const response = await fetch("solve", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ controls: controls(), channels }),
    });
    const found = await response.json();
    if (response.ok) show(found, performance.now() - started, channels);
    else refuse(found.error);
  } catch (error) {
    refuse(`The server does not answer: ${error.message}. Is cargo xtask explore still running?`);
  }
  running = false;
  if (wanted !== null) ask();
  else if (channels) document.body.dataset.state = "ready";
}

function refuse(problem) {
  at("problem").textContent = problem;
  at("problem").hidden = false;
  at("status").textContent = "No answer to this question.";
  for (const box of document.querySelectorAll(".box")) box.classList.add("stale");
}

function show(found, milliseconds, channels) {
  answer = found;
  at("problem").hidden = true;
  for (const box of document.querySelectorAll(".box")) box.classList.remove("stale");
  at("status").textContent = `${found.title}. Solved in ${Math.round(milliseconds)} ms, largest residual ${found.residual.toExponential(1)}.`;
  at("scenario").textContent = found.scenario;
  at("download").href = `data:application/toml;charset=utf-8,${encodeURIComponent(found.scenario)}`;
  const last = found.moments.at(-1).year;
  at("countries-heading").textContent = last === null ? "By economy" : `By economy, ${last}`;
  at("sectors-heading").textContent = last === null ? "Sectors" : `Sectors, ${last}`;
  years();
  look();
  path();
  table("countries", found.tables.countries, (column) => !column.key.startsWith("channel_"));
  at("years-section").hidden = !found.tables.path;
  if (found.tables.path) table("years", found.tables.path);
  if (channels) decomposition();
  else at("channels").classList.add("stale");
  sectors();
}

/// The year that is looked at, among those of the answer: in the long run the only one.
function moment() {
  const chosen = Number(at("shown").value);
  return answer.moments.find(({ year }) => year === chosen) ?? answer.moments.at(-1);
}

/// What belongs to one year: the numbers at the top and the map.
function look() {
  const { year } = moment();
  at("shown-label").hidden = year === null;
  at("shown-label").querySelector("output").textContent = year ?? "";
  headline();
  map();
}

function years() {
  const [first, last] = [answer.moments[0].year, answer.moments.at(-1).year];
  if (first === null) return;
  const shown = at("shown");
  const before = Number(shown.max) === last && Number(shown.min) === first ? shown.value : Math.min(number("until"), last);
  Object.assign(shown, { min: first, max: last });
  shown.value = before;
}

const four = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

function headline() {
  const { year, abroad, home } = moment();
  const restriction = answer.tables.restrictions;
  const key = (name) => restriction?.columns.findIndex((column) => column.key === name);
  const row = restriction?.exact.find((cells) => year === null || cells[0] === String(year));
  const entries = [
    ["Price abroad, baseline = 1", abroad],
    ["Price at home, baseline = 1", home],
    ["Volume of exports, baseline = 1", row?.[key("volume_hat")]],
    [`Rent, ${economy.unit}`, row?.[key("rent")]],
  ];
  const shown = entries.filter(([, x]) => typeof x === "number");
  const make_one = ([term, x]) => make("div", {}, make("dt", {}, term), make("dd", { "data-value": x }, four.format(x)));
  at("headline").replaceChildren(...shown.map(make_one));
}

function map() {
  const { of, classes } = moment().map;
  for (const outline of at("map").querySelectorAll("path")) {
    const found = of[outline.dataset.economy];
    outline.style.fill = found ? found.colour : "";
    const through = outline.dataset.economy === outline.dataset.code ? "" : ` (${outline.dataset.economy})`;
    outline.firstChild.textContent = found ? `${outline.dataset.name}${through}: ${found.printed} %` : `${outline.dataset.name}: no number`;
  }
  const entries = classes.map(({ colour, words }) => {
    const swatch = make("svg:svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, make("svg:rect", { width: 10, height: 10, fill: colour }));
    return make("span", {}, swatch, words);
  });
  at("legend").replaceChildren(make("span", {}, "Change of real income, %:"), ...entries);
}

/// Ticks at round numbers that span an interval.
function ticks(low, high) {
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((rung) => rung * power >= raw) * power;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

function path() {
  const points = answer.moments.filter((point) => point.year !== null && point.abroad !== null);
  at("path-section").hidden = points.length < 2;
  if (points.length < 2) return;
  const [width, height, left, bottom, top, right] = [760, 320, 48, 30, 12, 16];
  const all = points.flatMap((point) => [point.abroad, point.home]);
  const [low, high] = [Math.min(0, ...all), 1.05 * Math.max(1, ...all)];
  const [first, last] = [points[0].year, points.at(-1).year];
  const x = (year) => left + ((year - first) / (last - first)) * (width - left - right);
  const y = (price) => height - bottom - ((price - low) / (high - low)) * (height - bottom - top);
  const svg = make("svg:svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Price of the input abroad and at home, ${first} to ${last}` });
  for (const tick of ticks(low, high)) {
    svg.append(make("svg:line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
    svg.append(make("svg:text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, String(tick)));
  }
  const every = Math.ceil((last - first) / 10);
  for (const { year } of points.filter((point) => (point.year - first) % every === 0)) {
    svg.append(make("svg:text", { x: x(year), y: height - 8, "text-anchor": "middle" }, String(year)));
  }
  for (const [k, series] of ["abroad", "home"].entries()) {
    const line = points.map((point) => `${x(point.year).toFixed(1)},${y(point[series]).toFixed(1)}`).join(" ");
    svg.append(make("svg:polyline", { class: series, points: line }));
    svg.append(make("svg:text", { class: series, x: width - right, y: top + 14 + 18 * k, "text-anchor": "end" }, series === "abroad" ? "outside the exporter" : "inside the exporter"));
  }
  at("path").replaceChildren(svg);
}

/// A table as the server printed it; each number's exact value is kept beside it.
function table(id, content, wantedColumn = () => true, wantedRow = () => true) {
  const columns = content.columns.map((column, k) => ({ ...column, k })).filter(wantedColumn);
  const heads = columns.map((column) => {
    const unit = column.unit ? [make("span", { class: "unit" }, column.unit)] : [];
    return make("th", { scope: "col", class: column.words ? "words" : "" }, column.heading, ...unit);
  });
  const rows = content.rows.map(({ cells }, r) => ({ cells, exact: content.exact[r] })).filter(wantedRow);
  const body = rows.map(({ cells, exact }) => {
    const made = columns.map((column, c) => {
      if (column.words) return make(c === 0 ? "th" : "td", c === 0 ? { scope: "row" } : { class: "words" }, cells[column.k]);
      return make("td", { "data-key": column.key, "data-value": exact[column.k] ?? "" }, cells[column.k]);
    });
    return make("tr", {}, ...made);
  });
  at(id).replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...body)));
}

function decomposition() {
  if (answer.tables.decomposition) {
    const years = answer.tables.decomposition.columns[0].key === "year";
    const last = answer.tables.decomposition.exact.at(-1)[0];
    at("channels-heading").textContent = years ? `Real income by channel, ${last}` : "Real income by channel";
    table("channels", answer.tables.decomposition, undefined, ({ exact }) => !years || exact[0] === last);
  } else {
    const reason = answer.tables.countries.notes.at(-1);
    at("channels").replaceChildren(make("p", { class: "note" }, reason));
  }
}

function sectors() {
  const chosen = at("sectors-of").value;
  table("sectors", answer.tables.sectors, (column) => column.key !== "country", ({ exact }) => exact[0] === chosen);
}

function options(select, names, chosen) {
  select.replaceChildren(...names.map((name) => {
    const option = make("option", { value: name }, name);
    option.defaultSelected = name === chosen;
    return option;
  }));
}

async function start() {
  economy = await (await fetch("economy")).json();
  at("economy").textContent = economy.name;
  const home = economy.countries.includes("CHN") ? "CHN" : economy.countries[0];
  options(form.elements.exporter, economy.countries, home);
  options(form.elements.sector, economy.sectors, economy.critical ?? economy.sectors[0]);
  options(at("sectors-of"), economy.countries, economy.countries.find((name) => name !== home));
  const first = (economy.year ?? 2009) + 1;
  for (const [name, from, to, chosen] of [["until", first, first + 14, first + 4], ["last", first + 1, first + 24, first + 8]]) {
    Object.assign(form.elements[name], { min: from, max: to });
    form.elements[name].setAttribute("value", chosen);
  }
  const outlines = economy.world.map((country) => {
    const data = { d: country.path, "data-code": country.code, "data-name": country.name, "data-economy": country.economy ?? "" };
    return make("svg:path", data, make("svg:title"));
  });
  at("map").replaceChildren(make("svg:svg", { viewBox: "0 0 1500 650", role: "img", "aria-label": "World map of the change of real income; the table by economy has the numbers" }, ...outlines));
  form.reset();
  fromAddress();
  form.addEventListener("input", changed);
  form.addEventListener("reset", () => setTimeout(changed));
  form.addEventListener("submit", (event) => event.preventDefault());
  at("shown").addEventListener("input", look);
  at("sectors-of").addEventListener("change", sectors);
  at("share").addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href);
    at("status").textContent = "The link is copied: it opens this question on any machine that runs cargo xtask explore.";
  });
  changed();
}

start().catch((error) => refuse(error.message));
