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
import {
  COMMAND_OPTIONS,
  type CommandName,
  COMMANDS,
  FLEET_ACTIONS,
  type OptionSpec,
} from "./option_specs.ts";
import type { Terminal } from "./terminal.ts";

const PROGRAM = "qwen3-asr";
const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = typeof SHELLS[number];

/** Words after a command. */
const WORDS: Readonly<Partial<Record<Name, readonly string[]>>> = {
  models: ["list", "download", "path", "remove", "verify"],
  fleet: FLEET_ACTIONS,
  completions: SHELLS,
  help: HELP_TOPICS,
};

/** Commands that take recordings. */
const TAKES_FILES: readonly Name[] = ["transcribe", "inspect", "bench", "live", "fleet"];

/** A command that a shell offers; `serve` belongs to the server, which reads its own arguments. */
type Name = CommandName | "serve";

const DESCRIPTIONS: Readonly<Record<Name, string>> = {
  ...COMMANDS,
  serve: "an HTTP server for transcriptions",
};
const NAMES = Object.keys(DESCRIPTIONS).filter((name): name is Name => name in DESCRIPTIONS);

/** Options of `serve`; a test holds them against its help. */
const SERVE_OPTIONS: readonly string[] = [
  "--model",
  "--aligner",
  "--host",
  "--port",
  "--cert",
  "--key",
  "--wyoming",
  "--api-key",
  "--allow-path",
  "--cors",
  "--allow-host",
  "--alias",
  "--keep-alive",
  "--max-upload-mb",
  "--max-duration",
  "--max-prompt-tokens",
  "--queue",
  "--parallel",
  "--timeout",
  "--sessions",
  "--session-buffer",
  "--session-idle",
  "--session-duration",
  "--grace",
  "--device",
  "--threads",
  "--download",
  "--lazy",
  "--verbose",
  "--help",
];

/** Options that take several values with commas between. */
const LISTS: readonly string[] = ["format", "languages"];

/** Every option of any command, once. */
function everyOption(): OptionSpec[] {
  const all: OptionSpec[] = Object.values(COMMAND_OPTIONS).flat();
  return [...new Map(all.map((spec) => [spec.name, spec])).values()];
}

function isLanguage(spec: OptionSpec): boolean {
  return /^languages?$/.test(spec.name);
}

const LANGUAGE_NAMES = LANGUAGES.map(({ name }) => name);
/** What people type: names in lower case, and codes. */
const LANGUAGE_WORDS = [
  ...LANGUAGE_NAMES.map((name) => name.toLowerCase()),
  ...LANGUAGES.map(({ code }) => code),
];

function choicesOf(spec: OptionSpec): readonly string[] {
  return isLanguage(spec) ? LANGUAGE_WORDS : spec.choices ?? [];
}

function longAndShort({ name, short }: OptionSpec): string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}

function optionsOf(name: Name): readonly string[] {
  return name === "serve" ? SERVE_OPTIONS : COMMAND_OPTIONS[name].flatMap(longAndShort);
}

