DESC="selectors of one protocol: the child carries ICMP only"
check() { ini net && png && has left '10.1.0.0/24\[icmp' && has right '10.1.0.0/24\[icmp'; }
