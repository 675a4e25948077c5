/**
 * Live streams of a server's model.
 *
 * @module
 */
import type { OpenHearing } from "./ear.ts";
import { HttpError } from "./http_error.ts";
import type { ModelHolder } from "./model_holder.ts";

/** Opens live streams; each keeps the model in memory until it is released. */
export function hearingOf(holder: ModelHolder): OpenHearing {
  return async (options) => {
    const lease = await holder.lease();
    const release = () => lease[Symbol.dispose]();
    try {
      if (!lease.asr.hear) throw new HttpError(400, "This recogniser has no live streams.");
      return { stream: lease.asr.hear(options), release };
    } catch (error) {
      release();
      throw error;
    }
  };
}
