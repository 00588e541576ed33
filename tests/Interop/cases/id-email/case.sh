DESC="an RFC 822 identity, and a pattern for it"
check() { ini net && png && has left 'road@lab'; }
