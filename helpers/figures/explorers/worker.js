// Where networks learn: in a worker, or in the page itself where it may have none. There is one text of the engine:
// its functions, which are written out for the worker.

import { convolution, decoded, generator, largest, linear, lossOf, network, normalized, numbers, pixelsOf, pooling, race, rateOf, relu,
  training } from "./engine.js";

const ENGINE = [convolution, decoded, generator, largest, linear, lossOf, network, normalized, numbers, pixelsOf, pooling, race, rateOf, relu,
  serve, training];
const PAUSE = 16; // ms between two messages, at least

// Trains as `hear` is asked to, and posts what is new. At most `slice` ms are worked before others have their turn.
function serve(post, digits, slice, pause) {
  const set = decoded(digits);
  const net = network(set);
  let [now, wish, timer, last, owed, news] = [null, null, null, 0, 0, { looks: [] }];
  // The first network's kernels, its maps of an eight, and how large numbers and gradients are in each layer.
  function inside(first) {
    first.ask(set.shown[8]);
    net.backward();
    const size = (values) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
    const maps = net.layers.filter(({ kind }) => kind === "relu").map(({ out }) => out.slice());
    return { kernels: net.parts[0].out.slice(), maps, layers: net.layers.map(({ kind, out, slope }) => [kind, size(out), size(slope)]) };
  }
  // The probabilities that a drawing is each digit, as the networks see it on average.
  function answer() {
    const rows = now.runs.map((one) => {
      one.use();
      net.forward(normalized(set, wish.drawing));
      return formulas.logProbabilities(net.logits.out, 0).map(Math.exp);
    });
    return rows[0].map((_, k) => rows.reduce((sum, row) => sum + row[k] / rows.length, 0));
  }
  function tell() {
    now.runs[0].use();
    const more = wish.show === "inside" ? { inside: inside(now.runs[0]) } : wish.show === "draw" ? { answer: answer() } : {};
    post({ ...news, ...more, step: now.step, done: now.done, rate: now.rate() });
    news = { looks: [] };
  }
  const keep = (look) => look && news.looks.push(look);
  function work() {
    const [start, before] = [performance.now(), now.step];
    owed = Math.min(owed + ((start - last) / 1000) * wish.pace, wish.pace / 10 + 1); // standing still is not made up for
    last = start;
    for (; owed >= 1 && !now.done && performance.now() - start < slice; owed--) keep(now.next());
    if (now.step > before) tell();
    timer = now.done ? null : setTimeout(work, Math.max(0, pause - (performance.now() - start)));
  }
  // From the next step on the wish is in force. `begin`: with new weights; `once`: one step; `going`: on and on.
  return function hear({ begin, once, going, ...about }) {
    clearTimeout(timer);
    wish = about;
    if (begin) {
      now = race(net, set, wish);
      news = { begin, looks: [now.look()] };
    } else if (wish.lr !== now.lr) news.change = { step: now.step, lr: wish.lr };
    now.lr = wish.lr;
    if (once && !now.done) keep(now.next() ?? now.look());
    tell();
    last = performance.now();
    if (going) timer = setTimeout(work, 0);
  };
}

const written = (value) => (typeof value === "function" ? String(value)
  : `{${Object.entries(value).map(([name, own]) => `${JSON.stringify(name)}: ${written(own)}`)}}`);

// A worker that is sent wishes, and whose news `receive` gets. Where it is refused the page does the work, and
// `again` is called.
export function open(digits, receive, again) {
  const start = `const hear = serve(postMessage, ${JSON.stringify(digits)}, ${2 * PAUSE}, ${PAUSE}); onmessage = ({ data }) => hear(data);`;
  const text = [`const formulas = ${written(formulas)};`, ...ENGINE, start].join("\n");
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const thread = { send: () => {}, close: () => {} };
  function here() {
    let wish = {};
    const hear = serve(receive, digits, PAUSE / 2, PAUSE);
    thread.send = (message) => hear((wish = message));
    thread.close = () => hear({ ...wish, begin: false, once: false, going: false });
    again();
  }
  try {
    const worker = new Worker(address);
    worker.onmessage = ({ data }) => receive(data);
    worker.onerror = here;
    Object.assign(thread, { send: (message) => worker.postMessage(message), close: () => worker.terminate() });
  } catch {
    queueMicrotask(here);
  }
  return thread;
}
