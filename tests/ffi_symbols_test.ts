import { assert, assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { openLibrary } from "../ffi/mod.ts";
import { SYMBOLS } from "../ffi/symbols.ts";
import { generateSymbols } from "../scripts/generate_symbols.ts";

const SOURCE = fromFileUrl(new URL("../ffi/symbols.ts", import.meta.url));
const { path, generation } = openLibrary();
const INCLUDE = join(dirname(path), "..", "include");
const CC = Deno.env.get("CC") ?? "cc";

interface Row {
  header: string;
  prototype: string;
  key: string;
  /** The C function. */
  name: string;
  parameters: readonly string[];
  result: string;
}

/** The table as its text shows it, joined with what the module exports. */
async function rows(): Promise<Row[]> {
  const symbols = new Map<string, Deno.ForeignFunction>(Object.entries(SYMBOLS));
  const found: Row[] = [];
  let header = "", prototype = "";
  for (const line of (await Deno.readTextFile(SOURCE)).split("\n")) {
    const section = line.match(/^ {2}\/\/ ---- (\S+)$/), comment = line.match(/^ {2}\/\/ (.+\))$/);
    const entry = line.match(/^ {2}(\w+): \{/);
    if (section) header = section[1]!;
    else if (comment) prototype = comment[1]!;
    else if (entry) {
      const key = entry[1]!, { name = key, parameters, result } = symbols.get(key)!;
      found.push({
        header,
        prototype,
        key,
        name,
        parameters: parameters.map(String),
        result: String(result),
      });
    }
  }
  return found;
}

/** Every C type in the table and how it travels, written down by hand from the ABI and not from the generator. */
const TRAVELS: Record<string, string> = {
  // Numbers, by width and register class.
  "void": "void",
  "bool": "bool",
  "int": "i32",
  "float": "f32",
  "double": "f64",
  "size_t": "usize",
  "uint64_t": "u64",
  // Enumerations are ints.
  "mlx_dtype": "i32",
  "mlx_device_type": "i32",
  "mlx_fft_norm": "i32",
  // One pointer in a struct, one integer register.
  "mlx_array": "u64",
  "mlx_closure": "u64",
  "mlx_device": "u64",
  "mlx_map_string_to_array": "u64",
  "mlx_map_string_to_string": "u64",
  "mlx_stream": "u64",
  "mlx_string": "u64",
  "mlx_vector_array": "u64",
  // Eight bytes, a value and a flag, one integer register.
  "mlx_optional_float": "u64",
  "mlx_optional_int": "u64",
  "mlx_optional_dtype": "u64",
  // Addresses from elsewhere.
  "mlx_error_handler_func": "pointer",
  "void*": "pointer",
  "void (*)(void*)": "pointer",
  "int (*)(mlx_vector_array*, mlx_vector_array)": "pointer",
  // Memory of ours: input, or where the result goes.
  "bool*": "buffer",
  "char*": "buffer",
  "int*": "buffer",
  "int64_t*": "buffer",
  "size_t*": "buffer",
  "mlx_array*": "buffer",
  "mlx_closure*": "buffer",
  "mlx_map_string_to_array*": "buffer",
  "mlx_map_string_to_string*": "buffer",
  "mlx_string*": "buffer",
  "mlx_vector_array*": "buffer",
};

/** Where the table deviates by meaning: memory of ours that C only knows as an address. */
const OURS = new Set(["mlx_array_new_data: const void* data"]);

/** `int f(const a* x, b (*y)(c))` cut into its parts. */
function cut(prototype: string): { result: string; name: string; parameters: string[] } {
  const open = prototype.indexOf("(");
  const head = prototype.slice(0, open), list = prototype.slice(open + 1, -1);
  const name = head.match(/\w+$/)![0];
  const parameters: string[] = [];
  let depth = 0, current = "";
  for (const character of list) {
    if (character === "," && depth === 0) {
      parameters.push(current.trim());
      current = "";
      continue;
    }
    depth += Number(character === "(") - Number(character === ")");
    current += character;
  }
  if (current.trim() !== "" && current.trim() !== "void") parameters.push(current.trim());
  return { result: head.slice(0, -name.length).trim(), name, parameters };
}

/** The type of a parameter without its name and without const. */
function typeOf(parameter: string): string {
  const nameless = parameter.includes("(*")
    ? parameter.replace(/\(\*\w*\)/, "(*)")
    : parameter.replace(/\b\w+$/, "");
  return nameless.replace(/\bconst\b/g, "").replace(/\s+/g, " ").replace(/ ?\*/g, "*").trim()
    .replace("void(*)", "void (*)");
}

Deno.test("every row of the symbol table has the foreign types of its C prototype", async () => {
  const all = await rows();
  assertEquals(all.length, Object.keys(SYMBOLS).length);
  for (const { key, name, prototype, parameters, result } of all) {
    const c = cut(prototype);
    assertEquals(c.name, name, key);
    const expected = c.parameters.map((parameter) =>
      OURS.has(`${name}: ${parameter}`)
        ? "buffer"
        : TRAVELS[typeOf(parameter)] ?? `unknown ${typeOf(parameter)}`
    );
    assertEquals([...parameters], expected, prototype);
    // A result that is an address is memory of theirs.
    const wanted = c.result.endsWith("*") ? "pointer" : TRAVELS[c.result] ?? `unknown ${c.result}`;
    assertEquals(result, wanted, prototype);
  }
});

Deno.test("every function of the symbol table is called by the binding", async () => {
  const folder = dirname(SOURCE);
  const sources: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name !== "symbols.ts") sources.push(await Deno.readTextFile(join(folder, name)));
  }
  const called = new Set(
    sources.flatMap((text) =>
      [...text.matchAll(/\b(?:native|symbols|SYMBOLS)\.(\w+)/g)].map(([, key]) => key)
    ),
  );
  assertEquals(Object.keys(SYMBOLS).filter((key) => !called.has(key)), []);
});

