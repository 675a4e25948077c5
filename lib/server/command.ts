/**
 * `serve` on the command line.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { processEnvironment } from "../hub/environment.ts";
import { alignerOf } from "../open_model.ts";
import { commandWords } from "../option_words.ts";
import { isHost, isLoopback } from "./hosts.ts";
import { type RunningServer, serve, type ServeOptions } from "./serve.ts";

const HELP = `Serves transcriptions over HTTP, as OpenAI's clients expect them.

Usage: serve [options]

  --model NAME          model name or folder; default: the first that is found
  --aligner NAME        aligner that times words, "none" for approximate times; default: the
                        one that goes with the model, if it is on this machine
  --host ADDRESS        address to listen at (127.0.0.1: this machine only)
  --port NUMBER         port to listen at, 0 for a free one (8080)
  --cert FILE           certificate chain (PEM), with --key: HTTPS and WSS (HTTP and WS)
  --key FILE            the certificate's private key (PEM)
  --wyoming [HOST:PORT] speaks Wyoming too, for Home Assistant (off; 127.0.0.1:10300)
  --api-key KEY         key that clients must send; repeat it for several. Better, because it
                        does not show in process lists: QWEN3_ASR_API_KEY="KEY,KEY"
  --allow-path FOLDER   folder below which JSON requests may name a file_path; repeatable (off)
  --cors ORIGIN         origin whose pages may use the server, "*" for all; repeatable (off)
  --allow-host NAME     name under which the server may be asked, besides addresses, localhost
                        and this machine's own name, "*" for all; repeatable (with keys: all)
  --alias NAME          model name that means the loaded model; repeatable (OpenAI's names)
  --keep-alive SECONDS  frees the model when nobody asked for this long (never)
  --max-upload-mb MB    largest upload (1024)
  --max-duration SEC    longest recording (14400)
  --max-prompt-tokens N most tokens of prompt and keywords together (1024)
  --queue NUMBER        requests that may wait (32)
  --parallel NUMBER     requests that take turns (2)
  --timeout SECONDS     longest time for a request, waiting included (7200)
  --sessions NUMBER     realtime sessions at once (16)
  --session-buffer SEC  sound of a session that may wait to be heard (360)
  --session-idle SEC    longest time of a session without a message (900)
  --session-duration S  longest time of a session (3600)
  --grace SECONDS       time to finish what runs when the server is stopped (30)
  --device DEVICE       auto, cpu or gpu (auto)
  --threads NUMBER      threads of a CPU's matrix products (1 for a small model, else one a core)
  --download            downloads a named model that is not on this machine
  --lazy                loads the model with the first request
  --verbose             writes a line per request to standard error
  --help                shows this
`;

const LISTS = ["api-key", "allow-path", "allow-host", "cors", "alias"] as const;
const NUMBERS = [
  "port",
  "keep-alive",
  "max-upload-mb",
  "max-duration",
  "max-prompt-tokens",
  "queue",
  "parallel",
  "timeout",
  "sessions",
  "session-buffer",
  "session-idle",
  "session-duration",
  "grace",
  "threads",
] as const;
const WORDS = ["model", "aligner", "host", "device", "cert", "key", "wyoming"] as const;
const SWITCHES = ["download", "lazy", "verbose", "help"] as const;

const WYOMING_HOST = "127.0.0.1";

/** Writes all of a text. */
function write(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}

/** A line for the operator. */
function say(line: string): void {
  write(Deno.stderr, `${line}\n`);
}

type Values = Record<string, unknown>;

function words(values: Values, name: typeof WORDS[number]): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

function list(values: Values, name: typeof LISTS[number]): string[] {
  const value = values[name];
  return Array.isArray(value) ? value.map(String) : [];
}

function number(values: Values, name: typeof NUMBERS[number]): number | undefined {
  const value = values[name];
  if (typeof value !== "string") return undefined;
  const parsed = value.trim() === "" ? NaN : Number(value);
  if (Number.isFinite(parsed)) return parsed;
  throw new OptionError(`--${name} is "${value}", expected a number.`);
}

/** The text of a PEM file that an option names. */
function pemOf(values: Values, name: "cert" | "key"): string | undefined {
  const path = words(values, name);
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : "it cannot be read";
    throw new OptionError(`--${name} is "${path}": ${reason}.`, { cause: error });
  }
  if (/^-----BEGIN [A-Z ]+-----/m.test(text)) return text;
  throw new OptionError(`--${name} is "${path}", which is no PEM file: expected a line -----BEGIN ...-----.`);
}

/** Where Wyoming is spoken: `--wyoming` alone, with an address, a port, or both. */
function wyomingOf(values: Values): ServeOptions["wyoming"] {
  const value = values["wyoming"];
  if (typeof value !== "string") return undefined;
  const address = /^\d+$/.test(value) ? `:${value}` : value;
  const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(address) ?? [];
  if (host !== undefined && (host === "" || isHost(host)) && Number(port ?? 0) <= 65535) {
    return {
      host: host.replace(/^\[|\]$/g, "") || undefined,
      port: port === undefined ? undefined : Number(port),
    };
  }
  throw new OptionError(`--wyoming is "${value}", expected an address, a port, or both: 0.0.0.0:10300.`);
}

