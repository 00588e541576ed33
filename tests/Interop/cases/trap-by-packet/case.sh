DESC="the packet that needs a trapped child sets it up, and is sent"
NEEDS=gateway-left
check() { hasnt left INSTALLED && n lhost ping -q -c 1 -W 10 10.2.0.10 >/dev/null && say "the very first packet is answered" && png 10.2.0.10 lhost && up_both; }
