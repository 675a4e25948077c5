/**
 * Recordings that are small to send and large to decode, and files that name others.
 *
 * @module
 */
import { join } from "@std/path";
import { joinBytes } from "../../lib/join_arrays.ts";
import { wavHeader } from "../../tests/support/server_speech.ts";
import { recording } from "../../tests/support/server_start.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What the demo model hears in the file that no upload may name. */
export const SECRET = { file: "dev-00-en.wav", word: "Thursday" };
/** Seconds of silence in a bomb. */
const BOMB_SECONDS = 1200;

/** How ffmpeg makes each bomb. */
const BOMBS: ReadonlyMap<string, readonly string[]> = new Map([
  ["flac", ["-c:a", "flac"]],
  ["mp3", ["-c:a", "libmp3lame", "-b:a", "8k"]],
  ["opus", ["-c:a", "libopus", "-b:a", "6k"]],
  ["m4a", ["-c:a", "aac", "-b:a", "8k"]],
  ["aac", ["-c:a", "aac", "-b:a", "8k", "-f", "adts"]],
]);

/** An hour of silence at 1 kHz in 8 bits: 3.6 MB that become 57.6 million samples. */
export function slowWav(): Bytes {
  const dataBytes = 3_600_000;
  return joinBytes([
    wavHeader({ sampleRate: 1_000, channels: 1, bits: 8, dataBytes }),
    new Uint8Array(dataBytes).fill(128),
  ]);
}

/** So many seconds of noise, too faint to be speech and too loud to be skipped. */
export function noiseWav(seconds: number): Bytes {
  const noise = Int16Array.from({ length: seconds * 16_000 }, (_, i) => 4 * Math.sin(i * i));
  const dataBytes = noise.byteLength;
  return joinBytes([
    wavHeader({ sampleRate: 16_000, channels: 1, bits: 16, dataBytes }),
    new Uint8Array(noise.buffer),
  ]);
}

/** The long demo recording over and over. */
export async function speechWav(times: number): Promise<Bytes> {
  const speech = (await Deno.readFile(recording("long-en.wav"))).slice(44);
  const dataBytes = speech.length * times;
  return joinBytes([
    wavHeader({ sampleRate: 16_000, channels: 1, bits: 16, dataBytes }),
    ...new Array<Bytes>(times).fill(speech),
  ]);
}

/** Files that ffmpeg makes, in a folder of their own that goes with the object. */
export class Recordings implements AsyncDisposable {
  readonly #folder: string;
  readonly #made = new Map<string, Promise<Bytes>>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<Recordings> {
    return new Recordings(await Deno.makeTempDir({ prefix: "server-abuse-" }));
  }

  async #ffmpeg(name: string, args: readonly string[]): Promise<string> {
    const path = join(this.#folder, name);
    const { success, stderr } = await new Deno.Command("ffmpeg", {
      args: ["-hide_banner", "-loglevel", "error", "-y", ...args, path],
      stdin: "null",
    }).output();
    if (!success) throw new Error(`ffmpeg cannot make ${name}: ${new TextDecoder().decode(stderr).trim()}`);
    return path;
  }

  /** Twenty minutes of silence in a format: flac, mp3, opus, m4a, aac. */
  bomb(format: string): Promise<Bytes> {
    const silence = ["-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", String(BOMB_SECONDS)];
    const make = async () => {
      const path = await this.#ffmpeg(`bomb.${format}`, [...silence, ...BOMBS.get(format) ?? []]);
      return await Deno.readFile(path);
    };
    const bytes = this.#made.get(format) ?? make();
    this.#made.set(format, bytes);
    return bytes;
  }

  /** Files without a sound that name a recording of the machine: a DASH manifest that begins like an MP4, HLS, concat. */
  async manifests(): Promise<Map<string, Bytes>> {
    const secret = await this.#ffmpeg("secret.m4a", ["-i", recording(SECRET.file), "-c:a", "aac"]);
    const mpd = `<!--ftypjp2 --><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" ` +
      `mediaPresentationDuration="PT3S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>` +
      `<AdaptationSet mimeType="audio/mp4"><Representation id="0" bandwidth="64000" mimeType="audio/mp4">` +
      `<BaseURL>${secret}</BaseURL></Representation></AdaptationSet></Period></MPD>`;
    const text = new TextEncoder();
    return new Map([
      ["dash", text.encode(mpd)],
      [
        "hls",
        text.encode(`#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile://${secret}\n#EXT-X-ENDLIST\n`),
      ],
      ["concat", text.encode(`ffconcat version 1.0\nfile '${secret}'\n`)],
    ]);
  }

  /** A file with these bytes; its path. */
  async put(name: string, bytes: Bytes): Promise<string> {
    const path = join(this.#folder, name);
    await Deno.writeFile(path, bytes);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
