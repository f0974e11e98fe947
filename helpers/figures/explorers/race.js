// The explorer of the race: two schedules at one length. On the left what happened on the way, on the right how
// it ended and how the peak rates were chosen. `formulas` are traced from the schedules, all else is recorded.

import { View, checkbox, control, html, mount, rounded, scale, shown, svg, table, ticks } from "./explorer.js";
import { catalog, css, formulas } from "./constants.js";

const STATE = ["first", "second", "steps", "part", "training"];
// Pixels, as in race.py.
const [HEIGHT, LEFT, RIGHT] = [400, 54, 22];
const [RATE, LOSS] = [{ top: 40, base: 130 }, { top: 196, base: 358 }];
const [ACCURACY, TEST_LOSS, TUNING] = [{ top: 26, base: 78 }, { top: 134, base: 186 }, { top: 250, base: 358 }];
const LOSSES = [0.4, 2.5];
const LEVELS = [0.4, 0.6, 1, 1.5, 2.5];
const [LOOKS, COLORS] = [["study", "pin1"], ["study", "rival"]];

export default {
  render: ({ model, el }) => mount(el, css, (ui) => new RaceExplorer(model, ui, STATE)),
};

// ---- numbers ----

const mean = (xs) => xs.reduce((sum, x) => sum + x, 0) / xs.length;
const spread = (xs) => Math.sqrt(xs.reduce((sum, x) => sum + (x - mean(xs)) ** 2, 0) / (xs.length - 1));
const columns = (rows) => rows[0].map((_, k) => rows.map((row) => row[k] ?? NaN));
const means = (rows) => columns(rows).map(mean);

// How far the first is above the second, seed by seed; `beyond`: further than chance alone would have it.
export function compare(first, second) {
  const apart = first.map((x, i) => x - second[i]);
  const [middle, std] = [mean(apart), spread(apart)];
  const beyond = Math.abs(middle) * Math.sqrt(apart.length) > catalog.student * std;
  return { mean: middle, std, higher: apart.filter((x) => x > 0).length, lower: apart.filter((x) => x < 0).length, beyond };
}

// The mean rate of a contestant at a step: of a formula, or of what plateau did.
function rateOf(name, steps) {
  const { p, rates } = catalog.results[name][steps];
  if (!rates) return (t) => formulas[name](t, p);
  const stairs = means(rates);
  return (t) => stairs[Math.min(Math.floor((t * catalog.looks) / steps), catalog.looks - 1)];
}

const text = (x, y, words, style = "", anchor = "middle", look = null) =>
  svg("text", { class: style, x, y, "text-anchor": anchor, style: look }, words);
