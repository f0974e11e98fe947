// Two schedules at one length: on the left what happened on the way, on the right how it ended and how the peak
// rates were chosen. `formulas` are traced from the schedules, all else is recorded.

import { check, explorer, menu, shown } from "./kit.js";
import { clamped, dot, line, panel, path, scale, text } from "./marks.js";

const [LEFT, RIGHT, HEIGHT] = [54, 22, 400];
const LEVELS = [0.4, 0.6, 1, 1.5, 2.5]; // ticks of the losses, whose axis they span
const LOOKS = [{ look: "study", color: "study", row: 16 }, { look: "pin1", color: "rival", row: 40 }];
const FAINT = { style: "stroke-width: 1; stroke-dasharray: none; opacity: 0.3" };
const contestants = Object.keys(catalog.results);

// ---- numbers ----

const nats = (rows) => rows.map((row) => row.map((loss) => (loss ?? NaN) / 1000)); // what diverged is null
const mean = (xs) => xs.reduce((sum, x) => sum + (x ?? NaN), 0) / xs.length;
const spread = (xs) => Math.sqrt(xs.reduce((sum, x) => sum + (x - mean(xs)) ** 2, 0) / (xs.length - 1));
const means = (rows) => rows[0].map((_, k) => mean(rows.map((row) => row[k])));

// What gains of the first over the second say, seed by seed: which is the better one, by how much, in how many
// seeds, and whether by more than chance alone would have it.
function verdict([first, second], gains, digits) {
  const [middle, std, n] = [mean(gains), spread(gains), gains.length];
  const [better, sign] = middle >= 0 ? [first.name, 1] : [second.name, -1];
  const by = `${(sign * middle).toFixed(digits)} ± ${std.toFixed(digits)}`;
  const wins = `${gains.filter((gain) => sign * gain > 0).length} of ${n}`;
  const isBeyond = sign * middle * Math.sqrt(n) > catalog.student * std;
  return { better, by, wins, chance: isBeyond ? "more than chance would give" : "no more than chance gives" };
}

// What the record has of a contestant, and its mean rate at a step: by its formula, or as plateau had it.
function contestant(name, { steps, training }, look) {
  const { p, rates, tried, ...own } = catalog.results[name][steps];
  const stairs = rates.length > 0 && means(rates);
  const stair = (t) => stairs[Math.min(Math.floor((t * catalog.looks) / steps), catalog.looks - 1)];
  const rate = stairs ? stair : (t) => formulas[name](t, p);
  return { ...look, ...own, name, rate, tried: nats(tried), losses: nats(training ? own.train : own.val) };
}

// ---- pictures ----

const lossAxis = (base, top) => clamped(scale([LEVELS[0], LEVELS.at(-1)], [base, top], true));

// An axis with room for a dot at each end.
function roomy(ends, width, log) {
  const inner = scale(ends, [LEFT + 8, width - RIGHT - 8], log);
  return scale([LEFT, width - RIGHT].map(inner.inverse), [LEFT, width - RIGHT], log);
}

// Left: rates and losses on the way, each seed faint, with the numbers at the part that the slider says.
function courses(pair, { steps, part, training }, width) {
  const [x, isNarrow] = [scale([0, steps], [LEFT, width - RIGHT]), width < 520];
  const now = Math.min(Math.round((part / 100) * steps), steps - 1);
  const last = Math.max(1, Math.floor((part * catalog.looks) / 100)) - 1; // the last look at the losses
  const course = ({ y, ...about }, curves, value) => {
    const notes = pair.map((own, i) => {
      const [place, words] = isNarrow ? [90 * i, value(own)] : [290 * i, `${own.name}: ${value(own)}`];
      return text(LEFT + 6 + place, y.to - 8, words, "label halo now", "start", { style: `fill: var(--${own.color})` });
    });
    const marks = [pair.map(curves), line(x(now), y.to, x(now), y.from, "helper")];
    return panel({ x, y, columns: isNarrow ? 4 : 8, above: 26, ...about }, marks, notes);
  };
  const top = Math.max(...pair.map(({ peak }) => peak));
  const [rates, losses] = [scale([0, top], [130, 40]), lossAxis(358, 196)];
  const at = Array.from({ length: 321 }, (_, i) => (i * (steps - 1)) / 320);
  const [name, shift] = training ? ["training", 0.5] : ["validation", 1];
  const curve = (ys, kind, more) => path(ys.map((loss, k) => [x(((k + shift) * steps) / catalog.looks), losses(loss)]), kind, more);
  const ended = ({ losses: seeds }) => means(seeds)[last];
  return [
    course({ y: rates, yName: "learning rate", rows: [0, top] },
      (own) => path(at.map((t) => [x(t), rates(own.rate(t))]), `${own.look} rate`),
      (own) => shown(own.rate(now), 3)),
    course({ y: losses, yName: `${name} loss (nats)`, xName: "step", rows: LEVELS },
      (own) => [own.losses.map((ys) => curve(ys, `${own.look} seed`, FAINT)), curve(means(own.losses), `${own.look} mean`)],
      (own) => (Number.isFinite(ended(own)) ? ended(own).toFixed(3) : "diverged")),
  ];
}

