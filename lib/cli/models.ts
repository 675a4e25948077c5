/**
 * The command `models`: list, download, path, remove, verify.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import {
  type CachedModel,
  listCachedModels,
  parseModelName,
  removeCachedModel,
  resolveModel,
  SHORT_NAMES,
  verifyModelDirectory,
  type VerifyReport,
} from "../hub/mod.ts";
import { nearestName } from "../nearest_name.ts";
import type { Arguments } from "./arguments.ts";
import { size } from "./clock.ts";
import { download } from "./get_model.ts";
import { canAsk, confirm } from "./question.ts";
import { Interruption } from "./interruption.ts";
import { sentence, table, type Terminal } from "./terminal.ts";

type Action = (names: readonly string[], args: Arguments, terminal: Terminal) => Promise<number>;

function shortName(repository: string): string {
  return Object.keys(SHORT_NAMES).find((name) => SHORT_NAMES[name] === repository) ?? "";
}

function stateOf({ snapshots, incompleteBytes }: CachedModel): string {
  if (snapshots.some(({ isComplete }) => isComplete)) return "complete";
  return incompleteBytes > 0 ? "half downloaded" : "incomplete";
}

async function list(_names: readonly string[], args: Arguments, terminal: Terminal): Promise<number> {
  const models = await listCachedModels();
  const rows = models.map((model) => ({
    name: shortName(model.repository),
    repository: model.repository,
    state: stateOf(model),
    sizeBytes: model.sizeBytes,
    directory: model.snapshots[0]?.directory ?? model.directory,
  }));
  if (args.on("json")) {
    terminal.write(`${JSON.stringify(rows, null, 2)}\n`);
    return 0;
  }
  const lines = rows.map((row) => [
    row.name || "-",
    row.repository,
    size(row.sizeBytes),
    row.state,
    row.directory,
  ]);
  terminal.write(
    table([["demo", "-", "7 MB", "comes with this program", ""], ...lines].map((row) => row.map(String))),
  );
  const missing = ["0.6b", "1.7b", "0.6b-4bit", "1.7b-4bit"].filter((name) =>
    !rows.some((row) => row.repository === SHORT_NAMES[name] && row.state === "complete")
  );
  if (missing.length > 0) terminal.note(`To be had: ${missing.join(", ")} (models download NAME)`);
  return 0;
}

/** Does something with each name; one that fails does not stop the rest. */
async function each(
  names: readonly string[],
  terminal: Terminal,
  act: (name: string) => Promise<boolean>,
): Promise<number> {
  let code = 0;
  for (const name of names) {
    try {
      if (!await act(name)) code = 1;
    } catch (error) {
      if (error instanceof OptionError || names.length === 1) throw error;
      terminal.error(sentence(error, terminal.verbose));
      code = 1;
    }
  }
  return code;
}

async function get(names: readonly string[], args: Arguments, terminal: Terminal): Promise<number> {
  using interruption = new Interruption(() => terminal.note("Interrupted: what has come is kept"));
  const { signal } = interruption;
  return await each(names, terminal, async (name) => {
    const model = await download(name, terminal, { offline: args.on("offline"), signal });
    terminal.write(`${model.directory}\n`);
    return true;
  }).catch((error) => {
    if (interruption.isOver) return interruption.code;
    throw error;
  });
}

async function path(names: readonly string[], _args: Arguments, terminal: Terminal): Promise<number> {
  return await each(names, terminal, async (name) => {
    terminal.write(`${(await resolveModel(name)).directory}\n`);
    return true;
  });
}

async function remove(names: readonly string[], args: Arguments, terminal: Terminal): Promise<number> {
  return await each(names, terminal, async (name) => {
    const reference = parseModelName(name);
    if (reference.kind !== "hub") {
      throw new OptionError(`Cannot remove ${name}: only models in the cache can be removed`);
    }
    if (!args.on("yes")) {
      if (!canAsk(terminal)) throw new OptionError(`Cannot ask whether to remove ${name}: say --yes`);
      if (!await confirm(terminal, `Remove ${reference.repository} from the cache?`)) return false;
    }
    const { freedBytes } = await removeCachedModel(reference.repository);
    terminal.note(`${reference.repository}: removed, ${size(freedBytes)} freed`);
    return true;
  });
}

function tell(name: string, report: VerifyReport, terminal: Terminal): void {
  const marks = { ok: "ok", readable: "readable", damaged: "damaged" };
  terminal.write(
    table(report.files.map((file) => [marks[file.status], file.checkedBy, size(file.sizeBytes), file.name])),
  );
  for (const problem of report.problems) terminal.error(`${name}: ${problem}`);
  for (const file of report.files) {
    if (file.problem !== undefined) terminal.error(`${name}: ${file.problem}`);
  }
  if (report.isIntact) terminal.note(`${name}: intact`);
  else terminal.note(`${name}: to repair it: models remove ${name}, then models download ${name}`);
}

async function verify(names: readonly string[], args: Arguments, terminal: Terminal): Promise<number> {
  return await each(names, terminal, async (name) => {
    const { directory } = await resolveModel(name);
    const report = await verifyModelDirectory(directory, {
      onProgress: ({ name: file, doneBytes, totalBytes }) =>
        terminal.draw([`${file}  ${size(doneBytes)}/${size(totalBytes)}`]),
    });
    terminal.clear();
    if (args.on("json")) terminal.write(`${JSON.stringify(report, null, 2)}\n`);
    else tell(name, report, terminal);
    return report.isIntact;
  });
}

const ACTIONS: Readonly<Record<string, Action>> = { list, download: get, path, remove, verify };

function refuseJson(action: string, args: Arguments): void {
  if (args.on("json") && action !== "list" && action !== "verify") {
    throw new OptionError(`Cannot use --json with models ${action}: it prints a path or nothing`);
  }
}

/** Runs the command. */
export async function models(args: Arguments, terminal: Terminal): Promise<number> {
  const [word = "list", ...names] = args.operands;
  const action = Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined;
  if (action === undefined) {
    const nearest = nearestName(word, Object.keys(ACTIONS));
    const hint = nearest === undefined ? "" : `, did you mean "${nearest}"?`;
    throw new OptionError(
      `Unknown command "models ${word}"${hint || ":"} There are ${Object.keys(ACTIONS).join(", ")}`,
    );
  }
  refuseJson(word, args);
  if (word === "list" && names.length > 0) {
    throw new OptionError(`models list takes no names, got ${names.join(" ")}`);
  }
  if (word !== "list" && names.length === 0) {
    throw new OptionError(`models ${word} needs a name, as in: models ${word} 0.6b`);
  }
  return await action(names, args, terminal);
}
