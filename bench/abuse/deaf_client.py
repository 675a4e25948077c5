"""A client that sends a request and never reads the answer, with the smallest receive buffer that the system gives.

    deaf_client.py PORT FILE

FILE is the request, headers and all. Prints a line once it is sent, and holds the connection until standard input ends.
"""

import socket
import sys

port, path = int(sys.argv[1]), sys.argv[2]
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
# Small segments: else the sender keeps megabytes of a loopback connection for what is not read.
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
client.connect(("127.0.0.1", port))
with open(path, "rb") as request:
    client.sendfile(request)
print("sent", flush=True)
sys.stdin.read()
