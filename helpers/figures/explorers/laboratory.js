// Networks that learn in the page while the reader moves the rate. The learning is the worker's, which tells what it
// has measured: `ui.local.run`. What is drawn follows from that and from the state.

import { button, explorer, h, handle, menu, read, refusal, shown } from "./kit.js";
import { bar, ceiling, clamped, line, panel, path, scale, text } from "./marks.js";
import { decoded, largest, network, pixelsOf, race, rateOf } from "./engine.js";
import { open } from "./worker.js";

const { digits, isBrief, shows } = catalog;
const [LEFT, RIGHT] = [46, 46];
const GROUPS = ["rule", "schedule", "loss", "penalty"];
const CELL = 20; // px, a pixel of the reader's own digit
const NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight"];
const unseen = digits.labels.length - digits.train;
const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
const percent = (share) => `${Math.round(100 * share)} %`;
const labelOf = (i) => Number(digits.labels[i]);

// ---- what a state says ----

const methodOf = (state, group) => catalog.methods[group][state[group].kind];
const allRows = (state) => [...catalog.rows, ...GROUPS.flatMap((group) => methodOf(state, group).rows)];
const rowsOf = (state) => allRows(state).filter(({ path: place }) => catalog.sliders?.includes(place.at(-1)) ?? true);

const has = (table, name) => Object.hasOwn(table, name);
const knows = (state) => has(shows, state.show) && Number.isInteger(state.seed) && state.seed >= 0 &&
  state.drawing.length === 64 && state.drawing.every((ink) => ink >= 0 && ink <= 16) &&
  GROUPS.every((group) => has(catalog.methods[group], state[group].kind)) &&
  allRows(state).every(({ path: place, fact }) => refusal(catalog.facts[fact], read(state, place)) === null);

// What lets networks start anew: all but the rate and what is looked at.
const LIVE = ["lr", "pace", "show", "drawing", "running"];
const experiment = (state) => JSON.stringify(state, (name, value) => (LIVE.includes(name) ? undefined : value));

// ---- images ----

// Squares of a pixel, a path for each of 16 depths of color; numbers below zero have another color.
function tile(values, columns, x, y, side, most) {
  const layers = new Map();
  values.forEach((value, i) => {
    const depth = Math.round((16 * Math.min(Math.max(value / most, -1), 1)));
    if (depth) layers.set(depth, `${layers.get(depth) ?? ""}M${i % columns} ${Math.floor(i / columns)}h1v1h-1z`);
  });
  const paths = [...layers].map(([depth, d]) => h("path", { d, opacity: Math.abs(depth) / 16, fill: depth < 0 ? "var(--rival)" : "currentColor" }));
  return h("g", { "shape-rendering": "crispEdges", transform: `translate(${x} ${y}) scale(${side / columns})` }, paths);
}

const pixels = pixelsOf(digits);
const tiles = new Map();
// A digit by its number, drawn once.
function digit(i, x, y, side) {
  if (!tiles.has(i)) tiles.set(i, tile(pixels.subarray(64 * i, 64 * i + 64), 8, 0, 0, 8, 16));
  return h("g", { transform: `translate(${x} ${y}) scale(${side / 8})` }, tiles.get(i));
}

const verdict = (x, words, isWrong) => text(x, 88, `${words}${isWrong ? " ✗" : ""}`, "label", "middle", { style: `fill: var(--${isWrong ? "rival" : "study"})` });

// Ten digits in a row, and what is said of each.
function row(entries, width) {
  const side = Math.min(44, Math.floor(width / 10) - 4);
  return entries.map(({ i, words, isWrong }, k) => {
    const x = ((k + 0.5) * width) / 10;
    return [digit(i, x - side / 2, 24 + (44 - side) / 2, side), verdict(x, words, isWrong)];
  });
}

// ---- what is looked at ----

