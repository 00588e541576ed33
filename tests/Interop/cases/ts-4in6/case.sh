DESC="IPv4 in IPv6"
