DESC="kinds of identities named in front, a secret for everybody"
check() { ini net && png && png 10.2.0.10 lhost && up_both; }
