// How parameters follow their gradients, as Keras 3 does it.

class Sgd {
  constructor(learningRate) {
    this.learningRate = learningRate;
  }

  step(parameters, gradients) {
    for (let k = 0; k < parameters.length; k++) parameters[k] -= this.learningRate * gradients[k];
  }
}

// Kingma and Ba (2015), section 2 at its end: the bias correction is in the step size.
class Adam {
  constructor(learningRate, count) {
    this.learningRate = learningRate;
    this.first = new Float64Array(count);
    this.second = new Float64Array(count);
    this.steps = 0;
  }

  step(parameters, gradients) {
    const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-7];
    this.steps += 1;
    const size =
      (this.learningRate * Math.sqrt(1 - beta2 ** this.steps)) / (1 - beta1 ** this.steps);
    const { first, second } = this;
    for (let k = 0; k < parameters.length; k++) {
      const gradient = gradients[k];
      first[k] += (gradient - first[k]) * (1 - beta1);
      second[k] += (gradient * gradient - second[k]) * (1 - beta2);
      parameters[k] -= (first[k] * size) / (Math.sqrt(second[k]) + epsilon);
    }
  }
}

export function optimizerOf({ optimizer, learning_rate }, count) {
  return optimizer === "adam" ? new Adam(learning_rate, count) : new Sgd(learning_rate);
}
