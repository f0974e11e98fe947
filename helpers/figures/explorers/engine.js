// The lessons' small network in typed arrays, an image at a time, forward and backward, and several trainings of it
// that differ by their seed. Rules, schedules, losses and penalties are `formulas`, which Python traces.

// ---- chance: the Mersenne Twister as torch draws from it, so that a seed means here what it means in `fit` ----

export function generator(seed) {
  const words = new Uint32Array(624);
  let next = 624;
  words[0] = seed;
  for (let i = 1; i < 624; i++) words[i] = Math.imul(1812433253, words[i - 1] ^ (words[i - 1] >>> 30)) + i;
  function draw() {
    if (next === 624)
      for (next = 0; next < 624; next++) {
        const both = (words[next] & 0x80000000) | (words[(next + 1) % 624] & 0x7fffffff);
        words[next] = words[(next + 397) % 624] ^ (both >>> 1) ^ (both & 1 ? 0x9908b0df : 0);
      }
    next %= 624;
    let word = words[next++];
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  }
  // torch.randperm
  function permutation(n) {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = 0; i < n - 1; i++) {
      const other = i + (draw() % (n - i));
      [order[i], order[other]] = [order[other], order[i]];
    }
    return order;
  }
  // Tensor.uniform_(-bound, bound), in single precision
  function uniform(values, bound) {
    const [low, range] = [-Math.fround(bound), Math.fround(2 * Math.fround(bound))];
    for (let i = 0; i < values.length; i++) values[i] = Math.fround((draw() & 0xffffff) * 2 ** -24 * range + low);
  }
  return { permutation, uniform };
}

// ---- layers: `out` is what one makes of its input's `out`, `slope` the gradient of the loss there. `backward` gives
// the input its gradient, and adds to the weights' ----

export function numbers(n) {
  return { out: new Float64Array(n), slope: new Float64Array(n) };
}

// 3x3, with a border of zeros. Each number of a kernel meets a part of the image: the border is left out.
export function convolution(input, { from, to, side, weight, bias }) {
  const area = side * side;
  const { out, slope } = numbers(to * area);
  const taps = Array.from({ length: 9 }, (_, k) => {
    const [down, right] = [Math.floor(k / 3) - 1, (k % 3) - 1];
    const start = Math.max(0, -down) * side + Math.max(0, -right);
    return { start, shift: down * side + right, rows: side - Math.abs(down), columns: side - Math.abs(right) };
  });
  // For each weight: where its outputs begin, where its inputs do, and how many rows and columns there are.
  function eachWeight(act) {
    for (let f = 0, k = 0; f < to; f++)
      for (let c = 0; c < from; c++)
        for (const { start, shift, rows, columns } of taps) act(k++, f * area + start, c * area + start + shift, rows, columns);
  }
  function forwardWeight(k, o, i, rows, columns) {
    const [x, w] = [input.out, weight.out[k]];
    for (let r = 0; r < rows; r++, o += side, i += side)
      for (let q = 0; q < columns; q++) out[o + q] += w * x[i + q];
  }
  function backwardWeight(k, o, i, rows, columns) {
    const [x, dx, w] = [input.out, input.slope, weight.out[k]];
    let sum = 0;
    for (let r = 0; r < rows; r++, o += side, i += side)
      for (let q = 0; q < columns; q++) {
        if (slope[o + q] === 0) continue; // most are, behind the maximum
        sum += slope[o + q] * x[i + q];
        dx[i + q] += slope[o + q] * w;
      }
    weight.slope[k] += sum;
  }
  function forward() {
    for (let f = 0; f < to; f++) out.fill(bias.out[f], f * area, (f + 1) * area);
    eachWeight(forwardWeight);
  }
  function backward() {
    input.slope.fill(0);
    for (let o = 0; o < out.length; o++) bias.slope[Math.floor(o / area)] += slope[o];
    eachWeight(backwardWeight);
  }
  return { out, slope, forward, backward };
}

