/**
 * A transcription session: a client's events in, the server's events out. It knows of no socket and sets no timer.
 *
 * What is heard is read ear by ear, in the order of the sound. By voice activity one ear hears on until the client commits
 * or changes its settings; without, every turn has an ear of its own. So a commit is the end of an ear, and what it ends
 * is known when the ear has told everything.
 *
 * @module
 */
import { Ear, type HearingOptions, type OpenHearing } from "../ear.ts";
import { AudioDecoder, rateOf, TICKS_PER_SECOND, ticksOf } from "./audio_format.ts";
import { type ClientEvent, clientEventOf } from "./client_events.ts";
import type { JsonObject } from "./fields.ts";
import { Items, newId, type ServerEvent } from "./items.ts";
import { RealtimeError, realtimeErrorOf } from "./realtime_error.ts";
import {
  detectionOf,
  hearingOptionsOf,
  sessionObject,
  type SessionSettings,
  type SettingsContext,
  updated,
} from "./settings.ts";
import { ManualTurn, VoiceTurns } from "./turns.ts";

/** A turn has at least so much sound. */
const LEAST_SECONDS = 0.1;

/** What a {@linkcode Session} needs. */
export interface SessionOptions {
  settings: SessionSettings;
  context: SettingsContext;
  /** Second of Unix time at which it ends. */
  expiresAt: number;
  /** Most sound that is pushed and not heard. */
  bufferSeconds: number;
  open: OpenHearing;
  /** Gets every event for the client. */
  send: (event: ServerEvent & { event_id: string }) => void;
  /** Nothing can be heard any more. */
  onBroken: () => void;
  /** Is told of every turn. */
  count: (result: "completed" | "failed") => void;
}

