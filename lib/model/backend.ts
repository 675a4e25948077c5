/**
 * A device and the policy by which the network is computed on it. All routes of a policy give the same numbers
 * (tests/model_routes_test.ts); they differ in speed and memory.
 *
 * @module
 */
import {
  blasThreads,
  clearCache,
  deviceCount,
  disposeAll,
  type DType,
  enqueue,
  evaluateAsync,
  hasOwnPasses,
  hasPackedProduct,
  type MLXArray,
  onStream,
  releaseFreedMemory,
  reuseFreedMemory,
  runAhead,
  scope,
  settled,
  Stream,
  useBlasThreads,
  withoutWaiting,
} from "../../ffi/mod.ts";
import { checkOptions, type Rule, wholeFrom } from "../check_options.ts";
import { OptionError } from "../errors.ts";
import { assertExclusive, exclusive, type Lane, letOthers, mainLane, sideLane } from "./exclusive.ts";
import { freeCores } from "./free_cores.ts";

/** Where to compute: `auto` is MLX's GPU where there is one, else the CPU. */
export type Device = "auto" | "cpu" | "gpu";

/** Type of activations: `auto` is float32 on a CPU and the checkpoint's own float type on a GPU. */
export type ActivationType = "auto" | "float32" | "float16" | "bfloat16";

/** What may differ between devices. */
export interface BackendPolicy {
  /** Type of activations and of every float parameter. */
  dtype: DType;
  /** Packed weights become dense numbers at load, where `packedProduct` does not suit them: more memory, on a CPU faster. */
  denseWeights: boolean;
  /** `mlx`: MLX's own products with packed weights; `own`: libmlxc's, where it suits them (ffi/packed_product.ts). */
  packedProduct: "mlx" | "own";
  /** Packed matrices with the same input become one: fewer launches or operations, a second copy of them at load. */
  fusePacked: boolean;
  /** Streams that the weights are read and widened on: 2 on a CPU (side_by_side.ts). */
  loadStreams: 1 | 2;
  /** Up to this many rows go through the packed matmul, more through dequantized weights. */
  packedRows: number;
  /** From this many numbers on a packed matrix is multiplied in halves on two streams, each with a thread of its own. */
  packedHalves: number;
  /**
   * Activations, norms, rotary positions, attention and convolutions: `mlx`, MLX's operations, or `own`, libmlxc's, for
   * float32 on a CPU (ffi/own_passes.ts).
   */
  passes: "mlx" | "own";
  /** SiLU times gate by MLX: `compiled` into one kernel, for a GPU; on a CPU that would need a C++ compiler. */
  swiglu: "compiled" | "plain";
  /** What a dense product is added to: `joined` in one operation with it, for a GPU, or `apart`. */
  residual: "joined" | "apart";
  /** Blocks that go through the convolutions at once, bounds memory; `cached`: as many as stay in a CPU's caches. */
  convBlocks: number | "cached";
  /** Chunks of a long recording decoded at once. */
  batchSize: number;
  /** Build decode step n + 1 before step n has been read: for a GPU, and on a CPU for a small model, where building counts. */
  doubleBuffer: boolean;
  /** Rows times layers of a graph that is built in one go; larger passes are built and computed in stages. */
  stageRows: number;
}

/**
 * A pass in stages: each yields what the next ones need, evaluated in between, so that no graph takes long to build;
 * the last returns the result.
 */
export type Stages = Generator<readonly MLXArray[], MLXArray, void>;

/** All stages as one graph. */
export function wholeGraph(stages: Stages): MLXArray {
  for (;;) {
    const { done, value } = stages.next();
    if (done) return value;
  }
}

/** More cores than this one machine has rarely. */
const MOST_THREADS = 256;
/** What `threads` must be. */
export const THREADS_RULE: Rule = wholeFrom(1, MOST_THREADS);

/** As many threads as OpenBLAS chose, but no more than other programs leave cores for. */
function threadsNow(): number | undefined {
  const blas = blasThreads();
  return blas && Math.min(blas.natural, freeCores());
}

/** Evaluations on a CPU that run. */
let evaluating = 0;

/** A computation that runs while graphs are built. */
export class Begun implements Disposable {
  #isOver = false;

  /** Counts it among those that run. */
  constructor() {
    evaluating++;
  }

