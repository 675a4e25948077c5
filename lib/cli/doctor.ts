/**
 * The command `doctor`: looks at everything that a transcription needs, and says what to do about what is wrong.
 *
 * @module
 */
import { blasThreads, deviceCount, hasOwnPasses, openLibrary, readSafetensorsHeader } from "../../ffi/mod.ts";
import { findModel, inspectModelDirectory, resolveModel } from "../hub/mod.ts";
import { Qwen3ASR } from "../qwen3_asr.ts";
import { join } from "@std/path";
import type { Arguments } from "./arguments.ts";
import { size } from "./clock.ts";
import { isFrom, TESTED_DENO } from "./deno_version.ts";
import { versionText } from "./help.ts";
import { demoRecording, SHORT_RECORDING } from "./inputs.ts";
import { type ModelSettings, modelSettings } from "./settings.ts";
import { sentence, type Terminal } from "./terminal.ts";

/** What was found out about one thing. */
export interface Finding {
  name: string;
  /** `warn`: some uses will not work; `fail`: nothing will. */
  status: "ok" | "warn" | "fail";
  /** What was found. */
  text: string;
  /** What to do. */
  advice?: string;
}

function denoFinding(): Finding {
  const text = versionText().trim();
  if (isFrom(Deno.version.deno, TESTED_DENO)) return { name: "program", status: "ok", text };
  return {
    name: "program",
    status: "warn",
    text,
    advice: `Tested from Deno ${TESTED_DENO.join(".")} on: deno upgrade`,
  };
}

/** The library of matrix products that is in this process. Linux lists what is loaded; macOS always uses its own. */
async function blasName(): Promise<string> {
  if (Deno.build.os === "darwin") return "Accelerate";
  if (Deno.build.os !== "linux") return "unknown";
  try {
    const maps = await Deno.readTextFile("/proc/self/maps");
    const loaded = new Set(
      [...maps.matchAll(/\/([^/\n]*(?:openblas|blas|mkl)[^/\n]*\.so[^/\n]*)$/gm)].map(([, name]) => name),
    );
    if (loaded.size === 0) return "built in";
    const names = [...loaded].join(", ");
    return names.includes("openblas") || names.includes("mkl")
      ? names
      : `${names} (slow: OpenBLAS is 20 to 50 times faster)`;
  } catch {
    return "unknown (--allow-read lets us look)";
  }
}

/** How many threads multiply, where that can be set. */
function threadsText({ threads }: ModelSettings): string {
  const blas = blasThreads();
  if (blas === undefined) return threads === undefined ? "" : ", --threads has no effect on it";
  if (threads !== undefined) return `, ${threads} thread${threads === 1 ? "" : "s"} as asked for`;
  return `, ${blas.natural} thread${blas.natural === 1 ? "" : "s"} ${
    hasOwnPasses() ? "at most" : "for large models, 1 for small ones"
  }`;
}

async function libraryFindings(settings: ModelSettings): Promise<Finding[]> {
  try {
    const { path, origin, mlxVersion, generation } = openLibrary({ path: settings.libraryPath });
    const gpus = deviceCount("gpu");
    return [
      { name: "library", status: "ok", text: `MLX ${mlxVersion}, ${generation}, ${path} (${origin})` },
      { name: "devices", status: "ok", text: gpus > 0 ? `gpu (${gpus}), cpu` : "cpu" },
      { name: "BLAS", status: "ok", text: `${await blasName()}${threadsText(settings)}` },
    ];
  } catch (error) {
    const [text = "", ...rest] = sentence(error).split("\n");
    return [{
      name: "library",
      status: "fail",
      text: [text, ...rest.map((line) => line.trim())].join(" "),
      advice:
        "the command setup gets it (it fetches MLX and builds mlx-c); on a Mac brew install mlx-c does too",
    }];
  }
}

async function tensorsOf(directory: string, files: readonly { name: string }[]): Promise<string> {
  const counts = new Map<string, number>();
  for (const { name } of files.filter(({ name }) => name.endsWith(".safetensors"))) {
    for (const { dtype } of (await readSafetensorsHeader(join(directory, name))).values()) {
      counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
    }
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return `${total} tensors (${[...counts].map(([dtype, count]) => `${count} ${dtype}`).join(", ")})`;
}

async function modelFinding(settings: ModelSettings): Promise<Finding> {
  try {
    const { model } = await findModel(settings.model);
    if (model === undefined) await resolveModel(settings.model);
    const { directory, name, source } = model!;
    const { files, sizeBytes } = await inspectModelDirectory(directory);
    const tensors = await tensorsOf(directory, files);
    return {
      name: "model",
      status: "ok",
      text: `${name} (${source}): ${directory}, ${files.length} files, ${size(sizeBytes)}, ${tensors}`,
    };
  } catch (error) {
    const [text = ""] = sentence(error).split("\n");
    return {
      name: "model",
      status: settings.model === undefined ? "warn" : "fail",
      text: text.replace(/ Looked at:$/, ""),
      advice: "models download 0.6b gets one; --model demo works without any",
    };
  }
}

async function versionOf(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(command, { args, stdout: "piped", stderr: "null" }).output();
    return new TextDecoder().decode(stdout).split("\n")[0]?.replace(/ Copyright.*/, "");
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    return undefined;
  }
}

