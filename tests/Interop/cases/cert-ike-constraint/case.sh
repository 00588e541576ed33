DESC="the hash of the signature in IKE is asked for beside the one of the certificates"
