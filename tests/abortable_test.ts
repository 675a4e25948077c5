import { assertEquals, assertRejects } from "@std/assert";
import { abortable, sleep } from "../lib/abortable.ts";

Deno.test("abortable() settles like the work as long as nobody aborts", async () => {
  const { signal } = new AbortController();
  assertEquals(await abortable(Promise.resolve(1), signal), 1);
  assertEquals(await abortable(Promise.resolve(2), undefined), 2);
  await assertRejects(() => abortable(Promise.reject(new TypeError("work")), signal), TypeError, "work");
});

Deno.test("abortable() rejects with the reason, before or while it waits, and lets the work go on unheard", async () => {
  const work = Promise.withResolvers<void>();
  const reason = new RangeError("enough");
  await assertRejects(() => abortable(work.promise, AbortSignal.abort(reason)), RangeError, "enough");
  const controller = new AbortController();
  const waiting = assertRejects(() => abortable(work.promise, controller.signal), RangeError, "enough");
  controller.abort(reason);
  await waiting;
  work.reject(new Error("nobody hears this, and nothing is left unhandled"));
});

Deno.test("abortable() leaves no listener behind", async () => {
  const counts = { added: 0, removed: 0 };
  const { signal } = new AbortController();
  const { addEventListener, removeEventListener } = signal;
  Object.assign(signal, {
    addEventListener: (...args: Parameters<typeof addEventListener>) => {
      counts.added++;
      addEventListener.apply(signal, args);
    },
    removeEventListener: (...args: Parameters<typeof removeEventListener>) => {
      counts.removed++;
      removeEventListener.apply(signal, args);
    },
  });
  for (let i = 0; i < 3; i++) await abortable(Promise.resolve(), signal);
  assertEquals(counts, { added: 3, removed: 3 });
});

Deno.test("sleep() ends early when it is aborted, and leaves no timer", async () => {
  const controller = new AbortController();
  const sleeping = assertRejects(() => sleep(60, controller.signal), DOMException);
  controller.abort();
  await sleeping;
});
