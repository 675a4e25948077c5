import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { runScript } from "./support/ffi_script.ts";
import { readSafetensors } from "./support/safetensors.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const before = mx.liveHandles();
  try {
    await body(folder);
    assertEquals(mx.liveHandles(), before, "live handles");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A file's bytes from its header and its data. */
function fileOf(header: unknown, dataBytes: number, announced?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(announced ?? text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const entry = (dtype: unknown, shape: unknown, data_offsets: unknown) => ({
  w: { dtype, shape, data_offsets },
});

const DAMAGED: Record<string, [Uint8Array, string]> = {
  "an empty file": [new Uint8Array(0), "not a safetensors file"],
  "fewer than eight bytes": [Uint8Array.of(1, 2, 3), "not a safetensors file"],
  "a header that is cut off": [fileOf(entry("F32", [4], [0, 16]), 16).slice(0, 30), "header is cut off"],
  "text": [new TextEncoder().encode("<!DOCTYPE html><html>Not found</html>"), "not a safetensors file"],
  "an absurd header length": [fileOf({}, 0, 2 ** 60), "not a safetensors file"],
  "a header that is no JSON": [fileOf("this is no JSON at all", 0), "not a JSON object"],
  "a header that is a list": [fileOf([1, 2], 0), "not a JSON object"],
  "a header that is null": [fileOf("null", 0), "not a JSON object"],
  "an entry without a type": [fileOf({ w: { shape: [4], data_offsets: [0, 16] } }, 16), "tensor w"],
  "an entry that is null": [fileOf({ w: null }, 16), "tensor w"],
  "a shape that is no list": [fileOf(entry("F32", 4, [0, 16]), 16), "tensor w"],
  "a negative dimension": [fileOf(entry("F32", [-4], [0, 16]), 16), "tensor w"],
  "a fractional dimension": [fileOf(entry("F32", [0.5], [0, 2]), 16), "tensor w"],
  "offsets that are no numbers": [fileOf(entry("F32", [4], ["0", "16"]), 16), "tensor w"],
  "negative offsets": [fileOf(entry("F32", [4], [-16, 0]), 16), "tensor w"],
  "offsets in reverse": [fileOf(entry("F32", [4], [16, 0]), 16), "needs 16 bytes but has -16"],
  "offsets that do not fit the shape": [fileOf(entry("F32", [4], [0, 12]), 16), "needs 16 bytes but has 12"],
  "a type nobody knows": [fileOf(entry("F8_E4M3", [16], [0, 16]), 16), "F8_E4M3"],
  "data that is cut off": [fileOf(entry("F32", [4], [0, 16]), 10), "6 bytes after the end"],
};

for (const [what, [bytes, message]] of Object.entries(DAMAGED)) {
  Deno.test(`readSafetensorsHeader() refuses ${what} in one sentence with the path`, () =>
    inFolder(async (folder) => {
      const path = join(folder, "model.safetensors");
      await Deno.writeFile(path, bytes);
      const error = await assertRejects(() => mx.readSafetensorsHeader(path), mx.SafetensorsError, message);
      assert(
        error.message.startsWith(`Cannot read ${path}: `) && !error.message.includes("\n"),
        error.message,
      );
    }));
}

Deno.test("readSafetensorsHeader() names the tensors in the file's order, without the metadata", () =>
  inFolder(async (folder) => {
    const path = join(folder, "model.safetensors");
    const header = {
      __metadata__: { format: "pt" },
      b: { dtype: "BF16", shape: [2, 3], data_offsets: [0, 12] },
      a: { dtype: "U32", shape: [], data_offsets: [12, 16] },
      none: { dtype: "F32", shape: [0, 4], data_offsets: [16, 16] },
    };
    await Deno.writeFile(path, fileOf(header, 16));
    assertEquals([...await mx.readSafetensorsHeader(path)], [
      ["b", { dtype: "BF16", shape: [2, 3] }],
      ["a", { dtype: "U32", shape: [] }],
      ["none", { dtype: "F32", shape: [0, 4] }],
    ]);
  }));

Deno.test("readSafetensorsHeader() says which file is missing", () =>
  inFolder(async (folder) => {
    await assertRejects(
      () => mx.readSafetensorsHeader(join(folder, "absent")),
      Deno.errors.NotFound,
      "absent",
    );
  }));

function samples(): Map<string, mx.MLXArray> {
  return mx.scope(() => {
    const base = mx.fromData(Float32Array.of(0, 1.5, -2.25, 1000, 0.125, 3), [2, 3]);
    return new Map([
      ["F32", base],
      ["BF16", mx.astype(base, "bfloat16")],
      ["F16", mx.astype(base, "float16")],
      ["I32", mx.astype(base, "int32")],
      ["U32", mx.fromData(Uint32Array.of(7, 4_000_000_000))],
      ["U8", mx.fromData(Uint8Array.of(0, 255))],
      ["BOOL", mx.astype(base, "bool")],
      ["turned", mx.transpose(base, [1, 0])],
      ["ünïcode.名", mx.fromData(Float32Array.of(42))],
    ]);
  });
}

Deno.test("saveSafetensors() writes files that a reader without MLX reads, metadata too", () =>
  inFolder(async (folder) => {
    const path = join(folder, "out.safetensors");
    const arrays = samples();
    mx.saveSafetensors(path, arrays, { format: "mlx", note: "größer" });
    const read = await readSafetensors(path);
    assertEquals([...read.keys()].sort(), [...arrays.keys()].sort());
    for (const type of ["F32", "BF16", "F16", "I32", "U32", "U8", "BOOL"]) {
      assertEquals(read.get(type)!.dtype, type);
    }
    for (const [name, array] of arrays) {
      assertEquals(read.get(name)!.shape, array.shape, name);
      assertEquals(Array.from(read.get(name)!.data, Number), [...mx.toFloat32(array)], name);
    }
    const bytes = await Deno.readFile(path);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    assertEquals(header.__metadata__, { format: "mlx", note: "größer" });
    mx.disposeAll(arrays.values());
  }));

Deno.test("loadSafetensors() gives back what saveSafetensors() wrote", () =>
  inFolder(async (folder) => {
    const path = join(folder, "out.safetensors");
    const arrays = samples();
    mx.saveSafetensors(path, arrays);
    const header = await mx.readSafetensorsHeader(path);
    const loaded = mx.loadSafetensors(path, header.keys());
    for (const [name, array] of arrays) {
      const copy = loaded.get(name)!;
      assertEquals([copy.dtype, copy.shape], [array.dtype, array.shape], name);
      assertEquals(mx.toFloat32(copy), mx.toFloat32(array), name);
    }
    mx.disposeAll([...arrays.values(), ...loaded.values()]);
  }));

Deno.test("loadSafetensors() reads only the names asked for, lazily and off this thread too", () =>
  inFolder(async (folder) => {
    const path = join(folder, "large.safetensors");
    // In a process of its own: memory is counted for the process.
    const { stdout, stderr } = await runScript(`
      import * as mx from "./ffi/mod.ts";
      const path = ${JSON.stringify(path)}, count = 2 ** 20;
      const saved = mx.scope(() => new Map([["a", mx.arange(0, count)], ["b", mx.zeros([count])]]));
      mx.saveSafetensors(path, saved);
      mx.disposeAll(saved.values());
      const sizes = [mx.activeMemory() >> 20];
      const loaded = mx.loadSafetensors(path, ["a"]), a = loaded.get("a");
      sizes.push(mx.activeMemory() >> 20);
      await mx.evaluateAsync([a], { on: new mx.Stream("cpu") });
      sizes.push(mx.activeMemory() >> 20);
      console.log([...loaded.keys()], sizes.join(" "), mx.readInt32(a)[1_000_000]);`);
    assertEquals(stdout, '[ "a" ] 0 0 4 1000000', stderr);
  }));

Deno.test("loadSafetensors() refuses a name that is not there and frees what it had loaded", () =>
  inFolder(async (folder) => {
    const path = join(folder, "out.safetensors");
    using a = mx.fromData(Float32Array.of(1));
    mx.saveSafetensors(path, new Map([["a", a]]));
    const before = mx.liveHandles();
    assertThrows(() => mx.loadSafetensors(path, ["a", "b"]), mx.SafetensorsError, "no tensor b");
    assertEquals(mx.liveHandles(), before);
    await Promise.resolve();
  }));

Deno.test("loadSafetensors() of an absent file is MLX's error", () => {
  assertThrows(
    () => mx.loadSafetensors("/nonexistent/a.safetensors", []),
    mx.MLXError,
    "mlx_load_safetensors",
  );
});
