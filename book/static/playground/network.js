// A dense network with dropout, batch normalization and an L2 penalty, with the arithmetic of Keras.
// A hidden layer is Dense -> (batch normalization) -> activation -> (dropout), as in the course.
// Arrays hold one row after another; all parameters lie in one array, which an optimizer changes.

const MOMENTUM = 0.9; // of moving averages, as in the course; Keras's default is 0.99
const EPSILON = 1e-3;
const CHUNK = 256; // rows that are evaluated together

const ACTIVATIONS = {
  relu: { of: (z) => (z > 0 ? z : 0), slope: (h) => (h > 0 ? 1 : 0) },
  tanh: { of: Math.tanh, slope: (h) => 1 - h * h },
  sigmoid: { of: (z) => 1 / (1 + Math.exp(-z)), slope: (h) => h * (1 - h) },
};

export class Network {
  // shape: features, widths (units of each hidden layer), classes (2 have one output with a
  // sigmoid, more a softmax), activation, dropout (rate), batch_normalization, l2; batch: the most
  // rows of a step; random: for initial weights.
  constructor(shape, batch, random) {
    const { features, widths, classes, activation, batch_normalization } = shape;
    this.outputs = classes === 2 ? 1 : classes;
    this.dropout = shape.dropout || 0;
    this.l2 = shape.l2 || 0;
    this.activation = ACTIVATIONS[activation];
    const rows = Math.max(batch, CHUNK);
    this.input = new Float64Array(rows * features);
    this.features = features;
    this.chosen = new Int32Array(rows);

    const sizes = [features, ...widths, this.outputs];
    this.layers = widths.map((units, k) => ({ inputs: sizes[k], units, hidden: true }));
    this.layers.push({ inputs: sizes.at(-2), units: this.outputs, hidden: false });
    for (const layer of this.layers) layer.normalized = layer.hidden && Boolean(batch_normalization);
    // Batch normalization subtracts the mean, and with it any bias just before it.
    const names = (layer) => (layer.normalized ? ["gamma", "beta"] : ["bias"]);
    const count = this.layers.reduce(
      (sum, layer) => sum + layer.inputs * layer.units + names(layer).length * layer.units,
      0
    );
    this.parameters = new Float64Array(count);
    this.gradients = new Float64Array(count);
    let start = 0;
    for (const layer of this.layers) {
      const take = (name, size) => {
        layer[name] = this.parameters.subarray(start, start + size);
        layer[`${name}Gradient`] = this.gradients.subarray(start, start + size);
        start += size;
      };
      take("kernel", layer.inputs * layer.units);
      names(layer).forEach((name) => take(name, layer.units));
      const buffer = () => new Float64Array(rows * layer.units);
      Object.assign(layer, { sums: buffer(), output: buffer(), delta: buffer() });
      if (layer.normalized) {
        layer.gamma.fill(1);
        layer.standard = buffer();
        layer.movingMean = new Float64Array(layer.units);
        layer.movingVariance = new Float64Array(layer.units).fill(1);
        layer.scale = new Float64Array(layer.units);
      }
      layer.active = buffer();
      layer.mask = layer.hidden && this.dropout ? new Float64Array(rows * layer.units) : null;
      initialize(layer, activation, random);
    }
  }

  // One step on some rows: the loss before it, penalty included. draw: for the masks of dropout.
  step({ x, y }, rows, optimizer, draw) {
    this.load(x, rows);
    if (this.dropout) this.drawMasks(rows.length, draw);
    this.forward(rows.length, true);
    const loss = this.lossOf(y, rows) + this.penalty();
    this.backward(y, rows);
    optimizer.step(this.parameters, this.gradients);
    return loss;
  }

  load(x, rows) {
    const { features, input } = this;
    for (let k = 0; k < rows.length; k++) {
      const from = rows[k] * features;
      for (let i = 0; i < features; i++) input[k * features + i] = x[from + i];
    }
  }

  // Inverted dropout: what stays is scaled up, so that inference has nothing to do.
  drawMasks(count, draw) {
    const kept = 1 / (1 - this.dropout);
    for (const { mask, units } of this.layers) {
      if (!mask) continue;
      for (let k = 0; k < count * units; k++) mask[k] = draw.uniform() < this.dropout ? 0 : kept;
    }
  }

  // Outputs of the loaded rows. In training the batch itself is what normalizes, and masks apply.
  forward(count, training) {
    let input = this.input;
    for (const layer of this.layers) {
      multiply(input, layer, count);
      if (layer.normalized) normalize(layer, count, training);
      if (layer.hidden) {
        const { sums, active, units } = layer;
        const of = this.activation.of;
        for (let k = 0; k < count * units; k++) active[k] = of(sums[k]);
        if (training && layer.mask) {
          for (let k = 0; k < count * units; k++) layer.output[k] = active[k] * layer.mask[k];
          input = layer.output;
        } else input = active;
        layer.given = input;
      }
    }
  }

