// The plateau explorer: a curve of checks that can be drawn, and the state of the machine after each of them.
// `machines` are what Python traces from ReduceOnPlateau itself, one for each pair of modes (constants.js).

import {
  View, at, build, control, copyable, filled, fit, html, literal, mathematics, mount, rounded, scale, shown, svg,
  table, ticks,
} from "./explorer.js";
import { catalog, css, machines } from "./constants.js";

const STATE = [
  "losses", "span", "check", "mode", "threshold_mode", "lr", "factor", "patience", "threshold", "cooldown", "min_lr",
];
const HEIGHT = 476; // px, as in plateau.py
const [LEFT, RIGHT] = [54, 22];
const PANELS = { loss: [26, 240], bad: [276, 336], rate: [372, 440] };
const WHOLE = new Set(["p.patience", "p.cooldown"]); // written without a point
const LEGEND = [
  ["●", "study", "new best"], ["○", "rival", "bad"], ["●", "rival", "one too many"], ["○", "third", "forgiven"],
];
const FINE = 100; // steps of an arrow key from the lowest loss to the highest

export default {
  render: ({ model, el }) => mount(el, css, (ui) => new PlateauExplorer(model, ui, STATE)),
};

// ---- the machine at work ----

// What happens at each check: the loss, the goal, whether it is better, the state before and after.
function observe(losses, p) {
  const { goal, improves, transition } = machines[p.mode + p.threshold_mode];
  let state = { lr: p.lr, best: p.mode === "min" ? Infinity : -Infinity, bad_checks: 0, cooldown: 0 };
  return losses.map((loss) => {
    const [metric, before] = [loss ?? NaN, state];
    const better = improves(metric, before.best, p);
    state = transition(before, metric, better, p);
    const isCounted = !better && before.cooldown === 0;
    const isLast = isCounted && before.bad_checks + 1 > p.patience;
    const kind = better ? "better" : !isCounted ? "forgiven" : isLast ? "last" : "bad";
    return { metric, before, kind, goal: goal(before.best, p), ...state };
  });
}

const tell = (x) => (Number.isNaN(x) ? "NaN" : shown(x));
const many = (n, words) => `${n} ${words}${n === 1 ? "" : "s"}`;

// One check in a sentence or two.
function sentence(k, { metric, before, kind, goal, lr, cooldown }, p) {
  const start = `Check ${k}: ${tell(metric)}`;
  const beats = `${p.mode === "min" ? "below" : "above"} ${shown(goal)}`;
  const wish = Number.isFinite(goal) && Number.isFinite(metric) ? `is not ${beats}` : "is no number to compare";
  const rate = `The rate stays ${shown(lr)}.`;
  const isFirst = !Number.isFinite(goal);
  if (kind === "better") return `${start} is ${isFirst ? "the first number" : beats}: the new best. ${rate}`;
  if (kind === "forgiven") return `${start} ${wish}, but it falls in the cool-down and is forgiven. ${rate}`;
  const count = `bad check ${before.bad_checks + 1}, and ${p.patience} are borne`;
  if (kind === "bad") return `${start} ${wish}: ${count}. ${rate}`;
  const then = cooldown ? ` The next ${many(cooldown, "check")} will be forgiven.` : "";
  const falls = lr < before.lr ? `The rate falls from ${shown(before.lr)} to ${shown(lr)}.` : `${rate}`;
  return `${start} ${wish}: ${count}. ${falls}${then}`;
}

function overview(found, p) {
  const count = (kind) => found.filter((one) => one.kind === kind).length;
  const last = found.at(-1);
  return (
    `${found.length} checks: ${many(count("better"), "new best")}, ${many(count("bad") + count("last"), "bad one")}, ` +
    `${count("forgiven")} forgiven; the rate falls ${many(found.filter((f) => f.lr < f.before.lr).length, "time")}, ` +
    `from ${shown(p.lr)} to ${shown(last.lr)}.`
  );
}

// ---- the picture ----

