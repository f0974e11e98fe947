// The normalization explorer: a channel's values before and after batch normalization, and what the layer keeps.
// `formulas` and the equations in `catalog` are what Python traces from the layer itself (constants.js).

import {
  View, checkbox, control, copyable, filled, fit, html, literal, mathematics, mount, rounded, scale, shown, svg,
  table,
} from "./explorer.js";
import { catalog, css, formulas } from "./constants.js";

const SLIDERS = catalog.rows.map((row) => row.name);
const STATE = [...SLIDERS, "train", "library"];
// Pixels, as in normalization.py.
const [HEIGHT, LEFT, RIGHT] = [452, 54, 22];
const [DOTS, BARS, AXIS, OUTPUT] = [46, 96, 116, 158];
const [COURSE, ZERO, UNIT] = [310, 368, 7];
const EDGE = 12; // values beyond are drawn at the edge

export default {
  render: ({ model, el }) => mount(el, css, (ui) => new NormalizationExplorer(model, ui, STATE)),
};

// ---- what a state means ----

function moments(values) {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return { mean, variance: values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length };
}

const batchOf = (p, i) => catalog.values[i].slice(0, p.batch_size).map((value) => formulas.input(value, p));

// The running statistics before the first batch, and after each.
function course(p) {
  const variance = catalog.libraries[p.library].unbiased ? formulas.unbiased : formulas.biased;
  const found = [{ mean: 0, variance: 1 }];
  for (let i = 0; i + 1 < catalog.values.length; i++) {
    const [old, batch] = [found[i], moments(batchOf(p, i))];
    found.push({ mean: formulas.mean(old.mean, batch.mean, p), variance: variance(old.variance, batch.variance, p) });
  }
  return found;
}

const brief = (x) => (Math.abs(x) < 5e-7 ? "0" : shown(rounded(x, 3)).replaceAll("-", "−"));
const said = ({ mean, variance }) => `mean ${brief(mean)}, spread ${brief(Math.sqrt(variance))}`;
const text = (x, y, words, style = "", anchor = "start") =>
  svg("text", { class: style, x, y, "text-anchor": anchor }, words);

class NormalizationExplorer extends View {
  // ---- layout ----

  lay(body) {
    const names = Object.keys(catalog.libraries).map((name) => html("option", { value: name }, name));
    this.menu = html("select", { change: () => this.choose(this.menu.value) }, ...names);
    this.evaluation = checkbox("evaluation: use the running statistics", (on) => this.set({ train: !on }));
    this.chart = svg("svg", { class: "chart", role: "img", style: "cursor: default" });
    this.picture = html("div", { class: "picture", style: `height: ${HEIGHT}px` }, this.chart);
    this.rows = catalog.rows.map((row, i) => {
      const fact = catalog.facts[row.fact];
      return control(fact, this.within(fact, this.link(row.name)), `slider-${i}`);
    });
    this.place = html("div");
    this.code = copyable("as code", (words) => this.speaker.say(words));
    this.numbers = html("div", { class: "rates" });
    const summary = html("summary", {}, "The numbers as a table");
    this.details = html("details", { toggle: () => this.showTable() }, summary, this.numbers);
    body.append(
      this.prompts(catalog.prompts),
      html("div", { class: "bar" }, html("label", { class: "choice" }, "Library", this.menu), this.evaluation.element),
      html("div", { class: "stage" },
        html("div", {}, this.picture, html("div", { class: "pinning" }, this.reset())),
        html("div", {}, html("div", { class: "controls" }, ...this.rows.map((row) => row.element)), this.message)),
      html("div", { class: "formula" }, html("div", { class: "equation" }, this.place)),
      html("div", { class: "codes" }, this.code.element),
      this.details,
    );
  }

  // There are only so many values and batches.
  within({ integer, low, high, plain, words }, link) {
    if (!integer) return link;
    const write = (value) => {
      if (value >= low && value <= high) return link.write(value);
      link.note(`${plain} ${words} must be ${low} to ${high}, got ${value}; ${link.read()} stays.`);
    };
    return { ...link, write };
  }

  choose(library) {
    const { momentum, epsilon } = catalog.libraries[library];
    this.set({ library, momentum, epsilon }, `${library}'s defaults are set.`);
  }

  // ---- what is shown ----

  update() {
    const p = this.state();
    const [x, running] = [batchOf(p, p.batches), course(p)];
    const [batch, kept] = [moments(x), running[p.batches]];
    const used = p.train ? batch : kept;
    const y = x.map((value) => formulas.output(value, used.mean, used.variance, p));
    this.now = { p, x, y, running, batch, kept, output: moments(y) };
    this.rows.forEach((row) => row.update());
    this.menu.value = p.library;
    this.evaluation.set(!p.train);
    const mode = p.train ? "training, by the batch's statistics" : "evaluation, by the running statistics";
    this.summary = `output: ${said(this.now.output)} (${mode}); running: ${said(kept)} after ${p.batches} batches`;
    this.draw(this.now);
    this.showEquation(p);
    const values = { ...p, kept: rounded(1 - p.momentum, 12) };
    this.code.set(filled(catalog.libraries[p.library].code, (place) => literal(values[place.slice(2)], false)));
    this.showTable();
  }

