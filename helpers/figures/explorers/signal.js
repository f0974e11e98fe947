// How large signal and gradient are at each layer. Bold, what the formulas of a layer say of a network of endless
// width; thin, six networks of the chosen width, computed here unit by unit. `formulas` are the activations and
// their derivatives, as Python traces them from the code.

import { explorer, literal, menu, rounded, shown } from "./kit.js";
import { line, panel, path, scale, text, ticks } from "./marks.js";

const SEEDS = [1, 2, 3, 4, 5, 6];
const DECADES = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200]; // how far an axis may reach up or down
const LEAST = 1e-200; // what is drawn of a network that has died
const PANELS = [
  { top: 26, base: 182, color: "study", names: ["signal y: standard deviation", "standard deviation of y"] },
  { top: 224, base: 380, color: "third", names: ["gradient ∂loss/∂y: standard deviation", "… of ∂loss/∂y"] },
];
const THIN = "stroke: var(--helper); stroke-width: 1; opacity: 0.6";
const FLOAT32 = [[2 ** 128, "float32: infinite"], [2 ** -150, "float32: zero"]];
const HEAD = ["signal", "gradient"].flatMap((what) => [`${what}, endless width`, `${what}, six networks`]);
const brief = (x) => shown(x, 3);
const range = (values) => `${brief(Math.min(...values))} to ${brief(Math.max(...values))}`;

// ---- a network of endless width ----

function meanSquare(f, q) {
  const deviation = Math.sqrt(q);
  const squares = (z) => f(deviation * z) ** 2 + f(-deviation * z) ** 2;
  return catalog.nodes.reduce((sum, [z, weight]) => sum + weight * squares(z), 0);
}

// The standard deviations of the signal at each layer, and of the gradient in units of the last.
function propagate([f, derivative], { gain, depth }) {
  const [forward, backward] = [[gain ** 2], [1]];
  while (forward.length < depth) forward.push(gain ** 2 * meanSquare(f, forward.at(-1)));
  for (const q of forward.slice(0, -1).reverse())
    backward.unshift(gain ** 2 * meanSquare(derivative, q) * backward[0]);
  return [forward.map(Math.sqrt), backward.map(Math.sqrt)];
}

// ---- networks of some width ----

const drawn = new Map(); // a seed to its numbers, drawn when they are needed

// Standard normal numbers, at least so many, always the same ones for a seed.
function normals(seed, count) {
  const own = drawn.get(seed) ?? { values: [], state: seed * 7919 };
  drawn.set(seed, own);
  const uniform = () => {
    own.state = (own.state + 0x6d2b79f5) | 0;
    let t = Math.imul(own.state ^ (own.state >>> 15), 1 | own.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  while (own.values.length < count) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    own.values.push(radius * Math.cos(angle), radius * Math.sin(angle));
  }
  return own.values;
}

const size = (vector) => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0) / vector.length);
const scaled = (vector, factor) => vector.map((x) => factor * x);

// A matrix times a vector: `across` numbers lie between two rows, `along` between two of one row.
const times = (matrix, vector, across, along) => vector.map((_, i) => {
  let sum = 0;
  for (let j = 0, place = i * across; j < vector.length; j++, place += along) sum += matrix[place] * vector[j];
  return sum;
});

// The root mean square of one network's signal at each layer, and of its gradient, which starts with 1.
function run(seed, [f, derivative], { gain, depth, width: n }) {
  const [factor, numbers] = [gain / Math.sqrt(n), Float64Array.from(normals(1000 * seed, 2 * n))];
  const matrix = (l) => normals(1000 * seed + l, n * n);
  const unit = (vector) => scaled(vector, 1 / size(vector));
  const [input, signals, gradients] = [unit(numbers.slice(0, n)), [], [unit(numbers.slice(n, 2 * n))]];
  for (let l = 1; l <= depth; l++)
    signals.push(scaled(times(matrix(l), l > 1 ? signals.at(-1).map(f) : input, n, 1), factor));
  for (let l = depth; l > 1; l--)
    gradients.unshift(times(matrix(l), gradients[0], 1, n).map((dx, i) => factor * dx * derivative(signals[l - 2][i])));
  return [signals.map(size), gradients.map(size)];
}

