// What every explorer is made of. Python joins this file, what it says itself (constants.js) and a family's
// file into one ES module; the import and export lines serve editors only. Nothing here is global, nothing is
// fetched, no timer runs unless a reader has just moved something, and text becomes text nodes, never markup.

const SVG = "http://www.w3.org/2000/svg";
const MATHML = "http://www.w3.org/1998/Math/MathML";

// ---- nodes ----

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export const html = (tag, attributes = {}, ...children) =>
  build(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) =>
  build(document.createElementNS(SVG, tag), attributes, children);

const ELEMENTS = new Set(
  "math mrow mi mn mo mtext mspace ms mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mtd mstyle mpadded".split(" "),
);
const ATTRIBUTES = new Set("stretchy width mathvariant accent lspace rspace".split(" "));

// An equation from lines of MathML. `places` says which number stands for which value; fill() writes the present.
export function mathematics(lines, places = {}) {
  const holes = [];
  const copy = (from) => {
    if (from.nodeType === Node.TEXT_NODE) return document.createTextNode(from.data);
    if (!ELEMENTS.has(from.nodeName)) throw new Error(`no MathML element: ${from.nodeName}`);
    const to = document.createElementNS(MATHML, from.nodeName);
    for (const { name, value } of from.attributes) if (ATTRIBUTES.has(name)) to.setAttribute(name, value);
    to.append(...[...from.childNodes].map(copy));
    if (from.nodeName === "mn" && from.textContent in places) holes.push([to, places[from.textContent]]);
    return to;
  };
  const nodes = lines.map((line) => copy(new DOMParser().parseFromString(line, "application/xml").documentElement));
  return { nodes, fill: (read) => holes.forEach(([hole, place]) => (hole.textContent = read(place))) };
}

// Fit an equation into its place: first each condition goes below its case, then the letters shrink.
export function fit(place) {
  place.style.fontSize = "";
  for (const row of place.querySelectorAll("mtr.condition")) row.previousSibling.append(...row.childNodes), row.remove();
  if (place.scrollWidth <= place.clientWidth) return;
  for (const row of place.querySelectorAll("mtr:has(> mtd + mtd)")) {
    const condition = document.createElementNS(MATHML, "mtr");
    condition.setAttribute("class", "condition");
    condition.append(row.lastChild);
    row.after(condition);
  }
  const ratio = place.clientWidth / place.scrollWidth;
  if (ratio < 1) place.style.fontSize = `${Math.max(ratio * 0.99, 0.66)}em`;
}

// ---- numbers ----

export const rounded = (x, digits) => Number(x.toPrecision(digits));

// A number for people: four digits.
export function shown(x) {
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return x.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(rounded(x, 4));
}

// A number for Python: the text that Python itself would write.
export function literal(x, integer) {
  if (integer) return String(x);
  const [digits, power] = x.toExponential().split("e").map((part, i) => (i ? Number(part) : part));
  if (x !== 0 && (power < -4 || power >= 16))
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  return Number.isInteger(x) ? `${x}.0` : String(x);
}

// The value at a place such as "p.inner.milestones[0]".
export const at = (p, place) => place.match(/\w+/g).slice(1).reduce((part, key) => part[key], p);

// A line of code with the places in it replaced.
export const filled = (template, read) => template.replace(/\bp(?:\.\w+|\[\d+\])+/g, read);

// ---- scales ----

export function scale(low, high, from, to, log = false) {
  const [f, inverse] = log ? [Math.log10, (x) => 10 ** x] : [Number, Number];
  const start = f(low);
  const ratio = (to - from) / (f(high) - start);
  return Object.assign((x) => from + (f(x) - start) * ratio, { inverse: (y) => inverse(start + (y - from) / ratio) });
}

const ROUND = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

// The smallest round number that is not below x: an axis that keeps still while a curve moves.
export function ceiling(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  return rounded(power * ROUND.find((r) => r * power >= x * (1 - 1e-9)), 3);
}

export function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((r) => r * power >= rough * (1 - 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => rounded((first + i) * step, 12));
}

const decades = (low, high) => {
  const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  return Array.from({ length: to - from + 1 }, (_, i) => rounded(10 ** (from + i), 1));
};

