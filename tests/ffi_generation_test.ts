import { assert, assertEquals, assertMatch } from "@std/assert";
import { basename, dirname, join } from "@std/path";
import { classify, MARKERS } from "../ffi/generation.ts";
import { SYMBOLS } from "../ffi/symbols.ts";
import { openInProcess } from "./support/ffi_script.ts";
import { alteredLibrary, hollowLibrary } from "./support/ffi_standin.ts";

const [BARTLETT, FFTFREQ, THREAD_UNSAFE, THREAD_LOCAL] = MARKERS;

const CLASSES: [markers: string[], mlxVersion: string, name: string, supported: boolean][] = [
  [[], "0.29.0", "mlx-c before 0.6.0", false],
  [[BARTLETT], "0.30.1", "mlx-c 0.6.0", false],
  [[BARTLETT, FFTFREQ], "0.31.2", "mlx-c for MLX 0.31", false],
  [[BARTLETT, FFTFREQ], "0.32.2", "mlx-c for MLX 0.31", false],
  [[BARTLETT, FFTFREQ, THREAD_UNSAFE], "0.32.2", "mlx-c for MLX 0.32.2", true],
  [[BARTLETT, FFTFREQ, THREAD_UNSAFE], "0.32.0", "mlx-c for MLX 0.32.2", true],
  [[BARTLETT, FFTFREQ, THREAD_UNSAFE], "0.31.9", "mlx-c for MLX 0.32.2", false],
  [[BARTLETT, FFTFREQ, THREAD_UNSAFE], "", "mlx-c for MLX 0.32.2", false],
  [[BARTLETT, FFTFREQ, THREAD_UNSAFE], "0.32.3.dev20260101+abc", "mlx-c for MLX 0.32.2", true],
  [[...MARKERS], "0.33.0", "mlx-c 0.7.0", true],
  [[...MARKERS], "1.0.0", "mlx-c 0.7.0", true],
  [[...MARKERS], "0.4.10", "mlx-c 0.7.0", false],
  [[THREAD_LOCAL], "0.32.2", `unknown (has ${THREAD_LOCAL} but not ${BARTLETT})`, false],
  [[BARTLETT, THREAD_UNSAFE], "0.32.2", `unknown (has ${THREAD_UNSAFE} but not ${FFTFREQ})`, false],
];

Deno.test("classify() tells generations apart by their symbols and MLX's version", () => {
  for (const [markers, version, name, supported] of CLASSES) {
    const isOld = !supported && !name.startsWith("unknown");
    assertEquals(
      classify((symbol) => markers.includes(symbol), version),
      { name, supported, isOld },
      version,
    );
  }
});

/** Every name that the table binds. */
function boundNames(): Set<string> {
  return new Set(
    Object.entries(SYMBOLS).map(([key, symbol]) => "name" in symbol ? symbol.name : key),
  );
}

async function refusal(path: string): Promise<string> {
  const { opened, error } = await openInProcess({ QWEN3_ASR_MLX_C: path });
  assertEquals([opened, error?.name], [undefined, "LibraryError"]);
  return error!.message;
}

for (
  const [name, missing, version, expected] of [
    ["mlx-c of MLX 0.31", [THREAD_UNSAFE, THREAD_LOCAL], "0.31.2", "mlx-c for MLX 0.31 over MLX 0.31.2"],
    ["mlx-c 0.6.0", [FFTFREQ, THREAD_UNSAFE, THREAD_LOCAL], "0.30.0", "mlx-c 0.6.0 over MLX 0.30.0"],
    ["mlx-c 0.5", [...MARKERS, "mlx_quantize"], "0.29.0", "mlx-c before 0.6.0"],
    ["young symbols over an old MLX", [THREAD_LOCAL], "0.31.9", "mlx-c for MLX 0.32.2 over MLX 0.31.9"],
    ["no version at all", [THREAD_LOCAL], "", "mlx-c for MLX 0.32.2 over MLX of unknown version"],
    ["a strange mixture", [BARTLETT], "0.32.2", `unknown (has ${FFTFREQ} but not ${BARTLETT})`],
  ] as const
) {
  Deno.test(`openLibrary() refuses ${name} before the first real call, with the cure`, async () => {
    const functions = boundNames().union(new Set(MARKERS)).difference(new Set<string>(missing));
    const path = await hollowLibrary(name.replaceAll(/\W+/g, "-"), version, functions);
    const message = await refusal(path);
    assert(message.startsWith(`Cannot use the mlx-c at ${path}: it is ${expected}`), message);
    assertMatch(message, /wrong arguments\. .*scripts\/build_mlx_c\.sh.*unset QWEN3_ASR_MLX_C/);
    assert(!message.includes("\n"), message);
  });
}