const views = {
  // One of each digit, and what most networks read.
  readings(state, look, { width }) {
    const most = (place) => {
      const votes = new Array(10).fill(0);
      look.reads.forEach((reads) => votes[reads[place - digits.train]]++);
      return largest(votes);
    };
    const entries = digits.shown.map((i) => ({ i, words: look ? String(most(i)) : "?", isWrong: look && most(i) !== labelOf(i) }));
    const name = width < 520 ? "ten new digits, and what is read" : "ten digits that the networks never learn from, and what most of them read";
    return { name, height: 98, marks: row(entries, width) };
  },
  mistakes(state, look, { width }) {
    const reads = look?.reads[0] ?? [];
    const wrong = Array.from(reads, (k, i) => ({ i: i + digits.train, words: String(k), isWrong: true })).filter(({ i, words }) => Number(words) !== labelOf(i));
    return { name: `what the first network reads wrong: ${wrong.length} of ${unseen} new digits`, height: 98, marks: row(wrong.slice(0, 10), width) };
  },
  // Kernels and maps of the first network, and how large numbers and gradients are from layer to layer.
  inside(state, look, { width, local }) {
    const { kernels, maps, layers } = local.run?.inside ?? { kernels: [], maps: [[], []], layers: [] };
    const [side, small, log] = [Math.min(46, width / 9), Math.min(26, width / 15), (x) => Math.max(0, Math.log10(x) + 4) * 14];
    const most = (values) => Math.max(1e-9, ...Array.from(values, Math.abs));
    const first = width < 520 ? 0 : 300;
    const marks = [
      digit(digits.shown[8], 0, 34, side),
      [0, 1, 2, 3].map((k) => [
        tile(kernels.slice(9 * k, 9 * k + 9), 3, side * (1.4 + 1.2 * k), 24, small, most(kernels)),
        tile(maps[0].slice(64 * k, 64 * k + 64), 8, side * (1.4 + 1.2 * k), 34 + small, side, most(maps[0])),
      ]),
      Array.from({ length: 8 }, (_, k) => tile(maps[1].slice(16 * k, 16 * k + 16), 4, side * 1.4 + k * small * 1.2, 44 + small + side, small, most(maps[1]))),
      layers.map(([kind, out, slope], k) => {
        const [x, base] = [first + (k + 0.5) * ((width - first) / layers.length), first ? 120 : 232];
        return [bar(x - 11, base, 10, -log(out), "study"), bar(x + 1, base, 10, -log(slope), "third"), text(x, base + 14, kind.replace(/olution|ing/, ""), "tick", "middle")];
      }),
      text(first, first ? 13 : 148, "size by layer: numbers, and gradients (log)", "name"),
    ];
    return { name: "kernels of the first network, and its maps", height: first ? 142 : 252, marks };
  },
  // A place to draw, and what the networks read there: their mean probabilities.
  draw(state, look, { width, local }) {
    const answer = local.run?.answer ?? new Array(10).fill(0);
    const size = 8 * CELL;
    const slot = (width - size - 24) / 10;
    const marks = [
      h("rect", { x: 0, y: 24, width: size, height: size, class: "axis", fill: "none" }),
      tile(state.drawing, 8, 0, 24, size, 16),
      answer.map((p, k) => {
        const x = size + 24 + (k + 0.5) * slot;
        return [bar(x - 0.3 * slot, 24 + size - 20, 0.6 * slot, -p * (size - 40), k === largest(answer) ? "study" : "helper"), text(x, 24 + size - 4, String(k), "label", "middle")];
      }),
      text(size + 24, 36, `they read ${answer.some(Number) ? `${largest(answer)}, ${percent(Math.max(...answer))} sure` : "nothing yet"}`),
    ];
    return { name: "draw a digit: with the pointer, or with arrow keys and space", height: 24 + size + 8, marks };
  },
};

// ---- the reader's own digit ----

