DESC="ECDSA P-384 with SHA-384 asked for by both"
