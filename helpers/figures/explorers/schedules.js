// Any learning-rate schedule, each of its parameters a slider. A schedule is a record, here and in Python:
// `parts`, one or two of { method, values }, and `milestones`, where the second begins. The state is such a
// record and more, a pin is one. `formulas` and `catalog` are what Python traces from the schedules themselves.

import { at, button, check, explorer, filled, h, knob, literal, mathematics, memo, menu, read, shown, strides } from "./kit.js";
import { ceiling, dot, labels, line, panel, path, scale, text } from "./marks.js";

const MOST = 4000; // samples of a curve; a run of more steps is sampled evenly
const [LEFT, RIGHT, TOP, BOTTOM] = [54, 22, 28, 42]; // px around a panel
const [RATES, MOMENTUM] = [330, 170]; // px, heights of the panels where there are two
const WARMUP = "warmup + "; // begins the name of a method that is warmed up
const HINT = "Arrow keys move by a hundredth, with Shift by one, page keys by a tenth";
const { methods, facts } = catalog;
const plain = (method) => method.replace(WARMUP, "");
const names = Object.keys(methods).filter((method) => method === plain(method));

// ---- what a record says ----

const record = ({ parts, milestones }) => ({ parts, milestones });
const title = ({ parts }) => parts.map(({ method }) => method).join(", then ");
const rowsOf = ({ parts }) => parts.flatMap(({ method }, i) => [...(i ? catalog.joint : []),
  ...methods[method].rows.map((row) => ({ ...row, path: ["parts", i, "values", ...row.path] }))]);

function rateOf(schedule) {
  const [first, then] = schedule.parts.map(({ method, values }) => (t) => formulas.formula[method](t, values));
  const [begin] = schedule.milestones;
  return then ? (t) => (t < begin ? first(t) : then(t - begin)) : first;
}

// The rate at every step, and the sum of the rates of all updates: those before the last step.
function samples(schedule, total) {
  const [count, rate] = [Math.min(total, MOST), rateOf(schedule)];
  const steps = Array.from({ length: count + 1 }, (_, i) => Math.round((i * total) / count));
  const rates = steps.map((t) => rate(t));
  const sum = rates.reduce((all, y) => all + y, -rates[count]);
  return { steps, rates, high: Math.max(...rates), area: (sum * total) / count };
}

// What tells a pinned schedule from the present one, if they are of one kind.
function difference(pin, now) {
  const rows = title(pin) === title(now) ? rowsOf(pin) : [];
  const unlike = rows.filter((row) => read(pin, row.path) !== read(now, row.path));
  return unlike.slice(0, 2).map(({ path, fact }) => `, ${facts[fact].plain} ${shown(read(pin, path))}`).join("");
}

// A template of a method with a part's values in it, as Python would write them.
const codeOf = ({ method, values }, template) => filled(template, (place) => {
  const path = place.match(/\w+/g).slice(1).join();
  return literal(at(values, place), facts[methods[method].rows.find((row) => row.path.join() === path).fact].integer);
});

function helpersCode({ parts, milestones: [begin] }) {
  const [first, then] = parts.map((part) => codeOf(part, methods[part.method].code));
  return then ? `schedules.Joined(schedules=(${first}, ${then}), milestones=(${begin},))` : first;
}

// Torch's own classes where they give the rates that are shown, up to the last step of each part; else the formula.
function torchCode({ parts, milestones: [begin], total_steps: total }) {
  const lasts = begin ? [begin - 1, total - begin] : [total];
  const agrees = parts.every(({ method, values }, i) => formulas.torch_agrees[method]?.(lasts[i], values) ?? true);
  const [base, other = base] = parts.map((part) => codeOf(part, methods[part.method].base));
  if (agrees && base === other) {
    const stages = parts.flatMap((part, i) => methods[part.method].torch // the climb, then what is behind it
      .map((code, k) => ({ start: i ? begin : k && part.values.warmup_steps, code: codeOf(part, code) }))
      .filter(({ start }) => i || !(start >= begin)));
    const [codes, [, ...starts]] = ["code", "start"].map((name) => stages.map((stage) => stage[name]));
    return starts[0] ? `SequentialLR(optimizer, [${codes.join(", ")}], milestones=[${starts.join(", ")}])` : codes[0];
  }
  if (!Number(base)) return "# torch multiplies the optimizer's rate, and it would be 0";
  const [first, then] = parts.map((part) => codeOf(part, methods[part.method].python));
  const rate = then ? `${first} if t < ${begin} else (lambda t: ${then})(t - ${begin})` : first;
  return `LambdaLR(optimizer, lambda t: (${rate}) / ${base})`;
}

