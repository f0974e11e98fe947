// The explorer of Lipschitz rates: four rates against the scale of the feature, and what gradient descent does
// with three of them. `formulas` and the equations are what Python traces from the code itself (constants.js).

import { View, control, fit, html, mathematics, mount, rounded, scale, svg, table, ticks } from "./explorer.js";
import { catalog, css, formulas } from "./constants.js";

const STATE = ["scale", "batch_size"];
const STEPS = 60;
const SCALES = [0.01, 100];
// Pixels, as in lipschitz.py.
const HEIGHT = 470;
const [LEFT, RIGHT] = [54, 22];
const PANELS = [
  { top: 26, base: 206, low: -4, high: 6, name: "learning rate", along: "scale of the feature" },
  { top: 276, base: 432, low: -8, high: 4, name: "loss above its minimum (nats)", along: "step" },
];
const LOSS = { pos_weight: 1 };

export default {
  render: ({ model, el }) => mount(el, css, (ui) => new LipschitzExplorer(model, ui, STATE)),
};

// ---- what a state means ----

// The four rates, by name.
function ratesOf(p) {
  const [norm, curvature] = catalog.found[p.batch_size - catalog.first];
  const argument = (name) => (name === "limit" ? curvature : norm);
  return Object.fromEntries(catalog.rates.map(({ name }) => [name, formulas[name](argument(name), p)]));
}

// By how much the loss is above its minimum, at the start and after each step.
function course(p, rate) {
  const lowest = catalog.found[p.batch_size - catalog.first][2];
  const above = [];
  for (let weight = 0; above.length <= STEPS; ) {
    let [loss, slope] = [0, 0];
    for (let i = 0; i < p.batch_size; i++) {
      const [x, y] = [p.scale * catalog.x[i], catalog.y[i]];
      loss += formulas.formula(weight * x, y, LOSS);
      slope += formulas.derivative(weight * x, y, LOSS) * x;
    }
    above.push(loss / p.batch_size - lowest);
    weight -= (rate * slope) / p.batch_size;
  }
  return above;
}

// ---- words ----

const raised = (k) => `10${[...String(k)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`;

// Three digits, or two and a power of ten.
function brief(x) {
  if (x === 0 || (x >= 0.001 && x < 1e4)) return String(rounded(x, 3));
  const [digits, exponent] = x.toExponential(1).split("e");
  return `${digits}·${raised(Number(exponent))}`;
}

const left = (above) => (above < 1e-8 ? "nothing" : brief(above));

class LipschitzExplorer extends View {
  // ---- layout ----

  lay(body) {
    this.chart = svg("svg", { class: "chart", role: "img", style: "cursor: default" });
    this.picture = html("div", { class: "picture", style: `height: ${HEIGHT}px` }, this.chart);
    this.words = html("p", { class: "muted note" });
    this.place = html("div");
    this.numbers = html("div", { class: "rates" });
    this.details = html("details", { toggle: () => this.showTable() }, html("summary", {}, "The numbers as a table"), this.numbers);
    this.rows = catalog.rows.map(({ name, fact }, i) =>
      control(catalog.facts[fact], this.within(name, catalog.facts[fact]), `slider-${i}`));
    body.append(
      this.prompts(catalog.prompts),
      html("div", { class: "stage" },
        html("div", {}, this.picture, html("div", { class: "pinning" }, this.reset()), this.words),
        html("div", {}, html("div", { class: "controls" }, ...this.rows.map((row) => row.element)), this.message)),
      html("div", { class: "formula" }, html("div", { class: "equation" }, this.place)),
      this.details,
    );
  }

  // A trait's link, which refuses what the page cannot draw.
  within(name, { low, high, plain, words }) {
    const link = this.link(name);
    const write = (value) => {
      if (value >= low && value <= high) link.write(value);
      else this.note(`${plain} ${words} must be in [${low}, ${high}], got ${value}; ${link.read()} stays.`);
    };
    return { ...link, write };
  }

  // ---- what is shown ----

  update() {
    const p = this.state();
    const rates = ratesOf(p);
    const courses = Object.fromEntries(
      catalog.rates.filter(({ name }) => name !== "limit").map(({ name }) => [name, course(p, rates[name])]));
    this.now = { p, rates, courses };
    this.rows.forEach((row) => row.update());
    this.say(this.now);
    this.draw(this.now);
    this.showEquation();
    this.showTable();
  }