  /** Waits, off this thread, for arrays of it. Until then touch none of them but to build on it. */
  async settled(arrays: readonly MLXArray[]): Promise<void> {
    await settled(...arrays);
    this[Symbol.dispose]();
  }

  /** When nobody will wait for it. */
  [Symbol.dispose](): void {
    if (!this.#isOver) evaluating--;
    this.#isOver = true;
  }
}

/** A device with its stream and its policy. */
export class Backend implements Disposable {
  readonly device: "cpu" | "gpu";
  readonly policy: BackendPolicy;
  readonly stream: Stream;
  /** Threads of matrix products on a CPU; undefined: what OpenBLAS chose, as far as cores are free. */
  readonly threads: number | undefined;
  readonly #lane: Lane;

  private constructor(
    device: "cpu" | "gpu",
    policy: BackendPolicy,
    { threads, lane = mainLane }: { threads?: number | undefined; lane?: Lane | undefined },
  ) {
    this.device = device;
    this.policy = policy;
    this.threads = threads;
    // On a GPU all backends have one stream.
    this.#lane = device === "gpu" ? mainLane : lane;
    this.stream = new Stream(device);
  }

  /**
   * @param options.checkpointType Float type that the checkpoint is stored in.
   * @param options.threads Threads of matrix products on a CPU. @default {as many as the BLAS chooses}
   * @param options.policy Overrides, for tests and measurements.
   * @param options.beside On a CPU it may compute while those that are not beside do.
   * @param options.isSmall Of a small model: its operations take about as long as it takes to prepare them.
   * @throws {OptionError} When a GPU is asked for and MLX has none, or so many threads are not to be had.
   */
  static open(
    options: {
      device?: Device;
      dtype?: ActivationType;
      checkpointType?: DType;
      threads?: number | undefined;
      policy?: Partial<BackendPolicy>;
      beside?: boolean | undefined;
      isSmall?: boolean | undefined;
    } = {},
  ): Backend {
    const asked = options.device ?? "auto";
    const hasGpu = deviceCount("gpu") > 0;
    checkOptions({ threads: options.threads }, { threads: THREADS_RULE });
    if (asked === "gpu" && !hasGpu) {
      throw new OptionError(
        `Cannot compute on "gpu": this build of MLX has no GPU device. Use device "cpu" or "auto".`,
      );
    }
    const device = asked === "auto" ? (hasGpu ? "gpu" : "cpu") : asked;
    if (device === "cpu") reuseFreedMemory();
    const isSmallOnCpu = device === "cpu" && options.isSmall === true;
    if (isSmallOnCpu && options.beside) runAhead(); // A large model's graphs would take a gigabyte.
    const natural = device === "cpu" ? "float32" : options.checkpointType ?? "bfloat16";
    const dtype = options.dtype === undefined || options.dtype === "auto" ? natural : options.dtype;
    // The process has one second stream, which is the main lane's.
    const lanePolicy = options.beside ? { packedHalves: Infinity } : {};
    const sizePolicy = isSmallOnCpu ? { doubleBuffer: true, fusePacked: true } : {};
    const policy = { ...defaultPolicy(device, dtype), ...sizePolicy, ...options.policy, ...lanePolicy };
    return new Backend(device, policy, {
      threads: options.threads,
      lane: options.beside ? sideLane : mainLane,
    });
  }

  /**
   * Runs a task that has MLX for itself, but for what runs beside: all that builds or evaluates belongs into one. Tasks of
   * all models of a lane run one after the other, in the order of asking. Hold it for a stage or a few decode steps, never for a whole call.
   *
   * @param signal Ends the waiting with its reason; a task that runs is left alone.
   */
  exclusive<T>(task: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    return exclusive(task, signal, this.#lane);
  }

  /**
   * Builds a graph on this device; arrays that are neither returned nor kept are freed. Synchronous only.
   *
   * @throws {Error} Outside of {@linkcode exclusive}.
   */
  build<T>(make: () => T): T {
    assertExclusive("build a graph");
    return onStream(this.stream, () => scope(make));
  }

  /**
   * Computes arrays of this device while the event loop stays free.
   *
   * @throws {Error} Outside of {@linkcode exclusive}.
   */
  evaluate(...arrays: MLXArray[]): Promise<void> {
    assertExclusive("evaluate");
    return this.#evaluate(arrays);
  }

  async #evaluate(arrays: readonly MLXArray[]): Promise<void> {
    this.#chooseThreads();
    evaluating++;
    try {
      await evaluateAsync(arrays, { on: this.stream });
    } finally {
      evaluating--;
    }
  }

