/**
 * Shell patterns for shells that do not expand them, and for patterns in quotes.
 *
 * @module
 */
import { join } from "@std/path";

/** Whether a text is a pattern. */
export function isGlob(text: string): boolean {
  return /[*?{]|\[[^\]]+\]/.test(text);
}

function escaped(letter: string): string {
  return letter.replace(/[.+^$()|\\{}[\]]/, "\\$&");
}

/** A regular expression for one part of a path: `*`, `?`, `[abc]`, `[!a-c]`, `{wav,mp3}`. */
function partPattern(part: string): RegExp {
  let source = "";
  let depth = 0;
  for (let i = 0; i < part.length; i++) {
    const letter = part[i]!;
    const close = letter === "[" ? part.indexOf("]", i + 2) : -1;
    if (letter === "*") source += "[^/]*";
    else if (letter === "?") source += "[^/]";
    else if (close > 0) {
      source += `[${part.slice(i + 1, close).replace(/^!/, "^").replaceAll("\\", "\\\\")}]`;
      i = close;
    } else if (letter === "{") [source, depth] = [`${source}(?:`, depth + 1];
    else if (letter === "}" && depth > 0) [source, depth] = [`${source})`, depth - 1];
    else if (letter === "," && depth > 0) source += "|";
    else source += escaped(letter);
  }
  return new RegExp(`^${source}${")".repeat(depth)}$`, "u");
}

async function entries(directory: string): Promise<Deno.DirEntry[]> {
  try {
    const found = await Array.fromAsync(Deno.readDir(directory === "" ? "." : directory));
    return found.sort((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/**
 * Paths that match, sorted. `**` stands for any number of folders; names that begin with a dot match only a pattern
 * that begins with one.
 */
export async function expandGlob(pattern: string): Promise<string[]> {
  const isAbsolute = pattern.startsWith("/");
  const parts = pattern.split("/").filter((part) => part !== "");
  const found: string[] = [];
  const visit = async (directory: string, at: number): Promise<void> => {
    const part = parts[at]!;
    const isLast = at === parts.length - 1;
    if (!isGlob(part)) {
      const path = directory === "" ? part : join(directory, part);
      if (!isLast) await visit(path, at + 1);
      else if (await Deno.stat(path).then(() => true, () => false)) found.push(path);
      return;
    }
    if (part === "**" && !isLast) await visit(directory, at + 1);
    const matches = part === "**" ? /^/ : partPattern(part);
    for (const { name, isDirectory, isSymlink } of await entries(directory)) {
      if (name.startsWith(".") && !part.startsWith(".")) continue;
      const path = directory === "" ? name : join(directory, name);
      if (part === "**" && isDirectory) await visit(path, at);
      if (!matches.test(name) || (part === "**" && !isLast)) continue;
      if (isLast) found.push(path);
      else if (isDirectory || isSymlink) await visit(path, at + 1);
    }
  };
  if (parts.length > 0) await visit(isAbsolute ? "/" : "", 0);
  return [...new Set(found)].sort();
}
