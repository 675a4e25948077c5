import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HttpError } from "../lib/server/http_error.ts";
import { FairQueue } from "../lib/server/queue.ts";

Deno.test("FairQueue goes round the clients, not down the line", async () => {
  const queue = new FairQueue({ parallel: 1, waiting: 10 });
  const order: string[] = [];
  const enter = async (client: string, name: string) => {
    const ticket = queue.admit(client, new AbortController());
    await ticket.turn();
    order.push(name);
    await Promise.resolve();
    ticket.release();
  };
  await Promise.all([
    ...["a1", "a2", "a3", "a4"].map((name) => enter("a", name)),
    ...["b1", "b2"].map((name) => enter("b", name)),
    enter("c", "c1"),
  ]);
  assertEquals(order, ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
  assertEquals([queue.running, queue.waiting], [0, 0]);
});

Deno.test("FairQueue refuses when it is full, and says when to come again", () => {
  const queue = new FairQueue({ parallel: 1, waiting: 1 });
  queue.admit("a", new AbortController());
  queue.admit("b", new AbortController());
  const error = assertThrows(() => queue.admit("c", new AbortController()), HttpError);
  assertEquals(error.status, 429);
  assert(Number(error.toResponse().headers.get("retry-after")) >= 1);
});

Deno.test("FairQueue makes the greediest client give way, newest request first, never one that runs", async () => {
  const queue = new FairQueue({ parallel: 1, waiting: 3 });
  const greedy = Array.from({ length: 4 }, () => new AbortController());
  const tickets = greedy.map((controller) => queue.admit("greedy", controller));
  await tickets[0]!.turn();
  queue.admit("modest", new AbortController());
  assertEquals(greedy.map(({ signal }) => signal.aborted), [false, false, false, true]);
  assertEquals((greedy[3]!.signal.reason as HttpError).status, 429);
  queue.admit("third", new AbortController());
  assertEquals(greedy.map(({ signal }) => signal.aborted), [false, false, true, true]);
  assertThrows(() => queue.admit("greedy", new AbortController()), HttpError);
});

Deno.test("FairQueue forgets who leaves while waiting, and passes the turn on", async () => {
  const queue = new FairQueue({ parallel: 1, waiting: 5 });
  const first = queue.admit("a", new AbortController());
  await first.turn();
  const leaving = new AbortController();
  const second = queue.admit("b", leaving).turn();
  const third = queue.admit("c", new AbortController());
  const waiting = third.turn();
  leaving.abort(new Error("gone"));
  await assertRejects(() => second, Error, "gone");
  first.release();
  await waiting;
  assertEquals([queue.running, queue.waiting], [1, 0]);
});

Deno.test("FairQueue gives an aborted request's turn away at once, to a bounded number", async () => {
  const queue = new FairQueue({ parallel: 1, waiting: 20 });
  const { promise: never } = Promise.withResolvers<void>();
  for (let i = 0; i < 5; i++) {
    const ticket = queue.admit("a", new AbortController());
    await ticket.turn();
    // The work has not noticed yet that nobody waits for it.
    ticket.release(never);
  }
  // Four may overlap with what comes next, the fifth stops it.
  let hasTurn = false;
  void queue.admit("a", new AbortController()).turn().then(() => hasTurn = true);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(hasTurn, false);
});

Deno.test("FairQueue keeps a turn for short recordings, also of the client that sends long ones", async () => {
  const queue = new FairQueue({ parallel: 2, waiting: 10 });
  const running: string[] = [];
  const enter = (client: string, name: string, seconds: number) => {
    const ticket = queue.admit(client, new AbortController());
    void ticket.turn(seconds).then(() => running.push(name));
    return ticket;
  };
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
  const first = enter("a", "long 1", 100);
  enter("b", "long 2", 31);
  enter("a", "long 3", 100);
  const short = enter("a", "short", 30);
  await settle();
  assertEquals(running, ["long 1", "short"]);
  short.release();
  await settle();
  assertEquals(running, ["long 1", "short"], "a second long one must not take its turn");
  first.release();
  await settle();
  assertEquals(running, ["long 1", "short", "long 2"]);
  assertEquals([queue.running, queue.waiting], [1, 1]);
});

Deno.test("FairQueue with a single turn gives it to long recordings too", async () => {
  const queue = new FairQueue({ parallel: 1, waiting: 10 });
  const ticket = queue.admit("a", new AbortController());
  await ticket.turn(3600);
  assertEquals(queue.running, 1);
});
