DESC="a range and ports in selectors, the gateway on the right"
NEEDS=gateway-right
check() { ini net && up_both && bg n lhost timeout 20 python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.1.0.10", 5555)); d, a = s.recvfrom(99); s.sendto(d, a)' && sleep 1 && n rhost python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.sendto(b"x", ("10.1.0.10", 5555)); print(s.recvfrom(9))' && nopng 10.1.0.10; }
