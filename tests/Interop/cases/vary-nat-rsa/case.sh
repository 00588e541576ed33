DESC="RSA behind a translator, both sides open to anybody"
TOPO=nat
INIT=right
check() { ini net && png && png 10.2.0.10 lhost && sleep 6 && png && up_both && sw left --rekey --ike lab >/dev/null && sleep 2 && png; }
