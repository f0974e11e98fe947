// The softmax explorer: logits as sliders; probabilities, loss and gradient as bars.
// `logProbabilities` and the equations in `catalog` are what Python traces from the loss itself (constants.js).

import { View, control, fit, html, mathematics, mount, rounded, shown, svg, table } from "./explorer.js";
import { catalog, css, logProbabilities } from "./constants.js";

const STATE = ["logits", "shift", "label"];
const HEIGHT = 376; // px, as in softmax.py
const [LEFT, RIGHT] = [54, 22];
const PROBABILITY = { zero: 170, unit: 130, rows: [0, 0.5, 1] }; // px
const GRADIENT = { zero: 302, unit: 50, rows: [-1, 0, 1] };

export default {
  render: ({ model, el }) => mount(el, css, (ui) => new SoftmaxExplorer(model, ui, STATE)),
};

// A number for the picture: three digits, or two with a power of ten.
const brief = (x) => (x !== 0 && Math.abs(x) < 0.001 ? x.toExponential(1) : shown(rounded(x, 3))).replaceAll("-", "−");

// The definition as it stands, in single precision: what happens without the subtraction of the maximum.
function unprotected(logits) {
  const powers = logits.map((z) => Math.fround(Math.exp(Math.fround(z))));
  const sum = powers.reduce((a, b) => Math.fround(a + b), 0);
  return powers.map((power) => Math.fround(power / sum));
}

class SoftmaxExplorer extends View {
  // ---- layout ----

  lay(body) {
    const classes = this.first.logits.map((_, k) => html("option", { value: k }, String(k)));
    this.menu = html("select", { change: () => this.set({ label: Number(this.menu.value) }) }, ...classes);
    this.chart = svg("svg", { class: "chart", role: "img", style: "cursor: default" });
    this.picture = html("div", { class: "picture", style: `height: ${HEIGHT}px` }, this.chart);
    this.naive = html("p", { class: "muted", style: "min-height: 2.9em; margin-top: 4px" });
    this.place = html("div");
    this.equations = catalog.equations.map((lines) => mathematics(lines).nodes);
    this.numbers = html("div", { class: "rates" });
    this.details = html("details", { toggle: () => this.showTable() }, html("summary", {}, "The numbers as a table"), this.numbers);
    this.rows = catalog.rows.map((row, i) => control(catalog.facts[row.fact], this.link(row.name, row.index), `slider-${i}`));
    const downhill = html("button", { type: "button", click: () => this.step() }, "One step downhill");
    body.append(
      this.prompts(catalog.prompts),
      html("div", { class: "bar" }, html("label", { class: "choice" }, "True class", this.menu)),
      html("div", { class: "stage" },
        html("div", {}, this.picture,
          html("div", { class: "pinning" }, downhill, this.reset()),
          this.naive),
        html("div", {}, html("div", { class: "controls" }, ...this.rows.map((row) => row.element)), this.message)),
      html("div", { class: "formula" }, html("div", { class: "equation" }, this.place)),
      this.details,
    );
  }

  // Gradient descent on the logits themselves, at the rate 1; four decimals, to be read.
  step() {
    const logits = this.state().logits.map((z, k) => Math.round((z - this.gradient[k]) * 1e4) / 1e4);
    this.set({ logits }, "each logit moved by minus its gradient.");
  }

  // ---- what is shown ----

  update() {
    const { logits, shift, label } = this.state();
    const logs = logProbabilities(logits, shift);
    this.probabilities = logs.map(Math.exp);
    this.gradient = this.probabilities.map((p, k) => p - (k === label));
    this.loss = -logs[label] || 0; // no minus zero
    this.menu.value = label;
    this.rows.forEach((row) => row.update());
    const parts = this.probabilities.map((p, k) => `class ${k}${k === label ? ", true" : ""}: ${brief(p)}`);
    this.summary = `loss ${shown(this.loss)} nats; probabilities ${parts.join("; ")}`;
    this.draw(logits.map((z) => z + shift), label);
    const plain = unprotected(logits.map((z) => z + shift)).map((p) => (Number.isNaN(p) ? "NaN" : brief(p)));
    this.naive.textContent = `The same without subtracting m, in float32: ${plain.join(", ")}`;
    this.showEquation(label);
    this.showTable();
  }

  draw(seen, label) {
    const { width } = this;
    const slot = (width - LEFT - RIGHT) / seen.length;
    const text = (x, y, words, style = "", anchor = "middle") => svg("text", { class: style, x, y, "text-anchor": anchor }, words);
    const frame = ({ zero, unit, rows }) => rows.flatMap((value) => [
      svg("line", { class: value ? "grid" : "axis", x1: LEFT, x2: width - RIGHT, y1: zero - unit * value, y2: zero - unit * value }),
      text(LEFT - 8, zero - unit * value + 4, String(value).replace("-", "−"), "tick", "end"),
    ]);
    const columns = seen.flatMap((z, k) => {
      const x = LEFT + (k + 0.5) * slot;
      const name = width < 520 ? String(k) : `class ${k}`;
      return [
        ...this.bar(x, slot, this.probabilities[k], PROBABILITY, "study", k === label),
        ...this.bar(x, slot, this.gradient[k], GRADIENT, "third", false),
        text(x, 188, k === label ? `${name} (true)` : name, "class"),
        text(x, 206, `${width < 520 ? "" : "z + c = "}${brief(z)}`, "tick"),
      ];
    });
    this.chart.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.chart.setAttribute("aria-label", this.summary);
    this.chart.replaceChildren(...frame(PROBABILITY), ...frame(GRADIENT), ...columns,
      text(0, 13, "probability", "name", "start"), text(0, 228, "gradient p − y", "name", "start"),
      text(width - RIGHT, 13, `loss −ln p${"₀₁₂₃₄₅"[label]} = ${shown(this.loss)} nats`, "loss", "end"));
  }

  // One bar with its number; around the true class's an outline that reaches to 1, the target.
  bar(middle, slot, value, { zero, unit }, color, isTarget) {
    const wide = Math.min(64, 0.6 * slot);
    const [x, top, tall] = [middle - wide / 2, zero - unit * Math.max(value, 0), unit * Math.abs(value)];
    const target = svg("rect", { class: "target", x, y: zero - unit, width: wide, height: unit, style: "fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3" });
    return [
      svg("rect", { class: color === "study" ? "probability" : "gradient", x, y: top, width: wide, height: tall, style: `fill: var(--${color})` }),
      ...(isTarget ? [target] : []),
      svg("text", { class: "halo", x: middle, y: value < 0 ? zero + tall + 14 : top - 5, "text-anchor": "middle" }, brief(value)),
    ];
  }

  showEquation(label) {
    const nodes = this.equations[label];
    if (this.fitted === nodes) return;
    this.place.replaceChildren(...nodes);
    fit(this.place);
    this.fitted = nodes;
  }

  showTable() {
    if (!this.details.open) return;
    const { logits, shift, label } = this.state();
    const rows = logits.map((z, k) => [String(k), shown(z + shift), shown(this.probabilities[k]), String(Number(k === label)), shown(this.gradient[k])]);
    this.numbers.replaceChildren(table(["class", "logit", "probability p", "target y", "p − y"], rows));
  }
}