  draw({ p, x, y, running, batch, kept, output }) {
    this.x = scale(-EDGE, EDGE, LEFT, this.width - RIGHT);
    const wanted = { mean: p.bias, variance: p.weight ** 2 };
    const right = this.width - RIGHT;
    const mark = (isUsed) => (isUsed ? ", used" : "");
    this.chart.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
    this.chart.setAttribute("aria-label", this.summary);
    this.chart.replaceChildren(
      ...this.band(x, 0, "input x", "helper"),
      this.bar(batch, BARS, "study"), this.bar(kept, BARS + 12, "rival"),
      text(right, 13, `batch: ${said(batch)}${mark(p.train)}`, "label study", "end"),
      text(right, 30, `running: ${said(kept)}${mark(!p.train)}`, "label pin1", "end"),
      ...this.band(y, OUTPUT, "output y", "study"),
      this.bar(output, OUTPUT + BARS, "study"), this.bar(wanted, OUTPUT + BARS + 12, "ink"),
      text(right, OUTPUT + 13, said(output), "label study output", "end"),
      text(right, OUTPUT + 30, `wanted: ${said(wanted)}`, "wanted", "end"),
      ...this.course(running, p),
    );
  }

  // Values as dots that move along their axis and nowhere else.
  band(values, top, name, color) {
    const beyond = values.filter((value) => Math.abs(value) > EDGE).length;
    const dots = values.map((value, i) => svg("circle", {
      class: `dot ${color}`, cx: this.at(value), cy: top + DOTS + 7 * (i % 6), r: 3,
      style: `fill: var(--${color})`,
    }));
    const ticks = [-10, -5, 0, 5, 10].map((value) =>
      text(this.x(value), top + AXIS + 15, String(value).replace("-", "−"), "tick", "middle"));
    const axis = svg("line", { class: "axis", x1: LEFT, x2: this.width - RIGHT, y1: top + AXIS, y2: top + AXIS });
    const outside = beyond ? [text(0, top + 30, `${beyond} at the edge`, "tick")] : [];
    return [text(0, top + 13, name, "name"), ...outside, ...dots, axis, ...ticks];
  }

  at(value) {
    return this.x(Math.min(Math.max(value, -EDGE), EDGE));
  }

  // The mean, and one standard deviation to either side.
  bar({ mean, variance }, y, color) {
    const spread = Math.sqrt(variance);
    const look = `stroke: var(--${color}); stroke-width: 2.5${color === "study" ? "" : "; stroke-dasharray: 5 2"}`;
    return svg("g", {},
      svg("line", { x1: this.at(mean - spread), x2: this.at(mean + spread), y1: y, y2: y, style: look }),
      svg("circle", { cx: this.at(mean), cy: y, r: 4.5, style: `fill: var(--${color})` }));
  }

  course(running, p) {
    const column = scale(0, running.length - 1, LEFT, this.width - RIGHT);
    const row = (value) => ZERO - UNIT * Math.min(Math.max(value, -6), 6);
    const [means, spreads] = [running.map((r) => r.mean), running.map((r) => Math.sqrt(r.variance))];
    const curve = (values, name, dash) => svg("path", {
      class: `curve ${name}`, style: `stroke: var(--rival); stroke-dasharray: ${dash}`,
      d: `M${values.map((value, i) => `${column(i).toFixed(1)} ${row(value).toFixed(2)}`).join("L")}`,
    });
    const half = Math.floor(running.length / 2);
    const meanIsAbove = means[half] >= spreads[half];
    const label = (words, values, isAbove) =>
      text(column(half), row(values[half]) + (isAbove ? -7 : 17), words, "label halo pin1", "middle");
    const ticks = [-5, 0, 5].flatMap((value) => [
      svg("line", { class: value ? "grid" : "axis", x1: LEFT, x2: this.width - RIGHT, y1: row(value), y2: row(value) }),
      text(LEFT - 8, row(value) + 4, String(value).replace("-", "−"), "tick", "end"),
    ]);
    const columns = [0, 20, 40, 60].map((n) => text(column(n), ZERO + 57, String(n), "tick", "middle"));
    return [
      text(0, COURSE + 3, "running statistics", "name"), ...ticks, ...columns,
      text(this.width - RIGHT, HEIGHT - 6, "batches seen", "name", "end"),
      svg("line", { class: "helper", x1: column(p.batches), x2: column(p.batches), y1: COURSE + 12, y2: ZERO + 43 }),
      curve(means, "running-mean", "none"), curve(spreads, "running-spread", "6 3"),
      label("mean", means, meanIsAbove), label("spread", spreads, !meanIsAbove),
      ...[means, spreads].map((values) =>
        svg("circle", { cx: column(p.batches), cy: row(values[p.batches]), r: 4.5, style: "fill: var(--rival)" })),
    ];
  }

  showEquation({ train, library }) {
    const lines = catalog.equations[library][train];
    if (this.fitted === lines) return;
    this.place.replaceChildren(...mathematics(lines).nodes);
    fit(this.place);
    this.fitted = lines;
  }

  showTable() {
    if (!this.details.open) return;
    const { x, y, batch, kept, output } = this.now;
    const rows = [["batch", batch], ["running", kept], ["output", output]].map(([name, { mean, variance }]) =>
      [name, brief(mean), brief(variance)]);
    const values = x.map((value, i) => [String(i + 1), brief(value), brief(y[i])]);
    this.numbers.replaceChildren(
      table(["statistics", "mean", "variance"], rows), table(["value", "input x", "output y"], values));
  }
}
