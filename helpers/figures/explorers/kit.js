// What every explorer is made of. A family says view(state, ui): a pure function that gives trees. They are
// patched into the page whenever the state changes, and written as markup once, where the page is made.
// Nothing here is global, nothing is fetched, no timer runs unless a reader has just moved something, and text
// becomes text nodes, never markup.

// ---- trees ----

const SPACES = { svg: "http://www.w3.org/2000/svg", math: "http://www.w3.org/1998/Math/MathML" };
const VOID = new Set(["input"]);
const CONTROLS = new Set(["input", "select", "button"]);

// An element: attributes that are functions hear the event of their name; children are trees, texts or nothing.
export const h = (tag, attributes, ...children) => ({
  tag, attributes: attributes ?? {}, children: children.flat(Infinity).filter((child) => child != null && child !== false),
});

// A formula: Python writes MathML as lists, ["mo", { stretchy: "false" }, "("]; `read` says what stands for a text.
export function mathematics(node, read = (text) => text) {
  if (!Array.isArray(node)) return read(node);
  const [tag, ...parts] = node;
  const attributes = parts[0]?.constructor === Object ? parts.shift() : {};
  return h(tag, attributes, parts.map((part) => mathematics(part, read)));
}

const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

// A tree as markup, in which nothing can be pressed, what hears keys takes no focus, and no id is taken.
export function markup(tree) {
  if (!tree.tag) return escaped(tree);
  const { tag, attributes, children } = tree;
  const said = Object.entries({ ...attributes, disabled: CONTROLS.has(tag), ...(attributes.keydown && { tabindex: null }) })
    .filter(([name, value]) => !["id", "for", "key"].includes(name) && value != null && value !== false && typeof value !== "function")
    .map(([name, value]) => (value === true ? ` ${name}` : ` ${name}="${escaped(value)}"`));
  return `<${tag}${said.join("")}>${VOID.has(tag) ? "" : `${children.map(markup).join("")}</${tag}>`}`;
}

// Nodes stay as long as their place, tag and key do, so that focus, selection and dragging survive.
export function patch(parent, trees, space = null) {
  trees.forEach((tree, i) => {
    const old = parent.childNodes[i];
    const node = tree.tag ? patchElement(old, tree, SPACES[tree.tag] ?? space) : patchText(old, String(tree));
    if (!old) parent.append(node);
    else if (node !== old) old.replaceWith(node);
  });
  while (parent.childNodes.length > trees.length) parent.lastChild.remove();
}

function patchText(old, text) {
  if (old?.nodeType !== 3) return document.createTextNode(text);
  if (old.data !== text) old.data = text;
  return old;
}

function patchElement(old, tree, space) {
  const { tag, attributes, children } = tree;
  if (old?.tree === tree) return old; // a tree that was kept is as it was
  const stays = old?.tree?.tag === tag && old.tree.attributes.key === attributes.key;
  const node = stays ? old : space ? document.createElementNS(space, tag) : document.createElement(tag);
  const before = stays ? old.tree.attributes : {};
  for (const name in { ...before, ...attributes }) {
    const value = attributes[name];
    if (name === "key") continue;
    if (typeof value === "function" || typeof before[name] === "function") {
      if (!before[name]) node.addEventListener(name, (event) => node.tree.attributes[name]?.(event));
    } else if (name === "value" && value === before.value && node.type === "text" && node.matches(":focus")) continue; // somebody types
    else if (name === "value" || name === "checked" || name === "open") node[name] = value;
    else if (value == null || value === false) node.removeAttribute(name);
    else if (value !== before[name]) node.setAttribute(name, value === true ? "" : value);
  }
  node.tree = tree;
  patch(node, children, space);
  if (tag === "select") node.value = attributes.value; // a menu knows its choices only now
  return node;
}

// ---- numbers ----

export const rounded = (x, digits) => Number(x.toPrecision(digits));
const raised = (k) => `10${[...String(k)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`;
const signed = (text) => text.replaceAll("-", "−");

// A power of ten as a tick says it.
export const powerOfTen = (k) => (k === 0 ? "1" : raised(k));

