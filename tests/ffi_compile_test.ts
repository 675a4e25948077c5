import { assertEquals, assertThrows } from "@std/assert";
import * as mx from "../ffi/mod.ts";
import { lenientCompiler } from "./support/jit_compiler.ts";

const swiglu = ([gate, up]: mx.MLXArray[]) => mx.multiply(mx.multiply(gate!, mx.sigmoid(gate!)), up!);

Deno.test("Compiled gives what its operations give, for any shape, from one building", async () => {
  await using _compiler = await lenientCompiler();
  const handles = mx.liveHandles();
  let built = 0;
  {
    using compiled = new mx.Compiled((inputs) => {
      built++;
      return swiglu(inputs);
    });
    for (const [rows, width] of [[1, 8], [3, 8], [5, 64]] as const) {
      mx.scope(() => {
        const data = Float32Array.from({ length: rows * 2 * width }, (_, i) => Math.sin(i) * 6);
        const both = mx.fromData(data, [rows, 2 * width]);
        // Views whose rows do not follow each other in memory, as the decoder has them.
        const gate = mx.slice(both, [0, 0], [rows, width]),
          up = mx.slice(both, [0, width], [rows, 2 * width]);
        const made = compiled.apply(gate, up);
        assertEquals(made.shape, [rows, width]);
        const expected = mx.toFloat32(swiglu([gate, up]));
        const worst = mx.toFloat32(made).reduce(
          (most, value, i) => Math.max(most, Math.abs(value - expected[i]!)),
          0,
        );
        assertEquals(worst < 1e-6, true, `differs by ${worst}`);
      });
    }
  }
  assertEquals(built, 1);
  assertEquals(mx.liveHandles(), handles);
});

Deno.test("Compiled passes on an error of its function, and of MLX", () => {
  using x = mx.zeros([2, 3]);
  using y = mx.zeros([4, 5]);
  using wrong = new mx.Compiled(() => {
    throw new RangeError("no such thing");
  });
  assertThrows(() => wrong.apply(x), RangeError, "no such thing");
  using sum = new mx.Compiled(([a, b]) => mx.add(a!, b!));
  assertThrows(() => sum.apply(x, y), mx.MLXError, "broadcast");
  sum[Symbol.dispose]();
  assertThrows(() => sum.apply(x, x), mx.MLXError, "disposed");
});
