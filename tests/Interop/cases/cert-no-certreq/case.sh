DESC="certificates are sent without being asked for"
