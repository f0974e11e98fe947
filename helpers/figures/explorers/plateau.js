// A curve of checks that can be drawn, and the state of the machine after each of them. `formulas` are what Python
// traces from ReduceOnPlateau itself, once for each pair of modes.

import { at, explorer, filled, h, knob, literal, menu, rounded, shown } from "./kit.js";
import { bar, clamped, dot, line, panel, path, scale, text, ticks } from "./marks.js";

const [LEFT, RIGHT, HEIGHT] = [54, 22, 476]; // px
const [LOSS, BAD, RATE] = [[240, 26], [336, 276], [440, 372]]; // px, base and top
const OVER = LOSS[1] - 4; // px, where what goes through all panels begins
const WHOLE = ["p.patience", "p.cooldown"]; // written without a point
const [CURVES, HAND] = [new Map(catalog.curves), "drawn by hand"];
const FINE = 100; // steps of an arrow key from the lowest loss to the highest
const TOUCH = "touch-action: none; cursor: grab"; // a finger draws here; elsewhere an upright move scrolls the page
// What a check is: in words, its color, and whether its dot is filled.
const KINDS = {
  better: ["new best", "study", true], bad: ["bad", "rival", false],
  last: ["one too many", "rival", true], forgiven: ["forgiven", "third", false],
};

// ---- the machine at work ----

// What happens at each check: the loss, the goal, whether it is better, the state before and after.
function observe(p) {
  const { goal, improves, transition } = formulas[p.mode + p.threshold_mode];
  let state = { lr: p.lr, best: p.mode === "min" ? Infinity : -Infinity, bad_checks: 0, cooldown: 0 };
  return p.losses.map((loss) => {
    const [metric, before] = [loss ?? NaN, state];
    const better = improves(metric, before.best, p);
    state = transition(before, metric, better, p);
    const isCounted = !better && before.cooldown === 0;
    const isLast = isCounted && before.bad_checks + 1 > p.patience;
    const kind = better ? "better" : !isCounted ? "forgiven" : isLast ? "last" : "bad";
    return { metric, before, kind, goal: goal(before.best, p), ...state };
  });
}

const many = (n, words) => `${n} ${words}${n === 1 ? "" : "s"}`;

// One check in a sentence or two.
function sentence(k, { metric, before, kind, goal, lr, cooldown }, p) {
  const [start, rate] = [`Check ${k}: ${shown(metric)}`, `The rate stays ${shown(lr)}.`];
  const beats = `${p.mode === "min" ? "below" : "above"} ${shown(goal)}`;
  const isFirst = !Number.isFinite(goal);
  const wish = isFirst || !Number.isFinite(metric) ? "is no number to compare" : `is not ${beats}`;
  if (kind === "better") return `${start} is ${isFirst ? "the first number" : beats}: the new best. ${rate}`;
  if (kind === "forgiven") return `${start} ${wish}, but it falls in the cool-down and is forgiven. ${rate}`;
  const falls = lr < before.lr ? `The rate falls from ${shown(before.lr)} to ${shown(lr)}.` : rate;
  const then = cooldown ? ` The next ${many(cooldown, "check")} will be forgiven.` : "";
  return `${start} ${wish}: bad check ${before.bad_checks + 1}, and ${p.patience} are borne. ${falls}${then}`;
}

function overview(record, p) {
  const count = (...kinds) => record.filter(({ kind }) => kinds.includes(kind)).length;
  const falls = record.filter(({ lr, before }) => lr < before.lr).length;
  return `${record.length} checks: ${many(count("better"), "new best")}, ${many(count("bad", "last"), "bad one")}, ` +
    `${count("forgiven")} forgiven; the rate falls ${many(falls, "time")}, from ${shown(p.lr)} to ${shown(record.at(-1).lr)}.`;
}

// ---- the picture ----

