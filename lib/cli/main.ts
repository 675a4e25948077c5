/**
 * The command line: arguments become calls of the library. Transcripts to standard output, everything else to standard
 * error.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { processEnvironment } from "../hub/environment.ts";
import { type Arguments, readArguments } from "./arguments.ts";
import { denoRefusal } from "./deno_version.ts";
import { help, versionText } from "./help.ts";
import { Interrupted } from "./interruption.ts";
import { COMMAND_OPTIONS, type CommandName } from "./option_specs.ts";
import { OutputClosed, sentence, Terminal } from "./terminal.ts";

type Command = (args: Arguments, terminal: Terminal) => number | Promise<number>;

const LOADERS: Record<CommandName, () => Promise<Command>> = {
  transcribe: async () => (await import("./transcribe.ts")).transcribe,
  models: async () => (await import("./models.ts")).models,
  doctor: async () => (await import("./doctor.ts")).doctor,
  bench: async () => (await import("./bench.ts")).bench,
  live: async () => (await import("./live/command.ts")).live,
  align: async () => (await import("./align.ts")).align,
  inspect: async () => (await import("./inspect.ts")).inspect,
  prove: async () => (await import("./prove.ts")).prove,
  fleet: async () => (await import("./fleet/command.ts")).fleet,
  setup: async () => (await import("./setup.ts")).setup,
  languages: async () => (await import("./languages.ts")).languages,
  completions: async () => (await import("./completions.ts")).completions,
  help: async () => (await import("./help.ts")).helpCommand,
};

/** Most operands of the commands that take few. */
const MOST_OPERANDS: Partial<Record<CommandName, number>> = {
  doctor: 0,
  setup: 0,
  prove: 0,
  languages: 0,
  bench: 1,
  live: 1,
  completions: 1,
  help: 1,
};

function refuseOperands(name: CommandName, { operands }: Arguments): void {
  const extra = operands[MOST_OPERANDS[name] ?? Infinity];
  if (extra !== undefined) throw new OptionError(`${name} has no use for "${extra}" (see ${name} --help)`);
}

function isCommand(word: string | undefined): word is CommandName {
  return word !== undefined && Object.hasOwn(COMMAND_OPTIONS, word);
}

/** Services and timers may run without HOME, below which the library and the models lie: the system knows it too. */
async function findHome(): Promise<void> {
  if (Deno.build.os === "windows" || processEnvironment("HOME") !== undefined) return;
  const { state } = await Deno.permissions.query({ name: "env", variable: "HOME" });
  if (state !== "granted") return;
  try {
    Deno.env.set("HOME", (await import("node:os")).homedir());
  } catch {
    // Not allowed, or nobody's: then what needs it says so.
  }
}

/** Options that say by themselves that something is heard live. */
const LIVE_FLAGS: readonly string[] = ["--mic", "--list-devices", "--realtime", "--push-to-talk"];

/** The command that somebody means who named none. */
function meantCommand(args: readonly string[]): CommandName {
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  return options.some((arg) => LIVE_FLAGS.includes(arg)) ? "live" : "transcribe";
}

async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = args;
  const name = isCommand(first) ? first : meantCommand(args);
  const given = readArguments(isCommand(first) ? rest : args, COMMAND_OPTIONS[name]);
  if (given.on("help")) {
    terminal.write(help(name));
    return 0;
  }
  if (given.on("version")) {
    terminal.write(versionText());
    return 0;
  }
  refuseOperands(name, given);
  const own = new Terminal({
    quiet: given.on("quiet"),
    verbose: given.on("verbose"),
    color: given.maybe("color"),
  });
  try {
    return await (await LOADERS[name]())(given, own);
  } catch (error) {
    own.clear();
    return failure(error, own);
  }
}

function failure(error: unknown, terminal: Terminal): number {
  if (error instanceof OutputClosed) return 141;
  if (error instanceof Interrupted) return 130;
  terminal.error(sentence(error, terminal.verbose));
  return error instanceof OptionError ? 2 : 1;
}

/**
 * Runs the command line.
 *
 * @returns The exit code: 0 all went well, 1 something failed, 2 wrong usage, 130 interrupted, 141 nobody reads the
 * output any more.
 */
export async function main(args: readonly string[]): Promise<number> {
  const terminal = new Terminal();
  const refusal = denoRefusal(Deno.version.deno);
  if (refusal !== undefined) {
    terminal.error(refusal);
    return 1;
  }
  await findHome();
  try {
    return await run(args, terminal);
  } catch (error) {
    return failure(error, terminal);
  }
}
