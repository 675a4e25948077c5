/**
 * The command `completions`: scripts that teach a shell our options, made from the table of options.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { nearestName } from "../nearest_name.ts";
import { LANGUAGES } from "../text/languages.ts";
import type { Arguments } from "./arguments.ts";
import { HELP_TOPICS } from "./help.ts";
import { COMMAND_OPTIONS, type CommandName, COMMANDS, type OptionSpec } from "./option_specs.ts";
import type { Terminal } from "./terminal.ts";

const PROGRAM = "qwen3-asr";
const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = typeof SHELLS[number];

/** Words after a command. */
const WORDS: Readonly<Partial<Record<CommandName, readonly string[]>>> = {
  models: ["list", "download", "path", "remove", "verify"],
  completions: SHELLS,
  help: HELP_TOPICS,
};

const NAMES = Object.keys(COMMANDS).filter((name): name is CommandName => name in COMMAND_OPTIONS);

/** Every option of any command, once. */
function everyOption(): OptionSpec[] {
  const all: OptionSpec[] = Object.values(COMMAND_OPTIONS).flat();
  return [...new Map(all.map((spec) => [spec.name, spec])).values()];
}

function choicesOf(spec: OptionSpec): readonly string[] {
  return /^languages?$/.test(spec.name) ? LANGUAGES.map(({ name }) => name) : spec.choices ?? [];
}

function longAndShort({ name, short }: OptionSpec): string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}

function bash(): string {
  const values = everyOption().filter(({ value }) => value !== undefined).map((spec) => {
    const words = choicesOf(spec).join(" ");
    const files = spec.completes === "file" ? " -f" : spec.completes === "folder" ? " -d" : "";
    return `    ${
      longAndShort(spec).join("|")
    }) COMPREPLY=($(compgen${files} -W "${words}" -- "$word")); return ;;\n`;
  });
  const commands = NAMES.map((name) => {
    const options = COMMAND_OPTIONS[name].flatMap(longAndShort).join(" ");
    return `    ${name}) words="${(WORDS[name] ?? []).join(" ")}" options="${options}" ;;\n`;
  });
  const own = COMMAND_OPTIONS.transcribe.flatMap(longAndShort).join(" ");
  return `# ${PROGRAM}: source this in bash
_${PROGRAM.replace("-", "_")}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words="" options="${own}"
  COMPREPLY=()
  case "$before" in
${values.join("")}  esac
  case "\${COMP_WORDS[1]}" in
${commands.join("")}  esac
  [ "$COMP_CWORD" = 1 ] && words="${NAMES.join(" ")}"
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -W "$words" -- "$word")) ;;
  esac
}
complete -o filenames -F _${PROGRAM.replace("-", "_")} ${PROGRAM}
`;
}

function zshOption(spec: OptionSpec): string {
  const text = spec.help.replace(/[[\]:'\\]/g, (letter) => letter === "'" ? "’" : `\\${letter}`);
  const choices = choicesOf(spec);
  const files = spec.completes === "folder" ? "_files -/" : spec.completes === "file" ? "_files" : " ";
  const value = spec.value === undefined
    ? ""
    : `:${spec.name}:${choices.length > 0 && !spec.completes ? `(${choices.join(" ")})` : files}`;
  return longAndShort(spec).map((name) => `    '*${name}[${text}]${value}' \\\n`).join("");
}

function zsh(): string {
  const commands = NAMES.filter((name) => name !== "transcribe").map((name) => {
    const words = WORDS[name] === undefined
      ? "'*:file:_files'"
      : `'1:word:(${WORDS[name].join(" ")})' '*:file:_files'`;
    const options = COMMAND_OPTIONS[name].map(zshOption).join("");
    return `  ${name})\n    shift words; (( CURRENT-- ))\n    _arguments -S \\\n${options}    ${words} ;;\n`;
  });
  const own = COMMAND_OPTIONS.transcribe.map(zshOption).join("");
  const named = NAMES.map((name) => `'${name}:${COMMANDS[name].replaceAll("'", "’")}'`).join(" ");
  return `#compdef ${PROGRAM}
local -a commands=(${named})
case "\${words[2]}" in
${commands.join("")}  *)
    (( CURRENT == 2 )) && _describe command commands
    _arguments -S \\
${own}    '*:recording:_files' ;;
esac
`;
}

function fish(): string {
  const quote = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const lines = NAMES.map((name) =>
    `complete -c ${PROGRAM} -n __fish_use_subcommand -a ${name} -d ${quote(COMMANDS[name])}\n`
  );
  for (const [name, words] of Object.entries(WORDS)) {
    lines.push(
      `complete -c ${PROGRAM} -f -n "__fish_seen_subcommand_from ${name}" -a ${quote(words.join(" "))}\n`,
    );
  }
  for (const spec of everyOption()) {
    const short = spec.short === undefined ? "" : ` -s ${spec.short}`;
    const choices = choicesOf(spec);
    const isFile = spec.completes !== undefined;
    const values = choices.length > 0 ? ` -a ${quote(choices.join(" "))}` : "";
    const value = spec.value === undefined ? "" : `${isFile ? " -r" : " -x"}${values}`;
    lines.push(`complete -c ${PROGRAM} -l ${spec.name}${short}${value} -d ${quote(spec.help)}\n`);
  }
  return lines.join("");
}

const WRITERS: Readonly<Record<Shell, () => string>> = { bash, zsh, fish };

/** The command `completions`. */
export function completions(args: Arguments, terminal: Terminal): number {
  const [given = ""] = args.operands;
  const shell = SHELLS.find((name) => name === given.toLowerCase());
  if (shell === undefined) {
    const nearest = nearestName(given, SHELLS);
    const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
    throw new OptionError(`No completions for "${given}"${hint || ":"} There are bash, zsh and fish`);
  }
  terminal.write(WRITERS[shell]());
  return 0;
}
