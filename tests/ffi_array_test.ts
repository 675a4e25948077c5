import { assert, assertEquals, assertThrows } from "@std/assert";
import * as mx from "../ffi/mod.ts";
import { ffiTest } from "./support/ffi_reference.ts";
import { runScript } from "./support/ffi_script.ts";

/** Like {@linkcode ffiTest} without the scope around: for what scopes themselves do. */
function lifeTest(name: string, body: () => void | Promise<void>): void {
  Deno.test(name, async () => {
    const before = mx.liveHandles();
    await body();
    assertEquals(mx.liveHandles(), before, "live handles");
  });
}

const made = () => mx.fromData(Float32Array.of(1, 2, 3));

lifeTest("using frees an array at the end of its block", () => {
  const before = mx.liveHandles();
  {
    using a = made();
    assertEquals([a.size, mx.liveHandles()], [3, before + 1]);
  }
  assertEquals(mx.liveHandles(), before);
});

lifeTest("dispose() twice is harmless", () => {
  const a = made(), b = made();
  a.dispose();
  a.dispose();
  assertEquals(mx.toFloat32(b), Float32Array.of(1, 2, 3));
  b.dispose();
});

lifeTest("a result outlives the arrays it was made from", () => {
  const sum = mx.scope(() => mx.add(made(), made()));
  assertEquals(mx.toFloat32(sum), Float32Array.of(2, 4, 6));
  sum.dispose();
});

lifeTest("scope() frees what it made, and returns what is no array as it is", () => {
  const before = mx.liveHandles();
  const total = mx.scope(() => {
    const a = made();
    for (let i = 0; i < 10; i++) mx.add(a, a);
    assertEquals(mx.liveHandles(), before + 11);
    return mx.toFloat32(mx.sum(a, 0))[0];
  });
  assertEquals([total, mx.liveHandles()], [6, before]);
});

lifeTest("scope() lets the arrays of its result live, however it holds them", () => {
  const before = mx.liveHandles();
  const result = mx.scope(() => {
    made();
    const twice = made();
    return {
      one: made(),
      list: [made(), [made()]],
      map: new Map([["key", { deep: made() }]]),
      again: [twice, twice],
      text: "text",
      bytes: new Uint8Array(4),
      nothing: null,
      missing: undefined,
    };
  });
  assertEquals(mx.liveHandles(), before + 5);
  const alive = [result.one, ...result.list.flat(), result.map.get("key")!.deep, result.again[0]!];
  for (const array of alive) assertEquals(array.shape, [3]);
  mx.disposeAll([...alive, undefined]);
});

lifeTest("an inner scope hands its result to the outer one", () => {
  const before = mx.liveHandles();
  mx.scope(() => {
    const inner = mx.scope(() => {
      made();
      return made();
    });
    assertEquals([inner.size, mx.liveHandles()], [3, before + 1]);
  });
  assertEquals(mx.liveHandles(), before);
});

lifeTest("an outer array that an inner scope returns stays the outer scope's", () => {
  const before = mx.liveHandles();
  mx.scope(() => {
    const a = made();
    assertEquals(mx.scope(() => a), a);
    assertEquals(a.size, 3);
  });
  assertEquals(mx.liveHandles(), before);
});

lifeTest("an array of no scope survives being returned by one", () => {
  const a = made();
  mx.scope(() => mx.scope(() => [a]));
  assertEquals(mx.toFloat32(a), Float32Array.of(1, 2, 3));
  a.dispose();
});

lifeTest("a throw inside a scope frees everything and passes on", () => {
  const before = mx.liveHandles();
  assertThrows(
    () =>
      mx.scope(() => {
        made();
        mx.scope(() => {
          made();
          throw new RangeError("on purpose");
        });
      }),
    RangeError,
    "on purpose",
  );
  assertEquals(mx.liveHandles(), before);
  made().dispose(); // No scope is left open.
  assertEquals(mx.liveHandles(), before);
});

lifeTest("keep() takes an array out of every scope", () => {
  const before = mx.liveHandles();
  let kept: mx.MLXArray | undefined;
  mx.scope(() => {
    mx.scope(() => {
      kept = mx.keep(made());
      made();
    });
    const returned = mx.scope(() => mx.keep(made()));
    assertEquals(mx.liveHandles(), before + 2);
    returned.dispose();
  });
  assertEquals([kept!.size, mx.liveHandles()], [3, before + 1]);
  kept!.dispose();
});

lifeTest("an array that was disposed inside its scope is not freed twice", () => {
  mx.scope(() => {
    using a = made();
    const b = made();
    b.dispose();
    return [a, b];
  });
});

lifeTest("scope() refuses an async function and frees what that had made", async () => {
  const before = mx.liveHandles();
  assertThrows(
    () =>
      mx.scope(async () => {
        const a = made();
        await Promise.resolve();
        mx.add(a, a); // Fails unseen: the refusal is the error.
      }),
    TypeError,
    "async",
  );
  assertEquals(mx.liveHandles(), before);
  await new Promise((resolve) => setTimeout(resolve, 0));
});

