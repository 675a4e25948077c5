/**
 * Errors of mlx-c, caught without a callback.
 *
 * mlx-c's default handler ends the process, and a `Deno.UnsafeCallback` as handler hangs once its thread is gone.
 * So the handler is libc's `fputs` itself, writing into a memory stream (`fmemopen`) that we read after a non-zero
 * return. It works from any thread; the destructor must be non-null (or mlx-c drops the data), so it is `fflush`.
 * The stream's memory is libc's and never freed: the handler belongs to the process and outlives a Worker that set it.
 * Of several Workers the one that set it last receives the messages of all.
 *
 * @module
 */

/** An operation of MLX failed. `functionName` is the C function, the message is MLX's own. */
export class MLXError extends Error {
  /** "MLXError". */
  override name = "MLXError";
  /** The C function that failed, e.g. `mlx_matmul`. */
  readonly functionName: string;

  /** An error of the C function `functionName`. */
  constructor(functionName: string, message: string) {
    super(`${functionName}: ${message}`);
    this.functionName = functionName;
  }
}

const LIBC_SYMBOLS = {
  calloc: { parameters: ["usize", "usize"], result: "pointer" },
  memset: { parameters: ["pointer", "i32", "usize"], result: "pointer" },
  fmemopen: { parameters: ["pointer", "usize", "buffer"], result: "pointer" },
  setvbuf: { parameters: ["pointer", "pointer", "i32", "usize"], result: "i32" },
  rewind: { parameters: ["pointer"], result: "void" },
  fputs: { type: "pointer" },
  fflush: { type: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

const UNBUFFERED = 2;
const CAPACITY = 16n * 1024n;

/** Where mlx-c writes its messages. */
interface Mailbox {
  libc: Deno.DynamicLibrary<typeof LIBC_SYMBOLS>["symbols"];
  text: Deno.PointerObject;
  file: Deno.PointerObject;
  /** Makes it the process's handler. */
  arm(): void;
}

let mailbox: Mailbox | undefined;

/** Text as C wants it: UTF-8 with a closing zero. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
}

/** Installs the handler; call before any other function of the library. */
export function installErrorHandler(
  setHandler: (handler: Deno.PointerValue, data: Deno.PointerValue, destructor: Deno.PointerValue) => void,
): void {
  const libc = mailbox?.libc ??
    Deno.dlopen(Deno.build.os === "darwin" ? "/usr/lib/libSystem.B.dylib" : "libc.so.6", LIBC_SYMBOLS)
      .symbols;
  const text = mailbox?.text ?? libc.calloc(CAPACITY, 1n);
  const file = mailbox?.file ?? libc.fmemopen(text, CAPACITY - 1n, cString("w"));
  if (text === null || file === null) {
    throw new MLXError("fmemopen", "Cannot open a memory stream for error messages");
  }
  libc.setvbuf(file, null, UNBUFFERED, 0n);
  mailbox = { libc, text, file, arm: () => setHandler(libc.fputs, file, libc.fflush) };
  mailbox.arm();
}

/**
 * mlx-c puts " at FILE:LINE" of its own source behind each message: no use to a caller. The file is named as the compiler
 * was told: by its whole path, or from the source's folder on.
 */
const PLACE = / at (?:\/[^\n]*?|mlx\/c\/\w+)\.\w+:\d+/;

function takeMessage({ libc, text, file, arm }: Mailbox): string {
  const message = Deno.UnsafePointerView.getCString(text);
  libc.memset(text, 0, CAPACITY);
  libc.rewind(file);
  if (message === "") arm(); // Another Worker's handler had it: the next one is ours again.
  // Functions that return no code leave their message behind: the last one is that of the call.
  return message.split(PLACE).map((part) => part.trim()).findLast((part) => part !== "") ?? "";
}

const NO_MESSAGE = "failed without a message (another Worker that uses MLX may have received it)";

/** The error that the last failed call left behind. */
export function takeError(functionName: string): MLXError {
  const message = mailbox ? takeMessage(mailbox) : "";
  const hint = message.includes("non-empty mlx_array") ? " (an array was used after it was disposed)" : "";
  return new MLXError(functionName, (message || NO_MESSAGE) + hint);
}

/** Throws when `code` is not 0. */
export function check(code: number, functionName: string): void {
  if (code !== 0) throw takeError(functionName);
}