/** One client's session. */
export class Session {
  readonly id = newId("sess");
  readonly #options: SessionOptions;
  readonly #items: Items;
  readonly #ears = new Set<Ear>();
  #settings: SessionSettings;
  #decoder: AudioDecoder;
  #voice: VoiceTurns | undefined;
  #turn: ManualTurn | undefined;
  /** Whether the voice's ear was opened for other settings. */
  #isStale = false;
  #pushedTicks = 0;
  /** Where what is of no turn begins, in seconds of the session. */
  #restSeconds = 0;
  /** Reads the ears, one after the other, and answers what had to wait for them. */
  #reading: Promise<void> = Promise.resolve();
  #commits = 0;
  #isOver = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#decoder = new AudioDecoder(options.settings.format);
    this.#items = new Items((event) => this.#send(event), options.count);
  }

  /** Seconds of sound that came. */
  get pushedSeconds(): number {
    return this.#pushedTicks / TICKS_PER_SECOND;
  }

  #send(event: ServerEvent): void {
    if (!this.#isOver) this.#options.send({ ...event, event_id: newId("event") });
  }

  #sendSession(type: "session.created" | "session.updated"): void {
    const { expiresAt, context: { modelNames } } = this.#options;
    this.#send({ type, session: sessionObject(this.#settings, { id: this.id, expiresAt, modelNames }) });
  }

  /** Tells the client of an error; the session goes on. */
  fail(error: unknown, eventId: string | null = null): void {
    const known = realtimeErrorOf(error);
    this.#send({ type: "error", error: { ...known.body, event_id: known.eventId ?? eventId } });
  }

  /** Greets the client: some send nothing before. */
  start(): void {
    this.#sendSession("session.created");
  }

  /** Takes a message. What is wrong with it is answered, never thrown. */
  receive(message: string): void {
    let eventId: string | null = null;
    try {
      const event = clientEventOf(message);
      eventId = event.eventId;
      this.#take(event);
    } catch (error) {
      this.fail(error, eventId);
    }
  }

  #take(event: ClientEvent): void {
    switch (event.type) {
      case "session.update":
        return this.#update(event.session);
      case "input_audio_buffer.append":
        return this.#append(event.audio);
      case "input_audio_buffer.commit":
        return this.#voice || !this.#isManual ? this.#commitVoice(event.eventId) : this.#commitTurn();
      case "input_audio_buffer.clear":
        return this.#clear();
    }
  }

  get #isManual(): boolean {
    return detectionOf(this.#settings) === null;
  }

  #update(update: JsonObject): void {
    const { context } = this.#options;
    const settings = updated(this.#settings, update, context);
    const isOtherFormat = JSON.stringify(settings.format) !== JSON.stringify(this.#settings.format);
    if (isOtherFormat && this.#turn) {
      throw new RealtimeError(
        "invalid_state",
        "The format cannot change in the middle of a turn: commit or clear first.",
        {
          param: "session.audio.input.format",
        },
      );
    }
    if (isOtherFormat) this.#decoder = new AudioDecoder(settings.format);
    const heardAs = (one: SessionSettings) =>
      JSON.stringify([hearingOptionsOf(one), detectionOf(one), one.tentative]);
    if (heardAs(settings) !== heardAs(this.#settings)) this.#isStale = true;
    this.#settings = settings;
    if (isOtherFormat || (this.#isStale && !this.#voice?.isSpeaking)) this.#endVoice();
    this.#sendSession("session.updated");
  }

  /** What is said from now on is heard by another ear. */
  #endVoice(): void {
    this.#voice?.ear.end();
    if (this.#voice) this.#restSeconds = this.pushedSeconds;
    this.#voice = undefined;
  }

  #newEar(): Ear {
    const options: HearingOptions = hearingOptionsOf(this.#settings);
    const ear = new Ear(this.#options.open, options, this.pushedSeconds);
    this.#ears.add(ear);
    this.#isStale = false;
    return ear;
  }

  /** Reads an ear when those before it are read. */
  #read(ear: Ear, read: () => Promise<void>): void {
    this.#reading = this.#reading.then(read).catch((error) => {
      if (!this.#ears.has(ear)) return;
      this.fail(error);
      this.#options.onBroken();
    }).then(async () => {
      this.#ears.delete(ear);
      await ear.close();
    });
  }

  #openVoice(): VoiceTurns {
    const turns = new VoiceTurns(this.#newEar(), this.#items, this.#settings);
    this.#read(turns.ear, () =>
      turns.read(() => {
        this.#restSeconds = Math.max(this.#restSeconds, turns.restSeconds);
        if (this.#isStale && this.#voice === turns) this.#endVoice();
      }));
    return turns;
  }

  #openTurn(): ManualTurn {
    const turn = new ManualTurn(this.#newEar(), this.#items, this.#settings);
    this.#read(turn.ear, () => turn.read());
    return turn;
  }

  #append(audio: string): void {
    const { format } = this.#settings;
    const samples = this.#decoder.decode(audio);
    if (samples.length === 0) return;
    const ticks = ticksOf(format, samples);
    const seconds = ticks / TICKS_PER_SECOND;
    const lagSeconds = [...this.#ears].reduce((sum, ear) => sum + ear.lagSeconds, 0);
    const { bufferSeconds } = this.#options;
    if (lagSeconds + seconds > bufferSeconds) {
      throw new RealtimeError(
        "buffer_overflow",
        `${seconds.toFixed(1)} s of audio were not taken: ${
          lagSeconds.toFixed(1)
        } s wait to be heard, and this server ` +
          `keeps ${bufferSeconds} s of a session. Send it no faster than it is spoken.`,
        { param: "audio" },
      );
    }
    // Other settings begin with the next turn.
    if (this.#turn || (this.#isManual && !this.#voice)) {
      this.#turn ??= this.#openTurn();
      this.#turn.ear.push(samples, rateOf(format));
      this.#turn.ticks += ticks;
    } else {
      this.#voice ??= this.#openVoice();
      this.#voice.ear.push(samples, rateOf(format));
    }
    this.#pushedTicks += ticks;
    this.#watchIdle();
  }

  /** Sound without speech for as long as the client allows is a turn of its own. */
  #watchIdle(): void {
    const voice = this.#voice;
    const limit = detectionOf(this.#settings)?.idle_timeout_ms ?? null;
    if (!voice || limit === null || voice.isSpeaking) return;
    const heardSeconds = this.pushedSeconds - voice.ear.lagSeconds;
    if (heardSeconds - this.#restSeconds < limit / 1000) return;
    const item = this.#items.begin();
    this.#items.timedOut(item, this.#restSeconds, heardSeconds);
    this.#commitEmpty(item, heardSeconds - this.#restSeconds);
    this.#restSeconds = heardSeconds;
    voice.took(heardSeconds);
  }

  /** A turn in which nothing was said. */
  #commitEmpty(item = this.#items.begin(), seconds: number): void {
    this.#items.commit(item);
    this.#items.complete(item, { text: "", seconds, languages: [], logprobs: undefined, warnings: [] });
  }

  #tooLittle(seconds: number): RealtimeError {
    return new RealtimeError(
      "input_audio_buffer_commit_empty",
      "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has " +
        `${(Math.max(0, seconds) * 1000).toFixed(2)}ms of audio.`,
    );
  }

  #commitTurn(): void {
    const turn = this.#turn;
    const seconds = (turn?.ticks ?? 0) / TICKS_PER_SECOND;
    if (!turn || seconds < LEAST_SECONDS) throw this.#tooLittle(seconds);
    this.#turn = undefined;
    this.#restSeconds = this.pushedSeconds;
    turn.commit();
  }

  /** Ends what is being said. Whether something is, is known when all that came before is heard. */
  #commitVoice(eventId: string | null): void {
    if (this.#turn) return this.#commitTurn();
    const { committed } = this.#items;
    const pushedSeconds = this.pushedSeconds;
    this.#voice?.ear.end();
    this.#voice = undefined;
    this.#commits++;
    this.#reading = this.#reading.then(() => {
      this.#commits--;
      const seconds = pushedSeconds - this.#restSeconds;
      this.#restSeconds = Math.max(this.#restSeconds, pushedSeconds);
      if (this.#items.committed > committed) return;
      if (seconds < LEAST_SECONDS) this.fail(this.#tooLittle(seconds), eventId);
      else this.#commitEmpty(undefined, seconds);
    });
  }

  /** Forgets what is of no turn. What was committed before is answered before. */
  #clear(): void {
    const turn = this.#turn;
    this.#turn = undefined;
    if (turn) {
      this.#ears.delete(turn.ear);
      void turn.ear.close();
    }
    this.#voice?.ear.clear();
    this.#voice?.drop(this.pushedSeconds);
    this.#decoder = new AudioDecoder(this.#settings.format);
    const pushedSeconds = this.pushedSeconds;
    const cleared = () => {
      this.#restSeconds = Math.max(this.#restSeconds, pushedSeconds);
      this.#send({ type: "input_audio_buffer.cleared" });
    };
    if (this.#commits === 0) cleared();
    else this.#reading = this.#reading.then(cleared);
  }

  /** Lets go of the model while nothing is said: an ear is opened again with the next sound. */
  rest(): void {
    if (this.#voice && !this.#voice.isSpeaking) this.#endVoice();
  }

  /** No more sound comes: what is there is heard, as if it were committed. Resolves when all is told. */
  async finish(): Promise<void> {
    if (this.#turn && this.#turn.ticks >= LEAST_SECONDS * TICKS_PER_SECOND) this.#commitTurn();
    this.#endVoice();
    await this.#reading;
  }

  /** Gives everything back at once. */
  async close(): Promise<void> {
    this.#isOver = true;
    const ears = [...this.#ears];
    this.#ears.clear();
    await Promise.all(ears.map((ear) => ear.close()));
    await this.#reading;
  }
}
