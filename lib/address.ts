/**
 * Addresses of recordings, as people type them.
 *
 * @module
 */
import { AudioError } from "./errors.ts";

/**
 * An address, taken apart.
 *
 * @throws {AudioError} When it is none, e.g. without a host.
 */
export function parseAddress(text: string): URL {
  const url = URL.parse(text);
  if (url) return url;
  throw new AudioError(
    `Cannot read ${text}: it is not a whole address, expected one like https://host/talk.wav or a path.`,
  );
}

/** The path of an address with its percent signs decoded, where they can be. */
export function decodedPath({ pathname }: URL): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

/** A URL as messages show it: no password, no query, no data. */
export function shownUrl(url: URL): string {
  if (url.protocol === "data:") return "the data: URL";
  return url.host ? `${url.protocol}//${url.host}${url.pathname}` : url.href;
}
