// The regression explorer: readings that can be dragged, three losses, and the estimate that each prefers.
// `formulas` and `catalog` are what Python generates from the losses themselves (constants.js).

import {
  View, at, checkbox, control, copyable, filled, fit, html, literal, mathematics, mount, rounded, scale, shown,
  svg, table, ticks,
} from "./explorer.js";
import { catalog, css, formulas } from "./constants.js";

const STATE = ["readings", "beta"];
const LANE = 24; // px, height of a reading's lane: wide enough for a finger
const LANES = 5;
const BAND = { left: 54, right: 22, top: 28, gap: 8, bottom: 42 };
const [WIDE, LINE] = [520, 19]; // px: from this width on the legend stands between the curves; its lines
const SAMPLES = 240;
const STEP = 0.001; // m, the finest move of a reading

export default {
  render: ({ model, el }) => mount(el, css, (ui) => new RegressionExplorer(model, ui, STATE)),
};

// ---- what a state means ----

const mean = (loss, y, readings, p) => readings.reduce((sum, x) => sum + loss(y - x, p), 0) / readings.length;

// The estimate whose mean loss is least: where the slope changes sign; the middle, where many are least.
function minimizer({ slope }, readings, p) {
  const search = (isAbove) => {
    let [low, high] = [Math.min(...readings), Math.max(...readings)];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (isAbove(mean(slope, middle, readings, p))) high = middle;
      else low = middle;
    }
    return high;
  };
  return (search((d) => d >= 0) + search((d) => d > 0)) / 2;
}

const meters = (y) => y.toFixed(3);
const inside = (x) => rounded(Math.min(Math.max(Math.round(x / STEP) * STEP, catalog.low), catalog.high), 6);
const index = (i) => "₁₂₃₄₅"[i];

// ---- the picture ----

// Above, the mean loss of every estimate; below, a lane for each reading, along which it can be moved.
class Picture {
  constructor(onmove) {
    this.onmove = onmove;
    this.axes = svg("g", { "aria-hidden": "true" });
    this.curves = svg("g");
    this.notes = svg("g", { "aria-hidden": "true" });
    this.drawing = svg("g", { role: "img" }, this.axes, this.curves, this.notes);
    this.knobs = svg("g");
    this.svg = svg("svg", {
      class: "chart",
      pointerdown: (event) => this.take(event), pointermove: (event) => this.move(event),
      pointerup: () => (this.held = null), pointercancel: () => (this.held = null),
    }, this.drawing, this.knobs);
    this.element = html("div", { class: "picture", style: "height: 400px" }, this.svg);
    this.held = null;
    this.measure();
  }

  measure() {
    [this.width, this.height] = [this.element.clientWidth || 640, this.element.clientHeight || 400];
    const { left, right, gap, bottom } = BAND;
    this.top = BAND.top + (this.width > WIDE ? 0 : 3 * LINE);
    this.floor = this.height - bottom;
    this.base = this.floor - LANES * LANE - gap;
    this.x = scale(catalog.low, catalog.high, left, this.width - right);
    this.y = scale(0, 1, this.base, this.top);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
  }

  lane(i) {
    return this.base + BAND.gap + (i + 0.5) * LANE;
  }

  // ---- moving a reading ----

  take(event) {
    const box = this.svg.getBoundingClientRect();
    const i = Math.floor((event.clientY - box.top - this.base - BAND.gap) / LANE);
    if (event.button !== 0 || i < 0 || i >= this.view.readings.length) return;
    this.held = i;
    this.svg.setPointerCapture(event.pointerId);
    this.knobs.children[i].focus({ preventScroll: true });
    event.preventDefault(); // no text is selected while the reading moves
    this.move(event);
  }

  move(event) {
    if (this.held === null) return;
    this.onmove(this.held, inside(this.x.inverse(event.clientX - this.svg.getBoundingClientRect().left)));
  }

  key(event, i) {
    const now = this.view.readings[i];
    const step = event.shiftKey ? STEP : 10 * STEP;
    const arrows = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step };
    const moves = { ...arrows, PageUp: 5 * step, PageDown: -5 * step, Home: -1, End: 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.onmove(i, inside(now + moves[event.key]));
  }

  // ---- drawing ----

  // view: { readings, curves: [{ look, label, xs, ys, estimate, height }], summary }
  draw(view) {
    this.view = view;
    this.axes.replaceChildren(...this.frame());
    this.curves.replaceChildren(...view.curves.flatMap((curve) => this.curve(curve)));
    const numbers = view.readings.map((value, i) => this.number(value, i));
    this.notes.replaceChildren(...this.legend(view.curves), ...numbers);
    this.drawing.setAttribute("aria-label", view.summary);
    if (this.knobs.children.length !== view.readings.length) this.layKnobs(view.readings);
    view.readings.forEach((value, i) => this.place(this.knobs.children[i], value, i));
  }

