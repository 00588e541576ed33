DESC="a certificate first and EAP after it, a certificate on the other side"
