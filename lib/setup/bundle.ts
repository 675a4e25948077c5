/**
 * What a prebuilt native library is, and which one this machine takes.
 *
 * @module
 */

/** What a library computes with. */
export type BundleBackend = "cpu" | "metal" | "cuda";

/** A file of a release. */
export interface BundlePart {
  /** File name in the release. */
  file: string;
  /** Size in bytes. */
  sizeBytes: number;
  /** SHA-256, 64 hexadecimal digits. */
  sha256: string;
}

/** A prebuilt libmlxc with all that it needs: a compressed tar archive, cut into parts where it is large. */
export interface Bundle {
  /** As scripts/build_mlx_c.sh names its folder: `VERSION-BACKEND-OS-ARCHITECTURE`. */
  name: string;
  /** The archive; its parts follow each other. */
  parts: readonly BundlePart[];
}

/** A kind of machine. */
export interface Platform {
  /** As Deno names it: `linux`, `darwin`. */
  os: string;
  /** As Deno names it: `x86_64`, `aarch64`. */
  arch: string;
}

/** The backend that suits a system when none is named. */
export function defaultBackend(os: string): BundleBackend {
  return os === "darwin" ? "metal" : "cpu";
}

/** The bundle for a machine, or `undefined` when there is none. */
export function findBundle(
  bundles: readonly Bundle[],
  { os, arch }: Platform,
  backend: BundleBackend,
): Bundle | undefined {
  return bundles.find(({ name }) => name.endsWith(`-${backend}-${os}-${arch}`));
}

/** Where MLX has a wheel, from which the library can be built. */
export function canBuild({ os, arch }: Platform): boolean {
  return os === "linux" ? ["x86_64", "aarch64"].includes(arch) : os === "darwin" && arch === "aarch64";
}

/** How to come by a library when a bundle cannot be had. */
export function otherWays(os: string): string {
  const build = "build it from a checkout of this project with `bash scripts/build_mlx_c.sh`";
  return os === "darwin" ? `install it with \`brew install mlx-c\`, or ${build}` : build;
}
