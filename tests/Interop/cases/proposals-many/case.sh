DESC="proposals with several of each kind"
check() { ini net && png && up_both && has left "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_384" && has left "AES_GCM_16-256"; }
