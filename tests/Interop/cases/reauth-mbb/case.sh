DESC="authenticated anew by time, the new IKE SA before the old one is closed"
STRONGSWAN_left='make_before_break = yes'
STRONGSWAN_right='make_before_break = yes'
check() { ini net && png && u=$(sas left | grep -oE '[0-9a-f]{16}_i' | head -1) && sleep 20 && png && up_both && ! sas left | grep -q "$u"; }
