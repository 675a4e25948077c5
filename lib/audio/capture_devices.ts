/**
 * What ffmpeg knows of microphones: how one is opened on each system, and what its listings say. No process is started
 * here.
 *
 * @module
 */

/** ffmpeg's names of what captures sound: macOS, Linux (two), Windows. */
export type CaptureSystem = "avfoundation" | "pulse" | "alsa" | "dshow";

/** Something that sound can be captured from. */
export interface CaptureDevice {
  system: CaptureSystem;
  /** What ffmpeg is told: a number, a name of the system's. */
  id: string;
  /** What people call it. */
  name: string;
  /** Whether the system says that it is the one to take. */
  isDefault: boolean;
}

/** Rate in which microphones are heard: the model's. */
export const CAPTURE_RATE = 16000;

/** Systems to try, best first. */
export function captureSystems(os: typeof Deno.build.os): readonly CaptureSystem[] {
  if (os === "darwin") return ["avfoundation"];
  return os === "windows" ? ["dshow"] : ["pulse", "alsa"];
}

/** Sound as ffmpeg names it: `id` of a device; the system's own choice when left out. */
function inputName(system: CaptureSystem, id: string | undefined): string {
  if (system === "avfoundation") return `:${id ?? "default"}`;
  return system === "dshow" ? `audio=${id}` : id ?? "default";
}

/** Small pieces, so that words are not late: 50 ms of what the device gives. */
const SMALL_PIECES: Readonly<Record<CaptureSystem, readonly string[]>> = {
  avfoundation: [],
  pulse: ["-fragment_size", "9600"],
  alsa: [],
  dshow: ["-audio_buffer_size", "50"],
};

/**
 * Arguments with which ffmpeg writes what a device hears to its standard output: 16 bits, 16 kHz, mono.
 *
 * @param id Which device; dshow has no choice of its own and needs one.
 */
export function captureArguments(system: CaptureSystem, id: string | undefined): string[] {
  const log = ["-hide_banner", "-nostats", "-nostdin", "-loglevel", "warning"];
  const input = ["-fflags", "nobuffer", "-f", system, ...SMALL_PIECES[system], "-i", inputName(system, id)];
  const output = ["-vn", "-ac", "1", "-ar", String(CAPTURE_RATE), "-f", "s16le", "-flush_packets", "1"];
  return [...log, ...input, ...output, "pipe:1"];
}

/** Arguments with which ffmpeg lists devices: pulse and alsa on standard output, the others in its log. */
export function listArguments(system: CaptureSystem): string[] {
  if (system === "pulse" || system === "alsa") return ["-hide_banner", "-sources", system];
  const input = system === "avfoundation" ? "" : "dummy";
  return ["-hide_banner", "-f", system, "-list_devices", "true", "-i", input];
}

/** `[AVFoundation indev @ 0x7f] [0] MacBook Pro Microphone`, below the heading of audio devices. */
function parseAvfoundation(text: string): CaptureDevice[] {
  const devices: CaptureDevice[] = [];
  let isAudio = false;
  for (const line of text.split(/\r?\n/)) {
    if (/AVFoundation \w+ devices:/.test(line)) isAudio = line.includes("audio devices");
    const [, id, name] = /^\[[^\]]*@[^\]]*\] \[(\d+)\] (.+)$/.exec(line) ?? [];
    if (isAudio && id !== undefined) {
      devices.push({ system: "avfoundation", id, name: name!.trim(), isDefault: false });
    }
  }
  return devices;
}

/**
 * `[dshow @ 0x1]  "Microphone (Realtek Audio)" (audio)`; before ffmpeg 5 there is no kind behind the name, but a heading
 * above each. Devices of one name are told apart by the alternative one.
 */
function parseDshow(text: string): CaptureDevice[] {
  const devices: CaptureDevice[] = [];
  let [isBelowAudio, isLastAudio] = [false, false];
  for (const line of text.split(/\r?\n/)) {
    const [, heading] = /DirectShow (\w+) devices/.exec(line) ?? [];
    if (heading !== undefined) isBelowAudio = heading === "audio";
    const [, alternative] = /Alternative name "(.*)"/.exec(line) ?? [];
    if (alternative !== undefined) {
      const last = devices.at(-1);
      const isTaken = devices.slice(0, -1).some(({ name }) => name === last?.name);
      if (isLastAudio && last && isTaken) last.id = alternative;
      continue;
    }
    const [, name, kind] = /^\[dshow @[^\]]*\] +"(.*)"(?: \(([\w, ]+)\))?\s*$/.exec(line) ?? [];
    if (name === undefined) continue;
    isLastAudio = kind === undefined ? isBelowAudio : /\baudio\b/.test(kind);
    if (isLastAudio) devices.push({ system: "dshow", id: name, name, isDefault: devices.length === 0 });
  }
  return devices;
}

/** Captures nothing but zeros. */
const NOTHING = "null";

/** `* alsa_input.pci [Built-in Audio] (none)`: the star is the default; names of alsa may take several lines. */
function parseSources(text: string, system: "pulse" | "alsa"): CaptureDevice[] {
  const body = text.slice(text.indexOf(":\n") + 2);
  const entry = /^([ *]) (\S+) \[([^]*?)\](?: \([\w, ]*\))?$/gm;
  return [...body.matchAll(entry)].map(([, star, id, name]) => ({
    system,
    id: id!,
    name: name!.replace(/\s*\n\s*/g, ", ").trim(),
    isDefault: star === "*",
  })).filter(({ id }) => id !== NOTHING);
}

/** Devices in what ffmpeg says to `listArguments`. */
export function parseDevices(system: CaptureSystem, text: string): CaptureDevice[] {
  if (system === "avfoundation") return parseAvfoundation(text);
  return system === "dshow" ? parseDshow(text) : parseSources(text.replaceAll("\r\n", "\n"), system);
}

/**
 * The devices that somebody may mean: the one of that id or name, else all with these letters in their name.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const device = { system: "pulse", id: "alsa_input.usb", name: "Blue Yeti", isDefault: false } as const;
 * assertEquals(meantDevices("yeti", [device]), [device]);
 * assertEquals(meantDevices("webcam", [device]), []);
 * ```
 */
export function meantDevices(wanted: string, devices: readonly CaptureDevice[]): CaptureDevice[] {
  const word = wanted.toLowerCase();
  const exact = devices.find(({ id }) => id === wanted) ??
    devices.find(({ name }) => name.toLowerCase() === word);
  return exact ? [exact] : devices.filter(({ name }) => name.toLowerCase().includes(word));
}