// Losses, bad checks and rates, one below the other, over one axis of checks.
function panels(record, p, x, y, width) {
  const [n, isWide] = [record.length, width > 480];
  const height = (value) => (Number.isFinite(value) ? y(value) : NaN);
  const box = (k, from, to, color, more = {}, share = 1) =>
    bar(x(k - share / 2), from, share * (x(1) - x(0)), to - from, color, more);
  const each = (mark) => record.map((one, i) => mark(one, i + 1));
  const behind = each(({ before, kind }, k) => [
    before.cooldown > 0 && box(k, OVER, RATE[0], "third", { opacity: 0.13 }),
    kind === "last" && line(x(k), OVER, x(k), RATE[0], "helper"),
  ]);

  const margins = each(({ before: { best }, goal }, k) =>
    Number.isFinite(best) && box(k, y(best), y(goal), "rival", { opacity: 0.25 }));
  const bests = each(({ before: { best } }, k) => [[x(k - 0.5), height(best)], [x(k + 0.5), height(best)], [0, NaN]]);
  const dots = each(({ metric, kind }, k) => {
    const cross = { d: `M${x(k) - 4} ${OVER}l8 8m0 -8l-8 8`, style: "stroke: var(--rival); stroke-width: 2" };
    if (Number.isNaN(metric)) return h("path", { class: "dot nan", ...cross });
    const [, color, isFilled] = KINDS[kind];
    const style = `fill: var(--${isFilled ? color : "paper"}); stroke: var(--${color}); stroke-width: ${isFilled ? 0 : 1.5}`;
    return dot(x(k), y(metric), color, { class: `dot ${kind}`, r: kind === "last" ? 5 : isWide ? 3.5 : 2.5, style });
  });
  const curve = each(({ metric }, k) => [x(k), height(metric)]);
  const more = isWide ? "; the best so far, and what must be beaten" : "";
  const yName = `${p.mode === "min" ? "loss" : "metric"} at each check${more}`;
  const losses = panel({ x, y, yName, rows: 5, columns: [] }, [
    margins, path(bests.flat(), "goal", { style: "stroke: var(--rival)" }),
    path(curve, "loss", { style: "stroke: var(--helper); stroke-width: 1" }),
  ], dots);

  const count = scale([0, Math.max(p.patience + 1, 3)], BAD);
  const bars = each(({ before, kind, bad_checks: bad }, k) => {
    const [high, color] = kind === "last" ? [before.bad_checks + 1, "rival"] : [bad, "helper"]; // then it starts anew
    return box(k, BAD[0], count(high), color, {}, 0.7);
  });
  const counts = panel({ x, y: count, yName: "bad checks, and how many are borne", rows: [p.patience], columns: [] },
    [bars, line(LEFT, count(p.patience), x.to, count(p.patience), "helper")]);

  const rates = [p.lr, ...record.map((one) => one.lr)];
  const decades = Math.max(1, Math.ceil(Math.log10(p.lr / Math.max(Math.min(...rates), 1e-12)) - 1e-9));
  const down = clamped(scale([p.lr / 10 ** decades, p.lr], RATE, true));
  const edge = clamped(x); // a rate holds until the next check
  const columns = [1, ...ticks(x, isWide ? 8 : 4).filter((k) => k > 1 && Number.isInteger(k))];
  const fall = panel({ x, y: down, xName: "check", yName: "learning rate (log)", rows: [p.lr, down.low], columns }, [
    p.min_lr >= down.low && line(LEFT, down(p.min_lr), x.to, down(p.min_lr), "helper"),
    path(rates.flatMap((rate, k) => [[edge(k), down(rate)], [edge(k + 1), down(rate)]]), "study rate"),
  ], text(x.to, RATE[1] - 13, `${shown(rates[n])} at the end`, "halo", "end"));
  return [behind, losses, counts, fall];
}