for (
  const [state, missing, version, upgrade] of [
    ["0.6.0 over MLX 0.31", [FFTFREQ, THREAD_UNSAFE, THREAD_LOCAL], "0.31.2", true],
    ["0.6.0 over MLX 0.32.1", [FFTFREQ, THREAD_UNSAFE, THREAD_LOCAL], "0.32.1", true],
    [
      "0.6.0 without a function that we need",
      [FFTFREQ, THREAD_UNSAFE, THREAD_LOCAL, "mlx_addmm"],
      "0.32.1",
      true,
    ],
    ["of no known time", [BARTLETT], "0.32.2", false],
  ] as const
) {
  Deno.test(`openLibrary() says of Homebrew's mlx-c ${state} ${upgrade ? "how to upgrade it" : "no upgrade"}`, async () => {
    const functions = boundNames().union(new Set(MARKERS)).difference(new Set<string>(missing));
    const built = await hollowLibrary(`homebrew-${state.replaceAll(/\W+/g, "-")}`, version, functions);
    const folder = join(await Deno.makeTempDir(), "homebrew");
    try {
      await Deno.mkdir(folder);
      const path = join(folder, basename(built));
      await Deno.copyFile(built, path);
      const message = await refusal(path);
      assertEquals(message.includes("`brew upgrade mlx-c`"), upgrade, message);
      assert(!(await refusal(built)).includes("brew upgrade"), "it is not Homebrew's");
    } finally {
      await Deno.remove(dirname(folder), { recursive: true });
    }
  });
}

