/**
 * The longest time that the event loop is blocked, by stage: reading and planning, decoding.
 *
 *   deno run -A bench/event_loop.ts [MODEL [AUDIO]]
 *
 * What is measured are the gaps between the ticks of a 1 ms timer; first in an idle second, for the noise of the machine.
 *
 * @module
 */
import { Qwen3ASR } from "../mod.ts";

/** Gaps between the ticks of a 1 ms timer, by stage. */
class GapMeter implements Disposable {
  readonly longest = new Map<string, number>();
  readonly over20 = new Map<string, number>();
  stage = "idle";
  #last = performance.now();
  readonly #timer = setInterval(() => this.tick(), 1);

  tick(): void {
    const now = performance.now(), gap = now - this.#last;
    this.#last = now;
    this.longest.set(this.stage, Math.max(gap, this.longest.get(this.stage) ?? 0));
    if (gap > 20) this.over20.set(this.stage, 1 + (this.over20.get(this.stage) ?? 0));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

if (import.meta.main) {
  const [model = "demo", audio = "demo/recordings/long-en.wav"] = Deno.args;
  await using asr = await Qwen3ASR.load(model);
  await asr.transcribe(audio);
  using meter = new GapMeter();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  for (let round = 0; round < 5; round++) {
    meter.stage = "read and plan";
    await asr.transcribe(audio, {
      onProgress: ({ type }) => {
        if (type === "start") meter.stage = "decode";
      },
    });
  }
  for (const [stage, gap] of meter.longest) {
    console.log(
      `${stage.padEnd(14)} longest block ${gap.toFixed(1)} ms, over 20 ms: ${meter.over20.get(stage) ?? 0}`,
    );
  }
}
