/**
 * Projections of one input, as one product where they can be.
 *
 * @module
 */
import { concatenate, type MLXArray, type PackedWeight, slice } from "../../ffi/mod.ts";
import type { BackendPolicy } from "./backend.ts";
import type { Checkpoint, Matrix } from "./checkpoint.ts";
import { isPacked, type Linear, makeLinear, staysPacked } from "./layers.ts";

/** Matrices with the same input one below the other, as they are stored: one product instead of several. */
function fuse(parts: Matrix[], policy: BackendPolicy): Linear | undefined {
  const packed = parts.filter(isPacked);
  if (packed.length === 0) return makeLinear(concatenate(parts as MLXArray[], 0), policy);
  const [first] = packed as [PackedWeight];
  const alike = (policy.fusePacked || !staysPacked(first, policy)) && packed.length === parts.length &&
    packed.every(({ bits, groupSize, mode }) =>
      bits === first.bits && groupSize === first.groupSize && mode === first.mode
    );
  if (!alike) return undefined;
  const rows = (of: (part: PackedWeight) => MLXArray) => concatenate(packed.map(of), 0);
  return makeLinear({
    ...first,
    weight: rows((part) => part.weight),
    scales: rows((part) => part.scales),
    biases: first.biases && rows((part) => part.biases!),
  }, policy);
}

/** Several projections of the same input, fused where their packing allows. */
export class Projections {
  readonly parameters: MLXArray[];
  readonly #linears: Linear[];
  readonly #widths: readonly number[];

  constructor(
    source: Checkpoint,
    paths: readonly string[],
    widths: readonly number[],
    input: number,
    policy: BackendPolicy,
  ) {
    const matrices = paths.map((path, index) => source.matrix(path, widths[index]!, input, policy.dtype));
    const fused = fuse(matrices, policy);
    this.#linears = fused ? [fused] : matrices.map((matrix) => makeLinear(matrix, policy));
    this.#widths = widths;
    this.parameters = this.#linears.flatMap(({ parameters }) => parameters);
  }

  /** x `[rows, in]` -> each output, `[rows, width]`. */
  apart(x: MLXArray, rows: number): MLXArray[] {
    if (this.#linears.length > 1) return this.#linears.map((linear) => linear.apply(x));
    const joined = this.#linears[0]!.apply(x);
    let start = 0;
    return this.#widths.map((width) => slice(joined, [0, start], [rows, start += width]));
  }

  /** x `[rows, in]` -> outputs side by side `[rows, sum of widths]`. */
  apply(x: MLXArray): MLXArray {
    const outputs = this.#linears.map((linear) => linear.apply(x));
    return outputs.length === 1 ? outputs[0]! : concatenate(outputs, -1);
  }
}
