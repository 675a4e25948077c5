/**
 * The activations of the network: GELU in the encoder, SwiGLU in the decoder.
 *
 * @module
 */
import {
  add,
  Compiled,
  erf,
  type MLXArray,
  multiply,
  ownGelu,
  ownSwiglu,
  scalar,
  sigmoid,
} from "../../ffi/mod.ts";
import type { BackendPolicy } from "./backend.ts";

/** x / 2 * (1 + erf(x / sqrt 2)): the exact GELU, not its tanh approximation (spec 5.7). */
export function gelu(x: MLXArray, { passes }: Pick<BackendPolicy, "passes">): MLXArray {
  if (passes === "own") return ownGelu(x);
  const dtype = x.dtype;
  const curve = erf(multiply(x, scalar(Math.SQRT1_2, dtype)));
  return multiply(multiply(x, scalar(0.5, dtype)), add(curve, scalar(1, dtype)));
}

/** silu(gate) * up, silu(x) being x * sigmoid(x); compiled once for all layers where the policy says so. */
export class SwiGLU implements Disposable {
  readonly #policy: BackendPolicy;
  #compiled: Compiled | undefined;

  constructor(policy: BackendPolicy) {
    this.#policy = policy;
  }

  /** gate and up `[rows, width]` -> `[rows, width]` */
  apply(gate: MLXArray, up: MLXArray): MLXArray {
    const { passes, swiglu } = this.#policy;
    if (passes === "own") return ownSwiglu(gate, up);
    if (swiglu === "plain") return multiply(multiply(gate, sigmoid(gate)), up);
    this.#compiled ??= new Compiled(([x, y]) => multiply(multiply(x!, sigmoid(x!)), y!));
    return this.#compiled.apply(gate, up);
  }

  [Symbol.dispose](): void {
    this.#compiled?.[Symbol.dispose]();
    this.#compiled = undefined;
  }
}
