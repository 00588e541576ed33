DESC="RSA-PSS with SHA-512, asked for"
