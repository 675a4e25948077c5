/**
 * A microphone, heard through ffmpeg: 16 kHz mono as it comes.
 *
 * @module
 */
import { AudioError, OptionError } from "../errors.ts";
import { joinBytes } from "../join_arrays.ts";
import {
  captureArguments,
  type CaptureDevice,
  type CaptureSystem,
  captureSystems,
  listArguments,
  meantDevices,
  parseDevices,
} from "./capture_devices.ts";

/** How a microphone is opened. */
export interface MicrophoneOptions {
  /** Name, part of a name, or the system's own id. @default {the system's choice} */
  device?: string | undefined;
  /** Ends the waiting for a device that gives nothing yet. */
  signal?: AbortSignal | undefined;
}

const PROGRAM = "ffmpeg";
const INSTALL: Readonly<Record<string, string>> = {
  darwin: "brew install ffmpeg",
  windows: "winget install ffmpeg",
};
/** Of what ffmpeg says, the last lines. */
const MOST_LOG = 4000;
/** Between the wish to end and the end of a process that has not heard it. */
const PATIENCE_MS = 2000;
/** Ctrl-C reaches every process of a terminal: ffmpeg may have ended so long before we are told to stop. */
const AHEAD_MS = 300;
const BYTES_PER_SAMPLE = 2;

/** ffmpeg's names of modules, and addresses, that say nothing to people. */
function plain(line: string): string {
  return line.replace(/^(\[[^\]]*@[^\]]*\] )+/, "").trim().replace(/\.$/, "");
}

function lastWords(log: string): string {
  const lines = log.split("\n").map(plain).filter((line) => line !== "");
  return lines.at(-1) ?? "nothing";
}

function start(args: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command(PROGRAM, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      const install = INSTALL[Deno.build.os] ?? "apt install ffmpeg";
      throw new AudioError(`Cannot hear a microphone: ffmpeg was not found, install it (${install}).`, {
        cause,
        code: "decoder-missing",
      });
    }
    const reason = cause instanceof Deno.errors.NotCapable
      ? `this program may not run ${PROGRAM} (run it with --allow-run=${PROGRAM})`
      : `${PROGRAM} does not start (${cause instanceof Error ? cause.message : cause})`;
    throw new AudioError(`Cannot hear a microphone: ${reason}.`, { cause });
  }
}

/**
 * Lists what sound can be captured from.
 *
 * @throws {AudioError} When there is no ffmpeg, or it may not be run.
 */
export async function listMicrophones(): Promise<CaptureDevice[]> {
  const devices: CaptureDevice[] = [];
  for (const system of captureSystems(Deno.build.os)) {
    const { stdout, stderr } = await start(listArguments(system)).output();
    const isOnOutput = system === "pulse" || system === "alsa";
    devices.push(...parseDevices(system, new TextDecoder().decode(isOnOutput ? stdout : stderr)));
  }
  return devices;
}

/** A device to try. */
interface Candidate {
  system: CaptureSystem;
  id: string | undefined;
  name: string;
}

function severalMeant(wanted: string, devices: readonly CaptureDevice[]): OptionError {
  const names = devices.map(({ name, id }) => `"${name}" (${id})`).join(", ");
  return new OptionError(`Several microphones are called "${wanted}": ${names}. Name one of them whole.`);
}

/** Which devices to try, one after the other. */
async function candidates(wanted: string | undefined): Promise<Candidate[]> {
  const systems = captureSystems(Deno.build.os);
  const [first] = systems;
  if (wanted === undefined && first !== "dshow") {
    return systems.map((system) => ({ system, id: undefined, name: "default microphone" }));
  }
  const devices = await listMicrophones();
  if (wanted === undefined) {
    if (devices.length === 0) throw new AudioError("Cannot hear a microphone: there is none.");
    return devices.slice(0, 1);
  }
  const meant = meantDevices(wanted, devices);
  if (meant.length > 1) {
    // Sound servers list what is beneath them too: theirs comes first.
    const best = meant.filter(({ system }) => system === meant[0]!.system);
    if (best.length > 1) throw severalMeant(wanted, best);
    return best;
  }
  // What no listing knows may be there all the same: plughw:1,0, a server's name.
  const isAlsa = first === "pulse" && /^(plug)?hw:|^(sys)?default:/.test(wanted);
  return meant.length === 1 ? meant : [{ system: isAlsa ? "alsa" : first!, id: wanted, name: wanted }];
}

