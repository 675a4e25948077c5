import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { runScript } from "./support/ffi_script.ts";

// Messages belong to the process, and test files may share one: so each test here has a process of its own.

interface Failure {
  name: string;
  functionName: string;
  message: string;
}

/** The errors of calls, one after the other in one process that must live to tell. */
async function failures(calls: string[], setup = ""): Promise<Failure[]> {
  const { stdout, stderr, code } = await runScript(`
    import * as mx from "./ffi/mod.ts";
    import { native } from "./ffi/library.ts";
    const a = mx.zeros([2, 3]), b = mx.zeros([4, 5]);
    ${setup}
    const calls = [${calls.map((call) => `() => ${call}`)}];
    const failures = [];
    for (const call of calls) {
      try {
        await call();
        failures.push({ name: "none", functionName: "", message: "" });
      } catch ({ name, functionName, message }) {
        failures.push({ name, functionName, message });
      }
    }
    console.log(JSON.stringify(failures));`);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test("a failed call throws MLXError with MLX's sentence and the C function's name", async () => {
  const [error] = await failures(["mx.matmul(a, b)"]);
  assertEquals([error!.name, error!.functionName], ["MLXError", "mlx_matmul"]);
  assertMatch(error!.message, /^mlx_matmul: \[matmul\] .*\(2,3\).*\(4,5\)/);
  assertNotMatch(error!.message, /\.cpp|\n|\//);
});

Deno.test("each error has its own message, however many came before and whatever their length", async () => {
  const pair = ["mx.add(a, long)", "mx.reshape(a, [7])"];
  const all = await failures(
    Array.from({ length: 300 }, (_, i) => pair[i % 2]!),
    "const long = mx.zeros([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7]);",
  );
  all.forEach(({ message }, i) => {
    const expected = i % 2 === 0
      ? /^mlx_add: .*\(1,1,1,1,1,1,1,1,1,1,7\)/
      : /^mlx_reshape: \[reshape\] .*\(7\)\.$/;
    assertMatch(message, expected, `error ${i}`);
  });
});

Deno.test("a message longer than the box is cut, and the next one is whole", async () => {
  const [cut, whole] = await failures(
    ["mx.loadSafetensors(`/nonexistent/${name}.safetensors`, [])", "mx.matmul(a, b)"],
    'const name = "x".repeat(50_000);',
  );
  assertMatch(cut!.message, /^mlx_load_safetensors: .*\/nonexistent\/xxx/);
  assertMatch(whole!.message, /^mlx_matmul: \[matmul\]/);
});

Deno.test("what a function without a code complains of is not the next error's", async () => {
  const [error] = await failures(["mx.matmul(a, b)"], "native.mlx_array_ndim(0n);");
  assertMatch(error!.message, /^mlx_matmul: \[matmul\]/);
});

Deno.test("a disposed array is named as such wherever it is used", async () => {
  const calls = [
    "gone.shape",
    "gone.dtype",
    "gone.size",
    "gone.byteLength",
    "gone.dim(0)",
    "gone.describe()",
    "mx.add(a, gone)",
    "mx.concatenate([a, gone], 0)",
    "mx.evaluate(gone)",
    "mx.evaluateAsync([gone])",
    "mx.toFloat32(gone)",
    "mx.readInt32(gone)",
  ];
  const errors = await failures(calls, "const gone = mx.zeros([2]); gone.dispose();");
  errors.forEach(({ name, message }, i) => {
    assertEquals(name, "MLXError", calls[i]!);
    assertMatch(message, /disposed/, calls[i]!);
  });
});

Deno.test("a nonblocking call that fails rejects with MLXError and the process goes on", async () => {
  // A graph on the default stream of its thread, which the pool thread does not have.
  const [error, none] = await failures(
    ["mx.evaluateAsync([result], { on: mine })", "mx.evaluate(result)"],
    `const mine = new mx.Stream("cpu");
     mine.handle = native.mlx_default_cpu_stream_new();
     const result = mx.onStream(mine, () => mx.exp(a));`,
  );
  assertEquals([error!.name, error!.functionName], ["MLXError", "mlx_eval"]);
  assertMatch(error!.message, /^mlx_eval: .*Stream/);
  assertEquals(none!.name, "none");
});

Deno.test("a Worker that opened MLX and is gone does not break this thread's errors", async () => {
  const [first, second] = await failures(
    ["mx.matmul(a, b)", "mx.matmul(a, b)"],
    `const code = \`
       import * as mx from "\${import.meta.resolve("./ffi/mod.ts")}";
       mx.evaluate(mx.zeros([2]));
       postMessage("ready");\`;
     const url = \`data:application/javascript,\${encodeURIComponent(code)}\`;
     const worker = new Worker(url, { type: "module" });
     await new Promise((resolve) => worker.onmessage = resolve);
     worker.terminate();`,
  );
  assertMatch(first!.message, /^mlx_matmul: (\[matmul\]|failed without a message \(another Worker)/);
  assertMatch(second!.message, /^mlx_matmul: \[matmul\]/);
});
