/**
 * The parts both halves of the network are made of. Linear weights are `[out, in]`: y = x W^T + b.
 *
 * @module
 */
import {
  add,
  addmm,
  astype,
  concatenate,
  dequantize,
  type DType,
  layerNorm,
  matmul,
  MLXArray,
  onStream,
  ownNorm,
  packedProduct,
  type PackedWeight,
  quantizedMatmul,
  rmsNorm,
  sideStream,
  slice,
  suitsPackedProduct,
  takeAxis,
  transpose,
} from "../../ffi/mod.ts";
import type { BackendPolicy } from "./backend.ts";
import type { Checkpoint, Matrix } from "./checkpoint.ts";

/** Whether a weight is packed. */
export function isPacked(weight: Matrix): weight is PackedWeight {
  return !(weight instanceof MLXArray);
}

/** Whether packed weights are multiplied by libmlxc's own code. */
function hasOwnProduct(weight: PackedWeight, policy: BackendPolicy): boolean {
  return policy.packedProduct === "own" && suitsPackedProduct(weight);
}

/** Whether packed weights are held as they are. */
export function staysPacked(weight: PackedWeight, policy: BackendPolicy): boolean {
  return !policy.denseWeights || hasOwnProduct(weight, policy);
}

/** A weight as the policy wants it held. */
function held(weight: Matrix, policy: BackendPolicy): Matrix {
  if (!isPacked(weight)) return astype(weight, policy.dtype);
  return staysPacked(weight, policy) ? weight : dequantize(weight, policy.dtype);
}

/** x `[..., in]` -> `[..., out]`. */
export interface Linear {
  apply(x: MLXArray): MLXArray;
  /** sum `[..., out]` and the product. */
  addTo(sum: MLXArray, x: MLXArray): MLXArray;
  /** Everything it holds, for evaluation and disposal. */
  readonly parameters: MLXArray[];
}

class DenseLinear implements Linear {
  readonly parameters: MLXArray[];
  readonly #transposed: MLXArray;
  readonly #bias: MLXArray | undefined;
  readonly #isJoined: boolean;

  constructor(weight: MLXArray, bias: MLXArray | undefined, { residual }: BackendPolicy) {
    this.#isJoined = residual === "joined" && bias === undefined;
    this.#transposed = transpose(weight, [1, 0]); // [in, out]
    this.#bias = bias;
    this.parameters = bias ? [this.#transposed, bias] : [this.#transposed];
  }

  apply(x: MLXArray): MLXArray {
    return this.#bias ? addmm(this.#bias, x, this.#transposed) : matmul(x, this.#transposed);
  }

  addTo(sum: MLXArray, x: MLXArray): MLXArray {
    return this.#isJoined ? addmm(sum, x, this.#transposed) : add(sum, this.apply(x));
  }
}

class PackedLinear implements Linear {
  readonly parameters: MLXArray[];
  readonly #packed: PackedWeight;
  readonly #bias: MLXArray | undefined;
  readonly #packedRows: number;
  readonly #inHalves: boolean;
  readonly #isOwn: boolean;

