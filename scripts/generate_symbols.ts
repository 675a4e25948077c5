/**
 * Writes ffi/symbols.ts from the C headers of the mlx-c that we build.
 *
 *   deno run -A scripts/generate_symbols.ts [--check] INCLUDE_DIR   (the folder that holds mlx/c/*.h)
 *
 * The same headers give the same bytes. `--check` writes nothing and exits 1 when the table is not up to date.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";

/**
 * The functions that ffi/ calls, by header. Opening the library costs time for every one, so there is none without a
 * caller (tests/ffi_symbols_test.ts).
 */
const WANTED: Record<string, string[]> = {
  "error.h": ["mlx_set_error_handler"],
  "version.h": ["mlx_version"],
  "string.h": ["mlx_string_new", "mlx_string_data", "mlx_string_free"],
  "device.h": ["mlx_device_new_type", "mlx_device_free", "mlx_device_count"],
  "stream.h": [
    "mlx_stream_new_thread_unsafe",
    "mlx_stream_free",
    "mlx_synchronize",
    "mlx_default_cpu_stream_new",
    "mlx_default_gpu_stream_new",
  ],
  "memory.h": [
    "mlx_clear_cache",
    "mlx_get_active_memory",
    "mlx_get_cache_memory",
    "mlx_get_peak_memory",
    "mlx_reset_peak_memory",
    "mlx_set_cache_limit",
  ],
  "array.h": [
    "mlx_array_new_data",
    "mlx_array_new_float32",
    "mlx_array_free",
    "mlx_array_ndim",
    "mlx_array_dim",
    "mlx_array_size",
    "mlx_array_nbytes",
    "mlx_array_dtype",
    "mlx_array_data_uint8",
    "mlx_array_wait_nonblocking",
    "_mlx_array_is_available",
    "_mlx_array_is_row_contiguous",
  ],
  "vector.h": [
    "mlx_vector_array_new",
    "mlx_vector_array_new_data",
    "mlx_vector_array_free",
    "mlx_vector_array_get",
    "mlx_vector_array_set_data",
    "mlx_vector_array_size",
  ],
  "map.h": [
    "mlx_map_string_to_array_new",
    "mlx_map_string_to_array_free",
    "mlx_map_string_to_array_insert",
    "mlx_map_string_to_array_get",
    "mlx_map_string_to_string_new",
    "mlx_map_string_to_string_free",
    "mlx_map_string_to_string_insert",
  ],
  "closure.h": ["mlx_closure_new_func", "mlx_closure_free", "mlx_closure_apply"],
  "compile.h": ["mlx_compile"],
  "io.h": ["mlx_load_safetensors", "mlx_save_safetensors"],
  "transforms.h": ["mlx_eval", "mlx_eval_nonblocking", "mlx_async_eval"],
  "fft.h": ["mlx_fft_rfft"],
  "random.h": ["mlx_random_key", "mlx_random_normal", "mlx_random_categorical"],
  "fast.h": [
    "mlx_fast_layer_norm",
    "mlx_fast_rms_norm",
    "mlx_fast_rope",
    "mlx_fast_rope_dynamic",
    "mlx_fast_scaled_dot_product_attention",
  ],
  "ops.h": `
    abs add addmm arange argmax_axis argsort_axis as_strided astype broadcast_to concatenate_axis contiguous
    conv2d cos dequantize divide equal erf exp greater greater_equal less less_equal log log10
    logical_and logical_or logsumexp_axis matmul max max_axis maximum mean_axis min_axis minimum multiply
    negative pad power quantize quantized_matmul reshape rsqrt sigmoid sin slice slice_update
    softmax_axis split_sections sqrt square subtract sum_axis swapaxes take_along_axis
    take_axis tanh transpose_axes where zeros
  `.trim().split(/\s+/).map((name) => `mlx_${name}`),
};

/** Names of ours for functions that are called on a pool thread. */
const NONBLOCKING: Record<string, string> = {
  mlx_eval_nonblocking: "mlx_eval",
  mlx_array_wait_nonblocking: "_mlx_array_wait",
};

/** Younger than the oldest generation that the library search wants to tell apart by itself. */
const OPTIONAL = new Set(["mlx_stream_new_thread_unsafe"]);

const SCALARS: Record<string, string> = {
  void: "void",
  bool: "bool",
  int: "i32",
  float: "f32",
  double: "f64",
  size_t: "usize",
  uint64_t: "u64",
  mlx_dtype: "i32",
  mlx_device_type: "i32",
  mlx_fft_norm: "i32",
  mlx_error_handler_func: "pointer",
};