function view(state, ui) {
  const { losses, span, mode, threshold_mode: threshold } = state;
  const [[low, high], n] = [span, losses.length];
  const record = observe(state);
  const inside = (k) => Math.min(Math.max(k, 1), n);
  const [chosen, k] = [inside(state.check), inside(ui.local.hovered ?? state.check)];
  const x = scale([0.5, n + 0.5], [LEFT, ui.width - RIGHT]);
  const y = clamped(scale(span, LOSS));
  const edit = (changes) => {
    ui.local.hovered = null;
    ui.set(changes);
  };

  // Values no finer than the eye: four digits of the axis.
  const tidy = (value) => rounded(Math.min(Math.max(value, low), high), Math.abs(value) < (high - low) / 100 ? 2 : 4);
  // A drag draws as soon as it has gone some way, from one event to the next in a straight line.
  const draw = (from, to) => {
    const isDrawing = from.isDrawing || (from.y < LOSS[0] + 12 && (from.k !== to.k || Math.abs(from.y - to.y) > 4));
    if (!isDrawing) return;
    const drawn = losses.map((loss, i) => {
      const share = i + 1 === to.k ? 1 : (i + 1 - from.k) / (to.k - from.k); // infinite beside one check alone
      return share >= 0 && share <= 1 ? tidy(y.inverse(from.y + share * (to.y - from.y))) : loss;
    });
    ui.memory.held = { ...to, isDrawing };
    edit({ losses: drawn, check: to.k });
  };
  const point = (place) => {
    const now = { k: inside(Math.round(x.inverse(place.x))), y: place.y };
    if (place.phase === "hover" && now.k !== ui.local.hovered) ui.look({ hovered: now.k });
    if (place.phase === "leave") ui.look({ hovered: null });
    if (place.phase === "drag") draw(ui.memory.held, now);
    if (place.phase !== "down") return;
    ui.memory.held = now;
    edit({ check: now.k });
  };
  const choose = (wish) => () => edit({ check: inside(wish) });
  const lift = (way) => (isFine) => {
    const step = (way * (high - low)) / FINE / (isFine ? 5 : 1);
    edit({ losses: losses.with(chosen - 1, tidy((losses[chosen - 1] ?? high) + step)) });
  };
  const [{ metric }, whole] = [record[k - 1], overview(record, state)];
  const news = sentence(k, record[k - 1], state);
  const summary = `${news} ${whole}`;
  const seat = [x(k), Number.isNaN(metric) ? LOSS[1] : y(metric)];
  const handles = [
    line(seat[0], LOSS[1], seat[0], RATE[0], "helper"),
    dot(...seat, "paper", { r: 20, style: `fill: transparent; ${TOUCH}` }),
    knob(...seat, {
      style: TOUCH, label: `value of check ${k}`, low, high, value: Number.isNaN(metric) ? high : metric, said: news,
      hint: "Left and right choose a check, up and down move its loss, with Shift finely",
      moves: {
        ArrowLeft: choose(chosen - 1), PageUp: choose(chosen - 10), Home: choose(1), ArrowUp: lift(1),
        ArrowRight: choose(chosen + 1), PageDown: choose(chosen + 10), End: choose(n), ArrowDown: lift(-1),
      },
    }),
  ];

  // The exact value of the chosen check, which may be no number.
  const value = losses[chosen - 1] ?? NaN;
  const typed = ({ target }) => {
    const words = target.value.trim();
    target.value = String(value);
    const wish = words.toLowerCase() === "nan" ? null : words === "" ? Infinity : Number(words.replace("−", "-"));
    if (wish === null || (wish >= low && wish <= high)) edit({ losses: losses.with(chosen - 1, wish) });
    else ui.note(`check ${chosen} must be in [${low}, ${high}] or NaN, got ${words || "nothing"}; ${shown(value)} stays.`);
  };
  const [name = HAND] = catalog.curves.find(([, curve]) => String(curve.losses) === String(losses)) ?? [];
  const variant = catalog.variants[mode + threshold];
  const fill = (template) => filled(template, (place) => literal(at(state, place), WHOLE.includes(place)));
  return {
    bar: [
      menu("Curve", [...CURVES.keys(), HAND], name, (wish) => edit(structuredClone(CURVES.get(wish) ?? {}))),
      menu("Better is", [["min", "lower"], ["max", "higher"]], mode, (wish) => ui.set({ mode: wish })),
      menu("Threshold", [["rel", "relative"], ["abs", "absolute"]], threshold, (wish) => ui.set({ threshold_mode: wish })),
    ],
    picture: { height: HEIGHT, marks: panels(record, state, x, y, ui.width), knob: handles, point, label: whole },
    summary,
    words: summary,
    below: [
      h("span", { class: "muted" }, Object.values(KINDS).map(([what, color, isFilled]) =>
        [h("span", { style: `color: var(--${color})` }, isFilled ? "●" : "○"), ` ${what} `])),
      h("span", { class: "muted" }, "Draw over the losses; arrow keys move one."),
    ],
    extras: h("div", { class: "bar" },
      h("span", { class: "muted" }, `value of check ${chosen} (a number or NaN)`),
      h("input", { type: "text", class: "number", autocomplete: "off", "aria-label": "value of the chosen check",
        value: String(value), change: typed })),
    equation: { key: mode + threshold, lines: variant.equations },
    codes: [["in this book", fill(variant.code)], ["in torch", fill(variant.torch)]],
    numbers: () => [[
      ["check", "value", "to beat", "kind", "best", "bad checks", "to forgive", "rate"],
      ...record.map(({ metric, goal, kind, best, bad_checks: bad, cooldown, lr }, i) =>
        [i + 1, shown(metric), shown(goal), KINDS[kind][0], shown(best), bad, cooldown, shown(lr)]),
    ]],
  };
}

const bounded = ({ path: [name] }, wish, { lr }) =>
  name === "min_lr" && wish > lr ? { refused: `be at most lr=${shown(lr)}` } : {};

export default explorer({ view, bounded });
