import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { add, fromData, matmul, multiply, openLibrary, scalar, toFloat32 } from "../ffi/mod.ts";
import { Backend } from "../lib/model/backend.ts";
import { alone, exclusive, favour, letOthers } from "../lib/model/exclusive.ts";

openLibrary();

Deno.test("build() and evaluate() refuse to run outside of exclusive()", async () => {
  using backend = Backend.open({ device: "cpu" });
  const refused = () => {
    assertThrows(() => backend.build(() => 1), Error, "Cannot build a graph outside of backend.exclusive()");
    assertThrows(() => backend.evaluate(), Error, "Cannot evaluate outside of backend.exclusive()");
  };
  refused();
  // Nor while somebody else's task has MLX, nor in what a task leaves behind.
  const entered = Promise.withResolvers<void>(), leave = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  let left: Promise<void> | undefined;
  const task = backend.exclusive(async () => {
    left = over.promise.then(refused);
    entered.resolve();
    await leave.promise;
    using one = backend.build(() => scalar(1));
    await backend.evaluate(one);
  });
  await entered.promise;
  refused();
  leave.resolve();
  await task;
  over.resolve();
  await left;
});

Deno.test("exclusive() runs the tasks of all backends one after the other, in the order of asking", async () => {
  using first = Backend.open({ device: "cpu" });
  using second = Backend.open({ device: "cpu" });
  const log: string[] = [];
  const task = (name: string) => async () => {
    log.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 1));
    log.push(`${name} ends`);
  };
  const failing = first.exclusive(() => Promise.reject(new Error("mine alone")));
  const controller = new AbortController();
  const waiting = second.exclusive(task("gone"), controller.signal);
  const all = [first.exclusive(task("a")), second.exclusive(task("b")), first.exclusive(task("c"))];
  controller.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  await assertRejects(() => failing, Error, "mine alone");
  await Promise.all(all);
  assertEquals(log, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

Deno.test("a favoured task's turns come before those of all that wait, who go on all the same", async () => {
  const log: string[] = [];
  const hold = (name: string) =>
    exclusive(async () => {
      log.push(name);
      await new Promise((resolve) => setTimeout(resolve, 2));
    });
  const others = ["a", "b", "c", "d"].map(hold);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const short = favour(async () => {
    for (const name of ["1", "2", "3"]) await hold(name);
    await released;
  });
  // Who leaves while it rests or waits holds nobody up.
  const controller = new AbortController();
  const gone = exclusive(() => log.push("gone"), controller.signal);
  controller.abort(new Error("enough"));
  await assertRejects(() => gone, Error, "enough");
  await Promise.all(others);
  release();
  await short;
  assertEquals(log.toSorted(), ["1", "2", "3", "a", "b", "c", "d"]);
  assertEquals(log.filter((name) => name > "9"), ["a", "b", "c", "d"]);
  // At most one of the others ran before each of its turns.
  for (const [index, name] of ["1", "2", "3"].entries()) {
    assert(log.indexOf(name) <= 2 * index + 1, log.join());
  }
});

Deno.test("letOthers() lets those that wait have MLX in the middle of a task", async () => {
  const log: string[] = [];
  const long = exclusive(async () => {
    log.push("begins");
    await letOthers();
    log.push("goes on");
    using backend = Backend.open({ device: "cpu" });
    using one = backend.build(() => scalar(1));
    await backend.evaluate(one);
  });
  const short = exclusive(() => log.push("short"));
  await Promise.all([long, short]);
  assertEquals(log, ["begins", "short", "goes on"]);
  await assertRejects(() => letOthers(), Error, "outside of backend.exclusive()");
});

Deno.test("a backend beside the others evaluates while they do; what needs all of MLX waits for both lanes", async () => {
  using main = Backend.open({ device: "cpu" });
  using beside = Backend.open({ device: "cpu", beside: true });
  const log: string[] = [];
  const entered = Promise.withResolvers<void>(), leave = Promise.withResolvers<void>();
  const long = main.exclusive(async () => {
    entered.resolve();
    await leave.promise;
    log.push("main ends");
  });
  await entered.promise;
  const loading = alone(() => log.push("alone"));
  await beside.exclusive(async () => {
    using one = beside.build(() => scalar(1));
    await beside.evaluate(one);
    log.push("beside");
  });
  leave.resolve();
  await Promise.all([long, loading]);
  assertEquals(log, ["beside", "main ends", "alone"]);
});

Deno.test("two lanes compute at once, many times, what each computes by itself", async () => {
  using first = Backend.open({ device: "cpu" });
  using second = Backend.open({ device: "cpu", beside: true });
  const rounds = 200, size = 48;
  /** Many small operations, so that the queues of both are full: means of a constant matrix, which stays what it is. */
  const compute = async (backend: Backend) => {
    for (let round = 0; round < rounds; round++) {
      const found = await backend.exclusive(async () => {
        using sum = backend.build(() => {
          let x = fromData(new Float32Array(size * size).fill(1 / size), [size, size]);
          for (let step = 0; step < 60; step++) {
            x = step % 10 === 0 ? matmul(x, x) : multiply(add(x, x), scalar(0.5));
          }
          return x;
        });
        await backend.evaluate(sum);
        return toFloat32(sum);
      });
      assertEquals(found.length, size * size);
      assert(found.every((value) => Math.abs(value - 1 / size) < 1e-6), `round ${round}: ${found[0]}`);
    }
  };
  await Promise.all([compute(first), compute(second)]);
});
