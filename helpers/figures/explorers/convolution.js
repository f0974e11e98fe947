// The convolution explorer: a kernel steps over a real image; the sum of products of one cell is written out.
// `cellOf`, `stepsAlong` and the equation in `catalog` are what Python traces from the layer itself (constants.js).

import { View, control, fit, html, mathematics, mount, refusal, rounded, svg } from "./explorer.js";
import { catalog, cellOf, css, stepsAlong } from "./constants.js";

const STATE = ["picture", "kernel", "stride", "padding", "cell"];
const SIZE = 3; // of the kernel, as in convolution.py
const [GAP, TOP, BOTTOM] = [24, 22, 4]; // px, as there
const LEGIBLE = 20; // px, the smallest cell that has its number written in it
const NINE = Array.from({ length: SIZE * SIZE }, (_, i) => [Math.floor(i / SIZE), i % SIZE]);

export default {
  render: ({ model, el }) => mount(el, css, (ui) => new ConvolutionExplorer(model, ui, STATE)),
};

const number = (x) => String(rounded(x, 4) + 0).replace("-", "−");
const brief = (x) => String(rounded(x, 3) + 0).replace("-", "−");
const gray = (level) => Math.round((255 * level) / catalog.white);
const tidy = (pixels) => Math.round(pixels * 100) / 100; // the end of one cell is the start of the next
const clamp = (x, high) => Math.min(Math.max(x, 0), high);

// The fill of a level: of the image, black to white; of the map, by its sign and size.
const shade = (level) => `fill: rgb(${gray(level)}, ${gray(level)}, ${gray(level)})`;
const signed = (level) =>
  `fill: var(--${level > 0 ? "study" : "rival"}); opacity: ${rounded(Math.abs(level) / catalog.white, 3)}`;

class ConvolutionExplorer extends View {
  // ---- layout ----

  lay(body) {
    const choose = (names, change) => html("select", { change }, ...names.map((name) => html("option", { value: name }, name)));
    this.pictures = choose(Object.keys(catalog.images), () => this.set({ picture: this.pictures.value }));
    this.kernels = choose([...Object.keys(catalog.kernels), "your own"], () => this.choose(this.kernels.value));
    const turn = html("button", { type: "button", click: () => this.turn() }, "Half a turn");
    this.layPicture();
    this.window = NINE.map(() => html("span"));
    this.products = NINE.map(() => html("span"));
    this.entries = NINE.map(([i, j], k) => this.entry(i, j, k));
    const nine = (words, cells) => html("span", { class: "nine", role: "group", "aria-label": words }, ...cells);
    const sign = (text) => html("span", { class: "sign" }, text);
    this.terms = html("p", { class: "terms" });
    this.rows = catalog.rows.map(({ name, fact }, i) => control(catalog.facts[fact], this.link(name), `slider-${i}`));
    this.place = html("div", {}, ...mathematics(catalog.equation).nodes);
    body.append(
      this.prompts(catalog.prompts),
      html("div", { class: "bar" },
        html("label", { class: "choice" }, "Image", this.pictures), html("label", { class: "choice" }, "Kernel", this.kernels), turn),
      this.picture,
      html("div", { class: "nines" }, nine("pixels", this.window), sign("×"), nine("kernel", this.entries), sign("→"), nine("products", this.products)),
      this.terms,
      html("div", { class: "controls" }, ...this.rows.map((row) => row.element)),
      html("div", { class: "pinning" }, this.reset()), this.message,
      html("div", { class: "formula" }, html("div", { class: "equation" }, this.place)),
    );
  }

  layPicture() {
    this.maps = svg("g");
    this.eye = svg("rect", { class: "eye" });
    this.drawing = svg("g", { role: "img" }, this.maps, this.eye);
    this.cursor = svg("rect", {
      class: "eye cursor", tabindex: "0", role: "slider", "aria-label": "cell of the map",
      "aria-description": "Arrow keys step to the next cell, Home and End to the ends of the row", "aria-valuemin": 0,
      keydown: (event) => this.key(event),
    });
    const stop = () => (this.dragging = false);
    this.svg = svg("svg", {
      class: "chart",
      pointerdown: (event) => this.take(event), pointermove: (event) => this.point(event), pointerup: stop, pointercancel: stop,
    }, this.drawing, this.cursor);
    this.picture = html("div", { class: "picture pair" }, this.svg);
  }

