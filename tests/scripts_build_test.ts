/** The build of libmlxc, without its downloads: what can go wrong around it, and the library that it made. */
import { assert, assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { exists, names, ROOT, Sandbox, start, tools } from "./support/scripts_sandbox.ts";

const EXTENSION = Deno.build.os === "darwin" ? "dylib" : "so";
const BUILD = "scripts/build_mlx_c.sh";

let built: Promise<string> | undefined;

/** The path of the real library, built when it is not there. */
function library(): Promise<string> {
  built ??= start(BUILD).then(({ code, stdout, stderr }) => {
    assertEquals(code, 0, stderr);
    return stdout.trimEnd();
  });
  return built;
}

/** The folder that holds the real library, and the name that it has in the cache of a {@linkcode Sandbox}. */
async function finished(): Promise<{ folder: string; key: string }> {
  const folder = dirname(dirname(await library()));
  const stamp = await Deno.readTextFile(join(folder, "complete")).catch(() => "homebrew\n");
  return { folder, key: stamp.split("\n")[0]! };
}

const MULTIPLY = `
  const { symbols: mlx } = Deno.dlopen(Deno.env.get("LIBRARY"), {
    mlx_array_new_data: { parameters: ["buffer", "buffer", "i32", "i32"], result: "u64" },
    mlx_default_cpu_stream_new: { parameters: [], result: "u64" },
    mlx_matmul: { parameters: ["buffer", "u64", "u64", "u64"], result: "i32" },
    mlx_array_eval: { parameters: ["u64"], result: "i32" },
    mlx_array_data_float32: { parameters: ["u64"], result: "pointer" },
  });
  const size = 64, out = new BigUint64Array(1), shape = new Int32Array([size, size]);
  const stream = mlx.mlx_default_cpu_stream_new();
  for (const [ones, type] of [[new Float64Array(size * size), 11], [new Float32Array(size * size), 10]]) {
    const array = mlx.mlx_array_new_data(ones.fill(1), shape, 2, type);
    mlx.mlx_matmul(out, array, array, stream);
    mlx.mlx_array_eval(out[0]);
  }
  const data = Deno.UnsafePointerView.getArrayBuffer(mlx.mlx_array_data_float32(out[0]), 4 * size * size);
  const sum = new Float32Array(data).reduce((a, b) => a + b, 0);
  const maps = Deno.build.os === "linux" ? Deno.readTextFileSync("/proc/self/maps") : "";
  console.log(JSON.stringify({ sum, loaded: [...new Set(maps.match(/[/].+[.]so.*/g))] }));`;

/** What a fresh process says that opens the library and multiplies two 64 x 64 matrices of ones, in doubles before. */
async function multiply(
  path: string,
  env: Record<string, string> = {},
): Promise<{ sum: number; loaded: string[] }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", MULTIPLY],
    env: { ...env, LIBRARY: path },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("build_mlx_c.sh prints only the path, and runs no tool, when the library is there", async () => {
  const { folder, key } = await finished();
  const standIns = Object.fromEntries(
    ["g++", "c++", "clang++", "nm", "pip3", "python3", "uv", "apt-get"]
      .map((tool) => [tool, "touch $HOME/touched; exit 1"]),
  );
  await using box = await Sandbox.create(standIns);
  if (key !== "homebrew") {
    await Deno.mkdir(box.store, { recursive: true });
    await Deno.symlink(folder, join(box.store, key));
  }
  const env = key === "homebrew" ? {} : box.env;
  const first = await start(BUILD, [], env);
  assertMatch(first.stdout, new RegExp(`^/.*/lib/libmlxc\\.${EXTENSION}\\n$`), first.stderr);
  const second = await start(BUILD, [], env);
  assertEquals({ code: second.code, stdout: second.stdout }, { code: 0, stdout: first.stdout });
  assertEquals(await exists(join(box.path, "touched")), false);
  assert(await exists(join(folder, "include/mlx/c/mlx.h")), "the headers belong to the library");
});

Deno.test("build_mlx_c.sh leaves current-<backend> pointing to the library", async () => {
  const { folder, key } = await finished();
  await using box = await Sandbox.create();
  if (key === "homebrew") return assert(await exists(join(folder, "lib/libmlxc.dylib")));
  await Deno.mkdir(box.store, { recursive: true });
  await Deno.symlink(folder, join(box.store, key));
  const backend = Deno.build.os === "darwin" ? "metal" : "cpu";
  await Deno.symlink("an-older-one", join(box.store, `current-${backend}`));
  assertEquals((await start(BUILD, [], box.env)).code, 0);
  assertEquals(await Deno.readLink(join(box.store, `current-${backend}`)), key);
  assertEquals(await names(box.store), [key, `current-${backend}`]);
});

Deno.test("the built library computes from any folder, with everything it needs beside it", async () => {
  const { folder, key } = await finished();
  await using box = await Sandbox.create();
  const moved = key === "homebrew" ? folder : join(box.path, "moved here");
  if (moved !== folder) await new Deno.Command("cp", { args: ["-R", `${folder}/.`, moved] }).output();
  const name = (await library()).split("/").at(-1)!;
  const { sum, loaded } = await multiply(join(moved, "lib", name));
  assertEquals(sum, 64 ** 3);
  const ours = loaded.filter((file) => /mlx|blas|lapack|gfortran/.test(file));
  assertEquals(ours.filter((file) => !file.startsWith(moved)), []);
  if (Deno.build.os === "linux") assertGreater(ours.length, 4);
});

Deno.test("libmlx takes its matrix product from OpenBLAS on Linux", async () => {
  await using box = await Sandbox.create();
  const log = join(box.path, "bindings");
  const env = Deno.build.os === "linux" ? { LD_DEBUG: "bindings", LD_DEBUG_OUTPUT: log } : {};
  assertEquals((await multiply(await library(), env)).sum, 64 ** 3);
  let bound = "macOS has Accelerate";
  for await (const { name } of Deno.readDir(box.path)) {
    if (name.startsWith("bindings")) bound = await Deno.readTextFile(join(box.path, name));
  }
  if (Deno.build.os !== "linux") return;
  // libmlxc has the product of floats, for one row another way, and the small library jumps with all others.
  for (
    const [library, next, symbol] of [
      ["libmlx", "libmlxc", "cblas_sgemm"],
      ["libmlxc", "libscipy_openblas", "scipy_cblas_sgemm"],
      ["libmlx", "libqwen3asr_blas", "cblas_dgemm"],
      ["libqwen3asr_blas", "libscipy_openblas", "scipy_cblas_dgemm"],
    ]
  ) {
    const line = `${library}\\.so \\[0\\] to \\S*/${next}\\.so \\[0\\]: normal symbol \`${symbol}'`;
    assertMatch(bound, new RegExp(line));
  }
});

Deno.test("build_mlx_c.sh waits for another build of the same library and takes its result", async () => {
  const { folder, key } = await finished();
  await using box = await Sandbox.create(tools("exit 1"));
  if (key === "homebrew") return assert(folder.length > 0);
  const lock = join(box.store, `.lock-${key}`);
  await Deno.mkdir(lock, { recursive: true });
  await Deno.writeTextFile(join(lock, "pid"), `${Deno.pid}\n`);
  const waiting = [start(BUILD, [], box.env), start(BUILD, [], box.env)];
  await new Promise((resolve) => setTimeout(resolve, 700));
  await Deno.symlink(folder, join(box.store, key));
  for (const { code, stdout, stderr } of await Promise.all(waiting)) {
    assertEquals(stdout, `${join(box.store, key)}/lib/libmlxc.${EXTENSION}\n`);
    assertEquals(code, 0);
    assertMatch(stderr, /^(another build of the same library is running; waiting for it\n)?$/);
  }
  assert(await exists(lock), "the lock belongs to the other build");
});

Deno.test("build_mlx_c.sh clears away what a killed build left", async () => {
  await using box = await Sandbox.create(tools("kill -KILL $PPID"));
  const killed = await start(BUILD, [], box.env);
  assertGreater(killed.code, 128);
  const left = await names(box.store);
  assertEquals(left.length, 2);
  assertMatch(left.join(), /^\.lock-[^,]+,\.work-[^,]+\.N$/);
  await Deno.writeTextFile(
    join(box.path, "bin", "python3"),
    "#!/bin/bash\ncase $3 in --version) ;; *) exit 1 ;; esac\n",
  );
  const next = await start(BUILD, [], box.env);
  assertEquals(next.code, 1);
  assertStringIncludes(next.stderr, "pip could not get the wheels of MLX");
  assertEquals(await names(box.store), []);
});

Deno.test("build_mlx_c.sh leaves nothing when it is asked to stop", async () => {
  await using box = await Sandbox.create(tools("kill -TERM $PPID"));
  const { code, stdout } = await start(BUILD, [], box.env);
  assertEquals({ code, stdout }, { code: 143, stdout: "" });
  assertEquals(await names(box.store), []);
});

const isLinux = Deno.build.os === "linux";

/** What a bare machine with one package manager is told. */
async function cure(standIns: Record<string, string>): Promise<string> {
  await using box = await Sandbox.create({ ...standIns, id: "echo 1000" });
  const { code, stdout, stderr } = await start(BUILD, [], box.env);
  assertEquals({ code, stdout }, { code: 1, stdout: "" });
  assertEquals(await names(box.store), [], "nothing is begun");
  return stderr;
}

Deno.test("build_mlx_c.sh names all that is missing at once, as this system's packages", async () => {
  if (!isLinux) return assertMatch(await cure({}), /xcode-select --install && brew install python\n$/);
  const start =
    "error: missing: compiler (g++ 11 or clang 15 or newer), nm (binutils), pip (or uv). Install: ";
  assertEquals(await cure({ "apt-get": "" }), `${start}sudo apt-get install g++ binutils python3-pip\n`);
  assertEquals(await cure({ dnf: "" }), `${start}sudo dnf install gcc-c++ binutils python3-pip\n`);
  assertEquals(await cure({ pacman: "" }), `${start}sudo pacman -S gcc binutils python-pip\n`);
  assertEquals(await cure({}), `${start}these with the package manager of this system\n`);
});

Deno.test("build_mlx_c.sh names only what is missing, and knows a compiler that lacks C++20", async () => {
  const { python3: _, ...noPip } = tools("");
  assertMatch(
    await cure({ ...noPip, "apt-get": "" }),
    /^error: missing: pip \(or uv\)\. Install: \S.*pip|python\n$/,
  );
  const old = { ...tools(""), "g++": "exit 1", "c++": "exit 1" };
  assertMatch(await cure({ ...old, "apt-get": "" }), /^error: missing: compiler \(.*\)\. Install: \S/);
});

/** A pip that cannot reach anything. */
const UNREACHABLE = `echo "ERROR: Could not find a version that satisfies mlx-cpu" >&2
echo "NewConnectionError: Failed to establish a new connection: Temporary failure in name resolution" >&2; exit 1`;

Deno.test("without a network build_mlx_c.sh says so, and names no package to install", async () => {
  await using box = await Sandbox.create(tools(UNREACHABLE));
  const { code, stderr } = await start(BUILD, [], box.env);
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /error: no network: pip cannot fetch the wheels of MLX \S+ \(.*name resolution\); connect/,
  );
  assertEquals(stderr.includes("apt-get"), false, stderr);
});

