/**
 * Which bytes a model is made of: files against their sums, tensors by type, sizes by config.json.
 *
 * @module
 */
import { basename, join } from "@std/path";
import { readSafetensorsHeader } from "../../ffi/mod.ts";
import { knownSha256 } from "../hub/known_models.ts";
import { nameOfDirectory } from "../hub/model_directory.ts";
import { verifyModelDirectory, type VerifyOptions, type VerifyReport } from "../hub/verify.ts";
import { type ModelConfig, parseConfig } from "../model/config.ts";
import { readTextFile } from "../text_file.ts";
import type { Check } from "./check.ts";

/** Types that a checkpoint of this model may have: whole, packed, and packed weights' scales. */
const TENSOR_TYPES = ["BF16", "F16", "F32", "U32"];

/** A model's folder, looked at. */
export interface ModelFacts {
  config: ModelConfig;
  /** Commit of the snapshot; undefined outside of the Hugging Face cache. */
  commit: string | undefined;
  checks: Check[];
}

function filesCheck({ files, problems, isIntact }: VerifyReport, pinned: number): Check {
  const wrong = [...problems, ...files.flatMap(({ problem }) => problem ?? [])];
  const sums = files.filter(({ checkedBy }) => checkedBy !== "form").length;
  return {
    name: "model files",
    passed: isIntact && files.length > 0,
    found: wrong.join("; ") ||
      `${files.length} files, ${sums} agree with their sums, ${pinned} of these pinned here`,
    expected: "no file damaged or missing",
  };
}

async function tensorCheck(directory: string, names: readonly string[]): Promise<Check> {
  const counts = new Map<string, number>();
  for (const name of names.filter((name) => name.endsWith(".safetensors"))) {
    for (const { dtype } of (await readSafetensorsHeader(join(directory, name))).values()) {
      counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
    }
  }
  const types = [...counts].map(([type, count]) => `${count} ${type}`).join(", ");
  return {
    name: "tensors",
    passed: counts.size > 0 && [...counts.keys()].every((type) => TENSOR_TYPES.includes(type)),
    found: types || "none",
    expected: `types ${TENSOR_TYPES.join(", ")}`,
  };
}

/** Reads all of a model's folder. */
export async function modelFacts(directory: string, options: VerifyOptions): Promise<ModelFacts> {
  const report = await verifyModelDirectory(directory, options);
  const names = report.files.map(({ name }) => name);
  const commit = basename(directory);
  const pinned = names.filter((name) => knownSha256(nameOfDirectory(directory), commit, name) !== undefined);
  const path = join(directory, "config.json");
  return {
    config: parseConfig(await readTextFile(path), path),
    commit: /^[0-9a-f]{40}$/.test(commit) ? commit : undefined,
    checks: [filesCheck(report, pinned.length), await tensorCheck(directory, names)],
  };
}