  // One number of the kernel that can be written over.
  entry(i, j, k) {
    const { read, write, note } = this.link("kernel", k);
    const name = `kernel entry, row ${i}, column ${j}`;
    const change = () => {
      const text = field.value.trim().replace("−", "-");
      const wish = text === "" ? NaN : Number(text);
      const why = refusal(catalog.entry, wish);
      if (why === null) write(wish);
      else note(`${name} must ${why}, got ${text || "nothing"}; ${number(read())} stays.`);
      this.update();
    };
    const field = html("input", { type: "text", class: "number", autocomplete: "off", "aria-label": name, change });
    return field;
  }

  resize() {
    const [width, height] = [this.picture.clientWidth || 640, this.picture.clientHeight || 340];
    this.side = Math.min((width - GAP) / 2, height - TOP - BOTTOM);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.drawn = null;
    super.resize();
    fit(this.place);
  }

  choose(name) {
    if (name in catalog.kernels) this.set({ kernel: [...catalog.kernels[name]] });
  }

  turn() {
    this.set({ kernel: [...this.state().kernel].reverse() }, "the kernel was turned by half a turn.");
  }

  // ---- the cell under the pointer ----

  take(event) {
    if (event.button !== 0) return;
    this.dragging = true;
    this.cursor.focus({ preventScroll: true });
    event.preventDefault(); // no text is selected while the window moves
    this.point(event);
  }

  // On the map the cell itself, on the image the cell whose window has its middle there.
  point(event) {
    if (!this.dragging && event.pointerType !== "mouse") return;
    const box = this.svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const { stride, padding } = this.state();
    const { u, image, map } = this.places;
    const seen = ([px, py]) => [Math.floor((y - py) / u), Math.floor((x - px) / u)];
    const isMap = x > this.side + GAP / 2;
    const wish = isMap ? seen(map) : seen(image).map((at) => Math.round((at + padding - 1) / stride));
    const reach = isMap ? 0 : 1;
    if (wish.every((at) => at >= -reach && at < this.found.length + reach)) this.move(wish);
  }