// Losses, bad checks and rates, one below the other, over one axis of checks; the losses can be drawn.
class Picture {
  constructor({ ondraw, onpoint, onkey }) {
    Object.assign(this, { ondraw, onpoint, held: null });
    this.drawing = svg("g", { role: "img" });
    this.line = svg("line", { class: "helper" });
    // A finger that starts on the knob draws; elsewhere an upright move scrolls the page.
    this.grip = svg("circle", { r: 20, style: "fill: transparent; touch-action: none; cursor: grab" });
    this.knob = svg("circle", {
      r: 7, class: "knob", style: "touch-action: none; cursor: grab", tabindex: "0", role: "slider",
      "aria-description": "Left and right choose a check, up and down move its loss, with Shift finely",
      keydown: onkey,
    });
    this.svg = svg("svg", {
      class: "chart",
      pointerdown: (event) => this.take(event), pointermove: (event) => this.move(event),
      pointerup: () => (this.held = null), pointercancel: () => (this.held = null),
      pointerleave: () => this.held || onpoint(null, false),
    }, this.drawing, this.line, this.grip, this.knob);
    this.element = html("div", { class: "picture", style: `height: ${HEIGHT}px` }, this.svg);
    this.measure();
  }

  measure() {
    this.width = this.element.clientWidth || 640;
  }

  // ---- pointing and drawing ----

  place(event) {
    const box = this.svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const k = Math.min(Math.max(Math.round(this.x.inverse(x)), 1), this.view.found.length);
    return { k, y };
  }

  take(event) {
    if (event.button !== 0) return;
    this.held = { ...this.place(event), isDrawing: false };
    this.svg.setPointerCapture(event.pointerId);
    this.knob.focus({ preventScroll: true });
    event.preventDefault(); // no text is selected while a curve is drawn
    this.onpoint(this.held.k, true);
  }

  move(event) {
    const now = this.place(event);
    if (!this.held) return event.pointerType === "mouse" && this.onpoint(now.k, false);
    const { k, y } = this.held;
    const isDrawing = this.held.isDrawing || (y < PANELS.loss[1] + 12 && (k !== now.k || Math.abs(y - now.y) > 4));
    if (!isDrawing) return;
    const changes = new Map();
    for (let i = Math.min(k, now.k); i <= Math.max(k, now.k); i++) {
      const share = now.k === k ? 1 : (i - k) / (now.k - k);
      changes.set(i - 1, this.y.inverse(y + share * (now.y - y)));
    }
    this.held = { ...now, isDrawing };
    this.ondraw(changes, now.k);
  }

  // ---- drawing ----

  // view: { found, p, span, k, summary, label }
  draw(view) {
    this.view = view;
    const { found, p, span } = view;
    const rates = [p.lr, ...found.map((one) => one.lr)];
    const decades = Math.max(1, Math.ceil(Math.log10(p.lr / Math.max(Math.min(...rates), 1e-12)) - 1e-9));
    this.x = scale(0.5, found.length + 0.5, LEFT, this.width - RIGHT);
    this.y = scale(...span, PANELS.loss[1], PANELS.loss[0]);
    this.down = scale(p.lr / 10 ** decades, p.lr, PANELS.rate[1], PANELS.rate[0], true);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
    this.drawing.setAttribute("aria-label", view.summary);
    this.drawing.replaceChildren(
      ...this.spans(found), ...this.losses(found), ...this.counts(found, p), ...this.rates(rates, p, decades),
      ...this.columns(found.length),
    );
    this.drawKnob(view);
  }

  text(x, y, words, style = "", anchor = "start") {
    return svg("text", { class: style, x, y, "text-anchor": anchor }, words);
  }

  across(y, style) {
    return svg("line", { class: style, x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y });
  }

  box(k, top, base, style, wide = 1) {
    const [x, end] = [this.x(k - wide / 2), this.x(k + wide / 2)];
    return svg("rect", { x, y: Math.min(top, base), width: end - x, height: Math.abs(base - top), style });
  }

  // The checks that are forgiven, from top to bottom, and the moments at which the rate falls.
  spans(found) {
    const [top, base] = [PANELS.loss[0] - 4, PANELS.rate[1]];
    const upright = (x) => svg("line", { class: "helper", x1: x, x2: x, y1: top, y2: base });
    return found.flatMap(({ before, kind }, i) => [
      ...(before.cooldown ? [this.box(i + 1, top, base, "fill: var(--third); opacity: 0.13")] : []),
      ...(kind === "last" ? [upright(this.x(i + 1))] : []),
    ]);
  }

