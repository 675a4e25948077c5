/**
 * A realtime session without a socket, over scripted live streams.
 *
 * @module
 */
import { Session } from "../../lib/server/realtime/session.ts";
import { USUAL_SETTINGS } from "../../lib/server/realtime/settings.ts";
import { ScriptedModel } from "./scripted_live.ts";
import type { Sent } from "./realtime_client.ts";

/** Names of the model. */
const NAMES = ["qwen", "whisper-1", "gpt-4o-transcribe", "gpt-live-transcribe"];

/** A session, what it sent, and ways to talk to it. */
export function openSession(model = new ScriptedModel(), options: { bufferSeconds?: number } = {}) {
  const sent: Sent[] = [];
  const results: string[] = [];
  let broken = 0;
  const session = new Session({
    settings: USUAL_SETTINGS,
    context: { modelNames: () => NAMES, maxPromptTokens: 1024 },
    expiresAt: 4_000_000_000,
    bufferSeconds: 360,
    open: model.open,
    send: (event) => void sent.push(event),
    count: (result) => void results.push(result),
    onBroken: () => broken++,
    ...options,
  });
  const say = (event: object | string) => {
    session.receive(typeof event === "string" ? event : JSON.stringify(event));
    return sent.at(-1);
  };
  const update = (input: object, more: object = {}) =>
    say({ type: "session.update", session: { type: "transcription", audio: { input }, ...more } });
  const append = (seconds: number, rate = 24_000) =>
    say({ type: "input_audio_buffer.append", audio: new Uint8Array(2 * seconds * rate).toBase64() });
  const types = () => sent.splice(0).map(({ type }) => type.replace(/^conversation\.item\./, "item."));
  return { session, sent, results, say, update, append, types, model, broken: () => broken };
}
