/**
 * The names under which a server may be asked.
 *
 * A page whose name leads to this machine by way of its owner's DNS ("DNS rebinding") is of the same origin as the
 * server in a browser's eyes, and only the Host header tells: it has the page's name. An address in its place cannot be
 * such a trick, because nobody but the machine at that address answers to it.
 *
 * @module
 */
import { HttpError } from "./http_error.ts";

const NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/;
const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/** Whether a host is an IPv4 address or an IPv6 address in brackets. */
function isAddress(host: string): boolean {
  return IPV4.test(host) || (/^\[[0-9a-f:.]+\]$/.test(host) && URL.canParse(`http://${host}/`));
}

/** Whether a text is a host as it stands in a URL, without port. */
export function isHost(host: string): boolean {
  const plain = host.toLowerCase();
  return isAddress(plain) || (NAME.test(plain) && plain.length <= 253 && URL.canParse(`http://${plain}/`));
}

/**
 * A Host header, checked.
 *
 * @returns It in lower case.
 * @throws {HttpError} 400 for anything but a name or address, with a port or without.
 */
export function hostOf(header: string): string {
  const [, host = "", port = "80"] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(header) ?? [];
  if (isHost(host) && Number(port) <= 65535) return header.toLowerCase();
  throw new HttpError(400, "The Host header is neither a name nor an address.", { code: "invalid_host" });
}

/** Whether an address is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[|\]$/g, "").toLowerCase();
  return plain === "localhost" || plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain) ||
    plain.endsWith(".localhost");
}

/** Names of this machine, in its own network too; just `localhost` where the name may not be asked. */
export function ownNames(): string[] {
  const name = { name: "sys", kind: "hostname" } as const;
  if (Deno.permissions.querySync(name).state !== "granted") return ["localhost"];
  const own = Deno.hostname().toLowerCase();
  return ["localhost", own, own.replace(/\..*$/, ""), `${own.replace(/\..*$/, "")}.local`];
}

/** The names that a server answers to. */
export class Hosts {
  readonly #names: ReadonlySet<string> | undefined;

  /** @param names Without port; `undefined` or one `"*"` stands for all. Addresses need no mention. */
  constructor(names: readonly string[] | undefined) {
    const isOpen = names === undefined || names.includes("*");
    this.#names = isOpen ? undefined : new Set(names.map((name) => name.toLowerCase().replace(/\.$/, "")));
  }

  /**
   * Refuses a request that was made for another name.
   *
   * @throws {HttpError} 403.
   */
  check(request: Request): void {
    const host = new URL(request.url).hostname.replace(/\.$/, "");
    if (!this.#names || this.#names.has(host) || isAddress(host) || isLoopback(host)) return;
    throw new HttpError(403, `This server does not answer to the name ${host}: see --allow-host.`, {
      code: "host_not_allowed",
    });
  }
}