  say({ p, rates, courses }) {
    const told = catalog.rates.filter(({ name }) => name !== "limit").map(({ words, name }) =>
      `${words} ${brief(rates[name])}, ${brief(rates[name] / rates.limit)} of the limit, leaves ${left(courses[name].at(-1))}`);
    this.summary = `Scale ${brief(p.scale)}, ${p.batch_size} examples: the stability limit is ${brief(rates.limit)}. ` +
      `After ${STEPS} steps ${told.join("; ")}.`;
    this.words.textContent = this.summary;
  }

  draw({ p, rates, courses }) {
    const right = this.width - RIGHT;
    const x = scale(...SCALES, LEFT, right, true);
    const step = scale(0, STEPS, LEFT, right);
    const at = PANELS.map(({ top, base, low, high }) => {
      const y = scale(low, high, base, top);
      return (value) => y(Math.min(Math.max(Math.log10(Math.max(value, 1e-300)), low), high));
    });
    const path = (points, { color, dashes }, kind) => svg("path", {
      class: `curve ${kind}`, style: `stroke: var(--${color}); stroke-dasharray: ${dashes}; stroke-width: 2`,
      d: `M${points.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(2)}`).join("L")}`,
    });
    const ends = SCALES.map((s) => [s, ratesOf({ ...p, scale: s })]);
    this.chart.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
    this.chart.setAttribute("aria-label", this.summary);
    this.chart.replaceChildren(
      ...PANELS.flatMap((panel) => this.frame(panel)),
      ...[-2, -1, 0, 1, 2].map((k) => this.text(x(10 ** k), PANELS[0].base + 17, k ? raised(k) : "1", "tick")),
      ...ticks(0, STEPS, 6).map((n) => this.text(step(n), PANELS[1].base + 17, String(n), "tick")),
      svg("line", { class: "helper", x1: x(p.scale), x2: x(p.scale), y1: PANELS[0].top, y2: PANELS[0].base }),
      ...catalog.rates.map((rate) => path(ends.map(([s, all]) => [x(s), at[0](all[rate.name])]), rate, `rate ${rate.name}`)),
      ...catalog.rates.map(({ name, color }) =>
        svg("circle", { class: "now", cx: x(p.scale), cy: at[0](rates[name]), r: 4, style: `fill: var(--${color})` })),
      ...catalog.rates.map(({ words, name, color }, i) => this.text(right, PANELS[0].top + 14 + 16 * i,
        `${words}: ${brief(rates[name])}`, "label halo", "end", `fill: var(--${color})`)),
      ...catalog.rates.filter(({ name }) => name in courses).map((rate) =>
        path(courses[rate.name].map((above, i) => [step(i), at[1](above)]), rate, `course ${rate.name}`)),
    );
  }

  text(x, y, words, style = "", anchor = "middle", look = null) {
    return svg("text", { class: style, x, y, "text-anchor": anchor, style: look }, words);
  }

  frame({ top, base, low, high, name, along }) {
    const right = this.width - RIGHT;
    const y = scale(low, high, base, top);
    const line = (at, style) => svg("line", { class: style, x1: LEFT, x2: right, y1: at, y2: at });
    const exponents = ticks(low, high, 6).filter(Number.isInteger);
    return [
      ...exponents.map((k) => line(y(k), "grid")),
      ...exponents.map((k) => this.text(LEFT - 8, y(k) + 4, k ? raised(k) : "1", "tick", "end")),
      line(base, "axis"),
      this.text(0, top - 13, name, "name", "start"),
      this.text(right, base + 34, along, "name", "end"),
    ];
  }

  showEquation() {
    if (this.fitted) return;
    this.place.replaceChildren(...mathematics(catalog.equations).nodes);
    fit(this.place);
    this.fitted = true;
  }

  showTable() {
    if (!this.details.open) return;
    const { rates, courses } = this.now;
    const rows = catalog.rates.map(({ words, name }) => [
      words, brief(rates[name]), brief(rates[name] / rates.limit),
      name in courses ? left(courses[name].at(-1)) : "",
    ]);
    this.numbers.replaceChildren(table(["rate", "value", "part of the limit", `left after ${STEPS} steps`], rows));
  }
}