  frame() {
    const { left, right } = BAND;
    const { width, height, top, base, floor, x } = this;
    const text = (style, x, y, words, anchor = "start") =>
      svg("text", { class: style, x, y, "text-anchor": anchor }, words);
    const row = (style, y, words) => [
      svg("line", { class: style, x1: left, x2: width - right, y1: y, y2: y }),
      text("tick", left - 8, y + 4, words, "end"),
    ];
    const target = x(catalog.target);
    const columns = ticks(catalog.low, catalog.high, width > 480 ? 6 : 3);
    return [
      ...[0.5, 1].flatMap((share) => row("grid", this.y(share), String(share))),
      ...row("axis", base, "0"),
      ...this.view.readings.flatMap((_, i) => row("grid", this.lane(i), `x${index(i)}`)),
      svg("path", { class: "axis", d: `M${target} ${top}V${floor}`, style: "stroke: var(--ink)" }),
      ...row("axis", floor, ""),
      ...columns.map((value) => text("tick", x(value), floor + 17, shown(value), "middle")),
      text("name", 0, 13, width > WIDE ? "mean loss, as a share of its highest here" : "share of its highest"),
      text("", target, 13, `target ${shown(catalog.target)} m`, "middle"),
      text("name", width - right, height - 6, "estimate y, readings (m)", "end"),
    ];
  }

  curve({ look, xs, ys, estimate, height }) {
    const tidy = (pixels) => Math.round(pixels * 100) / 100;
    const points = xs.map((x, i) => `${tidy(this.x(x))} ${tidy(this.y(ys[i]))}`);
    const [px, py] = [this.x(estimate), this.y(height)];
    const drop = `M${px} ${py}V${this.floor}`;
    return [
      svg("path", { class: `curve ${look}`, d: `M${points.join("L")}` }),
      svg("path", { class: `curve ${look} least`, d: drop, style: "stroke-width: 1.5" }),
      svg("circle", { class: `dot ${look}`, cx: px, cy: py, r: 4, style: "fill: var(--pen)" }),
    ];
  }

  // Names and estimates, each beside a piece of its line: between the arms of the curves, left of the target
  // if possible; where the arms are too narrow, above them.
  legend(curves) {
    const middle = this.x(curves.reduce((sum, { estimate }) => sum + estimate, 0) / curves.length);
    const [wide, from, target] = [222, BAND.left + 6, this.x(catalog.target)];
    const wish = this.width > WIDE ? Math.min(middle - wide / 2, target - wide) : from;
    const x = Math.min(Math.max(wish, from), Math.max(this.width - BAND.right - wide, from));
    return curves.flatMap(({ look, label }, i) => {
      const y = BAND.top + (this.width > WIDE ? 20 : 4) + LINE * i;
      return [
        svg("path", { class: `curve ${look}`, d: `M${x} ${y - 4}h26` }),
        svg("text", { class: `label halo ${look}`, x: x + 33, y }, label),
      ];
    });
  }

  number(value, i) {
    const isLast = value > catalog.high - 0.03;
    const x = this.x(value) + (isLast ? -12 : 12);
    const anchor = isLast ? "end" : "start";
    return svg("text", { class: "halo", x, y: this.lane(i) + 4, "text-anchor": anchor }, shown(value));
  }

  layKnobs(readings) {
    this.knobs.replaceChildren(...readings.map((_, i) => svg("circle", {
      r: 7, class: "knob", style: "stroke: var(--ink)", tabindex: "0",
      role: "slider", "aria-label": `reading x${index(i)}`,
      "aria-valuemin": catalog.low, "aria-valuemax": catalog.high,
      "aria-description": "Arrow keys move by 1 cm, with Shift by 1 mm, page keys by 5 cm",
      keydown: (event) => this.key(event, i),
    })));
  }

  place(knob, value, i) {
    const said = { "aria-valuenow": value, "aria-valuetext": `${shown(value)} m` };
    const told = Object.entries({ cx: this.x(value), cy: this.lane(i), ...said });
    for (const [name, text] of told) knob.setAttribute(name, text);
  }
}

class RegressionExplorer extends View {
  resize() {
    this.plot.measure();
    super.resize();
  }

  // ---- layout ----