  losses(found) {
    const { span, p } = this.view;
    const place = (value) => this.height(value).toFixed(1);
    const points = found.map(({ metric }, i) =>
      Number.isNaN(metric) ? null : `${this.x(i + 1).toFixed(1)} ${place(metric)}`);
    const known = found.flatMap((one, i) => (Number.isFinite(one.before.best) ? [[i + 1, one]] : []));
    const stairs = known.map(([k, { before }]) =>
      `M${this.x(k - 0.5).toFixed(1)} ${place(before.best)}H${this.x(k + 0.5).toFixed(1)}`);
    const bar = ([k, { before, goal }]) =>
      this.box(k, this.height(before.best), this.height(goal), "fill: var(--rival); opacity: 0.25");
    const marks = ticks(...span, 5);
    const name = p.mode === "min" ? "loss at each check" : "metric at each check";
    return [
      ...marks.slice(1).map((value) => this.across(this.y(value), "grid")),
      ...marks.map((value) => this.text(LEFT - 8, this.y(value) + 4, shown(value), "tick", "end")),
      this.across(PANELS.loss[1], "axis"),
      ...known.map(bar),
      svg("path", { class: "curve goal", d: stairs.join(""), style: "stroke: var(--rival); stroke-width: 2" }),
      svg("path", { class: "curve loss", d: pieces(points), style: "stroke: var(--helper); stroke-width: 1" }),
      ...found.map(({ metric, kind }, i) => this.dot(this.x(i + 1), metric, kind)),
      this.text(0, 13, this.width < 480 ? name : `${name}; the best so far, and what must be beaten`, "name"),
    ];
  }

  // The height of a value, at the edge where it lies outside of the axis.
  height(value) {
    const [low, high] = this.view.span;
    return this.y(Math.min(Math.max(value, low), high));
  }

  dot(x, metric, kind) {
    const top = PANELS.loss[0] - 4;
    const cross = `M${x - 4} ${top}l8 8m0 -8l-8 8`;
    if (Number.isNaN(metric))
      return svg("path", { class: "dot nan", d: cross, style: "stroke: var(--rival); stroke-width: 2" });
    const looks = {
      better: "fill: var(--study)",
      bad: "fill: var(--paper); stroke: var(--rival); stroke-width: 1.5",
      last: "fill: var(--rival)",
      forgiven: "fill: var(--paper); stroke: var(--third); stroke-width: 1.5",
    };
    const r = kind === "last" ? 5 : this.width > 480 ? 3.5 : 2.5;
    return svg("circle", { class: `dot ${kind}`, cx: x, cy: this.height(metric), r, style: looks[kind] });
  }

  // How many bad checks there have been in a row; the one too many is the last of its bars.
  counts(found, { patience }) {
    const [top, base] = PANELS.bad;
    const height = scale(0, Math.max(patience + 1, 3), base, top);
    const bars = found.flatMap(({ before, kind, bad_checks: n }, i) => {
      const [count, color] = kind === "last" ? [before.bad_checks + 1, "rival"] : [n, "helper"];
      return count ? [this.box(i + 1, height(count), base, `fill: var(--${color})`, 0.7)] : [];
    });
    return [
      ...bars, this.across(base, "axis"), this.across(height(patience), "helper"),
      this.text(LEFT - 8, height(patience) + 4, String(patience), "tick", "end"),
      this.text(0, top - 13, "bad checks, and how many are borne", "name halo"),
    ];
  }

  rates(rates, { lr, min_lr: least }, decades) {
    const [top, base] = PANELS.rate;
    const down = (rate) => Math.min(this.down(Math.max(rate, 1e-12)), base).toFixed(1);
    const ends = (k) => this.x(k < rates.length ? k : k - 0.5).toFixed(1); // a rate holds until the next check
    const stairs = rates.slice(1).map((rate, i) => `V${down(rate)}H${ends(i + 2)}`);
    const marks = [lr, lr / 10 ** decades];
    return [
      ...marks.map((rate) => this.across(this.down(rate), "grid")),
      ...marks.map((rate) => this.text(LEFT - 8, this.down(rate) + 4, shown(rate), "tick", "end")),
      this.across(base, "axis"),
      ...(least > 0 && this.down(least) <= base ? [this.across(this.down(least), "helper")] : []),
      svg("path", { class: "curve study rate", d: `M${LEFT} ${down(lr)}H${this.x(1).toFixed(1)}${stairs.join("")}` }),
      this.text(0, top - 13, "learning rate (log)", "name halo"),
      this.text(this.width - RIGHT, top - 13, `${shown(rates.at(-1))} at the end`, "halo", "end"),
    ];
  }

