import { assertEquals } from "@std/assert";
import { parseArgs, type ParseOptions } from "@std/cli/parse-args";

/** Command lines and results as the documentation and the tests of jsr:@std/cli give them. */
function check(args: string[], options: ParseOptions, expected: Record<string, unknown>): void {
  assertEquals<Record<string, unknown>>(parseArgs(args, options), expected);
}

Deno.test("parseArgs() reads the documented examples", () => {
  check(["--foo", "--bar=baz", "./quux.txt"], {}, { foo: true, bar: "baz", _: ["./quux.txt"] });
  check(["--foo", "--bar", "baz"], { boolean: ["foo"], string: ["bar"] }, { foo: true, bar: "baz", _: [] });
  check(["--foo", "bar", "--foo", "baz"], { collect: ["foo"] }, { foo: ["bar", "baz"], _: [] });
  check(["--no-foo"], { boolean: ["foo"], negatable: ["foo"] }, { foo: false, _: [] });
  check(["-a", "beep", "-b", "boop"], {}, { _: [], a: "beep", b: "boop" });
  check(["-x", "3", "-y", "4", "-n5", "-abc", "--beep=boop", "foo", "bar", "baz"], {}, {
    _: ["foo", "bar", "baz"],
    x: 3,
    y: 4,
    n: 5,
    a: true,
    b: true,
    c: true,
    beep: "boop",
  });
  check(["--", "a", "arg1"], { "--": true }, { _: [], "--": ["a", "arg1"] });
  check(["--", "a", "arg1"], { "--": false }, { _: ["a", "arg1"] });
});

Deno.test("parseArgs() reads groups of short options until one takes the rest", () => {
  check(["-cats", "meow"], {}, { c: true, a: true, t: true, s: "meow", _: [] });
  check(["-xyz/foo/bar/baz"], {}, { x: true, y: true, z: "/foo/bar/baz", _: [] });
  check(["-I/foo/bar/baz"], {}, { I: "/foo/bar/baz", _: [] });
  check(["-123", "456"], {}, { 1: true, 2: true, 3: 456, _: [] });
  check(["-f=abc=def", "-e==", "-b=123"], {}, { f: "abc=def", e: "=", b: 123, _: [] });
  check(["-h", "localhost", "-fp", "555", "script.js"], {}, {
    f: true,
    p: 555,
    h: "localhost",
    _: ["script.js"],
  });
  check(["-art"], { string: ["a", "t"] }, { a: "", r: true, t: "", _: [] });
});

Deno.test("parseArgs() reads a lone hyphen as a value", () => {
  check(["-n", "-"], {}, { n: "-", _: [] });
  check(["-"], {}, { _: ["-"] });
  check(["-f-"], {}, { f: "-", _: [] });
  check(["-b", "-"], { boolean: "b" }, { b: true, _: ["-"] });
  check(["-s", "-"], { string: "s" }, { s: "-", _: [] });
});

Deno.test("parseArgs() turns numbers into numbers unless they are declared strings", () => {
  check(["-x", "1234", "-y", "5.67", "-z", "1e7", "-w", "10f", "--hex", "0xdeadbeef", "789"], {}, {
    x: 1234,
    y: 5.67,
    z: 1e7,
    w: "10f",
    hex: 0xdeadbeef,
    _: [789],
  });
  check(["-s", "0001234", "56"], { string: ["s", "_"] }, { s: "0001234", _: ["56"] });
  check(["  ", "-x", "\t"], {}, { _: ["  "], x: "\t" });
});

Deno.test("parseArgs() gives booleans no value except true and false", () => {
  check(["--verbose", "false", "moo", "-t", "true"], { boolean: ["t", "verbose"] }, {
    verbose: false,
    t: true,
    _: ["moo"],
  });
  check(["-t", "true123"], { boolean: "t" }, { t: true, _: ["true123"] });
  check(["--boool=false"], { boolean: "boool", default: { boool: true } }, { boool: false, _: [] });
  check(["-x", "-z", "one"], { boolean: ["x", "y", "z"] }, { x: true, y: false, z: true, _: ["one"] });
  check(["moo", "--honk", "cow", "-p", "55", "--tacos=good"], { boolean: true }, {
    honk: true,
    tacos: "good",
    p: 55,
    _: ["moo", "cow"],
  });
});