// The drawing with ink about a place, in pixels of the drawing: full in the middle, less beside it.
const inked = (drawing, x, y) => drawing.map((ink, i) => {
  const distance = Math.hypot((i % 8) + 0.5 - x, Math.floor(i / 8) + 0.5 - y);
  return Math.max(ink, Math.min(16, Math.max(0, Math.round(16 * (1.4 - distance)))));
});

function easel({ drawing }, ui) {
  const { pen = 27 } = ui.local;
  const [x, y] = [pen % 8, Math.floor(pen / 8)];
  const go = (right, down) => ui.look({ pen: Math.min(Math.max(x + right, 0), 7) + 8 * Math.min(Math.max(y + down, 0), 7) });
  const frame = handle("rect", {
    class: "eye", x: x * CELL, y: 24 + y * CELL, width: CELL, height: CELL, label: "pen", low: 0, high: 63, value: pen,
    said: `row ${y + 1}, column ${x + 1}: ink ${drawing[pen]} of 16`, hint: "Arrow keys move the pen, space draws, Delete clears",
    moves: { ArrowLeft: () => go(-1, 0), ArrowRight: () => go(1, 0), ArrowUp: () => go(0, -1), ArrowDown: () => go(0, 1),
      " ": () => ui.set({ drawing: inked(drawing, x + 0.5, y + 0.5) }), Delete: () => ui.set({ drawing: drawing.map(() => 0) }) },
  });
  const point = ({ x: across, y: down, phase }) => {
    const [right, below] = [across / CELL, (down - 24) / CELL];
    if ((phase === "down" || phase === "drag") && right < 8 && below >= 0 && below < 8) ui.set({ drawing: inked(drawing, right, below) });
  };
  return { knob: frame, point };
}

// ---- curves ----

// A faint line for each network, and their mean.
function curves(looks, values, x, y, color, dash = "none") {
  const own = looks.filter(values);
  const one = (pick, more) => path(own.map((look) => [x(look.step), y(pick(values(look)))]), color, { style: `stroke-dasharray: ${dash}; ${more}` });
  const each = own.length ? values(own[0]).map((_, i) => one((row) => row[i], "stroke-width: 1; opacity: 0.4")) : [];
  return [each, one(mean, "stroke-width: 2.5")];
}

// Where the reader has moved the rate, and to what; of moves close to each other the last.
function turns(changes, x, y) {
  const apart = changes.filter(({ step }, i) => !(x(changes[i + 1]?.step ?? Infinity) - x(step) < 34));
  return apart.map(({ step, lr }) => {
    const isLate = x(step) > x.to - 40;
    return [line(x(step), y.from, x(step), y.to, "helper"), text(x(step) + (isLate ? -4 : 4), y.to + 12, shown(lr, 2), "halo tick", isLate ? "end" : "start")];
  });
}

// What is written at the ends of two lines, which make room for each other.
function ends(entries, x) {
  const [a, b] = entries.map(({ y }) => y);
  const push = b === undefined ? 0 : Math.max(0, 16 - Math.abs(a - b)) / 2;
  return entries.map(({ step, y, words, color }, i) => text(x(step) + 5, y + 4 + (a > b === (i === 0) ? push : -push), words, `halo label ${color}`));
}