// ---- what is shown ----

// The ends of both axes: powers of ten that hold all curves.
function ends(curves) {
  const living = [1, ...curves.flat().filter((value) => value > LEAST)].map(Math.log10);
  const reach = (most) => DECADES.find((k) => most <= k);
  return [10 ** -reach(-Math.min(...living)), 10 ** reach(Math.max(...living))];
}

// Where float32 ends; the words stand where the bold line begins, far from there.
function limits(x, y, isBackward) {
  const [start, anchor] = isBackward ? [x.to - 6, "end"] : [x.from + 6, "start"];
  return FLOAT32.filter(([limit]) => y.low < limit && limit < y.high).map(([limit, words]) => [
    line(x.from, y(limit), x.to, y(limit), "helper"), text(start, y(limit) + 14, words, "tick halo", anchor),
  ]);
}

function panels({ theory, networks, results }, depth, width) {
  const x = scale([1, depth], [54, width - 22]);
  const axis = ends([theory, ...networks].flat());
  const layers = ticks({ low: 0, high: depth }, width > 480 ? 8 : 4).filter((l) => l > 1 && Number.isInteger(l));
  return PANELS.map(({ top, base, color, names }, i) => {
    const y = scale(axis, [base, top], true);
    const curve = (values, kind, style) =>
      path(values.map((value, l) => [x(l + 1), y(Math.max(value, LEAST))]), kind, { style });
    const thin = networks.map((own) => curve(own[i], "network", THIN));
    const below = i ? { xName: "layer", columns: [1, ...layers] } : { columns: [] };
    return panel({ x, y, yName: names[width < 560 ? 1 : 0], rows: 5, ...below },
      [limits(x, y, i), thin, curve(theory[i], "theory", `stroke: var(--${color}); stroke-width: 2.5`)],
      text(x.to, top - 13, results[i], "end halo", "end"));
  });
}

function view(state, ui) {
  const { activation, slope, gain, depth, width: n } = state;
  const { formula, derivative } = formulas[activation];
  const functions = [formula, derivative].map((f) => (x) => f(x, state));
  const theory = propagate(functions, state);
  const networks = SEEDS.map((seed) => run(seed, functions, state));
  const [signal, gradient] = theory;
  const results = [`layer ${depth}: ${brief(signal[depth - 1])}`, `layer 1: ${brief(gradient[0])}`];
  const gains = catalog.initializers.map(([words, factor, power]) => [factor * n ** power, words]);
  const known = gains.find(([wish]) => Math.abs(wish / gain - 1) < 0.003)?.[0] ?? 0;
  const name = activation === "tanh" ? activation : { 0: "ReLU", 1: "linear" }[slope] ?? "leaky ReLU";
  const all = (i, l) => range(networks.map((own) => own[i][l]));
  const row = (value, l) => [l + 1, brief(value), all(0, l), brief(gradient[l]), all(1, l)];
  const summary =
    `In an endlessly wide network layer ${depth} multiplies the signal by ` +
    `${brief(signal[depth - 1] / signal[depth - 2])}, and the gradient on its way back by ${brief(gradient[depth - 2])}. ` +
    `In the six networks of width ${n} the signal at layer ${depth} is ${all(0, depth - 1)}, ` +
    `the gradient at layer 1 ${all(1, 0)}.`;
  return {
    bar: [
      menu("Nonlinearity", Object.keys(catalog.nonlinearities), name, (wish) => ui.set(catalog.nonlinearities[wish])),
      menu("Weights", [...gains, [0, "of your own gain"]], known, (wish) => ui.set({ gain: wish || gain })),
    ],
    picture: { height: 420, marks: panels({ theory, networks, results }, depth, ui.width) },
    summary,
    words: summary,
    hides: activation === "tanh" ? ["slope"] : [],
    equation: { key: activation, lines: catalog.equations[activation] },
    codes: [["in torch", `init.normal_(layer.weight, std=${literal(rounded(gain / Math.sqrt(n), 3))})`]],
    numbers: () => [[["layer", ...HEAD], ...signal.map(row)]],
  };
}

export default explorer({ view });