const power = (value) => `10${[...String(Math.round(Math.log10(value)))].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`;

// ---- the picture ----

const MARGIN = { left: 54, right: 22, top: 28, bottom: 42 };
const LINE = 17; // px, height of a line of text

// Curves over one axis, each labelled where it has most room, and a marker that can be dragged or moved by key.
// `names` are those of the axes; `onmove(x, settled)` hears where the reader points: null when no longer there.
export class Chart {
  constructor(names, onmove) {
    this.names = names;
    this.onmove = onmove;
    this.canvas = document.createElement("canvas").getContext("2d"); // measures text without a layout
    this.seats = new Map(); // where each label stood, so that it stays while it can
    this.axes = svg("g", { "aria-hidden": "true" });
    this.plot = svg("svg");
    this.notes = svg("g", { "aria-hidden": "true" });
    this.drawing = svg("g", { role: "img" }, this.axes, this.plot, this.notes);
    this.line = svg("line", { class: "helper" });
    this.readout = svg("text", { class: "halo", "aria-hidden": "true" });
    this.knob = svg("circle", {
      r: 7, class: "knob", tabindex: "0", role: "slider", "aria-label": names.x,
      "aria-description": "Arrow keys move by a hundredth, with Shift by one, page keys by a tenth",
      keydown: (event) => this.key(event),
    });
    this.svg = svg("svg", {
      class: "chart",
      pointermove: (event) => this.point(event), pointerdown: (event) => this.point(event),
      pointerup: () => (this.dragging = false), pointerleave: () => this.dragging || this.onmove(null, false),
      pointercancel: () => this.onmove((this.dragging = false) || null, false),
    }, this.drawing, this.line, this.readout, this.knob);
    this.element = html("div", { class: "picture" }, this.svg);
    this.measure();
  }

  // The size is read when it changes, not when a slider moves: asking makes the browser lay out the page.
  measure() {
    [this.width, this.height] = [this.element.clientWidth || 640, this.element.clientHeight || 320];
    this.frame = null;
  }

  point(event) {
    if (event.type === "pointerdown") {
      if (event.button !== 0) return;
      this.dragging = true;
      this.svg.setPointerCapture(event.pointerId);
      this.knob.focus({ preventScroll: true });
      event.preventDefault(); // no text is selected while the marker moves
    }
    if (!this.dragging && event.pointerType !== "mouse") return;
    const x = Math.round(this.x.inverse(event.clientX - this.svg.getBoundingClientRect().left));
    this.onmove(Math.min(Math.max(x, 0), this.view.xHigh), this.dragging);
  }

