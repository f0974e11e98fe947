// The schedule explorer: any learning-rate schedule, each of its parameters a slider.
// `formulas` and `catalog` are what Python generates from the schedules themselves (constants.js).

import { Chart } from "./chart.js";
import {
  View,
  at,
  checkbox,
  control,
  copyable,
  ceiling,
  filled,
  fit,
  html,
  literal,
  mathematics,
  mount,
  shown,
  svg,
  table,
} from "./explorer.js";
import { catalog, css, formulas, inTurn } from "./constants.js";

const PINS = ["pin1", "pin2", "pin3", "pin4"]; // looks of the pinned curves
const MOST = 4000; // samples of a curve; a run of more steps is sampled evenly
const STATE = ["method", "warmup", "joined", "then", "momentum", "values", "total_steps", "step", "log_axis", "pins"];

export default {
  render: ({ model, el }) => mount(el, css, (ui) => new ScheduleExplorer(model, ui, STATE)),
};

// ---- what a state means ----

const form = (state) => catalog.methods[state.method][state.warmup ? "warm" : "plain"];
const parameters = (state) => (state.warmup ? state.values : state.values.inner);
const rowsOf = (state) => [
  ...catalog.methods[state.method].rows.map((row) => ({ ...row, home: "inner" })),
  ...(state.warmup ? catalog.warmup.rows : []),
  ...(state.joined ? catalog.joined.rows : []),
  ...(state.joined ? catalog.methods[state.then].rows.map((row) => ({ ...row, home: "then" })) : []),
  ...(hasMomentum(state) && state.momentum ? catalog.momentum.rows.map((row) => ({ ...row, home: "momentum" })) : []),
];
// Only a schedule by itself has a momentum that goes with it.
const hasMomentum = ({ method, warmup, joined }) => !warmup && !joined && "momentum" in formulas[method];
// What follows one another, each as a state of its own: one schedule, or two where they are joined.
const partsOf = ({ method, warmup, joined, then, values: { then: after, milestones, momentum, ...own } }) => [
  { method, warmup, values: own },
  ...(joined ? [{ method: then, warmup: false, values: { inner: after } }] : []),
];
const factOf = (row) => catalog.facts[row.fact];
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// Whether two rows are about the same quantity, whatever its symbol.
const alike = (a, b) => same({ ...factOf(a), symbol: 0, plain: 0 }, { ...factOf(b), symbol: 0, plain: 0 });

function rateOf(state) {
  const [first, then] = partsOf(state).map((part) => {
    const formula = formulas[part.method][part.warmup ? "warm" : "plain"];
    const p = parameters(part);
    return (t) => formula(t, p);
  });
  return then ? (t) => inTurn(t, state.values, first, then) : first;
}

// A field, or one entry of a tuple, read from the values or replaced in a copy of them.
function read(values, { home, name, index }) {
  const value = (home ? values[home] : values)[name];
  return index == null ? value : value[index];
}

function replaced(values, { home, name, index }, value) {
  const copy = structuredClone(values);
  const part = home ? copy[home] : copy;
  if (index == null) part[name] = value;
  else part[name][index] = value;
  return copy;
}

// The text of a template with a part's values in it, as Python would write them.
function written(part, template) {
  const whole = new Set(
    rowsOf(part)
      .filter((row) => factOf(row).integer)
      .map((row) => row.name),
  );
  const name = (place) => place.match(/(\w+)(?:\[\d+\])?$/)[1];
  return filled(template, (place) => literal(at(parameters(part), place), whole.has(name(place))));
}

function helpersCode(state) {
  const [first, then] = partsOf(state).map((part) => written(part, form(part).code));
  const milestones = { "p.first": first, "p.then": then, "p.milestones[0]": state.values.milestones[0] };
  return then ? filled(catalog.joined.code, (place) => milestones[place]) : first;
}

