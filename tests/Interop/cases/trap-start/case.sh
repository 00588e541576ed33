DESC="trapped and started at once: what closes it does not end the trap"
NEEDS=gateway-left
check() { local i; for i in 1 2 3 4 5 6 7 8; do sas left | grep -q INSTALLED && break; sleep 1; done; png 10.2.0.10 lhost && sw left --terminate --ike lab --timeout 10 >/dev/null; hasnt left INSTALLED && n lhost ping -q -c 1 -W 10 10.2.0.10 >/dev/null && png && up_both; }
