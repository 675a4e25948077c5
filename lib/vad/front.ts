/**
 * What the network does with each frame by itself, on MLX, one batch over all frames:
 *
 *   frames [n, 640] -> short-time transform, magnitude [n, 4, 129] -> conv [n, 4, 128] -> conv [n, 2, 64]
 *   -> conv [n, 64] -> conv [n, 128] -> the input's part of the LSTM's gates [n, 512]
 *
 * A convolution is a product of windows laid side by side; where only one place is left, so are only the taps that see
 * it.
 *
 * @module
 */
import {
  add,
  addmm,
  asStrided,
  contiguous,
  disposeAll,
  fromData,
  keep,
  matmul,
  maximum,
  type MLXArray,
  pad,
  reshape,
  scalar,
  slice,
  sqrt,
  square,
  transpose,
} from "../../ffi/mod.ts";
import { INPUT_SAMPLES } from "./frames.ts";

/** The short-time transform: windows of 256 samples, 128 apart. */
const WINDOW = 256, HOP = 128, WINDOWS = 1 + (INPUT_SAMPLES - WINDOW) / HOP, BINS = 1 + WINDOW / 2;

/** Shapes of the tensors that the front reads, as stored: `[out, in, taps]`. */
export const FRONT_SHAPES = {
  "stft_conv.weight": [2 * BINS, 1, WINDOW],
  "conv1.weight": [128, BINS, 3],
  "conv1.bias": [128],
  "conv2.weight": [64, 128, 3],
  "conv2.bias": [64],
  "conv3.weight": [64, 64, 3],
  "conv3.bias": [64],
  "conv4.weight": [128, 64, 3],
  "conv4.bias": [128],
  "lstm_cell.weight_ih": [512, 128],
  "lstm_cell.bias_ih": [512],
  "lstm_cell.bias_hh": [512],
} as const;

/** A product with a bias. */
interface Affine {
  /** `[in, out]` */
  weight: MLXArray;
  bias: MLXArray;
}

function relu(x: MLXArray): MLXArray {
  return maximum(x, scalar(0));
}

function affine(x: MLXArray, { weight, bias }: Affine): MLXArray {
  return addmm(bias, x, weight);
}

/** The weights of the front, laid out for products. */
export class Front implements Disposable {
  readonly #transform: MLXArray; // [256, 258]
  readonly #convolutions: readonly Affine[];
  readonly #gates: Affine; // [128, 512]

  /** @param tensor A tensor of {@linkcode FRONT_SHAPES} by name. Build inside a scope. */
  constructor(tensor: (name: keyof typeof FRONT_SHAPES) => MLXArray) {
    /** Taps `from` to `to` of a convolution as `[taps * in, out]`. */
    const taps = (name: "conv1" | "conv2" | "conv3" | "conv4", from: number, to: number): Affine => {
      const [out, input] = FRONT_SHAPES[`${name}.weight`];
      const some = slice(tensor(`${name}.weight`), [0, 0, from], [out, input, to]);
      const rows = reshape(transpose(some, [2, 1, 0]), [(to - from) * input, out]);
      return { weight: keep(contiguous(rows)), bias: keep(contiguous(tensor(`${name}.bias`))) };
    };
    const basis = reshape(tensor("stft_conv.weight"), [2 * BINS, WINDOW]);
    this.#transform = keep(contiguous(transpose(basis, [1, 0])));
    // Of the third and fourth convolution one place is left: its left neighbour, then both, are padding.
    this.#convolutions = [taps("conv1", 0, 3), taps("conv2", 0, 3), taps("conv3", 1, 3), taps("conv4", 1, 2)];
    this.#gates = {
      weight: keep(contiguous(transpose(tensor("lstm_cell.weight_ih"), [1, 0]))),
      bias: keep(add(tensor("lstm_cell.bias_ih"), tensor("lstm_cell.bias_hh"))),
    };
  }

  /** Everything that it holds. */
  get arrays(): MLXArray[] {
    const affines = [...this.#convolutions, this.#gates];
    return [this.#transform, ...affines.flatMap(({ weight, bias }) => [weight, bias])];
  }

  /**
   * @param frames `[n, 640]`, row-major, see `framed()`.
   * @returns Gates i, f, g, o before their activation, without the recurrent part. float32 `[n, 512]`, lazy.
   */
  apply(frames: Float32Array<ArrayBuffer>): MLXArray {
    const n = frames.length / INPUT_SAMPLES;
    const [conv1, conv2, conv3, conv4] = this.#convolutions as [Affine, Affine, Affine, Affine];
    const windows = asStrided(fromData(frames), [n, WINDOWS, WINDOW], [INPUT_SAMPLES, HOP, 1]);
    const spectrum = matmul(windows, this.#transform); // [n, 4, 258]
    const real = slice(spectrum, [0, 0, 0], [n, WINDOWS, BINS]);
    const imaginary = slice(spectrum, [0, 0, BINS], [n, WINDOWS, 2 * BINS]);
    const magnitude = sqrt(add(square(real), square(imaginary))); // [n, 4, 129]
    const beside = (x: MLXArray, places: number, stride: number): MLXArray => {
      const [, length, width] = x.shape as [number, number, number];
      return asStrided(x, [n, places, 3 * width], [length * width, stride * width, 1]);
    };
    const first = relu(affine(beside(pad(magnitude, [0, 1, 0], [0, 1, 0]), 4, 1), conv1)); // [n, 4, 128]
    const second = relu(affine(beside(pad(first, [0, 1, 0], [0, 0, 0]), 2, 2), conv2)); // [n, 2, 64]
    const third = relu(affine(reshape(second, [n, 128]), conv3)); // [n, 64]
    const fourth = relu(affine(third, conv4)); // [n, 128]
    return affine(fourth, this.#gates); // [n, 512]
  }

  [Symbol.dispose](): void {
    disposeAll(this.arrays);
  }
}
