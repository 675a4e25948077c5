/**
 * A thousand clips through one model: afterwards no handle is left, and memory has not grown beyond bounds.
 *
 *   deno task soak [--clips 1000] [--kills 100]
 *
 * Every tenth clip is aborted after its first token, every tenth is no recording. Bounds, from after the first tenth on,
 * which warms up: live handles as after loading; MLX's active memory 1 MB above, at most; resident memory 100 MB above.
 * Then bench/kill_runs.ts, which kills folder runs at random moments. Ends with 1 when a bound is broken.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import * as mx from "../ffi/mod.ts";
import { AudioError, Qwen3ASR } from "../mod.ts";

const args = parseArgs(Deno.args, { string: ["clips", "kills"], default: { clips: "1000", kills: "100" } });
const clips = Number(args.clips);
const RECORDINGS = ["00-en", "01-en", "02-de", "03-en", "05-de"].map((name) =>
  `demo/recordings/dev-${name}.wav`
);
const MLX_BOUND = 1e6;
const RESIDENT_BOUND = 100e6;

interface Figures {
  handles: number;
  mlx: number;
  resident: number;
}

function figures(): Figures {
  return { handles: mx.liveHandles(), mlx: mx.activeMemory(), resident: Deno.memoryUsage().rss };
}

function shown({ handles, mlx, resident }: Figures): string {
  return `${handles} handles, MLX ${(mlx / 1e6).toFixed(1)} MB, resident ${(resident / 1e6).toFixed(0)} MB`;
}

const empty = mx.liveHandles();
const texts = new Map<string, string>();
let wrong = 0, warm: Figures | undefined, last: Figures | undefined;
const start = performance.now();
{
  await using asr = await Qwen3ASR.load("demo", { device: "cpu" });
  const loaded = figures();
  console.log(`loaded: ${shown(loaded)}`);
  for (let clip = 0; clip < clips; clip++) {
    const path = RECORDINGS[clip % RECORDINGS.length]!;
    if (clip % 10 === 3) {
      const stop = new AbortController();
      const onProgress = () => stop.abort();
      await asr.transcribe(path, { signal: stop.signal, onProgress }).then(() => wrong++, () => {});
    } else if (clip % 10 === 7) {
      const nonsense = new Uint8Array(1000).fill(clip);
      await asr.transcribe(nonsense).then(() => wrong++, (error) => error instanceof AudioError || wrong++);
    } else {
      const { text } = await asr.transcribe(path);
      if (text !== (texts.get(path) ?? text) || text === "") wrong++;
      texts.set(path, text);
    }
    if (clip + 1 === Math.ceil(clips / 10)) warm = figures();
    if ((clip + 1) % Math.ceil(clips / 10) === 0) {
      console.log(
        `${clip + 1} clips, ${((performance.now() - start) / 1000).toFixed(0)} s: ${shown(figures())}`,
      );
    }
  }
  last = figures();
  if (last.handles !== loaded.handles) wrong++;
  if (last.mlx > warm!.mlx + MLX_BOUND || last.resident > warm!.resident + RESIDENT_BOUND) wrong++;
}
const left = mx.liveHandles() - empty;
console.log(
  `${clips} clips: ${wrong} wrong, ${left} handles left, MLX ${
    ((last.mlx - warm!.mlx) / 1e6).toFixed(1)
  } MB and resident ` +
    `${((last.resident - warm!.resident) / 1e6).toFixed(0)} MB above the first tenth`,
);
const kills = new URL("kill_runs.ts", import.meta.url);
const hasKills = await Deno.stat(kills).then(() => true, () => false);
let code = wrong > 0 || left !== 0 ? 1 : 0;
if (hasKills && args.kills !== "0") {
  const run = ["run", "-A", "--no-check", kills.pathname, "--kills", args.kills!];
  const status = await new Deno.Command(Deno.execPath(), { args: run }).spawn().status;
  code ||= status.code;
} else console.log("no kill runs");
Deno.exit(code);
