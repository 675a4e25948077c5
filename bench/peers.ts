/**
 * Compares this module with the Python programs for the same model, on the same checkpoint, clip and number of tokens: the
 * same version of MLX, OpenBLAS, float32, both warm, in alternating rounds of one run.
 *
 *   deno task bench:peers [--rounds 7] [--peers DIR]
 *
 * Installs mlx-audio and mlx-qwen3-asr from PyPI into .cache/peers (or uses DIR). Writes .cache/bench/peers.json.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { dirname, fromFileUrl, join } from "@std/path";
import { libraryInfo, openLibrary } from "../ffi/mod.ts";
import { decodeWav, encodeWav } from "../lib/audio/wav.ts";
import { type BackendPolicy, defaultPolicy } from "../lib/model/backend.ts";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import { Qwen3ASR } from "../mod.ts";
import { syntheticCheckpoint } from "./checkpoints.ts";
import { singlePrimitives, StepBuilder } from "./host_graph.ts";
import { median } from "./statistics.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));
const PEER = fromFileUrl(new URL("./peers/peer.py", import.meta.url));
const MLX = ["mlx==0.32.2", "mlx-cpu==0.32.2"];
const PEERS = ["mlx-audio==0.6.2", "mlx-qwen3-asr==0.4.4"];

/** One comparison; times in milliseconds, medians and minima of the rounds. */
export interface PeerRow {
  what: string;
  peer: string;
  ours: { median: number; min: number };
  theirs: { median: number; min: number };
  /** Median of ours / theirs of the same round, so that the load of the machine cancels out. */
  ratio: number;
  /** How many tokens were equal, and of how many. */
  tokens: string;
}

interface Answer {
  ms: number;
  tokens: number[] | null;
  text: string;
}

async function install(folder: string): Promise<void> {
  const pip = async (...packages: string[]) => {
    const args = ["-m", "pip", "install", "--quiet", "--target", folder, "--upgrade", ...packages];
    const { success } = await new Deno.Command("python3", { args, stderr: "null" }).output();
    if (!success) throw new Error(`pip could not install ${packages.join(" ")}`);
  };
  if (await Deno.stat(join(folder, "mlx_qwen3_asr")).then(() => true, () => false)) return;
  await pip(...PEERS);
  await pip("--no-deps", ...MLX); // The peers would install other versions of MLX; both sides must use the same one.
}

/** The process of a peer. */
class Peer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  #rest = "";

  constructor(folder: string, name: string, model: string[]) {
    const blas = join(dirname(libraryInfo()!.path), "libqwen3asr_blas.so");
    this.#process = new Deno.Command("python3", {
      args: [PEER, name, ...model],
      env: { PYTHONPATH: folder, LD_PRELOAD: blas, TOKENIZERS_PARALLELISM: "false" },
      ...{ stdin: "piped", stdout: "piped", stderr: "null" },
    }).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#input = this.#process.stdin.getWriter();
  }

  /** The next line of JSON; whatever else a peer prints is skipped. */
  async answer(): Promise<Answer> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        if (line.startsWith("{")) return JSON.parse(line);
        continue;
      }
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("The peer ended.");
      this.#rest += value;
    }
  }

  async ask(path: string, tokens: number): Promise<Answer> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify({ path, tokens }) + "\n"));
    return await this.answer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#process.status;
  }
}

function row(what: string, peer: string, ours: number[], theirs: number[], tokens: string): PeerRow {
  const figures = (values: number[]) => ({ median: median(values), min: Math.min(...values) });
  return {
    ...{ what, peer, tokens },
    ours: figures(ours),
    theirs: figures(theirs),
    ratio: median(ours.map((value, index) => value / theirs[index]!)),
  };
}

interface Comparison {
  what: string;
  peer: "mlx-audio" | "mlx-qwen3-asr";
  model: string;
  clip: string;
  /** A fixed number; undefined when the model ends the text itself. */
  tokens: number | undefined;
  rounds: number;
}

async function compare(folder: string, comparison: Comparison): Promise<PeerRow> {
  const { what, peer: name, model, clip, tokens, rounds } = comparison;
  await using asr = await Qwen3ASR.load(model, { device: "cpu" });
  await using peer = new Peer(folder, name, [model]);
  await peer.answer();
  const sampling = tokens ? { minTokens: tokens, maxTokens: tokens } : {};
  const ours: number[] = [], theirs: number[] = [];
  let parity = "";
  for (let round = -1; round < rounds; round++) {
    const start = performance.now();
    const { chunks, text } = await asr.transcribe(clip, { rescue: false, vad: "off", sampling });
    const own = performance.now() - start;
    const other = await peer.ask(clip, tokens ?? 200);
    if (round < 0) { // The first round warms up both.
      const ids = chunks.flatMap((chunk) => chunk.tokens);
      const equal = ids.filter((id, index) => id === other.tokens?.[index]).length;
      parity = other.tokens
        ? `${equal} of ${Math.max(ids.length, other.tokens.length)}`
        : other.text.trim() === text.trim()
        ? "the same text"
        : "another text";
      continue;
    }
    ours.push(own);
    theirs.push(other.ms);
  }
  return row(
    what,
    `${name} ${PEERS.find((spec) => spec.startsWith(name))?.split("==")[1]}`,
    ours,
    theirs,
    parity,
  );
}

