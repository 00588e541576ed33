DESC="the initiator asks for more and takes what it gets"
INIT=left
check() { ini net && png && nopng 10.1.1.11 && has left "10.1.0.0/24" && has right "10.1.0.0/24"; }
