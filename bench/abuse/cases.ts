/**
 * What a server has to bear. Every case is bounded in count and time; when its `run` returns, its clients have hung up
 * unless it says that they stay.
 *
 * @module
 */
import type { ServerProcess } from "../server_process.ts";
import {
  DeafClient,
  drip,
  honest,
  pause,
  requestBytes,
  sendAndHangUp,
  sendJSON,
  tally,
  upload,
} from "./clients.ts";
import { noiseWav, type Recordings, SECRET, slowWav, speechWav } from "./recordings.ts";

/** What a case works with. */
export interface CaseContext {
  server: ServerProcess;
  recordings: Recordings;
  /** Ends the case's clients. */
  signal: AbortSignal;
}

/** What a case found. */
export interface Finding {
  note: string;
  /** Clients that stay connected until the server has ended. */
  staying?: readonly AsyncDisposable[];
}

/** One way of abuse. */
export interface AbuseCase {
  name: string;
  /** More arguments of `serve`. */
  args?: readonly string[];
  /** Seconds that it takes in any case. @default {0} */
  seconds?: number;
  /** Descriptors that the server may have open. */
  descriptors?: number;
  /** Whether `/health` is watched from the end of the case on: while there are no descriptors nobody can answer. */
  healthAfterwards?: boolean;
  run(context: CaseContext): Promise<Finding>;
}

/** Places of a server that is not told otherwise: 2 that run, 32 that wait. */
const PLACES = 34;
const BOMBS = 12;
const ABORTED_UPLOADS = 500;
const ABORTED_AT_ONCE = 20;
const IDLE_CONNECTIONS = 100;
/** Long enough for the model to say more than sockets hold, 80 KB a client: 450 s of speech for each of two. */
const STREAM_SECONDS = 90;

function times<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => make(index)));
}

function slowWavs(count: number): AbuseCase {
  return {
    name: `${count} upload${count === 1 ? "" : "s"} of 3.6 MB WAV, 1 kHz, 8 bits`,
    run: async ({ server, signal }) => {
      const wav = slowWav();
      return { note: tally(await times(count, () => upload(server.url, wav, signal))) };
    },
  };
}

function bombs(format: string): AbuseCase {
  return {
    name: `${BOMBS} bombs of 20 minutes of silence, ${format}`,
    run: async ({ server, recordings, signal }) => {
      const bomb = await recordings.bomb(format);
      const outcomes = await times(BOMBS, () => upload(server.url, bomb, signal));
      return { note: `${(bomb.length / 1e6).toFixed(1)} MB each: ${tally(outcomes)}` };
    },
  };
}

function hangUps(count: number): AbuseCase {
  return {
    name: `${count} hang-ups during an upload`,
    run: async ({ server }) => {
      const request = await requestBytes(slowWav());
      await times(count, () => sendAndHangUp(server.port, request, 1_500));
      return { note: "1.5 s after its beginning" };
    },
  };
}

const manifest: AbuseCase = {
  name: "manifests that name a file of the machine",
  run: async ({ server, recordings, signal }) => {
    const leaks: string[] = [], outcomes = [];
    for (const [kind, bytes] of await recordings.manifests()) {
      const outcome = await upload(server.url, bytes, signal);
      outcomes.push(outcome);
      if (outcome.text.includes(SECRET.word)) leaks.push(kind);
    }
    return { note: `leak: ${leaks.length > 0 ? `YES (${leaks.join(", ")})` : "no"}; ${tally(outcomes)}` };
  },
};

const longPrompt: AbuseCase = {
  name: "a prompt of 8,000 tokens",
  run: async ({ server, signal }) => {
    const outcome = await upload(server.url, noiseWav(2), signal, { prompt: "q ".repeat(4_000) });
    return { note: tally([outcome]) };
  },
};

const listKeys: AbuseCase = {
  name: "19,000 list keys",
  run: async ({ server, signal }) => {
    const keys = Object.fromEntries(Array.from({ length: 19_000 }, (_, index) => [`a[${index}]`, 1]));
    return { note: tally([await sendJSON(server.url, keys, signal)]) };
  },
};

const deafStreams: AbuseCase = {
  name: "2 stream clients that do not read, SIGTERM",
  args: ["--timeout", String(STREAM_SECONDS)],
  seconds: STREAM_SECONDS,
  run: async ({ server, recordings }) => {
    const request = await requestBytes(await speechWav(9), { stream: "true" });
    const path = await recordings.put("stream.http", request);
    const staying = Array.from({ length: 2 }, () => new DeafClient(server.port, path));
    await pause(STREAM_SECONDS * 1_000);
    return { note: `time limit ${STREAM_SECONDS} s; they stay`, staying };
  },
};

const drips: AbuseCase = {
  name: `${PLACES} dripping uploads`,
  run: async ({ server, signal }) => {
    const request = await requestBytes(noiseWav(2));
    const dripping = times(PLACES, () => drip(server.port, request, 500, signal));
    await pause(1_000);
    const start = performance.now();
    let outcome = await honest(server.url, signal);
    while (outcome.status !== "200" && !signal.aborted) {
      await pause(250);
      outcome = await honest(server.url, signal);
    }
    const seconds = ((performance.now() - start) / 1_000).toFixed(1);
    await dripping;
    return {
      note: `another client of the address: ${
        outcome.status === "200" ? "200" : "no answer"
      } after ${seconds} s`,
    };
  },
};

const abortedUploads: AbuseCase = {
  name: `${ABORTED_UPLOADS} aborted uploads`,
  run: async ({ server, recordings, signal }) => {
    const request = await requestBytes(await recordings.bomb("aac"));
    const half = request.slice(0, request.length / 2);
    let sent = 0;
    for (; sent < ABORTED_UPLOADS && !signal.aborted; sent += ABORTED_AT_ONCE) {
      await times(ABORTED_AT_ONCE, (index) => sendAndHangUp(server.port, half, 20 + 10 * index));
    }
    await pause(1_000);
    const soon = await server.children();
    await pause(5_000);
    return {
      note: `ffmpeg left after 1 s: ${soon}, after 6 s: ${await server.children()} (${sent} uploads)`,
    };
  },
};

const idleConnections: AbuseCase = {
  name: `${IDLE_CONNECTIONS} idle connections, 64 descriptors`,
  descriptors: 64,
  healthAfterwards: true,
  run: async ({ server }) => {
    const idle = await times(
      IDLE_CONNECTIONS,
      () => Deno.connect({ hostname: "127.0.0.1", port: server.port }).catch(() => undefined),
    );
    await pause(3_000);
    for (const connection of idle) connection?.close();
    return { note: "measured after they are closed" };
  },
};

/** All of them, in the order of the table. */
export const CASES: readonly AbuseCase[] = [
  manifest,
  longPrompt,
  listKeys,
  slowWavs(1),
  slowWavs(12),
  slowWavs(PLACES),
  ...["flac", "mp3", "opus", "m4a"].map(bombs),
  deafStreams,
  hangUps(8),
  hangUps(PLACES),
  drips,
  abortedUploads,
  idleConnections,
];
