/**
 * What the environment says about the hub: where the cache is, which endpoint, which token, whether to stay offline.
 * The names and their order are those of Python's `huggingface_hub`, so that both tools agree.
 *
 * @module
 */
import { join } from "@std/path";
import { OptionError } from "../errors.ts";

/** Looks up one environment variable; `undefined` when it is not set, empty, or may not be read. */
export type Environment = (name: string) => string | undefined;

/** The public hub, where models come from unless `HF_ENDPOINT` names a mirror. */
export const DEFAULT_ENDPOINT = "https://huggingface.co";

/**
 * The environment of this process. A variable that may not be read counts as unset: nobody is asked on the terminal
 * for a permission that is only a convenience.
 */
export const processEnvironment: Environment = (name: string): string | undefined => {
  if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") return undefined;
  return Deno.env.get(name) || undefined;
};

/** The user's home folder, or `undefined` when neither `HOME` nor `USERPROFILE` tells. */
export function homeDirectory(environment: Environment = processEnvironment): string | undefined {
  return environment("HOME") ?? environment("USERPROFILE");
}

/** Replaces a leading `~` by the home folder. */
export function expandHome(path: string, environment: Environment = processEnvironment): string {
  const home = homeDirectory(environment);
  if (home === undefined || !/^~($|[\\/])/.test(path)) return path;
  return join(home, path.slice(1));
}

function huggingFaceHome(environment: Environment): string | undefined {
  const named = environment("HF_HOME");
  if (named !== undefined) return expandHome(named, environment);
  const home = homeDirectory(environment);
  const caches = environment("XDG_CACHE_HOME") ?? (home === undefined ? undefined : join(home, ".cache"));
  return caches === undefined ? undefined : join(expandHome(caches, environment), "huggingface");
}

/**
 * The folder that holds `models--org--name`: `HF_HUB_CACHE`, else `HUGGINGFACE_HUB_CACHE`, else `$HF_HOME/hub`, else
 * `$XDG_CACHE_HOME/huggingface/hub`, else `~/.cache/huggingface/hub`.
 *
 * @returns The path, or `undefined` when the environment does not tell where the home folder is.
 */
export function hubCacheDirectory(environment: Environment = processEnvironment): string | undefined {
  const named = environment("HF_HUB_CACHE") ?? environment("HUGGINGFACE_HUB_CACHE");
  if (named !== undefined) return expandHome(named, environment);
  const home = huggingFaceHome(environment);
  return home === undefined ? undefined : join(home, "hub");
}

/**
 * The hub to ask: `endpoint`, else `HF_ENDPOINT`, else the public one.
 *
 * @returns The address without a slash at its end.
 * @throws {OptionError} When it is no `http:` or `https:` address.
 */
export function hubEndpoint(endpoint?: string, environment: Environment = processEnvironment): string {
  const text = endpoint ?? environment("HF_ENDPOINT") ?? DEFAULT_ENDPOINT;
  const protocol = URL.canParse(text) ? new URL(text).protocol : "";
  if (protocol !== "https:" && protocol !== "http:") {
    throw new OptionError(`Cannot use hub endpoint "${text}": it must start with https:// (or http://)`);
  }
  return text.replace(/\/+$/, "");
}

/**
 * The access token: `token`, else `HF_TOKEN`, else `HUGGING_FACE_HUB_TOKEN`, else the file that `hf auth login` writes
 * (`HF_TOKEN_PATH`, or `token` in the Hugging Face home), read only if reading it is already allowed.
 */
export async function hubToken(
  token?: string,
  environment: Environment = processEnvironment,
): Promise<string | undefined> {
  const given = token ?? environment("HF_TOKEN") ?? environment("HUGGING_FACE_HUB_TOKEN");
  if (given !== undefined) return given.trim() || undefined;
  const home = huggingFaceHome(environment);
  const path = environment("HF_TOKEN_PATH") ?? (home === undefined ? undefined : join(home, "token"));
  if (path === undefined) return undefined;
  const { state } = await Deno.permissions.query({ name: "read", path });
  if (state !== "granted") return undefined;
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.trim() || undefined;
}

/** Whether no network may be used: `offline`, else `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE` set to a true word. */
export function isOffline(offline?: boolean, environment: Environment = processEnvironment): boolean {
  const word = environment("HF_HUB_OFFLINE") ?? environment("TRANSFORMERS_OFFLINE") ?? "";
  return offline ?? /^(1|on|yes|true)$/i.test(word);
}
