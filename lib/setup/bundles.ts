/**
 * The prebuilt native libraries of this version: written by scripts/bundle_table.ts when they are released, so that their
 * sums are pinned in the source. Empty: nothing has been released yet.
 *
 * @module
 */
import type { Bundle } from "./bundle.ts";

/** Where the files of the release are; `QWEN3_ASR_RELEASE_URL` names a mirror. */
export const RELEASE_URL = "";

/** One for each platform and backend. */
export const BUNDLES: readonly Bundle[] = [];
