/**
 * Stand-in for `jsr:@std/cli` on machines that cannot reach JSR.
 *
 * @module
 */
export * from "./parse_args.ts";
