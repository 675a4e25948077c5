/**
 * Stand-in for `jsr:@std/path` on machines that cannot reach JSR, over the runtime's own `node:path`.
 *
 * @module
 */
import nodePath from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Last part of a path. */
export const basename: (path: string, suffix?: string) => string = nodePath.basename;
/** All but the last part of a path. */
export const dirname: (path: string) => string = nodePath.dirname;
/** Extension with its dot. */
export const extname: (path: string) => string = nodePath.extname;
/** Joins and normalises. */
export const join: (...paths: string[]) => string = nodePath.join;
/** Absolute path. */
export const resolve: (...paths: string[]) => string = nodePath.resolve;
/** Path from one place to another. */
export const relative: (from: string, to: string) => string = nodePath.relative;
/** Whether a path is absolute. */
export const isAbsolute: (path: string) => boolean = nodePath.isAbsolute;
/** Resolves `.` and `..`. */
export const normalize: (path: string) => string = nodePath.normalize;

/** Path of a `file:` URL. */
export function fromFileUrl(url: string | URL): string {
  return fileURLToPath(url);
}

/** `file:` URL of an absolute path. */
export function toFileUrl(path: string): URL {
  return pathToFileURL(path);
}