  constructor(packed: PackedWeight, bias: MLXArray | undefined, policy: BackendPolicy) {
    this.#packed = packed;
    this.#bias = bias;
    this.#packedRows = policy.packedRows;
    this.#isOwn = hasOwnProduct(packed, policy);
    this.#inHalves = !this.#isOwn && packed.scales.size * packed.groupSize >= policy.packedHalves;
    if (this.#inHalves) sideStream(); // It is made while nothing else runs.
    this.parameters = [packed.weight, packed.scales, packed.biases, bias].filter((array) =>
      array !== undefined
    );
  }

  apply(x: MLXArray): MLXArray {
    const product = this.#product(x);
    return this.#bias ? add(product, this.#bias) : product;
  }

  addTo(sum: MLXArray, x: MLXArray): MLXArray {
    return add(sum, this.apply(x));
  }

  #product(x: MLXArray): MLXArray {
    if (this.#isOwn) return packedProduct(x, this.#packed);
    const few = this.#packedRows === Infinity || x.size / x.dim(-1) <= this.#packedRows;
    if (!few) return matmul(x, transpose(dequantize(this.#packed, x.dtype), [1, 0]));
    return this.#inHalves ? this.#halves(x) : quantizedMatmul(x, this.#packed);
  }

  #halves(x: MLXArray): MLXArray {
    const out = this.#packed.scales.dim(0), middle = Math.floor(out / 2);
    return concatenate([
      quantizedMatmul(x, rowsOf(this.#packed, 0, middle)),
      onStream(sideStream(), () => quantizedMatmul(x, rowsOf(this.#packed, middle, out))),
    ], -1);
  }
}

/** Rows of packed weights from one to another. */
function rowsOf(packed: PackedWeight, from: number, to: number): PackedWeight {
  const cut = (array: MLXArray) => slice(array, [from, 0], [to, array.dim(1)]);
  return {
    ...packed,
    weight: cut(packed.weight),
    scales: cut(packed.scales),
    biases: packed.biases && cut(packed.biases),
  };
}

/** The product with a matrix, as the policy wants it held. */
export function makeLinear(weight: Matrix, policy: BackendPolicy, bias?: MLXArray): Linear {
  const matrix = held(weight, policy);
  return isPacked(matrix) ? new PackedLinear(matrix, bias, policy) : new DenseLinear(matrix, bias, policy);
}

/** The projection `[out, input]` at a path of the checkpoint. */
export function loadLinear(
  source: Checkpoint,
  path: string,
  [out, input]: readonly [number, number],
  policy: BackendPolicy,
  hasBias = false,
): Linear {
  const bias = hasBias ? source.float(`${path}.bias`, [out], policy.dtype) : undefined;
  return makeLinear(source.matrix(path, out, input, policy.dtype), policy, bias);
}

/** Token embedding `[vocabulary, width]`, also the output matrix of a tied model. */
export class Embedding {
  readonly parameters: MLXArray[];
  readonly #weight: Matrix;
  readonly #dtype: DType;
  readonly #head: Linear;

  constructor(weight: Matrix, policy: BackendPolicy) {
    const matrix = held(weight, policy);
    this.#weight = matrix;
    this.#dtype = policy.dtype;
    this.#head = makeLinear(matrix, policy);
    this.parameters = isPacked(matrix) ? this.#head.parameters : [matrix, ...this.#head.parameters];
  }

  /** Bytes that two of the parameters have in common. */
  get sharedBytes(): number {
    return isPacked(this.#weight) ? 0 : this.#weight.byteLength;
  }

  /** ids int32 `[B, L]` -> `[B, L, width]`. */
  lookUp(ids: MLXArray): MLXArray {
    const weight = this.#weight;
    if (!isPacked(weight)) return takeAxis(weight, ids, 0);
    const rows: PackedWeight = {
      ...weight,
      weight: takeAxis(weight.weight, ids, 0),
      scales: takeAxis(weight.scales, ids, 0),
      biases: weight.biases && takeAxis(weight.biases, ids, 0),
    };
    return dequantize(rows, this.#dtype);
  }

  /** hidden `[..., width]` -> logits `[..., vocabulary]`. */
  logits(hidden: MLXArray): MLXArray {
    return this.#head.apply(hidden);
  }
}

/** torch's default, not in config.json (spec 5.7). */
const LAYER_NORM_EPSILON = 1e-5;

/** Layer norm of the encoder. */
export class LayerNorm {
  readonly parameters: MLXArray[];
  readonly #weight: MLXArray;
  readonly #bias: MLXArray;
  readonly #norm: typeof ownNorm | typeof layerNorm;

  constructor(source: Checkpoint, path: string, width: number, { dtype, passes }: BackendPolicy) {
    this.#weight = source.float(`${path}.weight`, [width], dtype);
    this.#bias = source.float(`${path}.bias`, [width], dtype);
    this.#norm = passes === "own" ? ownNorm : layerNorm;
    this.parameters = [this.#weight, this.#bias];
  }

  apply(x: MLXArray): MLXArray {
    return this.#norm(x, this.#weight, this.#bias, LAYER_NORM_EPSILON);
  }
}

/** Root mean square norm of the decoder. */
export class RmsNorm {
  readonly parameters: MLXArray[];
  readonly #weight: MLXArray;
  readonly #epsilon: number;
  readonly #isOwn: boolean;

  constructor(
    source: Checkpoint,
    path: string,
    [width, epsilon]: readonly [number, number],
    { dtype, passes }: BackendPolicy,
  ) {
    this.#weight = source.float(`${path}.weight`, [width], dtype);
    this.#epsilon = epsilon;
    this.#isOwn = passes === "own";
    this.parameters = [this.#weight];
  }

  apply(x: MLXArray): MLXArray {
    return this.#isOwn
      ? ownNorm(x, this.#weight, undefined, this.#epsilon)
      : rmsNorm(x, this.#weight, this.#epsilon);
  }
}
