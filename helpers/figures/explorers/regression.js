// Readings that can be dragged, three losses, and the estimate that each prefers. `formulas.losses` are the values
// and slopes that Python generates from the losses themselves.

import { at, explorer, field, filled, h, knob, literal, rounded, shown, strides } from "./kit.js";
import { dot, line, panel, path, scale, text } from "./marks.js";

const [LEFT, RIGHT, BASE, FLOOR] = [54, 22, 230, 358]; // px; the lanes of the readings are between base and floor
const LANE = 24; // px: wide enough for a finger
const LEGEND = 222; // px, its width
const STEP = 0.001; // m, the finest move of a reading
const LOOKS = ["study", "pin1", "pin2"];
const HINT = "Arrow keys move by 1 cm, with Shift by 1 mm, page keys by 5 cm";

const meters = (y) => y.toFixed(3);
const reading = (i) => `x${"₁₂₃₄₅"[i]}`;
const lane = (i) => FLOOR + (i - 4.5) * LANE;
const mean = (formula, y, state) =>
  state.readings.reduce((sum, x) => sum + formula(y - x, state), 0) / state.readings.length;

// The estimate whose mean loss is least: where the slope changes sign; the middle, where many are least.
function minimizer(slope, state) {
  const ends = [(d) => d >= 0, (d) => d > 0].map((isAbove) => {
    let [low, high] = [Math.min(...state.readings), Math.max(...state.readings)];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      [low, high] = isAbove(mean(slope, middle, state)) ? [low, middle] : [middle, high];
    }
    return high;
  });
  return (ends[0] + ends[1]) / 2;
}

// The mean loss of each estimate as a share of its highest, with a corner at each reading; the least, and its place.
function curve({ value, estimate, least }, look, x, y, state) {
  const even = Array.from({ length: 241 }, (_, j) => catalog.low + ((catalog.high - catalog.low) * j) / 240);
  const places = [...even, ...state.readings].sort((a, b) => a - b);
  const losses = places.map((place) => mean(value, place, state));
  const highest = Math.max(...losses);
  const [column, row] = [x(estimate), y(least / highest)];
  return [path(losses.map((loss, j) => [x(places[j]), y(loss / highest)]), look), dot(column, row, "pen", { class: look }),
    path([[column, row], [column, FLOOR]], look, { style: "stroke-width: 1.5" })];
}

// Names and estimates beside pieces of the lines: where there is room, between the arms of the curves, left of the
// target if possible; else above them.
function legend(losses, x, isWide) {
  const middle = losses.reduce((sum, { estimate }) => sum + x(estimate), 0) / losses.length;
  const wish = Math.min(middle - LEGEND / 2, x(catalog.target) - LEGEND, x.to - LEGEND);
  const left = Math.max(LEFT + 6, isWide ? wish : 0);
  return losses.map(({ words, estimate }, i) => {
    const [y, note] = [(isWide ? 48 : 32) + 19 * i, [", mean", ", median", ""][i]];
    return [path([[left, y - 4], [left + 26, y - 4]], LOOKS[i]),
      text(left + 33, y, `${words}: ${meters(estimate)}${note}`, `label halo ${LOOKS[i]}`)];
  });
}

// What moves a reading: a knob in its lane, the pointer along the lane, an exact number.
function handles(readings, x, ui) {
  const [{ fact }, { low, high }] = [catalog.rows[0], catalog];
  const links = readings.map((_, i) => ui.link({ path: ["readings", i], fact }));
  const move = (i, wish) => links[i].write(rounded(Math.min(Math.max(Math.round(wish / STEP) * STEP, low), high), 6));
  const steps = { low, high, fine: STEP, step: 10 * STEP, leap: 50 * STEP };
  const knobs = readings.map((value, i) => knob(x(value), lane(i), { label: `reading ${reading(i)}`, low, high, value,
    said: `${shown(value)} m`, moves: strides(value, steps, (wish) => move(i, wish)), hint: HINT, style: "stroke: var(--ink)" }));
  const point = ({ x: column, y: row, phase }) => {
    if (phase === "down") ui.memory.held = Math.round((row - lane(0)) / LANE);
    const { held } = ui.memory;
    if (held in readings && ["down", "drag"].includes(phase)) move(held, x.inverse(column));
    return held;
  };
  const fields = readings.map((value, i) => field(reading(i), catalog.facts[fact], value, links[i],
    { "aria-label": `reading ${reading(i)} in meters, exact value`, style: "width: 2.9rem" }));
  return { knob: knobs, point, fields };
}

function view(state, ui) {
  const { readings } = state;
  const { low, high, target } = catalog;
  const isWide = ui.width > 520;
  const x = scale([low, high], [LEFT, ui.width - RIGHT]);
  const y = scale([0, 1], [BASE, isWide ? 28 : 85]);
  const losses = Object.entries(formulas.losses).map(([words, { value, slope }]) => {
    const estimate = minimizer(slope, state);
    return { words, value, slope, estimate, least: mean(value, estimate, state) };
  });
  const lanes = readings.map((value, i) => {
    const [offset, anchor] = value > high - 0.03 ? [-12, "end"] : [12, "start"];
    return [line(LEFT, lane(i), x.to, lane(i), "grid"), text(LEFT - 8, lane(i) + 4, reading(i), "tick", "end"),
      text(x(value) + offset, lane(i) + 4, shown(value), "halo", anchor)];
  });
  const yName = isWide ? "mean loss, as a share of its highest here" : "share of its highest";
  const below = scale([0, 1], [FLOOR, BASE]);
  const marks = [
    panel({ x, y, yName, above: y.to - 13, rows: [0.5, 1, 0], columns: [] }, []),
    panel({ x, y: below, xName: "estimate y, readings (m)", rows: [], columns: isWide ? 6 : 3 }, []),
    line(x(target), y.to, x(target), FLOOR, "axis", { style: "stroke: var(--ink)" }),
    text(x(target), 13, `target ${shown(target)} m`, "", "middle"),
    losses.map((loss, i) => curve(loss, LOOKS[i], x, y, state)), lanes, legend(losses, x, isWide),
  ];
  const { fields, ...hands } = handles(readings, x, ui);
  // How hard each reading pulls at an estimate: towards larger y is positive.
  const row = ({ words, slope, estimate, least }) => [
    words, meters(estimate), meters(Math.abs(estimate - target)), shown(least),
    ...readings.map((value) => shown(-slope(rounded(estimate - value, 9), state) / readings.length)),
  ];
  const pulls = readings.map((_, i) => `pull of ${reading(i)}`);
  return {
    picture: { height: 400, marks, ...hands },
    summary: `least loss at: ${losses.map(({ words, estimate }) => `${words} ${meters(estimate)} m`).join(", ")}`,
    below: h("span", { class: "muted" }, "Drag a reading, or use arrow keys."),
    rows: [catalog.rows.at(-1)],
    extras: h("div", { class: "bar" },
      h("span", { class: "choice", style: "flex-wrap: wrap" }, h("span", {}, "readings (m)"), fields)),
    equation: { ...catalog.equation, read: (place) => shown(at(state, place)) },
    codes: catalog.codes.map(([words, code]) => [words, filled(code, (place) => literal(at(state, place)))]),
    numbers: () => [[["loss", "estimate (m)", "off the target (m)", "mean loss", ...pulls], ...losses.map(row)]],
  };
}

export default explorer({ view });
