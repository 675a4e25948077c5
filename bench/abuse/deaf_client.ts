/**
 * A client that sends a request and never reads the answer, with the smallest receive buffer that the system gives.
 *
 *     deno run -A bench/abuse/deaf_client.ts PORT FILE
 *
 * FILE is the request, headers and all. Prints a line once it is sent, and holds the connection until standard input
 * ends. The sockets are libc's, on Linux: Deno's own have no such options.
 *
 * @module
 */
const AF_INET = 2, SOCK_STREAM = 1, SOL_SOCKET = 1, SO_RCVBUF = 8, IPPROTO_TCP = 6, TCP_MAXSEG = 2;

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
});

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed`);
  return result;
}

const [port, path] = Deno.args;
const socket = check(libc.socket(AF_INET, SOCK_STREAM, 0), "socket");
check(libc.setsockopt(socket, SOL_SOCKET, SO_RCVBUF, Int32Array.of(1), 4), "SO_RCVBUF");
// Small segments: else the sender keeps megabytes of a loopback connection for what is not read.
check(libc.setsockopt(socket, IPPROTO_TCP, TCP_MAXSEG, Int32Array.of(536), 4), "TCP_MAXSEG");
const address = new Uint8Array(16);
const view = new DataView(address.buffer);
view.setUint16(0, AF_INET, true);
view.setUint16(2, Number(port));
address.set([127, 0, 0, 1], 4);
check(libc.connect(socket, address, address.length), "connect");
for (let rest = await Deno.readFile(path!); rest.length > 0;) {
  rest = rest.subarray(check(Number(libc.send(socket, rest, BigInt(rest.length), 0)), "send"));
}
console.log("sent");
await new Response(Deno.stdin.readable).bytes();
