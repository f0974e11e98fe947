// A kernel steps over an image; the sum of products of one cell is written out. `formulas` and the equation are what
// Python traces from the layer itself.

import { button, explorer, field, h, handle, menu, shown } from "./kit.js";
import { text } from "./marks.js";

const SIZE = 3; // of the kernel
const [GAP, TOP, BOTTOM, SIDE] = [24, 22, 4, 348]; // px; the last is the largest side of an image
const LEGIBLE = 20; // px, the smallest cell that has its number written in it
const NINE = Array.from({ length: SIZE * SIZE }, (_, i) => [Math.floor(i / SIZE), i % SIZE]);

const [ENTRIES, SLIDERS] = [catalog.rows.slice(0, NINE.length), catalog.rows.slice(NINE.length)];
const KERNELS = new Map(Object.entries(catalog.kernels).map(([name, entries]) => [String(entries), name]));
const WIDEST = catalog.facts[SLIDERS[1].fact].high; // padding

const brief = (x) => shown(x, 3);
const tidy = (pixels) => Math.round(pixels * 100) / 100; // the end of one cell is the start of the next
const largest = (values) => Math.max(...values.map(Math.abs), 1e-9);

// Of the image, black to white, and what is written on it; of the map, by sign and size.
const gray = (level) => `rgb(${Array(3).fill(Math.round((255 * level) / catalog.white)).join(", ")})`;
const ink = (level) => (level < catalog.white / 2 ? "#fff" : "#000");
const color = (level) => `var(--${level > 0 ? "study" : "rival"})`;
const tint = (level) => `fill: ${color(level)}; opacity: ${brief(Math.abs(level) / catalog.white)}`;

// The nine pixels that the window of a cell sees; outside of the image are zeros.
const pixels = ({ picture, stride, padding }, row, column) => NINE.map(([i, j]) =>
  catalog.images[picture][row * stride + i - padding]?.[column * stride + j - padding] ?? 0);

const square = ([x, y], side) => ({ x, y, width: side, height: side });

// The cells of an image or a map: one path for all of one level, and numbers where there is room for them.
function cells(values, levelOf, [left, top], u, style, pen) {
  const paths = new Map();
  const numbers = values.map((row, i) => row.map((value, j) => {
    const [x, y, level] = [left + j * u, top + i * u, levelOf(value)];
    paths.set(level, `${paths.get(level) ?? ""}M${tidy(x)} ${tidy(y)}H${tidy(x + u)}V${tidy(y + u)}H${tidy(x)}z`);
    const more = { "aria-hidden": "true", style: `font-size: 11px; fill: ${pen(value)}` };
    return u < LEGIBLE ? null : text(x + u / 2, y + u / 2 + 4, brief(value), "", "middle", more);
  }));
  const paint = ([level, d]) => h("path", { "shape-rendering": "crispEdges", style: style(level), d });
  return [[...paths].map(paint), numbers];
}

// What stays while the window moves: the map, where the two lie, and their picture.
function background(state, width) {
  const { picture, kernel, stride, padding } = state;
  const image = catalog.images[picture];
  const [n, size] = [image.length, formulas.steps(image.length, SIZE, stride, padding)];
  const places = Array.from({ length: size }, (_, i) => i);
  const values = places.map((row) => places.map((column) => formulas.cell(pixels(state, row, column), kernel)));
  const side = Math.min((width - GAP) / 2, SIDE);
  const u = side / (n + 2 * WIDEST);
  const corner = (left, count) => [left + (side - u * count) / 2, TOP + (side - u * count) / 2];
  const [from, border, to] = [corner(0, n), corner(0, n + 2 * padding), corner(side + GAP, size)];
  const all = values.flat();
  const most = largest(all);
  const level = (value) => Math.round((catalog.white * value) / most);
  const range = width < 520 ? "" : `, from ${shown(Math.min(...all))} to ${shown(Math.max(...all))}`;
  const marks = h("g", {},
    text(0, 13, `image ${n} × ${n}`, "name"), text(side + GAP, 13, `map ${size} × ${size}${range}`, "name"),
    h("rect", { class: "border", ...square(border, u * (n + 2 * padding)) }),
    cells(image, Number, from, u, (x) => `fill: ${gray(x)}`, ink),
    cells(values, level, to, u, tint, () => "var(--ink)"));
  return { size, values, side, u, from, border, to, marks };
}

