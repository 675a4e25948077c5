/** From recording to text with the demo model, already loaded and warm. */
import { Qwen3ASR } from "../mod.ts";

const asr = await Qwen3ASR.load("demo", { device: "cpu" });
const RECORDINGS = [["dev-01-en", "2.9 s"], ["dev-28-en", "7.4 s"]] as const;

for (const [name, length] of RECORDINGS) {
  Deno.bench(`clip of ${length}, demo model`, { group: "end to end", n: 10, warmup: 2 }, async () => {
    await asr.transcribe(`demo/recordings/${name}.wav`);
  });
}

Deno.bench("102 s in chunks, demo model", { group: "end to end", n: 3, warmup: 1 }, async () => {
  await asr.transcribe("demo/recordings/long-en.wav", { chunkSeconds: 12 });
});
