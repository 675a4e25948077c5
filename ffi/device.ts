/**
 * Devices and streams: where operations run.
 *
 * @module
 */
import { check, takeError } from "./error.ts";
import { native, openLibrary } from "./library.ts";

/** A kind of device. */
export type DeviceType = "cpu" | "gpu";

const CODE: Record<DeviceType, number> = { cpu: 0, gpu: 1 };

/** Number of devices of a kind that this libmlx can use. */
export function deviceCount(type: DeviceType): number {
  openLibrary();
  const count = new Int32Array(1);
  check(native.mlx_device_count(count, CODE[type]), "mlx_device_count");
  return count[0]!;
}

/** A queue of operations on one device. */
export class Stream implements Disposable {
  /** Kind of the device it runs on. */
  readonly device: DeviceType;
  /** May be evaluated from another thread than the one that built the graph. */
  readonly anyThread: boolean;
  /** `mlx_stream.ctx`; 0 once disposed. */
  handle: bigint;

  /**
   * On the CPU the stream may be evaluated from a pool thread where mlx-c can make such streams; on a GPU it is the
   * default stream, whose work is enqueued from this thread and awaited from another.
   *
   * @param device Kind of device; index 0 of it.
   */
  constructor(device: DeviceType) {
    openLibrary();
    this.device = device;
    const make = native.mlx_stream_new_thread_unsafe;
    this.anyThread = device === "cpu" && make !== null;
    if (device === "gpu") this.handle = native.mlx_default_gpu_stream_new();
    else if (make === null) this.handle = native.mlx_default_cpu_stream_new();
    else {
      const place = native.mlx_device_new_type(CODE[device], 0);
      this.handle = make(place);
      native.mlx_device_free(place);
    }
    if (this.handle === 0n) throw takeError("mlx_stream_new");
  }

  /** Waits until everything enqueued is done. Blocks. */
  synchronize(): void {
    check(native.mlx_synchronize(this.handle), "mlx_synchronize");
  }

  /** Frees the stream, for `using`. Its work must be done. */
  [Symbol.dispose](): void {
    if (this.handle !== 0n) native.mlx_stream_free(this.handle);
    this.handle = 0n;
  }
}

let current: Stream | undefined;
let loading: Stream | undefined;
let side: Stream | undefined;

/** The stream that operations go to: the innermost {@linkcode onStream}, else the default device's. */
export function currentStream(): Stream {
  return current ??= new Stream(deviceCount("gpu") > 0 ? "gpu" : "cpu");
}

/** Raw handle of {@linkcode currentStream}. */
export function stream(): bigint {
  return current === undefined ? currentStream().handle : current.handle;
}

/** A CPU stream for reading files: MLX has no other route for that. */
export function loadStream(): Stream {
  return loading ??= new Stream("cpu");
}

/**
 * A second CPU stream of the process: what is built on it runs beside the work of another stream in the same evaluation.
 * Two evaluations at once may not both use it.
 */
export function sideStream(): Stream {
  return side ??= new Stream("cpu");
}

/** Runs `build` with its operations on `target`. Synchronous only. */
export function onStream<T>(target: Stream, build: () => T): T {
  const outer = current;
  current = target;
  try {
    return build();
  } finally {
    current = outer;
  }
}
