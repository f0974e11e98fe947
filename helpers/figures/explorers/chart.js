// Curves over one axis: labelled where they have room, with a marker that can be dragged or moved by key.

import { build, html, scale, shown, svg, ticks } from "./explorer.js";

const decades = (low, high) => {
  const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  return Array.from({ length: to - from + 1 }, (_, i) => rounded(10 ** (from + i), 1));
};

const raised = (character) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(character)];
const power = (value) => `10${[...String(Math.round(Math.log10(value)))].map(raised).join("")}`;

const MARGIN = { left: 54, right: 22, top: 28, bottom: 42 };
const LINE = 17; // px, height of a line of text

// `names` are those of the axes; `onmove(x, settled)` hears where the reader points, null for nowhere.
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
      r: 7,
      class: "knob",
      tabindex: "0",
      role: "slider",
      "aria-label": names.x,
      "aria-description": "Arrow keys move by a hundredth, with Shift by one, page keys by a tenth",
      keydown: (event) => this.key(event),
    });
    this.svg = svg(
      "svg",
      {
        class: "chart",
        pointermove: (event) => this.point(event),
        pointerdown: (event) => this.point(event),
        pointerup: () => (this.dragging = false),
        pointerleave: () => this.dragging || this.onmove(null, false),
        pointercancel: () => this.onmove((this.dragging = false) || null, false),
      },
      this.drawing,
      this.line,
      this.readout,
      this.knob,
    );
    this.element = html("div", { class: "picture" }, this.svg);
    this.measure();
  }

  // The size is read when it changes, not when a slider moves: asking makes the browser lay out the page.
  measure() {
    [this.width, this.height] = [this.element.clientWidth || 640, this.element.clientHeight || 320];
    this.canvas.font = `13px ${getComputedStyle(this.element).fontFamily}`;
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
    const moves = {
      ArrowRight: step,
      ArrowUp: step,
      ArrowLeft: -step,
      ArrowDown: -step,
      PageUp: page,
      PageDown: -page,
      Home: -high,
      End: high,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.onmove(Math.min(Math.max(marker.x + moves[event.key], 0), high), true);
  }

  // view: { xHigh, yLow, yHigh, log, summary, marker: { x, y, text },
  //         curves: [{ key, xs, ys, name, label: [line, ...], fill }] }
  draw(view) {
    this.view = view;
    const { width, height } = this;
    const frame = [width, height, view.xHigh, view.yLow, view.yHigh, view.log].join();
    if (frame !== this.frame) this.drawFrame(width, height, view);
    this.frame = frame;
    view.curves.forEach((curve) => curve.frame !== frame && this.trace(curve, frame));
    this.plot.replaceChildren(
      ...view.curves.filter((curve) => curve.fill && !view.log).map((curve) => this.area(curve)),
      ...view.curves.map((curve) => svg("path", { class: `curve ${curve.name}`, d: curve.d })),
    );
    this.drawMarker(view.marker);
    this.notes.replaceChildren(...this.labels(view.curves));
    this.drawing.setAttribute("aria-label", view.summary);
  }

  drawFrame(width, height, { xHigh, yLow, yHigh, log }) {
    const { left, right, top, bottom } = MARGIN;
    const base = height - bottom;
    this.size = { width, height, base };
    this.x = scale(0, xHigh, left, width - right);
    this.y = scale(yLow, yHigh, base, top, log);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    build(
      this.plot,
      {
        x: left,
        y: top - 3,
        width: width - left - right,
        height: base - top + 6,
        viewBox: `${left} ${top - 3} ${width - left - right} ${base - top + 6}`,
      },
      [],
    );
    const rows = log ? decades(yLow, yHigh) : ticks(yLow, yHigh, height > 260 ? 5 : 4);
    const columns = ticks(0, xHigh, width > 480 ? 8 : 4);
    this.axes.replaceChildren(
      ...rows.flatMap((value) => [
        svg("line", { class: "grid", x1: left, x2: width - right, y1: this.y(value), y2: this.y(value) }),
        svg(
          "text",
          { class: "tick", x: left - 8, y: this.y(value) + 4, "text-anchor": "end" },
          log ? power(value) : shown(value),
        ),
      ]),
      svg("line", { class: "axis", x1: left, x2: width - right, y1: base, y2: base }),
      ...columns.map((value) =>
        svg("text", { class: "tick", x: this.x(value), y: base + 17, "text-anchor": "middle" }, shown(value)),
      ),
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
    return svg("path", {
      class: "area",
      d: `${curve.d}L${end} ${this.size.base}L${this.x(0)} ${this.size.base}Z`,
    });
  }

  drawMarker({ x, y, text }) {
    const { top } = MARGIN;
    const [px, py, wide] = [this.x(x), Math.min(this.y(y), this.size.base), this.wide(text)];
    const from = px + 12 + wide < this.size.width ? px + 10 : px - 10 - wide;
    const bottom = py - 12 > top + LINE ? py - 10 : py + 20;
    build(this.line, { x1: px, x2: px, y1: top, y2: this.size.base }, []);
    build(
      this.knob,
      {
        cx: px,
        cy: py,
        "aria-valuemin": 0,
        "aria-valuemax": this.view.xHigh,
        "aria-valuenow": x,
        "aria-valuetext": text,
      },
      [],
    );
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
    const named = curves.filter((curve) => curve.label);
    return named.map((curve) => {
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
      const parts = lines.map((line, i) =>
        svg("tspan", { x: best.from, y: best.top + (i + 1) * LINE - 4 }, line),
      );
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
    const rows = Array.from(
      { length: Math.floor((base - MARGIN.top - tall) / 9) + 1 },
      (_, i) => MARGIN.top + 9 * i,
    );
    const places = Array.from({ length: 17 }, (_, i) => first + (room * i) / 16);
    return places.flatMap((from, i) =>
      rows.map((top) => ({ id: `${i} ${top}`, from, to: from + wide, top, bottom: top + tall })),
    );
  }

  // What speaks against a seat: being far from its curve, covering something, being nearer to another curve.
  cost(seat, own, curves, taken, enough) {
    const near = this.gap(own, seat);
    let cost = near === 0 ? 300 : Math.abs(near - 6) * 2;
    for (const other of taken)
      if (seat.from < other.to && other.from < seat.to && seat.top < other.bottom && other.top < seat.bottom)
        cost += 2000;
    for (const curve of curves) {
      if (curve === own || cost > enough + 14) continue;
      const gap = this.gap(curve, seat);
      cost += gap === 0 ? 400 : gap < near ? 40 : 0;
    }
    return cost;
  }

  // How far a curve passes above or below a box, 0 when it passes through; its nearest point counts most.
  gap({ pixels }, { from, to, top, bottom }) {
    const last = pixels.length - 1;
    const ratio = last / (this.size.width - MARGIN.left - MARGIN.right);
    const end = Math.min(last, Math.ceil((to - MARGIN.left) * ratio));
    const start = Math.max(0, Math.floor((from - MARGIN.left) * ratio));
    const stride = Math.max(1, Math.ceil((end - start) / 16));
    let [least, sum, count] = [Infinity, 0, 0];
    for (let i = start; i < end; i += stride) {
      const one = pixels[i];
      const two = pixels[Math.min(i + stride, last)];
      const gap = Math.max(Math.min(one, two) - bottom, top - Math.max(one, two));
      if (gap <= 0) return 0;
      if (gap < least) least = gap;
      sum += gap;
      count += 1;
    }
    return 0.7 * least + (0.3 * sum) / count;
  }
}
