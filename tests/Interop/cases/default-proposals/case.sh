DESC="nothing said about proposals on either side"