Deno.test("only the calls that wait have a nonblocking second name", () => {
  const waiting = Object.entries(SYMBOLS).filter(([, symbol]) => "nonblocking" in symbol);
  assertEquals(
    waiting.map(([key, symbol]) => [key, "name" in symbol ? symbol.name : key]),
    [
      ["mlx_array_wait_nonblocking", "_mlx_array_wait"],
      ["mlx_eval_nonblocking", "mlx_eval"],
    ],
  );
});

Deno.test("every prototype of the symbol table stands in the header that the table names", async () => {
  const squeeze = (text: string) =>
    text.replace(/\/\*[^]*?\*\//g, "").replace(/\s+/g, "").replaceAll("(void)", "()");
  const headers = new Map<string, string>();
  for (const { header, prototype } of await rows()) {
    if (!headers.has(header)) headers.set(header, squeeze(await Deno.readTextFile(join(INCLUDE, header))));
    assert(headers.get(header)!.includes(`${squeeze(prototype)};`), `${header} has no ${prototype}`);
  }
});

Deno.test("generate_symbols.ts makes the same bytes from the built library's headers", async () => {
  const made = await generateSymbols(INCLUDE);
  const table = await Deno.readTextFile(SOURCE);
  const withoutComments = (text: string) => text.replace(/^ *\/\/.*\n/gm, "");
  assertEquals(withoutComments(made), withoutComments(table));
  // Another generation with the same functions may name parameters differently.
  if (generation === "mlx-c for MLX 0.32.2") assertEquals(made, table);
});

/** What the C compiler must find true of a type that travels as one of ours. */
const ABI: Record<string, (type: string) => string> = {
  bool: (type) => `SAME(${type}, _Bool)`,
  i32: (type) => `sizeof(${type}) == 4 && (${type})0.5 == 0`,
  f32: (type) => `SAME(${type}, float)`,
  f64: (type) => `SAME(${type}, double)`,
  usize: (type) => `SAME(${type}, size_t)`,
  u64: (type) => `sizeof(${type}) == 8 && !SAME(${type}, double)`,
  void: (type) => `SAME(${type}, void)`,
  buffer: (type) => `sizeof(${type}) == sizeof(void*) && IS_POINTER(${type})`,
  pointer: (type) => `sizeof(${type}) == sizeof(void*) && IS_POINTER(${type})`,
};

Deno.test("the C compiler agrees with the prototypes and with the width of every type", async () => {
  const checks: string[] = [];
  for (const { key, name, prototype, parameters, result } of await rows()) {
    const c = cut(prototype);
    const types = c.parameters.map((parameter) =>
      parameter.includes("(*")
        ? parameter.replace(/\(\*\w*\)/, "(*)")
        : parameter.replace(/\b\w+$/, "").trim()
    );
    const signature = `__typeof__(${c.result}) (*)(${types.join(", ") || "void"})`;
    checks.push(`_Static_assert(SAME(__typeof__(&${name}), ${signature}), "${key}");`);
    for (
      const [type, foreign] of [...types.map((type, i) => [type, parameters[i]!]), [
        c.result,
        result,
      ]] as const
    ) {
      checks.push(
        `_Static_assert(${ABI[foreign!]!(`__typeof__(${type})`)}, "${key}: ${type} as ${foreign}");`,
      );
    }
  }
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "abi.c");
    await Deno.writeTextFile(
      file,
      `#include "mlx/c/mlx.h"
       #define SAME(a, b) __builtin_types_compatible_p(a, b)
       #define IS_POINTER(t) (__builtin_classify_type(*(t*)0) == 5)
       ${checks.join("\n")}\n`,
    );
    const { success, stderr } = await new Deno.Command(CC, {
      args: ["-std=gnu11", "-fsyntax-only", `-I${INCLUDE}`, file],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
