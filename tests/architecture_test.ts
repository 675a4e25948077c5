/**
 * The law of the rooms (docs/architecture.md): arrows go one way, and nobody below knows who is above.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

async function walk(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    if (["node_modules", "coverage", ".git", ".cache"].includes(name)) continue;
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) found.push(...await walk(path));
    else found.push(path);
  }
  return found.sort();
}

/** Paths of the project's files: what git tracks, or all there are where this is no checkout. */
async function projectFiles(): Promise<string[]> {
  const git = await new Deno.Command("git", { args: ["ls-files", "-z"], cwd: ROOT }).output().catch(() =>
    null
  );
  if (!git?.success) return await walk("");
  const listed = new TextDecoder().decode(git.stdout).split("\0").filter((path) => path !== "");
  const exists = await Promise.all(
    listed.map((path) => Deno.stat(join(ROOT, path)).then(() => true, () => false)),
  );
  return listed.filter((_, i) => exists[i]);
}

const files = await projectFiles();
const texts = new Map<string, string>();
for (const path of files) {
  const bytes = await Deno.readFile(join(ROOT, path));
  if (!bytes.subarray(0, 8192).includes(0)) texts.set(path, new TextDecoder().decode(bytes));
}

/** Text files whose path matches. */
function matching(pattern: RegExp): [path: string, text: string][] {
  return [...texts].filter(([path]) => pattern.test(path));
}

/** Lines of TypeScript with comments and the contents of strings blanked, line numbers kept. */
function codeLines(text: string): string[] {
  const strings = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;
  return text
    .replace(/\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(strings, (literal) => `"${" ".repeat(literal.length - 2)}"`)
    .replace(/\/\/.*$/gm, "")
    .split("\n");
}

/** `path:line` of every line of code that matches. */
function offences(pattern: RegExp, where: RegExp, except?: RegExp): string[] {
  return matching(where).filter(([path]) => !except?.test(path)).flatMap(([path, text]) =>
    codeLines(text).flatMap((line, i) => pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])
  );
}

interface Import {
  from: string;
  /** Path in the project, or a bare specifier. */
  to: string;
  /** The names between braces, empty for other forms. */
  names: string[];
}

