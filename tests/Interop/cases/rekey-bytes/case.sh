DESC="a child is rekeyed after so many bytes"
NEEDS=gateway-left
check() { ini net && u=$(sas left | grep -oE 'in +[0-9a-f]{8}' | head -1) && for i in 1 2 3 4 5 6; do n rhost ping -q -c 8 -i 0.1 -s 1000 -W 2 10.1.0.10 >/dev/null || return 1; done && up_both && png && gone left "$u"; }
