DESC="a protocol on one side only"
check() { ini net && png && png 10.2.0.10 lhost && has left "10.1.0.0/24.icmp"; }
