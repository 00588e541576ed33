DESC="no identities: the addresses are the identities"