export function relu(input) {
  const { out, slope } = numbers(input.out.length);
  function forward() {
    for (let i = 0; i < out.length; i++) out[i] = Math.max(input.out[i], 0);
  }
  function backward() {
    for (let i = 0; i < out.length; i++) input.slope[i] = input.out[i] > 0 ? slope[i] : 0;
  }
  return { out, slope, forward, backward };
}

// The largest of each 2x2; of equal ones the first gets the gradient.
export function pooling(input, { channels, side }) {
  const half = side / 2;
  const { out, slope } = numbers(channels * half * half);
  const winners = new Uint32Array(out.length);
  function forward() {
    const x = input.out;
    for (let o = 0; o < out.length; o++) {
      const corner = 2 * side * Math.floor(o / half) + 2 * (o % half);
      let best = corner;
      if (x[corner + 1] > x[best]) best = corner + 1;
      if (x[corner + side] > x[best]) best = corner + side;
      if (x[corner + side + 1] > x[best]) best = corner + side + 1;
      out[o] = x[best];
      winners[o] = best;
    }
  }
  function backward() {
    input.slope.fill(0);
    for (let o = 0; o < out.length; o++) input.slope[winners[o]] = slope[o];
  }
  return { out, slope, forward, backward };
}

export function linear(input, { weight, bias }) {
  const { out, slope } = numbers(bias.out.length);
  const n = input.out.length;
  function forward() {
    out.set(bias.out);
    for (let k = 0; k < weight.out.length; k++) out[Math.floor(k / n)] += weight.out[k] * input.out[k % n];
  }
  function backward() {
    input.slope.fill(0);
    for (let k = 0; k < out.length; k++) bias.slope[k] += slope[k];
    for (let k = 0; k < weight.out.length; k++) {
      const [o, i] = [Math.floor(k / n), k % n];
      weight.slope[k] += slope[o] * input.out[i];
      input.slope[i] += slope[o] * weight.out[k];
    }
  }
  return { out, slope, forward, backward };
}

// models.small_cnn, its weights laid end to end in torch's order.
export function network({ channels, side, classes }) {
  const features = channels.at(-1) * (side >> channels.length) ** 2;
  const stages = channels.map((to, i) => ({ from: channels[i - 1] ?? 1, to, channels: to, side: side >> i }));
  const sizes = [...stages.flatMap(({ from, to }) => [to * from * 9, to]), classes * features, classes];
  const weights = numbers(sizes.reduce((sum, n) => sum + n));
  let end = 0;
  const parts = sizes.map((n) => ({ out: weights.out.subarray(end, end + n), slope: weights.slope.subarray(end, (end += n)) }));
  const input = numbers(side * side);
  const layers = [];
  const add = (make, about) => layers.push({ ...make(layers.at(-1) ?? input, about), kind: make.name });
  stages.forEach((stage, i) => {
    add(convolution, { ...stage, weight: parts[2 * i], bias: parts[2 * i + 1] });
    add(relu);
    add(pooling, stage);
  });
  add(linear, { weight: parts.at(-2), bias: parts.at(-1) });
  const back = layers.toReversed();
  // As torch's layers begin: within one over the root of how many numbers a unit sees.
  function begin(chance) {
    parts.forEach(({ out }, i) => chance.uniform(out, Math.sqrt(sizes[i | 1] / sizes[i & ~1])));
  }
  function forward(image) {
    input.out.set(image);
    for (const layer of layers) layer.forward();
  }
  function backward() {
    for (const layer of back) layer.backward();
  }
  return { weights, parts, layers, logits: layers.at(-1), begin, forward, backward };
}

// ---- training ----

// The loss of one image; its gradient is left at the logits.
export function lossOf({ out, slope }, label, loss) {
  const logs = loss.kind === "CrossEntropy" ? formulas.logProbabilities(out, 0) : null;
  const { formula, derivative } = formulas.loss[loss.kind];
  let sum = 0;
  for (let k = 0; k < out.length; k++) {
    const target = Number(k === label);
    const share = (1 - loss.label_smoothing) * target + loss.label_smoothing / out.length;
    if (!logs) sum += formula(out[k] - target, loss) / out.length;
    else if (share > 0) sum -= share * logs[k];
    slope[k] = logs ? Math.exp(logs[k]) - share : derivative(out[k] - target, loss) / out.length;
  }
  return sum;
}

