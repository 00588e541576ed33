DESC="EAP-TLS proves both sides (RFC 5998)"