// A number for people: four digits, or three and a power of ten.
export function shown(x, digits = 4) {
  const size = Math.abs(x);
  if (size === 0 || !Number.isFinite(x) || (size >= 1e-4 && size < 1e6)) return signed(String(rounded(x, digits)));
  const [left, power] = x.toExponential(Math.min(digits - 1, 2)).split("e");
  const [factor, tens] = [Number(left), raised(Number(power))];
  return Math.abs(factor) === 1 ? `${factor < 0 ? "−" : ""}${tens}` : `${signed(String(factor))}·${tens}`;
}

// A number for Python: the text that Python itself would write.
export function literal(x, integer = false) {
  if (integer) return String(x);
  const [digits, power] = x.toExponential().split("e");
  if (x !== 0 && (power < -4 || power >= 16))
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  return Number.isInteger(x) ? `${x}.0` : String(x);
}

// The value at a place such as "p.inner.milestones[0]", and a text with such places in it replaced.
export const at = (p, place) => place.match(/\w+/g).slice(1).reduce((part, key) => part[key], p);
export const filled = (template, read) => template.replace(/\bp(?:\.\w+|\[\d+\])+/g, read);

// ---- controls ----

const NOTCHES = 400; // places on a logarithmic slider
const ARROWS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

// A slider of this fact: its ends, its step, the place of a value, the value of a place.
function notches({ low, high, log, integer }) {
  const tidy = (x) => (integer ? Math.round(x) : rounded(x, log ? 3 : 12));
  if (log) {
    const ratio = NOTCHES / Math.log(high / low);
    return [0, NOTCHES, 1, (x) => (x > low ? Math.log(x / low) * ratio : 0), (y) => tidy(low * Math.exp(y / ratio))];
  }
  const step = 10 ** Math.floor(Math.log10((high - low) / 200));
  return [low, high, integer ? Math.max(1, Math.round(step)) : step, Number, tidy];
}

const contains = ({ low = -Infinity, high = Infinity, ends }, x) =>
  (ends[0] === "[" ? x >= low : x > low) && (ends[1] === "]" ? x <= high : x < high);

// Why a value is refused, in the words of the interval that guards the Python side; null when it is fit.
export function refusal({ allowed, hard, low, high }, value) {
  if (Number.isNaN(value)) return "be a number";
  if (allowed.integer && !Number.isInteger(value)) return "be a whole number";
  if (!Number.isFinite(value)) return "be finite";
  if (!contains(allowed, value)) return `be ${allowed.words}`;
  return hard && (value < low || value > high) ? `be in [${low}, ${high}]` : null;
}

// What a reader has typed goes to `write`, or `note` says why not and the old value stands again.
export function field(name, fact, value, { write, note }, attributes) {
  const change = ({ target }) => {
    const text = target.value.trim().replace("−", "-");
    const wish = text === "" ? NaN : Number(text);
    target.value = String(rounded(value, 12));
    const why = refusal(fact, wish);
    if (why === null) write(wish);
    else note(`${name} must ${why}, got ${text || "nothing"}; ${shown(value)} stays.`);
  };
  return h("input", { type: "text", class: "number", inputmode: "decimal", autocomplete: "off", value: String(rounded(value, 12)), change, ...attributes });
}

// One row: symbol, name, slider, editable number, unit; the first of a group is apart from what is above it.
export function slider(fact, value, { write, reset, note }, id, style = null) {
  const [min, max, step, place, valueOf] = notches(fact);
  const name = `${fact.plain} ${fact.words}`;
  const moved = ({ target }) => write(valueOf(Number(target.value)));
  const keydown = (event) => {
    if (event.key === "Delete") return reset();
    const way = ARROWS[event.key]; // a notch that ends at the same whole number goes on to the next
    if (!fact.integer || !way || valueOf(Number(event.target.value) + way * step) !== value) return;
    event.preventDefault();
    write(Math.min(Math.max(value + way, fact.low), fact.high));
  };
  return h("div", { class: fact.apart ? "row apart" : "row", key: name, style },
    h("label", { for: id }, h("span", {}, mathematics(fact.symbol)), h("span", {}, fact.words)),
    h("input", { type: "range", class: "range", id, min, max, step, value: place(value), "aria-label": name,
      "aria-valuetext": `${shown(value)} ${fact.unit}`.trim(), title: "double click or Delete: back to the start",
      input: moved, dblclick: reset, keydown }),
    h("span", { class: "value" },
      field(name, fact, value, { write, note }, { "aria-label": `${name}, exact value` }),
      h("span", { class: "unit" }, fact.unit)));
}