// A line through the points that are numbers; none through nothing.
function points(xs, ys) {
  const seen = xs.map((x, i) => [x, ys[i]]).filter(([, y]) => Number.isFinite(y));
  return seen.length ? `M${seen.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(2)}`).join("L")}` : null;
}
const clipped = (loss) => Math.min(Math.max(loss, LOSSES[0]), LOSSES[1]);
const names = Object.keys(catalog.results);

class RaceExplorer extends View {
  knows() {
    const { first, second, steps } = this.state();
    return names.includes(first) && names.includes(second) && catalog.lengths.includes(steps);
  }

  // ---- layout ----

  lay(body) {
    if (!this.knows()) throw new Error("no such contestants");
    const options = (values) => values.map((value) => html("option", { value }, String(value)));
    const menu = (values, trait, read, name) => html("select", { "aria-label": name, change: (event) => this.set({ [trait]: read(event.target.value) }) }, ...options(values));
    this.menus = { first: menu(names, "first", String, "First"), second: menu(names, "second", String, "Second"), steps: menu(catalog.lengths, "steps", Number, "Steps") };
    const choice = (words, trait) => html("label", { class: "choice" }, words, this.menus[trait]);
    this.box = checkbox("training loss", (training) => this.set({ training }));
    const chart = () => svg("svg", { class: "chart", role: "img", style: "cursor: default" });
    [this.courses, this.ends] = [chart(), chart()];
    const frame = (drawing) => html("div", { class: "picture", style: `height: ${HEIGHT}px` }, drawing);
    [this.picture, this.side] = [frame(this.courses), frame(this.ends)];
    this.row = control(catalog.fact, this.within("part"), "slider-0");
    this.words = html("p", { class: "muted note", style: "--more: 3em" });
    this.numbers = html("div", { class: "rates" });
    this.details = html("details", { toggle: () => this.showTable() }, html("summary", {}, "The numbers as a table"), this.numbers);
    body.append(
      this.prompts(catalog.prompts),
      html("div", { class: "bar" }, choice("First", "first"), choice("Second", "second"), choice("Steps", "steps"), this.box.element),
      html("div", { class: "stage" },
        html("div", {}, this.picture, html("div", { class: "controls" }, this.row.element)),
        html("div", {}, this.side, html("div", { class: "pinning" }, this.reset()))),
      this.message, this.words, this.details,
    );
  }

  // A trait's link, which refuses what the page cannot draw.
  within(name) {
    const [link, { high, plain, words }] = [this.link(name), catalog.fact];
    const write = (value) => {
      if (value <= high) link.write(value);
      else this.note(`${plain} ${words} must be at most ${high}, got ${value}; ${link.read()} stays.`);
    };
    return { ...link, write };
  }

  // ---- what is shown ----

  resize() {
    this.breadth = this.side.clientWidth || 640;
    super.resize();
  }

  update() {
    const state = this.state();
    const pair = [state.first, state.second];
    const results = pair.map((name) => catalog.results[name][state.steps]);
    const look = Math.max(1, Math.floor((state.part * catalog.looks) / 100)) - 1; // the last one made
    this.now = { ...state, pair, results, look };
    for (const trait of ["first", "second", "steps"]) this.menus[trait].value = state[trait];
    this.box.set(state.training);
    this.row.update();
    this.say();
    this.drawCourses();
    this.drawEnds();
    this.showTable();
  }

  say() {
    const { pair, results, steps } = this.now;
    const n = catalog.seeds.length;
    const [accuracy, loss] = ["accuracy", "loss"].map((what) => compare(...results.map((result) => result[what])));
    const better = accuracy.mean >= 0 ? 0 : 1;
    const chance = ({ beyond }) => (beyond ? "more than chance would give" : "no more than chance gives");
    const told = pair.map((name, i) => `${name} ${mean(results[i].accuracy).toFixed(2)} %`);
    const wins = better ? accuracy.lower : accuracy.higher;
    const verdict = `${pair[better]} is better by ${Math.abs(accuracy.mean).toFixed(2)} ± ${accuracy.std.toFixed(2)} points in ${wins} of ${n} seeds, ${chance(accuracy)}`;
    const side = loss.mean <= 0 ? [pair[0], loss.lower] : [pair[1], loss.higher];
    const second = `the test loss of ${side[0]} is lower by ${Math.abs(loss.mean).toFixed(4)} ± ${loss.std.toFixed(4)} in ${side[1]} of ${n}, ${chance(loss)}`;
    const same = pair[0] === pair[1];
    this.summary = `After ${steps} steps, test accuracy: ${told.join(", ")}. ` + (same ? "Both are the same runs." : `${verdict}; ${second}.`);
    this.words.textContent = `${this.summary} (± is the standard deviation of the differences, seed by seed.)`;
  }

  // Left: rates and losses on the way, each seed faint, with the numbers at the part that the slider says.
  drawCourses() {
    const { pair, results, steps, part, training, look } = this.now;
    const key = [...pair, steps, training, this.width].join();
    if (key !== this.lines?.key) this.lines = { key, ...this.layLines() }; // the slider moves none of them
    const { x, drawn, rates } = this.lines;
    const step = Math.min(Math.round((part / 100) * steps), steps - 1);
    const told = pair.flatMap((name, i) => {
      const loss = means(results[i][training ? "train" : "val"])[look];
      return [
        ...this.told(i, name, RATE, shown(rounded(rates[i](step), 3))),
        ...this.told(i, name, LOSS, Number.isFinite(loss) ? loss.toFixed(3) : "diverged"),
      ];
    });
    const marker = [RATE, LOSS].map(({ top: y1, base: y2 }) => svg("line", { class: "helper", x1: x(step), x2: x(step), y1, y2 }));
    this.show(this.courses, this.width, [drawn, ...marker, ...told]);
  }

  layLines() {
    const { pair, results, steps, training } = this.now;
    const x = scale(0, steps, LEFT, this.width - RIGHT);
    const top = Math.max(...results.map((result) => result.peak));
    const [rate, loss] = [scale(0, top, RATE.base, RATE.top), scale(...LOSSES, LOSS.base, LOSS.top, true)];
    const at = Array.from({ length: 321 }, (_, i) => (i * (steps - 1)) / 320);
    const rates = pair.map((name) => rateOf(name, steps));
    const [what, title] = training ? ["train", "training loss (nats)"] : ["val", "validation loss (nats)"];
    const looks = results[0][what][0].map((_, k) => x(((k + (training ? 0.5 : 1)) * steps) / catalog.looks));
    const line = (ys, style, extra) => svg("path", { class: `curve ${style}`, style: extra, d: points(looks, ys.map((y) => loss(clipped(y ?? NaN)))) });
    const curves = results.flatMap((result, i) => [
      ...result[what].map((ys) => line(ys, `${LOOKS[i]} seed`, "stroke-width: 1; stroke-dasharray: none; opacity: 0.3")),
      svg("path", { class: `curve ${LOOKS[i]} rate`, d: points(at.map(x), at.map((t) => rate(rates[i](t)))) }),
      line(means(result[what]), `${LOOKS[i]} mean`),
    ]);
    const drawn = svg("g", {},
      ...this.frame(RATE, "learning rate", "", [[0, rate(0)], [top, rate(top)]], RATE.top - 26),
      ...this.frame(LOSS, title, "step", LEVELS.map((level) => [level, loss(level)]), LOSS.top - 26),
      ...[RATE, LOSS].flatMap(({ base }) => ticks(0, steps, this.width > 480 ? 8 : 4).map((t) => text(x(t), base + 17, shown(t), "tick"))),
      ...curves);
    return { x, drawn, rates };
  }

  // What a contestant has at the marker, in its color, above a panel.
  told(i, name, { top }, value) {
    const words = this.width < 520 ? value : `${name}: ${value}`;
    const place = this.width < 520 ? LEFT + 6 + 90 * i : LEFT + 6 + 290 * i;
    return [text(place, top - 8, words, "label halo now", "start", `fill: var(--${COLORS[i]})`)];
  }

  // Right: the test set, a dot a seed with the mean as a bar, and the losses of the peak rates that were tried.
  drawEnds() {
    const width = this.breadth;
    const drawn = [...this.now.pair, this.now.steps, width].join();
    if (drawn === this.drawn) return; // the slider moves nothing here
    this.drawn = drawn;
    this.show(this.ends, width, [
      ...this.dots(ACCURACY, "accuracy", "test accuracy (%)", width),
      ...this.dots(TEST_LOSS, "loss", "test loss (nats)", width),
      ...this.tuning(width),
    ]);
  }

  dots(panel, what, title, width) {
    const { results, steps } = this.now;
    const every = names.flatMap((name) => catalog.results[name][steps][what]).filter(Number.isFinite);
    const [low, high] = [Math.min(...every), Math.max(...every)];
    const margin = 0.03 * (high - low);
    const x = scale(low - margin, high + margin, LEFT, width - RIGHT);
    const rows = results.flatMap((result, i) => {
      const [y, color] = [panel.top + [16, 40][i], `var(--${COLORS[i]})`];
      const [middle, seen] = [x(mean(result[what])), result[what].filter(Number.isFinite)];
      return [
        ...seen.map((value) => svg("circle", { class: `dot ${what}`, cx: x(value), cy: y, r: 4, style: `fill: ${color}; opacity: 0.55` })),
        svg("line", { class: "middle", x1: middle, x2: middle, y1: y - 9, y2: y + 9, style: `stroke: ${color}; stroke-width: 3` }),
      ];
    });
    const marks = ticks(low, high, width > 480 ? 6 : 4);
    return [
      ...this.frame(panel, title, "", [], panel.top - 13, width),
      ...marks.map((value) => text(x(value), panel.base + 17, shown(value), "tick")), ...rows,
    ];
  }

  tuning(width) {
    const { results } = this.now;
    const x = scale(catalog.peaks[0], catalog.peaks.at(-1), LEFT + 6, width - RIGHT - 6, true);
    const y = scale(...LOSSES, TUNING.base, TUNING.top, true);
    const height = (loss) => y(clipped(loss ?? NaN));
    const nodes = results.flatMap((result, i) => [
      ...result.tried.flatMap((losses, k) => losses.filter(Number.isFinite).map((loss) =>
        svg("circle", { class: "tried", cx: x(catalog.peaks[k]), cy: height(loss), r: 2.5, style: `fill: var(--${COLORS[i]}); opacity: 0.5` }))),
      svg("path", { class: `curve ${LOOKS[i]} tuning`, d: points(catalog.peaks.map(x), means(columns(result.tried)).map(height)) }),
      svg("circle", { class: "chosen", cx: x(result.peak), cy: height(mean(result.tried[catalog.peaks.indexOf(result.peak)])), r: 6,
        style: `fill: none; stroke: var(--${COLORS[i]}); stroke-width: 2` }),
    ]);
    const marks = catalog.peaks.filter((_, k) => width > 480 || k % 2 === 0);
    return [
      ...this.frame(TUNING, "validation loss in the tuning", "peak rate, circle: chosen", LEVELS.map((level) => [level, y(level)]), TUNING.top - 13, width),
      ...marks.map((peak) => text(x(peak), TUNING.base + 17, shown(peak), "tick")), ...nodes,
    ];
  }

  frame({ base }, title, along, marks, above, width = this.width) {
    const line = (y, style) => svg("line", { class: style, x1: LEFT, x2: width - RIGHT, y1: y, y2: y });
    return [
      ...marks.flatMap(([value, y]) => [line(y, "grid"), text(LEFT - 8, y + 4, shown(value), "tick", "end")]),
      line(base, "axis"), text(0, above, title, "name", "start"), text(width - RIGHT, base + 34, along, "name", "end"),
    ];
  }

  show(chart, width, nodes) {
    chart.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    chart.setAttribute("aria-label", this.summary);
    chart.replaceChildren(...nodes);
  }

  showTable() {
    if (!this.details.open) return;
    const { pair, results, steps } = this.now;
    const rows = catalog.seeds.map((seed, k) => [String(seed), ...results.map(({ accuracy }) => accuracy[k].toFixed(2)), (results[0].accuracy[k] - results[1].accuracy[k]).toFixed(2), ...results.map(({ loss }) => shown(loss[k]))]);
    const head = ["seed", ...pair.map((name) => `${name}, %`), "difference", ...pair.map((name) => `${name}, loss`)];
    const tried = catalog.peaks.map((peak, k) => [shown(peak), ...results.map((result) => shown(rounded(mean(result.tried[k].map((loss) => loss ?? NaN)), 4)))]);
    this.numbers.replaceChildren(
      html("p", { class: "muted" }, `Test set after ${steps} steps`), table(head, rows),
      html("p", { class: "muted" }, "Validation loss by peak rate"), table(["peak rate", ...pair], tried));
  }
}
