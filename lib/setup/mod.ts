/**
 * The native library for strangers: which prebuilt bundle a machine takes, and how it comes into the cache.
 *
 * @module
 */
export type { Backend, Bundle, BundlePart, Platform } from "./bundle.ts";
export { type InstalledLibrary, setupLibrary, type SetupOptions, type SetupProgress } from "./install.ts";
