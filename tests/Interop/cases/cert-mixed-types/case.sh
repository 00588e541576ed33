DESC="ECDSA P-521 on one side, Ed25519 on the other"
