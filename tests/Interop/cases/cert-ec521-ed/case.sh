DESC="ECDSA P-521 with SHA-512, asked for; Ed25519 on the other side"
