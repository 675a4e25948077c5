/**
 * Live streams of a server's model.
 *
 * @module
 */
import type { OpenHearing } from "./ear.ts";
import { HttpError } from "./http_error.ts";
import type { ModelHolder } from "./model_holder.ts";

/**
 * Opens live streams; each keeps the model in memory until it is released.
 *
 * @param maxPromptTokens Most tokens of context and hotwords together.
 */
export function hearingOf(holder: ModelHolder, maxPromptTokens: number): OpenHearing {
  return async (options) => {
    const lease = await holder.lease();
    const release = () => lease[Symbol.dispose]();
    try {
      if (!lease.asr.live) throw new HttpError(400, "This recogniser has no live streams.");
      return { stream: lease.asr.live({ ...options, maxPromptTokens }), release };
    } catch (error) {
      release();
      throw error;
    }
  };
}
