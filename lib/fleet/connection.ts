/**
 * The way to a NATS server with JetStream. Its clients are loaded here, when somebody connects, and nowhere else.
 *
 * @module
 */
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { Kvm } from "@nats-io/kv";
import type { Objm } from "@nats-io/obj";
import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import { loadOnce } from "../load_once.ts";
import { QueueError } from "./queue_error.ts";
import { quickReason } from "./reasons.ts";
import { connectSteadily, type TransportClient } from "./steady_transport.ts";

/** No literals in the `import()`: nobody pays at start-up for what he does not use. deno.json has the same version. */
const PACKAGES = {
  client: "npm:@nats-io/transport-node@3.4.0",
  node: "npm:@nats-io/transport-node@3.4.0/lib/node_transport.js",
  jetstream: "npm:@nats-io/jetstream@3.4.0",
  kv: "npm:@nats-io/kv@3.4.0",
  obj: "npm:@nats-io/obj@3.4.0",
} as const;

/** Longest wait for the first answer of a server, and for each later one, which is asked again; in milliseconds. */
const FIRST_ANSWER_MS = 5000;
const ANSWER_MS = 3000;
/** Between two tries to reach a server that has gone. */
const RETRY_MS = 500;

/** Where the queue is, and who we are. */
export interface QueueAddress {
  /** `nats://[USER:PASSWORD@|TOKEN@]HOST[:PORT]`, or `tls://`; several servers of a cluster with commas. */
  url: string;
  token?: string | undefined;
  /** Path of a `.creds` file (JWT and seed). */
  credentials?: string | undefined;
  /** Paths of PEM files: the authority that signed the server's certificate, our own certificate and its key. */
  authority?: string | undefined;
  certificate?: string | undefined;
  key?: string | undefined;
}

/** What the rest of this room needs of a server. */
export interface Connection extends AsyncDisposable {
  nats: NatsConnection;
  streams: JetStreamClient;
  manager: JetStreamManager;
  buckets: Kvm;
  objects: Objm;
}

interface Clients extends TransportClient {
  jetstream: typeof import("@nats-io/jetstream");
  kv: typeof import("@nats-io/kv");
  obj: typeof import("@nats-io/obj");
}

const clients: () => Promise<Clients> = loadOnce(
  async () => ({
    client: await import(PACKAGES.client),
    node: await import(PACKAGES.node),
    jetstream: await import(PACKAGES.jetstream),
    kv: await import(PACKAGES.kv),
    obj: await import(PACKAGES.obj),
  }),
  (_, cause) => {
    const reason = quickReason(cause);
    return new QueueError(
      `The client of NATS cannot be loaded (${reason}): it comes from npm, once; connect this machine`,
      { cause },
    );
  },
);

/** A server's address without secrets, as messages show it. */
export function shownAddress(url: string): string {
  return url.replace(/\/\/[^@/]*@/g, "//");
}

async function fileOf(path: string, what: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound ? "there is no such file" : quickReason(cause);
    throw new QueueError(`Cannot read the ${what} ${path}: ${reason}`, { cause });
  }
}

/** Servers, and what their addresses say about us. */
function parseServers(url: string): Pick<ConnectionOptions, "servers" | "user" | "pass" | "token" | "tls"> {
  const urls = url.split(",").map((text) => text.trim()).map((text) =>
    URL.parse(/^\w+:\/\//.test(text) ? text : `nats://${text}`)
  );
  const [first] = urls;
  if (!first || urls.some((one) => !one || !/^(nats|tls):$/.test(one.protocol) || one.hostname === "")) {
    throw new QueueError(
      `Cannot use --queue ${shownAddress(url)}: it must look like nats://HOST:4222 or tls://HOST:4222`,
    );
  }
  const { username, password } = first;
  return {
    servers: urls.map((one) => one!.host),
    ...(password !== ""
      ? { user: decodeURIComponent(username), pass: decodeURIComponent(password) }
      : username !== ""
      ? { token: decodeURIComponent(username) }
      : {}),
    ...(first.protocol === "tls:" ? { tls: {} } : {}),
  };
}

async function optionsOf(address: QueueAddress, { client }: Clients): Promise<ConnectionOptions> {
  const { token, credentials, authority, certificate, key } = address;
  const text = async (path: string, what: string) => new TextDecoder().decode(await fileOf(path, what));
  const options: ConnectionOptions = {
    name: "qwen3-asr",
    timeout: FIRST_ANSWER_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RETRY_MS,
    ...parseServers(address.url),
  };
  if (token !== undefined) options.token = token;
  if (credentials !== undefined) {
    options.authenticator = client.credsAuthenticator(await fileOf(credentials, "credentials"));
  }
  if (authority ?? certificate ?? key) {
    options.tls = {
      ...(authority === undefined ? {} : { ca: await text(authority, "certificate authority") }),
      ...(certificate === undefined ? {} : { cert: await text(certificate, "certificate") }),
      ...(key === undefined ? {} : { key: await text(key, "key") }),
    };
  }
  return options;
}

function refusal(url: string, cause: unknown): QueueError {
  const where = shownAddress(url);
  const error = cause instanceof Error ? cause : new Error(String(cause));
  if (error.name === "AuthorizationError" || /authorization/i.test(error.message)) {
    return new QueueError(
      `The queue at ${where} refuses us: check --queue-token, --queue-creds, or the user in --queue`,
      { cause },
    );
  }
  if (error.name === "JetStreamNotEnabled") {
    return new QueueError(
      `The server at ${where} runs without JetStream: start it as nats-server -js -sd FOLDER`,
      { cause },
    );
  }
  const reason = quickReason(error);
  const isTls = /tls|certificate|self.signed|issuer/i.test(reason);
  const cure = isTls
    ? "check tls:// and --queue-ca, --queue-cert, --queue-key"
    : "check --queue, or start it there: nats-server -js -sd FOLDER";
  return new QueueError(`Cannot reach the queue at ${where} (${reason}): ${cure}`, { cause });
}

/**
 * Connects. A connection that breaks later is made again, for as long as it takes.
 *
 * @throws {QueueError} When nobody answers, or refuses us.
 */
export async function connect(address: QueueAddress): Promise<Connection> {
  const found = await clients();
  const options = await optionsOf(address, found);
  let nats: NatsConnection | undefined;
  try {
    nats = await connectSteadily(found, options);
    const manager = await found.jetstream.jetstreamManager(nats, { timeout: ANSWER_MS });
    const streams = found.jetstream.jetstream(nats, { timeout: ANSWER_MS });
    const open = nats;
    return {
      nats,
      manager,
      streams,
      buckets: new found.kv.Kvm(streams),
      objects: new found.obj.Objm(streams),
      [Symbol.asyncDispose]: () => open.close(),
    };
  } catch (error) {
    await nats?.close();
    throw refusal(address.url, error);
  }
}
