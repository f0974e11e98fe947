// The signal explorer: how large signal and gradient are at each layer. Bold, what the formulas of a layer say
// of a network of endless width; thin, six networks of the chosen width, computed here unit by unit.
// `activations` and the equations in `catalog` are what Python traces from the code itself (constants.js).

import { View, control, copyable, fit, html, literal, mathematics, mount, rounded, scale, svg, table, ticks } from "./explorer.js";
import { activations, catalog, css } from "./constants.js";

const STATE = ["activation", "slope", "gain", "depth", "width"];
const SEEDS = [1, 2, 3, 4, 5, 6];
const HEIGHT = 416; // px, as in signal.py
const [LEFT, RIGHT] = [54, 22];
const DECADES = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200]; // how far an axis may reach up or down
const PANELS = [
  { top: 26, base: 182, color: "study", name: ["signal y: standard deviation", "standard deviation of y"] },
  { top: 224, base: 380, color: "third", name: ["gradient ∂loss/∂y: standard deviation", "… of ∂loss/∂y"] },
];
const FLOAT32 = [[Math.log10(2 ** 128), "float32: infinite"], [Math.log10(2 ** -150), "float32: zero"]];

export default {
  render: ({ model, el }) => mount(el, css, (ui) => new SignalExplorer(model, ui, STATE)),
};

// ---- a network of endless width ----

function meanSquare(f, q) {
  const deviation = Math.sqrt(q);
  let sum = 0;
  for (const [z, weight] of catalog.nodes) sum += weight * (f(deviation * z) ** 2 + f(-deviation * z) ** 2);
  return sum;
}

// The standard deviations of the signal at each layer, and of the gradient in units of the last.
function propagate({ formula, derivative }, { gain, depth }) {
  const forward = [gain ** 2];
  while (forward.length < depth) forward.push(gain ** 2 * meanSquare(formula, forward.at(-1)));
  const backward = new Array(depth).fill(1);
  for (let l = depth - 2; l >= 0; l--) backward[l] = gain ** 2 * meanSquare(derivative, forward[l]) * backward[l + 1];
  return [forward.map(Math.sqrt), backward.map(Math.sqrt)];
}

// ---- networks of some width ----

// Standard normal numbers: as many as are asked for, always the same ones for a seed.
function normals(seed) {
  const values = [];
  let state = seed * 7919;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return (count) => {
    while (values.length < count) {
      const [radius, angle] = [Math.sqrt(-2 * Math.log(1 - uniform())), 2 * Math.PI * uniform()];
      values.push(radius * Math.cos(angle), radius * Math.sin(angle));
    }
    return values;
  };
}

const drawn = new Map(); // (network, layer) to its numbers, drawn when they are needed

function weights(seed, layer) {
  const key = seed * 1000 + layer;
  if (!drawn.has(key)) drawn.set(key, normals(key));
  return drawn.get(key);
}

function size(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum / values.length);
}

function unit(values) {
  const whole = size(values);
  return Float64Array.from(values, (x) => x / whole);
}

// The root mean square of one network's signal at each layer, and of its gradient, which starts with 1.
function run(seed, { formula, derivative }, { gain, depth, width: n }) {
  const [factor, ends] = [gain / Math.sqrt(n), weights(seed, 0)(2 * n)];
  const signals = [];
  let x = unit(ends.slice(0, n));
  for (let l = 1; l <= depth; l++) {
    signals.push(times(weights(seed, l)(n * n), x, factor));
    x = signals.at(-1).map(formula);
  }
  const gradients = [unit(ends.slice(n, 2 * n))];
  for (let l = depth; l > 1; l--) {
    const back = timesTransposed(weights(seed, l)(n * n), gradients.at(-1), factor);
    gradients.push(back.map((dx, i) => dx * derivative(signals[l - 2][i])));
  }
  return [signals.map(size), gradients.reverse().map(size)];
}

function times(w, x, factor) {
  const y = new Float64Array(x.length);
  for (let i = 0, at = 0; i < y.length; i++) {
    let sum = 0;
    for (let j = 0; j < x.length; j++) sum += w[at++] * x[j];
    y[i] = factor * sum;
  }
  return y;
}

function timesTransposed(w, dy, factor) {
  const dx = new Float64Array(dy.length);
  for (let i = 0, at = 0; i < dy.length; i++) {
    const share = factor * dy[i];
    for (let j = 0; j < dx.length; j++) dx[j] += w[at++] * share;
  }
  return dx;
}

