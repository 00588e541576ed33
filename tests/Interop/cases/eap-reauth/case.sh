DESC="EAP-MSCHAPv2 again when the time has come"
INIT=right
check() { ini net && png && u=$(sas left | grep -oE '[0-9a-f]{16}_[ir]' | head -1) && sleep 14 && png && up_both && ! sas left | grep -q "$u"; }