/** What is read without any program: WAV here, the others by code of this module or, fetched on first use, from npm. */
const OWN_FORMATS = "WAV, FLAC, MP3, Ogg Opus";

async function decoderFinding(): Promise<Finding> {
  const { state } = await Deno.permissions.query({ name: "run", command: "ffmpeg" });
  if (state !== "granted") {
    return {
      name: "decoders",
      status: "warn",
      text: "WAV only: ffmpeg may not be started",
      advice: "--allow-run=ffmpeg allows it; WAV needs nothing",
    };
  }
  const ffmpeg = await versionOf("ffmpeg", ["-version"]);
  const found = ffmpeg === undefined ? [] : [ffmpeg];
  if (Deno.build.os === "darwin") found.push("afconvert");
  if (found.length > 0) {
    return { name: "decoders", status: "ok", text: `WAV, ${found.join(", ")}` };
  }
  return {
    name: "decoders",
    status: "warn",
    text: `${OWN_FORMATS}: there is no ffmpeg`,
    advice: "apt install ffmpeg (or dnf, pacman, ...) for m4a, other formats and films",
  };
}

async function permissionFinding(): Promise<Finding> {
  const names = ["read", "write", "net", "env", "run", "ffi", "sys"] as const;
  const states = await Promise.all(names.map((name) => Deno.permissions.query({ name })));
  const text = names.map((name, i) => {
    const { state, partial } = states[i]!;
    return `${name} ${state === "granted" ? (partial ? "in part" : "yes") : "no"}`;
  }).join(", ");
  return {
    name: "permissions",
    status: "ok",
    text: `${text} (docs/permissions.md has the flags for each use)`,
  };
}

async function selfTest(settings: ModelSettings): Promise<Finding> {
  const path = demoRecording(SHORT_RECORDING.file);
  if (path === undefined) {
    return {
      name: "self test",
      status: "warn",
      text: "not run: the demo model lies only in a copy of this program",
    };
  }
  try {
    const { device, dtype, threads, libraryPath } = settings;
    await using asr = await Qwen3ASR.load("demo", { device, dtype, threads, libraryPath });
    const { text, stats } = await asr.transcribe(path);
    if (text === SHORT_RECORDING.text) {
      const { device: used, dtype: type, threads: count } = asr.info;
      const how = [used, type, ...count === undefined ? [] : [`${count} thread${count === 1 ? "" : "s"}`]];
      const words = `the demo model heard every word (${how.join(", ")}, ${Math.round(stats.totalMs)} ms)`;
      return { name: "self test", status: "ok", text: words };
    }
    return {
      name: "self test",
      status: "fail",
      text: `the demo model heard "${text}", expected "${SHORT_RECORDING.text}"`,
      advice: "the library computes wrongly: bash scripts/parity.ts says where",
    };
  } catch (error) {
    const [text = ""] = sentence(error).split("\n");
    return { name: "self test", status: "fail", text, advice: "see the lines above" };
  }
}

/** Runs the command: exit code 1 when something fails. */
export async function doctor(args: Arguments, terminal: Terminal): Promise<number> {
  const settings = modelSettings(args);
  const findings: Finding[] = [denoFinding()];
  findings.push(...await libraryFindings(settings));
  findings.push(await modelFinding(settings), await decoderFinding(), await permissionFinding());
  findings.push(await selfTest(settings));
  const isWell = findings.every(({ status }) => status !== "fail");
  if (args.on("json")) {
    terminal.write(`${JSON.stringify({ ok: isWell, findings }, null, 2)}\n`);
    return isWell ? 0 : 1;
  }
  const marks = { ok: "ok  ", warn: "warn", fail: "FAIL" };
  for (const { name, status, text, advice } of findings) {
    terminal.write(`${marks[status]}  ${name.padEnd(11)}  ${text}\n`);
    if (advice !== undefined) terminal.write(`      ${"".padEnd(11)}  -> ${advice}\n`);
  }
  const isPerfect = findings.every(({ status }) => status === "ok");
  terminal.write(
    isPerfect ? "Ready.\n" : isWell ? "Ready, but see warn above.\n" : "Not ready: see FAIL above.\n",
  );
  return isWell ? 0 : 1;
}