  get logits() {
    return this.layers.at(-1).sums;
  }

  // Mean cross-entropy of the loaded rows, without the penalty.
  lossOf(y, rows) {
    const { logits, outputs } = this;
    let sum = 0;
    for (let k = 0; k < rows.length; k++) {
      const label = y[rows[k]];
      if (outputs === 1) {
        const z = logits[k];
        sum += Math.max(z, 0) - z * label + Math.log1p(Math.exp(-Math.abs(z)));
      } else sum += logSum(logits, k * outputs, outputs) - logits[k * outputs + label];
    }
    return sum / rows.length;
  }

  penalty() {
    let sum = 0;
    if (this.l2) for (const { kernel } of this.layers) for (const w of kernel) sum += w * w;
    return this.l2 * sum;
  }

  // Gradients of loss and penalty, after a forward pass in training mode.
  backward(y, rows) {
    const count = rows.length;
    const last = this.layers.at(-1);
    const { outputs, logits } = this;
    for (let k = 0; k < count; k++) {
      const all = outputs === 1 ? 0 : logSum(logits, k * outputs, outputs);
      for (let j = 0; j < outputs; j++) {
        const z = logits[k * outputs + j];
        const hit = outputs === 1 ? y[rows[k]] : Number(y[rows[k]] === j);
        const probability = outputs === 1 ? 1 / (1 + Math.exp(-z)) : Math.exp(z - all);
        last.delta[k * outputs + j] = (probability - hit) / count;
      }
    }
    for (let at = this.layers.length - 1; at >= 0; at--) {
      const layer = this.layers[at];
      const before = this.layers[at - 1];
      if (layer.hidden) {
        const { delta, active, mask, units } = layer;
        const slope = this.activation.slope;
        for (let k = 0; k < count * units; k++) delta[k] *= slope(active[k]) * (mask ? mask[k] : 1);
        if (layer.normalized) throughNormalization(layer, count);
      }
      kernelGradient(before ? before.given : this.input, layer, count, this.l2);
      if (!layer.normalized) sumRows(layer.delta, layer.biasGradient, count);
      if (before) toInputs(layer, before.delta, count);
    }
  }

  // Loss without penalty, and accuracy, in inference mode. Neither is a number after a divergence.
  evaluate({ x, y, count }) {
    let [loss, hits] = [0, 0];
    for (let start = 0; start < count; start += CHUNK) {
      const rows = this.chunk(x, start, count);
      loss += this.lossOf(y, rows) * rows.length;
      for (let k = 0; k < rows.length; k++) hits += Number(this.predicted(k) === y[rows[k]]);
    }
    return { loss: loss / count, accuracy: Number.isFinite(loss) ? hits / count : NaN };
  }

  // The label that a loaded row is given.
  predicted(row) {
    const { logits, outputs } = this;
    if (outputs === 1) return Number(logits[row] > 0);
    let best = 0;
    for (let j = 1; j < outputs; j++)
      if (logits[row * outputs + j] > logits[row * outputs + best]) best = j;
    return best;
  }

  // Probabilities of rows in inference mode: of the second class, or (count, classes) of all.
  probabilities(x, count) {
    const { outputs } = this;
    const found = new Float32Array(count * outputs);
    for (let start = 0; start < count; start += CHUNK) {
      const rows = this.chunk(x, start, count);
      for (let k = 0; k < rows.length; k++) {
        const all = outputs === 1 ? 0 : logSum(this.logits, k * outputs, outputs);
        for (let j = 0; j < outputs; j++) {
          const z = this.logits[k * outputs + j];
          found[(start + k) * outputs + j] =
            outputs === 1 ? 1 / (1 + Math.exp(-z)) : Math.exp(z - all);
        }
      }
    }
    return found;
  }

  // Runs some rows, one after another, through the network; their numbers.
  chunk(x, start, count) {
    const rows = this.chosen.subarray(0, Math.min(CHUNK, count - start));
    for (let k = 0; k < rows.length; k++) rows[k] = start + k;
    this.load(x, rows);
    this.forward(rows.length, false);
    return rows;
  }
}

