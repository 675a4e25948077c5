/**
 * The decoder's feed-forward part: down(silu(gate(x)) * up(x)).
 *
 * @module
 */
import type { MLXArray } from "../../ffi/mod.ts";
import type { SwiGLU } from "./activations.ts";
import type { BackendPolicy } from "./backend.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { type Linear, loadLinear } from "./layers.ts";
import { Projections } from "./projections.ts";

/** SwiGLU between two projections. */
export class FeedForward {
  readonly parameters: MLXArray[];
  readonly #gateUp: Projections;
  readonly #swiglu: SwiGLU;
  readonly #down: Linear;

  constructor(
    source: Checkpoint,
    path: string,
    config: DecoderConfig,
    policy: BackendPolicy,
    swiglu: SwiGLU,
  ) {
    const { width, feedForward } = config;
    const gateUp = [`${path}.gate_proj`, `${path}.up_proj`];
    this.#gateUp = new Projections(source, gateUp, [feedForward, feedForward], width, policy);
    this.#swiglu = swiglu;
    this.#down = loadLinear(source, `${path}.down_proj`, [width, feedForward], policy);
    this.parameters = [...this.#gateUp.parameters, ...this.#down.parameters];
  }

  /** x `[rows, H]` -> `[rows, H]` */
  apply(x: MLXArray, rows: number): MLXArray {
    return this.#down.apply(this.#wide(x, rows));
  }

  /** sum `[rows, H]` and what {@linkcode apply} gives. */
  addTo(sum: MLXArray, x: MLXArray, rows: number): MLXArray {
    return this.#down.addTo(sum, this.#wide(x, rows));
  }

  #wide(x: MLXArray, rows: number): MLXArray {
    const [gate, up] = this.#gateUp.apart(x, rows) as [MLXArray, MLXArray];
    return this.#swiglu.apply(gate, up);
  }
}
