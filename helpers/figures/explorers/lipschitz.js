// Lipschitz rates: four rates against the scale of the feature, and what gradient descent does with three of
// them. `formulas` and the equations are what Python traces from the rates and the loss themselves.

import { explorer, memo, rounded, shown } from "./kit.js";
import { clamped, dot, line, panel, path, scale, text } from "./marks.js";

const SCALES = [0.01, 100];
const RATES = [
  { name: "published", words: "published 1/L", color: "rival", dashes: "8 4" },
  { name: "bounded", words: "1/L, true bound", color: "third", dashes: "2 3.5" },
  { name: "smooth", words: "1/smoothness", color: "study", dashes: "none" },
  { name: "limit", words: "stability limit", color: "ink", dashes: "none" },
];
const TRIED = RATES.slice(0, 3);
const brief = (x) => shown(x, 3);
const rest = (above) => (above < 1e-8 ? "nothing" : brief(above));
const pen = (color) => `--pen: var(--${color})`;

// The four rates, by name.
export function ratesOf(p) {
  const [norm, curvature] = catalog.batches[p.batch_size];
  return Object.fromEntries(RATES.map(({ name }) => [name, formulas[name](name === "limit" ? curvature : norm, p)]));
}

// By how much the loss is above its minimum, at the start and after each step. Only the weight times the scale
// counts, which moves by the rate times the square of the scale.
export function course({ batch_size, scale: s }, rate) {
  const [, , lowest] = catalog.batches[batch_size];
  const [features, above] = [catalog.features.slice(0, batch_size), []];
  for (let weight = 0; above.length <= catalog.steps; ) {
    let [loss, slope] = [0, 0];
    for (const x of features) {
      loss += formulas.loss(weight * x);
      slope += formulas.slope(weight * x) * x;
    }
    above.push(loss / batch_size - lowest);
    weight -= (rate * s * s * slope) / batch_size;
  }
  return above;
}

function view(p, ui) {
  const [rates, ...ends] = [p.scale, ...SCALES].map((s) => ratesOf({ ...p, scale: s }));
  const courses = TRIED.map(({ name }) => { // the smoothness rate has the same one at every scale
    const pace = rounded(rates[name] * p.scale ** 2, 12);
    return memo(ui, name, [p.batch_size, pace], () => course(p, rates[name]));
  });
  const across = [54, ui.width - 22];
  const upper = { x: scale(SCALES, across, true), y: scale([1e-4, 1e6], [206, 26], true), rows: 6 };
  const lower = { x: scale([0, catalog.steps], across), y: clamped(scale([1e-8, 1e4], [432, 276], true)), rows: 6 };
  const curve = ({ name, color, dashes }, axes, points) => path(points.map(([a, b]) => [axes.x(a), axes.y(b)]), name,
    { style: `${pen(color)}; stroke-dasharray: ${dashes}` });
  const [x, y] = [upper.x(p.scale), upper.y];
  const here = line(x, y.from, x, y.to, "helper");
  const lines = RATES.map((rate) => curve(rate, upper, SCALES.map((s, i) => [s, ends[i][rate.name]])));
  const falls = TRIED.map((rate, i) => curve(rate, lower, [...courses[i].entries()]));
  const now = RATES.map(({ name, words, color }, i) => [
    dot(x, y(rates[name]), color),
    text(upper.x.to, y.to + 14 + 16 * i, `${words}: ${brief(rates[name])}`, "label halo", "end", { style: pen(color) }),
  ]);
  const rows = RATES.map(({ name, words }, i) =>
    [words, brief(rates[name]), brief(rates[name] / rates.limit), i in courses ? rest(courses[i].at(-1)) : ""]);
  const results = rows.slice(0, TRIED.length).map(([name, rate, part, left]) =>
    `${name} ${rate}, ${part} of the limit, leaves ${left}`);
  const words = `Scale ${brief(p.scale)}, ${p.batch_size} examples: the stability limit is ${brief(rates.limit)}. ` +
    `After ${catalog.steps} steps ${results.join("; ")}.`;
  const marks = [
    panel({ ...upper, yName: "learning rate", xName: "scale of the feature" }, [here, lines], now),
    panel({ ...lower, yName: "loss above its minimum (nats)", xName: "step" }, falls),
  ];
  return {
    picture: { height: 470, marks },
    summary: words, words,
    equation: { lines: catalog.equations },
    numbers: () => [[["rate", "value", "part of the limit", `left after ${catalog.steps} steps`], ...rows]],
  };
}

export default explorer({ view });
