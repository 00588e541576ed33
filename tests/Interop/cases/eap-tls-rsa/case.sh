DESC="EAP-TLS with RSA certificates, the peer behind a translator"
TOPO=nat
INIT=right
