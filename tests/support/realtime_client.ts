/**
 * A client of the realtime socket, and a recogniser whose live streams a test writes.
 *
 * @module
 */
import type { Recognizer, RunningServer } from "../../lib/server/mod.ts";
import { ScriptedModel, type ScriptedStream } from "./scripted_live.ts";
import { demoModel, recording } from "./server_start.ts";

/** Events are JSON. */
export type Sent = ReturnType<typeof JSON.parse>;

/** The demo model with live streams that say "Hello." when sound ends, unless told otherwise. */
export async function scriptedRecognizer(): Promise<Recognizer & { model: ScriptedModel }> {
  const asr = await demoModel();
  const model = new ScriptedModel();
  model.onOpen = (stream) => {
    stream.onEnd = () => {
      stream.say(
        { type: "speech-start" },
        { type: "committed", text: "Hello" },
        { type: "speech-end" },
        { type: "final", text: "Hello." },
      );
      stream.done();
    };
  };
  return {
    info: asr.info,
    transcribe: asr.transcribe.bind(asr),
    stream: asr.stream.bind(asr),
    close: () => Promise.resolve(),
    live: (options): ScriptedStream => model.stream(options),
    model,
  };
}

/** Recordings as clients send them. */
export const ClientSound = {
  /** In a format, by ffmpeg. */
  async bytes(name: string, format: { type: string; rate?: number }): Promise<Uint8Array> {
    const codec = { "audio/pcm": "s16le", "audio/pcmu": "mulaw", "audio/pcma": "alaw" }[format.type] ?? "";
    const rate = String(format.rate ?? 8000);
    const { stdout } = await new Deno.Command("ffmpeg", {
      args: ["-loglevel", "error", "-i", recording(name), "-ac", "1", "-ar", rate, "-f", codec, "-"],
    }).output();
    return stdout;
  },
  /** At 24 kHz. */
  async of(name: string): Promise<Int16Array> {
    const bytes = await ClientSound.bytes(name, { type: "audio/pcm", rate: 24_000 });
    return new Int16Array(bytes.slice().buffer);
  },
};

/** A WebSocket to `/v1/realtime`, with what came over it. */
export class RealtimeClient implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly events: Sent[] = [];
  closed: { code: number; reason: string } | undefined;
  #news = Promise.withResolvers<void>();

  constructor(
    server: RunningServer | { url: string },
    { query = "?intent=transcription", protocols = ["realtime"] } = {},
  ) {
    this.socket = new WebSocket(`${server.url.replace(/^http/, "ws")}/v1/realtime${query}`, protocols);
    this.socket.onmessage = ({ data }) => {
      this.events.push(JSON.parse(data));
      this.#tell();
    };
    this.socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
      this.#tell();
    };
    this.socket.onerror = (event) => event.preventDefault();
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /** Waits for something to be true of what came. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (!condition()) {
      if (performance.now() > deadline) {
        throw new Error(
          `Not ${what}: ${JSON.stringify(this.events).slice(-2000)}, ${JSON.stringify(this.closed)}`,
        );
      }
      const timer = Promise.withResolvers<void>();
      const id = setTimeout(timer.resolve, 1000);
      await Promise.race([this.#news.promise, timer.promise]);
      clearTimeout(id);
    }
  }

  /** The first event of a type (its end will do), when it has come. */
  async event(type: string): Promise<Sent> {
    const find = () => this.events.find((event) => event.type.endsWith(type));
    await this.until(`an event ${type}`, () => find() !== undefined || this.closed !== undefined);
    const event = find();
    if (!event) throw new Error(`Closed with ${this.closed?.code} without ${type}.`);
    return event;
  }

  /** How it was closed. */
  async end(): Promise<{ code: number; reason: string }> {
    await this.until("closed", () => this.closed !== undefined);
    return this.closed!;
  }

  send(event: object): void {
    this.socket.send(JSON.stringify(event));
  }

  /** Sends samples of 24 kHz, in pieces. */
  append(samples: Int16Array, pieceSamples = samples.length): void {
    for (let at = 0; at < samples.length; at += pieceSamples) {
      const piece = samples.slice(at, at + pieceSamples);
      this.send({ type: "input_audio_buffer.append", audio: new Uint8Array(piece.buffer).toBase64() });
    }
  }

  /** Sends sound as it is, in pieces. */
  appendBytes(bytes: Uint8Array, pieceBytes: number): void {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      this.send({ type: "input_audio_buffer.append", audio: bytes.slice(at, at + pieceBytes).toBase64() });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.readyState === WebSocket.CONNECTING) {
      await this.until("open", () => this.events.length > 0 || this.closed !== undefined);
    }
    this.socket.close();
    await this.end();
  }
}