export function largest(row) {
  return row.reduce((best, x, k) => (x > row[best] ? k : best), 0);
}

// One training: its weights, the order in which it sees the images, what its rule remembers of each weight. All
// trainings use one network in turn: the code of a second one would run half as fast.
export function training(net, { images, labels, train }, seed, about) {
  const [order, update, penalty] = [generator(seed), formulas.rule[about.rule.kind], formulas.penalty[about.penalty.kind]];
  net.begin(generator(seed));
  const weights = net.weights.out.slice();
  const memory = Array.from(weights, () => update.init(about.rule));
  let [epoch, taken] = [[], 0];
  const use = () => net.weights.out.set(weights);
  function ask(i) {
    net.forward(images[i]);
    return lossOf(net.logits, labels[i], about.loss);
  }
  // An update with the next images of the epoch, the last of which may be fewer. Returns their mean loss.
  function step(lr) {
    if (taken >= epoch.length) [epoch, taken] = [order.permutation(Math.min(about.images, train)), 0];
    const batch = epoch.subarray(taken, (taken += about.batch_size));
    use();
    net.weights.slope.fill(0);
    let sum = 0;
    for (const i of batch) {
      sum += ask(i);
      net.backward();
    }
    for (let i = 0; i < weights.length; i++) {
      const grad = net.weights.slope[i] / batch.length + penalty.derivative(weights[i], about.penalty);
      ({ param: weights[i], state: memory[i] } = update.step(weights[i], grad, memory[i], lr, about.rule));
    }
    return sum / batch.length;
  }
  // What it makes of the images that it does not learn from.
  function look() {
    use();
    let loss = 0;
    const reads = [];
    for (let i = train; i < images.length; i++) {
      loss += ask(i) / (images.length - train);
      reads.push(largest(net.logits.out));
    }
    return { loss, reads, right: reads.filter((k, i) => k === labels[train + i]).length / reads.length };
  }
  return { weights, use, ask, step, look };
}

export function rateOf({ schedule, lr, steps }, step) {
  return formulas.schedule[schedule.kind](step, { ...schedule, lr, peak_lr: lr, total_steps: steps });
}

// Several trainings side by side, and looks at them every so many steps. The rate may change on the way.
export function race(net, set, about) {
  const runs = Array.from({ length: about.seeds }, (_, i) => training(net, set, about.seed + i, about));
  const own = { runs, lr: about.lr, step: 0, done: false, next, look, rate };
  let losses = [];
  function rate() {
    return rateOf({ ...about, lr: own.lr }, Math.min(own.step, about.steps - 1));
  }
  // A step, and a look where one is due.
  function next() {
    const lr = rate();
    losses.push(runs.map((run) => run.step(lr)));
    own.done = ++own.step >= about.steps;
    return own.done || losses.length === set.every ? look(lr) : null;
  }
  function look(lr = rate()) {
    const views = runs.map((run) => run.look());
    const train = losses.length ? runs.map((_, i) => losses.reduce((sum, row) => sum + row[i], 0) / losses.length) : null;
    losses = [];
    return { step: own.step, rate: lr, train, ...Object.fromEntries(["loss", "right", "reads"].map((name) => [name, views.map((one) => one[name])])) };
  }
  return own;
}

// ---- the digits: a letter for each pixel, 0 to g, and a capital for a run of zeros ----

export function pixelsOf({ pixels }) {
  return Uint8Array.from(pixels.replace(/[A-Z]/g, (run) => "0".repeat(run.charCodeAt(0) - 63)), (letter) => parseInt(letter, 17));
}

export function normalized({ mean, std }, pixels) {
  return Float64Array.from(pixels, (pixel) => (Math.round((pixel * 255) / 16) / 255 - mean) / std);
}

export function decoded(set) {
  const [area, values, labels] = [set.side ** 2, normalized(set, pixelsOf(set)), Uint8Array.from(set.labels, Number)];
  return { ...set, labels, images: Array.from(labels, (_, i) => values.subarray(i * area, (i + 1) * area)) };
}
