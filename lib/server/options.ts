/**
 * What a server is told, and the defaults.
 *
 * @module
 */
import { callback, checkOptions, notNegative, positive, type Rules, texts } from "../check_options.ts";
import { OptionError } from "../errors.ts";
import { isHost } from "./hosts.ts";

/** Options of {@linkcode createHandler}. */
export interface HandlerOptions {
  /** Keys of which one must come as `Authorization: Bearer KEY`; none: everybody may ask. @default {[]} */
  apiKeys?: readonly string[] | undefined;
  /** Folders below which `file_path` may name recordings; none: `file_path` is refused. @default {[]} */
  allowPaths?: readonly string[] | undefined;
  /** Origins whose pages may read answers (`"*"`: all); none: CORS is off. @default {[]} */
  cors?: readonly string[] | undefined;
  /**
   * Host names, besides addresses and `localhost`, under which the server may be asked (`"*"`: all). A page of
   * another's name that leads here by a trick of its DNS is refused so. @default {all names}
   */
  allowHosts?: readonly string[] | undefined;
  /** Model names, besides the model's own, that mean the loaded model. @default {OpenAI's transcription models} */
  aliases?: readonly string[] | undefined;
  /** Largest body. @default {1 GiB} */
  maxUploadBytes?: number | undefined;
  /** Longest recording, noticed while it is decoded. @default {4 hours} */
  maxDurationSeconds?: number | undefined;
  /** Most tokens of `prompt` and `keywords` together; more are answered 400. @default {1024} */
  maxPromptTokens?: number | undefined;
  /** Requests that run at once; they take turns, batch by batch. @default {2} */
  parallel?: number | undefined;
  /** Requests that are read or wait besides those that run; more are answered 429. @default {32} */
  queue?: number | undefined;
  /** Longest wait for the next piece of a body, and for all of them beyond what the rate allows. @default {20} */
  bodyIdleSeconds?: number | undefined;
  /** Least rate of a body: every so many bytes allow for another second of waiting. @default {1000} */
  bodyBytesPerSecond?: number | undefined;
  /** Longest time for a whole body. @default {900} */
  bodySeconds?: number | undefined;
  /** Longest time for a request, waiting included. @default {7200} */
  timeoutSeconds?: number | undefined;
  /** Realtime sessions at once, and as many Wyoming connections. @default {16} */
  sessions?: number | undefined;
  /** Most sound of a session that came and is not yet heard. @default {360} */
  sessionBufferSeconds?: number | undefined;
  /** Longest time of a session without a message. @default {900} */
  sessionIdleSeconds?: number | undefined;
  /** Longest time of a session. @default {3600} */
  sessionSeconds?: number | undefined;
  /** Idle time after which a model that a loader gave is freed; it is loaded again on demand. @default {Infinity} */
  keepAliveSeconds?: number | undefined;
  /** Gets one line per request and per accident. */
  log?: ((line: string) => void) | undefined;
}

/** What they must be. */
export const HANDLER_RULES: Rules<HandlerOptions> = {
  apiKeys: texts,
  allowPaths: texts,
  cors: texts,
  allowHosts: texts,
  aliases: texts,
  maxUploadBytes: positive,
  maxDurationSeconds: positive,
  maxPromptTokens: notNegative,
  parallel: positive,
  queue: notNegative,
  bodyIdleSeconds: positive,
  bodyBytesPerSecond: positive,
  bodySeconds: positive,
  timeoutSeconds: positive,
  sessions: notNegative,
  sessionBufferSeconds: positive,
  sessionIdleSeconds: positive,
  sessionSeconds: positive,
  keepAliveSeconds: notNegative,
  log: callback,
};

/** Options with every default filled in. */
export type HandlerSettings =
  & { [K in keyof Omit<HandlerOptions, "allowHosts">]-?: NonNullable<HandlerOptions[K]> }
  & Pick<HandlerOptions, "allowHosts">;

/** Names under which OpenAI sells transcription: clients that have one built in work unchanged. */
export const OPENAI_MODELS: readonly string[] = [
  "whisper-1",
  "gpt-4o-transcribe",
  "gpt-4o-mini-transcribe",
  "gpt-transcribe",
  "gpt-live-transcribe",
  "gpt-realtime-whisper",
];

/** @throws {OptionError} When an option is not usable. */
export function settingsOf(options: HandlerOptions): HandlerSettings {
  checkOptions(options, HANDLER_RULES);
  const settings: HandlerSettings = {
    apiKeys: options.apiKeys ?? [],
    allowPaths: options.allowPaths ?? [],
    cors: options.cors ?? [],
    allowHosts: options.allowHosts,
    aliases: options.aliases ?? OPENAI_MODELS,
    maxUploadBytes: options.maxUploadBytes ?? 2 ** 30,
    maxDurationSeconds: options.maxDurationSeconds ?? 4 * 3600,
    maxPromptTokens: options.maxPromptTokens ?? 1024,
    parallel: options.parallel ?? 2,
    queue: options.queue ?? 32,
    bodyIdleSeconds: options.bodyIdleSeconds ?? 20,
    bodyBytesPerSecond: options.bodyBytesPerSecond ?? 1000,
    bodySeconds: options.bodySeconds ?? 900,
    timeoutSeconds: options.timeoutSeconds ?? 7200,
    sessions: options.sessions ?? 16,
    sessionBufferSeconds: options.sessionBufferSeconds ?? 360,
    sessionIdleSeconds: options.sessionIdleSeconds ?? 900,
    sessionSeconds: options.sessionSeconds ?? 3600,
    keepAliveSeconds: options.keepAliveSeconds ?? Infinity,
    log: options.log ?? (() => {}),
  };
  for (const key of settings.apiKeys) {
    if (!/^[\x21-\x7e]+$/.test(key)) {
      throw new OptionError(
        "Cannot serve with an API key that is empty or holds blanks or other than ASCII characters.",
      );
    }
  }
  for (const name of settings.allowHosts ?? []) {
    if (name !== "*" && !isHost(name)) {
      throw new OptionError(
        `Cannot allow the host "${name}": expected "*" or a name without port, like asr.example.`,
      );
    }
  }
  for (const origin of settings.cors) {
    if (origin !== "*" && !/^[a-z][a-z0-9+.-]*:\/\/[^\s/,]+$/i.test(origin)) {
      throw new OptionError(
        `Cannot allow the origin "${origin}": expected "*" or one like http://localhost:3000.`,
      );
    }
  }
  return settings;
}
