DESC="addresses of IPv6 as identities"
