/**
 * What a proof was made on. Nothing of it names a person or a folder.
 *
 * @module
 */

/** The machine, for the report. */
export interface Machine {
  /** `darwin aarch64, 24.6.0` */
  system: string;
  /** `Apple M4 Pro`; "unknown" where it may not be asked. */
  processor: string;
  cores: number;
  memoryBytes: number | undefined;
  deno: string;
}

async function processorName(): Promise<string> {
  try {
    if (Deno.build.os === "darwin") {
      const command = new Deno.Command("sysctl", {
        args: ["-n", "machdep.cpu.brand_string"],
        stderr: "null",
      });
      return new TextDecoder().decode((await command.output()).stdout).trim() || "unknown";
    }
    const facts = await Deno.readTextFile("/proc/cpuinfo");
    return facts.match(/^(?:model name|Model)\s*:\s*(.+)$/m)?.[1]?.trim() ?? "unknown";
  } catch {
    return "unknown";
  }
}

/** A fact that needs a permission which may be missing. */
function ifAllowed<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

/** Asks the system. */
export async function thisMachine(): Promise<Machine> {
  const release = ifAllowed(() => Deno.osRelease());
  return {
    system: `${Deno.build.os} ${Deno.build.arch}${release === undefined ? "" : `, ${release}`}`,
    processor: await processorName(),
    cores: navigator.hardwareConcurrency,
    memoryBytes: ifAllowed(() => Deno.systemMemoryInfo().total),
    deno: Deno.version.deno,
  };
}

/** Most memory that this process had, in bytes: the kernel's high-water mark on Linux, else what it has now. */
export async function peakProcessBytes(): Promise<number> {
  try {
    const status = await Deno.readTextFile("/proc/self/status");
    const kibibytes = status.match(/^VmHWM:\s*(\d+) kB$/m)?.[1];
    if (kibibytes !== undefined) return Number(kibibytes) * 1024;
  } catch {
    // Not Linux, or not allowed.
  }
  return Deno.memoryUsage().rss;
}