  key(event) {
    const { xHigh: high, marker } = this.view;
    const step = event.shiftKey ? 1 : Math.max(1, Math.round(high / 100));
    const page = Math.max(1, Math.round(high / 10));
    const moves = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step, PageUp: page, PageDown: -page, Home: -high, End: high };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.onmove(Math.min(Math.max(marker.x + moves[event.key], 0), high), true);
  }

  // view: { xHigh, yLow, yHigh, log, curves: [{ key, xs, ys, name, label, fill }], marker: { x, y, text }, summary }
  draw(view) {
    this.view = view;
    const { width, height } = this;
    const frame = [width, height, view.xHigh, view.yLow, view.yHigh, view.log].join();
    if (frame !== this.frame) this.drawFrame(width, height, view);
    this.frame = frame;
    view.curves.forEach((curve) => curve.frame !== frame && this.trace(curve, frame));
    this.plot.replaceChildren(...view.curves.filter((curve) => curve.fill && !view.log).map((curve) => this.area(curve)),
      ...view.curves.map((curve) => svg("path", { class: `curve ${curve.name}`, d: curve.d })));
    this.drawMarker(view.marker);
    this.notes.replaceChildren(...this.labels(view.curves));
    this.drawing.setAttribute("aria-label", view.summary);
  }

  drawFrame(width, height, { xHigh, yLow, yHigh, log }) {
    const { left, right, top, bottom } = MARGIN;
    const base = height - bottom;
    this.size = { width, height, base };
    this.canvas.font = `13px ${getComputedStyle(this.element).fontFamily}`;
    this.x = scale(0, xHigh, left, width - right);
    this.y = scale(yLow, yHigh, base, top, log);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    build(this.plot, { x: left, y: top - 3, width: width - left - right, height: base - top + 6, viewBox: `${left} ${top - 3} ${width - left - right} ${base - top + 6}` }, []);
    const rows = log ? decades(yLow, yHigh) : ticks(yLow, yHigh, height > 260 ? 5 : 4);
    const columns = ticks(0, xHigh, width > 480 ? 8 : 4);
    this.axes.replaceChildren(
      ...rows.flatMap((value) => [
        svg("line", { class: "grid", x1: left, x2: width - right, y1: this.y(value), y2: this.y(value) }),
        svg("text", { class: "tick", x: left - 8, y: this.y(value) + 4, "text-anchor": "end" }, log ? power(value) : shown(value)),
      ]),
      svg("line", { class: "axis", x1: left, x2: width - right, y1: base, y2: base }),
      ...columns.map((value) =>
        svg("text", { class: "tick", x: this.x(value), y: base + 17, "text-anchor": "middle" }, shown(value))),
      svg("text", { class: "name", x: 0, y: 13 }, this.names.y),
      svg("text", { class: "name", x: width - right, y: height - 6, "text-anchor": "end" }, this.names.x),
    );
  }

  trace(curve, frame) {
    const { xs, ys } = curve;
    const floor = this.size.base + 50; // where a logarithmic axis puts zero: out of sight
    const points = new Array(xs.length);
    curve.pixels = new Float64Array(xs.length);
    for (let i = 0; i < xs.length; i++) {
      const y = Math.min(Math.round(this.y(ys[i]) * 100) / 100, floor);
      curve.pixels[i] = y;
      points[i] = `${Math.round(this.x(xs[i]) * 100) / 100} ${y}`;
    }
    curve.d = `M${points.join("L")}`;
    curve.frame = frame;
  }

  area(curve) {
    const end = this.x(curve.xs[curve.xs.length - 1]);
    return svg("path", { class: "area", d: `${curve.d}L${end} ${this.size.base}L${this.x(0)} ${this.size.base}Z` });
  }

  drawMarker({ x, y, text }) {
    const { top } = MARGIN;
    const [px, py, wide] = [this.x(x), Math.min(this.y(y), this.size.base), this.wide(text)];
    const from = px + 12 + wide < this.size.width ? px + 10 : px - 10 - wide;
    const bottom = py - 12 > top + LINE ? py - 10 : py + 20;
    build(this.line, { x1: px, x2: px, y1: top, y2: this.size.base }, []);
    build(this.knob, { cx: px, cy: py, "aria-valuemin": 0, "aria-valuemax": this.view.xHigh, "aria-valuenow": x, "aria-valuetext": text }, []);
    build(this.readout, { x: from, y: bottom }, []);
    this.readout.textContent = text;
    this.taken = [{ from, to: from + wide, top: bottom - LINE, bottom: bottom + 4 }];
  }

  wide(text) {
    return this.canvas.measureText(text).width;
  }

  // Each label near its own curve, where it covers nothing; a small change does not move it.
  labels(curves) {
    const taken = [...this.taken];
    return curves.map((curve) => {
      const lines = this.lines(curve, curves);
      const seats = this.seatsFor(Math.max(...lines.map((line) => this.wide(line))), lines.length * LINE);
      const old = this.seats.get(curve.key);
      let [best, least] = [null, Infinity];
      for (const seat of seats) {
        const cost = this.cost(seat, curve, curves, taken, least) - (seat.id === old ? 14 : 0);
        if (cost < least) [best, least] = [seat, cost];
      }
      this.seats.set(curve.key, best.id);
      taken.push(best);
      const parts = lines.map((line, i) => svg("tspan", { x: best.from, y: best.top + (i + 1) * LINE - 4 }, line));
      return svg("text", { class: `label halo ${curve.name}` }, ...parts);
    });
  }

  // A narrow picture breaks its labels, and one of many curves leaves out all but their names.
  lines({ label, fill }, curves) {
    if (this.size.width >= 520) return [label.join(", ")];
    return curves.length > 2 && !fill ? label.slice(0, 1) : label;
  }

  seatsFor(wide, tall) {
    const { width, base } = this.size;
    const [first, room] = [MARGIN.left + 6, width - MARGIN.left - MARGIN.right - 8 - wide];
    const rows = Array.from({ length: Math.floor((base - MARGIN.top - tall) / 9) + 1 }, (_, i) => MARGIN.top + 9 * i);
    const places = Array.from({ length: 17 }, (_, i) => first + (room * i) / 16);
    return places.flatMap((from, i) => rows.map((top) => ({ id: `${i} ${top}`, from, to: from + wide, top, bottom: top + tall })));
  }

  // What speaks against a seat: being far from its curve, covering something, standing nearer to another curve.
  cost(seat, own, curves, taken, enough) {
    const near = this.gap(own, seat);
    let cost = near === 0 ? 300 : Math.abs(near - 6) * 2;
    for (const other of taken)
      if (seat.from < other.to && other.from < seat.to && seat.top < other.bottom && other.top < seat.bottom) cost += 2000;
    for (const curve of curves) {
      if (curve === own || cost > enough + 14) continue;
      const gap = this.gap(curve, seat);
      cost += gap === 0 ? 400 : gap < near ? 40 : 0;
    }
    return cost;
  }

  // How far a curve passes above or below a box, 0 when it passes through.
  gap({ pixels }, { from, to, top, bottom }) {
    const last = pixels.length - 1;
    const ratio = last / (this.size.width - MARGIN.left - MARGIN.right);
    const end = Math.min(last, Math.ceil((to - MARGIN.left) * ratio));
    const start = Math.max(0, Math.floor((from - MARGIN.left) * ratio));
    const stride = Math.max(1, Math.ceil((end - start) / 16));
    let least = Infinity;
    for (let i = start; i < end; i += stride) {
      const one = pixels[i];
      const two = pixels[Math.min(i + stride, last)];
      const gap = Math.max(Math.min(one, two) - bottom, top - Math.max(one, two));
      if (gap <= 0) return 0;
      if (gap < least) least = gap;
    }
    return least;
  }
}