// ---- what a reader does ----

// Another method, a warmup, what follows. Values come back as they were left; those that two methods share stay.
function choices({ parts: [first, then], milestones, total_steps: total }, ui) {
  const left = (ui.memory.left ??= { then: "cosine decay", milestones: [Math.max(1, total >> 1)] });
  const [old, own] = [plain(first.method), first.values.inner ?? first.values];
  Object.assign(left, { [old]: own, [first.method]: first.values });
  if (then) Object.assign(left, { [then.method]: then.values, then: then.method, milestones });
  const valuesOf = (method) => left[method] ?? methods[method].values;
  const quantity = ({ path, fact }) => JSON.stringify([path, { ...facts[fact], symbol: 0, plain: 0 }]);
  const join = (part, method) => ui.set({ milestones: method ? left.milestones : [],
    parts: method ? [part, { method, values: valuesOf(method) }] : [part] });
  const begin = (method, values, isWarm) => {
    const warm = isWarm && WARMUP + method in methods && WARMUP + method;
    const climb = first.values.inner ? first.values : warm && valuesOf(warm);
    join(warm ? { method: warm, values: { ...climb, inner: values } } : { method, values }, then?.method);
  };
  const choose = (method) => {
    const before = methods[old].rows.map(quantity);
    const shared = methods[method].rows.filter((row) => row.path.length === 1 && before.includes(quantity(row)));
    const kept = Object.fromEntries(shared.map(({ path: [name] }) => [name, own[name]]));
    begin(method, { ...valuesOf(method), ...kept }, first.values.inner);
  };
  return { choose, warm: (isWarm) => begin(old, own, isWarm), follow: (method) => join(first, method) };
}

// Entries that must increase stop at their neighbours, parts that must fit into the whole where they fill it.
function bounded({ path, fact }, wish, state) {
  const [name, own] = [path.at(-1), read(state, path.slice(0, -1))];
  const { plain: symbol, ordered, group } = facts[fact];
  const stretches = "total_steps" in own && methods[state.parts[path[1]]?.method]?.stretches;
  const { steps, spare } = stretches || { steps: [] };
  const others = steps.reduce((sum, part) => (part === name ? sum : sum + own[part]), spare);
  let [low, high] = ordered ? [(own[name - 1] ?? 0) + 1, (own[name + 1] ?? Infinity) - 1] : [-Infinity, Infinity];
  if (steps.includes(name)) high = own.total_steps - others;
  else if (steps.length && name === "total_steps") low = others;
  const value = Math.min(Math.max(wish, low), high);
  const why = ordered ? `the ${group} stay in order.` : "the parts have to fit into the total steps.";
  return { value, words: value === wish ? "" : `${symbol} stops at ${value}: ${why}` };
}

// A slider goes back to where its method began, if that is not the one that was there at first.
function start({ path: [, i, , ...place] }, { parts }, { first }) {
  const method = parts[i]?.method;
  return method === first.parts[i]?.method ? undefined : read(methods[method].values, place);
}

// ---- what is shown ----

function rateAxis(curves, log, ends) {
  const top = ceiling(Math.max(...curves.map(({ high }) => high)) || 1);
  if (!log) return scale([0, top], ends);
  const low = Math.max(Math.min(top, ...curves.flatMap(({ rates }) => rates).filter((rate) => rate > 0)), top * 1e-5);
  const power = Math.ceil(Math.log10(top));
  return scale([10 ** Math.min(Math.floor(Math.log10(low)), power - 1), 10 ** power], ends, true);
}