/** Building a decode step of 28 narrow layers with dense weights, as the CPU builds it or as a GPU would. */
async function compareHost(folder: string, device: "cpu" | "gpu", rounds: number): Promise<PeerRow> {
  // The same operations as in Python, so none is compiled.
  const policy: Partial<BackendPolicy> = {
    ...defaultPolicy(device, "float32"),
    denseWeights: true,
    packedProduct: "mlx",
    swiglu: "plain",
  };
  using model = await Qwen3ASRModel.load(await syntheticCheckpoint("deep"), { device: "cpu", policy });
  await using peer = new Peer(folder, "host-step", []);
  await peer.answer();
  using builder = new StepBuilder(model, 280);
  const steps = (count: number) =>
    Array.from({ length: count }, () => {
      const start = performance.now();
      const token = builder.build();
      const ms = performance.now() - start;
      token.dispose();
      return ms;
    });
  const ours: number[] = [], theirs: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const count = round < 0 ? 1000 : 300; // The first round warms up and does not count.
    const mine = await model.backend.exclusive(() =>
      device === "gpu" ? singlePrimitives(() => steps(count)) : steps(count)
    );
    const { tokens } = await peer.ask(device === "gpu" ? "single" : "cpu", count);
    if (round < 0) continue;
    ours.push(median(mine));
    theirs.push(median(tokens!));
  }
  const graph = device === "cpu" ? "as a CPU gets it" : "as a GPU gets it";
  return row(`host time of a decode step, 28 layers, ${graph}`, "Python mlx 0.32.2", ours, theirs, "-");
}

/** The first 12 s of the long recording, as a file that both read. */
async function twelveSeconds(): Promise<string> {
  const path = join(ROOT, ".cache/bench/12s.wav");
  const { interleaved } = decodeWav(await Deno.readFile(join(ROOT, "demo/recordings/long-en.wav")));
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(path, encodeWav(interleaved.slice(0, 12 * 16_000), { sampleRate: 16_000 }));
  return path;
}

/** Runs all comparisons, one after the other. */
export async function* comparePeers(options: { folder: string; rounds: number }): AsyncGenerator<PeerRow> {
  const { folder, rounds } = options;
  await install(folder);
  openLibrary();
  const demo = join(ROOT, "demo/model"), three = join(ROOT, "demo/recordings/dev-01-en.wav");
  yield await compareHost(folder, "cpu", rounds);
  yield await compareHost(folder, "gpu", rounds);
  const clips: Comparison[] = [
    {
      what: "demo model, clip of 3 s",
      peer: "mlx-audio",
      model: demo,
      clip: three,
      tokens: undefined,
      rounds,
    },
    {
      ...{ what: "demo model, clip of 12 s", peer: "mlx-audio", model: demo, tokens: undefined, rounds },
      clip: await twelveSeconds(),
    },
    {
      ...{
        what: "small synthetic checkpoint, real vocabulary, clip of 3 s, 32 tokens",
        peer: "mlx-qwen3-asr",
      },
      ...{ model: await syntheticCheckpoint("small"), clip: three, tokens: 32, rounds },
    },
  ];
  for (const comparison of clips) yield await compare(folder, comparison);
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds", "peers"] });
  const folder = args.peers ?? join(ROOT, ".cache/peers");
  const rows: PeerRow[] = [];
  for await (const row of comparePeers({ folder, rounds: Number(args.rounds ?? 7) })) {
    const ms = ({ median, min }: PeerRow["ours"]) => `${median.toFixed(1)} ms (min ${min.toFixed(1)})`;
    const { what, peer, ours, theirs, ratio, tokens } = row;
    console.log(
      `${what}: ours ${ms(ours)}, ${peer} ${ms(theirs)}: ${ratio.toFixed(2)}x; tokens equal: ${tokens}`,
    );
    rows.push(row);
  }
  await Deno.mkdir(join(ROOT, ".cache/bench"), { recursive: true });
  await Deno.writeTextFile(join(ROOT, ".cache/bench/peers.json"), JSON.stringify(rows, null, 1));
}