// A menu of [value, words], or of values alone; the value keeps its type.
export function menu(words, choices, value, write, attributes = {}) {
  const pairs = choices.map((choice) => (Array.isArray(choice) ? choice : [choice, String(choice)]));
  const change = ({ target }) => write(pairs[target.selectedIndex][0]);
  const options = pairs.map(([key, name]) => h("option", { value: key, selected: key === value }, name));
  return h("label", { class: "choice", ...attributes }, words, h("select", { "aria-label": words, value, change }, options));
}

export const check = (words, checked, write, attributes = {}) =>
  h("label", { class: "check", hidden: attributes.hidden },
    h("input", { type: "checkbox", checked, change: ({ target }) => write(target.checked), ...attributes }), ` ${words}`);

export const button = (words, click, attributes = {}) => h("button", { type: "button", click, ...attributes }, words);

export const table = ([head, ...rows]) => h("table", {},
  h("thead", {}, h("tr", {}, head.map((cell) => h("th", { scope: "col" }, cell)))),
  h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, i) => h(i ? "td" : "th", i ? {} : { scope: "row" }, String(cell)))))));

// ---- the whole ----

// A view gives what is its own, and nearly all of it may be missing:
//   bar         trees above the picture: menus, boxes
//   picture     { height, marks, knob, point, name }; with `side` a second one beside it. Where CSS gives the height,
//               by the name, `tall` may say it of the drawing
//   summary     the result in words, which is the picture's label and what is said
//   below       trees under the picture: buttons; `words`: a sentence under them
//   rows        the sliders, [{ path, fact }], if not those of the catalog; `extras`: trees among the controls
//   equation    { key, lines }: formulas; with numbers in `places`, `read(place)` says what stands there. Where
//               there are `values` too, a box offers these lines instead
//   codes       [[words, code]] to copy
//   rows of the table: numbers(), a list of tables, each with its head; asked for when it is open
//   hides       the names of fields whose sliders are not there now; their place is kept
function page(family, state, ui) {
  const view = (ui.view = family.view(state, ui));
  const controls = (view.rows ?? catalog.rows).map((row, i) => slider(catalog.facts[row.fact], read(state, row.path), ui.link(row),
    `slider-${i}`, view.hides?.includes(row.path[0]) ? "visibility: hidden" : null));
  const ends = h("span", { class: "ends" },
    ui.share ? button("Link", ui.share, { class: "reset" }) : null, button("Reset", ui.reset, { class: "reset" }));
  const pinning = h("div", { class: "pinning" }, view.below, ends);
  const words = view.words == null ? null : h("p", { class: "muted note", style: view.room ? `--more: ${view.room}` : null }, view.words);
  const message = h("p", { class: "message" }, ui.message);
  const sliders = h("div", { class: "controls" }, controls, view.extras);
  const { equation: formula, codes } = view;
  return [
    h("div", { class: "prompts", role: "group", "aria-label": "Try" }, h("span", { class: "muted" }, "Try"),
      catalog.prompts.map(({ text, state: wish }) => button(text, () => ui.set(structuredClone(wish), text), { class: "prompt" }))),
    view.bar ? h("div", { class: "bar" }, view.bar) : null,
    view.side
      ? [h("div", { class: "stage" },
          h("div", {}, picture(view, view.picture, ui, 0), sliders), h("div", {}, picture(view, view.side, ui, 1), pinning)), message, words]
      : h("div", { class: "stage" }, h("div", {}, picture(view, view.picture, ui, 0), pinning, words), h("div", {}, sliders, message)),
    formula ? h("div", { class: "formula", style: formula.room ? `min-height: ${formula.room}px` : null },
      h("div", { class: "equation" }, h("div", { style: ui.fit.size < 1 ? `font-size: ${ui.fit.size}em` : null }, equation(formula, ui))),
      formula.values ? check("with the present values", ui.local.values ?? false, (values) => ui.look({ values })) : null) : null,
    codes ? h("div", { class: "codes" }, codes.map(([name, code]) => codeLine(name, code, ui))) : null,
    view.numbers ? h("details", { toggle: ({ target }) => target.open === !!ui.local.table || ui.look({ table: target.open }) },
      h("summary", {}, "The numbers as a table"),
      h("div", { class: "rates" }, ui.local.table ? view.numbers().map((part) => (Array.isArray(part) ? table(part) : h("p", { class: "muted" }, part))) : null)) : null,
    h("p", { class: "unseen", role: "status" }, ui.said),
  ].flat().filter(Boolean);
}

