DESC="an IPv4 and an IPv6 address from two pools, with DNS of both"
INIT=right
check() { ini net && png 10.1.0.10 right && has left '10.3.0.1/32' && has left 'fd03::1/128' && has right 'fd03::1/128'; }