function panels(state, { looks, changes, before }, top, width) {
  const x = scale([0, state.steps], [LEFT, width - RIGHT]);
  const [right, loss] = [scale([0, 100], [top + 122, top + 12]), clamped(scale([0.01, 10], [top + 272, top + 168], true))];
  const plan = Array.from({ length: 121 }, (_, i) => (i * state.steps) / 120);
  const last = looks.at(-1);
  const coming = plan.filter((step) => step >= (last?.step ?? 0)).map((step) => [step, rateOf(state, Math.min(step, state.steps - 1))]);
  const rates = looks.map((look) => [look.step, look.rate]);
  const high = ceiling(Math.max(...coming.concat(rates).map(([, rate]) => rate), 1e-9));
  const rate = scale([0, high], [top + 370, top + 318]);
  const at = (pairs) => pairs.map(([step, value]) => [x(step), rate(value)]);
  const rights = (look) => look.right.map((share) => 100 * share);
  const end = (look, color) => look && { step: look.step, words: percent(mean(look.right)), color, y: right(100 * mean(look.right)) };
  const old = before?.looks ?? [];
  const steps = width < 520 ? 4 : 6;
  const all = [
    panel({ x, y: right, columns: isBrief ? steps : [], rows: 2, ...(isBrief ? { xName: "step" } : {}), yName: `correct, % of ${unseen} new digits${width < 520 ? "" : " (thin: each network, thick: their mean)"}` }, [
      line(LEFT, right(10), x.to, right(10), "helper"), path(old.map((look) => [x(look.step), right(mean(rights(look)))]), "pin1"),
      curves(looks, rights, x, right, "study"), turns(changes, x, right),
    ], [
      text(x.to - 4, right(10) - 4, "guessing", "tick halo", "end"), before ? text(width, right.to - 13, `dashed: ${before.name}`, "label rival halo", "end") : null,
      ends([end(last, "study"), end(old.at(-1), "rival")].filter(Boolean), x),
    ]),
    panel({ x, y: loss, columns: [], rows: [0.01, 0.1, 1, 10], yName: `how wrong: loss${state.loss.kind === "CrossEntropy" ? ", nats" : ""}; dashed: ${width < 520 ? "where they learn" : "on digits they learn from"}` }, [
      path(old.map((look) => [x(look.step), loss(mean(look.loss))]), "pin1"),
      curves(looks, (look) => look.train, x, loss, "third", "4 3"), curves(looks, (look) => look.loss, x, loss, "study"),
    ]),
    panel({ x, y: rate, columns: steps, rows: [0, high], xName: "step", yName: "learning rate; dotted: planned" }, [
      path(at(coming), "helper", { style: "stroke-dasharray: 2 3" }), path(at(rates), "study"),
    ]),
  ];
  return isBrief ? all.slice(0, 1) : all;
}

// ---- the whole ----

const EMPTY = { looks: [], changes: [], step: 0, done: false, before: null };

const STILL = 160; // steps: a page is made in seconds

// The run of the first network alone, for the still picture.
function finished(state) {
  const set = decoded(digits);
  const own = race(network(set), set, { ...state, seeds: 1 });
  const looks = [own.look()];
  while (!own.done) looks.push(own.next());
  return { ...EMPTY, looks: looks.filter(Boolean), step: own.step, rate: own.rate(), done: true };
}

function result({ steps }, { looks, step }) {
  const look = looks.at(-1);
  if (!look || step === 0) return "Nothing is learned yet.";
  const seeds = look.reads.length;
  const who = seeds === 1 ? "the network reads" : `the ${NUMBERS[seeds]} networks read`;
  const broken = look.reads.filter((reads) => reads.every((k) => k === reads[0])).length;
  const fate = broken ? ` ${broken} of ${seeds} give one answer to every digit.` : "";
  return `After ${step} of ${steps} steps ${who} ${percent(mean(look.right))} of the new digits right.${fate}`;
}

