/**
 * Damaged inputs for every parser: none may crash, hang for over two seconds, or take the process over 500 MB.
 *
 *   deno task fuzz [--minutes 5] [--seed 1] [--target wav] [--from 0] [--inputs 1000]
 *
 * The targets take turns, `--inputs` at a time, until the minutes are over; without `--minutes` each has one turn. A
 * finding is printed with its bytes and the arguments that make it again. Ends with 1 when there are findings.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { mutated, seedOf } from "./fuzz/mutate.ts";
import { SELF_TEST, targets } from "./fuzz/targets.ts";
import { FuzzWorker } from "./fuzz/watch.ts";

const args = parseArgs(Deno.args, {
  string: ["minutes", "seed", "target", "from", "inputs"],
  default: { minutes: "0", seed: "1", from: "0", inputs: "1000" },
});
const seed = Number(args.seed), size = Number(args.inputs);
const start = performance.now();
const counts = new Map<string, { inputs: number; refused: number }>();
let findings = 0, largestMb = 0;
let worker = await FuzzWorker.start();
const names = args.target === undefined ? worker.names : [args.target];

/** The bytes of an input, to keep. */
async function bytesOf(target: string, input: number): Promise<string> {
  const { seeds } = [...await targets(), SELF_TEST].find(({ name }) => name === target)!;
  return mutated(seeds, seedOf(seed, target, input)).toBase64();
}

/** One turn of a target; goes on behind a finding. */
async function turn(target: string, from: number, to: number): Promise<void> {
  const count = counts.get(target) ?? { inputs: 0, refused: 0 };
  counts.set(target, count);
  for (let at = from; at < to;) {
    const result = await worker.run({ target, seed, from: at, to });
    largestMb = Math.max(largestMb, result.largestMb);
    count.refused += result.refused;
    const next = result.finding ? result.finding.input + 1 : to;
    count.inputs += next - at;
    at = next;
    if (result.mustRestart) {
      await worker.end();
      worker = await FuzzWorker.start();
    }
    if (!result.finding) continue;
    findings++;
    const { input, error } = result.finding;
    console.log(
      `FINDING ${target}: ${error}\n  again: deno task fuzz --seed ${seed} --target ${target} --from ${input} --inputs 1\n` +
        `  bytes, base64: ${await bytesOf(target, input)}`,
    );
  }
}

const minutes = Number(args.minutes);
const isOver = () => performance.now() - start >= minutes * 60_000;
for (let from = Number(args.from); from === Number(args.from) || !isOver(); from += size) {
  for (const target of names) if (minutes === 0 || !isOver()) await turn(target, from, from + size);
}
await worker.end();
const total = [...counts.values()].reduce((sum, { inputs }) => sum + inputs, 0);
for (const [target, { inputs, refused }] of counts) {
  console.log(`${target.padEnd(12)} ${inputs} inputs, ${refused} refused`);
}
console.log(
  `${total} inputs in ${((performance.now() - start) / 1000).toFixed(0)} s with seed ${seed}: ` +
    `${findings} findings, at most ${largestMb} MB resident`,
);
Deno.exit(findings > 0 ? 1 : 0);
