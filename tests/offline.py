"""Python that takes the network away from the process that runs it."""

# An audit hook sees every connection that Python opens, whichever library asks for it, and cannot
# be removed again. Jupyter talks with its kernel over the loopback.
BLOCK_NETWORK = """
import ipaddress, sys
class NetworkError(BaseException):
    pass
def _no_network(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        address = arguments
    else:
        return
    if not isinstance(address, tuple):
        return  # a socket of this machine
    host = address[0].decode() if isinstance(address[0], bytes) else address[0]
    try:
        inside = host in (None, "", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise NetworkError(f"no network here: {event} {host}")
sys.addaudithook(_no_network)
"""
