// Codes: shares as widths, bits as heights, so that areas are bits a symbol. `formulas.shares`, `codeLength` and
// `meanLength` are what Python traces from the formulas themselves.

import { button, check, explorer, shown } from "./kit.js";
import { bar, panel, path, scale, text } from "./marks.js";

const [LEFT, RIGHT, SUMS] = [40, 22, 318];
const SAVED = "fill: none; stroke: var(--study); stroke-width: 1.5; stroke-dasharray: 4 3";
const edged = (color) => `fill: var(--${color}); stroke: var(--paper)`;
const brief = (x) => shown(Math.abs(x) < 5e-13 ? 0 : x, 3); // what rounding left is nothing

// A word for each symbol: the two rarest groups are joined, again and again. Of equals the older comes first.
export function huffman(counts) {
  const words = counts.map(() => "");
  let groups = counts.map((count, k) => [count, [k]]);
  while (groups.length > 1) {
    const [[few, one], [more, other], ...rest] = groups.sort(([a], [b]) => a - b);
    [one, other].forEach((members, bit) => members.forEach((k) => (words[k] = bit + words[k])));
    groups = [...rest, [few + more, [...one, ...other]]];
  }
  return words;
}

function view({ truth, belief, whole }, ui) {
  const [p, q, words] = [formulas.shares(truth), formulas.shares(belief), huffman(belief)];
  const best = p.map(formulas.codeLength);
  const lengths = whole ? words.map((word) => word.length) : q.map(formulas.codeLength);
  const [total, entropy] = [lengths, best].map((bits) => formulas.meanLength(p, bits));
  const waste = brief(total - entropy);
  const top = Math.max(...lengths, ...best) <= 4 ? 4 : 8; // few scales, so that the axis keeps still
  const x = scale([0, 1], [LEFT, ui.width - RIGHT]);
  const y = scale([0, top], [230, 30]);
  const edges = [0, ...p].map((_, k) => x(p.slice(0, k).reduce((a, b) => a + b, 0)));
  // One symbol: as wide as its share, as tall as its bits; what is above the best in vermilion.
  const columns = p.map((share, k) => {
    const [from, wide] = [edges[k], edges[k + 1] - edges[k]];
    const [low, high] = [Math.min(lengths[k], best[k]), Math.max(lengths[k], best[k])];
    const [kind, style] = lengths[k] > best[k] ? ["wasted", edged("rival")] : ["saved", SAVED];
    const put = (at, said, name) => (Math.max(...said.map(ui.wide)) < wide - 2 // where there is room
      ? said.map((line, i) => text(from + wide / 2, at + 17 * i, line, name, "middle")) : null);
    return [
      bar(from, y(0), wide, y(low) - y(0), "study", { class: "needed", style: edged("study") }),
      bar(from, y(low), wide, y(high) - y(low), "rival", { class: kind, style }),
      put(y(lengths[k]) - 6, [brief(lengths[k])], "halo"),
      put(y(0) + 17, [catalog.letters[k]], "letter"),
      put(y(0) + 34, [`p ${brief(share)}`, whole ? `word ${words[k]}` : `q ${brief(q[k])}`], "tick"),
    ];
  });
  const steps = best.flatMap((bits, k) => [[edges[k], y(bits)], [edges[k + 1], y(bits)]]);
  const [yName, legend] = ui.width < 520 ? ["bits by share", "line: best lengths"]
    : ["height: bits of a symbol, width: its share p", "line: the best lengths, −log₂ p"];
  const notes = [columns, path(steps, "best", { style: "--pen: var(--ink)" }), text(x.to, 13, legend, "name", "end")];
  // The areas, as lengths: entropy and what comes on top of it.
  const [bits, end] = [scale([0, top], [x.from, x.to]), Math.max(total, entropy)];
  const sums = [
    text(LEFT, SUMS - 8, `cross-entropy ${shown(total)} bits a symbol`, "total"),
    bar(LEFT, SUMS, bits(entropy) - LEFT, 22, "study", { class: "entropy" }),
    bar(bits(entropy), SUMS, bits(end) - bits(entropy), 22, "rival", { class: "waste" }),
    text(LEFT, SUMS + 38, `= entropy ${shown(entropy)} + KL divergence ${waste}`, "parts"),
  ];
  const each = `bits of each: ${lengths.map((length, k) => `${catalog.letters[k]} ${brief(length)}`).join(", ")}`;
  const numbers = [...[...p, ...lengths].map(brief), shown(total)];
  const row = (letter, k) => [letter, shown(p[k]), shown(q[k]), words[k], shown(best[k]), shown(lengths[k])];
  const rows = [["symbol", "share p", "expected q", "word", "best bits", "bits"], ...[...catalog.letters].map(row)];
  return {
    bar: check("Words of whole bits (Huffman)", whole, (on) => ui.set({ whole: on })),
    picture: { height: 372, marks: [panel({ x, y, yName, above: 17, columns: [] }, [], notes), sums] },
    summary: `cross-entropy ${shown(total)} bits a symbol, entropy ${shown(entropy)}, divergence ${waste}; ${each}`,
    below: button("Expect what comes", () => ui.set({ belief: [...truth] }, "the code now expects what comes.")),
    equation: { lines: catalog.equation, places: catalog.places, read: (i) => numbers[i], room: 84 },
    numbers: () => [rows.map((cells) => cells.filter((_, i) => whole || i !== 3))],
  };
}

export default explorer({ view });
