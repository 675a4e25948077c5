/**
 * Silero VAD 6.2 at 16 kHz (MIT, see weights/LICENSE): 310 thousand numbers that say for every 32 ms of sound how likely
 * it is speech.
 *
 * @module
 */
import {
  disposeAll,
  loadSafetensors,
  type MLXArray,
  readSafetensorsHeader,
  SafetensorsError,
  toFloat32,
} from "../../ffi/mod.ts";
import { ModelError } from "../errors.ts";
import { framed } from "./frames.ts";
import { Front, FRONT_SHAPES } from "./front.ts";
import { Recurrence, RECURRENCE_SHAPES } from "./recurrence.ts";

/** Name of the weights' file in its folder. */
export const WEIGHTS_FILE = "silero_vad_16k.safetensors";

/** Where the network is computed: what it needs of a backend. */
export interface VadBackend {
  /** Builds a graph; arrays that are neither returned nor kept are freed. */
  build<T>(make: () => T): T;
  /** Computes arrays while the event loop stays free. */
  evaluate(...arrays: MLXArray[]): Promise<void>;
  /** Runs a task while nobody else builds or computes; an abort ends the waiting. */
  exclusive<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

const SHAPES: Readonly<Record<string, readonly number[]>> = { ...FRONT_SHAPES, ...RECURRENCE_SHAPES };

/** @throws {ModelError} When the file is not the network: says which tensor, and both shapes. */
async function checkHeader(path: string): Promise<void> {
  const header = await readSafetensorsHeader(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) {
      throw new ModelError(`Cannot load the voice activity network: there is no file ${path}.`);
    }
    if (error instanceof SafetensorsError) throw new ModelError(error.message, { cause: error });
    throw error;
  });
  for (const [name, shape] of Object.entries(SHAPES)) {
    const info = header.get(name);
    const found = info ? `${info.dtype} [${info.shape.join(", ")}]` : "missing";
    const expected = `F32 [${shape.join(", ")}]`;
    if (found === expected) continue;
    throw new ModelError(
      `Cannot load the voice activity network from ${path}: tensor ${name} is ${found}, expected ${expected}.`,
    );
  }
}

/** The loaded network: a batched part on MLX, and a recurrence in plain loops. */
export class VadNetwork implements Disposable {
  readonly #backend: VadBackend;
  readonly #front: Front;
  /** From gates to probabilities. */
  readonly recurrence: Recurrence;

  private constructor(backend: VadBackend, front: Front, recurrence: Recurrence) {
    this.#backend = backend;
    this.#front = front;
    this.recurrence = recurrence;
  }

  /**
   * Loads the weights.
   *
   * @param path Of the safetensors file.
   * @throws {ModelError} When there is no such file or it holds another network.
   */
  static async load(path: string, backend: VadBackend): Promise<VadNetwork> {
    await checkHeader(path);
    return await backend.exclusive(async () => {
      const tensors = loadSafetensors(path, Object.keys(SHAPES));
      try {
        const tensor = (name: string) => tensors.get(name)!;
        const front = backend.build(() => new Front(tensor));
        await backend.evaluate(...front.arrays);
        const recurrence = backend.build(() => new Recurrence((name) => toFloat32(tensor(name))));
        return new VadNetwork(backend, front, recurrence);
      } finally {
        disposeAll(tensors.values());
      }
    });
  }

  /**
   * The gates of whole frames, without their recurrent part.
   *
   * @param audio Context of the first frame, then whole frames: 16 kHz mono, [-1, 1]. `[64 + n * 512]`
   * @param signal Ends the waiting for the turn, with its reason.
   * @returns `[n, 512]`, row-major.
   */
  async gates(audio: Float32Array, signal?: AbortSignal): Promise<Float32Array<ArrayBuffer>> {
    return await this.#backend.exclusive(async () => {
      const frames = framed(audio);
      const gates = this.#backend.build(() => this.#front.apply(frames));
      frames.buffer.transfer(0); // Copied: megabytes that need not wait for the collector.
      try {
        await this.#backend.evaluate(gates);
        return this.#backend.build(() => toFloat32(gates));
      } finally {
        gates.dispose();
      }
    }, signal);
  }

  [Symbol.dispose](): void {
    this.#front[Symbol.dispose]();
  }
}
