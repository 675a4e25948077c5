/**
 * The native library on this machine: `setupLibrary()` fetches a prebuilt one where none works yet.
 *
 * @module
 */
export { type InstalledLibrary, setupLibrary, type SetupOptions, type SetupProgress } from "./install.ts";