Deno.test("openLibrary() names a function that a library of the right generation lacks", async () => {
  const functions = boundNames().union(new Set(MARKERS)).difference(new Set(["mlx_addmm"]));
  const path = await hollowLibrary("no-addmm", "0.32.2", functions);
  assertMatch(await refusal(path), /it is mlx-c 0\.7\.0 \(.*mlx_addmm/);
});

Deno.test("openLibrary() takes a stand-in that changes nothing", async () => {
  const path = await alteredLibrary("unchanged", "");
  assertEquals(await openInProcess({ QWEN3_ASR_MLX_C: path }), { opened: path });
});

/** Functions as older generations had them, or broken, and what the canary says of each. */
const ALTERED: Record<string, { source: string; fault: RegExp }> = {
  "attention without force_fused, as before MLX 0.32.2": {
    source: `
      int real_mlx_fast_scaled_dot_product_attention(
        handle*, handle, handle, handle, float, const char*, handle, handle, bool, handle);
      int mlx_fast_scaled_dot_product_attention(handle* res, handle queries, handle keys, handle values,
          float scale, const char* mask_mode, handle mask_arr, handle sinks, handle s) {
        return REAL(mlx_fast_scaled_dot_product_attention)(
          res, queries, keys, values, scale, mask_mode, mask_arr, sinks, false, s);
      }`,
    fault: /its attention fails \(mlx_fast_scaled_dot_product_attention: .*stream/,
  },
  "attention that aligns the causal mask at the start": {
    source: `
      int real_mlx_fast_scaled_dot_product_attention(
        handle*, handle, handle, handle, float, const char*, handle, handle, bool, handle);
      int mlx_fast_scaled_dot_product_attention(handle* res, handle queries, handle keys, handle values,
          float scale, const char* mask_mode, handle mask_arr, handle sinks, bool force_fused, handle s) {
        return REAL(mlx_fast_scaled_dot_product_attention)(
          res, queries, keys, values, scale, "", mask_arr, sinks, force_fused, s);
      }`,
    fault: /its attention gives wrong numbers/,
  },
  "rope that turns only the first row of a batch, as before MLX 0.32": {
    source: `
      int real_mlx_fast_rope(handle*, handle, int, bool, optional_float, float, int, handle, handle);
      int real_mlx_slice(handle*, handle, const int*, size_t, const int*, size_t, const int*, size_t, handle);
      int real_mlx_slice_update(
        handle*, handle, handle, const int*, size_t, const int*, size_t, const int*, size_t, handle);
      int mlx_fast_rope(handle* res, handle x, int dims, bool traditional, optional_float base, float scale,
          int offset, handle freqs, handle s) {
        handle turned = {0}, first = {0};
        int zero[] = {0, 0, 0, 0}, end[] = {1, 1, 1, dims}, one[] = {1, 1, 1, 1};
        return REAL(mlx_fast_rope)(&turned, x, dims, traditional, base, scale, offset, freqs, s)
          || REAL(mlx_slice)(&first, turned, zero, 4, end, 4, one, 4, s)
          || REAL(mlx_slice_update)(res, x, first, zero, 4, end, 4, one, 4, s);
      }`,
    fault: /its rope gives wrong numbers/,
  },
  "quantize without global_scale, as before 0.6.0": {
    source: `
      int real_mlx_quantize(handle*, handle, optional_int, optional_int, const char*, handle, handle);
      int mlx_quantize(
          handle* res, handle w, optional_int group_size, optional_int bits, const char* mode, handle s) {
        handle none = {0};
        return REAL(mlx_quantize)(res, w, group_size, bits, mode, none, s);
      }`,
    fault: /its quantization fails \(mlx_quantize: .*stream/,
  },
  "dequantize that ignores the offsets": {
    source: `
      int real_mlx_dequantize(handle*, handle, handle, handle, optional_int, optional_int, const char*, handle,
        optional_int, handle);
      int mlx_dequantize(handle* res, handle w, handle scales, handle biases, optional_int group_size,
          optional_int bits, const char* mode, handle global_scale, optional_int dtype, handle s) {
        return REAL(mlx_dequantize)(res, w, scales, scales, group_size, bits, mode, global_scale, dtype, s);
      }`,
    fault: /its quantization gives wrong numbers/,
  },
  "quantized_matmul with a global scale, as after mlx-c 0.7.0": {
    source: `
      int real_mlx_quantized_matmul(handle*, handle, handle, handle, handle, bool, optional_int, optional_int,
        const char*, handle);
      int mlx_quantized_matmul(handle* res, handle x, handle w, handle scales, handle biases, bool transpose,
          optional_int group_size, optional_int bits, const char* mode, handle global_scale, handle s) {
        if (global_scale.ctx) __builtin_trap(); /* Whoever takes it for the stream brings the process down. */
        return REAL(mlx_quantized_matmul)(res, x, w, scales, biases, transpose, group_size, bits, mode, s);
      }`,
    fault: /its quantization takes a global scale, which came with a later generation/,
  },
  "rfft without norm, as before MLX 0.31.2": {
    source: `
      int real_mlx_fft_rfft(handle*, handle, int, int, int, handle);
      int mlx_fft_rfft(handle* res, handle a, int n, int axis, handle s) {
        return REAL(mlx_fft_rfft)(res, a, n, axis, 0, s);
      }`,
    fault: /its Fourier transform fails \(mlx_fft_rfft: .*stream/,
  },
};

for (const [name, { source, fault }] of Object.entries(ALTERED)) {
  Deno.test(`openLibrary() notices ${name}`, async () => {
    const path = await alteredLibrary(name.replaceAll(/\W+/g, "-"), source);
    const message = await refusal(path);
    assertMatch(message, /^Cannot use the mlx-c at .*: it calls itself mlx-c [^,]*, but /);
    assertMatch(message, fault);
    assertMatch(message, /scripts\/build_mlx_c\.sh/);
    assert(!message.includes("\n"), message);
  });
}