function importsOf(path: string, text: string): Import[] {
  const plain = text.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const statement =
    /(?:^|\n)\s*(?:import|export)\b([^;"]*?)\bfrom\s*"([^"]+)"|(?:^|\n)\s*import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/g;
  return [...plain.matchAll(statement)].map(([, clause, named, bare, dynamic]) => {
    const specifier = (named ?? bare ?? dynamic)!;
    const to = specifier.startsWith(".")
      ? new URL(specifier, `file:///${path}`).pathname.slice(1)
      : specifier;
    const names = clause?.match(/\{([^}]*)\}/)?.[1]?.split(",").map((name) => name.trim()) ?? [];
    return {
      from: path,
      to,
      names: names.map((name) => name.replace(/^type /, "")).filter((name) => name !== ""),
    };
  });
}

const allImports = matching(/\.ts$/).flatMap(([path, text]) => importsOf(path, text));

/** Small files that all of lib shares. */
const SHARED = (
  "abortable address bell breathe check_options clock display_width displayable errors escape_html " +
  "event_queue join_arrays load_once mutex nearest_name option_words text_file transcript"
).split(" ").map((name) => `lib/${name}.ts`);

/** The room of a file: its folder, `lib` for what ties the rooms of lib together. */
function roomOf(path: string): string {
  if (SHARED.includes(path)) return "shared";
  return path.match(/^lib\/\w+(?=\/)/)?.[0] ?? path.match(/^\w+(?=\/)/)?.[0] ?? path;
}

function isOutside(to: string): boolean {
  return /^(node:|npm:|jsr:|@)/.test(to);
}

/** What a room may import besides itself, `node:` and packages. */
const MAY_IMPORT: Record<string, string[]> = {
  "ffi": [],
  "shared": [],
  "lib/audio": ["shared"],
  "lib/vad": ["shared", "ffi", "lib/audio"],
  "lib/model": ["shared", "ffi"],
  "lib/text": ["shared"],
  "lib/hub": ["shared"],
  "lib/setup": ["shared", "lib/hub"],
  "lib/output": ["shared"],
  "lib/plot": ["shared"],
  "lib/view": ["shared", "lib/plot", "lib/recognize"],
  "lib/recognize": ["shared", "ffi", "lib/audio", "lib/vad", "lib/model", "lib/text"],
  "lib": ["shared", "ffi", "lib/audio", "lib/vad", "lib/model", "lib/text", "lib/hub", "lib/recognize"],
  "mod.ts": [
    "shared",
    "ffi",
    "lib",
    "lib/audio",
    "lib/text",
    "lib/output",
    "lib/recognize",
    "lib/vad",
    "lib/cli",
    "lib/server",
  ],
  "lib/cli": [
    "shared",
    "ffi",
    "lib",
    "lib/audio",
    "lib/text",
    "lib/hub",
    "lib/output",
    "lib/recognize",
    "lib/setup",
    "lib/plot",
    "lib/prove",
    "lib/fleet",
    "lib/vad",
    "lib/view",
  ],
  "lib/fleet": ["shared", "lib", "lib/audio", "lib/hub", "lib/recognize", "lib/vad"],
  "lib/prove": [
    "shared",
    "ffi",
    "lib",
    "lib/audio",
    "lib/hub",
    "lib/model",
    "lib/recognize",
    "lib/text",
  ],
  "lib/server": [
    "shared",
    "lib",
    "lib/audio",
    "lib/vad",
    "lib/text",
    "lib/hub",
    "lib/output",
    "lib/recognize",
    "lib/view",
  ],
  "std": [],
};

/** Single files that may do what their room may not. */
const EXCEPTIONS: Record<string, string[]> = {
  "lib/audio/mel.ts": ["ffi"],
};

for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
  Deno.test(`${room} imports ${allowed.join(", ") || "nothing"} besides itself`, () => {
    const wrong = allImports.filter(({ from, to }) => {
      if (roomOf(from) !== room || isOutside(to)) return false;
      return ![room, ...allowed, ...EXCEPTIONS[from] ?? []].includes(roomOf(to));
    });
    assertEquals(wrong.map(({ from, to }) => `${from} imports ${to}`), []);
  });
}

Deno.test("every folder with code has a law, and the laws see the imports", () => {
  const free = ["tests", "scripts", "bench", "notebooks"];
  const lawless = matching(/\.ts$/).map(([path]) => path)
    .filter((path) => !free.includes(roomOf(path)) && !(roomOf(path) in MAY_IMPORT));
  assertEquals(lawless, []);
  const seen = new Set(allImports.map(({ from, to }) => `${from} -> ${to}`));
  assert(seen.has("mod.ts -> lib/cli/main.ts"), "a dynamic import");
  assert(seen.has("mod.ts -> lib/qwen3_asr.ts"), "a re-export");
  assert(seen.has("ffi/array.ts -> ffi/error.ts"), "an import");
});

/** The shortest way along imports from a file back to itself, if there is one. */
function circleThrough(start: string, imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const ways = [[start]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const to of imports.get(way.at(-1)!) ?? []) {
      if (to === start) return [...way, to];
      if (seen.has(to)) continue;
      seen.add(to);
      ways.push([...way, to]);
    }
  }
  return undefined;
}

Deno.test("no files import each other, by whatever way round, types included", () => {
  const imports = new Map<string, string[]>();
  for (const { from, to } of allImports) imports.set(from, [...imports.get(from) ?? [], to]);
  const circles = [...imports.keys()].map((file) => circleThrough(file, imports)).filter((way) =>
    way !== undefined
  );
  const shortest = circles.sort((a, b) => a.length - b.length)[0];
  assertEquals(shortest?.join(" -> "), undefined, `${circles.length} files are on a circle`);
  const example = new Map([["a", ["b"]], ["b", ["c", "b2"]], ["c", ["a"]]]);
  assertEquals(circleThrough("b", example), ["b", "c", "a", "b"]);
  assertEquals(circleThrough("b2", example), undefined);
});

Deno.test("ffi/ is entered through its mod.ts", () => {
  // Counts and replaces single C functions: what it measures is the binding itself.
  const meters = ["bench/host_graph.ts"];
  const doors = allImports.filter(({ from, to }) => {
    return roomOf(to) === "ffi" && !meters.includes(from) &&
      !["ffi", "tests", "scripts"].includes(roomOf(from)) && to !== "ffi/mod.ts";
  });
  assertEquals(doors.map(({ from, to }) => `${from} imports ${to}`), []);
});

Deno.test("npm packages are imported where the architecture says so", () => {
  const ROOMS: Record<string, RegExp> = {
    "@std/path": /./,
    "@std/assert": /^(tests|bench|notebooks|std)\//,
    "@std/cli": /^(scripts|bench|tests|std)\//,
    "@huggingface/tokenizers": /^(lib\/text|tests)\//,
    "@nats-io/": /^lib\/fleet\//,
  };
  const wrong = allImports.filter(({ from, to }) => {
    const rule = Object.entries(ROOMS).find(([name]) => to.startsWith(name));
    return rule !== undefined && !rule[1].test(from);
  });
  assertEquals(wrong.map(({ from, to }) => `${from} imports ${to}`), []);
});

Deno.test("the files that tie lib together open MLX but touch no tensor", () => {
  const known = ["libraryInfo", "openLibrary", "LibraryInfo", "LibraryError", "MLXError", "deviceCount"];
  const tensors = allImports.filter(({ from, to }) => roomOf(from) === "lib" && roomOf(to) === "ffi")
    .flatMap(({ from, names }) =>
      names.filter((name) => !known.includes(name)).map((name) => `${from}: ${name}`)
    );
  assertEquals(tensors, []);
});

Deno.test("ffi/ knows nothing about speech", () => {
  const word =
    /\b(mels?|tokens?|tokenizer|audio|transcripts?|transcri\w+|utterances?|vocabulary|prompts?)\b/i;
  const wrong = matching(/^ffi\//).flatMap(([path, text]) =>
    text.split("\n").flatMap((line, i) => word.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])
  );
  assertEquals(wrong, []);
});