Deno.test("without a network apt-get's failure is called that too", async () => {
  if (!isLinux) return;
  await using box = await Sandbox.create({
    id: "echo 0",
    "apt-get": "echo \"Err:1 bookworm InRelease Temporary failure resolving 'mirror'\" >&2; exit 100",
  });
  const { code, stderr } = await start(BUILD, [], box.env);
  assertEquals(code, 1);
  assertMatch(stderr, /error: no network: apt-get cannot fetch g\+\+ binutils python3-pip \(.*resolving/);
  assertEquals(stderr.includes("sudo"), false, stderr);
});

Deno.test("build_mlx_c.sh says every 20 seconds that it still waits", async () => {
  // Seconds pass quickly here, and pip takes 45 of them.
  const sleep = 'echo >>"$HOME/seconds"; exec /bin/sleep 0.01';
  const pip =
    'touch "$HOME/seconds"; while [ "$(wc -l <"$HOME/seconds")" -lt 45 ]; do /bin/sleep 0.02; done 2>/dev/null; exit 1';
  await using box = await Sandbox.create({ ...tools(pip), sleep });
  const { stderr } = await start(BUILD, [], box.env);
  assertMatch(
    stderr,
    /still taking the wheels of MLX \S+ \(20 s\)\nstill taking the wheels of MLX \S+ \(40 s\)\n/,
  );
});

Deno.test("build_mlx_c.sh compiles where the cache's path has a space, and links with it whole", async () => {
  if (!isLinux) return;
  // A line in one write: three compilers run at once.
  const log = 'printf "%s\\n" "$(printf "<%s>" "$@")" >>"$HOME/compiler.log"\n';
  const object = 'for file; do case $file in *.cpp) : >"${file%.cpp}.o" ;; esac; done\n';
  const out = 'for ((i = 1; i < $#; i++)); do [ "${!i}" != -o ] || { i=$((i + 1)); : >"${!i}"; }; done\n';
  await using box = await Sandbox.create({
    ...tools(`while [ $# -gt 0 ]; do [ "$1" != --target ] || dir=$2; shift; done
mkdir -p "$dir/mlx/lib" "$dir/scipy_openblas32/lib" "$dir/mlx_cpu.libs"
touch "$dir/mlx/lib/libmlx.so" "$dir/scipy_openblas32/lib/libscipy_openblas.so" "$dir/mlx_cpu.libs/libblas-1.so"`),
    "g++": log + object + out,
    nm: 'case $* in *libscipy*) echo "0 T scipy_cblas_sgemm" ;; *) echo "0 T cblas_sgemm" ;; esac',
    comm: 'exec /usr/bin/comm "$@"',
  });
  const cache = join(box.path, "a cache");
  const { code, stdout, stderr } = await start(BUILD, ["--jobs", "3"], {
    ...box.env,
    QWEN3_ASR_CACHE: cache,
  });
  assertEquals(code, 0, stderr);
  assertEquals(await exists(stdout.trimEnd()), true);
  assertMatch(stdout, /\/a cache\/qwen3-asr\/mlx-c\/[^ ]+\/lib\/libmlxc\.so\n$/);
  const calls = (await Deno.readTextFile(join(box.path, "compiler.log"))).split("\n");
  assertEquals(calls.filter((call) => call.includes("<-c>")).length, 3, "one piece for each job");
  assertMatch(
    calls.at(-2)!,
    /<[^<>]*\/a cache\/[^<>]*\/lib\/libqwen3asr_blas\.so>.*<piece0\.o><piece1\.o><piece2\.o>/,
  );
});

Deno.test("mlx-c's source is the tree that git has of it, with its licence", async () => {
  await using box = await Sandbox.create();
  const run = async (command: string, ...args: string[]) => {
    const { stdout, success } = await new Deno.Command(command, { args, cwd: box.path }).output();
    assert(success);
    return new TextDecoder().decode(stdout);
  };
  await run("tar", "-xzf", join(ROOT, "scripts/mlx-c-source.tar.gz"));
  await run("git", "init", "--quiet", ".");
  await run("git", "add", "--force", "mlx");
  assertEquals(await run("git", "write-tree", "--prefix=mlx/"), "45b2f5173730aec7e7c5643fd1a5884645043eda\n");
  assertMatch(
    await Deno.readTextFile(join(box.path, "LICENSE")),
    /^MIT License\n\nCopyright \(c\) 2023 ml-explore/,
  );
});

/** A Mac with Homebrew's mlx-c, whose library exports a symbol. */
async function mac(symbol: string): Promise<Sandbox> {
  const box = await Sandbox.create({
    ...tools("exit 1"),
    uname: "case $1 in -m) echo arm64 ;; *) echo Darwin ;; esac",
    brew: 'echo "$HOME/brew"',
    nm: `echo "00 T _mlx_add"; echo "00 T _${symbol}"`,
    mv: 'shift; exec /bin/mv -fT "$@"',
  });
  await Deno.mkdir(join(box.path, "brew/lib"), { recursive: true });
  await Deno.writeTextFile(join(box.path, "brew/lib/libmlxc.dylib"), "");
  return box;
}

Deno.test("build_mlx_c.sh takes Homebrew's mlx-c when it is new enough, else builds", async () => {
  await using young = await mac("mlx_stream_new_thread_unsafe");
  const taken = await start(BUILD, [], young.env);
  assertEquals([taken.code, taken.stdout], [0, `${young.path}/brew/lib/libmlxc.dylib\n`], taken.stderr);
  await using old = await mac("mlx_stream_new_thread_unsafe_not");
  const built = await start(BUILD, [], old.env);
  assertEquals([built.code, built.stdout], [1, ""]);
  assertStringIncludes(
    built.stderr,
    "is too old for this module (brew upgrade mlx-c makes it new); building another",
  );
  assertStringIncludes(built.stderr, "taking MLX");
});

Deno.test("build_mlx_c.sh refuses arguments that it does not know, with one sentence", async () => {
  const cases: [string[], string][] = [
    [["--frobnicate"], "error: unknown option --frobnicate; see --help\n"],
    [["somewhere"], "error: unknown option somewhere; see --help\n"],
    [["--backend"], "error: --backend needs a value; see --help\n"],
    [["--backend", "tpu"], "error: unknown backend 'tpu'; use cpu, metal or cuda\n"],
    [["--jobs=many"], "error: --jobs needs a number from 1 to 999, not 'many'\n"],
  ];
  await Promise.all(cases.map(async ([args, stderr]) => {
    assertEquals(await start(BUILD, args), { code: 1, stdout: "", stderr });
  }));
  assertStringIncludes((await start(BUILD, ["--help"])).stdout, "Usage: bash scripts/build_mlx_c.sh");
});

Deno.test("build_mlx_c.sh --prefix leaves a folder alone that it did not make", async () => {
  await using box = await Sandbox.create();
  await Deno.writeTextFile(join(box.path, "mine"), "precious");
  const { code, stderr } = await start(BUILD, ["--prefix", box.path], box.env);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "is not empty and was not made by this script; name another folder");
  assertEquals(await names(box.path), ["bin", "mine"]);
});