/** Why nothing came from a device, in one sentence. */
function refusal({ system, id, name }: Candidate, log: string): AudioError {
  const what = id === undefined ? "a microphone" : `the microphone "${name}"`;
  const words = lastWords(log);
  if (system === "avfoundation" && /cannot use|not authori[sz]ed|permission|denied|abort/i.test(log)) {
    return new AudioError(
      `Cannot hear ${what}: macOS does not let this terminal; allow it in System Settings > Privacy & Security > ` +
        "Microphone, then open the terminal anew.",
    );
  }
  if (system === "alsa" && /permission denied/i.test(log)) {
    return new AudioError(`Cannot hear ${what}: you may not use it, your user has to be in the group audio.`);
  }
  if (/unknown input format/i.test(log)) {
    return new AudioError(`Cannot hear ${what}: this ffmpeg was built without ${system}.`);
  }
  const hint = id === undefined ? "is one plugged in? " : "";
  return new AudioError(
    `Cannot hear ${what}: ${hint}ffmpeg says "${words}" (--list-devices shows what there is).`,
  );
}

/** A microphone that is being heard. One reader. */
export class Microphone implements AsyncIterable<Int16Array>, AsyncDisposable {
  /** What people call it. */
  readonly name: string;
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #logging: Promise<void>;
  #log = "";
  #isStopped = false;
  readonly #stopped = Promise.withResolvers<void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #first: Uint8Array | undefined;

  private constructor(candidate: Candidate) {
    this.name = candidate.name;
    this.#child = start(captureArguments(candidate.system, candidate.id));
    this.#reader = this.#child.stdout.getReader();
    this.#logging = this.#keepLog();
  }

  /**
   * Opens a microphone and waits for its first sound.
   *
   * @throws {AudioError} When there is none, or no ffmpeg, or the system does not allow it.
   * @throws {OptionError} When several have that name.
   */
  static async open({ device, signal }: MicrophoneOptions = {}): Promise<Microphone> {
    let failure: AudioError | undefined;
    for (const candidate of await candidates(device)) {
      signal?.throwIfAborted();
      const microphone = new Microphone(candidate);
      const stop = () => microphone.stop();
      signal?.addEventListener("abort", stop, { once: true });
      const { value } = await microphone.#reader.read();
      if (value === undefined) await microphone.#wasStopped();
      signal?.removeEventListener("abort", stop);
      if (value !== undefined) {
        microphone.#first = value;
        return microphone;
      }
      await microphone[Symbol.asyncDispose]();
      signal?.throwIfAborted();
      failure = refusal(candidate, microphone.#log);
    }
    throw failure ?? new AudioError("Cannot hear a microphone: there is none.");
  }

  async #keepLog(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#log = (this.#log + text).slice(-MOST_LOG);
    }
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended already.
    }
  }

  /** Asks for the end: what was heard until now still comes. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#stopped.resolve();
    this.#kill("SIGTERM");
    this.#timer = setTimeout(() => {
      this.#kill("SIGKILL");
      this.#reader.cancel().catch(() => {});
    }, PATIENCE_MS);
  }

  /** Whether the end of ffmpeg was asked for, be it that we hear of it a moment later. */
  async #wasStopped(): Promise<boolean> {
    if (this.#isStopped) return true;
    const timer = setTimeout(this.#stopped.resolve, AHEAD_MS);
    await this.#stopped.promise;
    clearTimeout(timer);
    return this.#isStopped;
  }

  /**
   * Samples as they come, until {@linkcode Microphone.stop}.
   *
   * @throws {AudioError} When it ends before: unplugged, or ffmpeg was killed. What came before was given out.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Int16Array> {
    let held: Uint8Array = new Uint8Array(0);
    for (let next = this.#first; next !== undefined; next = (await this.#reader.read()).value) {
      const bytes = joinBytes([held, next]);
      const count = Math.floor(bytes.length / BYTES_PER_SAMPLE);
      held = bytes.subarray(count * BYTES_PER_SAMPLE);
      // Deno runs on little-endian machines only.
      if (count > 0) yield new Int16Array(bytes.buffer, 0, count);
    }
    const { code, signal } = await this.#child.status;
    await this.#logging.catch(() => {});
    if (await this.#wasStopped()) return;
    const words = this.#log.trim() === ""
      ? `ffmpeg has ended (${signal ?? `code ${code}`})`
      : `ffmpeg says "${lastWords(this.#log)}"`;
    throw new AudioError(`The microphone has stopped: ${words}; what was heard until then is kept.`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.#reader.cancel().catch(() => {});
    await this.#child.status;
    clearTimeout(this.#timer);
    await this.#logging.catch(() => {});
  }
}