// A panel, and in it what the value is at a step.
function panelAt({ x, y, ...names }, step, value, words, marks, ui, curves = []) {
  const [px, py, wide] = [x(step), Math.min(y(value), y.from), ui.wide(words)];
  const from = px + 12 + wide < ui.width ? px + 10 : px - 10 - wide;
  const low = py - 12 > y.to + 17 ? py - 10 : py + 20;
  const notes = labels(curves, x, y, [{ from, to: from + wide, top: low - 17, bottom: low + 4 }], ui);
  return [panel({ x, y, xName: "step", columns: ui.width > 480 ? 8 : 4, ...names }, marks, notes),
    line(px, y.to, px, y.from, "helper"), text(from, low, words, "halo")];
}

// The curves of some schedules in a run, the last one first, and the axis of their rates.
function curvesOf(schedules, { total_steps: total, log_axis: log }, x, ends, ui) {
  const runs = schedules.map((schedule, i) => {
    const [style, key] = [i ? `pin${i}` : "study", JSON.stringify([schedule, total])];
    return { style, key, schedule, ...memo(ui, `rates ${style}`, key, () => samples(schedule, total)) };
  });
  const y = rateAxis(runs, log, ends);
  const curves = runs.map((run) => ({ ...run, ...memo(ui, `curve ${run.style}`, [run.key, x.to, y.from, y.low, y.high, log], () => {
    const ys = run.rates.map((rate) => Math.min(y(rate), y.from + 50)); // zero has no place on a logarithmic axis
    return { ys, tree: path(ys.map((height, i) => [x(run.steps[i]), height]), run.style) };
  }) }));
  return [y, ...curves];
}