function view(state, ui) {
  const { picture, kernel, stride, padding } = state;
  const key = JSON.stringify([picture, kernel, stride, padding, ui.width]);
  if (ui.memory.key !== key) Object.assign(ui.memory, background(state, ui.width), { key });
  const { size, values, side, u, from, border, to, marks } = ui.memory;
  const inside = (place) => Math.min(Math.max(place, 0), size - 1);
  const [row, column] = state.cell.map(inside); // the nearest one, if the map has become smaller
  const place = `row ${row}, column ${column}: ${shown(values[row][column])}`;
  const go = (...wish) => {
    const cell = wish.map(inside);
    if (cell[0] !== row || cell[1] !== column) ui.set({ cell });
  };
  // On the map the cell itself, on the image the cell whose window has its middle there.
  const point = ({ x, y, phase }) => {
    if (phase === "up" || phase === "leave") return;
    const isMap = x > side + GAP / 2;
    const [left, top] = isMap ? to : from;
    const places = [Math.floor((y - top) / u), Math.floor((x - left) / u)];
    const wish = isMap ? places : places.map((at) => Math.round((at + padding - 1) / stride));
    const reach = isMap ? 0 : 1;
    if (wish.every((at) => at >= -reach && at < size + reach)) go(...wish);
  };
  const cursor = handle("rect", {
    class: "eye cursor", ...square([to[0] + column * u, to[1] + row * u], u),
    label: "cell of the map", low: 0, high: size * size - 1, value: row * size + column, said: place,
    hint: "Arrow keys step to the next cell, Home and End to the ends of the row",
    moves: {
      ArrowLeft: () => go(row, column - 1), ArrowRight: () => go(row, column + 1), Home: () => go(row, 0),
      ArrowUp: () => go(row - 1, column), ArrowDown: () => go(row + 1, column), End: () => go(row, size),
    },
  });
  const frame = square([border[0] + column * stride * u, border[1] + row * stride * u], SIZE * u);
  const name = KERNELS.get(String(kernel)) ?? "your own";
  return {
    bar: [
      menu("Image", Object.keys(catalog.images), picture, (wish) => ui.set({ picture: wish })),
      menu("Kernel", [...new Set([...KERNELS.values(), name])], name, (wish) => ui.set({ kernel: [...catalog.kernels[wish]] })),
      button("Half a turn", () => ui.set({ kernel: [...kernel].reverse() }, "the kernel was turned by half a turn.")),
    ],
    picture: {
      name: "pair", tall: TOP + side + BOTTOM, point, marks: [marks, h("rect", { class: "eye", ...frame })], knob: cursor,
      label: `${picture} and the map that the kernel makes of it; ${place}`,
    },
    summary: `${place}; the map has ${size} × ${size} cells`,
    rows: SLIDERS,
    below: arithmetic(pixels(state, row, column), values[row][column], kernel, ui),
    equation: { key: "", lines: catalog.equation },
  };
}

// Pixels, kernel and products, three times three of each, and their sum written out.
function arithmetic(pixels, total, kernel, ui) {
  const products = pixels.map((x, k) => x * kernel[k]);
  const share = (value) => Math.round((45 * Math.abs(value)) / largest(products));
  const entries = ENTRIES.map((one, k) => {
    const name = `kernel entry, row ${NINE[k][0]}, column ${NINE[k][1]}`;
    return field(name, catalog.facts[one.fact], kernel[k], ui.link(one), { "aria-label": name, value: brief(kernel[k]) });
  });
  const box = (value, style) => h("span", { style }, brief(value));
  const nine = (words, numbers) => h("span", { class: "nine", role: "group", "aria-label": words }, numbers);
  const sign = (glyph) => h("span", { class: "sign" }, glyph);
  const terms = pixels.map((x, k) => `${shown(x)}·${kernel[k] < 0 ? `(${shown(kernel[k])})` : shown(kernel[k])}`);
  return [
    h("div", { class: "nines" },
      nine("pixels", pixels.map((x) => box(x, `background: ${gray(x)}; color: ${ink(x)}`))), sign("×"),
      nine("kernel", entries), sign("→"),
      nine("products", products.map((x) => box(x, `background: color-mix(in srgb, ${color(x)} ${share(x)}%, transparent)`)))),
    h("p", { class: "terms" }, `${terms.join(" + ")} = `, h("b", {}, shown(total))),
  ];
}

export default explorer({ view });
