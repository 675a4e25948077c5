/**
 * `POST /v1/audio/transcriptions`: a place in the queue, then the body, then a turn, then the text.
 *
 * @module
 */
import { abortable } from "../abortable.ts";
import type { Transcript } from "../transcript.ts";
import { answer } from "./answers.ts";
import { checkDeclaredLength } from "./body.ts";
import { eventStream, type StreamResult } from "./event_stream.ts";
import { ClientGone, HttpError } from "./http_error.ts";
import { IGNORED_HEADER } from "./ignored.ts";
import type { Metrics } from "./metrics.ts";
import type { Lease, ModelHolder } from "./model_holder.ts";
import type { HandlerSettings } from "./options.ts";
import type { FairQueue, Ticket } from "./queue.ts";
import { readUpload, type Upload } from "./upload.ts";
import { type WholeAnswer, wholeAnswer } from "./whole_answer.ts";

/** Memory for recordings that are read, wait or run: for this many of the longest. */
const HELD_RECORDINGS = 2;
/** 16 kHz in 16 bits, */
const HELD_BYTES_PER_SECOND = 32_000;
/** and the first two minutes of each in 32. */
const HELD_BYTES_MORE = 2 ** 22;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What all requests share. */
export interface Shared {
  settings: HandlerSettings;
  queue: FairQueue;
  holder: ModelHolder;
  metrics: Metrics;
}

/** The names that mean the loaded model. */
export function modelNames({ holder, settings }: Pick<Shared, "holder" | "settings">): string[] {
  const name = holder.info?.name;
  const short = name?.split("/").at(-1);
  return [...new Set([...name && short ? [name, short] : [], ...settings.aliases])];
}

function checkModel(shared: Shared, model: string | undefined): void {
  if (model === undefined || modelNames(shared).includes(model)) return;
  throw new HttpError(
    404,
    `The model '${model.slice(0, 100)}' does not exist here; GET /v1/models lists those that do.`,
    { param: "model", code: "model_not_found" },
  );
}

/** Says which parameters were ignored, where some were: names of our own list, so nothing of the client's. */
function withIgnored(response: Response, { request: { ignored } }: Upload): Response {
  if (ignored.length > 0) response.headers.set(IGNORED_HEADER, ignored.join(", "));
  return response;
}

/** One request on its way. Everything it holds is given back by {@linkcode Passage.leave}, exactly once. */
class Passage {
  readonly #shared: Shared;
  readonly #controller = new AbortController();
  readonly #ticket: Ticket;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #stopListening: () => void;
  readonly #held: { bytes: number };
  #lease: Lease | undefined;
  #bytes = 0;
  #left = false;