function keysOf(values: Values): string[] {
  const fromEnvironment = processEnvironment("QWEN3_ASR_API_KEY") ?? "";
  const keys = fromEnvironment.split(",").map((key) => key.trim()).filter((key) => key !== "");
  return [...list(values, "api-key"), ...keys];
}

function deviceOf(values: Values): "auto" | "cpu" | "gpu" {
  const device = words(values, "device") ?? "auto";
  if (device === "auto" || device === "cpu" || device === "gpu") return device;
  throw new OptionError(`--device is "${device}", expected auto, cpu or gpu.`);
}

function optionsOf(values: Values): ServeOptions & { graceSeconds: number } {
  const megabytes = number(values, "max-upload-mb");
  const aliases = list(values, "alias");
  const allowHosts = list(values, "allow-host");
  return {
    model: words(values, "model"),
    host: words(values, "host"),
    port: number(values, "port"),
    cert: pemOf(values, "cert"),
    key: pemOf(values, "key"),
    wyoming: wyomingOf(values),
    apiKeys: keysOf(values),
    allowPaths: list(values, "allow-path"),
    allowHosts: allowHosts.length > 0 ? allowHosts : undefined,
    cors: list(values, "cors"),
    aliases: aliases.length > 0 ? aliases : undefined,
    keepAliveSeconds: number(values, "keep-alive"),
    maxUploadBytes: megabytes === undefined ? undefined : megabytes * 2 ** 20,
    maxDurationSeconds: number(values, "max-duration"),
    maxPromptTokens: number(values, "max-prompt-tokens"),
    queue: number(values, "queue"),
    parallel: number(values, "parallel"),
    timeoutSeconds: number(values, "timeout"),
    sessions: number(values, "sessions"),
    sessionBufferSeconds: number(values, "session-buffer"),
    sessionIdleSeconds: number(values, "session-idle"),
    sessionSeconds: number(values, "session-duration"),
    graceSeconds: number(values, "grace") ?? 30,
    load: {
      device: deviceOf(values),
      threads: number(values, "threads"),
      download: values["download"] === true,
      aligner: alignerOf(words(values, "aligner")),
    },
    warm: values["lazy"] !== true,
    log: values["verbose"] === true ? say : undefined,
  };
}

/** `--wyoming` is the one option whose value may be left out. */
function withWyomingAddress(arg: string, at: number, args: readonly string[]): string {
  return arg === "--wyoming" && /^(-|$)/.test(args[at + 1] ?? "") ? `--wyoming=${WYOMING_HOST}` : arg;
}

function parse(args: readonly string[]): Values {
  const lists: readonly string[] = LISTS;
  const { operands, options } = commandWords(args.map(withWyomingAddress), [
    ...[...WORDS, ...NUMBERS, ...LISTS].map((name) => ({ name, takesValue: true })),
    ...SWITCHES.map((name) => ({ name, takesValue: false, ...(name === "help" ? { short: "h" } : {}) })),
  ]);
  const unknown = options.find(({ option }) => option === undefined)?.written ?? operands[0];
  if (unknown !== undefined) throw new OptionError(`serve does not know "${unknown}": see serve --help.`);
  const values: Values = {};
  for (const { option, value } of options) {
    const { name } = option!;
    if (value === undefined) throw new OptionError(`--${name} needs a value.`);
    if (!lists.includes(name)) values[name] = value;
    else values[name] = [...(Array.isArray(values[name]) ? values[name] : []), value];
  }
  return values;
}

/** Resolves at the first signal to stop; a second one ends what still runs. */
async function stopSignal(onSecond: () => void): Promise<void> {
  const names: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const onSignal = () => count++ === 0 ? resolve() : onSecond();
  for (const name of names) Deno.addSignalListener(name, onSignal);
  await promise;
}

function announce(server: RunningServer, { host = "127.0.0.1", apiKeys = [], wyoming }: ServeOptions): void {
  say(`Listening at ${server.url}`);
  if (server.wyomingUrl) say(`Wyoming at ${server.wyomingUrl}`);
  const wyomingHost = wyoming?.host;
  if (wyomingHost !== undefined && !isLoopback(wyomingHost)) {
    say(`Warning: everybody who reaches ${wyomingHost} can use Wyoming, which has no keys.`);
  }
  if (isLoopback(host) || apiKeys.length > 0) return;
  say(
    `Warning: everybody who reaches ${host} can use this server. Set a key (--api-key or QWEN3_ASR_API_KEY) ` +
      "or listen at 127.0.0.1.",
  );
}

/**
 * Runs `serve` until it is told to stop (Ctrl-C, SIGTERM).
 *
 * @param args What stands behind `serve`.
 * @returns The exit code: 0, 1 for a failure, 2 for arguments that are not usable.
 */
export async function runServe(args: readonly string[]): Promise<number> {
  try {
    const values = parse(args);
    if (values["help"]) {
      write(Deno.stdout, HELP);
      return 0;
    }
    const { graceSeconds, ...options } = optionsOf(values);
    const server = await serve(options);
    announce(server, options);
    await stopSignal(() => void server.close({ graceSeconds: 0 }));
    say("Finishing what runs; once more to end it.");
    await server.close({ graceSeconds });
    return 0;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return error instanceof OptionError ? 2 : 1;
  }
}