// Torch's own classes where they give the rates that are shown, else the formula.
function torchCode(state) {
  const parts = partsOf(state);
  if (hasMomentum(state) && state.momentum) return withMomentum(state, written(parts[0], form(state).torch));
  const rates = parts.map((part) => written(part, form(part).base));
  if (new Set(rates).size === 1 && torchAgrees(state, parts)) return torchClasses(state, parts);
  if (!Number(rates[0])) return "# torch multiplies the optimizer's rate, and it would be 0";
  const begin = state.values.milestones[0];
  const [first, then] = parts.map((part) => written(part, form(part).python));
  const whole = then ? `${first} if t < ${begin} else (lambda t: ${then})(t - ${begin})` : first;
  return `LambdaLR(optimizer, lambda t: (${whole}) / ${rates[0]})`;
}

// Whether they do so up to the last step of each part.
function torchAgrees({ joined, values, total_steps: total }, parts) {
  const lasts = joined ? [values.milestones[0] - 1, total - values.milestones[0]] : [total];
  return parts.every((part, i) => {
    const agrees = formulas[part.method][part.warmup ? "warmTorch" : "plainTorch"];
    return !agrees || agrees(lasts[i], parameters(part));
  });
}

// Torch flattens what is joined, and has one rate for which its optimizer is made.
function torchClasses(state, parts) {
  if (parts.length === 1) return written(parts[0], form(state).torch);
  const sum = (text) => text.split(" + ").reduce((all, number) => all + Number(number), 0);
  const stages = (part) => form(part).stages.map((stage) => stage.map((text) => written(part, text)));
  const begin = state.values.milestones[0];
  const early = stages(parts[0]).filter(([start]) => sum(start) < begin);
  const late = stages(parts[1]).map(([start, line]) => [String(sum(start) + begin), line]);
  const [starts, lines] = [0, 1].map((i) => [...early, ...late].map((stage) => stage[i]));
  return `SequentialLR(optimizer, [${lines.join(", ")}], milestones=[${starts.slice(1).join(", ")}])`;
}

function withMomentum(state, line) {
  const [low, high] = ["low", "high"].map((name) => literal(state.values.momentum[name], false));
  return line.replace("cycle_momentum=False", `base_momentum=${low}, max_momentum=${high}`);
}

const named = ({ method, warmup }) => (warmup ? "warmup + " : "") + catalog.methods[method].words;
const title = (state) => partsOf(state).map(named).join(", then ");

// What decides on the curve, and nothing of what a state keeps besides.
const essence = (state) => [
  state.joined && state.values.milestones,
  ...partsOf(state).map((part) => [named(part), parameters(part)]),
];
const equal = (one, other) => same(essence(one), essence(other));

// What tells a pinned schedule from the present one, if they are of one kind.
function difference(pin, state) {
  if (title(pin) !== title(state)) return "";
  const unlike = rowsOf(pin).filter((row) => read(pin.values, row) !== read(state.values, row));
  return unlike
    .slice(0, 2)
    .map((row) => `, ${factOf(row).plain} ${shown(read(pin.values, row))}`)
    .join("");
}

class ScheduleExplorer extends View {
  // What Python has just been given comes before the module that knows it, which then draws its own view.
  knows() {
    return this.model.get("method") in catalog.methods && this.model.get("then") in catalog.methods;
  }

  resize() {
    this.chart.measure();
    this.below.measure();
    super.resize();
  }

  // ---- layout ----

