DESC="EAP-MD5 by the IKE identity, a subject matched by a pattern, P-521"
check() { ini net && png 10.1.0.10 right && has left "10.9.0.0/32|10.9.0.1/32"; }
