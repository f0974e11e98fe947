// The explorer of codes: shares as widths, bits as heights, so that areas are bits a symbol.
// `shares`, `codeLength` and `meanLength` are what Python traces from the formulas themselves (constants.js).

import { View, checkbox, control, fit, html, mathematics, mount, rounded, shown, svg, table } from "./explorer.js";
import { catalog, codeLength, css, meanLength, shares } from "./constants.js";

const STATE = ["truth", "belief", "whole"];
const HEIGHT = 372; // px, as in codes.py
const [LEFT, RIGHT, ZERO, TALL, BAR] = [40, 22, 230, 200, { y: 318, height: 22 }];
const [GAP, FORMULA] = [10, 84];
const OUTLINE = "fill: none; stroke: var(--study); stroke-width: 1.5; stroke-dasharray: 4 3";

export default {
  render: ({ model, el }) => mount(el, css, (ui) => new CodeExplorer(model, ui, STATE)),
};

const brief = (x) => shown(rounded(Math.abs(x) < 5e-13 ? 0 : x, 3)); // what rounding left is nothing
const text = (x, y, words, style = "", anchor = "middle") =>
  svg("text", { class: style, x, y, "text-anchor": anchor }, words);

// A word for each symbol: the two rarest groups are joined, again and again. Of equals the older comes first.
export function huffman(counts) {
  const words = counts.map(() => "");
  const groups = counts.map((count, i) => ({ count, made: i, members: [i] }));
  for (let made = counts.length; groups.length > 1; made += 1) {
    groups.sort((a, b) => a.count - b.count || a.made - b.made);
    const pair = groups.splice(0, 2);
    pair.forEach(({ members }, bit) => members.forEach((i) => (words[i] = bit + words[i])));
    groups.push({ count: pair[0].count + pair[1].count, made, members: pair.flatMap((group) => group.members) });
  }
  return words;
}

class CodeExplorer extends View {
  // ---- layout ----

  lay(body) {
    this.chart = svg("svg", { class: "chart", role: "img", style: "cursor: default" });
    this.picture = html("div", { class: "picture", style: `height: ${HEIGHT}px` }, this.chart);
    this.box = checkbox("Words of whole bits (Huffman)", (whole) => this.set({ whole }));
    this.place = html("div");
    this.symbols = mathematics(catalog.symbols);
    this.values = mathematics(catalog.values, catalog.places);
    this.numbers = html("div", { class: "rates" });
    this.details = html("details", { toggle: () => this.showTable() }, html("summary", {}, "The numbers as a table"), this.numbers);
    this.rows = catalog.rows.map((row, i) => control(catalog.facts[row.fact], this.link(row.name, row.index), `slider-${i}`));
    const follow = () => this.set({ belief: [...this.state().truth] }, "the code now expects what comes.");
    const learn = html("button", { type: "button", click: follow }, "Expect what comes");
    const elements = this.rows.map((row) => row.element);
    elements.splice(elements.length / 2, 0, html("div", { style: `height: ${GAP}px` }));
    body.append(
      this.prompts(catalog.prompts),
      html("div", { class: "bar" }, this.box.element),
      html("div", { class: "stage" },
        html("div", {}, this.picture, html("div", { class: "pinning" }, learn, this.reset())),
        html("div", {}, html("div", { class: "controls" }, ...elements), this.message)),
      html("div", { class: "formula", style: `min-height: ${FORMULA}px` }, html("div", { class: "equation" }, this.place)),
      this.details,
    );
  }

  // ---- what is shown ----

  update() {
    const { truth, belief, whole } = this.state();
    const [p, q, words] = [shares(truth), shares(belief), huffman(belief)];
    const lengths = whole ? words.map((word) => word.length) : q.map(codeLength);
    const best = p.map(codeLength);
    const [total, entropy] = [meanLength(p, lengths), meanLength(p, best)];
    this.seen = { p, q, words: whole ? words : null, lengths, best, total, entropy, waste: total - entropy };
    const each = lengths.map((length, k) => `${catalog.letters[k]} ${brief(length)}`);
    this.summary = `cross-entropy ${shown(total)} bits a symbol, entropy ${shown(entropy)}, divergence ${brief(this.seen.waste)}; bits of each: ${each.join(", ")}`;
    this.box.set(whole);
    this.rows.forEach((row) => row.update());
    this.draw();
    this.showEquation();
    this.showTable();
  }

