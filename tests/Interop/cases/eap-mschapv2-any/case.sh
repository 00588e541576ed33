DESC="EAP-MSCHAPv2, the identity asked for and any taken, a P-384 certificate on the gateway"
check() { ini net && png && up_both && has left 'EAP: .*road@lab'; }