  columns(n) {
    const marks = [1, ...ticks(0, n, this.width > 480 ? 8 : 4).filter((k) => k > 1 && Number.isInteger(k))];
    return [
      ...marks.map((k) => this.text(this.x(k), PANELS.rate[1] + 17, String(k), "tick", "middle")),
      this.text(this.width - RIGHT, HEIGHT - 3, "check", "name", "end"),
    ];
  }

  drawKnob({ found, span: [low, high], k, label }) {
    const { metric } = found[k - 1];
    const [x, y] = [this.x(k), Number.isNaN(metric) ? PANELS.loss[0] : this.height(metric)];
    const now = Number.isNaN(metric) ? high : metric;
    const said = { "aria-valuemin": low, "aria-valuemax": high, "aria-valuenow": now, "aria-valuetext": label };
    build(this.line, { x1: x, x2: x, y1: PANELS.loss[0], y2: PANELS.rate[1] }, []);
    build(this.grip, { cx: x, cy: y }, []);
    build(this.knob, { cx: x, cy: y, "aria-label": `value of check ${k}`, ...said }, []);
  }
}

// A path through points, with gaps where there are none.
function pieces(points) {
  let pen = "M";
  return points.map((point) => {
    const piece = point === null ? "" : pen + point;
    pen = point === null ? "M" : "L";
    return piece;
  }).join("");
}

class PlateauExplorer extends View {
  resize() {
    this.plot.measure();
    super.resize();
  }

  // ---- layout ----

  lay(body) {
    this.pointed = null;
    this.plot = new Picture({
      ondraw: (changes, k) => this.drawLosses(changes, k),
      onpoint: (k, isChosen) => this.point(k, isChosen),
      onkey: (event) => this.key(event),
    });
    this.picture = this.plot.element;
    const names = [...catalog.curves.map(([name]) => name), "drawn by hand"];
    const show = (i) => catalog.curves[i] && this.set(structuredClone(catalog.curves[i][1]));
    this.curve = this.choice("Curve", names, show);
    this.mode = this.choice("Better is", ["lower", "higher"], (i) => this.set({ mode: ["min", "max"][i] }));
    const kinds = ["rel", "abs"];
    this.kind = this.choice("Threshold", ["relative", "absolute"], (i) => this.set({ threshold_mode: kinds[i] }));
    this.rows = catalog.rows.map(({ name, fact }, i) =>
      control(catalog.facts[fact], this.within(name, catalog.facts[fact]), `slider-${i}`));
    this.field = html("input", {
      type: "text", class: "number", autocomplete: "off",
      "aria-label": "value of the chosen check", change: () => this.type(),
    });
    this.fieldName = html("span", { class: "muted" });
    this.words = html("p", { class: "muted note" });
    this.place = html("div");
    this.equations = new Map();
    this.helpers = copyable("in this book", (text) => this.speaker.say(text));
    this.torch = copyable("in torch", (text) => this.speaker.say(text));
    this.numbers = html("div", { class: "rates" });
    const summary = html("summary", {}, "The numbers as a table");
    this.details = html("details", { toggle: () => this.showTable() }, summary, this.numbers);
    const hint = html("span", { class: "muted" }, "Draw over the losses; arrow keys move one.");
    const legend = html("span", { class: "muted" }, ...LEGEND.flatMap(([glyph, color, words]) => [
      html("span", { style: `color: var(--${color})` }, glyph), ` ${words} `,
    ]));
    body.append(
      this.prompts(catalog.prompts),
      html("div", { class: "bar" }, this.curve.element, this.mode.element, this.kind.element),
      html("div", { class: "stage" },
        html("div", {}, this.picture, html("div", { class: "pinning" }, legend, hint, this.reset()), this.words),
        html("div", {},
          html("div", { class: "controls" }, ...this.rows.map((row) => row.element),
            html("div", { class: "bar" }, this.fieldName, this.field)),
          this.message)),
      html("div", { class: "formula" }, html("div", { class: "equation" }, this.place)),
      html("div", { class: "codes" }, this.helpers.element, this.torch.element),
      this.details,
    );
  }

  choice(words, names, act) {
    const options = names.map((name, i) => html("option", { value: i }, name));
    const menu = html("select", { change: () => (act(Number(menu.value)), this.update()) }, ...options);
    return { element: html("label", { class: "choice" }, words, menu), set: (i) => (menu.value = i) };
  }