function view(now, ui) {
  const { thread, pin } = ui.local;
  const state = thread ? now : { ...now, steps: Math.min(now.steps, STILL) };
  const run = ui.local.run ?? (thread ? EMPTY : finished(state));
  const { name, height, marks } = views[state.show](state, run.looks.at(-1), ui);
  const menus = catalog.sliders === null ? GROUPS.map((group) => menu(group[0].toUpperCase() + group.slice(1),
    Object.entries(catalog.methods[group]).map(([kind, { words }]) => [kind, words]), state[group].kind,
    (kind) => ui.set({ [group]: structuredClone(catalog.methods[group][kind].fields) }))) : [];
  const words = result(state, run);
  const isBusy = state.running && !run.done;
  return {
    bar: [menus, menu("Show", Object.entries(shows), state.show, (show) => ui.set({ show }))],
    picture: {
      height: height + (isBrief ? 176 : 424), marks: [text(0, 13, name, "name"), marks, panels(state, { ...run, before: pin ?? run.before }, height + 16, ui.width)],
      ...(state.show === "draw" ? easel(state, ui) : {}),
    },
    summary: `${words} The learning rate is ${shown(run.rate ?? state.lr, 3)}.`,
    below: [
      button(run.done ? "Train again" : isBusy ? "Pause" : "Train", () => (run.done ? thread.begin() : ui.set({ running: !state.running }))),
      button("One step", () => thread.once(), { disabled: run.done }),
      button("Start again", () => thread.begin()),
      button("Other seeds", () => ui.set({ seed: state.seed + state.seeds })),
      button(pin ? "Unpin" : "Pin", () => thread.pin(), { disabled: !pin && run.looks.length < 2 }),
    ],
    words: [h("strong", {}, catalog.question), ` ${words} In a step each network looks at ${state.batch_size} digits and corrects its 666 weights; the learning rate says how far.`],
    rows: rowsOf(state),
    equation: { key: state.rule.kind, lines: methodOf(state, "rule").equation },
    numbers: () => [[["step", "learning rate", "loss, learned", "loss, new", "right, new"],
      ...run.looks.filter((look) => look.train).map((look) => [look.step, shown(look.rate), shown(mean(look.train), 3), shown(mean(look.loss), 3), percent(mean(look.right))])]],
  };
}

// ---- what goes on by itself ----

function begin({ model, ui, state, body }) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let [worker, run, isInView] = [null, EMPTY, false];
  let [sent, since, wish] = ["", -Infinity, state()];
  const goes = () => state().running && isInView && !document.hidden;
  function receive({ begin: isNew, looks, change, ...news }) {
    const before = run.looks.length > 3 ? { name: `rate ${shown(run.looks[0].rate, 2)}`, looks: run.looks } : run.before;
    const wasDone = run.done;
    if (isNew) run = { ...EMPTY, before };
    run = { ...run, ...news, looks: [...run.looks, ...looks], changes: change ? [...run.changes, change] : run.changes };
    if (calm && goes() && !run.done) return;
    ui.look({ run });
    if (run.done && !wasDone) ui.say(ui.view.summary);
    if (model.link || (goes() && !run.done)) return;
    model.set("curves", run.looks.map((look) => ({ ...look, reads: null })));
    model.save_changes();
  }
  function send(message) {
    worker ??= open(digits, receive, () => send({ begin: true }));
    wish = state();
    sent = JSON.stringify([wish, goes()]);
    worker.send({ ...wish, pace: calm ? 1e6 : wish.pace, going: goes(), ...message });
  }
  function start() {
    since = performance.now();
    send({ begin: true });
  }
  // A rate that is moved acts at once, and from the start where that was just now.
  function follow() {
    const now = state();
    if (JSON.stringify([now, goes()]) === sent || !(worker || goes())) return;
    const isMoved = now.lr !== wish.lr && (run.done || performance.now() - since < 700);
    if (!worker || isMoved || experiment(now) !== experiment(wish)) start();
    else send({});
  }
  function once() {
    if (state().running) ui.set({ running: false });
    send({ begin: !worker, once: true });
  }
  const pin = () => ui.look({ pin: ui.local.pin ? null : { name: "pinned", looks: run.looks } });
  ui.local.thread = { begin: start, once, pin };
  const sight = new IntersectionObserver(([entry]) => {
    isInView = entry.isIntersecting;
    follow();
  });
  sight.observe(body);
  document.addEventListener("visibilitychange", follow);
  function end() {
    sight.disconnect();
    document.removeEventListener("visibilitychange", follow);
    worker?.close();
  }
  return { follow, end };
}

export default explorer({ view, knows, begin });
