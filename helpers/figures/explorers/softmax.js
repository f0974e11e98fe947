// Logits as sliders; probabilities, loss and gradient as bars. `formulas.logProbabilities` and the equations are
// what Python traces from the loss itself.

import { button, explorer, menu, shown } from "./kit.js";
import { bar, line, text } from "./marks.js";

const [LEFT, RIGHT] = [54, 22];
const PANELS = [
  { zero: 170, unit: 130, rows: [0, 0.5, 1], color: "study", kind: "probability", name: "probability", top: 13 },
  { zero: 302, unit: 50, rows: [-1, 0, 1], color: "third", kind: "gradient", name: "gradient p − y", top: 228 },
];
const TARGET = { class: "target", style: "fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3" };
const brief = (x) => shown(x, 3);

// The definition as it stands, in single precision: what happens without the subtraction of the maximum.
function unprotected(logits) {
  const powers = logits.map((z) => Math.fround(Math.exp(Math.fround(z))));
  const sum = powers.reduce((a, b) => Math.fround(a + b), 0);
  return powers.map((power) => Math.fround(power / sum));
}

function view({ logits, shift, label }, ui) {
  const logs = formulas.logProbabilities(logits, shift);
  const probabilities = logs.map(Math.exp);
  const gradient = probabilities.map((p, k) => p - (k === label));
  const loss = -logs[label] || 0; // no minus zero
  const added = logits.map((z) => z + shift);
  const right = ui.width - RIGHT;
  const slot = (right - LEFT) / logits.length;
  const wide = Math.min(64, 0.6 * slot);
  const isNarrow = ui.width < 520;
  const middle = (k) => LEFT + (k + 0.5) * slot;
  const panels = PANELS.map(({ zero, unit, rows, color, kind, name, top }) => [
    rows.map((value) => [
      line(LEFT, zero - unit * value, right, zero - unit * value, value ? "grid" : "axis"),
      text(LEFT - 8, zero - unit * value + 4, shown(value), "tick", "end"),
    ]),
    text(0, top, name, "name"),
    (kind === "gradient" ? gradient : probabilities).map((value, k) => [
      bar(middle(k) - wide / 2, zero, wide, -unit * value, color, { class: kind }),
      kind === "probability" && k === label ? bar(middle(k) - wide / 2, zero, wide, -unit, "ink", TARGET) : null,
      text(middle(k), zero - unit * value + (value < 0 ? 14 : -5), brief(value), "halo", "middle"),
    ]),
  ]);
  const names = added.map((z, k) => [
    text(middle(k), 188, `${isNarrow ? "" : "class "}${k}${k === label ? " (true)" : ""}`, "class", "middle"),
    text(middle(k), 206, `${isNarrow ? "" : "z + c = "}${brief(z)}`, "tick", "middle"),
  ]);
  const result = text(right, 13, `loss −ln p${"₀₁₂₃₄₅"[label]} = ${shown(loss)} nats`, "loss", "end");
  // Gradient descent on the logits themselves, at the rate 1; four decimals, to be read.
  const downhill = () => ui.set({ logits: logits.map((z, k) => Math.round((z - gradient[k]) * 1e4) / 1e4) },
    "each logit moved by minus its gradient.");
  const each = probabilities.map((p, k) => `class ${k}${k === label ? ", true" : ""}: ${brief(p)}`);
  const rows = added.map((z, k) => [k, shown(z), shown(probabilities[k]), Number(k === label), shown(gradient[k])]);
  return {
    bar: menu("True class", logits.map((_, k) => k), label, (k) => ui.set({ label: k })),
    picture: { height: 376, marks: [panels, names, result] },
    summary: `loss ${shown(loss)} nats; probabilities ${each.join("; ")}`,
    below: button("One step downhill", downhill),
    words: `The same without subtracting m, in float32: ${unprotected(added).map(brief).join(", ")}`,
    equation: { key: label, lines: catalog.equations[label] },
    numbers: () => [[["class", "logit", "probability p", "target y", "p − y"], ...rows]],
  };
}

export default explorer({ view });