  lay(body) {
    this.kept = {}; // the values of methods left behind
    this.pointed = null; // the step under the mouse
    this.pinned = new Map(); // samples of the pinned curves, by their state
    const choices = () =>
      Object.entries(catalog.methods).map(([key, { words }]) => html("option", { value: key }, words));
    const menu = (name, change) => html("select", { "aria-label": name, change }, ...choices());
    this.menu = menu("Schedule", () => this.choose(this.menu.value));
    this.next = menu("Then", () => this.follow(this.next.value));
    this.joined = checkbox("then", (joined) => this.set({ joined }));
    this.warmup = checkbox("after a warmup", (warmup) => this.set({ warmup }));
    this.log = checkbox("log axis", (log_axis) => this.set({ log_axis }));
    this.chart = new Chart({ x: "step", y: "learning rate" }, (step, settled) => this.point(step, settled));
    this.picture = this.chart.element;
    this.cycled = checkbox("momentum", (momentum) => this.set({ momentum }));
    this.below = new Chart({ x: "step", y: "momentum" }, (step, settled) => this.point(step, settled));
    this.below.element.style.height = "170px";
    this.pin = html("button", { type: "button", click: () => this.addPin() }, "Pin this curve");
    this.chips = html("span", { class: "chips" });
    this.controls = html("div", { class: "controls" });
    this.place = html("div");
    this.equation = html("div", { class: "equation" }, this.place);
    this.withValues = checkbox("with the present values", () => this.showEquation(this.state()));
    this.helpers = copyable("in this book", (text) => this.speaker.say(text));
    this.torch = copyable("in torch", (text) => this.speaker.say(text));
    this.rates = html("div", { class: "rates" });
    this.details = html(
      "details",
      { toggle: () => this.showTable() },
      html("summary", {}, "The rates as a table"),
      this.rates,
    );
    body.append(
      this.prompts(catalog.prompts),
      html(
        "div",
        { class: "bar" },
        html("label", { class: "choice" }, "Schedule", this.menu),
        this.warmup.element,
        html("span", { class: "pair" }, this.joined.element, this.next),
        this.log.element,
        this.cycled.element,
      ),
      html(
        "div",
        { class: "stage" },
        html("div", {}, this.picture, this.below.element, html("div", { class: "pinning" }, this.pin, this.chips, this.reset())),
        html("div", {}, this.controls, this.message),
      ),
      html("div", { class: "formula" }, this.equation, this.withValues.element),
      html("div", { class: "codes" }, this.helpers.element, this.torch.element),
      this.details,
    );
  }

  layRows(state) {
    const kind = `${state.method} ${state.warmup} ${state.joined && state.then} ${state.momentum}`;
    if (kind === this.kind) return;
    this.kind = kind;
    this.rows = rowsOf(state).map((row, i) => control(factOf(row), this.linkRow(row), `parameter-${i}`));
    this.controls.replaceChildren(...this.rows.map((row) => row.element));
    this.equations = partsOf(state).map((part) => {
      const { symbols, values, places } = form(part);
      return { symbols: mathematics(symbols), numbers: mathematics(values, places) };
    });
    this.captions = ["at first", "then, with t counted from its start"].map((words) =>
      html("p", { class: "muted" }, words),
    );
  }

  linkRow(row) {
    return {
      read: () => read(this.model.get("values"), row),
      write: (value) => this.write(row, value),
      reset: () => this.write(row, this.startOf(row)),
      note: (text) => this.note(text),
    };
  }

  startOf(row) {
    const { method, then } = this.state();
    const start = (key, home, first) => (key === first ? this.first.values[home] : catalog.methods[key].start);
    const inner = start(method, "inner", this.first.method);
    return read({ ...this.first.values, inner, then: start(then, "then", this.first.then) }, row);
  }

  // ---- what the reader does ----

  write(row, wish) {
    const values = this.model.get("values");
    const [value, words] = factOf(row).ordered
      ? this.between(row, wish, values)
      : this.within(row, wish, values);
    this.set({ values: replaced(values, row, value) }, words);
  }

  // Parts that must fit into the whole stop where they fill it, and say so; so does the whole.
  within(row, wish, values) {
    const { within } = catalog.methods[this.model.get(row.home === "then" ? "then" : "method")];
    const isPart = within?.parts.includes(row.name);
    if (!row.home || !within || (row.name !== "total_steps" && !isPart)) return [wish, ""];
    const own = values[row.home];
    const others = within.parts
      .filter((name) => name !== row.name)
      .reduce((sum, name) => sum + own[name], within.spare);
    const value = isPart ? Math.min(wish, own.total_steps - others) : Math.max(wish, others);
    return [
      value,
      value === wish
        ? ""
        : `${factOf(row).plain} stops at ${value}: the parts have to fit into the total steps.`,
    ];
  }