  draw() {
    const { p, lengths, best } = this.seen;
    const across = this.width - LEFT - RIGHT;
    const top = Math.max(...lengths, ...best) <= 4 ? 4 : 8; // bits; few scales, so that the axis keeps still
    const unit = TALL / top;
    const starts = p.map((_, k) => LEFT + across * p.slice(0, k).reduce((a, b) => a + b, 0));
    const columns = p.flatMap((share, k) => this.column(k, starts[k], share * across, unit));
    const line = p.map((share, k) => `${k ? "L" : "M"}${starts[k]} ${ZERO - unit * best[k]}h${share * across}`).join("");
    const rows = [0, 1, 2, 3, 4].flatMap((i) => {
      const y = ZERO - (TALL * i) / 4;
      return [
        svg("line", { class: i ? "grid" : "axis", x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }),
        text(LEFT - 8, y + 4, String((top * i) / 4), "tick", "end"),
      ];
    });
    this.chart.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
    this.chart.setAttribute("aria-label", this.summary);
    this.chart.replaceChildren(...rows, ...columns,
      svg("path", { class: "best", d: line, style: "fill: none; stroke: var(--ink); stroke-width: 2" }),
      text(0, 13, this.width < 520 ? "bits by share" : "height: bits of a symbol, width: its share p", "name", "start"),
      text(this.width - RIGHT, 13, this.width < 520 ? "line: best lengths" : "line: the best lengths, −log₂ p", "name", "end"),
      ...this.sums(across / top));
  }

  // One symbol: as wide as its share, as tall as its bits; what is above the best in vermilion.
  column(k, x, wide, unit) {
    const { p, q, words, lengths, best } = this.seen;
    const [low, high] = [Math.min(lengths[k], best[k]), Math.max(lengths[k], best[k])];
    const part = (name, from, to, style) =>
      svg("rect", { class: name, x, width: wide, y: ZERO - unit * to, height: unit * (to - from), style });
    const middle = x + wide / 2;
    const wasted = lengths[k] > best[k];
    const notes = [
      wide >= 11 && text(middle, ZERO + 17, catalog.letters[k], "letter"),
      wide >= 44 && text(middle, ZERO + 34, `p ${brief(p[k])}`, "tick"),
      wide >= 44 && text(middle, ZERO + 51, words ? `word ${words[k]}` : `q ${brief(q[k])}`, "tick"),
      wide >= 34 && text(middle, ZERO - unit * lengths[k] - 6, brief(lengths[k]), "halo"),
    ];
    return [
      part("needed", 0, low, "fill: var(--study); stroke: var(--paper)"),
      part(wasted ? "wasted" : "saved", low, high, wasted ? "fill: var(--rival); stroke: var(--paper)" : OUTLINE),
      ...notes.filter(Boolean),
    ];
  }

  // The areas, as lengths: entropy and what comes on top of it.
  sums(scale) {
    const { total, entropy, waste } = this.seen;
    const bar = (name, x, width, color) =>
      svg("rect", { class: name, ...BAR, x, width: Math.max(0, width), style: `fill: var(--${color})` });
    const named = `cross-entropy ${shown(total)} bits a symbol`;
    return [
      text(LEFT, BAR.y - 8, named, "total", "start"),
      bar("entropy", LEFT, scale * entropy, "study"),
      bar("waste", LEFT + scale * entropy, scale * waste, "rival"),
      text(LEFT, BAR.y + BAR.height + 16, `= entropy ${shown(entropy)} + KL divergence ${brief(waste)}`, "parts", "start"),
    ];
  }

  showEquation() {
    const { p, lengths, total } = this.seen;
    const values = { total: shown(total) };
    p.forEach((share, k) => Object.assign(values, { [`p[${k}]`]: brief(share), [`w[${k}]`]: brief(lengths[k]) }));
    this.values.fill((place) => values[place]);
    if (this.fitted) return;
    this.place.replaceChildren(...this.symbols.nodes, ...this.values.nodes);
    fit(this.place);
    this.fitted = true;
  }

  showTable() {
    if (!this.details.open) return;
    const { p, q, words, lengths, best } = this.seen;
    const rows = p.map((share, k) => [catalog.letters[k], shown(share), shown(q[k]), ...(words ? [words[k]] : []), shown(best[k]), shown(lengths[k])]);
    const head = ["symbol", "share p", "expected q", ...(words ? ["word"] : []), "best bits", "bits"];
    this.numbers.replaceChildren(table(head, rows));
  }
}