  // A trait's link, which keeps the lowest rate below the first.
  within(name, { plain, words }) {
    const link = this.link(name);
    if (name !== "min_lr") return link;
    const write = (value) => {
      const { lr } = this.state();
      if (value <= lr) link.write(value);
      else this.note(`${plain} ${words} must be at most lr=${shown(lr)}, got ${value}; ${shown(link.read())} stays.`);
    };
    return { ...link, write };
  }

  // ---- what the reader does ----

  // Values no finer than the eye: four digits of the axis.
  tidy(value) {
    const [low, high] = this.state().span;
    return rounded(Math.min(Math.max(value, low), high), Math.abs(value) < (high - low) / 100 ? 2 : 4);
  }

  drawLosses(changes, k) {
    const losses = [...this.state().losses];
    for (const [i, value] of changes) losses[i] = this.tidy(value);
    this.pointed = null;
    this.set({ losses, check: k });
  }

  point(k, isChosen) {
    if (isChosen) this.set({ check: k });
    else if (k !== this.pointed) {
      this.pointed = k;
      this.update();
    }
  }

  key(event) {
    const { losses, check, span: [low, high] } = this.state();
    const aside = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -losses.length, End: losses.length };
    const up = { ArrowUp: 1, ArrowDown: -1 };
    if (!(event.key in aside) && !(event.key in up)) return;
    event.preventDefault();
    this.pointed = null;
    if (event.key in aside) return this.set({ check: Math.min(Math.max(check + aside[event.key], 1), losses.length) });
    const step = ((high - low) / FINE) * (event.shiftKey ? 0.2 : 1);
    this.set({ losses: losses.with(check - 1, this.tidy((losses[check - 1] ?? high) + up[event.key] * step)) });
  }

  type() {
    const { losses, check, span: [low, high] } = this.state();
    const text = this.field.value.trim();
    const wish = text === "" ? Infinity : Number(text);
    if (text.toLowerCase() === "nan") this.set({ losses: losses.with(check - 1, null) });
    else if (wish >= low && wish <= high) this.set({ losses: losses.with(check - 1, wish) });
    else {
      const now = tell(losses[check - 1] ?? NaN);
      this.note(`check ${check} must be in [${low}, ${high}] or NaN, got ${text || "nothing"}; ${now} stays.`);
    }
    this.update();
  }

  // ---- what is shown ----

  update() {
    const state = this.state();
    const found = observe(state.losses, state);
    const k = Math.min(this.pointed ?? state.check, found.length);
    const told = sentence(k, found[k - 1], state);
    this.found = found;
    this.summary = `${told} ${overview(found, state)}`;
    this.words.textContent = this.summary;
    this.plot.draw({ found, p: state, span: state.span, k, summary: overview(found, state), label: told });
    this.showChoices(state, k);
    this.showVariant(state);
    this.showTable();
  }

  showChoices(state, k) {
    const drawn = JSON.stringify(state.losses);
    const i = catalog.curves.findIndex(([, curve]) => JSON.stringify(curve.losses) === drawn);
    this.curve.set(i < 0 ? catalog.curves.length : i);
    this.mode.set(state.mode === "min" ? 0 : 1);
    this.kind.set(state.threshold_mode === "rel" ? 0 : 1);
    this.rows.forEach((row) => row.update());
    this.fieldName.textContent = `value of check ${state.check} (a number or NaN)`;
    this.field.value = tell(state.losses[state.check - 1] ?? NaN);
  }

  showVariant(state) {
    const name = state.mode + state.threshold_mode;
    const { equations, code, torch } = catalog.variants[name];
    const fill = (template) => filled(template, (place) => literal(at(state, place), WHOLE.has(place)));
    this.helpers.set(fill(code));
    this.torch.set(fill(torch));
    if (this.fitted === name) return;
    if (!this.equations.has(name)) this.equations.set(name, mathematics(equations).nodes);
    this.place.replaceChildren(...this.equations.get(name).map((node) => html("span", {}, node)));
    fit(this.place);
    this.fitted = name;
  }

  showTable() {
    if (!this.details.open) return;
    const head = ["check", "value", "to beat", "kind", "best", "bad checks", "to forgive", "rate"];
    const kinds = { better: "new best", bad: "bad", last: "one too many", forgiven: "forgiven" };
    const rows = this.found.map((f, i) => [
      String(i + 1), tell(f.metric), shown(f.goal), kinds[f.kind],
      shown(f.best), String(f.bad_checks), String(f.cooldown), shown(f.lr),
    ]);
    this.numbers.replaceChildren(table(head, rows));
  }
}
