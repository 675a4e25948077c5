/**
 * What goes from frame to frame: an LSTM cell, then one number. Here and not on MLX, where a step is ten calls and would
 * need many stretches of a recording side by side, each begun too early, to be worth them.
 *
 * @module
 */
import { MatrixVector } from "./simd.ts";

/** Width of the cell. */
const HIDDEN = 128;
/** Numbers of the four gates i, f, g, o. */
export const GATES: number = 4 * HIDDEN;

/** Shapes of the tensors that the recurrence reads, as stored. */
export const RECURRENCE_SHAPES = {
  "lstm_cell.weight_hh": [GATES, HIDDEN],
  "final_conv.weight": [1, HIDDEN, 1],
  "final_conv.bias": [1],
} as const;

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** What is remembered between two frames; zeros before the first. */
export class Memory {
  /** Hidden state. `[128]` */
  readonly hidden: Float32Array<ArrayBuffer> = new Float32Array(HIDDEN);
  /** Cell state. `[128]` */
  readonly cell: Float32Array<ArrayBuffer> = new Float32Array(HIDDEN);
}

/** The cell and the output layer. */
export class Recurrence {
  readonly #recurrent: MatrixVector; // [512, 128]
  readonly #output: Float32Array; // [128]
  readonly #bias: number;

  /** @param values A tensor of {@linkcode RECURRENCE_SHAPES} by name. */
  constructor(values: (name: keyof typeof RECURRENCE_SHAPES) => Float32Array) {
    this.#recurrent = new MatrixVector(values("lstm_cell.weight_hh"), GATES, HIDDEN);
    this.#output = values("final_conv.weight");
    this.#bias = values("final_conv.bias")[0]!;
  }

  /**
   * The probability that a frame is speech; moves the memory on.
   *
   * @param input The frame's gates as the front gives them. `[512]`
   */
  step(input: Float32Array, { hidden, cell }: Memory): number {
    const gates = this.#recurrent.rows;
    this.#recurrent.vector.set(hidden);
    gates.set(input);
    this.#recurrent.addProduct();
    let logit = this.#bias;
    for (let i = 0; i < HIDDEN; i++) {
      const kept = sigmoid(gates[HIDDEN + i]!) * cell[i]!;
      const state = kept + sigmoid(gates[i]!) * Math.tanh(gates[2 * HIDDEN + i]!);
      const h = sigmoid(gates[3 * HIDDEN + i]!) * Math.tanh(state);
      cell[i] = state;
      hidden[i] = h;
      if (h > 0) logit += h * this.#output[i]!;
    }
    return sigmoid(logit);
  }
}
