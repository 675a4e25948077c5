/**
 * A pass that is asked for some rows gives what the whole pass gives there, keeps no keys and values, and ends between
 * two stages when it is aborted.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { loadFolder } from "../lib/load_folder.ts";
import type { BackendPolicy } from "../lib/model/backend.ts";
import { KVCache } from "../lib/model/kv_cache.ts";
import type { DecoderProbe } from "../lib/model/tap.ts";
import { DEMO_MODEL } from "./support/checkpoints.ts";

const DEMO_ALIGNER = join(import.meta.dirname!, "..", "demo", "aligner");
/** Differences allowed between two orders of the same float32 sums, as in tests/model_routes_test.ts. */
const TOLERANCE = 5e-3;
const LENGTH = 300;
/** More than a tile of queries, from the first row to the last but some. */
const POSITIONS = [0, ...Array.from({ length: 140 }, (_, index) => 11 + 2 * index)];

const ROUTES: Record<string, Partial<BackendPolicy>> = {
  "by libmlxc's attention": {},
  "by MLX's own attention": { passes: "mlx" },
  "layer by layer": { stageRows: 1 },
};

for (const [name, policy] of Object.entries(ROUTES)) {
  Deno.test(`Decoder.stagesAt() gives the rows of the whole pass, ${name}`, async () => {
    const { model } = await loadFolder(DEMO_ALIGNER, { device: "cpu", policy });
    using _free = model;
    const { backend, decoder, config: { decoder: { width } } } = model;
    const before = mx.liveHandles();
    {
      using rows = await backend.exclusive(() =>
        backend.build(() => mx.normal([1, LENGTH, width], mx.randomKey(1)))
      );
      using whole = await backend.exclusive(async () => {
        using cache = model.newCache();
        const hidden = backend.build(() => decoder.apply(rows, cache));
        await backend.evaluate(hidden);
        return hidden;
      });
      const { result } = await backend.runStages(() => decoder.stagesAt(rows, POSITIONS), { inTurns: true });
      using wanted = result;
      assertEquals(wanted.shape, [POSITIONS.length, width]);
      const [all, own] = [mx.toFloat32(whole), mx.toFloat32(wanted)];
      for (const [index, position] of POSITIONS.entries()) {
        for (let column = 0; column < width; column++) {
          const difference = Math.abs(own[index * width + column]! - all[position * width + column]!);
          assert(difference < TOLERANCE, `row ${position}: ${difference}`);
        }
      }
    }
    assertEquals(mx.liveHandles(), before);
  });
}

for (const [name, policy] of Object.entries(ROUTES)) {
  Deno.test(`a prompt's last layer is computed for the last rows alone, and the cache for all, ${name}`, async () => {
    const { model } = await loadFolder(DEMO_MODEL, { device: "cpu", policy });
    using _free = model;
    const { backend, config: { decoder: { width } } } = model;
    /** Logits after a prompt in two parts, and what the cache holds; with a probe every row goes through every layer. */
    const read = (rows: number, probe?: DecoderProbe) =>
      backend.exclusive(async () => {
        using cache = model.newCache();
        using all = backend.build(() => mx.normal([1, LENGTH, width], mx.randomKey(2), 0.05));
        await backend.evaluate(all);
        const parts = [[0, 131], [131, LENGTH]].map(([from, to]) =>
          backend.build(() => mx.slice(all, [0, from!, 0], [1, to!, width]))
        );
        const logits: mx.MLXArray[] = [];
        for (const [index, part] of parts.entries()) {
          const make = () => model.prefillStages(part, cache, probe, index === 0 ? 1 : rows);
          logits.push((await backend.runStages(make, { also: () => cache.arrays() })).result);
        }
        const found = [...logits, ...cache.arrays()].map((array) => mx.toFloat32(array));
        mx.disposeAll([...parts, ...logits]);
        return found;
      });
    const before = mx.liveHandles();
    for (const rows of [1, 2, 40]) {
      const [own, whole] = [await read(rows), await read(rows, {})];
      assertEquals(own.map(({ length }) => length), whole.map(({ length }) => length));
      for (const [index, values] of own.entries()) {
        const apart = values.reduce(
          (most, value, i) => Math.max(most, Math.abs(value - whole[index]![i]!)),
          0,
        );
        assert(apart < 1e-4, `${rows} rows, array ${index}: ${apart}`);
      }
    }
    assertEquals(mx.liveHandles(), before);
  });
}

for (const [name, policy] of Object.entries(ROUTES)) {
  Deno.test(`rows behind empty positions give what they give alone, all of them and the last, ${name}`, async () => {
    const { model } = await loadFolder(DEMO_MODEL, { device: "cpu", policy });
    using _free = model;
    const { backend, decoder, config: { decoder: { width, layers } } } = model;
    const [empty, count] = [5, 70];
    await backend.exclusive(async () => {
      using rows = backend.build(() => mx.normal([1, empty + count, width], mx.randomKey(1)));
      using own = backend.build(() => mx.slice(rows, [0, empty, 0], [1, empty + count, width]));
      const pass = async (input: mx.MLXArray, padding: number, last: number): Promise<Float32Array> => {
        using cache = new KVCache(layers, [padding]);
        using hidden = backend.build(() => decoder.apply(input, cache, { last }));
        await backend.evaluate(hidden);
        return mx.toFloat32(hidden).slice(-last * width);
      };
      for (const last of [count, 40, 1]) {
        const [alone, behind] = [await pass(own, 0, last), await pass(rows, empty, last)];
        // Positions are counted from the first that is not empty.
        const apart = alone.map((value, index) => Math.abs(value - behind[index]!));
        assert(Math.max(...apart) < TOLERANCE, `the last ${last}: ${Math.max(...apart)}`);
      }
    });
  });
}

Deno.test("Decoder.stagesAt() ends between two stages when it is aborted", async () => {
  const { model } = await loadFolder(DEMO_ALIGNER, { device: "cpu", policy: { stageRows: 1 } });
  using _free = model;
  const { backend, decoder, config: { decoder: { width } } } = model;
  const controller = new AbortController();
  using rows = await backend.exclusive(() =>
    backend.build(() => mx.normal([1, LENGTH, width], mx.randomKey(1)))
  );
  const before = mx.liveHandles();
  const stages = function* () {
    for (const stage of decoder.stagesAt(rows, POSITIONS)) {
      yield stage;
      controller.abort(new Error("enough"));
    }
    throw new Error("went on");
  };
  await assertRejects(
    () => backend.runStages(stages, { signal: controller.signal, inTurns: true }),
    Error,
    "enough",
  );
  assertEquals(mx.liveHandles(), before);
});
