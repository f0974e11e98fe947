// What every explorer is made of. Python joins a family's file and those that it imports into one ES module,
// together with what it says itself (constants.js). Nothing here is global, nothing is fetched, no timer runs
// unless a reader has just moved something, and text becomes text nodes, never markup.

const SVG = "http://www.w3.org/2000/svg";
const MATHML = "http://www.w3.org/1998/Math/MathML";

// ---- nodes ----

export function build(element, attributes, children) {
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

const ELEMENTS = new Set([
  ..."math mrow mi mn mo mtext mspace ms mfrac msqrt mroot msub msup msubsup".split(" "),
  ..."munder mover munderover mtable mtr mtd mstyle mpadded".split(" "),
]);
const ATTRIBUTES = new Set("stretchy width mathvariant accent lspace rspace".split(" "));

// An equation from lines of MathML. `places` says which number stands for which value; fill() writes values.
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
  const nodes = lines.map((line) =>
    copy(new DOMParser().parseFromString(line, "application/xml").documentElement),
  );
  return { nodes, fill: (read) => holes.forEach(([hole, place]) => (hole.textContent = read(place))) };
}

// Fit an equation into its place: first each condition goes below its case, then the letters shrink.
export function fit(place) {
  place.style.fontSize = "";
  for (const row of place.querySelectorAll("mtr.condition"))
    (row.previousSibling.append(...row.childNodes), row.remove());
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
  if (size !== 0 && (size < 1e-4 || size >= 1e6))
    return x
      .toExponential(2)
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  return String(rounded(x, 4));
}

// A number for Python: the text that Python itself would write.
export function literal(x, integer) {
  if (integer) return String(x);
  const [digits, power] = x
    .toExponential()
    .split("e")
    .map((part, i) => (i ? Number(part) : part));
  if (x !== 0 && (power < -4 || power >= 16))
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  return Number.isInteger(x) ? `${x}.0` : String(x);
}

// The value at a place such as "p.inner.milestones[0]".
export const at = (p, place) =>
  place
    .match(/\w+/g)
    .slice(1)
    .reduce((part, key) => part[key], p);

// A line of code with the places in it replaced.
export const filled = (template, read) => template.replace(/\bp(?:\.\w+|\[\d+\])+/g, read);

// ---- scales ----

export function scale(low, high, from, to, log = false) {
  const [f, inverse] = log ? [Math.log10, (x) => 10 ** x] : [Number, Number];
  const start = f(low);
  const ratio = (to - from) / (f(high) - start);
  return Object.assign((x) => from + (f(x) - start) * ratio, {
    inverse: (y) => inverse(start + (y - from) / ratio),
  });
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
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) =>
    rounded((first + i) * step, 12),
  );
}

// ---- controls ----

const NOTCHES = 400; // places on a logarithmic slider
const ARROWS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

// A slider of this fact: its lowest and highest place, its step, the place of a value, the value of a place.
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

// One row: symbol, name, slider, editable number, unit. `link` has read(), write(value), reset(), note(text).
export function control(fact, link, id) {
  const [min, max, step, place, value] = notches(fact);
  const name = `${fact.plain} ${fact.words}`;
  const range = html("input", {
    type: "range",
    class: "range",
    id,
    min,
    max,
    step,
    "aria-label": name, // with the symbol, which alone tells some rows apart
    title: "double click or Delete: back to the start",
    input: () => {
      link.write(value(Number(range.value)));
      update();
    },
    dblclick: link.reset,
    keydown: (event) => (event.key === "Delete" ? link.reset() : advance(event)),
  });
  // An arrow key whose notch ends at the same whole number goes to the next one instead.
  function advance(event) {
    const [now, way] = [link.read(), ARROWS[event.key]];
    if (!fact.integer || !way || value(Number(range.value) + way * step) !== now) return;
    event.preventDefault();
    link.write(Math.min(Math.max(now + way, fact.low), fact.high));
    update();
  }
  const number = html("input", {
    type: "text",
    class: "number",
    inputmode: "decimal",
    autocomplete: "off",
    "aria-label": `${name}, exact value`,
    change: () => {
      const wish = number.value.trim() === "" ? NaN : Number(number.value);
      const why = refusal(fact, wish);
      if (why === null) link.write(wish);
      else
        link.note(
          `${name} must ${why}, got ${number.value.trim() || "nothing"}; ${shown(link.read())} stays.`,
        );
      update();
    },
  });
  function update() {
    const now = link.read();
    range.value = place(now);
    range.setAttribute("aria-valuetext", `${shown(now)} ${fact.unit}`.trim());
    number.value = String(rounded(now, 12));
  }
  const label = html(
    "label",
    { for: id },
    html("span", {}, ...mathematics([fact.symbol]).nodes),
    html("span", {}, fact.words),
  );
  const cell = html("span", { class: "value" }, number, html("span", { class: "unit" }, fact.unit));
  return { element: html("div", { class: "row" }, label, range, cell), update };
}