// Right: the test set, a dot a seed with the mean as a bar, and the losses of the peak rates that were tried.
function results(pair, steps, width) {
  const dots = (what, yName, base, top) => {
    const every = contestants.flatMap((name) => catalog.results[name][steps][what]).filter(Number.isFinite);
    const x = roomy([Math.min(...every), Math.max(...every)], width);
    const rows = pair.map(({ row, color, [what]: scores }) => {
      const [y, middle] = [top + row, x(mean(scores))];
      return [
        scores.filter(Number.isFinite).map((score) => dot(x(score), y, color, { class: `dot ${what}`, opacity: 0.55 })),
        line(middle, y - 9, middle, y + 9, "middle", { style: `stroke: var(--${color}); stroke-width: 3` }),
      ];
    });
    return panel({ x, y: scale([0, 1], [base, top]), yName, rows: [], columns: width > 480 ? 6 : 4 }, rows);
  };
  const [x, y] = [roomy([catalog.peaks[0], catalog.peaks.at(-1)], width, true), lossAxis(358, 250)];
  const columns = catalog.peaks.filter((_, k) => width > 480 || k % 2 === 0);
  const [xName, yName] = ["peak rate, circle: chosen", "validation loss in the tuning"];
  return [
    dots("accuracy", "test accuracy (%)", 78, 26),
    dots("loss", "test loss (nats)", 186, 134),
    panel({ x, y, xName, yName, rows: LEVELS, columns }, pair.map(({ tried, peak, look, color }) => [
      tried.flatMap((losses, k) => losses.filter(Number.isFinite).map((loss) =>
        dot(x(catalog.peaks[k]), y(loss), color, { class: "tried", r: 2.5, opacity: 0.5 }))),
      path(tried.map((losses, k) => [x(catalog.peaks[k]), y(mean(losses))]), `${look} tuning`),
      dot(x(peak), y(mean(tried[catalog.peaks.indexOf(peak)])), color,
        { class: "chosen", r: 6, style: `fill: none; stroke: var(--${color}); stroke-width: 2` }),
    ])),
  ];
}

// ---- what is shown ----

function view(state, ui) {
  const { first, second, steps, training } = state;
  const pair = [first, second].map((name, i) => contestant(name, state, LOOKS[i]));
  const [a, b] = pair;
  const gains = a.accuracy.map((x, k) => x - b.accuracy[k]);
  const [accuracy, loss] = [verdict(pair, gains, 2), verdict(pair, a.loss.map((x, k) => b.loss[k] - x), 4)];
  const scores = pair.map((own) => `${own.name} ${mean(own.accuracy).toFixed(2)} %`).join(", ");
  const outcome = first === second ? "Both are the same runs."
    : `${accuracy.better} is better by ${accuracy.by} points in ${accuracy.wins} seeds, ${accuracy.chance}; ` +
      `the test loss of ${loss.better} is lower by ${loss.by} in ${loss.wins}, ${loss.chance}.`;
  const summary = `After ${steps} steps, test accuracy: ${scores}. ${outcome}`;
  const choice = (words, trait, choices) => menu(words, choices, state[trait], (wish) => ui.set({ [trait]: wish }));
  const fixed = (k) => [...pair.map((own) => own.accuracy[k]), gains[k]].map((x) => x.toFixed(2));
  return {
    bar: [choice("First", "first", contestants), choice("Second", "second", contestants),
      choice("Steps", "steps", catalog.lengths), check("training loss", training, (wish) => ui.set({ training: wish }))],
    picture: { height: HEIGHT, marks: courses(pair, state, ui.widths[0]) },
    side: { height: HEIGHT, marks: results(pair, steps, ui.widths[1]) },
    summary,
    words: `${summary} (± is the standard deviation of the differences, seed by seed.)`,
    room: "3em",
    numbers: () => [
      `Test set after ${steps} steps`,
      [["seed", `${first}, %`, `${second}, %`, "difference", `${first}, loss`, `${second}, loss`],
        ...catalog.seeds.map((seed, k) => [seed, ...fixed(k), ...pair.map((own) => shown(own.loss[k]))])],
      "Validation loss by peak rate",
      [["peak rate", first, second],
        ...catalog.peaks.map((peak, k) => [shown(peak), ...pair.map(({ tried }) => shown(mean(tried[k])))])],
    ],
  };
}

const knows = ({ first, second, steps }) =>
  contestants.includes(first) && contestants.includes(second) && catalog.lengths.includes(steps);

export default explorer({ view, knows });