// ---- controls ----

const NOTCHES = 400; // places on a logarithmic slider

// Where a slider of this fact stands and what its place means: [lowest, highest, step, place of value, value of place].
function notches({ low, high, log, integer }) {
  const tidy = (x) => (integer ? Math.round(x) : rounded(x, log ? 3 : 12));
  if (log) {
    const place = scale(low, high, 0, NOTCHES, true);
    return [0, NOTCHES, 1, (x) => (x > low ? place(x) : 0), (y) => tidy(place.inverse(y))];
  }
  const step = 10 ** Math.floor(Math.log10((high - low) / 200));
  return [low, high, integer ? Math.max(1, Math.round(step)) : step, Number, tidy];
}

// Why a value is refused, in the words of the check that guards the Python side; null when it is fit.
export function refusal({ integer, refusals }, value) {
  if (Number.isNaN(value)) return "be a number";
  if (!Number.isFinite(value)) return refusals[5];
  if (integer && !Number.isInteger(value)) return refusals[2];
  return refusals[value < 0 ? 0 : value === 0 ? 1 : value < 1 ? 2 : value === 1 ? 3 : 4];
}

// One row: symbol, name, slider, editable number, unit. `link` has read(), write(value), reset() and note(text).
export function control(fact, link, id) {
  const [min, max, step, place, value] = notches(fact);
  const name = `${fact.plain} ${fact.words}`;
  const range = html("input", {
    type: "range", class: "range", id, min, max, step,
    title: "double click or Delete: back to the start",
    input: () => { link.write(value(Number(range.value))); update(); },
    dblclick: link.reset,
    keydown: (event) => event.key === "Delete" && link.reset(),
  });
  const number = html("input", {
    type: "text", class: "number", inputmode: "decimal", autocomplete: "off", "aria-label": `${name}, exact value`,
    change: () => {
      const wish = number.value.trim() === "" ? NaN : Number(number.value);
      const why = refusal(fact, wish);
      if (why === null) link.write(wish);
      else link.note(`${name} must ${why}, got ${number.value.trim() || "nothing"}; ${shown(link.read())} stays.`);
      update();
    },
  });
  function update() {
    const now = link.read();
    range.value = place(now);
    range.setAttribute("aria-valuetext", `${shown(now)} ${fact.unit}`.trim());
    number.value = String(rounded(now, 12));
  }
  const label = html("label", { for: id }, html("span", {}, ...mathematics([fact.symbol]).nodes), html("span", {}, fact.words));
  const cell = html("span", { class: "value" }, number, html("span", { class: "unit" }, fact.unit));
  return { element: html("div", { class: "row" }, label, range, cell), update };
}