export function checkbox(words, change) {
  const box = html("input", { type: "checkbox", change: () => change(box.checked) });
  return {
    element: html("label", { class: "check" }, box, ` ${words}`),
    set: (on, disabled = false) => Object.assign(box, { checked: on, disabled }),
  };
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
  return {
    element: html("div", { class: "code" }, html("span", { class: "muted" }, words), button, pre),
    set: (text) => (code.textContent = text),
  };
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
  const cells = (tag, values) =>
    html(
      "tr",
      {},
      ...values.map((value, i) =>
        html(i ? tag : "th", { scope: tag === "th" ? "col" : i ? false : "row" }, value),
      ),
    );
  return html(
    "table",
    {},
    html("thead", {}, cells("th", head)),
    html("tbody", {}, ...rows.map((row) => cells("td", row))),
  );
}

// ---- the whole ----

// One view of an explorer: what it shows is its state, some traits of the model, and nothing else. A family
// says lay(body), which makes this.picture, and update(), which says the result in this.summary.
export class View {
  constructor(model, { body, stops }, names) {
    this.model = model;
    this.names = names;
    this.first = structuredClone(model.start ?? this.state());
    this.speaker = speaker();
    this.message = html("p", { class: "message" });
    this.lay(body);
    body.append(this.speaker.element);
    const listen = () => this.busy || !this.knows() || this.update();
    const events = names.map((name) => `change:${name}`).join(" ");
    model.on(events, listen);
    const unwatch = whenResized(this.picture, () => this.resize());
    stops.push(() => model.off(events, listen), this.speaker.stop, unwatch);
    this.resize();
  }

  // Whether this module can show what Python has been given.
  knows() {
    return true;
  }

  resize() {
    this.width = this.picture.clientWidth || 640;
    this.fitted = null; // the equation that has its place
    this.update();
  }

  state() {
    return Object.fromEntries(this.names.map((name) => [name, this.model.get(name)]));
  }

  set(changes, words = "") {
    this.busy = true;
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.busy = false;
    this.model.save_changes();
    this.message.textContent = words;
    this.update();
    this.speaker.say(`${words} ${this.summary}`.trim());
  }

  note(text) {
    this.message.textContent = text;
    if (text) this.speaker.say(text);
  }

  // What a control of the trait `name`, or of an entry of it, reads and writes.
  link(name, index = null) {
    const read = (state) => (index == null ? state[name] : state[name][index]);
    const write = (value) =>
      this.set({ [name]: index == null ? value : this.state()[name].with(index, value) });
    const reset = () => write(read(this.first));
    return { read: () => read(this.state()), write, reset, note: (text) => this.note(text) };
  }

  // Questions, each with the state that answers it.
  prompts(asked) {
    const show = (state, text) => () => this.set(structuredClone(state), text);
    const buttons = asked.map(({ text, state }) =>
      html("button", { type: "button", class: "prompt", click: show(state, text) }, text),
    );
    const start = html("span", { class: "muted" }, "Try");
    return html("div", { class: "prompts", role: "group", "aria-label": "Try" }, start, ...buttons);
  }

  // Back to the start; and in a page, which can be asked for a state, a link to the present one.
  reset() {
    const back = () => this.set(structuredClone(this.first), "everything is back at the start.");
    const button = (words, click) => html("button", { type: "button", class: "reset", click }, words);
    const link = this.model.link ? [button("Link", () => this.share())] : [];
    return html("span", { class: "ends" }, ...link, button("Reset", back));
  }

  async share() {
    const address = this.model.link();
    history.replaceState(history.state, "", address);
    const copied = await navigator.clipboard?.writeText(address).then(() => true, () => false);
    this.note(copied ? "the link to this state is copied." : "the address of the page now leads to this state.");
  }
}

// An explorer stands in a shadow root: the page's styles and scripts stay out (MathJax takes every <math> it
// sees), ids stay in. `draw(ui)` fills ui.body and may push what has to be stopped to ui.stops.
export function mount(el, css, draw) {
  // Keys belong to the control that has the focus: not to JupyterLab's commands, nor to a page's own keys.
  const host = html("div", { "data-lm-suppress-shortcuts": "true" });
  const body = html("div", { class: "ex", keydown: (event) => event.stopPropagation() });
  host.attachShadow({ mode: "open" }).append(html("style", {}, css), body);
  el.append(host);
  const stops = [() => host.remove(), ...followTheme(body)];
  const stop = () => stops.forEach((end) => end());
  try {
    draw({ body, stops });
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
  for (const root of [document.documentElement, document.body])
    themes.observe(root, { attributes: true, attributeFilter });
  look();
  return [() => themes.disconnect(), whenResized(body, look)];
}

// Call `act` when the element gets another width than it has now, such as its first.
export function whenResized(element, act) {
  let width = element.clientWidth;
  const observer = new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    act();
  });
  observer.observe(element);
  return () => observer.disconnect();
}