  constructor(shared: Shared, request: Request, client: string, held: { bytes: number }, stop: AbortSignal) {
    this.#shared = shared;
    this.#held = held;
    this.#ticket = shared.queue.admit(client, this.#controller);
    const { timeoutSeconds } = shared.settings;
    this.#timer = setTimeout(() => {
      this.#controller.abort(
        new HttpError(503, `The request took longer than ${timeoutSeconds} s, the limit of this server.`, {
          code: "timeout",
          retryAfterSeconds: 60,
        }),
      );
    }, Math.min(timeoutSeconds * 1000, LONGEST_TIMER_MS));
    const onGone = () => this.#controller.abort(new ClientGone());
    const onStop = () => this.#controller.abort(stop.reason);
    request.signal.addEventListener("abort", onGone, { once: true });
    stop.addEventListener("abort", onStop, { once: true });
    if (request.signal.aborted) onGone();
    if (stop.aborted) onStop();
    this.#stopListening = () => {
      request.signal.removeEventListener("abort", onGone);
      stop.removeEventListener("abort", onStop);
    };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Reads the body while the model is loaded. */
  async read(request: Request): Promise<Upload> {
    const lease = this.#shared.holder.lease().then((lease) => {
      if (this.#left) lease[Symbol.dispose]();
      else this.#lease = lease;
    });
    lease.catch(() => {});
    const reserve = (bytes: number) => this.#reserve(bytes);
    const upload = await readUpload(request, this.#shared.settings, this.signal, reserve);
    await abortable(lease, this.signal);
    checkModel(this.#shared, upload.request.model);
    return upload;
  }

  /** Takes memory for the recording while it is decoded: afterwards it would be too late. */
  #reserve(bytes: number): void {
    const { maxDurationSeconds } = this.#shared.settings;
    const most = HELD_RECORDINGS * (maxDurationSeconds * HELD_BYTES_PER_SECOND + HELD_BYTES_MORE);
    if (this.#bytes + bytes > most) {
      throw new HttpError(413, "The recording takes more memory than this server has for all.", {
        param: "file",
        code: "audio_too_large",
      });
    }
    if (bytes > 0 && this.#held.bytes + bytes > most) {
      throw new HttpError(429, "The server is busy: too many hours of audio are waiting. Try again later.", {
        code: "queue_full",
        retryAfterSeconds: this.#shared.queue.retryAfterSeconds,
      });
    }
    this.#bytes += bytes;
    this.#held.bytes += bytes;
  }

  /** Waits for the turn; gives the model. */
  async turn({ audio: { durationSeconds } }: Upload): Promise<Lease["asr"]> {
    const start = performance.now();
    await this.#ticket.turn(durationSeconds);
    this.#shared.metrics.waited((performance.now() - start) / 1000);
    return this.#lease!.asr;
  }

  /** Gives everything back. `settled`: what still has to notice the abort before the model may go. */
  leave(settled?: Promise<unknown>): void {
    if (this.#left) return;
    this.#left = true;
    clearTimeout(this.#timer);
    this.#stopListening();
    this.#held.bytes -= this.#bytes;
    this.#ticket.release(settled);
    const free = () => this.#lease?.[Symbol.dispose]();
    if (settled) settled.then(free, free);
    else free();
  }
}

/** The endpoint. */
export class Transcriptions {
  readonly #shared: Shared;
  readonly #held = { bytes: 0 };

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /**
   * Serves one request.
   *
   * @param client Requests of one client share its turns.
   * @param stop Ends the request with its reason.
   */
  async serve(request: Request, client: string, stop: AbortSignal): Promise<Response> {
    checkDeclaredLength(request, this.#shared.settings.maxUploadBytes);
    const passage = new Passage(this.#shared, request, client, this.#held, stop);
    let work: Promise<unknown> | undefined;
    let isStreaming = false;
    try {
      const upload = await passage.read(request);
      const asr = await passage.turn(upload);
      const start = performance.now();
      const options = { ...upload.request.options, signal: passage.signal };
      const book = (transcript: Transcript) => {
        this.#shared.metrics.transcript(transcript, (performance.now() - start) / 1000);
      };
      if (upload.request.stream) {
        const events = asr.stream(upload.audio, options);
        const streaming = eventStream(events, {
          signal: passage.signal,
          more: (transcript) => this.#whole(transcript, upload, passage.signal),
          onEnd: (result) => this.#endStream(passage, book, result),
        });
        work = streaming.catch(() => {});
        const response = await abortable(streaming, passage.signal);
        isStreaming = true;
        return withIgnored(response, upload);
      }
      const transcribing = asr.transcribe(upload.audio, options);
      work = transcribing.catch(() => {});
      const transcript = await abortable(transcribing, passage.signal);
      book(transcript);
      const whole = await this.#whole(transcript, upload, passage.signal);
      return withIgnored(await answer(transcript, upload.request.format, options, whole), upload);
    } catch (error) {
      // The reason of an abort counts, not what it made fail on the way.
      const reason: unknown = passage.signal.aborted ? passage.signal.reason : error;
      if (reason instanceof ClientGone) this.#shared.metrics.abort();
      throw reason;
    } finally {
      if (!isStreaming) passage.leave(work);
    }
  }

  /** Everything that is known, where it was asked for. */
  async #whole(
    transcript: Transcript,
    { request, audio: { samples } }: Upload,
    signal: AbortSignal,
  ): Promise<WholeAnswer | undefined> {
    return request.whole ? await wholeAnswer(transcript, samples, signal) : undefined;
  }

  #endStream(
    passage: Passage,
    book: (transcript: Transcript) => void,
    { transcript, error, settled }: StreamResult,
  ): void {
    if (transcript) book(transcript);
    else if (error === undefined || error instanceof ClientGone) {
      this.#shared.metrics.abort();
      passage.abort(new ClientGone());
    }
    passage.leave(settled);
  }
}
