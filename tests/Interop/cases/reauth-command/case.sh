DESC="authenticated anew by command: another IKE SA, the tunnel is there"
check() { ini net && png && u=$(sas left | grep -oE '[0-9a-f]{16}_i' | head -1) && sw left --rekey --ike lab --reauth >/dev/null && sleep 4 && up_both && png && ! sas left | grep -q "$u"; }
