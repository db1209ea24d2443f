"""A network of the test's own: nobody else's ports, no way out, and names as a cluster's DNS would give them."""

import fcntl
import os
import socket
import struct
import subprocess

# Its own mounts and network; a user who is not root becomes root in there.
OWN = ["unshare", "--mount", "--net", *([] if os.getuid() == 0 else ["--map-root-user"])]

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def raise_loopback():
    """`ip link set lo up`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(handle, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP))


def names(hosts, path):
    """Puts a file of names over /etc/hosts, in this mount namespace alone."""
    lines = [f"{address} {' '.join(names)}" for address, names in hosts.items()]
    path.write_text("127.0.0.1 localhost\n" + "\n".join(lines) + "\n")
    subprocess.run(["mount", "--bind", path, "/etc/hosts"], check=True)
