DESC="IKE and ESP over IPv6 by certificates, IPv4 inside"