  // Entries that must increase stop at their neighbours, and say so.
  between(row, wish, values) {
    const all = (row.home ? values[row.home] : values)[row.name];
    const value = Math.min(
      Math.max(wish, (all[row.index - 1] ?? 0) + 1),
      (all[row.index + 1] ?? Infinity) - 1,
    );
    const words =
      value === wish
        ? ""
        : `${factOf(row).plain} stops at ${value}: the ${factOf(row).group} stay in order.`;
    return [value, words];
  }

  // Fields that two methods share keep their value, the others are as they were left.
  choose(method) {
    const { method: old, values } = this.state();
    this.kept[old] = values.inner;
    const inner = structuredClone(
      this.kept[method] ??
        (method === this.first.method ? this.first.values.inner : catalog.methods[method].start),
    );
    const before = new Map(catalog.methods[old].rows.map((row) => [row.name, row]));
    for (const row of catalog.methods[method].rows)
      if (row.index == null && before.has(row.name) && alike(row, before.get(row.name)))
        inner[row.name] = values.inner[row.name];
    const warmup = this.model.get("warmup") && "warm" in catalog.methods[method];
    this.set({ method, warmup, values: { ...values, inner } });
  }

  follow(then) {
    this.kept[this.model.get("then")] = this.state().values.then;
    const own = this.kept[then] ?? catalog.methods[then].start;
    this.set({ then, joined: true, values: { ...this.state().values, then: structuredClone(own) } });
  }

  addPin() {
    const { method, warmup, joined, then, values, pins } = this.state();
    const pin = { method, warmup, joined, then, values: structuredClone(values) };
    if (pins.some((other) => equal(other, pin))) this.note("this curve is pinned already.");
    else this.set({ pins: [...pins, pin] });
  }

  point(step, settled) {
    this.pointed = settled ? null : step;
    if (settled) this.set({ step });
    else this.draw(this.state());
  }

  // ---- what is shown ----

  update() {
    const state = this.state();
    this.menu.value = state.method;
    this.next.value = state.then;
    this.joined.set(state.joined);
    this.next.hidden = !state.joined;
    this.cycled.element.hidden = !hasMomentum(state);
    this.cycled.set(state.momentum);
    this.warmup.set(state.warmup, !("warm" in catalog.methods[state.method]));
    this.log.set(state.log_axis);
    this.layRows(state);
    this.rows.forEach((row) => row.update());
    this.draw(state);
    this.showPins(state);
    this.showEquation(state);
    this.helpers.set(helpersCode(state));
    this.torch.set(torchCode(state));
    this.showTable();
  }

  // The rate at every step and the sum of the rates of all updates: those before the last step.
  sample(state, total) {
    const count = Math.min(total, MOST);
    const rate = rateOf(state);
    const xs = Array.from({ length: count + 1 }, (_, i) => Math.round((i * total) / count));
    const ys = xs.map(rate);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += ys[i];
    return { xs, ys, area: (sum * total) / count };
  }

  samplePin(pin, total) {
    const key = JSON.stringify([pin, total]);
    if (!this.pinned.has(key)) this.pinned.set(key, this.sample(pin, total));
    return this.pinned.get(key);
  }

  draw(state) {
    const total = state.total_steps;
    const label = (curve, words) => [words, `area ${shown(curve.area)}`];
    const sampled = this.sample(state, total);
    const now = { ...sampled, label: label(sampled, title(state)), name: "study", key: "study", fill: true };
    const pins = state.pins.map((pin, i) => {
      const curve = Object.assign(this.samplePin(pin, total), { name: PINS[i], key: PINS[i] });
      const words = title(pin) + difference(pin, state);
      return Object.assign(curve, { label: equal(pin, state) ? null : label(curve, words) });
    });
    const x = Math.min(this.pointed ?? state.step, total);
    const y = rateOf(state)(x);
    const text = `step ${x}: ${shown(y)}`;
    this.summary = `${title(state)}: rate at step ${x}: ${shown(y)}; area under the curve ${shown(now.area)}`;
    this.chart.draw({
      xHigh: total,
      ...this.range([...pins, now], state.log_axis),
      curves: [...pins, now],
      marker: { x, y, text },
      summary: this.summary,
    });
    this.drawMomentum(state, sampled.xs, x);
    this.now = now;
    this.pin.disabled = pins.length === PINS.length;
  }

