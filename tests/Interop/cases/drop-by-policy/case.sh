DESC="a child with mode = drop keeps one host out of the tunnel that its network uses"
NEEDS=gateway-left
check() { ini net && png && png 10.2.0.10 lhost && ! n lhost ping -q -c 2 -i 0.2 -W 1 -I 10.1.0.11 10.2.0.10 >/dev/null && say "the dropped host does not get through" && sw left --list-pols | grep -q DROP; }
