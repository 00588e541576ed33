DESC="the same with the gateway on the left"
NEEDS=gateway-left
check() { vanish right; sw left --initiate --child net --timeout 2 >/dev/null 2>&1; sleep 2; again right && till left INSTALLED && up_both && png 10.2.0.10 lhost; }