// ---- words ----

const raised = (k) => `10${[...String(k)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`;

// Three digits, or two and a power of ten.
function brief(x) {
  if (x === 0 || (x >= 0.001 && x < 1e4)) return String(rounded(x, 3));
  const [digits, exponent] = x.toExponential(1).split("e");
  return `${digits}·${raised(Number(exponent))}`;
}

const range = (values) => `${brief(Math.min(...values))} to ${brief(Math.max(...values))}`;

class SignalExplorer extends View {
  // ---- layout ----

  lay(body) {
    this.menu = this.choice("Nonlinearity", catalog.choices, ([, activation, slope]) =>
      this.set({ activation, ...(slope == null ? {} : { slope }) }));
    this.start = this.choice("Weights", [...catalog.initializers, ["of your own gain"]], (chosen) =>
      chosen.length > 1 && this.set({ gain: this.gainOf(chosen) }));
    this.chart = svg("svg", { class: "chart", role: "img", style: "cursor: default" });
    this.picture = html("div", { class: "picture", style: `height: ${HEIGHT}px` }, this.chart);
    this.words = html("p", { class: "muted note" });
    this.place = html("div");
    this.equations = Object.fromEntries(Object.entries(catalog.equations).map(([name, lines]) => [name, mathematics(lines).nodes]));
    this.torch = copyable("in torch", (text) => this.speaker.say(text));
    this.numbers = html("div", { class: "rates" });
    this.details = html("details", { toggle: () => this.showTable() }, html("summary", {}, "The numbers as a table"), this.numbers);
    this.rows = catalog.rows.map(({ name, fact }, i) => ({ name, ...control(catalog.facts[fact], this.within(name, catalog.facts[fact]), `slider-${i}`) }));
    body.append(
      this.prompts(catalog.prompts),
      html("div", { class: "bar" }, this.menu.element, this.start.element),
      html("div", { class: "stage" },
        html("div", {}, this.picture, html("div", { class: "pinning" }, this.reset()), this.words),
        html("div", {}, html("div", { class: "controls" }, ...this.rows.map((row) => row.element)), this.message)),
      html("div", { class: "formula" }, html("div", { class: "equation" }, this.place)),
      html("div", { class: "codes" }, this.torch.element),
      this.details,
    );
  }