Deno.test("parseArgs() sets every alias", () => {
  const h = { boolean: "h", alias: { h: ["herp", "harp"] } };
  for (const flag of ["-h", "--herp", "--harp"]) {
    check([flag, "derp"], h, { h: true, herp: true, harp: true, _: ["derp"] });
  }
  check(["-s", "000123"], { string: "str", alias: { str: "s" } }, { str: "000123", s: "000123", _: [] });
  check([], { string: "foo", boolean: "bar", alias: { bar: "b" } }, { bar: false, b: false, _: [] });
});

Deno.test("parseArgs() collects, also through aliases, and --no- empties the collection", () => {
  check(
    ["--bool", "--bool", "--boolArr", "--str", "foo", "--strArr", "beep", "--unknown", "--unknownArr"],
    {
      boolean: ["bool", "boolArr"],
      string: ["str", "strArr"],
      collect: ["boolArr", "strArr", "unknownArr"],
      alias: { bool: "b", strArr: "S", boolArr: "B" },
    },
    {
      bool: true,
      b: true,
      boolArr: [true],
      B: [true],
      str: "foo",
      strArr: ["beep"],
      S: ["beep"],
      unknown: true,
      unknownArr: [true],
      _: [],
    },
  );
  check(
    ["--foo", "123", "-f", "456", "--no-foo"],
    { string: "foo", collect: "foo", negatable: "foo", alias: { foo: "f" } },
    { foo: false, f: false, _: [] },
  );
  check([], { string: "s", collect: "s" }, { s: [], _: [] });
});

Deno.test("parseArgs() lets the last of --foo and --no-foo win", () => {
  const options = { boolean: "foo", negatable: "foo" };
  check(["--foo", "--no-foo", "123"], options, { foo: false, _: [123] });
  check(["--no-foo", "--foo"], options, { foo: true, _: [] });
  check(["--no-moo"], {}, { "no-moo": true, _: [] });
});

Deno.test("parseArgs() fills in defaults, also dotted ones", () => {
  check([], { default: { "a.b": 11 }, alias: { "a.b": "aa.bb" } }, { a: { b: 11 }, aa: { bb: 11 }, _: [] });
  check(["--a.b", "22"], { default: { "a.b": 11 }, alias: { "a.b": "aa.bb" } }, {
    a: { b: 22 },
    aa: { bb: 22 },
    _: [],
  });
  check([], { boolean: "maybe", default: { maybe: null } }, { maybe: null, _: [] });
  check(["--foo.quux.quibble", "5", "--foo.bar", "3"], {}, { foo: { quux: { quibble: 5 }, bar: 3 }, _: [] });
});

Deno.test("parseArgs() stops at the first operand when stopEarly is set", () => {
  check(["--aaa", "bbb", "ccc", "--ddd"], { stopEarly: true }, { aaa: "bbb", _: ["ccc", "--ddd"] });
});

Deno.test("parseArgs() reports unknown options and leaves out those answered false", () => {
  const seen: unknown[] = [];
  const unknown = (arg: string, key?: string, value?: unknown) => {
    seen.push([arg, key, value]);
    return false;
  };
  check(["--honk", "--tacos=good", "cow", "-p", "55"], { boolean: true, unknown }, { honk: true, _: [] });
  assertEquals(seen, [["--tacos=good", "tacos", "good"], ["cow", undefined, undefined], ["-p", "p", "55"]]);
  seen.length = 0;
  check(["-h", "hello", "--derp", "goodbye"], { string: "h", alias: { h: "herp" }, unknown }, {
    h: "hello",
    herp: "hello",
    _: [],
  });
  check(["--bad", "--", "good"], { "--": true, unknown }, { "--": ["good"], _: [] });
  assertEquals(seen, [["--derp", "derp", "goodbye"], ["--bad", "bad", true]]);
});

Deno.test("parseArgs() keeps names of built-in properties apart from the prototype", () => {
  check(["--toString", "--valueOf", "foo"], {}, { toString: true, valueOf: "foo", _: [] });
  parseArgs(["--__proto__.polluted", "yes"]);
  assertEquals(Object.hasOwn(Object.prototype, "polluted"), false);
});

Deno.test("parseArgs() types what the options name", () => {
  const args = parseArgs(["--model", "demo", "-v", "--clip", "1:00-2:00"], {
    boolean: ["verbose"],
    string: ["model", "clip"],
    collect: ["clip"],
    alias: { verbose: "v" },
  });
  const verbose: boolean = args.verbose;
  const model: string | undefined = args.model;
  const clips: string[] = args.clip;
  assertEquals([verbose, model, clips], [true, "demo", ["1:00-2:00"]]);
});
