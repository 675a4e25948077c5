/**
 * The activations of the network: GELU in the encoder, SwiGLU in the decoder.
 *
 * @module
 */
import { add, Compiled, erf, type MLXArray, multiply, scalar, sigmoid } from "../../ffi/mod.ts";
import type { BackendPolicy } from "./backend.ts";
import { paysOff, tablesOf } from "./function_tables.ts";

/** x / 2 * (1 + erf(x / sqrt 2)): the exact GELU, not its tanh approximation (spec 5.7). */
export function gelu(x: MLXArray, policy: Pick<BackendPolicy, "gelu" | "tables">): MLXArray {
  if (policy.gelu === "table") return tablesOf(policy).gelu.apply(x);
  const dtype = x.dtype;
  const curve = erf(multiply(x, scalar(Math.SQRT1_2, dtype)));
  return multiply(multiply(x, scalar(0.5, dtype)), add(curve, scalar(1, dtype)));
}

/** x * sigmoid(x). */
export function silu(x: MLXArray, policy: Pick<BackendPolicy, "exponential" | "tables">): MLXArray {
  if (policy.exponential === "native" || !paysOff(x.size)) return multiply(x, sigmoid(x));
  return tablesOf(policy).silu.apply(x);
}

/** silu(gate) * up; compiled once for all layers where the policy says so. */
export class SwiGLU implements Disposable {
  readonly #policy: BackendPolicy;
  #compiled: Compiled | undefined;

  constructor(policy: BackendPolicy) {
    this.#policy = policy;
  }

  apply(gate: MLXArray, up: MLXArray): MLXArray {
    if (this.#policy.swiglu === "plain") return multiply(silu(gate, this.#policy), up);
    this.#compiled ??= new Compiled(([x, y]) => multiply(multiply(x!, sigmoid(x!)), y!));
    return this.#compiled.apply(gate, up);
  }

  [Symbol.dispose](): void {
    this.#compiled?.[Symbol.dispose]();
    this.#compiled = undefined;
  }
}