// What `make` gives, made anew only when the inputs are others. A kept tree is not patched either.
export function memo(ui, name, inputs, make) {
  const key = JSON.stringify(inputs);
  if (ui.memory[name]?.key !== key) ui.memory[name] = { key, made: make() };
  return ui.memory[name].made;
}

export const read = (state, path) => path.reduce((part, key) => part?.[key], state);
const replaced = (part, [key, ...rest], value) => {
  const copy = Array.isArray(part) ? [...part] : { ...part };
  copy[key] = rest.length ? replaced(part[key], rest, value) : value;
  return copy;
};

// The drawing is one image with a label; the knob beside it is a control of its own.
function picture({ summary }, { height, tall, marks, knob: control, point, name = "", label = summary }, ui, i) {
  const box = `0 0 ${ui.widths[i]} ${tall ?? height ?? ui.heights[i]}`;
  return h("div", { class: `picture ${name}`.trim(), style: height ? `height: ${height}px` : null },
    h("svg", { class: "chart", role: "presentation", viewBox: box, style: point ? null : "cursor: default", ...pointing(point) },
      h("g", { role: "img", "aria-label": label }, marks), control));
}

// What a pointer does: `point({ x, y, phase })`, the phase being down, drag, up, hover (a mouse alone) or leave. Of
// several knobs, what `point` gives at down is the number of the one that gets the focus.
function pointing(point) {
  if (!point) return {};
  const tell = (event, phase) => {
    const box = event.currentTarget.getBoundingClientRect();
    return point({ x: event.clientX - box.left, y: event.clientY - box.top, phase });
  };
  return {
    pointerdown(event) {
      if (event.button !== 0) return;
      const { currentTarget: chart } = event;
      chart.setPointerCapture(event.pointerId);
      event.preventDefault(); // no text is selected while something moves
      chart.getRootNode().activeElement?.blur(); // what was typed is read first
      const taken = tell(event, "down") || 0;
      chart.querySelectorAll("[tabindex]")[taken]?.focus({ preventScroll: true });
    },
    pointermove(event) {
      const isHeld = event.currentTarget.hasPointerCapture(event.pointerId);
      if (isHeld || event.pointerType === "mouse") tell(event, isHeld ? "drag" : "hover");
    },
    pointerup: (event) => tell(event, "up"),
    pointercancel: (event) => tell(event, "leave"),
    pointerleave: (event) => event.currentTarget.hasPointerCapture(event.pointerId) || tell(event, "leave"),
  };
}

// A part of a picture that keys move, such as a frame: `moves` says for each key what it does.
export function handle(tag, { label, low, high, value, said, moves, hint, ...more }) {
  const keydown = (event) => {
    if (!(event.key in moves)) return;
    event.preventDefault();
    moves[event.key](event.shiftKey);
  };
  return h(tag, { tabindex: "0", role: "slider", "aria-label": label, "aria-description": hint, "aria-valuemin": low,
    "aria-valuemax": high, "aria-valuenow": value, "aria-valuetext": said, keydown, ...more });
}

// A handle that is a point.
export const knob = (x, y, about) => handle("circle", { class: "knob", r: 7, cx: rounded(x, 6), cy: rounded(y, 6), ...about });

// The keys of a handle: arrows move by a step, with Shift by the finest one, page keys by a leap.
export function strides(value, { low, high, fine, step, leap }, write) {
  const by = (size, way) => (isFine) => write(value + way * (isFine ? fine : size));
  return { ArrowRight: by(step, 1), ArrowUp: by(step, 1), ArrowLeft: by(step, -1), ArrowDown: by(step, -1),
    PageUp: by(leap, 1), PageDown: by(leap, -1), Home: () => write(low), End: () => write(high) };
}

// A line of code with its button. Where the clipboard is closed the text is selected instead.
function codeLine(words, code, ui) {
  const copy = async ({ currentTarget: pressed }) => {
    const done = await navigator.clipboard?.writeText(code).then(() => true, () => false);
    if (!done) getSelection().selectAllChildren(pressed.parentNode.querySelector("code"));
    ui.say(done ? `copied: ${words}` : `${words} is selected: copy it with the keyboard`);
    ui.look({ copied: words });
  };
  const name = ui.local.copied === words ? "copied" : "copy";
  return h("div", { class: "code" }, h("span", { class: "muted" }, words),
    button(name, copy, { "aria-label": `copy ${words}`, blur: () => name === "copied" && ui.look({ copied: null }) }),
    h("pre", { tabindex: "0", "aria-label": words }, h("code", {}, code)));
}