/** Handles are `struct { void* ctx }` and optionals 8 bytes: both travel in one integer register, so u64. */
function foreignType(cType: string, isResult: boolean): string {
  const bare = cType.replace(/\bconst\b/g, "").replace(/\s+/g, "");
  if (bare.includes("(*")) return "pointer";
  if (bare.endsWith("*")) {
    if (isResult) return "pointer";
    return bare === "void*" && !/\bconst\b/.test(cType) ? "pointer" : "buffer";
  }
  const scalar = SCALARS[bare];
  if (scalar !== undefined) return scalar;
  if (/^mlx_[a-z0-9_]+$/.test(bare)) return "u64";
  throw new Error(`No foreign type for C type "${cType}"`);
}

interface Prototype {
  name: string;
  text: string;
  parameters: string[];
  result: string;
}

function splitParameters(list: string): string[] {
  if (list.trim() === "" || list.trim() === "void") return [];
  return list.split(/,(?![^(]*\))/).map((part) => part.trim());
}

function parsePrototypes(header: string, names: readonly string[]): Map<string, Prototype> {
  const plain = header.replace(/\/\*[^]*?\*\//g, "").replace(/\/\/.*$/gm, "").replace(/^#.*$/gm, "");
  const found = new Map<string, Prototype>();
  const pattern =
    /(?:^|[;{}]\s*)((?:const\s+)?[a-z_][a-z0-9_]*\s*\*?)\s*\b(_?mlx_[a-z0-9_]+)\s*\(((?:[^()]|\([^()]*\))*)\)\s*(?=;)/gi;
  for (const [, result, name, list] of plain.matchAll(pattern)) {
    if (!names.includes(name!)) continue;
    const parts = splitParameters(list ?? "");
    const parameters = parts.map((part) => {
      if (part.includes("(*")) return foreignType(part, false);
      return foreignType(part.replace(/\b[a-z_][a-z0-9_]*$/i, ""), false);
    });
    const text = `${result!.trim()} ${name}(${parts.map((part) => part.replace(/\s+/g, " ")).join(", ")})`;
    found.set(name!, { name: name!, text, parameters, result: foreignType(result!, true) });
  }
  return found;
}

function entry(key: string, prototype: Prototype): string {
  const isRenamed = key !== prototype.name;
  const fields = [
    ...(isRenamed ? [`name: "${prototype.name}"`] : []),
    `parameters: [${prototype.parameters.map((type) => `"${type}"`).join(", ")}]`,
    `result: "${prototype.result}"`,
    ...(isRenamed ? ["nonblocking: true"] : []),
    ...(OPTIONAL.has(prototype.name) ? ["optional: true"] : []),
  ];
  return `  // ${prototype.text}\n  ${key}: { ${fields.join(", ")} },\n`;
}

/** The text of ffi/symbols.ts for the headers in `includeFolder`. */
export async function generateSymbols(includeFolder: string): Promise<string> {
  let body = "";
  for (const [header, keys] of Object.entries(WANTED)) {
    const nameOf = (key: string) => NONBLOCKING[key] ?? key;
    const text = await Deno.readTextFile(join(includeFolder, "mlx", "c", header));
    const prototypes = parsePrototypes(text, keys.map(nameOf));
    body += `\n  // ---- mlx/c/${header}\n`;
    for (const key of keys) {
      const prototype = prototypes.get(nameOf(key));
      if (!prototype) throw new Error(`${header} declares no ${nameOf(key)}`);
      body += entry(key, prototype);
    }
  }
  return `// Generated by scripts/generate_symbols.ts from the headers of mlx-c. Do not edit.\n` +
    `// deno-fmt-ignore-file\n\n` +
    `/** Foreign functions of libmlxc: handles and optionals are one integer register, so \`u64\` (see scripts/generate_symbols.ts). */\n` +
    `export const SYMBOLS = {${body}} as const satisfies Deno.ForeignLibraryInterface;\n`;
}

if (import.meta.main) {
  const folder = Deno.args.find((argument) => !argument.startsWith("--"));
  if (!folder) {
    console.error("Usage: generate_symbols.ts [--check] INCLUDE_DIR");
    Deno.exit(2);
  }
  const place = fromFileUrl(new URL("../ffi/symbols.ts", import.meta.url));
  const text = await generateSymbols(folder);
  if (Deno.args.includes("--check")) {
    const same = await Deno.readTextFile(place).catch(() => "") === text;
    console.error(same ? "ffi/symbols.ts is up to date." : "ffi/symbols.ts differs from the headers.");
    Deno.exit(same ? 0 : 1);
  }
  await Deno.writeTextFile(place, text);
  console.error(`Wrote ${place}`);
}