  choice(words, choices, act) {
    const options = choices.map(([name], i) => html("option", { value: i }, name));
    const menu = html("select", { change: () => (act(choices[menu.value]), this.update()) }, ...options);
    return { element: html("label", { class: "choice" }, words, menu), set: (i) => (menu.value = i) };
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

  gainOf([, gain, isPerInput]) {
    return isPerInput ? gain * Math.sqrt(this.state().width) : gain;
  }

  // ---- what is shown ----

  update() {
    const state = this.state();
    const { formula, derivative } = activations[state.activation];
    const activation = { formula: (x) => formula(x, state), derivative: (x) => derivative(x, state) };
    this.theory = propagate(activation, state);
    this.found = SEEDS.map((seed) => run(seed, activation, state));
    this.showChoices(state);
    this.say(state);
    this.draw(state);
    this.torch.set(`init.normal_(layer.weight, std=${literal(rounded(state.gain / Math.sqrt(state.width), 3), false)})`);
    this.showEquation(state.activation);
    this.showTable();
  }

  showChoices({ activation, slope, gain }) {
    const isTanh = activation === "tanh";
    this.menu.set(isTanh ? 3 : slope === 0 ? 0 : slope === 1 ? 2 : 1);
    const known = catalog.initializers.findIndex((one) => Math.abs(this.gainOf(one) / gain - 1) < 0.003);
    this.start.set(known < 0 ? catalog.initializers.length : known);
    for (const { name, element, update } of this.rows) {
      element.style.visibility = name === "slope" && isTanh ? "hidden" : "";
      update();
    }
  }

  say({ depth, width }) {
    const [signal, gradient] = this.theory;
    const ends = [this.found.map(([own]) => own[depth - 1]), this.found.map(([, own]) => own[0])];
    this.summary =
      `In an endlessly wide network layer ${depth} multiplies the signal by ${brief(signal[depth - 1] / signal[depth - 2])}, and ` +
      `the gradient on its way back by ${brief(gradient[depth - 2])}. In the six networks of width ${width} the signal at layer ` +
      `${depth} is ${range(ends[0])}, the gradient at layer 1 ${range(ends[1])}.`;
    this.words.textContent = this.summary;
  }

  draw({ depth }) {
    const { width } = this;
    const log = (values) => values.map((x) => Math.max(Math.log10(x), -200));
    const curves = PANELS.map((_, i) => [...this.found.map((own) => log(own[i])), log(this.theory[i])]);
    const living = [0, ...curves.flat(2).filter((x) => x > -200)];
    const reach = (most) => DECADES.find((k) => most <= k);
    const decades = [-reach(-Math.min(...living)), reach(Math.max(...living))];
    const x = scale(1, depth, LEFT, width - RIGHT);
    this.chart.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.chart.setAttribute("aria-label", this.summary);
    const ends = [`layer ${depth}: ${brief(this.theory[0][depth - 1])}`, `layer 1: ${brief(this.theory[1][0])}`];
    this.chart.replaceChildren(
      ...PANELS.flatMap((panel, i) => this.panel(panel, curves[i], { decades, x, end: ends[i] })),
      ...ticks(0, depth, width > 480 ? 8 : 4).map((l) => this.text(x(Math.max(l, 1)), HEIGHT - 20, String(Math.max(l, 1)), "tick")),
      this.text(width - RIGHT, HEIGHT - 3, "layer", "name", "end"),
    );
  }

  text(x, y, words, style = "", anchor = "middle") {
    return svg("text", { class: style, x, y, "text-anchor": anchor }, words);
  }

  // One picture: the frame, the thin lines, the bold one; what leaves it is cut off.
  panel({ top, base, color, name }, curves, { decades: [low, high], x, end }) {
    const right = this.width - RIGHT;
    const y = scale(low, high, base, top);
    const line = (at, style) => svg("line", { class: style, x1: LEFT, x2: right, y1: at, y2: at });
    const path = (values, look) => svg("path", {
      ...look, d: `M${values.map((value, l) => `${x(l + 1).toFixed(1)} ${Math.min(y(value), base + 50).toFixed(1)}`).join("L")}`,
    });
    const thin = { class: "curve network", style: "stroke: var(--helper); stroke-width: 1; opacity: 0.6" };
    const bold = { class: "curve theory", style: `stroke: var(--${color}); stroke-width: 2.5` };
    const frame = { role: "presentation", x: LEFT, y: top - 2, width: right - LEFT, height: base - top + 4 };
    const limits = FLOAT32.filter(([exponent]) => low < exponent && exponent < high);
    const exponents = ticks(low, high, 5).filter(Number.isInteger);
    const [first, last] = [curves.at(-1)[0], curves.at(-1).at(-1)];
    // A limit is named where the bold line is far from it.
    const label = (exponent, words) => Math.abs(first - exponent) < Math.abs(last - exponent)
      ? this.text(right - 6, y(exponent) + 14, words, "tick halo", "end")
      : this.text(LEFT + 6, y(exponent) + 14, words, "tick halo", "start");
    return [
      ...exponents.map((k) => line(y(k), "grid")),
      ...exponents.map((k) => this.text(LEFT - 8, y(k) + 4, k ? raised(k) : "1", "tick", "end")),
      line(base, "axis"),
      ...limits.flatMap(([exponent, words]) => [line(y(exponent), "helper"), label(exponent, words)]),
      svg("svg", { ...frame, viewBox: `${frame.x} ${frame.y} ${frame.width} ${frame.height}` },
        ...curves.slice(0, -1).map((values) => path(values, thin)), path(curves.at(-1), bold)),
      this.text(0, top - 13, name[this.width < 560 ? 1 : 0], "name", "start"),
      this.text(right, top - 13, end, "end halo", "end"),
    ];
  }

  showEquation(activation) {
    const nodes = this.equations[activation];
    if (this.fitted === nodes) return;
    this.place.replaceChildren(...nodes);
    fit(this.place);
    this.fitted = nodes;
  }

  showTable() {
    if (!this.details.open) return;
    const head = ["layer", "signal, endless width", "signal, six networks", "gradient, endless width", "gradient, six networks"];
    const rows = this.theory[0].map((signal, l) => [
      String(l + 1), brief(signal), range(this.found.map(([own]) => own[l])),
      brief(this.theory[1][l]), range(this.found.map(([, own]) => own[l])),
    ]);
    this.numbers.replaceChildren(table(head, rows));
  }
}