function view(state, ui) {
  const { parts, total_steps: total, log_axis: log, pins } = state;
  const [now, then, method] = [record(state), parts[1], plain(parts[0].method)];
  const momentum = !then && formulas.momentum[method];
  const cycles = momentum && state.momentum;
  const tall = cycles ? RATES : ui.heights[0];
  const x = scale([0, total], [LEFT, ui.width - RIGHT]);
  const [y, study, ...others] = curvesOf([now, ...pins], state, x, [tall - BOTTOM, TOP], ui);
  const labelled = [...others, study].map((curve) => {
    const { style, ys, schedule, area } = curve;
    const isNamed = curve === study || curve.key !== study.key; // what is pinned and shown has one label
    const label = isNamed && [title(schedule) + difference(schedule, now), `area ${shown(area)}`];
    return { key: style, style, ys, label, fill: curve === study };
  });
  const { d } = study.tree.attributes;
  const trees = [log ? null : h("path", { class: "area", d: `${d}L${x.to} ${y.from}L${x.from} ${y.from}Z` }),
    others.map(({ tree }) => tree), study.tree];
  // The marker stands where the reader points, or has put it.
  const step = Math.min(ui.local.step ?? state.step, total);
  const rate = rateOf(now)(step);
  const reading = `step ${step}: ${shown(rate)}`;
  const axes = { x, y, yName: "learning rate", rows: log ? 10 : tall > 260 ? 5 : 4 };
  const marks = [panelAt(axes, step, rate, reading, trees, ui, labelled)];
  let summary = `${title(now)}: rate at ${reading}; area under the curve ${shown(study.area)}`;
  if (cycles) {
    const { lowest, highest } = state;
    const value = (t) => momentum(t, lowest, highest, parts[0].values);
    const z = scale([Math.min(lowest, highest) < 0.8 ? 0 : 0.8, 1], [tall + MOMENTUM - BOTTOM, tall + TOP]);
    const [curve, here] = [path(study.steps.map((t) => [x(t), z(value(t))]), "study"), value(step)];
    marks.push(panelAt({ x, y: z, yName: "momentum" }, step, here, shown(here), curve, ui));
    marks.push(dot(x(step), z(here), "study"));
    summary += `; momentum at step ${step}: ${shown(here)}`;
  }
  const within = (t) => Math.min(Math.max(Math.round(t), 0), total);
  const put = (t) => {
    ui.local.step = null;
    ui.set({ step: within(t) });
  };
  const point = ({ x: place, phase }) => {
    if (phase === "down" || phase === "drag") put(x.inverse(place));
    else if (phase !== "up") ui.look({ step: phase === "hover" ? within(x.inverse(place)) : null });
  };
  const part = (share) => Math.max(1, Math.round(share * total));
  const moves = strides(step, { low: 0, high: total, fine: 1, step: part(0.01), leap: part(0.1) }, put);
  const handle = knob(x(step), Math.min(y(rate), y.from),
    { label: "step", low: 0, high: total, value: step, said: reading, hint: HINT, moves });
  const pin = () => (others.some(({ key }) => key === study.key) ? ui.note("this curve is pinned already.")
    : ui.set({ pins: [...pins, now] }));
  const chips = pins.map((schedule, i) => {
    const unpin = ({ currentTarget: chip }) => {
      const before = chip.previousSibling;
      ui.set({ pins: pins.filter((other) => other !== schedule) });
      if (!chip.isConnected) before.focus(); // it was the last; else the next has come to its place
    };
    const swatch = h("svg", { width: 26, height: 8, "aria-hidden": "true" },
      h("path", { class: `curve pin${i + 1}`, d: "M1 4H25" }));
    return button([swatch, ` ${title(schedule)} ×`], unpin, { class: "chip", "aria-label": `unpin ${title(schedule)}` });
  });
  const equations = (kind) => parts.flatMap(({ method: name, values }, i) => {
    const { [kind]: lines, places } = methods[name];
    const number = (part) => (part in places ? shown(at(values, places[part])) : part);
    const caption = h("p", { class: "muted" }, i ? "then, with t counted from its start" : "at first");
    return [...(then ? [caption] : []), ...lines.map((tree) => mathematics(tree, number))];
  });
  const { choose, warm, follow } = choices(state, ui);
  const cycled = `base_momentum=${literal(state.lowest)}, max_momentum=${literal(state.highest)}`;
  const torch = torchCode(state);
  const tenths = Array.from({ length: 11 }, (_, i) => Math.round((i * total) / 10));
  return {
    bar: [
      menu("Schedule", names, method, choose),
      check("after a warmup", method !== parts[0].method, warm, { disabled: !(WARMUP + method in methods) }),
      h("span", { class: "pair" }, check("then", !!then, (on) => follow(on && ui.memory.left.then)),
        then && menu("Then", names, then.method, follow).children[1]),
      check("log axis", log, (on) => ui.set({ log_axis: on })),
      check("momentum", state.momentum, (on) => ui.set({ momentum: on }), { hidden: !momentum }),
    ],
    picture: { marks, knob: handle, point, height: cycles ? tall + MOMENTUM : null },
    summary,
    below: [button("Pin this curve", pin, { disabled: pins.length === catalog.most }), chips],
    rows: [...rowsOf(state), ...(cycles ? catalog.rows : [])],
    equation: { key: [title(now), ui.local.values && JSON.stringify(parts).length],
      lines: equations("symbols"), values: ui.local.values ? equations("numbers") : [] },
    codes: [["in this book", helpersCode(state)],
      ["in torch", cycles ? torch.replace("cycle_momentum=False", cycled) : torch]],
    numbers: () => [[["step", ...[now, ...pins].map(title)],
      ...tenths.map((t) => [t, ...[now, ...pins].map((schedule) => shown(rateOf(schedule)(t)))]),
      ["area", ...[study, ...others].map(({ area }) => shown(area))]]],
  };
}

const knows = ({ parts, pins }) =>
  [...parts, ...pins.flatMap((pin) => pin.parts)].every(({ method }) => method in methods);

export default explorer({ view, knows, bounded, start });