function equation({ lines, values, places = {}, read: valueAt }, ui) {
  const trees = (values && ui.local.values ? values : lines).map((line) => mathematics(line, (part) => (part in places ? valueAt(places[part]) : part)));
  return ui.fit.stacked ? trees.map(stacked) : trees;
}

// An equation in which each condition stands below its case.
function stacked(tree) {
  if (!tree.tag) return tree;
  const rows = tree.children.map(stacked).flatMap((child) => {
    if (child.tag !== "mtr" || child.children.length < 2) return [child];
    const condition = child.children.at(-1);
    return [h("mtr", {}, ...child.children.slice(0, -1)), h("mtr", { class: "condition" }, condition)];
  });
  return { ...tree, children: rows };
}

const START = { message: "", said: "", local: {}, memory: {}, fit: { stacked: false, size: 1 } };

// Once, where the page is made: the markup of a state, 720 px wide.
export function still(family, state) {
  const nothing = () => {};
  const wide = (text) => 6.6 * text.length; // px; what a letter of 13 px takes on average
  const ui = { ...START, widths: [720, 720], width: 720, heights: [330, 330], wide, first: state, set: nothing, look: nothing, share: nothing, link: () => ({}) };
  return page(family, state, ui).map(markup).join("");
}

// In a page and in a notebook: what anywidget renders. What goes on by itself is the `begin({ model, ui, state, body })`
// of a family, which gives `follow()`, called after each drawing, and `end()`.
export const explorer = (family) => ({ family, render: ({ model, el }) => mount(el, (body) => live(family, model, body)) });

function live(family, model, body) {
  const state = () => Object.fromEntries(catalog.names.map((name) => [name, model.get(name)]));
  const canvas = document.createElement("canvas").getContext("2d"); // measures text without a layout
  const widths = new Map();
  const [speaking, fits] = [{ timer: null, next: null }, { key: null }];
  let busy = false;
  const isFit = (fact, value) => value === undefined || refusal(catalog.facts[fact], value) === null; // a list may be shorter
  const isKnown = (wish) => catalog.rows.every(({ path, fact }) => isFit(fact, read(wish, path))) && (family.knows?.(wish) ?? true);
  if (!isKnown(state())) throw new Error("no such state");
  const say = (text) => {
    speaking.next = text;
    if (speaking.timer === null) speak();
  };
  // At most twice a second, the last one always.
  function speak() {
    speaking.timer = null;
    if (speaking.next === null) return;
    [ui.said, speaking.next] = [speaking.next, null];
    speaking.timer = setTimeout(speak, 500);
    body.querySelector("[role=status]").textContent = ui.said;
  }
  const ui = {
    ...START, local: {}, memory: {}, widths: [640, 640], heights: [320, 320], width: 640,
    first: structuredClone(model.start ?? state()), say,
    wide(text) {
      if (!widths.has(text)) widths.set(text, canvas.measureText(text).width);
      return widths.get(text);
    },
    set(changes, words = "") {
      busy = true;
      for (const [name, value] of Object.entries(changes)) model.set(name, value);
      busy = false;
      model.save_changes();
      ui.message = words;
      draw();
      say(`${words} ${ui.view.summary}`.trim());
    },
    // What is looked at, and no part of the state: an open table, the step under the pointer.
    look(changes) {
      Object.assign(ui.local, changes);
      draw();
    },
    note(text) {
      ui.message = text;
      draw();
      if (text) say(text);
    },
    // What a slider of this row reads and writes; a family may change the wish, or refuse it with a sentence.
    link(row) {
      const { path } = row;
      const write = (wish) => {
        const now = state();
        const { value = wish, words = "", refused } = family.bounded?.(row, wish, now) ?? {};
        if (refused) {
          const { plain, words: name } = catalog.facts[row.fact];
          return ui.note(`${plain} ${name} must ${refused}, got ${wish}; ${shown(read(now, path))} stays.`);
        }
        ui.set({ [path[0]]: replaced(now, path, value)[path[0]] }, words);
      };
      const start = () => family.start?.(row, state(), ui) ?? read(ui.first, path) ?? catalog.facts[row.fact].example;
      return { write, reset: () => write(start()), note: ui.note };
    },
    reset: () => ui.set(structuredClone(ui.first), "everything is back at the start."),
    share: model.link && (async () => {
      const address = model.link();
      history.replaceState(history.state, "", address);
      const copied = await navigator.clipboard?.writeText(address).then(() => true, () => false);
      ui.note(copied ? "the link to this state is copied." : "the address of the page now leads to this state.");
    }),
  };
  function draw() {
    patch(body, page(family, state(), ui));
    life?.follow();
    // An equation that has another key, or another width, is fitted into its place anew.
    const place = body.querySelector(".equation > div");
    const key = `${ui.view.equation?.key} ${ui.width} ${ui.local.values}`;
    if (!place || key === fits.key) return;
    fits.key = key;
    for (const fit of [{ stacked: false, size: 1 }, { stacked: true, size: 1 }, null]) {
      const ratio = place.clientWidth / place.scrollWidth;
      if (fit === null && ratio >= 1) break;
      ui.fit = fit ?? { stacked: true, size: Math.max(ratio * 0.99, 0.66) };
      patch(body, page(family, state(), ui));
      if (fit && place.scrollWidth <= place.clientWidth) break;
    }
  }
  function measure() {
    const pictures = [...body.querySelectorAll(".picture")];
    canvas.font = `13px ${getComputedStyle(body).fontFamily}`;
    widths.clear();
    pictures.forEach((place, i) => ([ui.widths[i], ui.heights[i]] = [place.clientWidth || 640, place.clientHeight || 320]));
    [ui.width] = ui.widths;
    draw();
  }
  const life = family.begin?.({ model, ui, state, body });
  draw();
  ui.memory = {}; // nothing was measured yet
  const unwatch = [...body.querySelectorAll(".picture")].map((place) => whenResized(place, measure));
  measure();
  const listen = () => busy || (isKnown(state()) && draw());
  const events = catalog.names.map((name) => `change:${name}`).join(" ");
  model.on(events, listen);
  return [...unwatch, () => clearTimeout(speaking.timer), () => model.off(events, listen), () => life?.end()];
}