function bash(): string {
  // One word a line: IFS is a line feed alone, so that names with blanks stay whole.
  const quoted = (words: readonly string[]) => `$'${words.join("\\n")}'`;
  const values = everyOption().filter(({ value }) => value !== undefined).map((spec) => {
    const files = spec.completes === "file" ? " -f" : spec.completes === "folder" ? " -d" : "";
    const capitals = isLanguage(spec) ? `[[ "$word" == *[A-Z]* ]] && words=${quoted(LANGUAGE_NAMES)}; ` : "";
    const list = LISTS.includes(spec.name)
      ? `[[ "$word" == *,* ]] && before="\${word%,*}," && word="\${word##*,}"; `
      : "";
    return `    ${longAndShort(spec).join("|")}) words=${
      quoted(choicesOf(spec))
    }; before=""; ${list}${capitals}` +
      `COMPREPLY=($(compgen${files} -P "$before" -W "$words" -- "$word")); return ;;\n`;
  });
  const commands = NAMES.map((name) =>
    `    ${name}) words=${quoted(WORDS[name] ?? [])}; options=${quoted(optionsOf(name))}; files=${
      TAKES_FILES.includes(name) ? "-f" : ""
    } ;;\n`
  );
  const name = `_${PROGRAM.replace("-", "_")}`;
  return `# ${PROGRAM}: source this in bash
${name}() {
  local IFS=$'\\n' word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  local words="" options=${quoted(optionsOf("transcribe"))} files=-f
  COMPREPLY=()
  case "$before" in
${values.join("")}  esac
  case "\${COMP_WORDS[1]}" in
${commands.join("")}  esac
  [ "$COMP_CWORD" = 1 ] && words=${quoted(NAMES)} && files=-f
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen $files -W "$words" -- "$word")) ;;
  esac
}
complete -o filenames -F ${name} ${PROGRAM}
`;
}

function zshOption(spec: OptionSpec): string {
  const text = spec.help.replace(/[[\]:'\\]/g, (letter) => letter === "'" ? "’" : `\\${letter}`);
  const choices = choicesOf(spec);
  const files = spec.completes === "folder" ? "_files -/" : spec.completes === "file" ? "_files" : " ";
  const words = LISTS.includes(spec.name)
    ? `{_values -s , ${spec.name} ${choices.join(" ")}}`
    : `(${choices.join(" ")})`;
  const value = spec.value === undefined
    ? ""
    : `:${spec.name}:${choices.length > 0 && !spec.completes ? words : files}`;
  return longAndShort(spec).map((name) => `    '*${name}[${text}]${value}' \\\n`).join("");
}

function zsh(): string {
  const commands = NAMES.filter((name) => name !== "transcribe").map((name) => {
    const words = WORDS[name] === undefined ? "" : ` '1:word:(${WORDS[name].join(" ")})'`;
    const files = TAKES_FILES.includes(name) ? " '*:recording:_files'" : "";
    const options = name === "serve"
      ? SERVE_OPTIONS.map((option) => `    '*${option}' \\\n`).join("")
      : COMMAND_OPTIONS[name].map(zshOption).join("");
    return `  ${name})\n    shift words; (( CURRENT-- ))\n    _arguments -S \\\n${options}   ${words}${files} ;;\n`;
  });
  const own = COMMAND_OPTIONS.transcribe.map(zshOption).join("");
  const named = NAMES.map((name) => `'${name}:${DESCRIPTIONS[name].replaceAll("'", "’")}'`).join(" ");
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
    `complete -c ${PROGRAM} -n __fish_use_subcommand -a ${name} -d ${quote(DESCRIPTIONS[name])}\n`
  );
  for (const [name, words] of Object.entries(WORDS)) {
    lines.push(
      `complete -c ${PROGRAM} -f -n "__fish_seen_subcommand_from ${name}" -a ${quote(words.join(" "))}\n`,
    );
  }
  const bare = NAMES.filter((name) => !TAKES_FILES.includes(name)).join(" ");
  lines.push(`complete -c ${PROGRAM} -f -n "__fish_seen_subcommand_from ${bare}"\n`);
  for (const option of SERVE_OPTIONS) {
    lines.push(`complete -c ${PROGRAM} -n "__fish_seen_subcommand_from serve" -l ${option.slice(2)}\n`);
  }
  for (const spec of everyOption()) {
    const short = spec.short === undefined ? "" : ` -s ${spec.short}`;
    const choices = choicesOf(spec);
    const isFile = spec.completes !== undefined;
    const list = `(__fish_complete_list , "string split ' ' '${choices.join(" ")}'")`;
    const words = LISTS.includes(spec.name) ? quote(list) : quote(choices.join(" "));
    const values = choices.length > 0 ? ` -a ${words}` : "";
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