  /**
   * Begins to compute arrays and returns: graphs may be built meanwhile. On a CPU this takes about as long as building
   * them did, and results of all operations have their memory at once: for decode steps.
   *
   * @throws {Error} Outside of {@linkcode exclusive}.
   */
  begin(arrays: readonly MLXArray[]): Begun {
    assertExclusive("begin to compute");
    this.#chooseThreads();
    withoutWaiting(() => enqueue(...arrays));
    return new Begun();
  }

  /**
   * The number is the process's, another model may have set its own, and other programs come and go. That of OpenBLAS
   * stays where it is while a product may be running beside.
   */
  #chooseThreads(): void {
    if (this.device === "cpu" && (evaluating === 0 || hasOwnPasses())) {
      useBlasThreads(this.threads ?? threadsNow());
    }
  }

  /**
   * Builds and computes a pass stage by stage; the event loop is free during each, and other tasks that wait for the
   * lock have their turns in between. Call it under the lock, or with `inTurns` outside of it.
   *
   * @param options.inTurns Takes the lock for each stage by itself.
   * @param options.also More arrays to compute with the result, e.g. a cache.
   * @param options.signal Ends the pass between two stages with its reason.
   * @returns The result, evaluated, and the milliseconds spent building.
   */
  async runStages(
    make: () => Stages,
    options: {
      also?: () => MLXArray[];
      signal?: AbortSignal | undefined;
      inTurns?: boolean | undefined;
    } = {},
  ): Promise<{ result: MLXArray; hostMs: number }> {
    const stages = make();
    const between: MLXArray[] = [];
    let hostMs = 0;
    const stage = async (): Promise<MLXArray | undefined> => {
      const start = performance.now();
      const step = this.build(() => ({ ...stages.next() }));
      hostMs += performance.now() - start;
      if (!step.done) {
        between.push(...step.value);
        await this.evaluate(...step.value);
        return undefined;
      }
      try {
        await this.evaluate(step.value, ...options.also?.() ?? []);
      } catch (error) {
        step.value.dispose();
        throw error;
      }
      return step.value;
    };
    try {
      for (;;) {
        const result = await (options.inTurns ? this.exclusive(stage, options.signal) : stage());
        if (result) return { result, hostMs };
        options.signal?.throwIfAborted();
        if (!options.inTurns) await letOthers();
      }
    } finally {
      disposeAll(between);
    }
  }

  /** How many threads multiply matrices; undefined on a GPU, and over another BLAS than OpenBLAS. */
  get productThreads(): number | undefined {
    const blas = this.device === "cpu" ? blasThreads() : undefined;
    return blas && (this.threads ?? blas.natural);
  }

  /** Gives memory that is kept for reuse back to the system. */
  trim(): void {
    clearCache();
    releaseFreedMemory();
  }

  [Symbol.dispose](): void {
    this.stream[Symbol.dispose]();
  }
}

/** The policy that is fastest on a device. */
export function defaultPolicy(device: "cpu" | "gpu", dtype: DType): BackendPolicy {
  if (device === "cpu") {
    return {
      dtype,
      denseWeights: true,
      packedProduct: dtype === "float32" && hasPackedProduct() ? "own" : "mlx",
      fusePacked: false,
      loadStreams: 2,
      packedRows: 3,
      packedHalves: 2 ** 20,
      passes: dtype === "float32" && hasOwnPasses() ? "own" : "mlx",
      swiglu: "plain",
      residual: "apart",
      convBlocks: "cached",
      batchSize: 8,
      doubleBuffer: false,
      stageRows: 1_600,
    };
  }
  return {
    dtype,
    denseWeights: false,
    packedProduct: "mlx",
    fusePacked: true,
    loadStreams: 1,
    packedRows: Infinity,
    packedHalves: Infinity,
    passes: "mlx",
    swiglu: "compiled",
    residual: "joined",
    convBlocks: 32,
    batchSize: 4,
    doubleBuffer: true,
    stageRows: 24_000,
  };
}