// An explorer stands in a shadow root: the page's styles and scripts stay out (MathJax takes every <math> it
// sees), ids stay in. `draw(body)` gives what has to be done in the end.
function mount(el, draw) {
  const host = document.createElement("div");
  const [style, body] = [document.createElement("style"), document.createElement("div")];
  [style.textContent, body.className] = [css, "ex"];
  // Keys belong to the control that has the focus: not to JupyterLab's commands, nor to a page's own keys.
  host.setAttribute("data-lm-suppress-shortcuts", "true");
  body.addEventListener("keydown", (event) => event.stopPropagation());
  host.attachShadow({ mode: "open" }).append(style, body);
  el.append(host);
  const stops = [() => host.remove(), ...followTheme(body)];
  const stop = () => stops.forEach((end) => end());
  try {
    stops.push(...draw(body));
  } catch (error) {
    stop(); // what was begun must not go on without its view
    throw error;
  }
  return stop;
}

// Dark where the text is light, whoever made it so. A notebook attaches a view after it is made: there is no
// color before it has a size.
function followTheme(body) {
  const look = () => {
    const color = getComputedStyle(body).color.match(/[\d.]+/g);
    if (!color) return;
    const [r, g, b] = color.map(Number);
    body.toggleAttribute("data-dark", 0.3 * r + 0.59 * g + 0.11 * b > 140);
  };
  const themes = new MutationObserver(look);
  const attributeFilter = ["data-theme", "data-jp-theme-light", "theme", "class", "style"];
  for (const root of [document.documentElement, document.body]) themes.observe(root, { attributes: true, attributeFilter });
  look();
  return [() => themes.disconnect(), whenResized(body, look)];
}

// Call `act` when the element gets another size than it has now, such as its first.
function whenResized(element, act) {
  const size = () => `${element.clientWidth} ${element.clientHeight}`;
  let old = size();
  const observer = new ResizeObserver(() => {
    if (size() === old) return;
    old = size();
    act();
  });
  observer.observe(element);
  return () => observer.disconnect();
}