  lay(body) {
    this.plot = new Picture((i, value) => this.move(i, value));
    this.picture = this.plot.element;
    this.beta = control(catalog.fact, this.link("beta"), "beta");
    this.exact = html("span", { class: "choice", style: "flex-wrap: wrap" });
    this.place = html("div");
    this.equation = html("div", { class: "equation" }, this.place);
    this.withValues = checkbox("with the present values", () => this.showEquation(this.state()));
    this.symbols = mathematics(catalog.symbols);
    this.numbers = mathematics(catalog.values, catalog.places);
    this.helpers = copyable("in this book", (text) => this.speaker.say(text));
    this.torch = copyable("in torch", (text) => this.speaker.say(text));
    this.rates = html("div", { class: "rates" });
    const summary = html("summary", {}, "The numbers as a table");
    this.details = html("details", { toggle: () => this.showTable() }, summary, this.rates);
    const hint = html("span", { class: "muted" }, "Drag a reading, or use arrow keys.");
    const exact = html("div", { class: "bar" }, this.exact);
    body.append(
      this.prompts(catalog.prompts),
      html("div", { class: "stage" },
        html("div", {}, this.picture,
          html("div", { class: "pinning" }, hint, this.reset())),
        html("div", {}, html("div", { class: "controls" }, this.beta.element, exact), this.message)),
      html("div", { class: "formula" }, this.equation, this.withValues.element),
      html("div", { class: "codes" }, this.helpers.element, this.torch.element),
      this.details,
    );
  }

  layFields(readings) {
    if (this.fields?.length === readings.length) return;
    this.fields = readings.map((_, i) => html("input", {
      type: "text", class: "number", style: "width: 2.9rem", inputmode: "decimal", autocomplete: "off",
      "aria-label": `reading x${index(i)} in meters, exact value`, change: () => this.type(i),
    }));
    this.exact.replaceChildren(html("span", {}, "readings (m)"), ...this.fields);
  }

  // ---- what the reader does ----

  move(i, value) {
    const { readings } = this.state();
    if (readings[i] !== value) this.set({ readings: readings.map((old, j) => (j === i ? value : old)) });
  }

  type(i) {
    const text = this.fields[i].value.trim();
    const [wish, now] = [text === "" ? NaN : Number(text), this.model.get("readings")[i]];
    if (wish >= catalog.low && wish <= catalog.high) return this.move(i, wish);
    const range = `[${catalog.low}, ${catalog.high}]`;
    this.note(`x${index(i)} must be in ${range}, got ${text || "nothing"}; ${shown(now)} stays.`);
    this.update();
  }

  // ---- what is shown ----

  update() {
    const state = this.state();
    this.layFields(state.readings);
    this.fields.forEach((field, i) => (field.value = String(state.readings[i])));
    this.beta.update();
    this.draw(state);
    this.showEquation(state);
    const fill = (template) => filled(template, (place) => literal(at(state, place), false));
    this.helpers.set(fill(catalog.code));
    this.torch.set(fill(catalog.torch));
    this.showTable();
  }

  // A curve as a share of its highest value; its corners, at the readings, are among the samples.
  sample(loss, i, { readings, beta }) {
    const p = { beta };
    const place = scale(0, SAMPLES, catalog.low, catalog.high);
    const even = Array.from({ length: SAMPLES + 1 }, (_, j) => place(j));
    const xs = [...even, ...readings].sort((a, b) => a - b);
    const values = xs.map((y) => mean(loss.value, y, readings, p));
    const highest = Math.max(...values);
    const estimate = minimizer(loss, readings, p);
    const least = mean(loss.value, estimate, readings, p);
    const label = `${catalog.words[i]}: ${meters(estimate)}${[", mean", ", median"][i] ?? ""}`;
    const curve = { xs, ys: values.map((value) => value / highest), height: least / highest };
    return { look: catalog.looks[i], words: catalog.words[i], label, estimate, least, ...curve };
  }

  draw(state) {
    this.now = formulas.map((loss, i) => this.sample(loss, i, state));
    const estimates = this.now.map(({ words, estimate }) => `${words} ${meters(estimate)} m`);
    this.summary = `least loss at: ${estimates.join(", ")}`;
    this.plot.draw({ readings: state.readings, curves: this.now, summary: this.summary });
  }

  showEquation(state) {
    const { nodes } = this.withValues.element.control.checked ? this.numbers : this.symbols;
    if (nodes[0].parentNode !== this.place) this.place.replaceChildren(...nodes);
    this.numbers.fill((place) => shown(at(state, place)));
    if (this.fitted !== nodes) fit(this.place);
    this.fitted = nodes;
  }

  // For each loss its estimate, and how hard each reading pulls there: towards larger y is positive.
  showTable() {
    if (!this.details.open) return;
    const { readings, beta } = this.state();
    const rows = this.now.map(({ words, estimate, least }, i) => [
      words, meters(estimate), meters(Math.abs(estimate - catalog.target)), shown(least),
      ...readings.map((x) => shown(-formulas[i].slope(rounded(estimate - x, 9), { beta }) / readings.length)),
    ]);
    const pulls = readings.map((_, i) => `pull of x${index(i)}`);
    const head = ["loss", "estimate (m)", "off the target (m)", "mean loss", ...pulls];
    this.rates.replaceChildren(table(head, rows));
  }
}