Deno.test("only lib/text knows how the model spells where its text begins", () => {
  const wrong = matching(/^lib\/(?!text\/).*\.ts$/).filter(([, text]) =>
    text.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, "").includes("asr_text")
  );
  assertEquals(wrong.map(([path]) => path), []);
});

Deno.test("mod.ts only exports, and jumps to the command line", () => {
  const own = codeLines(texts.get("mod.ts")!).filter((line) =>
    /^(export )?(async )?(function|class|const|let)\b/.test(line)
  );
  assertEquals(own, []);
});

Deno.test("library code prints nothing", () => {
  assertEquals(offences(/\bconsole\s*\./, /^(mod\.ts|lib\/|ffi\/)/, /^lib\/cli\//), []);
});

Deno.test("nothing is any, and nothing is cast through unknown outside ffi/", () => {
  const any = /(:|\bas|<|\||&|,|=>)\s*any\b(?!\s*[(:])/;
  assertEquals(offences(any, /\.ts$/), []);
  assertEquals(offences(/\bas unknown as\b/, /\.ts$/, /^ffi\//), []);
  const hidden = matching(/\.ts$/).filter(([path, text]) =>
    path !== "tests/architecture_test.ts" &&
    /deno-lint-ignore[^\n]*no-explicit-any|@ts-(ignore|nocheck)/.test(text)
  );
  assertEquals(hidden.map(([path]) => path), []);
});

Deno.test("ffi/ gives a reason where it casts through unknown", () => {
  const bare = matching(/^ffi\/.*\.ts$/).flatMap(([path, text]) => {
    const lines = text.split("\n");
    return lines.flatMap((line, i) =>
      line.includes("as unknown as") && !/\/\/ \S/.test(`${lines[i - 1] ?? ""}${line}`)
        ? [`${path}:${i + 1}`]
        : []
    );
  });
  assertEquals(bare, []);
});

const LONGEST = 400;

/** Files that may be longer, and why. */
const LONG: Record<string, string> = {
  "tests/hub_download_test.ts": "one fake hub and every way a download can go wrong",
};

Deno.test(`no file has more than ${LONGEST} lines without a reason`, () => {
  const long = matching(/\.(ts|sh)$/).filter(([, text]) => text.split("\n").length - 1 > LONGEST).map((
    [path],
  ) => path);
  assertEquals(long.filter((path) => !(path in LONG)), []);
});

Deno.test("no file names a folder of somebody's machine", () => {
  const place = /(?<![\w.~$}])\/(?:root|work|(?:home|Users)\/[a-z]\w*)\/\w/;
  const wrong = [...texts].flatMap(([path, text]) =>
    text.split("\n").flatMap((line, i) =>
      place.test(line) ? [`${path}:${i + 1}: ${line.trim().slice(0, 120)}`] : []
    )
  );
  assertEquals(wrong, []);
});

/** Hosts of package registries, and addresses that mean something on one network only. */
function isForeignHost(host: string): boolean {
  const registries =
    /(^|\.)(registry\.\w+\.\w+|npmjs\.(org|com)|yarnpkg\.com|pypi\.org|pythonhosted\.org|crates\.io|npm\.jsr\.io)$/;
  if (registries.test(host) || /(artifactory|nexus|devpi|verdaccio)/.test(host)) return true;
  if (/\.(internal|intra|local|lan|corp|svc|cluster)$/.test(host)) return true;
  if (/^\d+(\.\d+){3}$/.test(host)) return !/^(127\.|0\.0\.0\.0$|192\.0\.2\.)/.test(host);
  return !host.includes(".") && !["localhost", "host"].includes(host);
}

Deno.test("isForeignHost() lets public places and examples pass", () => {
  const fine = [
    "github.com",
    "huggingface.co",
    "deno.land",
    "127.0.0.1",
    "mirror.example",
    "192.0.2.7",
    "localhost",
  ];
  assertEquals(fine.filter(isForeignHost), []);
  const foreign = [
    // Put together here, so that this file names none either.
    ["pypi", "org"].join("."),
    ["registry", "npmjs", "org"].join("."),
    ["index", "crates", "io"].join("."),
    "10.1.2.3",
    "proxy",
    "git.corp",
    "a.b.internal",
  ];
  assertEquals(foreign.filter((host) => !isForeignHost(host)), []);
});

Deno.test("no file names a package registry or a host of one network", () => {
  const wrong = [...texts].filter(([path]) => path !== "tests/architecture_test.ts").flatMap(([path, text]) =>
    [...text.matchAll(/\bhttps?:\/\/(?:[^\s\/"'`<>@]*@)?([A-Za-z0-9.-]+)/g)]
      .filter(([, host]) => isForeignHost(host!.toLowerCase()))
      .map(([url]) => `${path}: ${url}`)
  );
  assertEquals(wrong, []);
});

Deno.test("no file holds what a merge could not decide", () => {
  const mark = new RegExp(`${"<".repeat(7)} |${">".repeat(7)} |^\\|? ?={7}( +\\||$)`, "m");
  assertEquals(mark.test(`a\n${"=".repeat(7)}\nb`), true);
  assertEquals([...texts].filter(([, text]) => mark.test(text)).map(([path]) => path), []);
});
