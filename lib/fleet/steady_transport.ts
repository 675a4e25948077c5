/**
 * The client's transport, with sockets that an error can never bring the process down by: NATS's own takes its
 * listeners off a socket it lets go of, and an error that the socket is about to tell then is nobody's, which ends
 * the process. So it was with a token that the server refuses: it closes while it is still being written to.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import type { NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";

/** NATS's client for Node and the class of its transport, as they are loaded. */
export interface TransportClient {
  client: typeof import("@nats-io/transport-node");
  node: typeof import("@nats-io/transport-node/lib/node_transport.js");
}

/** Makes that a socket hears its own errors for as long as it lives, whoever takes listeners off it. */
function steady<T extends Socket>(socket: T): T {
  const listen = () => socket.on("error", () => {});
  const removeAll = socket.removeAllListeners;
  // None and `undefined` are two things to it.
  socket.removeAllListeners = (...events: Parameters<typeof removeAll>) => {
    removeAll.apply(socket, events);
    return listen();
  };
  return listen();
}

function steadyTransport({ node }: TransportClient): NodeTransport {
  return new class extends node.NodeTransport {
    override async dial(place: Parameters<NodeTransport["dial"]>[0]) {
      return steady(await super.dial(place));
    }
    override async tlsFirst(place: Parameters<NodeTransport["tlsFirst"]>[0]) {
      return steady(await super.tlsFirst(place));
    }
    override async startTLS() {
      return steady(await super.startTLS());
    }
  }();
}

/** Connects as the client's own `connect` does, over steady sockets. */
export function connectSteadily(found: TransportClient, options: ConnectionOptions): Promise<NatsConnection> {
  found.client.setTransportFactory({
    factory: () => steadyTransport(found),
    dnsResolveFn: found.node.nodeResolveHost,
  });
  return found.client.NatsConnectionImpl.connect(options);
}