  key(event) {
    const [row, column] = this.cellShown();
    const moves = {
      ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
      Home: [row, 0], End: [row, Infinity],
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.move(moves[event.key]);
  }

  move(wish) {
    const cell = wish.map((at) => clamp(at, this.found.length - 1));
    if (String(cell) !== String(this.cellShown())) this.set({ cell });
  }

  // The chosen cell, or the nearest one if the map has become smaller.
  cellShown() {
    return this.state().cell.map((at) => clamp(at, this.found.length - 1));
  }

  // ---- what is shown ----

  update() {
    const { picture, kernel, stride, padding } = this.state();
    this.image = catalog.images[picture];
    const n = stepsAlong(this.image.length, SIZE, stride, padding);
    const key = JSON.stringify([picture, kernel, stride, padding]);
    if (key !== this.drawn) {
      this.found = Array.from({ length: n }, (_, row) => Array.from({ length: n }, (_, column) => cellOf(this.pixels(row, column), kernel)));
      this.drawMaps();
      this.showChoices();
    }
    this.drawn = key;
    this.drawCell();
  }

  // The nine pixels that the window sees; outside of the image are zeros.
  pixels(row, column) {
    const { stride, padding } = this.state();
    return NINE.map(([i, j]) => this.image[row * stride + i - padding]?.[column * stride + j - padding] ?? 0);
  }

  showChoices() {
    const { picture, kernel } = this.state();
    const named = Object.entries(catalog.kernels).find(([, entries]) => String(entries) === String(kernel));
    this.pictures.value = picture;
    this.kernels.value = named ? named[0] : "your own";
    this.entries.forEach((field, k) => (field.value = brief(kernel[k])));
    this.rows.forEach((row) => row.update());
  }

  drawMaps() {
    const { padding } = this.state();
    const [n, size, left] = [this.image.length, this.found.length, this.side + GAP];
    const u = this.side / (n + 2 * catalog.widest);
    const corner = (cells) => (this.side - u * cells) / 2;
    const [image, map, border] = [corner(n), corner(size), corner(n + 2 * padding)];
    this.places = { u, image: [image, TOP + image], map: [left + map, TOP + map], border };
    const all = this.found.flat();
    const largest = Math.max(...all.map(Math.abs), 1e-9);
    const levels = this.found.map((row) => row.map((value) => Math.round((catalog.white * value) / largest)));
    const text = (x, words) => svg("text", { class: "name", x, y: 13 }, words);
    const range = this.width < 520 ? "" : `, from ${number(Math.min(...all))} to ${number(Math.max(...all))}`;
    const whole = u * (n + 2 * padding);
    this.maps.replaceChildren(
      text(0, `image ${n} × ${n}`), text(left, `map ${size} × ${size}${range}`),
      svg("rect", { class: "border", x: border, y: TOP + border, width: whole, height: whole }),
      ...this.paint(this.image, this.places.image, shade), ...this.paint(levels, this.places.map, signed),
      ...this.write(this.image, this.places.image, (x) => (x < catalog.white / 2 ? "#fff" : "#000")),
      ...this.write(this.found, this.places.map, () => "var(--ink)"),
    );
  }

  // One path for all cells of one level: few nodes, quickly drawn.
  paint(values, [left, top], style) {
    const { u } = this.places;
    const paths = new Map();
    values.forEach((row, i) => row.forEach((level, j) => {
      const [x, y] = [left + j * u, top + i * u];
      const cell = `M${tidy(x)} ${tidy(y)}H${tidy(x + u)}V${tidy(y + u)}H${tidy(x)}z`;
      paths.set(level, (paths.get(level) ?? "") + cell);
    }));
    return [...paths].map(([level, d]) => svg("path", { "shape-rendering": "crispEdges", style: style(level), d }));
  }

  write(values, [left, top], color) {
    const { u } = this.places;
    if (u < LEGIBLE) return [];
    const place = (i, j) => ({ x: left + (j + 0.5) * u, y: top + (i + 0.5) * u + 4, "text-anchor": "middle", "aria-hidden": "true" });
    return values.flatMap((row, i) => row.map((value, j) =>
      svg("text", { ...place(i, j), style: `font-size: 11px; fill: ${color(value)}` }, brief(value))));
  }

  drawCell() {
    const { kernel, stride } = this.state();
    const [row, column] = this.cellShown();
    const { u, map, border } = this.places;
    const [pixels, value] = [this.pixels(row, column), this.found[row][column]];
    const square = (node, x, y, side) =>
      Object.entries({ x, y, width: side, height: side }).forEach(([name, at]) => node.setAttribute(name, at));
    square(this.eye, border + column * stride * u, TOP + border + row * stride * u, SIZE * u);
    square(this.cursor, map[0] + column * u, map[1] + row * u, u);
    const [place, size] = [`row ${row}, column ${column}: ${number(value)}`, this.found.length];
    this.summary = `${place}; the map has ${size} × ${size} cells`;
    const said = { "aria-valuenow": row * size + column, "aria-valuemax": size * size - 1, "aria-valuetext": place };
    Object.entries(said).forEach(([name, text]) => this.cursor.setAttribute(name, text));
    this.drawing.setAttribute("aria-label", `${this.state().picture} and the map that the kernel makes of it; ${place}`);
    this.showArithmetic(pixels, kernel, value);
  }

  showArithmetic(pixels, kernel, value) {
    const products = pixels.map((x, k) => x * kernel[k]);
    const largest = Math.max(...products.map(Math.abs), 1e-9);
    pixels.forEach((x, k) => {
      const ink = x < catalog.white / 2 ? "#fff" : "#000";
      this.window[k].textContent = brief(x);
      this.window[k].setAttribute("style", `background: rgb(${gray(x)}, ${gray(x)}, ${gray(x)}); color: ${ink}`);
      const share = Math.round((45 * Math.abs(products[k])) / largest);
      this.products[k].textContent = brief(products[k]);
      this.products[k].setAttribute("style", `background: color-mix(in srgb, var(--${products[k] < 0 ? "rival" : "study"}) ${share}%, transparent)`);
    });
    const terms = pixels.map((x, k) => (kernel[k] < 0 ? `${number(x)}·(${number(kernel[k])})` : `${number(x)}·${number(kernel[k])}`));
    this.terms.replaceChildren(`${terms.join(" + ")} = `, html("b", {}, number(value)));
  }
}
