// The values of a channel before and after batch normalization, and the statistics that the layer keeps.
// `formulas` and the equations are what Python traces from the layer itself.

import { at, check, explorer, filled, h, literal, menu, rounded, shown } from "./kit.js";
import { clamped, dot, line, panel, path, scale, text } from "./marks.js";

const [LEFT, RIGHT] = [54, 22]; // px
const EDGE = 12; // values beyond are drawn at the edge
const PENS = { batch: "study", running: "rival", output: "study", wanted: "ink" };

function moments(values) {
  const average = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const mean = average(values);
  return { mean, variance: average(values.map((x) => (x - mean) ** 2)) };
}

const spread = ({ variance }) => Math.sqrt(variance);
const brief = (x) => shown(Math.abs(x) < 5e-7 ? 0 : x, 3);
const inWords = (statistics) => `mean ${brief(statistics.mean)}, spread ${brief(spread(statistics))}`;
const dashes = (i) => `stroke-dasharray: ${i ? "5 2" : "none"}`;

// The running statistics before the first batch and after each.
function record(batches, state) {
  const course = [{ mean: 0, variance: 1 }];
  for (const batch of batches) {
    const old = course.at(-1);
    const variance = formulas[state.library](old.variance, batch.variance, state);
    course.push({ mean: formulas.mean(old.mean, batch.mean, state), variance });
  }
  return course;
}

// Values as dots that move along their axis and nowhere else; below them means, with one spread to either side.
function band(name, values, color, top, right, statistics, used) {
  const x = clamped(scale([-EDGE, EDGE], [LEFT, right]));
  const beyond = values.filter((value) => Math.abs(value) > EDGE).length;
  const dots = values.map((value, i) => dot(x(value), top + 46 + 7 * (i % 6), color, { r: 3 }));
  const bars = Object.entries(statistics).map(([key, of], i) => {
    const [y, from, to] = [top + 96 + 12 * i, x(of.mean - spread(of)), x(of.mean + spread(of))];
    const words = `${key}: ${inWords(of)}${of === used ? ", used" : ""}`;
    return [line(from, y, to, y, null, { style: `stroke: var(--${PENS[key]}); stroke-width: 2.5; ${dashes(i)}` }),
      dot(x(of.mean), y, PENS[key], { r: 4.5 }),
      text(right, top + 13 + 17 * i, words, "", "end", { style: `fill: var(--${PENS[key]})` })];
  });
  const y = scale([0, 1], [top + 116, top + 26]);
  return panel({ x, y, yName: name, rows: [], columns: [-10, -5, 0, 5, 10] }, [], [
    h("g", {}, dots), bars, text(0, top + 30, beyond ? `${beyond} at the edge` : "", "tick"),
  ]);
}

function history(course, batches, right) {
  const [x, y] = [scale([0, course.length - 1], [LEFT, right]), clamped(scale([-6, 6], [410, 326]))];
  const curves = [({ mean }) => mean, spread].map((of) => course.map((now) => y(of(now))));
  const half = course.length >> 1;
  const upper = curves[0][half] <= curves[1][half] ? 0 : 1;
  const lines = curves.map((ys, i) => path(ys.map((row, n) => [x(n), row]), "pin1", { style: dashes(i) }));
  return panel({ x, y, yName: "running statistics", xName: "batches seen", rows: [-5, 0, 5], columns: 3 }, lines, [
    line(x(batches), 322, x(batches), 410, "helper"),
    curves.map((ys, i) => [dot(x(batches), ys[batches], "rival", { r: 4.5 }),
      text(x(half), ys[half] + (i === upper || ys[half] > 390 ? -7 : 17), ["mean", "spread"][i], "label halo pin1", "middle")]),
  ]);
}

function view(state, ui) {
  const { train, batches, library, weight, bias } = state;
  const take = (values) => values.slice(0, state.batch_size).map((value) => formulas.input(value, state));
  const inputs = catalog.values.map(take);
  const course = record(inputs.slice(0, -1).map(moments), state);
  const [x, batch, running] = [inputs[batches], moments(inputs[batches]), course[batches]];
  const used = train ? batch : running;
  const y = x.map((value) => formulas.output(value, used.mean, used.variance, state));
  const output = moments(y);
  const right = ui.width - RIGHT;
  const wanted = { mean: bias, variance: weight ** 2 };
  const choose = (name) => ui.set({ library: name, ...catalog.defaults[name] }, `${name}'s defaults are set.`);
  const mode = train ? "training, by the batch's statistics" : "evaluation, by the running statistics";
  const values = { ...state, kept: rounded(1 - state.momentum, 12) };
  const cells = Object.entries({ batch, running, output }).map(([key, of]) => [key, brief(of.mean), brief(of.variance)]);
  return {
    bar: [menu("Library", Object.keys(catalog.defaults), library, choose),
      check("evaluation: use the running statistics", !train, (on) => ui.set({ train: !on }))],
    picture: { height: 452, marks: [band("input x", x, "helper", 0, right, { batch, running }, used),
      band("output y", y, "study", 158, right, { output, wanted }), history(course, batches, right)] },
    summary: `output: ${inWords(output)} (${mode}); running: ${inWords(running)} after ${batches} batches`,
    // In the equations S stands for the statistics in use.
    equation: { key: `${train} ${library}`, lines: catalog.equations[library],
      places: { S: "" }, read: () => (train ? "B" : "r") },
    codes: [["as code", filled(catalog.code[library], (place) => literal(at(values, place)))]],
    numbers: () => [[["statistics", "mean", "variance"], ...cells],
      [["value", "input x", "output y"], ...x.map((value, i) => [i + 1, brief(value), brief(y[i])])]],
  };
}

export default explorer({ view });
