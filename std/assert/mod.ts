/**
 * Stand-in for `jsr:@std/assert` on machines that cannot reach JSR: the same names, argument order and meaning,
 * for the functions this project uses. Published code imports the real one.
 *
 * @module
 */
import { deepStrictEqual, notDeepStrictEqual } from "node:assert/strict";

/** What a failed assertion throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

function withNote(text: string, note?: string): string {
  return note === undefined ? text : `${text}: ${note}`;
}

/** Throws unless `condition` is truthy. */
export function assert(condition: unknown, message = ""): asserts condition {
  if (!condition) throw new AssertionError(message || "Expected a truthy value");
}

/** Throws when `condition` is truthy. */
export function assertFalse(condition: unknown, message = ""): void {
  if (condition) throw new AssertionError(message || "Expected a falsy value");
}

/** Deep, strict equality. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    throw new AssertionError(withNote("Values are not equal", message) + "\n" + (error as Error).message);
  }
}

/** Throws when both values are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  try {
    notDeepStrictEqual(actual, expected);
  } catch {
    throw new AssertionError(withNote("Expected values to differ", message));
  }
}

/** `Object.is` equality. */
export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): asserts actual is T {
  if (!Object.is(actual, expected)) {
    throw new AssertionError(withNote(`Expected ${String(actual)} to be ${String(expected)}`, message));
  }
}

/** `|actual - expected| <= tolerance` (default 1e-7 relative). */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  message?: string,
): void {
  if (Object.is(actual, expected)) return;
  const limit = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (!(Math.abs(actual - expected) <= limit)) {
    throw new AssertionError(withNote(`Expected ${actual} to be within ${limit} of ${expected}`, message));
  }
}

/** `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, message?: string): void {
  if (!(actual > expected)) throw new AssertionError(withNote(`Expected ${actual} > ${expected}`, message));
}

/** `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void {
  if (!(actual >= expected)) throw new AssertionError(withNote(`Expected ${actual} >= ${expected}`, message));
}

/** `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, message?: string): void {
  if (!(actual < expected)) throw new AssertionError(withNote(`Expected ${actual} < ${expected}`, message));
}

/** `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void {
  if (!(actual <= expected)) throw new AssertionError(withNote(`Expected ${actual} <= ${expected}`, message));
}

/** Not null and not undefined. */
export function assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    throw new AssertionError(withNote(`Expected a value, got ${actual}`, message));
  }
}

/** `actual instanceof expected`. */
export function assertInstanceOf<E extends abstract new (...args: never[]) => unknown>(
  actual: unknown,
  expected: E,
  message?: string,
): asserts actual is InstanceType<E> {
  if (!(actual instanceof expected)) {
    throw new AssertionError(withNote(`Expected an instance of ${expected.name}`, message));
  }
}

/** `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  if (!actual.includes(expected)) {
    throw new AssertionError(withNote(`Expected "${actual}" to include "${expected}"`, message));
  }
}

/** `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  if (!expected.test(actual)) {
    throw new AssertionError(withNote(`Expected "${actual}" to match ${expected}`, message));
  }
}

/** `actual` does not match `expected`. */
export function assertNotMatch(actual: string, expected: RegExp, message?: string): void {
  if (expected.test(actual)) {
    throw new AssertionError(withNote(`Expected "${actual}" not to match ${expected}`, message));
  }
}

/** Fails always. */
export function fail(message?: string): never {
  throw new AssertionError(withNote("Failed", message));
}

function checkError<E extends Error>(error: unknown, errorClass?: ErrorClass<E>, includes?: string): E {
  if (!(error instanceof Error)) throw new AssertionError(`A non-Error value was thrown: ${String(error)}`);
  if (errorClass && !(error instanceof errorClass)) {
    throw new AssertionError(`Expected ${errorClass.name}, got ${error.name}: ${error.message}`);
  }
  if (includes !== undefined && !error.message.includes(includes)) {
    throw new AssertionError(`Expected the message to include "${includes}", got "${error.message}"`);
  }
  return error as E;
}

/** `fn` throws (an `errorClass` whose message includes `includes`); returns the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass?: ErrorClass<E>,
  includes?: string,
): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, errorClass, includes);
  }
  throw new AssertionError("Expected the function to throw");
}

/** `fn`'s promise rejects (with an `errorClass` whose message includes `includes`); returns the error. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  includes?: string,
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return checkError(error, errorClass, includes);
  }
  throw new AssertionError("Expected the promise to reject");
}
