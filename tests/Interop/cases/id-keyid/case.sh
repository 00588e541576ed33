DESC="identities that are octets, and an address"
