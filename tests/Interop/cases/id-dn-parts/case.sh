DESC="subjects as identities, with a wildcard for one part"