const COLLECT = `
  import * as mx from "./ffi/mod.ts";
  const collect = async () => {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 2));
  };`;

Deno.test("the collector frees what nobody disposed", async () => {
  const script = `${COLLECT}
    for (let i = 0; i < 50; i++) mx.zeros([1000]);
    mx.scope(() => { for (let i = 0; i < 50; i++) mx.keep(mx.zeros([1000])); });
    mx.scope(() => { using gone = mx.zeros([1000]); return gone; });
    const before = mx.liveHandles();
    for (let turn = 0; turn < 100 && mx.liveHandles() > 0; turn++) await collect();
    console.log(before, mx.liveHandles());`;
  const { stdout } = await runScript(script, { flags: ["--v8-flags=--expose-gc"] });
  assertEquals(stdout, "100 0");
});

Deno.test("the collector frees nothing while another thread evaluates", async () => {
  const script = `${COLLECT}
    const stream = new mx.Stream("cpu");
    const graph = mx.onStream(stream, () => mx.scope(() => {
      const a = mx.normal([256, 256], mx.randomKey(1), 1 / 256);
      let result = a;
      for (let i = 0; i < 200; i++) result = mx.add(mx.matmul(result, a), a);
      return result;
    }));
    let during, done = false;
    const evaluation = mx.evaluateAsync([graph], { on: stream }).then(() => done = true);
    for (let i = 0; i < 50; i++) mx.zeros([1000]);
    const before = mx.liveHandles();
    while (!done) {
      await collect();
      if (!done) during = mx.liveHandles();
    }
    await evaluation;
    for (let turn = 0; turn < 100 && mx.liveHandles() > 1; turn++) await collect();
    console.log(during === before, mx.liveHandles(), graph.size);`;
  const { stdout, stderr } = await runScript(script, { flags: ["--v8-flags=--expose-gc"] });
  assertEquals(stdout, "true 1 65536", stderr);
});

ffiTest("an array tells its shape, sizes and type", () => {
  const a = mx.fromData(new Float32Array(24), [2, 3, 4]);
  assertEquals([a.shape, a.size, a.byteLength, a.dtype], [[2, 3, 4], 24, 96, "float32"]);
  assertEquals([a.dim(0), a.dim(2), a.dim(-1), a.dim(-3)], [2, 4, 4, 2]);
  assertEquals(a.describe(), "float32[2, 3, 4]");
  for (const axis of [3, -4, NaN]) assertThrows(() => a.dim(axis), RangeError, String(axis));
  assertEquals([mx.zeros([]).shape, mx.zeros([0, 3]).size], [[], 0]);
});

ffiTest("fromData() copies every type of typed array, and what it copied no longer changes", () => {
  const cases: [mx.TypedArray, mx.DType][] = [
    [Uint8Array.of(1, 2, 255), "uint8"],
    [Uint16Array.of(1, 2, 65535), "uint16"],
    [Uint32Array.of(1, 2, 3), "uint32"],
    [Int32Array.of(1, -2, 3), "int32"],
    [Float16Array.of(1, -2.5, 3), "float16"],
    [Float32Array.of(1, -2.5, 3), "float32"],
    [Float64Array.of(1, -2.5, 3), "float64"],
  ];
  for (const [data, dtype] of cases) {
    const array = mx.fromData(data);
    const expected = [...data];
    data.fill(0);
    assertEquals([array.dtype, [...mx.toFloat32(array)]], [dtype, expected]);
  }
});

ffiTest("fromData() takes a part of a buffer and an empty array", () => {
  const part = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
  assertEquals([...mx.toFloat32(mx.fromData(part))], [2, 3]);
  const empty = mx.fromData(new Float32Array(0), [0, 4]);
  assertEquals([empty.shape, mx.toFloat32(empty).length], [[0, 4], 0]);
});

ffiTest("fromData() refuses a shape that does not fit", () => {
  assertThrows(() => mx.fromData(new Float32Array(6), [2, 4]), RangeError, "6 elements as [2, 4]");
  assertThrows(() => mx.fromData(new Float32Array(6), [-2, 3]), RangeError);
});

ffiTest("scalar() is a float32 without dimensions", () => {
  const half = mx.scalar(0.5);
  assertEquals([half.shape, half.dtype, mx.toFloat32(half)[0]], [[], "float32", 0.5]);
});

ffiTest("a result never takes the place of an earlier one", () => {
  // mlx-c overwrites in place what it finds in the out parameter.
  const a = made();
  const sum = mx.add(a, a), product = mx.multiply(a, a);
  assertThrows(() => mx.matmul(a, mx.zeros([7])), mx.MLXError);
  const [left, right] = mx.splitAt(mx.square(product), [1], 0);
  assert(new Set([a, sum, product, left, right].map((array) => array!.handle)).size === 5);
  assertEquals([...mx.toFloat32(sum)], [2, 4, 6]);
  assertEquals([...mx.toFloat32(product)], [1, 4, 9]);
  assertEquals([...mx.toFloat32(left!), ...mx.toFloat32(right!)], [1, 16, 81]);
});