// He's normal draws before a ReLU, Glorot's uniform ones elsewhere, as Keras draws them.
function initialize({ kernel, inputs, units, hidden }, activation, random) {
  if (hidden && activation === "relu") {
    const deviation = Math.sqrt(2 / inputs) / 0.87962566103423978; // of a normal cut off at 2
    for (let k = 0; k < kernel.length; k++) {
      let drawn;
      do drawn = random.normal();
      while (Math.abs(drawn) > 2);
      kernel[k] = deviation * drawn;
    }
  } else {
    const limit = Math.sqrt(6 / (inputs + units));
    for (let k = 0; k < kernel.length; k++) kernel[k] = limit * (2 * random.uniform() - 1);
  }
}

// Two inputs at a time: reading and writing a sum costs more than adding to it.
function multiply(input, { sums, kernel, bias, inputs, units }, count) {
  for (let row = 0; row < count; row++) {
    const to = row * units;
    for (let j = 0; j < units; j++) sums[to + j] = bias ? bias[j] : 0;
    addRows(input, row * inputs, inputs, kernel, sums, to, units);
  }
}

// sums[to..] += the sum over i of factors[start + i] * matrix[i], whose rows have `units` numbers.
function addRows(factors, start, count, matrix, sums, to, units) {
  let [first, factor] = [-1, 0];
  for (let i = 0; i < count; i++) {
    const value = factors[start + i];
    if (value === 0) continue; // of a ReLU, of dropout, of a dark pixel
    if (first < 0) {
      [first, factor] = [i * units, value];
      continue;
    }
    const second = i * units;
    for (let j = 0; j < units; j++)
      sums[to + j] += factor * matrix[first + j] + value * matrix[second + j];
    first = -1;
  }
  if (first >= 0) for (let j = 0; j < units; j++) sums[to + j] += factor * matrix[first + j];
}

function kernelGradient(input, { delta, kernel, kernelGradient, inputs, units }, count, l2) {
  for (let k = 0; k < kernel.length; k++) kernelGradient[k] = 2 * l2 * kernel[k];
  for (let row = 0; row < count; row++) {
    const from = row * units;
    for (let i = 0; i < inputs; i++) {
      const value = input[row * inputs + i];
      if (value === 0) continue;
      const to = i * units;
      for (let j = 0; j < units; j++) kernelGradient[to + j] += value * delta[from + j];
    }
  }
}

function toInputs({ delta, kernel, inputs, units }, before, count) {
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < inputs; i++) {
      let sum = 0;
      for (let j = 0; j < units; j++) sum += delta[row * units + j] * kernel[i * units + j];
      before[row * inputs + i] = sum;
    }
  }
}

function sumRows(values, sums, count) {
  const units = sums.length;
  sums.fill(0);
  for (let row = 0; row < count; row++)
    for (let j = 0; j < units; j++) sums[j] += values[row * units + j];
}

// Ioffe and Szegedy (2015): by the batch's own mean and (biased) variance in training, which move
// the averages that are used at inference.
function normalize(layer, count, training) {
  const { sums, standard, scale, gamma, beta, movingMean, movingVariance, units } = layer;
  for (let j = 0; j < units; j++) {
    let mean = movingMean[j];
    let variance = movingVariance[j];
    if (training) {
      mean = 0;
      for (let row = 0; row < count; row++) mean += sums[row * units + j];
      mean /= count;
      variance = 0;
      for (let row = 0; row < count; row++) variance += (sums[row * units + j] - mean) ** 2;
      variance /= count;
      movingMean[j] = MOMENTUM * movingMean[j] + (1 - MOMENTUM) * mean;
      movingVariance[j] = MOMENTUM * movingVariance[j] + (1 - MOMENTUM) * variance;
    }
    scale[j] = 1 / Math.sqrt(variance + EPSILON);
    for (let row = 0; row < count; row++) {
      const k = row * units + j;
      standard[k] = (sums[k] - mean) * scale[j];
      sums[k] = gamma[j] * standard[k] + beta[j];
    }
  }
}

function throughNormalization(layer, count) {
  const { delta, standard, scale, gamma, gammaGradient, betaGradient, units } = layer;
  for (let j = 0; j < units; j++) {
    let [sum, product] = [0, 0];
    for (let row = 0; row < count; row++) {
      const k = row * units + j;
      sum += delta[k];
      product += delta[k] * standard[k];
    }
    betaGradient[j] = sum;
    gammaGradient[j] = product;
    const factor = (gamma[j] * scale[j]) / count;
    for (let row = 0; row < count; row++) {
      const k = row * units + j;
      delta[k] = factor * (count * delta[k] - sum - standard[k] * product);
    }
  }
}

// log(sum(exp(values))) over some values, without an overflow.
function logSum(values, start, count) {
  let most = values[start];
  for (let k = 1; k < count; k++) most = Math.max(most, values[start + k]);
  let sum = 0;
  for (let k = 0; k < count; k++) sum += Math.exp(values[start + k] - most);
  return most + Math.log(sum);
}