export function checkbox(words, change) {
  const box = html("input", { type: "checkbox", change: () => change(box.checked) });
  return { element: html("label", { class: "check" }, box, ` ${words}`), set: (on, disabled = false) => Object.assign(box, { checked: on, disabled }) };
}

// A line of code with its button. Where the clipboard is closed the text is selected instead.
export function copyable(words, say) {
  const code = html("code");
  const select = () => getSelection().selectAllChildren(code);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      say(`copied: ${words}`);
    } catch {
      select();
      say(`${words} is selected: copy it with the keyboard`);
    }
    button.textContent = "copied";
    button.addEventListener("blur", () => (button.textContent = "copy"), { once: true });
  };
  const button = html("button", { type: "button", "aria-label": `copy ${words}`, click: copy }, "copy");
  const pre = html("pre", { tabindex: "0", "aria-label": words }, code);
  return { element: html("div", { class: "code" }, html("span", { class: "muted" }, words), button, pre), set: (text) => (code.textContent = text) };
}

// A place that says results in words, at most twice a second, the last one always.
export function speaker(pause = 500) {
  const element = html("p", { class: "unseen", role: "status" });
  let [timer, next] = [null, null];
  const speak = () => {
    timer = null;
    if (next === null) return;
    [element.textContent, next] = [next, null];
    timer = setTimeout(speak, pause);
  };
  const say = (text) => {
    next = text;
    if (timer === null) speak();
  };
  return { element, say, stop: () => clearTimeout(timer) };
}

export function table(head, rows) {
  const cells = (tag, values) => html("tr", {}, ...values.map((value, i) => html(i ? tag : "th", { scope: tag === "th" ? "col" : i ? false : "row" }, value)));
  return html("table", {}, html("thead", {}, cells("th", head)), html("tbody", {}, ...rows.map((row) => cells("td", row))));
}

// ---- the whole ----

// An explorer stands in a shadow root: the page's styles and scripts (MathJax takes every <math> it sees) stay
// out, ids stay in. `draw(ui)` fills ui.body and may push what has to be stopped to ui.stops.
export function mount(el, css, draw) {
  const host = html("div");
  const body = html("div", { class: "ex" });
  host.attachShadow({ mode: "open" }).append(html("style", {}, css), body);
  el.append(host);
  const stops = [() => host.remove(), ...followTheme(body)];
  draw({ body, stops });
  return () => stops.forEach((stop) => stop());
}

// Dark where the text is light, whoever made it so.
function followTheme(body) {
  const look = () => {
    const [r, g, b] = getComputedStyle(body).color.match(/[\d.]+/g).map(Number);
    body.toggleAttribute("data-dark", 0.3 * r + 0.59 * g + 0.11 * b > 140);
  };
  const observer = new MutationObserver(look);
  const attributeFilter = ["data-theme", "data-jp-theme-light", "theme", "class", "style"];
  for (const root of [document.documentElement, document.body]) observer.observe(root, { attributes: true, attributeFilter });
  look();
  return [() => observer.disconnect()];
}

// Call `act` when the element gets another width, and not before.
export function whenResized(element, act) {
  let width = null;
  const observer = new ResizeObserver(([{ contentRect }]) => {
    if (width !== null && contentRect.width !== width) act();
    width = contentRect.width;
  });
  observer.observe(element);
  return () => observer.disconnect();
}
