import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { OptionError } from "../lib/errors.ts";
import { busySeconds, freeBetween } from "../lib/model/free_cores.ts";
import { parseConfig } from "../lib/model/config.ts";
import { isSmall } from "../lib/model/qwen3_asr_model.ts";
import { Qwen3ASR } from "../mod.ts";
import { configOf } from "../scripts/checkpoint_shapes.ts";
import { runScript } from "./support/ffi_script.ts";

/** What a script of its own process says, where OpenBLAS chose two threads. */
async function inProcess(code: string, env: Record<string, string> = {}): Promise<unknown[]> {
  const { stdout, stderr } = await runScript(
    `import { blasThreads, hasOwnPasses, useBlasThreads } from "./ffi/mod.ts";
    import { Qwen3ASR } from "./mod.ts";
    const hear = async (asr) => (await asr.transcribe("demo/recordings/dev-01-en.wav")).text;
    const said = [];
    ${code}
    console.log(JSON.stringify(said));`,
    { env: { OPENBLAS_NUM_THREADS: "2", ...env } },
  );
  assertMatch(stdout, /^\[/, stderr);
  return JSON.parse(stdout);
}

const hasOpenBlas = Deno.build.os === "linux";

Deno.test({
  name: "a model takes the threads that were asked for, beside another model with another number",
  ignore: !hasOpenBlas,
  fn: async () => {
    const said = await inProcess(`
      await using one = await Qwen3ASR.load("demo", { device: "cpu", threads: 1 });
      await using two = await Qwen3ASR.load("demo", { device: "cpu", threads: 2 });
      said.push(one.info.threads, two.info.threads, blasThreads().natural);
      for (const asr of [one, two, one]) said.push(await hear(asr), blasThreads().now);
      useBlasThreads();
      said.push(blasThreads().now);`);
    const text = "I see ten yellow windows.";
    assertEquals(said, [1, 2, 2, text, 1, text, 2, text, 1, 2]);
  },
});

Deno.test({
  name:
    "a small model has OpenBLAS multiply in one thread; our own helpers, on any processor, nobody waits for",
  ignore: !hasOpenBlas,
  fn: async () => {
    for (const kernels of ["avx512", "none"]) {
      const [threads, natural, isOwn, text, now] = await inProcess(
        `
        await using small = await Qwen3ASR.load("demo", { device: "cpu" });
        said.push(small.info.threads, blasThreads().natural, hasOwnPasses(), await hear(small));
        useBlasThreads(4);
        said.push(blasThreads().now);`,
        { QWEN3_ASR_KERNELS: kernels },
      );
      assertEquals(threads, isOwn ? natural : 1);
      assertEquals([text, now], ["I see ten yellow windows.", 4]);
    }
  },
});

Deno.test("threads of products are unknown before a library is open, and setting them does nothing then", async () => {
  assertEquals(await inProcess("useBlasThreads(1); said.push(blasThreads() ?? null);"), [null]);
});

Deno.test("real models are large, the demo model is small", async () => {
  for (const size of ["0.6b", "1.7b"] as const) {
    assertEquals(isSmall(parseConfig(JSON.stringify(configOf(size, "mlx", 8)), size)), false);
  }
  assertEquals(isSmall(parseConfig(await Deno.readTextFile("demo/model/config.json"), "demo")), true);
});

for (const threads of [0, 1.5, NaN, 257]) {
  Deno.test(`threads ${threads} is refused`, async () => {
    await assertRejects(() => Qwen3ASR.load("demo", { threads }), OptionError, "from 1 to 256");
  });
}

Deno.test("cores are free as far as other programs leave them, by /proc/stat", () => {
  const stat = (user: number, idle: number) =>
    `cpu  ${user} 100 200 ${idle} 50 10 20 30 0 0\ncpu0 1 2 3\ncpu1 1 2 3\ncpu2 1 2 3\ncpu3 1 2 3\nintr 9\n`;
  assertEquals(busySeconds(stat(1000, 99999)), { busy: 13.6, cores: 4 });
  assertEquals(busySeconds(""), { busy: 0, cores: 0 });
  const free = (all: number, own: number) =>
    freeBetween({ atSeconds: 10, all: 100, own: 50 }, { atSeconds: 12, all: 100 + all, own: 50 + own }, 4);
  assertEquals(free(0, 0), 4);
  assertEquals(free(8, 8), 4); // All of it is this program.
  assertEquals(free(0.5, 0), 4); // A quarter of a core.
  assertEquals(free(2, 0), 3);
  assertEquals(free(8, 6), 3); // Both at once.
  assertEquals(free(8, 1), 1);
  assertEquals(free(20, 0), 1);
});
