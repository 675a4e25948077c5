import { assert, assertEquals, assertGreater, assertRejects, assertThrows } from "@std/assert";
import * as mx from "../ffi/mod.ts";
import { runScript } from "./support/ffi_script.ts";
import { assertNear, CPU, ffiTest, plain, toMLX, wave } from "./support/ffi_reference.ts";

ffiTest("results are copied out in row order whatever their layout", () => {
  const a = toMLX({ shape: [2, 3], data: [0, 1, 2, 3, 4, 5] });
  const turned = mx.transpose(a, [1, 0]);
  assertEquals([...mx.toFloat32(turned)], [0, 3, 1, 4, 2, 5]);
  assertEquals([...mx.toInt32(mx.slice(a, [0, 1], [2, 3]))], [1, 2, 4, 5]);
  assertEquals([...mx.toInt32(mx.broadcastTo(mx.scalar(7), [3]))], [7, 7, 7]);
});

ffiTest("results are converted to the type they are read as", () => {
  const a = mx.fromData(Float32Array.of(1.75, -2.5, 300));
  assertEquals([...mx.toInt32(a)], [1, -2, 300]);
  assertEquals([...mx.toUint32(mx.fromData(Uint32Array.of(4_000_000_000)))], [4_000_000_000]);
  assertEquals([...mx.toFloat32(mx.astype(a, "bfloat16"))], [1.75, -2.5, 300]);
});

ffiTest("readInt32() reads any array, evaluated or not", () => {
  const a = mx.fromData(Int32Array.of(5, -6, 7, 8), [2, 2]);
  assertEquals([...mx.readInt32(a)], [5, -6, 7, 8]);
  assertEquals([...mx.readInt32(mx.add(a, a))], [10, -12, 14, 16]);
  const turned = mx.transpose(a, [1, 0]), floats = mx.astype(a, "float32");
  for (let time = 0; time < 2; time++) {
    assertEquals([...mx.readInt32(turned)], [5, 7, -6, 8]);
    assertEquals([...mx.readInt32(floats)], [5, -6, 7, 8]);
    mx.evaluate(turned, floats);
  }
  assertEquals([...mx.readInt32(mx.zeros([0], "int32"))], []);
  assertEquals([...mx.readInt32(mx.argmax(mx.fromData(Float32Array.of(1, 9, 3)), 0))], [1]);
});

ffiTest("evaluate() and enqueue() take any number of arrays, none too", () => {
  mx.evaluate();
  mx.enqueue();
  const arrays = Array.from({ length: 100 }, (_, i) => mx.square(mx.scalar(i)));
  mx.evaluate(...arrays);
  assertEquals(arrays.map((array) => mx.toFloat32(array)[0]), arrays.map((_, i) => i * i));
});

Deno.test("settled() refuses an array that nobody computes", async () => {
  using one = mx.zeros([4]);
  using lazy = mx.add(one, one);
  await assertRejects(() => mx.settled(lazy), mx.MLXError, "not enqueued");
});

Deno.test("enqueue() and settled() compute without blocking on the result", async () => {
  const before = mx.liveHandles();
  const result = mx.scope(() => mx.matmul(toMLX(wave([64, 64], 1)), toMLX(wave([64, 64], 2))));
  mx.enqueue(result);
  await mx.settled(result);
  assertEquals(result.size, 4096);
  assert(mx.toFloat32(result).every(Number.isFinite));
  result.dispose();
  assertEquals(mx.liveHandles(), before);
});

/** A chain of matrix products: some ten milliseconds at the least for 400 of size 256. */
function chain(size: number, length: number): mx.MLXArray {
  return mx.onStream(CPU, () =>
    mx.scope(() => {
      const a = mx.normal([size, size], mx.randomKey(1), 1 / size);
      let result = a;
      for (let i = 0; i < length; i++) result = mx.add(mx.matmul(result, a), a);
      return result;
    }));
}

Deno.test("evaluateAsync() keeps timers ticking where evaluate() stops them", async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  try {
    using blocking = chain(256, 400);
    mx.evaluate(blocking);
    await Promise.resolve();
    assertEquals(ticks, 0);
    using graph = chain(256, 400);
    await mx.evaluateAsync([graph], { on: CPU });
    assertGreater(ticks, 2);
    assertEquals(mx.toFloat32(graph), mx.toFloat32(blocking));
  } finally {
    clearInterval(timer);
  }
});

Deno.test("evaluateAsync() of nothing resolves", async () => {
  await mx.evaluateAsync([]);
});

Deno.test("evaluateAsync() runs one after the other and beside code that makes arrays", async () => {
  const before = mx.liveHandles();
  const first = chain(64, 100),
    second = mx.onStream(CPU, () => mx.scope(() => mx.add(chain(64, 100), mx.scalar(1))));
  await mx.evaluateAsync([first], { on: CPU });
  await mx.evaluateAsync([second, first], { on: CPU });
  const difference = mx.scope(() => mx.toFloat32(mx.subtract(second, first)));
  assert(difference.every((value) => Math.abs(value - 1) < 1e-4));
  mx.disposeAll([first, second]);
  assertEquals(mx.liveHandles(), before);
});