  drawMomentum(state, xs, x) {
    const shows = hasMomentum(state) && state.momentum;
    if (this.below.element.hidden === shows) {
      this.below.element.hidden = !shows;
      this.below.measure();
    }
    if (!shows) return;
    const { low, high } = state.values.momentum;
    const at = (t) => formulas[state.method].momentum(t, low, high, state.values.inner);
    const words = `momentum at step ${x}: ${shown(at(x))}`;
    const curve = { xs, ys: xs.map(at), key: "momentum", name: "study", label: null };
    const [yLow, yHigh] = [Math.min(low, high) < 0.8 ? 0 : 0.8, 1];
    const marker = { x, y: at(x), text: shown(at(x)) };
    this.below.draw({ xHigh: state.total_steps, log: false, yLow, yHigh, curves: [curve], marker, summary: words });
    this.summary += `; ${words}`;
  }

  range(curves, log) {
    const top = ceiling(Math.max(...curves.map(({ ys }) => Math.max(...ys))) || 1);
    if (!log) return { log, yLow: 0, yHigh: top };
    const positive = curves.flatMap(({ ys }) => ys).filter((y) => y > 0);
    const low = Math.max(Math.min(top, ...positive), top * 1e-5);
    return { log, yLow: 10 ** Math.floor(Math.log10(low)), yHigh: 10 ** Math.ceil(Math.log10(top)) };
  }

  showPins({ pins }) {
    if (pins === this.shownPins) return;
    this.shownPins = pins;
    const swatch = (name) =>
      svg(
        "svg",
        { width: 26, height: 8, "aria-hidden": "true" },
        svg("path", { class: `curve ${name}`, d: "M1 4H25" }),
      );
    const remove = (i) => {
      this.set({ pins: pins.filter((_, j) => j !== i) });
      (this.chips.children[Math.min(i, pins.length - 2)] ?? this.pin).focus();
    };
    this.chips.replaceChildren(
      ...pins.map((pin, i) =>
        html(
          "button",
          { type: "button", class: "chip", "aria-label": `unpin ${title(pin)}`, click: () => remove(i) },
          swatch(PINS[i]),
          ` ${partsOf(pin).map(({ method }) => catalog.methods[method].words).join(", then ")} ×`,
        ),
      ),
    );
  }

  showEquation(state) {
    const look = this.withValues.element.control.checked ? "numbers" : "symbols";
    const parts = partsOf(state);
    const nodes = this.equations.flatMap((equation, i) => [
      ...(state.joined ? [this.captions[i]] : []),
      ...equation[look].nodes,
    ]);
    if (nodes[0].parentNode !== this.place || this.shown !== this.equations || this.look !== look)
      this.place.replaceChildren(...nodes);
    [this.shown, this.look] = [this.equations, look];
    this.equations.forEach((equation, i) =>
      equation.numbers.fill((place) => shown(at(parameters(parts[i]), place))),
    );
    const length = this.place.textContent.length;
    if (this.fitted !== nodes[0] || Math.abs(length - this.length) > 2) fit(this.place);
    [this.fitted, this.length] = [nodes[0], length];
  }

  showTable() {
    if (!this.details.open) return;
    const { total_steps: total, pins } = this.state();
    const curves = [rateOf(this.state()), ...pins.map(rateOf)];
    const steps = Array.from({ length: 11 }, (_, i) => Math.round((i * total) / 10));
    const rows = steps.map((step) => [String(step), ...curves.map((rate) => shown(rate(step)))]);
    const areas = ["area", this.now, ...pins.map((pin) => this.samplePin(pin, total))].map((curve) =>
      curve.ys ? shown(curve.area) : curve,
    );
    this.rates.replaceChildren(table(["step", title(this.state()), ...pins.map(title)], [...rows, areas]));
  }
}
