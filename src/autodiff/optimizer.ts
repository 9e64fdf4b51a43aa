// Parameter updates on flat vectors. They run in plain TypeScript, each training worker on its own part of the vector:
// at these sizes (a few ms a step) the same update inside the graph gains nothing.

/** SGD with Nesterov momentum; the weight decay is added to the gradient, as in PyTorch. */
export interface SgdOptions {
  readonly kind: "sgd";
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/** Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019). */
export interface AdamOptions {
  readonly kind: "adam";
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

export type OptimizerOptions = SgdOptions | AdamOptions;

export const sgdDefaults: SgdOptions = { kind: "sgd", momentum: 0.9, nesterov: true, weightDecay: 5e-4 };
export const adamDefaults: AdamOptions = { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

/** Float32 vectors that the optimiser keeps beside the parameters, each as long as them: momentum; for Adam, two moments. */
export function optimizerStateCount(options: OptimizerOptions): 1 | 2 {
  return options.kind === "sgd" ? 1 : 2;
}

export interface UpdateVectors {
  readonly parameters: Float32Array;
  readonly gradient: Float32Array;
  /** As many as {@link optimizerStateCount} says, zero before the first step. */
  readonly state: readonly Float32Array[];
  /** 1 where weight decay applies (matrices and filters), 0 where not (biases and normalisations). */
  readonly decayMask: Uint8Array;
}

/**
 * Updates elements [from, to) of all vectors in place.
 *
 * @param step counts from 1
 */
export function applyUpdate(
  vectors: UpdateVectors,
  options: OptimizerOptions,
  learningRate: number,
  step: number,
  from: number,
  to: number,
): void {
  if (options.kind === "sgd") updateSgd(vectors, options, learningRate, from, to);
  else updateAdam(vectors, options, learningRate, step, from, to);
}

function updateSgd(vectors: UpdateVectors, options: SgdOptions, learningRate: number, from: number, to: number): void {
  const { parameters, gradient, decayMask } = vectors;
  const velocity = vectors.state[0]!;
  const { momentum, nesterov, weightDecay } = options;
  for (let i = from; i < to; i++) {
    const g = gradient[i]! + weightDecay * decayMask[i]! * parameters[i]!;
    const v = momentum * velocity[i]! + g;
    velocity[i] = v;
    parameters[i]! -= learningRate * (nesterov ? g + momentum * v : v);
  }
}

function updateAdam(
  vectors: UpdateVectors,
  options: AdamOptions,
  learningRate: number,
  step: number,
  from: number,
  to: number,
): void {
  const { parameters, gradient, decayMask } = vectors;
  const [first, second] = vectors.state as [Float32Array, Float32Array];
  const { beta1, beta2, epsilon, weightDecay } = options;
  const correction1 = 1 - beta1 ** step;
  const correction2 = 1 - beta2 ** step;
  for (let i = from; i < to; i++) {
    const g = gradient[i]!;
    const m = beta1 * first[i]! + (1 - beta1) * g;
    const v = beta2 * second[i]! + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    const direction = m / correction1 / (Math.sqrt(v / correction2) + epsilon);
    parameters[i]! -= learningRate * (direction + weightDecay * decayMask[i]! * parameters[i]!);
  }
}