Deno.test("the default device computes what the CPU computes", () => {
  mx.scope(() => {
    const a = wave([8, 8], 1), b = wave([8, 8], 2);
    const expected = plain([8, 8], ([i, j]) => {
      let total = 0;
      for (let k = 0; k < 8; k++) total += a.data[8 * i! + k]! * b.data[8 * k + j!]!;
      return total;
    });
    assertNear(mx.matmul(toMLX(a), toMLX(b)), expected, 1e-2);
  });
  assertGreater(mx.deviceCount("cpu"), 0);
  assertEquals(mx.currentStream().device, mx.deviceCount("gpu") > 0 ? "gpu" : "cpu");
});

Deno.test("onStream() builds on another stream and comes back, after a throw too", () => {
  using other = new mx.Stream("cpu");
  const usual = mx.currentStream();
  const sum = mx.onStream(other, () => {
    assertEquals(mx.currentStream(), other);
    return mx.scope(() => mx.add(mx.scalar(1), mx.scalar(2)));
  });
  assertEquals(mx.toFloat32(sum)[0], 3);
  other.synchronize();
  sum.dispose();
  assertThrows(() =>
    mx.onStream(other, () => {
      throw new RangeError("on purpose");
    }), RangeError);
  assertEquals(mx.currentStream(), usual);
});

// Memory is counted for the process, and test files may share one: so each test below has a process of its own.

/** One step of work on about 300 KB, everything freed. */
const STEP = `
  import * as mx from "./ffi/mod.ts";
  const weights = mx.zeros([256, 256]);
  const step = () => mx.scope(() => {
    const x = mx.arange(0, 256, 1, "float32");
    const [left, right] = mx.splitAt(mx.softmax(mx.matmul(x, weights), 0), [128], 0);
    return mx.toFloat32(mx.sum(mx.concatenate([right, left], 0), 0))[0];
  });
  const state = () => [mx.liveHandles(), mx.activeMemory()].join(" ");`;

Deno.test("2,000 steps leave handles and active memory where they were", async () => {
  const { stdout, stderr } = await runScript(`${STEP}
    for (let i = 0; i < 100; i++) step();
    const seen = new Set();
    for (let i = 0; i < 2000; i++) {
      step();
      seen.add(state());
    }
    console.log([...seen].join(", "));`);
  assertEquals(stdout, `1 ${4 * 256 * 256}`, stderr);
});

Deno.test("2,000 steps off this thread leave handles and active memory where they were", async () => {
  const { stdout, stderr } = await runScript(`${STEP}
    mx.evaluate(weights);
    const seen = new Set();
    for (let i = 0; i < 2000; i++) {
      const sum = mx.scope(() => mx.sum(mx.matmul(mx.arange(0, 256, 1, "float32"), weights), 0));
      await mx.evaluateAsync([sum]);
      sum.dispose();
      if (i >= 100) seen.add(state());
    }
    console.log([...seen].join(", "));`);
  assertEquals(stdout, `1 ${4 * 256 * 256}`, stderr);
});

Deno.test("failing calls leave handles and active memory where they were", async () => {
  const { stdout, stderr } = await runScript(`${STEP}
    const before = state();
    let failures = 0;
    for (let i = 0; i < 500; i++) {
      try {
        mx.scope(() => mx.matmul(mx.zeros([30, 30]), mx.zeros([31, 31])));
      } catch {
        failures++;
      }
    }
    console.log(failures, state() === before);`);
  assertEquals(stdout, "500 true", stderr);
});

Deno.test("the memory counters see an array come and go", async () => {
  const { stdout, stderr } = await runScript(`
    import * as mx from "./ffi/mod.ts";
    const sizes = [];
    const note = () => sizes.push([mx.activeMemory() >> 20, mx.peakMemory() >> 20]);
    const large = mx.scope(() => mx.add(mx.zeros([2 ** 21]), mx.scalar(1)));
    note(); // Lazy: nothing is there yet.
    mx.evaluate(large);
    note();
    large.dispose();
    note();
    mx.clearCache();
    mx.resetPeakMemory();
    note();
    console.log(JSON.stringify([sizes, mx.cacheMemory()]));`);
  assertEquals(JSON.parse(stdout), [[[0, 0], [8, 8], [0, 8], [0, 0]], 0], stderr);
});

Deno.test("setCacheLimit() returns the limit that was set before", async () => {
  const { stdout, stderr } = await runScript(`
    import * as mx from "./ffi/mod.ts";
    mx.setCacheLimit(2 ** 20);
    console.log(mx.setCacheLimit(0), mx.setCacheLimit(2 ** 33), mx.setCacheLimit(0));`);
  assertEquals(stdout, `${2 ** 20} 0 ${2 ** 33}`, stderr);
});
