// What pictures are made of: axes, marks, panels, and labels that find their seat beside a curve.

import { h, powerOfTen, rounded, shown } from "./kit.js";

// ---- axes ----

// An axis: the place of a value in px. It knows its ends, and the value of a place.
export function scale([low, high], [from, to], log = false) {
  const [f, inverse] = log ? [Math.log10, (x) => 10 ** x] : [Number, Number];
  const start = f(low);
  const ratio = (to - from) / (f(high) - start);
  return Object.assign((x) => from + (f(x) - start) * ratio,
    { inverse: (y) => inverse(start + (y - from) / ratio), low, high, from, to, log });
}

// A scale that puts what lies beyond its ends at the edge.
export const clamped = (axis) =>
  Object.assign((x) => axis(Math.min(Math.max(x, axis.low), axis.high)), { ...axis });

const ROUND = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

// The smallest round number that is not below x: an axis that keeps still while a curve moves.
export function ceiling(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  return rounded(power * ROUND.find((r) => r * power >= x * (1 - 1e-9)), 3);
}

// Round values of an axis, about so many; powers of ten where it is logarithmic.
export function ticks({ low, high, log }, count) {
  if (log) return ticks({ low: Math.log10(low), high: Math.log10(high) }, count).filter(Number.isInteger).map((k) => 10 ** k);
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((r) => r * power >= rough * (1 - 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => rounded((first + i) * step, 12) + 0);
}

// The names of ticks: powers of ten if all of them are.
function tickNames({ log }, values) {
  const powers = values.map(Math.log10);
  return log && powers.every(Number.isInteger) ? powers.map(powerOfTen) : values.map((value) => shown(value));
}

// ---- marks ----

export const text = (x, y, words, style = "", anchor = "start", more = {}) =>
  h("text", { class: style || null, x: rounded(x, 6), y: rounded(y, 6), "text-anchor": anchor, ...more }, words);
export const line = (x1, y1, x2, y2, style, more = {}) =>
  h("line", { class: style, x1: rounded(x1, 6), y1: rounded(y1, 6), x2: rounded(x2, 6), y2: rounded(y2, 6), ...more });
export const dot = (cx, cy, color, more = {}) =>
  h("circle", { cx: rounded(cx, 6), cy: rounded(cy, 6), r: 4, style: `fill: var(--${color})`, ...more });

// From a corner; a negative height goes the other way.
export const bar = (x, y, width, height, color, more = {}) =>
  h("rect", { x, y: Math.min(y, y + height), width, height: Math.abs(height), style: `fill: var(--${color})`, ...more });

// The `d` of a line through points in px, with a gap where one is not finite.
export function through(points) {
  let pen = "M";
  let d = "";
  for (const [x, y] of points) {
    if (Number.isFinite(y)) d += `${pen}${Math.round(x * 100) / 100} ${Math.round(Math.min(Math.max(y, -1e4), 1e4) * 100) / 100}`;
    pen = Number.isFinite(y) ? "L" : "M";
  }
  return d;
}
export const path = (points, style, more = {}) => h("path", { class: `curve ${style}`, d: through(points), ...more });

// The frame of a panel: thin lines, named axes. What is drawn in it is cut at its edges. Ticks may be given, as
// values; `notes` are drawn over it.
export function panel({ x, y, xName = "", yName = "", rows = 4, columns = 6, above = 13 }, marks, notes = []) {
  const [left, right, base, top] = [x.from, x.to, y.from, y.to];
  const [ys, xs] = [Array.isArray(rows) ? rows : ticks(y, rows), Array.isArray(columns) ? columns : ticks(x, columns)];
  const [yNames, xNames] = [tickNames(y, ys), tickNames(x, xs)];
  const [width, height] = [right - left, base - top + 6];
  return [
    ys.map((value, i) => [line(left, y(value), right, y(value), "grid"), text(left - 8, y(value) + 4, yNames[i], "tick", "end")]),
    line(left, base, right, base, "axis"),
    xs.map((value, i) => text(x(value), base + 17, xNames[i], "tick", "middle")),
    text(0, top - above, yName, "name halo"), text(right, base + 34, xName, "name", "end"),
    h("svg", { role: "presentation", x: left, y: top - 3, width, height, viewBox: `${left} ${top - 3} ${width} ${height}` }, marks),
    notes,
  ];
}

// ---- labels ----

const LINE = 17; // px, height of a line of text

// Each label near its own curve, where it covers nothing; a small change does not move it. A curve is
// `{ key, ys, label: [line, ...], style }`, its `ys` in px at equal distances over `x`; `taken` are boxes
// `{ from, to, top, bottom }` that something else covers.
export function labels(curves, x, y, taken, ui) {
  const seated = (ui.memory.seats ??= new Map());
  const full = [...taken];
  return curves.filter(({ label }) => label).map((curve) => {
    const lines = ui.width < 520 ? (curves.length > 2 && !curve.fill ? curve.label.slice(0, 1) : curve.label) : [curve.label.join(", ")];
    const places = seats(curves, Math.max(...lines.map(ui.wide)), lines.length * LINE, x, y);
    const old = seated.get(curve.key);
    let [best, least] = [places[0], Infinity];
    for (const seat of places) {
      const against = cost(seat, curves.indexOf(curve), full) - (seat.id === old ? 14 : 0);
      if (against < least) [best, least] = [seat, against];
    }
    seated.set(curve.key, best.id);
    full.push(best);
    return h("text", { class: `label halo ${curve.style}` },
      lines.map((words, i) => h("tspan", { x: rounded(best.from, 6), y: best.top + (i + 1) * LINE - 4 }, words)));
  });
}

// All places for a box of this size; those of one column know how the curves pass there.
function seats(curves, wide, tall, x, y) {
  const [first, room] = [x.from + 6, x.to - x.from - 8 - wide];
  const rows = Array.from({ length: Math.floor((y.from - y.to - tall) / 9) + 1 }, (_, i) => y.to + 9 * i);
  const columns = Array.from({ length: 17 }, (_, i) => first + (room * i) / 16);
  return columns.flatMap((from, i) => {
    const to = from + wide;
    const passages = curves.map(({ ys }) => passage(ys, from, to, x));
    return rows.map((top) => ({ id: `${i} ${top}`, from, to, top, bottom: top + tall, passages }));
  });
}

// What speaks against a seat: being far from its curve, covering something, being nearer to another curve.
function cost(seat, own, full) {
  const gaps = seat.passages.map((curve) => gap(curve, seat));
  const near = gaps[own];
  let sum = near === 0 ? 300 : Math.abs(near - 6) * 2;
  for (const other of full)
    if (seat.from < other.to && other.from < seat.to && seat.top < other.bottom && other.top < seat.bottom) sum += 2000;
  gaps.forEach((distance, i) => (sum += i === own ? 0 : distance === 0 ? 400 : distance < near ? 40 : 0));
  return sum;
}

// How far a curve passes above or below a box, 0 when it passes through; its nearest point counts most.
const gap = ({ top, bottom, under, over }, box) =>
  top > box.bottom ? top - box.bottom + under : box.top > bottom ? box.top - bottom + over : 0;

// The top and the bottom of a curve between two places, and a part of how far it is from them on average.
function passage(ys, from, to, x) {
  const last = ys.length - 1;
  const ratio = last / (x.to - x.from);
  const end = Math.min(last, Math.ceil((to - x.from) * ratio));
  const start = Math.max(0, Math.floor((from - x.from) * ratio));
  const stride = Math.max(1, Math.ceil((end - start) / 16));
  let [top, bottom, highs, lows, count] = [Infinity, -Infinity, 0, 0, 0];
  for (let i = start; i < end; i += stride, count++) {
    const [one, two] = [ys[i], ys[Math.min(i + stride, last)]];
    const [high, low] = one < two ? [one, two] : [two, one];
    [top, bottom, highs, lows] = [Math.min(top, high), Math.max(bottom, low), highs + high, lows + low];
  }
  return { top, bottom, under: 0.3 * (highs / count - top), over: 0.3 * (bottom - lows / count) };
}
