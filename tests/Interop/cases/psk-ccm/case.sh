DESC="AES-CCM for IKE and ESP, Brainpool"
